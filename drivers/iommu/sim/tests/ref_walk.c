// SPDX-License-Identifier: GPL-2.0-only
/* The reference page table walk: see ref_walk.h */
#include <kunit/visibility.h>
#include <linux/export.h>

#include "ref_walk.h"

static bool bit(u64 value, int n)
{
	return (value >> n) & 1;
}

/* value[high:low] */
static u64 field(u64 value, int high, int low)
{
	u64 out = 0;
	int n;

	for (n = high; n >= low; n--)
		out = 2 * out + bit(value, n);
	return out;
}

/* spec 4.2: log2 of what an entry at @level spans */
static int span_lg2(int level)
{
	int lg2 = 12;

	while (--level > 0)
		lg2 += 9;
	return lg2;
}

/* spec 4.2: which IOVA bits index a table at @level; 63:57 at level 6 */
static u64 index_at(u64 iova, int level)
{
	int low = span_lg2(level);
	int high = level == 6 ? 63 : low + 8;

	return field(iova, high, low);
}

/* Byte by byte, little endian; false if any of the 8 is not in memory */
static bool read_entry(const struct ref_mem *mem, u64 pa, u64 *entry)
{
	int i;

	*entry = 0;
	for (i = 7; i >= 0; i--) {
		u64 at = pa + i;

		if (at < mem->base || at >= mem->base + mem->size)
			return false;
		*entry = *entry * 256 + mem->bytes[at - mem->base];
	}
	return true;
}

/* spec 4.2: false if the leaf is malformed */
static bool leaf(struct ref_walk *w, int level)
{
	int first = 12, n;

	if (level == 6)
		return false;
	w->size_lg2 = span_lg2(level);
	if (field(w->entry, 11, 9) == 7) {
		for (n = 12; n < 52 && bit(w->entry, n); n++)
			;
		w->size_lg2 = n + 1;
		if (w->size_lg2 <= span_lg2(level) || w->size_lg2 >= span_lg2(level + 1))
			return false;
		/* "all powers of two from 2^12 to 2^51", and no other */
		if (w->size_lg2 > 51)
			return false;
		first = n + 1;
	}

	w->pa = 0;
	for (n = first; n < 52; n++)
		if (bit(w->entry, n))
			w->pa += 1ULL << n;
	return field(w->pa, w->size_lg2 - 1, 0) == 0;
}

/* spec 4.3 step 8 */
static bool table(const struct ref_walk *w, int level, int next)
{
	int skipped;

	if (next >= level)
		return false;
	for (skipped = next + 1; skipped < level; skipped++)
		if (index_at(w->iova, skipped))
			return false;
	return true;
}

/* spec 4.4: A is bit 5 and D bit 6, both in the lowest byte of the entry */
static void set_bits(const struct ref_mem *mem, const struct ref_walk *w)
{
	u8 *low = mem->bytes + (w->entry_pa - mem->base);

	if (w->set_a)
		*low |= 1 << 5;
	if (w->set_d && w->may_write)
		*low |= 1 << 6;
}

static enum ref_result fault(struct ref_walk *w, unsigned int flags)
{
	w->flags = flags;
	return REF_PAGE_FAULT;
}

static enum ref_result walk(const struct ref_mem *mem, struct ref_walk *w)
{
	u64 at = w->root;
	int level = w->levels, n, next;

	/* step 1 */
	for (n = 12 + 9 * w->levels; w->levels < 6 && n < 64; n++)
		if (bit(w->iova, n))
			return fault(w, REF_RANGE);
	for (;;) {
		/* step 3 */
		w->entry_pa = at + 8 * index_at(w->iova, level);
		if (!read_entry(mem, w->entry_pa, &w->entry))
			return REF_TABLE_NOT_RAM;
		w->nr_reads++;
		/* step 4 */
		if (!bit(w->entry, 0))
			return fault(w, 0);
		/* step 5 */
		if (field(w->entry, 58, 52))
			return fault(w, REF_PRESENT | REF_RSVD);
		/* step 6 */
		w->may_read = w->may_read && bit(w->entry, 61);
		w->may_write = w->may_write && bit(w->entry, 62);
		if ((w->reads && !w->may_read) || (w->writes && !w->may_write))
			return fault(w, REF_PRESENT | REF_PERM);
		/* step 7 */
		next = field(w->entry, 11, 9);
		if (next == 0 || next == 7)
			return leaf(w, level) ? REF_TRANSLATED :
						fault(w, REF_PRESENT | REF_RSVD);
		/* step 8 */
		if (!table(w, level, next))
			return fault(w, REF_PRESENT | REF_RSVD);
		level = next;
		at = field(w->entry, 51, 12) * 4096;
	}
}

/**
 * ref_walk() - translate an address, as spec 4.3 says
 * @mem: the memory; A and D change there
 * @w: what to translate, and the answer
 */
void ref_walk(const struct ref_mem *mem, struct ref_walk *w)
{
	w->flags = 0;
	w->entry = 0;
	w->entry_pa = 0;
	w->nr_reads = 0;
	w->result = walk(mem, w);
	if (w->result == REF_TRANSLATED)
		set_bits(mem, w);
}
EXPORT_SYMBOL_IF_KUNIT(ref_walk);
