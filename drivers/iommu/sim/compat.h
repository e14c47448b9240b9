/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels, 6.12 to 7.2, in one place. In a
 * grafted tree there is no try-compile step, so versions have to do.
 */
#ifndef _IOMMU_SIM_COMPAT_H
#define _IOMMU_SIM_COMPAT_H

#include <linux/export.h>
#include <linux/module.h>
#include <linux/version.h>

/* 6.13: namespaces became strings */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define SIM_NS(ns)	ns
#else
#define SIM_NS(ns)	#ns
#endif

/* One namespace for each contract */
#define EXPORT_SYMBOL_SIM_BUS(sym)	EXPORT_SYMBOL_NS_GPL(sym, SIM_NS(IOMMU_SIM_BUS))
#define EXPORT_SYMBOL_SIM_TLP(sym)	EXPORT_SYMBOL_NS_GPL(sym, SIM_NS(IOMMU_SIM_TLP))

/* What observes and disturbs, for all layers: debug/ */
#define EXPORT_SYMBOL_SIM_DEBUG(sym)	EXPORT_SYMBOL_NS_GPL(sym, SIM_NS(IOMMU_SIM_DEBUG))

/* Caches of translations, for the silicon and for endpoints: tlb/ */
#define EXPORT_SYMBOL_SIM_CACHE(sym)	EXPORT_SYMBOL_NS_GPL(sym, SIM_NS(IOMMU_SIM_CACHE))

/* What other kernel code may use: include/linux/iommu-sim.h */
#define EXPORT_SYMBOL_SIM_API(sym)	EXPORT_SYMBOL_NS_GPL(sym, SIM_NS(IOMMU_SIM))

#define SIM_IMPORT_NS(ns)		MODULE_IMPORT_NS(SIM_NS(ns))

/* 6.13: one way to make all paging domains; before, iommufd had its own */
#define SIM_HAVE_PAGING_FLAGS	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0))

/* 6.14: a PASID is detached by attaching the blocked domain; before, there was a call */
#define SIM_HAVE_BLOCKED_PASID	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0))

/* 6.14: a worker that runs at once got this name; before, all did */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define kthread_run_worker(...)	kthread_create_worker(__VA_ARGS__)
#endif

/* 6.15: domains that are to be used with PASIDs are asked for */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define SIM_ALLOC_PASID		0
#else
#define SIM_ALLOC_PASID		IOMMU_HWPT_ALLOC_PASID
#endif

/* 6.18: emulated host bridges draw their PCI domains from one allocator */
#define SIM_HAVE_EMUL_DOMAIN_NR	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0))

/* 6.19: attach_dev is told which domain the device leaves; we know */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define SIM_OLD_DOMAIN
#else
#define SIM_OLD_DOMAIN	, struct iommu_domain *old
#endif

/* 7.0: the IOMMU is told of resets */
#define SIM_HAVE_RESET_HOOKS	(LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0))

/* 7.2: user space asks whether ATS is supported */
#define SIM_HAVE_CAP_ATS	(LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0))

/* 7.2: a driver can have ranges as they were asked for, not split into pages */
#define SIM_HAVE_PT_RANGES	(LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0))
#if SIM_HAVE_PT_RANGES
#include <linux/generic_pt/iommu.h>
#endif

#endif
