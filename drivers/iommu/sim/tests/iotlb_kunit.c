// SPDX-License-Identifier: GPL-2.0-only
/* The IOTLB, seen through requests: spec 5, 4.4 and 6.3.3 */
#include "bench.h"

#define RW		(DTE_IR | DTE_IW)
#define IOVA		0x0001234500000000ULL

/* A bench whose device BENCH_RID has domain BENCH_DOMAIN, and two marked pages */
struct tlb_bench {
	struct bench *b;
	u64 root;
	u64 page[2];
};

static u64 mark_of(unsigned int i)
{
	return 0x6d61726b00000000ULL + i;
}

static struct tlb_bench start(struct kunit *test, const struct sim_hw_config *config, u64 flags)
{
	struct tlb_bench t = { .b = bench_start(test, config) };
	unsigned int i;

	t.root = bench_attach(t.b, BENCH_RID, BENCH_DOMAIN, 6, flags);
	for (i = 0; i < ARRAY_SIZE(t.page); i++) {
		t.page[i] = bench_alloc(t.b, 1);
		*(u64 *)bench_ptr(t.b, t.page[i]) = mark_of(i);
	}
	return t;
}

static void map(struct tlb_bench *t, u64 iova, unsigned int page)
{
	bench_map(t->b, t->root, 6, iova, t->page[page], 12, PTE_RW);
}

static void unmap(struct tlb_bench *t, u64 iova)
{
	bench_map(t->b, t->root, 6, iova, 0, 12, 0);
}

/* Which marked page does @iova reach? Its number, or -1 for a fault */
static int reach(struct bench *b, u16 rid, u64 iova)
{
	u64 value;

	if (bench_read(b, rid, iova, &value)) {
		bench_expect_event(b, EVT_IO_PAGE_FAULT, rid, 0, iova);
		return -1;
	}
	return value - mark_of(0);
}

static void expect_page(struct tlb_bench *t, u64 iova, int page, const char *why)
{
	KUNIT_EXPECT_EQ_MSG(t->b->test, reach(t->b, BENCH_RID, iova), page, "%s", why);
}

/* spec 5.1: the point of it all */
static void test_stale_until_invalidated(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);

	map(&t, IOVA, 0);
	expect_page(&t, IOVA, 0, "mapped");
	map(&t, IOVA, 1);
	expect_page(&t, IOVA, 0, "changed, not invalidated");
	unmap(&t, IOVA);
	expect_page(&t, IOVA, 0, "unmapped, not invalidated");
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);

	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	expect_page(&t, IOVA, -1, "unmapped and invalidated");
	map(&t, IOVA, 1);
	expect_page(&t, IOVA, 1, "mapped again: nothing was remembered");
}

/* Changes in a table that only a walk would see do not matter either */
static void test_stale_table(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);

	map(&t, IOVA, 0);
	expect_page(&t, IOVA, 0, "mapped");
	bench_store(t.b, t.root + 8 * (IOVA >> 57), 0);
	expect_page(&t, IOVA, 0, "root entry cleared, not invalidated");
	bench_inv_all(t.b);
	expect_page(&t, IOVA, -1, "root entry cleared, all invalidated");
}

static void test_enable_drops_all(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);

	map(&t, IOVA, 0);
	expect_page(&t, IOVA, 0, "mapped");
	unmap(&t, IOVA);
	bench_set_reg(t.b, REG_CTRL, CTRL_EVTQ_EN);
	bench_set_reg(t.b, REG_CTRL, CTRL_EVTQ_EN | CTRL_EN);
	expect_page(&t, IOVA, -1, "CTRL.EN set");
}

KUNIT_ARRAY_PARAM(size, bench_sizes, bench_size_desc);

/*
 * A page of every size, dropped by an invalidation of every size that overlaps
 * it at the front, in the middle or at the end. Guards against an invalidation
 * that looks for entries of its own size, or only where they begin.
 */
static void test_overlap(struct kunit *test)
{
	unsigned int size_lg2 = *(const unsigned int *)test->param_value, inv_lg2, at;
	struct tlb_bench t = start(test, NULL, RW);
	u64 last = (1ULL << size_lg2) - 1;
	u64 iova = 0x05a5a5a5a5a5a000ULL & ~last;
	u64 pa = t.page[0] & ~last, access = iova | (t.page[0] & last);
	const u64 points[] = { iova, iova | last >> 1, iova | last, access };

	for (inv_lg2 = 12; inv_lg2 <= 64; inv_lg2++) {
		for (at = 0; at < ARRAY_SIZE(points); at++) {
			bench_map(t.b, t.root, 6, iova, pa, size_lg2, PTE_RW);
			expect_page(&t, access, 0, "mapped");
			bench_map(t.b, t.root, 6, iova, pa, size_lg2, 0);
			expect_page(&t, access, 0, "not invalidated");
			bench_inv(t.b, BENCH_DOMAIN, points[at], inv_lg2);
			KUNIT_EXPECT_EQ_MSG(test, reach(t.b, BENCH_RID, access), -1,
					    "survives invalidation of 2^%u at %#llx",
					    inv_lg2, points[at]);
		}
	}
}

/* It caches: what is not in the range stays, also at its edges */
static void test_no_more_than_overlap(struct kunit *test)
{
	static const struct sim_hw_config roomy = {
		.cmdqs = 1, .iotlb = { 10, 4 },
	};
	struct tlb_bench t = start(test, &roomy, RW);
	int i;

	for (i = 0; i < 8; i++) {
		map(&t, IOVA + 4096 * i, 0);
		expect_page(&t, IOVA + 4096 * i, 0, "mapped");
		unmap(&t, IOVA + 4096 * i);
	}
	bench_inv(t.b, BENCH_DOMAIN, IOVA + 4096, 12);
	bench_inv(t.b, BENCH_DOMAIN, IOVA + 4096 * 4, 13);
	for (i = 0; i < 8; i++)
		expect_page(&t, IOVA + 4096 * i, i == 1 || i == 4 || i == 5 ? -1 : 0,
			    "page 1 and pages 4 and 5 were invalidated");
}

/* spec 5.1: the tag is (domain ID, IOVA) */
static void test_domains(struct kunit *test)
{
	/* One set: every invalidation meets the entries of both */
	static const struct sim_hw_config one_set = {
		.cmdqs = 1, .iotlb = { 0, 16 },
	};
	struct tlb_bench t = start(test, &one_set, RW);
	u64 root2 = bench_attach(t.b, 1, 2, 6, RW);

	map(&t, IOVA, 0);
	bench_map(t.b, root2, 6, IOVA, t.page[1], 12, PTE_RW);
	expect_page(&t, IOVA, 0, "domain 1");
	KUNIT_EXPECT_EQ(test, reach(t.b, 1, IOVA), 1);

	unmap(&t, IOVA);
	bench_map(t.b, root2, 6, IOVA, 0, 12, 0);
	bench_inv(t.b, 2, IOVA, 12);
	expect_page(&t, IOVA, 0, "the other domain's page was invalidated");
	KUNIT_EXPECT_EQ(test, reach(t.b, 1, IOVA), -1);

	bench_map(t.b, root2, 6, IOVA, t.page[1], 12, PTE_RW);
	KUNIT_EXPECT_EQ(test, reach(t.b, 1, IOVA), 1);
	bench_map(t.b, root2, 6, IOVA, 0, 12, 0);
	bench_inv(t.b, BENCH_DOMAIN, 0, 64);
	expect_page(&t, IOVA, -1, "the whole domain was invalidated");
	KUNIT_EXPECT_EQ_MSG(test, reach(t.b, 1, IOVA), 1, "the other domain was invalidated");

	bench_inv_all(t.b);
	KUNIT_EXPECT_EQ_MSG(test, reach(t.b, 1, IOVA), -1, "all was invalidated");
}

/* Two devices in one domain share translations, but not the device's rights */
static void test_shared_domain(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);
	u64 value;

	bench_set_dte(t.b, 1, DTE_V | DTE_TRANSLATE | DTE_LEVELS(6) | t.root | DTE_IR,
		      BENCH_DOMAIN);
	map(&t, IOVA, 0);
	map(&t, IOVA + 4096, 0);

	/* Filled by the one that may only read, used by the other */
	KUNIT_EXPECT_EQ(test, bench_read(t.b, 1, IOVA, &value), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
	/* And the other way round */
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA + 4096, mark_of(0)), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, 1, IOVA + 4096, 0), CPL_ABORT);
	KUNIT_EXPECT_EQ(test, bench_event(t.b).type, EVT_IO_PAGE_FAULT);
	expect_page(&t, IOVA, 0, "not written");
	unmap(&t, IOVA);
	KUNIT_EXPECT_EQ_MSG(test, reach(t.b, 1, IOVA), 0, "one cache for both");
}

/* Rights are cached as the translation is */
static void test_rights(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);
	struct bench_event event;

	bench_map(t.b, t.root, 6, IOVA, t.page[0], 12, PTE_IR);
	expect_page(&t, IOVA, 0, "mapped");
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, 0), CPL_ABORT);
	event = bench_event(t.b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_IO_PAGE_FAULT);
	KUNIT_EXPECT_EQ(test, event.flags, EVTF_WRITE | EVTF_PRESENT | EVTF_PERM);
	KUNIT_EXPECT_EQ(test, event.domain, BENCH_DOMAIN);

	bench_map(t.b, t.root, 6, IOVA, t.page[0], 12, PTE_RW);
	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
	bench_map(t.b, t.root, 6, IOVA, t.page[0], 12, PTE_IR);
	KUNIT_EXPECT_EQ_MSG(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS,
			    "stale rights");
	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, 0), CPL_ABORT);
}

/* A stale entry of one size and a new one of another: both go */
static void test_sizes_side_by_side(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);
	u64 pa = t.page[0] & ~0xffffULL, offset = t.page[0] & 0xffff;

	bench_map(t.b, t.root, 6, IOVA, pa, 16, PTE_RW);
	expect_page(&t, IOVA + offset, 0, "mapped by 64 KiB");
	bench_map(t.b, t.root, 6, IOVA, pa, 16, 0);
	map(&t, IOVA + offset, 1);
	bench_inv(t.b, BENCH_DOMAIN, IOVA + offset, 12);
	expect_page(&t, IOVA + offset, 1, "mapped by 4 KiB");

	bench_map(t.b, t.root, 6, IOVA, pa, 16, PTE_RW);
	expect_page(&t, IOVA + offset, 1, "not invalidated");
	bench_inv(t.b, BENCH_DOMAIN, IOVA + 0xf000, 12);
	bench_inv(t.b, BENCH_DOMAIN, IOVA + offset, 12);
	expect_page(&t, IOVA + offset, 0, "mapped by 64 KiB again");
}

/*
 * spec 5.2. Guards against a walk that read the old entry and fills after the
 * invalidation has gone by.
 */
static void test_fill_crosses_invalidation(struct kunit *test)
{
	static const struct {
		const char *what;
		u64 word0, word1;
		bool filled;
	} cases[] = {
		{ "no command", 0, 0, true },
		{ "the page", CMD_INV_PAGES(BENCH_DOMAIN), IOVA },
		{ "a block", CMD_INV_PAGES(BENCH_DOMAIN),
		  (IOVA & ~0xffffffffULL) | 0x7ffff000 | CMD_INV_PAGES_S },
		{ "the domain", CMD_INV_PAGES(BENCH_DOMAIN),
		  0x7ffffffffffff000ULL | CMD_INV_PAGES_S },
		{ "all", CMD_INV_ALL, 0 },
	};
	struct tlb_bench t = start(test, NULL, RW);
	struct sim_space space = sim_domain_space(BENCH_DOMAIN);
	struct sim_tlb *tlb = &t.b->hw->iotlb;
	struct sim_tlb_data data = { .pa = t.page[0], .rights = PTE_RW, .size_lg2 = 12 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 token = sim_tlb_begin(&t.b->hw->caches);
		struct sim_tlb_data found;
		unsigned long flags;

		if (cases[i].word0)
			bench_cmd(t.b, 0, cases[i].word0, cases[i].word1);
		local_irq_save(flags);
		sim_tlb_fill(tlb, token, space, IOVA, &data);
		local_irq_restore(flags);
		KUNIT_EXPECT_EQ_MSG(test, sim_tlb_lookup(tlb, space, IOVA, &found),
				    cases[i].filled, "%s invalidated in between", cases[i].what);
		bench_inv_all(t.b);
	}
}

/*
 * Each domain that is flushed takes a new tag. Guards against one that comes round
 * and revives an old entry; there are 2^24.
 */
static void test_tags_come_round(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);
	atomic_t *last = &t.b->hw->iotlb.tags.last;
	u64 root2 = bench_attach(t.b, 1, 2, 6, RW);
	unsigned int i;

	/* The first tag is that of BENCH_DOMAIN, and goes with the flush */
	map(&t, IOVA, 0);
	expect_page(&t, IOVA, 0, "mapped");
	KUNIT_EXPECT_EQ(test, atomic_read(last), 1);
	unmap(&t, IOVA);
	for (i = 1; i <= 1 << 16; i++) {
		bench_inv(t.b, BENCH_DOMAIN, 0, 64);
		if (!(i & (i - 1)))
			expect_page(&t, IOVA, -1, "after 2^n invalidations");
	}
	/* What is not present takes none */
	KUNIT_EXPECT_EQ(test, atomic_read(last), 1);

	/* The next one would be the first again, and find the entry */
	atomic_set(last, 0);
	KUNIT_EXPECT_EQ_MSG(test, reach(t.b, 1, IOVA), -1, "another domain");
	bench_map(t.b, root2, 6, IOVA + 4096, t.page[1], 12, PTE_RW);
	KUNIT_EXPECT_EQ(test, reach(t.b, 1, IOVA + 4096), 1);
	KUNIT_EXPECT_EQ_MSG(test, reach(t.b, 1, IOVA), 0,
			    "the entry of long ago was there: or this test tests nothing");

	/* When all are used up nothing new is cached ... */
	atomic_set(last, (1 << 24) - 1);
	map(&t, IOVA, 1);
	expect_page(&t, IOVA, 1, "mapped");
	unmap(&t, IOVA);
	expect_page(&t, IOVA, -1, "cached without a tag");
	/* ... until the next invalidation, of whatever it is, begins again */
	bench_inv(t.b, 77, 0, 12);
	KUNIT_EXPECT_EQ(test, atomic_read(last), 0);
	KUNIT_EXPECT_EQ_MSG(test, reach(t.b, 1, IOVA), -1, "survived the beginning");
	map(&t, IOVA, 1);
	expect_page(&t, IOVA, 1, "mapped");
	KUNIT_EXPECT_EQ(test, atomic_read(last), 1);
	unmap(&t, IOVA);
	expect_page(&t, IOVA, 1, "cached");
}

struct geometry {
	const char *name;
	unsigned int sets_lg2, ways;
};

static const struct geometry geometries[] = {
	{ "1 entry", 0, 1 },
	{ "2 ways", 0, 2 },
	{ "2 sets", 1, 1 },
	{ "16 ways", 0, 16 },
};

KUNIT_ARRAY_PARAM_DESC(geometry, geometries, name);

/* More pages than entries: all are right, again and again */
static void test_eviction(struct kunit *test)
{
	const struct geometry *g = test->param_value;
	struct sim_hw_config config = {
		.cmdqs = 1, .iotlb = { .sets_lg2 = g->sets_lg2, .ways = g->ways },
	};
	struct tlb_bench t = start(test, &config, RW);
	int i, round;

	for (i = 0; i < 64; i++)
		map(&t, IOVA + 4096 * i, i % 2);
	for (round = 0; round < 4; round++)
		for (i = 0; i < 64; i++)
			expect_page(&t, IOVA + 4096 * i, i % 2, "evicted");
	KUNIT_EXPECT_GT(test, sim_stat_read(&t.b->hw->stats, SIM_STAT_TLB_EVICTIONS), 64);

	/* The entry used last is there still */
	expect_page(&t, IOVA, 0, "evicted");
	unmap(&t, IOVA);
	expect_page(&t, IOVA, 0, "cached");
	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	expect_page(&t, IOVA, -1, "invalidated");
}

/* spec 5.4 */
static void test_npcache(struct kunit *test)
{
	struct sim_hw_config config = bench_default_config;
	struct tlb_bench t;

	config.npcache = true;
	t = start(test, &config, RW);
	map(&t, IOVA + 4096, 1);
	expect_page(&t, IOVA, -1, "not mapped");
	map(&t, IOVA, 0);
	expect_page(&t, IOVA, -1, "mapped, not invalidated");
	expect_page(&t, IOVA + 4096, 1, "the answer is for 4 KiB only");
	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	expect_page(&t, IOVA, 0, "mapped and invalidated");

	/* Also where whole tables are missing, and dropped by a larger block */
	expect_page(&t, IOVA << 8, -1, "not mapped");
	map(&t, IOVA << 8, 0);
	expect_page(&t, IOVA << 8, -1, "mapped, not invalidated");
	bench_inv(t.b, BENCH_DOMAIN, IOVA << 8, 30);
	expect_page(&t, IOVA << 8, 0, "mapped and invalidated");
}

/* Malformed is not "not present" */
static void test_npcache_only_absent(struct kunit *test)
{
	struct sim_hw_config config = bench_default_config;
	struct tlb_bench t;
	u64 value;

	config.npcache = true;
	t = start(test, &config, RW);
	bench_map(t.b, t.root, 6, IOVA, t.page[0], 12, PTE_RW | 1ULL << 55);
	KUNIT_EXPECT_EQ(test, bench_read(t.b, BENCH_RID, IOVA, &value), CPL_ABORT);
	bench_expect_event(t.b, EVT_IO_PAGE_FAULT, BENCH_RID, EVTF_PRESENT | EVTF_RSVD, IOVA);
	map(&t, IOVA, 0);
	expect_page(&t, IOVA, 0, "repaired");
}

/* spec 4.4: which bits a request sets, by HA and HD */
static void test_accessed_dirty(struct kunit *test)
{
	static const struct {
		u64 device;
		u8 type;
		u64 set;
	} cases[] = {
		{ 0, SIM_TLP_MEM_READ, 0 },
		{ 0, SIM_TLP_MEM_WRITE, 0 },
		{ DTE_HA, SIM_TLP_MEM_READ, PTE_A },
		{ DTE_HA, SIM_TLP_MEM_WRITE, PTE_A },
		{ DTE_HD, SIM_TLP_MEM_READ, 0 },
		{ DTE_HD, SIM_TLP_MEM_WRITE, PTE_D },
		{ DTE_HA | DTE_HD, SIM_TLP_MEM_READ, PTE_A },
		{ DTE_HA | DTE_HD, SIM_TLP_MEM_WRITE, PTE_A | PTE_D },
		{ DTE_HA | DTE_HD, SIM_TLP_FETCH_ADD, PTE_A | PTE_D },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tlb_bench t = start(test, NULL, RW | cases[i].device);
		u64 slot = bench_slot(t.b, t.root, 6, IOVA, 1), leaf, data = 0;

		map(&t, IOVA, 0);
		leaf = bench_load(t.b, slot);
		KUNIT_EXPECT_EQ(test, CPL_SUCCESS,
				bench_request(t.b, cases[i].type, BENCH_RID, IOVA, &data, 8));
		KUNIT_EXPECT_EQ_MSG(test, bench_load(t.b, slot), leaf | cases[i].set,
				    "case %u", i);
	}
}

/* spec 4.4: a write that hits an entry filled without D walks again */
static void test_dirty_after_read(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW | DTE_HA | DTE_HD);
	u64 slot = bench_slot(t.b, t.root, 6, IOVA, 1), leaf;

	map(&t, IOVA, 0);
	leaf = bench_load(t.b, slot);
	expect_page(&t, IOVA, 0, "mapped");
	KUNIT_EXPECT_EQ(test, bench_load(t.b, slot), leaf | PTE_A);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
	KUNIT_EXPECT_EQ_MSG(test, bench_load(t.b, slot), leaf | PTE_A | PTE_D,
			    "the write used the entry of the read");

	/* Now D is in the cached entry: no walk, the table is not looked at */
	bench_store(t.b, slot, leaf);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_load(t.b, slot), leaf);

	/* Harvesting dirty bits: clear, invalidate; the next write sets it */
	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_load(t.b, slot), leaf | PTE_A | PTE_D);

	/* A walk for D finds out that the page has gone */
	bench_store(t.b, slot, leaf);
	bench_inv(t.b, BENCH_DOMAIN, IOVA, 12);
	expect_page(&t, IOVA, 0, "mapped");
	unmap(&t, IOVA);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, 0), CPL_ABORT);
	bench_expect_event(t.b, EVT_IO_PAGE_FAULT, BENCH_RID, EVTF_WRITE, IOVA);
}

/* D may have been there before: then the entry carries it from the start */
static void test_dirty_before(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW | DTE_HD);

	bench_map(t.b, t.root, 6, IOVA, t.page[0], 12, PTE_RW | PTE_D);
	expect_page(&t, IOVA, 0, "mapped");
	unmap(&t, IOVA);
	KUNIT_EXPECT_EQ_MSG(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS,
			    "D was set: no need to walk");
}

/* Without HD nobody sets D, and writes are cached like reads */
static void test_no_dirty_without_hd(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);

	map(&t, IOVA, 0);
	expect_page(&t, IOVA, 0, "mapped");
	unmap(&t, IOVA);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
}

/*
 * Two devices in one domain, one without HD: what it leaves in the cache must
 * not keep the write of the other from setting D.
 */
static void test_dirty_shared_domain(struct kunit *test)
{
	struct tlb_bench t = start(test, NULL, RW);
	u64 slot = bench_slot(t.b, t.root, 6, IOVA, 1);

	bench_set_dte(t.b, 1, DTE_V | DTE_TRANSLATE | DTE_LEVELS(6) | t.root | RW | DTE_HD,
		      BENCH_DOMAIN);
	map(&t, IOVA, 0);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, BENCH_RID, IOVA, mark_of(0)), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_load(t.b, slot) & PTE_D, 0ULL);
	KUNIT_EXPECT_EQ(test, bench_write(t.b, 1, IOVA, mark_of(0)), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_load(t.b, slot) & PTE_D, PTE_D);
}

static struct kunit_case iotlb_cases[] = {
	KUNIT_CASE(test_stale_until_invalidated),
	KUNIT_CASE(test_stale_table),
	KUNIT_CASE(test_enable_drops_all),
	KUNIT_CASE_PARAM(test_overlap, size_gen_params),
	KUNIT_CASE(test_no_more_than_overlap),
	KUNIT_CASE(test_domains),
	KUNIT_CASE(test_shared_domain),
	KUNIT_CASE(test_rights),
	KUNIT_CASE(test_sizes_side_by_side),
	KUNIT_CASE(test_fill_crosses_invalidation),
	KUNIT_CASE(test_tags_come_round),
	KUNIT_CASE_PARAM(test_eviction, geometry_gen_params),
	KUNIT_CASE(test_npcache),
	KUNIT_CASE(test_npcache_only_absent),
	KUNIT_CASE(test_accessed_dirty),
	KUNIT_CASE(test_dirty_after_read),
	KUNIT_CASE(test_dirty_before),
	KUNIT_CASE(test_no_dirty_without_hd),
	KUNIT_CASE(test_dirty_shared_domain),
	{}
};

static struct kunit_suite iotlb_suite = {
	.name = "iommu_sim_iotlb",
	.test_cases = iotlb_cases,
};

kunit_test_suite(iotlb_suite);
