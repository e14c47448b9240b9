// SPDX-License-Identifier: GPL-2.0-only
/*
 * What page tables take: when something is mapped, and when nothing is any more.
 */
#include <linux/sizes.h>
#include <linux/slab.h>

#include "bench.h"

#define MAPPED_GIB	4
#define BASE		SZ_1G
#define UNMAPPED_PAGES	(SZ_1G / SZ_4K)

static const struct {
	const char *name;
	unsigned int size_lg2;
} sizes[] = {
	{ "4k", 12 }, { "64k", 16 }, { "2m", 21 }, { "1g", 30 },
};

/* In pages of BIT(@size_lg2): a larger one does not fit what it is mapped to */
static int map_in(struct iommu_domain *domain, unsigned int size_lg2, size_t len)
{
	return iommu_map(domain, BASE, SZ_64G + BIT_ULL(size_lg2), len, BENCH_PROT, GFP_KERNEL);
}

static int bench_empty(const struct bench_variant *variant)
{
	static const char id[] = "pt.memory.empty";
	struct iommu_domain *domain;

	if (!bench_wanted(id))
		return 0;
	domain = variant->alloc();
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	bench_report_value(id, variant->name, "bytes", variant->table_bytes(domain));
	variant->free(domain);
	return 0;
}

static int bench_mapped(const struct bench_variant *variant, const char *name,
			unsigned int size_lg2)
{
	const size_t len = MAPPED_GIB * (size_t)SZ_1G;
	struct iommu_domain *domain;
	char id[32];
	int ret;

	snprintf(id, sizeof(id), "pt.memory.mapped.%s", name);
	if (!bench_wanted(id))
		return 0;
	domain = variant->alloc();
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	ret = map_in(domain, size_lg2, len);
	if (!ret) {
		bench_report_value(id, variant->name, "bytes",
				   variant->table_bytes(domain) / MAPPED_GIB);
		iommu_unmap(domain, BASE, len);
	}
	variant->free(domain);
	cond_resched();
	return ret;
}

static int bench_after_unmap(const struct bench_variant *variant, u32 *order)
{
	static const char id[] = "pt.memory.after_unmap";
	struct iommu_domain *domain;
	unsigned int i;
	int ret;

	if (!bench_wanted(id))
		return 0;
	domain = variant->alloc();
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	ret = map_in(domain, 12, SZ_1G);
	bench_shuffle(order, UNMAPPED_PAGES, UNMAPPED_PAGES);
	for (i = 0; i < UNMAPPED_PAGES && !ret; i++) {
		if (iommu_unmap(domain, BASE + ((u64)order[i] << 12), SZ_4K) != SZ_4K)
			ret = -EIO;
	}
	if (!ret)
		bench_report_value(id, variant->name, "bytes", variant->table_bytes(domain));
	variant->free(domain);
	cond_resched();
	return ret;
}

/**
 * bench_pt_memory() - memory of page tables
 *
 * Return: 0 or a negative error.
 */
int bench_pt_memory(void)
{
	u32 *order __free(kvfree) = kvcalloc(UNMAPPED_PAGES, sizeof(*order), GFP_KERNEL);
	unsigned int v, s;
	int ret = 0;

	if (!order)
		return -ENOMEM;
	for (v = 0; v < BENCH_NR_VARIANTS && !ret; v++) {
		const struct bench_variant *variant = bench_variants[v];

		if (!variant->table_bytes)
			continue;
		ret = bench_empty(variant);
		for (s = 0; s < ARRAY_SIZE(sizes) && !ret; s++)
			ret = bench_mapped(variant, sizes[s].name, sizes[s].size_lg2);
		if (!ret)
			ret = bench_after_unmap(variant, order);
	}
	return ret;
}
