/* SPDX-License-Identifier: BSD-2-Clause */
/* facts: what is known of a message on arrival, and how it is written down. */
#include "tests/unit/check.h"
#include "tests/unit/tsv.h"

#include "mitigations/auth/facts.h"
#include "mitigations/sign.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REJECT(domain) "_dmarc." domain " TXT \"v=DMARC1; p=reject\"\n"

/* Keys of an author's domain, of a forwarder and of somebody else; made once. */
static const char *const domains[] = { "example.com", "forwarder.example", "evil.example" };
static struct key keys[COUNT(domains)];
static const struct keyring ring = { keys, COUNT(domains) };
static const struct clock the_clock = { .is_fixed = true, .fixed_secs = 1790000000 };

static int make_keys(void **state)
{
	struct fail why;

	(void)state;
	for (size_t i = 0; i < COUNT(domains); i++)
		if (key_generate(KEY_RSA, 2048, domains[i], "s", &keys[i], &why) != 0)
			fail_msg("%s", why.text);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(domains); i++)
		key_done(&keys[i]);
	return 0;
}

static struct span render(struct arena *a, const struct form *form)
{
	struct rendering rendering;
	struct fail why;

	if (form_render(form, a, &rendering, &why) != 0)
		fail_msg("%s", why.text);
	return rendering_bytes(a, &rendering);
}

static void start(struct arena *a, struct span bytes, struct form *form_r)
{
	struct message *m = arena_alloc(a, sizeof(*m));
	struct fail why;

	if (message_parse(a, bytes, m, &why) != 0)
		fail_msg("%s", why.text);
	form_init(form_r, a, m);
}

static struct span signed_by(struct arena *a, struct span bytes, const char *domain)
{
	struct form form;
	struct fail why;

	start(a, bytes, &form);
	if (sign_form(&form, &ring, domain, &the_clock, NULL, &why) != 0)
		fail_msg("%s", why.text);
	return render(a, &form);
}

/* One more ARC set, over what the chain so far is worth. */
static struct span sealed_over(struct arena *a, struct resolver *dns, struct span bytes, const char *domain, const char *results, const char *headers)
{
	struct arc_seal_request request = { .authserv_id = domain, .results = span_of(results), .key = keyring_find(&ring, domain, KEY_RSA), .headers = headers };
	struct arc_result chain;
	struct form form;
	struct fail why;
	bool sealed;

	start(a, bytes, &form);
	arc_validate(a, dns, &the_clock, form.of, &chain);
	request.chain = chain.result;
	if (arc_seal(&form, &the_clock, &request, &sealed, &why) != 0 || !sealed)
		fail_msg("not sealed");
	return render(a, &form);
}

static struct span sealed_by(struct arena *a, struct resolver *dns, struct span bytes, const char *domain, const char *results)
{
	return sealed_over(a, dns, bytes, domain, results, NULL);
}

struct seal { const char *domain, *results; };

static const struct facts_row {
	const char *name, *from; /* From fields and others, with line ends */
	const char *signer;      /* of the post, or NULL */
	bool changed;            /* the body was changed after signing */
	struct seal seals[2];    /* applied before the change */
	struct session session;
	const char *zone;
	enum dmarc_policy policy;
	bool authentic, temporary, arc_says;
	const char *by;          /* a part of authentic_by */
} facts_rows[] = {
	{ "signed", "From: ann@example.com\r\n", "example.com", false, { { 0 } }, { 0 }, REJECT("example.com"), DMARC_P_REJECT, true, false, false,
		"dkim=example.com" },
	{ "signed, below", "From: ann@mail.example.com\r\n", "example.com", false, { { 0 } }, { 0 }, REJECT("example.com"), DMARC_P_REJECT, true, false, false,
		"dkim=example.com" },
	{ "changed", "From: ann@example.com\r\n", "example.com", true, { { 0 } }, { 0 }, REJECT("example.com"), DMARC_P_REJECT, false, false, false,
		"nothing that passes is aligned with example.com (policy reject; dkim: fail by example.com; spf: none" },
	{ "signed by another", "From: ann@example.com\r\n", "evil.example", false, { { 0 } }, { 0 }, REJECT("example.com"), DMARC_P_REJECT, false, false, false,
		"pass by evil.example" },
	{ "no policy", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { 0 }, "", DMARC_ABSENT, true, false, false, "no author domain asks" },
	{ "no policy, signed", "From: ann@example.com\r\n", "example.com", false, { { 0 } }, { 0 }, "", DMARC_ABSENT, true, false, false, "dkim=example.com" },
	{ "policy none", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { 0 }, "_dmarc.example.com TXT \"v=DMARC1; p=none\"\n", DMARC_P_NONE, true, false,
		false, "no author domain asks" },
	/* SPF */
	{ "spf", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .client_ip = "192.0.2.1", .mail_from = "bounce@example.com" },
		REJECT("example.com") "example.com TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", DMARC_P_REJECT, true, false, false, "spf=example.com" },
	{ "spf of another", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .client_ip = "192.0.2.1", .mail_from = "x@evil.example" },
		REJECT("example.com") "evil.example TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", DMARC_P_REJECT, false, false, false, "spf: pass for evil.example" },
	{ "spf fails", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .client_ip = "192.0.2.2", .mail_from = "ann@example.com" },
		REJECT("example.com") "example.com TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", DMARC_P_REJECT, false, false, false, "spf: fail" },
	{ "no client, no spf", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "ann@example.com" },
		REJECT("example.com") "example.com TXT \"v=spf1 +all\"\n", DMARC_P_REJECT, false, false, false, "spf: none" },
	/* Authentication-Results */
	{ "recorded spf", "Authentication-Results: MX.example.org; spf=pass smtp.mailfrom=ann@example.com\r\nFrom: ann@example.com\r\n", NULL, false, { { 0 } },
		{ .mail_from = "ann@example.com" }, REJECT("example.com"), DMARC_P_REJECT, true, false, false, "spf=example.com" },
	{ "recorded before the session's", "Authentication-Results: mx.example.org;\r\n spf=pass smtp.mailfrom=example.com\r\nFrom: ann@example.com\r\n", NULL,
		false, { { 0 } }, { .client_ip = "10.0.0.1", .mail_from = "ann@example.com" }, REJECT("example.com") "example.com TXT \"v=spf1 -all\"\n",
		DMARC_P_REJECT, true, false, false, "spf=example.com" },
	{ "recorded by a stranger", "Authentication-Results: mx.evil.example; spf=pass smtp.mailfrom=ann@example.com\r\nFrom: ann@example.com\r\n", NULL, false,
		{ { 0 } }, { .mail_from = "ann@example.com" }, REJECT("example.com"), DMARC_P_REJECT, false, false, false, "spf: none" },
	{ "the topmost counts", "Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=ann@example.com\r\n"
		"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=ann@example.com\r\nFrom: ann@example.com\r\n", NULL, false, { { 0 } },
		{ .mail_from = "ann@example.com" }, REJECT("example.com"), DMARC_P_REJECT, false, false, false, "spf: fail" },
	{ "recorded helo", "Authentication-Results: mx.example.org; spf=pass smtp.helo=example.com\r\nFrom: ann@example.com\r\n", NULL, false, { { 0 } },
		{ .mail_from = "x@evil.example" }, REJECT("example.com"), DMARC_P_REJECT, false, false, false, "spf: none" },
	{ "recorded helo, null sender", "Authentication-Results: mx.example.org; spf=pass smtp.helo=example.com\r\nFrom: ann@example.com\r\n", NULL, false,
		{ { 0 } }, { .mail_from = "" }, REJECT("example.com"), DMARC_P_REJECT, true, false, false, "spf=example.com" },
	{ "recorded dkim and dmarc do not count", "Authentication-Results: mx.example.org; dkim=pass header.d=example.com; dmarc=pass header.from=example.com\r\n"
		"From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "" }, REJECT("example.com"), DMARC_P_REJECT, false, false, false, "dkim: none" },
	/* submission */
	{ "submission", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "ann@example.com", .is_submission = true },
		REJECT("example.com"), DMARC_P_REJECT, true, false, false, "submission" },
	{ "submission, aligned", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "ann@mail.example.com", .is_submission = true },
		REJECT("example.com"), DMARC_P_REJECT, true, false, false, "submission" },
	{ "submission by login", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "", .auth_user = "ann@example.com", .is_submission = true },
		REJECT("example.com"), DMARC_P_REJECT, true, false, false, "submission" },
	{ "submission as another", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "eve@evil.example", .auth_user = "eve",
		.is_submission = true }, REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	{ "login without submission", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .mail_from = "ann@example.com", .auth_user = "ann@example.com" },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	/* ARC */
	{ "forwarder saw dmarc", "From: ann@example.com\r\n", NULL, false, { { "forwarder.example", "dmarc=pass header.from=example.com" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, true, false, true, "arc=forwarder.example" },
	{ "forwarder saw an aligned signature", "From: ann@example.com\r\n", NULL, false, { { "forwarder.example", "dkim=pass header.d=mail.example.com" } },
		{ 0 }, REJECT("example.com"), DMARC_P_REJECT, true, false, true, "arc=forwarder.example" },
	{ "forwarder saw aligned spf", "From: ann@example.com\r\n", NULL, false, { { "forwarder.example", "spf=pass smtp.mailfrom=ann@example.com" } },
		{ 0 }, REJECT("example.com"), DMARC_P_REJECT, true, false, true, "arc=forwarder.example" },
	{ "forwarder saw another author", "From: ann@example.com\r\n", NULL, false, { { "forwarder.example", "dmarc=pass header.from=evil.example" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	{ "forwarder saw a failure", "From: ann@example.com\r\n", NULL, false,
		{ { "forwarder.example", "dkim=pass header.d=example.com; dmarc=fail header.from=example.com" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	{ "a stranger's seal", "From: ann@example.com\r\n", NULL, false, { { "evil.example", "dmarc=pass header.from=example.com" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	{ "a stranger's seal below a trusted one", "From: ann@example.com\r\n", NULL, false,
		{ { "evil.example", "dmarc=pass header.from=example.com" }, { "forwarder.example", "arc=pass; dmarc=fail header.from=example.com" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	{ "a trusted seal below a stranger's", "From: ann@example.com\r\n", NULL, false,
		{ { "forwarder.example", "dmarc=pass header.from=example.com" }, { "evil.example", "arc=pass" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	{ "two trusted seals", "From: ann@example.com\r\n", NULL, false,
		{ { "forwarder.example", "dmarc=pass header.from=example.com" }, { "forwarder.example", "arc=pass" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, true, false, true, "arc=forwarder.example" },
	{ "changed after the seal", "From: ann@example.com\r\n", NULL, true, { { "forwarder.example", "dmarc=pass header.from=example.com" } }, { 0 },
		REJECT("example.com"), DMARC_P_REJECT, false, false, false, "nothing that passes" },
	/* authors */
	{ "two authors, one passes", "From: ann@example.com, bob@example.net\r\n", "example.com", false, { { 0 } }, { 0 },
		REJECT("example.com") REJECT("example.net"), DMARC_P_REJECT, false, false, false, "aligned with example.net" },
	{ "two authors, one asks", "From: ann@example.com, bob@example.net\r\n", "example.com", false, { { 0 } }, { 0 }, REJECT("example.com"),
		DMARC_P_REJECT, true, false, false, "dkim=example.com" },
	{ "two From fields", "From: ann@example.com\r\nFrom: bob@example.net\r\n", "example.com", false, { { 0 } }, { 0 }, REJECT("example.net"),
		DMARC_P_REJECT, false, false, false, "aligned with example.net" },
	{ "no From", "Subject: x\r\n", "example.com", false, { { 0 } }, { 0 }, "", DMARC_ABSENT, false, false, false, "no author domain" },
	{ "no domain", "From: ann\r\n", NULL, false, { { 0 } }, { 0 }, "", DMARC_ABSENT, false, false, false, "no author domain" },
	/* DNS trouble */
	{ "policy not learnt", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { 0 }, "_dmarc.example.com ! TIMEOUT\n", DMARC_UNKNOWN, false, true, false,
		"policy unknown" },
	{ "policy not learnt, signed", "From: ann@example.com\r\n", "example.com", false, { { 0 } }, { 0 }, "_dmarc.example.com ! SERVFAIL\n", DMARC_UNKNOWN,
		true, true, false, "dkim=example.com" },
	{ "spf not learnt", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .client_ip = "192.0.2.1", .mail_from = "ann@example.com" },
		REJECT("example.com") "example.com ! SERVFAIL\n", DMARC_P_REJECT, false, true, false, "spf: temperror" },
	{ "spf not learnt, signed", "From: ann@example.com\r\n", "example.com", false, { { 0 } }, { .client_ip = "192.0.2.1", .mail_from = "ann@example.com" },
		REJECT("example.com") "example.com ! SERVFAIL\n", DMARC_P_REJECT, true, false, false, "dkim=example.com" },
	{ "key not learnt", "From: ann@example.com\r\n", "example.com", false, { { 0 } }, { 0 }, REJECT("example.com") "s._domainkey.example.com ! TIMEOUT\n",
		DMARC_P_REJECT, false, true, false, "dkim: temperror by example.com" },
	{ "a stranger's key not learnt", "From: ann@example.com\r\n", "evil.example", false, { { 0 } }, { 0 },
		REJECT("example.com") "s._domainkey.evil.example ! TIMEOUT\n", DMARC_P_REJECT, false, false, false, "dkim: temperror by evil.example" },
	{ "a trusted sealer's key not learnt", "From: ann@example.com\r\n", NULL, false, { { "forwarder.example", "dmarc=pass header.from=example.com" } }, { 0 },
		REJECT("example.com") "s._domainkey.forwarder.example ! TIMEOUT\n", DMARC_P_REJECT, false, true, false, "nothing that passes" },
	{ "a stranger's spf not learnt", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .client_ip = "192.0.2.1", .mail_from = "x@other.example" },
		REJECT("example.com") "other.example ! SERVFAIL\n", DMARC_P_REJECT, false, false, false, "spf: temperror" },
	{ "nothing asked for, spf not learnt", "From: ann@example.com\r\n", NULL, false, { { 0 } }, { .client_ip = "192.0.2.1", .mail_from = "x@other.example" },
		"other.example ! SERVFAIL\n", DMARC_ABSENT, true, false, false, "no author domain asks" },
};

static struct resolver *zone_of(struct arena *a, const char *text)
{
	struct resolver *zone;
	struct fail why;
	const char *all = "";

	/* A key that the row says something of is not published. */
	for (size_t i = 0; i < ring.count; i++)
		if (strstr(text, key_name(a, &ring.items[i])) == NULL)
			all = arena_printf(a, "%s%s\n", all, key_record(a, &ring.items[i]));
	if (resolver_zone(span_of(arena_printf(a, "%s%s", all, text)), &zone, &why) != 0)
		fail_msg("%s", why.text);
	return zone;
}

static const struct facts_options options = {
	.trusted_authserv_ids = (const char *const[]){ "mx.example.org", NULL },
	.own_authserv_id = "lists.example.org",
	.trusted_sealers = (const char *const[]){ "Forwarder.example", NULL },
	.receiver_name = "lists.example.org",
};

static struct span made_message(struct arena *a, struct resolver *dns, const struct facts_row *row)
{
	struct span bytes = span_of(arena_printf(a, "%sTo: list@lists.example.org\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\n"
		"Message-ID: <1@example.com>\r\n\r\nHello.\r\n", row->from));

	if (row->signer != NULL)
		bytes = signed_by(a, bytes, row->signer);
	for (size_t i = 0; i < COUNT(row->seals) && row->seals[i].domain != NULL; i++)
		bytes = sealed_by(a, dns, bytes, row->seals[i].domain, row->seals[i].results);
	return row->changed ? span_of(arena_printf(a, "%.*sFooter.\r\n", (int)bytes.len, bytes.ptr)) : bytes;
}

static void gather(struct arena *a, struct resolver *dns, struct span bytes, const struct session *session, struct facts *facts_r)
{
	struct span exact = test_exact(bytes), copy;
	struct message m;
	struct fail why;

	copy = arena_span(a, exact);
	free((void *)(uintptr_t)exact.ptr);
	if (message_parse(a, copy, &m, &why) != 0)
		fail_msg("%s", why.text);
	facts_gather(a, dns, &the_clock, &m, session, &options, facts_r);
}

static void test_gather(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(facts_rows); i++) {
		const struct facts_row *row = &facts_rows[i];
		struct arena *a = arena_new(64 << 20);
		struct resolver *dns = zone_of(a, row->zone);
		struct facts facts;

		gather(a, dns, made_message(a, dns, row), &row->session, &facts);
		if (facts.policy != row->policy || facts.authentic != row->authentic || facts.has_temporary != row->temporary || facts.arc_says_pass != row->arc_says
			|| strstr(facts.authentic_by, row->by) == NULL)
			fail_msg("%s: policy %s, authentic %d, temporary %d, arc %d, by %s", row->name, dmarc_policy_name(facts.policy), facts.authentic,
				facts.has_temporary, facts.arc_says_pass, facts.authentic_by);
		assert_int_equal(facts.strictest != NULL, facts.author_count > 0);
		/* The addresses of one From field are the message's; those of several are nobody's, but their domains are judged. */
		if (facts.from_fields == 1)
			assert_true(facts.from.count >= facts.author_count && !facts.from.damaged == (facts.author_count > 0));
		else
			assert_true(facts.from.count == 0 && facts.author_count == facts.from_fields);
		resolver_free(dns);
		arena_free(a);
	}
}

static void test_many_authors(void **state)
{
	struct arena *a = arena_new(64 << 20);
	struct resolver *dns = zone_of(a, "");
	const char *from = "From: a@d.example";
	struct facts facts;

	(void)state;
	for (int i = 0; i < FACTS_AUTHORS_MAX; i++)
		from = arena_printf(a, "%s,\r\n a@d%d.example", from, i);
	gather(a, dns, span_of(arena_printf(a, "%s\r\n\r\n", from)), &(struct session){ 0 }, &facts);
	assert_int_equal(facts.author_count, FACTS_AUTHORS_MAX);
	assert_true(facts.from.damaged);
	assert_false(facts.authentic);
	assert_true(dmarc_is_strict(facts.policy));
	resolver_free(dns);
	arena_free(a);
}

/* A seal that covers Subject once holds under a second one, but is no proof any more. */
static void test_gap_of_a_seal(void **state)
{
	static const struct { const char *above; enum auth_result arc; bool authentic; } rows[] = {
		{ "", AUTH_PASS, true }, { "X-Hop: 1\r\n", AUTH_PASS, true }, { "Subject: Geese\r\n", AUTH_PASS, false }, { "Cc: all@example.net\r\n", AUTH_FAIL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(64 << 20);
		struct resolver *dns = zone_of(a, REJECT("example.com"));
		struct span sealed = sealed_over(a, dns, SPAN_LIT("From: ann@example.com\r\nSubject: Owls\r\n\r\nHello.\r\n"), "forwarder.example",
			"dmarc=pass header.from=example.com", "From:Subject:Cc");
		struct facts facts;

		gather(a, dns, span_of(arena_printf(a, "%s%.*s", rows[i].above, (int)sealed.len, sealed.ptr)), &(struct session){ 0 }, &facts);
		assert_int_equal(facts.arc.result, rows[i].arc);
		assert_int_equal(facts.authentic, rows[i].authentic);
		assert_int_equal(facts.arc_says_pass, rows[i].authentic);
		resolver_free(dns);
		arena_free(a);
	}
}

/* Who may speak in our own name. */
static void test_guard_own(void **state)
{
	static const char *const own[] = { "lists.example.org", "bounces.example.org", NULL };
	static const struct { const char *name, *from; struct session session; const char *zone; bool forges; } rows[] = {
		{ "another's domain", "ann@example.com", { 0 }, "", false },
		{ "ours, no record", "ann@lists.example.org", { 0 }, "", true },
		{ "the envelope's", "ann@bounces.example.org", { 0 }, "", true },
		{ "above, no record", "ann@example.org", { 0 }, "", false },
		{ "above, none", "ann@example.org", { 0 }, "_dmarc.example.org TXT \"v=DMARC1; p=none\"\n", true },
		{ "above, strict alignment", "ann@example.org", { 0 }, "_dmarc.example.org TXT \"v=DMARC1; p=none; adkim=s; aspf=s\"\n", false },
		{ "above, strict alignment of DKIM only", "ann@example.org", { 0 }, "_dmarc.example.org TXT \"v=DMARC1; p=none; adkim=s\"\n", true },
		{ "beside, none", "ann@mail.example.org", { 0 }, "_dmarc.example.org TXT \"v=DMARC1; p=none\"\n", true },
		{ "one of two", "ann@example.com, bob@lists.example.org", { 0 }, "", true },
		{ "submitted", "ann@lists.example.org", { .mail_from = "ann@lists.example.org", .is_submission = true }, "", false },
		{ "submitted by another", "ann@lists.example.org", { .mail_from = "eve@example.com", .is_submission = true }, "", true },
		{ "spf of the organization, no record", "ann@lists.example.org", { .client_ip = "192.0.2.1", .mail_from = "ann@example.org" },
			"example.org TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", false },
		{ "spf of another", "ann@lists.example.org", { .client_ip = "192.0.2.1", .mail_from = "eve@example.com" }, "example.com TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(64 << 20);
		struct resolver *dns = zone_of(a, rows[i].zone);
		struct facts facts;

		gather(a, dns, span_of(arena_printf(a, "From: %s\r\n\r\nHello.\r\n", rows[i].from)), &rows[i].session, &facts);
		assert_true(facts.authentic && !facts.forges_us && facts.forged == NULL);
		facts_guard_own(a, dns, own, &facts);
		if (facts.forges_us != rows[i].forges || facts.authentic == rows[i].forges || (facts.forged != NULL) != rows[i].forges)
			fail_msg("%s: forges %d, authentic %d by %s", rows[i].name, facts.forges_us, facts.authentic, facts.authentic_by);
		resolver_free(dns);
		arena_free(a);
	}
}

static void test_authres(void **state)
{
	static const struct { const char *from, *signer; struct session session; const char *zone, *want; } rows[] = {
		{ "From: ann@example.com\r\n", NULL, { 0 }, "", "dkim=none; arc=none; dmarc=none header.from=example.com" },
		{ "From: ann@example.com\r\n", "example.com", { .client_ip = "192.0.2.1", .mail_from = "ann+x@Example.com" },
			REJECT("example.com") "example.com TXT \"v=spf1 ip4:192.0.2.1 -all\"\n",
			"spf=pass smtp.mailfrom=ann+x@example.com; dkim=pass header.d=example.com header.s=s header.a=rsa-sha256; arc=none; "
			"dmarc=pass header.from=example.com policy.dmarc=reject" },
		{ "From: ann@example.com, bob@example.net\r\n", NULL, { 0 }, REJECT("example.com") "_dmarc.example.net ! TIMEOUT\n",
			"dkim=none; arc=none; dmarc=fail header.from=example.com policy.dmarc=reject; dmarc=temperror header.from=example.net" },
		{ "From: ann@example.com\r\n", NULL, { .client_ip = "2001:db8::1", .mail_from = "\"a; dkim=pass\r\n x\"@evil.example" },
			"evil.example TXT \"v=spf1 +all\"\n",
			"spf=pass smtp.mailfrom=evil.example; dkim=none; arc=none; dmarc=none header.from=example.com" },
		{ "From: ann@example.com\r\n", NULL, { .client_ip = "2001:db8::1", .mail_from = "\"a; dkim=pass\"@evil.example" },
			"evil.example TXT \"v=spf1 +all\"\n",
			"spf=pass smtp.mailfrom=\"\\\"a; dkim=pass\\\"@evil.example\"; dkim=none; arc=none; dmarc=none header.from=example.com" },
		{ "From: ann@example.com\r\n", NULL, { .client_ip = "192.0.2.1", .mail_from = "", .helo = "mail.example.com" },
			"mail.example.com TXT \"v=spf1 +all\"\n", "spf=pass smtp.helo=mail.example.com; dkim=none; arc=none; dmarc=none header.from=example.com" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(64 << 20);
		struct resolver *dns = zone_of(a, rows[i].zone);
		const struct facts_row row = { .from = rows[i].from, .signer = rows[i].signer };
		struct authres back;
		struct facts facts;
		struct span have;

		gather(a, dns, made_message(a, dns, &row), &rows[i].session, &facts);
		have = facts_authres(a, &facts);
		if (!span_eq_text(have, rows[i].want))
			fail_msg("row %zu: %s", i, have.ptr);
		assert_int_equal(authres_parse(a, span_of(arena_printf(a, "id; %s", have.ptr)), &back, NULL), 0);
		resolver_free(dns);
		arena_free(a);
	}
}

/* What signatures hold is a stranger's: whatever it is, it stays one payload that reads back. */
static void test_authres_of_hostile_signatures(void **state)
{
	static const char *const values[] = {
		"v=1; a=rsa-sha256; d=\"evil; dkim=pass header.d=example.com\"; s=x; h=from; bh=; b=",
		"v=1; a=rsa-sha256; d=evil.example(comment; s=a\\\"b; h=from; bh=AAAA; b=AAAA",
		"v=1; a=x y\"; d=exa\xff\x01mple; s=\xc3\xbc\r\n\t; h=from; bh=AAAA; b=AAAA",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct arena *a = arena_new(64 << 20);
		struct resolver *dns = zone_of(a, "");
		struct authres back;
		struct facts facts;
		struct span have;

		gather(a, dns, span_of(arena_printf(a, "DKIM-Signature: %s\r\nFrom: ann@example.com\r\n\r\n", values[i])), &(struct session){ 0 }, &facts);
		have = facts_authres(a, &facts);
		if (authres_parse(a, span_of(arena_printf(a, "id; %s", have.ptr)), &back, NULL) != 0)
			fail_msg("%s", have.ptr);
		assert_int_equal(back.count, 3);
		assert_true(span_eq_text(back.results[0].method, "dkim") && !span_eq_text(back.results[0].result, "pass"));
		for (size_t j = 0; j < have.len; j++)
			assert_true(have.ptr[j] >= ' ' && have.ptr[j] <= '~');
		resolver_free(dns);
		arena_free(a);
	}
}

/* tests/data/from/decision.tsv: must the list act? */

static const char *zone_line(struct arena *a, struct span part)
{
	const char *text = arena_text(a, part);
	int name = (int)span_find_byte(part, ' '), equals = (int)span_find_byte(part, '=');

	if (equals < name)
		return arena_printf(a, "%.*s TXT \"%s\"", equals, text, text + equals + 1);
	if (span_eq_text(span_sub(part, (size_t)name + 1, part.len), "TIMEOUT") || span_eq_text(span_sub(part, (size_t)name + 1, part.len), "SERVFAIL"))
		return arena_printf(a, "%.*s ! %s", name, text, text + name + 1);
	return text;
}

static const char *decision_zone(struct arena *a, struct span text)
{
	const char *zone = "";

	while (text.len > 0) {
		size_t end = span_find(text, SPAN_LIT(" | "));

		zone = arena_printf(a, "%s%s\n", zone, zone_line(a, span_trim(span_sub(text, 0, end))));
		text = span_sub(text, end + 3, text.len);
	}
	return zone;
}

static void test_decisions(void **state)
{
	struct arena *a = arena_new(64 << 20);
	struct span rest = test_read(a, "from/decision.tsv"), cells[TSV_CELLS_MAX];
	size_t checked = 0;

	(void)state;
	while (tsv_next(&rest, cells)) {
		struct resolver *dns = zone_of(a, decision_zone(a, cells[3]));
		struct facts facts;

		gather(a, dns, span_of(arena_printf(a, "From: %s\r\n\r\n", tsv_text(a, cells[2]).ptr)), &(struct session){ 0 }, &facts);
		resolver_free(dns);
		/* The list that has mitigation switched off decides that, not the facts. */
		if (span_eq_text(cells[4], "any") || span_eq_text(cells[0], "own-action-none"))
			continue;
		if (dmarc_is_strict(facts.policy) != span_eq_text(cells[4], "yes"))
			fail_msg("%.*s: %s", (int)cells[0].len, cells[0].ptr, dmarc_policy_name(facts.policy));
		checked++;
	}
	assert_true(checked >= 8);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gather), cmocka_unit_test(test_many_authors), cmocka_unit_test(test_gap_of_a_seal), cmocka_unit_test(test_guard_own), cmocka_unit_test(test_authres),
		cmocka_unit_test(test_authres_of_hostile_signatures), cmocka_unit_test(test_decisions),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
