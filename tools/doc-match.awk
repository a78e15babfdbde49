# SPDX-License-Identifier: MIT
# Compares what a block printed (second file) with what its page shows (first
# file), as "like" means it: a number stands for any number, 0x with digits
# for any such, runs of blanks are equal, "..." stands for anything within a
# line and, alone on a line, for any number of lines.  Exit 1 if it differs.

function expression(text,    out, c, rest)
{
	out = "^"
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text)
	sub(/ $/, "", text)
	while (text != "") {
		if (match(text, /^[.][.][.]/))
			out = out ".*"
		else if (match(text, /^0x[0-9a-f]+/))
			out = out "0x[0-9a-f]+"
		else if (match(text, /^[0-9]+([.,][0-9]+)*/))
			out = out "[0-9]+([.,][0-9]+)*"
		else {
			match(text, /^./)
			c = substr(text, 1, 1)
			if (c ~ /[A-Za-z ]/)
				out = out c
			else if (c == "^" || c == "\\")
				out = out "\\" c
			else
				out = out "[" c "]"
		}
		text = substr(text, RLENGTH + 1)
	}
	return out "$"
}

FILENAME == ARGV[1] {
	want[++wanted] = $0 == "..." ? "" : expression($0)
	next
}
{
	line = $0
	gsub(/[ \t]+/, " ", line)
	sub(/^ /, "", line)
	sub(/ $/, "", line)
	got[++gotten] = line
}
# Lines from `w` of the page against lines from `g` of the output.
function same(w, g)
{
	for (; w <= wanted; w++) {
		if (want[w] == "") {
			for (; g <= gotten + 1; g++)
				if (same(w + 1, g))
					return 1
			return 0
		}
		if (g > gotten || got[g] !~ want[w])
			return 0
		g++
	}
	return g > gotten
}
END { exit !same(1, 1) }
