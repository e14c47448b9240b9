// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking by iommufd, for a device that really writes: what is mapped by
 * large pages is told in pages of 4 KiB, exactly, and goes on working.
 *
 * This is how user space gets at parts of a large page: neither VFIO nor iommufd
 * unmaps a part of what was mapped at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "iommufd_lib.h"

#define PTDUMPS		"/sys/kernel/debug/iommu-sim/iommu0/domains/*/ptdump"
#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"

#define RING_LG2	10
#define RING_IOVA	0x1000000000ULL
#define BUF_IOVA	0x2000000000ULL
#define OTHER_IOVA	0x3000000000ULL
#define PAGE		4096UL
#define BUF_SIZE	(4UL << 20)
#define NR_PAGES	(BUF_SIZE / PAGE)
#define NR_WORDS	(NR_PAGES / 64)
#define TIMEOUT_S	600

static char first[SIM_NAME_SIZE];

/* Huge pages if there are any to be had, else whatever there is */
static unsigned char *buffer(bool *huge)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE;
	void *mem;

	sim_write_file(NR_HUGEPAGES, "8");
	mem = mmap(NULL, BUF_SIZE, prot, flags | MAP_HUGETLB, -1, 0);
	*huge = mem != MAP_FAILED;
	return *huge ? mem : sim_memory(BUF_SIZE);
}

/* Lines of the dumps about addresses from BUF_IOVA on that have @text in them */
static unsigned int dumped(const char *text)
{
	unsigned int n = 0, i;
	char line[256];
	FILE *file;
	glob_t g;

	if (glob(PTDUMPS, 0, NULL, &g))
		return 0;
	for (i = 0; i < g.gl_pathc; i++) {
		file = fopen(g.gl_pathv[i], "r");
		while (file && fgets(line, sizeof(line), file))
			n += !strncmp(line, "0x00000020000", 13) && strstr(line, text);
		if (file)
			fclose(file);
	}
	globfree(&g);
	return n;
}

FIXTURE(dirty)
{
	struct vfio_user user;
	struct sim_chan chan;
	int fd;
	__u32 device;
	__u32 ioas;
	__u32 hwpt;
	void *rings;
	unsigned char *buf;
	bool huge;
	__u64 seen[NR_WORDS];
};

#define CHAN	(&self->chan)

FIXTURE_SETUP(dirty)
{
	size_t size = chan_ring_size(RING_LG2);

	self->rings = sim_memory(size);
	self->buf = buffer(&self->huge);
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
	ASSERT_EQ(hwpt_alloc(self->fd, self->device, self->ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			     &self->hwpt), 0);
	ASSERT_EQ(iommufd_attach(&self->user, self->hwpt), 0);
	chan_setup(CHAN, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_start(CHAN, 0);
}

FIXTURE_TEARDOWN(dirty)
{
	vfio_close(&self->user);
	close(self->fd);
	munmap(self->buf, BUF_SIZE);
	EXPECT_EQ(sim_give_back(first), 0);
	EXPECT_EQ(sim_selftest(first), 0);
}

/* What is dirty in the buffer, and how many pages that is; or a negative error */
static int collect(int fd, __u32 hwpt, __u32 flags, __u64 *seen)
{
	int n = 0, ret;
	size_t i;

	memset(seen, 0, NR_WORDS * sizeof(*seen));
	ret = hwpt_dirty(fd, hwpt, flags, BUF_IOVA, BUF_SIZE, seen);
	for (i = 0; i < NR_WORDS; i++)
		n += __builtin_popcountll(seen[i]);
	return ret ?: n;
}

#define COLLECT()	collect(self->fd, self->hwpt, 0, self->seen)

static bool is_dirty(const __u64 *seen, unsigned int page)
{
	return seen[page / 64] & 1ULL << page % 64;
}

/* Another byte of each page */
static int write_byte(struct sim_chan *chan, unsigned int page)
{
	return chan_fill(chan, BUF_IOVA + page * PAGE + page % PAGE, page | 0x80, 1);
}

TEST_F_TIMEOUT(dirty, exact, TIMEOUT_S)
{
	static const unsigned int pages[] = { 0, 1, 63, 64, 511, 512, 700, NR_PAGES - 1 };
	const unsigned int nr = ARRAY_SIZE(pages);
	unsigned int i;

	TH_LOG("%s huge pages", self->huge ? "with" : "without");
	EXPECT_TRUE(!self->huge || dumped("MiB"));
	ASSERT_EQ(hwpt_track(self->fd, self->hwpt, true), 0);
	EXPECT_EQ(dumped("MiB"), 0);
	EXPECT_NE(dumped("x 4.00 KiB"), 0);
	EXPECT_EQ(COLLECT(), 0);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(write_byte(CHAN, pages[i]), IOMMU_SIM_OK);
	EXPECT_EQ(collect(self->fd, self->hwpt, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR,
			  self->seen), nr);
	EXPECT_EQ(COLLECT(), nr);
	for (i = 0; i < nr; i++) {
		EXPECT_TRUE(is_dirty(self->seen, pages[i]));
		EXPECT_EQ(self->buf[pages[i] * PAGE + pages[i] % PAGE],
			  (unsigned char)(pages[i] | 0x80));
	}
	EXPECT_EQ(COLLECT(), 0);
	/* What is read is not dirty; what is written to again is */
	EXPECT_EQ(chan_compare(CHAN, BUF_IOVA + PAGE, BUF_IOVA + PAGE, BUF_SIZE / 2),
		  IOMMU_SIM_OK);
	EXPECT_EQ(COLLECT(), 0);
	ASSERT_EQ(write_byte(CHAN, 64), IOMMU_SIM_OK);
	EXPECT_EQ(COLLECT(), 1);
	EXPECT_TRUE(is_dirty(self->seen, 64));
	/* Everything */
	ASSERT_EQ(chan_fill(CHAN, BUF_IOVA, ~0ULL, BUF_SIZE), IOMMU_SIM_OK);
	EXPECT_EQ(COLLECT(), NR_PAGES);
	EXPECT_TRUE(sim_all_bytes(self->buf, BUF_SIZE, 0xff));
}

/* The driver's error for "not on" is not passed on by iommufd: nothing is dirty then */
TEST_F_TIMEOUT(dirty, off, TIMEOUT_S)
{
	EXPECT_EQ(COLLECT(), 0);
	ASSERT_EQ(hwpt_track(self->fd, self->hwpt, true), 0);
	ASSERT_EQ(write_byte(CHAN, 7), IOMMU_SIM_OK);
	ASSERT_EQ(hwpt_track(self->fd, self->hwpt, false), 0);
	EXPECT_EQ(COLLECT(), 0);
	ASSERT_EQ(write_byte(CHAN, 8), IOMMU_SIM_OK);
	/* A new beginning */
	ASSERT_EQ(hwpt_track(self->fd, self->hwpt, true), 0);
	EXPECT_EQ(COLLECT(), 0);
	ASSERT_EQ(write_byte(CHAN, 9), IOMMU_SIM_OK);
	EXPECT_EQ(COLLECT(), 1);
	EXPECT_TRUE(is_dirty(self->seen, 9));
}

/* A page table without the flag has no such thing */
TEST_F_TIMEOUT(dirty, not_asked_for, TIMEOUT_S)
{
	__u32 plain;

	ASSERT_EQ(hwpt_alloc(self->fd, self->device, self->ioas, 0, &plain), 0);
	EXPECT_EQ(hwpt_track(self->fd, plain, true), -EOPNOTSUPP);
	EXPECT_EQ(hwpt_dirty(self->fd, plain, 0, BUF_IOVA, BUF_SIZE, self->seen), -EOPNOTSUPP);
	EXPECT_EQ(iommufd_destroy(self->fd, plain), 0);
}

/* The device never stops; what it wrote since the last reading's end is in the next one */
TEST_F_TIMEOUT(dirty, in_flight, TIMEOUT_S)
{
	time_t end = time(NULL) + SIM_PATIENCE_MS / 1000;
	unsigned int i, some = 0;
	int n;

	ASSERT_EQ(hwpt_track(self->fd, self->hwpt, true), 0);
	for (i = 0; i < 50 || (!some && time(NULL) < end); i++) {
		if (!chan_busy(CHAN))
			chan_keep_filling(CHAN, BUF_IOVA, BUF_SIZE / 2);
		n = COLLECT();
		ASSERT_GE(n, 0);
		ASSERT_LE(n, NR_PAGES / 2);
		some += n > 0;
	}
	ASSERT_EQ(chan_wait(CHAN), 0);
	EXPECT_NE(some, 0);
	COLLECT();
	/* At rest now */
	EXPECT_EQ(COLLECT(), 0);
	ASSERT_EQ(chan_fill(CHAN, BUF_IOVA, 0, BUF_SIZE / 2), IOMMU_SIM_OK);
	EXPECT_EQ(COLLECT(), NR_PAGES / 2);
}

struct mapper {
	int fd;
	__u32 ioas;
	unsigned char *mem;
	bool stop;
	unsigned long rounds;
	int error;
};

static void *keep_mapping(void *arg)
{
	struct mapper *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED) && !m->error) {
		m->error = ioas_map(m->fd, m->ioas, m->mem, BUF_SIZE, OTHER_IOVA, READ | WRITE) ?:
			   ioas_unmap(m->fd, m->ioas, OTHER_IOVA, BUF_SIZE);
		m->rounds++;
	}
	return NULL;
}

/*
 * On and off, while another thread maps and unmaps large pages, and the device
 * works. Guards against tables that were lost when a page was unmapped and split
 * at once, and against an error for what is nobody's mistake.
 */
TEST_F_TIMEOUT(dirty, on_and_off_while_mapping, TIMEOUT_S)
{
	struct mapper m = { .fd = self->fd, .ioas = self->ioas, .mem = self->buf };
	long long allocated, freed;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(pthread_create(&thread, NULL, keep_mapping, &m), 0);
	for (i = 0; i < 300; i++) {
		if (!chan_busy(CHAN))
			chan_keep_filling(CHAN, BUF_IOVA, PAGE);
		ASSERT_EQ(hwpt_track(self->fd, self->hwpt, true), 0);
		ASSERT_GE(COLLECT(), 0);
		ASSERT_EQ(hwpt_track(self->fd, self->hwpt, false), 0);
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(m.error, 0);
	EXPECT_EQ(chan_wait(CHAN), 0);
	TH_LOG("%lu maps meanwhile", m.rounds);
	allocated = sim_counter(SIM_STATS, "tables_allocated");
	freed = sim_counter(SIM_STATS, "tables_freed");
	ASSERT_GT(freed, 0);
	/* The device keeps a few, and so do the kernel's own domains */
	EXPECT_LT(allocated - freed, 60);
}

int main(int argc, char **argv)
{
	sim_begin(iommufd_missing(first));
	return test_harness_run(argc, argv);
}
