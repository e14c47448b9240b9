// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space as a driver in user space sees it, written from
 * <linux/iommu-sim.h> alone: layout, reset values, and what a write may change.
 */
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/iommu-sim.h>
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "vfio_lib.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
/* For a test that hangs, the first of which loads modules */
#define TIMEOUT_S	600
#define CHANNEL_REG(n, reg)	(IOMMU_SIM_CHANNEL(n) + (reg))
/* In a test: the offset of a register of the DVSEC */
#define REG(reg)	(self->dvsec + (reg))

FIXTURE(config_space)
{
	char device[SIM_NAME_SIZE];
	int fd;
	unsigned int dvsec;
	unsigned int channels;
};

static __u32 get(int fd, unsigned int offset)
{
	__le32 value = 0;

	if (pread(fd, &value, sizeof(value), offset) != sizeof(value))
		ksft_print_msg("no 4 bytes at %#x\n", offset);
	return le32toh(value);
}

static void put(int fd, unsigned int offset, __u32 value)
{
	__le32 le = htole32(value);

	if (pwrite(fd, &le, sizeof(le), offset) != sizeof(le))
		ksft_print_msg("4 bytes not written at %#x\n", offset);
}

static unsigned int find_dvsec(int fd)
{
	unsigned int offset = 0x100, limit = 64;

	while (offset && limit--) {
		__u32 header = get(fd, offset);

		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DVSEC &&
		    (get(fd, offset + PCI_DVSEC_HEADER1) & 0xffff) == IOMMU_SIM_PCI_VENDOR &&
		    (get(fd, offset + PCI_DVSEC_HEADER2) & 0xffff) == IOMMU_SIM_DVSEC_ID)
			return offset;
		offset = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

FIXTURE_SETUP(config_space)
{
	char path[NAME_MAX + 128];

	if (sim_find(0, self->device)) {
		/* Without the driver: the registers are ours */
		if (system("modprobe iommu-sim && modprobe iommu-sim-pci"))
			SKIP(return, "the modules cannot be loaded");
		if (sim_find(0, self->device))
			SKIP(return, "there is no endpoint");
	}
	/* Fails if nothing is bound */
	sim_device_write(self->device, "driver/unbind", self->device);
	ASSERT_EQ(sim_device_write(self->device, "reset", "1"), 0);

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", self->device);
	self->fd = open(path, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->dvsec = find_dvsec(self->fd);
	ASSERT_NE(self->dvsec, 0);
	self->channels = get(self->fd, self->dvsec + IOMMU_SIM_REG_CAPS) &
			 IOMMU_SIM_CAPS_CHANNELS;
}

FIXTURE_TEARDOWN(config_space)
{
	/* The last test leaves the device reset, as the first found it */
	sim_device_write(self->device, "reset", "1");
	close(self->fd);
}

TEST_F_TIMEOUT(config_space, identity, TIMEOUT_S)
{
	EXPECT_EQ(get(self->fd, PCI_VENDOR_ID),
		  IOMMU_SIM_PCI_VENDOR | IOMMU_SIM_PCI_DEVICE << 16);
	EXPECT_EQ(get(self->fd, PCI_CLASS_REVISION) >> 8, IOMMU_SIM_PCI_CLASS);
}

TEST_F_TIMEOUT(config_space, dvsec, TIMEOUT_S)
{
	__u32 header1 = get(self->fd, REG(PCI_DVSEC_HEADER1));

	EXPECT_EQ(header1 & 0xffff, IOMMU_SIM_PCI_VENDOR);
	EXPECT_EQ(PCI_DVSEC_HEADER1_REV(header1), IOMMU_SIM_DVSEC_REV);
	EXPECT_EQ(PCI_DVSEC_HEADER1_LEN(header1), IOMMU_SIM_CHANNEL(self->channels));
	EXPECT_EQ(get(self->fd, REG(PCI_DVSEC_HEADER2)) & 0xffff, IOMMU_SIM_DVSEC_ID);
	EXPECT_LE(self->dvsec + IOMMU_SIM_CHANNEL(self->channels), 4096);
}

TEST_F_TIMEOUT(config_space, capabilities, TIMEOUT_S)
{
	__u32 caps = get(self->fd, REG(IOMMU_SIM_REG_CAPS));
	__u32 ring_lg2 = (caps & IOMMU_SIM_CAPS_RING_LG2) >> 8;
	__u32 ops = get(self->fd, REG(IOMMU_SIM_REG_OPS));

	EXPECT_GE(self->channels, 1);
	EXPECT_LE(self->channels, IOMMU_SIM_MAX_CHANNELS);
	EXPECT_GE(ring_lg2, IOMMU_SIM_RING_MIN_LG2);
	EXPECT_LE(ring_lg2, IOMMU_SIM_RING_MAX_LG2);
	EXPECT_GE((caps & IOMMU_SIM_CAPS_VECTORS) >> 16, 1);
	EXPECT_NE(ops & 1 << IOMMU_SIM_OP_NOP, 0);
	EXPECT_NE(ops & 1 << IOMMU_SIM_OP_COPY, 0);
	EXPECT_NE(ops & 1 << IOMMU_SIM_OP_FILL, 0);
	EXPECT_NE(ops & 1 << IOMMU_SIM_OP_COMPARE, 0);
	EXPECT_NE(ops & 1 << IOMMU_SIM_OP_FETCH_ADD, 0);
}

TEST_F_TIMEOUT(config_space, reset_values, TIMEOUT_S)
{
	unsigned int n, reg;

	for (n = 0; n < self->channels; n++) {
		for (reg = IOMMU_SIM_CH_CTRL; reg <= IOMMU_SIM_CH_ERRORS; reg += 4) {
			put(self->fd, REG(CHANNEL_REG(n, reg)), 0x11110);
			put(self->fd, REG(CHANNEL_REG(n, reg)), 0);
		}
		put(self->fd, REG(CHANNEL_REG(n, IOMMU_SIM_CH_RING_LO)), 0x12345640);
		put(self->fd, REG(CHANNEL_REG(n, IOMMU_SIM_CH_TAIL)), 77);
	}
	ASSERT_EQ(sim_device_write(self->device, "reset", "1"), 0);
	for (n = 0; n < self->channels; n++)
		for (reg = IOMMU_SIM_CH_CTRL; reg <= IOMMU_SIM_CH_ERRORS; reg += 4)
			EXPECT_EQ(get(self->fd, REG(CHANNEL_REG(n, reg))), 0) {
				TH_LOG("channel %u register %#x", n, reg);
			}
}

/* What all ones may change, register by register; the rest reads as before */
TEST_F_TIMEOUT(config_space, writable_bits, TIMEOUT_S)
{
	static const struct {
		unsigned int reg;
		__u32 rw;
	} regs[] = {
		{ IOMMU_SIM_CH_STATUS, 0 },
		{ IOMMU_SIM_CH_RING_LO, ~0U },
		{ IOMMU_SIM_CH_RING_HI, ~0U },
		{ IOMMU_SIM_CH_CPL_LO, ~0U },
		{ IOMMU_SIM_CH_CPL_HI, ~0U },
		{ IOMMU_SIM_CH_RING_LG2, ~0U },
		{ IOMMU_SIM_CH_PASID, IOMMU_SIM_CH_PASID_VALID | 0xfffff },
		{ IOMMU_SIM_CH_TAIL, ~0U },
		{ IOMMU_SIM_CH_HEAD, 0 },
		{ IOMMU_SIM_CH_ERRORS, 0 },
	};
	unsigned int n, i;

	for (n = 0; n < self->channels; n++) {
		for (i = 0; i < ARRAY_SIZE(regs); i++) {
			unsigned int reg = CHANNEL_REG(n, regs[i].reg);

			put(self->fd, REG(reg), ~0U);
			EXPECT_EQ(get(self->fd, REG(reg)), regs[i].rw) {
				TH_LOG("channel %u register %#x", n, regs[i].reg);
			}
			put(self->fd, REG(reg), 0);
			EXPECT_EQ(get(self->fd, REG(reg)), 0);
		}
	}
}

TEST_F_TIMEOUT(config_space, read_only, TIMEOUT_S)
{
	static const unsigned int regs[] = {
		0, PCI_DVSEC_HEADER1, PCI_DVSEC_HEADER2,
		IOMMU_SIM_REG_CAPS, IOMMU_SIM_REG_OPS,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		__u32 before = get(self->fd, REG(regs[i]));

		put(self->fd, REG(regs[i]), ~before);
		EXPECT_EQ(get(self->fd, REG(regs[i])), before);
	}
	/* Nothing is behind the last channel */
	put(self->fd, REG(IOMMU_SIM_CHANNEL(self->channels)), ~0U);
	EXPECT_EQ(get(self->fd, REG(IOMMU_SIM_CHANNEL(self->channels))), 0);
}

TEST_F_TIMEOUT(config_space, partial_writes, TIMEOUT_S)
{
	unsigned int offset = self->dvsec + CHANNEL_REG(0, IOMMU_SIM_CH_RING_LO);
	__u8 byte = 0xab;
	__le16 word = htole16(0xcdef);

	put(self->fd, offset, 0x11223344);
	ASSERT_EQ(pwrite(self->fd, &byte, 1, offset + 1), 1);
	EXPECT_EQ(get(self->fd, offset), 0x1122ab44);
	ASSERT_EQ(pwrite(self->fd, &word, 2, offset + 2), 2);
	EXPECT_EQ(get(self->fd, offset), 0xcdefab44);
	ASSERT_EQ(pread(self->fd, &byte, 1, offset + 3), 1);
	EXPECT_EQ(byte, 0xcd);
}

/* A ring that cannot be is refused when the channel is enabled */
TEST_F_TIMEOUT(config_space, halt_and_reset, TIMEOUT_S)
{
	unsigned int ctrl = CHANNEL_REG(0, IOMMU_SIM_CH_CTRL);
	unsigned int status = CHANNEL_REG(0, IOMMU_SIM_CH_STATUS);

	put(self->fd, REG(CHANNEL_REG(0, IOMMU_SIM_CH_RING_LG2)), IOMMU_SIM_RING_MAX_LG2 + 1);
	put(self->fd, REG(ctrl), IOMMU_SIM_CH_CTRL_EN);
	EXPECT_EQ(get(self->fd, REG(status)),
		  IOMMU_SIM_CH_STATUS_HALTED | IOMMU_SIM_HALT_CONFIG << 8);

	/* RESET does its work and does not stay */
	put(self->fd, REG(ctrl), IOMMU_SIM_CH_CTRL_RESET);
	EXPECT_EQ(get(self->fd, REG(status)), 0);
	EXPECT_EQ(get(self->fd, REG(ctrl)), 0);

	put(self->fd, REG(CHANNEL_REG(0, IOMMU_SIM_CH_RING_LG2)), 4);
	put(self->fd, REG(ctrl), IOMMU_SIM_CH_CTRL_EN);
	EXPECT_EQ(get(self->fd, REG(status)), 0);
	put(self->fd, REG(CHANNEL_REG(0, IOMMU_SIM_CH_TAIL)), 17);
	EXPECT_EQ(get(self->fd, REG(status)),
		  IOMMU_SIM_CH_STATUS_HALTED | IOMMU_SIM_HALT_DOORBELL << 8);
	put(self->fd, REG(ctrl), IOMMU_SIM_CH_CTRL_RESET);
	EXPECT_EQ(get(self->fd, REG(status)), 0);
	EXPECT_EQ(get(self->fd, REG(CHANNEL_REG(0, IOMMU_SIM_CH_HEAD))), 0);
	EXPECT_EQ(get(self->fd, REG(CHANNEL_REG(0, IOMMU_SIM_CH_TAIL))), 0);
}

TEST_HARNESS_MAIN
