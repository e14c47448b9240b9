// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel of the DMA engine (spec 10.4): its registers, its thread, and the
 * gate that every request passes on its way upstream.
 *
 * Stopping. A writer that takes the right to send away stores that under the
 * endpoint's lock, then waits for sections. The thread looks inside a section:
 *
 *	sim_cfg_write()				sim_channel_send()
 *	  epoch++ or may_send = false		  enter section, smp_mb()
 *	  smp_mb(), wait for sections		  look at epoch, may_send
 *	  return				  send, leave section
 *
 * So either the thread sees the store, or the writer waits for the request.
 */
#include <linux/cleanup.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "iommu-sim-bits.h"
#include "pci.h"

/* A ring of 2^@size_lg2 entries of @entry bytes, within 64 bits of address? */
static bool sim_ring_valid(u64 addr, unsigned int size_lg2, size_t entry)
{
	u64 last = ((u64)entry << size_lg2) - 1;

	return IS_ALIGNED(addr, 64) && addr <= U64_MAX - last;
}

static u64 sim_channel_addr(struct sim_channel *ch, unsigned int lo, unsigned int hi)
{
	return *sim_channel_cell(ch, lo) | (u64)*sim_channel_cell(ch, hi) << 32;
}

static unsigned int sim_channel_vector(struct sim_channel *ch)
{
	return FIELD_GET(IOMMU_SIM_CH_CTRL_VECTOR, *sim_channel_cell(ch, IOMMU_SIM_CH_CTRL));
}

/* Whatever the thread is doing no longer counts */
static void sim_channel_stop(struct sim_channel *ch)
{
	lockdep_assert_held(&ch->ep->lock);

	WRITE_ONCE(ch->epoch, ch->epoch + 1);
	ch->running = false;
	*sim_channel_cell(ch, IOMMU_SIM_CH_STATUS) &= ~IOMMU_SIM_CH_STATUS_BUSY;
}

/* spec 10.4; its MSI is for the thread to send */
static void sim_channel_halt(struct sim_channel *ch, enum iommu_sim_halt why)
{
	sim_channel_stop(ch);
	*sim_channel_cell(ch, IOMMU_SIM_CH_STATUS) =
		IOMMU_SIM_CH_STATUS_HALTED | FIELD_PREP(IOMMU_SIM_CH_STATUS_HALT, why);
	ch->halt_msi = true;
	ch->stats.halts++;
}

/* Take the doorbell over; one that is more than a ring ahead halts */
static void sim_channel_accept_tail(struct sim_channel *ch)
{
	u32 tail = *sim_channel_cell(ch, IOMMU_SIM_CH_TAIL);
	u32 head = *sim_channel_cell(ch, IOMMU_SIM_CH_HEAD);

	if (tail - head > BIT(ch->ring.size_lg2)) {
		sim_channel_halt(ch, IOMMU_SIM_HALT_DOORBELL);
		return;
	}
	/* A doorbell may also take back what has not been begun */
	ch->stats.submitted += (s32)(tail - ch->tail);
	ch->tail = tail;
}

/* EN became set: take over the configuration */
static void sim_channel_start(struct sim_channel *ch)
{
	u32 size_lg2 = *sim_channel_cell(ch, IOMMU_SIM_CH_RING_LG2);
	struct sim_ring *ring = &ch->ring;

	ring->desc = sim_channel_addr(ch, IOMMU_SIM_CH_RING_LO, IOMMU_SIM_CH_RING_HI);
	ring->cpl = sim_channel_addr(ch, IOMMU_SIM_CH_CPL_LO, IOMMU_SIM_CH_CPL_HI);
	ring->pasid = *sim_channel_cell(ch, IOMMU_SIM_CH_PASID);
	ring->size_lg2 = size_lg2;
	if (size_lg2 < IOMMU_SIM_RING_MIN_LG2 || size_lg2 > IOMMU_SIM_RING_MAX_LG2 ||
	    !sim_ring_valid(ring->desc, size_lg2, sizeof(struct iommu_sim_desc)) ||
	    !sim_ring_valid(ring->cpl, size_lg2, sizeof(struct iommu_sim_cpl)) ||
	    sim_channel_vector(ch) >= SIM_MSI_VECTORS) {
		sim_channel_halt(ch, IOMMU_SIM_HALT_CONFIG);
		return;
	}
	ch->running = true;
	sim_channel_accept_tail(ch);
}

static bool sim_channel_halted(struct sim_channel *ch)
{
	return *sim_channel_cell(ch, IOMMU_SIM_CH_STATUS) & IOMMU_SIM_CH_STATUS_HALTED;
}

/**
 * sim_channel_reset() - stop, and forget work, halt and counts
 * @ch: the channel
 *
 * Context: under the endpoint's lock.
 */
void sim_channel_reset(struct sim_channel *ch)
{
	struct sim_channel_stats *s = &ch->stats;

	sim_channel_stop(ch);
	ch->resets++;
	ch->tail = 0;
	ch->halt_msi = false;
	s->dropped = s->submitted - s->completed - s->errors;
	*sim_channel_cell(ch, IOMMU_SIM_CH_CTRL) &= ~IOMMU_SIM_CH_CTRL_EN;
	*sim_channel_cell(ch, IOMMU_SIM_CH_STATUS) = 0;
	*sim_channel_cell(ch, IOMMU_SIM_CH_TAIL) = 0;
	*sim_channel_cell(ch, IOMMU_SIM_CH_HEAD) = 0;
	*sim_channel_cell(ch, IOMMU_SIM_CH_ERRORS) = 0;
}

/**
 * sim_channel_write_ctrl() - CTRL has been written
 * @ch: the channel
 * @old: the register before
 * @reset: RESET was written as 1
 *
 * Return: SIM_AFTER_*. Context: under the endpoint's lock.
 */
unsigned int sim_channel_write_ctrl(struct sim_channel *ch, u32 old, bool reset)
{
	u32 now = *sim_channel_cell(ch, IOMMU_SIM_CH_CTRL);

	lockdep_assert_held(&ch->ep->lock);

	if (reset) {
		sim_channel_reset(ch);
		return SIM_AFTER_SYNC | SIM_AFTER_WAKE;
	}
	if (!((old ^ now) & IOMMU_SIM_CH_CTRL_EN))
		return 0;
	if (!(now & IOMMU_SIM_CH_CTRL_EN)) {
		sim_channel_stop(ch);
		return SIM_AFTER_SYNC | SIM_AFTER_WAKE;
	}
	if (!sim_channel_halted(ch))
		sim_channel_start(ch);
	return SIM_AFTER_WAKE;
}

/**
 * sim_channel_write_tail() - the doorbell has been written
 * @ch: the channel
 *
 * Return: SIM_AFTER_*. Context: under the endpoint's lock.
 */
unsigned int sim_channel_write_tail(struct sim_channel *ch)
{
	lockdep_assert_held(&ch->ep->lock);

	if (!ch->running)
		return 0;
	sim_channel_accept_tail(ch);
	return SIM_AFTER_WAKE;
}

/* Wait for a change of what may be done; the caller looks again */
static void sim_channel_wait(struct sim_channel *ch, bool (*ready)(struct sim_channel *ch))
{
	set_current_state(TASK_IDLE | TASK_FREEZABLE);
	if (!ready(ch) && !kthread_should_stop())
		schedule();
	__set_current_state(TASK_RUNNING);
}

static bool sim_channel_may_go_on(struct sim_channel *ch)
{
	return READ_ONCE(ch->ep->may_send) || READ_ONCE(ch->epoch) != ch->work.epoch;
}

/*
 * Enter a section in which the work may be gone on with. Waits while the endpoint may
 * not send, so that work goes on where it paused. -ECANCELED if it is to be dropped.
 */
static int sim_channel_enter(struct sim_channel *ch, unsigned long *flags)
{
	struct sim_endpoint *ep = ch->ep;

	for (;;) {
		/* A descriptor may take hours, and others wait for tasks to switch */
		cond_resched_tasks_rcu_qs();
		try_to_freeze();
		if (kthread_should_stop())
			return -ECANCELED;

		*flags = sim_section_enter(&ep->sections);
		if (READ_ONCE(ch->epoch) != ch->work.epoch) {
			sim_section_exit(&ep->sections, *flags);
			return -ECANCELED;
		}
		if (READ_ONCE(ep->may_send))
			return 0;
		sim_section_exit(&ep->sections, *flags);
		sim_channel_wait(ch, sim_channel_may_go_on);
	}
}

/* spec 10.3: what is not to be sent; to the engine it is as if nobody had taken it */
static bool sim_channel_forbidden(struct sim_channel *ch, const struct iommu_sim_tlp *tlp)
{
	return tlp->flags & SIM_TLP_PASID && !READ_ONCE(ch->ep->may_use_pasid);
}

/**
 * sim_channel_send() - send one request of the work under way
 * @ch: the channel, whose thread calls
 * @tlp: the request; requester ID and address type are filled in here
 * @then: to call in the same section if the request succeeds, or NULL
 *
 * Context: the channel's thread; sleeps.
 *
 * Return: 0, a completion status, or -ECANCELED if the work is to be dropped.
 */
int sim_channel_send(struct sim_channel *ch, struct iommu_sim_tlp *tlp,
		     void (*then)(struct sim_channel *ch))
{
	struct sim_endpoint *ep = ch->ep;
	unsigned long flags;
	int ret;

	tlp->rid = ep->rid;
	tlp->at = SIM_AT_UNTRANSLATED;
	ret = sim_channel_enter(ch, &flags);
	if (ret)
		return ret;
	if (sim_channel_forbidden(ch, tlp))
		ret = SIM_CPL_UNSUPPORTED_REQUEST;
	else
		ret = sim_atc_send(ep, tlp);
	if (!ret && then)
		then(ch);
	sim_section_exit(&ep->sections, flags);

	ch->stats.tlps++;
	if (!ret && tlp->type != SIM_TLP_MEM_WRITE)
		ch->stats.bytes_read += tlp->len;
	if (!ret && tlp->type != SIM_TLP_MEM_READ)
		ch->stats.bytes_written += tlp->len;
	return ret;
}

/**
 * sim_channel_copy() - send a read and a write of what it returns, in one section
 * @ch: the channel, whose thread calls; its &sim_upstream has that
 * @read: the read; requester ID and address type are filled in here
 * @write: the write, likewise
 * @at_write: if it fails, at which of the two
 *
 * Context: the channel's thread; sleeps. Return: as sim_channel_send().
 */
int sim_channel_copy(struct sim_channel *ch, struct iommu_sim_tlp *read,
		     struct iommu_sim_tlp *write, bool *at_write)
{
	struct sim_endpoint *ep = ch->ep;
	unsigned long flags;
	int ret;

	*at_write = false;
	read->rid = ep->rid;
	read->at = SIM_AT_UNTRANSLATED;
	write->rid = ep->rid;
	write->at = SIM_AT_UNTRANSLATED;
	ret = sim_channel_enter(ch, &flags);
	if (ret)
		return ret;
	if (sim_channel_forbidden(ch, read))
		ret = SIM_CPL_UNSUPPORTED_REQUEST;
	else
		ret = sim_atc_copy(ep, read, write, at_write);
	sim_section_exit(&ep->sections, flags);

	ch->stats.tlps += 1 + (!ret || *at_write);
	if (!ret || *at_write)
		ch->stats.bytes_read += read->len;
	if (!ret)
		ch->stats.bytes_written += write->len;
	return ret;
}

/**
 * sim_channel_inject() - whether the engine is to misbehave here and now
 * @ch: the channel, whose thread calls
 * @id: in which way
 * @iova: first address concerned
 * @last: last address concerned
 *
 * Return: true if it is.
 */
bool sim_channel_inject(struct sim_channel *ch, enum sim_inject_id id, u64 iova, u64 last)
{
	return sim_inject(ch->ep->up->inject, id, ch->ep->rid, iova, last);
}

/* A request of the ring itself, not of a descriptor */
static int sim_channel_ring_access(struct sim_channel *ch, u8 type, u64 base, void *data,
				   u32 len, void (*then)(struct sim_channel *ch))
{
	const struct sim_work *w = &ch->work;
	u32 index = w->number & (BIT(w->ring.size_lg2) - 1);
	struct iommu_sim_tlp tlp = {
		.type = type,
		.addr = base + (u64)index * len,
		.len = len,
		.data = data,
	};

	if (w->ring.pasid & IOMMU_SIM_CH_PASID_VALID) {
		tlp.flags = SIM_TLP_PASID;
		tlp.pasid = w->ring.pasid & ~IOMMU_SIM_CH_PASID_VALID;
	}
	return sim_channel_send(ch, &tlp, then);
}

/*
 * The completion record is in memory: advance HEAD, in the section that wrote
 * the record. Who stops the channel waits for that, so HEAD and the records
 * agree whenever the channel is stopped.
 */
static void sim_channel_advance(struct sim_channel *ch)
{
	u32 status = le32_to_cpu(ch->work.cpl.status);
	u32 *head = sim_channel_cell(ch, IOMMU_SIM_CH_HEAD);

	scoped_guard(raw_spinlock, &ch->ep->lock) {
		if (ch->resets != ch->work.resets)
			return;
		if (ch->tail == *head) {
			/* Taken back when it had been begun */
			ch->tail++;
			ch->stats.submitted++;
		}
		(*head)++;
		if (status == IOMMU_SIM_OK || status == IOMMU_SIM_MISMATCH) {
			ch->stats.completed++;
		} else {
			ch->stats.errors++;
			(*sim_channel_cell(ch, IOMMU_SIM_CH_ERRORS))++;
		}
		if (ch->epoch == ch->work.epoch)
			*sim_channel_cell(ch, IOMMU_SIM_CH_STATUS) &= ~IOMMU_SIM_CH_STATUS_BUSY;
	}
}

/* Unless @count, which was @then, has moved on since */
static void sim_channel_send_msi(struct sim_channel *ch, const u32 *count, u32 then)
{
	unsigned int vector;

	scoped_guard(raw_spinlock_irqsave, &ch->ep->lock) {
		if (*count != then ||
		    !(*sim_channel_cell(ch, IOMMU_SIM_CH_CTRL) & IOMMU_SIM_CH_CTRL_INTR))
			return;
		vector = sim_channel_vector(ch);
	}
	if (sim_endpoint_msi(ch->ep, vector))
		ch->stats.msis++;
}

static void sim_channel_halt_work(struct sim_channel *ch, enum iommu_sim_halt why)
{
	scoped_guard(raw_spinlock_irqsave, &ch->ep->lock)
		if (ch->epoch == ch->work.epoch)
			sim_channel_halt(ch, why);
}

/* spec 10.4: read a descriptor, execute it, write the record, advance, signal */
static void sim_channel_work(struct sim_channel *ch)
{
	struct sim_work *w = &ch->work;
	int ret;

	ret = sim_channel_ring_access(ch, SIM_TLP_MEM_READ, w->ring.desc, &w->desc,
				      sizeof(w->desc), NULL);
	if (ret) {
		if (ret > 0)
			sim_channel_halt_work(ch, IOMMU_SIM_HALT_RING_READ);
		return;
	}

	memset(&w->cpl, 0, sizeof(w->cpl));
	ret = sim_engine_execute(ch);
	if (ret < 0)
		return;
	w->cpl.number = cpu_to_le32(w->number);
	w->cpl.status = cpu_to_le32(ret);

	ret = sim_channel_ring_access(ch, SIM_TLP_MEM_WRITE, w->ring.cpl, &w->cpl,
				      sizeof(w->cpl), sim_channel_advance);
	if (ret) {
		if (ret > 0)
			sim_channel_halt_work(ch, IOMMU_SIM_HALT_CPL_WRITE);
		return;
	}
	if (w->desc.flags & IOMMU_SIM_DESC_INTR &&
	    !sim_channel_inject(ch, SIM_INJECT_LOST_MSI, 0, U64_MAX))
		sim_channel_send_msi(ch, &ch->epoch, w->epoch);
}

static bool sim_channel_pending(struct sim_channel *ch)
{
	lockdep_assert_held(&ch->ep->lock);

	return ch->running && ch->tail != *sim_channel_cell(ch, IOMMU_SIM_CH_HEAD);
}

/* Pick up the next descriptor, if there is one */
static bool sim_channel_next(struct sim_channel *ch)
{
	struct sim_work *w = &ch->work;
	bool found;

	scoped_guard(raw_spinlock_irqsave, &ch->ep->lock) {
		w->epoch = ch->epoch;
		w->resets = ch->resets;
		w->number = *sim_channel_cell(ch, IOMMU_SIM_CH_HEAD);
		w->ring = ch->ring;
		found = sim_channel_pending(ch);
		if (found)
			*sim_channel_cell(ch, IOMMU_SIM_CH_STATUS) |= IOMMU_SIM_CH_STATUS_BUSY;
	}
	return found;
}

/* A halt stays one when EN is cleared: it is told unless there is a reset */
static bool sim_channel_take_halt(struct sim_channel *ch, u32 *resets)
{
	bool halted;

	scoped_guard(raw_spinlock_irqsave, &ch->ep->lock) {
		*resets = ch->resets;
		halted = ch->halt_msi;
		ch->halt_msi = false;
	}
	return halted;
}

static bool sim_channel_has_work(struct sim_channel *ch)
{
	bool work;

	scoped_guard(raw_spinlock_irqsave, &ch->ep->lock)
		work = ch->halt_msi || sim_channel_pending(ch);
	return work;
}

/**
 * sim_channel_thread() - the thread of a channel
 * @data: the channel
 *
 * Return: 0
 */
int sim_channel_thread(void *data)
{
	struct sim_channel *ch = data;
	u32 resets;

	set_freezable();
	while (!kthread_should_stop()) {
		try_to_freeze();
		if (sim_channel_take_halt(ch, &resets))
			sim_channel_send_msi(ch, &ch->resets, resets);
		else if (sim_channel_next(ch))
			sim_channel_work(ch);
		else
			sim_channel_wait(ch, sim_channel_has_work);
	}
	return 0;
}
