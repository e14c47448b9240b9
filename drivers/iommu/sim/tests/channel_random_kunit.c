// SPDX-License-Identifier: GPL-2.0-only
/* Random work for the DMA engine, against a model: spec 10.4, 10.5 */
#include <linux/align.h>
#include <linux/prandom.h>

#include "tlp_bench.h"

/**
 * struct random_work - a random descriptor, and what should come of it
 * @rnd: where everything comes from
 * @list: address where a list may be put
 * @src: the source area
 * @dst: what the destination area should contain
 * @d: the descriptor
 * @cpl: the record that it should get
 */
struct random_work {
	struct rnd_state rnd;
	u64 list;
	const u8 *src;
	u8 *dst;
	struct iommu_sim_desc d;
	struct iommu_sim_cpl cpl;
};

static u32 below(struct random_work *w, u32 max)
{
	return prandom_u32_state(&w->rnd) % max;
}

static void random_copy(struct tlp_bench *b, struct random_work *w, u32 dst, u32 len)
{
	u32 from = below(w, SZ_32K), i, n, bytes;

	switch (below(w, 4)) {
	case 0: /* from nowhere */
		w->d.src = cpu_to_le64(TLP_RAM + TLP_RAM_SIZE);
		w->cpl.addr = w->d.src;
		w->cpl.cpl = cpu_to_le32(SIM_CPL_UNSUPPORTED_REQUEST);
		w->cpl.status = cpu_to_le32(IOMMU_SIM_ERR_READ);
		w->cpl.done = 0;
		return;
	case 1: /* from here and there */
		for (i = 0, n = 0; i < len; i += bytes, n++) {
			from = below(w, SZ_32K);
			bytes = n == 200 ? len - i : min(below(w, 400), len - i);
			tlp_bench_put_seg(b, w->list, n, TLP_SRC + from, bytes);
			memcpy(w->dst + dst + i, w->src + from, bytes);
		}
		w->d.flags |= IOMMU_SIM_DESC_SRC_LIST;
		w->d.src = cpu_to_le64(w->list);
		w->d.src_segs = cpu_to_le16(n);
		return;
	default:
		w->d.src = cpu_to_le64(TLP_SRC + from);
		memcpy(w->dst + dst, w->src + from, len);
		return;
	}
}

static void random_compare(struct random_work *w, u32 dst, u32 len)
{
	u32 src = below(w, SZ_32K), done = 0;

	w->d.src = cpu_to_le64(TLP_SRC + src);
	while (done < len && w->src[src + done] == w->dst[dst + done])
		done++;
	w->cpl.done = cpu_to_le32(done);
	if (done < len)
		w->cpl.status = cpu_to_le32(IOMMU_SIM_MISMATCH);
}

static void random_fetch_add(struct random_work *w, u32 dst)
{
	__le64 *p = (__le64 *)(w->dst + ALIGN_DOWN(dst, 8));

	w->d.dst = cpu_to_le64(TLP_DST + ALIGN_DOWN(dst, 8));
	w->d.len = cpu_to_le32(8);
	w->d.operand = cpu_to_le64(~0ULL << below(w, 64));
	w->cpl.done = cpu_to_le32(8);
	w->cpl.result = *p;
	*p = cpu_to_le64(le64_to_cpu(*p) + le64_to_cpu(w->d.operand));
}

static void random_desc(struct tlp_bench *b, struct random_work *w)
{
	u32 dst = below(w, SZ_32K), len = 1 + below(w, below(w, 4) ? 300 : SZ_32K), i;

	w->d = (struct iommu_sim_desc) {
		.op = below(w, 6),
		.flags = below(w, 4) ? 0 : IOMMU_SIM_DESC_INTR,
		.dst = cpu_to_le64(TLP_DST + dst),
		.len = cpu_to_le32(len),
	};
	w->cpl = (struct iommu_sim_cpl) {
		.done = cpu_to_le32(len),
		.status = cpu_to_le32(IOMMU_SIM_OK),
	};
	switch (w->d.op) {
	case IOMMU_SIM_OP_NOP:
		w->cpl.done = 0;
		break;
	case IOMMU_SIM_OP_COPY:
		random_copy(b, w, dst, len);
		break;
	case IOMMU_SIM_OP_FILL:
		w->d.operand = cpu_to_le64(0x0123456789abcdef * below(w, 1000));
		for (i = 0; i < len; i++)
			w->dst[dst + i] = le64_to_cpu(w->d.operand) >> 8 * (i % 8);
		break;
	case IOMMU_SIM_OP_COMPARE:
		random_compare(w, dst, len);
		break;
	case IOMMU_SIM_OP_FETCH_ADD:
		random_fetch_add(w, dst);
		break;
	default:
		w->cpl.done = 0;
		w->cpl.status = cpu_to_le32(IOMMU_SIM_ERR_DESC);
		break;
	}
}

/* Batches of random work against a model; whatever was submitted has ended */
static void test_random(struct kunit *test)
{
	struct tlp_bench *b = tlp_bench_started(test, 3);
	const struct sim_channel_stats *s = &b->ep->ch[0].stats;
	struct random_work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct iommu_sim_cpl expected[8];
	u32 tail = 0, batch, i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	prandom_seed_state(&w->rnd, tlp_bench_seed(test));
	w->src = tlp_ptr(b, TLP_SRC);
	w->dst = kunit_kzalloc(test, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->dst);
	while (tail < 500) {
		batch = 1 + below(w, 8);
		for (i = 0; i < batch; i++) {
			w->list = TLP_LIST + i * SZ_8K + 16 * below(w, 256);
			random_desc(b, w);
			w->cpl.number = cpu_to_le32(tail + i);
			expected[i] = w->cpl;
			tlp_bench_put(b, 0, tail + i, &w->d);
		}
		tlp_bench_run(b, 0, tail + batch);
		for (i = 0; i < batch; i++)
			KUNIT_ASSERT_MEMEQ(test, tlp_cpl(b, 0, (tail + i) % 8), &expected[i],
					   sizeof(expected[i]));
		tail += batch;
	}
	KUNIT_EXPECT_MEMEQ(test, tlp_ptr(b, TLP_DST), w->dst, SZ_64K);
	KUNIT_EXPECT_EQ(test, s->submitted, tail);
	KUNIT_EXPECT_EQ(test, s->completed + s->errors, tail);
	KUNIT_EXPECT_EQ(test, s->errors, tlp_ch_read(b, 0, IOMMU_SIM_CH_ERRORS));
	KUNIT_EXPECT_EQ(test, s->tlps + s->msis, b->nr);
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE(test_random),
	{}
};

static struct kunit_suite random_suite = {
	.name = "iommu_sim_channel_random",
	.test_cases = random_cases,
};

kunit_test_suite(random_suite);
