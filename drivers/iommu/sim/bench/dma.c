// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA by the endpoint, one descriptor for each block, with ATS: from the doorbell
 * until the last completion record is there. Beside it memcpy() of the same blocks,
 * by what the silicon copies with.
 *
 * Hot: the same 16 blocks of either side again and again. Cold: 96 MiB, in random order.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <uapi/linux/iommu-sim.h>

#include "bench.h"
#include "hw/hw.h"

#define RING_LG2	10
#define NR_DESCS	(BIT(RING_LG2) - 1)
#define RINGS		0x1000000000ULL
#define DATA		0x2000000000ULL
#define CHUNK		SZ_4M
#define NR_CHUNKS	24		/* 96 MiB: half of it to read, half to write */
#define HALF		(NR_CHUNKS / 2 * CHUNK)
#define HOT_BLOCKS	16
#define PATIENCE	BIT_ULL(36)	/* cycles */

struct dma_bench {
	struct iommu_domain *domain;
	struct pci_dev *pdev;
	u16 dvsec;
	struct iommu_sim_desc *desc;
	struct iommu_sim_cpl *cpl;
	void *chunk[NR_CHUNKS];
	u32 *order;
	u32 tail;
};

static void reg_write(struct dma_bench *b, u32 offset, u32 value)
{
	pci_write_config_dword(b->pdev, b->dvsec + IOMMU_SIM_CHANNEL(0) + offset, value);
}

static void stop(struct dma_bench *b)
{
	reg_write(b, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_RESET);
	pci_clear_master(b->pdev);
}

static void start(struct dma_bench *b)
{
	pci_set_master(b->pdev);
	reg_write(b, IOMMU_SIM_CH_RING_LO, lower_32_bits(RINGS));
	reg_write(b, IOMMU_SIM_CH_RING_HI, upper_32_bits(RINGS));
	reg_write(b, IOMMU_SIM_CH_CPL_LO, lower_32_bits(RINGS + SZ_64K));
	reg_write(b, IOMMU_SIM_CH_CPL_HI, upper_32_bits(RINGS + SZ_64K));
	reg_write(b, IOMMU_SIM_CH_RING_LG2, RING_LG2);
	reg_write(b, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_EN);
}

static int map(struct dma_bench *b, u64 iova, void *p, size_t size)
{
	return iommu_map(b->domain, iova, virt_to_phys(p), size, BENCH_PROT, GFP_KERNEL);
}

static int setup(struct dma_bench *b)
{
	unsigned int i;
	int ret;

	b->order = kvcalloc(NR_DESCS + 1, sizeof(*b->order), GFP_KERNEL);
	b->desc = alloc_pages_exact(SZ_64K, GFP_KERNEL | __GFP_ZERO);
	b->cpl = alloc_pages_exact(SZ_64K, GFP_KERNEL | __GFP_ZERO);
	if (!b->order || !b->desc || !b->cpl)
		return -ENOMEM;
	b->domain = bench_ours.alloc();
	if (IS_ERR(b->domain)) {
		ret = PTR_ERR(b->domain);
		b->domain = NULL;
		return ret;
	}
	ret = map(b, RINGS, b->desc, SZ_64K) ?: map(b, RINGS + SZ_64K, b->cpl, SZ_64K);
	for (i = 0; i < NR_CHUNKS && !ret; i++) {
		b->chunk[i] = alloc_pages_exact(CHUNK, GFP_KERNEL | __GFP_ZERO);
		ret = b->chunk[i] ? map(b, DATA + i * CHUNK, b->chunk[i], CHUNK) : -ENOMEM;
	}
	ret = ret ?: bench_endpoint_attach(b->domain, true);
	if (ret)
		return ret;
	b->pdev = bench_endpoint();
	b->dvsec = pci_find_dvsec_capability(b->pdev, IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_DVSEC_ID);
	start(b);
	return 0;
}

static void destroy(struct dma_bench *b)
{
	unsigned int i;

	if (b->pdev) {
		stop(b);
		bench_endpoint_detach(b->domain);
	}
	for (i = 0; i < NR_CHUNKS; i++)
		if (b->chunk[i])
			free_pages_exact(b->chunk[i], CHUNK);
	if (b->domain)
		iommu_domain_free(b->domain);
	if (b->cpl)
		free_pages_exact(b->cpl, SZ_64K);
	if (b->desc)
		free_pages_exact(b->desc, SZ_64K);
	kvfree(b->order);
}

static void *place(struct dma_bench *b, u64 offset)
{
	return b->chunk[offset / CHUNK] + offset % CHUNK;
}

/* All descriptors but the last, which is another block's than the ring's first */
static int run_ours(struct dma_bench *b, u32 size, unsigned int nr, struct bench_samples *samples)
{
	u32 last = b->tail + nr - 1, slot;
	u64 from, begin;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		slot = (b->tail + i) & (BIT(RING_LG2) - 1);
		b->cpl[slot].status = 0;
		b->desc[slot] = (struct iommu_sim_desc) {
			.op = IOMMU_SIM_OP_COPY,
			.len = cpu_to_le32(size),
			.src = cpu_to_le64(DATA + (u64)b->order[i] * size),
			.dst = cpu_to_le64(DATA + HALF + (u64)b->order[i] * size),
		};
	}
	slot = last & (BIT(RING_LG2) - 1);
	b->tail += nr;
	from = bench_tsc();
	begin = from;
	reg_write(b, IOMMU_SIM_CH_TAIL, b->tail);
	while (!READ_ONCE(b->cpl[slot].status)) {
		cpu_relax();
		if (bench_tsc() - begin > PATIENCE)
			return -ETIMEDOUT;
	}
	bench_samples_add(samples, bench_tsc() - from);
	if (le32_to_cpu(b->cpl[slot].status) != IOMMU_SIM_OK)
		return -EIO;
	return 0;
}

static int run_memcpy(struct dma_bench *b, u32 size, unsigned int nr,
		      struct bench_samples *samples)
{
	struct iommu_sim_hw *hw = bench_endpoint_hw();
	unsigned int i;
	u64 from;
	u32 at;

	from = bench_tsc();
	for (i = 0; i < nr; i++) {
		u64 offset = (u64)b->order[i] * size;
		void *src = place(b, offset), *dst = place(b, HALF + offset);

		for (at = 0; at < size; at += SZ_4K)
			if (sim_mem_read(hw, virt_to_phys(src + at), dst + at, SZ_4K))
				return -EFAULT;
	}
	bench_samples_add(samples, bench_tsc() - from);
	return 0;
}

static int row(struct dma_bench *b, const char *id, u32 size, bool hot)
{
	struct bench_samples ours = { }, peer = { };
	unsigned int nr = size == SZ_4K ? NR_DESCS - 1 : 256, blocks = HALF / size, batch;
	int ret;

	if (!bench_wanted(id))
		return 0;
	ret = bench_samples_init(&ours) ?: bench_samples_init(&peer);
	for (batch = 0; batch < 64 && !ret; batch++) {
		unsigned int i, first = hot ? 0 : batch * nr % (blocks - nr);

		bench_shuffle(b->order, hot ? nr / HOT_BLOCKS * HOT_BLOCKS : nr,
			      hot ? HOT_BLOCKS : nr);
		for (i = nr / HOT_BLOCKS * HOT_BLOCKS; hot && i < nr; i++)
			b->order[i] = i % HOT_BLOCKS;
		/* Not what the other one has just used */
		for (i = 0; i < nr; i++)
			b->order[i] = (b->order[i] + first) % blocks;
		ret = run_ours(b, size, nr, &ours);
		for (i = 0; i < nr && !hot; i++)
			b->order[i] = (b->order[i] + blocks / 2) % blocks;
		ret = ret ?: run_memcpy(b, size, nr, &peer);
		cond_resched();
	}
	if (!ret) {
		bench_report(id, BENCH_OURS, &ours, nr);
		bench_report(id, "memcpy", &peer, nr);
	}
	bench_samples_destroy(&ours);
	bench_samples_destroy(&peer);
	return ret;
}

/**
 * bench_dma() - DMA through the ATC
 *
 * Return: 0 or a negative error.
 */
int bench_dma(void)
{
	struct dma_bench *b;
	int ret;

	if (!bench_wanted("dma.hot.4k") && !bench_wanted("dma.hot.64k") &&
	    !bench_wanted("dma.cold.4k") && !bench_wanted("dma.cold.64k"))
		return 0;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	ret = setup(b) ?:
	      row(b, "dma.hot.4k", SZ_4K, true) ?: row(b, "dma.hot.64k", SZ_64K, true) ?:
	      row(b, "dma.cold.4k", SZ_4K, false) ?: row(b, "dma.cold.64k", SZ_64K, false);
	destroy(b);
	kfree(b);
	return ret;
}
