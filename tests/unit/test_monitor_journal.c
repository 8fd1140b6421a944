#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/io.h"
#include "monitor/journal.h"
#include "sys/sock.h"

struct tmp {
	char dir[64], path[96];
	int dirfd, sock;
	struct journal j;
	struct arena a;
	const struct json *fields;
};

static int setup(void **state)
{
	struct tmp *t = calloc(1, sizeof(*t));
	static const char fields[] = "{\"CONTAINER_NAME\":\"web\",\"ODD\":\"two\\nlines\"}";
	struct err e = { 0 };

	strcpy(t->dir, "/tmp/tare-unit.XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/socket", t->dir);
	t->dirfd = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	t->sock = sock_datagrams(t->dirfd, "socket", 0666);
	t->j = (struct journal)JOURNAL_INIT;
	t->a = (struct arena)ARENA_INIT;
	*state = t;
	return json_parse(&t->a, fields, strlen(fields), NULL, &t->fields, &e);
}

static int teardown(void **state)
{
	struct tmp *t = *state;
	int r;

	journal_close(&t->j);
	close_fd(t->sock);
	close_fd(t->dirfd);
	arena_free(&t->a);
	r = io_remove_tree(AT_FDCWD, t->dir);
	free(t);
	return r;
}

static size_t put(struct tmp *t, enum log_stream stream, const char *text, bool *full)
{
	return journal_append(&t->j, stream, text, strlen(text), false, false, full);
}

/* The next datagram begins with this and ends with the fields of every record. */
static void assert_heard(struct tmp *t, const char *begin, const char *part)
{
	static const char end[] = "CONTAINER_NAME=web\nODD\n\x09\0\0\0\0\0\0\0two\nlines\n";
	char buf[40000];
	ssize_t n = recv(t->sock, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	assert_true(n > (ssize_t)strlen(begin));
	buf[n] = '\0';
	assert_memory_equal(buf, begin, strlen(begin));
	assert_int_equal(strstr(buf, "\nCONTAINER_PARTIAL_MESSAGE=true\n") != NULL, part != NULL);
	assert_non_null(strstr(buf, "\nSYSLOG_TIMESTAMP=2"));
	assert_memory_equal(buf + n - (ssize_t)sizeof(end) + 1, end, sizeof(end) - 1);
}

static void a_record_is_a_datagram(void **state)
{
	struct tmp *t = *state;
	bool full;

	journal_open(&t->j, t->path, t->fields);
	assert_int_equal(put(t, LOG_STDOUT, "one\n\nhalf", &full), 5);
	assert_false(full);
	assert_heard(t, "MESSAGE=one\nPRIORITY=6\n", NULL);
	assert_heard(t, "MESSAGE=\nPRIORITY=6\n", NULL);
	assert_int_equal(put(t, LOG_STDERR, "e\n", &full), 2);
	assert_heard(t, "MESSAGE=e\nPRIORITY=3\n", NULL);
	assert_int_equal(journal_append_part(&t->j, LOG_STDOUT, "half", 4, false, &full), 4);
	assert_heard(t, "MESSAGE=half\nPRIORITY=6\n", "part");
}

static void hear(struct tmp *t, char *buf, size_t len)
{
	ssize_t n = recv(t->sock, buf, len - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	buf[n] = '\0';
}

/* "NAME=VALUE\n" of a datagram, to out. */
static void field(const char *datagram, const char *name, char *out, size_t len)
{
	const char *at = strstr(datagram, name);

	assert_non_null(at);
	(void)snprintf(out, len, "%.*s", (int)strcspn(at, "\n"), at);
}

/* Docker's fields of a line that is longer than a record: an id of its own, counted, and which is the last. */
static void parts_of_a_line_are_counted(void **state)
{
	struct tmp *t = *state;
	char buf[40000], first[80], id[80];
	bool full;

	journal_open(&t->j, t->path, t->fields);
	assert_int_equal(journal_append_part(&t->j, LOG_STDOUT, "a", 1, false, &full), 1);
	hear(t, buf, sizeof(buf));
	assert_non_null(strstr(buf, "\nCONTAINER_PARTIAL_ORDINAL=1\n"));
	assert_non_null(strstr(buf, "\nCONTAINER_PARTIAL_LAST=false\n"));
	field(buf, "CONTAINER_PARTIAL_ID=", first, sizeof(first));
	/* the other stream's lines are others */
	assert_int_equal(put(t, LOG_STDERR, "e\n", &full), 2);
	hear(t, buf, sizeof(buf));
	assert_null(strstr(buf, "CONTAINER_PARTIAL"));
	assert_int_equal(put(t, LOG_STDOUT, "b\nc\n", &full), 4);
	hear(t, buf, sizeof(buf));
	assert_non_null(strstr(buf, "\nCONTAINER_PARTIAL_ORDINAL=2\n"));
	assert_non_null(strstr(buf, "\nCONTAINER_PARTIAL_LAST=true\n"));
	assert_null(strstr(buf, "CONTAINER_PARTIAL_MESSAGE"));
	field(buf, "CONTAINER_PARTIAL_ID=", id, sizeof(id));
	assert_string_equal(first, id);
	hear(t, buf, sizeof(buf));
	assert_null(strstr(buf, "CONTAINER_PARTIAL"));
	assert_int_equal(journal_append_part(&t->j, LOG_STDOUT, "d", 1, false, &full), 1);
	hear(t, buf, sizeof(buf));
	field(buf, "CONTAINER_PARTIAL_ID=", id, sizeof(id));
	assert_string_not_equal(first, id);
}

static void one_without_room_holds_back(void **state)
{
	struct tmp *t = *state;
	bool full = false;
	size_t sent = 0;

	journal_open(&t->j, t->path, t->fields);
	while (!full && sent < 100000)
		sent += put(t, LOG_STDOUT, "line\n", &full) / 5;
	assert_true(full);
	assert_int_equal(t->j.lost, 0);
	/* the one that did not go is not gone: nothing was taken */
	assert_int_equal(put(t, LOG_STDOUT, "last\n", &full), 0);
	for (size_t i = 0; i < sent; i++)
		assert_heard(t, "MESSAGE=line\n", NULL);
	assert_int_equal(put(t, LOG_STDOUT, "last\n", &full), 5);
	assert_heard(t, "MESSAGE=last\n", NULL);
	/* at the end of all patience it is lost, and counted */
	for (full = false; !full;)
		put(t, LOG_STDOUT, "line\n", &full);
	assert_int_equal(journal_append(&t->j, LOG_STDOUT, "x\ny\n", 4, true, true, &full), 4);
	assert_int_equal(t->j.lost, 2);
}

static void one_that_went_away_is_found_again(void **state)
{
	struct tmp *t = *state;
	bool full;

	journal_open(&t->j, t->path, t->fields);
	t->sock = close_fd(t->sock);
	assert_int_equal(put(t, LOG_STDOUT, "a\nb\n", &full), 4);
	assert_int_equal(t->j.lost, 2);
	assert_int_equal(unlinkat(AT_FDCWD, t->path, 0), 0);
	assert_int_equal(put(t, LOG_STDOUT, "c\n", &full), 2);
	t->sock = sock_datagrams(t->dirfd, "socket", 0666);
	assert_int_equal(put(t, LOG_STDOUT, "d\n", &full), 2);
	assert_heard(t, "MESSAGE=tare: 3 lines of output could not be written to the journal: ", NULL);
	assert_heard(t, "MESSAGE=d\n", NULL);
	assert_int_equal(t->j.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_is_a_datagram, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_a_line_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(one_without_room_holds_back, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_went_away_is_found_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
