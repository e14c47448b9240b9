// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: what the IOMMU core maps into.
 */
#include <linux/debugfs.h>
#include <linux/iommu-sim.h>
#include <linux/slab.h>
#include <trace/events/iommu_sim_driver.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "driver.h"
#include "pt_inline.h"

/*
 * -ERANGE for what the page table cannot express and -EINVAL for what is not
 * aligned or may be neither read nor written are what generic_pt and its users
 * return. The core sees to the alignment itself where it splits the range.
 */
static __always_inline int check_map(const struct iommu_domain *d, u64 iova, u64 pa, u64 len,
				     int prot)
{
	u64 last = iova + len - 1;

	if (unlikely((iova | pa | len) & (SZ_4K - 1) || !(prot & (IOMMU_READ | IOMMU_WRITE))))
		return -EINVAL;
	/* Also if there is nothing to map: then the last is before the first */
	if (unlikely(last < iova || last > d->geometry.aperture_end ||
		     (pa | (pa + len - 1)) >> SIM_PA_BITS))
		return len ? -ERANGE : -EINVAL;
	return 0;
}

/* Somebody else may put tables there at the same time, but should not */
#define MAP_TRIES	16

static noinline int map_again(struct sim_domain *domain, u64 iova, u64 pa, u64 len, u64 rights,
			      gfp_t gfp, size_t *mapped)
{
	unsigned int tries = MAP_TRIES, size_lg2;
	size_t done = 0, before;
	int ret;

	do {
		before = done;
		sim_pt_pick_size(READ_ONCE(domain->pt.sizes), iova + done, pa + done, len - done,
				 &size_lg2);
		ret = sim_domain_clear_way(domain, iova + done, size_lg2);
		if (!ret)
			ret = sim_pt_map_more(&domain->pt, iova + done, pa + done, len - done,
					      rights, gfp, &done);
		if (done != before)
			tries = MAP_TRIES;
	} while (ret == -EAGAIN && --tries);
	*mapped += done;
	return ret == -EAGAIN ? -EADDRINUSE : ret;
}

static __always_inline int map_range(struct sim_domain *domain, u64 iova, u64 pa, u64 len,
				     int prot, gfp_t gfp, size_t *mapped)
{
	u64 rights = (u64)(prot & (IOMMU_READ | IOMMU_WRITE)) << __bf_shf(SIM_PTE_IR);
	size_t before = *mapped, done;
	int ret;

	static_assert(SIM_PTE_IR / IOMMU_READ == SIM_PTE_IW / IOMMU_WRITE);

	ret = check_map(&domain->domain, iova, pa, len, prot);
	if (unlikely(ret))
		return ret;
	sim_stat_inc_hot(&domain->iommu->stats, SIM_DSTAT_MAPS);
	if (sim_inject(domain->iommu->inject, SIM_INJECT_MAP, domain->pt.device, iova,
		       iova + len - 1))
		return -ENOMEM;
	ret = sim_pt_map(&domain->pt, iova, pa, len, rights, gfp, mapped);
	if (unlikely(ret == -EAGAIN)) {
		done = *mapped - before;
		ret = map_again(domain, iova + done, pa + done, len - done, rights, gfp, mapped);
	}
	/* After the entries: see notify.c */
	if (unlikely(READ_ONCE(domain->notified)))
		sim_notify_map(domain, iova, pa, *mapped - before, prot);
	trace_iommu_sim_map(domain->id, iova, pa, len, prot, ret);
	return ret;
}

static __always_inline size_t unmap_range(struct sim_domain *domain, u64 iova, u64 len,
					  struct iommu_iotlb_gather *gather)
{
	u64 last = iova + len - 1;
	size_t unmapped;

	if (unlikely((iova | len) & (SZ_4K - 1) || last < iova ||
		     last > domain->domain.geometry.aperture_end))
		return 0;
	sim_stat_inc_hot(&domain->iommu->stats, SIM_DSTAT_UNMAPS);
	rcu_read_lock();
	if (likely(!READ_ONCE(domain->notified)))
		unmapped = sim_pt_unmap(&domain->pt, iova, len);
	else
		unmapped = sim_notify_unmap(domain, iova, len);
	rcu_read_unlock();
	trace_iommu_sim_unmap(domain->id, iova, len, unmapped);
	if (unmapped && !iommu_iotlb_gather_queued(gather))
		iommu_iotlb_gather_add_range(gather, iova, unmapped);
	return unmapped;
}

static int map_pages(struct iommu_domain *d, unsigned long iova, phys_addr_t pa, size_t pgsize,
		     size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	return map_range(to_sim_domain(d), iova, pa, pgsize * count, prot, gfp, mapped);
}

static size_t unmap_pages(struct iommu_domain *d, unsigned long iova, size_t pgsize,
			  size_t count, struct iommu_iotlb_gather *gather)
{
	return unmap_range(to_sim_domain(d), iova, pgsize * count, gather);
}

#if SIM_HAVE_PT_RANGES
static int pt_map_range(struct pt_iommu *pt, dma_addr_t iova, phys_addr_t pa, dma_addr_t len,
			unsigned int prot, gfp_t gfp, size_t *mapped)
{
	return map_range(to_sim_domain(&pt->domain), iova, pa, len, prot, gfp, mapped);
}

static size_t pt_unmap_range(struct pt_iommu *pt, dma_addr_t iova, dma_addr_t len,
			     struct iommu_iotlb_gather *gather)
{
	return unmap_range(to_sim_domain(&pt->domain), iova, len, gather);
}

/* The core's own way round its splitting of ranges into pages, which we do better */
static const struct pt_iommu_ops pt_range_ops = {
	.map_range	= pt_map_range,
	.unmap_range	= pt_unmap_range,
};

static void use_ranges(struct sim_domain *domain)
{
	domain->pt_iommu.ops = &pt_range_ops;
	domain->domain.is_iommupt = true;
}
#else
static void use_ranges(struct sim_domain *domain)
{
}
#endif

/* spec 5.4: only where "not present" is cached does a map need a flush */
static int iotlb_sync_map(struct iommu_domain *d, unsigned long iova, size_t size)
{
	struct sim_domain *domain = to_sim_domain(d);

	if (!domain->iommu->npcache || !size)
		return 0;
	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_SYNC_MAPS);
	return sim_flush_range(domain, iova, iova + size - 1);
}

static void iotlb_sync(struct iommu_domain *d, struct iommu_iotlb_gather *gather)
{
	struct sim_domain *domain = to_sim_domain(d);
	int ret;

	/* Nothing was unmapped: 6.12 calls all the same */
	if (gather->start > gather->end)
		return;
	sim_stat_inc_hot(&domain->iommu->stats, SIM_DSTAT_SYNCS);
	ret = sim_flush_range(domain, gather->start, gather->end);
	if (ret)
		sim_domain_block(domain, ret);
	sim_notify_devtlb(domain, gather->start, gather->end);
}

static void flush_iotlb_all(struct iommu_domain *d)
{
	struct sim_domain *domain = to_sim_domain(d);
	int ret;

	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_FLUSH_ALLS);
	ret = sim_flush_domain(domain);
	if (ret)
		sim_domain_block(domain, ret);
	sim_notify_devtlb(domain, 0, d->geometry.aperture_end);
	sim_domain_reclaim_all(domain);
}

static phys_addr_t iova_to_phys(struct iommu_domain *d, dma_addr_t iova)
{
	if (iova > d->geometry.aperture_end)
		return 0;
	return sim_pt_lookup(&to_sim_domain(d)->pt, iova);
}

static void domain_free(struct iommu_domain *d)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_iommu *iommu = domain->iommu;
	int ret;

	debugfs_remove_recursive(domain->debugfs);
	sim_notify_destroy(domain);
	sim_domain_reclaim_stop(domain);
	/* No device is attached; what stays cached would meet the next user of the ID */
	ret = sim_flush_domain(domain);
	if (ret) {
		dev_err(iommu->dev, "domain %u could not be flushed (%d), its ID and tables are lost\n",
			domain->id, ret);
		return;
	}
	sim_pt_destroy(&domain->pt);
	ida_free(&iommu->domain_ids, domain->id);
	kfree(domain->pending);
	kfree(domain);
}

const struct iommu_domain_ops sim_paging_domain_ops = {
	.attach_dev	= sim_paging_attach,
	.set_dev_pasid	= sim_paging_set_dev_pasid,
	.map_pages	= map_pages,
	.unmap_pages	= unmap_pages,
	.iotlb_sync_map	= iotlb_sync_map,
	.iotlb_sync	= iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys	= iova_to_phys,
	.free		= domain_free,
};

/*
 * With explicit commit: what is mapped and unmapped is noted, and nothing is
 * flushed before iommu_sim_commit().
 */
static __always_inline int explicit_map(struct sim_domain *domain, u64 iova, u64 pa, u64 len,
					int prot, gfp_t gfp, size_t *mapped)
{
	size_t before = *mapped;
	int ret = map_range(domain, iova, pa, len, prot, gfp, mapped);

	if (domain->iommu->npcache && *mapped != before)
		sim_pending_add(domain->pending, iova, iova + (*mapped - before) - 1);
	return ret;
}

static __always_inline size_t explicit_unmap(struct sim_domain *domain, u64 iova, u64 len,
					     struct iommu_iotlb_gather *gather)
{
	size_t unmapped = unmap_range(domain, iova, len, gather);

	if (unmapped)
		sim_pending_add(domain->pending, iova, iova + unmapped - 1);
	return unmapped;
}

static int explicit_map_pages(struct iommu_domain *d, unsigned long iova, phys_addr_t pa,
			      size_t pgsize, size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	return explicit_map(to_sim_domain(d), iova, pa, pgsize * count, prot, gfp, mapped);
}

static size_t explicit_unmap_pages(struct iommu_domain *d, unsigned long iova, size_t pgsize,
				   size_t count, struct iommu_iotlb_gather *gather)
{
	return explicit_unmap(to_sim_domain(d), iova, pgsize * count, gather);
}

static const struct iommu_domain_ops explicit_domain_ops = {
	.attach_dev	= sim_paging_attach,
	.set_dev_pasid	= sim_paging_set_dev_pasid,
	.map_pages	= explicit_map_pages,
	.unmap_pages	= explicit_unmap_pages,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys	= iova_to_phys,
	.free		= domain_free,
};

#if SIM_HAVE_PT_RANGES
static int explicit_pt_map(struct pt_iommu *pt, dma_addr_t iova, phys_addr_t pa, dma_addr_t len,
			   unsigned int prot, gfp_t gfp, size_t *mapped)
{
	return explicit_map(to_sim_domain(&pt->domain), iova, pa, len, prot, gfp, mapped);
}

static size_t explicit_pt_unmap(struct pt_iommu *pt, dma_addr_t iova, dma_addr_t len,
				struct iommu_iotlb_gather *gather)
{
	return explicit_unmap(to_sim_domain(&pt->domain), iova, len, gather);
}

static const struct pt_iommu_ops explicit_pt_ops = {
	.map_range	= explicit_pt_map,
	.unmap_range	= explicit_pt_unmap,
};

static void use_explicit_ranges(struct sim_domain *domain)
{
	domain->pt_iommu.ops = &explicit_pt_ops;
}
#else
static void use_explicit_ranges(struct sim_domain *domain)
{
}
#endif

/**
 * sim_is_paging() - is it a domain that is mapped into?
 * @d: a domain
 *
 * Return: whether it is a &struct sim_domain.
 */
bool sim_is_paging(const struct iommu_domain *d)
{
	return d->ops == &sim_paging_domain_ops || d->ops == &explicit_domain_ops;
}

/**
 * iommu_sim_domain_alloc_explicit() - make a domain with explicit commit
 * @dev: a device behind an emulated IOMMU
 *
 * In this domain, iommu_map() and iommu_unmap() change the page table, and nothing
 * else: what they do is guaranteed to be seen by devices, and memory that was
 * unmapped may be freed, after iommu_sim_commit() only. It is for who maps by the
 * IOMMU API; to be freed by iommu_domain_free(). Context: may sleep.
 * Return: the domain, or an ERR_PTR(): -ENODEV for another device, -ENOMEM.
 */
struct iommu_domain *iommu_sim_domain_alloc_explicit(struct device *dev)
{
	struct iommu_domain *d;
	struct sim_domain *domain;

	if (!dev->iommu || !dev->iommu->iommu_dev || dev->iommu->iommu_dev->ops != &sim_iommu_ops)
		return ERR_PTR(-ENODEV);
	d = iommu_paging_domain_alloc(dev);
	if (IS_ERR(d))
		return d;
	domain = to_sim_domain(d);
	domain->pending = sim_pending_create();
	if (!domain->pending) {
		iommu_domain_free(d);
		return ERR_PTR(-ENOMEM);
	}
	d->ops = &explicit_domain_ops;
	use_explicit_ranges(domain);
	return d;
}
EXPORT_SYMBOL_SIM_API(iommu_sim_domain_alloc_explicit);

/**
 * iommu_sim_domain_set_pgsizes() - narrow the page sizes of a domain
 * @d: a paging domain of an emulated IOMMU, with nothing mapped
 * @pgsizes: a bit for each size, 4 KiB among them, all of them in
 *	     &iommu_domain.pgsize_bitmap
 *
 * From now on, maps use these sizes only. If a page is unmapped in part, what is
 * left of it may have others: one for each level of the page table there is
 * (4 KiB, 2 MiB, 1 GiB, and so on). Nobody else may use the domain at the same
 * time. Context: any. Return: 0; -EINVAL if it is another domain, or for other
 * sizes; -EBUSY if something is mapped.
 */
int iommu_sim_domain_set_pgsizes(struct iommu_domain *d, unsigned long pgsizes)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_leaf leaf;

	if (!sim_is_paging(d) || pgsizes & ~d->pgsize_bitmap || !(pgsizes & SZ_4K))
		return -EINVAL;
	if (sim_pt_next_leaf(&domain->pt, 0, d->geometry.aperture_end, &leaf))
		return -EBUSY;
	d->pgsize_bitmap = pgsizes;
	if (!domain->tracking)
		WRITE_ONCE(domain->pt.sizes, pgsizes);
	return 0;
}
EXPORT_SYMBOL_SIM_API(iommu_sim_domain_set_pgsizes);

/**
 * sim_domain_alloc_paging() - make a paging domain
 * @dev: a device that will be attached to it
 *
 * The core fills in type, owner and cookie. Context: may sleep.
 * Return: the domain, or an ERR_PTR().
 */
struct iommu_domain *sim_domain_alloc_paging(struct device *dev)
{
	struct sim_device *sdev = dev ? dev_iommu_priv_get(dev) : NULL;
	struct sim_iommu *iommu;
	struct sim_domain *domain;
	int id, ret;

	if (!sdev)
		return ERR_PTR(-ENODEV);
	iommu = sdev->iommu;
	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->iommu = iommu;
	sim_domain_reclaim_init(domain);
	sim_notify_init(domain);

	/* ID 0 is what entries without a domain carry */
	id = ida_alloc_range(&iommu->domain_ids, 1, FIELD_MAX(SIM_DTE1_DOMAIN), GFP_KERNEL);
	if (id < 0) {
		ret = id;
		goto free_domain;
	}
	domain->id = id;
	domain->domain.ops = &sim_paging_domain_ops;
	/* No page is larger than all there is */
	domain->domain.pgsize_bitmap = iommu->pgsizes & GENMASK(iommu->iova_bits - 1, 0);
	domain->domain.geometry.aperture_end = BIT_ULL(iommu->iova_bits) - 1;
	domain->domain.geometry.force_aperture = true;
	use_ranges(domain);
	ret = sim_pt_init(&domain->pt,
			  DIV_ROUND_UP(iommu->iova_bits - SIM_PAGE_LG2, SIM_PT_LEVEL_LG2),
			  domain->domain.pgsize_bitmap, &iommu->stats, iommu->inject,
			  sim_domain_reclaim_kick);
	if (ret)
		goto free_id;
	sim_domain_debugfs_add(domain);
	return &domain->domain;

free_id:
	ida_free(&iommu->domain_ids, id);
free_domain:
	kfree(domain);
	return ERR_PTR(ret);
}

/**
 * sim_domain_alloc_flags() - make a paging domain with something special
 * @dev: a device that will be attached to it
 * @flags: IOMMU_HWPT_ALLOC_DIRTY_TRACKING, IOMMU_HWPT_ALLOC_PASID, which all
 *	   domains are fit for, or 0
 * @user_data: none is known
 *
 * The core fills in owner and cookie, and type unless it is 6.12, where only
 * iommufd calls this. Context: may sleep. Return: the domain, or an ERR_PTR().
 */
struct iommu_domain *sim_domain_alloc_flags(struct device *dev, u32 flags,
					    const struct iommu_user_data *user_data)
{
	bool dirty = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	struct iommu_domain *domain;

	if (flags & ~(IOMMU_HWPT_ALLOC_DIRTY_TRACKING | SIM_ALLOC_PASID) || user_data ||
	    (dirty && !SIM_DIRTY_TRACKING))
		return ERR_PTR(-EOPNOTSUPP);
	domain = sim_domain_alloc_paging(dev);
	if (!IS_ERR(domain)) {
		domain->type = IOMMU_DOMAIN_UNMANAGED;
		domain->dirty_ops = dirty ? &sim_dirty_ops : NULL;
	}
	return domain;
}

#if !SIM_HAVE_PAGING_FLAGS
struct iommu_domain *sim_domain_alloc_user(struct device *dev, u32 flags,
					   struct iommu_domain *parent,
					   const struct iommu_user_data *user_data)
{
	return parent ? ERR_PTR(-EOPNOTSUPP) : sim_domain_alloc_flags(dev, flags, user_data);
}
#endif
