/* POST /containers/{}/wait: the headers go out when the wait has begun, and the end when there is one. */
#include "api/docker/wait.h"

#include <stdio.h>
#include <string.h>

#include "api/docker/words.h"
#include "engine/wait.h"

struct answer {
	struct exchange *ex;
	int code;
	struct err why;
};

static int begun(void *data, struct err *e)
{
	const struct answer *a = data;

	return ex_begin(a->ex, 200, "application/json", e);
}

static void rest(void *data)
{
	ex_forget(((struct answer *)data)->ex);
}

static int wake(void *data, const struct engine **en, struct err *e)
{
	struct engine *opened;
	int r = ex_engine(((struct answer *)data)->ex, &opened, e);

	*en = r < 0 ? NULL : opened;
	return r;
}

static void waited(const char *what, int code, bool known, const struct err *why, void *data)
{
	struct answer *a = data;

	(void)what;
	(void)known;
	a->code = code;
	if (why)
		a->why = *why;
}

static int condition_of(const char *text, enum wait_condition *out, struct err *e)
{
	static const struct {
		const char *name;
		enum wait_condition until;
	} rows[] = { { "", WAIT_NOT_RUNNING }, { "not-running", WAIT_NOT_RUNNING }, { "next-exit", WAIT_NEXT_EXIT }, { "removed", WAIT_REMOVED } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].name, text ? text : "") == 0) {
			*out = rows[i].until;
			return 0;
		}
	return err_set(e, ERR_INVALID, "invalid condition: \"%s\"", text);
}

int docker_wait(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	struct answer a = { .ex = ex };
	enum wait_condition until = WAIT_NOT_RUNNING;
	char id[ID_LEN + 1]; /* what the exchange has of it goes */
	const char *const what = id;
	struct engine *en;
	struct record rec;
	int r = condition_of(ex_query(ex, "condition"), &until, e);

	if (r == 0)
		r = words_container(ex, &en, &rec, &live, e);
	if (r == 0) {
		(void)snprintf(id, sizeof(id), "%s", rec.id);
		r = containers_wait_for(en, &what, 1, until, &(struct wait_party){ begun, ex_gone_fd(ex), rest, wake }, waited, &a, e);
	}
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_i64(&w, "StatusCode", a.code);
	if (a.why.cls != ERR_OK) {
		jw_object(&w, "Error");
		jw_str(&w, "Message", a.why.msg);
		jw_end_object(&w);
	} else {
		jw_null(&w, "Error");
	}
	jw_end_object(&w);
	sb_putc(&out, '\n');
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "wait") : ex_write(ex, out.s, out.len, e);
}
