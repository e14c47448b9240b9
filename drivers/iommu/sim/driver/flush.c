// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes changes of a page table visible to devices: which commands a flush
 * consists of, and explicit commit.
 *
 * The cost model, see Documentation/iommu-sim/flushing.rst: a command costs the
 * same whatever it covers, so the fewest are best; what is dropped without need
 * costs a walk for each page that is used again. So
 *
 *   a range        is one INVALIDATE_PAGES if it is an aligned power of two, or one
 *                  INVALIDATE_RANGE where the silicon has that. Else it is the
 *                  blocks that it consists of, if they are not more than
 *                  MAX_BLOCKS, or one block around it.
 *   many ranges    are one command each (or several, as above), but not more than
 *                  SIM_FLUSH_MAX_CMDS: then it is the domain that is flushed.
 *
 * For each PASID that uses the domain there is one more of each of these, and for
 * each device with ATS an INVALIDATE_ATC for each block, or one if it is the domain:
 * after those for the IOTLB, from which the device would fill its ATC again.
 *
 * A COMPLETION_WAIT follows in the same doorbell. Only if it has been executed has
 * the flush succeeded, and then no request is under way that uses what it covers.
 */
#include <linux/iommu-sim.h>
#include <linux/slab.h>
#include <trace/events/iommu_sim_driver.h>

#include "driver.h"

/* Blocks that a range is invalidated by without INVALIDATE_RANGE */
#define MAX_BLOCKS	8

/* Commands under construction; more than there is room for stands for the domain */
struct cmds {
	struct sim_cmd cmd[SIM_FLUSH_MAX_CMDS];
	unsigned int nr;
};

static void add_cmd(struct cmds *cmds, struct sim_cmd cmd)
{
	if (cmds->nr < SIM_FLUSH_MAX_CMDS)
		cmds->cmd[cmds->nr] = cmd;
	cmds->nr++;
}

static bool is_block(u64 first, u64 last)
{
	u64 len = last - first + 1;

	return !(len & (len - 1)) && !(first & (len - 1));
}

/* Whether a range is to be invalidated by the blocks that it consists of, or as one */
static bool few_blocks(u64 first, u64 last)
{
	unsigned int nr;
	u64 end;

	for (nr = 0; nr < MAX_BLOCKS; nr++) {
		end = sim_block_last(first, last);
		if (end == last)
			return true;
		first = end + 1;
	}
	return false;
}

static void add_range_cmds(const struct sim_domain *domain, struct cmds *cmds, u64 first, u64 last)
{
	u64 at = first, end;
	bool few;

	if (domain->iommu->has_range && last - first < SIM_CMD_RANGE_MAX &&
	    !is_block(first, last)) {
		add_cmd(cmds, sim_cmd_invalidate_range(domain->id, first, last, false));
		return;
	}
	few = few_blocks(first, last);
	do {
		end = few ? sim_block_last(at, last) : last;
		add_cmd(cmds, sim_cmd_invalidate_pages(domain->id, at, end, false));
		at = end + 1;
	} while (end != last);
}

/**
 * struct batch - commands that are executed when there are enough of them
 * @iommu: the instance
 * @cmds: the commands
 * @ret: the first error
 */
struct batch {
	struct sim_iommu *iommu;
	struct cmds cmds;
	int ret;
};

static void batch_submit(struct batch *b)
{
	if (!b->ret && b->cmds.nr)
		b->ret = sim_queue_submit(b->iommu, b->cmds.cmd, b->cmds.nr);
	b->cmds.nr = 0;
}

static void batch_add(struct batch *b, struct sim_cmd cmd, u32 pasid)
{
	if (b->cmds.nr == SIM_FLUSH_MAX_CMDS)
		batch_submit(b);
	add_cmd(&b->cmds, pasid == IOMMU_NO_PASID ? cmd : sim_cmd_with_pasid(cmd, pasid));
}

static void batch_iotlb(struct batch *b, const struct sim_domain *domain,
			const struct sim_range *range, unsigned int nr, u32 pasid)
{
	struct cmds cmds;
	unsigned int i, c;

	for (i = 0; i < nr; i++) {
		cmds.nr = 0;
		add_range_cmds(domain, &cmds, range[i].first, range[i].last);
		for (c = 0; c < cmds.nr; c++)
			batch_add(b, cmds.cmd[c], pasid);
	}
}

/* An ATC knows blocks only */
static void batch_atc(struct batch *b, const struct sim_device *sdev, u32 pasid,
		      const struct sim_range *range)
{
	u64 at = range->first, last = range->last, end;
	bool few = few_blocks(at, last);

	do {
		end = few ? sim_block_last(at, last) : last;
		batch_add(b, sim_cmd_invalidate_atc(sdev->rid, sdev->ats_depth, at, end), pasid);
		at = end + 1;
	} while (end != last);
}

/* Whether nothing is to be done for the PASID of a user, or it is for one before */
static bool seen_pasid(const struct sim_special *special, unsigned int nr)
{
	u32 pasid = special->user[nr].pasid;

	if (pasid == IOMMU_NO_PASID || !READ_ONCE(special->user[nr].sdev))
		return true;
	while (nr--)
		if (special->user[nr].pasid == pasid && READ_ONCE(special->user[nr].sdev))
			return true;
	return false;
}

/* Whether a device is that of one of the first @nr users */
static bool seen_device(const struct sim_special *special, unsigned int nr,
			const struct sim_device *sdev)
{
	while (nr--)
		if (READ_ONCE(special->user[nr].sdev) == sdev)
			return true;
	return false;
}

/* As submit(), for @nr ranges, or for the whole domain if that is 0 */
static noinline int submit_special(struct sim_domain *domain, const struct sim_range *range,
				   unsigned int nr)
{
	static const struct sim_range everything = { .last = U64_MAX };
	struct batch b = { .iommu = domain->iommu };
	unsigned int u, i, nr_users;
	struct sim_special *special;
	struct sim_device *sdev;

	guard(rcu)();
	special = rcu_dereference(domain->special);
	nr_users = special ? special->nr : 0;
	/* All of it in one command is less than many for each user */
	if (nr * (nr_users + 1) > SIM_FLUSH_MAX_CMDS)
		nr = 0;
	if (nr)
		batch_iotlb(&b, domain, range, nr, IOMMU_NO_PASID);
	else
		batch_add(&b, sim_cmd_invalidate_domain(domain->id), IOMMU_NO_PASID);
	for (u = 0; nr && u < nr_users; u++)
		if (!seen_pasid(special, u))
			batch_iotlb(&b, domain, range, nr, special->user[u].pasid);
	for (u = 0; u < nr_users; u++) {
		sdev = READ_ONCE(special->user[u].sdev);
		if (!sdev || !READ_ONCE(sdev->ats))
			continue;
		for (i = 0; i < nr; i++)
			batch_atc(&b, sdev, special->user[u].pasid, &range[i]);
		/* spec 8.6: without a PASID it is about all of them */
		if (!nr && !seen_device(special, u, sdev))
			batch_atc(&b, sdev, IOMMU_NO_PASID, &everything);
	}
	batch_submit(&b);
	return b.ret;
}

/*
 * Execute commands, unless there is no device: sim_domain_get() in attach.c says why
 * that is enough. What an earlier flush could not free goes first.
 */
static int submit(struct sim_domain *domain, const struct sim_cmd *cmd, unsigned int nr_cmds,
		  const struct sim_range *range, unsigned int nr)
{
	if (unlikely(READ_ONCE(domain->limbo.tables))) {
		int ret = sim_domain_release(domain);

		if (ret)
			return ret;
	}
	if (!READ_ONCE(domain->attached))
		return 0;
	if (rcu_access_pointer(domain->special))
		return submit_special(domain, range, nr);
	return sim_queue_submit(domain->iommu, cmd, nr_cmds);
}

/**
 * sim_flush_domain() - have nothing of a domain cached
 * @domain: the domain
 *
 * Context: any. Return: 0, or why it cannot be sure of that: -EIO if a command was
 * refused, -ETIMEDOUT.
 */
int sim_flush_domain(struct sim_domain *domain)
{
	struct sim_cmd cmd = sim_cmd_invalidate_domain(domain->id);

	return submit(domain, &cmd, 1, NULL, 0);
}

/**
 * sim_flush_tables() - have no table of a range walked any more
 * @domain: the domain
 * @first: first address
 * @last: last address
 *
 * ATCs hold none. Context: any. Return: as sim_flush_domain().
 */
int sim_flush_tables(struct sim_domain *domain, u64 first, u64 last)
{
	struct sim_cmd cmd = sim_cmd_invalidate_pages(domain->id, first, last, true);

	if (!READ_ONCE(domain->attached))
		return 0;
	/* Of all PASIDs */
	if (rcu_access_pointer(domain->special))
		cmd = sim_cmd_invalidate_domain(domain->id);
	return sim_queue_submit(domain->iommu, &cmd, 1);
}

static noinline int flush_odd_range(struct sim_domain *domain, u64 first, u64 last)
{
	struct sim_range range = { .first = first, .last = last };
	struct cmds cmds;

	cmds.nr = 0;
	add_range_cmds(domain, &cmds, first, last);
	return submit(domain, cmds.cmd, cmds.nr, &range, 1);
}

/**
 * sim_flush_range() - have nothing of a range cached
 * @domain: the domain
 * @first: first address
 * @last: last address
 *
 * Context: any. Return: as sim_flush_domain().
 */
int sim_flush_range(struct sim_domain *domain, u64 first, u64 last)
{
	struct sim_cmd cmd;

	/* As submit() will find, but sooner */
	if (!READ_ONCE(domain->attached) && !READ_ONCE(domain->limbo.tables))
		return 0;
	/* Most are about a page, of devices without ATS */
	if (unlikely(!is_block(first, last) || rcu_access_pointer(domain->special)))
		return flush_odd_range(domain, first, last);
	cmd = sim_cmd_invalidate_pages(domain->id, first, last, false);
	return submit(domain, &cmd, 1, NULL, 0);
}

/**
 * sim_flush_ranges() - have nothing of some ranges cached
 * @domain: the domain
 * @ranges: the ranges
 *
 * Context: any. Return: as sim_flush_domain().
 */
int sim_flush_ranges(struct sim_domain *domain, const struct sim_ranges *ranges)
{
	struct cmds cmds = { .nr = 0 };
	unsigned int i;

	for (i = 0; i < ranges->nr; i++)
		add_range_cmds(domain, &cmds, ranges->range[i].first, ranges->range[i].last);
	if (ranges->all || cmds.nr > SIM_FLUSH_MAX_CMDS)
		return sim_flush_domain(domain);
	return cmds.nr ? submit(domain, cmds.cmd, cmds.nr, ranges->range, ranges->nr) : 0;
}

/**
 * sim_ranges_add() - add a range
 * @ranges: the ranges, in order, none adjacent to another
 * @first: first address
 * @last: last address
 *
 * If there are too many, they become all there is.
 */
void sim_ranges_add(struct sim_ranges *ranges, u64 first, u64 last)
{
	unsigned int low = 0, high = ranges->nr, mid, end;
	struct sim_range *range = ranges->range;

	if (ranges->all)
		return;
	/* The first that ends right before @first, or later */
	while (low < high) {
		mid = (low + high) / 2;
		if (range[mid].last + 1 < first)
			low = mid + 1;
		else
			high = mid;
	}
	/* This one and those that follow, as long as they touch, become one */
	for (end = low; end < ranges->nr && range[end].first <= last + 1; end++) {
		first = min(first, range[end].first);
		last = max(last, range[end].last);
	}
	if (end == low && ranges->nr == SIM_FLUSH_MAX_CMDS) {
		ranges->all = true;
		return;
	}
	memmove(&range[low + 1], &range[end], (ranges->nr - end) * sizeof(*range));
	ranges->nr += low + 1 - end;
	range[low] = (struct sim_range) { .first = first, .last = last };
}

static void ranges_move(struct sim_ranges *to, struct sim_ranges *from)
{
	unsigned int i;

	for (i = 0; i < from->nr; i++)
		sim_ranges_add(to, from->range[i].first, from->range[i].last);
	to->all |= from->all;
	from->nr = 0;
	from->all = false;
}

/**
 * struct sim_pending - what a domain with explicit commit has to flush
 * @lock: protects @changed; any context, interrupts off
 * @changed: since the last commit began
 * @commit_lock: one commit at a time; any context, interrupts off; before @lock
 * @doing: what a commit is about; what a failed one has left
 */
struct sim_pending {
	raw_spinlock_t lock;	/* changed */
	struct sim_ranges changed;
	raw_spinlock_t commit_lock;	/* doing */
	struct sim_ranges doing;
};

/**
 * sim_pending_create() - for a domain with explicit commit
 *
 * Context: may sleep. Return: nothing pending, to be freed by kfree(); or NULL.
 */
struct sim_pending *sim_pending_create(void)
{
	struct sim_pending *pending = kzalloc(sizeof(*pending), GFP_KERNEL);

	if (pending) {
		raw_spin_lock_init(&pending->lock);
		raw_spin_lock_init(&pending->commit_lock);
	}
	return pending;
}

/**
 * sim_pending_add() - the next commit has to flush a range
 * @pending: what it has to flush
 * @first: first address
 * @last: last address
 *
 * Context: any.
 */
void sim_pending_add(struct sim_pending *pending, u64 first, u64 last)
{
	guard(raw_spinlock_irqsave)(&pending->lock);
	sim_ranges_add(&pending->changed, first, last);
}

static int commit(struct sim_domain *domain, struct sim_ranges *done)
{
	struct sim_pending *pending = domain->pending;
	int ret;

	guard(raw_spinlock_irqsave)(&pending->commit_lock);
	scoped_guard(raw_spinlock, &pending->lock)
		ranges_move(&pending->doing, &pending->changed);
	ret = sim_flush_ranges(domain, &pending->doing);
	trace_iommu_sim_commit(domain->id, pending->doing.nr, pending->doing.all, ret);
	if (ret) {
		sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_COMMIT_FAILURES);
		return ret;
	}
	if (done)
		*done = pending->doing;
	pending->doing.nr = 0;
	pending->doing.all = false;
	return 0;
}

/* Notifiers are not called under the lock of commits */
static noinline int commit_and_tell(struct sim_domain *domain)
{
	struct sim_ranges done;
	unsigned int i;
	int ret = commit(domain, &done);

	if (ret)
		return ret;
	if (done.all)
		sim_notify_devtlb(domain, 0, domain->domain.geometry.aperture_end);
	for (i = 0; i < done.nr && !done.all; i++)
		sim_notify_devtlb(domain, done.range[i].first, done.range[i].last);
	return 0;
}

/**
 * iommu_sim_commit() - make what was mapped and unmapped visible to devices
 * @d: a domain of iommu_sim_domain_alloc_explicit()
 *
 * Covers all maps and unmaps of the domain that returned before the call, on any
 * CPU. When it returns 0, every device of the domain sees all of them, and no
 * access is under way that used what is no longer there: memory that was unmapped
 * may be freed. If it fails, this is not guaranteed for anything that was mapped or
 * unmapped since the last commit that succeeded: devices may see it or not, and may
 * go on using what was unmapped. Nothing is forgotten: the next commit covers it,
 * too. Context: any; with a notifier for IOMMU_SIM_DEVIOTLB_UNMAP, any in which a spinlock
 * may be taken. Return: 0; -ETIMEDOUT if the IOMMU did not complete the
 * commands in time; -EIO if it refused one; -EINVAL for another domain.
 */
int iommu_sim_commit(struct iommu_domain *d)
{
	struct sim_domain *domain = to_sim_domain(d);

	if (!sim_is_paging(d) || !domain->pending)
		return -EINVAL;
	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_COMMITS);
	if (unlikely(READ_ONCE(domain->devtlb_notified)))
		return commit_and_tell(domain);
	return commit(domain, NULL);
}
EXPORT_SYMBOL_SIM_API(iommu_sim_commit);
