#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Holds what listctl compare makes of the posts here against what is expected. With --update that is written anew.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
listctl=$(pwd)/listctl
bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf 'host-name = "mx.lists.example.org"\ntemplate-dir = "%s/conf/templates"\n' "$top" > "$dir/site"

hold() { # NAME INPUT [OPTION...]
	name=$1
	shift
	(cd "$top" && "$listctl" compare "$@" --models conf/compare.receivers --receivers conf/receivers.conf --patterns conf/bounce.patterns --site "$dir/site" --expect "tests/compare/$name.expected" $update) > "$dir/$name" 2>&1
	code=$?
	if [ "$code" = 0 ]; then
		echo "ok $name"
	else
		echo "not ok $name (exit code $code)"
		grep -v '^  ' "$dir/$name"
		bad=1
	fi
}

update=${1:-}
hold described tests/compare/described.posts
hold unguarded tests/compare/described.posts --unguarded --strategy none --strategy rewrite --strategy wrap
hold recorded tests/data/dkim/messages --zone tests/compare/recorded.zone --jobs 2
echo "[  PASSED  ] $((3 - bad)) test(s)."
[ "$bad" = 0 ] || echo "[  FAILED  ] $bad test(s)."
exit "$bad"
