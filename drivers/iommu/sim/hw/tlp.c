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
	bool ask = tlp->at == SIM_AT_TRANSLATION_REQUEST;

	if (tlp->at > SIM_AT_TRANSLATED || (tlp->flags & SIM_TLP_NW && !ask))
		return false;
	/* spec 8.5: the address decides, and may have a PASID no more */
	if (tlp->at == SIM_AT_TRANSLATED && tlp->flags & SIM_TLP_PASID)
		return false;
	if (tlp->flags & SIM_TLP_PASID && tlp->pasid >> SIM_PASID_BITS)
		return false;
	if (ask)
		return tlp->type == SIM_TLP_MEM_READ && tlp->len == sizeof(u64) &&
		       !(tlp->addr & (BIT(SIM_PAGE_LG2) - 1));
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
		    (dte0 & SIM_DTE0_HD && walk->dirty ? SIM_PTE_D : 0);

	event = sim_walk(hw, walk);
	sim_hw_stat(hw, SIM_STAT_WALKS);
	sim_hw_stat_add(hw, SIM_STAT_WALK_READS, walk->reads);
	if (event == SIM_EVT_IO_PAGE_FAULT && !walk->fault && !(walk->entry & SIM_PTE_PR))
		fill_absent(hw, walk);
	if (event)
		return event;

	data.pa = walk->pa;
	data.size_lg2 = walk->size_lg2;
	data.rights = (walk->rights & (SIM_PTE_IR | SIM_PTE_IW)) | (walk->entry & SIM_PTE_D);
	/* Without a right it would say "not present" */
	if (!(data.rights & (SIM_PTE_IR | SIM_PTE_IW)))
		return SIM_EVT_NONE;
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

static struct sim_space space_of(const struct iommu_sim_tlp *tlp, u64 dte1)
{
	return (struct sim_space) {
		.domain = FIELD_GET(SIM_DTE1_DOMAIN, dte1),
		.has_pasid = tlp->flags & SIM_TLP_PASID,
		.pasid = tlp->flags & SIM_TLP_PASID ? tlp->pasid : 0,
	};
}

/* spec 4; the physical address, or the event that has been reported */
static enum sim_event_type translate(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp,
				     const u64 dte[2], u64 token, u64 *pa)
{
	u16 domain = FIELD_GET(SIM_DTE1_DOMAIN, dte[1]);
	struct sim_walk walk = {
		.iova = tlp->addr,
		.need = rights_needed(tlp),
		.dirty = tlp->type != SIM_TLP_MEM_READ,
		.cached = true,
		.space = space_of(tlp, dte[1]),
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

static void count_access(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp)
{
	switch (tlp->type) {
	case SIM_TLP_MEM_READ:
		sim_hw_stat(hw, SIM_STAT_READS);
		sim_hw_stat_add(hw, SIM_STAT_BYTES_READ, tlp->len);
		break;
	case SIM_TLP_MEM_WRITE:
		sim_hw_stat(hw, SIM_STAT_WRITES);
		sim_hw_stat_add(hw, SIM_STAT_BYTES_WRITTEN, tlp->len);
		break;
	default:
		sim_hw_stat(hw, SIM_STAT_ATOMICS);
		break;
	}
}

static int access(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp, u64 pa)
{
	count_access(hw, tlp);
	switch (tlp->type) {
	case SIM_TLP_MEM_READ:
		return sim_mem_read(hw, pa, tlp->data, tlp->len);
	case SIM_TLP_MEM_WRITE:
		return sim_mem_write(hw, pa, tlp->data, tlp->len);
	default:
		return sim_mem_fetch_add(hw, pa, tlp->data, tlp->len);
	}
}

/* What a translation request is answered with: a block of memory, and what is allowed there */
static u64 ats_answer(u64 pa, unsigned int size_lg2, u64 rights)
{
	u64 answer = FIELD_PREP(SIM_ATS_R, FIELD_GET(SIM_PTE_IR, rights)) |
		     FIELD_PREP(SIM_ATS_W, FIELD_GET(SIM_PTE_IW, rights));

	/* spec 8.5: of what is not there nothing is told */
	if (!answer)
		return 0;
	return answer | (size_lg2 > SIM_PAGE_LG2 ? SIM_ATS_S | sim_sized_addr(pa, size_lg2) : pa);
}

/* Without dirty tracking, or with D set, what is cached says all; else ask the table */
static bool ats_from_cache(struct iommu_sim_hw *hw, const struct sim_walk *walk, u64 dte0,
			   u64 *answer)
{
	struct sim_tlb_data data;

	if (!sim_tlb_lookup(&hw->iotlb, walk->space, walk->iova, &data))
		return false;
	if (dte0 & SIM_DTE0_HD && data.rights & SIM_PTE_IW && !(data.rights & SIM_PTE_D)) {
		if (walk->dirty)
			return false;
		data.rights &= ~SIM_PTE_IW;
	}
	count_hit(hw, data.size_lg2);
	*answer = ats_answer(data.pa, data.size_lg2, data.rights & dte0);
	return true;
}

/*
 * spec 8.5. That nothing is mapped is an answer, and no event. Where D has to be set
 * for writes, a write is not allowed before, as the writes themselves are not seen.
 */
static enum sim_event_type ats_translate(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp,
					 const u64 dte[2], u64 token, u64 *answer)
{
	struct sim_walk walk = {
		.iova = tlp->addr,
		.dirty = !(tlp->flags & SIM_TLP_NW) && dte[0] & SIM_DTE0_IW,
		.cached = true,
		.space = space_of(tlp, dte[1]),
		.token = token,
	};
	enum sim_event_type event;
	u16 domain = walk.space.domain;

	if (ats_from_cache(hw, &walk, dte[0], answer))
		return SIM_EVT_NONE;

	sim_hw_stat(hw, SIM_STAT_TLB_MISSES);
	*answer = 0;
	event = walk_and_fill(hw, &walk, dte[0]);
	if (event == SIM_EVT_IO_PAGE_FAULT && !(walk.fault & SIM_EVTF_RSVD))
		return SIM_EVT_NONE;
	if (event) {
		sim_hw_report(hw, event, tlp, domain, walk.fault,
			      event == SIM_EVT_PAGE_TAB_HW_ERROR ? walk.entry_pa : walk.entry);
		return event;
	}
	if (dte[0] & SIM_DTE0_HD && !(walk.entry & SIM_PTE_D))
		walk.rights &= ~SIM_PTE_IW;
	*answer = ats_answer(walk.pa, walk.size_lg2, walk.rights & dte[0]);
	trace_iommu_sim_translation(hw->id, tlp->rid, domain, tlp->addr, walk.pa, walk.size_lg2,
				    false);
	return SIM_EVT_NONE;
}

/* spec 8.5: what an address is without translation */
#define BYPASS_LG2	20

static_assert(IS_ALIGNED(SIM_MSI_WINDOW, BIT(BYPASS_LG2)) &&
	      SIM_MSI_WINDOW_LAST - SIM_MSI_WINDOW + 1 == BIT(BYPASS_LG2));

/* Points that have to see the IOVA of every access: no access comes translated then */
static bool judges_addresses(const struct sim_inject *inject)
{
	return READ_ONCE(inject->point[SIM_INJECT_TRANSLATION_FAULT].armed) ||
	       READ_ONCE(inject->point[SIM_INJECT_UNSUPPORTED_REQUEST].armed);
}

static enum iommu_sim_tlp_status ats_request(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp,
					     const u64 dte[2], u64 token)
{
	u64 block = tlp->addr & ~GENMASK_ULL(BYPASS_LG2 - 1, 0), answer;
	__le64 data;

	sim_hw_stat(hw, SIM_STAT_ATS_REQUESTS);
	if (block == SIM_MSI_WINDOW)
		answer = ats_answer(block, BYPASS_LG2, SIM_PTE_IW) | SIM_ATS_U;
	else if (FIELD_GET(SIM_DTE0_CFG, dte[0]) == SIM_DTE_CFG_BYPASS)
		answer = ats_answer(block, BYPASS_LG2, dte[0]);
	else if (ats_translate(hw, tlp, dte, token, &answer))
		return SIM_CPL_COMPLETER_ABORT;
	if (answer && sim_inject_any() && judges_addresses(&hw->inject))
		answer |= SIM_ATS_U;
	data = cpu_to_le64(answer);
	memcpy(tlp->data, &data, sizeof(data));
	return SIM_CPL_SUCCESS;
}

static enum iommu_sim_tlp_status refuse(struct iommu_sim_hw *hw, const struct iommu_sim_tlp *tlp,
					enum sim_event_type event, u16 domain, u16 flags)
{
	sim_hw_report(hw, event, tlp, domain, flags, 0);
	return event == SIM_EVT_INVALID_DEVICE_REQUEST ? SIM_CPL_UNSUPPORTED_REQUEST :
							 SIM_CPL_COMPLETER_ABORT;
}

/**
 * struct place - where a request leads
 * @pa: physical address
 * @domain: domain ID
 * @done: nowhere: it was a translation request, and is answered
 */
struct place {
	u64 pa;
	u16 domain;
	bool done;
};

static enum iommu_sim_tlp_status locate(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp,
					struct place *place)
{
	enum iommu_sim_tlp_status status;
	u64 dte[2], token;
	u16 domain;

	place->done = false;
	/* Pairs with smp_store_release() in set_ctrl() */
	if (!(smp_load_acquire(&hw->ctrl) & SIM_CTRL_EN))
		return SIM_CPL_COMPLETER_ABORT;
	if (!well_formed(tlp))
		return refuse(hw, tlp, SIM_EVT_INVALID_DEVICE_REQUEST, 0, 0);
	if (tlp->at == SIM_AT_UNTRANSLATED &&
	    sim_inject(&hw->inject, SIM_INJECT_UNSUPPORTED_REQUEST, tlp->rid, tlp->addr,
		       tlp->addr + tlp->len - 1))
		return SIM_CPL_UNSUPPORTED_REQUEST;
	/* What is translated already is not cached */
	token = tlp->at == SIM_AT_TRANSLATED ? 0 : sim_tlb_begin(&hw->caches);
	status = sim_devtab_lookup(hw, tlp, dte);
	if (status)
		return status;

	domain = FIELD_GET(SIM_DTE1_DOMAIN, dte[1]);
	/* spec 8.5: the one gate of translated requests */
	if (tlp->at != SIM_AT_UNTRANSLATED && !(dte[1] & SIM_DTE1_ATS))
		return refuse(hw, tlp, SIM_EVT_INVALID_DEVICE_REQUEST, 0, 0);
	if (FIELD_GET(SIM_DTE0_CFG, dte[0]) == SIM_DTE_CFG_ABORT &&
	    tlp->at != SIM_AT_TRANSLATED)
		return refuse(hw, tlp, SIM_EVT_DEVICE_BLOCKED, domain, 0);
	if (tlp->at == SIM_AT_TRANSLATION_REQUEST) {
		place->done = true;
		return ats_request(hw, tlp, dte, token);
	}
	if (rights_needed(tlp) & ~dte[0])
		return refuse(hw, tlp, SIM_EVT_IO_PAGE_FAULT, domain, SIM_EVTF_PERM);
	place->pa = tlp->addr;
	place->domain = domain;
	if (tlp->at == SIM_AT_TRANSLATED)
		sim_hw_stat(hw, SIM_STAT_ATS_TRANSLATED);
	else if (FIELD_GET(SIM_DTE0_CFG, dte[0]) == SIM_DTE_CFG_TRANSLATE &&
		 translate(hw, tlp, dte, token, &place->pa))
		return SIM_CPL_COMPLETER_ABORT;
	return SIM_CPL_SUCCESS;
}

static enum iommu_sim_tlp_status no_memory(struct iommu_sim_hw *hw,
					   const struct iommu_sim_tlp *tlp,
					   const struct place *place)
{
	sim_hw_report(hw, SIM_EVT_MASTER_ABORT, tlp, place->domain, 0, place->pa);
	return SIM_CPL_UNSUPPORTED_REQUEST;
}

static enum iommu_sim_tlp_status request(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp)
{
	struct place place;
	enum iommu_sim_tlp_status status = locate(hw, tlp, &place);

	if (status || place.done)
		return status;
	return access(hw, tlp, place.pa) ? no_memory(hw, tlp, &place) : SIM_CPL_SUCCESS;
}

static enum iommu_sim_tlp_status copy(struct iommu_sim_hw *hw, struct iommu_sim_tlp *read,
				      struct iommu_sim_tlp *write, bool *at_write)
{
	enum iommu_sim_tlp_status status;
	struct place from, to;
	int ret;

	*at_write = false;
	status = locate(hw, read, &from);
	if (status)
		return status;
	*at_write = true;
	status = locate(hw, write, &to);
	if (status)
		return status;
	count_access(hw, read);
	count_access(hw, write);
	ret = sim_mem_copy(hw, to.pa, from.pa, write->len);
	if (!ret)
		return SIM_CPL_SUCCESS;
	*at_write = ret != -ENXIO;
	return *at_write ? no_memory(hw, write, &to) : no_memory(hw, read, &from);
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
	enum iommu_sim_tlp_status status;

	if (unlikely(tlp->type == SIM_TLP_INV_COMPLETION))
		status = sim_atc_completion(hw, tlp);
	else
		status = request(hw, tlp);
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

/**
 * iommu_sim_tlp_copy() - send a read upstream, and a write of what it returns
 * @port: the root port above the device
 * @read: the read
 * @write: the write, of as many bytes; its data is not looked at
 * @at_write: if it fails, at which of the two
 *
 * In one access section, as if the one came right after the other: for a device that
 * does not have to see the data. Context: as iommu_sim_tlp_send(). Return: the status
 * of the completion that failed, or SIM_CPL_SUCCESS.
 */
enum iommu_sim_tlp_status iommu_sim_tlp_copy(struct iommu_sim_port *port,
					     struct iommu_sim_tlp *read,
					     struct iommu_sim_tlp *write, bool *at_write)
{
	struct iommu_sim_hw *hw = port->hw;
	unsigned long flags = sim_section_enter(&hw->sections);
	enum iommu_sim_tlp_status status = copy(hw, read, write, at_write);

	if (status)
		sim_hw_stat(hw, SIM_STAT_ABORTS);
	sim_section_exit(&hw->sections, flags);
	return status;
}
EXPORT_SYMBOL_SIM_TLP(iommu_sim_tlp_copy);
