#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The same copies with every type that a group can have: strict (DMA), batched
# (DMA-FQ), and not translated (identity). What differs is what the counters
# say, and how long the device reaches a buffer after its unmap.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

types=(DMA DMA-FQ identity)
copies=$((512 * SCALE))
declare -A invalidations elapsed

dma_setup
original=$(group_type "$dev")
ksft_plan $((${#types[@]} * 6 + 2))

# sizes: from less than a page to many, nothing aligned to pages
small_copies()
{
	copy "$dev" 1 100 2 && copied "$dev" 100 1 &&
		copy "$dev" 4095 100 2 && copied "$dev" 100 4095 &&
		copy "$dev" 300000 20 2 && copied "$dev" 20 300000
}

many_copies()
{
	snapshot
	copy "$dev" 16384 "$copies" 4 && copied "$dev" "$copies" 16384 || return
	elapsed[$type]=$(field "$DMA/$dev/selftest/result" elapsed_us)
	invalidations[$type]=$(($(since invalidate_pages) + $(since invalidate_range) +
		$(since invalidate_domain)))
	diag "$type: $(since map_calls) maps, $(since unmap_calls) unmaps," \
		"$(since iotlb_sync_calls) syncs, $(since flush_iotlb_all_calls) flushes," \
		"${invalidations[$type]} invalidations"
}

# Each copy maps two buffers and unmaps two.
counters()
{
	local maps unmaps syncs flushes

	maps=$(since map_calls)
	unmaps=$(since unmap_calls)
	syncs=$(since iotlb_sync_calls)
	flushes=$(since flush_iotlb_all_calls)
	case $type in
	DMA)
		[ "$maps" -ge $((2 * copies)) ] && [ "$unmaps" -ge $((2 * copies)) ] &&
			[ "$syncs" -ge $((2 * copies)) ] && [ "$flushes" = 0 ]
		;;
	DMA-FQ)
		[ "$maps" -ge $((2 * copies)) ] && [ "$unmaps" -ge $((2 * copies)) ] &&
			[ "$syncs" = 0 ] && [ "$flushes" -gt 0 ]
		;;
	identity)
		[ "$maps" = 0 ] && [ "$unmaps" = 0 ] && [ "$syncs" = 0 ] && [ "$flushes" = 0 ]
		;;
	esac
}

after_unmap()
{
	local r=$DMA/$dev/use_after_unmap/result

	echo 1 >"$DMA/$dev/use_after_unmap/run" || return
	diag "$type: after the unmap $(field "$r" unmapped), then $(field "$r" last)," \
		"$(field "$r" window_us) us"
	expect mapped "$(field "$r" mapped)" ok || return
	case $type in
	DMA) expect unmapped "$(field "$r" unmapped)" read-fault ;;
	DMA-FQ)
		# On a machine that is slow enough the flush may have come first.
		[[ $(field "$r" unmapped) =~ ^(stale-data|read-fault)$ ]] &&
			expect last "$(field "$r" last)" read-fault
		;;
	identity)
		expect unmapped "$(field "$r" unmapped)" stale-data &&
			expect last "$(field "$r" last)" ok
		;;
	esac
}

for type in "${types[@]}"; do
	ksft_test "$type: the group takes the type" set_group_type "$dev" "$type"
	ksft_test "$type: copies of odd sizes arrive" small_copies
	ksft_test "$type: $copies copies of 16 KiB by 4 threads arrive" many_copies
	ksft_test "$type: the IOMMU was asked as it should be" counters
	ksft_test "$type: use after unmap" after_unmap
	ksft_test "$type: every descriptor has ended" balanced "$DMA/$dev/stats"
done

# A quarter of those of strict; on a machine so slow that the timer of 10 ms makes more,
# those, and one for each full ring of 256 on each CPU, for the domain and for tables.
fewer()
{
	local batched=${invalidations[DMA-FQ]:?} strict=${invalidations[DMA]:?} flushes

	flushes=$((${elapsed[DMA-FQ]} / 8000 + 2 * copies / 128 + 16))
	[ $((batched * 4)) -lt "$strict" ] ||
		{ [ "$batched" -lt "$strict" ] && [ "$batched" -le $((2 * flushes)) ]; }
}
ksft_test "batched takes far fewer invalidations than strict" fewer
set_group_type "$dev" "$original"
ksft_test "the modules unload" unload
ksft_finish
