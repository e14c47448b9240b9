// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which commands a flush consists of, to the number, and explicit commit:
 * Documentation/iommu-sim/flushing.rst.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/iommu-sim.h>
#include <linux/mm.h>
#include <linux/platform_device.h>

#include "pt_race.h"

#define BASE		0x40000000UL
#define PATTERN		0x0123456789abcdefULL

/**
 * struct flush_bench - an endpoint in a domain
 * @r: the endpoint, the domain
 * @sdev: what the driver knows of the endpoint
 * @ats: it has ATS
 * @buf: memory, mapped to every page of the test
 * @seen: counters of the silicon when flush_begin() was called
 */
struct flush_bench {
	struct pt_race *r;
	struct sim_device *sdev;
	bool ats;
	u64 *buf;
	u64 seen[SIM_STAT_NR];
};

static u64 count(struct flush_bench *b, enum sim_hw_stat i)
{
	return sim_stat_read(&b->r->iommu->hw->stats, i);
}

static void flush_begin(struct flush_bench *b)
{
	unsigned int i;

	for (i = 0; i < SIM_STAT_NR; i++)
		b->seen[i] = count(b, i);
}

/* Since flush_begin(): so many commands of each kind, and nothing else */
static void expect_cmds(struct flush_bench *b, u64 pages, u64 ranges, u64 domain, u64 waits,
			const char *what, unsigned int n)
{
	struct kunit *test = b->r->test;

	KUNIT_EXPECT_EQ_MSG(test, count(b, SIM_STAT_CMD_INV_PAGES) -
			    b->seen[SIM_STAT_CMD_INV_PAGES], pages, "%s %u", what, n);
	KUNIT_EXPECT_EQ_MSG(test, count(b, SIM_STAT_CMD_INV_RANGE) -
			    b->seen[SIM_STAT_CMD_INV_RANGE], ranges, "%s %u", what, n);
	KUNIT_EXPECT_EQ_MSG(test, count(b, SIM_STAT_CMD_INV_DOMAIN) -
			    b->seen[SIM_STAT_CMD_INV_DOMAIN], domain, "%s %u", what, n);
	KUNIT_EXPECT_EQ_MSG(test, count(b, SIM_STAT_CMD_WAITS) -
			    b->seen[SIM_STAT_CMD_WAITS], waits, "%s %u", what, n);
	KUNIT_EXPECT_EQ_MSG(test, count(b, SIM_STAT_CMDS) - b->seen[SIM_STAT_CMDS],
			    pages + ranges + domain + waits, "%s %u", what, n);
}

static int flush_init(struct kunit *test)
{
	struct flush_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->buf = (u64 *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->buf);
	b->r = pt_race_create(test);
	/* Those for ATCs come on top of what is counted here: see driver_ats_kunit.c */
	b->sdev = dev_iommu_priv_get(&b->r->client->pdev->dev);
	b->ats = b->sdev->ats_supported;
	b->sdev->ats_supported = false;
	test->priv = b;
	return 0;
}

static void flush_exit(struct kunit *test)
{
	struct flush_bench *b = test->priv;

	if (!b)
		return;
	sim_inject_clear(b->r->iommu->inject);
	b->r->iommu->has_range = true;
	b->r->iommu->hw->config.no_range = false;
	b->sdev->ats_supported = b->ats;
	pt_race_destroy(b->r);
	free_page((unsigned long)b->buf);
}

/* A domain with explicit commit, with the endpoint in it */
static void use_explicit(struct flush_bench *b)
{
	pt_race_use(b->r, iommu_sim_domain_alloc_explicit(&b->r->client->pdev->dev));
	pt_race_attach(b->r);
	KUNIT_ASSERT_EQ(b->r->test, iommu_sim_commit(b->r->domain), 0);
}

static void map_pages(struct flush_bench *b, u64 page, unsigned int nr)
{
	for (; nr; nr--, page++)
		KUNIT_ASSERT_EQ(b->r->test, iommu_map(b->r->domain, BASE + page * PAGE_SIZE,
						      virt_to_phys(b->buf), PAGE_SIZE, RACE_RW,
						      GFP_KERNEL), 0);
}

static void unmap_pages(struct flush_bench *b, u64 page, unsigned int nr)
{
	KUNIT_ASSERT_EQ(b->r->test, iommu_unmap(b->r->domain, BASE + page * PAGE_SIZE,
						nr * PAGE_SIZE), nr * PAGE_SIZE);
}

static bool reaches(struct flush_bench *b, u64 page)
{
	u64 value;

	return pt_race_dma(b->r, SIM_TLP_MEM_READ, BASE + page * PAGE_SIZE, &value, 8);
}

#define MODEL_PAGES	256

/* Random ranges against a bitmap: the same pages, in order, and none adjacent */
static void ranges_random_test(struct kunit *test)
{
	struct sim_ranges *ranges = kunit_kzalloc(test, sizeof(*ranges), GFP_KERNEL);
	DECLARE_BITMAP(model, MODEL_PAGES);
	DECLARE_BITMAP(found, MODEL_PAGES);
	u64 rnd = bench_seed(test);
	unsigned int i, n, overflows = 0, first, nr, at;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (i = 0; i < bench_scale(2000); i++) {
		ranges->nr = 0;
		ranges->all = false;
		bitmap_zero(model, MODEL_PAGES);
		for (n = 0; n < 60 && !ranges->all; n++) {
			first = rnd_below(&rnd, MODEL_PAGES);
			nr = 1 + rnd_below(&rnd, min(MODEL_PAGES - first, 1 + i % 8));
			bitmap_set(model, first, nr);
			sim_ranges_add(ranges, BASE + (u64)first * PAGE_SIZE,
				       BASE + (u64)(first + nr) * PAGE_SIZE - 1);
		}
		if (ranges->all) {
			overflows++;
			continue;
		}
		bitmap_zero(found, MODEL_PAGES);
		for (n = 0; n < ranges->nr; n++) {
			at = (ranges->range[n].first - BASE) >> PAGE_SHIFT;
			nr = (ranges->range[n].last + 1 - ranges->range[n].first) >> PAGE_SHIFT;
			bitmap_set(found, at, nr);
			if (n)
				KUNIT_EXPECT_GT(test, ranges->range[n].first,
						ranges->range[n - 1].last + 1);
		}
		KUNIT_ASSERT_TRUE_MSG(test, bitmap_equal(model, found, MODEL_PAGES), "round %u", i);
	}
	KUNIT_EXPECT_GT(test, overflows, 0);
	KUNIT_EXPECT_LT(test, overflows, i / 2);
}

/* One more than fits is all; what is in between already is not one more */
static void ranges_overflow_test(struct kunit *test)
{
	struct sim_ranges *ranges = kunit_kzalloc(test, sizeof(*ranges), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (i = 0; i < 32; i++)
		sim_ranges_add(ranges, 0x10000 * i, 0x10000 * i + 0xfff);
	KUNIT_EXPECT_FALSE(test, ranges->all);
	sim_ranges_add(ranges, 0x50000, 0x50fff);
	sim_ranges_add(ranges, 0x51000, 0x51fff);
	KUNIT_EXPECT_FALSE(test, ranges->all);
	KUNIT_EXPECT_EQ(test, ranges->nr, 32);
	sim_ranges_add(ranges, 0x48000, 0x48fff);
	KUNIT_EXPECT_TRUE(test, ranges->all);
}

/* iommu_unmap() of a run: what the cost model says */
static void strict_counts_test(struct kunit *test)
{
	static const struct {
		unsigned int first, nr;
		u64 pages, ranges;	/* with INVALIDATE_RANGE */
		u64 blocks;		/* without */
	} cases[] = {
		{ 0, 1, 1, 0, 1 },
		{ 5, 1, 1, 0, 1 },
		{ 4, 2, 1, 0, 1 },
		{ 5, 2, 0, 1, 2 },
		{ 0, 3, 0, 1, 2 },
		{ 1, 6, 0, 1, 4 },	/* 1 | 2 3 | 4 5 | 6 */
		{ 0, 256, 1, 0, 1 },
		{ 1, 255, 0, 1, 8 },	/* 1 | 2.. | 4.. | 8.. | 16.. | 32.. | 64.. | 128.. */
		{ 1, 254, 0, 1, 1 },	/* 14 blocks: one around them */
	};
	struct flush_bench *b = test->priv;
	unsigned int i;

	pt_race_attach(b->r);
	for (i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		unsigned int n = i / 2, first = cases[n].first, nr = cases[n].nr;

		b->r->iommu->has_range = i % 2 == 0;
		map_pages(b, first, nr);
		KUNIT_EXPECT_TRUE(test, reaches(b, first) && reaches(b, first + nr - 1));
		flush_begin(b);
		unmap_pages(b, first, nr);
		if (i % 2 == 0)
			expect_cmds(b, cases[n].pages, cases[n].ranges, 0, 1, "range", n);
		else
			expect_cmds(b, cases[n].blocks, 0, 0, 1, "blocks", n);
		KUNIT_EXPECT_FALSE(test, reaches(b, first) || reaches(b, first + nr - 1));
		sim_domain_reclaim_wait(to_sim_domain(b->r->domain));
	}
}

/* Without a device there is nothing to flush */
static void no_device_test(struct kunit *test)
{
	struct flush_bench *b = test->priv;

	map_pages(b, 0, 3);
	flush_begin(b);
	unmap_pages(b, 0, 3);
	iommu_flush_iotlb_all(b->r->domain);
	expect_cmds(b, 0, 0, 0, 0, "without a device", 0);
}

/* A commit of N pages that do not touch: N commands and a wait; from 33 on, one */
static void commit_counts_test(struct kunit *test)
{
	struct flush_bench *b = test->priv;
	unsigned int nr, i;

	use_explicit(b);
	for (nr = 0; nr <= 40; nr++) {
		for (i = 0; i < nr; i++)
			map_pages(b, 2 * i, 1);
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_TRUE(test, reaches(b, 2 * i));
		sim_domain_reclaim_wait(to_sim_domain(b->r->domain));
		flush_begin(b);
		/* Not in order, and each of them: 41 is a prime */
		for (i = 1; i <= 40; i++)
			if (i * 7 % 41 <= nr)
				unmap_pages(b, 2 * (i * 7 % 41 - 1), 1);
		expect_cmds(b, 0, 0, 0, 0, "unmap", nr);
		KUNIT_ASSERT_EQ(test, iommu_sim_commit(b->r->domain), 0);
		if (!nr)
			expect_cmds(b, 0, 0, 0, 0, "nothing", nr);
		else if (nr <= 32)
			expect_cmds(b, nr, 0, 0, 1, "commit", nr);
		else
			expect_cmds(b, 0, 0, 1, 1, "commit", nr);
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_FALSE(test, reaches(b, 2 * i));
		flush_begin(b);
		KUNIT_ASSERT_EQ(test, iommu_sim_commit(b->r->domain), 0);
		expect_cmds(b, 0, 0, 0, 0, "again", nr);
	}
}

/* Pages that touch are one range, in whatever order they went */
static void commit_merges_test(struct kunit *test)
{
	static const u8 order[] = { 3, 0, 5, 1, 6, 4, 2 };
	struct flush_bench *b = test->priv;
	unsigned int i;

	use_explicit(b);
	map_pages(b, 0, 7);
	map_pages(b, 100, 4);
	flush_begin(b);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		unmap_pages(b, order[i], 1);
	unmap_pages(b, 100, 4);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	expect_cmds(b, 1, 1, 0, 1, "7 pages and 4", 0);
}

/* R5: the device goes on until the commit, and not after it */
static void commit_visible_test(struct kunit *test)
{
	struct flush_bench *b = test->priv;
	u64 value = PATTERN;

	use_explicit(b);
	map_pages(b, 0, 1);
	KUNIT_EXPECT_TRUE(test, pt_race_dma(b->r, SIM_TLP_MEM_WRITE, BASE, &value, 8));
	KUNIT_EXPECT_EQ(test, b->buf[0], PATTERN);
	unmap_pages(b, 0, 1);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(b->r->domain, BASE), 0);
	value = ~PATTERN;
	KUNIT_EXPECT_TRUE(test, pt_race_dma(b->r, SIM_TLP_MEM_WRITE, BASE, &value, 8));
	KUNIT_EXPECT_EQ_MSG(test, b->buf[0], ~PATTERN, "seen without a commit");
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0));
}

/* It fails, says so, blocks nobody, and covers the same when it is called again */
static void commit_retry_test(struct kunit *test)
{
	struct flush_bench *b = test->priv;
	struct sim_inject_point *lost;

	use_explicit(b);
	lost = &b->r->iommu->inject->point[SIM_INJECT_COMPLETION_WAIT];
	map_pages(b, 0, 8);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0) && reaches(b, 4));

	unmap_pages(b, 0, 1);
	atomic_set(&lost->times, 1);
	sim_inject_set_probability(lost, 100);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), -ETIMEDOUT);
	sim_inject_set_probability(lost, 0);

	/* Three pages and an IOMMU that has forgotten a feature */
	unmap_pages(b, 4, 3);
	b->r->iommu->hw->config.no_range = true;
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), -EIO);
	b->r->iommu->hw->config.no_range = false;
	KUNIT_EXPECT_TRUE_MSG(test, reaches(b, 1), "blocked");
	KUNIT_EXPECT_TRUE_MSG(test, reaches(b, 4), "invalidated by a command that was refused");

	flush_begin(b);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	expect_cmds(b, 1, 1, 0, 1, "page 0 and pages 4 to 6", 0);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0) || reaches(b, 4));
	KUNIT_EXPECT_TRUE(test, reaches(b, 1) && reaches(b, 7));
}

static void commit_bad_input_test(struct kunit *test)
{
	struct flush_bench *b = test->priv;
	struct iommu_domain *d;

	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(&sim_identity_domain), -EINVAL);
	d = iommu_sim_domain_alloc_explicit(&platform_bus);
	KUNIT_EXPECT_EQ(test, PTR_ERR(d), -ENODEV);
}

static struct kunit_case flush_cases[] = {
	KUNIT_CASE(ranges_random_test),
	KUNIT_CASE(ranges_overflow_test),
	KUNIT_CASE(strict_counts_test),
	KUNIT_CASE(no_device_test),
	KUNIT_CASE(commit_counts_test),
	KUNIT_CASE(commit_merges_test),
	KUNIT_CASE(commit_visible_test),
	KUNIT_CASE(commit_retry_test),
	KUNIT_CASE(commit_bad_input_test),
	{}
};

static struct kunit_suite flush_suite = {
	.name = "iommu_sim_flush",
	.init = flush_init,
	.exit = flush_exit,
	.test_cases = flush_cases,
};

kunit_test_suite(flush_suite);
