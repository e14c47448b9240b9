// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can a translation survive in the IOTLB? Under every policy, with caches of every
 * kind and all modes of the command queues; and is it noticed if the silicon lets it?
 */
#include "stale.h"

static const struct stale_case cases[] = {
	{ "strict", STRICT, { BIG }, GOOD },
	{ "strict, 2 entries", STRICT, { SMALL }, GOOD },
	{ "strict, direct mapped, latency", STRICT, { DIRECT, LATENCY }, GOOD },
	{ "strict, no walk cache, thread", STRICT, { NO_PWC, THREAD }, GOOD },
	{ "strict, caching mode", STRICT, { BIG, .npcache = true }, GOOD },
	{ "batched", BATCHED, { BIG }, GOOD },
	{ "batched, 2 entries, thread", BATCHED, { SMALL, THREAD }, GOOD },
	{ "batched, direct mapped, latency", BATCHED, { DIRECT, LATENCY }, GOOD },
	{ "batched, caching mode", BATCHED, { DIRECT, .npcache = true }, GOOD },
	{ "commit", COMMIT, { BIG }, GOOD },
	{ "commit, 2 entries, latency", COMMIT, { SMALL, LATENCY }, GOOD },
	{ "commit, no walk cache", COMMIT, { NO_PWC }, GOOD },
	{ "commit, thread", COMMIT, { BIG, THREAD }, GOOD },
	{ "commit, caching mode", COMMIT, { BIG, .npcache = true }, GOOD },
};

KUNIT_ARRAY_PARAM_DESC(stale, cases, name);

static void stale_test(struct kunit *test)
{
	stale_run(test, test->param_value);
	stale_expect_good(test);
}

static const struct stale_case broken_cases[] = {
	{ "skipped, strict", STRICT, { BIG }, SIM_INJECT_IOTLB_INVALIDATE, 5 },
	{ "skipped, batched", BATCHED, { BIG }, SIM_INJECT_IOTLB_INVALIDATE, 20 },
	{ "skipped, commit", COMMIT, { BIG }, SIM_INJECT_IOTLB_INVALIDATE, 5 },
	{ "wrong domain, strict", STRICT, { BIG }, SIM_INJECT_IOTLB_WRONG_DOMAIN, 5 },
	{ "wrong domain, batched", BATCHED, { BIG }, SIM_INJECT_IOTLB_WRONG_DOMAIN, 20 },
	{ "wrong domain, commit", COMMIT, { BIG }, SIM_INJECT_IOTLB_WRONG_DOMAIN, 5 },
	{ "off by one, strict", STRICT, { BIG }, SIM_INJECT_IOTLB_OFF_BY_ONE, 5 },
	{ "off by one, commit", COMMIT, { BIG }, SIM_INJECT_IOTLB_OFF_BY_ONE, 5 },
	{ "leaves only, strict", STRICT, { BIG }, SIM_INJECT_IOTLB_KEEP_TABLES, 100,
	  .only_reads = true, .churn = 50 },
	{ "leaves only, batched", BATCHED, { BIG }, SIM_INJECT_IOTLB_KEEP_TABLES, 100,
	  .only_reads = true, .churn = 50 },
	{ "early completion, strict", STRICT, { BIG }, SIM_INJECT_COMPLETION_EARLY, 20 },
	{ "early completion, batched", BATCHED, { BIG }, SIM_INJECT_COMPLETION_EARLY, 20 },
	{ "early completion, commit", COMMIT, { BIG }, SIM_INJECT_COMPLETION_EARLY, 20 },
	{ "fill after invalidation, strict", STRICT, { DIRECT }, SIM_INJECT_FILL_RACE, 100,
	  .parallel = true },
	{ "fill after invalidation, commit", COMMIT, { DIRECT }, SIM_INJECT_FILL_RACE, 100,
	  .parallel = true },
};

KUNIT_ARRAY_PARAM_DESC(broken, broken_cases, name);

static void broken_test(struct kunit *test)
{
	stale_run(test, test->param_value);
	stale_expect_caught(test);
}

static struct kunit_case stale_cases[] = {
	KUNIT_CASE_PARAM_ATTR(stale_test, stale_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(broken_test, broken_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite stale_suite = {
	.name = "iommu_sim_stale",
	.init = stale_init,
	.exit = stale_exit,
	.test_cases = stale_cases,
};

kunit_test_suite(stale_suite);
