#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The injection points, through debugfs: attributes are what was written; what is
# armed fires where and as often as it says, the client driver sees what it should,
# and after "clear" all works. Those that leave a translation where none should be
# are armed by the KUnit suites iommu_sim_stale*, that of ATS by ats.sh.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

INJECT=/sys/kernel/debug/iommu-sim/iommu0/inject

points()
{
	local p

	for p in "$INJECT"/*/; do
		p=${p%/}
		echo "${p##*/}"
	done
}

set_point()
{
	echo "$3" >"$INJECT/$1/$2"
}

get_point()
{
	local value

	read -r value <"$INJECT/$1/$2" && echo "$value"
}

clear_all()
{
	echo 1 >"$INJECT/clear"
}

# arm POINT TIMES [ATTRIBUTE VALUE]...
arm()
{
	local point=$1
	set_point "$point" times "$2" || return
	shift 2
	while [ $# -gt 0 ]; do
		set_point "$point" "$1" "$2" || return
		shift 2
	done
	set_point "$point" probability 100
}

# The self-test finds nothing wrong, and all descriptors are accounted for.
all_well()
{
	copy "$dev" 4096 64 2 && copied "$dev" 64 4096 && balanced "$DMA/stats"
}

# Of 64 copies some could not be mapped or were refused; no byte is wrong.
only_errors()
{
	local r=$DMA/$dev/selftest/result

	copy "$dev" 4096 64 2
	expect mismatches "$(field "$r" mismatches)" 0 &&
		expect "copies and errors" $(($(field "$r" copies) + $(field "$r" errors))) 64 &&
		[ "$(field "$r" errors)" -gt 0 ] && balanced "$DMA/stats"
}

# attributes set|are PROBABILITY INTERVAL TIMES SPACE VERBOSE SEED FAIL_NTH DEVICE FIRST LAST:
# all points have these, or are given them.
attributes()
{
	local names=(probability interval times space verbose seed fail-nth device iova_start iova_last)
	local what=$1 p i value
	shift
	local values=("$@")

	for p in $(points); do
		for i in "${!names[@]}"; do
			if [ "$what" = set ]; then
				set_point "$p" "${names[i]}" "${values[i]}" || return
			else
				# Without a process for each: there are hundreds
				read -r value <"$INJECT/$p/${names[i]}" &&
					expect "$p ${names[i]}" "$value" "${values[i]}" || return
			fi
		done
	done
}

defaults()
{
	local p

	attributes are 0 1 1 0 1 0 0 any 0x0000000000000000 0xffffffffffffffff || return
	for p in $(points); do
		expect "$p considered" "$(get_point "$p" considered)" 0 &&
			expect "$p injected" "$(get_point "$p" injected)" 0 || return
	done
}

# With a window that nothing is in: the device works on meanwhile. But an MSI has no
# address, and is in each.
all_written()
{
	local values=(100 7 -1 4096 0 18446744073709551615 3 "${dev#*:}"
		0xfffffffffffff000 0xffffffffffffffff)

	expect points "$(points | wc -l)" 21 && attributes set "${values[@]}" &&
		attributes are "${values[@]}" && set_point lost_msi probability 0 &&
		set_point lost_msi fail-nth 0 && all_well
}

refused()
{
	! set_point "$1" "$2" "$3" 2>/dev/null
}

bad_values()
{
	refused map probability 101 && refused map probability -1 &&
		refused map device rubbish && refused map device 00:20.0 &&
		refused map device 00:00.8 && refused map fail-nth 99999999999 &&
		refused map device "0000:${dev#*:}" && refused map times x &&
		expect probability "$(get_point map probability)" 0 &&
		expect device "$(get_point map device)" any
}

# A map that fails: the copies that need it do, and no others.
map_fails()
{
	arm map 5 device "$dev" && only_errors && expect injected "$(get_point map injected)" 5 &&
		expect errors "$(field "$DMA/$dev/selftest/result" errors)" 5
}

# One thread, 64 copies of two maps each: every fourth of 128 fails, or of what is
# left when a copy whose first map fails does not ask for the second.
every_fourth()
{
	clear_all && arm map -1 interval 4
	copy "$dev" 4096 64 1
	expect injected "$(get_point map injected)" $(($(get_point map considered) / 4)) &&
		expect errors "$(field "$DMA/$dev/selftest/result" errors)" "$(get_point map injected)" &&
		[ "$(get_point map injected)" -gt 20 ]
}

# A window below or above what is mapped is not met, one around it is.
window()
{
	clear_all && arm map -1 iova_start 0x1000000000000 && all_well &&
		expect considered "$(get_point map considered)" 0 || return
	set_point map iova_start 0 && set_point map iova_last 0xffff && all_well &&
		expect considered "$(get_point map considered)" 0 || return
	set_point map iova_last 0xffffffffffff && set_point map times 1
	copy "$dev" 4096 1 1
	expect injected "$(get_point map injected)" 1
}

# lines_for VERBOSE: in the log, for one failure.
lines_for()
{
	local lines

	clear_all
	lines=$(dmesg | grep -c "iommu-sim: injected map, ")
	arm map 1 verbose "$1" || return
	copy "$dev" 4096 1 1
	expect injected "$(get_point map injected)" 1 &&
		echo $(($(dmesg | grep -c "iommu-sim: injected map, ") - lines))
}

tells()
{
	[ "$(lines_for 1)" = 1 ]
}

# Lines are limited in rate: others may have used that up for some seconds. Once it is
# not, silence means something.
in_the_log()
{
	wait_for 30 tells && expect "lines, quiet" "$(lines_for 0)" 0
}

map_ten_percent()
{
	clear_all && arm map -1 seed 7 && set_point map probability 10 && only_errors
}

# The verdicts of one thread are the same with the same seed.
repeats()
{
	local first r=$DMA/$dev/selftest/result

	clear_all
	set_point map times -1
	set_point map probability 20
	set_point map seed 42
	copy "$dev" 4096 64 1
	first=$(field "$r" errors)/$(get_point map injected)/$(get_point map considered)
	set_point map seed 42
	copy "$dev" 4096 64 1
	expect "second run" \
		"$(field "$r" errors)/$(get_point map injected)/$(get_point map considered)" "$first" &&
		[ "$(get_point map injected)" -gt 0 ]
}

other_device()
{
	local other
	other=$(endpoints | tail -n 1)

	clear_all && arm map -1 device "$other" && all_well &&
		expect injected "$(get_point map injected)" 0
}

requests_fail()
{
	clear_all && arm "$1" 1 device "$dev" space 100000 && only_errors &&
		expect injected "$(get_point "$1" injected)" 1
}

# Strict, but the silicon ignores the invalidation: unmapped memory is in reach.
invalidate_ignored()
{
	local r=$DMA/$dev/use_after_unmap/result

	clear_all
	echo 1 >"$DMA/$dev/use_after_unmap/run"
	expect "after unmap" "$(field "$r" unmapped)" read-fault || return
	# That of the source; what the device writes to is not to be in reach any more
	arm iotlb_invalidate 1
	echo 1 >"$DMA/$dev/use_after_unmap/run"
	expect "after unmap, ignored" "$(field "$r" unmapped)" stale-data || return
	# It is still cached, and the memory is somebody else's: away with the domain
	clear_all
	set_group_type "$dev" identity && set_group_type "$dev" DMA
}

# Without a completion the driver blocks the device, and says so.
completion_lost()
{
	local failures

	clear_all
	failures=$(field "$STATS" flush_failures)
	set_point completion_wait fail-nth 1
	copy "$dev" 4096 1 1
	expect flush_failures "$(field "$STATS" flush_failures)" $((failures + 1)) &&
		dmesg | grep -q "$dev: flush failed" && blocked
}

# Nothing gets through, though nothing is injected any more.
blocked()
{
	snapshot
	! copy "$dev" 4096 1 1 && expect reads "$(since reads)" 0 &&
		expect writes "$(since writes)" 0
}

# There is never a completion again: not even a block can be known to be in force.
# Better no DMA at all; it ends when the modules are loaded again.
turned_off()
{
	clear_all && set_group_type "$dev" DMA && arm completion_wait -1 verbose 0 || return
	# Its unmaps are where it happens
	copy "$dev" 4096 1 1
	! copy "$dev" 4096 1 1 && dmesg | grep -q "the IOMMU is turned off, reload the modules" &&
		expect "vendor ID" "$(setpci -s "$dev" VENDOR_ID.w)" ffff
}

reload()
{
	clear_all
	unload && load && wait_for 5 bound 1 && set_group_type "$dev" DMA
}

rescan()
{
	echo 1 >"/sys/bus/pci/devices/$dev/remove" &&
		echo 1 >/sys/bus/pci/rescan && wait_for 5 is_bound "$dev"
}

event_lost()
{
	local lost

	clear_all
	lost=$(field "$STATS" events_lost)
	arm event_overflow 1
	echo 1 >"$DMA/$dev/use_after_unmap/run"
	expect events_lost "$(field "$STATS" events_lost)" $((lost + 1)) &&
		expect result "$(field "$DMA/$dev/use_after_unmap/result" unmapped)" read-fault
}

# An engine that gets it wrong without a word: the self-test finds the byte. With the
# same data each time: by chance, it may be the right one.
bad_engine()
{
	clear_all && arm "$1" 1 device "$dev" && echo 1 >"$DMA/$dev/selftest/seed"
	copy "$dev" 4096 64 1
	echo 0 >"$DMA/$dev/selftest/seed"
	expect mismatches "$(field "$DMA/$dev/selftest/result" mismatches)" 1
}

tables()
{
	echo $(($(field "$STATS" tables_allocated) - $(field "$STATS" tables_freed)))
}

# Memory for tables that is not there: a new domain each time, nothing is lost.
table_alloc_fails()
{
	local before nth injected

	clear_all
	rescan || return
	before=$(tables)
	for nth in 1 2 3 4 5 6 7 8; do
		set_point table_alloc fail-nth "$nth"
		rescan
		injected=$(get_point table_alloc injected)
		clear_all
		rescan || return
		expect "tables after failure $nth" "$(tables)" "$before" || return
		[ "$injected" = 1 ] || break
	done
	# A domain in use has a root, and at least a table below it
	[ "$nth" -gt 2 ]
}

works_again()
{
	clear_all && defaults && all_well
}

dma_setup
ksft_plan 38
ksft_test "strict" set_group_type "$dev" DMA
ksft_test "nothing is armed at first" defaults
ksft_test "works unarmed" all_well
ksft_test "bad values are refused" bad_values
ksft_test "every attribute of every point is what was written" all_written
ksft_test "clear gives them their first values back" works_again
ksft_test "map fails five times" map_fails
ksft_test "works after clear" works_again
ksft_test "every fourth map fails" every_fourth
ksft_test "works after clear" works_again
ksft_test "maps in a window fail" window
ksft_test "a line in the log, if it is asked for" in_the_log
ksft_test "works after clear" works_again
ksft_test "one map in ten fails" map_ten_percent
ksft_test "works after clear" works_again
ksft_test "same seed, same verdicts" repeats
ksft_test "works after clear" works_again
ksft_test "another device's maps fail" other_device
ksft_test "a translation fails" requests_fail translation_fault
ksft_test "works after clear" works_again
ksft_test "a request is unsupported" requests_fail unsupported_request
ksft_test "works after clear" works_again
ksft_test "an invalidation is ignored" invalidate_ignored
ksft_test "works after clear" works_again
ksft_test "an event is lost" event_lost
ksft_test "works after clear" works_again
ksft_test "a completion is lost: the device is blocked" completion_lost
ksft_test "a rescan brings it back" rescan
ksft_test "works after clear" works_again
ksft_test "a short copy is found" bad_engine short_copy
ksft_test "an overrun is found" bad_engine overrun
ksft_test "works after clear" works_again
ksft_test "no memory for tables" table_alloc_fails
ksft_test "works after clear" works_again
ksft_test "no completions ever: the IOMMU is turned off" turned_off
ksft_test "the modules are loaded again" reload
ksft_test "works after that" works_again
clear_all
ksft_test "unloads" unload
ksft_finish
