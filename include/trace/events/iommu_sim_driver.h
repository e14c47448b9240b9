/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver does: maps, unmaps, commits, commands that it submits.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_sim

#if !defined(_TRACE_IOMMU_SIM_DRIVER_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_IOMMU_SIM_DRIVER_H

#include <linux/tracepoint.h>

TRACE_EVENT(iommu_sim_map,

	TP_PROTO(u16 domain, u64 iova, u64 pa, u64 len, int prot, int error),

	TP_ARGS(domain, iova, pa, len, prot, error),

	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u64, iova)
		__field(u64, pa)
		__field(u64, len)
		__field(int, prot)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->domain = domain;
		__entry->iova = iova;
		__entry->pa = pa;
		__entry->len = len;
		__entry->prot = prot;
		__entry->error = error;
	),

	TP_printk("domain=%u iova=%#llx pa=%#llx len=%#llx prot=%#x error=%d",
		  __entry->domain, __entry->iova, __entry->pa, __entry->len, __entry->prot,
		  __entry->error)
);

TRACE_EVENT(iommu_sim_unmap,

	TP_PROTO(u16 domain, u64 iova, u64 len, u64 unmapped),

	TP_ARGS(domain, iova, len, unmapped),

	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u64, iova)
		__field(u64, len)
		__field(u64, unmapped)
	),

	TP_fast_assign(
		__entry->domain = domain;
		__entry->iova = iova;
		__entry->len = len;
		__entry->unmapped = unmapped;
	),

	TP_printk("domain=%u iova=%#llx len=%#llx unmapped=%#llx",
		  __entry->domain, __entry->iova, __entry->len, __entry->unmapped)
);

/* @ranges: how many; 0 with @all, which is the whole domain */
TRACE_EVENT(iommu_sim_commit,

	TP_PROTO(u16 domain, unsigned int ranges, bool all, int error),

	TP_ARGS(domain, ranges, all, error),

	TP_STRUCT__entry(
		__field(u16, domain)
		__field(unsigned int, ranges)
		__field(bool, all)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->domain = domain;
		__entry->ranges = ranges;
		__entry->all = all;
		__entry->error = error;
	),

	TP_printk("domain=%u ranges=%u%s error=%d", __entry->domain, __entry->ranges,
		  __entry->all ? " all" : "", __entry->error)
);

/* Commands before the doorbell; the COMPLETION_WAIT that follows is not counted */
TRACE_EVENT(iommu_sim_cmd_submitted,

	TP_PROTO(unsigned int queue, unsigned int nr, u64 qw0, u64 qw1),

	TP_ARGS(queue, nr, qw0, qw1),

	TP_STRUCT__entry(
		__field(unsigned int, queue)
		__field(unsigned int, nr)
		__field(u64, qw0)
		__field(u64, qw1)
	),

	TP_fast_assign(
		__entry->queue = queue;
		__entry->nr = nr;
		__entry->qw0 = qw0;
		__entry->qw1 = qw1;
	),

	TP_printk("queue=%u commands=%u first=%016llx %016llx", __entry->queue, __entry->nr,
		  __entry->qw0, __entry->qw1)
);

#endif

#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE iommu_sim_driver
#include <trace/define_trace.h>
