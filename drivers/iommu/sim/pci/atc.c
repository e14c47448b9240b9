// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoint's address translation cache (spec 11): requests go out translated
 * where ATS is on and the address is known, or becomes so by a translation request.
 *
 * All of it happens in the section of the request. Who invalidates:
 *
 *   request                              invalidate request
 *     enter section                        generation++
 *     look up, or                          drop entries
 *       token = generation                 wait for sections
 *       ask, and fill, unless the          completion
 *         generation has moved
 *     translated request
 *     leave section
 *
 * So an answer that crossed an invalidate request is not cached (PCIe 6.2, 10.3.6),
 * and no request is under way with a stale address when the completion goes out
 * (10.3.2).
 */
#include <linux/err.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "iommu-sim-bits.h"
#include "pci.h"

enum {
	ATC_MISSES,		/* these in the order of enum sim_tlb_stat */
	ATC_FILLS,
	ATC_FILLS_DROPPED,
	ATC_EVICTIONS,
	ATC_INVALIDATED,
	ATC_HITS,
	ATC_REFUSED,
	ATC_INVALIDATIONS,
	ATC_NR_STATS
};

static const char *const stat_names[ATC_NR_STATS] = {
	[ATC_MISSES]		= "atc_misses",
	[ATC_FILLS]		= "atc_fills",
	[ATC_FILLS_DROPPED]	= "atc_fills_dropped",
	[ATC_EVICTIONS]		= "atc_evictions",
	[ATC_INVALIDATED]	= "atc_entries_invalidated",
	[ATC_HITS]		= "atc_hits",
	[ATC_REFUSED]		= "atc_refused",
	[ATC_INVALIDATIONS]	= "atc_invalidations",
};

/* Of an entry: the range is for untranslated requests (spec 8.5) */
#define ATC_UNTRANSLATED	SIM_PTE_D

/**
 * struct atc_inval - what an invalidate request is about
 * @space: PASID, if it has one
 * @first: first address
 * @last: last address
 */
struct atc_inval {
	struct sim_space space;
	u64 first;
	u64 last;
};

/**
 * struct sim_atc - the cache
 * @ep: the endpoint
 * @tlb: its entries
 * @group: what they are invalidated with
 * @stats: counters
 * @on: translation requests may be sent; read in sections
 * @stu_lg2: log2 of the smallest translation unit, in bytes
 * @lock: protects @late and @has_late
 * @late: injected: what is to be done after it has been answered
 * @has_late: there is something
 */
struct sim_atc {
	struct sim_endpoint *ep;
	struct sim_tlb tlb;
	struct sim_tlb_group group;
	struct iommu_sim_stats stats;
	bool on;
	unsigned int stu_lg2;
	raw_spinlock_t lock;	/* late */
	struct atc_inval late;
	bool has_late;
};

static struct sim_space space_of(const struct iommu_sim_tlp *tlp)
{
	return (struct sim_space) {
		.has_pasid = tlp->flags & SIM_TLP_PASID,
		.pasid = tlp->flags & SIM_TLP_PASID ? tlp->pasid : 0,
	};
}

/* spec 8.5; false for an answer that makes no sense, or is smaller than what was asked */
static bool decode(const struct sim_atc *atc, u64 answer, struct sim_tlb_data *data)
{
	u64 addr = answer & SIM_ATS_ADDR;

	data->size_lg2 = answer & SIM_ATS_S ? sim_sized_addr_lg2(addr) : SIM_PAGE_LG2;
	if (data->size_lg2 >= SIM_PA_BITS || addr >> SIM_PA_BITS)
		return false;
	data->pa = addr & ~GENMASK_ULL(data->size_lg2 - 1, 0);
	data->rights = (answer & SIM_ATS_R ? SIM_PTE_IR : 0) |
		       (answer & SIM_ATS_W ? SIM_PTE_IW : 0) |
		       (answer & SIM_ATS_U ? ATC_UNTRANSLATED : 0);
	return data->size_lg2 >= atc->stu_lg2;
}

/* Ask for a translation; what it allows is cached, unless that is nothing */
static enum iommu_sim_tlp_status ask(struct sim_atc *atc, const struct iommu_sim_tlp *tlp,
				     struct sim_tlb_data *data)
{
	u64 token = sim_tlb_begin(&atc->group);
	struct sim_upstream *up = atc->ep->up;
	enum iommu_sim_tlp_status status;
	__le64 answer = 0;
	struct iommu_sim_tlp request = {
		.type = SIM_TLP_MEM_READ,
		.at = SIM_AT_TRANSLATION_REQUEST,
		.rid = tlp->rid,
		.flags = tlp->flags,
		.pasid = tlp->pasid,
		.len = sizeof(answer),
		.addr = tlp->addr & ~GENMASK_ULL(atc->stu_lg2 - 1, 0),
		.data = &answer,
	};

	if (tlp->type == SIM_TLP_MEM_READ)
		request.flags |= SIM_TLP_NW;
	status = up->send(up, &request);
	data->rights = 0;
	if (status || !(le64_to_cpu(answer) & (SIM_ATS_R | SIM_ATS_W)))
		return status;
	if (!decode(atc, le64_to_cpu(answer), data))
		return SIM_CPL_UNSUPPORTED_REQUEST;
	sim_tlb_fill(&atc->tlb, token, space_of(tlp), tlp->addr, data);
	return SIM_CPL_SUCCESS;
}

static u64 rights_needed(const struct iommu_sim_tlp *tlp)
{
	return (tlp->type != SIM_TLP_MEM_WRITE ? SIM_PTE_IR : 0) |
	       (tlp->type != SIM_TLP_MEM_READ ? SIM_PTE_IW : 0);
}

/*
 * What to send for @tlp: @tlp, or if that may be @translated. Only what is at fault is
 * sent untranslated, so that the IOMMU says what is wrong with it.
 */
static enum iommu_sim_tlp_status resolve(struct sim_endpoint *ep, struct iommu_sim_tlp *tlp,
					 struct iommu_sim_tlp *translated,
					 struct iommu_sim_tlp **result)
{
	enum iommu_sim_tlp_status status;
	u64 need = rights_needed(tlp);
	struct sim_atc *atc = ep->atc;
	struct sim_tlb_data data;

	*result = tlp;
	if (!atc || !READ_ONCE(atc->on))
		return SIM_CPL_SUCCESS;
	if (sim_tlb_lookup(&atc->tlb, space_of(tlp), tlp->addr, &data) && !(need & ~data.rights)) {
		sim_stat_inc_hot(&atc->stats, ATC_HITS);
	} else {
		sim_stat_inc_hot(&atc->stats, ATC_MISSES);
		status = ask(atc, tlp, &data);
		if (status == SIM_CPL_UNSUPPORTED_REQUEST) {
			/* PCIe 6.2, table 10-2: no more of it until it is turned on again */
			sim_stat_inc(&atc->stats, ATC_REFUSED);
			WRITE_ONCE(atc->on, false);
			return SIM_CPL_SUCCESS;
		}
		if (status)
			return status;
	}
	if (need & ~data.rights || data.rights & ATC_UNTRANSLATED)
		return SIM_CPL_SUCCESS;
	*translated = *tlp;
	translated->at = SIM_AT_TRANSLATED;
	translated->addr = data.pa | (tlp->addr & GENMASK_ULL(data.size_lg2 - 1, 0));
	translated->flags = 0;
	translated->pasid = 0;
	*result = translated;
	return SIM_CPL_SUCCESS;
}

/**
 * sim_atc_send() - send a request upstream, translated if that may be
 * @ep: the endpoint
 * @tlp: the request, not translated
 *
 * Context: in a section of the endpoint. Return: the completion's status.
 */
enum iommu_sim_tlp_status sim_atc_send(struct sim_endpoint *ep, struct iommu_sim_tlp *tlp)
{
	struct iommu_sim_tlp translated, *send;
	enum iommu_sim_tlp_status status = resolve(ep, tlp, &translated, &send);

	return status ?: ep->up->send(ep->up, send);
}

/**
 * sim_atc_copy() - send a read and a write of what it returns upstream, likewise
 * @ep: the endpoint, whose &sim_upstream has that
 * @read: the read, not translated
 * @write: the write, not translated
 * @at_write: if it fails, at which of the two
 *
 * Context: in a section of the endpoint. Return: the status of the one that failed, or
 * SIM_CPL_SUCCESS.
 */
enum iommu_sim_tlp_status sim_atc_copy(struct sim_endpoint *ep, struct iommu_sim_tlp *read,
				       struct iommu_sim_tlp *write, bool *at_write)
{
	struct iommu_sim_tlp translated[2], *send[2];
	enum iommu_sim_tlp_status status;

	*at_write = false;
	status = resolve(ep, read, &translated[0], &send[0]);
	if (status)
		return status;
	*at_write = true;
	status = resolve(ep, write, &translated[1], &send[1]);
	return status ?: ep->up->copy(ep->up, send[0], send[1], at_write);
}

static void drop(struct sim_atc *atc, const struct atc_inval *inval)
{
	if (inval->space.has_pasid)
		sim_tlb_invalidate(&atc->tlb, inval->space, inval->first, inval->last);
	else
		sim_tlb_invalidate_pasids(&atc->tlb, 0, inval->first, inval->last);
}

static void drop_late(struct sim_atc *atc, const struct atc_inval *next)
{
	bool had;
	struct atc_inval late;

	scoped_guard(raw_spinlock_irqsave, &atc->lock) {
		had = atc->has_late;
		late = atc->late;
		WRITE_ONCE(atc->has_late, next);
		if (next)
			atc->late = *next;
	}
	if (had)
		drop(atc, &late);
}

/* What a device with bugs does instead; false if that is nothing */
static noinline bool misguide(struct sim_atc *atc, struct atc_inval *inval)
{
	struct sim_inject *inject = atc->ep->up->inject;
	u64 first = inval->first, last = inval->last;
	int rid = atc->ep->rid;

	if (sim_inject(inject, SIM_INJECT_ATC_SKIP, rid, first, last))
		return false;
	if (inval->space.has_pasid &&
	    sim_inject(inject, SIM_INJECT_ATC_WRONG_PASID, rid, first, last))
		inval->space.pasid ^= 1;
	if (sim_inject(inject, SIM_INJECT_ATC_TOO_NARROW, rid, first, last)) {
		if (last - first < BIT(SIM_PAGE_LG2))
			return false;
		inval->last -= BIT(SIM_PAGE_LG2);
	}
	if (sim_inject(inject, SIM_INJECT_ATC_EARLY, rid, first, last)) {
		drop_late(atc, inval);
		return false;
	}
	return true;
}

static void answer(struct sim_endpoint *ep, const struct iommu_sim_tlp *request)
{
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_INV_COMPLETION,
		.rid = ep->rid,
		.tag = BIT(request->tag),
		.len = 1,
	};

	ep->up->send(ep->up, &tlp);
}

/* An invalidate request; answered also while ATS is off (PCIe 6.2, 10.3.4) */
static void invalidate(void *data, const struct iommu_sim_tlp *tlp)
{
	struct sim_endpoint *ep = data;
	struct sim_atc *atc = ep->atc;
	u64 addr = tlp->addr & SIM_ATS_ADDR, below;
	unsigned int lg2 = tlp->addr & SIM_ATS_S ? sim_sized_addr_lg2(addr) : SIM_PAGE_LG2;
	struct atc_inval inval = { .space = space_of(tlp) };

	/* Everything has to be covered by something: all bits set is more than that */
	lg2 = min(max(lg2, READ_ONCE(atc->stu_lg2)), 64U);
	below = GENMASK_ULL(lg2 - 1, 0);
	inval.first = addr & ~below;
	inval.last = addr | below;
	sim_stat_inc(&atc->stats, ATC_INVALIDATIONS);
	if (sim_inject(ep->up->inject, SIM_INJECT_ATC_SILENT, ep->rid, inval.first, inval.last))
		return;
	sim_tlb_invalidate_begin(&atc->group);
	sim_tlb_recycle(&atc->tlb);
	if (unlikely(READ_ONCE(atc->has_late)))
		drop_late(atc, NULL);
	if (!sim_inject_any() || misguide(atc, &inval)) {
		drop(atc, &inval);
		sim_sections_sync(&ep->sections);
	}
	answer(ep, tlp);
}

#if IS_ENABLED(CONFIG_KUNIT)
/* A request as a channel makes it */
static enum iommu_sim_tlp_status access(void *data, struct iommu_sim_tlp *tlp)
{
	enum iommu_sim_tlp_status status = SIM_CPL_UNSUPPORTED_REQUEST;
	struct sim_endpoint *ep = data;
	unsigned long flags = sim_section_enter(&ep->sections);

	if (READ_ONCE(ep->may_send))
		status = sim_atc_send(ep, tlp);
	sim_section_exit(&ep->sections, flags);
	return status;
}
#endif

const struct iommu_sim_function_ops sim_atc_ops = {
	.invalidate = invalidate,
#if IS_ENABLED(CONFIG_KUNIT)
	.access = access,
#endif
};

/**
 * sim_atc_set() - the ATS control register has been written, or reset
 * @ep: the endpoint
 * @enable: its Enable bit
 * @stu: its smallest translation unit
 *
 * When ATS goes on, nothing is cached (PCIe 6.2, 10.3.7), and the unit is taken over.
 * When it goes off, the caller waits for requests under way. Context: under the
 * endpoint's lock.
 */
void sim_atc_set(struct sim_endpoint *ep, bool enable, unsigned int stu)
{
	struct sim_atc *atc = ep->atc;

	lockdep_assert_held(&ep->lock);
	if (!atc || enable == ep->ats_enabled)
		return;
	ep->ats_enabled = enable;
	if (enable) {
		sim_tlb_invalidate_begin(&atc->group);
		sim_tlb_invalidate_domain(&atc->tlb, 0);
		WRITE_ONCE(atc->stu_lg2, SIM_PAGE_LG2 + stu);
	}
	/* The unit before it is used; pairs with the READ_ONCE() in a section */
	smp_wmb();
	WRITE_ONCE(atc->on, enable);
}

/**
 * sim_atc_create() - give an endpoint an ATC
 * @ep: the endpoint
 * @config: its geometry
 *
 * Return: 0 or -ENOMEM; to be undone by sim_atc_destroy() in either case.
 */
int sim_atc_create(struct sim_endpoint *ep, const struct sim_tlb_config *config)
{
	struct sim_atc *atc = kzalloc(sizeof(*atc), GFP_KERNEL);

	if (!atc)
		return -ENOMEM;
	ep->atc = atc;
	atc->ep = ep;
	atc->stu_lg2 = SIM_PAGE_LG2;
	raw_spin_lock_init(&atc->lock);
	atc->group.sections = &ep->sections;
	atc->group.stats = &atc->stats;
	atc->group.inject = ep->up->inject;
	atc->group.race = SIM_INJECT_ATC_KEEP_CROSSING;
	atc->group.device = ep->rid;
	raw_spin_lock_init(&atc->group.lock);
	return sim_stats_init(&atc->stats, stat_names, ATC_NR_STATS) ?:
	       sim_tlb_init(&atc->tlb, &atc->group, config, ATC_MISSES);
}

/**
 * sim_atc_destroy() - undo sim_atc_create()
 * @ep: the endpoint, which sends no more
 */
void sim_atc_destroy(struct sim_endpoint *ep)
{
	if (!ep->atc)
		return;
	sim_tlb_destroy(&ep->atc->tlb);
	sim_stats_destroy(&ep->atc->stats);
	kfree(ep->atc);
	ep->atc = NULL;
}

/**
 * sim_atc_show_stats() - print the counters
 * @s: where to
 * @ep: the endpoint, with an ATC
 */
void sim_atc_show_stats(struct seq_file *s, const struct sim_endpoint *ep)
{
	sim_stats_show(s, &ep->atc->stats);
	if (ep->function)
		seq_printf(s, "atc_timeouts %llu\n", iommu_sim_function_timeouts(ep->function));
}

/**
 * sim_atc_show() - list what is cached
 * @s: where to
 * @ep: the endpoint, with an ATC
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int sim_atc_show(struct seq_file *s, const struct sim_endpoint *ep)
{
	return sim_tlb_show(s, &ep->atc->tlb, 'u');
}
