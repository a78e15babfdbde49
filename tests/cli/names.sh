#!/bin/sh
# SPDX-License-Identifier: MIT
# Names that are malformed, taken by something else, or not ours.
. "$(dirname "$0")/lib.sh"

esc=$(printf '\033')
long=$(printf '%0256d' 0)

for name in '' / . .. /. posix: a/b "$N/x" "/$long" file: fd: fd:x; do
	run "$SHUNT" create -- "$name" 4K
	refused "create \"$name\"" 1 'name' '/name'
	run "$SHUNT" send -- "$name" text
	refused "send \"$name\"" 1 'name' '/name'
	run "$SHUNT" logd -o "$T/l" -n "$name"
	refused "logd \"$name\"" 1 'name' '/name'
	run "$SHUNT" rm -- "$name"
	refused "rm \"$name\"" 1 'name' '/name'
done

# Escape sequences in names are never printed as they are.
evil="$N-${esc}[31mred"
run "$SHUNT" create "$evil/x" 4K
refused 'an escape sequence in a name' 1 '\x1b[[]31m'
hasnt 'an escape sequence in a name' "$ERR" "$esc"
run "$SHUNT" create "$evil" 4K
went 'a name with an escape sequence'
run "$SHUNT" ls
has 'ls escapes names' "$OUT" "$N-"'\\x1b[[]31mred'
hasnt 'ls escapes names' "$OUT" "$esc"
run "$SHUNT" stat "$evil"
hasnt 'stat escapes names' "$OUT" "$esc"
run "$SHUNT" ls --json
hasnt 'ls --json escapes names' "$OUT" "$esc"
run "$SHUNT" create "$evil" 8K
refused 'a name with an escape sequence taken' 1 '\x1b[[]31m'
hasnt 'a name with an escape sequence taken' "$ERR" "$esc"
bad="$N-$(printf '\377')"
run "$SHUNT" create "$bad" 1
went 'a name that is no UTF-8'
run "$SHUNT" ls
has 'ls of a name that is no UTF-8' "$OUT" "$N-"'\\xff'
run "$SHUNT" ls --json
went 'ls --json of a name that is no UTF-8'
run "$SHUNT" rm "$evil" "$bad"
went 'rm of odd names'

# Nothing there.
for c in read dump stat rm; do
	run "$SHUNT" $c "$N-none"
	refused "$c of nothing" 1 "$N-none"
done
run "$SHUNT" write "$N-none" x
refused 'write to nothing' 1 "$N-none"
run "$SHUNT" tail -n "$N-none"
refused 'tail of nothing' 1 "$N-none"
run "$SHUNT" logd --status -n "$N-none"
refused 'status of nothing' 1 "$N-none"
run "$SHUNT" logd --stop -n "$N-none"
refused 'stop of nothing' 1 "$N-none"

# Taken by a raw segment of somebody else's program.
head -c 8192 /dev/zero >"$SHM-raw"
run "$SHUNT" send "$N-raw" x
refused 'send to a raw segment' 1 "$N-raw" raw
run "$SHUNT" recv "$N-raw" --timeout=0
refused 'recv from a raw segment' 1 "$N-raw" raw
run "$SHUNT" log -n "$N-raw" x
refused 'log to a raw segment' 1 "$N-raw" raw
run "$SHUNT" logd -n "$N-raw" -o "$T/l"
refused 'logd on a raw segment' 1 "$N-raw" raw
run "$SHUNT" create "$N-raw" 128K --kind=queue
refused 'a queue over a raw segment' 1 "$N-raw" raw
check 'it was left as it was' cmp -s -n 8192 "$SHM-raw" /dev/zero

# Taken by an object of another kind.
run "$SHUNT" create "$N-q" 64K --kind=queue
went 'create a queue'
run "$SHUNT" create "$N-l" 64K --kind=log
went 'create a log'
run "$SHUNT" create "$N-q" 64K --kind=queue
went 'create it again'
run "$SHUNT" create "$N-q" 128K --kind=queue
refused 'with other lanes' 1 "$N-q" 65536
run "$SHUNT" create "$N-q" 64K --kind=queue --excl
refused 'exclusive' 1 "$N-q" exists
run "$SHUNT" create "$N-x" 5000 --kind=queue
refused 'lanes of an odd size' 1 "$N-x" power
check 'lanes of an odd size' [ ! -e "$SHM-x" ]
run "$SHUNT" create "$N-q" 4K
refused 'raw over a queue' 1 "$N-q" object
run "$SHUNT" create "$N-q" 64K --kind=log
refused 'a log over a queue' 1 "$N-q" queue
run "$SHUNT" write "$N-q" x
refused 'write onto a queue' 1 "$N-q"
run_from /dev/zero "$SHUNT" write "$N-q"
refused 'write of input onto a queue' 1 "$N-q"
run "$SHUNT" log -n "$N-q" x
refused 'log to a queue' 1 "$N-q" queue
run "$SHUNT" tail -n "$N-q"
refused 'tail of a queue' 1 "$N-q" queue
run "$SHUNT" send "$N-l" x
refused 'send to a log' 1 "$N-l" log
run "$SHUNT" recv "$N-l" --timeout=0
refused 'recv from a log' 1 "$N-l" log

# A newer layout, and a corrupt one.
cp "$SHM-q" "$SHM-new"
printf '\377\177' | dd of="$SHM-new" bs=1 seek=8 conv=notrunc 2>/dev/null
cp "$SHM-q" "$SHM-bad"
printf '\377' | dd of="$SHM-bad" bs=1 seek=41 conv=notrunc 2>/dev/null
cp "$SHM-q" "$SHM-cut"
truncate -s 10000 "$SHM-cut"
for o in new bad cut; do
	run "$SHUNT" send "$N-$o" x
	refused "send to a $o one" 1 "$N-$o"
	run "$SHUNT" recv "$N-$o" --timeout=0
	refused "recv from a $o one" 1 "$N-$o"
done
run "$SHUNT" send "$N-new" x
has 'a newer layout says so' "$ERR" 'version'
run "$SHUNT" ls "$N-*"
went 'ls of bad objects'
run "$SHUNT" stat "$N-bad"
[ "$RC" = 0 ] || refused 'stat of a corrupt one' 1 "$N-bad"
run "$SHUNT" rm --force "$N-new" "$N-bad" "$N-cut"
went 'rm of bad objects'

# A FIFO, a directory, a link: none of them may hang or be followed.
mkfifo "$SHM-fifo"
mkdir "$SHM-dir"
ln -s "$T/elsewhere" "$SHM-link"
for what in fifo dir link; do
	for c in read dump stat rm; do
		run timeout 5 "$SHUNT" $c "$N-$what"
		refused "$c of a $what" 1 "$N-$what"
	done
	run timeout 5 "$SHUNT" create "$N-$what" 4K
	refused "create over a $what" 1 "$N-$what"
	run timeout 5 "$SHUNT" send "$N-$what" x
	refused "send to a $what" 1 "$N-$what"
	run timeout 5 "$SHUNT" log -n "$N-$what" x
	refused "log to a $what" 1 "$N-$what"
	run timeout 5 "$SHUNT" logd -n "$N-$what" -o "$T/l"
	refused "logd on a $what" 1 "$N-$what"
done
run timeout 5 "$SHUNT" ls
went 'ls passes them over'
check 'they are still there' [ -p "$SHM-fifo" -a -d "$SHM-dir" -a -L "$SHM-link" ]
check 'the link was not followed' [ ! -e "$T/elsewhere" ]
