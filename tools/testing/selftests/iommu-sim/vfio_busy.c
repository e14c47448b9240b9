// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_busy DEVICE SEED [iommufd]: a user of VFIO, with a container or with iommufd,
 * to be killed. Opens the device, keeps all its channels busy, maps and unmaps, rings
 * and resets at random, and never ends by itself. Says "busy" once DMA has been seen.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "iommufd_lib.h"

#define RING_LG2	8
#define RING_IOVA	0x1000000000ULL
#define BUF_IOVA	0x2000000000ULL
#define BUF_SIZE	(4UL << 20)
#define EXTRA_IOVA	0x3000000000ULL
#define EXTRA_SIZE	0x100000UL
#define RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static void fail(const char *what, int error)
{
	fprintf(stderr, "vfio_busy: %s: %s\n", what, strerror(-error));
	exit(1);
}

static void *memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		fail("memory", -12);
	return mem;
}

/* Where the device's addresses are: of a container, or an IOAS of iommufd */
struct space {
	int fd;
	__u32 ioas;
};

static int space_open(struct space *space, struct vfio_user *user, const char *name, bool iommufd)
{
	__u32 id;
	int ret;

	*space = (struct space) {};
	if (!iommufd) {
		space->fd = vfio_open_container();
		return space->fd < 0 ? space->fd : vfio_open_type1(user, name, space->fd);
	}
	space->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (space->fd < 0)
		return -errno;
	ret = iommufd_device_open(user, name, space->fd, &id);
	if (ret)
		return ret;
	space->ioas = ioas_alloc(space->fd);
	return space->ioas ? iommufd_attach(user, space->ioas) : -ENOMEM;
}

static int map(struct space *space, void *mem, __u64 size, __u64 iova)
{
	return space->ioas ? ioas_map(space->fd, space->ioas, mem, size, iova, READ | WRITE) :
			     vfio_map(space->fd, mem, size, iova, RW);
}

static int unmap(struct space *space, __u64 iova, __u64 size)
{
	return space->ioas ? ioas_unmap(space->fd, space->ioas, iova, size) :
			     vfio_unmap(space->fd, iova, size);
}

static void start(struct sim_chan *chan, struct vfio_user *user, unsigned int n, char *rings)
{
	size_t at = n * chan_ring_size(RING_LG2);

	chan_setup(chan, user, n, rings + at, RING_IOVA + at, RING_LG2);
	chan_start(chan, IOMMU_SIM_CH_CTRL_INTR | n << 8);
	/* Some of these end with an error while the second area is not mapped */
	chan_keep_filling(chan, n & 1 ? EXTRA_IOVA : BUF_IOVA, EXTRA_SIZE);
}

int main(int argc, char **argv)
{
	struct sim_chan chan[IOMMU_SIM_MAX_CHANNELS];
	struct vfio_user user;
	struct space space;
	bool mapped = false;
	int ret, msi[SIM_MSI_VECTORS];
	char *rings, *buf, *extra;
	unsigned int n, nr, i;
	size_t size;
	__u64 seed;

	if (argc < 3)
		return 2;
	/* Not to outlive the test */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed = strtoull(argv[2], NULL, 0) * 2 + 1;

	ret = space_open(&space, &user, argv[1], argc > 3);
	if (ret)
		fail("open", ret);
	nr = user.channels;
	size = nr * chan_ring_size(RING_LG2);
	rings = memory(size);
	buf = memory(BUF_SIZE);
	extra = memory(EXTRA_SIZE);
	for (i = 0; i < SIM_MSI_VECTORS; i++)
		msi[i] = eventfd(0, EFD_NONBLOCK);
	ret = map(&space, rings, size, RING_IOVA) ?: map(&space, buf, BUF_SIZE, BUF_IOVA) ?:
	      vfio_eventfds(&user, VFIO_PCI_MSI_IRQ_INDEX, msi, SIM_MSI_VECTORS);
	if (ret)
		fail("set up", ret);
	for (n = 0; n < nr; n++)
		start(&chan[n], &user, n, rings);
	while (!__atomic_load_n(buf, __ATOMIC_RELAXED))
		;
	puts("busy");
	fflush(stdout);

	for (;;) {
		n = sim_random(&seed) % nr;
		switch (sim_random(&seed) % 8) {
		case 0:
			ret = mapped ? unmap(&space, EXTRA_IOVA, EXTRA_SIZE) :
				       map(&space, extra, EXTRA_SIZE, EXTRA_IOVA);
			if (ret)
				fail("map or unmap", ret);
			mapped = !mapped;
			break;
		case 1:
			start(&chan[n], &user, n, rings);
			break;
		case 2:
			/* One more, or one too many, which halts */
			chan_next(&chan[n])->flags = IOMMU_SIM_DESC_INTR;
			chan_doorbell(&chan[n]);
			break;
		default:
			usleep(sim_random(&seed) % 1000);
			if (chan_get(&chan[n], IOMMU_SIM_CH_HEAD) == chan[n].tail)
				start(&chan[n], &user, n, rings);
			break;
		}
	}
}
