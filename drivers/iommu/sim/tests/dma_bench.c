// SPDX-License-Identifier: GPL-2.0-only
/*
 * See dma_bench.h.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "dma_bench.h"

/**
 * dma_bench_init() - init of the suites; skips without an endpoint
 * @test: the test, whose private pointer becomes a struct dma_bench
 *
 * Return: 0
 */
int dma_bench_init(struct kunit *test)
{
	struct dma_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	test->priv = b;
	b->pdev = pci_get_device(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE, NULL);
	if (!b->pdev)
		kunit_skip(test, "there is no endpoint");
	b->sim = sim_dma_from_pdev(b->pdev);
	if (!b->sim)
		kunit_skip(test, "the endpoint is not bound to its driver");
	b->dev = &b->pdev->dev;
	b->chan = &b->sim->chans[0];
	prandom_seed_state(&b->rnd, DMA_BENCH_SEED);
	return 0;
}

/**
 * dma_bench_exit() - exit of the suites
 * @test: the test
 */
void dma_bench_exit(struct kunit *test)
{
	struct dma_bench *b = test->priv;

	if (b)
		pci_dev_put(b->pdev);
}

/**
 * dma_bench_buf() - memory with random contents, freed with the test
 * @test: the test
 * @size: in bytes
 *
 * Return: the memory; the test ends if there is none.
 */
u8 *dma_bench_buf(struct kunit *test, size_t size)
{
	struct dma_bench *b = test->priv;
	u8 *buf = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	prandom_bytes_state(&b->rnd, buf, size);
	return buf;
}

/**
 * dma_bench_map() - map for the endpoint
 * @test: the test, which ends if this fails
 * @buf: what to map
 * @size: in bytes
 * @dir: direction of the DMA
 *
 * Return: the address
 */
dma_addr_t dma_bench_map(struct kunit *test, void *buf, size_t size, enum dma_data_direction dir)
{
	struct dma_bench *b = test->priv;
	dma_addr_t iova = dma_map_single(b->dev, buf, size, dir);

	KUNIT_ASSERT_FALSE(test, dma_mapping_error(b->dev, iova));
	return iova;
}

/**
 * dma_bench_copy() - have the endpoint copy
 * @b: the bench
 * @dst: where to
 * @src: where from
 * @len: bytes
 * @req: how it ended
 *
 * Return: as sim_dma_exec().
 */
int dma_bench_copy(struct dma_bench *b, dma_addr_t dst, dma_addr_t src, u32 len,
		   struct sim_dma_request *req)
{
	req->desc = sim_dma_desc_copy(dst, src, len);
	return sim_dma_exec(b->chan, req);
}

/**
 * dma_bench_translated() - does the endpoint's DMA go through page tables?
 * @b: the bench
 *
 * Return: not so with an identity domain.
 */
bool dma_bench_translated(struct dma_bench *b)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(b->dev);

	return domain && (domain->type & __IOMMU_DOMAIN_DMA_API);
}

/**
 * dma_bench_strict() - is the IOTLB invalidated before an unmap returns?
 * @b: the bench
 *
 * Return: the answer.
 */
bool dma_bench_strict(struct dma_bench *b)
{
	return iommu_get_domain_for_dev(b->dev)->type == IOMMU_DOMAIN_DMA;
}

/**
 * dma_bench_expect_balanced() - every request that was submitted has ended
 * @test: the test
 */
void dma_bench_expect_balanced(struct kunit *test)
{
	struct sim_dma_counters sum;

	sim_dma_totals(&sum);
	KUNIT_EXPECT_EQ(test, sum.submitted, sum.completed + sum.errored);
}
