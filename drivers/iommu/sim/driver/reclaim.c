// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives back the tables of domains that are empty: pt_reclaim.c says how they go,
 * this is what makes them go.
 */
#include "driver.h"

/*
 * What is in limbo is out of the page table. See to it that no device walks it
 * any more, and free it. Else it waits for the next flush.
 */
static int release(struct sim_domain *domain)
{
	struct sim_limbo *limbo = &domain->limbo;
	int ret;

	lockdep_assert_held(&domain->lock);
	if (!limbo->tables)
		return 0;
	/* What was unlinked comes before; pairs with the grace period in sim_domain_get() */
	smp_mb();
	ret = sim_flush_tables(domain, limbo->iova, limbo->last);
	if (!ret)
		sim_pt_release(&domain->pt, limbo);
	return ret;
}

/**
 * sim_domain_release() - try again to free what an earlier flush could not
 * @domain: the domain
 *
 * Context: any. Return: 0, or the error of the flush.
 */
int sim_domain_release(struct sim_domain *domain)
{
	guard(raw_spinlock_irqsave)(&domain->lock);
	return release(domain);
}

/**
 * sim_domain_clear_way() - see to it that a page can be mapped
 * @domain: the domain
 * @iova: where
 * @size_lg2: log2 of its size
 *
 * Interrupts are off for as long as it takes to look at all tables in the way of
 * the page: 512 for 1 GiB. Context: any. Return: 0; -EADDRINUSE; or the error of
 * the flush.
 */
int sim_domain_clear_way(struct sim_domain *domain, u64 iova, unsigned int size_lg2)
{
	int ret;

	guard(raw_spinlock_irqsave)(&domain->lock);
	WRITE_ONCE(domain->recheck, true);
	ret = sim_pt_clear_way(&domain->pt, iova, size_lg2, &domain->limbo);
	/* It may have taken suspects from a step that is about to end */
	sim_domain_reclaim_kick(&domain->pt);
	return release(domain) ?: ret;
}

/* Says whether there has to be another step */
static bool step(struct sim_domain *domain)
{
	unsigned int keep = domain->keep_none ? 0 : SIM_PT_KEEP_EMPTY, before = keep;
	bool again = false, more;
	LIST_HEAD(todo);

	scoped_guard(raw_spinlock_irqsave, &domain->lock) {
		WRITE_ONCE(domain->recheck, false);
		sim_pt_reclaim_begin(&domain->pt, &todo);
	}
	do {
		scoped_guard(raw_spinlock_irqsave, &domain->lock) {
			again |= sim_pt_reclaim(&domain->pt, &todo, &keep, &domain->limbo);
			if (release(domain))
				dev_err_ratelimited(domain->iommu->dev,
						    "domain %u: tables cannot be freed before a flush succeeds\n",
						    domain->id);
			more = !list_empty(&todo);
		}
		cond_resched();
	} while (more);
	WRITE_ONCE(domain->kept, before - keep);
	return again;
}

static void work(struct work_struct *work)
{
	struct sim_domain *domain = container_of(to_rcu_work(work), struct sim_domain, reclaim);

	domain->keep_none |= xchg(&domain->reclaim_all, false);
	if (step(domain) && !READ_ONCE(domain->stop)) {
		queue_rcu_work(domain->iommu->wq, &domain->reclaim);
		return;
	}
	domain->keep_none = false;
	/* kept comes before; pairs with atomic_read_acquire() in sim_domain_reclaim_all() */
	atomic_set_release(&domain->reclaiming, 0);
	/* Pairs with atomic_xchg() in sim_domain_reclaim_kick(): whoever found 1 there */
	smp_mb();
	if (READ_ONCE(domain->reclaim_all) || READ_ONCE(domain->recheck) ||
	    !llist_empty(&domain->pt.suspects))
		sim_domain_reclaim_kick(&domain->pt);
}

/**
 * sim_domain_reclaim_kick() - tables of a domain may be empty
 * @pt: its page table
 *
 * Context: any.
 */
void sim_domain_reclaim_kick(struct sim_pt *pt)
{
	struct sim_domain *domain = container_of(pt, struct sim_domain, pt);

	if (!atomic_xchg(&domain->reclaiming, 1) && !READ_ONCE(domain->stop))
		queue_rcu_work(domain->iommu->wq, &domain->reclaim);
}

/**
 * sim_domain_reclaim_all() - keep no empty table
 * @domain: the domain
 *
 * They go within a few grace periods. Context: any.
 */
void sim_domain_reclaim_all(struct sim_domain *domain)
{
	/* Pairs with atomic_set_release() in work() */
	if (!atomic_read_acquire(&domain->reclaiming) && !READ_ONCE(domain->kept))
		return;
	WRITE_ONCE(domain->reclaim_all, true);
	sim_domain_reclaim_kick(&domain->pt);
}

/**
 * sim_domain_reclaim_init() - for a new domain
 * @domain: the domain
 */
void sim_domain_reclaim_init(struct sim_domain *domain)
{
	raw_spin_lock_init(&domain->lock);
	sim_limbo_init(&domain->limbo);
	INIT_RCU_WORK(&domain->reclaim, work);
}

/**
 * sim_domain_reclaim_stop() - for a domain that goes
 * @domain: the domain; nobody maps or unmaps any more
 *
 * Context: may sleep.
 */
void sim_domain_reclaim_stop(struct sim_domain *domain)
{
	WRITE_ONCE(domain->stop, true);
	/* One that runs may not have seen that, and queue another, which will see it */
	flush_rcu_work(&domain->reclaim);
	flush_rcu_work(&domain->reclaim);
}
