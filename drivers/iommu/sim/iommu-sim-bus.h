/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contract 1: how a driver reaches the emulated IOMMU.
 *
 * What a real driver has from its platform: a register window, an interrupt
 * (the platform device's) and a firmware table that says which IOMMU sits in
 * front of which PCI bus. All else is bytes in memory, see iommu-sim-bits.h.
 */
#ifndef _IOMMU_SIM_BUS_H
#define _IOMMU_SIM_BUS_H

#include <linux/types.h>

struct dentry;
struct fwnode_handle;
struct iommu_sim_stats;
struct platform_device;
struct sim_inject;

#define IOMMU_SIM_PLATFORM_NAME	"iommu-sim"

/* One instance; on the driver's side of this contract just a cookie */
struct iommu_sim_hw;

struct iommu_sim_hw *iommu_sim_mmio_map(struct platform_device *pdev);
u64 iommu_sim_mmio_read(struct iommu_sim_hw *hw, u32 offset);
void iommu_sim_mmio_write(struct iommu_sim_hw *hw, u32 offset, u64 value);

struct fwnode_handle *iommu_sim_topology_find(u32 segment, u8 bus);

struct dentry *iommu_sim_mmio_debugfs(struct iommu_sim_hw *hw);
struct sim_inject *iommu_sim_mmio_inject(struct iommu_sim_hw *hw);
void iommu_sim_mmio_add_stats(struct iommu_sim_hw *hw, struct iommu_sim_stats *stats);
void iommu_sim_mmio_del_stats(struct iommu_sim_hw *hw, struct iommu_sim_stats *stats);

#endif
