#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh: the tour that "make run" takes, inside the virtual machine
#
# Loads the modules, moves data through the emulated IOMMU with the unmaps
# flushed one by one (strict) and in batches, makes the device use a buffer
# after its unmap, and unloads. Says what it sees and checks that it is as it
# should be; the exit status is 0 if all was. Needs bash and busybox, and root.

modules=(iommu-sim-hw iommu-sim iommu-sim-pci iommu-sim-dma)
debug=/sys/kernel/debug
stats=$debug/iommu-sim/iommu0/stats
driver=/sys/bus/pci/drivers/iommu-sim-dma
size=65536
count=1024
threads=2

declare -A counted
summary=()
failed=0

title()
{
	printf '\n%s\n' "$*"
}

show()
{
	printf '    %s\n' "$*"
}

# passed TEXT / failed TEXT: a line of the summary.
passed()
{
	summary+=("  ok      $*")
}

failed()
{
	summary+=("  FAILED  $*")
	failed=$((failed + 1))
	show "!! $*"
}

# check TEXT COMMAND...
check()
{
	local text=$1
	shift

	if "$@"; then
		passed "$text"
	else
		failed "$text"
	fi
}

finish()
{
	title "Summary"
	printf '%s\n' "${summary[@]}"
	[ "$failed" = 0 ]
	exit
}

# field FILE NAME: the value in a file of "name value" lines.
field()
{
	awk -v name="$2" '$1 == name { $1 = ""; print substr($0, 2) }' "$1"
}

loaded()
{
	grep -q "^${1//-/_} " /proc/modules
}

load()
{
	local m

	for m in "${modules[@]}"; do
		modprobe "$m" && loaded "$m" || return
		show "$m"
	done
}

find_device()
{
	local d

	for d in "$driver"/*:*:*.*; do
		[ -e "$d" ] && dev=${d##*/} && return 0
	done
	return 1
}

group_type()
{
	cat "/sys/bus/pci/devices/$dev/iommu_group/type"
}

# Away from the old type the driver must be: it may hold mappings.
set_group_type()
{
	echo "$dev" >"$driver/unbind" &&
		echo "$1" >"/sys/bus/pci/devices/$dev/iommu_group/type" &&
		echo "$dev" >"$driver/bind" &&
		[ "$(group_type)" = "$1" ]
}

copy()
{
	local dir=$debug/iommu-sim-dma/$dev/selftest

	echo "$size" >"$dir/size" && echo "$count" >"$dir/count" && echo "$threads" >"$dir/threads" &&
		echo 1 >"$dir/run"
}

all_verified()
{
	local r=$debug/iommu-sim-dma/$dev/selftest/result

	[ "$(field "$r" status)" = passed ] && [ "$(field "$r" copies)" = "$count" ] &&
		[ "$(field "$r" bytes)" = $((size * count)) ] &&
		[ "$(field "$r" errors)" = 0 ] && [ "$(field "$r" mismatches)" = 0 ]
}

# move TYPE NAME: copy with that group type; what was counted goes to counted[].
move()
{
	local r=$debug/iommu-sim-dma/$dev/selftest/result before name value old

	title "Moving $((size * count >> 20)) MiB by DMA, $2: group type $1"
	check "the group takes the type $1" set_group_type "$1"
	before=$(cat "$stats")
	check "$((size * count >> 20)) MiB, $2: every byte arrived" copy_and_verify
	while read -r name value; do
		# One that was not there before was 0.
		old=$(field /dev/stdin "$name" <<<"$before")
		counted[$1.$name]=$((value - ${old:-0}))
	done <"$stats"
	counted[$1.copies]=$(field "$r" copies)
	counted[$1.ms]=$(($(field "$r" elapsed_us) / 1000))
	counted[$1.rate]=$(field "$r" mib_per_s)
	counted[$1.invalidations]=$((${counted[$1.invalidate_pages]} + ${counted[$1.invalidate_range]} +
		${counted[$1.invalidate_domain]}))
	show "$(field "$r" copies) copies of $size bytes by $threads threads, $(field "$r" mismatches)" \
		"mismatches, seed $(field "$r" seed)"
}

copy_and_verify()
{
	copy && all_verified
}

row()
{
	printf '    %-34s %10s %10s\n' "$1" "${counted[DMA.$2]:--}" "${counted[DMA-FQ.$2]:--}"
}

table()
{
	title "Strict against batched (from $stats)"
	printf '    %-34s %10s %10s\n' "" strict batched
	row "copies" copies
	row "map calls" map_calls
	row "unmap calls" unmap_calls
	row "flushes that an unmap waited for" iotlb_sync_calls
	row "flushes of everything, from a queue" flush_iotlb_all_calls
	row "invalidations of the IOTLB" invalidations
	row "invalidations of the device's ATC" invalidate_atc
	row "translation requests of the device" translation_requests
	row "its requests that came translated" translated_requests
	row "milliseconds" ms
	row "MiB per second, data checks included" rate
}

# Each copy maps and unmaps two buffers.
strict_as_expected()
{
	[ "${counted[DMA.iotlb_sync_calls]}" -ge $((2 * count)) ] &&
		[ "${counted[DMA.flush_iotlb_all_calls]}" = 0 ] &&
		[ "${counted[DMA.invalidate_atc]}" -ge $((2 * count)) ]
}

ats_as_expected()
{
	[ "${counted[DMA.translated_requests]}" -gt "${counted[DMA.translation_requests]}" ] &&
		[ "${counted[DMA.translation_requests]}" -gt 0 ] &&
		[ "${counted[DMA-FQ.translated_requests]}" -gt 0 ]
}

batched_as_expected()
{
	[ "${counted[DMA-FQ.iotlb_sync_calls]}" = 0 ] &&
		[ "${counted[DMA-FQ.flush_iotlb_all_calls]}" -gt 0 ] &&
		[ "${counted[DMA-FQ.invalidations]}" -lt $((${counted[DMA.invalidations]} / 4)) ]
}

# use_after_unmap: have the device read what the driver has unmapped.
use_after_unmap()
{
	result=$debug/iommu-sim-dma/$dev/use_after_unmap/result
	echo 1 >"$debug/iommu-sim-dma/$dev/use_after_unmap/run"
}

event_line()
{
	dmesg | grep -F "iommu-sim: DMA" | grep -F "$dev" | grep -F "$1" | tail -n 1
}

fault_seen()
{
	[ "$(field "$result" mapped)" = ok ] && [ "$(field "$result" unmapped)" = read-fault ] &&
		[ "$(field "$result" last_address)" = "$(field "$result" iova)" ]
}

fault()
{
	local line tries=50

	title "A driver's mistake: the device reads a buffer after its unmap, strict"
	check "the group takes the type DMA" set_group_type DMA
	check "the experiment takes place" use_after_unmap
	until line=$(event_line "$(field "$result" iova)") && [ -n "$line" ]; do
		[ $((tries--)) -gt 0 ] || break
		sleep 0.1
	done
	show "The IOMMU's event, decoded in the kernel log:"
	show "  ${line#*\] }"
	show "What the client driver saw in its completion records:"
	show "  while mapped: $(field "$result" mapped); after the unmap: $(field "$result" unmapped)" \
		"at $(field "$result" last_address)"
	check "the IOMMU reported the fault" test -n "$line"
	check "the driver was told, with the address" fault_seen

	title "The same, batched"
	check "the group takes the type DMA-FQ" set_group_type DMA-FQ
	check "the experiment takes place again" use_after_unmap
	show "After the unmap: $(field "$result" unmapped);" \
		"$(($(field "$result" window_us) / 1000)) ms later, the queue flushed: $(field "$result" last)"
	check "after the flush the buffer is out of reach" test "$(field "$result" last)" = read-fault
}

# ats: what the driver says of the device's ATS.
ats()
{
	awk -v dev="$dev" '$1 == dev { print $2 }' "$debug/iommu-sim/iommu0/devices"
}

quarantined()
{
	[ "$(ats)" = quarantined ]
}

silent()
{
	local inject=$debug/iommu-sim/iommu0/inject line

	title "A device that does not answer when its cache is invalidated"
	check "the group takes the type DMA again" set_group_type DMA
	echo "$dev" >"$inject/atc_silent/device"
	echo -1 >"$inject/atc_silent/times"
	echo 0 >"$inject/atc_silent/verbose"
	echo 100 >"$inject/atc_silent/probability"
	# Some requests are refused until the driver has turned ATS off in the device, too.
	copy 2>/dev/null
	line=$(dmesg | grep -F "$dev" | grep -F "no answer to an ATC invalidation" | tail -n 1)
	show "The log:"
	show "  ${line#*\] }"
	check "the device is in quarantine" quarantined
	check "it works all the same, untranslated" copy_and_verify
	echo 1 >"$inject/clear"
	echo "$dev" >"$driver/unbind"
	echo 1 >"/sys/bus/pci/devices/$dev/reset"
	echo "$dev" >"$driver/bind"
	show "After unbind, reset, bind: ATS $(ats)"
	check "a reset brings it back" test "$(ats)" = on
}

balanced()
{
	local s=$debug/iommu-sim-dma/stats

	show "$(field "$s" submitted) descriptors submitted, $(field "$s" completed) completed," \
		"$(field "$s" errored) with an error"
	[ "$(field "$s" submitted)" = $(($(field "$s" completed) + $(field "$s" errored))) ]
}

unload()
{
	local i

	for ((i = ${#modules[@]} - 1; i >= 0; i--)); do
		rmmod "${modules[i]}" || return
		show "${modules[i]}"
	done
	! find_device && [ ! -e "$debug/iommu-sim" ]
}

title "Loading the modules into Linux $(uname -r)"
check "four modules loaded" load
find_device || {
	failed "a device is bound to iommu-sim-dma"
	finish
}

title "What appeared"
lspci -k -s "$dev" | sed 's/^/    /'
show "IOMMU group $(basename "$(readlink "/sys/bus/pci/devices/$dev/iommu_group")") behind" \
	"$(basename "$(readlink "/sys/bus/pci/devices/$dev/iommu")"), type $(group_type)"
passed "device $dev behind the emulated IOMMU"

move DMA strict
move DMA-FQ batched
table
check "strict: each unmap was flushed before it returned" strict_as_expected
check "batched: less than a quarter of the invalidations" batched_as_expected
check "the device used its own cache, and asked for what was not there" ats_as_expected
fault
silent

title "Closing the books, and unloading in reverse"
check "every descriptor is accounted for" balanced
check "four modules unloaded, nothing left behind" unload
finish
