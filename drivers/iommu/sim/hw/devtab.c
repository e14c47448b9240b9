// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device table (spec 3) and the PASID tables: read from memory, checked,
 * cached. An entry of either is cached in the same way, by requester ID and
 * PASID.
 */
#include <linux/hash.h>

#include "hw.h"

#define KEY_RID		GENMASK_ULL(15, 0)
#define KEY_HAS_PASID	BIT_ULL(16)
#define KEY_PASID	GENMASK_ULL(36, 17)

static u64 pasid_key(u16 rid, u32 pasid)
{
	return rid | KEY_HAS_PASID | FIELD_PREP(KEY_PASID, pasid);
}

static struct sim_dte_slot *slot_of(struct iommu_sim_hw *hw, u64 key)
{
	return &hw->dte_slots[hash_64(key, ilog2(SIM_DTE_SLOTS))];
}

static bool slot_find(const struct sim_dte_slot *slot, u64 key, u64 qw[2])
{
	unsigned int seq;
	bool found;

	do {
		seq = read_seqcount_begin(&slot->seq);
		found = slot->key == key;
		qw[0] = slot->qw[0];
		qw[1] = slot->qw[1];
	} while (read_seqcount_retry(&slot->seq, seq));
	return found;
}

static void slot_write(struct sim_dte_slot *slot, u64 key, const u64 qw[2])
{
	write_seqcount_begin(&slot->seq);
	slot->key = key;
	slot->qw[0] = qw[0];
	slot->qw[1] = qw[1];
	write_seqcount_end(&slot->seq);
}

/* spec 3.2, 3.3: what word 0 of either entry has to be */
static bool word0_valid(u64 qw0)
{
	unsigned int levels = FIELD_GET(SIM_DTE0_LEVELS, qw0);
	unsigned int cfg = FIELD_GET(SIM_DTE0_CFG, qw0);

	if (!(qw0 & SIM_DTE0_V) || qw0 & SIM_DTE0_RSVD)
		return false;
	if (cfg == SIM_DTE_CFG_TRANSLATE)
		return levels >= 1 && levels <= SIM_MAX_LEVELS;
	return cfg == SIM_DTE_CFG_BYPASS || cfg == SIM_DTE_CFG_ABORT;
}

static bool entry_valid(const u64 qw[4])
{
	if (!word0_valid(qw[0]) || qw[1] & SIM_DTE1_RSVD || qw[3])
		return false;
	if (!(qw[2] & SIM_DTE2_PV))
		return !qw[2];
	return !(qw[2] & SIM_DTE2_RSVD) && FIELD_GET(SIM_DTE2_LG2, qw[2]) <= SIM_PASID_DIR_MAX_LG2;
}

/* An entry that keeps changing is treated as not valid after this often */
#define READ_TRIES	8

/*
 * spec 3.2: words of one entry, not of two. A mixture would walk the old root
 * and cache the result under the new domain ID, where no flush of the old
 * domain reaches it.
 */
static bool read_words(struct iommu_sim_hw *hw, u64 pa, u64 *qw, unsigned int nr)
{
	unsigned int i, tries = READ_TRIES;
	u64 again;

	do {
		for (i = 0; i < nr; i++) {
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
	if (!read_words(hw, pa, qw, 4)) {
		*info = pa;
		return SIM_EVT_DEVTAB_HW_ERROR;
	}
	*info = qw[0];
	return entry_valid(qw) ? SIM_EVT_NONE : SIM_EVT_ILLEGAL_DEVTAB_ENTRY;
}

/*
 * spec 3.3: from the device's entry in @qw to that of one of its PASIDs. What the
 * device may do limits what the PASID may.
 */
static enum sim_event_type read_pasid_entry(struct iommu_sim_hw *hw, u32 pasid, u64 qw[4],
					    u64 *info)
{
	u64 pa, dir, entry[2], rights = qw[0] & (SIM_DTE0_IR | SIM_DTE0_IW);
	u32 index = pasid >> SIM_PASID_TABLE_LG2;

	*info = 0;
	if (!(qw[2] & SIM_DTE2_PV))
		return SIM_EVT_INVALID_DEVICE_REQUEST;
	if (index >> FIELD_GET(SIM_DTE2_LG2, qw[2]))
		return SIM_EVT_ILLEGAL_PASID_ENTRY;
	pa = (qw[2] & SIM_DTE2_DIR) + index * sizeof(u64);
	*info = pa;
	if (sim_mem_read64(hw, pa, &dir))
		return SIM_EVT_DEVTAB_HW_ERROR;
	*info = dir;
	if (!(dir & SIM_PASID_DIR_V) || dir & SIM_PASID_DIR_RSVD)
		return SIM_EVT_ILLEGAL_PASID_ENTRY;
	pa = (dir & SIM_PASID_DIR_TABLE) +
	     (pasid & (BIT(SIM_PASID_TABLE_LG2) - 1)) * sizeof(struct sim_pasid_entry);
	*info = pa;
	if (!read_words(hw, pa, entry, 2))
		return SIM_EVT_DEVTAB_HW_ERROR;
	*info = entry[0];
	if (!word0_valid(entry[0]) || entry[1] & ~SIM_DTE1_DOMAIN)
		return SIM_EVT_ILLEGAL_PASID_ENTRY;
	qw[0] = entry[0] & (rights | ~(SIM_DTE0_IR | SIM_DTE0_IW));
	qw[1] = entry[1] | (qw[1] & SIM_DTE1_ATS);
	return SIM_EVT_NONE;
}

/**
 * sim_devtab_lookup() - the entry for a request
 * @hw: the instance
 * @tlp: the request
 * @qw: the first two words of the entry: that of the device, or with a PASID that
 *	of the PASID, with ATS as the device has it
 *
 * An entry that is not valid is reported. Context: in an access section.
 * Return: SIM_CPL_SUCCESS if there is a valid entry, or how the request ends.
 */
enum iommu_sim_tlp_status sim_devtab_lookup(struct iommu_sim_hw *hw,
					    const struct iommu_sim_tlp *tlp, u64 qw[2])
{
	bool has_pasid = tlp->flags & SIM_TLP_PASID;
	u64 key = has_pasid ? pasid_key(tlp->rid, tlp->pasid) : tlp->rid;
	struct sim_dte_slot *slot = slot_of(hw, key);
	enum sim_event_type event;
	u64 entry[4], info;
	u32 inv_seq;

	if (slot_find(slot, key, qw))
		return SIM_CPL_SUCCESS;

	/* Pairs with the increments in the functions below */
	inv_seq = smp_load_acquire(&hw->dte_inv_seq);
	event = read_entry(hw, tlp->rid, entry, &info);
	if (!event && has_pasid)
		event = read_pasid_entry(hw, tlp->pasid, entry, &info);
	if (event) {
		sim_hw_report(hw, event, tlp, 0, 0, info);
		return event == SIM_EVT_INVALID_DEVICE_REQUEST ? SIM_CPL_UNSUPPORTED_REQUEST :
								 SIM_CPL_COMPLETER_ABORT;
	}
	qw[0] = entry[0];
	qw[1] = entry[1];

	raw_spin_lock(&hw->lock);
	if (hw->dte_inv_seq == inv_seq)
		slot_write(slot, key, qw);
	raw_spin_unlock(&hw->lock);
	return SIM_CPL_SUCCESS;
}

static void slot_clear(struct sim_dte_slot *slot)
{
	static const u64 nothing[2];

	slot_write(slot, SIM_DTE_SLOT_EMPTY, nothing);
}

/**
 * sim_devtab_invalidate() - forget the entry of a device, and those of its PASIDs
 * @hw: the instance
 * @rid: its requester ID
 *
 * Context: any, interrupts off.
 */
void sim_devtab_invalidate(struct iommu_sim_hw *hw, u16 rid)
{
	unsigned int i;

	raw_spin_lock(&hw->lock);
	WRITE_ONCE(hw->dte_inv_seq, hw->dte_inv_seq + 1);
	for (i = 0; i < SIM_DTE_SLOTS; i++)
		if ((hw->dte_slots[i].key & KEY_RID) == rid)
			slot_clear(&hw->dte_slots[i]);
	raw_spin_unlock(&hw->lock);
}

/**
 * sim_devtab_invalidate_pasid() - forget the entry of a PASID of a device
 * @hw: the instance
 * @rid: requester ID
 * @pasid: PASID
 *
 * Context: any, interrupts off.
 */
void sim_devtab_invalidate_pasid(struct iommu_sim_hw *hw, u16 rid, u32 pasid)
{
	struct sim_dte_slot *slot = slot_of(hw, pasid_key(rid, pasid));

	raw_spin_lock(&hw->lock);
	WRITE_ONCE(hw->dte_inv_seq, hw->dte_inv_seq + 1);
	if (slot->key == pasid_key(rid, pasid))
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
