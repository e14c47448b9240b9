// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection; Documentation/iommu-sim/injection.rst
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/pci.h>

#include "compat.h"
#include "iommu-sim-bus.h"
#include "inject.h"

DEFINE_STATIC_KEY_FALSE(sim_inject_armed);
EXPORT_SYMBOL_SIM_DEBUG(sim_inject_armed);

static const char *const point_names[SIM_INJECT_NR] = {
	[SIM_INJECT_MAP]			= "map",
	[SIM_INJECT_TABLE_ALLOC]		= "table_alloc",
	[SIM_INJECT_IOTLB_INVALIDATE]		= "iotlb_invalidate",
	[SIM_INJECT_IOTLB_WRONG_DOMAIN]		= "iotlb_wrong_domain",
	[SIM_INJECT_IOTLB_OFF_BY_ONE]		= "iotlb_off_by_one",
	[SIM_INJECT_IOTLB_KEEP_TABLES]		= "iotlb_keep_tables",
	[SIM_INJECT_COMPLETION_EARLY]		= "completion_early",
	[SIM_INJECT_FILL_RACE]			= "fill_race",
	[SIM_INJECT_COMPLETION_WAIT]		= "completion_wait",
	[SIM_INJECT_TRANSLATION_FAULT]		= "translation_fault",
	[SIM_INJECT_UNSUPPORTED_REQUEST]	= "unsupported_request",
	[SIM_INJECT_EVENT_OVERFLOW]		= "event_overflow",
	[SIM_INJECT_SHORT_COPY]			= "short_copy",
	[SIM_INJECT_OVERRUN]			= "overrun",
	[SIM_INJECT_LOST_MSI]			= "lost_msi",
	[SIM_INJECT_ATC_SILENT]			= "atc_silent",
	[SIM_INJECT_ATC_SKIP]			= "atc_skip",
	[SIM_INJECT_ATC_WRONG_PASID]		= "atc_wrong_pasid",
	[SIM_INJECT_ATC_TOO_NARROW]		= "atc_too_narrow",
	[SIM_INJECT_ATC_EARLY]			= "atc_early",
	[SIM_INJECT_ATC_KEEP_CROSSING]		= "atc_keep_crossing",
};

static bool matches(const struct sim_inject_point *point, int device, u64 iova, u64 last)
{
	int wanted = READ_ONCE(point->device);

	return (wanted == SIM_INJECT_ANY_DEVICE || wanted == device) &&
	       iova <= READ_ONCE(point->iova_last) && last >= READ_ONCE(point->iova_start);
}

/* The verdict on consideration @n, counted from 1: the same for the same seed */
static bool verdict(const struct sim_inject_point *point, u64 n)
{
	u32 words[5] = {
		lower_32_bits(point->seed), upper_32_bits(point->seed),
		point - point->inject->point, lower_32_bits(n), upper_32_bits(n),
	};

	return jhash2(words, ARRAY_SIZE(words), 0) % 100 < READ_ONCE(point->probability);
}

/* What the attributes say on consideration @n, of @below + 1 bytes, in the kernel's order */
static bool attributes_say_fail(struct sim_inject_point *point, u64 n, u64 below)
{
	int size = min_t(u64, below, INT_MAX - 1) + 1;
	u32 interval = READ_ONCE(point->interval);

	if (!READ_ONCE(point->probability) || !atomic_read(&point->times))
		return false;
	if (atomic_read(&point->space) > size) {
		atomic_sub(size, &point->space);
		return false;
	}
	if (interval > 1 && n % interval)
		return false;
	if (!verdict(point, n))
		return false;
	/* -1 is no limit; of several at once, only as many as are left */
	return atomic_read(&point->times) < 0 || atomic_dec_if_positive(&point->times) >= 0;
}

static void tell(struct sim_inject_point *point, int device, u64 iova, u64 last)
{
	if (!point->verbose)
		return;
	pr_notice_ratelimited("iommu-sim: injected %s, number %lld of %lld, requester %d, IOVA %#llx to %#llx\n",
			      point->name, atomic64_read(&point->injected),
			      atomic64_read(&point->considered), device, iova, last);
	if (point->verbose > 1)
		dump_stack();
}

/**
 * __sim_inject() - sim_inject(), once a point is armed
 * @inject: see there
 * @id: see there
 * @device: see there
 * @iova: see there
 * @last: see there
 *
 * Return: true to fail.
 */
bool __sim_inject(struct sim_inject *inject, enum sim_inject_id id, int device, u64 iova,
		  u64 last)
{
	struct sim_inject_point *point = &inject->point[id];
	bool fail;
	u64 n;

	if (!READ_ONCE(point->armed) || !matches(point, device, iova, last))
		return false;
	n = atomic64_inc_return(&point->considered);
	if (atomic_read(&point->fail_nth) > 0)
		fail = !atomic_dec_return(&point->fail_nth);
	else
		fail = attributes_say_fail(point, n, last - iova);
	if (fail) {
		atomic64_inc(&point->injected);
		tell(point, device, iova, last);
	}
	return fail;
}
EXPORT_SYMBOL_SIM_DEBUG(__sim_inject);

/* Count @point as armed, or no longer */
static void update_armed(struct sim_inject_point *point)
{
	bool armed = point->probability || atomic_read(&point->fail_nth) > 0;

	lockdep_assert_held(&point->inject->lock);
	if (armed == point->armed)
		return;
	WRITE_ONCE(point->armed, armed);
	if (armed)
		static_branch_inc(&sim_inject_armed);
	else
		static_branch_dec(&sim_inject_armed);
}

/**
 * sim_inject_set_probability() - arm a point
 * @point: the point
 * @percent: 0 to 100; more is as 100
 *
 * Context: may sleep.
 */
void sim_inject_set_probability(struct sim_inject_point *point, u32 percent)
{
	guard(mutex)(&point->inject->lock);
	WRITE_ONCE(point->probability, percent);
	update_armed(point);
}
EXPORT_SYMBOL_SIM_DEBUG(sim_inject_set_probability);

/**
 * sim_inject_set_fail_nth() - arm a point for one failure
 * @point: the point
 * @nth: which consideration from now on fails; 0 for none
 *
 * Context: may sleep.
 */
void sim_inject_set_fail_nth(struct sim_inject_point *point, u32 nth)
{
	guard(mutex)(&point->inject->lock);
	atomic_set(&point->fail_nth, min_t(u32, nth, INT_MAX));
	update_armed(point);
}
EXPORT_SYMBOL_SIM_DEBUG(sim_inject_set_fail_nth);

/**
 * sim_inject_set_seed() - begin a sequence of verdicts
 * @point: the point
 * @seed: any
 *
 * The counters start from 0, so the same seed gives the same verdicts again.
 * Context: may sleep.
 */
void sim_inject_set_seed(struct sim_inject_point *point, u64 seed)
{
	guard(mutex)(&point->inject->lock);
	WRITE_ONCE(point->seed, seed);
	atomic64_set(&point->considered, 0);
	atomic64_set(&point->injected, 0);
}
EXPORT_SYMBOL_SIM_DEBUG(sim_inject_set_seed);

/* As the kernel's FAULT_ATTR_INITIALIZER, but for the stack trace */
static void set_defaults(struct sim_inject_point *point)
{
	point->probability = 0;
	point->interval = 1;
	atomic_set(&point->times, 1);
	atomic_set(&point->space, 0);
	point->verbose = 1;
	point->seed = 0;
	atomic_set(&point->fail_nth, 0);
	point->device = SIM_INJECT_ANY_DEVICE;
	point->iova_start = 0;
	point->iova_last = U64_MAX;
	atomic64_set(&point->considered, 0);
	atomic64_set(&point->injected, 0);
}

/**
 * sim_inject_clear() - disarm all points and forget all attributes
 * @inject: the points
 *
 * Context: may sleep.
 */
void sim_inject_clear(struct sim_inject *inject)
{
	unsigned int i;

	guard(mutex)(&inject->lock);
	for (i = 0; i < SIM_INJECT_NR; i++) {
		set_defaults(&inject->point[i]);
		update_armed(&inject->point[i]);
	}
}
EXPORT_SYMBOL_SIM_DEBUG(sim_inject_clear);

/**
 * sim_inject_init() - set up points, none of them armed
 * @inject: the points, zeroed
 */
void sim_inject_init(struct sim_inject *inject)
{
	unsigned int i;

	mutex_init(&inject->lock);
	for (i = 0; i < SIM_INJECT_NR; i++) {
		inject->point[i].name = point_names[i];
		inject->point[i].inject = inject;
		set_defaults(&inject->point[i]);
	}
}

/**
 * sim_inject_destroy() - disarm all points for good
 * @inject: the points; debugfs no longer shows them
 */
void sim_inject_destroy(struct sim_inject *inject)
{
	sim_inject_clear(inject);
	mutex_destroy(&inject->lock);
}

static int probability_set(void *data, u64 value)
{
	if (value > 100)
		return -ERANGE;
	sim_inject_set_probability(data, value);
	return 0;
}

static int probability_get(void *data, u64 *value)
{
	*value = READ_ONCE(((struct sim_inject_point *)data)->probability);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(probability_fops, probability_get, probability_set, "%llu\n");

static int fail_nth_set(void *data, u64 value)
{
	if (value > INT_MAX)
		return -ERANGE;
	sim_inject_set_fail_nth(data, value);
	return 0;
}

static int fail_nth_get(void *data, u64 *value)
{
	*value = max(atomic_read(&((struct sim_inject_point *)data)->fail_nth), 0);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(fail_nth_fops, fail_nth_get, fail_nth_set, "%llu\n");

static int seed_set(void *data, u64 value)
{
	sim_inject_set_seed(data, value);
	return 0;
}

static int seed_get(void *data, u64 *value)
{
	*value = READ_ONCE(((struct sim_inject_point *)data)->seed);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(seed_fops, seed_get, seed_set, "%llu\n");

static int counter_get(void *data, u64 *value)
{
	*value = atomic64_read(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(counter_fops, counter_get, NULL, "%llu\n");

static int clear_set(void *data, u64 value)
{
	sim_inject_clear(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(clear_fops, NULL, clear_set, "%llu\n");

static int device_show(struct seq_file *s, void *unused)
{
	const struct sim_inject_point *point = s->private;
	int rid = READ_ONCE(point->device);

	if (rid == SIM_INJECT_ANY_DEVICE)
		seq_puts(s, "any\n");
	else
		seq_printf(s, "%02x:%02x.%d\n", rid >> 8, PCI_SLOT(rid), PCI_FUNC(rid));
	return 0;
}

static int device_open(struct inode *inode, struct file *file)
{
	return single_open(file, device_show, inode->i_private);
}

/* "any", or [DOMAIN:]BUS:SLOT.FUNCTION as lspci prints it, behind this instance */
static ssize_t device_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct sim_inject_point *point = ((struct seq_file *)file->private_data)->private;
	unsigned int segment, bus, slot, function;
	char text[32], *what, end;
	bool full;
	int rid;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, len))
		return -EFAULT;
	text[len] = '\0';
	what = strstrip(text);

	full = sscanf(what, "%x:%x:%x.%x%c", &segment, &bus, &slot, &function, &end) == 4;
	if (!strcmp(what, "any"))
		rid = SIM_INJECT_ANY_DEVICE;
	else if ((full || sscanf(what, "%x:%x.%x%c", &bus, &slot, &function, &end) == 3) &&
		 bus <= 0xff && slot <= 0x1f && function <= 7)
		rid = bus << 8 | PCI_DEVFN(slot, function);
	else
		return -EINVAL;
	if (full && iommu_sim_topology_find(segment, bus) != point->inject->fwnode)
		return -ENODEV;
	WRITE_ONCE(point->device, rid);
	return len;
}

static const struct file_operations device_fops = {
	.owner		= THIS_MODULE,
	.open		= device_open,
	.read		= seq_read,
	.write		= device_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static void point_debugfs(struct sim_inject_point *point, struct dentry *parent)
{
	struct dentry *dir = debugfs_create_dir(point->name, parent);

	debugfs_create_file("probability", 0600, dir, point, &probability_fops);
	debugfs_create_u32("interval", 0600, dir, &point->interval);
	debugfs_create_atomic_t("times", 0600, dir, &point->times);
	debugfs_create_atomic_t("space", 0600, dir, &point->space);
	debugfs_create_u32("verbose", 0600, dir, &point->verbose);
	debugfs_create_file("seed", 0600, dir, point, &seed_fops);
	debugfs_create_file("fail-nth", 0600, dir, point, &fail_nth_fops);
	debugfs_create_file("device", 0600, dir, point, &device_fops);
	debugfs_create_x64("iova_start", 0600, dir, &point->iova_start);
	debugfs_create_x64("iova_last", 0600, dir, &point->iova_last);
	debugfs_create_file("considered", 0400, dir, &point->considered, &counter_fops);
	debugfs_create_file("injected", 0400, dir, &point->injected, &counter_fops);
}

/**
 * sim_inject_debugfs() - show the points in debugfs
 * @inject: the points
 * @parent: directory of the instance
 * @fwnode: of the instance, to tell its devices from others
 */
void sim_inject_debugfs(struct sim_inject *inject, struct dentry *parent,
			const struct fwnode_handle *fwnode)
{
	struct dentry *dir = debugfs_create_dir("inject", parent);
	unsigned int i;

	inject->fwnode = fwnode;
	debugfs_create_file("clear", 0200, dir, inject, &clear_fops);
	for (i = 0; i < SIM_INJECT_NR; i++)
		point_debugfs(&inject->point[i], dir);
}
