#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A user of VFIO is killed at random moments, with DMA in flight or while it
# sets up. Nothing of it stays: no page table, no pinned memory, no work in the
# device; and the kernel's driver can have the device.
#
#	vfio_kill.sh [CYCLES [SEED]]
#
# CYCLES: 25, or with SCALE 67 times that. Every other user has iommufd, where the
# kernel has that.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

cycles=${1:-$((SCALE > 1 ? 67 * SCALE : 25))}
seed=${2:-$((RANDOM * 32768 + RANDOM))}
here=$(cd "$(dirname "$0")" && pwd)
busy=

dma_setup
[ -x "$here/vfio_busy" ] || ksft_skip_all "vfio_busy is not built"
modprobe -q vfio-pci || ksft_skip_all "no vfio-pci"
modprobe -q vfio_iommu_type1
modprobe -q iommufd
[ -e /dev/vfio/vfio ] || ksft_skip_all "no VFIO containers"
device=/sys/bus/pci/devices/$dev
endpoint=/sys/kernel/debug/iommu-sim/iommu0/endpoints/$dev/stats

# bind DRIVER: have it take the device.
bind()
{
	echo "$1" >"$device/driver_override" || return
	[ ! -e "$device/driver" ] || echo "$dev" >"$device/driver/unbind" || return
	echo "$dev" >/sys/bus/pci/drivers_probe
	[ -e "/sys/bus/pci/drivers/$1/$dev" ]
}

# As it was, however this ends.
give_back()
{
	[ -z "$busy" ] || kill -KILL "$busy" 2>/dev/null
	[ -e "$DRIVER/$dev" ] || bind iommu-sim-dma
	echo >"$device/driver_override"
}
trap give_back EXIT

tables()
{
	echo $(($(field $STATS tables_allocated) - $(field $STATS tables_freed)))
}

# Tables that are empty go some grace periods later.
settled_tables()
{
	local now last="" i same=0

	for i in $(seq 200); do
		now=$(tables)
		[ "$now" = "$last" ] && same=$((same + 1)) || same=0
		[ "$same" -lt 10 ] || break
		last=$now
		sleep 0.1
	done
	echo "$now"
}

tables_are()
{
	[ "$(tables)" = "$1" ]
}

# The counters are per CPU; a write has them summed up.
pinned()
{
	echo 1 >/proc/sys/vm/stat_refresh
	echo $(($(field /proc/vmstat nr_foll_pin_acquired) - $(field /proc/vmstat nr_foll_pin_released)))
}

no_work_left()
{
	expect submitted "$(field "$endpoint" submitted)" \
		$(($(field "$endpoint" completed) + $(field "$endpoint" errors) +
			$(field "$endpoint" dropped)))
}

domains()
{
	find "${STATS%/*}/domains" -mindepth 1 -maxdepth 1 | wc -l
}

clean()
{
	expect "domains" "$(domains)" "$domains_before" &&
		{ wait_for 20 tables_are "$tables_before" ||
			expect "page tables" "$(tables)" "$tables_before"; } &&
		expect "pinned pages" "$(pinned)" "$pinned_before" && no_work_left
}

# One in four is killed before it has begun, or nearly.
cycle()
{
	local ms=$((RANDOM % 60)) word='' with=()

	rm -f said
	mkfifo said || return
	[ -n "$iommufd" ] && [ $(($1 % 2)) = 1 ] && with=(iommufd)
	"$here/vfio_busy" "$dev" $((seed + $1)) "${with[@]}" >said &
	busy=$!
	exec 3<said
	if [ $((RANDOM % 4)) -gt 0 ]; then
		read -r word <&3
		[ "$word" = busy ] || { diag "vfio_busy did not start"; return 1; }
	fi
	sleep "0.0$(printf %02d "$ms")"
	kill -KILL "$busy" || { diag "vfio_busy ended by itself"; return 1; }
	wait "$busy" 2>/dev/null
	busy=
	exec 3<&-
	rm -f said
	clean
}

RANDOM=$((seed % 32768))
ksft_plan $((cycles + 4))
diag "seed $seed"
ksft_test "the device goes to vfio-pci" bind vfio-pci
iommufd=$(find "$device"/vfio-dev/*/dev 2>/dev/null)
[ -z "$iommufd" ] || diag "with iommufd, too"
tables_before=$(settled_tables)
pinned_before=$(pinned)
domains_before=$(domains)
available=$(field /proc/meminfo MemAvailable:)
moved=$(field "$endpoint" bytes_written)
for i in $(seq "$cycles"); do
	ksft_test "killed, cycle $i" cycle "$i"
done
diag "MemAvailable was $available, is $(field /proc/meminfo MemAvailable:)"
diag "$(tr '\n' ' ' <"$endpoint")"
was_in_flight()
{
	[ "$(field "$endpoint" bytes_written)" -gt "$moved" ] && [ "$(field "$endpoint" dropped)" -gt 0 ]
}
ksft_test "DMA was in flight" was_in_flight

usable()
{
	bind iommu-sim-dma && wait_for 5 is_bound "$dev" && copy "$dev" 65536 32 2 &&
		copied "$dev" 32 65536
}
ksft_test "the kernel's driver can use the device" usable
give_back
trap - EXIT
ksft_test "the modules unload" unload
ksft_finish
