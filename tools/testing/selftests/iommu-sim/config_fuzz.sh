#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Configuration space written with everything there is, by whoever may write it.
# Channels are started with rings anywhere, the function is reset and put to
# sleep; nothing comes of it but refused requests, and afterwards it works.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

dma_setup
ksft_plan 5

# All values take minutes under emulation: a sample, unless there is time.
step=17
[ "$SCALE" -gt 1 ] && step=1

isolated()
{
	set_group_type "$dev" DMA && echo "$dev" >"$DRIVER/unbind"
}

fuzz()
{
	"$(dirname "$0")/config_fuzz_writer" "$dev" "$step"
}

nothing_moved()
{
	expect reads "$(since reads)" 0 && expect writes "$(since writes)" 0 &&
		expect atomics "$(since atomics)" 0
}

# Who scribbles over the registers may have left anything on: a reset, then bind.
comes_back()
{
	echo 1 >"/sys/bus/pci/devices/$dev/reset" &&
		echo "$dev" >"$DRIVER/bind" && wait_for 5 is_bound "$dev"
}

copies()
{
	copy "$dev" 4096 100 2 && copied "$dev" 100 4096 && balanced "$DMA/stats"
}

ksft_test "the device is behind the IOMMU, and has no driver" isolated
snapshot
ksft_test "read-only bits stay (every ${step}th value)" fuzz
ksft_test "no request got through" nothing_moved
ksft_test "a reset brings it back" comes_back
ksft_test "100 copies, verified" copies
ksft_finish
