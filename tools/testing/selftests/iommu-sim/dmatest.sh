#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own test of DMA engines on our channels: random sizes and
# offsets, strict, batched and without translation. And a bad engine, which it
# has to find: else it would prove nothing.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

PARAM=/sys/module/dmatest/parameters
INJECT=/sys/kernel/debug/iommu-sim/iommu0/inject
iterations=500
# Of copies, in each group type
copies=$((SCALE > 1 ? 5000 : iterations))
threads=2
# Of a transfer, in ms: long, for a machine that stands still at times
timeout=20000

dma_setup
modprobe -q dmatest
[ -d "$PARAM" ] || ksft_skip_all "this kernel has no dmatest (CONFIG_DMATEST)"

our_channels()
{
	local c

	for c in /sys/class/dma/*; do
		[ "$(basename "$(readlink -f "$c/device")")" = "$dev" ] && basename "$c"
	done
	return 0
}

mark()
{
	echo "dmatest.sh: $1" >/dev/kmsg
}

# What dmatest has said since the last mark.
log()
{
	dmesg | tac | sed '/dmatest\.sh: /q' | tac | grep 'dmatest: .*chan'
}

# run_dmatest TYPE ITERATIONS: 0 is copy, 1 is memset; on all channels.
run_dmatest()
{
	local c

	mark run
	echo 0 >"$PARAM/dmatest" && echo "$1" >"$PARAM/dmatest" && echo "$2" >"$PARAM/iterations" &&
		echo "$threads" >"$PARAM/threads_per_chan" && echo "$timeout" >"$PARAM/timeout" || return
	for c in $(our_channels); do
		echo "$c" >"$PARAM/channel" || return
	done
	echo 1 >"$PARAM/run" || return
	# Reading "wait" returns at once if no thread has begun yet.
	wait_for $((200 * SCALE)) all_done
}

all_done()
{
	[ "$(log | grep -c summary)" = $(($(our_channels | wc -l) * threads)) ]
}

# sum N: field N of "summary TESTS tests, FAILURES failures", over all threads.
sum()
{
	log | sed -n 's/.*summary \([0-9]*\) tests, \([0-9]*\) failures.*/\1 \2/p' |
		awk -v n="$1" '{ s += $n } END { print s + 0 }'
}

# passes TYPE ITERATIONS
passes()
{
	local nr

	nr=$(our_channels | wc -l)
	run_dmatest "$1" "$2" || return
	log | grep summary | sed 's/^/# /'
	expect tests "$(sum 1)" $((nr * threads * $2)) &&
		expect failures "$(sum 2)" 0 && balanced "$DMA/stats"
}

arm()
{
	echo 1 >"$INJECT/clear" && echo "$dev" >"$INJECT/$1/device" && echo -1 >"$INJECT/$1/times" &&
		echo 0 >"$INJECT/$1/verbose" && echo "$2" >"$INJECT/$1/probability"
}

# found POINT PERCENT TEXT: with so many going wrong, dmatest says so.
found()
{
	arm "$1" "$2" && run_dmatest 0 20 || return
	echo 1 >"$INJECT/clear"
	[ "$(sum 2)" -gt 0 ] && log | grep -q "$3"
}

# Maps that fail are errors, and nothing else is wrong. But a thread that has seen one
# terminates its whole channel when it ends, and the other, which is in the middle of
# something then, waits for that in vain: once.
only_errors()
{
	local late

	arm map 10 && run_dmatest 0 "$iterations" || return
	echo 1 >"$INJECT/clear"
	[ "$(sum 2)" -gt 0 ] || { diag "nothing failed"; return 1; }
	late=$(log | grep -c "test timed out")
	[ "$late" -le "$(our_channels | wc -l)" ] || { diag "$late are never over"; return 1; }
	! log | grep -v "summary\|mapping error\|test timed out\|Added\|Started" &&
		log | grep -q "mapping error" &&
		balanced "$DMA/stats"
}

four_threads()
{
	expect channels "$(our_channels | wc -l)" 2
}

# Each type again, without ATS.
without_ats()
{
	rmmod dmatest && unload && modprobe iommu-sim ats=0 && load && wait_for 5 bound 1 &&
		modprobe dmatest
}

ksft_plan 20
ksft_test "two channels" four_threads
for type in DMA DMA-FQ identity; do
	ksft_test "group type $type" set_group_type "$dev" $type
	ksft_test "copies, $type" passes 0 "$copies"
	ksft_test "memsets, $type" passes 1 "$iterations"
done
set_group_type "$dev" DMA
ksft_test "a short copy is found" found short_copy 20 "data error"
ksft_test "an overrun is found" found overrun 20 "data error"
timeout=1000
ksft_test "a lost interrupt is found" found lost_msi 70 "timed out"
timeout=20000
ksft_test "one map in ten fails: errors, and no wrong data" only_errors
ksft_test "all well again" passes 0 "$iterations"
ksft_test "without ATS" without_ats
for type in DMA DMA-FQ; do
	ksft_test "group type $type, without ATS" set_group_type "$dev" $type
	ksft_test "copies, $type, without ATS" passes 0 "$iterations"
done
ksft_finish
