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
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "debug/inject.h"
#include "debug/stats.h"
#include "iommu-sim-bits.h"
#include "iommu-sim-bus.h"
#include "pt.h"

enum sim_driver_stat {
	SIM_DSTAT_MAPS,
	SIM_DSTAT_UNMAPS,
	SIM_DSTAT_SYNC_MAPS,
	SIM_DSTAT_SYNCS,
	SIM_DSTAT_FLUSH_ALLS,
	SIM_DSTAT_COMMITS,
	SIM_DSTAT_COMMIT_FAILURES,
	SIM_DSTAT_TABLES_ALLOCATED,
	SIM_DSTAT_TABLES_FREED,
	SIM_DSTAT_FLUSH_FAILURES,
	SIM_DSTAT_QUARANTINES,
	SIM_DSTAT_FAULTS,
	SIM_DSTAT_NR
};

/**
 * struct sim_queue - a command queue
 * @lock: taken with interrupts off, in any context
 * @regs: offset of its registers
 * @ring: the commands
 * @done: where completion waits store how far the queue has come
 * @seq: what the last completion wait will store
 * @head: where the silicon was when last looked
 * @tail: next free slot
 */
struct sim_queue {
	raw_spinlock_t lock;
	u32 regs;
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
 * @has_range: it knows INVALIDATE_RANGE (spec 6.3.5)
 * @has_ats: it knows ATS (spec 8.5)
 * @timeout_ns: what a flush may take, with devices that have to answer
 * @pgsizes: page sizes, a bit for each
 * @iova_bits: width of the IOVA of a domain
 * @domain_ids: domain IDs in use
 * @devices: struct sim_device by requester ID; freed after a grace period
 * @lock: serialises what attaches, against the event handler, too
 * @stats: counters, shown in debugfs
 * @inject: fault injection
 * @debugfs_domains: directory of the domains
 * @debugfs_devices: list of the devices
 * @wq: reclaims tables, and turns ATS off in devices
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
	bool has_range;
	bool has_ats;
	u64 timeout_ns;
	unsigned long pgsizes;
	unsigned int iova_bits;
	struct dentry *debugfs_domains;
	struct dentry *debugfs_devices;
	struct ida domain_ids;
	struct xarray devices;
	struct mutex lock;	/* who is attached to what */
	struct iommu_sim_stats stats;
	struct sim_inject *inject;
	struct workqueue_struct *wq;
};

/* Uses of a domain by devices that may have ATS, and by PASIDs */
#define SIM_MAX_USERS	256

/**
 * struct sim_user - who uses a domain
 * @sdev: the device; NULL if it does no more
 * @pasid: its PASID, or IOMMU_NO_PASID
 */
struct sim_user {
	struct sim_device *sdev;
	u32 pasid;
};

/**
 * struct sim_special - users that flushes of a domain have to know of
 * @rcu: frees it
 * @nr: entries of @user
 * @user: all uses by PASIDs, and by devices that may have ATS
 */
struct sim_special {
	struct rcu_head rcu;
	unsigned int nr;
	struct sim_user user[] __counted_by(nr);
};

/**
 * struct sim_domain - a paging domain
 * @domain: what the IOMMU core knows of it
 * @pt_iommu: the same, and how ranges come in
 * @iommu: the instance it belongs to
 * @id: domain ID
 * @attached: how many devices and PASIDs may use it; changed under sim_iommu::lock
 * @special: those that have a PASID or ATS, or NULL; changed under sim_iommu::lock
 * @tracking: walks of its devices set A and D; changed under sim_iommu::lock
 * @pt: its page table
 * @pending: what the next commit has to flush; NULL unless commit is explicit
 * @lock: protects @limbo, and the reclaim of tables; any context, interrupts off
 * @limbo: tables that a flush has yet to cover
 * @reclaim: a step of it, after a grace period
 * @reclaiming: it is queued, or runs
 * @reclaim_all: no empty table is to be kept
 * @recheck: tables came to be watched since the last step began
 * @keep_none: none is kept, now that it runs
 * @stop: no further steps
 * @kept: empty tables that were kept
 * @debugfs: its directory
 * @notified: there are notifiers; read under RCU
 * @devtlb_notified: some of them for IOMMU_SIM_DEVIOTLB_UNMAP
 * @notify_lock: protects @notifiers, and has one event at a time; interrupts off
 * @notifiers: who is told what is mapped and unmapped
 * @consumers_lock: protects what follows
 * @mirror: made by debugfs, or NULL
 * @softdev: likewise
 */
struct sim_domain {
	union {
		struct iommu_domain domain;
#if SIM_HAVE_PT_RANGES
		struct pt_iommu pt_iommu;
#endif
	};
	struct sim_iommu *iommu;
	u16 id;
	bool notified;
	bool devtlb_notified;
	unsigned int attached;
	struct sim_special __rcu *special;
	bool tracking;
	struct sim_pt pt;
	struct sim_pending *pending;
	raw_spinlock_t lock;
	struct sim_limbo limbo;
	struct rcu_work reclaim;
	atomic_t reclaiming;
	bool reclaim_all;
	bool recheck;
	bool keep_none;
	bool stop;
	unsigned int kept;
	struct dentry *debugfs;
	spinlock_t notify_lock;	/* notifiers, events */
	struct list_head notifiers;
	struct mutex consumers_lock;	/* mirror, softdev */
	struct sim_mirror *mirror;
	struct sim_softdev *softdev;
};

/**
 * struct sim_device - a device behind the IOMMU
 * @dev: the device
 * @iommu: the instance in front of it
 * @rid: requester ID
 * @lock: protects its device table entry; any context, interrupts off
 * @domain: what the entry says it is attached to, or NULL if it is blocked;
 *          changed under sim_iommu::lock and @lock
 * @joins: what @domain is about to be, or NULL
 * @blocked: a flush of a domain failed that it uses, so its entry blocks it until it
 *	     leaves @domain
 * @blocks: how often it was blocked
 * @max_pasids: PASIDs it has; 0 if none
 * @pasids: the domain of each PASID; changed under sim_iommu::lock
 * @pasid_dir: its PASID table, or NULL
 * @ats_supported: it may use ATS
 * @ats_depth: invalidate requests it takes at a time, 0 for 32
 * @ats_entry: the entry says so, unless it is in quarantine; likewise
 * @ats: flushes tell it what to forget; changed under @lock, as @quarantined
 * @quarantined: it has not answered one of them
 * @quarantine_work: turns ATS off in the device
 */
struct sim_device {
	struct device *dev;
	struct sim_iommu *iommu;
	u16 rid;
	raw_spinlock_t lock;
	struct iommu_domain *domain;
	struct iommu_domain *joins;
	bool blocked;
	unsigned int blocks;
	u32 max_pasids;
	struct xarray pasids;
	__le64 *pasid_dir;
	bool ats_supported;
	u8 ats_depth;
	bool ats_entry;
	bool ats;
	bool quarantined;
	struct work_struct quarantine_work;
};

static inline struct sim_domain *to_sim_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct sim_domain, domain);
}

/* driver/main.c */
extern const struct iommu_ops sim_iommu_ops;

/* driver/queue.c */
int sim_queues_init(struct sim_iommu *iommu);
void sim_queues_destroy(struct sim_iommu *iommu);
int sim_queue_submit(struct sim_iommu *iommu, const struct sim_cmd *cmds, unsigned int nr);
int sim_queue_submit_all(struct sim_iommu *iommu, struct sim_cmd cmd);

/* driver/attach.c */
extern struct iommu_domain sim_identity_domain;
extern struct iommu_domain sim_blocked_domain;
int sim_paging_attach(struct iommu_domain *d, struct device *dev SIM_OLD_DOMAIN);
int sim_paging_set_dev_pasid(struct iommu_domain *d, struct device *dev, ioasid_t pasid,
			     struct iommu_domain *old);
int sim_device_set(struct sim_device *sdev, struct iommu_domain *domain);
void sim_device_clear(struct sim_device *sdev);
int sim_device_lead(struct sim_device *sdev);
void sim_device_update(struct sim_device *sdev);
void sim_device_block(struct sim_device *sdev, int error);
void sim_device_shut(struct sim_device *sdev);
void sim_device_revive(struct sim_device *sdev);
void sim_domain_words(struct iommu_domain *d, u64 qw[2]);
void sim_entry_write(__le64 *entry, const u64 *qw, unsigned int nr);
int sim_flush_if_paging(struct iommu_domain *d);
int sim_domain_get(struct iommu_domain *d, struct sim_device *sdev, u32 pasid);
void sim_domain_put(struct iommu_domain *d, struct sim_device *sdev, u32 pasid);
int sim_domain_set_tracking(struct sim_domain *domain, bool tracking);
void sim_domain_block(struct sim_domain *domain, int error);

/* driver/ats.c */
void sim_ats_init(struct sim_device *sdev);
void sim_ats_probe(struct sim_device *sdev, bool allowed);
bool sim_ats_try(struct sim_device *sdev);
void sim_ats_on(struct sim_device *sdev);
void sim_ats_stop(struct sim_device *sdev);
int sim_ats_forget(struct sim_device *sdev, u32 pasid);
void sim_ats_quarantine(struct sim_iommu *iommu, u16 rid);
void sim_ats_debugfs(struct sim_iommu *iommu);

/* driver/pasid.c */
void sim_pasid_probe(struct sim_device *sdev);
void sim_pasid_release(struct sim_device *sdev);
int sim_pasid_refresh(struct sim_device *sdev, struct iommu_domain *domain);
int sim_set_dev_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
		      struct iommu_domain *old);
void sim_remove_dev_pasid(struct device *dev, ioasid_t pasid);

/* driver/domain.c */
extern const struct iommu_domain_ops sim_paging_domain_ops;
struct iommu_domain *sim_domain_alloc_paging(struct device *dev);
struct iommu_domain *sim_domain_alloc_flags(struct device *dev, u32 flags,
					    const struct iommu_user_data *user_data);
#if !SIM_HAVE_PAGING_FLAGS
struct iommu_domain *sim_domain_alloc_user(struct device *dev, u32 flags,
					   struct iommu_domain *parent,
					   const struct iommu_user_data *user_data);
#endif
bool sim_is_paging(const struct iommu_domain *d);

/* driver/flush.c */
#define SIM_FLUSH_MAX_CMDS	32

struct sim_range {
	u64 first;
	u64 last;
};

/**
 * struct sim_ranges - what has to be flushed
 * @nr: how many ranges
 * @all: they were too many: the domain
 * @range: in order, none adjacent to another
 */
struct sim_ranges {
	unsigned int nr;
	bool all;
	struct sim_range range[SIM_FLUSH_MAX_CMDS];
};

int sim_flush_domain(struct sim_domain *domain);
int sim_flush_range(struct sim_domain *domain, u64 first, u64 last);
int sim_flush_ranges(struct sim_domain *domain, const struct sim_ranges *ranges);
int sim_flush_tables(struct sim_domain *domain, u64 first, u64 last);
void sim_ranges_add(struct sim_ranges *ranges, u64 first, u64 last);
struct sim_pending *sim_pending_create(void);
void sim_pending_add(struct sim_pending *pending, u64 first, u64 last);

/* The largest aligned power of two that begins at @first and ends at @last or before: its end */
static inline u64 sim_block_last(u64 first, u64 last)
{
	u64 len = last - first + 1, size;

	/* All there is */
	if (!len)
		return last;
	size = BIT_ULL(__fls(len));
	if (first)
		size = min(size, first & -first);
	return first + size - 1;
}

/* driver/notify.c */
void sim_notify_init(struct sim_domain *domain);
void sim_notify_destroy(struct sim_domain *domain);
void sim_notify_map(struct sim_domain *domain, u64 iova, u64 pa, u64 len, int prot);
u64 sim_notify_unmap(struct sim_domain *domain, u64 iova, u64 len);
void __sim_notify_devtlb(struct sim_domain *domain, u64 first, u64 last);

/* A flush has told devices to forget a range; after it, and without locks of it */
static inline void sim_notify_devtlb(struct sim_domain *domain, u64 first, u64 last)
{
	if (unlikely(READ_ONCE(domain->devtlb_notified)))
		__sim_notify_devtlb(domain, first, last);
}

int sim_leaf_prot(const struct sim_leaf *leaf);

/* driver/reclaim.c */
int sim_domain_release(struct sim_domain *domain);
int sim_domain_clear_way(struct sim_domain *domain, u64 iova, unsigned int size_lg2);
void sim_domain_reclaim_init(struct sim_domain *domain);
void sim_domain_reclaim_kick(struct sim_pt *pt);
void sim_domain_reclaim_all(struct sim_domain *domain);
void sim_domain_reclaim_stop(struct sim_domain *domain);

/* Until no table has to be looked at; sleeps. Nobody may map or unmap meanwhile. */
static inline void sim_domain_reclaim_wait(struct sim_domain *domain)
{
	while (atomic_read(&domain->reclaiming))
		flush_rcu_work(&domain->reclaim);
}

/* driver/dirty.c */
extern const struct iommu_dirty_ops sim_dirty_ops;
/* Without this part of iommufd, what is recorded goes nowhere */
#define SIM_DIRTY_TRACKING	IS_ENABLED(CONFIG_IOMMUFD_DRIVER)

/* driver/debugfs.c */
void sim_domain_debugfs_add(struct sim_domain *domain);

/* driver/event.c */
int sim_events_init(struct sim_iommu *iommu, struct platform_device *pdev);
void sim_events_destroy(struct sim_iommu *iommu);

#endif
