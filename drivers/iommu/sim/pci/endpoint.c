// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints: their life, their interrupts, their statistics (spec 10) */
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "iommu-sim-bits.h"
#include "pci.h"

/**
 * sim_endpoint_wake() - have channels look for work
 * @ep: the endpoint
 * @ch: the channel, or NULL for all of them
 *
 * Context: any, without the endpoint's lock.
 */
void sim_endpoint_wake(struct sim_endpoint *ep, struct sim_channel *ch)
{
	unsigned int i;

	if (ch) {
		wake_up_process(ch->task);
		return;
	}
	for (i = 0; i < ep->nr_channels; i++)
		wake_up_process(ep->ch[i].task);
}

/**
 * sim_endpoint_msi() - send a message-signalled interrupt (spec 10.6)
 * @ep: the endpoint
 * @vector: which, from 0
 *
 * The handler may run before this returns and may write configuration space,
 * which waits for access sections: so this is never called inside one.
 *
 * Return: whether it has been delivered. Context: a channel's thread.
 */
bool sim_endpoint_msi(struct sim_endpoint *ep, unsigned int vector)
{
	struct iommu_sim_tlp tlp = {
		.type = SIM_TLP_MEM_WRITE,
		.at = SIM_AT_UNTRANSLATED,
		.rid = ep->rid,
		.len = sizeof(__le32),
	};
	unsigned int nr_lg2;
	__le32 data;
	u16 flags;

	scoped_guard(raw_spinlock_irqsave, &ep->lock) {
		flags = *sim_cfg_cell(ep, SIM_CAP_MSI) >> 16;
		nr_lg2 = min_t(unsigned int, FIELD_GET(PCI_MSI_FLAGS_QSIZE, flags),
			       SIM_MSI_VECTORS_LG2);
		if (!(flags & PCI_MSI_FLAGS_ENABLE) || vector >= BIT(nr_lg2) || !ep->may_send)
			return false;
		tlp.addr = *sim_cfg_cell(ep, SIM_CAP_MSI + PCI_MSI_ADDRESS_LO) |
			   (u64)*sim_cfg_cell(ep, SIM_CAP_MSI + PCI_MSI_ADDRESS_HI) << 32;
		data = cpu_to_le32((*sim_cfg_cell(ep, SIM_CAP_MSI + PCI_MSI_DATA_64) &
				    ~(BIT(nr_lg2) - 1)) | vector);
	}
	tlp.data = &data;
	return ep->up->send(ep->up, &tlp) == SIM_CPL_SUCCESS;
}

/**
 * sim_endpoint_undebugfs() - undo sim_endpoint_debugfs()
 * @ep: the endpoint
 */
void sim_endpoint_undebugfs(struct sim_endpoint *ep)
{
	debugfs_remove(ep->debugfs);
	ep->debugfs = NULL;
}

static void sim_endpoint_stop(struct sim_endpoint *ep)
{
	unsigned int i;

	scoped_guard(raw_spinlock_irqsave, &ep->lock)
		sim_cfg_reset(ep);
	for (i = 0; i < ep->nr_channels; i++) {
		if (ep->ch[i].task)
			kthread_stop(ep->ch[i].task);
		kfree(ep->ch[i].buf);
	}
}

static int sim_channel_init(struct sim_endpoint *ep, unsigned int index)
{
	struct sim_channel *ch = &ep->ch[index];
	struct task_struct *task;

	ch->ep = ep;
	ch->index = index;
	ch->buf = kmalloc(sizeof(*ch->buf), GFP_KERNEL);
	if (!ch->buf)
		return -ENOMEM;
	task = kthread_create(sim_channel_thread, ch, "sim-dma-%04x/%u", ep->rid, index);
	if (IS_ERR(task))
		return PTR_ERR(task);
	ch->task = task;
	return 0;
}

/**
 * sim_endpoint_create() - create an endpoint, as after a reset
 * @up: where its requests go
 * @rid: requester ID, bus << 8 | devfn
 * @nr_channels: channels of its DMA engine, 1 to IOMMU_SIM_MAX_CHANNELS
 * @atc: geometry of its ATC, or NULL for none, and no ATS
 *
 * Return: the endpoint, or an error pointer. Context: sleeps.
 */
struct sim_endpoint *sim_endpoint_create(struct sim_upstream *up, u16 rid,
					 unsigned int nr_channels,
					 const struct sim_tlb_config *atc)
{
	struct sim_endpoint *ep;
	unsigned int i;
	int ret;

	ep = kzalloc(struct_size(ep, ch, nr_channels), GFP_KERNEL);
	if (!ep)
		return ERR_PTR(-ENOMEM);
	ep->nr_channels = nr_channels;
	ep->up = up;
	ep->rid = rid;
	raw_spin_lock_init(&ep->lock);
	ret = sim_sections_init(&ep->sections);
	if (!ret && atc)
		ret = sim_atc_create(ep, atc);
	for (i = 0; !ret && i < nr_channels; i++)
		ret = sim_channel_init(ep, i);
	if (ret) {
		ep->nr_channels = i;
		sim_endpoint_destroy(ep);
		return ERR_PTR(ret);
	}
	scoped_guard(raw_spinlock_irqsave, &ep->lock)
		sim_cfg_reset(ep);
	sim_endpoint_wake(ep, NULL);
	return ep;
}

/**
 * sim_endpoint_destroy() - stop an endpoint and free it
 * @ep: the endpoint; nobody accesses its configuration space any more
 *
 * Context: sleeps.
 */
void sim_endpoint_destroy(struct sim_endpoint *ep)
{
	sim_endpoint_undebugfs(ep);
	sim_endpoint_stop(ep);
	sim_atc_destroy(ep);
	sim_sections_destroy(&ep->sections);
	kfree(ep);
}

/* One line for each counter, summed over the channels, then each channel's */
static int stats_show(struct seq_file *m, void *unused)
{
	static const struct {
		const char *name;
		size_t offset;
	} counters[] = {
#define COUNTER(name) { #name, offsetof(struct sim_channel_stats, name) }
		COUNTER(submitted), COUNTER(completed), COUNTER(errors), COUNTER(dropped),
		COUNTER(halts), COUNTER(bytes_read), COUNTER(bytes_written), COUNTER(tlps),
		COUNTER(msis),
#undef COUNTER
	};
	struct sim_channel_stats s[IOMMU_SIM_MAX_CHANNELS];
	struct sim_endpoint *ep = m->private;
	unsigned int i, c;

	scoped_guard(raw_spinlock_irqsave, &ep->lock)
		for (c = 0; c < ep->nr_channels; c++)
			s[c] = ep->ch[c].stats;
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		u64 sum = 0;

		for (c = 0; c < ep->nr_channels; c++)
			sum += *(u64 *)((void *)&s[c] + counters[i].offset);
		seq_printf(m, "%s %llu\n", counters[i].name, sum);
	}
	for (c = 0; c < ep->nr_channels; c++)
		for (i = 0; i < ARRAY_SIZE(counters); i++)
			seq_printf(m, "channel%u_%s %llu\n", c, counters[i].name,
				   *(u64 *)((void *)&s[c] + counters[i].offset));
	if (ep->atc)
		sim_atc_show_stats(m, ep);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int atc_show(struct seq_file *m, void *unused)
{
	return sim_atc_show(m, m->private);
}
DEFINE_SHOW_ATTRIBUTE(atc);

/**
 * sim_endpoint_debugfs() - show an endpoint in debugfs until it is destroyed
 * @ep: the endpoint
 * @dir: the directory of all endpoints
 * @segment: PCI domain
 */
void sim_endpoint_debugfs(struct sim_endpoint *ep, struct dentry *dir, u32 segment)
{
	char name[sizeof("01234567:00:00.0")];

	snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", segment, PCI_BUS_NUM(ep->rid),
		 PCI_SLOT(ep->rid & 0xff), PCI_FUNC(ep->rid & 0xff));
	ep->debugfs = debugfs_create_dir(name, dir);
	debugfs_create_file("stats", 0444, ep->debugfs, ep, &stats_fops);
	if (ep->atc)
		debugfs_create_file("atc", 0400, ep->debugfs, ep, &atc_fops);
}
