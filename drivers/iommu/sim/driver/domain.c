// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: what the IOMMU core maps into.
 */
#include <linux/debugfs.h>
#include <linux/iommu-sim.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "driver.h"
#include "pt_inline.h"

/*
 * Execute @cmd, unless there is no device: get_domain() in attach.c says why that
 * is enough.
 */
static int flush(struct sim_domain *domain, struct sim_cmd cmd)
{
	if (unlikely(READ_ONCE(domain->limbo.tables))) {
		int ret = sim_domain_release(domain);

		if (ret)
			return ret;
	}
	return READ_ONCE(domain->attached) ? sim_queue_submit(domain->iommu, &cmd, 1) : 0;
}

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
	if (likely(ret != -EAGAIN))
		return ret;
	done = *mapped - before;
	return map_again(domain, iova + done, pa + done, len - done, rights, gfp, mapped);
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
	unmapped = sim_pt_unmap(&domain->pt, iova, len);
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
	struct sim_cmd cmd;

	if (!domain->iommu->npcache || !size)
		return 0;
	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_SYNC_MAPS);
	cmd = sim_cmd_invalidate_pages(domain->id, iova, iova + size - 1, false);
	return flush(domain, cmd);
}

/**
 * sim_domain_flush() - have nothing of a domain cached
 * @domain: the domain
 *
 * Context: any. Return: 0, or why it cannot be sure of that.
 */
int sim_domain_flush(struct sim_domain *domain)
{
	return flush(domain, sim_cmd_invalidate_domain(domain->id));
}

static void iotlb_sync(struct iommu_domain *d, struct iommu_iotlb_gather *gather)
{
	struct sim_domain *domain = to_sim_domain(d);
	struct sim_cmd cmd;
	int ret;

	/* Nothing was unmapped: 6.12 calls all the same */
	if (gather->start > gather->end)
		return;
	sim_stat_inc_hot(&domain->iommu->stats, SIM_DSTAT_SYNCS);
	cmd = sim_cmd_invalidate_pages(domain->id, gather->start, gather->end, false);
	ret = flush(domain, cmd);
	if (ret)
		sim_domain_block(domain, ret);
}

static void flush_iotlb_all(struct iommu_domain *d)
{
	struct sim_domain *domain = to_sim_domain(d);
	int ret;

	sim_stat_inc(&domain->iommu->stats, SIM_DSTAT_FLUSH_ALLS);
	ret = sim_domain_flush(domain);
	if (ret)
		sim_domain_block(domain, ret);
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
	sim_domain_reclaim_stop(domain);
	/* No device is attached; what stays cached would meet the next user of the ID */
	ret = sim_domain_flush(domain);
	if (ret) {
		dev_err(iommu->dev, "domain %u could not be flushed (%d), its ID and tables are lost\n",
			domain->id, ret);
		return;
	}
	sim_pt_destroy(&domain->pt);
	ida_free(&iommu->domain_ids, domain->id);
	kfree(domain);
}

const struct iommu_domain_ops sim_paging_domain_ops = {
	.attach_dev	= sim_paging_attach,
	.map_pages	= map_pages,
	.unmap_pages	= unmap_pages,
	.iotlb_sync_map	= iotlb_sync_map,
	.iotlb_sync	= iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys	= iova_to_phys,
	.free		= domain_free,
};

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

	if (d->ops != &sim_paging_domain_ops || pgsizes & ~d->pgsize_bitmap || !(pgsizes & SZ_4K))
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
	domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->iommu = iommu;
	sim_domain_reclaim_init(domain);

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
 * @flags: IOMMU_HWPT_ALLOC_DIRTY_TRACKING or 0
 * @user_data: none is known
 *
 * The core fills in owner and cookie, and type unless it is 6.12, where only
 * iommufd calls this. Context: may sleep. Return: the domain, or an ERR_PTR().
 */
struct iommu_domain *sim_domain_alloc_flags(struct device *dev, u32 flags,
					    const struct iommu_user_data *user_data)
{
	struct iommu_domain *domain;

	if (flags & ~IOMMU_HWPT_ALLOC_DIRTY_TRACKING || user_data ||
	    (flags && !SIM_DIRTY_TRACKING))
		return ERR_PTR(-EOPNOTSUPP);
	domain = sim_domain_alloc_paging(dev);
	if (!IS_ERR(domain)) {
		domain->type = IOMMU_DOMAIN_UNMANAGED;
		domain->dirty_ops = flags ? &sim_dirty_ops : NULL;
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
