# SPDX-License-Identifier: MIT
# Reads public headers.  Prints each function that they declare, with the
# release of its `Since:` line:  "shunt_queue_open 0.1".  With -v check=1 it
# prints instead what a declaration lacks in the comment block above it, and
# exits 1 if anything does.
#
# A block documents the functions that it names, in any number, and is good
# for all declarations that follow it up to the next block.

function fault(text) {
	printf "%s:%d: %s\n", FILENAME, start, text
	bad = 1
}

function named(name) {
	return match(doc, "(^|[^a-z0-9_])" name "[(]") > 0
}

# One whole declaration, on one line, without comments.
function declaration(text,    name, void, n, i, want) {
	sub(/__attribute__.*/, "", text)
	if (text ~ /^(typedef|struct|enum|union)[^(]*$/ || text ~ /^typedef/)
		return
	if (!match(text, /[a-z_][a-z0-9_]*[ \t]*[(]/))
		return
	name = substr(text, RSTART, RLENGTH - 1)
	sub(/[ \t]+$/, "", name)
	void = text ~ ("^(extern )?void " name "[ \t]*[(]")
	if (!check) {
		print name, since
		return
	}
	if (text ~ /(^|[ \t])inline([ \t]|$)/)
		fault(name ": an installed header has no inline function")
	if (name !~ /^shunt_[a-z]/ || name ~ /^shunt__/)
		fault(name ": a public name begins with shunt_ and a letter")
	if (!named(name)) {
		fault(name ": no comment block above it names it")
		return
	}
	n = split("Returns Memory Threads Blocks Signals Death Fork Since",
	    want, " ")
	for (i = 1; i <= n; i++)
		if (doc !~ ("\n" want[i] ":[ \t]*[^ \t\n]") &&
		    !(void && want[i] == "Returns"))
			fault(name ": its comment has no line `" want[i] ":'")
}

FNR == 1 {
	doc = since = text = ""
	depth = comment = cplusplus = continued = 0
}

/^#[ \t]*ifdef[ \t]+__cplusplus/ { cplusplus = 1 }
cplusplus { if (/^#[ \t]*endif/) cplusplus = 0; next }

!comment && (/^#/ || continued) { continued = /\\$/; next }

{
	line = $0
	code = ""
	while (line != "") {
		if (comment) {
			end = index(line, "*/")
			part = end ? substr(line, 1, end - 1) : line
			if (block) {
				sub(/^[ \t]*\*[ \t]?/, "", part)
				doc = doc "\n" part
				if (part ~ /^Since:/) {
					since = part
					sub(/^Since:[ \t]*/, "", since)
					sub(/[^0-9.].*/, "", since)
				}
			}
			if (!end)
				break
			comment = 0
			line = substr(line, end + 2)
		} else {
			begin = index(line, "/*")
			code = code (begin ? substr(line, 1, begin - 1) : line)
			if (!begin)
				break
			comment = 1
			block = substr(line, begin, 3) == "/**"
			if (block)
				doc = since = ""
			line = substr(line, begin + (block ? 3 : 2))
		}
	}
	if (check && code ~ /(^|[^A-Za-z0-9_])_Atomic([^A-Za-z0-9_]|$)/) {
		start = FNR
		fault("_Atomic: layouts do not stand in installed headers")
	}
	if (code !~ /[^ \t]/)
		next
	if (text == "")
		start = FNR
	n = split(code, c, "")
	for (i = 1; i <= n; i++) {
		if (c[i] == "{" && depth++ == 0 && text ~ /[)][ \t]*$/) {
			declaration(text)
			if (check)
				fault("a function body in an installed header")
			text = ""
		}
		if (c[i] == "}")
			depth--
		if (depth == 0 && c[i] == ";") {
			sub(/^[ \t]+/, "", text)
			declaration(text)
			text = ""
		} else if (depth == 0)
			text = text c[i]
	}
	text = text ~ /[^ \t]/ ? text " " : ""
}

END { exit bad }
