/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Caches of translations: the IOTLB and the page walk cache of an IOMMU (spec 5),
 * and the ATC of an endpoint (spec 11). They differ in what they hold and in who
 * invalidates them, and in nothing else.
 */
#ifndef _IOMMU_SIM_TLB_H
#define _IOMMU_SIM_TLB_H

#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "debug/inject.h"
#include "debug/stats.h"
#include "iommu-sim-bits.h"
#include "iommu-sim-section.h"

struct seq_file;
struct xarray;

/* Which entry goes when a set is full */
enum sim_tlb_policy {
	SIM_TLB_RANDOM,
	SIM_TLB_LRU,
	SIM_TLB_PLRU,
	SIM_TLB_NR_POLICIES
};

#define SIM_TLB_MAX_SETS_LG2	16
#define SIM_TLB_MAX_WAYS	16

/**
 * struct sim_tlb_config - a cache's geometry
 * @sets_lg2: log2 of the number of sets, 0 to SIM_TLB_MAX_SETS_LG2
 * @ways: entries of a set, 1 to SIM_TLB_MAX_WAYS; 0: there is no cache
 * @policy: which entry goes; PLRU needs a power of two of @ways
 * @domains_lg2: log2 of the number of domain IDs, 0 to 16
 */
struct sim_tlb_config {
	unsigned int sets_lg2;
	unsigned int ways;
	enum sim_tlb_policy policy;
	unsigned int domains_lg2;
};

/**
 * struct sim_space - what an address belongs to
 * @domain: domain ID; 0 in an endpoint, which knows of none
 * @has_pasid: the request had a PASID
 * @pasid: which
 */
struct sim_space {
	u16 domain;
	bool has_pasid;
	u32 pasid;
};

static inline struct sim_space sim_domain_space(u16 domain)
{
	return (struct sim_space) { .domain = domain };
}

/**
 * struct sim_tlb_data - what is cached of a page
 * @pa: physical address of the page, or of a table that translates it
 * @rights: SIM_PTE_IR and SIM_PTE_IW as allowed; SIM_PTE_D in an IOTLB if it was
 *	    set, in an ATC if requests must not be translated; 0 if the page is known
 *	    not to be present
 * @size_lg2: log2 of its size
 */
struct sim_tlb_data {
	u64 pa;
	u64 rights;
	unsigned int size_lg2;
};

/* Invalidations that some of the CPUs began so far; not where others write */
struct sim_tlb_seq {
	atomic64_t seq;
} ____cacheline_aligned_in_smp;

#define SIM_TLB_SEQS		8

/**
 * struct sim_tlb_group - caches that are invalidated together
 * @seq: their sum is the generation
 * @sections: in which they are used
 * @stats: where they count
 * @inject: what may make them misbehave
 * @race: the point that has cached what an invalidation overtook
 * @device: for it, a requester ID or SIM_INJECT_ANY_DEVICE
 * @lock: one sim_tlb_recycle() at a time
 */
struct sim_tlb_group {
	struct sim_tlb_seq seq[SIM_TLB_SEQS];
	struct sim_sections *sections;
	struct iommu_sim_stats *stats;
	struct sim_inject *inject;
	enum sim_inject_id race;
	int device;
	raw_spinlock_t lock;
};

/* What a cache counts, beside hits */
enum sim_tlb_stat {
	SIM_TLB_MISSES,
	SIM_TLB_FILLS,
	SIM_TLB_FILLS_DROPPED,
	SIM_TLB_EVICTIONS,
	SIM_TLB_INVALIDATED,
	SIM_TLB_NR_STATS
};

/* Spaces with a PASID that can be cached at a time */
#define SIM_TLB_PASIDS_LG2	10

/**
 * struct sim_tlb_tags - what entries are tagged with, see tags.c
 * @domain: the tag of each domain without a PASID; 0 if it has none
 * @pasid: PASID, domain and tag in each; 0 if it is free
 * @nr_domains: entries of @domain
 * @nr_pasids: how many are not free, at most
 * @last: the last tag given out
 */
struct sim_tlb_tags {
	u32 *domain;
	atomic64_t *pasid;
	unsigned int nr_domains;
	atomic_t nr_pasids;
	atomic_t last;
};

/**
 * struct sim_tlb - a cache
 * @sets: the sets, @stride bytes each
 * @order: for each set, what @config.policy knows of it
 * @sizes: log2 sizes that may be cached
 * @config: the geometry
 * @shift: of the hash
 * @stride: bytes of a set
 * @tags: what entries are tagged with
 * @stats: the first of its counters, in the order of enum sim_tlb_stat
 * @group: what it is invalidated with
 */
struct sim_tlb {
	void *sets;
	u64 *order;
	unsigned int shift;
	unsigned int stride;
	struct sim_tlb_config config;
	struct sim_tlb_tags tags;
	unsigned int stats;
	struct sim_tlb_group *group;
	atomic64_t sizes ____cacheline_aligned_in_smp;
};

static inline bool sim_tlb_exists(const struct sim_tlb *tlb)
{
	return tlb->config.ways;
}

/* What an entry holds, for who looks at all */
struct sim_tlb_entry {
	u32 tag;
	u64 iova;
	struct sim_tlb_data data;
};

/* tlb/tlb.c */
int sim_tlb_init(struct sim_tlb *tlb, struct sim_tlb_group *group,
		 const struct sim_tlb_config *config, unsigned int stats);
void sim_tlb_destroy(struct sim_tlb *tlb);
bool sim_tlb_lookup(struct sim_tlb *tlb, struct sim_space space, u64 iova,
		    struct sim_tlb_data *data);
u64 sim_tlb_begin(struct sim_tlb_group *group);
void sim_tlb_fill(struct sim_tlb *tlb, u64 token, struct sim_space space, u64 iova,
		  const struct sim_tlb_data *data);
void sim_tlb_invalidate_begin(struct sim_tlb_group *group);
void __sim_tlb_recycle(struct sim_tlb *tlb);
bool sim_tlb_invalidate(struct sim_tlb *tlb, struct sim_space space, u64 iova, u64 last);
void sim_tlb_invalidate_pasids(struct sim_tlb *tlb, u16 domain, u64 iova, u64 last);
void sim_tlb_invalidate_domain(struct sim_tlb *tlb, u16 domain);
void sim_tlb_invalidate_all(struct sim_tlb *tlb);
bool sim_tlb_entry(const struct sim_tlb *tlb, unsigned long set, unsigned int way,
		   struct sim_tlb_entry *entry);

/* tlb/config.c */
int sim_tlb_configure(struct sim_tlb_config *config, const char *name, unsigned int sets,
		      unsigned int ways, const char *replacement);

/* tlb/show.c */
int sim_tlb_show(struct seq_file *s, const struct sim_tlb *tlb, char flag);
void sim_tlb_size_name(char *name, size_t len, unsigned int size_lg2);

/* tlb/tags.c */
#define SIM_TLB_TAG_BITS	24
#define SIM_TLB_MAX_TAG		(BIT(SIM_TLB_TAG_BITS) - 1)

int sim_tags_init(struct sim_tlb_tags *tags, unsigned int nr_domains);
void sim_tags_destroy(struct sim_tlb_tags *tags);
u32 sim_tag_find_pasid(const struct sim_tlb_tags *tags, struct sim_space space);
/* The tag of a space, or 0 if nothing of it is cached */
static inline u32 sim_tag_find(const struct sim_tlb_tags *tags, struct sim_space space)
{
	return likely(!space.has_pasid) ? READ_ONCE(tags->domain[space.domain]) :
					  sim_tag_find_pasid(tags, space);
}

u32 sim_tag_get(struct sim_tlb_tags *tags, struct sim_space space);
void sim_tags_drop(struct sim_tlb_tags *tags, struct sim_space space);
void sim_tags_drop_domain(struct sim_tlb_tags *tags, u16 domain);
void sim_tags_drop_all(struct sim_tlb_tags *tags);
bool sim_tags_pasid(const struct sim_tlb_tags *tags, unsigned int i, u16 domain, u32 *pasid);
void sim_tags_restart(struct sim_tlb_tags *tags);
int sim_tags_owners(const struct sim_tlb_tags *tags, struct xarray *owners);
bool sim_tag_space(struct xarray *owners, u32 tag, struct sim_space *space);

/* Is there no tag left, so that sim_tags_restart() is due? */
static inline bool sim_tags_used_up(const struct sim_tlb_tags *tags)
{
	return atomic_read(&tags->last) == SIM_TLB_MAX_TAG;
}

/*
 * If all tags have been given out, begin again. After sim_tlb_invalidate_begin().
 * Context: any but in an access section, interrupts off, without a lock for which
 * sections wait.
 */
static inline void sim_tlb_recycle(struct sim_tlb *tlb)
{
	if (unlikely(sim_tags_used_up(&tlb->tags)))
		__sim_tlb_recycle(tlb);
}

/* tlb/policy.c */
u64 sim_tlb_order_init(enum sim_tlb_policy policy, unsigned int ways, u64 seed);
void sim_tlb_used(enum sim_tlb_policy policy, u64 *order, unsigned int ways, unsigned int way);
unsigned int sim_tlb_victim(enum sim_tlb_policy policy, u64 *order, unsigned int ways);

#endif
