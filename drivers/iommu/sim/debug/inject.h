/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection, with the attributes of the kernel's own (see
 * Documentation/fault-injection/fault-injection.rst) but on every kernel, and
 * repeatable: a verdict is a hash of the seed, the point, and how often the
 * point has been considered. Each instance has its own, in debugfs "inject".
 */
#ifndef _IOMMU_SIM_INJECT_H
#define _IOMMU_SIM_INJECT_H

#include <linux/atomic.h>
#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct dentry;
struct fwnode_handle;

enum sim_inject_id {
	SIM_INJECT_MAP,			/* driver: a map fails */
	SIM_INJECT_TABLE_ALLOC,		/* driver: no memory for a page table */
	SIM_INJECT_IOTLB_INVALIDATE,	/* hw: an invalidation has no effect */
	SIM_INJECT_IOTLB_WRONG_DOMAIN,	/* hw: ... drops what another domain has */
	SIM_INJECT_IOTLB_OFF_BY_ONE,	/* hw: ... is about the pages one further on */
	SIM_INJECT_IOTLB_KEEP_TABLES,	/* hw: ... drops leaves only, whatever it says */
	SIM_INJECT_COMPLETION_EARLY,	/* hw: ... has its effect after its completion */
	SIM_INJECT_FILL_RACE,		/* hw: what an invalidation overtook is cached */
	SIM_INJECT_COMPLETION_WAIT,	/* hw: a completion is never stored */
	SIM_INJECT_TRANSLATION_FAULT,	/* hw: as if nothing were mapped */
	SIM_INJECT_UNSUPPORTED_REQUEST,	/* hw: a request completes with UR */
	SIM_INJECT_EVENT_OVERFLOW,	/* hw: an event finds the queue full */
	SIM_INJECT_SHORT_COPY,		/* pci: a copy leaves out the last byte */
	SIM_INJECT_OVERRUN,		/* pci: a copy writes a byte too many */
	SIM_INJECT_LOST_MSI,		/* pci: a completion is not announced */
	SIM_INJECT_ATC_SILENT,		/* pci: an invalidate request is not answered */
	SIM_INJECT_ATC_SKIP,		/* pci: ... is answered and has no effect */
	SIM_INJECT_ATC_WRONG_PASID,	/* pci: ... drops what another PASID has */
	SIM_INJECT_ATC_TOO_NARROW,	/* pci: ... leaves out the last page */
	SIM_INJECT_ATC_EARLY,		/* pci: ... has its effect after the answer */
	SIM_INJECT_ATC_KEEP_CROSSING,	/* pci: a translation that crossed one is cached */
	SIM_INJECT_NR
};

/* For a point that does not know on whose behalf it acts */
#define SIM_INJECT_ANY_DEVICE	(-1)

/**
 * struct sim_inject_point - when a point fails
 * @name: its directory in debugfs
 * @inject: the set it belongs to
 * @probability: in percent
 * @interval: only every @interval-th consideration may fail
 * @times: how often it may still fail; -1 for no limit
 * @space: bytes that pass before it may fail
 * @verbose: 1: a line in the log; 2: and a stack trace
 * @seed: of the verdicts
 * @fail_nth: this many considerations from now it fails, and none before
 * @device: requester ID for which it fails, or SIM_INJECT_ANY_DEVICE
 * @iova_start: first address for which it fails
 * @iova_last: last address for which it fails
 * @considered: how often it could have failed, filters applied
 * @injected: how often it did
 * @armed: counted in sim_inject_armed
 */
struct sim_inject_point {
	const char *name;
	struct sim_inject *inject;
	u32 probability;
	u32 interval;
	atomic_t times;
	atomic_t space;
	u32 verbose;
	u64 seed;
	atomic_t fail_nth;
	int device;
	u64 iova_start;
	u64 iova_last;
	atomic64_t considered;
	atomic64_t injected;
	bool armed;
};

/**
 * struct sim_inject - the points of an instance
 * @lock: serialises changes of the attributes
 * @fwnode: of the instance, once it is in debugfs
 * @point: the points
 */
struct sim_inject {
	struct mutex lock;	/* attributes */
	const struct fwnode_handle *fwnode;
	struct sim_inject_point point[SIM_INJECT_NR];
};

/* Points that are armed, in all instances */
DECLARE_STATIC_KEY_FALSE(sim_inject_armed);

/* Whether any point may fail, for places with several */
static inline bool sim_inject_any(void)
{
	return static_branch_unlikely(&sim_inject_armed);
}

bool __sim_inject(struct sim_inject *inject, enum sim_inject_id id, int device,
		  u64 iova, u64 last);

/**
 * sim_inject() - whether to fail here and now
 * @inject: the instance's points
 * @id: the point
 * @device: requester ID, or SIM_INJECT_ANY_DEVICE if that is not known; then a
 *          point that is limited to a device does not fail
 * @iova: first address concerned
 * @last: last address concerned
 *
 * Costs nothing while no point is armed. Context: any. Return: true to fail.
 */
static inline bool sim_inject(struct sim_inject *inject, enum sim_inject_id id, int device,
			      u64 iova, u64 last)
{
	return sim_inject_any() &&
	       __sim_inject(inject, id, device, iova, last);
}

void sim_inject_init(struct sim_inject *inject);
void sim_inject_destroy(struct sim_inject *inject);
void sim_inject_debugfs(struct sim_inject *inject, struct dentry *parent,
			const struct fwnode_handle *fwnode);
void sim_inject_clear(struct sim_inject *inject);
void sim_inject_set_probability(struct sim_inject_point *point, u32 percent);
void sim_inject_set_fail_nth(struct sim_inject_point *point, u32 nth);
void sim_inject_set_seed(struct sim_inject_point *point, u64 seed);

#endif
