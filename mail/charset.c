/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/charset.h"
#include "mail/idna.h"

#include <iconv.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* name: as mail writes it, lower case. code: iconv's name; NULL for the two that need no conversion. */
struct charset {
	const char *name, *code;
	bool stateful;
};

#define ASCII_LIKE ""

/* In order of name, for bsearch. */
static const struct charset charsets[] = {
	{ "646", ASCII_LIKE, false },
	{ "ansi_x3.4-1968", ASCII_LIKE, false },
	{ "ascii", ASCII_LIKE, false },
	{ "big5", "BIG5-HKSCS", false },
	{ "big5-hkscs", "BIG5-HKSCS", false },
	{ "cp1250", "CP1250", false },
	{ "cp1251", "CP1251", false },
	{ "cp1252", "CP1252", false },
	{ "cp1253", "CP1253", false },
	{ "cp1254", "CP1254", false },
	{ "cp1255", "CP1255", false },
	{ "cp1256", "CP1256", false },
	{ "cp1257", "CP1257", false },
	{ "cp1258", "CP1258", false },
	{ "cp437", "CP437", false },
	{ "cp850", "CP850", false },
	{ "cp852", "CP852", false },
	{ "cp855", "CP855", false },
	{ "cp866", "CP866", false },
	{ "cp874", "CP874", false },
	{ "cp932", "CP932", false },
	{ "cp936", "GB18030", false },
	{ "cp949", "CP949", false },
	{ "cp950", "CP950", false },
	{ "euc-cn", "GB18030", false },
	{ "euc-jp", "EUC-JP", false },
	{ "euc-kr", "CP949", false },
	{ "euc-tw", "EUC-TW", false },
	{ "gb18030", "GB18030", false },
	{ "gb2312", "GB18030", false },
	{ "gb_2312-80", "GB18030", false },
	{ "gbk", "GB18030", false },
	{ "ibm437", "CP437", false },
	{ "ibm850", "CP850", false },
	{ "ibm852", "CP852", false },
	{ "ibm855", "CP855", false },
	{ "ibm866", "CP866", false },
	{ "iso-2022-jp", "ISO-2022-JP", true },
	{ "iso-2022-jp-1", "ISO-2022-JP-1", true },
	{ "iso-2022-jp-2", "ISO-2022-JP-2", true },
	{ "iso-2022-jp-3", "ISO-2022-JP-3", true },
	{ "iso-2022-kr", "ISO-2022-KR", true },
	{ "iso-8859-1", ASCII_LIKE, false },
	{ "iso-8859-10", "ISO-8859-10", false },
	{ "iso-8859-11", "CP874", false },
	{ "iso-8859-13", "ISO-8859-13", false },
	{ "iso-8859-14", "ISO-8859-14", false },
	{ "iso-8859-15", "ISO-8859-15", false },
	{ "iso-8859-16", "ISO-8859-16", false },
	{ "iso-8859-2", "ISO-8859-2", false },
	{ "iso-8859-3", "ISO-8859-3", false },
	{ "iso-8859-4", "ISO-8859-4", false },
	{ "iso-8859-5", "ISO-8859-5", false },
	{ "iso-8859-6", "ISO-8859-6", false },
	{ "iso-8859-6-i", "ISO-8859-6", false },
	{ "iso-8859-7", "ISO-8859-7", false },
	{ "iso-8859-8", "ISO-8859-8", false },
	{ "iso-8859-8-i", "ISO-8859-8", false },
	{ "iso-8859-9", "CP1254", false },
	{ "iso8859-1", ASCII_LIKE, false },
	{ "iso8859-15", "ISO-8859-15", false },
	{ "iso8859-2", "ISO-8859-2", false },
	{ "iso_8859-1", ASCII_LIKE, false },
	{ "koi8-r", "KOI8-R", false },
	{ "koi8-u", "KOI8-U", false },
	{ "ks_c_5601-1987", "CP949", false },
	{ "latin1", ASCII_LIKE, false },
	{ "latin2", "ISO-8859-2", false },
	{ "latin9", "ISO-8859-15", false },
	{ "mac", "MACINTOSH", false },
	{ "macintosh", "MACINTOSH", false },
	{ "shift-jis", "CP932", false },
	{ "shift_jis", "CP932", false },
	{ "sjis", "CP932", false },
	{ "tis-620", "CP874", false },
	{ "us-ascii", ASCII_LIKE, false },
	{ "utf-16", "UTF-16", false },
	{ "utf-16be", "UTF-16BE", false },
	{ "utf-16le", "UTF-16LE", false },
	{ "utf-7", "UTF-7", true },
	{ "utf-8", NULL, false },
	{ "utf8", NULL, false },
	{ "windows-1250", "CP1250", false },
	{ "windows-1251", "CP1251", false },
	{ "windows-1252", "CP1252", false },
	{ "windows-1253", "CP1253", false },
	{ "windows-1254", "CP1254", false },
	{ "windows-1255", "CP1255", false },
	{ "windows-1256", "CP1256", false },
	{ "windows-1257", "CP1257", false },
	{ "windows-1258", "CP1258", false },
	{ "windows-31j", "CP932", false },
	{ "windows-874", "CP874", false },
	{ "windows-949", "CP949", false },
	{ "x-gbk", "GB18030", false },
	{ "x-mac-roman", "MACINTOSH", false },
	{ "x-sjis", "CP932", false },
};

#define CHARSET_NAME_MAX_BYTES 20

static int by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct charset *)row)->name);
}

static const struct charset *charset_find(struct span name)
{
	char lower[CHARSET_NAME_MAX_BYTES + 1] = "";

	if (name.len > CHARSET_NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = ascii_lower(name.ptr[i]);
	return bsearch(lower, charsets, sizeof(charsets) / sizeof(charsets[0]), sizeof(charsets[0]), by_name);
}

bool charset_is_stateful(struct span charset)
{
	const struct charset *row = charset_find(charset);

	return row != NULL && row->stateful;
}

/* No charset of the table gives more than 4 octets of UTF-8 for one of its own. */
#define GROWTH_MAX 4

static bool convert(struct arena *a, const char *code, struct span bytes, struct span *text_r)
{
	iconv_t cd = iconv_open("UTF-8", code);
	size_t in_left = bytes.len, out_max = GROWTH_MAX * bytes.len + 16, out_left = out_max;
	char *in = (char *)(uintptr_t)bytes.ptr, *out, *end;
	bool ok;

	if (cd == (iconv_t)-1)
		return false;
	out = end = arena_alloc(a, out_max);
	ok = iconv(cd, &in, &in_left, &end, &out_left) != (size_t)-1 && iconv(cd, NULL, NULL, &end, &out_left) != (size_t)-1;
	iconv_close(cd);
	if (ok)
		*text_r = (struct span){ out, (size_t)(end - out) };
	return ok;
}

bool charset_to_utf8(struct arena *a, struct span charset, struct span bytes, struct span *text_r)
{
	const struct charset *row = charset_find(charset);

	if (row == NULL || (row->code == NULL && !utf8_is_valid(bytes)))
		return false;
	if (row->code != NULL && row->code[0] != '\0')
		return convert(a, row->code, bytes, text_r);
	*text_r = row->code == NULL ? bytes : utf8_from_8bit(a, bytes);
	return true;
}
