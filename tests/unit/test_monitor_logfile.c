#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "monitor/logfile.h"

struct tmp {
	char dir[64], path[96];
	struct logfile log;
};

static int setup(void **state)
{
	struct tmp *t = calloc(1, sizeof(*t));

	strcpy(t->dir, "/tmp/tare-unit.XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/log", t->dir);
	t->log = (struct logfile)LOGFILE_INIT;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tmp *t = *state;
	int r;

	logfile_close(&t->log);
	r = io_remove_tree(AT_FDCWD, t->dir);
	free(t);
	return r;
}

/* As the stream does it: prepare, append, until nothing is taken any more. Gives what was taken. */
static size_t put(struct logfile *l, enum log_stream stream, const char *data, size_t len, bool final)
{
	size_t done = 0, n;

	do {
		logfile_prepare(l);
		n = logfile_append(l, stream, data + done, len - done, final);
		done += n;
	} while (n && done < len);
	return done;
}

static size_t puts_out(struct logfile *l, const char *text)
{
	return put(l, LOG_STDOUT, text, strlen(text), false);
}

/* Checks line n of the file at path (or path.N) and gives its "log" member; the caller frees.
 * stream NULL: any. */
static char *record(const char *path, size_t n, const char *stream, char *time)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *log = NULL, *name = NULL, *when = NULL;
	const struct json *doc;
	struct timespec ts;
	struct err e = { 0 };
	char *text, *p, *end;
	size_t len;

	assert_int_equal(io_read_file(AT_FDCWD, path, 1 << 24, &text, &len), 0);
	p = text;
	while (n--) {
		p = strchr(p, '\n');
		assert_non_null(p);
		p++;
	}
	end = strchr(p, '\n');
	assert_non_null(end);
	assert_int_equal(json_parse(&a, p, (size_t)(end - p), NULL, &doc, &e), 0);
	assert_int_equal(json_get_str(doc, "record", "log", &log, &e), 0);
	assert_int_equal(json_get_str(doc, "record", "stream", &name, &e), 0);
	assert_int_equal(json_get_str(doc, "record", "time", &when, &e), 0);
	if (stream)
		assert_string_equal(name, stream);
	assert_int_equal(text_parse_time(when, &ts), 0);
	if (time)
		snprintf(time, 64, "%s", when);
	p = strdup(log);
	free(text);
	return p;
}

static void assert_record(const char *path, size_t n, const char *stream, const char *want)
{
	char *got = record(path, n, stream, NULL);

	assert_string_equal(got, want);
	free(got);
}

static size_t file_size(const char *path)
{
	char *text;
	size_t len;

	assert_int_equal(io_read_file(AT_FDCWD, path, 1 << 24, &text, &len), 0);
	free(text);
	return len;
}

static void whole_lines_only(void **state)
{
	struct tmp *t = *state;

	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(puts_out(&t->log, "one\ntwo\nunfin"), 8);
	assert_int_equal(puts_out(&t->log, "unfinished\n"), 11);
	assert_int_equal(put(&t->log, LOG_STDERR, "rest", 4, true), 4);
	assert_record(t->path, 0, "stdout", "one\n");
	assert_record(t->path, 1, "stdout", "two\n");
	assert_record(t->path, 2, "stdout", "unfinished\n");
	assert_record(t->path, 3, "stderr", "rest");
}

static void text_as_docker_writes_it(void **state)
{
	static const char in[] = "\t\"\\\r<>&\x7f\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xff\xed\xa0\x80\xf0\x9f\x98\x80\xc3\n";
	static const char want[] = "{\"log\":\"\\u0009\\\"\\\\\\r\\u003c\\u003e\\u0026\x7f\xc3\xa9\\u2028\\u2029\\ufffd"
				   "\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\\ufffd\\n\",\"stream\":\"stdout\",\"time\":\"20";
	struct tmp *t = *state;
	char *text;
	size_t len;

	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(puts_out(&t->log, in), sizeof(in) - 1);
	assert_int_equal(io_read_file(AT_FDCWD, t->path, 1 << 20, &text, &len), 0);
	assert_memory_equal(text, want, sizeof(want) - 1);
	assert_string_equal(text + len - 3, "\"}\n");
	free(text);
}

static void long_lines_are_split(void **state)
{
	struct tmp *t = *state;
	char *line = malloc(40000), *got, first[64], second[64];

	memset(line, 'a', 40000);
	line[39999] = '\n';
	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(put(&t->log, LOG_STDOUT, line, 20000, false), LOGRECORD_MAX);
	assert_int_equal(put(&t->log, LOG_STDOUT, line + LOGRECORD_MAX, 40000 - LOGRECORD_MAX, false),
			 40000 - LOGRECORD_MAX);
	got = record(t->path, 0, "stdout", first);
	assert_int_equal(strlen(got), LOGRECORD_MAX);
	free(got);
	got = record(t->path, 1, "stdout", second);
	assert_int_equal(strlen(got), LOGRECORD_MAX);
	free(got);
	assert_string_equal(first, second);
	got = record(t->path, 2, "stdout", second);
	assert_int_equal(strlen(got), 40000 - 2 * LOGRECORD_MAX);
	assert_string_equal(first, second);
	free(got);
	/* exactly a record without its line end */
	assert_int_equal(put(&t->log, LOG_STDOUT, line + 40000 - LOGRECORD_MAX, LOGRECORD_MAX, false),
			 LOGRECORD_MAX);
	got = record(t->path, 3, "stdout", NULL);
	assert_int_equal(strlen(got), LOGRECORD_MAX);
	free(got);
	free(line);
}

static void rotation_keeps_records_whole(void **state)
{
	struct tmp *t = *state;
	char path[128], line[32];

	assert_int_equal(logfile_open(&t->log, t->path, 300, 3), 0);
	for (int i = 0; i < 40; i++) {
		snprintf(line, sizeof(line), "line %02d\nmore %02d\n", i, i);
		assert_int_equal(puts_out(&t->log, line), strlen(line));
	}
	snprintf(path, sizeof(path), "%s.3", t->path);
	assert_int_equal(access(path, F_OK), -1);
	for (int n = 1; n <= 2; n++) {
		snprintf(path, sizeof(path), "%s.%d", t->path, n);
		assert_in_range(file_size(path), 300, 400);
		free(record(path, 3, "stdout", NULL));
	}
}

static void one_file_is_emptied(void **state)
{
	struct tmp *t = *state;

	assert_int_equal(logfile_open(&t->log, t->path, 100, 1), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(puts_out(&t->log, "a line of text\n"), 15);
	assert_in_range(file_size(t->path), 1, 200);
}

static void reopened_at_its_limit(void **state)
{
	struct tmp *t = *state;
	char path[128];

	assert_int_equal(logfile_open(&t->log, t->path, 50, 2), 0);
	assert_int_equal(puts_out(&t->log, "first\n"), 6);
	logfile_close(&t->log);
	t->log = (struct logfile)LOGFILE_INIT;
	assert_int_equal(logfile_open(&t->log, t->path, 50, 2), 0);
	assert_int_equal(puts_out(&t->log, "second\n"), 7);
	snprintf(path, sizeof(path), "%s.1", t->path);
	assert_record(path, 0, "stdout", "first\n");
	assert_record(t->path, 0, "stdout", "second\n");
}

static void a_half_written_batch_is_cut_off(void **state)
{
	struct tmp *t = *state;
	uint64_t mark;
	int fd;

	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(puts_out(&t->log, "one\n"), 4);
	mark = t->log.size;
	logfile_close(&t->log);
	fd = open(t->path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"log\":\"tw\"}\n", 13), 13); /* of a batch, whose rest would have followed */
	close(fd);
	t->log = (struct logfile)LOGFILE_INIT;
	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(t->log.size, mark + 13);
	assert_int_equal(logfile_rewind(&t->log, mark), 0);
	assert_int_equal(logfile_rewind(&t->log, mark + 100), 0);
	assert_int_equal(puts_out(&t->log, "two\n"), 4);
	assert_record(t->path, 0, "stdout", "one\n");
	assert_record(t->path, 1, "stdout", "two\n");
}

static void lost_records_are_counted(void **state)
{
	struct tmp *t = *state;
	char *got, filler[101];
	size_t written;

	if (mount("tmpfs", t->dir, "tmpfs", 0, "size=8k") < 0)
		skip();
	memset(filler, 'x', 100);
	filler[99] = '\n';
	filler[100] = '\0';
	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(puts_out(&t->log, filler), 100);
	assert_true(t->log.lost > 0);
	assert_int_equal(file_size(t->path), t->log.size);
	assert_int_equal(mount(NULL, t->dir, NULL, MS_REMOUNT, "size=1m"), 0);
	assert_int_equal(puts_out(&t->log, "room\n"), 5);
	assert_int_equal(t->log.lost, 0);
	/* whole lines, then the marker, then what came after */
	for (written = 0, got = NULL; !got || strstr(got, "xxx"); written++) {
		free(got);
		got = record(t->path, written, NULL, NULL);
	}
	assert_memory_equal(got, "tare: ", 6);
	assert_int_equal(strtoul(got + 6, NULL, 10), 100 - (written - 1));
	assert_non_null(strstr(got, "No space left on device"));
	free(got);
	assert_record(t->path, written, "stdout", "room\n");
	logfile_close(&t->log);
	assert_int_equal(umount(t->dir), 0);
}

static void a_folder_that_comes_back(void **state)
{
	struct tmp *t = *state;
	char sub[80], path[96];

	snprintf(sub, sizeof(sub), "%s/sub", t->dir);
	snprintf(path, sizeof(path), "%s/log", sub);
	assert_int_equal(logfile_open(&t->log, path, 0, 1), -ENOENT);
	assert_int_equal(puts_out(&t->log, "lost\nlost\n"), 10);
	assert_int_equal(t->log.lost, 2);
	assert_int_equal(io_mkdirs(AT_FDCWD, sub, 0700), 0);
	assert_int_equal(puts_out(&t->log, "there\n"), 6);
	assert_record(path, 0, "stderr", "tare: 2 lines of output could not be written to this log: No such file or directory\n");
	assert_record(path, 1, "stdout", "there\n");
}

static void as_kubernetes_writes_it(void **state)
{
	struct tmp *t = *state;
	CLEANUP_FREE char *text = NULL;
	char want[200], long_line[LOGRECORD_MAX + 3];
	size_t len;

	t->log.k8s = true;
	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(puts_out(&t->log, "a \"b\"\n\n"), 7);
	memset(long_line, 'x', sizeof(long_line));
	long_line[LOGRECORD_MAX + 1] = '\n';
	assert_int_equal(put(&t->log, LOG_STDERR, long_line, LOGRECORD_MAX + 2, false), LOGRECORD_MAX + 2);
	assert_int_equal(put(&t->log, LOG_STDOUT, "end", 3, true), 3);
	assert_int_equal(io_read_file(AT_FDCWD, t->path, 1 << 20, &text, &len), 0);
	assert_memory_equal(text + 30, " stdout F a \"b\"\n", 16);
	assert_memory_equal(text + 46 + 30, " stdout F \n", 11);
	assert_memory_equal(text + 87 + 30, " stderr P xxx", 13);
	assert_memory_equal(text + 87, text + 87 + 30 + 10 + LOGRECORD_MAX + 1, 30); /* one time, the line's */
	snprintf(want, sizeof(want), " stderr F x\n");
	assert_memory_equal(text + 87 + 41 + LOGRECORD_MAX + 30, want, strlen(want));
	assert_string_equal(text + len - 14, " stdout P end\n");
}

static void what_each_record_carries(void **state)
{
	static const char want[] = "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"k\":\"v\"},\"time\":\"2";
	struct tmp *t = *state;
	CLEANUP_FREE char *text = NULL;

	t->log.attrs = "{\"k\":\"v\"}";
	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	assert_int_equal(puts_out(&t->log, "a\n"), 2);
	assert_int_equal(io_read_file(AT_FDCWD, t->path, 1 << 20, &text, NULL), 0);
	assert_memory_equal(text, want, sizeof(want) - 1);
}

/* Parts of a line count, too: for rotation, and for where a successor goes on. */
static void parts_are_counted(void **state)
{
	struct tmp *t = *state;
	CLEANUP_FREE char *text = NULL;
	size_t len;

	assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
	logfile_prepare(&t->log);
	assert_int_equal(logfile_append_part(&t->log, LOG_STDOUT, "part", 4), 4);
	assert_int_equal(io_read_file(AT_FDCWD, t->path, 1 << 20, &text, &len), 0);
	assert_int_equal(t->log.size, len);
}

/* What a power cut leaves: part of a record, or the room for it alone. */
static void what_was_torn_is_cut_off(void **state)
{
	static const char whole[] = "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00.0Z\"}\n";
	static const struct {
		const char *text;
		size_t len;
	} torn[] = { { "{\"log\":\"b", 9 }, { NULL, 10000 }, { "\0", 1 } };
	char zeros[10000] = "";
	struct tmp *t = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(torn); i++) {
		size_t before = i % 2 ? strlen(whole) : 0, k = i / 2;
		CLEANUP_FREE char *text = NULL;
		int fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_int_equal(io_write_full(fd, whole, before), 0);
		assert_int_equal(io_write_full(fd, torn[k].text ? torn[k].text : zeros, torn[k].len), 0);
		close_fd(fd);
		assert_int_equal(logfile_open(&t->log, t->path, 0, 1), 0);
		assert_int_equal(t->log.size, before);
		assert_int_equal(puts_out(&t->log, "next\n"), 5);
		logfile_close(&t->log);
		assert_int_equal(io_read_file(AT_FDCWD, t->path, 1 << 20, &text, NULL), 0);
		assert_memory_equal(text, whole, before);
		assert_memory_equal(text + before, "{\"log\":\"next", 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_lines_only, setup, teardown),
		cmocka_unit_test_setup_teardown(text_as_docker_writes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(long_lines_are_split, setup, teardown),
		cmocka_unit_test_setup_teardown(rotation_keeps_records_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(one_file_is_emptied, setup, teardown),
		cmocka_unit_test_setup_teardown(reopened_at_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_half_written_batch_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_torn_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_records_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(as_kubernetes_writes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_each_record_carries, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
