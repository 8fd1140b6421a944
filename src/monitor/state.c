#include "monitor/state.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"

#define MAX_BYTES 65536U

static const char *const status_names[] = { "created", "running", "exited" };

void state_init(struct state *s, const char *id)
{
	*s = (struct state){ .status = STATE_CREATED };
	snprintf(s->id, sizeof(s->id), "%s", id);
	if (proc_boot_id(s->boot_id) < 0)
		s->boot_id[0] = '\0';
	text_now(s->created_at);
}

static void write_time(struct json_writer *w, const char *key, const char *time)
{
	if (time[0])
		jw_str(w, key, time);
}

static void write_state(struct json_writer *w, const struct state *s)
{
	jw_object(w, NULL);
	jw_i64(w, "version", 1);
	jw_str(w, "id", s->id);
	jw_str(w, "status", status_names[s->status]);
	jw_str(w, "bootId", s->boot_id);
	jw_i64(w, "pid", s->pid);
	jw_u64(w, "startTime", s->start_time);
	jw_i64(w, "keeper", s->keeper);
	jw_i64(w, "worker", s->worker);
	write_time(w, "createdAt", s->created_at);
	write_time(w, "startedAt", s->started_at);
	write_time(w, "finishedAt", s->finished_at);
	if (s->status == STATE_EXITED) {
		jw_i64(w, "exitCode", s->exit_code);
		jw_bool(w, "exitKnown", s->exit_known);
	}
	jw_bool(w, "oomKilled", s->oom_killed);
	if (s->error[0])
		jw_str(w, "error", s->error);
	jw_end_object(w);
}

int state_save(int dirfd, const char *name, const struct state *s, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r;

	write_state(&w, s);
	sb_putc(&text, '\n');
	r = sb_error(&text);
	if (r == 0)
		r = io_replace_file(dirfd, name, text.s, text.len, 0600, false);
	return r < 0 ? err_errno(e, r, "write %s of %.12s", name, s->id) : 0;
}

static int read_text(const struct json *doc, const char *name, const char *key, char *out, size_t size, struct err *e)
{
	const char *s = "";
	int r = json_get_str(doc, name, key, &s, e);

	if (r < 0)
		return r;
	if (strlen(s) >= size)
		return err_set(e, ERR_INVALID, "%s: %s is too long", name, key);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int read_texts(const struct json *doc, const char *name, struct state *s, struct err *e)
{
	const struct {
		const char *key;
		char *out;
		size_t size;
	} rows[] = {
		{ "id", s->id, sizeof(s->id) },
		{ "bootId", s->boot_id, sizeof(s->boot_id) },
		{ "createdAt", s->created_at, sizeof(s->created_at) },
		{ "startedAt", s->started_at, sizeof(s->started_at) },
		{ "finishedAt", s->finished_at, sizeof(s->finished_at) },
		{ "error", s->error, sizeof(s->error) },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r = read_text(doc, name, rows[i].key, rows[i].out, rows[i].size, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_numbers(const struct json *doc, const char *name, struct state *s, struct err *e)
{
	int64_t pid = 0, keeper = 0, worker = 0, code = 0;
	int r;

	if ((r = json_get_i64(doc, name, "pid", &pid, e)) < 0 ||
	    (r = json_get_u64(doc, name, "startTime", &s->start_time, e)) < 0 ||
	    (r = json_get_i64(doc, name, "keeper", &keeper, e)) < 0 ||
	    (r = json_get_i64(doc, name, "worker", &worker, e)) < 0 ||
	    (r = json_get_i64(doc, name, "exitCode", &code, e)) < 0 ||
	    (r = json_get_bool(doc, name, "exitKnown", &s->exit_known, e)) < 0 ||
	    (r = json_get_bool(doc, name, "oomKilled", &s->oom_killed, e)) < 0)
		return r;
	s->pid = (pid_t)pid;
	s->keeper = (pid_t)keeper;
	s->worker = (pid_t)worker;
	s->exit_code = (int)code;
	return 0;
}

static int read_status(const struct json *doc, const char *name, struct state *s, struct err *e)
{
	const char *status = "";
	int r = json_get_str(doc, name, "status", &status, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(status_names); i++) {
		if (!strcmp(status, status_names[i])) {
			s->status = (enum state_status)i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "%s: status \"%s\" is unknown", name, status);
}

int state_load(int dirfd, const char *name, struct state *s, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	size_t len;
	int r;

	*s = (struct state){ 0 };
	r = io_read_file(dirfd, name, MAX_BYTES, &text, &len);
	if (r < 0)
		return err_errno(e, r, "read %s", name);
	r = json_parse(&a, text, len, NULL, &doc, e);
	if (r < 0)
		return err_ctx(e, "%s", name);
	if ((r = read_texts(doc, name, s, e)) < 0 || (r = read_numbers(doc, name, s, e)) < 0)
		return r;
	return read_status(doc, name, s, e);
}
