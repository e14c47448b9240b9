// SPDX-License-Identifier: GPL-2.0-only
/* See iommufd_lib.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "iommufd_lib.h"

/* A device that is bound to vfio-pci, bound to @iommufd; attached to nothing */
int iommufd_device_open(struct vfio_user *user, const char *name, int iommufd, __u32 *id)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	char path[320];
	struct dirent *entry;
	DIR *dir;
	int ret;

	*user = (struct vfio_user)VFIO_USER_CLOSED;
	snprintf(user->name, sizeof(user->name), "%s", name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", name);
	dir = opendir(path);
	path[0] = 0;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	if (dir)
		closedir(dir);
	user->device = open(path, O_RDWR | O_CLOEXEC);
	if (user->device < 0 || ioctl(user->device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		goto err;
	*id = bind.out_devid;
	ret = vfio_use_device(user);
	if (ret)
		vfio_close(user);
	return ret;

err:
	ret = -errno;
	vfio_close(user);
	return ret;
}

/* To an address space or a page table; also from another one */
int iommufd_attach(struct vfio_user *user, __u32 id)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = id };

	return ioctl(user->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ? -errno : 0;
}

int iommufd_detach(struct vfio_user *user)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	return ioctl(user->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) ? -errno : 0;
}

/* Longer since 6.15 than the headers have them; the flag says so */
#define WITH_PASID	0x1

struct attach_pasid {
	struct vfio_device_attach_iommufd_pt attach;
	__u32 pasid;
};

struct detach_pasid {
	struct vfio_device_detach_iommufd_pt detach;
	__u32 pasid;
};

/* To a page table that was allocated with ALLOC_PASID; also from another one */
int iommufd_attach_pasid(struct vfio_user *user, __u32 pasid, __u32 id)
{
	struct attach_pasid attach = {
		.attach = { .argsz = sizeof(attach), .flags = WITH_PASID, .pt_id = id },
		.pasid = pasid,
	};

	return ioctl(user->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ? -errno : 0;
}

int iommufd_detach_pasid(struct vfio_user *user, __u32 pasid)
{
	struct detach_pasid detach = {
		.detach = { .argsz = sizeof(detach), .flags = WITH_PASID },
		.pasid = pasid,
	};

	return ioctl(user->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) ? -errno : 0;
}

/* The object, or 0 */
__u32 ioas_alloc(int iommufd)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	return ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc) ? 0 : alloc.out_ioas_id;
}

int hwpt_alloc(int iommufd, __u32 device, __u32 ioas, __u32 flags, __u32 *id)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = flags,
		.dev_id = device,
		.pt_id = ioas,
	};
	int ret = ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc) ? -errno : 0;

	*id = alloc.out_hwpt_id;
	return ret;
}

/* Dirty tracking on or off */
int hwpt_track(int iommufd, __u32 hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return ioctl(iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set) ? -errno : 0;
}

/* A bit for each 4 KiB; bits that are set stay so */
int hwpt_dirty(int iommufd, __u32 hwpt, __u32 flags, __u64 iova, __u64 size, __u64 *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = size,
		.page_size = 4096,
		.data = (unsigned long)bitmap,
	};

	return ioctl(iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get) ? -errno : 0;
}

int iommufd_destroy(int iommufd, __u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return ioctl(iommufd, IOMMU_DESTROY, &destroy) ? -errno : 0;
}

int ioas_map(int iommufd, __u32 ioas, void *mem, __u64 size, __u64 iova, __u32 flags)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (unsigned long)mem,
		.length = size,
		.iova = iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

int ioas_unmap(int iommufd, __u32 ioas, __u64 iova, __u64 size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas,
		.iova = iova,
		.length = size,
	};

	if (ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap))
		return -errno;
	return unmap.length == size ? 0 : -ENOENT;
}

/* As sim_missing(), and what else a test of iommufd needs */
const char *iommufd_missing(char *name)
{
	const char *why = sim_missing(name);
	struct vfio_user user;
	__u32 id;
	int fd;

	if (why)
		return why;
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return "no /dev/iommu (CONFIG_IOMMUFD)";
	/* Without device files vfio-pci can be bound, but not be opened this way */
	if (sim_bind(name, "vfio-pci") || iommufd_device_open(&user, name, fd, &id))
		why = "no VFIO device files (CONFIG_VFIO_DEVICE_CDEV)";
	else
		vfio_close(&user);
	close(fd);
	sim_give_back(name);
	return why;
}
