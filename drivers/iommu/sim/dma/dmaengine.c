// SPDX-License-Identifier: GPL-2.0-only
/*
 * The channels as dmaengine channels: copies, fills and interrupts.
 *
 * A transaction is one request of channel.c, whose lock also protects the lists
 * here. It is prepared, submitted, issued (then it is with the channel) and
 * completed; a tasklet then tells its client.
 */
#include <linux/cleanup.h>
#include <linux/dmaengine.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "dma.h"

/* Failed transactions that tx_status remembers, per channel */
#define SIM_DMA_FAILED		16

struct sim_dma_tx {
	struct dma_async_tx_descriptor tx;
	struct sim_dma_request req;
};

/**
 * struct sim_dma_vchan - a channel as dmaengine sees it
 * @vc: dmaengine's part
 * @chan: the channel; its lock protects what follows
 * @prepared: transactions that have no cookie yet
 * @submitted: that have one, and wait to be issued
 * @completed: that are over, and whose clients do not know it yet
 * @failed: cookies of the last transactions that failed
 * @nr_failed: how many have failed so far
 * @tasklet: tells the clients
 */
struct sim_dma_vchan {
	struct dma_chan vc;
	struct sim_dma_chan *chan;
	struct list_head prepared;
	struct list_head submitted;
	struct list_head completed;
	dma_cookie_t failed[SIM_DMA_FAILED];
	unsigned int nr_failed;
	struct tasklet_struct tasklet;
};

/**
 * struct sim_dma_engine - lives until the last client has gone
 * @dev: dmaengine's part
 * @sim: the device, on which this holds a reference
 * @release: frees all this
 * @vchans: one for each channel of @sim
 */
struct sim_dma_engine {
	struct dma_device dev;
	struct sim_dma *sim;
	struct work_struct release;
	struct sim_dma_vchan vchans[];
};

static struct sim_dma_vchan *to_vchan(struct dma_chan *vc)
{
	return container_of(vc, struct sim_dma_vchan, vc);
}

static struct sim_dma_tx *req_to_tx(struct sim_dma_request *req)
{
	return container_of(req, struct sim_dma_tx, req);
}

static void sim_dma_tx_free_list(struct list_head *list)
{
	struct sim_dma_request *req, *next;

	list_for_each_entry_safe(req, next, list, node) {
		struct sim_dma_tx *tx = req_to_tx(req);

		list_del(&req->node);
		dma_descriptor_unmap(&tx->tx);
		kfree(tx);
	}
}

/* Under the channel's lock: the transaction is over, one way or another */
static void sim_dma_tx_done(struct sim_dma_request *req)
{
	struct sim_dma_tx *tx = req_to_tx(req);
	struct sim_dma_vchan *v = to_vchan(tx->tx.chan);

	if (req->status != IOMMU_SIM_OK)
		v->failed[v->nr_failed++ % SIM_DMA_FAILED] = tx->tx.cookie;
	v->vc.completed_cookie = tx->tx.cookie;
	list_add_tail(&req->node, &v->completed);
	tasklet_schedule(&v->tasklet);
}

static enum dmaengine_tx_result sim_dma_tx_result(u32 status)
{
	switch (status) {
	case IOMMU_SIM_OK:
		return DMA_TRANS_NOERROR;
	case IOMMU_SIM_ERR_READ:
		return DMA_TRANS_READ_FAILED;
	case IOMMU_SIM_ERR_WRITE:
		return DMA_TRANS_WRITE_FAILED;
	default:
		return DMA_TRANS_ABORTED;
	}
}

static void sim_dma_tx_tell(struct sim_dma_tx *tx)
{
	const struct sim_dma_request *req = &tx->req;
	struct dmaengine_result result = {
		.result = sim_dma_tx_result(req->status),
		.residue = le32_to_cpu(req->desc.len) - req->bytes,
	};
	dma_async_tx_callback_result callback_result = tx->tx.callback_result;
	dma_async_tx_callback callback = tx->tx.callback;

	dma_descriptor_unmap(&tx->tx);
	if (callback_result)
		callback_result(tx->tx.callback_param, &result);
	else if (callback)
		callback(tx->tx.callback_param);
	dma_run_dependencies(&tx->tx);
}

static void sim_dma_tasklet(struct tasklet_struct *t)
{
	struct sim_dma_vchan *v = container_of(t, struct sim_dma_vchan, tasklet);
	struct sim_dma_request *req;
	LIST_HEAD(list);

	scoped_guard(spinlock_irqsave, &v->chan->lock)
		list_splice_tail_init(&v->completed, &list);
	list_for_each_entry(req, &list, node)
		sim_dma_tx_tell(req_to_tx(req));
	sim_dma_tx_free_list(&list);
}

static dma_cookie_t sim_dma_tx_submit(struct dma_async_tx_descriptor *desc)
{
	struct sim_dma_tx *tx = container_of(desc, struct sim_dma_tx, tx);
	struct sim_dma_vchan *v = to_vchan(desc->chan);

	guard(spinlock_irqsave)(&v->chan->lock);
	desc->cookie = v->vc.cookie + 1;
	if (desc->cookie < DMA_MIN_COOKIE)
		desc->cookie = DMA_MIN_COOKIE;
	v->vc.cookie = desc->cookie;
	list_move_tail(&tx->req.node, &v->submitted);
	return desc->cookie;
}

static struct dma_async_tx_descriptor *sim_dma_prep(struct dma_chan *vc, unsigned long flags,
						    const struct iommu_sim_desc *desc)
{
	struct sim_dma_vchan *v = to_vchan(vc);
	struct sim_dma_tx *tx;

	tx = kzalloc(sizeof(*tx), GFP_NOWAIT);
	if (!tx)
		return NULL;
	dma_async_tx_descriptor_init(&tx->tx, vc);
	tx->tx.flags = flags;
	tx->tx.tx_submit = sim_dma_tx_submit;
	tx->req.desc = *desc;
	tx->req.desc.flags = flags & DMA_PREP_INTERRUPT ? IOMMU_SIM_DESC_INTR : 0;
	tx->req.owner = v;
	tx->req.done = sim_dma_tx_done;

	guard(spinlock_irqsave)(&v->chan->lock);
	list_add_tail(&tx->req.node, &v->prepared);
	return &tx->tx;
}

static struct dma_async_tx_descriptor *sim_dma_prep_memcpy(struct dma_chan *vc, dma_addr_t dst,
							   dma_addr_t src, size_t len,
							   unsigned long flags)
{
	struct iommu_sim_desc desc;

	if (!len || len > U32_MAX)
		return NULL;
	desc = sim_dma_desc_copy(dst, src, len);
	return sim_dma_prep(vc, flags, &desc);
}

static struct dma_async_tx_descriptor *sim_dma_prep_memset(struct dma_chan *vc, dma_addr_t dst,
							   int value, size_t len,
							   unsigned long flags)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_FILL,
		.len = cpu_to_le32(len),
		.dst = cpu_to_le64(dst),
		/* dmaengine's pattern is one byte, the device's eight */
		.operand = cpu_to_le64((value & 0xff) * 0x0101010101010101ULL),
	};

	if (!len || len > U32_MAX)
		return NULL;
	return sim_dma_prep(vc, flags, &desc);
}

static struct dma_async_tx_descriptor *sim_dma_prep_interrupt(struct dma_chan *vc,
							      unsigned long flags)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_NOP,
	};

	return sim_dma_prep(vc, flags | DMA_PREP_INTERRUPT, &desc);
}

static void sim_dma_issue_pending(struct dma_chan *vc)
{
	struct sim_dma_vchan *v = to_vchan(vc);

	guard(spinlock_irqsave)(&v->chan->lock);
	sim_dma_submit_locked(v->chan, &v->submitted);
}

static bool sim_dma_has_failed(const struct sim_dma_vchan *v, dma_cookie_t cookie)
{
	unsigned int i;

	for (i = 0; i < min(v->nr_failed, SIM_DMA_FAILED); i++)
		if (v->failed[i] == cookie)
			return true;
	return false;
}

/* Bytes that a transaction has yet to move: a whole one, until it is over */
static u32 sim_dma_residue(struct sim_dma_vchan *v, dma_cookie_t cookie)
{
	struct sim_dma_chan *chan = v->chan;
	struct sim_dma_request *req;
	u32 i;

	for (i = 0; i < BIT(chan->sim->ring_lg2); i++) {
		req = chan->slots[i];
		if (req && req->owner == v && req_to_tx(req)->tx.cookie == cookie)
			return le32_to_cpu(req->desc.len);
	}
	list_for_each_entry(req, &chan->queue, node)
		if (req->owner == v && req_to_tx(req)->tx.cookie == cookie)
			return le32_to_cpu(req->desc.len);
	list_for_each_entry(req, &v->submitted, node)
		if (req_to_tx(req)->tx.cookie == cookie)
			return le32_to_cpu(req->desc.len);
	return 0;
}

static enum dma_status sim_dma_status_locked(struct sim_dma_vchan *v, dma_cookie_t cookie,
					     struct dma_tx_state *state)
{
	struct dma_chan *vc = &v->vc;
	enum dma_status status;

	sim_dma_poll_locked(v->chan);
	status = dma_async_is_complete(cookie, vc->completed_cookie, vc->cookie);
	if (status == DMA_COMPLETE && sim_dma_has_failed(v, cookie))
		status = DMA_ERROR;
	if (state) {
		state->last = vc->completed_cookie;
		state->used = vc->cookie;
		state->residue = 0;
		state->in_flight_bytes = 0;
		if (status == DMA_IN_PROGRESS)
			state->residue = sim_dma_residue(v, cookie);
	}
	return status;
}

static enum dma_status sim_dma_tx_status(struct dma_chan *vc, dma_cookie_t cookie,
					 struct dma_tx_state *state)
{
	struct sim_dma_vchan *v = to_vchan(vc);
	enum dma_status status;

	scoped_guard(spinlock_irqsave, &v->chan->lock)
		status = sim_dma_status_locked(v, cookie, state);
	/*
	 * The device is made of threads, and they need a CPU. dma_sync_wait()
	 * would spin on this until its time-out and let none of them run.
	 */
	if (status == DMA_IN_PROGRESS && preemptible())
		cond_resched();
	return status;
}

static int sim_dma_terminate_all(struct dma_chan *vc)
{
	struct sim_dma_vchan *v = to_vchan(vc);
	LIST_HEAD(list);

	scoped_guard(spinlock_irqsave, &v->chan->lock) {
		sim_dma_cancel_locked(v->chan, v);
		/* Nobody is told any more. What is prepared somebody may be about to submit */
		list_splice_tail_init(&v->completed, &list);
		list_splice_tail_init(&v->submitted, &list);
	}
	sim_dma_tx_free_list(&list);
	return 0;
}

static void sim_dma_synchronize(struct dma_chan *vc)
{
	tasklet_kill(&to_vchan(vc)->tasklet);
}

static int sim_dma_alloc_chan_resources(struct dma_chan *vc)
{
	/* dmaengine drops vc->dev with the device, but clients still read it */
	get_device(&vc->dev->device);
	return 0;
}

static void sim_dma_free_chan_resources(struct dma_chan *vc)
{
	sim_dma_terminate_all(vc);
	sim_dma_synchronize(vc);
	/* There is no client any more */
	sim_dma_tx_free_list(&to_vchan(vc)->prepared);
	put_device(&vc->dev->device);
}

static bool sim_dma_no_channel(struct dma_chan *vc, void *unused)
{
	return false;
}

static void sim_dma_engine_free(struct work_struct *work)
{
	struct sim_dma_engine *engine = container_of(work, struct sim_dma_engine, release);
	dma_cap_mask_t mask;

	/*
	 * dma_release_channel() touches the channel after it has dropped the
	 * last reference. It does so under dmaengine's mutex, so a search that
	 * finds nothing waits until that is over.
	 */
	dma_cap_zero(mask);
	dma_request_channel(mask, sim_dma_no_channel, NULL);
	sim_dma_put(engine->sim);
	kfree(engine);
}

static void sim_dma_engine_release(struct dma_device *dev)
{
	struct sim_dma_engine *engine = container_of(dev, struct sim_dma_engine, dev);

	queue_work(sim_dma_wq, &engine->release);
}

static void sim_dma_vchan_init(struct sim_dma_engine *engine, unsigned int index)
{
	struct sim_dma_vchan *v = &engine->vchans[index];

	v->chan = &engine->sim->chans[index];
	INIT_LIST_HEAD(&v->prepared);
	INIT_LIST_HEAD(&v->submitted);
	INIT_LIST_HEAD(&v->completed);
	tasklet_setup(&v->tasklet, sim_dma_tasklet);
	v->vc.device = &engine->dev;
	v->vc.cookie = DMA_MIN_COOKIE;
	v->vc.completed_cookie = DMA_MIN_COOKIE;
	list_add_tail(&v->vc.device_node, &engine->dev.channels);
}

/**
 * sim_dma_engine_register() - offer the channels to dmaengine
 * @sim: the device, with its channels initialised
 *
 * Return: 0 or -errno.
 */
int sim_dma_engine_register(struct sim_dma *sim)
{
	struct sim_dma_engine *engine;
	struct dma_device *dev;
	unsigned int i;
	int ret;

	engine = kzalloc(struct_size(engine, vchans, sim->nr_chans), GFP_KERNEL);
	if (!engine)
		return -ENOMEM;
	engine->sim = sim;
	INIT_WORK(&engine->release, sim_dma_engine_free);

	dev = &engine->dev;
	dev->dev = &sim->pdev->dev;
	INIT_LIST_HEAD(&dev->channels);
	for (i = 0; i < sim->nr_chans; i++)
		sim_dma_vchan_init(engine, i);
	dma_cap_set(DMA_MEMCPY, dev->cap_mask);
	dma_cap_set(DMA_MEMSET, dev->cap_mask);
	dma_cap_set(DMA_INTERRUPT, dev->cap_mask);
	dev->residue_granularity = DMA_RESIDUE_GRANULARITY_DESCRIPTOR;
	dev->device_alloc_chan_resources = sim_dma_alloc_chan_resources;
	dev->device_free_chan_resources = sim_dma_free_chan_resources;
	dev->device_prep_dma_memcpy = sim_dma_prep_memcpy;
	dev->device_prep_dma_memset = sim_dma_prep_memset;
	dev->device_prep_dma_interrupt = sim_dma_prep_interrupt;
	dev->device_issue_pending = sim_dma_issue_pending;
	dev->device_tx_status = sim_dma_tx_status;
	dev->device_terminate_all = sim_dma_terminate_all;
	dev->device_synchronize = sim_dma_synchronize;
	dev->device_release = sim_dma_engine_release;

	ret = dma_async_device_register(dev);
	if (ret) {
		kfree(engine);
		return ret;
	}
	sim_dma_get(sim);
	sim->engine = engine;
	return 0;
}

/**
 * sim_dma_engine_unregister() - take the channels away from dmaengine
 * @sim: the device, with its channels stopped
 *
 * Clients that hold a channel keep it; all their transactions are aborted.
 */
void sim_dma_engine_unregister(struct sim_dma *sim)
{
	if (sim->engine)
		dma_async_device_unregister(&sim->engine->dev);
}
