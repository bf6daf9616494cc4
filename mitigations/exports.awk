# SPDX-License-Identifier: BSD-2-Clause
# The names of the functions and objects that headers declare, one a line. House style makes that simple: a declaration begins in the first column with its type.
/^(static|typedef|#|\/|_Static_assert)/ { next }
/^extern / { name = $0; sub(/(\[[^]]*\])?;.*/, "", name); sub(/.*[ *]/, "", name); print name; next }
/^[a-zA-Z_].*\(/ { match($0, /[A-Za-z_0-9]+\(/); print substr($0, RSTART, RLENGTH - 1) }
