// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs of an instance; Documentation/ABI/testing/debugfs-iommu-sim
 */
#include <linux/debugfs.h>

#include "compat.h"
#include "hw.h"
#include "iommu-sim-bus.h"

struct dentry *sim_debugfs_root;

/* For each page size that was ever cached */
static void show_size_hits(struct seq_file *s, struct iommu_sim_hw *hw)
{
	unsigned long sizes = atomic64_read(&hw->iotlb.sizes);
	unsigned int size_lg2;
	char name[8];

	for_each_set_bit(size_lg2, &sizes, BITS_PER_LONG) {
		sim_tlb_size_name(name, sizeof(name), size_lg2);
		seq_printf(s, "iotlb_hits_%s %llu\n", name,
			   sim_stat_read(&hw->size_hits, size_lg2));
	}
}

static int stats_show(struct seq_file *s, void *unused)
{
	struct iommu_sim_hw *hw = s->private;
	struct iommu_sim_stats *stats;

	mutex_lock(&hw->stats_lock);
	list_for_each_entry(stats, &hw->stats_list, node)
		sim_stats_show(s, stats);
	mutex_unlock(&hw->stats_lock);
	show_size_hits(s, hw);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int iotlb_show(struct seq_file *s, void *unused)
{
	struct iommu_sim_hw *hw = s->private;

	return sim_tlb_show(s, &hw->iotlb, 'd');
}
DEFINE_SHOW_ATTRIBUTE(iotlb);

static int pwc_show(struct seq_file *s, void *unused)
{
	struct iommu_sim_hw *hw = s->private;

	return sim_tlb_show(s, &hw->pwc, 'd');
}
DEFINE_SHOW_ATTRIBUTE(pwc);

/**
 * sim_debugfs_add() - make the directory of an instance
 * @hw: the instance, with its id
 */
void sim_debugfs_add(struct iommu_sim_hw *hw)
{
	char name[16];

	snprintf(name, sizeof(name), "iommu%d", hw->id);
	hw->debugfs = debugfs_create_dir(name, sim_debugfs_root);
	iommu_sim_mmio_add_stats(hw, &hw->stats);
	debugfs_create_file("stats", 0444, hw->debugfs, hw, &stats_fops);
	debugfs_create_file("iotlb", 0400, hw->debugfs, hw, &iotlb_fops);
	debugfs_create_file("pwc", 0400, hw->debugfs, hw, &pwc_fops);
	sim_inject_debugfs(&hw->inject, hw->debugfs, hw->fwnode);
}

/**
 * iommu_sim_mmio_debugfs() - the directory of an instance
 * @hw: the instance
 *
 * Return: what debugfs_create_dir() returned.
 */
struct dentry *iommu_sim_mmio_debugfs(struct iommu_sim_hw *hw)
{
	return hw->debugfs;
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_debugfs);

/**
 * iommu_sim_mmio_inject() - the injection points of an instance
 * @hw: the instance
 *
 * Return: the points, there as long as the instance.
 */
struct sim_inject *iommu_sim_mmio_inject(struct iommu_sim_hw *hw)
{
	return &hw->inject;
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_inject);

/**
 * iommu_sim_mmio_add_stats() - show counters in the instance's "stats"
 * @hw: the instance
 * @stats: the counters, there until iommu_sim_mmio_del_stats()
 *
 * Context: may sleep.
 */
void iommu_sim_mmio_add_stats(struct iommu_sim_hw *hw, struct iommu_sim_stats *stats)
{
	mutex_lock(&hw->stats_lock);
	list_add_tail(&stats->node, &hw->stats_list);
	mutex_unlock(&hw->stats_lock);
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_add_stats);

/**
 * iommu_sim_mmio_del_stats() - undo iommu_sim_mmio_add_stats()
 * @hw: the instance
 * @stats: the counters
 *
 * Context: may sleep.
 */
void iommu_sim_mmio_del_stats(struct iommu_sim_hw *hw, struct iommu_sim_stats *stats)
{
	mutex_lock(&hw->stats_lock);
	list_del_init(&stats->node);
	mutex_unlock(&hw->stats_lock);
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_del_stats);
