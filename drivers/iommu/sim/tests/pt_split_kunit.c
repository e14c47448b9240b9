// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages in parts: each size, unmapped from each end and in the middle, with
 * each allocation failing in turn; and what devices have written to.
 */
#include "pt_bench.h"

/* In the middle of everything: below it is a whole page of each size */
#define SPLIT_IOVA	BIT_ULL(52)
#define SPLIT_PA	BIT_ULL(51)

static int split_test_init(struct kunit *test)
{
	pt_bench_create(test, 57, SIM_PGSIZES);
	return 0;
}

/* Which part of a page goes */
enum part { FIRST, LAST, MIDDLE, ALL_BUT_ENDS, FIRST_HALF, LAST_HALF, NR_PARTS };

KUNIT_ARRAY_PARAM(size, pt_bench_sizes, pt_bench_size_desc);

static unsigned int param_size(struct kunit *test)
{
	return *(const u8 *)test->param_value;
}

/* Where it begins in the page, and in @len how long it is */
static u64 part_range(unsigned int lg2, enum part part, u64 *len)
{
	u64 size = BIT_ULL(lg2), half = size / 2;

	*len = SZ_4K;
	switch (part) {
	case FIRST:
		return 0;
	case LAST:
		return size - SZ_4K;
	case MIDDLE:
		return half / SZ_4K * 2 / 3 * SZ_4K;
	case ALL_BUT_ENDS:
		*len = size == SZ_8K ? SZ_4K : size - SZ_8K;
		return SZ_4K;
	case FIRST_HALF:
		*len = half;
		return 0;
	default:
		*len = half;
		return half;
	}
}

/* D of a page is the OR over its entries (spec 4.2) */
static bool is_dirty(struct pt_bench *b, u64 iova)
{
	struct sim_leaf leaf;

	return sim_pt_next_dirty(&b->pt, &iova, iova, false, &leaf);
}

/* Mapped from @off on, @len bytes of the page that was, by whatever sizes */
static void expect_extent(struct pt_bench *b, u64 off, u64 len, u64 flags)
{
	u64 at = SPLIT_IOVA + off, end = at + len, last;
	struct pt_place place;
	struct sim_leaf leaf;

	while (at < end && sim_pt_next_leaf(&b->pt, at, end - 1, &leaf)) {
		KUNIT_ASSERT_EQ(b->test, leaf.iova, at);
		KUNIT_ASSERT_EQ(b->test, leaf.pa, SPLIT_PA + (at - SPLIT_IOVA));
		KUNIT_ASSERT_EQ(b->test, leaf.entry & PT_RIGHTS, flags & PT_RIGHTS);
		KUNIT_ASSERT_EQ(b->test, is_dirty(b, at), !!(flags & SIM_PTE_D));
		last = at + BIT_ULL(leaf.size_lg2) - 1;
		place = pt_bench_hw_walk(b, at, 0);
		KUNIT_ASSERT_EQ(b->test, place.pa, leaf.pa);
		KUNIT_ASSERT_EQ(b->test, place.size_lg2, leaf.size_lg2);
		KUNIT_ASSERT_EQ(b->test, place.flags, flags & PT_RIGHTS);
		place = pt_bench_ref_walk(b, last);
		KUNIT_ASSERT_EQ(b->test, place.pa, leaf.pa + (last - at));
		KUNIT_ASSERT_EQ(b->test, place.size_lg2, leaf.size_lg2);
		at = last + 1;
	}
	KUNIT_ASSERT_EQ(b->test, at, end);
}

static void map_page(struct pt_bench *b, unsigned int lg2, u64 flags)
{
	size_t mapped;

	KUNIT_ASSERT_EQ(b->test, pt_bench_map(b, SPLIT_IOVA, SPLIT_PA, BIT_ULL(lg2),
					      flags & PT_RIGHTS, &mapped), 0);
	KUNIT_ASSERT_EQ(b->test, mapped, BIT_ULL(lg2));
	/* D in one of the entries, as a device sets it; A with it */
	if (flags & SIM_PTE_D)
		pt_bench_hw_walk(b, SPLIT_IOVA + BIT_ULL(lg2) / 8 * 5, SIM_PTE_A | SIM_PTE_D);
}

/* Undo: what is left of the page after [@off, @off + @len) went, or all of it */
static void unmap_rest(struct pt_bench *b, unsigned int lg2, u64 off, u64 len)
{
	u64 size = BIT_ULL(lg2);

	if (off)
		KUNIT_EXPECT_EQ(b->test, sim_pt_unmap(&b->pt, SPLIT_IOVA, off), off);
	if (off + len != size)
		KUNIT_EXPECT_EQ(b->test, sim_pt_unmap(&b->pt, SPLIT_IOVA + off + len,
						      size - off - len), size - off - len);
	pt_bench_expect_empty(b);
}

static void try_part(struct kunit *test, enum part part, u64 flags)
{
	unsigned int lg2 = param_size(test);
	u64 len, off = part_range(lg2, part, &len), size = BIT_ULL(lg2);
	struct pt_bench *b = test->priv;
	long tables;

	map_page(b, lg2, flags);
	tables = atomic_long_read(&b->pt.tables);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, SPLIT_IOVA + off, len), len);
	KUNIT_EXPECT_LE(test, atomic_long_read(&b->pt.tables),
			tables + sim_pt_split_tables(sim_pt_leaf_level(lg2)));
	expect_extent(b, 0, off, flags);
	expect_extent(b, off + len, size - off - len, flags);
	KUNIT_EXPECT_EQ(test, pt_bench_hw_walk(b, SPLIT_IOVA + off, 0).pa, PT_NOWHERE);
	KUNIT_EXPECT_EQ(test, pt_bench_hw_walk(b, SPLIT_IOVA + off + len - 1, 0).pa, PT_NOWHERE);
	unmap_rest(b, lg2, off, len);
}

static void arm(struct pt_bench *b, unsigned int nth)
{
	sim_inject_set_fail_nth(pt_bench_alloc_point(b), nth);
}

static void disarm(struct pt_bench *b)
{
	sim_inject_clear(&b->hw->inject);
	pt_bench_alloc_point(b)->verbose = 0;
}

/* In one step, with the tables that a split at one end can need, and no more */
static void try_split(struct kunit *test, u64 off)
{
	unsigned int lg2 = param_size(test);
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	long tables;

	map_page(b, lg2, PT_RIGHTS | SIM_PTE_D);
	tables = atomic_long_read(&b->pt.tables);
	KUNIT_EXPECT_EQ(test, sim_pt_split(&b->pt, SPLIT_IOVA + off), 0);
	KUNIT_EXPECT_LE(test, atomic_long_read(&b->pt.tables),
			tables + sim_pt_split_tables(sim_pt_leaf_level(lg2)) / 2);
	KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, SPLIT_IOVA + off, b->last, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.iova, SPLIT_IOVA + off);
	expect_extent(b, 0, BIT_ULL(lg2), PT_RIGHTS | SIM_PTE_D);
	unmap_rest(b, lg2, BIT_ULL(lg2), 0);
}

/* If it fails the page is as it was, in one piece */
static void try_split_inject(struct kunit *test, u64 off)
{
	unsigned int lg2 = param_size(test), nth = 0;
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	long tables;
	int ret;

	map_page(b, lg2, PT_RIGHTS);
	tables = atomic_long_read(&b->pt.tables);
	do {
		arm(b, ++nth);
		ret = sim_pt_split(&b->pt, SPLIT_IOVA + off);
		disarm(b);
		if (!ret)
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), tables);
		KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&b->pt, SPLIT_IOVA, b->last, &leaf));
		KUNIT_EXPECT_EQ(test, leaf.size_lg2, lg2);
	} while (ret);
	unmap_rest(b, lg2, BIT_ULL(lg2), 0);
}

static void split_test(struct kunit *test)
{
	unsigned int lg2 = param_size(test), i;
	struct pt_bench *b = test->priv;
	u64 rnd = bench_seed(test);

	/* Where a page begins, or none is, there is nothing to do */
	KUNIT_EXPECT_EQ(test, sim_pt_split(&b->pt, SPLIT_IOVA), 0);
	try_split(test, 0);
	for (i = SIM_PAGE_LG2; i < lg2; i++) {
		b->pt.sizes = i % 2 ? SZ_4K | BIT(lg2) : SIM_PGSIZES;
		try_split(test, BIT_ULL(i));
		try_split(test, BIT_ULL(lg2) - BIT_ULL(i));
		try_split(test, rnd64(&rnd) & GENMASK_ULL(lg2 - 1, SIM_PAGE_LG2));
		try_split_inject(test, BIT_ULL(lg2) - BIT_ULL(i));
		try_split_inject(test, rnd64(&rnd) & GENMASK_ULL(lg2 - 1, SIM_PAGE_LG2));
	}
}

/* Whatever the sizes that maps use; rights and D are inherited */
static void split_unmap_test(struct kunit *test)
{
	unsigned int lg2 = param_size(test);
	struct pt_bench *b = test->priv;
	enum part part;

	if (lg2 == SIM_PAGE_LG2)
		kunit_skip(test, "it has no parts");
	for (part = 0; part < NR_PARTS; part++) {
		b->pt.sizes = SIM_PGSIZES;
		try_part(test, part, PT_RIGHTS);
		try_part(test, part, SIM_PTE_IR);
		try_part(test, part, SIM_PTE_IW | SIM_PTE_D);
		b->pt.sizes = SZ_4K | BIT(lg2);
		try_part(test, part, PT_RIGHTS | SIM_PTE_D);
		b->pt.sizes = SZ_4K | SZ_64K | SZ_4M | BIT(36) | BIT(44) | BIT(lg2);
		try_part(test, part, PT_RIGHTS | SIM_PTE_D);
		cond_resched();
	}
}

static void try_inject(struct kunit *test, enum part part)
{
	unsigned int lg2 = param_size(test), nth = 0;
	u64 len, off = part_range(lg2, part, &len), size = BIT_ULL(lg2), got;
	struct pt_bench *b = test->priv;

	do {
		map_page(b, lg2, PT_RIGHTS | SIM_PTE_D);
		arm(b, ++nth);
		got = sim_pt_unmap(&b->pt, SPLIT_IOVA + off, len);
		disarm(b);
		if (got) {
			KUNIT_ASSERT_EQ(test, got, len);
			expect_extent(b, 0, off, PT_RIGHTS | SIM_PTE_D);
			expect_extent(b, off + len, size - off - len, PT_RIGHTS | SIM_PTE_D);
			unmap_rest(b, lg2, off, len);
		} else {
			expect_extent(b, 0, size, PT_RIGHTS | SIM_PTE_D);
			unmap_rest(b, lg2, size, 0);
		}
	} while (!got);
	KUNIT_EXPECT_LE(test, nth - 1, sim_pt_split_tables(sim_pt_leaf_level(lg2)));
}

/* Each table in turn cannot be had: nothing is unmapped, and nothing lost */
static void split_inject_test(struct kunit *test)
{
	unsigned int lg2 = param_size(test);
	struct pt_bench *b = test->priv;
	enum part part;

	if (lg2 == SIM_PAGE_LG2)
		kunit_skip(test, "it has no parts");
	b->pt.sizes = SZ_4K | BIT(lg2);
	for (part = 0; part < NR_PARTS; part++) {
		try_inject(test, part);
		cond_resched();
	}
}

/* From one page into the next: what was unmapped before the failure is told */
static void split_inject_two_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	u64 size = SZ_1G, rest = size - SZ_4K, got;
	unsigned int nth = 0, seen = 0;
	size_t mapped;

	do {
		KUNIT_ASSERT_EQ(test, pt_bench_map(b, SPLIT_IOVA, SPLIT_PA, size, PT_RIGHTS,
						   &mapped), 0);
		KUNIT_ASSERT_EQ(test, pt_bench_map(b, SPLIT_IOVA + size, SPLIT_PA + size, size,
						   PT_RIGHTS, &mapped), 0);
		arm(b, ++nth);
		got = sim_pt_unmap(&b->pt, SPLIT_IOVA + SZ_4K, size);
		disarm(b);
		KUNIT_ASSERT_TRUE(test, got == 0 || got == rest || got == size);
		seen |= got == rest ? BIT(0) : got == size ? BIT(1) : BIT(2);
		expect_extent(b, 0, got ? SZ_4K : 2 * size, PT_RIGHTS);
		if (got)
			expect_extent(b, SZ_4K + got, 2 * size - SZ_4K - got, PT_RIGHTS);
		unmap_rest(b, 31, SZ_4K, got);
	} while (got != size);
	KUNIT_EXPECT_EQ(test, seen, 7);
	KUNIT_EXPECT_EQ(test, nth, 5);
}

/* Each table of a map in turn, on both sides of a border of all levels */
static void map_inject_test(struct kunit *test)
{
	u64 half = SZ_1G + SZ_2M + SZ_4K, iova = BIT_ULL(48) - half;
	struct pt_bench *b = test->priv;
	unsigned int nth = 0;
	struct sim_leaf leaf;
	size_t mapped;
	u64 at;
	int ret;

	do {
		arm(b, ++nth);
		ret = pt_bench_map(b, iova, 4 * (u64)SZ_1G - half, 2 * half, PT_RIGHTS,
				   &mapped);
		disarm(b);
		KUNIT_ASSERT_EQ(test, ret, mapped == 2 * half ? 0 : -ENOMEM);
		for (at = iova; sim_pt_next_leaf(&b->pt, at, b->last, &leaf);) {
			KUNIT_ASSERT_EQ(test, leaf.iova, at);
			KUNIT_ASSERT_EQ(test, leaf.pa, at - iova + 4 * (u64)SZ_1G - half);
			at += BIT_ULL(leaf.size_lg2);
		}
		KUNIT_ASSERT_EQ(test, at - iova, mapped);
		if (mapped)
			KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, iova, mapped), mapped);
		pt_bench_expect_empty(b);
	} while (ret);
	/* Two tables at each of four levels */
	KUNIT_EXPECT_EQ(test, nth, 9);
}

/* Of all that is large, some has been written to */
static void split_all_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	size_t mapped;
	u64 at;

	map_page(b, 30, PT_RIGHTS | SIM_PTE_D);
	KUNIT_ASSERT_EQ(test, pt_bench_map(b, 0, BIT_ULL(40), SZ_4M + SZ_64K, PT_RIGHTS,
					   &mapped), 0);
	b->pt.sizes = SZ_4K;
	KUNIT_ASSERT_EQ(test, sim_pt_split_all(&b->pt, b->last), 0);
	expect_extent(b, 0, SZ_1G, PT_RIGHTS | SIM_PTE_D);
	for (at = 0; sim_pt_next_leaf(&b->pt, at, SPLIT_IOVA - 1, &leaf); at += SZ_4K) {
		KUNIT_ASSERT_EQ(test, leaf.iova, at);
		KUNIT_ASSERT_EQ(test, leaf.pa, BIT_ULL(40) + at);
		KUNIT_ASSERT_EQ(test, leaf.size_lg2, 12);
		KUNIT_ASSERT_EQ(test, leaf.entry & SIM_PTE_D, 0);
	}
	KUNIT_EXPECT_EQ(test, at, SZ_4M + SZ_64K);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 1 + 2 + 1 + 512 + 3 + 3);
	KUNIT_EXPECT_EQ(test, sim_pt_unmap(&b->pt, 0, at), at);
	unmap_rest(b, 30, 0, 0);
}

/* The largest page in 4 KiB parts does not fit anywhere: it fails, and stays */
static void split_all_inject_test(struct kunit *test)
{
	struct pt_bench *b = test->priv;
	unsigned int nth;

	for (nth = 1; nth < 32; nth++) {
		map_page(b, 51, PT_RIGHTS | SIM_PTE_D);
		b->pt.sizes = SZ_4K;
		arm(b, nth);
		KUNIT_ASSERT_EQ(test, sim_pt_split_all(&b->pt, b->last), -ENOMEM);
		disarm(b);
		expect_extent(b, 0, BIT_ULL(51), PT_RIGHTS | SIM_PTE_D);
		unmap_rest(b, 51, BIT_ULL(51), 0);
		b->pt.sizes = SIM_PGSIZES;
	}
}

/* Told once, whichever the entry, and cleared in all */
static void next_dirty_test(struct kunit *test)
{
	static const u8 sizes[] = { 12, 13, 20, 21, 29, 30, 38, 40, 47, 48, 51 };
	struct pt_bench *b = test->priv;
	struct sim_leaf leaf;
	unsigned int i;
	u64 at, size;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = BIT_ULL(sizes[i]);
		map_page(b, sizes[i], PT_RIGHTS);
		at = SPLIT_IOVA;
		KUNIT_EXPECT_FALSE(test, sim_pt_next_dirty(&b->pt, &at, b->last, true, &leaf));
		KUNIT_EXPECT_GT(test, at, b->last);

		pt_bench_hw_walk(b, SPLIT_IOVA, SIM_PTE_A | SIM_PTE_D);
		pt_bench_hw_walk(b, SPLIT_IOVA + size - 1, SIM_PTE_A | SIM_PTE_D);
		/* From the middle of it, too; not cleared, so again */
		at = SPLIT_IOVA + size / 2;
		KUNIT_EXPECT_TRUE(test, sim_pt_next_dirty(&b->pt, &at, at, false, &leaf));
		at = SPLIT_IOVA - SZ_4K;
		KUNIT_EXPECT_TRUE(test, sim_pt_next_dirty(&b->pt, &at, b->last, true, &leaf));
		KUNIT_EXPECT_EQ(test, leaf.iova, SPLIT_IOVA);
		KUNIT_EXPECT_EQ(test, leaf.size_lg2, sizes[i]);
		KUNIT_EXPECT_EQ(test, at, SPLIT_IOVA + size);
		at = SPLIT_IOVA;
		KUNIT_EXPECT_FALSE(test, sim_pt_next_dirty(&b->pt, &at, b->last, true, &leaf));
		expect_extent(b, 0, size, PT_RIGHTS);
		unmap_rest(b, sizes[i], size, 0);
	}
}

static struct kunit_case split_cases[] = {
	KUNIT_CASE_PARAM(split_test, size_gen_params),
	KUNIT_CASE_PARAM(split_unmap_test, size_gen_params),
	KUNIT_CASE_PARAM(split_inject_test, size_gen_params),
	KUNIT_CASE(split_inject_two_test),
	KUNIT_CASE(map_inject_test),
	KUNIT_CASE(split_all_test),
	KUNIT_CASE(split_all_inject_test),
	KUNIT_CASE(next_dirty_test),
	{}
};

static struct kunit_suite split_suite = {
	.name = "iommu_sim_pt_split",
	.init = split_test_init,
	.exit = pt_bench_exit,
	.test_cases = split_cases,
};

kunit_test_suite(split_suite);
