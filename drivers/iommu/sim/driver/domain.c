// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: what the IOMMU core maps into, and attaches devices to.
 */
#include <linux/debugfs.h>
#include <linux/slab.h>

#include "compat.h"
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

/*
 * A flush failed where the API has no way to say so. Blocks all devices whose
 * entries lead to @domain before the caller can free what they might reach.
 */
static void flush_failed(struct sim_domain *domain, int error)
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
		if (block)
			write_dte(sdev, sim_blocked_dte(), 0);
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

/* Execute @cmd, and free the tables that were in limbo before */
static int flush(struct sim_domain *domain, struct sim_cmd cmd)
{
	struct sim_cmd cmds[2] = { cmd };
	struct sim_limbo limbo;
	unsigned long flags;
	unsigned int nr = 1;
	int ret;

	sim_limbo_init(&limbo);
	raw_spin_lock_irqsave(&domain->lock, flags);
	sim_limbo_splice(&domain->limbo, &limbo);
	raw_spin_unlock_irqrestore(&domain->lock, flags);

	if (!list_empty(&limbo.tables))
		cmds[nr++] = sim_cmd_invalidate_pages(domain->id, limbo.iova, limbo.last, true);
	ret = sim_queue_submit(domain->iommu, cmds, nr);
	if (!ret) {
		sim_limbo_free(&limbo, &domain->pt);
		return 0;
	}
	/* The silicon may still hold them: keep them for the next flush */
	raw_spin_lock_irqsave(&domain->lock, flags);
	sim_limbo_splice(&limbo, &domain->limbo);
	raw_spin_unlock_irqrestore(&domain->lock, flags);
	return ret;
}

static void add_limbo(struct sim_domain *domain, struct sim_limbo *limbo)
{
	unsigned long flags;

	if (list_empty(&limbo->tables))
		return;
	raw_spin_lock_irqsave(&domain->lock, flags);
	sim_limbo_splice(limbo, &domain->limbo);
	raw_spin_unlock_irqrestore(&domain->lock, flags);
}

static int map_pages(struct iommu_domain *d, unsigned long iova, phys_addr_t pa, size_t pgsize,
		     size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_limbo limbo;
	u64 rights = 0;
	int ret;

	if (prot & IOMMU_READ)
		rights |= SIM_PTE_IR;
	if (prot & IOMMU_WRITE)
		rights |= SIM_PTE_IW;
	if (!rights)
		return -EINVAL;
	if (iova > d->geometry.aperture_end ||
	    pgsize * count - 1 > d->geometry.aperture_end - iova ||
	    (pa + pgsize * count - 1) >> SIM_PA_BITS)
		return -ERANGE;

	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_MAPS);
	if (sim_inject(domain->iommu->inject, SIM_INJECT_MAP, domain->pt.device, iova,
		       iova + pgsize * count - 1))
		return -ENOMEM;
	sim_limbo_init(&limbo);
	ret = sim_pt_map(&domain->pt, iova, pa, __ffs64(pgsize), count, rights, gfp, mapped,
			 &limbo);
	add_limbo(domain, &limbo);
	return ret;
}

static size_t unmap_pages(struct iommu_domain *d, unsigned long iova, size_t pgsize,
			  size_t count, struct iommu_iotlb_gather *gather)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_limbo limbo;
	size_t unmapped;

	if (iova > d->geometry.aperture_end ||
	    pgsize * count - 1 > d->geometry.aperture_end - iova)
		return 0;

	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_UNMAPS);
	sim_limbo_init(&limbo);
	unmapped = sim_pt_unmap(&domain->pt, iova, pgsize * count, &limbo);
	add_limbo(domain, &limbo);
	if (unmapped && !iommu_iotlb_gather_queued(gather))
		iommu_iotlb_gather_add_range(gather, iova, unmapped);
	return unmapped;
}

/* spec 5.4: only where "not present" is cached does a map need a flush */
static int iotlb_sync_map(struct iommu_domain *d, unsigned long iova, size_t size)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_cmd cmd;

	if (!domain->iommu->npcache || !size)
		return 0;
	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_SYNC_MAPS);
	cmd = sim_cmd_invalidate_pages(domain->id, iova, iova + size - 1, false);
	return flush(domain, cmd);
}

static void iotlb_sync(struct iommu_domain *d, struct iommu_iotlb_gather *gather)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_cmd cmd;
	int ret;

	/* Nothing was unmapped: 6.12 calls all the same */
	if (gather->start > gather->end)
		return;
	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_SYNCS);
	cmd = sim_cmd_invalidate_pages(domain->id, gather->start, gather->end, false);
	ret = flush(domain, cmd);
	if (ret)
		flush_failed(domain, ret);
}

static void flush_iotlb_all(struct iommu_domain *d)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_cmd cmd = sim_cmd_invalidate_domain(domain->id);
	int ret;

	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_FLUSH_ALLS);
	ret = flush(domain, cmd);
	if (ret)
		flush_failed(domain, ret);
}

static phys_addr_t iova_to_phys(struct iommu_domain *d, dma_addr_t iova)
{
	if (iova > d->geometry.aperture_end)
		return 0;
	return sim_pt_lookup(&to_sim_domain(d)->pt, iova);
}

static void domain_free(struct iommu_domain *d)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_iommu *iommu = domain->iommu;
	struct sim_cmd cmd = sim_cmd_invalidate_domain(domain->id);
	int ret;

	debugfs_remove_recursive(domain->debugfs);
	/* No device is attached; what stays cached would meet the next user of the ID */
	ret = flush(domain, cmd);
	if (ret) {
		dev_err(iommu->dev, "domain %u could not be flushed (%d), its ID and tables are lost\n",
			domain->id, ret);
		return;
	}
	sim_pt_destroy(&domain->pt);
	ida_free(&iommu->domain_ids, domain->id);
	kfree(domain);
}

/* On whose behalf maps in @domain fail, if there is only one; iommu->lock held */
static void update_injected_device(struct sim_iommu *iommu, struct iommu_domain *domain)
{
	struct sim_device *sdev;
	unsigned long index;
	int rid = SIM_INJECT_ANY_DEVICE;
	unsigned int nr = 0;

	if (!domain || domain->ops != &sim_paging_domain_ops)
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
	/* From here on flush_failed() of that domain is about this device */
	sdev->domain = domain;
	write_dte(sdev, qw0, qw1);
	raw_spin_unlock_irqrestore(&sdev->lock, flags);
	return flush_dte(sdev);
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
	struct iommu_domain *old = sdev->domain;
	int ret;

	guard(mutex)(&sdev->iommu->lock);
	ret = set_dte(sdev, domain, qw0, qw1);
	if (ret) {
		dev_err(sdev->dev, "attach failed (%d): DMA is blocked\n", ret);
		if (set_dte(sdev, NULL, sim_blocked_dte(), 0))
			turn_off(sdev->iommu);
	}
	update_injected_device(sdev->iommu, old);
	update_injected_device(sdev->iommu, sdev->domain);
	return ret;
}

static int paging_attach(struct iommu_domain *d, struct device *dev SIM_OLD_DOMAIN)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_device *sdev = dev_iommu_priv_get(dev);

	if (domain->iommu != sdev->iommu)
		return -EINVAL;
	return sim_device_set(sdev, d,
			      SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_TRANSLATE) |
			      FIELD_PREP(SIM_DTE0_LEVELS, domain->pt.levels) |
			      virt_to_phys(domain->pt.root) | SIM_DTE0_IR | SIM_DTE0_IW,
			      FIELD_PREP(SIM_DTE1_DOMAIN, domain->id));
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

const struct iommu_domain_ops sim_paging_domain_ops = {
	.attach_dev	= paging_attach,
	.map_pages	= map_pages,
	.unmap_pages	= unmap_pages,
	.iotlb_sync_map	= iotlb_sync_map,
	.iotlb_sync	= iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys	= iova_to_phys,
	.free		= domain_free,
};

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

/**
 * sim_domain_alloc_paging() - make a paging domain
 * @dev: a device that will be attached to it
 *
 * The core fills in type, owner and cookie. Context: may sleep.
 * Return: the domain, or an ERR_PTR().
 */
struct iommu_domain *sim_domain_alloc_paging(struct device *dev)
{
	struct sim_device *sdev = dev ? dev_iommu_priv_get(dev) : NULL;
	struct sim_domain *domain;
	unsigned int levels;
	int id, ret;

	if (!sdev)
		return ERR_PTR(-ENODEV);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->iommu = sdev->iommu;
	raw_spin_lock_init(&domain->lock);
	sim_limbo_init(&domain->limbo);

	/* ID 0 is what entries without a domain carry */
	id = ida_alloc_range(&sdev->iommu->domain_ids, 1, FIELD_MAX(SIM_DTE1_DOMAIN), GFP_KERNEL);
	if (id < 0) {
		ret = id;
		goto free_domain;
	}
	domain->id = id;
	levels = DIV_ROUND_UP(sdev->iommu->iova_bits - SIM_PAGE_LG2, SIM_PT_LEVEL_LG2);
	ret = sim_pt_init(&domain->pt, levels, &sdev->iommu->stats, sdev->iommu->inject);
	if (ret)
		goto free_id;

	domain->domain.ops = &sim_paging_domain_ops;
	/* No page is larger than all there is */
	domain->domain.pgsize_bitmap = sdev->iommu->pgsizes &
				       GENMASK(sdev->iommu->iova_bits - 1, 0);
	domain->domain.geometry.aperture_end = BIT_ULL(sdev->iommu->iova_bits) - 1;
	domain->domain.geometry.force_aperture = true;
	sim_domain_debugfs_add(domain);
	return &domain->domain;

free_id:
	ida_free(&sdev->iommu->domain_ids, id);
free_domain:
	kfree(domain);
	return ERR_PTR(ret);
}
