/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Benchmarks: what their files share. To add a group of rows, write a function
 * and put it into the table of main.c; Documentation/iommu-sim/benchmarks.rst
 * says how a row is measured.
 */
#ifndef _IOMMU_SIM_BENCH_H
#define _IOMMU_SIM_BENCH_H

#include <linux/iommu.h>
#include <linux/types.h>

struct iommu_sim_hw;
struct pci_dev;

/* Names of variants that the report knows */
#define BENCH_OURS	"ours"
#define BENCH_FLOOR	"floor"

/* Calls between two reads of the clock, which ticks every few ns only */
#define BENCH_CALLS	16

/* As many as can be kept for each row and variant */
#define BENCH_MAX_SAMPLES	8192

/* Memory that is mapped need not exist: nothing accesses it */
#define BENCH_PROT	(IOMMU_READ | IOMMU_WRITE)
#define BENCH_PA	0x2596a5a5b000ULL

/**
 * struct bench_samples - times of one row and variant
 * @cycles: of the time stamp counter, for each sample
 * @nr: how many
 */
struct bench_samples {
	u64 *cycles;
	unsigned int nr;
};

/**
 * struct bench_variant - an implementation of page tables
 * @name: how the report calls it
 * @alloc: makes an empty domain, or an ERR_PTR()
 * @free: frees it
 * @table_bytes: memory that @domain's tables take, the root included; %NULL if
 *               that cannot be told
 * @real: translates what was mapped; floors do not
 */
struct bench_variant {
	const char *name;
	struct iommu_domain *(*alloc)(void);
	void (*free)(struct iommu_domain *domain);
	unsigned long (*table_bytes)(struct iommu_domain *domain);
	bool real;
};

#define BENCH_NR_PEERS		4
#define BENCH_NR_FLOORS		2
#define BENCH_NR_VARIANTS	(1 + BENCH_NR_PEERS + BENCH_NR_FLOORS)

/**
 * struct bench_thread - a thread of bench_parallel()
 * @id: 0 or 1
 * @progress: bench_tick() counts here; read by the other thread
 */
struct bench_thread {
	unsigned int id;
	u64 progress ____cacheline_aligned_in_smp;
};

/**
 * struct bench_work - what the threads of bench_parallel() do
 * @sample: what is timed; gets the number of the series. Calls bench_tick() for
 *          each operation.
 * @nr_series: what is timed apart, in turns; at most BENCH_MAX_SERIES
 * @arg: for @sample
 */
struct bench_work {
	void (*sample)(struct bench_thread *thread, void *arg, unsigned int series);
	unsigned int nr_series;
	void *arg;
};

#define BENCH_MAX_SERIES	3

/*
 * The instructions before have ended, and those after have not begun: what is
 * timed is all that lies between, and nothing else.
 */
static __always_inline u64 bench_tsc(void)
{
	u32 low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
}

/* Where, and what, to map in pages of BIT(@size_lg2): both fit no larger one together */
static inline phys_addr_t bench_pa(unsigned int size_lg2)
{
	return BENCH_PA & ~(BIT_ULL(size_lg2) - 1);
}

static inline dma_addr_t bench_iova(unsigned int size_lg2)
{
	return ~bench_pa(size_lg2) & BIT_ULL(size_lg2);
}

static inline void bench_samples_add(struct bench_samples *samples, u64 cycles)
{
	if (samples->nr < BENCH_MAX_SAMPLES)
		samples->cycles[samples->nr++] = cycles;
}

static inline void bench_tick(struct bench_thread *thread)
{
	WRITE_ONCE(thread->progress, thread->progress + 1);
}

/**
 * BENCH() - time a statement
 * @_samples: &struct bench_samples, which gets @_batches more
 * @_batches: how many samples
 * @_calls: how often the statement is executed for each
 * @_statement: what is timed
 *
 * Two batches before those are for the caches.
 */
#define BENCH(_samples, _batches, _calls, _statement) do {		\
	unsigned int _batch, _call, _nr = (_calls);			\
	struct bench_samples *_to = (_samples);				\
									\
	for (_batch = 0; _batch < (_batches) + 2; _batch++) {		\
		u64 _start = bench_tsc();				\
									\
		for (_call = 0; _call < _nr; _call++)			\
			_statement;					\
		_start = bench_tsc() - _start;				\
		if (_batch >= 2)					\
			bench_samples_add(_to, _start);			\
	}								\
} while (0)

/* bench/main.c */
bool bench_wanted(const char *id);
void bench_shuffle(u32 *order, unsigned int len, unsigned int nr);
int bench_samples_init(struct bench_samples *samples);
void bench_samples_destroy(struct bench_samples *samples);
void bench_report(const char *id, const char *variant, struct bench_samples *samples,
		  unsigned int calls);
void bench_report_value(const char *id, const char *variant, const char *unit, u64 value);
void bench_report_unsupported(const char *id, const char *variant);

/* bench/threads.c */
int bench_parallel(const struct bench_work *work, unsigned int nr_threads,
		   struct bench_samples *series);

/* bench/ours.c */
extern const struct bench_variant bench_ours;
struct iommu_domain *bench_explicit_alloc(void);
int bench_endpoint_init(void);
void bench_endpoint_exit(void);
int bench_endpoint_attach(struct iommu_domain *domain, bool ats);
struct pci_dev *bench_endpoint(void);
struct iommu_sim_hw *bench_endpoint_hw(void);
void bench_endpoint_detach(struct iommu_domain *domain);
int bench_endpoint_read(u64 iova, u64 *value);

/* bench/peers.c */
extern const struct bench_variant bench_peers[BENCH_NR_PEERS];
int bench_peers_init(void);
void bench_peers_exit(void);

/* bench/floor.c */
extern const struct bench_variant bench_floors[BENCH_NR_FLOORS];
int bench_floor(void);

/* bench/pt.c */
extern const struct bench_variant *const bench_variants[BENCH_NR_VARIANTS];
int bench_pt(void);

/* bench/pt_lookup.c */
int bench_pt_lookup(void);

/* bench/pt_memory.c */
int bench_pt_memory(void);

/* bench/pt_scale.c */
int bench_pt_scale(void);

/* bench/iotlb.c */
int bench_iotlb(void);

/* bench/commit.c */
int bench_commit(void);

/* bench/dma.c */
int bench_dma(void);

#endif
