// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where page tables are tried, and random steps: windows where a writer is most
 * likely to be wrong, around the borders of tables of each level, at both ends of
 * the address space, by all, by few and by odd page sizes.
 */
#include "pt_model.h"

#define ALL		SIM_PGSIZES
#define HUGE		(SZ_4K | (SIM_PGSIZES & GENMASK_ULL(51, 40)))
#define X86		(SZ_4K | SZ_2M | SZ_1G)
#define K64		(SZ_4K | SZ_64K)
/* Every third size, and some that need the most tables when they are split */
#define THIRD		(SZ_4K | SZ_16K | BIT(17) | BIT(20) | BIT(23) | BIT(26) | BIT(29) | \
			 BIT(32) | BIT(35) | BIT(38) | BIT(41) | BIT(44) | BIT(47) | BIT(50))
#define ODD		(SZ_4K | SZ_8K | BIT(22) | BIT(31) | BIT(37) | BIT(45) | BIT(51))

/* Half of the window before a border, half behind it */
#define AROUND(lg2, unit_lg2)	(BIT_ULL(lg2) - (MODEL_MAX_UNITS / 2ULL << (unit_lg2)))
#define UP_TO(lg2, unit_lg2)	(BIT_ULL(lg2) - ((u64)MODEL_MAX_UNITS << (unit_lg2)))

const struct pt_window pt_windows[PT_NR_WINDOWS] = {
	{ "all, 2 levels, end", 30, ALL, 12, 0, UP_TO(30, 12) },
	{ "all, 32 bits, begin", 32, ALL, 12, 0, 0 },
	{ "all, 32 bits, end", 32, ALL, 12, 0, UP_TO(32, 12) },
	{ "all, 39 bits, level 2", 39, ALL, 12, 0, AROUND(30, 12) },
	{ "all, 39 bits, 2M, end", 39, ALL, 21, 0, UP_TO(39, 21) },
	{ "all, 48 bits, level 3", 48, ALL, 12, 0, AROUND(39, 12) },
	{ "all, 48 bits, 2M, level 3", 48, ALL, 21, 0, AROUND(39, 21) },
	{ "all, 48 bits, 1G, level 3", 48, ALL, 30, 0, BIT_ULL(40) - BIT_ULL(39) },
	{ "all, 48 bits, 512G", 48, ALL, 39, 0, 0, 512 },
	{ "all, 57 bits, level 4", 57, ALL, 12, 0, AROUND(48, 12) },
	{ "all, 57 bits, 64K, level 4", 57, ALL, 16, 0, AROUND(48, 16) },
	{ "all, 57 bits, 2M, level 4", 57, ALL, 21, 0, AROUND(48, 21) },
	{ "all, 57 bits, 1G, level 4", 57, ALL, 30, 0, AROUND(48, 30) },
	{ "all, 57 bits, 512G, level 4", 57, ALL, 39, 0, AROUND(49, 39) },
	{ "all, 57 bits, 1T", 57, ALL, 40, 0, 0 },
	{ "all, 57 bits, 256T: everything", 57, ALL, 48, 0, 0, 512 },
	{ "all, 57 bits, end", 57, ALL, 12, 0, UP_TO(57, 12) },
	{ "4K, 48 bits, level 3", 48, SZ_4K, 12, 0, AROUND(39, 12) },
	{ "4K, 57 bits, end", 57, SZ_4K, 12, 0, UP_TO(57, 12) },
	{ "4K 2M 1G, 39 bits, level 2", 39, X86, 12, 0, AROUND(30, 12) },
	{ "4K 2M 1G, 48 bits, by 2M", 48, X86, 12, 21, AROUND(39, 12) },
	{ "4K 2M 1G, 48 bits, 2M, by 1G", 48, X86, 21, 30, AROUND(39, 21) },
	{ "4K 2M 1G, 57 bits, 1G, level 4", 57, X86, 30, 0, AROUND(48, 30) },
	{ "4K 64K, 48 bits, level 2", 48, K64, 12, 0, AROUND(30, 12) },
	{ "4K 64K, 48 bits, 64K, level 2", 48, K64, 16, 0, AROUND(30, 16) },
	{ "4K 1T up, 57 bits, 1T, level 4", 57, HUGE, 40, 0, 0 },
	{ "4K 1T up, 57 bits, 512G, by 1T", 57, HUGE, 39, 40, AROUND(49, 39) },
	{ "4K 1T up, 57 bits, 1G, by 1T", 57, HUGE, 30, 40, AROUND(48, 30) - BIT_ULL(39) },
	{ "4K 1T up, 57 bits, 256T", 57, HUGE, 48, 0, 0, 512 },
	{ "third, 48 bits, level 3", 48, THIRD, 12, 0, AROUND(39, 12) },
	{ "third, 57 bits, 1M, level 3", 57, THIRD, 20, 0, AROUND(39, 20) },
	{ "third, 57 bits, 1G, level 4", 57, THIRD, 30, 29, AROUND(48, 30) },
	{ "odd, 57 bits, 8K, level 4", 57, ODD, 13, 0, AROUND(48, 13) },
	{ "odd, 57 bits, 2M, by 2G", 57, ODD, 21, 31, BIT_ULL(48) - BIT_ULL(31) },
	{ "odd, 57 bits, 128G, level 4", 57, ODD, 37, 0, AROUND(48, 37) },
	{ "odd, 57 bits, 512G, by 32T", 57, ODD, 39, 45, AROUND(49, 39) },
};

/**
 * pt_window_desc() - name of a parameter that is a window
 * @w: the window
 * @desc: where to put it
 */
void pt_window_desc(const struct pt_window *w, char *desc)
{
	strscpy(desc, w->name, KUNIT_PARAM_DESC_SIZE);
}

/* Units that maps are multiples of */
static u32 granule(const struct pt_model *m)
{
	return BIT(max(m->w->map_lg2, m->w->unit_lg2) - m->w->unit_lg2);
}

static u64 random_rights(struct pt_model *m)
{
	static const u64 rights[] = { PT_RIGHTS, PT_RIGHTS, SIM_PTE_IR, SIM_PTE_IW };

	return rights[rnd_below(&m->rnd, ARRAY_SIZE(rights))];
}

/* A physical address for @iova that agrees with it in more or fewer bits */
static u64 random_pa(struct pt_model *m, u64 iova, u64 len)
{
	unsigned int map_lg2 = max(m->w->map_lg2, m->w->unit_lg2);
	u64 same = BIT_ULL(map_lg2 + rnd_below(&m->rnd, 12)) - 1;
	u64 pa = (iova & same) | (rnd64(&m->rnd) & ~same);

	pa &= GENMASK_ULL(SIM_PA_BITS - 1, map_lg2);
	return min(pa, BIT_ULL(SIM_PA_BITS) - len);
}

/* Few units more often than many, and often a power of two; at most 2 PiB */
static u32 random_length(struct pt_model *m, u32 grain, u32 limit)
{
	u32 nr = BIT(rnd_below(&m->rnd, 10));

	if (rnd_chance(&m->rnd, 60))
		nr = 1 + rnd_below(&m->rnd, nr);
	nr = min3((u64)nr, (u64)limit, BIT_ULL(51) >> m->w->unit_lg2);
	return max(round_down(nr, grain), grain);
}

/**
 * pt_model_unmap_all() - unmap all that is there, also behind gaps
 * @m: the model
 * @first: first unit
 * @nr: how many
 */
void pt_model_unmap_all(struct pt_model *m, u32 first, u32 nr)
{
	u32 i, end = first + nr;

	for (i = first; i < end; i++)
		if (pt_model_mapped(m, i))
			i += pt_model_unmap(m, i, end - i);
}

/* Where there is room, or where room is made, or wherever */
static void random_map(struct pt_model *m)
{
	u32 grain = granule(m), nr, first = rnd_below(&m->rnd, m->nr);
	u64 iova;

	/* Aligned by @grain in address, not in the window */
	first -= min_t(u64, first, (pt_model_iova(m, first) >> m->w->unit_lg2) & (grain - 1));
	if ((pt_model_iova(m, first) >> m->w->unit_lg2) & (grain - 1) || first + grain > m->nr)
		return;
	nr = random_length(m, grain, m->nr - first);
	if (rnd_chance(&m->rnd, 50))
		pt_model_unmap_all(m, first, nr);
	iova = pt_model_iova(m, first);
	pt_model_map(m, first, nr, random_pa(m, iova, (u64)nr << m->w->unit_lg2),
		     random_rights(m));
}

/* Where a page begins or ends, or in the middle of one */
static void random_unmap(struct pt_model *m)
{
	u32 first = rnd_below(&m->rnd, m->nr), begin, end, nr;

	nr = 1 + rnd_below(&m->rnd, min(m->nr - first, 256U));
	if (pt_model_mapped(m, first) && rnd_chance(&m->rnd, 60)) {
		pt_model_page(m, first, &begin, &end);
		if (rnd_chance(&m->rnd, 60))
			first = begin;
		nr = end - first;
		if (rnd_chance(&m->rnd, 30))
			nr = 1 + rnd_below(&m->rnd, nr);
	}
	pt_model_unmap(m, first, nr);
}

/* What only a window of 4 KiB units has room for */
static void random_small_step(struct pt_model *m)
{
	if (m->w->unit_lg2 != SIM_PAGE_LG2)
		return;
	if (rnd_chance(&m->rnd, 10))
		pt_model_split_all(m);
	else	/* as with dirty tracking */
		m->b->pt.sizes = rnd_chance(&m->rnd, 30) ? SZ_4K : m->w->sizes & m->b->last;
}

/**
 * pt_model_random_step() - do something, in the page table and in the model
 * @m: the model
 */
void pt_model_random_step(struct pt_model *m)
{
	u32 first = rnd_below(&m->rnd, m->nr);

	switch (rnd_below(&m->rnd, 100)) {
	case 0 ... 44:
		random_map(m);
		break;
	case 45 ... 79:
		random_unmap(m);
		break;
	case 80 ... 89:
		pt_model_write(m, first, rnd64(&m->rnd) & (BIT_ULL(m->w->unit_lg2) - 1));
		break;
	case 90 ... 91:
		pt_model_clear_dirty(m, first, 1 + rnd_below(&m->rnd, m->nr - first));
		break;
	case 92 ... 94:
		pt_bench_step(m->b, rnd_below(&m->rnd, 6), rnd_chance(&m->rnd, 70));
		break;
	case 95 ... 97:
		pt_bench_reclaim(m->b);
		break;
	case 98:
		pt_model_unmap_all(m, first, m->nr - first);
		break;
	default:
		random_small_step(m);
	}
}
