// SPDX-License-Identifier: GPL-2.0-only
/* A test bench for endpoints, see tlp_bench.h */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/vmalloc.h>

#include "tlp_bench.h"

static ulong test_seed;
module_param(test_seed, ulong, 0444);
MODULE_PARM_DESC(test_seed, "seed of the random KUnit tests (default 0: a new one each time)");

/**
 * tlp_bench_seed() - what a random test starts from
 * @test: the test; the seed is printed there
 *
 * iommu_sim_pci.test_seed=SEED on the kernel's command line runs it again.
 *
 * Return: the seed
 */
u64 tlp_bench_seed(struct kunit *test)
{
	u64 seed = test_seed ?: get_random_u64();

	kunit_info(test, "iommu_sim_pci.test_seed=%llu\n", seed);
	return seed;
}

/* Off until a test turns it on */
static const struct sim_tlb_config tlp_bench_atc = { .sets_lg2 = 4, .ways = 4 };

static bool is_msi(const struct iommu_sim_tlp *tlp)
{
	return tlp->type == SIM_TLP_MEM_WRITE && tlp->addr == TLP_MSI && tlp->len == 4;
}

/* spec 8.1, and that all but an MSI are sent with interrupts off */
static bool malformed(const struct tlp_bench *b, const struct iommu_sim_tlp *tlp)
{
	if (!tlp->len || tlp->len > 4096 || tlp->rid != TLP_RID || !tlp->data)
		return true;
	if (tlp->at && !b->ats)
		return true;
	/* spec 8.5 */
	if (tlp->at == SIM_AT_TRANSLATION_REQUEST &&
	    (tlp->type != SIM_TLP_MEM_READ || tlp->len != 8 || tlp->addr % 4096))
		return true;
	if (tlp->at == SIM_AT_TRANSLATED && tlp->flags)
		return true;
	if (tlp->addr / 4096 != (tlp->addr + tlp->len - 1) / 4096)
		return true;
	if (tlp->type == SIM_TLP_FETCH_ADD &&
	    ((tlp->len != 4 && tlp->len != 8) || tlp->addr % tlp->len))
		return true;
	if (!(tlp->flags & SIM_TLP_PASID) && tlp->pasid)
		return true;
	return irqs_disabled() == is_msi(tlp);
}

/* Returns its number, from 1 on */
static unsigned int log_tlp(struct tlp_bench *b, const struct iommu_sim_tlp *tlp)
{
	u32 head = tlp_ch_read(b, 0, IOMMU_SIM_CH_HEAD);
	bool bad = malformed(b, tlp);
	unsigned long flags;
	unsigned int nr;

	raw_spin_lock_irqsave(&b->lock, flags);
	if (b->nr < TLP_LOG_SIZE) {
		struct tlp_rec *r = &b->log[b->nr];

		r->tlp = *tlp;
		r->head = head;
		r->data = tlp->type == SIM_TLP_MEM_WRITE && tlp->len >= 4 ?
			  get_unaligned_le32(tlp->data) : 0;
	}
	nr = ++b->nr;
	b->malformed += bad;
	b->late += b->quiet;
	raw_spin_unlock_irqrestore(&b->lock, flags);
	return nr;
}

static void access_ram(struct tlp_bench *b, struct iommu_sim_tlp *tlp)
{
	void *p = tlp_ptr(b, tlp->addr);
	u64 old;

	switch (tlp->type) {
	case SIM_TLP_MEM_READ:
		memcpy(tlp->data, p, tlp->len);
		break;
	case SIM_TLP_MEM_WRITE:
		memcpy(p, tlp->data, tlp->len);
		break;
	case SIM_TLP_FETCH_ADD:
		if (tlp->len == 8) {
			old = get_unaligned_le64(p);
			put_unaligned_le64(old + get_unaligned_le64(tlp->data), p);
			put_unaligned_le64(old, tlp->data);
		} else {
			old = get_unaligned_le32(p);
			put_unaligned_le32(old + get_unaligned_le32(tlp->data), p);
			put_unaligned_le32(old, tlp->data);
		}
		break;
	}
}

static enum iommu_sim_tlp_status answer(struct tlp_bench *b, const struct iommu_sim_tlp *tlp)
{
	enum iommu_sim_tlp_status status = SIM_CPL_SUCCESS;
	u64 entry = tlp->addr | SIM_ATS_R | SIM_ATS_W;

	b->asked++;
	if (b->translate)
		entry = b->translate(b, tlp, &status);
	put_unaligned_le64(entry, tlp->data);
	return status;
}

static enum iommu_sim_tlp_status bench_send(struct sim_upstream *up, struct iommu_sim_tlp *tlp)
{
	struct tlp_bench *b = container_of(up, struct tlp_bench, up);
	unsigned int nr;

	/* Comes in whatever context asked for it */
	if (tlp->type == SIM_TLP_INV_COMPLETION) {
		b->completions++;
		b->completed = tlp->tag;
		return tlp->len == 1 ? SIM_CPL_SUCCESS : SIM_CPL_UNSUPPORTED_REQUEST;
	}
	nr = log_tlp(b, tlp);
	swake_up_one(&b->wait);
	/*
	 * A write from inside a request, as from another CPU at that moment;
	 * this request is under way, so it is the last that is allowed. Two of
	 * them, on two CPUs, would wait for each other.
	 */
	if (nr == b->stop_at) {
		sim_cfg_write(b->ep, b->stop_offset, 4, b->stop_value);
		b->quiet = true;
	}

	if (tlp->at == SIM_AT_TRANSLATION_REQUEST)
		return answer(b, tlp);
	b->translated += tlp->at == SIM_AT_TRANSLATED;
	if (is_msi(tlp))
		return SIM_CPL_SUCCESS;
	if (b->fail_addr && tlp->addr <= b->fail_addr && b->fail_addr < tlp->addr + tlp->len)
		return b->fail_status;
	if (tlp->addr < TLP_RAM || tlp->addr + tlp->len > TLP_RAM + TLP_RAM_SIZE)
		return SIM_CPL_UNSUPPORTED_REQUEST;
	access_ram(b, tlp);
	return SIM_CPL_SUCCESS;
}

static bool bench_is_up(const struct sim_upstream *up)
{
	return !container_of_const(up, struct tlp_bench, up)->down;
}

static void bench_vfree(void *p)
{
	vfree(p);
}

static void *bench_alloc(struct kunit *test, size_t size)
{
	void *p = vzalloc(size);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bench_vfree, p), 0);
	return p;
}

static void bench_destroy(void *data)
{
	struct tlp_bench *b = data;

	sim_endpoint_destroy(b->ep);
	KUNIT_EXPECT_EQ(b->test, b->malformed, 0);
	KUNIT_EXPECT_EQ(b->test, b->late, 0);
}

/**
 * tlp_bench_create() - a bench with an endpoint, bus master and MSI enabled
 * @test: the test; the bench goes when it ends
 *
 * Return: the bench
 */
struct tlp_bench *tlp_bench_create(struct kunit *test)
{
	struct tlp_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->test = test;
	b->up.send = bench_send;
	b->up.is_up = bench_is_up;
	b->up.inject = &b->inject;
	raw_spin_lock_init(&b->lock);
	init_swait_queue_head(&b->wait);
	b->ram = bench_alloc(test, TLP_RAM_SIZE);
	b->log = bench_alloc(test, TLP_LOG_SIZE * sizeof(*b->log));
	b->ep = sim_endpoint_create(&b->up, TLP_RID, TLP_CHANNELS, &tlp_bench_atc);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b->ep);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bench_destroy, b), 0);
	tlp_bench_arm(b);
	return b;
}

/**
 * tlp_bench_arm() - enable bus mastering and 8 MSI vectors, as after a reset
 * @b: the bench; its log is cleared and requests may come
 */
void tlp_bench_arm(struct tlp_bench *b)
{
	b->stop_at = 0;
	b->quiet = false;
	b->nr = 0;
	sim_cfg_write(b->ep, 0x44, 2, 0);
	sim_cfg_write(b->ep, 0x54, 4, TLP_MSI);
	sim_cfg_write(b->ep, 0x5c, 2, TLP_MSI_DATA);
	sim_cfg_write(b->ep, 0x52, 2, 0x1 | 3 << 4);
	/* PASID control */
	sim_cfg_write(b->ep, 0x126, 2, 1);
	tlp_bus_master(b, true);
}

/**
 * tlp_bench_start() - configure a channel and enable it, with vector 1 + @ch
 * @b: the bench
 * @ch: the channel
 * @size_lg2: log2 of the size of its rings
 */
void tlp_bench_start(struct tlp_bench *b, unsigned int ch, unsigned int size_lg2)
{
	tlp_ch_write(b, ch, IOMMU_SIM_CH_RING_LO, lower_32_bits(TLP_RING(ch)));
	tlp_ch_write(b, ch, IOMMU_SIM_CH_RING_HI, upper_32_bits(TLP_RING(ch)));
	tlp_ch_write(b, ch, IOMMU_SIM_CH_CPL_LO, lower_32_bits(TLP_CPL(ch)));
	tlp_ch_write(b, ch, IOMMU_SIM_CH_CPL_HI, upper_32_bits(TLP_CPL(ch)));
	tlp_ch_write(b, ch, IOMMU_SIM_CH_RING_LG2, size_lg2);
	tlp_ch_write(b, ch, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_EN | IOMMU_SIM_CH_CTRL_INTR |
		     (1 + ch) << 8);
}

/**
 * tlp_bench_started() - a bench with channel 0 enabled, and a source to copy
 * @test: the test
 * @size_lg2: log2 of the size of the rings
 *
 * Return: the bench
 */
struct tlp_bench *tlp_bench_started(struct kunit *test, unsigned int size_lg2)
{
	struct tlp_bench *b = tlp_bench_create(test);
	u8 *src = tlp_ptr(b, TLP_SRC);
	unsigned int i;

	for (i = 0; i < TLP_AREA; i++)
		src[i] = i * 7 + (i >> 8);
	tlp_bench_start(b, 0, size_lg2);
	return b;
}

/**
 * tlp_bench_stop_at() - have a register written during a request
 * @b: the bench; its log is cleared
 * @nr: during which, counting from 1
 * @offset: where in configuration space
 * @value: 4 bytes
 */
void tlp_bench_stop_at(struct tlp_bench *b, unsigned int nr, unsigned int offset, u32 value)
{
	b->nr = 0;
	b->quiet = false;
	b->stop_offset = offset;
	b->stop_value = value;
	b->stop_at = nr;
}

/**
 * tlp_bench_put() - put a descriptor into a ring
 * @b: the bench
 * @ch: the channel
 * @number: of the descriptor
 * @desc: the descriptor
 */
void tlp_bench_put(struct tlp_bench *b, unsigned int ch, u32 number,
		   const struct iommu_sim_desc *desc)
{
	u32 index = number & (BIT(tlp_ch_read(b, ch, IOMMU_SIM_CH_RING_LG2)) - 1);

	memcpy(tlp_ptr(b, TLP_RING(ch) + 64 * index), desc, 64);
}

/**
 * tlp_bench_put_seg() - write an entry of a scatter list
 * @b: the bench
 * @list: address of the list
 * @i: index of the entry
 * @addr: of the segment
 * @len: of the segment
 */
void tlp_bench_put_seg(struct tlp_bench *b, u64 list, unsigned int i, u64 addr, u32 len)
{
	struct iommu_sim_seg *seg = (struct iommu_sim_seg *)tlp_ptr(b, list) + i;

	*seg = (struct iommu_sim_seg) { .addr = cpu_to_le64(addr), .len = cpu_to_le32(len) };
}

static bool bench_reached(struct tlp_bench *b, unsigned int ch, u32 head)
{
	return tlp_ch_read(b, ch, IOMMU_SIM_CH_HEAD) == head;
}

/**
 * tlp_bench_run() - ring the doorbell and wait until all is done
 * @b: the bench
 * @ch: the channel
 * @tail: the doorbell
 */
void tlp_bench_run(struct tlp_bench *b, unsigned int ch, u32 tail)
{
	unsigned int i;

	tlp_ch_write(b, ch, IOMMU_SIM_CH_TAIL, tail);
	/* For two seconds; a request is a reason to look again */
	for (i = 0; i < 2 * HZ && !bench_reached(b, ch, tail); i++)
		swait_event_idle_timeout_exclusive(b->wait, bench_reached(b, ch, tail), 1);
	KUNIT_EXPECT_TRUE(b->test, bench_reached(b, ch, tail));
	tlp_bench_settle(b);
}

/**
 * tlp_bench_do() - have channel 0, enabled and idle, execute one descriptor
 * @b: the bench
 * @desc: the descriptor
 *
 * Return: its completion record
 */
struct iommu_sim_cpl *tlp_bench_do(struct tlp_bench *b, const struct iommu_sim_desc *desc)
{
	u32 number = tlp_ch_read(b, 0, IOMMU_SIM_CH_HEAD);
	u32 mask = BIT(tlp_ch_read(b, 0, IOMMU_SIM_CH_RING_LG2)) - 1;
	struct iommu_sim_cpl *cpl = tlp_cpl(b, 0, number & mask);

	tlp_bench_put(b, 0, number, desc);
	tlp_bench_run(b, 0, number + 1);
	KUNIT_EXPECT_EQ(b->test, le32_to_cpu(cpl->number), number);
	return cpl;
}

/* A thread that was woken may have to wait for a CPU, on a busy machine for long */
static bool threads_sleep(struct tlp_bench *b)
{
	unsigned int i;

	for (i = 0; i < b->ep->nr_channels; i++)
		if (task_is_running(b->ep->ch[i].task))
			return false;
	return true;
}

/**
 * tlp_bench_settle() - wait until no channel has anything to do
 * @b: the bench
 *
 * For two ticks nothing has been sent, and the threads sleep.
 */
void tlp_bench_settle(struct tlp_bench *b)
{
	unsigned int nr;

	do {
		nr = READ_ONCE(b->nr);
		schedule_timeout_uninterruptible(2);
	} while (READ_ONCE(b->nr) != nr || !threads_sleep(b));
}

/**
 * tlp_bench_msis() - count interrupts in the log
 * @b: the bench
 * @data: their data
 *
 * Return: how many
 */
unsigned int tlp_bench_msis(struct tlp_bench *b, u32 data)
{
	unsigned int i, n = 0;

	for (i = 0; i < min_t(unsigned int, b->nr, TLP_LOG_SIZE); i++)
		n += is_msi(&b->log[i].tlp) && b->log[i].data == data;
	return n;
}
