// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages in parts (spec 4.5), and what devices have written to.
 *
 * A device reads one entry at a time. So that it translates correctly at every
 * instant, each entry has to be right by itself, before and after it changes,
 * whatever the others say.
 *
 * A page of one entry: the parts are written to a table that nobody knows, then
 * the entry becomes a link to it.
 *
 *   device                            split
 *   reads the entry: the page         builds a table with A and D of the entry
 *     sets A, D by compare-and-swap   compare-and-swap to a link: only if A and
 *                                     D are as built, or the parts get them, too
 *   reads the entry: the link
 *     reads the part
 *
 * A page of many entries: each becomes that of its part, one after the other.
 *
 *   device                            split
 *   reads entry 3: the page           entries 0..n: compare-and-swap to the part,
 *     sets D there, and caches          with A and D that the entry had
 *     all of the page with D
 *   writes to entry 7 by that
 *                                     D seen in any of them after the parts
 *                                       were made: all parts get it
 *
 * The second column sees every D by which the whole page can have been cached,
 * for a walk that meets a part caches no more than the part. What is cached of
 * the whole page stays right for the parts that stay mapped. For what goes there
 * is the flush, which every unmap needs: it drops whatever overlaps (spec 5.3),
 * and what is filled from then on comes from the parts.
 */
#include "driver.h"

/*
 * Sizes that parts may have beside those of the domain: of one entry, but for
 * 2^39, which is no page size (spec 4.2).
 */
#define PART_SIZES	(BIT_ULL(12) | BIT_ULL(21) | BIT_ULL(30) | BIT_ULL(40) | BIT_ULL(48))

/* Entries of one page that need a table when it is split: see PART_SIZES */
#define MAX_CHILDREN	2

/**
 * struct split - a page that is being split
 * @pt: the page table
 * @page: the page
 * @level: its level
 * @slot: its first entry
 * @sizes: the sizes that parts may have
 * @at: where a part has to begin, or 0
 * @flags: rights, A and D of the parts
 * @children: tables for entries that cannot be parts themselves
 * @nr_children: how many
 */
struct split {
	struct sim_pt *pt;
	struct sim_leaf page;
	unsigned int level;
	__le64 *slot;
	u64 sizes;
	u64 at;
	u64 flags;
	struct sim_table *children[MAX_CHILDREN];
	unsigned int nr_children;
};

static u64 page_end(const struct sim_leaf *page)
{
	return page->iova + BIT_ULL(page->size_lg2);
}

/* log2 of the size of the part that begins at @iova and ends at @end or before */
static unsigned int part_lg2(const struct split *s, u64 iova, u64 end)
{
	u64 fit = s->sizes;

	if (iova < s->at && s->at < end)
		end = s->at;
	fit &= (BIT_ULL(__fls(end - iova)) << 1) - 1;
	if (iova)
		fit &= iova ^ (iova - 1);
	return __fls(fit);
}

static u64 part_leaf(const struct split *s, u64 iova, unsigned int size_lg2, unsigned int level)
{
	return sim_pte_leaf(s->page.pa + (iova - s->page.iova), size_lg2, level, s->flags);
}

/* A table at @level that begins at @iova, with the parts of the page that are there */
static struct sim_table *make_table(struct split *s, unsigned int level, u64 iova)
{
	struct sim_table *table = sim_table_take(s->pt, level, iova), *child;
	u64 end = iova + BIT_ULL(sim_pt_va_bits(level));
	__le64 *slot, *stop;
	unsigned int lg2;

	if (!table)
		return NULL;
	slot = sim_table_entries(table);
	while (iova < end) {
		lg2 = part_lg2(s, iova, end);
		if (lg2 >= sim_pt_slot_lg2(level)) {
			stop = slot + BIT(lg2 - sim_pt_slot_lg2(level));
			while (slot != stop)
				sim_pt_write(slot++, part_leaf(s, iova, lg2, level));
			iova += BIT_ULL(lg2);
			continue;
		}
		child = make_table(s, level - 1, iova);
		if (!child) {
			sim_table_free_tree(s->pt, table, sim_table_bury);
			return NULL;
		}
		sim_pt_write(slot++, sim_pte_link(sim_table_entries(child), level - 1));
		iova += BIT_ULL(sim_pt_slot_lg2(level));
	}
	return table;
}

/* All that can fail */
static int make_children(struct split *s)
{
	unsigned int slot_lg2 = sim_pt_slot_lg2(s->level), lg2;
	u64 iova = s->page.iova, end = page_end(&s->page);
	struct sim_table *child;

	while (iova < end) {
		lg2 = part_lg2(s, iova, end);
		if (lg2 < slot_lg2) {
			if (WARN_ON_ONCE(s->nr_children == MAX_CHILDREN))
				return -EINVAL;
			child = make_table(s, s->level - 1, iova);
			if (!child)
				return -ENOMEM;
			s->children[s->nr_children++] = child;
			lg2 = slot_lg2;
		}
		iova += BIT_ULL(lg2);
	}
	return 0;
}

/*
 * Replace an entry, if it still is one of the page; it keeps the flags @keep, A
 * and D are added to @seen.
 */
static bool replace_entry(struct split *s, __le64 *slot, u64 new, u64 keep, u64 *seen)
{
	u64 old = sim_pt_read(slot), found;

	while (!((old ^ s->page.entry) & ~(SIM_PTE_A | SIM_PTE_D))) {
		found = sim_pt_cmpxchg(slot, old, new | (old & keep));
		if (found == old) {
			*seen |= old & (SIM_PTE_A | SIM_PTE_D);
			return true;
		}
		old = found;
	}
	return false;
}

/* Returns false if the entry has become a table */
static bool add_flags(__le64 *slot, unsigned int level, u64 flags)
{
	u64 old = sim_pt_read(slot), found;

	while (old & SIM_PTE_PR && flags & ~old) {
		if (sim_pte_is_table(old, level - 1))
			return false;
		found = sim_pt_cmpxchg(slot, old, old | flags);
		if (found == old)
			break;
		old = found;
	}
	return true;
}

/* An entry of the first page at or after @iova; @iova becomes where it stands */
static __le64 *next_slot(struct sim_pt *pt, u64 *iova, u64 last, unsigned int *level, u64 *entry)
{
	while (*iova <= last) {
		__le64 *slot = sim_pt_find(pt, *iova, level, entry);

		if (*entry & SIM_PTE_PR)
			return slot;
		*iova = sim_pt_slot_last(*level, *iova) + 1;
	}
	return NULL;
}

/* All parts get what was set in any entry meanwhile */
static void spread_flags(struct split *s, u64 flags)
{
	u64 iova = s->page.iova, last = page_end(&s->page) - 1, entry;
	unsigned int level;
	__le64 *slot;

	while ((slot = next_slot(s->pt, &iova, last, &level, &entry)))
		if (add_flags(slot, level, flags))
			iova = sim_pt_slot_last(level, iova) + 1;
}

/*
 * All entries that are still those of the page. Others were unmapped, or have not
 * been written yet by the map: they are right as they are.
 */
static void replace_page(struct split *s, u64 *seen)
{
	unsigned int slot_lg2 = sim_pt_slot_lg2(s->level), lg2, nr, linked = 0;
	u64 iova = s->page.iova, end = page_end(&s->page), new;
	__le64 *slot = s->slot;

	lockdep_assert_held(&s->pt->lock);
	while (iova < end) {
		lg2 = part_lg2(s, iova, end);
		if (lg2 < slot_lg2) {
			struct sim_table **child = &s->children[linked++];

			new = sim_pte_link(sim_table_entries(*child), s->level - 1);
			if (replace_entry(s, slot++, new, 0, seen))
				*child = NULL;
			iova += BIT_ULL(slot_lg2);
			continue;
		}
		new = part_leaf(s, iova, lg2, s->level);
		for (nr = BIT(lg2 - slot_lg2); nr; nr--)
			replace_entry(s, slot++, new, SIM_PTE_A | SIM_PTE_D, seen);
		iova += BIT_ULL(lg2);
	}
}

/* Under RCU; somebody else may do the same, then there is nothing left to do */
static int divide_page(struct split *s)
{
	unsigned int nr = BIT(s->page.size_lg2 - sim_pt_slot_lg2(s->level)), i;
	unsigned long irq;
	u64 seen = 0;
	int ret;

	s->sizes &= BIT_ULL(s->page.size_lg2) - 1;
	s->flags = s->page.entry & (SIM_PTE_IR | SIM_PTE_IW);
	for (i = 0; i < nr; i++)
		s->flags |= sim_pt_read(&s->slot[i]) & (SIM_PTE_A | SIM_PTE_D);
	ret = make_children(s);
	if (!ret) {
		raw_spin_lock_irqsave(&s->pt->lock, irq);
		replace_page(s, &seen);
		raw_spin_unlock_irqrestore(&s->pt->lock, irq);
	}
	/* Those that are not needed; nobody reads them, but this may be any context */
	for (i = 0; i < s->nr_children; i++)
		if (s->children[i])
			sim_table_free_tree(s->pt, s->children[i], sim_table_bury);
	if (seen & ~s->flags)
		spread_flags(s, seen);
	return ret;
}

/* The first page at or after @iova; @iova becomes where it was found; false if there is none */
static bool next_page(struct split *s, u64 *iova, u64 last)
{
	u64 entry;
	__le64 *slot = next_slot(s->pt, iova, last, &s->level, &entry);

	if (!slot)
		return false;
	s->page = sim_pt_decode(entry, s->level, *iova);
	s->slot = slot - ((*iova - s->page.iova) >> sim_pt_slot_lg2(s->level));
	return true;
}

/* The page at @iova; false if there is none */
static bool find_page(struct split *s, u64 iova)
{
	return next_page(s, &iova, iova);
}

/**
 * sim_pt_split() - see to it that a page begins at an address
 * @pt: the page table
 * @iova: the address, a multiple of 4 KiB
 *
 * What is there stays mapped all the time, to the same memory and with the same
 * rights and D. Tables come from the reserve, else they are allocated
 * atomically. The parts may have sizes that the domain does not map by.
 * Context: any. Return: 0, also if nothing is there; -ENOMEM, and nothing has
 * changed.
 */
int sim_pt_split(struct sim_pt *pt, u64 iova)
{
	struct split s;
	int ret = 0;

	rcu_read_lock();
	/* If another one was faster, its parts may be too large for us */
	do {
		s = (struct split) {
			.pt = pt,
			.sizes = READ_ONCE(pt->sizes) | PART_SIZES,
			.at = iova,
		};
		if (!find_page(&s, iova) || s.page.iova == iova)
			break;
		ret = divide_page(&s);
	} while (!ret);
	rcu_read_unlock();
	return ret;
}

/* Split the page at @iova into the next smaller ones; that takes few tables */
static int split_down(struct sim_pt *pt, u64 iova)
{
	struct split s = { .pt = pt };
	int ret = 0;

	rcu_read_lock();
	if (find_page(&s, iova) && s.page.size_lg2 > SIM_PAGE_LG2) {
		s.sizes = BIT_ULL(__fls(PART_SIZES & (BIT_ULL(s.page.size_lg2) - 1)));
		ret = divide_page(&s);
	}
	rcu_read_unlock();
	return ret;
}

/**
 * sim_pt_split_all() - split everything into 4 KiB pages
 * @pt: the page table
 * @last: its last address
 *
 * What is mapped meanwhile has to be of 4 KiB, and what is unmapped has to know:
 * sim_pt::sizes, sim_pt::splitting. Context: may sleep. Return: 0; -ENOMEM, and
 * some may be split already.
 */
int sim_pt_split_all(struct sim_pt *pt, u64 last)
{
	struct sim_leaf leaf;
	u64 iova = 0;
	int ret;

	while (sim_pt_next_leaf(pt, iova, last, &leaf)) {
		cond_resched();
		/* Never back: of a page that began before, only the rest may be left */
		iova = max(iova, leaf.iova);
		if (leaf.size_lg2 == SIM_PAGE_LG2) {
			iova += SZ_4K;
			continue;
		}
		ret = sim_pt_fill_reserve(pt, sim_pt_split_tables(SIM_PT_MAX_LEAF_LEVEL),
					  GFP_KERNEL_ACCOUNT);
		if (!ret)
			ret = split_down(pt, iova);
		if (ret)
			return ret;
	}
	return 0;
}

/* Whether an entry of a page has D; none has after that, with @clear */
static bool test_dirty(__le64 *slot, unsigned int nr, bool clear)
{
	u64 seen = 0, old, found;

	for (; nr; nr--, slot++) {
		old = sim_pt_read(slot);
		seen |= old;
		while (clear && (old & (SIM_PTE_PR | SIM_PTE_D)) == (SIM_PTE_PR | SIM_PTE_D)) {
			found = sim_pt_cmpxchg(slot, old, old & ~SIM_PTE_D);
			if (found == old)
				break;
			old = found;
		}
	}
	return seen & SIM_PTE_D;
}

/**
 * sim_pt_next_dirty() - the next page that a device has written to
 * @pt: the page table
 * @iova: where to begin; where to go on
 * @last: where to end, within the page table's width
 * @clear: take D off, so that the next write sets it again, once no device
 *	   remembers it: the caller has to flush
 * @leaf: the page
 *
 * Looks at a limited number of pages. Context: any; takes no lock.
 * Return: false if there was none; there may be more unless @iova is beyond @last.
 */
bool sim_pt_next_dirty(struct sim_pt *pt, u64 *iova, u64 last, bool clear, struct sim_leaf *leaf)
{
	struct split s = { .pt = pt };
	bool dirty = false;
	unsigned int n;

	rcu_read_lock();
	for (n = 0; n < SIM_PT_ENTRIES && !dirty && next_page(&s, iova, last); n++) {
		dirty = test_dirty(s.slot, BIT(s.page.size_lg2 - sim_pt_slot_lg2(s.level)), clear);
		*leaf = s.page;
		*iova = page_end(&s.page);
	}
	rcu_read_unlock();
	return dirty;
}
