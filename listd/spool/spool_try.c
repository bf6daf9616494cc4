/* SPDX-License-Identifier: BSD-2-Clause */
/* How often the process ended while a message of in/ was being worked on: a digit in its footer, written in place. Not synced: it guards against ends of the process, not
 * of the machine. */
#include "listd/spool/spool_int.h"
#include "listd/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A message that is killed with its process again and again need not be to blame: that takes many ends. One that made a fault is. */
#define TRIES_MAX 15
#define BLAME 5

static int set_tries(int fd, off_t digit_at, unsigned tries)
{
	char digit = "0123456789abcdef"[tries < TRIES_MAX ? tries : TRIES_MAX];

	return pwrite(fd, &digit, 1, digit_at) == 1 ? 0 : -1;
}

/* A file without a whole footer has no tries, and an fd of -1 with EBADMSG: reading it will tell what is wrong with it. */
static int open_try(struct spool *spool, const char *id, struct spool_try *try_r)
{
	int fd = openat(spool->in_fd, id, O_RDWR | O_CLOEXEC);
	char bytes[SPOOL_FOOTER_BYTES];
	struct spool_footer footer = { 0 };
	struct stat st;

	*try_r = (struct spool_try){ .fd = -1 };
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_size >= SPOOL_FOOTER_BYTES
		&& pread(fd, bytes, sizeof(bytes), st.st_size - SPOOL_FOOTER_BYTES) == (ssize_t)sizeof(bytes)
		&& spool_trailer_read_footer((struct span){ bytes, sizeof(bytes) }, &footer)) {
		*try_r = (struct spool_try){ .fd = fd, .digit_at = st.st_size - SPOOL_FOOTER_BYTES + SPOOL_FOOTER_TRIES_AT, .tries = footer.tries };
		return 0;
	}
	close(fd);
	errno = EBADMSG;
	return -1;
}

static int put_aside(struct spool *spool, const char *id, struct fail *why)
{
	if (renameat(spool->in_fd, id, spool->bad_fd, id) != 0)
		return spool_fail_errno(why, "cannot rename to bad/", id);
	event_log(EVENT_WORK_ABANDONED, "file", id, NULL);
	return 0;
}

int spool_begin_try(struct spool *spool, const char *id, struct spool_try *try_r, bool *abandoned_r, struct fail *why)
{
	*abandoned_r = false;
	*try_r = (struct spool_try){ .fd = -1 };
	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	if (open_try(spool, id, try_r) != 0)
		return errno == EBADMSG ? 0 : spool_fail_errno(why, "cannot open in/", id);
	if (try_r->tries >= TRIES_MAX) {
		*abandoned_r = true;
		spool_end_try(try_r);
		return put_aside(spool, id, why);
	}
	try_r->tries++;
	if (set_tries(try_r->fd, try_r->digit_at, try_r->tries) == 0)
		return 0;
	spool_fail_errno(why, "cannot write in/", id);
	spool_end_try(try_r);
	return -1;
}

void spool_blame_try(const struct spool_try *try)
{
	/* one more end has been counted already, when work on it began */
	if (try->fd >= 0)
		set_tries(try->fd, try->digit_at, try->tries - 1 + BLAME);
}

void spool_end_try(struct spool_try *try)
{
	if (try->fd >= 0)
		close(try->fd);
	try->fd = -1;
}

int spool_clear_tries(struct spool *spool, const char *id, struct fail *why)
{
	struct spool_try try;
	int result = 0;

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	if (open_try(spool, id, &try) != 0)
		return spool_fail_errno(why, "cannot open in/", id);
	if (try.tries > 0 && set_tries(try.fd, try.digit_at, 0) != 0)
		result = spool_fail_errno(why, "cannot write in/", id);
	spool_end_try(&try);
	return result;
}
