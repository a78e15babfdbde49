#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 120
# tools/doc-blocks finds what is wrong with a page: each fault is planted into
# a page that is right.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
passed=0 failed=0
DOC_LIMIT=3
export DOC_LIMIT

cat >"$dir/README.md" <<'END'
```c frame
#include <stdio.h>

int
main(void)
{
	/* the body stands here */
	return 0;
}
```
END

cat >"$dir/right.md" <<'END'
# A page

```c file=sum.c
#include <stdio.h>

int
main(void)
{
	printf("sum %d at %p\n", 1 + 1, "");
```

And its end:

```c file=sum.c
	printf("a line\nanother\nthe last\n");
	return 0;
}
```

```sh
cc -o sum sum.c && ./sum
```

```text like
sum 3 at 0x1000
...
the last
```

```c body=short.c
	printf("short\n");
```

```sh
cc -o short short.c && ./short
```

```text output
short
```

```sh needs=no-such-command-here
false
```

```text output
never seen
```
END

# expect WHAT RC PATTERN: of the page $dir/page.md.
expect()
{
	"$root/tools/doc-blocks" "$dir/page.md" >"$dir/out" 2>&1
	rc=$?
	if [ $rc = "$2" ] && grep -q -- "$3" "$dir/out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$1: exit $rc, and no \"$3\" in:"
		cat "$dir/out"
	fi
}

# planted WHAT PATTERN SED-SCRIPT: the page so changed is refused.
planted()
{
	sed "$3" "$dir/right.md" >"$dir/page.md"
	! cmp -s "$dir/right.md" "$dir/page.md" ||
	    { echo "$1: the fault was not planted"; failed=$((failed + 1)); }
	expect "$1" 1 "$2"
}

cp "$dir/right.md" "$dir/page.md"
expect 'the page as it is' 0 '^2 passed, 0 failed, 1 skipped$'
planted 'another number is no number' 'page.md:24: the page shows' \
    's/^sum 3/sum three/'
planted 'another last line' 'page.md:24: the page shows' \
    's/^the last$/the end/'
planted 'a line less' 'page.md:24: the page shows' '/^\.\.\.$/d'
planted 'exact is exact' 'page.md:38: the page shows' 's/^short$/short /'
planted 'a program that does not compile' 'page.md:20: the block fails' \
    's/1 + 1/1 +/'
planted 'a warning' 'page.md:34: the block fails' \
    's/\("short.n"\)/"%d\\n", \1/'
planted 'a command that fails' 'page.md:34: the block fails with 3' \
    's/&& \.\/short/\&\& .\/short; exit 3/'
planted 'a block without end' 'page.md:34: the block does not end' \
    's/&& \.\/short/\&\& tail -f \/dev\/null/'
planted 'a process that stays' 'page.md:34: the block leaves a process' \
    's/&& \.\/short/\&\& .\/short; tail -f \/dev\/null \&/'
planted 'a name that stays' 'leaves /dev/shm/guide-blocks behind' \
    's/&& \.\/short/\&\& .\/short; : >\/dev\/shm\/guide-blocks/'
planted 'a block without a name' 'page.md:30: a c block is' \
    's/^```c body=short.c/```c/'
planted 'a word that means nothing' 'page.md:34: "quiet" means nothing' \
    '34s/sh$/sh quiet/'
planted 'a language that nothing runs' 'page.md:34: nothing here can run' \
    '34s/sh$/python/'
planted 'a fence without a word' 'page.md:34: the fence does not say' \
    '34s/sh$//'
planted 'output of nothing' 'page.md:20: nothing here can run' \
    '20s/sh$/console/'
planted 'a text that is no output' 'page.md:24: a text block is' \
    's/^```text like/```text/'
planted 'two outputs of one block' 'page.md:35: no sh block stands before' \
    '34,36d'
planted 'an indented fence' 'fences begin in the first column' \
    's/^And its end:$/   ```c/'
planted 'an indented block' 'an indented block cannot be run' \
    's/^And its end:$/    make/'
planted 'a program that nothing compiles' 'no command compiles short.c' \
    's/cc -o short short.c && .\/short/echo short/'
planted 'a page cut off' 'this block does not end' '$d'
if clang-format --version 2>/dev/null | grep -q ' 14\.'; then
	planted 'a program in another hand' 'not as clang-format writes it' \
	    's/^	return 0;$/  return 0;/'
fi
[ "$(id -u)" != 0 ] || planted 'a System V segment that stays' \
    'page.md: leaves -m' 's/&& \.\/short/\&\& .\/short; ipcmk -M 1 >\/dev\/null/'
[ ! -e /dev/shm/guide-blocks ] ||
    { echo 'what a page left was not removed'; failed=$((failed + 1)); }
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
