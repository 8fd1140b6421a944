#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "engine/names.h"
#include "engine/record.h"
#include "engine_box.h"

static struct box box;
static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	box_open(&box);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	box_close(&box);
	return 0;
}

/* An id of 64 digits that starts with start. */
static const char *id_of(const char *start)
{
	return arena_printf(&arena, "%s%.*s", start, (int)(64 - strlen(start)),
			    "0000000000000000000000000000000000000000000000000000000000000000");
}

static int add(const char *start, const char *name, int64_t created, struct err *e)
{
	const struct record rec = { .id = id_of(start), .name = name, .image_ref = "x", .command = "true", .config = "{}",
				    .created = created };

	return record_insert(box.en.catalog, &rec, e);
}

static void found_by_id_name_and_prefix(void **state)
{
	struct err e = { 0 };
	struct record rec;

	(void)state;
	assert_int_equal(add("abc1", "first", 1, &e), 0);
	assert_int_equal(add("abc2", "second", 2, &e), 0);
	assert_int_equal(add("def0", "abc", 3, &e), 0); /* a name that looks like a prefix wins */
	assert_int_equal(record_find(box.en.catalog, &arena, id_of("abc1"), &rec, &e), 0);
	assert_string_equal(rec.name, "first");
	assert_int_equal(record_find(box.en.catalog, &arena, "second", &rec, &e), 0);
	assert_string_equal(rec.id, id_of("abc2"));
	assert_int_equal(record_find(box.en.catalog, &arena, "abc1", &rec, &e), 0);
	assert_string_equal(rec.name, "first");
	assert_int_equal(record_find(box.en.catalog, &arena, "abc", &rec, &e), 0);
	assert_string_equal(rec.name, "abc");
	assert_true(record_find(box.en.catalog, &arena, "ab", &rec, &e) < 0);
	assert_int_equal(e.cls, ERR_INVALID);
	assert_non_null(strstr(e.msg, "more digits"));
	assert_true(record_find(box.en.catalog, &arena, "", &rec, &e) < 0);
	assert_true(record_find(box.en.catalog, &arena, "frist", &rec, &e) < 0);
	assert_int_equal(e.cls, ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "\"first\""));
	assert_true(record_find(box.en.catalog, &arena, "unlike anything", &rec, &e) < 0);
	assert_null(strstr(e.msg, "did you mean"));
	assert_true(record_find(box.en.catalog, &arena, "x' OR '1'='1", &rec, &e) < 0);
}

static void listed_newest_first(void **state)
{
	struct err e = { 0 };
	struct record *recs;
	size_t n;

	(void)state;
	for (int i = 0; i < 40; i++)
		assert_int_equal(add(arena_printf(&arena, "%02x", i), arena_printf(&arena, "c%d", i), i, &e), 0);
	assert_int_equal(record_list(box.en.catalog, &arena, NULL, &recs, &n, &e), 0);
	assert_int_equal(n, 40);
	for (int i = 0; i < 40; i++)
		assert_int_equal(recs[i].created, 39 - i);
	assert_int_equal(record_list_brief(box.en.catalog, &arena, &recs, &n, &e), 0);
	assert_int_equal(n, 40);
	for (size_t i = 0; i < n; i++)
		assert_null(recs[i].config);
	assert_int_equal(record_list(box.en.catalog, &arena, "sha256:nothing", &recs, &n, &e), 0);
	assert_int_equal(n, 0);
}

static void names_are_unique(void **state)
{
	struct err e = { 0 };
	struct record rec;

	(void)state;
	assert_int_equal(add("a", "taken", 1, &e), 0);
	assert_true(add("b", "taken", 1, &e) < 0);
	assert_int_equal(e.cls, ERR_CONFLICT);
	assert_int_equal(add("b", "free", 1, &e), 0);
	assert_true(record_rename(box.en.catalog, id_of("b"), "taken", &e) < 0);
	assert_int_equal(e.cls, ERR_CONFLICT);
	assert_int_equal(record_rename(box.en.catalog, id_of("b"), "other", &e), 0);
	assert_int_equal(record_find(box.en.catalog, &arena, "other", &rec, &e), 0);
}

static void updates_come_back(void **state)
{
	struct err e = { 0 };
	struct record rec;

	(void)state;
	assert_int_equal(add("a", "one", 1, &e), 0);
	assert_int_equal(record_get(box.en.catalog, &arena, id_of("a"), &rec, &e), 0);
	assert_int_equal(rec.status, RECORD_CREATED);
	rec.status = RECORD_EXITED;
	rec.exit_code = 42;
	rec.exit_known = rec.oom = true;
	rec.error = "why";
	rec.finished = 99;
	assert_int_equal(record_update(box.en.catalog, &rec, &e), 0);
	assert_int_equal(record_get(box.en.catalog, &arena, id_of("a"), &rec, &e), 0);
	assert_int_equal(rec.status, RECORD_EXITED);
	assert_int_equal(rec.exit_code, 42);
	assert_true(rec.exit_known && rec.oom);
	assert_string_equal(rec.error, "why");
	assert_int_equal(rec.finished, 99);
}

static void id_ranges_do_not_overlap(void **state)
{
	uint32_t bases[5], sizes[5] = { 1, 65536, 65537, 200000, 65536 };
	struct err e = { 0 };
	struct record rec;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(add(arena_printf(&arena, "a%d", i), arena_printf(&arena, "r%d", i), i, &e), 0);
		assert_int_equal(id_range_take(box.en.catalog, id_of(arena_printf(&arena, "a%d", i)), sizes[i], &bases[i], &e), 0);
		assert_true(bases[i] >= ID_RANGE_FIRST && bases[i] % 65536 == 0);
		for (int k = 0; k < i; k++)
			assert_true(bases[i] >= bases[k] + sizes[k] || bases[k] >= bases[i] + sizes[i]);
	}
	assert_int_equal(record_get(box.en.catalog, &arena, id_of("a3"), &rec, &e), 0);
	assert_int_equal(rec.id_base, bases[3]);
	assert_int_equal(rec.id_size, 4 * 65536);
	/* one range for one container, and it goes with it */
	assert_true(id_range_take(box.en.catalog, id_of("a3"), 1, &bases[0], &e) < 0);
	assert_int_equal(record_delete(box.en.catalog, id_of("a3"), &e), 0);
	assert_int_equal(add("a3", "r3", 1, &e), 0);
	assert_int_equal(id_range_take(box.en.catalog, id_of("a3"), 1, &bases[0], &e), 0);
	assert_true(bases[0] > bases[4]); /* the least recently used one: not the one just freed */
}

static void id_ranges_wrap_and_run_out(void **state)
{
	struct err e = { 0 };
	uint32_t base;

	(void)state;
	assert_true(cat_exec(box.en.catalog, &e, "INSERT INTO counters VALUES('id_range', ?1)", "i", (int64_t)ID_RANGE_END - 65536) >= 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(arena_printf(&arena, "b%d", i), arena_printf(&arena, "w%d", i), i, &e), 0);
	assert_int_equal(id_range_take(box.en.catalog, id_of("b0"), 65536, &base, &e), 0);
	assert_int_equal(base, ID_RANGE_END - 65536);
	assert_int_equal(id_range_take(box.en.catalog, id_of("b1"), 65536, &base, &e), 0);
	assert_int_equal(base, ID_RANGE_FIRST);
	assert_true(id_range_take(box.en.catalog, id_of("b2"), ID_RANGE_END - ID_RANGE_FIRST, &base, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
}

static void names(void **state)
{
	static const char *const good[] = { "ab", "A9", "a.b-c_d" }, *const bad[] = { "", "a", "-a", ".a", "a b", "a/b", "ä1" };
	struct err e;
	char name[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(name_check(good[i], "container", &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(name_check(bad[i], "container", &e) < 0);
	for (unsigned int i = 0; i < 50; i++) {
		assert_int_equal(name_generate(i, name, &e), 0);
		assert_int_equal(name_check(name, "container", &e), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(found_by_id_name_and_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(listed_newest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_unique, setup, teardown),
		cmocka_unit_test_setup_teardown(updates_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(id_ranges_do_not_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(id_ranges_wrap_and_run_out, setup, teardown),
		cmocka_unit_test(names),
	};

	if (geteuid() != 0)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
