/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of what happens at the same time: a domain, threads, and devices
 * that are threads, too, so that their requests come as fast as can be.
 */
#ifndef _IOMMU_SIM_TESTS_PT_RACE_H
#define _IOMMU_SIM_TESTS_PT_RACE_H

#include "bench.h"
#include "client.h"
#include "driver/driver.h"

#define RACE_MAX_THREADS	8
#define RACE_RW			(IOMMU_READ | IOMMU_WRITE)

/**
 * struct pt_race - what the threads of a test share
 * @test: the test
 * @client: the endpoint, attached to @domain by pt_race_attach()
 * @iommu: the instance
 * @port: a root port of the tests' own, to send requests from any thread
 * @domain: the domain
 * @stats: counts the tables of @domain, instead of those of the instance
 * @lossy: callers overlap, and may lose tables
 * @bad: wrong answers
 * @work: what the threads have done
 * @task: the threads
 * @nr_tasks: how many
 */
struct pt_race {
	struct kunit *test;
	struct client *client;
	struct sim_iommu *iommu;
	struct iommu_sim_port port;
	struct iommu_domain *domain;
	struct iommu_sim_stats stats;
	bool lossy;
	atomic_t bad;
	atomic_t work;
	struct task_struct *task[RACE_MAX_THREADS];
	unsigned int nr_tasks;
};

struct pt_race *pt_race_create(struct kunit *test);
void pt_race_use(struct pt_race *r, struct iommu_domain *domain);
void pt_race_attach(struct pt_race *r);
void pt_race_detach(struct pt_race *r);
void pt_race_destroy(struct pt_race *r);
struct task_struct *pt_race_start(struct pt_race *r, int (*fn)(void *arg), void *arg);
void pt_race_stop(struct pt_race *r);
void pt_race_bad(struct pt_race *r, const char *what, u64 iova, u64 value);
void pt_race_expect_no_tables(struct pt_race *r);
bool pt_race_dma(struct pt_race *r, enum iommu_sim_tlp_type type, u64 iova, void *data,
		 u32 len);
bool pt_race_endpoint_dma(struct pt_race *r, enum iommu_sim_tlp_type type, u64 iova, void *data,
			  u32 len, u32 pasid);
bool pt_race_walk(struct pt_race *r, u64 iova, u64 set, u64 *pa);

static inline struct sim_pt *pt_race_pt(struct pt_race *r)
{
	return &to_sim_domain(r->domain)->pt;
}

#endif
