/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test bench for endpoints: memory above them, and a log of what they send.
 * There is neither an IOMMU nor a PCI core.
 */
#ifndef _IOMMU_SIM_TESTS_TLP_BENCH_H
#define _IOMMU_SIM_TESTS_TLP_BENCH_H

#include <kunit/test.h>
#include <linux/types.h>
#include <linux/swait.h>

#include "pci/pci.h"

/* Where the bench has its memory; 4 GiB aligned, above 32 bits */
#define TLP_RAM			0x0000567800000000ULL
#define TLP_RAM_SIZE		SZ_1M

/* What tests put there */
#define TLP_RING(ch)		(TLP_RAM + (ch) * SZ_64K)
#define TLP_CPL(ch)		(TLP_RING(ch) + SZ_32K)
#define TLP_SRC			(TLP_RAM + SZ_256K)
#define TLP_DST			(TLP_RAM + SZ_512K)
#define TLP_LIST		(TLP_RAM + SZ_512K + SZ_256K)
#define TLP_AREA		SZ_256K

/* The address in the MSI capability; not in memory */
#define TLP_MSI			0xfee00000U
#define TLP_MSI_DATA		0x40

#define TLP_RID			0x4018
#define TLP_CHANNELS		2

/**
 * struct tlp_rec - a request that was sent
 * @tlp: the request; its data pointer is stale
 * @head: HEAD of channel 0 at that time
 * @data: the first bytes of a write
 */
struct tlp_rec {
	struct iommu_sim_tlp tlp;
	u32 head;
	u32 data;
};

#define TLP_LOG_SIZE		1024

/**
 * struct tlp_bench - see above
 * @test: the test it belongs to
 * @up: given to the endpoint
 * @inject: what makes the endpoint misbehave; nothing, unless a test arms it
 * @ep: the endpoint
 * @ram: the memory
 * @lock: protects the log
 * @log: the first requests since the log was cleared
 * @nr: how many there were; more than the log holds, possibly
 * @malformed: requests that spec 8.1 forbids
 * @late: requests after @quiet was set
 * @quiet: nothing may come any more
 * @down: the IOMMU is off
 * @fail_addr: a request at this address fails, if not 0
 * @fail_status: with this
 * @ats: requests may be translation requests and translated ones
 * @translate: answers a translation request: identity, unless a test has its own
 * @asked: translation requests
 * @translated: translated requests
 * @completions: invalidate completions
 * @completed: tags of the last
 * @stop_at: after this many requests, if not 0, a register is written
 * @stop_offset: its offset in configuration space, for 4 bytes
 * @stop_value: what is written
 * @wait: woken by each request, in a section: so a simple one
 */
struct tlp_bench {
	struct kunit *test;
	struct sim_upstream up;
	struct sim_inject inject;
	struct sim_endpoint *ep;
	u8 *ram;
	raw_spinlock_t lock;
	struct tlp_rec *log;
	unsigned int nr;
	unsigned int malformed;
	unsigned int late;
	bool quiet;
	bool down;
	u64 fail_addr;
	enum iommu_sim_tlp_status fail_status;
	bool ats;
	u64 (*translate)(struct tlp_bench *b, const struct iommu_sim_tlp *tlp,
			 enum iommu_sim_tlp_status *status);
	unsigned int asked;
	unsigned int translated;
	unsigned int completions;
	u32 completed;
	unsigned int stop_at;
	unsigned int stop_offset;
	u32 stop_value;
	struct swait_queue_head wait;
};

struct tlp_bench *tlp_bench_create(struct kunit *test);
struct tlp_bench *tlp_bench_started(struct kunit *test, unsigned int size_lg2);
void tlp_bench_arm(struct tlp_bench *b);
u64 tlp_bench_seed(struct kunit *test);
void tlp_bench_start(struct tlp_bench *b, unsigned int ch, unsigned int size_lg2);
void tlp_bench_stop_at(struct tlp_bench *b, unsigned int nr, unsigned int offset, u32 value);
void tlp_bench_put(struct tlp_bench *b, unsigned int ch, u32 number,
		   const struct iommu_sim_desc *desc);
void tlp_bench_put_seg(struct tlp_bench *b, u64 list, unsigned int i, u64 addr, u32 len);
void tlp_bench_run(struct tlp_bench *b, unsigned int ch, u32 tail);
struct iommu_sim_cpl *tlp_bench_do(struct tlp_bench *b, const struct iommu_sim_desc *desc);
void tlp_bench_settle(struct tlp_bench *b);
unsigned int tlp_bench_msis(struct tlp_bench *b, u32 data);

/* Memory of the bench at an address */
static inline void *tlp_ptr(struct tlp_bench *b, u64 addr)
{
	return b->ram + (addr - TLP_RAM);
}

static inline struct iommu_sim_cpl *tlp_cpl(struct tlp_bench *b, unsigned int ch, u32 index)
{
	return (struct iommu_sim_cpl *)tlp_ptr(b, TLP_CPL(ch)) + index;
}

/* Offset of a channel's register in configuration space: spec 10.2, uapi header */
static inline unsigned int tlp_ch_offset(unsigned int ch, unsigned int reg)
{
	return 0x140 + 0x40 + ch * 0x40 + reg;
}

static inline u32 tlp_ch_read(struct tlp_bench *b, unsigned int ch, unsigned int reg)
{
	return sim_cfg_read(b->ep, tlp_ch_offset(ch, reg), 4);
}

static inline void tlp_ch_write(struct tlp_bench *b, unsigned int ch, unsigned int reg, u32 val)
{
	sim_cfg_write(b->ep, tlp_ch_offset(ch, reg), 4, val);
}

/* Command.BusMaster */
static inline void tlp_bus_master(struct tlp_bench *b, bool on)
{
	sim_cfg_write(b->ep, 0x04, 2, on ? 0x4 : 0);
}

#endif
