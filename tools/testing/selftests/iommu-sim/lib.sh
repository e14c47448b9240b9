#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TAP output and the module life cycle, for the shell tests: source it.
#
# shellcheck disable=SC2034 # variables for those that source this

KSFT_PASS=0
KSFT_FAIL=1
KSFT_SKIP=4

# How hard to try; "make check-all" raises it.
SCALE=${SCALE:-1}

VENDOR=0x1234
# In load order.
MODULES=(iommu-sim-hw iommu-sim iommu-sim-pci iommu-sim-dma)

ksft_planned=0
ksft_count=0
ksft_failed=0

# ksft_plan N: how many results will follow.
ksft_plan()
{
	ksft_planned=$1
	echo "TAP version 13"
	echo "1..$1"
}

# ksft_ok TEXT / ksft_not_ok TEXT / ksft_skip TEXT: one result.
ksft_ok()
{
	ksft_count=$((ksft_count + 1))
	echo "ok $ksft_count $*"
}

ksft_not_ok()
{
	ksft_count=$((ksft_count + 1))
	ksft_failed=$((ksft_failed + 1))
	echo "not ok $ksft_count $*"
}

ksft_skip()
{
	ksft_count=$((ksft_count + 1))
	echo "ok $ksft_count # SKIP $*"
}

# ksft_skip_all TEXT: nothing here can run.
ksft_skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit $KSFT_SKIP
}

# ksft_test TEXT COMMAND...: the result is the command's.
ksft_test()
{
	local text=$1
	shift

	if "$@"; then
		ksft_ok "$text"
	else
		ksft_not_ok "$text"
	fi
}

# diag TEXT: for the reader of the log.
diag()
{
	echo "# $*"
}

# ksft_finish: the exit status of the test.
ksft_finish()
{
	if [ "$ksft_count" != "$ksft_planned" ]; then
		diag "planned $ksft_planned results, but there were $ksft_count"
		exit $KSFT_FAIL
	fi
	[ "$ksft_failed" = 0 ] || exit $KSFT_FAIL
	exit $KSFT_PASS
}

require_root()
{
	[ "$(id -u)" = 0 ] || ksft_skip_all "needs root"
}

# load [PARAMETER=VALUE]...: all modules; parameters go to iommu-sim-pci.
load()
{
	if [ $# -gt 0 ]; then
		modprobe iommu-sim-pci "$@" || return
	fi
	modprobe iommu-sim-dma
}

# unload: in reverse order.
unload()
{
	local m rc=0

	for m in $(printf '%s\n' "${MODULES[@]}" | tac); do
		if grep -q "^${m//-/_} " /proc/modules; then
			rmmod "$m" || rc=1
		fi
	done
	return $rc
}

# endpoints: the PCI addresses of our devices, one a line.
endpoints()
{
	local d

	for d in /sys/bus/pci/devices/*; do
		[ "$(cat "$d/vendor" 2>/dev/null)" = $VENDOR ] && echo "${d##*/}"
	done
	return 0
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for()
{
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}
