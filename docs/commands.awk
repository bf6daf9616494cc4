# SPDX-License-Identifier: BSD-2-Clause
# What "listctl help COMMAND" prints, one command after another, as roff: a paragraph with the usage in bold and italics, options as paragraphs within it, further
# lines as text, and indented ones as examples. A line "@ NAME" is put before each command by docs/generate.sh.
function roff(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	sub(/^[.']/, "\\\\\\&&", text)
	return text
}

# A word of a usage: options bold, words in capitals, which the reader replaces, in italics, brackets as they are.
function mark(word,    head, tail)
{
	head = word ~ /^\[/ ? "[" : ""
	tail = match(word, /[].]+$/) ? substr(word, RSTART) : ""
	word = substr(word, length(head) + 1, length(word) - length(head) - length(tail))
	if (word ~ /^--/) word = "\\fB" roff(word) "\\fR"
	else if (word ~ /^[A-Z][A-Z=-]*$/) word = "\\fI" roff(word) "\\fR"
	else word = roff(word)
	return head word tail
}

function marked(text,    n, words, i, out)
{
	n = split(text, words, " ")
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? " " : "") mark(words[i])
	return out
}

function usage(name, text)
{
	text = substr(text, length("usage: listctl " name) + 2)
	return "\\fB" roff(name) "\\fR" (text == "" ? "" : " " marked(text))
}

function close_all()
{
	if (in_example) print ".EE"
	if (in_options) print ".RE"
	in_example = in_options = 0
}

BEGIN {
	heading["lists"] = "LISTS"
	heading["members add"] = "MEMBERS"
	heading["held list"] = "HELD POSTS"
	heading["key make"] = "THE SITE"
	heading["explain"] = "EXAMINING MESSAGES"
}

/^@ / {
	close_all()
	name = substr($0, 3)
	if (name in heading) print ".SH " heading[name]
	next
}
/^usage: / { print ".TP"; print usage(name, $0); is_first = 1; next }
/^$/ { if (in_example) print ".EE"; in_example = 0; pending = 1; next }
/^  --/ {
	if (!in_options) print ".RS"
	in_options = 1
	match(substr($0, 3), /  +/)
	option = substr($0, 3, RSTART - 1)
	meaning = substr($0, RSTART + RLENGTH + 2)
	print ".TP"
	print marked(option)
	print roff(meaning)
	pending = 0
	next
}
in_options && /^      / { sub(/^ +/, ""); print roff($0); next }
/^  / {
	if (in_options) print ".RE"
	in_options = 0
	if (!in_example) { print ".IP"; print ".EX" }
	in_example = 1
	print roff(substr($0, 3))
	pending = 0
	next
}
{
	if (in_options) print ".RE"
	in_options = 0
	if (pending && !is_first) print ".IP"
	text = $0
	if (is_first && text ~ /^[a-z]/) text = toupper(substr(text, 1, 1)) substr(text, 2) "."
	print roff(text)
	is_first = pending = 0
}
END { close_all() }
