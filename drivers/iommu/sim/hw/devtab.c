// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device table (spec 3): read from memory, checked, cached.
 */
#include <linux/hash.h>

#include "hw.h"

static struct sim_dte_slot *slot_of(struct iommu_sim_hw *hw, u16 rid)
{
	return &hw->dte_slots[hash_32(rid, ilog2(SIM_DTE_SLOTS))];
}

static bool slot_find(const struct sim_dte_slot *slot, u16 rid, u64 qw[2])
{
	unsigned int seq;
	bool found;

	do {
		seq = read_seqcount_begin(&slot->seq);
		found = slot->rid == rid;
		qw[0] = slot->qw[0];
		qw[1] = slot->qw[1];
	} while (read_seqcount_retry(&slot->seq, seq));
	return found;
}

static void slot_write(struct sim_dte_slot *slot, u32 rid, const u64 qw[2])
{
	write_seqcount_begin(&slot->seq);
	slot->rid = rid;
	slot->qw[0] = qw[0];
	slot->qw[1] = qw[1];
	write_seqcount_end(&slot->seq);
}

/* spec 3.2 */
static bool entry_valid(const u64 qw[4])
{
	unsigned int levels = FIELD_GET(SIM_DTE0_LEVELS, qw[0]);
	unsigned int cfg = FIELD_GET(SIM_DTE0_CFG, qw[0]);

	if (!(qw[0] & SIM_DTE0_V))
		return false;
	if (qw[0] & SIM_DTE0_RSVD || qw[1] & SIM_DTE1_RSVD || qw[2] || qw[3])
		return false;
	if (cfg == SIM_DTE_CFG_TRANSLATE)
		return levels >= 1 && levels <= SIM_MAX_LEVELS;
	return cfg == SIM_DTE_CFG_BYPASS || cfg == SIM_DTE_CFG_ABORT;
}

/* An entry that keeps changing is treated as not valid after this often */
#define READ_TRIES	8

/*
 * spec 3.2: words of one entry, not of two. A mixture would walk the old root
 * and cache the result under the new domain ID, where no flush of the old
 * domain reaches it.
 */
static bool read_words(struct iommu_sim_hw *hw, u64 pa, u64 qw[4])
{
	unsigned int i, tries = READ_TRIES;
	u64 again;

	do {
		for (i = 0; i < 4; i++) {
			if (sim_mem_read64(hw, pa + i * sizeof(u64), &qw[i]))
				return false;
			/* Pairs with the writer's barriers between the words */
			smp_rmb();
		}
		if (sim_mem_read64(hw, pa, &again))
			return false;
	} while (again != qw[0] && --tries);
	if (!tries)
		qw[0] = 0;
	return true;
}

static enum sim_event_type read_entry(struct iommu_sim_hw *hw, u16 rid, u64 qw[4], u64 *info)
{
	u64 pa = (hw->devtab & SIM_BASE_ADDR) + rid * sizeof(struct sim_dte);

	*info = 0;
	if (rid >> FIELD_GET(SIM_BASE_LG2, hw->devtab))
		return SIM_EVT_ILLEGAL_DEVTAB_ENTRY;
	sim_hw_stat(hw, SIM_STAT_DEVTAB_READS);
	if (!read_words(hw, pa, qw)) {
		*info = pa;
		return SIM_EVT_DEVTAB_HW_ERROR;
	}
	*info = qw[0];
	return entry_valid(qw) ? SIM_EVT_NONE : SIM_EVT_ILLEGAL_DEVTAB_ENTRY;
}

/**
 * sim_devtab_lookup() - the device table entry for a request
 * @hw: the instance
 * @tlp: the request
 * @qw: the first two words of the entry
 *
 * An entry that is not valid is reported. Context: in an access section.
 * Return: true if there is a valid entry.
 */
bool sim_devtab_lookup(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp, u64 qw[2])
{
	struct sim_dte_slot *slot = slot_of(hw, tlp->rid);
	enum sim_event_type event;
	u64 entry[4], info;
	u32 inv_seq;

	if (slot_find(slot, tlp->rid, qw))
		return true;

	/* Pairs with the increments in the functions below */
	inv_seq = smp_load_acquire(&hw->dte_inv_seq);
	event = read_entry(hw, tlp->rid, entry, &info);
	if (event) {
		sim_hw_report(hw, event, tlp, 0, 0, info);
		return false;
	}
	qw[0] = entry[0];
	qw[1] = entry[1];

	raw_spin_lock(&hw->lock);
	if (hw->dte_inv_seq == inv_seq)
		slot_write(slot, tlp->rid, qw);
	raw_spin_unlock(&hw->lock);
	return true;
}

static void slot_clear(struct sim_dte_slot *slot)
{
	static const u64 nothing[2];

	slot_write(slot, SIM_DTE_SLOT_EMPTY, nothing);
}

/**
 * sim_devtab_invalidate() - forget the entry of a device
 * @hw: the instance
 * @rid: its requester ID
 *
 * Context: any, interrupts off.
 */
void sim_devtab_invalidate(struct iommu_sim_hw *hw, u16 rid)
{
	struct sim_dte_slot *slot = slot_of(hw, rid);

	raw_spin_lock(&hw->lock);
	WRITE_ONCE(hw->dte_inv_seq, hw->dte_inv_seq + 1);
	if (slot->rid == rid)
		slot_clear(slot);
	raw_spin_unlock(&hw->lock);
}

/**
 * sim_devtab_invalidate_all() - forget all entries
 * @hw: the instance
 *
 * Context: any, interrupts off, iommu_sim_hw::lock held.
 */
void sim_devtab_invalidate_all(struct iommu_sim_hw *hw)
{
	unsigned int i;

	lockdep_assert_held(&hw->lock);
	WRITE_ONCE(hw->dte_inv_seq, hw->dte_inv_seq + 1);
	for (i = 0; i < SIM_DTE_SLOTS; i++)
		slot_clear(&hw->dte_slots[i]);
}
