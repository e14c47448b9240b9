/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other kernel code can ask of an emulated IOMMU beyond the IOMMU API.
 * Symbols are in the namespace IOMMU_SIM.
 */
#ifndef _LINUX_IOMMU_SIM_H
#define _LINUX_IOMMU_SIM_H

#include <linux/iommu.h>

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

#endif
