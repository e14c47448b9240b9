// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: which memory devices have written to. While it is on, all
 * pages are of 4 KiB, so that no write marks more than that.
 */
#include "driver.h"

/* iommufd may unmap at the same time, and map */
static int split_all(struct sim_domain *domain)
{
	struct sim_pt *pt = &domain->pt;
	int ret;

	WRITE_ONCE(pt->splitting, true);
	WRITE_ONCE(pt->sizes, SZ_4K);
	/* From here on nobody maps a larger page, or unmaps one without looking */
	synchronize_rcu();
	ret = sim_pt_split_all(pt, domain->domain.geometry.aperture_end);
	/* Whoever finds this finds the parts: pairs with that in sim_pt_unmap_table() */
	smp_store_release(&pt->splitting, false);
	return ret;
}

/* One at a time: iommufd sees to that only for changes of what is mapped */
static DEFINE_MUTEX(tracking_lock);

/* Pages stay as they are afterwards: they are not put together again */
static int set_dirty_tracking(struct iommu_domain *d, bool enable)
{
	struct sim_domain *domain = to_sim_domain(d);
	int ret = 0;

	guard(mutex)(&tracking_lock);
	if (enable == domain->tracking)
		return 0;
	if (enable)
		ret = split_all(domain);
	if (!ret)
		ret = sim_domain_set_tracking(domain, enable);
	if (!ret)
		ret = sim_flush_domain(domain);
	if (ret)
		sim_domain_set_tracking(domain, false);
	if (ret || !enable)
		WRITE_ONCE(domain->pt.sizes, d->pgsize_bitmap);
	return ret;
}

static int read_and_clear_dirty(struct iommu_domain *d, unsigned long iova, size_t size,
				unsigned long flags, struct iommu_dirty_bitmap *dirty)
{
	struct sim_domain *domain = to_sim_domain(d);
	bool clear = !(flags & IOMMU_DIRTY_NO_CLEAR);
	struct sim_leaf leaf;
	u64 at = iova, last;

	/* Without a bitmap it is to be cleared, before it begins */
	if (!domain->tracking && dirty->bitmap)
		return -EINVAL;
	if (!size || iova > d->geometry.aperture_end || size - 1 > d->geometry.aperture_end - iova)
		return -ERANGE;
	last = iova + size - 1;
	while (at <= last) {
		/* This may sleep, so not while the page table is walked */
		if (sim_pt_next_dirty(&domain->pt, &at, last, clear, &leaf))
			iommu_dirty_bitmap_record(dirty, leaf.iova, BIT_ULL(leaf.size_lg2));
		cond_resched();
	}
	return 0;
}

const struct iommu_dirty_ops sim_dirty_ops = {
	.set_dirty_tracking	= set_dirty_tracking,
	.read_and_clear_dirty	= read_and_clear_dirty,
};
