/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test bench for page tables: one of our own, and what can look at it. Besides
 * the writer's own lookups those are the silicon's walker and the reference of
 * ref_walk.c, both on the machine's memory.
 */
#ifndef _IOMMU_SIM_TESTS_PT_BENCH_H
#define _IOMMU_SIM_TESTS_PT_BENCH_H

#include <kunit/test.h>

#include "bench.h"
#include "driver/driver.h"
#include "driver/pt_inline.h"

#define PT_RIGHTS	(SIM_PTE_IR | SIM_PTE_IW)

/**
 * struct pt_bench - a page table, and what belongs to it
 * @test: the test
 * @hw: an instance, to walk it by
 * @pt: the page table
 * @limbo: tables that a flush would free
 * @stats: counters
 * @last: its last address
 * @kicks: how often there were tables to look at
 */
struct pt_bench {
	struct kunit *test;
	struct iommu_sim_hw *hw;
	struct sim_pt pt;
	struct sim_limbo limbo;
	struct iommu_sim_stats stats;
	u64 last;
	unsigned int kicks;
};

/* What an address leads to; a pa of PT_NOWHERE if it leads nowhere */
struct pt_place {
	u64 pa;
	u64 flags;		/* SIM_PTE_IR, SIM_PTE_IW */
	unsigned int size_lg2;
};

#define PT_NOWHERE	U64_MAX

/* log2 of each of SIM_PGSIZES: KUNIT_ARRAY_PARAM(size, pt_bench_sizes, pt_bench_size_desc) */
extern const u8 pt_bench_sizes[51 - 12];
void pt_bench_size_desc(const u8 *lg2, char *desc);

struct pt_bench *pt_bench_create(struct kunit *test, unsigned int bits, unsigned long sizes);
void pt_bench_exit(struct kunit *test);
int pt_bench_map(struct pt_bench *b, u64 iova, u64 pa, u64 len, u64 rights, size_t *mapped);
bool pt_bench_step(struct pt_bench *b, unsigned int keep, bool release);
void pt_bench_reclaim(struct pt_bench *b);
void pt_bench_expect_empty(struct pt_bench *b);
u64 pt_bench_digest(struct pt_bench *b);
struct pt_place pt_bench_hw_walk(struct pt_bench *b, u64 iova, u64 set);
struct pt_place pt_bench_ref_walk(struct pt_bench *b, u64 iova);

static inline struct sim_inject_point *pt_bench_alloc_point(struct pt_bench *b)
{
	return &b->hw->inject.point[SIM_INJECT_TABLE_ALLOC];
}

#endif
