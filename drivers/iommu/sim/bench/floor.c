// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floors: what a call costs before it has done anything. That is the IOMMU core
 * with operations that do nothing, by both of its interfaces, and the primitives
 * that code below it may use.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "bench.h"

static int nop_map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t pa,
			 size_t pgsize, size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	*mapped = pgsize * count;
	return 0;
}

static size_t nop_unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			      size_t count, struct iommu_iotlb_gather *gather)
{
	return pgsize * count;
}

static phys_addr_t nop_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	return iova;
}

static void nop_iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
}

static const struct iommu_domain_ops nop_domain_ops = {
	.map_pages	= nop_map_pages,
	.unmap_pages	= nop_unmap_pages,
	.iova_to_phys	= nop_iova_to_phys,
	.iotlb_sync	= nop_iotlb_sync,
};

static int nop_map_range(struct pt_iommu *table, dma_addr_t iova, phys_addr_t pa, dma_addr_t len,
			 unsigned int prot, gfp_t gfp, size_t *mapped)
{
	*mapped += len;
	return 0;
}

static size_t nop_unmap_range(struct pt_iommu *table, dma_addr_t iova, dma_addr_t len,
			      struct iommu_iotlb_gather *gather)
{
	iommu_iotlb_gather_add_range(gather, iova, len);
	return len;
}

static const struct pt_iommu_ops nop_range_ops = {
	.map_range	= nop_map_range,
	.unmap_range	= nop_unmap_range,
};

static struct iommu_domain *nop_alloc(void)
{
	struct pt_iommu *table = kzalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return ERR_PTR(-ENOMEM);
	table->domain.type = __IOMMU_DOMAIN_PAGING;
	table->domain.pgsize_bitmap = ~0UL << PAGE_SHIFT;
	table->domain.ops = &nop_domain_ops;
	return &table->domain;
}

static struct iommu_domain *nop_range_alloc(void)
{
	struct iommu_domain *domain = nop_alloc();

	if (!IS_ERR(domain)) {
		domain->is_iommupt = true;
		container_of(domain, struct pt_iommu, domain)->ops = &nop_range_ops;
	}
	return domain;
}

static void nop_free(struct iommu_domain *domain)
{
	kfree(container_of(domain, struct pt_iommu, domain));
}

const struct bench_variant bench_floors[] = {
	{ BENCH_FLOOR, nop_alloc, nop_free },
	{ BENCH_FLOOR "-range", nop_range_alloc, nop_free },
};

static noinline int identity(int x)
{
	/* Not to be left out because the result is not used */
	asm volatile("" : "+r" (x));
	return x;
}

static int (*identity_pointer)(int) = identity;
static DEFINE_SPINLOCK(lock);
static atomic64_t counter;
static DEFINE_PER_CPU(u64, cpu_counter);

#define CALLS	1024
#define BATCHES	500

/* A row of its own for @_statement */
#define PRIMITIVE(_id, _calls, _statement) do {				\
	const unsigned int _n = (_calls);				\
	const char *_name = (_id);					\
									\
	samples.nr = 0;							\
	if (bench_wanted(_name)) {					\
		BENCH(&samples, BATCHES, _n, _statement);		\
		bench_report(_name, BENCH_FLOOR, &samples, _n);		\
	}								\
} while (0)

/**
 * bench_floor() - the rows of the primitives
 *
 * Return: 0 or a negative error.
 */
int bench_floor(void)
{
	struct bench_samples samples;
	unsigned long flags;
	int x = 1, ret;

	ret = bench_samples_init(&samples);
	if (ret)
		return ret;

	PRIMITIVE("floor.tsc_pair", 1, barrier());
	PRIMITIVE("floor.loop", CALLS, barrier());
	PRIMITIVE("floor.alu", CALLS, ({ x = x * 3 + 1; asm volatile("" : "+r" (x)); }));
	PRIMITIVE("floor.call", CALLS, identity(1));
	PRIMITIVE("floor.call_indirect", CALLS, READ_ONCE(identity_pointer)(1));
	PRIMITIVE("floor.spin_lock", CALLS, ({ spin_lock(&lock); spin_unlock(&lock); }));
	PRIMITIVE("floor.spin_lock_irqsave", CALLS, ({
		spin_lock_irqsave(&lock, flags);
		spin_unlock_irqrestore(&lock, flags);
	}));
	PRIMITIVE("floor.local_irq_save", CALLS, ({
		local_irq_save(flags);
		local_irq_restore(flags);
	}));
	PRIMITIVE("floor.rcu_read_lock", CALLS, ({
		rcu_read_lock();
		barrier();
		rcu_read_unlock();
	}));
	PRIMITIVE("floor.atomic64_inc", CALLS, atomic64_inc(&counter));
	/* Orders nothing here, only costs */
	PRIMITIVE("floor.smp_mb", CALLS, smp_mb());
	PRIMITIVE("floor.this_cpu_inc", CALLS, this_cpu_inc(cpu_counter));
	PRIMITIVE("floor.might_sleep", CALLS, might_sleep());

	bench_samples_destroy(&samples);
	return 0;
}
