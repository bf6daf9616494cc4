/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket, spoken to directly and by listctl, over a real store. */
#include "check.h"

#include "listd/bounce/learn_int.h"
#include "listd/control/control.h"
#include "listd/control/control_stream.h"
#include "listd/control/csv.h"
#include "mail/log.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIRDS "birds@lists.example.org"

struct place {
	char dir[64], socket[80], out[80], err[80];
	struct arena *a;
	struct daemon daemon;
	struct site site;
	struct fail why;
	int code;              /* of the last listctl */
	const char *said, *complained;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int start_at(struct place *place, const char *path, unsigned mode, struct control **control_r, struct fail *why)
{
	const struct control_options options = { .path = path, .mode = mode, .sessions_max = CONTROL_SESSIONS_MAX, .verbs = control_verbs, .verb_count = control_verb_count };

	return control_start(&place->daemon, &options, control_r, why);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	strcpy(place->dir, "/tmp/listd-control-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->socket, sizeof(place->socket), "%.60s/control", place->dir);
	snprintf(place->out, sizeof(place->out), "%.60s/out", place->dir);
	snprintf(place->err, sizeof(place->err), "%.60s/err", place->dir);
	place->a = arena_new((size_t)64 << 20);
	place->daemon.clock = (struct clock){ .is_fixed = true, .fixed_secs = 1700000000 };
	pthread_mutex_init(&place->daemon.site_lock, NULL);
	place->daemon.site = &place->site;
	place->site.users = 1;
	place->daemon.lists = settings_cache_new();
	if (site_settings_parse(SPAN_LIT("host-name = lists.example.org\nsign = no"), "test.conf", NULL, &place->site.settings, &place->why) != 0
			|| store_open(arena_printf(place->a, "%s/store", place->dir), 1 << 20, &place->daemon.store, &place->why) != 0
			|| learn_open(place->daemon.store, &place->daemon.learn, &place->why) != 0
			|| resolver_zone(SPAN_LIT("lists.example.org. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 include:x.example -all\"\n"), &place->daemon.dns, &place->why) != 0
			|| receivers_parse(SPAN_LIT("operator google\n domain gmail.com\n"), "own", place->site.receivers = receivers_new(), &place->why) != 0
			|| start_at(place, place->socket, 0600, &place->daemon.control, &place->why) != 0)
		fail_msg("%s", place->why.text);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	control_stop(place->daemon.control);
	learn_free(place->daemon.learn);
	store_close(place->daemon.store);
	resolver_free(place->daemon.dns);
	receivers_free(place->site.receivers);
	settings_cache_free(place->daemon.lists);
	site_settings_free(place->site.settings);
	pthread_mutex_destroy(&place->daemon.site_lock);
	nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(place->a);
	free(place);
	return 0;
}

static void write_octets(struct place *place, const char *name, struct span octets)
{
	if (file_replace(arena_printf(place->a, "%s/%s", place->dir, name), octets, 0600, &place->why) != 0)
		fail_msg("%s", place->why.text);
}

static void write_file(struct place *place, const char *name, const char *text)
{
	write_octets(place, name, span_of(text));
}

static const char *read_text(struct place *place, const char *path)
{
	struct span bytes;

	if (file_read(place->a, path, (size_t)32 << 20, &bytes, &place->why) != 0)
		fail_msg("%s", place->why.text);
	return arena_text(place->a, bytes);
}

/* listctl with up to nine words, in the place's directory; standard input from a file of it, or empty. */
static void run_with(struct place *place, const char *input, const char *const *words)
{
	const char *program = getenv("LISTCTL") == NULL ? "./listctl" : getenv("LISTCTL"), *argv[16] = { "listctl", "--socket", place->socket };
	char *path = realpath(program, NULL);
	int status;
	pid_t pid;

	assert_non_null(path);
	for (size_t i = 0; words[i] != NULL; i++)
		argv[3 + i] = words[i];
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (freopen(input == NULL ? "/dev/null" : arena_printf(place->a, "%s/%s", place->dir, input), "r", stdin) == NULL
				|| freopen(place->out, "w", stdout) == NULL || freopen(place->err, "w", stderr) == NULL || chdir(place->dir) != 0)
			_exit(126);
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	place->code = WEXITSTATUS(status);
	place->said = read_text(place, place->out);
	place->complained = read_text(place, place->err);
	free(path);
}

#define RUN(place, input, ...) run_with(place, input, (const char *const[]){ __VA_ARGS__, NULL })

static void expect(struct place *place, int code, const char *said, const char *complained)
{
	if (place->code != code || (said != NULL && strcmp(place->said, said) != 0) || (complained != NULL && strstr(place->complained, complained) == NULL))
		fail_msg("exit %d, said \"%s\", complained \"%s\"", place->code, place->said, place->complained);
}

static void make_birds(struct place *place)
{
	RUN(place, NULL, "list", "create", BIRDS, "--owner", "ann@example.org");
	expect(place, 0, "the list " BIRDS " is there. Next: listctl members add " BIRDS " ADDRESS...\n", "");
}

static void test_lists(void **state)
{
	struct place *place = *state;

	make_birds(place);
	RUN(place, NULL, "list", "create", "Fish@Lists.Example.ORG", "subject-tag=[fish]", "--owner=ann@example.org", "--owner", "bob@example.org", "description=All \xc3\xbc" "ber fish");
	expect(place, 0, NULL, "");
	RUN(place, NULL, "lists");
	expect(place, 0, "LIST                     MEMBERS  STRATEGY  DESCRIPTION\n"
		BIRDS "        0  auto      \n" "fish@lists.example.org         0  auto      All \xc3\xbc" "ber fish\n", "");
	RUN(place, NULL, "list", "show", "fish", "owners");
	expect(place, 0, "{ \"ann@example.org\", \"bob@example.org\" }\n", "");
	RUN(place, NULL, "list", "set", "fish", "strategy=rewrite", "post", "anyone", "owners=bob@example.org");
	expect(place, 0, "fish@lists.example.org is changed\n", "");
	RUN(place, NULL, "list", "dump", "fish");
	expect(place, 0, "address = \"fish@lists.example.org\"\ndescription = \"All \xc3\xbc" "ber fish\"\nowners = { \"bob@example.org\" }\n"
		"post = anyone\nstrategy = \"rewrite\"\nsubject-tag = \"[fish]\"\n", "");
	RUN(place, NULL, "list", "set", "fish", "--default", "strategy", "--default", "post", "subject-tag=");
	expect(place, 0, NULL, "");
	RUN(place, NULL, "list", "dump", "fish");
	expect(place, 0, "address = \"fish@lists.example.org\"\ndescription = \"All \xc3\xbc" "ber fish\"\nowners = { \"bob@example.org\" }\n", "");
	RUN(place, NULL, "list", "rename", "fish", "perch@lists.example.org");
	expect(place, 0, NULL, "");
	RUN(place, NULL, "list", "show", "fish");
	expect(place, 65, "", "no list fish: see listctl lists");
	RUN(place, NULL, "list", "dump", "perch");
	expect(place, 0, NULL, "");
	assert_int_equal(strncmp(place->said, "address = \"perch@lists.example.org\"\n", 36), 0);
	RUN(place, NULL, "list", "delete", "perch");
	expect(place, 64, "", "--yes");
	RUN(place, NULL, "list", "delete", "perch", "--yes");
	expect(place, 0, "perch@lists.example.org is deleted\n", "");
	RUN(place, NULL, "--json", "lists");
	expect(place, 0, "[\n{\"list\":\"" BIRDS "\",\"members\":0,\"strategy\":\"auto\",\"description\":\"\"}\n]\n", "");
}

/* What is known of receivers, and the site's allowlist. */
static void test_receivers(void **state)
{
	struct place *place = *state;

	RUN(place, NULL, "receivers");
	expect(place, 0, "KIND      NAME     DOES                                           KNOWN FROM  EXPERIENCE\n"
		"receiver  google   enforces yes, trusts-arc no, allowlists-us no  own:1       \n"
		"receiver  unknown  enforces yes, trusts-arc no, allowlists-us no  default     \n", "");
	RUN(place, NULL, "receivers", "forget", "google");
	expect(place, 65, "", "nothing was learnt of google");
	RUN(place, NULL, "allowlist", "add", "receiver", "Google", "agreed");
	expect(place, 0, "receiver google is on the allowlist\n", "");
	RUN(place, NULL, "allowlist", "add", "receiver", "B\xc3\xbc" "cher.example");
	expect(place, 0, "receiver @xn--bcher-kva.example is on the allowlist\n", "");
	RUN(place, NULL, "allowlist", "add", "sender", ".Example.COM");
	expect(place, 0, "sender .example.com is on the allowlist\n", "");
	RUN(place, NULL, "--json", "allowlist", "list");
	expect(place, 0, "[\n{\"kind\":\"receiver\",\"name\":\"google\",\"since\":1700000000,\"note\":\"agreed\"},\n"
		"{\"kind\":\"receiver\",\"name\":\"@xn--bcher-kva.example\",\"since\":1700000000,\"note\":\"\"},\n"
		"{\"kind\":\"sender\",\"name\":\".example.com\",\"since\":1700000000,\"note\":\"\"}\n]\n", "");
	RUN(place, NULL, "--json", "receivers");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "\"name\":\"google\",\"enforces\":true,\"trusts_arc\":false,\"allowlists_us\":true,\"learns\":true,"
		"\"source\":\"allowlist of the site, since 2023-11-14\""));
	assert_non_null(strstr(place->said, "\"name\":\"@xn--bcher-kva.example\",\"enforces\":true,\"trusts_arc\":false,\"allowlists_us\":true"));
	RUN(place, NULL, "allowlist", "remove", "receiver", "google");
	expect(place, 0, "receiver google is off the allowlist\n", "");
	RUN(place, NULL, "allowlist", "remove", "receiver", "google");
	expect(place, 65, "", "google is not on the allowlist");
	RUN(place, NULL, "allowlist", "add", "receiver", "unknown");
	expect(place, 65, "", "no receiver unknown is known");
	RUN(place, NULL, "allowlist", "add", "sender", "a b");
	expect(place, 65, "", "expected an author's domain");
	RUN(place, NULL, "allowlist", "add", "friend", "google");
	expect(place, 64, "", "expected receiver or sender");
}

static void test_kit(void **state)
{
	struct place *place = *state;

	RUN(place, NULL, "allowlist", "kit");
	expect(place, 65, "", "there are no lists yet");
	make_birds(place);
	RUN(place, NULL, "allowlist", "kit");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "DomainWhitelist lists.example.org\n"));
	assert_non_null(strstr(place->said, "whitelisted_signers_map = [\"lists.example.org\"];\n"));
	assert_non_null(strstr(place->said, "\n192.0.2.25 DISABLE\n2001:db8::25 DISABLE\n"));
	assert_non_null(strstr(place->said, "-ArcTrustedSealers \"lists.example.org\""));
	RUN(place, NULL, "allowlist", "kit", "postfix", "--domain", "news.example.org", "--address", "198.51.100.0/24", "--address", "x; rm -rf");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "\n198.51.100.0/24 OK\n\n"));
	assert_null(strstr(place->said, "rspamd"));
	RUN(place, NULL, "allowlist", "kit", "--list", "fish@lists.example.org");
	expect(place, 65, "", "no list fish@lists.example.org");
	RUN(place, NULL, "allowlist", "kit", "sendmail");
	expect(place, 64, "", "expected opendmarc");
}

static void test_refusals(void **state)
{
	static const struct { const char *words[8]; int code; const char *complained; } rows[] = {
		{ { "list", "create", "x@lists.example.org" }, 65, "a list needs an owner" },
		{ { "list", "create", "x@lists.example.org", "--owner", "ann" }, 65, "owner ann: " },
		{ { "list", "create", BIRDS, "--owner", "a@b.example" }, 65, "exists already" },
		{ { "list", "create", "x", "--owner", "a@b.example" }, 65, "x: " },
		{ { "list", "create", "x@[192.0.2.1]", "--owner", "a@b.example" }, 65, "needs a domain" },
		{ { "list", "create", "x@localhost", "--owner", "a@b.example" }, 65, "needs a domain" },
		{ { "list", "create", "birds-owner@lists.example.org", "--owner", "a@b.example" }, 65, "-owner" },
		{ { "list", "create", "birds-request@lists.example.org", "--owner", "a@b.example" }, 65, "-request" },
		{ { "list", "create", "birds-author-x@lists.example.org", "--owner", "a@b.example" }, 65, "" },
		{ { "list", "create", "a+b@lists.example.org", "--owner", "a@b.example" }, 65, "use letters, digits" },
		{ { "list", "create", "12345678901234567890123456789012345678901@lists.example.org", "--owner", "a@b.example" }, 65, "may have 40 octets" },
		{ { "list", "create", "x@lists.example.org", "--owner", "a@b.example", "post=all" }, 65, "post: expected members, anyone, moderated or owners, not \"all\"" },
		{ { "list", "create", "x@lists.example.org", "--owner", "a@b.example", "pots=all" }, 65, "pots: no such setting; did you mean post?" },
		{ { "list", "create", "x@lists.example.org", "--owner", "a@b.example", "address=y@lists.example.org" }, 65, "list rename" },
		{ { "list", "set", "birds" }, 65, "expected a setting and its value" }, { { "list", "set", "birds", "post" }, 64, "a value is missing behind post" },
		{ { "list", "set", "birds", "address=x@y.example" }, 65, "list rename" }, { { "list", "rename", "birds", "x-join@y.example" }, 65, "-join" },
		{ { "list", "show", "birds", "pots" }, 64, "no such setting" }, { { "list", "show" }, 64, "something is missing; usage: listctl list show LIST [NAME]" },
		{ { "list", "show", "birds", "post", "x" }, 64, "too much: x" }, { { "list", "show", "--all", "birds" }, 64, "unknown option --all" },
		{ { "list", "dump", "birds", "--all=yes" }, 64, "takes no value" }, { { "members", "list", "birds", "--match" }, 64, "a value is missing behind --match" },
		{ { "members", "add", "nothere", "a@b.example" }, 65, "no list nothere" }, { { "members", "add", "birds" }, 64, "something is missing" },
		{ { "members", "remove", "birds", "nobody" }, 65, "nobody" }, { { "members", "list", "x@y.example" }, 65, "no list x@y.example here" },
		{ { "member", "show", "nobody@example.org" }, 65, "is on no list" }, { { "member", "set", "birds", "nobody@example.org", "digest=yes" }, 65, "is not on" },
		{ { "list", "load", "birds", "/nonexistent" }, 65, "/nonexistent" }, { { "members", "import", "birds", "/nonexistent" }, 65, "/nonexistent" },
		{ { "members", "export", "birds", "--format", "xml" }, 64, "--format is addresses, names or csv" }, { { "mta", "qmail" }, 65, "expected postfix, exim or sendmail" },
		{ { "held", "show", "x" }, 65, "no held post x" }, { { "key", "make", "x.example", "s", "--bits", "many" }, 64, "expected a number behind --bits" },
		{ { "members", "list", "\xff" }, 65, "not UTF-8" }, { { "settings", "nothing" }, 64, "no such setting" }, { { "settings", "running", "nothing" }, 65, "no such setting" },
		{ { "--jsno" }, 64, "unknown option" }, { { "lists", "x" }, 64, "too much: x" }, { { "lisst" }, 64, "no such command: lisst" },
	};
	struct place *place = *state;

	make_birds(place);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_with(place, NULL, rows[i].words);
		expect(place, rows[i].code, "", rows[i].complained);
	}
	RUN(place, NULL, "lists");
	assert_null(strstr(place->said, "x@"));
	RUN(place, NULL, "--json", "list", "show", "nothere");
	expect(place, 65, "{\n  \"error\": \"no list nothere: see listctl lists\",\n  \"exit\": 65\n}\n", NULL);
}

static void test_ambiguous_list(void **state)
{
	struct place *place = *state;

	make_birds(place);
	RUN(place, NULL, "list", "create", "birds@lists.example.net", "--owner", "ann@example.org");
	expect(place, 0, NULL, "");
	RUN(place, NULL, "list", "dump", "birds");
	expect(place, 65, "", "give the whole address");
	RUN(place, NULL, "list", "dump", "Birds@lists.example.net");
	expect(place, 0, "address = \"birds@lists.example.net\"\nowners = { \"ann@example.org\" }\n", "");
}

/* The recipes are held to real servers elsewhere; here: what they are made of is in them, in the words of each. */
static void test_recipes(void **state)
{
	static const struct { const char *mta, *listen, *milter, *wants[4]; } rows[] = {
		{ "postfix", "inet:127.0.0.1:8024", "unix:/run/m/s", { "lmtp:[127.0.0.1]:8024\n", "\nsmtpd_milters = unix:/run/m/s\n", "milter_default_action = tempfail\n", "127.0.0.1=DISABLE" } },
		{ "postfix", "unix:/run/l/lmtp", "inet:127.0.0.1:8025", { "lmtp:unix:/run/l/lmtp\n", "\nsmtpd_milters = inet:127.0.0.1:8025\n", "reject_unverified_recipient", "lmtp_line_length_limit = 0" } },
		{ "postfix", "inet:[::1]:8024", "unix:/run/m/s", { "lmtp:[::1]:8024\n", "main.cf", "xforward", "transport" } },
		{ "exim", "inet:127.0.0.1:8024", "unix:/run/m/s", { "hosts = 127.0.0.1\n", "port = 8024\n", "domainlist listd_domains = lists.example.org\n", "driver" } },
		{ "sendmail", "inet:127.0.0.1:8024", "unix:/run/m/s", { "S=unix:/run/m/s, F=T", "A=TCP [127.0.0.1] 8024\n", "listd:lists\n", "To:lists.example.org" } },
		{ "sendmail", "inet:[::1]:8024", "inet:[::1]:8025", { "S=inet6:8025@::1, F=T", "A=TCP [IPv6:::1] 8024\n", "MAILER_DEFINITIONS", "access" } },
		{ "sendmail", "unix:/run/l/lmtp", "inet:127.0.0.1:8025", { "S=inet:8025@127.0.0.1, F=T", "A=FILE /run/l/lmtp\n", "mailertable", "F=mnXz8u" } },
	};
	struct place *place = *state;

	make_birds(place);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		place->site.settings->lmtp_listen = rows[i].listen;
		place->site.settings->milter_listen = rows[i].milter;
		RUN(place, NULL, "mta", rows[i].mta);
		expect(place, 0, NULL, "");
		for (size_t k = 0; k < 4; k++)
			if (strstr(place->said, rows[i].wants[k]) == NULL)
				fail_msg("row %zu: no %s in %s", i, rows[i].wants[k], place->said);
	}
}

static void test_load(void **state)
{
	struct place *place = *state;

	make_birds(place);
	write_file(place, "good", "address = birds@lists.example.org\nowners = \"bob@example.org\" # one\nfooter = \"a\n.\n..\nb\"\n");
	RUN(place, NULL, "list", "load", "birds", "good");
	expect(place, 0, "the settings of " BIRDS " are loaded\n", "");
	RUN(place, NULL, "list", "dump", "birds");
	expect(place, 0, "address = \"" BIRDS "\"\nowners = { \"bob@example.org\" }\nfooter = \"a\n.\n..\nb\"\n", "");
	write_file(place, "dump", place->said);
	RUN(place, "dump", "list", "load", "birds", "-");
	expect(place, 0, NULL, "");
	RUN(place, "dump", "list", "load", "birds");
	expect(place, 0, NULL, "");
	write_file(place, "bad", "owners = bob@example.org\n\npost = all\n");
	RUN(place, NULL, "list", "load", "birds", "bad");
	expect(place, 65, "", "bad:3: post: expected");
	write_file(place, "noowner", "post = anyone\n");
	RUN(place, NULL, "list", "load", "birds", "noowner");
	expect(place, 65, "", "owners: a list needs one");
	RUN(place, NULL, "list", "show", "birds", "footer");
	expect(place, 0, "\"a\n.\n..\nb\"\n", "");
}

/* A list like another one: what is given goes before what the file says; a file that is not understood makes no list. */
static void test_create_from(void **state)
{
	static const struct { const char *file, *text, *words[4]; int code; const char *dump, *complained; } rows[] = {
		{ "dump", NULL, { NULL }, 0, "owners = { \"ann@example.org\" }\npost = anyone\nfooter = \"a\n.\nb\"\n", "" },
		{ "dump", NULL, { "--owner", "bob@example.org", "footer=" }, 0, "owners = { \"bob@example.org\" }\npost = anyone\n", "" },
		{ "other", "address = \"x@y.example\"\nowners = { \"eve@example.org\" }\nlanguage = \"de\"\n", { "language=fr" }, 0, "language = \"fr\"\nowners = { \"eve@example.org\" }\n", "" },
		{ "noowner", "post = anyone\n", { NULL }, 65, NULL, "a list needs an owner, who gets mail to fish-owner" },
		{ "noowner", "post = anyone\n", { "--owner", "bob@example.org" }, 0, "owners = { \"bob@example.org\" }\npost = anyone\n", "" },
		{ "empty", "", { "--owner", "bob@example.org" }, 0, "owners = { \"bob@example.org\" }\n", "" },
		{ "bad", "owners = bob@example.org\n\npost = all\n", { NULL }, 65, NULL, "bad:3: post: expected" },
		{ "typo", "owners = bob@example.org\npots = all\n", { NULL }, 65, NULL, "typo:2: " },
		{ "noowner", "post = anyone\n", { "--owner", "bob" }, 65, NULL, "owner bob: " },
		{ "dump", NULL, { "--from", "noowner" }, 64, NULL, "one file is enough: --from" },
		{ "missing", NULL, { "--owner", "bob@example.org" }, 65, NULL, "missing" },
	};
	struct place *place = *state;

	make_birds(place);
	RUN(place, NULL, "list", "set", "birds", "post=anyone", "footer=a\n.\nb");
	RUN(place, NULL, "list", "dump", "birds");
	write_file(place, "dump", place->said);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const *more = rows[i].words;

		if (rows[i].text != NULL)
			write_file(place, rows[i].file, rows[i].text);
		RUN(place, NULL, "list", "create", "fish@lists.example.org", "--from", rows[i].file, more[0], more[1], more[2]);
		expect(place, rows[i].code, rows[i].code == 0 ? NULL : "", rows[i].complained);
		RUN(place, NULL, "list", "dump", "fish");
		expect(place, rows[i].dump != NULL ? 0 : 65, rows[i].dump != NULL ? arena_printf(place->a, "address = \"fish@lists.example.org\"\n%s", rows[i].dump) : "", NULL);
		if (rows[i].dump != NULL)
			RUN(place, NULL, "list", "delete", "fish", "--yes");
	}
	write_octets(place, "utf16", SPAN_LIT("p\0o\0s\0t\0"));
	RUN(place, NULL, "list", "create", "fish@lists.example.org", "--from", "utf16");
	expect(place, 65, "", "utf16: a NUL octet");
}

static void test_members(void **state)
{
	struct place *place = *state;

	make_birds(place);
	RUN(place, NULL, "members", "add", "birds", "Ann@Example.com", "\"B\xc3\xb6" "b, the builder\" <bob@example.com>", "ann@example.COM");
	expect(place, 0, BIRDS ": 2 added, 1 were members already, 0 left out\n", "");
	RUN(place, NULL, "members", "add", "birds", "carl@example.com", "Dora", "a@x.example, b@x.example");
	expect(place, 65, BIRDS ": 1 added, 0 were members already, 2 left out\n", "line 2: \"Dora\"");
	RUN(place, NULL, "members", "list", "birds");
	expect(place, 0, "ADDRESS           DELIVERY  SINCE  JOINED            NAME              REASON\n"
		"Ann@Example.com   on        -      2023-11-14 22:13                    \nbob@example.com   on        -      2023-11-14 22:13  B\xc3\xb6" "b, the builder  \n"
		"carl@example.com  on        -      2023-11-14 22:13                    \n", "");
	RUN(place, NULL, "member", "set", "birds", "ann@example.com", "delivery=off", "digest=yes", "reason=asked");
	expect(place, 0, "Ann@Example.com is changed\n", "");
	RUN(place, NULL, "member", "set", "birds", "ann@example.com", "moderated", "yes");
	expect(place, 0, NULL, "");
	RUN(place, NULL, "members", "list", "birds", "--delivery", "off", "--match", "*@EXAMPLE.com");
	expect(place, 0, "ADDRESS          DELIVERY      SINCE             JOINED            NAME  REASON\n"
		"Ann@Example.com  off-by-admin  2023-11-14 22:13  2023-11-14 22:13        asked\n", "");
	RUN(place, NULL, "members", "list", "birds", "--delivery", "sometimes");
	expect(place, 65, "", "listctl: --delivery: expected on, off, off-by-member, off-by-admin or off-by-bounces, not \"sometimes\"\n");
	RUN(place, NULL, "--json", "member", "show", "ann@example.com");
	expect(place, 0, "[\n{\"address\":\"Ann@Example.com\",\"name\":\"\",\"delivery\":\"off-by-admin\",\"since\":1700000000,\"joined\":1700000000,\"reason\":\"asked\","
		"\"flags\":[\"moderated\",\"digest\"],\"list\":\"" BIRDS "\"}\n]\n", "");
	RUN(place, NULL, "member", "show", "ann@example.com");
	expect(place, 0, "LIST                     ADDRESS          DELIVERY      SINCE             JOINED            OPTIONS           REASON\n"
		BIRDS "  Ann@Example.com  off-by-admin  2023-11-14 22:13  2023-11-14 22:13  moderated digest  asked\n", "");
	RUN(place, NULL, "member", "set", "birds", "ann@example.com", "delivery=maybe");
	expect(place, 65, "", "delivery: expected on, off");
	RUN(place, NULL, "member", "set", "birds", "ann@example.com", "digets=yes");
	expect(place, 65, "", "unknown: digets");
	RUN(place, NULL, "member", "set", "birds", "ann@example.com", "name=a\nb");
	expect(place, 65, "", "control characters");
	RUN(place, NULL, "members", "export", "birds", "--format", "names");
	expect(place, 0, "Ann@Example.com\n\"B\xc3\xb6" "b, the builder\" <bob@example.com>\ncarl@example.com\n", "");
	RUN(place, NULL, "members", "remove", "birds", "BOB@example.com", "x@y.example", "carl@example.com");
	expect(place, 0, BIRDS ": 2 removed\n", "");
	RUN(place, NULL, "members", "export", "birds");
	expect(place, 0, "Ann@Example.com\n", "");
}

static void test_import_of_lines(void **state)
{
	struct place *place = *state;

	make_birds(place);
	RUN(place, NULL, "list", "set", "birds", "skip-addressed=yes");
	write_file(place, "lines", "\xef\xbb\xbf" "ann@example.com\n# a comment\n\n  Bob <bob@example.com>  \r\nnot an address\n\".x\"@example.com\nAnn@example.com\n"
		"a@x.example, b@x.example\nZo\xe9 <zoe@example.com>\nlast@example.com");
	RUN(place, NULL, "members", "import", "birds", "lines");
	expect(place, 65, BIRDS ": 5 added, 1 were members already, 2 lines left out\n", "line 5: \"not an address\": ");
	assert_non_null(strstr(place->complained, "line 8: "));
	RUN(place, NULL, "members", "export", "birds", "--format", "csv");
	expect(place, 0, "address,name,delivery,joined,reason,skip-addressed,moderated,not-own-posts,digest\n"
		"\"\"\".x\"\"@example.com\",,on,1700000000,,yes,no,no,no\nann@example.com,,on,1700000000,,yes,no,no,no\n"
		"bob@example.com,Bob,on,1700000000,,yes,no,no,no\nlast@example.com,,on,1700000000,,yes,no,no,no\n"
		"zoe@example.com,Zo\xc3\xa9,on,1700000000,,yes,no,no,no\n", "");
}

static void test_import_of_csv(void **state)
{
	struct place *place = *state;
	const char *exported;

	make_birds(place);
	write_file(place, "csv", "Nr;Display Name;E-Mail;Delivery;Digest;Joined\n1;\"Ann; \"\"A\"\"\";ann@example.com;off-by-bounces;yes;1600000000\n"
		"2;;bob@example.com;;;\n3;x;;;;\n4;\"open;carl@example.com\n5;Dora;Dora <dora@example.com>;sometimes\n");
	RUN(place, "csv", "members", "import", "birds");
	expect(place, 65, BIRDS ": 2 added, 0 were members already, 3 lines left out\n", "line 4: no address in this line");
	assert_non_null(strstr(place->complained, "line 5: not a line of CSV"));
	assert_non_null(strstr(place->complained, "line 6: delivery: expected"));
	RUN(place, NULL, "members", "export", "birds", "--format=csv");
	exported = place->said;
	expect(place, 0, "address,name,delivery,joined,reason,skip-addressed,moderated,not-own-posts,digest\n"
		"ann@example.com,\"Ann; \"\"A\"\"\",off-by-bounces,1600000000,,no,no,no,yes\nbob@example.com,,on,1700000000,,no,no,no,no\n", "");
	/* What was exported is imported as the same. */
	write_file(place, "again", exported);
	RUN(place, NULL, "list", "create", "fish@lists.example.org", "--owner", "ann@example.org");
	RUN(place, NULL, "members", "import", "fish", "again");
	expect(place, 0, "fish@lists.example.org: 2 added, 0 were members already, 0 lines left out\n", "");
	RUN(place, NULL, "members", "export", "fish", "--format=csv");
	expect(place, 0, exported, "");
}

/* Several batches. */
#define MANY 30000

static void test_import_of_many(void **state)
{
	struct place *place = *state;
	struct buf lines;
	int64_t start;

	make_birds(place);
	buf_init(&lines, (size_t)16 << 20);
	for (int i = 0; i < MANY; i++)
		buf_printf(&lines, "Member Number %d <user%d@host%d.example.com>\n", i, (i * 7919) % MANY, i % 100);
	write_file(place, "many", buf_text(&lines));
	buf_done(&lines);
	start = clock_monotonic_ms();
	RUN(place, NULL, "members", "import", "birds", "many");
	print_message("%d members imported through listctl in %lld ms\n", MANY, (long long)(clock_monotonic_ms() - start));
	expect(place, 0, BIRDS ": 30000 added, 0 were members already, 0 lines left out\n", "");
	start = clock_monotonic_ms();
	RUN(place, NULL, "members", "export", "birds");
	print_message("and exported in %lld ms\n", (long long)(clock_monotonic_ms() - start));
	assert_int_equal(place->code, 0);
	assert_true(strlen(place->said) > 600000);
}

static void test_settings(void **state)
{
	struct place *place = *state;

	RUN(place, NULL, "settings", "running", "host-name");
	expect(place, 0, "SETTING    VALUE\nhost-name  \"lists.example.org\"\n", "");
	RUN(place, NULL, "settings", "queue-life");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "default: 5d"));
	RUN(place, NULL, "settings", "--sample", "list");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "\n#strategy = auto\n"));
	RUN(place, NULL, "settings", "--sample", "x");
	expect(place, 64, "", "site and list");
	RUN(place, NULL, "help", "members", "import");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "usage: listctl members import LIST [FILE]"));
	RUN(place, NULL, "members", "import", "--help");
	assert_non_null(strstr(place->said, "usage: listctl members import LIST [FILE]"));
	RUN(place, NULL, "--version");
	expect(place, 0, NULL, "");
	assert_int_equal(strncmp(place->said, "listctl ", 8), 0);
}

static void test_no_daemon(void **state)
{
	struct place *place = *state;

	strcat(place->socket, ".none");
	RUN(place, NULL, "lists");
	expect(place, 69, "", "start it with: systemctl start listd");
	write_file(place, "listd.conf", "control-socket = \"/tmp/nonexistent/listd\"\n");
	RUN(place, NULL, "--config", "listd.conf", "lists");
	expect(place, 69, "", "no daemon listens on");
	write_file(place, "listd.conf", "control-soket = \"/tmp/nonexistent/listd\"\n");
	/* Without a socket given, the configuration names it. */
	place->socket[0] = '\0';
	strcpy(place->socket, "--json");
	run_with(place, NULL, (const char *const[]){ "lists", NULL });
	assert_int_equal(place->code, 69);
}

static int connect_to(struct place *place)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", place->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The whole answer to some bytes. */
static const char *talk(struct place *place, struct span bytes)
{
	struct buf answer;
	const char *text;
	ssize_t got;
	int fd = connect_to(place);

	buf_init(&answer, 1 << 20);
	while (bytes.len > 0 && (got = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL)) > 0)
		bytes = span_sub(bytes, (size_t)got, bytes.len);
	shutdown(fd, SHUT_WR);
	while ((got = recv(fd, buf_room(&answer, 4096), 4096, 0)) > 0)
		answer.len += (size_t)got;
	close(fd);
	text = arena_text(place->a, buf_span(&answer));
	buf_done(&answer);
	return text;
}

/* With the NULs that stand in it. */
#define SPAN(text) { text, sizeof(text) - 1 }

static void test_wire(void **state)
{
	static const struct { const char *name; struct span request; const char *want; } rows[] = {
		{ "nothing", SPAN(""), "\"exit\":64,\"error\":\"no request came" }, { "no JSON", SPAN("hello\n"), "the request is not JSON" },
		{ "not ended", SPAN("{\"verb\":\"list all\"}"), "no request came" }, { "no verb", SPAN("{}\n"), "names no verb" },
		{ "no object", SPAN("[1]\n"), "names no verb" }, { "NUL", SPAN("{\"verb\":\"x\0\"}\n"), "not JSON" },
		{ "unknown verb", SPAN("{\"verb\":\"list burn\"}\n"), "knows no verb" }, { "args of a wrong type", SPAN("{\"verb\":\"list all\",\"args\":[]}\n"), "\"ok\":true" },
		{ "missing argument", SPAN("{\"verb\":\"list dump\"}\n"), "which list?" },
		{ "data that breaks off", SPAN("{\"verb\":\"members import\",\"args\":{\"list\":\"birds\"}}\nann@example.com\n"), "\"exit\":75,\"error\":\"the lines broke off; 1 members were added" },
		{ "data", SPAN("{\"verb\":\"members import\",\"args\":{\"list\":\"birds\"}}\nbob@example.com\n.\n"), "\"added\":1,\"existing\":0,\"bad_count\":0" },
		{ "settings that are no texts", SPAN("{\"verb\":\"list set\",\"args\":{\"list\":\"birds\",\"settings\":{\"post\":[1]}}}\n"), "post: expected a text" },
		{ "settings that break off", SPAN("{\"verb\":\"list load\",\"args\":{\"list\":\"birds\"}}\nowners = a@b.example\n"), "\"exit\":75,\"error\":\"the lines broke off" },
		{ "members to remove that break off", SPAN("{\"verb\":\"members remove\",\"args\":{\"list\":\"birds\"}}\nbob@example.com\n"), "\"exit\":75" },
		{ "owners that are no texts", SPAN("{\"verb\":\"list create\",\"args\":{\"list\":\"x@y.example\",\"owners\":[1]}}\n"), "owners: expected addresses" },
	};
	struct place *place = *state;
	char *large;

	make_birds(place);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *answer = talk(place, rows[i].request);

		if (strstr(answer, rows[i].want) == NULL)
			fail_msg("%s: %s", rows[i].name, answer);
	}
	large = malloc(CONTROL_LINE_MAX_BYTES + (128 << 10));
	assert_non_null(large);
	memset(large, 'x', CONTROL_LINE_MAX_BYTES + (128 << 10));
	assert_non_null(strstr(talk(place, (struct span){ large, CONTROL_LINE_MAX_BYTES + (128 << 10) }), "longer than"));
	free(large);
}

static void test_socket(void **state)
{
	struct place *place = *state;
	struct control *second;
	struct stat st;
	struct pollfd polled[18];
	char line[300] = "";
	int fd;

	assert_int_equal(stat(place->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(start_at(place, place->socket, 0600, &second, &place->why), -1);
	assert_non_null(strstr(place->why.text, "is listening on"));
	assert_int_equal(start_at(place, "/nonexistent/x", 0600, &second, &place->why), -1);
	/* Sixteen that say nothing; others are turned away at once, and all end when the daemon does. (The attempt above may still hold a place.) */
	for (size_t i = 0; i < 18; i++)
		polled[i] = (struct pollfd){ .fd = connect_to(place), .events = POLLIN };
	assert_true(poll(polled, 18, 20000) > 0);
	for (size_t i = 0; i < 18; i++)
		if (polled[i].revents != 0 && recv(polled[i].fd, line, sizeof(line) - 1, 0) > 0)
			break;
	assert_non_null(strstr(line, "too many commands at once"));
	control_stop(place->daemon.control);
	assert_int_equal(stat(place->socket, &st), -1);
	for (size_t i = 0; i < 18; i++)
		close(polled[i].fd);
	/* A socket that a dead daemon left is taken over. */
	fd = open(place->socket, O_CREAT | O_WRONLY, 0600);
	close(fd);
	if (start_at(place, place->socket, 0660, &place->daemon.control, &place->why) != 0)
		fail_msg("%s", place->why.text);
	assert_int_equal(stat(place->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_csv(void **state)
{
	static const struct { const char *line; char separator; int count; const char *fields[4]; } rows[] = {
		{ "a,b", ',', 2, { "a", "b" } }, { "", ',', 1, { "" } }, { ",", ',', 2, { "", "" } }, { " a ; \"b;\"\"c\" ;d", ';', 3, { "a", "b;\"c", "d" } },
		{ "a\tb", '\t', 2, { "a", "b" } }, { "\"\"", ',', 1, { "" } }, { "\"a", ',', -1, { NULL } }, { "\"a\"b,c", ',', -1, { NULL } }, { "a\"b,c", ',', 2, { "a\"b", "c" } },
	};
	struct arena *a = arena_new(1 << 20);
	char many[CSV_FIELDS_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *fields[CSV_FIELDS_MAX];

		assert_int_equal(csv_split(a, rows[i].line, rows[i].separator, fields), rows[i].count);
		for (int j = 0; j < rows[i].count; j++)
			assert_string_equal(fields[j], rows[i].fields[j]);
	}
	memset(many, ',', sizeof(many));
	many[CSV_FIELDS_MAX] = '\0';
	assert_int_equal(csv_split(a, many, ',', (const char *[CSV_FIELDS_MAX]){ NULL }), -1);
	many[CSV_FIELDS_MAX - 1] = '\0';
	assert_int_equal(csv_split(a, many, ',', (const char *[CSV_FIELDS_MAX]){ NULL }), CSV_FIELDS_MAX);
	assert_int_equal(csv_separator("a b;c,d"), ';');
	assert_int_equal(csv_separator("email"), ',');
	arena_free(a);
}

static void test_every_verb_has_a_name_and_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < control_verb_count; i++) {
		assert_non_null(control_verbs[i].run);
		assert_true(strlen(control_verbs[i].help) > 5);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(control_verbs[i].name, control_verbs[j].name);
	}
}

/* What is noted of bounces is shown, and forgotten when an administrator switches delivery on. */
static void test_bounces(void **state)
{
	struct place *place = *state;
	struct store_figure figures[] = { { "refused", "dead-mailbox big", 2 }, { "posts", "reject", 3 }, { "alarm", "big", 1 } };
	struct member member = { .key = "ann@example.com", .address = "ann@example.com", .name = "", .reason = "no such user", .delivery = MEMBER_DELIVERY_OFF_BY_BOUNCES };
	struct store_bounce bounce = {
		.list = BIRDS, .post_id = "abcdefghijklmnopqrst", .key = "ann@example.com", .expires_secs = 1800000000, .tally_expires_secs = 1800000000, .figures = figures,
		.figure_count = 3, .burst_share = 20, .burst_min = 4,
		.note = { .day = 1700000000 / 86400, .post_id = "abcdefghijklmnopqrst", .class = "dead-mailbox", .counts = true, .is_certain = true, .at_secs = 1700000000,
			.receiver = "big", .reply = "550 5.1.1 no\033[2J such user" },
	};

	make_birds(place);
	if (store_member_put(place->daemon.store, BIRDS, &member, &place->why) != 0 || store_bounce_put(place->daemon.store, &bounce, NULL, &place->why) != 1)
		fail_msg("%s", place->why.text);
	RUN(place, NULL, "bounces", "birds");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "ann@example.com  counting"));
	assert_non_null(strstr(place->said, "dead-mailbox  big           2  550 5.1.1 no?[2J such user"));
	RUN(place, NULL, "--json", "bounces", "birds");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "\"dead_days\": 1"));
	RUN(place, NULL, "member", "show", "ann@example.com");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "copies came back on 1 day, last for the post of Tue, 14 Nov 2023 (dead-mailbox): 550 5.1.1 no?[2J such user"));
	RUN(place, NULL, "--json", "report", "birds", "--days", "2");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "\"posts\":{\"reject\":3}"));
	RUN(place, NULL, "report", "birds", "--days", "1000");
	expect(place, 65, "", "1 to 100");
	RUN(place, NULL, "bounces", "bees");
	expect(place, 65, "", "no list");
	RUN(place, NULL, "member", "set", "birds", "ann@example.com", "delivery=on");
	expect(place, 0, NULL, "");
	RUN(place, NULL, "bounces", "birds");
	expect(place, 0, NULL, "");
	assert_non_null(strstr(place->said, "No mail comes back"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(test_lists), T(test_refusals), T(test_ambiguous_list), T(test_recipes), T(test_load), T(test_create_from), T(test_members), T(test_bounces), T(test_import_of_lines), T(test_import_of_csv),
		T(test_import_of_many), T(test_receivers), T(test_kit), T(test_settings), T(test_no_daemon), T(test_wire), T(test_socket),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_every_verb_has_a_name_and_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
