// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests while software changes a mapping: spec 5.2 and 8.3. When a
 * COMPLETION_WAIT has been executed, no request uses what was invalidated
 * before it, also one that was under way on another CPU.
 *
 * Devices are threads, and their requests are as long as can be, so that they
 * are under way when something happens. Meaningful with more than one CPU;
 * correct with one.
 */
#include <linux/atomic.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench.h"

#define NR_ROUNDS	100000
#define NR_DEVICES	3
#define IOVA		0x0000123456789000ULL

#define NR_WORDS	512	/* of a page */

/* What memory holds: that of the device, and what belongs to somebody else */
#define OURS		0x6f757273ULL
#define POISON		0x706f69736f6eULL

/**
 * struct race - what the threads share
 * @b: the bench
 * @root: page table of the devices
 * @phase: odd while the mapping changes
 * @mapped: in even phases: is IOVA mapped?
 * @requests: requests so far
 * @poison_read: requests that read a page after it was taken away
 * @wrong_status: requests that failed though mapped, or the other way round
 * @devices: how many threads have begun
 * @data: the payload of each
 */
struct race {
	struct bench *b;
	u64 root;
	u32 phase;
	bool mapped;
	atomic_t requests;
	atomic_t poison_read;
	atomic_t wrong_status;
	atomic_t devices;
	u64 data[NR_DEVICES][NR_WORDS];
};

/* How many words are not @value */
static unsigned int count_other(const u64 *words, u64 value)
{
	unsigned int i, other = 0;

	for (i = 0; i < NR_WORDS; i++)
		other += READ_ONCE(words[i]) != value;
	return other;
}

static int device(void *arg)
{
	struct race *r = arg;
	u64 rnd = (unsigned long)current;
	u64 *data = r->data[atomic_inc_return(&r->devices) - 1];

	while (!kthread_should_stop()) {
		u16 rid = BENCH_RID + rnd_below(&rnd, 2);
		u8 type = rnd_chance(&rnd, 50) ? SIM_TLP_MEM_READ : SIM_TLP_MEM_WRITE;
		bool mapped;
		u32 phase;
		bool done;

		/* Pairs with smp_store_release() in set_phase() */
		phase = smp_load_acquire(&r->phase);
		mapped = READ_ONCE(r->mapped);
		memset64(data, OURS, NR_WORDS);
		done = bench_request(r->b, type, rid, IOVA, data, 4096) == CPL_SUCCESS;
		/* The request before the phase is looked at again */
		smp_mb();
		if (!(phase & 1) && READ_ONCE(r->phase) == phase && mapped != done)
			atomic_inc(&r->wrong_status);
		if (count_other(data, OURS))
			atomic_inc(&r->poison_read);
		atomic_inc(&r->requests);
		cond_resched();
	}
	return 0;
}

static void stop_device(void *task)
{
	kthread_stop(task);
	put_task_struct(task);
}

static void start_device(struct kunit *test, struct race *r)
{
	struct task_struct *task = kthread_create(device, r, "iommu-sim-test");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	wake_up_process(task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_device, task));
}

static void set_phase(struct race *r, u32 phase)
{
	/* Pairs with smp_load_acquire() in device() */
	smp_store_release(&r->phase, phase);
	smp_mb();	/* and before what follows, for the second look there */
}

/* One of the ways to invalidate IOVA, and wait */
static void invalidate(struct bench *b, u64 *rnd)
{
	switch (rnd_below(rnd, 4)) {
	case 0:
		bench_inv(b, BENCH_DOMAIN, IOVA, 12);
		break;
	case 1:
		bench_inv(b, BENCH_DOMAIN, IOVA, 12 + rnd_below(rnd, 30));
		break;
	case 2:
		bench_inv(b, BENCH_DOMAIN, IOVA, 64);
		break;
	default:
		bench_inv_all(b);
	}
}

static void test_wait_means_quiesced(struct kunit *test)
{
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	u64 rnd = bench_seed(test), page[2], slot, old = 0;
	unsigned int i, nr = bench_scale(NR_ROUNDS), written = 0;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->b = bench_start(test, NULL);
	r->root = bench_attach(r->b, BENCH_RID, BENCH_DOMAIN, 6, DTE_IR | DTE_IW | DTE_HD);
	bench_set_dte(r->b, BENCH_RID + 1, DTE_V | DTE_TRANSLATE | DTE_LEVELS(6) | r->root |
					   DTE_IR | DTE_IW, BENCH_DOMAIN);
	slot = bench_slot(r->b, r->root, 6, IOVA, 1);
	for (i = 0; i < 2; i++) {
		page[i] = bench_alloc(r->b, 1);
		memset64(bench_ptr(r->b, page[i]), POISON, NR_WORDS);
	}
	for (i = 0; i < NR_DEVICES; i++)
		start_device(test, r);

	for (i = 0; i < nr; i++) {
		u64 new = rnd_chance(&rnd, 70) ? page[i % 2] : 0;

		set_phase(r, 2 * i + 1);
		if (new) {
			written += count_other(bench_ptr(r->b, new), POISON);
			memset64(bench_ptr(r->b, new), OURS, NR_WORDS);
		}
		/* One store: there is no time without a mapping between two */
		xchg((u64 *)bench_ptr(r->b, slot),
		     (__force u64)cpu_to_le64(new ? bench_leaf(new, 12) | PTE_RW : 0));
		invalidate(r->b, &rnd);
		WRITE_ONCE(r->mapped, new);
		set_phase(r, 2 * i + 2);

		/* The old page is somebody else's now: who touches it shows */
		if (old)
			memset64(bench_ptr(r->b, old), POISON, NR_WORDS);
		old = new;
		cond_resched();
	}

	kunit_info(test, "%u rounds, %d requests\n", i, atomic_read(&r->requests));
	KUNIT_EXPECT_GT(test, atomic_read(&r->requests), 0);
	KUNIT_EXPECT_EQ_MSG(test, written, 0, "written after the wait");
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&r->poison_read), 0, "read after the wait");
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&r->wrong_status), 0,
			    "not as mapped, after the wait");
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE(test_wait_means_quiesced),
	{}
};

static struct kunit_suite race_suite = {
	.name = "iommu_sim_race",
	.test_cases = race_cases,
};

kunit_test_suite(race_suite);
