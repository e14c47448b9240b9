// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu-sim: the driver of the emulated IOMMU.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "compat.h"
#include "driver.h"

#define DEVTAB_LG2	16
#define DEVTAB_SIZE	(sizeof(struct sim_dte) << DEVTAB_LG2)

static const char *const driver_stat_names[SIM_DSTAT_NR] = {
	[SIM_DSTAT_MAPS]		= "map_calls",
	[SIM_DSTAT_UNMAPS]		= "unmap_calls",
	[SIM_DSTAT_SYNC_MAPS]		= "iotlb_sync_map_calls",
	[SIM_DSTAT_SYNCS]		= "iotlb_sync_calls",
	[SIM_DSTAT_FLUSH_ALLS]		= "flush_iotlb_all_calls",
	[SIM_DSTAT_COMMITS]		= "commits",
	[SIM_DSTAT_COMMIT_FAILURES]	= "commit_failures",
	[SIM_DSTAT_TABLES_ALLOCATED]	= "tables_allocated",
	[SIM_DSTAT_TABLES_FREED]	= "tables_freed",
	[SIM_DSTAT_FLUSH_FAILURES]	= "flush_failures",
	[SIM_DSTAT_QUARANTINES]		= "quarantines",
	[SIM_DSTAT_FAULTS]		= "events_handled",
};

static unsigned long pgsizes = SIM_PGSIZES;
module_param(pgsizes, ulong, 0444);
MODULE_PARM_DESC(pgsizes, "page sizes that domains have, a bit for each; 4 KiB among them");

static unsigned int iova_bits = 48;
module_param(iova_bits, uint, 0444);
MODULE_PARM_DESC(iova_bits, "width of the IOVA of a domain, 32 to 57 (default 48)");

static bool ats = true;
module_param(ats, bool, 0444);
MODULE_PARM_DESC(ats, "use ATS with devices that have it (default yes)");

static bool sim_capable(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
	case IOMMU_CAP_DEFERRED_FLUSH:
		return true;
	case IOMMU_CAP_DIRTY_TRACKING:
		return SIM_DIRTY_TRACKING;
#if SIM_HAVE_CAP_ATS
	case IOMMU_CAP_PCI_ATS_SUPPORTED:
		return ((struct sim_device *)dev_iommu_priv_get(dev))->ats_supported;
#endif
	default:
		return false;
	}
}

static struct platform_driver sim_platform_driver;

static struct sim_iommu *find_iommu(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);
	struct sim_iommu *iommu;
	struct device *parent;

	if (!fwspec || !dev_is_pci(dev))
		return NULL;
	parent = driver_find_device_by_fwnode(&sim_platform_driver.driver, fwspec->iommu_fwnode);
	if (!parent)
		return NULL;
	iommu = dev_get_drvdata(parent);
	put_device(parent);
	return iommu;
}

/* When this returns, neither the event handler nor a failed flush has @sdev */
static void forget_device(struct sim_device *sdev)
{
	mutex_lock(&sdev->iommu->lock);
	xa_erase(&sdev->iommu->devices, sdev->rid);
	mutex_unlock(&sdev->iommu->lock);
	synchronize_rcu();
}

static struct iommu_device *probe_device(struct device *dev)
{
	struct sim_iommu *iommu = find_iommu(dev);
	struct sim_device *sdev;
	int ret;

	if (!iommu)
		return ERR_PTR(-ENODEV);
	sdev = kzalloc(sizeof(*sdev), GFP_KERNEL);
	if (!sdev)
		return ERR_PTR(-ENOMEM);
	sdev->dev = dev;
	sdev->iommu = iommu;
	sdev->rid = pci_dev_id(to_pci_dev(dev));

	raw_spin_lock_init(&sdev->lock);
	sim_ats_init(sdev);
	sim_pasid_probe(sdev);
	sim_ats_probe(sdev, ats);
	ret = xa_insert(&iommu->devices, sdev->rid, sdev, GFP_KERNEL);
	if (ret)
		goto free_sdev;
	/* No DMA until the core has attached a domain */
	ret = sim_device_set(sdev, NULL);
	if (ret)
		goto forget;
	dev_iommu_priv_set(dev, sdev);
	return &iommu->iommu;

forget:
	forget_device(sdev);
	cancel_work_sync(&sdev->quarantine_work);
free_sdev:
	sim_pasid_release(sdev);
	kfree(sdev);
	return ERR_PTR(ret);
}

static void release_device(struct device *dev)
{
	struct sim_device *sdev = dev_iommu_priv_get(dev);
	struct iommu_domain *d;
	unsigned long pasid;

	/* If that fails the device is blocked, or the IOMMU off: nothing to add */
	xa_for_each(&sdev->pasids, pasid, d)
		sim_remove_dev_pasid(dev, pasid);
	sim_device_set(sdev, NULL);
	sim_device_clear(sdev);
	forget_device(sdev);
	cancel_work_sync(&sdev->quarantine_work);
	sim_pasid_release(sdev);
	kfree(sdev);
}

#if !SIM_HAVE_BLOCKED_PASID
static void remove_dev_pasid(struct device *dev, ioasid_t pasid, struct iommu_domain *domain)
{
	sim_remove_dev_pasid(dev, pasid);
}
#endif

/* spec 9: writes there are interrupts, whatever is mapped */
static void get_resv_regions(struct device *dev, struct list_head *head)
{
	struct iommu_resv_region *region;

	region = iommu_alloc_resv_region(SIM_MSI_WINDOW,
					 SIM_MSI_WINDOW_LAST - SIM_MSI_WINDOW + 1,
					 IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO,
					 IOMMU_RESV_MSI, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, head);
}

const struct iommu_ops sim_iommu_ops = {
	.capable		= sim_capable,
#if SIM_HAVE_PAGING_FLAGS
	.domain_alloc_paging_flags = sim_domain_alloc_flags,
#else
	.domain_alloc_paging	= sim_domain_alloc_paging,
	.domain_alloc_user	= sim_domain_alloc_user,
#endif
	.probe_device		= probe_device,
	.release_device		= release_device,
	.device_group		= pci_device_group,
	.get_resv_regions	= get_resv_regions,
#if !SIM_HAVE_BLOCKED_PASID
	.remove_dev_pasid	= remove_dev_pasid,
#endif
	.default_domain_ops	= &sim_paging_domain_ops,
	.identity_domain	= &sim_identity_domain,
	.blocked_domain		= &sim_blocked_domain,
	.release_domain		= &sim_blocked_domain,
	.owner			= THIS_MODULE,
};

/* Turn it on; a register that does not take what was written says it cannot */
static int enable(struct sim_iommu *iommu)
{
	u64 ctrl = SIM_CTRL_EN | SIM_CTRL_EVTQ_EN | SIM_CTRL_INTR_EN;

	iommu_sim_mmio_write(iommu->hw, SIM_REG_DEVTAB, virt_to_phys(iommu->devtab) |
			     FIELD_PREP(SIM_BASE_LG2, DEVTAB_LG2));
	iommu_sim_mmio_write(iommu->hw, SIM_REG_CTRL, ctrl);
	return iommu_sim_mmio_read(iommu->hw, SIM_REG_CTRL) == ctrl ? 0 : -ENODEV;
}

static int check_capabilities(struct sim_iommu *iommu)
{
	u64 cap = iommu_sim_mmio_read(iommu->hw, SIM_REG_CAP);

	if (FIELD_GET(SIM_CAP_VERSION, cap) != SIM_VERSION ||
	    FIELD_GET(SIM_CAP_DEVTAB_LG2, cap) < DEVTAB_LG2) {
		dev_err(iommu->dev, "unknown hardware, capabilities %#llx\n", cap);
		return -ENODEV;
	}
	iommu->npcache = cap & SIM_CAP_NPCACHE;
	iommu->has_range = cap & SIM_CAP_RANGE;
	iommu->has_ats = cap & SIM_CAP_HAS_ATS;
	iommu->iommu.max_pasids = BIT(FIELD_GET(SIM_CAP_PASID_BITS, cap));
	iommu->pgsizes = iommu_sim_mmio_read(iommu->hw, SIM_REG_PGSIZES) & pgsizes;
	iommu->iova_bits = iova_bits;
	return 0;
}

/* Everything but the registration with the core */
static int setup(struct sim_iommu *iommu, struct platform_device *pdev)
{
	int ret;

	ret = check_capabilities(iommu);
	if (ret)
		return ret;
	ret = sim_stats_init(&iommu->stats, driver_stat_names, SIM_DSTAT_NR);
	if (ret)
		return ret;
	iommu->wq = alloc_workqueue("%s", WQ_UNBOUND, 0, dev_name(iommu->dev));
	if (!iommu->wq) {
		ret = -ENOMEM;
		goto free_stats;
	}
	iommu->devtab = alloc_pages_exact(DEVTAB_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!iommu->devtab) {
		ret = -ENOMEM;
		goto destroy_wq;
	}
	ret = sim_queues_init(iommu);
	if (ret)
		goto free_devtab;
	ret = sim_events_init(iommu, pdev);
	if (ret)
		goto destroy_queues;
	ret = enable(iommu);
	if (ret)
		goto disable;
	iommu_sim_mmio_add_stats(iommu->hw, &iommu->stats);
	iommu->debugfs_domains = debugfs_create_dir("domains", iommu_sim_mmio_debugfs(iommu->hw));
	sim_ats_debugfs(iommu);
	return 0;

disable:
	iommu_sim_mmio_write(iommu->hw, SIM_REG_CTRL, 0);
	sim_events_destroy(iommu);
destroy_queues:
	sim_queues_destroy(iommu);
free_devtab:
	free_pages_exact(iommu->devtab, DEVTAB_SIZE);
destroy_wq:
	destroy_workqueue(iommu->wq);
free_stats:
	sim_stats_destroy(&iommu->stats);
	return ret;
}

static void teardown(struct sim_iommu *iommu)
{
	debugfs_remove(iommu->debugfs_devices);
	debugfs_remove_recursive(iommu->debugfs_domains);
	iommu_sim_mmio_del_stats(iommu->hw, &iommu->stats);
	iommu_sim_mmio_write(iommu->hw, SIM_REG_CTRL, 0);
	sim_events_destroy(iommu);
	sim_queues_destroy(iommu);
	free_pages_exact(iommu->devtab, DEVTAB_SIZE);
	destroy_workqueue(iommu->wq);
	sim_stats_destroy(&iommu->stats);
}

static int sim_probe(struct platform_device *pdev)
{
	struct sim_iommu *iommu;
	int ret;

	iommu = devm_kzalloc(&pdev->dev, sizeof(*iommu), GFP_KERNEL);
	if (!iommu)
		return -ENOMEM;
	iommu->dev = &pdev->dev;
	iommu->hw = iommu_sim_mmio_map(pdev);
	if (!iommu->hw)
		return -ENODEV;
	iommu->inject = iommu_sim_mmio_inject(iommu->hw);
	ida_init(&iommu->domain_ids);
	xa_init(&iommu->devices);
	mutex_init(&iommu->lock);

	ret = setup(iommu, pdev);
	if (ret)
		return ret;
	platform_set_drvdata(pdev, iommu);

	ret = iommu_device_sysfs_add(&iommu->iommu, &pdev->dev, NULL, "%s", dev_name(&pdev->dev));
	if (ret)
		goto undo_setup;
	ret = iommu_device_register(&iommu->iommu, &sim_iommu_ops, &pdev->dev);
	if (ret)
		goto remove_sysfs;
	dev_info(&pdev->dev, "%u command queues, page sizes %#lx\n", iommu->nr_queues,
		 iommu->pgsizes);
	return 0;

remove_sysfs:
	iommu_device_sysfs_remove(&iommu->iommu);
undo_setup:
	teardown(iommu);
	return ret;
}

static void sim_remove(struct platform_device *pdev)
{
	struct sim_iommu *iommu = platform_get_drvdata(pdev);

	iommu_device_unregister(&iommu->iommu);
	iommu_device_sysfs_remove(&iommu->iommu);
	teardown(iommu);
	xa_destroy(&iommu->devices);
	ida_destroy(&iommu->domain_ids);
}

static struct platform_driver sim_platform_driver = {
	.probe		= sim_probe,
	.remove		= sim_remove,
	.driver		= {
		.name			= IOMMU_SIM_PLATFORM_NAME,
		/* Devices behind it would be left without */
		.suppress_bind_attrs	= true,
	},
};

/*
 * The core asserts that its probe lock is held, and does not export it. Only a
 * driver that registers itself as an IOMMU at this very moment could come in
 * between. That is accepted for a module; lockdep is told not to look.
 */
static int init_fwspec(struct device *dev, struct fwnode_handle *fwnode)
{
	int ret;

#if IS_BUILTIN(CONFIG_IOMMU_SIM)
	mutex_lock(&iommu_probe_device_lock);
	ret = iommu_fwspec_init(dev, fwnode);
	mutex_unlock(&iommu_probe_device_lock);
#else
	lockdep_off();
	ret = iommu_fwspec_init(dev, fwnode);
	lockdep_on();
#endif
	return ret;
}

/* It may have been reset since it was quarantined; 6.12 does not say when */
static void driver_binds(struct device *dev)
{
	if (dev->iommu && dev->iommu->iommu_dev && dev->iommu->iommu_dev->ops == &sim_iommu_ops)
		sim_device_revive(dev_iommu_priv_get(dev));
}

/*
 * Tells the core which IOMMU a new PCI device is behind, as firmware would.
 * The core's own notifier, which probes, comes after this one.
 */
static int pci_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct fwnode_handle *fwnode;
	u32 rid = pci_dev_id(pdev);
	int ret;

	if (action == BUS_NOTIFY_BIND_DRIVER)
		driver_binds(&pdev->dev);
	if (action != BUS_NOTIFY_ADD_DEVICE)
		return NOTIFY_DONE;
	fwnode = iommu_sim_topology_find(pci_domain_nr(pdev->bus), pdev->bus->number);
	if (!fwnode)
		return NOTIFY_DONE;

	ret = init_fwspec(&pdev->dev, fwnode);
	if (!ret)
		ret = iommu_fwspec_add_ids(&pdev->dev, &rid, 1);
	if (ret)
		pci_err(pdev, "iommu-sim: cannot be put behind the IOMMU (%d)\n", ret);
	return NOTIFY_OK;
}

static struct notifier_block pci_notifier = {
	.notifier_call = pci_notify,
	.priority = 1,
};

static int __init sim_init(void)
{
	int ret;

	if (pgsizes & ~SIM_PGSIZES || !(pgsizes & SZ_4K)) {
		pr_err("iommu-sim: pgsizes=%#lx: of %#llx, and with 4 KiB, please\n", pgsizes,
		       SIM_PGSIZES);
		return -EINVAL;
	}
	if (iova_bits < 32 || iova_bits > 57) {
		pr_err("iommu-sim: iova_bits=%u: must be 32 to 57\n", iova_bits);
		return -EINVAL;
	}
	ret = bus_register_notifier(&pci_bus_type, &pci_notifier);
	if (ret)
		return ret;
	ret = platform_driver_register(&sim_platform_driver);
	if (ret)
		bus_unregister_notifier(&pci_bus_type, &pci_notifier);
	return ret;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	platform_driver_unregister(&sim_platform_driver);
	bus_unregister_notifier(&pci_bus_type, &pci_notifier);
	/* Tables on their way out, see sim_table_bury() */
	rcu_barrier();
}
module_exit(sim_exit);

SIM_IMPORT_NS(IOMMUFD);
SIM_IMPORT_NS(IOMMU_SIM_BUS);
SIM_IMPORT_NS(IOMMU_SIM_DEBUG);
MODULE_ALIAS("platform:" IOMMU_SIM_PLATFORM_NAME);
MODULE_DESCRIPTION("Emulated IOMMU: the driver");
MODULE_LICENSE("GPL");
