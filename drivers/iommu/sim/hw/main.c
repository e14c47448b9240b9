// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu-sim-hw: the emulated IOMMU as a device of this machine. An instance is
 * a platform device with an interrupt, as an IOMMU is that firmware describes,
 * and the topology says which PCI buses it translates for.
 */
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/irq.h>
#include <linux/platform_device.h>
#include <linux/property.h>

#include "compat.h"
#include "hw.h"
#include "iommu-sim-bus.h"

static unsigned int iotlb_sets = 4096;
module_param(iotlb_sets, uint, 0444);
MODULE_PARM_DESC(iotlb_sets, "IOTLB sets, a power of two up to 2^16 (default 4096)");

static unsigned int iotlb_ways = 4;
module_param(iotlb_ways, uint, 0444);
MODULE_PARM_DESC(iotlb_ways, "IOTLB entries of a set, 1 to 16 (default 4)");

static char *iotlb_replacement = "random";
module_param(iotlb_replacement, charp, 0444);
MODULE_PARM_DESC(iotlb_replacement, "which entry of a full set goes: random, lru, plru (default random)");

static unsigned int pwc_sets = 256;
module_param(pwc_sets, uint, 0444);
MODULE_PARM_DESC(pwc_sets, "page walk cache sets, a power of two up to 2^16 (default 256)");

static unsigned int pwc_ways = 4;
module_param(pwc_ways, uint, 0444);
MODULE_PARM_DESC(pwc_ways, "page walk cache entries of a set, 0 to 16, 0 for no cache (default 4)");

static char *cmdq_mode = "inline";
module_param(cmdq_mode, charp, 0444);
MODULE_PARM_DESC(cmdq_mode, "when commands are executed: inline, latency, thread (default inline)");

static unsigned int cmdq_latency_ns = 1000;
module_param(cmdq_latency_ns, uint, 0444);
MODULE_PARM_DESC(cmdq_latency_ns, "what a command takes with cmdq_mode=latency, up to 100000 (default 1000)");

static bool invalidate_range = true;
module_param(invalidate_range, bool, 0444);
MODULE_PARM_DESC(invalidate_range, "have the command INVALIDATE_RANGE (default yes)");

static bool caching_mode;
module_param(caching_mode, bool, 0444);
MODULE_PARM_DESC(caching_mode, "cache translations that are not present, too (default no)");

static const char *const modes[SIM_CMDQ_NR_MODES] = {
	[SIM_CMDQ_INLINE]	= "inline",
	[SIM_CMDQ_LATENCY]	= "latency",
	[SIM_CMDQ_THREAD]	= "thread",
};

static DEFINE_MUTEX(topology_lock);
static LIST_HEAD(instances);	/* under topology_lock */
static LIST_HEAD(ports);	/* under topology_lock */

static void raise_platform_irq(struct iommu_sim_hw *hw)
{
	generic_handle_irq_safe(hw->irq);
}

static int setup_irq(struct iommu_sim_hw *hw)
{
	hw->irq = irq_alloc_desc(NUMA_NO_NODE);
	if (hw->irq < 0)
		return hw->irq;
	irq_set_chip_and_handler(hw->irq, &dummy_irq_chip, handle_edge_irq);
	irq_clear_status_flags(hw->irq, IRQ_NOREQUEST | IRQ_NOPROBE);
	hw->raise_irq = raise_platform_irq;
	return 0;
}

static int register_device(struct iommu_sim_hw *hw)
{
	struct resource res = DEFINE_RES_IRQ(hw->irq);
	struct platform_device_info info = {
		.fwnode = hw->fwnode,
		.name = IOMMU_SIM_PLATFORM_NAME,
		.id = hw->id,
		.res = &res,
		.num_res = 1,
		.dma_mask = DMA_BIT_MASK(64),
	};

	hw->pdev = platform_device_register_full(&info);
	return PTR_ERR_OR_ZERO(hw->pdev);
}

static void destroy_instance(struct iommu_sim_hw *hw)
{
	mutex_lock(&topology_lock);
	list_del(&hw->node);
	mutex_unlock(&topology_lock);
	platform_device_unregister(hw->pdev);
	debugfs_remove_recursive(hw->debugfs);
	irq_work_sync(&hw->irq_work);
	irq_free_desc(hw->irq);
	fwnode_remove_software_node(hw->fwnode);
	sim_hw_destroy(hw);
}

static int create_instance(int id, const struct sim_hw_config *config)
{
	struct iommu_sim_hw *hw;
	int ret;

	hw = sim_hw_create(config);
	if (IS_ERR(hw))
		return PTR_ERR(hw);
	hw->id = id;
	hw->fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(hw->fwnode)) {
		ret = PTR_ERR(hw->fwnode);
		goto destroy_hw;
	}
	ret = setup_irq(hw);
	if (ret)
		goto remove_fwnode;

	sim_debugfs_add(hw);
	mutex_lock(&topology_lock);
	list_add_tail(&hw->node, &instances);
	mutex_unlock(&topology_lock);

	ret = register_device(hw);
	if (ret)
		goto remove_instance;
	return 0;

remove_instance:
	mutex_lock(&topology_lock);
	list_del(&hw->node);
	mutex_unlock(&topology_lock);
	debugfs_remove_recursive(hw->debugfs);
	irq_free_desc(hw->irq);
remove_fwnode:
	fwnode_remove_software_node(hw->fwnode);
destroy_hw:
	sim_hw_destroy(hw);
	return ret;
}

static struct iommu_sim_hw *find_instance(int id)
{
	struct iommu_sim_hw *hw;

	lockdep_assert_held(&topology_lock);
	list_for_each_entry(hw, &instances, node)
		if (hw->id == id)
			return hw;
	return NULL;
}

/**
 * iommu_sim_mmio_map() - get hold of an instance's registers
 * @pdev: its platform device
 *
 * Context: may sleep. Return: the instance, valid while @pdev is bound; or
 * NULL if @pdev is none.
 */
struct iommu_sim_hw *iommu_sim_mmio_map(struct platform_device *pdev)
{
	struct iommu_sim_hw *hw;

	mutex_lock(&topology_lock);
	hw = find_instance(pdev->id);
	mutex_unlock(&topology_lock);
	return hw;
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_map);

/**
 * iommu_sim_topology_find() - which IOMMU is in front of a PCI bus
 * @segment: PCI domain
 * @bus: bus number
 *
 * What ACPI's IVRS or IORT would say. Context: may sleep. Return: the
 * firmware node of the instance's platform device, or NULL.
 */
struct fwnode_handle *iommu_sim_topology_find(u32 segment, u8 bus)
{
	struct fwnode_handle *fwnode = NULL;
	struct iommu_sim_port *port;

	mutex_lock(&topology_lock);
	list_for_each_entry(port, &ports, node)
		if (port->segment == segment && bus >= port->bus_first && bus <= port->bus_last)
			fwnode = port->hw->fwnode;
	mutex_unlock(&topology_lock);
	return fwnode;
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_topology_find);

/**
 * iommu_sim_port_add() - put PCI buses behind an instance
 * @instance: its number; 0 is made when the module is loaded
 * @segment: PCI domain
 * @bus_first: first bus number
 * @bus_last: last bus number
 *
 * To be called before the buses are scanned. Context: may sleep.
 * Return: the root port, or an ERR_PTR(): -ENODEV if there is no such instance
 * or no driver has enabled it, -EEXIST if the buses are taken, -ENOMEM.
 */
struct iommu_sim_port *iommu_sim_port_add(unsigned int instance, u32 segment,
					  u8 bus_first, u8 bus_last)
{
	struct iommu_sim_port *port, *other;
	int ret = 0;

	port = kzalloc(sizeof(*port), GFP_KERNEL);
	if (!port)
		return ERR_PTR(-ENOMEM);
	port->segment = segment;
	port->bus_first = bus_first;
	port->bus_last = bus_last;

	mutex_lock(&topology_lock);
	port->hw = find_instance(instance);
	if (!port->hw || !iommu_sim_port_up(port))
		ret = -ENODEV;
	list_for_each_entry(other, &ports, node)
		if (other->segment == segment && other->bus_first <= bus_last &&
		    bus_first <= other->bus_last)
			ret = -EEXIST;
	if (!ret)
		list_add_tail(&port->node, &ports);
	mutex_unlock(&topology_lock);

	if (ret) {
		kfree(port);
		return ERR_PTR(ret);
	}
	return port;
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_port_add);

/**
 * iommu_sim_port_del() - undo iommu_sim_port_add()
 * @port: the root port; its buses are gone
 *
 * Context: may sleep.
 */
void iommu_sim_port_del(struct iommu_sim_port *port)
{
	mutex_lock(&topology_lock);
	list_del(&port->node);
	mutex_unlock(&topology_lock);
	kfree(port);
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_port_del);

/**
 * iommu_sim_port_up() - whether the IOMMU above a port is on
 * @port: the root port
 *
 * While it is not, devices must not answer: another IOMMU driver might take
 * them. Context: any. Return: true if a driver has enabled it.
 */
bool iommu_sim_port_up(const struct iommu_sim_port *port)
{
	return READ_ONCE(port->hw->ctrl) & SIM_CTRL_EN;
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_port_up);

/**
 * iommu_sim_port_debugfs() - the debugfs directory for what is behind a port
 * @port: the root port
 *
 * Return: what debugfs_create_dir() returned for the instance.
 */
struct dentry *iommu_sim_port_debugfs(const struct iommu_sim_port *port)
{
	return port->hw->debugfs;
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_port_debugfs);

/**
 * iommu_sim_port_inject() - the injection points for what is behind a port
 * @port: the root port
 *
 * Return: those of the instance.
 */
struct sim_inject *iommu_sim_port_inject(const struct iommu_sim_port *port)
{
	return &port->hw->inject;
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_port_inject);

#define MAX_LATENCY_NS	100000

/* Checks the parameters, too */
static int __init configure(struct sim_hw_config *config)
{
	int mode = match_string(modes, ARRAY_SIZE(modes), cmdq_mode), ret;

	ret = sim_tlb_configure(&config->iotlb, "iotlb", iotlb_sets, iotlb_ways,
				iotlb_replacement) ?:
	      sim_tlb_configure(&config->pwc, "pwc", pwc_sets, pwc_ways, "random");
	if (ret)
		return ret;
	if (!iotlb_ways) {
		pr_err("iommu-sim: iotlb_ways=0: there has to be an IOTLB\n");
		return -EINVAL;
	}
	if (mode < 0) {
		pr_err("iommu-sim: cmdq_mode=%s is unknown\n", cmdq_mode);
		return -EINVAL;
	}
	if (cmdq_latency_ns > MAX_LATENCY_NS) {
		pr_err("iommu-sim: cmdq_latency_ns=%u is more than %u\n", cmdq_latency_ns,
		       MAX_LATENCY_NS);
		return -EINVAL;
	}
	config->cmdqs = min(num_possible_cpus(), SIM_MAX_CMDQS);
	config->mode = mode;
	config->latency_ns = cmdq_latency_ns;
	config->npcache = caching_mode;
	config->no_range = !invalidate_range;
	return 0;
}

static int __init sim_hw_init(void)
{
	struct sim_hw_config config = {};
	int ret;

	ret = configure(&config);
	if (ret)
		return ret;
	ret = sim_mem_setup();
	if (ret)
		return ret;
	sim_debugfs_root = debugfs_create_dir("iommu-sim", NULL);
	ret = create_instance(0, &config);
	if (ret) {
		debugfs_remove_recursive(sim_debugfs_root);
		sim_mem_teardown();
	}
	return ret;
}
module_init(sim_hw_init);

static void __exit sim_hw_exit(void)
{
	destroy_instance(list_first_entry(&instances, struct iommu_sim_hw, node));
	debugfs_remove_recursive(sim_debugfs_root);
	sim_mem_teardown();
}
module_exit(sim_hw_exit);

MODULE_DESCRIPTION("Emulated IOMMU: the silicon");
MODULE_LICENSE("GPL");
