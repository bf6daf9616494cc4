/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fail_clear(struct fail *why, const char *path, const char *what)
{
	return fail_permanent(why, "cannot listen on %s: %s: %s", path, what, strerror(errno));
}

int unix_socket_clear(const char *path, struct fail *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, result;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= (int)sizeof(address.sun_path))
		return fail_permanent(why, "the path of a socket has at most %zu octets: %s", sizeof(address.sun_path) - 1, path);
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : fail_clear(why, path, "lstat");
	if (!S_ISSOCK(st.st_mode))
		return fail_permanent(why, "cannot listen on %s: there is a file that is no socket; move it away", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail_clear(why, path, "socket");
	result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	if (result != 0 && errno == ECONNREFUSED)
		result = unlink(path) == 0 ? 0 : fail_clear(why, path, "unlink");
	else
		result = fail_permanent(why, "cannot listen on %s: another process answers there; is it running already?", path);
	close(fd);
	return result;
}
