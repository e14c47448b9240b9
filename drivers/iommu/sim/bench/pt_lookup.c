// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu_iova_to_phys() of random pages. For throughput the calls are independent,
 * and a processor overlaps them; for latency each needs the result of the one
 * before.
 */
#include <linux/slab.h>

#include "bench.h"

#define ROUNDS		4
#define BATCHES		96
#define CALLS		2048
#define ORDER_LEN	65536U
#define BASE		SZ_1G
/* All but the last: both floors look up in the same way */
#define NR_SUBJECTS	(BENCH_NR_VARIANTS - 1)

struct subject {
	struct iommu_domain *domain;
	struct bench_samples throughput;
	struct bench_samples latency;
};

static phys_addr_t expected_pa(unsigned int page)
{
	/* No two neighbours in a row */
	return SZ_256M + ((phys_addr_t)(page ^ 0x155) << PAGE_SHIFT);
}

static int fill(const struct bench_variant *variant, struct iommu_domain *domain,
		unsigned int pages)
{
	dma_addr_t iova = BASE;
	unsigned int i;
	int ret;

	for (i = 0; i < pages; i++, iova += PAGE_SIZE) {
		ret = iommu_map(domain, iova, expected_pa(i), PAGE_SIZE, BENCH_PROT, GFP_KERNEL);
		if (ret)
			return ret;
		if (variant->real && iommu_iova_to_phys(domain, iova) != expected_pa(i))
			return -EIO;
	}
	return 0;
}

/* Whether @mask is 0 makes the difference; the compiler is not to know */
static u64 batch(struct iommu_domain *domain, const u32 *order, unsigned int at, u64 mask)
{
	u64 start, pa = 0;
	unsigned int i;

	OPTIMIZER_HIDE_VAR(mask);
	start = bench_tsc();
	for (i = 0; i < CALLS; i++) {
		u64 page = order[(at + i) & (ORDER_LEN - 1)];

		pa = iommu_iova_to_phys(domain, BASE + (page << PAGE_SHIFT) + (pa & mask));
	}
	OPTIMIZER_HIDE_VAR(pa);
	return bench_tsc() - start;
}

/* As above without the dependence */
static u64 independent_batch(struct iommu_domain *domain, const u32 *order, unsigned int at)
{
	u64 start, sum = 0;
	unsigned int i;

	start = bench_tsc();
	for (i = 0; i < CALLS; i++) {
		u64 page = order[(at + i) & (ORDER_LEN - 1)];

		sum += iommu_iova_to_phys(domain, BASE + (page << PAGE_SHIFT));
	}
	OPTIMIZER_HIDE_VAR(sum);
	return bench_tsc() - start;
}

static void measure(struct subject *subject, const u32 *order)
{
	unsigned int b;

	for (b = 0; b < BATCHES; b++)
		bench_samples_add(&subject->throughput,
				  independent_batch(subject->domain, order, b * CALLS));
	for (b = 0; b < BATCHES; b++)
		bench_samples_add(&subject->latency,
				  batch(subject->domain, order, b * CALLS, 0xf));
	cond_resched();
}

static int subject_init(struct subject *subject, const struct bench_variant *variant,
			unsigned int pages)
{
	int ret;

	ret = bench_samples_init(&subject->throughput) ?: bench_samples_init(&subject->latency);
	if (ret)
		return ret;
	subject->domain = variant->alloc();
	return PTR_ERR_OR_ZERO(subject->domain) ?: fill(variant, subject->domain, pages);
}

static void subject_destroy(struct subject *subject, const struct bench_variant *variant,
			    unsigned int pages)
{
	if (!IS_ERR_OR_NULL(subject->domain)) {
		iommu_unmap(subject->domain, BASE, (size_t)pages << PAGE_SHIFT);
		variant->free(subject->domain);
	}
	bench_samples_destroy(&subject->throughput);
	bench_samples_destroy(&subject->latency);
}

static int lookups(u32 *order, unsigned int pages)
{
	struct subject subjects[NR_SUBJECTS] = { };
	char id[32], latency_id[40];
	unsigned int round, s;
	int ret = 0;

	snprintf(id, sizeof(id), "pt.iova_to_phys.%u", pages);
	snprintf(latency_id, sizeof(latency_id), "%s.latency", id);
	if (!bench_wanted(id) && !bench_wanted(latency_id))
		return 0;

	bench_shuffle(order, ORDER_LEN, pages);
	for (s = 0; s < ARRAY_SIZE(subjects) && !ret; s++)
		ret = subject_init(&subjects[s], bench_variants[s], pages);
	for (round = 0; round < ROUNDS && !ret; round++) {
		for (s = 0; s < ARRAY_SIZE(subjects); s++)
			measure(&subjects[s], order);
	}
	for (s = 0; s < ARRAY_SIZE(subjects); s++) {
		if (!ret && bench_wanted(id))
			bench_report(id, bench_variants[s]->name, &subjects[s].throughput, CALLS);
		if (!ret && bench_wanted(latency_id))
			bench_report(latency_id, bench_variants[s]->name, &subjects[s].latency,
				     CALLS);
		subject_destroy(&subjects[s], bench_variants[s], pages);
	}
	return ret;
}

/**
 * bench_pt_lookup() - iova_to_phys
 *
 * Return: 0 or a negative error.
 */
int bench_pt_lookup(void)
{
	u32 *order __free(kvfree) = kvcalloc(ORDER_LEN, sizeof(*order), GFP_KERNEL);

	if (!order)
		return -ENOMEM;
	return lookups(order, 4096) ?: lookups(order, 65536);
}
