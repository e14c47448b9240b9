/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of owners that map and unmap and of devices that look for what should be gone:
 * stale.c.
 */
#ifndef _IOMMU_SIM_TESTS_STALE_H
#define _IOMMU_SIM_TESTS_STALE_H

#include "pt_race.h"

#define NR_OWNERS	2
#define GROUP_PAGES	4	/* one block of memory, mapped as one page or as four */
#define NR_GROUPS	16	/* of an owner */
#define NR_CELLS	(NR_GROUPS * GROUP_PAGES)
#define NR_BUCKETS	24

enum policy { STRICT, BATCHED, COMMIT };

/**
 * struct cell - a page of IOVA
 * @state: kind, and how often it was mapped
 * @limbo_ns: since when it is in limbo
 */
struct cell {
	u64 state;
	u64 limbo_ns;
};

/**
 * struct owner - who maps and unmaps
 * @s: the test
 * @iova: of its first cell
 * @cell: its pages of IOVA
 * @block: memory of each group while it is mapped
 * @free: blocks that are not in use, the last freed is used next
 * @nr_free: how many
 * @nr_limbo: how many cells are
 * @rnd: state of the random numbers
 * @base: number of its first cell
 * @done: it has made all its steps
 */
struct owner {
	struct stale *s;
	u64 iova;
	struct cell cell[NR_CELLS];
	u64 *block[NR_GROUPS];
	u64 *free[NR_GROUPS];
	unsigned int nr_free;
	unsigned int nr_limbo;
	u64 rnd;
	unsigned int base;
	bool done;
};

/**
 * struct stale_case - how the run is to be
 * @name: what the report calls it
 * @policy: when what is unmapped is flushed
 * @hw: caches and queues
 * @broken: what the silicon does wrong, or SIM_INJECT_NR
 * @percent: how often
 * @translated: devices use their ATC
 * @pasid: the PASID that they use, or IOMMU_NO_PASID
 * @only_reads: what it makes devices reach is not ours to write to
 * @churn: owners unmap all they have this often, in 5000 steps; tables go then
 * @parallel: what is looked for takes owners and devices that run at once, and commits
 *	soon after the unmap
 */
struct stale_case {
	const char *name;
	enum policy policy;
	struct sim_hw_config hw;
	enum sim_inject_id broken;
	unsigned int percent;
	bool translated;
	u32 pasid;
	bool only_reads;
	unsigned int churn;
	bool parallel;
};

/**
 * struct stale - a run
 * @r: domain, endpoint, threads
 * @c: how it is to be
 * @saved: what the instance was
 * @owner: the owners
 * @stale: requests that used what had to be gone
 * @denied: requests that failed though they had to succeed
 * @requests: how many there were
 * @steps: of the owners
 * @window: stale hits that were legal, by log2 of the us since the unmap
 * @changed: the instance is another
 * @attached: the PASID is
 */
struct stale {
	struct pt_race *r;
	const struct stale_case *c;
	struct sim_hw_config saved;
	struct owner owner[NR_OWNERS];
	atomic_t stale;
	atomic_t denied;
	atomic_t requests;
	atomic_t steps;
	atomic_t window[NR_BUCKETS];
	bool changed;
	bool attached;
};

int stale_init(struct kunit *test);
void stale_exit(struct kunit *test);
void stale_run(struct kunit *test, const struct stale_case *c);
void stale_expect_good(struct kunit *test);
void stale_expect_caught(struct kunit *test);

static inline bool expect_bad(const struct stale *s)
{
	return s->c->broken != SIM_INJECT_NR;
}

/* Geometries, modes and expectations for cases */
#define BIG	.iotlb = { 10, 4 }, .pwc = { 4, 4 }
#define SMALL	.iotlb = { 0, 2, SIM_TLB_LRU }, .pwc = { 0, 1 }
#define DIRECT	.iotlb = { 5, 1 }, .pwc = { 2, 1 }
#define NO_PWC	.iotlb = { 3, 8, SIM_TLB_PLRU }
#define LATENCY	.mode = SIM_CMDQ_LATENCY, .latency_ns = 2000
#define THREAD	.mode = SIM_CMDQ_THREAD
#define GOOD	.broken = SIM_INJECT_NR, .churn = 1

#endif
