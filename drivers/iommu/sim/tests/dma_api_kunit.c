// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the DMA API to the device and back, all layers being real: the endpoint
 * that the modules brought up at boot does what a driver's device would do.
 */
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

#include "dma_bench.h"

struct dma_streaming_case {
	size_t size;
	size_t src_offset;
	size_t dst_offset;
	const char *desc;
};

static const struct dma_streaming_case dma_streaming_cases[] = {
	{ 1, 0, 0, "one byte" },
	{ 1, 4095, 4095, "the last byte of a page" },
	{ 2, 4095, 4094, "two bytes across a page boundary" },
	{ 64, 13, 7, "part of a page, nothing aligned" },
	{ 4096, 0, 0, "one page" },
	{ 4096, 1, 4095, "the size of a page, nothing aligned" },
	{ 12289, 17, 4090, "several pages, nothing aligned" },
	{ 65536, 0, 0, "64 KiB" },
	{ 1 << 20, 0, 0, "1 MiB" },
	{ (1 << 20) + 1, 4095, 1, "1 MiB and a byte, nothing aligned" },
};

KUNIT_ARRAY_PARAM_DESC(dma_streaming, dma_streaming_cases, desc);

/* Exactly the bytes that were mapped change, and to what the source had */
static void dma_api_streaming(struct kunit *test)
{
	const struct dma_streaming_case *c = test->param_value;
	struct dma_bench *b = test->priv;
	size_t total = c->size + 2 * PAGE_SIZE;
	u8 *src = dma_bench_buf(test, total), *dst = dma_bench_buf(test, total);
	u8 *expected = dma_bench_buf(test, total);
	struct sim_dma_request req = {};
	dma_addr_t src_iova, dst_iova;

	memcpy(expected, dst, total);
	memcpy(expected + c->dst_offset, src + c->src_offset, c->size);
	src_iova = dma_bench_map(test, src + c->src_offset, c->size, DMA_TO_DEVICE);
	dst_iova = dma_bench_map(test, dst + c->dst_offset, c->size, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_bench_copy(b, dst_iova, src_iova, c->size, &req), 0);
	dma_unmap_single(b->dev, dst_iova, c->size, DMA_FROM_DEVICE);
	dma_unmap_single(b->dev, src_iova, c->size, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, req.bytes, c->size);
	KUNIT_EXPECT_EQ(test, memcmp(dst, expected, total), 0);
}

static void dma_api_coherent(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	const size_t size = 5 * PAGE_SIZE;
	struct sim_dma_request req = {};
	dma_addr_t src_iova, dst_iova;
	u8 *src, *dst;

	src = dma_alloc_coherent(b->dev, size, &src_iova, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, src);
	dst = dma_alloc_coherent(b->dev, size, &dst_iova, GFP_KERNEL);
	if (dst) {
		prandom_bytes_state(&b->rnd, src, size);
		KUNIT_EXPECT_EQ(test, dma_bench_copy(b, dst_iova, src_iova, size, &req), 0);
		KUNIT_EXPECT_EQ(test, memcmp(dst, src, size), 0);
		dma_free_coherent(b->dev, size, dst, dst_iova);
	}
	dma_free_coherent(b->dev, size, src, src_iova);
	KUNIT_EXPECT_NOT_NULL(test, dst);
}

#define SG_ENTRIES	16

/* Entries in separate pages: only their ends at page boundaries can be merged */
static void dma_api_fill_sg(struct kunit *test, struct scatterlist *sgl, u8 **mem)
{
	struct dma_bench *b = test->priv;
	unsigned int i;

	sg_init_table(sgl, SG_ENTRIES);
	for (i = 0; i < SG_ENTRIES; i++) {
		u32 offset = prandom_u32_state(&b->rnd) % PAGE_SIZE;
		u32 len = 1 + prandom_u32_state(&b->rnd) % (PAGE_SIZE - offset);

		mem[i] = dma_bench_buf(test, PAGE_SIZE);
		sg_set_buf(&sgl[i], mem[i] + offset, len);
	}
}

static void dma_api_sg(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct sim_dma_request req = {};
	struct scatterlist sgl[SG_ENTRIES], *sg;
	u8 *mem[SG_ENTRIES], *dst;
	struct iommu_sim_seg *segs;
	dma_addr_t segs_iova, dst_iova;
	size_t len = 0, done = 0;
	int nents, i;

	dma_api_fill_sg(test, sgl, mem);
	for_each_sg(sgl, sg, SG_ENTRIES, i)
		len += sg->length;
	dst = dma_bench_buf(test, len);
	segs = dma_alloc_coherent(b->dev, SG_ENTRIES * sizeof(*segs), &segs_iova, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segs);
	nents = dma_map_sg(b->dev, sgl, SG_ENTRIES, DMA_TO_DEVICE);
	KUNIT_EXPECT_GT(test, nents, 0);
	for_each_sg(sgl, sg, nents, i)
		segs[i] = (struct iommu_sim_seg) {
			.addr = cpu_to_le64(sg_dma_address(sg)),
			.len = cpu_to_le32(sg_dma_len(sg)),
		};

	dst_iova = dma_bench_map(test, dst, len, DMA_FROM_DEVICE);
	req.desc = sim_dma_desc_copy(dst_iova, segs_iova, len);
	req.desc.flags |= IOMMU_SIM_DESC_SRC_LIST;
	req.desc.src_segs = cpu_to_le16(nents);
	KUNIT_EXPECT_EQ(test, sim_dma_exec(b->chan, &req), 0);
	dma_unmap_single(b->dev, dst_iova, len, DMA_FROM_DEVICE);
	dma_unmap_sg(b->dev, sgl, SG_ENTRIES, DMA_TO_DEVICE);
	dma_free_coherent(b->dev, SG_ENTRIES * sizeof(*segs), segs, segs_iova);

	for_each_sg(sgl, sg, SG_ENTRIES, i) {
		KUNIT_EXPECT_EQ_MSG(test, memcmp(dst + done, sg_virt(sg), sg->length), 0,
				    "entry %d", i);
		done += sg->length;
	}
}

/* A mapping for reading is not writable by the device */
static void dma_api_direction(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	u8 *a = dma_bench_buf(test, PAGE_SIZE), *other = dma_bench_buf(test, PAGE_SIZE);
	u8 *before = dma_bench_buf(test, PAGE_SIZE);
	struct sim_dma_request req = {};
	dma_addr_t a_iova, other_iova;

	if (!dma_bench_translated(b))
		kunit_skip(test, "the device is not translated");
	memcpy(before, other, PAGE_SIZE);
	a_iova = dma_bench_map(test, a, PAGE_SIZE, DMA_TO_DEVICE);
	other_iova = dma_bench_map(test, other, PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_bench_copy(b, other_iova, a_iova, PAGE_SIZE, &req), -EFAULT);
	KUNIT_EXPECT_EQ(test, req.status, IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ(test, req.addr, other_iova);
	dma_unmap_single(b->dev, other_iova, PAGE_SIZE, DMA_TO_DEVICE);
	dma_unmap_single(b->dev, a_iova, PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, memcmp(other, before, PAGE_SIZE), 0);
}

/* Strict: nothing after the unmap. Batched: nothing after the flush. */
static void dma_api_fault_after_unmap(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct sim_dma_stale_result r;

	if (!dma_bench_translated(b))
		kunit_skip(test, "the device is not translated");
	KUNIT_ASSERT_EQ(test, sim_dma_use_after_unmap(b->sim, &r), 0);
	KUNIT_EXPECT_EQ(test, r.mapped, IOMMU_SIM_OK);
	if (dma_bench_strict(b))
		KUNIT_EXPECT_EQ(test, r.unmapped, IOMMU_SIM_ERR_READ);
	KUNIT_EXPECT_EQ(test, r.last, IOMMU_SIM_ERR_READ);
	KUNIT_EXPECT_EQ(test, r.last_addr, r.iova);
}

/* Addresses fit the mask; without room below it a map fails, and says so */
static void dma_api_mask(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	const size_t size = SZ_1M;
	u8 *buf = dma_bench_buf(test, size);
	dma_addr_t iova;

	if (!dma_bench_translated(b))
		kunit_skip(test, "the device is not translated");
	KUNIT_EXPECT_FALSE(test, dma_addressing_limited(b->dev));

	KUNIT_EXPECT_EQ(test, dma_set_mask(b->dev, DMA_BIT_MASK(24)), 0);
	iova = dma_bench_map(test, buf, size, DMA_TO_DEVICE);
	KUNIT_EXPECT_LE(test, iova + size - 1, DMA_BIT_MASK(24));
	dma_unmap_single(b->dev, iova, size, DMA_TO_DEVICE);

	KUNIT_EXPECT_EQ(test, dma_set_mask(b->dev, DMA_BIT_MASK(19)), 0);
	iova = dma_map_single(b->dev, buf, size, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(b->dev, iova));

	KUNIT_EXPECT_EQ(test, dma_set_mask(b->dev, DMA_BIT_MASK(64)), 0);
}

/* Every thread maps, copies, unmaps and verifies for itself */
static void dma_api_threads(struct kunit *test)
{
	const struct sim_dma_selftest_params params = {
		.size = 10000,
		.count = 400,
		.threads = 8,
		.seed = DMA_BENCH_SEED,
	};
	struct dma_bench *b = test->priv;
	struct sim_dma_selftest_result r;

	KUNIT_EXPECT_EQ(test, sim_dma_selftest(b->sim, &params, &r), 0);
	KUNIT_EXPECT_EQ(test, r.copies, params.count);
	KUNIT_EXPECT_EQ(test, r.bytes, (u64)params.count * params.size);
	KUNIT_EXPECT_EQ(test, r.errors, 0);
	KUNIT_EXPECT_EQ(test, r.mismatches, 0);
	dma_bench_expect_balanced(test);
}

struct dma_params_case {
	struct sim_dma_selftest_params params;
	const char *desc;
};

static const struct dma_params_case dma_params_cases[] = {
	{ { .size = 0, .count = 1, .threads = 1 }, "no bytes" },
	{ { .size = U32_MAX, .count = 1, .threads = 1 }, "too many bytes" },
	{ { .size = 1, .count = U32_MAX, .threads = 1 }, "too many copies" },
	{ { .size = 1, .count = 1, .threads = 0 }, "no thread" },
	{ { .size = 1, .count = 1, .threads = 65 }, "too many threads" },
};

KUNIT_ARRAY_PARAM_DESC(dma_params, dma_params_cases, desc);

static void dma_api_params(struct kunit *test)
{
	const struct dma_params_case *c = test->param_value;
	struct dma_bench *b = test->priv;
	struct sim_dma_selftest_result r;

	KUNIT_EXPECT_EQ(test, sim_dma_selftest(b->sim, &c->params, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, r.status, -EINVAL);
}

static struct kunit_case dma_api_cases[] = {
	KUNIT_CASE_PARAM(dma_api_streaming, dma_streaming_gen_params),
	KUNIT_CASE(dma_api_coherent),
	KUNIT_CASE(dma_api_sg),
	KUNIT_CASE(dma_api_direction),
	KUNIT_CASE(dma_api_fault_after_unmap),
	KUNIT_CASE(dma_api_mask),
	KUNIT_CASE(dma_api_threads),
	KUNIT_CASE_PARAM(dma_api_params, dma_params_gen_params),
	{}
};

static struct kunit_suite dma_api_suite = {
	.name = "iommu_sim_dma_api",
	.init = dma_bench_init,
	.exit = dma_bench_exit,
	.test_cases = dma_api_cases,
};

kunit_test_suite(dma_api_suite);
