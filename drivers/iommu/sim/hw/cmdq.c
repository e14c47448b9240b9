// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command queues (spec 6). A doorbell executes the queue in its writer, or has a
 * thread do it.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <trace/events/iommu_sim.h>

#include "compat.h"
#include "hw.h"

static void raise_error(struct iommu_sim_hw *hw)
{
	sim_hw_stat(hw, SIM_STAT_CMD_ERRORS);
	raw_spin_lock(&hw->lock);
	sim_hw_raise_status(hw, SIM_STATUS_CMD_ERROR);
	raw_spin_unlock(&hw->lock);
}

static void stop(struct iommu_sim_hw *hw, unsigned int n, enum sim_event_type type,
		 u64 cmd, u64 info)
{
	struct sim_cmdq *q = &hw->cmdq[n];
	struct sim_event event = {
		.qw = {
			cpu_to_le64(FIELD_PREP(SIM_EVT0_TYPE, type) |
				    FIELD_PREP(SIM_EVT0_RID, n)),
			0,
			cpu_to_le64(q->head),
			cpu_to_le64(type == SIM_EVT_ILLEGAL_COMMAND ? cmd : info),
		},
	};

	q->status = SIM_CMDQ_STATUS_ERR | FIELD_PREP(SIM_CMDQ_STATUS_CODE, type);
	sim_evtq_put(hw, &event);
	raise_error(hw);
}

/* spec 8.6: the event about the device has been reported */
static void stop_for_device(struct sim_cmdq *q, u16 rid)
{
	q->status = SIM_CMDQ_STATUS_ERR |
		    FIELD_PREP(SIM_CMDQ_STATUS_CODE, SIM_EVT_IOTLB_INV_TIMEOUT) |
		    FIELD_PREP(SIM_CMDQ_STATUS_RID, rid);
	raise_error(q->hw);
}

/**
 * struct run - what is known while a queue is executed
 * @hw: the instance
 * @q: the queue
 * @fenced: no store that a section must see has been made since the last full
 *	    barrier
 * @stalled: the command at HEAD has to wait for a device
 */
struct run {
	struct iommu_sim_hw *hw;
	struct sim_cmdq *q;
	bool fenced;
	bool stalled;
};

/* Whether what a device was asked is done; else the queue stays where it is */
static bool device_done(struct run *run, enum sim_atc_result result, const u16 *rid)
{
	run->stalled = result != SIM_ATC_DONE;
	if (result == SIM_ATC_TIMED_OUT)
		stop_for_device(run->q, *rid);
	return !run->stalled;
}

/* spec 6.3.1 */
static enum sim_event_type completion_wait(struct run *run, u64 qw0, u64 qw1, u64 *info)
{
	struct iommu_sim_hw *hw = run->hw;
	__le64 data = cpu_to_le64(qw1);
	u16 rid = 0;

	if (qw0 & SIM_CMD_WAIT0_RSVD)
		return SIM_EVT_ILLEGAL_COMMAND;
	if (!device_done(run, sim_atc_wait(run->q, &rid), &rid))
		return SIM_EVT_NONE;
	sim_hw_stat(hw, SIM_STAT_CMD_WAITS);
	if (!run->fenced)
		smp_mb();	/* as in sim_sections_sync() */
	run->fenced = true;
	__sim_sections_sync(&hw->sections);
	if (sim_inject(&hw->inject, SIM_INJECT_COMPLETION_WAIT, SIM_INJECT_ANY_DEVICE, 0, U64_MAX))
		return SIM_EVT_NONE;
	*info = qw0 & SIM_CMD_WAIT0_ADDR;
	if (qw0 & SIM_CMD_WAIT0_STORE && sim_mem_write(hw, *info, &data, sizeof(data)))
		return SIM_EVT_COMMAND_HW_ERROR;
	if (qw0 & SIM_CMD_WAIT0_INTR) {
		raw_spin_lock(&hw->lock);
		sim_hw_raise_status(hw, SIM_STATUS_COMP_WAIT);
		raw_spin_unlock(&hw->lock);
	}
	return SIM_EVT_NONE;
}

/*
 * Until nothing is left of what the page walk cache has to forget, no walk may
 * begin there. For what comes of such a walk is filled after, as true as any:
 *
 *   walk                                  invalidation
 *     token                               closed++
 *     closed ? walk from the root         generation++
 *     else from a cached table            drop cached tables, translations
 *     fill, unless the generation         closed--
 *       has moved
 *
 * A walk whose token is that of the new generation finds the cache closed, or
 * what it has to forget forgotten. Others do not fill any more.
 */
static void close_pwc(struct run *run)
{
	atomic_inc(&run->hw->pwc_closed);
	/* Has the barriers */
	sim_tlb_invalidate_begin(&run->hw->caches);
}

static void open_pwc(struct run *run)
{
	/* What was dropped before who finds it open */
	smp_mb__before_atomic();
	atomic_dec(&run->hw->pwc_closed);
	run->fenced = false;
}

/* spec 5.5: only if tables went away does the page walk cache have to forget them */
static void invalidate(struct run *run, const struct sim_inval *inval)
{
	struct iommu_sim_hw *hw = run->hw;
	struct sim_space space = inval->space;

	if (inval->pde)
		close_pwc(run);
	if (inval->domain) {
		if (inval->pde)
			sim_tlb_invalidate_domain(&hw->pwc, space.domain);
		sim_tlb_invalidate_domain(&hw->iotlb, space.domain);
		run->fenced = false;
	} else {
		if (inval->pde)
			sim_tlb_invalidate(&hw->pwc, space, inval->first, inval->last);
		if (sim_tlb_invalidate(&hw->iotlb, space, inval->first, inval->last))
			run->fenced = false;
	}
	if (inval->pde)
		open_pwc(run);
}

/* What was put off, if there is something */
static void invalidate_late(struct run *run)
{
	if (run->q->has_late)
		invalidate(run, &run->q->late);
	run->q->has_late = false;
}

/* What an IOMMU with bugs does instead; false if that is nothing */
static noinline bool misguide(struct run *run, struct sim_inval *inval)
{
	struct sim_inject *inject = &run->hw->inject;
	u64 first = inval->first, last = inval->last;
	int any = SIM_INJECT_ANY_DEVICE;

	if (sim_inject(inject, SIM_INJECT_IOTLB_INVALIDATE, any, first, last))
		return false;
	if (sim_inject(inject, SIM_INJECT_IOTLB_WRONG_DOMAIN, any, first, last))
		inval->space.domain ^= 1;
	if (last != U64_MAX && sim_inject(inject, SIM_INJECT_IOTLB_OFF_BY_ONE, any, first, last)) {
		inval->first += BIT(SIM_PAGE_LG2);
		inval->last += BIT(SIM_PAGE_LG2);
	}
	if (inval->pde && sim_inject(inject, SIM_INJECT_IOTLB_KEEP_TABLES, any, first, last))
		inval->pde = false;
	if (sim_inject(inject, SIM_INJECT_COMPLETION_EARLY, any, first, last)) {
		/* The next doorbell of this queue has it executed */
		invalidate_late(run);
		run->q->late = *inval;
		run->q->has_late = true;
		return false;
	}
	return true;
}

static struct sim_space space_of(u64 qw0, u64 qw1)
{
	return (struct sim_space) {
		.domain = FIELD_GET(SIM_CMD_PAGES0_DOMAIN, qw0),
		.has_pasid = qw1 & SIM_CMD_PAGES1_GN,
		.pasid = FIELD_GET(SIM_CMD_PAGES0_PASID, qw0),
	};
}

/* spec 6.3.3 */
static enum sim_event_type invalidate_pages(struct run *run, u64 qw0, u64 qw1)
{
	u64 iova = qw1 & SIM_CMD_PAGES1_ADDR;
	unsigned int lg2 = SIM_PAGE_LG2;
	struct sim_inval inval;
	u64 below;

	if (qw0 & SIM_CMD_PAGES0_RSVD || qw1 & SIM_CMD_PAGES1_RSVD)
		return SIM_EVT_ILLEGAL_COMMAND;
	if (qw1 & SIM_CMD_PAGES1_S)
		lg2 = sim_sized_addr_lg2(iova);
	if (lg2 > 64)
		return SIM_EVT_ILLEGAL_COMMAND;
	below = GENMASK_ULL(lg2 - 1, 0);
	inval = (struct sim_inval) {
		.space = space_of(qw0, qw1),
		.first = iova & ~below,
		.last = iova | below,
		.pde = qw1 & SIM_CMD_PAGES1_PDE,
		.domain = lg2 == 64 && !(qw1 & SIM_CMD_PAGES1_GN),
	};
	if (inval.domain)
		sim_hw_stat(run->hw, SIM_STAT_CMD_INV_DOMAIN);
	else
		sim_hw_stat(run->hw, SIM_STAT_CMD_INV_PAGES);
	if (!sim_inject_any() || misguide(run, &inval))
		invalidate(run, &inval);
	return SIM_EVT_NONE;
}

/* spec 6.3.5 */
static enum sim_event_type invalidate_range(struct run *run, u64 qw0, u64 qw1)
{
	u64 iova = qw1 & SIM_CMD_PAGES1_ADDR;
	struct sim_inval inval = {
		.space = space_of(qw0, qw1),
		.first = iova,
		.last = iova + sim_cmd_range_len(qw0) - 1,
		.pde = qw1 & SIM_CMD_PAGES1_PDE,
	};

	if (run->hw->config.no_range || qw1 & SIM_CMD_RANGE1_RSVD || inval.last < iova)
		return SIM_EVT_ILLEGAL_COMMAND;
	sim_hw_stat(run->hw, SIM_STAT_CMD_INV_RANGE);
	if (!sim_inject_any() || misguide(run, &inval))
		invalidate(run, &inval);
	return SIM_EVT_NONE;
}

/* spec 6.3.2 */
static enum sim_event_type invalidate_devtab_entry(struct run *run, u64 qw0, u64 qw1)
{
	u16 rid = FIELD_GET(SIM_CMD_DEVTAB0_RID, qw0);
	u32 pasid = FIELD_GET(SIM_CMD_DEVTAB0_PASID, qw0);

	if (qw0 & SIM_CMD_DEVTAB0_RSVD || qw1 || (pasid && !(qw0 & SIM_CMD_DEVTAB0_GN)))
		return SIM_EVT_ILLEGAL_COMMAND;
	sim_hw_stat(run->hw, SIM_STAT_CMD_INV_DEVTAB);
	if (qw0 & SIM_CMD_DEVTAB0_GN)
		sim_devtab_invalidate_pasid(run->hw, rid, pasid);
	else
		sim_devtab_invalidate(run->hw, rid);
	if (qw0 & SIM_CMD_DEVTAB0_TAGS)
		sim_atc_forget_lost(run->hw, rid);
	/* What used the old entry must not be filled after the next commands */
	sim_tlb_invalidate_begin(&run->hw->caches);
	run->fenced = true;
	return SIM_EVT_NONE;
}

/* spec 6.3.6 */
static enum sim_event_type invalidate_atc(struct run *run, u64 qw0, u64 qw1)
{
	bool whole = sim_sized_addr_lg2(qw1 & SIM_CMD_PAGES1_ADDR) > 64;
	u16 rid = 0;

	if (run->hw->config.no_ats || qw0 & SIM_CMD_ATC0_RSVD || qw1 & SIM_CMD_ATC1_RSVD ||
	    (qw1 & SIM_CMD_PAGES1_S && whole))
		return SIM_EVT_ILLEGAL_COMMAND;
	if (device_done(run, sim_atc_invalidate(run->q, qw0, qw1, &rid), &rid))
		sim_hw_stat(run->hw, SIM_STAT_CMD_INV_ATC);
	return SIM_EVT_NONE;
}

static void invalidate_all(struct run *run)
{
	struct iommu_sim_hw *hw = run->hw;

	/* In this order: what used an old entry must not be filled after */
	raw_spin_lock(&hw->lock);
	sim_devtab_invalidate_all(hw);
	raw_spin_unlock(&hw->lock);
	close_pwc(run);
	sim_tlb_invalidate_all(&hw->pwc);
	sim_tlb_invalidate_all(&hw->iotlb);
	open_pwc(run);
}

static enum sim_event_type execute(struct run *run, u64 qw0, u64 qw1, u64 *info)
{
	switch (FIELD_GET(SIM_CMD_OP, qw0)) {
	case SIM_CMD_COMPLETION_WAIT:
		return completion_wait(run, qw0, qw1, info);
	case SIM_CMD_INVALIDATE_DEVTAB_ENTRY:
		return invalidate_devtab_entry(run, qw0, qw1);
	case SIM_CMD_INVALIDATE_PAGES:
		return invalidate_pages(run, qw0, qw1);
	case SIM_CMD_INVALIDATE_ATC:
		return invalidate_atc(run, qw0, qw1);
	case SIM_CMD_INVALIDATE_RANGE:
		return invalidate_range(run, qw0, qw1);
	case SIM_CMD_INVALIDATE_ALL:
		if (qw0 & SIM_CMD_ALL0_RSVD || qw1)
			return SIM_EVT_ILLEGAL_COMMAND;
		sim_hw_stat(run->hw, SIM_STAT_CMD_INV_ALL);
		invalidate_all(run);
		return SIM_EVT_NONE;
	default:
		return SIM_EVT_ILLEGAL_COMMAND;
	}
}

/* Commands that are read at a time */
#define FETCH	4

/* Up to FETCH commands from HEAD on; returns how many, or 0 with the address not reachable */
static unsigned int fetch(struct iommu_sim_hw *hw, struct sim_cmdq *q, struct sim_cmd *cmds,
			  u64 *pa)
{
	u32 entries = BIT(FIELD_GET(SIM_BASE_LG2, q->base));
	unsigned int nr = min3((q->tail - q->head) & (entries - 1), entries - q->head, FETCH);

	*pa = (q->base & SIM_BASE_ADDR) + q->head * sizeof(*cmds);
	nr = min(nr, (SIM_TLP_MAX_LEN - (*pa & (SIM_TLP_MAX_LEN - 1))) / sizeof(*cmds));
	return sim_mem_read(hw, *pa, cmds, nr * sizeof(*cmds)) ? 0 : nr;
}

/* spec 6.6 */
static void delay(struct iommu_sim_hw *hw)
{
	u64 end;

	if (likely(hw->config.mode != SIM_CMDQ_LATENCY))
		return;
	end = ktime_get_mono_fast_ns() + hw->config.latency_ns;
	while ((s64)(ktime_get_mono_fast_ns() - end) < 0)
		cpu_relax();
}

static bool has_work(const struct sim_cmdq *q)
{
	return q->head != q->tail && q->ctrl & SIM_CMDQ_CTRL_EN &&
	       !(q->status & SIM_CMDQ_STATUS_ERR);
}

static void run_fetched(struct run *run, struct sim_cmdq *q)
{
	u32 mask = BIT(FIELD_GET(SIM_BASE_LG2, q->base)) - 1;
	struct iommu_sim_hw *hw = run->hw;
	struct sim_cmd cmds[FETCH];
	unsigned int nr, i;
	u64 info;

	nr = fetch(hw, q, cmds, &info);
	if (!nr)
		stop(hw, q - hw->cmdq, SIM_EVT_COMMAND_HW_ERROR, 0, info);
	for (i = 0; i < nr; i++) {
		u64 qw0 = le64_to_cpu(cmds[i].qw[0]), qw1 = le64_to_cpu(cmds[i].qw[1]);
		enum sim_event_type error = execute(run, qw0, qw1, &info);

		if (unlikely(run->stalled))
			return;
		trace_iommu_sim_cmd_completed(hw->id, q - hw->cmdq, qw0, qw1, error);
		if (error) {
			stop(hw, q - hw->cmdq, error, qw0, info);
			return;
		}
		delay(hw);
		sim_hw_stat(hw, SIM_STAT_CMDS);
		q->head = (q->head + 1) & mask;
	}
}

/*
 * Execute up to @budget commands, or a few more; stops at an error (spec 6.4). Returns
 * whether it has to wait for a device.
 */
static bool run_queue(struct sim_cmdq *q, unsigned int budget)
{
	struct iommu_sim_hw *hw = q->hw;
	struct run run = { .hw = hw, .q = q, .fenced = true };

	lockdep_assert_held(&q->lock);
	if (!has_work(q))
		return false;
	/* Who only looks again keeps nobody from filling caches */
	if (q->waits && !sim_atc_changed(q))
		return true;
	/* Once for all of them. It is a full barrier, too, after what the driver stored. */
	sim_tlb_invalidate_begin(&hw->caches);
	sim_tlb_recycle(&hw->iotlb);
	sim_tlb_recycle(&hw->pwc);
	if (unlikely(q->has_late))
		invalidate_late(&run);
	for (; has_work(q) && budget && !run.stalled; budget -= min(budget, FETCH))
		run_fetched(&run, q);
	q->waits = run.stalled;
	return run.stalled;
}

/**
 * sim_cmdq_kick() - see to it that what is in a command queue is executed
 * @q: the queue
 *
 * Here and now, but in thread mode (spec 6.6). Context: any, with the queue's
 * lock held and interrupts off.
 */
void sim_cmdq_kick(struct sim_cmdq *q)
{
	if (likely(q->hw->config.mode != SIM_CMDQ_THREAD))
		run_queue(q, U32_MAX);
	else if (has_work(q))
		kthread_queue_work(q->hw->worker, &q->work);
}

/**
 * sim_cmdq_help() - execute what is in a command queue, whoever else would do it
 * @q: the queue
 *
 * For one who waits, and may keep the thread from running: spec 6.6. Context: any,
 * with the queue's lock held and interrupts off.
 */
void sim_cmdq_help(struct sim_cmdq *q)
{
	if (q->hw->config.mode == SIM_CMDQ_THREAD || q->waits)
		run_queue(q, U32_MAX);
}

/* Commands that the thread executes with interrupts off */
#define THREAD_BUDGET	16

static void work(struct kthread_work *work)
{
	struct sim_cmdq *q = container_of(work, struct sim_cmdq, work);
	bool more;

	do {
		scoped_guard(raw_spinlock_irqsave, &q->lock) {
			/* The device's answer, or who waits, has it looked at again */
			more = !run_queue(q, THREAD_BUDGET) && has_work(q);
		}
		cond_resched();
	} while (more);
}

/**
 * sim_cmdqs_init() - make the command queues of an instance
 * @hw: the instance, with its configuration
 *
 * Return: 0, or an error; to be undone by sim_cmdqs_destroy() in either case.
 */
int sim_cmdqs_init(struct iommu_sim_hw *hw)
{
	struct kthread_worker *worker;
	unsigned int i;

	hw->cmdq = kvcalloc(hw->config.cmdqs, sizeof(*hw->cmdq), GFP_KERNEL);
	if (!hw->cmdq)
		return -ENOMEM;
	for (i = 0; i < hw->config.cmdqs; i++) {
		raw_spin_lock_init(&hw->cmdq[i].lock);
		kthread_init_work(&hw->cmdq[i].work, work);
		hw->cmdq[i].hw = hw;
	}
	if (hw->config.mode != SIM_CMDQ_THREAD)
		return 0;
	worker = kthread_run_worker(0, "iommu-sim-cmdq");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	hw->worker = worker;
	return 0;
}

/**
 * sim_cmdqs_stop() - execute no more commands
 * @hw: the instance; nobody writes to its registers any more
 *
 * Context: may sleep.
 */
void sim_cmdqs_stop(struct iommu_sim_hw *hw)
{
	if (hw->worker)
		kthread_destroy_worker(hw->worker);
	hw->worker = NULL;
}

/**
 * sim_cmdqs_destroy() - undo sim_cmdqs_init()
 * @hw: the instance; nobody writes to its registers any more
 *
 * Context: may sleep.
 */
void sim_cmdqs_destroy(struct iommu_sim_hw *hw)
{
	sim_cmdqs_stop(hw);
	kvfree(hw->cmdq);
}
