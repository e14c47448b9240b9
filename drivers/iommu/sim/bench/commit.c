// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scattered pages unmapped, and made sure of: strictly, one flush for each; by one
 * explicit commit; and batched, one flush of the domain for all, as the DMA API's
 * flush queue has it. A device is attached.
 */
#include <linux/iommu-sim.h>
#include <linux/sizes.h>

#include "bench.h"

#define MAX_PAGES	4096
#define BASE		((dma_addr_t)SZ_1G)

enum { COMMIT, STRICT, BATCHED, NR_VARIANTS };

static const char *const names[NR_VARIANTS] = { BENCH_OURS, "strict", "batched" };

/* No two touch */
static dma_addr_t iova_of(unsigned int page)
{
	return BASE + (dma_addr_t)page * 2 * SZ_4K;
}

static int map_all(struct iommu_domain *domain, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = iommu_map(domain, iova_of(i), BENCH_PA, SZ_4K, BENCH_PROT, GFP_KERNEL);
	return ret;
}

static int unmap_all(struct iommu_domain *domain, unsigned int nr, unsigned int variant)
{
	struct iommu_iotlb_gather gather;
	unsigned int i;

	iommu_iotlb_gather_init(&gather);
	gather.queued = variant == BATCHED;
	for (i = 0; i < nr; i++) {
		if (variant == BATCHED)
			iommu_unmap_fast(domain, iova_of(i), SZ_4K, &gather);
		else
			iommu_unmap(domain, iova_of(i), SZ_4K);
	}
	if (variant == COMMIT)
		return iommu_sim_commit(domain);
	if (variant == BATCHED)
		iommu_flush_iotlb_all(domain);
	return 0;
}

static int measure(struct iommu_domain *domain, unsigned int nr, unsigned int variant,
		   struct bench_samples *samples)
{
	unsigned int batches = nr < 256 ? 512 : 64, b;
	u64 start;
	int ret;

	for (b = 0; b < batches; b++) {
		ret = map_all(domain, nr);
		if (!ret && variant == COMMIT)
			ret = iommu_sim_commit(domain);
		if (ret)
			return ret;
		start = bench_tsc();
		ret = unmap_all(domain, nr, variant);
		bench_samples_add(samples, bench_tsc() - start);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

static int run(unsigned int nr, unsigned int variant, const char *id)
{
	struct bench_samples samples = { };
	struct iommu_domain *domain;
	int ret;

	domain = variant == COMMIT ? bench_explicit_alloc() : bench_ours.alloc();
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	/* A page that stays, so that tables do */
	ret = bench_samples_init(&samples) ?:
	      iommu_map(domain, iova_of(MAX_PAGES), BENCH_PA, SZ_4K, BENCH_PROT, GFP_KERNEL) ?:
	      bench_endpoint_attach(domain, false);
	if (!ret) {
		ret = measure(domain, nr, variant, &samples);
		bench_endpoint_detach(domain);
	}
	if (!ret)
		bench_report(id, names[variant], &samples, nr);
	bench_samples_destroy(&samples);
	iommu_domain_free(domain);
	return ret;
}

/**
 * bench_commit() - explicit commit
 *
 * Return: 0 or a negative error.
 */
int bench_commit(void)
{
	static const unsigned int sizes[] = { 1, 16, 256, MAX_PAGES };
	unsigned int i, v;
	char id[32];
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !ret; i++) {
		snprintf(id, sizeof(id), "pt.commit.%u", sizes[i]);
		for (v = 0; v < NR_VARIANTS && !ret && bench_wanted(id); v++)
			ret = run(sizes[i], v, id);
	}
	return ret;
}
