#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that are missing: "build" to compile, "run" for the quickstart too, "test" for all tests. Services that come with
# packages are not started. Exim, which Debian does not let stand beside Postfix, is unpacked into a directory of the tests instead ($LISTD_EXIM_DIR).
set -eu
build="gcc libc6-dev make autoconf automake libtool pkg-config libmilter-dev libopendkim-dev libspf2-dev libdb5.3-dev libpcre2-dev libunbound-dev libpsl-dev libssl-dev
libidn2-dev libconfuse-dev libjansson-dev libsystemd-dev libcmocka-dev"
run="$build postfix nsd opendkim opendmarc python3 python3-dkim openssl util-linux"
test="$run rspamd clang libclang-rt-14-dev python3-nacl libmail-dkim-perl opendkim-tools universal-ctags man-db iproute2 spamd spamassassin spamass-milter
libmail-dmarc-perl libmail-spf-perl python3-spf python3-dnspython libgnutls-dane0 libidn12 libldap-2.5-0 libmariadb3 libnsl2 libperl5.36 libpq5 libsasl2-2 libsqlite3-0"
exim_dir=${LISTD_EXIM_DIR:-/var/lib/listd-tests/exim}
case "${1:-}" in
build) want=$build ;;
run) want=$run ;;
test) want=$test ;;
*) echo "usage: install-packages.sh build|run|test" >&2; exit 64 ;;
esac

unpack_exim() {
	getent passwd Debian-exim > /dev/null || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin Debian-exim
	[ ! -x "$exim_dir/usr/sbin/exim4" ] || return 0
	package=$(mktemp -d)
	mkdir -p "$exim_dir"
	(cd "$package" && { apt-cache show exim4-daemon-heavy || apt-get update; } && apt-get download -o APT::Sandbox::User=root exim4-daemon-heavy &&
		dpkg-deb -x ./*.deb "$exim_dir" && chmod u-s "$exim_dir/usr/sbin/exim4") > "$package/log" 2>&1 ||
		{ cat "$package/log"; echo "Exim could not be unpacked into $exim_dir" >&2; return 1; }
	rm -rf "$package"
}

missing=
for package in $want; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
	[ "$1" != test ] || [ "$(id -u)" != 0 ] || unpack_exim
	exit
fi
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
[ "$1" != test ] || unpack_exim
