#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "engine/logs.h"
#include "engine_box.h"
#include "sys/proc.h"
#include "sys/spawn.h"

static struct box box;
static struct strbuf got;

static int setup(void **state)
{
	(void)state;
	box_open(&box);
	box_file(&box, "l.2", "{\"log\":\"1\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:01Z\"}\n"
			      "{\"log\":\"2\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-01T00:00:02Z\"}\n");
	box_file(&box, "l.1", "{\"log\":\"3\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:03Z\"}\n");
	box_file(&box, "l", "{\"log\":\"4\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:04Z\"}\n"
			    "{\"log\":\"5 \\u00e4\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:05Z\"}\n"
			    "broken line\n{\"log\":\"half");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sb_free(&got);
	box_close(&box);
	return 0;
}

static int collect(const struct log_record *rec, void *data)
{
	(void)data;
	if (!rec)
		return 0;
	sb_printf(&got, "%s%.*s", rec->err ? "!" : "", (int)rec->len - 1, rec->text);
	return 0;
}

static const char *read_all(const struct log_query *q)
{
	struct err e = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/l", box.dir);
	sb_reset(&got);
	if (logs_read_files(path, logline_json, q, collect, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	return sb_str(&got);
}

static void all_files_oldest_first(void **state)
{
	(void)state;
	assert_string_equal(read_all(&(struct log_query){ .tail = -1 }), "1!2345 \xc3\xa4");
}

/* Lines that are none count too: they are where the reader starts, not what it shows. */
static void tails(void **state)
{
	static const char *const want[] = { "", "", "5 \xc3\xa4", "45 \xc3\xa4", "345 \xc3\xa4", "!2345 \xc3\xa4", "1!2345 \xc3\xa4", "1!2345 \xc3\xa4" };

	(void)state;
	box_file(&box, "l", "{\"log\":\"4\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:04Z\"}\n"
			    "{\"log\":\"5 \\u00e4\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:05Z\"}\nbroken line\n");
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(read_all(&(struct log_query){ .tail = (int64_t)i }), want[i]);
}

static void times(void **state)
{
	const int64_t second = 1767225600LL; /* 2026-01-01 */

	(void)state;
	assert_string_equal(read_all(&(struct log_query){ .tail = -1, .since = (second + 3) * 1000000000 }), "345 \xc3\xa4");
	assert_string_equal(read_all(&(struct log_query){ .tail = -1, .until = (second + 2) * 1000000000 }), "1!2");
	assert_string_equal(read_all(&(struct log_query){ .tail = 5, .until = (second + 3) * 1000000000 }), "!23"); /* half a line is no record */
}

static void a_large_file_is_cut_right(void **state)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 5000; i++)
		sb_printf(&text, "{\"log\":\"%d,\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:01Z\"}\n", i);
	box_file(&box, "l", text.s);
	assert_string_equal(read_all(&(struct log_query){ .tail = 2 }), "4998,4999,");
	read_all(&(struct log_query){ .tail = 4000 });
	assert_int_equal(strncmp(got.s, "1000,1001,", 10), 0);
	read_all(&(struct log_query){ .tail = 5001 });
	assert_int_equal(strncmp(got.s, "30,1,", 5), 0);
}

static void no_file_yet_is_nothing(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(logs_read_files("/nonexistent/log", logline_json, &(struct log_query){ .tail = -1 }, collect, NULL, &e), 0);
}

/* As a monitor rotates (monitor/logfile.c), in a process of its own until it is killed: a file a line, numbered from 10 on. */
static void rotate_for_ever(void)
{
	for (int n = 10;; n++) {
		char line[100];

		if ((renameat(box.fd, "l.1", box.fd, "l.2") < 0 || renameat(box.fd, "l", box.fd, "l.1") < 0) && errno != ENOENT)
			_exit(1);
		snprintf(line, sizeof(line), "{\"log\":\"%d\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:01Z\"}\n", n);
		box_file(&box, "l", line);
	}
}

static int in_order(const struct log_record *rec, void *data)
{
	long *last = data, n = rec ? strtol(rec->text, NULL, 10) : 0;

	if (rec && n <= *last)
		return -EBADMSG;
	*last = rec ? n : *last;
	return 0;
}

static void no_line_twice_while_files_are_rotated(void **state)
{
	struct err e = { 0 };
	char path[128];
	int pidfd, status, r = 0, empty = 0;
	pid_t pid = spawn_fork(&pidfd);

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		rotate_for_ever();
	snprintf(path, sizeof(path), "%s/l", box.dir);
	for (int i = 0; r == 0 && i < 3000; i++) {
		long last = 0;

		r = logs_read_files(path, logline_json, &(struct log_query){ .tail = -1 }, in_order, &last, &e);
		empty += last == 0;
	}
	assert_int_equal(proc_signal(pidfd, SIGKILL), 0);
	assert_int_equal(spawn_wait(pidfd, -1, &status), 0);
	close_fd(pidfd);
	if (r < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(empty, 0);
}

/* line, taken apart: "OUT|ERR TIME TEXT ATTRS", or "none". */
static void assert_line(logline_fn parse, const char *line, const char *want, size_t want_len)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf said = STRBUF_INIT;
	struct log_record rec;
	size_t len = strlen(line);
	char *copy = malloc(len + 1);

	memcpy(copy, line, len);
	copy[len] = '\n'; /* what stands behind it in a file; no byte more */
	if (parse(copy, len, &a, &rec)) {
		sb_printf(&said, "%s %s ", rec.err ? "ERR" : "OUT", rec.time);
		sb_add(&said, rec.text, rec.len);
		sb_printf(&said, " %s", rec.attrs ? rec.attrs : "-");
	} else {
		sb_puts(&said, "none");
	}
	assert_int_equal(said.len, want_len);
	assert_memory_equal(said.s, want, want_len);
	free(copy);
}
#define LINE(parse, line, want) assert_line(parse, line, want, sizeof(want) - 1)
#define T1 "2026-01-01T00:00:01Z"
#define BEHIND ",\"stream\":\"stdout\",\"time\":\"" T1 "\"}"

static void lines_of_json(void **state)
{
	(void)state;
	LINE(logline_json, "{\"log\":\"a\\n\"" BEHIND, "OUT " T1 " a\n -");
	LINE(logline_json, "{\"log\":\"\"" BEHIND, "OUT " T1 "  -");
	LINE(logline_json, "{\"log\":\"a\",\"stream\":\"stderr\",\"attrs\":{\"k\":\"v\"},\"time\":\"" T1 "\"}", "ERR " T1 " a {\"k\":\"v\"}");
	LINE(logline_json, "{\"log\":\"\\\"\\\\\\/\\b\\f\\r\\t\\u003c\\u00e4\\u20ac\\ud83d\\ude00\\u0000x\"" BEHIND,
	     "OUT " T1 " \"\\/\b\f\r\t<\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\0x -");
	LINE(logline_json, "{\"log\":\"\\ud83d!\\udc00\"" BEHIND, "OUT " T1 " \xef\xbf\xbd!\xef\xbf\xbd -");
	/* another order of members, as others write it */
	LINE(logline_json, "{ \"time\":\"" T1 "\", \"stream\":\"stderr\", \"log\":\"a\\n\" }", "ERR " T1 " a\n -");
	/* text that looks like what stands behind it */
	LINE(logline_json, "{\"log\":\"x\\\",\\\"stream\\\":\\\"stderr\\\"\"" BEHIND, "OUT " T1 " x\",\"stream\":\"stderr\" -");
}

static void lines_that_are_none(void **state)
{
	static const char *const lines[] = { "", "}", "\"}", "{\"log\":\"", "{\"log\":\"a", "{\"log\":\"\"}", "{\"log\":\"\\\"}", "{\"log\":\"a\",\"stream\":\"stdout\"}",
		"{\"log\":\"a\",\"stream\":\"std\"}", "{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"}", "{\"log\":\"\\x\"" BEHIND, "{\"log\":\"\\u12\"" BEHIND,
		"{\"log\":\"\\u12g4\"" BEHIND };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		LINE(logline_json, lines[i], "none");
	LINE(logline_k8s, "", "none");
	LINE(logline_k8s, T1 " stdout F", "none");
	LINE(logline_k8s, T1 " stdin F x", "none");
	LINE(logline_k8s, T1 " stdout X x", "none");
}

static void lines_of_k8s(void **state)
{
	(void)state;
	LINE(logline_k8s, T1 " stdout F a b", "OUT " T1 " a b\n -");
	LINE(logline_k8s, T1 " stderr P a", "ERR " T1 " a -");
	LINE(logline_k8s, T1 " stdout F ", "OUT " T1 " \n -");
	LINE(logline_k8s, T1 " stdout F:tag a", "OUT " T1 " a\n -");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(all_files_oldest_first), T(tails), T(times), T(a_large_file_is_cut_right), T(no_file_yet_is_nothing), T(lines_of_json), T(lines_that_are_none),
		T(lines_of_k8s), T(no_line_twice_while_files_are_rotated),
	};

	if (geteuid() != 0)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
