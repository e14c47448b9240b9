// SPDX-License-Identifier: GPL-2.0-only
/* The page table walk, rule by rule: spec 4. See also walk_random_kunit.c. */
#include "bench.h"

/* The tables of the cases: one page for each level, at the start of memory */
#define TABLE_PA(level)		(BENCH_RAM + 0x1000 * (level))
#define TABLE(level)		(PTE_PR | PTE_RW | (TABLE_PA(0) + (PTE_NL(1) + 0x1000) * (level)))
#define LEAF(pa)		(PTE_PR | PTE_RW | (pa))
#define SIZED(field)		(PTE_PR | PTE_RW | PTE_NL(7) | (field))

#define RSVD			(EVTF_PRESENT | EVTF_RSVD)
#define PERM			(EVTF_PRESENT | EVTF_PERM)

/**
 * struct walk_case - a walk from TABLE_PA(@levels), and how it ends
 * @name: what the case is about
 * @iova: address to translate
 * @levels: of the page table
 * @set: entries of the table of a level, at the index that @iova selects
 * @need: rights that the request needs, PTE_IR if 0
 * @rights: rights of the device, both if 0
 * @event: 0, EVT_IO_PAGE_FAULT or EVT_PAGE_TAB_HW_ERROR
 * @flags: of the fault
 * @reads: how many entries are read
 * @pa: address of the page
 * @size_lg2: its size
 */
struct walk_case {
	const char *name;
	u64 iova;
	unsigned int levels;
	struct {
		unsigned int level;
		u64 entry;
	} set[6];
	u64 need;
	u64 rights;
	unsigned int event;
	unsigned int flags;
	unsigned int reads;
	u64 pa;
	unsigned int size_lg2;
};

#define OK(_reads, _pa, _lg2)	.reads = (_reads), .pa = (_pa), .size_lg2 = (_lg2)
#define FAULT(_reads, _flags)	.event = EVT_IO_PAGE_FAULT, .reads = (_reads), .flags = (_flags)

static const struct walk_case walk_rules[] = {
	/* step 1 */
	{ "1 level, last page", 0x1ff000, 1, { { 1, LEAF(0x5000) } }, OK(1, 0x5000, 12) },
	{ "1 level, bit 21", 0x200000, 1, { { 1, LEAF(0x5000) } }, FAULT(0, EVTF_RANGE) },
	{ "2 levels, bit 30", 1ULL << 30, 2, { { 2, LEAF(0) } }, FAULT(0, EVTF_RANGE) },
	{ "5 levels, bit 56", 1ULL << 56, 5, { { 5, LEAF(0) } }, OK(1, 0, 48) },
	{ "5 levels, bit 57", 1ULL << 57, 5, { { 5, LEAF(0) } }, FAULT(0, EVTF_RANGE) },
	{ "4 levels, bit 63", 1ULL << 63, 4, { { 4, LEAF(0) } }, FAULT(0, EVTF_RANGE) },
	{ "6 levels, all bits", ~0ULL, 6, { { 6, TABLE(1) }, { 1, LEAF(0) } },
	  FAULT(1, RSVD) },
	{ "6 levels, bit 63", 1ULL << 63, 6, { { 6, TABLE(1) }, { 1, LEAF(0x7000) } },
	  OK(2, 0x7000, 12) },
	{ "6 levels, top index", 0x7fULL << 57, 6, { { 6, TABLE(5) }, { 5, LEAF(1ULL << 48) } },
	  OK(2, 1ULL << 48, 48) },
	/* step 3 */
	{ "table below memory", 0x1000, 2,
	  { { 2, PTE_PR | PTE_RW | PTE_NL(1) | (BENCH_RAM - 0x1000) } },
	  .event = EVT_PAGE_TAB_HW_ERROR, .reads = 1 },
	{ "table after memory", 0x1000, 2,
	  { { 2, PTE_PR | PTE_RW | PTE_NL(1) | (BENCH_RAM + 0x1000 * BENCH_PAGES) } },
	  .event = EVT_PAGE_TAB_HW_ERROR, .reads = 1 },
	{ "table at 0", 0x1000, 3, { { 3, PTE_PR | PTE_RW | PTE_NL(1) } },
	  .event = EVT_PAGE_TAB_HW_ERROR, .reads = 1 },
	/* step 4 */
	{ "nothing there", 0x1000, 3, { }, FAULT(1, 0) },
	{ "everything but PR", 0x1000, 1, { { 1, ~PTE_PR } }, FAULT(1, 0) },
	{ "not present at level 1", 0x1000, 2, { { 2, TABLE(1) } }, FAULT(2, 0) },
	/* step 5, before the rights are looked at */
	{ "reserved before rights", 0x1000, 1, { { 1, PTE_PR | 1ULL << 52 } }, FAULT(1, RSVD) },
	{ "ignored bits", 0x1000, 1,
	  { { 1, LEAF(0x5000) | 0x19e | 1ULL << 59 | 1ULL << 60 | 1ULL << 63 } },
	  OK(1, 0x5000, 12) },
	/* step 6 */
	{ "leaf forbids reading", 0, 1, { { 1, PTE_PR | PTE_IW } }, FAULT(1, PERM) },
	{ "leaf forbids writing", 0, 1, { { 1, PTE_PR | PTE_IR } }, .need = PTE_IW,
	  FAULT(1, PERM) },
	{ "read-only leaf", 0, 1, { { 1, PTE_PR | PTE_IR } }, OK(1, 0, 12) },
	{ "write-only leaf", 0, 1, { { 1, PTE_PR | PTE_IW } }, .need = PTE_IW, OK(1, 0, 12) },
	{ "both needed, no write", 0, 1, { { 1, PTE_PR | PTE_IR } }, .need = PTE_RW,
	  FAULT(1, PERM) },
	{ "both needed, no read", 0, 1, { { 1, PTE_PR | PTE_IW } }, .need = PTE_RW,
	  FAULT(1, PERM) },
	{ "table forbids writing", 0, 2, { { 2, TABLE(1) & ~PTE_IW }, { 1, LEAF(0) } },
	  .need = PTE_IW, FAULT(1, PERM) },
	{ "table forbids, other right", 0, 2, { { 2, TABLE(1) & ~PTE_IW }, { 1, LEAF(0) } },
	  OK(2, 0, 12) },
	{ "device forbids writing", 0, 1, { { 1, LEAF(0) } }, .need = PTE_IW,
	  .rights = PTE_IR, FAULT(1, PERM) },
	{ "rights before a malformed leaf", 0, 6, { { 6, PTE_PR } }, FAULT(1, PERM) },
	/* step 7 */
	{ "leaf at level 6", 0, 6, { { 6, LEAF(0) } }, FAULT(1, RSVD) },
	{ "sized leaf at level 6", 0, 6, { { 6, SIZED(0x0003fffffffff000ULL) } },
	  FAULT(1, RSVD) },
	{ "level 1, 2^12 cannot be said", 0, 1, { { 1, SIZED(0) } }, OK(1, 0, 13) },
	{ "level 1, 2^20", 0, 1, { { 1, SIZED(0x7f000) } }, OK(1, 0, 20) },
	{ "level 1, 2^21", 0, 1, { { 1, SIZED(0xff000) } }, FAULT(1, RSVD) },
	{ "level 2, 2^21", 0, 2, { { 2, SIZED(0xff000) } }, FAULT(1, RSVD) },
	{ "level 2, 2^13", 0, 2, { { 2, SIZED(0) } }, FAULT(1, RSVD) },
	{ "level 2, 2^22", 0, 2, { { 2, SIZED(0x1ff000) } }, OK(1, 0, 22) },
	{ "level 5, 2^51", 0, 5, { { 5, SIZED(0x0003fffffffff000ULL) } }, OK(1, 0, 51) },
	{ "level 5, 2^52", 0, 5, { { 5, SIZED(0x0007fffffffff000ULL) } }, FAULT(1, RSVD) },
	{ "level 5, no bit clear", 0, 5, { { 5, SIZED(0x000ffffffffff000ULL) } },
	  FAULT(1, RSVD) },
	{ "level 2, address misaligned", 0, 2, { { 2, LEAF(0x1000) } }, FAULT(1, RSVD) },
	{ "level 2, bit 20", 0, 2, { { 2, LEAF(0x100000) } }, FAULT(1, RSVD) },
	{ "level 5, bit 47", 0, 5, { { 5, LEAF(1ULL << 47) } }, FAULT(1, RSVD) },
	{ "sized, address above the size", 0, 1, { { 1, SIZED(0x12340000 | 0x7000) } },
	  OK(1, 0x12340000, 16) },
	/* step 8 */
	{ "NL of the same level", 0, 2, { { 2, TABLE(2) } }, FAULT(1, RSVD) },
	{ "NL of a higher level", 0, 2, { { 2, TABLE(5) } }, FAULT(1, RSVD) },
	{ "NL 1 at level 1", 0, 1, { { 1, TABLE(1) } }, FAULT(1, RSVD) },
	{ "NL 6 at level 6", 0, 6, { { 6, TABLE(6) } }, FAULT(1, RSVD) },
	{ "6 to 1", 0x5000, 6, { { 6, TABLE(1) }, { 1, LEAF(0x3000) } }, OK(2, 0x3000, 12) },
	{ "6 to 1, bit 56", 1ULL << 56, 6, { { 6, TABLE(1) }, { 1, LEAF(0) } }, FAULT(1, RSVD) },
	{ "6 to 1, bit 21", 1ULL << 21, 6, { { 6, TABLE(1) }, { 1, LEAF(0) } }, FAULT(1, RSVD) },
	{ "6 to 1, bit 20", 1ULL << 20, 6, { { 6, TABLE(1) }, { 1, LEAF(0) } }, OK(2, 0, 12) },
	{ "4 to 2, bit 30", 1ULL << 30, 4, { { 4, TABLE(2) }, { 2, LEAF(0) } }, FAULT(1, RSVD) },
	{ "4 to 2, bit 38", 1ULL << 38, 4, { { 4, TABLE(2) }, { 2, LEAF(0) } }, FAULT(1, RSVD) },
	{ "4 to 2, bits 39 and 29", 1ULL << 39 | 1ULL << 29, 4,
	  { { 4, TABLE(2) }, { 2, LEAF(0x40000000) } }, OK(2, 0x40000000, 21) },
	{ "all 6 levels", 0x0123456789abc000ULL, 6,
	  { { 6, TABLE(5) }, { 5, TABLE(4) }, { 4, TABLE(3) }, { 3, TABLE(2) },
	    { 2, TABLE(1) }, { 1, LEAF(0x000ffffffffff000ULL) } },
	  OK(6, 0x000ffffffffff000ULL, 12) },
};

KUNIT_ARRAY_PARAM_DESC(walk, walk_rules, name);

static u64 slot_pa(unsigned int level, u64 iova)
{
	return TABLE_PA(level) + 8 * ((iova >> (12 + 9 * (level - 1))) % 512);
}

static void test_rule(struct kunit *test)
{
	const struct walk_case *c = test->param_value;
	struct bench *b = bench_create(test, NULL, BENCH_PAGES);
	struct sim_walk walk = {
		.iova = c->iova,
		.root = TABLE_PA(c->levels),
		.levels = c->levels,
		.need = c->need ?: PTE_IR,
		.rights = c->rights ?: PTE_RW,
	};
	enum sim_event_type event;
	u64 last = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(c->set) && c->set[i].level; i++) {
		bench_store(b, slot_pa(c->set[i].level, c->iova), c->set[i].entry);
		if (i < c->reads)
			last = c->set[i].entry;
	}
	if (c->reads > i)
		last = 0;

	event = sim_walk(b->hw, &walk);
	KUNIT_EXPECT_EQ(test, event, c->event);
	KUNIT_EXPECT_EQ(test, walk.reads, c->reads);
	if (event != EVT_PAGE_TAB_HW_ERROR)
		KUNIT_EXPECT_EQ(test, walk.entry, last);
	if (event == EVT_IO_PAGE_FAULT)
		KUNIT_EXPECT_EQ(test, walk.fault, c->flags);
	if (event == EVT_PAGE_TAB_HW_ERROR)
		KUNIT_EXPECT_EQ(test, walk.entry_pa & ~0xfffULL, last & 0x000ffffffffff000ULL);
	if (!c->event) {
		KUNIT_EXPECT_EQ(test, walk.pa, c->pa);
		KUNIT_EXPECT_EQ(test, walk.size_lg2, c->size_lg2);
	}
}

static void test_root_not_in_memory(struct kunit *test)
{
	struct bench *b = bench_create(test, NULL, 1);
	struct sim_walk walk = {
		.iova = 0x3000, .root = bench_ram_end(b), .levels = 2,
		.need = PTE_IR, .rights = PTE_RW,
	};

	KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), EVT_PAGE_TAB_HW_ERROR);
	KUNIT_EXPECT_EQ(test, walk.entry_pa, bench_ram_end(b));
	KUNIT_EXPECT_EQ(test, walk.reads, 0);
}

/* spec 4.1: each reserved bit, in a leaf and in a table entry */
static void test_reserved_bits(struct kunit *test)
{
	struct bench *b = bench_create(test, NULL, BENCH_PAGES);
	unsigned int level, bit;

	for (bit = 52; bit <= 58; bit++) {
		for (level = 1; level <= 2; level++) {
			struct sim_walk walk = {
				.root = TABLE_PA(2), .levels = 2,
				.need = PTE_IR, .rights = PTE_RW,
			};

			bench_store(b, TABLE_PA(2), TABLE(1));
			bench_store(b, TABLE_PA(1), LEAF(0));
			KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), 0);
			bench_store(b, TABLE_PA(level),
				    bench_load(b, TABLE_PA(level)) | 1ULL << bit);
			KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), EVT_IO_PAGE_FAULT);
			KUNIT_EXPECT_EQ_MSG(test, walk.fault, RSVD, "bit %u", bit);
		}
	}
}

static void expect_page(struct bench *b, u64 root, u64 iova, u64 pa, unsigned int size_lg2)
{
	struct sim_walk walk = {
		.iova = iova, .root = root, .levels = 6, .need = PTE_RW, .rights = PTE_RW,
	};

	KUNIT_EXPECT_EQ_MSG(b->test, sim_walk(b->hw, &walk), 0, "iova %#llx", iova);
	KUNIT_EXPECT_EQ_MSG(b->test, walk.pa, pa, "iova %#llx", iova);
	KUNIT_EXPECT_EQ_MSG(b->test, walk.size_lg2, size_lg2, "iova %#llx", iova);
	KUNIT_EXPECT_EQ(b->test, walk.reads, 7 - bench_leaf_level(size_lg2));
}

static void expect_nothing(struct bench *b, u64 root, u64 iova)
{
	struct sim_walk walk = {
		.iova = iova, .root = root, .levels = 6, .need = PTE_IR, .rights = PTE_RW,
	};

	KUNIT_EXPECT_EQ_MSG(b->test, sim_walk(b->hw, &walk), EVT_IO_PAGE_FAULT,
			    "iova %#llx", iova);
	KUNIT_EXPECT_EQ(b->test, walk.fault, 0);
}

KUNIT_ARRAY_PARAM(size, bench_sizes, bench_size_desc);

/* spec 4.2: 2^39 is not offered, but decoded */
static void test_size(struct kunit *test)
{
	unsigned int lg2 = *(const unsigned int *)test->param_value;
	u64 size = 1ULL << lg2, pa = 0x000a5a5a5a5a5000ULL & ~(size - 1), step;
	u64 iova = 0x05a5a5a5a5a5a000ULL & ~(size - 1);
	struct bench *b = bench_create(test, NULL, BENCH_PAGES);
	u64 root = bench_alloc(b, 1);
	unsigned int i;

	bench_map(b, root, 6, iova, pa, lg2, PTE_RW);
	expect_page(b, root, iova, pa, lg2);
	expect_page(b, root, iova + size - 1, pa, lg2);
	expect_nothing(b, root, iova - 1);
	expect_nothing(b, root, iova + size);

	/* Each of the entries that the leaf fills says the same */
	step = 1ULL << (lg2 - (lg2 - 12) % 9);
	for (i = 0; i < size / step; i++) {
		expect_page(b, root, iova + i * step, pa, lg2);
		expect_page(b, root, iova + (i + 1) * step - 4096, pa, lg2);
	}
}

/* spec 4.4 */
static void test_accessed_dirty(struct kunit *test)
{
	static const u64 sets[] = { 0, PTE_A, PTE_D, PTE_A | PTE_D };
	struct bench *b = bench_create(test, NULL, BENCH_PAGES);
	u64 root = bench_alloc(b, 1), table, slot;
	unsigned int before, set;

	/* 32 KiB, in 8 entries of which the walk reads the fourth */
	bench_map(b, root, 2, 0x8000, 0x8000, 15, PTE_RW);
	slot = bench_slot(b, root, 2, 0x8000, 1);
	table = bench_load(b, root);

	for (before = 0; before < ARRAY_SIZE(sets); before++) {
		for (set = 0; set < ARRAY_SIZE(sets); set++) {
			struct sim_walk walk = {
				.iova = 0xb123, .root = root, .levels = 2,
				.need = PTE_IR, .rights = PTE_RW, .set = sets[set],
			};
			u64 leaf = bench_leaf(0x8000, 15) | PTE_RW;
			unsigned int i;

			bench_store(b, slot + 8 * 3, leaf | sets[before]);
			KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), 0);
			for (i = 0; i < 8; i++)
				KUNIT_EXPECT_EQ(test, bench_load(b, slot + 8 * i),
						i == 3 ? leaf | sets[before] | sets[set] : leaf);
			KUNIT_EXPECT_EQ_MSG(test, bench_load(b, root), table,
					    "a table entry was changed");
		}
	}
}

/* A walk that fails changes nothing */
static void test_accessed_dirty_fault(struct kunit *test)
{
	static const u64 leaves[] = {
		LEAF(0) & ~PTE_PR, LEAF(0) | 1ULL << 52, PTE_PR | PTE_IR, SIZED(0xff000), TABLE(1),
	};
	struct bench *b = bench_create(test, NULL, BENCH_PAGES);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct sim_walk walk = {
			.root = TABLE_PA(1), .levels = 1, .need = PTE_IW, .rights = PTE_RW,
			.set = PTE_A | PTE_D,
		};

		bench_store(b, TABLE_PA(1), leaves[i]);
		KUNIT_EXPECT_EQ(test, sim_walk(b->hw, &walk), EVT_IO_PAGE_FAULT);
		KUNIT_EXPECT_EQ(test, bench_load(b, TABLE_PA(1)), leaves[i]);
	}
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE_PARAM(test_rule, walk_gen_params),
	KUNIT_CASE(test_root_not_in_memory),
	KUNIT_CASE(test_reserved_bits),
	KUNIT_CASE_PARAM(test_size, size_gen_params),
	KUNIT_CASE(test_accessed_dirty),
	KUNIT_CASE(test_accessed_dirty_fault),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "iommu_sim_walk",
	.test_cases = walk_cases,
};

kunit_test_suite(walk_suite);
