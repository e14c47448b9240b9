// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine of the endpoint, on a bench of its own: spec 10.4 to 10.6 */
#include "tlp_bench.h"

/* A COPY long enough for something to happen in between */
#define LONG_COPY { .op = 1, .len = cpu_to_le32(0x20000), .src = cpu_to_le64(TLP_SRC), \
		    .dst = cpu_to_le64(TLP_DST) }

static void expect_cpl(struct tlp_bench *b, const struct iommu_sim_cpl *cpl, u32 status, u32 done)
{
	KUNIT_EXPECT_EQ(b->test, le32_to_cpu(cpl->status), status);
	KUNIT_EXPECT_EQ(b->test, le32_to_cpu(cpl->done), done);
}

static void test_nop(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	/* Addresses, length and operand are ignored */
	struct iommu_sim_desc d = {
		.src = cpu_to_le64(1),
		.dst = cpu_to_le64(-1),
		.len = cpu_to_le32(5),
		.operand = cpu_to_le64(6),
	};

	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 0);
	/* The descriptor and the record */
	KUNIT_EXPECT_EQ(test, b->nr, 2);
	KUNIT_EXPECT_EQ(test, tlp_ch_read(b, 0, IOMMU_SIM_CH_STATUS), 0);
}

/* Offsets into source and destination, and a length */
struct span_case {
	const char *name;
	u32 src, dst, len;
};

static const struct span_case span_cases[] = {
	{ "one byte",			0, 0, 1 },
	{ "one page",			0, 0, 4096 },
	{ "last byte of a page",	4095, 4095, 1 },
	{ "across a boundary",		4090, 4090, 12 },
	{ "source across",		4095, 0, 2 },
	{ "destination across",		0, 4095, 2 },
	{ "out of step",		3, 2050, 20000 },
	{ "64 KiB",			0, 0, 65536 },
	{ "64 KiB and a bit",		1, 4095, 65539 },
};

KUNIT_ARRAY_PARAM_DESC(span, span_cases, name);

static void test_copy(struct kunit *test)
{
	const struct span_case *c = test->param_value;
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 1,
		.len = cpu_to_le32(c->len),
		.src = cpu_to_le64(TLP_SRC + c->src),
		.dst = cpu_to_le64(TLP_DST + c->dst),
	};
	u8 *dst = tlp_ptr(b, TLP_DST);

	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, c->len);
	KUNIT_EXPECT_MEMEQ(test, dst + c->dst, tlp_ptr(b, TLP_SRC + c->src), c->len);
	/* And nothing around it */
	KUNIT_EXPECT_NULL(test, memchr_inv(dst, 0, c->dst));
	KUNIT_EXPECT_NULL(test, memchr_inv(dst + c->dst + c->len, 0, 4096));
}

/* One failure of @id, told of nowhere */
static void misbehave(struct tlp_bench *b, enum sim_inject_id id)
{
	struct sim_inject_point *point = &b->inject.point[id];

	/* The bench has no hw to set it up */
	if (!point->inject) {
		mutex_init(&b->inject.lock);
		point->inject = &b->inject;
		point->device = SIM_INJECT_ANY_DEVICE;
		point->iova_last = U64_MAX;
	}
	sim_inject_set_fail_nth(point, 1);
}

/* What a test of a client has to find out by itself: all ends well, it says */
static void test_bad_engine(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 1,
		.flags = 1,
		.len = cpu_to_le32(5000),
		.src = cpu_to_le64(TLP_SRC),
		.dst = cpu_to_le64(TLP_DST + 1),
	};
	u8 *src = tlp_ptr(b, TLP_SRC), *dst = tlp_ptr(b, TLP_DST);

	src[4999] = 0x5a;
	misbehave(b, SIM_INJECT_SHORT_COPY);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 5000);
	KUNIT_EXPECT_MEMEQ(test, dst + 1, src, 4999);
	KUNIT_EXPECT_EQ(test, dst[5000], 0);

	misbehave(b, SIM_INJECT_OVERRUN);
	src[4096] = 0xa5;	/* the first byte of the last request */
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 5000);
	KUNIT_EXPECT_MEMEQ(test, dst + 1, src, 5000);
	KUNIT_EXPECT_EQ(test, dst[5001], 0xa5);
	KUNIT_EXPECT_EQ(test, dst[0], 0);

	misbehave(b, SIM_INJECT_LOST_MSI);
	KUNIT_EXPECT_EQ(test, b->ep->ch[0].stats.msis, 2);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 5000);
	tlp_bench_settle(b);
	KUNIT_EXPECT_EQ(test, b->ep->ch[0].stats.msis, 2);
}

static void test_fill(struct kunit *test)
{
	static const u8 pattern[8] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	const struct span_case *c = test->param_value;
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 2,
		.len = cpu_to_le32(c->len),
		.src = cpu_to_le64(-1),
		.dst = cpu_to_le64(TLP_DST + c->dst),
		.operand = cpu_to_le64(0x8877665544332211),
	};
	u8 *dst = tlp_ptr(b, TLP_DST);
	u32 i;

	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, c->len);
	for (i = 0; i < c->len; i++)
		if (dst[c->dst + i] != pattern[i % 8])
			break;
	KUNIT_EXPECT_EQ(test, i, c->len);
	KUNIT_EXPECT_NULL(test, memchr_inv(dst, 0, c->dst));
	KUNIT_EXPECT_NULL(test, memchr_inv(dst + c->dst + c->len, 0, 4096));
}

static void test_compare(struct kunit *test)
{
	const struct span_case *c = test->param_value;
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 3,
		.len = cpu_to_le32(c->len),
		.src = cpu_to_le64(TLP_SRC + c->src),
		.dst = cpu_to_le64(TLP_DST + c->dst),
	};
	u8 *dst = tlp_ptr(b, TLP_DST + c->dst);
	u32 at[] = { 0, c->len / 2, c->len - 1 };
	unsigned int i;

	memcpy(dst, tlp_ptr(b, TLP_SRC + c->src), c->len);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, c->len);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		dst[at[i]] ^= 0x10;
		expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_MISMATCH, at[i]);
		dst[at[i]] ^= 0x10;
	}
	KUNIT_EXPECT_EQ(test, tlp_ch_read(b, 0, IOMMU_SIM_CH_ERRORS), 0);
}

static void test_fetch_add(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 4,
		.len = cpu_to_le32(8),
		.dst = cpu_to_le64(TLP_DST + 8),
		.operand = cpu_to_le64(0x0000000200000001),
	};
	__le64 *p = tlp_ptr(b, TLP_DST + 8);
	struct iommu_sim_cpl *cpl;

	*p = cpu_to_le64(0x11111111ffffffff);
	cpl = tlp_bench_do(b, &d);
	expect_cpl(b, cpl, IOMMU_SIM_OK, 8);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cpl->result), 0x11111111ffffffff);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(*p), 0x1111111400000000);

	/* 4 bytes: no carry, and nothing of the other half */
	*p = cpu_to_le64(0x11111111ffffffff);
	d.len = cpu_to_le32(4);
	cpl = tlp_bench_do(b, &d);
	expect_cpl(b, cpl, IOMMU_SIM_OK, 4);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cpl->result), 0xffffffff);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(*p), 0x1111111100000000);
}

/* Segments in reverse order, of sizes that fit nothing, some empty */
static unsigned int make_list(struct tlp_bench *b, u64 list, u64 area, u32 len, u32 step)
{
	unsigned int n = 0;
	u32 n_bytes;

	for (; len; len -= n_bytes) {
		n_bytes = min(len, step);
		tlp_bench_put_seg(b, list, n++, area + len - n_bytes, n_bytes);
		if (n % 3 == 0)
			tlp_bench_put_seg(b, list, n++, -1, 0);
	}
	return n;
}

static void test_lists(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	/* Across a boundary, as 16 bytes below one */
	u64 src_list = TLP_LIST + 4096 - 16, dst_list = TLP_LIST + SZ_64K - 48;
	u32 len = 30000, i;
	struct iommu_sim_desc d = {
		.op = 1,
		.flags = IOMMU_SIM_DESC_SRC_LIST,
		.len = cpu_to_le32(len),
		.src = cpu_to_le64(src_list),
		.dst = cpu_to_le64(TLP_DST + 5),
	};
	u8 *src = tlp_ptr(b, TLP_SRC), *dst = tlp_ptr(b, TLP_DST);

	d.src_segs = cpu_to_le16(make_list(b, src_list, TLP_SRC, len, 1000));
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, len);
	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_EQ(test, dst[5 + i], src[len - 1000 + i]);
	KUNIT_EXPECT_MEMEQ(test, dst + 5 + len - 1000, src, 1000);

	/* Both reversed, by other steps; the byte-wise reversal undoes itself */
	d.flags = IOMMU_SIM_DESC_SRC_LIST | IOMMU_SIM_DESC_DST_LIST;
	d.src_segs = cpu_to_le16(make_list(b, src_list, TLP_SRC, 150, 1));
	d.dst_segs = cpu_to_le16(make_list(b, dst_list, TLP_DST, 150, 1));
	d.dst = cpu_to_le64(dst_list);
	d.len = cpu_to_le32(150);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 150);
	KUNIT_EXPECT_MEMEQ(test, dst, src, 150);
	/* COMPARE agrees, and stops at the offset in the list's order */
	d.op = 3;
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 150);
	dst[149 - 77] ^= 1;
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_MISMATCH, 77);

	/* FILL of a list goes on with the pattern in the next segment */
	d = (struct iommu_sim_desc) {
		.op = 2,
		.flags = IOMMU_SIM_DESC_DST_LIST,
		.dst_segs = cpu_to_le16(2),
		.len = cpu_to_le32(8),
		.dst = cpu_to_le64(dst_list),
		.operand = cpu_to_le64(0x0807060504030201),
	};
	tlp_bench_put_seg(b, dst_list, 0, TLP_DST + 3, 3);
	tlp_bench_put_seg(b, dst_list, 1, TLP_DST + 100, SZ_64K);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 8);
	KUNIT_EXPECT_MEMEQ(test, dst + 3, "\x01\x02\x03", 3);
	KUNIT_EXPECT_MEMEQ(test, dst + 100, "\x04\x05\x06\x07\x08", 5);
}

static void test_longest_list(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = {
		.op = 1,
		.flags = IOMMU_SIM_DESC_DST_LIST,
		.dst_segs = cpu_to_le16(256),
		.len = cpu_to_le32(256 * 3),
		.src = cpu_to_le64(TLP_SRC),
		.dst = cpu_to_le64(TLP_LIST + 16),
	};
	unsigned int i;

	for (i = 0; i < 256; i++)
		tlp_bench_put_seg(b, TLP_LIST + 16, i, TLP_DST + 16 * i, 3);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 256 * 3);
	for (i = 0; i < 256; i++)
		KUNIT_EXPECT_MEMEQ(test, (u8 *)tlp_ptr(b, TLP_DST + 16 * i),
				   (u8 *)tlp_ptr(b, TLP_SRC + 3 * i), 3);
}

/* spec 10.5: descriptors that end with IOMMU_SIM_ERR_DESC and move nothing */
struct bad_case {
	const char *name;
	struct iommu_sim_desc d;
};

#define COPY_ARGS .op = 1, .len = cpu_to_le32(64), .src = cpu_to_le64(TLP_SRC), \
		  .dst = cpu_to_le64(TLP_DST)
#define SRC_LIST(_segs) .op = 1, .len = cpu_to_le32(64), .src = cpu_to_le64(TLP_LIST), \
			.dst = cpu_to_le64(TLP_DST), .flags = 0x04, .src_segs = cpu_to_le16(_segs)

static const struct bad_case bad_cases[] = {
	{ "operation 5",	{ .op = 5 } },
	{ "operation 255",	{ .op = 255 } },
	{ "flag 0x10",		{ .flags = 0x10 } },
	{ "flag 0x80",		{ COPY_ARGS, .flags = 0x80 } },
	{ "rsvd0",		{ .rsvd0 = cpu_to_le16(1) } },
	{ "rsvd[0]",		{ .rsvd = { cpu_to_le64(1) } } },
	{ "rsvd[2]",		{ COPY_ARGS, .rsvd = { 0, 0, cpu_to_le64(1ULL << 63) } } },
	{ "PASID without flag",	{ .pasid = cpu_to_le32(1) } },
	{ "PASID of 21 bits",	{ .flags = 2, .pasid = cpu_to_le32(0x100000) } },
	{ "segments without a list", { COPY_ARGS, .src_segs = cpu_to_le16(1) } },
	{ "destination segments without a list", { COPY_ARGS, .dst_segs = cpu_to_le16(1) } },
	{ "operand of COPY",	{ COPY_ARGS, .operand = cpu_to_le64(1) } },
	{ "COPY of 0 bytes",	{ .op = 1, .src = cpu_to_le64(TLP_SRC),
				  .dst = cpu_to_le64(TLP_DST) } },
	{ "FILL of 0 bytes",	{ .op = 2, .dst = cpu_to_le64(TLP_DST) } },
	{ "COMPARE of 0 bytes",	{ .op = 3, .src = cpu_to_le64(TLP_SRC),
				  .dst = cpu_to_le64(TLP_DST) } },
	{ "FETCH_ADD of 0 bytes", { .op = 4, .dst = cpu_to_le64(TLP_DST) } },
	{ "FETCH_ADD of 2 bytes", { .op = 4, .dst = cpu_to_le64(TLP_DST),
				    .len = cpu_to_le32(2) } },
	{ "FETCH_ADD of 16 bytes", { .op = 4, .dst = cpu_to_le64(TLP_DST),
				    .len = cpu_to_le32(16) } },
	{ "misaligned FETCH_ADD", { .op = 4, .dst = cpu_to_le64(TLP_DST + 4),
				    .len = cpu_to_le32(8) } },
	{ "FETCH_ADD of a list", { .op = 4, .flags = 8, .dst = cpu_to_le64(TLP_LIST),
				   .dst_segs = cpu_to_le16(1), .len = cpu_to_le32(8) } },
	{ "FILL from a list",	{ .op = 2, .flags = 4, .src_segs = cpu_to_le16(1),
				  .len = cpu_to_le32(8), .dst = cpu_to_le64(TLP_DST) } },
	{ "NOP of a list",	{ .op = 0, .flags = 4, .src_segs = cpu_to_le16(1) } },
	{ "empty list",		{ SRC_LIST(0) } },
	{ "list of 257",	{ SRC_LIST(257) } },
	{ "list too short",	{ SRC_LIST(3) } },
	{ "list with a reserved field", { SRC_LIST(5) } },
	{ "list beyond 64 bits", { SRC_LIST(6) } },
	{ "misaligned list",	{ .op = 1, .flags = 4, .src_segs = cpu_to_le16(1),
				  .src = cpu_to_le64(TLP_LIST + 8), .dst = cpu_to_le64(TLP_DST),
				  .len = cpu_to_le32(1) } },
	{ "source beyond 64 bits", { .op = 1, .src = cpu_to_le64(-2), .dst = cpu_to_le64(TLP_DST),
				     .len = cpu_to_le32(3) } },
};

KUNIT_ARRAY_PARAM_DESC(bad, bad_cases, name);

static void test_bad_descriptor(struct kunit *test)
{
	const struct bad_case *c = test->param_value;
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = c->d;
	struct iommu_sim_seg *list = tlp_ptr(b, TLP_LIST);
	struct iommu_sim_cpl *cpl;

	/* 3 segments hold 63 bytes; of the next, one is malformed, one out of range */
	tlp_bench_put_seg(b, TLP_LIST, 0, TLP_SRC, 21);
	tlp_bench_put_seg(b, TLP_LIST, 1, TLP_SRC, 21);
	tlp_bench_put_seg(b, TLP_LIST, 2, TLP_SRC, 21);
	tlp_bench_put_seg(b, TLP_LIST, 3, TLP_SRC, 21);
	tlp_bench_put_seg(b, TLP_LIST, 4, TLP_SRC, 21);
	list[4].rsvd = cpu_to_le32(c->d.src_segs == cpu_to_le16(5));
	tlp_bench_put_seg(b, TLP_LIST, 5, -8, 9);

	d.flags |= IOMMU_SIM_DESC_INTR;
	cpl = tlp_bench_do(b, &d);
	expect_cpl(b, cpl, IOMMU_SIM_ERR_DESC, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cpl->addr), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cpl->cpl), 0);
	KUNIT_EXPECT_EQ(test, tlp_ch_read(b, 0, IOMMU_SIM_CH_ERRORS), 1);
	KUNIT_EXPECT_EQ(test, tlp_ch_read(b, 0, IOMMU_SIM_CH_STATUS), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(tlp_ptr(b, TLP_DST), 0, SZ_4K));
	/* The interrupt comes all the same */
	KUNIT_EXPECT_EQ(test, tlp_bench_msis(b, TLP_MSI_DATA + 1), 1);
}

/* A request of the descriptor fails */
static void test_failed_request(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 4);
	struct iommu_sim_desc d = LONG_COPY;
	struct iommu_sim_cpl *cpl;

	b->fail_status = SIM_CPL_COMPLETER_ABORT;
	b->fail_addr = TLP_SRC + 0x5123;
	cpl = tlp_bench_do(b, &d);
	expect_cpl(b, cpl, IOMMU_SIM_ERR_READ, 0x5000);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cpl->addr), TLP_SRC + 0x5000);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cpl->cpl), 4);

	b->fail_status = SIM_CPL_UNSUPPORTED_REQUEST;
	b->fail_addr = TLP_DST;
	cpl = tlp_bench_do(b, &d);
	expect_cpl(b, cpl, IOMMU_SIM_ERR_WRITE, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cpl->addr), TLP_DST);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cpl->cpl), 1);

	/* The second part of a list that crosses a boundary */
	b->fail_addr = TLP_LIST + 4096;
	d.flags = IOMMU_SIM_DESC_SRC_LIST;
	d.src_segs = cpu_to_le16(2);
	d.src = cpu_to_le64(TLP_LIST + 4096 - 16);
	cpl = tlp_bench_do(b, &d);
	expect_cpl(b, cpl, IOMMU_SIM_ERR_LIST, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cpl->addr), TLP_LIST + 4096);
	KUNIT_EXPECT_EQ(test, tlp_ch_read(b, 0, IOMMU_SIM_CH_ERRORS), 3);
}

static void test_pasid(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_create(test);
	struct iommu_sim_desc d = {
		.op = 2,
		.flags = IOMMU_SIM_DESC_PASID,
		.pasid = cpu_to_le32(0xfffff),
		.len = cpu_to_le32(1),
		.dst = cpu_to_le64(TLP_DST),
	};

	tlp_ch_write(b, 0, IOMMU_SIM_CH_PASID, IOMMU_SIM_CH_PASID_VALID | 0x12345);
	tlp_bench_start(b, 0, 4);
	expect_cpl(b, tlp_bench_do(b, &d), IOMMU_SIM_OK, 1);
	KUNIT_ASSERT_EQ(test, b->nr, 3);
	KUNIT_EXPECT_EQ(test, b->log[0].tlp.flags, SIM_TLP_PASID);
	KUNIT_EXPECT_EQ(test, b->log[0].tlp.pasid, 0x12345);
	KUNIT_EXPECT_EQ(test, b->log[1].tlp.flags, SIM_TLP_PASID);
	KUNIT_EXPECT_EQ(test, b->log[1].tlp.pasid, 0xfffff);
	KUNIT_EXPECT_EQ(test, b->log[2].tlp.flags, SIM_TLP_PASID);
	KUNIT_EXPECT_EQ(test, b->log[2].tlp.pasid, 0x12345);
}

static struct kunit_case endpoint_cases[] = {
	KUNIT_CASE(test_nop),
	KUNIT_CASE_PARAM(test_copy, span_gen_params),
	KUNIT_CASE(test_bad_engine),
	KUNIT_CASE_PARAM(test_fill, span_gen_params),
	KUNIT_CASE_PARAM(test_compare, span_gen_params),
	KUNIT_CASE(test_fetch_add),
	KUNIT_CASE(test_lists),
	KUNIT_CASE(test_longest_list),
	KUNIT_CASE_PARAM(test_bad_descriptor, bad_gen_params),
	KUNIT_CASE(test_failed_request),
	KUNIT_CASE(test_pasid),
	{}
};

static struct kunit_suite endpoint_suite = {
	.name = "iommu_sim_endpoint",
	.test_cases = endpoint_cases,
};

kunit_test_suite(endpoint_suite);
