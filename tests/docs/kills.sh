#!/bin/sh
# SPDX-License-Identifier: MIT
# "kill -9 at each point" in docs/reliability.md: each call of the headers
# stands in a row of the table of calls, and each of its rows in the table of
# operations, and the other way round.
set -eu
cd "${TOP:-$(dirname "$0")/../..}"
page=docs/reliability.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
wrong() {
	echo "$page: $*"
	bad=$((bad + 1))
}

sed -n '/^## kill -9 at each point/,/^<!-- calls -->/p' $page |
    sed -n 's/^| \([^|]*\) |.*/\1/p' | grep -v '^operation$' >"$work/rows"
sed -n '/^<!-- calls -->/,/^<!-- end of calls -->/p' $page >"$work/table"
sed -n 's/^| \([^|]*\) |.*/\1/p' "$work/table" | grep -v '^row$' |
    sed 's/; /\n/g' >"$work/named"
grep -o '`shunt_[a-z0-9_*]*`' "$work/table" | tr -d '`' | sort -u >"$work/calls"
grep -oE 'shunt_[a-z0-9_]+;' src/libshunt.map | tr -d ';' |
    sort -u >"$work/there"

while read -r row; do
	case $row in
	-*) continue ;;
	'a lane changes hands' | 'lock: repair') continue ;; # in other calls
	esac
	grep -qxF "$row" "$work/named" || wrong "no call does '$row'"
done <"$work/rows"
while read -r row; do
	case $row in
	-*) continue ;;
	esac
	grep -qxF "$row" "$work/rows" || wrong "no operation is called '$row'"
done <"$work/named"
n=0
while read -r call; do
	n=$((n + 1))
	found=no
	while read -r pattern; do
		case $call in
		$pattern) found=yes ;;
		esac
	done <"$work/calls"
	[ $found = yes ] || wrong "what if $call is killed?"
done <"$work/there"
while read -r call; do
	case $call in
	*'*'*) ;;
	*) grep -qxF "$call" "$work/there" || wrong "there is no $call" ;;
	esac
done <"$work/calls"
[ $n -gt 100 ] || wrong "only $n calls were found"
echo "$((n - (bad > n ? n : bad))) passed, $bad failed, 0 skipped"
[ $bad = 0 ]
