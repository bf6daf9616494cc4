/* SPDX-License-Identifier: BSD-2-Clause */
/* libspf2 evaluates, but it sees nothing that a stranger wrote. Each record is handed to it rewritten: every term that needs DNS stands
 * under a name of ours ("a:t3.r0.x" is term 3 of record 0), so that its question tells which term is reached, and macros, counting
 * and DNS are done here; of the ip4, ip6 and all terms only the first that matches is kept, since nothing after it can count. So
 * no record is longer than the 511 bytes that libspf2 compiles, "/0" does not occur, and redirect= comes last.
 * A verdict of the guard ends the evaluation: libspf2 is told that DNS failed, and its result is not used. */
#include "mitigations/auth/spf_int.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HAVE_NS_TYPE 1
#include <spf2/spf.h>
#include <spf2/spf_dns.h>

#define REWRITTEN_MAX_BYTES 1024
#define PLENTY 1000 /* libspf2's own limits, which count by record, are out of the way */

bool spf_client_read(const char *text, struct spf_client *client_r)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*client_r = (struct spf_client){ 0 };
	if (text == NULL)
		return false;
	if (inet_pton(AF_INET, text, client_r->address) == 1)
		return true;
	if (inet_pton(AF_INET6, text, client_r->address) != 1)
		return false;
	client_r->is_ip6 = memcmp(client_r->address, mapped, sizeof(mapped)) != 0;
	if (!client_r->is_ip6)
		memcpy(client_r->address, client_r->address + 12, 4);
	return true;
}

bool spf_client_matches(const struct spf_client *client, const uint8_t *address, unsigned prefix)
{
	unsigned whole = prefix / 8, bits = prefix % 8;

	if (memcmp(client->address, address, whole) != 0)
		return false;
	return bits == 0 || (client->address[whole] ^ address[whole]) >> (8 - bits) == 0;
}

/* -- Rewriting -- */

static const char *const names[] = {
	[SPF_KIND_INCLUDE] = "include", [SPF_KIND_A] = "a", [SPF_KIND_MX] = "mx", [SPF_KIND_EXISTS] = "exists",
	[SPF_KIND_PTR] = "exists", /* decided here: %{p} needs the same list of names */
};

static bool is_static_match(const struct spf_guard *g, const struct spf_term *term)
{
	if (term->kind == SPF_KIND_IP4)
		return !g->client.is_ip6 && spf_client_matches(&g->client, term->address, term->prefix4);
	if (term->kind == SPF_KIND_IP6)
		return g->client.is_ip6 && spf_client_matches(&g->client, term->address, term->prefix6);
	return term->kind == SPF_KIND_ALL;
}

static void put_dns_term(const struct spf_guard *g, const struct spf_term *term, unsigned number, unsigned record, struct buf *out)
{
	unsigned prefix = g->client.is_ip6 ? term->prefix6 : term->prefix4;
	bool has_prefix = prefix > 0 && prefix < (g->client.is_ip6 ? 128 : 32);

	buf_printf(out, " %c%s:t%u.r%u.x", term->qualifier, names[term->kind], number, record);
	if (has_prefix && (term->kind == SPF_KIND_A || term->kind == SPF_KIND_MX))
		buf_printf(out, "%s%u", g->client.is_ip6 ? "//" : "/", prefix);
}

static void put_static_term(const struct spf_term *term, struct buf *out)
{
	bool is_ip6 = term->kind == SPF_KIND_IP6;
	unsigned prefix = is_ip6 ? term->prefix6 : term->prefix4;
	char text[INET6_ADDRSTRLEN];

	if (term->kind == SPF_KIND_ALL || prefix == 0) {
		buf_printf(out, " %call", term->qualifier);
		return;
	}
	inet_ntop(is_ip6 ? AF_INET6 : AF_INET, term->address, text, sizeof(text));
	buf_printf(out, " %c%s:%s/%u", term->qualifier, is_ip6 ? "ip6" : "ip4", text, prefix);
}

/* The terms that need DNS, up to the one that must exceed the limit; a marker that is asked for when none of them matched; the end.
 * Returns the number of terms written. */
static unsigned rewrite(const struct spf_guard *g, struct spf_loaded *loaded, struct buf *out)
{
	unsigned record = (unsigned)(loaded - g->loaded), written = 0;

	buf_put_text(out, "v=spf1");
	for (size_t i = 0; i < loaded->record.count && loaded->terminal == NULL && written <= SPF_TERMS_MAX; i++) {
		const struct spf_term *term = &loaded->record.terms[i];

		if (is_static_match(g, term))
			loaded->terminal = term;
		else if (term->kind != SPF_KIND_IP4 && term->kind != SPF_KIND_IP6) {
			put_dns_term(g, term, (unsigned)i, record, out);
			written++;
		}
	}
	loaded->is_through = written == 0;
	if (written > 0) {
		buf_printf(out, " exists:e.r%u.x", record);
		written++;
	}
	if (loaded->terminal != NULL)
		put_static_term(loaded->terminal, out);
	else if (loaded->record.redirect.text.len > 0)
		buf_printf(out, " redirect=q.r%u.x", record);
	else
		return written;
	return written + 1;
}

static SPF_errcode_t compile(struct spf_guard *g, SPF_server_t *server, SPF_response_t *response, struct spf_loaded *loaded, SPF_record_t **record_r)
{
	SPF_errcode_t error;
	unsigned terms;
	struct buf out;

	buf_init(&out, REWRITTEN_MAX_BYTES);
	terms = rewrite(g, loaded, &out);
	error = SPF_record_compile(server, response, record_r, buf_text(&out));
	/* libspf2 drops what it cannot hold without a word: all must be there. */
	if (error == SPF_E_SUCCESS && (buf_overflowed(&out) || (*record_r)->num_mech != terms))
		error = SPF_E_BIG_MECH;
	if (error != SPF_E_SUCCESS)
		spf_guard_decide(g, AUTH_TEMPERROR, "libspf2 does not take the record of %s", loaded->domain);
	buf_done(&out);
	return error;
}

/* -- Questions of libspf2 -- */

static SPF_dns_rr_t *new_answer(SPF_dns_server_t *layer, const char *name, ns_type type, SPF_dns_stat_t status)
{
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(layer, name, type, 0, status);

	if (rr == NULL)
		fail_environment("out of memory");
	return rr;
}

static SPF_dns_rr_data_t *add_data(SPF_dns_rr_t *rr, size_t size)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, size < sizeof(SPF_dns_rr_data_t) ? sizeof(SPF_dns_rr_data_t) : size) != SPF_E_SUCCESS)
		fail_environment("out of memory");
	rr->herrno = NETDB_SUCCESS;
	return rr->rr[rr->num_rr++];
}

static void add_address(SPF_dns_rr_t *rr, const uint8_t *address)
{
	SPF_dns_rr_data_t *data = add_data(rr, sizeof(*data));

	if (rr->rr_type == ns_t_a)
		memcpy(&data->a, address, sizeof(data->a));
	else
		memcpy(&data->aaaa, address, sizeof(data->aaaa));
}

/* What is being asked about. */
struct asked {
	struct spf_guard *g;
	struct spf_loaded *in;
	const struct spf_term *term;
	SPF_dns_rr_t *rr; /* to be filled; empty at first */
};

static bool is_void(const struct dns_answer *answer)
{
	return answer->status == DNS_NODATA || answer->status == DNS_NXDOMAIN;
}

/* A failure of what was asked in the name of a term ends the check; false then. */
static bool is_answered(const struct asked *q, const char *name, const struct dns_answer *answer)
{
	if (dns_is_temporary(answer->status))
		spf_guard_decide(q->g, AUTH_TEMPERROR, "DNS %s for %s, asked for by %.*s in the record of %s", dns_status_name(answer->status), name,
			(int)(q->term->text.len > 120 ? 120 : q->term->text.len), q->term->text.ptr, q->in->domain);
	return !q->g->is_decided;
}

static bool ask(const struct asked *q, const char *name, enum dns_type type, struct dns_answer *answer_r)
{
	spf_guard_ask(q->g, name, type, answer_r);
	return is_answered(q, name, answer_r);
}

/* With a prefix of 0 any address will do, which libspf2 cannot say: it gets the client's own. */
static void give_addresses(const struct asked *q, const struct dns_answer *answer)
{
	unsigned prefix = q->g->client.is_ip6 ? q->term->prefix6 : q->term->prefix4;

	for (size_t i = 0; i < answer->count; i++)
		add_address(q->rr, prefix == 0 ? q->g->client.address : answer->records[i].data);
}

static void answer_a(const struct asked *q, const char *name)
{
	struct dns_answer answer;

	if (!ask(q, name, q->g->client.is_ip6 ? DNS_AAAA : DNS_A, &answer))
		return;
	if (is_void(&answer))
		spf_guard_count_void(q->g, q->term);
	give_addresses(q, &answer);
}

static void answer_exists(const struct asked *q, const char *name)
{
	static const uint8_t there[4] = { 127, 0, 0, 2 };
	struct dns_answer answer;

	if (!ask(q, name, DNS_A, &answer))
		return;
	if (is_void(&answer))
		spf_guard_count_void(q->g, q->term);
	if (answer.count > 0)
		add_address(q->rr, there);
}

static void answer_ptr(const struct asked *q, const char *name)
{
	static const uint8_t there[4] = { 127, 0, 0, 2 };
	bool is_void_ptr;

	if (spf_guard_has_name(q->g, name, &is_void_ptr))
		add_address(q->rr, there);
	if (is_void_ptr)
		spf_guard_count_void(q->g, q->term);
}

/* The hosts go to libspf2 under names of ours as well. */
static void answer_mx(const struct asked *q, const char *name)
{
	struct spf_guard *g = q->g;
	struct dns_answer answer;

	if (!ask(q, name, DNS_MX, &answer))
		return;
	if (is_void(&answer))
		spf_guard_count_void(g, q->term);
	if (answer.count > SPF_HOSTS_MAX)
		spf_guard_decide(g, AUTH_PERMERROR, "%s has more than %d MX records", name, SPF_HOSTS_MAX);
	q->in->hosts = arena_array(g->scratch, answer.count, sizeof(*q->in->hosts));
	q->in->host_count = 0;
	q->in->has_addresses = false;
	for (size_t i = 0; i < answer.count && !g->is_decided; i++) {
		char host[64];
		unsigned preference;

		if (!dns_mx(g->scratch, &answer.records[i], &preference, &q->in->hosts[i]))
			q->in->hosts[i] = "";
		q->in->host_count++;
		snprintf(host, sizeof(host), "h%zu.t%u.r%u.x", i, (unsigned)(q->term - q->in->record.terms), (unsigned)(q->in - g->loaded));
		memcpy(add_data(q->rr, strlen(host) + 1)->mx, host, strlen(host) + 1);
	}
}

/* One host of an MX answer. A term counts once as void, when none of its hosts has an address. "MX 0 ." has none (RFC 7505). */
static void answer_mx_host(const struct asked *q, unsigned number)
{
	struct dns_answer answer = { .status = DNS_NODATA };
	const char *host;

	if (number >= q->in->host_count)
		return;
	host = q->in->hosts[number];
	if (host[0] != '\0')
		spf_guard_ask_host(q->g, host, q->g->client.is_ip6 ? DNS_AAAA : DNS_A, &answer);
	if (!is_answered(q, host, &answer))
		return;
	q->in->has_addresses = q->in->has_addresses || answer.count > 0;
	if (number + 1 == q->in->host_count && !q->in->has_addresses)
		spf_guard_count_void(q->g, q->term);
	give_addresses(q, &answer);
}

static void answer_term(const struct asked *q)
{
	static void (*const answers[])(const struct asked *, const char *) = {
		[SPF_KIND_A] = answer_a, [SPF_KIND_MX] = answer_mx, [SPF_KIND_PTR] = answer_ptr, [SPF_KIND_EXISTS] = answer_exists,
	};
	const char *name;

	if (!spf_guard_count(q->g, q->in, q->term))
		return;
	name = spf_guard_name(q->g, q->in, q->term->domain);
	if (name != NULL)
		answers[q->term->kind](q, name);
}

/* libspf2 asks only for names that rewrite and answer_mx made. */
static SPF_dns_rr_t *look_up(SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache)
{
	struct spf_guard *g = layer->hook;
	struct asked q = { g, NULL, NULL, new_answer(layer, name, type, NO_DATA) };
	unsigned host, term, record;
	bool is_host = sscanf(name, "h%u.t%u.r%u.x", &host, &term, &record) == 3;

	(void)should_cache;
	if (is_host || sscanf(name, "t%u.r%u.x", &term, &record) == 2) {
		q.in = &g->loaded[record];
		q.term = &q.in->record.terms[term];
	}
	if (!g->is_decided && is_host)
		answer_mx_host(&q, host);
	else if (!g->is_decided && q.term != NULL)
		answer_term(&q);
	else if (sscanf(name, "e.r%u.x", &record) == 1)
		g->loaded[record].is_through = true;
	if (g->is_decided)
		q.rr->herrno = TRY_AGAIN;
	return q.rr;
}

/* include and redirect: 5.2 and 6.1 make "no record there" a permanent error. */
static SPF_errcode_t get_record(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response, SPF_record_t **record_r)
{
	struct spf_guard *g = server->resolver->hook;
	const struct spf_term *term;
	struct spf_loaded *in;
	unsigned number, record;
	const char *name;

	*record_r = NULL;
	if (sscanf(request->cur_dom, "q.r%u.x", &record) == 1)
		term = &g->loaded[record].record.redirect;
	else if (sscanf(request->cur_dom, "t%u.r%u.x", &number, &record) == 2)
		term = &g->loaded[record].record.terms[number];
	else
		return SPF_E_DNS_ERROR;
	in = &g->loaded[record];
	if (!spf_guard_count(g, in, term))
		return SPF_E_DNS_ERROR;
	name = spf_guard_name(g, in, term->domain);
	in->next = name == NULL ? NULL : spf_guard_load(g, name);
	if (in->next == NULL)
		spf_guard_decide(g, AUTH_PERMERROR, "%.*s in the record of %s leads to no SPF record", (int)(term->text.len > 120 ? 120 : term->text.len),
			term->text.ptr, in->domain);
	if (g->is_decided || compile(g, server, response, in->next, record_r) != SPF_E_SUCCESS)
		return SPF_E_DNS_ERROR;
	return SPF_E_SUCCESS;
}

/* -- Running -- */

/* libspf2 asks for the host's name with this room and aborts the process when it does not fit; Linux allows one character more. */
#define HOST_NAME_ROOM_BYTES 64

static bool is_host_name_safe(struct spf_guard *g)
{
	char name[HOST_NAME_ROOM_BYTES];

	if (gethostname(name, sizeof(name)) == 0)
		return true;
	spf_guard_decide(g, AUTH_TEMPERROR, "this host's name is too long for libspf2: give it one of less than %d characters", HOST_NAME_ROOM_BYTES);
	return false;
}

static SPF_server_t *new_server(SPF_dns_server_t *layer)
{
	SPF_response_t *messages = NULL;
	SPF_server_t *server = SPF_server_new_dns(layer, 0);

	if (server == NULL)
		fail_environment("out of memory");
	SPF_server_set_explanation(server, "x", &messages); /* never used, but libspf2 expands its own with every result */
	if (messages != NULL)
		SPF_response_free(messages);
	SPF_server_set_max_dns_mech(server, PLENTY);
	SPF_server_set_max_dns_mx(server, PLENTY);
	return server;
}

static SPF_request_t *new_request(SPF_server_t *server, const struct spf_client *client)
{
	SPF_request_t *request = SPF_request_new(server);
	struct in6_addr ip6;
	struct in_addr ip4;

	if (request == NULL)
		fail_environment("out of memory");
	memcpy(&ip6, client->address, sizeof(ip6));
	memcpy(&ip4, client->address, sizeof(ip4));
	if (client->is_ip6)
		SPF_request_set_ipv6(request, ip6);
	else
		SPF_request_set_ipv4(request, ip4);
	request->cur_dom = "r0.x";
	return request;
}

static enum auth_result result_of(SPF_result_t result)
{
	static const enum auth_result results[] = {
		[SPF_RESULT_INVALID] = AUTH_TEMPERROR, [SPF_RESULT_NEUTRAL] = AUTH_NEUTRAL, [SPF_RESULT_PASS] = AUTH_PASS, [SPF_RESULT_FAIL] = AUTH_FAIL,
		[SPF_RESULT_SOFTFAIL] = AUTH_SOFTFAIL, [SPF_RESULT_NONE] = AUTH_TEMPERROR, [SPF_RESULT_TEMPERROR] = AUTH_TEMPERROR,
		[SPF_RESULT_PERMERROR] = AUTH_PERMERROR,
	};

	return (size_t)result < sizeof(results) / sizeof(results[0]) ? results[result] : AUTH_TEMPERROR;
}

/* Not by SPF_request_query_mailfrom, which lets every loopback client pass. */
static enum auth_result run(struct spf_guard *g, struct spf_loaded *top)
{
	SPF_dns_server_t layer = { .lookup = look_up, .get_spf = get_record, .name = "guard", .hook = g };
	SPF_server_t *server = new_server(&layer);
	SPF_request_t *request = new_request(server, &g->client);
	SPF_response_t *response = SPF_response_new(request);
	SPF_record_t *record = NULL;
	enum auth_result result = AUTH_TEMPERROR;

	if (response == NULL)
		fail_environment("out of memory");
	if (compile(g, server, response, top, &record) == SPF_E_SUCCESS) {
		response->spf_record_exp = record;
		SPF_record_interpret(record, request, response, 0);
		result = result_of(SPF_response_result(response));
	}
	if (record != NULL)
		SPF_record_free(record);
	SPF_response_free(response);
	SPF_request_free(request);
	SPF_server_free(server);
	return result;
}

enum auth_result spf_eval_run(struct spf_guard *g, struct spf_loaded *top)
{
	enum auth_result result = is_host_name_safe(g) ? run(g, top) : AUTH_TEMPERROR;

	return g->is_decided ? g->verdict : result;
}
