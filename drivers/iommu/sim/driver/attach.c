// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: device table entries, and what puts a device into a domain.
 */
#include "driver.h"

/* spec 3.2: V goes first and comes last. Not yet seen by the silicon. */
static void write_dte(struct sim_device *sdev, u64 qw0, u64 qw1)
{
	struct sim_dte *dte = &sdev->iommu->devtab[sdev->rid];

	lockdep_assert_held(&sdev->lock);
	WRITE_ONCE(dte->qw[0], 0);
	/* V off before the rest changes; pairs with the silicon's read_words() */
	smp_wmb();
	WRITE_ONCE(dte->qw[1], cpu_to_le64(qw1));
	/* ... and on after it */
	smp_wmb();
	WRITE_ONCE(dte->qw[0], cpu_to_le64(qw0));
}

static int flush_dte(struct sim_device *sdev)
{
	return sim_queue_submit_all(sdev->iommu, sim_cmd_invalidate_devtab_entry(sdev->rid));
}

/*
 * The last resort, where callers will free memory and nothing else would keep
 * a device from reaching it. Better no DMA than DMA to somebody else's memory.
 */
static void turn_off(struct sim_iommu *iommu)
{
	dev_err(iommu->dev, "a device cannot be blocked: the IOMMU is turned off, reload the modules\n");
	iommu_sim_mmio_write(iommu->hw, SIM_REG_CTRL, 0);
}

/**
 * sim_domain_block() - a flush failed where the API has no way to say so
 * @domain: the domain
 * @error: why
 *
 * Blocks all devices whose entries lead to @domain, before the caller can free
 * what they might reach. Context: any.
 */
void sim_domain_block(struct sim_domain *domain, int error)
{
	struct sim_iommu *iommu = domain->iommu;
	struct sim_device *sdev;
	unsigned long rid, flags;
	bool block;

	sim_stat_inc(&iommu->stats, SIM_DSTAT_FLUSH_FAILURES);
	rcu_read_lock();
	xa_for_each(&iommu->devices, rid, sdev) {
		raw_spin_lock_irqsave(&sdev->lock, flags);
		block = sdev->domain == &domain->domain;
		if (block) {
			sdev->blocked = true;
			write_dte(sdev, sim_blocked_dte(), 0);
		}
		raw_spin_unlock_irqrestore(&sdev->lock, flags);
		if (!block)
			continue;
		dev_err_ratelimited(sdev->dev, "flush failed (%d): DMA is blocked until the device is attached again\n",
				    error);
		if (flush_dte(sdev)) {
			turn_off(iommu);
			break;
		}
	}
	rcu_read_unlock();
}

static struct sim_domain *paging_domain(struct iommu_domain *domain)
{
	return domain && sim_is_paging(domain) ? to_sim_domain(domain) : NULL;
}

/* On whose behalf maps in @domain fail, if there is only one; iommu->lock held */
static void update_injected_device(struct sim_iommu *iommu, struct iommu_domain *domain)
{
	struct sim_device *sdev;
	unsigned long index;
	int rid = SIM_INJECT_ANY_DEVICE;
	unsigned int nr = 0;

	if (!paging_domain(domain))
		return;
	xa_for_each(&iommu->devices, index, sdev) {
		if (sdev->domain == domain) {
			rid = sdev->rid;
			nr++;
		}
	}
	WRITE_ONCE(to_sim_domain(domain)->pt.device, nr == 1 ? rid : SIM_INJECT_ANY_DEVICE);
}

static int set_dte(struct sim_device *sdev, struct iommu_domain *domain, u64 qw0, u64 qw1)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sdev->lock, flags);
	/* From here on sim_domain_block() of that domain is about this device */
	if (sdev->domain != domain)
		sdev->blocked = false;
	sdev->domain = domain;
	if (sdev->blocked)
		write_dte(sdev, sim_blocked_dte(), 0);
	else
		write_dte(sdev, qw0, qw1);
	raw_spin_unlock_irqrestore(&sdev->lock, flags);
	return flush_dte(sdev);
}

/*
 * A domain without devices needs no flush:
 *
 *   unmap, under RCU                   attach
 *     clears the entry                 attached++
 *   attached is 0: no flush            grace period
 *                                      device table entry
 *                                      the device reads the entry: cleared
 *
 * An unmap that began before the grace period is over after it, and one that
 * began later finds attached. What the last device leaves behind in the IOTLB is
 * flushed when it goes.
 */
static void get_domain(struct iommu_domain *d)
{
	struct sim_domain *domain = paging_domain(d);

	if (!domain)
		return;
	WRITE_ONCE(domain->attached, domain->attached + 1);
	if (domain->attached == 1)
		synchronize_rcu_expedited();
}

/* No entry leads to @d any more; if it cannot be flushed it stays as if one did */
static void put_domain(struct iommu_domain *d)
{
	struct sim_domain *domain = paging_domain(d);

	if (domain && (domain->attached > 1 || !sim_flush_domain(domain)))
		WRITE_ONCE(domain->attached, domain->attached - 1);
}

static int device_set(struct sim_device *sdev, struct iommu_domain *domain, u64 qw0, u64 qw1)
{
	struct iommu_domain *old = sdev->domain;
	int ret;

	lockdep_assert_held(&sdev->iommu->lock);
	get_domain(domain);
	/*
	 * What a flush that failed has left behind must not meet this device, which
	 * was not there to be blocked. From set_dte() on it is.
	 */
	ret = paging_domain(domain) ? sim_flush_domain(paging_domain(domain)) : 0;
	if (!ret)
		ret = set_dte(sdev, domain, qw0, qw1);
	if (ret) {
		dev_err(sdev->dev, "attach failed (%d): DMA is blocked\n", ret);
		if (set_dte(sdev, NULL, sim_blocked_dte(), 0))
			turn_off(sdev->iommu);
		put_domain(domain);
	}
	put_domain(old);
	update_injected_device(sdev->iommu, old);
	update_injected_device(sdev->iommu, sdev->domain);
	return ret;
}

/**
 * sim_device_set() - change what a device may do
 * @sdev: the device
 * @domain: what it is attached to from now on, or NULL
 * @qw0: word 0 of its device table entry
 * @qw1: word 1
 *
 * If the change cannot be made sure of, the device ends up blocked and attached
 * to nothing, so that neither the old nor the new domain is in reach. Context:
 * may sleep. Return: 0, or the error of the flush.
 */
int sim_device_set(struct sim_device *sdev, struct iommu_domain *domain, u64 qw0, u64 qw1)
{
	guard(mutex)(&sdev->iommu->lock);
	return device_set(sdev, domain, qw0, qw1);
}

static u64 paging_dte0(const struct sim_domain *domain)
{
	return SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_TRANSLATE) |
	       FIELD_PREP(SIM_DTE0_LEVELS, domain->pt.levels) | virt_to_phys(domain->pt.root) |
	       (domain->tracking ? SIM_DTE0_HA | SIM_DTE0_HD : 0) | SIM_DTE0_IR | SIM_DTE0_IW;
}

int sim_paging_attach(struct iommu_domain *d, struct device *dev SIM_OLD_DOMAIN)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_device *sdev = dev_iommu_priv_get(dev);

	if (domain->iommu != sdev->iommu)
		return -EINVAL;
	guard(mutex)(&domain->iommu->lock);
	return device_set(sdev, d, paging_dte0(domain),
			  FIELD_PREP(SIM_DTE1_DOMAIN, domain->id));
}

/**
 * sim_domain_set_tracking() - have devices say what they write to, or no more
 * @domain: the domain
 * @tracking: whether walks set A and D; what is cached is not flushed
 *
 * Context: may sleep. Return: 0, or the error of the flush of an entry, and then
 * that device is blocked.
 */
int sim_domain_set_tracking(struct sim_domain *domain, bool tracking)
{
	struct sim_device *sdev;
	unsigned long rid;
	int ret = 0;

	guard(mutex)(&domain->iommu->lock);
	WRITE_ONCE(domain->tracking, tracking);
	xa_for_each(&domain->iommu->devices, rid, sdev)
		if (!ret && sdev->domain == &domain->domain)
			ret = device_set(sdev, &domain->domain, paging_dte0(domain),
					 FIELD_PREP(SIM_DTE1_DOMAIN, domain->id));
	return ret;
}

static int identity_attach(struct iommu_domain *domain, struct device *dev SIM_OLD_DOMAIN)
{
	return sim_device_set(dev_iommu_priv_get(dev), domain,
			      SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_BYPASS) |
			      SIM_DTE0_IR | SIM_DTE0_IW, 0);
}

static int blocked_attach(struct iommu_domain *domain, struct device *dev SIM_OLD_DOMAIN)
{
	return sim_device_set(dev_iommu_priv_get(dev), domain, sim_blocked_dte(), 0);
}

static const struct iommu_domain_ops identity_domain_ops = {
	.attach_dev	= identity_attach,
};

struct iommu_domain sim_identity_domain = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &identity_domain_ops,
};

static const struct iommu_domain_ops blocked_domain_ops = {
	.attach_dev	= blocked_attach,
};

struct iommu_domain sim_blocked_domain = {
	.type	= IOMMU_DOMAIN_BLOCKED,
	.ops	= &blocked_domain_ops,
};
