/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Table-driven registers, for the IOMMU's own (64 bits wide) and for PCI
 * configuration space (32 bits wide): what a write may change is data.
 */
#ifndef _IOMMU_SIM_REGFILE_H
#define _IOMMU_SIM_REGFILE_H

#include <linux/types.h>

/**
 * struct sim_reg - one register
 * @offset: in bytes, aligned to the register's width
 * @reset: value after reset
 * @rw: bits that software can write
 * @w1c: bits that a write of 1 clears
 *
 * All other bits are read only, and change in hardware only.
 */
struct sim_reg {
	u32 offset;
	u64 reset;
	u64 rw;
	u64 w1c;
};

/**
 * sim_reg_merge() - the value of a register after a write
 * @reg: the register
 * @old: its value before
 * @val: what is written, in place
 * @bytes: mask of the bits that the write covers; ~0 for a full write
 */
static inline u64 sim_reg_merge(const struct sim_reg *reg, u64 old, u64 val, u64 bytes)
{
	u64 rw = reg->rw & bytes;

	return ((old & ~rw) | (val & rw)) & ~(val & bytes & reg->w1c);
}

#endif
