// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes every byte of an endpoint's configuration space with every value, in
 * accesses of 1, 2 and 4 bytes each, and checks that what is read only stays. Run by
 * config_fuzz.sh, which knows what the device is doing meanwhile.
 *
 *	config_fuzz_writer DEVICE [STEP]
 *
 * STEP: of the values, only every STEP-th; 1 is all of them.
 *
 * The masks are written from the PCI specifications and hardware.rst, section
 * 10, in numbers, as a check of the tables in the module.
 */
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#define SIZE		4096
#define DWORDS		(SIZE / 4)
#define CHANNEL_0	0x180
#define CHANNEL_STRIDE	0x40

/* Bits that a write may change, or that change by themselves */
static const struct {
	unsigned int offset;
	uint32_t bits;
} masks[] = {
	{ 0x004, 0x00000544 },	/* bus master, parity, SERR, INTx disable */
	{ 0x00c, 0x000000ff },	/* cache line size */
	{ 0x03c, 0x000000ff },	/* interrupt line */
	{ 0x044, 0x00000003 },	/* power state */
	{ 0x050, 0x00710000 },	/* MSI enable, multiple messages */
	{ 0x054, 0xfffffffc },	/* MSI address */
	{ 0x058, 0xffffffff },
	{ 0x05c, 0x0000ffff },	/* MSI data */
	{ 0x078, 0x000078ff },	/* device control; FLR reads as 0 */
	{ 0x104, 0x801f0000 },	/* ATS enable, smallest translation unit */
	{ 0x114, 0x01000001 },	/* PRI enable; stopped, a status */
	{ 0x11c, 0xffffffff },	/* PRI allocation */
	{ 0x124, 0x00070000 },	/* PASID enable, execute, privileged */
}, channel_masks[] = {
	{ 0x00, 0x00001f05 },	/* CTRL */
	{ 0x04, 0x0000ff03 },	/* STATUS, all of it */
	{ 0x08, 0xffffffff },	/* rings */
	{ 0x0c, 0xffffffff },
	{ 0x10, 0xffffffff },
	{ 0x14, 0xffffffff },
	{ 0x18, 0xffffffff },	/* ring size */
	{ 0x1c, 0x800fffff },	/* PASID */
	{ 0x20, 0xffffffff },	/* TAIL */
	{ 0x24, 0xffffffff },	/* HEAD, all of it */
	{ 0x28, 0xffffffff },	/* ERRORS, all of it */
};

static uint32_t initial[DWORDS], may_change[DWORDS];
static unsigned long writes, wrong;

static uint32_t get(int fd, unsigned int offset)
{
	uint32_t value = 0;

	if (pread(fd, &value, sizeof(value), offset) != sizeof(value)) {
		perror("read");
		exit(1);
	}
	return le32toh(value);
}

static void check(int fd, unsigned int offset, unsigned int width, uint32_t value)
{
	unsigned int dword = offset / 4;
	uint32_t now = get(fd, dword * 4);

	if (!((now ^ initial[dword]) & ~may_change[dword]))
		return;
	if (wrong++ < 20)
		printf("# %#05x is %#010x, was %#010x, after a write of %#x, %u bytes, to %#05x\n",
		       dword * 4, now, initial[dword], value, width, offset);
}

static void put(int fd, unsigned int offset, unsigned int width, uint32_t value)
{
	uint32_t raw = htole32(value);

	writes++;
	if (pwrite(fd, &raw, width, offset) != (ssize_t)width) {
		perror("write");
		exit(1);
	}
}

/* Each byte takes every value: an odd factor only changes their order */
static uint32_t spread(uint8_t value)
{
	return value | (uint8_t)(value * 0xb9) << 8 | (uint8_t)(value * 0x4d) << 16 |
	       (uint32_t)(uint8_t)(value * 0x95) << 24;
}

static void fuzz(int fd, unsigned int offset, unsigned int width, unsigned int step)
{
	unsigned int value;

	for (value = 0; value < 256; value += step) {
		put(fd, offset, width, spread(value));
		/* Of others two are enough: all zeroes, and at the end ones */
		if (may_change[offset / 4] || !value)
			check(fd, offset, width, value);
	}
	check(fd, offset, width, 0xff);
}

int main(int argc, char **argv)
{
	unsigned int step = argc > 2 ? atoi(argv[2]) : 1;
	unsigned int i, channel, channels, width;
	char path[PATH_MAX];
	int fd;

	if (argc < 2 || !step) {
		fprintf(stderr, "usage: config_fuzz_writer DEVICE [STEP]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", argv[1]);
	fd = open(path, O_RDWR);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	for (i = 0; i < DWORDS; i++)
		initial[i] = get(fd, i * 4);
	for (i = 0; i < ARRAY_SIZE(masks); i++)
		may_change[masks[i].offset / 4] = masks[i].bits;
	channels = initial[0x14c / 4] & 0xff;
	for (channel = 0; channel < channels; channel++)
		for (i = 0; i < ARRAY_SIZE(channel_masks); i++)
			may_change[(CHANNEL_0 + channel * CHANNEL_STRIDE +
				    channel_masks[i].offset) / 4] = channel_masks[i].bits;

	for (width = 1; width <= 4; width *= 2)
		for (i = 0; i < SIZE; i += width)
			fuzz(fd, i, width, step);
	/* And nothing that a write to somewhere else has changed */
	for (i = 0; i < SIZE; i += 4)
		check(fd, i, 0, 0);
	printf("# %lu writes, %lu times a read-only bit had changed\n", writes, wrong);
	close(fd);
	return wrong ? 1 : 0;
}
