/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of the endpoint's driver: the first endpoint that the modules
 * brought up, with its real driver.
 */
#ifndef _IOMMU_SIM_TESTS_DMA_BENCH_H
#define _IOMMU_SIM_TESTS_DMA_BENCH_H

#include <kunit/test.h>
#include <linux/prandom.h>

#include "dma/dma.h"

/* Printed by what fails, so that it can be repeated */
#define DMA_BENCH_SEED		0x5eed2026

/**
 * struct dma_bench - what a test has to work with
 * @pdev: the endpoint
 * @dev: the same, for the DMA API
 * @sim: its driver
 * @chan: its first channel
 * @rnd: random numbers, the same in every run
 */
struct dma_bench {
	struct pci_dev *pdev;
	struct device *dev;
	struct sim_dma *sim;
	struct sim_dma_chan *chan;
	struct rnd_state rnd;
};

int dma_bench_init(struct kunit *test);
void dma_bench_exit(struct kunit *test);
u8 *dma_bench_buf(struct kunit *test, size_t size);
dma_addr_t dma_bench_map(struct kunit *test, void *buf, size_t size, enum dma_data_direction dir);
int dma_bench_copy(struct dma_bench *b, dma_addr_t dst, dma_addr_t src, u32 len,
		   struct sim_dma_request *req);
bool dma_bench_translated(struct dma_bench *b);
bool dma_bench_strict(struct dma_bench *b);
void dma_bench_expect_balanced(struct kunit *test);

#endif
