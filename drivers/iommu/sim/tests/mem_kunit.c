// SPDX-License-Identifier: GPL-2.0-only
/* Memory as the silicon sees it, on the machine's own: spec 8.4 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

#include "bench.h"

KUNIT_DEFINE_ACTION_WRAPPER(destroy_hw, sim_hw_destroy, struct iommu_sim_hw *);

/* An instance in front of the machine's own memory; it is off, that is no matter */
static struct iommu_sim_hw *create(struct kunit *test)
{
	struct iommu_sim_hw *hw = sim_hw_create(&bench_default_config);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hw);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_hw, hw));
	return hw;
}

static u8 *page_of(struct kunit *test)
{
	u8 *page = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(page));
	return page;
}

static void test_kernel_page(struct kunit *test)
{
	struct iommu_sim_hw *hw = create(test);
	u8 *page = page_of(test), *copy = page_of(test);
	u64 pa = virt_to_phys(page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE; i++)
		page[i] = i * 7 + i / 256;
	KUNIT_EXPECT_EQ(test, sim_mem_read(hw, pa, copy, PAGE_SIZE), 0);
	KUNIT_EXPECT_MEMEQ(test, copy, page, PAGE_SIZE);

	memset(page, 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sim_mem_write(hw, pa, copy, PAGE_SIZE), 0);
	KUNIT_EXPECT_MEMEQ(test, copy, page, PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, sim_mem_write(hw, pa + PAGE_SIZE - 1, "x", 1), 0);
	KUNIT_EXPECT_EQ(test, page[PAGE_SIZE - 1], 'x');
}

/* The kernel's image is RAM, though its pages are reserved */
static void test_kernel_image(struct kunit *test)
{
	struct iommu_sim_hw *hw = create(test);
	u64 value = ~0ULL;

	KUNIT_EXPECT_EQ(test, 0, sim_mem_read(hw, page_to_phys(ZERO_PAGE(0)), &value, 8));
	KUNIT_EXPECT_EQ(test, value, 0ULL);
}

struct bad_case {
	const char *name;
	u64 pa;
};

/* Addresses that are no RAM; 0 stands for the first after the last */
static const struct bad_case bad_cases[] = {
	{ "end of memory", 0 },
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
	{ "video memory", 0xa0000 },
	{ "local APIC", 0xfee00000 },
#endif
	{ "2^50", 1ULL << 50 },
	{ "last page of 52 bits", (1ULL << 52) - 4096 },
	{ "2^52", 1ULL << 52 },
	{ "2^63", 1ULL << 63 },
	{ "last page of 64 bits", ~0xfffULL },
};

KUNIT_ARRAY_PARAM_DESC(bad, bad_cases, name);

static void test_bad_address(struct kunit *test)
{
	const struct bad_case *c = test->param_value;
	struct iommu_sim_hw *hw = create(test);
	u64 pa = c->pa ?: virt_to_phys(high_memory - 1) + 1;
	u64 value = 0x1234, whole;

	KUNIT_EXPECT_NE(test, sim_mem_read(hw, pa, &value, 8), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1234ULL);
	KUNIT_EXPECT_NE(test, sim_mem_read(hw, pa + 1, &value, 1), 0);
	KUNIT_EXPECT_NE(test, sim_mem_write(hw, pa, &value, 8), 0);
	KUNIT_EXPECT_NE(test, sim_mem_read64(hw, pa, &whole), 0);
	KUNIT_EXPECT_EQ(test, sim_mem_cmpxchg64(hw, pa, 0, 1), -EFAULT);
	KUNIT_EXPECT_NE(test, sim_mem_fetch_add(hw, pa, &value, 8), 0);
	KUNIT_EXPECT_NE(test, sim_mem_fetch_add(hw, pa + 4, &value, 4), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1234ULL);
}

/* The page of real memory that corresponds to a bit set above is not reached */
static void test_high_bits_matter(struct kunit *test)
{
	struct iommu_sim_hw *hw = create(test);
	u8 *page = page_of(test);
	u64 pa = virt_to_phys(page);
	unsigned int bit;
	u64 value = 0;

	memset(page, 0xee, PAGE_SIZE);
	for (bit = 47; bit < 64; bit++)
		KUNIT_EXPECT_NE_MSG(test, sim_mem_write(hw, pa | 1ULL << bit, &value, 8), 0,
				    "bit %u", bit);
	for (bit = 0; bit < PAGE_SIZE; bit++)
		KUNIT_ASSERT_EQ(test, page[bit], 0xee);
}

/* All alignments of both sides, and nothing beside */
static void test_copy(struct kunit *test)
{
	struct iommu_sim_hw *hw = create(test);
	u8 *page = page_of(test), *buf = page_of(test);
	u64 pa = virt_to_phys(page);
	unsigned int to, from, len, i;

	for (i = 0; i < 256; i++)
		buf[i] = 0x80 | i;
	for (to = 0; to < 9; to++) {
		for (from = 0; from < 9; from++) {
			for (len = 1; len < 80; len++) {
				memset(page, 0, 128);
				KUNIT_ASSERT_EQ(test, 0, sim_mem_write(hw, pa + to, buf + from,
								       len));
				for (i = 0; i < 128; i++)
					if (page[i] != (i >= to && i < to + len ?
							buf[from + i - to] : 0))
						break;
				KUNIT_ASSERT_EQ_MSG(test, i, 128, "%u bytes from %u to %u",
						    len, from, to);
			}
		}
	}
}

static void test_words(struct kunit *test)
{
	struct iommu_sim_hw *hw = create(test);
	u8 *page = page_of(test);
	__le64 *word = (__le64 *)page;
	u64 pa = virt_to_phys(page), value;

	*word = cpu_to_le64(0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, sim_mem_read64(hw, pa, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1122334455667788ULL);

	KUNIT_EXPECT_EQ(test, sim_mem_cmpxchg64(hw, pa, 5, 6), -EAGAIN);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(*word), 0x1122334455667788ULL);
	/* Differs in the upper half only */
	KUNIT_EXPECT_EQ(test, sim_mem_cmpxchg64(hw, pa, 0x55667788ULL, 6), -EAGAIN);
	KUNIT_EXPECT_EQ(test, sim_mem_cmpxchg64(hw, pa, 0x1122334455667788ULL, 6), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(*word), 6ULL);
}

static void test_fetch_add(struct kunit *test)
{
	struct iommu_sim_hw *hw = create(test);
	u8 *page = page_of(test);
	__le64 *words = (__le64 *)page, op64 = cpu_to_le64(5);
	__le32 op32 = cpu_to_le32(2);
	u64 pa = virt_to_phys(page);

	words[0] = cpu_to_le64(~0ULL);
	words[1] = cpu_to_le64(0xffffffffffffffffULL);
	words[2] = cpu_to_le64(0);

	KUNIT_EXPECT_EQ(test, sim_mem_fetch_add(hw, pa, &op64, 8), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(op64), ~0ULL);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(words[0]), 4ULL);

	KUNIT_EXPECT_EQ(test, sim_mem_fetch_add(hw, pa + 8, &op32, 4), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(op32), ~0U);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(words[1]), 0xffffffff00000001ULL);
	op32 = cpu_to_le32(2);
	KUNIT_EXPECT_EQ(test, sim_mem_fetch_add(hw, pa + 12, &op32, 4), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(op32), ~0U);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(words[1]), 0x0000000100000001ULL);
	KUNIT_EXPECT_EQ_MSG(test, le64_to_cpu(words[2]), 0ULL, "carried into the next word");
}

/* The memory of a bench: from its first byte to its last, and not one more */
static void test_bench_memory(struct kunit *test)
{
	struct bench *b = bench_create(test, NULL, 2);
	u64 end = bench_ram_end(b), value;

	KUNIT_EXPECT_EQ(test, sim_mem_read(b->hw, b->ram.base, &value, 8), 0);
	KUNIT_EXPECT_EQ(test, sim_mem_read(b->hw, end - 8, &value, 8), 0);
	KUNIT_EXPECT_EQ(test, sim_mem_read(b->hw, end - 1, &value, 1), 0);
	KUNIT_EXPECT_NE(test, sim_mem_read(b->hw, b->ram.base - 1, &value, 1), 0);
	KUNIT_EXPECT_NE(test, sim_mem_read(b->hw, b->ram.base - 1, &value, 2), 0);
	KUNIT_EXPECT_NE(test, sim_mem_read(b->hw, end, &value, 1), 0);
	KUNIT_EXPECT_NE(test, sim_mem_read(b->hw, end - 4, &value, 8), 0);
	KUNIT_EXPECT_NE(test, sim_mem_read(b->hw, end - 4, &value, ~(size_t)0), 0);
	/* The machine's own memory is not there */
	KUNIT_EXPECT_NE(test, sim_mem_read(b->hw, virt_to_phys(b), &value, 8), 0);
}

static struct kunit_case mem_cases[] = {
	KUNIT_CASE(test_kernel_page),
	KUNIT_CASE(test_kernel_image),
	KUNIT_CASE_PARAM(test_bad_address, bad_gen_params),
	KUNIT_CASE(test_high_bits_matter),
	KUNIT_CASE(test_copy),
	KUNIT_CASE(test_words),
	KUNIT_CASE(test_fetch_add),
	KUNIT_CASE(test_bench_memory),
	{}
};

static struct kunit_suite mem_suite = {
	.name = "iommu_sim_mem",
	.test_cases = mem_cases,
};

kunit_test_suite(mem_suite);
