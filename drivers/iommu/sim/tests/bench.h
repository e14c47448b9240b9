/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test bench: an instance of the silicon, with memory of its own.
 *
 * Formats are written here in numbers from the specification's text, not by
 * the macros of iommu-sim-bits.h, so that an error there shows.
 */
#ifndef _IOMMU_SIM_TESTS_BENCH_H
#define _IOMMU_SIM_TESTS_BENCH_H

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/types.h>

#include "hw/hw.h"
#include "iommu-sim-bus.h"

/* Nothing of the machine's own is at this address. 1 MiB aligned, for large leaves. */
#define BENCH_RAM		0x0004321000000000ULL
#define BENCH_MAX_CMDQS		4

/* The requester that most tests use, and its domain */
#define BENCH_RID		0x0108
#define BENCH_DOMAIN		0x0d01

/**
 * struct bench - an instance, and what software knows of it
 * @test: the test it belongs to
 * @hw: the instance
 * @port: a root port above it
 * @ram: its memory; the pages before and after are not mapped, so that an
 *       access outside does not go unnoticed
 * @next_page: the next free page of @ram
 * @devtab: address of the device table
 * @evtq: address of the event queue
 * @evtq_lg2: log2 of its size
 * @evtq_head: index of the next event
 * @cmdq: the command queues
 * @irqs: interrupts so far
 */
struct bench {
	struct kunit *test;
	struct iommu_sim_hw *hw;
	struct iommu_sim_port port;
	struct sim_ram ram;
	u64 next_page;
	u64 devtab;
	u64 evtq;
	unsigned int evtq_lg2;
	u32 evtq_head;
	struct {
		u64 base;
		unsigned int lg2;
		u32 tail;
	} cmdq[BENCH_MAX_CMDQS];
	unsigned int irqs;
};

/* The smallest memory that bench_start() fits in, and room for the test */
#define BENCH_PAGES		64

extern const struct sim_hw_config bench_default_config;

struct bench *bench_create(struct kunit *test, const struct sim_hw_config *config,
			   unsigned int pages);
struct bench *bench_start(struct kunit *test, const struct sim_hw_config *config);
struct iommu_sim_hw *bench_machine(struct kunit *test);
int bench_change(struct iommu_sim_hw *hw, const struct sim_hw_config *config);
enum sim_event_type bench_walk(struct iommu_sim_hw *hw, struct sim_walk *walk);

u64 bench_seed(struct kunit *test);
unsigned int bench_scale(unsigned int count);

/* Random numbers: splitmix64, good from the first number on for any seed */
static inline u64 rnd64(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline u32 rnd_below(u64 *state, u32 limit)
{
	return ((rnd64(state) >> 32) * limit) >> 32;
}

/* True in @percent of 100 cases */
static inline bool rnd_chance(u64 *state, unsigned int percent)
{
	return rnd_below(state, 100) < percent;
}

/* Memory */
u64 bench_alloc(struct bench *b, unsigned int pages);
void *bench_ptr(struct bench *b, u64 pa);
u64 bench_load(struct bench *b, u64 pa);
void bench_store(struct bench *b, u64 pa, u64 value);

static inline u64 bench_ram_end(const struct bench *b)
{
	return b->ram.base + b->ram.size;
}

/* Registers: spec 2.1 */
#define REG_CAP			0x000
#define REG_PGSIZES		0x008
#define REG_CTRL		0x010
#define REG_STATUS		0x018
#define REG_DEVTAB		0x020
#define REG_EVTQ_BASE		0x028
#define REG_EVTQ_HEAD		0x030
#define REG_EVTQ_TAIL		0x038
#define REG_CMDQ(n, reg)	(0x1000 + 0x40 * (n) + (reg))
#define REG_CMDQ_BASE(n)	REG_CMDQ(n, 0x00)
#define REG_CMDQ_HEAD(n)	REG_CMDQ(n, 0x08)
#define REG_CMDQ_TAIL(n)	REG_CMDQ(n, 0x10)
#define REG_CMDQ_CTRL(n)	REG_CMDQ(n, 0x18)
#define REG_CMDQ_STATUS(n)	REG_CMDQ(n, 0x20)

#define CTRL_EN			0x1
#define CTRL_EVTQ_EN		0x2
#define CTRL_INTR_EN		0x4

#define STATUS_EVT		0x1
#define STATUS_OVERFLOW		0x2
#define STATUS_CMD_ERROR	0x4
#define STATUS_COMP_WAIT	0x8

static inline u64 bench_reg(struct bench *b, u32 offset)
{
	return iommu_sim_mmio_read(b->hw, offset);
}

static inline void bench_set_reg(struct bench *b, u32 offset, u64 value)
{
	iommu_sim_mmio_write(b->hw, offset, value);
}

unsigned int bench_irqs(struct bench *b);

/* Device table entries: spec 3.1 */
#define DTE_V			BIT_ULL(0)
#define DTE_ABORT		(0ULL << 2)
#define DTE_BYPASS		BIT_ULL(2)
#define DTE_TRANSLATE		(2ULL << 2)
#define DTE_HA			BIT_ULL(7)
#define DTE_HD			BIT_ULL(8)
#define DTE_LEVELS(n)		((u64)(n) << 9)
#define DTE_IR			BIT_ULL(61)
#define DTE_IW			BIT_ULL(62)

u64 bench_dte_pa(struct bench *b, u16 rid);
void bench_set_dte(struct bench *b, u16 rid, u64 word0, u64 word1);

/* Page table entries: spec 4.1 */
#define PTE_PR			BIT_ULL(0)
#define PTE_A			BIT_ULL(5)
#define PTE_D			BIT_ULL(6)
#define PTE_NL(n)		((u64)(n) << 9)
#define PTE_IR			BIT_ULL(61)
#define PTE_IW			BIT_ULL(62)
#define PTE_RW			(PTE_IR | PTE_IW)

/* For tests with each size of spec 4.2: KUNIT_ARRAY_PARAM(size, bench_sizes, bench_size_desc) */
extern const unsigned int bench_sizes[51 - 12 + 1];
void bench_size_desc(const unsigned int *size_lg2, char *desc);

unsigned int bench_leaf_level(unsigned int size_lg2);
u64 bench_leaf(u64 pa, unsigned int size_lg2);
u64 bench_slot(struct bench *b, u64 root, unsigned int levels, u64 iova, unsigned int level);
void bench_map(struct bench *b, u64 root, unsigned int levels, u64 iova, u64 pa,
	       unsigned int size_lg2, u64 flags);
u64 bench_attach(struct bench *b, u16 rid, u16 domain, unsigned int levels, u64 flags);

/* Commands: spec 6.3 */
#define CMD_WAIT		BIT_ULL(60)
#define CMD_WAIT_STORE		BIT_ULL(0)
#define CMD_WAIT_INTR		BIT_ULL(1)
#define CMD_INV_DEVTAB		(2ULL << 60)
#define CMD_INV_PAGES(domain)	((3ULL << 60) | ((u64)(domain) << 32))
#define CMD_INV_PAGES_S		BIT_ULL(0)
#define CMD_INV_PAGES_PDE	BIT_ULL(1)
#define CMD_INV_PAGES_GN	BIT_ULL(2)
#define CMD_INV_ALL		(8ULL << 60)

/* spec 6.3.5; @pages from 1 to 2^24 */
static inline u64 cmd_inv_range(u16 domain, u64 pages)
{
	return (9ULL << 60) | (u64)domain << 32 | ((pages - 1) & 0xfff) << 20 |
	       (pages - 1) >> 12 << 48;
}

void bench_cmd(struct bench *b, unsigned int queue, u64 word0, u64 word1);
void bench_inv(struct bench *b, u16 domain, u64 iova, unsigned int size_lg2);
void bench_inv_all(struct bench *b);
void bench_inv_devtab(struct bench *b, u16 rid);

/* Events: spec 7 */
#define EVT_ILLEGAL_DEVTAB_ENTRY	1
#define EVT_IO_PAGE_FAULT		2
#define EVT_DEVTAB_HW_ERROR		3
#define EVT_PAGE_TAB_HW_ERROR		4
#define EVT_ILLEGAL_COMMAND		5
#define EVT_COMMAND_HW_ERROR		6
#define EVT_INVALID_DEVICE_REQUEST	8
#define EVT_DEVICE_BLOCKED		10
#define EVT_MASTER_ABORT		11

#define EVTF_WRITE		BIT(0)
#define EVTF_EXEC		BIT(1)
#define EVTF_PRIV		BIT(2)
#define EVTF_AT(at)		((at) << 3)
#define EVTF_PRESENT		BIT(5)
#define EVTF_PERM		BIT(6)
#define EVTF_RSVD		BIT(7)
#define EVTF_RANGE		BIT(8)

/* An event, taken apart; type 0 if there was none */
struct bench_event {
	unsigned int type;
	unsigned int rid;
	bool pasid_valid;
	unsigned int pasid;
	unsigned int domain;
	unsigned int flags;
	u64 addr;
	u64 info;
};

struct bench_event bench_event(struct bench *b);
void bench_no_event(struct bench *b);
void bench_expect_event(struct bench *b, unsigned int type, unsigned int rid,
			unsigned int flags, u64 addr);

/* Requests: spec 8.1; the completion status */
#define CPL_SUCCESS		0
#define CPL_UNSUPPORTED		1
#define CPL_ABORT		4

int bench_request(struct bench *b, u8 type, u16 rid, u64 addr, void *data, u32 len);
int bench_read(struct bench *b, u16 rid, u64 addr, u64 *value);
int bench_write(struct bench *b, u16 rid, u64 addr, u64 value);

#endif
