// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are unmapped piece by piece under devices that use the rest: no
 * fault on what stays, the right memory at any time, nothing of what has gone,
 * and what a device has written to is known to be dirty afterwards.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "pt_race.h"

/* All variants together; iommu_sim_hw.test_percent=500 makes it a million */
#define NR_UNMAPS	200000

#define FIRE_IOVA	0x1000000000ULL
#define WINDOW_LG2	21	/* the part of a page that devices use */
#define WINDOW_PAGES	BIT(WINDOW_LG2 - SIM_PAGE_LG2)
#define NR_DEVICES	2
#define NR_WORDS	512
#define POISON		0x706f69736f6eULL

/* A state is a count of changes, and in its last bits what is the case */
enum { UNMAPPED, MAPPING, MAPPED, UNMAPPING };
#define STATE(count)	((count) & 3)

struct fire_variant {
	unsigned int size_lg2;
	unsigned int unmappers;
};

/* Pages of one entry and of many, at levels 1 to 3 */
static const struct fire_variant variants[] = {
	{ 16, 1 }, { 16, 2 }, { 19, 1 }, { 21, 1 }, { 21, 2 }, { 22, 1 }, { 22, 2 }, { 26, 2 },
	{ 30, 1 }, { 30, 2 }, { 32, 2 },
};

static void variant_desc(const struct fire_variant *v, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "2^%u, %u at a time", v->size_lg2, v->unmappers);
}

KUNIT_ARRAY_PARAM(fire, variants, variant_desc);

/**
 * struct fire - a page under fire
 * @r: the test
 * @iova: where it is mapped
 * @pa: what to
 * @size: its size
 * @window: where devices find their memory
 * @mem: that memory
 * @nr: pages of 4 KiB in the window
 * @rest: state of what is not in the window
 * @state: of each page in the window
 * @wrote: the state in which a device has written to it
 * @unmappers: how many threads unmap at the same time
 * @block: of so many pages, in turn, each has a share
 * @round: how often it was mapped
 * @done: the last round that the second unmapper has finished
 * @turn: to wait for @round and @done
 * @unmaps: unmap calls so far
 * @seed: for the threads
 */
struct fire {
	struct pt_race *r;
	u64 iova;
	u64 pa;
	u64 size;
	u64 window;
	u64 *mem;
	unsigned int nr;
	u32 rest;
	u32 state[WINDOW_PAGES];
	u32 wrote[WINDOW_PAGES];
	unsigned int unmappers;
	unsigned int block;
	unsigned int round;
	unsigned int done;
	wait_queue_head_t turn;
	atomic_t unmaps;
	atomic64_t seed;
};

static u64 *page_of(struct fire *f, unsigned int i)
{
	return f->mem + i * (u64)NR_WORDS;
}

static u64 iova_of(struct fire *f, unsigned int i)
{
	return f->window + i * (u64)SZ_4K;
}

static u64 tag(unsigned int i)
{
	return 0x7a6700000000ULL + i;
}

static void next_state(u32 *state)
{
	/* Pairs with smp_load_acquire() in state_before() */
	smp_store_release(state, *state + 1);
	smp_mb();	/* and before what follows, for state_after() */
}

static u32 state_before(u32 *state)
{
	/* Pairs with smp_store_release() in next_state() */
	return smp_load_acquire(state);
}

/* Whether it has been @before all the time, and not about to change */
static bool state_after(u32 *state, u32 before)
{
	smp_mb();	/* what was done in between comes first, see next_state() */
	return READ_ONCE(*state) == before && !(before & 1);
}

static void request(struct fire *f, unsigned int device, unsigned int i, bool write)
{
	u64 iova = iova_of(f, i), data = tag(i);
	u32 state = state_before(&f->state[i]);
	bool done, still;

	if (write)
		iova += (1 + device) * sizeof(u64);
	done = pt_race_dma(f->r, write ? SIM_TLP_MEM_WRITE : SIM_TLP_MEM_READ, iova, &data,
			   sizeof(data));
	still = state_after(&f->state[i], state);
	if (still && done != (STATE(state) == MAPPED))
		pt_race_bad(f->r, done ? "access after the unmap" : "fault of what is mapped",
			    iova, state);
	if (done && !write && data != tag(i))
		pt_race_bad(f->r, "somebody else's memory", iova, data);
	if (done && write && still)
		WRITE_ONCE(f->wrote[i], state);
}

static int device(void *arg)
{
	struct fire *f = arg;
	u64 rnd = atomic64_inc_return(&f->seed);
	unsigned int self = rnd % NR_DEVICES;

	while (!kthread_should_stop()) {
		unsigned int i = rnd_below(&rnd, f->nr);

		/* Faults are slow: few of them */
		if (STATE(READ_ONCE(f->state[i])) == UNMAPPED && rnd_below(&rnd, 500)) {
			cond_resched();
			continue;
		}
		request(f, self, i, rnd_chance(&rnd, 40));
		atomic_inc(&f->r->work);
		cond_resched();
	}
	return 0;
}

/* All of the page, by the silicon's walker and by the driver's */
static int walker(void *arg)
{
	struct fire *f = arg;
	u64 rnd = atomic64_inc_return(&f->seed), iova, pa, phys;
	u32 *state, before;

	while (!kthread_should_stop()) {
		iova = rnd_chance(&rnd, 60) ? f->window + rnd_below(&rnd, f->nr * SZ_4K) :
					      f->iova + (rnd64(&rnd) & (f->size - 1));
		state = &f->rest;
		if (iova >= f->window && iova - f->window < f->nr * (u64)SZ_4K)
			state = &f->state[(iova - f->window) / SZ_4K];
		before = state_before(state);
		if (!pt_race_walk(f->r, iova, rnd_chance(&rnd, 50) ? SIM_PTE_A : 0, &pa))
			pa = 0;
		phys = iommu_iova_to_phys(f->r->domain, iova);
		if ((pa && pa != f->pa + (iova - f->iova)) ||
		    (phys && phys != f->pa + (iova - f->iova)))
			pt_race_bad(f->r, "wrong translation", iova, pa ?: phys);
		if (state_after(state, before) &&
		    (!pa != (STATE(before) != MAPPED) || !phys != (STATE(before) != MAPPED)))
			pt_race_bad(f->r, "mapped is not what it should be", iova, before);
		cond_resched();
	}
	return 0;
}

/* What a device has written to, and has been told that it succeeded: D in any entry */
static void check_dirty(struct fire *f, unsigned int i)
{
	u64 iova = iova_of(f, i), at = iova;
	struct sim_leaf leaf;

	if (STATE(f->state[i]) == MAPPED && READ_ONCE(f->wrote[i]) == f->state[i] &&
	    !sim_pt_next_dirty(pt_race_pt(f->r), &at, iova, false, &leaf))
		pt_race_bad(f->r, "written to, but not dirty", iova, f->state[i]);
}

static void unmap(struct fire *f, u64 iova, u64 len)
{
	size_t unmapped = iommu_unmap(f->r->domain, iova, len);

	if (unmapped != len)
		pt_race_bad(f->r, "unmapped too little", iova, unmapped);
	atomic_inc(&f->unmaps);
}

static void unmap_pages(struct fire *f, unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		/* Another one who is about to split it may still have to say so */
		if (f->unmappers == 1)
			check_dirty(f, i);
		next_state(&f->state[i]);
	}
	unmap(f, iova_of(f, first), nr * (u64)SZ_4K);
	for (i = first; i < first + nr; i++) {
		memset64(page_of(f, i), POISON, NR_WORDS);
		next_state(&f->state[i]);
	}
}

/* Pieces of what belongs to unmapper @self */
static void unmap_pieces(struct fire *f, unsigned int self, u64 *rnd)
{
	unsigned int pieces = 2 + f->nr / 16, first, nr, limit;

	while (pieces--) {
		limit = min(BIT(rnd_below(rnd, 5)), f->block);
		first = rnd_below(rnd, f->nr) & ~(limit - 1);
		if (first / f->block % f->unmappers != self)
			continue;
		for (nr = 0; nr < limit && STATE(f->state[first + nr]) == MAPPED;)
			nr++;
		if (nr)
			unmap_pages(f, first, nr);
		cond_resched();
	}
}

static int second_unmapper(void *arg)
{
	struct fire *f = arg;
	u64 rnd = atomic64_inc_return(&f->seed);

	while (!kthread_should_stop()) {
		wait_event_interruptible(f->turn, READ_ONCE(f->done) != READ_ONCE(f->round) ||
					 kthread_should_stop());
		if (READ_ONCE(f->done) == READ_ONCE(f->round))
			continue;
		unmap_pieces(f, 1, &rnd);
		WRITE_ONCE(f->done, f->round);
		wake_up(&f->turn);
	}
	return 0;
}

static void map_all(struct fire *f)
{
	unsigned int i, j, written = 0;
	int ret;

	for (i = 0; i < f->nr; i++) {
		for (j = 0; j < NR_WORDS; j++)
			written += READ_ONCE(page_of(f, i)[j]) != POISON;
		next_state(&f->state[i]);
		WRITE_ONCE(page_of(f, i)[0], tag(i));
	}
	if (written)
		pt_race_bad(f->r, "words written after the unmap", f->iova, written);
	next_state(&f->rest);
	ret = iommu_map(f->r->domain, f->iova, f->pa, f->size, RACE_RW, GFP_KERNEL);
	if (ret)
		pt_race_bad(f->r, "not mapped", f->iova, ret);
	for (i = 0; i < f->nr; i++)
		next_state(&f->state[i]);
	next_state(&f->rest);
}

/* Whatever is left, from hole to hole */
static void unmap_rest(struct fire *f)
{
	u64 last = f->iova + f->size - 1, at = f->iova;
	struct sim_leaf leaf;
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		if (STATE(f->state[i]) == MAPPED)
			next_state(&f->state[i]);
	next_state(&f->rest);
	while (at <= last && sim_pt_next_leaf(pt_race_pt(f->r), at, last, &leaf)) {
		at = leaf.iova + iommu_unmap(f->r->domain, leaf.iova, last + 1 - leaf.iova);
		atomic_inc(&f->unmaps);
		if (at == leaf.iova) {
			pt_race_bad(f->r, "cannot be unmapped", at, leaf.entry);
			break;
		}
	}
	for (i = 0; i < f->nr; i++)
		if (STATE(f->state[i]) == UNMAPPING) {
			memset64(page_of(f, i), POISON, NR_WORDS);
			next_state(&f->state[i]);
		}
	next_state(&f->rest);
}

static void fire_round(struct fire *f, u64 *rnd)
{
	unsigned int i;

	map_all(f);
	/* Give the devices a chance to have it cached whole */
	for (i = 0; i < f->nr; i += 1 + f->nr / 4)
		request(f, NR_DEVICES, i, rnd_chance(rnd, 30));
	WRITE_ONCE(f->round, f->round + 1);
	wake_up(&f->turn);
	unmap_pieces(f, 0, rnd);
	if (f->unmappers > 1)
		wait_event(f->turn, READ_ONCE(f->done) == f->round);
	for (i = 0; i < f->nr; i++)
		check_dirty(f, i);
	unmap_rest(f);
}

static void free_window(void *arg)
{
	struct fire *f = arg;

	/* The domain has gone, see race_exit() */
	free_pages_exact(f->mem, f->nr * SZ_4K);
}

static struct fire *fire_create(struct kunit *test, const struct fire_variant *v)
{
	struct fire *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int lg2 = min(v->size_lg2, WINDOW_LG2);
	u64 pa;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->r = test->priv;
	f->size = BIT_ULL(v->size_lg2);
	f->nr = BIT(lg2 - SIM_PAGE_LG2);
	f->unmappers = v->unmappers;
	init_waitqueue_head(&f->turn);
	f->block = v->unmappers > 1 ? 4 : 16;
	f->mem = alloc_pages_exact(BIT(lg2), GFP_KERNEL | __GFP_NOWARN);
	if (!f->mem)
		kunit_skip(test, "no contiguous memory");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_window, f), 0);
	memset64(f->mem, POISON, f->nr * NR_WORDS);
	/* The window is in the page where its memory is in the page's */
	pa = virt_to_phys(f->mem);
	f->pa = pa & ~(f->size - 1);
	f->iova = FIRE_IOVA;
	f->window = f->iova + (pa - f->pa);
	return f;
}

static void fire_test(struct kunit *test)
{
	struct fire *f = fire_create(test, test->param_value);
	unsigned int nr = bench_scale(NR_UNMAPS / ARRAY_SIZE(variants)), i;
	struct pt_race *r = f->r;
	u64 rnd = bench_seed(test);

	atomic64_set(&f->seed, rnd);
	pt_race_attach(r);
	/* Only A and D: the pages stay large */
	KUNIT_ASSERT_EQ(test, sim_domain_set_tracking(to_sim_domain(r->domain), true), 0);
	for (i = 0; i < NR_DEVICES; i++)
		pt_race_start(r, device, f);
	pt_race_start(r, walker, f);
	if (f->unmappers > 1)
		pt_race_start(r, second_unmapper, f);

	while (atomic_read(&f->unmaps) < nr && atomic_read(&r->bad) < 1000) {
		fire_round(f, &rnd);
		cond_resched();
	}
	pt_race_stop(r);
	kunit_info(test, "%d unmaps of %u mappings, %d requests\n", atomic_read(&f->unmaps),
		   f->round, atomic_read(&r->work));
	KUNIT_EXPECT_GT(test, atomic_read(&r->work), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->bad), 0);
}

static int race_init(struct kunit *test)
{
	test->priv = pt_race_create(test);
	return 0;
}

static void race_exit(struct kunit *test)
{
	pt_race_destroy(test->priv);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE_PARAM(fire_test, fire_gen_params),
	{}
};

static struct kunit_suite race_suite = {
	.name = "iommu_sim_pt_race",
	.init = race_init,
	.exit = race_exit,
	.test_cases = race_cases,
};

kunit_test_suite(race_suite);
