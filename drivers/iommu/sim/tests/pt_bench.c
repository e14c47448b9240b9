// SPDX-License-Identifier: GPL-2.0-only
/* A test bench for page tables: see pt_bench.h */
#include <kunit/visibility.h>

#include "compat.h"
#include "pt_bench.h"
#include "ref_walk.h"

static const char *const stat_names[SIM_DSTAT_NR];

const u8 pt_bench_sizes[] = {
	12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
	34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
};

/**
 * pt_bench_size_desc() - name of a parameter that is a page size
 * @lg2: the parameter
 * @desc: where to put the name
 */
void pt_bench_size_desc(const u8 *lg2, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "2^%u", *lg2);
}

static void kick(struct sim_pt *pt)
{
	container_of(pt, struct pt_bench, pt)->kicks++;
}

/**
 * pt_bench_create() - make an empty page table
 * @test: the test; pt_bench_exit() undoes it
 * @bits: width of the IOVA
 * @sizes: the page sizes that maps use; those that are too large are left out
 *
 * Return: the bench, which is also in @test->priv.
 */
struct pt_bench *pt_bench_create(struct kunit *test, unsigned int bits, unsigned long sizes)
{
	struct pt_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int levels = DIV_ROUND_UP(bits - SIM_PAGE_LG2, SIM_PT_LEVEL_LG2);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->test = test;
	b->last = BIT_ULL(bits) - 1;
	b->hw = bench_machine(test);
	KUNIT_ASSERT_EQ(test, sim_stats_init(&b->stats, stat_names, SIM_DSTAT_NR), 0);
	pt_bench_alloc_point(b)->verbose = 0;
	sim_limbo_init(&b->limbo);
	KUNIT_ASSERT_EQ(test, sim_pt_init(&b->pt, levels, sizes & b->last, &b->stats,
					  &b->hw->inject, kick), 0);
	test->priv = b;
	return b;
}

/**
 * pt_bench_exit() - undo pt_bench_create(), for a suite's exit
 * @test: the test
 */
void pt_bench_exit(struct kunit *test)
{
	struct pt_bench *b = test->priv;

	if (!b)
		return;
	pt_bench_reclaim(b);
	sim_pt_destroy(&b->pt);
	/* Every test gives back every table */
	KUNIT_EXPECT_EQ(test, sim_stat_read(&b->stats, SIM_DSTAT_TABLES_ALLOCATED),
			sim_stat_read(&b->stats, SIM_DSTAT_TABLES_FREED));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&b->pt.tables), 0);
	sim_stats_destroy(&b->stats);
}

/**
 * pt_bench_map() - map, and make way where tables are, as a domain does
 * @b: the bench
 * @iova: see sim_pt_map()
 * @pa: see sim_pt_map()
 * @len: see sim_pt_map()
 * @rights: see sim_pt_map()
 * @mapped: becomes the bytes that are mapped
 *
 * Return: as sim_pt_map(), but -EAGAIN.
 */
int pt_bench_map(struct pt_bench *b, u64 iova, u64 pa, u64 len, u64 rights, size_t *mapped)
{
	unsigned int lg2;
	size_t before;
	int ret;

	*mapped = 0;
	for (;;) {
		before = *mapped;
		ret = sim_pt_map(&b->pt, iova + before, pa + before, len - before, rights,
				 GFP_KERNEL, mapped);
		if (ret != -EAGAIN)
			return ret;
		before = *mapped;
		sim_pt_pick_size(b->pt.sizes, iova + before, pa + before, len - before, &lg2);
		ret = sim_pt_clear_way(&b->pt, iova + before, lg2, &b->limbo);
		sim_pt_release(&b->pt, &b->limbo);
		if (ret)
			return ret;
		/* Once is enough, as nobody makes new tables meanwhile */
		ret = sim_pt_map(&b->pt, iova + before, pa + before, BIT_ULL(lg2), rights,
				 GFP_KERNEL, mapped);
		KUNIT_EXPECT_NE(b->test, ret, -EAGAIN);
		if (ret || *mapped == len)
			return ret;
	}
}

/**
 * pt_bench_step() - look at the tables that may be empty
 * @b: the bench
 * @keep: how many empty ones may stay
 * @release: flush, too
 *
 * The grace period between two steps is for those who map or unmap at the same
 * time; here, nobody does. Return: whether there has to be another step.
 */
bool pt_bench_step(struct pt_bench *b, unsigned int keep, bool release)
{
	bool again = false;
	LIST_HEAD(todo);

	sim_pt_reclaim_begin(&b->pt, &todo);
	while (!list_empty(&todo)) {
		again |= sim_pt_reclaim(&b->pt, &todo, &keep, &b->limbo);
		if (release)
			sim_pt_release(&b->pt, &b->limbo);
	}
	return again || !llist_empty(&b->pt.suspects);
}

/**
 * pt_bench_reclaim() - free all tables that are empty
 * @b: the bench
 */
void pt_bench_reclaim(struct pt_bench *b)
{
	unsigned int n = 0;

	sim_pt_release(&b->pt, &b->limbo);
	/* At each level: look again, freeze, free */
	while (pt_bench_step(b, 0, true) && n < 32)
		n++;
	KUNIT_EXPECT_LT(b->test, n, 32);
}

/**
 * pt_bench_expect_empty() - nothing is mapped, and no table is left over
 * @b: the bench
 */
void pt_bench_expect_empty(struct pt_bench *b)
{
	struct sim_leaf leaf;

	pt_bench_reclaim(b);
	KUNIT_EXPECT_FALSE(b->test, sim_pt_next_leaf(&b->pt, 0, b->last, &leaf));
	KUNIT_EXPECT_EQ(b->test, atomic_long_read(&b->pt.tables), 1);
	KUNIT_EXPECT_TRUE(b->test, list_empty(&b->pt.watched));
}

static void mix(u64 *digest, u64 value)
{
	*digest ^= value;
	*digest = rnd64(digest);
}

/**
 * pt_bench_digest() - what is mapped, in a number
 * @b: the bench
 *
 * Return: the same for the same addresses with the same rights, whatever the
 * sizes of the pages; 0 if nothing is mapped.
 */
u64 pt_bench_digest(struct pt_bench *b)
{
	u64 digest = 0, iova = 0, pa = 0, flags = 0;
	struct sim_leaf leaf;

	while (sim_pt_next_leaf(&b->pt, iova, b->last, &leaf)) {
		/* Only where it does not go on as before */
		if (leaf.iova != iova || leaf.pa != pa || flags != (leaf.entry & PT_RIGHTS)) {
			flags = leaf.entry & PT_RIGHTS;
			mix(&digest, iova);
			mix(&digest, leaf.iova);
			mix(&digest, leaf.pa | flags);
		}
		iova = leaf.iova + BIT_ULL(leaf.size_lg2);
		pa = leaf.pa + BIT_ULL(leaf.size_lg2);
	}
	if (digest)
		mix(&digest, iova);
	return digest;
}

/**
 * pt_bench_hw_walk() - where the silicon says that an address leads
 * @b: the bench
 * @iova: the address
 * @set: SIM_PTE_A, SIM_PTE_D: what it sets
 *
 * Return: the place.
 */
struct pt_place pt_bench_hw_walk(struct pt_bench *b, u64 iova, u64 set)
{
	struct sim_walk walk = {
		.iova = iova,
		.root = virt_to_phys(b->pt.root),
		.levels = b->pt.levels,
		.rights = PT_RIGHTS,
		.set = set,
	};
	enum sim_event_type event = bench_walk(b->hw, &walk);

	if (event) {
		/* Whatever the writer does: never is an entry malformed */
		if (event != SIM_EVT_IO_PAGE_FAULT || walk.fault)
			KUNIT_FAIL(b->test, "IOVA %#llx: event %u, flags %#x, entry %#llx", iova,
				   event, walk.fault, walk.entry);
		return (struct pt_place) { .pa = PT_NOWHERE };
	}
	return (struct pt_place) {
		.pa = walk.pa | (iova & (BIT_ULL(walk.size_lg2) - 1)),
		.flags = walk.rights & PT_RIGHTS,
		.size_lg2 = walk.size_lg2,
	};
}

/**
 * pt_bench_ref_walk() - where the specification says that an address leads
 * @b: the bench
 * @iova: the address
 *
 * Return: the place.
 */
struct pt_place pt_bench_ref_walk(struct pt_bench *b, u64 iova)
{
	/* All the memory there is; nothing is written, nor read beyond the tables */
	struct ref_mem mem = { .size = U64_MAX, .bytes = __va(0) };
	struct ref_walk walk = {
		.iova = iova,
		.root = virt_to_phys(b->pt.root),
		.levels = b->pt.levels,
		.may_read = true,
		.may_write = true,
	};

	ref_walk(&mem, &walk);
	if (walk.result != REF_TRANSLATED) {
		if (walk.result != REF_PAGE_FAULT || walk.flags)
			KUNIT_FAIL(b->test, "IOVA %#llx: result %d, flags %#x, entry %#llx", iova,
				   walk.result, walk.flags, walk.entry);
		return (struct pt_place) { .pa = PT_NOWHERE };
	}
	return (struct pt_place) {
		.pa = walk.pa | (iova & (BIT_ULL(walk.size_lg2) - 1)),
		.flags = (walk.may_read ? SIM_PTE_IR : 0) | (walk.may_write ? SIM_PTE_IW : 0),
		.size_lg2 = walk.size_lg2,
	};
}

SIM_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
