#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Signatures and seals of ours in other implementations: dkimpy and Mail::DKIM. Needs no network: keys are handed to them.
# Exit 77 (skipped) where one of them is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
signtool=${SIGNTOOL:-$(pwd)/tests/system/signtool}
python=${PYTHON3:-/usr/bin/python3}
messages=${DKIM_PEERS_MESSAGES:-120}
"$python" -c 'import dkim, nacl' 2>/dev/null || { echo "dkimpy with PyNaCl is not installed"; exit 77; }
perl -MMail::DKIM::Verifier -MMail::DKIM::ARC::Verifier -e 1 2>/dev/null || { echo "Mail::DKIM is not installed"; exit 77; }
dir=$(mktemp -d)
[ -n "${DKIM_PEERS_KEEP:-}" ] || trap 'rm -rf "$dir"' EXIT
"$python" "$here/dkim_peers.py" "$signtool" "$here/dkim_peers.pl" "$dir" "$messages"
