#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 180
# Every example of every help page works as pasted.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && unshare -m -i true 2>/dev/null ||
    skip 'a /dev/shm of its own needs root'
if [ "${1-}" != private ]; then
	unshare -m -i sh -c 'mount -t tmpfs tmpfs /dev/shm && exec "$0" private' "$0"
	rc=$?
	trap - EXIT
	rm -rf "$T"
	exit $rc
fi

# What waits for ever in an example is given a second here.
shunt() {
	timeout 1 "$SHUNT" "$@"
}
up() {
	"$SHUNT" logd --status 2>/dev/null | grep -q 'served by'
}

# paste LINE
paste_line() {
	LAST=$1
	# shellcheck disable=SC2086
	eval "$1" >"$T/out" 2>"$T/err" </dev/null
	RC=$? OUT=$(cat "$T/out") ERR=$(grep '^shunt' "$T/err")
	case $RC in
	0 | 3 | 124) ;;
	*) fail "example: $1" ;;
	esac
	is "example: $1: no complaint" "$(printf %s "$ERR" |
	    grep -v 'came in time\|stopped: not all was measured')" ''
	case $1 in
	*logd*\&) check 'a server in the background' until_ok 10 up ;;
	esac
}

cd "$T" || exit 1
# Every file of a subcommand says its name.
all=$(sed -n 's/^    \.name = "\([a-z]*\)",$/\1/p' "$TOP"/cli/*.c)
for c in '' $all; do
	# What the examples take for granted.
	rm -rf /dev/shm/*
	ipcrm --all=shm
	[ "$c" = create ] || [ "$c" = write ] || "$SHUNT" create /table 64K
	[ "$c" = create ] || "$SHUNT" send /jobs a b c
	[ "$c" != rm ] || "$SHUNT" send /results a
	"$SHUNT" log something
	"$SHUNT" create /state 4K
	case $c in
	why | watch) "$SHUNT" create sysv:0x1234 4K ;;
	pub) seq 3 >"$T/orders.txt" ;;
	put) seq 3 >"$T/image.iso" ;;
	call) seq 3 >"$T/photo.jpg" ;;
	get)
		tar c -C "$TOP" Makefile | "$SHUNT" put /backup
		seq 3 | "$SHUNT" put /disk
		seq 3 | "$SHUNT" put /dump
		;;
	esac
	head -c 32 /dev/zero >/dev/shm/sem.turns
	# The examples are the lines behind their title that name the command.
	# shellcheck disable=SC2086
	"$SHUNT" $c --help | sed -n '/^Examples/,$s/^  *//p' |
	    grep -E '(^|[|&(] *)shunt |^while|^ls |^find |^printf |^make ' |
	    sed "s|/tmp/|$T/|g; s|--peer=4711|--peer=$$|" >"$T/$c.lines"
	check "shunt $c --help has examples" [ -s "$T/$c.lines" ]
	while IFS= read -r line; do
		case $line in
		*jq*) command -v jq >/dev/null || continue ;;
		esac
		paste_line "$line"
	done <"$T/$c.lines"
	"$SHUNT" logd --stop >/dev/null 2>&1
done
:
