#include "engine/logs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/log_view.h"
#include "base/io.h"
#include "base/text.h"
#include "cmd/tare/tare.h"

const struct cli_option logs_options[] = {
	{ "follow", 'f', NULL, CLI_FLAG, "go on until the container ends", offsetof(struct logs_opts, follow) },
	{ "tail", 'n', "N|all", CLI_STR, "only the last records", offsetof(struct logs_opts, tail) },
	{ "since", 0, "TIME", CLI_STR, "only from a time on (2026-01-02T03:04:05Z, or 10m ago)", offsetof(struct logs_opts, since) },
	{ "until", 0, "TIME", CLI_STR, "only up to a time", offsetof(struct logs_opts, until) },
	{ "timestamps", 't', NULL, CLI_FLAG, "show when each was written", offsetof(struct logs_opts, timestamps) },
	{ "details", 0, NULL, CLI_FLAG, "show the labels and variables of --log-opt before each line", offsetof(struct logs_opts, details) },
	{ 0 }
};

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
	int r = filter_time("--since", o->since, &q->since, e);

	if (r == 0)
		r = filter_time("--until", o->until, &q->until, e);
	return r < 0 ? r : tail_of(o->tail, &q->tail, e);
}

/* What is gathered for a stream before it is written. */
#define GATHER 65536U

struct shown {
	bool timestamps, details;
	bool inside[2]; /* of a long line, whose parts are records */
	bool err;       /* whose is what is gathered */
	struct strbuf out;
};

static int put_out(struct shown *s)
{
	int r = sb_error(&s->out);

	if (r == 0 && s->out.len)
		r = io_write_full(s->err ? 2 : 1, s->out.s, s->out.len);
	sb_reset(&s->out);
	return r;
}

static int show(const struct log_record *rec, void *data)
{
	struct shown *s = data;
	int r = 0;

	if (!rec)
		return put_out(s);
	if (rec->err != s->err || s->out.len >= GATHER)
		r = put_out(s);
	s->err = rec->err;
	if (s->timestamps && !s->inside[rec->err])
		log_put_time(&s->out, rec->time);
	if (s->details && !s->inside[rec->err])
		log_put_details(&s->out, rec->attrs);
	s->inside[rec->err] = !rec->len || rec->text[rec->len - 1] != '\n';
	sb_add(&s->out, rec->text, rec->len);
	return r;
}

int cmd_logs(const struct cli_call *call, struct err *e)
{
	const struct logs_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct shown s = { .timestamps = o->timestamps, .details = o->details };
	struct log_query q = { .tail = -1, .follow = o->follow };
	int r = query(o, &q, e);

	if (r == 0)
		r = tare_engine_to_look(call, &en, e);
	if (r == 0)
		r = logs_read(&en, call->args[0], &q, show, &s, e);
	if (r < 0)
		(void)!put_out(&s); /* what was there before it failed */
	sb_free(&s.out);
	return r;
}
