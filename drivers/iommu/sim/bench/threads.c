// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same work on one CPU, and on two at the same time. The threads begin each
 * sample together. But the host may well run only one of them for a while, so a
 * sample counts if the other thread has moved on meanwhile.
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

/**
 * struct crew - what the threads share
 * @work: what they do
 * @nr: how many they are
 * @arrived: how many wait in meet()
 * @round: counts their meetings
 * @stop: the next meeting is the last; written by the first thread
 */
struct crew {
	const struct bench_work *work;
	unsigned int nr;
	atomic_t arrived;
	unsigned int round;
	bool stop;
};

struct member {
	struct bench_thread thread;
	struct crew *crew;
	struct member *other;		/* NULL if there is one thread only */
	struct bench_samples series[BENCH_MAX_SERIES];
	struct completion done;
};

/* Wait for the other thread, if there is one */
static void meet(struct crew *crew)
{
	unsigned int round = READ_ONCE(crew->round);

	if (atomic_inc_return(&crew->arrived) == crew->nr) {
		atomic_set(&crew->arrived, 0);
		/* Pairs with the acquire below */
		smp_store_release(&crew->round, round + 1);
		return;
	}
	/* Pairs with the release above */
	while (smp_load_acquire(&crew->round) == round)
		cpu_relax();
}

static u64 progress_of(struct member *m)
{
	return m ? READ_ONCE(m->thread.progress) : 0;
}

static void sample(struct member *m, unsigned int series)
{
	const struct bench_work *work = m->crew->work;
	u64 own, others, start, cycles;

	meet(m->crew);
	own = progress_of(m);
	others = progress_of(m->other);
	start = bench_tsc();
	work->sample(&m->thread, work->arg, series);
	cycles = bench_tsc() - start;
	own = progress_of(m) - own;
	others = progress_of(m->other) - others;
	if (!m->other || others >= own / 4 * 3)
		bench_samples_add(&m->series[series], cycles);
}

static int run_thread(void *data)
{
	struct member *m = data;
	struct crew *crew = m->crew;
	u64 start = ktime_get_ns();
	unsigned int i, nr;

	for (nr = 0; ; nr++) {
		if (!m->thread.id)
			crew->stop = nr == MAX_SAMPLES || ktime_get_ns() - start > WINDOW_NS;
		meet(crew);
		if (crew->stop)
			break;
		for (i = 0; i < crew->work->nr_series; i++)
			sample(m, i);
	}
	complete(&m->done);
	return 0;
}

static int start_threads(struct member *m, unsigned int nr)
{
	struct task_struct *task[2];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		task[i] = kthread_create(run_thread, &m[i], "iommu-sim-bench/%u", i);
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
		wait_for_completion(&m[i].done);
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
	struct member *m __free(kfree) = kcalloc(2, sizeof(*m), GFP_KERNEL);
	struct crew crew = { .work = work, .nr = nr_threads };
	unsigned int i, s, k;
	int ret = 0;

	if (!m)
		return -ENOMEM;
	for (i = 0; i < nr_threads; i++) {
		m[i].thread.id = i;
		m[i].crew = &crew;
		m[i].other = nr_threads == 2 ? &m[!i] : NULL;
		init_completion(&m[i].done);
		for (s = 0; s < work->nr_series && !ret; s++)
			ret = bench_samples_init(&m[i].series[s]);
	}
	if (!ret)
		ret = start_threads(m, nr_threads);
	for (i = 0; i < nr_threads; i++) {
		for (s = 0; s < work->nr_series; s++) {
			for (k = 0; k < m[i].series[s].nr; k++)
				bench_samples_add(&series[s], m[i].series[s].cycles[k]);
			bench_samples_destroy(&m[i].series[s]);
		}
	}
	return ret;
}
