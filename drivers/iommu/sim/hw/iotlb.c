// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOTLB (spec 5): set associative, for any mix of page sizes. An entry's
 * set depends on its page number and size, so a lookup tries one set for each
 * size that was ever filled.
 *
 * Readers take no lock. They are in access sections, with interrupts off, and
 * a set's sequence count tells them to look again.
 *
 * Who fills against who invalidates:
 *
 *   filler                                invalidator
 *   token = sum of inv[]                  (tables in memory changed)
 *   smp_rmb()                             smp_mb()
 *   device table entry, walk              any of inv[]++
 *   set the size's bit in sizes           smp_mb()
 *   lock set                              for each size in sizes,
 *     read the domain's generation          for each set it may be in:
 *     smp_mb()                                lock it; drop; unlock
 *     sum of inv[] == token ? insert      or generation++
 *   unlock
 *
 * If the filler finds the sum unmoved, the invalidator's increment comes after,
 * so does its look at sizes and its turn at the set: it finds the entry. A
 * whole domain goes by its generation, which is part of the tag: the filler
 * read that before it found the sum unmoved, so the entry never matches again.
 */
#include <linux/hash.h>
#include <linux/slab.h>

#include "hw.h"

#define NR_DOMAINS	(FIELD_MAX(SIM_DTE1_DOMAIN) + 1)

/* Sets that one invalidation of a range looks at, at most */
#define MAX_DROPS	1024

struct tlb_entry {
	u64 page;		/* iova >> size_lg2 << 6 | size_lg2; 0 is empty */
	u64 tag;		/* generation << 32 | domain */
	u64 data;		/* PA, and rights in their PTE bits */
};

struct tlb_set {
	raw_spinlock_t lock;
	seqcount_raw_spinlock_t seq;
	u32 victim;
	struct tlb_entry way[];
};

static u64 page_key(u64 iova, unsigned int size_lg2)
{
	return iova >> size_lg2 << 6 | size_lg2;
}

static struct tlb_set *set_at(struct sim_tlb *tlb, u64 i)
{
	return tlb->sets + i * tlb->stride;
}

static struct tlb_set *set_of(struct sim_tlb *tlb, u64 page, u16 domain)
{
	if (!tlb->sets_lg2)
		return tlb->sets;
	return set_at(tlb, hash_64(page ^ (u64)domain << 48, tlb->sets_lg2));
}

/* What entries of @domain are tagged with now */
static u64 live_tag(struct sim_tlb *tlb, u16 domain)
{
	return (u64)(u32)atomic_read(&tlb->domain_gen[domain]) << 32 | domain;
}

/**
 * sim_tlb_init() - make an empty IOTLB
 * @tlb: the IOTLB
 * @config: its geometry
 *
 * Return: 0 or -ENOMEM.
 */
int sim_tlb_init(struct sim_tlb *tlb, const struct sim_hw_config *config)
{
	u64 i;

	tlb->sets_lg2 = config->tlb_sets_lg2;
	tlb->ways = config->tlb_ways;
	tlb->stride = ALIGN(struct_size_t(struct tlb_set, way, tlb->ways), SMP_CACHE_BYTES);
	tlb->sets = kvcalloc(BIT_ULL(tlb->sets_lg2), tlb->stride, GFP_KERNEL);
	tlb->domain_gen = kvcalloc(NR_DOMAINS, sizeof(*tlb->domain_gen), GFP_KERNEL);
	if (!tlb->sets || !tlb->domain_gen) {
		sim_tlb_destroy(tlb);
		return -ENOMEM;
	}
	for (i = 0; i < BIT_ULL(tlb->sets_lg2); i++) {
		struct tlb_set *set = set_at(tlb, i);

		raw_spin_lock_init(&set->lock);
		seqcount_raw_spinlock_init(&set->seq, &set->lock);
	}
	return 0;
}

/**
 * sim_tlb_destroy() - free an IOTLB
 * @tlb: the IOTLB; may be half made
 */
void sim_tlb_destroy(struct sim_tlb *tlb)
{
	kvfree(tlb->sets);
	kvfree(tlb->domain_gen);
	tlb->sets = NULL;
	tlb->domain_gen = NULL;
}

/* The data of (@page, @tag) in @set; false if it is not there */
static bool set_find(const struct sim_tlb *tlb, const struct tlb_set *set, u64 page, u64 tag,
		     u64 *data)
{
	unsigned int i, seq;
	bool found;

	do {
		seq = read_seqcount_begin(&set->seq);
		found = false;
		for (i = 0; i < tlb->ways && !found; i++) {
			found = set->way[i].page == page && set->way[i].tag == tag;
			*data = set->way[i].data;
		}
	} while (read_seqcount_retry(&set->seq, seq));
	return found;
}

static void set_write(struct tlb_set *set, unsigned int way, struct tlb_entry entry)
{
	write_seqcount_begin(&set->seq);
	set->way[way] = entry;
	write_seqcount_end(&set->seq);
}

/**
 * sim_tlb_lookup() - find a cached translation
 * @tlb: the IOTLB
 * @domain: domain ID
 * @iova: address
 * @data: the translation, if there is one
 *
 * Context: in an access section. Return: true if it was there.
 */
bool sim_tlb_lookup(struct sim_tlb *tlb, u16 domain, u64 iova, struct sim_tlb_data *data)
{
	unsigned long sizes = atomic64_read(&tlb->sizes);
	u64 tag = live_tag(tlb, domain), found;
	unsigned int lg2;

	for_each_set_bit(lg2, &sizes, BITS_PER_LONG) {
		u64 page = page_key(iova, lg2);

		if (!set_find(tlb, set_of(tlb, page, domain), page, tag, &found))
			continue;
		data->size_lg2 = lg2;
		data->pa = found & SIM_PTE_ADDR;
		data->rights = found & (SIM_PTE_IR | SIM_PTE_IW | SIM_PTE_D);
		return true;
	}
	return false;
}

/* None goes back, nor does what is read of it: if the sum is what it was, each is */
static u64 inv_seq(struct sim_tlb *tlb)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < SIM_TLB_SEQS; i++)
		sum += atomic64_read(&tlb->inv[i].seq);
	return sum;
}

/**
 * sim_tlb_begin() - before anything is read whose outcome is to be cached
 * @tlb: the IOTLB
 *
 * Return: what sim_tlb_fill() needs to tell whether an invalidation came in
 * between (spec 5.2).
 */
u64 sim_tlb_begin(struct sim_tlb *tlb)
{
	u64 token = inv_seq(tlb);

	/* Pairs with smp_mb__before_atomic() in inv_begin() */
	smp_rmb();
	return token;
}

/* Not in use, or of a domain that has been flushed since */
static bool is_free(struct sim_tlb *tlb, const struct tlb_entry *entry)
{
	return !entry->page || entry->tag != live_tag(tlb, entry->tag);
}

/* The same page's way, else a free one, else the next in turn */
static unsigned int pick_way(struct iommu_sim_hw *hw, struct tlb_set *set, u64 page, u64 tag)
{
	unsigned int i, free = hw->tlb.ways;

	for (i = 0; i < hw->tlb.ways; i++) {
		if (set->way[i].page == page && set->way[i].tag == tag)
			return i;
		if (is_free(&hw->tlb, &set->way[i]))
			free = i;
	}
	if (free < hw->tlb.ways)
		return free;
	sim_hw_stat(hw, SIM_STAT_TLB_EVICTIONS);
	return set->victim++ % hw->tlb.ways;
}

/**
 * sim_tlb_fill() - cache what a walk found
 * @hw: the instance
 * @token: from sim_tlb_begin(), taken before the device table entry was read
 * @domain: domain ID
 * @iova: an address in the page
 * @data: the translation
 *
 * Context: in an access section.
 */
void sim_tlb_fill(struct iommu_sim_hw *hw, u64 token, u16 domain, u64 iova,
		  const struct sim_tlb_data *data)
{
	struct sim_tlb *tlb = &hw->tlb;
	struct tlb_entry entry = {
		.page = page_key(iova, data->size_lg2),
		.data = data->pa | data->rights,
	};
	struct tlb_set *set = set_of(tlb, entry.page, domain);

	if (!(atomic64_read(&tlb->sizes) & BIT_ULL(data->size_lg2)))
		atomic64_or(BIT_ULL(data->size_lg2), &tlb->sizes);

	raw_spin_lock(&set->lock);
	entry.tag = live_tag(tlb, domain);
	/* See the table above; pairs with smp_mb__after_atomic() in inv_begin() */
	smp_mb();
	if (inv_seq(tlb) == token) {
		set_write(set, pick_way(hw, set, entry.page, entry.tag), entry);
		sim_hw_stat(hw, SIM_STAT_TLB_FILLS);
	} else {
		sim_hw_stat(hw, SIM_STAT_TLB_FILLS_DROPPED);
	}
	raw_spin_unlock(&set->lock);
}

static void inv_begin(struct sim_tlb *tlb)
{
	/* Pairs with smp_rmb() in sim_tlb_begin() */
	smp_mb__before_atomic();
	/* Any will do. With one of its own, a CPU does not wait for the others */
	atomic64_inc(&tlb->inv[raw_smp_processor_id() % SIM_TLB_SEQS].seq);
	/* Pairs with smp_mb() in sim_tlb_fill() */
	smp_mb__after_atomic();
}

/* Whether an entry overlaps [@iova, @last] */
static bool overlaps(const struct tlb_entry *entry, u64 iova, u64 last)
{
	unsigned int lg2 = entry->page & 63;
	u64 page = entry->page >> 6;

	return page >= iova >> lg2 && page <= last >> lg2;
}

static void drop(struct iommu_sim_hw *hw, struct tlb_set *set, u16 domain, u64 iova, u64 last)
{
	static const struct tlb_entry empty;
	unsigned int i;

	raw_spin_lock(&set->lock);
	for (i = 0; i < hw->tlb.ways; i++) {
		struct tlb_entry *entry = &set->way[i];

		if (!entry->page || (u16)entry->tag != domain || !overlaps(entry, iova, last))
			continue;
		set_write(set, i, empty);
		sim_hw_stat(hw, SIM_STAT_TLB_INVALIDATED);
	}
	raw_spin_unlock(&set->lock);
}

static void drop_in_all_sets(struct iommu_sim_hw *hw, u16 domain, u64 iova, u64 last)
{
	u64 i;

	for (i = 0; i < BIT_ULL(hw->tlb.sets_lg2); i++)
		drop(hw, set_at(&hw->tlb, i), domain, iova, last);
}

/* In constant time, but for once in 2^32 times */
static void drop_domain(struct iommu_sim_hw *hw, u16 domain)
{
	/* Generations that come round might match an entry of long ago */
	if (!atomic_inc_return(&hw->tlb.domain_gen[domain]))
		drop_in_all_sets(hw, domain, 0, U64_MAX);
}

/**
 * sim_tlb_invalidate() - drop translations
 * @hw: the instance
 * @domain: domain ID
 * @iova: first address
 * @last: last address
 *
 * Drops the whole domain if the range would take too long with interrupts off.
 * Context: any, interrupts off.
 */
void sim_tlb_invalidate(struct iommu_sim_hw *hw, u16 domain, u64 iova, u64 last)
{
	u64 i, nr_sets = BIT_ULL(hw->tlb.sets_lg2), probes = 0;
	struct sim_tlb *tlb = &hw->tlb;
	unsigned long sizes;
	unsigned int lg2;

	inv_begin(tlb);
	sizes = atomic64_read(&tlb->sizes);
	for_each_set_bit(lg2, &sizes, BITS_PER_LONG)
		probes += min((last >> lg2) - (iova >> lg2) + 1, nr_sets);
	if (min(probes, nr_sets) > MAX_DROPS || (!iova && last == U64_MAX)) {
		drop_domain(hw, domain);
		return;
	}
	if (probes >= nr_sets) {
		drop_in_all_sets(hw, domain, iova, last);
		return;
	}
	for_each_set_bit(lg2, &sizes, BITS_PER_LONG)
		for (i = iova >> lg2; i <= last >> lg2; i++)
			drop(hw, set_of(tlb, page_key(i << lg2, lg2), domain), domain, iova, last);
}

/**
 * sim_tlb_invalidate_all() - drop all translations
 * @hw: the instance
 *
 * Context: any, interrupts off.
 */
void sim_tlb_invalidate_all(struct iommu_sim_hw *hw)
{
	static const struct tlb_entry empty;
	unsigned int way;
	u64 i;

	inv_begin(&hw->tlb);
	for (i = 0; i < BIT_ULL(hw->tlb.sets_lg2); i++) {
		struct tlb_set *set = set_at(&hw->tlb, i);

		raw_spin_lock(&set->lock);
		for (way = 0; way < hw->tlb.ways; way++)
			set_write(set, way, empty);
		raw_spin_unlock(&set->lock);
	}
}
