/* GET /containers/{}/logs */
#include "api/docker/logs.h"

#include <poll.h>
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/log_view.h"
#include "api/docker/relay.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "base/clock.h"
#include "base/text.h"
#include "engine/config.h"

/* What is gathered before it is sent. */
#define GATHER 32768U
#define YOUNG_MS 100
#define YOUNG_LOOK_MS 3

struct sending {
	const struct logs_want *want;
	logs_fn fn;
	void *data;
	struct err *e;
	struct strbuf out, line;
	bool inside[2]; /* of a long line, whose parts are records */
};

static int put_out(struct sending *s)
{
	int r = sb_error(&s->out) < 0 ? err_errno(s->e, -ENOMEM, "the log") : 0;

	if (r == 0 && s->out.len)
		r = s->fn(s->data, s->out.s, s->out.len, s->e);
	sb_reset(&s->out);
	return r;
}

static int show(const struct log_record *rec, void *data)
{
	struct sending *s = data;
	unsigned char header[RELAY_HEADER];

	if (!rec)
		return put_out(s);
	if (!(rec->err ? s->want->err : s->want->out))
		return 0;
	sb_reset(&s->line);
	if (s->want->timestamps && !s->inside[rec->err])
		log_put_time(&s->line, rec->time);
	if (s->want->details && !s->inside[rec->err])
		log_put_details(&s->line, rec->attrs);
	s->inside[rec->err] = !rec->len || rec->text[rec->len - 1] != '\n';
	sb_add(&s->line, rec->text, rec->len);
	relay_header(header, rec->err ? RELAY_STDERR : RELAY_STDOUT, s->line.len);
	if (s->want->framed)
		sb_add(&s->out, header, sizeof(header));
	sb_add(&s->out, sb_str(&s->line), s->line.len);
	s->out.failed |= s->line.failed;
	return s->out.len >= GATHER ? put_out(s) : 0;
}

int logs_send(const struct engine *en, const char *id, const struct logs_want *want, logs_fn fn, void *data, struct err *e)
{
	struct sending s = { .want = want, .fn = fn, .data = data, .e = e };
	int r = logs_read(en, id, &want->query, show, &s, e);

	if (r == 0)
		r = put_out(&s);
	sb_free(&s.out);
	sb_free(&s.line);
	return r;
}

static int write_chunk(void *data, const void *bytes, size_t len, struct err *e)
{
	return ex_write(data, bytes, len, e);
}

static int want_of(struct exchange *ex, struct logs_want *want, struct err *e)
{
	const char *tail = ex_query(ex, "tail"), *since = ex_query(ex, "since"), *until = ex_query(ex, "until");
	int r;

	*want = (struct logs_want){ .query = { .tail = -1, .follow = ex_query_bool(ex, "follow", false) }, .out = ex_query_bool(ex, "stdout", false),
				    .err = ex_query_bool(ex, "stderr", false), .timestamps = ex_query_bool(ex, "timestamps", false),
				    .details = ex_query_bool(ex, "details", false) };
	if (!want->out && !want->err)
		return err_set(e, ERR_INVALID, "Bad parameters: you must choose at least one stream");
	/* what is no number means all of it, as below zero does */
	if (tail && (text_i64(tail, &want->query.tail) < 0 || want->query.tail < 0))
		want->query.tail = -1;
	r = since && *since ? filter_time("since", since, &want->query.since, e) : 0;
	if (r == 0 && until && *until)
		r = filter_time("until", until, &want->query.until, e);
	return r;
}

static int see(const struct log_record *rec, void *data)
{
	*(bool *)data |= rec != NULL;
	return 0;
}

/* Scripts ask right after the start for what a container wrote, and were written where a start took longer than that. One that has just started and
 * has written nothing yet is waited for, until it writes, ends, or is no longer young. */
static int await_first(const struct engine *en, const struct record *rec, const struct live *live, int gone, struct err *e)
{
	const struct log_query last = { .tail = 1 };
	struct pollfd p[] = { { .fd = live->pidfd, .events = POLLIN }, { .fd = gone, .events = POLLRDHUP } };
	int64_t age = (clock_now_ns() - rec->started) / 1000000, until = clock_ms() + YOUNG_MS - age;
	bool seen = false, ended = !live->container || age < 0;
	int r = 0;

	while (r == 0 && !ended && clock_ms() < until) {
		r = logs_read(en, rec->id, &last, see, &seen, e);
		if (r < 0 || seen)
			break;
		ended = poll(p, ARRAY_LEN(p), YOUNG_LOOK_MS) > 0;
	}
	return r;
}

static int logs(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct logs_want want;
	struct ct_config config;
	struct engine *en;
	struct record rec;
	int r = want_of(ex, &want, e);

	if (r == 0)
		r = words_container(ex, &en, &rec, &live, e);
	if (r == 0)
		r = config_parse(ex_arena(ex), rec.config, &config, e);
	if (r == 0 && strcmp(config.log_driver, "none") == 0)
		r = err_set(e, ERR_UNSUPPORTED, "configured logging driver does not support reading");
	if (r < 0)
		return r;
	want.framed = !config.tty;
	want.query.gone = ex_gone_fd(ex);
	r = want.query.follow ? 0 : await_first(en, &rec, &live, want.query.gone, e);
	if (r < 0)
		return r;
	r = ex_begin(ex, 200, want.framed ? "application/vnd.docker.multiplexed-stream" : "application/vnd.docker.raw-stream", e);
	return r < 0 ? r : logs_send(en, rec.id, &want, write_chunk, ex, e);
}

const struct route docker_logs_routes[] = {
	{ .method = "GET", .path = "/containers/{}/logs", .handler = logs, .access = ROUTE_READ,
	  .about = "what it wrote (stdout, stderr, follow, since, until, tail, timestamps, details)" },
	{ 0 }
};
