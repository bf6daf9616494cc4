#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The main job, on one machine, without the internet: builds listd, starts it beside a private Postfix, name server and receivers on loopback, posts a signed
# message of a p=reject domain and a forged one, and shows what each subscriber got and why. listd is left running; --once stops everything afterwards and exits 0
# only if every subscriber got the good post and nobody the forged one. --stop ends what an earlier run left.
set -eu
src=$(cd "$(dirname "$0")/.." && pwd)
dir=${LISTD_QUICKSTART_DIR:-/var/tmp/listd-quickstart}

die() { echo "quickstart: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "run it as root: it starts a mail server and name server of its own on loopback addresses"

case "${1:-}" in
"" | --once | --stop) ;;
*) die "usage: sh conf/quickstart.sh [--once | --stop]" ;;
esac

stop_all() {
	[ -f "$dir/pids" ] || return 0
	while read -r pid name; do
		[ "$name" != "" ] && kill "$pid" 2>/dev/null || true
	done < "$dir/pids"
	for instance in mta rx; do
		[ -f "$dir/$instance/main.cf" ] && postfix -c "$dir/$instance" stop >/dev/null 2>&1 || true
	done
	rm -f "$dir/pids"
}
if [ "${1:-}" = --stop ]; then
	stop_all
	echo "stopped"
	exit 0
fi

# What stands below is removed first.
rmdir "$dir" 2>/dev/null || true
[ ! -e "$dir" ] || [ -d "$dir/build" ] || die "$dir is there, and is not of an earlier run: LISTD_QUICKSTART_DIR names a directory to make"

sh "$src/conf/install-packages.sh" run
id listd >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin listd

echo "Building listd..."
mkdir -p "$dir/build"
[ -x "$src/configure" ] || (cd "$src" && sh autogen.sh) > "$dir/build.log" 2>&1 || { tail "$dir/build.log"; die "autogen.sh failed, see $dir/build.log"; }
(
	cd "$dir/build"
	[ -f Makefile ] || "$src/configure" --prefix="$dir/usr" --sysconfdir="$dir/usr/etc"
	make -j"$(nproc)" install
) >> "$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log"; die "the build failed, see $dir/build.log"; }

stop_all
rm -rf "$dir/mta" "$dir/rx" "$dir/dns" "$dir/var" "$dir/spool" "$dir/mail" "$dir/log" "$dir/etc" "$dir/conf" "$dir/run"
# A mount namespace of its own, in which the resolver's configuration is the private one; nothing of the machine is changed.
exec unshare -m /usr/bin/python3 -B "$src/conf/quickstart/quickstart.py" "$dir" "${1:-}"
