// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifiers: who keeps translations of a domain of its own, and wants to know when
 * they change.
 *
 * Events are sent when the page table changes, in the call that changes it, one at a
 * time. Unmaps change the table and send the event under the same lock, and so does
 * replay with what it finds: it never tells of a page whose UNMAP came before.
 *
 * Without a notifier, a domain is asked once for each call whether it has one:
 *
 *   map                                  register
 *     (no notifier)                        notifier
 *     entry, under RCU                     grace period
 *     notifier ? send MAP                  (replay: reads the entry)
 *   unmap, under RCU
 *     notifier ? lock, entry, send UNMAP
 *     else entry
 *
 * A map that finds no notifier has stored its entry before the grace period is over,
 * and replay finds it; or it finds the notifier, and replay may find the entry, too.
 * An unmap that finds none is over before replay begins.
 */
#include <linux/iommu-sim.h>

#include "compat.h"
#include "consumers.h"
#include "driver.h"
#include "pt_inline.h"

/**
 * sim_notify_init() - for a new domain
 * @domain: the domain
 */
void sim_notify_init(struct sim_domain *domain)
{
	spin_lock_init(&domain->notify_lock);
	INIT_LIST_HEAD(&domain->notifiers);
	mutex_init(&domain->consumers_lock);
}

/**
 * sim_notify_destroy() - for a domain that goes
 * @domain: the domain; its debugfs files have gone
 */
void sim_notify_destroy(struct sim_domain *domain)
{
	if (domain->mirror)
		sim_mirror_destroy(domain->mirror);
	if (domain->softdev)
		sim_softdev_destroy(domain->softdev);
	WARN_ON(!list_empty(&domain->notifiers));
}

/**
 * sim_leaf_prot() - the rights of a page
 * @leaf: the page
 *
 * Return: IOMMU_READ, IOMMU_WRITE.
 */
int sim_leaf_prot(const struct sim_leaf *leaf)
{
	return FIELD_GET(SIM_PTE_IR, leaf->entry) * IOMMU_READ |
	       FIELD_GET(SIM_PTE_IW, leaf->entry) * IOMMU_WRITE;
}

/* One event, in the pieces that the notifier takes */
static void send_to(struct iommu_sim_notifier *n, const struct iommu_sim_event *event)
{
	u64 first = max(event->iova, n->start), last = min(event->iova + event->len - 1, n->last);
	struct iommu_sim_event piece = *event;
	u64 end;

	if (!(n->events & event->type) || first > last)
		return;
	do {
		end = n->ranges ? last : sim_block_last(first, last);
		piece.iova = first;
		piece.len = end - first + 1;
		if (event->type == IOMMU_SIM_MAP)
			piece.pa = event->pa + (first - event->iova);
		n->notify(n, &piece);
		first = end + 1;
	} while (end != last);
}

static void send(struct sim_domain *domain, const struct iommu_sim_event *event)
{
	struct iommu_sim_notifier *n;

	lockdep_assert_held(&domain->notify_lock);
	list_for_each_entry(n, &domain->notifiers, node)
		send_to(n, event);
}

/**
 * sim_notify_map() - tell of what was mapped
 * @domain: the domain
 * @iova: first address
 * @pa: what it translates to
 * @len: bytes; may be 0
 * @prot: IOMMU_READ, IOMMU_WRITE
 *
 * Context: any in which a spinlock may be taken.
 */
void sim_notify_map(struct sim_domain *domain, u64 iova, u64 pa, u64 len, int prot)
{
	struct iommu_sim_event event = {
		.type = IOMMU_SIM_MAP,
		.iova = iova,
		.len = len,
		.pa = pa,
		.prot = prot & (IOMMU_READ | IOMMU_WRITE),
	};

	guard(spinlock_irqsave)(&domain->notify_lock);
	if (len)
		send(domain, &event);
}

/* Whether a device of the domain has to be told what to forget */
static bool uses_ats(struct sim_domain *domain)
{
	struct sim_special *special;
	struct sim_device *sdev;
	unsigned int i;

	guard(rcu)();
	special = rcu_dereference(domain->special);
	for (i = 0; special && i < special->nr; i++) {
		sdev = READ_ONCE(special->user[i].sdev);
		if (sdev && READ_ONCE(sdev->ats))
			return true;
	}
	return false;
}

/**
 * __sim_notify_devtlb() - tell of what ATCs had to forget
 * @domain: the domain
 * @first: first address
 * @last: last address
 *
 * Context: any in which a spinlock may be taken.
 */
void __sim_notify_devtlb(struct sim_domain *domain, u64 first, u64 last)
{
	struct iommu_sim_event event = {
		.type = IOMMU_SIM_DEVIOTLB_UNMAP,
		.iova = first,
		.len = last - first + 1,
	};

	guard(spinlock_irqsave)(&domain->notify_lock);
	send(domain, &event);
}

/* Whether somebody is told, and of what; notify_lock held */
static void update_notified(struct sim_domain *domain)
{
	struct iommu_sim_notifier *n;
	unsigned int events = 0;

	list_for_each_entry(n, &domain->notifiers, node)
		events |= n->events;
	WRITE_ONCE(domain->notified, events & (IOMMU_SIM_MAP | IOMMU_SIM_UNMAP));
	WRITE_ONCE(domain->devtlb_notified, events & IOMMU_SIM_DEVIOTLB_UNMAP);
}

/* Pages that are unmapped with interrupts off */
#define MAX_LEAVES	16384

/*
 * How many bytes from @iova on, up to @last, are mapped with the rights that @iova has;
 * not more than one event is about
 */
static u64 same_rights(struct sim_pt *pt, u64 iova, u64 last, int *prot)
{
	struct sim_leaf leaf;
	unsigned int left = MAX_LEAVES;
	u64 at = iova;

	*prot = 0;
	while (left-- && at <= last && sim_pt_next_leaf(pt, at, at, &leaf)) {
		if (at != iova && sim_leaf_prot(&leaf) != *prot)
			break;
		*prot = sim_leaf_prot(&leaf);
		at = leaf.iova + BIT_ULL(leaf.size_lg2);
	}
	return min(at, last + 1) - iova;
}

/* One event; returns how much of @run it was about */
static u64 unmap_run(struct sim_domain *domain, u64 iova, u64 last, u64 *run)
{
	struct iommu_sim_event event = { .type = IOMMU_SIM_UNMAP, .iova = iova };

	guard(spinlock_irqsave)(&domain->notify_lock);
	*run = same_rights(&domain->pt, iova, last, &event.prot);
	if (!*run)
		return 0;
	event.len = sim_pt_unmap(&domain->pt, iova, *run);
	if (event.len)
		send(domain, &event);
	return event.len;
}

/**
 * sim_notify_unmap() - unmap, and tell of it
 * @domain: the domain
 * @iova: first address
 * @len: bytes
 *
 * One event for each run of pages with the same rights, or for the first 16384 pages of
 * it. Context: any in which a spinlock may be taken. Return: bytes unmapped, as
 * sim_pt_unmap().
 */
u64 sim_notify_unmap(struct sim_domain *domain, u64 iova, u64 len)
{
	u64 done = 0, n, run;

	/* A page that could not be split is the end, or one that is not there */
	do {
		n = unmap_run(domain, iova + done, iova + len - 1, &run);
		done += n;
	} while (n && n == run && done < len);
	return done;
}

/**
 * iommu_sim_notifier_register() - be told what a domain maps and unmaps
 * @d: a paging domain of an emulated IOMMU
 * @n: the notifier; not to be changed until it is unregistered
 *
 * From the return on every map and unmap is told of; what was mapped before, by
 * iommu_sim_notifier_replay(). A map that goes on at the same time as either may be
 * told of twice, an unmap not. In a domain with explicit commit the events come with
 * the change, not with the commit. All have to be unregistered before the domain is
 * freed. Context: may sleep. Return: 0; -EINVAL for another domain, or without an
 * event or with an unknown one, or with a window that ends before it begins;
 * -EOPNOTSUPP for IOMMU_SIM_DEVIOTLB_UNMAP, as long as no device in the domain
 * uses ATS: register for IOMMU_SIM_UNMAP then, which misses nothing.
 *
 * A DEVIOTLB_UNMAP comes with each flush that has devices' ATCs invalidated, when they
 * have answered, and before the call that flushes returns: iommu_iotlb_sync(), the
 * flush of a batch, iommu_sim_commit(). It is about what was flushed, which may be
 * more than was unmapped. They go on when ATS has been turned off since.
 */
int iommu_sim_notifier_register(struct iommu_domain *d, struct iommu_sim_notifier *n)
{
	struct sim_domain *domain = to_sim_domain(d);

	if (!sim_is_paging(d) || !n->events || n->start > n->last ||
	    n->events & ~(IOMMU_SIM_MAP | IOMMU_SIM_UNMAP | IOMMU_SIM_DEVIOTLB_UNMAP))
		return -EINVAL;
	if (n->events & IOMMU_SIM_DEVIOTLB_UNMAP && !uses_ats(domain))
		return -EOPNOTSUPP;
	n->domain = d;
	scoped_guard(spinlock_irqsave, &domain->notify_lock) {
		list_add_tail(&n->node, &domain->notifiers);
		update_notified(domain);
	}
	/* See above */
	synchronize_rcu();
	return 0;
}
EXPORT_SYMBOL_SIM_API(iommu_sim_notifier_register);

/**
 * iommu_sim_notifier_unregister() - be told no more
 * @n: the notifier
 *
 * Waits for events that are under way. Context: any in which a spinlock may be
 * taken, but in the notifier.
 */
void iommu_sim_notifier_unregister(struct iommu_sim_notifier *n)
{
	struct sim_domain *domain = to_sim_domain(n->domain);
	unsigned long flags;

	spin_lock_irqsave(&domain->notify_lock, flags);
	list_del(&n->node);
	update_notified(domain);
	spin_unlock_irqrestore(&domain->notify_lock, flags);
}
EXPORT_SYMBOL_SIM_API(iommu_sim_notifier_unregister);

static void leaf_event(const struct sim_leaf *leaf, struct iommu_sim_event *event)
{
	*event = (struct iommu_sim_event) {
		.type = IOMMU_SIM_MAP,
		.iova = leaf->iova,
		.len = BIT_ULL(leaf->size_lg2),
		.pa = leaf->pa,
		.prot = sim_leaf_prot(leaf),
	};
}

/* The first page that is mapped at @at or after it */
static bool replay_page(struct sim_domain *domain, struct iommu_sim_notifier *n, u64 at, u64 last,
			struct iommu_sim_event *event)
{
	struct sim_leaf leaf;

	guard(spinlock_irqsave)(&domain->notify_lock);
	if (!sim_pt_next_leaf(&domain->pt, at, last, &leaf))
		return false;
	leaf_event(&leaf, event);
	send_to(n, event);
	return true;
}

/**
 * iommu_sim_notifier_replay() - be told of all that is mapped
 * @n: the notifier, registered for IOMMU_SIM_MAP
 *
 * One MAP for each page of the page table in the notifier's window, in order of IOVA,
 * clipped to it, and never for two together. Others may map and unmap meanwhile.
 * Context: may sleep.
 */
void iommu_sim_notifier_replay(struct iommu_sim_notifier *n)
{
	struct sim_domain *domain = to_sim_domain(n->domain);
	u64 at = n->start, last = n->domain->geometry.aperture_end;
	struct iommu_sim_event event;

	last = min(last, n->last);
	while (at <= last && replay_page(domain, n, at, last, &event)) {
		at = event.iova + event.len;
		cond_resched();
	}
}
EXPORT_SYMBOL_SIM_API(iommu_sim_notifier_replay);

/**
 * iommu_sim_lookup() - what is mapped at an address
 * @d: a paging domain of an emulated IOMMU
 * @iova: the address
 * @mapping: as the MAP event of the page would be
 *
 * Context: any; takes no lock. Who keeps the answer has to see to it that an UNMAP
 * which comes meanwhile is not lost. Return: false if nothing is mapped there.
 */
bool iommu_sim_lookup(struct iommu_domain *d, u64 iova, struct iommu_sim_event *mapping)
{
	struct sim_leaf leaf;

	if (!sim_is_paging(d) || iova > d->geometry.aperture_end ||
	    !sim_pt_next_leaf(&to_sim_domain(d)->pt, iova, iova, &leaf))
		return false;
	leaf_event(&leaf, mapping);
	return true;
}
EXPORT_SYMBOL_SIM_API(iommu_sim_lookup);
