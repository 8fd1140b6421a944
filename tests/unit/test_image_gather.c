/* Blobs in pieces from a process that nobody trusts: read as they arrive, and never what is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "image/worker/gather.h"

#define SIZE ((uint64_t)PARTIAL_GRANULE + 1000)

struct box {
	struct task task;
	struct gather gather;
	struct gather_blob blob;
	struct gather_chunk chunks[2];
	int lane[2]; /* read end, write end */
};

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));
	unsigned char map[2] = { 0 };

	if (!b || pipe2(b->lane, O_CLOEXEC) < 0)
		return -1;
	b->task = (struct task){ .report = open("/dev/null", O_WRONLY | O_CLOEXEC), .report_lock = PTHREAD_MUTEX_INITIALIZER };
	b->blob = (struct gather_blob){ .fd = memfd_create("blob", 0), .map_fd = io_memfd("map", map, sizeof(map), false), .size = SIZE };
	b->chunks[0] = (struct gather_chunk){ .start = 0, .end = PARTIAL_GRANULE };
	b->chunks[1] = (struct gather_chunk){ .start = PARTIAL_GRANULE, .end = SIZE };
	b->gather = (struct gather){ .task = &b->task, .blobs = &b->blob, .n_blobs = 1, .chunks = b->chunks, .n_chunks = 2,
				     .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	(void)close(b->lane[1]);
	gather_free(&b->gather);
	(void)close(b->lane[0]);
	(void)close(b->blob.fd);
	(void)close(b->blob.map_fd);
	(void)close(b->task.report);
	free(b);
	return 0;
}

static void start(struct box *b)
{
	struct err e = { 0 };

	assert_int_equal(gather_start(&b->gather, b->lane, 1, &e), 0);
}

static void send_frame(struct box *b, uint32_t chunk, uint32_t len, char fill)
{
	struct partial_frame f = { chunk, len };
	char *bytes = malloc(len + 1);

	memset(bytes, fill, len);
	assert_int_equal(io_write_full(b->lane[1], &f, sizeof(f)), 0);
	assert_int_equal(io_write_full(b->lane[1], bytes, len), 0);
	free(bytes);
}

static bool is_marked(struct box *b, off_t granule)
{
	char c = 0;

	assert_int_equal(pread(b->blob.map_fd, &c, 1, granule), 1);
	return c == 1;
}

static void what_has_arrived_can_be_read_in_order(void **state)
{
	struct box *b = *state;
	static char buf[2 * PARTIAL_GRANULE];
	struct err e = { 0 };
	ssize_t n;

	start(b);
	send_frame(b, 1, 600, 'z'); /* the end comes first: nobody may read it yet as the beginning */
	send_frame(b, 0, 100, 'a');
	n = gather_read(&b->gather, 0, 0, buf, sizeof(buf), &e);
	assert_int_equal(n, 100);
	assert_int_equal(buf[99], 'a');
	send_frame(b, 0, PARTIAL_GRANULE - 100, 'b');
	n = gather_read(&b->gather, 0, 100, buf, sizeof(buf), &e);
	assert_true(n >= (ssize_t)PARTIAL_GRANULE - 100);
	send_frame(b, 1, 400, 'y');
	n = gather_read(&b->gather, 0, SIZE - 400, buf, sizeof(buf), &e);
	assert_int_equal(n, 400);
	assert_int_equal(buf[0], 'y');
	assert_int_equal(gather_read(&b->gather, 0, SIZE, buf, sizeof(buf), &e), 0);
	assert_true(is_marked(b, 0));
	assert_true(is_marked(b, 1));
}

static void a_lane_that_ends_early_is_told(void **state)
{
	struct box *b = *state;
	struct err e = { 0 };
	char buf[16];

	start(b);
	(void)close(b->lane[1]);
	b->lane[1] = -1;
	assert_true(gather_read(&b->gather, 0, 0, buf, sizeof(buf), &e) < 0);
	assert_int_equal(e.cls, ERR_UNAVAILABLE);
	assert_false(is_marked(b, 0));
}

/* tare-transfer was killed between a frame's head and its bytes: what ended it says its owner, no damage of ours. */
static void a_frame_that_ends_early_is_told(void **state)
{
	struct partial_frame f = { 0, 100 };
	struct box *b = *state;
	struct err e = { 0 };
	char buf[16];

	start(b);
	assert_int_equal(io_write_full(b->lane[1], &f, sizeof(f)), 0);
	assert_int_equal(io_write_full(b->lane[1], "abc", 3), 0);
	(void)close(b->lane[1]);
	b->lane[1] = -1;
	assert_true(gather_read(&b->gather, 0, 0, buf, sizeof(buf), &e) < 0);
	assert_int_equal(e.cls, ERR_UNAVAILABLE);
}

/* A full disk where the map is to grow is an error that can be told. */
static void a_map_that_cannot_be_written_is_told(void **state)
{
	struct box *b = *state;
	struct err e = { 0 };
	char buf[16];

	(void)close(b->blob.map_fd);
	b->blob.map_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	start(b);
	send_frame(b, 1, 1000, 'a');
	assert_true(gather_read(&b->gather, 0, 0, buf, sizeof(buf), &e) < 0);
	assert_int_equal(e.cls, ERR_NOSPACE);
}

/* A chunk that does not exist, more than it has room for, no bytes, too many. */
static void damaged_frames_are_refused(void **state)
{
	static const struct partial_frame bad[] = { { 2, 10 }, { UINT32_MAX, 10 }, { 1, 1001 }, { 0, 0 }, { 0, PARTIAL_FRAME_MAX + 1 } };
	struct box *b = *state;
	struct err e = { 0 };
	char buf[16];

	(void)b;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		void *one = NULL;

		assert_int_equal(setup(&one), 0);
		b = one;
		start(b);
		assert_int_equal(io_write_full(b->lane[1], &bad[i], sizeof(bad[i])), 0);
		assert_true(gather_read(&b->gather, 0, 0, buf, sizeof(buf), &e) < 0);
		assert_int_equal(e.cls, ERR_INTERNAL);
		teardown(&one);
	}
}

/* What was read, and hashed, stays: there is no frame that could write it again. */
static void nothing_is_written_twice(void **state)
{
	struct box *b = *state;
	struct err e = { 0 };
	char buf[16];

	start(b);
	send_frame(b, 1, 1000, 'a');
	send_frame(b, 0, 10, 'a');
	assert_int_equal(gather_read(&b->gather, 0, 0, buf, 10, &e), 10);
	send_frame(b, 1, 1, 'b');
	assert_true(gather_read(&b->gather, 0, 10, buf, 1, &e) < 0);
	assert_int_equal(e.cls, ERR_INTERNAL);
	assert_int_equal(pread(b->blob.fd, buf, 1, PARTIAL_GRANULE), 1);
	assert_int_equal(buf[0], 'a');
}

static void chunks_that_do_not_fit_are_refused(void **state)
{
	struct box *b = *state;
	struct err e = { 0 };

	b->chunks[1].start = 5; /* no granule begins there, and it overlaps */
	assert_true(gather_start(&b->gather, b->lane, 1, &e) < 0);
	b->chunks[1].start = PARTIAL_GRANULE;
	b->chunks[1].end = SIZE + 1;
	assert_true(gather_start(&b->gather, b->lane, 1, &e) < 0);
	b->chunks[1].end = SIZE;
	b->chunks[1].blob = 1;
	assert_true(gather_start(&b->gather, b->lane, 1, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_has_arrived_can_be_read_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lane_that_ends_early_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_that_ends_early_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_map_that_cannot_be_written_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_frames_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_written_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(chunks_that_do_not_fit_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
