#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that know nothing of shunt exchange bytes with the command; and a
# bare ls, ipcs and ipcrm see and handle what shunt made.
. "$(dirname "$0")/lib.sh"

# word N: its four bytes, as this machine stores them.
word() {
	if [ "$(printf '\1\0' | od -An -tu2 | tr -d ' ')" = 1 ]; then
		printf "\\$1\\0\\0\\0"
	else
		printf "\\0\\0\\0\\$1"
	fi
}

# Plain producer; read, shown and removed with the command.
run "$BIN/1_producer_plain"
went 'the producer'
run "$SHUNT" read /textbook -n ${#TEXT}
went 'shunt read'
is 'shunt read' "$OUT" "$TEXT"
run "$SHUNT" dump /textbook -n 16
has 'shunt dump' "$OUT" '53 68 61 72 65 64 20 6d  65 6d 6f 72 79 20 69 73'
run "$SHUNT" read /textbook --at=4092
word 1 >"$T/wanted"
check 'the word at the end' cmp -s "$T/out" "$T/wanted"
run "$SHUNT" ls
has 'shunt ls' "$OUT" '/textbook *raw *4K'
run "$SHUNT" rm /textbook
went 'shunt rm'
clean 'shunt rm'

# Made and written with the command; the plain consumer takes it.
run "$SHUNT" create /textbook 4096
went 'shunt create'
is 'ls' "$(ls /dev/shm)" textbook
is 'its mode, as ls shows it' "$(ls -l /dev/shm/textbook | cut -c1-10)" \
    -rw-------
run "$SHUNT" write /textbook 'from the command line'
went 'shunt write'
word 1 >"$T/in"
run_from "$T/in" "$SHUNT" write /textbook --at=4092
went 'shunt write, a word'
run timeout 10 "$BIN/1_consumer_plain"
went 'the consumer'
has 'the consumer' "$OUT" 'text: from the command line'
clean 'the consumer'

# The bytes of a plain program that has ended, put back: cat and cp are enough.
run "$BIN/1_producer_shunt"
went 'the producer, shunt'
cp /dev/shm/textbook "$T/saved"
rm /dev/shm/textbook
cp "$T/saved" /dev/shm/textbook
run timeout 10 "$BIN/1_consumer_shunt"
went 'the consumer, shunt'
has 'the consumer, shunt' "$OUT" "text: $TEXT"
clean 'the consumer, shunt'

# System V: a plain writer waits with its first block in the buffer.
launch 2_writer_plain "$T/a"
writer=$PID
until_ok 10 settled "$writer"
wanted 2_reader | head -n 1 | tr -d '\n' >"$T/wanted"
run "$SHUNT" read sysv:0x1234 --at=12 -n 1023
went 'shunt read, System V'
check 'block A' cmp -s "$T/out" "$T/wanted"
run "$SHUNT" dump sysv:0x1234 --at=12 -n 4
has 'shunt dump, System V' "$OUT" '41 41 41 41'
run "$SHUNT" stat sysv:0x1234
went 'shunt stat, System V'
has 'shunt stat, System V' "$OUT" 1036
run "$SHUNT" rm sysv:0x1234
went 'shunt rm, System V'
is 'the key is gone' "$(ipcs -m | grep -c 0x00001234)" 0
is 'the segment is there while it is attached' "$(ipcs -m | grep -c dest)" 1
kill -9 "$writer"
ended "$writer"
clean 'shunt rm, System V'

# Made and written with the command; the plain reader prints it.
run "$SHUNT" create sysv:0x1234 1036
has 'shunt create, System V' "$RC" 0
has 'ipcs' "$(ipcs -m | grep 0x00001234)" '0x00001234 * 600 *1036 *0'
{
	word 1
	word 5
	word 0
	printf hello
} >"$T/in"
run_from "$T/in" "$SHUNT" write sysv:0x1234
went 'shunt write, System V'
launch 2_reader_plain "$T/b"
check 'the reader prints it' until_ok 10 holds "$T/b" hello
until_ok 10 settled "$PID"
run "$SHUNT" read sysv:0x1234 -n 4
word 0 >"$T/wanted"
check 'it is the turn of the writer' cmp -s "$T/out" "$T/wanted"
kill -INT "$PID"
ended "$PID"
is 'it printed only that' "$(cat "$T/b")" hello
clean 'the reader'

# What shunt made, to ipcs and ipcrm.
launch 2_writer_shunt "$T/a"
writer=$PID
until_ok 10 settled "$writer"
has 'ipcs, attached' "$(ipcs -m | grep 0x00001234)" '1036 * 1'
ipcrm -M 0x1234
is 'ipcrm: exit' $? 0
is 'ipcrm' "$(ipcs -m | grep -c 0x00001234)" 0
kill -INT "$writer"
ended "$writer"
is 'its own removal finds nothing' "$RC" 1
clean 'ipcrm'
run "$SHUNT" create sysv:0x1234 1036
ipcrm -M 0x1234
is 'ipcrm of what nobody has: exit' $? 0
run "$SHUNT" read sysv:0x1234
is 'gone for the command' "$RC" 1
clean 'ipcrm of what nobody has'

# Somebody else's segment by the same name or key is refused, not overwritten.
run "$SHUNT" create /textbook 100
run "$SHUNT" create sysv:0x1234 5000
for v in plain shunt; do
	for p in 1_producer 1_consumer 2_writer 2_reader; do
		run timeout 10 "$BIN/${p}_$v"
		is "${p}_$v, another size: exit" "$RC" 1
		has "${p}_$v, another size" "$ERR" '[15]00'
	done
done
run "$SHUNT" rm /textbook sysv:0x1234
went 'rm of both'
clean 'another size'
