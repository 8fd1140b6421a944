/* build/digests.c: what is kept of files, and what of that is believed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "build/digests.h"
#include "engine/buildcache.h"

#define NS INT64_C(1000000000)
#define DAY (24 * 3600 * NS)

struct box {
	char path[64];
	int root;
};

static void box_open(struct box *b)
{
	(void)snprintf(b->path, sizeof(b->path), "/tmp/tare-digests.XXXXXX");
	assert_non_null(mkdtemp(b->path));
	b->root = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(b->root >= 0);
}

static void box_close(struct box *b)
{
	close_fd(b->root);
	assert_int_equal(io_remove_tree(AT_FDCWD, b->path), 0);
}

static int make_file(const struct box *b, const char *name, struct stat *st)
{
	int fd = openat(b->root, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, st), 0);
	return fd;
}

static void is_known(struct digests *d, const struct stat *st, int want)
{
	unsigned char sum[32];

	if (want < 0) {
		assert_false(digests_find(d, st, sum));
		return;
	}
	assert_true(digests_find(d, st, sum));
	assert_int_equal(sum[0], want);
}

static void add(struct digests *d, const struct stat *st, int fd, unsigned char what)
{
	const unsigned char sum[32] = { what };

	digests_add(d, st, clock_now_ns() + 10 * NS, fd, sum);
}

static void kept_and_found(void **state)
{
	struct box b;
	CLEANUP_DIGESTS struct digests d = DIGESTS_INIT, other = DIGESTS_INIT;
	struct stat one, two, changed;
	CLEANUP_FD int fd1 = -1, fd2 = -1;

	(void)state;
	box_open(&b);
	fd1 = make_file(&b, "one", &one);
	fd2 = make_file(&b, "two", &two);
	digests_open(&d, b.root);
	is_known(&d, &one, -1);
	add(&d, &one, fd1, 1);
	assert_int_equal(digests_save(&d), 0);
	digests_open(&other, b.root);
	is_known(&other, &one, 1);
	is_known(&other, &two, -1);
	/* each of what it goes by */
	changed = one;
	changed.st_size++;
	is_known(&other, &changed, -1);
	changed = one;
	changed.st_mtim.tv_nsec ^= 1;
	is_known(&other, &changed, -1);
	changed = one;
	changed.st_ctim.tv_nsec ^= 1;
	is_known(&other, &changed, -1);
	changed = one;
	changed.st_dev++;
	is_known(&other, &changed, -1);
	/* what another has saved meanwhile stays */
	add(&other, &two, fd2, 2);
	assert_int_equal(digests_save(&other), 0);
	assert_int_equal(digests_save(&d), 0);
	digests_close(&d);
	digests_open(&d, b.root);
	is_known(&d, &one, 1);
	is_known(&d, &two, 2);
	box_close(&b);
}

static void not_kept(void **state)
{
	const unsigned char sum[32] = { 7 };
	struct box b;
	CLEANUP_DIGESTS struct digests d = DIGESTS_INIT;
	CLEANUP_FD int fd = -1;
	struct stat st;

	(void)state;
	box_open(&b);
	fd = make_file(&b, "f", &st);
	digests_open(&d, b.root);
	digests_add(&d, &st, clock_now_ns(), fd, sum); /* too young */
	assert_int_equal(d.n_fresh, 0);
	assert_int_equal(fchmod(fd, 0644), 0); /* changed while it was read */
	add(&d, &st, fd, 7);
	assert_int_equal(d.n_fresh, 0);
	assert_int_equal(fstat(fd, &st), 0);
	add(&d, &st, fd, 7);
	assert_int_equal(d.n_fresh, 1);
	digests_close(&d);
	add(&d, &st, fd, 7); /* without a store */
	assert_int_equal(digests_save(&d), 0);
	box_close(&b);
}

/* Writes a file of rows as a build would have left it. */
static void leave_rows(const struct box *b, const struct digests_row *rows, size_t n)
{
	struct digests d = { .root = b->root, .fresh = malloc(n * sizeof(*rows)), .n_fresh = n, .cap = n };

	assert_non_null(d.fresh);
	memcpy(d.fresh, rows, n * sizeof(*rows));
	assert_int_equal(digests_save(&d), 0);
	digests_close(&d);
}

static void old_rows_go(void **state)
{
	int64_t today = clock_now_ns() / DAY;
	struct digests_row rows[3] = { { .dev = 9, .ino = 3, .used = today }, { .dev = 9, .ino = 1, .used = today - 29 },
				       { .dev = 9, .ino = 2, .used = today - 300 } };
	struct stat st = { .st_dev = 9 };
	struct box b;
	CLEANUP_DIGESTS struct digests d = DIGESTS_INIT;
	CLEANUP_FD int fd = -1;
	struct stat own;

	(void)state;
	box_open(&b);
	leave_rows(&b, rows, 3);
	fd = make_file(&b, "f", &own);
	digests_open(&d, b.root);
	st.st_ino = 2;
	is_known(&d, &st, 0);
	d.n_fresh = 0; /* as if nobody had asked */
	add(&d, &own, fd, 1);
	assert_int_equal(digests_save(&d), 0);
	digests_close(&d);
	digests_open(&d, b.root);
	st.st_ino = 1;
	is_known(&d, &st, 0);
	assert_int_equal(d.n_fresh, 1); /* it was used today */
	st.st_ino = 2;
	is_known(&d, &st, -1);
	st.st_ino = 3;
	is_known(&d, &st, 0);
	assert_int_equal(d.n_fresh, 1);
	box_close(&b);
}

static void too_many(void **state)
{
	enum { MANY = 399999 };
	int64_t today = clock_now_ns() / DAY;
	struct digests_row *rows = calloc(MANY, sizeof(*rows));
	struct stat st = { .st_dev = 9, .st_ino = 1 }, own;
	struct box b;
	CLEANUP_DIGESTS struct digests d = DIGESTS_INIT;
	CLEANUP_FD int fd1 = -1, fd2 = -1;

	(void)state;
	assert_non_null(rows);
	box_open(&b);
	for (size_t i = 0; i < MANY; i++)
		rows[i] = (struct digests_row){ .dev = 9, .ino = i, .used = today };
	leave_rows(&b, rows, MANY);
	free(rows);
	digests_open(&d, b.root);
	is_known(&d, &st, 0);
	fd1 = make_file(&b, "1", &own);
	add(&d, &own, fd1, 1);
	fd2 = make_file(&b, "2", &own);
	add(&d, &own, fd2, 2);
	assert_int_equal(digests_save(&d), 0);
	digests_close(&d);
	digests_open(&d, b.root);
	is_known(&d, &own, 2);
	is_known(&d, &st, -1);
	assert_int_equal(d.n, 2);
	box_close(&b);
}

/* As many as a file may have are used, and there is one more. */
static void too_many_used(void **state)
{
	enum { MANY = 400000 };
	int64_t today = clock_now_ns() / DAY;
	struct digests_row *rows = calloc(MANY, sizeof(*rows));
	struct stat st = { .st_dev = 9 }, own;
	struct box b;
	CLEANUP_DIGESTS struct digests d = DIGESTS_INIT;
	CLEANUP_FD int fd = -1;

	(void)state;
	assert_non_null(rows);
	box_open(&b);
	for (size_t i = 0; i < MANY; i++)
		rows[i] = (struct digests_row){ .dev = 9, .ino = i, .used = today - 1 };
	leave_rows(&b, rows, MANY);
	free(rows);
	digests_open(&d, b.root);
	for (st.st_ino = 0; st.st_ino < MANY; st.st_ino++)
		is_known(&d, &st, 0);
	fd = make_file(&b, "f", &own);
	add(&d, &own, fd, 1);
	assert_int_equal(digests_save(&d), 0);
	digests_close(&d);
	digests_open(&d, b.root);
	st.st_ino = 1;
	is_known(&d, &st, 0);
	box_close(&b);
}

static void damaged(void **state)
{
	static const char *const texts[] = { "", "x", "tare-digests-1\n", "tare-digests-1\n\0\1\0\0\0\0\0\0\0", "tare-digests-1\n\0\xff\xff\xff\xff\xff\xff\xff\xff" };
	static const size_t lens[] = { 0, 1, 15, 24, 24 };
	struct box b;

	(void)state;
	box_open(&b);
	assert_int_equal(mkdirat(b.root, BUILDCACHE_FOLDER, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP_FD int folder = openat(b.root, BUILDCACHE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CLEANUP_DIGESTS struct digests d = DIGESTS_INIT;
		struct stat st = { .st_ino = 0 };

		assert_int_equal(io_replace_file(folder, BUILDCACHE_DIGESTS, texts[i], lens[i], 0600, false), 0);
		digests_open(&d, b.root);
		is_known(&d, &st, -1);
		assert_int_equal(d.n, 0);
	}
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_and_found), cmocka_unit_test(not_kept), cmocka_unit_test(old_rows_go),
		cmocka_unit_test(too_many), cmocka_unit_test(too_many_used), cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
