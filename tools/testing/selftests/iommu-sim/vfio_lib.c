// SPDX-License-Identifier: GPL-2.0-only
/* See vfio_lib.h. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "kselftest.h"
#include "vfio_lib.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define PCI_DRIVERS	"/sys/bus/pci/drivers"
#define PATH_SIZE	(NAME_MAX + 128)

pid_t sim_run(const char *program, const char *option, const char *arg)
{
	pid_t pid = fork();

	if (!pid) {
		execlp(program, program, option, arg, NULL);
		_exit(127);
	}
	return pid;
}

/* How a process ended: its exit status, or the negative signal or error */
int sim_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int sim_load(const char *module)
{
	/* Not by the shell, which may have a modprobe of its own */
	return sim_status(sim_run("modprobe", "-q", module)) ? -ENOENT : 0;
}

bool sim_loaded(const char *module)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return !access(path, F_OK);
}

int sim_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int sim_device_write(const char *name, const char *file, const char *text)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", name, file);
	return sim_write_file(path, text);
}

static long read_id(const char *name, const char *file)
{
	char path[PATH_SIZE], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", name, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtol(text, NULL, 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The PCI address of endpoint number @index, in the order of addresses */
int sim_find(unsigned int index, char *name)
{
	char found[32][SIM_NAME_SIZE];
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *entry;
	unsigned int nr = 0;

	while (dir && nr < 32 && (entry = readdir(dir))) {
		if (read_id(entry->d_name, "vendor") == IOMMU_SIM_PCI_VENDOR &&
		    read_id(entry->d_name, "device") == IOMMU_SIM_PCI_DEVICE)
			snprintf(found[nr++], SIM_NAME_SIZE, "%.*s", SIM_NAME_SIZE - 1,
				 entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (index >= nr)
		return -ENODEV;
	qsort(found, nr, SIM_NAME_SIZE, by_name);
	snprintf(name, SIM_NAME_SIZE, "%s", found[index]);
	return 0;
}

bool sim_bound(const char *name, const char *driver)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), PCI_DRIVERS "/%s/%s", driver, name);
	return !access(path, F_OK);
}

/* Take the device from the driver that has it, and have @driver take it */
int sim_bind(const char *name, const char *driver)
{
	int ret;

	if (sim_bound(name, driver))
		return 0;
	ret = sim_device_write(name, "driver_override", driver);
	if (ret)
		return ret;
	ret = sim_device_write(name, "driver/unbind", name);
	if (ret && ret != -ENOENT)
		return ret;
	ret = sim_write_file("/sys/bus/pci/drivers_probe", name);
	if (ret)
		return ret;
	return sim_bound(name, driver) ? 0 : -ENODEV;
}

/* Back to the kernel's driver, as if nothing had been */
int sim_give_back(const char *name)
{
	int ret = sim_bind(name, SIM_DRIVER);

	/* An empty line removes the override */
	return sim_device_write(name, "driver_override", "\n") ?: ret;
}

/* All of them, for atexit() */
void sim_give_all_back(void)
{
	char name[SIM_NAME_SIZE];
	unsigned int i;

	for (i = 0; !sim_find(i, name); i++)
		if (!sim_bound(name, SIM_DRIVER))
			sim_give_back(name);
}

/* What every test here needs; sets @name to the first endpoint. Returns what is missing. */
const char *sim_missing(char *name)
{
	if (geteuid())
		return "needs root";
	if (sim_load("iommu-sim-dma"))
		return "the modules cannot be loaded";
	if (sim_find(0, name))
		return "there is no endpoint";
	if (sim_load("vfio-pci"))
		return "no vfio-pci";
	sim_load("vfio_iommu_type1");
	sim_load("iommufd");
	return NULL;
}

/* As sim_missing(), and what else a test of VFIO's containers needs */
const char *vfio_missing(char *name)
{
	const char *why = sim_missing(name);

	return why || !access("/dev/vfio/vfio", F_OK) ? why : "no VFIO containers";
}

/* To be called by main(): skip the tests if something is missing */
void sim_begin(const char *missing)
{
	if (missing) {
		ksft_print_header();
		ksft_exit_skip("%s\n", missing);
	}
	atexit(sim_give_all_back);
}

/* A counter from a file of "name value" lines, or a negative error */
long long sim_counter(const char *path, const char *name)
{
	long long value = -ENOENT, v;
	char line[128], word[64];
	FILE *file = fopen(path, "r");

	if (!file)
		return -errno;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %lld", word, &v) == 2 && !strcmp(word, name))
			value = v;
	fclose(file);
	return value;
}

/* The kernel driver's own test, which verifies every byte; nothing without debugfs */
int sim_selftest(const char *name)
{
	char path[PATH_SIZE];

	if (access("/sys/kernel/debug/" SIM_DRIVER, F_OK))
		return 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/" SIM_DRIVER "/%s/selftest/run", name);
	return sim_write_file(path, "1");
}

/* Lines from now on */
int sim_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* How many new lines have @match in them; @splats: and what must not be there */
unsigned int sim_log_read(int fd, const char *match, unsigned int *splats)
{
	static const char *const bad[] = { "WARNING:", "BUG:", "Call Trace:", "Oops" };
	unsigned int lines = 0, i;
	char record[8192];
	ssize_t n;

	*splats = 0;
	for (;;) {
		n = read(fd, record, sizeof(record) - 1);
		/* EPIPE: older lines were overwritten, go on with what there is */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			return lines;
		record[n] = 0;
		lines += !!strstr(record, match);
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			*splats += !!strstr(record, bad[i]);
	}
}

/* Shared with children, so that it can be watched from there */
void *sim_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

bool sim_all_bytes(const void *mem, size_t size, unsigned char byte)
{
	const unsigned char *p = mem;

	return p[0] == byte && !memcmp(p, p + 1, size - 1);
}

/* The device is not to write there any more: does it? */
bool sim_untouched(void *mem, size_t size)
{
	memset(mem, SIM_SENTINEL, size);
	usleep(SIM_WATCH_US);
	return sim_all_bytes(mem, size, SIM_SENTINEL);
}

/* How many pages users have pinned. The counters are per CPU; a write has them summed up */
long long sim_pinned(void)
{
	sim_write_file("/proc/sys/vm/stat_refresh", "1");
	return sim_counter("/proc/vmstat", "nr_foll_pin_acquired") -
	       sim_counter("/proc/vmstat", "nr_foll_pin_released");
}

/* Have the @nth consideration of @point from now on fail */
int sim_fail_nth(const char *point, unsigned int nth)
{
	char path[PATH_SIZE], text[16];

	snprintf(path, sizeof(path), SIM_IOMMU "/inject/%s/fail-nth", point);
	snprintf(text, sizeof(text), "%u", nth);
	return sim_write_file(path, text);
}

/* How often @point has failed since it was cleared, or a negative error */
long long sim_injected(const char *point)
{
	long long value = -EIO;
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), SIM_IOMMU "/inject/%s/injected", point);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	if (fscanf(file, "%lld", &value) != 1)
		value = -EIO;
	fclose(file);
	return value;
}

int sim_inject_clear(void)
{
	return sim_write_file(SIM_IOMMU "/inject/clear", "1");
}

static int group_open(const char *name)
{
	char path[PATH_SIZE], link[PATH_SIZE];
	ssize_t n;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio%.*s", NAME_MAX, strrchr(link, '/'));
	n = open(path, O_RDWR | O_CLOEXEC);
	return n < 0 ? -errno : n;
}

/* @user->device has just been opened: where is what, and let it do DMA */
int vfio_use_device(struct vfio_user *user)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	unsigned int at;

	if (ioctl(user->device, VFIO_DEVICE_GET_REGION_INFO, &region))
		return -errno;
	user->config = region.offset;
	at = cfg_find_ext_cap(user, PCI_EXT_CAP_ID_DVSEC);
	if (!at ||
	    cfg_get(user, at + PCI_DVSEC_HEADER1, 2) != IOMMU_SIM_PCI_VENDOR ||
	    cfg_get(user, at + PCI_DVSEC_HEADER2, 2) != IOMMU_SIM_DVSEC_ID)
		return -ENXIO;
	user->dvsec = at;
	user->channels = cfg_get(user, at + IOMMU_SIM_REG_CAPS, 4) & IOMMU_SIM_CAPS_CHANNELS;
	cfg_bus_master(user, true);
	return 0;
}

int vfio_open_container(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Open a device that is bound to vfio-pci; @container: an open one, which is lent */
int vfio_open_type1(struct vfio_user *user, const char *name, int container)
{
	int ret;

	*user = (struct vfio_user)VFIO_USER_CLOSED;
	snprintf(user->name, sizeof(user->name), "%s", name);
	user->container = container;
	ret = group_open(name);
	if (ret < 0)
		return ret;
	user->group = ret;
	if (ioctl(user->group, VFIO_GROUP_SET_CONTAINER, &container))
		goto err;
	/* The container of a second device has its type already */
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) && errno != EINVAL)
		goto err;
	user->device = ioctl(user->group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (user->device < 0)
		goto err;
	ret = vfio_use_device(user);
	if (ret)
		vfio_close(user);
	return ret;

err:
	ret = -errno;
	vfio_close(user);
	return ret;
}

/* Everything but the container */
void vfio_close(struct vfio_user *user)
{
	if (user->device >= 0)
		close(user->device);
	if (user->group >= 0)
		close(user->group);
	user->device = -1;
	user->group = -1;
}

int vfio_map(int container, void *mem, __u64 size, __u64 iova, __u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (unsigned long)mem,
		.iova = iova,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vfio_unmap(int container, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	return unmap.size == size ? 0 : -ENOENT;
}

/* How often an eventfd has been signalled since; waits for the first time */
__u64 sim_signalled(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	__u64 count = 0;

	if (poll(&p, 1, timeout_ms) != 1 || read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

int vfio_reset(struct vfio_user *user)
{
	return ioctl(user->device, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* Have interrupts 0 to @nr - 1 of @irq_index signal @fds; none: disable them */
int vfio_eventfds(struct vfio_user *user, unsigned int irq_index, const int *fds,
		  unsigned int nr)
{
	char buffer[sizeof(struct vfio_irq_set) + SIM_MSI_VECTORS * sizeof(*fds)];
	struct vfio_irq_set *set = (void *)buffer;

	*set = (struct vfio_irq_set) {
		.argsz = sizeof(*set) + nr * sizeof(*fds),
		.flags = (nr ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE) |
			 VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = irq_index,
		.count = nr,
	};
	if (nr)
		memcpy(set->data, fds, nr * sizeof(*fds));
	return ioctl(user->device, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
}

__u32 cfg_get(struct vfio_user *user, unsigned int offset, unsigned int size)
{
	__le32 value = 0;

	if (pread(user->device, &value, size, user->config + offset) != (ssize_t)size)
		return ~0U;
	return le32toh(value);
}

void cfg_put(struct vfio_user *user, unsigned int offset, unsigned int size, __u32 value)
{
	__le32 le = htole32(value);

	/* What cannot be written cannot be read back either: that is what tests see */
	if (pwrite(user->device, &le, size, user->config + offset) < 0)
		return;
}

unsigned int cfg_find_cap(struct vfio_user *user, unsigned int id)
{
	unsigned int at = cfg_get(user, PCI_CAPABILITY_LIST, 1), limit = 48;

	for (; at >= PCI_STD_HEADER_SIZEOF && at < 0x100 && limit--;
	     at = cfg_get(user, at + PCI_CAP_LIST_NEXT, 1))
		if (cfg_get(user, at, 1) == id)
			return at;
	return 0;
}

unsigned int cfg_find_ext_cap(struct vfio_user *user, unsigned int id)
{
	unsigned int at = 0x100, limit = 64;

	while (at && limit--) {
		__u32 header = cfg_get(user, at, 4);

		if (PCI_EXT_CAP_ID(header) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

void cfg_bus_master(struct vfio_user *user, bool on)
{
	__u32 command = cfg_get(user, PCI_COMMAND, 2);

	cfg_put(user, PCI_COMMAND, 2,
		on ? command | PCI_COMMAND_MASTER : command & ~PCI_COMMAND_MASTER);
}

/* Bytes that both rings need */
size_t chan_ring_size(unsigned int lg2)
{
	return (sizeof(struct iommu_sim_desc) + sizeof(struct iommu_sim_cpl)) << lg2;
}

static unsigned int chan_reg(struct sim_chan *chan, unsigned int reg)
{
	return chan->user->dvsec + IOMMU_SIM_CHANNEL(chan->index) + reg;
}

__u32 chan_get(struct sim_chan *chan, unsigned int reg)
{
	return cfg_get(chan->user, chan_reg(chan, reg), 4);
}

void chan_put(struct sim_chan *chan, unsigned int reg, __u32 value)
{
	/* What was written to the rings comes before a doorbell */
	__sync_synchronize();
	cfg_put(chan->user, chan_reg(chan, reg), 4, value);
}

/* Rings of 2^@lg2 entries in @mem, which the device finds at @iova; not started */
void chan_setup(struct sim_chan *chan, struct vfio_user *user, unsigned int index, void *mem,
		__u64 iova, unsigned int lg2)
{
	__u64 cpl = iova + (sizeof(struct iommu_sim_desc) << lg2);

	*chan = (struct sim_chan) {
		.user = user,
		.index = index,
		.lg2 = lg2,
		.desc = mem,
		.cpl = mem + (sizeof(struct iommu_sim_desc) << lg2),
	};
	memset(mem, 0, chan_ring_size(lg2));
	chan_put(chan, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_RESET);
	chan_put(chan, IOMMU_SIM_CH_RING_LO, iova);
	chan_put(chan, IOMMU_SIM_CH_RING_HI, iova >> 32);
	chan_put(chan, IOMMU_SIM_CH_CPL_LO, cpl);
	chan_put(chan, IOMMU_SIM_CH_CPL_HI, cpl >> 32);
	chan_put(chan, IOMMU_SIM_CH_RING_LG2, lg2);
	chan_put(chan, IOMMU_SIM_CH_PASID, 0);
}

void chan_start(struct sim_chan *chan, __u32 ctrl)
{
	chan_put(chan, IOMMU_SIM_CH_CTRL, ctrl | IOMMU_SIM_CH_CTRL_EN);
}

/* The next free descriptor, zeroed; the caller sees to it that one is free */
struct iommu_sim_desc *chan_next(struct sim_chan *chan)
{
	struct iommu_sim_desc *desc = &chan->desc[chan->tail++ & ((1U << chan->lg2) - 1)];

	memset(desc, 0, sizeof(*desc));
	return desc;
}

void chan_doorbell(struct sim_chan *chan)
{
	chan_put(chan, IOMMU_SIM_CH_TAIL, chan->tail);
}

static int chan_poll(struct sim_chan *chan, bool want_halt)
{
	time_t end = time(NULL) + SIM_PATIENCE_MS / 1000;
	bool halted;

	while (time(NULL) < end) {
		halted = chan_get(chan, IOMMU_SIM_CH_STATUS) & IOMMU_SIM_CH_STATUS_HALTED;
		if (halted)
			return want_halt ? 0 : -EIO;
		if (!want_halt && chan_get(chan, IOMMU_SIM_CH_HEAD) == chan->tail)
			return 0;
		sched_yield();
	}
	return -ETIMEDOUT;
}

/* Until everything is done */
int chan_wait(struct sim_chan *chan)
{
	return chan_poll(chan, false);
}

int chan_wait_halt(struct sim_chan *chan)
{
	return chan_poll(chan, true);
}

/* The record of the last descriptor */
const struct iommu_sim_cpl *chan_last(struct sim_chan *chan)
{
	return &chan->cpl[(chan->tail - 1) & ((1U << chan->lg2) - 1)];
}

/* Why the channel has halted, enum iommu_sim_halt */
unsigned int chan_halt(struct sim_chan *chan)
{
	__u32 status = chan_get(chan, IOMMU_SIM_CH_STATUS);

	return status & IOMMU_SIM_CH_STATUS_HALTED ? (status & IOMMU_SIM_CH_STATUS_HALT) >> 8 :
						     IOMMU_SIM_HALT_NONE;
}

bool chan_busy(struct sim_chan *chan)
{
	return chan_get(chan, IOMMU_SIM_CH_HEAD) != chan->tail && !chan_halt(chan);
}

/* One descriptor; its status, or a negative error */
int chan_run(struct sim_chan *chan, const struct iommu_sim_desc *desc)
{
	const struct iommu_sim_cpl *cpl;
	int ret;

	*chan_next(chan) = *desc;
	chan_doorbell(chan);
	ret = chan_wait(chan);
	if (ret)
		return ret;
	cpl = chan_last(chan);
	if (le32toh(cpl->number) != chan->tail - 1)
		return -EPROTO;
	return le32toh(cpl->status);
}

static int run_on_two(struct sim_chan *chan, __u8 op, __u64 dst, __u64 src, __u32 len)
{
	struct iommu_sim_desc desc = {
		.op = op,
		.src = htole64(src),
		.dst = htole64(dst),
		.len = htole32(len),
	};

	return chan_run(chan, &desc);
}

int chan_copy(struct sim_chan *chan, __u64 dst, __u64 src, __u32 len)
{
	return run_on_two(chan, IOMMU_SIM_OP_COPY, dst, src, len);
}

int chan_compare(struct sim_chan *chan, __u64 dst, __u64 src, __u32 len)
{
	return run_on_two(chan, IOMMU_SIM_OP_COMPARE, dst, src, len);
}

int chan_fill(struct sim_chan *chan, __u64 dst, __u64 pattern, __u32 len)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_FILL,
		.dst = htole64(dst),
		.operand = htole64(pattern),
		.len = htole32(len),
	};

	return chan_run(chan, &desc);
}

/* A ring full of work, each descriptor with another pattern; returns under way */
void chan_keep_filling(struct sim_chan *chan, __u64 dst, __u32 len)
{
	__u32 i;

	for (i = 0; i < 1U << chan->lg2; i++)
		*chan_next(chan) = (struct iommu_sim_desc) {
			.op = IOMMU_SIM_OP_FILL,
			.dst = htole64(dst),
			.operand = htole64((chan->tail + 1) * 0x0101010101010101ULL),
			.len = htole32(len),
		};
	chan_doorbell(chan);
}

/* xorshift64* */
__u64 sim_random(__u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

void sim_random_fill(void *mem, size_t size, __u64 seed)
{
	__u64 *word = mem, state = seed * 2 + 1;
	size_t i;

	for (i = 0; i < size / sizeof(*word); i++)
		word[i] = sim_random(&state);
}

/*
 * Have one step after the other of a map fail by @point, until the map gets through: it
 * says -ENOMEM, the device does not reach the memory, and no page stays pinned. The last
 * one stays mapped. @map takes @fd and @id for what it maps into; addresses are those
 * of @base in one TiB after the other. Returns what was wrong, or "".
 */
const char *sim_failed_maps(struct sim_chan *chan, const char *point,
			    int (*map)(int fd, __u32 id, void *mem, __u64 size, __u64 iova),
			    int fd, __u32 id, __u64 base)
{
	size_t page = sysconf(_SC_PAGESIZE), size = 16 * page;
	long long pinned = sim_pinned(), injected;
	unsigned char *mem = sim_memory(size);
	unsigned int nth;
	__u64 iova;
	int ret;

	if (!mem)
		return "no memory";
	for (nth = 1;; nth++) {
		/* Where there are no tables yet */
		iova = base + ((__u64)nth << 40);
		memset(mem, 0, size);
		if (sim_fail_nth(point, nth))
			return "the point cannot be armed";
		ret = map(fd, id, mem, size, iova);
		injected = sim_injected(point);
		sim_inject_clear();
		if (!ret)
			break;
		if (ret != -ENOMEM || injected != 1)
			return "the map does not say -ENOMEM, or not for that reason";
		if (sim_pinned() != pinned)
			return "pages of a failed map are pinned";
		if (chan_fill(chan, iova, ~0ULL, page) != IOMMU_SIM_ERR_WRITE ||
		    !sim_all_bytes(mem, size, 0))
			return "the device reaches the memory of a failed map";
	}
	if (injected || nth == 1)
		return "no step has failed";
	if (chan_fill(chan, iova, ~0ULL, size) != IOMMU_SIM_OK || !sim_all_bytes(mem, size, 0xff))
		return "the device does not reach what is mapped in the end";
	return "";
}
