// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table walk on random tables, valid and corrupted, against the
 * reference of ref_walk.c. The reference has a copy of the memory, so that it
 * shows when the walk changes what it should not.
 *
 * Table number i is made from (seed, i) alone: a failure says which.
 */
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "ref_walk.h"

#define NR_TABLES	1000000
#define NR_PAGES	12
#define NR_PATHS	4
#define MAX_TOUCHED	2048

/* How often each way to end was seen: a test that only sees faults is none */
enum outcome {
	SEEN_TRANSLATED,
	SEEN_SIZED,
	SEEN_SKIP,
	SEEN_ABSENT,
	SEEN_PERM,
	SEEN_RSVD,
	SEEN_RANGE,
	SEEN_NOT_RAM,
	SEEN_NR
};

static const char *const outcome_names[SEEN_NR] = {
	"translated", "NL 7", "levels skipped", "not present", "not permitted",
	"malformed", "out of range", "table not in memory",
};

/**
 * struct random_table - a page table that is being tried
 * @b: the bench
 * @ref: the reference's memory
 * @rnd: state of the random numbers
 * @root: address of the highest table
 * @levels: its level
 * @corrupt: chance of damage to an entry, in percent
 * @iova: addresses that have entries
 * @touched: offsets of entries that are not zero
 * @nr_touched: how many
 * @seen: outcomes so far
 */
struct random_table {
	struct bench *b;
	struct ref_mem ref;
	u64 rnd;
	u64 root;
	unsigned int levels;
	unsigned int corrupt;
	u64 iova[NR_PATHS];
	u32 touched[MAX_TOUCHED];
	unsigned int nr_touched;
	u64 seen[SEEN_NR];
};

static void put_entry(struct random_table *t, u64 pa, u64 entry)
{
	u64 offset = pa - BENCH_RAM;

	if (t->nr_touched == MAX_TOUCHED)
		return;
	t->touched[t->nr_touched++] = offset;
	*(__le64 *)(t->b->ram.virt + offset) = cpu_to_le64(entry);
	*(__le64 *)(t->ref.bytes + offset) = cpu_to_le64(entry);
}

static void clear_entries(struct random_table *t)
{
	while (t->nr_touched) {
		u32 offset = t->touched[--t->nr_touched];

		*(u64 *)(t->b->ram.virt + offset) = 0;
		*(u64 *)(t->ref.bytes + offset) = 0;
	}
}

static u64 random_page(struct random_table *t)
{
	static const u64 near[] = {
		BENCH_RAM - 4096, BENCH_RAM + NR_PAGES * 4096, 0, 0x000ffffffffff000ULL,
	};

	if (rnd_chance(&t->rnd, t->corrupt / 4))
		return near[rnd_below(&t->rnd, ARRAY_SIZE(near))];
	return BENCH_RAM + 4096 * rnd_below(&t->rnd, NR_PAGES);
}

static u64 random_rights(struct random_table *t)
{
	return rnd_chance(&t->rnd, 85) ? PTE_RW : rnd64(&t->rnd) & PTE_RW;
}

/* One of many ways to be wrong, or just another entry */
static u64 damage(struct random_table *t, u64 entry)
{
	switch (rnd_below(&t->rnd, 6)) {
	case 0:
		return rnd64(&t->rnd);
	case 1:
		return rnd64(&t->rnd) | PTE_PR | PTE_RW;
	case 2:		/* another next level */
		return (entry & ~PTE_NL(7)) | PTE_NL(rnd_below(&t->rnd, 8));
	case 3:		/* another size, or a misaligned address */
		return entry | GENMASK_ULL(12 + rnd_below(&t->rnd, 40), 12);
	case 4:
		return entry | 1ULL << (52 + rnd_below(&t->rnd, 7));
	default:
		return entry ^ 1ULL << rnd_below(&t->rnd, 64);
	}
}

/* Bits that say nothing, or that a walk may set */
static u64 decorate(struct random_table *t)
{
	return rnd64(&t->rnd) & (PTE_A | PTE_D | 0x19e | 1ULL << 59 | 1ULL << 60 | 1ULL << 63);
}

static u64 entry_pa(u64 table, u64 iova, unsigned int level)
{
	return table + 8 * ((iova >> (12 + 9 * (level - 1))) % 512);
}

/* A leaf at @level, in all the entries that it fills, most of the time */
static void put_leaf(struct random_table *t, u64 table, u64 iova, unsigned int level)
{
	unsigned int span_lg2 = 12 + 9 * (level - 1), size_lg2 = span_lg2, i, nr;
	u64 pa = rnd64(&t->rnd) & GENMASK_ULL(51, 12), leaf;

	if (level < 6 && rnd_chance(&t->rnd, 60))
		size_lg2 = min(span_lg2 + rnd_below(&t->rnd, 9), 51U);
	pa &= ~((1ULL << size_lg2) - 1);
	leaf = size_lg2 == span_lg2 ? PTE_PR | pa : bench_leaf(pa, size_lg2);
	leaf |= random_rights(t);

	nr = 1U << (size_lg2 - span_lg2);
	if (rnd_chance(&t->rnd, 30))
		nr = min(nr, 4U);	/* fewer than there should be */
	for (i = 0; i < nr; i++) {
		u64 slot = entry_pa(table, iova, level);

		if (nr > 1)
			slot = (slot & ~(8ULL * nr - 1)) + 8 * i;
		put_entry(t, slot, leaf | decorate(t));
	}
	if (rnd_chance(&t->rnd, t->corrupt))
		put_entry(t, entry_pa(table, iova, level), damage(t, leaf));
}

static bool in_memory(u64 table)
{
	return table >= BENCH_RAM && table < BENCH_RAM + NR_PAGES * 4096;
}

/* Entries for @iova, from the root down; returns the address they are for */
static u64 put_path(struct random_table *t, u64 iova)
{
	unsigned int level = t->levels, next;
	u64 table = t->root, to, entry;

	while (in_memory(table)) {
		if (level == 1 || (level < 6 && rnd_chance(&t->rnd, 20))) {
			put_leaf(t, table, iova, level);
			break;
		}
		next = level - 1;
		if (next > 1 && rnd_chance(&t->rnd, 25))
			next = 1 + rnd_below(&t->rnd, next);
		/* Skipped levels have index 0, or the walk is to notice */
		if (next < level - 1 && !rnd_chance(&t->rnd, t->corrupt))
			iova &= ~GENMASK_ULL(12 + 9 * (level - 1) - 1, 12 + 9 * next);

		to = random_page(t);
		entry = PTE_PR | PTE_NL(next) | to | random_rights(t) | decorate(t);
		if (rnd_chance(&t->rnd, t->corrupt / 4))
			entry = damage(t, entry);
		put_entry(t, entry_pa(table, iova, level), entry);
		table = to;
		level = next;
	}
	return iova;
}

static u64 random_iova(struct random_table *t)
{
	u64 iova = rnd64(&t->rnd);

	/* Often small indices, so that paths meet */
	if (rnd_chance(&t->rnd, 30))
		iova &= rnd64(&t->rnd) & rnd64(&t->rnd);
	if (t->levels < 6 && !rnd_chance(&t->rnd, 3))
		iova &= GENMASK_ULL(12 + 9 * t->levels - 1, 0);
	return iova;
}

/* One bit, mostly among those that index a table */
static u64 random_bit(struct random_table *t)
{
	unsigned int bits = rnd_chance(&t->rnd, 5) ? 64 : min(12 + 9 * t->levels, 64U);

	return 1ULL << rnd_below(&t->rnd, bits);
}

static void make_table(struct random_table *t, u64 seed)
{
	unsigned int i;

	t->rnd = seed;
	clear_entries(t);
	t->levels = 1 + rnd_below(&t->rnd, 6);
	t->corrupt = rnd_chance(&t->rnd, 50) ? 0 : rnd_below(&t->rnd, 60);
	t->root = random_page(t);
	for (i = 0; i < NR_PATHS; i++)
		t->iova[i] = random_iova(t);
	for (i = 0; i < NR_PATHS; i++) {
		if (i && rnd_chance(&t->rnd, 50))
			t->iova[i] = t->iova[i - 1] ^ random_bit(t);
		t->iova[i] = put_path(t, t->iova[i]);
	}
}

static void count(struct random_table *t, const struct ref_walk *ref)
{
	if (ref->result == REF_TRANSLATED) {
		t->seen[SEEN_TRANSLATED]++;
		t->seen[SEEN_SIZED] += (ref->entry >> 9 & 7) == 7;
		t->seen[SEEN_SKIP] += ref->nr_reads + (ref->size_lg2 - 12) / 9 < t->levels;
		return;
	}
	t->seen[SEEN_NOT_RAM] += ref->result == REF_TABLE_NOT_RAM;
	t->seen[SEEN_ABSENT] += ref->result == REF_PAGE_FAULT && !ref->flags;
	t->seen[SEEN_PERM] += !!(ref->flags & REF_PERM);
	t->seen[SEEN_RSVD] += !!(ref->flags & REF_RSVD);
	t->seen[SEEN_RANGE] += !!(ref->flags & REF_RANGE);
}

/* What the walk found against what the reference did; NULL if they agree */
static const char *differ(const struct sim_walk *walk, enum sim_event_type event,
			  const struct ref_walk *ref)
{
	u64 rights = (ref->may_read ? PTE_IR : 0) | (ref->may_write ? PTE_IW : 0);
	u64 changes = ref->result == REF_TRANSLATED ? PTE_A | PTE_D : 0;

	if ((int)event != (int)ref->result)
		return "result";
	if (walk->reads != ref->nr_reads)
		return "number of reads";
	if (ref->result == REF_TABLE_NOT_RAM)
		return walk->entry_pa == ref->entry_pa ? NULL : "address of the entry";
	if ((walk->entry ^ ref->entry) & ~changes)
		return "entry";
	if (ref->nr_reads && walk->entry_pa != ref->entry_pa)
		return "address of the entry";
	if (ref->result == REF_PAGE_FAULT)
		return walk->fault == ref->flags ? NULL : "flags";
	if (walk->pa != ref->pa)
		return "address of the page";
	if (walk->size_lg2 != ref->size_lg2)
		return "size";
	if ((walk->rights & PTE_RW) != rights)
		return "rights";
	return NULL;
}

static const char *try_walk(struct random_table *t, u64 iova)
{
	u64 r = rnd64(&t->rnd);
	struct ref_walk ref = {
		.iova = iova,
		.root = t->root,
		.levels = t->levels,
		.reads = r & 1,
		.writes = (r & 2) || !(r & 1),
		.may_read = (r & 0x1c) != 0,
		.may_write = (r & 0xe0) != 0,
		.set_a = r & 0x100,
		.set_d = r & 0x200,
	};
	struct sim_walk walk = {
		.iova = iova,
		.root = t->root,
		.levels = t->levels,
		.need = (ref.reads ? PTE_IR : 0) | (ref.writes ? PTE_IW : 0),
		.rights = (ref.may_read ? PTE_IR : 0) | (ref.may_write ? PTE_IW : 0),
		.set = (ref.set_a ? PTE_A : 0) | (ref.set_d ? PTE_D : 0),
	};
	enum sim_event_type event;
	const char *what;

	event = sim_walk(t->b->hw, &walk);
	ref_walk(&t->ref, &ref);
	count(t, &ref);
	what = differ(&walk, event, &ref);
	if (what)
		kunit_err(t->b->test, "iova %#llx, %u levels: event %u against %u, flags %#x against %#x, entry %#llx against %#llx, page %#llx+2^%u against %#llx+2^%u\n",
			  iova, t->levels, event, ref.result, walk.fault, ref.flags,
			  walk.entry, ref.entry, walk.pa, walk.size_lg2, ref.pa, ref.size_lg2);
	return what;
}

/* A and D, in every entry that could have got them */
static const char *compare_entries(const struct random_table *t)
{
	unsigned int i;

	for (i = 0; i < t->nr_touched; i++)
		if (*(u64 *)(t->b->ram.virt + t->touched[i]) !=
		    *(u64 *)(t->ref.bytes + t->touched[i]))
			return "A or D";
	return NULL;
}

static const char *try_table(struct random_table *t)
{
	const char *what = NULL;
	unsigned int i;

	for (i = 0; i < NR_PATHS && !what; i++) {
		what = try_walk(t, t->iova[i]);
		if (!what)
			what = try_walk(t, t->iova[i] ^ random_bit(t));
	}
	if (!what)
		what = try_walk(t, random_iova(t));
	return what ?: compare_entries(t);
}

static struct random_table *new_table(struct kunit *test)
{
	struct random_table *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->b = bench_create(test, NULL, NR_PAGES);
	t->ref.base = BENCH_RAM;
	t->ref.size = NR_PAGES * 4096;
	t->ref.bytes = kunit_kzalloc(test, t->ref.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->ref.bytes);
	return t;
}

static void test_random_tables(struct kunit *test)
{
	struct random_table *t = new_table(test);
	unsigned int i, nr = bench_scale(NR_TABLES);
	u64 seed = bench_seed(test);
	const char *what = NULL;

	for (i = 0; i < nr && !what; i++) {
		make_table(t, seed + i);
		what = try_table(t);
		/* What should never change, less often: it takes long */
		if (!what && i % 4096 == 0 && memcmp(t->b->ram.virt, t->ref.bytes, t->ref.size))
			what = "memory";
		if (i % 4096 == 0)
			cond_resched();
	}
	if (what)
		KUNIT_FAIL(test, "%s differs, table %u of seed %llu", what, i - 1, seed);

	kunit_info(test, "%u tables\n", i);
	for (i = 0; i < SEEN_NR; i++) {
		kunit_info(test, "%s: %llu\n", outcome_names[i], t->seen[i]);
		KUNIT_EXPECT_GT_MSG(test, t->seen[i], nr / 1000, "%s hardly tried",
				    outcome_names[i]);
	}
}

static struct kunit_case walk_random_cases[] = {
	KUNIT_CASE_SLOW(test_random_tables),
	{}
};

static struct kunit_suite walk_random_suite = {
	.name = "iommu_sim_walk_random",
	.test_cases = walk_random_cases,
};

kunit_test_suite(walk_random_suite);
