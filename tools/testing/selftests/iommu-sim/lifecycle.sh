#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Load and unload everything many times: the devices come, and go again, also while
# their channels are at work.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

require_root
cycles=$((20 * SCALE))
unload
ksft_plan $((cycles + 6))

loads()
{
	local m

	load || { diag "modprobe failed"; return 1; }
	for m in "${MODULES[@]}"; do
		grep -q "^${m//-/_} " /proc/modules || { diag "$m is not loaded"; return 1; }
	done
	[ -n "$(endpoints)" ] || { diag "no device of vendor $VENDOR"; return 1; }
}

unloads()
{
	unload || { diag "rmmod failed"; return 1; }
	[ -z "$(endpoints)" ] || { diag "devices left: $(endpoints)"; return 1; }
}

idle()
{
	loads && unloads
}

# The driver's module is in use then, the bus below is not.
at_work()
{
	loads && wait_for 10 bound 1 || return
	dev=$(endpoints | head -n 1)
	start_work || { diag "no DMA in flight"; return 1; }
	! rmmod iommu-sim-dma 2>/dev/null || { diag "the driver unloads in use"; return 1; }
	rmmod iommu-sim-pci || return
	work_failed && balanced "$DMA/stats" && unloads
}

for i in 1 2 3 4 5; do
	ksft_test "load and unload, cycle $i" idle
done
for i in $(seq "$cycles"); do
	ksft_test "load and unload with DMA in flight, cycle $i" at_work
done

# The IOMMU core lists what is registered: nothing of ours may stay.
ksft_test "no IOMMU left behind" sh -c '! ls /sys/class/iommu/ | grep -q sim'
ksft_finish
