/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and RDATA in wire form. */
#include "mail/dns_int.h"

#include <string.h>

#define ROOM_BYTES (DNS_WIRE_MAX_BYTES - 1) /* the root label comes last */

/* One octet of a name in presentation form; false on a bad escape. */
static bool read_octet(const char **p, const char *end, uint8_t *octet_r)
{
	unsigned value = 0;

	if (**p != '\\') {
		*octet_r = (uint8_t)ascii_lower(*(*p)++);
		return true;
	}
	if (++*p == end)
		return false;
	if (**p < '0' || **p > '9') {
		*octet_r = (uint8_t)ascii_lower(*(*p)++);
		return true;
	}
	for (int i = 0; i < 3; i++, ++*p) {
		if (*p == end || **p < '0' || **p > '9')
			return false;
		value = value * 10 + (unsigned)(**p - '0');
	}
	*octet_r = (uint8_t)ascii_lower((char)value);
	return value <= 255;
}

/* One label and the dot behind it. */
static bool read_label(const char **p, const char *end, struct dns_wire *wire)
{
	size_t start = wire->len++;

	while (*p < end && **p != '.') {
		uint8_t octet;

		if (wire->len >= ROOM_BYTES || !read_octet(p, end, &octet))
			return false;
		wire->bytes[wire->len++] = octet;
	}
	if (*p < end)
		++*p;
	wire->bytes[start] = (uint8_t)(wire->len - start - 1);
	return wire->bytes[start] > 0 && wire->len - start - 1 <= DNS_LABEL_MAX_BYTES;
}

bool dns_wire_read(struct span text, struct dns_wire *wire_r)
{
	const char *p = text.ptr, *end = text.len == 0 ? p : p + text.len;
	struct dns_wire wire = { 0 };

	if (text.len == 1 && *p == '.')
		p = end;
	while (p < end)
		if (wire.len >= ROOM_BYTES || !read_label(&p, end, &wire))
			return false;
	wire.bytes[wire.len++] = 0;
	*wire_r = wire;
	return true;
}

size_t dns_wire_len(const uint8_t *data, size_t len)
{
	size_t at = 0;

	if (len > DNS_WIRE_MAX_BYTES)
		len = DNS_WIRE_MAX_BYTES;
	while (at < len && data[at] != 0) {
		if (data[at] > DNS_LABEL_MAX_BYTES)
			return 0;
		at += (size_t)data[at] + 1;
	}
	return at < len ? at + 1 : 0;
}

bool dns_wire_copy(const uint8_t *data, size_t len, struct dns_wire *wire_r)
{
	size_t name_len = dns_wire_len(data, len);

	if (name_len == 0)
		return false;
	wire_r->len = name_len;
	for (size_t at = 0; at < name_len; at++)
		wire_r->bytes[at] = (uint8_t)ascii_lower((char)data[at]);
	return true;
}

/* Lower case may not touch length octets: they are below 64, and the letters that ascii_lower changes are above. */
_Static_assert('A' > DNS_LABEL_MAX_BYTES, "length octets are no letters");

static char *write_octet(char *to, uint8_t octet)
{
	if (octet <= ' ' || octet >= 0x7f) {
		*to++ = '\\';
		*to++ = (char)('0' + octet / 100);
		*to++ = (char)('0' + octet / 10 % 10);
		*to++ = (char)('0' + octet % 10);
		return to;
	}
	if (octet == '.' || octet == '\\' || octet == '"')
		*to++ = '\\';
	*to++ = (char)octet;
	return to;
}

const char *dns_name(struct arena *a, const uint8_t *wire, size_t len)
{
	char text[4 * DNS_WIRE_MAX_BYTES], *to = text;
	struct dns_wire name;

	if (!dns_wire_copy(wire, len, &name))
		return NULL;
	for (size_t at = 0; name.bytes[at] != 0; at += (size_t)name.bytes[at] + 1) {
		if (at > 0)
			*to++ = '.';
		for (size_t i = 1; i <= name.bytes[at]; i++)
			to = write_octet(to, name.bytes[at + i]);
	}
	return arena_text(a, (struct span){ text, (size_t)(to - text) });
}

bool dns_mx(struct arena *a, const struct dns_record *record, unsigned *preference_r, const char **host_r)
{
	if (record->len < 3 || dns_wire_len(record->data + 2, record->len - 2) != record->len - 2)
		return false;
	*preference_r = (unsigned)record->data[0] << 8 | record->data[1];
	*host_r = dns_name(a, record->data + 2, record->len - 2);
	return true;
}

struct span dns_txt(struct arena *a, const struct dns_record *record)
{
	char *text = arena_alloc(a, record->len + 1);
	size_t len = 0;

	for (size_t at = 0; at < record->len; at += (size_t)record->data[at] + 1) {
		size_t part = record->data[at];

		if (part > record->len - at - 1)
			part = record->len - at - 1;
		memcpy(text + len, record->data + at + 1, part);
		len += part;
	}
	text[len] = '\0';
	return (struct span){ text, len };
}

static bool is_txt(const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len)
		at += (size_t)data[at] + 1;
	return len > 0 && at == len && len <= DNS_TXT_MAX_BYTES;
}

static bool is_name(const uint8_t *data, size_t len)
{
	return dns_wire_len(data, len) == len && len > 0;
}

static bool is_usable(enum dns_type type, const struct dns_record *record)
{
	switch (type) {
	case DNS_A:
		return record->len == 4;
	case DNS_AAAA:
		return record->len == 16;
	case DNS_TXT:
		return is_txt(record->data, record->len);
	case DNS_MX:
		return record->len > 2 && is_name(record->data + 2, record->len - 2);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return is_name(record->data, record->len);
	case DNS_SOA:
		return true;
	}
	return record->len <= DNS_TXT_MAX_BYTES;
}

void dns_answer_init(struct dns_answer *answer, enum dns_status status)
{
	*answer = (struct dns_answer){ .status = status, .canonical = "" };
}

/* Doubles at powers of two; the limit on the count keeps it small. */
static struct dns_record *room(struct dns_answer *answer, struct arena *a)
{
	size_t count = answer->count;

	if ((count & (count - 1)) == 0) {
		struct dns_record *bigger = arena_array(a, count == 0 ? 1 : 2 * count, sizeof(*bigger));

		if (count > 0)
			memcpy(bigger, answer->records, count * sizeof(*bigger));
		answer->records = bigger;
	}
	return &answer->records[answer->count++];
}

bool dns_answer_add(struct dns_answer *answer, struct arena *a, enum dns_type type, struct dns_record record)
{
	struct dns_record *copy;

	if (answer->count == DNS_RECORDS_MAX || !is_usable(type, &record)) {
		answer->status = DNS_SERVFAIL;
		answer->records = NULL;
		answer->count = 0;
		return false;
	}
	copy = room(answer, a);
	copy->data = (const uint8_t *)arena_span(a, (struct span){ (const char *)record.data, record.len }).ptr;
	copy->len = record.len;
	copy->ttl_secs = record.ttl_secs;
	return true;
}
