// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs: the table of a device (spec 3.3), and what puts a PASID into a domain.
 */
#include <linux/mm.h>
#include <linux/pci-ats.h>

#include "driver.h"

#define DIR_LG2		SIM_PASID_DIR_MAX_LG2
#define DIR_SIZE	(sizeof(__le64) << DIR_LG2)

/* The entry of a PASID; made if need be, NULL if that fails */
static struct sim_pasid_entry *get_entry(struct sim_device *sdev, u32 pasid)
{
	__le64 *slot;
	void *table;

	if (!sdev->pasid_dir) {
		table = alloc_pages_exact(DIR_SIZE, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!table)
			return NULL;
		/* An entry that is written for another reason may lead to it already */
		smp_store_release(&sdev->pasid_dir, table);
	}
	slot = &sdev->pasid_dir[pasid >> SIM_PASID_TABLE_LG2];
	if (!*slot) {
		table = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!table)
			return NULL;
		/* Nothing is cached of what is not valid: no flush */
		smp_store_release(slot, cpu_to_le64(SIM_PASID_DIR_V | virt_to_phys(table)));
	}
	table = phys_to_virt(le64_to_cpu(*slot) & SIM_PASID_DIR_TABLE);
	return (struct sim_pasid_entry *)table + (pasid & (BIT(SIM_PASID_TABLE_LG2) - 1));
}

static void free_table(struct sim_device *sdev)
{
	unsigned int i;

	if (!sdev->pasid_dir)
		return;
	for (i = 0; i < BIT(DIR_LG2); i++)
		if (sdev->pasid_dir[i])
			free_page((unsigned long)phys_to_virt(le64_to_cpu(sdev->pasid_dir[i]) &
							      SIM_PASID_DIR_TABLE));
	free_pages_exact(sdev->pasid_dir, DIR_SIZE);
}

/* Have the entry of a PASID lead to @domain, or with NULL nowhere, and be it the only one */
static int lead_to(struct sim_device *sdev, u32 pasid, struct iommu_domain *domain)
{
	struct sim_pasid_entry *entry = get_entry(sdev, pasid);
	u64 qw[2] = {};
	int ret;

	if (domain)
		sim_domain_words(domain, qw);
	sim_entry_write(entry->qw, qw, 2);
	ret = sim_queue_submit_all(sdev->iommu, sim_cmd_invalidate_pasid_entry(sdev->rid, pasid));
	return ret ?: sim_ats_forget(sdev, pasid);
}

/*
 * Put a PASID into @domain, or with NULL into none. As device_set() of attach.c: flushes
 * of the domain are about the PASID before its entry leads there, and until nothing of
 * it is cached any more. To none does not fail.
 */
static int set_pasid(struct sim_device *sdev, u32 pasid, struct iommu_domain *domain)
{
	struct iommu_domain *old = xa_load(&sdev->pasids, pasid);
	int ret;

	lockdep_assert_held(&sdev->iommu->lock);
	if (!get_entry(sdev, pasid) || xa_reserve(&sdev->pasids, pasid, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	ret = sim_domain_get(domain, sdev, pasid);
	if (ret)
		goto release;
	/* What a flush that failed has left behind must not meet this PASID */
	ret = sim_flush_if_paging(domain);
	if (ret)
		goto put;
	ret = sim_device_lead(sdev) ?: lead_to(sdev, pasid, domain);
	if (ret && domain) {
		dev_err(sdev->dev, "iommu-sim: attach of PASID %u failed (%d)\n", pasid, ret);
		if (lead_to(sdev, pasid, old))
			sim_device_block(sdev, ret);
		goto put;
	}
	if (ret)
		sim_device_block(sdev, ret);
	if (domain)
		xa_store(&sdev->pasids, pasid, domain, GFP_KERNEL);
	else
		xa_erase(&sdev->pasids, pasid);
	sim_domain_put(old, sdev, pasid);
	sim_device_update(sdev);
	return 0;

put:
	sim_domain_put(domain, sdev, pasid);
release:
	xa_release(&sdev->pasids, pasid);
	return ret;
}

/**
 * sim_pasid_refresh() - a domain's entries have to be written again
 * @sdev: a device
 * @domain: the domain
 *
 * Context: may sleep, sim_iommu::lock held. Return: 0, or the error of a flush.
 */
int sim_pasid_refresh(struct sim_device *sdev, struct iommu_domain *domain)
{
	struct iommu_domain *d;
	unsigned long pasid;
	int ret = 0;

	xa_for_each(&sdev->pasids, pasid, d)
		if (d == domain && !ret)
			ret = lead_to(sdev, pasid, d);
	return ret;
}

/**
 * sim_set_dev_pasid() - &iommu_domain_ops.set_dev_pasid
 * @domain: to be used by requests with the PASID; blocked for none
 * @dev: the device
 * @pasid: the PASID, not 0
 * @old: what was used until now; the device knows
 *
 * Context: may sleep. Return: 0; -EINVAL for a PASID that the device does not have,
 * -ENOMEM; -ENOSPC if @domain has SIM_MAX_USERS already; or the error of a flush. If it
 * fails @old stays.
 */
int sim_set_dev_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
		      struct iommu_domain *old)
{
	struct sim_device *sdev = dev_iommu_priv_get(dev);

	if (pasid >= sdev->max_pasids)
		return -EINVAL;
	guard(mutex)(&sdev->iommu->lock);
	return set_pasid(sdev, pasid, domain);
}

/**
 * sim_remove_dev_pasid() - requests with a PASID lead nowhere any more
 * @dev: the device
 * @pasid: the PASID
 *
 * Cannot fail: if a flush does, the device is blocked. Context: may sleep.
 */
void sim_remove_dev_pasid(struct device *dev, ioasid_t pasid)
{
	struct sim_device *sdev = dev_iommu_priv_get(dev);

	guard(mutex)(&sdev->iommu->lock);
	/* There is its entry, and with that all it takes */
	if (xa_load(&sdev->pasids, pasid))
		WARN_ON(set_pasid(sdev, pasid, NULL));
}

/**
 * sim_pasid_probe() - see what a new device has, and turn it on
 * @sdev: the device
 *
 * While ATS is off: see sim_ats_on(). Context: may sleep.
 */
void sim_pasid_probe(struct sim_device *sdev)
{
	struct pci_dev *pdev = to_pci_dev(sdev->dev);
	int nr = pci_max_pasids(pdev);

	xa_init(&sdev->pasids);
	if (nr > 0 && !pci_enable_pasid(pdev, 0))
		sdev->max_pasids = min_t(u32, nr, sdev->iommu->iommu.max_pasids);
}

/**
 * sim_pasid_release() - undo sim_pasid_probe()
 * @sdev: the device
 *
 * Context: may sleep.
 */
void sim_pasid_release(struct sim_device *sdev)
{
	if (sdev->max_pasids)
		pci_disable_pasid(to_pci_dev(sdev->dev));
	xa_destroy(&sdev->pasids);
	free_table(sdev);
}
