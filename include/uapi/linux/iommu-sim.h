/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The synthetic PCI endpoint behind iommu-sim: a DMA engine whose registers
 * live in a DVSEC in configuration space. With this header alone a driver can
 * be written, in the kernel or in user space over VFIO. The full text is in
 * Documentation/iommu-sim/hardware.rst, section 10.
 *
 * Everything in memory is little endian.
 */
#ifndef _UAPI_LINUX_IOMMU_SIM_H
#define _UAPI_LINUX_IOMMU_SIM_H

#include <linux/types.h>

/* Unofficial vendor ID, shared with other emulated devices */
#define IOMMU_SIM_PCI_VENDOR		0x1234
#define IOMMU_SIM_PCI_DEVICE		0x5110
#define IOMMU_SIM_PCI_CLASS		0x088000	/* system peripheral, other */

/*
 * The DVSEC: find the extended capability with DVSEC vendor
 * IOMMU_SIM_PCI_VENDOR and this DVSEC ID. The offsets below count from the
 * start of that capability. All registers are 32 bits, little endian; 1 and 2
 * byte accesses reach the bytes they name. A register that starts something
 * (CTRL, TAIL) acts on each write, so write it with one 4 byte access.
 */
#define IOMMU_SIM_DVSEC_ID		0x10
#define IOMMU_SIM_DVSEC_REV		1

#define IOMMU_SIM_REG_CAPS		0x0c	/* read only */
#define IOMMU_SIM_CAPS_CHANNELS		0x000000ff	/* number of channels */
#define IOMMU_SIM_CAPS_RING_LG2		0x0000ff00	/* largest RING_LG2 */
#define IOMMU_SIM_CAPS_VECTORS		0x00ff0000	/* number of MSI vectors */

#define IOMMU_SIM_REG_OPS		0x10	/* read only: bit n: operation n */

/* Channel n: registers at IOMMU_SIM_CHANNEL(n) + IOMMU_SIM_CH_* */
#define IOMMU_SIM_CHANNEL(n)		(0x40 + (n) * 0x40)
#define IOMMU_SIM_MAX_CHANNELS		8

#define IOMMU_SIM_CH_CTRL		0x00
#define IOMMU_SIM_CH_CTRL_EN		0x00000001	/* run */
#define IOMMU_SIM_CH_CTRL_RESET		0x00000002	/* write 1: stop, HEAD = TAIL = 0 */
#define IOMMU_SIM_CH_CTRL_INTR		0x00000004	/* MSI if a descriptor asks, or on a halt */
#define IOMMU_SIM_CH_CTRL_VECTOR	0x00001f00	/* MSI vector of this channel */
#define IOMMU_SIM_CH_STATUS		0x04	/* read only */
#define IOMMU_SIM_CH_STATUS_BUSY	0x00000001	/* a descriptor is being worked on */
#define IOMMU_SIM_CH_STATUS_HALTED	0x00000002	/* until CTRL_RESET; see _HALT */
#define IOMMU_SIM_CH_STATUS_HALT	0x0000ff00	/* enum iommu_sim_halt */
#define IOMMU_SIM_CH_RING_LO		0x08	/* descriptor ring, 64-byte aligned */
#define IOMMU_SIM_CH_RING_HI		0x0c
#define IOMMU_SIM_CH_CPL_LO		0x10	/* completion ring, 64-byte aligned */
#define IOMMU_SIM_CH_CPL_HI		0x14
#define IOMMU_SIM_CH_RING_LG2		0x18	/* log2 of the entries of both rings */
#define IOMMU_SIM_CH_PASID		0x1c	/* PASID for ring accesses */
#define IOMMU_SIM_CH_PASID_VALID	0x80000000
#define IOMMU_SIM_CH_TAIL		0x20	/* doorbell: descriptors submitted so far */
#define IOMMU_SIM_CH_HEAD		0x24	/* read only: descriptors done so far */
#define IOMMU_SIM_CH_ERRORS		0x28	/* read only: of these, with an error */

#define IOMMU_SIM_RING_MIN_LG2		1
#define IOMMU_SIM_RING_MAX_LG2		12

/*
 * Why a channel halted: the ring itself was wrong or out of reach. Errors of
 * a single descriptor do not halt the channel.
 */
enum iommu_sim_halt {
	IOMMU_SIM_HALT_NONE		= 0,
	IOMMU_SIM_HALT_CONFIG		= 1,	/* ring address or size, or vector */
	IOMMU_SIM_HALT_DOORBELL		= 2,	/* TAIL more than a ring ahead of HEAD */
	IOMMU_SIM_HALT_RING_READ	= 3,	/* a descriptor could not be read */
	IOMMU_SIM_HALT_CPL_WRITE	= 4,	/* a completion could not be written */
};

/* Operations */
enum iommu_sim_op {
	IOMMU_SIM_OP_NOP		= 0,	/* completes, moves nothing */
	IOMMU_SIM_OP_COPY		= 1,	/* src to dst, len bytes */
	IOMMU_SIM_OP_FILL		= 2,	/* dst, len bytes, with the operand repeated */
	IOMMU_SIM_OP_COMPARE		= 3,	/* src with dst, len bytes */
	IOMMU_SIM_OP_FETCH_ADD		= 4,	/* operand to dst, len 4 or 8 and aligned */
};

#define IOMMU_SIM_DESC_INTR		0x01	/* MSI when done */
#define IOMMU_SIM_DESC_PASID		0x02	/* pasid is valid, for src and dst */
#define IOMMU_SIM_DESC_SRC_LIST		0x04	/* src: address of a list of segments */
#define IOMMU_SIM_DESC_DST_LIST		0x08	/* dst: address of a list of segments */

#define IOMMU_SIM_MAX_SEGMENTS		256

/**
 * struct iommu_sim_desc - one piece of work
 * @op: enum iommu_sim_op
 * @flags: IOMMU_SIM_DESC_*
 * @src_segs: entries of the source list, 1 to IOMMU_SIM_MAX_SEGMENTS; else 0
 * @dst_segs: entries of the destination list; else 0
 * @pasid: 20 bits, with IOMMU_SIM_DESC_PASID; else 0
 * @src: source address, or the list's (16-byte aligned); ignored if not used
 * @dst: destination address, or the list's (16-byte aligned)
 * @operand: pattern of a FILL, addend of a FETCH_ADD; else 0
 * @len: bytes; the segments of a list add up to at least this
 * @rsvd0: must be 0
 * @rsvd: must be 0
 *
 * Descriptor number n (counting from 0 since the last reset) is entry
 * n mod 2^RING_LG2 of the ring.
 */
struct iommu_sim_desc {
	__u8 op;
	__u8 flags;
	__le16 src_segs;
	__le16 dst_segs;
	__le16 rsvd0;
	__le32 pasid;
	__le32 len;
	__le64 src;
	__le64 dst;
	__le64 operand;
	__le64 rsvd[3];
};

/**
 * struct iommu_sim_seg - an entry of a scatter list
 * @addr: address
 * @len: bytes
 * @rsvd: must be 0
 */
struct iommu_sim_seg {
	__le64 addr;
	__le32 len;
	__le32 rsvd;
};

/* How a descriptor ended; 0 never occurs in a record that was written */
enum iommu_sim_status {
	IOMMU_SIM_OK			= 1,
	IOMMU_SIM_ERR_DESC		= 2,	/* reserved field, operation, length or list */
	IOMMU_SIM_ERR_READ		= 3,	/* addr: the read that failed */
	IOMMU_SIM_ERR_WRITE		= 4,	/* addr: the write that failed */
	IOMMU_SIM_ERR_LIST		= 5,	/* addr: the list entry not readable */
	IOMMU_SIM_MISMATCH		= 6,	/* COMPARE: done is the offset */
};

/**
 * struct iommu_sim_cpl - completion record
 * @addr: with an error, the address of the request that failed; else 0
 * @result: what FETCH_ADD found; else 0
 * @done: bytes moved, filled or found equal
 * @cpl: with an error, the PCIe completion status of that request; else 0
 * @number: the descriptor's number
 * @status: enum iommu_sim_status
 *
 * The record of descriptor n is entry n mod 2^RING_LG2 of the completion ring.
 * It is written before HEAD moves past n and before the MSI, and @number and
 * @status become visible last, together. A driver that zeroes the ring and
 * looks for its number with a status other than 0 cannot be misled.
 * If it goes by the records and does not read HEAD, it leaves an entry of the
 * ring unused: HEAD may be one behind them, and TAIL must stay within a ring of
 * HEAD.
 */
struct iommu_sim_cpl {
	__le64 addr;
	__le64 result;
	__le32 done;
	__le32 cpl;
	__le32 number;
	__le32 status;
};

#endif
