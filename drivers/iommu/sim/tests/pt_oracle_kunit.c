// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel has code of its own for page tables of this format: generic_pt, as
 * the AMD driver uses it. It reads ours.
 */
#include "pt_model.h"

#if IS_REACHABLE(CONFIG_IOMMU_PT_AMDV1) && __has_include("fmt/amdv1.h")

/* As drivers/iommu/generic_pt/fmt/iommu_amdv1.c, which has the functions */
#define PT_FMT amdv1
#define PTPFX amdv1_
#define PT_FORCE_ENABLED_FEATURES					\
	(BIT(PT_FEAT_DYNAMIC_TOP) | BIT(PT_FEAT_AMDV1_ENCRYPT_TABLES) |	\
	 BIT(PT_FEAT_AMDV1_FORCE_COHERENCE))
#define PT_SUPPORTED_FEATURES	(PT_FORCE_ENABLED_FEATURES | BIT(PT_FEAT_FULL_VA))

#include <linux/args.h>
#include <linux/generic_pt/common.h>
#include <linux/generic_pt/iommu.h>
#include "fmt/defs_amdv1.h"
#include "pt_defs.h"
#include "fmt/amdv1.h"
#include "pt_common.h"
#include "pt_iter.h"

#define NR_STEPS	6000
#define STEPS_A_CHECK	300

KUNIT_ARRAY_PARAM(window, pt_windows, pt_window_desc);

/**
 * struct oracle - generic_pt's page table, which is ours
 * @pt: what generic_pt knows of it
 * @b: what we know of it
 * @iova: how far they agree
 * @leaves: pages so far
 */
struct oracle {
	struct pt_iommu_amdv1 pt;
	struct pt_bench *b;
	u64 iova;
	u32 leaves;
};

static void oracle_init(struct oracle *o, struct pt_bench *b)
{
	struct pt_common *common = &o->pt.amdpt.common;

	memset(o, 0, sizeof(*o));
	o->b = b;
	common->max_vasz_lg2 = PT_MAX_VA_ADDRESS_LG2;
	common->max_oasz_lg2 = PT_MAX_OUTPUT_ADDRESS_LG2;
	common->features = PT_FORCE_ENABLED_FEATURES;
	pt_top_set(common, (struct pt_table_p *)b->pt.root, b->pt.levels - 1);
}

/* An entry that generic_pt takes for a page: it is the next that we know of */
static void compare_leaf(struct oracle *o, const struct pt_state *pts)
{
	struct kunit *test = o->b->test;
	u64 iova = pts->range->va, at = iova;
	struct pt_write_attrs attrs = {};
	struct sim_leaf leaf, dirty;

	KUNIT_ASSERT_TRUE_MSG(test, sim_pt_next_leaf(&o->b->pt, o->iova, o->b->last, &leaf),
			      "one page too many, at %#llx", iova);
	KUNIT_ASSERT_EQ(test, iova, leaf.iova);
	KUNIT_ASSERT_EQ(test, pt_entry_oa(pts), leaf.pa);
	KUNIT_ASSERT_EQ(test, pt_entry_oa_lg2sz(pts), leaf.size_lg2);
	pt_attr_from_entry(pts, &attrs);
	KUNIT_ASSERT_EQ(test, attrs.descriptor_bits, (leaf.entry & PT_RIGHTS) | SIM_PTE_FC);
	KUNIT_ASSERT_EQ(test, pt_entry_is_write_dirty(pts),
			sim_pt_next_dirty(&o->b->pt, &at, at, false, &dirty));
	o->iova = leaf.iova + BIT_ULL(leaf.size_lg2);
	o->leaves++;
}

static int walk_level(struct pt_range *range, void *arg, unsigned int level,
		      struct pt_table_p *table)
{
	struct pt_state pts = pt_init(range, level, table);
	int ret;

	for_each_pt_level_entry(&pts) {
		if (pts.type == PT_ENTRY_OA) {
			compare_leaf(arg, &pts);
		} else if (pts.type == PT_ENTRY_TABLE) {
			ret = pt_descend(&pts, arg, walk_level);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Every page that there is, by generic_pt; returns how many */
static u32 oracle_check(struct pt_bench *b)
{
	struct pt_range range;
	struct sim_leaf leaf;
	struct oracle o;

	oracle_init(&o, b);
	range = pt_all_range(&o.pt.amdpt.common);
	KUNIT_ASSERT_EQ(b->test, range.last_va, BIT_ULL(12 + 9 * b->pt.levels) - 1);
	KUNIT_ASSERT_EQ(b->test, pt_walk_range(&range, walk_level, &o), 0);
	KUNIT_ASSERT_FALSE(b->test, sim_pt_next_leaf(&b->pt, o.iova, b->last, &leaf));
	return o.leaves;
}

/* What a driver asks generic_pt */
static void compare_phys(struct pt_bench *b, u64 iova)
{
	struct oracle o;

	oracle_init(&o, b);
	KUNIT_ASSERT_EQ(b->test, pt_iommu_amdv1_iova_to_phys(&o.pt.iommu.domain, iova),
			sim_pt_lookup(&b->pt, iova));
}

static void oracle_random_test(struct kunit *test)
{
	struct pt_model *m = pt_model_create(test, test->param_value);
	u32 i, nr = bench_scale(NR_STEPS), leaves = 0;

	for (i = 1; i <= nr; i++) {
		pt_model_random_step(m);
		compare_phys(m->b, pt_model_iova(m, rnd_below(&m->rnd, m->nr)) +
			     (rnd64(&m->rnd) & (BIT_ULL(m->w->unit_lg2) - 1)));
		if (i % STEPS_A_CHECK)
			continue;
		/* What is frozen is as before, and what is retired not present, for both */
		while (pt_bench_step(m->b, 0, false))
			leaves += oracle_check(m->b);
		leaves += oracle_check(m->b);
		pt_bench_reclaim(m->b);
		cond_resched();
	}
	pt_model_check(m);
	KUNIT_EXPECT_EQ(test, oracle_check(m->b) ? 1 : 0, !!pt_bench_digest(m->b));
	kunit_info(test, "%u changes, %u pages compared\n", m->step, leaves);
	pt_model_unmap_all(m, 0, m->nr);
	while (pt_bench_step(m->b, 0, false))
		KUNIT_EXPECT_EQ(test, oracle_check(m->b), 0);
	KUNIT_EXPECT_EQ(test, oracle_check(m->b), 0);
	pt_bench_expect_empty(m->b);
}

static struct kunit_case oracle_cases[] = {
	KUNIT_CASE_PARAM_ATTR(oracle_random_test, window_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

SIM_IMPORT_NS(GENERIC_PT_IOMMU);

#else

static void oracle_random_test(struct kunit *test)
{
	kunit_skip(test, "this kernel has no generic_pt with AMDv1");
}

static struct kunit_case oracle_cases[] = {
	KUNIT_CASE(oracle_random_test),
	{}
};

#endif

static struct kunit_suite oracle_suite = {
	.name = "iommu_sim_pt_oracle",
	.exit = pt_bench_exit,
	.test_cases = oracle_cases,
};

kunit_test_suite(oracle_suite);
