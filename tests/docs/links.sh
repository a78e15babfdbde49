#!/bin/sh
# SPDX-License-Identifier: MIT
# Every relative link and every path in backquotes that the documents name
# exists, and the manual pages are what tools/make-man makes.  `cli/NAME` may
# be a file of the command or, as in `unit/NAME`, a test.
set -eu
cd "$(dirname "$0")/../.."
bad=0
for doc in README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md docs/*.md \
    examples/*/README.md tests/*/README.md; do
	[ -f "$doc" ] || { echo "$doc is missing"; bad=1; continue; }
	for link in $(grep -o ']([^)#:]*)' "$doc" | sed 's/^](//; s/)$//'); do
		[ -e "$(dirname "$doc")/$link" ] ||
		    { echo "$doc: $link does not exist"; bad=1; }
	done
	for path in $(grep -oE '`(src|tests|tools|include|cli|docs|bench|fuzz|examples)/[A-Za-z0-9_./-]*' "$doc" | tr -d '`'); do
		[ -e "$path" ] || [ -e "tests/$path.sh" ] ||
		    { echo "$doc: $path does not exist"; bad=1; }
	done
done
tools/make-man --check || bad=1
exit $bad
