#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 20
# Pain 22: System V says EINVAL for another size and ENOSPC for too many
# segments; keys collide; what was removed is still there.
# Remedy: each answer as a sentence; keys and states in `ls`.
. "$(dirname "$0")/../cli/lib.sh"
own_ipc

"$SHUNT" create "${K}01" 4K
run "$SHUNT" create "${K}01" 8K
refused 'EINVAL is another size' 1 "${K}01" 4096 8192
run "$SHUNT" create sysv:0x0 4K
check 'key 0 is none' [ "$RC" -ne 0 ]

# ftok: two files of one number, told by their name.
echo 1 >"$T/a"
run "$SHUNT" create "sysv:ftok=$T/a,7" 4K
went 'a key of ftok'
run "$SHUNT" stat "sysv:ftok=$T/a,7" --json
key=$(jq -r .name "$T/out")
has 'it has a key that ipcs knows' "$(ipcs -m)" "${key#sysv:}"
run "$SHUNT" create "sysv:ftok=$T/none,7" 4K
refused 'ftok of no file' 1 "$T/none"

# ENOSPC is no disk.
if [ -w /proc/sys/kernel/shmmni ]; then
	echo 2 >/proc/sys/kernel/shmmni
	run "$SHUNT" create "${K}02" 4K
	refused 'ENOSPC is a count' 1 "${K}02" SHMMNI 'kernel.shmmni'
	echo 4096 >/proc/sys/kernel/shmmni
	run "$SHUNT" limits
	has 'limits shows it' "$OUT" 'SHMMNI *4096'
fi

# Removed and still attached: no key any more, but memory.
start_to "$T/held" "$SHUNT" hold "${K}01"
until_ok 5 lines "$T/held" 1 || fail 'it does not hold it'
id=$("$SHUNT" stat "${K}01" --json | jq .id)
run "$SHUNT" rm "${K}01"
check 'removed' [ "$RC" = 0 ]
run "$SHUNT" stat "sysv:id=$id"
has 'still there' "$OUT" dest
run "$SHUNT" create "${K}01" 8K
went 'the key is free for another one'
