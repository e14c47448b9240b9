/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other kernel code can ask of an emulated IOMMU beyond the IOMMU API.
 * Symbols are in the namespace IOMMU_SIM.
 */
#ifndef _LINUX_IOMMU_SIM_H
#define _LINUX_IOMMU_SIM_H

#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/list.h>

struct iommu_domain *iommu_sim_domain_alloc_explicit(struct device *dev);
int iommu_sim_commit(struct iommu_domain *d);

int iommu_sim_domain_set_pgsizes(struct iommu_domain *d, unsigned long pgsizes);

/**
 * iommu_sim_domain_set_min_granularity() - map all pages by themselves
 * @d: a paging domain of an emulated IOMMU, with nothing mapped
 *
 * From now on every page is of the smallest size, so that each is one event for
 * who watches the domain, and can be unmapped without a split. Nobody else may
 * use the domain at the same time. Context: any.
 * Return: as iommu_sim_domain_set_pgsizes().
 */
static inline int iommu_sim_domain_set_min_granularity(struct iommu_domain *d)
{
	return iommu_sim_domain_set_pgsizes(d, d->pgsize_bitmap & -d->pgsize_bitmap);
}

/* Events of a domain, for &iommu_sim_notifier.events and &iommu_sim_event.type */
#define IOMMU_SIM_MAP			BIT(0)
#define IOMMU_SIM_UNMAP			BIT(1)
#define IOMMU_SIM_DEVIOTLB_UNMAP	BIT(2)

/**
 * struct iommu_sim_event - what has happened to a range of IOVA
 * @type: one of IOMMU_SIM_MAP, IOMMU_SIM_UNMAP, IOMMU_SIM_DEVIOTLB_UNMAP
 * @iova: first address
 * @len: bytes
 * @pa: what @iova translates to; 0 but in a MAP
 * @prot: IOMMU_READ and IOMMU_WRITE, as it is mapped, or was until now; 0 in a
 *	  DEVIOTLB_UNMAP
 */
struct iommu_sim_event {
	unsigned int type;
	u64 iova;
	u64 len;
	phys_addr_t pa;
	int prot;
};

/**
 * struct iommu_sim_notifier - who wants to know what a domain maps
 * @notify: called for each event. A spinlock is held and interrupts are off: it must
 *	    not sleep, nor map or unmap in the domain, nor register or unregister.
 *	    Memory that an UNMAP is about may be freed as soon as it has returned.
 * @events: IOMMU_SIM_MAP, IOMMU_SIM_UNMAP, IOMMU_SIM_DEVIOTLB_UNMAP: which
 * @ranges: ranges come whole. Else every event is an aligned power of two, so that
 *	    it can be said by an address and a mask.
 * @start: first address that is of interest; events are clipped to that
 * @last: last address that is
 * @domain: set by iommu_sim_notifier_register()
 * @node: likewise
 */
struct iommu_sim_notifier {
	void (*notify)(struct iommu_sim_notifier *n, const struct iommu_sim_event *event);
	unsigned int events;
	bool ranges;
	u64 start;
	u64 last;
	struct iommu_domain *domain;
	struct list_head node;
};

int iommu_sim_notifier_register(struct iommu_domain *d, struct iommu_sim_notifier *n);
void iommu_sim_notifier_unregister(struct iommu_sim_notifier *n);
void iommu_sim_notifier_replay(struct iommu_sim_notifier *n);
bool iommu_sim_lookup(struct iommu_domain *d, u64 iova, struct iommu_sim_event *mapping);

#endif
