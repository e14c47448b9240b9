// SPDX-License-Identifier: GPL-2.0-only
/* The register file, against a table of its own: spec 2 */
#include "bench.h"

#define ADDR		0x000ffffffffff000ULL	/* 51:12 */

/* What spec 2.1 and 2.2 say of a register while everything is off */
struct reg_case {
	const char *name;
	u32 offset;
	u64 reset;
	u64 rw;
};

static const struct reg_case reg_cases[] = {
	/* version 1, 6 levels, 52 bits, 3 queues, 2^16 of everything, ATS, 20 bits of PASID */
	{ "CAP",	0x000, 0x1 | 6 << 4 | 52 << 8 | 1 << 15 | 2 << 16 |
			       16ULL << 32 | 16ULL << 37 | 16ULL << 42 | 1ULL << 47 |
			       20ULL << 48, 0 },
	/* bits 51:12 without 39 */
	{ "PGSIZES",	0x008, 0x000fff7ffffff000ULL, 0 },
	{ "CTRL",	0x010, 0, 0x5 },	/* no ring, no EVTQ_EN */
	{ "STATUS",	0x018, 0, 0 },
	{ "DEVTAB",	0x020, 0, ADDR | 0x1f },
	{ "EVTQ_BASE",	0x028, 0, ADDR | 0x1f },
	{ "EVTQ_HEAD",	0x030, 0, 0xffff },
	{ "EVTQ_TAIL",	0x038, 0, 0 },
	{ "ATC_TIMEOUT", 0x040, 10000, 0xffffffff },
	{ "CMDQ_BASE 0",   0x1000, 0, ADDR | 0x1f },
	{ "CMDQ_HEAD 0",   0x1008, 0, 0 },
	{ "CMDQ_STATUS 0", 0x1020, 0, 0 },
	{ "CMDQ_BASE 2",   0x1080, 0, ADDR | 0x1f },
	{ "CMDQ_HEAD 2",   0x1088, 0, 0 },
	{ "CMDQ_TAIL 2",   0x1090, 0, 0 },	/* no ring, no index */
	{ "CMDQ_CTRL 2",   0x1098, 0, 0 },	/* no ring, no enable */
	{ "CMDQ_STATUS 2", 0x10a0, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(reg, reg_cases, name);

static const struct sim_hw_config three_queues = {
	.cmdqs = 3,
	.iotlb = { 2, 2 },
};

static void test_reset(struct kunit *test)
{
	const struct reg_case *c = test->param_value;
	struct bench *b = bench_create(test, &three_queues, 1);

	KUNIT_EXPECT_EQ(test, bench_reg(b, c->offset), c->reset);
}

static void test_writable_bits(struct kunit *test)
{
	const struct reg_case *c = test->param_value;
	struct bench *b = bench_create(test, &three_queues, 1);
	unsigned int i;

	for (i = 0; i < 64; i++) {
		bench_set_reg(b, c->offset, 1ULL << i);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, c->offset),
				    (c->reset & ~c->rw) | (1ULL << i & c->rw),
				    "bit %u set alone", i);
		bench_set_reg(b, c->offset, ~(1ULL << i));
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, c->offset),
				    (c->reset & ~c->rw) | (~(1ULL << i) & c->rw),
				    "bit %u clear alone", i);
	}
	bench_set_reg(b, c->offset, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, c->offset), c->reset & ~c->rw);
}

static void test_capabilities_follow_configuration(struct kunit *test)
{
	struct sim_hw_config config = bench_default_config;
	struct bench *b;

	config.npcache = true;
	config.cmdqs = 1024;
	b = bench_create(test, &config, 1);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CAP) >> 14 & 1, 1ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CAP) >> 16 & 0xffff, 1023ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(1023)), 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(1024)), ~0ULL);
}

/* Guards against blocks of queues beyond the last one that alias other registers */
static void test_other_offsets(struct kunit *test)
{
	static const u32 offsets[] = {
		0x001, 0x004, 0x00c, 0x014, 0x024, 0x044, 0x048, 0x800, 0xff8,
		0x1004, 0x1028, 0x1038, 0x103f,
		0x10c0, 0x10d8,			/* there are 3 queues only */
		0x11000, 0x7fffffff, 0xfffffff8, 0xffffffff,
	};
	struct bench *b = bench_create(test, &three_queues, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		bench_set_reg(b, offsets[i], 0);
		bench_set_reg(b, offsets[i], ~0ULL);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, offsets[i]), ~0ULL,
				    "offset %#x", offsets[i]);
	}
	for (i = 0; i < ARRAY_SIZE(reg_cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, reg_cases[i].offset),
				    reg_cases[i].reset, "%s changed", reg_cases[i].name);
}

static void test_ctrl_bits(struct kunit *test)
{
	struct bench *b = bench_create(test, NULL, 1);

	bench_set_reg(b, REG_EVTQ_BASE, b->ram.base | 4);
	bench_set_reg(b, REG_CTRL, ~0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CTRL), 7ULL);
	bench_set_reg(b, REG_CTRL, CTRL_EVTQ_EN);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CTRL), (u64)CTRL_EVTQ_EN);
	bench_set_reg(b, REG_CTRL, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CTRL), 0ULL);
}

/* spec 2.2: a base register changes only while its enable bit is clear */
static void test_base_locked(struct kunit *test)
{
	static const struct {
		const char *name;
		u32 base, ctrl;
		u64 enable;
	} cases[] = {
		{ "DEVTAB", REG_DEVTAB, REG_CTRL, CTRL_EN },
		{ "EVTQ_BASE", REG_EVTQ_BASE, REG_CTRL, CTRL_EVTQ_EN },
		{ "CMDQ_BASE", REG_CMDQ_BASE(0), REG_CMDQ_CTRL(0), 1 },
	};
	struct bench *b = bench_create(test, NULL, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 before = b->ram.base | 5, other = 0x5000 | 6;

		bench_set_reg(b, cases[i].base, before);
		bench_set_reg(b, cases[i].ctrl, cases[i].enable);
		KUNIT_EXPECT_EQ(test, bench_reg(b, cases[i].ctrl), cases[i].enable);
		bench_set_reg(b, cases[i].base, other);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, cases[i].base), before,
				    "%s changed while enabled", cases[i].name);
		bench_set_reg(b, cases[i].ctrl, 0);
		bench_set_reg(b, cases[i].base, other);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, cases[i].base), other,
				    "%s cannot change while disabled", cases[i].name);
	}
}

/* spec 2.2 and 6.1, 7.1: queues of 2^2 to 2^16, a device table of up to 2^16 */
static void test_size_checked_at_enable(struct kunit *test)
{
	struct bench *b = bench_create(test, NULL, 1);
	unsigned int lg2;

	for (lg2 = 0; lg2 < 32; lg2++) {
		u64 queue = lg2 >= 2 && lg2 <= 16;

		bench_set_reg(b, REG_EVTQ_BASE, b->ram.base | lg2);
		bench_set_reg(b, REG_CTRL, CTRL_EVTQ_EN);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CTRL) >> 1 & 1, queue,
				    "event queue of 2^%u", lg2);
		bench_set_reg(b, REG_CTRL, 0);

		bench_set_reg(b, REG_CMDQ_BASE(0), b->ram.base | lg2);
		bench_set_reg(b, REG_CMDQ_CTRL(0), 1);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CMDQ_CTRL(0)), queue,
				    "command queue of 2^%u", lg2);
		bench_set_reg(b, REG_CMDQ_CTRL(0), 0);

		bench_set_reg(b, REG_DEVTAB, b->ram.base | lg2);
		bench_set_reg(b, REG_CTRL, CTRL_EN);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CTRL) & 1, (u64)(lg2 <= 16),
				    "device table of 2^%u", lg2);
		bench_set_reg(b, REG_CTRL, 0);
	}
}

/* Makes an event: a request of a device that has no valid entry */
static void provoke_event(struct bench *b)
{
	u64 value;

	KUNIT_EXPECT_EQ(b->test, bench_read(b, 0x10, 0x1000, &value), CPL_ABORT);
}

static void test_enable_resets_queue(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);

	provoke_event(b);
	bench_cmd(b, 0, CMD_WAIT, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_TAIL), 1ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 1ULL);
	bench_cmd(b, 0, 0, 0);	/* no such operation */
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 1ULL | EVT_ILLEGAL_COMMAND << 4);

	bench_set_reg(b, REG_EVTQ_HEAD, 1);
	/* Writing EN again while it is set is no enabling */
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	bench_set_reg(b, REG_CMDQ_CTRL(0), 1);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_HEAD), 1ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 1ULL);

	bench_set_reg(b, REG_CTRL, CTRL_EN);
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_HEAD), 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_TAIL), 0ULL);

	bench_set_reg(b, REG_CMDQ_CTRL(0), 0);
	bench_set_reg(b, REG_CMDQ_CTRL(0), 1);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_TAIL(0)), 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 0ULL);
}

static void test_status_w1c(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);

	provoke_event(b);
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_INTR, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)(STATUS_EVT | STATUS_COMP_WAIT));
	bench_set_reg(b, REG_STATUS, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)(STATUS_EVT | STATUS_COMP_WAIT));
	bench_set_reg(b, REG_STATUS, ~(u64)STATUS_EVT);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)STATUS_EVT);
	bench_set_reg(b, REG_STATUS, STATUS_EVT);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), 0ULL);
}

/* spec 2.3: an edge when a bit of STATUS becomes set */
static void test_interrupt(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 on = CTRL_EN | CTRL_EVTQ_EN;

	provoke_event(b);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 0, "INTR_EN is clear");

	bench_set_reg(b, REG_CTRL, on | CTRL_INTR_EN);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 1, "INTR_EN set with STATUS set");

	provoke_event(b);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 1, "EVT was set before");

	bench_set_reg(b, REG_STATUS, STATUS_EVT);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 1, "clearing is no edge");
	provoke_event(b);
	KUNIT_EXPECT_EQ(test, bench_irqs(b), 2);

	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_INTR, 0);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 3, "another bit, while EVT is set");

	bench_cmd(b, 0, CMD_WAIT, 0);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 3, "without I nothing is set");

	bench_set_reg(b, REG_STATUS, ~0ULL);
	bench_set_reg(b, REG_CTRL, on);
	bench_set_reg(b, REG_CTRL, on | CTRL_INTR_EN);
	KUNIT_EXPECT_EQ_MSG(test, bench_irqs(b), 3, "INTR_EN set with STATUS clear");
}

/* spec 2.2: off, every request is aborted and none is reported */
static void test_requests_while_off(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 value;

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | DTE_IR | DTE_IW, 0);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, b->evtq, &value), CPL_SUCCESS);
	bench_set_reg(b, REG_CTRL, CTRL_EVTQ_EN);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, b->evtq, &value), CPL_ABORT);
	KUNIT_EXPECT_EQ(test, bench_write(b, BENCH_RID, b->evtq, 0), CPL_ABORT);
	bench_no_event(b);
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, b->evtq, &value), CPL_SUCCESS);
}

static struct kunit_case regs_cases[] = {
	KUNIT_CASE_PARAM(test_reset, reg_gen_params),
	KUNIT_CASE_PARAM(test_writable_bits, reg_gen_params),
	KUNIT_CASE(test_capabilities_follow_configuration),
	KUNIT_CASE(test_other_offsets),
	KUNIT_CASE(test_ctrl_bits),
	KUNIT_CASE(test_base_locked),
	KUNIT_CASE(test_size_checked_at_enable),
	KUNIT_CASE(test_enable_resets_queue),
	KUNIT_CASE(test_status_w1c),
	KUNIT_CASE(test_interrupt),
	KUNIT_CASE(test_requests_while_off),
	{}
};

static struct kunit_suite regs_suite = {
	.name = "iommu_sim_regs",
	.test_cases = regs_cases,
};

kunit_test_suite(regs_suite);
