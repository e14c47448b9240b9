// SPDX-License-Identifier: GPL-2.0-only
/* The event queue: spec 7 */
#include "bench.h"

#define NO_ENTRY	0x10	/* a device without a valid entry */

/* Makes an event whose word 2 is @addr */
static void provoke(struct bench *b, u64 addr)
{
	u64 value;

	KUNIT_EXPECT_EQ(b->test, bench_read(b, NO_ENTRY, addr, &value), CPL_ABORT);
}

/* Puts an event queue of 2^@lg2 at @base */
static void move_queue(struct bench *b, u64 base, unsigned int lg2)
{
	bench_set_reg(b, REG_CTRL, CTRL_EN);
	bench_set_reg(b, REG_EVTQ_BASE, base | lg2);
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	b->evtq = base;
	b->evtq_lg2 = lg2;
	b->evtq_head = 0;
}

struct ring_case {
	const char *name;
	unsigned int lg2;
};

static const struct ring_case ring_cases[] = {
	{ "4 events", 2 },
	{ "8 events", 3 },
	{ "256 events", 8 },
};

KUNIT_ARRAY_PARAM_DESC(ring, ring_cases, name);

/* Round and round; the reader is up to a whole ring behind */
static void test_wrap(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	unsigned int size = 1U << c->lg2, batch, i, written = 0, read = 0;

	move_queue(b, bench_alloc(b, 2), c->lg2);
	for (batch = 1; batch < size; batch++) {
		for (i = 0; i < batch; i++)
			provoke(b, 8ULL * written++);
		KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_TAIL), (u64)written % size);
		for (i = 0; i < batch; i++)
			bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 8ULL * read++);
		bench_no_event(b);
	}
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)STATUS_EVT);
}

/* spec 7.1: a full ring loses the new event, not an old one, and says so */
static void test_overflow(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	unsigned int room = (1U << c->lg2) - 1, i;

	move_queue(b, bench_alloc(b, 2), c->lg2);
	/* Nothing that follows the ring may be touched */
	bench_store(b, b->evtq + 32 * (room + 1), 0x5afe);
	for (i = 0; i < room; i++)
		provoke(b, 8 * i);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)STATUS_EVT);
	provoke(b, 0xbad0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)(STATUS_EVT | STATUS_OVERFLOW));
	provoke(b, 0xbad8);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_TAIL), (u64)room);

	bench_set_reg(b, REG_STATUS, STATUS_OVERFLOW);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 0);
	provoke(b, 0x600d0);
	KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_STATUS), (u64)STATUS_EVT,
			    "there was room for one");
	provoke(b, 0xbad0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)(STATUS_EVT | STATUS_OVERFLOW));
	for (i = 1; i < room; i++)
		bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 8 * i);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 0x600d0);
	bench_no_event(b);
	KUNIT_EXPECT_EQ(test, bench_load(b, b->evtq + 32 * (room + 1)), 0x5afeULL);
}

static void test_not_in_memory(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 last = bench_ram_end(b) - 4096;
	unsigned int i;

	move_queue(b, bench_ram_end(b), 4);
	provoke(b, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)STATUS_OVERFLOW);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_TAIL), 0ULL);

	/* The first 128 fit into memory, the other 128 do not */
	bench_set_reg(b, REG_STATUS, STATUS_OVERFLOW);
	move_queue(b, last, 8);
	for (i = 0; i < 128; i++)
		provoke(b, 8 * i);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)STATUS_EVT);
	provoke(b, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)(STATUS_EVT | STATUS_OVERFLOW));
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_EVTQ_TAIL), 128ULL);
	for (i = 0; i < 128; i++)
		bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 8 * i);
}

/* The words of an event, bit by bit: spec 7.1 */
static void test_format(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 data = 0;
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_MEM_WRITE,
		.at = 2,
		.rid = 0x0123,
		.flags = SIM_TLP_PASID | SIM_TLP_EXEC | SIM_TLP_PRIV,
		.pasid = 0xedcba,
		.addr = 0xfedcba9876543210ULL,
		.len = 8,
		.data = &data,
	};

	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&b->port, &tlp), CPL_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, bench_load(b, b->evtq), 0x801edcba00000123ULL);
	/* write, execute, privileged, AT 2; no domain was looked up */
	KUNIT_EXPECT_EQ(test, bench_load(b, b->evtq + 8), 0x0000000000170000ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, b->evtq + 16), 0xfedcba9876543210ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, b->evtq + 24), 0ULL);
}

/* HEAD and TAIL start over with the queue; what was in it is gone */
static void test_enable_empties(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);

	provoke(b, 8);
	provoke(b, 16);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 8);
	move_queue(b, b->evtq, b->evtq_lg2);
	bench_no_event(b);
	provoke(b, 24);
	bench_expect_event(b, EVT_ILLEGAL_DEVTAB_ENTRY, NO_ENTRY, 0, 24);
	bench_no_event(b);
}

static void test_disabled_writes_nothing(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);

	bench_set_reg(b, REG_CTRL, CTRL_EN);
	provoke(b, 8);
	bench_cmd(b, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, bench_load(b, b->evtq), 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS) & STATUS_EVT, 0ULL);
	KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CMDQ_STATUS(0)),
			    1ULL | EVT_ILLEGAL_COMMAND << 4, "the register tells");
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE_PARAM(test_wrap, ring_gen_params),
	KUNIT_CASE_PARAM(test_overflow, ring_gen_params),
	KUNIT_CASE(test_not_in_memory),
	KUNIT_CASE(test_format),
	KUNIT_CASE(test_enable_empties),
	KUNIT_CASE(test_disabled_writes_nothing),
	{}
};

static struct kunit_suite event_suite = {
	.name = "iommu_sim_event",
	.test_cases = event_cases,
};

kunit_test_suite(event_suite);
