// SPDX-License-Identifier: GPL-2.0-only
/*
 * Injected faults, as they arrive at the callers above: the documented error,
 * nothing half done, nothing lost, and after "clear" everything works.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "client.h"
#include "driver/driver.h"

#define BUF_IOVA	0x40000000UL
#define PATTERN		0x0123456789abcdefULL
#define RW		(IOMMU_READ | IOMMU_WRITE)

/**
 * struct inject_bench - an endpoint in a domain, and what may go wrong
 * @client: the endpoint
 * @domain: its domain
 * @iommu: the instance
 * @buf: a page of memory, not mapped yet
 * @faults: calls of the domain's fault handler
 */
struct inject_bench {
	struct client *client;
	struct iommu_domain *domain;
	struct sim_iommu *iommu;
	u64 *buf;
	struct completion faults;
};

static int count_fault(struct iommu_domain *domain, struct device *dev, unsigned long iova,
		       int flags, void *token)
{
	complete(token);
	return 0;
}

static int inject_attach(struct inject_bench *b)
{
	return client_attach(b->client, b->domain, CLIENT_RINGS);
}

static int driver_inject_init(struct kunit *test)
{
	struct inject_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct client *c = client_get(test);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->client = c;
	b->iommu = ((struct sim_device *)dev_iommu_priv_get(&c->pdev->dev))->iommu;
	init_completion(&b->faults);
	b->buf = (u64 *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->buf);
	b->domain = iommu_paging_domain_alloc(&c->pdev->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->domain);
	iommu_set_fault_handler(b->domain, count_fault, &b->faults);
	ret = iommu_map(b->domain, CLIENT_RINGS, virt_to_phys(c->rings), 2 * PAGE_SIZE, RW,
			GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, inject_attach(b), 0);
	test->priv = b;
	return 0;
}

static void driver_inject_exit(struct kunit *test)
{
	struct inject_bench *b = test->priv;

	if (!b)
		return;
	sim_inject_clear(b->iommu->inject);
	client_put(b->client);
	iommu_domain_free(b->domain);
	free_page((unsigned long)b->buf);
}

static struct sim_inject_point *point(struct inject_bench *b, enum sim_inject_id id)
{
	return &b->iommu->inject->point[id];
}

/* @times failures at BUF_IOVA, whoever asks */
static void arm(struct inject_bench *b, enum sim_inject_id id, int times)
{
	point(b, id)->iova_start = BUF_IOVA;
	point(b, id)->iova_last = BUF_IOVA + PAGE_SIZE - 1;
	atomic_set(&point(b, id)->times, times);
	sim_inject_set_probability(point(b, id), 100);
}

static int map_buf(struct inject_bench *b)
{
	return iommu_map(b->domain, BUF_IOVA, virt_to_phys(b->buf), PAGE_SIZE, RW, GFP_KERNEL);
}

static u64 tables_in_use(struct inject_bench *b)
{
	return sim_stat_read(&b->iommu->stats, SIM_DSTAT_TABLES_ALLOCATED) -
	       sim_stat_read(&b->iommu->stats, SIM_DSTAT_TABLES_FREED);
}

static void inject_map_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;

	arm(b, SIM_INJECT_MAP, 1);
	KUNIT_EXPECT_EQ(test, map_buf(b), -ENOMEM);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(b->domain, BUF_IOVA), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&point(b, SIM_INJECT_MAP)->injected), 1);
	KUNIT_EXPECT_EQ(test, map_buf(b), 0);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->buf[0], PATTERN);
}

/* Of a map in several pieces nothing stays if one of them fails */
static void inject_map_unwind_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	u64 pa = virt_to_phys(b->buf);
	unsigned long iova = BUF_IOVA + SZ_4K;
	unsigned int nth;
	int ret;

	for (nth = 1; ; nth++) {
		sim_inject_set_fail_nth(point(b, SIM_INJECT_MAP), nth);
		ret = iommu_map(b->domain, iova, pa & ~(u64)(SZ_64K - 1), 15 * SZ_4K, RW,
				GFP_KERNEL);
		if (!ret)
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		KUNIT_ASSERT_EQ(test, iommu_iova_to_phys(b->domain, iova), 0);
		KUNIT_ASSERT_EQ(test, iommu_iova_to_phys(b->domain, iova + 14 * SZ_4K), 0);
	}
	KUNIT_EXPECT_GT(test, nth, 1);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, iova, 15 * SZ_4K), 15 * SZ_4K);
}

/* Each table in turn: what had been made is found again, and freed in the end */
static void inject_table_alloc_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	u64 before = tables_in_use(b);
	struct iommu_domain *domain;
	unsigned int nth;
	int ret;

	for (nth = 1; ; nth++) {
		sim_inject_set_fail_nth(point(b, SIM_INJECT_TABLE_ALLOC), nth);
		domain = iommu_paging_domain_alloc(&b->client->pdev->dev);
		if (IS_ERR(domain)) {
			KUNIT_ASSERT_EQ(test, nth, 1);
			KUNIT_ASSERT_EQ(test, PTR_ERR(domain), -ENOMEM);
			continue;
		}
		ret = iommu_map(domain, BUF_IOVA, virt_to_phys(b->buf), PAGE_SIZE, RW, GFP_KERNEL);
		if (ret)
			KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, BUF_IOVA), 0);
		iommu_domain_free(domain);
		KUNIT_ASSERT_EQ(test, tables_in_use(b), before);
		if (!ret)
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
	}
	/* The root, and three below it */
	KUNIT_EXPECT_EQ(test, nth, 5);
}

/* An invalidation that has no effect: the unmapped page is still in reach */
static void inject_invalidate_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, map_buf(b), 0);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	arm(b, SIM_INJECT_IOTLB_INVALIDATE, 1);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA, PAGE_SIZE), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->buf[0], ~PATTERN);
	iommu_flush_iotlb_all(b->domain);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, b->buf[0], ~PATTERN);
}

/* A flush whose end nobody sees: the device is blocked before unmap returns */
static void inject_completion_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	u64 before = sim_stat_read(&b->iommu->stats, SIM_DSTAT_FLUSH_FAILURES);

	KUNIT_ASSERT_EQ(test, map_buf(b), 0);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
	sim_inject_set_fail_nth(point(b, SIM_INJECT_COMPLETION_WAIT), 1);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain, BUF_IOVA, PAGE_SIZE), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sim_stat_read(&b->iommu->stats, SIM_DSTAT_FLUSH_FAILURES),
			before + 1);
	/* Not even the ring can be read */
	KUNIT_EXPECT_EQ(test, client_fill(b->client, CLIENT_RINGS, PATTERN, 8), 0);

	KUNIT_ASSERT_EQ(test, inject_attach(b), 0);
	KUNIT_EXPECT_EQ(test, map_buf(b), 0);
	KUNIT_EXPECT_EQ(test, client_fill(b->client, BUF_IOVA, ~PATTERN, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->buf[0], ~PATTERN);
}

/*
 * An attach whose end nobody sees fails, and leaves neither domain in reach.
 * Guards against an entry that leads to tables which the caller then frees.
 */
static void inject_attach_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	struct client *c = b->client;
	struct sim_device *sdev = dev_iommu_priv_get(&c->pdev->dev);

	KUNIT_ASSERT_EQ(test, map_buf(b), 0);
	iommu_detach_group(c->domain, c->pdev->dev.iommu_group);
	c->domain = NULL;
	sim_inject_set_fail_nth(point(b, SIM_INJECT_COMPLETION_WAIT), 1);
	KUNIT_EXPECT_EQ(test, inject_attach(b), -ETIMEDOUT);
	KUNIT_EXPECT_PTR_NE(test, sdev->domain, b->domain);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(b->iommu->devtab[sdev->rid].qw[0]), SIM_DTE0_V);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(b->iommu->devtab[sdev->rid].qw[1]), 0);
	KUNIT_ASSERT_EQ(test, inject_attach(b), 0);
	KUNIT_EXPECT_EQ(test, client_fill(c, BUF_IOVA, PATTERN, 8), IOMMU_SIM_OK);
}

static u32 fill_status(struct inject_bench *b, struct iommu_sim_cpl *cpl)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_FILL,
		.dst = cpu_to_le64(BUF_IOVA),
		.operand = cpu_to_le64(PATTERN),
		.len = cpu_to_le32(8),
	};

	return client_run(b->client, &desc, cpl);
}

static void inject_translation_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	struct iommu_sim_cpl cpl;

	KUNIT_ASSERT_EQ(test, map_buf(b), 0);
	arm(b, SIM_INJECT_TRANSLATION_FAULT, 1);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cpl.cpl), 4);	/* completer abort */
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&b->faults, 20 * HZ), 0);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_OK);
	/* For another device there is nothing to see here */
	point(b, SIM_INJECT_TRANSLATION_FAULT)->device = 0xffff;
	arm(b, SIM_INJECT_TRANSLATION_FAULT, 1);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_OK);
}

static void inject_unsupported_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	struct iommu_sim_cpl cpl;

	KUNIT_ASSERT_EQ(test, map_buf(b), 0);
	point(b, SIM_INJECT_UNSUPPORTED_REQUEST)->device = pci_dev_id(b->client->pdev);
	arm(b, SIM_INJECT_UNSUPPORTED_REQUEST, 1);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cpl.cpl), 1);	/* unsupported request */
	KUNIT_EXPECT_EQ(test, b->buf[0], 0);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_OK);
	/* The IOMMU knows nothing of it */
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&b->faults, HZ / 20), 0);
}

/* A lost event is not delivered; the fault itself is none the less one */
static void inject_overflow_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	struct iommu_sim_cpl cpl;

	arm(b, SIM_INJECT_EVENT_OVERFLOW, 1);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&b->faults, HZ / 20), 0);
	KUNIT_EXPECT_EQ(test, fill_status(b, &cpl), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&b->faults, 20 * HZ), 0);
}

#define LOAN		SZ_128K

/* So many of them are all addresses of 32 bits, twice */
#define LOW_MAPS	(2 * SZ_4G / LOAN)

static unsigned int failed_maps(struct device *dev, void *mem)
{
	unsigned int i, failed = 0;

	for (i = 0; i < LOW_MAPS; i++)
		failed += !!dma_mapping_error(dev, dma_map_single(dev, mem, LOAN, DMA_TO_DEVICE));
	return failed;
}

/* What the DMA API says when a map below it fails; a domain that is not ours */
static void inject_dma_api_test(struct kunit *test)
{
	struct inject_bench *b = test->priv;
	struct pci_dev *pdev = pci_get_device(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE, NULL);
	struct sim_inject_point *map = point(b, SIM_INJECT_MAP);
	struct scatterlist sg[2];
	struct sg_table table = { .sgl = sg, .nents = 2, .orig_nents = 2 };
	struct device *dev;
	dma_addr_t iova;
	void *mem, *loan;
	u64 mask;

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	dev = &pdev->dev;
	if (pdev == b->client->pdev || iommu_get_domain_for_dev(dev)->type != IOMMU_DOMAIN_DMA) {
		pci_dev_put(pdev);
		kunit_skip(test, "needs a second endpoint, in a group of type DMA");
	}
	loan = alloc_pages_exact(LOAN, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, loan);
	/* Two maps: not one after the other in memory */
	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], loan + PAGE_SIZE, PAGE_SIZE);
	sg_set_buf(&sg[1], loan, PAGE_SIZE);
	map->device = pci_dev_id(pdev);
	atomic_set(&map->times, -1);
	sim_inject_set_probability(map, 100);

	iova = dma_map_single(dev, b->buf, PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_mapping_error(dev, iova), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_map_sg(dev, sg, 2, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, dma_map_sgtable(dev, &table, DMA_TO_DEVICE, 0), -ENOMEM);
	mem = dma_alloc_coherent(dev, SZ_64K, &iova, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, mem);
	KUNIT_EXPECT_EQ(test, atomic64_read(&map->injected), 4);

	/* Were addresses lost, there would be none left */
	mask = dma_get_mask(dev);
	map->verbose = 0;
	KUNIT_EXPECT_EQ(test, dma_set_mask(dev, DMA_BIT_MASK(32)), 0);
	KUNIT_EXPECT_EQ(test, failed_maps(dev, loan), LOW_MAPS);
	sim_inject_clear(b->iommu->inject);
	iova = dma_map_single(dev, loan, LOAN, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_mapping_error(dev, iova), 0);
	dma_unmap_single(dev, iova, LOAN, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_set_mask(dev, mask), 0);

	/* The second half of a list fails: nothing is left of the first */
	map->device = pci_dev_id(pdev);
	sim_inject_set_fail_nth(map, 2);
	KUNIT_EXPECT_EQ(test, dma_map_sg(dev, sg, 2, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&map->injected), 1);
	KUNIT_EXPECT_EQ(test, dma_map_sg(dev, sg, 2, DMA_TO_DEVICE), 1);
	dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
	free_pages_exact(loan, LOAN);
	pci_dev_put(pdev);
}

static struct kunit_case driver_inject_cases[] = {
	KUNIT_CASE(inject_map_test),
	KUNIT_CASE(inject_map_unwind_test),
	KUNIT_CASE(inject_table_alloc_test),
	KUNIT_CASE(inject_invalidate_test),
	KUNIT_CASE(inject_completion_test),
	KUNIT_CASE(inject_attach_test),
	KUNIT_CASE(inject_translation_test),
	KUNIT_CASE(inject_unsupported_test),
	KUNIT_CASE(inject_overflow_test),
	KUNIT_CASE(inject_dma_api_test),
	{}
};

static struct kunit_suite driver_inject_suite = {
	.name = "iommu_sim_driver_inject",
	.init = driver_inject_init,
	.exit = driver_inject_exit,
	.test_cases = driver_inject_cases,
};

kunit_test_suite(driver_inject_suite);
