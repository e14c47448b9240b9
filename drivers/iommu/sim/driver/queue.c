// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission of commands (spec 6). Each CPU uses the queue of its number; a
 * submitter waits on the queue it used, wherever it runs by then.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <trace/events/iommu_sim_driver.h>

#include "driver.h"

#define QUEUE_LG2		8
#define QUEUE_ENTRIES		BIT(QUEUE_LG2)
#define QUEUE_TIMEOUT_NS	(10 * NSEC_PER_MSEC)
/* Devices that one submission finds late; one more is an error */
#define MAX_LATE		32
/* What a silicon with a thread has to do it by itself */
#define QUEUE_HELP_NS		(5 * NSEC_PER_USEC)

/* Commands and the completion wait that follows, at a time */
#define MAX_BATCH		64

static u64 queue_read(struct sim_iommu *iommu, struct sim_queue *q, u32 offset)
{
	return iommu_sim_mmio_read(iommu->hw, q->regs + offset);
}

static void queue_write(struct sim_iommu *iommu, struct sim_queue *q, u32 offset, u64 value)
{
	iommu_sim_mmio_write(iommu->hw, q->regs + offset, value);
}

static u32 next_slot(u32 slot)
{
	return (slot + 1) & (QUEUE_ENTRIES - 1);
}

static void put_cmd(struct sim_queue *q, struct sim_cmd cmd)
{
	q->ring[q->tail] = cmd;
	q->tail = next_slot(q->tail);
}

/**
 * struct late - devices that have not answered in time
 * @nr: how many; more than MAX_LATE if there were too many
 * @rid: which
 */
struct late {
	unsigned int nr;
	u16 rid[MAX_LATE];
};

/*
 * spec 8.6: a device is late. What waits for it goes on; what is to be sent to it is
 * not. Whoever holds the queue's lock has it quarantined when that is free. If there
 * are too many to be remembered, the queue stays stopped for who comes next.
 */
static void recover_from_device(struct sim_iommu *iommu, struct sim_queue *q, u16 rid,
				struct late *late)
{
	u32 at = queue_read(iommu, q, SIM_CMDQ_HEAD);
	unsigned int i;

	for (i = 0; i < late->nr && late->rid[i] != rid; i++)
		;
	if (i == MAX_LATE) {
		late->nr = MAX_LATE + 1;
		return;
	}
	late->rid[i] = rid;
	late->nr = max(late->nr, i + 1);
	for (; at != q->tail; at = next_slot(at)) {
		u64 cmd = le64_to_cpu(q->ring[at].qw[0]);

		if (FIELD_GET(SIM_CMD_OP, cmd) == SIM_CMD_INVALIDATE_ATC &&
		    FIELD_GET(SIM_CMD_ATC0_RID, cmd) == rid)
			q->ring[at] = sim_cmd_nop();
	}
	/* The commands before the register that makes the silicon look */
	dma_wmb();
	queue_write(iommu, q, SIM_CMDQ_STATUS, SIM_CMDQ_STATUS_ERR);
}

enum recovery { NOTHING_WRONG, COMMAND_REFUSED, DEVICE_LATE, HOPELESS };

/*
 * spec 6.4: a command that the silicon refused is replaced by one that does
 * nothing, and the queue goes on. Whoever sent it hears -EIO.
 */
static enum recovery recover(struct sim_iommu *iommu, struct sim_queue *q, struct late *late)
{
	u64 status = queue_read(iommu, q, SIM_CMDQ_STATUS);
	u32 head;

	if (!(status & SIM_CMDQ_STATUS_ERR))
		return NOTHING_WRONG;
	if (FIELD_GET(SIM_CMDQ_STATUS_CODE, status) == SIM_EVT_IOTLB_INV_TIMEOUT) {
		recover_from_device(iommu, q, FIELD_GET(SIM_CMDQ_STATUS_RID, status), late);
		return late->nr > MAX_LATE ? HOPELESS : DEVICE_LATE;
	}
	head = queue_read(iommu, q, SIM_CMDQ_HEAD);
	dev_err_ratelimited(iommu->dev, "command queue %td: command %u (%016llx %016llx) refused, event type %llu\n",
			    q - iommu->queues, head, le64_to_cpu(q->ring[head].qw[0]),
			    le64_to_cpu(q->ring[head].qw[1]),
			    FIELD_GET(SIM_CMDQ_STATUS_CODE, status));
	q->ring[head] = sim_cmd_nop();
	/* The command before the register that makes the silicon look */
	dma_wmb();
	queue_write(iommu, q, SIM_CMDQ_STATUS, SIM_CMDQ_STATUS_ERR);
	return COMMAND_REFUSED;
}

static unsigned int room(const struct sim_queue *q)
{
	return (q->head - q->tail - 1) & (QUEUE_ENTRIES - 1);
}

/* Until there are @nr free slots, and one that stays free; q->lock held */
static int wait_for_room(struct sim_iommu *iommu, struct sim_queue *q, unsigned int nr,
			 struct late *devices)
{
	u64 deadline = ktime_get_mono_fast_ns() + iommu->timeout_ns;
	enum recovery what;
	bool late = false;

	while (room(q) < nr) {
		if (late)
			return -ETIMEDOUT;
		/* It is late only if HEAD, looked at after that, has not moved either */
		late = ktime_get_mono_fast_ns() > deadline;
		q->head = queue_read(iommu, q, SIM_CMDQ_HEAD);
		what = recover(iommu, q, devices);
		if (what == HOPELESS)
			return -ETIMEDOUT;
		if (what != NOTHING_WRONG) {
			deadline = ktime_get_mono_fast_ns() + iommu->timeout_ns;
			late = false;
		}
		cpu_relax();
	}
	return 0;
}

static bool queue_done(struct sim_queue *q)
{
	return (s64)(le64_to_cpu(READ_ONCE(*q->done)) - q->seq) >= 0;
}

/* Until the last completion wait of @q has been executed, if that was not at once */
static noinline int wait_for_completion_of(struct sim_iommu *iommu, struct sim_queue *q,
					   struct late *late)
{
	u64 now = ktime_get_mono_fast_ns(), deadline = now + iommu->timeout_ns;
	u64 help = now + QUEUE_HELP_NS;
	enum recovery what;
	int ret = 0;

	while (!queue_done(q)) {
		now = ktime_get_mono_fast_ns();
		/*
		 * spec 6.6: this may be the CPU that the silicon's thread needs. To read
		 * HEAD has it do the work here. Not at once: there may be another CPU.
		 */
		if (now > help)
			queue_read(iommu, q, SIM_CMDQ_HEAD);
		what = recover(iommu, q, late);
		if (what == HOPELESS)
			return -ETIMEDOUT;
		if (what == COMMAND_REFUSED)
			ret = -EIO;
		/* Each device has its time */
		if (what == DEVICE_LATE)
			deadline = now + iommu->timeout_ns;
		/* It may have been the completion wait that was refused */
		if (ret && queue_read(iommu, q, SIM_CMDQ_HEAD) == q->tail)
			break;
		/* As above: it is late only if it is not done, looked at after that */
		if (now > deadline && !queue_done(q))
			return ret ?: -ETIMEDOUT;
		cpu_relax();
	}
	return ret;
}

static noinline void quarantine(struct sim_iommu *iommu, const struct late *late)
{
	unsigned int i;

	for (i = 0; i < min(late->nr, MAX_LATE); i++)
		sim_ats_quarantine(iommu, late->rid[i]);
}

/* Put @nr commands on @q, and wait until they have taken effect */
static int submit(struct sim_iommu *iommu, struct sim_queue *q, const struct sim_cmd *cmds,
		  unsigned int nr)
{
	struct late late;
	unsigned long flags;
	int ret = 0;

	late.nr = 0;
	/* Who turns ATS on waits for who has still to find the device late: sim_ats_try() */
	rcu_read_lock();
	raw_spin_lock_irqsave(&q->lock, flags);
	if (unlikely(room(q) < nr + 1))
		ret = wait_for_room(iommu, q, nr + 1, &late);
	if (likely(!ret)) {
		if (nr)
			trace_iommu_sim_cmd_submitted(q - iommu->queues, nr,
						      le64_to_cpu(cmds->qw[0]),
						      le64_to_cpu(cmds->qw[1]));
		while (nr--)
			put_cmd(q, *cmds++);
		put_cmd(q, sim_cmd_completion_wait(virt_to_phys(q->done), ++q->seq));
		/* Commands, and the tables they are about, before the doorbell */
		dma_wmb();
		queue_write(iommu, q, SIM_CMDQ_TAIL, q->tail);
		if (unlikely(!queue_done(q)))
			ret = wait_for_completion_of(iommu, q, &late);
		/* What the commands did comes before what the caller does next */
		dma_rmb();
		/* Nobody else has put anything there meanwhile */
		if (likely(!ret))
			q->head = q->tail;
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
	if (unlikely(late.nr))
		quarantine(iommu, &late);
	rcu_read_unlock();
	return ret;
}

/**
 * sim_queue_submit() - execute commands, and wait for them
 * @iommu: the instance
 * @cmds: the commands
 * @nr: how many
 *
 * When it returns 0 the commands have taken effect, and requests that used what
 * they invalidated have ended. A device that does not answer in time is quarantined
 * before. Context: any. Return: 0; -EIO if one was
 * refused; -ETIMEDOUT.
 */
int sim_queue_submit(struct sim_iommu *iommu, const struct sim_cmd *cmds, unsigned int nr)
{
	/* Only a hint: whoever moves on to another CPU still has its queue */
	struct sim_queue *q = &iommu->queues[raw_smp_processor_id() % iommu->nr_queues];
	int ret = 0;

	while (nr && !ret) {
		unsigned int batch = min(nr, MAX_BATCH);

		ret = submit(iommu, q, cmds, batch);
		cmds += batch;
		nr -= batch;
	}
	return ret;
}

/**
 * sim_queue_submit_all() - execute a command when all queues have come that far
 * @iommu: the instance
 * @cmd: the command
 *
 * For what concerns a device rather than a range: what other CPUs had submitted
 * is done, too (spec 6.5). Context: any. Return: as sim_queue_submit().
 */
int sim_queue_submit_all(struct sim_iommu *iommu, struct sim_cmd cmd)
{
	unsigned int i;
	int ret = sim_queue_submit(iommu, &cmd, 1);

	for (i = 0; i < iommu->nr_queues && !ret; i++)
		ret = submit(iommu, &iommu->queues[i], NULL, 0);
	return ret;
}

static void free_queue(struct sim_iommu *iommu, struct sim_queue *q)
{
	if (q->ring)
		queue_write(iommu, q, SIM_CMDQ_CTRL, 0);
	free_page((unsigned long)q->ring);
	kfree(q->done);
}

static int init_queue(struct sim_iommu *iommu, struct sim_queue *q)
{
	static_assert(sizeof(struct sim_cmd) * QUEUE_ENTRIES <= PAGE_SIZE);

	raw_spin_lock_init(&q->lock);
	q->regs = SIM_REG_CMDQ(q - iommu->queues);
	q->ring = (struct sim_cmd *)get_zeroed_page(GFP_KERNEL);
	/* A cache line of its own: queues are there so that CPUs do not meet */
	q->done = kzalloc(max(sizeof(*q->done), SMP_CACHE_BYTES), GFP_KERNEL);
	if (!q->ring || !q->done)
		return -ENOMEM;
	queue_write(iommu, q, SIM_CMDQ_BASE,
		    virt_to_phys(q->ring) | FIELD_PREP(SIM_BASE_LG2, QUEUE_LG2));
	queue_write(iommu, q, SIM_CMDQ_CTRL, SIM_CMDQ_CTRL_EN);
	if (!queue_read(iommu, q, SIM_CMDQ_CTRL))
		return -ENODEV;
	return 0;
}

/**
 * sim_queues_init() - set up a command queue for each possible CPU
 * @iommu: the instance
 *
 * Context: may sleep. Return: 0, -ENOMEM, or -ENODEV if the silicon refuses.
 */
int sim_queues_init(struct sim_iommu *iommu)
{
	u64 cap = iommu_sim_mmio_read(iommu->hw, SIM_REG_CAP);
	unsigned int i;
	int ret;

	/* spec 8.6: the silicon finds a device late before it is late itself */
	iommu->timeout_ns = QUEUE_TIMEOUT_NS +
			    iommu_sim_mmio_read(iommu->hw, SIM_REG_ATC_TIMEOUT) * NSEC_PER_USEC;
	iommu->nr_queues = FIELD_GET(SIM_CAP_CMDQS, cap) + 1;
	iommu->queues = kvcalloc(iommu->nr_queues, sizeof(*iommu->queues), GFP_KERNEL);
	if (!iommu->queues)
		return -ENOMEM;
	for (i = 0; i < iommu->nr_queues; i++) {
		ret = init_queue(iommu, &iommu->queues[i]);
		if (ret) {
			sim_queues_destroy(iommu);
			return ret;
		}
	}
	return 0;
}

/**
 * sim_queues_destroy() - undo sim_queues_init()
 * @iommu: the instance; nothing is submitted any more
 */
void sim_queues_destroy(struct sim_iommu *iommu)
{
	unsigned int i;

	for (i = 0; i < iommu->nr_queues; i++)
		free_queue(iommu, &iommu->queues[i]);
	kvfree(iommu->queues);
}
