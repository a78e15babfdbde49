#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples do what their comments say.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
shunt=${SHUNT:-$root/build/plain/shunt}
bin=$(dirname "$shunt")/examples
dir=$(mktemp -d)
server=
cleanup()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	rm -rf "$dir"
	rm -f /dev/shm/hello-example /dev/shm/work-example \
	    /dev/shm/forking-example
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

[ -x "$bin/hello" ] || { echo "the examples are not built"; exit 77; }
[ "$("$bin/hello")" = hello ] || { echo "hello does not greet"; exit 1; }

"$shunt" send /work-example first second
"$bin/worker" /work-example >"$dir/out"
printf 'done: first\ndone: second\n' | cmp - "$dir/out"

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
echo "3 examples do what they say"
