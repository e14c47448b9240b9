// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user can try who has been given the endpoint by VFIO: all of it ends
 * in an error or a halt, reaches nobody else, and a reset makes it good again.
 * Documentation/iommu-sim/security.rst has the limits in words.
 *
 * SEED in the environment repeats a run.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "vfio_lib.h"

#define RING_LG2	8
#define RING_IOVA	0x10000ULL
#define BUF_IOVA	0x100000ULL
#define BUF_SIZE	0x100000UL
#define HALF		(BUF_SIZE / 2)
#define RINGS_IOVA	0x4000000000ULL
#define NOWHERE		0x5000000000ULL
#define PAGE		4096UL
#define MSI_WINDOW	0xfee00000ULL
#define MSI_WINDOW_LAST	0xfeefffffULL
#define RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define GARBAGE		10000
#define TIMEOUT_S	600

/* The defaults of printk's rate limit, and how many places in the driver have one */
#define BURST		10
#define INTERVAL_S	5
#define PLACES		2

static char first[SIM_NAME_SIZE];
static __u64 seed;
static unsigned int scale = 1;

FIXTURE(security)
{
	struct vfio_user user;
	struct sim_chan chan;
	void *rings;
	unsigned char *buf;
	unsigned char *canary;
	int log;
	time_t start;
	__u64 random;
};

/* Reset, with the rings that it was first set up with */
static void fresh(struct sim_chan *chan)
{
	chan_setup(chan, chan->user, 0, chan->desc, RING_IOVA, RING_LG2);
	chan_start(chan, 0);
}

FIXTURE_SETUP(security)
{
	size_t size = chan_ring_size(RING_LG2);

	self->log = sim_log_open();
	ASSERT_GE(self->log, 0);
	self->start = time(NULL);
	self->random = seed;
	self->user = (struct vfio_user)VFIO_USER_CLOSED;
	self->rings = sim_memory(size);
	self->buf = sim_memory(3 * BUF_SIZE);
	ASSERT_NE(self->rings, NULL);
	ASSERT_NE(self->buf, NULL);
	/* In the middle: what is mapped; around it what must not change */
	self->canary = self->buf;
	self->buf += BUF_SIZE;
	memset(self->canary, SIM_SENTINEL, 3 * BUF_SIZE);

	ASSERT_EQ(sim_bind(first, "vfio-pci"), 0);
	self->user.container = vfio_open_container();
	ASSERT_GE(self->user.container, 0);
	ASSERT_EQ(vfio_open_type1(&self->user, first, self->user.container), 0);
	ASSERT_EQ(vfio_map(self->user.container, self->rings, size, RING_IOVA, RW), 0);
	ASSERT_EQ(vfio_map(self->user.container, self->buf, BUF_SIZE, BUF_IOVA, RW), 0);
	chan_setup(&self->chan, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_start(&self->chan, 0);
}

/* After a reset it works; nothing around was hit; the log is neither long nor bad */
FIXTURE_TEARDOWN(security)
{
	unsigned int lines, splats, intervals;

	EXPECT_EQ(vfio_reset(&self->user), 0);
	/* Whatever a test has made of the Command register and the power state */
	cfg_put(&self->user, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	EXPECT_EQ(vfio_use_device(&self->user), 0);
	fresh(&self->chan);
	sim_random_fill(self->buf, HALF, 1);
	EXPECT_EQ(chan_copy(&self->chan, BUF_IOVA + HALF, BUF_IOVA, HALF), IOMMU_SIM_OK);
	EXPECT_EQ(memcmp(self->buf, self->buf + HALF, HALF), 0);
	EXPECT_TRUE(sim_all_bytes(self->canary, BUF_SIZE, SIM_SENTINEL));
	EXPECT_TRUE(sim_all_bytes(self->canary + 2 * BUF_SIZE, BUF_SIZE, SIM_SENTINEL));

	vfio_close(&self->user);
	close(self->user.container);
	EXPECT_EQ(sim_give_back(first), 0);
	EXPECT_EQ(sim_selftest(first), 0);

	lines = sim_log_read(self->log, "iommu-sim", &splats);
	intervals = (time(NULL) - self->start) / INTERVAL_S + 2;
	TH_LOG("%u lines in the log in %u intervals", lines, intervals);
	EXPECT_EQ(splats, 0);
	/* A burst, and a line that says how many were left out */
	EXPECT_LE(lines, intervals * PLACES * (BURST + 1) + 10);
}

#define CHAN	(&self->chan)

TEST_F_TIMEOUT(security, doorbell_too_far, TIMEOUT_S)
{
	static const __u32 ahead[] = { 1 << 31, ~0U, (1 << RING_LG2) + 1, 1 << 16 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		fresh(CHAN);
		chan_put(CHAN, IOMMU_SIM_CH_TAIL, ahead[i]);
		ASSERT_EQ(chan_wait_halt(CHAN), 0);
		EXPECT_EQ(chan_halt(CHAN), IOMMU_SIM_HALT_DOORBELL);
		EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_HEAD), 0);
		/* It stays halted, whatever is written */
		chan_put(CHAN, IOMMU_SIM_CH_TAIL, 1);
		chan_put(CHAN, IOMMU_SIM_CH_CTRL, 0);
		chan_put(CHAN, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_EN);
		EXPECT_EQ(chan_halt(CHAN), IOMMU_SIM_HALT_DOORBELL);
	}
}

/* Mostly what the flag asks for */
static unsigned int segments(__u64 *r, bool list)
{
	if (!(sim_random(r) % 8))
		return sim_random(r);
	return list ? sim_random(r) % (IOMMU_SIM_MAX_SEGMENTS + 2) : 0;
}

/* Half of them wholly random, half nearly right, so that they get further in */
TEST_F_TIMEOUT(security, garbage_descriptors, TIMEOUT_S)
{
	unsigned int nr = GARBAGE * scale, sent, i, seen[IOMMU_SIM_MISMATCH + 1] = {};
	__u64 *r = &self->random, align;
	__u8 flags;

	for (sent = 0; sent < nr; sent += i) {
		for (i = 0; i < 1U << RING_LG2; i++) {
			struct iommu_sim_desc *desc = chan_next(CHAN);

			sim_random_fill(desc, sizeof(*desc), sim_random(r));
			if (i & 1)
				continue;
			flags = sim_random(r) & sim_random(r) & 0xf;
			align = sim_random(r) & 1 ? ~0ULL : ~15ULL;
			*desc = (struct iommu_sim_desc) {
				.op = sim_random(r) % 6,
				.flags = flags,
				.src_segs = htole16(segments(r, flags & IOMMU_SIM_DESC_SRC_LIST)),
				.dst_segs = htole16(segments(r, flags & IOMMU_SIM_DESC_DST_LIST)),
				.len = htole32(sim_random(r) >> (32 + sim_random(r) % 32)),
				.src = htole64((BUF_IOVA + sim_random(r) % (2 * BUF_SIZE)) & align),
				.dst = htole64((BUF_IOVA + sim_random(r) % (2 * BUF_SIZE)) & align),
				.operand = htole64(sim_random(r) & 1 ? sim_random(r) : 0),
			};
		}
		chan_doorbell(CHAN);
		ASSERT_EQ(chan_wait(CHAN), 0);
		for (i = 0; i < 1U << RING_LG2; i++) {
			__u32 status = le32toh(CHAN->cpl[i].status);

			ASSERT_GE(status, IOMMU_SIM_OK);
			ASSERT_LE(status, IOMMU_SIM_MISMATCH);
			seen[status]++;
		}
	}
	TH_LOG("%u descriptors: ok %u, descriptor %u, read %u, write %u, list %u, mismatch %u",
	       sent, seen[IOMMU_SIM_OK], seen[IOMMU_SIM_ERR_DESC], seen[IOMMU_SIM_ERR_READ],
	       seen[IOMMU_SIM_ERR_WRITE], seen[IOMMU_SIM_ERR_LIST], seen[IOMMU_SIM_MISMATCH]);
	/* The generator reaches all of them */
	for (i = IOMMU_SIM_OK; i <= IOMMU_SIM_MISMATCH; i++)
		EXPECT_GT(seen[i], 0);
}

/* Rings that the device itself overwrites while it reads them */
TEST_F_TIMEOUT(security, rings_as_target, TIMEOUT_S)
{
	unsigned int round;

	for (round = 0; round < 20; round++) {
		unsigned int i;

		fresh(CHAN);
		for (i = 0; i < 1U << RING_LG2; i++)
			*chan_next(CHAN) = (struct iommu_sim_desc) {
				.op = IOMMU_SIM_OP_FILL,
				.dst = htole64(RING_IOVA + sim_random(&self->random) %
					       chan_ring_size(RING_LG2)),
				.operand = htole64(sim_random(&self->random)),
				.len = htole32(1 + sim_random(&self->random) % 300),
			};
		chan_doorbell(CHAN);
		ASSERT_EQ(chan_wait(CHAN), 0);
	}
}

TEST_F_TIMEOUT(security, rings_anywhere, TIMEOUT_S)
{
	static const struct {
		__u64 ring, cpl;
		__u32 lg2;
		enum iommu_sim_halt why;
	} rings[] = {
		/* Misaligned, too small, too large, beyond the end of all addresses */
		{ RING_IOVA + 1, BUF_IOVA, RING_LG2, IOMMU_SIM_HALT_CONFIG },
		{ RING_IOVA, BUF_IOVA + 32, RING_LG2, IOMMU_SIM_HALT_CONFIG },
		{ RING_IOVA, BUF_IOVA, 0, IOMMU_SIM_HALT_CONFIG },
		{ RING_IOVA, BUF_IOVA, IOMMU_SIM_RING_MAX_LG2 + 1, IOMMU_SIM_HALT_CONFIG },
		{ RING_IOVA, BUF_IOVA, ~0U, IOMMU_SIM_HALT_CONFIG },
		{ ~0ULL & ~63ULL, BUF_IOVA, RING_LG2, IOMMU_SIM_HALT_CONFIG },
		{ RING_IOVA, ~0ULL & ~63ULL, RING_LG2, IOMMU_SIM_HALT_CONFIG },
		/* Not mapped */
		{ NOWHERE, BUF_IOVA, RING_LG2, IOMMU_SIM_HALT_RING_READ },
		{ RING_IOVA, NOWHERE, RING_LG2, IOMMU_SIM_HALT_CPL_WRITE },
		{ 0, BUF_IOVA, RING_LG2, IOMMU_SIM_HALT_RING_READ },
		{ 1ULL << 63, BUF_IOVA, RING_LG2, IOMMU_SIM_HALT_RING_READ },
		/* Where interrupts are sent to */
		{ MSI_WINDOW, BUF_IOVA, RING_LG2, IOMMU_SIM_HALT_RING_READ },
		{ RING_IOVA, MSI_WINDOW, RING_LG2, IOMMU_SIM_HALT_CPL_WRITE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rings); i++) {
		chan_setup(CHAN, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
		chan_put(CHAN, IOMMU_SIM_CH_RING_LO, rings[i].ring);
		chan_put(CHAN, IOMMU_SIM_CH_RING_HI, rings[i].ring >> 32);
		chan_put(CHAN, IOMMU_SIM_CH_CPL_LO, rings[i].cpl);
		chan_put(CHAN, IOMMU_SIM_CH_CPL_HI, rings[i].cpl >> 32);
		chan_put(CHAN, IOMMU_SIM_CH_RING_LG2, rings[i].lg2);
		chan_start(CHAN, 0);
		chan_put(CHAN, IOMMU_SIM_CH_TAIL, 1);
		ASSERT_EQ(chan_wait_halt(CHAN), 0);
		EXPECT_EQ(chan_halt(CHAN), rings[i].why) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(chan_get(CHAN, IOMMU_SIM_CH_HEAD), 0);
	}
	/* A vector that there is not */
	chan_setup(CHAN, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_start(CHAN, IOMMU_SIM_CH_CTRL_VECTOR);
	EXPECT_EQ(chan_halt(CHAN), IOMMU_SIM_HALT_CONFIG);
	/* Rings of a PASID that nobody gave it */
	chan_setup(CHAN, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_put(CHAN, IOMMU_SIM_CH_PASID, IOMMU_SIM_CH_PASID_VALID | 7);
	chan_start(CHAN, 0);
	chan_put(CHAN, IOMMU_SIM_CH_TAIL, 1);
	ASSERT_EQ(chan_wait_halt(CHAN), 0);
	EXPECT_EQ(chan_halt(CHAN), IOMMU_SIM_HALT_RING_READ);
}

/*
 * Interrupt messages by writes to the window: each value of the data, from the
 * first endpoint, while the second has interrupts of its own.
 */
TEST_F_TIMEOUT(security, forged_interrupts, TIMEOUT_S)
{
	struct iommu_sim_desc nop = { .op = IOMMU_SIM_OP_NOP, .flags = IOMMU_SIM_DESC_INTR };
	int mine[SIM_MSI_VECTORS], its[SIM_MSI_VECTORS], container;
	unsigned int v, data, accepted = 0, own = 0;
	struct vfio_user victim;
	char name[SIM_NAME_SIZE];

	if (sim_find(1, name))
		SKIP(return, "there is only one endpoint");
	for (v = 0; v < SIM_MSI_VECTORS; v++) {
		mine[v] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		its[v] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	ASSERT_EQ(sim_bind(name, "vfio-pci"), 0);
	container = vfio_open_container();
	EXPECT_EQ(vfio_open_type1(&victim, name, container), 0);
	EXPECT_EQ(vfio_eventfds(&victim, VFIO_PCI_MSI_IRQ_INDEX, its, SIM_MSI_VECTORS), 0);

	/* Without any of its own, none is accepted */
	for (data = 0; data < 1024; data++)
		ASSERT_EQ(chan_fill(CHAN, MSI_WINDOW, data, 4), IOMMU_SIM_ERR_WRITE);

	ASSERT_EQ(vfio_eventfds(&self->user, VFIO_PCI_MSI_IRQ_INDEX, mine, SIM_MSI_VECTORS), 0);
	for (data = 0; data < 1024; data++) {
		__u64 to = MSI_WINDOW + sim_random(&self->random) % (1 << 18) * 4;
		int status = chan_fill(CHAN, to, data, 4);

		ASSERT_TRUE(status == IOMMU_SIM_OK || status == IOMMU_SIM_ERR_WRITE);
		accepted += status == IOMMU_SIM_OK;
	}
	EXPECT_EQ(accepted, SIM_MSI_VECTORS);
	/* By COPY from memory, and by values that no table has room for */
	memset(self->buf, 0xff, PAGE);
	EXPECT_EQ(chan_copy(CHAN, MSI_WINDOW, BUF_IOVA, 4), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_fill(CHAN, MSI_WINDOW, 1ULL << 31, 4), IOMMU_SIM_ERR_WRITE);
	/* Not messages: other lengths, reads, the edges */
	EXPECT_EQ(chan_fill(CHAN, MSI_WINDOW, 0, 8), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_fill(CHAN, MSI_WINDOW, 0, 1), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_fill(CHAN, MSI_WINDOW, 0, BUF_SIZE), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_copy(CHAN, BUF_IOVA, MSI_WINDOW, 4), IOMMU_SIM_ERR_READ);
	EXPECT_EQ(chan_fill(CHAN, MSI_WINDOW_LAST - 1, 0, 4), IOMMU_SIM_ERR_WRITE);
	EXPECT_EQ(chan_fill(CHAN, MSI_WINDOW - 2, 0, 4), IOMMU_SIM_ERR_WRITE);

	/* Forged ones come late: a genuine one of this device comes after them */
	chan_setup(CHAN, &self->user, 0, self->rings, RING_IOVA, RING_LG2);
	chan_start(CHAN, IOMMU_SIM_CH_CTRL_INTR);
	EXPECT_EQ(chan_run(CHAN, &nop), IOMMU_SIM_OK);
	for (v = 0; v < SIM_MSI_VECTORS; v++) {
		own += !!sim_signalled(mine[v], SIM_PATIENCE_MS);
		EXPECT_EQ(own, v + 1);
		EXPECT_EQ(sim_signalled(its[v], 0), 0);
	}
	EXPECT_EQ(own, SIM_MSI_VECTORS);
	vfio_close(&victim);
	close(container);
	EXPECT_EQ(sim_give_back(name), 0);
}

/* Every byte of configuration space, by each size of access */
TEST_F_TIMEOUT(security, random_configuration, TIMEOUT_S)
{
	unsigned int size, at, round;

	for (round = 0; round < scale; round++) {
		for (size = 1; size <= 4; size *= 2) {
			for (at = 0; at < 4096; at += size)
				cfg_put(&self->user, at, size, sim_random(&self->random));
			/* And back, so that the next size does not find it asleep */
			ASSERT_EQ(vfio_reset(&self->user), 0);
			cfg_put(&self->user, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
		}
	}
}

/* Only the registers of the engine, in any order, while it is at work */
TEST_F_TIMEOUT(security, random_registers, TIMEOUT_S)
{
	unsigned int i, span = IOMMU_SIM_CHANNEL(self->user.channels) - IOMMU_SIM_CHANNEL(0);
	__u64 *r = &self->random;

	for (i = 0; i < GARBAGE * scale; i++) {
		unsigned int size = 1 << sim_random(r) % 3;
		unsigned int at = sim_random(r) % span & ~(size - 1);
		__u32 value = sim_random(r) >> (32 + sim_random(r) % 32);

		/* Often what makes it run, with rings that are there */
		switch (sim_random(r) % 8) {
		case 0:
			fresh(CHAN);
			break;
		case 1:
			chan_put(CHAN, IOMMU_SIM_CH_TAIL, sim_random(r) % (2 << RING_LG2));
			break;
		case 2:
			sim_random_fill(self->rings, chan_ring_size(RING_LG2), sim_random(r));
			break;
		default:
			cfg_put(&self->user, self->user.dvsec + IOMMU_SIM_CHANNEL(0) + at, size,
				value);
			break;
		}
	}
}

static bool all_handled(void)
{
	long long events = sim_counter(SIM_STATS, "events");

	return events == sim_counter(SIM_STATS, "events_handled");
}

/*
 * A fault for each descriptor, of all channels, as fast as they can. Events may
 * be lost, but not the interrupt: it once was, and no fault was ever told again.
 */
TEST_F_TIMEOUT(security, storm_of_faults, TIMEOUT_S)
{
	unsigned int nr = self->user.channels, rounds = 100 * scale, round, i, n;
	long long lost = sim_counter(SIM_STATS, "events_lost"), handled;
	long long events = sim_counter(SIM_STATS, "events");
	struct sim_chan chan[IOMMU_SIM_MAX_CHANNELS];
	size_t size = chan_ring_size(RING_LG2);
	unsigned int waits = SIM_PATIENCE_MS;
	void *rings = sim_memory(nr * size);
	struct timespec from, to;
	double s;

	ASSERT_NE(rings, NULL);
	ASSERT_EQ(vfio_map(self->user.container, rings, nr * size, RINGS_IOVA, RW), 0);
	for (n = 0; n < nr; n++) {
		chan_setup(&chan[n], &self->user, n, rings + n * size, RINGS_IOVA + n * size,
			   RING_LG2);
		chan_start(&chan[n], 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (round = 0; round < rounds; round++) {
		for (n = 0; n < nr; n++) {
			for (i = 0; i < 1U << RING_LG2; i++)
				*chan_next(&chan[n]) = (struct iommu_sim_desc) {
					.op = IOMMU_SIM_OP_FILL,
					.dst = htole64(NOWHERE + i * PAGE),
					.len = htole32(8),
				};
			chan_doorbell(&chan[n]);
		}
		for (n = 0; n < nr; n++)
			ASSERT_EQ(chan_wait(&chan[n]), 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	s = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	for (n = 0; n < nr; n++)
		EXPECT_EQ(chan_get(&chan[n], IOMMU_SIM_CH_ERRORS), chan[n].tail);
	if (lost < 0)
		SKIP(return, "no debugfs");
	TH_LOG("%u faults in %.2f s, %lld events lost", nr * chan[0].tail, s,
	       sim_counter(SIM_STATS, "events_lost") - lost);

	/* One or the other, each of them */
	EXPECT_EQ(sim_counter(SIM_STATS, "events") - events +
		  sim_counter(SIM_STATS, "events_lost") - lost, nr * chan[0].tail);
	while (!all_handled() && --waits)
		usleep(1000);
	EXPECT_TRUE(all_handled());
	handled = sim_counter(SIM_STATS, "events_handled");
	EXPECT_EQ(chan_fill(&chan[0], NOWHERE, 0, 8), IOMMU_SIM_ERR_WRITE);
	for (waits = SIM_PATIENCE_MS; --waits; usleep(1000))
		if (sim_counter(SIM_STATS, "events_handled") > handled)
			break;
	EXPECT_EQ(sim_counter(SIM_STATS, "events_handled"), handled + 1);
}

int main(int argc, char **argv)
{
	const char *text = getenv("SEED");

	sim_begin(vfio_missing(first));
	seed = text ? strtoull(text, NULL, 0) : (__u64)time(NULL) * 2 + 1;
	text = getenv("SCALE");
	if (text && atoi(text) > 0)
		scale = atoi(text);
	ksft_print_msg("SEED=%llu\n", seed);
	return test_harness_run(argc, argv);
}
