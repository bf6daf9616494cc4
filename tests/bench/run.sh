#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Measures the whole daemon beside what this machine can do at all: sh tests/bench/run.sh [--quick] [--json FILE] [--dir DIR] [BUILD]
#
# BUILD is a build directory, best one without sanitizers; without it one is made in DIR. DIR (default: /var/tmp/listd-bench) is where spool and store of the
# measured daemon lie: choose the file system in question. --quick takes half a minute and shows that all works, not how fast. docs/measuring.md tells how to read it.
set -eu
src=$(cd "$(dirname "$0")/../.." && pwd)
dir=/var/tmp/listd-bench
quick= json= build=

usage() {
	echo "usage: sh tests/bench/run.sh [--quick] [--json FILE] [--dir DIR] [BUILD]" >&2
	exit 64
}

while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=--quick ;;
	--json | --dir)
		[ $# -gt 1 ] || usage
		[ "$1" = --json ] && json=$2 || dir=$2
		shift
		;;
	-*) usage ;;
	*) build=$1 ;;
	esac
	shift
done

mkdir -p "$dir"
if [ -z "$build" ]; then
	build=$dir/build
	echo "building in $build (without sanitizers) ..."
	mkdir -p "$build"
	[ -x "$src/configure" ] || (cd "$src" && sh autogen.sh) > "$dir/build.log" 2>&1
	[ -f "$build/Makefile" ] || (cd "$build" && "$src/configure" CFLAGS='-g -O2' --prefix="$dir/usr" --sysconfdir="$dir/usr/etc") > "$dir/build.log" 2>&1
fi
make -C "$build" -j"$(nproc)" all tests/bench/sink tests/bench/pump tests/bench/poster tests/bench/fsyncrate tests/system/signtool > "$dir/build.log" 2>&1 || {
	tail -n 20 "$dir/build.log"
	echo "the build failed; all of it is in $dir/build.log" >&2
	exit 1
}
exec python3 -B "$src/tests/bench/measure.py" $quick ${json:+--json "$json"} "$dir" "$build"
