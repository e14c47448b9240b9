/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event counters, one set for each CPU. An instance's debugfs file "stats"
 * shows the sets of the silicon and of the driver, one "name value" per line.
 */
#ifndef _IOMMU_SIM_STATS_H
#define _IOMMU_SIM_STATS_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/types.h>

/**
 * struct iommu_sim_stats - a set of counters
 * @count: @nr counters for each CPU
 * @names: their names
 * @nr: how many
 * @node: in the list of sets that an instance shows
 */
struct iommu_sim_stats {
	u64 __percpu *count;
	const char *const *names;
	unsigned int nr;
	struct list_head node;
};

static inline int sim_stats_init(struct iommu_sim_stats *stats,
				 const char *const *names, unsigned int nr)
{
	stats->names = names;
	stats->nr = nr;
	INIT_LIST_HEAD(&stats->node);
	stats->count = __alloc_percpu(nr * sizeof(u64), __alignof__(u64));
	return stats->count ? 0 : -ENOMEM;
}

static inline void sim_stats_destroy(struct iommu_sim_stats *stats)
{
	free_percpu(stats->count);
}

static inline void sim_stat_inc(struct iommu_sim_stats *stats, unsigned int i)
{
	this_cpu_inc(stats->count[i]);
}

/*
 * For the fastest paths. The same as sim_stat_inc() where a CPU can add to its
 * own memory in one instruction; elsewhere a count may be lost to an interrupt.
 */
static inline void sim_stat_inc_hot(struct iommu_sim_stats *stats, unsigned int i)
{
	raw_cpu_inc(stats->count[i]);
}

/* Likewise */
static inline void sim_stat_add_hot(struct iommu_sim_stats *stats, unsigned int i, u64 n)
{
	raw_cpu_add(stats->count[i], n);
}

/* A sum over CPUs that go on counting: right only when they are at rest */
static inline u64 sim_stat_read(const struct iommu_sim_stats *stats, unsigned int i)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats->count, cpu)[i]);
	return sum;
}

static inline void sim_stats_show(struct seq_file *s, const struct iommu_sim_stats *stats)
{
	unsigned int i;

	for (i = 0; i < stats->nr; i++)
		seq_printf(s, "%s %llu\n", stats->names[i], sim_stat_read(stats, i));
}

#endif
