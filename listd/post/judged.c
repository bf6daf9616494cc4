/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/judged.h"

static const char *copy(struct arena *a, const char *text)
{
	return text == NULL ? NULL : arena_text(a, span_of(text));
}

static const char **copy_rcpts(struct arena *a, const struct envelope *envelope)
{
	const char **rcpts = arena_array(a, envelope->rcpt_count, sizeof(*rcpts));

	for (size_t i = 0; i < envelope->rcpt_count; i++)
		rcpts[i] = copy(a, envelope->rcpts[i]);
	return rcpts;
}

static void copy_envelope(struct arena *a, const struct envelope *envelope, struct envelope *copy_r)
{
	*copy_r = *envelope;
	copy_r->id = copy(a, envelope->id);
	copy_r->mail_from = copy(a, envelope->mail_from);
	copy_r->client_ip = copy(a, envelope->client_ip);
	copy_r->client_name = copy(a, envelope->client_name);
	copy_r->helo = copy(a, envelope->helo);
	copy_r->auth_user = copy(a, envelope->auth_user);
	copy_r->peer = copy(a, envelope->peer);
	copy_r->released_by = copy(a, envelope->released_by);
	copy_r->notice_of = copy(a, envelope->notice_of);
	copy_r->rcpts = copy_rcpts(a, envelope);
}

struct judged *judged_new(struct daemon *daemon, const struct envelope *envelope, struct span bytes)
{
	struct arena *a = arena_new(POST_ARENA_MAX_BYTES(bytes.len));
	struct judged *judged = arena_alloc(a, sizeof(*judged));

	*judged = (struct judged){ .arena = a, .daemon = daemon, .site = daemon_hold_site(daemon), .envelope = *envelope, .bytes = bytes, .arrival = { .arena = a } };
	if (bytes.len <= JUDGED_MESSAGE_MAX_BYTES) {
		copy_envelope(a, envelope, &judged->envelope);
		judged->bytes = arena_span(a, bytes);
	}
	return judged;
}

bool judged_keep(struct judged *judged, const struct envelope *accepted)
{
	struct daemon *daemon = judged->daemon;
	size_t bytes = arena_used_bytes(judged->arena);

	if (judged->bytes.len > JUDGED_MESSAGE_MAX_BYTES)
		return false;
	if (atomic_fetch_add(&daemon->judged_bytes, bytes) + bytes > JUDGED_ALL_MAX_BYTES) {
		atomic_fetch_sub(&daemon->judged_bytes, bytes);
		return false;
	}
	judged->counted_bytes = bytes;
	judged->envelope.rcpts = copy_rcpts(judged->arena, accepted);
	judged->envelope.rcpt_count = accepted->rcpt_count;
	return true;
}

void judged_free(struct judged *judged)
{
	if (judged == NULL)
		return;
	atomic_fetch_sub(&judged->daemon->judged_bytes, judged->counted_bytes);
	daemon_release_site(judged->site);
	arena_free(judged->arena);
}
