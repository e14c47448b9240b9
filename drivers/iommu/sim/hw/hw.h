/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The silicon: what the files of hw/ share. Nothing outside includes this, but
 * for tests that look at the silicon itself.
 *
 * Locks, all raw and taken with interrupts off: a command queue's, then
 * iommu_sim_hw::lock, then those of caches. Below any of them nothing
 * allocates, sleeps or sends an interrupt.
 */
#ifndef _IOMMU_SIM_HW_H
#define _IOMMU_SIM_HW_H

#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "debug/inject.h"
#include "debug/stats.h"
#include "iommu-sim-bits.h"
#include "iommu-sim-section.h"
#include "iommu-sim-tlp.h"
#include "tlb/tlb.h"

struct platform_device;

/**
 * struct sim_ram - memory of a test bench
 * @base: physical address of the first byte
 * @size: in bytes
 * @virt: where it is
 */
struct sim_ram {
	u64 base;
	u64 size;
	void *virt;
};

/* spec 6.6: when commands are executed */
enum sim_cmdq_mode {
	SIM_CMDQ_INLINE,
	SIM_CMDQ_LATENCY,
	SIM_CMDQ_THREAD,
	SIM_CMDQ_NR_MODES
};

/**
 * struct sim_hw_config - what an instance is made of
 * @ram: all the memory there is; NULL for the machine's own
 * @cmdqs: number of command queues, 1 to SIM_MAX_CMDQS
 * @iotlb: the IOTLB; there has to be one
 * @pwc: the page walk cache
 * @mode: when commands are executed
 * @latency_ns: how long each takes, in SIM_CMDQ_LATENCY
 * @npcache: cache "not present", too (spec 5.4)
 * @no_range: without INVALIDATE_RANGE (spec 6.3.5)
 * @no_ats: without ATS (spec 8.5)
 */
struct sim_hw_config {
	const struct sim_ram *ram;
	unsigned int cmdqs;
	struct sim_tlb_config iotlb;
	struct sim_tlb_config pwc;
	enum sim_cmdq_mode mode;
	unsigned int latency_ns;
	bool npcache;
	bool no_range;
	bool no_ats;
};

enum sim_hw_stat {
	SIM_STAT_READS,
	SIM_STAT_WRITES,
	SIM_STAT_ATOMICS,
	SIM_STAT_ABORTS,
	SIM_STAT_BYTES_READ,
	SIM_STAT_BYTES_WRITTEN,
	SIM_STAT_TLB_HITS,
	SIM_STAT_TLB_MISSES,
	SIM_STAT_TLB_FILLS,
	SIM_STAT_TLB_FILLS_DROPPED,
	SIM_STAT_TLB_EVICTIONS,
	SIM_STAT_TLB_INVALIDATED,
	SIM_STAT_PWC_HITS,
	SIM_STAT_PWC_MISSES,
	SIM_STAT_PWC_FILLS,
	SIM_STAT_PWC_FILLS_DROPPED,
	SIM_STAT_PWC_EVICTIONS,
	SIM_STAT_PWC_INVALIDATED,
	SIM_STAT_WALKS,
	SIM_STAT_WALK_READS,
	SIM_STAT_DEVTAB_READS,
	SIM_STAT_CMDS,
	SIM_STAT_CMD_WAITS,
	SIM_STAT_CMD_INV_PAGES,
	SIM_STAT_CMD_INV_RANGE,
	SIM_STAT_CMD_INV_DOMAIN,
	SIM_STAT_CMD_INV_DEVTAB,
	SIM_STAT_CMD_INV_ALL,
	SIM_STAT_CMD_INV_ATC,
	SIM_STAT_CMD_ERRORS,
	SIM_STAT_ATS_REQUESTS,
	SIM_STAT_ATS_TRANSLATED,
	SIM_STAT_ATC_TIMEOUTS,
	SIM_STAT_ATC_LATE,
	SIM_STAT_EVENTS,
	SIM_STAT_EVENTS_LOST,
	SIM_STAT_NR
};

/**
 * struct sim_inval - what an invalidation command is about
 * @space: domain, and PASID if it has one
 * @first: first address
 * @last: last address
 * @pde: cached tables, too
 * @domain: the whole domain, with all PASIDs
 */
struct sim_inval {
	struct sim_space space;
	u64 first;
	u64 last;
	bool pde;
	bool domain;
};

/* spec 2.1: a command queue's registers, and where it stands */
struct sim_cmdq {
	raw_spinlock_t lock;
	u64 base;
	u64 ctrl;
	u64 status;
	u32 head;
	u32 tail;
	struct iommu_sim_hw *hw;
	struct kthread_work work;	/* in SIM_CMDQ_THREAD */
	bool has_late;
	struct sim_inval late;		/* injected: for after the completion */
	bool waits;			/* the command at HEAD waits for a device */
	atomic_t atc_waiting;		/* invalidate requests that are not answered */
	u64 atc_deadline;		/* when the first of them may be late, in ns */
	bool atc_stalled;		/* that is for a tag ... */
	u16 atc_stall_rid;		/* ... of this device ... */
	u64 atc_stall_deadline;		/* ... which is late then */
} ____cacheline_aligned_in_smp;

/* A device table entry as read, and what it was read for */
struct sim_dte_slot {
	seqcount_raw_spinlock_t seq;	/* with iommu_sim_hw::lock */
	u64 key;		/* SIM_DTE_SLOT_EMPTY if none */
	u64 qw[2];
};

#define SIM_DTE_SLOTS		256
#define SIM_DTE_SLOT_EMPTY	U64_MAX

/*
 * An instance. @lock protects the registers, the event queue and @dte_slots;
 * requests read @ctrl and @devtab without it.
 */
struct iommu_sim_hw {
	raw_spinlock_t lock;
	u64 ctrl;
	u64 status;
	u64 devtab;
	u64 evtq_base;
	u64 atc_timeout;
	u32 evtq_head;
	u32 evtq_tail;

	struct sim_hw_config config;
	struct sim_sections sections;
	struct sim_tlb_group caches;
	struct sim_tlb iotlb;
	struct sim_tlb pwc;
	atomic_t pwc_closed;
	struct sim_cmdq *cmdq;
	struct kthread_worker *worker;
	u32 dte_inv_seq;
	struct sim_dte_slot dte_slots[SIM_DTE_SLOTS];
	struct xarray functions;	/* struct iommu_sim_function by requester ID; RCU */

	struct irq_work irq_work;
	void (*raise_irq)(struct iommu_sim_hw *hw);
	struct iommu_sim_stats stats;
	struct iommu_sim_stats size_hits;	/* IOTLB hits, by log2 of the size */
	struct sim_inject inject;

	/* hw/main.c: what makes it a device of this machine */
	int id;
	int irq;
	struct platform_device *pdev;
	struct fwnode_handle *fwnode;
	struct dentry *debugfs;
	struct mutex stats_lock;	/* protects stats_list */
	struct list_head stats_list;
	struct list_head node;
};

struct iommu_sim_port {
	struct iommu_sim_hw *hw;
	u32 segment;
	u8 bus_first;
	u8 bus_last;
	struct list_head node;
};

/* Wherever the silicon counts interrupts are off, so that none is lost */
static inline void sim_hw_stat(struct iommu_sim_hw *hw, enum sim_hw_stat i)
{
	lockdep_assert_irqs_disabled();
	sim_stat_inc_hot(&hw->stats, i);
}

static inline void sim_hw_stat_add(struct iommu_sim_hw *hw, enum sim_hw_stat i, u64 n)
{
	lockdep_assert_irqs_disabled();
	sim_stat_add_hot(&hw->stats, i, n);
}

/* hw/regs.c */
struct iommu_sim_hw *sim_hw_create(const struct sim_hw_config *config);
void sim_hw_destroy(struct iommu_sim_hw *hw);
int sim_hw_init_caches(struct iommu_sim_hw *hw, const struct sim_hw_config *config);
void sim_hw_raise_status(struct iommu_sim_hw *hw, u64 bits);
extern const char *const sim_hw_stat_names[SIM_STAT_NR];

/* hw/cmdq.c */
int sim_cmdqs_init(struct iommu_sim_hw *hw);
void sim_cmdqs_stop(struct iommu_sim_hw *hw);
void sim_cmdqs_destroy(struct iommu_sim_hw *hw);
void sim_cmdq_kick(struct sim_cmdq *q);
void sim_cmdq_help(struct sim_cmdq *q);

/* hw/evtq.c */
void sim_evtq_put(struct iommu_sim_hw *hw, const struct sim_event *event);
void sim_hw_report(struct iommu_sim_hw *hw, enum sim_event_type type,
		   const struct iommu_sim_tlp *tlp, u16 domain, u16 flags, u64 info);

/* hw/devtab.c */
enum iommu_sim_tlp_status sim_devtab_lookup(struct iommu_sim_hw *hw,
					    const struct iommu_sim_tlp *tlp, u64 qw[2]);
void sim_devtab_invalidate(struct iommu_sim_hw *hw, u16 rid);
void sim_devtab_invalidate_pasid(struct iommu_sim_hw *hw, u16 rid, u32 pasid);
void sim_devtab_invalidate_all(struct iommu_sim_hw *hw);

/**
 * struct sim_walk - a page table walk, in and out
 * @iova: address to translate
 * @root: physical address of the highest table
 * @levels: how many levels, 1 to 6
 * @need: rights that the request needs, SIM_PTE_IR and SIM_PTE_IW
 * @rights: in: rights before the walk; out: what is left of them
 * @set: bits to set in the leaf, SIM_PTE_A, and SIM_PTE_D if it may be written
 * @entry: out: the last entry read
 * @entry_pa: out: its physical address
 * @pa: out: physical address of the page
 * @size_lg2: out: log2 of the page's size
 * @fault: out: flags of the fault, SIM_EVTF_*
 * @reads: out: entries read
 * @dirty: the request writes, or is to be allowed to
 * @cached: begin where the page walk cache leads, and fill it
 * @space: what @iova belongs to, for that
 * @token: from sim_tlb_begin(), for that
 */
struct sim_walk {
	u64 iova;
	u64 root;
	u64 need;
	u64 rights;
	u64 set;
	u64 entry;
	u64 entry_pa;
	u64 pa;
	unsigned int levels;
	unsigned int size_lg2;
	unsigned int reads;
	u16 fault;
	bool dirty;
	bool cached;
	struct sim_space space;
	u64 token;
};

/* hw/walk.c */
enum sim_event_type sim_walk(struct iommu_sim_hw *hw, struct sim_walk *walk);

/* hw/ats.c */
enum sim_atc_result {
	SIM_ATC_DONE,
	SIM_ATC_WAIT,		/* not yet: look again */
	SIM_ATC_TIMED_OUT,	/* a device is late */
};

enum sim_atc_result sim_atc_invalidate(struct sim_cmdq *q, u64 qw0, u64 qw1, u16 *rid);
enum sim_atc_result sim_atc_wait(struct sim_cmdq *q, u16 *rid);
bool sim_atc_changed(const struct sim_cmdq *q);
void sim_atc_forget_lost(struct iommu_sim_hw *hw, u16 rid);
enum iommu_sim_tlp_status sim_atc_completion(struct iommu_sim_hw *hw,
					     const struct iommu_sim_tlp *tlp);
void sim_atc_cancel(struct sim_cmdq *q);
#if IS_ENABLED(CONFIG_KUNIT)
enum iommu_sim_tlp_status sim_function_access(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp);
#endif

/* hw/tlp.c */
enum iommu_sim_tlp_status sim_hw_request(struct iommu_sim_hw *hw, struct iommu_sim_tlp *tlp);

/* hw/mem.c */
int sim_mem_setup(void);
void sim_mem_teardown(void);
int sim_mem_read(struct iommu_sim_hw *hw, u64 pa, void *to, size_t len);
int sim_mem_write(struct iommu_sim_hw *hw, u64 pa, const void *from, size_t len);
int sim_mem_copy(struct iommu_sim_hw *hw, u64 to, u64 from, size_t len);
int sim_mem_read64(struct iommu_sim_hw *hw, u64 pa, u64 *value);
int sim_mem_cmpxchg64(struct iommu_sim_hw *hw, u64 pa, u64 old, u64 new);
int sim_mem_fetch_add(struct iommu_sim_hw *hw, u64 pa, void *operand, size_t len);

/* hw/debugfs.c */
extern struct dentry *sim_debugfs_root;
void sim_debugfs_add(struct iommu_sim_hw *hw);

#endif
