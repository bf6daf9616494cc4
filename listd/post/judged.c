/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/judged.h"

struct judged *judged_new(struct daemon *daemon, const struct envelope *envelope, struct span bytes)
{
	struct arena *a = arena_new(POST_ARENA_MAX_BYTES(bytes.len));
	struct judged *judged = arena_alloc(a, sizeof(*judged));

	*judged = (struct judged){ .arena = a, .daemon = daemon, .site = daemon_hold_site(daemon), .envelope = *envelope, .bytes = bytes, .arrival = { .arena = a } };
	if (bytes.len <= JUDGED_MESSAGE_MAX_BYTES) {
		spool_copy_envelope(a, envelope, &judged->envelope);
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
	spool_copy_envelope(judged->arena, accepted, &judged->envelope);
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
