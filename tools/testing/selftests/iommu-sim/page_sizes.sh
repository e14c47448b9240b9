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

# Every line is one that the ABI file describes, and addresses ascend. A dump may
# end early, with its domain.
well_formed()
{
	awk '
		/^domain [0-9]+: [1-6] levels, IOVA to 0x[0-9a-f]+, page sizes 0x[0-9a-f]+(, |$)/ {
			last = ""
			dumps++
			next
		}
		/^0x[0-9a-f]+-0x[0-9a-f]+ 0x[0-9a-f]+ [r-][w-][a-][d-] [0-9]+ x [0-9.]+ [KMGTP]iB$/ {
			split($1, at, "-")
			if (length($1) != 37 || length($2) != 18 || at[2] "" < at[1] "" ||
			    at[2] "" <= last "")
				exit bad = 1
			last = at[2]
			next
		}
		!/^(pages:( [0-9]+ x [0-9.]+ [KMGTP]iB)*|(tables|reserve): [0-9]+, [0-9]+ bytes)$/ {
			exit bad = 1
		}
		END {
			if (bad)
				print "# not well formed: " $0
			exit bad || !dumps
		}'
}

# A dump of a table that changes under it ends, and is well formed.
dump_at_work()
{
	local i result=0

	set_group_type "$dev" "$1" && start_work || return
	for ((i = 0; i < 100 * SCALE; i++)); do dumps; done | well_formed || result=1
	kill "$work"
	wait "$work"
	return "$result"
}

change_domains()
{
	local i

	for ((i = 0; i < 10 * SCALE; i++)); do
		set_group_type "$dev" DMA-FQ && copies && set_group_type "$dev" DMA || return
	done
}

# Domains go while they are read: two readers, so that one is always in there.
dump_while_domains_change()
{
	local work other result=0

	change_domains &
	work=$!
	while kill -0 "$work" 2>/dev/null; do dumps; done >/dev/null 2>&1 &
	other=$!
	while kill -0 "$work" 2>/dev/null; do dumps 2>/dev/null; done | well_formed || result=1
	wait "$other"
	wait "$work" && [ "$result" = 0 ]
}

only_small_pages()
{
	reload pgsizes=0x1000 && copies && dumps | grep -q '^0x.* x 4.00 KiB' &&
		! dumps | grep '^0x' | grep -v ' x 4.00 KiB'
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
ksft_plan 14
ksft_test "strict" set_group_type "$dev" DMA
ksft_test "the dump adds up" dump_adds_up
ksft_test "a dump of a table that changes, batched" dump_at_work DMA-FQ
ksft_test "a dump of a table that changes, strict" dump_at_work DMA
ksft_test "a dump of domains that come and go" dump_while_domains_change
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
