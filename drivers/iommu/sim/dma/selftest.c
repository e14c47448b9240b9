// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be shown without dmaengine: copies through the DMA API in which
 * every byte is looked at, and what the device reaches after an unmap.
 */
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/ktime.h>
#include <linux/delay.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "dma.h"

/* Buffers begin at any byte of this many, and have as many around them */
#define SIM_DMA_GUARD		64
#define SIM_DMA_MAX_SIZE	SZ_2M
#define SIM_DMA_MAX_THREADS	64

/* How long a device may go on reaching what has been unmapped */
#define SIM_DMA_WINDOW_MS	500

struct sim_dma_buf {
	u8 *mem;
	u8 *data;
	size_t size;
	dma_addr_t iova;
};

/**
 * struct sim_dma_test - a run of the self-test
 * @sim: the device
 * @params: checked, and with a seed
 * @left: copies that no thread has begun
 * @running: threads that have not ended
 * @done: none of them is left
 * @stop: threads end after the copy they are at
 * @stops: as that of @sim was; threads end when it is another
 * @lock: of this run
 * @result: all threads add to it
 */
struct sim_dma_test {
	struct sim_dma *sim;
	struct sim_dma_selftest_params params;
	atomic_t left;
	atomic_t running;
	struct completion done;
	bool stop;
	unsigned int stops;
	struct mutex lock;	/* protects result */
	struct sim_dma_selftest_result *result;
};

struct sim_dma_thread {
	struct work_struct work;
	struct sim_dma_test *test;
	unsigned int index;
	struct rnd_state rnd;
	struct sim_dma_buf src;
	struct sim_dma_buf dst;
};

static size_t sim_dma_buf_bytes(size_t size)
{
	return size + 3 * SIM_DMA_GUARD;
}

static int sim_dma_buf_alloc(struct sim_dma_buf *buf, size_t size)
{
	buf->size = size;
	buf->mem = alloc_pages_exact(sim_dma_buf_bytes(size), GFP_KERNEL | __GFP_NOWARN);
	return buf->mem ? 0 : -ENOMEM;
}

static void sim_dma_buf_free(struct sim_dma_buf *buf)
{
	if (buf->mem)
		free_pages_exact(buf->mem, sim_dma_buf_bytes(buf->size));
}

static int sim_dma_buf_map(struct sim_dma *sim, struct sim_dma_buf *buf,
			   enum dma_data_direction dir)
{
	struct device *dev = &sim->pdev->dev;

	buf->iova = dma_map_single(dev, buf->data, buf->size, dir);
	return dma_mapping_error(dev, buf->iova) ? -ENOMEM : 0;
}

static void sim_dma_buf_unmap(struct sim_dma *sim, struct sim_dma_buf *buf,
			      enum dma_data_direction dir)
{
	dma_unmap_single(&sim->pdev->dev, buf->iova, buf->size, dir);
}

/* New data in the source, and in the destination what it can be told from */
static void sim_dma_prepare(struct sim_dma_thread *t, u8 poison)
{
	t->src.data = t->src.mem + SIM_DMA_GUARD + prandom_u32_state(&t->rnd) % SIM_DMA_GUARD;
	t->dst.data = t->dst.mem + SIM_DMA_GUARD + prandom_u32_state(&t->rnd) % SIM_DMA_GUARD;
	prandom_bytes_state(&t->rnd, t->src.data, t->src.size);
	memset(t->dst.mem, poison, sim_dma_buf_bytes(t->dst.size));
}

/* Map, copy, unmap: the way of every buffer of a driver */
static int sim_dma_copy(struct sim_dma_thread *t, struct sim_dma_request *req)
{
	struct sim_dma *sim = t->test->sim;
	int ret;

	ret = sim_dma_buf_map(sim, &t->src, DMA_TO_DEVICE);
	if (ret)
		return ret;
	ret = sim_dma_buf_map(sim, &t->dst, DMA_FROM_DEVICE);
	if (ret)
		goto unmap_src;
	req->desc = sim_dma_desc_copy(t->dst.iova, t->src.iova, t->src.size);
	ret = sim_dma_exec(&sim->chans[t->index % sim->nr_chans], req);
	sim_dma_buf_unmap(sim, &t->dst, DMA_FROM_DEVICE);
unmap_src:
	sim_dma_buf_unmap(sim, &t->src, DMA_TO_DEVICE);
	return ret;
}

/* The first byte of the destination's memory that is wrong, or NULL */
static const u8 *sim_dma_verify(const struct sim_dma_thread *t, u8 poison)
{
	const struct sim_dma_buf *src = &t->src, *dst = &t->dst;
	const u8 *end = dst->mem + sim_dma_buf_bytes(dst->size);
	const u8 *after = dst->data + dst->size;
	const u8 *bad;
	size_t i;

	bad = memchr_inv(dst->mem, poison, dst->data - dst->mem);
	if (bad)
		return bad;
	if (memcmp(dst->data, src->data, dst->size)) {
		for (i = 0; dst->data[i] == src->data[i]; i++)
			;
		return &dst->data[i];
	}
	return memchr_inv(after, poison, end - after);
}

static void sim_dma_count(struct sim_dma_thread *t, const struct sim_dma_request *req,
			  int ret, const u8 *bad)
{
	struct sim_dma_test *test = t->test;
	struct device *dev = &test->sim->pdev->dev;
	struct sim_dma_selftest_result *r = test->result;

	guard(mutex)(&test->lock);
	if (ret) {
		r->errors++;
		dev_err_ratelimited(dev, "self-test: copy failed: %pe, status %u, address %#llx\n",
				    ERR_PTR(ret), req->status, req->addr);
	} else {
		r->copies++;
		r->bytes += t->src.size;
	}
	if (bad) {
		r->mismatches++;
		ret = -EIO;
		dev_err_ratelimited(dev, "self-test: wrong byte %#x at offset %td of %zu, seed %u\n",
				    *bad, bad - t->dst.data, t->dst.size, test->params.seed);
	}
	r->status = r->status ?: ret;
}

static void sim_dma_thread(struct work_struct *work)
{
	struct sim_dma_thread *t = container_of(work, struct sim_dma_thread, work);
	struct sim_dma_test *test = t->test;
	const u8 *bad;
	u8 poison;
	int ret;

	while (!READ_ONCE(test->stop) && READ_ONCE(test->sim->stops) == test->stops &&
	       atomic_dec_if_positive(&test->left) >= 0) {
		struct sim_dma_request req = {};

		poison = prandom_u32_state(&t->rnd);
		sim_dma_prepare(t, poison);
		ret = sim_dma_copy(t, &req);
		bad = ret ? NULL : sim_dma_verify(t, poison);
		sim_dma_count(t, &req, ret, bad);
		/* The device has gone, or does not answer: no use to go on */
		if (ret == -ECANCELED || ret == -ETIMEDOUT)
			break;
		cond_resched();
	}
	if (atomic_dec_and_test(&test->running))
		complete(&test->done);
}

static int sim_dma_threads_alloc(struct sim_dma_test *test, struct sim_dma_thread *threads)
{
	unsigned int i;
	int ret;

	for (i = 0; i < test->params.threads; i++) {
		struct sim_dma_thread *t = &threads[i];

		t->test = test;
		t->index = i;
		prandom_seed_state(&t->rnd, test->params.seed + ((u64)i << 32));
		INIT_WORK(&t->work, sim_dma_thread);
		ret = sim_dma_buf_alloc(&t->src, test->params.size) ?:
		      sim_dma_buf_alloc(&t->dst, test->params.size);
		if (ret)
			return ret;
	}
	return 0;
}

static void sim_dma_threads_free(struct sim_dma_test *test, struct sim_dma_thread *threads)
{
	unsigned int i;

	for (i = 0; i < test->params.threads; i++) {
		sim_dma_buf_free(&threads[i].src);
		sim_dma_buf_free(&threads[i].dst);
	}
	kvfree(threads);
}

static int sim_dma_threads_run(struct sim_dma_test *test, struct sim_dma_thread *threads)
{
	ktime_t start = ktime_get();
	unsigned int i;
	int ret;

	for (i = 0; i < test->params.threads; i++)
		queue_work(sim_dma_wq, &threads[i].work);
	ret = wait_for_completion_interruptible(&test->done);
	WRITE_ONCE(test->stop, true);
	for (i = 0; i < test->params.threads; i++)
		flush_work(&threads[i].work);
	test->result->elapsed_ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	return ret;
}

/**
 * sim_dma_selftest() - copy random data by DMA and verify it
 * @sim: the device
 * @params: what to do
 * @result: what was found, valid whatever is returned
 *
 * Every copy maps its own source and destination and unmaps them again.
 * Other users of the channels are not disturbed. Context: sleeps; signals end
 * it early.
 *
 * Return: 0 if all was well; -EINVAL for parameters out of range, -ENOMEM,
 * -ERESTARTSYS; -EIO if a copy failed or a byte was wrong; -ECANCELED if the device
 * was stopped or reset meanwhile, which ends the test.
 */
int sim_dma_selftest(struct sim_dma *sim, const struct sim_dma_selftest_params *params,
		     struct sim_dma_selftest_result *result)
{
	struct sim_dma_test test = {
		.sim = sim,
		.params = *params,
		.result = result,
		.stops = READ_ONCE(sim->stops),
	};
	struct sim_dma_thread *threads;
	int ret;

	memset(result, 0, sizeof(*result));
	while (!test.params.seed)
		test.params.seed = get_random_u32();
	result->params = test.params;
	ret = -EINVAL;
	if (!test.params.size || test.params.size > SIM_DMA_MAX_SIZE ||
	    !test.params.threads || test.params.threads > SIM_DMA_MAX_THREADS ||
	    test.params.count > INT_MAX)
		goto out;

	atomic_set(&test.left, test.params.count);
	atomic_set(&test.running, test.params.threads);
	init_completion(&test.done);
	mutex_init(&test.lock);
	ret = -ENOMEM;
	threads = kvcalloc(test.params.threads, sizeof(*threads), GFP_KERNEL);
	if (!threads)
		goto out;
	ret = sim_dma_threads_alloc(&test, threads);
	if (!ret)
		ret = sim_dma_threads_run(&test, threads);
	sim_dma_threads_free(&test, threads);
	if (!ret && (result->errors || result->mismatches))
		ret = -EIO;
	/* Maybe while no thread had anything under way */
	if (!ret && READ_ONCE(sim->stops) != test.stops)
		ret = -ECANCELED;
out:
	result->status = result->status ?: ret;
	return ret;
}

/* Read from @src's address until that fails, or too much time has passed */
static void sim_dma_read_stale(struct sim_dma *sim, const struct sim_dma_buf *src,
			       const struct sim_dma_buf *dst, struct sim_dma_stale_result *r)
{
	ktime_t start = ktime_get();
	struct sim_dma_request req = {};
	bool first = true;
	int ret;

	do {
		if (!first)
			usleep_range(100, 200);
		req.desc = sim_dma_desc_copy(dst->iova, src->iova, src->size);
		ret = sim_dma_exec(&sim->chans[0], &req);
		r->window_ns = ktime_to_ns(ktime_sub(ktime_get(), start));
		r->last = req.status;
		r->last_addr = req.addr;
		if (first) {
			r->unmapped = req.status;
			r->same_data = !ret && !memcmp(src->data, dst->data, src->size);
		}
		first = false;
	} while (!ret && r->window_ns < (u64)SIM_DMA_WINDOW_MS * NSEC_PER_MSEC);
}

static int sim_dma_map_use_unmap(struct sim_dma *sim, struct sim_dma_buf *src,
				 const struct sim_dma_buf *dst, struct sim_dma_stale_result *r)
{
	struct sim_dma_request req = {};
	int ret;

	ret = sim_dma_buf_map(sim, src, DMA_TO_DEVICE);
	if (ret)
		return ret;
	r->iova = src->iova;
	req.desc = sim_dma_desc_copy(dst->iova, src->iova, src->size);
	ret = sim_dma_exec(&sim->chans[0], &req);
	r->mapped = req.status;
	sim_dma_buf_unmap(sim, src, DMA_TO_DEVICE);
	/* So that it can be told whether the next read brought anything */
	memset(dst->data, 0, dst->size);
	return ret;
}

/**
 * sim_dma_use_after_unmap() - let the device read what is no longer mapped
 * @sim: the device
 * @result: what it got
 *
 * The mistake of a driver that unmaps too early, made on purpose: maps a
 * buffer, reads it by DMA, unmaps it, reads again. The buffer stays allocated
 * and is only read, so that no data is harmed, whoever has the address by then.
 * Context: sleeps, for half a second at most if the device never fails.
 *
 * Return: 0 if the experiment took place, however it ended; else -errno.
 */
int sim_dma_use_after_unmap(struct sim_dma *sim, struct sim_dma_stale_result *result)
{
	struct sim_dma_buf src = {}, dst = { .size = PAGE_SIZE };
	struct device *dev = &sim->pdev->dev;
	int ret;

	memset(result, 0, sizeof(*result));
	ret = sim_dma_buf_alloc(&src, PAGE_SIZE);
	if (ret)
		return ret;
	src.data = src.mem;
	get_random_bytes(src.data, src.size);
	dst.data = dma_alloc_coherent(dev, dst.size, &dst.iova, GFP_KERNEL);
	ret = -ENOMEM;
	if (!dst.data)
		goto out;
	ret = sim_dma_map_use_unmap(sim, &src, &dst, result);
	if (!ret)
		sim_dma_read_stale(sim, &src, &dst, result);
	dma_free_coherent(dev, dst.size, dst.data, dst.iova);
out:
	sim_dma_buf_free(&src);
	return ret;
}
