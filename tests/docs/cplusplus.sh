#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 60
# Every public header is C++, by itself and in any order; a program in C++
# links the library and exchanges a message.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
lib=$(dirname "${SHUNT:-$root/build/plain/shunt}")
command -v g++ >/dev/null || { echo 'g++ is not on this machine'; exit 77; }
case ${SAN-plain} in
plain) ;;
*) echo 'the plain build shows it'; exit 77 ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"; rm -f /dev/shm/cplusplus-test' EXIT
flags="-std=c++11 -Wall -Wextra -pedantic -Werror -Wold-style-cast -I$root/include"
n=0

compiles()
{
	# shellcheck disable=SC2086
	g++ $flags -x c++ -fsyntax-only - || { echo "$1: not C++"; exit 1; }
	n=$((n + 1))
}
for h in "$root"/include/shunt.h "$root"/include/shunt/*.h; do
	echo "#include <${h#"$root/include/"}>" | compiles "$h"
done
# All of them, the last first: none leans on one before it.
ls -r "$root"/include/shunt/*.h | sed "s|.*|#include \"&\"|" | compiles all
# Every function has C's linkage: what is declared can be called.
{
	echo '#include <shunt.h>'
	echo 'typedef void (*any)();'
	echo 'any all[] = {'
	"$root/tools/exports" | sed 's/.*/	reinterpret_cast<any>(&),/'
	echo '};'
	echo 'int main() { return all[0] == nullptr; }'
} >"$dir/all.cc"
# shellcheck disable=SC2086
g++ $flags -o "$dir/all" "$dir/all.cc" -L"$lib" -lshunt \
    -Wl,-rpath,"$lib" || { echo 'a function has no linkage of C'; exit 1; }
"$dir/all"

cat >"$dir/hello.cc" <<'END'
#include <shunt.h>
#include <cstdio>
#include <string>

int
main()
{
	shunt_queue *queue;
	shunt_recv_options now = {sizeof now, SHUNT_NOWAIT};
	std::string text = "from C++";
	char buf[64];

	if (shunt_queue_open(&queue, "/cplusplus-test", nullptr) < 0) {
		std::fprintf(stderr, "%s\n", shunt_error_detail());
		return 1;
	}
	if (shunt_queue_send(queue, text.data(), text.size(), nullptr) != 0)
		return 1;
	shunt_wait_item item = {shunt_queue_end(queue), 0};
	if (shunt_wait(&item, 1, SHUNT_FOREVER) != 1 || item.ready != 1)
		return 1;
	ssize_t n = shunt_queue_recv(queue, buf, sizeof buf, nullptr, &now);
	std::printf("%s\n", n < 0 ? shunt_error_name(static_cast<int>(n))
	    : std::string(buf, static_cast<size_t>(n)).c_str());
	shunt_queue_close(&queue);
	return n < 0;
}
END
# shellcheck disable=SC2086
g++ $flags -o "$dir/hello" "$dir/hello.cc" -L"$lib" -lshunt \
    -Wl,-rpath,"$lib"
[ "$("$dir/hello")" = 'from C++' ] || { echo 'no message in C++'; exit 1; }
echo "$n headers are C++, and a program of it runs"
