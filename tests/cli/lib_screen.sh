# SPDX-License-Identifier: MIT
# Screens in tmux, as a person sees them; read by tests after lib.sh.
# shellcheck shell=sh

command -v tmux >/dev/null || skip 'there is no tmux'
case $(ldd "$SHUNT") in
*ncursesw*) ;;
*) skip 'built without ncursesw' ;;
esac
esc=$(printf '\033')
export SHUNT N T
# A socket's path has room for a hundred bytes.
tmux_dir=$(mktemp -d /tmp/shunt-tmux.XXXXXX) || exit 1
trap 'rm -rf "$tmux_dir"; finish' EXIT

t() {
	tmux -u -S "$tmux_dir/s" -f /dev/null "$@"
}

# on_screen WIDTH HEIGHT COMMAND: in a terminal of its own, with what became
# of the terminal below it when the command has ended.
on_screen() {
	cat >"$T/go" <<-END
	trap : INT
	$3
	echo "exit \$?"
	stty -a | grep -q ' echo ' && echo 'echo is on'
	echo over
	read -r _
	END
	t kill-session 2>/dev/null
	t new-session -d -x "$1" -y "$2" "env -u NO_COLOR LC_ALL=C.UTF-8 sh '$T/go'"
	[ -n "$server" ] || {
		server=$(t display -p '#{pid}')
		mine "$server"
	}
	mine "$(t display -p '#{pane_pid}')"
	LAST=$3 OUT='' ERR='' RC=''
}
server=''
# The server stays for the whole test.
cat >"$T/idle" <<'END'
read -r _
END
t new-session -d "sh '$T/idle'" \; set -g exit-empty off \; \
    set -g default-terminal screen-256color

key() {
	t send-keys "$@"
}

# typed TEXT: and Enter.
typed() {
	key -l "$1"
	key Enter
}

# What is on the screen: OUT, and with its colours INKS.
capture() {
	OUT=$(t capture-pane -p)
	INKS=$(t capture-pane -pe)
}

shows() {
	capture
	# shellcheck disable=SC2254
	case $OUT in *$1*) ;; *) return 1 ;; esac
}
lit() {
	capture
	# shellcheck disable=SC2254
	case $INKS in *$1*) ;; *) return 1 ;; esac
}
unlike() {
	! shows "$1"
}
