// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cached translations are tagged with. Each space that has something cached
 * (a domain, or a PASID in a domain) has a tag that no other had before it. So a
 * space is invalidated by taking its tag away: its entries match no more, and
 * what is filled next is tagged with another.
 *
 *   filler                             invalidator
 *   token
 *   walk                               generation++, see tlb.c
 *   tag = that of the space            takes it away
 *   insert, unless the generation
 *     has moved
 *
 * Either the filler's tag is one that is taken away, or it finds the generation
 * moved and inserts nothing.
 *
 * Domains without a PASID have an array. Spaces with one have a direct mapped
 * table; who is displaced from it loses what it has cached.
 *
 * When tags are used up, after 2^24, nothing new is cached until the next
 * invalidation, which is the place to wait for readers: sim_tags_restart().
 */
#include <linux/hash.h>
#include <linux/slab.h>

#include "tlb.h"

#define NR_PASIDS	BIT(SIM_TLB_PASIDS_LG2)

#define SLOT_TAG	GENMASK_ULL(23, 0)
#define SLOT_PASID	GENMASK_ULL(43, 24)
#define SLOT_DOMAIN	GENMASK_ULL(59, 44)

/**
 * sim_tags_init() - make tags of which none is in use
 * @tags: the tags
 * @nr_domains: number of domain IDs
 *
 * Return: 0 or -ENOMEM; to be undone by sim_tags_destroy() in either case.
 */
int sim_tags_init(struct sim_tlb_tags *tags, unsigned int nr_domains)
{
	tags->nr_domains = nr_domains;
	atomic_set(&tags->last, 0);
	atomic_set(&tags->nr_pasids, 0);
	tags->domain = kvcalloc(nr_domains, sizeof(*tags->domain), GFP_KERNEL);
	tags->pasid = kvcalloc(NR_PASIDS, sizeof(*tags->pasid), GFP_KERNEL);
	return tags->domain && tags->pasid ? 0 : -ENOMEM;
}

/**
 * sim_tags_destroy() - undo sim_tags_init()
 * @tags: the tags
 */
void sim_tags_destroy(struct sim_tlb_tags *tags)
{
	kvfree(tags->domain);
	kvfree(tags->pasid);
	tags->domain = NULL;
	tags->pasid = NULL;
}

/* What a slot of a space with a PASID holds, but for the tag */
static u64 slot_key(struct sim_space space)
{
	return FIELD_PREP(SLOT_DOMAIN, space.domain) | FIELD_PREP(SLOT_PASID, space.pasid);
}

static atomic64_t *slot_of(const struct sim_tlb_tags *tags, u64 key)
{
	return &tags->pasid[hash_64(key, SIM_TLB_PASIDS_LG2)];
}

/**
 * sim_tag_find_pasid() - the tag of a space with a PASID
 * @tags: the tags
 * @space: the space
 *
 * Context: any. Return: the tag, or 0 if nothing of the space is cached.
 */
u32 sim_tag_find_pasid(const struct sim_tlb_tags *tags, struct sim_space space)
{
	u64 key = slot_key(space), slot = atomic64_read(slot_of(tags, key));

	return (slot & ~SLOT_TAG) == key ? slot & SLOT_TAG : 0;
}

/* 0 if there is none left */
static u32 new_tag(struct sim_tlb_tags *tags)
{
	u32 last = atomic_fetch_add_unless(&tags->last, 1, SIM_TLB_MAX_TAG);

	return last == SIM_TLB_MAX_TAG ? 0 : last + 1;
}

/**
 * sim_tag_get() - the tag of a space; a new one if it has none
 * @tags: the tags
 * @space: the space
 *
 * Context: in an access section. Return: the tag, or 0 if they are used up.
 */
u32 sim_tag_get(struct sim_tlb_tags *tags, struct sim_space space)
{
	u32 tag = sim_tag_find(tags, space), other;
	u64 key, slot;

	if (likely(tag))
		return tag;
	tag = new_tag(tags);
	if (!tag)
		return 0;
	if (!space.has_pasid) {
		other = cmpxchg(&tags->domain[space.domain], 0, tag);
		return other ?: tag;
	}
	key = slot_key(space);
	slot = atomic64_read(slot_of(tags, key));
	/* Before it can be found */
	if (!slot)
		atomic_inc(&tags->nr_pasids);
	if (atomic64_cmpxchg(slot_of(tags, key), slot, key | tag) == slot)
		return tag;
	/* Somebody else was faster, so this one is not cached */
	if (!slot)
		atomic_dec(&tags->nr_pasids);
	return 0;
}

static void drop_slot(struct sim_tlb_tags *tags, atomic64_t *at, u64 slot)
{
	/* If it is another meanwhile, it was displaced, which is as good */
	if (atomic64_cmpxchg(at, slot, 0) == slot)
		atomic_dec(&tags->nr_pasids);
}

/**
 * sim_tags_drop() - nothing that is cached of a space matches any more
 * @tags: the tags
 * @space: the space
 *
 * Context: any.
 */
void sim_tags_drop(struct sim_tlb_tags *tags, struct sim_space space)
{
	u64 key, slot;

	if (!space.has_pasid) {
		WRITE_ONCE(tags->domain[space.domain], 0);
		return;
	}
	key = slot_key(space);
	slot = atomic64_read(slot_of(tags, key));
	if ((slot & ~SLOT_TAG) == key)
		drop_slot(tags, slot_of(tags, key), slot);
}

/**
 * sim_tags_drop_domain() - the same of a domain, with and without PASIDs
 * @tags: the tags
 * @domain: domain ID
 *
 * Context: any.
 */
void sim_tags_drop_domain(struct sim_tlb_tags *tags, u16 domain)
{
	unsigned int i;
	u64 slot;

	WRITE_ONCE(tags->domain[domain], 0);
	if (likely(!atomic_read(&tags->nr_pasids)))
		return;
	for (i = 0; i < NR_PASIDS; i++) {
		slot = atomic64_read(&tags->pasid[i]);
		if (slot && FIELD_GET(SLOT_DOMAIN, slot) == domain)
			drop_slot(tags, &tags->pasid[i], slot);
	}
}

/**
 * sim_tags_drop_all() - the same of all
 * @tags: the tags
 *
 * Context: any.
 */
void sim_tags_drop_all(struct sim_tlb_tags *tags)
{
	unsigned int i;
	u64 slot;

	for (i = 0; i < tags->nr_domains; i++)
		WRITE_ONCE(tags->domain[i], 0);
	for (i = 0; i < NR_PASIDS; i++) {
		slot = atomic64_read(&tags->pasid[i]);
		if (slot)
			drop_slot(tags, &tags->pasid[i], slot);
	}
}

/**
 * sim_tags_pasid() - look at a slot of the table of PASIDs
 * @tags: the tags
 * @i: the slot, below 2^SIM_TLB_PASIDS_LG2
 * @domain: domain ID
 * @pasid: the PASID that is there
 *
 * Context: any. Return: false if there is none of @domain.
 */
bool sim_tags_pasid(const struct sim_tlb_tags *tags, unsigned int i, u16 domain, u32 *pasid)
{
	u64 slot = atomic64_read(&tags->pasid[i]);

	*pasid = FIELD_GET(SLOT_PASID, slot);
	return slot && FIELD_GET(SLOT_DOMAIN, slot) == domain;
}

/**
 * sim_tags_restart() - give out tags from the beginning
 * @tags: the tags; all access sections that were under way have ended since they
 *	  were used up, and again since sim_tags_drop_all(), and after that all
 *	  entries were cleared
 *
 * Context: any.
 */
void sim_tags_restart(struct sim_tlb_tags *tags)
{
	atomic_set(&tags->last, 0);
}

/**
 * sim_tags_owners() - whose tags they are
 * @tags: the tags
 * @owners: gets a value for each tag in use, for sim_tag_space()
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int sim_tags_owners(const struct sim_tlb_tags *tags, struct xarray *owners)
{
	unsigned int i;
	int ret = 0;
	u64 slot;
	u32 tag;

	for (i = 0; i < tags->nr_domains && !ret; i++) {
		tag = READ_ONCE(tags->domain[i]);
		if (tag)
			ret = xa_err(xa_store(owners, tag, xa_mk_value(i), GFP_KERNEL));
	}
	for (i = 0; i < NR_PASIDS && !ret; i++) {
		slot = atomic64_read(&tags->pasid[i]);
		tag = FIELD_GET(SLOT_TAG, slot);
		if (tag)
			ret = xa_err(xa_store(owners, tag,
					      xa_mk_value(FIELD_GET(SLOT_DOMAIN, slot) | BIT(16) |
							  FIELD_GET(SLOT_PASID, slot) << 17),
					      GFP_KERNEL));
	}
	return ret;
}

/**
 * sim_tag_space() - whose tag it is
 * @owners: from sim_tags_owners()
 * @tag: the tag
 * @space: the space
 *
 * Return: false if it was nobody's.
 */
bool sim_tag_space(struct xarray *owners, u32 tag, struct sim_space *space)
{
	void *owner = xa_load(owners, tag);
	unsigned long value = xa_to_value(owner);

	if (!owner)
		return false;
	space->domain = value;
	space->has_pasid = value & BIT(16);
	space->pasid = value >> 17;
	return true;
}
