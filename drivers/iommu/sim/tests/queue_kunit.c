// SPDX-License-Identifier: GPL-2.0-only
/* Command queues and the event queue: spec 6 and 7 */
#include <linux/delay.h>
#include <linux/ktime.h>

#include "bench.h"

struct cmd_case {
	const char *name;
	u64 word0, word1;
	unsigned int event;	/* 0: it is executed */
};

static const struct cmd_case cmd_cases[] = {
	{ "wait", CMD_WAIT },
	{ "wait, data without store", CMD_WAIT, ~0ULL },
	{ "wait, address without store", CMD_WAIT | 0x000ffffffffffff8ULL },
	{ "wait, interrupt", CMD_WAIT | CMD_WAIT_INTR },
	{ "wait, store to 0", CMD_WAIT | CMD_WAIT_STORE, 1, EVT_COMMAND_HW_ERROR },
	{ "wait, store after memory",
	  CMD_WAIT | CMD_WAIT_STORE | (BENCH_RAM + BENCH_PAGES * 4096), 1, EVT_COMMAND_HW_ERROR },
	{ "wait, store before memory",
	  CMD_WAIT | CMD_WAIT_STORE | (BENCH_RAM - 8), 1, EVT_COMMAND_HW_ERROR },
	{ "invalidate device entry", CMD_INV_DEVTAB | 0xffff },
	{ "invalidate pages", CMD_INV_PAGES(0xffff) },
	{ "invalidate pages, PDE", CMD_INV_PAGES(1), 2 },
	{ "invalidate pages, PASID", CMD_INV_PAGES(1) | 0xfffff, 4 },
	{ "invalidate the last page", CMD_INV_PAGES(1), ~0xfffULL },
	{ "invalidate a domain", CMD_INV_PAGES(1), 0x7ffffffffffff000ULL | CMD_INV_PAGES_S },
	{ "invalidate a block at the top", CMD_INV_PAGES(1),
	  0xfffffffffffee000ULL | CMD_INV_PAGES_S },
	{ "invalidate pages, all bits", CMD_INV_PAGES(1), ~0xfffULL | CMD_INV_PAGES_S,
	  EVT_ILLEGAL_COMMAND },
	{ "invalidate the entry of a PASID", CMD_INV_DEVTAB | 0x1fffffffffULL },
	{ "invalidate the entry of a PASID, without GN", CMD_INV_DEVTAB | 0x10108, 0,
	  EVT_ILLEGAL_COMMAND },
	{ "invalidate an ATC, no such device", 0x401fffff00000000ULL, 0x5000 },
	{ "invalidate an ATC, PASID", 0x40000108000fffffULL, 4 },
	{ "invalidate an ATC, all of it", 0x4000010800000000ULL,
	  0x7ffffffffffff000ULL | CMD_INV_PAGES_S },
	{ "invalidate an ATC, all bits", 0x4000010800000000ULL, ~0xfffULL | CMD_INV_PAGES_S,
	  EVT_ILLEGAL_COMMAND },
	{ "invalidate all", CMD_INV_ALL },
	{ "invalidate a range of a page", 0x9000000100000000ULL, 0x5000 },
	{ "invalidate the longest range", 0x9ffffffffff00000ULL, 0x5000 },
	{ "invalidate a range up to the top", 0x9000000100200000ULL, 0xffffffffffffd000ULL },
	{ "invalidate a range beyond the top", 0x9000000100300000ULL, 0xffffffffffffd000ULL,
	  EVT_ILLEGAL_COMMAND },
};

KUNIT_ARRAY_PARAM_DESC(cmd, cmd_cases, name);

static void test_command(struct kunit *test)
{
	const struct cmd_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	struct bench_event event;

	bench_cmd(b, 0, CMD_WAIT, 0);
	bench_cmd(b, 0, c->word0, c->word1);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, c->event);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_TAIL(0)), 2ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), c->event ? 1ULL : 2ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)),
			c->event ? 1ULL | c->event << 4 : 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS) & STATUS_CMD_ERROR,
			c->event ? STATUS_CMD_ERROR : 0ULL);
	if (c->event) {
		KUNIT_EXPECT_EQ_MSG(test, event.rid, 0, "the number of the queue");
		KUNIT_EXPECT_EQ(test, event.domain, 0);
		KUNIT_EXPECT_EQ(test, event.flags, 0);
		KUNIT_EXPECT_EQ_MSG(test, event.addr, 1ULL, "the index in the queue");
	}
	if (c->event == EVT_ILLEGAL_COMMAND)
		KUNIT_EXPECT_EQ(test, event.info, c->word0);
	if (c->event == EVT_COMMAND_HW_ERROR)
		KUNIT_EXPECT_EQ(test, event.info, c->word0 & 0x000ffffffffffff8ULL);
	bench_no_event(b);
}

/* Has one command executed that should be refused, and recovers */
static void expect_illegal(struct bench *b, u64 word0, u64 word1)
{
	u32 at = b->cmdq[0].tail;
	struct bench_event event;

	bench_cmd(b, 0, word0, word1);
	event = bench_event(b);
	KUNIT_EXPECT_EQ_MSG(b->test, event.type, EVT_ILLEGAL_COMMAND,
			    "words %#llx %#llx", word0, word1);
	KUNIT_EXPECT_EQ(b->test, event.info, word0);
	KUNIT_EXPECT_EQ(b->test, event.addr, (u64)at);
	KUNIT_EXPECT_EQ(b->test, bench_reg(b, REG_CMDQ_HEAD(0)), (u64)at);

	bench_store(b, b->cmdq[0].base + 16 * at, CMD_WAIT);
	bench_store(b, b->cmdq[0].base + 16 * at + 8, 0);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	KUNIT_EXPECT_EQ(b->test, bench_reg(b, REG_CMDQ_HEAD(0)), (u64)b->cmdq[0].tail);
	KUNIT_EXPECT_EQ(b->test, bench_reg(b, REG_CMDQ_STATUS(0)) & 1, 0ULL);
}

/* spec 6.3: all operations that there are not, all bits that are not listed */
static void test_illegal_commands(struct kunit *test)
{
	static const struct {
		u64 op, word0, word1;	/* bits listed */
	} listed[] = {
		/* S, I, 51:3; all of word 1 */
		{ 1, 0x000ffffffffffffbULL, ~0ULL },
		/* 15:0, GN, TAGS; the PASID only with GN */
		{ 2, 0x000000300000ffffULL, 0 },
		/* 19:0, 47:32; S PDE GN, 63:12 */
		{ 3, 0x0000ffff000fffffULL, 0xfffffffffffff007ULL },
		/* 52:48, 47:32, 19:0; S GN, 63:12 */
		{ 4, 0x001fffff000fffffULL, 0xfffffffffffff005ULL },
		{ 8, 0, 0 },
		/* 59:48, 47:32, 31:20, 19:0; PDE GN, 63:12 */
		{ 9, 0x0fffffffffffffffULL, 0xfffffffffffff006ULL },
	};
	struct bench *b = bench_start(test, NULL);
	unsigned int i, bit;
	u64 op;

	for (op = 0; op < 16; op++)
		if (op != 1 && op != 2 && op != 3 && op != 4 && op != 8 && op != 9)
			expect_illegal(b, op << 60, 0);

	for (i = 0; i < ARRAY_SIZE(listed); i++) {
		for (bit = 0; bit < 60; bit++)
			if (!(listed[i].word0 >> bit & 1))
				expect_illegal(b, listed[i].op << 60 | 1ULL << bit, 0);
		for (bit = 0; bit < 64; bit++)
			if (!(listed[i].word1 >> bit & 1))
				expect_illegal(b, listed[i].op << 60, 1ULL << bit);
	}
}

/* The builders of iommu-sim-bits.h, against the text of spec 6.3 */
static void test_builders(struct kunit *test)
{
	const struct {
		struct sim_cmd cmd;
		u64 word0, word1;
	} cases[] = {
		{ sim_cmd_completion_wait(0x12345678, 0xabcd), 0x1000000012345679ULL, 0xabcd },
		{ sim_cmd_nop(), 0x1000000000000000ULL, 0 },
		{ sim_cmd_invalidate_devtab_entry(0x1234), 0x2000000000001234ULL, 0 },
		{ sim_cmd_invalidate_pages(0xabcd, 0x5000, 0x5fff, false),
		  0x3000abcd00000000ULL, 0x5000 },
		{ sim_cmd_invalidate_pages(1, 0x5000, 0x5000, true),
		  0x3000000100000000ULL, 0x5002 },
		{ sim_cmd_invalidate_pages(1, 0x4000, 0x5fff, false),
		  0x3000000100000000ULL, 0x4001 },
		/* pages 5 and 6 are not in one block of 2, nor 7 and 8 in one of 8 */
		{ sim_cmd_invalidate_pages(1, 0x5000, 0x6fff, false),
		  0x3000000100000000ULL, 0x5001 },
		{ sim_cmd_invalidate_pages(1, 0x7000, 0x8fff, false),
		  0x3000000100000000ULL, 0x7001 },
		{ sim_cmd_invalidate_pages(1, 0xffffffffffffe000ULL, ~0ULL, false),
		  0x3000000100000000ULL, 0xffffffffffffe001ULL },
		{ sim_cmd_invalidate_pages(1, 0, (1ULL << 63) - 1, false),
		  0x3000000100000000ULL, 0x3ffffffffffff001ULL },
		{ sim_cmd_invalidate_domain(2), 0x3000000200000000ULL, 0x7ffffffffffff003ULL },
		{ sim_cmd_invalidate_all(), 0x8000000000000000ULL, 0 },
		{ sim_cmd_forget_tags(0x1234), 0x2000002000001234ULL, 0 },
		{ sim_cmd_invalidate_pasid_entry(0x1234, 0xabcde), 0x2000001abcde1234ULL, 0 },
		{ sim_cmd_with_pasid(sim_cmd_invalidate_pages(1, 0x5000, 0x5fff, false), 0xabcde),
		  0x30000001000abcdeULL, 0x5004 },
		{ sim_cmd_invalidate_atc(0x1234, 32, 0x4000, 0x5fff), 0x4000123400000000ULL,
		  0x4001 },
		{ sim_cmd_with_pasid(sim_cmd_invalidate_atc(0x1234, 5, 0, ~0ULL), 3),
		  0x4005123400000003ULL, 0x7ffffffffffff005ULL },
		{ sim_cmd_invalidate_range(0xabcd, 0x5000, 0x5fff, false),
		  0x9000abcd00000000ULL, 0x5000 },
		{ sim_cmd_invalidate_range(1, 0x5000, 0x7fff, true),
		  0x9000000100200000ULL, 0x5002 },
		{ sim_cmd_invalidate_range(1, 0, 0x2345fff, false),
		  0x9002000134500000ULL, 0 },
		{ sim_cmd_invalidate_range(1, 0x1000, 0x1000000fffULL, false),
		  0x9fff0001fff00000ULL, 0x1000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, le64_to_cpu(cases[i].cmd.qw[0]), cases[i].word0,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, le64_to_cpu(cases[i].cmd.qw[1]), cases[i].word1,
				    "case %u", i);
	}
}

/* Round a ring of 16 many times, in batches of all sizes; all are executed, in order */
static void test_command_wrap(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 store = bench_alloc(b, 1), base = b->cmdq[0].base, serial = 0;
	unsigned int batch, i, round;
	u32 tail = 0;

	for (round = 0; round < 10; round++) {
		for (batch = 1; batch < 16; batch++) {
			for (i = 0; i < batch; i++) {
				bench_store(b, base + 16 * tail,
					    CMD_WAIT | CMD_WAIT_STORE | (store + 8 * i));
				bench_store(b, base + 16 * tail + 8, ++serial);
				tail = (tail + 1) % 16;
			}
			bench_set_reg(b, REG_CMDQ_TAIL(0), tail);
			KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), (u64)tail);
			for (i = 0; i < batch; i++)
				KUNIT_ASSERT_EQ(test, bench_load(b, store + 8 * i),
						serial - batch + 1 + i);
		}
	}
	bench_no_event(b);
}

/* spec 6.1 */
static void test_tail_beyond_ring(struct kunit *test)
{
	static const u64 beyond[] = { 16, 17, 0xffff, 0x10000, 1ULL << 32, 1ULL << 63 };
	struct bench *b = bench_start(test, NULL);
	unsigned int i;

	bench_cmd(b, 0, CMD_WAIT, 0);
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		bench_set_reg(b, REG_CMDQ_TAIL(0), beyond[i]);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CMDQ_TAIL(0)),
				    beyond[i] & 0xffff ? 1ULL : 0ULL, "tail %#llx", beyond[i]);
		bench_set_reg(b, REG_CMDQ_TAIL(0), 1);
	}
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 1ULL);
}

static void test_store_and_interrupt(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 last = bench_ram_end(b) - 8, page = bench_alloc(b, 1);

	bench_store(b, page, 0x1111);
	bench_store(b, page + 8, 0x2222);
	bench_store(b, page + 16, 0x3333);
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | (page + 8), 0xfedcba9876543210ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, page), 0x1111ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, page + 8), 0xfedcba9876543210ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, page + 16), 0x3333ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), 0ULL);

	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | CMD_WAIT_INTR | last, 7);
	KUNIT_EXPECT_EQ(test, bench_load(b, last), 7ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS), (u64)STATUS_COMP_WAIT);
}

/* spec 6.4: stopped means stopped; and it goes on where it stopped */
static void test_error_and_resume(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 store = bench_alloc(b, 1), bad = b->cmdq[0].base;

	bench_cmd(b, 0, 0xf000000000000000ULL, 0);
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | store, 1);
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | (store + 8), 2);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 0ULL);
	KUNIT_EXPECT_EQ_MSG(test, bench_load(b, store), 0ULL, "executed while stopped");
	bench_expect_event(b, EVT_ILLEGAL_COMMAND, 0, 0, 0);
	bench_no_event(b);

	/* Without replacing the command nothing is gained */
	bench_set_reg(b, REG_STATUS, STATUS_CMD_ERROR);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	bench_expect_event(b, EVT_ILLEGAL_COMMAND, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 1ULL | EVT_ILLEGAL_COMMAND << 4);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS) & STATUS_CMD_ERROR, (u64)STATUS_CMD_ERROR);

	bench_store(b, bad, CMD_WAIT);
	/* Writing 0, or the read-only bits, clears nothing */
	bench_set_reg(b, REG_CMDQ_STATUS(0), 0);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 0xf0);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)) & 1, 1ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 0ULL);

	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 3ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 1ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, store + 8), 2ULL);
	bench_no_event(b);
}

/* The number of a queue is no requester ID */
static void test_overflow_of_device(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct sim_inject *inject = iommu_sim_mmio_inject(b->hw);
	struct sim_inject_point *point = &inject->point[SIM_INJECT_EVENT_OVERFLOW];

	point->device = 0;
	atomic_set(&point->times, -1);
	sim_inject_set_probability(point, 100);
	bench_cmd(b, 0, 0, 0);
	bench_expect_event(b, EVT_ILLEGAL_COMMAND, 0, 0, 0);

	point->device = SIM_INJECT_ANY_DEVICE;
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	bench_no_event(b);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 1ULL | EVT_ILLEGAL_COMMAND << 4);
	KUNIT_EXPECT_EQ(test, atomic64_read(&point->injected), 1LL);
}

static void test_command_queue_not_in_memory(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 last = bench_ram_end(b) - 4096;
	struct bench_event event;
	unsigned int i;

	/* 512 commands, of which the last 256 are beyond the end */
	bench_set_reg(b, REG_CMDQ_CTRL(0), 0);
	bench_set_reg(b, REG_CMDQ_BASE(0), last | 9);
	bench_set_reg(b, REG_CMDQ_CTRL(0), 1);
	for (i = 0; i < 256; i++)
		bench_store(b, last + 16 * i, CMD_WAIT);
	bench_set_reg(b, REG_CMDQ_TAIL(0), 256);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 256ULL);
	bench_no_event(b);

	bench_set_reg(b, REG_CMDQ_TAIL(0), 300);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 256ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 1ULL | EVT_COMMAND_HW_ERROR << 4);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_COMMAND_HW_ERROR);
	KUNIT_EXPECT_EQ(test, event.addr, 256ULL);
	KUNIT_EXPECT_EQ(test, event.info, last + 4096);
}

/* spec 6.5: an error in one queue is no matter to the others */
static void test_several_queues(struct kunit *test)
{
	static const struct sim_hw_config config = {
		.cmdqs = BENCH_MAX_CMDQS, .iotlb = { 4, 2 },
	};
	struct bench *b = bench_start(test, &config);
	u64 store = bench_alloc(b, 1);
	unsigned int q;

	bench_cmd(b, 2, 0, 0);
	bench_expect_event(b, EVT_ILLEGAL_COMMAND, 2, 0, 0);
	for (q = 0; q < BENCH_MAX_CMDQS; q++)
		bench_cmd(b, q, CMD_WAIT | CMD_WAIT_STORE | (store + 8 * q), 100 + q);
	for (q = 0; q < BENCH_MAX_CMDQS; q++) {
		KUNIT_EXPECT_EQ_MSG(test, bench_load(b, store + 8 * q), q == 2 ? 0 : 100 + q,
				    "queue %u", q);
		KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CMDQ_STATUS(q)),
				    q == 2 ? 1ULL | EVT_ILLEGAL_COMMAND << 4 : 0, "queue %u", q);
	}
	bench_no_event(b);
}

static void test_disabled_queue(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 store = bench_alloc(b, 1);

	bench_set_reg(b, REG_CMDQ_CTRL(0), 0);
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | store, 1);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 0ULL);
	bench_set_reg(b, REG_CMDQ_CTRL(0), 1);
	KUNIT_EXPECT_EQ_MSG(test, bench_load(b, store), 0ULL, "a doorbell from before");
	b->cmdq[0].tail = 0;
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | store, 2);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 2ULL);
}

/* spec 6.3.5: without the feature the command is not known */
static void test_no_range(struct kunit *test)
{
	static const struct sim_hw_config config = {
		.cmdqs = 1, .iotlb = { 4, 2 }, .no_range = true,
	};
	struct bench *b = bench_start(test, &config);

	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CAP) >> 15 & 1, 0ULL);
	expect_illegal(b, cmd_inv_range(1, 1), 0);
}

/* spec 6.6 */
static void test_latency(struct kunit *test)
{
	static const struct sim_hw_config config = {
		.cmdqs = 1, .iotlb = { 4, 2 }, .mode = SIM_CMDQ_LATENCY, .latency_ns = 1000000,
	};
	struct bench *b = bench_start(test, &config);
	u64 store = bench_alloc(b, 1), before = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < 10; i++)
		bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | store, i + 1);
	/* It may take longer, but not less */
	KUNIT_EXPECT_GE(test, ktime_get_ns() - before, 10 * config.latency_ns);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 10ULL);
}

static const struct sim_hw_config thread_config = {
	.cmdqs = 2, .iotlb = { 4, 2 }, .mode = SIM_CMDQ_THREAD,
};

/* spec 6.6: in thread mode the doorbell returns, and the work is done later */
static void test_thread(struct kunit *test)
{
	struct bench *b = bench_start(test, &thread_config);
	u64 store = bench_alloc(b, 1), deadline = ktime_get_ns() + 10 * NSEC_PER_SEC;
	unsigned int i;

	for (i = 0; i < 15; i++)
		bench_cmd(b, 1, CMD_WAIT | CMD_WAIT_STORE | store, i + 1);
	while (bench_load(b, store) != 15 && ktime_get_ns() < deadline)
		usleep_range(50, 100);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 15ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(1)), 15ULL);
}

/*
 * The CPU that the thread would need waits, with interrupts off: reading HEAD does
 * it. Guards against a hang of a machine with one CPU.
 */
static void test_thread_helped(struct kunit *test)
{
	struct bench *b = bench_start(test, &thread_config);
	u64 store = bench_alloc(b, 1), head;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		local_irq_save(flags);
		bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | store, i + 1);
		head = bench_reg(b, REG_CMDQ_HEAD(0));
		local_irq_restore(flags);
		KUNIT_ASSERT_EQ(test, head, (u64)b->cmdq[0].tail);
		KUNIT_ASSERT_EQ(test, bench_load(b, store), i + 1ULL);
	}
	bench_no_event(b);
}

static void test_thread_error(struct kunit *test)
{
	struct bench *b = bench_start(test, &thread_config);
	u64 store = bench_alloc(b, 1);

	bench_cmd(b, 0, 0xf000000000000000ULL, 0);
	bench_cmd(b, 0, CMD_WAIT | CMD_WAIT_STORE | store, 1);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 0ULL);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 1ULL | EVT_ILLEGAL_COMMAND << 4);
	bench_expect_event(b, EVT_ILLEGAL_COMMAND, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 0ULL);

	bench_store(b, b->cmdq[0].base, CMD_WAIT);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), 2ULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, store), 1ULL);
	bench_no_event(b);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE_PARAM(test_command, cmd_gen_params),
	KUNIT_CASE(test_illegal_commands),
	KUNIT_CASE(test_builders),
	KUNIT_CASE(test_command_wrap),
	KUNIT_CASE(test_tail_beyond_ring),
	KUNIT_CASE(test_store_and_interrupt),
	KUNIT_CASE(test_error_and_resume),
	KUNIT_CASE(test_overflow_of_device),
	KUNIT_CASE(test_command_queue_not_in_memory),
	KUNIT_CASE(test_several_queues),
	KUNIT_CASE(test_disabled_queue),
	KUNIT_CASE(test_no_range),
	KUNIT_CASE(test_latency),
	KUNIT_CASE(test_thread),
	KUNIT_CASE(test_thread_helped),
	KUNIT_CASE(test_thread_error),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "iommu_sim_queue",
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
