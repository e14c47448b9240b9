// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel: descriptors go into one ring, completion records come back in
 * another (spec 10.4). Descriptors have numbers, which count from 0 since the
 * last reset; those from head to tail - 1 are with the device.
 *
 * Every request that is submitted ends in one call of its done(), in the order
 * of submission, with what the device said, or as aborted.
 */
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "dma.h"

#define SIM_DMA_TIMEOUT		(10 * HZ)

static const char * const sim_dma_halt_names[] = {
	[IOMMU_SIM_HALT_CONFIG]		= "bad configuration",
	[IOMMU_SIM_HALT_DOORBELL]	= "doorbell out of range",
	[IOMMU_SIM_HALT_RING_READ]	= "descriptor not readable",
	[IOMMU_SIM_HALT_CPL_WRITE]	= "completion not writable",
};

static void sim_dma_write(struct sim_dma_chan *chan, int reg, u32 value)
{
	pci_write_config_dword(chan->sim->pdev, chan->regs + reg, value);
}

static u32 sim_dma_read(struct sim_dma_chan *chan, int reg)
{
	u32 value;

	pci_read_config_dword(chan->sim->pdev, chan->regs + reg, &value);
	return value;
}

static u32 sim_dma_index(const struct sim_dma_chan *chan, u32 number)
{
	return number & (BIT(chan->sim->ring_lg2) - 1);
}

/* INTR stays set while the channel is paused: the message of a halt may be due */
static void sim_dma_enable(struct sim_dma_chan *chan, bool enable)
{
	sim_dma_write(chan, IOMMU_SIM_CH_CTRL,
		      (enable ? IOMMU_SIM_CH_CTRL_EN : 0) | IOMMU_SIM_CH_CTRL_INTR |
		      FIELD_PREP(IOMMU_SIM_CH_CTRL_VECTOR, chan->vector));
}

static void sim_dma_finish(struct sim_dma_chan *chan, struct sim_dma_request *req)
{
	if (req->status == IOMMU_SIM_OK)
		chan->counters.completed++;
	else
		chan->counters.errored++;
	req->done(req);
}

static void sim_dma_abort(struct sim_dma_chan *chan, struct sim_dma_request *req)
{
	req->status = SIM_DMA_ABORTED;
	req->bytes = 0;
	req->addr = 0;
	sim_dma_finish(chan, req);
}

/* Take what the device has completed out of the ring */
static void sim_dma_reap(struct sim_dma_chan *chan)
{
	while (chan->head != chan->tail) {
		u32 index = sim_dma_index(chan, chan->head);
		struct iommu_sim_cpl *cpl = &chan->cpl[index];
		struct sim_dma_request *req = chan->slots[index];
		u64 tag;

		/* Number and status arrive together, after all else */
		tag = le64_to_cpu(READ_ONCE(*(__le64 *)&cpl->number));
		if (lower_32_bits(tag) != chan->head || !upper_32_bits(tag))
			break;
		/* The rest of the record is read after its number */
		dma_rmb();
		chan->slots[index] = NULL;
		chan->head++;
		if (!req)
			continue;
		req->status = upper_32_bits(tag);
		req->bytes = le32_to_cpu(cpl->done);
		req->addr = le64_to_cpu(cpl->addr);
		sim_dma_finish(chan, req);
	}
}

/*
 * Move requests from the queue to the ring while there is room. One entry stays
 * unused: a record is there before the device's HEAD has moved, and a doorbell
 * more than a ring ahead of that would halt the channel (spec 10.4).
 */
static void sim_dma_pump(struct sim_dma_chan *chan)
{
	u32 size = BIT(chan->sim->ring_lg2), tail = chan->tail;
	struct sim_dma_request *req, *next;

	list_for_each_entry_safe(req, next, &chan->queue, node) {
		struct iommu_sim_desc *desc = &chan->ring[sim_dma_index(chan, tail)];

		if (tail - chan->head == size - 1)
			break;
		list_del(&req->node);
		*desc = req->desc;
		/* A full ring always announces the room that it gets */
		if (!(tail % (size / 2)))
			desc->flags |= IOMMU_SIM_DESC_INTR;
		chan->slots[sim_dma_index(chan, tail)] = req;
		tail++;
	}
	if (tail == chan->tail)
		return;
	chan->tail = tail;
	/* The device reads what the doorbell announces */
	dma_wmb();
	sim_dma_write(chan, IOMMU_SIM_CH_TAIL, tail);
}

/*
 * Give back requests of @owner, or all of them. The device is stopped; what it
 * would go on with becomes a NOP, which keeps the numbers as they are.
 */
static void sim_dma_abort_ring(struct sim_dma_chan *chan, void *owner)
{
	u32 number;

	for (number = chan->head; number != chan->tail; number++) {
		u32 index = sim_dma_index(chan, number);
		struct sim_dma_request *req = chan->slots[index];

		if (!req || (owner && req->owner != owner))
			continue;
		chan->slots[index] = NULL;
		chan->ring[index] = (struct iommu_sim_desc) {
			.op = IOMMU_SIM_OP_NOP,
			.flags = IOMMU_SIM_DESC_INTR,
		};
		sim_dma_abort(chan, req);
	}
}

static void sim_dma_abort_queue(struct sim_dma_chan *chan, void *owner)
{
	struct sim_dma_request *req, *next;

	list_for_each_entry_safe(req, next, &chan->queue, node) {
		if (owner && req->owner != owner)
			continue;
		list_del(&req->node);
		sim_dma_abort(chan, req);
	}
}

static void sim_dma_chan_stop_locked(struct sim_dma_chan *chan)
{
	lockdep_assert_held(&chan->lock);

	if (!chan->running)
		return;
	chan->running = false;
	/* When this returns, nothing goes upstream any more (spec 10.3) */
	sim_dma_write(chan, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_RESET);
	sim_dma_reap(chan);
	sim_dma_abort_ring(chan, NULL);
	sim_dma_abort_queue(chan, NULL);
}

static int sim_dma_chan_start_locked(struct sim_dma_chan *chan)
{
	u32 status;

	lockdep_assert_held(&chan->lock);

	sim_dma_write(chan, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_RESET);
	chan->head = 0;
	chan->tail = 0;
	/* Else a record of the time before the reset might match a number */
	memset(chan->cpl, 0, sizeof(*chan->cpl) << chan->sim->ring_lg2);
	sim_dma_write(chan, IOMMU_SIM_CH_RING_LO, lower_32_bits(chan->ring_iova));
	sim_dma_write(chan, IOMMU_SIM_CH_RING_HI, upper_32_bits(chan->ring_iova));
	sim_dma_write(chan, IOMMU_SIM_CH_CPL_LO, lower_32_bits(chan->cpl_iova));
	sim_dma_write(chan, IOMMU_SIM_CH_CPL_HI, upper_32_bits(chan->cpl_iova));
	sim_dma_write(chan, IOMMU_SIM_CH_RING_LG2, chan->sim->ring_lg2);
	sim_dma_write(chan, IOMMU_SIM_CH_PASID, 0);
	sim_dma_enable(chan, true);
	status = sim_dma_read(chan, IOMMU_SIM_CH_STATUS);
	if (PCI_POSSIBLE_ERROR(status) || (status & IOMMU_SIM_CH_STATUS_HALTED)) {
		dev_err(&chan->sim->pdev->dev, "channel %u does not start, status %#x\n",
			chan->index, status);
		return -EIO;
	}
	chan->running = true;
	return 0;
}

/**
 * sim_dma_chan_start() - reset a channel and let it work
 * @chan: a channel that is stopped
 *
 * Context: any.
 * Return: 0, or -EIO if the device does not take the configuration; requests
 * then go on being aborted.
 */
int sim_dma_chan_start(struct sim_dma_chan *chan)
{
	guard(spinlock_irqsave)(&chan->lock);
	return sim_dma_chan_start_locked(chan);
}

/**
 * sim_dma_chan_stop() - stop a channel and abort what it has not completed
 * @chan: any channel
 *
 * When it returns, all requests have been given back and the channel does no
 * DMA. Requests submitted later are aborted at once. Context: any.
 */
void sim_dma_chan_stop(struct sim_dma_chan *chan)
{
	guard(spinlock_irqsave)(&chan->lock);
	sim_dma_chan_stop_locked(chan);
}

/**
 * sim_dma_submit_locked() - hand requests to a channel
 * @chan: the channel, locked
 * @reqs: list of requests, through their @node; empty on return
 *
 * None is refused: without room in the ring they wait, and while the channel
 * is stopped they are aborted before this returns. Context: any.
 */
void sim_dma_submit_locked(struct sim_dma_chan *chan, struct list_head *reqs)
{
	lockdep_assert_held(&chan->lock);

	chan->counters.submitted += list_count_nodes(reqs);
	list_splice_tail_init(reqs, &chan->queue);
	if (chan->running)
		sim_dma_pump(chan);
	else
		sim_dma_abort_queue(chan, NULL);
}

/**
 * sim_dma_cancel_locked() - take requests back
 * @chan: the channel, locked
 * @owner: whose requests
 *
 * When it returns, @done has been called for each request of @owner, and the
 * device does not use their addresses. Those of others are not affected,
 * but for a short pause. Context: any.
 */
void sim_dma_cancel_locked(struct sim_dma_chan *chan, void *owner)
{
	lockdep_assert_held(&chan->lock);

	if (chan->running) {
		/*
		 * Stopped without reset, the channel starts again with the
		 * descriptor that it was working on (spec 10.4).
		 */
		sim_dma_enable(chan, false);
		sim_dma_reap(chan);
		sim_dma_abort_ring(chan, owner);
		/* The NOPs are there when the device reads the ring again */
		dma_wmb();
		sim_dma_enable(chan, true);
	}
	sim_dma_abort_queue(chan, owner);
	if (chan->running)
		sim_dma_pump(chan);
}

/**
 * sim_dma_poll_locked() - give back what the device has completed
 * @chan: the channel, locked
 *
 * As the interrupt would, and for descriptors that ask for none. Context: any.
 */
void sim_dma_poll_locked(struct sim_dma_chan *chan)
{
	lockdep_assert_held(&chan->lock);

	if (!chan->running)
		return;
	sim_dma_reap(chan);
	sim_dma_pump(chan);
}

/* A halt means that the ring is out of reach: nothing in it will be done */
static void sim_dma_recover(struct sim_dma_chan *chan, u32 status)
{
	u32 halt = FIELD_GET(IOMMU_SIM_CH_STATUS_HALT, status);
	const char *name = NULL;

	if (halt < ARRAY_SIZE(sim_dma_halt_names))
		name = sim_dma_halt_names[halt];
	dev_err_ratelimited(&chan->sim->pdev->dev,
			    "channel %u halted (%s), %u descriptors aborted\n",
			    chan->index, name ?: "unknown reason", chan->tail - chan->head);
	sim_dma_chan_stop_locked(chan);
	sim_dma_chan_start_locked(chan);
}

/**
 * sim_dma_irq() - handler of a channel's vector
 * @irq: the interrupt
 * @data: struct sim_dma_chan
 *
 * Return: IRQ_HANDLED, also if somebody who polled was faster.
 */
irqreturn_t sim_dma_irq(int irq, void *data)
{
	struct sim_dma_chan *chan = data;
	u32 status;

	guard(spinlock_irqsave)(&chan->lock);
	sim_dma_poll_locked(chan);
	if (!chan->running || chan->head == chan->tail)
		return IRQ_HANDLED;
	/*
	 * The message of a halt may have been merged with that of a completion,
	 * so look whenever work is left.
	 */
	status = sim_dma_read(chan, IOMMU_SIM_CH_STATUS);
	if (!PCI_POSSIBLE_ERROR(status) && (status & IOMMU_SIM_CH_STATUS_HALTED))
		sim_dma_recover(chan, status);
	return IRQ_HANDLED;
}

/**
 * sim_dma_add_counters() - add a channel's counters to a sum
 * @chan: the channel
 * @sum: the sum
 */
void sim_dma_add_counters(struct sim_dma_chan *chan, struct sim_dma_counters *sum)
{
	guard(spinlock_irqsave)(&chan->lock);
	sim_dma_poll_locked(chan);
	sum->submitted += chan->counters.submitted;
	sum->completed += chan->counters.completed;
	sum->errored += chan->counters.errored;
}

/**
 * sim_dma_errno() - what the status of a request means to the kernel
 * @status: enum iommu_sim_status or SIM_DMA_ABORTED
 *
 * Return: 0; -EFAULT if an address could not be reached; -EBADMSG if a compare
 * found a difference; -ECANCELED if the request was aborted; -EINVAL if the
 * device did not understand it.
 */
int sim_dma_errno(u32 status)
{
	switch (status) {
	case IOMMU_SIM_OK:
		return 0;
	case IOMMU_SIM_ERR_READ:
	case IOMMU_SIM_ERR_WRITE:
	case IOMMU_SIM_ERR_LIST:
		return -EFAULT;
	case IOMMU_SIM_MISMATCH:
		return -EBADMSG;
	case SIM_DMA_ABORTED:
		return -ECANCELED;
	default:
		return -EINVAL;
	}
}

static void sim_dma_sync_done(struct sim_dma_request *req)
{
	complete(req->owner);
}

/**
 * sim_dma_exec() - have one descriptor executed and wait for the end
 * @chan: the channel
 * @req: with @desc filled in; all else is set here
 *
 * Context: may sleep, for 10 s at most; signals end the wait.
 * Return: as sim_dma_errno(); -ETIMEDOUT or -ERESTARTSYS if the request was
 * taken back before the device was done.
 */
int sim_dma_exec(struct sim_dma_chan *chan, struct sim_dma_request *req)
{
	DECLARE_COMPLETION_ONSTACK(done);
	LIST_HEAD(reqs);
	long left;

	req->owner = &done;
	req->done = sim_dma_sync_done;
	list_add(&req->node, &reqs);
	scoped_guard(spinlock_irqsave, &chan->lock)
		sim_dma_submit_locked(chan, &reqs);

	left = wait_for_completion_interruptible_timeout(&done, SIM_DMA_TIMEOUT);
	if (left > 0)
		return sim_dma_errno(req->status);

	scoped_guard(spinlock_irqsave, &chan->lock)
		sim_dma_cancel_locked(chan, &done);
	/* It may have ended in between */
	if (req->status != SIM_DMA_ABORTED)
		return sim_dma_errno(req->status);
	return left ?: -ETIMEDOUT;
}

/**
 * sim_dma_chan_init() - set up a channel, not yet running
 * @sim: the device
 * @index: number of the channel
 * @regs: offset of its registers in configuration space
 * @vector: its MSI vector
 *
 * The rings live as long as the driver is bound.
 *
 * Return: 0 or -ENOMEM.
 */
int sim_dma_chan_init(struct sim_dma *sim, unsigned int index, int regs, unsigned int vector)
{
	struct sim_dma_chan *chan = &sim->chans[index];
	struct device *dev = &sim->pdev->dev;
	size_t size = BIT(sim->ring_lg2);

	spin_lock_init(&chan->lock);
	INIT_LIST_HEAD(&chan->queue);
	chan->sim = sim;
	chan->index = index;
	chan->regs = regs;
	chan->vector = vector;
	chan->ring = dmam_alloc_coherent(dev, size * sizeof(*chan->ring),
					 &chan->ring_iova, GFP_KERNEL);
	chan->cpl = dmam_alloc_coherent(dev, size * sizeof(*chan->cpl),
					&chan->cpl_iova, GFP_KERNEL);
	return chan->ring && chan->cpl ? 0 : -ENOMEM;
}
