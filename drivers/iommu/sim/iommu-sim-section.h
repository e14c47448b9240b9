/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access sections (spec 8.3): the short stretches, interrupts off, in which a
 * device looks up an address and uses the answer. Who takes a translation or a
 * right away waits for the sections of other CPUs that began before.
 *
 * A counter per CPU is odd inside a section. Waiting never depends on the own
 * CPU, so it may be done in any context, also by an interrupt handler.
 */
#ifndef _IOMMU_SIM_SECTION_H
#define _IOMMU_SIM_SECTION_H

#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/processor.h>
#include <linux/smp.h>

struct sim_sections {
	unsigned long __percpu *seq;
};

static inline int sim_sections_init(struct sim_sections *s)
{
	/* A cache line of its own: others read it whenever they wait */
	s->seq = __alloc_percpu(SMP_CACHE_BYTES, SMP_CACHE_BYTES);
	return s->seq ? 0 : -ENOMEM;
}

static inline void sim_sections_destroy(struct sim_sections *s)
{
	free_percpu(s->seq);
}

/* Begin a section: interrupts go off, and stay so until sim_section_exit() */
static inline unsigned long sim_section_enter(struct sim_sections *s)
{
	unsigned long flags;
	unsigned long *seq;

	local_irq_save(flags);
	seq = this_cpu_ptr(s->seq);
	WRITE_ONCE(*seq, *seq + 1);
	/*
	 * Pairs with smp_mb() in sim_sections_sync(): either that sees this
	 * section, or this section sees what was stored before the wait.
	 */
	smp_mb();
	return flags;
}

static inline void sim_section_exit(struct sim_sections *s, unsigned long flags)
{
	unsigned long *seq = this_cpu_ptr(s->seq);

	/* Pairs with smp_load_acquire() in sim_sections_sync() */
	smp_store_release(seq, *seq + 1);
	local_irq_restore(flags);
}

/* sim_sections_sync() of a caller that has had a full barrier after its stores */
static inline void __sim_sections_sync(struct sim_sections *s)
{
	/*
	 * On the CPU that runs this line no section is under way, and one that
	 * begins there later sees the caller's stores, which it made there or
	 * before it came there: moving to another CPU does no harm.
	 */
	unsigned int cpu, self = raw_smp_processor_id();

	for_each_possible_cpu(cpu) {
		unsigned long *seq = per_cpu_ptr(s->seq, cpu), now;

		if (cpu == self)
			continue;
		/* Pairs with smp_store_release() in sim_section_exit() */
		now = smp_load_acquire(seq);
		if (now & 1)
			smp_cond_load_acquire(seq, VAL != now); /* likewise */
	}
}

/**
 * sim_sections_sync() - wait until earlier sections of other CPUs have ended
 * @s: the sections
 *
 * Stores made before the call are seen by every section that begins after it
 * returns, and no section that missed them still runs. Context: any but inside
 * a section of @s; does not sleep.
 */
static inline void sim_sections_sync(struct sim_sections *s)
{
	smp_mb();	/* Pairs with smp_mb() in sim_section_enter() */
	__sim_sections_sync(s);
}

#endif
