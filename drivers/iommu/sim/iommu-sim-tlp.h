/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contract 2: what travels between a PCI device and the emulated IOMMU.
 *
 * A device knows its bus and its requester ID. It never sees a domain, a page
 * table or an IOTLB. See Documentation/iommu-sim/hardware.rst, spec 8.
 */
#ifndef _IOMMU_SIM_TLP_H
#define _IOMMU_SIM_TLP_H

#include <linux/kconfig.h>
#include <linux/sizes.h>
#include <linux/types.h>

struct dentry;
struct sim_inject;

enum iommu_sim_tlp_type {
	SIM_TLP_MEM_READ,
	SIM_TLP_MEM_WRITE,
	SIM_TLP_FETCH_ADD,	/* data: the addend in, the old value out */
	SIM_TLP_INV_REQUEST,	/* to a device: addr as in spec 8.6 */
	SIM_TLP_INV_COMPLETION,	/* its answer: tag is a vector, len the completion count */
};

/* spec 8.2: completion status, numbered as in PCIe */
enum iommu_sim_tlp_status {
	SIM_CPL_SUCCESS			= 0,
	SIM_CPL_UNSUPPORTED_REQUEST	= 1,
	SIM_CPL_COMPLETER_ABORT		= 4,
};

/* spec 8.1: the largest payload; a request never crosses such a boundary */
#define SIM_TLP_MAX_LEN		SZ_4K

#define SIM_TLP_PASID		BIT(0)	/* the PASID prefix is there */
#define SIM_TLP_EXEC		BIT(1)
#define SIM_TLP_PRIV		BIT(2)
#define SIM_TLP_NW		BIT(3)	/* a translation request without intent to write */

/**
 * struct iommu_sim_tlp - one packet, sent upstream by a device, or to a device
 * @type: enum iommu_sim_tlp_type
 * @at: address type, enum sim_at
 * @rid: requester ID of the device, bus << 8 | devfn
 * @flags: SIM_TLP_*
 * @pasid: valid with SIM_TLP_PASID, 20 bits
 * @addr: address in bytes; what it means depends on @at
 * @len: payload in bytes, 1 to SIM_TLP_MAX_LEN; 4 or 8 for SIM_TLP_FETCH_ADD; 8 for
 *	 a translation request
 * @tag: of an invalidate request; in its completion a bit for each
 * @data: what to write, or where read data goes; always mapped kernel memory
 */
struct iommu_sim_tlp {
	u8 type;
	u8 at;
	u16 rid;
	u32 flags;
	u32 pasid;
	u32 len;
	u64 addr;
	u32 tag;
	void *data;
};

/* A root port: a range of buses behind one IOMMU instance */
struct iommu_sim_port;

struct iommu_sim_port *iommu_sim_port_add(unsigned int instance, u32 segment,
					  u8 bus_first, u8 bus_last);
void iommu_sim_port_del(struct iommu_sim_port *port);
bool iommu_sim_port_up(const struct iommu_sim_port *port);
struct dentry *iommu_sim_port_debugfs(const struct iommu_sim_port *port);
struct sim_inject *iommu_sim_port_inject(const struct iommu_sim_port *port);
enum iommu_sim_tlp_status iommu_sim_tlp_send(struct iommu_sim_port *port,
					     struct iommu_sim_tlp *tlp);

enum iommu_sim_tlp_status iommu_sim_tlp_copy(struct iommu_sim_port *port,
					     struct iommu_sim_tlp *read,
					     struct iommu_sim_tlp *write, bool *at_write);

/**
 * struct iommu_sim_function_ops - how a device hears from the IOMMU
 * @invalidate: an invalidate request has come. The device may answer at once, by
 *		iommu_sim_tlp_send(), or later. Called with interrupts off and locks
 *		held: it must send nothing else, and not sleep.
 * @access: for tests: have the device make a request of its own
 */
struct iommu_sim_function_ops {
	void (*invalidate)(void *data, const struct iommu_sim_tlp *tlp);
#if IS_ENABLED(CONFIG_KUNIT)
	enum iommu_sim_tlp_status (*access)(void *data, struct iommu_sim_tlp *tlp);
#endif
};

/* A device with an ATC, as the IOMMU knows it */
struct iommu_sim_function;

struct iommu_sim_function *iommu_sim_function_add(struct iommu_sim_port *port, u16 rid,
						  const struct iommu_sim_function_ops *ops,
						  void *data);
void iommu_sim_function_del(struct iommu_sim_function *fn);
u64 iommu_sim_function_timeouts(const struct iommu_sim_function *fn);

#endif
