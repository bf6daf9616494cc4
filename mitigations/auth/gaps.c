/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/gaps.h"
#include "mitigations/auth/canon.h"

/* Each may stand once (RFC 5322 3.6, RFC 2045 3). Verifiers count from the bottom, most readers show the first. */
static const struct { const char *name, *gap; } fields[] = {
	{ "From", "a second From is not signed" },
	{ "Sender", "a second Sender is not signed" },
	{ "Reply-To", "a second Reply-To is not signed" },
	{ "To", "a second To is not signed" },
	{ "Cc", "a second Cc is not signed" },
	{ "Subject", "a second Subject is not signed" },
	{ "Date", "a second Date is not signed" },
	{ "Content-Type", "a second Content-Type is not signed" },
	{ "Content-Transfer-Encoding", "a second Content-Transfer-Encoding is not signed" },
};

static size_t times_named(struct span names, const char *name)
{
	struct span part;
	size_t count = 0;

	while (span_next(&names, ':', &part))
		count += span_eq_text_nocase(span_trim(part), name);
	return count;
}

static bool leaves_body(const struct message *m, const struct tags *tags)
{
	struct span length = tags_find(tags, "l"), canon = tags_find(tags, "c"), body = span_sub(canon, span_find_byte(canon, '/') + 1, canon.len);
	unsigned long long limit;
	uint64_t bytes;
	uint8_t md[32];

	if (length.ptr == NULL || !span_number(length, UINT64_MAX >> 1, &limit))
		return length.ptr != NULL;
	canon_body_sha256(m->body, m->body_count, span_eq_text(body, "relaxed") ? CANON_RELAXED : CANON_SIMPLE, UINT64_MAX, md, &bytes);
	return bytes > limit;
}

const char *gaps_find(const struct message *m, const struct field *signature)
{
	struct span names;
	struct tags tags;

	if (!tags_parse(signature->value, &tags))
		return "the signature cannot be read";
	names = tags_find(&tags, "h");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t named = times_named(names, fields[i].name);

		if (named > 0 && named < message_field_count(m, fields[i].name))
			return fields[i].gap;
	}
	return leaves_body(m, &tags) ? "a part of the body is not signed (l=)" : NULL;
}
