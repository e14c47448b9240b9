// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps and unmaps at the same time, of ranges of their own in tables that they
 * share, while empty tables are taken away, the silicon walks and sets A and D,
 * and others read. Physical addresses tell which mapping they are of.
 */
#include <linux/kthread.h>
#include <linux/sched.h>

#include "pt_race.h"

#define NR_STEPS	60000	/* of each thread */
#define NR_WORKERS	3

/* A physical address: which mapping, a constant, and the IOVA */
#define PA_DELTA	BIT_ULL(44)
#define PA_GENERATION	GENMASK_ULL(51, 48)

/**
 * struct region - addresses of slots of one size; workers have every third
 * @iova: the first
 * @slot_lg2: log2 of the size of a slot
 * @nr: slots of each worker
 */
struct region {
	u64 iova;
	unsigned int slot_lg2;
	unsigned int nr;
};

/* From one leaf to several at each of three levels; all in as few tables as can be */
static const struct region regions[] = {
	{ 0x1000000000, 12, 256 },
	{ 0x1001000000, 16, 64 },
	{ 0x1004000000, 21, 12 },
	{ 0x100a000000, 25, 6 },
	{ 0x1040000000, 30, 5 },
	{ 0x1800000000, 33, 2 },
};

#define MAX_SLOT_LG2	33
#define MAX_SLOTS	(256 + 64 + 12 + 6 + 5 + 2)
#define FIRST		0x1000000000ULL
#define LAST		0x27ffffffffULL

/* [@from, @to) of it is mapped, offsets in bytes */
struct slot {
	u64 iova;
	u64 size;
	u64 from;
	u64 to;
	u64 generation;
};

/**
 * struct worker - a thread that maps and unmaps
 * @r: the test
 * @index: which one
 * @steps: how many steps it makes
 * @alone: nobody else uses its slots
 * @rnd: random numbers
 * @nr: slots
 * @slot: the slots
 */
struct worker {
	struct pt_race *r;
	unsigned int index;
	unsigned int steps;
	bool alone;
	u64 rnd;
	unsigned int nr;
	struct slot slot[MAX_SLOTS];
};

static void worker_init(struct worker *w, struct pt_race *r, unsigned int index, bool alone,
			unsigned int max_lg2)
{
	unsigned int i, k;

	w->r = r;
	w->index = index;
	w->alone = alone;
	for (k = 0; k < ARRAY_SIZE(regions) && regions[k].slot_lg2 <= max_lg2; k++) {
		u64 size = BIT_ULL(regions[k].slot_lg2);

		for (i = 0; i < regions[k].nr; i++) {
			unsigned int n = alone ? i * NR_WORKERS + index : i;

			w->slot[w->nr].iova = regions[k].iova + n * size;
			w->slot[w->nr++].size = size;
		}
	}
}

static u64 pa_of(const struct slot *s, u64 at)
{
	return s->generation | PA_DELTA | (s->iova + at);
}

static void check_at(struct worker *w, const struct slot *s, u64 at)
{
	u64 phys = iommu_iova_to_phys(w->r->domain, s->iova + at);
	u64 expected = at >= s->from && at < s->to ? pa_of(s, at) : 0;

	if (phys != expected)
		pt_race_bad(w->r, expected ? "mine, but not as I mapped it" :
			    "mine, but mapped", s->iova + at, phys);
}

/* What @w has in a slot: both ends, on both sides, and anywhere */
static void check_slot(struct worker *w, const struct slot *s)
{
	if (!w->alone)
		return;
	check_at(w, s, rnd64(&w->rnd) & (s->size - 1));
	check_at(w, s, s->from);
	check_at(w, s, s->to ? s->to - 1 : 0);
	if (s->from)
		check_at(w, s, s->from - 1);
	if (s->to < s->size)
		check_at(w, s, s->to);
}

static u64 random_offset(struct worker *w, u64 limit)
{
	u64 at = rnd64(&w->rnd) & (limit - 1) & ~(u64)(SZ_4K - 1);

	/* Often one that is better aligned */
	return at & ~(BIT_ULL(rnd_below(&w->rnd, fls64(limit))) - 1);
}

static void map_slot(struct worker *w, struct slot *s)
{
	u64 from = 0, to = s->size;
	int ret;

	if (rnd_chance(&w->rnd, 30))
		from = random_offset(w, s->size);
	/* Not so many small pages that nothing else gets its turn */
	if (from & (SZ_2M - 1))
		to = min(to, round_up(from + 1, SZ_2M));
	else if (rnd_chance(&w->rnd, 30))
		to = from + SZ_4K * (1 + rnd_below(&w->rnd, min((to - from) / SZ_4K, 512)));
	s->generation = rnd64(&w->rnd) & PA_GENERATION;
	ret = iommu_map(w->r->domain, s->iova + from, pa_of(s, from), to - from, RACE_RW,
			GFP_KERNEL);
	if (!ret) {
		s->from = from;
		s->to = to;
	} else if (w->alone) {
		pt_race_bad(w->r, "not mapped", s->iova + from, ret);
	}
}

static void unmap_part(struct worker *w, struct slot *s, u64 from, u64 to)
{
	size_t unmapped = iommu_unmap(w->r->domain, s->iova + from, to - from);

	if (w->alone && unmapped != to - from)
		pt_race_bad(w->r, "unmapped too little", s->iova + from, unmapped);
}

/* All of it, or from one of the ends, or the middle first */
static void unmap_slot(struct worker *w, struct slot *s)
{
	u64 cut = s->from + random_offset(w, s->size);

	if (cut <= s->from || cut >= s->to)
		cut = s->from + SZ_4K;
	switch (cut < s->to ? rnd_below(&w->rnd, 4) : 0) {
	case 0:
		unmap_part(w, s, s->from, s->to);
		s->from = 0;
		s->to = 0;
		break;
	case 1:
		unmap_part(w, s, s->from, cut);
		s->from = cut;
		break;
	case 2:
		unmap_part(w, s, cut, s->to);
		s->to = cut;
		break;
	default:
		unmap_part(w, s, cut, min(cut + SZ_64K, s->to));
		if (cut + SZ_64K < s->to)
			unmap_part(w, s, cut + SZ_64K, s->to);
		s->to = cut;
		break;
	}
}

static int worker(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	for (i = 0; i < w->steps && !kthread_should_stop(); i++) {
		struct slot *s = &w->slot[rnd_below(&w->rnd, w->nr)];

		check_slot(w, s);
		if (s->from == s->to)
			map_slot(w, s);
		else
			unmap_slot(w, s);
		check_slot(w, s);
		cond_resched();
	}
	atomic_inc(&w->r->work);
	/* Until it is waited for */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Is this what somebody has mapped at @iova, now or at any time? */
static void check_answer(struct pt_race *r, const char *what, u64 iova, u64 pa)
{
	if ((pa & ~PA_GENERATION) != (PA_DELTA | iova))
		pt_race_bad(r, what, iova, pa);
}

static int flusher(void *arg)
{
	struct pt_race *r = arg;

	while (!kthread_should_stop()) {
		iommu_flush_iotlb_all(r->domain);
		cond_resched();
	}
	return 0;
}

static u64 random_address(u64 *rnd)
{
	const struct region *g = &regions[rnd_below(rnd, ARRAY_SIZE(regions))];

	return g->iova + rnd64(rnd) % ((u64)g->nr * NR_WORKERS << g->slot_lg2);
}

/* The silicon, and those who ask for one address */
static int walker(void *arg)
{
	struct pt_race *r = arg;
	u64 rnd = 1, iova, pa;

	while (!kthread_should_stop()) {
		iova = random_address(&rnd);
		if (pt_race_walk(r, iova, SIM_PTE_A | SIM_PTE_D, &pa))
			check_answer(r, "wrong translation", iova, pa);
		pa = iommu_iova_to_phys(r->domain, iova);
		if (pa)
			check_answer(r, "wrong iova_to_phys", iova, pa);
		cond_resched();
	}
	return 0;
}

static void check_leaf(struct pt_race *r, const char *what, const struct sim_leaf *leaf, u64 at)
{
	u64 size = BIT_ULL(leaf->size_lg2);

	check_answer(r, what, leaf->iova, leaf->pa);
	if (leaf->size_lg2 < 12 || leaf->size_lg2 > MAX_SLOT_LG2 || leaf->iova & (size - 1) ||
	    leaf->iova + size <= at)
		pt_race_bad(r, what, at, leaf->entry);
}

/* Those who read all there is: the dump, and what is dirty, and takes that off */
static int reader(void *arg)
{
	struct pt_race *r = arg;
	struct sim_leaf leaf;
	u64 at, before;

	while (!kthread_should_stop()) {
		for (at = FIRST; sim_pt_next_leaf(pt_race_pt(r), at, LAST, &leaf);) {
			check_leaf(r, "wrong leaf", &leaf, at);
			at = leaf.iova + BIT_ULL(leaf.size_lg2);
			cond_resched();
		}
		for (at = FIRST; at <= LAST && !kthread_should_stop();) {
			before = at;
			if (sim_pt_next_dirty(pt_race_pt(r), &at, LAST, true, &leaf))
				check_leaf(r, "wrong dirty leaf", &leaf, before);
			if (at <= before)
				pt_race_bad(r, "dirty stands still", before, at);
			cond_resched();
		}
	}
	return 0;
}

static struct worker *start(struct kunit *test, bool alone, unsigned int max_lg2)
{
	struct worker *w = kunit_kcalloc(test, NR_WORKERS, sizeof(*w), GFP_KERNEL);
	u64 rnd = bench_seed(test);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	/* Without a device nothing would be flushed */
	pt_race_attach(test->priv);
	pt_race_start(test->priv, walker, test->priv);
	pt_race_start(test->priv, reader, test->priv);
	for (i = 0; i < NR_WORKERS; i++) {
		worker_init(&w[i], test->priv, i, alone, max_lg2);
		w[i].rnd = rnd64(&rnd);
		w[i].steps = bench_scale(NR_STEPS);
		pt_race_start(test->priv, worker, &w[i]);
	}
	return w;
}

static void wait_for_workers(struct pt_race *r)
{
	while (atomic_read(&r->work) < NR_WORKERS && atomic_read(&r->bad) < 1000)
		schedule_timeout_interruptible(1);
	pt_race_stop(r);
	KUNIT_EXPECT_EQ(r->test, atomic_read(&r->bad), 0);
}

/* Nothing is lost, and in the end there is nothing left */
static void expect_empty(struct pt_race *r, struct worker *w)
{
	unsigned int i, k;

	for (i = 0; i < NR_WORKERS; i++)
		for (k = 0; k < w[i].nr; k++)
			if (w[i].slot[k].from != w[i].slot[k].to)
				unmap_part(&w[i], &w[i].slot[k], w[i].slot[k].from,
					   w[i].slot[k].to);
	pt_race_detach(r);
	KUNIT_EXPECT_EQ(r->test, atomic_read(&r->bad), 0);
	pt_race_expect_no_tables(r);
}

/* Some of the tables that are empty go; or all of them, all the time */
static void disjoint_test(struct kunit *test)
{
	struct worker *w = start(test, true, MAX_SLOT_LG2);

	wait_for_workers(test->priv);
	expect_empty(test->priv, w);
}

static void disjoint_flushed_test(struct kunit *test)
{
	struct worker *w = start(test, true, MAX_SLOT_LG2);

	pt_race_start(test->priv, flusher, test->priv);
	wait_for_workers(test->priv);
	expect_empty(test->priv, w);
}

static int tracker(void *arg)
{
	struct pt_race *r = arg;
	bool on = false;
	int ret;

	while (!kthread_should_stop() || on) {
		on = !on;
		ret = sim_dirty_ops.set_dirty_tracking(r->domain, on);
		if (ret)
			pt_race_bad(r, "tracking cannot be changed", on, ret);
		cond_resched();
	}
	return 0;
}

/*
 * What iommufd allows: dirty tracking is turned on, so everything is split, while
 * others map and unmap. Not by huge pages: each is split into very many.
 */
static void tracking_test(struct kunit *test)
{
	struct worker *w = start(test, true, 25);

	pt_race_start(test->priv, flusher, test->priv);
	pt_race_start(test->priv, tracker, test->priv);
	wait_for_workers(test->priv);
	expect_empty(test->priv, w);
}

/*
 * The same slots for all, which is the callers' mistake: less may be mapped than
 * they think. But nothing that nobody mapped, and nobody uses a table that has
 * gone, which is for KASAN to see.
 */
static void overlapping_test(struct kunit *test)
{
	struct pt_race *r = test->priv;

	r->lossy = true;
	start(test, false, MAX_SLOT_LG2);
	pt_race_start(r, flusher, r);
	wait_for_workers(r);
}

/*
 * Some entries of a page are split and some are not, as callers that overlap can
 * leave them behind: each is right by itself, and can be split and unmapped.
 * Guards against a loop without an end.
 */
static void half_split_test(struct kunit *test)
{
	struct pt_race *r = test->priv;
	struct sim_pt *pt = pt_race_pt(r);
	struct sim_leaf leaf;
	unsigned int level, i;
	__le64 *slot;
	u64 entry, at;

	KUNIT_ASSERT_EQ(test, iommu_map(r->domain, FIRST, PA_DELTA | FIRST, SZ_64K, RACE_RW,
					GFP_KERNEL), 0);
	slot = sim_pt_find(pt, FIRST, &level, &entry);
	KUNIT_ASSERT_EQ(test, sim_pt_split_all(pt, LAST), 0);
	for (i = 8; i < 16; i++)
		sim_pt_write(&slot[i], entry);
	for (at = FIRST; at < FIRST + SZ_64K; at += SZ_4K)
		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(r->domain, at), PA_DELTA | at);
	KUNIT_ASSERT_EQ(test, sim_pt_split_all(pt, LAST), 0);
	for (at = FIRST; at < FIRST + SZ_64K; at += SZ_4K) {
		KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(pt, at, LAST, &leaf));
		KUNIT_EXPECT_EQ(test, leaf.size_lg2, 12);
		KUNIT_EXPECT_EQ(test, leaf.pa, PA_DELTA | at);
	}
	/* And so it is for an unmap of a part, and of the rest */
	for (i = 8; i < 16; i++)
		sim_pt_write(&slot[i], entry);
	KUNIT_EXPECT_EQ(test, iommu_unmap(r->domain, FIRST + 9 * SZ_4K, SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, iommu_unmap(r->domain, FIRST, SZ_64K), 9 * SZ_4K);
	KUNIT_EXPECT_EQ(test, iommu_unmap(r->domain, FIRST + 10 * SZ_4K, SZ_64K), 6 * SZ_4K);
	pt_race_expect_no_tables(r);
}

static int parallel_init(struct kunit *test)
{
	test->priv = pt_race_create(test);
	return 0;
}

static void parallel_exit(struct kunit *test)
{
	pt_race_destroy(test->priv);
}

static struct kunit_case parallel_cases[] = {
	KUNIT_CASE(disjoint_test),
	KUNIT_CASE(disjoint_flushed_test),
	KUNIT_CASE(tracking_test),
	KUNIT_CASE(overlapping_test),
	KUNIT_CASE(half_split_test),
	{}
};

static struct kunit_suite parallel_suite = {
	.name = "iommu_sim_pt_parallel",
	.init = parallel_init,
	.exit = parallel_exit,
	.test_cases = parallel_cases,
};

kunit_test_suite(parallel_suite);
