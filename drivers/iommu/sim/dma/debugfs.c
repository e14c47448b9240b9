// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver in debugfs, see Documentation/ABI/testing/debugfs-iommu-sim-dma.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "dma.h"

static struct dentry *sim_dma_root;

static const char *sim_dma_status_name(u32 status)
{
	static const char * const names[] = {
		[SIM_DMA_ABORTED]	= "aborted",
		[IOMMU_SIM_OK]		= "ok",
		[IOMMU_SIM_ERR_DESC]	= "bad-descriptor",
		[IOMMU_SIM_ERR_READ]	= "read-fault",
		[IOMMU_SIM_ERR_WRITE]	= "write-fault",
		[IOMMU_SIM_ERR_LIST]	= "list-fault",
		[IOMMU_SIM_MISMATCH]	= "mismatch",
	};

	return status < ARRAY_SIZE(names) ? names[status] : "unknown";
}

static void sim_dma_show_counters(struct seq_file *s, const struct sim_dma_counters *c)
{
	seq_printf(s, "submitted %llu\n", c->submitted);
	seq_printf(s, "completed %llu\n", c->completed);
	seq_printf(s, "errored %llu\n", c->errored);
}

static int sim_dma_totals_show(struct seq_file *s, void *unused)
{
	struct sim_dma_counters sum;

	sim_dma_totals(&sum);
	sim_dma_show_counters(s, &sum);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_dma_totals);

static int sim_dma_stats_show(struct seq_file *s, void *unused)
{
	struct sim_dma *sim = s->private;
	struct sim_dma_counters sum = {};
	unsigned int i;

	for (i = 0; i < sim->nr_chans; i++)
		sim_dma_add_counters(&sim->chans[i], &sum);
	seq_printf(s, "channels %u\n", sim->nr_chans);
	sim_dma_show_counters(s, &sum);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_dma_stats);

static int sim_dma_selftest_run(void *data, u64 value)
{
	struct sim_dma *sim = data;
	int ret;

	if (value != 1)
		return -EINVAL;
	if (!mutex_trylock(&sim->test_lock))
		return -EBUSY;
	ret = sim_dma_selftest(sim, &sim->params, &sim->result);
	mutex_unlock(&sim->test_lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(sim_dma_selftest_run_fops, NULL, sim_dma_selftest_run, "%llu\n");

static int sim_dma_selftest_result_show(struct seq_file *s, void *unused)
{
	struct sim_dma *sim = s->private;
	const struct sim_dma_selftest_result *r = &sim->result;
	u64 mib_s = 0;

	if (!mutex_trylock(&sim->test_lock))
		return -EBUSY;
	if (r->elapsed_ns)
		mib_s = mul_u64_u64_div_u64(r->bytes, NSEC_PER_SEC, r->elapsed_ns) / SZ_1M;
	if (!r->params.size)
		seq_puts(s, "status none\n");
	else if (r->status == -ERESTARTSYS)
		seq_puts(s, "status interrupted\n");
	else if (r->status)
		seq_printf(s, "status failed %pe\n", ERR_PTR(r->status));
	else
		seq_puts(s, "status passed\n");
	seq_printf(s, "size %u\n", r->params.size);
	seq_printf(s, "count %u\n", r->params.count);
	seq_printf(s, "threads %u\n", r->params.threads);
	seq_printf(s, "seed %u\n", r->params.seed);
	seq_printf(s, "copies %llu\n", r->copies);
	seq_printf(s, "bytes %llu\n", r->bytes);
	seq_printf(s, "errors %llu\n", r->errors);
	seq_printf(s, "mismatches %llu\n", r->mismatches);
	seq_printf(s, "elapsed_us %llu\n", div_u64(r->elapsed_ns, NSEC_PER_USEC));
	seq_printf(s, "mib_per_s %llu\n", mib_s);
	mutex_unlock(&sim->test_lock);
	return sim_dma_stats_show(s, unused);
}
DEFINE_SHOW_ATTRIBUTE(sim_dma_selftest_result);

static int sim_dma_stale_run(void *data, u64 value)
{
	struct sim_dma *sim = data;
	int ret;

	if (value != 1)
		return -EINVAL;
	if (!mutex_trylock(&sim->test_lock))
		return -EBUSY;
	ret = sim_dma_use_after_unmap(sim, &sim->stale);
	mutex_unlock(&sim->test_lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(sim_dma_stale_run_fops, NULL, sim_dma_stale_run, "%llu\n");

static int sim_dma_stale_result_show(struct seq_file *s, void *unused)
{
	struct sim_dma *sim = s->private;
	const struct sim_dma_stale_result *r = &sim->stale;
	const char *unmapped;

	if (!mutex_trylock(&sim->test_lock))
		return -EBUSY;
	unmapped = sim_dma_status_name(r->unmapped);
	if (r->unmapped == IOMMU_SIM_OK)
		unmapped = r->same_data ? "stale-data" : "other-data";
	seq_printf(s, "iova %#llx\n", (u64)r->iova);
	seq_printf(s, "mapped %s\n", sim_dma_status_name(r->mapped));
	seq_printf(s, "unmapped %s\n", unmapped);
	seq_printf(s, "last %s\n", sim_dma_status_name(r->last));
	seq_printf(s, "last_address %#llx\n", r->last_addr);
	seq_printf(s, "window_us %llu\n", div_u64(r->window_ns, NSEC_PER_USEC));
	mutex_unlock(&sim->test_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_dma_stale_result);

/**
 * sim_dma_debugfs_add() - the files of one device
 * @sim: the device
 */
void sim_dma_debugfs_add(struct sim_dma *sim)
{
	struct dentry *dir;

	sim->params = (struct sim_dma_selftest_params) {
		.size = SZ_64K,
		.count = 256,
		.threads = 1,
	};
	sim->dir = debugfs_create_dir(pci_name(sim->pdev), sim_dma_root);
	debugfs_create_file("stats", 0444, sim->dir, sim, &sim_dma_stats_fops);

	dir = debugfs_create_dir("selftest", sim->dir);
	debugfs_create_u32("size", 0644, dir, &sim->params.size);
	debugfs_create_u32("count", 0644, dir, &sim->params.count);
	debugfs_create_u32("threads", 0644, dir, &sim->params.threads);
	debugfs_create_u32("seed", 0644, dir, &sim->params.seed);
	debugfs_create_file_unsafe("run", 0200, dir, sim, &sim_dma_selftest_run_fops);
	debugfs_create_file("result", 0444, dir, sim, &sim_dma_selftest_result_fops);

	dir = debugfs_create_dir("use_after_unmap", sim->dir);
	debugfs_create_file_unsafe("run", 0200, dir, sim, &sim_dma_stale_run_fops);
	debugfs_create_file("result", 0444, dir, sim, &sim_dma_stale_result_fops);
}

/**
 * sim_dma_debugfs_del() - remove the files of one device
 * @sim: the device, with its channels stopped
 *
 * Waits for a test that is running; it ends at its next request.
 */
void sim_dma_debugfs_del(struct sim_dma *sim)
{
	debugfs_remove(sim->dir);
}

/**
 * sim_dma_debugfs_init() - the directory of the driver
 */
void sim_dma_debugfs_init(void)
{
	sim_dma_root = debugfs_create_dir(SIM_DMA_NAME, NULL);
	debugfs_create_file("stats", 0444, sim_dma_root, NULL, &sim_dma_totals_fops);
}

/**
 * sim_dma_debugfs_exit() - remove it
 */
void sim_dma_debugfs_exit(void)
{
	debugfs_remove(sim_dma_root);
}
