// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table writer (spec 4). It shares nothing with the walker in hw/ but
 * the format.
 *
 * Calls for disjoint ranges may run in parallel, also with the device walking
 * and setting A and D: tables are linked in by compare-and-swap, and leaves
 * belong to whoever the IOVA belongs to. Calls for overlapping ranges at the
 * same time are the caller's bug, as for all iommu_map() and iommu_unmap().
 *
 * sim_pt_lookup() runs under RCU, so a table that was unlinked is freed after
 * a grace period. That protects CPUs only. The device is kept away by the flush
 * that comes first: see struct sim_limbo.
 */
#include <linux/mm.h>

#include "driver.h"

#define ENTRIES		BIT(SIM_PT_LEVEL_LG2)

static u64 read_entry(const __le64 *entry)
{
	return le64_to_cpu(READ_ONCE(*entry));
}

static void write_entry(__le64 *entry, u64 value)
{
	WRITE_ONCE(*entry, cpu_to_le64(value));
}

static __le64 *entry_of(__le64 *table, unsigned int level, u64 iova)
{
	return table + ((iova >> sim_pt_slot_lg2(level)) & (ENTRIES - 1));
}

static bool is_leaf(u64 entry)
{
	unsigned int next = FIELD_GET(SIM_PTE_NL, entry);

	return next == SIM_PTE_NL_LEAF || next == SIM_PTE_NL_SIZED;
}

static __le64 *table_of(u64 entry)
{
	return phys_to_virt(entry & SIM_PTE_ADDR);
}

static unsigned int leaf_size_lg2(u64 entry, unsigned int level)
{
	if (FIELD_GET(SIM_PTE_NL, entry) == SIM_PTE_NL_LEAF)
		return sim_pt_slot_lg2(level);
	return sim_sized_addr_lg2(entry & SIM_PTE_ADDR);
}

static u64 make_leaf(u64 pa, unsigned int size_lg2, unsigned int level, u64 rights)
{
	u64 leaf = SIM_PTE_PR | SIM_PTE_FC | rights;

	if (size_lg2 == sim_pt_slot_lg2(level))
		return leaf | pa;
	return leaf | FIELD_PREP(SIM_PTE_NL, SIM_PTE_NL_SIZED) |
	       (sim_sized_addr(pa, size_lg2) & SIM_PTE_ADDR);
}

/* A table that will translate @iova, at @level */
static __le64 *alloc_table(struct sim_pt *pt, unsigned int level, u64 iova, gfp_t gfp)
{
	u64 below = GENMASK_ULL(min(sim_pt_va_bits(level), 64U) - 1, 0);
	__le64 *table;

	if (sim_inject(pt->inject, SIM_INJECT_TABLE_ALLOC, pt->device, iova & ~below, iova | below))
		return NULL;
	table = (__le64 *)get_zeroed_page(gfp);
	if (!table)
		return NULL;
	atomic_long_inc(&pt->tables);
	sim_stat_inc(pt->stats, SIM_DSTAT_TABLES_ALLOCATED);
	return table;
}

static void count_freed(struct sim_pt *pt)
{
	atomic_long_dec(&pt->tables);
	sim_stat_inc(pt->stats, SIM_DSTAT_TABLES_FREED);
}

static void free_table(struct sim_pt *pt, __le64 *table)
{
	free_page((unsigned long)table);
	count_freed(pt);
}

/**
 * sim_pt_init() - make an empty page table
 * @pt: the page table
 * @levels: 1 to SIM_PT_MAX_LEAF_LEVEL, for at most 57 bits of IOVA
 * @stats: where to count its tables
 * @inject: what may make maps fail
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int sim_pt_init(struct sim_pt *pt, unsigned int levels, struct iommu_sim_stats *stats,
		struct sim_inject *inject)
{
	pt->levels = levels;
	atomic_long_set(&pt->tables, 0);
	pt->stats = stats;
	pt->inject = inject;
	pt->device = SIM_INJECT_ANY_DEVICE;
	pt->root = alloc_table(pt, levels, 0, GFP_KERNEL);
	return pt->root ? 0 : -ENOMEM;
}

static void destroy_table(struct sim_pt *pt, __le64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < ENTRIES; i++) {
		u64 entry = read_entry(&table[i]);

		if (entry & SIM_PTE_PR && !is_leaf(entry))
			destroy_table(pt, table_of(entry), level - 1);
	}
	free_table(pt, table);
}

/**
 * sim_pt_destroy() - free a page table with all that is in it
 * @pt: the page table; no device walks it, and no other CPU
 */
void sim_pt_destroy(struct sim_pt *pt)
{
	destroy_table(pt, pt->root, pt->levels);
}

/**
 * sim_limbo_init() - make an empty limbo list
 * @limbo: the list
 */
void sim_limbo_init(struct sim_limbo *limbo)
{
	INIT_LIST_HEAD(&limbo->tables);
	limbo->iova = U64_MAX;
	limbo->last = 0;
}

/* @table, at @level, was unlinked from where it translated @iova */
static void limbo_add(struct sim_limbo *limbo, __le64 *table, unsigned int level, u64 iova)
{
	u64 below = GENMASK_ULL(sim_pt_slot_lg2(level + 1) - 1, 0);

	list_add(&virt_to_page(table)->lru, &limbo->tables);
	limbo->iova = min(limbo->iova, iova & ~below);
	limbo->last = max(limbo->last, iova | below);
}

/**
 * sim_limbo_splice() - move all tables to another list
 * @from: this one will be empty
 * @to: this one gets them
 */
void sim_limbo_splice(struct sim_limbo *from, struct sim_limbo *to)
{
	to->iova = min(to->iova, from->iova);
	to->last = max(to->last, from->last);
	list_splice(&from->tables, &to->tables);
	sim_limbo_init(from);
}

static void free_table_rcu(struct rcu_head *rcu)
{
	__free_page(container_of(rcu, struct page, rcu_head));
}

/**
 * sim_limbo_free() - free tables that no device can reach any more
 * @limbo: the list; will be empty
 * @pt: the page table they were part of
 *
 * Context: any.
 */
void sim_limbo_free(struct sim_limbo *limbo, struct sim_pt *pt)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &limbo->tables, lru) {
		/* The same bytes are the RCU head */
		call_rcu(&page->rcu_head, free_table_rcu);
		count_freed(pt);
	}
	sim_limbo_init(limbo);
}

/* The table below @entry, at @level; made if there is none */
static __le64 *get_table(struct sim_pt *pt, __le64 *entry, unsigned int level, u64 iova, gfp_t gfp)
{
	u64 old = read_entry(entry), new;
	__le64 *table, found;

	if (old & SIM_PTE_PR)
		return is_leaf(old) ? ERR_PTR(-EADDRINUSE) : table_of(old);

	table = alloc_table(pt, level, iova, gfp);
	if (!table)
		return ERR_PTR(-ENOMEM);
	new = SIM_PTE_PR | SIM_PTE_IR | SIM_PTE_IW | SIM_PTE_FC |
	      FIELD_PREP(SIM_PTE_NL, level) | virt_to_phys(table);
	/* Another CPU may map a neighbour. Orders the zeroes before the link. */
	found = cmpxchg(entry, cpu_to_le64(old), cpu_to_le64(new));
	if (found == cpu_to_le64(old))
		return table;
	free_table(pt, table);
	old = le64_to_cpu(found);
	return is_leaf(old) ? ERR_PTR(-EADDRINUSE) : table_of(old);
}

/* The table at @level in which @iova is, made if need be */
static __le64 *descend(struct sim_pt *pt, unsigned int level, u64 iova, gfp_t gfp)
{
	unsigned int at = pt->levels;
	__le64 *table = pt->root;

	for (; at > level && !IS_ERR(table); at--)
		table = get_table(pt, entry_of(table, at, iova), at - 1, iova, gfp);
	return table;
}

/* Whether nothing is mapped below @table, which may have tables of its own */
static bool table_is_empty(__le64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++) {
		u64 entry = read_entry(&table[i]);

		if (entry & SIM_PTE_PR &&
		    (is_leaf(entry) || !table_is_empty(table_of(entry), level - 1)))
			return false;
	}
	return true;
}

static void unlink_empty(__le64 *table, unsigned int level, u64 iova, struct sim_limbo *limbo)
{
	unsigned int i;

	for (i = 0; level > 1 && i < ENTRIES; i++) {
		u64 entry = read_entry(&table[i]);

		if (entry & SIM_PTE_PR)
			unlink_empty(table_of(entry), level - 1,
				     iova + ((u64)i << sim_pt_slot_lg2(level)), limbo);
	}
	limbo_add(limbo, table, level, iova);
}

/* Make way for a leaf where tables have been left behind by earlier unmaps */
static int clear_entry(__le64 *entry, unsigned int level, u64 iova, struct sim_limbo *limbo)
{
	u64 old = read_entry(entry);
	__le64 *table;

	if (!(old & SIM_PTE_PR))
		return 0;
	if (is_leaf(old))
		return -EADDRINUSE;
	table = table_of(old);
	if (!table_is_empty(table, level - 1))
		return -EADDRINUSE;
	write_entry(entry, 0);
	unlink_empty(table, level - 1, iova, limbo);
	return 0;
}

/* One page; nothing is written unless all of it was free */
static int map_page(__le64 *entry, unsigned int level, u64 iova, u64 leaf, unsigned int nr,
		    struct sim_limbo *limbo)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = clear_entry(&entry[i], level, iova + ((u64)i << sim_pt_slot_lg2(level)),
				  limbo);
		if (ret)
			return ret;
	}
	for (i = 0; i < nr; i++)
		write_entry(&entry[i], leaf);
	return 0;
}

/**
 * sim_pt_map() - map pages of one size
 * @pt: the page table
 * @iova: where, aligned to the size
 * @pa: what, aligned to the size
 * @size_lg2: log2 of the page size, one of SIM_PGSIZES
 * @count: how many pages
 * @rights: SIM_PTE_IR, SIM_PTE_IW
 * @gfp: for tables
 * @mapped: increased by the bytes that are mapped, also if the rest fails
 * @limbo: gets tables that had to make way
 *
 * Return: 0; -EINVAL if the root does not span such a page; -ENOMEM;
 * -EADDRINUSE if something is mapped there, as of generic_pt, where older
 * drivers have -EEXIST.
 */
int sim_pt_map(struct sim_pt *pt, u64 iova, u64 pa, unsigned int size_lg2, size_t count,
	       u64 rights, gfp_t gfp, size_t *mapped, struct sim_limbo *limbo)
{
	unsigned int level = (size_lg2 - SIM_PAGE_LG2) / SIM_PT_LEVEL_LG2 + 1;
	unsigned int nr = BIT(size_lg2 - sim_pt_slot_lg2(level));
	__le64 *table = NULL, *entry = NULL;
	int ret;

	if (WARN_ON_ONCE(level > pt->levels))
		return -EINVAL;
	for (; count; count--) {
		if (!table || entry == table + ENTRIES) {
			table = descend(pt, level, iova, gfp);
			if (IS_ERR(table))
				return PTR_ERR(table);
			entry = entry_of(table, level, iova);
		}
		ret = map_page(entry, level, iova, make_leaf(pa, size_lg2, level, rights), nr,
			       limbo);
		if (ret)
			return ret;
		entry += nr;
		iova += BIT_ULL(size_lg2);
		pa += BIT_ULL(size_lg2);
		*mapped += BIT_ULL(size_lg2);
	}
	return 0;
}

static void clear_leaf(__le64 *entry, unsigned int nr)
{
	while (nr--)
		write_entry(entry++, 0);
}

/*
 * Unmaps what is mapped from @iova to @last, up to the first gap; @table covers
 * all of that. Returns the address after the last one that was unmapped, which
 * may be beyond @last.
 */
static u64 unmap_table(__le64 *table, unsigned int level, u64 iova, u64 last,
		       struct sim_limbo *limbo)
{
	unsigned int slot_lg2 = sim_pt_slot_lg2(level);

	while (iova <= last) {
		__le64 *slot = entry_of(table, level, iova);
		u64 entry = read_entry(slot);
		u64 below, next;

		if (!(entry & SIM_PTE_PR))
			return iova;

		if (is_leaf(entry)) {
			below = BIT_ULL(leaf_size_lg2(entry, level)) - 1;
			/* A page goes as a whole: with its first part, and not with another */
			if (iova & below)
				return iova;
			clear_leaf(slot, (below >> slot_lg2) + 1);
			iova += below + 1;
			continue;
		}

		below = BIT_ULL(slot_lg2) - 1;
		next = unmap_table(table_of(entry), level - 1, iova, min(last, iova | below),
				   limbo);
		if (!(iova & below) && next == iova + below + 1) {
			write_entry(slot, 0);
			limbo_add(limbo, table_of(entry), level - 1, iova);
		} else if (next <= min(last, iova | below)) {
			return next;
		}
		iova = next;
	}
	return iova;
}

/**
 * sim_pt_unmap() - unmap a range
 * @pt: the page table
 * @iova: first address
 * @len: bytes, at least 1; the range is within the page table's width
 * @limbo: gets the tables that went with it
 *
 * Ends at the first address that is not mapped. A page that begins in the range
 * goes as a whole, as VFIO and iommufd expect; one that began before ends it.
 * Return: bytes unmapped, which may be more than @len.
 */
u64 sim_pt_unmap(struct sim_pt *pt, u64 iova, u64 len, struct sim_limbo *limbo)
{
	return unmap_table(pt->root, pt->levels, iova, iova + len - 1, limbo) - iova;
}

/* What the leaf @entry, at @level, maps around @iova */
static struct sim_leaf read_leaf(u64 entry, unsigned int level, u64 iova)
{
	unsigned int size_lg2 = leaf_size_lg2(entry, level);
	u64 below = BIT_ULL(size_lg2) - 1;

	return (struct sim_leaf) {
		.iova = iova & ~below,
		.pa = entry & SIM_PTE_ADDR & ~below,
		.entry = entry,
		.size_lg2 = size_lg2,
	};
}

/**
 * sim_pt_lookup() - what an address translates to
 * @pt: the page table
 * @iova: the address, within the page table's width
 *
 * Context: any; takes no lock. Return: the physical address, or 0.
 */
u64 sim_pt_lookup(struct sim_pt *pt, u64 iova)
{
	unsigned int level = pt->levels;
	__le64 *table = pt->root;
	u64 pa = 0;

	rcu_read_lock();
	for (;; level--) {
		u64 entry = read_entry(entry_of(table, level, iova));

		if (!(entry & SIM_PTE_PR))
			break;
		if (is_leaf(entry)) {
			struct sim_leaf leaf = read_leaf(entry, level, iova);

			pa = leaf.pa + (iova - leaf.iova);
			break;
		}
		table = table_of(entry);
	}
	rcu_read_unlock();
	return pa;
}

/**
 * sim_pt_next_leaf() - the first page that is mapped at or after an address
 * @pt: the page table
 * @iova: where to begin
 * @last: where to end, within the page table's width
 * @leaf: the page, which may begin before @iova
 *
 * So a loop over whole pages, in order of IOVA, goes on at the end of @leaf.
 * What is mapped and unmapped meanwhile may be seen or not. Context: any; takes
 * no lock. Return: false if there is none.
 */
bool sim_pt_next_leaf(struct sim_pt *pt, u64 iova, u64 last, struct sim_leaf *leaf)
{
	unsigned int level = pt->levels;
	__le64 *table = pt->root;
	bool found = false;

	rcu_read_lock();
	while (iova <= last) {
		u64 entry = read_entry(entry_of(table, level, iova));

		if (entry & SIM_PTE_PR && is_leaf(entry)) {
			*leaf = read_leaf(entry, level, iova);
			found = true;
			break;
		}
		if (entry & SIM_PTE_PR) {
			table = table_of(entry);
			level--;
			continue;
		}
		iova = (iova | (BIT_ULL(sim_pt_slot_lg2(level)) - 1)) + 1;
		/* Past the end of this table: begin again at the top */
		if (!(iova & (BIT_ULL(sim_pt_va_bits(level)) - 1))) {
			level = pt->levels;
			table = pt->root;
		}
	}
	rcu_read_unlock();
	return found;
}
