#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Page sizes and the width of the IOVA as module parameters, and the page table
# as debugfs shows it, also while it changes.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

DOMAINS=/sys/kernel/debug/iommu-sim/iommu0/domains

# reload [PARAMETER=VALUE]...: with parameters for iommu-sim.
reload()
{
	unload && modprobe iommu-sim "$@" && load && wait_for 5 is_bound "$dev" &&
		set_group_type "$dev" DMA
}

dumps()
{
	cat "$DOMAINS"/*/ptdump
}

copies()
{
	copy "$dev" 65536 64 2 && copied "$dev" 64 65536
}

# The rings are always mapped; every line adds up to the total.
dump_adds_up()
{
	local d lines total

	for d in "$DOMAINS"/*/ptdump; do
		lines=$(awk '/^0x/ { n += $4 } END { print n + 0 }' "$d")
		total=$(awk '/^pages:/ { for (i = 2; i <= NF; i++) if ($(i + 1) == "x") n += $i }
			END { print n + 0 }' "$d")
		expect "pages of ${d#"$DOMAINS"/}" "$lines" "$total" && [ "$total" -gt 0 ] || return
		grep -q '^tables: [1-9]' "$d" || return
	done
	diag "$(dumps | head -n 4 | tr '\n' ';')"
}

# A dump of a table that changes under it ends, and is well formed.
dump_at_work()
{
	local i

	copy "$dev" 65536 1000000 4 &
	work=$!
	for ((i = 0; i < 200 * SCALE; i++)); do
		dumps | grep -vqE '^(domain |0x|pages:|tables: )' && return 1
	done
	kill "$work"
	wait "$work"
	return 0
}

only_small_pages()
{
	reload pgsizes=0x1000 && copies && ! dumps | grep '^0x' | grep -v '4.00 KiB'
}

# 16 KiB rings are mapped as one page, where that size is to be had.
larger_pages()
{
	reload && dumps | grep '^0x' | grep -qv '4.00 KiB'
}

width()
{
	reload "iova_bits=$1" && copies && dumps | grep -q "$2 levels, IOVA to $3,"
}

refused()
{
	unload && ! modprobe iommu-sim "$1" 2>/dev/null && dmesg | tail -n 5 | grep -q "iommu-sim: $2"
}

dma_setup
ksft_plan 12
ksft_test "strict" set_group_type "$dev" DMA
ksft_test "the dump adds up" dump_adds_up
ksft_test "a dump of a table that changes" dump_at_work
ksft_test "larger pages where they fit" larger_pages
ksft_test "no pages but of 4 KiB" only_small_pages
ksft_test "32 bits of IOVA" width 32 3 0xffffffff
ksft_test "57 bits of IOVA" width 57 5 0x1ffffffffffffff
ksft_test "4 KiB cannot be left out" refused pgsizes=0x2000 pgsizes=
ksft_test "nor 512 GiB asked for" refused pgsizes=0x8000001000 pgsizes=
ksft_test "31 bits are too few" refused iova_bits=31 iova_bits=
ksft_test "58 bits are too many" refused iova_bits=58 iova_bits=
ksft_test "unloads" unload
ksft_finish
