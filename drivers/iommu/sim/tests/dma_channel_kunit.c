// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels of the endpoint's driver under stress: whatever happens, each
 * request that was submitted ends once, and the device works afterwards.
 */
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>

#include "dma_bench.h"

#define BATCH_TIMEOUT		(20 * HZ)

struct dma_batch;

struct dma_batch_request {
	struct sim_dma_request req;
	struct dma_batch *batch;
	unsigned int ends;
};

/**
 * struct dma_batch - requests that are submitted together
 * @done: all have ended
 * @left: those that have not
 * @order_errors: requests that ended before one submitted earlier
 * @next: the request that should end next
 * @nr: their number
 * @reqs: the requests
 */
struct dma_batch {
	struct completion done;
	unsigned int left;
	unsigned int order_errors;
	unsigned int next;
	unsigned int nr;
	struct dma_batch_request reqs[];
};

/* Called under the channel's lock, which protects the batch */
static void dma_batch_done(struct sim_dma_request *req)
{
	struct dma_batch_request *r = container_of(req, struct dma_batch_request, req);
	struct dma_batch *batch = r->batch;

	r->ends++;
	if (r != &batch->reqs[batch->next++ % batch->nr])
		batch->order_errors++;
	if (!--batch->left)
		complete(&batch->done);
}

static struct dma_batch *dma_batch_alloc(struct kunit *test, unsigned int nr,
					 const struct iommu_sim_desc *desc)
{
	struct dma_batch *batch;
	unsigned int i;

	batch = kunit_kzalloc(test, struct_size(batch, reqs, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, batch);
	init_completion(&batch->done);
	batch->nr = nr;
	batch->left = nr;
	for (i = 0; i < nr; i++) {
		batch->reqs[i].batch = batch;
		batch->reqs[i].req.owner = batch;
		batch->reqs[i].req.done = dma_batch_done;
		batch->reqs[i].req.desc = *desc;
	}
	return batch;
}

static void dma_batch_submit(struct dma_bench *b, struct dma_batch *batch)
{
	LIST_HEAD(list);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		list_add_tail(&batch->reqs[i].req.node, &list);
	guard(spinlock_irqsave)(&b->chan->lock);
	sim_dma_submit_locked(b->chan, &list);
}

static void dma_batch_cancel(struct dma_bench *b, struct dma_batch *batch)
{
	guard(spinlock_irqsave)(&b->chan->lock);
	sim_dma_cancel_locked(b->chan, batch);
}

/* Waits, and takes back what has not ended: the batch's memory goes away */
static void dma_batch_wait(struct kunit *test, struct dma_batch *batch)
{
	struct dma_bench *b = test->priv;
	unsigned int i;

	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&batch->done, BATCH_TIMEOUT), 0);
	dma_batch_cancel(b, batch);
	KUNIT_EXPECT_EQ(test, batch->order_errors, 0);
	for (i = 0; i < batch->nr; i++)
		KUNIT_EXPECT_EQ_MSG(test, batch->reqs[i].ends, 1, "request %u", i);
}

static unsigned int dma_batch_count(const struct dma_batch *batch, u32 status)
{
	unsigned int i, n = 0;

	for (i = 0; i < batch->nr; i++)
		n += batch->reqs[i].req.status == status;
	return n;
}

/* Buffers to copy between, long enough that the device is seen at work */
struct dma_pair {
	size_t size;
	u8 *src;
	u8 *dst;
	dma_addr_t src_iova;
	dma_addr_t dst_iova;
};

static struct dma_pair dma_pair_map(struct kunit *test, size_t size)
{
	struct dma_pair p = {
		.size = size,
		.src = dma_bench_buf(test, size),
		.dst = dma_bench_buf(test, size),
	};

	p.src_iova = dma_bench_map(test, p.src, size, DMA_TO_DEVICE);
	p.dst_iova = dma_bench_map(test, p.dst, size, DMA_FROM_DEVICE);
	return p;
}

static void dma_pair_unmap(struct kunit *test, struct dma_pair *p)
{
	struct dma_bench *b = test->priv;

	dma_unmap_single(b->dev, p->dst_iova, p->size, DMA_FROM_DEVICE);
	dma_unmap_single(b->dev, p->src_iova, p->size, DMA_TO_DEVICE);
}

static void dma_expect_working(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_pair p = dma_pair_map(test, PAGE_SIZE);
	struct sim_dma_request req = {};

	KUNIT_EXPECT_EQ(test, dma_bench_copy(b, p.dst_iova, p.src_iova, p.size, &req), 0);
	dma_pair_unmap(test, &p);
	KUNIT_EXPECT_EQ(test, memcmp(p.src, p.dst, p.size), 0);
	dma_bench_expect_balanced(test);
}

/* Far more than the ring holds: the rest follows as there is room */
static void dma_channel_full_ring(struct kunit *test)
{
	const struct iommu_sim_desc nop = { .op = IOMMU_SIM_OP_NOP };
	struct dma_bench *b = test->priv;
	struct dma_batch *batch = dma_batch_alloc(test, (5 << b->sim->ring_lg2) + 1, &nop);

	/* None but the last asks for an interrupt */
	batch->reqs[batch->nr - 1].req.desc.flags = IOMMU_SIM_DESC_INTR;
	dma_batch_submit(b, batch);
	dma_batch_wait(test, batch);
	KUNIT_EXPECT_EQ(test, dma_batch_count(batch, IOMMU_SIM_OK), batch->nr);
	dma_bench_expect_balanced(test);
}

/* An error ends the descriptor that has it, and no other */
static void dma_channel_errors(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_pair p = dma_pair_map(test, PAGE_SIZE);
	struct iommu_sim_desc copy = sim_dma_desc_copy(p.dst_iova, p.src_iova, p.size);
	struct dma_batch *batch = dma_batch_alloc(test, 64, &copy);
	unsigned int i;

	for (i = 0; i < batch->nr; i += 4)
		batch->reqs[i].req.desc.op = 0xff;
	dma_batch_submit(b, batch);
	dma_batch_wait(test, batch);
	dma_pair_unmap(test, &p);
	KUNIT_EXPECT_EQ(test, dma_batch_count(batch, IOMMU_SIM_ERR_DESC), 16);
	KUNIT_EXPECT_EQ(test, dma_batch_count(batch, IOMMU_SIM_OK), 48);
	dma_expect_working(test);
}

/* Taking back one owner's requests leaves the others' */
static void dma_channel_cancel(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_pair mine = dma_pair_map(test, SZ_1M), other = dma_pair_map(test, SZ_64K);
	struct iommu_sim_desc my_copy = sim_dma_desc_copy(mine.dst_iova, mine.src_iova, mine.size);
	struct iommu_sim_desc copy = sim_dma_desc_copy(other.dst_iova, other.src_iova, other.size);
	struct dma_batch *my_batch = dma_batch_alloc(test, 1 << b->sim->ring_lg2, &my_copy);
	struct dma_batch *batch = dma_batch_alloc(test, 64, &copy);

	dma_batch_submit(b, my_batch);
	dma_batch_submit(b, batch);
	dma_batch_cancel(b, my_batch);
	/* The device does not use them any more */
	dma_pair_unmap(test, &mine);
	KUNIT_EXPECT_TRUE(test, completion_done(&my_batch->done));
	KUNIT_EXPECT_GT(test, dma_batch_count(my_batch, SIM_DMA_ABORTED), 0);

	dma_batch_wait(test, my_batch);
	dma_batch_wait(test, batch);
	dma_pair_unmap(test, &other);
	KUNIT_EXPECT_EQ(test, dma_batch_count(batch, IOMMU_SIM_OK), batch->nr);
	KUNIT_EXPECT_EQ(test, memcmp(other.src, other.dst, other.size), 0);
	dma_expect_working(test);
}

static void dma_channel_stop(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_pair p = dma_pair_map(test, SZ_1M);
	struct iommu_sim_desc copy = sim_dma_desc_copy(p.dst_iova, p.src_iova, p.size);
	struct dma_batch *early = dma_batch_alloc(test, 2 << b->sim->ring_lg2, &copy);
	struct dma_batch *late = dma_batch_alloc(test, 4, &copy);

	dma_batch_submit(b, early);
	sim_dma_chan_stop(b->chan);
	KUNIT_EXPECT_TRUE(test, completion_done(&early->done));
	KUNIT_EXPECT_GT(test, dma_batch_count(early, SIM_DMA_ABORTED), 0);
	dma_batch_submit(b, late);
	KUNIT_EXPECT_TRUE(test, completion_done(&late->done));
	KUNIT_EXPECT_EQ(test, dma_batch_count(late, SIM_DMA_ABORTED), late->nr);
	dma_pair_unmap(test, &p);

	KUNIT_EXPECT_EQ(test, sim_dma_chan_start(b->chan), 0);
	dma_batch_wait(test, early);
	dma_batch_wait(test, late);
	dma_expect_working(test);
}

/* A function level reset in the middle of work */
static void dma_channel_flr(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_pair p = dma_pair_map(test, SZ_1M);
	struct iommu_sim_desc copy = sim_dma_desc_copy(p.dst_iova, p.src_iova, p.size);
	struct dma_batch *batch = dma_batch_alloc(test, 2 << b->sim->ring_lg2, &copy);

	dma_batch_submit(b, batch);
	KUNIT_EXPECT_EQ(test, pci_reset_function(b->pdev), 0);
	KUNIT_EXPECT_TRUE(test, completion_done(&batch->done));
	dma_batch_wait(test, batch);
	dma_pair_unmap(test, &p);
	KUNIT_EXPECT_GT(test, dma_batch_count(batch, SIM_DMA_ABORTED), 0);
	KUNIT_EXPECT_EQ(test, dma_batch_count(batch, SIM_DMA_ABORTED) +
			dma_batch_count(batch, IOMMU_SIM_OK), batch->nr);
	dma_expect_working(test);
}

/* A doorbell out of range halts the channel; the driver gets it going again */
static void dma_channel_halt(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_pair p = dma_pair_map(test, SZ_1M);
	struct iommu_sim_desc copy = sim_dma_desc_copy(p.dst_iova, p.src_iova, p.size);
	struct dma_batch *batch = dma_batch_alloc(test, 64, &copy);

	dma_batch_submit(b, batch);
	pci_write_config_dword(b->pdev, b->chan->regs + IOMMU_SIM_CH_TAIL, 0x40000000);
	dma_batch_wait(test, batch);
	dma_pair_unmap(test, &p);
	KUNIT_EXPECT_GT(test, dma_batch_count(batch, SIM_DMA_ABORTED), 0);
	dma_expect_working(test);
}

static struct kunit_case dma_channel_cases[] = {
	KUNIT_CASE(dma_channel_full_ring),
	KUNIT_CASE(dma_channel_errors),
	KUNIT_CASE(dma_channel_cancel),
	KUNIT_CASE(dma_channel_stop),
	KUNIT_CASE(dma_channel_flr),
	KUNIT_CASE(dma_channel_halt),
	{}
};

static struct kunit_suite dma_channel_suite = {
	.name = "iommu_sim_dma_channel",
	.init = dma_bench_init,
	.exit = dma_bench_exit,
	.test_cases = dma_channel_cases,
};

kunit_test_suite(dma_channel_suite);
