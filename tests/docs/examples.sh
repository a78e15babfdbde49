#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples do what their comments say.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
shunt=${SHUNT:-$root/build/plain/shunt}
bin=$(dirname "$shunt")/examples
dir=$(mktemp -d)
server= example=
cleanup()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	[ -z "$example" ] || kill "$example" 2>/dev/null || :
	rm -rf "$dir"
	rm -f /dev/shm/*-example
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

[ -x "$bin/hello" ] || { echo "the examples are not built"; exit 77; }
[ "$("$bin/hello")" = hello ] || { echo "hello does not greet"; exit 1; }

"$shunt" send /work-example first second
"$bin/worker" /work-example >"$dir/out"
printf 'done: first\ndone: second\n' | cmp - "$dir/out"

# Two workers share them; each job is done once.
seq 200 | "$shunt" send /work-example
"$bin/worker" /work-example >"$dir/out2" &
example=$!
"$bin/worker" /work-example >"$dir/out"
wait "$example"
example=
seq -f 'done: %g' 200 | sort >"$dir/want"
sort "$dir/out" "$dir/out2" | diff "$dir/want" -

# The records wait for their server, which writes them and ends.
"$bin/forking"
"$shunt" logd -n /forking-example -o "$dir/log" --ready-fd=9 9>"$dir/ready" &
server=$!
i=0
while [ ! -s "$dir/ready" ]; do
	i=$((i + 1))
	[ $i -lt 1000 ] || { echo "the server does not come"; exit 1; }
	sleep 0.01
done
"$shunt" logd -n /forking-example --stop
wait "$server"
server=
[ "$(grep -c 'child [0-3] at work' "$dir/log")" = 4 ] ||
    { cat "$dir/log"; exit 1; }

# gives WHAT COMMAND...: what it prints until it ends; fails with a diff.
n=3
gives()
{
	want=$1
	shift
	printf "$want" >"$dir/want"
	"$@" >"$dir/out" || { echo "$*: exit $?"; exit 1; }
	diff "$dir/want" "$dir/out" || { echo "$*: not so"; exit 1; }
	n=$((n + 1))
}
# until_lines N: the example in the background has printed so many.
until_lines()
{
	i=0
	while [ "$(wc -l <"$dir/out")" -lt "$1" ]; do
		i=$((i + 1))
		[ $i -lt 1000 ] || { echo "not printed"; cat "$dir/out"; exit 1; }
		sleep 0.01
	done
}

"$shunt" send /orders-example one two
"$shunt" send /returns-example three
gives '/orders-example: one\n/orders-example: two\n/returns-example: three\n' \
    "$bin/several" /orders-example /returns-example

# Two messages while it sleeps, a line of input, the end of the input.
mkfifo "$dir/in"
: >"$dir/out"
"$bin/epoll" /epoll-example <"$dir/in" >"$dir/out" &
example=$!
exec 8>"$dir/in"
"$shunt" send /epoll-example first
until_lines 1
echo 'a line' >&8
until_lines 2
"$shunt" send /epoll-example second
until_lines 3
exec 8>&-
wait "$example" || { echo "epoll: exit $?"; exit 1; }
example=
printf 'queue: first\ninput: a line\nqueue: second\n' | diff - "$dir/out"
n=$((n + 1))
# Input that epoll cannot wait for ends it with a sentence.
! timeout 5 "$bin/epoll" /epoll-example </dev/null >"$dir/out" 2>&1 ||
    { echo 'epoll: of /dev/null it is silent'; exit 1; }
grep -q '^input: ' "$dir/out"

# Whoever gives no arguments learns which there are.
for example in worker ask serve publish subscribe put get epoll; do
	! "$bin/$example" </dev/null >"$dir/out" 2>&1
	grep -q '^usage: ' "$dir/out" || { echo "$example: no usage"; exit 1; }
done
example=
n=$((n + 1))

if [ -x "$bin/uv" ]; then
	: >"$dir/out"
	"$bin/uv" /uv-example >"$dir/out" &
	example=$!
	"$shunt" send /uv-example first
	until_lines 1
	"$shunt" send /uv-example second
	until_lines 2
	wait "$example" || { echo "uv: exit $?"; exit 1; }
	example=
	printf 'first\nsecond\n' | diff - "$dir/out"
	n=$((n + 1))
fi

# Two subscribers; the second comes late and begins with the last value.
rm -f "$dir/out2"
"$bin/subscribe" /prices-example >"$dir/out2" &
other=$!
i=0
while [ ! -s "$dir/out2" ]; do
	i=$((i + 1))
	[ $i -lt 500 ] || { echo "subscribe: nothing comes"; exit 1; }
	"$bin/publish" /prices-example tea
done
: >"$dir/out"
"$bin/subscribe" /prices-example >"$dir/out" &
example=$!
until_lines 1
"$bin/publish" /prices-example 'milk 1' 'milk 2'
wait "$example" || { echo "subscribe: exit $?"; exit 1; }
example=$other
wait "$example" || { echo "subscribe: exit $?"; exit 1; }
example=
printf 'tea\nmilk 1\nmilk 2\n' | diff - "$dir/out"
uniq "$dir/out2" | diff - "$dir/out"
n=$((n + 2))

head -c 3000000 /dev/urandom >"$dir/film"
"$bin/get" /film-example >"$dir/copy" &
example=$!
"$bin/put" /film-example <"$dir/film"
wait "$example" || { echo "get: exit $?"; exit 1; }
example=
cmp "$dir/film" "$dir/copy"
n=$((n + 2))

"$bin/serve" /upper-example &
example=$!
gives 'LOUD WORDS\n' "$bin/ask" /upper-example 'loud words'
gives '\n' "$bin/ask" /upper-example ''
wait "$example" || { echo "serve: exit $?"; exit 1; }
example=
echo "$n examples do what they say"
