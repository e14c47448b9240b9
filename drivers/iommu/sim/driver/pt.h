/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page table writer (spec 4): what its files share, and its interface.
 */
#ifndef _IOMMU_SIM_PT_H
#define _IOMMU_SIM_PT_H

#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "debug/inject.h"
#include "debug/stats.h"
#include "iommu-sim-bits.h"

#define SIM_PT_ENTRIES	BIT(SIM_PT_LEVEL_LG2)

/*
 * Empty tables that stay where they are until all is flushed, so that to map and
 * unmap the same few pages again and again does not allocate.
 */
#define SIM_PT_KEEP_EMPTY	4

/**
 * struct sim_pt - a page table
 * @root: the highest table
 * @levels: how many levels
 * @nr_reserve: how many tables there are in @reserve
 * @sizes: page sizes that maps use, a bit for each; read under RCU
 * @splitting: pages may be split by others than who unmaps them; read under RCU
 * @stats: where tables are counted, too
 * @inject: what may make maps fail
 * @device: requester ID on whose behalf they fail, if there is only one
 * @kick: called in any context when there is something in @suspects
 * @suspects: tables that may be empty, struct sim_table::node
 * @watched: those of them that sim_pt_reclaim() knows, struct sim_table::watch
 * @lock: protects @reserve, and has one split at a time replace entries; any
 *	  context, interrupts off
 * @reserve: tables for splits, struct sim_table::node
 * @tables: tables there are, those in limbo included, those in reserve not
 */
struct sim_pt {
	__le64 *root;
	unsigned int levels;
	unsigned int nr_reserve;
	unsigned long sizes;
	bool splitting;
	struct iommu_sim_stats *stats;
	struct sim_inject *inject;
	int device;
	void (*kick)(struct sim_pt *pt);
	/* All maps and unmaps read what is above; few write to it, or what is below */
	struct llist_head suspects ____cacheline_aligned_in_smp;
	struct list_head watched;
	raw_spinlock_t lock;	/* reserve, splits */
	struct llist_node *reserve;
	atomic_long_t tables;
};

/**
 * struct sim_leaf - a page in a page table
 * @iova: its first address
 * @pa: where it leads
 * @entry: the page table entry, with rights, A and D
 * @size_lg2: log2 of its size
 */
struct sim_leaf {
	u64 iova;
	u64 pa;
	u64 entry;
	unsigned int size_lg2;
};

/**
 * struct sim_limbo - tables that are unlinked, but may still be walked
 * @tables: struct sim_table::node
 * @iova: first address that they translated
 * @last: last address that they translated
 */
struct sim_limbo {
	struct llist_node *tables;
	u64 iova;
	u64 last;
};

/* Where a table is on its way, see pt_reclaim.c */
enum sim_table_phase {
	SIM_TABLE_IN_USE = 0,
	SIM_TABLE_WATCHED,
	SIM_TABLE_KEPT,
	SIM_TABLE_FROZEN,
};

/**
 * struct sim_table - what is known of a table; overlays its struct page
 * @__page_flags: the kernel's
 * @__page_mapping: the kernel's
 * @node: in sim_pt::suspects, sim_pt::reserve, or a limbo
 * @watch: in sim_pt::watched
 * @rcu: to free it
 * @where: the first address that it translates, and its level
 * @listed: it is a suspect, watched or in limbo, or on its way there
 * @suspect: something was unmapped in it since it was looked at
 * @phase: enum sim_table_phase; under the lock of who calls sim_pt_reclaim()
 */
struct sim_table {
	unsigned long __page_flags;
	union {
		struct llist_node node;
		struct list_head watch;
		struct rcu_head rcu;
	};
	unsigned long __page_mapping;
	unsigned long where;
	atomic_t listed;
	u8 suspect;
	u8 phase;
};

static_assert(offsetof(struct page, flags) == offsetof(struct sim_table, __page_flags));
static_assert(offsetof(struct page, rcu_head) == offsetof(struct sim_table, rcu));
static_assert(offsetof(struct page, mapping) == offsetof(struct sim_table, __page_mapping));
static_assert(offsetof(struct page, private) == offsetof(struct sim_table, listed));
static_assert(sizeof(struct sim_table) <= offsetof(struct page, _mapcount));

#define SIM_TABLE_LEVEL		GENMASK_ULL(2, 0)	/* of sim_table::where */

/*
 * In an entry that leads to a table: nothing new may be put into that. Hardware
 * ignores the bit (spec 4.1).
 */
#define SIM_PTE_FROZEN		BIT_ULL(2)

/*
 * What stands where a table has been unlinked, until a flush has made sure that
 * no device walks it any more. Not present, so the rest is ours (spec 4.3).
 */
#define SIM_PTE_RETIRED		BIT_ULL(1)

static inline u64 sim_pt_read(const __le64 *entry)
{
	return le64_to_cpu(READ_ONCE(*entry));
}

static inline void sim_pt_write(__le64 *entry, u64 value)
{
	WRITE_ONCE(*entry, cpu_to_le64(value));
}

/* Returns what was there; @new is there now if that was @old */
static inline u64 sim_pt_cmpxchg(__le64 *entry, u64 old, u64 new)
{
	return le64_to_cpu(cmpxchg(entry, cpu_to_le64(old), cpu_to_le64(new)));
}

static inline unsigned int sim_pt_index(unsigned int level, u64 iova)
{
	return (iova >> sim_pt_slot_lg2(level)) & (SIM_PT_ENTRIES - 1);
}

/* The last address that the entry at @level spans in which @iova is */
static inline u64 sim_pt_slot_last(unsigned int level, u64 iova)
{
	return iova | (BIT_ULL(sim_pt_slot_lg2(level)) - 1);
}

/* Whether @entry leads to a table at @level, of which 0 has none; the writer skips no level */
static inline bool sim_pte_is_table(u64 entry, unsigned int level)
{
	return level && (entry & (SIM_PTE_PR | SIM_PTE_NL)) ==
			(SIM_PTE_PR | FIELD_PREP(SIM_PTE_NL, level));
}

/* Likewise, but for level 0, and whether something may be put into it */
static inline bool sim_pte_is_live_table(u64 entry, unsigned int level)
{
	return (entry & (SIM_PTE_PR | SIM_PTE_NL | SIM_PTE_FROZEN)) ==
	       (SIM_PTE_PR | FIELD_PREP(SIM_PTE_NL, level));
}

static inline __le64 *sim_pte_table(u64 entry)
{
	return phys_to_virt(entry & SIM_PTE_ADDR);
}

/*
 * Where the walk of @iova ends, at which level, and @entry as it was there, which
 * is not a table; it may be one when it is read again. Under RCU.
 */
static __always_inline __le64 *sim_pt_find(const struct sim_pt *pt, u64 iova, unsigned int *level,
					   u64 *entry)
{
	unsigned int at = pt->levels;
	__le64 *slot = &pt->root[sim_pt_index(at, iova)];

	*entry = sim_pt_read(slot);
	while (sim_pte_is_table(*entry, at - 1)) {
		at--;
		slot = &sim_pte_table(*entry)[sim_pt_index(at, iova)];
		*entry = sim_pt_read(slot);
	}
	*level = at;
	return slot;
}

static inline u64 sim_pte_link(const __le64 *table, unsigned int level)
{
	return SIM_PTE_PR | SIM_PTE_IR | SIM_PTE_IW | SIM_PTE_FC |
	       FIELD_PREP(SIM_PTE_NL, level) | virt_to_phys((void *)table);
}

static inline unsigned int sim_pte_size_lg2(u64 entry, unsigned int level)
{
	if (FIELD_GET(SIM_PTE_NL, entry) == SIM_PTE_NL_LEAF)
		return sim_pt_slot_lg2(level);
	return sim_sized_addr_lg2(entry & SIM_PTE_ADDR);
}

static inline u64 sim_pte_leaf(u64 pa, unsigned int size_lg2, unsigned int level, u64 flags)
{
	u64 leaf = SIM_PTE_PR | SIM_PTE_FC | flags;

	if (size_lg2 == sim_pt_slot_lg2(level))
		return leaf | pa;
	return leaf | FIELD_PREP(SIM_PTE_NL, SIM_PTE_NL_SIZED) |
	       (sim_sized_addr(pa, size_lg2) & SIM_PTE_ADDR);
}

/* The level at which a page of this size is a leaf */
static inline unsigned int sim_pt_leaf_level(unsigned int size_lg2)
{
	return (size_lg2 - SIM_PAGE_LG2) / SIM_PT_LEVEL_LG2 + 1;
}

/* What the leaf @entry, at @level, maps around @iova */
static inline struct sim_leaf sim_pt_decode(u64 entry, unsigned int level, u64 iova)
{
	unsigned int size_lg2 = sim_pte_size_lg2(entry, level);
	u64 below = BIT_ULL(size_lg2) - 1;

	return (struct sim_leaf) {
		.iova = iova & ~below,
		.pa = entry & SIM_PTE_ADDR & ~below,
		.entry = entry,
		.size_lg2 = size_lg2,
	};
}

static inline struct sim_table *sim_table_of(const __le64 *table)
{
	return (struct sim_table *)virt_to_page(table);
}

static inline __le64 *sim_table_entries(const struct sim_table *table)
{
	return page_address((const struct page *)table);
}

/* First address translated by a table at @level in which @iova is */
static inline u64 sim_table_start(unsigned int level, u64 iova)
{
	return iova & ~(BIT_ULL(sim_pt_va_bits(level)) - 1);
}

static inline unsigned int sim_table_level(const struct sim_table *table)
{
	return FIELD_GET(SIM_TABLE_LEVEL, table->where);
}

static inline struct sim_table *sim_node_table(struct llist_node *node)
{
	return container_of(node, struct sim_table, node);
}

/* Say where a table will be linked */
static inline void sim_table_place(struct sim_table *table, unsigned int level, u64 iova)
{
	table->where = sim_table_start(level, iova) | FIELD_PREP(SIM_TABLE_LEVEL, level);
}

void sim_table_suspect(struct sim_pt *pt, struct sim_table *table);

/* After entries of @table were set to 0; under RCU, as it may go at any time */
static inline void sim_table_unused(struct sim_pt *pt, struct sim_table *table)
{
	if (unlikely(!READ_ONCE(table->suspect)))
		sim_table_suspect(pt, table);
}

/* driver/pt_table.c */
struct sim_table *sim_table_alloc(struct sim_pt *pt, unsigned int level, u64 iova, gfp_t gfp);
struct sim_table *sim_table_take(struct sim_pt *pt, unsigned int level, u64 iova);
void sim_table_free(struct sim_pt *pt, struct sim_table *table);
void sim_table_bury(struct sim_pt *pt, struct sim_table *table);
void sim_table_free_tree(struct sim_pt *pt, struct sim_table *table,
			 void (*free)(struct sim_pt *pt, struct sim_table *table));
int sim_pt_fill_reserve(struct sim_pt *pt, unsigned int nr, gfp_t gfp);
int sim_pt_init(struct sim_pt *pt, unsigned int levels, unsigned long sizes,
		struct iommu_sim_stats *stats, struct sim_inject *inject,
		void (*kick)(struct sim_pt *pt));
void sim_pt_destroy(struct sim_pt *pt);

/* driver/pt_reclaim.c */
void sim_limbo_init(struct sim_limbo *limbo);
void sim_pt_reclaim_begin(struct sim_pt *pt, struct list_head *todo);
bool sim_pt_reclaim(struct sim_pt *pt, struct list_head *todo, unsigned int *keep,
		    struct sim_limbo *limbo);
int sim_pt_clear_way(struct sim_pt *pt, u64 iova, unsigned int size_lg2,
		     struct sim_limbo *limbo);
void sim_pt_release(struct sim_pt *pt, struct sim_limbo *limbo);

/* driver/pt.c, and pt_inline.h */
int sim_pt_map_more(struct sim_pt *pt, u64 iova, u64 pa, u64 len, u64 rights, gfp_t gfp,
		    size_t *mapped);
u64 sim_pt_unmap_more(struct sim_pt *pt, u64 iova, u64 len, u64 done);
u64 sim_pt_lookup(struct sim_pt *pt, u64 iova);
bool sim_pt_next_leaf(struct sim_pt *pt, u64 iova, u64 last, struct sim_leaf *leaf);

/* driver/pt_split.c */
int sim_pt_split(struct sim_pt *pt, u64 iova);
int sim_pt_split_all(struct sim_pt *pt, u64 last);
bool sim_pt_next_dirty(struct sim_pt *pt, u64 *iova, u64 last, bool clear, struct sim_leaf *leaf);

/* How many tables a page of this level can need if it is split at both ends */
static inline unsigned int sim_pt_split_tables(unsigned int level)
{
	/* One for each level below; two where a slot is no page size (2^39) */
	return 2 * (level - 1 + (level >= 4));
}

#endif
