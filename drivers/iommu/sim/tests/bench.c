// SPDX-License-Identifier: GPL-2.0-only
/* The test bench of the silicon: see bench.h */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "compat.h"

static ulong test_seed;
module_param(test_seed, ulong, 0444);
MODULE_PARM_DESC(test_seed, "seed of the random KUnit tests (default 0: a new one each time)");

static uint test_percent = 100;
module_param(test_percent, uint, 0444);
MODULE_PARM_DESC(test_percent, "length of the random KUnit tests (default 100)");

/**
 * bench_seed() - what a random test starts from
 * @test: the test; the seed is printed there
 *
 * iommu_sim_hw.test_seed=SEED on the kernel's command line runs it again.
 * Return: the seed.
 */
u64 bench_seed(struct kunit *test)
{
	u64 seed = test_seed ?: get_random_u64();

	kunit_info(test, "iommu_sim_hw.test_seed=%llu\n", seed);
	return seed;
}
EXPORT_SYMBOL_IF_KUNIT(bench_seed);

/**
 * bench_scale() - how often a random test repeats
 * @count: how often by default
 *
 * Return: @count as iommu_sim_hw.test_percent scales it.
 */
unsigned int bench_scale(unsigned int count)
{
	return max(1U, (unsigned int)((u64)count * test_percent / 100));
}
EXPORT_SYMBOL_IF_KUNIT(bench_scale);

const struct sim_hw_config bench_default_config = {
	.cmdqs = 1,
	.iotlb = { .sets_lg2 = 6, .ways = 4 },
	.pwc = { .sets_lg2 = 2, .ways = 4 },
};

KUNIT_DEFINE_ACTION_WRAPPER(free_ram, vfree, const void *);
KUNIT_DEFINE_ACTION_WRAPPER(destroy_hw, sim_hw_destroy, struct iommu_sim_hw *);

static void count_irq(struct iommu_sim_hw *hw)
{
	struct bench *b = container_of(hw->config.ram, struct bench, ram);

	b->irqs++;
}

/**
 * bench_create() - make an instance with memory of its own
 * @test: the test; all is undone when it ends
 * @config: what the instance is made of, without the memory; or NULL
 * @pages: pages of memory
 *
 * Return: the bench. The instance is off.
 */
struct bench *bench_create(struct kunit *test, const struct sim_hw_config *config,
			   unsigned int pages)
{
	struct sim_hw_config full = config ? *config : bench_default_config;
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->test = test;
	b->ram.base = BENCH_RAM;
	b->ram.size = pages * 4096ULL;
	/*
	 * Each vmalloc() area ends in a page that is not mapped, and ours
	 * begins where another one's ends: both sides trap.
	 */
	b->ram.virt = vzalloc(b->ram.size);
	KUNIT_ASSERT_NOT_NULL(test, b->ram.virt);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_ram, b->ram.virt));
	b->next_page = b->ram.base;

	full.ram = &b->ram;
	b->hw = sim_hw_create(&full);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->hw);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_hw, b->hw));
	b->hw->raise_irq = count_irq;
	b->port.hw = b->hw;
	return b;
}

/**
 * bench_machine() - make an instance with the machine's own memory
 * @test: the test; all is undone when it ends
 *
 * For tests of the driver, which have nothing else of the silicon's.
 *
 * Return: the instance. It is off, but for bench_walk().
 */
struct iommu_sim_hw *bench_machine(struct kunit *test)
{
	struct iommu_sim_hw *hw = sim_hw_create(&bench_default_config);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hw);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_hw, hw));
	return hw;
}
EXPORT_SYMBOL_IF_KUNIT(bench_machine);

/**
 * bench_walk() - sim_walk() for tests of the driver
 * @hw: the instance
 * @walk: what to translate, and the answer
 *
 * Return: SIM_EVT_NONE, or the event to report.
 */
enum sim_event_type bench_walk(struct iommu_sim_hw *hw, struct sim_walk *walk)
{
	return sim_walk(hw, walk);
}
EXPORT_SYMBOL_IF_KUNIT(bench_walk);

/**
 * bench_change() - give an instance other caches, and another mode of its queues
 * @hw: the instance; no device sends requests, and nobody commands
 * @config: its iotlb, pwc, mode, latency_ns and npcache are taken over
 *
 * For tests of the driver, which have the instance of the machine. To be undone by a
 * second call, with what &iommu_sim_hw.config was. Return: 0 or a negative error.
 */
int bench_change(struct iommu_sim_hw *hw, const struct sim_hw_config *config)
{
	struct kthread_worker *worker;

	if (config->mode == SIM_CMDQ_THREAD && !hw->worker) {
		worker = kthread_run_worker(0, "iommu-sim-cmdq");
		if (IS_ERR(worker))
			return PTR_ERR(worker);
		hw->worker = worker;
	}
	sim_tlb_destroy(&hw->iotlb);
	sim_tlb_destroy(&hw->pwc);
	memset(&hw->iotlb, 0, sizeof(hw->iotlb));
	memset(&hw->pwc, 0, sizeof(hw->pwc));
	hw->config.iotlb = config->iotlb;
	hw->config.pwc = config->pwc;
	hw->config.mode = config->mode;
	hw->config.latency_ns = config->latency_ns;
	hw->config.npcache = config->npcache;
	return sim_hw_init_caches(hw, config);
}
EXPORT_SYMBOL_IF_KUNIT(bench_change);

/**
 * bench_start() - make an instance and switch it on
 * @test: the test; all is undone when it ends
 * @config: what the instance is made of, without the memory; or NULL
 *
 * It has %BENCH_PAGES of memory, a device table of 512 entries, an event queue
 * of 64, command queues of 16.
 *
 * Return: the bench.
 */
struct bench *bench_start(struct kunit *test, const struct sim_hw_config *config)
{
	struct bench *b = bench_create(test, config, BENCH_PAGES);
	unsigned int i;

	b->devtab = bench_alloc(b, 4);
	bench_set_reg(b, REG_DEVTAB, b->devtab | 9);
	b->evtq = bench_alloc(b, 1);
	b->evtq_lg2 = 6;
	bench_set_reg(b, REG_EVTQ_BASE, b->evtq | b->evtq_lg2);
	bench_set_reg(b, REG_CTRL, CTRL_EN | CTRL_EVTQ_EN);
	KUNIT_ASSERT_EQ(test, bench_reg(b, REG_CTRL), (u64)(CTRL_EN | CTRL_EVTQ_EN));

	for (i = 0; i < b->hw->config.cmdqs && i < BENCH_MAX_CMDQS; i++) {
		b->cmdq[i].base = bench_alloc(b, 1);
		b->cmdq[i].lg2 = 4;
		bench_set_reg(b, REG_CMDQ_BASE(i), b->cmdq[i].base | b->cmdq[i].lg2);
		bench_set_reg(b, REG_CMDQ_CTRL(i), 1);
		KUNIT_ASSERT_EQ(test, bench_reg(b, REG_CMDQ_CTRL(i)), 1ULL);
	}
	return b;
}

/**
 * bench_irqs() - interrupts so far
 * @b: the bench
 *
 * They come a little later than the register access, by irq_work.
 * Context: may sleep. Return: how many.
 */
unsigned int bench_irqs(struct bench *b)
{
	irq_work_sync(&b->hw->irq_work);
	return b->irqs;
}

/**
 * bench_alloc() - take pages of the memory
 * @b: the bench
 * @pages: how many
 *
 * They are never freed; they were zero at the start. Return: their address.
 */
u64 bench_alloc(struct bench *b, unsigned int pages)
{
	u64 pa = b->next_page;

	b->next_page += pages * 4096ULL;
	KUNIT_ASSERT_LE(b->test, b->next_page, bench_ram_end(b));
	return pa;
}

/**
 * bench_ptr() - where the test finds memory
 * @b: the bench
 * @pa: physical address, must be in memory
 *
 * Return: pointer to it.
 */
void *bench_ptr(struct bench *b, u64 pa)
{
	KUNIT_ASSERT_GE(b->test, pa, b->ram.base);
	KUNIT_ASSERT_LT(b->test, pa, bench_ram_end(b));
	return b->ram.virt + (pa - b->ram.base);
}

u64 bench_load(struct bench *b, u64 pa)
{
	return le64_to_cpup(bench_ptr(b, pa));
}

void bench_store(struct bench *b, u64 pa, u64 value)
{
	*(__le64 *)bench_ptr(b, pa) = cpu_to_le64(value);
}

u64 bench_dte_pa(struct bench *b, u16 rid)
{
	return b->devtab + 32 * rid;
}

/**
 * bench_set_dte() - write a device table entry; without invalidation
 * @b: the bench
 * @rid: requester ID
 * @word0: of the entry
 * @word1: of the entry
 */
void bench_set_dte(struct bench *b, u16 rid, u64 word0, u64 word1)
{
	u64 pa = bench_dte_pa(b, rid);

	bench_store(b, pa, 0);
	bench_store(b, pa + 8, word1);
	bench_store(b, pa, word0);
}

/* 2^39 included: it is decoded, though not offered */
const unsigned int bench_sizes[] = {
	12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
};

void bench_size_desc(const unsigned int *size_lg2, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "2^%u", *size_lg2);
}

/* spec 4.2: the level whose span is the largest not above the size */
unsigned int bench_leaf_level(unsigned int size_lg2)
{
	return (size_lg2 - 12) / 9 + 1;
}

/**
 * bench_leaf() - a leaf entry, without rights
 * @pa: address, aligned to the size
 * @size_lg2: 12 to 51
 *
 * Return: the entry.
 */
u64 bench_leaf(u64 pa, unsigned int size_lg2)
{
	unsigned int n;

	if ((size_lg2 - 12) % 9 == 0)
		return PTE_PR | pa;
	/* Bit n = size_lg2 - 1 is the lowest clear one */
	for (n = 12; n < size_lg2 - 1; n++)
		pa |= 1ULL << n;
	return PTE_PR | PTE_NL(7) | pa;
}

/**
 * bench_slot() - find an entry of a page table, making tables on the way
 * @b: the bench
 * @root: address of the highest table
 * @levels: its level
 * @iova: the address whose entry is looked for
 * @level: the level of the entry
 *
 * Return: the entry's address.
 */
u64 bench_slot(struct bench *b, u64 root, unsigned int levels, u64 iova, unsigned int level)
{
	u64 table = root;

	for (;;) {
		u64 slot = table + 8 * ((iova >> (12 + 9 * (levels - 1))) % 512);

		if (levels == level)
			return slot;
		levels--;
		if (!bench_load(b, slot))
			bench_store(b, slot, PTE_PR | PTE_NL(levels) | PTE_RW |
					     bench_alloc(b, 1));
		table = bench_load(b, slot) & 0x000ffffffffff000ULL;
	}
}

/**
 * bench_map() - map a page, in all the entries it fills; without invalidation
 * @b: the bench
 * @root: address of the highest table
 * @levels: its level
 * @iova: address of the page, aligned to the size
 * @pa: physical address, aligned to the size
 * @size_lg2: log2 of the size
 * @flags: other bits of the entry; 0 unmaps
 */
void bench_map(struct bench *b, u64 root, unsigned int levels, u64 iova, u64 pa,
	       unsigned int size_lg2, u64 flags)
{
	unsigned int level = bench_leaf_level(size_lg2), i;
	u64 slot = bench_slot(b, root, levels, iova, level);

	for (i = 0; i < 1U << (size_lg2 - 12) % 9; i++)
		bench_store(b, slot + 8 * i, flags ? bench_leaf(pa, size_lg2) | flags : 0);
}

/**
 * bench_attach() - give a device a domain with an empty page table
 * @b: the bench
 * @rid: requester ID
 * @domain: domain ID
 * @levels: of the page table
 * @flags: DTE_IR, DTE_IW, DTE_HA, DTE_HD
 *
 * Return: address of the highest table.
 */
u64 bench_attach(struct bench *b, u16 rid, u16 domain, unsigned int levels, u64 flags)
{
	u64 root = bench_alloc(b, 1);

	bench_set_dte(b, rid, DTE_V | DTE_TRANSLATE | DTE_LEVELS(levels) | root | flags, domain);
	bench_inv_devtab(b, rid);
	return root;
}

/**
 * bench_cmd() - have a command executed
 * @b: the bench
 * @queue: number of the queue
 * @word0: of the command
 * @word1: of the command
 */
void bench_cmd(struct bench *b, unsigned int queue, u64 word0, u64 word1)
{
	u64 pa = b->cmdq[queue].base + 16 * b->cmdq[queue].tail;

	bench_store(b, pa, word0);
	bench_store(b, pa + 8, word1);
	b->cmdq[queue].tail = (b->cmdq[queue].tail + 1) % (1U << b->cmdq[queue].lg2);
	bench_set_reg(b, REG_CMDQ_TAIL(queue), b->cmdq[queue].tail);
}

/**
 * bench_inv() - invalidate translations and cached tables, and wait
 * @b: the bench
 * @domain: domain ID
 * @iova: an address in the block
 * @size_lg2: log2 of the block's size, 12 to 64; 64 is the whole domain
 */
void bench_inv(struct bench *b, u16 domain, u64 iova, unsigned int size_lg2)
{
	u64 word1 = iova & ~0xfffULL;
	unsigned int n;

	if (size_lg2 > 12) {
		/* spec 6.3.3: bit size_lg2 - 1 clear, those below set */
		for (n = 12; n < size_lg2 - 1; n++)
			word1 |= 1ULL << n;
		word1 &= ~(1ULL << (size_lg2 - 1));
		word1 |= CMD_INV_PAGES_S;
	}
	bench_cmd(b, 0, CMD_INV_PAGES(domain), word1 | CMD_INV_PAGES_PDE);
	bench_cmd(b, 0, CMD_WAIT, 0);
}

void bench_inv_all(struct bench *b)
{
	bench_cmd(b, 0, CMD_INV_ALL, 0);
	bench_cmd(b, 0, CMD_WAIT, 0);
}

void bench_inv_devtab(struct bench *b, u16 rid)
{
	bench_cmd(b, 0, CMD_INV_DEVTAB | rid, 0);
	bench_cmd(b, 0, CMD_WAIT, 0);
}

/**
 * bench_event() - take the next event from the queue
 * @b: the bench
 *
 * Return: the event, of type 0 if there was none.
 */
struct bench_event bench_event(struct bench *b)
{
	struct bench_event event = {};
	u64 pa = b->evtq + 32 * b->evtq_head, word0, word1;

	if (bench_reg(b, REG_EVTQ_TAIL) == b->evtq_head)
		return event;
	word0 = bench_load(b, pa);
	word1 = bench_load(b, pa + 8);
	event.type = word0 >> 60;
	event.rid = word0 & 0xffff;
	event.pasid_valid = word0 >> 52 & 1;
	event.pasid = word0 >> 32 & 0xfffff;
	event.domain = word1 & 0xffff;
	event.flags = word1 >> 16 & 0xffff;
	event.addr = bench_load(b, pa + 16);
	event.info = bench_load(b, pa + 24);

	b->evtq_head = (b->evtq_head + 1) % (1U << b->evtq_lg2);
	bench_set_reg(b, REG_EVTQ_HEAD, b->evtq_head);
	return event;
}

void bench_no_event(struct bench *b)
{
	KUNIT_EXPECT_EQ(b->test, bench_event(b).type, 0U);
}

/**
 * bench_expect_event() - the next event is this one
 * @b: the bench
 * @type: its type
 * @rid: requester ID, or number of the queue
 * @flags: EVTF_*, all of them
 * @addr: word 2
 */
void bench_expect_event(struct bench *b, unsigned int type, unsigned int rid,
			unsigned int flags, u64 addr)
{
	struct bench_event event = bench_event(b);

	KUNIT_EXPECT_EQ(b->test, event.type, type);
	KUNIT_EXPECT_EQ(b->test, event.rid, rid);
	KUNIT_EXPECT_EQ(b->test, event.flags, flags);
	KUNIT_EXPECT_EQ(b->test, event.addr, addr);
}

/**
 * bench_request() - send an untranslated request without PASID
 * @b: the bench
 * @type: enum iommu_sim_tlp_type
 * @rid: requester ID
 * @addr: address
 * @data: payload
 * @len: its length
 *
 * Return: the completion status.
 */
int bench_request(struct bench *b, u8 type, u16 rid, u64 addr, void *data, u32 len)
{
	struct iommu_sim_tlp tlp = {
		.type = type, .rid = rid, .addr = addr, .data = data, .len = len,
	};

	return iommu_sim_tlp_send(&b->port, &tlp);
}

int bench_read(struct bench *b, u16 rid, u64 addr, u64 *value)
{
	return bench_request(b, SIM_TLP_MEM_READ, rid, addr, value, sizeof(*value));
}

int bench_write(struct bench *b, u16 rid, u64 addr, u64 value)
{
	return bench_request(b, SIM_TLP_MEM_WRITE, rid, addr, &value, sizeof(value));
}
