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
# An archive of its own, whose files are of today.
cost() {
	list=birds@lists.example.org
	mkdir -p "$dir/archive/$list/new" "$dir/archive/$list/cur"
	for message in blaze-002.mail blaze-003.mail mimekit-related.msg; do
		cat "$top/tests/data/dkim/messages/$message" > "$dir/archive/$list/new/$message"
	done
	printf 'address = "%s"\nsubject-tag = "[birds]"\nfooter = "birds since 1899"\n' "$list" > "$dir/list"
	"$listctl" whatif "$list" --archive "$dir/archive" --members "$here/members" --list-file "$dir/list" --zone "$here/recorded.zone" --models "$top/conf/compare.receivers" \
		--receivers "$top/conf/receivers.conf" --patterns "$top/conf/bounce.patterns" --site "$dir/site" > "$dir/whatif" 2>&1
}
cost || bad=1
[ "$update" = "--update" ] && cp "$dir/whatif" "$here/whatif.expected"
if diff -u "$here/whatif.expected" "$dir/whatif"; then
	echo "ok whatif"
else
	echo "not ok whatif"
	bad=1
fi
if ! command -v python3 > /dev/null; then
	echo "outputs: not read, there is no python3"
elif python3 -B "$here/outputs.py" "$listctl" > "$dir/outputs"; then
	echo "ok outputs"
else
	grep '^not ok' "$dir/outputs"
	bad=1
fi
echo "[  PASSED  ] $((5 - bad)) test(s)."
[ "$bad" = 0 ] || echo "[  FAILED  ] $bad test(s)."
exit "$bad"
