#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the other scripts share. Source it, do not run it.
#
# shellcheck disable=SC2034,SC2154 # used by those that source this, and set there

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/iommu-sim
BUILD=$TOP/build
PROG=${0##*/}
JOBS=$(nproc)

mkdir -p "$CACHE"

# The help text of a script is its header comment.
usage()
{
	awk 'NR > 2 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

msg()
{
	printf '%s: %s\n' "$PROG" "$*" >&2
}

die()
{
	msg "$*"
	exit 1
}

bad_usage()
{
	msg "$*"
	msg "try $0 --help"
	exit 2
}

# Names with an underscore: what is called from here sees them, too.

# step TEXT COMMAND...: run a long command quietly, with a sign of life every
# 30 s. What it said is shown only if it fails, or with VERBOSE=1.
step()
{
	local _text=$1 _start=$SECONDS _log _beat _status=0
	shift

	msg "$_text ..."
	_log=$(mktemp)
	# The sleep must not keep the caller's pipes open after the step.
	(
		trap 'kill "$nap" 2>/dev/null; exit' TERM
		while :; do
			sleep 30 >/dev/null 2>&1 & nap=$!
			wait "$nap"
			kill -0 $$ 2>/dev/null || exit
			msg "$_text ... $((SECONDS - _start)) s"
		done
	) >/dev/null &
	_beat=$!
	if [ -n "${VERBOSE:-}" ]; then
		"$@" >&2 || _status=$?
	else
		"$@" >"$_log" 2>&1 || _status=$?
	fi
	kill "$_beat" 2>/dev/null || true
	wait "$_beat" 2>/dev/null || true
	if [ "$_status" -ne 0 ]; then
		msg "$_text: FAILED (status $_status) after $((SECONDS - _start)) s"
		# A kernel build may say pages after its first error.
		grep -nE '(^|[ :*])(fatal )?(error|ERROR|Error)[: ]|undefined|\*\*\*' "$_log" | head -n 20 >&2 || true
		msg "and its last lines:"
		tail -n 20 "$_log" >&2
	else
		msg "$_text: done in $((SECONDS - _start)) s"
	fi
	rm -f "$_log"
	return "$_status"
}

# with_lock NAME COMMAND...: one process at a time, on this machine.
with_lock()
{
	local _lock=$1
	shift
	(
		flock -w 2 9 || { msg "waiting for another run ($_lock)"; flock 9; }
		"$@"
	) 9>"$CACHE/$_lock.lock"
}

# Read the package lists if there are none; with "force", always: old lists name
# files that the mirror has dropped.
apt_update()
{
	if [ "${1:-}" != force ] &&
		[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit)" ]; then
		return 0
	fi
	[ "$(id -u)" = 0 ] || die "package lists are missing or old; run as root: apt-get update"
	step "updating the package lists" apt-get -qq update
}

apt_missing()
{
	local p

	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

# apt_need PACKAGE...: install what is missing, or say how.
apt_need()
{
	local missing

	mapfile -t missing < <(apt_missing "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		die "missing packages; run as root: apt-get install --no-install-recommends ${missing[*]}"
	fi
	apt_update
	apt_install "${missing[@]}" && return 0
	apt_update force
	apt_install "${missing[@]}"
}

apt_install()
{
	DEBIAN_FRONTEND=noninteractive step "installing $*" \
		apt-get -qq -y "${APT_OPTS[@]}" -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

# apt_fetch DIR PACKAGE...: download without installing. The sandbox user _apt
# cannot write below a private cache, so the download is done as ourselves.
apt_fetch()
{
	local dir=$1
	shift

	mkdir -p "$dir"
	(
		cd "$dir"
		fetch() { apt-get -qq "${APT_OPTS[@]}" -o APT::Sandbox::User="$(id -un)" download "$@"; }
		step "downloading $*" fetch "$@"
	)
}

# Set by apt_suites.
APT_OPTS=()

# apt_suites SUITE...: have apt read these from the mirror this machine uses anyway,
# and prefer the last, with a state of our own: the machine's choice is not touched.
apt_suites()
{
	local last=${*: -1} state uri key

	state=$CACHE/apt/$last
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	uri=$(debian_mirror)
	[ -n "$uri" ] || die "no Debian mirror in /etc/apt to derive the suite $last from"
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$key" ] || die "missing $key; run as root: apt-get install debian-archive-keyring"
	printf '%s main\n' "${@/#/deb [signed-by=$key] $uri }" >"$state/sources.list"
	APT_OPTS=(
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=-
		-o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache"
		-o APT::Default-Release="$last" -o APT::Sandbox::User="$(id -un)"
	)
	step "reading the list of $last" apt-get -qq "${APT_OPTS[@]}" update
}

# The first Debian main archive of this machine, from either file format.
# Security and backports archives are told by their suites.
debian_mirror()
{
	local f

	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] || continue
		awk -v RS= '
			{
				uri = suite = ""; off = 0
				n = split($0, line, "\n")
				for (i = 1; i <= n; i++) {
					split(line[i], w, /[ \t]+/)
					if (tolower(w[1]) == "uris:") uri = w[2]
					if (tolower(w[1]) == "suites:") suite = w[2]
					if (tolower(line[i]) ~ /^enabled:[ \t]*no/) off = 1
				}
				if (!off && uri && suite ~ /^(bookworm|trixie|forky|sid|stable|testing|unstable)$/) print uri
			}' "$f"
	done | head -n 1 | grep . && return 0
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$f" ] || continue
		sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +(bookworm|trixie|forky|sid|stable|testing|unstable) .*/\2/p' "$f"
	done | head -n 1
}

# need GROUP...: the packages of scripts/deps.
need()
{
	"$TOP/scripts/deps" "$@"
}

# test_kernel: what $kernel and $flavour stand for: kernel_name for people and
# directories, kernel_words for scripts/kernel, kernel_args for the others.
test_kernel()
{
	kernel_name=$kernel${flavour:+-$flavour}
	kernel_args=(--kernel "$kernel" ${flavour:+--flavour "$flavour"})
	case $kernel in
	stock)
		[ -z "$flavour" ] || bad_usage "the stock kernel is as Debian has built it"
		kernel_words=(stock)
		;;
	7.2)
		kernel_words=(build 7.2 ${flavour:+"$flavour"})
		;;
	*)
		bad_usage "no such kernel: $kernel (stock or 7.2)"
		;;
	esac
}

# The suffix that keeps two checkouts apart in the shared cache.
checkout_key()
{
	printf '%s' "$TOP" | sha256sum | cut -c1-10
}

# own_tree VERSION DIR [PATCH]: this checkout grafted into the kernel source
# DIR/linux, a copy that belongs to it, with PATCH: two checkouts cannot be grafted
# into one. DIR is in $CACHE/trees.
own_tree()
{
	local version=$1 dir=$2 patch=${3:-} src tmp old

	# A copy takes gigabytes: drop those whose checkout is gone.
	for old in "$CACHE"/trees/*/checkout; do
		[ ! -e "$old" ] || [ -e "$(<"$old")" ] || rm -rf "${old%/checkout}"
	done
	src=$("$TOP/scripts/kernel" "source-$version")
	if ! cmp -s "$src/.iommu-sim-origin" "$dir/linux/.iommu-sim-origin" ||
		{ [ -n "$patch" ] && ! cmp -s "$patch" "$dir/linux/.iommu-sim-patch"; }; then
		rm -rf "$dir"
		mkdir -p "$dir"
		tmp=$(mktemp -d "$dir/tmp.XXXXXX")
		# Never hard links: an edit here would change the pristine source.
		step "copying the source of $version" cp -a --reflink=auto "$src/." "$tmp/"
		if [ -n "$patch" ]; then
			step "applying ${patch##*/}" patch -d "$tmp" -p1 --fuzz=0 -i "$patch"
			cp "$patch" "$tmp/.iommu-sim-patch"
		fi
		mv -T "$tmp" "$dir/linux"
		echo "$TOP" >"$dir/checkout"
	fi
	"$TOP/scripts/graft" "$dir/linux"
}

# wanted FRAGMENT...: what configuration files ask for; later ones prevail.
wanted()
{
	awk '
		match($0, /CONFIG_[A-Z0-9_a-z]+(=| is not set)/) && /^(# )?CONFIG_/ {
			name = substr($0, RSTART, RLENGTH)
			sub(/(=| is not set)$/, "", name)
			line[name] = $0
		}
		END { for (name in line) print line[name] }' "$@" | sort
}

# check_config WANTED CONFIG: everything asked for is really there.
check_config()
{
	local line bad=0

	while IFS= read -r line; do
		case $line in
		CONFIG_*) grep -qxF "$line" "$2" && continue ;;
		*) line=${line#\# }; grep -q "^${line%% *}=" "$2" || continue ;;
		esac
		msg "asked for, but not so in the result: $line"
		bad=1
	done <"$1"
	return "$bad"
}

# mirror DIR: a copy of the sources in DIR made of symbolic links, so that
# several kernels can be built for at once and the checkout stays clean.
mirror()
{
	local out=$1 f

	mkdir -p "$out"
	# Sources only: the checkout may hold the objects of another build.
	while read -r f; do
		[ "$out/$f" -ef "$TOP/$f" ] && continue
		mkdir -p "$out/${f%/*}"
		ln -sf "$TOP/$f" "$out/$f"
	done < <(cd "$TOP" && find ./Kbuild drivers include -name '*.mod.c' -prune -o -type f \
		\( -name '*.[chS]' -o -name 'Kbuild*' -o -name 'Kconfig*' -o -name 'Makefile*' \) -print)
	# What has gone from the checkout goes here, too.
	find "$out" -xtype l -delete
}

# build_modules KDIR DIR MAKE-ARGUMENT...: the four modules in DIR.
build_modules()
{
	local kdir=$1 out=$2
	shift 2

	mirror "$out"
	make -C "$kdir" M="$out" -j"$JOBS" "$@" modules
}
