/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the silicon does: commands, translations, faults. What the driver does is in
 * iommu_sim_driver.h, for the same trace system.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_sim

#if !defined(_TRACE_IOMMU_SIM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_IOMMU_SIM_H

#include <linux/tracepoint.h>

/* A command has been executed, or refused: @error is the type of the event */
TRACE_EVENT(iommu_sim_cmd_completed,

	TP_PROTO(int instance, unsigned int queue, u64 qw0, u64 qw1, unsigned int error),

	TP_ARGS(instance, queue, qw0, qw1, error),

	TP_STRUCT__entry(
		__field(int, instance)
		__field(unsigned int, queue)
		__field(u64, qw0)
		__field(u64, qw1)
		__field(unsigned int, error)
	),

	TP_fast_assign(
		__entry->instance = instance;
		__entry->queue = queue;
		__entry->qw0 = qw0;
		__entry->qw1 = qw1;
		__entry->error = error;
	),

	TP_printk("iommu%d queue=%u op=%s words=%016llx %016llx error=%u",
		  __entry->instance, __entry->queue,
		  __print_symbolic(__entry->qw0 >> 60,
				   { 1, "COMPLETION_WAIT" },
				   { 2, "INVALIDATE_DEVTAB_ENTRY" },
				   { 3, "INVALIDATE_PAGES" },
				   { 4, "INVALIDATE_ATC" },
				   { 8, "INVALIDATE_ALL" },
				   { 9, "INVALIDATE_RANGE" }),
		  __entry->qw0, __entry->qw1, __entry->error)
);

/* What a device asked for, and what came of it; many of them */
TRACE_EVENT(iommu_sim_translation,

	TP_PROTO(int instance, u16 rid, u16 domain, u64 iova, u64 pa, unsigned int size_lg2,
		 bool hit),

	TP_ARGS(instance, rid, domain, iova, pa, size_lg2, hit),

	TP_STRUCT__entry(
		__field(int, instance)
		__field(u16, rid)
		__field(u16, domain)
		__field(u64, iova)
		__field(u64, pa)
		__field(unsigned int, size_lg2)
		__field(bool, hit)
	),

	TP_fast_assign(
		__entry->instance = instance;
		__entry->rid = rid;
		__entry->domain = domain;
		__entry->iova = iova;
		__entry->pa = pa;
		__entry->size_lg2 = size_lg2;
		__entry->hit = hit;
	),

	TP_printk("iommu%d requester=%02x:%02x.%d domain=%u iova=%#llx pa=%#llx size=2^%u %s",
		  __entry->instance, __entry->rid >> 8, (__entry->rid >> 3) & 31,
		  __entry->rid & 7, __entry->domain, __entry->iova, __entry->pa,
		  __entry->size_lg2, __entry->hit ? "hit" : "miss")
);

/* An event about a request, whether or not there was room for it in the event queue */
TRACE_EVENT(iommu_sim_fault,

	TP_PROTO(int instance, unsigned int type, u16 rid, u16 domain, u64 iova, u16 flags),

	TP_ARGS(instance, type, rid, domain, iova, flags),

	TP_STRUCT__entry(
		__field(int, instance)
		__field(unsigned int, type)
		__field(u16, rid)
		__field(u16, domain)
		__field(u64, iova)
		__field(u16, flags)
	),

	TP_fast_assign(
		__entry->instance = instance;
		__entry->type = type;
		__entry->rid = rid;
		__entry->domain = domain;
		__entry->iova = iova;
		__entry->flags = flags;
	),

	TP_printk("iommu%d requester=%02x:%02x.%d domain=%u iova=%#llx event=%u flags=%#x",
		  __entry->instance, __entry->rid >> 8, (__entry->rid >> 3) & 31,
		  __entry->rid & 7, __entry->domain, __entry->iova, __entry->type,
		  __entry->flags)
);

#endif

#include <trace/define_trace.h>
