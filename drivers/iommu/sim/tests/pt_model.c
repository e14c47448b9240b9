// SPDX-License-Identifier: GPL-2.0-only
/* The page table by brute force: see pt_model.h */
#include "pt_model.h"

/*
 * What a split may make besides what maps use: all sizes that one entry can be,
 * as said in pt_split.c; 2^39 is no page size.
 */
#define MODEL_PART_SIZES \
	(BIT_ULL(12) | BIT_ULL(21) | BIT_ULL(30) | BIT_ULL(40) | BIT_ULL(48))

/**
 * pt_model_create() - make an empty page table and its model
 * @test: the test
 * @w: the window
 *
 * Return: the model.
 */
struct pt_model *pt_model_create(struct kunit *test, const struct pt_window *w)
{
	struct pt_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->w = w;
	m->nr = w->nr ?: MODEL_MAX_UNITS;
	m->rnd = bench_seed(test);
	m->b = pt_bench_create(test, w->bits, w->sizes);
	for (i = 0; i < m->nr; i++)
		m->unit[i].pa = PT_NOWHERE;
	return m;
}

static void fail(struct pt_model *m, const char *what, u64 iova, u64 got, u64 want)
{
	KUNIT_FAIL_AND_ABORT(m->test, "step %u, IOVA %#llx: %s is %#llx, should be %#llx",
			     m->step, iova, what, got, want);
}

static void expect(struct pt_model *m, const char *what, u64 iova, u64 got, u64 want)
{
	if (unlikely(got != want))
		fail(m, what, iova, got, want);
}

/* log2 of the largest of @sizes that is aligned at @low and not longer than @len */
static unsigned int largest(u64 sizes, u64 low, u64 len)
{
	unsigned int lg2 = 63;

	while (!(sizes & BIT_ULL(lg2)) || low & (BIT_ULL(lg2) - 1) || BIT_ULL(lg2) > len)
		lg2--;
	return lg2;
}

/* Map what can be mapped in the model; returns the units that were */
static u32 map_in_model(struct pt_model *m, u32 first, u32 nr, u64 pa, u64 rights)
{
	unsigned int unit_lg2 = m->w->unit_lg2, lg2;
	u32 done = 0, i, units;

	while (done < nr) {
		lg2 = largest(m->b->pt.sizes,
			      pt_model_iova(m, first + done) | (pa + ((u64)done << unit_lg2)),
			      (u64)(nr - done) << unit_lg2);
		units = lg2 > unit_lg2 ? BIT(lg2 - unit_lg2) : 1;
		for (i = first + done; i < first + done + units; i++)
			if (pt_model_mapped(m, i))
				return done;
		for (i = 0; i < units; i++)
			m->unit[first + done + i] = (struct pt_model_unit) {
				.pa = pa + ((u64)(done + i) << unit_lg2),
				.rights = rights,
				.lg2 = lg2,
			};
		done += units;
	}
	return done;
}

/**
 * pt_model_map() - map units, in the page table and in the model
 * @m: the model
 * @first: first unit
 * @nr: how many
 * @pa: what to map
 * @rights: SIM_PTE_IR, SIM_PTE_IW
 *
 * Some may be mapped already: then it has to be refused there.
 */
void pt_model_map(struct pt_model *m, u32 first, u32 nr, u64 pa, u64 rights)
{
	u64 iova = pt_model_iova(m, first), len = (u64)nr << m->w->unit_lg2;
	u32 done = map_in_model(m, first, nr, pa, rights);
	size_t mapped = 0;
	int ret;

	m->step++;
	ret = pt_bench_map(m->b, iova, pa, len, rights, &mapped);
	expect(m, "what was mapped", iova, mapped, (u64)done << m->w->unit_lg2);
	expect(m, "what map returns", iova, -ret, done == nr ? 0 : EADDRINUSE);
	m->maps += !ret;
	m->refused += !!ret;
}

/* The page of unit @i becomes parts, one of which begins at unit @at */
static void split_in_model(struct pt_model *m, u32 i, u32 at)
{
	unsigned int unit_lg2 = m->w->unit_lg2, lg2;
	u64 sizes = m->b->pt.sizes | MODEL_PART_SIZES;
	u32 pos, end, stop;

	pt_model_page(m, i, &pos, &end);
	sizes &= BIT_ULL(m->unit[i].lg2) - 1;
	m->splits++;
	while (pos < end) {
		stop = pos < at ? at : end;
		lg2 = largest(sizes, pt_model_iova(m, pos), (u64)(stop - pos) << unit_lg2);
		stop = pos + (lg2 > unit_lg2 ? BIT(lg2 - unit_lg2) : 1);
		while (pos < stop)
			m->unit[pos++].lg2 = lg2;
	}
}

/**
 * pt_model_unmap() - unmap units, in the page table and in the model
 * @m: the model
 * @first: first unit
 * @nr: how many
 *
 * Return: how many were unmapped, from @first to the first that was not mapped.
 */
u32 pt_model_unmap(struct pt_model *m, u32 first, u32 nr)
{
	u32 i = first, stop = first + nr, begin, end;

	m->step++;
	while (i < stop && pt_model_mapped(m, i)) {
		pt_model_page(m, i, &begin, &end);
		if (begin < i)
			split_in_model(m, i, i);
		pt_model_page(m, i, &begin, &end);
		if (end > stop)
			split_in_model(m, i, stop);
		for (pt_model_page(m, i, &begin, &end); i < end; i++)
			m->unit[i].pa = PT_NOWHERE;
	}
	expect(m, "what was unmapped", pt_model_iova(m, first),
	       sim_pt_unmap(&m->b->pt, pt_model_iova(m, first), (u64)nr << m->w->unit_lg2),
	       (u64)(i - first) << m->w->unit_lg2);
	return i - first;
}

/**
 * pt_model_split_all() - split everything into 4 KiB pages
 * @m: the model, the unit of which is 4 KiB
 */
void pt_model_split_all(struct pt_model *m)
{
	u32 i;

	m->step++;
	for (i = 0; i < m->nr; i++)
		m->unit[i].lg2 = SIM_PAGE_LG2;
	expect(m, "what split_all returns", 0, -sim_pt_split_all(&m->b->pt, m->b->last), 0);
}

/**
 * pt_model_write() - write somewhere, as a device does
 * @m: the model
 * @i: unit to write to; if it is of many pages nothing happens
 * @offset: where in it
 */
void pt_model_write(struct pt_model *m, u32 i, u64 offset)
{
	struct pt_place place;
	u32 end;

	if (!pt_model_mapped(m, i) || m->unit[i].lg2 < m->w->unit_lg2)
		return;
	m->step++;
	place = pt_bench_hw_walk(m->b, pt_model_iova(m, i) + offset, SIM_PTE_A | SIM_PTE_D);
	/* Nobody writes there, so it is not dirty */
	if (!(place.flags & SIM_PTE_IW))
		return;
	for (pt_model_page(m, i, &i, &end); i < end; i++)
		m->unit[i].dirty = true;
}

/* The next page that is dirty, by @pos; false if there is none before @last */
static bool next_dirty(struct pt_model *m, u64 *pos, u64 last, bool clear, struct sim_leaf *leaf)
{
	while (*pos <= last)
		if (sim_pt_next_dirty(&m->b->pt, pos, last, clear, leaf))
			return true;
	return false;
}

/* All dirty pages of the units, in order and once, and no other */
static void check_dirty(struct pt_model *m, u32 first, u32 nr, bool clear)
{
	u64 pos = pt_model_iova(m, first), last = pt_model_iova(m, first + nr) - 1, iova, end;
	struct sim_leaf leaf;
	u32 i, begin, stop;

	for (i = first; i < first + nr; i = stop) {
		stop = i + 1;
		if (!pt_model_mapped(m, i))
			continue;
		pt_model_page(m, i, &begin, &stop);
		if (!m->unit[i].dirty)
			continue;
		iova = pt_model_iova(m, begin);
		for (end = pt_model_iova(m, stop); iova < end; iova += BIT_ULL(leaf.size_lg2)) {
			if (!next_dirty(m, &pos, last, clear, &leaf))
				fail(m, "the next dirty page", pos, 0, iova);
			expect(m, "the next dirty page", pos, leaf.iova, iova);
			expect(m, "its size", iova, leaf.size_lg2, m->unit[i].lg2);
		}
		for (; clear && begin < stop; begin++)
			m->unit[begin].dirty = false;
	}
	if (next_dirty(m, &pos, last, clear, &leaf))
		fail(m, "a page that is not dirty", pos, leaf.iova, U64_MAX);
}

/**
 * pt_model_clear_dirty() - ask which pages are dirty, and clear that
 * @m: the model
 * @first: first unit
 * @nr: how many
 */
void pt_model_clear_dirty(struct pt_model *m, u32 first, u32 nr)
{
	m->step++;
	check_dirty(m, first, nr, true);
}

static void check_place(struct pt_model *m, u32 i, u64 iova, struct pt_place place)
{
	const struct pt_model_unit *u = &m->unit[i];

	if (!pt_model_mapped(m, i)) {
		expect(m, "where it leads", iova, place.pa, PT_NOWHERE);
		return;
	}
	expect(m, "where it leads", iova, place.pa, u->pa + (iova - pt_model_iova(m, i)));
	expect(m, "the size of its page", iova, place.size_lg2, u->lg2);
	expect(m, "its rights", iova, place.flags, u->rights);
}

/**
 * pt_model_check_unit() - compare one address
 * @m: the model
 * @i: the unit
 * @offset: where in it
 */
void pt_model_check_unit(struct pt_model *m, u32 i, u64 offset)
{
	u64 iova = pt_model_iova(m, i) + offset;

	check_place(m, i, iova, pt_bench_hw_walk(m->b, iova, 0));
	expect(m, "what a lookup finds", iova, sim_pt_lookup(&m->b->pt, iova),
	       pt_model_mapped(m, i) ? m->unit[i].pa + offset : 0);
}

/* All pages in order, and nothing else anywhere */
static void check_leaves(struct pt_model *m)
{
	struct sim_leaf leaf;
	u64 iova = 0, want;
	u32 i;

	for (i = 0; i < m->nr; i++) {
		if (!pt_model_mapped(m, i))
			continue;
		want = pt_model_iova(m, i);
		/* Not where a page goes on */
		while (max(iova, want) < pt_model_iova(m, i + 1)) {
			want = max(iova, want);
			if (!sim_pt_next_leaf(&m->b->pt, iova, m->b->last, &leaf))
				fail(m, "the next page", iova, U64_MAX, want);
			expect(m, "the next page", iova, leaf.iova, want);
			expect(m, "where it leads", iova, leaf.pa,
			       m->unit[i].pa + (want - pt_model_iova(m, i)));
			expect(m, "its size", iova, leaf.size_lg2, m->unit[i].lg2);
			iova = want + BIT_ULL(leaf.size_lg2);
		}
	}
	if (sim_pt_next_leaf(&m->b->pt, iova, m->b->last, &leaf))
		fail(m, "one page too many", iova, leaf.iova, U64_MAX);
}

/* Tables that hold a page, or a table that does; and the root */
static long tables_needed(const struct pt_model *m)
{
	unsigned int level, levels = m->b->pt.levels, span_lg2;
	u64 seen, from, to;
	long nr = 1;
	u32 i;

	for (level = 1; level < levels; level++) {
		span_lg2 = 12 + 9 * level;
		seen = 0;		/* the first that has not been counted */
		for (i = 0; i < m->nr; i++) {
			if (!pt_model_mapped(m, i) || (m->unit[i].lg2 - 12) / 9 + 1 > level)
				continue;
			from = pt_model_iova(m, i) >> span_lg2;
			to = (pt_model_iova(m, i + 1) - 1) >> span_lg2;
			nr += to + 1 - min(max(from, seen), to + 1);
			seen = max(seen, to + 1);
		}
	}
	return nr;
}

/**
 * pt_model_check() - compare everything
 * @m: the model
 *
 * Each unit through the silicon's walk, the reference walk and a lookup; all
 * pages in order; D; and once empty tables are gone, how many there are.
 */
void pt_model_check(struct pt_model *m)
{
	u64 size = BIT_ULL(m->w->unit_lg2), iova;
	u32 i;

	for (i = 0; i < m->nr; i++) {
		pt_model_check_unit(m, i, 0);
		pt_model_check_unit(m, i, size - 1);
		iova = pt_model_iova(m, i) + (rnd64(&m->rnd) & (size - 1));
		check_place(m, i, iova, pt_bench_ref_walk(m->b, iova));
	}
	check_leaves(m);
	check_dirty(m, 0, m->nr, false);
	pt_bench_reclaim(m->b);
	expect(m, "the number of tables", 0, atomic_long_read(&m->b->pt.tables),
	       tables_needed(m));
	cond_resched();
}
