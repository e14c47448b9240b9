// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two CPUs in one domain, each in a GiB of its own, against one CPU. How much an
 * ALU loop, which shares nothing, gains on this machine is the floor.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "bench.h"

#define ROUNDS	4
#define CALLS	400	/* in one leaf table */
#define LINK	32	/* turns of the ALU loop that count as a call */

enum { SERIES_MAP, SERIES_TRANSLATE, SERIES_UNMAP, NR_SERIES };

static const char * const rows[NR_SERIES] = {
	"pt.scale.map", "pt.scale.translate", "pt.scale.strict_unmap",
};

/**
 * struct scale_domain - what is measured
 * @domain: a domain
 * @pa: memory that is mapped
 * @ours: a device is attached, and translates
 */
struct scale_domain {
	struct iommu_domain *domain;
	phys_addr_t pa;
	bool ours;
};

static dma_addr_t base_of(unsigned int thread)
{
	return SZ_1G + thread * (dma_addr_t)SZ_1G;
}

static void pt_sample(struct bench_thread *thread, void *arg, unsigned int series)
{
	dma_addr_t base = base_of(thread->id), iova;
	struct scale_domain *d = arg;
	u64 value;

	for (iova = base; iova < base + CALLS * SZ_4K; iova += SZ_4K) {
		if (series == SERIES_MAP)
			iommu_map(d->domain, iova, d->pa, SZ_4K, BENCH_PROT, GFP_KERNEL);
		else if (series == SERIES_UNMAP)
			iommu_unmap(d->domain, iova, SZ_4K);
		else if (d->ours)
			bench_endpoint_read(iova, &value);
		else
			iommu_iova_to_phys(d->domain, iova);
		bench_tick(thread);
	}
}

static void alu_sample(struct bench_thread *thread, void *arg, unsigned int series)
{
	unsigned int i, k, x = 1;

	for (i = 0; i < CALLS; i++) {
		for (k = 0; k < LINK; k++) {
			x = x * 3 + 1;
			/* Nobody needs the result, but the time */
			asm volatile("" : "+r" (x));
		}
		bench_tick(thread);
	}
}

/* A page that stays, so that the tables do */
static int populate(struct iommu_domain *domain)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < 2 && !ret; i++)
		ret = iommu_map(domain, base_of(i) + CALLS * SZ_4K, BENCH_PA, SZ_4K, BENCH_PROT,
				GFP_KERNEL);
	return ret;
}

static void depopulate(struct iommu_domain *domain)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		iommu_unmap(domain, base_of(i) + CALLS * SZ_4K, SZ_4K);
}

struct scaling {
	struct bench_samples cpus[2][NR_SERIES];
};

static int scaling_init(struct scaling *s)
{
	unsigned int c, i;
	int ret = 0;

	memset(s, 0, sizeof(*s));
	for (c = 0; c < 2; c++) {
		for (i = 0; i < NR_SERIES && !ret; i++)
			ret = bench_samples_init(&s->cpus[c][i]);
	}
	return ret;
}

static void scaling_destroy(struct scaling *s)
{
	unsigned int c, i;

	for (c = 0; c < 2; c++) {
		for (i = 0; i < NR_SERIES; i++)
			bench_samples_destroy(&s->cpus[c][i]);
	}
}

static int measure(struct scaling *s, const struct bench_work *work)
{
	unsigned int c;
	int ret = 0;

	for (c = 0; c < 2 && !ret; c++)
		ret = bench_parallel(work, c + 1, s->cpus[c]);
	return ret;
}

/* Of series @series in @s, or of none if @s is NULL */
static void report(struct scaling *s, const char *row, const char *variant, unsigned int series)
{
	char id[40];
	unsigned int c;

	if (!bench_wanted(row))
		return;
	for (c = 0; c < 2; c++) {
		snprintf(id, sizeof(id), "%s.%ucpu", row, c + 1);
		if (s)
			bench_report(id, variant, &s->cpus[c][series], CALLS);
		else
			bench_report_unsupported(id, variant);
	}
}

static int scale(const struct bench_variant *variant, struct scaling *alu)
{
	struct bench_work alu_work = { .sample = alu_sample, .nr_series = 1 };
	struct bench_work work = { .sample = pt_sample, .nr_series = NR_SERIES };
	struct iommu_domain *domain = variant->alloc();
	void *mem = (void *)get_zeroed_page(GFP_KERNEL);
	struct scale_domain d = {
		.domain = domain,
		.ours = variant == &bench_ours,
	};
	struct scaling s;
	unsigned int i;
	int ret;

	if (IS_ERR(domain) || !mem) {
		free_page((unsigned long)mem);
		return IS_ERR(domain) ? PTR_ERR(domain) : -ENOMEM;
	}
	d.pa = virt_to_phys(mem);
	work.arg = &d;
	ret = scaling_init(&s) ?: populate(domain);
	if (!ret && variant == &bench_ours)
		ret = bench_endpoint_attach(domain, false);
	if (ret)
		goto out;
	for (i = 0; i < ROUNDS && !ret; i++)
		ret = measure(alu, &alu_work) ?: measure(&s, &work);
	if (variant == &bench_ours)
		bench_endpoint_detach(domain);
	for (i = 0; i < ARRAY_SIZE(rows) && !ret; i++)
		report(&s, rows[i], variant->name, i);
	depopulate(domain);
out:
	variant->free(domain);
	free_page((unsigned long)mem);
	scaling_destroy(&s);
	return ret;
}

/**
 * bench_pt_scale() - map and unmap by two CPUs
 *
 * Return: 0 or a negative error.
 */
int bench_pt_scale(void)
{
	struct scaling alu;
	unsigned int v, i;
	int ret;

	if (!bench_wanted(rows[0]) && !bench_wanted(rows[1]) && !bench_wanted(rows[2]))
		return 0;
	if (num_online_cpus() < 2) {
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			report(NULL, rows[i], BENCH_OURS, 0);
		return 0;
	}
	ret = scaling_init(&alu);
	for (v = 0; v < BENCH_NR_VARIANTS && !ret; v++) {
		if (bench_variants[v]->real)
			ret = scale(bench_variants[v], &alu);
	}
	/* For all rows */
	for (i = 0; i < ARRAY_SIZE(rows) && !ret; i++)
		report(&alu, rows[i], BENCH_FLOOR, 0);
	scaling_destroy(&alu);
	return ret;
}
