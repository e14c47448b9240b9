/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The synthetic PCI bus: a root port, and endpoints with a DMA engine (spec 9
 * and 10). An endpoint knows its registers and whom to hand its requests to.
 */
#ifndef _IOMMU_SIM_PCI_H
#define _IOMMU_SIM_PCI_H

#include <linux/bits.h>
#include <linux/mutex.h>
#include <linux/pci_regs.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <uapi/linux/iommu-sim.h>

#include "debug/inject.h"
#include "iommu-sim-regfile.h"
#include "iommu-sim-section.h"
#include "iommu-sim-tlp.h"
#include "tlb/tlb.h"

struct dentry;
struct pci_bus;
struct pci_host_bridge;
struct seq_file;
struct sim_atc;
struct sim_endpoint;
struct task_struct;

/* spec 10.2: where the capabilities are */
#define SIM_CAP_PM		0x40
#define SIM_CAP_MSI		0x50
#define SIM_CAP_EXP		0x70
#define SIM_CAP_ATS		0x100
#define SIM_CAP_PRI		0x110
#define SIM_CAP_PASID		0x120
#define SIM_CAP_DVSEC		0x140

#define SIM_CFG_SIZE		SZ_4K
#define SIM_MSI_VECTORS_LG2	3
#define SIM_MSI_VECTORS		BIT(SIM_MSI_VECTORS_LG2)

/**
 * struct sim_upstream - whom an endpoint sends its requests to
 * @send: handle one request; called with interrupts off, unless it is an MSI
 * @copy: the same for a read and a write of what it returns; optional
 * @is_up: whether there is anybody; if not, the endpoint does not answer either
 * @inject: what may make an endpoint misbehave
 */
struct sim_upstream {
	enum iommu_sim_tlp_status (*send)(struct sim_upstream *up, struct iommu_sim_tlp *tlp);
	enum iommu_sim_tlp_status (*copy)(struct sim_upstream *up, struct iommu_sim_tlp *read,
					  struct iommu_sim_tlp *write, bool *at_write);
	bool (*is_up)(const struct sim_upstream *up);
	struct sim_inject *inject;
};

/* What a channel takes over from its registers when it is enabled */
struct sim_ring {
	u64 desc;
	u64 cpl;
	u32 pasid;
	unsigned int size_lg2;
};

/**
 * struct sim_work - the descriptor that a channel is working on
 * @epoch: the channel's when the work began; if that has moved, drop the work
 * @resets: likewise, for what a mere stop leaves alone
 * @number: of the descriptor
 * @ring: where it came from
 * @desc: the descriptor
 * @cpl: how far it got
 */
struct sim_work {
	u32 epoch;
	u32 resets;
	u32 number;
	struct sim_ring ring;
	struct iommu_sim_desc desc;
	struct iommu_sim_cpl cpl;
};

/* Buffers of a channel: what is between a read and a write, and its lists */
struct sim_buffers {
	u8 data[SIM_TLP_MAX_LEN + sizeof(u64)];
	u8 other[SIM_TLP_MAX_LEN];
	struct iommu_sim_seg src[IOMMU_SIM_MAX_SEGMENTS];
	struct iommu_sim_seg dst[IOMMU_SIM_MAX_SEGMENTS];
};

/* Changed under the endpoint's lock up to @dropped, else by the thread only */
struct sim_channel_stats {
	u64 submitted;
	u64 completed;
	u64 errors;
	u64 dropped;
	u64 halts;
	u64 bytes_read;
	u64 bytes_written;
	u64 tlps;
	u64 msis;
};

/**
 * struct sim_channel - one channel of the DMA engine
 * @ep: the endpoint
 * @index: number of the channel
 * @task: its thread
 * @epoch: moves when work under way is to be dropped; read in sections
 * @resets: moves when HEAD has been reset
 * @tail: the doorbell as accepted
 * @running: enabled with a valid configuration, and not halted
 * @halt_msi: the thread has to send the MSI of a halt
 * @ring: taken over when the channel was enabled
 * @work: the thread's own
 * @buf: the thread's own
 * @stats: see there
 *
 * What is not the thread's own is protected by the endpoint's lock.
 */
struct sim_channel {
	struct sim_endpoint *ep;
	unsigned int index;
	struct task_struct *task;
	u32 epoch;
	u32 resets;
	u32 tail;
	bool running;
	bool halt_msi;
	struct sim_ring ring;
	struct sim_work work;
	struct sim_buffers *buf;
	struct sim_channel_stats stats;
};

/**
 * struct sim_endpoint - one function on the bus
 * @up: where requests go
 * @rid: requester ID
 * @lock: protects the registers; nothing is sent and nobody is woken under it
 * @sections: every request but an MSI is sent inside one
 * @may_send: bus master and in D0; read in sections
 * @may_use_pasid: PASID is enabled; read in sections
 * @ats_enabled: the Enable bit of ATS
 * @atc: address translation cache, or NULL if there is no ATS
 * @function: what invalidate requests come by; NULL if nobody knows the endpoint
 * @cfg: configuration space, in CPU byte order
 * @debugfs: directory of the endpoint
 * @nr_channels: entries of @ch
 * @ch: channels
 */
struct sim_endpoint {
	struct sim_upstream *up;
	u16 rid;
	raw_spinlock_t lock;
	struct sim_sections sections;
	bool may_send;
	bool may_use_pasid;
	bool ats_enabled;
	struct sim_atc *atc;
	struct iommu_sim_function *function;
	u32 cfg[SIM_CFG_SIZE / sizeof(u32)];
	struct dentry *debugfs;
	unsigned int nr_channels;
	struct sim_channel ch[] __counted_by(nr_channels);
};

static inline u32 *sim_cfg_cell(struct sim_endpoint *ep, unsigned int offset)
{
	return &ep->cfg[offset / sizeof(u32)];
}

/* A register of a channel, by its IOMMU_SIM_CH_* offset */
static inline u32 *sim_channel_cell(struct sim_channel *ch, unsigned int offset)
{
	return sim_cfg_cell(ch->ep, SIM_CAP_DVSEC + IOMMU_SIM_CHANNEL(ch->index) + offset);
}

/* What a register write leaves to be done after the lock has been dropped */
#define SIM_AFTER_SYNC		BIT(0)	/* wait for requests under way */
#define SIM_AFTER_WAKE		BIT(1)	/* the channels may have work */

/* config.c */
void sim_cfg_reset(struct sim_endpoint *ep);
u32 sim_cfg_read(struct sim_endpoint *ep, unsigned int offset, unsigned int size);
void sim_cfg_write(struct sim_endpoint *ep, unsigned int offset, unsigned int size, u32 val);

/* channel.c */
unsigned int sim_channel_write_ctrl(struct sim_channel *ch, u32 old, bool reset);
unsigned int sim_channel_write_tail(struct sim_channel *ch);
void sim_channel_reset(struct sim_channel *ch);
bool sim_channel_inject(struct sim_channel *ch, enum sim_inject_id id, u64 iova, u64 last);
int sim_channel_send(struct sim_channel *ch, struct iommu_sim_tlp *tlp,
		     void (*then)(struct sim_channel *ch));
int sim_channel_copy(struct sim_channel *ch, struct iommu_sim_tlp *read,
		     struct iommu_sim_tlp *write, bool *at_write);
int sim_channel_thread(void *data);

/* atc.c */
extern const struct iommu_sim_function_ops sim_atc_ops;
int sim_atc_create(struct sim_endpoint *ep, const struct sim_tlb_config *config);
void sim_atc_destroy(struct sim_endpoint *ep);
void sim_atc_set(struct sim_endpoint *ep, bool enable, unsigned int stu);
enum iommu_sim_tlp_status sim_atc_send(struct sim_endpoint *ep, struct iommu_sim_tlp *tlp);
enum iommu_sim_tlp_status sim_atc_copy(struct sim_endpoint *ep, struct iommu_sim_tlp *read,
				       struct iommu_sim_tlp *write, bool *at_write);
void sim_atc_show_stats(struct seq_file *s, const struct sim_endpoint *ep);
int sim_atc_show(struct seq_file *s, const struct sim_endpoint *ep);

/* engine.c */
int sim_engine_execute(struct sim_channel *ch);

/* endpoint.c */
struct sim_endpoint *sim_endpoint_create(struct sim_upstream *up, u16 rid,
					 unsigned int nr_channels,
					 const struct sim_tlb_config *atc);
void sim_endpoint_destroy(struct sim_endpoint *ep);
void sim_endpoint_wake(struct sim_endpoint *ep, struct sim_channel *ch);
bool sim_endpoint_msi(struct sim_endpoint *ep, unsigned int vector);
void sim_endpoint_debugfs(struct sim_endpoint *ep, struct dentry *dir, u32 segment);
void sim_endpoint_undebugfs(struct sim_endpoint *ep);

/* msi.c */
struct sim_msi;

struct sim_msi *sim_msi_create(u32 segment);
void sim_msi_destroy(struct sim_msi *msi);
struct irq_domain *sim_msi_domain(struct sim_msi *msi);
bool sim_msi_match(const struct iommu_sim_tlp *tlp);
bool sim_msi_deliver(struct sim_msi *msi, u16 rid, u32 data);

#endif
