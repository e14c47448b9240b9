// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can a translation survive in a device? As stale_kunit.c, with devices that use an ATC.
 * Either invalidation alone is not enough: without that of the ATC the device goes on
 * using what it has, without that of the IOTLB it gets the same again.
 */
#include "stale.h"

#define PASID	7
#define ATS	.translated = true, .churn = 1

static const struct stale_case cases[] = {
	{ "strict", STRICT, { BIG }, SIM_INJECT_NR, ATS },
	{ "strict, small IOTLB, thread", STRICT, { SMALL, THREAD }, SIM_INJECT_NR, ATS },
	{ "strict, latency", STRICT, { DIRECT, LATENCY }, SIM_INJECT_NR, ATS },
	{ "strict, PASID", STRICT, { BIG }, SIM_INJECT_NR, ATS, .pasid = PASID },
	{ "strict, caching mode", STRICT, { BIG, .npcache = true }, SIM_INJECT_NR, ATS },
	{ "batched", BATCHED, { BIG }, SIM_INJECT_NR, ATS },
	{ "batched, thread, PASID", BATCHED, { SMALL, THREAD }, SIM_INJECT_NR, ATS,
	  .pasid = PASID },
	{ "commit", COMMIT, { BIG }, SIM_INJECT_NR, ATS },
	{ "commit, latency", COMMIT, { SMALL, LATENCY }, SIM_INJECT_NR, ATS },
	{ "commit, PASID", COMMIT, { BIG }, SIM_INJECT_NR, ATS, .pasid = PASID },
};

KUNIT_ARRAY_PARAM_DESC(stale, cases, name);

static void stale_test(struct kunit *test)
{
	stale_run(test, test->param_value);
	stale_expect_good(test);
}

static const struct stale_case broken_cases[] = {
	{ "only the IOTLB, strict", STRICT, { BIG }, SIM_INJECT_ATC_SKIP, 100, ATS },
	{ "only the IOTLB, batched", BATCHED, { BIG }, SIM_INJECT_ATC_SKIP, 100, ATS },
	{ "only the IOTLB, commit", COMMIT, { BIG }, SIM_INJECT_ATC_SKIP, 100, ATS },
	{ "only the ATC, strict", STRICT, { BIG }, SIM_INJECT_IOTLB_INVALIDATE, 100, ATS },
	{ "only the ATC, batched", BATCHED, { BIG }, SIM_INJECT_IOTLB_INVALIDATE, 100, ATS },
	{ "only the ATC, commit", COMMIT, { BIG }, SIM_INJECT_IOTLB_INVALIDATE, 100, ATS },
	{ "skipped now and then, strict", STRICT, { BIG }, SIM_INJECT_ATC_SKIP, 5, ATS },
	{ "skipped now and then, commit", COMMIT, { BIG }, SIM_INJECT_ATC_SKIP, 5, ATS },
	/* A flush of all of a domain, as batched ones are, names none */
	{ "wrong PASID, strict", STRICT, { BIG }, SIM_INJECT_ATC_WRONG_PASID, 5, ATS,
	  .pasid = PASID },
	{ "wrong PASID, commit", COMMIT, { BIG }, SIM_INJECT_ATC_WRONG_PASID, 5, ATS,
	  .pasid = PASID },
	{ "too narrow, strict", STRICT, { BIG }, SIM_INJECT_ATC_TOO_NARROW, 5, ATS },
	{ "too narrow, commit", COMMIT, { BIG }, SIM_INJECT_ATC_TOO_NARROW, 5, ATS },
	{ "answer before the effect, strict", STRICT, { BIG }, SIM_INJECT_ATC_EARLY, 20, ATS },
	{ "answer before the effect, batched", BATCHED, { BIG }, SIM_INJECT_ATC_EARLY, 20, ATS },
	{ "answer before the effect, commit", COMMIT, { BIG }, SIM_INJECT_ATC_EARLY, 20, ATS },
	{ "crossing answer kept, strict", STRICT, { BIG }, SIM_INJECT_ATC_KEEP_CROSSING, 100, ATS,
	  .parallel = true },
	{ "crossing answer kept, commit", COMMIT, { BIG }, SIM_INJECT_ATC_KEEP_CROSSING, 100, ATS,
	  .parallel = true },
};

KUNIT_ARRAY_PARAM_DESC(broken, broken_cases, name);

static void broken_test(struct kunit *test)
{
	stale_run(test, test->param_value);
	stale_expect_caught(test);
}

static struct kunit_case stale_ats_cases[] = {
	KUNIT_CASE_PARAM_ATTR(stale_test, stale_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(broken_test, broken_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite stale_ats_suite = {
	.name = "iommu_sim_stale_ats",
	.init = stale_init,
	.exit = stale_exit,
	.test_cases = stale_ats_cases,
};

kunit_test_suite(stale_ats_suite);
