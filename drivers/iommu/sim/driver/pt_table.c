// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of page tables: where they come from. How they go is in pt_reclaim.c.
 */
#include "driver.h"

static void count_allocated(struct sim_pt *pt)
{
	atomic_long_inc(&pt->tables);
	sim_stat_inc(pt->stats, SIM_DSTAT_TABLES_ALLOCATED);
}

static void count_freed(struct sim_pt *pt)
{
	atomic_long_dec(&pt->tables);
	sim_stat_inc(pt->stats, SIM_DSTAT_TABLES_FREED);
}

static bool injected(struct sim_pt *pt, unsigned int level, u64 iova)
{
	u64 start = sim_table_start(level, iova);

	return sim_inject(pt->inject, SIM_INJECT_TABLE_ALLOC, pt->device, start,
			  start + BIT_ULL(sim_pt_va_bits(level)) - 1);
}

/* All zeroes, in use for nothing */
static struct sim_table *new_table(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);
	struct sim_table *table = (struct sim_table *)page;

	if (table) {
		atomic_set(&table->listed, 0);
		table->suspect = 0;
		table->phase = SIM_TABLE_IN_USE;
	}
	return table;
}

/* It will be linked in @pt; it may be NULL */
static struct sim_table *use_table(struct sim_pt *pt, struct sim_table *table, unsigned int level,
				   u64 iova)
{
	if (table) {
		sim_table_place(table, level, iova);
		count_allocated(pt);
	}
	return table;
}

/**
 * sim_table_alloc() - allocate a table for a map
 * @pt: the page table
 * @level: where it will be
 * @iova: an address that it will translate
 * @gfp: how
 *
 * Return: an empty table, or NULL.
 */
struct sim_table *sim_table_alloc(struct sim_pt *pt, unsigned int level, u64 iova, gfp_t gfp)
{
	return use_table(pt, injected(pt, level, iova) ? NULL : new_table(gfp), level, iova);
}

/* In any context; on PREEMPT_RT the allocator takes locks that sleep */
static struct sim_table *new_table_atomic(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible())
		return NULL;
	return new_table(GFP_ATOMIC | __GFP_NOWARN);
}

/**
 * sim_table_take() - take a table for a split, from the reserve if there is one
 * @pt: the page table
 * @level: where it will be
 * @iova: an address that it will translate
 *
 * Context: any. Return: an empty table, or NULL.
 */
struct sim_table *sim_table_take(struct sim_pt *pt, unsigned int level, u64 iova)
{
	struct llist_node *node;
	unsigned long flags;

	if (injected(pt, level, iova))
		return NULL;
	raw_spin_lock_irqsave(&pt->lock, flags);
	node = pt->reserve;
	if (node) {
		pt->reserve = node->next;
		WRITE_ONCE(pt->nr_reserve, pt->nr_reserve - 1);
	}
	raw_spin_unlock_irqrestore(&pt->lock, flags);

	return use_table(pt, node ? sim_node_table(node) : new_table_atomic(), level, iova);
}

/**
 * sim_table_free() - free a table that was never linked
 * @pt: the page table
 * @table: the table
 */
void sim_table_free(struct sim_pt *pt, struct sim_table *table)
{
	__free_page((struct page *)table);
	count_freed(pt);
}

static void free_table_rcu(struct rcu_head *rcu)
{
	__free_page((struct page *)container_of(rcu, struct sim_table, rcu));
}

/**
 * sim_table_bury() - free a table when no CPU reads it any more
 * @pt: the page table
 * @table: the table; no device can reach it, and no map
 *
 * Context: any.
 */
void sim_table_bury(struct sim_pt *pt, struct sim_table *table)
{
	/* Memory that is told to be free should not be put off for long */
	call_rcu_hurry(&table->rcu, free_table_rcu);
	count_freed(pt);
}

/**
 * sim_pt_fill_reserve() - see to it that a split will find tables
 * @pt: the page table
 * @nr: how many there should be in reserve
 * @gfp: how to allocate them
 *
 * Return: 0, or -ENOMEM if there are fewer.
 */
int sim_pt_fill_reserve(struct sim_pt *pt, unsigned int nr, gfp_t gfp)
{
	struct sim_table *table;
	unsigned long flags;

	while (READ_ONCE(pt->nr_reserve) < nr) {
		table = new_table(gfp | __GFP_NOWARN);
		if (!table)
			return -ENOMEM;
		raw_spin_lock_irqsave(&pt->lock, flags);
		table->node.next = pt->reserve;
		pt->reserve = &table->node;
		WRITE_ONCE(pt->nr_reserve, pt->nr_reserve + 1);
		raw_spin_unlock_irqrestore(&pt->lock, flags);
	}
	return 0;
}

/**
 * sim_pt_init() - make an empty page table
 * @pt: the page table
 * @levels: 1 to SIM_PT_MAX_LEAF_LEVEL, for at most 57 bits of IOVA
 * @sizes: the page sizes that maps use, of SIM_PGSIZES and with 4 KiB
 * @stats: where to count its tables
 * @inject: what may make maps fail
 * @kick: called in any context when tables may be empty
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int sim_pt_init(struct sim_pt *pt, unsigned int levels, unsigned long sizes,
		struct iommu_sim_stats *stats, struct sim_inject *inject,
		void (*kick)(struct sim_pt *pt))
{
	struct sim_table *root;

	pt->levels = levels;
	pt->sizes = sizes;
	pt->splitting = false;
	init_llist_head(&pt->suspects);
	INIT_LIST_HEAD(&pt->watched);
	raw_spin_lock_init(&pt->lock);
	pt->reserve = NULL;
	pt->nr_reserve = 0;
	atomic_long_set(&pt->tables, 0);
	pt->stats = stats;
	pt->inject = inject;
	pt->kick = kick;
	pt->device = SIM_INJECT_ANY_DEVICE;
	root = sim_table_alloc(pt, levels, 0, GFP_KERNEL_ACCOUNT);
	if (!root)
		return -ENOMEM;
	/* It is never looked at */
	root->suspect = 1;
	pt->root = sim_table_entries(root);
	return 0;
}

/**
 * sim_table_free_tree() - free a table with all that are linked below it
 * @pt: the page table
 * @table: the table; nobody else knows it any more, or not yet
 * @free: how to free each: sim_table_free(), or sim_table_bury() in any context
 */
void sim_table_free_tree(struct sim_pt *pt, struct sim_table *table,
			 void (*free)(struct sim_pt *pt, struct sim_table *table))
{
	unsigned int level = sim_table_level(table), i;
	__le64 *entries = sim_table_entries(table);

	for (i = 0; level > 1 && i < SIM_PT_ENTRIES; i++) {
		u64 entry = sim_pt_read(&entries[i]);

		if (sim_pte_is_table(entry, level - 1))
			sim_table_free_tree(pt, sim_table_of(sim_pte_table(entry)), free);
	}
	free(pt, table);
}

/**
 * sim_pt_destroy() - free a page table with all that is in it
 * @pt: the page table; no device walks it, and no other CPU, and nothing of it
 *	is in limbo
 */
void sim_pt_destroy(struct sim_pt *pt)
{
	struct llist_node *node, *next;

	sim_table_free_tree(pt, sim_table_of(pt->root), sim_table_free);
	llist_for_each_safe(node, next, pt->reserve)
		__free_page((struct page *)sim_node_table(node));
}
