// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of page tables: how they go.
 *
 * Maps and unmaps count nothing, as that would cost an atomic operation on each.
 * A table is suspected to be empty when something is unmapped in it. It is then
 * looked at from time to time, in steps with a grace period between any two, so
 * that whatever a map or an unmap was about to do in one step is done in the next:
 *
 * WATCHED  Nothing was unmapped in it since the last step. If it is not empty,
 *	    it is not watched any more; its next unmap will say so.
 * KEPT	    It is empty, but a few of those may stay.
 * FROZEN   It is empty, and SIM_PTE_FROZEN is in the entry that leads to it, so
 *	    from the next step on there can be no map that still puts something
 *	    into it. If it is empty even then, the entry becomes SIM_PTE_RETIRED,
 *	    a flush makes sure that no device walks the table any more, the entry
 *	    becomes 0, and after another grace period, for CPUs, it is freed.
 *
 * Suspicion is not lost:
 *
 *   unmap, under RCU                   step
 *   entry = 0                          suspect = 0
 *   suspect is 1: done                 ... a grace period ...
 *					suspect is 0: looks at the entries
 *   suspect is 0: suspect = 1          not empty: listed = 0
 *     xchg(listed, 1) was 0:		  smp_mb()
 *       add to suspects		  suspect is 1: xchg(listed, 1) was 0:
 *					    goes on watching
 *
 * An unmap that found suspect set by the time it was cleared is over when the
 * entries are looked at. One that found it clear has either set listed itself,
 * or its suspect is seen by who has just cleared listed.
 *
 * A map that meets a frozen table fails with -EAGAIN, and sim_pt_clear_way()
 * thaws it. A map of a large page where an empty table is need not wait for any of
 * this: nobody else may use that range. But it may not put its entry there until
 * the flush is done, or a device that remembers the table would not see it.
 */
#include "driver.h"

/**
 * sim_table_suspect() - something was unmapped in a table
 * @pt: the page table
 * @table: the table
 *
 * Context: any; under RCU.
 */
void sim_table_suspect(struct sim_pt *pt, struct sim_table *table)
{
	WRITE_ONCE(table->suspect, 1);
	/* Pairs with smp_mb() in unwatch() */
	if (atomic_xchg(&table->listed, 1))
		return;
	llist_add(&table->node, &pt->suspects);
	pt->kick(pt);
}

/* The entry that leads, or led, to @table; NULL if it has become out of reach */
static __le64 *link_of(struct sim_pt *pt, const struct sim_table *table)
{
	unsigned int level = pt->levels;
	__le64 *entries = pt->root;

	for (;; level--) {
		__le64 *slot = &entries[sim_pt_index(level, table->where)];
		u64 entry = sim_pt_read(slot);

		if (level == sim_table_level(table) + 1)
			return slot;
		if (!sim_pte_is_table(entry, level - 1))
			return NULL;
		entries = sim_pte_table(entry);
	}
}

static void limbo_add(struct sim_limbo *limbo, struct sim_table *table)
{
	unsigned int level = sim_table_level(table);
	u64 start = sim_table_start(level, table->where);

	table->node.next = limbo->tables;
	limbo->tables = &table->node;
	limbo->iova = min(limbo->iova, start);
	limbo->last = max(limbo->last, start + (BIT_ULL(sim_pt_va_bits(level)) - 1));
}

static bool is_empty(const struct sim_table *table)
{
	const __le64 *entries = sim_table_entries(table);
	unsigned int i;

	for (i = 0; i < SIM_PT_ENTRIES; i++)
		if (sim_pt_read(&entries[i]))
			return false;
	return true;
}

static u64 link_to(const struct sim_table *table)
{
	return sim_pte_link(sim_table_entries(table), sim_table_level(table));
}

/* Change the entry that leads to @table; false if it is another */
static bool change_link(struct sim_pt *pt, struct sim_table *table, u64 old, u64 new)
{
	__le64 *slot = link_of(pt, table);

	return slot && sim_pt_cmpxchg(slot, old, new) == old;
}

static void thaw(struct sim_pt *pt, struct sim_table *table)
{
	if (table->phase == SIM_TABLE_FROZEN)
		change_link(pt, table, link_to(table) | SIM_PTE_FROZEN, link_to(table));
	table->phase = SIM_TABLE_WATCHED;
}

/* Not any more, unless something has been unmapped right now */
static bool unwatch(struct sim_pt *pt, struct sim_table *table)
{
	thaw(pt, table);
	table->phase = SIM_TABLE_IN_USE;
	list_del(&table->watch);
	/* After that, for an unmap may use the node from here on */
	atomic_set_release(&table->listed, 0);
	/* Pairs with atomic_xchg() in sim_table_suspect() */
	smp_mb();
	if (!READ_ONCE(table->suspect) || atomic_xchg(&table->listed, 1))
		return true;
	table->phase = SIM_TABLE_WATCHED;
	list_add_tail(&table->watch, &pt->watched);
	return false;
}

/**
 * sim_limbo_init() - make an empty limbo list
 * @limbo: the list
 */
void sim_limbo_init(struct sim_limbo *limbo)
{
	limbo->tables = NULL;
	limbo->iova = U64_MAX;
	limbo->last = 0;
}

static void watch_suspects(struct sim_pt *pt)
{
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, llist_del_all(&pt->suspects)) {
		struct sim_table *table = sim_node_table(node);

		table->phase = SIM_TABLE_WATCHED;
		list_add_tail(&table->watch, &pt->watched);
	}
}

/**
 * sim_pt_reclaim_begin() - what the next step is about
 * @pt: the page table
 * @todo: gets the tables that are suspects, or watched
 *
 * Under the same lock as sim_pt_reclaim().
 */
void sim_pt_reclaim_begin(struct sim_pt *pt, struct list_head *todo)
{
	watch_suspects(pt);
	list_splice_tail_init(&pt->watched, todo);
}

/* One step of one table; true if it needs another */
static bool step(struct sim_pt *pt, struct sim_table *table, unsigned int *keep,
		 struct sim_limbo *limbo)
{
	list_move_tail(&table->watch, &pt->watched);
	if (READ_ONCE(table->suspect)) {
		WRITE_ONCE(table->suspect, 0);
		thaw(pt, table);
		return true;
	}
	if (!is_empty(table))
		return !unwatch(pt, table);
	if (table->phase != SIM_TABLE_FROZEN && *keep) {
		table->phase = SIM_TABLE_KEPT;
		--*keep;
		return false;
	}
	if (table->phase != SIM_TABLE_FROZEN) {
		table->phase = SIM_TABLE_FROZEN;
		change_link(pt, table, link_to(table), link_to(table) | SIM_PTE_FROZEN);
		return true;
	}
	list_del(&table->watch);
	/* Else callers that overlap have put something else there, and it is lost */
	if (change_link(pt, table, link_to(table) | SIM_PTE_FROZEN, SIM_PTE_RETIRED))
		limbo_add(limbo, table);
	return true;
}

/* Tables that sim_pt_reclaim() looks at, so that interrupts are not off for long */
#define RECLAIM_MAX	32

/**
 * sim_pt_reclaim() - a step for some of the tables that may be empty
 * @pt: the page table
 * @todo: from sim_pt_reclaim_begin()
 * @keep: how many may stay empty; becomes less
 * @limbo: gets those that are unlinked, for sim_pt_release() after a flush
 *
 * To be called until @todo is empty; that is a step. Before the next there has to
 * be a grace period. Context: any; under a lock of the caller's.
 * Return: whether there has to be a next step.
 */
bool sim_pt_reclaim(struct sim_pt *pt, struct list_head *todo, unsigned int *keep,
		    struct sim_limbo *limbo)
{
	struct sim_table *table;
	bool again = false;
	unsigned int n;

	for (n = 0; n < RECLAIM_MAX && !list_empty(todo); n++) {
		table = list_first_entry(todo, struct sim_table, watch);
		again |= step(pt, table, keep, limbo);
	}
	return again;
}

/* Whether @table is watched; if not, somebody is about to make it a suspect */
static bool watch(struct sim_pt *pt, struct sim_table *table)
{
	if (table->phase != SIM_TABLE_IN_USE)
		return true;
	if (atomic_xchg(&table->listed, 1))
		return false;
	table->phase = SIM_TABLE_WATCHED;
	list_add_tail(&table->watch, &pt->watched);
	return true;
}

/* Whether there is nothing in @entries and all below, and all of it may go */
static bool subtree_is_empty(struct sim_pt *pt, const __le64 *entries, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < SIM_PT_ENTRIES; i++) {
		u64 entry = sim_pt_read(&entries[i]);

		if (!(entry & SIM_PTE_PR))
			continue;
		if (!sim_pte_is_table(entry, level - 1) ||
		    !subtree_is_empty(pt, sim_pte_table(entry), level - 1))
			return false;
	}
	return watch(pt, sim_table_of(entries));
}

/*
 * @table and all below it are out of reach, and empty. One that is not watched was
 * not there when that was looked at: somebody has just linked it, who should not.
 */
static void unlink_subtree(struct sim_table *table, struct sim_limbo *limbo)
{
	unsigned int level = sim_table_level(table), i;
	__le64 *entries = sim_table_entries(table);

	if (unlikely(table->phase == SIM_TABLE_IN_USE))
		return;
	for (i = 0; level > 1 && i < SIM_PT_ENTRIES; i++) {
		u64 entry = sim_pt_read(&entries[i]);

		if (sim_pte_is_table(entry, level - 1))
			unlink_subtree(sim_table_of(sim_pte_table(entry)), limbo);
	}
	list_del(&table->watch);
	limbo_add(limbo, table);
}

/**
 * sim_pt_clear_way() - see to it that a page can be mapped
 * @pt: the page table
 * @iova: where, aligned to the size
 * @size_lg2: log2 of the size
 * @limbo: gets tables that had to make way, for sim_pt_release() after a flush
 *
 * Context: any; under the same lock as sim_pt_reclaim().
 * Return: 0, or -EADDRINUSE if something is mapped there.
 */
int sim_pt_clear_way(struct sim_pt *pt, u64 iova, unsigned int size_lg2, struct sim_limbo *limbo)
{
	unsigned int leaf_level = sim_pt_leaf_level(size_lg2), level = pt->levels, nr;
	__le64 *slot = &pt->root[sim_pt_index(level, iova)];
	struct sim_table *table;
	u64 entry;

	watch_suspects(pt);
	for (; level > leaf_level; level--) {
		entry = sim_pt_read(slot);
		if (!sim_pte_is_table(entry, level - 1))
			return entry & SIM_PTE_PR ? -EADDRINUSE : 0;
		table = sim_table_of(sim_pte_table(entry));
		if (entry & SIM_PTE_FROZEN)
			thaw(pt, table);
		slot = &sim_pte_table(entry)[sim_pt_index(level - 1, iova)];
	}
	for (nr = BIT(size_lg2 - sim_pt_slot_lg2(level)); nr; nr--, slot++) {
		entry = sim_pt_read(slot);
		if (!(entry & SIM_PTE_PR))
			continue;
		if (!sim_pte_is_table(entry, level - 1) ||
		    !subtree_is_empty(pt, sim_pte_table(entry), level - 1))
			return -EADDRINUSE;
		sim_pt_write(slot, SIM_PTE_RETIRED);
		unlink_subtree(sim_table_of(sim_pte_table(entry)), limbo);
	}
	return 0;
}

/**
 * sim_pt_release() - free tables that no device can reach any more
 * @pt: the page table
 * @limbo: tables that were unlinked; will be empty
 *
 * Context: any; under the same lock as sim_pt_reclaim().
 */
void sim_pt_release(struct sim_pt *pt, struct sim_limbo *limbo)
{
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, limbo->tables) {
		struct sim_table *table = sim_node_table(node);
		__le64 *slot = link_of(pt, table);

		if (slot && sim_pt_cmpxchg(slot, SIM_PTE_RETIRED, 0) == SIM_PTE_RETIRED)
			sim_table_unused(pt, sim_table_of(slot));
		sim_table_bury(pt, table);
	}
	sim_limbo_init(limbo);
}
