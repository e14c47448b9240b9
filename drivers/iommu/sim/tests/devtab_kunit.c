// SPDX-License-Identifier: GPL-2.0-only
/* The device table: spec 3 */
#include "bench.h"

#define RW		(DTE_IR | DTE_IW)
#define BYPASS		(DTE_V | DTE_BYPASS | RW)

struct dte_case {
	const char *name;
	u64 word[4];
	unsigned int event;	/* 0: the request succeeds */
};

/* Each is asked to read from a page of memory, by its physical address */
static const struct dte_case dte_cases[] = {
	{ "all zero", { 0 }, EVT_ILLEGAL_DEVTAB_ENTRY },
	{ "V clear", { DTE_BYPASS | RW }, EVT_ILLEGAL_DEVTAB_ENTRY },
	{ "bypass", { BYPASS }, 0 },
	{ "bypass, levels are not looked at", { BYPASS | DTE_LEVELS(7) }, 0 },
	{ "bypass, HA HD ROOT are not looked at",
	  { BYPASS | DTE_HA | DTE_HD | 0x000ffffffffff000ULL }, 0 },
	{ "bypass, ATS and domain", { BYPASS, 1ULL << 32 | 0xffff }, 0 },
	{ "bypass, no rights", { DTE_V | DTE_BYPASS }, EVT_IO_PAGE_FAULT },
	{ "bypass, write only", { DTE_V | DTE_BYPASS | DTE_IW }, EVT_IO_PAGE_FAULT },
	{ "bypass, read only", { DTE_V | DTE_BYPASS | DTE_IR }, 0 },
	{ "abort", { DTE_V | DTE_ABORT | RW }, EVT_DEVICE_BLOCKED },
	{ "abort, no rights", { DTE_V | DTE_ABORT }, EVT_DEVICE_BLOCKED },
	{ "CFG 3", { DTE_V | 3 << 2 | RW | DTE_LEVELS(1) }, EVT_ILLEGAL_DEVTAB_ENTRY },
	{ "no levels", { DTE_V | DTE_TRANSLATE | RW | BENCH_RAM }, EVT_ILLEGAL_DEVTAB_ENTRY },
	{ "7 levels", { DTE_V | DTE_TRANSLATE | DTE_LEVELS(7) | RW | BENCH_RAM },
	  EVT_ILLEGAL_DEVTAB_ENTRY },
	{ "root not in memory", { DTE_V | DTE_TRANSLATE | DTE_LEVELS(6) | RW },
	  EVT_PAGE_TAB_HW_ERROR },
};

KUNIT_ARRAY_PARAM_DESC(dte, dte_cases, name);

static void test_entry(struct kunit *test)
{
	const struct dte_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	u64 pa = bench_alloc(b, 1), value = 0;
	struct bench_event event;
	int i;

	bench_store(b, pa, 0x1122334455667788ULL);
	for (i = 0; i < 4; i++)
		bench_store(b, bench_dte_pa(b, BENCH_RID) + 8 * i, c->word[i]);

	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, pa, &value),
			c->event ? CPL_ABORT : CPL_SUCCESS);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, c->event);
	if (c->event) {
		KUNIT_EXPECT_EQ_MSG(test, value, 0ULL, "data moved");
		KUNIT_EXPECT_EQ(test, event.rid, BENCH_RID);
		KUNIT_EXPECT_EQ(test, event.addr, pa);
		KUNIT_EXPECT_FALSE(test, event.pasid_valid);
	} else {
		KUNIT_EXPECT_EQ(test, le64_to_cpu((__force __le64)value), 0x1122334455667788ULL);
	}
	if (c->event == EVT_ILLEGAL_DEVTAB_ENTRY)
		KUNIT_EXPECT_EQ(test, event.info, c->word[0]);
	if (c->event == EVT_IO_PAGE_FAULT)
		KUNIT_EXPECT_EQ(test, event.flags, EVTF_PERM);
	bench_no_event(b);
}

/* spec 3.1: every bit that is not listed is checked, in each kind of entry */
static void test_reserved_bits(struct kunit *test)
{
	static const u64 kinds[] = {
		BYPASS, DTE_V | DTE_ABORT,
		DTE_V | DTE_TRANSLATE | DTE_LEVELS(3) | RW | BENCH_RAM,
	};
	/* 0, 3:2, 7, 8, 11:9, 51:12, 61, 62; 15:0, 32; 0, the others only with it; none */
	static const u64 listed[4] = { 0x600fffffffffff8dULL, 0x10000ffffULL, 1, 0 };
	struct bench *b = bench_start(test, NULL);
	unsigned int kind, word, bit;
	u64 value;

	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		for (word = 0; word < 4; word++) {
			u64 pa = bench_dte_pa(b, BENCH_RID) + 8 * word;

			for (bit = 0; bit < 64; bit++) {
				if (listed[word] >> bit & 1)
					continue;
				bench_set_dte(b, BENCH_RID, kinds[kind], 0);
				bench_store(b, pa, bench_load(b, pa) | 1ULL << bit);
				KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, 0, &value),
						CPL_ABORT);
				KUNIT_EXPECT_EQ_MSG(test, bench_event(b).type,
						    EVT_ILLEGAL_DEVTAB_ENTRY,
						    "kind %u word %u bit %u", kind, word, bit);
				bench_store(b, pa, 0);
			}
		}
	}
}

static void test_beyond_table(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 pa = bench_alloc(b, 1), value;

	/* The table has 512 entries; what follows it looks like an entry */
	bench_set_dte(b, 511, BYPASS, 0);
	bench_set_dte(b, 512, BYPASS, 0);
	KUNIT_EXPECT_EQ(test, bench_read(b, 511, pa, &value), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_read(b, 512, pa, &value), CPL_ABORT);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, 512, 0, pa);
	KUNIT_EXPECT_EQ(test, bench_write(b, 0xffff, pa, 0), CPL_ABORT);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, 0xffff, EVTF_WRITE, pa);
}

static void test_table_of_one_entry(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 value;

	bench_set_reg(b, REG_CTRL, CTRL_EVTQ_EN);
	bench_set_reg(b, REG_DEVTAB, b->devtab);
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	bench_set_dte(b, 0, BYPASS, 0);
	bench_set_dte(b, 1, BYPASS, 0);
	KUNIT_EXPECT_EQ(test, bench_read(b, 0, b->devtab, &value), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_read(b, 1, b->devtab, &value), CPL_ABORT);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, 1, 0, b->devtab);
}

/* The second half of the table lies beyond the end of memory */
static void test_table_not_in_memory(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 last = bench_ram_end(b) - 4096, value;
	struct bench_event event;

	bench_set_reg(b, REG_CTRL, CTRL_EVTQ_EN);
	bench_set_reg(b, REG_DEVTAB, last | 8);
	b->devtab = last;
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	bench_set_dte(b, 127, BYPASS, 0);

	KUNIT_EXPECT_EQ(test, bench_read(b, 127, b->evtq, &value), CPL_SUCCESS);
	KUNIT_EXPECT_EQ(test, bench_read(b, 128, b->evtq, &value), CPL_ABORT);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_DEVTAB_HW_ERROR);
	KUNIT_EXPECT_EQ(test, event.rid, 128);
	KUNIT_EXPECT_EQ(test, event.addr, b->evtq);
	KUNIT_EXPECT_EQ(test, event.info, last + 4096);
}

/* spec 3.2: a change has no effect before the command */
static void test_cached_until_invalidated(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 pa = bench_alloc(b, 1), value;

	bench_set_dte(b, BENCH_RID, BYPASS, 0);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, pa, &value), CPL_SUCCESS);
	bench_set_dte(b, BENCH_RID, DTE_V | DTE_ABORT, 0);
	KUNIT_EXPECT_EQ_MSG(test, bench_read(b, BENCH_RID, pa, &value), CPL_SUCCESS,
			    "the entry is not cached");

	bench_inv_devtab(b, BENCH_RID + 1);
	KUNIT_EXPECT_EQ_MSG(test, bench_read(b, BENCH_RID, pa, &value), CPL_SUCCESS,
			    "another device's entry was invalidated");
	bench_inv(b, 0, 0, 64);
	KUNIT_EXPECT_EQ_MSG(test, bench_read(b, BENCH_RID, pa, &value), CPL_SUCCESS,
			    "translations were invalidated");

	bench_inv_devtab(b, BENCH_RID);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, pa, &value), CPL_ABORT);
	bench_expect_event(b, EVT_DEVICE_BLOCKED, BENCH_RID, 0, pa);

	bench_set_dte(b, BENCH_RID, BYPASS, 0);
	KUNIT_EXPECT_EQ_MSG(test, bench_read(b, BENCH_RID, pa, &value), CPL_ABORT,
			    "CFG abort is a valid entry, too");
	bench_inv_all(b);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, pa, &value), CPL_SUCCESS);

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_ABORT, 0);
	bench_set_reg(b, REG_CTRL, CTRL_EVTQ_EN);
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	KUNIT_EXPECT_EQ_MSG(test, bench_read(b, BENCH_RID, pa, &value), CPL_ABORT,
			    "EN drops everything");
}

static void test_invalid_never_cached(struct kunit *test)
{
	static const u64 invalid[] = {
		0, BYPASS & ~DTE_V, BYPASS | 1ULL << 63, DTE_V | 3 << 2,
		DTE_V | DTE_TRANSLATE | DTE_LEVELS(7),
	};
	struct bench *b = bench_start(test, NULL);
	u64 pa = bench_alloc(b, 1), value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(invalid); i++) {
		bench_set_dte(b, i, invalid[i], 0);
		KUNIT_EXPECT_EQ(test, bench_read(b, i, pa, &value), CPL_ABORT);
		bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, i, 0, pa);
		bench_set_dte(b, i, BYPASS, 0);
		KUNIT_EXPECT_EQ_MSG(test, bench_read(b, i, pa, &value), CPL_SUCCESS,
				    "entry %#llx was cached", invalid[i]);
	}
}

/* More devices than a cache of any sensible size: each keeps its own entry */
static void test_many_devices(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 value;
	unsigned int rid, round;

	for (rid = 0; rid < 512; rid++)
		bench_set_dte(b, rid, rid % 3 ? BYPASS : DTE_V | DTE_ABORT, rid);
	for (round = 0; round < 2; round++) {
		for (rid = 0; rid < 512; rid++) {
			KUNIT_EXPECT_EQ_MSG(test, bench_read(b, rid, b->devtab, &value),
					    rid % 3 ? CPL_SUCCESS : CPL_ABORT, "rid %u", rid);
			if (rid % 3 == 0)
				bench_expect_event(b, EVT_DEVICE_BLOCKED, rid, 0, b->devtab);
		}
	}
}

/* spec 3.2: in bypass IR and IW apply, to each kind of request */
static void test_bypass_rights(struct kunit *test)
{
	static const struct {
		u64 rights;
		u8 type;
		int status;
	} cases[] = {
		{ DTE_IR, SIM_TLP_MEM_READ, CPL_SUCCESS },
		{ DTE_IR, SIM_TLP_MEM_WRITE, CPL_ABORT },
		{ DTE_IR, SIM_TLP_FETCH_ADD, CPL_ABORT },
		{ DTE_IW, SIM_TLP_MEM_READ, CPL_ABORT },
		{ DTE_IW, SIM_TLP_MEM_WRITE, CPL_SUCCESS },
		{ DTE_IW, SIM_TLP_FETCH_ADD, CPL_ABORT },
		{ RW, SIM_TLP_FETCH_ADD, CPL_SUCCESS },
	};
	struct bench *b = bench_start(test, NULL);
	u64 pa = bench_alloc(b, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned int flags = EVTF_PERM;
		u64 data = 1;

		bench_set_dte(b, i, DTE_V | DTE_BYPASS | cases[i].rights, 0);
		KUNIT_EXPECT_EQ_MSG(test, bench_request(b, cases[i].type, i, pa, &data, 8),
				    cases[i].status, "case %u", i);
		if (cases[i].type != SIM_TLP_MEM_READ)
			flags |= EVTF_WRITE;
		if (cases[i].status)
			bench_expect_event(b, EVT_IO_PAGE_FAULT, i, flags, pa);
	}
	bench_no_event(b);
}

/* spec 8.4: only memory answers; the address is in the event twice */
static void test_bypass_master_abort(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 addrs[] = {
		0, 0xfffff000, b->ram.base - 8, bench_ram_end(b), 1ULL << 51, 1ULL << 52,
		b->ram.base | 1ULL << 52, ~0ULL - 7,
	};
	struct bench_event event;
	unsigned int i;
	u64 value;

	bench_set_dte(b, BENCH_RID, BYPASS, 0);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, bench_ram_end(b) - 8, &value), CPL_SUCCESS);
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		KUNIT_EXPECT_EQ(test, bench_write(b, BENCH_RID, addrs[i], 0), CPL_UNSUPPORTED);
		event = bench_event(b);
		KUNIT_EXPECT_EQ(test, event.type, EVT_MASTER_ABORT);
		KUNIT_EXPECT_EQ(test, event.flags, EVTF_WRITE);
		KUNIT_EXPECT_EQ(test, event.addr, addrs[i]);
		KUNIT_EXPECT_EQ(test, event.info, addrs[i]);
	}
}

static struct kunit_case devtab_cases[] = {
	KUNIT_CASE_PARAM(test_entry, dte_gen_params),
	KUNIT_CASE(test_reserved_bits),
	KUNIT_CASE(test_beyond_table),
	KUNIT_CASE(test_table_of_one_entry),
	KUNIT_CASE(test_table_not_in_memory),
	KUNIT_CASE(test_cached_until_invalidated),
	KUNIT_CASE(test_invalid_never_cached),
	KUNIT_CASE(test_many_devices),
	KUNIT_CASE(test_bypass_rights),
	KUNIT_CASE(test_bypass_master_abort),
	{}
};

static struct kunit_suite devtab_suite = {
	.name = "iommu_sim_devtab",
	.test_cases = devtab_cases,
};

kunit_test_suite(devtab_suite);
