#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Load and unload everything many times: the devices come, and go again.

. "$(dirname "$0")/lib.sh"

require_root
cycles=$((20 * SCALE))
unload
ksft_plan $((cycles + 1))

cycle()
{
	local m

	load || { diag "modprobe failed"; return 1; }
	for m in "${MODULES[@]}"; do
		grep -q "^${m//-/_} " /proc/modules || { diag "$m is not loaded"; return 1; }
	done
	[ -n "$(endpoints)" ] || { diag "no device of vendor $VENDOR"; return 1; }
	unload || { diag "rmmod failed"; return 1; }
	[ -z "$(endpoints)" ] || { diag "devices left: $(endpoints)"; return 1; }
}

for i in $(seq "$cycles"); do
	ksft_test "load and unload, cycle $i" cycle
done

# The IOMMU core lists what is registered: nothing of ours may stay.
ksft_test "no IOMMU left behind" sh -c '! ls /sys/class/iommu/ | grep -q sim'
ksft_finish
