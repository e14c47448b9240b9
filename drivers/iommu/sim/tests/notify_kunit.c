// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifiers: what events are sent, to whom, and that the consumers which live by them
 * are never wrong.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/iommu-sim.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "driver/consumers.h"
#include "pt_race.h"

#define BASE		0x40000000UL
#define PA		0x123456000UL
#define MAX_EVENTS	64

/**
 * struct notify_bench - a domain, and who listens
 * @r: the domain
 * @n: the notifier
 * @event: what it was told
 * @nr: how often; may be more than there is room for
 */
struct notify_bench {
	struct pt_race *r;
	struct iommu_sim_notifier n;
	struct iommu_sim_event event[MAX_EVENTS];
	unsigned int nr;
};

static void note(struct iommu_sim_notifier *n, const struct iommu_sim_event *event)
{
	struct notify_bench *b = container_of(n, struct notify_bench, n);

	if (b->nr < MAX_EVENTS)
		b->event[b->nr] = *event;
	b->nr++;
}

static int notify_init(struct kunit *test)
{
	struct notify_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->r = pt_race_create(test);
	test->priv = b;
	return 0;
}

static void notify_exit(struct kunit *test)
{
	struct notify_bench *b = test->priv;

	if (!b)
		return;
	pt_race_stop(b->r);
	if (b->n.domain)
		iommu_sim_notifier_unregister(&b->n);
	pt_race_destroy(b->r);
}

static void listen(struct notify_bench *b, unsigned int events, bool ranges, u64 start, u64 last)
{
	b->n.notify = note;
	b->n.events = events;
	b->n.ranges = ranges;
	b->n.start = start;
	b->n.last = last;
	KUNIT_ASSERT_EQ(b->r->test, iommu_sim_notifier_register(b->r->domain, &b->n), 0);
}

/* As the core calls the driver for a range; before 7.2 it makes several of most ranges */
static void map(struct notify_bench *b, u64 iova, u64 pa, size_t len, int prot)
{
	struct iommu_domain *d = b->r->domain;
	size_t mapped = 0;

	KUNIT_ASSERT_EQ(b->r->test, d->ops->map_pages(d, iova, pa, PAGE_SIZE, len / PAGE_SIZE,
						      prot, GFP_KERNEL, &mapped), 0);
	KUNIT_ASSERT_EQ(b->r->test, mapped, len);
}

static size_t unmap_some(struct notify_bench *b, u64 iova, size_t len)
{
	struct iommu_domain *d = b->r->domain;
	struct iommu_iotlb_gather gather;
	size_t unmapped;

	iommu_iotlb_gather_init(&gather);
	unmapped = d->ops->unmap_pages(d, iova, PAGE_SIZE, len / PAGE_SIZE, &gather);
	iommu_iotlb_sync(d, &gather);
	return unmapped;
}

static void unmap(struct notify_bench *b, u64 iova, size_t len)
{
	KUNIT_ASSERT_EQ(b->r->test, unmap_some(b, iova, len), len);
}

static void expect_event(struct notify_bench *b, unsigned int i, unsigned int type, u64 iova,
			 u64 len, int prot)
{
	struct kunit *test = b->r->test;

	KUNIT_ASSERT_LT_MSG(test, i, b->nr, "event %u", i);
	KUNIT_EXPECT_EQ_MSG(test, b->event[i].type, type, "event %u", i);
	KUNIT_EXPECT_EQ_MSG(test, b->event[i].iova, iova, "event %u", i);
	KUNIT_EXPECT_EQ_MSG(test, b->event[i].len, len, "event %u", i);
	KUNIT_EXPECT_EQ_MSG(test, b->event[i].prot, prot, "event %u", i);
}

#define NR_PAGES	16U

/* The fewest aligned powers of two that make up pages @first to @last: all are tried */
static unsigned int fewest_blocks(unsigned int first, unsigned int last)
{
	unsigned int fewest[NR_PAGES + 2] = { }, at = last + 1, size;

	while (at-- > first) {
		fewest[at] = UINT_MAX;
		for (size = 1; !(at & (size - 1)) && at + size <= last + 1; size *= 2)
			fewest[at] = min(fewest[at], 1 + fewest[at + size]);
	}
	return fewest[first];
}

/* What was sent of pages @first to @last, of which [@from, @to] is in the window */
static void check_blocks(struct notify_bench *b, unsigned int type, int first, int from, int to)
{
	DECLARE_BITMAP(seen, NR_PAGES) = { };
	struct kunit *test = b->r->test;
	unsigned int i;

	if (from > to) {
		KUNIT_EXPECT_EQ(test, b->nr, 0);
		return;
	}
	KUNIT_ASSERT_EQ(test, b->nr, b->n.ranges ? 1 : fewest_blocks(from, to));
	for (i = 0; i < b->nr; i++) {
		struct iommu_sim_event *e = &b->event[i];
		unsigned int at = (e->iova - BASE) >> PAGE_SHIFT, nr = e->len >> PAGE_SHIFT;

		KUNIT_ASSERT_EQ(test, e->type, type);
		KUNIT_ASSERT_EQ(test, e->prot, RACE_RW);
		KUNIT_ASSERT_TRUE(test, e->iova >= b->n.start && e->iova + e->len - 1 <= b->n.last);
		if (!b->n.ranges)
			KUNIT_ASSERT_TRUE(test, is_power_of_2(e->len) && !(e->iova & (e->len - 1)));
		KUNIT_ASSERT_EQ(test, find_next_bit(seen, at + nr, at), at + nr);
		bitmap_set(seen, at, nr);
		if (type == IOMMU_SIM_MAP)
			KUNIT_ASSERT_EQ(test, e->pa, PA + (at - first) * PAGE_SIZE);
	}
	KUNIT_ASSERT_EQ(test, find_first_bit(seen, NR_PAGES), from);
	KUNIT_ASSERT_EQ(test, bitmap_weight(seen, NR_PAGES), to - from + 1);
}

static void all_ranges_in_window(struct notify_bench *b, unsigned int from, unsigned int to)
{
	unsigned int first, last;

	for (first = 0; first < NR_PAGES; first++) {
		for (last = first; last < NR_PAGES; last++) {
			u64 iova = BASE + first * PAGE_SIZE;
			size_t len = (last - first + 1) * PAGE_SIZE;

			b->nr = 0;
			map(b, iova, PA, len, RACE_RW);
			check_blocks(b, IOMMU_SIM_MAP, first, max(first, from), min(last, to));
			b->nr = 0;
			unmap(b, iova, len);
			check_blocks(b, IOMMU_SIM_UNMAP, first, max(first, from), min(last, to));
		}
	}
}

/* Every range of up to 16 pages, every window: the same pages, in the fewest blocks */
static void notify_blocks_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;
	unsigned int i, from, to;

	listen(b, IOMMU_SIM_MAP | IOMMU_SIM_UNMAP, false, 0, U64_MAX);
	for (i = 0; i < 2 * NR_PAGES * NR_PAGES; i++) {
		from = i / 2 / NR_PAGES;
		to = i / 2 % NR_PAGES;
		if (from > to)
			continue;
		/* Nothing is under way: so this may be changed */
		b->n.ranges = i % 2;
		b->n.start = BASE + from * PAGE_SIZE;
		b->n.last = BASE + (to + 1) * PAGE_SIZE - 1;
		all_ranges_in_window(b, from, to);
	}
}

/* R9: what was there, run by run; a page in parts; what could not be unmapped is no event */
static void notify_rights_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;

	map(b, BASE, PA, 3 * PAGE_SIZE, IOMMU_READ);
	map(b, BASE + 3 * PAGE_SIZE, PA + SZ_1M, 2 * PAGE_SIZE, RACE_RW);
	map(b, BASE + 5 * PAGE_SIZE, PA + SZ_2M, PAGE_SIZE, IOMMU_WRITE);
	map(b, BASE + SZ_2M, SZ_1G, SZ_2M, IOMMU_READ);
	listen(b, IOMMU_SIM_UNMAP, true, 0, U64_MAX);
	/* There is nothing behind the sixth page */
	KUNIT_EXPECT_EQ(test, unmap_some(b, BASE, SZ_1M), 6 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->nr, 3);
	expect_event(b, 0, IOMMU_SIM_UNMAP, BASE, 3 * PAGE_SIZE, IOMMU_READ);
	expect_event(b, 1, IOMMU_SIM_UNMAP, BASE + 3 * PAGE_SIZE, 2 * PAGE_SIZE, RACE_RW);
	expect_event(b, 2, IOMMU_SIM_UNMAP, BASE + 5 * PAGE_SIZE, PAGE_SIZE, IOMMU_WRITE);

	b->nr = 0;
	unmap(b, BASE + SZ_2M + SZ_1M, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->nr, 1);
	expect_event(b, 0, IOMMU_SIM_UNMAP, BASE + SZ_2M + SZ_1M, PAGE_SIZE, IOMMU_READ);
	unmap(b, BASE + SZ_2M, SZ_1M);
	unmap(b, BASE + SZ_2M + SZ_1M + PAGE_SIZE, SZ_1M - PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->nr, 3);
	expect_event(b, 2, IOMMU_SIM_UNMAP, BASE + SZ_2M + SZ_1M + PAGE_SIZE, SZ_1M - PAGE_SIZE,
		     IOMMU_READ);
}

/* R9: unmapped and mapped again between two commits: UNMAP, then MAP; no MAP over a MAP */
static void notify_order_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;

	pt_race_use(b->r, iommu_sim_domain_alloc_explicit(&b->r->client->pdev->dev));
	listen(b, IOMMU_SIM_MAP | IOMMU_SIM_UNMAP, true, 0, U64_MAX);
	map(b, BASE, PA, SZ_16K, RACE_RW);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	KUNIT_EXPECT_NE(test, iommu_map(b->r->domain, BASE, PA, PAGE_SIZE, RACE_RW, GFP_KERNEL), 0);
	unmap(b, BASE, SZ_16K);
	map(b, BASE, PA + SZ_1M, SZ_16K, IOMMU_READ);
	KUNIT_EXPECT_EQ(test, iommu_sim_commit(b->r->domain), 0);
	KUNIT_EXPECT_EQ(test, b->nr, 3);
	expect_event(b, 0, IOMMU_SIM_MAP, BASE, SZ_16K, RACE_RW);
	expect_event(b, 1, IOMMU_SIM_UNMAP, BASE, SZ_16K, RACE_RW);
	expect_event(b, 2, IOMMU_SIM_MAP, BASE, SZ_16K, IOMMU_READ);
	KUNIT_EXPECT_EQ(test, b->event[2].pa, PA + SZ_1M);
	unmap(b, BASE, SZ_16K);
}

/* R10: one event for each leaf, in order, also for those that could be one */
static void notify_replay_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;
	unsigned int i;

	map(b, BASE + SZ_2M, SZ_1G, SZ_2M, RACE_RW);
	map(b, BASE + SZ_4M, SZ_1G + SZ_2M, SZ_64K, RACE_RW);
	map(b, BASE + SZ_4M + SZ_64K, SZ_1G + SZ_2M + SZ_64K, SZ_64K, IOMMU_READ);
	map(b, BASE, PA, PAGE_SIZE, IOMMU_WRITE);
	map(b, BASE + PAGE_SIZE, PA + PAGE_SIZE, PAGE_SIZE, IOMMU_WRITE);
	listen(b, IOMMU_SIM_MAP, true, BASE + PAGE_SIZE, BASE + SZ_4M + SZ_64K + SZ_32K - 1);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	iommu_sim_notifier_replay(&b->n);
	KUNIT_EXPECT_EQ(test, b->nr, 4);
	expect_event(b, 0, IOMMU_SIM_MAP, BASE + PAGE_SIZE, PAGE_SIZE, IOMMU_WRITE);
	expect_event(b, 1, IOMMU_SIM_MAP, BASE + SZ_2M, SZ_2M, RACE_RW);
	expect_event(b, 2, IOMMU_SIM_MAP, BASE + SZ_4M, SZ_64K, RACE_RW);
	expect_event(b, 3, IOMMU_SIM_MAP, BASE + SZ_4M + SZ_64K, SZ_32K, IOMMU_READ);
	KUNIT_EXPECT_EQ(test, b->event[1].pa, SZ_1G);
	iommu_sim_notifier_unregister(&b->n);
	b->n.domain = NULL;
	KUNIT_ASSERT_EQ(test, iommu_unmap(b->r->domain, BASE, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
	unmap(b, BASE + SZ_2M, SZ_2M + SZ_128K);

	/* With minimum granularity every page is one */
	KUNIT_ASSERT_EQ(test, iommu_sim_domain_set_min_granularity(b->r->domain), 0);
	map(b, BASE, SZ_1G, SZ_64K, RACE_RW);
	b->nr = 0;
	listen(b, IOMMU_SIM_MAP, true, 0, U64_MAX);
	iommu_sim_notifier_replay(&b->n);
	KUNIT_EXPECT_EQ(test, b->nr, 16);
	for (i = 0; i < 16; i++)
		expect_event(b, i, IOMMU_SIM_MAP, BASE + i * PAGE_SIZE, PAGE_SIZE, RACE_RW);
	unmap(b, BASE, SZ_64K);
}

static void notify_bad_input_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;
	struct iommu_sim_notifier n = {
		.notify = note, .events = IOMMU_SIM_MAP, .last = U64_MAX,
	};

	KUNIT_EXPECT_EQ(test, iommu_sim_notifier_register(&sim_identity_domain, &n), -EINVAL);
	n.events = 0;
	KUNIT_EXPECT_EQ(test, iommu_sim_notifier_register(b->r->domain, &n), -EINVAL);
	n.events = BIT(3);
	KUNIT_EXPECT_EQ(test, iommu_sim_notifier_register(b->r->domain, &n), -EINVAL);
	n.events = IOMMU_SIM_UNMAP;
	n.start = 1;
	n.last = 0;
	KUNIT_EXPECT_EQ(test, iommu_sim_notifier_register(b->r->domain, &n), -EINVAL);
	/* R11 */
	n.last = 1;
	n.events = IOMMU_SIM_DEVIOTLB_UNMAP | IOMMU_SIM_MAP;
	KUNIT_EXPECT_EQ(test, iommu_sim_notifier_register(b->r->domain, &n), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, to_sim_domain(b->r->domain)->notified);
}

/* Who is not asked does not hear, and who has gone neither */
static void notify_unregister_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;

	listen(b, IOMMU_SIM_UNMAP, false, 0, U64_MAX);
	map(b, BASE, PA, PAGE_SIZE, RACE_RW);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	unmap(b, BASE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->nr, 1);
	iommu_sim_notifier_unregister(&b->n);
	b->n.domain = NULL;
	map(b, BASE, PA, PAGE_SIZE, RACE_RW);
	unmap(b, BASE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->nr, 1);
	KUNIT_EXPECT_FALSE(test, to_sim_domain(b->r->domain)->notified);
}

/* By both owners; with KASAN each takes many times as long */
#define NR_OPS		(IS_ENABLED(CONFIG_KASAN) ? 200000 : 1000000)
#define NR_OWNERS	2
#define NR_SLOTS	512	/* of 64 KiB each */
#define SLOT_LEN	SZ_64K

/**
 * struct mapper - maps and unmaps at random, in a window of its own
 * @b: the test
 * @iova: where the window begins
 * @rnd: state of the random numbers
 * @mapped: a bit for each page of a slot
 * @ops: how many so far
 */
struct mapper {
	struct notify_bench *b;
	u64 iova;
	u64 rnd;
	u16 mapped[NR_SLOTS];
	unsigned int ops;
};

/* Some pages of a slot, from any to any; a run that is mapped is unmapped, and back */
static void mapper_step(struct mapper *m)
{
	unsigned int slot = rnd_below(&m->rnd, NR_SLOTS), first = rnd_below(&m->rnd, 16), nr = 1;
	struct iommu_domain *domain = m->b->r->domain;
	bool mapped = m->mapped[slot] >> first & 1;
	u64 iova = m->iova + slot * SLOT_LEN + first * PAGE_SIZE;
	unsigned int most = 1 + rnd_below(&m->rnd, 16);
	int prot = 1 + rnd_below(&m->rnd, 3);
	u64 pa = (1 + rnd_below(&m->rnd, 1 << 20)) * (u64)SZ_64K + first * PAGE_SIZE;

	while (nr < most && first + nr < 16 && (m->mapped[slot] >> (first + nr) & 1) == mapped)
		nr++;
	m->mapped[slot] ^= (BIT(nr) - 1) << first;
	if (mapped ? iommu_unmap(domain, iova, nr * PAGE_SIZE) != nr * PAGE_SIZE :
		     iommu_map(domain, iova, pa, nr * PAGE_SIZE, prot, GFP_KERNEL))
		pt_race_bad(m->b->r, "cannot change", iova, nr);
}

static int mapper_thread(void *arg)
{
	struct mapper *m = arg;

	while (!kthread_should_stop()) {
		mapper_step(m);
		WRITE_ONCE(m->ops, m->ops + 1);
		cond_resched();
	}
	return 0;
}

static unsigned int ops(const struct mapper *m)
{
	return READ_ONCE(m[0].ops) + READ_ONCE(m[1].ops);
}

static void wait_for_ops(const struct mapper *m, unsigned int nr)
{
	while (ops(m) < nr)
		schedule_timeout_uninterruptible(1);
}

/*
 * The mirror begins in the middle, and has to be right from then on, also while it is
 * compared. Guards against events that are lost, doubled or out of order.
 */
static void notify_mirror_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;
	struct mapper *m = kunit_kzalloc(test, NR_OWNERS * sizeof(*m), GFP_KERNEL);
	unsigned int i, nr = bench_scale(NR_OPS), page, before;
	struct sim_mirror *mirror;
	u64 pages, expected = 0;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (i = 0; i < NR_OWNERS; i++) {
		m[i].b = b;
		m[i].iova = BASE + i * SZ_1G;
		m[i].rnd = bench_seed(test);
		pt_race_start(b->r, mapper_thread, &m[i]);
	}
	wait_for_ops(m, nr / 2);
	mirror = sim_mirror_create(b->r->domain);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mirror);
	before = ops(m);
	for (i = 1; i <= 5; i++) {
		wait_for_ops(m, before + nr / 10 * i);
		KUNIT_EXPECT_EQ_MSG(test, sim_mirror_compare(mirror, &pages), 0,
				    "first difference at %#llx", mirror->first_difference);
	}
	pt_race_stop(b->r);
	KUNIT_EXPECT_EQ(test, sim_mirror_compare(mirror, &pages), 0);
	for (i = 0; i < NR_OWNERS; i++)
		for (page = 0; page < NR_SLOTS; page++)
			expected += hweight16(m[i].mapped[page]);
	KUNIT_EXPECT_EQ(test, pages, expected);
	kunit_info(test, "%u operations, %llu events, %llu pages\n", ops(m), mirror->events,
		   pages);
	/* Each tells it something, but for those that were under way when it was made */
	KUNIT_EXPECT_GE(test, mirror->events, (u64)ops(m) - before - NR_OWNERS);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->r->bad), 0);

	/* Something that nobody told it of: or this test tests nothing */
	for (i = 0; m[0].mapped[i] & 1; i++)
		;
	sim_pt_map_more(pt_race_pt(b->r), BASE + i * SLOT_LEN, PA, PAGE_SIZE,
			SIM_PTE_IR | SIM_PTE_IW, GFP_KERNEL, &(size_t) { 0 });
	KUNIT_EXPECT_GT(test, sim_mirror_compare(mirror, &pages), 0);
	KUNIT_EXPECT_EQ(test, mirror->first_difference, BASE + i * SLOT_LEN);
	sim_mirror_destroy(mirror);
	for (i = 0; i < NR_OWNERS; i++)
		for (page = 0; page < NR_SLOTS * 16; page++)
			iommu_unmap(b->r->domain, m[i].iova + page * PAGE_SIZE, PAGE_SIZE);
}

#define POISON		0x6b6b6b6b6b6b6b6bULL
#define GOOD		0x600d600d600d600dULL
#define NR_LENT		64	/* pages that come and go */
#define NR_LOANS	100000
#define RESULT		(BASE + SZ_1G)

/**
 * struct lender - memory that is lent to the software device
 * @b: the test
 * @sd: the device
 * @mem: the memory
 * @result: where the device puts what it has read
 * @copies: that succeeded
 * @wrong: what it should not have read
 */
struct lender {
	struct notify_bench *b;
	struct sim_softdev *sd;
	u64 *mem;
	u64 *result;
	unsigned int copies;
	unsigned int wrong;
};

static int softdev_thread(void *arg)
{
	struct lender *l = arg;
	unsigned int i = 0;
	u64 rnd = 1;

	while (!kthread_should_stop()) {
		u64 src = BASE + rnd_below(&rnd, NR_LENT) * PAGE_SIZE;

		if (sim_softdev_copy(l->sd, RESULT, src, 8) == 8) {
			WRITE_ONCE(l->copies, l->copies + 1);
			WRITE_ONCE(l->wrong, l->wrong + (READ_ONCE(*l->result) != GOOD));
		}
		if (++i % 16 == 0)
			yield();
	}
	return 0;
}

static void lend(struct lender *l, unsigned int nr, bool until_wrong)
{
	u64 rnd = bench_seed(l->b->r->test);
	unsigned long mapped[BITS_TO_LONGS(NR_LENT)] = { };
	unsigned int i, page;

	for (i = 0; i < nr && !(until_wrong && READ_ONCE(l->wrong)); i++) {
		u64 *mem, iova;

		page = rnd_below(&rnd, NR_LENT);
		mem = l->mem + page * (PAGE_SIZE / sizeof(u64));
		iova = BASE + page * PAGE_SIZE;
		if (__test_and_change_bit(page, mapped)) {
			unmap(l->b, iova, PAGE_SIZE);
			WRITE_ONCE(*mem, POISON);
		} else {
			WRITE_ONCE(*mem, GOOD);
			map(l->b, iova, virt_to_phys(mem), PAGE_SIZE, IOMMU_READ);
		}
		yield();
	}
	for_each_set_bit(page, mapped, NR_LENT)
		unmap(l->b, BASE + page * PAGE_SIZE, PAGE_SIZE);
}

/* The software device never reads through a mapping that is dead */
static void notify_softdev_test(struct kunit *test)
{
	struct notify_bench *b = test->priv;
	struct lender *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->b = b;
	l->mem = kunit_kzalloc(test, NR_LENT * PAGE_SIZE, GFP_KERNEL);
	l->result = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, l->mem && l->result);
	map(b, RESULT, virt_to_phys(l->result), PAGE_SIZE, IOMMU_WRITE);
	l->sd = sim_softdev_create(b->r->domain);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->sd);
	KUNIT_EXPECT_EQ_MSG(test, l->sd->notifier.events, IOMMU_SIM_UNMAP, "no fallback");
	/* What may only be read is not written to, and the other way round */
	map(b, BASE, virt_to_phys(l->mem), PAGE_SIZE, IOMMU_READ);
	KUNIT_EXPECT_EQ(test, sim_softdev_copy(l->sd, RESULT, BASE, 100), 100);
	KUNIT_EXPECT_EQ(test, sim_softdev_copy(l->sd, BASE, BASE, 100), 0);
	KUNIT_EXPECT_EQ(test, sim_softdev_copy(l->sd, RESULT, RESULT, 100), 0);
	KUNIT_EXPECT_EQ(test, sim_softdev_copy(l->sd, RESULT, BASE + 4000, 200), 96);
	unmap(b, BASE, PAGE_SIZE);

	pt_race_start(b->r, softdev_thread, l);
	lend(l, bench_scale(NR_LOANS), false);
	pt_race_stop(b->r);
	KUNIT_EXPECT_EQ(test, l->wrong, 0);
	KUNIT_EXPECT_GT(test, l->copies, 0);
	kunit_info(test, "%u copies, %llu hits, %llu misses, %llu faults, %llu invalidated\n",
		   l->copies, l->sd->hits, l->sd->misses, l->sd->faults, l->sd->invalidated);
	KUNIT_EXPECT_GT(test, l->sd->hits, l->sd->invalidated);

	/* Without events it does: or this test tests nothing */
	l->sd->notifier.events = 0;
	pt_race_start(b->r, softdev_thread, l);
	lend(l, 100 * NR_LOANS, true);
	pt_race_stop(b->r);
	KUNIT_EXPECT_GT(test, l->wrong, 0);
	sim_softdev_destroy(l->sd);
	unmap(b, RESULT, PAGE_SIZE);
}

static struct kunit_case notify_cases[] = {
	KUNIT_CASE(notify_blocks_test),
	KUNIT_CASE(notify_rights_test),
	KUNIT_CASE(notify_order_test),
	KUNIT_CASE(notify_replay_test),
	KUNIT_CASE(notify_bad_input_test),
	KUNIT_CASE(notify_unregister_test),
	KUNIT_CASE_SLOW(notify_mirror_test),
	KUNIT_CASE_SLOW(notify_softdev_test),
	{}
};

static struct kunit_suite notify_suite = {
	.name = "iommu_sim_notify",
	.init = notify_init,
	.exit = notify_exit,
	.test_cases = notify_cases,
};

kunit_test_suite(notify_suite);
