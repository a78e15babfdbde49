#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 120
# Every sh block of the README runs as it stands, one after the other, with
# what `make install` puts into a directory; the C programs compile and run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
server=
cleanup()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	rm -rf "$dir"
	for name in jobs news pipe upper table build slots table-lock \
	    shunt-log-readme; do
		rm -f "/dev/shm/$name"
	done
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

for name in jobs news pipe upper table build slots table-lock; do
	if [ -e "/dev/shm/$name" ]; then
		echo "/dev/shm/$name is somebody's"
		exit 77
	fi
done

make -s -C "$root" install PREFIX="$dir/usr" DESTDIR= >"$dir/install" 2>&1 ||
    { cat "$dir/install"; exit 1; }
PATH=$dir/usr/bin:$PATH
LD_LIBRARY_PATH=$dir/usr/lib
PKG_CONFIG_PATH=$dir/usr/lib/pkgconfig
SHUNT_LOG=/shunt-log-readme
export PATH LD_LIBRARY_PATH PKG_CONFIG_PATH SHUNT_LOG
cd "$dir"

# block LANGUAGE N: the N-th block of that language.
block()
{
	awk -v lang="$1" -v want="$2" '
	$0 == "```" lang { n++; on = n == want; next }
	/^```/ { on = 0 }
	on' "$root/README.md"
}

expect()
{
	if ! grep -q "$1" "$2"; then
		echo "README, block $3: no \"$1\" in:"
		cat "$2"
		exit 1
	fi
}

block c 1 >hello.c
n=0
while :; do
	n=$((n + 1))
	block sh $n >script
	[ -s script ] || break
	if ! sh -eu script >out 2>&1; then
		echo "README, block $n failed:"
		cat script out
		exit 1
	fi
	case $n in
	1) expect '^build it$' out 1; expect '^test it$' out 1 ;;
	2) expect '^it works$' out 2 ;;
	3) expect '^5$' out 3; expect 'SAY IT LOUD' out 3 ;;
	4) expect 'hello from a shell' out 4 ;;
	5) expect 'some bytes' out 5 ;;
	6) expect '^/table  *raw' out 6; expect 'nobody has it open' out 6 ;;
	7) expect 'only one of us' out 7; expect 'one of two' out 7 ;;
	8) expect '^hello$' out 8 ;;
	esac
done
[ $n -eq 9 ] || { echo "README has $((n - 1)) sh blocks, not 8"; exit 1; }
block c 2 >lock.c
cc -Wall -Werror lock.c -o lock $(pkg-config --cflags --libs shunt) && ./lock >out
expect 'nobody else is in here' out 'c 2'
left=$(ls /dev/shm | grep -E '^(jobs|news|pipe|upper|table|build|slots|table-lock|shunt-log-readme)$' || :)
[ -z "$left" ] || { echo "left in /dev/shm: $left"; exit 1; }
echo "8 blocks and 2 programs of the README run as they stand"
