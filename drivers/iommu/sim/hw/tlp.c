// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests from devices (spec 8): translate, access, complete.
 */
#include <trace/events/iommu_sim.h>

#include "compat.h"
#include "hw.h"

/* spec 8.1 */
static bool well_formed(const struct iommu_sim_tlp *tlp)
{
	if (!tlp->len || tlp->len > SIM_TLP_MAX_LEN ||
	    (tlp->addr & (SIM_TLP_MAX_LEN - 1)) + tlp->len > SIM_TLP_MAX_LEN)
		return false;
	switch (tlp->type) {
	case SIM_TLP_MEM_READ:
	case SIM_TLP_MEM_WRITE:
		return true;
	case SIM_TLP_FETCH_ADD:
		return (tlp->len == 4 || tlp->len == 8) && !(tlp->addr & (tlp->len - 1));
	default:
		return false;
	}
}

static u64 rights_needed(const struct iommu_sim_tlp *tlp)
{
	switch (tlp->type) {
	case SIM_TLP_MEM_READ:
		return SIM_PTE_IR;
	case SIM_TLP_MEM_WRITE:
		return SIM_PTE_IW;
	default:
		return SIM_PTE_IR | SIM_PTE_IW;
	}
}

/* spec 5.4: whether to remember that nothing is mapped */
static void fill_absent(struct iommu_sim_hw *hw, const struct sim_walk *walk)
{
	struct sim_tlb_data data = { .size_lg2 = SIM_PAGE_LG2 };

	if (hw->config.npcache)
		sim_tlb_fill(&hw->iotlb, walk->token, walk->space, walk->iova, &data);
}

/* Walk the page table, and cache the answer; the event if there is none */
static enum sim_event_type walk_and_fill(struct iommu_sim_hw *hw, struct sim_walk *walk,
					 u64 dte0)
{
	enum sim_event_type event;
	struct sim_tlb_data data;

	walk->root = dte0 & SIM_DTE0_ROOT;
	walk->levels = FIELD_GET(SIM_DTE0_LEVELS, dte0);
	walk->rights = SIM_PTE_IR | SIM_PTE_IW;
	walk->set = (dte0 & SIM_DTE0_HA ? SIM_PTE_A : 0) |
		    (dte0 & SIM_DTE0_HD && walk->need & SIM_PTE_IW ? SIM_PTE_D : 0);

	event = sim_walk(hw, walk);
	sim_hw_stat(hw, SIM_STAT_WALKS);
	sim_stat_add(&hw->stats, SIM_STAT_WALK_READS, walk->reads);
	if (event == SIM_EVT_IO_PAGE_FAULT && !walk->fault && !(walk->entry & SIM_PTE_PR))
		fill_absent(hw, walk);
	if (event)
		return event;

	data.pa = walk->pa;
	data.size_lg2 = walk->size_lg2;
	data.rights = (walk->rights & (SIM_PTE_IR | SIM_PTE_IW)) | (walk->entry & SIM_PTE_D);
	sim_tlb_fill(&hw->iotlb, walk->token, walk->space, walk->iova, &data);
	return SIM_EVT_NONE;
}

static u64 page_address_of(u64 page, unsigned int size_lg2, u64 iova)
{
	return page | (iova & GENMASK_ULL(size_lg2 - 1, 0));
}

static void count_hit(struct iommu_sim_hw *hw, unsigned int size_lg2)
{
	sim_hw_stat(hw, SIM_STAT_TLB_HITS);
	sim_stat_inc_hot(&hw->size_hits, size_lg2);
}

/* spec 4; the physical address, or the event that has been reported */
static enum sim_event_type translate(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp,
				     const u64 dte[2], u64 token, u64 *pa)
{
	u16 domain = FIELD_GET(SIM_DTE1_DOMAIN, dte[1]);
	struct sim_walk walk = {
		.iova = tlp->addr,
		.need = rights_needed(tlp),
		.cached = true,
		.space = sim_domain_space(domain),
		.token = token,
	};
	struct sim_tlb_data data;
	enum sim_event_type event;
	u64 need = walk.need;

	if (sim_inject(&hw->inject, SIM_INJECT_TRANSLATION_FAULT, tlp->rid, tlp->addr,
		       tlp->addr + tlp->len - 1)) {
		sim_hw_report(hw, SIM_EVT_IO_PAGE_FAULT, tlp, domain, 0, 0);
		return SIM_EVT_IO_PAGE_FAULT;
	}
	/* spec 4.4: a write that has to set D may hit only where it is set */
	if (dte[0] & SIM_DTE0_HD && need & SIM_PTE_IW)
		need |= SIM_PTE_D;
	if (sim_tlb_lookup(&hw->iotlb, walk.space, tlp->addr, &data)) {
		if (!(need & ~data.rights)) {
			count_hit(hw, data.size_lg2);
			*pa = page_address_of(data.pa, data.size_lg2, tlp->addr);
			trace_iommu_sim_translation(hw->id, tlp->rid, domain, tlp->addr, *pa,
						    data.size_lg2, true);
			return SIM_EVT_NONE;
		}
		/* What is known not to be there, or not to be allowed */
		if (walk.need & ~data.rights) {
			u16 flags = data.rights ? SIM_EVTF_PRESENT | SIM_EVTF_PERM : 0;

			count_hit(hw, data.size_lg2);
			sim_hw_report(hw, SIM_EVT_IO_PAGE_FAULT, tlp, domain, flags, 0);
			return SIM_EVT_IO_PAGE_FAULT;
		}
	}

	sim_hw_stat(hw, SIM_STAT_TLB_MISSES);
	event = walk_and_fill(hw, &walk, dte[0]);
	if (event) {
		sim_hw_report(hw, event, tlp, domain, walk.fault,
			      event == SIM_EVT_PAGE_TAB_HW_ERROR ? walk.entry_pa : walk.entry);
		return event;
	}
	*pa = page_address_of(walk.pa, walk.size_lg2, tlp->addr);
	trace_iommu_sim_translation(hw->id, tlp->rid, domain, tlp->addr, *pa, walk.size_lg2, false);
	return SIM_EVT_NONE;
}

static int access(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp, u64 pa)
{
	switch (tlp->type) {
	case SIM_TLP_MEM_READ:
		sim_hw_stat(hw, SIM_STAT_READS);
		sim_stat_add(&hw->stats, SIM_STAT_BYTES_READ, tlp->len);
		return sim_mem_read(hw, pa, tlp->data, tlp->len);
	case SIM_TLP_MEM_WRITE:
		sim_hw_stat(hw, SIM_STAT_WRITES);
		sim_stat_add(&hw->stats, SIM_STAT_BYTES_WRITTEN, tlp->len);
		return sim_mem_write(hw, pa, tlp->data, tlp->len);
	default:
		sim_hw_stat(hw, SIM_STAT_ATOMICS);
		return sim_mem_fetch_add(hw, pa, tlp->data, tlp->len);
	}
}

static enum iommu_sim_tlp_status request(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp)
{
	u64 dte[2], pa, token;
	u16 domain;

	/* Pairs with smp_store_release() in set_ctrl() */
	if (!(smp_load_acquire(&hw->ctrl) & SIM_CTRL_EN))
		return SIM_CPL_COMPLETER_ABORT;
	if (!well_formed(tlp) || tlp->at != SIM_AT_UNTRANSLATED || tlp->flags & SIM_TLP_PASID) {
		sim_hw_report(hw, SIM_EVT_INVALID_DEVICE_REQUEST, tlp, 0, 0, 0);
		return SIM_CPL_UNSUPPORTED_REQUEST;
	}
	if (sim_inject(&hw->inject, SIM_INJECT_UNSUPPORTED_REQUEST, tlp->rid, tlp->addr,
		       tlp->addr + tlp->len - 1))
		return SIM_CPL_UNSUPPORTED_REQUEST;
	token = sim_tlb_begin(&hw->caches);
	if (!sim_devtab_lookup(hw, tlp, dte))
		return SIM_CPL_COMPLETER_ABORT;

	domain = FIELD_GET(SIM_DTE1_DOMAIN, dte[1]);
	if (FIELD_GET(SIM_DTE0_CFG, dte[0]) == SIM_DTE_CFG_ABORT) {
		sim_hw_report(hw, SIM_EVT_DEVICE_BLOCKED, tlp, domain, 0, 0);
		return SIM_CPL_COMPLETER_ABORT;
	}
	if (rights_needed(tlp) & ~dte[0]) {
		sim_hw_report(hw, SIM_EVT_IO_PAGE_FAULT, tlp, domain, SIM_EVTF_PERM, 0);
		return SIM_CPL_COMPLETER_ABORT;
	}
	pa = tlp->addr;
	if (FIELD_GET(SIM_DTE0_CFG, dte[0]) == SIM_DTE_CFG_TRANSLATE &&
	    translate(hw, tlp, dte, token, &pa))
		return SIM_CPL_COMPLETER_ABORT;

	if (access(hw, tlp, pa)) {
		sim_hw_report(hw, SIM_EVT_MASTER_ABORT, tlp, domain, 0, pa);
		return SIM_CPL_UNSUPPORTED_REQUEST;
	}
	return SIM_CPL_SUCCESS;
}

/**
 * sim_hw_request() - serve a request
 * @hw: the instance
 * @tlp: the request
 *
 * One access section. Context: any, but in an access section; does not sleep.
 * Return: how it completed; if not well, data may have been moved in part.
 */
enum iommu_sim_tlp_status sim_hw_request(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp)
{
	unsigned long flags = sim_section_enter(&hw->sections);
	enum iommu_sim_tlp_status status = request(hw, tlp);

	if (status)
		sim_hw_stat(hw, SIM_STAT_ABORTS);
	sim_section_exit(&hw->sections, flags);
	return status;
}

/**
 * iommu_sim_tlp_send() - send a request upstream
 * @port: the root port above the device
 * @tlp: the request
 *
 * Context: any, interrupts may be off; does not sleep. The device must hold no
 * lock that it takes to answer the IOMMU. Return: the completion's status.
 */
enum iommu_sim_tlp_status iommu_sim_tlp_send(struct iommu_sim_port *port,
					     struct iommu_sim_tlp *tlp)
{
	return sim_hw_request(port->hw, tlp);
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_tlp_send);
