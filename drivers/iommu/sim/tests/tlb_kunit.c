// SPDX-License-Identifier: GPL-2.0-only
/*
 * The caches by themselves: who is replaced, PASIDs, the page walk cache, what is
 * counted. How they look to requests is in iotlb_kunit.c.
 */
#include <linux/irqflags.h>
#include <linux/list.h>
#include <linux/xarray.h>

#include "bench.h"

#define RW		(DTE_IR | DTE_IW)
#define IOVA		0x0001234500000000ULL

static u64 stat(struct bench *b, unsigned int i)
{
	return sim_stat_read(&b->hw->stats, i);
}

static struct sim_space pasid_space(u16 domain, u32 pasid)
{
	return (struct sim_space) { .domain = domain, .has_pasid = true, .pasid = pasid };
}

/* As a walk would, with nothing in between */
static void fill(struct bench *b, struct sim_tlb *tlb, struct sim_space space, u64 iova,
		 unsigned int size_lg2, u64 pa)
{
	struct sim_tlb_data data = { .pa = pa, .rights = PTE_RW, .size_lg2 = size_lg2 };
	unsigned long flags;

	local_irq_save(flags);
	sim_tlb_fill(tlb, sim_tlb_begin(&b->hw->caches), space, iova, &data);
	local_irq_restore(flags);
}

static bool hit(struct bench *b, struct sim_tlb *tlb, struct sim_space space, u64 iova)
{
	struct sim_tlb_data data;
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = sim_tlb_lookup(tlb, space, iova, &data);
	local_irq_restore(flags);
	return found;
}

/* What comes out is what went in, at the bounds of all fields */
static void test_fields(struct kunit *test)
{
	static const u64 rights[] = { 0, PTE_IR, PTE_IW, PTE_RW, PTE_RW | PTE_D, PTE_IR | PTE_D };
	static const u64 iovas[] = { 0, 0x5a5a5a5a5a5a5a5aULL, ~0ULL };
	static const u64 pas[] = { 0, 0x000a5a5a5a5a5000ULL, 0x000ffffffffff000ULL };
	struct bench *b = bench_start(test, NULL);
	struct sim_space space = sim_domain_space(0xffff);
	struct sim_tlb *tlb = &b->hw->iotlb;
	unsigned int lg2, i, p, r;

	for (lg2 = 12; lg2 <= 57; lg2++) {
		for (i = 0; i < 3 * 3 * 6; i++) {
			struct sim_tlb_data data, found;
			u64 iova = iovas[i % 3], pa = pas[i / 3 % 3];
			unsigned long flags;

			p = i / 3 % 3;
			r = i / 9;
			data = (struct sim_tlb_data) {
				.pa = pa, .rights = rights[r], .size_lg2 = lg2,
			};
			local_irq_save(flags);
			sim_tlb_fill(tlb, sim_tlb_begin(&b->hw->caches), space, iova, &data);
			KUNIT_EXPECT_TRUE(test, sim_tlb_lookup(tlb, space, iova, &found));
			local_irq_restore(flags);
			KUNIT_EXPECT_EQ_MSG(test, found.pa, pa, "2^%u, pa %u", lg2, p);
			KUNIT_EXPECT_EQ(test, found.rights, rights[r]);
			KUNIT_EXPECT_EQ(test, found.size_lg2, lg2);
			bench_inv(b, 0xffff, iova, 12);
			KUNIT_EXPECT_FALSE_MSG(test, hit(b, tlb, space, iova),
					       "2^%u, not dropped", lg2);
		}
	}
}

/*
 * A page and its neighbours, of all sizes. Guards against sizes or pages that run
 * into each other where a key is put together.
 */
static void test_neighbours(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct sim_tlb *tlb = &b->hw->iotlb;
	struct sim_space space = sim_domain_space(3);
	u64 iova = 0x7531eca864208000ULL;
	unsigned int lg2;

	for (lg2 = 12; lg2 <= 57; lg2++) {
		u64 first = iova & -(1ULL << lg2), last = first + (1ULL << lg2) - 1;

		fill(b, tlb, space, iova, lg2, 0x5000);
		KUNIT_EXPECT_TRUE(test, hit(b, tlb, space, first));
		KUNIT_EXPECT_TRUE(test, hit(b, tlb, space, last));
		KUNIT_EXPECT_FALSE_MSG(test, hit(b, tlb, space, first - 1), "2^%u", lg2);
		KUNIT_EXPECT_FALSE_MSG(test, hit(b, tlb, space, last + 1), "2^%u", lg2);
		bench_inv(b, 3, (first - 1) & -4096ULL, 12);
		bench_inv(b, 3, last + 1, 12);
		KUNIT_EXPECT_TRUE_MSG(test, hit(b, tlb, space, iova), "2^%u", lg2);
		bench_inv(b, 3, last & -4096ULL, 12);
		KUNIT_EXPECT_FALSE(test, hit(b, tlb, space, iova));
	}
}

struct policy_case {
	const char *name;
	enum sim_tlb_policy policy;
	unsigned int ways;
};

static const struct policy_case policy_cases[] = {
	{ "lru of 2", SIM_TLB_LRU, 2 },
	{ "lru of 3", SIM_TLB_LRU, 3 },
	{ "lru of 4", SIM_TLB_LRU, 4 },
	{ "lru of 16", SIM_TLB_LRU, 16 },
	{ "plru of 2", SIM_TLB_PLRU, 2 },
	{ "plru of 4", SIM_TLB_PLRU, 4 },
	{ "plru of 16", SIM_TLB_PLRU, 16 },
};

KUNIT_ARRAY_PARAM_DESC(policy, policy_cases, name);

#define NR_MODEL_PAGES	24

/**
 * struct policy_model - one set, as a textbook has it
 * @page: in each way, or -1
 * @used: when, for LRU
 * @now: counts uses
 * @left: for PLRU: bit at each node of a tree, numbered as in a heap from 1 on:
 *	  the left half was used last
 */
struct policy_model {
	int page[16];
	unsigned int used[16];
	unsigned int now;
	bool left[32];
};

static void model_use(struct policy_model *m, const struct policy_case *c, unsigned int way)
{
	unsigned int node = 1, half = c->ways / 2, at = way;

	m->used[way] = ++m->now;
	for (; c->policy == SIM_TLB_PLRU && half; half /= 2) {
		m->left[node] = at < half;
		node = 2 * node + (at >= half);
		at %= half;
	}
}

static unsigned int model_victim(struct policy_model *m, const struct policy_case *c)
{
	unsigned int way = 0, node = 1, half = c->ways / 2, i;

	for (i = 0; i < c->ways; i++)
		if (m->page[i] < 0)
			return i;
	if (c->policy == SIM_TLB_LRU) {
		for (i = 1; i < c->ways; i++)
			if (m->used[i] < m->used[way])
				way = i;
		return way;
	}
	for (; half; half /= 2) {
		way += m->left[node] ? half : 0;
		node = 2 * node + m->left[node];
	}
	return way;
}

/* Random uses, fills and drops: what is in the set is what the model says */
static void test_policy(struct kunit *test)
{
	const struct policy_case *c = test->param_value;
	struct sim_hw_config config = {
		.cmdqs = 1,
		.iotlb = { .sets_lg2 = 0, .ways = c->ways, .policy = c->policy },
	};
	struct bench *b = bench_start(test, &config);
	struct policy_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct sim_space space = sim_domain_space(1);
	u64 rnd = bench_seed(test), evictions = 0;
	unsigned int i, way, nr = bench_scale(20000);

	KUNIT_ASSERT_NOT_NULL(test, m);
	memset(m->page, -1, sizeof(m->page));
	for (i = 0; i < nr; i++) {
		int page = rnd_below(&rnd, min(2 * c->ways + 1, NR_MODEL_PAGES));
		u64 iova = IOVA + 4096ULL * page;

		for (way = 0; way < c->ways && m->page[way] != page; way++)
			;
		if (rnd_chance(&rnd, 2)) {
			bench_inv(b, 1, iova, 12);
			if (way < c->ways)
				m->page[way] = -1;
			continue;
		}
		KUNIT_ASSERT_EQ_MSG(test, hit(b, &b->hw->iotlb, space, iova), way < c->ways,
				    "step %u, page %d", i, page);
		if (way == c->ways) {
			way = model_victim(m, c);
			evictions += m->page[way] >= 0;
			m->page[way] = page;
			fill(b, &b->hw->iotlb, space, iova, 12, 0x1000);
		}
		model_use(m, c, way);
	}
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_EVICTIONS), evictions);
	KUNIT_EXPECT_GT(test, evictions, (u64)nr / 20);
}

/* Random: the same fills evict the same, and each way gets its share */
static void test_random_policy(struct kunit *test)
{
	static const struct sim_hw_config config = { .cmdqs = 1, .iotlb = { 0, 4 } };
	struct bench *b[2] = { bench_start(test, &config), bench_start(test, &config) };
	unsigned int at[4] = { }, i, way;
	struct sim_tlb_entry entry[2];

	for (i = 0; i < 4000; i++) {
		for (way = 0; way < 2; way++)
			fill(b[way], &b[way]->hw->iotlb, sim_domain_space(1), IOVA + 4096ULL * i,
			     12, 0x1000);
		for (way = 0; way < 4; way++) {
			if (sim_tlb_entry(&b[0]->hw->iotlb, 0, way, &entry[0]) !=
			    sim_tlb_entry(&b[1]->hw->iotlb, 0, way, &entry[1]) ||
			    (i >= 4 && entry[0].iova != entry[1].iova))
				KUNIT_FAIL(test, "fill %u, way %u differ", i, way);
			at[way] += i >= 4 && entry[0].iova == IOVA + 4096ULL * i;
		}
	}
	for (way = 0; way < 4; way++) {
		KUNIT_EXPECT_GT(test, at[way], 850);
		KUNIT_EXPECT_LT(test, at[way], 1150);
	}
}

/* A translation with a PASID is another than the one without, and than other PASIDs' */
static void test_pasids(struct kunit *test)
{
	static const u32 pasids[] = { 0, 1, 0x12345, 0xfffff };
	struct bench *b = bench_start(test, NULL);
	struct sim_tlb *tlb = &b->hw->iotlb;
	unsigned int gone, i;

	/* The whole space of a PASID, a page of it, a range of it, with S and without */
	for (gone = 0; gone < 3 * ARRAY_SIZE(pasids); gone++) {
		u32 pasid = pasids[gone / 3];
		u64 word0 = CMD_INV_PAGES(7) | pasid;

		fill(b, tlb, sim_domain_space(7), IOVA, 12, 0x1000);
		for (i = 0; i < ARRAY_SIZE(pasids); i++)
			fill(b, tlb, pasid_space(7, pasids[i]), IOVA, 12, 0x2000 + 0x1000 * i);
		if (gone % 3 == 0)
			bench_cmd(b, 0, word0, IOVA | CMD_INV_PAGES_GN);
		else if (gone % 3 == 1)
			bench_cmd(b, 0, word0, 0x7ffffffffffff000ULL | CMD_INV_PAGES_S |
						CMD_INV_PAGES_GN);
		else
			bench_cmd(b, 0, cmd_inv_range(7, 3) | pasid,
				  (IOVA - 4096) | CMD_INV_PAGES_GN);
		for (i = 0; i < ARRAY_SIZE(pasids); i++)
			KUNIT_EXPECT_EQ_MSG(test, hit(b, tlb, pasid_space(7, pasids[i]), IOVA),
					    pasids[i] != pasid, "way %u, PASID %#x", gone % 3,
					    pasids[i]);
		KUNIT_EXPECT_TRUE_MSG(test, hit(b, tlb, sim_domain_space(7), IOVA), "no PASID");
	}

	/* Without GN: that without a PASID; the whole domain is all */
	fill(b, tlb, pasid_space(8, 1), IOVA, 12, 0x1000);
	fill(b, tlb, pasid_space(7, 1), IOVA, 12, 0x1000);
	bench_inv(b, 7, IOVA, 12);
	KUNIT_EXPECT_FALSE(test, hit(b, tlb, sim_domain_space(7), IOVA));
	KUNIT_EXPECT_TRUE(test, hit(b, tlb, pasid_space(7, 1), IOVA));
	bench_inv(b, 7, 0, 64);
	KUNIT_EXPECT_FALSE(test, hit(b, tlb, pasid_space(7, 1), IOVA));
	KUNIT_EXPECT_TRUE_MSG(test, hit(b, tlb, pasid_space(8, 1), IOVA), "another domain");
	bench_inv_all(b);
	KUNIT_EXPECT_FALSE(test, hit(b, tlb, pasid_space(8, 1), IOVA));
}

/* More spaces with PASIDs than there is room for: each finds its own, or nothing */
static void test_many_pasids(struct kunit *test)
{
	static const struct sim_hw_config config = { .cmdqs = 1, .iotlb = { 12, 4 } };
	struct bench *b = bench_start(test, &config);
	struct sim_tlb *tlb = &b->hw->iotlb;
	unsigned int i, found = 0;
	unsigned long flags;

	for (i = 0; i < 4096; i++)
		fill(b, tlb, pasid_space(i % 3, i), IOVA, 12, (i + 1) * 4096ULL);
	for (i = 0; i < 4096; i++) {
		struct sim_tlb_data data;

		local_irq_save(flags);
		if (sim_tlb_lookup(tlb, pasid_space(i % 3, i), IOVA, &data)) {
			KUNIT_EXPECT_EQ(test, data.pa, (i + 1) * 4096ULL);
			found++;
		}
		local_irq_restore(flags);
	}
	KUNIT_EXPECT_GT(test, found, 512);
	bench_inv(b, 1, 0, 64);
	for (i = 1; i < 4096; i += 3)
		KUNIT_EXPECT_FALSE(test, hit(b, tlb, pasid_space(1, i), IOVA));
}

static u64 read_page(struct bench *b, u64 iova)
{
	u64 value;

	return bench_read(b, BENCH_RID, iova, &value) ? ~0ULL : value;
}

/* spec 5.5: the walk begins at the lowest table that is known */
static void test_walk_cache(struct kunit *test)
{
	/* Room for all, wherever they go */
	static const struct sim_hw_config config = {
		.cmdqs = 1, .iotlb = { 0, 16 }, .pwc = { 1, 16 },
	};
	struct bench *b = bench_start(test, &config);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 6, RW), page = bench_alloc(b, 1);
	static const struct {
		u64 iova;
		unsigned int reads;
	} cases[] = {
		{ IOVA, 6 },
		{ IOVA + 4096, 1 },
		{ IOVA + SZ_2M, 2 },
		{ IOVA + SZ_2M + 4096, 1 },
		{ IOVA + SZ_1G, 3 },
		{ IOVA + (1ULL << 39), 4 },
		{ IOVA + (1ULL << 48), 5 },
		{ IOVA + (1ULL << 57), 6 },
		{ IOVA + SZ_1G + 4096, 1 },
	};
	unsigned int i;
	u64 before;

	*(u64 *)bench_ptr(b, page) = 0x1234;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		bench_map(b, root, 6, cases[i].iova, page, 12, PTE_RW);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		before = stat(b, SIM_STAT_WALK_READS);
		KUNIT_EXPECT_EQ(test, read_page(b, cases[i].iova), 0x1234ULL);
		KUNIT_EXPECT_EQ_MSG(test, stat(b, SIM_STAT_WALK_READS) - before, cases[i].reads,
				    "case %u", i);
	}
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_MISSES), 2);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_HITS), ARRAY_SIZE(cases) - 2);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_FILLS), 5 + 0 + 1 + 0 + 2 + 3 + 4 + 5);
}

/*
 * spec 5.5, the rule this cache is there for: a table that was unlinked is walked
 * until an invalidation says so.
 */
static void test_walk_cache_invalidation(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 6, RW), page = bench_alloc(b, 1);
	u64 link = bench_slot(b, root, 6, IOVA, 2), old = bench_alloc(b, 1);
	unsigned int how;

	*(u64 *)bench_ptr(b, page) = 0x1234;
	for (how = 0; how < 6; how++) {
		bench_map(b, root, 6, IOVA, page, 12, PTE_RW);
		bench_map(b, root, 6, IOVA + 4096, page, 12, PTE_RW);
		KUNIT_EXPECT_EQ(test, read_page(b, IOVA), 0x1234ULL);
		old = bench_load(b, link);
		bench_store(b, link, 0);
		/* Leaves only: the page is dropped, and found again by the cached table */
		bench_cmd(b, 0, CMD_INV_PAGES(BENCH_DOMAIN), IOVA);
		KUNIT_EXPECT_EQ_MSG(test, read_page(b, IOVA), 0x1234ULL, "how %u", how);
		bench_cmd(b, 0, CMD_INV_PAGES(BENCH_DOMAIN),
			  0x7ffffffffffff000ULL | CMD_INV_PAGES_S);
		KUNIT_EXPECT_EQ(test, read_page(b, IOVA + 4096), 0x1234ULL);
		/* PDE elsewhere, and in another domain */
		bench_inv(b, BENCH_DOMAIN, IOVA + SZ_2M, 12);
		bench_inv(b, BENCH_DOMAIN + 1, 0, 64);
		bench_cmd(b, 0, CMD_INV_PAGES(BENCH_DOMAIN), IOVA);
		KUNIT_EXPECT_EQ_MSG(test, read_page(b, IOVA), 0x1234ULL, "how %u", how);

		switch (how) {
		case 0:
			/* Any page that the table translates will do */
			bench_inv(b, BENCH_DOMAIN, IOVA + SZ_1M, 12);
			bench_cmd(b, 0, CMD_INV_PAGES(BENCH_DOMAIN), IOVA);
			bench_cmd(b, 0, CMD_INV_PAGES(BENCH_DOMAIN), IOVA + 4096);
			break;
		case 1:
			bench_inv(b, BENCH_DOMAIN, IOVA, 21);
			break;
		case 2:
			bench_inv(b, BENCH_DOMAIN, IOVA, 40);
			break;
		case 3:
			bench_inv(b, BENCH_DOMAIN, 0, 64);
			break;
		case 4:
			bench_cmd(b, 0, cmd_inv_range(BENCH_DOMAIN, 3),
				  (IOVA - 4096) | CMD_INV_PAGES_PDE);
			break;
		case 5:
			bench_inv_all(b);
			break;
		}
		KUNIT_EXPECT_EQ_MSG(test, read_page(b, IOVA), ~0ULL, "how %u: still walked", how);
		KUNIT_EXPECT_EQ_MSG(test, read_page(b, IOVA + 4096), ~0ULL, "how %u", how);
		while (bench_event(b).type)
			;
		bench_store(b, link, old);
	}
}

/*
 * A walk that began at a table which an invalidation was to forget, and ends when
 * that is over: nothing of it is cached. And while it is not over none begins there.
 */
static void test_walk_cache_crosses(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 6, RW), page = bench_alloc(b, 1);
	struct sim_space space = sim_domain_space(BENCH_DOMAIN);
	struct sim_walk walk = {
		.iova = IOVA, .root = root, .levels = 6, .need = PTE_IR, .cached = true,
		.space = space,
	};
	unsigned long flags;

	bench_map(b, root, 6, IOVA, page, 12, PTE_RW);
	read_page(b, IOVA);
	bench_inv(b, BENCH_DOMAIN, IOVA + SZ_1G, 30);
	KUNIT_ASSERT_TRUE(test, hit(b, &b->hw->pwc, space, IOVA));

	walk.token = sim_tlb_begin(&b->hw->caches);
	bench_inv(b, BENCH_DOMAIN, 0, 64);
	local_irq_save(flags);
	walk.rights = PTE_RW;
	KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), 0);
	local_irq_restore(flags);
	KUNIT_EXPECT_FALSE_MSG(test, hit(b, &b->hw->pwc, space, IOVA), "filled after");

	read_page(b, IOVA);
	KUNIT_EXPECT_TRUE(test, hit(b, &b->hw->pwc, space, IOVA));
	atomic_inc(&b->hw->pwc_closed);
	walk.token = sim_tlb_begin(&b->hw->caches);
	walk.rights = PTE_RW;
	local_irq_save(flags);
	KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), 0);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ_MSG(test, walk.reads, 6, "it was closed");
	atomic_dec(&b->hw->pwc_closed);
	walk.rights = PTE_RW;
	local_irq_save(flags);
	KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), 0);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, walk.reads, 1);
}

/* Rights on the way to a cached table count, and what is missing is said as ever */
static void test_walk_cache_rights(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 6, RW), page = bench_alloc(b, 1);
	u64 link = bench_slot(b, root, 6, IOVA, 4);
	unsigned int i;

	bench_map(b, root, 6, IOVA, page, 12, PTE_RW);
	bench_map(b, root, 6, IOVA + 4096, page, 12, PTE_RW);
	bench_store(b, link, bench_load(b, link) & ~PTE_IW);
	KUNIT_EXPECT_NE(test, read_page(b, IOVA), ~0ULL);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, bench_write(b, BENCH_RID, IOVA + 4096, 1), CPL_ABORT);
		bench_expect_event(b, EVT_IO_PAGE_FAULT, BENCH_RID,
				   EVTF_WRITE | EVTF_PRESENT | EVTF_PERM, IOVA + 4096);
		KUNIT_EXPECT_NE(test, read_page(b, IOVA + 4096), ~0ULL);
	}
}

/* Every count of a short story */
static void test_counts(struct kunit *test)
{
	static const struct sim_hw_config config = {
		.cmdqs = 1, .iotlb = { 0, 2, SIM_TLB_LRU }, .pwc = { 4, 4 },
	};
	struct bench *b = bench_start(test, &config);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 6, RW), page = bench_alloc(b, 1);
	unsigned int i;

	bench_map(b, root, 6, IOVA, page, 12, PTE_RW);
	bench_map(b, root, 6, IOVA + SZ_4K, page, 12, PTE_RW);
	bench_map(b, root, 6, IOVA + SZ_64K, page & -SZ_64K, 16, PTE_RW);
	for (i = 0; i < 3; i++) {
		read_page(b, IOVA);				/* miss, hit, hit */
		read_page(b, IOVA + SZ_64K + (page & (SZ_64K - 1)));	/* miss, hit, hit */
	}
	read_page(b, IOVA + SZ_4K);				/* miss; evicts the first */
	read_page(b, IOVA + SZ_4K);				/* hit */
	bench_inv(b, BENCH_DOMAIN, IOVA + SZ_4K, 12);		/* drops it, and the table */
	bench_inv(b, BENCH_DOMAIN, IOVA + SZ_4K, 12);		/* nothing left */

	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_HITS), 5);
	KUNIT_EXPECT_EQ(test, sim_stat_read(&b->hw->size_hits, 12), 3);
	KUNIT_EXPECT_EQ(test, sim_stat_read(&b->hw->size_hits, 16), 2);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_MISSES), 3);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_FILLS), 3);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_FILLS_DROPPED), 0);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_EVICTIONS), 1);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_TLB_INVALIDATED), 1);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_HITS), 2);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_MISSES), 1);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_FILLS), 5);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_PWC_INVALIDATED), 5);
	KUNIT_EXPECT_EQ(test, stat(b, SIM_STAT_CMD_INV_PAGES), 2);
}

/* What the debugfs files show: whose entries they are */
static void test_owners(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct sim_tlb *tlb = &b->hw->iotlb;
	struct sim_tlb_entry entry;
	struct sim_space space;
	struct xarray owners;
	unsigned int set, way, seen = 0, nobodys = 0;

	fill(b, tlb, sim_domain_space(0xffff), IOVA, 12, 0x1000);
	fill(b, tlb, sim_domain_space(4), IOVA, 12, 0x4000);
	fill(b, tlb, pasid_space(5, 0xfffff), IOVA + SZ_2M, 21, 0x200000);
	bench_inv(b, 4, 0, 64);
	xa_init(&owners);
	KUNIT_EXPECT_EQ(test, sim_tags_owners(&tlb->tags, &owners), 0);
	for (set = 0; set < 64; set++) {
		for (way = 0; way < 4; way++) {
			if (!sim_tlb_entry(tlb, set, way, &entry))
				continue;
			if (!sim_tag_space(&owners, entry.tag, &space)) {
				KUNIT_EXPECT_EQ(test, entry.data.pa, 0x4000ULL);
				nobodys++;
			} else if (space.has_pasid) {
				KUNIT_EXPECT_EQ(test, space.domain, 5);
				KUNIT_EXPECT_EQ(test, space.pasid, 0xfffff);
				KUNIT_EXPECT_EQ(test, entry.iova, IOVA + SZ_2M);
				KUNIT_EXPECT_EQ(test, entry.data.size_lg2, 21);
				seen |= 1;
			} else {
				KUNIT_EXPECT_EQ(test, space.domain, 0xffff);
				KUNIT_EXPECT_EQ(test, entry.iova, IOVA);
				KUNIT_EXPECT_EQ(test, entry.data.rights, PTE_RW);
				seen |= 2;
			}
		}
	}
	xa_destroy(&owners);
	KUNIT_EXPECT_EQ(test, seen, 3);
	KUNIT_EXPECT_EQ(test, nobodys, 1);
}

static struct kunit_case tlb_cases[] = {
	KUNIT_CASE(test_fields),
	KUNIT_CASE(test_neighbours),
	KUNIT_CASE_PARAM(test_policy, policy_gen_params),
	KUNIT_CASE(test_random_policy),
	KUNIT_CASE(test_pasids),
	KUNIT_CASE(test_many_pasids),
	KUNIT_CASE(test_walk_cache),
	KUNIT_CASE(test_walk_cache_invalidation),
	KUNIT_CASE(test_walk_cache_crosses),
	KUNIT_CASE(test_walk_cache_rights),
	KUNIT_CASE(test_counts),
	KUNIT_CASE(test_owners),
	{}
};

static struct kunit_suite tlb_suite = {
	.name = "iommu_sim_tlb",
	.test_cases = tlb_cases,
};

kunit_test_suite(tlb_suite);
