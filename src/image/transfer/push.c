/* A thread per lane, each with its connections; each takes the next blob that nobody has. The first failure ends the others in the middle
 * of what they send: what is there then is a registry's unfinished business, which it clears away by itself. */
#include "image/transfer/push.h"

#include <string.h>

#include "base/clock.h"
#include "image/digest.h"
#include "image/transfer/ping.h"
#include "image/transfer/upload.h"

#define MAX_LANES 16
#define LANE_STACK (512U << 10)
#define TELL_MS 100

struct push {
	struct session *session;
	size_t endpoint;
	struct upload_blob *blobs;
	size_t n_blobs, next;
	pthread_mutex_t lock;
	struct err first;
};

struct lane {
	struct push *all;
	size_t blob;
	int64_t told_ms;
};

/* ---- what the caller is told ---- */

static bool has_failed(struct push *p)
{
	bool yes;

	(void)pthread_mutex_lock(&p->lock);
	yes = p->first.code != 0;
	(void)pthread_mutex_unlock(&p->lock);
	return yes;
}

static void failed(struct push *p, const struct err *e)
{
	(void)pthread_mutex_lock(&p->lock);
	if (p->first.code == 0)
		p->first = *e;
	(void)pthread_mutex_unlock(&p->lock);
}

static int tell_sent(uint64_t bytes, void *data, struct err *e)
{
	struct lane *n = data;
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	int64_t now = clock_ms();

	if (now - n->told_ms < TELL_MS)
		return 0;
	n->told_ms = now;
	if (has_failed(n->all))
		return err_set(e, ERR_INTERNAL, "another blob failed");
	jw_object(&w, NULL);
	jw_str(&w, "type", "sent");
	jw_u64(&w, "blob", n->blob);
	jw_u64(&w, "bytes", bytes);
	jw_end_object(&w);
	return session_say(n->all->session, &line, NULL, 0, e);
}

static int tell_done(struct lane *n, enum upload_outcome outcome, const char *from, struct err *e)
{
	static const char *const words[] = { [UPLOAD_THERE] = "there", [UPLOAD_MOUNTED] = "mounted", [UPLOAD_SENT] = "sent" };
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);

	jw_object(&w, NULL);
	jw_str(&w, "type", "blob");
	jw_u64(&w, "blob", n->blob);
	jw_str(&w, "outcome", words[outcome]);
	if (from)
		jw_str(&w, "from", from);
	jw_end_object(&w);
	return session_say(n->all->session, &line, NULL, 0, e);
}

/* ---- threads ---- */

static bool take(struct lane *n)
{
	struct push *p = n->all;
	bool more;

	(void)pthread_mutex_lock(&p->lock);
	more = p->first.code == 0 && p->next < p->n_blobs;
	n->blob = more ? p->next++ : 0;
	(void)pthread_mutex_unlock(&p->lock);
	return more;
}

static int serve(struct lane *n, struct err *e)
{
	struct push *p = n->all;
	CLEANUP_REGISTRY struct registry reg = { 0 };
	int r = registry_open(p->session, &p->session->endpoints[p->endpoint], SCOPE_PUSH, &reg, e);

	while (r == 0 && take(n)) {
		enum upload_outcome outcome;
		const char *from = NULL;

		r = upload_blob(&reg, &p->blobs[n->blob], tell_sent, n, &outcome, &from, e);
		if (r == 0)
			r = tell_done(n, outcome, from, e);
	}
	return r;
}

static void *lane_main(void *arg)
{
	struct lane *n = arg;
	struct err e = { 0 };

	if (serve(n, &e) < 0)
		failed(n->all, &e);
	return NULL;
}

static int run_threads(struct push *p, size_t n, struct err *e)
{
	struct lane lanes[MAX_LANES];
	pthread_t threads[MAX_LANES];
	pthread_attr_t attr;
	size_t started = 0;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, LANE_STACK);
	for (; started < n; started++) {
		lanes[started] = (struct lane){ .all = p };
		if (pthread_create(&threads[started], &attr, lane_main, &lanes[started]) != 0)
			break;
	}
	(void)pthread_attr_destroy(&attr);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (started == 0)
		return err_set(e, ERR_INTERNAL, "no thread can be started");
	*e = p->first;
	return e->code;
}

/* ---- requests ---- */

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INTERNAL, "the request is damaged: %s", what);
}

static int read_blob(struct arena *a, const struct json *it, struct upload_blob *b, struct err *e)
{
	int r = json_get_str(it, "request", "digest", &b->digest, e);

	if (r == 0)
		r = json_get_u64(it, "request", "size", &b->size, e);
	if (r == 0)
		r = json_get_strv(a, it, "request", "from", &b->from, &b->n_from, e);
	return r < 0 ? r : b->digest && digest_valid(b->digest) ? 0 : damaged(e, "blobs");
}

static int read_request(struct push *p, struct arena *a, const struct json *rq, uint64_t *lanes, struct err *e)
{
	const struct json *blobs = NULL;
	int r = json_get_u64(rq, "request", "lanes", lanes, e);

	if (r == 0)
		r = json_get_array(rq, "request", "blobs", &blobs, e);
	if (r < 0)
		return r;
	if (*lanes == 0 || *lanes > MAX_LANES || !blobs)
		return damaged(e, "lanes");
	p->blobs = arena_array(a, blobs->len + 1, sizeof(*p->blobs));
	if (!p->blobs)
		return err_errno(e, -ENOMEM, "request");
	json_each(it, blobs) {
		p->blobs[p->n_blobs].file = TRANSFER_FILES_FD + (int)p->n_blobs;
		r = read_blob(a, it, &p->blobs[p->n_blobs++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int push_blobs(struct session *s, const struct json *rq, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct push p = { .session = s, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct json_writer w = JSON_WRITER(&line);
	uint64_t lanes = 0;
	int r = read_request(&p, &a, rq, &lanes, e);

	if (r == 0)
		r = ping_find(s, SCOPE_PUSH, &p.endpoint, e);
	if (r == 0)
		r = run_threads(&p, lanes < p.n_blobs ? lanes : p.n_blobs, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "type", "pushed");
	jw_u64(&w, "endpoint", p.endpoint);
	jw_end_object(&w);
	return session_say(s, &line, NULL, 0, e);
}

int push_manifest(struct session *s, const struct json *rq, struct err *e)
{
	CLEANUP_REGISTRY struct registry reg = { 0 };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	const char *reference = NULL, *type = NULL;
	struct upload_blob manifest = { 0 };
	uint64_t endpoint = 0, file = 0;
	bool subject = false;
	int r = read_blob(&a, rq, &manifest, e);

	if (r == 0)
		r = json_get_u64(rq, "request", "endpoint", &endpoint, e);
	if (r == 0)
		r = json_get_u64(rq, "request", "file", &file, e);
	if (r == 0)
		r = json_get_str(rq, "request", "mediaType", &type, e);
	if (r == 0)
		r = json_get_str(rq, "request", "reference", &reference, e);
	if (r == 0 && (!type || !reference || endpoint >= s->n || file > INT32_MAX / 2))
		r = damaged(e, "manifest");
	if (r == 0)
		r = registry_open(s, &s->endpoints[endpoint], SCOPE_PUSH, &reg, e);
	manifest.file = TRANSFER_FILES_FD + (int)file;
	if (r == 0)
		r = upload_manifest(&reg, &manifest, reference, type, &subject, e);
	sb_printf(&line, "{\"type\":\"stored\",\"subject\":%s}", subject ? "true" : "false");
	return r < 0 ? r : session_say(s, &line, NULL, 0, e);
}
