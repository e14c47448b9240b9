// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs in user space, by a VFIO device file and iommufd: each has an address space
 * of its own beside that of the device, and descriptors say which they are for.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "iommufd_lib.h"

#define RING_LG2	10
#define RING_IOVA	0x1000000000ULL
#define IOVA		0x2000000000ULL
#define PAGE		4096UL
#define NR		4
#define TIMEOUT_S	600

static char first[SIM_NAME_SIZE];
static const __u32 pasids[NR] = { 1, 300, 0x54321, 0xfffff };

FIXTURE(pasid)
{
	struct vfio_user user;
	struct sim_chan chan;
	int fd;
	__u32 device;
	__u32 ioas[NR + 1];	/* the last is the device's own */
	__u32 hwpt[NR + 1];
	void *rings;
	unsigned char *mem[NR];
};

FIXTURE_SETUP(pasid)
{
	size_t size = chan_ring_size(RING_LG2);
	unsigned int i;

	self->rings = sim_memory(size);
	ASSERT_NE(self->rings, NULL);
	self->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(sim_bind(first, "vfio-pci"), 0);
	ASSERT_EQ(iommufd_device_open(&self->user, first, self->fd, &self->device), 0);
	for (i = 0; i <= NR; i++) {
		self->ioas[i] = ioas_alloc(self->fd);
		ASSERT_NE(self->ioas[i], 0);
		ASSERT_EQ(hwpt_alloc(self->fd, self->device, self->ioas[i], ALLOC_PASID,
				     &self->hwpt[i]), 0);
	}
	for (i = 0; i < NR; i++) {
		self->mem[i] = sim_memory(PAGE);
		ASSERT_NE(self->mem[i], NULL);
		memset(self->mem[i], i, PAGE);
		ASSERT_EQ(ioas_map(self->fd, self->ioas[i], self->mem[i], PAGE, IOVA,
				   READ | WRITE), 0);
	}
	ASSERT_EQ(ioas_map(self->fd, self->ioas[NR], self->rings, size, RING_IOVA, READ | WRITE),
		  0);
	ASSERT_EQ(iommufd_attach(&self->user, self->hwpt[NR]), 0);
	chan_setup(&self->chan, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_start(&self->chan, 0);
}

FIXTURE_TEARDOWN(pasid)
{
	vfio_close(&self->user);
	close(self->fd);
	EXPECT_EQ(sim_give_back(first), 0);
	EXPECT_EQ(sim_selftest(first), 0);
}

/* A page of @pattern at IOVA, for PASID @i */
static int fill_by(struct sim_chan *chan, unsigned int i, unsigned char pattern)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_FILL,
		.flags = IOMMU_SIM_DESC_PASID,
		.pasid = htole32(pasids[i]),
		.len = htole32(PAGE),
		.dst = htole64(IOVA),
		.operand = htole64(0x0101010101010101ULL * pattern),
	};

	return chan_run(chan, &desc);
}

static int fill(FIXTURE_DATA(pasid) * self, unsigned int i, unsigned char pattern)
{
	return fill_by(&self->chan, i, pattern);
}

/* Whether the memory of each PASID is as it should be */
static int holds(FIXTURE_DATA(pasid) * self, const unsigned char *expected)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		if (!sim_all_bytes(self->mem[i], PAGE, expected[i]))
			return 0;
	return 1;
}

TEST_F_TIMEOUT(pasid, own_memory, TIMEOUT_S)
{
	unsigned char expected[NR] = { 0, 1, 2, 3 };
	unsigned int i;

	for (i = 0; i < NR; i++) {
		EXPECT_EQ(fill(self, i, 0xee), IOMMU_SIM_ERR_WRITE);
		ASSERT_EQ(iommufd_attach_pasid(&self->user, pasids[i], self->hwpt[i]), 0);
	}
	EXPECT_TRUE(holds(self, expected));
	for (i = 0; i < NR; i++) {
		expected[i] = 0x10 + i;
		EXPECT_EQ(fill(self, i, 0x10 + i), IOMMU_SIM_OK);
		EXPECT_TRUE(holds(self, expected));
	}
	/* What is mapped for PASIDs is not mapped for the device */
	EXPECT_EQ(chan_fill(&self->chan, IOVA, 0, PAGE), IOMMU_SIM_ERR_WRITE);
	for (i = 0; i < NR; i++) {
		ASSERT_EQ(iommufd_detach_pasid(&self->user, pasids[i]), 0);
		EXPECT_EQ(fill(self, i, 0xee), IOMMU_SIM_ERR_WRITE);
	}
	EXPECT_TRUE(holds(self, expected));
}

TEST_F_TIMEOUT(pasid, unmap, TIMEOUT_S)
{
	unsigned char expected[NR] = { 0x20, 0x21, 2, 3 };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(iommufd_attach_pasid(&self->user, pasids[i], self->hwpt[i]), 0);
		EXPECT_EQ(fill(self, i, 0x20 + i), IOMMU_SIM_OK);
	}
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(ioas_unmap(self->fd, self->ioas[0], IOVA, PAGE), 0);
		ASSERT_EQ(fill(self, 0, 0xee), IOMMU_SIM_ERR_WRITE);
		ASSERT_EQ(fill(self, 1, 0x21), IOMMU_SIM_OK);
		ASSERT_EQ(ioas_map(self->fd, self->ioas[0], self->mem[0], PAGE, IOVA,
				   READ | WRITE), 0);
		ASSERT_EQ(fill(self, 0, 0x20), IOMMU_SIM_OK);
	}
	EXPECT_TRUE(holds(self, expected));
}

/* A PASID goes from one page table to another, and the first is out of its reach */
TEST_F_TIMEOUT(pasid, replace, TIMEOUT_S)
{
	unsigned char expected[NR] = { 0, 1, 2, 3 };
	unsigned int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(iommufd_attach_pasid(&self->user, pasids[2], self->hwpt[i % NR]), 0);
		expected[i % NR] = i;
		ASSERT_EQ(fill(self, 2, i), IOMMU_SIM_OK);
		ASSERT_TRUE(holds(self, expected));
	}
}

TEST_F_TIMEOUT(pasid, refused, TIMEOUT_S)
{
	__u32 plain;

	ASSERT_EQ(hwpt_alloc(self->fd, self->device, self->ioas[0], 0, &plain), 0);
	EXPECT_EQ(iommufd_attach_pasid(&self->user, pasids[0], plain), -EINVAL);
	EXPECT_EQ(iommufd_attach_pasid(&self->user, 1 << 20, self->hwpt[0]), -EINVAL);
	EXPECT_EQ(fill(self, 0, 0xee), IOMMU_SIM_ERR_WRITE);
}

/* A reset, and a close, with PASIDs attached */
TEST_F_TIMEOUT(pasid, reset, TIMEOUT_S)
{
	unsigned char expected[NR] = { 0x30, 1, 2, 3 };

	ASSERT_EQ(iommufd_attach_pasid(&self->user, pasids[0], self->hwpt[0]), 0);
	EXPECT_EQ(fill(self, 0, 0x2f), IOMMU_SIM_OK);
	ASSERT_EQ(vfio_reset(&self->user), 0);
	chan_setup(&self->chan, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_start(&self->chan, 0);
	EXPECT_EQ(fill(self, 0, 0x30), IOMMU_SIM_OK);
	EXPECT_TRUE(holds(self, expected));
	EXPECT_EQ(fill(self, 1, 0xee), IOMMU_SIM_ERR_WRITE);
}

#define NR_ROUNDS	300

/* A channel that fills memory of random PASIDs, until it is told to end */
struct filler {
	struct sim_chan *chan;
	bool end;
	unsigned int good, faults, bad;
	__u64 rnd;
};

static void *filler_thread(void *arg)
{
	struct filler *f = arg;
	unsigned int i;
	int status;

	while (!__atomic_load_n(&f->end, __ATOMIC_RELAXED)) {
		i = sim_random(&f->rnd) % NR;
		/* The number of the PASID in the high digit */
		status = fill_by(f->chan, i, i << 4 | (sim_random(&f->rnd) & 15));
		if (status == IOMMU_SIM_OK)
			f->good++;
		else if (status == IOMMU_SIM_ERR_WRITE)
			f->faults++;
		else
			f->bad++;
	}
	return NULL;
}

/* Two channels, PASIDs attached and detached at random: nothing lands where it should not */
TEST_F_TIMEOUT(pasid, churn, TIMEOUT_S)
{
	size_t size = chan_ring_size(RING_LG2);
	void *rings = sim_memory(size);
	struct filler filler[2] = { { .chan = &self->chan, .rnd = 1 }, { .rnd = 2 } };
	bool attached[NR] = {};
	struct sim_chan other;
	pthread_t thread[2];
	unsigned int i, n, at;
	__u64 rnd = 3;
	int ret;

	ASSERT_NE(rings, NULL);
	ASSERT_EQ(ioas_map(self->fd, self->ioas[NR], rings, size, 2 * RING_IOVA, READ | WRITE), 0);
	chan_setup(&other, &self->user, 1, rings, 2 * RING_IOVA, RING_LG2);
	chan_start(&other, 0);
	filler[1].chan = &other;
	for (i = 0; i < NR; i++)
		memset(self->mem[i], i << 4, PAGE);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, filler_thread, &filler[i]), 0);
	for (n = 0; n < NR_ROUNDS; n++) {
		i = sim_random(&rnd) % NR;
		ret = attached[i] ? iommufd_detach_pasid(&self->user, pasids[i]) :
				    iommufd_attach_pasid(&self->user, pasids[i], self->hwpt[i]);
		EXPECT_EQ(ret, 0);
		attached[i] = !attached[i];
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&filler[i].end, true, __ATOMIC_RELAXED);
		pthread_join(thread[i], NULL);
		EXPECT_EQ(filler[i].bad, 0);
		EXPECT_GT(filler[i].good, 0);
		EXPECT_GT(filler[i].faults, 0);
		TH_LOG("channel %u: %u fills, %u faults", i, filler[i].good, filler[i].faults);
	}
	for (i = 0; i < NR; i++)
		for (at = 0; at < PAGE; at++)
			ASSERT_EQ(self->mem[i][at] >> 4, i);
}

int main(int argc, char **argv)
{
	sim_begin(iommufd_missing(first));
	return test_harness_run(argc, argv);
}
