/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/dkim_library.h"
#include "mail/fail.h"
#include "mitigations/auth/canon.h"
#include "mitigations/auth/dkim.h"

#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

/* Bodies with bare LF are gathered into pieces of this size. */
#define PIECE_BYTES ((size_t)16 << 10)
/* A field is at most 64 KB, and at most doubled when LF becomes CRLF. */
#define FED_FIELD_MAX_BYTES (2 * MESSAGE_FIELD_MAX_BYTES)
#define DNS_HEADER_BYTES 12

/* One message on its way through the library. The library keeps one DNS service for each DKIM_LIB, and passes it to the DNS
 * functions: so each message has a DKIM_LIB of its own (about 1.5 microseconds), and there is neither global nor thread-local state. */
struct job {
	DKIM_LIB *lib;
	DKIM *dkim;
	const struct message *message;
	struct pubkey_queries *queries;
	struct library_signature *signatures;
	size_t count;
	size_t reply_bytes; /* of the answer written last; 0: no answer */
};

static size_t put16(uint8_t *out, size_t at, unsigned number)
{
	out[at] = (uint8_t)(number >> 8);
	out[at + 1] = (uint8_t)number;
	return at + 2;
}

/* A name as labels; 0 when it is none or does not fit. */
static size_t put_name(uint8_t *out, size_t at, size_t size, const char *name)
{
	struct span rest = span_of(name), label;

	while (span_next(&rest, '.', &label)) {
		if (label.len == 0 || label.len > 63 || size - at < label.len + 2)
			return 0;
		out[at++] = (uint8_t)label.len;
		memcpy(out + at, label.ptr, label.len);
		at += label.len;
	}
	out[at++] = 0;
	return at;
}

/* An answer as a DNS message, since that is what the library reads. 0: it does not fit. Never more than size: the library does not check (upstream issue 434). */
static size_t write_reply(const struct dns_answer *answer, const char *name, uint8_t *out, size_t size)
{
	bool found = answer->status == DNS_OK;
	size_t at;

	if (size < DNS_HEADER_BYTES + 4)
		return 0;
	memset(out, 0, DNS_HEADER_BYTES);
	put16(out, 2, 0x8180u | (answer->status == DNS_NXDOMAIN ? 3u : 0u)); /* response, recursion desired and available */
	put16(out, 4, 1);
	put16(out, 6, found ? (unsigned)answer->count : 0);
	at = put_name(out, DNS_HEADER_BYTES, size - 4, name);
	if (at == 0)
		return 0;
	at = put16(out, put16(out, at, DNS_TXT), 1);
	for (size_t i = 0; found && i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		if (record->len > 0xffff || size - at < record->len + 12)
			return 0;
		at = put16(out, put16(out, put16(out, at, 0xc000 | DNS_HEADER_BYTES), DNS_TXT), 1);
		at = put16(out, put16(out, at, 0), 0); /* TTL: nothing is cached */
		at = put16(out, at, (unsigned)record->len);
		memcpy(out + at, record->data, record->len);
		at += record->len;
	}
	return at;
}

static int query_start(void *service, int type, unsigned char *query, unsigned char *out, size_t size, void **handle_r)
{
	struct job *job = service;
	const struct dns_answer *answer = type != DNS_TXT ? NULL : pubkey_queries_answer(job->queries, (const char *)query);

	job->reply_bytes = answer == NULL || dns_is_temporary(answer->status) ? 0 : write_reply(answer, (const char *)query, out, size);
	*handle_r = job;
	return DKIM_DNS_SUCCESS;
}

static int query_wait(void *service, void *handle, struct timeval *timeout, size_t *bytes_r, int *error_r, int *dnssec_r)
{
	struct job *job = service;

	(void)handle;
	(void)timeout;
	*error_r = 0;
	*dnssec_r = DKIM_DNSSEC_UNKNOWN;
	*bytes_r = job->reply_bytes;
	return job->reply_bytes == 0 ? DKIM_DNS_ERROR : DKIM_DNS_SUCCESS;
}

static int query_cancel(void *service, void *handle)
{
	(void)service;
	(void)handle;
	return DKIM_DNS_SUCCESS;
}

static void service_close(void *service)
{
	(void)service;
}

static bool job_open(struct job *job)
{
	/* Every signature has a handle, and all are processed at the end, so that one that cannot be does not stop the others. */
	unsigned flags = DKIM_LIBFLAGS_BADSIGHANDLES | DKIM_LIBFLAGS_DELAYSIGPROC;
	DKIM_STAT status;

	job->lib = dkim_init(NULL, NULL);
	if (job->lib == NULL)
		fail_environment("out of memory");
	dkim_options(job->lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
	dkim_dns_set_query_service(job->lib, job);
	dkim_dns_set_query_start(job->lib, query_start);
	dkim_dns_set_query_waitreply(job->lib, query_wait);
	dkim_dns_set_query_cancel(job->lib, query_cancel);
	dkim_dns_set_close(job->lib, service_close);
	job->dkim = dkim_verify(job->lib, (const unsigned char *)"-", NULL, &status);
	return job->dkim != NULL;
}

static void job_close(struct job *job)
{
	if (job->dkim != NULL)
		dkim_free(job->dkim);
	dkim_close(job->lib);
}

static bool is_left_out(const struct job *job, const struct field *f)
{
	if (!span_eq_text_nocase(f->name, DKIM_SIGNHEADER))
		return false;
	for (size_t i = 0; i < job->count; i++)
		if (job->signatures[i].field == f)
			return false;
	return true;
}

static bool feed_header(struct job *job)
{
	/* The library writes one pointer past an array of as many elements as there are fields when h= names all fields and one more. A field
	 * that h= cannot name keeps the array longer: white space within names in h= is dropped by the library. */
	unsigned char spare[] = "x y: z";
	struct buf text;
	bool ok = dkim_header(job->dkim, spare, sizeof(spare) - 1) == DKIM_STAT_OK;

	buf_init(&text, FED_FIELD_MAX_BYTES);
	for (size_t i = 0; ok && i < job->message->field_count; i++) {
		const struct field *f = &job->message->fields[i];
		DKIM_STAT status;

		if (is_left_out(job, f))
			continue;
		buf_reset(&text);
		canon_field(&text, span_sub(f->raw, 0, span_find_byte(f->raw, ':')), f->value, CANON_SIMPLE);
		status = buf_overflowed(&text) ? DKIM_STAT_NORESOURCE : dkim_header(job->dkim, (unsigned char *)text.ptr, text.len - 2);
		/* SYNTAX is a field or a signature that cannot be read: the field counts as not there, the signature fails by itself. */
		ok = status == DKIM_STAT_OK || status == DKIM_STAT_SYNTAX;
	}
	buf_done(&text);
	return ok && dkim_eoh(job->dkim) == DKIM_STAT_OK;
}

static bool feed(struct job *job, const char *ptr, size_t count)
{
	return count == 0 || dkim_body(job->dkim, (unsigned char *)(uintptr_t)ptr, count) == DKIM_STAT_OK;
}

/* One slice of the body, with bare LF made CRLF. last: the octet before the slice. */
static bool feed_slice(struct job *job, struct buf *piece, struct span slice, char last)
{
	bool ok = true;
	size_t at;

	for (size_t from = 0; ok && from < slice.len; from = at + 1) {
		struct span rest = span_sub(slice, from, slice.len);
		char before;

		at = from + span_find_byte(rest, '\n');
		before = at > 0 ? slice.ptr[at - 1] : last;
		buf_put(piece, span_sub(slice, from, at - from));
		if (at < slice.len)
			buf_put_text(piece, before == '\r' ? "\n" : "\r\n");
		if (piece->len >= PIECE_BYTES) {
			ok = feed(job, piece->ptr, piece->len);
			buf_reset(piece);
		}
	}
	ok = ok && feed(job, piece->ptr, piece->len);
	buf_reset(piece);
	return ok;
}

static bool has_bare_lf(struct span slice, char last)
{
	size_t at = 0;

	for (struct span rest = slice; (at = span_find_byte(rest, '\n')) < rest.len; rest = span_sub(rest, at + 1, rest.len)) {
		char before = at > 0 ? rest.ptr[at - 1] : rest.ptr == slice.ptr ? last : '\n';

		if (before != '\r')
			return true;
	}
	return false;
}

static bool feed_body(struct job *job)
{
	struct buf piece;
	char last = '\n';
	bool ok = true;

	buf_init(&piece, SIZE_MAX / 4);
	for (size_t i = 0; ok && i < job->message->body_count; i++) {
		struct span slice = { job->message->body[i].iov_base, job->message->body[i].iov_len };

		if (slice.len == 0)
			continue;
		ok = has_bare_lf(slice, last) ? feed_slice(job, &piece, slice, last) : feed(job, slice.ptr, slice.len);
		last = slice.ptr[slice.len - 1];
	}
	buf_done(&piece);
	return ok;
}

/* The result of dkim_eom speaks of one signature only; each has to be asked. The library's list has one entry for each signature that was fed, in that order
 * (BADSIGHANDLES). */
static void read_results(struct job *job)
{
	DKIM_SIGINFO **list;
	int count;

	dkim_eom(job->dkim, NULL);
	if (dkim_getsiglist(job->dkim, &list, &count) != DKIM_STAT_OK || count < 0 || (size_t)count != job->count)
		return;
	for (size_t i = 0; i < job->count; i++)
		job->signatures[i].passes_r = DKIM_SIG_CHECK(list[i]) && dkim_sig_geterror(list[i]) == DKIM_SIGERROR_OK;
}

void library_verify(const struct message *m, struct pubkey_queries *queries, struct library_signature *signatures, size_t count)
{
	struct job job = { .message = m, .queries = queries, .signatures = signatures, .count = count };

	for (size_t i = 0; i < count; i++)
		signatures[i].passes_r = false;
	/* The library takes fields for NUL-ended text: what follows a NUL would not be covered. */
	if (count == 0 || memchr(m->head.ptr, '\0', m->head.len) != NULL)
		return;
	if (job_open(&job) && feed_header(&job) && feed_body(&job))
		read_results(&job);
	job_close(&job);
}

int dkim_library_check(struct fail *why)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	bool ok = lib != NULL && dkim_libfeature(lib, DKIM_FEATURE_SHA256) && dkim_libfeature(lib, DKIM_FEATURE_ED25519);

	if (lib != NULL)
		dkim_close(lib);
	return ok ? 0 : fail_permanent(why, "libopendkim was built without SHA-256 or ed25519: install 2.11.0 or later");
}
