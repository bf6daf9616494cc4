#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the texts that are made from tables in the code: generate.sh GENDOC SOURCE-DIR TARGET-DIR. "make docs-update" runs it on the source directory itself, a test
# on a directory of its own.
set -eu
gendoc=$1
source=$2
target=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$gendoc" site-sample > "$dir/listd.conf.sample"
"$gendoc" list-sample > "$dir/list.conf.sample"
"$gendoc" manual > "$dir/listd.conf.5"
"$gendoc" events > "$dir/events"
sed -e '1i\
.\\" Made from docs/listd.8.in by "make docs-update".' -e '/^\.\\" EVENTS$/{
r '"$dir/events"'
d
}' "$source/docs/listd.8.in" > "$dir/listd.8"

mkdir -p "$target/conf" "$target/docs"
mv "$dir/listd.conf.sample" "$dir/list.conf.sample" "$target/conf"
mv "$dir/listd.conf.5" "$dir/listd.8" "$target/docs"
