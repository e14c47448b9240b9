// SPDX-License-Identifier: GPL-2.0-only
/*
 * A set associative cache of translations of any mix of page sizes (spec 5). An
 * entry's set depends on its page, size and tag, so a lookup tries one set for
 * each size that was ever filled.
 *
 * A set of four entries is one cache line:
 *
 *   keys		ways x 8 bytes	page number and size, low bits of the tag
 *   values		ways x 7 bytes	frame number, rights, high bits of the tag,
 *					as arrays of 4, 2 and 1 bytes
 *   sequence		4 bytes		odd while the set is written to
 *
 * The sequence is the writers' lock, too. Readers take none: they are in access
 * sections, with interrupts off, and look again if it has moved.
 *
 * Who fills against who invalidates:
 *
 *   filler                                invalidator
 *   token = generation                    (tables in memory changed)
 *   smp_rmb()                             generation++
 *   device table entry, walk              smp_mb()
 *   set the size's bit in sizes           for each size in sizes,
 *   tag                                     for each set it may be in:
 *   lock the set                              look at the keys, without a lock
 *     store the key                           if one matches: lock, drop, unlock
 *     smp_mb()                            or take the tag away
 *     generation == token ?
 *       store the rest, or clear the key
 *   unlock
 *
 * If the filler finds the generation unmoved, the invalidator's increment comes
 * after, and so does its look at sizes and at the set: it finds the key, and
 * waits for the lock. Else the entry is gone before the set is unlocked, so no
 * reader ever sees it. Tags: see tags.c.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/slab.h>

#include "compat.h"
#include "tlb.h"

/* Sets that one invalidation of a range looks at, at most */
#define MAX_PROBES	4096

/* Of a key: the page number doubled, with a bit set below it that tells the size */
#define KEY_TAG		GENMASK_ULL(10, 0)
#define KEY_PAGE_SHIFT	11

#define VALUE_FRAME	GENMASK_ULL(39, 0)
#define VALUE_RW	GENMASK_ULL(41, 40)
#define VALUE_D		BIT_ULL(42)
#define VALUE_TAG	GENMASK_ULL(55, 43)
#define VALUE_FOUND	BIT_ULL(63)	/* in no entry */

static_assert(SIM_TLB_TAG_BITS == 11 + 13);

/* What fits a cache line; code that is hot is made for this, and once more for others */
#define LINE_WAYS	4
#define SET_LINE	64

static_assert(ALIGN(15 * LINE_WAYS, 4) + 4 == SET_LINE);

struct tlb_set {
	u64 *key;
	u32 *low;
	u16 *mid;
	u8 *high;
	u32 *seq;
};

static u64 make_value(const struct sim_tlb_data *data, u32 tag)
{
	return data->pa >> SIM_PAGE_LG2 |
	       FIELD_PREP(VALUE_RW, FIELD_GET(SIM_PTE_IR | SIM_PTE_IW, data->rights)) |
	       FIELD_PREP(VALUE_D, FIELD_GET(SIM_PTE_D, data->rights)) |
	       FIELD_PREP(VALUE_TAG, tag >> 11);
}

static __always_inline u64 value_rights(u64 value)
{
	return FIELD_PREP(SIM_PTE_IR | SIM_PTE_IW, FIELD_GET(VALUE_RW, value)) |
	       FIELD_PREP(SIM_PTE_D, FIELD_GET(VALUE_D, value));
}

static unsigned int seq_offset(unsigned int ways)
{
	return ALIGN(15 * ways, sizeof(u32));
}

static __always_inline struct tlb_set set_at(const struct sim_tlb *tlb, unsigned long i,
					     unsigned int ways)
{
	/* Known where @ways is */
	unsigned int stride = ways == LINE_WAYS ? SET_LINE : tlb->stride;
	void *set = tlb->sets + i * stride;

	return (struct tlb_set) {
		.key = set,
		.low = set + 8 * ways,
		.mid = set + 12 * ways,
		.high = set + 14 * ways,
		.seq = set + seq_offset(ways),
	};
}

static __always_inline u64 make_key(u64 iova, unsigned int size_lg2, u32 tag)
{
	u64 page = iova >> SIM_PAGE_LG2 << 1, size = BIT_ULL(size_lg2 - SIM_PAGE_LG2);

	return ((page & -(size << 1)) | size) << KEY_PAGE_SHIFT | (tag & KEY_TAG);
}

static unsigned int key_lg2(u64 key)
{
	return __ffs64(key >> KEY_PAGE_SHIFT) + SIM_PAGE_LG2;
}

static u64 key_iova(u64 key)
{
	u64 page = key >> KEY_PAGE_SHIFT;

	return (page & (page - 1)) >> 1 << SIM_PAGE_LG2;
}

static __always_inline unsigned long hash_key(const struct sim_tlb *tlb, u64 key)
{
	/* Large pages differ in high bits only, which a product takes up too few of */
	key ^= key >> 29;
	return key * GOLDEN_RATIO_64 >> 1 >> tlb->shift;
}

static __always_inline u64 get_value(const struct tlb_set *set, unsigned int way)
{
	return READ_ONCE(set->low[way]) | (u64)READ_ONCE(set->mid[way]) << 32 |
	       (u64)READ_ONCE(set->high[way]) << 48;
}

static void put_value(const struct tlb_set *set, unsigned int way, u64 value)
{
	WRITE_ONCE(set->low[way], value);
	WRITE_ONCE(set->mid[way], value >> 32);
	WRITE_ONCE(set->high[way], value >> 48);
}

/* Interrupts are off; nobody holds two */
static void lock_set(const struct tlb_set *set)
{
	u32 seq = READ_ONCE(*set->seq) & ~1U;

	/* Orders what follows after it, too */
	while (!try_cmpxchg(set->seq, &seq, seq + 1)) {
		cpu_relax();
		seq &= ~1U;
	}
}

static void unlock_set(const struct tlb_set *set)
{
	/* Pairs with smp_load_acquire() in read_begin(), and with the next lock_set() */
	smp_store_release(set->seq, *set->seq + 1);
}

static __always_inline u32 read_begin(const struct tlb_set *set)
{
	u32 seq;

	/* Pairs with smp_store_release() in unlock_set() */
	while (unlikely((seq = smp_load_acquire(set->seq)) & 1))
		cpu_relax();
	return seq;
}

static __always_inline bool read_retry(const struct tlb_set *set, u32 seq)
{
	/* Pairs with the order of lock_set() and the stores that follow it */
	smp_rmb();
	return unlikely(READ_ONCE(*set->seq) != seq);
}

/**
 * sim_tlb_init() - make an empty cache
 * @tlb: the cache
 * @group: what it is invalidated with
 * @config: its geometry
 * @stats: the number of its first counter
 *
 * Return: 0 or -ENOMEM; to be undone by sim_tlb_destroy() in either case.
 */
int sim_tlb_init(struct sim_tlb *tlb, struct sim_tlb_group *group,
		 const struct sim_tlb_config *config, unsigned int stats)
{
	unsigned long i, nr_sets = BIT(config->sets_lg2);
	unsigned int size;

	tlb->config = *config;
	tlb->stats = stats;
	tlb->group = group;
	if (!sim_tlb_exists(tlb))
		return 0;
	size = seq_offset(config->ways) + sizeof(u32);
	tlb->stride = size > SET_LINE ? ALIGN(size, SET_LINE) : roundup_pow_of_two(size);
	tlb->shift = 63 - config->sets_lg2;
	/* What is larger than a page begins at one */
	tlb->sets = kvzalloc(max(nr_sets * tlb->stride, PAGE_SIZE), GFP_KERNEL);
	tlb->order = kvcalloc(nr_sets, sizeof(*tlb->order), GFP_KERNEL);
	if (!tlb->sets || !tlb->order || sim_tags_init(&tlb->tags, BIT(config->domains_lg2)))
		return -ENOMEM;
	for (i = 0; i < nr_sets; i++)
		tlb->order[i] = sim_tlb_order_init(config->policy, config->ways, i);
	return 0;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_init);

/**
 * sim_tlb_destroy() - free a cache
 * @tlb: the cache; may be half made
 */
void sim_tlb_destroy(struct sim_tlb *tlb)
{
	kvfree(tlb->sets);
	kvfree(tlb->order);
	sim_tags_destroy(&tlb->tags);
	tlb->sets = NULL;
	tlb->order = NULL;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_destroy);

/* Bit n: way n has this key. No branch for each, which would cost more. */
static __always_inline unsigned int match_keys(const struct tlb_set *set, u64 key,
					       unsigned int ways)
{
	unsigned int i, match = 0;

	if (ways == LINE_WAYS)
		return (READ_ONCE(set->key[0]) == key) | (READ_ONCE(set->key[1]) == key) << 1 |
		       (READ_ONCE(set->key[2]) == key) << 2 | (READ_ONCE(set->key[3]) == key) << 3;
	for (i = 0; i < ways; i++)
		match |= (READ_ONCE(set->key[i]) == key) << i;
	return match;
}

/* The value of @key with VALUE_FOUND, or 0 */
static __always_inline u64 find(struct sim_tlb *tlb, u64 key, u32 tag, unsigned int ways)
{
	unsigned long i = hash_key(tlb, key);
	struct tlb_set set = set_at(tlb, i, ways);
	unsigned int match;
	u64 value = 0;
	u32 seq;

	do {
		seq = read_begin(&set);
		match = match_keys(&set, key, ways);
		if (match)
			value = get_value(&set, __ffs(match));
	} while (read_retry(&set, seq));
	if (!match || FIELD_GET(VALUE_TAG, value) != tag >> 11)
		return 0;
	if (tlb->config.policy)
		sim_tlb_used(tlb->config.policy, &tlb->order[i], ways, __ffs(match));
	return value | VALUE_FOUND;
}

static noinline u64 find_any(struct sim_tlb *tlb, u64 key, u32 tag)
{
	return find(tlb, key, tag, tlb->config.ways);
}

/**
 * sim_tlb_lookup() - find a cached translation
 * @tlb: the cache
 * @space: what the address belongs to
 * @iova: address
 * @data: the translation, if there is one; of several sizes the smallest
 *
 * Context: in an access section. Return: true if it was there.
 */
bool sim_tlb_lookup(struct sim_tlb *tlb, struct sim_space space, u64 iova,
		    struct sim_tlb_data *data)
{
	unsigned long sizes = atomic64_read(&tlb->sizes);
	u32 tag = sizes ? sim_tag_find(&tlb->tags, space) : 0;
	unsigned int lg2;
	u64 value, key;

	if (!tag)
		return false;
	for (; sizes; sizes &= sizes - 1) {
		lg2 = __ffs(sizes);
		key = make_key(iova, lg2, tag);
		value = likely(tlb->config.ways == LINE_WAYS) ?
			find(tlb, key, tag, LINE_WAYS) : find_any(tlb, key, tag);
		if (!value)
			continue;
		data->size_lg2 = lg2;
		data->pa = FIELD_GET(VALUE_FRAME, value) << SIM_PAGE_LG2;
		data->rights = value_rights(value);
		return true;
	}
	return false;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_lookup);

/* None goes back, nor does what is read of it: if the sum is what it was, each is */
static u64 generation(struct sim_tlb_group *group)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < SIM_TLB_SEQS; i++)
		sum += atomic64_read(&group->seq[i].seq);
	return sum;
}

/**
 * sim_tlb_begin() - before anything is read whose outcome is to be cached
 * @group: the caches
 *
 * Return: what sim_tlb_fill() needs to tell whether an invalidation came in
 * between (spec 5.2).
 */
u64 sim_tlb_begin(struct sim_tlb_group *group)
{
	u64 token = generation(group);

	/* Pairs with the barriers in sim_tlb_invalidate_begin() */
	smp_rmb();
	return token;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_begin);

static void count(const struct sim_tlb *tlb, enum sim_tlb_stat i)
{
	lockdep_assert_irqs_disabled();
	sim_stat_inc_hot(tlb->group->stats, tlb->stats + i);
}

/* The same page's way, also if that is tagged otherwise, else a free one, else another */
static unsigned int pick_way(struct sim_tlb *tlb,
			     const struct tlb_set *set, unsigned long index, u64 key)
{
	unsigned int ways = tlb->config.ways, match = match_keys(set, key, ways);

	if (!match)
		match = match_keys(set, 0, ways);
	if (match)
		return __ffs(match);
	count(tlb, SIM_TLB_EVICTIONS);
	return sim_tlb_victim(tlb->config.policy, &tlb->order[index], ways);
}

#define MAX_WAIT_US	100

/* For who wants to see the race lost: it is narrow */
static noinline void wait_to_be_overtaken(struct sim_tlb_group *group, u64 token)
{
	unsigned int us;

	for (us = 0; us < MAX_WAIT_US && generation(group) == token; us++)
		udelay(1);
}

/**
 * sim_tlb_fill() - cache what a walk found
 * @tlb: the cache
 * @token: from sim_tlb_begin(), taken before the device table entry was read
 * @space: what the address belongs to
 * @iova: an address in the page
 * @data: the translation
 *
 * Context: in an access section.
 */
void sim_tlb_fill(struct sim_tlb *tlb, u64 token, struct sim_space space, u64 iova,
		  const struct sim_tlb_data *data)
{
	struct sim_tlb_group *group = tlb->group;
	unsigned long index;
	struct tlb_set set;
	unsigned int way;
	u64 key;
	u32 tag;

	if (!sim_tlb_exists(tlb))
		return;
	tag = sim_tag_get(&tlb->tags, space);
	if (!tag)
		return;
	if (!(atomic64_read(&tlb->sizes) & BIT_ULL(data->size_lg2)))
		atomic64_or(BIT_ULL(data->size_lg2), &tlb->sizes);
	key = make_key(iova, data->size_lg2, tag);
	index = hash_key(tlb, key);
	set = set_at(tlb, index, tlb->config.ways);

	if (sim_inject_any() && READ_ONCE(group->inject->point[group->race].armed))
		wait_to_be_overtaken(group, token);
	lock_set(&set);
	way = pick_way(tlb, &set, index, key);
	WRITE_ONCE(set.key[way], key);
	/* See the table above; pairs with smp_mb__after_atomic() in sim_tlb_invalidate_begin() */
	smp_mb();
	if (generation(group) == token ||
	    sim_inject(group->inject, group->race, group->device, iova, iova)) {
		put_value(&set, way, make_value(data, tag));
		sim_tlb_used(tlb->config.policy, &tlb->order[index], tlb->config.ways, way);
		count(tlb, SIM_TLB_FILLS);
	} else {
		WRITE_ONCE(set.key[way], 0);
		count(tlb, SIM_TLB_FILLS_DROPPED);
	}
	unlock_set(&set);
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_fill);

/**
 * __sim_tlb_recycle() - all tags have been given out: begin again
 * @tlb: the cache
 *
 * Waits until nobody may still use one. Context: as sim_tlb_recycle().
 */
void __sim_tlb_recycle(struct sim_tlb *tlb)
{
	raw_spin_lock(&tlb->group->lock);
	if (sim_tags_used_up(&tlb->tags)) {
		/* Who got one of the last has installed it ... */
		sim_sections_sync(tlb->group->sections);
		sim_tags_drop_all(&tlb->tags);
		/* ... and who found one has used it */
		sim_sections_sync(tlb->group->sections);
		sim_tlb_invalidate_all(tlb);
		sim_tags_restart(&tlb->tags);
	}
	raw_spin_unlock(&tlb->group->lock);
}
EXPORT_SYMBOL_SIM_CACHE(__sim_tlb_recycle);

/**
 * sim_tlb_invalidate_begin() - before anything is dropped
 * @group: the caches
 *
 * From here on, nothing is cached that was read before. A full barrier.
 * Context: any, interrupts off.
 */
void sim_tlb_invalidate_begin(struct sim_tlb_group *group)
{
	/* Pairs with smp_rmb() in sim_tlb_begin() */
	smp_mb__before_atomic();
	/* Any will do. With one of its own, a CPU does not wait for the others */
	atomic64_inc(&group->seq[raw_smp_processor_id() % SIM_TLB_SEQS].seq);
	/* Pairs with smp_mb() in sim_tlb_fill() */
	smp_mb__after_atomic();
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_invalidate_begin);

/* Whether the page of @key overlaps [@iova, @last] */
static bool overlaps(u64 key, u64 iova, u64 last)
{
	u64 first = key_iova(key);

	return first <= last && (first | (BIT_ULL(key_lg2(key)) - 1)) >= iova;
}

/* Drops what is tagged with @tag and overlaps; returns whether there was any */
static __always_inline bool drop(struct sim_tlb *tlb, unsigned long index,
				 u32 tag, u64 iova, u64 last, unsigned int ways)
{
	struct tlb_set set = set_at(tlb, index, ways);
	unsigned int i, match = 0;

	for (i = 0; i < ways; i++) {
		u64 key = READ_ONCE(set.key[i]);

		if (key && !((key ^ tag) & KEY_TAG) && overlaps(key, iova, last))
			match |= BIT(i);
	}
	if (likely(!match))
		return false;
	lock_set(&set);
	for (i = 0; i < ways; i++) {
		u64 key = set.key[i];

		if (!key || (key ^ tag) & KEY_TAG || !overlaps(key, iova, last) ||
		    FIELD_GET(VALUE_TAG, get_value(&set, i)) != tag >> 11)
			continue;
		WRITE_ONCE(set.key[i], 0);
		count(tlb, SIM_TLB_INVALIDATED);
	}
	unlock_set(&set);
	return true;
}

static bool drop_in_all_sets(struct sim_tlb *tlb, u32 tag, u64 iova,
			     u64 last)
{
	bool dropped = false;
	unsigned long i;

	for (i = 0; i < BIT(tlb->config.sets_lg2); i++)
		dropped |= drop(tlb, i, tag, iova, last, tlb->config.ways);
	return dropped;
}

/* Where it can only be in the sets of its size */
static bool drop_by_size(struct sim_tlb *tlb, unsigned long sizes,
			 u32 tag, u64 iova, u64 last)
{
	bool dropped = false;
	u64 page;

	for (; sizes; sizes &= sizes - 1) {
		unsigned int lg2 = __ffs(sizes);

		for (page = iova >> lg2; page <= last >> lg2; page++) {
			unsigned long set = hash_key(tlb, make_key(page << lg2, lg2, tag));

			if (likely(tlb->config.ways == LINE_WAYS))
				dropped |= drop(tlb, set, tag, iova, last, LINE_WAYS);
			else
				dropped |= drop(tlb, set, tag, iova, last, tlb->config.ways);
		}
	}
	return dropped;
}

/* Sets that a range has to be looked for in, without a tag */
static u64 probes_of(const struct sim_tlb *tlb, unsigned long sizes, u64 iova, u64 last)
{
	u64 nr_sets = BIT_ULL(tlb->config.sets_lg2), probes = 0;

	for (; sizes; sizes &= sizes - 1)
		probes += min((last >> __ffs(sizes)) - (iova >> __ffs(sizes)) + 1, nr_sets);
	return probes;
}

/**
 * sim_tlb_invalidate() - drop translations of one space
 * @tlb: the cache
 * @space: the space
 * @iova: first address
 * @last: last address
 *
 * After sim_tlb_invalidate_begin(). Drops the whole space if the range would
 * take too long with interrupts off. Context: any, interrupts off.
 * Return: false if nothing has changed.
 */
bool sim_tlb_invalidate(struct sim_tlb *tlb, struct sim_space space, u64 iova, u64 last)
{
	unsigned long sizes = atomic64_read(&tlb->sizes);
	u32 tag = sizes ? sim_tag_find(&tlb->tags, space) : 0;
	u64 nr_sets = BIT_ULL(tlb->config.sets_lg2), probes;

	if (!tag)
		return false;
	probes = probes_of(tlb, sizes, iova, last);
	if ((!iova && last == U64_MAX) || min(probes, nr_sets) > MAX_PROBES) {
		sim_tags_drop(&tlb->tags, space);
		return true;
	}
	if (probes >= nr_sets)
		return drop_in_all_sets(tlb, tag, iova, last);
	return drop_by_size(tlb, sizes, tag, iova, last);
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_invalidate);

/**
 * sim_tlb_invalidate_pasids() - drop translations of a domain, whatever the PASID
 * @tlb: the cache
 * @domain: domain ID
 * @iova: first address
 * @last: last address
 *
 * As sim_tlb_invalidate(), with and without each PASID.
 */
void sim_tlb_invalidate_pasids(struct sim_tlb *tlb, u16 domain, u64 iova, u64 last)
{
	struct sim_space space = sim_domain_space(domain);
	unsigned int i, nr_pasids;

	if (!sim_tlb_exists(tlb))
		return;
	nr_pasids = atomic_read(&tlb->tags.nr_pasids);
	if ((nr_pasids + 1) * probes_of(tlb, atomic64_read(&tlb->sizes), iova, last) > MAX_PROBES) {
		sim_tags_drop_domain(&tlb->tags, domain);
		return;
	}
	sim_tlb_invalidate(tlb, space, iova, last);
	space.has_pasid = true;
	for (i = 0; nr_pasids && i < BIT(SIM_TLB_PASIDS_LG2); i++)
		if (sim_tags_pasid(&tlb->tags, i, domain, &space.pasid))
			sim_tlb_invalidate(tlb, space, iova, last);
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_invalidate_pasids);

/**
 * sim_tlb_invalidate_domain() - drop all translations of a domain
 * @tlb: the cache
 * @domain: domain ID
 *
 * With and without PASIDs, in constant time. After sim_tlb_invalidate_begin().
 * Context: any, interrupts off.
 */
void sim_tlb_invalidate_domain(struct sim_tlb *tlb, u16 domain)
{
	if (sim_tlb_exists(tlb))
		sim_tags_drop_domain(&tlb->tags, domain);
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_invalidate_domain);

/**
 * sim_tlb_invalidate_all() - drop all translations
 * @tlb: the cache
 *
 * After sim_tlb_invalidate_begin(). Context: any, interrupts off.
 */
void sim_tlb_invalidate_all(struct sim_tlb *tlb)
{
	unsigned long i;
	unsigned int way;

	for (i = 0; sim_tlb_exists(tlb) && i < BIT(tlb->config.sets_lg2); i++) {
		struct tlb_set set = set_at(tlb, i, tlb->config.ways);

		lock_set(&set);
		for (way = 0; way < tlb->config.ways; way++)
			WRITE_ONCE(set.key[way], 0);
		unlock_set(&set);
	}
}

/**
 * sim_tlb_entry() - look at an entry
 * @tlb: the cache
 * @index: of the set
 * @way: in the set
 * @entry: what is there
 *
 * Context: any; it may have gone on return. Return: false if nothing is there.
 */
bool sim_tlb_entry(const struct sim_tlb *tlb, unsigned long index, unsigned int way,
		   struct sim_tlb_entry *entry)
{
	struct tlb_set set = set_at(tlb, index, tlb->config.ways);
	u64 key, value;
	u32 seq;

	do {
		seq = read_begin(&set);
		key = READ_ONCE(set.key[way]);
		value = get_value(&set, way);
	} while (read_retry(&set, seq));
	if (!key)
		return false;
	entry->iova = key_iova(key);
	entry->tag = FIELD_GET(VALUE_TAG, value) << 11 | (key & KEY_TAG);
	entry->data.size_lg2 = key_lg2(key);
	entry->data.pa = FIELD_GET(VALUE_FRAME, value) << SIM_PAGE_LG2;
	entry->data.rights = value_rights(value);
	return true;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_entry);
