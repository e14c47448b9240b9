// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of the endpoint, against a table of its own: spec 10.2,
 * 10.3. The numbers here come from the specification's text and from the PCI
 * specifications, not from the headers that the code uses.
 */
#include <linux/prandom.h>

#include "tlp_bench.h"

/* What a dword is after reset, and which of its bits a write changes */
struct cfg_case {
	const char *name;
	u32 offset;
	u32 reset;
	u32 rw;
};

static const struct cfg_case cfg_cases[] = {
	{ "identity",		0x000, 0x51101234, 0 },
	{ "command, status",	0x004, 0x00100000, 0x00000544 },
	{ "class, revision",	0x008, 0x08800001, 0 },
	{ "cache line size",	0x00c, 0, 0x000000ff },
	{ "subsystem",		0x02c, 0x51101234, 0 },
	{ "capabilities",	0x034, 0x00000040, 0 },
	{ "interrupt line",	0x03c, 0, 0x000000ff },
	{ "PM",			0x040, 0x00035001, 0 },
	{ "PM control",		0x044, 0x00000008, 0x00000003 },
	{ "MSI",		0x050, 0x00867005, 0x00710000 },
	{ "MSI address",	0x054, 0, 0xfffffffc },
	{ "MSI address high",	0x058, 0, 0xffffffff },
	{ "MSI data",		0x05c, 0, 0x0000ffff },
	{ "Express",		0x070, 0x00920010, 0 },
	{ "device capabilities", 0x074, 0x10008005, 0 },
	{ "device control",	0x078, 0x00002810, 0x000078ff },
	{ "device capabilities 2", 0x094, 0x00600000, 0 },
	{ "ATS",		0x100, 0x1101000f, 0 },
	{ "ATS control",	0x104, 0x00000020, 0x801f0000 },
	{ "PRI",		0x110, 0x12010013, 0 },
	{ "PRI control",	0x114, 0x01000000, 0x00000001 },
	{ "PRI capacity",	0x118, 0x00000020, 0 },
	{ "PRI allocation",	0x11c, 0, 0xffffffff },
	{ "PASID",		0x120, 0x1401001b, 0 },
	{ "PASID control",	0x124, 0x00001406, 0x00070000 },
	{ "DVSEC",		0x140, 0x00010023, 0 },
	/* 0x40 bytes, and as many for each of two channels */
	{ "DVSEC header 1",	0x144, 0x0c011234, 0 },
	{ "DVSEC header 2",	0x148, 0x00000010, 0 },
	{ "CAPS",		0x14c, 0x00080c02, 0 },
	{ "OPS",		0x150, 0x0000001f, 0 },
	{ "CTRL 0",		0x180, 0, 0x00001f05 },
	{ "RING_LO 0",		0x188, 0, 0xffffffff },
	{ "RING_HI 0",		0x18c, 0, 0xffffffff },
	{ "CPL_LO 0",		0x190, 0, 0xffffffff },
	{ "CPL_HI 0",		0x194, 0, 0xffffffff },
	{ "RING_LG2 0",		0x198, 0, 0xffffffff },
	{ "PASID 0",		0x19c, 0, 0x800fffff },
	{ "TAIL 0",		0x1a0, 0, 0xffffffff },
	{ "CTRL 1",		0x1c0, 0, 0x00001f05 },
	{ "RING_LO 1",		0x1c8, 0, 0xffffffff },
	{ "RING_HI 1",		0x1cc, 0, 0xffffffff },
	{ "CPL_LO 1",		0x1d0, 0, 0xffffffff },
	{ "CPL_HI 1",		0x1d4, 0, 0xffffffff },
	{ "RING_LG2 1",		0x1d8, 0, 0xffffffff },
	{ "PASID 1",		0x1dc, 0, 0x800fffff },
	{ "TAIL 1",		0x1e0, 0, 0xffffffff },
};

KUNIT_ARRAY_PARAM_DESC(cfg, cfg_cases, name);

#define DWORDS		(4096 / 4)

/* What configuration space should contain, and may change to */
struct model {
	u32 reset[DWORDS];
	u32 rw[DWORDS];
	u32 now[DWORDS];
};

static struct model *model_create(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (i = 0; i < ARRAY_SIZE(cfg_cases); i++) {
		m->reset[cfg_cases[i].offset / 4] = cfg_cases[i].reset;
		m->rw[cfg_cases[i].offset / 4] = cfg_cases[i].rw;
	}
	memcpy(m->now, m->reset, sizeof(m->now));
	return m;
}

/* A write, as spec 10.3 has it */
static void model_write(struct model *m, unsigned int offset, unsigned int size, u32 val)
{
	unsigned int shift = offset % 4 * 8, i = offset / 4;
	u32 bytes = (u32)(~0ULL >> (64 - 8 * size)) << shift;
	u32 old = m->now[i], rw = m->rw[i] & bytes;

	val = val << shift & bytes;
	m->now[i] = (old & ~rw) | (val & rw);
	switch (i * 4) {
	case 0x044: /* neither D1 nor D2 */
		if ((m->now[i] & 3) == 1 || (m->now[i] & 3) == 2)
			m->now[i] = old;
		break;
	case 0x078: /* function level reset */
		if (val & 0x8000)
			memcpy(m->now, m->reset, sizeof(m->now));
		break;
	case 0x114: /* stopped unless enabled */
		m->now[i] = m->now[i] & 1 ? 1 : 0x01000000;
		break;
	case 0x180: /* reset of a channel: EN and TAIL */
	case 0x1c0:
		if (val & 2) {
			m->now[i] &= ~1;
			m->now[i + 8] = 0;
		}
		break;
	}
}

/* A value for a write that enables no channel: that is another test's */
static u32 harmless(unsigned int offset, unsigned int size, u32 val)
{
	return offset == 0x180 || offset == 0x1c0 ? val & ~1 : val;
}

static void expect_model(struct kunit *test, struct sim_endpoint *ep, const struct model *m,
			 unsigned int i)
{
	u32 val = sim_cfg_read(ep, i * 4, 4);

	if (val != m->now[i])
		KUNIT_FAIL(test, "0x%03x is %08x instead of %08x", i * 4, val, m->now[i]);
}

/* An endpoint as after reset */
static struct sim_endpoint *fresh_endpoint(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_create(test);

	sim_cfg_write(b->ep, 0x78, 4, 0x8000);
	return b->ep;
}

static void test_reset_value(struct kunit *test)
{
	const struct cfg_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sim_cfg_read(fresh_endpoint(test), c->offset, 4), c->reset);
}

/* One bit at a time */
static void test_writable_bits(struct kunit *test)
{
	const struct cfg_case *c = test->param_value;
	struct sim_endpoint *ep = fresh_endpoint(test);
	struct model *m = model_create(test);
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		u32 val = harmless(c->offset, 4, BIT(bit));

		sim_cfg_write(ep, c->offset, 4, val);
		model_write(m, c->offset, 4, val);
		expect_model(test, ep, m, c->offset / 4);
	}
}

/* Everything at every offset in every size */
static void test_every_byte(struct kunit *test)
{
	static const u32 values[] = { U32_MAX, 0, 0x55555555, 0xaaaaaaaa, 0x80018001 };
	struct sim_endpoint *ep = fresh_endpoint(test);
	struct model *m = model_create(test);
	unsigned int offset, size, i, v;

	for (size = 1; size <= 4; size *= 2) {
		for (offset = 0; offset < 4096; offset += size) {
			for (v = 0; v < ARRAY_SIZE(values); v++) {
				u32 val = harmless(offset, size, values[v]);

				sim_cfg_write(ep, offset, size, val);
				model_write(m, offset, size, val);
				expect_model(test, ep, m, offset / 4);
			}
		}
		for (i = 0; i < DWORDS; i++)
			expect_model(test, ep, m, i);
	}
}

static void test_random_writes(struct kunit *test)
{
	struct sim_endpoint *ep = fresh_endpoint(test);
	struct model *m = model_create(test);
	unsigned int n, i, offset, size;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, tlp_bench_seed(test));
	for (n = 0; n < 20000; n++) {
		u32 val = prandom_u32_state(&rnd);

		/* Mostly where something is */
		size = 1 << prandom_u32_state(&rnd) % 3;
		offset = prandom_u32_state(&rnd) % (n % 8 ? 0x200 : 4096);
		offset -= offset % size;
		val = harmless(offset, size, val);
		/* A reset now and then is enough */
		if (offset <= 0x79 && offset + size > 0x79 && n % 16)
			continue;

		sim_cfg_write(ep, offset, size, val);
		model_write(m, offset, size, val);
		expect_model(test, ep, m, offset / 4);
		if (n % 64 == 0)
			for (i = 0; i < DWORDS; i++)
				expect_model(test, ep, m, i);
	}
}

static void test_small_reads(struct kunit *test)
{
	struct sim_endpoint *ep = fresh_endpoint(test);
	unsigned int offset;

	for (offset = 0; offset < 4096; offset++) {
		u32 dword = sim_cfg_read(ep, offset & ~3, 4);
		u32 shift = offset % 4 * 8;

		KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, offset, 1), dword >> shift & 0xff);
		if (offset % 2 == 0)
			KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, offset, 2), dword >> shift & 0xffff);
	}
}

/* What a careless or hostile caller may ask for */
static void test_bad_access(struct kunit *test)
{
	struct sim_endpoint *ep = fresh_endpoint(test);

	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 4096, 4), U32_MAX);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 4096, 1), 0xff);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, U32_MAX, 1), 0xff);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 4094, 4), U32_MAX);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 1, 2), 0xffff);
	sim_cfg_write(ep, 4096, 4, 0);
	sim_cfg_write(ep, U32_MAX, 1, 0);
	sim_cfg_write(ep, 0x55, 4, U32_MAX);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x54, 4), 0);
}

/* The lists lead to every capability once, and end */
static void test_capability_lists(struct kunit *test)
{
	static const struct { u16 offset, id; } first[] = {
		{ 0x40, 0x01 }, { 0x50, 0x05 }, { 0x70, 0x10 },
	}, extended[] = {
		{ 0x100, 0x0f }, { 0x110, 0x13 }, { 0x120, 0x1b }, { 0x140, 0x23 },
	};
	struct sim_endpoint *ep = fresh_endpoint(test);
	u32 pos = sim_cfg_read(ep, 0x34, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		KUNIT_EXPECT_EQ(test, pos, first[i].offset);
		KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, pos, 1), first[i].id);
		pos = sim_cfg_read(ep, pos + 1, 1);
	}
	KUNIT_EXPECT_EQ(test, pos, 0);

	pos = 0x100;
	for (i = 0; i < ARRAY_SIZE(extended); i++) {
		KUNIT_EXPECT_EQ(test, pos, extended[i].offset);
		KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, pos, 2), extended[i].id);
		pos = sim_cfg_read(ep, pos, 4) >> 20;
	}
	KUNIT_EXPECT_EQ(test, pos, 0);
}

static void fill_all(struct sim_endpoint *ep)
{
	unsigned int i;

	for (i = 0; i < DWORDS; i++)
		if (i * 4 != 0x78)
			sim_cfg_write(ep, i * 4, 4, harmless(i * 4, 4, ~2U));
}

/* Function level reset: where the write covers the bit, and only there */
static void test_flr(struct kunit *test)
{
	struct sim_endpoint *ep = fresh_endpoint(test);
	struct model *m = model_create(test);
	unsigned int i;

	fill_all(ep);
	sim_cfg_write(ep, 0x78, 1, 0x80);
	sim_cfg_write(ep, 0x7a, 2, 0x8000);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x54, 4), 0xfffffffc);

	sim_cfg_write(ep, 0x79, 1, 0x80);
	for (i = 0; i < DWORDS; i++)
		expect_model(test, ep, m, i);

	fill_all(ep);
	sim_cfg_write(ep, 0x78, 2, 0x8000);
	for (i = 0; i < DWORDS; i++)
		expect_model(test, ep, m, i);
}

/* No_Soft_Reset: nothing is lost in D3hot, and there are no D1 and D2 */
static void test_power_states(struct kunit *test)
{
	struct sim_endpoint *ep = fresh_endpoint(test);

	sim_cfg_write(ep, 0x54, 4, 0x12345678);
	sim_cfg_write(ep, 0x44, 2, 1);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x44, 4), 8);
	sim_cfg_write(ep, 0x44, 2, 3);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x44, 4), 8 + 3);
	sim_cfg_write(ep, 0x44, 1, 2);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x44, 4), 8 + 3);
	sim_cfg_write(ep, 0x44, 2, 0);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x44, 4), 8);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(ep, 0x54, 4), 0x12345678);
}

/* Nobody answers while the IOMMU in front is off: spec 10.3 */
static void test_iommu_off(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_create(test);

	b->down = true;
	KUNIT_EXPECT_EQ(test, sim_cfg_read(b->ep, 0, 4), U32_MAX);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(b->ep, 0, 2), 0xffff);
	KUNIT_EXPECT_EQ(test, sim_cfg_read(b->ep, 0xe, 1), 0xff);
	sim_cfg_write(b->ep, 0x54, 4, 0);
	b->down = false;
	KUNIT_EXPECT_EQ(test, sim_cfg_read(b->ep, 0x54, 4), TLP_MSI);
}

/* Which message a vector sends, for each Multiple Message Enable: spec 10.6 */
static void test_msi(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_create(test);
	unsigned int enable, vector;

	sim_cfg_write(b->ep, 0x5c, 2, 0x2327);
	for (enable = 0; enable < 8; enable++) {
		unsigned int nr = 1 << min(enable, 3U);

		sim_cfg_write(b->ep, 0x52, 2, 0x1 | enable << 4);
		for (vector = 0; vector < 32; vector++) {
			b->nr = 0;
			KUNIT_EXPECT_EQ(test, sim_endpoint_msi(b->ep, vector), vector < nr);
			KUNIT_ASSERT_EQ(test, b->nr, vector < nr);
			if (!b->nr)
				continue;
			KUNIT_EXPECT_EQ(test, b->log[0].tlp.addr, TLP_MSI);
			KUNIT_EXPECT_EQ(test, b->log[0].tlp.len, 4);
			KUNIT_EXPECT_EQ(test, b->log[0].data, (0x2327 / nr * nr) + vector);
		}
	}
}

static void test_msi_not_sent(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_create(test);

	tlp_bus_master(b, false);
	KUNIT_EXPECT_FALSE(test, sim_endpoint_msi(b->ep, 0));
	tlp_bus_master(b, true);
	sim_cfg_write(b->ep, 0x44, 2, 3);
	KUNIT_EXPECT_FALSE(test, sim_endpoint_msi(b->ep, 0));
	sim_cfg_write(b->ep, 0x44, 2, 0);
	KUNIT_EXPECT_TRUE(test, sim_endpoint_msi(b->ep, 0));
	sim_cfg_write(b->ep, 0x52, 1, 0);
	KUNIT_EXPECT_FALSE(test, sim_endpoint_msi(b->ep, 0));
	KUNIT_EXPECT_EQ(test, b->nr, 1);
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE_PARAM(test_reset_value, cfg_gen_params),
	KUNIT_CASE_PARAM(test_writable_bits, cfg_gen_params),
	KUNIT_CASE(test_every_byte),
	KUNIT_CASE(test_random_writes),
	KUNIT_CASE(test_small_reads),
	KUNIT_CASE(test_bad_access),
	KUNIT_CASE(test_capability_lists),
	KUNIT_CASE(test_flr),
	KUNIT_CASE(test_power_states),
	KUNIT_CASE(test_iommu_off),
	KUNIT_CASE(test_msi),
	KUNIT_CASE(test_msi_not_sent),
	{}
};

static struct kunit_suite config_suite = {
	.name = "iommu_sim_config",
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);
