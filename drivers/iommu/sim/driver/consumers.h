/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The consumers of notifiers that are part of the driver: see mirror.c, softdev.c.
 */
#ifndef _IOMMU_SIM_CONSUMERS_H
#define _IOMMU_SIM_CONSUMERS_H

#include <linux/iommu-sim.h>
#include <linux/maple_tree.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

/**
 * struct sim_mirror - a shadow of a domain
 * @notifier: what keeps it up to date
 * @shadow: an entry for each run of pages, by page number
 * @events: how many there were
 * @differences: how often it was not what it should have been
 * @first_difference: where, the first time
 * @error: an event got lost
 */
struct sim_mirror {
	struct iommu_sim_notifier notifier;
	struct maple_tree shadow;
	u64 events;
	s64 differences;
	u64 first_difference;
	int error;
};

struct sim_mirror *sim_mirror_create(struct iommu_domain *d);
void sim_mirror_destroy(struct sim_mirror *m);
s64 sim_mirror_compare(struct sim_mirror *m, u64 *pages);

/**
 * struct sim_softdev - a device made of software
 * @notifier: what invalidates its translations
 * @lock: protects the rest; held while memory is accessed, so that who has returned
 *	  from an UNMAP knows that no access goes on
 * @cache: translations, by page number
 * @nr_cached: how many
 * @hits: translations that were cached
 * @misses: that were not
 * @faults: that there were not
 * @invalidated: that an event took away
 * @buf: between a read and a write
 */
struct sim_softdev {
	struct iommu_sim_notifier notifier;
	spinlock_t lock;	/* see above */
	struct xarray cache;
	unsigned int nr_cached;
	u64 hits;
	u64 misses;
	u64 faults;
	u64 invalidated;
	u8 buf[PAGE_SIZE];
};

struct sim_softdev *sim_softdev_create(struct iommu_domain *d);
void sim_softdev_destroy(struct sim_softdev *sd);
s64 sim_softdev_copy(struct sim_softdev *sd, u64 dst, u64 src, u64 len);

struct sim_domain;

void sim_mirror_debugfs(struct sim_domain *domain);
void sim_softdev_debugfs(struct sim_domain *domain);

#endif
