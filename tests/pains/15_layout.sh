#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 15: two versions of a program share memory whose layout has changed.
# Remedy: the header tells layout, byte order and a checksum over every shared
# struct; who does not read it refuses it, and says which versions met.
. "$(dirname "$0")/../cli/lib.sh"

# patch FILE OFFSET BYTES-IN-OCTAL
patch() {
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

"$SHUNT" create "$N-q" 64K --kind=queue
"$SHUNT" create "$N-l" --kind=lock
"$SHUNT" send "$N-q" kept
cp "$SHM-q" "$T/q"
# Bytes 8 to 11 are the layout's version, 12 to 15 the byte order.
ours=$("$SHUNT" stat "$N-q" --json | jq .layout)
big=$(printf '%o' $(((ours + 1) / 256))) low=$(printf '%o' $(((ours + 1) % 256)))
theirs=$(printf '%#x' $((ours + 1)))
for name in q l; do
	patch "$SHM-$name" 8 "\\$low\\$big\\0\\0"
done
[ "$("$SHUNT" stat "$N-q" --json 2>/dev/null | jq .layout)" != "$ours" ] ||
    skip 'a big-endian machine'
for command in "send $N-q x" "recv $N-q --timeout=0" "lock $N-l -- true"; do
	# shellcheck disable=SC2086
	run "$SHUNT" $command
	refused "$command" 1 'layout' "$theirs" "$(printf '%#x' "$ours")" \
	    'the version that made it'
done
# The rest of the file was not touched by those who could not read it.
cmp "$T/q" "$SHM-q" >"$T/differ"
is 'only what was forged differs' \
    "$(cmp -l "$T/q" "$SHM-q" | awk '$1 < 9 || $1 > 12' | wc -l)" 0
# A cleaner leaves what it cannot read.
run "$SHUNT" ls "$N-q"
went 'ls shows it'

cp "$T/q" "$SHM-q"
patch "$SHM-q" 12 '\1\2\3\4'
run "$SHUNT" send "$N-q" x
refused 'another byte order' 1 "$N-q" 'byte order'
# Structs of other sizes make another checksum, and that is in the header's.
cp "$T/q" "$SHM-q"
patch "$SHM-q" 16 '\1'
run "$SHUNT" send "$N-q" x
check 'another build' [ "$RC" = 1 ]
has 'another build' "$ERR" "$N-q"

# Not one bit of it was lost.
cp "$T/q" "$SHM-q"
run "$SHUNT" recv "$N-q"
is 'the version that made it reads it' "$OUT" kept
