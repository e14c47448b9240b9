// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run of the kernel's dma_map_benchmark on the device that is bound to it:
 *
 *	dma_map_benchmark_run PAGES THREADS SECONDS [sg]
 *
 * Prints "MAP UNMAP": the mean times in nanoseconds, in steps of 100.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * linux/map_benchmark.h is not for user space in 6.12, and has map_mode only
 * since 6.19; before, that byte was ignored.
 */
struct map_benchmark {
	uint64_t avg_map_100ns;
	uint64_t map_stddev;
	uint64_t avg_unmap_100ns;
	uint64_t unmap_stddev;
	uint32_t threads;
	uint32_t seconds;
	int32_t node;
	uint32_t dma_bits;
	uint32_t dma_dir;
	uint32_t dma_trans_ns;
	uint32_t granule;
	uint8_t map_mode;
	uint8_t expansion[75];
};

#define DMA_MAP_BENCHMARK	_IOWR('d', 1, struct map_benchmark)
#define DMA_MAP_TO_DEVICE	1

int main(int argc, char **argv)
{
	struct map_benchmark map = {
		.node = -1,
		.dma_bits = 32,
		.dma_dir = DMA_MAP_TO_DEVICE,
	};
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: dma_map_benchmark_run PAGES THREADS SECONDS [sg]\n");
		return 2;
	}
	map.granule = atoi(argv[1]);
	map.threads = atoi(argv[2]);
	map.seconds = atoi(argv[3]);
	map.map_mode = argc > 4 && !strcmp(argv[4], "sg");

	fd = open("/sys/kernel/debug/dma_map_benchmark", O_RDWR);
	if (fd < 0) {
		perror("/sys/kernel/debug/dma_map_benchmark");
		return 1;
	}
	if (ioctl(fd, DMA_MAP_BENCHMARK, &map)) {
		perror("DMA_MAP_BENCHMARK");
		return 1;
	}
	printf("%llu %llu\n", (unsigned long long)map.avg_map_100ns * 100,
	       (unsigned long long)map.avg_unmap_100ns * 100);
	close(fd);
	return 0;
}
