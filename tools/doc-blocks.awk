# SPDX-License-Identifier: MIT
# Takes the code blocks out of one page of the guide; tools/doc-blocks runs it
# and says what the words on a fence line mean.  Files go to DIR, and to PLAN
# one line a block, in the order of the page:
#   file LINE NAME | sh LINE NUMBER NEEDS | output LINE NUMBER exact|like
# Variables: dir, plan, frame (a file with what stands around a body).

function wrong(line, why)
{
	printf "%s:%d: %s\n", FILENAME, line, why
	bad = 1
}

# The value of WORD=value on the fence line, or "".
function value(word,    i)
{
	for (i = 2; i <= words; i++)
		if (index(info[i], word "=") == 1)
			return substr(info[i], length(word) + 2)
	return ""
}

function known(pattern,    i)
{
	for (i = 2; i <= words; i++)
		if (info[i] !~ pattern)
			wrong(FNR, "\"" info[i] "\" means nothing on this fence")
}

function add_frame(part, file,    text, on)
{
	on = part == "head"
	while ((getline text < frame) > 0) {
		if (text == "@BODY@")
			on = part == "tail"
		else if (on)
			print text > file
	}
	close(frame)
}

function begin(    name)
{
	lang = info[1]
	sink = kind = ""
	if (lang == "c") {
		known("^(file|body)=|^frame$")
		if (info[2] == "frame") {
			kind = "frame"
			return
		}
		name = value("file")
		if (name == "" && (name = value("body")) != "")
			kind = "body"
		if (name !~ /^[a-z][a-z0-9-]*[.][ch]$/) {
			wrong(FNR, "a c block is file=NAME.c or body=NAME.c")
			return
		}
		sink = dir "/" name
		if (!(name in made)) {
			printf "file %d %s\n", FNR, name > plan
			if (kind == "body")
				add_frame("head", sink)
		} else if (kind == "body" || made[name] == "body")
			wrong(FNR, name " is there already")
		else
			print "" > sink
		made[name] = kind == "body" ? "body" : "file"
	} else if (lang == "sh") {
		known("^needs=")
		sink = plan "." (++scripts)
		last = FNR
		answered = 0
		printf "sh %d %d %s\n", FNR, scripts, value("needs") > plan
		printf "" > sink
	} else if (lang == "text") {
		if (words != 2 || info[2] !~ /^(output|like)$/) {
			wrong(FNR, "a text block is \"output\" or \"like\"")
			return
		}
		if (!scripts || answered)
			wrong(FNR, "no sh block stands before this output")
		answered = 1
		sink = plan "." scripts ".want"
		printf "output %d %d %s\n", FNR, scripts, \
		    info[2] == "like" ? "like" : "exact" > plan
		printf "" > sink
	} else
		wrong(FNR, "nothing here can run a block of \"" lang "\"")
}

/^```/ {
	if (!open) {
		words = split(substr($0, 4), info, " ")
		open = FNR
		if (words == 0)
			wrong(FNR, "the fence does not say what the block is")
		else
			begin()
	} else {
		if ($0 != "```")
			wrong(FNR, "this fence ends the block of line " open)
		if (kind == "body")
			add_frame("tail", sink)
		open = 0
		sink = kind = ""
	}
	blank = 0
	next
}
open {
	if (sink != "")
		print > sink
	next
}
/^[ \t]+```/ || /^ *~~~/ {
	wrong(FNR, "fences begin in the first column, with three backquotes")
}
/^(    |\t)/ && blank && !list {
	wrong(FNR, "an indented block cannot be run; use a fence")
}
{
	blank = $0 == ""
	if ($0 ~ /^([0-9]+[.]|[-*]) /)
		list = 1
	else if ($0 ~ /^[^ ]/)
		list = 0
}
END {
	if (open)
		wrong(open, "this block does not end")
	exit bad
}
