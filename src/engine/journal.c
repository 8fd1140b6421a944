/* journalctl writes an entry a line, in JSON; text that is no printable UTF-8 is an array of its bytes. Each entry has a cursor, so
 * following begins, and the rest after the container's end is read, exactly behind what was shown. */
#include "engine/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define CHUNK 65536U
#define MOST_ARGS 16
/* How long entries may take from the journal's socket into the journal. */
#define SYNC_MS 5000
#define LATE_US 5000000

static void stop(struct journal_reader *j)
{
	int status;

	j->out = close_fd(j->out);
	if (j->pidfd >= 0) {
		(void)!proc_signal(j->pidfd, SIGKILL);
		(void)!spawn_wait(j->pidfd, -1, &status);
	}
	j->pidfd = close_fd(j->pidfd);
	sb_reset(&j->text);
}

void journal_reader_end(struct journal_reader *j)
{
	stop(j);
	sb_free(&j->text);
}

/* Microseconds, which is what the journal knows, and of when it got an entry, which is a little later than it was written; what is exact is
 * looked at again with each entry. */
static const char *point(struct arena *a, const char *option, int64_t ns, int64_t late_us)
{
	int64_t us = ns / 1000 + late_us;

	return arena_printf(a, "--%s=@%lld.%06lld", option, (long long)(us / 1000000), (long long)(us % 1000000));
}

static int start(struct journal_reader *j, bool follow, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int theirs = -1;
	const char *argv[MOST_ARGS] = { "journalctl", "--quiet", "--all", "--no-pager", "--output=json" };
	struct spawn_args args = { .path = "journalctl", .argv = argv, .n_fds = 1, .death_signal = SIGKILL };
	struct spawn_fd fd = { .to = 1 };
	int64_t since = j->from > j->q->since ? j->from : j->q->since;
	int ends[2], n = 5, r;
	pid_t pid;

	argv[n++] = arena_printf(&a, "CONTAINER_ID_FULL=%s", j->id);
	if (*j->cursor)
		argv[n++] = arena_printf(&a, "--after-cursor=%s", j->cursor);
	else if (j->q->tail >= 0 && !j->from)
		argv[n++] = arena_printf(&a, "--lines=%lld", (long long)j->q->tail);
	if (follow)
		argv[n++] = "--follow";
	if (follow && (*j->cursor || j->q->tail < 0))
		argv[n++] = "--no-tail";
	if (since && !*j->cursor) /* both are a place to begin at */
		argv[n++] = point(&a, "since", since, 0);
	if (j->to)
		argv[n++] = point(&a, "until", j->to, 0);
	else if (j->q->until)
		argv[n++] = point(&a, "until", j->q->until, LATE_US);
	if (arena_error(&a) < 0)
		return err_errno(e, -ENOMEM, "journalctl");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "a pipe for journalctl");
	j->out = ends[0];
	theirs = fd.from = ends[1];
	args.fds = &fd;
	r = spawn(&args, &pid, &j->pidfd);
	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED, "this log is in the journal, and journalctl, which reads it, is not installed");
	if (r < 0)
		return err_errno(e, r, "execute journalctl");
	r = follow ? io_set_nonblock(j->out, true) : 0;
	return r < 0 ? err_errno(e, r, "journalctl") : 0;
}

/* ---- entries ---- */

/* A field's bytes; an array of texts is a field that is there several times, and the first counts. */
static void add_bytes(struct strbuf *out, const struct json *v)
{
	int64_t byte;

	if (v && v->type == JSON_STRING)
		sb_add(out, v->str, v->len);
	if (!v || v->type != JSON_ARRAY)
		return;
	if (v->child && v->child->type == JSON_STRING) {
		sb_add(out, v->child->str, v->child->len);
		return;
	}
	json_each(b, v)
		sb_putc(out, json_as_i64(b, &byte) == 0 ? (char)byte : '?');
}

/* What --log-opt labels and env made of it: everything that is neither the journal's nor Docker's own. */
static const char *attributes(struct arena *a, const struct json *entry)
{
	static const char *const known[] = { "MESSAGE", "PRIORITY", "SYSLOG_TIMESTAMP", "SYSLOG_IDENTIFIER", "CONTAINER_ID", "CONTAINER_ID_FULL",
					     "CONTAINER_NAME", "CONTAINER_TAG", "CONTAINER_PARTIAL_MESSAGE", "CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_ORDINAL",
					     "CONTAINER_PARTIAL_LAST", "IMAGE_NAME" };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	bool any = false;

	jw_object(&w, NULL);
	json_each(v, entry) {
		bool own = v->key[0] == '_' || v->type != JSON_STRING;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			own |= strcmp(v->key, known[i]) == 0;
		if (own)
			continue;
		any = true;
		jw_str(&w, v->key, v->str);
	}
	jw_end_object(&w);
	return any && sb_error(&text) == 0 ? arena_strdup(a, text.s) : NULL;
}

/* When it was written: as the monitor said, else when the journal got it. */
static const char *time_of(struct arena *a, const struct json *entry, struct timespec *ts)
{
	const char *text = json_text(entry, "SYSLOG_TIMESTAMP", NULL), *us = json_text(entry, "__REALTIME_TIMESTAMP", NULL);
	char out[TEXT_TIME_LEN];
	int64_t n;

	if (text && text_parse_time(text, ts) == 0)
		return text;
	if (!us || text_i64(us, &n) < 0)
		return NULL;
	*ts = (struct timespec){ .tv_sec = n / 1000000, .tv_nsec = n % 1000000 * 1000 };
	text_time(ts, out);
	return arena_strdup(a, out);
}

static int show(struct journal_reader *j, struct arena *a, const struct json *entry)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const char *priority = json_text(entry, "PRIORITY", NULL), *part = json_text(entry, "CONTAINER_PARTIAL_MESSAGE", NULL);
	struct log_record rec = { .err = priority && strcmp(priority, "3") == 0 };
	struct timespec ts;
	int64_t ns;

	rec.time = time_of(a, entry, &ts);
	if (!rec.time)
		return 0;
	ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	j->past |= j->q->until && ns > j->q->until;
	if (j->past || (j->q->since && ns < j->q->since))
		return 0;
	add_bytes(&text, json_get(entry, "MESSAGE"));
	if (!part || strcmp(part, "true") != 0)
		sb_putc(&text, '\n');
	if (sb_error(&text) < 0)
		return -ENOMEM;
	rec.text = sb_str(&text);
	rec.len = text.len;
	rec.attrs = attributes(a, entry);
	return j->fn(&rec, j->data);
}

static int take_entry(struct journal_reader *j, const char *line, size_t len, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *entry;
	const char *cursor;
	struct err ignored;
	int r;

	if (json_parse(&a, line, len, NULL, &entry, &ignored) < 0)
		return 0;
	r = j->past ? 0 : show(j, &a, entry);
	cursor = json_text(entry, "__CURSOR", NULL);
	if (cursor && strlen(cursor) < sizeof(j->cursor))
		(void)snprintf(j->cursor, sizeof(j->cursor), "%s", cursor);
	return r < 0 ? err_errno(e, r, "show the log") : 0;
}

/* Until there is no more now: 0, or the end: 1. */
static int take_all(struct journal_reader *j, struct err *e)
{
	CLEANUP_FREE char *buf = malloc(CHUNK);

	if (!buf)
		return err_errno(e, -ENOMEM, "read the journal");
	for (;;) {
		ssize_t n = read(j->out, buf, CHUNK);
		const char *at = buf, *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return n < 0 ? err_errno(e, -errno, "read the journal") : 1;
		while ((end = memchr(at, '\n', (size_t)(buf + n - at)))) {
			sb_add(&j->text, at, (size_t)(end - at));
			if (sb_error(&j->text) < 0)
				return err_errno(e, -ENOMEM, "read the journal");
			if (take_entry(j, sb_str(&j->text), j->text.len, e) < 0)
				return e->code;
			sb_reset(&j->text);
			at = end + 1;
		}
		sb_add(&j->text, at, (size_t)(buf + n - at));
	}
}

static int failed(const struct journal_reader *j, struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "journalctl failed: see what \"journalctl CONTAINER_ID_FULL=%s\" says", j->id);
}

/* One that follows ends by itself behind --until, and else when something is wrong with it. */
int journal_read_on(struct journal_reader *j, struct err *e)
{
	int r = take_all(j, e);

	j->past |= r > 0 && j->q->until;
	return r > 0 && !j->past ? failed(j, e) : r < 0 ? r : 0;
}

int journal_read(struct journal_reader *j, struct err *e)
{
	int status = 0, r = start(j, false, e);

	if (r == 0)
		r = take_all(j, e);
	if (r > 0) {
		r = spawn_wait(j->pidfd, -1, &status);
		j->pidfd = close_fd(j->pidfd);
		if (r < 0)
			return err_errno(e, r, "wait for journalctl");
		/* 1: nothing matches, of some versions */
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			return failed(j, e);
	}
	stop(j);
	return r;
}

int journal_follow(struct journal_reader *j, struct err *e)
{

	j->began = clock_now_ns();
	return start(j, true, e);
}

/* Nothing was shown yet: the last ones of what was there when following began, and all that came since. */
static int read_both(struct journal_reader *j, struct err *e)
{
	int r;

	j->to = j->began;
	r = journal_read(j, e);
	j->to = 0;
	j->from = j->began;
	return r < 0 ? r : journal_read(j, e);
}

int journal_read_rest(struct journal_reader *j, struct err *e)
{
	const char *const argv[] = { "journalctl", "--sync", NULL };
	char said[100];
	int r = take_all(j, e);

	stop(j);
	/* who may not ask for it has what is there */
	(void)!spawn_tool(argv, -1, SYNC_MS, said, sizeof(said));
	if (r < 0)
		return r;
	return *j->cursor || j->q->tail < 0 ? journal_read(j, e) : read_both(j, e);
}
