#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds library_client.c against an installed tree (PREFIX) by pkg-config alone, and runs it.
set -eu
prefix=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
# Each header stands alone.
(cd "$prefix/include/libmitigations" && find . -name '*.h') | while read -r header; do
	# shellcheck disable=SC2046
	echo "#include <${header#./}>" | cc -std=c17 -Wall -Wextra -Werror -fsyntax-only -x c $(pkg-config --cflags libmitigations) -
done
# shellcheck disable=SC2046
cc -std=c17 -Wall -Wextra -Werror -o "$dir/client" "$here/library_client.c" $(pkg-config --cflags --libs libmitigations) -Wl,-rpath,"$prefix/lib"
printf 'From: Ann <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n' > "$dir/message"
printf '_dmarc.example.com TXT "v=DMARC1; p=reject"\nexample.com TXT "v=spf1 ip4:192.0.2.1 -all"\n' > "$dir/zone"
good=$("$dir/client" "$dir/message" "$dir/zone" 192.0.2.1)
bad=$("$dir/client" "$dir/message" "$dir/zone" 192.0.2.2)
echo "$good / $bad"
case "$good" in "policy reject, authentic yes by spf="*) ;; *) exit 1 ;; esac
case "$bad" in "policy reject, authentic no by "*) ;; *) exit 1 ;; esac
