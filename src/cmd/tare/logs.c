#include "engine/logs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/text.h"
#include "cmd/tare/tare.h"

const struct cli_option logs_options[] = {
	{ "follow", 'f', NULL, CLI_FLAG, "go on until the container ends", offsetof(struct logs_opts, follow) },
	{ "tail", 'n', "N|all", CLI_STR, "only the last records", offsetof(struct logs_opts, tail) },
	{ "since", 0, "TIME", CLI_STR, "only from a time on (2026-01-02T03:04:05Z, or 10m ago)", offsetof(struct logs_opts, since) },
	{ "until", 0, "TIME", CLI_STR, "only up to a time", offsetof(struct logs_opts, until) },
	{ "timestamps", 't', NULL, CLI_FLAG, "show when each was written", offsetof(struct logs_opts, timestamps) },
	{ "details", 0, NULL, CLI_UNSUPPORTED },
	{ 0 }
};

/* "2026-01-02[T03[:04[:05[.6]]]]", with a zone or, as in Docker, in ours. */
static bool read_civil(const char *text, struct timespec *ts)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d" };
	const char *rest = NULL;
	char whole[100];
	struct tm tm;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(formats) && !rest; i++) {
		tm = (struct tm){ .tm_isdst = -1 };
		rest = strptime(text, formats[i], &tm);
	}
	if (!rest || strlen(rest) > sizeof(whole) / 2)
		return false;
	len = strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(whole + len, sizeof(whole) - len, "%s%s", rest, strpbrk(rest, "Zz+-") ? "" : "Z");
	if (text_parse_time(whole, ts) < 0)
		return false;
	if (!strpbrk(rest, "Zz+-"))
		ts->tv_sec = mktime(&tm);
	return true;
}

/* A time, or how long ago. */
static int time_of(const char *option, const char *text, int64_t *ns, struct err *e)
{
	struct timespec ts, now;
	int64_t ago;

	if (!text)
		return 0;
	if (read_civil(text, &ts) || text_parse_time(text, &ts) == 0) {
		*ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
		return 0;
	}
	if (text_duration(text, &ago) < 0)
		return err_set(e, ERR_INVALID,
			       "%s %s: want a time such as 2026-01-02T03:04:05Z, seconds since 1970, or how long ago, such as 10m",
			       option, text);
	clock_gettime(CLOCK_REALTIME, &now);
	*ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ago;
	return 0;
}

/* As in Docker whatever is below zero means all. */
static int tail_of(const char *text, int64_t *tail, struct err *e)
{
	if (!text || strcmp(text, "all") == 0)
		return 0;
	if (text_i64(text, tail) < 0)
		return err_set(e, ERR_INVALID, "--tail %s: want a number or \"all\"", text);
	if (*tail < 0)
		*tail = -1;
	return 0;
}

static int query(const struct logs_opts *o, struct log_query *q, struct err *e)
{
	int r = time_of("--since", o->since, &q->since, e);

	if (r == 0)
		r = time_of("--until", o->until, &q->until, e);
	return r < 0 ? r : tail_of(o->tail, &q->tail, e);
}

struct shown {
	bool timestamps;
	struct strbuf line;
};

static int show(const struct log_record *rec, void *data)
{
	struct shown *s = data;

	sb_reset(&s->line);
	if (s->timestamps)
		sb_printf(&s->line, "%s ", rec->time);
	sb_add(&s->line, rec->text, rec->len);
	return sb_error(&s->line) < 0 ? -ENOMEM : io_write_full(rec->err ? 2 : 1, sb_str(&s->line), s->line.len);
}

int cmd_logs(const struct cli_call *call, struct err *e)
{
	const struct logs_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct shown s = { .timestamps = o->timestamps };
	struct log_query q = { .tail = -1, .follow = o->follow };
	int r = query(o, &q, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0)
		r = logs_read(&en, call->args[0], &q, show, &s, e);
	sb_free(&s.line);
	return r;
}
