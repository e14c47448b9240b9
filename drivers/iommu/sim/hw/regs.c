// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers (spec 2), and the making of an instance.
 */
#include <linux/slab.h>

#include "compat.h"
#include "hw.h"
#include "iommu-sim-bus.h"
#include "iommu-sim-regfile.h"

const char *const sim_hw_stat_names[SIM_STAT_NR] = {
	[SIM_STAT_READS]		= "reads",
	[SIM_STAT_WRITES]		= "writes",
	[SIM_STAT_ATOMICS]		= "atomics",
	[SIM_STAT_ABORTS]		= "aborts",
	[SIM_STAT_BYTES_READ]		= "bytes_read",
	[SIM_STAT_BYTES_WRITTEN]	= "bytes_written",
	[SIM_STAT_TLB_HITS]		= "iotlb_hits",
	[SIM_STAT_TLB_MISSES]		= "iotlb_misses",
	[SIM_STAT_TLB_FILLS]		= "iotlb_fills",
	[SIM_STAT_TLB_FILLS_DROPPED]	= "iotlb_fills_dropped",
	[SIM_STAT_TLB_EVICTIONS]	= "iotlb_evictions",
	[SIM_STAT_TLB_INVALIDATED]	= "iotlb_entries_invalidated",
	[SIM_STAT_PWC_HITS]		= "pwc_hits",
	[SIM_STAT_PWC_MISSES]		= "pwc_misses",
	[SIM_STAT_PWC_FILLS]		= "pwc_fills",
	[SIM_STAT_PWC_FILLS_DROPPED]	= "pwc_fills_dropped",
	[SIM_STAT_PWC_EVICTIONS]	= "pwc_evictions",
	[SIM_STAT_PWC_INVALIDATED]	= "pwc_entries_invalidated",
	[SIM_STAT_WALKS]		= "walks",
	[SIM_STAT_WALK_READS]		= "walk_reads",
	[SIM_STAT_DEVTAB_READS]		= "devtab_reads",
	[SIM_STAT_CMDS]			= "commands",
	[SIM_STAT_CMD_WAITS]		= "completion_waits",
	[SIM_STAT_CMD_INV_PAGES]	= "invalidate_pages",
	[SIM_STAT_CMD_INV_RANGE]	= "invalidate_range",
	[SIM_STAT_CMD_INV_DOMAIN]	= "invalidate_domain",
	[SIM_STAT_CMD_INV_DEVTAB]	= "invalidate_devtab_entry",
	[SIM_STAT_CMD_INV_ALL]		= "invalidate_all",
	[SIM_STAT_CMD_INV_ATC]		= "invalidate_atc",
	[SIM_STAT_CMD_ERRORS]		= "command_errors",
	[SIM_STAT_ATS_REQUESTS]		= "translation_requests",
	[SIM_STAT_ATS_TRANSLATED]	= "translated_requests",
	[SIM_STAT_ATC_TIMEOUTS]		= "atc_timeouts",
	[SIM_STAT_ATC_LATE]		= "atc_late_completions",
	[SIM_STAT_EVENTS]		= "events",
	[SIM_STAT_EVENTS_LOST]		= "events_lost",
};

/* spec 2.1 */
static const struct sim_reg regs[] = {
	{ SIM_REG_CAP },
	{ SIM_REG_PGSIZES },
	{ SIM_REG_CTRL, .rw = SIM_CTRL_EN | SIM_CTRL_EVTQ_EN | SIM_CTRL_INTR_EN },
	{ SIM_REG_STATUS,
	  .w1c = SIM_STATUS_EVT | SIM_STATUS_EVT_OVERFLOW | SIM_STATUS_CMD_ERROR |
		 SIM_STATUS_COMP_WAIT },
	{ SIM_REG_DEVTAB, .rw = SIM_BASE_ADDR | SIM_BASE_LG2 },
	{ SIM_REG_EVTQ_BASE, .rw = SIM_BASE_ADDR | SIM_BASE_LG2 },
	{ SIM_REG_EVTQ_HEAD, .rw = GENMASK_ULL(15, 0) },
	{ SIM_REG_EVTQ_TAIL },
	{ SIM_REG_ATC_TIMEOUT, .rw = SIM_ATC_TIMEOUT },
};

/* The doorbell first: it is written to all the time */
static const struct sim_reg cmdq_regs[] = {
	{ SIM_CMDQ_TAIL, .rw = GENMASK_ULL(15, 0) },
	{ SIM_CMDQ_BASE, .rw = SIM_BASE_ADDR | SIM_BASE_LG2 },
	{ SIM_CMDQ_HEAD },
	{ SIM_CMDQ_CTRL, .rw = SIM_CMDQ_CTRL_EN },
	{ SIM_CMDQ_STATUS, .w1c = SIM_CMDQ_STATUS_ERR },
};

static const struct sim_reg *find_reg(const struct sim_reg *table, unsigned int nr, u32 offset)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (table[i].offset == offset)
			return &table[i];
	return NULL;
}

/* The queue whose block holds @offset, and the offset in it; NULL if none */
static struct sim_cmdq *find_cmdq(struct iommu_sim_hw *hw, u32 *offset)
{
	u32 n = (*offset - SIM_REG_CMDQ(0)) / SIM_CMDQ_STRIDE;

	/* Below the first, this is a very large number */
	if (n >= hw->config.cmdqs)
		return NULL;
	*offset = (*offset - SIM_REG_CMDQ(0)) % SIM_CMDQ_STRIDE;
	return &hw->cmdq[n];
}

static u64 capabilities(const struct iommu_sim_hw *hw)
{
	return FIELD_PREP(SIM_CAP_VERSION, SIM_VERSION) |
	       FIELD_PREP(SIM_CAP_LEVELS, SIM_MAX_LEVELS) |
	       FIELD_PREP(SIM_CAP_PA_BITS, SIM_PA_BITS) |
	       (hw->config.npcache ? SIM_CAP_NPCACHE : 0) |
	       (hw->config.no_range ? 0 : SIM_CAP_RANGE) |
	       FIELD_PREP(SIM_CAP_CMDQS, hw->config.cmdqs - 1) |
	       FIELD_PREP(SIM_CAP_CMDQ_LG2, SIM_CMDQ_MAX_LG2) |
	       FIELD_PREP(SIM_CAP_EVTQ_LG2, SIM_EVTQ_MAX_LG2) |
	       FIELD_PREP(SIM_CAP_DEVTAB_LG2, SIM_DEVTAB_MAX_LG2) |
	       (hw->config.no_ats ? 0 : SIM_CAP_HAS_ATS) |
	       FIELD_PREP(SIM_CAP_PASID_BITS, SIM_PASID_BITS);
}

static u64 get_reg(const struct iommu_sim_hw *hw, u32 offset)
{
	switch (offset) {
	case SIM_REG_CAP:
		return capabilities(hw);
	case SIM_REG_PGSIZES:
		return SIM_PGSIZES;
	case SIM_REG_CTRL:
		return hw->ctrl;
	case SIM_REG_STATUS:
		return hw->status;
	case SIM_REG_DEVTAB:
		return hw->devtab;
	case SIM_REG_EVTQ_BASE:
		return hw->evtq_base;
	case SIM_REG_EVTQ_HEAD:
		return hw->evtq_head;
	case SIM_REG_EVTQ_TAIL:
		return hw->evtq_tail;
	case SIM_REG_ATC_TIMEOUT:
		return hw->atc_timeout;
	default:
		return U64_MAX;
	}
}

static u64 get_cmdq_reg(const struct sim_cmdq *q, u32 offset)
{
	switch (offset) {
	case SIM_CMDQ_BASE:
		return q->base;
	case SIM_CMDQ_HEAD:
		return q->head;
	case SIM_CMDQ_TAIL:
		return q->tail;
	case SIM_CMDQ_CTRL:
		return q->ctrl;
	case SIM_CMDQ_STATUS:
		return q->status;
	default:
		return U64_MAX;
	}
}

/**
 * iommu_sim_mmio_read() - read a register
 * @hw: the instance
 * @offset: of the register, spec 2.1
 *
 * Context: any. Return: its value, or all ones if there is none at @offset.
 */
u64 iommu_sim_mmio_read(struct iommu_sim_hw *hw, u32 offset)
{
	struct sim_cmdq *q = find_cmdq(hw, &offset);
	raw_spinlock_t *lock = q ? &q->lock : &hw->lock;
	unsigned long flags;
	u64 value;

	raw_spin_lock_irqsave(lock, flags);
	if (q && offset == SIM_CMDQ_HEAD)
		sim_cmdq_help(q);
	value = q ? get_cmdq_reg(q, offset) : get_reg(hw, offset);
	raw_spin_unlock_irqrestore(lock, flags);
	return value;
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_read);

static bool lg2_valid(u64 base, unsigned int max)
{
	unsigned int lg2 = FIELD_GET(SIM_BASE_LG2, base);

	return lg2 >= SIM_CMDQ_MIN_LG2 && lg2 <= max;
}

/* spec 2.2 */
static void set_ctrl(struct iommu_sim_hw *hw, u64 value)
{
	u64 on = value & ~hw->ctrl;

	if (on & SIM_CTRL_EN && FIELD_GET(SIM_BASE_LG2, hw->devtab) > SIM_DEVTAB_MAX_LG2)
		value &= ~SIM_CTRL_EN;
	if (on & SIM_CTRL_EVTQ_EN) {
		if (lg2_valid(hw->evtq_base, SIM_EVTQ_MAX_LG2)) {
			hw->evtq_head = 0;
			hw->evtq_tail = 0;
		} else {
			value &= ~SIM_CTRL_EVTQ_EN;
		}
	}
	if (on & value & SIM_CTRL_EN) {
		sim_devtab_invalidate_all(hw);
		sim_tlb_invalidate_begin(&hw->caches);
		sim_tlb_invalidate_all(&hw->iotlb);
		sim_tlb_invalidate_all(&hw->pwc);
	}
	/* Pairs with the read in sim_hw_request() */
	smp_store_release(&hw->ctrl, value);
	if (on & SIM_CTRL_INTR_EN && hw->status)
		irq_work_queue(&hw->irq_work);
}

static void set_reg(struct iommu_sim_hw *hw, u32 offset, u64 value)
{
	switch (offset) {
	case SIM_REG_CTRL:
		set_ctrl(hw, value);
		break;
	case SIM_REG_STATUS:
		hw->status = value;
		break;
	case SIM_REG_DEVTAB:
		if (!(hw->ctrl & SIM_CTRL_EN))
			hw->devtab = value;
		break;
	case SIM_REG_EVTQ_BASE:
		if (!(hw->ctrl & SIM_CTRL_EVTQ_EN))
			hw->evtq_base = value;
		break;
	case SIM_REG_EVTQ_HEAD:
		hw->evtq_head = value;
		break;
	case SIM_REG_ATC_TIMEOUT:
		WRITE_ONCE(hw->atc_timeout, value);
		break;
	}
}

static void set_cmdq_reg(struct sim_cmdq *q, u32 offset, u64 value)
{
	switch (offset) {
	case SIM_CMDQ_BASE:
		if (!(q->ctrl & SIM_CMDQ_CTRL_EN))
			q->base = value;
		return;
	case SIM_CMDQ_TAIL:
		if (!(value >> FIELD_GET(SIM_BASE_LG2, q->base)))
			q->tail = value;
		break;
	case SIM_CMDQ_CTRL:
		if (value & ~q->ctrl & SIM_CMDQ_CTRL_EN) {
			if (!lg2_valid(q->base, SIM_CMDQ_MAX_LG2))
				return;
			q->head = 0;
			q->tail = 0;
			q->status = 0;
			sim_atc_cancel(q);
		}
		q->ctrl = value;
		break;
	case SIM_CMDQ_STATUS:
		q->status = value & SIM_CMDQ_STATUS_ERR ? value : 0;
		break;
	}
	sim_cmdq_kick(q);
}

/**
 * iommu_sim_mmio_write() - write a register
 * @hw: the instance
 * @offset: of the register, spec 2.1
 * @value: to write
 *
 * A doorbell executes commands in the caller. Context: any, but in an access
 * section; does not sleep.
 */
void iommu_sim_mmio_write(struct iommu_sim_hw *hw, u32 offset, u64 value)
{
	const struct sim_reg *reg;
	struct sim_cmdq *q = find_cmdq(hw, &offset);
	unsigned long flags;

	if (q) {
		reg = find_reg(cmdq_regs, ARRAY_SIZE(cmdq_regs), offset);
		if (!reg)
			return;
		raw_spin_lock_irqsave(&q->lock, flags);
		set_cmdq_reg(q, offset,
			     sim_reg_merge(reg, get_cmdq_reg(q, offset), value, U64_MAX));
		raw_spin_unlock_irqrestore(&q->lock, flags);
		return;
	}

	reg = find_reg(regs, ARRAY_SIZE(regs), offset);
	if (!reg)
		return;
	raw_spin_lock_irqsave(&hw->lock, flags);
	set_reg(hw, offset, sim_reg_merge(reg, get_reg(hw, offset), value, U64_MAX));
	raw_spin_unlock_irqrestore(&hw->lock, flags);
	/* Not under the lock, which a section may be waiting for */
	if (offset == SIM_REG_CTRL && !(value & SIM_CTRL_EN))
		sim_sections_sync(&hw->sections);
}
EXPORT_SYMBOL_SIM_BUS(iommu_sim_mmio_write);

/**
 * sim_hw_raise_status() - set bits of STATUS, and interrupt if one is new
 * @hw: the instance
 * @bits: SIM_STATUS_*
 *
 * Context: any, iommu_sim_hw::lock held.
 */
void sim_hw_raise_status(struct iommu_sim_hw *hw, u64 bits)
{
	lockdep_assert_held(&hw->lock);
	bits &= ~hw->status;
	hw->status |= bits;
	if (bits && hw->ctrl & SIM_CTRL_INTR_EN)
		irq_work_queue(&hw->irq_work);
}

static void interrupt(struct irq_work *work)
{
	struct iommu_sim_hw *hw = container_of(work, struct iommu_sim_hw, irq_work);

	hw->raise_irq(hw);
}

static void no_irq(struct iommu_sim_hw *hw)
{
}

/* spec 2.1: after a reset */
#define ATC_TIMEOUT_US	10000

/**
 * sim_hw_init_caches() - make the caches of an instance
 * @hw: the instance
 * @config: their geometry
 *
 * Return: 0 or -ENOMEM; sim_tlb_destroy() undoes it in either case.
 */
int sim_hw_init_caches(struct iommu_sim_hw *hw, const struct sim_hw_config *config)
{
	struct sim_tlb_config iotlb = config->iotlb, pwc = config->pwc;

	iotlb.domains_lg2 = SIM_DOMAIN_BITS;
	pwc.domains_lg2 = SIM_DOMAIN_BITS;
	return sim_tlb_init(&hw->iotlb, &hw->caches, &iotlb, SIM_STAT_TLB_MISSES) ?:
	       sim_tlb_init(&hw->pwc, &hw->caches, &pwc, SIM_STAT_PWC_MISSES);
}

/**
 * sim_hw_create() - make an instance
 * @config: what it is made of; values out of range are the caller's bug
 *
 * It is off, and known to nobody: see hw/main.c. Return: it, or an ERR_PTR().
 */
struct iommu_sim_hw *sim_hw_create(const struct sim_hw_config *config)
{
	struct iommu_sim_hw *hw;
	unsigned int i;
	int ret;

	hw = kvzalloc(sizeof(*hw), GFP_KERNEL);
	if (!hw)
		return ERR_PTR(-ENOMEM);
	hw->config = *config;
	raw_spin_lock_init(&hw->lock);
	hw->caches.sections = &hw->sections;
	hw->caches.stats = &hw->stats;
	hw->caches.inject = &hw->inject;
	hw->caches.race = SIM_INJECT_FILL_RACE;
	hw->caches.device = SIM_INJECT_ANY_DEVICE;
	raw_spin_lock_init(&hw->caches.lock);
	mutex_init(&hw->stats_lock);
	INIT_LIST_HEAD(&hw->stats_list);
	hw->irq_work = IRQ_WORK_INIT_HARD(interrupt);
	hw->raise_irq = no_irq;
	sim_inject_init(&hw->inject);
	xa_init(&hw->functions);
	hw->atc_timeout = ATC_TIMEOUT_US;
	for (i = 0; i < SIM_DTE_SLOTS; i++) {
		seqcount_raw_spinlock_init(&hw->dte_slots[i].seq, &hw->lock);
		hw->dte_slots[i].key = SIM_DTE_SLOT_EMPTY;
	}

	ret = sim_stats_init(&hw->stats, sim_hw_stat_names, SIM_STAT_NR);
	if (ret)
		goto free_hw;
	ret = sim_stats_init(&hw->size_hits, NULL, 64);
	if (ret)
		goto free_stats;
	ret = sim_sections_init(&hw->sections);
	if (ret)
		goto free_size_hits;
	ret = sim_hw_init_caches(hw, config);
	if (ret)
		goto free_caches;
	ret = sim_cmdqs_init(hw);
	if (ret)
		goto free_cmdqs;
	return hw;

free_cmdqs:
	sim_cmdqs_destroy(hw);
free_caches:
	sim_tlb_destroy(&hw->pwc);
	sim_tlb_destroy(&hw->iotlb);
	sim_sections_destroy(&hw->sections);
free_size_hits:
	sim_stats_destroy(&hw->size_hits);
free_stats:
	sim_stats_destroy(&hw->stats);
free_hw:
	kvfree(hw);
	return ERR_PTR(ret);
}

/**
 * sim_hw_destroy() - free an instance
 * @hw: the instance; no request is under way and none will come
 *
 * Context: may sleep.
 */
void sim_hw_destroy(struct iommu_sim_hw *hw)
{
	/* What is executed may still interrupt */
	sim_cmdqs_stop(hw);
	irq_work_sync(&hw->irq_work);
	sim_inject_destroy(&hw->inject);
	xa_destroy(&hw->functions);
	sim_cmdqs_destroy(hw);
	sim_tlb_destroy(&hw->pwc);
	sim_tlb_destroy(&hw->iotlb);
	sim_sections_destroy(&hw->sections);
	sim_stats_destroy(&hw->size_hits);
	sim_stats_destroy(&hw->stats);
	kvfree(hw);
}
