// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI driver of the emulated endpoint (spec 10): finds the DMA engine in its
 * DVSEC, and keeps the channels in step with what happens to the device.
 */
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "dma.h"

/* Tests run here, and what dmaengine let go of is freed here */
struct workqueue_struct *sim_dma_wq;

static DEFINE_MUTEX(sim_dma_list_lock);
static LIST_HEAD(sim_dma_list);
/* Counters of devices that are no longer bound, under sim_dma_list_lock */
static struct sim_dma_counters sim_dma_gone;

static void sim_dma_release(struct kref *ref)
{
	struct sim_dma *sim = container_of(ref, struct sim_dma, ref);

	pci_dev_put(sim->pdev);
	kfree(sim);
}

/**
 * sim_dma_get() - take a reference on a device
 * @sim: the device
 */
void sim_dma_get(struct sim_dma *sim)
{
	kref_get(&sim->ref);
}

/**
 * sim_dma_put() - drop a reference on a device
 * @sim: the device
 *
 * Context: may sleep.
 */
void sim_dma_put(struct sim_dma *sim)
{
	kref_put(&sim->ref, sim_dma_release);
}

static void sim_dma_add_all(struct sim_dma *sim, struct sim_dma_counters *sum)
{
	unsigned int i;

	for (i = 0; i < sim->nr_chans; i++)
		sim_dma_add_counters(&sim->chans[i], sum);
}

/**
 * sim_dma_totals() - counters of all devices that the module has driven
 * @sum: the result
 *
 * Context: may sleep.
 */
void sim_dma_totals(struct sim_dma_counters *sum)
{
	struct sim_dma *sim;

	guard(mutex)(&sim_dma_list_lock);
	*sum = sim_dma_gone;
	list_for_each_entry(sim, &sim_dma_list, node)
		sim_dma_add_all(sim, sum);
}

static int sim_dma_start_all(struct sim_dma *sim)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < sim->nr_chans; i++)
		ret = sim_dma_chan_start(&sim->chans[i]) ?: ret;
	return ret;
}

static void sim_dma_stop_all(struct sim_dma *sim)
{
	unsigned int i;

	WRITE_ONCE(sim->stops, sim->stops + 1);
	for (i = 0; i < sim->nr_chans; i++)
		sim_dma_chan_stop(&sim->chans[i]);
}

static struct sim_dma *sim_dma_alloc(struct pci_dev *pdev, u32 caps)
{
	unsigned int nr_chans = FIELD_GET(IOMMU_SIM_CAPS_CHANNELS, caps);
	unsigned int ring_lg2 = FIELD_GET(IOMMU_SIM_CAPS_RING_LG2, caps);
	struct sim_dma *sim;

	sim = kzalloc(struct_size(sim, chans, nr_chans), GFP_KERNEL);
	if (!sim)
		return NULL;
	sim->nr_chans = nr_chans;
	sim->ring_lg2 = min(ring_lg2, SIM_DMA_RING_LG2);
	sim->pdev = pci_dev_get(pdev);
	kref_init(&sim->ref);
	mutex_init(&sim->test_lock);
	return sim;
}

static void sim_dma_free_irqs(struct sim_dma *sim, unsigned int nr)
{
	while (nr--)
		pci_free_irq(sim->pdev, sim->chans[nr].vector, &sim->chans[nr]);
	pci_free_irq_vectors(sim->pdev);
}

/* Channels share vectors if there are not enough */
static int sim_dma_setup_chans(struct sim_dma *sim, int dvsec)
{
	struct pci_dev *pdev = sim->pdev;
	int vectors, ret;
	unsigned int i;

	vectors = pci_alloc_irq_vectors(pdev, 1, sim->nr_chans, PCI_IRQ_MSI);
	if (vectors < 0)
		return vectors;
	for (i = 0; i < sim->nr_chans; i++) {
		ret = sim_dma_chan_init(sim, i, dvsec + IOMMU_SIM_CHANNEL(i), i % vectors);
		if (ret)
			goto err;
		ret = pci_request_irq(pdev, i % vectors, sim_dma_irq, NULL, &sim->chans[i],
				      "%s-%s-%u", SIM_DMA_NAME, pci_name(pdev), i);
		if (ret)
			goto err;
	}
	ret = sim_dma_start_all(sim);
	if (!ret)
		return 0;
	sim_dma_stop_all(sim);
err:
	sim_dma_free_irqs(sim, i);
	return ret;
}

static int sim_dma_find(struct pci_dev *pdev, u32 *caps)
{
	int dvsec;

	dvsec = pci_find_dvsec_capability(pdev, IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_DVSEC_ID);
	if (!dvsec)
		return -ENODEV;
	pci_read_config_dword(pdev, dvsec + IOMMU_SIM_REG_CAPS, caps);
	if (PCI_POSSIBLE_ERROR(*caps) ||
	    !FIELD_GET(IOMMU_SIM_CAPS_CHANNELS, *caps) ||
	    FIELD_GET(IOMMU_SIM_CAPS_CHANNELS, *caps) > IOMMU_SIM_MAX_CHANNELS ||
	    FIELD_GET(IOMMU_SIM_CAPS_RING_LG2, *caps) < IOMMU_SIM_RING_MIN_LG2)
		return dev_err_probe(&pdev->dev, -ENODEV, "implausible capabilities %#x\n", *caps);
	return dvsec;
}

/*
 * Whoever had the device before, a user of VFIO for one, may have left channels
 * running, which only wait for bus mastering.
 */
static void sim_dma_quiesce(struct pci_dev *pdev, int dvsec, u32 caps)
{
	unsigned int i;

	for (i = 0; i < FIELD_GET(IOMMU_SIM_CAPS_CHANNELS, caps); i++)
		pci_write_config_dword(pdev, dvsec + IOMMU_SIM_CHANNEL(i) + IOMMU_SIM_CH_CTRL,
				       IOMMU_SIM_CH_CTRL_RESET);
}

static int sim_dma_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct sim_dma *sim;
	int dvsec, ret;
	u32 caps;

	dvsec = sim_dma_find(pdev, &caps);
	if (dvsec < 0)
		return dvsec;
	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_disable;
	dma_set_max_seg_size(dev, UINT_MAX);
	sim_dma_quiesce(pdev, dvsec, caps);
	pci_set_master(pdev);

	ret = -ENOMEM;
	sim = sim_dma_alloc(pdev, caps);
	if (!sim)
		goto err_disable;
	pci_set_drvdata(pdev, sim);
	ret = sim_dma_setup_chans(sim, dvsec);
	if (ret) {
		dev_err_probe(dev, ret, "no working channels\n");
		goto err_put;
	}
	ret = sim_dma_engine_register(sim);
	if (ret)
		goto err_stop;
	sim_dma_debugfs_add(sim);
	scoped_guard(mutex, &sim_dma_list_lock)
		list_add_tail(&sim->node, &sim_dma_list);
	return 0;

err_stop:
	sim_dma_stop_all(sim);
	sim_dma_free_irqs(sim, sim->nr_chans);
err_put:
	sim_dma_put(sim);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void sim_dma_remove(struct pci_dev *pdev)
{
	struct sim_dma *sim = pci_get_drvdata(pdev);

	/* All requests come back now, so nobody below waits for the device */
	sim_dma_stop_all(sim);
	sim_dma_debugfs_del(sim);
	sim_dma_engine_unregister(sim);
	scoped_guard(mutex, &sim_dma_list_lock) {
		list_del(&sim->node);
		sim_dma_add_all(sim, &sim_dma_gone);
	}
	sim_dma_free_irqs(sim, sim->nr_chans);
	sim_dma_put(sim);
	pci_disable_device(pdev);
}

static void sim_dma_shutdown(struct pci_dev *pdev)
{
	sim_dma_stop_all(pci_get_drvdata(pdev));
}

static int sim_dma_suspend(struct device *dev)
{
	sim_dma_stop_all(dev_get_drvdata(dev));
	return 0;
}

static int sim_dma_resume(struct device *dev)
{
	return sim_dma_start_all(dev_get_drvdata(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(sim_dma_pm_ops, sim_dma_suspend, sim_dma_resume);

static void sim_dma_reset_prepare(struct pci_dev *pdev)
{
	sim_dma_stop_all(pci_get_drvdata(pdev));
}

/* The core has restored the capabilities; the DVSEC is ours to set up again */
static void sim_dma_reset_done(struct pci_dev *pdev)
{
	sim_dma_start_all(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers sim_dma_err_handler = {
	.reset_prepare = sim_dma_reset_prepare,
	.reset_done = sim_dma_reset_done,
};

static const struct pci_device_id sim_dma_ids[] = {
	{ PCI_DEVICE(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, sim_dma_ids);

static struct pci_driver sim_dma_driver = {
	.name = SIM_DMA_NAME,
	.id_table = sim_dma_ids,
	.probe = sim_dma_probe,
	.remove = sim_dma_remove,
	.shutdown = sim_dma_shutdown,
	.err_handler = &sim_dma_err_handler,
	.driver.pm = pm_sleep_ptr(&sim_dma_pm_ops),
};

/**
 * sim_dma_from_pdev() - the driver's view of a device
 * @pdev: any PCI device
 *
 * Return: the device, or NULL if it is not bound to this driver. The caller
 * keeps it bound.
 */
struct sim_dma *sim_dma_from_pdev(struct pci_dev *pdev)
{
	return pci_dev_driver(pdev) == &sim_dma_driver ? pci_get_drvdata(pdev) : NULL;
}

static int __init sim_dma_init(void)
{
	int ret;

	sim_dma_wq = alloc_workqueue(SIM_DMA_NAME, WQ_UNBOUND, 0);
	if (!sim_dma_wq)
		return -ENOMEM;
	sim_dma_debugfs_init();
	ret = pci_register_driver(&sim_dma_driver);
	if (ret) {
		sim_dma_debugfs_exit();
		destroy_workqueue(sim_dma_wq);
	}
	return ret;
}
module_init(sim_dma_init);

static void __exit sim_dma_exit(void)
{
	pci_unregister_driver(&sim_dma_driver);
	sim_dma_debugfs_exit();
	destroy_workqueue(sim_dma_wq);
}
module_exit(sim_dma_exit);

MODULE_DESCRIPTION("Driver of the synthetic PCI device behind the emulated IOMMU");
MODULE_SOFTDEP("pre: iommu-sim-pci");
MODULE_LICENSE("GPL");
