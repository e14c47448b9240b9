// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATS on the side of the IOMMU: translation requests and translated requests (spec
 * 8.5), and PASIDs (spec 3.3). Rules that PCI Express has are cited by the sections
 * of its Base Specification 6.2; those without a citation are this project's.
 */
#include "bench.h"

#define RW		(DTE_IR | DTE_IW)
#define DTE_ATS		BIT_ULL(32)
#define CAP_ATS		BIT_ULL(47)
#define IOVA		0x0000000012345000ULL
#define TARGET		0x000abcde98765000ULL
#define AT_ASK		1
#define AT_TRANSLATED	2
#define EVT_ILLEGAL_PASID_ENTRY	12

/* An answer's bits, from 10.2.3 */
#define R		BIT_ULL(0)
#define W		BIT_ULL(1)
#define U		BIT_ULL(2)
#define S		BIT_ULL(11)

/* Ask for a translation; ~0 in the answer if there is none */
static int ask(struct bench *b, u64 iova, u32 flags, u32 pasid, u64 *answer)
{
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_MEM_READ, .at = AT_ASK, .rid = BENCH_RID, .addr = iova,
		.data = answer, .len = 8, .flags = flags, .pasid = pasid,
	};

	*answer = ~0ULL;
	return iommu_sim_tlp_send(&b->port, &tlp);
}

struct ask_case {
	const char *name;
	u64 entry;		/* of IOVA's page table, level 1; 0 for none */
	u64 word0, word1;	/* of the device table entry, beside the table and the domain */
	u64 iova;
	u32 flags;
	int status;
	u64 answer;
	unsigned int event;
	unsigned int event_flags;
	u64 entry_after;
};

#define TRANSLATE	(DTE_V | DTE_TRANSLATE | DTE_LEVELS(4))
#define LEAF		(PTE_PR | TARGET)

static const struct ask_case ask_cases[] = {
	/* 10.2.3.5 */
	{ "read and write", LEAF | PTE_RW, TRANSLATE | RW, DTE_ATS, IOVA,
	  .answer = TARGET | R | W },
	{ "read only", LEAF | PTE_IR, TRANSLATE | RW, DTE_ATS, IOVA, .answer = TARGET | R },
	{ "write only", LEAF | PTE_IW, TRANSLATE | RW, DTE_ATS, IOVA, .answer = TARGET | W },
	{ "the device may not write", LEAF | PTE_RW, TRANSLATE | DTE_IR, DTE_ATS, IOVA,
	  .answer = TARGET | R },
	{ "the device may not read", LEAF | PTE_RW, TRANSLATE | DTE_IW, DTE_ATS, IOVA,
	  .answer = TARGET | W },
	/* 10.1.3: the agent may ignore NW */
	{ "no intent to write", LEAF | PTE_RW, TRANSLATE | RW, DTE_ATS, IOVA, SIM_TLP_NW,
	  .answer = TARGET | R | W },
	/* 10.2.3, table 10-2: what is not there is no error, and no event */
	{ "not present", 0, TRANSLATE | RW, DTE_ATS, IOVA },
	{ "no rights", LEAF, TRANSLATE | RW, DTE_ATS, IOVA },
	{ "the device has no rights", LEAF | PTE_RW, TRANSLATE, DTE_ATS, IOVA },
	{ "beyond the table", LEAF | PTE_RW, TRANSLATE | RW, DTE_ATS, 1ULL << 48 },
	/* table 10-2: CA for an error of the agent */
	{ "malformed entry", LEAF | PTE_RW | BIT_ULL(52), TRANSLATE | RW, DTE_ATS, IOVA,
	  .status = CPL_ABORT, .event = EVT_IO_PAGE_FAULT,
	  .event_flags = EVTF_PRESENT | EVTF_RSVD },
	{ "aborted", 0, DTE_V | DTE_ABORT, DTE_ATS, IOVA, .status = CPL_ABORT,
	  .event = EVT_DEVICE_BLOCKED },
	{ "no entry", 0, 0, 0, IOVA, .status = CPL_ABORT, .event = EVT_ILLEGAL_DEVTAB_ENTRY },
	/* table 10-2: UR for a device that is not to use ATS */
	{ "ATS not allowed", LEAF | PTE_RW, TRANSLATE | RW, 0, IOVA, .status = CPL_UNSUPPORTED,
	  .event = EVT_INVALID_DEVICE_REQUEST },
	{ "bypass", 0, DTE_V | DTE_BYPASS | RW, DTE_ATS, IOVA,
	  .answer = 0x0000000012300000ULL | 0x7f000 | S | R | W },
	/* 10.2.3.4: to be written to, untranslated only */
	{ "interrupts", 0, TRANSLATE | RW, DTE_ATS, 0xfee12000,
	  .answer = 0xfee00000ULL | 0x7f000 | S | W | U },
	/* 10.1.3: D is set for who may write from now on, and not for others */
	{ "D: to write", LEAF | PTE_RW, TRANSLATE | RW | DTE_HD, DTE_ATS, IOVA,
	  .answer = TARGET | R | W, .entry_after = LEAF | PTE_RW | PTE_D },
	{ "D: to read", LEAF | PTE_RW, TRANSLATE | RW | DTE_HD, DTE_ATS, IOVA, SIM_TLP_NW,
	  .answer = TARGET | R, .entry_after = LEAF | PTE_RW },
	{ "D: set, to read", LEAF | PTE_RW | PTE_D, TRANSLATE | RW | DTE_HD, DTE_ATS, IOVA,
	  SIM_TLP_NW, .answer = TARGET | R | W },
	{ "D: may not write", LEAF | PTE_IR, TRANSLATE | RW | DTE_HD, DTE_ATS, IOVA,
	  .answer = TARGET | R, .entry_after = LEAF | PTE_IR },
	{ "D: the device may not write", LEAF | PTE_RW, TRANSLATE | DTE_IR | DTE_HD, DTE_ATS,
	  IOVA, .answer = TARGET | R, .entry_after = LEAF | PTE_RW },
	{ "A", LEAF | PTE_RW, TRANSLATE | RW | DTE_HA, DTE_ATS, IOVA, .answer = TARGET | R | W,
	  .entry_after = LEAF | PTE_RW | PTE_A },
};

KUNIT_ARRAY_PARAM_DESC(ask, ask_cases, name);

/* Twice, so that the second is answered from the IOTLB where it can be */
static void test_ask(struct kunit *test)
{
	const struct ask_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_alloc(b, 1), slot = bench_slot(b, root, 4, IOVA, 1), answer;
	bool translate = (c->word0 & (3ULL << 2)) == DTE_TRANSLATE;
	unsigned int i;

	bench_store(b, slot, c->entry);
	bench_set_dte(b, BENCH_RID, c->word0 | (translate ? root : 0), c->word1 | BENCH_DOMAIN);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, ask(b, c->iova, c->flags, 0, &answer), c->status);
		KUNIT_EXPECT_EQ_MSG(test, answer, c->status ? ~0ULL : c->answer, "answer %u", i);
		if (c->event)
			bench_expect_event(b, c->event, BENCH_RID,
					   c->event_flags | EVTF_AT(AT_ASK), c->iova);
		bench_no_event(b);
	}
	if (c->entry_after)
		KUNIT_EXPECT_EQ(test, bench_load(b, slot), c->entry_after);
}

KUNIT_ARRAY_PARAM(size, bench_sizes, bench_size_desc);

/* 10.2.3.2: the lowest bit of the address that is clear, from 12 on, ends the size */
static void test_size(struct kunit *test)
{
	unsigned int size_lg2 = *(const unsigned int *)test->param_value, n;
	u64 target = TARGET & ~((1ULL << size_lg2) - 1), answer, want = target | R | W;
	struct bench *b = bench_start(test, NULL);
	u64 root = bench_attach(b, BENCH_RID, BENCH_DOMAIN, 6, RW);

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_TRANSLATE | DTE_LEVELS(6) | root | RW,
		      BENCH_DOMAIN | DTE_ATS);
	bench_inv_devtab(b, BENCH_RID);
	bench_map(b, root, 6, 0, target, size_lg2, PTE_RW);
	if (size_lg2 > 12)
		want |= S;
	for (n = 12; n + 1 < size_lg2; n++)
		want |= 1ULL << n;
	KUNIT_EXPECT_EQ(test, ask(b, ((1ULL << size_lg2) - 1) & ~0xfffULL, 0, 0, &answer), 0);
	KUNIT_EXPECT_EQ(test, answer, want);
	KUNIT_EXPECT_EQ(test, ask(b, 0, 0, 0, &answer), 0);
	KUNIT_EXPECT_EQ_MSG(test, answer, want, "from the IOTLB");
	bench_no_event(b);
}

struct malformed_case {
	const char *name;
	struct iommu_sim_tlp tlp;
};

static const struct malformed_case malformed_cases[] = {
	/* 10.2.2: a translation request is a read of whole translations */
	{ "request of 4 bytes", { .type = SIM_TLP_MEM_READ, .at = AT_ASK, .len = 4 } },
	{ "request of 16 bytes", { .type = SIM_TLP_MEM_READ, .at = AT_ASK, .len = 16 } },
	{ "request that writes", { .type = SIM_TLP_MEM_WRITE, .at = AT_ASK, .len = 8 } },
	{ "request that adds", { .type = SIM_TLP_FETCH_ADD, .at = AT_ASK, .len = 8 } },
	{ "request not aligned", { .type = SIM_TLP_MEM_READ, .at = AT_ASK, .len = 8, .addr = 8 } },
	/* table 10-1 */
	{ "reserved address type", { .type = SIM_TLP_MEM_READ, .at = 3, .len = 8 } },
	/* 7.8.9.2: without "translated requests with PASID" */
	{ "translated with PASID", { .type = SIM_TLP_MEM_READ, .at = AT_TRANSLATED, .len = 8,
				     .flags = SIM_TLP_PASID } },
	{ "read without intent to write", { .type = SIM_TLP_MEM_READ, .len = 8,
					    .flags = SIM_TLP_NW } },
	{ "translated across pages", { .type = SIM_TLP_MEM_READ, .at = AT_TRANSLATED, .len = 8,
				       .addr = 4092 } },
	{ "PASID of 21 bits", { .type = SIM_TLP_MEM_READ, .len = 8, .flags = SIM_TLP_PASID,
				.pasid = 1 << 20 } },
	{ "invalidate request", { .type = SIM_TLP_INV_REQUEST } },
};

KUNIT_ARRAY_PARAM_DESC(malformed, malformed_cases, name);

static void test_malformed(struct kunit *test)
{
	const struct malformed_case *c = test->param_value;
	struct bench *b = bench_start(test, NULL);
	struct iommu_sim_tlp tlp = c->tlp;
	u64 page = bench_alloc(b, 2), data[2] = { 0x3e, 0x3e };

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, DTE_ATS);
	tlp.rid = BENCH_RID;
	tlp.addr += page;
	tlp.data = data;
	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&b->port, &tlp), CPL_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_INVALID_DEVICE_REQUEST);
	bench_no_event(b);
	KUNIT_EXPECT_EQ(test, data[0], 0x3eULL);
	KUNIT_EXPECT_EQ(test, bench_load(b, page), 0ULL);
}

static int translated(struct bench *b, u8 type, u64 pa, u64 *data)
{
	struct iommu_sim_tlp tlp = {
		.type = type, .at = AT_TRANSLATED, .rid = BENCH_RID, .addr = pa, .data = data,
		.len = 8,
	};

	return iommu_sim_tlp_send(&b->port, &tlp);
}

/* The gate of what goes around the page table: each kind of entry, each kind of request */
static void test_gate(struct kunit *test)
{
	static const struct {
		const char *name;
		u64 word0, word1;
		int read, write;
		unsigned int read_event, write_event;
	} cases[] = {
		{ "allowed", DTE_V | DTE_BYPASS | RW, DTE_ATS },
		{ "allowed, with an empty page table", TRANSLATE | RW | BENCH_RAM, DTE_ATS },
		/* for translations of PASIDs */
		{ "allowed, without a domain", DTE_V | DTE_ABORT | RW, DTE_ATS },
		{ "not allowed, bypass", DTE_V | DTE_BYPASS | RW, 0, CPL_UNSUPPORTED,
		  CPL_UNSUPPORTED, EVT_INVALID_DEVICE_REQUEST, EVT_INVALID_DEVICE_REQUEST },
		{ "not allowed", TRANSLATE | RW | BENCH_RAM, BENCH_DOMAIN, CPL_UNSUPPORTED,
		  CPL_UNSUPPORTED, EVT_INVALID_DEVICE_REQUEST, EVT_INVALID_DEVICE_REQUEST },
		{ "blocked", DTE_V | DTE_ABORT, 0, CPL_UNSUPPORTED, CPL_UNSUPPORTED,
		  EVT_INVALID_DEVICE_REQUEST, EVT_INVALID_DEVICE_REQUEST },
		{ "allowed to read", DTE_V | DTE_BYPASS | DTE_IR, DTE_ATS, 0, CPL_ABORT, 0,
		  EVT_IO_PAGE_FAULT },
		{ "allowed to write", DTE_V | DTE_BYPASS | DTE_IW, DTE_ATS, CPL_ABORT, 0,
		  EVT_IO_PAGE_FAULT, 0 },
		{ "not valid", 0, DTE_ATS, CPL_ABORT, CPL_ABORT, EVT_ILLEGAL_DEVTAB_ENTRY,
		  EVT_ILLEGAL_DEVTAB_ENTRY },
	};
	struct bench *b = bench_start(test, NULL);
	u64 page = bench_alloc(b, 1), data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bench_set_dte(b, BENCH_RID, cases[i].word0, cases[i].word1);
		bench_inv_devtab(b, BENCH_RID);
		bench_store(b, page, 0x1111);
		data = 0;
		KUNIT_EXPECT_EQ_MSG(test, translated(b, SIM_TLP_MEM_READ, page, &data),
				    cases[i].read, "%s", cases[i].name);
		KUNIT_EXPECT_EQ(test, bench_event(b).type, cases[i].read_event);
		KUNIT_EXPECT_EQ(test, data == 0x1111, !cases[i].read);
		data = 0x2222;
		KUNIT_EXPECT_EQ_MSG(test, translated(b, SIM_TLP_MEM_WRITE, page, &data),
				    cases[i].write, "%s", cases[i].name);
		KUNIT_EXPECT_EQ(test, bench_event(b).type, cases[i].write_event);
		KUNIT_EXPECT_EQ(test, bench_load(b, page) == 0x2222, !cases[i].write);
		bench_no_event(b);
	}
}

/* The entry says so from its invalidation on, and not before */
static void test_gate_closes(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	u64 page = bench_alloc(b, 1), data;

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, DTE_ATS);
	KUNIT_EXPECT_EQ(test, translated(b, SIM_TLP_MEM_READ, page, &data), 0);
	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, 0);
	KUNIT_EXPECT_EQ(test, translated(b, SIM_TLP_MEM_READ, page, &data), 0);
	bench_inv_devtab(b, BENCH_RID);
	KUNIT_EXPECT_EQ(test, translated(b, SIM_TLP_MEM_READ, page, &data), CPL_UNSUPPORTED);
	bench_expect_event(b, EVT_INVALID_DEVICE_REQUEST, BENCH_RID, EVTF_AT(AT_TRANSLATED), page);
	KUNIT_EXPECT_EQ(test, bench_read(b, BENCH_RID, page, &data), 0);
}

/* spec 8.4: only RAM answers, whoever translated */
static void test_translated_beyond_ram(struct kunit *test)
{
	const u64 addrs[] = { 0, BENCH_RAM - 8, 1ULL << 52, ~7ULL, SIM_MSI_WINDOW };
	struct bench *b = bench_start(test, NULL);
	unsigned int i;
	u64 data = 7;

	bench_set_dte(b, BENCH_RID, DTE_V | DTE_BYPASS | RW, DTE_ATS);
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		KUNIT_EXPECT_EQ(test, translated(b, SIM_TLP_MEM_WRITE, addrs[i], &data),
				CPL_UNSUPPORTED);
		bench_expect_event(b, EVT_MASTER_ABORT, BENCH_RID,
				   EVTF_WRITE | EVTF_AT(AT_TRANSLATED), addrs[i]);
	}
}

/* Without ATS there is no command, and no capability */
static void test_without_ats(struct kunit *test)
{
	struct sim_hw_config config = bench_default_config;
	struct bench *b;

	config.no_ats = true;
	b = bench_start(test, &config);
	KUNIT_EXPECT_FALSE(test, bench_reg(b, REG_CAP) & CAP_ATS);
	bench_cmd(b, 0, 4ULL << 60, 0);
	KUNIT_EXPECT_EQ(test, bench_event(b).type, EVT_ILLEGAL_COMMAND);
}

/* PASIDs: spec 3.3 */

#define PASID_A		0x00005
#define PASID_B		0xabcde
#define TABLE_V		BIT_ULL(0)

/* A directory of 2^12 entries, with a table for @pasid; the entry's address */
static u64 pasid_slot(struct bench *b, u64 dir, u32 pasid)
{
	u64 slot = dir + 8 * (pasid >> 8);

	if (!bench_load(b, slot))
		bench_store(b, slot, TABLE_V | bench_alloc(b, 1));
	return (bench_load(b, slot) & ~0xfffULL) + 16 * (pasid & 0xff);
}

static void set_pasid(struct bench *b, u64 slot, u64 word0, u64 word1)
{
	bench_store(b, slot, 0);
	bench_store(b, slot + 8, word1);
	bench_store(b, slot, word0);
}

/* The device with two PASIDs in domains of their own, which map IOVA to pages of their own */
struct pasid_bench {
	struct bench *b;
	u64 dir;
	u64 slot[2];
	u64 root[2];
	u64 page[3];
};

static const u32 pasids[] = { PASID_A, PASID_B };

static void pasid_start(struct kunit *test, struct pasid_bench *p, u64 word1)
{
	unsigned int i;
	u64 pa;

	p->b = bench_start(test, NULL);
	p->dir = bench_alloc(p->b, 8);
	pa = bench_dte_pa(p->b, BENCH_RID);
	for (i = 0; i < 3; i++) {
		p->page[i] = bench_alloc(p->b, 1);
		bench_store(p->b, p->page[i], 0x100 + i);
	}
	for (i = 0; i < 2; i++) {
		p->root[i] = bench_alloc(p->b, 1);
		bench_map(p->b, p->root[i], 3, IOVA, p->page[i], 12, PTE_RW);
		p->slot[i] = pasid_slot(p->b, p->dir, pasids[i]);
		set_pasid(p->b, p->slot[i], DTE_V | DTE_TRANSLATE | DTE_LEVELS(3) | p->root[i] | RW,
			  BENCH_DOMAIN + 1 + i);
	}
	bench_store(p->b, pa + 16, 1 | 12 << 1 | p->dir);
	bench_set_dte(p->b, BENCH_RID, DTE_V | DTE_BYPASS | RW, word1);
	bench_inv_devtab(p->b, BENCH_RID);
}

static int pasid_read(struct bench *b, u32 pasid, u64 *value)
{
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_MEM_READ, .rid = BENCH_RID, .addr = IOVA, .data = value, .len = 8,
		.flags = SIM_TLP_PASID, .pasid = pasid,
	};

	*value = 0;
	return iommu_sim_tlp_send(&b->port, &tlp);
}

/* Each PASID has its own memory at the same address, the device another */
static void test_pasids(struct kunit *test)
{
	struct pasid_bench p;
	u64 value, answer;
	unsigned int i;

	pasid_start(test, &p, DTE_ATS);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, pasid_read(p.b, pasids[i % 2], &value), 0);
		KUNIT_EXPECT_EQ(test, value, 0x100ULL + i % 2);
		KUNIT_EXPECT_EQ(test, ask(p.b, IOVA, SIM_TLP_PASID, pasids[i % 2], &answer), 0);
		KUNIT_EXPECT_EQ(test, answer, p.page[i % 2] | R | W);
	}
	KUNIT_EXPECT_EQ(test, bench_read(p.b, BENCH_RID, p.page[2], &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x102ULL);
	bench_no_event(p.b);
}

/* Each way in which a PASID may have no entry */
static void test_no_pasid(struct kunit *test)
{
	u64 value, pa;
	struct pasid_bench p;
	struct bench_event event;
	unsigned int i;

	pasid_start(test, &p, 0);
	pa = bench_dte_pa(p.b, BENCH_RID);
	for (i = 0; i < 6; i++) {
		u32 pasid = PASID_A;
		int status = CPL_ABORT, type = EVT_ILLEGAL_PASID_ENTRY;

		switch (i) {
		case 0:		/* not valid */
			pasid = PASID_A + 1;
			break;
		case 1:		/* without a table */
			pasid = 0x40000;
			break;
		case 2:		/* a reserved bit in its word 1 */
			set_pasid(p.b, p.slot[0], DTE_V | DTE_BYPASS | RW, DTE_ATS);
			break;
		case 3:		/* beyond the directory */
			bench_store(p.b, pa + 16, 1 | 2 << 1 | p.dir);
			pasid = PASID_B;
			break;
		case 4:		/* the directory is not in memory */
			bench_store(p.b, pa + 16, 1 | 12 << 1 | 0x1000);
			type = EVT_DEVTAB_HW_ERROR;
			break;
		case 5:		/* no directory */
			bench_store(p.b, pa + 16, 0);
			type = EVT_INVALID_DEVICE_REQUEST;
			status = CPL_UNSUPPORTED;
			break;
		}
		bench_inv_devtab(p.b, BENCH_RID);
		KUNIT_EXPECT_EQ_MSG(test, pasid_read(p.b, pasid, &value), status, "case %u", i);
		event = bench_event(p.b);
		KUNIT_EXPECT_EQ_MSG(test, event.type, type, "case %u", i);
		KUNIT_EXPECT_TRUE(test, event.pasid_valid);
		KUNIT_EXPECT_EQ(test, event.pasid, pasid);
		KUNIT_EXPECT_EQ(test, event.rid, BENCH_RID);
		KUNIT_EXPECT_EQ(test, value, 0ULL);
		bench_no_event(p.b);
	}
	/* The device itself has nothing to do with it */
	KUNIT_EXPECT_EQ(test, bench_read(p.b, BENCH_RID, p.page[2], &value), 0);
}

/* A PASID has no right that the device does not have, and faults by itself */
static void test_pasid_rights(struct kunit *test)
{
	struct bench_event event;
	struct pasid_bench p;
	u64 value = 0;
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_MEM_WRITE, .rid = BENCH_RID, .addr = IOVA, .data = &value,
		.len = 8, .flags = SIM_TLP_PASID, .pasid = PASID_B,
	};

	pasid_start(test, &p, 0);
	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&p.b->port, &tlp), 0);
	bench_set_dte(p.b, BENCH_RID, DTE_V | DTE_ABORT | DTE_IR, 0);
	bench_inv_devtab(p.b, BENCH_RID);
	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&p.b->port, &tlp), CPL_ABORT);
	event = bench_event(p.b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_IO_PAGE_FAULT);
	KUNIT_EXPECT_EQ(test, event.pasid, PASID_B);
	KUNIT_EXPECT_EQ(test, event.domain, BENCH_DOMAIN + 2);
	tlp.type = SIM_TLP_MEM_READ;
	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&p.b->port, &tlp), 0);
	tlp.addr += 0x1000;
	KUNIT_EXPECT_EQ(test, (int)iommu_sim_tlp_send(&p.b->port, &tlp), CPL_ABORT);
	event = bench_event(p.b);
	KUNIT_EXPECT_EQ(test, event.type, EVT_IO_PAGE_FAULT);
	KUNIT_EXPECT_EQ(test, event.flags, 0);
	KUNIT_EXPECT_EQ(test, event.addr, IOVA + 0x1000);
}

/* spec 6.3.2, 6.3.3: of one PASID, and of all that a device or a domain has */
static void test_pasid_invalidation(struct kunit *test)
{
	const u64 other = DTE_V | DTE_TRANSLATE | DTE_LEVELS(3) | RW;
	struct pasid_bench p;
	u64 value[2];
	unsigned int i, round;

	pasid_start(test, &p, 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, pasid_read(p.b, pasids[i], &value[i]), 0);
	/* Both now have a domain without anything mapped; the second is told */
	for (i = 0; i < 2; i++)
		set_pasid(p.b, p.slot[i], other | bench_alloc(p.b, 1), BENCH_DOMAIN + 3 + i);
	bench_cmd(p.b, 0, CMD_INV_DEVTAB | BENCH_RID | (u64)PASID_B << 16 | BIT_ULL(36), 0);
	KUNIT_EXPECT_EQ(test, pasid_read(p.b, PASID_A, &value[0]), 0);
	KUNIT_EXPECT_EQ(test, pasid_read(p.b, PASID_B, &value[1]), CPL_ABORT);
	bench_event(p.b);
	bench_inv_devtab(p.b, BENCH_RID);
	KUNIT_EXPECT_EQ(test, pasid_read(p.b, PASID_A, &value[0]), CPL_ABORT);
	bench_event(p.b);

	/* The same of translations: one domain, two PASIDs, and the page moves */
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 2; i++) {
			set_pasid(p.b, p.slot[i], other | p.root[0], BENCH_DOMAIN + 1);
			bench_map(p.b, p.root[0], 3, IOVA, p.page[0], 12, PTE_RW);
		}
		bench_inv_devtab(p.b, BENCH_RID);
		bench_inv(p.b, BENCH_DOMAIN + 1, 0, 64);
		for (i = 0; i < 2; i++)
			KUNIT_EXPECT_EQ(test, pasid_read(p.b, pasids[i], &value[i]), 0);
		bench_map(p.b, p.root[0], 3, IOVA, p.page[1], 12, PTE_RW);
		if (round == 0)
			bench_cmd(p.b, 0, CMD_INV_PAGES(BENCH_DOMAIN + 1), IOVA);
		else if (round == 1)
			bench_cmd(p.b, 0, CMD_INV_PAGES(BENCH_DOMAIN + 1) | PASID_B,
				  IOVA | CMD_INV_PAGES_GN);
		else
			bench_inv(p.b, BENCH_DOMAIN + 1, 0, 64);
		for (i = 0; i < 2; i++) {
			bool moved = round == 2 || (round == 1 && i == 1);

			KUNIT_EXPECT_EQ(test, pasid_read(p.b, pasids[i], &value[i]), 0);
			KUNIT_EXPECT_EQ_MSG(test, value[i], moved ? 0x101ULL : 0x100ULL,
					    "round %u, PASID %u", round, i);
		}
	}
	bench_no_event(p.b);
}

static struct kunit_case ats_cases[] = {
	KUNIT_CASE_PARAM(test_ask, ask_gen_params),
	KUNIT_CASE_PARAM(test_size, size_gen_params),
	KUNIT_CASE_PARAM(test_malformed, malformed_gen_params),
	KUNIT_CASE(test_gate),
	KUNIT_CASE(test_gate_closes),
	KUNIT_CASE(test_translated_beyond_ram),
	KUNIT_CASE(test_without_ats),
	KUNIT_CASE(test_pasids),
	KUNIT_CASE(test_no_pasid),
	KUNIT_CASE(test_pasid_rights),
	KUNIT_CASE(test_pasid_invalidation),
	{}
};

static struct kunit_suite ats_suite = {
	.name = "iommu_sim_ats",
	.test_cases = ats_cases,
};

kunit_test_suite(ats_suite);
