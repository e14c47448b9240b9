// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table writer against a model that is too simple to be wrong.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "pt_model.h"

#define NR_STEPS	60000
#define STEPS_A_CHECK	1500

KUNIT_ARRAY_PARAM(window, pt_windows, pt_window_desc);

static void unmap_everything(struct pt_model *m)
{
	pt_model_unmap_all(m, 0, m->nr);
	pt_bench_expect_empty(m->b);
}

static void model_random_test(struct kunit *test)
{
	struct pt_model *m = pt_model_create(test, test->param_value);
	u32 i, nr = bench_scale(NR_STEPS), at;

	for (i = 1; i <= nr; i++) {
		pt_model_random_step(m);
		at = rnd_below(&m->rnd, m->nr);
		pt_model_check_unit(m, at, rnd64(&m->rnd) & (BIT_ULL(m->w->unit_lg2) - 1));
		if (i % STEPS_A_CHECK == 0)
			pt_model_check(m);
		/* What is freed after a grace period is memory, too */
		if (i % (8 * STEPS_A_CHECK) == 0)
			rcu_barrier();
	}
	kunit_info(test, "%u changes: %u maps, %u refused; %u splits\n",
		   m->step, m->maps, m->refused, m->splits);
	unmap_everything(m);
	rcu_barrier();
}

/* Ways to unmap a window bit by bit: the unit to unmap at each turn */
static u32 nth_up(const struct pt_model *m, u32 n)
{
	return n;
}

static u32 nth_down(const struct pt_model *m, u32 n)
{
	return m->nr - 1 - n;
}

static u32 nth_alternating(const struct pt_model *m, u32 n)
{
	return n < (m->nr + 1) / 2 ? 2 * n : 2 * (n - (m->nr + 1) / 2) + 1;
}

static u32 nth_inside_out(const struct pt_model *m, u32 n)
{
	return n % 2 ? m->nr / 2 - 1 - n / 2 : m->nr / 2 + n / 2;
}

static u32 nth_outside_in(const struct pt_model *m, u32 n)
{
	return n % 2 ? m->nr - 1 - n / 2 : n / 2;
}

/* 389 has no divisor in common with a power of two */
static u32 nth_strided(const struct pt_model *m, u32 n)
{
	return n * 389 % m->nr;
}

static u32 (*const orders[])(const struct pt_model *m, u32 n) = {
	nth_up, nth_down, nth_alternating, nth_inside_out, nth_outside_in, nth_strided,
};

/* By the largest pages there are */
static void map_everything(struct pt_model *m)
{
	u32 chunk = min_t(u64, m->nr, BIT_ULL(51) >> m->w->unit_lg2), i;

	for (i = 0; i < m->nr; i += chunk)
		pt_model_map(m, i, chunk, pt_model_iova(m, i) & (BIT_ULL(51) - 1), PT_RIGHTS);
	for (i = 0; i < 8; i++)
		pt_model_write(m, rnd_below(&m->rnd, m->nr), 0);
}

/* Its first, its last or a page in its middle of each page that there is */
static void unmap_of_each(struct pt_model *m, unsigned int which)
{
	u32 i, begin, end;

	for (i = 0; i < m->nr; i = end) {
		pt_model_page(m, i, &begin, &end);
		if (!pt_model_mapped(m, i))
			end = i + 1;
		else if (which == 0)
			pt_model_unmap(m, begin, 1);
		else
			pt_model_unmap(m, which == 1 ? end - 1 : begin + (end - begin) / 2, 1);
	}
	pt_model_check(m);
}

/* Whole pages go one by one, or come apart in any order, to the last table */
static void model_orders_test(struct kunit *test)
{
	struct pt_model *m = pt_model_create(test, test->param_value);
	unsigned int i;
	u32 n;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		map_everything(m);
		for (n = 0; n < m->nr; n++) {
			KUNIT_ASSERT_EQ(test, pt_model_unmap(m, orders[i](m, n), 1), 1);
			if (n % 64 == 0)
				pt_model_check(m);
		}
		pt_bench_expect_empty(m->b);
	}
	for (i = 0; i < 6; i++) {
		map_everything(m);
		pt_model_check(m);
		unmap_of_each(m, i % 3);
		/* Once more, of the parts */
		unmap_of_each(m, (i + i / 3) % 3);
		unmap_everything(m);
	}
	rcu_barrier();
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE_PARAM_ATTR(model_random_test, window_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(model_orders_test, window_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite model_suite = {
	.name = "iommu_sim_pt_model",
	.exit = pt_bench_exit,
	.test_cases = model_cases,
};

kunit_test_suite(model_suite);
