// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA engine: executes one descriptor (spec 10.5). A descriptor is hostile
 * until it has been checked; lists are copied before they are.
 *
 * Functions here return 0 to go on, enum iommu_sim_status to end the
 * descriptor with that, or -ECANCELED to drop it without a trace.
 */
#include <linux/align.h>
#include <linux/minmax.h>

#include "pci.h"

/**
 * struct sim_stream - one side of a transfer
 * @addr: of the next byte
 * @left: bytes from there on
 * @seg: where to go on then, or NULL
 */
struct sim_stream {
	u64 addr;
	u64 left;
	const struct iommu_sim_seg *seg;
};

static struct iommu_sim_tlp sim_engine_tlp(const struct sim_channel *ch, u8 type, u64 addr,
					   void *data, u32 len)
{
	const struct iommu_sim_desc *d = &ch->work.desc;
	bool pasid = d->flags & IOMMU_SIM_DESC_PASID;

	return (struct iommu_sim_tlp) {
		.type = type,
		.flags = pasid ? SIM_TLP_PASID : 0,
		.pasid = pasid ? le32_to_cpu(d->pasid) : 0,
		.addr = addr,
		.len = len,
		.data = data,
	};
}

static int sim_engine_failed(struct sim_channel *ch, u64 addr, int status,
			     enum iommu_sim_status error)
{
	ch->work.cpl.addr = cpu_to_le64(addr);
	ch->work.cpl.cpl = cpu_to_le32(status);
	return error;
}

static int sim_engine_request(struct sim_channel *ch, u8 type, u64 addr, void *data, u32 len,
			      enum iommu_sim_status error)
{
	struct iommu_sim_tlp tlp = sim_engine_tlp(ch, type, addr, data, len);
	int ret = sim_channel_send(ch, &tlp, NULL);

	return ret <= 0 ? ret : sim_engine_failed(ch, addr, ret, error);
}

static int sim_engine_read(struct sim_channel *ch, u64 addr, void *data, u32 len)
{
	return sim_engine_request(ch, SIM_TLP_MEM_READ, addr, data, len, IOMMU_SIM_ERR_READ);
}

static int sim_engine_write(struct sim_channel *ch, u64 addr, void *data, u32 len)
{
	return sim_engine_request(ch, SIM_TLP_MEM_WRITE, addr, data, len, IOMMU_SIM_ERR_WRITE);
}

/* Bytes from @addr to the boundary that no request crosses */
static u32 sim_to_boundary(u64 addr)
{
	return SIM_TLP_MAX_LEN - (addr & (SIM_TLP_MAX_LEN - 1));
}

static bool sim_range_valid(u64 addr, u64 len)
{
	return !len || addr <= U64_MAX - (len - 1);
}

/* Read a list and check that it holds at least @len bytes */
static int sim_engine_read_list(struct sim_channel *ch, u64 addr, unsigned int nr,
				struct iommu_sim_seg *list, u32 len)
{
	u32 size = nr * sizeof(*list), n, done;
	u64 total = 0;
	unsigned int i;
	int ret;

	if (!nr || nr > IOMMU_SIM_MAX_SEGMENTS || !IS_ALIGNED(addr, sizeof(*list)) ||
	    !sim_range_valid(addr, size))
		return IOMMU_SIM_ERR_DESC;
	for (done = 0; done < size; done += n) {
		n = min(size - done, sim_to_boundary(addr + done));
		ret = sim_engine_request(ch, SIM_TLP_MEM_READ, addr + done, (void *)list + done, n,
					 IOMMU_SIM_ERR_LIST);
		if (ret)
			return ret;
	}
	for (i = 0; i < nr; i++) {
		if (list[i].rsvd ||
		    !sim_range_valid(le64_to_cpu(list[i].addr), le32_to_cpu(list[i].len)))
			return IOMMU_SIM_ERR_DESC;
		total += le32_to_cpu(list[i].len);
	}
	return total < len ? IOMMU_SIM_ERR_DESC : 0;
}

static int sim_stream_open(struct sim_channel *ch, struct sim_stream *s, bool is_list,
			   __le64 addr, __le16 segs, struct iommu_sim_seg *list)
{
	u32 len = le32_to_cpu(ch->work.desc.len);

	if (is_list) {
		*s = (struct sim_stream) { .seg = list };
		return sim_engine_read_list(ch, le64_to_cpu(addr), le16_to_cpu(segs), list, len);
	}
	*s = (struct sim_stream) { .addr = le64_to_cpu(addr), .left = len };
	return sim_range_valid(s->addr, len) ? 0 : IOMMU_SIM_ERR_DESC;
}

static int sim_stream_open_src(struct sim_channel *ch, struct sim_stream *s)
{
	const struct iommu_sim_desc *d = &ch->work.desc;

	return sim_stream_open(ch, s, d->flags & IOMMU_SIM_DESC_SRC_LIST, d->src, d->src_segs,
			       ch->buf->src);
}

static int sim_stream_open_dst(struct sim_channel *ch, struct sim_stream *s)
{
	const struct iommu_sim_desc *d = &ch->work.desc;

	return sim_stream_open(ch, s, d->flags & IOMMU_SIM_DESC_DST_LIST, d->dst, d->dst_segs,
			       ch->buf->dst);
}

/* Size of the next request, at most @want > 0; the list is known to hold that */
static u32 sim_stream_chunk(struct sim_stream *s, u32 want)
{
	while (!s->left) {
		s->addr = le64_to_cpu(s->seg->addr);
		s->left = le32_to_cpu(s->seg->len);
		s->seg++;
	}
	return min3((u64)want, s->left, (u64)sim_to_boundary(s->addr));
}

static void sim_stream_advance(struct sim_stream *s, u32 n)
{
	s->addr += n;
	s->left -= n;
}

/* The last write of a copy, which a bad engine gets wrong without a word */
static int sim_engine_write_end(struct sim_channel *ch, u64 addr, u8 *data, u32 len)
{
	int ret;

	if (sim_channel_inject(ch, SIM_INJECT_SHORT_COPY, addr, addr + len - 1))
		return len > 1 ? sim_engine_write(ch, addr, data, len - 1) : 0;
	ret = sim_engine_write(ch, addr, data, len);
	/* After the last address there is none */
	if (!ret && addr + len && sim_channel_inject(ch, SIM_INJECT_OVERRUN, addr, addr + len - 1))
		ret = sim_engine_write(ch, addr + len, data, 1);
	return ret;
}

/* Up to this many bytes have an order (spec 8.4), which is that of two requests */
#define SIM_ORDERED_LEN	64

/* One step of a copy; @end if it is the last */
static int sim_engine_copy_step(struct sim_channel *ch, u64 dst, u64 src, u32 n, bool end)
{
	struct iommu_sim_tlp read, write;
	u8 *buf = ch->buf->data;
	bool at_write;
	int ret;

	if (!ch->ep->up->copy || n <= SIM_ORDERED_LEN || sim_inject_any()) {
		ret = sim_engine_read(ch, src, buf, n);
		if (ret)
			return ret;
		return end ? sim_engine_write_end(ch, dst, buf, n) :
			     sim_engine_write(ch, dst, buf, n);
	}
	read = sim_engine_tlp(ch, SIM_TLP_MEM_READ, src, buf, n);
	write = sim_engine_tlp(ch, SIM_TLP_MEM_WRITE, dst, buf, n);
	ret = sim_channel_copy(ch, &read, &write, &at_write);
	if (ret <= 0)
		return ret;
	return at_write ? sim_engine_failed(ch, dst, ret, IOMMU_SIM_ERR_WRITE) :
			  sim_engine_failed(ch, src, ret, IOMMU_SIM_ERR_READ);
}

static int sim_engine_copy(struct sim_channel *ch)
{
	u32 len = le32_to_cpu(ch->work.desc.len), done = 0, n;
	struct sim_stream src, dst;
	int ret;

	ret = sim_stream_open_src(ch, &src) ?: sim_stream_open_dst(ch, &dst);
	while (!ret && done < len) {
		n = sim_stream_chunk(&src, len - done);
		n = sim_stream_chunk(&dst, n);
		ret = sim_engine_copy_step(ch, dst.addr, src.addr, n, done + n == len);
		if (ret)
			break;
		sim_stream_advance(&src, n);
		sim_stream_advance(&dst, n);
		done += n;
	}
	ch->work.cpl.done = cpu_to_le32(done);
	return ret ?: IOMMU_SIM_OK;
}

static int sim_engine_compare(struct sim_channel *ch)
{
	u32 len = le32_to_cpu(ch->work.desc.len), done = 0, n, i;
	struct sim_buffers *buf = ch->buf;
	struct sim_stream src, dst;
	int ret;

	ret = sim_stream_open_src(ch, &src) ?: sim_stream_open_dst(ch, &dst);
	while (!ret && done < len) {
		n = sim_stream_chunk(&src, len - done);
		n = sim_stream_chunk(&dst, n);
		ret = sim_engine_read(ch, src.addr, buf->data, n) ?:
		      sim_engine_read(ch, dst.addr, buf->other, n);
		if (ret)
			break;
		for (i = 0; i < n && buf->data[i] == buf->other[i]; i++)
			;
		if (i < n)
			ret = IOMMU_SIM_MISMATCH;
		sim_stream_advance(&src, n);
		sim_stream_advance(&dst, n);
		done += i;
	}
	ch->work.cpl.done = cpu_to_le32(done);
	return ret ?: IOMMU_SIM_OK;
}

static int sim_engine_fill(struct sim_channel *ch)
{
	const struct iommu_sim_desc *d = &ch->work.desc;
	u32 len = le32_to_cpu(d->len), done = 0, n, i;
	u8 *pattern = ch->buf->data;
	struct sim_stream dst;
	int ret;

	/* Long enough for a whole request at each of the eight phases */
	n = min_t(u64, sizeof(ch->buf->data), round_up((u64)len, 8) + 8);
	for (i = 0; i < n; i += sizeof(d->operand))
		memcpy(pattern + i, &d->operand, sizeof(d->operand));

	ret = sim_stream_open_dst(ch, &dst);
	while (!ret && done < len) {
		n = sim_stream_chunk(&dst, len - done);
		ret = sim_engine_write(ch, dst.addr, pattern + done % sizeof(d->operand), n);
		if (ret)
			break;
		sim_stream_advance(&dst, n);
		done += n;
	}
	ch->work.cpl.done = cpu_to_le32(done);
	return ret ?: IOMMU_SIM_OK;
}

static int sim_engine_fetch_add(struct sim_channel *ch)
{
	const struct iommu_sim_desc *d = &ch->work.desc;
	__le64 val = d->operand;
	u32 len = le32_to_cpu(d->len);
	int ret;

	if ((len != 4 && len != 8) || !IS_ALIGNED(le64_to_cpu(d->dst), len))
		return IOMMU_SIM_ERR_DESC;
	ret = sim_engine_request(ch, SIM_TLP_FETCH_ADD, le64_to_cpu(d->dst), &val, len,
				 IOMMU_SIM_ERR_WRITE);
	if (ret)
		return ret;
	if (len == 4)
		val &= cpu_to_le64(U32_MAX);
	ch->work.cpl.result = val;
	ch->work.cpl.done = d->len;
	return IOMMU_SIM_OK;
}

/**
 * struct sim_op - what an operation allows
 * @execute: how it is done; NULL moves nothing
 * @lists: the list flags it knows
 * @operand: it has an operand, or ignores it
 */
struct sim_op {
	int (*execute)(struct sim_channel *ch);
	u8 lists;
	bool operand;
};

static const struct sim_op sim_ops[] = {
	[IOMMU_SIM_OP_NOP] = { .operand = true },
	[IOMMU_SIM_OP_COPY] = {
		.execute = sim_engine_copy,
		.lists = IOMMU_SIM_DESC_SRC_LIST | IOMMU_SIM_DESC_DST_LIST,
	},
	[IOMMU_SIM_OP_FILL] = {
		.execute = sim_engine_fill,
		.lists = IOMMU_SIM_DESC_DST_LIST,
		.operand = true,
	},
	[IOMMU_SIM_OP_COMPARE] = {
		.execute = sim_engine_compare,
		.lists = IOMMU_SIM_DESC_SRC_LIST | IOMMU_SIM_DESC_DST_LIST,
	},
	[IOMMU_SIM_OP_FETCH_ADD] = { .execute = sim_engine_fetch_add, .operand = true },
};

/* spec 10.5: what has to be zero, is it? */
static bool sim_desc_valid(const struct iommu_sim_desc *d, const struct sim_op *op)
{
	u32 pasid_max = d->flags & IOMMU_SIM_DESC_PASID ? 0xfffff : 0;

	if (d->flags & ~(IOMMU_SIM_DESC_INTR | IOMMU_SIM_DESC_PASID | op->lists))
		return false;
	if (d->rsvd0 || d->rsvd[0] || d->rsvd[1] || d->rsvd[2])
		return false;
	if (le32_to_cpu(d->pasid) > pasid_max || (d->operand && !op->operand))
		return false;
	if ((d->src_segs && !(d->flags & IOMMU_SIM_DESC_SRC_LIST)) ||
	    (d->dst_segs && !(d->flags & IOMMU_SIM_DESC_DST_LIST)))
		return false;
	return d->len || !op->execute;
}

/**
 * sim_engine_execute() - execute the descriptor that a channel has read
 * @ch: the channel, whose thread calls; the completion record is zeroed
 *
 * Fills in the record but for number and status.
 *
 * Return: enum iommu_sim_status, or -ECANCELED if the work is to be dropped.
 */
int sim_engine_execute(struct sim_channel *ch)
{
	const struct iommu_sim_desc *d = &ch->work.desc;
	const struct sim_op *op;

	if (d->op >= ARRAY_SIZE(sim_ops))
		return IOMMU_SIM_ERR_DESC;
	op = &sim_ops[d->op];
	if (!sim_desc_valid(d, op))
		return IOMMU_SIM_ERR_DESC;
	return op->execute ? op->execute(ch) : IOMMU_SIM_OK;
}
