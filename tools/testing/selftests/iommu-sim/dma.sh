#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# For the tests that move data: the driver's files in debugfs, group types and
# counters. Source it after lib.sh.
#
# shellcheck disable=SC2034 # variables for those that source this

DRIVER=/sys/bus/pci/drivers/iommu-sim-dma
DMA=/sys/kernel/debug/iommu-sim-dma
STATS=/sys/kernel/debug/iommu-sim/iommu0/stats

# field FILE NAME: the value in a file of "name value" lines.
field()
{
	awk -v name="$2" '$1 == name { $1 = ""; print substr($0, 2) }' "$1"
}

# expect NAME VALUE EXPECTED
expect()
{
	[ "$2" = "$3" ] && return 0
	diag "$1 is $2, should be $3"
	return 1
}

# dma_setup [COUNT]: modules loaded, COUNT devices bound; sets $dev to the first.
dma_setup()
{
	require_root
	load || ksft_skip_all "the modules cannot be loaded"
	wait_for 5 bound "${1:-1}" || ksft_skip_all "no device is bound to iommu-sim-dma"
	dev=$(endpoints | head -n 1)
}

bound()
{
	[ "$(find $DRIVER/ -maxdepth 1 -name '*:*:*.*' | wc -l)" -ge "$1" ]
}

is_bound()
{
	[ -e "$DRIVER/$1" ] && [ -e "$DMA/$1/selftest/run" ]
}

group_type()
{
	cat "/sys/bus/pci/devices/$1/iommu_group/type"
}

# set_group_type DEVICE TYPE: most changes want the driver unbound.
set_group_type()
{
	echo "$1" >"$DRIVER/unbind" || return
	echo "$2" >"/sys/bus/pci/devices/$1/iommu_group/type" || diag "type $2 is refused"
	echo "$1" >"$DRIVER/bind" || return
	expect "type of the group" "$(group_type "$1")" "$2"
}

# copy DEVICE SIZE COUNT THREADS: the driver's self-test; fails if it does.
copy()
{
	local dir=$DMA/$1/selftest

	echo "$2" >"$dir/size" && echo "$3" >"$dir/count" && echo "$4" >"$dir/threads" || return
	echo 1 >"$dir/run" 2>/dev/null
}

# copied DEVICE COUNT SIZE: the last self-test verified this many copies.
copied()
{
	local r=$DMA/$1/selftest/result

	expect status "$(field "$r" status)" passed &&
		expect copies "$(field "$r" copies)" "$2" &&
		expect bytes "$(field "$r" bytes)" $(($2 * $3)) &&
		expect errors "$(field "$r" errors)" 0 &&
		expect mismatches "$(field "$r" mismatches)" 0
}

# start_work: far more than will be done, in the background; returns when it is
# under way. Sets $work.
start_work()
{
	local before

	before=$(field "$DMA/stats" completed)
	copy "$dev" 65536 1000000 4 &
	work=$!
	wait_for 20 more_completed "$before"
}

more_completed()
{
	[ "$(field "$DMA/stats" completed)" -gt "$1" ]
}

# The work must have ended, have said that it was cut off, and have found no wrong
# byte before that.
work_failed()
{
	local status=0

	wait "$work" || status=$?
	[ "$status" -ne 0 ] || { diag "a self-test that was cut off says that it passed"; return 1; }
	no_wrong_byte
}

# Nor has any self-test since the machine was started.
no_wrong_byte()
{
	! dmesg | grep 'self-test: wrong byte'
}

# balanced FILE: every descriptor that was submitted has ended.
balanced()
{
	expect "submitted" "$(field "$1" submitted)" \
		$(($(field "$1" completed) + $(field "$1" errored)))
}

# snapshot: remember the counters; since NAME: by how much one has grown.
snapshot()
{
	before=$(cat $STATS)
}

since()
{
	echo $(($(field $STATS "$1") - $(field /dev/stdin "$1" <<<"$before")))
}
