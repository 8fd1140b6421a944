#include "api/docker/again.h"

#include <string.h>

#include "api/docker/container_view.h"
#include "api/docker/inspect_container.h"
#include "base/log.h"
#include "engine/container.h"
#include "engine/health.h"
#include "engine/settle.h"
#include "net/uplink.h"

/* A container of a list. */
struct row {
	struct record rec;
	bool checked; /* its health is */
	struct summary_marks marks;
	const char *text; /* NULL: not told yet, or not to be kept */
	size_t len;
};

struct told {
	struct told *next;
	const char *what;
	struct inspect_told is;
};

struct again {
	struct row *rows; /* of all containers, newest first; NULL: not asked for yet */
	size_t n;
	bool too_many; /* they are not kept */
	struct told *told;
	bool ipv6; /* of the host, which says where published ports are */
};

/* NULL: no memory. */
static struct again *begin(struct ex_keep *keep)
{
	struct again *m = keep->data;
	bool ipv6 = uplink_has_ipv6();

	if (m && m->ipv6 == ipv6)
		return m;
	arena_free(&keep->arena);
	keep->size = 0;
	keep->data = m = arena_new(&keep->arena, struct again);
	if (m)
		m->ipv6 = ipv6;
	return m;
}

static const char *keep_text(struct ex_keep *keep, const char *text)
{
	if (!text)
		return NULL;
	keep->size += strlen(text) + 1;
	return arena_strdup(&keep->arena, text);
}

static struct record keep_record(struct ex_keep *keep, const struct record *rec)
{
	struct record out = *rec;
	const char **const texts[] = { &out.id, &out.name, &out.image, &out.image_ref, &out.command, &out.config, &out.boot_id, &out.error };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = keep_text(keep, *texts[i]);
	return out;
}

/* ---- the list ---- */

static int read_rows(const struct engine *en, struct ex_keep *keep, struct again *m, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	struct record *recs;
	size_t n;
	int r = record_list(en->catalog, &scratch, NULL, &recs, &n, e);

	if (r < 0)
		return r;
	m->rows = arena_array(&keep->arena, n + 1, sizeof(*m->rows));
	m->n = n;
	keep->size += n * sizeof(*m->rows);
	for (size_t i = 0; m->rows && i < n && keep->size < EX_KEEP_MAX; i++)
		m->rows[i].rec = keep_record(keep, &recs[i]);
	if (arena_error(&keep->arena) < 0)
		return err_errno(e, -ENOMEM, "list containers");
	if (n == 0 || m->rows[n - 1].rec.id)
		return 0;
	arena_free(&keep->arena);
	keep->data = NULL;
	m = begin(keep);
	if (m)
		m->too_many = true;
	return m ? 0 : err_errno(e, -ENOMEM, "list containers");
}

/* One that is told for the first time. */
struct telling {
	struct ex_keep *keep;
	struct row *row;
	struct json_writer *w;
};

static int tell(const struct engine *en, struct arena *a, const struct seen *s, void *data, struct err *e)
{
	const struct telling *t = data;
	struct row *row = t->row;
	struct summary_marks marks;
	size_t start = t->w->out->len;
	int r = container_write_summary(en, a, s, false, t->w, &marks, e);

	if (r < 0 || sb_error(t->w->out) < 0 || !marks.of_catalog || s->rec.status != row->rec.status || t->keep->size >= EX_KEEP_MAX)
		return r;
	start += t->w->out->s[start] == ',';
	row->len = t->w->out->len - start;
	row->marks = (struct summary_marks){ marks.begin - start, marks.end - start, true };
	row->checked = health_is_checked(&s->config);
	row->text = arena_strndup(&t->keep->arena, t->w->out->s + start, row->len);
	t->keep->size += row->len;
	return 0;
}

/* As container_list.c has it of one whose configuration is not read. */
static void tell_again(const struct engine *en, struct arena *a, const struct row *row, struct seen *s, struct json_writer *w)
{
	s->health = row->checked ? health_word(en, a, s->rec.id) : "none";
	jw_piece(w, row->text, row->marks.begin);
	container_write_condition(a, s, w);
	sb_add(w->out, row->text + row->marks.end, row->len - row->marks.end);
}

/* 1: it is one of them. */
static int list_one(const struct engine *en, struct arena *a, struct ex_keep *keep, const struct container_query *q, struct live_many *many, struct row *row,
		    struct json_writer *w, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec = row->rec;
	const char *state;

	if (!row->text)
		return container_listed(en, a, q, many, &rec, tell, &(struct telling){ keep, row, w }, e);
	state = container_settle(en, a, q, many, &rec, &live, e);
	if (!state)
		return 0;
	if (rec.config != row->rec.config || rec.status != row->rec.status) { /* read anew: it is another now */
		row->text = NULL;
		return container_listed(en, a, q, many, &rec, tell, &(struct telling){ keep, row, w }, e);
	}
	tell_again(en, a, row, &(struct seen){ .rec = rec, .live = live, .state = state }, w);
	return 1;
}

int again_list(const struct engine *en, struct ex_keep *keep, const struct container_query *q, struct json_writer *w, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	CLEANUP_LIVE_MANY struct live_many many = LIVE_MANY_INIT;
	struct again *m = begin(keep);
	int64_t shown = 0;
	int r = !m ? err_errno(e, -ENOMEM, "list containers") : m->rows || m->too_many ? 0 : read_rows(en, keep, m, e);

	m = keep->data;
	if (r < 0 || !m || m->too_many)
		return r;
	for (size_t i = 0; r >= 0 && i < m->n && (q->most < 0 || shown < q->most); i++) {
		arena_reset(&scratch);
		r = list_one(en, &scratch, keep, q, &many, &m->rows[i], w, e);
		shown += r > 0;
	}
	return r < 0 ? r : 1;
}

/* ---- one ---- */

static struct told *find(const struct again *m, const char *what)
{
	struct told *t = m->told;

	while (t && strcmp(t->what, what) != 0)
		t = t->next;
	return t;
}

static void keep_told(struct ex_keep *keep, struct again *m, struct told *t, const char *what, const struct inspect_told *is, const struct strbuf *text, size_t start)
{
	if (!t) {
		t = arena_new(&keep->arena, struct told);
		if (!t)
			return;
		keep->size += sizeof(*t);
		*t = (struct told){ .next = m->told, .what = keep_text(keep, what) };
		if (t->what)
			m->told = t;
	}
	t->is = *is;
	t->is.rec = keep_record(keep, &is->rec);
	t->is.state.begin -= start;
	t->is.state.end -= start;
	t->is.execs.begin -= start;
	t->is.execs.end -= start;
	t->is.len = text->len - start;
	t->is.text = arena_strndup(&keep->arena, text->s + start, t->is.len);
	keep->size += t->is.len;
}

int again_inspect(const struct engine *en, struct arena *a, struct ex_keep *keep, const char *what, struct json_writer *w, struct err *e)
{
	struct again *m = begin(keep);
	struct told *t = m ? find(m, what) : NULL;
	struct inspect_told is = { 0 };
	size_t start = w->out->len;
	int r = t && t->is.text ? inspect_container_again(en, a, &t->is, w, e) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	r = inspect_container_told(en, a, what, w, &is, e);
	if (r == 0 && m && is.of_catalog && keep->size < EX_KEEP_MAX && sb_error(w->out) == 0)
		keep_told(keep, m, t, what, &is, w->out, start);
	return r;
}
