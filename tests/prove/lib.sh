# SPDX-License-Identifier: MIT
# For the parts of `./dev prove`: each writes lines of results and closes with
# "N passed, N failed, N skipped".  Fields, by tabs: ok, FAIL or skip; a count;
# of what; seconds; what was run; what else there is to say.
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
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# The machine, in words that mean something elsewhere.
machine() {
	echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | sed q)," \
	    "$(nproc) processors, $(uname -s) $(uname -r | cut -d- -f1)"
}

commit() {
	git rev-parse --short HEAD 2>/dev/null | tr -d '\n'
	git diff --quiet HEAD 2>/dev/null || printf ' with changes'
}

# What stood there before is about another run.
printf '#\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%d)" "$(commit)" "$(machine)" \
    "tests/prove/part_$part, $SECONDS_OF_PART s" >"$tsv"

# row RESULT COUNT UNIT SECONDS WHAT [DETAIL]
row() {
	case $1 in
	ok) passed=$((passed + 1)) ;;
	skip) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "${6-}" |
	    tee -a "$tsv"
}

# Seconds since the last call of begin.
begin() {
	began=$(date +%s)
}

took() {
	echo $(($(date +%s) - began))
}

# Says what a failed command had to say, and ends the part.
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
	exit
}

quietly() {
	"$@" >"$work/log" 2>&1 || {
		tail -n 20 "$work/log"
		return 1
	}
}
