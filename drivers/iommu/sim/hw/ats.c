// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation of what devices have cached (spec 8.6): requests go out with a tag,
 * and whoever waits looks whether they have been answered, or are late.
 *
 * A tag is
 *
 *   free      -> waiting   by the queue that sends a request with it, which from
 *			    then on has one more to wait for
 *   waiting   -> free      by the last completion
 *   waiting   -> lost      by the queue, when it is late: an answer that is still
 *			    under way must not be taken for that to a later request;
 *			    or because the device goes
 *   lost      -> free      by that answer, or when software says so (spec 6.3.2)
 *
 * each by compare-and-swap, and who takes it out of waiting takes it off the count
 * of its queue. There is no lock: completions come while a queue's is held.
 */
#include <kunit/visibility.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "hw.h"

#define TAG_STATE	GENMASK(1, 0)
#define TAG_FREE	0
#define TAG_WAITING	1
#define TAG_LOST	2
#define TAG_SEEN	GENMASK(7, 4)		/* completions that have come */
#define TAG_COUNT	GENMASK(11, 8)		/* of so many; 0 before the first */
#define TAG_QUEUE	GENMASK(31, 16)

/**
 * struct iommu_sim_function - a device with an ATC
 * @hw: the instance above it
 * @rid: its requester ID
 * @ops: how it hears of invalidations
 * @data: for @ops
 * @busy: tags that are not free; a bit may be set a moment longer than that
 * @tag: state of the tags
 * @deadline: when the answer of each is late; the sender's
 * @timeouts: how many were
 */
struct iommu_sim_function {
	struct iommu_sim_hw *hw;
	u16 rid;
	const struct iommu_sim_function_ops *ops;
	void *data;
	unsigned long busy;
	atomic_t tag[SIM_ATS_TAGS];
	u64 deadline[SIM_ATS_TAGS];
	atomic64_t timeouts;
};

/* spec 6.6: with a thread, nobody else may look at what has waited for this */
static void wake(struct iommu_sim_hw *hw, struct sim_cmdq *q)
{
	unsigned int i;

	if (hw->config.mode != SIM_CMDQ_THREAD)
		return;
	for (i = 0; i < hw->config.cmdqs; i++)
		if (&hw->cmdq[i] == q || READ_ONCE(hw->cmdq[i].atc_stalled))
			kthread_queue_work(hw->worker, &hw->cmdq[i].work);
}

static bool tag_set(struct iommu_sim_function *fn, unsigned int i, int from, int to)
{
	struct sim_cmdq *q = &fn->hw->cmdq[FIELD_GET(TAG_QUEUE, from)];

	if (atomic_cmpxchg(&fn->tag[i], from, to) != from)
		return false;
	if ((to & TAG_STATE) == TAG_FREE)
		clear_bit_unlock(i, &fn->busy);
	/* Who sees it gone sees what the device did before it answered */
	if ((from & TAG_STATE) == TAG_WAITING && (to & TAG_STATE) != TAG_WAITING)
		atomic_dec_return_release(&q->atc_waiting);
	if ((to & TAG_STATE) != (from & TAG_STATE))
		wake(fn->hw, q);
	return true;
}

static int lost(int tag)
{
	return (tag & ~TAG_STATE) | TAG_LOST;
}

static u64 now(void)
{
	return ktime_get_mono_fast_ns();
}

static bool waits(int tag, unsigned int queue)
{
	return (tag & TAG_STATE) == TAG_WAITING && FIELD_GET(TAG_QUEUE, tag) == queue;
}

/* Nobody waits for what @fn has not answered to @queue any more */
static void give_up(struct iommu_sim_function *fn, unsigned int queue)
{
	unsigned int i;
	int tag;

	for (i = 0; i < SIM_ATS_TAGS; i++) {
		do {
			tag = atomic_read(&fn->tag[i]);
		} while (waits(tag, queue) && !tag_set(fn, i, tag, lost(tag)));
	}
}

/* If @fn has not answered something of @queue in time, nothing of that is waited for */
static bool lose_late(struct iommu_sim_function *fn, unsigned int queue, u64 at)
{
	bool late = false;
	unsigned int i;

	for (i = 0; i < SIM_ATS_TAGS; i++)
		late |= waits(atomic_read(&fn->tag[i]), queue) &&
			(s64)(at - fn->deadline[i]) >= 0;
	if (late)
		give_up(fn, queue);
	return late;
}

static void report_late(struct iommu_sim_function *fn, unsigned int queue)
{
	struct sim_event event = {
		.qw = {
			cpu_to_le64(FIELD_PREP(SIM_EVT0_TYPE, SIM_EVT_IOTLB_INV_TIMEOUT) |
				    FIELD_PREP(SIM_EVT0_RID, fn->rid)),
			0,
			0,
			cpu_to_le64(queue),
		},
	};

	atomic64_inc(&fn->timeouts);
	sim_hw_stat(fn->hw, SIM_STAT_ATC_TIMEOUTS);
	sim_evtq_put(fn->hw, &event);
}

/* Look for a device that is late with an answer to @q */
static enum sim_atc_result find_late(struct sim_cmdq *q, u16 *rid)
{
	unsigned int queue = q - q->hw->cmdq;
	struct iommu_sim_function *fn;
	unsigned long index;
	u64 at = now();

	if ((s64)(at - q->atc_deadline) < 0)
		return SIM_ATC_WAIT;
	guard(rcu)();
	xa_for_each(&q->hw->functions, index, fn) {
		if (!lose_late(fn, queue, at))
			continue;
		report_late(fn, queue);
		*rid = fn->rid;
		return SIM_ATC_TIMED_OUT;
	}
	return SIM_ATC_WAIT;
}

/**
 * sim_atc_wait() - are all invalidate requests of a queue answered?
 * @q: the queue
 * @rid: if not, and it is late, the device
 *
 * Context: with the queue's lock held. Return: SIM_ATC_DONE, SIM_ATC_WAIT, or
 * SIM_ATC_TIMED_OUT once for each device that is late.
 */
enum sim_atc_result sim_atc_wait(struct sim_cmdq *q, u16 *rid)
{
	/* Pairs with the release in tag_set() */
	if (likely(!atomic_read_acquire(&q->atc_waiting)))
		return SIM_ATC_DONE;
	return find_late(q, rid);
}

/**
 * sim_atc_changed() - is it worth looking again at the command that waits?
 * @q: the queue
 *
 * Context: with the queue's lock held. Return: whether it may be able to go on, or a
 * device may be late.
 */
bool sim_atc_changed(const struct sim_cmdq *q)
{
	return q->atc_stalled || !atomic_read_acquire(&q->atc_waiting) ||
	       (s64)(now() - q->atc_deadline) >= 0;
}

/* A tag for a request of @q; -1 if as many are busy as the device can take */
static int get_tag(struct iommu_sim_function *fn, struct sim_cmdq *q, unsigned int depth)
{
	unsigned long busy = READ_ONCE(fn->busy);
	unsigned int i;

	do {
		if (hweight_long(busy) >= depth)
			return -1;
		i = ffz(busy);
	} while (!try_cmpxchg_acquire(&fn->busy, &busy, busy | BIT(i)));
	fn->deadline[i] = now() + READ_ONCE(q->hw->atc_timeout) * NSEC_PER_USEC;
	/* Tags that follow come later, so the first is the one to look at */
	if (!atomic_fetch_inc(&q->atc_waiting))
		q->atc_deadline = fn->deadline[i];
	atomic_set_release(&fn->tag[i], TAG_WAITING | FIELD_PREP(TAG_QUEUE, q - q->hw->cmdq));
	return i;
}

/* spec 6.3.6: no tag is free; that is as late as an answer is */
static enum sim_atc_result no_tag(struct sim_cmdq *q, struct iommu_sim_function *fn, u16 *rid)
{
	enum sim_atc_result result = sim_atc_wait(q, rid);

	if (result == SIM_ATC_TIMED_OUT) {
		if (*rid == fn->rid)
			WRITE_ONCE(q->atc_stalled, false);
		return result;
	}
	if (!q->atc_stalled || q->atc_stall_rid != fn->rid) {
		WRITE_ONCE(q->atc_stalled, true);
		q->atc_stall_rid = fn->rid;
		q->atc_stall_deadline = now() + READ_ONCE(q->hw->atc_timeout) * NSEC_PER_USEC;
		/* A tag that became free before could not tell */
		wake(q->hw, q);
	}
	if ((s64)(now() - q->atc_stall_deadline) < 0)
		return SIM_ATC_WAIT;
	WRITE_ONCE(q->atc_stalled, false);
	report_late(fn, q - q->hw->cmdq);
	*rid = fn->rid;
	return SIM_ATC_TIMED_OUT;
}

/**
 * sim_atc_invalidate() - send an invalidate request
 * @q: the queue whose command it is
 * @qw0: word 0 of the command
 * @qw1: word 1
 * @rid: if a device is late, which
 *
 * Context: with the queue's lock held. Return: SIM_ATC_DONE if it has been sent, or
 * if there is no such device; SIM_ATC_WAIT if the device can take no more;
 * SIM_ATC_TIMED_OUT if that is so for too long.
 */
enum sim_atc_result sim_atc_invalidate(struct sim_cmdq *q, u64 qw0, u64 qw1, u16 *rid)
{
	unsigned int depth = FIELD_GET(SIM_CMD_ATC0_QDEP, qw0) ?: SIM_ATS_TAGS;
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_INV_REQUEST,
		.rid = FIELD_GET(SIM_CMD_ATC0_RID, qw0),
		.addr = (qw1 & SIM_CMD_PAGES1_ADDR) | (qw1 & SIM_CMD_PAGES1_S ? SIM_ATS_S : 0),
	};
	struct iommu_sim_function *fn;
	int tag;

	if (qw1 & SIM_CMD_PAGES1_GN) {
		tlp.flags = SIM_TLP_PASID;
		tlp.pasid = FIELD_GET(SIM_CMD_ATC0_PASID, qw0);
	}
	guard(rcu)();
	fn = xa_load(&q->hw->functions, tlp.rid);
	if (!fn) {
		WRITE_ONCE(q->atc_stalled, false);
		return SIM_ATC_DONE;
	}
	tag = get_tag(fn, q, depth);
	if (tag < 0)
		return no_tag(q, fn, rid);
	WRITE_ONCE(q->atc_stalled, false);
	tlp.tag = tag;
	fn->ops->invalidate(fn->data, &tlp);
	return SIM_ATC_DONE;
}

/* Whether somebody waits for a completion of a tag that says so, or has given it up */
static bool expected(struct iommu_sim_function *fn, unsigned int i, unsigned int count)
{
	int tag = atomic_read(&fn->tag[i]);

	if ((tag & TAG_STATE) == TAG_FREE)
		return false;
	/* Each completion has to say the same */
	return !(tag & TAG_COUNT) || FIELD_GET(TAG_COUNT, tag) == count;
}

/* One completion of one tag */
static bool complete_tag(struct iommu_sim_function *fn, unsigned int i, unsigned int count)
{
	int tag, to;

	do {
		if (!expected(fn, i, count))
			return false;
		tag = atomic_read_acquire(&fn->tag[i]);
		to = ((tag & ~TAG_COUNT) | FIELD_PREP(TAG_COUNT, count)) + FIELD_PREP(TAG_SEEN, 1);
		if (FIELD_GET(TAG_SEEN, to) == count)
			to = TAG_FREE;
	} while ((tag & TAG_STATE) == TAG_FREE || !tag_set(fn, i, tag, to));
	if ((tag & TAG_STATE) == TAG_LOST && to == TAG_FREE)
		sim_hw_stat(fn->hw, SIM_STAT_ATC_LATE);
	return true;
}

/**
 * sim_atc_completion() - a device has answered invalidate requests
 * @hw: the instance
 * @tlp: the invalidate completion
 *
 * An answer to what was not asked is reported. Context: any, interrupts off; takes
 * no lock but to report. Return: SIM_CPL_SUCCESS, or SIM_CPL_UNSUPPORTED_REQUEST.
 */
enum iommu_sim_tlp_status sim_atc_completion(struct iommu_sim_hw *hw,
					     const struct iommu_sim_tlp *tlp)
{
	unsigned long tags = tlp->tag;
	struct iommu_sim_function *fn;
	/* spec 8.6: 0 is 8 */
	unsigned int i, count = tlp->len ?: 8;
	bool good;

	guard(rcu)();
	fn = xa_load(&hw->functions, tlp->rid);
	good = fn && tags && tlp->len < 8;
	/* All of them, or none has an effect */
	for_each_set_bit(i, &tags, SIM_ATS_TAGS)
		good = good && expected(fn, i, count);
	for_each_set_bit(i, &tags, SIM_ATS_TAGS)
		good = good && complete_tag(fn, i, count);
	if (good)
		return SIM_CPL_SUCCESS;
	sim_hw_report(hw, SIM_EVT_INVALID_DEVICE_REQUEST, tlp, 0, 0, tlp->tag);
	return SIM_CPL_UNSUPPORTED_REQUEST;
}

/**
 * sim_atc_forget_lost() - a device's lost tags may be used again
 * @hw: the instance
 * @rid: its requester ID
 *
 * Context: any, interrupts off.
 */
void sim_atc_forget_lost(struct iommu_sim_hw *hw, u16 rid)
{
	struct iommu_sim_function *fn;
	unsigned int i;

	guard(rcu)();
	fn = xa_load(&hw->functions, rid);
	for (i = 0; fn && i < SIM_ATS_TAGS; i++) {
		int tag = atomic_read(&fn->tag[i]);

		/* If it changes now, that is by the answer */
		if ((tag & TAG_STATE) == TAG_LOST)
			tag_set(fn, i, tag, TAG_FREE);
	}
}

/**
 * sim_atc_cancel() - a queue waits for nothing any more
 * @q: the queue
 *
 * Context: with its lock held.
 */
void sim_atc_cancel(struct sim_cmdq *q)
{
	struct iommu_sim_function *fn;
	unsigned long index;

	q->waits = false;
	WRITE_ONCE(q->atc_stalled, false);
	guard(rcu)();
	xa_for_each(&q->hw->functions, index, fn)
		give_up(fn, q - q->hw->cmdq);
}

/**
 * iommu_sim_function_add() - make a device known that has an ATC
 * @port: the root port above it
 * @rid: its requester ID
 * @ops: how it hears of invalidations
 * @data: for @ops
 *
 * Context: may sleep. Return: the function, or an ERR_PTR(): -EBUSY if there is one
 * with that requester ID, -ENOMEM.
 */
struct iommu_sim_function *iommu_sim_function_add(struct iommu_sim_port *port, u16 rid,
						  const struct iommu_sim_function_ops *ops,
						  void *data)
{
	struct iommu_sim_function *fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	int ret;

	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->hw = port->hw;
	fn->rid = rid;
	fn->ops = ops;
	fn->data = data;
	ret = xa_insert(&fn->hw->functions, rid, fn, GFP_KERNEL);
	if (ret) {
		kfree(fn);
		return ERR_PTR(ret);
	}
	return fn;
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_function_add);

/**
 * iommu_sim_function_del() - undo iommu_sim_function_add()
 * @fn: the function, which caches nothing any more
 *
 * When it returns, the device hears of no more invalidations, and nobody waits for
 * it. Context: may sleep.
 */
void iommu_sim_function_del(struct iommu_sim_function *fn)
{
	unsigned int i;

	xa_erase(&fn->hw->functions, fn->rid);
	/* Who waits may be who the grace period waits for; who sends now has it again */
	for (i = 0; i < fn->hw->config.cmdqs; i++)
		give_up(fn, i);
	synchronize_rcu();
	for (i = 0; i < fn->hw->config.cmdqs; i++)
		give_up(fn, i);
	kfree(fn);
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_function_del);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * sim_function_access() - have a device make a request of its own
 * @hw: the instance
 * @tlp: the request, not translated
 *
 * For tests that cannot reach the device. Return: how it completed.
 */
enum iommu_sim_tlp_status sim_function_access(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp)
{
	struct iommu_sim_function *fn;

	guard(rcu)();
	fn = xa_load(&hw->functions, tlp->rid);
	return fn ? fn->ops->access(fn->data, tlp) : SIM_CPL_UNSUPPORTED_REQUEST;
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_access);
#endif

/**
 * iommu_sim_function_timeouts() - how often a device was late
 * @fn: the function
 *
 * Return: how many invalidations timed out, those of one command queue at a time
 * counted as one.
 */
u64 iommu_sim_function_timeouts(const struct iommu_sim_function *fn)
{
	return atomic64_read(&fn->timeouts);
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_function_timeouts);
