#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "oci/mount_idmap.h"
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

static void links(void **state)
{
	struct oci_mount_options m = PARSE("rbind", "src-nofollow", "dest-nofollow");

	(void)state;
	assert_int_equal(m.links, OCI_LINK_SOURCE | OCI_LINK_DESTINATION);
	assert_int_equal(PARSE("copy-symlink").links, OCI_LINK_COPY);
	m = PARSE("rsrc-nofollow", "nofollow", "copy-symlinks");
	assert_int_equal(m.links, 0);
	assert_int_equal(m.n_data, 3);
}

static void idmap_ranges(void **state)
{
	struct oci_mount_options m = PARSE("ridmap=uids=0-1-10;gids=0-100-10", "bind");

	(void)state;
	assert_int_equal(m.idmap, OCI_IDMAP_RECURSIVE);
	assert_string_equal(m.idmap_ranges, "uids=0-1-10;gids=0-100-10");
	assert_int_equal(m.n_data, 0);
	/* the last one counts */
	m = PARSE("idmap=uids=0-1-10;gids=0-100-10", "idmap");
	assert_int_equal(m.idmap, OCI_IDMAP_MOUNT);
	assert_null(m.idmap_ranges);
	assert_null(PARSE("idmap=").idmap_ranges);
	m = PARSE("idmapped", "ro=1", "rridmap=x");
	assert_int_equal(m.idmap, OCI_IDMAP_NO);
	assert_int_equal(m.n_data, 3);
}

/* The map of a container for whom a root and a thousand others are not side by side. */
static const struct oci_id_map ids[] = { { 0, 1000, 1 }, { 1, 5000, 1000 } };

static int map(const char *text, struct oci_mount *m)
{
	const struct oci_linux l = { .uid_map = ids, .n_uid_map = 2 };

	*m = (struct oci_mount){ 0 };
	err = (struct err){ 0 };
	return oci_mount_idmap_parse(&arena, text, &l, m, &err);
}

static void is_range(const struct oci_id_map *m, uint32_t file, uint32_t host, uint32_t size)
{
	assert_int_equal(m->container_id, file);
	assert_int_equal(m->host_id, host);
	assert_int_equal(m->size, size);
}

static void idmap_maps(void **state)
{
	struct oci_mount m;

	(void)state;
	assert_int_equal(map("uids=0-1-10#10-11-20;gids=0-100-4294967194", &m), 0);
	assert_int_equal(m.n_uid_map, 2);
	is_range(&m.uid_map[0], 0, 1, 10);
	is_range(&m.uid_map[1], 10, 11, 20);
	assert_int_equal(m.n_gid_map, 1);
	is_range(&m.gid_map[0], 0, 100, 4294967194);
	/* counted from the container's own, and cut where that is; the other way round, too */
	assert_int_equal(map("gids=7-8-9;uids=0-0-1#@3-5-10", &m), 0);
	is_range(&m.gid_map[0], 7, 8, 9);
	is_range(&m.uid_map[0], 0, 0, 1);
	is_range(&m.uid_map[1], 3, 5004, 10);
	assert_int_equal(map("uids=@20-0-1001;gids=0-0-1", &m), 0);
	assert_int_equal(m.n_uid_map, 2);
	is_range(&m.uid_map[0], 20, 1000, 1);
	is_range(&m.uid_map[1], 21, 5000, 1000);
}

static void bad_idmap_maps(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "uids=0-1-10", "\"uids=0-1-10\": uids and gids belong together" },
		{ "uids=0-1-1;uids=1-2-1;gids=0-0-1", "\"uids=1-2-1\": uids and gids are wanted" },
		{ "uids=0-1-1;gids=0-0-1;", "\"\": uids and gids are wanted" },
		{ "x", "\"x\": uids and gids are wanted" },
		{ "uids=;gids=0-0-1", "uids=: a range is three numbers" },
		{ "uids=0-1;gids=0-0-1", "uids=: a range is" },
		{ "gids=0-1-1-1;uids=0-0-1", "gids=: a range is" },
		{ "gids=0-1-1#;uids=0-0-1", "gids=: a range is" },
		{ "gids=0--1-1;uids=0-0-1", "gids=: a range is" },
		{ "gids=0-1-0;uids=0-0-1", "gids=: a range is" },
		{ "gids=0-1-1 ;uids=0-0-1", "gids=: a range is" },
		{ "gids=0-1-4294967295;uids=0-0-1", "gids=: a range is" },
		{ "gids=@@0-1-1;uids=0-0-1", "gids=: a range is" },
		{ "uids=@0-1001-1;gids=0-0-1", "uids=@: the container's user namespace maps no id 1001" },
		{ "uids=@0-1-1001;gids=0-0-1", "uids=@: the container's user namespace maps no id 1001" },
		{ "gids=@0-0-1;uids=0-0-1", "gids=@: the container's user namespace maps no id 0" },
	};
	char many[340 * 8 + 32] = "gids=0-0-1;uids=0-0-1";
	struct oci_mount m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(map(bad[i].text, &m) < 0);
		if (!strstr(err.msg, bad[i].why) || strchr(err.msg, '\n'))
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
	for (size_t i = 1; i < 340; i++)
		strcat(many, "#1-1-1");
	assert_int_equal(map(many, &m), 0);
	assert_int_equal(m.n_uid_map, 340);
	strcat(many, "#1-1-1");
	assert_true(map(many, &m) < 0);
	assert_int_equal(err.cls, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(access_times, setup, teardown),
		cmocka_unit_test_setup_teardown(the_rest, setup, teardown),
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(links, setup, teardown),
		cmocka_unit_test_setup_teardown(idmap_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(idmap_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_idmap_maps, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
