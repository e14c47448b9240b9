// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which entry of a set goes when it is full. All that a policy knows of a set is
 * in 64 bits, so that readers, who take no lock, can say what they used: they
 * store a state that follows from one that was. Of two who do so at the same
 * time one may be forgotten; a state that makes no sense cannot come of it.
 *
 * LRU: the ways in order of their last use, 4 bits each, the last used lowest.
 * PLRU: a binary tree of bits, bit n the node with the children 2n and 2n + 1,
 * each saying which half was not used last.
 * Random: the state of an xorshift64* generator (Vigna 2016), which only fills
 * move on, so that the same fills evict the same entries.
 */
#include "tlb.h"

/**
 * sim_tlb_order_init() - the state of a set in which nothing was used
 * @policy: the policy
 * @ways: entries of the set
 * @seed: makes sets differ
 *
 * Return: the state.
 */
u64 sim_tlb_order_init(enum sim_tlb_policy policy, unsigned int ways, u64 seed)
{
	u64 order = 0;

	if (policy == SIM_TLB_RANDOM)
		return (seed + 1) * 0x9e3779b97f4a7c15ULL;
	if (policy == SIM_TLB_LRU)
		while (ways--)
			order = order << 4 | ways;
	return order;
}

static u64 lru_used(u64 order, unsigned int ways, unsigned int way)
{
	unsigned int at = 0;

	while ((order >> at & 15) != way)
		at += 4;
	/* Those used since then become one older */
	return (order & ~(GENMASK_ULL(at + 3, 0))) | (order & (BIT_ULL(at) - 1)) << 4 | way;
}

static u64 plru_used(u64 order, unsigned int ways, unsigned int way)
{
	unsigned int node = ways | way;

	for (; node > 1; node >>= 1) {
		order &= ~BIT_ULL(node >> 1);
		order |= (u64)!(node & 1) << (node >> 1);
	}
	return order;
}

/**
 * sim_tlb_used() - an entry was filled or hit
 * @policy: the policy
 * @order: the state of its set
 * @ways: entries of the set
 * @way: which
 *
 * Context: any; needs no lock.
 */
void sim_tlb_used(enum sim_tlb_policy policy, u64 *order, unsigned int ways, unsigned int way)
{
	u64 old, new;

	if (policy == SIM_TLB_RANDOM)
		return;
	old = READ_ONCE(*order);
	new = policy == SIM_TLB_LRU ? lru_used(old, ways, way) : plru_used(old, ways, way);
	/* Mostly the same again: others keep the cache line */
	if (new != old)
		WRITE_ONCE(*order, new);
}

/**
 * sim_tlb_victim() - which entry goes
 * @policy: the policy
 * @order: the state of its set
 * @ways: entries of the set
 *
 * Context: with the set locked. Return: its number.
 */
unsigned int sim_tlb_victim(enum sim_tlb_policy policy, u64 *order, unsigned int ways)
{
	u64 now = READ_ONCE(*order);
	unsigned int node = 1;

	switch (policy) {
	case SIM_TLB_LRU:
		return now >> 4 * (ways - 1) & 15;
	case SIM_TLB_PLRU:
		while (node < ways)
			node = node << 1 | (now >> node & 1);
		return node - ways;
	default:
		now ^= now >> 12;
		now ^= now << 25;
		now ^= now >> 27;
		WRITE_ONCE(*order, now);
		return ((now * 0x2545f4914f6cdd1dULL >> 32) * ways) >> 32;
	}
}
