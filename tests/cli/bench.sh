#!/bin/sh
# SPDX-License-Identifier: MIT
# shunt bench: every row has its figures and its control, what was chosen alone
# is measured, and Ctrl-C leaves neither a name nor a process.
. "$(dirname "$0")/lib.sh"

# rows FILTER: how many lines of the last output jq selects by it.
rows() {
	jq -c "select($1)" <"$T/out" | wc -l
}

run "$SHUNT" bench --quick --size=64 --pattern=1:1 --mode=sleeping
went 'bench'
for f in '1:1 round trip, sleeping' '1:1 flood, sleeping' 'futex ' \
    'shunt-queue-place' 'machine: ' 'kernel:  Linux'; do
	has 'bench' "$OUT" "$f"
done
hasnt 'a mode not asked for' "$OUT" ', polling:'

if command -v jq >/dev/null; then
	run "$SHUNT" bench --quick --size=8,1K --what=trips --json \
	    --mode=polling
	went 'bench --json'
	is 'one line for the machine' "$(rows '.row == "machine"')" 1
	is 'every row passed' "$(rows '.state == "failed"')" 0
	is 'two sizes' "$(rows '.name == "shunt-queue" and .state == "ok"')" 2
	is 'floods were not asked for' "$(rows '.row == "flood"')" 0
	is 'the percentiles rise' "$(rows '.state == "ok" and (.p50_ns <= 0 or
	    .p50_ns > .p99_ns or .p99_ns > .p999_ns or
	    .p999_ns > .max_ns)')" 0
	is 'each has its control' "$(rows '.state == "ok" and
	    (.control_before <= 0 or .control_after <= 0 or .ratio <= 0)')" 0
	run "$SHUNT" bench --quick --size=64 --pattern=4:1 --json \
	    --only=' shunt-queue '
	went 'bench 4:1'
	is 'many to one, polling and sleeping' "$(rows '.pattern == "4:1" and
	    .name == "shunt-queue" and .rate > 0 and .cpu_ns > 0')" 2
	is 'that row alone' "$(rows '.row != "machine"')" 2
fi

for bad in --size=7 --size=1,2 --size= --pattern=2:1 --mode=fast \
    --only=nothing-is-called-so; do
	run "$SHUNT" bench "$bad"
	is "bench $bad" "$RC" 2
done

# Interrupted in the middle of it.
start "$SHUNT" bench --size=64 --only=' shunt-queue '
made() {
	ls /dev/shm | grep -q "^shunt-bench-$PID-"
}
until_ok 5 made || fail 'it never began'
kill -INT "$PID"
ended "$PID"
is 'stopped, it says so' "$RC" 1
is 'no name is left' "$(ls /dev/shm | grep -c "^shunt-bench-$PID-")" 0
