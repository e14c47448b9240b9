// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmarks: run them once at boot, print a line for each row and variant, and
 * halt. Reading the lines is the work of tools/iommu-sim/bench-report.
 */
#define pr_fmt(fmt) "iommu-sim-bench: " fmt

#include <linux/completion.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "bench.h"

#define SEED		0x494f4d4d55ULL
#define CALIBRATE_NS	(200 * NSEC_PER_MSEC)

static bool run;
module_param(run, bool, 0);
MODULE_PARM_DESC(run, "run the benchmarks, then halt");

static char *only = "";
module_param(only, charp, 0);
MODULE_PARM_DESC(only, "comma-separated beginnings of the ids of the rows to run (default: all)");

static const struct {
	const char *name;
	int (*run)(void);
} groups[] = {
	{ "floor",	bench_floor },
	{ "pt",		bench_pt },
	{ "pt-lookup",	bench_pt_lookup },
	{ "pt-memory",	bench_pt_memory },
	{ "pt-scale",	bench_pt_scale },
	{ "commit",	bench_commit },
	{ "iotlb",	bench_iotlb },
	{ "dma",	bench_dma },
};

static u64 tsc_khz;
static struct rnd_state random_state;

/**
 * bench_wanted() - is a row to be run?
 * @id: its id
 *
 * Return: whether it begins with one of the parameter "only".
 */
bool bench_wanted(const char *id)
{
	const char *word = only;

	if (!*only)
		return true;
	while (*word) {
		size_t len = strcspn(word, ",");

		if (len && !strncmp(id, word, len))
			return true;
		word += len;
		word += *word == ',';
	}
	return false;
}

/**
 * bench_shuffle() - numbers in random order, which is the same in each boot
 * @order: gets them
 * @len: how many, a multiple of @nr
 * @nr: of 0 to @nr - 1, each as often as any other
 */
void bench_shuffle(u32 *order, unsigned int len, unsigned int nr)
{
	unsigned int i, k;

	for (i = 0; i < len; i++)
		order[i] = i % nr;
	for (i = len - 1; i > 0; i--) {
		k = prandom_u32_state(&random_state) % (i + 1);
		swap(order[i], order[k]);
	}
}

/**
 * bench_samples_init() - room for BENCH_MAX_SAMPLES
 * @samples: to be initialised
 *
 * Return: 0 or -ENOMEM.
 */
int bench_samples_init(struct bench_samples *samples)
{
	samples->nr = 0;
	samples->cycles = kvcalloc(BENCH_MAX_SAMPLES, sizeof(*samples->cycles), GFP_KERNEL);
	return samples->cycles ? 0 : -ENOMEM;
}

/**
 * bench_samples_destroy() - free what bench_samples_init() has got
 * @samples: may also be all zeroes
 */
void bench_samples_destroy(struct bench_samples *samples)
{
	kvfree(samples->cycles);
}

static int compare(const void *a, const void *b)
{
	return cmp_int(*(const u64 *)a, *(const u64 *)b);
}

/* Hundredths of a ns for each of @calls */
static u64 to_ns100(u64 cycles, unsigned int calls)
{
	return mul_u64_u64_div_u64(cycles, 100 * USEC_PER_SEC, tsc_khz * calls);
}

/**
 * bench_report() - print a row for one variant
 * @id: of the row
 * @variant: BENCH_OURS, BENCH_FLOOR or the name of a peer
 * @samples: will be sorted
 * @calls: what was done for each sample
 */
void bench_report(const char *id, const char *variant, struct bench_samples *samples,
		  unsigned int calls)
{
	u64 min, median;

	if (!samples->nr) {
		pr_info("row id=%s variant=%s no samples\n", id, variant);
		return;
	}
	sort(samples->cycles, samples->nr, sizeof(*samples->cycles), compare, NULL);
	min = to_ns100(samples->cycles[0], calls);
	median = to_ns100(samples->cycles[samples->nr / 2], calls);
	pr_info("row id=%s variant=%s unit=ns n=%u min=%llu.%02llu median=%llu.%02llu\n", id,
		variant, samples->nr, min / 100, min % 100, median / 100, median % 100);
}

/**
 * bench_report_value() - print a row that is no time
 * @id: of the row
 * @variant: as for bench_report()
 * @unit: of @value
 * @value: the figure
 */
void bench_report_value(const char *id, const char *variant, const char *unit, u64 value)
{
	pr_info("row id=%s variant=%s unit=%s n=1 min=%llu median=%llu\n", id, variant, unit,
		value, value);
}

/**
 * bench_report_unsupported() - print that a variant cannot do this
 * @id: of the row
 * @variant: as for bench_report()
 */
void bench_report_unsupported(const char *id, const char *variant)
{
	pr_info("row id=%s variant=%s unsupported\n", id, variant);
}

static void calibrate(void)
{
	u64 start_ns = ktime_get_ns(), start = bench_tsc(), ns;

	do {
		ns = ktime_get_ns() - start_ns;
	} while (ns < CALIBRATE_NS);
	tsc_khz = mul_u64_u64_div_u64(bench_tsc() - start, USEC_PER_SEC, ns);
}

static void run_groups(void)
{
	unsigned int i;
	u64 start;
	int ret;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		start = ktime_get_ns();
		ret = groups[i].run();
		if (ret)
			pr_err("failed: group %s, error %d\n", groups[i].name, ret);
		pr_info("group %s took %llu ms\n", groups[i].name,
			div_u64(ktime_get_ns() - start, NSEC_PER_MSEC));
	}
}

static int bench_thread(void *done)
{
	int ret;

	calibrate();
	prandom_seed_state(&random_state, SEED);
	pr_info("tsc %llu kHz, %u CPUs, on CPU %u\n", tsc_khz, num_online_cpus(),
		raw_smp_processor_id());

	ret = bench_peers_init();
	if (ret) {
		pr_err("failed: no device for the peers, error %d\n", ret);
		goto out;
	}
	ret = bench_endpoint_init();
	if (ret) {
		pr_err("failed: no endpoint, error %d\n", ret);
		goto out_peers;
	}
	run_groups();
	bench_endpoint_exit();
out_peers:
	bench_peers_exit();
out:
	complete(done);
	return 0;
}

static int __init bench_init(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct task_struct *task;

	if (!run)
		return 0;
	task = kthread_create(bench_thread, &done, "iommu-sim-bench");
	if (IS_ERR(task))
		return PTR_ERR(task);
	/* The first CPU has the interrupts */
	kthread_bind(task, num_online_cpus() - 1);
	wake_up_process(task);
	wait_for_completion(&done);
	pr_info("done\n");
	kernel_halt();
	return 0;
}

/* When the drivers are up */
late_initcall_sync(bench_init);
