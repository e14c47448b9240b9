// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidate requests and completions on the side of the IOMMU: spec 6.3.6, 8.6. The
 * device is the test. Citations as in ats_kunit.c.
 */
#include <linux/delay.h>

#include "bench.h"

#define CMD_INV_ATC(rid)	(4ULL << 60 | (u64)(rid) << 32)
#define CMD_TAGS		BIT_ULL(37)
#define QDEP(n)			((u64)((n) & 31) << 48)
#define EVT_IOTLB_INV_TIMEOUT	7
#define REG_ATC_TIMEOUT		0x040
#define PATIENCE_US		600000000
#define STATUS_ERR		1
#define OTHER_RID		0x0110
#define STORED			0x5eedULL

/**
 * struct device_model - a device with an ATC
 * @b: the bench
 * @fn: how the IOMMU knows it
 * @rid: requester ID
 * @answers: it answers at once
 * @nr: requests that have come
 * @last: the last 64 of them
 */
struct device_model {
	struct bench *b;
	struct iommu_sim_function *fn;
	u16 rid;
	bool answers;
	unsigned int nr;
	struct iommu_sim_tlp last[64];
};

static int complete_tags(struct device_model *d, u32 tags, u32 count)
{
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_INV_COMPLETION, .rid = d->rid, .tag = tags, .len = count,
	};

	return iommu_sim_tlp_send(&d->b->port, &tlp);
}

static void device_invalidate(void *data, const struct iommu_sim_tlp *tlp)
{
	struct device_model *d = data;

	d->last[d->nr++ % ARRAY_SIZE(d->last)] = *tlp;
	if (d->answers)
		complete_tags(d, 1U << tlp->tag, 1);
}

static const struct iommu_sim_function_ops device_ops = { .invalidate = device_invalidate };

static void device_del(void *data)
{
	struct device_model *d = data;

	if (d->fn)
		iommu_sim_function_del(d->fn);
	d->fn = NULL;
}

static struct device_model *device_add(struct bench *b, u16 rid, bool answers)
{
	struct device_model *d = kunit_kzalloc(b->test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(b->test, d);
	/* A test that answers for it may be held up; those about lateness set their own */
	if (!answers)
		bench_set_reg(b, REG_ATC_TIMEOUT, PATIENCE_US);
	d->b = b;
	d->rid = rid;
	d->answers = answers;
	d->fn = iommu_sim_function_add(&b->port, rid, &device_ops, d);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(b->test, d->fn);
	KUNIT_ASSERT_EQ(b->test, kunit_add_action_or_reset(b->test, device_del, d), 0);
	return d;
}

static const struct iommu_sim_tlp *request(struct device_model *d, unsigned int i)
{
	return &d->last[i % ARRAY_SIZE(d->last)];
}

/* A completion wait whose store says whether it has been executed */
static void put_wait(struct bench *b, unsigned int queue, u64 at)
{
	bench_store(b, at, 0);
	bench_cmd(b, queue, CMD_WAIT | CMD_WAIT_STORE | at, STORED);
}

/* Whether the queue has come to that; in every mode it may have to be asked for */
static bool waited(struct bench *b, unsigned int queue, u64 at)
{
	bench_reg(b, REG_CMDQ_HEAD(queue));
	return bench_load(b, at) == STORED;
}

#define PATIENCE_MS	2000

/* Until the queue stops because a device is late */
static void wait_for_error(struct bench *b, unsigned int queue, u16 rid)
{
	u64 status;
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		bench_reg(b, REG_CMDQ_HEAD(queue));
		status = bench_reg(b, REG_CMDQ_STATUS(queue));
		if (status & STATUS_ERR)
			break;
		usleep_range(200, 400);
	}
	KUNIT_ASSERT_EQ(b->test, status, STATUS_ERR | EVT_IOTLB_INV_TIMEOUT << 4 | (u64)rid << 16);
}

static void expect_late_event(struct bench *b, u16 rid, unsigned int queue)
{
	struct bench_event event = bench_event(b);

	KUNIT_EXPECT_EQ(b->test, event.type, EVT_IOTLB_INV_TIMEOUT);
	KUNIT_EXPECT_EQ(b->test, event.rid, rid);
	KUNIT_EXPECT_EQ(b->test, event.info, (u64)queue);
}

struct body_case {
	const char *name;
	u64 word0, word1;
	u64 addr;
	bool has_pasid;
	u32 pasid;
};

/* 10.3.1: the address in 63:12, S in bit 11, no global invalidation */
static const struct body_case body_cases[] = {
	{ "a page", 0, 0x12345000, 0x12345000 },
	{ "the last page", 0, ~0xfffULL, ~0xfffULL },
	{ "two pages", 0, 0x12344001, 0x12344800 },
	{ "1 MiB", 0, 0x1237f001, 0x1237f800 },
	{ "all", 0, 0x7ffffffffffff001ULL, 0x7ffffffffffff800ULL },
	{ "a page of a PASID", 0xabcde, 0x12345004, 0x12345000, true, 0xabcde },
	{ "PASID 0", 0, 0x12345004, 0x12345000, true, 0 },
	{ "a PASID", 0xfffff, 0x7ffffffffffff005ULL, 0x7ffffffffffff800ULL, true, 0xfffff },
	/* Without GN it says nothing */
	{ "a PASID that is not valid", 0xfffff, 0x12345000, 0x12345000 },
};

KUNIT_ARRAY_PARAM_DESC(body, body_cases, name);

static void test_body(struct kunit *test)
{
	const struct body_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, true);
	u64 at = bench_alloc(b, 1);

	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID) | c->word0, c->word1);
	put_wait(b, 0, at);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	KUNIT_ASSERT_EQ(test, d->nr, 1);
	KUNIT_EXPECT_EQ(test, request(d, 0)->type, SIM_TLP_INV_REQUEST);
	KUNIT_EXPECT_EQ(test, request(d, 0)->rid, BENCH_RID);
	KUNIT_EXPECT_EQ(test, request(d, 0)->addr, c->addr);
	KUNIT_EXPECT_EQ(test, request(d, 0)->flags, c->has_pasid ? SIM_TLP_PASID : 0);
	KUNIT_EXPECT_EQ(test, request(d, 0)->pasid, c->pasid);
	KUNIT_EXPECT_LT(test, request(d, 0)->tag, 32);
	bench_no_event(b);
}

/* Commands to a device that is not there, or has gone, or goes while it is asked, end */
static void test_no_device(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	u64 at = bench_alloc(b, 1);

	bench_cmd(b, 0, CMD_INV_ATC(OTHER_RID), 0);
	put_wait(b, 0, at);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0);
	put_wait(b, 0, at);
	KUNIT_EXPECT_FALSE(test, waited(b, 0, at));
	device_del(d);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	bench_no_event(b);
}

/* Only what waits for the device waits: other commands, and other queues, do not */
static void test_order(struct kunit *test)
{
	struct sim_hw_config config = bench_default_config;
	struct device_model *d;
	struct bench *b;
	u64 at[2];

	config.cmdqs = 2;
	b = bench_start(test, &config);
	d = device_add(b, BENCH_RID, false);
	at[0] = bench_alloc(b, 1);
	at[1] = at[0] + 8;
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x1000);
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x2000);
	put_wait(b, 0, at[0]);
	KUNIT_EXPECT_EQ_MSG(test, d->nr, 2, "the second does not wait for the first");
	KUNIT_EXPECT_NE(test, request(d, 0)->tag, request(d, 1)->tag);
	KUNIT_EXPECT_FALSE(test, waited(b, 0, at[0]));
	put_wait(b, 1, at[1]);
	KUNIT_EXPECT_TRUE(test, waited(b, 1, at[1]));
	KUNIT_EXPECT_EQ(test, complete_tags(d, BIT(request(d, 1)->tag), 1), 0);
	KUNIT_EXPECT_FALSE(test, waited(b, 0, at[0]));
	KUNIT_EXPECT_EQ(test, complete_tags(d, BIT(request(d, 0)->tag), 1), 0);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at[0]));
	bench_no_event(b);
}

/* 10.3.2: several tags in one completion; a completion for each of @count queues */
static void test_vector_and_count(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	u64 at = bench_alloc(b, 1);
	u32 tags = 0, count;
	unsigned int i;

	for (count = 0; count < 8; count++) {
		tags = 0;
		d->nr = 0;
		for (i = 0; i < 3; i++)
			bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), i << 12);
		put_wait(b, 0, at);
		for (i = 0; i < 3; i++)
			tags |= BIT(request(d, i)->tag);
		/* 0 stands for 8 */
		for (i = 1; i < (count ?: 8); i++) {
			KUNIT_EXPECT_EQ(test, complete_tags(d, tags, count), 0);
			KUNIT_EXPECT_FALSE_MSG(test, waited(b, 0, at), "%u of %u", i, count);
		}
		KUNIT_EXPECT_EQ(test, complete_tags(d, tags, count), 0);
		KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	}
	bench_no_event(b);
}

/* A device that answers what it was not asked, or twice, or without sense: an event each */
static void test_bad_completions(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	struct device_model *other = device_add(b, OTHER_RID, false);
	struct device_model nobody = { .b = b, .rid = 0x0118 };
	u64 at = bench_alloc(b, 1);
	unsigned int i;
	u32 tag;

	for (i = 0; i < 32; i++)
		KUNIT_EXPECT_EQ(test, complete_tags(d, BIT(i), 1), CPL_UNSUPPORTED);
	for (i = 0; i < 32; i++)
		KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	KUNIT_EXPECT_EQ(test, complete_tags(&nobody, 1, 1), CPL_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, bench_event(b).rid, nobody.rid);

	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0);
	put_wait(b, 0, at);
	tag = BIT(request(d, 0)->tag);
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(other, tag, 1), CPL_UNSUPPORTED, "another's tag");
	KUNIT_EXPECT_EQ(test, bench_event(b).rid, OTHER_RID);
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(d, 0, 1), CPL_UNSUPPORTED, "no tag");
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(d, tag, 8), CPL_UNSUPPORTED, "count of 8");
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(d, rol32(tag, 1), 1), CPL_UNSUPPORTED, "wrong tag");
	KUNIT_EXPECT_EQ(test, bench_event(b).info, (u64)rol32(tag, 1));
	KUNIT_EXPECT_EQ(test, complete_tags(d, tag, 3), 0);
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(d, tag, 2), CPL_UNSUPPORTED, "another count");
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	KUNIT_EXPECT_FALSE_MSG(test, waited(b, 0, at), "none of these was an answer");
	KUNIT_EXPECT_EQ(test, complete_tags(d, tag, 3), 0);
	KUNIT_EXPECT_EQ(test, complete_tags(d, tag, 3), 0);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(d, tag, 3), CPL_UNSUPPORTED, "once more");
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	bench_no_event(b);
}

/* 10.3.5: no more at a time than the device takes */
static void test_queue_depth(struct kunit *test)
{
	static const unsigned int depths[] = { 1, 2, 5, 11 };
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	u64 at = bench_alloc(b, 1);
	unsigned int i, n, done;

	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		d->nr = 0;
		for (n = 0; n < 12; n++)
			bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID) | QDEP(depths[i]), n << 12);
		put_wait(b, 0, at);
		for (done = 0; done < 12; done++) {
			KUNIT_EXPECT_EQ_MSG(test, d->nr, min(depths[i] + done, 12U), "depth %u",
					    depths[i]);
			KUNIT_EXPECT_FALSE(test, waited(b, 0, at));
			KUNIT_EXPECT_EQ(test, complete_tags(d, BIT(request(d, done)->tag), 1), 0);
			bench_reg(b, REG_CMDQ_HEAD(0));
			KUNIT_EXPECT_EQ(test, request(d, done)->addr, (u64)done << 12);
		}
		KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	}
	bench_no_event(b);
}

/* 10.3.1: what is late is reported once, the queue stops, and goes on without it */
static void test_timeout(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	struct device_model *other = device_add(b, OTHER_RID, true);
	u64 at = bench_alloc(b, 1);
	u32 head, late;

	bench_set_reg(b, REG_ATC_TIMEOUT, 1000);
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x1000);
	bench_cmd(b, 0, CMD_INV_ATC(OTHER_RID), 0x1000);
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x2000);
	head = b->cmdq[0].tail;
	put_wait(b, 0, at);
	wait_for_error(b, 0, BENCH_RID);
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_STATUS) & STATUS_CMD_ERROR, STATUS_CMD_ERROR);
	expect_late_event(b, BENCH_RID, 0);
	bench_no_event(b);
	KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CMDQ_HEAD(0)), head, "at the wait");
	KUNIT_EXPECT_FALSE(test, waited(b, 0, at));
	KUNIT_EXPECT_EQ(test, other->nr, 1);
	KUNIT_EXPECT_EQ(test, iommu_sim_function_timeouts(d->fn), 1ULL);
	KUNIT_EXPECT_EQ(test, iommu_sim_function_timeouts(other->fn), 0ULL);

	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	KUNIT_EXPECT_EQ(test, bench_reg(b, REG_CMDQ_STATUS(0)), 0ULL);

	/* Its tags are not used for others meanwhile; a late answer frees them, once */
	late = BIT(request(d, 0)->tag) | BIT(request(d, 1)->tag);
	d->nr = 0;
	d->answers = true;
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x3000);
	KUNIT_EXPECT_FALSE(test, BIT(request(d, 0)->tag) & late);
	KUNIT_EXPECT_EQ_MSG(test, complete_tags(d, late | ~late >> 31 << 31, 2), CPL_UNSUPPORTED,
			    "with one that is not in use");
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	/* Two completions for each, as the device says */
	KUNIT_EXPECT_EQ(test, complete_tags(d, late, 2), 0);
	KUNIT_EXPECT_EQ(test, complete_tags(d, late, 2), 0);
	KUNIT_EXPECT_EQ(test, complete_tags(d, late, 2), CPL_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	put_wait(b, 0, at);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	bench_no_event(b);
}

/* A device whose tags are all lost is late; they come back when software says so */
static void test_lost_tags(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	u64 at = bench_alloc(b, 1);
	unsigned int n;
	u32 head;

	bench_set_reg(b, REG_ATC_TIMEOUT, 1000);
	for (n = 0; n < 32; n++)
		bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), n << 12);
	put_wait(b, 0, at);
	wait_for_error(b, 0, BENCH_RID);
	expect_late_event(b, BENCH_RID, 0);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));

	d->nr = 0;
	d->answers = true;
	head = b->cmdq[0].tail;
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0);
	wait_for_error(b, 0, BENCH_RID);
	expect_late_event(b, BENCH_RID, 0);
	KUNIT_EXPECT_EQ_MSG(test, bench_reg(b, REG_CMDQ_HEAD(0)), head, "at the command");
	KUNIT_EXPECT_EQ(test, d->nr, 0);
	/* spec 6.4: replaced, it does not hold up the queue any more */
	bench_store(b, b->cmdq[0].base + 16 * head, CMD_WAIT);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	put_wait(b, 0, at);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));

	bench_inv_devtab(b, BENCH_RID);
	head = b->cmdq[0].tail;
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0);
	wait_for_error(b, 0, BENCH_RID);
	expect_late_event(b, BENCH_RID, 0);
	bench_store(b, b->cmdq[0].base + 16 * head, CMD_WAIT);
	bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	bench_cmd(b, 0, CMD_INV_DEVTAB | BENCH_RID | CMD_TAGS, 0);
	for (n = 0; n < 32; n++)
		bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), n << 12);
	put_wait(b, 0, at);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	KUNIT_EXPECT_EQ(test, d->nr, 32);
	bench_no_event(b);
}

/* Each of two silent devices is reported, in one time-out; a third has answered */
static void test_two_late(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 at = bench_alloc(b, 1);
	unsigned int i;

	device_add(b, BENCH_RID, false);
	device_add(b, OTHER_RID, false);
	device_add(b, 0x0118, true);
	/* Long enough that all has been sent by then, and then all is late */
	bench_set_reg(b, REG_ATC_TIMEOUT, 50000);
	bench_cmd(b, 0, CMD_INV_ATC(OTHER_RID), 0x1000);
	bench_cmd(b, 0, CMD_INV_ATC(0x0118), 0x1000);
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x1000);
	put_wait(b, 0, at);
	msleep(60);
	for (i = 0; i < 2; i++) {
		u16 rid = i ? OTHER_RID : BENCH_RID;

		wait_for_error(b, 0, rid);
		expect_late_event(b, rid, 0);
		KUNIT_EXPECT_FALSE(test, waited(b, 0, at));
		bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
	}
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	bench_no_event(b);
}

/* A queue that is turned off and on again waits for nothing */
static void test_queue_restart(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	struct device_model *d = device_add(b, BENCH_RID, false);
	u64 at = bench_alloc(b, 1);

	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x1000);
	put_wait(b, 0, at);
	bench_set_reg(b, REG_CMDQ_CTRL(0), 0);
	bench_set_reg(b, REG_CMDQ_CTRL(0), 1);
	b->cmdq[0].tail = 0;
	put_wait(b, 0, at);
	KUNIT_EXPECT_TRUE(test, waited(b, 0, at));
	/* The answer comes too late to be one */
	KUNIT_EXPECT_EQ(test, complete_tags(d, BIT(request(d, 0)->tag), 1), 0);
	bench_no_event(b);
}

/* In thread mode the answer has the queue go on, without anybody who asks */
static void test_thread(struct kunit *test)
{
	struct sim_hw_config config = bench_default_config;
	struct device_model *d;
	unsigned int ms;
	struct bench *b;
	u64 at;

	config.mode = SIM_CMDQ_THREAD;
	b = bench_start(test, &config);
	d = device_add(b, BENCH_RID, false);
	at = bench_alloc(b, 1);
	bench_cmd(b, 0, CMD_INV_ATC(BENCH_RID), 0x1000);
	put_wait(b, 0, at);
	KUNIT_EXPECT_FALSE(test, waited(b, 0, at));
	KUNIT_ASSERT_EQ(test, d->nr, 1);
	KUNIT_EXPECT_EQ(test, complete_tags(d, BIT(request(d, 0)->tag), 1), 0);
	for (ms = 0; ms < PATIENCE_MS && bench_load(b, at) != STORED; ms++)
		usleep_range(200, 400);
	KUNIT_EXPECT_EQ(test, bench_load(b, at), STORED);
}

static struct kunit_case atc_inv_cases[] = {
	KUNIT_CASE_PARAM(test_body, body_gen_params),
	KUNIT_CASE(test_no_device),
	KUNIT_CASE(test_order),
	KUNIT_CASE(test_vector_and_count),
	KUNIT_CASE(test_bad_completions),
	KUNIT_CASE(test_queue_depth),
	KUNIT_CASE(test_timeout),
	KUNIT_CASE(test_lost_tags),
	KUNIT_CASE(test_two_late),
	KUNIT_CASE(test_queue_restart),
	KUNIT_CASE(test_thread),
	{}
};

static struct kunit_suite atc_inv_suite = {
	.name = "iommu_sim_atc_inv",
	.test_cases = atc_inv_cases,
};

kunit_test_suite(atc_inv_suite);
