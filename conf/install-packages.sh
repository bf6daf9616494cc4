#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that are missing: "build" to compile, "run" for the quickstart too, "test" for all tests. Services that come with
# packages are not started.
set -eu
build="gcc libc6-dev make autoconf automake libtool pkg-config libmilter-dev libopendkim-dev libspf2-dev libdb5.3-dev libpcre2-dev libunbound-dev libpsl-dev libssl-dev
libidn2-dev libconfuse-dev libjansson-dev libsystemd-dev libcmocka-dev"
run="$build postfix nsd opendkim opendmarc python3 python3-dkim openssl util-linux"
test="$run rspamd clang libclang-rt-14-dev python3-nacl libmail-dkim-perl opendkim-tools universal-ctags man-db"
case "${1:-}" in
build) want=$build ;;
run) want=$run ;;
test) want=$test ;;
*) echo "usage: install-packages.sh build|run|test" >&2; exit 64 ;;
esac

missing=
for package in $want; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "missing packages:$missing; run as root or install them" >&2; exit 1; }

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT INT TERM
fi
echo "Installing:$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
{ apt-get update && apt-get install -y --no-install-recommends $missing; } > "$log" 2>&1 || { tail -n 20 "$log"; echo "the packages could not be installed, see $log" >&2; exit 1; }
rm -f "$log"
