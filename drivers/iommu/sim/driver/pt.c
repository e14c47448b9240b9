// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table writer (spec 4). It shares nothing with the walker in hw/ but
 * the format.
 *
 * Calls for disjoint ranges may run in parallel, also with devices walking and
 * setting A and D, and there is no lock: an entry belongs to whoever its IOVA
 * belongs to, tables are linked by compare-and-swap, and pt_reclaim.c says how
 * they go. All calls walk under RCU, so that a table is not freed below them, and
 * what they find at a walk holds until its end.
 *
 * Calls for overlapping ranges at the same time are the caller's bug, as for
 * all iommu_map() and iommu_unmap(). They may map or unmap less than both of
 * them say, and lose tables: a page that is stored over a link takes its memory
 * away for good. They cannot corrupt memory: no entry leads to a table that is
 * freed, and none to a page that nobody mapped.
 */
#include "driver.h"
#include "pt_inline.h"

/*
 * Make sure of the tables on the way to @level. Where one is missing, @spare is
 * linked and becomes NULL, or if it is NULL, @missing says the level.
 */
static int link_tables(struct sim_pt *pt, unsigned int level, u64 iova, struct sim_table **spare,
		       unsigned int *missing)
{
	unsigned int at = pt->levels;
	__le64 *table = pt->root, *slot;
	u64 entry;

	while (at > level) {
		slot = &table[sim_pt_index(at, iova)];
		entry = sim_pt_read(slot);
		if (!entry && !*spare) {
			*missing = at - 1;
			return -ENOENT;
		}
		if (!entry) {
			/* Somebody else may have linked the one it was meant to be */
			sim_table_place(*spare, at - 1, iova);
			/* Orders that, and the zeroes in the table, before the link */
			entry = sim_pt_cmpxchg(slot, 0, sim_pte_link(sim_table_entries(*spare),
								     at - 1));
			if (!entry)
				*spare = NULL;
			continue;
		}
		if (!sim_pte_is_live_table(entry, at - 1))
			return sim_pte_is_table(entry, at - 1) || !(entry & SIM_PTE_PR) ?
			       -EAGAIN : -EADDRINUSE;
		table = sim_pte_table(entry);
		at--;
	}
	return 0;
}

static int grow(struct sim_pt *pt, unsigned int level, u64 iova, gfp_t gfp)
{
	struct sim_table *spare = NULL;
	unsigned int missing;
	int ret;

	for (;;) {
		rcu_read_lock();
		ret = link_tables(pt, level, iova, &spare, &missing);
		rcu_read_unlock();
		if (ret != -ENOENT)
			break;
		spare = sim_table_alloc(pt, missing, iova, gfp);
		if (!spare)
			return -ENOMEM;
	}
	if (spare)
		sim_table_free(pt, spare);
	return ret;
}

/* After a failure: the last table on the way to @iova may not be in use */
static void suspect_dead_end(struct sim_pt *pt, u64 iova)
{
	unsigned int level;
	u64 entry;

	rcu_read_lock();
	sim_table_unused(pt, sim_table_of(sim_pt_find(pt, iova, &level, &entry)));
	rcu_read_unlock();
}

/* Why nothing could be mapped at @iova; on 0, try again: tables have been made */
static int make_way(struct sim_pt *pt, unsigned int level, u64 iova, unsigned int size_lg2,
		    gfp_t gfp)
{
	unsigned int nr = BIT(size_lg2 - sim_pt_slot_lg2(level)), i;
	__le64 *table, *slot;
	u64 entry = 0;

	rcu_read_lock();
	table = sim_pt_find_table(pt, level, iova);
	for (i = 0; table && i < nr && !entry; i++) {
		slot = &table[sim_pt_index(level, iova) + i];
		entry = sim_pt_read(slot);
	}
	rcu_read_unlock();
	if (!table)
		return grow(pt, level, iova, gfp);
	/* If there is nothing in the table that is there, it will make way */
	if (!(entry & SIM_PTE_PR) || sim_pte_is_table(entry, level - 1))
		return -EAGAIN;
	return -EADDRINUSE;
}

/**
 * sim_pt_map_more() - sim_pt_map() for all that is not one run in a table that is there
 * @pt: the page table
 * @iova: where
 * @pa: what
 * @len: bytes
 * @rights: SIM_PTE_IR, SIM_PTE_IW
 * @gfp: for tables
 * @mapped: increased
 *
 * Return: as sim_pt_map().
 */
int sim_pt_map_more(struct sim_pt *pt, u64 iova, u64 pa, u64 len, u64 rights, gfp_t gfp,
		    size_t *mapped)
{
	u64 end = iova + len, run, done = 0;
	unsigned int size_lg2, level, spare;
	__le64 *table;
	int ret = 0;

	while (iova != end && !ret) {
		rcu_read_lock();
		run = sim_pt_pick_size(READ_ONCE(pt->sizes), iova, pa, end - iova, &size_lg2);
		level = sim_pt_leaf_level(size_lg2);
		table = sim_pt_find_table(pt, level, iova);
		done = table ? sim_pt_fill_table(table, level, iova, pa, size_lg2, run, rights) : 0;
		rcu_read_unlock();

		/* If there is not enough, a split will try again */
		spare = sim_pt_split_tables(level);
		if (READ_ONCE(pt->nr_reserve) < spare)
			sim_pt_fill_reserve(pt, spare, gfp);
		if (!done)
			ret = make_way(pt, level, iova, size_lg2, gfp);
		iova += done;
		pa += done;
		*mapped += done;
	}
	if (ret)
		suspect_dead_end(pt, iova);
	return ret;
}

/*
 * One page above level 1, while somebody may split it who need not know that it
 * goes. Returns how many bytes have gone: less than the page, if it was split.
 */
static u64 unmap_large(struct sim_pt *pt, u64 iova, u64 len)
{
	unsigned int level, nr, i;
	u64 entry, found, slot_len;
	struct sim_leaf page;
	__le64 *slot;

	rcu_read_lock();
	slot = sim_pt_find(pt, iova, &level, &entry);
	slot_len = BIT_ULL(sim_pt_slot_lg2(level));
	page = sim_pt_decode(entry, level, iova);
	nr = BIT(page.size_lg2 - sim_pt_slot_lg2(level));
	if (!(entry & SIM_PTE_PR) || page.iova != iova || nr * slot_len > len)
		nr = 0;
	for (i = 0; i < nr; i++, slot++) {
		entry = sim_pt_read(slot);
		while (!sim_pte_is_table(entry, level - 1)) {
			found = sim_pt_cmpxchg(slot, entry, 0);
			if (found == entry)
				break;
			entry = found;
		}
		if (sim_pte_is_table(entry, level - 1))
			break;
	}
	if (i)
		sim_table_unused(pt, sim_table_of(slot - 1));
	rcu_read_unlock();
	return i * slot_len;
}

/* Whether something is mapped at @iova, and can be split so that [@iova, @last] go alone */
static noinline bool split_ends(struct sim_pt *pt, u64 iova, u64 last)
{
	struct sim_leaf leaf;
	u64 end;

	if (!sim_pt_next_leaf(pt, iova, iova, &leaf))
		return false;
	end = leaf.iova + BIT_ULL(leaf.size_lg2);
	/* Both or neither, so that nothing of it goes if that fails */
	if (leaf.iova < iova && sim_pt_split(pt, iova))
		return false;
	return end - 1 <= last || !sim_pt_split(pt, last + 1);
}

/**
 * sim_pt_unmap_more() - sim_pt_unmap() for all that is not one run in a table
 * @pt: the page table
 * @iova: first address
 * @len: bytes
 * @done: bytes that are unmapped already
 *
 * Return: bytes unmapped, with those.
 */
u64 sim_pt_unmap_more(struct sim_pt *pt, u64 iova, u64 len, u64 done)
{
	u64 n;

	while (done != len) {
		/* Not longer than one table: there may be very many */
		rcu_read_lock();
		n = sim_pt_unmap_table(pt, iova + done, len - done);
		rcu_read_unlock();
		if (!n && READ_ONCE(pt->splitting))
			n = unmap_large(pt, iova + done, len - done);
		if (!n && !split_ends(pt, iova + done, iova + len - 1))
			break;
		done += n;
	}
	return done;
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
	unsigned int level;
	u64 entry, below;

	rcu_read_lock();
	sim_pt_find(pt, iova, &level, &entry);
	rcu_read_unlock();
	if (unlikely(!(entry & SIM_PTE_PR)))
		return 0;
	below = BIT_ULL(sim_pte_size_lg2(entry, level)) - 1;
	return (entry & SIM_PTE_ADDR & ~below) | (iova & below);
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
		u64 entry = sim_pt_read(&table[sim_pt_index(level, iova)]);

		if (sim_pte_is_table(entry, level - 1)) {
			table = sim_pte_table(entry);
			level--;
			continue;
		}
		if (entry & SIM_PTE_PR) {
			*leaf = sim_pt_decode(entry, level, iova);
			found = true;
			break;
		}
		iova = sim_pt_slot_last(level, iova) + 1;
		/* Past the end of this table: begin again at the top */
		if (!(iova & (BIT_ULL(sim_pt_va_bits(level)) - 1))) {
			level = pt->levels;
			table = pt->root;
		}
	}
	rcu_read_unlock();
	return found;
}
