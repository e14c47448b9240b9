// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a cache holds, for debugfs; Documentation/ABI/testing/debugfs-iommu-sim
 */
#include <linux/seq_file.h>
#include <linux/xarray.h>

#include "compat.h"
#include "tlb.h"

/**
 * sim_tlb_size_name() - as "4k", "2m"
 * @name: where to
 * @len: bytes there
 * @size_lg2: log2 of the size, 10 or more
 */
void sim_tlb_size_name(char *name, size_t len, unsigned int size_lg2)
{
	snprintf(name, len, "%u%c", 1U << (size_lg2 % 10), "kmgtpe"[size_lg2 / 10 - 1]);
}

static int show_entries(struct seq_file *s, const struct sim_tlb *tlb, struct xarray *owners,
			char flag)
{
	struct sim_tlb_entry entry;
	struct sim_space space;
	unsigned long set;
	unsigned int way;
	char size[8];

	seq_puts(s, "set way domain pasid iova size pa rights\n");
	for (set = 0; set < BIT(tlb->config.sets_lg2); set++) {
		for (way = 0; way < tlb->config.ways; way++) {
			/* What is nobody's has been invalidated with its domain */
			if (!sim_tlb_entry(tlb, set, way, &entry) ||
			    !sim_tag_space(owners, entry.tag, &space))
				continue;
			sim_tlb_size_name(size, sizeof(size), entry.data.size_lg2);
			seq_printf(s, "%lu %u %u ", set, way, space.domain);
			if (space.has_pasid)
				seq_printf(s, "%u ", space.pasid);
			else
				seq_puts(s, "- ");
			seq_printf(s, "%#llx %s %#llx %s%s", entry.iova, size, entry.data.pa,
				   entry.data.rights & SIM_PTE_IR ? "r" : "",
				   entry.data.rights & SIM_PTE_IW ? "w" : "");
			if (entry.data.rights & SIM_PTE_D)
				seq_putc(s, flag);
			seq_puts(s, entry.data.rights ? "\n" : "absent\n");
		}
	}
	return 0;
}

/**
 * sim_tlb_show() - list what a cache holds
 * @s: where to
 * @tlb: the cache
 * @flag: the letter for SIM_PTE_D
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int sim_tlb_show(struct seq_file *s, const struct sim_tlb *tlb, char flag)
{
	struct xarray owners;
	int ret;

	if (!sim_tlb_exists(tlb))
		return 0;
	xa_init(&owners);
	ret = sim_tags_owners(&tlb->tags, &owners) ?: show_entries(s, tlb, &owners, flag);
	xa_destroy(&owners);
	return ret;
}
EXPORT_SYMBOL_SIM_CACHE(sim_tlb_show);
