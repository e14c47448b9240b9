// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains of the emulated IOMMU, made and used as by anybody else, and the
 * endpoint that they are for.
 */
#include <linux/iommu-sim.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include <uapi/linux/iommu-sim.h>

#include "bench.h"
#include "driver/driver.h"
#include "hw/hw.h"

static struct pci_dev *endpoint;

static struct iommu_domain *ours_alloc(void)
{
	return iommu_paging_domain_alloc(&endpoint->dev);
}

/**
 * bench_explicit_alloc() - a domain with explicit commit
 *
 * Return: the domain, or an ERR_PTR().
 */
struct iommu_domain *bench_explicit_alloc(void)
{
	return iommu_sim_domain_alloc_explicit(&endpoint->dev);
}

static unsigned long ours_table_bytes(struct iommu_domain *domain)
{
	/* Empty ones go when nobody can be about to use them; after this, all of them */
	iommu_flush_iotlb_all(domain);
	sim_domain_reclaim_wait(to_sim_domain(domain));
	return atomic_long_read(&to_sim_domain(domain)->pt.tables) * PAGE_SIZE;
}

const struct bench_variant bench_ours = {
	BENCH_OURS, ours_alloc, iommu_domain_free, ours_table_bytes, true,
};

/**
 * bench_endpoint_init() - take an endpoint from its driver
 *
 * The last there is, so that the others stay as they are.
 * Return: 0 or a negative error.
 */
int bench_endpoint_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	while ((pdev = pci_get_device(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE, pdev))) {
		pci_dev_put(endpoint);
		endpoint = pci_dev_get(pdev);
	}
	if (!endpoint)
		return -ENODEV;
	device_release_driver(&endpoint->dev);
	ret = iommu_device_claim_dma_owner(&endpoint->dev, &endpoint);
	if (ret)
		pci_dev_put(endpoint);
	return ret;
}

/**
 * bench_endpoint_exit() - give it back
 */
void bench_endpoint_exit(void)
{
	iommu_device_release_dma_owner(&endpoint->dev);
	if (device_attach(&endpoint->dev) < 0)
		pci_warn(endpoint, "no driver took the endpoint back\n");
	pci_dev_put(endpoint);
}

/**
 * bench_endpoint_attach() - attach the endpoint to a domain
 * @domain: one of bench_ours
 * @ats: with ATS, so that flushes are also about its ATC
 *
 * It does no DMA by itself. Return: 0 or a negative error.
 */
int bench_endpoint_attach(struct iommu_domain *domain, bool ats)
{
	struct sim_device *sdev = dev_iommu_priv_get(&endpoint->dev);
	bool supported = sdev->ats_supported;
	int ret;

	if (ats && !supported)
		return -EOPNOTSUPP;
	sdev->ats_supported = ats;
	ret = iommu_attach_group(domain, endpoint->dev.iommu_group);
	sdev->ats_supported = supported;
	return ret;
}

/**
 * bench_endpoint() - the endpoint
 *
 * Return: the device.
 */
struct pci_dev *bench_endpoint(void)
{
	return endpoint;
}

/**
 * bench_endpoint_hw() - the instance in front of it
 *
 * Return: the instance.
 */
struct iommu_sim_hw *bench_endpoint_hw(void)
{
	return ((struct sim_device *)dev_iommu_priv_get(&endpoint->dev))->iommu->hw;
}

/**
 * bench_endpoint_detach() - detach it
 * @domain: what it is attached to
 */
void bench_endpoint_detach(struct iommu_domain *domain)
{
	iommu_detach_group(domain, endpoint->dev.iommu_group);
}

/**
 * bench_endpoint_read() - have the endpoint read 8 bytes
 * @iova: where
 * @value: what it has read
 *
 * Return: 0, or how the request has completed.
 */
int bench_endpoint_read(u64 iova, u64 *value)
{
	struct sim_device *sdev = dev_iommu_priv_get(&endpoint->dev);
	struct iommu_sim_port port = { .hw = sdev->iommu->hw };
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_MEM_READ,
		.rid = sdev->rid,
		.addr = iova,
		.len = sizeof(*value),
		.data = value,
	};

	return iommu_sim_tlp_send(&port, &tlp);
}
