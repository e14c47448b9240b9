/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hardware interface of the emulated IOMMU: registers, device table,
 * commands, events and page table entries, bit by bit.
 *
 * Numbers such as "spec 4.2" name sections of
 * Documentation/iommu-sim/hardware.rst. Everything in memory is little endian.
 * Commands are built by the functions at the end and nowhere else.
 */
#ifndef _IOMMU_SIM_BITS_H
#define _IOMMU_SIM_BITS_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/types.h>

/* spec 1.2: address widths */
#define SIM_PAGE_LG2			12
#define SIM_PA_BITS			52
#define SIM_PA_MASK			GENMASK_ULL(SIM_PA_BITS - 1, SIM_PAGE_LG2)
#define SIM_PASID_BITS			20
#define SIM_DOMAIN_BITS			16

/* spec 2.1: registers, 64 bits each */
#define SIM_REG_CAP			0x000
#define SIM_CAP_VERSION			GENMASK_ULL(3, 0)
#define SIM_CAP_LEVELS			GENMASK_ULL(6, 4)
#define SIM_CAP_PA_BITS			GENMASK_ULL(13, 8)
#define SIM_CAP_NPCACHE			BIT_ULL(14)
#define SIM_CAP_RANGE			BIT_ULL(15)
#define SIM_CAP_CMDQS			GENMASK_ULL(31, 16)	/* queues - 1 */
#define SIM_CAP_CMDQ_LG2		GENMASK_ULL(36, 32)
#define SIM_CAP_EVTQ_LG2		GENMASK_ULL(41, 37)
#define SIM_CAP_DEVTAB_LG2		GENMASK_ULL(46, 42)
#define SIM_CAP_HAS_ATS			BIT_ULL(47)
#define SIM_CAP_PASID_BITS		GENMASK_ULL(52, 48)

#define SIM_REG_PGSIZES			0x008

#define SIM_REG_CTRL			0x010
#define SIM_CTRL_EN			BIT_ULL(0)
#define SIM_CTRL_EVTQ_EN		BIT_ULL(1)
#define SIM_CTRL_INTR_EN		BIT_ULL(2)

#define SIM_REG_STATUS			0x018
#define SIM_STATUS_EVT			BIT_ULL(0)
#define SIM_STATUS_EVT_OVERFLOW		BIT_ULL(1)
#define SIM_STATUS_CMD_ERROR		BIT_ULL(2)
#define SIM_STATUS_COMP_WAIT		BIT_ULL(3)

/* DEVTAB, EVTQ_BASE and CMDQ_BASE: address, and log2 of the entry count */
#define SIM_REG_DEVTAB			0x020
#define SIM_REG_EVTQ_BASE		0x028
#define SIM_BASE_LG2			GENMASK_ULL(4, 0)
#define SIM_BASE_ADDR			SIM_PA_MASK

#define SIM_REG_EVTQ_HEAD		0x030
#define SIM_REG_EVTQ_TAIL		0x038
#define SIM_REG_ATC_TIMEOUT		0x040	/* microseconds */
#define SIM_ATC_TIMEOUT			GENMASK_ULL(31, 0)

/* spec 2.1: one block of registers per command queue */
#define SIM_REG_CMDQ(n)			(0x1000 + (n) * SIM_CMDQ_STRIDE)
#define SIM_CMDQ_STRIDE			0x40
#define SIM_CMDQ_BASE			0x00
#define SIM_CMDQ_HEAD			0x08
#define SIM_CMDQ_TAIL			0x10
#define SIM_CMDQ_CTRL			0x18
#define SIM_CMDQ_CTRL_EN		BIT_ULL(0)
#define SIM_CMDQ_STATUS			0x20
#define SIM_CMDQ_STATUS_ERR		BIT_ULL(0)
#define SIM_CMDQ_STATUS_CODE		GENMASK_ULL(7, 4)	/* an event type */
#define SIM_CMDQ_STATUS_RID		GENMASK_ULL(31, 16)	/* of IOTLB_INV_TIMEOUT */

#define SIM_VERSION			1
#define SIM_MAX_LEVELS			6
#define SIM_MAX_CMDQS			1024
#define SIM_CMDQ_MIN_LG2		2
#define SIM_CMDQ_MAX_LG2		16
#define SIM_EVTQ_MAX_LG2		16
#define SIM_DEVTAB_MAX_LG2		16

/* spec 3.1: device table entry */
struct sim_dte {
	__le64 qw[4];
};

static_assert(sizeof(struct sim_dte) == 32);

#define SIM_DTE0_V			BIT_ULL(0)
#define SIM_DTE0_CFG			GENMASK_ULL(3, 2)
#define SIM_DTE_CFG_ABORT		0
#define SIM_DTE_CFG_BYPASS		1
#define SIM_DTE_CFG_TRANSLATE		2
#define SIM_DTE0_HA			BIT_ULL(7)
#define SIM_DTE0_HD			BIT_ULL(8)
#define SIM_DTE0_LEVELS			GENMASK_ULL(11, 9)
#define SIM_DTE0_ROOT			SIM_PA_MASK
#define SIM_DTE0_IR			BIT_ULL(61)
#define SIM_DTE0_IW			BIT_ULL(62)
#define SIM_DTE0_RSVD			(~(SIM_DTE0_V | SIM_DTE0_CFG | \
					   SIM_DTE0_HA | SIM_DTE0_HD | \
					   SIM_DTE0_LEVELS | SIM_DTE0_ROOT | \
					   SIM_DTE0_IR | SIM_DTE0_IW))
#define SIM_DTE1_DOMAIN			GENMASK_ULL(15, 0)
#define SIM_DTE1_ATS			BIT_ULL(32)
#define SIM_DTE1_RSVD			(~(SIM_DTE1_DOMAIN | SIM_DTE1_ATS))
#define SIM_DTE2_PV			BIT_ULL(0)
#define SIM_DTE2_LG2			GENMASK_ULL(4, 1)
#define SIM_DTE2_DIR			SIM_PA_MASK
#define SIM_DTE2_RSVD			(~(SIM_DTE2_PV | SIM_DTE2_LG2 | SIM_DTE2_DIR))

/* spec 3.3: the PASID table, a directory of tables of entries */
#define SIM_PASID_DIR_V			BIT_ULL(0)
#define SIM_PASID_DIR_TABLE		SIM_PA_MASK
#define SIM_PASID_DIR_RSVD		(~(SIM_PASID_DIR_V | SIM_PASID_DIR_TABLE))
#define SIM_PASID_TABLE_LG2		8	/* log2 of the entries of a table */
#define SIM_PASID_DIR_MAX_LG2		(SIM_PASID_BITS - SIM_PASID_TABLE_LG2)

/* Word 0 is as in struct sim_dte; word 1 holds the domain ID only */
struct sim_pasid_entry {
	__le64 qw[2];
};

static_assert(sizeof(struct sim_pasid_entry) << SIM_PASID_TABLE_LG2 == 4096);

/* spec 4.1: page table entry, the AMD-Vi v1 host format */
#define SIM_PTE_PR			BIT_ULL(0)
#define SIM_PTE_A			BIT_ULL(5)
#define SIM_PTE_D			BIT_ULL(6)
#define SIM_PTE_NL			GENMASK_ULL(11, 9)
#define SIM_PTE_NL_LEAF			0
#define SIM_PTE_NL_SIZED		7
#define SIM_PTE_ADDR			SIM_PA_MASK
#define SIM_PTE_RSVD			GENMASK_ULL(58, 52)
#define SIM_PTE_FC			BIT_ULL(60)
#define SIM_PTE_IR			BIT_ULL(61)
#define SIM_PTE_IW			BIT_ULL(62)

#define SIM_PT_LEVEL_LG2		9	/* log2 of the entries of a table */
#define SIM_PT_MAX_LEAF_LEVEL		5

/* spec 4.2: every power of two from 4 KiB to 2^51, but for 512 GiB */
#define SIM_PGSIZES			(GENMASK_ULL(51, SIM_PAGE_LG2) & ~BIT_ULL(39))

/* log2 of what one entry of a table at @level (1 is the lowest) covers */
static inline unsigned int sim_pt_slot_lg2(unsigned int level)
{
	return SIM_PAGE_LG2 + SIM_PT_LEVEL_LG2 * (level - 1);
}

/* log2 of the range that @levels levels translate; 64 and more means all */
static inline unsigned int sim_pt_va_bits(unsigned int levels)
{
	return sim_pt_slot_lg2(levels + 1);
}

/*
 * spec 4.2: an address and a power-of-two size in one field. The lowest clear
 * bit at or above bit 12 is the top bit of the offset. Leaves with next level 7
 * and INVALIDATE_PAGES use it. @addr is aligned to 2^@size_lg2, size_lg2 >= 13.
 */
static inline u64 sim_sized_addr(u64 addr, unsigned int size_lg2)
{
	return addr | ((BIT_ULL(size_lg2 - 1) - 1) & GENMASK_ULL(63, SIM_PAGE_LG2));
}

/* The size_lg2 that sim_sized_addr() put in; 65 if no bit is clear */
static inline unsigned int sim_sized_addr_lg2(u64 field)
{
	u64 clear = ~(field | GENMASK_ULL(SIM_PAGE_LG2 - 1, 0));

	return clear ? __ffs64(clear) + 1 : 65;
}

/* spec 6.1: a command is 16 bytes */
struct sim_cmd {
	__le64 qw[2];
};

static_assert(sizeof(struct sim_cmd) == 16);

#define SIM_CMD_OP			GENMASK_ULL(63, 60)
enum sim_cmd_op {
	SIM_CMD_COMPLETION_WAIT		= 1,
	SIM_CMD_INVALIDATE_DEVTAB_ENTRY	= 2,
	SIM_CMD_INVALIDATE_PAGES	= 3,
	SIM_CMD_INVALIDATE_ATC		= 4,
	SIM_CMD_INVALIDATE_ALL		= 8,
	SIM_CMD_INVALIDATE_RANGE	= 9,
};

#define SIM_CMD_WAIT0_STORE		BIT_ULL(0)
#define SIM_CMD_WAIT0_INTR		BIT_ULL(1)
#define SIM_CMD_WAIT0_ADDR		GENMASK_ULL(51, 3)
#define SIM_CMD_WAIT0_RSVD		(BIT_ULL(2) | GENMASK_ULL(59, 52))

#define SIM_CMD_DEVTAB0_RID		GENMASK_ULL(15, 0)
#define SIM_CMD_DEVTAB0_PASID		GENMASK_ULL(35, 16)
#define SIM_CMD_DEVTAB0_GN		BIT_ULL(36)
#define SIM_CMD_DEVTAB0_TAGS		BIT_ULL(37)
#define SIM_CMD_DEVTAB0_RSVD		GENMASK_ULL(59, 38)

#define SIM_CMD_PAGES0_PASID		GENMASK_ULL(19, 0)
#define SIM_CMD_PAGES0_DOMAIN		GENMASK_ULL(47, 32)
#define SIM_CMD_PAGES0_RSVD		(GENMASK_ULL(31, 20) | GENMASK_ULL(59, 48))
#define SIM_CMD_PAGES1_S		BIT_ULL(0)
#define SIM_CMD_PAGES1_PDE		BIT_ULL(1)
#define SIM_CMD_PAGES1_GN		BIT_ULL(2)
#define SIM_CMD_PAGES1_ADDR		GENMASK_ULL(63, 12)
#define SIM_CMD_PAGES1_RSVD		GENMASK_ULL(11, 3)

/* spec 6.3.5: as INVALIDATE_PAGES, but for the number of pages, less one */
#define SIM_CMD_RANGE0_NR_LOW		GENMASK_ULL(31, 20)
#define SIM_CMD_RANGE0_NR_HIGH		GENMASK_ULL(59, 48)
#define SIM_CMD_RANGE1_RSVD		(SIM_CMD_PAGES1_S | SIM_CMD_PAGES1_RSVD)
#define SIM_CMD_RANGE_MAX		(BIT_ULL(24) << SIM_PAGE_LG2)

#define SIM_CMD_ALL0_RSVD		GENMASK_ULL(59, 0)

/* spec 6.3.6: word 1 as in INVALIDATE_PAGES, but for PDE */
#define SIM_CMD_ATC0_PASID		GENMASK_ULL(19, 0)
#define SIM_CMD_ATC0_RID		GENMASK_ULL(47, 32)
#define SIM_CMD_ATC0_QDEP		GENMASK_ULL(52, 48)	/* 0 is 32 */
#define SIM_CMD_ATC0_RSVD		(GENMASK_ULL(31, 20) | GENMASK_ULL(59, 53))
#define SIM_CMD_ATC1_RSVD		(SIM_CMD_PAGES1_PDE | SIM_CMD_PAGES1_RSVD)

/* spec 7.1: an event is 32 bytes */
struct sim_event {
	__le64 qw[4];
};

static_assert(sizeof(struct sim_event) == 32);

#define SIM_EVT0_RID			GENMASK_ULL(15, 0)
#define SIM_EVT0_PASID			GENMASK_ULL(51, 32)
#define SIM_EVT0_PASID_VALID		BIT_ULL(52)
#define SIM_EVT0_TYPE			GENMASK_ULL(63, 60)
#define SIM_EVT1_DOMAIN			GENMASK_ULL(15, 0)
#define SIM_EVT1_FLAGS			GENMASK_ULL(31, 16)

/* spec 7.2; the first nine have AMD-Vi's names and numbers */
enum sim_event_type {
	SIM_EVT_NONE			= 0,
	SIM_EVT_ILLEGAL_DEVTAB_ENTRY	= 1,
	SIM_EVT_IO_PAGE_FAULT		= 2,
	SIM_EVT_DEVTAB_HW_ERROR		= 3,
	SIM_EVT_PAGE_TAB_HW_ERROR	= 4,
	SIM_EVT_ILLEGAL_COMMAND		= 5,
	SIM_EVT_COMMAND_HW_ERROR	= 6,
	SIM_EVT_IOTLB_INV_TIMEOUT	= 7,
	SIM_EVT_INVALID_DEVICE_REQUEST	= 8,
	SIM_EVT_DEVICE_BLOCKED		= 10,
	SIM_EVT_MASTER_ABORT		= 11,
	SIM_EVT_ILLEGAL_PASID_ENTRY	= 12,
};

/* spec 7.3: event flags */
#define SIM_EVTF_WRITE			BIT(0)
#define SIM_EVTF_EXEC			BIT(1)
#define SIM_EVTF_PRIV			BIT(2)
#define SIM_EVTF_AT			GENMASK(4, 3)
#define SIM_EVTF_PRESENT		BIT(5)	/* a mapping was there ... */
#define SIM_EVTF_PERM			BIT(6)	/* ... but does not permit it */
#define SIM_EVTF_RSVD			BIT(7)	/* malformed entry in a table */
#define SIM_EVTF_RANGE			BIT(8)	/* beyond the table's width */

/* spec 8.1: address types of a request */
enum sim_at {
	SIM_AT_UNTRANSLATED		= 0,
	SIM_AT_TRANSLATION_REQUEST	= 1,
	SIM_AT_TRANSLATED		= 2,
};

/* spec 8.5: one entry of a translation completion */
#define SIM_ATS_R			BIT_ULL(0)
#define SIM_ATS_W			BIT_ULL(1)
#define SIM_ATS_U			BIT_ULL(2)	/* untranslated access only */
#define SIM_ATS_S			BIT_ULL(11)	/* ADDR holds a size, as in spec 4.2 */
#define SIM_ATS_ADDR			GENMASK_ULL(63, 12)

/* spec 8.6: an invalidate request; the tags of one device */
#define SIM_ATS_TAGS			32

/* spec 9: the window of message-signalled interrupts */
#define SIM_MSI_WINDOW		0xfee00000ULL
#define SIM_MSI_WINDOW_LAST	0xfeefffffULL

static inline struct sim_cmd sim_cmd_make(enum sim_cmd_op op, u64 qw0, u64 qw1)
{
	return (struct sim_cmd) {
		.qw = {
			cpu_to_le64(FIELD_PREP(SIM_CMD_OP, op) | qw0),
			cpu_to_le64(qw1),
		},
	};
}

/* spec 6.3.1: once every earlier command is done, store @data at @pa */
static inline struct sim_cmd sim_cmd_completion_wait(u64 pa, u64 data)
{
	return sim_cmd_make(SIM_CMD_COMPLETION_WAIT,
			    SIM_CMD_WAIT0_STORE | (pa & SIM_CMD_WAIT0_ADDR), data);
}

/* spec 6.3.1: without a store this does nothing but order; fills a bad slot */
static inline struct sim_cmd sim_cmd_nop(void)
{
	return sim_cmd_make(SIM_CMD_COMPLETION_WAIT, 0, 0);
}

/* spec 6.3.2: the entry of a device, and those of its PASIDs */
static inline struct sim_cmd sim_cmd_invalidate_devtab_entry(u16 rid)
{
	return sim_cmd_make(SIM_CMD_INVALIDATE_DEVTAB_ENTRY,
			    FIELD_PREP(SIM_CMD_DEVTAB0_RID, rid), 0);
}

/* spec 6.3.2: and tags that it has not answered may be used again */
static inline struct sim_cmd sim_cmd_forget_tags(u16 rid)
{
	return sim_cmd_make(SIM_CMD_INVALIDATE_DEVTAB_ENTRY,
			    FIELD_PREP(SIM_CMD_DEVTAB0_RID, rid) | SIM_CMD_DEVTAB0_TAGS, 0);
}

/* spec 6.3.2: the entry of one of its PASIDs */
static inline struct sim_cmd sim_cmd_invalidate_pasid_entry(u16 rid, u32 pasid)
{
	return sim_cmd_make(SIM_CMD_INVALIDATE_DEVTAB_ENTRY,
			    FIELD_PREP(SIM_CMD_DEVTAB0_RID, rid) | SIM_CMD_DEVTAB0_GN |
			    FIELD_PREP(SIM_CMD_DEVTAB0_PASID, pasid), 0);
}

/* The smallest aligned power-of-two block around [@iova, @last], as in INVALIDATE_PAGES */
static inline u64 sim_cmd_block(u64 iova, u64 last)
{
	unsigned int lg2 = fls64(iova ^ last);

	if (lg2 <= SIM_PAGE_LG2)
		return iova & SIM_CMD_PAGES1_ADDR;
	return SIM_CMD_PAGES1_S | sim_sized_addr(iova & ~GENMASK_ULL(lg2 - 1, 0), lg2);
}

/*
 * spec 6.3.3: every translation of @domain that overlaps the smallest aligned
 * power-of-two block around [@iova, @last]; @pde if tables went away, too.
 */
static inline struct sim_cmd sim_cmd_invalidate_pages(u16 domain, u64 iova, u64 last, bool pde)
{
	return sim_cmd_make(SIM_CMD_INVALIDATE_PAGES,
			    FIELD_PREP(SIM_CMD_PAGES0_DOMAIN, domain),
			    sim_cmd_block(iova, last) | (pde ? SIM_CMD_PAGES1_PDE : 0));
}

/* spec 6.3.3, 6.3.5: the same, of requests with a PASID */
static inline struct sim_cmd sim_cmd_with_pasid(struct sim_cmd cmd, u32 pasid)
{
	cmd.qw[0] |= cpu_to_le64(FIELD_PREP(SIM_CMD_PAGES0_PASID, pasid));
	cmd.qw[1] |= cpu_to_le64(SIM_CMD_PAGES1_GN);
	return cmd;
}

/*
 * spec 6.3.6: what the ATC of @rid holds of the smallest block around
 * [@iova, @last], with and without PASIDs; sim_cmd_with_pasid(): of one PASID.
 */
static inline struct sim_cmd sim_cmd_invalidate_atc(u16 rid, unsigned int qdep, u64 iova, u64 last)
{
	return sim_cmd_make(SIM_CMD_INVALIDATE_ATC,
			    FIELD_PREP(SIM_CMD_ATC0_RID, rid) |
			    FIELD_PREP(SIM_CMD_ATC0_QDEP, qdep & 31),
			    sim_cmd_block(iova, last));
}

/* spec 6.3.3: every translation of @domain */
static inline struct sim_cmd sim_cmd_invalidate_domain(u16 domain)
{
	return sim_cmd_invalidate_pages(domain, 0, U64_MAX, true);
}

/* spec 6.3.5: every translation of @domain in [@iova, @last], at most SIM_CMD_RANGE_MAX */
static inline struct sim_cmd sim_cmd_invalidate_range(u16 domain, u64 iova, u64 last, bool pde)
{
	u64 nr = (last >> SIM_PAGE_LG2) - (iova >> SIM_PAGE_LG2);

	return sim_cmd_make(SIM_CMD_INVALIDATE_RANGE,
			    FIELD_PREP(SIM_CMD_PAGES0_DOMAIN, domain) |
			    FIELD_PREP(SIM_CMD_RANGE0_NR_LOW, nr & 0xfff) |
			    FIELD_PREP(SIM_CMD_RANGE0_NR_HIGH, nr >> 12),
			    (iova & SIM_CMD_PAGES1_ADDR) | (pde ? SIM_CMD_PAGES1_PDE : 0));
}

/* How many bytes an INVALIDATE_RANGE is about */
static inline u64 sim_cmd_range_len(u64 qw0)
{
	return ((FIELD_GET(SIM_CMD_RANGE0_NR_HIGH, qw0) << 12 |
		 FIELD_GET(SIM_CMD_RANGE0_NR_LOW, qw0)) + 1) << SIM_PAGE_LG2;
}

/* spec 6.3.4: everything this IOMMU has cached */
static inline struct sim_cmd sim_cmd_invalidate_all(void)
{
	return sim_cmd_make(SIM_CMD_INVALIDATE_ALL, 0, 0);
}

#endif
