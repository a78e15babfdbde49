#!/bin/sh
# SPDX-License-Identifier: MIT
# Every test that SECURITY.md, docs/reliability.md and tests/prove/faults name
# is there: `unit/NAME`, `proc/NAME`, `cli/NAME`, `pains/NAME`, `fuzz/NAME`.
set -eu
cd "${TOP:-$(dirname "$0")/../..}"
bad=0 n=0
named() {
	tr -s ' `,|;' '\n' <"$1" | sed 's|^tests/||; s|\.[ch]$||' |
	    grep -E '^(unit|proc|cli|pains|fuzz)/[a-z0-9_*?]+$' | sort -u
}
for page in SECURITY.md docs/reliability.md tests/prove/faults; do
	for test in $(set -f; named $page); do
		n=$((n + 1))
		found=no
		for file in tests/$test.c tests/$test.sh $test.c; do
			[ ! -e "$file" ] || found=yes
		done
		if [ $found = no ]; then
			echo "$page: $test: there is no such test"
			bad=$((bad + 1))
		fi
	done
done
[ $n -gt 20 ] || {
	echo "only $n tests are named: the pattern is wrong"
	bad=$((bad + 1))
}
echo "$((n - bad)) passed, $bad failed, 0 skipped"
[ $bad = 0 ]
