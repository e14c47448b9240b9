#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The device is removed, unbound and reset while its channels are at work.
# Nothing is lost: each descriptor is completed or ends with an error, and what
# comes back works.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

dma_setup
cycles=$((20 * SCALE))
ksft_plan $((cycles + 8))

works()
{
	wait_for 10 is_bound "$dev" || { diag "$dev does not come back"; return 1; }
	copy "$dev" 4096 64 2 && copied "$dev" 64 4096 && balanced "$DMA/stats" && no_wrong_byte
}

gone()
{
	[ ! -e "/sys/bus/pci/devices/$dev" ] && [ ! -e "$DMA/$dev" ]
}

remove_rescan()
{
	start_work || { diag "no DMA in flight"; return 1; }
	echo 1 >"/sys/bus/pci/devices/$dev/remove"
	work_failed && gone && balanced "$DMA/stats" || return
	echo 1 >/sys/bus/pci/rescan
	works
}

for i in $(seq "$cycles"); do
	ksft_test "remove and rescan with DMA in flight, cycle $i" remove_rescan
done
diag "$(tr '\n' ' ' <"$DMA/stats")"
some_errored()
{
	[ "$(field "$DMA/stats" errored)" -gt 0 ]
}
ksft_test "some descriptors were cut off" some_errored

unbind_bind()
{
	start_work || return
	echo "$dev" >"$DRIVER/unbind"
	work_failed && balanced "$DMA/stats" || return
	echo "$dev" >"$DRIVER/bind"
	works
}
ksft_test "unbind and bind with DMA in flight" unbind_bind

reset()
{
	start_work || return
	echo 1 >"/sys/bus/pci/devices/$dev/reset" || return
	work_failed && balanced "$DMA/$dev/stats" && works
}
ksft_test "function level reset with DMA in flight" reset
ksft_test "and again" reset

bus_master_off()
{
	start_work || return
	setpci -s "$dev" COMMAND=0:4
	# Nothing moves, and nothing fails, until it is on again.
	sleep 0.2
	local moved
	moved=$(field "/sys/kernel/debug/iommu-sim-dma/$dev/stats" completed)
	sleep 0.2
	expect completed "$(field "$DMA/$dev/stats" completed)" "$moved" || return
	setpci -s "$dev" COMMAND=4:4
	wait_for 10 more_completed "$(field "$DMA/stats" completed)" || return
	echo 1 >"/sys/bus/pci/devices/$dev/reset"
	work_failed && works
}
ksft_test "no DMA while the device is not bus master" bus_master_off

# other_cpus 0|1: off or on. To freeze is to patch code that all threads run, and
# QEMU's emulated CPUs may execute what was there before: "Oops: int3".
other_cpus()
{
	local cpu

	grep -q 'QEMU TCG' /proc/cpuinfo || return 0
	for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
		[ ! -w "$cpu" ] || echo "$1" >"$cpu"
	done
}

# All but the sleep itself: after "platform", as after it, devices are in D3hot.
suspend_resume()
{
	start_work || return
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo platform >/sys/power/pm_test
	other_cpus 0
	echo freeze >/sys/power/state || return
	other_cpus 1
	echo none >/sys/power/pm_test
	# The write that runs the self-test was interrupted, and starts again.
	wait_for 10 more_completed "$(field "$DMA/stats" completed)" || return
	kill "$work"
	wait "$work"
	works
}
if [ -w /sys/power/pm_test ]; then
	ksft_test "suspend and resume with DMA in flight" suspend_resume
else
	ksft_skip "suspend and resume: no /sys/power/pm_test"
fi

busy()
{
	start_work || return
	! copy "$dev" 1 1 1 || { diag "a second self-test starts beside the first"; return 1; }
	kill "$work" 2>/dev/null
	# The shell function is a subshell that waits in write(): the signal ends it.
	wait "$work"
	wait_for 5 sh -c "cat $DMA/$dev/selftest/result >/dev/null 2>&1" && balanced "$DMA/$dev/stats"
}
ksft_test "one self-test at a time, and a signal ends it" busy

ksft_test "unloads" unload
ksft_finish
