/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/verp.h"
#include "listd/spool/spool.h"

#include <assert.h>
#include <string.h>

#define CODE_CHARS 16
/* kind, post, keyed code */
#define HEAD_CHARS (1 + SPOOL_ID_CHARS + CODE_CHARS)
/* RFC 5321 4.5.3.1.3: a path has 256 octets, of which <> are two. */
#define SENDER_MAX_BYTES 254

static const char kind_letters[] = { [VERP_RECIPIENT] = 'r', [VERP_POST] = 'p', [VERP_PROBE] = 'q' };

/* A text on the stack with a maximum; what does not fit sets full. Made for each recipient, so no heap. */
struct text { char *ptr; size_t len, cap; bool full; };

static void put(struct text *t, struct span s)
{
	if (s.len > t->cap - t->len) {
		t->full = true;
		return;
	}
	if (s.len > 0)
		memcpy(t->ptr + t->len, s.ptr, s.len);
	t->len += s.len;
}

/* RFC 5322 3.2.3 atext and the dot; without "=", which separates, and "%" and "!", which old MTAs route by. */
static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(".-_+#$&'*/?^`{|}~", c) != NULL);
}

static void put_escaped(struct text *t, struct span local)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < local.len; i++) {
		unsigned char c = (unsigned char)local.ptr[i];
		char hex[3] = { '=', digits[c >> 4], digits[c & 15] };

		if (is_plain(c))
			put(t, (struct span){ local.ptr + i, 1 });
		else
			put(t, (struct span){ hex, 3 });
	}
}

static bool is_host_name(struct span domain)
{
	for (size_t i = 0; i < domain.len; i++) {
		char c = ascii_lower(domain.ptr[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
	}
	return domain.len > 0;
}

/* Split at the last sep; false where there is none or a part is empty. */
static bool split_last(struct span s, char sep, struct span *before_r, struct span *after_r)
{
	const char *at = s.len > 0 ? memrchr(s.ptr, sep, s.len) : NULL;

	if (at == NULL || at == s.ptr || at == s.ptr + s.len - 1)
		return false;
	*before_r = (struct span){ s.ptr, (size_t)(at - s.ptr) };
	*after_r = (struct span){ at + 1, s.len - before_r->len - 1 };
	return true;
}

/* What the code is over. In lower case: MTAs on the way back may fold the case of the address. */
static struct span code_input(char *room, size_t size, enum verp_kind kind, const char *list_local, struct span post_id, struct span recipient)
{
	struct text t = { room, 0, size, false };

	put(&t, (struct span){ &kind_letters[kind], 1 });
	put(&t, post_id);
	put(&t, SPAN_LIT(" "));
	put(&t, span_of(list_local));
	put(&t, SPAN_LIT(" "));
	put(&t, recipient);
	for (size_t i = 0; i < t.len; i++)
		t.ptr[i] = ascii_lower(t.ptr[i]);
	return (struct span){ t.ptr, t.len };
}

#define CODE_INPUT_MAX_BYTES 1024

static void put_head(struct text *t, const struct secret *secret, enum verp_kind kind, const char *list_local, struct span post_id, struct span recipient)
{
	char input[CODE_INPUT_MAX_BYTES], code[CODE_CHARS + 1];

	secret_code(secret, code_input(input, sizeof(input), kind, list_local, post_id, recipient), CODE_CHARS, code);
	put(t, span_of(list_local));
	put(t, SPAN_LIT("-bounces+"));
	put(t, (struct span){ &kind_letters[kind], 1 });
	put(t, post_id);
	put(t, (struct span){ code, CODE_CHARS });
}

static bool end_text(struct text *t, const char *list_domain)
{
	put(t, SPAN_LIT("@"));
	put(t, span_of(list_domain));
	t->ptr[t->len] = '\0';
	return !t->full;
}

static bool write_recipient(const struct secret *secret, const char *list_local, const char *list_domain, struct span post_id, struct span recipient, char *sender_r, size_t max)
{
	struct text t = { sender_r, 0, max, false };
	struct span local, domain;

	if (recipient.len > CODE_INPUT_MAX_BYTES / 2 || !split_last(recipient, '@', &local, &domain) || !is_host_name(domain))
		return false;
	put_head(&t, secret, VERP_RECIPIENT, list_local, post_id, recipient);
	put(&t, SPAN_LIT("+"));
	put_escaped(&t, local);
	put(&t, SPAN_LIT("="));
	put(&t, domain);
	return end_text(&t, list_domain);
}

bool verp_write(const struct secret *secret, enum verp_kind kind, const char *list_local, const char *list_domain, const char *post_id,
	const char *recipient, char *sender_r, size_t size)
{
	struct text t = { sender_r, 0, size - 1, false };
	struct span id = span_sub(span_of(post_id), 0, SPOOL_ID_CHARS);
	size_t max = size - 1 < SENDER_MAX_BYTES ? size - 1 : SENDER_MAX_BYTES;
	bool is_cut = kind == VERP_RECIPIENT;

	assert(size > 1 && id.len == SPOOL_ID_CHARS);
	if (kind == VERP_RECIPIENT && recipient != NULL && write_recipient(secret, list_local, list_domain, id, span_of(recipient), sender_r, max))
		return true;
	if (kind == VERP_RECIPIENT)
		kind = VERP_POST;
	put_head(&t, secret, kind, list_local, id, (struct span){ NULL, 0 });
	end_text(&t, list_domain);
	return !is_cut;
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo put_escaped. {NULL,0}: a bad escape, or an octet that no address may hold. */
static struct span unescape(struct arena *a, struct span local)
{
	char *out = arena_alloc(a, local.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < local.len; i++) {
		int high, low;
		char c = local.ptr[i];

		if (c == '=') {
			if (local.len - i < 3 || (high = hex_value(local.ptr[i + 1])) < 0 || (low = hex_value(local.ptr[i + 2])) < 0)
				return (struct span){ NULL, 0 };
			c = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return (struct span){ NULL, 0 };
		out[len++] = c;
	}
	return (struct span){ out, len };
}

/* The recipient that stands after the head: "local=domain", escaped by us or plain as the relay writes it. NULL: it is none. */
static const char *read_recipient(struct arena *a, enum verp_kind kind, struct span rest)
{
	struct span local, domain;

	if (!split_last(rest, '=', &local, &domain) || !is_host_name(domain))
		return NULL;
	if (kind == VERP_RECIPIENT)
		local = unescape(a, local);
	if (local.len == 0 || memchr(local.ptr, '\0', local.len) != NULL)
		return NULL;
	return arena_printf(a, "%.*s@%.*s", (int)local.len, local.ptr, (int)domain.len, domain.ptr);
}

static bool head_has_shape(struct span suffix)
{
	for (size_t i = 0; i < HEAD_CHARS; i++) {
		char c = ascii_lower(suffix.ptr[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			return false;
	}
	return suffix.len == HEAD_CHARS || suffix.ptr[HEAD_CHARS] == '+';
}

bool verp_read(struct arena *a, const struct secret *secret, const char *list_local, struct span suffix, struct verp *verp_r)
{
	struct verp v = { 0 };
	struct span post_id, rest, covered;
	char input[CODE_INPUT_MAX_BYTES];
	const char *letter;

	if (suffix.len < HEAD_CHARS || suffix.len > CODE_INPUT_MAX_BYTES / 2 || !head_has_shape(suffix))
		return false;
	letter = memchr(kind_letters, ascii_lower(suffix.ptr[0]), sizeof(kind_letters));
	if (letter == NULL)
		return false;
	v.kind = (enum verp_kind)(letter - kind_letters);
	post_id = span_of(arena_lower(a, span_sub(suffix, 1, SPOOL_ID_CHARS)));
	v.post_id = post_id.ptr;
	rest = span_sub(suffix, HEAD_CHARS + 1, suffix.len);
	v.recipient = read_recipient(a, v.kind, rest);
	/* Of kind r the recipient is part of what the code vouches for, so it must be there; of kind p anybody may have written it. */
	if (v.kind == VERP_RECIPIENT && v.recipient == NULL)
		return false;
	/* A probe has one recipient and names none: nobody puts one in. */
	if (v.kind == VERP_PROBE && suffix.len > HEAD_CHARS)
		return false;
	covered = v.kind == VERP_RECIPIENT ? span_of(v.recipient) : (struct span){ NULL, 0 };
	v.valid = secret_verify(secret, code_input(input, sizeof(input), v.kind, list_local, post_id, covered),
		span_sub(suffix, 1 + SPOOL_ID_CHARS, CODE_CHARS), CODE_CHARS);
	*verp_r = v;
	return true;
}
