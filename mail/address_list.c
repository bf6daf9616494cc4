/* SPDX-License-Identifier: BSD-2-Clause */
/* The field reader: RFC 5322 3.4 with 4.4. It goes from left to right once; whatever is not by the grammar sets damaged and is
 * passed over, and at the end a damaged field is scanned for everything else that might be taken for an address. */
#include "mail/address_int.h"
#include "mail/encword.h"
#include "mail/idna.h"

#include <string.h>

/* As in header.c: nothing real nests deeper. */
#define COMMENT_DEPTH_MAX 32
#define END (-1)

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool address_is_atom_octet(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && strchr("()<>[]:;@\\,.\"", c) == NULL;
}

static int peek(const struct address_reader *r)
{
	return r->at < r->in.len ? (unsigned char)r->in.ptr[r->at] : END;
}

static void damage(struct address_reader *r)
{
	r->list->damaged = true;
}

/* A comment is no place for an address in angle brackets, but readers that know no comments find it there. */
static void skip_comment(struct address_reader *r)
{
	bool has_angle = false, has_address = false;
	unsigned depth = 0;
	size_t from = r->at;

	for (; r->at < r->in.len; r->at++) {
		char c = r->in.ptr[r->at];

		has_angle = has_angle || c == '<';
		has_address = has_address || (has_angle && c == '@');
		if (c == '\\')
			r->at++;
		else if (c == '(' && ++depth > COMMENT_DEPTH_MAX)
			break;
		else if (c == ')' && --depth == 0)
			break;
	}
	if (depth != 0) {
		r->at = r->in.len;
		damage(r);
	} else {
		r->at++;
		if (r->comment.len == 0 && !has_address)
			r->comment = span_sub(r->in, from + 1, r->at - from - 2);
	}
	if (has_address)
		damage(r);
}

/* Comments and folding white space; true when there was any. */
static bool skip_cfws(struct address_reader *r)
{
	size_t from = r->at;

	for (int c = peek(r); is_blank(c) || c == '('; c = peek(r)) {
		if (c == '(')
			skip_comment(r);
		else
			r->at++;
	}
	return r->at > from;
}

/* A quoted-string: its text to the phrase, itself to the local part. */
static void read_quoted(struct address_reader *r)
{
	size_t from = r->at++;
	int c;

	for (; (c = peek(r)) != END && c != '"'; r->at++) {
		if (c == '\\' && r->at + 1 < r->in.len)
			c = (unsigned char)r->in.ptr[++r->at];
		buf_put_byte(&r->phrase, (char)c);
	}
	if (c == END)
		damage(r);
	else
		r->at++;
	buf_put(&r->local, span_sub(r->in, from, r->at - from));
}

static void read_atom(struct address_reader *r, struct buf *out)
{
	size_t from = r->at;

	while (r->at < r->in.len && address_is_atom_octet(r->in.ptr[r->at]))
		r->at++;
	buf_put(out, span_sub(r->in, from, r->at - from));
	r->comment = (struct span){ NULL, 0 };
}

static bool is_atom_here(const struct address_reader *r)
{
	return r->at < r->in.len && address_is_atom_octet(r->in.ptr[r->at]);
}

/* Does a reader that knows no encoded words, and ends the name at a comma or a colon, find the same addresses? */
static bool hides_nothing(struct span word)
{
	int depth = 0;

	for (size_t i = 0; i < word.len && depth >= 0; i++) {
		if (strchr("@<>\"\\", word.ptr[i]) != NULL)
			return false;
		depth += (word.ptr[i] == '(') - (word.ptr[i] == ')');
	}
	return depth == 0;
}

/* An encoded word that holds what no atom may, such as "=?utf-8?q?Author,_Ann_(her)?=": RFC 2047 5 (3) forbids it, senders do it. */
static bool read_encoded_word(struct address_reader *r)
{
	struct span word = span_sub(r->in, r->at, encword_bytes(span_sub(r->in, r->at, r->in.len)));
	size_t plain = 0;

	while (plain < word.len && (address_is_atom_octet(word.ptr[plain]) || word.ptr[plain] == '.'))
		plain++;
	if (plain == word.len)
		return false;
	if (!hides_nothing(word))
		damage(r);
	r->is_local = false;
	buf_put(&r->phrase, word);
	r->at += word.len;
	return true;
}

/* Something that no word may hold. Brackets in a name are common and mean nothing else there. */
static void read_odd(struct address_reader *r, int c)
{
	r->is_local = false;
	if (c != '[' && c != ']')
		damage(r);
	buf_put_byte(&r->phrase, (char)c);
	r->at++;
}

/* Words and dots up to one of < @ : ; , or the end, which is returned and not taken. They are a phrase or a local part: what follows
 * tells. */
static int read_words(struct address_reader *r)
{
	bool after_word = false;

	buf_reset(&r->phrase);
	buf_reset(&r->local);
	r->is_local = true;
	for (;;) {
		bool blank = skip_cfws(r);
		int c = peek(r);

		if (c == END || (c != '\0' && strchr("<@:;,", c) != NULL))
			return c;
		if (blank && r->phrase.len > 0)
			buf_put_byte(&r->phrase, ' ');
		if (after_word && c != '.')
			r->is_local = false;
		after_word = c != '.';
		if (c == '"') {
			read_quoted(r);
		} else if (c == '=' && read_encoded_word(r)) {
			continue;
		} else if (c == '.') {
			buf_put_byte(&r->phrase, '.');
			buf_put_byte(&r->local, '.');
			r->at++;
		} else if (is_atom_here(r)) {
			size_t from = r->local.len;

			read_atom(r, &r->local);
			buf_put(&r->phrase, span_sub(buf_span(&r->local), from, r->local.len));
		} else {
			read_odd(r, c);
		}
	}
}

static void read_literal(struct address_reader *r)
{
	int c;

	buf_put_byte(&r->domain, '[');
	for (r->at++; (c = peek(r)) != END && c != ']' && c != '[' && c != '\\' && c > ' '; r->at++)
		buf_put_byte(&r->domain, (char)c);
	if (c == ']')
		r->at++;
	else
		damage(r);
	buf_put_byte(&r->domain, ']');
	r->comment = (struct span){ NULL, 0 };
}

/* Blanks or a comment inside of a domain, after what is a whole domain name already: other readers stop here. */
static void check_gap(struct address_reader *r)
{
	struct span before = buf_span(&r->domain);

	if (before.len > 0 && before.ptr[before.len - 1] == '.')
		before.len--;
	if (span_find_byte(before, '.') < before.len)
		damage(r);
}

/* Stands after the "@". The obsolete form has blanks and comments beside the dots. */
static void read_domain(struct address_reader *r)
{
	bool gap;

	buf_reset(&r->domain);
	skip_cfws(r);
	if (peek(r) == '[') {
		read_literal(r);
		return;
	}
	for (;;) {
		read_atom(r, &r->domain);
		gap = skip_cfws(r);
		if (peek(r) != '.')
			return;
		if (gap)
			check_gap(r);
		buf_put_byte(&r->domain, '.');
		r->at++;
		if (skip_cfws(r) && is_atom_here(r))
			check_gap(r);
	}
}

/* The phrase that was read, as a human shall see it. */
static struct span make_display(struct address_reader *r)
{
	struct span text = encword_decode(r->a, buf_span(&r->phrase));
	char *out = arena_alloc(r->a, text.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		bool blank = (unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f;

		if (!blank)
			out[used++] = text.ptr[i];
		else if (used > 0 && out[used - 1] != ' ')
			out[used++] = ' ';
	}
	return span_trim((struct span){ out, used });
}

/* "ann@example.com (Ann Author)": the name in its old place (RFC 5322 3.4), the first comment behind the address. */
static struct span comment_display(struct address_reader *r)
{
	buf_reset(&r->phrase);
	for (size_t i = 0; i < r->comment.len; i++)
		if (r->comment.ptr[i] != '\\' || ++i < r->comment.len)
			buf_put_byte(&r->phrase, r->comment.ptr[i]);
	return make_display(r);
}

static void note_display(struct address_reader *r, struct span display)
{
	if (!r->has_first)
		r->list->first_display = display;
	r->has_first = true;
}

/* Do the parts read by the grammar mean the same to every reader? */
static bool is_plain_spec(struct address_reader *r, struct span local, struct span domain)
{
	for (size_t i = 0; i < local.len; i++)
		if ((unsigned char)local.ptr[i] < ' ' || local.ptr[i] == 0x7f)
			return false;
	if (!utf8_is_valid(local) || !utf8_is_valid(domain) || !address_is_domain(r->a, domain))
		return false;
	if (span_find(local, SPAN_LIT("=?")) < local.len && !span_eq(encword_decode(r->a, local), local))
		return false;
	return span_eq(address_as_seen(r->a, local), local) && span_eq(address_as_seen(r->a, domain), domain);
}

/* local and domain were read: list the address. */
static void take_spec(struct address_reader *r, struct span display)
{
	struct span local = buf_span(&r->local), domain = buf_span(&r->domain);

	if (!r->is_local || local.len == 0 || !is_plain_spec(r, local, domain))
		damage(r);
	if (r->is_local && local.len > 0 && domain.len > 0)
		address_add(r, local, domain, display);
}

/* "@a,@b:" (obsolete). One hop is passed over as RFC 5322 4.4 says; with several, readers that split at commas see addresses. */
static void skip_route(struct address_reader *r)
{
	size_t hops = 0;
	int c;

	for (; (c = peek(r)) == '@' || c == ','; skip_cfws(r)) {
		r->at++;
		if (c == '@') {
			hops++;
			read_domain(r);
		}
	}
	if (c == ':')
		r->at++;
	if (c != ':' || hops > 1)
		damage(r);
}

/* Stands on "<". */
static void read_angle(struct address_reader *r, struct span display)
{
	r->at++;
	skip_cfws(r);
	if (peek(r) == '@')
		skip_route(r);
	if (read_words(r) == '@') {
		r->at++;
		read_domain(r);
		take_spec(r, display);
		skip_cfws(r);
	} else {
		damage(r);
	}
	if (peek(r) == '>')
		r->at++;
	else
		damage(r);
}

/* "ann@example.com <ann@example.com>": against the grammar, common, and the same to every reader. */
static bool repeats_itself(struct address_reader *r, struct span spec)
{
	struct span rest = span_sub(r->in, r->at, r->in.len);

	return spec.len > 0 && span_eq_nocase(span_sub(rest, 1, spec.len), spec) && rest.len > spec.len + 1 && rest.ptr[spec.len + 1] == '>';
}

/* Stands on "@", after the local part. */
static void read_bare(struct address_reader *r)
{
	struct address_list *list = r->list;
	size_t before = list->count;
	struct span spec = { NULL, 0 }, display;

	r->at++;
	read_domain(r);
	skip_cfws(r);
	display = comment_display(r);
	take_spec(r, display);
	if (list->count > before)
		spec = list->items[before].spec;
	if (peek(r) == '<' && repeats_itself(r, spec)) {
		r->at += spec.len + 2;
		list->items[before].display = display = spec;
	}
	note_display(r, display);
}

static void start_group(struct address_reader *r)
{
	r->at++;
	if (r->in_group || r->phrase.len == 0)
		damage(r);
	r->in_group = true;
	r->group = make_display(r);
	r->list->group_count++;
	note_display(r, r->group);
}

/* One mailbox, or the head of a group. True when a separator must follow. */
static bool read_element(struct address_reader *r)
{
	int c = read_words(r);
	struct span display;

	if (c == ':') {
		start_group(r);
		return false;
	}
	if (c == '@') {
		read_bare(r);
		return true;
	}
	display = make_display(r);
	note_display(r, display);
	if (c == '<')
		read_angle(r, display);
	else
		damage(r);
	return true;
}

static void end_group(struct address_reader *r)
{
	if (!r->in_group)
		damage(r);
	r->in_group = false;
	r->group = (struct span){ NULL, 0 };
}

static void read_list(struct address_reader *r)
{
	bool need_comma = false;

	for (skip_cfws(r); peek(r) != END; skip_cfws(r)) {
		int c = peek(r);

		if (c == ',' || c == ';') {
			if (c == ';')
				end_group(r);
			need_comma = c == ';';
			r->at++;
			continue;
		}
		if (need_comma)
			damage(r);
		need_comma = read_element(r);
	}
	if (r->in_group)
		damage(r);
}

/* Octets on which readers disagree: NUL ends the text for some, a bare CR or an LF without a following blank the line. */
static bool has_odd_octets(struct span in)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i], next = i + 1 < in.len ? in.ptr[i + 1] : ' ';

		if (c == '\0' || (c == '\r' && next != '\n' && i + 1 < in.len) || (c == '\n' && next != ' ' && next != '\t'))
			return true;
	}
	return false;
}

void address_list_parse(struct arena *a, struct span value, struct address_list *list_r)
{
	struct address_reader r = { .a = a, .in = value, .list = list_r };

	*list_r = (struct address_list){ .damaged = has_odd_octets(value) };
	r.slots = arena_array(a, ADDRESS_SLOTS, sizeof(*r.slots));
	buf_init(&r.phrase, 2 * value.len);
	buf_init(&r.local, value.len);
	buf_init(&r.domain, value.len + 2);
	read_list(&r);
	if (list_r->damaged || list_r->too_many)
		address_scan(&r);
	list_r->damaged = list_r->damaged || list_r->too_many;
	buf_done(&r.phrase);
	buf_done(&r.local);
	buf_done(&r.domain);
}
