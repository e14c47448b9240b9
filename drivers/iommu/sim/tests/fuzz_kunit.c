// SPDX-License-Identifier: GPL-2.0-only
/*
 * Garbage: whatever software writes into registers, queues and tables, and
 * whatever devices send, the silicon neither crashes nor loops nor reaches
 * beyond its memory. The pages around the bench's memory are not mapped, so
 * that it shows.
 */
#include <linux/sched.h>

#include "bench.h"

#define NR_STEPS	300000

struct fuzz {
	struct bench *b;
	u64 rnd;
	u64 done[16];		/* completion status of requests */
	u8 data[4096];
};

/* Half of them near to where something is */
static u64 random_addr(struct fuzz *f)
{
	u64 r = rnd64(&f->rnd);

	switch (rnd_below(&f->rnd, 5)) {
	case 0:
		return r;
	case 1:		/* around the ends of memory */
		return BENCH_RAM + (r & 1 ? f->b->ram.size : 0) + (r >> 8 & 0x3fff) - 0x2000;
	default:
		return BENCH_RAM + r % f->b->ram.size;
	}
}

static void random_register(struct fuzz *f)
{
	static const u32 offsets[] = {
		REG_CAP, REG_PGSIZES, REG_CTRL, REG_STATUS, REG_DEVTAB, REG_EVTQ_BASE,
		REG_EVTQ_HEAD, REG_EVTQ_TAIL,
		REG_CMDQ_BASE(0), REG_CMDQ_HEAD(0), REG_CMDQ_TAIL(0), REG_CMDQ_CTRL(0),
		REG_CMDQ_STATUS(0),
		REG_CMDQ_BASE(1), REG_CMDQ_TAIL(1), REG_CMDQ_CTRL(1), REG_CMDQ_STATUS(1),
		REG_CMDQ_BASE(2), REG_CMDQ_TAIL(2), REG_CMDQ_CTRL(2),
	};
	u32 offset = offsets[rnd_below(&f->rnd, ARRAY_SIZE(offsets))];
	u64 value = rnd64(&f->rnd);

	if (rnd_chance(&f->rnd, 5))
		offset = rnd64(&f->rnd) >> rnd_below(&f->rnd, 63);
	switch (rnd_below(&f->rnd, 4)) {
	case 0:		/* a base register */
		value = (random_addr(f) & ~0xfffULL) | rnd_below(&f->rnd, 20);
		break;
	case 1:		/* an index */
		value &= 0x1ff;
		break;
	case 2:		/* on, mostly */
		value |= 7;
		break;
	}
	bench_set_reg(f->b, offset, value);
	bench_reg(f->b, offset);
}

/* Something that looks like an entry of one of the tables, or a command */
static u64 random_word(struct fuzz *f)
{
	u64 r = rnd64(&f->rnd), page = random_addr(f) & 0x000ffffffffff000ULL;

	switch (rnd_below(&f->rnd, 8)) {
	case 0:
		return r;
	case 1:
		return DTE_V | DTE_TRANSLATE | DTE_LEVELS(r % 8) | DTE_IR | DTE_IW | page |
		       (r & (DTE_HA | DTE_HD));
	case 2:
		return DTE_V | (r & 0xc) | DTE_IR | DTE_IW;
	case 3:
		return PTE_PR | PTE_NL(r % 8) | PTE_RW | page;
	case 4:
		return CMD_WAIT | (r & 3) | (random_addr(f) & 0x000ffffffffffff8ULL);
	case 5:
		return CMD_INV_PAGES(r % 16);
	case 6:
		return r % 16 << 60 | r >> 60;
	default:
		return 0;
	}
}

static void random_memory(struct fuzz *f)
{
	unsigned int i, nr = rnd_below(&f->rnd, 64);
	u64 at = rnd_below(&f->rnd, f->b->ram.size / 8 - 64);

	for (i = 0; i < nr; i++)
		bench_store(f->b, BENCH_RAM + 8 * (at + i), random_word(f));
}

/* A device that might get something done, and a table for it of one level */
static void random_device(struct fuzz *f)
{
	u16 rid = rnd_below(&f->rnd, 16);
	u64 root = BENCH_RAM + 4096ULL * rnd_below(&f->rnd, BENCH_PAGES);
	unsigned int i;

	bench_store(f->b, bench_dte_pa(f->b, rid) + 16, 0);
	bench_store(f->b, bench_dte_pa(f->b, rid) + 24, 0);
	if (rnd_chance(&f->rnd, 30)) {
		bench_set_dte(f->b, rid, DTE_V | DTE_BYPASS | DTE_IR | DTE_IW, rid);
		return;
	}
	bench_set_dte(f->b, rid, DTE_V | DTE_TRANSLATE | DTE_LEVELS(1) | root | DTE_IR | DTE_IW |
				 (rnd64(&f->rnd) & (DTE_HA | DTE_HD)), rid % 4);
	for (i = 0; i < 64; i++)
		bench_store(f->b, root + 8 * i, rnd_chance(&f->rnd, 10) ? random_word(f) :
			    PTE_PR | PTE_RW | (random_addr(f) & 0x000ffffffffff000ULL));
}

/* As at the start, or soon everything would be off or out of memory for good */
static void repair(struct fuzz *f)
{
	unsigned int q;

	bench_set_reg(f->b, REG_CTRL, 0);
	bench_set_reg(f->b, REG_DEVTAB, f->b->devtab | 9);
	bench_set_reg(f->b, REG_EVTQ_BASE, f->b->evtq | f->b->evtq_lg2);
	for (q = 0; q < f->b->hw->config.cmdqs; q++) {
		bench_set_reg(f->b, REG_CMDQ_CTRL(q), 0);
		bench_set_reg(f->b, REG_CMDQ_BASE(q), f->b->cmdq[q].base | f->b->cmdq[q].lg2);
		bench_set_reg(f->b, REG_CMDQ_CTRL(q), 1);
	}
	bench_set_reg(f->b, REG_STATUS, ~0ULL);
	bench_set_reg(f->b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN | CTRL_INTR_EN);
}

/* Commands where queue @q has them by default; maybe it has, maybe not */
static void random_commands(struct fuzz *f)
{
	unsigned int q = rnd_below(&f->rnd, f->b->hw->config.cmdqs), i;
	u64 base = f->b->cmdq[q].base;

	for (i = 0; i < 16; i++) {
		u64 word0 = rnd64(&f->rnd) & 0x0000000f0000000fULL, word1 = 0;

		switch (rnd_below(&f->rnd, 8)) {
		case 0:
			word0 = random_word(f);
			break;
		case 1:
			word0 |= CMD_INV_DEVTAB;
			word0 &= ~0xf00000000ULL;
			break;
		case 2:
			word0 = CMD_INV_ALL;
			break;
		case 3 ... 5:
			word0 |= CMD_INV_PAGES(0);
			word1 = (rnd64(&f->rnd) & rnd64(&f->rnd) & ~0xfffULL) | (word0 & 3);
			break;
		default:
			word0 = CMD_WAIT | (word0 & 1) | (random_addr(f) & 0x000ffffffffffff8ULL);
		}
		bench_store(f->b, base + 16 * i, word0);
		bench_store(f->b, base + 16 * i + 8, word1);
	}
	bench_set_reg(f->b, REG_CMDQ_TAIL(q), rnd_below(&f->rnd, 16));
}

static void random_request(struct fuzz *f)
{
	struct iommu_sim_tlp tlp = {
		.type = rnd_below(&f->rnd, rnd_chance(&f->rnd, 5) ? 256 : 3),
		.at = rnd_chance(&f->rnd, 5) ? rnd_below(&f->rnd, 4) : 0,
		.rid = rnd64(&f->rnd) >> rnd_below(&f->rnd, 63),
		.flags = rnd_chance(&f->rnd, 5) ? rnd_below(&f->rnd, 8) : 0,
		.pasid = rnd64(&f->rnd),
		.len = 1U << rnd_below(&f->rnd, 13),
		.addr = random_addr(f),
		.data = f->data,
	};

	if (rnd_chance(&f->rnd, 80))
		tlp.rid %= 16;
	if (rnd_chance(&f->rnd, 50))
		tlp.addr %= 64 * 4096;
	if (rnd_chance(&f->rnd, 20))
		tlp.len = rnd64(&f->rnd) >> rnd_below(&f->rnd, 63);
	if (rnd_chance(&f->rnd, 80))
		tlp.addr &= ~(u64)(min(tlp.len, 4096U) - 1);
	f->done[iommu_sim_tlp_send(&f->b->port, &tlp) & 15]++;
}

static void test_garbage(struct kunit *test)
{
	static const struct sim_hw_config config = {
		.cmdqs = 3, .iotlb = { 2, 2 }, .npcache = true,
	};
	struct fuzz *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i, nr = bench_scale(NR_STEPS);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->b = bench_start(test, &config);
	f->rnd = bench_seed(test);
	for (i = 0; i < nr; i++) {
		switch (rnd_below(&f->rnd, 16)) {
		case 0:
			random_memory(f);
			break;
		case 1 ... 3:
			random_register(f);
			break;
		case 4:
			random_device(f);
			break;
		case 5:
			random_commands(f);
			break;
		case 6:
			repair(f);
			break;
		default:
			random_request(f);
		}
		cond_resched();
	}

	/* Each kind of completion was seen, and no other */
	kunit_info(test, "%llu done, %llu unsupported, %llu aborted, %u interrupts\n",
		   f->done[CPL_SUCCESS], f->done[CPL_UNSUPPORTED], f->done[CPL_ABORT],
		   bench_irqs(f->b));
	KUNIT_EXPECT_GT(test, f->done[CPL_SUCCESS], nr / 1000);
	KUNIT_EXPECT_GT(test, f->done[CPL_UNSUPPORTED], nr / 1000);
	KUNIT_EXPECT_GT(test, f->done[CPL_ABORT], nr / 1000);
	for (i = 0; i < ARRAY_SIZE(f->done); i++)
		if (i != CPL_SUCCESS && i != CPL_UNSUPPORTED && i != CPL_ABORT)
			KUNIT_EXPECT_EQ_MSG(test, f->done[i], 0, "status %u", i);
	KUNIT_EXPECT_GT(test, sim_stat_read(&f->b->hw->stats, SIM_STAT_CMDS), nr / 1000);
	KUNIT_EXPECT_GT(test, sim_stat_read(&f->b->hw->stats, SIM_STAT_CMD_ERRORS), nr / 1000);
	KUNIT_EXPECT_GT(test, sim_stat_read(&f->b->hw->stats, SIM_STAT_EVENTS), nr / 1000);
	KUNIT_EXPECT_GT(test, sim_stat_read(&f->b->hw->stats, SIM_STAT_TLB_FILLS), nr / 1000);
}

/* Queues full of garbage, one command after the other, with recovery from each */
static void test_garbage_commands(struct kunit *test)
{
	struct bench *b = bench_start(test, NULL);
	unsigned int i, nr = bench_scale(NR_STEPS), refused = 0;
	u64 rnd = bench_seed(test), base = b->cmdq[0].base;
	u32 head;

	for (i = 0; i < nr; i++) {
		u64 op = rnd_chance(&rnd, 50) ? rnd_below(&rnd, 4) : rnd_below(&rnd, 16);
		/* Fewer bits, or there would always be a reserved one */
		u64 word0 = rnd64(&rnd) & rnd64(&rnd) & rnd64(&rnd) & rnd64(&rnd);
		u64 word1 = rnd_chance(&rnd, 50) ? 0 : rnd64(&rnd) | rnd64(&rnd);

		if (op == 1)	/* it may store where the bench has nothing */
			word0 = (word0 & 0xff00000000000003ULL) | (bench_ram_end(b) - 4096);
		bench_cmd(b, 0, (word0 & ~(15ULL << 60)) | op << 60, word1);
		if (!(bench_reg(b, REG_CMDQ_STATUS(0)) & 1)) {
			KUNIT_ASSERT_EQ(test, bench_reg(b, REG_CMDQ_HEAD(0)), b->cmdq[0].tail);
			continue;
		}
		refused++;
		KUNIT_ASSERT_EQ(test, bench_event(b).type, EVT_ILLEGAL_COMMAND);
		head = bench_reg(b, REG_CMDQ_HEAD(0));
		bench_store(b, base + 16 * head, CMD_WAIT);
		bench_set_reg(b, REG_CMDQ_STATUS(0), 1);
		cond_resched();
	}
	bench_no_event(b);
	kunit_info(test, "%u commands, %u of them refused\n", i, refused);
	KUNIT_EXPECT_GT(test, refused, nr / 10);
	KUNIT_EXPECT_GT(test, nr - refused, nr / 10);
}

static struct kunit_case fuzz_cases[] = {
	KUNIT_CASE(test_garbage),
	KUNIT_CASE(test_garbage_commands),
	{}
};

static struct kunit_suite fuzz_suite = {
	.name = "iommu_sim_fuzz",
	.test_cases = fuzz_cases,
};

kunit_test_suite(fuzz_suite);
