// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoint as a dmaengine client sees it.
 */
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "dma_bench.h"

#define CLIENT_TIMEOUT		(10 * HZ)

struct dma_client {
	struct dma_chan *chan;
	struct completion done;
	struct dmaengine_result result;
	unsigned int calls;
};

static bool dma_client_filter(struct dma_chan *chan, void *param)
{
	return chan->device->dev == param;
}

static void dma_client_release(void *chan)
{
	dma_release_channel(chan);
}

static struct dma_client *dma_client_get(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_client *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	dma_cap_mask_t mask;

	KUNIT_ASSERT_NOT_NULL(test, c);
	init_completion(&c->done);
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	c->chan = dma_request_channel(mask, dma_client_filter, b->dev);
	KUNIT_ASSERT_NOT_NULL(test, c->chan);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, dma_client_release, c->chan), 0);
	return c;
}

static void dma_client_callback(void *param, const struct dmaengine_result *result)
{
	struct dma_client *c = param;

	c->result = *result;
	c->calls++;
	complete(&c->done);
}

static dma_cookie_t dma_client_submit(struct kunit *test, struct dma_client *c,
				      struct dma_async_tx_descriptor *tx)
{
	dma_cookie_t cookie;

	KUNIT_ASSERT_NOT_NULL(test, tx);
	tx->callback_result = dma_client_callback;
	tx->callback_param = c;
	cookie = dmaengine_submit(tx);
	KUNIT_ASSERT_FALSE(test, dma_submit_error(cookie));
	return cookie;
}

static enum dma_status dma_client_run(struct kunit *test, struct dma_client *c,
				      struct dma_async_tx_descriptor *tx)
{
	dma_cookie_t cookie = dma_client_submit(test, c, tx);

	dma_async_issue_pending(c->chan);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&c->done, CLIENT_TIMEOUT), 0);
	return dma_async_is_tx_complete(c->chan, cookie, NULL, NULL);
}

static struct dma_async_tx_descriptor *dma_client_prep_interrupt(struct dma_client *c)
{
	return c->chan->device->device_prep_dma_interrupt(c->chan, 0);
}

static void dmaengine_memcpy(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_client *c = dma_client_get(test);
	u8 *src = dma_bench_buf(test, SZ_16K), *dst = dma_bench_buf(test, SZ_16K);
	dma_addr_t src_iova = dma_bench_map(test, src, SZ_16K, DMA_TO_DEVICE);
	dma_addr_t dst_iova = dma_bench_map(test, dst, SZ_16K, DMA_FROM_DEVICE);

	KUNIT_EXPECT_EQ(test, dma_client_run(test, c,
					     dmaengine_prep_dma_memcpy(c->chan, dst_iova, src_iova,
								       SZ_16K, DMA_PREP_INTERRUPT)),
			DMA_COMPLETE);
	dma_unmap_single(b->dev, dst_iova, SZ_16K, DMA_FROM_DEVICE);
	dma_unmap_single(b->dev, src_iova, SZ_16K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, c->result.result, DMA_TRANS_NOERROR);
	KUNIT_EXPECT_EQ(test, c->result.residue, 0);
	KUNIT_EXPECT_EQ(test, memcmp(src, dst, SZ_16K), 0);
}

static void dmaengine_memset(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_client *c = dma_client_get(test);
	u8 *dst = dma_bench_buf(test, SZ_16K);
	dma_addr_t iova = dma_bench_map(test, dst + 1, 9999, DMA_FROM_DEVICE);

	/* Only the lowest byte of the value counts */
	KUNIT_EXPECT_EQ(test, dma_client_run(test, c,
					     dmaengine_prep_dma_memset(c->chan, iova, 0x7a5, 9999,
								       DMA_PREP_INTERRUPT)),
			DMA_COMPLETE);
	dma_unmap_single(b->dev, iova, 9999, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(dst + 1, 0xa5, 9999));
}

static void dmaengine_interrupt(struct kunit *test)
{
	struct dma_client *c = dma_client_get(test);

	KUNIT_EXPECT_EQ(test, dma_client_run(test, c, dma_client_prep_interrupt(c)),
			DMA_COMPLETE);
}

/* Nobody maps this address: the client is told, in both ways that there are */
static void dmaengine_fault(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_client *c = dma_client_get(test);
	const dma_addr_t hole = 0x123456000;
	u8 *buf = dma_bench_buf(test, PAGE_SIZE);
	dma_addr_t iova;

	if (!dma_bench_translated(b))
		kunit_skip(test, "the device is not translated");
	iova = dma_bench_map(test, buf, PAGE_SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, dma_client_run(test, c,
					     dmaengine_prep_dma_memcpy(c->chan, iova, hole,
								       PAGE_SIZE,
								       DMA_PREP_INTERRUPT)),
			DMA_ERROR);
	KUNIT_EXPECT_EQ(test, c->result.result, DMA_TRANS_READ_FAILED);
	KUNIT_EXPECT_EQ(test, c->result.residue, PAGE_SIZE);

	reinit_completion(&c->done);
	KUNIT_EXPECT_EQ(test, dma_client_run(test, c,
					     dmaengine_prep_dma_memcpy(c->chan, hole, iova,
								       PAGE_SIZE,
								       DMA_PREP_INTERRUPT)),
			DMA_ERROR);
	KUNIT_EXPECT_EQ(test, c->result.result, DMA_TRANS_WRITE_FAILED);
	dma_unmap_single(b->dev, iova, PAGE_SIZE, DMA_BIDIRECTIONAL);
}

/*
 * Not dma_sync_wait(), which spins: the device is a thread, and on a single CPU
 * without preemption it would never get to run.
 */
static enum dma_status dma_client_poll(struct dma_client *c, dma_cookie_t cookie)
{
	unsigned long end = jiffies + CLIENT_TIMEOUT;
	enum dma_status status;

	dma_async_issue_pending(c->chan);
	do {
		schedule_timeout_uninterruptible(1);
		status = dmaengine_tx_status(c->chan, cookie, NULL);
	} while (status == DMA_IN_PROGRESS && time_before(jiffies, end));
	return status;
}

/* Without interrupts the status is all a client has */
static void dmaengine_polled(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_client *c = dma_client_get(test);
	u8 *dst = dma_bench_buf(test, PAGE_SIZE);
	dma_addr_t iova = dma_bench_map(test, dst, PAGE_SIZE, DMA_FROM_DEVICE);
	struct dma_async_tx_descriptor *tx;
	struct dma_tx_state state;
	dma_cookie_t cookie;

	tx = dmaengine_prep_dma_memset(c->chan, iova, 0x11, PAGE_SIZE, DMA_CTRL_ACK);
	KUNIT_ASSERT_NOT_NULL(test, tx);
	cookie = dmaengine_submit(tx);
	/* Submitted but not issued: all is still to do */
	KUNIT_EXPECT_EQ(test, dmaengine_tx_status(c->chan, cookie, &state), DMA_IN_PROGRESS);
	KUNIT_EXPECT_EQ(test, state.residue, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dma_client_poll(c, cookie), DMA_COMPLETE);
	KUNIT_EXPECT_EQ(test, dmaengine_tx_status(c->chan, cookie, &state), DMA_COMPLETE);
	KUNIT_EXPECT_EQ(test, state.residue, 0);
	dma_unmap_single(b->dev, iova, PAGE_SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(dst, 0x11, PAGE_SIZE));
}

/* After terminate_sync nothing is done and nobody is called */
static void dmaengine_terminate(struct kunit *test)
{
	struct dma_bench *b = test->priv;
	struct dma_client *c = dma_client_get(test);
	u8 *dst = dma_bench_buf(test, SZ_1M);
	dma_addr_t iova = dma_bench_map(test, dst, SZ_1M, DMA_FROM_DEVICE);
	struct dma_async_tx_descriptor *prepared;
	unsigned int i, calls;

	for (i = 0; i < 300; i++)
		dma_client_submit(test, c,
				  dmaengine_prep_dma_memset(c->chan, iova, i, SZ_1M,
							    DMA_PREP_INTERRUPT));
	dma_async_issue_pending(c->chan);
	/* Never submitted: to be freed all the same, with the channel */
	KUNIT_EXPECT_NOT_NULL(test, dmaengine_prep_dma_memset(c->chan, iova, 0, SZ_1M, 0));
	/* Prepared by one thread of a client while another terminates */
	prepared = dma_client_prep_interrupt(c);
	KUNIT_ASSERT_NOT_NULL(test, prepared);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(c->chan), 0);
	dma_unmap_single(b->dev, iova, SZ_1M, DMA_FROM_DEVICE);
	calls = c->calls;
	KUNIT_EXPECT_LT(test, calls, 300);

	reinit_completion(&c->done);
	KUNIT_EXPECT_EQ(test, dma_client_run(test, c, prepared), DMA_COMPLETE);
	KUNIT_EXPECT_EQ(test, c->calls, calls + 1);
	dma_bench_expect_balanced(test);
}

static struct kunit_case dmaengine_cases[] = {
	KUNIT_CASE(dmaengine_memcpy),
	KUNIT_CASE(dmaengine_memset),
	KUNIT_CASE(dmaengine_interrupt),
	KUNIT_CASE(dmaengine_fault),
	KUNIT_CASE(dmaengine_polled),
	KUNIT_CASE(dmaengine_terminate),
	{}
};

static struct kunit_suite dmaengine_suite = {
	.name = "iommu_sim_dmaengine",
	.init = dma_bench_init,
	.exit = dma_bench_exit,
	.test_cases = dmaengine_cases,
};

kunit_test_suite(dmaengine_suite);
