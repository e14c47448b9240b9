// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs of an instance; Documentation/ABI/testing/debugfs-iommu-sim
 */
#include <linux/debugfs.h>

#include "compat.h"
#include "hw.h"
#include "iommu-sim-bus.h"

struct dentry *sim_debugfs_root;

static int stats_show(struct seq_file *s, void *unused)
{
	struct iommu_sim_hw *hw = s->private;
	struct iommu_sim_stats *stats;

	mutex_lock(&hw->stats_lock);
	list_for_each_entry(stats, &hw->stats_list, node)
		sim_stats_show(s, stats);
	mutex_unlock(&hw->stats_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

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
	sim_inject_debugfs(&hw->inject, hw->debugfs);
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
