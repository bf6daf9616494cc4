#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is made from tables is as it was committed: samples, manual pages, and what is measured of strategies.
set -u
src=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sh "$src/docs/generate.sh" . "$src" "$dir" || exit 1
bad=0
for file in conf/listd.conf.sample conf/list.conf.sample docs/listd.conf.5 docs/listd.8 docs/listctl.1 docs/strategies.md; do
	diff -u "$src/$file" "$dir/$file" || { echo "$file is not what the tables give: make docs-update"; bad=1; }
done
exit "$bad"
