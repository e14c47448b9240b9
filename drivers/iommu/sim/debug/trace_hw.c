// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints of the silicon */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include <trace/events/iommu_sim.h>
