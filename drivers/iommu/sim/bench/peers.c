// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains over the page tables of other drivers, without their hardware: where
 * it would be flushed, nothing happens. Features are those with which the drivers
 * use them for hardware that is coherent.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/io-pgtable.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "bench.h"
#include "iommu-pages.h"

struct peer {
	union {
		struct iommu_domain domain;
		struct pt_iommu iommu;
		struct pt_iommu_amdv1 amdv1;
		struct pt_iommu_x86_64 x86_64;
		struct pt_iommu_vtdss vtdss;
	};
	spinlock_t top_lock;	/* an AMDv1 table grows at the top */
	struct io_pgtable_ops *lpae;
	long pages_before;
};

PT_IOMMU_CHECK_DOMAIN(struct peer, iommu, domain);
PT_IOMMU_CHECK_DOMAIN(struct peer, amdv1.iommu, domain);
PT_IOMMU_CHECK_DOMAIN(struct peer, x86_64.iommu, domain);
PT_IOMMU_CHECK_DOMAIN(struct peer, vtdss.iommu, domain);

static struct device *peer_dev;

static struct peer *to_peer(struct iommu_domain *domain)
{
	return container_of(domain, struct peer, domain);
}

/* What all page tables of this kind take, exactly: each CPU has a part of it */
static long iommu_pages(void)
{
	long pages = atomic_long_read(&vm_node_stat[NR_IOMMU_PAGES]);
	struct pglist_data *node;
	int cpu;

	for_each_online_pgdat(node) {
		for_each_online_cpu(cpu)
			pages += per_cpu_ptr(node->per_cpu_nodestats,
					     cpu)->vm_node_stat_diff[NR_IOMMU_PAGES];
	}
	return pages;
}

/* If no other domain has changed since this one was made */
static unsigned long peer_table_bytes(struct iommu_domain *domain)
{
	return (iommu_pages() - to_peer(domain)->pages_before) * PAGE_SIZE;
}

static void peer_iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	iommu_put_pages_list(&gather->freelist);
}

static void peer_change_top(struct pt_iommu *table, phys_addr_t top, unsigned int level)
{
}

static spinlock_t *peer_top_lock(struct pt_iommu *table)
{
	return &container_of(table, struct peer, iommu)->top_lock;
}

static const struct pt_iommu_driver_ops peer_driver_ops = {
	.change_top	= peer_change_top,
	.get_top_lock	= peer_top_lock,
};

static struct peer *peer_new(const struct iommu_domain_ops *ops)
{
	struct peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);

	if (!peer)
		return NULL;
	spin_lock_init(&peer->top_lock);
	peer->pages_before = iommu_pages();
	peer->domain.ops = ops;
	peer->iommu.nid = NUMA_NO_NODE;
	peer->iommu.driver_ops = &peer_driver_ops;
	peer->iommu.iommu_device = peer_dev;
	return peer;
}

/* The domain of @peer, whose page table could be made or not: @ret */
static struct iommu_domain *peer_domain(struct peer *peer, int ret)
{
	if (!ret)
		return &peer->domain;
	kfree(peer);
	return ERR_PTR(ret);
}

static void generic_pt_free(struct iommu_domain *domain)
{
	struct peer *peer = to_peer(domain);

	pt_iommu_deinit(&peer->iommu);
	kfree(peer);
}

static const struct iommu_domain_ops amdv1_ops = {
	IOMMU_PT_DOMAIN_OPS(amdv1),
	.iotlb_sync = peer_iotlb_sync,
};

static struct iommu_domain *amdv1_alloc(void)
{
	const struct pt_iommu_amdv1_cfg cfg = {
		.common.features = BIT(PT_FEAT_DYNAMIC_TOP) | BIT(PT_FEAT_FLUSH_RANGE) |
				   BIT(PT_FEAT_AMDV1_ENCRYPT_TABLES) |
				   BIT(PT_FEAT_AMDV1_FORCE_COHERENCE),
		.common.hw_max_vasz_lg2 = 64,
		.common.hw_max_oasz_lg2 = 52,
		.starting_level = 2,
	};
	struct peer *peer = peer_new(&amdv1_ops);

	if (!peer)
		return ERR_PTR(-ENOMEM);
	return peer_domain(peer, pt_iommu_amdv1_init(&peer->amdv1, &cfg, GFP_KERNEL));
}

static const struct iommu_domain_ops x86_64_ops = {
	IOMMU_PT_DOMAIN_OPS(x86_64),
	.iotlb_sync = peer_iotlb_sync,
};

static struct iommu_domain *x86_64_alloc(void)
{
	const struct pt_iommu_x86_64_cfg cfg = {
		.common.features = BIT(PT_FEAT_SIGN_EXTEND) | BIT(PT_FEAT_FLUSH_RANGE),
		.common.hw_max_vasz_lg2 = 48,
		.common.hw_max_oasz_lg2 = 52,
		.top_level = 3,
	};
	struct peer *peer = peer_new(&x86_64_ops);

	if (!peer)
		return ERR_PTR(-ENOMEM);
	return peer_domain(peer, pt_iommu_x86_64_init(&peer->x86_64, &cfg, GFP_KERNEL));
}

static const struct iommu_domain_ops vtdss_ops = {
	IOMMU_PT_DOMAIN_OPS(vtdss),
	.iotlb_sync = peer_iotlb_sync,
};

static struct iommu_domain *vtdss_alloc(void)
{
	const struct pt_iommu_vtdss_cfg cfg = {
		.common.features = BIT(PT_FEAT_FLUSH_RANGE),
		.common.hw_max_vasz_lg2 = 48,
		.common.hw_max_oasz_lg2 = 52,
		.top_level = 3,
	};
	struct peer *peer = peer_new(&vtdss_ops);

	if (!peer)
		return ERR_PTR(-ENOMEM);
	return peer_domain(peer, pt_iommu_vtdss_init(&peer->vtdss, &cfg, GFP_KERNEL));
}

static int lpae_map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t pa,
			  size_t pgsize, size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	struct io_pgtable_ops *ops = to_peer(domain)->lpae;

	return ops->map_pages(ops, iova, pa, pgsize, count, prot, gfp, mapped);
}

static size_t lpae_unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			       size_t count, struct iommu_iotlb_gather *gather)
{
	struct io_pgtable_ops *ops = to_peer(domain)->lpae;

	return ops->unmap_pages(ops, iova, pgsize, count, gather);
}

static phys_addr_t lpae_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct io_pgtable_ops *ops = to_peer(domain)->lpae;

	return ops->iova_to_phys(ops, iova);
}

static const struct iommu_domain_ops lpae_ops = {
	.map_pages	= lpae_map_pages,
	.unmap_pages	= lpae_unmap_pages,
	.iova_to_phys	= lpae_iova_to_phys,
	.iotlb_sync	= peer_iotlb_sync,
};

static void lpae_flush_all(void *cookie)
{
}

static void lpae_flush_walk(unsigned long iova, size_t size, size_t granule, void *cookie)
{
}

static void lpae_add_page(struct iommu_iotlb_gather *gather, unsigned long iova, size_t granule,
			  void *cookie)
{
}

static const struct iommu_flush_ops lpae_flush_ops = {
	.tlb_flush_all	= lpae_flush_all,
	.tlb_flush_walk	= lpae_flush_walk,
	.tlb_add_page	= lpae_add_page,
};

static struct iommu_domain *lpae_alloc(void)
{
	struct io_pgtable_cfg cfg = {
		.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G,
		.ias = 48,
		.oas = 48,
		.coherent_walk = true,
		.tlb = &lpae_flush_ops,
		.iommu_dev = peer_dev,
	};
	struct peer *peer = peer_new(&lpae_ops);

	if (!peer)
		return ERR_PTR(-ENOMEM);
	peer->domain.type = __IOMMU_DOMAIN_PAGING;
	peer->lpae = alloc_io_pgtable_ops(ARM_64_LPAE_S1, &cfg, peer);
	peer->domain.pgsize_bitmap = cfg.pgsize_bitmap;
	return peer_domain(peer, peer->lpae ? 0 : -ENOMEM);
}

static void lpae_free(struct iommu_domain *domain)
{
	struct peer *peer = to_peer(domain);

	free_io_pgtable_ops(peer->lpae);
	kfree(peer);
}

const struct bench_variant bench_peers[] = {
	{ "amdv1", amdv1_alloc, generic_pt_free, peer_table_bytes, true },
	{ "x86_64", x86_64_alloc, generic_pt_free, peer_table_bytes, true },
	{ "vtdss", vtdss_alloc, generic_pt_free, peer_table_bytes, true },
	{ "lpae_s1", lpae_alloc, lpae_free, peer_table_bytes, true },
};

/**
 * bench_peers_init() - before the first of bench_peers is used
 *
 * Return: 0 or a negative error.
 */
int bench_peers_init(void)
{
	peer_dev = root_device_register("iommu-sim-bench");
	return PTR_ERR_OR_ZERO(peer_dev);
}

/**
 * bench_peers_exit() - after the last
 */
void bench_peers_exit(void)
{
	root_device_unregister(peer_dev);
}

MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
