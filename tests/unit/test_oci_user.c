#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "oci/user.h"

static struct arena arena;
static struct err err;
static char dir[64];
static int rootfs;

static const char passwd[] = "# comment\n\nbroken\nroot:x:0:0:root:/root:/bin/sh\nweb:x:101:102::/srv/web:/bin/sh\n"
			     "bad:x:-1:0::/:\nbad:x:7:4294967295::/:\nempty:x:8:9:::\nalso101:x:101:5::/other:\n12:x:50:51::/n:";
static const char group[] = "root:x:0:\nwheel:x:10:root,web\nwww:x:102:web\nx:y\ndocs:x:11:webby,web\nlist:x:12:nobody,\nweb2:x:13:web";

static void put(const char *name, const char *text)
{
	CLEANUP_FD int fd = openat(rootfs, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
}

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	snprintf(dir, sizeof(dir), "/tmp/tare-oci-user.XXXXXX");
	assert_non_null(mkdtemp(dir));
	rootfs = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(mkdirat(rootfs, "etc", 0755), 0);
	put("etc/passwd", passwd);
	put("etc/group", group);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	close(rootfs);
	return io_remove_tree(AT_FDCWD, dir);
}

static void resolves(void **state)
{
	static const struct {
		const char *user;
		uint32_t uid, gid;
		const char *home, *name;
		uint32_t groups[5];
		size_t n;
	} cases[] = {
		{ NULL, 0, 0, "/root", "root", { 0, 10 }, 2 },
		{ "", 0, 0, "/root", "root", { 0, 10 }, 2 },
		{ "web", 101, 102, "/srv/web", "web", { 102, 10, 11, 13 }, 4 },
		{ "101", 101, 102, "/srv/web", "web", { 102, 10, 11, 13 }, 4 },
		{ "web:10", 101, 10, "/srv/web", "web", { 10 }, 1 },
		{ "web:wheel", 101, 10, "/srv/web", "web", { 10 }, 1 },
		{ "4000", 4000, 0, "/", NULL, { 0 }, 1 },
		{ "4000:5000", 4000, 5000, "/", NULL, { 5000 }, 1 },
		{ "4000:wheel", 4000, 10, "/", NULL, { 10 }, 1 },
		{ ":wheel", 0, 10, "/root", "root", { 10 }, 1 },
		{ "web:", 101, 102, "/srv/web", "web", { 102, 10, 11, 13 }, 4 },
		{ "empty", 8, 9, "/", "empty", { 9 }, 1 },
		{ "12", 12, 0, "/", NULL, { 0 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct oci_resolved_user u;

		if (oci_user_resolve(&arena, rootfs, cases[i].user, &u, &err) < 0)
			fail_msg("%s: %s", cases[i].user, err.msg);
		assert_int_equal(u.uid, cases[i].uid);
		assert_int_equal(u.gid, cases[i].gid);
		assert_string_equal(u.home, cases[i].home);
		if (cases[i].name)
			assert_string_equal(u.name, cases[i].name);
		else
			assert_null(u.name);
		assert_int_equal(u.n_groups, cases[i].n);
		assert_memory_equal(u.groups, cases[i].groups, u.n_groups * sizeof(uint32_t));
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = { "nobody", "bad", "web:none", "-1", "2147483648", "0:-5", "99999999999999999999", "a:b:c", "+-1" };
	struct oci_resolved_user u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(oci_user_resolve(&arena, rootfs, bad[i], &u, &err) < 0);
	assert_true(oci_user_resolve(&arena, rootfs, "nobody", &u, &err) < 0);
	assert_int_equal(err.cls, ERR_NOTFOUND);
	assert_string_equal(err.msg, "unable to find user nobody: no such entry in /etc/passwd of the rootfs");
}

static void absent_files(void **state)
{
	struct oci_resolved_user u;
	const char *home;

	(void)state;
	assert_int_equal(io_remove_tree(rootfs, "etc"), 0);
	assert_int_equal(oci_user_resolve(&arena, rootfs, "5:6", &u, &err), 0);
	assert_int_equal(u.gid, 6);
	assert_int_equal(oci_user_resolve(&arena, rootfs, NULL, &u, &err), 0);
	assert_string_equal(u.home, "/");
	assert_true(oci_user_resolve(&arena, rootfs, "web", &u, &err) < 0);
	assert_int_equal(oci_user_home(&arena, rootfs, 0, &home, &err), 0);
	assert_string_equal(home, "/");
}

static void hostile_files(void **state)
{
	struct oci_resolved_user u;
	int fd;

	(void)state;
	unlinkat(rootfs, "etc/passwd", 0);
	assert_int_equal(mkfifoat(rootfs, "etc/passwd", 0644), 0);
	assert_true(oci_user_resolve(&arena, rootfs, "1", &u, &err) < 0);
	assert_string_equal(err.msg, "/etc/passwd of the rootfs is no regular file");
	unlinkat(rootfs, "etc/passwd", 0);
	/* a link to the host's file stays in the rootfs */
	assert_int_equal(symlinkat("/../../../../etc/hostname", rootfs, "etc/passwd"), 0);
	assert_int_equal(oci_user_resolve(&arena, rootfs, "1", &u, &err), 0);
	assert_null(u.name);
	unlinkat(rootfs, "etc/passwd", 0);
	fd = openat(rootfs, "etc/passwd", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 1LL << 40), 0);
	close(fd);
	assert_true(oci_user_resolve(&arena, rootfs, "1", &u, &err) < 0);
	assert_int_equal(err.cls, ERR_LIMIT);
}

static void helpers(void **state)
{
	const char *home;
	uint32_t gid;

	(void)state;
	assert_int_equal(oci_user_home(&arena, rootfs, 101, &home, &err), 0);
	assert_string_equal(home, "/srv/web");
	assert_int_equal(oci_group_resolve(&arena, rootfs, "docs", &gid, &err), 0);
	assert_int_equal(gid, 11);
	assert_int_equal(oci_group_resolve(&arena, rootfs, "77", &gid, &err), 0);
	assert_int_equal(gid, 77);
	assert_true(oci_group_resolve(&arena, rootfs, "", &gid, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(resolves, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_files, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_files, setup, teardown),
		cmocka_unit_test_setup_teardown(helpers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
