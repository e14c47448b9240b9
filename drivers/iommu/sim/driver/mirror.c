// SPDX-License-Identifier: GPL-2.0-only
/*
 * A consumer of notifiers that checks them: it keeps a shadow of the domain, made of
 * nothing but events, and compares it with the page table when it is asked.
 */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/maple_tree.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "driver.h"
#include "consumers.h"

#define PROT_BITS	2
#define DELTA		GENMASK_ULL(51, 0)	/* of page numbers */

/* Compared at a time, with interrupts off */
#define WINDOW		SZ_1G

/* The same for every page of a run: how far it is from its IOVA, and its rights */
static void *make_entry(u64 iova, u64 pa, int prot)
{
	return xa_mk_value((((pa >> PAGE_SHIFT) - (iova >> PAGE_SHIFT)) & DELTA) << PROT_BITS |
			   prot);
}

static void complain(struct sim_mirror *m, u64 iova)
{
	if (!m->differences++)
		m->first_difference = iova;
}

/* Whether the shadow has @entry, or @other, in all of a range; else where it differs first */
static bool shadow_is(struct sim_mirror *m, u64 iova, u64 len, const void *entry,
		      const void *other, u64 *at)
{
	unsigned long page = iova >> PAGE_SHIFT, last = (iova + len - 1) >> PAGE_SHIFT;
	struct ma_state mas;
	bool same = true;

	mas_init(&mas, &m->shadow, page);
	rcu_read_lock();
	while (page <= last && same) {
		const void *found;

		mas_set(&mas, page);
		found = mas_walk(&mas);
		same = found == entry || found == other;
		if (same)
			page = mas.last + 1;
		if (!page)	/* after the last there is */
			break;
	}
	rcu_read_unlock();
	if (!same)
		*at = (u64)page << PAGE_SHIFT;
	return same;
}

static void notify(struct iommu_sim_notifier *n, const struct iommu_sim_event *event)
{
	struct sim_mirror *m = container_of(n, struct sim_mirror, notifier);
	unsigned long first = event->iova >> PAGE_SHIFT;
	unsigned long last = (event->iova + event->len - 1) >> PAGE_SHIFT;
	void *entry = NULL, *old;
	u64 at;
	int ret;

	m->events++;
	old = mtree_load(&m->shadow, first);
	if (event->type == IOMMU_SIM_MAP) {
		entry = make_entry(event->iova, event->pa, event->prot);
		/* Over nothing, or over itself, where replay has told of it already */
		if (!shadow_is(m, event->iova, event->len, entry, NULL, &at))
			complain(m, at);
	} else if (old && (xa_to_value(old) & (IOMMU_READ | IOMMU_WRITE)) != event->prot) {
		complain(m, event->iova);
	}
	ret = mtree_store_range(&m->shadow, first, last, entry, GFP_ATOMIC | __GFP_NOWARN);
	if (ret)
		m->error = ret;
}

/**
 * sim_mirror_create() - begin to mirror a domain
 * @d: the domain
 *
 * What is mapped already comes by replay. Context: may sleep.
 * Return: the mirror, or an ERR_PTR().
 */
struct sim_mirror *sim_mirror_create(struct iommu_domain *d)
{
	struct sim_mirror *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int ret;

	if (!m)
		return ERR_PTR(-ENOMEM);
	mt_init(&m->shadow);
	m->notifier = (struct iommu_sim_notifier) {
		.notify = notify,
		.events = IOMMU_SIM_MAP | IOMMU_SIM_UNMAP,
		.ranges = true,
		.last = U64_MAX,
	};
	ret = iommu_sim_notifier_register(d, &m->notifier);
	if (ret) {
		kfree(m);
		return ERR_PTR(ret);
	}
	iommu_sim_notifier_replay(&m->notifier);
	return m;
}

/**
 * sim_mirror_destroy() - end it
 * @m: the mirror
 */
void sim_mirror_destroy(struct sim_mirror *m)
{
	unsigned long flags;

	iommu_sim_notifier_unregister(&m->notifier);
	/* As in events, which come in any context */
	spin_lock_irqsave(&m->shadow.ma_lock, flags);
	__mt_destroy(&m->shadow);
	spin_unlock_irqrestore(&m->shadow.ma_lock, flags);
	kfree(m);
}

/*
 * Pages of the page table in [@first, @last], which the shadow has, too. Ends where it
 * has not, and says where.
 */
static u64 compare_pages(struct sim_mirror *m, u64 first, u64 last, u64 *differs)
{
	struct iommu_domain *d = m->notifier.domain;
	u64 at = first, pages = 0, start, end;
	struct sim_leaf leaf;
	void *entry;

	while (at <= last && sim_pt_next_leaf(&to_sim_domain(d)->pt, at, last, &leaf)) {
		start = max(leaf.iova, first);
		end = min(leaf.iova + BIT_ULL(leaf.size_lg2) - 1, last);
		entry = make_entry(leaf.iova, leaf.pa, sim_leaf_prot(&leaf));
		if (!shadow_is(m, start, end - start + 1, entry, entry, differs))
			break;
		pages += (end - start + 1) >> PAGE_SHIFT;
		at = end + 1;
	}
	return pages;
}

/* Pages of the shadow in the same range */
static u64 count_shadow(struct sim_mirror *m, u64 first, u64 last)
{
	unsigned long from = first >> PAGE_SHIFT, to = last >> PAGE_SHIFT;
	struct ma_state mas;
	u64 pages = 0;
	void *entry;

	mas_init(&mas, &m->shadow, from);
	rcu_read_lock();
	mas_for_each(&mas, entry, to)
		pages += min(mas.last, to) - max(mas.index, from) + 1;
	rcu_read_unlock();
	return pages;
}

/* Where the page table or the shadow has something next, or U64_MAX */
static u64 next_mapped(struct sim_mirror *m, u64 at, u64 last)
{
	struct iommu_domain *d = m->notifier.domain;
	u64 next = U64_MAX;
	struct sim_leaf leaf;
	struct ma_state mas;

	mas_init(&mas, &m->shadow, at >> PAGE_SHIFT);
	if (sim_pt_next_leaf(&to_sim_domain(d)->pt, at, last, &leaf))
		next = max(leaf.iova, at);
	rcu_read_lock();
	if (mas_find(&mas, last >> PAGE_SHIFT))
		next = min(next, max((u64)mas.index << PAGE_SHIFT, at));
	rcu_read_unlock();
	return next;
}

/* The next window with something in it; returns where to go on, or what differs */
static u64 compare_window(struct sim_mirror *m, u64 at, u64 last, u64 *pages, u64 *differs)
{
	u64 end, in_table;

	*differs = U64_MAX;
	at = next_mapped(m, at, last);
	if (at > last)
		return at;
	end = min(at | (WINDOW - 1), last);
	in_table = compare_pages(m, at, end, differs);
	*pages += in_table;
	if (*differs != U64_MAX)
		return *differs;
	/* Nothing is there that has no entry: an UNMAP and the change are one */
	if (count_shadow(m, at, end) != in_table)
		complain(m, at);
	return end + 1;
}

/* How long a comparison waits for maps that have not been told of yet */
#define PATIENCE	(5 * HZ)

/**
 * sim_mirror_compare() - does the shadow equal the page table?
 * @m: the mirror
 * @pages: how many pages of 4 KiB the page table maps
 *
 * Others may map and unmap meanwhile. Context: may sleep. Return: differences found
 * so far, those in events included; or -ENOMEM if there was no memory for the shadow
 * of an event.
 */
s64 sim_mirror_compare(struct sim_mirror *m, u64 *pages)
{
	struct sim_domain *domain = to_sim_domain(m->notifier.domain);
	u64 last = domain->domain.geometry.aperture_end, at = 0, differs;
	unsigned long deadline = jiffies + PATIENCE;

	*pages = 0;
	while (at <= last) {
		scoped_guard(spinlock_irqsave, &domain->notify_lock)
			at = compare_window(m, at, last, pages, &differs);
		if (differs != U64_MAX && time_after(jiffies, deadline)) {
			complain(m, differs);
			at = differs + PAGE_SIZE;
		} else if (differs != U64_MAX) {
			schedule_timeout_uninterruptible(1);
		}
		cond_resched();
	}
	return m->error ?: m->differences;
}

static int mirror_show(struct seq_file *s, void *unused)
{
	struct sim_domain *domain = s->private;
	struct sim_mirror *m;
	s64 differences;
	u64 pages;

	guard(mutex)(&domain->consumers_lock);
	m = domain->mirror;
	if (!m) {
		seq_puts(s, "off\n");
		return 0;
	}
	differences = sim_mirror_compare(m, &pages);
	seq_printf(s, "events: %llu\npages: %llu\n", m->events, pages);
	if (differences < 0)
		seq_printf(s, "no shadow, error %lld: begin again\n", differences);
	else if (differences)
		seq_printf(s, "differences: %lld, the first at %#llx\n", differences,
			   m->first_difference);
	else
		seq_puts(s, "differences: 0\n");
	return 0;
}

/* 1: begin (again), 0: end */
static ssize_t mirror_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct sim_domain *domain = file_inode(file)->i_private;
	struct sim_mirror *m = NULL;
	bool on;
	int ret = kstrtobool_from_user(buf, count, &on);

	if (ret)
		return ret;
	guard(mutex)(&domain->consumers_lock);
	if (domain->mirror)
		sim_mirror_destroy(domain->mirror);
	domain->mirror = NULL;
	if (on)
		m = sim_mirror_create(&domain->domain);
	if (IS_ERR(m))
		return PTR_ERR(m);
	domain->mirror = m;
	return count;
}

DEFINE_SHOW_STORE_ATTRIBUTE(mirror);

/**
 * sim_mirror_debugfs() - make the file by which one is made
 * @domain: the domain, with its directory
 */
void sim_mirror_debugfs(struct sim_domain *domain)
{
	debugfs_create_file("mirror", 0600, domain->debugfs, domain, &mirror_fops);
}
