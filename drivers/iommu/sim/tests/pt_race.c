// SPDX-License-Identifier: GPL-2.0-only
/* See pt_race.h */
#include <linux/kthread.h>
#include <linux/sched.h>

#include "compat.h"
#include "iommu-sim-section.h"
#include "pt_race.h"

/* What is wrong is wrong many times: the first few will do */
#define MAX_COMPLAINTS	10

static int ignore_fault(struct iommu_domain *domain, struct device *dev, unsigned long iova,
			int flags, void *token)
{
	return 0;
}

static const char *const stat_names[SIM_DSTAT_NR];

/**
 * pt_race_use() - take another domain for the test
 * @r: the test
 * @domain: the domain, new; or an error
 *
 * Its tables are counted apart from those of others, which come and go.
 */
void pt_race_use(struct pt_race *r, struct iommu_domain *domain)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(r->test, domain);
	if (r->domain)
		iommu_domain_free(r->domain);
	r->domain = domain;
	/* Requests are refused all the time, and the log is for other things */
	iommu_set_fault_handler(domain, ignore_fault, NULL);
	sim_stat_inc(&r->iommu->stats, SIM_DSTAT_TABLES_FREED);
	sim_stat_inc(&r->stats, SIM_DSTAT_TABLES_ALLOCATED);
	pt_race_pt(r)->stats = &r->stats;
}

/**
 * pt_race_expect_no_tables() - nothing is mapped, so there is only the root
 * @r: the test
 *
 * Waits until the others have been given back.
 */
void pt_race_expect_no_tables(struct pt_race *r)
{
	struct sim_domain *domain = to_sim_domain(r->domain);

	iommu_flush_iotlb_all(r->domain);
	sim_domain_reclaim_wait(domain);
	KUNIT_EXPECT_EQ(r->test, atomic_long_read(&domain->pt.tables), 1);
}

/**
 * pt_race_create() - a domain that nothing is attached to, and no thread
 * @test: the test; skipped if there is no endpoint
 *
 * Return: the test.
 */
struct pt_race *pt_race_create(struct kunit *test)
{
	struct pt_race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct sim_device *sdev;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->test = test;
	r->client = client_get(test);
	sdev = dev_iommu_priv_get(&r->client->pdev->dev);
	r->iommu = sdev->iommu;
	r->port.hw = r->iommu->hw;
	KUNIT_ASSERT_EQ(test, sim_stats_init(&r->stats, stat_names, SIM_DSTAT_NR), 0);
	pt_race_use(r, iommu_paging_domain_alloc(&r->client->pdev->dev));
	return r;
}

/**
 * pt_race_attach() - put the endpoint into the domain
 * @r: the test
 */
void pt_race_attach(struct pt_race *r)
{
	struct kunit *test = r->test;

	KUNIT_ASSERT_EQ(test, iommu_map(r->domain, CLIENT_RINGS, virt_to_phys(r->client->rings),
					2 * PAGE_SIZE, RACE_RW, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, client_attach(r->client, r->domain, CLIENT_RINGS), 0);
}

/**
 * pt_race_detach() - take the endpoint away, and what it needs to be mapped
 * @r: the test
 */
void pt_race_detach(struct pt_race *r)
{
	iommu_detach_group(r->domain, r->client->pdev->dev.iommu_group);
	r->client->domain = NULL;
	KUNIT_EXPECT_EQ(r->test, iommu_unmap(r->domain, CLIENT_RINGS, 2 * PAGE_SIZE),
			2 * PAGE_SIZE);
}

/**
 * pt_race_destroy() - when the test ends, in whatever way
 * @r: the test, or NULL
 *
 * Every table of the domain is freed.
 */
void pt_race_destroy(struct pt_race *r)
{
	if (!r)
		return;
	pt_race_stop(r);
	client_put(r->client);
	iommu_domain_free(r->domain);
	if (!r->lossy)
		KUNIT_EXPECT_EQ(r->test, sim_stat_read(&r->stats, SIM_DSTAT_TABLES_ALLOCATED),
				sim_stat_read(&r->stats, SIM_DSTAT_TABLES_FREED));
	sim_stats_destroy(&r->stats);
}

/**
 * pt_race_start() - start a thread
 * @r: the test
 * @fn: runs until kthread_should_stop(), or returns before
 * @arg: for @fn
 *
 * Return: the thread, until pt_race_stop().
 */
struct task_struct *pt_race_start(struct pt_race *r, int (*fn)(void *arg), void *arg)
{
	struct task_struct *task;

	KUNIT_ASSERT_LT(r->test, r->nr_tasks, RACE_MAX_THREADS);
	task = kthread_create(fn, arg, "iommu-sim-race");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(r->test, task);
	get_task_struct(task);
	r->task[r->nr_tasks++] = task;
	wake_up_process(task);
	return task;
}

/**
 * pt_race_stop() - stop all threads
 * @r: the test
 */
void pt_race_stop(struct pt_race *r)
{
	while (r->nr_tasks) {
		struct task_struct *task = r->task[--r->nr_tasks];

		kthread_stop(task);
		put_task_struct(task);
	}
}

/**
 * pt_race_bad() - note a wrong answer; the test expects that there are none
 * @r: the test
 * @what: what is wrong
 * @iova: at which address
 * @value: what the answer was
 */
void pt_race_bad(struct pt_race *r, const char *what, u64 iova, u64 value)
{
	if (atomic_inc_return(&r->bad) <= MAX_COMPLAINTS)
		kunit_err(r->test, "%s at %#llx: %#llx\n", what, iova, value);
}

/**
 * pt_race_dma() - a request of the endpoint, through the IOTLB
 * @r: the test; the endpoint is attached
 * @type: what it wants
 * @iova: where
 * @data: payload
 * @len: its length
 *
 * Return: whether it succeeded.
 */
bool pt_race_dma(struct pt_race *r, enum iommu_sim_tlp_type type, u64 iova, void *data, u32 len)
{
	struct iommu_sim_tlp tlp = {
		.type = type,
		.rid = pci_dev_id(r->client->pdev),
		.addr = iova,
		.len = len,
		.data = data,
	};

	return iommu_sim_tlp_send(&r->port, &tlp) == SIM_CPL_SUCCESS;
}

/**
 * pt_race_endpoint_dma() - the same by the endpoint itself, with its ATC if ATS is on
 * @r: the test; the endpoint is attached
 * @type: what it wants
 * @iova: where
 * @data: payload
 * @len: its length
 * @pasid: PASID, or IOMMU_NO_PASID
 *
 * Return: whether it succeeded.
 */
bool pt_race_endpoint_dma(struct pt_race *r, enum iommu_sim_tlp_type type, u64 iova, void *data,
			  u32 len, u32 pasid)
{
	struct iommu_sim_tlp tlp = {
		.type = type,
		.rid = pci_dev_id(r->client->pdev),
		.addr = iova,
		.len = len,
		.data = data,
	};

	if (pasid != IOMMU_NO_PASID) {
		tlp.flags = SIM_TLP_PASID;
		tlp.pasid = pasid;
	}
	return sim_function_access(r->iommu->hw, &tlp) == SIM_CPL_SUCCESS;
}

/**
 * pt_race_walk() - what the silicon finds in the page table, past the IOTLB
 * @r: the test
 * @iova: the address
 * @set: flags that the walk sets, SIM_PTE_A and SIM_PTE_D
 * @pa: what it translates to
 *
 * Return: whether it is mapped.
 */
bool pt_race_walk(struct pt_race *r, u64 iova, u64 set, u64 *pa)
{
	struct sim_pt *pt = pt_race_pt(r);
	struct sim_walk walk = {
		.iova = iova,
		.root = virt_to_phys(pt->root),
		.need = SIM_PTE_IR,
		.rights = SIM_PTE_IR | SIM_PTE_IW,
		.set = set,
		.levels = pt->levels,
	};
	enum sim_event_type event;
	unsigned long flags;

	flags = sim_section_enter(&r->iommu->hw->sections);
	event = bench_walk(r->iommu->hw, &walk);
	sim_section_exit(&r->iommu->hw->sections, flags);
	*pa = walk.pa | (iova & (BIT_ULL(walk.size_lg2) - 1));
	/* Nothing that the writer writes, at whatever time, is malformed */
	if (event && (event != SIM_EVT_IO_PAGE_FAULT || walk.fault))
		pt_race_bad(r, "not a fault of the usual kind", iova, event << 16 | walk.fault);
	return !event;
}

SIM_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
SIM_IMPORT_NS(IOMMU_SIM_TLP);
