#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 300
# Every block of code in the guide compiles, runs and prints what its page
# shows, with the library and the command of this tree.  The index names every
# page, and every link leads somewhere.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
guide=$root/docs/guide
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
bad=0

# anchors PAGE: those of its headings, as the web shows them.
anchors()
{
	awk '/^```/ { code = !code } !code && /^#+ /' "$1" |
	    sed 's/^#* //; s/`//g' | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9_\n-'
}

for page in "$guide"/*.md; do
	name=$(basename "$page")
	[ "$name" = README.md ] || grep -qF "]($name)" "$guide/README.md" ||
	    { echo "docs/guide/README.md does not name $name"; bad=1; }
	[ "$name" = README.md ] || grep -qF '](README.md)' "$page" ||
	    { echo "docs/guide/$name does not lead back"; bad=1; }
	# What is code is no link.
	awk '/^```/ { code = !code } !code' "$page" |
	    grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//' >"$dir/links" || :
	while read -r link; do
		case $link in
		*://*) continue ;;
		esac
		file=$guide/${link%%#*}
		[ -n "${link%%#*}" ] || file=$page
		if [ ! -f "$file" ]; then
			echo "docs/guide/$name: $link does not exist"
			bad=1
		elif [ "$link" != "${link#*#}" ] &&
		    ! anchors "$file" | grep -qxF "${link#*#}"; then
			echo "docs/guide/$name: $link has no such heading"
			bad=1
		fi
	done <"$dir/links"
	for path in $(grep -oE '`(src|tests|tools|include|cli|docs|bench|fuzz|examples)/[A-Za-z0-9_./-]+' "$page" | tr -d '`'); do
		[ -e "$root/$path" ] ||
		    { echo "docs/guide/$name: $path does not exist"; bad=1; }
	done
done
[ $bad = 0 ] || exit 1

# As installed, but in place: the library and the command as they were built,
# and the headers of the tree.  tests/docs/readme.sh tries `make install`.
build=${BUILD_DIR:-$root/build/plain}
[ -x "$build/shunt" ] || { echo "there is no $build/shunt: make"; exit 1; }
mkdir "$dir/bin"
ln -s "$build/shunt" "$dir/bin/shunt"
sed -e "s|@PREFIX@|$build|" -e "s|@LIBDIR@|$build|" \
    -e "s|@INCDIR@|$root/include|" -e 's|@VERSION@|0|' \
    "$root/shunt.pc.in" >"$dir/shunt.pc"
PATH=$dir/bin:$PATH
LD_LIBRARY_PATH=$build
PKG_CONFIG_PATH=$dir
export PATH LD_LIBRARY_PATH PKG_CONFIG_PATH
unset SHUNT_LOG MAKEFLAGS 2>/dev/null || :
"$root/tools/doc-blocks" "$guide"/*.md
