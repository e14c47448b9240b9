// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOTLB hits, beside what the kernel has to look up ranges of addresses. Keys are
 * sparse, as IOVAs of a busy machine are, and are asked for in random order. For
 * throughput the calls are independent; for latency each needs the result of the one
 * before.
 */
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/vhost_iotlb.h>
#include <linux/xarray.h>

#include "bench.h"
#include "hw/hw.h"

#define ROUNDS		4
#define BATCHES		96
#define CALLS		2048
#define ORDER_LEN	65536U
#define DOMAIN		7

/* Entries for each key, so that sets rarely overflow; what did is not asked for */
#define ROOM		2

enum { OURS, VHOST, XARRAY, NR_VARIANTS };

static const char *const names[NR_VARIANTS] = { BENCH_OURS, "vhost_iotlb", "xarray" };

/**
 * struct caches - the same translations in each
 * @hw: an instance of the silicon, by itself
 * @vhost: what vhost and vDPA have
 * @xa: by page
 * @key: addresses that are in all of them
 * @nr: how many
 * @order: of which, in the order in which they are asked for
 */
struct caches {
	struct iommu_sim_hw *hw;
	struct vhost_iotlb *vhost;
	struct xarray xa;
	u64 *key;
	unsigned int nr;
	u64 *order;
};

/* Addresses of 48 bits of which no two are in one page of up to 1 GiB */
static u64 key_of(unsigned int i)
{
	return (u64)(i * 0x5bd1e995U & GENMASK(17, 0)) << 30 | BIT(20);
}

/* Sparse in 36 bits of page number: 16 of them are random */
static u64 small_key_of(unsigned int i)
{
	return ((u64)(jhash_1word(i, 0) & 0xffff) << 20 | i) << SIM_PAGE_LG2;
}

static const unsigned int four_sizes[] = { 12, 16, 21, 30 };

static unsigned int size_of_key(unsigned int i, bool four)
{
	return four ? four_sizes[i % ARRAY_SIZE(four_sizes)] : SIM_PAGE_LG2;
}

static u64 pa_of_key(unsigned int i)
{
	return (u64)(i + 1) << 30;
}

static bool lookup_ours(struct caches *c, u64 iova, u64 *pa)
{
	struct sim_tlb_data data;

	if (!sim_tlb_lookup(&c->hw->iotlb, sim_domain_space(DOMAIN), iova, &data))
		return false;
	*pa = data.pa;
	return true;
}

static int fill_ours(struct caches *c, unsigned int nr, bool four)
{
	struct sim_hw_config config = {
		.cmdqs = 1,
		.iotlb = { .sets_lg2 = ilog2(nr * ROOM / 4), .ways = 4 },
	};
	unsigned int i, left = nr + nr / 8;
	unsigned long flags;
	u64 iova, pa;

	c->hw = sim_hw_create(&config);
	if (IS_ERR(c->hw))
		return PTR_ERR(c->hw);
	for (i = 0; i < left; i++) {
		struct sim_tlb_data data = {
			.pa = pa_of_key(i),
			.rights = SIM_PTE_IR | SIM_PTE_IW,
			.size_lg2 = size_of_key(i, four),
		};

		local_irq_save(flags);
		sim_tlb_fill(&c->hw->iotlb, sim_tlb_begin(&c->hw->caches), sim_domain_space(DOMAIN),
			     four ? key_of(i) : small_key_of(i), &data);
		local_irq_restore(flags);
	}
	for (i = 0; i < left && c->nr < nr; i++) {
		iova = four ? key_of(i) : small_key_of(i);
		if (lookup_ours(c, iova, &pa) && pa == pa_of_key(i))
			c->key[c->nr++] = i;
	}
	return c->nr == nr ? 0 : -EIO;
}

static int fill_peers(struct caches *c, bool four)
{
	unsigned int i, k;
	u64 iova, size;
	int ret = 0;

	c->vhost = vhost_iotlb_alloc(1 << 20, 0);
	if (!c->vhost)
		return -ENOMEM;
	for (i = 0; i < c->nr && !ret; i++) {
		k = c->key[i];
		iova = four ? key_of(k) : small_key_of(k);
		size = BIT_ULL(size_of_key(k, four));
		c->key[i] = iova;
		iova &= -size;
		ret = vhost_iotlb_add_range(c->vhost, iova, iova + size - 1, pa_of_key(k),
					    VHOST_MAP_RW);
		if (!ret && !four)
			ret = xa_err(xa_store(&c->xa, iova >> SIM_PAGE_LG2, xa_mk_value(k),
					      GFP_KERNEL));
	}
	return ret;
}

static __always_inline u64 ask(struct caches *c, unsigned int variant, u64 iova)
{
	struct vhost_iotlb_map *map;
	u64 pa = 0;

	switch (variant) {
	case OURS:
		lookup_ours(c, iova, &pa);
		return pa;
	case VHOST:
		map = vhost_iotlb_itree_first(c->vhost, iova, iova);
		return map ? map->addr : 0;
	default:
		return xa_to_value(xa_load(&c->xa, iova >> SIM_PAGE_LG2));
	}
}

/* Whether @mask is 0 makes the difference; the compiler is not to know */
static __always_inline u64 batch(struct caches *c, unsigned int variant, unsigned int at)
{
	u64 start, pa = 0, mask = 0;
	unsigned int i;

	OPTIMIZER_HIDE_VAR(mask);
	start = bench_tsc();
	for (i = 0; i < CALLS; i++)
		pa = ask(c, variant, c->order[(at + i) & (ORDER_LEN - 1)] + (pa & mask));
	OPTIMIZER_HIDE_VAR(pa);
	return bench_tsc() - start;
}

/* As above without the dependence */
static __always_inline u64 independent_batch(struct caches *c, unsigned int variant,
					     unsigned int at)
{
	u64 start, sum = 0;
	unsigned int i;

	start = bench_tsc();
	for (i = 0; i < CALLS; i++)
		sum += ask(c, variant, c->order[(at + i) & (ORDER_LEN - 1)]);
	OPTIMIZER_HIDE_VAR(sum);
	return bench_tsc() - start;
}

static u64 one_batch(struct caches *c, unsigned int variant, unsigned int at, bool dependent)
{
	switch (variant) {
	case OURS:
		return dependent ? batch(c, OURS, at) : independent_batch(c, OURS, at);
	case VHOST:
		return dependent ? batch(c, VHOST, at) : independent_batch(c, VHOST, at);
	default:
		return dependent ? batch(c, XARRAY, at) : independent_batch(c, XARRAY, at);
	}
}

static void measure(struct caches *c, struct bench_samples (*samples)[2], unsigned int variants)
{
	unsigned int round, v, b, d;
	unsigned long flags;

	for (round = 0; round < ROUNDS; round++) {
		for (v = 0; v < variants; v++) {
			for (d = 0; d < 2; d++) {
				for (b = 0; b < BATCHES; b++) {
					/* As in an access section */
					local_irq_save(flags);
					bench_samples_add(&samples[v][d],
							  one_batch(c, v, b * CALLS, d));
					local_irq_restore(flags);
				}
				cond_resched();
			}
		}
	}
}

static void caches_destroy(struct caches *c)
{
	if (!IS_ERR_OR_NULL(c->hw))
		sim_hw_destroy(c->hw);
	if (c->vhost)
		vhost_iotlb_free(c->vhost);
	xa_destroy(&c->xa);
	kvfree(c->key);
	kvfree(c->order);
}

static int caches_init(struct caches *c, unsigned int nr, bool four)
{
	u32 *index __free(kvfree) = kvcalloc(ORDER_LEN, sizeof(*index), GFP_KERNEL);
	unsigned int i;
	int ret;

	memset(c, 0, sizeof(*c));
	xa_init(&c->xa);
	c->key = kvcalloc(nr, sizeof(*c->key), GFP_KERNEL);
	c->order = kvcalloc(ORDER_LEN, sizeof(*c->order), GFP_KERNEL);
	if (!c->key || !c->order || !index)
		return -ENOMEM;
	ret = fill_ours(c, nr, four) ?: fill_peers(c, four);
	if (ret)
		return ret;
	bench_shuffle(index, ORDER_LEN, nr);
	for (i = 0; i < ORDER_LEN; i++)
		c->order[i] = c->key[index[i]];
	return 0;
}

static int hits(unsigned int nr, bool four)
{
	struct bench_samples samples[NR_VARIANTS][2] = { };
	/* Pages of several sizes are not what an xarray is for */
	unsigned int variants = four ? XARRAY : NR_VARIANTS, v;
	char id[2][40];
	struct caches c;
	int ret;

	snprintf(id[0], sizeof(id[0]), "iotlb.%s.%u", four ? "hit4" : "hit", nr);
	snprintf(id[1], sizeof(id[1]), "%s.latency", id[0]);
	if (!bench_wanted(id[0]) && !bench_wanted(id[1]))
		return 0;
	ret = caches_init(&c, nr, four);
	for (v = 0; v < variants && !ret; v++)
		ret = bench_samples_init(&samples[v][0]) ?: bench_samples_init(&samples[v][1]);
	if (!ret)
		measure(&c, samples, variants);
	for (v = 0; v < variants; v++) {
		if (!ret && bench_wanted(id[0]))
			bench_report(id[0], names[v], &samples[v][0], CALLS);
		if (!ret && bench_wanted(id[1]))
			bench_report(id[1], names[v], &samples[v][1], CALLS);
		bench_samples_destroy(&samples[v][0]);
		bench_samples_destroy(&samples[v][1]);
	}
	caches_destroy(&c);
	return ret;
}

/**
 * bench_iotlb() - IOTLB hits
 *
 * Return: 0 or a negative error.
 */
int bench_iotlb(void)
{
	return hits(4096, false) ?: hits(65536, false) ?: hits(4096, true) ?: hits(65536, true);
}
