// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel of the DMA engine: halts, counters, order, and that whoever takes
 * the right to send away has peace when his write returns. Spec 10.3, 10.4.
 */
#include <linux/rcupdate.h>

#include "tlp_bench.h"

#define EN	0x1
#define RESET	0x2
#define INTR	0x4
#define BUSY	0x1
#define HALTED(why)	(0x2 | (why) << 8)

/* A COPY of two pages, and the requests that it takes with ring and record */
#define COPY_LEN	8192
#define COPY_TLPS	6

static const struct iommu_sim_desc copy = {
	.op = 1,
	.len = cpu_to_le32(COPY_LEN),
	.src = cpu_to_le64(TLP_SRC),
	.dst = cpu_to_le64(TLP_DST),
};

static const struct iommu_sim_desc nop = { .op = 0 };
static const struct iommu_sim_desc nop_intr = { .op = 0, .flags = IOMMU_SIM_DESC_INTR };

static u32 status(struct tlp_bench *b)
{
	return tlp_ch_read(b, 0, IOMMU_SIM_CH_STATUS);
}

static u32 head(struct tlp_bench *b)
{
	return tlp_ch_read(b, 0, IOMMU_SIM_CH_HEAD);
}

static void ctrl(struct tlp_bench *b, u32 val)
{
	tlp_ch_write(b, 0, IOMMU_SIM_CH_CTRL, val | 1 << 8);
}

/* What a channel must not take over: spec 10.4 */
struct config_case {
	const char *name;
	u32 reg;
	u32 val;
	bool no_msi;
};

static const struct config_case config_cases[] = {
	{ "ring misaligned",	0x08, 32 },
	{ "records misaligned",	0x10, 1 },
	{ "ring of 1",		0x18, 0 },
	{ "ring of 2^13",	0x18, 13 },
	{ "ring of 2^(2^32-1)",	0x18, U32_MAX },
	{ "vector 8",		0x00, EN | INTR | 8 << 8, true },
	{ "vector 31",		0x00, EN | INTR | 31 << 8, true },
};

KUNIT_ARRAY_PARAM_DESC(config, config_cases, name);

static void test_halt_config(struct kunit *test)
{
	const struct config_case *c = test->param_value;
	struct tlp_bench *b = tlp_bench_started(test, 4);

	ctrl(b, RESET);
	tlp_ch_write(b, 0, c->reg, c->val);
	if (c->reg)
		ctrl(b, EN | INTR);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_CONFIG));
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), !c->no_msi);
	KUNIT_EXPECT_EQ(test, b->nr, !c->no_msi);

	/* Doorbells and EN do nothing, RESET helps */
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 1);
	ctrl(b, 0);
	tlp_bench_start(b, 0, 4);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_CONFIG));
	ctrl(b, RESET | EN);
	KUNIT_EXPECT_EQ(test, status(b), 0);
	tlp_bench_start(b, 0, 4);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_bench_do(b, &nop)->status), IOMMU_SIM_OK);
}

/* Rings that end with the last byte of the address space, and one beyond */
static void test_ring_at_the_end(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);

	ctrl(b, RESET);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_RING_LO, -1024);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_RING_HI, U32_MAX);
	ctrl(b, EN);
	KUNIT_EXPECT_EQ(test, status(b), 0);
	ctrl(b, RESET);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_RING_LO, -1024 + 64);
	ctrl(b, EN);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_CONFIG));
}

static void test_halt_doorbell(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 2);

	/* A full ring is fine */
	tlp_bench_run(b, 0, 4);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 9);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_DOORBELL));
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), 1);
	KUNIT_EXPECT_EQ(test, head(b), 4);

	/* Once more when EN finds it, without INTR */
	ctrl(b, RESET);
	KUNIT_EXPECT_EQ(test, head(b), 0);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 5);
	KUNIT_EXPECT_EQ(test, status(b), 0);
	ctrl(b, EN);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_DOORBELL));
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), 1);
	KUNIT_EXPECT_EQ(test, b->ep->ch[0].stats.halts, 2);
}

static void test_halt_ring_read(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);

	b->fail_addr = TLP_RING(0) + 64;
	b->fail_status = SIM_CPL_UNSUPPORTED_REQUEST;
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 3);
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_RING_READ));
	KUNIT_EXPECT_EQ(test, head(b), 1);
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), 1);
}

static void test_halt_cpl_write(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);

	b->fail_addr = TLP_CPL(0) + 32;
	b->fail_status = SIM_CPL_COMPLETER_ABORT;
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 3);
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_CPL_WRITE));
	KUNIT_EXPECT_EQ(test, head(b), 1);
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), 1);
}

/* Record, then HEAD, then the interrupt, where CTRL and descriptor ask for it */
static void test_order(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	unsigned int i;

	for (i = 0; i < 4; i++)
		tlp_bench_put(b, 0, i, &nop_intr);
	tlp_bench_put(b, 0, 4, &nop);
	tlp_bench_run(b, 0, 5);
	KUNIT_ASSERT_EQ(test, b->nr, 4 * 3 + 2);
	for (i = 0; i < 4; i++) {
		const struct tlp_rec *r = &b->log[3 * i];

		KUNIT_EXPECT_EQ(test, r[0].tlp.addr, TLP_RING(0) + 64 * i);
		KUNIT_EXPECT_EQ(test, r[0].head, i);
		KUNIT_EXPECT_EQ(test, r[1].tlp.addr, TLP_CPL(0) + 32 * i);
		KUNIT_EXPECT_EQ(test, r[1].tlp.len, 32);
		KUNIT_EXPECT_EQ(test, r[1].head, i);
		KUNIT_EXPECT_EQ(test, r[2].tlp.addr, TLP_MSI);
		KUNIT_EXPECT_EQ(test, r[2].data, TLP_MSI_DATA + 1);
		KUNIT_EXPECT_EQ(test, r[2].head, i + 1);
	}
	ctrl(b, EN);
	tlp_bench_do(b, &nop_intr);
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), 4);
	KUNIT_EXPECT_EQ(test, b->ep->ch[0].stats.msis, 4);
}

static void test_ring_wrap(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 1);
	unsigned int i;

	for (i = 0; i < 10; i += 2) {
		tlp_bench_put(b, 0, i, &nop);
		tlp_bench_put(b, 0, i + 1, &copy);
		tlp_bench_run(b, 0, i + 2);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_cpl(b, 0, 0)->number), i);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_cpl(b, 0, 0)->done), 0);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_cpl(b, 0, 1)->number), i + 1);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_cpl(b, 0, 1)->done), COPY_LEN);
	}
}

/* HEAD and TAIL wrap at 2^32; nobody wants to wait for that */
static void test_counter_wrap(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 2);
	unsigned int i;

	ctrl(b, 0);
	*sim_channel_cell(&b->ep->ch[0], IOMMU_SIM_CH_HEAD) = -6;
	b->ep->ch[0].tail = -6;
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, -6);
	ctrl(b, EN);
	for (i = 0; i < 3; i++) {
		tlp_bench_run(b, 0, -6 + 4 * (i + 1));
		KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_cpl(b, 0, 1)->number), -6 + 4 * i + 3);
	}
	KUNIT_EXPECT_EQ(test, head(b), 6);
	KUNIT_EXPECT_EQ(test, b->ep->ch[0].stats.submitted, 12);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, -1);
	KUNIT_EXPECT_EQ(test, status(b), HALTED(IOMMU_SIM_HALT_DOORBELL));
}

/* A doorbell may take back what has not been begun */
static void test_doorbell_back(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	const struct sim_channel_stats *s = &b->ep->ch[0].stats;

	tlp_bus_master(b, false);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 10);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 3);
	tlp_bus_master(b, true);
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, head(b), 3);
	KUNIT_EXPECT_EQ(test, s->submitted, 3);
	KUNIT_EXPECT_EQ(test, s->completed, 3);
}

/* What has been begun cannot be taken back: it is completed, and nothing after it */
static void test_doorbell_back_too_late(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	const struct sim_channel_stats *s = &b->ep->ch[0].stats;
	unsigned int nr;

	for (nr = 1; nr <= COPY_TLPS; nr++) {
		tlp_bench_put(b, 0, 0, &copy);
		tlp_bench_stop_at(b, nr, tlp_ch_offset(0, IOMMU_SIM_CH_TAIL), 0);
		tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 1);
		tlp_bench_settle(b);
		KUNIT_ASSERT_EQ(test, b->nr, COPY_TLPS);
		/* The rest of the descriptor */
		KUNIT_EXPECT_EQ(test, b->late, COPY_TLPS - nr);
		b->late = 0;
		KUNIT_EXPECT_EQ(test, head(b), 1);
		KUNIT_EXPECT_EQ(test, status(b), 0);
		KUNIT_EXPECT_EQ(test, s->submitted, nr);
		KUNIT_EXPECT_EQ(test, s->completed, nr);
		tlp_bench_arm(b);
		ctrl(b, RESET);
		tlp_bench_start(b, 0, 4);
	}
	KUNIT_EXPECT_EQ(test, s->dropped, 0);
}

/* A channel at work does not keep those waiting who wait for each task to switch */
static void test_rcu_tasks(struct kunit *test)
{
	const struct iommu_sim_desc fill = {
		.op = IOMMU_SIM_OP_FILL,
		.flags = IOMMU_SIM_DESC_DST_LIST,
		.dst_segs = cpu_to_le16(IOMMU_SIM_MAX_SEGMENTS),
		.dst = cpu_to_le64(TLP_LIST),
		.len = cpu_to_le32(IOMMU_SIM_MAX_SEGMENTS * TLP_AREA),
	};
	unsigned int size_lg2 = 9, i;
	struct tlp_bench *b = tlp_bench_started(test, size_lg2);

	for (i = 0; i < IOMMU_SIM_MAX_SEGMENTS; i++)
		tlp_bench_put_seg(b, TLP_LIST, i, TLP_DST, TLP_AREA);
	for (i = 0; i < BIT(size_lg2); i++)
		tlp_bench_put(b, 0, i, &fill);
	/* 32 GiB */
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, BIT(size_lg2));
	synchronize_rcu_tasks();
	KUNIT_EXPECT_LT(test, head(b), BIT(size_lg2));
	ctrl(b, RESET);
}

/* Whatever silences a channel: the register, its value */
struct stop_case {
	const char *name;
	u32 offset;
	u32 value;
	bool resets;
	bool pauses;
};

static const struct stop_case stop_cases[] = {
	{ "EN cleared",		0x180, INTR | 1 << 8 },
	{ "channel reset",	0x180, RESET, true },
	{ "function level reset", 0x078, 0x8000, true },
	{ "bus master cleared",	0x004, 0, false, true },
	{ "D3hot",		0x044, 3, false, true },
};

KUNIT_ARRAY_PARAM_DESC(stop, stop_cases, name);

/*
 * Stop during each of the requests of a COPY: nothing comes after that, HEAD
 * agrees with the record, and the work gets done in the end. Where the channel
 * only pauses, no request is sent twice.
 */
static void stop_during(struct tlp_bench *b, const struct stop_case *c, unsigned int nr)
{
	struct kunit *test = b->test;
	bool last = nr == COPY_TLPS;

	memset(tlp_ptr(b, TLP_DST), 0, COPY_LEN);
	memset(tlp_ptr(b, TLP_CPL(0)), 0, sizeof(struct iommu_sim_cpl));
	tlp_bench_put(b, 0, 0, &copy);
	tlp_bench_stop_at(b, nr, c->offset, c->value);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 1);
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, b->nr, nr);
	KUNIT_EXPECT_EQ(test, b->late, 0);
	KUNIT_EXPECT_EQ(test, head(b), last && !c->resets);
	KUNIT_EXPECT_EQ(test, status(b), c->pauses && !last ? BUSY : 0);

	if (c->pauses) {
		b->quiet = false;
		sim_cfg_write(b->ep, 0x44, 2, 0);
		tlp_bus_master(b, true);
	} else {
		tlp_bench_arm(b);
		tlp_bench_start(b, 0, 4);
	}
	tlp_bench_run(b, 0, 1);
	if (c->pauses)
		KUNIT_EXPECT_EQ(test, b->nr, COPY_TLPS);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_cpl(b, 0, 0)->status), IOMMU_SIM_OK);
	KUNIT_EXPECT_MEMEQ(test, tlp_ptr(b, TLP_DST), tlp_ptr(b, TLP_SRC), COPY_LEN);
}

static void test_stop(struct kunit *test)
{
	const struct stop_case *c = test->param_value;
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct sim_channel_stats *s = &b->ep->ch[0].stats;
	unsigned int nr;

	for (nr = 1; nr <= COPY_TLPS; nr++) {
		stop_during(b, c, nr);
		KUNIT_EXPECT_EQ(test, s->completed, s->submitted - s->dropped);
		tlp_bench_arm(b);
		ctrl(b, RESET);
		tlp_bench_start(b, 0, 4);
	}
	KUNIT_EXPECT_EQ(test, s->dropped, c->resets ? COPY_TLPS : 0);
}

/* The same from outside and again and again, with both channels at work */
static void test_bus_master_off_and_on(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = copy;
	unsigned int i;

	tlp_bench_start(b, 1, 4);
	d.len = cpu_to_le32(TLP_AREA);
	for (i = 0; i < 16; i++) {
		tlp_bench_put(b, 0, i, &d);
		tlp_bench_put(b, 1, i, &d);
	}
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 16);
	tlp_ch_write(b, 1, IOMMU_SIM_CH_TAIL, 16);
	for (i = 0; i < 50; i++) {
		tlp_bus_master(b, false);
		b->quiet = true;
		schedule_timeout_uninterruptible(1);
		b->quiet = false;
		tlp_bus_master(b, true);
		cond_resched();
	}
	tlp_bench_run(b, 0, 16);
	tlp_bench_run(b, 1, 16);
	KUNIT_EXPECT_MEMEQ(test, tlp_ptr(b, TLP_DST), tlp_ptr(b, TLP_SRC), TLP_AREA);
	/* 64 pages read and written, and the rings */
	KUNIT_EXPECT_EQ(test, b->nr, 2 * 16 * (64 * 2 + 2));
}

/* The bench goes while both channels work, or wait in the middle of it */
static struct tlp_bench *leave_at_work(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = copy;

	d.len = cpu_to_le32(TLP_AREA);
	tlp_bench_start(b, 1, 4);
	tlp_bench_put(b, 0, 0, &d);
	tlp_bench_put(b, 1, 0, &d);
	tlp_bench_stop_at(b, 40, 0x004, 0);
	tlp_ch_write(b, 0, IOMMU_SIM_CH_TAIL, 1);
	tlp_ch_write(b, 1, IOMMU_SIM_CH_TAIL, 1);
	return b;
}

static void test_destroy_at_work(struct kunit *test)
{
	leave_at_work(test);
}

static void test_destroy_paused(struct kunit *test)
{
	tlp_bench_settle(leave_at_work(test));
}

static struct kunit_case channel_cases[] = {
	KUNIT_CASE_PARAM(test_halt_config, config_gen_params),
	KUNIT_CASE(test_ring_at_the_end),
	KUNIT_CASE(test_halt_doorbell),
	KUNIT_CASE(test_halt_ring_read),
	KUNIT_CASE(test_halt_cpl_write),
	KUNIT_CASE(test_order),
	KUNIT_CASE(test_ring_wrap),
	KUNIT_CASE(test_counter_wrap),
	KUNIT_CASE(test_doorbell_back),
	KUNIT_CASE(test_doorbell_back_too_late),
	KUNIT_CASE(test_rcu_tasks),
	KUNIT_CASE_PARAM(test_stop, stop_gen_params),
	KUNIT_CASE(test_bus_master_off_and_on),
	KUNIT_CASE(test_destroy_at_work),
	KUNIT_CASE(test_destroy_paused),
	{}
};

static struct kunit_suite channel_suite = {
	.name = "iommu_sim_channel",
	.test_cases = channel_cases,
};

kunit_test_suite(channel_suite);
