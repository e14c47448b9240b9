// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table writer: every size, every refusal, how tables come and go.
 */
#include <linux/rcupdate.h>

#include "pt_bench.h"

static int pt_test_init(struct kunit *test)
{
	pt_bench_create(test, 57, SIM_PGSIZES);
	return 0;
}

KUNIT_ARRAY_PARAM(size, pt_bench_sizes, pt_bench_size_desc);

static unsigned int param_size(struct kunit *test)
{
	return *(const u8 *)test->param_value;
}

static u64 size_pa(unsigned int lg2)
{
	return BIT_ULL(lg2) & GENMASK_ULL(50, 0);
}

static void expect_place(struct kunit *test, u64 iova, u64 pa, unsigned int lg2)
{
	struct pt_place place = pt_bench_hw_walk(test->priv, iova, 0);
	struct pt_bench *b = test->priv;

	KUNIT_EXPECT_EQ(test, place.pa, pa);
	KUNIT_EXPECT_EQ(test, sim_pt_lookup(&b->pt, iova), pa == PT_NOWHERE ? 0 : pa);
	if (pa != PT_NOWHERE) {
		KUNIT_EXPECT_EQ(test, place.size_lg2, lg2);
		KUNIT_EXPECT_EQ(test, place.flags, PT_RIGHTS);
	}
}

static void pt_size_test(struct kunit *test)
{
	unsigned int lg2 = param_size(test);
	u64 size = BIT_ULL(lg2), iova = size, pa = size_pa(lg2);
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, pt_bench_map(b, iova, pa, size, PT_RIGHTS, &mapped), 0);
	KUNIT_EXPECT_EQ(test, mapped, size);
	expect_place(test, iova, pa, lg2);
	expect_place(test, iova + size / 2, pa + size / 2, lg2);
	expect_place(test, iova + size - 1, pa + size - 1, lg2);
	expect_place(test, iova - 1, PT_NOWHERE, 0);
	expect_place(test, iova + size, PT_NOWHERE, 0);

	KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, 0, b->last, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.iova, iova);
	KUNIT_EXPECT_EQ(test, leaf.pa, pa);
	KUNIT_EXPECT_EQ(test, leaf.size_lg2, lg2);
	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, iova + size, b->last, &leaf));

	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, size), size);
	expect_place(test, iova, PT_NOWHERE, 0);
	expect_place(test, iova + size - 1, PT_NOWHERE, 0);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, size), 0);
	pt_bench_expect_empty(b);
}

/* [@iova, @iova + @len) overlaps something from @busy on: that stays as it is */
static void expect_refused(struct kunit *test, u64 iova, u64 len, u64 busy)
{
	struct pt_bench *b = test->priv;
	u64 digest = pt_bench_digest(b);
	size_t mapped;

	/* Another address, so that nothing can be taken for what is there */
	KUNIT_EXPECT_EQ(test, pt_bench_map(b, iova, BIT_ULL(40) + iova % BIT_ULL(39), len,
					   PT_RIGHTS, &mapped), -EADDRINUSE);
	KUNIT_EXPECT_LE(test, mapped, busy - iova);
	if (mapped)
		KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, mapped), mapped);
	KUNIT_EXPECT_EQ(test, pt_bench_digest(b), digest);
}

/* Before it, behind it, in it, around it */
static void pt_overlap_test(struct kunit *test)
{
	unsigned int lg2 = param_size(test);
	u64 size = BIT_ULL(lg2), iova = size, half = max(size / 2, SZ_4K);
	struct pt_bench *b = test->priv;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, pt_bench_map(b, iova, size_pa(lg2), size, PT_RIGHTS, &mapped), 0);
	expect_refused(test, iova, size, iova);
	expect_refused(test, iova, SZ_4K, iova);
	expect_refused(test, iova + size - SZ_4K, SZ_4K, iova + size - SZ_4K);
	expect_refused(test, iova + size - half, SZ_4K, iova + size - half);
	expect_refused(test, iova, half, iova);
	expect_refused(test, iova + size - half, half, iova + size - half);
	expect_refused(test, iova - SZ_4K, SZ_8K, iova);
	expect_refused(test, iova - half, 2 * half, iova);
	expect_refused(test, iova + size - SZ_4K, SZ_8K, iova + size - SZ_4K);
	expect_refused(test, iova - SZ_4K, size + SZ_8K, iova);
	expect_refused(test, 0, 2 * size, iova);
	expect_refused(test, 0, 4 * size, iova);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, size), size);
	pt_bench_expect_empty(b);
}

/* What was mapped before the failure is told, so that it can be undone */
static void pt_partial_map_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	size_t mapped;

	b->pt.sizes = SZ_4K | SZ_64K;
	KUNIT_ASSERT_EQ(test, pt_bench_map(b, 5 * SZ_64K, 0, SZ_64K, PT_RIGHTS, &mapped), 0);
	KUNIT_EXPECT_EQ(test, pt_bench_map(b, 2 * SZ_64K, SZ_1M, 8 * SZ_64K, PT_RIGHTS,
					   &mapped), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, mapped, 3 * SZ_64K);
	expect_place(test, 5 * SZ_64K - 1, SZ_1M + 3 * SZ_64K - 1, 16);
	expect_place(test, 5 * SZ_64K, 0, 16);
	expect_place(test, 6 * SZ_64K, PT_NOWHERE, 0);
	/* @mapped is added to */
	KUNIT_EXPECT_EQ(test, sim_pt_map(&b->pt, 6 * SZ_64K, 0, SZ_4K, PT_RIGHTS, GFP_KERNEL,
					 &mapped), 0);
	KUNIT_EXPECT_EQ(test, mapped, 3 * SZ_64K + SZ_4K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 2 * SZ_64K, SZ_1M), 4 * SZ_64K + SZ_4K);
	pt_bench_expect_empty(b);
}

/* One page after the other, the largest that fits: slow, but plain to see */
static unsigned int largest_fit(unsigned long sizes, u64 iova, u64 pa, u64 len)
{
	unsigned int lg2 = 51;

	while (!(sizes & BIT(lg2)) || (iova | pa) & (BIT_ULL(lg2) - 1) || BIT_ULL(lg2) > len)
		lg2--;
	return lg2;
}

static void try_pick(struct kunit *test, u64 iova, u64 pa, u64 len)
{
	struct pt_bench *b = test->priv;
	unsigned long sizes = b->pt.sizes;
	u64 at = iova, end = iova + len;
	struct sim_leaf leaf;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, pt_bench_map(b, iova, pa, len, PT_RIGHTS, &mapped), 0);
	KUNIT_ASSERT_EQ(test, mapped, len);
	while (sim_pt_next_leaf(&b->pt, at, b->last, &leaf)) {
		KUNIT_ASSERT_EQ(test, leaf.iova, at);
		KUNIT_ASSERT_EQ(test, leaf.pa, pa + (at - iova));
		KUNIT_ASSERT_EQ(test, leaf.size_lg2, largest_fit(sizes, at, leaf.pa, end - at));
		at += BIT_ULL(leaf.size_lg2);
	}
	KUNIT_ASSERT_EQ(test, at, end);
	KUNIT_ASSERT_EQ(test, sim_pt_unmap(&b->pt, iova, len), len);
	pt_bench_reclaim(b);
}

/* Random sizes to choose from; addresses that agree in more or fewer bits */
static void pt_pick_test(struct kunit *test)
{
	static const u8 units[] = { 12, 13, 16, 20, 21, 29, 30, 38, 40, 43 };
	unsigned int i, unit_lg2, nr = bench_scale(20000);
	struct pt_bench *b = test->priv;
	u64 rnd = bench_seed(test), iova, pa, len;

	for (i = 0; i < nr; i++) {
		unit_lg2 = units[rnd_below(&rnd, ARRAY_SIZE(units))];
		b->pt.sizes = SIM_PGSIZES & (SZ_4K | BIT(unit_lg2) | rnd64(&rnd));
		iova = rnd64(&rnd) & (BIT_ULL(min(unit_lg2 + 12, 56U)) - 1);
		pa = iova & (BIT_ULL(unit_lg2 + rnd_below(&rnd, 12)) - 1);
		pa |= rnd64(&rnd) & BIT_ULL(min(unit_lg2 + 11, 50U));
		len = 1 + (rnd64(&rnd) & (BIT_ULL(rnd_below(&rnd, 9)) - 1));
		try_pick(test, round_down(iova, BIT_ULL(unit_lg2)),
			 round_down(pa, BIT_ULL(unit_lg2)) % BIT_ULL(51), len << unit_lg2);
		cond_resched();
	}
	pt_bench_expect_empty(b);
}

/* Unmapping ends at a gap */
static void pt_gap_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, pt_bench_map(b, 0, 0, SZ_2M - SZ_4K, PT_RIGHTS, &mapped), 0);
	KUNIT_ASSERT_EQ(test, pt_bench_map(b, SZ_2M, 0, SZ_2M, PT_RIGHTS, &mapped), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, SZ_4M), SZ_2M - SZ_4K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, SZ_4M), 0);
	expect_place(test, SZ_2M, 0, 21);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_2M, SZ_2M), SZ_2M);
	pt_bench_expect_empty(b);
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

	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, 0, b->last, &leaf));
	for (i = 0; i < ARRAY_SIZE(iovas); i++)
		KUNIT_ASSERT_EQ(test, pt_bench_map(b, iovas[i], SZ_64K, SZ_4K, PT_RIGHTS,
						   &mapped), 0);
	for (i = 0; i < ARRAY_SIZE(iovas); i++) {
		KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, next, b->last, &leaf));
		KUNIT_EXPECT_EQ(test, leaf.iova, iovas[i]);
		next = leaf.iova + SZ_4K;
	}
	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, next, b->last, &leaf));
	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, SZ_8K, SZ_2M - SZ_4K - 1, &leaf));
	/* From the middle of a page, all of it */
	KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, SZ_1G + 5, SZ_1G + 5, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.iova, SZ_1G);
}

/* Without making way */
static int map_once(struct pt_bench *b, u64 iova, u64 len)
{
	size_t mapped = 0;
	int ret = sim_pt_map(&b->pt, iova, iova, len, PT_RIGHTS, GFP_KERNEL, &mapped);

	KUNIT_EXPECT_EQ(b->test, mapped, ret ? 0 : len);
	return ret;
}

/* A large page where small ones have been: a flush makes room for it */
static void pt_replace_tables_test(struct kunit *test)
{
	unsigned int lg2 = param_size(test), level = sim_pt_leaf_level(lg2);
	u64 size = BIT_ULL(lg2), iova = size & GENMASK_ULL(50, 0);
	u64 small = iova + (size - SZ_4K) / 2 / SZ_4K * SZ_4K;
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	size_t mapped;

	if (level == 1)
		kunit_skip(test, "no table can be in its way");
	KUNIT_ASSERT_EQ(test, map_once(b, small, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, pt_bench_map(b, iova, iova, size, PT_RIGHTS, &mapped), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, mapped, 0);
	expect_place(test, small, small, 12);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, small, SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, map_once(b, iova, size), -EAGAIN);

	/* Neither as long as a device may walk the tables */
	KUNIT_EXPECT_EQ(test, sim_pt_clear_way(&b->pt, iova, lg2, &b->limbo), 0);
	KUNIT_EXPECT_LE(test, b->limbo.iova, round_down(small, BIT_ULL(sim_pt_va_bits(level - 1))));
	KUNIT_EXPECT_GE(test, b->limbo.last, small | (BIT_ULL(sim_pt_va_bits(level - 1)) - 1));
	KUNIT_EXPECT_EQ(test, map_once(b, iova, size), -EAGAIN);
	KUNIT_EXPECT_EQ(test, map_once(b, small, SZ_4K), -EAGAIN);
	expect_place(test, small, PT_NOWHERE, 0);
	KUNIT_EXPECT_FALSE(test, sim_pt_next_leaf(&b->pt, 0, b->last, &leaf));

	sim_pt_release(&b->pt, &b->limbo);
	KUNIT_EXPECT_EQ(test, map_once(b, iova, size), 0);
	expect_place(test, small, small, lg2);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, size), size);
	pt_bench_expect_empty(b);
}

/* A table that became empty, and is used again, at whatever stage it is then */
static void pt_reuse_table_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	unsigned int i, n, again = 0;
	size_t mapped;
	long tables;

	KUNIT_ASSERT_EQ(test, map_once(b, SZ_1G, SZ_64K), 0);
	tables = atomic_long_read(&b->pt.tables);
	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_1G, SZ_64K), SZ_64K);
		for (n = 0; n < i / 2; n++)
			pt_bench_step(b, 0, i % 2);
		again += map_once(b, SZ_1G + SZ_64K, SZ_4K) == -EAGAIN;
		KUNIT_EXPECT_EQ(test, pt_bench_map(b, SZ_1G, SZ_1G, SZ_64K, PT_RIGHTS, &mapped),
				0);
		expect_place(test, SZ_1G, SZ_1G, 16);
		sim_pt_unmap(&b->pt, SZ_1G + SZ_64K, SZ_4K);
		pt_bench_reclaim(b);
		KUNIT_EXPECT_TRUE(test, list_empty(&b->pt.watched));
		KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), tables);
		expect_place(test, SZ_1G, SZ_1G, 16);
	}
	/* It was frozen at times, or in limbo */
	KUNIT_EXPECT_GT(test, again, 2);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_1G, SZ_64K), SZ_64K);
	pt_bench_expect_empty(b);
}

/* Of the empty tables, as many stay as may; they are told of once */
static void pt_keep_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	unsigned int i, n, kicks;

	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, map_once(b, i * (u64)SZ_2M, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 4 + 8);
	kicks = b->kicks;
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, i * (u64)SZ_2M, SZ_4K), SZ_4K);
		KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, i * (u64)SZ_2M + SZ_4K, SZ_4K), SZ_4K);
	}
	KUNIT_EXPECT_EQ(test, b->kicks, kicks + 8);
	for (n = 0; pt_bench_step(b, 3, true) && n < 16;)
		n++;
	KUNIT_EXPECT_LT(test, n, 16);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 4 + 3);
	KUNIT_EXPECT_EQ(test, map_once(b, 0, 8 * (u64)SZ_2M), -EAGAIN);
	pt_bench_expect_empty(b);
}

/* What is in limbo waits; what becomes empty meanwhile joins it */
static void pt_limbo_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, map_once(b, 0, SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, map_once(b, SZ_2M, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 6);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, SZ_4K), SZ_4K);
	while (pt_bench_step(b, 0, false))
		;
	KUNIT_EXPECT_EQ(test, b->limbo.iova, 0);
	KUNIT_EXPECT_EQ(test, b->limbo.last, SZ_2M - 1);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_2M, SZ_4K), SZ_4K);
	while (pt_bench_step(b, 0, false))
		;
	KUNIT_EXPECT_EQ(test, b->limbo.iova, 0);
	KUNIT_EXPECT_EQ(test, b->limbo.last, SZ_4M - 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 6);
	/* Not where a table was, but elsewhere */
	KUNIT_EXPECT_EQ(test, map_once(b, SZ_2M, SZ_4K), -EAGAIN);
	KUNIT_EXPECT_EQ(test, map_once(b, SZ_4M, SZ_4K), 0);
	sim_pt_release(&b->pt, &b->limbo);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 5);
	KUNIT_EXPECT_EQ(test, map_once(b, 0, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SZ_4M, SZ_4K), SZ_4K);
	pt_bench_expect_empty(b);
}

#define SCATTER_LIVE	8192

/* All over the address space, but half of them near the one before */
static u64 scatter_iova(u64 *rnd, u64 last)
{
	u64 iova = rnd64(rnd) & GENMASK_ULL(47, 12);

	return rnd_chance(rnd, 50) ? iova : last ^ (iova & (SZ_4M - 1));
}

/* Map a page that is not mapped; returns its address */
static u64 scatter_map(struct kunit *test, u64 *rnd, u64 last)
{
	struct pt_bench *b = test->priv;
	size_t mapped;
	u64 iova;

	do {
		iova = scatter_iova(rnd, last);
	} while (!iova || sim_pt_lookup(&b->pt, iova));
	KUNIT_ASSERT_EQ(test, pt_bench_map(b, iova, iova + SZ_4K, SZ_4K, PT_RIGHTS, &mapped), 0);
	return iova;
}

static void scatter_unmap(struct kunit *test, u64 iova)
{
	struct pt_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, sim_pt_lookup(&b->pt, iova), iova + SZ_4K);
	KUNIT_ASSERT_EQ(test, sim_pt_unmap(&b->pt, iova, SZ_4K), SZ_4K);
}

/* Single pages, far apart, in any order: no table is left over */
static void pt_scatter_test(struct kunit *test)
{
	u64 *live = kunit_kcalloc(test, SCATTER_LIVE, sizeof(*live), GFP_KERNEL), rnd, iova = 0;
	u32 i, slot, nr = bench_scale(1000000), made = 0, most = 0;
	struct pt_bench *b = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, live);
	rnd = bench_seed(test);
	for (i = 0; made < nr; i++) {
		slot = rnd_below(&rnd, SCATTER_LIVE);
		if (live[slot]) {
			scatter_unmap(test, live[slot]);
			live[slot] = 0;
		} else {
			iova = scatter_map(test, &rnd, iova);
			live[slot] = iova;
			made++;
		}
		most = max_t(u32, most, atomic_long_read(&b->pt.tables));
		if (i % 64 == 0)
			pt_bench_step(b, SIM_PT_KEEP_EMPTY, true);
		/* What is freed after a grace period is memory, too */
		if (i % (2 * SCATTER_LIVE) == 0)
			rcu_barrier();
	}
	for (i = 0; i < SCATTER_LIVE; i++)
		if (live[i])
			scatter_unmap(test, live[i]);
	kunit_info(test, "%u pages, up to %u tables\n", made, most);
	pt_bench_expect_empty(b);
	rcu_barrier();
}

static struct kunit_case pt_cases[] = {
	KUNIT_CASE_PARAM(pt_size_test, size_gen_params),
	KUNIT_CASE_PARAM(pt_overlap_test, size_gen_params),
	KUNIT_CASE(pt_partial_map_test),
	KUNIT_CASE_SLOW(pt_pick_test),
	KUNIT_CASE(pt_gap_test),
	KUNIT_CASE(pt_next_leaf_test),
	KUNIT_CASE_PARAM(pt_replace_tables_test, size_gen_params),
	KUNIT_CASE(pt_reuse_table_test),
	KUNIT_CASE(pt_keep_test),
	KUNIT_CASE(pt_limbo_test),
	KUNIT_CASE_SLOW(pt_scatter_test),
	{}
};

static struct kunit_suite pt_suite = {
	.name = "iommu_sim_pt",
	.init = pt_test_init,
	.exit = pt_bench_exit,
	.test_cases = pt_cases,
};

kunit_test_suite(pt_suite);
