/* SPDX-License-Identifier: BSD-2-Clause */
/* A described post, made: its bytes, where it came from, its signatures, the records that go with it. */
#include "mitigations/compare/described.h"

#include "mail/buf.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/idna.h"
#include "mitigations/auth/draft.h"

#include <string.h>

#define POST_MAX_BYTES ((size_t)1 << 20) /* forty lines of 8 KB, and the shape */
#define SELECTOR "described"
#define AUTHOR_IP "192.0.2.10"
#define STRANGER_IP "198.51.100.66"
#define USUAL_FIELDS "From:To:Subject:Date:Message-ID:MIME-Version:Content-Type"
/* What Exim's defaults name (dkim_sign_headers), there or not. */
#define OVERSIGNED_FIELDS "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:Content-ID:" \
	"Content-Description:Resent-Date:Resent-From:Resent-Sender:Resent-To:Resent-Cc:Resent-Message-ID:In-Reply-To:References:List-Id:List-Help:List-Unsubscribe:" \
	"List-Subscribe:List-Post:List-Owner:List-Archive"

/* Published with the sources: they prove nothing about anybody. */
static const char rsa_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCwcTr5IdRx80BR\n"
	"dizFDktCS2Es0QoZqCVKW+CtzeHiSLAFgM+qENMNu+hHEJWJ9UAQhoZDnM5HoEa5\n"
	"bs6yI5QRjrvEUd6FTdihGi4U255+zerSWO5DzQpuAdraJQW5aN5ofcsEWwmQL9c2\n"
	"rI/42S3dk5Sg1/1U68L1R1OnS69StDF5fTQbdYSceXoVh2zDofM7VO92yP/mm8cI\n"
	"9C5F0Ih3RGnkCTKDJZyF+D+U2azoKpGCTXhFn2VcSe1ykmBbmhk0VXE/cONkXXDU\n"
	"+9AJrKyirM/btSewbGxam/iJFtwdNoQbcySbcfvVFvSmO6tbHK2QXaxfr1qHCW3r\n"
	"w4mKcovjAgMBAAECggEAK804TC+7SzyNi4uQSq0lPsRyz8rnPH5TH5YWfV8+g8vy\n"
	"srMLGpeJpX+wBrBVx0VUjaWvwCo1xW9DD3a0JmIRuJgcAf0nBiXQsRHMPc5Vlvos\n"
	"oOKF59wHik64k24ccS5ZBEyyMRcelSZjQYXuSeM0cSzZeWKVV9cdc4GtATuXPyrk\n"
	"1hwLcX4YGO8A8TBXKINj/Xida4/ymQG48uQt/GP79E2BJeiWUg2OFMccLDEnMro2\n"
	"j42mulA/cwUN3BUQ6jdQ6+crCHEC2JhZduKiCDFVLI/1cQjpMXG1Waa0ax6LnCxj\n"
	"pqzPN+P2nxnBudBdy99z/1j70JJnS9E0CfiVP7+IAQKBgQD30yglVyVjoH1vhvt3\n"
	"0qy/IBtTnjkx5aAiHWijcut8xHvI2yCmnoVAjqeOU5cxIk9xz0BHCBp19Vs2/UDK\n"
	"WpbqfKIybvhQRIHmIOMkqocPdHvzWohtllt7gAWwAisz5PKvvOyPK3KZF2nhEZQL\n"
	"sZGhSARI7KKlVEFGXD4eQWuYAQKBgQC2Q0JI+Er5Zw8zVLlg0IkAg3my8SxdddFj\n"
	"gAy2aJb6pyP2omY1zAjcY73o2YOSqUhb+dL174+PXAk0VfnO+c9feg6ahBfAwREs\n"
	"aniPQYsxcd1nLUs/y9VfGmQ2q62QNnCRG++bwoJG3YyWJfc5ogykp8AkonKiE7CH\n"
	"3yFbY0LD4wKBgBcSFDmtrDBjH2pDgaN8/FHqlkCpiR+JBehHHpeguiVqUS+4noiE\n"
	"V1lULmsEgx2y2Px6U7yJF5WFmtE6sE5mMohvw9W4GOu4BPO8egjOyzX4HRXhhrPU\n"
	"/H05xM3G1ejF1oXfq5IEdG2mDVhDf6m7BRijkKqNRPLpLg5zxeChLHgBAoGAXU4F\n"
	"SvHA//hgcbi3xfY7jIXB8XdBbP75mGRfHaphUCPsZ0Av7u5qwthUyjVAA/6hSmSU\n"
	"OM7QwWUuWRqCbhC4tnn3q+Zfeo/byM8gtMWrCj7uRvmLAjfJHYyXLN2qVp9n9QFG\n"
	"IojqxHh6lgsNivWIX2p5FMgMwygtQQFbRDuGXF0CgYAHYkDZ9snxvqJt+ZVsmTtK\n"
	"qKB7Z33xKO6yG/vvjnc1DeaM2o4Sj/akheDOu0kx+JK1SZh2p2+ra4lkHPX3oW6H\n"
	"BIftNiqvj271XfKO7Mh8jYR1iNyoQ77cr7r425hmLheu4xshg0z4j3UjjzkXD/Fq\n"
	"0/LLg4nnmzbzQXz6WsQObg==\n"
	"-----END PRIVATE KEY-----\n";
static const char ed25519_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEICxPn0Xi2SJ/XKenYvgaYK+rekg2DIfX8IxW9gzVIiz5\n"
	"-----END PRIVATE KEY-----\n";

int described_key(enum key_algorithm algorithm, const char *domain, const char *selector, struct key *key_r, struct fail *why)
{
	return key_from_pem(span_of(algorithm == KEY_RSA ? rsa_pem : ed25519_pem), domain, selector, key_r, why);
}

struct making {
	struct arena *arena;
	const struct described *post;
	const char *author, *domain; /* of the first author */
	struct buf text;
	struct resolver *zone;
	struct fail *why;
};

static const char *from_of(const struct described *post)
{
	return post->from != NULL ? post->from : post->shape->from != NULL ? post->shape->from : "Ann Lee <ann@bank.example>";
}

static int read_author(struct making *m)
{
	struct address_list list;

	address_list_parse(m->arena, span_of(from_of(m->post)), &list);
	m->author = list.count == 0 ? "" : arena_text(m->arena, list.items[0].spec);
	m->domain = list.count == 0 ? NULL : idna_to_ascii(m->arena, list.items[0].domain);
	return m->domain == NULL ? fail_permanent(m->why, "post %s: its author has no domain", m->post->name) : 0;
}

static int add_record(struct making *m, const char *line)
{
	if (resolver_zone_add(m->zone, span_of(line), m->why) == 0)
		return 0;
	return fail_prefix(m->why, "post %s: record %s", m->post->name, line);
}

static int add_policy(struct making *m)
{
	const char *policy = m->post->policy;

	if (strcmp(policy, "absent") == 0)
		return 0;
	if (strcmp(policy, "unknown") == 0)
		return add_record(m, arena_printf(m->arena, "_dmarc.%s ! SERVFAIL", m->domain));
	return add_record(m, arena_printf(m->arena, "_dmarc.%s TXT \"v=DMARC1; %s%s\"", m->domain, strncmp(policy, "p=", 2) == 0 ? "" : "p=", policy));
}

static int add_records(struct making *m)
{
	if (add_record(m, arena_printf(m->arena, "%s A " AUTHOR_IP, m->domain)) != 0 || add_policy(m) != 0
		|| add_record(m, arena_printf(m->arena, "%s TXT \"v=spf1 ip4:" AUTHOR_IP " -all\"", m->domain)) != 0)
		return -1;
	for (size_t i = 0; i < m->post->record_count; i++)
		if (add_record(m, m->post->records[i]) != 0)
			return -1;
	return 0;
}

/* A mailbox as a mail program writes it; what is no single mailbox goes in as it stands. */
static struct span from_value(struct making *m)
{
	struct span text = span_of(from_of(m->post));
	struct address_list list;

	address_list_parse(m->arena, text, &list);
	return list.count == 1 && !list.damaged ? address_format(m->arena, list.items[0].display, list.items[0].spec) : text;
}

static void put_field(struct making *m, const char *name, struct span value)
{
	buf_put(&m->text, header_fold(m->arena, name, value, "\r\n"));
	buf_put_text(&m->text, "\r\n");
}

static void put_lines(struct making *m, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_put_byte(&m->text, '\r');
		buf_put_byte(&m->text, *text);
	}
}

static void write_message(struct making *m)
{
	const struct described *post = m->post;

	put_field(m, "From", from_value(m));
	put_field(m, "To", span_of(post->to));
	put_field(m, "Subject", header_text(m->arena, span_of(post->subject)));
	put_field(m, "Date", span_of(date_format(m->arena, DESCRIBED_NOW - 60)));
	put_field(m, "Message-ID", span_of(arena_printf(m->arena, "<described@%s>", m->domain)));
	for (size_t i = 0; i < post->field_count; i++)
		put_lines(m, arena_printf(m->arena, "%s\n", post->fields[i]));
	put_lines(m, post->shape->fields);
	put_lines(m, "\n");
	if (post->body_count == 0)
		put_lines(m, post->shape->body);
	for (size_t i = 0; i < post->body_count; i++)
		put_lines(m, arena_printf(m->arena, "%s\n", post->body[i]));
}

/* One that is broken was made over something else: its body hash is another. */
static int write_signature(struct making *m, const struct described_signature *s, const struct key *key, struct span bytes, struct span *field_r)
{
	struct span names = span_of(s->fields != NULL ? s->fields : s->oversigned ? OVERSIGNED_FIELDS : USUAL_FIELDS);
	enum canon header = s->simple_header ? CANON_SIMPLE : CANON_RELAXED, body = s->simple_body ? CANON_SIMPLE : CANON_RELAXED;
	struct message message;
	struct buf canonical;
	struct draft d;
	uint8_t hash[32];
	int result;

	if (message_parse(m->arena, bytes, &message, m->why) != 0)
		return -1;
	canon_body_sha256(message.body, message.body_count, body, s->length < 0 ? UINT64_MAX : (uint64_t)s->length, hash, NULL);
	hash[0] ^= s->is_broken;
	buf_init(&canonical, DRAFT_CANONICAL_MAX_BYTES);
	draft_init(&d, m->arena, "DKIM-Signature");
	d.canon = header;
	draft_tag(&d, "v", "1");
	draft_tag(&d, "a", "%s", key_algorithm_name(key->algorithm));
	draft_tag(&d, "c", "%s/%s", s->simple_header ? "simple" : "relaxed", s->simple_body ? "simple" : "relaxed");
	draft_tag(&d, "d", "%s", key->domain);
	draft_tag(&d, "s", "%s", key->selector);
	if (s->length >= 0)
		draft_tag(&d, "l", "%ld", s->length);
	draft_names(&d, "h", names);
	draft_hash(&d, "bh", hash);
	canon_fields(&canonical, &message, names, header);
	result = draft_sign(&d, key, &canonical, field_r, m->why);
	buf_done(&canonical);
	draft_done(&d);
	return result;
}

/* A signature on top of what is there, and its key's record: once for each domain, however many signatures are made with it. */
static int sign(struct making *m, size_t number, struct span *bytes)
{
	const struct described_signature *s = &m->post->signatures[number];
	const char *domain = s->domain == NULL ? m->domain : s->domain;
	struct span field, text;
	struct key key;
	int result;

	if (described_key(s->ed25519 ? KEY_ED25519 : KEY_RSA, domain, arena_printf(m->arena, SELECTOR "%zu", number), &key, m->why) != 0)
		return fail_prefix(m->why, "post %s: signature of %s", m->post->name, domain);
	result = write_signature(m, s, &key, *bytes, &field);
	if (result == 0)
		result = add_record(m, key_record(m->arena, &key));
	key_done(&key);
	if (result != 0)
		return -1;
	text = (struct span){ arena_alloc(m->arena, field.len + bytes->len + 1), field.len + bytes->len };
	memcpy((char *)(uintptr_t)text.ptr, field.ptr, field.len);
	memcpy((char *)(uintptr_t)text.ptr + field.len, bytes->ptr, bytes->len);
	*bytes = text;
	return 0;
}

/* By SPF: from the author's own host, with his envelope. Else it came through a forwarder, as many posts do. */
static struct session session_of(const struct making *m)
{
	if (m->post->by_spf || m->post->by_submission)
		return (struct session){ .client_ip = AUTHOR_IP, .helo = m->domain, .mail_from = m->author, .is_submission = m->post->by_submission };
	return (struct session){ .client_ip = STRANGER_IP, .helo = "forwarder.example", .mail_from = "bounce@forwarder.example" };
}

int described_make(struct arena *a, const struct described *post, struct described_post *post_r, struct fail *why)
{
	struct making m = { .arena = a, .post = post, .zone = resolver_zone_new(), .why = why };
	struct span bytes;
	int result;

	buf_init(&m.text, POST_MAX_BYTES);
	result = read_author(&m) == 0 ? add_records(&m) : -1;
	if (result == 0) {
		write_message(&m);
		bytes = arena_span(a, buf_span(&m.text));
		for (size_t i = post->signature_count; i > 0 && result == 0; i--)
			result = sign(&m, i - 1, &bytes);
	}
	buf_done(&m.text);
	if (result != 0) {
		resolver_free(m.zone);
		return -1;
	}
	*post_r = (struct described_post){ .bytes = bytes, .session = session_of(&m), .dns = m.zone };
	return 0;
}
