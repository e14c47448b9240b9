// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command queues (spec 6). A doorbell executes the queue in its writer.
 */
#include "hw.h"

static void stop(struct iommu_sim_hw *hw, unsigned int n, enum sim_event_type type,
		 u64 cmd, u64 info)
{
	struct sim_cmdq *q = &hw->cmdq[n];
	struct sim_event event = {
		.qw = {
			cpu_to_le64(FIELD_PREP(SIM_EVT0_TYPE, type) |
				    FIELD_PREP(SIM_EVT0_RID, n)),
			0,
			cpu_to_le64(q->head),
			cpu_to_le64(type == SIM_EVT_ILLEGAL_COMMAND ? cmd : info),
		},
	};

	q->status = SIM_CMDQ_STATUS_ERR | FIELD_PREP(SIM_CMDQ_STATUS_CODE, type);
	sim_hw_stat(hw, SIM_STAT_CMD_ERRORS);
	sim_evtq_put(hw, &event);
	raw_spin_lock(&hw->lock);
	sim_hw_raise_status(hw, SIM_STATUS_CMD_ERROR);
	raw_spin_unlock(&hw->lock);
}

/* spec 6.3.1 */
static enum sim_event_type completion_wait(struct iommu_sim_hw *hw, u64 qw0, u64 qw1, u64 *info)
{
	__le64 data = cpu_to_le64(qw1);

	if (qw0 & SIM_CMD_WAIT0_RSVD)
		return SIM_EVT_ILLEGAL_COMMAND;
	sim_hw_stat(hw, SIM_STAT_CMD_WAITS);
	sim_sections_sync(&hw->sections);
	if (sim_inject(&hw->inject, SIM_INJECT_COMPLETION_WAIT, SIM_INJECT_ANY_DEVICE, 0, U64_MAX))
		return SIM_EVT_NONE;
	*info = qw0 & SIM_CMD_WAIT0_ADDR;
	if (qw0 & SIM_CMD_WAIT0_STORE && sim_mem_write(hw, *info, &data, sizeof(data)))
		return SIM_EVT_COMMAND_HW_ERROR;
	if (qw0 & SIM_CMD_WAIT0_INTR) {
		raw_spin_lock(&hw->lock);
		sim_hw_raise_status(hw, SIM_STATUS_COMP_WAIT);
		raw_spin_unlock(&hw->lock);
	}
	return SIM_EVT_NONE;
}

/* spec 6.3.3 */
static enum sim_event_type invalidate_pages(struct iommu_sim_hw *hw, u64 qw0, u64 qw1)
{
	u16 domain = FIELD_GET(SIM_CMD_PAGES0_DOMAIN, qw0);
	u64 iova = qw1 & SIM_CMD_PAGES1_ADDR;
	unsigned int lg2 = SIM_PAGE_LG2;
	u64 below;

	if (qw0 & SIM_CMD_PAGES0_RSVD || qw1 & SIM_CMD_PAGES1_RSVD)
		return SIM_EVT_ILLEGAL_COMMAND;
	if (qw1 & SIM_CMD_PAGES1_S)
		lg2 = sim_sized_addr_lg2(iova);
	if (lg2 > 64)
		return SIM_EVT_ILLEGAL_COMMAND;
	if (lg2 == 64)
		sim_hw_stat(hw, SIM_STAT_CMD_INV_DOMAIN);
	else
		sim_hw_stat(hw, SIM_STAT_CMD_INV_PAGES);
	if (qw1 & SIM_CMD_PAGES1_GN)
		return SIM_EVT_NONE;

	below = GENMASK_ULL(lg2 - 1, 0);
	if (sim_inject(&hw->inject, SIM_INJECT_IOTLB_INVALIDATE, SIM_INJECT_ANY_DEVICE,
		       iova & ~below, iova | below))
		return SIM_EVT_NONE;
	sim_tlb_invalidate(hw, domain, iova & ~below, iova | below);
	return SIM_EVT_NONE;
}

static enum sim_event_type execute(struct iommu_sim_hw *hw, u64 qw0, u64 qw1, u64 *info)
{
	switch (FIELD_GET(SIM_CMD_OP, qw0)) {
	case SIM_CMD_COMPLETION_WAIT:
		return completion_wait(hw, qw0, qw1, info);
	case SIM_CMD_INVALIDATE_DEVTAB_ENTRY:
		if (qw0 & SIM_CMD_DEVTAB0_RSVD || qw1)
			return SIM_EVT_ILLEGAL_COMMAND;
		sim_hw_stat(hw, SIM_STAT_CMD_INV_DEVTAB);
		sim_devtab_invalidate(hw, FIELD_GET(SIM_CMD_DEVTAB0_RID, qw0));
		return SIM_EVT_NONE;
	case SIM_CMD_INVALIDATE_PAGES:
		return invalidate_pages(hw, qw0, qw1);
	case SIM_CMD_INVALIDATE_ALL:
		if (qw0 & SIM_CMD_ALL0_RSVD || qw1)
			return SIM_EVT_ILLEGAL_COMMAND;
		sim_hw_stat(hw, SIM_STAT_CMD_INV_ALL);
		/* In this order: what used an old entry must not be filled after */
		raw_spin_lock(&hw->lock);
		sim_devtab_invalidate_all(hw);
		raw_spin_unlock(&hw->lock);
		sim_tlb_invalidate_all(hw);
		return SIM_EVT_NONE;
	default:
		return SIM_EVT_ILLEGAL_COMMAND;
	}
}

/**
 * sim_cmdq_run() - execute what is in a command queue
 * @hw: the instance
 * @n: the queue's number
 *
 * Stops at an error (spec 6.4). Context: any, with the queue's lock held and
 * interrupts off.
 */
void sim_cmdq_run(struct iommu_sim_hw *hw, unsigned int n)
{
	struct sim_cmdq *q = &hw->cmdq[n];
	u32 mask = BIT(FIELD_GET(SIM_BASE_LG2, q->base)) - 1;

	lockdep_assert_held(&q->lock);
	while (q->ctrl & SIM_CMDQ_CTRL_EN && !(q->status & SIM_CMDQ_STATUS_ERR) &&
	       q->head != q->tail) {
		u64 pa = (q->base & SIM_BASE_ADDR) + q->head * sizeof(struct sim_cmd);
		enum sim_event_type error = SIM_EVT_COMMAND_HW_ERROR;
		u64 qw0 = 0, qw1, info = pa;

		if (!sim_mem_read64(hw, pa, &qw0) && !sim_mem_read64(hw, pa + 8, &qw1))
			error = execute(hw, qw0, qw1, &info);
		if (error) {
			stop(hw, n, error, qw0, info);
			return;
		}
		sim_hw_stat(hw, SIM_STAT_CMDS);
		q->head = (q->head + 1) & mask;
	}
}
