#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Holds the commands that work on files to tests/data, by the command line.
command -v python3 > /dev/null || exit 77 # skipped
exec "$(command -v python3)" -B "$(dirname "$0")/data.py" "$(pwd)/listctl" "$(dirname "$0")/../data"
