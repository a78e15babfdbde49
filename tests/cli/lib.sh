# SPDX-License-Identifier: MIT
# Sourced by the tests of the command: checks, bounded waiting, cleaning up.
# Every name that a test makes begins with $N, every System V name with $K;
# every process that it starts in the background is started with `start`: so
# all of them go at the end.

set -u
: "${TOP:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${SHUNT:=$TOP/build/plain/shunt}"
[ -x "$SHUNT" ] || {
	echo "there is no command at $SHUNT; build it with make" >&2
	exit 1
}
unset SHUNT_LOG NO_COLOR NOTIFY_SOCKET
N=/shunt-cli-$$
K=sysv:0x$(printf %06x $$) # two digits follow
SHM=/dev/shm$N
T=$(mktemp -d "${TMPDIR:-/tmp}/shunt-cli.XXXXXX") || exit 1
pids=''
passed=0
failed=0

finish() {
	rc=$?
	trap - EXIT INT TERM HUP
	for _pid in $pids; do
		[ "$(born "${_pid%:*}")" != "${_pid#*:}" ] ||
		    kill -9 "${_pid%:*}" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf /dev/shm"$N"* "$T"
	sysv_finish
	[ "$rc" -ne 77 ] || exit 77
	echo "$passed passed, $failed failed, 0 skipped"
	# In a trap exit alone means the code from before it.
	[ "$rc" -ne 0 ] || [ "$failed" -eq 0 ] || rc=1
	exit "$rc"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# Segments of this test: its keys, and those without a key that own_ipc keeps
# apart from other people's.
sysv_finish() {
	awk -v key=$$ -v all="${SHUNT_OWN_IPC-}" 'NR > 1 && (all == "yes" ||
	    int($1 / 256) == key) { print $2 }' /proc/sysvipc/shm 2>/dev/null |
	while read -r _id; do
		ipcrm -m "$_id" 2>/dev/null
	done
}

# Begins the test anew in a System V namespace of its own, where that can be.
own_ipc() {
	[ "${SHUNT_OWN_IPC-}" != yes ] || return 0
	unshare -i true 2>/dev/null || skip 'System V apart from others needs root'
	rm -rf "$T"
	trap - EXIT
	SHUNT_OWN_IPC=yes exec unshare -i "$0" "$@"
}

# When a process began: by the time that it is to be ended, another one may
# have its number.
born() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# mine PID: it is ended when the test ends.
mine() {
	pids="$pids $1:$(born "$1")"
}

skip() {
	echo "$*"
	exit 77
}

# Runs a command; OUT and ERR hold what it printed, RC its exit code.
run() {
	"$@" >"$T/out" 2>"$T/err" </dev/null
	RC=$?
	seen "$*"
}

# The same with the file $1 as standard input.
run_from() {
	_from=$1
	shift
	"$@" >"$T/out" 2>"$T/err" <"$_from"
	RC=$?
	seen "$* <$_from"
}

seen() {
	LAST=$1
	OUT=$(tr -d '\0' <"$T/out")
	ERR=$(tr -d '\0' <"$T/err")
}

pass() {
	passed=$((passed + 1))
}

fail() {
	failed=$((failed + 1))
	echo "FAIL: $*"
	echo "  after: ${LAST-}"
	echo "  exit ${RC-} out: $(printf %s "${OUT-}" | head -c 600)"
	echo "  err: $(printf %s "${ERR-}" | head -c 600)"
}

# check WHAT COMMAND...: passes if the command does.
check() {
	_what=$1
	shift
	if "$@"; then pass; else fail "$_what"; fi
}

# is WHAT GOT WANTED
is() {
	if [ "$2" = "$3" ]; then pass; else fail "$1: got \"$2\", not \"$3\""; fi
}

# has WHAT TEXT PATTERN (of the shell)
has() {
	# shellcheck disable=SC2254
	case $2 in
	*$3*) pass ;;
	*) fail "$1: nothing like \"$3\" in \"$2\"" ;;
	esac
}

# row WHAT NAME PATTERN: the line of the last output that NAME begins.
row() {
	has "$1: $2" "$(sed -n "s|^ *$2  *||p" "$T/out")" "$3"
}

hasnt() {
	# shellcheck disable=SC2254
	case $2 in
	*$3*) fail "$1: \"$3\" in \"$2\"" ;;
	*) pass ;;
	esac
}

# The last `run` went well and said nothing on standard error.
went() {
	if [ "$RC" -eq 0 ] && [ -z "$ERR" ]; then pass; else fail "$1"; fi
}

# refused WHAT RC PATTERN...: the last `run` ended so, with one sentence on
# standard error that names what the patterns say, and nothing on output.
refused() {
	_of=$1 _want=$2
	shift 2
	is "$_of: exit" "$RC" "$_want"
	is "$_of: one sentence" "$(wc -l <"$T/err" | tr -d ' ')" 1
	is "$_of: no output" "$OUT" ''
	for _pattern; do
		has "$_of" "$ERR" "$_pattern"
	done
}

# start COMMAND...: in the background; PID is its process.
start() {
	"$@" &
	PID=$!
	mine "$PID"
}

# The same with the FIFO or file $1 as standard input or output, which is
# opened in the background too: opening a FIFO waits for its other end.
start_from() {
	_file=$1
	shift
	"$@" <"$_file" &
	PID=$!
	mine "$PID"
}

start_to() {
	_file=$1
	shift
	"$@" >"$_file" &
	PID=$!
	mine "$PID"
}

# ended PID: waits for its end, at most 10 s; RC is its exit code.
ended() {
	until_ok 10 gone "$1" || fail "process $1 does not end"
	gone "$1" || kill -9 "$1"
	wait "$1" 2>/dev/null
	RC=$?
	LAST="process $1"
}

# A process that is no more, or a zombie.
gone() {
	_state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)
	[ -z "$_state" ] || [ "$_state" = Z ]
}

# until_ok SECONDS COMMAND...: asks again and again, 50 times a second.
until_ok() {
	_tries=$(($1 * 50))
	shift
	until "$@"; do
		_tries=$((_tries - 1))
		[ $_tries -gt 0 ] || return 1
		sleep 0.02
	done
}

# lines FILE COUNT: it has so many lines, or more.
lines() {
	[ "$(wc -l 2>/dev/null <"$1" || echo 0)" -ge "$2" ]
}

# holds FILE TEXT
holds() {
	grep -qF -- "$2" "$1" 2>/dev/null
}

# sleeps PID: it waits in the kernel.
sleeps() {
	[ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)" = S ]
}

# serve LOG FILE [OPTION...]: starts a server, returns when it serves.
serve() {
	_log=$1 _file=$2
	shift 2
	_served=$((_served + 1))
	LOGD_ERR=$T/logd.$_served
	mkfifo "$T/ready.$_served"
	"$SHUNT" logd -n "$_log" -o "$_file" --ready-fd=9 "$@" \
	    2>"$LOGD_ERR" 9>"$T/ready.$_served" &
	PID=$!
	mine "$PID"
	# Its end closes the FIFO: a server that cannot serve is no hang.
	read -r _ <"$T/ready.$_served"
}
_served=0

# JSON without blanks and newlines, so that patterns are simple.
compact() {
	tr -d ' \n' <"$T/out"
}
