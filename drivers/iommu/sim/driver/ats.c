// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATS of devices: turning it on and off, and what becomes of a device that does not
 * answer an invalidation.
 *
 * A device that may cache translations is told of every flush (flush.c), and a flush
 * waits for its answer. If that does not come in time (spec 8.6), the device is
 * quarantined, by who waits, in any context:
 *
 *   its device table entry without ATS: translated requests are refused
 *   INVALIDATE_DEVTAB_ENTRY, COMPLETION_WAIT: from here on, and none is under way
 *   ats = false: flushes leave the device out
 *
 * and then the flush has succeeded: nothing the device still caches is of use to it.
 * Untranslated requests go on. A worker turns ATS off in the device, too.
 *
 * It comes back when it is attached again or a driver binds to it, if it then answers
 * an invalidation of everything: see sim_ats_try().
 *
 * Turning it on:                         Off:
 *   ats = true, grace period: flushes      Enable = 0 in the device
 *     tell the device (see attach.c)       entry without ATS, flushed
 *   invalidation of everything             ats = false
 *   entry with ATS, flushed
 *   Enable = 1 in the device
 *
 * ats and quarantined change under sim_device::lock.
 */
#include <linux/debugfs.h>
#include <linux/pci-ats.h>
#include <linux/seq_file.h>

#include "driver.h"

static struct pci_dev *pci_dev_of(const struct sim_device *sdev)
{
	return to_pci_dev(sdev->dev);
}

/**
 * sim_ats_probe() - see what a new device has
 * @sdev: the device
 * @allowed: whether ATS is to be used
 *
 * Context: may sleep.
 */
void sim_ats_probe(struct sim_device *sdev, bool allowed)
{
	struct pci_dev *pdev = pci_dev_of(sdev);
	u16 cap;

	if (!allowed || !sdev->iommu->has_ats || !pci_ats_supported(pdev))
		return;
	pci_read_config_word(pdev, pdev->ats_cap + PCI_ATS_CAP, &cap);
	/* spec 8.5: translation requests have to be page aligned */
	if (!(cap & PCI_ATS_CAP_PAGE_ALIGNED) || pci_prepare_ats(pdev, SIM_PAGE_LG2))
		return;
	sdev->ats_depth = PCI_ATS_CAP_QDEP(cap);
	sdev->ats_supported = true;
}

/**
 * sim_ats_try() - may ATS be turned on?
 * @sdev: the device, whose ATS is off
 *
 * Has flushes tell the device from here on, and asks it to invalidate everything: a
 * device that does not answer that is not to be trusted with a cache, and one that
 * was quarantined and does answer has an empty one. To be followed by sim_ats_on().
 * Context: may sleep, sim_iommu::lock held. Return: whether it may.
 */
bool sim_ats_try(struct sim_device *sdev)
{
	struct sim_cmd ask = sim_cmd_invalidate_atc(sdev->rid, sdev->ats_depth, 0, U64_MAX);
	struct sim_cmd forget = sim_cmd_forget_tags(sdev->rid);
	bool was_quarantined, ok;

	if (!sdev->ats_supported)
		return false;
	/* Also after a quarantine that the worker has not seen yet */
	sim_ats_stop(sdev);
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		was_quarantined = sdev->quarantined;
		WRITE_ONCE(sdev->quarantined, false);
		WRITE_ONCE(sdev->ats, true);
	}
	/* From here on no flush leaves it out, or has still to find it late: queue.c */
	synchronize_rcu_expedited();
	ok = !sim_queue_submit(sdev->iommu, &ask, 1);
	/*
	 * What it was asked with is no tag that it still owes an answer to. Now those may
	 * be used again; if it had none left, it is asked with them the next time.
	 */
	ok &= !sim_queue_submit(sdev->iommu, &forget, 1);
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		ok &= !sdev->quarantined && sdev->ats;
		if (!ok) {
			WRITE_ONCE(sdev->quarantined, true);
			WRITE_ONCE(sdev->ats, false);
		}
	}
	if (ok && was_quarantined)
		dev_info(sdev->dev, "iommu-sim: the device answers again, ATS is on\n");
	return ok;
}

/**
 * sim_ats_on() - have a device use ATS
 * @sdev: the device; its entry allows it
 *
 * Context: may sleep, sim_iommu::lock held.
 */
void sim_ats_on(struct sim_device *sdev)
{
	struct pci_dev *pdev = pci_dev_of(sdev);
	int features = pdev->pasid_features;
	u16 ctrl;

	/*
	 * PCIe 6.2, 7.8.9.3: not to be changed while ATS is on. After a reset PASID is
	 * off in the device and pci_restore_state() has yet to come, on 7.2.
	 */
	pci_read_config_word(pdev, pdev->pasid_cap + PCI_PASID_CTRL, &ctrl);
	if (pdev->pasid_enabled && !(ctrl & PCI_PASID_CTRL_ENABLE)) {
		pci_disable_pasid(pdev);
		if (pci_enable_pasid(pdev, features))
			dev_err(sdev->dev, "iommu-sim: PASID cannot be enabled again\n");
	}
	if (pci_enable_ats(pdev, SIM_PAGE_LG2))
		dev_warn(sdev->dev, "iommu-sim: ATS cannot be enabled\n");
}

/**
 * sim_ats_stop() - have a device use ATS no more
 * @sdev: the device
 *
 * Its entry still allows it, and flushes still tell it. Context: may sleep,
 * sim_iommu::lock held.
 */
void sim_ats_stop(struct sim_device *sdev)
{
	if (pci_dev_of(sdev)->ats_enabled)
		pci_disable_ats(pci_dev_of(sdev));
}

/**
 * sim_ats_forget() - have a device forget what it has cached
 * @sdev: the device
 * @pasid: of which PASID, or IOMMU_NO_PASID: with and without any
 *
 * After what it may reach has changed. Context: any. Return: 0, or why the flush
 * failed; a device that does not answer is quarantined, which is no failure.
 */
int sim_ats_forget(struct sim_device *sdev, u32 pasid)
{
	struct sim_cmd cmd = sim_cmd_invalidate_atc(sdev->rid, sdev->ats_depth, 0, U64_MAX);

	if (!READ_ONCE(sdev->ats))
		return 0;
	if (pasid != IOMMU_NO_PASID)
		cmd = sim_cmd_with_pasid(cmd, pasid);
	return sim_queue_submit(sdev->iommu, &cmd, 1);
}

static void quarantine_work(struct work_struct *work)
{
	struct sim_device *sdev = container_of(work, struct sim_device, quarantine_work);

	guard(mutex)(&sdev->iommu->lock);
	if (READ_ONCE(sdev->quarantined))
		sim_ats_stop(sdev);
}

/**
 * sim_ats_init() - for a new device
 * @sdev: the device
 */
void sim_ats_init(struct sim_device *sdev)
{
	INIT_WORK(&sdev->quarantine_work, quarantine_work);
}

/**
 * sim_ats_quarantine() - a device has not answered an invalidation in time
 * @iommu: the instance
 * @rid: requester ID
 *
 * When it returns, no translated request of the device reaches memory. Context: any.
 */
void sim_ats_quarantine(struct sim_iommu *iommu, u16 rid)
{
	struct sim_device *sdev;
	bool first;

	guard(rcu)();
	sdev = xa_load(&iommu->devices, rid);
	if (!sdev)
		return;
	scoped_guard(raw_spinlock_irqsave, &sdev->lock) {
		first = !sdev->quarantined;
		WRITE_ONCE(sdev->quarantined, true);
	}
	/* Others who find it late at the same time do the same, before they go on */
	sim_device_shut(sdev);
	/* Unless it is being asked again meanwhile, with its entry shut */
	scoped_guard(raw_spinlock_irqsave, &sdev->lock)
		if (sdev->quarantined)
			WRITE_ONCE(sdev->ats, false);
	if (!first)
		return;
	sim_stat_inc(&iommu->stats, SIM_DSTAT_QUARANTINES);
	dev_err(sdev->dev, "iommu-sim: no answer to an ATC invalidation: the device is quarantined, ATS is off until it is reset and attached again\n");
	queue_work(iommu->wq, &sdev->quarantine_work);
}

static const char *ats_state(const struct sim_device *sdev)
{
	if (!sdev->ats_supported)
		return "none";
	if (READ_ONCE(sdev->quarantined))
		return "quarantined";
	return READ_ONCE(sdev->ats) ? "on" : "off";
}

static void show_domain(struct seq_file *s, const struct iommu_domain *domain)
{
	if (!domain || domain->type == IOMMU_DOMAIN_BLOCKED)
		seq_puts(s, "blocked");
	else if (domain->type == IOMMU_DOMAIN_IDENTITY)
		seq_puts(s, "identity");
	else
		seq_printf(s, "%u", to_sim_domain((struct iommu_domain *)domain)->id);
}

static int devices_show(struct seq_file *s, void *unused)
{
	struct sim_iommu *iommu = s->private;
	struct iommu_domain *domain;
	unsigned long rid, pasid;
	struct sim_device *sdev;

	guard(mutex)(&iommu->lock);
	seq_puts(s, "device ats domain pasid:domain...\n");
	xa_for_each(&iommu->devices, rid, sdev) {
		seq_printf(s, "%s %s ", dev_name(sdev->dev), ats_state(sdev));
		if (READ_ONCE(sdev->blocked))
			seq_puts(s, "failed");
		else
			show_domain(s, sdev->domain);
		xa_for_each(&sdev->pasids, pasid, domain) {
			seq_printf(s, " %lu:", pasid);
			show_domain(s, domain);
		}
		seq_putc(s, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(devices);

/**
 * sim_ats_debugfs() - show the devices of an instance
 * @iommu: the instance
 */
void sim_ats_debugfs(struct sim_iommu *iommu)
{
	iommu->debugfs_devices = debugfs_create_file("devices", 0444,
						     iommu_sim_mmio_debugfs(iommu->hw), iommu,
						     &devices_fops);
}
