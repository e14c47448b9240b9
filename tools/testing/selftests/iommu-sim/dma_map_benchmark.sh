#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's benchmark of the DMA API on an endpoint, strict and batched; and
# beside it, in the same boot, on a device behind another IOMMU, if there is
# one. The figures are for the reader: under emulation they mean little.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

NAME=dma_map_benchmark
SYS=/sys/bus/pci

dma_setup
modprobe -q "$NAME"
[ -d "$SYS/drivers/$NAME" ] || ksft_skip_all "this kernel has no $NAME (CONFIG_DMA_MAP_BENCHMARK)"

# A network card behind the machine's own IOMMU, see dma_map_benchmark.sh.vm.
peer()
{
	local d

	for d in "$SYS"/devices/*; do
		[ "$(cat "$d/class")" = 0x020000 ] && [ -e "$d/iommu_group" ] && echo "${d##*/}"
	done
	return 0
}

# lend DEVICE / give_back DEVICE: to and from the benchmark's driver.
lend()
{
	unbind "$1"
	echo "$NAME" >"$SYS/devices/$1/driver_override" && echo "$1" >"$SYS/drivers/$NAME/bind"
}

unbind()
{
	[ ! -e "$SYS/devices/$1/driver" ] || echo "$1" >"$SYS/devices/$1/driver/unbind"
}

give_back()
{
	unbind "$1"
	echo >"$SYS/devices/$1/driver_override"
	echo "$1" >"$SYS/drivers_probe"
}

set_type()
{
	unbind "$1"
	echo "$2" >"$SYS/devices/$1/iommu_group/type" && lend "$1" &&
		expect "type of the group" "$(group_type "$1")" "$2"
}

one()
{
	local result

	result=$("$(dirname "$0")/dma_map_benchmark_run" "$3" 2 1 ${4:+"$4"}) || return
	printf '# %-14s %-8s %3s pages %-4s map %7s ns, unmap %7s ns\n' "$1" "$2" "$3" "${4:-}" \
		"${result% *}" "${result#* }"
	# In steps of 100 ns, of which under emulation each takes many
	[ "${result% *}" != 0 ] && [ "${result#* }" != 0 ]
}

all_sizes()
{
	set_type "$1" "$2" && one "$1" "$2" 1 && one "$1" "$2" 16 && one "$1" "$2" 16 sg
}

# Through our IOMMU, or through none of our code.
through_ours()
{
	snapshot
	all_sizes "$dev" "$1" && [ "$(since map_calls)" -gt 0 ] && [ "$(since unmap_calls)" -gt 0 ]
}

through_another()
{
	snapshot
	all_sizes "$other" "$1" && expect "our maps" "$(since map_calls)" 0
}

# behind IOMMU: the PCI devices that it has, in the order of addresses.
behind()
{
	local d

	for d in "$SYS"/devices/*; do
		[ "$(readlink -f "$d/iommu")" = "$1" ] && echo "${d##*/}"
	done
	return 0
}

only_ours()
{
	expect "behind ours" "$(behind "$(readlink -f "$SYS/devices/$dev/iommu")")" "$(endpoints)" &&
		behind "$(readlink -f "$SYS/devices/$other/iommu")" | grep -qxF "$other"
}

works()
{
	give_back "$dev" && wait_for 5 is_bound "$dev" && copy "$dev" 4096 64 2 &&
		copied "$dev" 64 4096
}

other=$(peer | head -n 1)
ksft_plan 6
ksft_test "strict" through_ours DMA
ksft_test "batched" through_ours DMA-FQ
# The benchmark has room for one device at a time.
ksft_test "the endpoint goes back to its driver" works
if [ -n "$other" ]; then
	ksft_test "ours has the endpoints and nothing else" only_ours
	ksft_test "the same there, strict" through_another DMA
	ksft_test "the same there, batched" through_another DMA-FQ
else
	for _ in 1 2 3; do
		ksft_skip "no network card behind another IOMMU"
	done
fi
ksft_finish
