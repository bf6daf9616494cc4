#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The rules of the house that a script can check. Prints what breaks them; exit 1 when anything does.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() { echo "$1"; bad=1; }
none() { [ -z "$2" ] || complain "$1:
$2"; } # WHAT HITS: there must be none
list() { git ls-files "$@" 2> /dev/null; }
sources=$(list 'mail/*.[ch]' 'mitigations/*.[ch]' 'archive/*.[ch]' 'listd/*.[ch]')
[ -n "$sources" ] || sources=$(find mail mitigations archive listd -name '*.[ch]')
units=$(echo "$sources" | grep '\.c$')
headers=$(echo "$sources" | grep '\.h$')
tests=$(find tests -name '*.[ch]')
scripts=$(find tests conf docs -name '*.sh' -o -name '*.py')
in_folder() { echo "$sources" | grep "^$1/"; }

# Dependencies point one way: mail <- mitigations <- listd, and mail <- archive <- listd.
none "mail/ includes from above" "$(in_folder mail | xargs grep -nE '#include "(mitigations|archive|listd)/')"
none "mitigations/ includes from above" "$(in_folder mitigations | xargs grep -nE '#include "(archive|listd)/')"
none "archive/ includes from above" "$(in_folder archive | xargs grep -nE '#include "(mitigations|listd)/')"
none "listd/ looks inside the library" "$(in_folder listd | xargs grep -nE '#include "(mail|mitigations|archive)/.*_int\.h"')"

# One door to each resource.
door() { none "$1 is spoken to by $2 alone" "$(echo "$sources" | grep -vE "^($2)" | xargs grep -nE "#include <$1")"; }
door unbound.h 'mail/dns_'
door db.h 'listd/store/'
door opendkim 'mitigations/auth/dkim_library'
door spf2 'mitigations/auth/spf'
door libpsl.h 'mitigations/auth/dmarc_'
door confuse.h 'listd/settings'

# The libraries are silent, and end nobody's program but for want of memory and for bugs.
none "a library prints or exits" "$(echo "$units" | grep -vE '^listd/|^mail/(log|fail)\.c' | xargs grep -nE '\b(v?f?printf|puts|fputs|perror|syslog|exit|_exit|log_begin)\(')"

# One SPDX line on top; headers say what they are and have a guard; no typedefs for structs, no variables that change.
for f in $sources $tests $scripts autogen.sh; do
	head -n 3 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || complain "$f: no SPDX line"
done
for f in $headers; do
	sed -n 2p "$f" | grep -q '^/\* ' || complain "$f: does not say on top what it is"
	grep -q '^#ifndef [A-Z_0-9]*_H$' "$f" || complain "$f: no guard"
done
none "typedef" "$(echo "$sources" | xargs grep -nE '^typedef (struct|enum|union)[^(]*$')"
none "variables that change" "$(echo "$units" | xargs grep -nE '^(static )?(struct |unsigned |signed |_Atomic |atomic_)*[a-z_0-9]+ [*]*[a-z_0-9]+(\[[^]]*\])*( = .*)?;' | grep -vE '\bconst\b|^mail/log\.c|:(return|goto) ')"

# Clean text: no trailing blanks, no unfinished work, no functions that invite faults, nothing too long.
none "trailing blanks" "$(echo "$sources" "$tests" "$scripts" | xargs grep -nE '[[:space:]]+$')"
none "unfinished" "$(echo "$sources" | xargs grep -nE '/[*/].*\b(TODO|FIXME|XXX|HACK)\b|^ \* .*\b(TODO|FIXME|XXX|HACK)\b')"
none "banned functions" "$(echo "$units" | xargs grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|asctime|ctime|localtime|gmtime|rand|srand|mktemp|tmpnam|alloca)\(')"
none "lines over 180 octets" "$(echo "$sources" | xargs awk 'length > 180 { print FILENAME ":" FNR ": " length }')"
none "more than 700 lines; split it" "$(for f in $units; do [ "$(wc -l < "$f")" -le 700 ] || echo "$f"; done)"
if command -v ctags > /dev/null 2>&1; then
	none "functions over 100 lines" "$(echo "$units" | xargs ctags -x --c-kinds=f --fields=+e --_xformat='%{end} %n %N %F' 2> /dev/null |
		awk '$1 - $2 + 1 > 100 { print $4 ":" $2 ": " $3 " has " $1 - $2 + 1 " lines" }')"
fi

# Every exported function has its comment: above it, or above the group it stands in, or behind it.
for f in $headers; do
	awk -v f="$f" '
		/^\/\*/ { commented = 1; next }
		/^ \*/ || /\*\/$/ { next }
		/^$/ { commented = 0; next }
		/^(const |struct |enum |unsigned |_Noreturn )*[A-Za-z_0-9]+ [*]*[a-z_0-9]+\(/ { if (!commented) { print f ":" NR ": no comment above " $0; n++ } }
		END { exit n > 0 }' "$f" || bad=1
done

# What is a row in a table has all its parts: a strategy is listed and described, a setting has help, a test program is built.
for name in $(sed -n 's/^const struct strategy strategy_\([a-z_]*\) = .*/\1/p' mitigations/strategies/*.c); do
	grep -q "&strategy_$name," mitigations/strategies/table.c || complain "mitigations/strategies/table.c lacks $name"
	grep -q "^## $name\$" docs/strategies.md || complain "docs/strategies.md has no section $name"
	grep -q "\"$name\"" tests/unit/test_choose.c || complain "tests/unit/test_choose.c has no row about $name"
done
none "settings without help" "$(awk '/^\t\{ \.name = / { if (open != "") print open; open = $4 } /\.help = "[^"]/ { open = "" } END { if (open != "") print open }' listd/settings_tables.c)"
none "log events without help" "$(grep -nE '^\s*ROW\([^)]*""\)' listd/event.h)"
for f in tests/unit/test_*.c tests/fuzz/fuzz_*.c; do
	grep -q "$f" tests/local.mk || complain "tests/local.mk does not build $f"
done

# Manual pages are good roff.
if command -v groff > /dev/null 2>&1; then
	for page in docs/*.[1-8]; do
		none "$page" "$(groff -ww -man -Tutf8 -Kutf8 "$page" 2>&1 > /dev/null)"
	done
fi

# What the pages name is there.
for page in README.md docs/*.md; do
	for path in $(grep -oE '`(mail|mitigations|archive|listd|tests|conf|docs)/[A-Za-z0-9_./-]*`' "$page" | tr -d '`' | grep -v NAME | sort -u); do
		[ -e "$path" ] || complain "$page names $path, which is not there"
	done
done

# Every folder of test data says where it is from.
for dir in tests/data/*/; do
	[ -s "${dir}README.md" ] || complain "$dir has no README.md"
	ls "$dir" | grep -q '^LICENSE' || complain "$dir has no licence"
	grep -q "| $(basename "$dir") |" tests/data/README.md || complain "tests/data/README.md does not list $(basename "$dir")"
done
for dir in $(sed -n 's/^| \([a-z-]*\) |.*/\1/p' tests/data/README.md | grep -vx folder); do
	[ -d "tests/data/$dir" ] || complain "tests/data/README.md lists $dir, which is not there"
done

# The project speaks of itself alone.
none "paths of some machine" "$(git grep -nIE '/work/|/home/[a-z]+/|\.library/' -- . ':!tests/data' ':!tests/style.sh' 2> /dev/null)"
[ "$bad" = 0 ] && echo "style: ok"
exit "$bad"
