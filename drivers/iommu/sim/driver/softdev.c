// SPDX-License-Identifier: GPL-2.0-only
/*
 * A consumer of notifiers that does DMA, as vhost does: a device made of software,
 * with a translation cache of its own. What is not in there is looked up in the domain;
 * what an event is about is dropped; nothing else invalidates it.
 *
 * It would like to hear of DEVIOTLB_UNMAP, as a device with an ATC does. Where there
 * is no ATS it falls back to UNMAP.
 */
#include <linux/debugfs.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "driver.h"
#include "consumers.h"

#define MAX_CACHED	1024
#define PROT_BITS	2

static void drop_all(struct sim_softdev *sd)
{
	xa_destroy(&sd->cache);
	sd->nr_cached = 0;
}

static void notify(struct iommu_sim_notifier *n, const struct iommu_sim_event *event)
{
	struct sim_softdev *sd = container_of(n, struct sim_softdev, notifier);
	unsigned long first = event->iova >> PAGE_SHIFT, page;
	unsigned long last = (event->iova + event->len - 1) >> PAGE_SHIFT;
	void *entry;

	guard(spinlock)(&sd->lock);
	xa_for_each_range(&sd->cache, page, entry, first, last) {
		xa_erase(&sd->cache, page);
		sd->nr_cached--;
		sd->invalidated++;
	}
}

/**
 * sim_softdev_create() - make a device
 * @d: the domain that it is in
 *
 * Context: may sleep. Return: the device, or an ERR_PTR().
 */
struct sim_softdev *sim_softdev_create(struct iommu_domain *d)
{
	struct sim_softdev *sd = kzalloc(sizeof(*sd), GFP_KERNEL);
	int ret;

	if (!sd)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&sd->lock);
	xa_init(&sd->cache);
	sd->notifier = (struct iommu_sim_notifier) {
		.notify = notify,
		.events = IOMMU_SIM_DEVIOTLB_UNMAP,
		.last = U64_MAX,
	};
	ret = iommu_sim_notifier_register(d, &sd->notifier);
	if (ret == -EOPNOTSUPP) {
		sd->notifier.events = IOMMU_SIM_UNMAP;
		ret = iommu_sim_notifier_register(d, &sd->notifier);
	}
	if (ret) {
		kfree(sd);
		return ERR_PTR(ret);
	}
	return sd;
}

/**
 * sim_softdev_destroy() - end it
 * @sd: the device; it is idle
 */
void sim_softdev_destroy(struct sim_softdev *sd)
{
	iommu_sim_notifier_unregister(&sd->notifier);
	xa_destroy(&sd->cache);
	kfree(sd);
}

/*
 * Look it up, and remember it. An UNMAP that comes now waits for the lock, and finds
 * what is remembered; one that came before has changed the page table already.
 */
static void *miss(struct sim_softdev *sd, u64 iova)
{
	struct iommu_sim_event mapping;
	void *entry;

	sd->misses++;
	if (!iommu_sim_lookup(sd->notifier.domain, iova, &mapping))
		return NULL;
	entry = xa_mk_value((mapping.pa + ((iova & PAGE_MASK) - mapping.iova)) >> PAGE_SHIFT <<
			    PROT_BITS | mapping.prot);
	if (sd->nr_cached == MAX_CACHED)
		drop_all(sd);
	if (!xa_err(xa_store(&sd->cache, iova >> PAGE_SHIFT, entry, GFP_ATOMIC | __GFP_NOWARN)))
		sd->nr_cached++;
	return entry;
}

static void *translate(struct sim_softdev *sd, u64 iova, int prot)
{
	void *entry = xa_load(&sd->cache, iova >> PAGE_SHIFT);
	struct page *page = NULL;

	if (entry)
		sd->hits++;
	else
		entry = miss(sd, iova);
	if (entry && xa_to_value(entry) & prot)
		page = pfn_to_online_page(xa_to_value(entry) >> PROT_BITS);
	if (!page || PageReserved(page) || PageOffline(page) || PageHWPoison(page)) {
		sd->faults++;
		return NULL;
	}
	return page_address(page) + offset_in_page(iova);
}

/**
 * sim_softdev_copy() - copy memory
 * @sd: the device
 * @dst: IOVA of the destination
 * @src: IOVA of the source
 * @len: bytes
 *
 * Context: may sleep. Return: bytes copied, less than @len after a fault or a fatal
 * signal.
 */
s64 sim_softdev_copy(struct sim_softdev *sd, u64 dst, u64 src, u64 len)
{
	void *to, *from;
	u64 done, n;
	bool ok;

	for (done = 0; done < len; done += n) {
		n = min3(len - done, PAGE_SIZE - offset_in_page(dst + done),
			 PAGE_SIZE - offset_in_page(src + done));
		scoped_guard(spinlock_irqsave, &sd->lock) {
			from = translate(sd, src + done, IOMMU_READ);
			to = from ? translate(sd, dst + done, IOMMU_WRITE) : NULL;
			/* The kernel may have taken a page out of its own map */
			ok = to && !copy_from_kernel_nofault(sd->buf, from, n);
			if (ok)
				memcpy(to, sd->buf, n);
		}
		if (!ok || fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

static int softdev_show(struct seq_file *s, void *unused)
{
	struct sim_domain *domain = s->private;
	struct sim_softdev *sd;

	guard(mutex)(&domain->consumers_lock);
	sd = domain->softdev;
	if (!sd) {
		seq_puts(s, "off\n");
		return 0;
	}
	guard(spinlock_irqsave)(&sd->lock);
	seq_printf(s, "cached %u\nhits %llu\nmisses %llu\nfaults %llu\ninvalidated %llu\n",
		   sd->nr_cached, sd->hits, sd->misses, sd->faults, sd->invalidated);
	return 0;
}

static int copy_command(struct sim_softdev *sd, const char *text)
{
	u64 dst, src, len;
	char rest;

	if (sscanf(text, "copy %lli %lli %lli %c", &dst, &src, &len, &rest) != 3)
		return -EINVAL;
	if (!sd)
		return -ENODEV;
	return sim_softdev_copy(sd, dst, src, len) == len ? 0 : -EFAULT;
}

/* "1": make one, "0": end it, "copy DST SRC LEN" */
static ssize_t softdev_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct sim_domain *domain = file_inode(file)->i_private;
	struct sim_softdev *sd = NULL;
	char text[80];
	bool on;
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	text[count] = 0;

	guard(mutex)(&domain->consumers_lock);
	if (!strncmp(text, "copy", 4)) {
		ret = copy_command(domain->softdev, text);
		return ret ?: count;
	}
	ret = kstrtobool(text, &on);
	if (ret)
		return ret;
	if (domain->softdev)
		sim_softdev_destroy(domain->softdev);
	domain->softdev = NULL;
	if (on)
		sd = sim_softdev_create(&domain->domain);
	if (IS_ERR(sd))
		return PTR_ERR(sd);
	domain->softdev = sd;
	return count;
}

DEFINE_SHOW_STORE_ATTRIBUTE(softdev);

/**
 * sim_softdev_debugfs() - make the file by which one is made
 * @domain: the domain, with its directory
 */
void sim_softdev_debugfs(struct sim_domain *domain)
{
	debugfs_create_file("softdev", 0600, domain->debugfs, domain, &softdev_fops);
}
