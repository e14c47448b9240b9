/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driver of the emulated endpoint. It knows the device from its data sheet
 * alone: include/uapi/linux/iommu-sim.h and hardware.rst, spec 10.
 *
 * channel.c takes requests and gives them back; dmaengine.c, selftest.c and
 * the tests are its users, side by side on the same channels.
 */
#ifndef _IOMMU_SIM_DMA_H
#define _IOMMU_SIM_DMA_H

#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <uapi/linux/iommu-sim.h>

#define SIM_DMA_NAME		"iommu-sim-dma"
#define SIM_DMA_RING_LG2	8

struct sim_dma;
struct sim_dma_engine;

/*
 * How a request ended: enum iommu_sim_status as the device wrote it, or this,
 * if the device was stopped before it could say.
 */
#define SIM_DMA_ABORTED		0

/**
 * struct sim_dma_request - one descriptor on its way through a channel
 * @node: the submitter's, until submission; the channel's until @done
 * @desc: what to do, complete but for IOMMU_SIM_DESC_INTR where that is not
 *	  wanted: the channel adds it where it needs it itself
 * @owner: names a group of requests for sim_dma_cancel()
 * @done: called exactly once, with the channel's lock held and interrupts off;
 *	  the channel does not touch the request afterwards
 * @status: enum iommu_sim_status, or SIM_DMA_ABORTED
 * @bytes: moved, filled or found equal
 * @addr: with an error, the address that failed
 */
struct sim_dma_request {
	struct list_head node;
	struct iommu_sim_desc desc;
	void *owner;
	void (*done)(struct sim_dma_request *req);
	u32 status;
	u32 bytes;
	u64 addr;
};

/* submitted == completed + errored when nothing is under way */
struct sim_dma_counters {
	u64 submitted;
	u64 completed;
	u64 errored;
};

/**
 * struct sim_dma_chan - one channel of the device
 * @sim: the device
 * @index: number of the channel
 * @regs: its registers' place in configuration space
 * @vector: MSI vector
 * @lock: of this channel; taken by its interrupt handler
 * @running: the device may be told of work; else requests end at once
 * @ring: descriptors
 * @ring_iova: where the device finds them
 * @cpl: completion records
 * @cpl_iova: where the device puts them
 * @slots: the request behind each entry of the ring; NULL once taken back
 * @head: number of the oldest descriptor that the device has not completed
 * @tail: number of the next descriptor
 * @queue: requests for which the ring had no room
 * @counters: of requests, since probe
 */
struct sim_dma_chan {
	struct sim_dma *sim;
	unsigned int index;
	int regs;
	unsigned int vector;

	spinlock_t lock;	/* protects what follows */
	bool running;
	struct iommu_sim_desc *ring;
	dma_addr_t ring_iova;
	struct iommu_sim_cpl *cpl;
	dma_addr_t cpl_iova;
	struct sim_dma_request *slots[1 << SIM_DMA_RING_LG2];
	u32 head;
	u32 tail;
	struct list_head queue;
	struct sim_dma_counters counters;
};

/**
 * struct sim_dma_selftest_params - what the self-test is to do
 * @size: bytes per copy
 * @count: copies, over all threads
 * @threads: copies at a time
 * @seed: of the random data; 0 chooses one
 */
struct sim_dma_selftest_params {
	u32 size;
	u32 count;
	u32 threads;
	u32 seed;
};

/**
 * struct sim_dma_selftest_result - what the self-test found
 * @params: of this run, with the seed that was used
 * @status: 0, or the first error
 * @copies: that ended well, whatever the data
 * @bytes: moved by these
 * @errors: copies that could not be mapped, or that the device did not do
 * @mismatches: copies with a wrong byte in or around the destination
 * @elapsed_ns: whole run, with making and verifying the data
 */
struct sim_dma_selftest_result {
	struct sim_dma_selftest_params params;
	int status;
	u64 copies;
	u64 bytes;
	u64 errors;
	u64 mismatches;
	u64 elapsed_ns;
};

/**
 * struct sim_dma_stale_result - what use of an address after its unmap did
 * @iova: the address
 * @mapped: status of a read while it was mapped
 * @unmapped: status of the first read after the unmap returned
 * @same_data: that read found the buffer that had been mapped
 * @last: status of the last read; reading ends with the first error
 * @last_addr: with an error, the address that failed
 * @window_ns: from the unmap to the last read
 */
struct sim_dma_stale_result {
	dma_addr_t iova;
	u32 mapped;
	u32 unmapped;
	bool same_data;
	u32 last;
	u64 last_addr;
	u64 window_ns;
};

/**
 * struct sim_dma - one device
 * @pdev: the PCI device; valid as long as this structure
 * @ref: bound driver, and a dmaengine device that clients may still hold
 * @node: in the list of bound devices
 * @ring_lg2: log2 of the entries of every ring
 * @engine: what dmaengine.c keeps, or NULL
 * @stops: how often all channels have been stopped
 * @dir: in debugfs
 * @test_lock: held during a test
 * @params: set through debugfs
 * @result: of the last self-test
 * @stale: of the last use after unmap
 * @nr_chans: elements of @chans
 * @chans: the channels
 */
struct sim_dma {
	struct pci_dev *pdev;
	struct kref ref;
	struct list_head node;
	unsigned int ring_lg2;
	struct sim_dma_engine *engine;
	unsigned int stops;

	struct dentry *dir;
	struct mutex test_lock;	/* protects the next three */
	struct sim_dma_selftest_params params;
	struct sim_dma_selftest_result result;
	struct sim_dma_stale_result stale;

	unsigned int nr_chans;
	struct sim_dma_chan chans[] __counted_by(nr_chans);
};

/* main.c */
extern struct workqueue_struct *sim_dma_wq;
void sim_dma_get(struct sim_dma *sim);
void sim_dma_put(struct sim_dma *sim);
struct sim_dma *sim_dma_from_pdev(struct pci_dev *pdev);
void sim_dma_totals(struct sim_dma_counters *sum);

/* channel.c */
int sim_dma_chan_init(struct sim_dma *sim, unsigned int index, int regs, unsigned int vector);
int sim_dma_chan_start(struct sim_dma_chan *chan);
void sim_dma_chan_stop(struct sim_dma_chan *chan);
void sim_dma_submit_locked(struct sim_dma_chan *chan, struct list_head *reqs);
void sim_dma_cancel_locked(struct sim_dma_chan *chan, void *owner);
void sim_dma_poll_locked(struct sim_dma_chan *chan);
void sim_dma_add_counters(struct sim_dma_chan *chan, struct sim_dma_counters *sum);
irqreturn_t sim_dma_irq(int irq, void *data);

int sim_dma_errno(u32 status);
int sim_dma_exec(struct sim_dma_chan *chan, struct sim_dma_request *req);

static inline struct iommu_sim_desc sim_dma_desc_copy(dma_addr_t dst, dma_addr_t src, u32 len)
{
	return (struct iommu_sim_desc) {
		.op = IOMMU_SIM_OP_COPY,
		.flags = IOMMU_SIM_DESC_INTR,
		.len = cpu_to_le32(len),
		.src = cpu_to_le64(src),
		.dst = cpu_to_le64(dst),
	};
}

/* dmaengine.c */
#ifdef CONFIG_DMA_ENGINE
int sim_dma_engine_register(struct sim_dma *sim);
void sim_dma_engine_unregister(struct sim_dma *sim);
#else
static inline int sim_dma_engine_register(struct sim_dma *sim)
{
	return 0;
}

static inline void sim_dma_engine_unregister(struct sim_dma *sim)
{
}
#endif

/* selftest.c */
int sim_dma_selftest(struct sim_dma *sim, const struct sim_dma_selftest_params *params,
		     struct sim_dma_selftest_result *result);
int sim_dma_use_after_unmap(struct sim_dma *sim, struct sim_dma_stale_result *result);

/* debugfs.c */
void sim_dma_debugfs_init(void);
void sim_dma_debugfs_exit(void);
void sim_dma_debugfs_add(struct sim_dma *sim);
void sim_dma_debugfs_del(struct sim_dma *sim);

#endif
