// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of the endpoint (spec 10.2, 10.3): tables that say what
 * a write may change, and what else a few registers do.
 *
 * Accesses arrive with interrupts off and with or without the raw pci_lock, so
 * nothing here sleeps, allocates, or waits for anything but access sections.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/pci_regs.h>

#include "pci.h"

enum sim_cfg_hook {
	SIM_HOOK_NONE,
	SIM_HOOK_COMMAND,
	SIM_HOOK_PM_CTRL,
	SIM_HOOK_DEVCTL,
	SIM_HOOK_ATS_CTRL,
	SIM_HOOK_PRI_CTRL,
	SIM_HOOK_PASID_CTRL,
	SIM_HOOK_CH_CTRL,
	SIM_HOOK_CH_TAIL,
};

/**
 * struct sim_cfg_reg - one dword of configuration space
 * @reg: offset, reset value, masks
 * @pulse: bits that do something when 1 is written, and always read 0
 * @hook: what a write does besides
 */
struct sim_cfg_reg {
	struct sim_reg reg;
	u32 pulse;
	enum sim_cfg_hook hook;
};

#define RO(_offset, _reset) \
	{ .reg = { .offset = (_offset), .reset = (_reset) } }
#define RW(_offset, _reset, _rw) \
	{ .reg = { .offset = (_offset), .reset = (_reset), .rw = (_rw) } }
#define HOOK(_offset, _reset, _rw, _pulse, _hook) \
	{ .reg = { .offset = (_offset), .reset = (_reset), .rw = (_rw) }, \
	  .pulse = (_pulse), .hook = (_hook) }

#define CAP(id, next)			((id) | (next) << 8)
#define EXT_CAP(id, ver, next)		((id) | (ver) << 16 | (next) << 20)
/* Two 16-bit registers in one dword */
#define LO_HI(lo, hi)			((lo) | (u32)(hi) << 16)

#define COMMAND_RW	(PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
			 PCI_COMMAND_INTX_DISABLE)
/* Express: a request may have 4096 bytes (encoding 5 in both fields) */
#define DEVCAP		(5 | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR)
#define DEVCTL_RW	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | \
			 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | \
			 PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ)
#define DEVCTL_RESET	(PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | \
			 PCI_EXP_DEVCTL_READRQ_512B)
/* End-End TLP prefixes: supported, at most one of them */
#define DEVCAP2		(PCI_EXP_DEVCAP2_EE_PREFIX | 1 << 22)
#define MSI_FLAGS	(PCI_MSI_FLAGS_64BIT | \
			 FIELD_PREP_CONST(PCI_MSI_FLAGS_QMASK, SIM_MSI_VECTORS_LG2))
/* A queue depth field of 0 means 32 */
#define ATS_CAP		PCI_ATS_CAP_PAGE_ALIGNED
#define ATS_STU		GENMASK(4, 0)
#define PASID_CAP	(PCI_PASID_CAP_EXEC | PCI_PASID_CAP_PRIV | \
			 FIELD_PREP_CONST(PCI_PASID_CAP_WIDTH, 20))
#define PASID_CTRL_RW	(PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV)
#define DVSEC_HEADER1	LO_HI(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_DVSEC_REV)
#define ENGINE_CAPS	(IOMMU_SIM_RING_MAX_LG2 << 8 | SIM_MSI_VECTORS << 16)
#define ENGINE_OPS	(BIT(IOMMU_SIM_OP_NOP) | BIT(IOMMU_SIM_OP_COPY) | BIT(IOMMU_SIM_OP_FILL) | \
			 BIT(IOMMU_SIM_OP_COMPARE) | BIT(IOMMU_SIM_OP_FETCH_ADD))

/* spec 10.1 and 10.2, ordered by offset */
static const struct sim_cfg_reg sim_cfg_fixed[] = {
	RO(PCI_VENDOR_ID, LO_HI(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE)),
	HOOK(PCI_COMMAND, LO_HI(0, PCI_STATUS_CAP_LIST), COMMAND_RW, 0, SIM_HOOK_COMMAND),
	RO(PCI_CLASS_REVISION, IOMMU_SIM_PCI_CLASS << 8 | 1),
	RW(PCI_CACHE_LINE_SIZE, 0, 0xff),
	RO(PCI_SUBSYSTEM_VENDOR_ID, LO_HI(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE)),
	RO(PCI_CAPABILITY_LIST, SIM_CAP_PM),
	RW(PCI_INTERRUPT_LINE, 0, 0xff),

	RO(SIM_CAP_PM, LO_HI(CAP(PCI_CAP_ID_PM, SIM_CAP_MSI), 3)),
	HOOK(SIM_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET,
	     PCI_PM_CTRL_STATE_MASK, 0, SIM_HOOK_PM_CTRL),

	RW(SIM_CAP_MSI, LO_HI(CAP(PCI_CAP_ID_MSI, SIM_CAP_EXP), MSI_FLAGS),
	   LO_HI(0, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE)),
	RW(SIM_CAP_MSI + PCI_MSI_ADDRESS_LO, 0, GENMASK(31, 2)),
	RW(SIM_CAP_MSI + PCI_MSI_ADDRESS_HI, 0, U32_MAX),
	RW(SIM_CAP_MSI + PCI_MSI_DATA_64, 0, U16_MAX),

	RO(SIM_CAP_EXP, LO_HI(CAP(PCI_CAP_ID_EXP, 0), 2 | PCI_EXP_TYPE_RC_END << 4)),
	RO(SIM_CAP_EXP + PCI_EXP_DEVCAP, DEVCAP),
	HOOK(SIM_CAP_EXP + PCI_EXP_DEVCTL, DEVCTL_RESET, DEVCTL_RW,
	     PCI_EXP_DEVCTL_BCR_FLR, SIM_HOOK_DEVCTL),
	RO(SIM_CAP_EXP + PCI_EXP_DEVCAP2, DEVCAP2),

	RO(SIM_CAP_ATS, EXT_CAP(PCI_EXT_CAP_ID_ATS, 1, SIM_CAP_PRI)),
	HOOK(SIM_CAP_ATS + PCI_ATS_CAP, ATS_CAP,
	     LO_HI(0, PCI_ATS_CTRL_ENABLE | PCI_ATS_CTRL_STU(0x1f)), 0, SIM_HOOK_ATS_CTRL),

	RO(SIM_CAP_PRI, EXT_CAP(PCI_EXT_CAP_ID_PRI, 1, SIM_CAP_PASID)),
	HOOK(SIM_CAP_PRI + PCI_PRI_CTRL, LO_HI(0, PCI_PRI_STATUS_STOPPED),
	     PCI_PRI_CTRL_ENABLE, PCI_PRI_CTRL_RESET, SIM_HOOK_PRI_CTRL),
	RO(SIM_CAP_PRI + PCI_PRI_MAX_REQ, 32),
	RW(SIM_CAP_PRI + PCI_PRI_ALLOC_REQ, 0, U32_MAX),

	RO(SIM_CAP_PASID, EXT_CAP(PCI_EXT_CAP_ID_PASID, 1, SIM_CAP_DVSEC)),
	HOOK(SIM_CAP_PASID + PCI_PASID_CAP, PASID_CAP, LO_HI(0, PASID_CTRL_RW), 0,
	     SIM_HOOK_PASID_CTRL),

	RO(SIM_CAP_DVSEC, EXT_CAP(PCI_EXT_CAP_ID_DVSEC, 1, 0)),
	RO(SIM_CAP_DVSEC + PCI_DVSEC_HEADER1, DVSEC_HEADER1),
	RO(SIM_CAP_DVSEC + PCI_DVSEC_HEADER2, IOMMU_SIM_DVSEC_ID),
	RO(SIM_CAP_DVSEC + IOMMU_SIM_REG_CAPS, ENGINE_CAPS),
	RO(SIM_CAP_DVSEC + IOMMU_SIM_REG_OPS, ENGINE_OPS),
};

/* spec 10.4: one channel, every dword from the first on */
static const struct sim_cfg_reg sim_cfg_channel[] = {
	HOOK(IOMMU_SIM_CH_CTRL, 0,
	     IOMMU_SIM_CH_CTRL_EN | IOMMU_SIM_CH_CTRL_INTR | IOMMU_SIM_CH_CTRL_VECTOR,
	     IOMMU_SIM_CH_CTRL_RESET, SIM_HOOK_CH_CTRL),
	RO(IOMMU_SIM_CH_STATUS, 0),
	RW(IOMMU_SIM_CH_RING_LO, 0, U32_MAX),
	RW(IOMMU_SIM_CH_RING_HI, 0, U32_MAX),
	RW(IOMMU_SIM_CH_CPL_LO, 0, U32_MAX),
	RW(IOMMU_SIM_CH_CPL_HI, 0, U32_MAX),
	RW(IOMMU_SIM_CH_RING_LG2, 0, U32_MAX),
	RW(IOMMU_SIM_CH_PASID, 0, IOMMU_SIM_CH_PASID_VALID | 0xfffff),
	HOOK(IOMMU_SIM_CH_TAIL, 0, U32_MAX, 0, SIM_HOOK_CH_TAIL),
	RO(IOMMU_SIM_CH_HEAD, 0),
	RO(IOMMU_SIM_CH_ERRORS, 0),
};

static_assert(SIM_CAP_DVSEC + IOMMU_SIM_CHANNEL(IOMMU_SIM_MAX_CHANNELS) <= SIM_CFG_SIZE);
static_assert(ARRAY_SIZE(sim_cfg_channel) == IOMMU_SIM_CH_ERRORS / sizeof(u32) + 1);

/* spec 10.2: without an ATC there is neither ATS nor PRI */
static bool sim_cfg_hidden(const struct sim_endpoint *ep, unsigned int offset)
{
	return !ep->atc && offset >= SIM_CAP_ATS && offset < SIM_CAP_PASID;
}

/* The register at @offset, aligned, and its channel or NULL */
static const struct sim_cfg_reg *sim_cfg_find(struct sim_endpoint *ep, unsigned int offset,
					      struct sim_channel **ch)
{
	const unsigned int first = SIM_CAP_DVSEC + IOMMU_SIM_CHANNEL(0);
	const unsigned int stride = IOMMU_SIM_CHANNEL(1) - IOMMU_SIM_CHANNEL(0);
	unsigned int i;

	*ch = NULL;
	if (offset >= first) {
		unsigned int index = (offset - first) / stride;

		i = (offset - first) % stride / sizeof(u32);
		if (index >= ep->nr_channels || i >= ARRAY_SIZE(sim_cfg_channel))
			return NULL;
		*ch = &ep->ch[index];
		return &sim_cfg_channel[i];
	}
	if (sim_cfg_hidden(ep, offset))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(sim_cfg_fixed); i++)
		if (sim_cfg_fixed[i].reg.offset == offset)
			return &sim_cfg_fixed[i];
	return NULL;
}

/**
 * sim_cfg_reset() - give all registers their reset values, drop all work
 * @ep: the endpoint
 *
 * The caller waits for requests under way once the lock is dropped. Context:
 * any, under the endpoint's lock.
 */
void sim_cfg_reset(struct sim_endpoint *ep)
{
	unsigned int i;

	lockdep_assert_held(&ep->lock);

	for (i = 0; i < ARRAY_SIZE(sim_cfg_fixed); i++)
		if (!sim_cfg_hidden(ep, sim_cfg_fixed[i].reg.offset))
			*sim_cfg_cell(ep, sim_cfg_fixed[i].reg.offset) =
				sim_cfg_fixed[i].reg.reset;
	/* Extended capabilities begin here, whatever the first one is */
	if (!ep->atc)
		*sim_cfg_cell(ep, SIM_CAP_ATS) = EXT_CAP(0, 1, SIM_CAP_PASID);
	*sim_cfg_cell(ep, SIM_CAP_DVSEC + PCI_DVSEC_HEADER1) |=
		IOMMU_SIM_CHANNEL(ep->nr_channels) << 20;
	*sim_cfg_cell(ep, SIM_CAP_DVSEC + IOMMU_SIM_REG_CAPS) |= ep->nr_channels;

	WRITE_ONCE(ep->may_send, false);
	WRITE_ONCE(ep->may_use_pasid, false);
	sim_atc_set(ep, false, 0);
	for (i = 0; i < ep->nr_channels; i++) {
		struct sim_channel *ch = &ep->ch[i];
		unsigned int r;

		sim_channel_reset(ch);
		for (r = 0; r < ARRAY_SIZE(sim_cfg_channel); r++)
			*sim_channel_cell(ch, sim_cfg_channel[r].reg.offset) =
				sim_cfg_channel[r].reg.reset;
	}
}

/* Bus mastering or the power state have been written: may requests go out? */
static unsigned int sim_cfg_update_may_send(struct sim_endpoint *ep)
{
	u32 command = *sim_cfg_cell(ep, PCI_COMMAND);
	u32 pm = *sim_cfg_cell(ep, SIM_CAP_PM + PCI_PM_CTRL);
	bool may_send = (command & PCI_COMMAND_MASTER) && !(pm & PCI_PM_CTRL_STATE_MASK);

	/* Pairs with the READ_ONCE() in a section, see sim_channel_send() */
	WRITE_ONCE(ep->may_send, may_send);
	return may_send ? SIM_AFTER_WAKE : SIM_AFTER_SYNC;
}

/* D1 and D2 are not there: a write that asks for them changes no state */
static unsigned int sim_cfg_write_pm(struct sim_endpoint *ep, u32 *cell, u32 old)
{
	u32 state = *cell & PCI_PM_CTRL_STATE_MASK;

	if (state == 1 || state == 2)
		*cell = old;
	return sim_cfg_update_may_send(ep);
}

static unsigned int sim_cfg_write_ats(struct sim_endpoint *ep, u32 cell)
{
	u16 ctrl = cell >> 16;

	sim_atc_set(ep, ctrl & PCI_ATS_CTRL_ENABLE, FIELD_GET(ATS_STU, ctrl));
	return SIM_AFTER_SYNC;
}

static unsigned int sim_cfg_write_pasid(struct sim_endpoint *ep, u32 cell)
{
	WRITE_ONCE(ep->may_use_pasid, cell >> 16 & PCI_PASID_CTRL_ENABLE);
	return SIM_AFTER_SYNC;
}

/* No page request is ever outstanding: the interface stops at once */
static void sim_cfg_write_pri(u32 *cell)
{
	u32 stopped = LO_HI(0, PCI_PRI_STATUS_STOPPED);

	*cell = *cell & PCI_PRI_CTRL_ENABLE ? *cell & ~stopped : *cell | stopped;
}

static unsigned int sim_cfg_hook(struct sim_endpoint *ep, struct sim_channel *ch,
				 enum sim_cfg_hook hook, u32 *cell, u32 old, u32 pulse)
{
	switch (hook) {
	case SIM_HOOK_COMMAND:
		return sim_cfg_update_may_send(ep);
	case SIM_HOOK_PM_CTRL:
		return sim_cfg_write_pm(ep, cell, old);
	case SIM_HOOK_DEVCTL:
		if (!pulse)
			return 0;
		sim_cfg_reset(ep);
		return SIM_AFTER_SYNC | SIM_AFTER_WAKE;
	case SIM_HOOK_ATS_CTRL:
		return sim_cfg_write_ats(ep, *cell);
	case SIM_HOOK_PRI_CTRL:
		sim_cfg_write_pri(cell);
		return 0;
	case SIM_HOOK_PASID_CTRL:
		return sim_cfg_write_pasid(ep, *cell);
	case SIM_HOOK_CH_CTRL:
		return sim_channel_write_ctrl(ch, old, pulse);
	case SIM_HOOK_CH_TAIL:
		return sim_channel_write_tail(ch);
	case SIM_HOOK_NONE:
		break;
	}
	return 0;
}

static bool sim_cfg_reachable(struct sim_endpoint *ep, unsigned int offset, unsigned int size)
{
	return offset <= SIM_CFG_SIZE - size && IS_ALIGNED(offset, size) && ep->up->is_up(ep->up);
}

/**
 * sim_cfg_read() - read configuration space
 * @ep: the endpoint
 * @offset: in bytes, a multiple of @size
 * @size: 1, 2 or 4
 *
 * Return: the value; all ones where nothing answers. Context: any.
 */
u32 sim_cfg_read(struct sim_endpoint *ep, unsigned int offset, unsigned int size)
{
	unsigned int shift = offset % sizeof(u32) * BITS_PER_BYTE;
	u32 mask = GENMASK(size * BITS_PER_BYTE - 1, 0);
	u32 val;

	if (!sim_cfg_reachable(ep, offset, size))
		return mask;

	scoped_guard(raw_spinlock_irqsave, &ep->lock)
		val = *sim_cfg_cell(ep, offset);
	return val >> shift & mask;
}

/**
 * sim_cfg_write() - write configuration space
 * @ep: the endpoint
 * @offset: in bytes, a multiple of @size
 * @size: 1, 2 or 4
 * @val: what to write
 *
 * What takes a right to send away has waited for requests under way when this
 * returns. Context: any but inside one of the endpoint's access sections.
 */
void sim_cfg_write(struct sim_endpoint *ep, unsigned int offset, unsigned int size, u32 val)
{
	unsigned int shift = offset % sizeof(u32) * BITS_PER_BYTE;
	u32 bytes = GENMASK(size * BITS_PER_BYTE - 1, 0) << shift;
	const struct sim_cfg_reg *r;
	struct sim_channel *ch;
	unsigned int after;

	if (!sim_cfg_reachable(ep, offset, size))
		return;
	r = sim_cfg_find(ep, ALIGN_DOWN(offset, sizeof(u32)), &ch);
	if (!r)
		return;

	val <<= shift;
	scoped_guard(raw_spinlock_irqsave, &ep->lock) {
		u32 *cell = sim_cfg_cell(ep, offset);
		u32 old = *cell;

		*cell = sim_reg_merge(&r->reg, old, val, bytes);
		after = sim_cfg_hook(ep, ch, r->hook, cell, old, val & bytes & r->pulse);
	}

	if (after & SIM_AFTER_SYNC)
		sim_sections_sync(&ep->sections);
	if (after & SIM_AFTER_WAKE)
		sim_endpoint_wake(ep, ch);
}
