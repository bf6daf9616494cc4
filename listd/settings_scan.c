/* SPDX-License-Identifier: BSD-2-Clause */
/* What libconfuse takes silently is found here, before it reads the text: it accepts a list or comment that is never closed, drops octets that it has no
 * rule for ("*" outside quotes), replaces ${NAME} by the environment, and keeps its place in a quoted text after an error, so that the next file would be
 * read from there. */
#include "listd/settings_int.h"

#include <string.h>

struct scan {
	const char *file;
	struct span text;
	size_t at;
	int line, brace_line; /* brace_line: of the open "{", or 0 */
	struct buf *out;
	struct fail *why;
};

static int fault(const struct scan *scan, int line, const char *what)
{
	return scan->file == NULL ? fail_permanent(scan->why, "%s", what) : fail_permanent(scan->why, "%s:%d: %s", scan->file, line, what);
}

static char peek(const struct scan *scan, size_t ahead)
{
	return scan->at + ahead < scan->text.len ? scan->text.ptr[scan->at + ahead] : '\0';
}

/* Pass one octet on, or a blank in its place. Ends of lines always stay. */
static void pass(struct scan *scan, bool blank)
{
	char c = scan->text.ptr[scan->at++];

	if (c == '\n')
		scan->line++;
	buf_put_byte(scan->out, blank && c != '\n' ? ' ' : c);
}

static int scan_line_comment(struct scan *scan)
{
	while (scan->at < scan->text.len && peek(scan, 0) != '\n')
		pass(scan, true);
	return 0;
}

static int scan_comment(struct scan *scan)
{
	int line = scan->line;

	pass(scan, true);
	pass(scan, true);
	while (scan->at < scan->text.len && !(peek(scan, 0) == '*' && peek(scan, 1) == '/'))
		pass(scan, true);
	if (scan->at == scan->text.len)
		return fault(scan, line, "the comment that begins here is not closed by */");
	pass(scan, true);
	pass(scan, true);
	return 0;
}

static int scan_quoted(struct scan *scan)
{
	char quote = peek(scan, 0);
	int line = scan->line;

	pass(scan, false);
	while (scan->at < scan->text.len && peek(scan, 0) != quote) {
		if (peek(scan, 0) == '$' && peek(scan, 1) == '{' && quote == '"')
			return fault(scan, scan->line, "${...} is not replaced by anything here; write \\${ for the characters themselves");
		if (peek(scan, 0) == '\\') {
			if (quote == '"' && ((peek(scan, 1) >= '0' && peek(scan, 1) <= '9') || peek(scan, 1) == 'x'))
				return fault(scan, scan->line, "no such escape; there are \\n \\t \\\" \\\\ \\$");
			pass(scan, false);
		}
		if (scan->at < scan->text.len)
			pass(scan, false);
	}
	if (scan->at == scan->text.len)
		return fault(scan, line, "the quoted text that begins here is not closed");
	pass(scan, false);
	return 0;
}

static int scan_brace(struct scan *scan)
{
	bool is_open = peek(scan, 0) == '{';

	if (is_open && scan->brace_line != 0)
		return fault(scan, scan->line, "a { inside a list; lists are not nested");
	if (!is_open && scan->brace_line == 0)
		return fault(scan, scan->line, "a } that closes nothing");
	scan->brace_line = is_open ? scan->line : 0;
	pass(scan, false);
	return 0;
}

static bool is_token_start(const struct scan *scan)
{
	return scan->at == 0 || strchr(" \t\r\n={},", scan->text.ptr[scan->at - 1]) != NULL;
}

static int scan_plain(struct scan *scan)
{
	char c = peek(scan, 0);

	if (c == '/' && is_token_start(scan) && peek(scan, 1) == '/')
		return scan_line_comment(scan);
	if (c == '/' && is_token_start(scan) && peek(scan, 1) == '*')
		return scan_comment(scan);
	if (strchr("*()$\\", c) != NULL || (c == '+' && peek(scan, 1) != '=') || (c == '/' && peek(scan, 1) == '*'))
		return fault(scan, scan->line, "a value with other characters than letters, digits and . - _ : / @ is put in quotes");
	if ((unsigned char)c < 0x20 && strchr("\t\r\n", c) == NULL)
		return fault(scan, scan->line, "a control character outside quotes");
	pass(scan, false);
	return 0;
}

static int scan_one(struct scan *scan)
{
	switch (peek(scan, 0)) {
	case '#':
		return scan_line_comment(scan);
	case '"':
	case '\'':
		return scan_quoted(scan);
	case '{':
	case '}':
		return scan_brace(scan);
	default:
		return scan_plain(scan);
	}
}

int settings_scan(struct span text, const char *file, struct buf *out, struct fail *why)
{
	struct scan scan = { .file = file, .text = text, .line = 1, .out = out, .why = why };

	if (text.len > SETTINGS_MAX_BYTES)
		return fault(&scan, 1, "larger than the 1 MB that settings may have");
	if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
		return fault(&scan, 1, "holds a NUL octet; not a text file");
	while (scan.at < text.len)
		if (scan_one(&scan) != 0)
			return -1;
	if (scan.brace_line != 0)
		return fault(&scan, scan.brace_line, "the { of this line is not closed");
	return 0;
}
