// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoint's ATC (spec 11), without an IOMMU: the bench answers. Sections of the
 * PCI Express Base Specification 6.2 are cited where it has the rule.
 */
#include <linux/delay.h>

#include "iommu-sim-bits.h"
#include "tlp_bench.h"

#define ATS_CTRL	0x106
#define E		0x8000
#define S		BIT_ULL(11)
#define RW		(SIM_ATS_R | SIM_ATS_W)
#define PAGES		(TLP_AREA / 4096)

static void ats_enable(struct tlp_bench *b, unsigned int stu)
{
	b->ats = true;
	sim_cfg_write(b->ep, ATS_CTRL, 2, 0);
	sim_cfg_write(b->ep, ATS_CTRL, 2, E | stu);
}

static struct tlp_bench *atc_bench(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);

	ats_enable(b, 0);
	return b;
}

/* Counts of one access */
struct seen {
	unsigned int status;
	unsigned int asked;
	unsigned int translated;
	unsigned int untranslated;
};

/*
 * One access of the endpoint, in a section as a channel makes it: not counted are those
 * of a ring.
 */
static struct seen access(struct tlp_bench *b, u8 type, u64 addr, u32 flags, u32 pasid)
{
	unsigned int asked = b->asked, translated = b->translated, nr = b->nr;
	u64 data = 1;
	struct iommu_sim_tlp tlp = {
		.type = type, .rid = TLP_RID, .addr = addr, .len = 8, .data = &data,
		.flags = flags, .pasid = pasid,
	};
	unsigned long section = sim_section_enter(&b->ep->sections);
	struct seen seen = { .status = sim_atc_send(b->ep, &tlp) };

	sim_section_exit(&b->ep->sections, section);
	seen.asked = b->asked - asked;
	seen.translated = b->translated - translated;
	seen.untranslated = b->nr - nr - seen.asked - seen.translated;
	return seen;
}

static struct seen read8(struct tlp_bench *b, u64 addr)
{
	return access(b, SIM_TLP_MEM_READ, addr, 0, 0);
}

static struct seen write8(struct tlp_bench *b, u64 addr)
{
	return access(b, SIM_TLP_MEM_WRITE, addr, 0, 0);
}

static void expect_seen(struct tlp_bench *b, struct seen seen, unsigned int asked,
			unsigned int translated, unsigned int untranslated)
{
	KUNIT_EXPECT_EQ(b->test, seen.asked, asked);
	KUNIT_EXPECT_EQ(b->test, seen.translated, translated);
	KUNIT_EXPECT_EQ(b->test, seen.untranslated, untranslated);
}

static void invalidate(struct tlp_bench *b, u64 body, u32 flags, u32 pasid)
{
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_INV_REQUEST, .rid = TLP_RID, .addr = body, .flags = flags,
		.pasid = pasid, .tag = 5,
	};
	unsigned int before = b->completions;
	unsigned long irqs;

	local_irq_save(irqs);
	sim_atc_ops.invalidate(b->ep, &tlp);
	local_irq_restore(irqs);
	/* 10.3.2: one for each, with its tag */
	KUNIT_EXPECT_EQ(b->test, b->completions, before + 1);
	KUNIT_EXPECT_EQ(b->test, b->completed, BIT(5));
}

/* 10.1.1: off, it asks nothing and translates nothing; on, it asks once */
static void test_enable(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);

	expect_seen(b, read8(b, TLP_SRC), 0, 0, 1);
	ats_enable(b, 0);
	expect_seen(b, read8(b, TLP_SRC), 1, 1, 0);
	expect_seen(b, read8(b, TLP_SRC + 4088), 0, 1, 0);
	expect_seen(b, write8(b, TLP_SRC + 8), 0, 1, 0);
	expect_seen(b, read8(b, TLP_SRC + 4096), 1, 1, 0);
	sim_cfg_write(b->ep, ATS_CTRL, 2, 0);
	expect_seen(b, read8(b, TLP_SRC), 0, 0, 1);
	/* 10.3.7: nothing is left when it goes on again */
	sim_cfg_write(b->ep, ATS_CTRL, 2, E);
	expect_seen(b, read8(b, TLP_SRC), 1, 1, 0);
	/* Without a change of the bit nothing happens */
	sim_cfg_write(b->ep, ATS_CTRL, 2, E);
	expect_seen(b, read8(b, TLP_SRC), 0, 1, 0);
	/* Function level reset: off, and empty */
	sim_cfg_write(b->ep, 0x78, 2, 0x8000);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(b->ep, ATS_CTRL, 2), 0);
	expect_seen(b, read8(b, TLP_SRC), 0, 0, 1);
	ats_enable(b, 0);
	expect_seen(b, read8(b, TLP_SRC), 1, 1, 0);
}

static u64 answer;
static enum iommu_sim_tlp_status answer_status;

static u64 say(struct tlp_bench *b, const struct iommu_sim_tlp *tlp,
	       enum iommu_sim_tlp_status *status)
{
	*status = answer_status;
	return answer;
}

struct answer_case {
	const char *name;
	u64 entry;
	enum iommu_sim_tlp_status status;
	u8 type;
	/* of the first access, and the second */
	struct seen seen[2];
};

#define READ	SIM_TLP_MEM_READ
#define WRITE	SIM_TLP_MEM_WRITE
#define ADD	SIM_TLP_FETCH_ADD

static const struct answer_case answer_cases[] = {
	{ "all rights", TLP_SRC | RW, 0, READ, { { 0, 1, 1, 0 }, { 0, 0, 1, 0 } } },
	/* 10.2.3.5: what is not allowed is not sent translated */
	{ "read, may read", TLP_SRC | SIM_ATS_R, 0, READ, { { 0, 1, 1, 0 }, { 0, 0, 1, 0 } } },
	{ "write, may read", TLP_SRC | SIM_ATS_R, 0, WRITE, { { 0, 1, 0, 1 }, { 0, 1, 0, 1 } } },
	{ "add, may read", TLP_SRC | SIM_ATS_R, 0, ADD, { { 0, 1, 0, 1 }, { 0, 1, 0, 1 } } },
	{ "write, may write", TLP_SRC | SIM_ATS_W, 0, WRITE, { { 0, 1, 1, 0 }, { 0, 0, 1, 0 } } },
	{ "read, may write", TLP_SRC | SIM_ATS_W, 0, READ, { { 0, 1, 0, 1 }, { 0, 1, 0, 1 } } },
	/* 10.2.3.1: an answer without rights is not cached */
	{ "no rights", TLP_SRC, 0, READ, { { 0, 1, 0, 1 }, { 0, 1, 0, 1 } } },
	/* 10.2.3.4: is cached, and not used for translated requests */
	{ "untranslated only", TLP_SRC | RW | SIM_ATS_U, 0, READ,
	  { { 0, 1, 0, 1 }, { 0, 0, 0, 1 } } },
	/* Table 10-2: after UR no more of it; CA is the end of the request */
	{ "UR", 0, SIM_CPL_UNSUPPORTED_REQUEST, READ, { { 0, 1, 0, 1 }, { 0, 0, 0, 1 } } },
	{ "CA", 0, SIM_CPL_COMPLETER_ABORT, READ, { { 4, 1, 0, 0 }, { 4, 1, 0, 0 } } },
	/* Without sense: as UR */
	{ "beyond 52 bits", BIT_ULL(52) | RW, 0, READ, { { 0, 1, 0, 1 }, { 0, 0, 0, 1 } } },
	{ "size of 2^52", S | RW | GENMASK_ULL(50, 12), 0, READ,
	  { { 0, 1, 0, 1 }, { 0, 0, 0, 1 } } },
	{ "all bits set", S | RW | GENMASK_ULL(63, 12), 0, READ,
	  { { 0, 1, 0, 1 }, { 0, 0, 0, 1 } } },
};

KUNIT_ARRAY_PARAM_DESC(answer, answer_cases, name);

static void test_answer(struct kunit *test)
{
	const struct answer_case *c = test->param_value;
	struct tlp_bench *b = atc_bench(test);
	unsigned int i;

	answer = c->entry;
	answer_status = c->status;
	b->translate = say;
	for (i = 0; i < 2; i++) {
		struct seen seen = access(b, c->type, TLP_SRC + 16, 0, 0);

		KUNIT_EXPECT_EQ_MSG(test, seen.status, c->seen[i].status, "access %u", i);
		expect_seen(b, seen, c->seen[i].asked, c->seen[i].translated,
			    c->seen[i].untranslated);
	}
}

/* 10.2.3.2: the whole of a block is cached, and an address in it goes to the same place in it */
static void test_sizes(struct kunit *test)
{
	struct tlp_bench *b = atc_bench(test);
	unsigned int lg2;

	b->translate = say;
	answer_status = 0;
	for (lg2 = 13; lg2 <= 18; lg2++) {
		u64 size = BIT_ULL(lg2), iova = 0x7000000000000ULL + (u64)lg2 * SZ_1G;

		answer = TLP_SRC | RW | S | (((size >> 1) - 1) & ~0xfffULL);
		expect_seen(b, read8(b, iova + size - 8), 1, 1, 0);
		KUNIT_EXPECT_EQ(test, b->log[b->nr - 1].tlp.addr, TLP_SRC + size - 8);
		expect_seen(b, read8(b, iova), 0, 1, 0);
		KUNIT_EXPECT_EQ(test, b->log[b->nr - 1].tlp.addr, TLP_SRC);
		expect_seen(b, read8(b, iova + size), 1, 1, 0);
		/* An invalidation of a page of it drops all of it */
		invalidate(b, iova + size - 4096, 0, 0);
		expect_seen(b, read8(b, iova), 1, 1, 0);
	}
}

/* 10.5.1.3: the smallest translation unit: asked for in units, and not less accepted */
static void test_stu(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);

	ats_enable(b, 2);
	b->translate = say;
	answer_status = 0;
	answer = TLP_SRC | RW | S | 0x1000;	/* 16 KiB */
	expect_seen(b, read8(b, TLP_DST + 0x3008), 1, 1, 0);
	KUNIT_EXPECT_EQ(test, b->log[b->nr - 2].tlp.addr, TLP_DST);
	KUNIT_EXPECT_EQ(test, b->log[b->nr - 1].tlp.addr, TLP_SRC + 0x3008);
	/* An invalidation of less is about the unit: 10.3.1 */
	invalidate(b, TLP_DST + 0x1000, 0, 0);
	expect_seen(b, read8(b, TLP_DST + 0x3008), 1, 1, 0);
	/* Smaller than the unit: as UR */
	answer = TLP_SRC | RW | S;		/* 8 KiB */
	expect_seen(b, read8(b, TLP_DST + 0x4000), 1, 0, 1);
	expect_seen(b, read8(b, TLP_DST), 0, 0, 1);
}

/* 10.1.3: what it asks with, and that a translated request has neither PASID nor rights */
static void test_requests(struct kunit *test)
{
	struct tlp_bench *b = atc_bench(test);

	b->nr = 0;
	access(b, READ, TLP_SRC + 24, SIM_TLP_PASID | SIM_TLP_PRIV, 0xabcde);
	KUNIT_ASSERT_EQ(test, b->nr, 2);
	KUNIT_EXPECT_EQ(test, b->log[0].tlp.at, SIM_AT_TRANSLATION_REQUEST);
	KUNIT_EXPECT_EQ(test, b->log[0].tlp.flags, SIM_TLP_PASID | SIM_TLP_PRIV | SIM_TLP_NW);
	KUNIT_EXPECT_EQ(test, b->log[0].tlp.pasid, 0xabcde);
	KUNIT_EXPECT_EQ(test, b->log[1].tlp.at, SIM_AT_TRANSLATED);
	KUNIT_EXPECT_EQ(test, b->log[1].tlp.flags, 0);
	KUNIT_EXPECT_EQ(test, b->log[1].tlp.pasid, 0);
	b->nr = 0;
	access(b, WRITE, TLP_SRC + 24, 0, 0);
	KUNIT_ASSERT_EQ_MSG(test, b->nr, 2, "without the PASID it is another address");
	KUNIT_EXPECT_EQ(test, b->log[0].tlp.flags, 0);
}

struct inval_case {
	const char *name;
	u64 body;
	bool has_pasid;
	u32 pasid;
	/* Which of the pages 0 to 3 are left, without a PASID, with PASID 1, with PASID 2 */
	unsigned int left[3];
};

static const struct inval_case inval_cases[] = {
	/* 10.3.8: without a PASID, entries with each PASID go, too */
	{ "page 0", TLP_SRC, false, 0, { 0xe, 0xe, 0xe } },
	{ "pages 2 and 3", (TLP_SRC + 0x2000) | S, false, 0, { 0x3, 0x3, 0x3 } },
	{ "page 0 of PASID 1", TLP_SRC, true, 1, { 0xf, 0xe, 0xf } },
	{ "pages 0 to 3 of PASID 2", TLP_SRC | 0x1000 | S, true, 2, { 0xf, 0xf, 0 } },
	{ "PASID 1", 0x7ffffffffffff000ULL | S, true, 1, { 0xf, 0, 0xf } },
	{ "a PASID that has nothing", 0x7ffffffffffff000ULL | S, true, 3, { 0xf, 0xf, 0xf } },
	{ "all", 0x7ffffffffffff000ULL | S, false, 0, { 0, 0, 0 } },
	{ "somewhere else", TLP_DST, false, 0, { 0xf, 0xf, 0xf } },
	/* 10.2.3.2: not defined; more is dropped, not less */
	{ "all bits set", 0xfffffffffffff000ULL | S, false, 0, { 0, 0, 0 } },
};

KUNIT_ARRAY_PARAM_DESC(inval, inval_cases, name);

static void test_invalidate(struct kunit *test)
{
	const struct inval_case *c = test->param_value;
	struct tlp_bench *b = atc_bench(test);
	unsigned int p, i;

	for (p = 0; p < 3; p++)
		for (i = 0; i < 4; i++)
			access(b, READ, TLP_SRC + i * 4096, p ? SIM_TLP_PASID : 0, p);
	invalidate(b, c->body, c->has_pasid ? SIM_TLP_PASID : 0, c->pasid);
	for (p = 0; p < 3; p++) {
		for (i = 0; i < 4; i++) {
			struct seen s = access(b, READ, TLP_SRC + i * 4096, p ? SIM_TLP_PASID : 0,
					       p);

			KUNIT_EXPECT_EQ_MSG(test, !s.asked, c->left[p] >> i & 1, "PASID %u page %u",
					    p, i);
		}
	}
}

/* 10.3.4: answered also while ATS is off, and while it may not send */
static void test_answers_always(struct kunit *test)
{
	struct tlp_bench *b = atc_bench(test);

	sim_cfg_write(b->ep, ATS_CTRL, 2, 0);
	invalidate(b, TLP_SRC, 0, 0);
	tlp_bus_master(b, false);
	invalidate(b, TLP_SRC, 0, 0);
	/* D3hot */
	sim_cfg_write(b->ep, 0x44, 2, 3);
	invalidate(b, TLP_SRC, 0, 0);
}

static u64 invalidate_while_asked(struct tlp_bench *b, const struct iommu_sim_tlp *tlp,
				  enum iommu_sim_tlp_status *status)
{
	/* What comes from another CPU meanwhile, but for the wait for this section */
	struct iommu_sim_tlp request = {
		.type = SIM_TLP_INV_REQUEST, .rid = TLP_RID, .addr = TLP_DST, .tag = 5,
	};

	sim_atc_ops.invalidate(b->ep, &request);
	*status = SIM_CPL_SUCCESS;
	return tlp->addr | RW;
}

/* 10.3.6: an answer that crossed an invalidate request is not kept */
static void test_crossing(struct kunit *test)
{
	struct tlp_bench *b = atc_bench(test);

	b->translate = invalidate_while_asked;
	expect_seen(b, read8(b, TLP_SRC), 1, 1, 0);
	expect_seen(b, read8(b, TLP_SRC), 1, 1, 0);
	b->translate = NULL;
	expect_seen(b, read8(b, TLP_SRC), 1, 1, 0);
	expect_seen(b, read8(b, TLP_SRC), 0, 1, 0);
}

/* PASID control: without it no request with a PASID goes out */
static void test_pasid_off(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 2, .flags = IOMMU_SIM_DESC_PASID, .pasid = cpu_to_le32(1),
		.len = cpu_to_le32(8), .dst = cpu_to_le64(TLP_DST),
	};

	KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_bench_do(b, &d)->status), IOMMU_SIM_OK);
	sim_cfg_write(b->ep, 0x126, 2, 0);
	b->nr = 0;
	KUNIT_EXPECT_EQ(test, le32_to_cpu(tlp_bench_do(b, &d)->status), IOMMU_SIM_ERR_WRITE);
	KUNIT_EXPECT_EQ_MSG(test, b->nr, 2, "the descriptor, and its record");
}

/* Hit rates of patterns, as a textbook predicts them; the ATC has 16 sets of 4 */
struct rate_case {
	const char *name;
	enum sim_tlb_policy policy;
	unsigned int pages;
	bool random;
	unsigned int per_mille;
};

static const struct rate_case rate_cases[] = {
	/* Each page eight times, in order, again and again: what does not fit never hits again */
	{ "cyclic, does not fit", SIM_TLB_LRU, PAGES, false, 875 },
	/* It fits in one set of 64, so all but the first time hit */
	{ "cyclic, fits", SIM_TLB_LRU, 4, false, 1000 },
	/* A quarter of the pages is there at any time, whichever */
	{ "random, a quarter fits", SIM_TLB_RANDOM, PAGES, true, 250 },
};

KUNIT_ARRAY_PARAM_DESC(rate, rate_cases, name);

#define ACCESSES	200000

static void test_hit_rate(struct kunit *test)
{
	const struct rate_case *c = test->param_value;
	/* Full associativity is what the prediction is for: one set of 16 */
	struct sim_tlb_config config = { .sets_lg2 = 0, .ways = 16, .policy = c->policy };
	struct tlp_bench *b = atc_bench(test);
	u64 rnd = tlp_bench_seed(test);
	unsigned int i, page, hits = 0;

	KUNIT_ASSERT_EQ(test, PAGES, 64);
	sim_atc_destroy(b->ep);
	KUNIT_ASSERT_EQ(test, sim_atc_create(b->ep, &config), 0);
	b->ep->ats_enabled = false;
	ats_enable(b, 0);
	for (i = 0; i < ACCESSES; i++) {
		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		page = c->random ? (rnd >> 33) % c->pages : i / 8 % c->pages;
		hits += !read8(b, TLP_SRC + page * 4096ULL).asked;
	}
	kunit_info(test, "%s: hit rate %u per mille, predicted %u\n", c->name,
		   (u32)((u64)hits * 1000 / ACCESSES), c->per_mille);
	KUNIT_EXPECT_LE(test, abs((int)(hits / (ACCESSES / 1000)) - (int)c->per_mille), 10);
}

static struct kunit_case atc_cases[] = {
	KUNIT_CASE(test_enable),
	KUNIT_CASE_PARAM(test_answer, answer_gen_params),
	KUNIT_CASE(test_sizes),
	KUNIT_CASE(test_stu),
	KUNIT_CASE(test_requests),
	KUNIT_CASE_PARAM(test_invalidate, inval_gen_params),
	KUNIT_CASE(test_answers_always),
	KUNIT_CASE(test_crossing),
	KUNIT_CASE(test_pasid_off),
	KUNIT_CASE_PARAM(test_hit_rate, rate_gen_params),
	{}
};

static struct kunit_suite atc_suite = {
	.name = "iommu_sim_atc",
	.test_cases = atc_cases,
};

kunit_test_suite(atc_suite);
