// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same work on one CPU, and on two at the same time. The host may well run
 * one of two threads only for a while, so a sample counts if the other thread has
 * moved on meanwhile.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

#define WINDOW_NS	(100 * NSEC_PER_MSEC)
/* So that there is room for some windows of both threads */
#define MAX_SAMPLES	(BENCH_MAX_SAMPLES / 8)

struct context {
	struct bench_thread thread;
	const struct bench_work *work;
	struct context *other;		/* NULL if there is one thread only */
	atomic_t *waiting;		/* for how many threads */
	struct bench_samples series[BENCH_MAX_SERIES];
	struct completion done;
};

static u64 progress_of(struct context *c)
{
	return c ? READ_ONCE(c->thread.progress) : 0;
}

/* Did the other thread do three quarters of what this one did meanwhile? */
static bool concurrent(struct context *c, u64 own, u64 others)
{
	return !c->other || progress_of(c->other) - others >=
			    (progress_of(c) - own) / 4 * 3;
}

static int run_thread(void *data)
{
	struct context *c = data;
	u64 start, own, others, cycles[BENCH_MAX_SERIES];
	unsigned int i, nr = 0;

	atomic_dec(c->waiting);
	while (atomic_read(c->waiting))
		cpu_relax();

	start = ktime_get_ns();
	do {
		own = progress_of(c);
		others = progress_of(c->other);
		c->work->sample(&c->thread, c->work->arg, cycles);
		if (!concurrent(c, own, others))
			continue;
		for (i = 0; i < c->work->nr_series; i++)
			bench_samples_add(&c->series[i], cycles[i]);
		nr++;
	} while (nr < MAX_SAMPLES && ktime_get_ns() - start < WINDOW_NS);

	complete(&c->done);
	return 0;
}

static int start_threads(struct context *c, unsigned int nr)
{
	struct task_struct *task[2];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		task[i] = kthread_create(run_thread, &c[i], "iommu-sim-bench/%u", i);
		if (IS_ERR(task[i])) {
			if (i)
				kthread_stop(task[0]);
			return PTR_ERR(task[i]);
		}
		kthread_bind(task[i], nr == 1 ? num_online_cpus() - 1 : i);
	}
	for (i = 0; i < nr; i++)
		wake_up_process(task[i]);
	for (i = 0; i < nr; i++)
		wait_for_completion(&c[i].done);
	return 0;
}

/**
 * bench_parallel() - take samples on one CPU or on two
 * @work: what to do
 * @nr_threads: 1 or 2
 * @series: gets more samples, for each of work->nr_series; from both threads
 *
 * Return: 0 or a negative error.
 */
int bench_parallel(const struct bench_work *work, unsigned int nr_threads,
		   struct bench_samples *series)
{
	struct context *c __free(kfree) = kcalloc(2, sizeof(*c), GFP_KERNEL);
	atomic_t waiting = ATOMIC_INIT(nr_threads);
	unsigned int i, s, k;
	int ret = 0;

	if (!c)
		return -ENOMEM;
	for (i = 0; i < nr_threads; i++) {
		c[i].thread.id = i;
		c[i].work = work;
		c[i].other = nr_threads == 2 ? &c[!i] : NULL;
		c[i].waiting = &waiting;
		init_completion(&c[i].done);
		for (s = 0; s < work->nr_series && !ret; s++)
			ret = bench_samples_init(&c[i].series[s]);
	}
	if (!ret)
		ret = start_threads(c, nr_threads);
	for (i = 0; i < nr_threads; i++) {
		for (s = 0; s < work->nr_series; s++) {
			for (k = 0; k < c[i].series[s].nr; k++)
				bench_samples_add(&series[s], c[i].series[s].cycles[k]);
			bench_samples_destroy(&c[i].series[s]);
		}
	}
	return ret;
}
