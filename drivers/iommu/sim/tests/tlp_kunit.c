// SPDX-License-Identifier: GPL-2.0-only
/* Requests: spec 8, and the events they leave: spec 7 */
#include "bench.h"

#define RW		(DTE_IR | DTE_IW)
#define AT_TRANSLATION	1
#define AT_TRANSLATED	2

struct tlp_case {
	const char *name;
	struct iommu_sim_tlp tlp;
	int status;
};

/* The device is in bypass; @addr is an offset from a page of memory */
static const struct tlp_case tlp_cases[] = {
	{ "read of 1 byte", { .type = SIM_TLP_MEM_READ, .addr = 5, .len = 1 } },
	{ "read of 4096", { .type = SIM_TLP_MEM_READ, .len = 4096 } },
	{ "write of 4096", { .type = SIM_TLP_MEM_WRITE, .len = 4096 } },
	{ "last byte", { .type = SIM_TLP_MEM_WRITE, .addr = 4095, .len = 1 } },
	{ "length 0", { .type = SIM_TLP_MEM_READ }, CPL_UNSUPPORTED },
	{ "write of length 0", { .type = SIM_TLP_MEM_WRITE }, CPL_UNSUPPORTED },
	{ "length 4097", { .type = SIM_TLP_MEM_READ, .len = 4097 }, CPL_UNSUPPORTED },
	{ "length 2^32 - 1", { .type = SIM_TLP_MEM_READ, .len = ~0U }, CPL_UNSUPPORTED },
	{ "length 2^32 - 4095 from 4095",
	  { .type = SIM_TLP_MEM_WRITE, .addr = 4095, .len = -4095 }, CPL_UNSUPPORTED },
	{ "2 bytes across", { .type = SIM_TLP_MEM_READ, .addr = 4095, .len = 2 }, CPL_UNSUPPORTED },
	{ "4096 from 1", { .type = SIM_TLP_MEM_WRITE, .addr = 1, .len = 4096 }, CPL_UNSUPPORTED },
	{ "fetch-add of 4", { .type = SIM_TLP_FETCH_ADD, .addr = 4, .len = 4 } },
	{ "fetch-add of 8", { .type = SIM_TLP_FETCH_ADD, .addr = 8, .len = 8 } },
	{ "fetch-add of 4 at 2", { .type = SIM_TLP_FETCH_ADD, .addr = 2, .len = 4 },
	  CPL_UNSUPPORTED },
	{ "fetch-add of 8 at 4", { .type = SIM_TLP_FETCH_ADD, .addr = 4, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "fetch-add of 8 across", { .type = SIM_TLP_FETCH_ADD, .addr = 4092, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "fetch-add of 1", { .type = SIM_TLP_FETCH_ADD, .len = 1 }, CPL_UNSUPPORTED },
	{ "fetch-add of 16", { .type = SIM_TLP_FETCH_ADD, .len = 16 }, CPL_UNSUPPORTED },
	{ "fetch-add of 0", { .type = SIM_TLP_FETCH_ADD }, CPL_UNSUPPORTED },
	{ "no such type", { .type = 3, .len = 8 }, CPL_UNSUPPORTED },
	{ "type 255", { .type = 255, .len = 8 }, CPL_UNSUPPORTED },
	{ "translation request", { .type = SIM_TLP_MEM_READ, .at = AT_TRANSLATION, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "translated read", { .type = SIM_TLP_MEM_READ, .at = AT_TRANSLATED, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "translated write", { .type = SIM_TLP_MEM_WRITE, .at = AT_TRANSLATED, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "reserved address type", { .type = SIM_TLP_MEM_READ, .at = 3, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "PASID", { .type = SIM_TLP_MEM_READ, .flags = SIM_TLP_PASID, .pasid = 0xabcde, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "PASID 0", { .type = SIM_TLP_MEM_WRITE, .flags = SIM_TLP_PASID, .len = 8 },
	  CPL_UNSUPPORTED },
	{ "PASID, privileged, execute",
	  { .type = SIM_TLP_MEM_READ, .flags = SIM_TLP_PASID | SIM_TLP_PRIV | SIM_TLP_EXEC,
	    .pasid = 1, .len = 8 }, CPL_UNSUPPORTED },
};

KUNIT_ARRAY_PARAM_DESC(tlp, tlp_cases, name);

static void expect_invalid(struct bench *b, const struct iommu_sim_tlp *tlp)
{
	struct bench_event event = bench_event(b);
	unsigned int flags = EVTF_AT(tlp->at);

	if (tlp->type == SIM_TLP_MEM_WRITE || tlp->type == SIM_TLP_FETCH_ADD)
		flags |= EVTF_WRITE;
	if (tlp->flags & SIM_TLP_EXEC)
		flags |= EVTF_EXEC;
	if (tlp->flags & SIM_TLP_PRIV)
		flags |= EVTF_PRIV;

	KUNIT_EXPECT_EQ(b->test, event.type, EVT_INVALID_DEVICE_REQUEST);
	KUNIT_EXPECT_EQ(b->test, event.rid, tlp->rid);
	KUNIT_EXPECT_EQ(b->test, event.addr, tlp->addr);
	KUNIT_EXPECT_EQ(b->test, event.info, 0ULL);
	KUNIT_EXPECT_EQ(b->test, event.pasid_valid, !!(tlp->flags & SIM_TLP_PASID));
	KUNIT_EXPECT_EQ(b->test, event.pasid, tlp->pasid);
	/* What does not exist neither reads nor writes */
	if (tlp->type <= SIM_TLP_FETCH_ADD)
		KUNIT_EXPECT_EQ(b->test, event.flags, flags);
}

static void test_request(struct kunit *test)
{
	const struct tlp_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	u8 *data = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct iommu_sim_tlp tlp = c->tlp;
	u64 page = bench_alloc(b, 2);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	memset(data, 0xda, 4096);
	memset(bench_ptr(b, page), 0x3e, 2 * 4096);
	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, 0);
	tlp.rid = BENCH_RID;
	tlp.addr += page;
	tlp.data = data;

	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&b->port, &tlp), c->status);
	if (c->status) {
		expect_invalid(b, &tlp);
		for (i = 0; i < 4096; i++)
			KUNIT_ASSERT_EQ_MSG(test, data[i], 0xda, "byte %u read", i);
		for (i = 0; i < 2 * 4096; i++)
			KUNIT_ASSERT_EQ_MSG(test, *(u8 *)bench_ptr(b, page + i), 0x3e,
					    "byte %u written", i);
	}
	bench_no_event(b);
}

/* Every byte of a transfer, and none beside it, at all alignments */
static void test_bytes_moved(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 page = bench_alloc(b, 1);
	u8 *mem = bench_ptr(b, page), *data = kunit_kzalloc(test, 4096, GFP_KERNEL);
	unsigned int offset, len, i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, 0);
	for (i = 0; i < 4096; i++)
		data[i] = 1 + i % 251;

	for (offset = 0; offset < 20; offset++) {
		for (len = 1; len < 150; len++) {
			memset(mem, 0, 4096);
			KUNIT_ASSERT_EQ(test, CPL_SUCCESS,
					bench_request(b, SIM_TLP_MEM_WRITE, BENCH_RID,
						      page + offset, data + 3, len));
			for (i = 0; i < 200; i++)
				KUNIT_ASSERT_EQ_MSG(test, mem[i],
						    i >= offset && i < offset + len ?
						    data[3 + i - offset] : 0,
						    "write of %u at %u, byte %u", len, offset, i);
		}
	}
	for (i = 0; i < 4096; i++)
		mem[i] = 255 - i % 253;
	for (offset = 0; offset < 20; offset++) {
		for (len = 1; len < 150; len++) {
			memset(data, 0, 200);
			KUNIT_ASSERT_EQ(test, CPL_SUCCESS,
					bench_request(b, SIM_TLP_MEM_READ, BENCH_RID,
						      page + offset, data + 1, len));
			for (i = 0; i < 199; i++)
				KUNIT_ASSERT_EQ_MSG(test, data[i], i >= 1 && i < 1 + len ?
						    mem[offset + i - 1] : 0,
						    "read of %u at %u, byte %u", len, offset, i);
		}
	}
}

static void test_fetch_add(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 page = bench_alloc(b, 1);
	__le64 op64;
	__le32 op32;

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, 0);

	bench_store(b, page, 0xffffffffffffffffULL);
	op64 = cpu_to_le64(3);
	KUNIT_EXPECT_EQ(test, CPL_SUCCESS,
			bench_request(b, SIM_TLP_FETCH_ADD, BENCH_RID, page, &op64, 8));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(op64), 0xffffffffffffffffULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, page), 2ULL);

	/* 4 bytes: no carry into the neighbour, low half and high half */
	bench_store(b, page, 0x11111111fffffff0ULL);
	op32 = cpu_to_le32(0x20);
	KUNIT_EXPECT_EQ(test, CPL_SUCCESS,
			bench_request(b, SIM_TLP_FETCH_ADD, BENCH_RID, page, &op32, 4));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(op32), 0xfffffff0U);
	KUNIT_EXPECT_EQ(test, bench_load(b, page), 0x1111111100000010ULL);
	op32 = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, CPL_SUCCESS,
			bench_request(b, SIM_TLP_FETCH_ADD, BENCH_RID, page + 4, &op32, 4));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(op32), 0x11111111U);
	KUNIT_EXPECT_EQ(test, bench_load(b, page), 0x1111111200000010ULL);
}

/* spec 4.3 step 6, for each kind of request; and what the event says: spec 7.2 */
static void test_rights_of_a_page(struct kunit *test)
{
	static const struct {
		u64 leaf;
		u8 type;
		int status;
	} cases[] = {
		{ PTE_IR, SIM_TLP_MEM_READ, CPL_SUCCESS },
		{ PTE_IR, SIM_TLP_MEM_WRITE, CPL_ABORT },
		{ PTE_IR, SIM_TLP_FETCH_ADD, CPL_ABORT },
		{ PTE_IW, SIM_TLP_MEM_READ, CPL_ABORT },
		{ PTE_IW, SIM_TLP_MEM_WRITE, CPL_SUCCESS },
		{ PTE_IW, SIM_TLP_FETCH_ADD, CPL_ABORT },
		{ PTE_RW, SIM_TLP_FETCH_ADD, CPL_SUCCESS },
	};
	struct bench *b = bench_start(test, NULL);
	u64 page = bench_alloc(b, 1), root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 4, RW);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned int flags = EVTF_PRESENT | EVTF_PERM;
		u64 data = 0, iova = 0x7000ULL + 4096 * i;
		struct bench_event event;

		bench_map(b, root, 4, iova, page, 12, cases[i].leaf);
		KUNIT_EXPECT_EQ_MSG(test, bench_request(b, cases[i].type, BENCH_RID, iova,
							&data, 8),
				    cases[i].status, "case %u", i);
		event = bench_event(b);
		if (!cases[i].status) {
			KUNIT_EXPECT_EQ(test, event.type, 0);
			continue;
		}
		KUNIT_EXPECT_EQ(test, event.type, EVT_IO_PAGE_FAULT);
		KUNIT_EXPECT_EQ(test, event.domain, BENCH_DOMAIN);
		if (cases[i].type != SIM_TLP_MEM_READ)
			flags |= EVTF_WRITE;
		KUNIT_EXPECT_EQ(test, event.flags, flags);
		KUNIT_EXPECT_EQ(test, event.info, PTE_PR | page | cases[i].leaf);
	}
}

/* spec 3.2: what the device may not do at all is refused before any walk */
static void test_rights_of_the_device(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 page = bench_alloc(b, 1);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 1, DTE_IR), value;
	const u64 addrs[] = { 0x3000, 0x5000, 1ULL << 40 };
	unsigned int i;

	bench_map(b, root, 1, 0x3000, page, 12, PTE_RW);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, 0x3000, &value), CPL_SUCCESS);
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		KUNIT_EXPECT_EQ(test, bench_write(b, BENCH_RID, addrs[i], 0), CPL_ABORT);
		bench_expect_event(b, EVT_IO_PAGE_FAULT, BENCH_RID,
				   EVTF_WRITE | EVTF_PERM, addrs[i]);
	}
}

/* spec 7.2: what word 3 says of a request that was translated */
static void test_translation_events(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 2, RW), value;
	struct bench_event event;

	bench_map(b, root, 2, 0x5000, 0x12345000, 12, PTE_RW);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, 0x5678, &value), CPL_UNSUPPORTED);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_MASTER_ABORT);
	KUNIT_EXPECT_EQ(test, event.domain, BENCH_DOMAIN);
	KUNIT_EXPECT_EQ(test, event.addr, 0x5678ULL);
	KUNIT_EXPECT_EQ(test, event.info, 0x12345678ULL);

	bench_map(b, root, 2, 0x6000, 0x1000, 12, PTE_RW | 1ULL << 52);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, 0x6000, &value), CPL_ABORT);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_IO_PAGE_FAULT);
	KUNIT_EXPECT_EQ(test, event.flags, EVTF_PRESENT | EVTF_RSVD);
	KUNIT_EXPECT_EQ(test, event.info, PTE_PR | PTE_RW | 1ULL << 52 | 0x1000);

	bench_store(b, root + 8, PTE_PR | PTE_RW | PTE_NL(1) | 0x7000);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, 0x203000, &value), CPL_ABORT);
	event = bench_event(b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_PAGE_TAB_HW_ERROR);
	KUNIT_EXPECT_EQ(test, event.domain, BENCH_DOMAIN);
	KUNIT_EXPECT_EQ(test, event.addr, 0x203000ULL);
	KUNIT_EXPECT_EQ(test, event.info, 0x7018ULL);

	KUNIT_EXPECT_EQ(test, bench_write(b, BENCH_RID, 1ULL << 30, 0), CPL_ABORT);
	bench_expect_event(b, EVT_IO_PAGE_FAULT, BENCH_RID, EVTF_WRITE | EVTF_RANGE, 1ULL << 30);
}

static int copy(struct bench *b, u64 to, u64 from, u32 len, bool *at_write)
{
	struct iommu_sim_tlp read = {
		.type = SIM_TLP_MEM_READ, .rid = BENCH_RID, .addr = from, .len = len,
	};
	struct iommu_sim_tlp write = {
		.type = SIM_TLP_MEM_WRITE, .rid = BENCH_RID, .addr = to, .len = len,
	};

	return iommu_sim_tlp_copy(&b->port, &read, &write, at_write);
}

/* A read and a write of what it returns, in one: as the two, also where they overlap */
static void test_copy(struct kunit *test)
{
	static const u32 lens[] = { 1, 8, 65, 1000, 2500 };
	struct bench *b = bench_start(test, NULL);
	u8 *model = kunit_kzalloc(test, 4096, GFP_KERNEL);
	u64 page = bench_alloc(b, 1);
	u8 *mem = bench_ptr(b, page);
	unsigned int i, l;
	bool at_write;
	int distance;

	KUNIT_ASSERT_NOT_NULL(test, model);
	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, 0);
	for (distance = -700; distance <= 700; distance += 7) {
		for (l = 0; l < ARRAY_SIZE(lens); l++) {
			for (i = 0; i < 4096; i++)
				mem[i] = i * 7 + (i >> 8);
			memcpy(model, mem, 4096);
			memmove(model + 800 + distance, model + 800, lens[l]);
			KUNIT_ASSERT_EQ(test, 0, copy(b, page + 800 + distance, page + 800,
						      lens[l], &at_write));
			KUNIT_ASSERT_EQ_MSG(test, memcmp(mem, model, 4096), 0,
					    "%u bytes by %d", lens[l], distance);
		}
	}
	bench_no_event(b);
}

/* Which of the two has failed, and nothing is written then */
static void test_copy_fails(struct kunit *test)
{
	const u64 iova = 0x40000000, nowhere = 0x50000000;
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 3, RW);
	u64 page = bench_alloc(b, 1);
	bool at_write;

	bench_map(b, root, 3, iova, page, 12, PTE_RW);
	bench_map(b, root, 3, iova + 0x1000, BENCH_RAM - 0x1000, 12, PTE_RW);
	memset(bench_ptr(b, page), 0x3e, 4096);
	KUNIT_EXPECT_EQ(test, copy(b, iova, nowhere, 100, &at_write), CPL_ABORT);
	KUNIT_EXPECT_FALSE(test, at_write);
	bench_expect_event(b, EVT_IO_PAGE_FAULT, BENCH_RID, 0, nowhere);
	KUNIT_EXPECT_EQ(test, copy(b, nowhere, iova, 100, &at_write), CPL_ABORT);
	KUNIT_EXPECT_TRUE(test, at_write);
	bench_expect_event(b, EVT_IO_PAGE_FAULT, BENCH_RID, EVTF_WRITE, nowhere);
	KUNIT_EXPECT_EQ(test, copy(b, iova, iova + 0x1000, 100, &at_write), CPL_UNSUPPORTED);
	KUNIT_EXPECT_FALSE(test, at_write);
	bench_expect_event(b, EVT_MASTER_ABORT, BENCH_RID, 0, iova + 0x1000);
	KUNIT_EXPECT_EQ(test, copy(b, iova + 0x1000, iova, 100, &at_write), CPL_UNSUPPORTED);
	KUNIT_EXPECT_TRUE(test, at_write);
	bench_expect_event(b, EVT_MASTER_ABORT, BENCH_RID, EVTF_WRITE, iova + 0x1000);
	KUNIT_EXPECT_EQ(test, bench_load(b, page), 0x3e3e3e3e3e3e3e3eULL);
	bench_no_event(b);
}

static struct kunit_case tlp_test_cases[] = {
	KUNIT_CASE_PARAM(test_request, tlp_gen_params),
	KUNIT_CASE(test_bytes_moved),
	KUNIT_CASE(test_copy),
	KUNIT_CASE(test_copy_fails),
	KUNIT_CASE(test_fetch_add),
	KUNIT_CASE(test_rights_of_a_page),
	KUNIT_CASE(test_rights_of_the_device),
	KUNIT_CASE(test_translation_events),
	{}
};

static struct kunit_suite tlp_suite = {
	.name = "iommu_sim_tlp",
	.test_cases = tlp_test_cases,
};

kunit_test_suite(tlp_suite);
