/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls on files that a test can let fail, or look at: they stand before those of the C library. For one test program each. */
#ifndef TESTS_UNIT_FAULT_H
#define TESTS_UNIT_FAULT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault_call { FAULT_PWRITE, FAULT_PWRITEV, FAULT_FDATASYNC, FAULT_MMAP, FAULT_COUNT };

/* error: what a call of the kind fails with, 0: it does not. calls: how many there were. synced: is told of every fdatasync that went well. */
static struct {
	_Atomic int error[FAULT_COUNT];
	atomic_uint calls[FAULT_COUNT];
	void (*synced)(int fd);
} faults;

static inline bool fault_is_due(enum fault_call call)
{
	int error = atomic_load(&faults.error[call]);

	atomic_fetch_add(&faults.calls[call], 1);
	if (error != 0)
		errno = error;
	return error != 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return fault_is_due(FAULT_PWRITE) ? -1 : syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
	return fault_is_due(FAULT_PWRITEV) ? -1 : syscall(SYS_pwritev, fd, iov, (long)count, (long)at, 0L);
}

int fdatasync(int fd)
{
	if (fault_is_due(FAULT_FDATASYNC) || syscall(SYS_fdatasync, fd) != 0)
		return -1;
	if (faults.synced != NULL)
		faults.synced(fd);
	return 0;
}

/* ThreadSanitizer places what is mapped, so that with it this one never fails. */
#ifndef __SANITIZE_THREAD__
void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t at)
{
	/* memory itself is none of a test's business */
	return fd >= 0 && fault_is_due(FAULT_MMAP) ? MAP_FAILED : (void *)syscall(SYS_mmap, address, len, protection, flags, fd, at);
}
#endif

#endif
