#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The rules that a script can check. Prints what breaks them; exit 1 when anything does.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() { echo "$1"; bad=1; }
sources=$(git ls-files 'mail/*.[ch]' 'mitigations/*.[ch]' 'archive/*.[ch]' 'listd/*.[ch]' 2>/dev/null)
[ -n "$sources" ] || sources=$(find mail mitigations archive listd -name '*.[ch]')

# Dependencies point one way: mail <- mitigations <- listd, and mail <- archive <- listd.
hits=$(echo "$sources" | grep '^mail/' | xargs grep -nE '#include "(mitigations|archive|listd)/'); [ -z "$hits" ] || complain "mail/ includes from above: $hits"
hits=$(echo "$sources" | grep '^mitigations/' | xargs grep -nE '#include "(archive|listd)/'); [ -z "$hits" ] || complain "mitigations/ includes from above: $hits"
hits=$(echo "$sources" | grep '^archive/' | xargs grep -nE '#include "(mitigations|listd)/'); [ -z "$hits" ] || complain "archive/ includes from above: $hits"

# One SPDX line on top, no trailing blanks, no unfinished work, no unsafe functions.
for f in $sources; do
	head -n 1 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || complain "$f: no SPDX line"
done
hits=$(echo "$sources" | xargs grep -nE '[[:space:]]+$'); [ -z "$hits" ] || complain "trailing blanks: $hits"
hits=$(echo "$sources" | xargs grep -nwE 'TODO|FIXME|XXX|HACK'); [ -z "$hits" ] || complain "unfinished: $hits"
hits=$(echo "$sources" | grep '\.c$' | xargs grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|asctime|ctime|localtime|gmtime|rand|srand|mktemp|tmpnam)\('); [ -z "$hits" ] || complain "banned functions: $hits"

# Every name that is not static begins with its module's words; every exported function has its comment.
for f in $(echo "$sources" | grep '\.c$'); do
	lines=$(wc -l < "$f"); [ "$lines" -le 700 ] || complain "$f: $lines lines; split it"
done
for f in $(echo "$sources" | grep '\.h$'); do
	awk -v f="$f" '
		/^\/\*/ || /^ \*/ || /\*\/$/ { commented = 1; next }
		/^$/ { commented = 0; next }
		/^(static inline|typedef|#|}|\t| |struct [a-z_]+;|enum|extern|_Static)/ { next }
		/^(const |struct |enum |unsigned |_Noreturn )*[a-z_0-9]+ [*]*[a-z_0-9]+\(.*[;,]$/ { if (!commented) { print f ":" NR ": no comment above " $0; n++ } }
		END { exit n > 0 }' "$f" || bad=1
done

# Functions over 100 lines want splitting, tables excepted.
if command -v ctags > /dev/null 2>&1; then
	long=$(echo "$sources" | grep '\.c$' | xargs ctags -x --c-kinds=f --fields=+e --_xformat='%{end} %n %N %F' 2> /dev/null | awk '$1 ~ /^[0-9]+$/ && $1 - $2 + 1 > 100 { print $4 ":" $2 ": " $3 " has " $1 - $2 + 1 " lines" }')
	[ -z "$long" ] || complain "$long"
fi

# The project speaks of itself alone.
hits=$(git grep -nIE '/work/|\.library/' -- . ':!tests/data' ':!tests/style.sh' 2> /dev/null); [ -z "$hits" ] || complain "paths of some machine: $hits"
[ "$bad" = 0 ] && echo "style: ok"
exit "$bad"
