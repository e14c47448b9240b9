#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Somebody else's idea of configuration space: lspci decodes every capability.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

command -v lspci >/dev/null || ksft_skip_all "there is no lspci"
dma_setup

expected=(
	"System peripheral: Device 1234:5110"
	"BusMaster+"
	"IOMMU group: "
	"Capabilities: [40] Power Management version 3"
	"Status: D0 NoSoftRst+ PME-Enable-"
	"Capabilities: [50] MSI: Enable+"
	"Maskable- 64bit+"
	"Address: 00000000fee"
	"Capabilities: [70] Express (v2) Root Complex Integrated Endpoint"
	"FLReset+"
	"EETLPPrefix+, MaxEETLPPrefixes 1"
	"Capabilities: [100 v1] Address Translation Service (ATS)"
	"Enable+, Smallest Translation Unit: 00"
	"Capabilities: [110 v1] Page Request Interface (PRI)"
	"Page Request Capacity: 00000020"
	"Capabilities: [120 v1] Process Address Space ID (PASID)"
	"PASIDCap: Exec+ Priv+, Max PASID Width: 14"
	"PASIDCtl: Enable+"
	"Capabilities: [140 v1] Designated Vendor-Specific: Vendor=1234 ID=0010 Rev=1"
	"Kernel driver in use: iommu-sim-dma"
)
devices=$(endpoints)
ksft_plan $(($(wc -w <<<"$devices") * (${#expected[@]} + 1)))

# lspci marks what it cannot make sense of.
sound()
{
	! grep -E '!!!|\?\?\?|<access denied>|<chain (broken|looped)>' <<<"$out"
}

for dev in $devices; do
	out=$(lspci -vvv -s "$dev")
	for text in "${expected[@]}"; do
		ksft_test "$dev: $text" grep -qF "$text" - <<<"$out"
	done
	ksft_test "$dev: nothing that lspci cannot decode" sound
done
unload
ksft_finish
