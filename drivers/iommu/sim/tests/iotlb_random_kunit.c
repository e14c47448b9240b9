// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOTLB under random maps, unmaps, invalidations and requests. Whatever it
 * caches and evicts, a translation that a request uses was in the page table at
 * some time after the last invalidation that covers it.
 *
 * For each 4 KiB page of a window the model keeps the set of answers that are
 * legal: those the table has given since that invalidation.
 */
#include "bench.h"

#define NR_STEPS	300000
#define NR_DOMAINS	2
#define WINDOW_PAGES	64	/* 256 KiB, all in one table */
#define WINDOW_LG2	18
#define WINDOW		0x00345678c0000000ULL
#define NR_TARGETS	16	/* pages that can be mapped */
#define ABSENT		NR_TARGETS

/**
 * struct model - what the table says, and what the IOTLB may say
 * @b: the bench
 * @rnd: state of the random numbers
 * @root: page table of each domain
 * @target: address of the pages that are mapped, each with its number in it
 * @now: what is mapped: target, or ABSENT
 * @legal: bit n: answer n is legal
 * @size_lg2: of the leaf a page belongs to; 0 if none
 * @npcache: "not present" is cached, too
 * @domain: domain of the last request
 * @page: page of the last request
 * @stale: answers that were legal, but not those of the table
 */
struct model {
	struct bench *b;
	u64 rnd;
	u64 root[NR_DOMAINS];
	u64 target;
	u8 now[NR_DOMAINS][WINDOW_PAGES];
	u32 legal[NR_DOMAINS][WINDOW_PAGES];
	u8 size_lg2[NR_DOMAINS][WINDOW_PAGES];
	bool npcache;
	unsigned int domain;
	unsigned int page;
	unsigned int stale;
};

static u64 iova_of(unsigned int page)
{
	return WINDOW + 4096ULL * page;
}

static void set_now(struct model *m, unsigned int domain, unsigned int page,
		    unsigned int target, unsigned int size_lg2)
{
	m->now[domain][page] = target;
	m->legal[domain][page] |= 1U << target;
	m->size_lg2[domain][page] = size_lg2;
}

/* Unmaps the leaf that @page belongs to, whole: all its entries have to agree */
static void unmap(struct model *m, unsigned int domain, unsigned int page)
{
	unsigned int lg2 = m->size_lg2[domain][page], nr, i;

	if (!lg2)
		return;
	nr = 1U << (lg2 - 12);
	page &= ~(nr - 1);
	bench_map(m->b, m->root[domain], 6, iova_of(page), 0, lg2, 0);
	for (i = 0; i < nr; i++)
		set_now(m, domain, page + i, ABSENT, 0);
}

static void map(struct model *m, unsigned int domain, unsigned int page)
{
	unsigned int order = rnd_below(&m->rnd, 5), nr = 1U << order, i;
	unsigned int target = rnd_below(&m->rnd, NR_TARGETS) & ~(nr - 1);

	page &= ~(nr - 1);
	for (i = 0; i < nr; i++)
		unmap(m, domain, page + i);
	bench_map(m->b, m->root[domain], 6, iova_of(page), m->target + 4096ULL * target,
		  12 + order, PTE_RW);
	for (i = 0; i < nr; i++)
		set_now(m, domain, page + i, target + i, 12 + order);
}

static void set_legal(struct model *m, unsigned int domain, u64 first, u64 last)
{
	unsigned int i;

	for (i = 0; i < WINDOW_PAGES; i++)
		if (iova_of(i) >= first && iova_of(i) <= last)
			m->legal[domain][i] = 1U << m->now[domain][i];
}

/* The same by INVALIDATE_RANGE, which may begin before the window and end after it */
static void invalidate_range(struct model *m)
{
	unsigned int domain = rnd_below(&m->rnd, NR_DOMAINS), nr = 1 + rnd_below(&m->rnd, 100);
	u64 first = iova_of(rnd_below(&m->rnd, WINDOW_PAGES)) - 4096ULL * rnd_below(&m->rnd, 20);

	bench_cmd(m->b, 0, cmd_inv_range(BENCH_DOMAIN + domain, nr), first);
	bench_cmd(m->b, 0, CMD_WAIT, 0);
	set_legal(m, domain, first, first + 4096ULL * nr - 1);
}

/* After an invalidation only what the table says now is legal */
static void invalidate(struct model *m)
{
	unsigned int domain = rnd_below(&m->rnd, NR_DOMAINS), d, i;
	unsigned int page = rnd_below(&m->rnd, WINDOW_PAGES);
	unsigned int lg2 = 12 + rnd_below(&m->rnd, WINDOW_LG2 - 12 + 2);
	bool all = rnd_chance(&m->rnd, 3);
	u64 last;

	if (rnd_chance(&m->rnd, 10))
		lg2 = 64;
	last = lg2 == 64 ? ~0ULL : (1ULL << lg2) - 1;

	if (all)
		bench_inv_all(m->b);
	else
		bench_inv(m->b, BENCH_DOMAIN + domain, iova_of(page), lg2);

	for (d = 0; d < NR_DOMAINS; d++)
		for (i = 0; i < WINDOW_PAGES; i++)
			if (all || (d == domain && !((iova_of(i) ^ iova_of(page)) & ~last)))
				m->legal[d][i] = 1U << m->now[d][i];
}

/* What a request reaches; false if that is not legal */
static bool request(struct model *m, unsigned int domain, unsigned int page)
{
	unsigned int now = m->now[domain][page], answer = ABSENT;
	u32 legal = m->legal[domain][page];
	u64 value;

	/* Without caching of it, "not present" comes from the table alone */
	if (!m->npcache && now != ABSENT)
		legal &= ~(1U << ABSENT);
	if (bench_read(m->b, BENCH_RID + domain, iova_of(page), &value))
		bench_event(m->b);
	else
		answer = value;

	m->stale += answer != now;
	if (legal >> answer & 1)
		return true;
	KUNIT_FAIL(m->b->test, "domain %u page %u: %u, legal %#x, now %u",
		   domain, page, answer, legal, now);
	return false;
}

struct random_case {
	const char *name;
	struct sim_tlb_config iotlb;
	bool npcache;
};

static const struct random_case random_cases[] = {
	{ "1 entry", { 0, 1 } },
	{ "2 ways", { 0, 2 } },
	{ "2 sets", { 1, 1 } },
	{ "8 sets of 2, lru", { 3, 2, SIM_TLB_LRU } },
	{ "256 sets of 4", { 8, 4 } },
	{ "1 set of 16, plru", { 0, 16, SIM_TLB_PLRU } },
	{ "1 entry, not present", { 0, 1 }, true },
	{ "4 sets of 2, not present", { 2, 2 }, true },
	{ "256 sets of 4, not present", { 8, 4 }, true },
};

KUNIT_ARRAY_PARAM_DESC(random, random_cases, name);

static void setup(struct model *m, struct kunit *test, const struct random_case *c)
{
	struct sim_hw_config config = {
		.cmdqs = 1,
		.iotlb = c->iotlb,
		.pwc = { .sets_lg2 = 1, .ways = 2 },
		.npcache = c->npcache,
	};
	unsigned int d, i;

	m->b = bench_start(test, &config);
	m->npcache = c->npcache;
	m->rnd = bench_seed(test);

	/* Aligned as the largest leaf wants it */
	m->target = ALIGN(bench_alloc(m->b, 2 * NR_TARGETS), NR_TARGETS * 4096);
	for (i = 0; i < NR_TARGETS; i++)
		*(u64 *)bench_ptr(m->b, m->target + 4096 * i) = i;
	for (d = 0; d < NR_DOMAINS; d++) {
		m->root[d] = bench_attach(m->b, BENCH_RID + d, BENCH_DOMAIN + d, 6,
					  DTE_IR | DTE_IW | (d ? DTE_HA | DTE_HD : 0));
		for (i = 0; i < WINDOW_PAGES; i++)
			set_now(m, d, i, ABSENT, 0);
	}
}

static void test_random(struct kunit *test)
{
	const struct random_case *c = test->param_value;
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i, nr = bench_scale(NR_STEPS);
	bool ok = true;

	KUNIT_ASSERT_NOT_NULL(test, m);
	setup(m, test, c);
	for (i = 0; i < nr && ok; i++) {
		unsigned int what = rnd_below(&m->rnd, 100);

		/* Often the same page again: that is where a small cache matters */
		if (rnd_chance(&m->rnd, 40)) {
			m->domain = rnd_below(&m->rnd, NR_DOMAINS);
			m->page = rnd_below(&m->rnd, WINDOW_PAGES);
		}
		if (what < 10)
			map(m, m->domain, m->page);
		else if (what < 15)
			unmap(m, m->domain, m->page);
		else if (what < 20)
			invalidate(m);
		else if (what < 25)
			invalidate_range(m);
		else
			ok = request(m, m->domain, m->page);
	}
	/* A cache that never gives a stale answer was not tried, or is none */
	KUNIT_EXPECT_GT(test, m->stale, nr / 1000);
	kunit_info(test, "%u steps, %u stale answers\n", i, m->stale);
}

static struct kunit_case iotlb_random_cases[] = {
	KUNIT_CASE_PARAM(test_random, random_gen_params),
	{}
};

static struct kunit_suite iotlb_random_suite = {
	.name = "iommu_sim_iotlb_random",
	.test_cases = iotlb_random_cases,
};

kunit_test_suite(iotlb_random_suite);
