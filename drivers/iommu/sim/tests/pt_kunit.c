// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table writer: every size, every refusal, and a model.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "driver/driver.h"

#define LEVELS		5
#define RIGHTS		(SIM_PTE_IR | SIM_PTE_IW)

static const char *const stat_names[SIM_DSTAT_NR];

struct pt_bench {
	struct sim_pt pt;
	struct sim_limbo limbo;
	struct iommu_sim_stats stats;
	struct sim_inject inject;
};

static int pt_test_init(struct kunit *test)
{
	struct pt_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_EQ(test, sim_stats_init(&b->stats, stat_names, SIM_DSTAT_NR), 0);
	KUNIT_ASSERT_EQ(test, sim_pt_init(&b->pt, LEVELS, &b->stats, &b->inject), 0);
	sim_limbo_init(&b->limbo);
	test->priv = b;
	return 0;
}

/* Every test gives back every table */
static void pt_test_exit(struct kunit *test)
{
	struct pt_bench *b = test->priv;

	if (!b)
		return;
	sim_limbo_free(&b->limbo, &b->pt);
	sim_pt_destroy(&b->pt);
	KUNIT_EXPECT_EQ(test, sim_stat_read(&b->stats, SIM_DSTAT_TABLES_ALLOCATED),
			sim_stat_read(&b->stats, SIM_DSTAT_TABLES_FREED));
	sim_stats_destroy(&b->stats);
}

static int map(struct pt_bench *b, u64 iova, u64 pa, unsigned int lg2, size_t count,
	       size_t *mapped)
{
	*mapped = 0;
	return sim_pt_map(&b->pt, iova, pa, lg2, count, RIGHTS, GFP_KERNEL, mapped, &b->limbo);
}

static void size_desc(const u8 *lg2, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "2^%u", *lg2);
}

static const u8 sizes[] = {
	12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
	34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
};

KUNIT_ARRAY_PARAM(size, sizes, size_desc);

static void pt_size_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	unsigned int lg2 = *(const u8 *)test->param_value;
	u64 size = BIT_ULL(lg2), iova = size, pa = size & GENMASK_ULL(50, 0);
	size_t mapped;

	KUNIT_ASSERT_EQ(test, map(b, iova, pa, lg2, 1, &mapped), 0);
	KUNIT_EXPECT_EQ(test, mapped, size);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova), pa);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova + size / 2), pa + size / 2);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova + size - 1), pa + size - 1);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova - 1), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova + size), 0);

	/* Taken: neither the same size nor the smallest inside replaces it */
	KUNIT_EXPECT_EQ(test, map(b, iova, pa, lg2, 1, &mapped), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, map(b, iova + size - SZ_4K, SZ_4K, 12, 1, &mapped), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, mapped, 0);

	/* Nothing begins in its second half; with its first it goes as a whole */
	if (lg2 > SIM_PAGE_LG2)
		KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova + size / 2, size / 2, &b->limbo),
				0);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova + size / 2), pa + size / 2);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, SZ_4K, &b->limbo), size);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova + size - 1), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, size, &b->limbo), 0);
}

/* A large page where small ones have been: their tables make way */
static void pt_replace_tables_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, map(b, SZ_1G + SZ_4K, SZ_4K, 12, 1, &mapped), 0);
	KUNIT_EXPECT_EQ(test, map(b, SZ_1G, SZ_1G, 30, 1, &mapped), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, SZ_1G + SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_1G + SZ_4K, SZ_4K, &b->limbo), SZ_4K);
	KUNIT_EXPECT_TRUE(test, list_empty(&b->limbo.tables));
	KUNIT_EXPECT_EQ(test, map(b, SZ_1G, SZ_1G, 30, 1, &mapped), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&b->limbo.tables), 2);
	KUNIT_EXPECT_EQ(test, b->limbo.iova, SZ_1G);
	KUNIT_EXPECT_EQ(test, b->limbo.last, 2UL * SZ_1G - 1);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, SZ_1G + SZ_4K), SZ_1G + SZ_4K);
}

/* What was mapped before the failure is told, so that it can be undone */
static void pt_partial_map_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, map(b, 5 * SZ_64K, 0, 16, 1, &mapped), 0);
	KUNIT_EXPECT_EQ(test, map(b, 2 * SZ_64K, SZ_1M, 16, 8, &mapped), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, mapped, 3 * SZ_64K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 2 * SZ_64K, 3 * SZ_64K, &b->limbo), 3 * SZ_64K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 5 * SZ_64K, SZ_64K, &b->limbo), SZ_64K);
}

/* Unmapping ends at a gap */
static void pt_gap_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, map(b, 0, 0, 12, 511, &mapped), 0);
	KUNIT_ASSERT_EQ(test, map(b, SZ_2M, 0, 21, 1, &mapped), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, SZ_4M, &b->limbo), SZ_2M - SZ_4K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, SZ_4M, &b->limbo), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_2M, SZ_2M, &b->limbo), SZ_2M);
}

#define MODEL_SEED	0x5eed
#define MODEL_STEPS	200000
#define MODEL_PAGES	2048
/* In the middle of a level 3 table, across entries of level 2 */
#define MODEL_BASE	(SZ_1G - MODEL_PAGES / 2 * SZ_4K)

struct model {
	u64 pa[MODEL_PAGES];		/* + 1; 0 is not mapped */
	u16 first[MODEL_PAGES];		/* of the page that this is part of */
	u8 lg2[MODEL_PAGES];
};

static void model_map(struct kunit *test, struct model *m, struct rnd_state *rnd)
{
	struct pt_bench *b = test->priv;
	unsigned int lg2 = 12 + prandom_u32_state(rnd) % 11;
	u32 pages = BIT(lg2 - 12), first, i, free = 0;
	u64 pa = ((u64)prandom_u32_state(rnd) << 12) & ~(BIT_ULL(lg2) - 1);
	size_t mapped;
	int ret;

	first = prandom_u32_state(rnd) % MODEL_PAGES & ~(pages - 1);
	for (i = first; i < first + pages; i++)
		free += !m->pa[i];
	ret = map(b, MODEL_BASE + first * (u64)SZ_4K, pa, lg2, 1, &mapped);
	KUNIT_ASSERT_EQ(test, ret, free == pages ? 0 : -EADDRINUSE);
	KUNIT_ASSERT_EQ(test, mapped, ret ? 0 : BIT_ULL(lg2));
	for (i = first; !ret && i < first + pages; i++) {
		m->pa[i] = pa + (i - first) * (u64)SZ_4K + 1;
		m->first[i] = first;
		m->lg2[i] = lg2;
	}
}

static void model_unmap(struct kunit *test, struct model *m, struct rnd_state *rnd)
{
	struct pt_bench *b = test->priv;
	u32 first = prandom_u32_state(rnd) % MODEL_PAGES, at = first;
	u32 pages = 1 + prandom_u32_state(rnd) % (MODEL_PAGES - first);

	while (at < first + pages && m->pa[at] && m->first[at] == at)
		at += BIT(m->lg2[at] - 12);
	KUNIT_ASSERT_EQ(test, sim_pt_unmap(&b->pt, MODEL_BASE + first * (u64)SZ_4K,
					   pages * (u64)SZ_4K, &b->limbo),
			(at - first) * (u64)SZ_4K);
	memset(&m->pa[first], 0, (at - first) * sizeof(m->pa[0]));
}

/* All pages, in order, and nothing else; also when the walk begins inside one */
static void model_walk(struct kunit *test, struct model *m, u32 at)
{
	u64 last = MODEL_BASE + MODEL_PAGES * (u64)SZ_4K - 1;
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;

	if (m->pa[at])
		at = m->first[at];
	for (; at < MODEL_PAGES; at += BIT(m->lg2[at] - 12)) {
		while (at < MODEL_PAGES && !m->pa[at])
			at++;
		if (at == MODEL_PAGES)
			break;
		KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, MODEL_BASE + at * (u64)SZ_4K +
							 SZ_4K / 2, last, &leaf));
		KUNIT_ASSERT_EQ(test, leaf.iova, MODEL_BASE + at * (u64)SZ_4K);
		KUNIT_ASSERT_EQ(test, leaf.pa, m->pa[at] - 1);
		KUNIT_ASSERT_EQ(test, leaf.size_lg2, m->lg2[at]);
		KUNIT_ASSERT_EQ(test, leaf.entry & RIGHTS, RIGHTS);
	}
	if (!m->pa[MODEL_PAGES - 1])
		KUNIT_ASSERT_FALSE(test, sim_pt_next_leaf(&b->pt, last, last, &leaf));
}

static void pt_model_test(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct pt_bench *b = test->priv;
	struct rnd_state rnd;
	u32 step, i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	kunit_info(test, "seed %#x", MODEL_SEED);
	prandom_seed_state(&rnd, MODEL_SEED);
	for (step = 0; step < MODEL_STEPS; step++) {
		if (prandom_u32_state(&rnd) % 3)
			model_map(test, m, &rnd);
		else
			model_unmap(test, m, &rnd);
		i = prandom_u32_state(&rnd) % MODEL_PAGES;
		KUNIT_ASSERT_EQ(test, sim_pt_lookup(&b->pt, MODEL_BASE + i * (u64)SZ_4K + 5),
				m->pa[i] ? m->pa[i] - 1 + 5 : 0);
		if (!(step % 1024)) {
			model_walk(test, m, 0);
			model_walk(test, m, i);
		}
		if (!(step % 64))
			sim_limbo_free(&b->limbo, &b->pt);
	}
}

/* Far apart, and at the ends */
static void pt_next_leaf_test(struct kunit *test)
{
	static const u64 iovas[] = { 0, SZ_4K, SZ_2M - SZ_4K, SZ_1G, 0x7ffffffff000, BIT_ULL(48),
				     BIT_ULL(57) - SZ_4K };
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	size_t mapped, i;
	u64 next = 0;

	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, 0, BIT_ULL(57) - 1, &leaf));
	for (i = 0; i < ARRAY_SIZE(iovas); i++)
		KUNIT_ASSERT_EQ(test, map(b, iovas[i], SZ_64K, 12, 1, &mapped), 0);
	for (i = 0; i < ARRAY_SIZE(iovas); i++) {
		KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, next, BIT_ULL(57) - 1, &leaf));
		KUNIT_EXPECT_EQ(test, leaf.iova, iovas[i]);
		next = leaf.iova + SZ_4K;
	}
	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, next, BIT_ULL(57) - 1, &leaf));
	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, SZ_8K, SZ_2M - SZ_4K - 1, &leaf));
}

static struct kunit_case pt_cases[] = {
	KUNIT_CASE_PARAM(pt_size_test, size_gen_params),
	KUNIT_CASE(pt_replace_tables_test),
	KUNIT_CASE(pt_partial_map_test),
	KUNIT_CASE(pt_gap_test),
	KUNIT_CASE(pt_next_leaf_test),
	KUNIT_CASE_SLOW(pt_model_test),
	{}
};

static struct kunit_suite pt_suite = {
	.name = "iommu_sim_pt",
	.init = pt_test_init,
	.exit = pt_test_exit,
	.test_cases = pt_cases,
};

kunit_test_suite(pt_suite);
