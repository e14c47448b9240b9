/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a page table should be, by brute force: an array with an element for each
 * unit of a window. Nothing here is clever, or fast, or shared with the writer.
 *
 * A unit is 4 KiB, or more, so that a window has few enough of them also where
 * pages are large. A unit is mapped as a whole or not at all, by one page (which
 * may be of many units), or by many of the same size.
 */
#ifndef _IOMMU_SIM_TESTS_PT_MODEL_H
#define _IOMMU_SIM_TESTS_PT_MODEL_H

#include "pt_bench.h"

#define MODEL_MAX_UNITS		1024

/**
 * struct pt_window - where, and by which pages
 * @name: of the test case
 * @bits: width of the IOVA
 * @sizes: page sizes that maps use; those that are too large are left out
 * @unit_lg2: log2 of a unit
 * @map_lg2: log2 of what maps are multiples of; 0 for a unit
 * @base: where it begins
 * @nr: units, or 0 for MODEL_MAX_UNITS
 */
struct pt_window {
	const char *name;
	unsigned int bits;
	unsigned long sizes;
	unsigned int unit_lg2;
	unsigned int map_lg2;
	u64 base;
	u32 nr;
};

/**
 * struct pt_model_unit - what a unit is mapped to
 * @pa: its first byte, or PT_NOWHERE
 * @rights: SIM_PTE_IR, SIM_PTE_IW
 * @lg2: log2 of the size of its page
 * @dirty: whether its page is; the same in all its units
 */
struct pt_model_unit {
	u64 pa;
	u64 rights;
	u8 lg2;
	bool dirty;
};

/**
 * struct pt_model - a page table and what should be in it
 * @test: the test
 * @b: the page table
 * @w: the window
 * @nr: units of it
 * @rnd: state of the random numbers
 * @step: how many changes so far, to say where it failed
 * @maps: successful maps
 * @refused: maps that were refused
 * @splits: pages that were split
 * @unit: the units
 */
struct pt_model {
	struct kunit *test;
	struct pt_bench *b;
	const struct pt_window *w;
	u32 nr;
	u64 rnd;
	u32 step;
	u32 maps;
	u32 refused;
	u32 splits;
	struct pt_model_unit unit[MODEL_MAX_UNITS];
};

/* KUNIT_ARRAY_PARAM(window, pt_windows, pt_window_desc) */
#define PT_NR_WINDOWS		36
extern const struct pt_window pt_windows[PT_NR_WINDOWS];
void pt_window_desc(const struct pt_window *w, char *desc);

struct pt_model *pt_model_create(struct kunit *test, const struct pt_window *w);
void pt_model_map(struct pt_model *m, u32 first, u32 nr, u64 pa, u64 rights);
u32 pt_model_unmap(struct pt_model *m, u32 first, u32 nr);
void pt_model_split_all(struct pt_model *m);
void pt_model_write(struct pt_model *m, u32 i, u64 offset);
void pt_model_clear_dirty(struct pt_model *m, u32 first, u32 nr);
void pt_model_check_unit(struct pt_model *m, u32 i, u64 offset);
void pt_model_check(struct pt_model *m);

void pt_model_unmap_all(struct pt_model *m, u32 first, u32 nr);
void pt_model_random_step(struct pt_model *m);

/* The first address of a unit; of @nr, the first after the window */
static inline u64 pt_model_iova(const struct pt_model *m, u32 i)
{
	return m->w->base + ((u64)i << m->w->unit_lg2);
}

/* The units of the page in which unit @i is: from @first to before @end */
static inline void pt_model_page(const struct pt_model *m, u32 i, u32 *first, u32 *end)
{
	unsigned int lg2 = max_t(unsigned int, m->unit[i].lg2, m->w->unit_lg2);
	u64 begin = round_down(pt_model_iova(m, i), BIT_ULL(lg2));

	*first = (begin - m->w->base) >> m->w->unit_lg2;
	*end = *first + BIT(lg2 - m->w->unit_lg2);
}

static inline bool pt_model_mapped(const struct pt_model *m, u32 i)
{
	return m->unit[i].pa != PT_NOWHERE;
}

#endif
