// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoint in user space, by VFIO groups and a type1 container: DMA to
 * memory of this process, and what stops it.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "vfio_lib.h"

#define RING_LG2	10
#define RING_IOVA	0x1000000000ULL
#define BUF_IOVA	0x2000000000ULL
#define BUF_SIZE	(8UL << 20)
#define HALF		(BUF_SIZE / 2)
#define PAGE		4096UL
#define HUGE		(2UL << 20)
#define OTHER_IOVA	0x3000000000ULL
#define APERTURE	0x1000000000000ULL
#define RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
/* For the test that hangs; nothing is measured by it */
#define TIMEOUT_S	600

/* The endpoints, shared with main() */
static char first[SIM_NAME_SIZE];

/* An open device with the rings of channel 0 and a buffer mapped */
struct session {
	struct vfio_user user;
	struct sim_chan chan;
	void *rings;
	unsigned char *buf;
};

static int session_open(struct session *s, const char *name)
{
	int ret;

	*s = (struct session) { .user = VFIO_USER_CLOSED };
	s->rings = sim_memory(chan_ring_size(RING_LG2));
	s->buf = sim_memory(BUF_SIZE);
	if (!s->rings || !s->buf)
		return -ENOMEM;
	ret = vfio_open_container();
	if (ret < 0)
		return ret;
	ret = vfio_open_type1(&s->user, name, ret) ?:
	      vfio_map(s->user.container, s->rings, chan_ring_size(RING_LG2), RING_IOVA, RW) ?:
	      vfio_map(s->user.container, s->buf, BUF_SIZE, BUF_IOVA, RW);
	if (ret)
		return ret;
	chan_setup(&s->chan, &s->user, 0, s->rings, RING_IOVA, RING_LG2);
	chan_start(&s->chan, 0);
	return 0;
}

static void session_close(struct session *s)
{
	vfio_close(&s->user);
	if (s->user.container >= 0)
		close(s->user.container);
	s->user.container = -1;
}

/* Every kind of work, on memory that this process then looks at */
static int session_works(struct session *s)
{
	int ret;

	sim_random_fill(s->buf, BUF_SIZE, 1);
	ret = chan_copy(&s->chan, BUF_IOVA + HALF, BUF_IOVA, HALF);
	if (ret != IOMMU_SIM_OK)
		return ret;
	return memcmp(s->buf, s->buf + HALF, HALF) ? -EILSEQ : 0;
}

FIXTURE(type1)
{
	struct session s;
};

FIXTURE_SETUP(type1)
{
	ASSERT_EQ(sim_bind(first, "vfio-pci"), 0);
	ASSERT_EQ(session_open(&self->s, first), 0) {
		session_close(&self->s);
		sim_give_back(first);
	}
}

FIXTURE_TEARDOWN(type1)
{
	session_close(&self->s);
	EXPECT_EQ(sim_give_back(first), 0);
}

/* In a test */
#define CHAN		(&self->s.chan)
#define CONTAINER	(self->s.user.container)

TEST_F_TIMEOUT(type1, operations, TIMEOUT_S)
{
	struct iommu_sim_desc add = {
		.op = IOMMU_SIM_OP_FETCH_ADD,
		.dst = htole64(BUF_IOVA + 8),
		.operand = htole64(5),
		.len = htole32(8),
	};
	unsigned char *buf = self->s.buf;
	__le64 *word = (void *)(buf + 8);

	sim_random_fill(buf, 2 * PAGE, 2);
	EXPECT_EQ(chan_copy(CHAN, BUF_IOVA + PAGE, BUF_IOVA, PAGE), IOMMU_SIM_OK);
	EXPECT_EQ(memcmp(buf, buf + PAGE, PAGE), 0);
	EXPECT_EQ(le32toh(chan_last(CHAN)->done), PAGE);

	EXPECT_EQ(chan_compare(CHAN, BUF_IOVA + PAGE, BUF_IOVA, PAGE), IOMMU_SIM_OK);
	buf[PAGE + 77] ^= 1;
	EXPECT_EQ(chan_compare(CHAN, BUF_IOVA + PAGE, BUF_IOVA, PAGE), IOMMU_SIM_MISMATCH);
	EXPECT_EQ(le32toh(chan_last(CHAN)->done), 77);

	memset(buf, SIM_SENTINEL, 2 * PAGE);
	EXPECT_EQ(chan_fill(CHAN, BUF_IOVA + 1, 0xa5a5a5a5a5a5a5a5ULL, PAGE), IOMMU_SIM_OK);
	EXPECT_EQ(buf[0], SIM_SENTINEL);
	EXPECT_TRUE(sim_all_bytes(buf + 1, PAGE, 0xa5));
	EXPECT_TRUE(sim_all_bytes(buf + PAGE + 1, PAGE - 1, SIM_SENTINEL));

	*word = htole64(~0ULL - 1);
	EXPECT_EQ(chan_run(CHAN, &add), IOMMU_SIM_OK);
	EXPECT_EQ(le64toh(chan_last(CHAN)->result), ~0ULL - 1);
	EXPECT_EQ(le64toh(*word), 3);
}

TEST_F_TIMEOUT(type1, megabytes, TIMEOUT_S)
{
	EXPECT_EQ(session_works(&self->s), 0);

	/* At odd addresses, and not a byte too much */
	memset(self->s.buf + HALF, SIM_SENTINEL, HALF);
	EXPECT_EQ(chan_copy(CHAN, BUF_IOVA + HALF + 3, BUF_IOVA + 13, HALF - 16), IOMMU_SIM_OK);
	EXPECT_EQ(memcmp(self->s.buf + HALF + 3, self->s.buf + 13, HALF - 16), 0);
	EXPECT_TRUE(sim_all_bytes(self->s.buf + HALF, 3, SIM_SENTINEL));
	EXPECT_TRUE(sim_all_bytes(self->s.buf + BUF_SIZE - 13, 13, SIM_SENTINEL));
}

TEST_F_TIMEOUT(type1, scatter_list, TIMEOUT_S)
{
	struct iommu_sim_seg *list = (void *)self->s.buf;
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_COPY,
		.flags = IOMMU_SIM_DESC_SRC_LIST,
		.src_segs = htole16(IOMMU_SIM_MAX_SEGMENTS),
		.src = htole64(BUF_IOVA),
		.dst = htole64(BUF_IOVA + HALF),
		.len = htole32(IOMMU_SIM_MAX_SEGMENTS * 100),
	};
	unsigned int i;

	sim_random_fill(self->s.buf, BUF_SIZE, 3);
	for (i = 0; i < IOMMU_SIM_MAX_SEGMENTS; i++)
		list[i] = (struct iommu_sim_seg) {
			/* From the last page on downwards */
			.addr = htole64(BUF_IOVA + HALF - (i + 1) * PAGE + i),
			.len = htole32(100),
		};
	ASSERT_EQ(chan_run(CHAN, &desc), IOMMU_SIM_OK);
	for (i = 0; i < IOMMU_SIM_MAX_SEGMENTS; i++)
		ASSERT_EQ(memcmp(self->s.buf + HALF + i * 100,
				 self->s.buf + HALF - (i + 1) * PAGE + i, 100), 0);
}

/* All channels at a time */
TEST_F_TIMEOUT(type1, channels, TIMEOUT_S)
{
	struct sim_chan chan[IOMMU_SIM_MAX_CHANNELS];
	unsigned int nr = self->s.user.channels, lg2 = 4, n;
	size_t size = chan_ring_size(lg2), part = HALF / 16;

	ASSERT_GE(nr, 1);
	ASSERT_LE(nr, IOMMU_SIM_MAX_CHANNELS);
	ASSERT_LE(size * nr, chan_ring_size(RING_LG2));
	sim_random_fill(self->s.buf, HALF, 4);
	for (n = 0; n < nr; n++) {
		chan_setup(&chan[n], &self->s.user, n, self->s.rings + n * size,
			   RING_IOVA + n * size, lg2);
		chan_start(&chan[n], 0);
		*chan_next(&chan[n]) = (struct iommu_sim_desc) {
			.op = IOMMU_SIM_OP_COPY,
			.src = htole64(BUF_IOVA + n * part),
			.dst = htole64(BUF_IOVA + HALF + n * part),
			.len = htole32(part),
		};
	}
	for (n = 0; n < nr; n++)
		chan_doorbell(&chan[n]);
	for (n = 0; n < nr; n++) {
		EXPECT_EQ(chan_wait(&chan[n]), 0);
		EXPECT_EQ(le32toh(chan_last(&chan[n])->status), IOMMU_SIM_OK);
	}
	EXPECT_EQ(memcmp(self->s.buf, self->s.buf + HALF, nr * part), 0);
}

TEST_F_TIMEOUT(type1, huge_pages, TIMEOUT_S)
{
	char before[16] = "";
	unsigned char *mem;
	long long calls;
	int fd;

	fd = open("/proc/sys/vm/nr_hugepages", O_RDWR);
	if (fd < 0 || read(fd, before, sizeof(before) - 1) < 0)
		SKIP(return, "no huge pages");
	if (atoi(before) < 4)
		sim_write_file("/proc/sys/vm/nr_hugepages", "4");
	mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages");
	calls = sim_counter(SIM_STATS, "map_calls");
	ASSERT_EQ(vfio_map(CONTAINER, mem, 2 * HUGE, OTHER_IOVA, RW), 0);
	/* One of 4 MiB, or two of 2 MiB */
	if (calls >= 0)
		EXPECT_LE(sim_counter(SIM_STATS, "map_calls") - calls, 2);

	sim_random_fill(mem, 2 * HUGE, 5);
	EXPECT_EQ(chan_copy(CHAN, OTHER_IOVA + HUGE, OTHER_IOVA, HUGE), IOMMU_SIM_OK);
	EXPECT_EQ(memcmp(mem, mem + HUGE, HUGE), 0);

	EXPECT_EQ(vfio_unmap(CONTAINER, OTHER_IOVA, 2 * HUGE), 0);
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA + HUGE, 0, PAGE), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(memcmp(mem, mem + HUGE, HUGE), 0);
	munmap(mem, 2 * HUGE);
	sim_write_file("/proc/sys/vm/nr_hugepages", before);
}

/* Every other one goes, and nothing else with it */
TEST_F_TIMEOUT(type1, many_mappings, TIMEOUT_S)
{
	unsigned int nr = 64, i;
	unsigned char *mem = sim_memory(nr * PAGE);

	ASSERT_NE(mem, NULL);
	memset(mem, 0, nr * PAGE);
	/* Neighbours in memory, strangers in the address space of the device */
	for (i = 0; i < nr; i++)
		ASSERT_EQ(vfio_map(CONTAINER, mem + i * PAGE, PAGE,
				   OTHER_IOVA + ((__u64)i << 30), RW), 0);
	for (i = 0; i < nr; i += 2)
		ASSERT_EQ(vfio_unmap(CONTAINER, OTHER_IOVA + ((__u64)i << 30), PAGE), 0);
	for (i = 0; i < nr; i++) {
		ASSERT_EQ(chan_fill(CHAN, OTHER_IOVA + ((__u64)i << 30), ~0ULL, PAGE),
			  i % 2 ? IOMMU_SIM_OK : IOMMU_SIM_ERR_WRITE);
		ASSERT_TRUE(sim_all_bytes(mem + i * PAGE, PAGE, i % 2 ? 0xff : 0));
	}
}

/* Strict: the very next request finds nothing */
TEST_F_TIMEOUT(type1, unmap_then_fault, TIMEOUT_S)
{
	unsigned char *buf = self->s.buf, *mem = sim_memory(2 * PAGE);
	unsigned int i;

	ASSERT_NE(mem, NULL);
	for (i = 0; i < 100; i++) {
		memset(mem, i, 2 * PAGE);
		ASSERT_EQ(vfio_map(CONTAINER, mem, 2 * PAGE, OTHER_IOVA, RW), 0);
		/* Now it is in the IOTLB */
		ASSERT_EQ(chan_copy(CHAN, OTHER_IOVA + PAGE, OTHER_IOVA, PAGE), IOMMU_SIM_OK);
		ASSERT_EQ(vfio_unmap(CONTAINER, OTHER_IOVA, 2 * PAGE), 0);

		ASSERT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_ERR_WRITE);
		ASSERT_EQ(le64toh(chan_last(CHAN)->addr), OTHER_IOVA);
		ASSERT_NE(le32toh(chan_last(CHAN)->cpl), 0);
		ASSERT_EQ(le32toh(chan_last(CHAN)->done), 0);
		memset(buf, SIM_SENTINEL, PAGE);
		ASSERT_EQ(chan_copy(CHAN, BUF_IOVA, OTHER_IOVA + PAGE, PAGE), IOMMU_SIM_ERR_READ);
		ASSERT_EQ(le64toh(chan_last(CHAN)->addr), OTHER_IOVA + PAGE);
		ASSERT_TRUE(sim_all_bytes(mem, 2 * PAGE, i));
		ASSERT_TRUE(sim_all_bytes(buf, PAGE, SIM_SENTINEL));
	}
	EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_ERRORS), 200);
	/* Errors of descriptors do not stop the channel */
	EXPECT_EQ(session_works(&self->s), 0);
}

TEST_F_TIMEOUT(type1, unmap_in_flight, TIMEOUT_S)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		usleep(1000 * i);
		ASSERT_TRUE(chan_busy(CHAN));
		ASSERT_EQ(vfio_unmap(CONTAINER, BUF_IOVA, BUF_SIZE), 0);
		/* The memory is ours again from here on */
		memset(self->s.buf, SIM_SENTINEL, BUF_SIZE);
		ASSERT_EQ(chan_wait(CHAN), 0);
		ASSERT_TRUE(sim_all_bytes(self->s.buf, BUF_SIZE, SIM_SENTINEL));
		ASSERT_EQ(le32toh(chan_last(CHAN)->status), IOMMU_SIM_ERR_WRITE);
		ASSERT_EQ(le64toh(chan_last(CHAN)->addr), BUF_IOVA);
		ASSERT_EQ(vfio_map(CONTAINER, self->s.buf, BUF_SIZE, BUF_IOVA, RW), 0);
	}
	EXPECT_EQ(session_works(&self->s), 0);
}

static int map_rw(int container, __u32 unused, void *mem, __u64 size, __u64 iova)
{
	return vfio_map(container, mem, size, iova, RW);
}

TEST_F_TIMEOUT(type1, injected_map, TIMEOUT_S)
{
	EXPECT_STREQ(sim_failed_maps(CHAN, "map", map_rw, CONTAINER, 0, OTHER_IOVA), "");
	EXPECT_EQ(session_works(&self->s), 0);
	EXPECT_STREQ(sim_failed_maps(CHAN, "table_alloc", map_rw, CONTAINER, 0,
				     OTHER_IOVA + (1ULL << 39)), "");
	EXPECT_EQ(session_works(&self->s), 0);
}

/* An unmap that nobody confirms: the device loses all of its memory until it is attached again */
TEST_F_TIMEOUT(type1, injected_completion_wait, TIMEOUT_S)
{
	EXPECT_EQ(session_works(&self->s), 0);
	ASSERT_EQ(sim_fail_nth("completion_wait", 1), 0);
	EXPECT_EQ(vfio_unmap(CONTAINER, BUF_IOVA, BUF_SIZE), 0);
	EXPECT_EQ(sim_injected("completion_wait"), 1);
	ASSERT_EQ(sim_inject_clear(), 0);
	memset(self->s.buf, SIM_SENTINEL, BUF_SIZE);
	EXPECT_EQ(chan_fill(CHAN, BUF_IOVA, ~0ULL, PAGE), -EIO);
	EXPECT_EQ(chan_halt(CHAN), IOMMU_SIM_HALT_RING_READ);
	EXPECT_TRUE(sim_all_bytes(self->s.buf, BUF_SIZE, SIM_SENTINEL));

	session_close(&self->s);
	munmap(self->s.buf, BUF_SIZE);
	munmap(self->s.rings, chan_ring_size(RING_LG2));
	ASSERT_EQ(session_open(&self->s, first), 0);
	EXPECT_EQ(session_works(&self->s), 0);
}

/* The rings themselves go: the channel halts and says why */
TEST_F_TIMEOUT(type1, unmap_rings, TIMEOUT_S)
{
	size_t size = chan_ring_size(RING_LG2);
	unsigned int why;

	chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
	ASSERT_EQ(vfio_unmap(CONTAINER, RING_IOVA, size), 0);
	memset(self->s.rings, SIM_SENTINEL, size);
	ASSERT_EQ(chan_wait_halt(CHAN), 0);
	why = chan_halt(CHAN);
	/* Between two descriptors, or during one */
	EXPECT_TRUE(why == IOMMU_SIM_HALT_RING_READ || why == IOMMU_SIM_HALT_CPL_WRITE);
	EXPECT_TRUE(sim_all_bytes(self->s.rings, size, SIM_SENTINEL));

	ASSERT_EQ(vfio_map(CONTAINER, self->s.rings, size, RING_IOVA, RW), 0);
	chan_setup(CHAN, &self->s.user, 0, self->s.rings, RING_IOVA, RING_LG2);
	chan_start(CHAN, 0);
	EXPECT_EQ(session_works(&self->s), 0);
}

TEST_F_TIMEOUT(type1, rights, TIMEOUT_S)
{
	struct iommu_sim_desc add = {
		.op = IOMMU_SIM_OP_FETCH_ADD,
		.dst = htole64(OTHER_IOVA),
		.operand = htole64(1),
		.len = htole32(4),
	};
	unsigned char *mem = sim_memory(PAGE);

	ASSERT_NE(mem, NULL);
	memset(mem, 0x11, PAGE);
	ASSERT_EQ(vfio_map(CONTAINER, mem, PAGE, OTHER_IOVA, VFIO_DMA_MAP_FLAG_READ), 0);
	EXPECT_EQ(chan_copy(CHAN, BUF_IOVA, OTHER_IOVA, PAGE), IOMMU_SIM_OK);
	EXPECT_EQ(memcmp(self->s.buf, mem, PAGE), 0);
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_run(CHAN, &add), IOMMU_SIM_ERR_WRITE);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0x11));
	ASSERT_EQ(vfio_unmap(CONTAINER, OTHER_IOVA, PAGE), 0);

	ASSERT_EQ(vfio_map(CONTAINER, mem, PAGE, OTHER_IOVA, VFIO_DMA_MAP_FLAG_WRITE), 0);
	memset(self->s.buf, SIM_SENTINEL, PAGE);
	EXPECT_EQ(chan_copy(CHAN, BUF_IOVA, OTHER_IOVA, PAGE), IOMMU_SIM_ERR_READ);
	EXPECT_TRUE(sim_all_bytes(self->s.buf, PAGE, SIM_SENTINEL));
	EXPECT_EQ(chan_run(CHAN, &add), IOMMU_SIM_ERR_WRITE);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0x11));
	EXPECT_EQ(chan_fill(CHAN, OTHER_IOVA, ~0ULL, PAGE), IOMMU_SIM_OK);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0xff));
}

/* From the first address to the last, but not where interrupts are sent to */
TEST_F_TIMEOUT(type1, addresses, TIMEOUT_S)
{
	unsigned char *mem = sim_memory(PAGE);

	ASSERT_NE(mem, NULL);
	ASSERT_EQ(vfio_map(CONTAINER, mem, PAGE, 0, RW), 0);
	EXPECT_EQ(chan_fill(CHAN, 0, ~0ULL, PAGE), IOMMU_SIM_OK);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0xff));
	EXPECT_EQ(vfio_unmap(CONTAINER, 0, PAGE), 0);

	ASSERT_EQ(vfio_map(CONTAINER, mem, PAGE, APERTURE - PAGE, RW), 0);
	EXPECT_EQ(chan_fill(CHAN, APERTURE - PAGE, 0, PAGE), IOMMU_SIM_OK);
	EXPECT_TRUE(sim_all_bytes(mem, PAGE, 0));
	EXPECT_EQ(chan_fill(CHAN, APERTURE - PAGE, ~0ULL, 2 * PAGE), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(le64toh(chan_last(CHAN)->addr), APERTURE);
	EXPECT_EQ(le32toh(chan_last(CHAN)->done), PAGE);

	EXPECT_NE(vfio_map(CONTAINER, mem, PAGE, APERTURE, RW), 0);
	EXPECT_NE(vfio_map(CONTAINER, mem, PAGE, 0xfee00000, RW), 0);
	EXPECT_NE(vfio_map(CONTAINER, mem, PAGE, 0xfeeff000, RW), 0);
	EXPECT_EQ(vfio_map(CONTAINER, mem, PAGE, 0xfedff000, RW), 0);
	EXPECT_EQ(vfio_map(CONTAINER, mem, PAGE, 0xfef00000, RW), 0);
}

TEST_F_TIMEOUT(type1, interrupts, TIMEOUT_S)
{
	struct iommu_sim_desc nop = { .op = IOMMU_SIM_OP_NOP, .flags = IOMMU_SIM_DESC_INTR };
	int fds[SIM_MSI_VECTORS];
	unsigned int v, i;

	for (v = 0; v < SIM_MSI_VECTORS; v++) {
		fds[v] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ASSERT_GE(fds[v], 0);
	}
	ASSERT_EQ(vfio_eventfds(&self->s.user, VFIO_PCI_MSI_IRQ_INDEX, fds, SIM_MSI_VECTORS), 0);
	for (v = 0; v < SIM_MSI_VECTORS; v++) {
		chan_setup(CHAN, &self->s.user, 0, self->s.rings, RING_IOVA, RING_LG2);
		chan_start(CHAN, IOMMU_SIM_CH_CTRL_INTR | v << 8);
		for (i = 0; i < 10; i++) {
			*chan_next(CHAN) = nop;
			chan_doorbell(CHAN);
			/* The record comes before the interrupt */
			ASSERT_EQ(sim_signalled(fds[v], SIM_PATIENCE_MS), 1);
			ASSERT_EQ(le32toh(chan_last(CHAN)->status), IOMMU_SIM_OK);
			ASSERT_EQ(le32toh(chan_last(CHAN)->number), i);
		}
		/* Nothing without being asked for */
		nop.flags = 0;
		EXPECT_EQ(chan_run(CHAN, &nop), IOMMU_SIM_OK);
		nop.flags = IOMMU_SIM_DESC_INTR;
	}
	/* A halt has one, too */
	chan_put(CHAN, IOMMU_SIM_CH_TAIL, CHAN->tail + (1 << RING_LG2) + 1);
	EXPECT_EQ(sim_signalled(fds[SIM_MSI_VECTORS - 1], SIM_PATIENCE_MS), 1);

	/* None after they have been disabled */
	ASSERT_EQ(vfio_eventfds(&self->s.user, VFIO_PCI_MSI_IRQ_INDEX, NULL, 0), 0);
	chan_setup(CHAN, &self->s.user, 0, self->s.rings, RING_IOVA, RING_LG2);
	chan_start(CHAN, IOMMU_SIM_CH_CTRL_INTR);
	EXPECT_EQ(chan_run(CHAN, &nop), IOMMU_SIM_OK);
	EXPECT_EQ(chan_run(CHAN, &nop), IOMMU_SIM_OK);
	for (v = 0; v < SIM_MSI_VECTORS; v++)
		EXPECT_EQ(sim_signalled(fds[v], 0), 0);
}

/* Vectors that are given back are there for the next, however many it asks for */
TEST_F_TIMEOUT(type1, three_interrupts, TIMEOUT_S)
{
	int fds[SIM_MSI_VECTORS];
	unsigned int v, i;

	for (v = 0; v < SIM_MSI_VECTORS; v++) {
		fds[v] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ASSERT_GE(fds[v], 0);
	}
	/* A root port has 256 */
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(vfio_eventfds(&self->s.user, VFIO_PCI_MSI_IRQ_INDEX, fds, 3), 0);
		ASSERT_EQ(vfio_eventfds(&self->s.user, VFIO_PCI_MSI_IRQ_INDEX, NULL, 0), 0);
	}
	EXPECT_EQ(vfio_eventfds(&self->s.user, VFIO_PCI_MSI_IRQ_INDEX, fds, SIM_MSI_VECTORS), 0);
}

TEST_F_TIMEOUT(type1, reset_while_busy, TIMEOUT_S)
{
	unsigned int i, n, reg;

	for (i = 0; i < 5; i++) {
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		usleep(1000 * i);
		ASSERT_TRUE(chan_busy(CHAN));
		ASSERT_EQ(vfio_reset(&self->s.user), 0);
		ASSERT_TRUE(sim_untouched(self->s.buf, BUF_SIZE));
		for (n = 0; n < self->s.user.channels; n++)
			for (reg = IOMMU_SIM_CH_CTRL; reg <= IOMMU_SIM_CH_ERRORS; reg += 4)
				ASSERT_EQ(cfg_get(&self->s.user, self->s.user.dvsec +
						  IOMMU_SIM_CHANNEL(n) + reg, 4), 0);
		/* VFIO keeps bus mastering as it was, so this is enough: */
		chan_setup(CHAN, &self->s.user, 0, self->s.rings, RING_IOVA, RING_LG2);
		chan_start(CHAN, 0);
		ASSERT_EQ(session_works(&self->s), 0);
	}
}

/* A driver that resets its channel owns the memory when the write returns */
TEST_F_TIMEOUT(type1, channel_reset_while_busy, TIMEOUT_S)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		usleep(500 * i);
		ASSERT_TRUE(chan_busy(CHAN));
		chan_put(CHAN, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_RESET);
		memset(self->s.buf, SIM_SENTINEL, BUF_SIZE);
		chan_setup(CHAN, &self->s.user, 0, self->s.rings, RING_IOVA, RING_LG2);
		chan_start(CHAN, 0);
		usleep(SIM_WATCH_US / 10);
		ASSERT_TRUE(sim_all_bytes(self->s.buf, BUF_SIZE, SIM_SENTINEL));
	}
	EXPECT_EQ(session_works(&self->s), 0);
}

TEST_F_TIMEOUT(type1, bus_master_off_and_on, TIMEOUT_S)
{
	chan_keep_filling(CHAN, BUF_IOVA, PAGE);
	cfg_bus_master(&self->s.user, false);
	EXPECT_TRUE(sim_untouched(self->s.buf, PAGE));
	EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_ERRORS), 0);
	cfg_bus_master(&self->s.user, true);
	ASSERT_EQ(chan_wait(CHAN), 0);
	EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_ERRORS), 0);
	EXPECT_EQ(session_works(&self->s), 0);
}

TEST_F_TIMEOUT(type1, what_vfio_shows, TIMEOUT_S)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_user *user = &self->s.user;

	EXPECT_EQ(cfg_get(user, PCI_VENDOR_ID, 2), IOMMU_SIM_PCI_VENDOR);
	EXPECT_EQ(cfg_get(user, PCI_DEVICE_ID, 2), IOMMU_SIM_PCI_DEVICE);
	EXPECT_NE(cfg_find_cap(user, PCI_CAP_ID_EXP), 0);
	EXPECT_NE(cfg_find_cap(user, PCI_CAP_ID_MSI), 0);
	EXPECT_NE(cfg_find_ext_cap(user, PCI_EXT_CAP_ID_DVSEC), 0);
	/* Whose PASIDs they would be, the kernel decides */
	EXPECT_EQ(cfg_find_ext_cap(user, PCI_EXT_CAP_ID_PASID), 0);

	ASSERT_EQ(ioctl(user->device, VFIO_DEVICE_GET_INFO, &info), 0);
	EXPECT_NE(info.flags & VFIO_DEVICE_FLAGS_PCI, 0);
	EXPECT_NE(info.flags & VFIO_DEVICE_FLAGS_RESET, 0);
}

/* Two devices in one container reach the same memory, and part again */
TEST_F_TIMEOUT(type1, second_device, TIMEOUT_S)
{
	struct session alone;
	struct sim_chan other;
	struct vfio_user user;
	char name[SIM_NAME_SIZE];
	size_t size = chan_ring_size(RING_LG2);
	void *rings = sim_memory(size);

	if (sim_find(1, name))
		SKIP(return, "there is only one endpoint");
	ASSERT_NE(rings, NULL);
	ASSERT_EQ(sim_bind(name, "vfio-pci"), 0);
	EXPECT_EQ(vfio_open_type1(&user, name, CONTAINER), 0);
	EXPECT_EQ(vfio_map(CONTAINER, rings, size, OTHER_IOVA, RW), 0);
	chan_setup(&other, &user, 0, rings, OTHER_IOVA, RING_LG2);
	chan_start(&other, 0);
	sim_random_fill(self->s.buf, HALF, 6);
	EXPECT_EQ(chan_copy(&other, BUF_IOVA + HALF, BUF_IOVA, HALF), IOMMU_SIM_OK);
	EXPECT_EQ(chan_compare(CHAN, BUF_IOVA + HALF, BUF_IOVA, HALF), IOMMU_SIM_OK);
	vfio_close(&user);
	EXPECT_EQ(session_works(&self->s), 0);

	/* In a container of its own it sees nothing of this one */
	EXPECT_EQ(session_open(&alone, name), 0);
	EXPECT_EQ(vfio_map(CONTAINER, alone.buf, PAGE, 0x4000000000ULL, RW), 0);
	EXPECT_EQ(chan_fill(&alone.chan, 0x4000000000ULL, ~0ULL, PAGE), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_fill(CHAN, 0x4000000000ULL, ~0ULL, PAGE), IOMMU_SIM_OK);
	session_close(&alone);
	EXPECT_EQ(sim_give_back(name), 0);
}

/* When close() returns, the memory is nobody else's */
TEST_F_TIMEOUT(type1, close_in_flight, TIMEOUT_S)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE);
		usleep(1000 * i);
		ASSERT_TRUE(chan_busy(CHAN));
		/* The device alone, or the container before it */
		if (i % 2)
			close(CONTAINER);
		vfio_close(&self->s.user);
		ASSERT_TRUE(sim_untouched(self->s.buf, BUF_SIZE));
		if (!(i % 2))
			close(CONTAINER);
		self->s.user.container = -1;
		ASSERT_TRUE(sim_untouched(self->s.buf, BUF_SIZE));
		munmap(self->s.buf, BUF_SIZE);
		munmap(self->s.rings, chan_ring_size(RING_LG2));
		ASSERT_EQ(session_open(&self->s, first), 0);
		ASSERT_EQ(session_works(&self->s), 0);
	}
}

/* Bound to vfio-pci; nobody has the device open */
FIXTURE(bound)
{
	int memfd;
	unsigned char *mem;
};

FIXTURE_SETUP(bound)
{
	ASSERT_EQ(sim_bind(first, "vfio-pci"), 0);
	self->memfd = memfd_create("vfio_type1", MFD_CLOEXEC);
	ASSERT_GE(self->memfd, 0);
	ASSERT_EQ(ftruncate(self->memfd, BUF_SIZE), 0);
	self->mem = mmap(NULL, BUF_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->memfd, 0);
	ASSERT_NE(self->mem, MAP_FAILED);
}

FIXTURE_TEARDOWN(bound)
{
	/* If a test has removed the bus and failed to bring it back */
	sim_load("iommu-sim-pci");
	EXPECT_EQ(sim_give_back(first), 0);
	/* The kernel's driver finds a device that works */
	EXPECT_EQ(sim_selftest(first), 0);
}

/* A process of its own keeps the device busy with @mem, and says when it is */
static void keep_busy(int memfd, int pipe)
{
	struct session s;
	void *mem = mmap(NULL, BUF_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);

	if (mem == MAP_FAILED || session_open(&s, first) ||
	    vfio_map(s.user.container, mem, BUF_SIZE, OTHER_IOVA, RW))
		_exit(1);
	chan_keep_filling(&s.chan, OTHER_IOVA, BUF_SIZE);
	if (!chan_busy(&s.chan) || write(pipe, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(bound, killed_in_flight, TIMEOUT_S)
{
	unsigned int i;
	int pipes[2];
	pid_t pid;
	char c;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(pipe(pipes), 0);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			keep_busy(self->memfd, pipes[1]);
		close(pipes[1]);
		EXPECT_EQ(read(pipes[0], &c, 1), 1);
		close(pipes[0]);
		usleep(1000 * i);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		/* Its memory is still here to be watched */
		ASSERT_TRUE(sim_untouched(self->mem, BUF_SIZE));
	}
}

static int try_unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

/*
 * The bus goes while a user has the device: VFIO asks for it through the
 * request interrupt, and waits. Until then the device works.
 */
TEST_F_TIMEOUT(bound, unload_while_open, TIMEOUT_S)
{
	struct session s;
	int request = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pid_t pid;

	ASSERT_GE(request, 0);
	ASSERT_EQ(session_open(&s, first), 0);
	EXPECT_EQ(vfio_eventfds(&s.user, VFIO_PCI_REQ_IRQ_INDEX, &request, 1), 0);
	if (sim_loaded("iommu_sim"))
		EXPECT_EQ(try_unload("iommu_sim"), -EWOULDBLOCK);
	if (sim_loaded("iommu_sim_hw"))
		EXPECT_EQ(try_unload("iommu_sim_hw"), -EWOULDBLOCK);
	if (!sim_loaded("iommu_sim_pci")) {
		session_close(&s);
		SKIP(return, "iommu-sim-pci is not a module");
	}

	/* What is open is closed in the program: all of it is O_CLOEXEC */
	pid = sim_run("rmmod", "iommu-sim-pci", NULL);
	EXPECT_GE(sim_signalled(request, SIM_PATIENCE_MS), 1);
	EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	EXPECT_EQ(session_works(&s), 0);
	chan_keep_filling(&s.chan, BUF_IOVA, BUF_SIZE);
	EXPECT_TRUE(chan_busy(&s.chan));
	session_close(&s);
	EXPECT_TRUE(sim_untouched(s.buf, BUF_SIZE));
	EXPECT_EQ(sim_status(pid), 0);
	EXPECT_FALSE(sim_loaded("iommu_sim_pci"));
	EXPECT_EQ(sim_load("iommu-sim-pci"), 0);
}

/* The same for one device: another driver is to have it */
TEST_F_TIMEOUT(bound, unbind_while_open, TIMEOUT_S)
{
	struct session s;
	int request = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	long long events;
	pid_t pid;

	ASSERT_GE(request, 0);
	ASSERT_EQ(session_open(&s, first), 0);
	EXPECT_EQ(vfio_eventfds(&s.user, VFIO_PCI_REQ_IRQ_INDEX, &request, 1), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		/* Its copies of what is open would be in its own way */
		session_close(&s);
		_exit(sim_device_write(first, "driver/unbind", first) ? 1 : 0);
	}
	EXPECT_GE(sim_signalled(request, SIM_PATIENCE_MS), 1);
	chan_keep_filling(&s.chan, BUF_IOVA, BUF_SIZE);
	EXPECT_TRUE(chan_busy(&s.chan));
	session_close(&s);
	EXPECT_EQ(sim_status(pid), 0);
	EXPECT_TRUE(sim_untouched(s.buf, BUF_SIZE));

	/*
	 * VFIO cannot reset a device that is being unbound. What the user has
	 * left in its registers must not come to life with the next driver.
	 */
	events = sim_counter(SIM_STATS, "events");
	EXPECT_EQ(sim_give_back(first), 0);
	if (events >= 0)
		EXPECT_EQ(sim_counter(SIM_STATS, "events"), events);
	EXPECT_TRUE(sim_untouched(s.buf, BUF_SIZE));
}

TEST_F_TIMEOUT(bound, given_back, TIMEOUT_S)
{
	struct session s;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(sim_bind(first, "vfio-pci"), 0);
		ASSERT_EQ(session_open(&s, first), 0);
		chan_keep_filling(&s.chan, BUF_IOVA, BUF_SIZE);
		session_close(&s);
		EXPECT_TRUE(sim_untouched(s.buf, BUF_SIZE));
		munmap(s.buf, BUF_SIZE);
		ASSERT_EQ(sim_give_back(first), 0);
		ASSERT_EQ(sim_selftest(first), 0);
	}
}

int main(int argc, char **argv)
{
	sim_begin(vfio_missing(first));
	return test_harness_run(argc, argv);
}
