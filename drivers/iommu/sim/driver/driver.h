/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver: what its files share. It reaches the silicon through registers
 * (iommu-sim-bus.h) and bytes in memory (iommu-sim-bits.h), and in no other way.
 */
#ifndef _IOMMU_SIM_DRIVER_H
#define _IOMMU_SIM_DRIVER_H

#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "debug/inject.h"
#include "debug/stats.h"
#include "iommu-sim-bits.h"
#include "iommu-sim-bus.h"

enum sim_driver_stat {
	SIM_DSTAT_MAPS,
	SIM_DSTAT_UNMAPS,
	SIM_DSTAT_SYNC_MAPS,
	SIM_DSTAT_SYNCS,
	SIM_DSTAT_FLUSH_ALLS,
	SIM_DSTAT_TABLES_ALLOCATED,
	SIM_DSTAT_TABLES_FREED,
	SIM_DSTAT_FLUSH_FAILURES,
	SIM_DSTAT_FAULTS,
	SIM_DSTAT_NR
};

/**
 * struct sim_queue - a command queue
 * @lock: taken with interrupts off, in any context
 * @ring: the commands
 * @done: where completion waits store how far the queue has come
 * @seq: what the last completion wait will store
 * @head: where the silicon was when last looked
 * @tail: next free slot
 */
struct sim_queue {
	raw_spinlock_t lock;
	struct sim_cmd *ring;
	__le64 *done;
	u64 seq;
	u32 head;
	u32 tail;
} ____cacheline_aligned_in_smp;

/**
 * struct sim_iommu - an instance
 * @iommu: what the IOMMU core knows of it
 * @dev: its platform device
 * @hw: its registers
 * @devtab: the device table
 * @queues: command queues
 * @nr_queues: how many
 * @events: the event queue, read from @events_head on
 * @events_head: next event to read
 * @irq: its interrupt
 * @npcache: "not present" is cached, too (spec 5.4)
 * @pgsizes: page sizes, a bit for each
 * @iova_bits: width of the IOVA of a domain
 * @domain_ids: domain IDs in use
 * @devices: struct sim_device by requester ID; freed after a grace period
 * @lock: serialises what attaches, against the event handler, too
 * @stats: counters, shown in debugfs
 * @inject: fault injection
 * @debugfs_domains: directory of the domains
 */
struct sim_iommu {
	struct iommu_device iommu;
	struct device *dev;
	struct iommu_sim_hw *hw;
	struct sim_dte *devtab;
	struct sim_queue *queues;
	unsigned int nr_queues;
	struct sim_event *events;
	u32 events_head;
	int irq;
	bool npcache;
	unsigned long pgsizes;
	unsigned int iova_bits;
	struct dentry *debugfs_domains;
	struct ida domain_ids;
	struct xarray devices;
	struct mutex lock;	/* who is attached to what */
	struct iommu_sim_stats stats;
	struct sim_inject *inject;
};

/**
 * struct sim_pt - a page table
 * @root: the highest table
 * @levels: how many levels
 * @tables: tables there are, those in limbo included
 * @stats: where tables are counted, too
 * @inject: what may make maps fail
 * @device: requester ID on whose behalf they fail, if there is only one
 */
struct sim_pt {
	__le64 *root;
	unsigned int levels;
	atomic_long_t tables;
	struct iommu_sim_stats *stats;
	struct sim_inject *inject;
	int device;
};

/**
 * struct sim_leaf - a page in a page table
 * @iova: its first address
 * @pa: where it leads
 * @entry: the page table entry, with rights, A and D
 * @size_lg2: log2 of its size
 */
struct sim_leaf {
	u64 iova;
	u64 pa;
	u64 entry;
	unsigned int size_lg2;
};

/**
 * struct sim_limbo - tables that are unlinked, but may still be walked
 * @tables: linked by page->lru
 * @iova: first address that they translated
 * @last: last address that they translated
 */
struct sim_limbo {
	struct list_head tables;
	u64 iova;
	u64 last;
};

/**
 * struct sim_domain - a paging domain
 * @domain: what the IOMMU core knows of it
 * @iommu: the instance it belongs to
 * @id: domain ID
 * @pt: its page table
 * @lock: protects @limbo; any context, interrupts off
 * @limbo: tables to free when a flush has covered them
 * @debugfs: its directory
 */
struct sim_domain {
	struct iommu_domain domain;
	struct sim_iommu *iommu;
	u16 id;
	struct sim_pt pt;
	raw_spinlock_t lock;
	struct sim_limbo limbo;
	struct dentry *debugfs;
};

/**
 * struct sim_device - a device behind the IOMMU
 * @dev: the device
 * @iommu: the instance in front of it
 * @rid: requester ID
 * @lock: protects its device table entry; any context, interrupts off
 * @domain: what the entry says it is attached to, or NULL if it is blocked;
 *          changed under sim_iommu::lock and @lock
 */
struct sim_device {
	struct device *dev;
	struct sim_iommu *iommu;
	u16 rid;
	raw_spinlock_t lock;
	struct iommu_domain *domain;
};

static inline struct sim_domain *to_sim_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct sim_domain, domain);
}

/* Word 0 of a device table entry that lets no request through */
static inline u64 sim_blocked_dte(void)
{
	return SIM_DTE0_V | FIELD_PREP(SIM_DTE0_CFG, SIM_DTE_CFG_ABORT);
}

/* driver/queue.c */
int sim_queues_init(struct sim_iommu *iommu);
void sim_queues_destroy(struct sim_iommu *iommu);
int sim_queue_submit(struct sim_iommu *iommu, const struct sim_cmd *cmds, unsigned int nr);
int sim_queue_submit_all(struct sim_iommu *iommu, struct sim_cmd cmd);

/* driver/pt.c */
int sim_pt_init(struct sim_pt *pt, unsigned int levels, struct iommu_sim_stats *stats,
		struct sim_inject *inject);
void sim_pt_destroy(struct sim_pt *pt);
int sim_pt_map(struct sim_pt *pt, u64 iova, u64 pa, unsigned int size_lg2, size_t count,
	       u64 rights, gfp_t gfp, size_t *mapped, struct sim_limbo *limbo);
u64 sim_pt_unmap(struct sim_pt *pt, u64 iova, u64 len, struct sim_limbo *limbo);
u64 sim_pt_lookup(struct sim_pt *pt, u64 iova);
bool sim_pt_next_leaf(struct sim_pt *pt, u64 iova, u64 last, struct sim_leaf *leaf);
void sim_limbo_init(struct sim_limbo *limbo);
void sim_limbo_splice(struct sim_limbo *from, struct sim_limbo *to);
void sim_limbo_free(struct sim_limbo *limbo, struct sim_pt *pt);

/* driver/domain.c */
extern struct iommu_domain sim_identity_domain;
extern struct iommu_domain sim_blocked_domain;
extern const struct iommu_domain_ops sim_paging_domain_ops;
struct iommu_domain *sim_domain_alloc_paging(struct device *dev);
int sim_device_set(struct sim_device *sdev, struct iommu_domain *domain, u64 qw0, u64 qw1);

/* driver/debugfs.c */
void sim_domain_debugfs_add(struct sim_domain *domain);

/* driver/event.c */
int sim_events_init(struct sim_iommu *iommu, struct platform_device *pdev);
void sim_events_destroy(struct sim_iommu *iommu);

#endif
