#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ATS from outside: on by default, off by either parameter; a device that does
# not answer an invalidation, and how it comes back. Documentation: ats.rst.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

IOMMU=/sys/kernel/debug/iommu-sim/iommu0
INJECT=$IOMMU/inject

dma_setup 2
other=$(endpoints | sed -n 2p)
ksft_plan 27

# ats DEVICE: what the driver's list says.
ats()
{
	awk -v dev="$1" '$1 == dev { print $2 }' "$IOMMU/devices"
}

# endpoint DEVICE NAME: a counter.
endpoint()
{
	field "$IOMMU/endpoints/$1/stats" "$2"
}

# enabled DEVICE: bit 15 of ATS control.
enabled()
{
	[ $((0x$(setpci -s "$1" ECAP000F+6.w) & 0x8000)) != 0 ]
}

both()
{
	"$@" "$dev" && "$@" "$other"
}

is()
{
	expect "ATS of $2" "$(ats "$2")" "$1"
}

copies()
{
	copy "$1" 16384 50 2 && copied "$1" 50 16384
}

ksft_test "the driver has turned ATS on" both is on
ksft_test "the devices have it enabled" both enabled
snapshot
ksft_test "copies arrive" both copies
used()
{
	[ "$(since translated_requests)" -gt 0 ] && [ "$(since translation_requests)" -gt 0 ] &&
		[ "$(endpoint "$dev" atc_hits)" -gt 0 ] &&
		[ "$(endpoint "$dev" atc_misses)" -gt 0 ]
}
ksft_test "by translated requests, from the ATC" used
ksft_test "the group is strict" set_group_type "$dev" DMA
snapshot
ksft_test "strict: copies arrive" copies "$dev"
both_kinds()
{
	# Two buffers for each of 50 copies
	[ "$(since invalidate_atc)" -ge 100 ] &&
		[ $(($(since invalidate_pages) + $(since invalidate_range))) -ge 100 ] &&
		[ "$(endpoint "$dev" atc_invalidations)" -ge 100 ]
}
ksft_test "strict: both caches are invalidated for each unmap" both_kinds
use_after_unmap()
{
	local r=$DMA/$dev/use_after_unmap/result

	echo 1 >"$DMA/$dev/use_after_unmap/run" || return
	expect mapped "$(field "$r" mapped)" ok && expect unmapped "$(field "$r" unmapped)" read-fault
}
ksft_test "strict: what is unmapped is gone from the ATC" use_after_unmap
listed()
{
	[ "$(head -n 1 "$IOMMU/endpoints/$dev/atc")" = "set way domain pasid iova size pa rights" ]
}
ksft_test "the ATC can be looked at" listed

# A device that says nothing any more.
silence()
{
	echo "$dev" >"$INJECT/atc_silent/device" && echo -1 >"$INJECT/atc_silent/times" &&
		echo 100 >"$INJECT/atc_silent/probability"
}
lines()
{
	dmesg | grep -cF "$dev: iommu-sim: no answer to an ATC invalidation"
}
provoke()
{
	silence || return
	# Some may fail: translated requests are refused until ATS is off in the device, too
	copy "$dev" 16384 20 1
	wait_for 5 is quarantined "$dev"
}
disabled()
{
	! enabled "$1"
}
ksft_test "a device that does not answer is quarantined" provoke
ksft_test "one line in the log says so" expect lines "$(lines)" 1
# Several CPUs may have been waiting
ksft_test "its counter does" [ "$(endpoint "$dev" atc_timeouts)" -ge 1 ]
ksft_test "ATS is turned off in the device" wait_for 5 disabled "$dev"
snapshot
ksft_test "then it works, untranslated" copies "$dev"
ksft_test "nobody waits for it" expect atc_timeouts "$(since atc_timeouts)" 0
ksft_test "the other one has not noticed" is on "$other"
ksft_test "and works" copies "$other"
reset()
{
	echo "$dev" >"$DRIVER/unbind" && echo 1 >"/sys/bus/pci/devices/$dev/reset" &&
		echo "$dev" >"$DRIVER/bind" && wait_for 5 is_bound "$dev"
}
silent_reset()
{
	reset && is quarantined "$dev"
}
ksft_test "as long as it is silent a reset does not help" silent_reset
revived()
{
	echo 1 >"$INJECT/clear" && reset && is on "$dev" && enabled "$dev"
}
ksft_test "unbind, reset, bind bring it back" revived
snapshot
ksft_test "it works" copies "$dev"
ksft_test "by translated requests" [ "$(since translated_requests)" -gt 0 ]

# Without, by the driver's parameter.
without_driver()
{
	unload && modprobe iommu-sim ats=0 && load && wait_for 5 bound 2 && both is none &&
		both disabled && snapshot && both copies &&
		expect requests "$(since translation_requests)" 0
}
ksft_test "ats=0 of the driver leaves it off, and copies arrive" without_driver

# Without, by the endpoint's.
no_capability()
{
	local out

	out=$(lspci -vvv -s "$1")
	! grep -q "Address Translation Service\|Page Request" <<<"$out" &&
		grep -q "Process Address Space ID" <<<"$out" &&
		grep -q "Designated Vendor-Specific: Vendor=1234 ID=0010" <<<"$out"
}
without_endpoint()
{
	unload && load ats=0 && wait_for 5 bound 2 && both is none && snapshot && both copies &&
		expect requests "$(since translation_requests)" 0
}
ksft_test "ats=0 of the endpoint: copies arrive" without_endpoint
ksft_test "the capabilities are gone, the others are there" both no_capability

geometry()
{
	unload && load atc_sets=1 atc_ways=2 atc_replacement=lru && wait_for 5 bound 2 &&
		both copies && [ "$(endpoint "$dev" atc_evictions)" -gt 0 ]
}
ksft_test "an ATC of two entries" geometry
refused()
{
	unload && ! modprobe -q iommu-sim-pci atc_sets=3 && ! modprobe -q iommu-sim-pci atc_ways=17 &&
		! modprobe -q iommu-sim-pci atc_ways=0 &&
		! modprobe -q iommu-sim-pci atc_replacement=oldest
}
ksft_test "nonsense is refused" refused
ksft_test "the modules unload" unload
ksft_finish
