#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A driver unmaps too early: who hears what. And the IOMMU and the device go on
# working afterwards.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

dma_setup 2
result=$DMA/$dev/use_after_unmap/result
other=$(endpoints | sed -n 2p)
# The log line about the address of the last fault.
fault_line()
{
	dmesg | grep -F "$dev" | grep -F "$(field "$result" iova)" | grep -F "iommu-sim: DMA"
}
ksft_plan 10

ksft_test "the group is strict" set_group_type "$dev" DMA
snapshot

provoke()
{
	echo 1 >"$DMA/$dev/use_after_unmap/run"
}
ksft_test "the experiment takes place" provoke
ksft_test "mapped, the buffer is readable" expect mapped "$(field "$result" mapped)" ok
ksft_test "unmapped, the device gets an error" \
	expect unmapped "$(field "$result" unmapped)" read-fault
ksft_test "the device names the address" \
	expect last_address "$(field "$result" last_address)" "$(field "$result" iova)"

# The event is delivered by a thread.
ksft_test "the log has a line about it" wait_for 5 fault_line
decoded()
{
	fault_line | grep -q "DMA read at .* refused: not mapped"
}
ksft_test "the line says what happened" decoded
events()
{
	expect events "$(since events)" 1 && expect events_handled "$(since events_handled)" 1 &&
		expect aborts "$(since aborts)" 1
}
ksft_test "one event was written and handled" events

still_works()
{
	copy "$dev" 65536 32 2 && copied "$dev" 32 65536 &&
		copy "$other" 65536 32 2 && copied "$other" 32 65536 &&
		balanced "$DMA/stats"
}
ksft_test "both devices still work" still_works
ksft_test "the modules unload" unload
ksft_finish
