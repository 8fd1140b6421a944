/* Blobs on their way: what of them is missing, who has the lock, what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/partial.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define SIZE ((uint64_t)PARTIAL_GRANULE * 200 + 17)

static char folder[] = "/tmp/tare-partial.XXXXXX";
static int dir = -1;

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (!mkdtemp(folder))
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlinkat(dir, HEX, 0);
	(void)unlinkat(dir, HEX ".map", 0);
	(void)close(dir);
	return rmdir(folder);
}

static struct partial begin(void)
{
	struct partial p = PARTIAL_INIT;
	struct err e = { 0 };

	assert_int_equal(partial_open(dir, DIGEST, SIZE, false, &p, &e), 0);
	return p;
}

static void have_in_map(struct partial *p, uint64_t granule)
{
	assert_int_equal(pwrite(p->map, "\1", 1, (off_t)granule), 1);
}

static void have(struct partial *p, uint64_t granule)
{
	uint64_t end = (granule + 1) * PARTIAL_GRANULE;

	assert_int_equal(pwrite(p->file, "x", 1, (off_t)(end < SIZE ? end : SIZE) - 1), 1);
	have_in_map(p, granule);
}

static size_t gaps(struct partial *p, struct partial_gap out[64])
{
	struct arena a = ARENA_INIT;
	struct partial_gap *v;
	struct err e = { 0 };
	size_t n;

	assert_int_equal(partial_gaps(p, &a, &v, &n, &e), 0);
	assert_in_range(n, 0, 64);
	if (n > 0)
		memcpy(out, v, n * sizeof(*v));
	arena_free(&a);
	return n;
}

static void nothing_is_there(void **state)
{
	struct partial p = begin();
	struct partial_gap v[64];

	(void)state;
	assert_int_equal(gaps(&p, v), 2);
	assert_int_equal(v[0].start, 0);
	assert_int_equal(v[0].end, PARTIAL_CHUNK);
	assert_int_equal(v[1].start, PARTIAL_CHUNK);
	assert_int_equal(v[1].end, SIZE);
	assert_false(p.resumed);
	partial_close(&p);
}

static void what_is_there_is_not_missing(void **state)
{
	struct partial p = begin();
	struct partial_gap v[64];

	(void)state;
	have(&p, 0);
	have(&p, 3);
	have(&p, 200); /* the end, which is shorter */
	assert_int_equal(gaps(&p, v), 3);
	assert_int_equal(v[0].start, PARTIAL_GRANULE);
	assert_int_equal(v[0].end, 3 * PARTIAL_GRANULE);
	assert_int_equal(v[1].start, 4 * PARTIAL_GRANULE);
	assert_int_equal(v[2].end, 200 * PARTIAL_GRANULE);
	for (uint64_t i = 0; i <= 200; i++)
		have(&p, i);
	assert_int_equal(gaps(&p, v), 0);
	partial_close(&p);
}

static void the_lock_is_one(void **state)
{
	struct partial p = begin(), other = PARTIAL_INIT;
	struct err e = { 0 };

	(void)state;
	assert_true(partial_open(dir, DIGEST, SIZE, false, &other, &e) < 0);
	assert_int_equal(e.cls, ERR_BUSY);
	partial_close(&p);
	assert_int_equal(partial_open(dir, DIGEST, SIZE, false, &other, &e), 0);
	partial_close(&other);
}

static void it_goes_on_and_begins_anew(void **state)
{
	struct partial p = begin();
	struct partial_gap v[64];
	struct err e = { 0 };

	(void)state;
	have(&p, 5);
	partial_close(&p);
	p = begin();
	assert_true(p.resumed);
	assert_int_equal(gaps(&p, v), 3);
	assert_int_equal(partial_restart(&p, &e), 0);
	assert_false(p.resumed);
	assert_int_equal(gaps(&p, v), 2);
	partial_close(&p);
}

/* After a power cut: the map has come to the disk, the file's end has not. */
static void what_is_not_in_the_file_is_missing(void **state)
{
	struct partial p = begin();
	struct partial_gap v[64];

	(void)state;
	have(&p, 0);
	have_in_map(&p, 1);
	have_in_map(&p, 200);
	assert_int_equal(ftruncate(p.file, PARTIAL_GRANULE + 5), 0);
	assert_int_equal(gaps(&p, v), 2);
	assert_int_equal(v[0].start, PARTIAL_GRANULE);
	assert_int_equal(v[1].end, SIZE);
	partial_close(&p);
}

/* A map of another size, or a file that is too long, says nothing. */
static void what_does_not_fit_is_forgotten(void **state)
{
	struct partial p = begin();
	struct partial_gap v[64];

	(void)state;
	have(&p, 0);
	assert_int_equal(ftruncate(p.file, (off_t)SIZE + 1), 0);
	partial_close(&p);
	p = begin();
	assert_false(p.resumed);
	assert_int_equal(gaps(&p, v), 2);
	assert_int_equal(v[0].start, 0);
	have(&p, 0);
	assert_int_equal(ftruncate(p.map, 3), 0);
	partial_close(&p);
	p = begin();
	assert_int_equal(gaps(&p, v), 2);
	partial_close(&p);
}

static void taken_it_has_its_name_and_the_map_is_gone(void **state)
{
	struct partial p = begin();
	struct err e = { 0 };
	struct stat st;
	int to;

	(void)state;
	assert_int_equal(mkdirat(dir, "to", 0700), 0);
	to = openat(dir, "to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(partial_trim(&p, &e), 0);
	assert_int_equal(partial_take(dir, &p, to, &e), 0);
	assert_int_equal(fstatat(to, HEX, &st, 0), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_int_not_equal(fstatat(dir, HEX, &st, 0), 0);
	assert_int_equal(unlinkat(to, HEX, 0), 0);
	(void)close(to);
	assert_int_equal(unlinkat(dir, "to", AT_REMOVEDIR), 0);
	partial_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_there_is_not_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(the_lock_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(it_goes_on_and_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_in_the_file_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_it_has_its_name_and_the_map_is_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
