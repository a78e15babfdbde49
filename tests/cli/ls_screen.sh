#!/bin/sh
# SPDX-License-Identifier: MIT
# ls as a person sees it, in tmux: 80 and 132 columns, no row, some, a
# thousand, colours and none, names and programs that would colour by
# themselves.
. "$(dirname "$0")/lib.sh"
own_ipc

for tool in tmux python3; do
	command -v $tool >/dev/null || skip "there is no $tool"
done
esc=$(printf '\033')
evil="$(printf '\303\274 x')${esc}[31mred"
export SHUNT N T
# A socket's path has room for a hundred bytes.
tmux_dir=$(mktemp -d /tmp/shunt-tmux.XXXXXX) || exit 1
trap 'rm -rf "$tmux_dir"; finish' EXIT

t() {
	tmux -u -S "$tmux_dir/s" -f /dev/null "$@"
}
echo 'read -r _' >"$T/idle"
t new-session -d "sh '$T/idle'" \; set -g exit-empty off \; \
    set -g default-terminal screen-256color \; set -g history-limit 5000
mine "$(t display -p '#{pid}')"
mine "$(t display -p '#{pane_pid}')"

# at WIDTH COMMAND: OUT and the file are what a terminal of that width shows,
# from the first line on; with INKS its colours, as escapes.
at() {
	cat >"$T/go" <<-END
	export LC_ALL=C.UTF-8
	$2
	echo over
	read -r _
	END
	t kill-session -t screen 2>/dev/null
	t new-session -d -s screen -x "$1" -y 24 "sh '$T/go'"
	mine "$(t display -p -t screen '#{pane_pid}')"
	LAST="$1 columns: $2" ERR='' RC=''
	until_ok 10 ended_there || fail 'it does not end'
	INKS=$(t capture-pane -t screen -pe -S -)
	OUT=$(cat "$T/out")
}
ended_there() {
	t capture-pane -t screen -p -S - >"$T/all"
	sed '/^over$/,$d' "$T/all" >"$T/out"
	grep -q '^over$' "$T/all"
}
# Lines that tmux had to break are joined in the file: then they are too long.
fits() {
	t capture-pane -t screen -pJ -S - | sed 's/ *$//' >"$T/joined"
	is "$LAST: no line is broken" "$(LC_ALL=C.UTF-8 wc -L <"$T/joined" |
	    awk -v most="$1" '{ print ($1 > most) }')" 0
}

mkfifo "$T/ready" "$T/go.fifo"
start python3 "$(dirname "$0")/ls_has.py" "$N" "$T/ready" "$T/go.fifo" "$evil"
has=$PID
timeout 8 cat "$T/ready" || fail 'the process with everything does not start'
"$SHUNT" create "$N-idle" 64K
"$SHUNT" create "$N-$evil" 4K
"$SHUNT" send "$N-queue" one
long="$N-a-name-so-long-that-80-columns-have-no-room"
"$SHUNT" create "$long" 4K

at 80 '"$SHUNT" ls "$N-*"'
fits 80
row '80 columns' "$N-idle" 'raw *64K *64K *root *idle *0 *[0-9]*s'
row '80 columns' "$N-live" 'raw *1M *4K *root *live *1*s'
has 'a long name stands above its row' "$OUT" "$long
  * raw * 4K * 4K *root *idle *0 "
has 'a name cannot colour' "$OUT" "$(printf '\303\274') x\\\\x1b[[]31mred"
has 'the totals' "$OUT" '5 in all: 1*M, of which [0-9]*K in memory'
has 'live is green' "$INKS" "${esc}[[]32mlive"
has 'the title is bold' "$INKS" "${esc}[[]1mNAME"

at 80 '"$SHUNT" ls --wide "$N-*"'
row 'wide on 80 columns' "$N-live" ''
has 'wide on 80 columns' "$OUT" "$has("
at 132 '"$SHUNT" ls --wide "$N-*"'
fits 132
has 'wide: titles' "$OUT" 'NAME * KIND * SIZE * USED * OWNER * MODE * STATE * USERS * AGE * CREATOR * PIDS'
row 'wide' "$N-live" "raw *1M *4K *root *0600 *live *1* - *$has(*x\\\\x1b[[]31mred)"
at 160 '"$SHUNT" ls --wide "$N-*"'
fits 160
row 'wide: a long name fits' "$long" 'raw * 4K *root *0600 *idle '

at 80 '"$SHUNT" ls'
fits 80
at 132 '"$SHUNT" ls'
fits 132

# As many users as fit, and how many others.
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	start sleep 60 3<"$SHM-idle"
done
at 132 '"$SHUNT" ls --wide "$N-idle"'
fits 132
row 'twenty users' "$N-idle" 'live *20* *[0-9](sleep) +[0-9]*'
shown=$(grep -o '(sleep)' "$T/out" | wc -l)
rest=$(sed -n 's/.* +\([0-9]*\)$/\1/p' "$T/out")
is 'twenty users: all are counted' "$((shown + rest))" 20
run "$SHUNT" ls --wide "$N-idle"
is 'a program gets all of them' "$(grep -o '(sleep)' "$T/out" | wc -l)" 20

at 80 '"$SHUNT" ls --tree "$N-*"'
fits 80
has 'tree' "$OUT" "
$has $(printf '\303\274') x\\\\x1b[[]31mred: 1, 4K in memory
  $N-live "
has 'tree' "$OUT" '
nobody: 3, '
is 'tree: twenty users, twenty branches' \
    "$(grep -c '^[0-9]* sleep: 1, 64K in memory$' "$T/out")" 20
has 'tree: totals count each once' "$OUT" '
5 in all: '
at 132 '"$SHUNT" ls --tree --wide "$N-*"'
fits 132
has 'wide tree' "$OUT" 'MODE * STATE * AGE * CREATOR'

at 80 'NO_COLOR=1 "$SHUNT" ls "$N-*"'
hasnt 'NO_COLOR' "$INKS" "$esc"
at 80 'NO_COLOR=1 "$SHUNT" ls --tree "$N-*"'
hasnt 'NO_COLOR, tree' "$INKS" "$esc"
at 80 'TERM=dumb "$SHUNT" ls "$N-*"'
hasnt 'TERM=dumb' "$INKS" "$esc"
at 80 '"$SHUNT" ls "$N-none*"'
is 'no row' "$(cat "$T/out")" 'Nothing matches.'
at 80 '"$SHUNT" ls --tree --owner=daemon'
is 'no row of a tree' "$(cat "$T/out")" 'Nothing matches.'

i=1000
while [ $i -lt 2000 ]; do
	: >"$SHM-m$i"
	i=$((i + 1))
done
at 80 '"$SHUNT" ls --sort=name "$N-m*"'
is 'a thousand rows' "$(grep -c "^$N-m1[0-9]* .* idle *0 " "$T/out")" 1000
has 'a thousand rows' "$OUT" '1000 in all: 0, of which 0 in memory'
fits 80
rm -f "$SHM"-m1*
t kill-server
:
