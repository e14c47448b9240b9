/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices, address spaces and page tables of iommufd, for tests. Functions that
 * return an int return 0 or a negative error.
 */
#ifndef IOMMUFD_LIB_H
#define IOMMUFD_LIB_H

#include <linux/iommufd.h>

#include "vfio_lib.h"

#define READ		IOMMU_IOAS_MAP_READABLE
#define WRITE		IOMMU_IOAS_MAP_WRITEABLE

/* IOMMU_HWPT_ALLOC_PASID, since 6.15 */
#define ALLOC_PASID	0x8

const char *iommufd_missing(char *name);
int iommufd_device_open(struct vfio_user *user, const char *name, int iommufd, __u32 *id);
int iommufd_attach(struct vfio_user *user, __u32 id);
int iommufd_detach(struct vfio_user *user);
int iommufd_attach_pasid(struct vfio_user *user, __u32 pasid, __u32 id);
int iommufd_detach_pasid(struct vfio_user *user, __u32 pasid);
int iommufd_destroy(int iommufd, __u32 id);
__u32 ioas_alloc(int iommufd);
int ioas_map(int iommufd, __u32 ioas, void *mem, __u64 size, __u64 iova, __u32 flags);
int ioas_unmap(int iommufd, __u32 ioas, __u64 iova, __u64 size);
int hwpt_alloc(int iommufd, __u32 device, __u32 ioas, __u32 flags, __u32 *id);
int hwpt_track(int iommufd, __u32 hwpt, bool on);
int hwpt_dirty(int iommufd, __u32 hwpt, __u32 flags, __u64 iova, __u64 size, __u64 *bitmap);

#endif
