// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message-signalled interrupts (spec 9): an MSI parent domain of the root
 * port's own, without a parent. Linux never programs another interrupt
 * controller for it, so it works the same on every architecture, and a device
 * can raise nobody's interrupts but its own.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "iommu-sim-bits.h"
#include "pci.h"

/* One for each vector of each slot of the bus */
#define SIM_MSI_COUNT		(32 * SIM_MSI_VECTORS)

#define SIM_MSI_OWNED		BIT(31)

/**
 * struct sim_msi - the interrupts of a root port
 * @domain: MSI parent domain; the message data is the hwirq
 * @fwnode: its name
 * @lock: protects @used
 * @used: hwirqs allocated
 * @owner: requester ID for which a hwirq is allocated, with SIM_MSI_OWNED
 * @pending: raised with interrupts off, to be delivered by @work
 * @work: delivers @pending
 */
struct sim_msi {
	struct irq_domain *domain;
	struct fwnode_handle *fwnode;
	struct mutex lock;	/* allocation only; delivery is lockless */
	DECLARE_BITMAP(used, SIM_MSI_COUNT);
	u32 owner[SIM_MSI_COUNT];
	DECLARE_BITMAP(pending, SIM_MSI_COUNT);
	struct irq_work work;
};

/* Messages are edges: there is nothing to acknowledge */
static void sim_msi_ack(struct irq_data *d)
{
}

static void sim_msi_compose(struct irq_data *d, struct msi_msg *msg)
{
	msg->address_hi = 0;
	msg->address_lo = SIM_MSI_WINDOW;
	msg->data = d->hwirq;
}

static struct irq_chip sim_msi_chip = {
	.name			= "iommu-sim-msi",
	.irq_ack		= sim_msi_ack,
	.irq_compose_msi_msg	= sim_msi_compose,
};

static int sim_msi_alloc(struct irq_domain *domain, unsigned int virq, unsigned int nr, void *arg)
{
	struct sim_msi *msi = domain->host_data;
	msi_alloc_info_t *info = arg;
	u32 owner = SIM_MSI_OWNED | pci_dev_id(msi_desc_to_pci_dev(info->desc));
	unsigned long hwirq;
	unsigned int i;

	scoped_guard(mutex, &msi->lock) {
		/* The low bits of the data select the vector: allocate aligned */
		hwirq = bitmap_find_next_zero_area(msi->used, SIM_MSI_COUNT, 0, nr,
						   roundup_pow_of_two(nr) - 1);
		if (hwirq >= SIM_MSI_COUNT)
			return -ENOSPC;
		/* They are freed one by one: take no more than there will be */
		bitmap_set(msi->used, hwirq, nr);
	}

	for (i = 0; i < nr; i++) {
		irq_domain_set_info(domain, virq + i, hwirq + i, &sim_msi_chip, msi,
				    handle_edge_irq, NULL, NULL);
		WRITE_ONCE(msi->owner[hwirq + i], owner);
	}
	return 0;
}

static void sim_msi_free(struct irq_domain *domain, unsigned int virq, unsigned int nr)
{
	struct irq_data *first = irq_domain_get_irq_data(domain, virq);
	struct sim_msi *msi = domain->host_data;
	unsigned int hwirq = first->hwirq;
	unsigned int i;

	for (i = 0; i < nr; i++)
		WRITE_ONCE(msi->owner[hwirq + i], 0);
	/* Who has seen an owner raises it, or has it pending, before it is another's */
	synchronize_rcu_expedited();
	for (i = 0; i < nr; i++) {
		clear_bit(hwirq + i, msi->pending);
		irq_domain_reset_irq_data(irq_domain_get_irq_data(domain, virq + i));
	}
	irq_work_sync(&msi->work);
	guard(mutex)(&msi->lock);
	bitmap_clear(msi->used, hwirq, nr);
}

static const struct irq_domain_ops sim_msi_domain_ops = {
	.alloc	= sim_msi_alloc,
	.free	= sim_msi_free,
};

static bool sim_msi_init_dev(struct device *dev, struct irq_domain *domain,
			     struct irq_domain *real_parent, struct msi_domain_info *info)
{
	const struct msi_parent_ops *ops = real_parent->msi_parent_ops;

	if (info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSI)
		return false;
	info->flags &= ops->supported_flags;
	info->flags |= ops->required_flags;
	info->chip->irq_ack = irq_chip_ack_parent;
	return true;
}

static const struct msi_parent_ops sim_msi_parent_ops = {
	.supported_flags	= MSI_GENERIC_FLAGS_MASK | MSI_FLAG_MULTI_PCI_MSI |
				  MSI_FLAG_NO_AFFINITY,
	.required_flags		= MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
				  MSI_FLAG_NO_AFFINITY,
	.bus_select_token	= DOMAIN_BUS_NEXUS,
	.prefix			= "SIM-",
	.init_dev_msi_info	= sim_msi_init_dev,
};

static void sim_msi_raise(struct sim_msi *msi, unsigned int hwirq)
{
	/* What the handler leaves to a softirq runs here, not in ksoftirqd */
	local_bh_disable();
	generic_handle_domain_irq_safe(msi->domain, hwirq);
	local_bh_enable();
}

static void sim_msi_work(struct irq_work *work)
{
	struct sim_msi *msi = container_of(work, struct sim_msi, work);
	unsigned int hwirq;

	for_each_set_bit(hwirq, msi->pending, SIM_MSI_COUNT)
		if (test_and_clear_bit(hwirq, msi->pending))
			generic_handle_domain_irq_safe(msi->domain, hwirq);
}

/**
 * sim_msi_create() - create the interrupt domain of a root port
 * @segment: PCI domain, for the name
 *
 * Return: the domain, or an error pointer. Context: sleeps.
 */
struct sim_msi *sim_msi_create(u32 segment)
{
	struct sim_msi *msi;

	msi = kzalloc(sizeof(*msi), GFP_KERNEL);
	if (!msi)
		return ERR_PTR(-ENOMEM);
	mutex_init(&msi->lock);
	init_irq_work(&msi->work, sim_msi_work);
	msi->fwnode = irq_domain_alloc_named_id_fwnode("iommu-sim-msi", segment);
	if (!msi->fwnode)
		goto err_free;
	msi->domain = irq_domain_create_hierarchy(NULL, IRQ_DOMAIN_FLAG_MSI_PARENT |
						  IRQ_DOMAIN_FLAG_ISOLATED_MSI, SIM_MSI_COUNT,
						  msi->fwnode, &sim_msi_domain_ops, msi);
	if (!msi->domain)
		goto err_fwnode;
	irq_domain_update_bus_token(msi->domain, DOMAIN_BUS_NEXUS);
	msi->domain->msi_parent_ops = &sim_msi_parent_ops;
	return msi;

err_fwnode:
	irq_domain_free_fwnode(msi->fwnode);
err_free:
	kfree(msi);
	return ERR_PTR(-ENOMEM);
}

/**
 * sim_msi_destroy() - destroy the interrupt domain of a root port
 * @msi: the domain; no device uses it any more, and none sends
 *
 * Context: sleeps.
 */
void sim_msi_destroy(struct sim_msi *msi)
{
	irq_work_sync(&msi->work);
	irq_domain_remove(msi->domain);
	irq_domain_free_fwnode(msi->fwnode);
	kfree(msi);
}

/**
 * sim_msi_domain() - the irq domain to give to a host bridge
 * @msi: the root port's interrupts
 *
 * Return: the domain
 */
struct irq_domain *sim_msi_domain(struct sim_msi *msi)
{
	return msi->domain;
}

/**
 * sim_msi_match() - is this request a message-signalled interrupt? (spec 9)
 * @tlp: the request
 *
 * Return: whether it is
 */
bool sim_msi_match(const struct iommu_sim_tlp *tlp)
{
	return tlp->type == SIM_TLP_MEM_WRITE && tlp->at == SIM_AT_UNTRANSLATED &&
	       !(tlp->flags & SIM_TLP_PASID) && tlp->len == sizeof(__le32) &&
	       tlp->addr >= SIM_MSI_WINDOW &&
	       tlp->addr + tlp->len - 1 <= SIM_MSI_WINDOW_LAST;
}

/**
 * sim_msi_deliver() - deliver an interrupt
 * @msi: the root port's interrupts
 * @rid: requester ID of the sender
 * @data: of the message
 *
 * A device can forge a message by an ordinary write, which comes here inside
 * an access section. No handler may run there: it is deferred.
 *
 * Return: false if the interrupt is not the sender's. Context: any.
 */
bool sim_msi_deliver(struct sim_msi *msi, u16 rid, u32 data)
{
	/* Until it is delivered it stays the sender's */
	guard(rcu)();
	if (data >= SIM_MSI_COUNT || READ_ONCE(msi->owner[data]) != (SIM_MSI_OWNED | rid))
		return false;
	if (irqs_disabled()) {
		set_bit(data, msi->pending);
		irq_work_queue(&msi->work);
	} else {
		sim_msi_raise(msi, data);
	}
	return true;
}
