// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoint in user space, by a VFIO device file and iommufd: address spaces
 * and page tables as objects, which a device is attached to and detached from.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "iommufd_lib.h"

#define RING_LG2	10
#define RING_IOVA	0x1000000000ULL
#define BUF_IOVA	0x2000000000ULL
#define BUF_SIZE	(4UL << 20)
#define HALF		(BUF_SIZE / 2)
#define OTHER_IOVA	0x3000000000ULL
#define PAGE		4096UL
#define APERTURE	0x1000000000000ULL
#define TIMEOUT_S	600

static char first[SIM_NAME_SIZE];

FIXTURE(iommufd)
{
	struct vfio_user user;
	struct sim_chan chan;
	int fd;
	__u32 device;
	__u32 ioas;
	void *rings;
	unsigned char *buf;
};

FIXTURE_SETUP(iommufd)
{
	size_t size = chan_ring_size(RING_LG2);

	self->rings = sim_memory(size);
	self->buf = sim_memory(BUF_SIZE);
	ASSERT_NE(self->rings, NULL);
	ASSERT_NE(self->buf, NULL);
	self->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(sim_bind(first, "vfio-pci"), 0);
	ASSERT_EQ(iommufd_device_open(&self->user, first, self->fd, &self->device), 0);
	self->ioas = ioas_alloc(self->fd);
	ASSERT_NE(self->ioas, 0);
	ASSERT_EQ(ioas_map(self->fd, self->ioas, self->rings, size, RING_IOVA, READ | WRITE), 0);
	ASSERT_EQ(ioas_map(self->fd, self->ioas, self->buf, BUF_SIZE, BUF_IOVA, READ | WRITE), 0);
	chan_setup(&self->chan, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
}

FIXTURE_TEARDOWN(iommufd)
{
	vfio_close(&self->user);
	close(self->fd);
	EXPECT_EQ(sim_give_back(first), 0);
	EXPECT_EQ(sim_selftest(first), 0);
}

#define CHAN	(&self->chan)

/* Reset, with the rings that it was first set up with */
static void fresh(struct sim_chan *chan)
{
	chan_setup(chan, chan->user, 0, chan->desc, RING_IOVA, RING_LG2);
	chan_start(chan, 0);
}

static int works(struct sim_chan *chan, unsigned char *buf)
{
	int ret;

	sim_random_fill(buf, BUF_SIZE, 1);
	ret = chan_copy(chan, BUF_IOVA + HALF, BUF_IOVA, HALF);
	if (ret != IOMMU_SIM_OK)
		return ret;
	return memcmp(buf, buf + HALF, HALF) ? -EILSEQ : 0;
}

/* What is not attached has no memory at all */
static void expect_blocked(struct __test_metadata *_metadata, struct sim_chan *chan)
{
	fresh(chan);
	chan_put(chan, IOMMU_SIM_CH_TAIL, 1);
	EXPECT_EQ(chan_wait_halt(chan), 0);
	EXPECT_EQ(chan_halt(chan), IOMMU_SIM_HALT_RING_READ);
}

TEST_F_TIMEOUT(iommufd, not_attached, TIMEOUT_S)
{
	expect_blocked(_metadata, CHAN);
}

/* Attached to an address space: iommufd finds or makes the page table */
TEST_F_TIMEOUT(iommufd, address_space, TIMEOUT_S)
{
	unsigned char *mem = sim_memory(2 * PAGE);
	unsigned int i;

	ASSERT_NE(mem, NULL);
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	EXPECT_EQ(works(CHAN, self->buf), 0);

	for (i = 0; i < 100; i++) {
		memset(mem, i, 2 * PAGE);
		ASSERT_EQ(ioas_map(self->fd, self->ioas, mem, 2 * PAGE, OTHER_IOVA,
				   READ | WRITE), 0);
		ASSERT_EQ(chan_copy(CHAN, OTHER_IOVA + PAGE, OTHER_IOVA, PAGE), IOMMU_SIM_OK);
		ASSERT_EQ(ioas_unmap(self->fd, self->ioas, OTHER_IOVA, 2 * PAGE), 0);
		ASSERT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_ERR_WRITE);
		ASSERT_EQ(le64toh(chan_last(CHAN)->addr), OTHER_IOVA);
		ASSERT_EQ(chan_copy(CHAN, BUF_IOVA, OTHER_IOVA, PAGE), IOMMU_SIM_ERR_READ);
		ASSERT_TRUE(sim_all_bytes(mem, 2 * PAGE, i));
	}
	EXPECT_EQ(works(CHAN, self->buf), 0);
}

TEST_F_TIMEOUT(iommufd, page_table, TIMEOUT_S)
{
	unsigned char *mem = sim_memory(PAGE);
	__u32 hwpt, same;

	ASSERT_NE(mem, NULL);
	ASSERT_EQ(hwpt_alloc(self->fd, self->device, self->ioas, 0, &hwpt), 0);
	ASSERT_EQ(iommufd_attach(&self->user, hwpt), 0);
	fresh(CHAN);
	EXPECT_EQ(works(CHAN, self->buf), 0);

	/* What is mapped later is in it, too, and in one that is made later */
	ASSERT_EQ(ioas_map(self->fd, self->ioas, mem, PAGE, OTHER_IOVA, READ | WRITE), 0);
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_OK);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0xff));
	ASSERT_EQ(hwpt_alloc(self->fd, self->device, self->ioas, 0, &same), 0);
	ASSERT_EQ(iommufd_attach(&self->user, same), 0);
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA, 0, PAGE), IOMMU_SIM_OK);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0));

	EXPECT_EQ(iommufd_destroy(self->fd, same), -EBUSY);
	EXPECT_EQ(iommufd_destroy(self->fd, hwpt), 0);
	EXPECT_EQ(works(CHAN, self->buf), 0);
	EXPECT_EQ(ioas_unmap(self->fd, self->ioas, OTHER_IOVA, PAGE), 0);
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_ERR_WRITE);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0));
	EXPECT_EQ(iommufd_detach(&self->user), 0);
	EXPECT_EQ(iommufd_destroy(self->fd, same), 0);
	expect_blocked(_metadata, CHAN);
}

TEST_F_TIMEOUT(iommufd, rights, TIMEOUT_S)
{
	unsigned char *mem = sim_memory(PAGE);

	ASSERT_NE(mem, NULL);
	memset(mem, 0x11, PAGE);
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	ASSERT_EQ(ioas_map(self->fd, self->ioas, mem, PAGE, OTHER_IOVA, READ), 0);
	EXPECT_EQ(chan_copy(CHAN, BUF_IOVA, OTHER_IOVA, PAGE), IOMMU_SIM_OK);
	EXPECT_EQ(memcmp(self->buf, mem, PAGE), 0);
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_ERR_WRITE);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0x11));
}

static int map_rw(int iommufd, __u32 ioas, void *mem, __u64 size, __u64 iova)
{
	return ioas_map(iommufd, ioas, mem, size, iova, READ | WRITE);
}

TEST_F_TIMEOUT(iommufd, injected_map, TIMEOUT_S)
{
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	EXPECT_STREQ(sim_failed_maps(CHAN, "map", map_rw, self->fd, self->ioas, OTHER_IOVA), "");
	EXPECT_EQ(works(CHAN, self->buf), 0);
	EXPECT_STREQ(sim_failed_maps(CHAN, "table_alloc", map_rw, self->fd, self->ioas,
				     OTHER_IOVA + (1ULL << 39)), "");
	EXPECT_EQ(works(CHAN, self->buf), 0);
}

/* Attaching fails where the address space finds no memory for its page table, then works */
TEST_F_TIMEOUT(iommufd, injected_attach, TIMEOUT_S)
{
	unsigned int nth;
	int ret = -ENOMEM;

	for (nth = 1; ret; nth++) {
		ASSERT_EQ(sim_fail_nth("table_alloc", nth), 0);
		ret = iommufd_attach(&self->user, self->ioas);
		ASSERT_EQ(sim_injected("table_alloc"), ret ? 1 : 0);
		ASSERT_EQ(sim_inject_clear(), 0);
		if (ret) {
			ASSERT_EQ(ret, -ENOMEM);
			expect_blocked(_metadata, CHAN);
		}
	}
	/* The root, and the tables below it */
	EXPECT_GT(nth, 3);
	fresh(CHAN);
	EXPECT_EQ(works(CHAN, self->buf), 0);
}

/* An unmap that nobody confirms: the device loses all of its memory until it is attached again */
TEST_F_TIMEOUT(iommufd, injected_completion_wait, TIMEOUT_S)
{
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	EXPECT_EQ(works(CHAN, self->buf), 0);
	ASSERT_EQ(sim_fail_nth("completion_wait", 1), 0);
	EXPECT_EQ(ioas_unmap(self->fd, self->ioas, BUF_IOVA, BUF_SIZE), 0);
	EXPECT_EQ(sim_injected("completion_wait"), 1);
	ASSERT_EQ(sim_inject_clear(), 0);
	memset(self->buf, SIM_SENTINEL, BUF_SIZE);
	expect_blocked(_metadata, CHAN);
	EXPECT_TRUE(sim_all_bytes(self->buf, BUF_SIZE, SIM_SENTINEL));

	ASSERT_EQ(ioas_map(self->fd, self->ioas, self->buf, BUF_SIZE, BUF_IOVA, READ | WRITE), 0);
	ASSERT_EQ(iommufd_detach(&self->user), 0);
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	EXPECT_EQ(works(CHAN, self->buf), 0);
}

/* Another page table, while the device is at work: the old memory is left alone */
TEST_F_TIMEOUT(iommufd, replace, TIMEOUT_S)
{
	size_t size = chan_ring_size(RING_LG2);
	unsigned char *mem = sim_memory(BUF_SIZE);
	__u32 ioas = ioas_alloc(self->fd), hwpt, i;

	ASSERT_NE(mem, NULL);
	ASSERT_NE(ioas, 0);
	ASSERT_EQ(ioas_map(self->fd, ioas, self->rings, size, RING_IOVA, READ | WRITE), 0);
	ASSERT_EQ(ioas_map(self->fd, ioas, mem, BUF_SIZE, BUF_IOVA, READ | WRITE), 0);
	ASSERT_EQ(hwpt_alloc(self->fd, self->device, ioas, 0, &hwpt), 0);

	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	for (i = 0; i < 10; i++) {
		fresh(CHAN);
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		usleep(1000 * i);
		ASSERT_TRUE(chan_busy(CHAN));
		ASSERT_EQ(iommufd_attach(&self->user, hwpt), 0);
		ASSERT_TRUE(sim_untouched(self->buf, BUF_SIZE));
		/* Nothing of the work failed; it goes on there */
		EXPECT_EQ(chan_halt(CHAN), IOMMU_SIM_HALT_NONE);
		EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_ERRORS), 0);
		fresh(CHAN);
		ASSERT_EQ(chan_fill(CHAN, BUF_IOVA, ~0ULL, BUF_SIZE), IOMMU_SIM_OK);
		ASSERT_TRUE(sim_all_bytes(mem, BUF_SIZE, 0xff));
		ASSERT_TRUE(sim_all_bytes(self->buf, BUF_SIZE, SIM_SENTINEL));
		/* And back */
		ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
		ASSERT_EQ(chan_fill(CHAN, BUF_IOVA, 0, BUF_SIZE), IOMMU_SIM_OK);
		ASSERT_TRUE(sim_all_bytes(self->buf, BUF_SIZE, 0));
		ASSERT_TRUE(sim_all_bytes(mem, BUF_SIZE, 0xff));
	}
}

TEST_F_TIMEOUT(iommufd, detach_in_flight, TIMEOUT_S)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
		fresh(CHAN);
		ASSERT_EQ(works(CHAN, self->buf), 0);
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		usleep(1000 * i);
		ASSERT_TRUE(chan_busy(CHAN));
		ASSERT_EQ(iommufd_detach(&self->user), 0);
		ASSERT_TRUE(sim_untouched(self->buf, BUF_SIZE));
		EXPECT_EQ(chan_wait_halt(CHAN), 0);
		expect_blocked(_metadata, CHAN);
	}
}

TEST_F_TIMEOUT(iommufd, close_in_flight, TIMEOUT_S)
{
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	ASSERT_EQ(works(CHAN, self->buf), 0);
	chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
	ASSERT_TRUE(chan_busy(CHAN));
	vfio_close(&self->user);
	EXPECT_TRUE(sim_untouched(self->buf, BUF_SIZE));
	/* The address space is still there for another one */
	ASSERT_EQ(iommufd_device_open(&self->user, first, self->fd, &self->device), 0);
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	EXPECT_EQ(works(CHAN, self->buf), 0);
}

TEST_F_TIMEOUT(iommufd, reset_in_flight, TIMEOUT_S)
{
	unsigned int i;

	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	for (i = 0; i < 5; i++) {
		fresh(CHAN);
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		ASSERT_TRUE(chan_busy(CHAN));
		ASSERT_EQ(vfio_reset(&self->user), 0);
		EXPECT_TRUE(sim_untouched(self->buf, BUF_SIZE));
		EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_CTRL), 0);
		EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_TAIL), 0);
		/* It is attached to what it was */
		fresh(CHAN);
		ASSERT_EQ(works(CHAN, self->buf), 0);
	}
}

TEST_F_TIMEOUT(iommufd, second_device, TIMEOUT_S)
{
	size_t size = chan_ring_size(RING_LG2);
	void *rings = sim_memory(size);
	struct sim_chan other;
	struct vfio_user user;
	char name[SIM_NAME_SIZE];
	__u32 device;

	if (sim_find(1, name))
		SKIP(return, "there is only one endpoint");
	ASSERT_NE(rings, NULL);
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	fresh(CHAN);
	ASSERT_EQ(sim_bind(name, "vfio-pci"), 0);
	EXPECT_EQ(iommufd_device_open(&user, name, self->fd, &device), 0);
	EXPECT_EQ(iommufd_attach(&user, self->ioas), 0);
	EXPECT_EQ(ioas_map(self->fd, self->ioas, rings, size, OTHER_IOVA, READ | WRITE), 0);
	chan_setup(&other, &user, 0, rings, OTHER_IOVA, RING_LG2);
	chan_start(&other, 0);
	sim_random_fill(self->buf, HALF, 2);
	EXPECT_EQ(chan_copy(&other, BUF_IOVA + HALF, BUF_IOVA, HALF), IOMMU_SIM_OK);
	EXPECT_EQ(chan_compare(CHAN, BUF_IOVA + HALF, BUF_IOVA, HALF), IOMMU_SIM_OK);
	/* One goes, the other stays */
	EXPECT_EQ(iommufd_detach(&self->user), 0);
	EXPECT_EQ(chan_fill(&other, BUF_IOVA, ~0ULL, HALF), IOMMU_SIM_OK);
	EXPECT_TRUE(sim_all_bytes(self->buf, HALF, 0xff));
	expect_blocked(_metadata, CHAN);
	vfio_close(&user);
	EXPECT_EQ(sim_give_back(name), 0);
}

/* What may be mapped: not where interrupts are sent to, not beyond the page table */
TEST_F_TIMEOUT(iommufd, ranges, TIMEOUT_S)
{
	struct iommu_iova_range range[16];
	struct iommu_ioas_iova_ranges ranges = {
		.size = sizeof(ranges),
		.ioas_id = self->ioas,
		.num_iovas = ARRAY_SIZE(range),
		.allowed_iovas = (unsigned long)range,
	};

	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	ASSERT_EQ(ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &ranges), 0);
	ASSERT_EQ(ranges.num_iovas, 2);
	EXPECT_EQ(range[0].start, 0);
	EXPECT_EQ(range[0].last, 0xfedfffff);
	EXPECT_EQ(range[1].start, 0xfef00000);
	EXPECT_EQ(range[1].last, APERTURE - 1);
	EXPECT_EQ(ranges.out_iova_alignment, PAGE);
	EXPECT_NE(ioas_map(self->fd, self->ioas, self->buf, PAGE, 0xfee00000, READ), 0);
	EXPECT_NE(ioas_map(self->fd, self->ioas, self->buf, PAGE, APERTURE, READ), 0);
	EXPECT_EQ(ioas_map(self->fd, self->ioas, self->buf, PAGE, APERTURE - PAGE, READ), 0);
}

/* What it says about the hardware agrees with what can be had */
TEST_F_TIMEOUT(iommufd, hardware_info, TIMEOUT_S)
{
	struct iommu_hw_info info = { .size = sizeof(info), .dev_id = self->device };
	bool dirty;
	__u32 hwpt;
	int ret;

	ASSERT_EQ(ioctl(self->fd, IOMMU_GET_HW_INFO, &info), 0);
	TH_LOG("type %u, capabilities %#llx, %u bits of PASID", info.out_data_type,
	       (unsigned long long)info.out_capabilities, info.out_max_pasid_log2);
	EXPECT_LE(info.out_max_pasid_log2, 20);
	/* IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, from 7.2 on */
	EXPECT_FALSE(info.out_capabilities & (1 << 3));
	dirty = info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING;
	ret = hwpt_alloc(self->fd, self->device, self->ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			 &hwpt);
	EXPECT_EQ(dirty ? 0 : -EOPNOTSUPP, ret);

	/* Of a device that there is not */
	info.dev_id = ~0U;
	EXPECT_EQ(ioctl(self->fd, IOMMU_GET_HW_INFO, &info), -1);
	EXPECT_EQ(errno, ENOENT);
}

/* As with a container: the bus goes when the user has closed the device, and not before */
TEST_F_TIMEOUT(iommufd, unload_while_open, TIMEOUT_S)
{
	int request = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pid_t pid;

	if (!sim_loaded("iommu_sim_pci"))
		SKIP(return, "iommu-sim-pci is not a module");
	ASSERT_GE(request, 0);
	ASSERT_EQ(iommufd_attach(&self->user, self->ioas), 0);
	ASSERT_EQ(vfio_eventfds(&self->user, VFIO_PCI_REQ_IRQ_INDEX, &request, 1), 0);
	pid = sim_run("rmmod", "iommu-sim-pci", NULL);
	EXPECT_GE(sim_signalled(request, SIM_PATIENCE_MS), 1);
	EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	fresh(CHAN);
	EXPECT_EQ(chan_fill(CHAN, BUF_IOVA, ~0ULL, PAGE), IOMMU_SIM_OK);
	chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
	EXPECT_TRUE(chan_busy(CHAN));
	vfio_close(&self->user);
	EXPECT_TRUE(sim_untouched(self->buf, BUF_SIZE));
	EXPECT_EQ(sim_status(pid), 0);
	EXPECT_FALSE(sim_loaded("iommu_sim_pci"));
	/* What is left of it in iommufd is of no use, and in nobody's way */
	EXPECT_NE(hwpt_alloc(self->fd, self->device, self->ioas, 0, &self->device), 0);
	EXPECT_EQ(sim_load("iommu-sim-pci"), 0);
}

int main(int argc, char **argv)
{
	sim_begin(iommufd_missing(first));
	return test_harness_run(argc, argv);
}
