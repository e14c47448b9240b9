#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What can be watched from outside: the tracepoints, the caches, and the consumers of
# notifiers that a domain has; and the parameters of caches and queues.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

TRACING=/sys/kernel/tracing
EVENTS=$TRACING/events/iommu_sim
IOMMU=/sys/kernel/debug/iommu-sim/iommu0

copies()
{
	copy "$dev" 65536 16 2 && copied "$dev" 16 65536
}

# traced EVENT...: a transfer leaves each in the trace, and in order of time.
traced()
{
	local e

	echo >"$TRACING/trace"
	for e in "$@"; do
		echo 1 >"$EVENTS/$e/enable" || return
	done
	copies || return
	echo 0 >"$EVENTS/enable"
	for e in "$@"; do
		grep -q " $e: " "$TRACING/trace" || { diag "no $e"; return 1; }
	done
	diag "$(grep -m 1 " ${*: -1}: " "$TRACING/trace")"
}

# A request that is refused: the driver's own test of use after unmap.
fault_traced()
{
	echo >"$TRACING/trace"
	echo 1 >"$EVENTS/iommu_sim_fault/enable"
	echo 1 >"$DMA/$dev/use_after_unmap/run"
	echo 0 >"$EVENTS/iommu_sim_fault/enable"
	grep ' iommu_sim_fault: ' "$TRACING/trace" | grep -q 'event=2 '
}

silent()
{
	echo >"$TRACING/trace"
	copies && ! grep -q iommu_sim "$TRACING/trace"
}

# An unmap is followed by the command that flushes it, on the same CPU.
unmap_then_invalidate()
{
	echo >"$TRACING/trace"
	echo 1 >"$EVENTS/iommu_sim_unmap/enable"
	echo 1 >"$EVENTS/iommu_sim_cmd_completed/enable"
	copies || return
	echo 0 >"$EVENTS/enable"
	awk '
		/ iommu_sim_unmap: / && /unmapped=0x[1-9a-f]/ { pending[$2]++ }
		/ iommu_sim_cmd_completed: .*INVALIDATE_/ { pending[$2] = 0; n++ }
		END { for (cpu in pending) left += pending[cpu]; exit !(n > 16 && left <= 1) }
	' <(sed 's/^ *[^[]*\(\[[0-9]*\]\)/x \1/' "$TRACING/trace")
}

caches_shown()
{
	copies || return
	head -n 1 "$IOMMU/iotlb" | grep -qx 'set way domain pasid iova size pa rights' || return
	# The rings stay mapped
	grep -Eq '^[0-9]+ [0-9]+ [1-9][0-9]* - 0x[0-9a-f]+ [0-9]+[kmgt] 0x[0-9a-f]+ r?w?d?$' \
		"$IOMMU/iotlb" || return
	grep -Eq '^[0-9]+ [0-9]+ [1-9][0-9]* - 0x[0-9a-f]+ [0-9]+[kmgtp] 0x[0-9a-f]+ rw$' \
		"$IOMMU/pwc" || return
	# With an ATC before it, it need not have hit
	grep -Eq '^iotlb_hits_[0-9]+[kmgt] [0-9]+$' "$IOMMU/stats" &&
		grep -Eq '^[0-9]+ [0-9]+ 0 - 0x[0-9a-f]+ [0-9]+[kmgt] 0x[0-9a-f]+ r?w?$' \
			"$IOMMU/endpoints/$dev/atc"
}

# mirrored: a shadow that lives by events equals the page table, while DMA goes on.
mirrored()
{
	local d

	for d in "$IOMMU"/domains/*/; do
		echo 1 >"$d/mirror" || return
	done
	copies || return
	for d in "$IOMMU"/domains/*/; do
		grep -qx 'differences: 0' "$d/mirror" || { diag "$(cat "$d/mirror")"; return 1; }
		diag "$(tr '\n' ' ' <"$d/mirror")"
	done
	cat "$IOMMU"/domains/*/mirror | grep -q '^events: [1-9][0-9]*' || return
	for d in "$IOMMU"/domains/*/; do
		echo 0 >"$d/mirror" || return
		grep -qx off "$d/mirror" || return
	done
}

# The software device copies a page onto itself, and does not reach what is not mapped.
software_device()
{
	local d iova

	for d in "$IOMMU"/domains/*/; do
		iova=$(awk '/^0x.* rw/ { split($1, a, "-"); print a[1]; exit }' "$d/ptdump")
		[ -n "$iova" ] || continue
		! echo "copy $iova $iova 64" 2>/dev/null >"$d/softdev" || return
		echo 1 >"$d/softdev" || return
		echo "copy $iova $iova 64" >"$d/softdev" || return
		echo "copy $iova $iova 64" >"$d/softdev" || return
		! echo "copy 0x10000 $iova 64" 2>/dev/null >"$d/softdev" || return
		! echo "copy $iova" 2>/dev/null >"$d/softdev" || return
		expect misses "$(field "$d/softdev" misses)" 2 || return
		expect faults "$(field "$d/softdev" faults)" 1 || return
		echo 0 >"$d/softdev"
		return
	done
	diag "nothing is mapped"
	return 1
}

# with_parameters PARAMETER...: of iommu-sim-hw, and data still goes where it should.
with_parameters()
{
	unload && modprobe iommu-sim-hw "$@" && load && wait_for 5 is_bound "$dev" && copies
}

refused()
{
	unload && ! modprobe iommu-sim-hw "$@" 2>/dev/null && ! grep -q ^iommu_sim_hw /proc/modules
}

dma_setup
[ -d "$EVENTS" ] || mount -t tracefs tracefs "$TRACING" 2>/dev/null
[ -d "$EVENTS" ] || ksft_skip_all "the kernel has no tracepoints"
# Else each event that is enabled has the scheduler's code patched, while it runs. QEMU
# before 8.1 may execute the breakpoint after it is gone: "Oops: int3"
echo 0 >"$TRACING/options/record-cmd"
set_group_type "$dev" DMA || ksft_skip_all "no strict domain"

ksft_plan 23
ksft_test "maps, unmaps and commands are traced" \
	traced iommu_sim_map iommu_sim_unmap iommu_sim_cmd_submitted iommu_sim_cmd_completed
ksft_test "translations are traced" traced iommu_sim_translation
ksft_test "a fault is traced" fault_traced
ksft_test "strict: every unmap is followed by an invalidation" unmap_then_invalidate
ksft_test "nothing is traced when that is off" silent
ksft_test "the caches are shown" caches_shown
ksft_test "a mirror equals the page table" mirrored
ksft_test "a software device copies, and misses, and is refused" software_device
for p in "iotlb_sets=1 iotlb_ways=1" "iotlb_sets=1 iotlb_ways=2 iotlb_replacement=lru" \
	"iotlb_ways=8 iotlb_replacement=plru" "pwc_ways=0" "invalidate_range=0" \
	"cmdq_mode=latency cmdq_latency_ns=2000" "cmdq_mode=thread"; do
	# shellcheck disable=SC2086 # several parameters
	ksft_test "copies with $p" with_parameters $p
done
for p in iotlb_sets=3 iotlb_sets=131072 iotlb_ways=17 pwc_ways=17 \
	"iotlb_ways=3 iotlb_replacement=plru" iotlb_replacement=fifo cmdq_mode=later \
	cmdq_latency_ns=100001; do
	# shellcheck disable=SC2086 # several parameters
	ksft_test "$p is refused" refused $p
done
load
ksft_finish
