// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu_map() and iommu_unmap() of pages of one size: 16 calls at 16 places are
 * timed together. All variants take turns, so that whatever else the machine
 * does meets all of them.
 */
#include <linux/log2.h>
#include <linux/sizes.h>

#include "bench.h"

#define ROUNDS	8
#define BATCHES	(BENCH_MAX_SAMPLES / ROUNDS)

/* A domain, and its times */
struct subject {
	const struct bench_variant *variant;
	struct iommu_domain *domain;
	struct bench_samples map;
	struct bench_samples unmap;
};

struct pages {
	const char *name;
	unsigned int size_lg2;
	size_t len;
};

static const struct pages pages_of_row[] = {
	{ "4k", 12, SZ_4K },
	{ "64k", 16, SZ_64K },
	{ "2m", 21, SZ_2M },
	{ "256x4k", 12, 256 * SZ_4K },
};

const struct bench_variant *const bench_variants[BENCH_NR_VARIANTS] = {
	&bench_ours,
	&bench_peers[0], &bench_peers[1], &bench_peers[2], &bench_peers[3],
	&bench_floors[0], &bench_floors[1],
};

static int subject_init(struct subject *subject, const struct bench_variant *variant)
{
	int ret;

	*subject = (struct subject) { .variant = variant };
	ret = bench_samples_init(&subject->map) ?: bench_samples_init(&subject->unmap);
	if (ret)
		return ret;
	subject->domain = variant->alloc();
	return PTR_ERR_OR_ZERO(subject->domain);
}

static void subject_destroy(struct subject *subject)
{
	if (!IS_ERR_OR_NULL(subject->domain))
		subject->variant->free(subject->domain);
	bench_samples_destroy(&subject->map);
	bench_samples_destroy(&subject->unmap);
}

static size_t distance(const struct pages *pages)
{
	return 2 * max_t(size_t, BIT(pages->size_lg2), roundup_pow_of_two(pages->len));
}

/* Does it do what is timed? */
static int check(struct subject *subject, const struct pages *pages)
{
	dma_addr_t iova = bench_iova(pages->size_lg2);
	phys_addr_t pa = bench_pa(pages->size_lg2);
	size_t last = pages->len - 1;
	bool translates;
	int ret;

	ret = iommu_map(subject->domain, iova, pa, pages->len, BENCH_PROT, GFP_KERNEL);
	if (ret)
		return ret;
	translates = iommu_iova_to_phys(subject->domain, iova) == pa &&
		     iommu_iova_to_phys(subject->domain, iova + last) == pa + last;
	if (iommu_unmap(subject->domain, iova, pages->len) != pages->len)
		return -EIO;
	if (!subject->variant->real)
		return 0;
	return translates && !iommu_iova_to_phys(subject->domain, iova) ? 0 : -EIO;
}

static void batch(struct subject *subject, const struct pages *pages, bool keep)
{
	dma_addr_t iova = bench_iova(pages->size_lg2);
	phys_addr_t pa = bench_pa(pages->size_lg2);
	struct iommu_domain *domain = subject->domain;
	size_t step = distance(pages), len = pages->len;
	u64 start, mapped, end;
	unsigned int i;

	start = bench_tsc();
	for (i = 0; i < BENCH_CALLS; i++)
		iommu_map(domain, iova + i * step, pa, len, BENCH_PROT, GFP_KERNEL);
	mapped = bench_tsc();
	for (i = 0; i < BENCH_CALLS; i++)
		iommu_unmap(domain, iova + i * step, len);
	end = bench_tsc();
	if (keep) {
		bench_samples_add(&subject->map, mapped - start);
		bench_samples_add(&subject->unmap, end - mapped);
	}
}

static int measure(struct subject *subjects, unsigned int nr, const struct pages *pages)
{
	unsigned int round, s, b;
	int ret;

	for (s = 0; s < nr; s++) {
		ret = check(&subjects[s], pages);
		if (ret)
			return ret;
	}
	for (round = 0; round < ROUNDS; round++) {
		for (s = 0; s < nr; s++) {
			/* The first two are for the caches */
			for (b = 0; b < BATCHES + 2; b++)
				batch(&subjects[s], pages, b >= 2);
			cond_resched();
		}
	}
	return 0;
}

static int bench_pages(const struct pages *pages)
{
	struct subject subjects[BENCH_NR_VARIANTS] = { };
	char map_id[32], unmap_id[32];
	unsigned int s;
	int ret = 0;

	snprintf(map_id, sizeof(map_id), "pt.map.%s", pages->name);
	snprintf(unmap_id, sizeof(unmap_id), "pt.unmap.%s", pages->name);
	if (!bench_wanted(map_id) && !bench_wanted(unmap_id))
		return 0;

	for (s = 0; s < ARRAY_SIZE(subjects) && !ret; s++)
		ret = subject_init(&subjects[s], bench_variants[s]);
	if (!ret)
		ret = measure(subjects, ARRAY_SIZE(subjects), pages);
	for (s = 0; s < ARRAY_SIZE(subjects); s++) {
		if (!ret && bench_wanted(map_id))
			bench_report(map_id, bench_variants[s]->name, &subjects[s].map,
				     BENCH_CALLS);
		if (!ret && bench_wanted(unmap_id))
			bench_report(unmap_id, bench_variants[s]->name, &subjects[s].unmap,
				     BENCH_CALLS);
		subject_destroy(&subjects[s]);
	}
	return ret;
}

/* With a device that may have cached what is unmapped, beside a domain without one */
static int bench_strict_unmap(const char *id, bool ats)
{
	struct subject subjects[2] = { };
	int ret;

	if (!bench_wanted(id))
		return 0;
	ret = subject_init(&subjects[0], &bench_ours) ?: subject_init(&subjects[1], &bench_ours);
	if (ret)
		goto out;
	ret = bench_endpoint_attach(subjects[0].domain, ats);
	if (ret)
		goto out;
	ret = measure(subjects, 2, &pages_of_row[0]);
	bench_endpoint_detach(subjects[0].domain);
	if (ret)
		goto out;
	bench_report(id, BENCH_OURS, &subjects[0].unmap, BENCH_CALLS);
	bench_report(id, "unattached", &subjects[1].unmap, BENCH_CALLS);
out:
	subject_destroy(&subjects[0]);
	subject_destroy(&subjects[1]);
	return ret;
}

/* 4 KiB out of the middle of each of some 2 MiB pages, then what is left of them */
static int partial_batch(struct iommu_domain *domain, struct bench_samples *samples)
{
	dma_addr_t iova = bench_iova(21);
	size_t hole = SZ_1M, after = hole + SZ_4K, step = SZ_4M, len = 0;
	unsigned int i;
	u64 start;
	int ret;

	for (i = 0; i < BENCH_CALLS; i++) {
		ret = iommu_map(domain, iova + i * step, bench_pa(21), SZ_2M, BENCH_PROT,
				GFP_KERNEL);
		if (ret)
			return ret;
	}
	start = bench_tsc();
	for (i = 0; i < BENCH_CALLS; i++)
		len += iommu_unmap(domain, iova + i * step + hole, SZ_4K);
	bench_samples_add(samples, bench_tsc() - start);
	if (len != BENCH_CALLS * SZ_4K)
		return -EOPNOTSUPP;

	for (i = 0; i < BENCH_CALLS; i++) {
		len += iommu_unmap(domain, iova + i * step, hole);
		len += iommu_unmap(domain, iova + i * step + after, SZ_2M - after);
	}
	return len == BENCH_CALLS * SZ_2M ? 0 : -EIO;
}

static int bench_partial_unmap(void)
{
	static const char id[] = "pt.partial_unmap.2m";
	struct subject subject = { };
	unsigned int b;
	int ret;

	if (!bench_wanted(id))
		return 0;
	ret = subject_init(&subject, &bench_ours);
	for (b = 0; b < BATCHES && !ret; b++)
		ret = partial_batch(subject.domain, &subject.unmap);
	if (ret == -EOPNOTSUPP) {
		bench_report_unsupported(id, BENCH_OURS);
		ret = 0;
	} else if (!ret) {
		bench_report(id, BENCH_OURS, &subject.unmap, BENCH_CALLS);
	}
	subject_destroy(&subject);
	return ret;
}

/**
 * bench_pt() - map and unmap
 *
 * Return: 0 or a negative error.
 */
int bench_pt(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(pages_of_row) && !ret; i++)
		ret = bench_pages(&pages_of_row[i]);
	return ret ?: bench_strict_unmap("pt.strict_unmap.4k.attached", false) ?:
	       bench_strict_unmap("pt.strict_unmap.4k.ats", true) ?: bench_partial_unmap();
}
