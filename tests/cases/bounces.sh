#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Holds listctl bounce and listctl reply to tests/data, by the command line.
command -v python3 > /dev/null || exit 77 # skipped
here=$(dirname "$0")
exec "$(command -v python3)" -B "$here/bounces.py" "$(pwd)/listctl" "$here/../../conf/bounce.patterns" "$here/../data"
