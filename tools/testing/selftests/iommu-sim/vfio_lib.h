/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver of the endpoint in user space, over VFIO, written from
 * <linux/iommu-sim.h> alone; and how a test gets a device and gives it back.
 *
 * Functions that return an int return 0 or a negative error.
 */
#ifndef VFIO_LIB_H
#define VFIO_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#include <linux/iommu-sim.h>

#define SIM_NAME_SIZE	32
#define SIM_DRIVER	"iommu-sim-dma"
#define SIM_IOMMU	"/sys/kernel/debug/iommu-sim/iommu0"
#define SIM_STATS	SIM_IOMMU "/stats"
#define SIM_MSI_VECTORS	8

/**
 * struct vfio_user - a device that this process has open
 * @name: PCI address
 * @container: type1 container, or -1; may belong to another device
 * @group: VFIO group, or -1
 * @device: the device
 * @config: offset of configuration space in @device
 * @dvsec: offset of the registers in configuration space
 * @channels: how many DMA channels it has
 */
struct vfio_user {
	char name[SIM_NAME_SIZE];
	int container;
	int group;
	int device;
	__u64 config;
	unsigned int dvsec;
	unsigned int channels;
};

#define VFIO_USER_CLOSED { .container = -1, .group = -1, .device = -1 }

/**
 * struct sim_chan - a channel with its rings
 * @user: the device
 * @index: which channel
 * @lg2: log2 of the entries of both rings
 * @desc: descriptor ring
 * @cpl: completion ring
 * @tail: descriptors written so far
 */
struct sim_chan {
	struct vfio_user *user;
	unsigned int index;
	unsigned int lg2;
	struct iommu_sim_desc *desc;
	struct iommu_sim_cpl *cpl;
	__u32 tail;
};

/* Processes, modules, sysfs */
pid_t sim_run(const char *program, const char *option, const char *arg);
int sim_status(pid_t pid);
int sim_load(const char *module);
bool sim_loaded(const char *module);
int sim_find(unsigned int index, char *name);
int sim_bind(const char *name, const char *driver);
bool sim_bound(const char *name, const char *driver);
int sim_give_back(const char *name);
void sim_give_all_back(void);
const char *sim_missing(char *name);
const char *vfio_missing(char *name);
void sim_begin(const char *missing);
int sim_write_file(const char *path, const char *text);
int sim_device_write(const char *name, const char *file, const char *text);
long long sim_counter(const char *path, const char *name);
int sim_selftest(const char *name);

/* Memory */
#define SIM_SENTINEL	0x5e
/* Long for a device that is still at work: a request takes microseconds */
#define SIM_WATCH_US	100000
void *sim_memory(size_t size);
bool sim_all_bytes(const void *mem, size_t size, unsigned char byte);
bool sim_untouched(void *mem, size_t size);

long long sim_pinned(void);

/* Injected faults */
int sim_fail_nth(const char *point, unsigned int nth);
long long sim_injected(const char *point);
int sim_inject_clear(void);

/* The kernel log */
int sim_log_open(void);
unsigned int sim_log_read(int fd, const char *match, unsigned int *splats);

/* VFIO */
int vfio_open_container(void);
int vfio_open_type1(struct vfio_user *user, const char *name, int container);
int vfio_use_device(struct vfio_user *user);
void vfio_close(struct vfio_user *user);
int vfio_map(int container, void *mem, __u64 size, __u64 iova, __u32 flags);
int vfio_unmap(int container, __u64 iova, __u64 size);
int vfio_reset(struct vfio_user *user);
int vfio_eventfds(struct vfio_user *user, unsigned int irq_index, const int *fds,
		  unsigned int nr);
/* How long to wait for what has to come; nothing is measured by it */
#define SIM_PATIENCE_MS	60000
__u64 sim_signalled(int fd, int timeout_ms);

/* Configuration space */
__u32 cfg_get(struct vfio_user *user, unsigned int offset, unsigned int size);
void cfg_put(struct vfio_user *user, unsigned int offset, unsigned int size, __u32 value);
unsigned int cfg_find_cap(struct vfio_user *user, unsigned int id);
unsigned int cfg_find_ext_cap(struct vfio_user *user, unsigned int id);
void cfg_bus_master(struct vfio_user *user, bool on);

/* Channels */
size_t chan_ring_size(unsigned int lg2);
__u32 chan_get(struct sim_chan *chan, unsigned int reg);
void chan_put(struct sim_chan *chan, unsigned int reg, __u32 value);
void chan_setup(struct sim_chan *chan, struct vfio_user *user, unsigned int index, void *mem,
		__u64 iova, unsigned int lg2);
void chan_start(struct sim_chan *chan, __u32 ctrl);
struct iommu_sim_desc *chan_next(struct sim_chan *chan);
void chan_doorbell(struct sim_chan *chan);
int chan_wait(struct sim_chan *chan);
int chan_wait_halt(struct sim_chan *chan);
unsigned int chan_halt(struct sim_chan *chan);
bool chan_busy(struct sim_chan *chan);
const struct iommu_sim_cpl *chan_last(struct sim_chan *chan);
int chan_run(struct sim_chan *chan, const struct iommu_sim_desc *desc);
int chan_copy(struct sim_chan *chan, __u64 dst, __u64 src, __u32 len);
int chan_fill(struct sim_chan *chan, __u64 dst, __u64 pattern, __u32 len);
int chan_compare(struct sim_chan *chan, __u64 dst, __u64 src, __u32 len);
void chan_keep_filling(struct sim_chan *chan, __u64 dst, __u32 len);

const char *sim_failed_maps(struct sim_chan *chan, const char *point,
			    int (*map)(int fd, __u32 id, void *mem, __u64 size, __u64 iova),
			    int fd, __u32 id, __u64 base);

/* Reproducible data */
__u64 sim_random(__u64 *state);
void sim_random_fill(void *mem, size_t size, __u64 seed);

#endif
