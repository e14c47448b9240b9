// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATS as the driver uses it: when it is on, what flushes consist of, who is told, and
 * what becomes of a device that does not answer. Behind it is a real endpoint.
 */
#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/iommu-sim.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pci-ats.h>
#include <linux/timer.h>

#include "pt_race.h"

#define BASE		0x40000000UL
#define PASID		9
#define MAX_EVENTS	64

/**
 * struct ats_bench - an endpoint in a domain
 * @r: the endpoint, the domain
 * @other: another endpoint
 * @sdev: what the driver knows of the first
 * @buf: memory, a page
 * @other_domain: what @other is attached to
 * @other_buf: memory of it
 * @seen: counters of the silicon when begin() was called
 * @n: a notifier
 * @event: what it was told
 * @nr: how often; may be more than there is room for
 * @timer: flushes in softirq
 * @flushed: it has
 */
struct ats_bench {
	struct pt_race *r;
	struct client *other;
	struct sim_device *sdev;
	u64 *buf;
	struct iommu_domain *other_domain;
	u64 *other_buf;
	u64 seen[SIM_STAT_NR];
	struct iommu_sim_notifier n;
	struct iommu_sim_event event[MAX_EVENTS];
	unsigned int nr;
	struct timer_list timer;
	struct completion flushed;
};

static u64 count(struct ats_bench *b, enum sim_hw_stat i)
{
	return sim_stat_read(&b->r->iommu->hw->stats, i);
}

static void begin(struct ats_bench *b)
{
	unsigned int i;

	for (i = 0; i < SIM_STAT_NR; i++)
		b->seen[i] = count(b, i);
}

static u64 since(struct ats_bench *b, enum sim_hw_stat i)
{
	return count(b, i) - b->seen[i];
}

/* Since begin(): so many commands of each kind, and nothing else */
static void expect_cmds(struct ats_bench *b, u64 pages, u64 ranges, u64 domain, u64 atc,
			u64 waits, const char *what)
{
	struct kunit *test = b->r->test;

	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_CMD_INV_PAGES), pages, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_CMD_INV_RANGE), ranges, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_CMD_INV_DOMAIN), domain, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_CMD_INV_ATC), atc, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_CMD_WAITS), waits, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_CMDS), pages + ranges + domain + atc + waits,
			    "%s", what);
}

static void note(struct iommu_sim_notifier *n, const struct iommu_sim_event *event)
{
	struct ats_bench *b = container_of(n, struct ats_bench, n);

	if (b->nr < MAX_EVENTS)
		b->event[b->nr] = *event;
	b->nr++;
}

static int ats_test_init(struct kunit *test)
{
	struct ats_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->buf = (u64 *)get_zeroed_page(GFP_KERNEL);
	b->other_buf = (u64 *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, b->buf && b->other_buf);
	b->r = pt_race_create(test);
	b->sdev = dev_iommu_priv_get(&b->r->client->pdev->dev);
	test->priv = b;
	if (!b->sdev->ats_supported)
		kunit_skip(test, "ATS is turned off");
	return 0;
}

static void ats_test_exit(struct kunit *test)
{
	struct ats_bench *b = test->priv;

	if (!b)
		return;
	pt_race_stop(b->r);
	sim_inject_clear(b->r->iommu->inject);
	if (b->n.domain)
		iommu_sim_notifier_unregister(&b->n);
	if (xa_load(&b->sdev->pasids, PASID))
		iommu_detach_device_pasid(b->r->domain, b->sdev->dev, PASID);
	if (b->other) {
		client_put(b->other);
		iommu_domain_free(b->other_domain);
	}
	pt_race_destroy(b->r);
	free_page((unsigned long)b->buf);
	free_page((unsigned long)b->other_buf);
}

static void map(struct ats_bench *b, u64 page, unsigned int nr)
{
	for (; nr; nr--, page++)
		KUNIT_ASSERT_EQ(b->r->test, iommu_map(b->r->domain, BASE + page * PAGE_SIZE,
						      virt_to_phys(b->buf), PAGE_SIZE, RACE_RW,
						      GFP_KERNEL), 0);
}

static void unmap(struct ats_bench *b, u64 page, unsigned int nr)
{
	KUNIT_ASSERT_EQ(b->r->test, iommu_unmap(b->r->domain, BASE + page * PAGE_SIZE,
						nr * PAGE_SIZE), nr * PAGE_SIZE);
}

static bool reaches(struct ats_bench *b, u64 page, u32 pasid)
{
	u64 value = 0;

	return pt_race_endpoint_dma(b->r, SIM_TLP_MEM_WRITE, BASE + page * PAGE_SIZE, &value, 8,
				    pasid);
}

static bool enabled(struct ats_bench *b)
{
	struct pci_dev *pdev = b->r->client->pdev;
	u16 ctrl;

	pci_read_config_word(pdev, pdev->ats_cap + PCI_ATS_CTRL, &ctrl);
	KUNIT_EXPECT_EQ(b->r->test, !!(ctrl & PCI_ATS_CTRL_ENABLE), !!pdev->ats_enabled);
	return ctrl & PCI_ATS_CTRL_ENABLE;
}

static bool entry_allows(struct ats_bench *b)
{
	return le64_to_cpu(b->r->iommu->devtab[b->sdev->rid].qw[1]) & SIM_DTE1_ATS;
}

static void expect_ats(struct ats_bench *b, bool on)
{
	KUNIT_EXPECT_EQ(b->r->test, enabled(b), on);
	KUNIT_EXPECT_EQ(b->r->test, entry_allows(b), on);
	KUNIT_EXPECT_EQ(b->r->test, READ_ONCE(b->sdev->ats), on);
}

/* On where something is translated, off elsewhere, and kept right through resets */
static void on_and_off_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;
	struct pci_dev *pdev = b->r->client->pdev;

	expect_ats(b, false);
	pt_race_attach(b->r);
	expect_ats(b, true);
	map(b, 0, 1);
	begin(b);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_ATS_REQUESTS), 1);
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_ATS_TRANSLATED), 2);
	KUNIT_EXPECT_EQ(test, pci_reset_function(pdev), 0);
	pci_set_master(pdev);
	expect_ats(b, true);
	begin(b);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_ATS_REQUESTS), 1, "its ATC was not empty");
	/* D3hot and back */
	KUNIT_EXPECT_EQ(test, pci_save_state(pdev), 0);
	KUNIT_EXPECT_EQ(test, pci_set_power_state(pdev, PCI_D3hot), 0);
	unmap(b, 0, 1);
	KUNIT_EXPECT_EQ(test, pci_set_power_state(pdev, PCI_D0), 0);
	pci_restore_state(pdev);
	expect_ats(b, true);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	pt_race_detach(b->r);
	expect_ats(b, false);
	KUNIT_EXPECT_EQ(test, count(b, SIM_STAT_ATC_TIMEOUTS), b->seen[SIM_STAT_ATC_TIMEOUTS]);
}

/* What is unmapped and what the domain is left with is not in reach, either way */
static void domain_switch_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;
	struct iommu_domain *second = iommu_paging_domain_alloc(b->sdev->dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	pt_race_attach(b->r);
	map(b, 0, 2);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 1, 0));
	unmap(b, 0, 1);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 1, 0));
	/* Without a moment in which it is attached to nothing, as iommufd replaces */
	KUNIT_EXPECT_EQ(test, sim_device_set(b->sdev, second), 0);
	expect_ats(b, true);
	KUNIT_EXPECT_FALSE_MSG(test, reaches(b, 1, 0), "what was cached of the old domain");
	KUNIT_EXPECT_EQ(test, sim_device_set(b->sdev, b->r->domain), 0);
	KUNIT_EXPECT_TRUE(test, reaches(b, 1, 0));
	iommu_domain_free(second);
	unmap(b, 1, 1);
}

/* Commands of a flush: for the IOTLB as ever, for each ATC besides, and one wait */
static void counts_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;

	pt_race_attach(b->r);
	map(b, 0, 64);
	begin(b);
	unmap(b, 0, 1);
	expect_cmds(b, 1, 0, 0, 1, 1, "a page");
	begin(b);
	unmap(b, 8, 8);
	expect_cmds(b, 1, 0, 0, 1, 1, "an aligned block");
	begin(b);
	/* One range for the IOTLB; 17, 18 to 19, 20 for the ATC */
	unmap(b, 17, 4);
	expect_cmds(b, 0, 1, 0, 3, 1, "a range");
	begin(b);
	iommu_flush_iotlb_all(b->r->domain);
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_CMD_INV_DOMAIN), 1);
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_CMD_INV_ATC), 1);

	/* The same domain with a PASID, too: a command more of each */
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(b->r->domain, b->sdev->dev, PASID, NULL),
			0);
	begin(b);
	unmap(b, 1, 1);
	expect_cmds(b, 2, 0, 0, 2, 1, "a page, with a PASID");
	begin(b);
	unmap(b, 33, 4);
	expect_cmds(b, 0, 2, 0, 6, 1, "a range, with a PASID");
	iommu_detach_device_pasid(b->r->domain, b->sdev->dev, PASID);
	begin(b);
	unmap(b, 2, 1);
	expect_cmds(b, 1, 0, 0, 1, 1, "a page, without it again");
}

/* An explicit commit covers ATCs, and not before it is made */
static void commit_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;

	pt_race_use(b->r, iommu_sim_domain_alloc_explicit(b->sdev->dev));
	pt_race_attach(b->r);
	KUNIT_ASSERT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	map(b, 0, 8);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 5, 0));
	begin(b);
	unmap(b, 0, 1);
	unmap(b, 5, 1);
	KUNIT_EXPECT_TRUE_MSG(test, reaches(b, 0, 0), "it is still cached");
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_CMD_INV_ATC), 2);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_FALSE(test, reaches(b, 5, 0));
}

static int listen(struct ats_bench *b, unsigned int events)
{
	b->n = (struct iommu_sim_notifier) {
		.notify = note, .events = events, .ranges = true, .last = U64_MAX,
	};
	b->nr = 0;
	return iommu_sim_notifier_register(b->r->domain, &b->n);
}

static void expect_event(struct ats_bench *b, unsigned int type, u64 page, u64 nr)
{
	KUNIT_ASSERT_GT(b->r->test, b->nr, 0);
	KUNIT_EXPECT_EQ(b->r->test, b->event[b->nr - 1].type, type);
	KUNIT_EXPECT_EQ(b->r->test, b->event[b->nr - 1].iova, BASE + page * PAGE_SIZE);
	KUNIT_EXPECT_EQ(b->r->test, b->event[b->nr - 1].len, nr * PAGE_SIZE);
}

/* DEVIOTLB_UNMAP comes with the flush, UNMAP with the change of the table */
static void notifier_test(struct kunit *test)
{
	struct iommu_iotlb_gather gather;
	struct ats_bench *b = test->priv;

	KUNIT_EXPECT_EQ_MSG(test, listen(b, IOMMU_SIM_DEVIOTLB_UNMAP), -EOPNOTSUPP,
			    "nothing is attached");
	b->n.domain = NULL;
	pt_race_attach(b->r);
	KUNIT_ASSERT_EQ(test, listen(b, IOMMU_SIM_DEVIOTLB_UNMAP | IOMMU_SIM_UNMAP), 0);
	map(b, 0, 16);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	unmap(b, 3, 1);
	KUNIT_EXPECT_EQ(test, b->nr, 2);
	KUNIT_EXPECT_EQ(test, b->event[0].type, IOMMU_SIM_UNMAP);
	expect_event(b, IOMMU_SIM_DEVIOTLB_UNMAP, 3, 1);
	/* Batched: the one at once, the other with the flush, about all there is */
	b->nr = 0;
	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	iommu_unmap_fast(b->r->domain, BASE + 5 * PAGE_SIZE, PAGE_SIZE, &gather);
	KUNIT_EXPECT_EQ(test, b->nr, 1);
	expect_event(b, IOMMU_SIM_UNMAP, 5, 1);
	iommu_flush_iotlb_all(b->r->domain);
	KUNIT_EXPECT_EQ(test, b->nr, 2);
	KUNIT_EXPECT_EQ(test, b->event[1].type, IOMMU_SIM_DEVIOTLB_UNMAP);
	KUNIT_EXPECT_EQ(test, b->event[1].iova, 0);
	KUNIT_EXPECT_EQ(test, b->event[1].len, b->r->domain->geometry.aperture_end + 1);
	iommu_sim_notifier_unregister(&b->n);

	/* In its window, in blocks */
	b->n.ranges = false;
	b->n.events = IOMMU_SIM_DEVIOTLB_UNMAP;
	b->n.start = BASE + 9 * PAGE_SIZE;
	b->nr = 0;
	KUNIT_ASSERT_EQ(test, iommu_sim_notifier_register(b->r->domain, &b->n), 0);
	unmap(b, 8, 4);
	KUNIT_EXPECT_EQ(test, b->nr, 2);
	expect_event(b, IOMMU_SIM_DEVIOTLB_UNMAP, 10, 2);
	unmap(b, 0, 1);
	KUNIT_EXPECT_EQ(test, b->nr, 2);
	iommu_sim_notifier_unregister(&b->n);
	b->n.domain = NULL;

	/* With explicit commit, with that */
	pt_race_detach(b->r);
	pt_race_use(b->r, iommu_sim_domain_alloc_explicit(b->sdev->dev));
	pt_race_attach(b->r);
	KUNIT_ASSERT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	KUNIT_ASSERT_EQ(test, listen(b, IOMMU_SIM_DEVIOTLB_UNMAP), 0);
	map(b, 0, 4);
	unmap(b, 1, 2);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	KUNIT_EXPECT_EQ(test, b->nr, 1);
	expect_event(b, IOMMU_SIM_DEVIOTLB_UNMAP, 1, 2);
	iommu_sim_notifier_unregister(&b->n);
	b->n.domain = NULL;
	pt_race_detach(b->r);
	KUNIT_EXPECT_EQ_MSG(test, listen(b, IOMMU_SIM_DEVIOTLB_UNMAP), -EOPNOTSUPP,
			    "its ATS is off again");
	b->n.domain = NULL;
}

/* The driver's parameter: a device without it is as one that has none */
static void without_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;

	b->sdev->ats_supported = false;
	pt_race_attach(b->r);
	expect_ats(b, false);
	map(b, 0, 1);
	begin(b);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_ATS_REQUESTS), 0);
	unmap(b, 0, 1);
	expect_cmds(b, 1, 0, 0, 0, 1, "a page");
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_EQ(test, listen(b, IOMMU_SIM_DEVIOTLB_UNMAP), -EOPNOTSUPP);
	b->n.domain = NULL;
	pt_race_detach(b->r);
	b->sdev->ats_supported = true;
}

/* What a device has cached for reading it may not write to, also with dirty tracking */
static void rights_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;
	u64 value;

	pt_race_attach(b->r);
	KUNIT_ASSERT_EQ(test, iommu_map(b->r->domain, BASE, virt_to_phys(b->buf), PAGE_SIZE,
					IOMMU_READ, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, pt_race_endpoint_dma(b->r, SIM_TLP_MEM_READ, BASE, &value, 8, 0));
	b->buf[0] = 0x77;
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_EQ(test, b->buf[0], 0x77ULL);
	KUNIT_EXPECT_TRUE(test, pt_race_endpoint_dma(b->r, SIM_TLP_MEM_READ, BASE, &value, 8, 0));
	KUNIT_EXPECT_EQ(test, value, 0x77ULL);
	unmap(b, 0, 1);
}

/* Quarantine */

static void silence(struct ats_bench *b, bool silent)
{
	struct sim_inject_point *point = &b->r->iommu->inject->point[SIM_INJECT_ATC_SILENT];

	point->device = b->sdev->rid;
	atomic_set(&point->times, -1);
	sim_inject_set_probability(point, silent ? 100 : 0);
}

static void get_other(struct ats_bench *b)
{
	struct kunit *test = b->r->test;

	b->other = client_get_first(test);
	if (b->other->pdev == b->r->client->pdev)
		kunit_skip(test, "takes two endpoints");
	b->other_domain = iommu_paging_domain_alloc(&b->other->pdev->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->other_domain);
	KUNIT_ASSERT_EQ(test, iommu_map(b->other_domain, CLIENT_RINGS,
					virt_to_phys(b->other->rings), 2 * PAGE_SIZE, RACE_RW,
					GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, client_attach(b->other, b->other_domain, CLIENT_RINGS), 0);
}

/* The other device: maps, moves data, unmaps, and sees that this is so, all the time */
static int busy_thread(void *arg)
{
	struct ats_bench *b = arg;
	struct pt_race *r = b->r;
	struct pt_race other = { .test = r->test, .client = b->other, .iommu = r->iommu };
	u64 value = 0, iova, i;

	for (i = 0; !kthread_should_stop(); i++) {
		iova = BASE + i % 64 * PAGE_SIZE;
		if (iommu_map(b->other_domain, iova, virt_to_phys(b->other_buf), PAGE_SIZE,
			      RACE_RW, GFP_KERNEL)) {
			pt_race_bad(r, "the other device cannot map", iova, i);
			break;
		}
		WRITE_ONCE(b->other_buf[0], i);
		if (!pt_race_endpoint_dma(&other, SIM_TLP_MEM_READ, iova, &value, 8, 0) ||
		    value != i)
			pt_race_bad(r, "the other device does not reach its memory", iova, value);
		if (iommu_unmap(b->other_domain, iova, PAGE_SIZE) != PAGE_SIZE)
			pt_race_bad(r, "the other device cannot unmap", iova, i);
		if (pt_race_endpoint_dma(&other, SIM_TLP_MEM_READ, iova, &value, 8, 0))
			pt_race_bad(r, "the other device reaches what was unmapped", iova, value);
		atomic_inc(&r->work);
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void flush_in_softirq(struct timer_list *timer)
{
	struct ats_bench *b = container_of(timer, struct ats_bench, timer);

	iommu_flush_iotlb_all(b->r->domain);
	complete(&b->flushed);
}

/* Unmap while the device is silent: strict here, or batched with the flush in softirq */
static void unmap_silently(struct ats_bench *b, bool batched)
{
	struct iommu_iotlb_gather gather;

	if (!batched) {
		unmap(b, 0, 1);
		return;
	}
	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	KUNIT_EXPECT_EQ(b->r->test, iommu_unmap_fast(b->r->domain, BASE, PAGE_SIZE, &gather),
			PAGE_SIZE);
	init_completion(&b->flushed);
	timer_setup(&b->timer, flush_in_softirq, 0);
	mod_timer(&b->timer, jiffies);
	wait_for_completion(&b->flushed);
	timer_delete_sync(&b->timer);
}

static void quarantine_once(struct ats_bench *b, unsigned int i)
{
	struct kunit *test = b->r->test;
	struct iommu_sim_stats *stats = &b->r->iommu->stats;
	u64 quarantines = sim_stat_read(stats, SIM_DSTAT_QUARANTINES);

	map(b, 0, 3);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 1, 0));
	begin(b);
	silence(b, true);
	unmap_silently(b, i % 2);
	KUNIT_EXPECT_EQ_MSG(test, since(b, SIM_STAT_ATC_TIMEOUTS), 1, "cycle %u", i);
	KUNIT_EXPECT_EQ(test, sim_stat_read(stats, SIM_DSTAT_QUARANTINES), quarantines + 1);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(b->sdev->quarantined));
	KUNIT_EXPECT_FALSE(test, entry_allows(b));
	KUNIT_EXPECT_EQ(test, count(b, SIM_STAT_CMD_ERRORS) - b->seen[SIM_STAT_CMD_ERRORS], 1);

	/* It has page 0 in its ATC, and does not get there */
	b->buf[0] = 0x77;
	KUNIT_EXPECT_FALSE_MSG(test, reaches(b, 0, 0), "cycle %u: memory is still in reach", i);
	KUNIT_EXPECT_EQ(test, b->buf[0], 0x77ULL);
	/* Nobody waits for it any more */
	unmap(b, 2, 1);
	KUNIT_EXPECT_EQ(test, since(b, SIM_STAT_ATC_TIMEOUTS), 1);
	/* When the driver has turned it off in the device, too, the rest works untranslated */
	flush_work(&b->sdev->quarantine_work);
	KUNIT_EXPECT_FALSE(test, enabled(b));
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 1, 0));
}

/* A reset; what a driver does after it. Before 7.0 the IOMMU is not told of resets */
static void revive(struct ats_bench *b, unsigned int i)
{
	struct kunit *test = b->r->test;

	/* As long as it is silent it stays where it is */
	if (i % 4 == 0) {
		KUNIT_EXPECT_EQ(test, client_attach(b->r->client, b->r->domain, CLIENT_RINGS), 0);
		expect_ats(b, false);
		KUNIT_EXPECT_TRUE(test, READ_ONCE(b->sdev->quarantined));
	}
	silence(b, false);
	KUNIT_EXPECT_EQ(test, pci_reset_function(b->r->client->pdev), 0);
	if (!SIM_HAVE_RESET_HOOKS)
		sim_device_revive(b->sdev);
	expect_ats(b, true);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(b->sdev->quarantined));
	KUNIT_EXPECT_EQ(test, client_attach(b->r->client, b->r->domain, CLIENT_RINGS), 0);
	begin(b);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 1, 0));
	/* The other device has some, too */
	KUNIT_EXPECT_GT_MSG(test, since(b, SIM_STAT_ATS_TRANSLATED), 0, "it works as before");
	unmap(b, 1, 1);
	KUNIT_EXPECT_FALSE(test, reaches(b, 1, 0));
}

#define CYCLES	100

/* One device is silent, another busy */
static void quarantine_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;
	unsigned int i, work;

	get_other(b);
	pt_race_attach(b->r);
	/* Once armed, always armed: not to patch 200 times what the other device executes */
	sim_inject_set_fail_nth(&b->r->iommu->inject->point[SIM_INJECT_SHORT_COPY], INT_MAX);
	pt_race_start(b->r, busy_thread, b);
	for (i = 0; i < CYCLES && !atomic_read(&b->r->bad); i++) {
		work = atomic_read(&b->r->work);
		quarantine_once(b, i);
		revive(b, i);
		while (atomic_read(&b->r->work) == work && !atomic_read(&b->r->bad))
			schedule_timeout_uninterruptible(1);
	}
	pt_race_stop(b->r);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->r->bad), 0);
	kunit_info(test, "%u times in and out of quarantine; the other device did %d rounds\n", i,
		   atomic_read(&b->r->work));
}

/* The device is silent when it is to come on: it works, without ATS */
static void silent_attach_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;

	silence(b, true);
	pt_race_attach(b->r);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(b->sdev->quarantined));
	expect_ats(b, false);
	map(b, 0, 1);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	unmap(b, 0, 1);
	KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
	silence(b, false);
	sim_device_revive(b->sdev);
	expect_ats(b, true);
}

/* More to ask than the device takes at a time: one time-out, and nobody is blocked for it */
static void silent_depth_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;
	u8 depth = b->sdev->ats_depth;
	u64 failures = sim_stat_read(&b->r->iommu->stats, SIM_DSTAT_FLUSH_FAILURES);

	b->sdev->ats_depth = 2;
	pt_race_attach(b->r);
	map(b, 0, 16);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	silence(b, true);
	begin(b);
	/* 1, 2 to 3, 4 to 7, 8 */
	unmap(b, 1, 8);
	silence(b, false);
	b->sdev->ats_depth = depth;
	KUNIT_EXPECT_TRUE(test, READ_ONCE(b->sdev->quarantined));
	KUNIT_EXPECT_LE(test, since(b, SIM_STAT_ATC_TIMEOUTS), 2);
	KUNIT_EXPECT_EQ(test, sim_stat_read(&b->r->iommu->stats, SIM_DSTAT_FLUSH_FAILURES),
			failures);
	flush_work(&b->sdev->quarantine_work);
	KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
	KUNIT_EXPECT_FALSE(test, reaches(b, 1, 0));
	sim_device_revive(b->sdev);
	expect_ats(b, true);
	KUNIT_EXPECT_FALSE(test, reaches(b, 8, 0));
	KUNIT_EXPECT_TRUE(test, reaches(b, 9, 0));
}

/* An attach that fails leaves nothing in reach, also while a PASID keeps ATS on */
static void failed_attach_test(struct kunit *test)
{
	struct ats_bench *b = test->priv;
	struct iommu_domain *second = iommu_paging_domain_alloc(b->sdev->dev);
	struct iommu_domain *third = iommu_paging_domain_alloc(b->sdev->dev);
	struct sim_inject_point *point = &b->r->iommu->inject->point[SIM_INJECT_COMPLETION_WAIT];
	unsigned int nth, failed = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, third);
	for (nth = 1; nth < 12; nth++) {
		pt_race_attach(b->r);
		KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(third, b->sdev->dev, PASID, NULL),
				0);
		map(b, 0, 1);
		KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
		sim_inject_set_fail_nth(point, nth);
		if (sim_device_set(b->sdev, second)) {
			failed++;
			KUNIT_EXPECT_FALSE_MSG(test, reaches(b, 0, 0), "completion %u lost", nth);
		}
		sim_inject_clear(b->r->iommu->inject);
		KUNIT_EXPECT_EQ(test, sim_device_set(b->sdev, b->r->domain), 0);
		KUNIT_EXPECT_TRUE(test, reaches(b, 0, 0));
		unmap(b, 0, 1);
		KUNIT_EXPECT_FALSE(test, reaches(b, 0, 0));
		iommu_detach_device_pasid(third, b->sdev->dev, PASID);
		pt_race_detach(b->r);
	}
	KUNIT_EXPECT_GT(test, failed, 0);
	iommu_domain_free(second);
	iommu_domain_free(third);
}

static struct kunit_case driver_ats_cases[] = {
	KUNIT_CASE(on_and_off_test),
	KUNIT_CASE(domain_switch_test),
	KUNIT_CASE(counts_test),
	KUNIT_CASE(commit_test),
	KUNIT_CASE(notifier_test),
	KUNIT_CASE(without_test),
	KUNIT_CASE(rights_test),
	KUNIT_CASE_SLOW(quarantine_test),
	KUNIT_CASE(silent_attach_test),
	KUNIT_CASE(silent_depth_test),
	KUNIT_CASE(failed_attach_test),
	{}
};

static struct kunit_suite driver_ats_suite = {
	.name = "iommu_sim_driver_ats",
	.init = ats_test_init,
	.exit = ats_test_exit,
	.test_cases = driver_ats_cases,
};

kunit_test_suite(driver_ats_suite);
