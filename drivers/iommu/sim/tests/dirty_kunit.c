// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking as iommufd uses it: what a device has written to is told once,
 * to the page, and nothing else is.
 */
#include <kunit/visibility.h>
#include <linux/iova_bitmap.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "pt_race.h"

#define BUF_IOVA	0x40000000UL
#define BUF_SIZE	SZ_2M
#define NR_PAGES	(BUF_SIZE / SZ_4K)
#define PATTERN		0x0123456789abcdefULL

/**
 * struct dirty_bench - an endpoint in a domain that can track, and memory
 * @r: domain and endpoint
 * @mem: BUF_SIZE bytes, not mapped yet
 * @user: a bitmap in user space, as iommufd has it
 * @seen: what the last reading reported
 */
struct dirty_bench {
	struct pt_race *r;
	u64 *mem;
	u64 __user *user;
	DECLARE_BITMAP(seen, NR_PAGES);
};

static struct iommu_domain *alloc_domain(struct device *dev)
{
#if SIM_HAVE_PAGING_FLAGS
	return iommu_paging_domain_alloc_flags(dev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
#else
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;
	struct iommu_domain *domain;

	/* As iommufd does */
	domain = ops->domain_alloc_user(dev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, NULL, NULL);
	if (!IS_ERR(domain))
		domain->owner = ops;
	return domain;
#endif
}

static const struct iommu_dirty_ops *ops(struct kunit *test)
{
	struct dirty_bench *b = test->priv;

	return b->r->domain->dirty_ops;
}

static int track(struct kunit *test, bool on)
{
	struct dirty_bench *b = test->priv;

	return ops(test)->set_dirty_tracking(b->r->domain, on);
}

static int dirty_init(struct kunit *test)
{
	bool has_mm = current->mm;
	struct dirty_bench *b;

	if (!SIM_DIRTY_TRACKING)
		kunit_skip(test, "no iommufd (CONFIG_IOMMUFD)");
	b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	b->user = (u64 __user *)kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
					      MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)b->user);
	/* KUnit has the thread use an mm as long as it lives, and loses a reference by that */
	if (!has_mm)
		mmdrop(current->mm);
	KUNIT_ASSERT_LT(test, (__force unsigned long)b->user, TASK_SIZE);
	b->r = pt_race_create(test);
	test->priv = b;
	pt_race_use(b->r, alloc_domain(&b->r->client->pdev->dev));
	KUNIT_ASSERT_NOT_NULL(test, b->r->domain->dirty_ops);
	b->mem = alloc_pages_exact(BUF_SIZE, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!b->mem)
		kunit_skip(test, "no contiguous memory");
	pt_race_attach(b->r);
	return 0;
}

static void dirty_exit(struct kunit *test)
{
	struct dirty_bench *b = test->priv;

	if (!b)
		return;
	pt_race_stop(b->r);
	sim_inject_clear(b->r->iommu->inject);
	pt_race_destroy(b->r);
	if (b->mem)
		free_pages_exact(b->mem, BUF_SIZE);
}

static void map_buf(struct kunit *test)
{
	struct dirty_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, iommu_map(b->r->domain, BUF_IOVA, virt_to_phys(b->mem), BUF_SIZE,
					RACE_RW, GFP_KERNEL), 0);
}

/* What is dirty in the buffer goes to dirty_bench::seen; the error, if there is one */
static int collect(struct kunit *test, unsigned long flags)
{
	struct dirty_bench *b = test->priv;
	struct iommu_iotlb_gather gather;
	struct iommu_dirty_bitmap dirty;
	struct iova_bitmap *bitmap;
	int ret;

	KUNIT_ASSERT_EQ(test, clear_user(b->user, sizeof(b->seen)), 0);
	bitmap = iova_bitmap_alloc(BUF_IOVA, BUF_SIZE, SZ_4K, b->user);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bitmap);
	iommu_iotlb_gather_init(&gather);
	iommu_dirty_bitmap_init(&dirty, bitmap, &gather);
	ret = ops(test)->read_and_clear_dirty(b->r->domain, BUF_IOVA, BUF_SIZE, flags, &dirty);
	if (!(flags & IOMMU_DIRTY_NO_CLEAR))
		iommu_iotlb_sync(b->r->domain, &gather);
	iova_bitmap_free(bitmap);
	KUNIT_ASSERT_EQ(test, copy_from_user(b->seen, b->user, sizeof(b->seen)), 0);
	return ret;
}

static void expect_dirty(struct kunit *test, unsigned long flags, const unsigned int *pages,
			 unsigned int nr)
{
	struct dirty_bench *b = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, collect(test, flags), 0);
	KUNIT_EXPECT_EQ(test, bitmap_weight(b->seen, NR_PAGES), nr);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE_MSG(test, test_bit(pages[i], b->seen), "page %u", pages[i]);
}

#define expect_dirty_pages(test, flags, ...)					\
({										\
	static const unsigned int _pages[] = { __VA_ARGS__ };			\
										\
	expect_dirty(test, flags, _pages, ARRAY_SIZE(_pages));			\
})

/* One byte, by the DMA engine */
static void write_byte(struct kunit *test, unsigned int page, unsigned int offset)
{
	struct dirty_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, client_fill(b->r->client, BUF_IOVA + page * SZ_4K + offset,
					  PATTERN, 1), IOMMU_SIM_OK);
	KUNIT_ASSERT_EQ(test, ((u8 *)b->mem)[page * SZ_4K + offset], (u8)PATTERN);
}

/* All of the buffer is mapped to its memory, by pages of this size */
static void expect_pages(struct kunit *test, unsigned int size_lg2)
{
	struct dirty_bench *b = test->priv;
	u64 at = BUF_IOVA, last = BUF_IOVA + BUF_SIZE - 1;
	struct sim_leaf leaf;

	while (at <= last) {
		KUNIT_ASSERT_TRUE(test, sim_pt_next_leaf(pt_race_pt(b->r), at, last, &leaf));
		KUNIT_ASSERT_EQ(test, leaf.iova, at);
		KUNIT_ASSERT_EQ(test, leaf.size_lg2, size_lg2);
		KUNIT_ASSERT_EQ(test, leaf.pa, virt_to_phys(b->mem) + (at - BUF_IOVA));
		KUNIT_ASSERT_EQ(test, leaf.entry & (SIM_PTE_IR | SIM_PTE_IW),
				SIM_PTE_IR | SIM_PTE_IW);
		at += BIT_ULL(size_lg2);
	}
}

static void dirty_exact_test(struct kunit *test)
{
	map_buf(test);
	expect_pages(test, 21);
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	expect_pages(test, 12);
	expect_dirty_pages(test, 0);

	write_byte(test, 3, 0);
	expect_dirty_pages(test, 0, 3);
	expect_dirty_pages(test, 0);
	/* Again only if written to again, which is not cached as done */
	write_byte(test, 3, 4095);
	write_byte(test, 4, 0);
	write_byte(test, 511, 2048);
	expect_dirty_pages(test, 0, 3, 4, 511);
	expect_dirty_pages(test, 0);
	write_byte(test, 511, 0);
	write_byte(test, 511, 1);
	expect_dirty_pages(test, 0, 511);
}

static void dirty_reads_test(struct kunit *test)
{
	struct dirty_bench *b = test->priv;

	map_buf(test);
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	b->mem[7 * 512] = PATTERN;
	KUNIT_EXPECT_EQ(test, client_copy(b->r->client, BUF_IOVA + 9 * SZ_4K,
					  BUF_IOVA + 7 * SZ_4K, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, b->mem[9 * 512], PATTERN);
	expect_dirty_pages(test, 0, 9);
	/* From here on the translation is cached, first without D, and then with it */
	KUNIT_EXPECT_EQ(test, client_copy(b->r->client, BUF_IOVA + 7 * SZ_4K,
					  BUF_IOVA + 9 * SZ_4K, 8), IOMMU_SIM_OK);
	KUNIT_EXPECT_EQ(test, client_copy(b->r->client, BUF_IOVA + 8 * SZ_4K - 8,
					  BUF_IOVA + 7 * SZ_4K, 16), IOMMU_SIM_OK);
	expect_dirty_pages(test, 0, 7, 8);
}

static void dirty_no_clear_test(struct kunit *test)
{
	map_buf(test);
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	write_byte(test, 100, 0);
	expect_dirty_pages(test, IOMMU_DIRTY_NO_CLEAR, 100);
	write_byte(test, 101, 0);
	expect_dirty_pages(test, IOMMU_DIRTY_NO_CLEAR, 100, 101);
	expect_dirty_pages(test, 0, 100, 101);
	expect_dirty_pages(test, IOMMU_DIRTY_NO_CLEAR);
}

/* Off and on: without, nothing can be asked for, and nothing is recorded */
static void dirty_off_test(struct kunit *test)
{
	struct iommu_dirty_bitmap dirty;
	struct iommu_iotlb_gather gather;
	struct dirty_bench *b = test->priv;

	map_buf(test);
	KUNIT_EXPECT_EQ(test, collect(test, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, track(test, false), 0);
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	KUNIT_EXPECT_EQ(test, track(test, true), 0);
	write_byte(test, 5, 0);
	KUNIT_EXPECT_EQ(test, track(test, false), 0);
	KUNIT_EXPECT_EQ(test, collect(test, 0), -EINVAL);
	write_byte(test, 6, 0);

	/* As iommufd does before it begins: what there was is forgotten */
	iommu_iotlb_gather_init(&gather);
	iommu_dirty_bitmap_init(&dirty, NULL, &gather);
	KUNIT_EXPECT_EQ(test, ops(test)->read_and_clear_dirty(b->r->domain, BUF_IOVA, BUF_SIZE, 0,
							      &dirty), 0);
	iommu_iotlb_sync(b->r->domain, &gather);
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	expect_dirty_pages(test, 0);
	write_byte(test, 5, 0);
	expect_dirty_pages(test, 0, 5);
}

/* Of the first byte beyond the aperture, or of 0 */
static int read_range(struct kunit *test, bool from_end, u64 offset, size_t size)
{
	struct dirty_bench *b = test->priv;
	u64 begin = from_end ? b->r->domain->geometry.aperture_end + 1 : 0;
	struct iommu_dirty_bitmap dirty = {};

	return ops(test)->read_and_clear_dirty(b->r->domain, begin + offset, size, 0, &dirty);
}

static void dirty_range_test(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	KUNIT_EXPECT_EQ(test, read_range(test, false, 0, 0), -ERANGE);
	KUNIT_EXPECT_EQ(test, read_range(test, true, 0, SZ_4K), -ERANGE);
	KUNIT_EXPECT_EQ(test, read_range(test, true, -SZ_4K, SZ_8K), -ERANGE);
	KUNIT_EXPECT_EQ(test, read_range(test, false, SZ_4K, SIZE_MAX), -ERANGE);
	KUNIT_EXPECT_EQ(test, read_range(test, true, -SZ_4K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, read_range(test, false, 0, SZ_4K), 0);
}

/* What is mapped later is exact, too; afterwards pages are large again */
static void dirty_map_while_tracking_test(struct kunit *test)
{
	struct dirty_bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	map_buf(test);
	expect_pages(test, 12);
	write_byte(test, 300, 17);
	expect_dirty_pages(test, 0, 300);
	/* A new mapping is not dirty, whatever the old one was */
	write_byte(test, 301, 0);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->r->domain, BUF_IOVA, BUF_SIZE), BUF_SIZE);
	map_buf(test);
	expect_dirty_pages(test, 0);
	write_byte(test, 301, 0);
	expect_dirty_pages(test, 0, 301);

	KUNIT_EXPECT_EQ(test, iommu_unmap(b->r->domain, BUF_IOVA, BUF_SIZE), BUF_SIZE);
	KUNIT_ASSERT_EQ(test, track(test, false), 0);
	map_buf(test);
	expect_pages(test, 21);
}

/* A device that comes later is tracked as those that were there */
static void dirty_attach_test(struct kunit *test)
{
	struct dirty_bench *b = test->priv;

	map_buf(test);
	iommu_detach_group(b->r->domain, b->r->client->pdev->dev.iommu_group);
	b->r->client->domain = NULL;
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	KUNIT_ASSERT_EQ(test, client_attach(b->r->client, b->r->domain, CLIENT_RINGS), 0);
	write_byte(test, 42, 0);
	expect_dirty_pages(test, 0, 42);
}

/* No table for a part, for each table in turn: all as before, and works */
static void dirty_no_memory_test(struct kunit *test)
{
	struct dirty_bench *b = test->priv;
	struct sim_inject_point *point = &b->r->iommu->inject->point[SIM_INJECT_TABLE_ALLOC];
	unsigned long large = BUF_IOVA + SZ_1G;
	unsigned int nth;
	int ret;

	map_buf(test);
	/* Never touched; so that there is more than one table to make */
	KUNIT_ASSERT_EQ(test, iommu_map(b->r->domain, large, 0, SZ_8M, IOMMU_READ, GFP_KERNEL),
			0);
	for (nth = 1; ; nth++) {
		sim_inject_set_fail_nth(point, nth);
		ret = track(test, true);
		if (!ret)
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, collect(test, 0), -EINVAL);
		write_byte(test, nth, nth);
		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(b->r->domain, large + SZ_8M - 1),
				SZ_8M - 1);
		/* What is mapped now is not held up by it */
		KUNIT_EXPECT_EQ(test, iommu_map(b->r->domain, large + SZ_1G, 0, SZ_2M, IOMMU_READ,
						GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, iommu_unmap(b->r->domain, large + SZ_1G, SZ_2M), SZ_2M);
	}
	sim_inject_clear(b->r->iommu->inject);
	/* 5 tables, less those that were made before a failure */
	KUNIT_EXPECT_EQ(test, nth, 4);
	expect_pages(test, 12);
	expect_dirty_pages(test, 0);
	write_byte(test, 1, 0);
	expect_dirty_pages(test, 0, 1);
}

/* A flush that fails while it is turned on: off, and it can be turned on again */
static void dirty_flush_failure_test(struct kunit *test)
{
	struct dirty_bench *b = test->priv;
	struct sim_inject_point *point = &b->r->iommu->inject->point[SIM_INJECT_COMPLETION_WAIT];
	unsigned int nth;
	int ret;

	map_buf(test);
	for (nth = 1; nth < 100; nth++) {
		sim_inject_set_fail_nth(point, nth);
		ret = track(test, true);
		sim_inject_clear(b->r->iommu->inject);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, ret, -ETIMEDOUT);
		KUNIT_EXPECT_EQ(test, collect(test, 0), -EINVAL);
		/* The device may have been blocked meanwhile */
		KUNIT_ASSERT_EQ(test, client_attach(b->r->client, b->r->domain, CLIENT_RINGS), 0);
		write_byte(test, nth, 0);
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, nth, 1);
	expect_dirty_pages(test, 0);
	write_byte(test, 1, 0);
	expect_dirty_pages(test, 0, 1);
}

#define NR_READINGS	20000

/**
 * struct writes - a device that writes to every other page, at random
 * @b: the bench
 * @begun: writes to each page so far
 * @done: those that have succeeded
 */
struct writes {
	struct dirty_bench *b;
	u32 begun[NR_PAGES];
	u32 done[NR_PAGES];
};

static int writer(void *arg)
{
	struct writes *w = arg;
	u64 rnd = 1, data;
	unsigned int page;

	while (!kthread_should_stop()) {
		/* Some pages often, so that they are cached */
		page = 2 * rnd_below(&rnd, rnd_chance(&rnd, 50) ? 8 : NR_PAGES / 2);
		data = rnd64(&rnd);
		/* Pairs with smp_load_acquire() in dirty_race_test() */
		smp_store_release(&w->begun[page], w->begun[page] + 1);
		smp_mb();	/* before the write, see snapshot() */
		if (!pt_race_dma(w->b->r, SIM_TLP_MEM_WRITE, BUF_IOVA + page * SZ_4K + 64, &data,
				 sizeof(data)))
			pt_race_bad(w->b->r, "cannot be written to", page, data);
		/* Pairs with smp_load_acquire() in dirty_race_test() */
		smp_store_release(&w->done[page], w->done[page] + 1);
		atomic_inc(&w->b->r->work);
		cond_resched();
	}
	return 0;
}

/* As long as there are more done than begun at the last reading's end, one is new */
static void snapshot(u32 *to, u32 *from)
{
	unsigned int i;

	smp_mb();	/* what was read from the page table comes before or after it */
	for (i = 0; i < NR_PAGES; i++)
		to[i] = smp_load_acquire(&from[i]);	/* Pairs with those in writer() */
	smp_mb();	/* likewise */
}

static void dirty_race_test(struct kunit *test)
{
	struct dirty_bench *b = test->priv;
	struct writes *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	u32 *done = kunit_kcalloc(test, NR_PAGES, sizeof(*done), GFP_KERNEL);
	u32 *begun = kunit_kcalloc(test, NR_PAGES, sizeof(*begun), GFP_KERNEL);
	unsigned int n, i, nr = bench_scale(NR_READINGS), reported = 0;

	KUNIT_ASSERT_TRUE(test, w && done && begun);
	w->b = b;
	map_buf(test);
	KUNIT_ASSERT_EQ(test, track(test, true), 0);
	pt_race_start(b->r, writer, w);
	for (n = 0; n <= nr; n++) {
		/* In the last reading, nothing is going on any more */
		if (n == nr)
			pt_race_stop(b->r);
		snapshot(done, w->done);
		KUNIT_ASSERT_EQ(test, collect(test, 0), 0);
		for (i = 0; i < NR_PAGES; i++) {
			bool dirty = test_bit(i, b->seen);

			reported += dirty;
			if ((s32)(done[i] - begun[i]) > 0 && !dirty)
				pt_race_bad(b->r, "a write is lost", i, n);
			if (i % 2 && dirty)
				pt_race_bad(b->r, "dirty, but nobody wrote to it", i, n);
		}
		snapshot(begun, w->begun);
		cond_resched();
	}
	kunit_info(test, "%d writes, %u pages reported in %u readings\n",
		   atomic_read(&b->r->work), reported, n);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->r->bad), 0);
	KUNIT_EXPECT_GT(test, reported, 0);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(dirty_exact_test),
	KUNIT_CASE(dirty_reads_test),
	KUNIT_CASE(dirty_no_clear_test),
	KUNIT_CASE(dirty_off_test),
	KUNIT_CASE(dirty_range_test),
	KUNIT_CASE(dirty_map_while_tracking_test),
	KUNIT_CASE(dirty_attach_test),
	KUNIT_CASE(dirty_no_memory_test),
	KUNIT_CASE(dirty_flush_failure_test),
	KUNIT_CASE(dirty_race_test),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "iommu_sim_dirty",
	.init = dirty_init,
	.exit = dirty_exit,
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);
