// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs through the kernel's interfaces: each access lands where its PASID says, or
 * faults, and never elsewhere, with and without ATS.
 */
#include <kunit/visibility.h>
#include <linux/kthread.h>
#include <linux/mm.h>

#include "pt_race.h"

#define NR		16
#define NR_DEVICES	2
#define IOVA		0x40000000UL
#define NR_STEPS	400	/* attaches and detaches */

/* Far from each other, and several in one table */
static const u32 pasids[NR] = {
	1, 2, 3, 255, 256, 257, 0x1000, 0x1001, 0x10000, 0x54321, 0x7ffff, 0x80000, 0xabcde,
	0xffffd, 0xffffe, 0xfffff,
};

enum state { DETACHED, CHANGING, ATTACHED };

/**
 * struct pasid_bench - an endpoint and its PASIDs
 * @r: the endpoint; its own domain is attached without a PASID
 * @domain: of each PASID
 * @mem: what each maps at IOVA: its number is everywhere in it
 * @attached: whose it is
 * @state: what is to be expected, and how often it has changed
 * @good: accesses that got where they should
 * @faults: that did not get anywhere
 */
struct pasid_bench {
	struct pt_race *r;
	struct iommu_domain *domain[NR];
	u64 *mem[NR];
	bool attached[NR];
	u64 state[NR];
	atomic_t good;
	atomic_t faults;
};

static struct device *dev_of(struct pasid_bench *b)
{
	return &b->r->client->pdev->dev;
}

static int pasid_init(struct kunit *test)
{
	struct pasid_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->r = pt_race_create(test);
	test->priv = b;
	return 0;
}

static void detach(struct pasid_bench *b, unsigned int i)
{
	iommu_detach_device_pasid(b->domain[i], dev_of(b), pasids[i]);
	b->attached[i] = false;
}

static void pasid_exit(struct kunit *test)
{
	struct pasid_bench *b = test->priv;
	unsigned int i;

	if (!b)
		return;
	pt_race_stop(b->r);
	for (i = 0; i < NR; i++) {
		if (b->attached[i])
			detach(b, i);
		if (b->domain[i])
			iommu_domain_free(b->domain[i]);
		free_page((unsigned long)b->mem[i]);
	}
	((struct sim_device *)dev_iommu_priv_get(dev_of(b)))->ats_supported = true;
	pt_race_destroy(b->r);
}

static u64 value_of(unsigned int i)
{
	return 0x0101010101010101ULL * (i + 1);
}

static void make_domains(struct pasid_bench *b)
{
	struct kunit *test = b->r->test;
	unsigned int i, w;

	for (i = 0; i < NR; i++) {
		b->mem[i] = (u64 *)get_zeroed_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b->mem[i]);
		for (w = 0; w < PAGE_SIZE / 8; w++)
			b->mem[i][w] = value_of(i);
		b->domain[i] = iommu_paging_domain_alloc(dev_of(b));
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->domain[i]);
		KUNIT_ASSERT_EQ(test, iommu_map(b->domain[i], IOVA, virt_to_phys(b->mem[i]),
						PAGE_SIZE, RACE_RW, GFP_KERNEL), 0);
	}
}

static void attach(struct pasid_bench *b, unsigned int i)
{
	KUNIT_ASSERT_EQ(b->r->test, iommu_attach_device_pasid(b->domain[i], dev_of(b), pasids[i],
							      NULL), 0);
	b->attached[i] = true;
}

static bool access(struct pasid_bench *b, enum iommu_sim_tlp_type type, unsigned int i, u64 word,
		   u64 *value)
{
	return pt_race_endpoint_dma(b->r, type, IOVA + word * 8, value, 8, pasids[i]);
}

/* One after the other: nothing before, its own memory while attached, nothing after */
static void attach_detach_test(struct kunit *test)
{
	struct pasid_bench *b = test->priv;
	unsigned int i, n;
	u64 value;

	make_domains(b);
	pt_race_attach(b->r);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_FALSE(test, access(b, SIM_TLP_MEM_READ, i, 0, &value));
		attach(b, i);
		for (n = 0; n <= i; n++) {
			value = 0;
			KUNIT_EXPECT_TRUE(test, access(b, SIM_TLP_MEM_READ, n, 0, &value));
			KUNIT_EXPECT_EQ(test, value, value_of(n));
		}
	}
	/* Each has a page table of its own */
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain[3], IOVA, PAGE_SIZE), PAGE_SIZE);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_EQ(test, access(b, SIM_TLP_MEM_READ, i, 0, &value), i != 3);
	for (i = 0; i < NR; i++) {
		detach(b, i);
		KUNIT_EXPECT_FALSE(test, access(b, SIM_TLP_MEM_READ, i, 0, &value));
	}
}

/* A descriptor names its PASID; the rings of the channel have none */
static void descriptor_test(struct kunit *test)
{
	struct pasid_bench *b = test->priv;
	struct iommu_sim_desc d = {
		.op = IOMMU_SIM_OP_FILL, .flags = IOMMU_SIM_DESC_PASID,
		.len = cpu_to_le32(PAGE_SIZE), .dst = cpu_to_le64(IOVA),
		.operand = cpu_to_le64(0x5a5a5a5a5a5a5a5aULL),
	};
	unsigned int i;

	make_domains(b);
	pt_race_attach(b->r);
	attach(b, 4);
	attach(b, 5);
	for (i = 4; i < 7; i++) {
		d.pasid = cpu_to_le32(pasids[i]);
		KUNIT_EXPECT_EQ(test, client_run(b->r->client, &d, NULL),
				i < 6 ? IOMMU_SIM_OK : IOMMU_SIM_ERR_WRITE);
	}
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_EQ_MSG(test, b->mem[i][7],
				    i == 4 || i == 5 ? 0x5a5a5a5a5a5a5a5aULL : value_of(i),
				    "memory of PASID %u", i);
}

static int faulting_pasid;

static int fault_handler(struct iommu_domain *domain, struct device *dev, unsigned long iova,
			 int flags, void *token)
{
	struct pasid_bench *b = token;
	unsigned int i;

	for (i = 0; i < NR; i++)
		if (b->domain[i] == domain && iova == IOVA + PAGE_SIZE)
			WRITE_ONCE(faulting_pasid, i);
	return 0;
}

/* A fault is reported to who has the domain of the PASID */
static void fault_test(struct kunit *test)
{
	struct pasid_bench *b = test->priv;
	unsigned int i, ms;
	u64 value;

	make_domains(b);
	pt_race_attach(b->r);
	for (i = 0; i < 3; i++) {
		iommu_set_fault_handler(b->domain[i], fault_handler, b);
		attach(b, i);
	}
	for (i = 0; i < 3; i++) {
		WRITE_ONCE(faulting_pasid, -1);
		KUNIT_EXPECT_FALSE(test, access(b, SIM_TLP_MEM_READ, i, PAGE_SIZE / 8, &value));
		for (ms = 0; ms < 2000 && READ_ONCE(faulting_pasid) < 0; ms++)
			schedule_timeout_uninterruptible(1);
		KUNIT_EXPECT_EQ(test, READ_ONCE(faulting_pasid), i);
	}
}

/* What cannot be: PASIDs that the device does not have, or twice */
static void refused_test(struct kunit *test)
{
	struct pasid_bench *b = test->priv;

	make_domains(b);
	pt_race_attach(b->r);
	KUNIT_EXPECT_EQ(test, iommu_attach_device_pasid(b->domain[0], dev_of(b), 1 << 20, NULL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, iommu_attach_device_pasid(b->domain[0], dev_of(b), 0, NULL), -EINVAL);
	attach(b, 0);
	KUNIT_EXPECT_EQ(test, iommu_attach_device_pasid(b->domain[1], dev_of(b), pasids[0], NULL),
			-EBUSY);
}

static u64 atc_cmds(struct pasid_bench *b)
{
	return sim_stat_read(&b->r->iommu->hw->stats, SIM_STAT_CMD_INV_ATC);
}

/* As many PASIDs as may use a domain; a flush of it asks the device once */
static void many_users_test(struct kunit *test)
{
	struct pasid_bench *b = test->priv;
	struct iommu_domain *d;
	unsigned int nr, i;
	u64 before;
	int ret;

	make_domains(b);
	d = b->domain[0];
	pt_race_attach(b->r);
	for (nr = 0; nr <= SIM_MAX_USERS; nr++) {
		ret = iommu_attach_device_pasid(d, dev_of(b), 1 + nr, NULL);
		if (ret)
			break;
	}
	KUNIT_EXPECT_EQ(test, nr, SIM_MAX_USERS);
	KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
	before = atc_cmds(b);
	KUNIT_EXPECT_EQ(test, sim_flush_domain(to_sim_domain(d)), 0);
	KUNIT_EXPECT_EQ(test, atc_cmds(b) - before, 1);
	/* Who goes makes room */
	iommu_detach_device_pasid(d, dev_of(b), 1);
	KUNIT_EXPECT_EQ(test, iommu_attach_device_pasid(d, dev_of(b), 1, NULL), 0);
	for (i = 0; i < nr; i++)
		iommu_detach_device_pasid(d, dev_of(b), 1 + i);
}

/* The driver's part of a replacement: the new domain, and nothing of the old one */
static void replace_test(struct kunit *test)
{
	struct pasid_bench *b = test->priv;
	u64 value = 0;

	make_domains(b);
	pt_race_attach(b->r);
	attach(b, 0);
	KUNIT_EXPECT_TRUE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	KUNIT_EXPECT_EQ(test, b->domain[1]->ops->set_dev_pasid(b->domain[1], dev_of(b), pasids[0],
							       b->domain[0]), 0);
	KUNIT_EXPECT_TRUE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	KUNIT_EXPECT_EQ(test, value, value_of(1));
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain[1], IOVA, PAGE_SIZE), PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	KUNIT_EXPECT_EQ(test, b->domain[0]->ops->set_dev_pasid(b->domain[0], dev_of(b), pasids[0],
							       b->domain[1]), 0);
	KUNIT_EXPECT_TRUE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	KUNIT_EXPECT_EQ(test, value, value_of(0));
}

struct race_case {
	const char *name;
	bool ats;
};

static const struct race_case race_cases[] = {
	{ "with ATS", true }, { "without", false },
};

KUNIT_ARRAY_PARAM_DESC(race, race_cases, name);

/* What a PASID leaves in the caches, of the domain that the device has, too, is no more */
static void leave_test(struct kunit *test)
{
	const struct race_case *c = test->param_value;
	struct pasid_bench *b = test->priv;
	u64 value;

	((struct sim_device *)dev_iommu_priv_get(dev_of(b)))->ats_supported = c->ats;
	make_domains(b);
	pt_race_attach(b->r);
	/* The device's own domain, in place of that of the first PASID */
	swap(b->domain[0], b->r->domain);
	KUNIT_ASSERT_EQ(test, iommu_map(b->domain[0], IOVA, virt_to_phys(b->mem[0]), PAGE_SIZE,
					RACE_RW, GFP_KERNEL), 0);
	attach(b, 0);
	KUNIT_EXPECT_TRUE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	detach(b, 0);
	KUNIT_EXPECT_EQ(test, iommu_unmap(b->domain[0], IOVA, PAGE_SIZE), PAGE_SIZE);
	attach(b, 0);
	KUNIT_EXPECT_FALSE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	KUNIT_ASSERT_EQ(test, iommu_map(b->domain[0], IOVA, virt_to_phys(b->mem[1]), PAGE_SIZE,
					RACE_RW, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, access(b, SIM_TLP_MEM_READ, 0, 0, &value));
	KUNIT_EXPECT_EQ(test, value, value_of(1));
	detach(b, 0);
	swap(b->domain[0], b->r->domain);
}

static void set_state(struct pasid_bench *b, unsigned int i, enum state state)
{
	/* Pairs with smp_load_acquire() in device_thread() */
	smp_store_release(&b->state[i], ((b->state[i] >> 2) + 1) << 2 | state);
	smp_mb();	/* and before what follows, for the second look there */
}

static int device_thread(void *arg)
{
	struct pasid_bench *b = arg;
	u64 rnd = (unsigned long)current, value, before, after, word;
	unsigned int i;
	bool done, write;

	while (!kthread_should_stop()) {
		i = rnd_below(&rnd, NR);
		word = rnd_below(&rnd, PAGE_SIZE / 8);
		write = rnd_chance(&rnd, 30);
		/* Pairs with smp_store_release() in set_state() */
		before = smp_load_acquire(&b->state[i]);
		smp_mb();	/* Pairs with smp_mb() in set_state() */
		value = value_of(i);
		done = access(b, write ? SIM_TLP_MEM_WRITE : SIM_TLP_MEM_READ, i, word, &value);
		smp_mb();	/* likewise */
		after = READ_ONCE(b->state[i]);
		if (done && value != value_of(i))
			pt_race_bad(b->r, "memory of another PASID", pasids[i], value);
		if (before == after && (after & 3) == (done ? DETACHED : ATTACHED))
			pt_race_bad(b->r, done ? "got somewhere though it is detached" :
				    "a fault though it is attached", pasids[i], word);
		atomic_inc(done ? &b->good : &b->faults);
		cond_resched();
	}
	return 0;
}

/* Sixteen PASIDs, attached and detached at random, and accesses by two devices' worth of them */
static void race_test(struct kunit *test)
{
	const struct race_case *c = test->param_value;
	struct pasid_bench *b = test->priv;
	u64 rnd = bench_seed(test);
	unsigned int n, i, w;

	((struct sim_device *)dev_iommu_priv_get(dev_of(b)))->ats_supported = c->ats;
	make_domains(b);
	pt_race_attach(b->r);
	for (i = 0; i < NR_DEVICES; i++)
		pt_race_start(b->r, device_thread, b);
	for (n = 0; n < bench_scale(NR_STEPS); n++) {
		i = rnd_below(&rnd, NR);
		set_state(b, i, CHANGING);
		if (b->attached[i])
			detach(b, i);
		else
			attach(b, i);
		set_state(b, i, b->attached[i] ? ATTACHED : DETACHED);
		schedule_timeout_uninterruptible(1);
	}
	pt_race_stop(b->r);
	kunit_info(test, "%d accesses, %d faults\n", atomic_read(&b->good),
		   atomic_read(&b->faults));
	KUNIT_EXPECT_EQ(test, atomic_read(&b->r->bad), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&b->good), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&b->faults), 0);
	for (i = 0; i < NR; i++)
		for (w = 0; w < PAGE_SIZE / 8; w++)
			KUNIT_ASSERT_EQ_MSG(test, b->mem[i][w], value_of(i), "PASID %u word %u", i,
					    w);
}

static struct kunit_case pasid_cases[] = {
	KUNIT_CASE(attach_detach_test),
	KUNIT_CASE(descriptor_test),
	KUNIT_CASE(fault_test),
	KUNIT_CASE(refused_test),
	KUNIT_CASE(many_users_test),
	KUNIT_CASE(replace_test),
	KUNIT_CASE_PARAM(leave_test, race_gen_params),
	KUNIT_CASE_PARAM_ATTR(race_test, race_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite pasid_suite = {
	.name = "iommu_sim_pasid",
	.init = pasid_init,
	.exit = pasid_exit,
	.test_cases = pasid_cases,
};

kunit_test_suite(pasid_suite);
