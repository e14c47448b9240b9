// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue (spec 7).
 */
#include <trace/events/iommu_sim.h>

#include "hw.h"

/* Whether an injected fault takes the room; an error of a queue is no device's */
static bool inject_overflow(struct iommu_sim_hw *hw, const struct sim_event *event)
{
	u64 qw0 = le64_to_cpu(event->qw[0]), addr = le64_to_cpu(event->qw[2]);
	int device = FIELD_GET(SIM_EVT0_RID, qw0);

	switch (FIELD_GET(SIM_EVT0_TYPE, qw0)) {
	case SIM_EVT_ILLEGAL_COMMAND:
	case SIM_EVT_COMMAND_HW_ERROR:
		device = SIM_INJECT_ANY_DEVICE;
	}
	return sim_inject(&hw->inject, SIM_INJECT_EVENT_OVERFLOW, device, addr, addr);
}

/**
 * sim_evtq_put() - write an event
 * @hw: the instance
 * @event: the event
 *
 * An event that finds no room is counted, and sets STATUS.EVT_OVERFLOW.
 * Context: any, interrupts off.
 */
void sim_evtq_put(struct iommu_sim_hw *hw, const struct sim_event *event)
{
	u32 mask;
	u64 pa;

	raw_spin_lock(&hw->lock);
	if (!(hw->ctrl & SIM_CTRL_EVTQ_EN)) {
		sim_hw_stat(hw, SIM_STAT_EVENTS_LOST);
		raw_spin_unlock(&hw->lock);
		return;
	}
	mask = BIT(FIELD_GET(SIM_BASE_LG2, hw->evtq_base)) - 1;
	pa = (hw->evtq_base & SIM_BASE_ADDR) + hw->evtq_tail * sizeof(*event);
	if (((hw->evtq_tail + 1) & mask) == (hw->evtq_head & mask) ||
	    inject_overflow(hw, event) ||
	    sim_mem_write(hw, pa, event, sizeof(*event))) {
		sim_hw_stat(hw, SIM_STAT_EVENTS_LOST);
		sim_hw_raise_status(hw, SIM_STATUS_EVT_OVERFLOW);
	} else {
		hw->evtq_tail = (hw->evtq_tail + 1) & mask;
		sim_hw_stat(hw, SIM_STAT_EVENTS);
		sim_hw_raise_status(hw, SIM_STATUS_EVT);
	}
	raw_spin_unlock(&hw->lock);
}

/**
 * sim_hw_report() - report what went wrong with a request
 * @hw: the instance
 * @type: what
 * @tlp: the request
 * @domain: domain ID, if it got that far
 * @flags: SIM_EVTF_*, added to those that follow from the request
 * @info: word 3 of the event
 *
 * Context: any, interrupts off.
 */
void sim_hw_report(struct iommu_sim_hw *hw, enum sim_event_type type,
		   const struct iommu_sim_tlp *tlp, u16 domain, u16 flags, u64 info)
{
	struct sim_event event;
	u64 qw0;

	if (tlp->type != SIM_TLP_MEM_READ)
		flags |= SIM_EVTF_WRITE;
	if (tlp->flags & SIM_TLP_EXEC)
		flags |= SIM_EVTF_EXEC;
	if (tlp->flags & SIM_TLP_PRIV)
		flags |= SIM_EVTF_PRIV;
	flags |= FIELD_PREP(SIM_EVTF_AT, tlp->at);
	qw0 = FIELD_PREP(SIM_EVT0_TYPE, type) | FIELD_PREP(SIM_EVT0_RID, tlp->rid);
	if (tlp->flags & SIM_TLP_PASID)
		qw0 |= SIM_EVT0_PASID_VALID | FIELD_PREP(SIM_EVT0_PASID, tlp->pasid);

	trace_iommu_sim_fault(hw->id, type, tlp->rid, domain, tlp->addr, flags);
	event.qw[0] = cpu_to_le64(qw0);
	event.qw[1] = cpu_to_le64(FIELD_PREP(SIM_EVT1_DOMAIN, domain) |
				  FIELD_PREP(SIM_EVT1_FLAGS, flags));
	event.qw[2] = cpu_to_le64(tlp->addr);
	event.qw[3] = cpu_to_le64(info);
	sim_evtq_put(hw, &event);
}
