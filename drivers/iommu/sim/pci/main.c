// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module iommu-sim-pci: a root port behind the emulated IOMMU, and a bus
 * of endpoints behind that, in slots of their own (spec 9, 10).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "compat.h"
#include "pci.h"

#define SIM_SLOTS	32

static unsigned int endpoints = 2;
module_param(endpoints, uint, 0444);
MODULE_PARM_DESC(endpoints, "Number of endpoints, 1 to 32 (default 2)");

static unsigned int channels = 2;
module_param(channels, uint, 0444);
MODULE_PARM_DESC(channels, "DMA channels of each endpoint, 1 to 8 (default 2)");

static bool ats = true;
module_param(ats, bool, 0444);
MODULE_PARM_DESC(ats, "endpoints have ATS and PRI (default yes)");

static unsigned int atc_sets = 256;
module_param(atc_sets, uint, 0444);
MODULE_PARM_DESC(atc_sets, "ATC sets of each endpoint, a power of two up to 2^16 (default 256)");

static unsigned int atc_ways = 4;
module_param(atc_ways, uint, 0444);
MODULE_PARM_DESC(atc_ways, "ATC entries of a set, 1 to 16 (default 4)");

static char *atc_replacement = "random";
module_param(atc_replacement, charp, 0444);
MODULE_PARM_DESC(atc_replacement, "which entry of a full set goes: random, lru, plru (default random)");

static struct sim_tlb_config atc_config;

/**
 * struct sim_root_port - the host bridge and what is below it
 * @sysdata: what x86 wants to find in pci_bus.sysdata
 * @upstream: how the endpoints reach the IOMMU
 * @port: the IOMMU's side
 * @msi: interrupts
 * @bridge: the host bridge
 * @busn: bus numbers, just one
 * @debugfs: directory of all endpoints
 * @segment: PCI domain
 * @slot: the endpoints
 */
struct sim_root_port {
#ifdef CONFIG_X86
	struct pci_sysdata sysdata;
#endif
	struct sim_upstream upstream;
	struct iommu_sim_port *port;
	struct sim_msi *msi;
	struct pci_host_bridge *bridge;
	struct resource busn;
	struct dentry *debugfs;
	int segment;
	struct sim_endpoint *slot[SIM_SLOTS];
};

static struct sim_root_port *sim_root_port;

#ifdef CONFIG_X86

/* A PCI domain of our own, beyond those that ACPI can name, as VMD does */
#define SIM_SEGMENT_MIN	0x10000
#define SIM_BUS		0

#if SIM_HAVE_EMUL_DOMAIN_NR
static int sim_segment_get(void)
{
	return pci_bus_find_emul_domain_nr(0, SIM_SEGMENT_MIN, INT_MAX);
}

static void sim_segment_put(int segment)
{
	pci_bus_release_emul_domain_nr(segment);
}
#else
static int sim_segment_get(void)
{
	int segment = SIM_SEGMENT_MIN - 1;
	struct pci_bus *bus = NULL;

	while ((bus = pci_find_next_bus(bus)))
		segment = max(segment, pci_domain_nr(bus));
	return segment + 1;
}

static void sim_segment_put(int segment)
{
}
#endif

static void sim_sysdata_init(struct sim_root_port *rp)
{
	rp->sysdata.domain = rp->segment;
	rp->sysdata.node = numa_node_id();
	rp->bridge->sysdata = &rp->sysdata;
}

static struct sim_root_port *sim_root_port_of(struct pci_bus *bus)
{
	return container_of(to_pci_sysdata(bus), struct sim_root_port, sysdata);
}

#else

/* UML has one PCI domain, and takes bus 0 of it */
#define SIM_BUS		0x40

static int sim_segment_get(void)
{
	return 0;
}

static void sim_segment_put(int segment)
{
}

static void sim_sysdata_init(struct sim_root_port *rp)
{
	rp->bridge->sysdata = rp;
}

static struct sim_root_port *sim_root_port_of(struct pci_bus *bus)
{
	return bus->sysdata;
}

#endif

static enum iommu_sim_tlp_status sim_root_port_send(struct sim_upstream *up,
						    struct iommu_sim_tlp *tlp)
{
	struct sim_root_port *rp = container_of(up, struct sim_root_port, upstream);

	if (!sim_msi_match(tlp))
		return iommu_sim_tlp_send(rp->port, tlp);
	if (!sim_msi_deliver(rp->msi, tlp->rid, get_unaligned_le32(tlp->data)))
		return SIM_CPL_UNSUPPORTED_REQUEST;
	return SIM_CPL_SUCCESS;
}

static enum iommu_sim_tlp_status sim_root_port_copy(struct sim_upstream *up,
						    struct iommu_sim_tlp *read,
						    struct iommu_sim_tlp *write, bool *at_write)
{
	/* Longer than a message-signalled interrupt */
	return iommu_sim_tlp_copy(container_of(up, struct sim_root_port, upstream)->port, read,
				  write, at_write);
}

static bool sim_root_port_is_up(const struct sim_upstream *up)
{
	return iommu_sim_port_up(container_of_const(up, struct sim_root_port, upstream)->port);
}

static struct sim_endpoint *sim_bus_endpoint(struct pci_bus *bus, unsigned int devfn)
{
	return PCI_FUNC(devfn) ? NULL : sim_root_port_of(bus)->slot[PCI_SLOT(devfn)];
}

static int sim_bus_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct sim_endpoint *ep = sim_bus_endpoint(bus, devfn);

	if (!ep) {
		PCI_SET_ERROR_RESPONSE(val);
		return PCIBIOS_DEVICE_NOT_FOUND;
	}
	*val = sim_cfg_read(ep, where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int sim_bus_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct sim_endpoint *ep = sim_bus_endpoint(bus, devfn);

	if (!ep)
		return PCIBIOS_DEVICE_NOT_FOUND;
	sim_cfg_write(ep, where, size, val);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops sim_bus_ops = {
	.read	= sim_bus_read,
	.write	= sim_bus_write,
};

static int sim_create_endpoints(struct sim_root_port *rp)
{
	unsigned int i;

	rp->debugfs = debugfs_create_dir("endpoints", iommu_sim_port_debugfs(rp->port));
	for (i = 0; i < endpoints; i++) {
		u16 rid = PCI_DEVID(SIM_BUS, PCI_DEVFN(i, 0));
		struct iommu_sim_function *fn;
		struct sim_endpoint *ep;

		ep = sim_endpoint_create(&rp->upstream, rid, channels, ats ? &atc_config : NULL);
		if (IS_ERR(ep))
			return PTR_ERR(ep);
		rp->slot[i] = ep;
		if (ats) {
			fn = iommu_sim_function_add(rp->port, rid, &sim_atc_ops, ep);
			if (IS_ERR(fn))
				return PTR_ERR(fn);
			ep->function = fn;
		}
		sim_endpoint_debugfs(ep, rp->debugfs, rp->segment);
	}
	return 0;
}

static void sim_destroy_endpoints(struct sim_root_port *rp)
{
	unsigned int i;

	for (i = 0; i < SIM_SLOTS && rp->slot[i]; i++) {
		sim_endpoint_undebugfs(rp->slot[i]);
		if (rp->slot[i]->function)
			iommu_sim_function_del(rp->slot[i]->function);
		sim_endpoint_destroy(rp->slot[i]);
	}
	debugfs_remove(rp->debugfs);
}

static int sim_bus_add(struct sim_root_port *rp)
{
	struct pci_host_bridge *bridge;
	int ret;

	bridge = pci_alloc_host_bridge(0);
	if (!bridge)
		return -ENOMEM;
	rp->bridge = bridge;
	rp->busn = (struct resource) {
		.name = "iommu-sim bus",
		.start = SIM_BUS,
		.end = SIM_BUS,
		.flags = IORESOURCE_BUS,
	};
	pci_add_resource(&bridge->windows, &rp->busn);
	bridge->busnr = SIM_BUS;
	bridge->ops = &sim_bus_ops;
	bridge->msi_domain = true;
	sim_sysdata_init(rp);
	/* Before the scan: devices take it over from the bus as they are found */
	dev_set_msi_domain(&bridge->dev, sim_msi_domain(rp->msi));

	pci_lock_rescan_remove();
	ret = pci_scan_root_bus_bridge(bridge);
	if (!ret)
		pci_bus_add_devices(bridge->bus);
	pci_unlock_rescan_remove();
	if (ret)
		pci_free_host_bridge(bridge);
	return ret;
}

static void sim_bus_remove(struct sim_root_port *rp)
{
	pci_lock_rescan_remove();
	pci_stop_root_bus(rp->bridge->bus);
	pci_remove_root_bus(rp->bridge->bus);
	pci_unlock_rescan_remove();
	pci_free_host_bridge(rp->bridge);
}

static int sim_root_port_add(struct sim_root_port *rp)
{
	int ret;

	rp->segment = sim_segment_get();
	if (rp->segment < 0)
		return rp->segment;
	rp->port = iommu_sim_port_add(0, rp->segment, SIM_BUS, SIM_BUS);
	if (IS_ERR(rp->port)) {
		ret = PTR_ERR(rp->port);
		if (ret == -ENODEV)
			pr_err("the IOMMU is not enabled; load iommu-sim first\n");
		goto err_segment;
	}
	rp->upstream.inject = iommu_sim_port_inject(rp->port);
	rp->msi = sim_msi_create(rp->segment);
	if (IS_ERR(rp->msi)) {
		ret = PTR_ERR(rp->msi);
		goto err_port;
	}
	ret = sim_create_endpoints(rp) ?: sim_bus_add(rp);
	if (ret)
		goto err_endpoints;
	return 0;

err_endpoints:
	sim_destroy_endpoints(rp);
	sim_msi_destroy(rp->msi);
err_port:
	iommu_sim_port_del(rp->port);
err_segment:
	sim_segment_put(rp->segment);
	return ret;
}

static void sim_root_port_del(struct sim_root_port *rp)
{
	sim_bus_remove(rp);
	sim_destroy_endpoints(rp);
	sim_msi_destroy(rp->msi);
	iommu_sim_port_del(rp->port);
	sim_segment_put(rp->segment);
}

static int __init sim_pci_init(void)
{
	struct sim_root_port *rp;
	int ret;

	if (endpoints < 1 || endpoints > SIM_SLOTS) {
		pr_err("endpoints=%u: must be 1 to %u\n", endpoints, SIM_SLOTS);
		return -EINVAL;
	}
	if (channels < 1 || channels > IOMMU_SIM_MAX_CHANNELS) {
		pr_err("channels=%u: must be 1 to %u\n", channels, IOMMU_SIM_MAX_CHANNELS);
		return -EINVAL;
	}

	ret = sim_tlb_configure(&atc_config, "atc", atc_sets, atc_ways, atc_replacement);
	if (ret)
		return ret;
	if (!atc_ways) {
		pr_err("atc_ways=0: there has to be an ATC; ats=0 is without\n");
		return -EINVAL;
	}

	rp = kzalloc(sizeof(*rp), GFP_KERNEL);
	if (!rp)
		return -ENOMEM;
	rp->upstream.send = sim_root_port_send;
	rp->upstream.copy = sim_root_port_copy;
	rp->upstream.is_up = sim_root_port_is_up;
	ret = sim_root_port_add(rp);
	if (ret) {
		kfree(rp);
		return ret;
	}
	sim_root_port = rp;
	return 0;
}
module_init(sim_pci_init);

static void __exit sim_pci_exit(void)
{
	sim_root_port_del(sim_root_port);
	kfree(sim_root_port);
}
module_exit(sim_pci_exit);

MODULE_DESCRIPTION("Synthetic PCI bus and endpoints behind the emulated IOMMU");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: iommu-sim");
SIM_IMPORT_NS(IOMMU_SIM_TLP);
SIM_IMPORT_NS(IOMMU_SIM_DEBUG);
SIM_IMPORT_NS(IOMMU_SIM_CACHE);
