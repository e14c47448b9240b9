// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery of events (spec 7): to whoever registered a fault handler, else one
 * line in the log from which a person can act.
 */
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/platform_device.h>

#include "driver.h"

#define EVENTS_LG2	9
#define NR_EVENTS	BIT(EVENTS_LG2)

static const char *reason(enum sim_event_type type, u16 flags)
{
	switch (type) {
	case SIM_EVT_ILLEGAL_DEVTAB_ENTRY:
		return "its device table entry is not valid";
	case SIM_EVT_IO_PAGE_FAULT:
		if (flags & SIM_EVTF_RANGE)
			return "beyond the width of the page table";
		if (flags & SIM_EVTF_RSVD)
			return "malformed page table entry";
		if (flags & SIM_EVTF_PERM)
			return "not permitted by the mapping";
		return "not mapped (unmapped too early, or never mapped)";
	case SIM_EVT_DEVTAB_HW_ERROR:
		return "device table not readable";
	case SIM_EVT_PAGE_TAB_HW_ERROR:
		return "page table not readable";
	case SIM_EVT_INVALID_DEVICE_REQUEST:
		return "malformed, or a kind of request that is not allowed";
	case SIM_EVT_DEVICE_BLOCKED:
		return "the device is attached to the blocked domain";
	case SIM_EVT_ILLEGAL_PASID_ENTRY:
		return "the PASID is attached to nothing";
	case SIM_EVT_MASTER_ABORT:
		return "no RAM at the physical address";
	default:
		return "unknown event";
	}
}

static void request_event(struct sim_iommu *iommu, enum sim_event_type type, const u64 qw[4])
{
	u16 flags = FIELD_GET(SIM_EVT1_FLAGS, qw[1]);
	u16 rid = FIELD_GET(SIM_EVT0_RID, qw[0]);
	bool write = flags & SIM_EVTF_WRITE;
	struct iommu_domain *domain = NULL;
	struct sim_device *sdev;
	char pasid[24] = "";

	if (qw[0] & SIM_EVT0_PASID_VALID)
		snprintf(pasid, sizeof(pasid), ", PASID %llu", FIELD_GET(SIM_EVT0_PASID, qw[0]));
	/* The lock keeps the device and its domain */
	mutex_lock(&iommu->lock);
	sdev = xa_load(&iommu->devices, rid);
	if (sdev)
		domain = qw[0] & SIM_EVT0_PASID_VALID ?
			 xa_load(&sdev->pasids, FIELD_GET(SIM_EVT0_PASID, qw[0])) : sdev->domain;
	if (domain && type == SIM_EVT_IO_PAGE_FAULT &&
	    !report_iommu_fault(domain, sdev->dev, qw[2],
				write ? IOMMU_FAULT_WRITE : IOMMU_FAULT_READ))
		goto unlock;
	dev_err_ratelimited(sdev ? sdev->dev : iommu->dev,
			    "iommu-sim: DMA %s at %#llx refused: %s (event %d, flags %#x, requester %02x:%02x.%d%s, domain %llu, entry or address %#llx)\n",
			    write ? "write" : "read", qw[2], reason(type, flags), type, flags,
			    PCI_BUS_NUM(rid), PCI_SLOT(rid), PCI_FUNC(rid), pasid,
			    FIELD_GET(SIM_EVT1_DOMAIN, qw[1]), qw[3]);
unlock:
	mutex_unlock(&iommu->lock);
}

static void handle_event(struct sim_iommu *iommu, const struct sim_event *event)
{
	enum sim_event_type type;
	unsigned int i;
	u64 qw[4];

	for (i = 0; i < ARRAY_SIZE(qw); i++)
		qw[i] = le64_to_cpu(event->qw[i]);
	type = FIELD_GET(SIM_EVT0_TYPE, qw[0]);
	sim_stat_inc(&iommu->stats, SIM_DSTAT_FAULTS);

	switch (type) {
	case SIM_EVT_ILLEGAL_COMMAND:
	case SIM_EVT_COMMAND_HW_ERROR:
		/* Whoever submitted it deals with it, see driver/queue.c */
		dev_dbg(iommu->dev, "queue %llu, command %llu: event %d, %#llx\n",
			FIELD_GET(SIM_EVT0_RID, qw[0]), qw[2], type, qw[3]);
		break;
	case SIM_EVT_IOTLB_INV_TIMEOUT:
		/* Likewise; sim_ats_quarantine() has a line about it */
		break;
	default:
		request_event(iommu, type, qw);
	}
}

static irqreturn_t event_irq(int irq, void *data)
{
	struct sim_iommu *iommu = data;
	u64 status = iommu_sim_mmio_read(iommu->hw, SIM_REG_STATUS);

	if (!status)
		return IRQ_NONE;
	/*
	 * spec 2.3: first say that it was seen, then look at what it was. An overflow stays
	 * until there is room: else each event that is lost would be an interrupt.
	 */
	iommu_sim_mmio_write(iommu->hw, SIM_REG_STATUS, status & ~SIM_STATUS_EVT_OVERFLOW);
	return IRQ_WAKE_THREAD;
}

/*
 * What is there now, and no more: who never returns has, for the kernel, not handled
 * the interrupt, and it turns that off. What comes later interrupts again.
 */
static irqreturn_t event_thread(int irq, void *data)
{
	struct sim_iommu *iommu = data;
	u32 tail = iommu_sim_mmio_read(iommu->hw, SIM_REG_EVTQ_TAIL);

	/* The events after the register that says they are there */
	dma_rmb();
	while (iommu->events_head != tail) {
		handle_event(iommu, &iommu->events[iommu->events_head]);
		iommu->events_head = (iommu->events_head + 1) & (NR_EVENTS - 1);
	}
	iommu_sim_mmio_write(iommu->hw, SIM_REG_EVTQ_HEAD, iommu->events_head);
	if (iommu_sim_mmio_read(iommu->hw, SIM_REG_STATUS) & SIM_STATUS_EVT_OVERFLOW) {
		iommu_sim_mmio_write(iommu->hw, SIM_REG_STATUS, SIM_STATUS_EVT_OVERFLOW);
		dev_warn_ratelimited(iommu->dev, "event queue overflow, events are lost\n");
	}
	return IRQ_HANDLED;
}

/**
 * sim_events_init() - set up the event queue and its interrupt
 * @iommu: the instance
 * @pdev: its platform device
 *
 * Context: may sleep. Return: 0 or a negative error.
 */
int sim_events_init(struct sim_iommu *iommu, struct platform_device *pdev)
{
	int irq, ret;

	irq = platform_get_irq(pdev, 0);
	if (irq < 0)
		return irq;
	iommu->events = alloc_pages_exact(NR_EVENTS * sizeof(*iommu->events),
					  GFP_KERNEL | __GFP_ZERO);
	if (!iommu->events)
		return -ENOMEM;
	ret = request_threaded_irq(irq, event_irq, event_thread, 0, dev_name(&pdev->dev), iommu);
	if (ret) {
		free_pages_exact(iommu->events, NR_EVENTS * sizeof(*iommu->events));
		return ret;
	}
	iommu->irq = irq;
	iommu_sim_mmio_write(iommu->hw, SIM_REG_EVTQ_BASE, virt_to_phys(iommu->events) |
			     FIELD_PREP(SIM_BASE_LG2, EVENTS_LG2));
	return 0;
}

/**
 * sim_events_destroy() - undo sim_events_init()
 * @iommu: the instance; CTRL.EVTQ_EN and CTRL.INTR_EN are clear
 */
void sim_events_destroy(struct sim_iommu *iommu)
{
	free_irq(iommu->irq, iommu);
	free_pages_exact(iommu->events, NR_EVENTS * sizeof(*iommu->events));
}
