#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 120
# kill -9 of one side.  The log and the greetings with libshunt survive it; the
# plain greetings do not, as their comment says.
. "$(dirname "$0")/lib.sh"

case $(uname -m) in
x86_64) WRITE=1 ;;
aarch64) WRITE=64 ;;
*) skip 'the number of write(2) is not known here' ;;
esac

# in_write PID: it sleeps there, its pipe being full.
in_write() {
	[ "$(cut -d' ' -f1 "/proc/$1/syscall" 2>/dev/null)" = $WRITE ] &&
	    sleeps "$1"
}

ROUNDS=100000

# Greetings: the reader is killed between taking a greeting and answering it,
# while it prints into a pipe that nobody empties.  The next one takes the same
# greeting: all of them are printed exactly once.
mkfifo "$T/pipe"
launch 5_writer_shunt "$T/writer"
writer=$PID
launch 5_reader_shunt "$T/pipe"
reader=$PID
exec 7<"$T/pipe"
check 'the reader prints' until_ok 10 in_write "$reader"
kill -9 "$reader"
ended "$reader"
cat <&7 >"$T/readers"
exec 7<&-
check 'it has printed' lines "$T/readers" 100
launch 5_reader_shunt "$T/reader"
printed 5_writer_shunt "$writer" "$T/writer" 'the reader killed in it'
ended "$PID"
is 'the second reader ends' "$RC" 0
cat "$T/reader" >>"$T/readers"
wanted 5_reader >"$T/wanted"
check 'each greeting once' cmp -s "$T/wanted" "$T/readers"
clean 'the reader killed in it'

# The reader is killed at any moment, again and again.  The writer gets each answer
# exactly once, in order; no greeting is lost, and at most one for each death
# is printed again.
deaths=0
launch 5_writer_shunt "$T/writer"
writer=$PID
while until_ok 10 settled "$writer" && ! gone "$writer" &&
    [ $deaths -lt 8 ]; do
	launch 5_reader_shunt "$T/reader.$deaths"
	until_ok 10 lines "$T/reader.$deaths" 50
	kill -9 "$PID"
	ended "$PID"
	deaths=$((deaths + 1))
done
PID=''
gone "$writer" || launch 5_reader_shunt "$T/reader.$deaths"
printed 5_writer_shunt "$writer" "$T/writer" 'the reader killed'
if [ -n "$PID" ]; then
	ended "$PID"
	is 'the last reader ends' "$RC" 0
fi
check 'readers were killed' [ $deaths -ge 3 ]
i=0
while [ -e "$T/reader.$i" ]; do
	cat "$T/reader.$i"
	i=$((i + 1))
done >"$T/readers"
wanted 5_reader >"$T/wanted"
uniq "$T/readers" >"$T/once"
check 'each greeting arrives' cmp -s "$T/wanted" "$T/once"
again=$(($(wc -l <"$T/readers") - $(wc -l <"$T/once")))
check "again after $deaths deaths: $again" [ $again -le $deaths ]
clean 'the reader killed'

# The writer is killed; another one begins anew, with the same reader.
launch 5_reader_shunt "$T/reader"
reader=$PID
for n in 1 2 3; do
	launch 5_writer_shunt "$T/writer"
	until_ok 10 lines "$T/reader" $((n * 30))
	kill -9 "$PID"
	ended "$PID"
done
launch 5_writer_shunt "$T/writer"
printed 5_writer_shunt "$PID" "$T/writer" 'the writer killed'
ended "$reader"
is 'the reader ends' "$RC" 0
wanted 5_reader >"$T/wanted"
tail -n "$ROUNDS" "$T/reader" >"$T/last"
check 'the last writer is heard' cmp -s "$T/wanted" "$T/last"
clean 'the writer killed'

# The plain writer waits for a dead reader, but leaves no name: that is gone
# since they met.
launch 5_writer_plain "$T/writer"
writer=$PID
until_ok 10 settled "$writer"
kill -STOP "$writer"
launch 5_reader_plain "$T/reader"
until_ok 10 settled "$PID"
kill -9 "$PID"
ended "$PID"
kill -CONT "$writer"
until_ok 10 sleeps "$writer"
check 'the plain writer waits' sleeps "$writer"
clean 'the plain reader killed'
kill -9 "$writer"
ended "$writer"

# The log: a client and the server are killed in the middle of it, a server is
# started again.  What the clients that lived logged is there exactly once, in
# order; of the one that was killed, a beginning.
LINES=20000
for c in 1 2 3; do
	seq -f "client $c message %g" $LINES >"$T/in.$c"
done
start "$BIN/4_logserver_shunt" "$T/log"
server=$PID
clients=''
mkfifo "$T/keys"
start_from "$T/keys" "$BIN/4_logclient_shunt" >"$T/out"
victim=$PID
exec 9>"$T/keys"
for c in 1 2; do
	start_from "$T/in.$c" "$BIN/4_logclient_shunt" >/dev/null
	clients="$clients $PID"
done
head -n 500 "$T/in.3" >&9
until_ok 10 lines "$T/log" 600
kill -9 "$server" "$victim"
ended "$server"
ended "$victim"
exec 9>&-
start "$BIN/4_logserver_shunt" "$T/log"
server=$PID
for c in $clients; do
	ended "$c"
	is 'a client' "$RC" 0
done
kill -INT "$server"
ended "$server"
is 'the second server' "$RC" 0
for c in 1 2; do
	sed -n "s/.* \(client $c \)/\1/p" "$T/log" >"$T/of"
	check "client $c" cmp -s "$T/in.$c" "$T/of"
done
sed -n "s/.* \(client 3 \)/\1/p" "$T/log" >"$T/of"
head -n "$(wc -l <"$T/of")" "$T/in.3" >"$T/wanted"
check 'the client that was killed' cmp -s "$T/wanted" "$T/of"
is 'nothing else' "$(grep -cv ' client [123] message ' "$T/log")" 0
clean 'the log'
