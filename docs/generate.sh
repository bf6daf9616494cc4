#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the texts that are made from tables in the code: generate.sh BUILD-DIR SOURCE-DIR TARGET-DIR. "make docs-update" runs it on the source directory itself, a
# test on a directory of its own.
set -eu
gendoc=$1/listd/gendoc
listctl=$1/listctl
source=$2
target=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A page from its .in file, with what stands in a file in place of the line .\" NAME.
fill() { # PAGE NAME FILE
	{
		printf '.\\" Made from docs/%s.in by "make docs-update".\n' "$1"
		sed -e '/^\.\\" '"$2"'$/{
r '"$3"'
d
}' "$source/docs/$1.in"
	} > "$dir/$1"
}

"$gendoc" site-sample > "$dir/listd.conf.sample"
"$gendoc" list-sample > "$dir/list.conf.sample"
"$gendoc" manual > "$dir/listd.conf.5"
"$gendoc" events > "$dir/events"
fill listd.8 EVENTS "$dir/events"

"$listctl" help | sed -n '1,/^$/d; s/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' > "$dir/names"
while read -r name; do
	echo "@ $name"
	# shellcheck disable=SC2086
	"$listctl" help $name < /dev/null
done < "$dir/names" > "$dir/help"
LC_ALL=C awk -f "$source/docs/commands.awk" "$dir/help" > "$dir/commands"
[ -s "$dir/commands" ]
fill listctl.1 COMMANDS "$dir/commands"

# What strategies do to posts, measured, in place of what stands between the marks on their page.
printf 'host-name = "mx.lists.example.org"\ntemplate-dir = "%s"\n' "$(cd "$source" && pwd)/conf/templates" > "$dir/site"
measure() {
	"$listctl" compare --matrix --policy quarantine --policy reject --markdown --site "$dir/site" --models "$source/conf/compare.receivers" \
		--receivers "$source/conf/receivers.conf" --patterns "$source/conf/bounce.patterns" "$@" < /dev/null
}
{
	sed '/^<!-- measured/q' "$source/docs/strategies.md"
	echo
	measure
	echo
	measure --unguarded
	echo
	sed -n '/^<!-- end of what is measured/,$p' "$source/docs/strategies.md"
} > "$dir/strategies.md"

mkdir -p "$target/conf" "$target/docs"
mv "$dir/listd.conf.sample" "$dir/list.conf.sample" "$target/conf"
mv "$dir/listd.conf.5" "$dir/listd.8" "$dir/listctl.1" "$dir/strategies.md" "$target/docs"
