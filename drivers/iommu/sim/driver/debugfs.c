// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs of a domain: what its page table maps.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "consumers.h"
#include "driver.h"

/**
 * struct ptdump - where a dump stands
 * @domain: the domain
 * @first: the first page of the current line
 * @count: pages of the current line: same size, rights and flags, contiguous
 * @next: where the next line begins
 * @pages: pages so far, by log2 of their size
 * @state: what the next line is
 */
struct ptdump {
	struct sim_domain *domain;
	struct sim_leaf first;
	u64 count;
	u64 next;
	u64 pages[64];
	enum { PTDUMP_HEADER, PTDUMP_PAGES, PTDUMP_TOTAL, PTDUMP_END } state;
};

#define PTDUMP_FLAGS	(SIM_PTE_IR | SIM_PTE_IW | SIM_PTE_A | SIM_PTE_D)

static bool continues(const struct ptdump *d, const struct sim_leaf *leaf)
{
	u64 len = d->count << d->first.size_lg2;

	return leaf->size_lg2 == d->first.size_lg2 && leaf->iova == d->first.iova + len &&
	       leaf->pa == d->first.pa + len &&
	       !((leaf->entry ^ d->first.entry) & PTDUMP_FLAGS);
}

/* Collect the pages of the next line; false if there are none left */
static bool next_line(struct ptdump *d)
{
	struct sim_domain *domain = d->domain;
	u64 last = domain->domain.geometry.aperture_end;
	struct sim_leaf leaf;

	d->count = 0;
	while (sim_pt_next_leaf(&domain->pt, d->next, last, &leaf)) {
		if (!d->count)
			d->first = leaf;
		else if (!continues(d, &leaf))
			break;
		d->count++;
		d->next = leaf.iova + BIT_ULL(leaf.size_lg2);
		cond_resched();
	}
	d->pages[d->first.size_lg2] += d->count;
	return d->count;
}

static void *ptdump_start(struct seq_file *s, loff_t *pos)
{
	struct ptdump *d = s->private;

	if (!*pos) {
		d->state = PTDUMP_HEADER;
		d->next = 0;
		memset(d->pages, 0, sizeof(d->pages));
	}
	return d->state == PTDUMP_END ? NULL : d;
}

static void *ptdump_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct ptdump *d = s->private;

	++*pos;
	if (d->state == PTDUMP_TOTAL)
		d->state = PTDUMP_END;
	else
		d->state = next_line(d) ? PTDUMP_PAGES : PTDUMP_TOTAL;
	return d->state == PTDUMP_END ? NULL : d;
}

static void ptdump_stop(struct seq_file *s, void *v)
{
}

static void show_pages(struct seq_file *s, u64 count, unsigned int size_lg2)
{
	char size[16];

	string_get_size(BIT_ULL(size_lg2), 1, STRING_UNITS_2, size, sizeof(size));
	seq_printf(s, "%llu x %s", count, size);
}

static void show_line(struct seq_file *s, const struct ptdump *d)
{
	u64 entry = d->first.entry;

	seq_printf(s, "%#018llx-%#018llx %#018llx %c%c%c%c ", d->first.iova,
		   d->first.iova + (d->count << d->first.size_lg2) - 1, d->first.pa,
		   entry & SIM_PTE_IR ? 'r' : '-', entry & SIM_PTE_IW ? 'w' : '-',
		   entry & SIM_PTE_A ? 'a' : '-', entry & SIM_PTE_D ? 'd' : '-');
	show_pages(s, d->count, d->first.size_lg2);
	seq_putc(s, '\n');
}

static void show_total(struct seq_file *s, const struct ptdump *d)
{
	long tables = atomic_long_read(&d->domain->pt.tables);
	unsigned int reserve = READ_ONCE(d->domain->pt.nr_reserve);
	unsigned int lg2;

	seq_puts(s, "pages:");
	for (lg2 = 0; lg2 < ARRAY_SIZE(d->pages); lg2++) {
		if (d->pages[lg2]) {
			seq_putc(s, ' ');
			show_pages(s, d->pages[lg2], lg2);
		}
	}
	seq_printf(s, "\ntables: %ld, %lu bytes\n", tables, tables * PAGE_SIZE);
	seq_printf(s, "reserve: %u, %lu bytes\n", reserve, reserve * PAGE_SIZE);
}

static int ptdump_show(struct seq_file *s, void *v)
{
	const struct ptdump *d = v;

	switch (d->state) {
	case PTDUMP_HEADER:
		seq_printf(s, "domain %u: %u levels, IOVA to %#llx, page sizes %#lx%s\n",
			   d->domain->id, d->domain->pt.levels,
			   (u64)d->domain->domain.geometry.aperture_end,
			   d->domain->domain.pgsize_bitmap,
			   READ_ONCE(d->domain->tracking) ? ", dirty tracking" : "");
		break;
	case PTDUMP_PAGES:
		show_line(s, d);
		break;
	default:
		show_total(s, d);
		break;
	}
	return 0;
}

static const struct seq_operations ptdump_seq_ops = {
	.start	= ptdump_start,
	.next	= ptdump_next,
	.stop	= ptdump_stop,
	.show	= ptdump_show,
};

static int ptdump_open(struct inode *inode, struct file *file)
{
	struct ptdump *d = __seq_open_private(file, &ptdump_seq_ops, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->domain = inode->i_private;
	return 0;
}

static const struct file_operations ptdump_fops = {
	.owner		= THIS_MODULE,
	.open		= ptdump_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release_private,
};

/**
 * sim_domain_debugfs_add() - show a domain in debugfs
 * @domain: the domain; removes sim_domain::debugfs before it goes
 */
void sim_domain_debugfs_add(struct sim_domain *domain)
{
	char name[8];

	snprintf(name, sizeof(name), "%u", domain->id);
	domain->debugfs = debugfs_create_dir(name, domain->iommu->debugfs_domains);
	debugfs_create_file("ptdump", 0400, domain->debugfs, domain, &ptdump_fops);
	sim_mirror_debugfs(domain);
	sim_softdev_debugfs(domain);
}
