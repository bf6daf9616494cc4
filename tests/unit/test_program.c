/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories that root makes and gives away. Run by another user it has nothing to show, and says so. */
#include "tests/unit/check.h"

#include "listd/program.h"

#include "mail/arena.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIS_UID 65534

static struct passwd user = { .pw_name = (char[]){ "nobody" }, .pw_uid = HIS_UID, .pw_gid = HIS_UID };

static uid_t owner(struct arena *a, const char *dir, const char *name)
{
	struct stat st;

	assert_int_equal(stat(arena_printf(a, "%s/%s", dir, name), &st), 0);
	return st.st_uid;
}

static const char *make(struct arena *a, const char *dir, const char *name, uid_t uid)
{
	const char *path = arena_printf(a, "%s/%s", dir, name);

	assert_int_equal(mkdir(path, 0750), 0);
	assert_int_equal(chown(path, uid, uid), 0);
	return path;
}

static void test_dirs(void **state)
{
	char dir[] = "/tmp/listd-program-XXXXXX";
	struct arena *a;
	struct fail why;

	(void)state;
	if (geteuid() != 0)
		skip();
	a = arena_new(1 << 20);
	assert_non_null(mkdtemp(dir));
	/* what is missing is made and given, what stands above it stays */
	assert_int_equal(program_dir(arena_printf(a, "%s/var/lib/store", dir), &user, &why), 0);
	assert_int_equal(owner(a, dir, "var/lib/store"), HIS_UID);
	assert_int_equal(owner(a, dir, "var"), HIS_UID);
	assert_int_equal(owner(a, dir, "."), 0);
	/* one that is there is given, but not that of a socket */
	make(a, dir, "spool", 0);
	assert_int_equal(program_dir(arena_printf(a, "%s/spool", dir), &user, &why), 0);
	assert_int_equal(owner(a, dir, "spool"), HIS_UID);
	make(a, dir, "run", 0);
	assert_int_equal(program_dir_of(arena_printf(a, "%s/run/socket", dir), &user, &why), 0);
	assert_int_equal(owner(a, dir, "run"), 0);
	assert_int_equal(program_dir_of(arena_printf(a, "%s/run/listd/socket", dir), &user, &why), 0);
	assert_int_equal(owner(a, dir, "run/listd"), HIS_UID);
	/* a link that he laid is not followed */
	make(a, dir, "victim", 0);
	make(a, dir, "his", HIS_UID);
	assert_int_equal(symlink("../victim", arena_printf(a, "%s/his/archive", dir)), 0);
	assert_int_equal(program_dir(arena_printf(a, "%s/his/archive", dir), &user, &why), 0);
	assert_int_equal(program_dir(arena_printf(a, "%s/his/archive/deep", dir), &user, &why), 0);
	assert_int_equal(owner(a, dir, "victim"), 0);
	assert_int_not_equal(access(arena_printf(a, "%s/victim/deep", dir), F_OK), 0);
	assert_int_equal(system(arena_printf(a, "rm -rf %s", dir)), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_dirs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
