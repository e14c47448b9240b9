#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Processors go and come back while the channels are at work. Nothing stops for
# good, and no byte is wrong.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

CPU=/sys/devices/system/cpu/cpu1/online
cycles=$((10 * SCALE))

dma_setup
ksft_plan 6

# Copies go on.
progress()
{
	wait_for 20 more_completed "$(field "$DMA/stats" completed)"
}

stop_work()
{
	kill "$work"
	wait "$work"
	wait_for 10 settled
}

settled()
{
	cat "$DMA/$dev/selftest/result" >/dev/null 2>&1 && balanced "$DMA/$dev/stats" >/dev/null
}

off_and_on()
{
	for _ in $(seq "$cycles"); do
		echo 0 >"$CPU" && progress && echo 1 >"$CPU" && progress || return
	done
	expect online "$(cat "$CPU")" 1
}

works()
{
	copy "$dev" 4096 100 2 && copied "$dev" 100 4096 && balanced "$DMA/stats"
}

ksft_test "DMA in flight" start_work
if [ -w "$CPU" ]; then
	ksft_test "a processor goes and comes back, $cycles times" off_and_on
else
	ksft_skip "no second processor that can go"
fi
ksft_test "the work can be stopped" stop_work
ksft_test "no byte was wrong" no_wrong_byte
ksft_test "works" works
ksft_test "unloads" unload
ksft_finish
