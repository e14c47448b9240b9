// SPDX-License-Identifier: GPL-2.0-only
/* The geometry of a cache, as module parameters give it */
#include <linux/log2.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "compat.h"
#include "tlb.h"

static const char *const policies[SIM_TLB_NR_POLICIES] = {
	[SIM_TLB_RANDOM]	= "random",
	[SIM_TLB_LRU]		= "lru",
	[SIM_TLB_PLRU]		= "plru",
};

/**
 * sim_tlb_configure() - check parameters, and make a geometry of them
 * @config: the geometry
 * @name: what the parameters begin with: "iotlb" for iotlb_sets and so on
 * @sets: number of sets
 * @ways: entries of a set; 0 if there is to be no cache
 * @replacement: which entry of a full set goes
 *
 * Says in the log what is wrong. Return: 0 or -EINVAL.
 */
int sim_tlb_configure(struct sim_tlb_config *config, const char *name, unsigned int sets,
		      unsigned int ways, const char *replacement)
{
	int policy = match_string(policies, ARRAY_SIZE(policies), replacement);

	if (!is_power_of_2(sets) || sets > BIT(SIM_TLB_MAX_SETS_LG2)) {
		pr_err("iommu-sim: %s_sets=%u is not a power of two up to 2^%u\n", name, sets,
		       SIM_TLB_MAX_SETS_LG2);
		return -EINVAL;
	}
	if (ways > SIM_TLB_MAX_WAYS) {
		pr_err("iommu-sim: %s_ways=%u is more than %u\n", name, ways, SIM_TLB_MAX_WAYS);
		return -EINVAL;
	}
	if (policy < 0) {
		pr_err("iommu-sim: %s_replacement=%s is unknown\n", name, replacement);
		return -EINVAL;
	}
	if (policy == SIM_TLB_PLRU && ways && !is_power_of_2(ways)) {
		pr_err("iommu-sim: %s_replacement=plru needs a power of two of %s_ways\n", name,
		       name);
		return -EINVAL;
	}
	config->sets_lg2 = ilog2(sets);
	config->ways = ways;
	config->policy = policy;
	return 0;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_configure);
