# SPDX-License-Identifier: MIT
# Makes the manual page of one public header: awk -v name=queue -f man3.awk
# include/shunt/queue.h.  The header is the one source of what a function
# does; tools/make-man calls this for each of them.

function out(s)
{
	print s
}

function text(s)
{
	gsub(/\\/, "\\e", s)
	if (s ~ /^[.']/)
		s = "\\&" s
	print s
}

# mandoc wants each sentence on a line of its own.
function sentences(s, at)
{
	while (match(s, /[.!?]  ?[^ ]/)) {
		text(substr(s, 1, RSTART))
		s = substr(s, RSTART + RLENGTH - 1)
	}
	text(s)
}

function literal(block, n, i)
{
	if (n == 0)
		return
	out(".Bd -literal -offset indent")
	for (i = 1; i <= n; i++)
		text(block[i])
	out(".Ed")
}

# One paragraph of a comment, as it stands.
function paragraph(n, i, plain)
{
	if (n == 0)
		return
	plain = 1
	for (i = 1; i <= n; i++)
		if (para[i] ~ /^  / || para[i] ~ /^@/ || para[i] ~ /^[A-Z][a-z]+: /)
			plain = 0
	if (plain) {
		if (!bare)
			out(".Pp")
		bare = 0
		for (i = 1; i <= n; i++)
			sentences(para[i])
		return
	}
	out(".Bd -literal")
	for (i = 1; i <= n; i++)
		text(para[i])
	out(".Ed")
}

function flush_comment(lines, n, i, k, head)
{
	k = 0
	head = 1
	for (i = 1; i <= n; i++) {
		if (head && lines[i] ~ /^shunt_[a-z_]+\(\) +- /) {
			split(lines[i], part, /\(\) +- /)
			out(".It Fn " part[1])
			text(part[2])
			continue
		}
		if (head) {
			out(".El")
			head = 0
		}
		if (lines[i] == "") {
			paragraph(k)
			k = 0
			continue
		}
		para[++k] = lines[i]
	}
	paragraph(k)
}

/^\/\*\*/ { inblock = 1; n = 0; next }
/^\/\*/ && !/\*\// { incomment = 1; c = 0; next }
inblock && /\*\// {
	inblock = 0
	blocks++
	size[blocks] = n
	for (i = 1; i <= n; i++)
		body[blocks, i] = line[i]
	next
}
incomment && /\*\// {
	incomment = 0
	if (!intro) {
		intro = c
		for (i = 1; i <= c; i++)
			introline[i] = comment[i]
	}
	next
}
inblock || incomment {
	sub(/^ \*/, "")
	sub(/^ /, "")
	if (inblock)
		line[++n] = $0
	else
		comment[++c] = $0
	next
}
/^#if|^#endif|^extern "C"|^#define SHUNT_[A-Z]*_H$|^#include|SPDX/ { next }
/^}$/ { next }
{
	if ($0 == "" && (!decls || decl[decls] == ""))
		next
	decl[++decls] = $0
}

END {
	upper = toupper("shunt_" name)
	out(".\\\" Made by tools/make-man from include/shunt/" name ".h")
	out(".Dd $Mdocdate$")
	out(".Dt " upper " 3")
	out(".Os")
	out(".Sh NAME")
	out(".Nm shunt_" name)
	out(".Nd " about)
	out(".Sh LIBRARY")
	out("shunt (libshunt, \\-lshunt)")
	out(".Sh SYNOPSIS")
	out(".In shunt/" name ".h")
	while (decls && decl[decls] == "")
		decls--
	literal(decl, decls)
	out(".Sh DESCRIPTION")
	bare = 1
	k = 0
	for (i = 1; i <= intro; i++) {
		if (introline[i] == "") {
			paragraph(k)
			k = 0
		} else {
			para[++k] = introline[i]
		}
	}
	if (intro)
		paragraph(k)
	for (b = 1; b <= blocks; b++) {
		delete one
		for (i = 1; i <= size[b]; i++)
			one[i] = body[b, i]
		out(".Ss " first(one[1]))
		out(".Bl -tag -width Ds")
		flush_comment(one, size[b])
	}
	out(".Sh SEE ALSO")
	out(see)
}

function first(s)
{
	sub(/\(\).*/, "", s)
	return s
}
