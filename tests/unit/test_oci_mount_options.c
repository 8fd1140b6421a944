#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/mount.h>

#include "oci/mount_options.h"

static struct arena arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })
static struct oci_mount_options parse(const char *const *list)
{
	struct oci_mount_options m;

	if (oci_mount_options_parse(&arena, list, &m, &err) < 0)
		fail_msg("%s", err.msg);
	return m;
}

static void attributes(void **state)
{
	struct oci_mount_options m = PARSE("ro", "nosuid", "noexec", "nodev", "dev");

	(void)state;
	assert_int_equal(m.attr.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	assert_int_equal(m.attr.clear, MOUNT_ATTR_NODEV);
	assert_int_equal(m.recursive.set | m.recursive.clear, 0);
	m = PARSE("ro", "rw", "nosymfollow");
	assert_int_equal(m.attr.set, MOUNT_ATTR_NOSYMFOLLOW);
	assert_int_equal(m.attr.clear, MOUNT_ATTR_RDONLY);
	m = PARSE("rro", "rnoatime", "rsuid");
	assert_int_equal(m.attr.set | m.attr.clear, 0);
	assert_int_equal(m.recursive.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME);
	assert_int_equal(m.recursive.clear, MOUNT_ATTR__ATIME | MOUNT_ATTR_NOSUID);
}

static void access_times(void **state)
{
	struct oci_mount_options m = PARSE("noatime", "strictatime", "nodiratime");

	(void)state;
	assert_int_equal(m.attr.set, MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NODIRATIME);
	assert_int_equal(m.attr.clear, MOUNT_ATTR__ATIME);
	m = PARSE("noatime", "atime");
	assert_int_equal(m.attr.set, 0);
	assert_int_equal(m.attr.clear, MOUNT_ATTR__ATIME);
	m = PARSE("relatime", "norelatime");
	assert_int_equal(m.attr.set | m.attr.clear, 0);
	m = PARSE("rrelatime");
	assert_int_equal(m.recursive.clear, MOUNT_ATTR__ATIME);
}

static void the_rest(void **state)
{
	struct oci_mount_options m =
		PARSE("rbind", "rprivate", "shared", "tmpcopyup", "ridmap", "sync", "lazytime", "async", "size=64k", "mode=755", "", "defaults");

	(void)state;
	assert_true(m.bind && m.recursive_bind && m.tmpcopyup && !m.remount);
	assert_int_equal(m.idmap, OCI_IDMAP_RECURSIVE);
	assert_int_equal(m.n_propagation, 2);
	assert_int_equal(m.propagation[0], MS_PRIVATE | MS_REC);
	assert_int_equal(m.propagation[1], MS_SHARED);
	assert_int_equal(m.sb_set, MS_LAZYTIME);
	assert_int_equal(m.sb_clear, MS_SYNCHRONOUS);
	assert_int_equal(m.n_data, 2);
	assert_string_equal(m.data[1], "mode=755");
	assert_null(m.data[2]);
	m = PARSE("bind", "remount", "idmap", "rsync", "rremount", "rtmpcopyup");
	assert_true(m.bind && !m.recursive_bind && m.remount);
	assert_int_equal(m.idmap, OCI_IDMAP_MOUNT);
	assert_int_equal(m.n_data, 3); /* no recursive forms of these */
	assert_int_equal(oci_mount_options_parse(&arena, NULL, &m, &err), 0);
	assert_int_equal(m.n_data, 0);
	assert_null(m.data[0]);
	assert_true(oci_mount_options_parse(&arena, (const char *const[]){ "shared", "slave", "shared", "slave", "shared", NULL }, &m, &err) < 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(oci_mount_sb_option(MS_SYNCHRONOUS, true), "sync");
	assert_string_equal(oci_mount_sb_option(MS_SYNCHRONOUS, false), "async");
	assert_null(oci_mount_sb_option(MS_SILENT, true));
	assert_int_equal(oci_propagation("rslave"), MS_SLAVE | MS_REC);
	assert_int_equal(oci_propagation("unbindable"), MS_UNBINDABLE);
	assert_int_equal(oci_propagation("ro"), 0);
	assert_int_equal(oci_propagation(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(access_times, setup, teardown),
		cmocka_unit_test_setup_teardown(the_rest, setup, teardown),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
