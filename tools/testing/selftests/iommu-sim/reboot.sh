#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine reboots while the channels are at work. What is to be seen comes
# after this script: the VM must end, and its log must have no splat in it.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dma.sh"

dma_setup
ksft_plan 1
ksft_test "DMA in flight, now the reboot" start_work
sync
reboot -f
