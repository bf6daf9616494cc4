#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the cases with the listctl of this build; 77 (skipped) where dkimpy, which signs their messages, is not installed.
/usr/bin/python3 -c 'import dkim' 2> /dev/null || exit 77
exec /usr/bin/python3 -B "$(dirname "$0")/run.py" "$(pwd)/listctl" "$@"
