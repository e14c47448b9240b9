// SPDX-License-Identifier: GPL-2.0-only
/*
 * The injection core: when a point fails, and when not.
 */
#include <kunit/test.h>

#include "debug/inject.h"

#define RID	0x0108
#define LEN	4096

static int inject_test_init(struct kunit *test)
{
	struct sim_inject *inject = kunit_kzalloc(test, sizeof(*inject), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, inject);
	sim_inject_init(inject);
	test->priv = inject;
	return 0;
}

static void inject_test_exit(struct kunit *test)
{
	if (test->priv)
		sim_inject_destroy(test->priv);
}

static struct sim_inject_point *map_point(struct kunit *test)
{
	struct sim_inject *inject = test->priv;
	struct sim_inject_point *point = &inject->point[SIM_INJECT_MAP];

	point->verbose = 0;
	return point;
}

static bool consider(struct kunit *test, u64 iova)
{
	return sim_inject(test->priv, SIM_INJECT_MAP, RID, iova, iova + LEN - 1);
}

/* The verdicts on @nr considerations; bit n is that on the nth */
static u64 verdicts(struct kunit *test, unsigned int nr)
{
	unsigned int i;
	u64 result = 0;

	for (i = 0; i < nr; i++)
		if (consider(test, 0))
			result |= BIT_ULL(i);
	return result;
}

static void inject_default_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);

	KUNIT_EXPECT_EQ(test, verdicts(test, 64), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&point->considered), 0);
	/* As with the kernel's own, times is 1 unless set */
	sim_inject_set_probability(point, 100);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&point->injected), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&point->considered), 64);
}

static void inject_times_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);

	atomic_set(&point->times, 5);
	sim_inject_set_probability(point, 100);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), GENMASK_ULL(4, 0));
	KUNIT_EXPECT_EQ(test, atomic_read(&point->times), 0);
	atomic_set(&point->times, -1);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), U64_MAX);
}

static void inject_interval_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);

	atomic_set(&point->times, -1);
	point->interval = 8;
	sim_inject_set_probability(point, 100);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), 0x8080808080808080ULL);
}

static void inject_space_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);

	atomic_set(&point->times, -1);
	atomic_set(&point->space, 3 * LEN + 1);
	sim_inject_set_probability(point, 100);
	KUNIT_EXPECT_EQ(test, verdicts(test, 6), 0x38);
}

/* Same seed, same verdicts; another seed, others; and about as many as asked */
static void inject_seed_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);
	unsigned int i, hits = 0;
	u64 first;

	atomic_set(&point->times, -1);
	sim_inject_set_probability(point, 50);
	sim_inject_set_seed(point, 1);
	first = verdicts(test, 64);
	KUNIT_EXPECT_NE(test, first, 0);
	KUNIT_EXPECT_NE(test, first, U64_MAX);
	KUNIT_EXPECT_NE(test, verdicts(test, 64), first);
	sim_inject_set_seed(point, 1);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), first);
	sim_inject_set_seed(point, 2);
	KUNIT_EXPECT_NE(test, verdicts(test, 64), first);

	sim_inject_set_probability(point, 10);
	for (i = 0; i < 10000; i++)
		hits += consider(test, 0);
	KUNIT_EXPECT_GT(test, hits, 850);
	KUNIT_EXPECT_LT(test, hits, 1150);
}

static void inject_fail_nth_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);

	sim_inject_set_fail_nth(point, 3);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), BIT_ULL(2));
	KUNIT_EXPECT_EQ(test, atomic_read(&point->fail_nth), 0);
}

static void inject_filter_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);

	atomic_set(&point->times, -1);
	sim_inject_set_probability(point, 100);
	point->device = RID + 1;
	KUNIT_EXPECT_FALSE(test, consider(test, 0));
	point->device = RID;
	KUNIT_EXPECT_TRUE(test, consider(test, 0));
	KUNIT_EXPECT_FALSE(test, sim_inject(test->priv, SIM_INJECT_MAP, SIM_INJECT_ANY_DEVICE,
					    0, 0));
	point->device = SIM_INJECT_ANY_DEVICE;
	point->iova_start = 0x10000;
	point->iova_last = 0x1ffff;
	KUNIT_EXPECT_FALSE(test, consider(test, 0xf000));
	KUNIT_EXPECT_TRUE(test, consider(test, 0xf001));
	KUNIT_EXPECT_TRUE(test, consider(test, 0x1ffff));
	KUNIT_EXPECT_FALSE(test, consider(test, 0x20000));
	/* What the filters let through was considered, and nothing else */
	KUNIT_EXPECT_EQ(test, atomic64_read(&point->considered), 3);
	/* Other points are not concerned */
	KUNIT_EXPECT_FALSE(test, sim_inject(test->priv, SIM_INJECT_TABLE_ALLOC, RID, 0x10000,
					    0x10000));
}

static void inject_clear_test(struct kunit *test)
{
	struct sim_inject_point *point = map_point(test);
	int armed = static_key_count(&sim_inject_armed.key);

	atomic_set(&point->times, -1);
	sim_inject_set_probability(point, 100);
	sim_inject_set_fail_nth(point, 1000);
	KUNIT_EXPECT_EQ(test, static_key_count(&sim_inject_armed.key), armed + 1);
	point->device = RID;
	sim_inject_clear(test->priv);
	KUNIT_EXPECT_EQ(test, static_key_count(&sim_inject_armed.key), armed);
	KUNIT_EXPECT_EQ(test, verdicts(test, 64), 0);
	KUNIT_EXPECT_EQ(test, point->device, SIM_INJECT_ANY_DEVICE);
	KUNIT_EXPECT_EQ(test, atomic_read(&point->times), 1);
}

static struct kunit_case inject_cases[] = {
	KUNIT_CASE(inject_default_test),
	KUNIT_CASE(inject_times_test),
	KUNIT_CASE(inject_interval_test),
	KUNIT_CASE(inject_space_test),
	KUNIT_CASE(inject_seed_test),
	KUNIT_CASE(inject_fail_nth_test),
	KUNIT_CASE(inject_filter_test),
	KUNIT_CASE(inject_clear_test),
	{}
};

static struct kunit_suite inject_suite = {
	.name = "iommu_sim_inject",
	.init = inject_test_init,
	.exit = inject_test_exit,
	.test_cases = inject_cases,
};

kunit_test_suite(inject_suite);
