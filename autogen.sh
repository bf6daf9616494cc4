#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes configure from configure.ac. Needs autoconf, automake, libtool, pkg-config.
cd "$(dirname "$0")" && exec autoreconf -fi
