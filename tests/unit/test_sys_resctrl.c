#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "sys/resctrl.h"

/* A folder that stands for the file system: what is written is seen as it is. */
static char base[] = "/tmp/tare-resctrl.XXXXXX";
static int root = -1;

static int setup(void **state UNUSED)
{
	struct err e = { 0 };

	if (!mkdtemp(base))
		return -1;
	root = rdt_open(base, &e);
	return root < 0 || mkdirat(root, "info", 0755) < 0 || mkdirat(root, "mon_groups", 0755) < 0 ? -1 : 0;
}

static int teardown(void **state UNUSED)
{
	int r = io_remove_tree(AT_FDCWD, base);

	close_fd(root);
	memcpy(base + strlen(base) - 6, "XXXXXX", 6);
	return r;
}

static void holds(const char *path, const char *text)
{
	CLEANUP_FREE char *got = NULL;
	size_t len;

	assert_int_equal(io_read_file(root, path, 4096, &got, &len), 0);
	assert_string_equal(got, text);
}

static bool there(const char *path)
{
	return faccessat(root, path, F_OK, 0) == 0;
}

static void a_group_of_its_own(void **state UNUSED)
{
	const char *const more[] = { "L2:0=f", "L3CODE:0=7", NULL };
	const struct rdt_wish w = { .id = "c1", .l3 = "L3:0=ff;1=c0", .mb = "MB:0=20;1=70", .schemata = more };
	CLEANUP_FREE char *own = NULL, *again = NULL;
	struct err e = { 0 };

	assert_int_equal(rdt_own(root, &w, &own), 0);
	assert_string_equal(own, "c1");
	assert_int_equal(rdt_apply(root, &w, 4711, &e), 0);
	holds("c1/schemata", "L3:0=ff;1=c0\nMB:0=20;1=70\nL2:0=f\nL3CODE:0=7\n");
	holds("c1/tasks", "4711");
	assert_int_equal(rdt_join(root, &w, 4712, &e), 0);
	holds("c1/tasks", "4712");
	/* somebody else's from now on */
	assert_int_equal(rdt_own(root, &w, &again), 0);
	assert_null(again);
	assert_int_equal(unlinkat(root, "c1/tasks", 0), 0);
	assert_int_equal(unlinkat(root, "c1/schemata", 0), 0);
	assert_int_equal(rdt_remove(root, own, &e), 0);
	assert_false(there("c1"));
	assert_int_equal(rdt_remove(root, own, &e), 0);
}

static void a_shared_group(void **state UNUSED)
{
	const struct rdt_wish w = { .id = "c2", .clos = "gold", .monitoring = true };
	CLEANUP_FREE char *own = NULL;
	struct err e = { 0 };

	assert_true(rdt_apply(root, &w, 1, &e) < 0);
	assert_int_equal(e.cls, ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "gold"));
	assert_false(there("gold"));
	assert_int_equal(mkdirat(root, "gold", 0755), 0);
	assert_int_equal(mkdirat(root, "gold/mon_groups", 0755), 0);
	assert_int_equal(rdt_own(root, &w, &own), 0);
	assert_string_equal(own, "gold/mon_groups/c2");
	assert_int_equal(rdt_apply(root, &w, 77, &e), 0);
	holds("gold/tasks", "77");
	holds("gold/mon_groups/c2/tasks", "77");
	assert_false(there("gold/schemata"));
}

static void the_default_group(void **state UNUSED)
{
	const struct rdt_wish w = { .id = "c3", .clos = "/", .mb = "MB:0=50" };
	CLEANUP_FREE char *own = NULL;
	struct err e = { 0 };

	assert_int_equal(rdt_own(root, &w, &own), 0);
	assert_null(own);
	assert_int_equal(rdt_apply(root, &w, 5, &e), 0);
	holds("schemata", "MB:0=50\n");
	holds("tasks", "5");
}

static void write_status(const char *text)
{
	CLEANUP_FD int fd = openat(root, "info/last_cmd_status", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
}

static void what_is_refused_is_told(void **state UNUSED)
{
	const struct rdt_wish w = { .id = "c4", .l3 = "L3:0=fffff" };
	struct err e = { 0 };

	assert_int_equal(mkdirat(root, "c4", 0755), 0);
	assert_int_equal(mkdirat(root, "c4/schemata", 0755), 0); /* no file: the write fails */
	write_status("mask fffff is outside of the cache\n");
	assert_true(rdt_apply(root, &w, 1, &e) < 0);
	assert_non_null(strstr(e.msg, "schemata \"L3:0=fffff\": mask fffff is outside of the cache: "));
	assert_true(rdt_open("/nosuch", &e) < 0);
	assert_int_equal(e.cls, ERR_UNSUPPORTED);
}

static void put(const char *path, const char *text)
{
	CLEANUP_FREE char *folder = strdup(path);
	CLEANUP_FD int fd = -1;
	char *slash = strrchr(folder, '/');

	if (slash) {
		*slash = '\0';
		assert_int_equal(io_mkdirs(root, folder, 0755), 0);
	}
	fd = openat(root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(io_write_full(fd, text, strlen(text)), 0);
}

static void usage_of_what_the_processor_can(void **state UNUSED)
{
	const struct rdt_wish w = { .id = "c5", .clos = "gold", .monitoring = true };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct rdt_usage u;

	assert_int_equal(rdt_read_usage(root, &w, &a, &u), -ENOENT);
	put("schemata", "    L3:0=fff;1=fff\n    MB:0=100;1=100\n");
	put("gold/schemata", "    MB:0=20\n    L3:0=f\n");
	assert_int_equal(rdt_read_usage(root, &w, &a, &u), 0);
	assert_false(u.has_l3 || u.has_mb || u.has_bandwidth || u.has_occupancy);
	put("info/L3/cbm_mask", "fff\n");
	put("info/L3/min_cbm_bits", "1\n");
	put("info/L3/num_closids", "16\n");
	put("info/MB/min_bandwidth", "10\n");
	put("info/L3_MON/mon_features", "llc_occupancy\nmbm_local_bytes\n");
	assert_int_equal(rdt_read_usage(root, &w, &a, &u), -ENOENT); /* its monitoring group is no more */
	put("gold/mon_groups/c5/mon_data/mon_L3_01/llc_occupancy", "7\n");
	put("gold/mon_groups/c5/mon_data/mon_L3_01/mbm_local_bytes", "Unavailable\n");
	put("gold/mon_groups/c5/mon_data/mon_L3_00/llc_occupancy", "6\n");
	put("gold/mon_groups/c5/mon_data/mon_L3_00/mbm_local_bytes", "5\n");
	assert_int_equal(rdt_read_usage(root, &w, &a, &u), 0);
	assert_true(u.has_l3 && u.has_mb && u.has_bandwidth && u.has_occupancy);
	assert_string_equal(u.cbm_mask, "fff");
	assert_int_equal(u.l3_closids, 16);
	assert_int_equal(u.min_bandwidth, 10);
	assert_string_equal(u.l3_root, "L3:0=fff;1=fff");
	assert_string_equal(u.mb_root, "MB:0=100;1=100");
	assert_string_equal(u.l3, "L3:0=f");
	assert_string_equal(u.schemata[0], "MB:0=20");
	assert_null(u.schemata[2]);
	assert_int_equal(u.n_nodes, 2);
	assert_int_equal(u.nodes[0].occupancy, 6);
	assert_int_equal(u.nodes[0].local_bytes, 5);
	assert_int_equal(u.nodes[1].occupancy, 7);
	assert_int_equal(u.nodes[1].local_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_group_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shared_group, setup, teardown),
		cmocka_unit_test_setup_teardown(the_default_group, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_refused_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(usage_of_what_the_processor_can, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
