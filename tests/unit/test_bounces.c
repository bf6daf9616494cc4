/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows from bounces: the tally's arithmetic by rows; that each report is taken once; the burst brake; probes, suspension, removal and coming back, step by step over days, with
 * a store, a spool and a clock, but without workers and delivery. */
#include "check.h"

#include "listd/bounce/bounce.h"
#include "listd/bounce/fallback.h"
#include "listd/bounce/figures.h"
#include "listd/bounce/learn.h"
#include "listd/bounce/returned.h"
#include "listd/bounce/steps.h"
#include "listd/bounce/tender.h"
#include "listd/delivery/verp.h"
#include "listd/people/notice.h"
#include "listd/post/daemon_world.h"
#include "listd/post/rate.h"
#include "listd/post/route.h"
#include "mail/log.h"

#include <ftw.h>
#include <unistd.h>

#define BIRDS "birds@lists.example.org"
#define DAY 86400LL
#define START (20000 * DAY)

struct place {
	char dir[64];
	struct arena *a;
	struct daemon daemon;
	struct site site;
	struct list_settings *held; /* of the last post */
	int64_t told_day;
	struct fail why;
};

#define OK(call) do { if ((call) != 0) fail_msg("%s: %s", #call, place->why.text); } while (0)

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void add_member(struct place *place, const char *address)
{
	struct member member = { .key = address, .address = address, .name = "", .reason = "", .joined_secs = START };

	OK(store_member_put(place->daemon.store, BIRDS, &member, &place->why));
}

static void make_list(struct place *place, const char *settings)
{
	OK(store_list_create(place->daemon.store, BIRDS, arena_printf(place->a, "address = " BIRDS "\nowners = { \"owner@example.org\" }\n%s", settings), START, &place->why));
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	const char *settings;
	char *templates;

	assert_non_null(place);
	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	strcpy(place->dir, "/tmp/listd-bounces-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	place->a = arena_new((size_t)256 << 20);
	place->daemon.clock = (struct clock){ .is_fixed = true, .fixed_secs = START };
	pthread_mutex_init(&place->daemon.site_lock, NULL);
	place->daemon.site = &place->site;
	place->site.users = 1;
	place->daemon.lists = settings_cache_new();
	place->daemon.rates = rates_new();
	place->daemon.fallback = fallback_new(&place->daemon);
	place->site.receivers = receivers_new();
	place->site.patterns = patterns_new();
	place->daemon.dns = resolver_zone_new();
	templates = realpath(test_data(place->a, "../../conf/templates"), NULL);
	assert_non_null(templates);
	settings = arena_printf(place->a, "host-name = lists.example.org\nsign = no\ntemplate-dir = \"%s\"\n", templates);
	free(templates);
	OK(site_settings_parse(span_of(settings), "test.conf", NULL, &place->site.settings, &place->why));
	OK(receivers_parse(SPAN_LIT("operator big\n domain big.example\n"), "test", place->site.receivers, &place->why));
	OK(store_open(arena_printf(place->a, "%s/store", place->dir), 1 << 20, &place->daemon.store, &place->why));
	OK(learn_open(place->daemon.store, &place->daemon.learn, &place->why));
	OK(spool_open(arena_printf(place->a, "%s/spool", place->dir), &place->daemon.spool, &place->why));
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	list_settings_free(place->held);
	learn_free(place->daemon.learn);
	spool_close(place->daemon.spool);
	store_close(place->daemon.store);
	settings_cache_free(place->daemon.lists);
	rates_free(place->daemon.rates);
	fallback_free(place->daemon.fallback);
	resolver_free(place->daemon.dns);
	receivers_free(place->site.receivers);
	patterns_free(place->site.patterns);
	site_settings_free(place->site.settings);
	pthread_mutex_destroy(&place->daemon.site_lock);
	nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(place->a);
	free(place);
	return 0;
}

/* An id of a post at that time. */
static const char *post_at(struct place *place, int64_t secs)
{
	char id[SPOOL_ID_CHARS + 1];

	spool_id(secs, id);
	return arena_text(place->a, span_of(id));
}

static void bounce_as(struct place *place, const char *post, const char *recipient, enum bounce_class class, enum bounce_source source)
{
	struct bounce bounce = { .list = BIRDS, .job = post, .recipient = recipient, .source = source, .class = class, .status = "5.1.1",
		.reply = "550 5.1.1 no such user", .at_secs = clock_now(&place->daemon.clock) };

	OK(bounce_take(&place->daemon, &bounce, &place->why));
}

static void bounce(struct place *place, const char *post, const char *recipient, enum bounce_class class)
{
	bounce_as(place, post, recipient, class, BOUNCE_BY_REPLY);
}

static bool get_tally(struct place *place, const char *key, struct tally *tally_r)
{
	int found = store_tally_get(place->daemon.store, place->a, BIRDS, key, tally_r, &place->why);

	assert_true(found >= 0);
	return found == 1;
}

static bool get_member(struct place *place, const char *key, struct member *member_r)
{
	int found = store_member_get(place->daemon.store, place->a, BIRDS, key, member_r, &place->why);

	assert_true(found >= 0);
	return found == 1;
}

static uint64_t figure(struct place *place, const char *kind, const char *key)
{
	json_t *sums = figures_sum(&place->daemon, BIRDS, 19000, 21000, &place->why);
	json_int_t count = json_integer_value(json_object_get(json_object_get(sums, kind), key));

	json_decref(sums);
	return (uint64_t)count;
}

/* Messages of the list's own that wait for a worker, for an address (NULL: any); the last one's id. */
static size_t notices(struct place *place, const char *to, const char **id_r)
{
	const char **ids;
	size_t count, found = 0;

	OK(spool_ids(place->daemon.spool, place->a, SPOOL_IN, &ids, &count, &place->why));
	for (size_t i = 0; i < count; i++) {
		struct spooled spooled;

		OK(spool_read(place->daemon.spool, place->a, SPOOL_IN, ids[i], &spooled, &place->why));
		assert_string_equal(spooled.envelope.notice_of, BIRDS);
		if (to == NULL || strcmp(spooled.envelope.rcpts[0], to) == 0) {
			found++;
			if (id_r != NULL)
				*id_r = ids[i];
		}
		spool_unread(&spooled);
	}
	return found;
}

static struct span notice_text(struct place *place, const char *id)
{
	struct spooled spooled;
	struct span text;

	OK(spool_read(place->daemon.spool, place->a, SPOOL_IN, id, &spooled, &place->why));
	text = arena_span(place->a, spooled.message);
	spool_unread(&spooled);
	return text;
}

static void forget_notices(struct place *place)
{
	const char **ids;
	size_t count;

	OK(spool_ids(place->daemon.spool, place->a, SPOOL_IN, &ids, &count, &place->why));
	for (size_t i = 0; i < count; i++)
		OK(spool_remove(place->daemon.spool, SPOOL_IN, ids[i], &place->why));
}

static void go_to(struct place *place, int64_t secs)
{
	place->daemon.clock.fixed_secs = secs;
	tender_round(&place->daemon, &place->told_day);
}

/* ---- arithmetic ---- */

static const char *const classes[] = { ['d'] = "dead-mailbox", ['f'] = "full", ['n'] = "network", ['p'] = "policy-dmarc", ['s'] = "spam-or-reputation" };

/* "d1 D2": a letter of the class (in capitals: a suspicion only) and the days ago; "!" behind: held back. */
static void read_notes(struct arena *a, const char *text, struct tally *tally, bool **held_r)
{
	struct tally_note *notes = arena_array(a, 40, sizeof(*notes));
	struct span rest = span_of(text), word;

	*held_r = arena_array(a, 40, sizeof(**held_r));
	while (span_word(&rest, &word)) {
		struct tally_note *note = &notes[tally->note_count];
		char letter = ascii_lower(word.ptr[0]);

		note->class = classes[(unsigned char)letter];
		note->counts = letter == 'd' || letter == 'f' || letter == 'n';
		note->is_certain = letter == word.ptr[0];
		note->day = START / DAY - strtol(word.ptr + 1, NULL, 10);
		note->receiver = note->reply = note->post_id = "";
		(*held_r)[tally->note_count++] = word.ptr[word.len - 1] == '!';
	}
	tally->notes = notes;
}

static void test_scores(void **state)
{
	static const struct { const char *notes; enum tally_state state; const char *back; unsigned warnings; int probe_days_ago; const char *settings; enum tally_step want; int due_in_days; } rows[] = {
		/* counting */
		{ "", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "d0 d1", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "d0 d1 d2", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_PROBE, -1 },
		{ "d0 d0 d0 d1", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "d0 d1 p2 s3 p4 p5", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "p0 p1 p2 p3 p4 p5 p6 p7 p8 s9 s10", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "f0 f1 f2 n3 n4 f5", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "f0 f1 f2 n3 n4 f5 n6", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_PROBE, -1 },
		{ "f0 f1 f2 n3 n4 d5 d6", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_PROBE, -1 },
		{ "d0 d1 d31", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "d0 d1 d30", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_PROBE, -1 },
		{ "d0 d1 d2!", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_NONE, -1 },
		{ "d0 d1 d2! d2", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_PROBE, -1 },
		{ "d0", TALLY_COUNTING, "", 0, 0, "bounce-days = 1", TALLY_STEP_PROBE, -1 },
		{ "d0 d1 d2", TALLY_COUNTING, "", 0, 0, "bounces = no", TALLY_STEP_NONE, -1 },
		{ "d0 d1 d2", TALLY_COUNTING, "", 0, 0, "bounce-probe = no", TALLY_STEP_SUSPEND, -1 },
		{ "D0 D1 D2", TALLY_COUNTING, "", 0, 0, "", TALLY_STEP_PROBE, -1 },
		{ "D0 D1 d2", TALLY_COUNTING, "", 0, 0, "bounce-probe = no", TALLY_STEP_PROBE, -1 },
		/* a probe is out */
		{ "d0 d1 d2", TALLY_PROBED, "", 0, 1, "", TALLY_STEP_NONE, 6 },
		{ "d0 d1 d2", TALLY_PROBED, "", 0, 7, "", TALLY_STEP_FORGET, -1 },
		{ "d0 d1 d2", TALLY_PROBED, "dead-mailbox", 0, 0, "", TALLY_STEP_SUSPEND, -1 },
		{ "f0 f1 f2", TALLY_PROBED, "full", 0, 0, "", TALLY_STEP_SUSPEND, -1 },
		{ "d0 d1 d2", TALLY_PROBED, "policy-dmarc", 0, 0, "", TALLY_STEP_FORGET, -1 },
		{ "d0 d1 d2", TALLY_PROBED, "spam-or-reputation", 0, 0, "", TALLY_STEP_FORGET, -1 },
		/* suspended: the probe is the warning */
		{ "", TALLY_SUSPENDED, "", 1, 3, "", TALLY_STEP_NONE, 4 },
		{ "", TALLY_SUSPENDED, "", 1, 7, "", TALLY_STEP_RESTORE, -1 },
		{ "", TALLY_SUSPENDED, "dead-mailbox", 1, 3, "", TALLY_STEP_NONE, 4 },
		{ "", TALLY_SUSPENDED, "dead-mailbox", 1, 7, "", TALLY_STEP_WARN, -1 },
		{ "", TALLY_SUSPENDED, "dead-mailbox", 2, 7, "", TALLY_STEP_WARN, -1 },
		{ "", TALLY_SUSPENDED, "dead-mailbox", 3, 6, "", TALLY_STEP_NONE, 1 },
		{ "", TALLY_SUSPENDED, "dead-mailbox", 3, 7, "", TALLY_STEP_REMOVE, -1 },
		{ "", TALLY_SUSPENDED, "dead-mailbox", 3, 7, "bounce-remove = no", TALLY_STEP_NONE, -1 },
		{ "", TALLY_SUSPENDED, "full", 3, 7, "", TALLY_STEP_NONE, -1 },
		{ "", TALLY_SUSPENDED, "network", 3, 70, "", TALLY_STEP_NONE, -1 },
		{ "", TALLY_SUSPENDED, "policy-dmarc", 3, 70, "", TALLY_STEP_NONE, -1 },
		{ "", TALLY_SUSPENDED, "", 3, 7, "", TALLY_STEP_RESTORE, -1 },
		{ "", TALLY_SUSPENDED, "", 1, 3, "bounce-warn-interval = 1d", TALLY_STEP_NONE, 4 },
	};
	struct arena *a = arena_new((size_t)1 << 22);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally tally = { .state = rows[i].state, .probe_class = rows[i].back, .probe_reply = "", .warnings = rows[i].warnings, .probe_secs = START - rows[i].probe_days_ago * DAY };
		struct list_settings *list;
		struct tally_score score;
		enum tally_step step;
		int64_t due;
		bool *held;

		assert_int_equal(list_settings_parse(span_of(rows[i].settings), "test", BIRDS, &list, NULL), 0);
		read_notes(a, rows[i].notes, &tally, &held);
		tally_score(&tally, held, list, START, &score);
		step = tally_next(&tally, &score, list, START, &due);
		if (step != rows[i].want || (rows[i].due_in_days < 0 ? due != INT64_MAX : due != START + rows[i].due_in_days * DAY))
			fail_msg("row %zu (%s, %s): %s, due in %lld days", i, rows[i].notes, rows[i].back, tally_step_name(step), (long long)(due - START) / DAY);
		list_settings_free(list);
		arena_reset(a);
	}
	arena_free(a);
}

/* ---- reports ---- */

static void test_each_report_is_taken_once(void **state)
{
	struct place *place = *state;
	const char *post = post_at(place, START);
	struct tally tally;

	make_list(place, "");
	add_member(place, "ann@big.example");
	for (int i = 0; i < 5; i++)
		bounce(place, post, "Ann@big.example", BOUNCE_DEAD_MAILBOX);
	assert_true(get_tally(place, "ann@big.example", &tally));
	assert_int_equal(tally.note_count, 1);
	assert_string_equal(tally.notes[0].class, "dead-mailbox");
	assert_string_equal(tally.notes[0].receiver, "big");
	assert_string_equal(tally.notes[0].reply, "550 5.1.1 no such user");
	assert_true(tally.notes[0].counts && tally.notes[0].is_certain);
	assert_int_equal(figure(place, "refused", "dead-mailbox big"), 1);
	/* replayed days later: the post's day has its point already */
	place->daemon.clock.fixed_secs = START + 3 * DAY;
	bounce(place, post, "ann@big.example", BOUNCE_DEAD_MAILBOX);
	bounce_as(place, post, "ann@big.example", BOUNCE_DEAD_MAILBOX, BOUNCE_BY_POST_KEY);
	assert_true(get_tally(place, "ann@big.example", &tally));
	for (size_t i = 0; i < tally.note_count; i++)
		assert_int_equal(tally.notes[i].day, START / DAY);
}

static void test_strangers_change_nothing(void **state)
{
	struct place *place = *state;
	struct tally tally;

	make_list(place, "");
	bounce(place, post_at(place, START), "nobody@big.example", BOUNCE_DEAD_MAILBOX);
	bounce(place, post_at(place, START), "no address", BOUNCE_DEAD_MAILBOX);
	assert_false(get_tally(place, "nobody@big.example", &tally));
	assert_int_equal(figure(place, "refused", "dead-mailbox big"), 0);
}

static void test_other_classes_do_not_count(void **state)
{
	static const enum bounce_class others[] = { BOUNCE_POLICY_DMARC, BOUNCE_POLICY_AUTH, BOUNCE_SPAM, BOUNCE_RATE, BOUNCE_CONTENT, BOUNCE_UNKNOWN };
	static const enum bounce_class nothing[] = { BOUNCE_DELAYED, BOUNCE_DELIVERED, BOUNCE_RELAYED, BOUNCE_AUTO_REPLY };
	struct place *place = *state;
	struct tally tally;

	make_list(place, "bounce-days = 1\n");
	add_member(place, "ann@big.example");
	for (int day = 0; day < 20; day++) {
		place->daemon.clock.fixed_secs = START + day * DAY;
		for (size_t i = 0; i < 4; i++)
			bounce(place, post_at(place, START + day * DAY + (int64_t)i), "ann@big.example", nothing[i]);
		assert_int_equal(get_tally(place, "ann@big.example", &tally), day > 0);
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			bounce(place, post_at(place, START + day * DAY + 10 + (int64_t)i), "ann@big.example", others[i]);
		tender_round(&place->daemon, &place->told_day);
	}
	assert_true(get_tally(place, "ann@big.example", &tally));
	assert_int_equal(tally.state, TALLY_COUNTING);
	assert_int_equal(tally.note_count, STORE_TALLY_OTHERS_MAX);
	assert_int_equal(figure(place, "refused", "policy-dmarc big"), 20);
	assert_int_equal(notices(place, "ann@big.example", NULL), 0);
}

static void test_a_tally_stays_small(void **state)
{
	struct place *place = *state;
	struct tally tally;

	make_list(place, "bounces = yes\nbounce-days = 30\nbounce-days-soft = 30\nbounce-life = 90d\n");
	add_member(place, "ann@big.example");
	for (int i = 0; i < 600; i++)
		bounce(place, post_at(place, START + i * DAY / 8), "ann@big.example", i % 3 == 0 ? BOUNCE_SPAM : BOUNCE_FULL);
	assert_true(get_tally(place, "ann@big.example", &tally));
	assert_true(tally.note_count <= STORE_TALLY_NOTES_MAX);
}

/* ---- the burst brake ---- */

static void test_bursts_are_held_back(void **state)
{
	/* subscribers, of whom so many bounce on each of three days: is it held back? */
	static const struct { unsigned subscribers, bounced; bool held; } rows[] = {
		{ 9, 1, false }, { 9, 2, false }, { 9, 3, false }, { 9, 4, true }, { 9, 9, true }, { 3, 3, false }, { 40, 8, false }, { 40, 9, true }, { 100, 20, false }, { 100, 21, true },
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned probed = 0;

		make_list(place, "");
		for (unsigned k = 0; k < rows[i].subscribers; k++)
			add_member(place, arena_printf(place->a, "m%u@big.example", k));
		for (int day = 0; day < 3; day++) {
			struct store_share share = { "big", rows[i].subscribers };
			const char *post = post_at(place, START + day * DAY);

			place->daemon.clock.fixed_secs = START + day * DAY;
			OK(store_post_note(place->daemon.store, BIRDS, post, START, START + 99 * DAY, &share, 1, NULL, 0, &place->why));
			for (unsigned k = 0; k < rows[i].bounced; k++)
				bounce(place, post, arena_printf(place->a, "m%u@big.example", k), BOUNCE_DEAD_MAILBOX);
			tender_round(&place->daemon, &place->told_day);
		}
		for (unsigned k = 0; k < rows[i].subscribers; k++)
			probed += notices(place, arena_printf(place->a, "m%u@big.example", k), NULL) > 0;
		if (probed != (rows[i].held ? 0 : rows[i].bounced))
			fail_msg("%u of %u bounced: %u probed", rows[i].bounced, rows[i].subscribers, probed);
		assert_int_equal(notices(place, "owner@example.org", NULL), rows[i].held ? 3 : 0);
		forget_notices(place);
		OK(store_list_delete(place->daemon.store, BIRDS, &place->why));
		place->daemon.clock.fixed_secs = START;
	}
}

/* What goes on for a week and more is no burst: mailboxes that were there first die, too. */
static void test_a_lasting_burst_is_none(void **state)
{
	struct place *place = *state;
	unsigned probed = 0;

	make_list(place, "");
	for (unsigned k = 0; k < 10; k++)
		add_member(place, arena_printf(place->a, "m%u@big.example", k));
	for (int day = 0; day < 12; day++) {
		struct store_share share = { "big", 10 };
		const char *post = post_at(place, START + day * DAY);

		place->daemon.clock.fixed_secs = START + day * DAY;
		OK(store_post_note(place->daemon.store, BIRDS, post, START, START + 99 * DAY, &share, 1, NULL, 0, &place->why));
		for (unsigned k = 0; k < 5; k++)
			bounce(place, post, arena_printf(place->a, "m%u@big.example", k), BOUNCE_DEAD_MAILBOX);
		tender_round(&place->daemon, &place->told_day);
		for (unsigned k = 0; day == 9 && k < 10; k++)
			assert_int_equal(notices(place, arena_printf(place->a, "m%u@big.example", k), NULL), 0);
	}
	for (unsigned k = 0; k < 10; k++)
		probed += notices(place, arena_printf(place->a, "m%u@big.example", k), NULL) > 0;
	assert_int_equal(probed, 5);
}

static void test_a_post_is_noted_once(void **state)
{
	struct place *place = *state;
	struct store_share share = { "big", 9 };
	struct store_figure posts = { FIGURE_POSTS, "reject", 1 };
	const char *post = post_at(place, START);

	make_list(place, "");
	for (int i = 0; i < 3; i++)
		OK(store_post_note(place->daemon.store, BIRDS, post, START, START + 99 * DAY, &share, 1, &posts, 1, &place->why));
	assert_int_equal(figure(place, FIGURE_POSTS, "reject"), 1);
}

/* ---- steps ---- */

static void make_dead(struct place *place, const char *address)
{
	for (int day = 0; day < 3; day++) {
		place->daemon.clock.fixed_secs = START + day * DAY;
		bounce(place, post_at(place, START + day * DAY), address, BOUNCE_DEAD_MAILBOX);
	}
	tender_round(&place->daemon, &place->told_day);
}

/* The last probe to the address comes back. */
static void probe_back(struct place *place, const char *key, enum bounce_class class)
{
	struct tally tally;

	assert_true(get_tally(place, key, &tally));
	bounce_as(place, tally.probe_id, "", class, BOUNCE_BY_PROBE);
	bounce_as(place, tally.probe_id, "", class, BOUNCE_BY_PROBE);
	tender_round(&place->daemon, &place->told_day);
}

static void test_a_dead_mailbox_is_removed(void **state)
{
	struct place *place = *state;
	struct member member;
	struct tally tally;
	const char *id;

	make_list(place, "weekly-report = no\n");
	add_member(place, "ann@big.example");
	make_dead(place, "ann@big.example");
	assert_int_equal(notices(place, "ann@big.example", &id), 1);
	assert_true(get_tally(place, "ann@big.example", &tally));
	assert_int_equal(tally.state, TALLY_PROBED);
	assert_string_equal(tally.probe_id, id);
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_ON);
	/* more of the same sends no more probes */
	bounce(place, post_at(place, START + 2 * DAY + 5), "ann@big.example", BOUNCE_DEAD_MAILBOX);
	tender_round(&place->daemon, &place->told_day);
	assert_int_equal(notices(place, "ann@big.example", NULL), 1);

	for (unsigned warning = 1; warning <= 3; warning++) {
		probe_back(place, "ann@big.example", BOUNCE_DEAD_MAILBOX);
		if (warning > 1)
			go_to(place, START + (2 + 7 * (warning - 1)) * DAY);
		assert_true(get_member(place, "ann@big.example", &member));
		assert_int_equal(member.delivery, MEMBER_DELIVERY_OFF_BY_BOUNCES);
		assert_non_null(strstr(member.reason, "550 5.1.1 no such user"));
		assert_true(get_tally(place, "ann@big.example", &tally));
		assert_int_equal(tally.warnings, warning);
		assert_int_equal(notices(place, "ann@big.example", NULL), 1 + warning);
	}
	go_to(place, START + 40 * DAY - DAY * 22);
	assert_true(get_member(place, "ann@big.example", &member));
	probe_back(place, "ann@big.example", BOUNCE_DEAD_MAILBOX);
	go_to(place, START + 23 * DAY);
	assert_false(get_member(place, "ann@big.example", &member));
	assert_false(get_tally(place, "ann@big.example", &tally));
	assert_int_equal(notices(place, "ann@big.example", NULL), 4);
	/* the owner hears of it the day after, once */
	forget_notices(place);
	go_to(place, START + 24 * DAY);
	go_to(place, START + 24 * DAY + 100);
	assert_int_equal(notices(place, "owner@example.org", &id), 1);
	assert_true(span_find(notice_text(place, id), SPAN_LIT("ann@big.example")) < notice_text(place, id).len);
}

static void test_a_probe_that_arrives_clears(void **state)
{
	struct place *place = *state;
	struct member member;
	struct tally tally;

	make_list(place, "");
	add_member(place, "ann@big.example");
	make_dead(place, "ann@big.example");
	go_to(place, START + 8 * DAY);
	assert_true(get_tally(place, "ann@big.example", &tally));
	go_to(place, START + 9 * DAY);
	assert_false(get_tally(place, "ann@big.example", &tally));
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_ON);
}

static void test_a_warning_that_arrives_restores(void **state)
{
	struct place *place = *state;
	struct member member;
	struct tally tally;

	make_list(place, "");
	add_member(place, "ann@big.example");
	make_dead(place, "ann@big.example");
	probe_back(place, "ann@big.example", BOUNCE_DEAD_MAILBOX);
	go_to(place, START + 9 * DAY);
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_ON);
	assert_false(get_tally(place, "ann@big.example", &tally));
}

/* Nothing is removed without a probe that came back dead. */
static void test_only_dead_mailboxes_are_removed(void **state)
{
	static const enum bounce_class others[] = { BOUNCE_FULL, BOUNCE_NETWORK, BOUNCE_POLICY_DMARC, BOUNCE_SPAM, BOUNCE_UNKNOWN };
	struct place *place = *state;
	struct member member;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		make_list(place, "");
		add_member(place, "ann@big.example");
		make_dead(place, "ann@big.example");
		probe_back(place, "ann@big.example", BOUNCE_DEAD_MAILBOX);
		for (int week = 1; week < 20; week++) {
			probe_back(place, "ann@big.example", others[i]);
			go_to(place, START + (2 + 7 * week) * DAY);
		}
		assert_true(get_member(place, "ann@big.example", &member));
		assert_int_equal(member.delivery, MEMBER_DELIVERY_OFF_BY_BOUNCES);
		OK(store_list_delete(place->daemon.store, BIRDS, &place->why));
		forget_notices(place);
	}
}

/* A suspicion counts as one; only the probe with the subscriber's own key makes it more. */
static void test_suspicions_need_a_probe(void **state)
{
	struct place *place = *state;
	struct member member;

	make_list(place, "bounce-probe = no\n");
	add_member(place, "ann@big.example");
	for (int day = 0; day < 10; day++) {
		place->daemon.clock.fixed_secs = START + day * DAY / 2;
		bounce_as(place, post_at(place, START + day * DAY / 2), "ann@big.example", BOUNCE_DEAD_MAILBOX, BOUNCE_BY_POST_KEY);
		tender_round(&place->daemon, &place->told_day);
	}
	assert_int_equal(notices(place, "ann@big.example", NULL), 1);
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_ON);
}

static void test_what_an_administrator_sets_settles_it(void **state)
{
	struct place *place = *state;
	struct member member;
	struct tally tally;

	make_list(place, "");
	add_member(place, "ann@big.example");
	make_dead(place, "ann@big.example");
	probe_back(place, "ann@big.example", BOUNCE_DEAD_MAILBOX);
	assert_true(get_member(place, "ann@big.example", &member));
	member.delivery = MEMBER_DELIVERY_ON;
	OK(store_member_put(place->daemon.store, BIRDS, &member, &place->why));
	go_to(place, START + 10 * DAY);
	assert_false(get_tally(place, "ann@big.example", &tally));
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_ON);
}

/* ---- the address of bounces, the answer that brings back ---- */

static void run_route(struct place *place, const char *rcpt, const char *mail_from, const char *text, struct post *post_r)
{
	struct envelope *envelope = arena_alloc(place->a, sizeof(*envelope));
	struct world *world = arena_alloc(place->a, sizeof(*world));
	enum purpose purpose;
	const char *suffix;

	*envelope = (struct envelope){ .id = post_at(place, clock_now(&place->daemon.clock)), .mail_from = mail_from, .received_secs = clock_now(&place->daemon.clock) };
	daemon_world(&place->daemon, &place->site, world);
	list_settings_free(place->held);
	assert_int_equal(daemon_find_list(&place->daemon, place->a, rcpt, &place->held, &suffix, &purpose, &place->why), 1);
	OK(post_begin(post_r, place->a, world, envelope, rcpt, place->held, span_of(text), &place->why));
	post_r->purpose = purpose;
	post_r->suffix = suffix;
	OK(route_run(post_r, true, NULL, NULL, &place->why));
}

static const char *key_of(struct place *place, const char *list, enum verp_kind kind, const char *post, const char *recipient)
{
	struct secret secret = secret_derive(&place->daemon.master, arena_printf(place->a, "verp %s", list));
	char *sender = arena_alloc(place->a, 400);

	verp_write(&secret, kind, "birds", "lists.example.org", post, recipient, sender, 400);
	return sender;
}

static const char dsn[] = "From: MAILER-DAEMON@big.example\r\nTo: x\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nNo.\r\n--b\r\n"
	"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; big.example\r\n\r\nFinal-Recipient: rfc822; ann@big.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b--\r\n";

static void test_keys(void **state)
{
	struct place *place = *state;
	const char *post = post_at(place, START), *good = key_of(place, BIRDS, VERP_RECIPIENT, post, "ann@big.example"), *bad;
	struct post taken;
	struct tally tally;

	make_list(place, "");
	add_member(place, "ann@big.example");
	/* no key, a wrong one, that of another list, of another recipient, one too old */
	run_route(place, "birds-bounces@lists.example.org", "", dsn, &taken);
	assert_int_equal(taken.outcome, OUTCOME_DISCARD);
	bad = arena_printf(place->a, "%s", good);
	((char *)(uintptr_t)bad)[40] = good[40] == 'a' ? 'b' : 'a';
	run_route(place, bad, "", dsn, &taken);
	assert_int_equal(taken.outcome, OUTCOME_DISCARD);
	run_route(place, key_of(place, "bees@lists.example.org", VERP_RECIPIENT, post, "ann@big.example"), "", dsn, &taken);
	assert_int_equal(taken.outcome, OUTCOME_DISCARD);
	run_route(place, key_of(place, BIRDS, VERP_RECIPIENT, post_at(place, START - 15 * DAY), "ann@big.example"), "", dsn, &taken);
	assert_int_equal(taken.outcome, OUTCOME_DISCARD);
	assert_false(get_tally(place, "ann@big.example", &tally));
	/* a good one */
	for (int i = 0; i < 3; i++) {
		run_route(place, good, "", dsn, &taken);
		assert_int_equal(taken.outcome, OUTCOME_REPORT);
		OK(returned_take(&place->daemon, &place->site, &taken, &place->why));
	}
	assert_true(get_tally(place, "ann@big.example", &tally));
	assert_int_equal(tally.note_count, 1);
	assert_string_equal(tally.notes[0].class, "dead-mailbox");
	/* an ordinary message to it is nothing */
	run_route(place, key_of(place, BIRDS, VERP_RECIPIENT, post_at(place, START + 1), "ann@big.example"), "x@y.example", "From: x@y.example\r\nSubject: hi\r\n\r\nHello.\r\n", &taken);
	assert_int_equal(taken.outcome, OUTCOME_REPORT);
	OK(returned_take(&place->daemon, &place->site, &taken, &place->why));
	assert_true(get_tally(place, "ann@big.example", &tally));
	assert_int_equal(tally.note_count, 1);
}

/* With XVERP the key is the post's; what the relay itself reports about the recipient that it put there is certain, what others do is a suspicion. */
static void test_reports_of_the_relay(void **state)
{
	struct place *place = *state;
	static const struct { const char *named; bool by_relay, certain; } rows[] = {
		{ "ann=big.example", true, true }, { "ann=big.example", false, false }, { "bob=big.example", true, false },
	};

	make_list(place, "");
	add_member(place, "ann@big.example");
	add_member(place, "bob@big.example");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *key = key_of(place, BIRDS, VERP_POST, post_at(place, START + (int64_t)i), NULL), *at = strchr(rows[i].named, '=');
		struct envelope envelope;
		struct tally tally;
		struct post taken;

		run_route(place, arena_printf(place->a, "%.*s+%s@lists.example.org", (int)strcspn(key, "@"), key, rows[i].named), "", dsn, &taken);
		envelope = *taken.envelope;
		envelope.is_submission = rows[i].by_relay;
		taken.envelope = &envelope;
		OK(returned_take(&place->daemon, &place->site, &taken, &place->why));
		assert_true(get_tally(place, arena_printf(place->a, "%.*s@%s", (int)(at - rows[i].named), rows[i].named, at + 1), &tally));
		assert_int_equal(tally.notes[tally.note_count - 1].is_certain, rows[i].certain);
	}
}

static void test_a_flood_is_bounded(void **state)
{
	struct place *place = *state;
	const char *id;
	struct tally tally;
	struct post taken;
	unsigned read = 0;

	make_list(place, "");
	add_member(place, "ann@big.example");
	run_route(place, key_of(place, BIRDS, VERP_RECIPIENT, post_at(place, START), "ann@big.example"), "", dsn, &taken);
	assert_null(returned_is_needless(&place->daemon, &taken));
	OK(returned_take(&place->daemon, &place->site, &taken, &place->why));
	for (int i = 0; i < 100; i++)
		assert_non_null(returned_is_needless(&place->daemon, &taken));
	/* a key that is the post's: no more than a post may have, whoever is named */
	run_route(place, key_of(place, BIRDS, VERP_POST, post_at(place, START + 1), NULL), "", dsn, &taken);
	for (int i = 0; i < 2 * RETURNED_PER_POST_PER_HOUR; i++)
		read += returned_is_needless(&place->daemon, &taken) == NULL;
	assert_int_equal(read, RETURNED_PER_POST_PER_HOUR);
	/* a probe */
	make_dead(place, "ann@big.example");
	assert_true(get_tally(place, "ann@big.example", &tally));
	id = tally.probe_id;
	run_route(place, key_of(place, BIRDS, VERP_PROBE, id, NULL), "", dsn, &taken);
	for (int i = 0; i < 100; i++)
		read += returned_is_needless(&place->daemon, &taken) == NULL;
	assert_int_equal(read, RETURNED_PER_POST_PER_HOUR + RETURNED_PER_PROBE_PER_HOUR);
}

static unsigned count_read(struct place *place, enum verp_kind kind, const char *post_id, bool by_relay, unsigned count)
{
	const struct envelope envelope = { .mail_from = "", .client_ip = by_relay ? NULL : "192.0.2.1", .is_submission = by_relay };
	struct verp verp = { .kind = kind, .valid = true, .post_id = post_id };
	struct post post = { .list = place->held, .verp = &verp, .envelope = &envelope };
	unsigned read = 0;

	for (unsigned i = 0; i < count; i++) {
		post.arena = arena_new(1 << 20);
		verp.recipient = arena_printf(post.arena, "m%u@big.example", i);
		read += returned_is_needless(&place->daemon, &post) == NULL;
		arena_free(post.arena);
	}
	return read;
}

/* Each subscriber of a large list may be refused within the hour, whatever one of them sends meanwhile. */
static void test_a_flood_of_one_hides_no_other(void **state)
{
	struct place *place = *state;
	const char *post = post_at(place, START);
	struct post taken;

	make_list(place, "");
	run_route(place, key_of(place, BIRDS, VERP_RECIPIENT, post, "mallory@big.example"), "", dsn, &taken);
	for (unsigned i = 0; i < RETURNED_PER_POST_PER_HOUR; i++)
		returned_is_needless(&place->daemon, &taken);
	/* but for one whose count falls into the slot of hers (rate.h) */
	assert_in_range(count_read(place, VERP_RECIPIENT, post, false, RETURNED_PER_POST_PER_HOUR + 1000), RETURNED_PER_POST_PER_HOUR + 990, RETURNED_PER_POST_PER_HOUR + 1000);
	/* the key of a post that every subscriber knows, with the names of others: what the relay itself reports about them comes through all the same */
	for (unsigned i = 0; i < RETURNED_PER_COPY_PER_HOUR; i++)
		count_read(place, VERP_POST, post, false, 3000);
	assert_int_equal(count_read(place, VERP_POST, post, false, 3000), 0);
	assert_int_equal(count_read(place, VERP_POST, post, true, 3000), 3000);
}

/* What was sent before a list had its present name still comes back to it. */
static void test_a_renamed_list(void **state)
{
	struct place *place = *state;
	const char *key = key_of(place, BIRDS, VERP_RECIPIENT, post_at(place, START), "ann@big.example");
	struct post taken;

	make_list(place, "");
	OK(store_list_rename(place->daemon.store, BIRDS, "fowl@lists.example.org", "address = fowl@lists.example.org", &place->why));
	run_route(place, key, "", dsn, &taken);
	assert_string_equal(taken.list->address, "fowl@lists.example.org");
	assert_int_equal(taken.outcome, OUTCOME_REPORT);
}

static const char arf[] = "From: fbl@big.example\r\nTo: x\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
	"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n--b\r\n"
	"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Mail-From: <%s>\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
	"From: birds@lists.example.org\r\nSubject: x\r\n\r\nx\r\n--b--\r\n";

static void complain(struct place *place, const char *key)
{
	struct post taken;

	run_route(place, "birds-bounces@lists.example.org", "fbl@big.example", arena_printf(place->a, arf, key), &taken);
	assert_int_equal(taken.outcome, OUTCOME_REPORT);
	OK(returned_take(&place->daemon, &place->site, &taken, &place->why));
}

static void test_complaints(void **state)
{
	struct place *place = *state;
	const char *post = post_at(place, START);
	struct member member;

	make_list(place, "");
	add_member(place, "ann@big.example");
	complain(place, "birds-bounces+rabcdefgh234567abcdefabcdefghijklmnop+ann=big.example@lists.example.org");
	complain(place, "nobody@example.org");
	complain(place, key_of(place, "bees@lists.example.org", VERP_RECIPIENT, post, "ann@big.example"));
	assert_true(get_member(place, "ann@big.example", &member));
	/* a key that every subscriber knows */
	complain(place, arena_printf(place->a, "%.*s+ann=big.example@lists.example.org", (int)(strlen("birds-bounces+") + 37), key_of(place, BIRDS, VERP_POST, post, NULL)));
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(figure(place, FIGURE_COMPLAINT, "ann@big.example noted"), 1);
	complain(place, key_of(place, BIRDS, VERP_RECIPIENT, post, "ann@big.example"));
	assert_false(get_member(place, "ann@big.example", &member));
	/* never twice: one who has subscribed again stays */
	add_member(place, "ann@big.example");
	complain(place, key_of(place, BIRDS, VERP_RECIPIENT, post, "ann@big.example"));
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(figure(place, FIGURE_COMPLAINT, "ann@big.example unsubscribed"), 1);
}

/* The token of the address in Reply-To. */
static const char *back_address(struct place *place, const char *id)
{
	struct span text = notice_text(place, id);
	struct message m;

	OK(message_parse(place->a, text, &m, &place->why));
	return arena_text(place->a, span_trim(message_field(&m, "Reply-To")->value));
}

static void test_an_answer_brings_back(void **state)
{
	struct place *place = *state;
	struct member member;
	struct post taken;
	const char *id = "", *address;

	make_list(place, "");
	add_member(place, "ann@big.example");
	make_dead(place, "ann@big.example");
	forget_notices(place);
	probe_back(place, "ann@big.example", BOUNCE_DEAD_MAILBOX);
	assert_int_equal(notices(place, "ann@big.example", &id), 1);
	address = back_address(place, id);
	assert_true(strncmp(address, "birds-confirm+", 14) == 0);
	/* programs answer, too */
	run_route(place, address, "", "From: ann@big.example\r\nSubject: away\r\n\r\n.\r\n", &taken);
	assert_int_equal(taken.outcome, OUTCOME_DISCARD);
	run_route(place, address, "ann@big.example", "From: ann@big.example\r\nAuto-Submitted: auto-replied\r\n\r\n.\r\n", &taken);
	assert_int_equal(taken.outcome, OUTCOME_DISCARD);
	/* one who guesses writes to the owners */
	run_route(place, "birds-confirm+abcdefghijklmnopqrstuvwxyz@lists.example.org", "ann@big.example", "From: ann@big.example\r\n\r\n.\r\n", &taken);
	assert_int_not_equal(taken.outcome, OUTCOME_REPORT);
	run_route(place, address, "ann@big.example", "From: ann@big.example\r\nSubject: Re: x\r\n\r\nyes\r\n", &taken);
	assert_int_equal(taken.outcome, OUTCOME_REPORT);
	assert_string_equal(taken.confirm_key, "ann@big.example");
	/* not against an administrator */
	assert_true(get_member(place, "ann@big.example", &member));
	member.delivery = MEMBER_DELIVERY_OFF_BY_ADMIN;
	OK(store_member_put(place->daemon.store, BIRDS, &member, &place->why));
	assert_int_equal(steps_come_back(&place->daemon, BIRDS, taken.confirm_key, "answered", &place->why), 0);
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_OFF_BY_ADMIN);
	member.delivery = MEMBER_DELIVERY_OFF_BY_BOUNCES;
	OK(store_member_put(place->daemon.store, BIRDS, &member, &place->why));
	assert_int_equal(steps_come_back(&place->daemon, BIRDS, taken.confirm_key, "answered", &place->why), 1);
	assert_true(get_member(place, "ann@big.example", &member));
	assert_int_equal(member.delivery, MEMBER_DELIVERY_ON);
	assert_int_equal(steps_come_back(&place->daemon, BIRDS, taken.confirm_key, "answered", &place->why), 0);
}

/* ---- what is told ---- */

static void test_notices_are_mail_of_the_list(void **state)
{
	struct place *place = *state;
	const char *id = "";
	struct message m;

	make_list(place, "language = de\n");
	add_member(place, "ann@big.example");
	make_dead(place, "ann@big.example");
	assert_int_equal(notices(place, "ann@big.example", &id), 1);
	OK(message_parse(place->a, notice_text(place, id), &m, &place->why));
	assert_true(span_eq_text(span_trim(message_field(&m, "Auto-Submitted")->value), "auto-generated"));
	assert_true(span_find(message_field(&m, "From")->value, SPAN_LIT(BIRDS)) < message_field(&m, "From")->value.len);
	assert_non_null(message_field(&m, "Date"));
	assert_non_null(message_field(&m, "Message-ID"));
	assert_non_null(message_field(&m, "List-Id"));
	assert_true(span_find(notice_text(place, id), SPAN_LIT("Postfach")) < notice_text(place, id).len);
}

/* A message of which the transaction was not made is dropped by the worker. */
static void test_an_undecided_notice_is_dropped(void **state)
{
	struct place *place = *state;
	struct notice notice = { .to = "ann@big.example", .template = "restored", .sender = "" };
	struct store_token token = { "", NOTICE_TOKEN, "", START + DAY };
	const char *rcpts[] = { "ann@big.example" }, *job;
	struct envelope envelope = { .mail_from = "", .rcpts = rcpts, .rcpt_count = 1, .notice_of = BIRDS };
	struct list_settings *list;
	struct world world;
	struct post post;

	make_list(place, "");
	envelope.id = token.token = post_at(place, START);
	assert_int_equal(daemon_list(&place->daemon, BIRDS, &list, &place->why), 1);
	OK(notice_write(&place->daemon, &place->site, place->a, list, envelope.id, &notice, &place->why));
	daemon_world(&place->daemon, &place->site, &world);
	OK(post_begin(&post, place->a, &world, &envelope, rcpts[0], list, notice_text(place, envelope.id), &place->why));
	OK(notice_commit(&place->daemon, &post, &job, &place->why));
	assert_string_equal(job, "");
	assert_int_equal(store_told_put(place->daemon.store, BIRDS, 1, "it", &token, &place->why), 1);
	assert_int_equal(store_told_put(place->daemon.store, BIRDS, 1, "it", &token, &place->why), 0);
	OK(notice_commit(&place->daemon, &post, &job, &place->why));
	assert_string_equal(job, arena_printf(place->a, "%s-0", envelope.id));
	OK(notice_commit(&place->daemon, &post, &job, &place->why));
	list_settings_free(list);
}

static void test_alarms_are_told_once_a_day(void **state)
{
	struct place *place = *state;

	make_list(place, "");
	add_member(place, "ann@big.example");
	add_member(place, "bob@big.example");
	for (int i = 0; i < 5; i++) {
		bounce(place, post_at(place, START + i), "ann@big.example", BOUNCE_POLICY_AUTH);
		bounce(place, post_at(place, START + i), "bob@big.example", BOUNCE_POLICY_AUTH);
		tender_round(&place->daemon, &place->told_day);
	}
	assert_int_equal(notices(place, "owner@example.org", NULL), 1);
}

/* Owners hear of a receiver once a day, not of each post that it befell. */
static void test_bursts_are_told_once_a_day(void **state)
{
	struct place *place = *state;
	struct store_share share = { "big", 9 };

	make_list(place, "");
	for (unsigned k = 0; k < 9; k++)
		add_member(place, arena_printf(place->a, "m%u@big.example", k));
	for (int i = 0; i < 12; i++) {
		const char *post;

		place->daemon.clock.fixed_secs = START + i % 6 + i / 6 * DAY;
		post = post_at(place, place->daemon.clock.fixed_secs);
		OK(store_post_note(place->daemon.store, BIRDS, post, START, START + 99 * DAY, &share, 1, NULL, 0, &place->why));
		for (unsigned k = 0; k < 9; k++)
			bounce_as(place, post, arena_printf(place->a, "m%u@big.example", k), BOUNCE_FULL, BOUNCE_BY_POST_KEY);
		if (i % 3 == 2)
			tender_round(&place->daemon, &place->told_day);
	}
	assert_int_equal(notices(place, "owner@example.org", NULL), 2);
}

static void test_reports(void **state)
{
	struct place *place = *state;
	struct store_figure authors[] = { { FIGURE_AUTHOR, "a.example none", 1 }, { FIGURE_AUTHOR, "b.example reject", 2 }, { FIGURE_POSTS, "reject", 3 } };
	struct store_figure later[] = { { FIGURE_AUTHOR, "a.example reject", 1 }, { FIGURE_AUTHOR, "b.example reject", 2 }, { FIGURE_AUTHOR, "c.example reject", 1 } };
	json_t *report;
	const char *id = "";

	make_list(place, "");
	OK(store_figures_add(place->daemon.store, BIRDS, 20000, authors, 3, &place->why));
	OK(store_figures_add(place->daemon.store, BIRDS, 20005, later, 3, &place->why));
	report = figures_report(&place->daemon, BIRDS, 20004, 20010, &place->why);
	assert_int_equal(json_array_size(json_object_get(report, "turned_strict")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(report, "turned_strict"), 0)), "a.example reject");
	json_decref(report);
	report = figures_report(&place->daemon, BIRDS, 20000, 20003, &place->why);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(report, "posts"), "reject")), 3);
	json_decref(report);
	/* the first day of 1970 was a Thursday: day 20001 is a Monday */
	go_to(place, 20001 * DAY);
	go_to(place, 20003 * DAY);
	assert_int_equal(notices(place, "owner@example.org", &id), 1);
	assert_true(span_find(notice_text(place, id), SPAN_LIT("reject")) < notice_text(place, id).len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scores),
		cmocka_unit_test_setup_teardown(test_each_report_is_taken_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_change_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_classes_do_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_tally_stays_small, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bursts_are_held_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_lasting_burst_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_post_is_noted_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_dead_mailbox_is_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_probe_that_arrives_clears, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_warning_that_arrives_restores, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_dead_mailboxes_are_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_suspicions_need_a_probe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_an_administrator_sets_settles_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reports_of_the_relay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_flood_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_flood_of_one_hides_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_renamed_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_complaints, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_answer_brings_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_notices_are_mail_of_the_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_undecided_notice_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alarms_are_told_once_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bursts_are_told_once_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reports, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
