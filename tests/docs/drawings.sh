#!/bin/sh
# SPDX-License-Identifier: MIT
# Each drawing is what tools/make-drawings makes of its source as it stands,
# is well-formed, and brings a background of its own, so that it can be read
# on a dark page too.
set -eu
cd "$(dirname "$0")/../.."
bad=0
n=0
tools/make-drawings --check || bad=1
for drawing in docs/guide/drawings/*.svg; do
	n=$((n + 1))
	grep -q '<polygon fill="#fcfcf7"' "$drawing" ||
	    { echo "$drawing: no background"; bad=1; }
	grep -rqF "drawings/$(basename "$drawing")" docs/guide/*.md ||
	    { echo "$drawing: no page shows it"; bad=1; }
	[ "$(tail -n 1 "$drawing")" = '</svg>' ] ||
	    { echo "$drawing: cut off"; bad=1; }
done
[ $n -gt 0 ] || { echo "there are no drawings"; bad=1; }
[ $bad = 1 ] || echo "$n drawings are made from their sources"
exit $bad
