/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page table writer (spec 4): what most maps and unmaps do, which is one run
 * of pages in one table, for domain.c to have without a call. All else is in pt.c.
 */
#ifndef _IOMMU_SIM_PT_INLINE_H
#define _IOMMU_SIM_PT_INLINE_H

#include "pt.h"

/* The table at @level in which @iova is; NULL if something else is in between */
static __always_inline __le64 *sim_pt_find_table(const struct sim_pt *pt, unsigned int level,
						 u64 iova)
{
	__le64 *table = pt->root;
	unsigned int at;

	for (at = pt->levels; at > level; at--) {
		u64 entry = sim_pt_read(&table[sim_pt_index(at, iova)]);

		if (unlikely(!sim_pte_is_live_table(entry, at - 1)))
			return NULL;
		table = sim_pte_table(entry);
	}
	return table;
}

/* Pages of one entry, as far as entries are free; returns how many are left */
static __always_inline unsigned int sim_pt_fill_entries(__le64 *slot, u64 leaf, u64 step,
							unsigned int left)
{
	for (; left; left--, slot++, leaf += step) {
		if (unlikely(sim_pt_read(slot)))
			break;
		sim_pt_write(slot, leaf);
	}
	return left;
}

/* The same to @nr entries, a power of two and more than 1 */
static __always_inline void sim_pt_write_pairs(__le64 *slot, u64 value, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i += 2) {
		sim_pt_write(&slot[i], value);
		sim_pt_write(&slot[i + 1], value);
	}
}

/* Pages of @nr entries; a page is written only if all of them are free */
static __always_inline unsigned int sim_pt_fill_pages(__le64 *slot, u64 leaf, u64 step,
						      unsigned int nr, unsigned int left)
{
	unsigned int i;
	u64 busy;

	for (; left; left -= nr, slot += nr, leaf += step) {
		/* No branch for each: that would cost more than to read them all */
		for (i = 0, busy = 0; i < nr; i += 2)
			busy |= sim_pt_read(&slot[i]) | sim_pt_read(&slot[i + 1]);
		if (unlikely(busy))
			break;
		sim_pt_write_pairs(slot, leaf, nr);
	}
	return left;
}

/*
 * Pages of one size in the table at @level, from @iova on; returns how many bytes
 * of @len that is, which are all that fit in the table unless some are not free.
 */
static __always_inline u64 sim_pt_fill_table(__le64 *table, unsigned int level, u64 iova,
					     u64 pa, unsigned int size_lg2, u64 len, u64 rights)
{
	unsigned int slot_lg2 = sim_pt_slot_lg2(level), index = sim_pt_index(level, iova);
	unsigned int all = min(len >> slot_lg2, SIM_PT_ENTRIES - index), left;
	u64 leaf = sim_pte_leaf(pa, size_lg2, level, rights);

	if (size_lg2 == slot_lg2)
		left = sim_pt_fill_entries(&table[index], leaf, BIT_ULL(size_lg2), all);
	else
		left = sim_pt_fill_pages(&table[index], leaf, BIT_ULL(size_lg2),
					 BIT(size_lg2 - slot_lg2), all);
	return (u64)(all - left) << slot_lg2;
}

/*
 * The largest page size that fits at (@iova, @pa), and how many bytes are best
 * mapped by it: up to where a larger one fits, or to the end.
 */
static __always_inline u64 sim_pt_pick_size(unsigned long sizes, u64 iova, u64 pa, u64 len,
					    unsigned int *size_lg2)
{
	u64 low = iova | pa, fit = sizes & ((BIT_ULL(__fls(len)) << 1) - 1), larger, edge;

	if (low)
		fit &= low ^ (low - 1);
	*size_lg2 = __fls(fit);
	if (len == BIT_ULL(*size_lg2))
		return len;
	len &= ~(BIT_ULL(*size_lg2) - 1);

	larger = sizes >> *size_lg2 >> 1 << 1 << *size_lg2;
	larger &= -larger;
	if (!larger || (iova ^ pa) & (larger - 1))
		return len;
	edge = larger - (iova & (larger - 1));
	return len >= edge + larger ? edge : len;
}

/**
 * sim_pt_map() - map a range, by pages as large as fit
 * @pt: the page table
 * @iova: where, a multiple of 4 KiB
 * @pa: what, a multiple of 4 KiB
 * @len: bytes, a multiple of 4 KiB, at least that; the range is within the page
 *	 table's width
 * @rights: SIM_PTE_IR, SIM_PTE_IW
 * @gfp: for tables
 * @mapped: increased by the bytes that are mapped, also if the rest fails
 *
 * Sleeps if @gfp says so. Return: 0; -ENOMEM; -EADDRINUSE if something is mapped
 * there, as of generic_pt, where older drivers have -EEXIST; -EAGAIN if a table
 * is in the way, and sim_pt_clear_way() knows more.
 */
static __always_inline int sim_pt_map(struct sim_pt *pt, u64 iova, u64 pa, u64 len, u64 rights,
				      gfp_t gfp, size_t *mapped)
{
	unsigned int size_lg2 = SIM_PAGE_LG2, level = 1;
	u64 run = SZ_4K, done = 0;
	__le64 *table;

	rcu_read_lock();
	if (len != SZ_4K) {
		run = sim_pt_pick_size(READ_ONCE(pt->sizes), iova, pa, len, &size_lg2);
		level = sim_pt_leaf_level(size_lg2);
	}
	table = sim_pt_find_table(pt, level, iova);
	if (likely(table && READ_ONCE(pt->nr_reserve) >= sim_pt_split_tables(level)))
		done = sim_pt_fill_table(table, level, iova, pa, size_lg2, run, rights);
	rcu_read_unlock();
	*mapped += done;
	if (likely(done == len))
		return 0;
	return sim_pt_map_more(pt, iova + done, pa + done, len - done, rights, gfp, mapped);
}

/* Pages of one entry, as long as there are some; returns how many */
static __always_inline unsigned int sim_pt_clear_entries(__le64 *slot, unsigned int max)
{
	unsigned int n = 0;

	do {
		sim_pt_write(&slot[n++], 0);
	} while (n < max && (sim_pt_read(&slot[n]) & (SIM_PTE_PR | SIM_PTE_NL)) == SIM_PTE_PR);
	return n;
}

/* One page of several entries, if all of it may go; returns how many */
static __always_inline unsigned int sim_pt_clear_page(__le64 *slot, u64 entry,
						      unsigned int level, unsigned int index,
						      unsigned int max)
{
	unsigned int nr = BIT(sim_pte_size_lg2(entry, level) - sim_pt_slot_lg2(level));

	if (nr > max || index & (nr - 1))
		return 0;
	sim_pt_write_pairs(slot, 0, nr);
	return nr;
}

/*
 * Unmap @len bytes from @iova on, as far as one table goes and nothing else is in
 * the way. Returns how many bytes that is.
 */
static __always_inline u64 sim_pt_unmap_table(struct sim_pt *pt, u64 iova, u64 len)
{
	unsigned int level, index, max, nr, used = 0, slot_lg2;
	u64 entry;
	__le64 *slot = sim_pt_find(pt, iova, &level, &entry);

	slot_lg2 = sim_pt_slot_lg2(level);
	index = sim_pt_index(level, iova);
	max = min(len >> slot_lg2, SIM_PT_ENTRIES - index);
	if (level > 1 && unlikely(iova & (BIT_ULL(slot_lg2) - 1)))
		return 0;
	/* What is read below is no older than that: pairs with split_all() in dirty.c */
	if (level > 1 && unlikely(smp_load_acquire(&pt->splitting)))
		return 0;
	while (used < max) {
		entry = sim_pt_read(slot);
		if ((entry & (SIM_PTE_PR | SIM_PTE_NL)) == SIM_PTE_PR)
			nr = sim_pt_clear_entries(slot, max - used);
		else if ((entry & (SIM_PTE_PR | SIM_PTE_NL)) == (SIM_PTE_PR | SIM_PTE_NL))
			nr = sim_pt_clear_page(slot, entry, level, index + used, max - used);
		else
			break;
		if (!nr)
			break;
		slot += nr;
		used += nr;
	}
	if (likely(used))
		sim_table_unused(pt, sim_table_of(slot - 1));
	return (u64)used << slot_lg2;
}

/**
 * sim_pt_unmap() - unmap a range
 * @pt: the page table
 * @iova: first address, a multiple of 4 KiB
 * @len: bytes, a multiple of 4 KiB, at least 1 page; the range is within the
 *	 page table's width
 *
 * Ends at the first address that is not mapped. A page that is only partly in
 * the range is split; if there is no memory for that, nothing of it is
 * unmapped, and what comes after it neither. Context: any.
 * Return: bytes unmapped.
 */
static __always_inline u64 sim_pt_unmap(struct sim_pt *pt, u64 iova, u64 len)
{
	u64 done;

	rcu_read_lock();
	done = sim_pt_unmap_table(pt, iova, len);
	rcu_read_unlock();
	return likely(done == len) ? len : sim_pt_unmap_more(pt, iova, len, done);
}

#endif
