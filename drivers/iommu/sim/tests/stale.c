// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can a translation survive? Owners map, unmap and reuse memory as fast as they can,
 * devices read and write all of it meanwhile, and know for each page of IOVA whether
 * it must translate, must not, or may. All they share with the driver is the IOMMU
 * API.
 *
 * Memory says what it is. While a page is mapped its first word holds the IOVA's
 * number and how often that was mapped; as soon as the owner may reuse it, poison.
 * So a device that gets poison, or the number of another mapping, used a translation
 * that had to be gone; and a page that is no longer poison when it is taken again was
 * written to.
 *
 *   owner                            device
 *   version++, OPEN                  state
 *   stamp the memory, map            smp_mb()
 *   MAPPED                           request
 *   OPEN or LIMBO                    smp_mb()
 *   unmap, [flush, commit]           state: the same and MAPPED: it must succeed
 *   GONE                                    the same and GONE: it must fail
 *   poison the memory                       else either, but by a version in between
 *
 * Some runs have a silicon or a device that is broken on purpose, and are there to see
 * that this is noticed.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/iommu-sim.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "stale.h"

#define NR_DEVICES	2
#define NR_STEPS	30000	/* of each owner ... */
#define MAX_STEPS	2000000	/* ... if it ends as soon as something is noticed; and requests */
#define MAX_LIMBO	48	/* pages unmapped and not flushed */
#define POISON		0x6b6b6b6b6b6b6b6bULL

/* Every owner has tables of its own: they come and go */
#define IOVA_OF(owner)	(0x40000000ULL + ((u64)(owner) << 30))

/* What a device has to expect of a page */
enum kind { GONE, OPEN, MAPPED, LIMBO };

#define STATE_KIND	GENMASK_ULL(1, 0)
#define STATE_VERSION	GENMASK_ULL(63, 2)

#define STAMP_CELL	GENMASK_ULL(15, 0)
#define STAMP_VERSION	GENMASK_ULL(63, 16)

static bool caught(const struct stale *s)
{
	return atomic_read(&s->stale) || atomic_read(&s->denied);
}

/* What is expected is not said */
static void bad(struct stale *s, atomic_t *counter, const char *what, u64 iova, u64 value)
{
	atomic_inc(counter);
	if (!expect_bad(s))
		pt_race_bad(s->r, what, iova, value);
}

static u64 stamp_of(const struct owner *o, unsigned int cell)
{
	return FIELD_PREP(STAMP_CELL, o->base + cell) |
	       FIELD_PREP(STAMP_VERSION, FIELD_GET(STATE_VERSION, o->cell[cell].state));
}

static void set_state(struct owner *o, unsigned int cell, enum kind kind, bool new_version)
{
	u64 version = FIELD_GET(STATE_VERSION, o->cell[cell].state) + new_version;

	/* What was done before it, before it; pairs with smp_load_acquire() in request() */
	smp_store_release(&o->cell[cell].state,
			  FIELD_PREP(STATE_KIND, kind) | FIELD_PREP(STATE_VERSION, version));
	smp_mb();	/* and before what follows, for the second look there */
}

static enum kind kind_of(const struct owner *o, unsigned int cell)
{
	return FIELD_GET(STATE_KIND, o->cell[cell].state);
}

static u64 cell_iova(const struct owner *o, unsigned int cell)
{
	return o->iova + cell * PAGE_SIZE;
}

/* Which page of its block a cell has: in order if it is mapped as one */
static u64 *cell_mem(u64 *block, unsigned int cell, bool whole)
{
	unsigned int page = whole ? cell % GROUP_PAGES : (cell + 2) % GROUP_PAGES ^ 1;

	return block + page * (PAGE_SIZE / sizeof(u64));
}

/* A block of which no page is in use: it is whole as it was left, and is poison now */
static void put_block(struct owner *o, u64 *block)
{
	unsigned int page;

	for (page = 0; page < GROUP_PAGES; page++) {
		u64 *mem = block + page * (PAGE_SIZE / sizeof(u64));

		WRITE_ONCE(mem[0], POISON);
		WRITE_ONCE(mem[1], POISON);
	}
	o->free[o->nr_free++] = block;
}

static u64 *get_block(struct owner *o)
{
	u64 *block = o->free[--o->nr_free];
	unsigned int page;

	for (page = 0; page < GROUP_PAGES; page++) {
		u64 *mem = block + page * (PAGE_SIZE / sizeof(u64));

		if (READ_ONCE(mem[0]) != POISON || READ_ONCE(mem[1]) != POISON)
			bad(o->s, &o->s->stale, "memory written to after it was unmapped", 0,
			    READ_ONCE(mem[1]));
	}
	return block;
}

static int commit(struct owner *o)
{
	return o->s->c->policy == COMMIT ? iommu_sim_commit(o->s->r->domain) : 0;
}

static void map_group(struct owner *o, unsigned int group)
{
	bool whole = rnd_chance(&o->rnd, 40);
	unsigned int cell = group * GROUP_PAGES, i;
	u64 *block = get_block(o);
	int ret = 0;

	o->block[group] = block;
	for (i = cell; i < cell + GROUP_PAGES; i++) {
		set_state(o, i, OPEN, true);
		WRITE_ONCE(cell_mem(block, i, whole)[0], stamp_of(o, i));
		WRITE_ONCE(cell_mem(block, i, whole)[1], stamp_of(o, i));
	}
	if (whole)
		ret = iommu_map(o->s->r->domain, cell_iova(o, cell), virt_to_phys(block),
				GROUP_PAGES * PAGE_SIZE, RACE_RW, GFP_KERNEL);
	for (i = cell; i < cell + GROUP_PAGES && !whole && !ret; i++)
		ret = iommu_map(o->s->r->domain, cell_iova(o, i),
				virt_to_phys(cell_mem(block, i, false)), PAGE_SIZE, RACE_RW,
				GFP_KERNEL);
	ret = ret ?: o->s->c->hw.npcache ? commit(o) : 0;
	if (ret)
		pt_race_bad(o->s->r, "cannot map", cell_iova(o, cell), ret);
	for (i = cell; i < cell + GROUP_PAGES; i++)
		set_state(o, i, MAPPED, false);
}

/* All of what is in limbo is flushed: nothing may reach it any more */
static void end_limbo(struct owner *o)
{
	unsigned int group, i;
	bool used;

	for (i = 0; i < NR_CELLS; i++)
		if (kind_of(o, i) == LIMBO)
			set_state(o, i, GONE, false);
	for (group = 0; group < NR_GROUPS; group++) {
		if (!o->block[group])
			continue;
		for (i = 0, used = false; i < GROUP_PAGES; i++)
			used |= kind_of(o, group * GROUP_PAGES + i) != GONE;
		if (used)
			continue;
		put_block(o, o->block[group]);
		o->block[group] = NULL;
	}
	o->nr_limbo = 0;
}

static void flush(struct owner *o)
{
	int ret = 0;

	if (o->s->c->policy == BATCHED)
		iommu_flush_iotlb_all(o->s->r->domain);
	else
		ret = commit(o);
	if (ret)
		pt_race_bad(o->s->r, "cannot commit", 0, ret);
	else
		end_limbo(o);
}

/* Pages of one group, from @cell on, that are mapped */
static void unmap_cells(struct owner *o, unsigned int cell, unsigned int nr)
{
	enum policy policy = o->s->c->policy;
	struct iommu_iotlb_gather gather;
	u64 now = ktime_get_ns();
	unsigned int i;
	size_t len;

	for (i = cell; i < cell + nr; i++) {
		WRITE_ONCE(o->cell[i].limbo_ns, now);
		set_state(o, i, policy == STRICT ? OPEN : LIMBO, false);
	}
	if (policy == BATCHED) {
		iommu_iotlb_gather_init(&gather);
		gather.queued = true;
		len = iommu_unmap_fast(o->s->r->domain, cell_iova(o, cell), nr * PAGE_SIZE,
				       &gather);
	} else {
		len = iommu_unmap(o->s->r->domain, cell_iova(o, cell), nr * PAGE_SIZE);
	}
	if (len != nr * PAGE_SIZE)
		pt_race_bad(o->s->r, "cannot unmap", cell_iova(o, cell), len);
	if (policy == STRICT) {
		for (i = cell; i < cell + nr; i++)
			set_state(o, i, LIMBO, false);
		end_limbo(o);
		return;
	}
	o->nr_limbo += nr;
	if (o->nr_limbo >= MAX_LIMBO || rnd_chance(&o->rnd, o->s->c->parallel ? 90 : 5))
		flush(o);
}

/* All of a group that is mapped, or a part of it from either end */
static void unmap_group(struct owner *o, unsigned int group)
{
	unsigned int first = group * GROUP_PAGES, last = first + GROUP_PAGES - 1;

	while (first <= last && kind_of(o, first) != MAPPED)
		first++;
	while (last > first && kind_of(o, last) != MAPPED)
		last--;
	if (first > last)
		return;
	if (rnd_chance(&o->rnd, 30))
		last = first + rnd_below(&o->rnd, last - first + 1);
	else if (rnd_chance(&o->rnd, 30))
		first = last - rnd_below(&o->rnd, last - first + 1);
	unmap_cells(o, first, last - first + 1);
}

/* Everything goes, and so do the tables */
static void unmap_all(struct owner *o)
{
	struct sim_domain *domain = to_sim_domain(o->s->r->domain);
	unsigned int i;

	for (i = 0; i < NR_CELLS; i++)
		if (kind_of(o, i) == MAPPED)
			unmap_cells(o, i, 1);
	flush(o);
	iommu_flush_iotlb_all(o->s->r->domain);
	for (i = 0; i < 2; i++)
		flush_rcu_work(&domain->reclaim);
}

static bool goes_on(const struct stale *s, unsigned int step)
{
	if (!expect_bad(s))
		return step < bench_scale(NR_STEPS);
	/* Either side may be without a CPU for long, if the host is busy */
	return !caught(s) && (step < MAX_STEPS || atomic_read(&s->requests) < MAX_STEPS);
}

static int owner_thread(void *arg)
{
	struct owner *o = arg;
	struct stale *s = o->s;
	unsigned int i;

	for (i = 0; goes_on(s, i) && !kthread_should_stop(); i++) {
		unsigned int group = rnd_below(&o->rnd, NR_GROUPS);

		if (o->block[group])
			unmap_group(o, group);
		else
			map_group(o, group);
		if (rnd_below(&o->rnd, 5000) < s->c->churn)
			unmap_all(o);
		/* There are more threads than CPUs, and each is to have its turn often */
		yield();
	}
	atomic_add(i, &s->steps);
	flush(o);
	WRITE_ONCE(o->done, true);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void note_window(struct stale *s, const struct cell *cell)
{
	u64 us = (ktime_get_ns() - READ_ONCE(cell->limbo_ns)) / NSEC_PER_USEC;

	atomic_inc(&s->window[min(us ? ilog2(us) + 1 : 0, NR_BUCKETS - 1)]);
}

/* Whether what a read got is what it may get, see above */
static bool is_legal(const struct owner *o, unsigned int cell, u64 value, u64 before, u64 after)
{
	u64 version = FIELD_GET(STAMP_VERSION, value), first = FIELD_GET(STATE_VERSION, before);

	if (FIELD_GET(STAMP_CELL, value) != o->base + cell)
		return false;
	if (FIELD_GET(STATE_KIND, before) == GONE)
		first++;
	return version >= first && version <= FIELD_GET(STATE_VERSION, after);
}

static bool dma(struct stale *s, enum iommu_sim_tlp_type type, u64 iova, u64 *value)
{
	if (s->c->translated)
		return pt_race_endpoint_dma(s->r, type, iova, value, sizeof(*value), s->c->pasid);
	return pt_race_dma(s->r, type, iova, value, sizeof(*value));
}

static void request(struct stale *s, struct owner *o, unsigned int cell, bool write)
{
	u64 iova = cell_iova(o, cell), value, before, after;
	bool done;

	/* Pairs with smp_store_release() in set_state() */
	before = smp_load_acquire(&o->cell[cell].state);
	value = FIELD_PREP(STAMP_CELL, o->base + cell);
	smp_mb();	/* Pairs with smp_mb() in set_state() */
	done = dma(s, write ? SIM_TLP_MEM_WRITE : SIM_TLP_MEM_READ, write ? iova + 8 : iova,
		   &value);
	smp_mb();	/* likewise */
	after = READ_ONCE(o->cell[cell].state);
	atomic_inc(&s->requests);

	if (!done) {
		if (before == after && FIELD_GET(STATE_KIND, after) == MAPPED)
			bad(s, &s->denied, "a fault though it is mapped", iova, before);
		return;
	}
	if (before == after && FIELD_GET(STATE_KIND, after) == GONE)
		bad(s, &s->stale, "translated after it was unmapped", iova, value);
	else if (!write && !is_legal(o, cell, value, before, after))
		bad(s, &s->stale, "read what is not there", iova, value);
	else if (before == after && FIELD_GET(STATE_KIND, after) == LIMBO)
		note_window(s, &o->cell[cell]);
}

static int device_thread(void *arg)
{
	struct stale *s = arg;
	u64 rnd = (unsigned long)current;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 16; i++)
			request(s, &s->owner[rnd_below(&rnd, NR_OWNERS)],
				rnd_below(&rnd, NR_CELLS),
				!s->c->only_reads && rnd_chance(&rnd, 30));
		yield();
	}
	return 0;
}

static int owner_init(struct stale *s, unsigned int i)
{
	struct owner *o = &s->owner[i];
	unsigned int b;

	o->s = s;
	o->iova = IOVA_OF(i);
	o->base = i * NR_CELLS;
	o->rnd = bench_seed(s->r->test);
	for (b = 0; b < NR_GROUPS; b++) {
		u64 *block = alloc_pages_exact(GROUP_PAGES * PAGE_SIZE, GFP_KERNEL);

		if (!block)
			return -ENOMEM;
		put_block(o, block);
	}
	return 0;
}

static void owner_destroy(struct owner *o)
{
	unsigned int i;

	for (i = 0; i < o->nr_free; i++)
		free_pages_exact(o->free[i], GROUP_PAGES * PAGE_SIZE);
	for (i = 0; i < NR_GROUPS; i++)
		if (o->block[i])
			free_pages_exact(o->block[i], GROUP_PAGES * PAGE_SIZE);
}

/* &kunit_suite.init */
int stale_init(struct kunit *test)
{
	struct stale *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->r = pt_race_create(test);
	test->priv = s;
	return 0;
}

static int change(struct stale *s, const struct sim_hw_config *config)
{
	s->r->iommu->npcache = config->npcache;
	return bench_change(s->r->iommu->hw, config);
}

/* &kunit_suite.exit */
void stale_exit(struct kunit *test)
{
	struct stale *s = test->priv;
	unsigned int i;

	if (!s)
		return;
	pt_race_stop(s->r);
	sim_inject_clear(s->r->iommu->inject);
	/* Whatever is left somewhere */
	iommu_flush_iotlb_all(s->r->domain);
	iommu_sim_mmio_write(s->r->iommu->hw, SIM_REG_STATUS, 0);
	if (s->attached)
		iommu_detach_device_pasid(s->r->domain, &s->r->client->pdev->dev, s->c->pasid);
	pt_race_destroy(s->r);
	if (s->changed)
		KUNIT_EXPECT_EQ(test, change(s, &s->saved), 0);
	for (i = 0; i < NR_OWNERS; i++)
		owner_destroy(&s->owner[i]);
}

static bool all_done(const struct stale *s)
{
	unsigned int i;
	bool done = true;

	for (i = 0; i < NR_OWNERS; i++)
		done &= READ_ONCE(s->owner[i].done);
	return done;
}

static void say_window(struct stale *s)
{
	unsigned int i;

	for (i = 0; i < NR_BUCKETS; i++)
		if (atomic_read(&s->window[i]))
			kunit_info(s->r->test, "stale for less than %llu us: %d\n", 1ULL << i,
				   atomic_read(&s->window[i]));
}

static void attach(struct stale *s)
{
	struct device *dev = &s->r->client->pdev->dev;

	pt_race_attach(s->r);
	if (s->c->pasid == IOMMU_NO_PASID)
		return;
	/* Invalidations without a PASID would be about it, too */
	pt_race_detach(s->r);
	KUNIT_ASSERT_EQ(s->r->test, iommu_attach_device_pasid(s->r->domain, dev, s->c->pasid,
							      NULL), 0);
	s->attached = true;
}

/* Who has to run at the same time must not be left on one CPU by the scheduler */
static void start(struct stale *s, int (*fn)(void *arg), void *arg, unsigned int cpu)
{
	struct task_struct *task = pt_race_start(s->r, fn, arg);

	if (s->c->parallel)
		set_cpus_allowed_ptr(task, cpumask_of(cpu));
}

/**
 * stale_run() - a run, from beginning to end
 * @test: the test
 * @c: how it is to be
 */
void stale_run(struct kunit *test, const struct stale_case *c)
{
	struct stale *s = test->priv;
	unsigned int i;

	if (c->parallel && num_online_cpus() < 2)
		kunit_skip(test, "takes 2 CPUs");
	s->c = c;
	s->saved = s->r->iommu->hw->config;
	if (c->policy == COMMIT)
		pt_race_use(s->r, iommu_sim_domain_alloc_explicit(&s->r->client->pdev->dev));
	s->changed = true;
	KUNIT_ASSERT_EQ(test, change(s, &c->hw), 0);
	attach(s);
	KUNIT_ASSERT_TRUE(test, c->policy != COMMIT || !iommu_sim_commit(s->r->domain));
	for (i = 0; i < NR_OWNERS; i++)
		KUNIT_ASSERT_EQ(test, owner_init(s, i), 0);
	if (expect_bad(s)) {
		atomic_set(&s->r->iommu->inject->point[c->broken].times, -1);
		sim_inject_set_probability(&s->r->iommu->inject->point[c->broken], c->percent);
	}
	for (i = 0; i < NR_OWNERS; i++)
		start(s, owner_thread, &s->owner[i], cpumask_first(cpu_online_mask));
	for (i = 0; i < NR_DEVICES; i++)
		start(s, device_thread, s, cpumask_last(cpu_online_mask));
	while (!all_done(s))
		schedule_timeout_uninterruptible(1);
	pt_race_stop(s->r);
	kunit_info(test, "%d steps, %d requests, %d stale, %d denied\n", atomic_read(&s->steps),
		   atomic_read(&s->requests), atomic_read(&s->stale), atomic_read(&s->denied));
	say_window(s);
}

/**
 * stale_expect_good() - no stale access, ever, but in the window of batching
 * @test: the test, after its run
 */
void stale_expect_good(struct kunit *test)
{
	struct stale *s = test->priv;
	unsigned int i, window = 0;

	KUNIT_EXPECT_EQ(test, atomic_read(&s->stale), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->denied), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->r->bad), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&s->requests), 0);
	for (i = 0; i < NR_BUCKETS; i++)
		window += atomic_read(&s->window[i]);
	if (s->c->policy == STRICT)
		KUNIT_EXPECT_EQ(test, window, 0);
	else if (s->c->translated || s->c->hw.iotlb.sets_lg2 >= 10)
		KUNIT_EXPECT_GT_MSG(test, window, 0, "nothing was ever cached");
}

/**
 * stale_expect_caught() - the test of the test: what was wrong has been noticed
 * @test: the test, after its run
 */
void stale_expect_caught(struct kunit *test)
{
	struct stale *s = test->priv;

	KUNIT_EXPECT_GT(test, atomic64_read(&s->r->iommu->inject->point[s->c->broken].injected), 0);
	KUNIT_EXPECT_TRUE_MSG(test, caught(s), "nobody has noticed");
}
