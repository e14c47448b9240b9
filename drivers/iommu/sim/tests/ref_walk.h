/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second page table walk, for comparison only. It is written from the text
 * of spec 4, bit by bit and slow, and uses none of the constants of
 * iommu-sim-bits.h: a wrong one there cannot hide here.
 */
#ifndef _IOMMU_SIM_TESTS_REF_WALK_H
#define _IOMMU_SIM_TESTS_REF_WALK_H

#include <linux/bits.h>
#include <linux/types.h>

/* Memory: a copy of what the device sees, so that A and D can be compared */
struct ref_mem {
	u64 base;
	u64 size;
	u8 *bytes;
};

/* Numbered as the events of spec 7.2 */
enum ref_result {
	REF_TRANSLATED		= 0,
	REF_PAGE_FAULT		= 2,
	REF_TABLE_NOT_RAM	= 4,
};

/* Flags of a fault, spec 7.3 */
#define REF_PRESENT		BIT(5)
#define REF_PERM		BIT(6)
#define REF_RSVD		BIT(7)
#define REF_RANGE		BIT(8)

/**
 * struct ref_walk - what to translate, and the answer
 * @iova: address to translate
 * @root: address of the highest table
 * @levels: number of levels, 1 to 6
 * @reads: the request reads
 * @writes: the request writes
 * @may_read: in: IR of the device; out: what is left of it
 * @may_write: in: IW of the device; out: what is left of it
 * @set_a: set A in the leaf
 * @set_d: set D in the leaf
 * @result: how it ended
 * @flags: REF_* with REF_PAGE_FAULT
 * @entry: last entry read, as it was; 0 if none
 * @entry_pa: address of the last entry read, or not reached
 * @pa: address of the page
 * @size_lg2: log2 of the page's size
 * @nr_reads: entries read
 */
struct ref_walk {
	u64 iova;
	u64 root;
	int levels;
	bool reads;
	bool writes;
	bool may_read;
	bool may_write;
	bool set_a;
	bool set_d;

	enum ref_result result;
	unsigned int flags;
	u64 entry;
	u64 entry_pa;
	u64 pa;
	int size_lg2;
	int nr_reads;
};

void ref_walk(const struct ref_mem *mem, struct ref_walk *w);

#endif
