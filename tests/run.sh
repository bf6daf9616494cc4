#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs every test: installs what is missing, builds with gcc (ASan, UBSan) and clang with warnings as errors, runs the unit and case tests, short fuzzing, the style
# rules, the package, an installed client of the library, and as root the system tests with real servers. Ends with a line "N passed, N failed". Logs stay in
# $LISTD_TEST_DIR.
set -u
src=$(cd "$(dirname "$0")/.." && pwd)
from=$src # what configure_in configures
dir=${LISTD_TEST_DIR:-/var/tmp/listd-tests}
fuzz_secs=${LISTD_FUZZ_SECS:-5}
jobs=$(nproc)
passed=0
failed=0
mkdir -p "$dir"

result() { # NAME PASSED FAILED
	passed=$((passed + $2))
	failed=$((failed + $3))
	printf '%-44s %5d passed %3d failed\n' "$1" "$2" "$3"
}

step() { # NAME COMMAND...: one test that is passed when the command succeeds
	name=$1
	shift
	if "$@" > "$dir/$name.log" 2>&1; then
		result "$name" 1 0
	else
		result "$name" 0 1
		tail -n 25 "$dir/$name.log" | sed 's/^/    /'
	fi
}

configure_in() { # DIR OPTIONS...
	mkdir -p "$dir/$1" && cd "$dir/$1" || return 1
	shift
	[ -f Makefile ] || "$from/configure" "$@"
}

build() { # DIR TARGET...
	cd "$dir/$1" || return 1
	shift
	make -j"$jobs" "$@"
}

# The package, unpacked: it has all that building needs, and nobody writes to it.
unpack() {
	chmod -R u+w "$dir/package" 2>/dev/null
	rm -rf "$dir/package" && mkdir "$dir/package" || return 1
	build gcc dist && tar -xzf "$dir"/gcc/listd-*.tar.gz --strip-components=1 -C "$dir/package" && chmod -R a-w "$dir/package"
}

# "make uninstall" takes away what "make install" brought.
uninstall() {
	rm -rf "$dir/staged"
	build release DESTDIR="$dir/staged" install && build release DESTDIR="$dir/staged" uninstall || return 1
	left=$(find "$dir/staged" ! -type d)
	[ "$left" = "" ] || { echo "left behind: $left"; return 1; }
}

# Counts the tests inside the unit programs, which say "N test(s)." for passed and failed ones.
count_units() {
	ok=$(cat "$dir/gcc/tests/unit/"*.log "$dir/gcc/tests/cases/"*.log 2>/dev/null | sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
	bad=$(cat "$dir/gcc/tests/unit/"*.log "$dir/gcc/tests/cases/"*.log 2>/dev/null | sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s).*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
	broken=$(grep -lE '^(FAIL|ERROR) ' "$dir/gcc/tests/unit/"*.trs 2>/dev/null | wc -l)
	for log in "$dir/gcc/tests/unit/"*.log "$dir/gcc/tests/cases/"*.log; do
		grep -q ':test-result: FAIL' "${log%.log}.trs" 2>/dev/null || continue
		grep -q 'FAILED' "$log" || bad=$((bad + 1))
		echo "    $(basename "$log" .log):"
		grep -E 'FAILED|ERROR|error|runtime|assert' "$log" | head -n 12 | sed 's/^/      /'
	done
	result "unit and case tests" "$ok" $((bad + broken))
}

fuzz_all() {
	for target in "$dir"/fuzz/tests/fuzz/fuzz_*; do
		[ -x "$target" ] && [ -f "$target" ] || continue
		name=$(basename "$target")
		case "$name" in *.o | *.dict) continue ;; esac
		mkdir -p "$dir/corpus/$name"
		seeds=
		[ -d "$src/tests/fuzz/seeds/$name" ] && seeds="$src/tests/fuzz/seeds/$name"
		[ -f "$src/tests/fuzz/$name.dict" ] && seeds="-dict=$src/tests/fuzz/$name.dict $seeds"
		# shellcheck disable=SC2086
		step "$name" "$target" -max_total_time="$fuzz_secs" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$dir/corpus/$name-" "$dir/corpus/$name" $seeds
	done
}

# System tests print "ok NAME" and "not ok NAME". Each has a network of its own, which leads nowhere.
system_tests() {
	if [ "$(id -u)" != 0 ]; then
		echo "the system tests need root (private mount and network namespaces, name server on loopback): not run"
		return
	fi
	id listd > /dev/null 2>&1 || useradd --system --user-group --no-create-home --shell /usr/sbin/nologin listd
	rm -rf "$dir/system"
	mkdir -p "$dir/system"
	for test in "$src"/tests/system/test_*.py; do
		name=$(basename "$test" .py)
		timeout 900 unshare -m -n sh -c 'ip link set lo up && exec "$@"' sh /usr/bin/python3 -B "$test" "$dir/system" "$dir/usr" "$dir/gcc" > "$dir/$name.log" 2>&1 ||
			echo "not ok $name ended with an error" >> "$dir/$name.log"
		result "system: $name" "$(grep -c '^ok ' "$dir/$name.log")" "$(grep -c '^not ok ' "$dir/$name.log")"
		grep '^not ok ' "$dir/$name.log" | head -n 20 | sed 's/^/    /'
	done
}

sh "$src/conf/install-packages.sh" test || exit 1
[ -x "$src/configure" ] || step autogen sh "$src/autogen.sh"

step configure-gcc configure_in gcc CC=gcc CFLAGS='-g -O1' --prefix="$dir/usr" --sysconfdir="$dir/usr/etc" --enable-asan --enable-ubsan --enable-werror
step build-gcc build gcc all check TESTS=
# Leaks are looked for in the unit tests; a helper's own leak must not hide a result.
build gcc check > "$dir/check.log" 2>&1
count_units
step configure-clang configure_in clang CC=clang CFLAGS=-O0 --enable-werror
step build-clang-all build clang all check TESTS=
step style sh "$src/tests/style.sh"
step configure-fuzz configure_in fuzz CC=clang CFLAGS='-g -O1' --enable-fuzz --disable-shared --enable-static --enable-werror
step build-fuzz build fuzz all
fuzz_all
step package unpack
from=$dir/package
step configure-release configure_in release --prefix="$dir/usr" --sysconfdir="$dir/usr/etc"
step install build release install
step uninstall uninstall
step library-client sh "$src/tests/system/library_client.sh" "$dir/usr"
system_tests

# That it works, not how fast.
step bench sh "$src/tests/bench/run.sh" --quick --dir "$dir/bench" "$dir/release"

# README's first command, from this very tree.
[ "$(id -u)" != 0 ] || step quickstart env LISTD_QUICKSTART_DIR="$dir/quickstart" sh "$src/conf/quickstart.sh" --once

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
