// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: device table entries, and what puts a device into a domain.
 */
#include <linux/overflow.h>

#include "driver.h"

/**
 * sim_entry_write() - change an entry that devices may be using (spec 3.2)
 * @entry: of the device table, or of a PASID; V is in its word 0
 * @qw: its words from now on
 * @nr: how many
 *
 * If one word changes, a device that goes on meanwhile finds either; if more, V goes
 * first and comes last. The silicon may have cached it. Context: any, but one at a time.
 */
void sim_entry_write(__le64 *entry, const u64 *qw, unsigned int nr)
{
	unsigned int i, changes = 0;

	for (i = 0; i < nr; i++)
		changes += entry[i] != cpu_to_le64(qw[i]);
	if (changes > 1)
		WRITE_ONCE(entry[0], 0);
	/* V off before the rest changes; pairs with the silicon's read_words() */
	smp_wmb();
	for (i = 1; i < nr; i++)
		WRITE_ONCE(entry[i], cpu_to_le64(qw[i]));
	/* ... and on after it */
	smp_wmb();
	WRITE_ONCE(entry[0], cpu_to_le64(qw[0]));
}

static void write_dte(struct sim_device *sdev, const u64 qw[3])
{
	lockdep_assert_held(&sdev->lock);
	sim_entry_write(sdev->iommu->devtab[sdev->rid].qw, qw, 3);
}

static struct sim_domain *paging_domain(struct iommu_domain *domain)
{
	return domain && sim_is_paging(domain) ? to_sim_domain(domain) : NULL;
}

/**
 * sim_domain_words() - what an entry says that leads to a domain
 * @d: the domain, or NULL for none
 * @qw: words 0 and 1, of a device table entry or of a PASID's
 */
void sim_domain_words(struct iommu_domain *d, u64 qw[2])
{
	struct sim_domain *domain = paging_domain(d);

	qw[1] = 0;
	if (domain) {
		qw[0] = SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_TRANSLATE) |
			FIELD_PREP(SIM_DTE0_LEVELS, domain->pt.levels) |
			virt_to_phys(domain->pt.root) | SIM_DTE0_IR | SIM_DTE0_IW |
			(domain->tracking ? SIM_DTE0_HA | SIM_DTE0_HD : 0);
		qw[1] = FIELD_PREP(SIM_DTE1_DOMAIN, domain->id);
	} else if (d && d->type == IOMMU_DOMAIN_IDENTITY) {
		qw[0] = SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_BYPASS) |
			SIM_DTE0_IR | SIM_DTE0_IW;
	} else {
		qw[0] = SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_ABORT);
	}
}

/**
 * sim_flush_if_paging() - have nothing of a domain cached, of any type
 * @d: the domain, or NULL for none
 *
 * Context: any. Return: as sim_flush_domain(); 0 if there is nothing to translate.
 */
int sim_flush_if_paging(struct iommu_domain *d)
{
	struct sim_domain *domain = paging_domain(d);

	return domain ? sim_flush_domain(domain) : 0;
}

/* Write the entry that follows from what is known of the device */
static void write_current(struct sim_device *sdev)
{
	__le64 *dir = READ_ONCE(sdev->pasid_dir);
	u64 qw[3] = {};

	sim_domain_words(sdev->blocked ? NULL : sdev->domain, qw);
	if (dir && !xa_empty(&sdev->pasids) && !sdev->blocked) {
		/* What the device may do limits what its PASIDs may */
		qw[0] |= SIM_DTE0_IR | SIM_DTE0_IW;
		qw[2] = SIM_DTE2_PV | FIELD_PREP(SIM_DTE2_LG2, SIM_PASID_DIR_MAX_LG2) |
			virt_to_phys(dir);
	}
	if (sdev->ats_entry && !sdev->blocked && !READ_ONCE(sdev->quarantined))
		qw[1] |= SIM_DTE1_ATS;
	write_dte(sdev, qw);
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
	if (!iommu_sim_mmio_read(iommu->hw, SIM_REG_CTRL))
		return;
	dev_err(iommu->dev, "a device cannot be blocked: the IOMMU is turned off, reload the modules\n");
	iommu_sim_mmio_write(iommu->hw, SIM_REG_CTRL, 0);
}

/* Whether an entry of the device leads to @domain, did a moment ago, or soon will; under RCU */
static bool uses(struct sim_device *sdev, struct sim_domain *domain)
{
	struct sim_special *special = rcu_dereference(domain->special);
	unsigned int i;

	if (READ_ONCE(sdev->domain) == &domain->domain ||
	    READ_ONCE(sdev->joins) == &domain->domain)
		return true;
	for (i = 0; special && i < special->nr; i++)
		if (READ_ONCE(special->user[i].sdev) == sdev)
			return true;
	return false;
}

static void block(struct sim_device *sdev, struct sim_domain *domain, int error)
{
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		if (domain && !uses(sdev, domain))
			return;
		WRITE_ONCE(sdev->blocked, true);
		WRITE_ONCE(sdev->blocks, sdev->blocks + 1);
		write_current(sdev);
	}
	dev_err_ratelimited(sdev->dev, "flush failed (%d): DMA is blocked until the device is attached again\n",
			    error);
	if (flush_dte(sdev))
		turn_off(sdev->iommu);
}

/**
 * sim_device_block() - nothing of what a device does reaches memory any more
 * @sdev: the device
 * @error: why
 *
 * Until it is attached to another domain. Context: any.
 */
void sim_device_block(struct sim_device *sdev, int error)
{
	block(sdev, NULL, error);
}

/**
 * sim_device_shut() - no translated request of a device reaches memory any more
 * @sdev: the device, in quarantine
 *
 * Context: any.
 */
void sim_device_shut(struct sim_device *sdev)
{
	struct sim_cmd cmd = sim_cmd_invalidate_devtab_entry(sdev->rid);

	scoped_guard(raw_spinlock_irqsave, &sdev->lock)
		write_current(sdev);
	/* It may have been somebody else's command that failed */
	if (sim_queue_submit(sdev->iommu, &cmd, 1) && sim_queue_submit(sdev->iommu, &cmd, 1))
		turn_off(sdev->iommu);
}

/**
 * sim_domain_block() - a flush failed where the API has no way to say so
 * @domain: the domain
 * @error: why
 *
 * Blocks all devices that use @domain, before the caller can free what they might
 * reach. Context: any.
 */
void sim_domain_block(struct sim_domain *domain, int error)
{
	struct sim_device *sdev;
	unsigned long rid;

	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_FLUSH_FAILURES);
	/* The flush, then who uses the domain; pairs with smp_mb() in device_set() */
	smp_mb();
	guard(rcu)();
	xa_for_each(&domain->iommu->devices, rid, sdev)
		if (uses(sdev, domain))
			block(sdev, domain, error);
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

/* @blocks: what sim_device::blocks was when the change began; it stays blocked by later ones */
static int set_dte(struct sim_device *sdev, struct iommu_domain *domain, unsigned int blocks)
{
	struct iommu_domain *d;
	unsigned long pasid;
	int ret = 0;

	/* What blocked it may have been about these */
	if (READ_ONCE(sdev->blocked) && sdev->domain != domain)
		xa_for_each(&sdev->pasids, pasid, d)
			ret = ret ?: sim_flush_if_paging(d);
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		if (sdev->domain != domain && sdev->blocks == blocks && !ret)
			WRITE_ONCE(sdev->blocked, false);
		WRITE_ONCE(sdev->domain, domain);
		write_current(sdev);
	}
	return flush_dte(sdev) ?: ret;
}

/* Flushes of a domain that are about more than its IOTLB entries without a PASID */
static int add_user(struct sim_domain *domain, struct sim_device *sdev, u32 pasid)
{
	struct sim_special *old = rcu_dereference_protected(domain->special, true), *new;
	unsigned int i, nr = 0;

	for (i = 0; old && i < old->nr; i++)
		nr += !!old->user[i].sdev;
	if (nr == SIM_MAX_USERS)
		return -ENOSPC;
	new = kzalloc(struct_size(new, user, nr + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->nr = nr + 1;
	new->user[nr] = (struct sim_user) { .sdev = sdev, .pasid = pasid };
	for (i = 0, nr = 0; old && i < old->nr; i++)
		if (old->user[i].sdev)
			new->user[nr++] = old->user[i];
	rcu_assign_pointer(domain->special, new);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

static void del_user(struct sim_domain *domain, struct sim_device *sdev, u32 pasid)
{
	struct sim_special *special = rcu_dereference_protected(domain->special, true);
	unsigned int i, left = 0;
	bool found = false;

	for (i = 0; special && i < special->nr; i++) {
		struct sim_user *user = &special->user[i];

		/* One of them: while it is replaced by itself there are two */
		if (!found && user->sdev == sdev && user->pasid == pasid) {
			WRITE_ONCE(user->sdev, NULL);
			found = true;
		}
		left += !!user->sdev;
	}
	if (special && !left) {
		RCU_INIT_POINTER(domain->special, NULL);
		kfree_rcu(special, rcu);
	}
}

/**
 * sim_domain_get() - a device, or a PASID of it, is about to use a domain
 * @d: the domain; NULL and other domains than paging ones are let pass
 * @sdev: the device
 * @pasid: the PASID, or IOMMU_NO_PASID
 *
 * A domain without devices needs no flush, and a device's ATC none of domains that
 * the device does not use:
 *
 *   unmap, under RCU                   attach
 *     clears the entry                 attached++, special
 *   attached is 0, or the device       grace period
 *   not in special: no flush of it     device table entry
 *                                      the device reads the entry: cleared
 *
 * An unmap that began before the grace period is over after it, and one that
 * began later finds attached and special. What the last device leaves behind in the
 * IOTLB is flushed when it goes.
 *
 * Context: may sleep, sim_iommu::lock held. Return: 0; -ENOMEM; -ENOSPC if it has
 * SIM_MAX_USERS already.
 */
int sim_domain_get(struct iommu_domain *d, struct sim_device *sdev, u32 pasid)
{
	struct sim_domain *domain = paging_domain(d);
	bool special = pasid != IOMMU_NO_PASID || sdev->ats_supported;
	int ret;

	if (!domain)
		return 0;
	ret = special ? add_user(domain, sdev, pasid) : 0;
	if (ret)
		return ret;
	WRITE_ONCE(domain->attached, domain->attached + 1);
	if (domain->attached == 1 || special)
		synchronize_rcu_expedited();
	return 0;
}

/**
 * sim_domain_put() - undo sim_domain_get()
 * @d: the domain; no entry of the device, or of its PASID, leads to it any more
 * @sdev: the device
 * @pasid: the PASID, or IOMMU_NO_PASID
 *
 * What a PASID leaves in the IOTLB no flush of a range is about any more, so that is
 * flushed, too. If a flush fails the domain stays as if an entry led to it. Context: may
 * sleep, sim_iommu::lock held.
 */
void sim_domain_put(struct iommu_domain *d, struct sim_device *sdev, u32 pasid)
{
	struct sim_domain *domain = paging_domain(d);

	if (!domain)
		return;
	del_user(domain, sdev, pasid);
	if ((domain->attached > 1 && pasid == IOMMU_NO_PASID) || !sim_flush_domain(domain))
		WRITE_ONCE(domain->attached, domain->attached - 1);
}

/* There is something to translate, and no reason to distrust the device */
static bool wants_ats(struct sim_device *sdev)
{
	struct iommu_domain *d;
	unsigned long pasid;

	if (READ_ONCE(sdev->blocked))
		return false;
	if (paging_domain(sdev->domain))
		return true;
	xa_for_each(&sdev->pasids, pasid, d)
		if (paging_domain(d))
			return true;
	return false;
}

/* At once, whatever it has cached and whoever is to be told */
static void drop_ats(struct sim_device *sdev)
{
	sim_ats_stop(sdev);
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		sdev->ats_entry = false;
		WRITE_ONCE(sdev->ats, false);
	}
}

static int set_ats_entry(struct sim_device *sdev, bool ats)
{
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		sdev->ats_entry = ats;
		write_current(sdev);
	}
	return flush_dte(sdev);
}

/* Turn ATS on or off, as it is wanted: the order is that of ats.c */
static int update_ats(struct sim_device *sdev)
{
	bool wanted = wants_ats(sdev);
	int ret = 0;

	if (sdev->ats_entry && (!wanted || READ_ONCE(sdev->quarantined))) {
		sim_ats_stop(sdev);
		ret = set_ats_entry(sdev, false);
		drop_ats(sdev);
	}
	if (wanted && !sdev->ats_entry && sim_ats_try(sdev)) {
		ret = set_ats_entry(sdev, true);
		if (!ret)
			sim_ats_on(sdev);
	}
	return ret;
}

/**
 * sim_device_lead() - have a device's entry lead to its PASID table
 * @sdev: the device, which has one
 *
 * Context: may sleep, sim_iommu::lock held. Return: 0, or the error of a flush.
 */
int sim_device_lead(struct sim_device *sdev)
{
	return READ_ONCE(sdev->iommu->devtab[sdev->rid].qw[2]) ? 0 :
	       set_dte(sdev, sdev->domain, READ_ONCE(sdev->blocks));
}

/**
 * sim_device_update() - a device's PASIDs have changed
 * @sdev: the device
 *
 * ATS is on or off then, as is wanted; if that fails the device is blocked. Context: may
 * sleep, sim_iommu::lock held.
 */
void sim_device_update(struct sim_device *sdev)
{
	int ret = update_ats(sdev);

	if (ret)
		sim_device_block(sdev, ret);
}

/**
 * sim_device_revive() - see whether a device can leave quarantine
 * @sdev: the device
 *
 * Context: may sleep.
 */
void sim_device_revive(struct sim_device *sdev)
{
	guard(mutex)(&sdev->iommu->lock);
	if (READ_ONCE(sdev->quarantined))
		sim_device_update(sdev);
}

static int device_set(struct sim_device *sdev, struct iommu_domain *domain)
{
	unsigned int blocks = READ_ONCE(sdev->blocks);
	struct iommu_domain *old = sdev->domain;
	int ret;

	lockdep_assert_held(&sdev->iommu->lock);
	ret = sim_domain_get(domain, sdev, IOMMU_NO_PASID);
	if (ret)
		return ret;
	/*
	 * What a flush that failed has left behind must not meet this device, which was not
	 * there to be blocked. From here on it is.
	 */
	WRITE_ONCE(sdev->joins, domain);
	/* ... and then the flush; pairs with smp_mb() in sim_domain_block() */
	smp_mb();
	ret = sim_flush_if_paging(domain);
	/* Nor must what its ATC may still hold, if its invalidation failed */
	if (READ_ONCE(sdev->blocked) && sdev->domain != domain)
		drop_ats(sdev);
	/* What its ATC holds of the old domain goes before that does */
	ret = ret ?: set_dte(sdev, domain, blocks) ?: update_ats(sdev) ?:
	      sim_ats_forget(sdev, IOMMU_NO_PASID);
	if (ret) {
		dev_err(sdev->dev, "attach failed (%d): DMA is blocked\n", ret);
		/* PASIDs go on, without what is cached of either domain */
		drop_ats(sdev);
		if (set_dte(sdev, NULL, READ_ONCE(sdev->blocks)) || update_ats(sdev))
			turn_off(sdev->iommu);
		sim_domain_put(domain, sdev, IOMMU_NO_PASID);
	}
	WRITE_ONCE(sdev->joins, NULL);
	sim_domain_put(old, sdev, IOMMU_NO_PASID);
	update_injected_device(sdev->iommu, old);
	update_injected_device(sdev->iommu, sdev->domain);
	return ret;
}

/**
 * sim_device_set() - change what a device may do
 * @sdev: the device
 * @domain: what it is attached to from now on, or NULL
 *
 * If the change cannot be made sure of, the device ends up blocked and attached
 * to nothing, so that neither the old nor the new domain is in reach. Context:
 * may sleep. Return: 0; -ENOMEM or -ENOSPC, and then nothing has changed; or the error of a
 * flush.
 */
int sim_device_set(struct sim_device *sdev, struct iommu_domain *domain)
{
	guard(mutex)(&sdev->iommu->lock);
	return device_set(sdev, domain);
}

/**
 * sim_device_clear() - a device goes
 * @sdev: the device, attached to nothing
 *
 * Its entry is not valid any more. Context: may sleep.
 */
void sim_device_clear(struct sim_device *sdev)
{
	guard(mutex)(&sdev->iommu->lock);
	scoped_guard(raw_spinlock_irqsave, &sdev->lock)
		write_dte(sdev, (const u64 [3]) {});
	if (flush_dte(sdev))
		turn_off(sdev->iommu);
}

int sim_paging_attach(struct iommu_domain *d, struct device *dev SIM_OLD_DOMAIN)
{
	struct sim_device *sdev = dev_iommu_priv_get(dev);

	return to_sim_domain(d)->iommu == sdev->iommu ? sim_device_set(sdev, d) : -EINVAL;
}

/**
 * sim_paging_set_dev_pasid() - &iommu_domain_ops.set_dev_pasid of paging domains
 * @d: the domain
 * @dev: the device
 * @pasid: the PASID
 * @old: what it was attached to
 *
 * Return: as sim_set_dev_pasid(), or -EINVAL for a device behind another instance.
 */
int sim_paging_set_dev_pasid(struct iommu_domain *d, struct device *dev, ioasid_t pasid,
			     struct iommu_domain *old)
{
	struct sim_device *sdev = dev_iommu_priv_get(dev);

	return to_sim_domain(d)->iommu == sdev->iommu ? sim_set_dev_pasid(d, dev, pasid, old) :
							-EINVAL;
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
	xa_for_each(&domain->iommu->devices, rid, sdev) {
		if (!ret && sdev->domain == &domain->domain)
			ret = device_set(sdev, &domain->domain);
		if (!ret) {
			ret = sim_pasid_refresh(sdev, &domain->domain);
			if (ret)
				sim_device_block(sdev, ret);
		}
	}
	return ret;
}

static int static_attach(struct iommu_domain *domain, struct device *dev SIM_OLD_DOMAIN)
{
	return sim_device_set(dev_iommu_priv_get(dev), domain);
}

#if SIM_HAVE_BLOCKED_PASID
static int blocked_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
				 ioasid_t pasid, struct iommu_domain *old)
{
	sim_remove_dev_pasid(dev, pasid);
	return 0;
}
#endif

static const struct iommu_domain_ops identity_domain_ops = {
	.attach_dev	= static_attach,
	.set_dev_pasid	= sim_set_dev_pasid,
};

struct iommu_domain sim_identity_domain = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &identity_domain_ops,
};

static const struct iommu_domain_ops blocked_domain_ops = {
	.attach_dev	= static_attach,
#if SIM_HAVE_BLOCKED_PASID
	.set_dev_pasid	= blocked_set_dev_pasid,
#endif
};

struct iommu_domain sim_blocked_domain = {
	.type	= IOMMU_DOMAIN_BLOCKED,
	.ops	= &blocked_domain_ops,
};
