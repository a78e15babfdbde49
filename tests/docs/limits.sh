#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/limits.md has all 25 pains; every test of one stands in it, and each
# row names a test that there is, or a section.
cd "$(dirname "$0")/../.." || exit 1
page=docs/limits.md
bad=0
wrong() {
	echo "$page: $*"
	bad=1
}
n=0
while [ $n -lt 25 ]; do
	n=$((n + 1))
	row=$(grep "^| $n |" $page) || wrong "no pain $n"
	tests=$(ls tests/pains/"$(printf %02d $n)"_*)
	for test in $tests; do
		case $row in
		*"\`$test\`"*) ;;
		*) wrong "pain $n: no word of $test" ;;
		esac
	done
	[ -n "$tests" ] || case $row in
	*'](#'*) ;;
	*) wrong "pain $n: neither a test nor a section" ;;
	esac
done 2>/dev/null
for test in $(grep -o '`tests/pains/[^`]*`' $page | tr -d '`'); do
	[ -x "$test" ] || [ -e "${test%.c}.c" ] || wrong "there is no $test"
done
# A heading's anchor: small letters, no points, dashes for blanks.
anchors=$(sed -n 's/^## //p' $page | tr 'A-Z ' 'a-z-' | tr -d '.,:()')
for link in $(grep -o '](#[^)]*)' $page | sed 's/](#//; s/)//'); do
	echo "$anchors" | grep -qx -- "$link" || wrong "no section $link"
done
exit $bad
