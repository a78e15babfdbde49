#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 60
# The README's table of tools is what those of this machine say.
cd "$(dirname "$0")/../.." || exit 1
tools/compare-tools --check
