/* A request from its head to the end of its answer, in the process that the front made for it. What a handler asks of the request is here; body.c
 * and answer.c have the rest. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "api/server/exchange_impl.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/resolver.h"

#define STACK_DEPTH ((uintptr_t)256 * 1024)

/* ---- the request ---- */

struct arena *ex_arena(struct exchange *ex)
{
	return &ex->arena;
}

unsigned int ex_api(const struct exchange *ex)
{
	return ex->api;
}

const char *ex_method(const struct exchange *ex)
{
	return http_method(ex->http);
}

const char *ex_param(const struct exchange *ex, size_t i)
{
	return i < EX_PARAMS && ex->match.params[i] ? ex->match.params[i] : "";
}

const char *ex_header(const struct exchange *ex, const char *name)
{
	return http_header(ex->http, name);
}

const char *ex_query(struct exchange *ex, const char *key)
{
	for (size_t i = 0; i < ex->n_query; i++)
		if (!strcmp(ex->query[i].key, key))
			return ex->query[i].value;
	return NULL;
}

const char *const *ex_query_all(struct exchange *ex, const char *key, size_t *n)
{
	static const char *const none[] = { NULL };
	const char **v = arena_array(&ex->arena, ex->n_query + 1, sizeof(*v));

	*n = 0;
	for (size_t i = 0; v && i < ex->n_query; i++)
		if (!strcmp(ex->query[i].key, key))
			v[(*n)++] = ex->query[i].value;
	return v ? v : none;
}

bool ex_query_bool(struct exchange *ex, const char *key, bool usual)
{
	const char *value = ex_query(ex, key);

	return value ? query_yes(value) : usual;
}

int ex_query_i64(struct exchange *ex, const char *key, int64_t *out, struct err *e)
{
	const char *value = ex_query(ex, key);
	char shown[60];

	if (!value || !*value || text_i64(value, out) == 0)
		return 0;
	return err_set(e, ERR_INVALID, "%s=%s: want a whole number", key, text_tame(value, shown, sizeof(shown)));
}

const struct server_options *ex_server(const struct exchange *ex)
{
	return ex->options;
}

uid_t ex_peer(const struct exchange *ex)
{
	return ex->peer;
}

const char *ex_peer_name(const struct exchange *ex)
{
	return ex->peer_name;
}

int ex_engine(struct exchange *ex, struct engine **out, struct err *e)
{
	static const struct json nobody = { .type = JSON_OBJECT };
	struct engine *en = ex->kept ? ex->kept : &ex->engine;
	bool anew = !ex->opened || !ex->checked;

	if (!ex->opened) {
		int r = engine_open(en, ex->options->root, ex->options->state, e);

		if (r < 0) {
			engine_close(en);
			*en = (struct engine)ENGINE_INIT;
			return r;
		}
		ex->opened = true;
		en->around = &ex->options->daemon->around;
	}
	if (!ex->checked)
		resolver_check(en);
	ex->checked = true;
	if (anew)
		en->auths = &nobody; /* what the server's own user keeps is never a client's, and neither is another client's */
	*out = en;
	return 0;
}

int ex_keep(struct exchange *ex, struct ex_keep **out, struct err *e)
{
	uint64_t now;
	int r;

	*out = NULL;
	if (!ex->keep || !ex->kept || !ex->opened)
		return 0;
	r = catalog_generation(ex->kept->catalog, &now, e);
	if (r < 0)
		return r;
	if (ex->keep->generation != now || arena_error(&ex->keep->arena) < 0) {
		arena_free(&ex->keep->arena);
		*ex->keep = (struct ex_keep){ .generation = now };
	}
	*out = ex->keep;
	return 0;
}

void ex_rest(struct exchange *ex)
{
	if (ex->kept)
		return;
	if (ex->opened)
		engine_close(&ex->engine);
	ex->engine = (struct engine)ENGINE_INIT;
	ex->opened = false;
	(void)malloc_trim(0);
}

/* The pages of the stack that deeper calls have left behind. */
static void drop_stack(void)
{
	const uintptr_t page = 4096, here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

	(void)madvise((void *)(here - STACK_DEPTH), STACK_DEPTH - page, MADV_DONTNEED); /* ENOMEM where it was never so deep: what there is goes all the same */
}

void ex_forget(struct exchange *ex)
{
	arena_free(&ex->arena);
	ex->match = (struct route_match){ .route = ex->match.route };
	ex->query = NULL;
	ex->n_query = 0;
	sb_free(&ex->headers);
	ex_rest(ex);
	drop_stack();
}

/* ---- serving ---- */

/* "/v1.41/containers/json" */
int exchange_version(const struct server_view *view, const char *target, unsigned int *api, const char **path, struct err *e)
{
	uint32_t major, minor;
	const char *at = target + 2;
	unsigned int max = view->max_api, min = view->min_api;

	*api = max;
	*path = target;
	if (!text_starts(target, "/v") || !text_take_u32(&at, &major) || *at++ != '.' || !text_take_u32(&at, &minor) || *at != '/')
		return 0;
	*path = at;
	*api = major < 100 && minor < 100 ? major * 100 + minor : 9999;
	if (*api > max)
		return err_set(e, ERR_INVALID, "client version %u.%u is too new. Maximum supported API version is %u.%u", major, minor, max / 100, max % 100);
	if (*api < min)
		return err_set(e, ERR_INVALID, "client version %u.%u is too old. Minimum supported API version is %u.%u, please upgrade your client to a newer version", major,
			       minor, min / 100, min % 100);
	return 0;
}

/* A target may name us, too: "http://host/path". */
static const char *without_host(const char *target)
{
	const char *at = text_starts(target, "http://") ? target + strlen("http://") : NULL;

	return !at ? target : strchr(at, '/') ? strchr(at, '/') : "/";
}

static int find(struct exchange *ex, struct err *e)
{
	const char *target = without_host(http_target(ex->http)), *path;
	size_t len = strcspn(target, "?#");
	const char *alone = arena_strndup(&ex->arena, target, len);
	int r;

	if (!alone)
		return err_errno(e, -ENOMEM, "read the request");
	r = exchange_version(ex->view, alone, &ex->api, &path, e);
	if (r == 0)
		r = route_find(ex->view->tables, ex->view->n_tables, &ex->arena, http_method(ex->http), path, &ex->match, e);
	if (r == 0)
		r = query_parse(&ex->arena, target[len] == '?' ? arena_strndup(&ex->arena, target + len + 1, strcspn(target + len + 1, "#")) : NULL, &ex->query, &ex->n_query, e);
	return r;
}

/* ---- who may ---- */

const struct route *guard_route(const struct exchange *ex)
{
	return ex->match.route;
}

const char *guard_owner(const struct exchange *ex)
{
	return ex->owner;
}

void guard_param(struct exchange *ex, size_t i, const char *value)
{
	ex->match.params[i] = value;
}

int guard_query(struct exchange *ex, const char *key, const char *value, struct err *e)
{
	struct query_pair *v = arena_array(&ex->arena, ex->n_query + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return err_errno(e, -ENOMEM, "read the request");
	for (size_t i = 0; i < ex->n_query; i++)
		if (strcmp(ex->query[i].key, key) != 0)
			v[n++] = ex->query[i];
	v[n++] = (struct query_pair){ key, value };
	ex->query = v;
	ex->n_query = n;
	return 0;
}

void guard_body(struct exchange *ex, guard_body_fn fn)
{
	ex->body_guard = fn;
}

static int refuse(const struct exchange *ex, const char *role, struct err *e)
{
	return err_set(e, ERR_DENIED, "not allowed to you, whose role is %s: %s %s (" AUTHORIZE_KEY " in the server's settings)", role, http_method(ex->http),
		       ex->match.route->path);
}

static int may(struct exchange *ex, struct err *e)
{
	const struct authorize_who who = { ex->socket, ex->peer, ex->peer_name };
	enum route_access access = ex->match.route->access;
	enum authorize_role role;
	int r = authorize(&ex->options->daemon->authorize, &ex->arena, &who, &role, &ex->owner, e);

	if (r < 0 || access == ROUTE_PUBLIC || !ex->match.route->handler || role == AUTHORIZE_FULL || (role == AUTHORIZE_READ_ONLY && access == ROUTE_READ))
		return r;
	if (role == AUTHORIZE_OWN && ex->view->guard)
		return ex->view->guard(ex, e);
	return refuse(ex, role == AUTHORIZE_NONE ? "none" : role == AUTHORIZE_OWN ? "own" : "read-only", e);
}

/* Of a view: one that has no handler says why. */
static int handle(struct exchange *ex, int *status, struct err *e)
{
	const struct route *route = ex->match.route;

	if (route->handler)
		return route->handler(ex, e);
	*status = route->missing_status;
	return err_set(e, ERR_UNSUPPORTED, "%s", route->missing ? route->missing : "there is no such thing here");
}

static void tell(struct exchange *ex, int status, const struct err *why)
{
	struct err e = { 0 };

	if (ex->gone)
		return;
	if (why->cls == ERR_INTERNAL)
		log_error("%s %s: %s", http_method(ex->http), ex->match.route ? ex->match.route->path : "?", why->msg);
	if (ex->began)
		ex->cut = true; /* the handler has told of it, in its stream */
	else
		(void)!ex_error(ex, status, why, &e);
}

/* Who reads or sends for us has nothing more to do. */
static int end_helper(int pidfd)
{
	if (pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0U);
	return close_fd(pidfd);
}

static void serve(struct exchange *ex)
{
	struct err e = { 0 };
	int status = 0, r = find(ex, &e);

	if (r < 0 && (e.cls == ERR_NOTFOUND || e.cls == ERR_UNSUPPORTED))
		status = 404;
	if (r == 0)
		r = may(ex, &e);
	if (r == 0)
		r = handle(ex, &status, &e);
	if (r < 0 && ex->body_large)
		status = 413;
	if (r == 0 && !ex->began)
		r = err_set(&e, ERR_INTERNAL, "this request was not answered");
	if (r < 0)
		tell(ex, status, &e);
	if (ex->emptier >= 0)
		ex->cut = true;
	if (!ex->gone)
		(void)!answer_end(ex, &e);
}

bool exchange_serve(struct exchange *ex)
{
	bool again;

	ex->engine = (struct engine)ENGINE_INIT;
	ex->filler = ex->emptier = -1;
	ex->body_whole = http_body_length(ex->http) == 0;
	serve(ex);
	ex->emptier = end_helper(ex->emptier);
	ex->filler = end_helper(ex->filler);
	again = !ex->closing && !ex->cut && !ex->gone && ex->body_whole && (http_body_length(ex->http) == 0 || ex->n_rest == 0);
	if (!again && !ex->hijacked && !ex->held && !ex->kept)
		body_drain(ex);
	if (ex->opened && !ex->kept)
		engine_close(&ex->engine);
	sb_free(&ex->headers);
	arena_free(&ex->arena);
	return again;
}
