// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver through the IOMMU API, with a real endpoint doing the DMA.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/iommu-sim.h>
#include <linux/kthread.h>
#include <linux/mm.h>

#include "client.h"
#include "driver/driver.h"

#define BUF_IOVA	0x40000000UL
#define PATTERN		0x0123456789abcdefULL
#define RW		(IOMMU_READ | IOMMU_WRITE)

/**
 * struct driver_bench - an endpoint in a domain, and a page of memory
 * @client: the endpoint
 * @domain: its domain
 * @buf: not mapped yet
 */
struct driver_bench {
	struct client *client;
	struct iommu_domain *domain;
	u64 *buf;
};

static int driver_test_init(struct kunit *test)
{
	struct driver_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct client *c = client_get(test);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->client = c;
	b->buf = (u64 *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->buf);
	b->domain = iommu_paging_domain_alloc(&c->pdev->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->domain);
	ret = iommu_map(b->domain, CLIENT_RINGS, virt_to_phys(c->rings), 2 * PAGE_SIZE, RW,
			GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, client_attach(c, b->domain, CLIENT_RINGS), 0);
	test->priv = b;
	return 0;
}

static void driver_test_exit(struct kunit *test)
{
	struct driver_bench *b = test->priv;

	if (!b)
		return;
	client_put(b->client);
	iommu_domain_free(b->domain);
	free_page((unsigned long)b->buf);
}

static void map_buf(struct kunit *test, int prot)
{
	struct driver_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, iommu_map(b->domain, BUF_IOVA, virt_to_phys(b->buf), PAGE_SIZE,
					prot, GFP_KERNEL), 0);
}

static void driver_dma_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;

	map_buf(test, RW);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + 16, PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->buf[2], PATTERN);
	KUNIT_EXPECT_EQ(test, b->buf[1], 0);
	KUNIT_EXPECT_EQ(test, client_copy(b->client, BUF_IOVA + 64, BUF_IOVA + 16, 8),
			IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->buf[8], PATTERN);
}

static void driver_permissions_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;

	map_buf(test, IOMMU_READ);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, b->buf[0], 0);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA, PAGE_SIZE), PAGE_SIZE);
	map_buf(test, IOMMU_WRITE);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, client_copy(b->client, BUF_IOVA + 8, BUF_IOVA, 8),
			IOMMU_SIM_ERR_READ);
	KUNIT_EXPECT_EQ(test, b->buf[1], 0);
}

/* R4: what iommu_unmap() has unmapped is out of reach when it returns */
static void driver_strict_unmap_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;

	map_buf(test, RW);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA, PAGE_SIZE), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, b->buf[0], PATTERN);
}

/* The IOTLB is real: without the sync the device still reaches the memory */
static void driver_stale_until_sync_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct iommu_iotlb_gather gather;

	map_buf(test, RW);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	iommu_iotlb_gather_init(&gather);
	KUNIT_EXPECT_EQ(test, iommu_unmap_fast(b->domain, BUF_IOVA, PAGE_SIZE, &gather),
			PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(b->domain, BUF_IOVA), 0);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->buf[0], ~PATTERN);

	iommu_iotlb_sync(b->domain, &gather);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, b->buf[0], ~PATTERN);
}

/* The same by flush_iotlb_all, as batched mode does */
static void driver_stale_until_flush_all_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct iommu_iotlb_gather gather;

	map_buf(test, RW);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	KUNIT_EXPECT_EQ(test, iommu_unmap_fast(b->domain, BUF_IOVA, PAGE_SIZE, &gather),
			PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_OK);
	iommu_flush_iotlb_all(b->domain);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_ERR_WRITE);
}

struct fault_seen {
	struct completion done;
	struct device *dev;
	unsigned long iova;
	int flags;
};

static int note_fault(struct iommu_domain *domain, struct device *dev, unsigned long iova,
		      int flags, void *token)
{
	struct fault_seen *seen = token;

	seen->dev = dev;
	seen->iova = iova;
	seen->flags = flags;
	complete(&seen->done);
	return 0;
}

static void driver_fault_handler_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct fault_seen seen = { .done = COMPLETION_INITIALIZER_ONSTACK(seen.done) };

	iommu_set_fault_handler(b->domain, note_fault, &seen);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + 0x123 * 8, PATTERN, 8),
			IOMMU_SIM_ERR_WRITE);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&seen.done, 20 * HZ), 0);
	KUNIT_EXPECT_PTR_EQ(test, seen.dev, &b->client->pdev->dev);
	KUNIT_EXPECT_EQ(test, seen.iova, BUF_IOVA + 0x123 * 8);
	KUNIT_EXPECT_EQ(test, seen.flags, IOMMU_FAULT_WRITE);

	reinit_completion(&seen.done);
	map_buf(test, IOMMU_WRITE);
	KUNIT_EXPECT_EQ(test, client_copy(b->client, BUF_IOVA, BUF_IOVA + 8, 8),
			IOMMU_SIM_ERR_READ);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&seen.done, 20 * HZ), 0);
	KUNIT_EXPECT_EQ(test, seen.iova, BUF_IOVA + 8);
	KUNIT_EXPECT_EQ(test, seen.flags, IOMMU_FAULT_READ);
}

static u64 status_of(struct sim_iommu *iommu)
{
	return iommu_sim_mmio_read(iommu->hw, SIM_REG_STATUS);
}

static bool all_handled(struct sim_iommu *iommu)
{
	return !status_of(iommu) && READ_ONCE(iommu->events_head) ==
				    iommu_sim_mmio_read(iommu->hw, SIM_REG_EVTQ_TAIL);
}

/*
 * More faults than the event queue holds, while nobody can look at them: an overflow is
 * one interrupt, not one for each fault; and later all goes on.
 */
static void driver_event_storm_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct sim_iommu *iommu = to_sim_domain(b->domain)->iommu;
	struct fault_seen seen = { .done = COMPLETION_INITIALIZER_ONSTACK(seen.done) };
	unsigned int i, cleared = 0;

	iommu_set_fault_handler(b->domain, note_fault, &seen);
	mutex_lock(&iommu->lock);
	for (i = 0; i < 2000 && !(status_of(iommu) & SIM_STATUS_EVT_OVERFLOW); i++)
		client_fill(b->client, BUF_IOVA, PATTERN, 8);
	KUNIT_EXPECT_LT(test, i, 2000);
	for (i = 0; i < 100; i++) {
		client_fill(b->client, BUF_IOVA, PATTERN, 8);
		cleared += !(status_of(iommu) & SIM_STATUS_EVT_OVERFLOW);
	}
	KUNIT_EXPECT_EQ(test, cleared, 0);
	mutex_unlock(&iommu->lock);

	for (i = 0; i < 1000 && !all_handled(iommu); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, all_handled(iommu));
	reinit_completion(&seen.done);
	seen.iova = 0;
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + 8, PATTERN, 8),
			IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&seen.done, 20 * HZ), 0);
	KUNIT_EXPECT_EQ(test, seen.iova, BUF_IOVA + 8);
}

struct entry_race {
	__le64 entry[3];
	u64 looks;
	u64 not_valid;
};

static int look_at_entry(void *arg)
{
	struct entry_race *race = arg;

	while (!kthread_should_stop()) {
		race->not_valid += !(le64_to_cpu(READ_ONCE(race->entry[0])) & SIM_DTE0_V);
		WRITE_ONCE(race->looks, race->looks + 1);
		cond_resched();
	}
	return 0;
}

/* While one word of an entry changes, it stays valid */
static void driver_entry_test(struct kunit *test)
{
	struct entry_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	u64 qw[3] = { SIM_DTE0_V, 1, 2 };
	struct task_struct *reader;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	sim_entry_write(race->entry, qw, 3);
	reader = kthread_run(look_at_entry, race, "entry_test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reader);
	while (!READ_ONCE(race->looks))
		msleep(20);
	for (i = 0; i < 1000000; i++) {
		if (i & 1)
			qw[0] ^= SIM_DTE0_HA | SIM_DTE0_HD;
		else
			qw[2] ^= SIM_DTE2_PV;
		sim_entry_write(race->entry, qw, 3);
	}
	kthread_stop(reader);
	KUNIT_EXPECT_EQ(test, race->not_valid, 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, le64_to_cpu(race->entry[i]), qw[i]);
	qw[0] = 0;
	qw[1] = 7;
	sim_entry_write(race->entry, qw, 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, le64_to_cpu(race->entry[i]), qw[i]);
}

/* A device moved to another domain reaches that one's memory only */
static void driver_change_domain_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct client *c = b->client;
	struct iommu_domain *other;
	int ret;

	map_buf(test, RW);
	KUNIT_EXPECT_EQ(test, client_fill(c, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	other = iommu_paging_domain_alloc(&c->pdev->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	ret = iommu_map(other, CLIENT_RINGS, virt_to_phys(c->rings), 2 * PAGE_SIZE, RW,
			GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, client_attach(c, other, CLIENT_RINGS), 0);
	KUNIT_EXPECT_EQ(test, client_fill(c, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, client_attach(c, b->domain, CLIENT_RINGS), 0);
	KUNIT_EXPECT_EQ(test, client_fill(c, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_OK);
	iommu_domain_free(other);
	KUNIT_EXPECT_EQ(test, b->buf[0], ~PATTERN);
}

/* Detached but owned, as by VFIO between domains: not even the ring is reached */
static void driver_blocked_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct client *c = b->client;

	map_buf(test, RW);
	KUNIT_EXPECT_EQ(test, client_fill(c, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	iommu_detach_group(c->domain, c->pdev->dev.iommu_group);
	c->domain = NULL;
	KUNIT_EXPECT_EQ(test, client_fill(c, BUF_IOVA, ~PATTERN, 8), 0);
	KUNIT_EXPECT_EQ(test, b->buf[0], PATTERN);
}

/* What the driver tells of itself is what it does */
static void driver_capabilities_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct device *dev = &b->client->pdev->dev;
	struct iommu_resv_region *region;
	bool msi = false;
	LIST_HEAD(regions);

	KUNIT_EXPECT_TRUE(test, device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY));
	KUNIT_EXPECT_TRUE(test, device_iommu_capable(dev, IOMMU_CAP_DEFERRED_FLUSH));
	KUNIT_EXPECT_EQ(test, device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING),
			SIM_DIRTY_TRACKING);
	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list)
		msi |= region->type == IOMMU_RESV_MSI && region->start == 0xfee00000 &&
		       region->length == 0x100000;
	iommu_put_resv_regions(dev, &regions);
	KUNIT_EXPECT_TRUE(test, msi);
}

/* R3: part of a page goes, and the device goes on using the rest */
static void driver_partial_unmap_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 9);
	u64 *mem, i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	mem = page_address(page);
	KUNIT_ASSERT_EQ(test, iommu_map(b->domain, BUF_IOVA, page_to_phys(page), SZ_2M, RW,
					GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + SZ_4K, PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA + SZ_4K, SZ_8K), SZ_8K);
	for (i = 0; i < SZ_2M; i += SZ_64K)
		KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + i, PATTERN + i, 8),
				IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + SZ_4K, ~PATTERN, 8),
			IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA + SZ_8K, ~PATTERN, 8),
			IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, mem[SZ_4K / 8], PATTERN);
	for (i = 0; i < SZ_2M; i += SZ_64K)
		KUNIT_EXPECT_EQ(test, mem[i / 8], PATTERN + i);

	/* Up to the gap, and from it */
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA, SZ_2M), SZ_4K);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA + 3 * SZ_4K, SZ_2M - 3 * SZ_4K),
			SZ_2M - 3 * SZ_4K);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_ERR_WRITE);
	__free_pages(page, 9);
}

/* R1, R2: a domain can be told to use fewer page sizes, as long as it is empty */
static void driver_pgsizes_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct iommu_domain *d = iommu_paging_domain_alloc(&b->client->pdev->dev);
	struct sim_leaf leaf;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, d);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_pgsizes(d, SZ_64K), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_pgsizes(d, SZ_4K | BIT(63)), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_pgsizes(&sim_blocked_domain, SZ_4K), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_pgsizes(b->domain, SZ_4K), -EBUSY);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_pgsizes(d, SZ_4K | SZ_64K | SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, d->pgsize_bitmap, SZ_4K | SZ_64K | SZ_2M);

	KUNIT_EXPECT_EQ(test, iommu_map(d, SZ_1G, SZ_1G, SZ_4M, RW, GFP_KERNEL), 0);
	KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&to_sim_domain(d)->pt, SZ_1G, SZ_1G, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.size_lg2, 21);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_min_granularity(d), -EBUSY);
	KUNIT_EXPECT_EQ(test, iommu_unmap(d, SZ_1G, SZ_4M), SZ_4M);
	iommu_flush_iotlb_all(d);

	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_min_granularity(d), 0);
	KUNIT_EXPECT_EQ(test, d->pgsize_bitmap, SZ_4K);
	KUNIT_EXPECT_EQ(test, iommu_map(d, SZ_1G, SZ_1G, SZ_4M, RW, GFP_KERNEL), 0);
	KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(&to_sim_domain(d)->pt, SZ_1G, SZ_1G, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.size_lg2, 12);
	KUNIT_EXPECT_EQ(test, iommu_unmap(d, SZ_1G, SZ_4M), SZ_4M);
	iommu_domain_free(d);
}

/* Guards against offering a page that the page table cannot hold */
static void driver_largest_page_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	unsigned int lg2 = __fls(b->domain->pgsize_bitmap);
	unsigned long size = BIT(lg2);

	KUNIT_EXPECT_LE(test, size - 1, b->domain->geometry.aperture_end);
	KUNIT_ASSERT_EQ(test, iommu_map(b->domain, size, size, size, RW, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(b->domain, 2 * size - 1), 2 * size - 1);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, size, size), size);
	KUNIT_EXPECT_EQ(test, iommu_map(b->domain, 0, 0, BIT(48) + size, RW, GFP_KERNEL), -ERANGE);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(b->domain, size), 0);
}

/* More commands than a ring has slots; one that is refused does not stop it */
static void driver_queue_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct sim_device *sdev = dev_iommu_priv_get(&b->client->pdev->dev);
	struct sim_cmd bad = sim_cmd_make(15, 0, 0), good = sim_cmd_nop();
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		KUNIT_ASSERT_EQ(test, sim_queue_submit(sdev->iommu, &good, 1), 0);
		if (i % 100 == 7)
			KUNIT_ASSERT_EQ(test, sim_queue_submit(sdev->iommu, &bad, 1), -EIO);
	}
	driver_strict_unmap_test(test);
}

static u64 tables_in_use(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct sim_device *sdev = dev_iommu_priv_get(&b->client->pdev->dev);

	return sim_stat_read(&sdev->iommu->stats, SIM_DSTAT_TABLES_ALLOCATED) -
	       sim_stat_read(&sdev->iommu->stats, SIM_DSTAT_TABLES_FREED);
}

/* Tables that are empty are freed, but for a few, until all is flushed */
static void driver_tables_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	u64 before = tables_in_use(test), pa = virt_to_phys(b->buf), iova;
	unsigned int i, nr = 2 * SIM_PT_KEEP_EMPTY;

	for (i = 0, iova = SZ_2M; i < nr; i++, iova += SZ_2M)
		KUNIT_ASSERT_EQ(test, iommu_map(b->domain, iova, pa, PAGE_SIZE, RW, GFP_KERNEL),
				0);
	/* And one for all of them */
	KUNIT_EXPECT_EQ(test, tables_in_use(test), before + nr + 1);
	for (i = 0, iova = SZ_2M; i < nr; i++, iova += SZ_2M)
		KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, iova, PAGE_SIZE), PAGE_SIZE);
	sim_domain_reclaim_wait(to_sim_domain(b->domain));
	KUNIT_EXPECT_EQ(test, tables_in_use(test), before + SIM_PT_KEEP_EMPTY + 1);

	/* Those that stay are used again */
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, iommu_map(b->domain, SZ_2M, pa, SZ_8M, RW, GFP_ATOMIC), 0);
		KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, SZ_2M, SZ_8M), SZ_8M);
		sim_domain_reclaim_wait(to_sim_domain(b->domain));
		KUNIT_EXPECT_EQ(test, tables_in_use(test), before + SIM_PT_KEEP_EMPTY + 1);
	}
	iommu_flush_iotlb_all(b->domain);
	sim_domain_reclaim_wait(to_sim_domain(b->domain));
	KUNIT_EXPECT_EQ(test, tables_in_use(test), before);
}

/* A large page where there are empty tables: they go, by a flush of its own */
static void driver_replace_tables_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	u64 pa = virt_to_phys(b->buf), before = tables_in_use(test);

	KUNIT_ASSERT_EQ(test, iommu_map(b->domain, SZ_1G, pa, PAGE_SIZE, RW, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, iommu_map(b->domain, SZ_1G, 0, SZ_1G, RW, GFP_KERNEL), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, SZ_1G, PAGE_SIZE), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, tables_in_use(test), before + 2);
	KUNIT_EXPECT_EQ(test, iommu_map(b->domain, SZ_1G, 0, SZ_1G, RW, GFP_KERNEL), 0);
	sim_domain_reclaim_wait(to_sim_domain(b->domain));
	KUNIT_EXPECT_EQ(test, tables_in_use(test), before);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, SZ_1G, SZ_1G), SZ_1G);
}

/* Guards against giving up after so many empty tables in the way of one map */
static void driver_replace_many_tables_test(struct kunit *test)
{
	struct driver_bench *b = test->priv;
	struct iommu_domain *d = iommu_paging_domain_alloc(&b->client->pdev->dev);
	const u32 nr = 100;
	u64 i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, d);
	KUNIT_EXPECT_EQ(test, iommu_sim_domain_set_pgsizes(d, SZ_4K | SZ_2M), 0);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, iommu_map(d, SZ_1G + i * SZ_2M, SZ_2M, SZ_4K, RW, GFP_KERNEL),
				0);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, iommu_unmap(d, SZ_1G + i * SZ_2M, SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, iommu_map(d, SZ_1G, SZ_1G, nr * SZ_2M, RW, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, iommu_unmap(d, SZ_1G, nr * SZ_2M), nr * SZ_2M);
	iommu_domain_free(d);
}

static struct kunit_case driver_cases[] = {
	KUNIT_CASE(driver_dma_test),
	KUNIT_CASE(driver_permissions_test),
	KUNIT_CASE(driver_strict_unmap_test),
	KUNIT_CASE(driver_stale_until_sync_test),
	KUNIT_CASE(driver_stale_until_flush_all_test),
	KUNIT_CASE(driver_fault_handler_test),
	KUNIT_CASE_SLOW(driver_event_storm_test),
	KUNIT_CASE(driver_entry_test),
	KUNIT_CASE(driver_change_domain_test),
	KUNIT_CASE(driver_blocked_test),
	KUNIT_CASE(driver_capabilities_test),
	KUNIT_CASE(driver_partial_unmap_test),
	KUNIT_CASE(driver_pgsizes_test),
	KUNIT_CASE(driver_largest_page_test),
	KUNIT_CASE(driver_queue_test),
	KUNIT_CASE(driver_tables_test),
	KUNIT_CASE(driver_replace_tables_test),
	KUNIT_CASE(driver_replace_many_tables_test),
	{}
};

static struct kunit_suite driver_suite = {
	.name = "iommu_sim_driver",
	.init = driver_test_init,
	.exit = driver_test_exit,
	.test_cases = driver_cases,
};

kunit_test_suite(driver_suite);
