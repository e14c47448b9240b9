// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table walker (spec 4.3). It shares nothing with the writer in
 * driver/ but the format, so each is a check of the other.
 */
#include "hw.h"

/* An entry that keeps changing is treated as not present after this often */
#define WALK_TRIES	8

/* spec 4.2: size and address of a leaf at @level; false if malformed */
static bool decode_leaf(struct sim_walk *walk, unsigned int level)
{
	unsigned int slot_lg2 = sim_pt_slot_lg2(level);
	u64 addr = walk->entry & SIM_PTE_ADDR;

	if (level > SIM_PT_MAX_LEAF_LEVEL)
		return false;
	walk->size_lg2 = slot_lg2;
	if (FIELD_GET(SIM_PTE_NL, walk->entry) == SIM_PTE_NL_SIZED) {
		walk->size_lg2 = sim_sized_addr_lg2(addr);
		if (walk->size_lg2 <= slot_lg2 ||
		    walk->size_lg2 >= slot_lg2 + SIM_PT_LEVEL_LG2 ||
		    walk->size_lg2 >= SIM_PA_BITS)
			return false;
		addr &= ~GENMASK_ULL(walk->size_lg2 - 1, 0);
	}
	walk->pa = addr;
	return !(addr & GENMASK_ULL(walk->size_lg2 - 1, 0));
}

/* spec 4.3 step 8; true if the table at the next level can be walked */
static bool descend(const struct sim_walk *walk, unsigned int level, unsigned int next)
{
	u64 skipped;

	if (next >= level)
		return false;
	skipped = GENMASK_ULL(min(sim_pt_slot_lg2(level), 64U) - 1, 0) &
		  ~GENMASK_ULL(sim_pt_slot_lg2(next + 1) - 1, 0);
	return !(walk->iova & skipped);
}

static enum sim_event_type fault(struct sim_walk *walk, u16 flags)
{
	walk->fault = flags;
	return SIM_EVT_IO_PAGE_FAULT;
}

/*
 * spec 5.5: the lowest table that is known to lead to the address. Where rights are
 * missing on the way to it, the walk is to say where.
 */
static u64 start_table(struct iommu_sim_hw *hw, struct sim_walk *walk, unsigned int *level)
{
	struct sim_tlb_data data;

	*level = walk->levels;
	/* See close_pwc() in cmdq.c */
	if (!walk->cached || !sim_tlb_exists(&hw->pwc) || atomic_read(&hw->pwc_closed))
		return walk->root;
	if (!sim_tlb_lookup(&hw->pwc, walk->space, walk->iova, &data) ||
	    walk->need & ~data.rights || data.size_lg2 >= sim_pt_slot_lg2(walk->levels + 1)) {
		sim_hw_stat(hw, SIM_STAT_PWC_MISSES);
		return walk->root;
	}
	sim_hw_stat(hw, SIM_STAT_PWC_HITS);
	*level = (data.size_lg2 - SIM_PAGE_LG2) / SIM_PT_LEVEL_LG2;
	walk->rights &= data.rights;
	return data.pa;
}

static void remember_table(struct iommu_sim_hw *hw, const struct sim_walk *walk, u64 table,
			   unsigned int level)
{
	struct sim_tlb_data data = {
		.pa = table,
		.rights = walk->rights,
		.size_lg2 = sim_pt_va_bits(level),
	};

	if (walk->cached)
		sim_tlb_fill(&hw->pwc, walk->token, walk->space, walk->iova, &data);
}

static enum sim_event_type walk_once(struct iommu_sim_hw *hw, struct sim_walk *walk)
{
	unsigned int level;
	u64 table = start_table(hw, walk, &level);

	for (;;) {
		unsigned int next;
		u64 index = (walk->iova >> sim_pt_slot_lg2(level)) &
			    GENMASK_ULL(SIM_PT_LEVEL_LG2 - 1, 0);

		walk->entry_pa = table + index * sizeof(u64);
		if (sim_mem_read64(hw, walk->entry_pa, &walk->entry))
			return SIM_EVT_PAGE_TAB_HW_ERROR;
		walk->reads++;

		if (!(walk->entry & SIM_PTE_PR))
			return fault(walk, 0);
		if (walk->entry & SIM_PTE_RSVD)
			return fault(walk, SIM_EVTF_PRESENT | SIM_EVTF_RSVD);
		walk->rights &= walk->entry;
		if (walk->need & ~walk->rights)
			return fault(walk, SIM_EVTF_PRESENT | SIM_EVTF_PERM);

		next = FIELD_GET(SIM_PTE_NL, walk->entry);
		if (next == SIM_PTE_NL_LEAF || next == SIM_PTE_NL_SIZED) {
			if (!decode_leaf(walk, level))
				return fault(walk, SIM_EVTF_PRESENT | SIM_EVTF_RSVD);
			return SIM_EVT_NONE;
		}
		if (!descend(walk, level, next))
			return fault(walk, SIM_EVTF_PRESENT | SIM_EVTF_RSVD);
		table = walk->entry & SIM_PTE_ADDR;
		level = next;
		remember_table(hw, walk, table, level);
	}
}

/**
 * sim_walk() - translate an address by the page table
 * @hw: the instance
 * @walk: what to translate, and the answer
 *
 * Sets A and D in the leaf as asked (spec 4.4). Context: in an access section.
 * Return: SIM_EVT_NONE, or the event to report.
 */
enum sim_event_type sim_walk(struct iommu_sim_hw *hw, struct sim_walk *walk)
{
	u64 rights = walk->rights, set;
	unsigned int tries = WALK_TRIES;
	enum sim_event_type event;
	int ret;

	walk->reads = 0;
	walk->entry = 0;
	walk->entry_pa = 0;
	if (walk->levels < SIM_MAX_LEVELS && walk->iova >> sim_pt_va_bits(walk->levels))
		return fault(walk, SIM_EVTF_RANGE);

	while (tries--) {
		walk->rights = rights;
		event = walk_once(hw, walk);
		set = walk->rights & SIM_PTE_IW ? walk->set : walk->set & ~SIM_PTE_D;
		if (event || !(set & ~walk->entry))
			return event;
		ret = sim_mem_cmpxchg64(hw, walk->entry_pa, walk->entry, walk->entry | set);
		if (!ret) {
			walk->entry |= set;
			return SIM_EVT_NONE;
		}
		if (ret != -EAGAIN)
			return SIM_EVT_PAGE_TAB_HW_ERROR;
	}
	return fault(walk, 0);
}
