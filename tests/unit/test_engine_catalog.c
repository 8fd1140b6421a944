#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

#include "engine/catalog.h"
#include "engine/catalog_schema.h"
#include "engine_box.h"
#include "sys/spawn.h"

static struct box box;

static int setup(void **state)
{
	(void)state;
	box_open(&box);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static int64_t number(struct catalog *c, const char *sql)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err e;

	assert_int_equal(cat_prepare(c, &s, &e, sql, ""), 0);
	assert_int_equal(cat_step(s, &e), 1);
	return cat_int(s, 0);
}

static void commit_and_rollback(void **state)
{
	struct catalog *c = box.en.catalog;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(catalog_begin(c, CATALOG_LAZY, &e), 0);
	assert_int_equal(cat_exec(c, &e, "INSERT INTO counters(name, value) VALUES(?1, ?2)", "si", "a", (int64_t)7), 1);
	catalog_rollback(c);
	assert_int_equal(number(c, "SELECT count(*) FROM counters"), 0);
	assert_int_equal(catalog_begin(c, CATALOG_DURABLE, &e), 0);
	assert_int_equal(cat_exec(c, &e, "INSERT INTO counters(name, value) VALUES(?1, ?2)", "si", "a", (int64_t)7), 1);
	assert_int_equal(catalog_commit(c, &e), 0);
	assert_int_equal(number(c, "SELECT value FROM counters WHERE name = 'a'"), 7);
	assert_true(cat_exec(c, &e, "INSERT INTO counters(name, value) VALUES('a', 1)", "") < 0);
	assert_int_equal(e.cls, ERR_CONFLICT);
	assert_true(cat_exec(c, &e, "not sql", "") < 0);
}

static void scope_rolls_back(void **state)
{
	struct catalog *c = box.en.catalog;
	struct err e = { 0 };

	(void)state;
	{
		CLEANUP_CATALOG_TXN struct catalog *txn = c;

		assert_int_equal(catalog_begin(txn, CATALOG_LAZY, &e), 0);
		assert_int_equal(cat_exec(txn, &e, "INSERT INTO counters VALUES('b', 1)", ""), 1);
	}
	assert_int_equal(number(c, "SELECT count(*) FROM counters WHERE name = 'b'"), 0);
	assert_int_equal(catalog_begin(c, CATALOG_LAZY, &e), 0); /* the lock is free again */
	catalog_rollback(c);
}

/* Eight processes raise one number fifty times each: none is lost, none fails. */
static void many_writers(void **state)
{
	int pidfds[8], status;
	struct err e = { 0 };

	(void)state;
	assert_true(cat_exec(box.en.catalog, &e, "INSERT OR REPLACE INTO counters VALUES('n', 0)", "") >= 0);
	for (size_t i = 0; i < ARRAY_LEN(pidfds); i++) {
		pid_t pid = spawn_fork(&pidfds[i]);

		assert_true(pid >= 0);
		if (pid == 0) {
			struct catalog *c;
			int failed = catalog_open(box.en.root_fd, box.en.root, &c, &e) < 0;

			for (int k = 0; k < 50 && !failed; k++)
				failed = catalog_begin(c, CATALOG_LAZY, &e) < 0 ||
					 cat_exec(c, &e, "UPDATE counters SET value = value + 1 WHERE name = 'n'", "") < 0 ||
					 catalog_commit(c, &e) < 0;
			if (failed)
				fprintf(stderr, "%s\n", e.msg);
			_exit(failed);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(pidfds); i++) {
		assert_int_equal(spawn_wait(pidfds[i], 60000, &status), 0);
		assert_int_equal(status, 0);
		close_fd(pidfds[i]);
	}
	assert_int_equal(number(box.en.catalog, "SELECT value FROM counters WHERE name = 'n'"), 400);
}

static void newer_format_is_refused(void **state)
{
	struct err e = { 0 };
	struct catalog *c;

	(void)state;
	assert_true(cat_exec(box.en.catalog, &e, "PRAGMA user_version = 99", "") >= 0);
	assert_true(catalog_open(box.en.root_fd, box.en.root, &c, &e) < 0);
	assert_int_equal(e.cls, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "99"));
}

/* Of each format there was: what is in it stays, and it is today's then. */
static void older_formats_are_brought_up(void **state)
{
	(void)state;
	for (int from = 1; from < CATALOG_VERSION; from++) {
		CLEANUP_FD int fd = -1;
		char dir[128], file[160];
		struct err e = { 0 };
		struct catalog *c;
		sqlite3 *db;

		snprintf(dir, sizeof(dir), "%s/old%d", box.dir, from);
		snprintf(file, sizeof(file), "%s/catalog.db", dir);
		assert_int_equal(mkdir(dir, 0700), 0);
		assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
		for (int i = 0; i < from; i++)
			assert_int_equal(sqlite3_exec(db, catalog_schema[i], NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, "INSERT INTO images(id, created, loaded, size, max_id, manifest) VALUES('one', 1, 2, 3, 4, 'm')", NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(catalog_open(fd, dir, &c, &e), 0);
		assert_int_equal(number(c, "PRAGMA user_version"), CATALOG_VERSION);
		assert_int_equal(number(c, "SELECT size FROM images WHERE id = 'one' AND parent = ''"), 3);
		catalog_close(c);
	}
}

static void what_is_no_database_is_named(void **state)
{
	struct err e = { 0 };
	struct catalog *c;
	char path[128];

	(void)state;
	box_file(&box, "bad/catalog.db", "this is certainly no database, but long enough to look at: ....................");
	snprintf(path, sizeof(path), "%s/bad", box.dir);
	assert_true(catalog_open(box.en.root_fd, path, &c, &e) < 0);
	assert_non_null(strstr(e.msg, "damaged"));
}

/* The log is folded in when it has grown, and a close without that leaves it for the next. */
static void the_log_does_not_grow_for_ever(void **state)
{
	struct err e = { 0 };
	struct stat st;

	(void)state;
	for (int i = 0; i < 600; i++) {
		assert_int_equal(catalog_begin(box.en.catalog, CATALOG_LAZY, &e), 0);
		assert_true(cat_exec(box.en.catalog, &e, "INSERT OR REPLACE INTO counters VALUES('x', ?1)", "i", (int64_t)i) >= 0);
		assert_int_equal(catalog_commit(box.en.catalog, &e), 0);
	}
	assert_int_equal(fstatat(box.en.root_fd, "catalog.db-wal", &st, 0), 0);
	assert_true(st.st_size > 512 << 10);
	catalog_close(take_ptr(box.en.catalog));
	assert_int_equal(fstatat(box.en.root_fd, "catalog.db-wal", &st, 0), 0);
	assert_true(st.st_size < 512 << 10);
	assert_int_equal(catalog_open(box.en.root_fd, box.en.root, &box.en.catalog, &e), 0);
	assert_int_equal(number(box.en.catalog, "SELECT value FROM counters WHERE name = 'x'"), 599);
}

/* The same text twice at once is two statements; what is finished is asked again with other values, and sees what was written. */
static void statements_are_used_again(void **state)
{
	const char *sql = "SELECT ?1 + count(*) FROM counters";
	struct catalog *c = box.en.catalog;
	struct cat_stmt *first, *second;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cat_prepare(c, &first, &e, sql, "i", INT64_C(10)), 0);
	assert_int_equal(cat_step(first, &e), 1);
	assert_int_equal(cat_prepare(c, &second, &e, sql, "i", INT64_C(20)), 0);
	assert_true(second != first);
	assert_int_equal(cat_step(second, &e), 1);
	assert_int_equal(cat_int(first, 0), 10);
	assert_int_equal(cat_int(second, 0), 20);
	cat_finish(second);
	cat_finish(first);
	assert_true(cat_exec(c, &e, "INSERT INTO counters VALUES('again', 1)", "") == 1);
	assert_int_equal(cat_prepare(c, &second, &e, sql, "", 0), 0);
	assert_true(second == first);
	assert_int_equal(cat_step(second, &e), 1);
	assert_true(cat_null(second, 0)); /* no value of before */
	cat_finish(second);
	for (int i = 0; i < 100; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "SELECT %d + count(*) FROM counters", i);
		assert_int_equal(number(c, text), i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commit_and_rollback, setup, teardown),
		cmocka_unit_test_setup_teardown(scope_rolls_back, setup, teardown),
		cmocka_unit_test_setup_teardown(many_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_format_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(older_formats_are_brought_up, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_database_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(statements_are_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(the_log_does_not_grow_for_ever, setup, teardown),
	};

	if (geteuid() != 0)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
