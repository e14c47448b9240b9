// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmaps and flushes by interrupt handlers, on the CPU whose thread is a device that
 * uses what is unmapped, in each mode of the command queues. A wait that depends on its
 * own CPU hangs here; a lock that is not for interrupts makes lockdep speak.
 */
#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/iommu-sim.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/timer.h>

#include "pt_race.h"

#define IOVA		0x40000000UL
#define NR_UNMAPS	25	/* on each CPU; an irq_work may wait for the tick */

enum context { HARDIRQ, SOFTIRQ };

struct irq_case {
	const char *name;
	enum context context;
	enum sim_cmdq_mode mode;
	bool explicit;
};

static const struct irq_case irq_cases[] = {
	{ "hardirq, inline", HARDIRQ, SIM_CMDQ_INLINE },
	{ "hardirq, latency", HARDIRQ, SIM_CMDQ_LATENCY },
	{ "hardirq, thread", HARDIRQ, SIM_CMDQ_THREAD },
	{ "hardirq, commit, thread", HARDIRQ, SIM_CMDQ_THREAD, true },
	{ "softirq, inline", SOFTIRQ, SIM_CMDQ_INLINE },
	{ "softirq, latency", SOFTIRQ, SIM_CMDQ_LATENCY },
	{ "softirq, thread", SOFTIRQ, SIM_CMDQ_THREAD },
	{ "softirq, commit, thread", SOFTIRQ, SIM_CMDQ_THREAD, true },
};

KUNIT_ARRAY_PARAM_DESC(irq, irq_cases, name);

/**
 * struct irq_bench - an interrupt handler that unmaps
 * @r: domain, endpoint, devices
 * @c: which context, and mode
 * @saved: what the instance was
 * @buf: what is mapped
 * @work: for hardirq
 * @timer: for softirq
 * @done: the handler has come to its end
 * @unmapped: what iommu_unmap() returned
 * @ret: what the commit did
 * @wrong: it was not called in the context that was meant
 * @changed: the instance is another
 */
struct irq_bench {
	struct pt_race *r;
	const struct irq_case *c;
	struct sim_hw_config saved;
	u64 *buf;
	struct irq_work work;
	struct timer_list timer;
	struct completion done;
	size_t unmapped;
	int ret;
	bool wrong;
	bool changed;
};

static void handler(struct irq_bench *b)
{
	b->unmapped = iommu_unmap(b->r->domain, IOVA, PAGE_SIZE);
	if (b->c->explicit)
		b->ret = iommu_sim_commit(b->r->domain);
	else
		iommu_flush_iotlb_all(b->r->domain);
	complete(&b->done);
}

static void hardirq_handler(struct irq_work *work)
{
	struct irq_bench *b = container_of(work, struct irq_bench, work);

	b->wrong |= !in_hardirq();
	handler(b);
}

static void softirq_handler(struct timer_list *timer)
{
	struct irq_bench *b = container_of(timer, struct irq_bench, timer);

	b->wrong |= !in_serving_softirq();
	handler(b);
}

static int device_thread(void *arg)
{
	struct irq_bench *b = arg;
	u64 value;

	while (!kthread_should_stop()) {
		pt_race_dma(b->r, SIM_TLP_MEM_READ, IOVA, &value, sizeof(value));
		pt_race_endpoint_dma(b->r, SIM_TLP_MEM_READ, IOVA, &value, sizeof(value),
				     IOMMU_NO_PASID);
		cond_resched();
	}
	return 0;
}

static int irq_test_init(struct kunit *test)
{
	struct irq_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->buf = (u64 *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->buf);
	b->work = IRQ_WORK_INIT_HARD(hardirq_handler);
	timer_setup(&b->timer, softirq_handler, 0);
	init_completion(&b->done);
	b->r = pt_race_create(test);
	test->priv = b;
	return 0;
}

static void irq_test_exit(struct kunit *test)
{
	struct irq_bench *b = test->priv;

	if (!b)
		return;
	pt_race_stop(b->r);
	irq_work_sync(&b->work);
	timer_shutdown_sync(&b->timer);
	pt_race_destroy(b->r);
	if (b->changed)
		KUNIT_EXPECT_EQ(test, bench_change(b->r->iommu->hw, &b->saved), 0);
	free_page((unsigned long)b->buf);
}

static void queue_here(void *arg)
{
	struct irq_bench *b = arg;

	irq_work_queue(&b->work);
}

/* The handler runs on @cpu, where a device is at work */
static void unmap_on(struct irq_bench *b, unsigned int cpu)
{
	struct kunit *test = b->r->test;
	u64 value;

	KUNIT_ASSERT_EQ(test, iommu_map(b->r->domain, IOVA, virt_to_phys(b->buf), PAGE_SIZE,
					RACE_RW, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, pt_race_dma(b->r, SIM_TLP_MEM_READ, IOVA, &value, 8));
	if (b->c->context == SOFTIRQ) {
		b->timer.expires = jiffies + 1;
		add_timer_on(&b->timer, cpu);
	} else {
		smp_call_function_single(cpu, queue_here, b, true);
	}
	wait_for_completion(&b->done);
	KUNIT_EXPECT_EQ(test, b->unmapped, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->ret, 0);
	KUNIT_EXPECT_FALSE(test, pt_race_dma(b->r, SIM_TLP_MEM_READ, IOVA, &value, 8));
}

static void irq_unmap_test(struct kunit *test)
{
	struct irq_bench *b = test->priv;
	struct sim_hw_config config;
	unsigned int cpu, i;

	b->c = test->param_value;
	b->saved = b->r->iommu->hw->config;
	config = b->saved;
	config.mode = b->c->mode;
	config.latency_ns = 2000;
	b->changed = true;
	KUNIT_ASSERT_EQ(test, bench_change(b->r->iommu->hw, &config), 0);
	if (b->c->explicit)
		pt_race_use(b->r, iommu_sim_domain_alloc_explicit(&b->r->client->pdev->dev));
	pt_race_attach(b->r);
	for_each_online_cpu(cpu) {
		if (b->r->nr_tasks == RACE_MAX_THREADS)
			break;
		/* It has just been woken: it moves there */
		set_cpus_allowed_ptr(pt_race_start(b->r, device_thread, b), cpumask_of(cpu));
	}
	for_each_online_cpu(cpu)
		for (i = 0; i < NR_UNMAPS; i++)
			unmap_on(b, cpu);
	KUNIT_EXPECT_FALSE_MSG(test, b->wrong, "not in the context that was meant");
}

static struct kunit_case irq_cases_list[] = {
	KUNIT_CASE_PARAM(irq_unmap_test, irq_gen_params),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "iommu_sim_irq",
	.init = irq_test_init,
	.exit = irq_test_exit,
	.test_cases = irq_cases_list,
};

kunit_test_suite(irq_suite);
