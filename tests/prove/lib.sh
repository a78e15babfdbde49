# SPDX-License-Identifier: MIT
# For the parts of `./dev prove`: each writes lines of results and closes with
# "N passed, N failed, N skipped".  Fields, by tabs: ok, FAIL or skip; a count;
# of what; seconds; what was run; what else there is to say.  A line that begins
# with # heads the lines of one run.  Of parts that count (ADDS_UP=yes) the runs
# stay, of others the last one.
#
# SIGTERM and SIGINT end a part in order: what was done by then has its lines.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
BUILD=${BUILD:-build}
OUT=${OUT:-$BUILD/prove}
SECONDS_OF_PART=${SECONDS_OF_PART:-60}
part=$(basename "$0")
part=${part#part_}
mkdir -p "$OUT" "$OUT/logs"
tsv=$OUT/$part.tsv
work=$(mktemp -d "${TMPDIR:-/tmp}/shunt-prove.XXXXXX") || exit 1
# While this file is there, somebody is still at it.
echo $$ >"$OUT/$part.runs"
stopped=''
at_exit() {
	rm -rf "$work" "$OUT/$part.runs"
}
stop() {
	stopped=' (interrupted)'
	# shellcheck disable=SC2046
	kill -TERM $(jobs -pr) 2>/dev/null
}
trap at_exit EXIT
trap stop TERM INT HUP
: >"$work/rows"

# The machine, in words that mean something elsewhere.
machine() {
	echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | sed q)," \
	    "$(nproc --all) processors, $(uname -s) $(uname -r | cut -d- -f1)"
}

commit() {
	git rev-parse --short HEAD 2>/dev/null | tr -d '\n'
	# The page is what the last part wrote.
	git diff --quiet HEAD -- . ':!docs/reliability.md' 2>/dev/null ||
	    printf ' with changes'
}

[ "${ADDS_UP-}" = yes ] || : >"$tsv"
printf '#\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%d)" "$(commit)" "$(machine)" \
    "tests/prove/part_$part, $SECONDS_OF_PART s" >>"$tsv"

# row RESULT COUNT UNIT SECONDS WHAT [DETAIL]; also from jobs in the background
row() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "${6-}" |
	    tee -a "$tsv" "$work/rows"
}

# Runs a command that a signal to this part ends, too, and waits for its end.
bounded() {
	local pid rc again
	"$@" &
	pid=$!
	[ -z "$stopped" ] || kill -TERM $pid
	while :; do
		wait $pid
		rc=$?
		kill -0 $pid 2>/dev/null || break
	done
	# A signal may have ended the first wait, and not the command.
	wait $pid 2>/dev/null
	again=$?
	[ $again = 127 ] || rc=$again
	return $rc
}

# Seconds since the last call of begin.
begin() {
	began=$(date +%s)
}

took() {
	echo $(($(date +%s) - began))
}

count_rows() {
	awk -F'\t' -v want="$1" '
	{ n[$1 == "ok" || $1 == "skip" ? $1 : "FAIL"]++ }
	END { print n[want] + 0 }' "$work/rows"
}

# Counts the lines of this run, and ends the part.
finish() {
	local p f s
	p=$(count_rows ok) f=$(count_rows FAIL) s=$(count_rows skip)
	[ -z "$stopped" ] || echo 'interrupted: the lines above are what was done'
	echo "$p passed, $f failed, $s skipped"
	[ "$f" -eq 0 ] && [ $((p + s)) -gt 0 ]
	exit
}

# Says what a failed command had to say.
quietly() {
	bounded "$@" >"$work/log" 2>&1 || {
		tail -n 20 "$work/log"
		return 1
	}
}
