#!/bin/sh
# SPDX-License-Identifier: MIT
# ./dev bench --peers: rows, bars from the rows of the same run, the page made
# of them, and nothing left behind.
. "$(dirname "$0")/lib.sh"

peers=$TOP/build/plain/bench/peers/peers
[ -x "$peers" ] || skip 'the peers are not built'
command -v jq >/dev/null || skip 'jq is not here'

# rows FILTER: how many lines of the last output jq selects by it.
rows() {
	jq -c "select($1)" <"$T/out" | wc -l
}

run "$peers" --list
went 'list'
for p in bare shunt-queue shunt-topic shunt-stream shunt-call pipe unix-stream \
    unix-seqpacket posix-mq sysv-msg eventfd-shm zeromq-ipc nng-ipc boost-mq \
    ck_ring libqb-ring libqb-ipc iceoryx; do
	has 'list' "$OUT" "$p "
done

run "$peers" --quick --size=64 --only='1:1 64 polling' --json \
    --peer=bare,shunt-queue,pipe,posix,eventfd
is 'no row of ours failed' "$RC" 0
is 'the machine' "$(rows '.row == "machine" and (.kernel | length) > 5')" 1
is 'every row passed' "$(rows '.state == "failed"')" 0
is 'a peer' "$(rows '.name == "pipe" and .state == "ok"')" 2
is 'only these' "$(rows '.name == "sysv-msg"')" 0
is 'a bar is of this run, if its row is steady' "$(jq -s '
    map(select(.row == "trips" and .name == "shunt-queue"))[0] as $row |
    map(select(.name == "rtt.queue"))[0].value ==
    (if $row.steady then $row.ratio else null end)' <"$T/out")" true
is 'it is what its limit says' "$(rows '.row == "bar" and .value != null and
    .ok != (if .sense == "at most" then .value <= .limit
    else .value >= .limit end)')" 0
is 'what has no row is not measured' "$(rows '.name == "rtt.call" and
    .ok == null and .value == null')" 1
cp "$T/out" "$T/run.json"

mkdir "$T/page"
run "$TOP/tools/bench-page" "$T/run.json" "$T/page"
is 'a page' "$RC" 0
has 'the page has the bars' "$(cat "$T/page/peers.md")" '| rtt.queue | '
has 'the page has the rows' "$(cat "$T/page/peers.md")" '| pipe | '
has 'the page has the machine' "$(cat "$T/page/peers.md")" '    kernel:  Linux'
if command -v gnuplot >/dev/null; then
	has 'a drawing' "$(cat "$T/page/round-trip-polling.svg")" 'shunt-queue'
fi

run "$peers" --peer=nobody
is 'an unknown peer' "$RC" 2
has 'an unknown peer' "$ERR" 'nobody'

start "$peers" --size=64 --only='sleeping shunt-queue '
made() {
	ls /dev/shm | grep -q "^shunt-bench-$PID-"
}
until_ok 5 made || fail 'it never began'
kill -INT "$PID"
ended "$PID"
is 'interrupted' "$RC" 130
is 'no name is left' "$(ls /dev/shm | grep -c "^shunt-bench-$PID-")" 0
