#include "image/registry.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/mediatype.h"
#include "sys/spawn.h"
#include "wire/proxy.h"

#define MAX_LINE (8U << 20)
#define MAX_PATIENCE 3600
#define FIXED_HANDLES 3

/* ---- its life ---- */

static void write_text(struct json_writer *w, const char *key, const char *s)
{
	if (s && *s)
		jw_str(w, key, s);
}

static void write_endpoint(struct json_writer *w, const struct transfer_endpoint *ep)
{
	jw_object(w, NULL);
	write_text(w, "name", ep->name);
	write_text(w, "base", ep->base);
	write_text(w, "socket", ep->socket);
	write_text(w, "repository", ep->repository);
	write_text(w, "proxy", ep->proxy);
	jw_bool(w, "insecure", ep->insecure);
	jw_bool(w, "anonymous", ep->anonymous);
	write_text(w, "ca", ep->ca);
	write_text(w, "cert", ep->cert);
	write_text(w, "key", ep->key);
	write_text(w, "user", ep->user);
	write_text(w, "password", ep->password);
	write_text(w, "identityToken", ep->identity_token);
	write_text(w, "registryToken", ep->registry_token);
	jw_end_object(w);
}

/* Hosts that a registry sends us to may be asked through another proxy than itself. */
static void write_proxies(struct json_writer *w)
{
	struct proxy_settings s;

	proxy_settings_find(&s);
	jw_object(w, "proxies");
	write_text(w, "http", s.http);
	write_text(w, "https", s.https);
	write_text(w, "except", s.except);
	jw_end_object(w);
}

/* How long nothing may come: 0 as usual. */
static int find_patience(uint32_t *out, struct err *e)
{
	const char *text = getenv("TARE_REGISTRY_PATIENCE");

	*out = 0;
	if (text && *text && (text_u32(text, out) < 0 || *out == 0 || *out > MAX_PATIENCE))
		return err_set(e, ERR_INVALID, "TARE_REGISTRY_PATIENCE is the number of seconds, 1 to %d, for which a registry may send nothing", MAX_PATIENCE);
	return 0;
}

static int introduce(struct registry_client *c, const struct transfer_endpoint *endpoints, size_t n, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	uint32_t patience;
	int r = find_patience(&patience, e);

	if (r < 0)
		return r;
	if (!patience)
		patience = endpoints[0].patience;
	jw_object(&w, NULL);
	jw_u64(&w, "version", 1);
	if (patience)
		jw_u64(&w, "patience", patience);
	write_proxies(&w);
	jw_array(&w, "endpoints");
	for (size_t i = 0; i < n; i++)
		write_endpoint(&w, &endpoints[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	r = registry_ask(c, &line, e);
	if (line.s)
		explicit_bzero(line.s, line.len);
	return r;
}

/* Where no endpoint has a socket there is nothing to do. */
static int start_broker(const struct transfer_endpoint *endpoints, size_t n, struct broker *out, int *theirs, struct err *e)
{
	CLEANUP_FREE const char **paths = calloc(n + 1, sizeof(*paths));
	bool any = false;

	if (!paths)
		return err_errno(e, -ENOMEM, "start tare-transfer");
	for (size_t i = 0; i < n; i++) {
		paths[i] = endpoints[i].socket;
		any |= paths[i] != NULL;
	}
	return any ? broker_start(paths, n, out, theirs, e) : 0;
}

int registry_start(const char *program, const struct transfer_endpoint *endpoints, size_t n, const int *files, size_t n_files,
		   struct registry_client *out, struct err *e)
{
	CLEANUP_REGISTRY_CLIENT struct registry_client c = REGISTRY_CLIENT_INIT;
	const char *const argv[] = { "tare-transfer", NULL }, *const env[] = { NULL };
	struct spawn_args sa = { .path = program, .argv = argv, .env = env, .death_signal = SIGKILL };
	CLEANUP_FREE struct spawn_fd *fds = calloc(FIXED_HANDLES + n_files, sizeof(*fds));
	CLEANUP_FD int theirs = -1, dial = -1;
	int ends[2], r;

	if (!fds)
		return err_errno(e, -ENOMEM, "start %s", program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(e, -errno, "socketpair");
	c.control = ends[0];
	theirs = ends[1];
	fds[0] = (struct spawn_fd){ 2, 2 };
	fds[1] = (struct spawn_fd){ theirs, 3 };
	r = start_broker(endpoints, n, &c.broker, &dial, e);
	if (r < 0)
		return r;
	fds[2] = (struct spawn_fd){ dial, 4 };
	for (size_t i = 0; i < n_files; i++)
		fds[FIXED_HANDLES + i] = (struct spawn_fd){ files[i], 5 + (int)i };
	sa.fds = fds;
	sa.n_fds = FIXED_HANDLES + n_files;
	r = spawn(&sa, &c.pid, &c.pidfd);
	if (r < 0)
		return err_errno(e, r, "start %s", program);
	r = introduce(&c, endpoints, n, e);
	if (r < 0)
		return r;
	*out = c;
	c = (struct registry_client)REGISTRY_CLIENT_INIT;
	return 0;
}

void registry_end(struct registry_client *c)
{
	int status;

	c->control = close_fd(c->control);
	if (c->pidfd >= 0) {
		(void)kill(c->pid, SIGKILL);
		(void)!spawn_wait(c->pidfd, -1, &status);
	}
	c->pidfd = close_fd(c->pidfd);
	broker_end(&c->broker);
	sb_free(&c->rest);
	*c = (struct registry_client)REGISTRY_CLIENT_INIT;
}

/* ---- lines and bytes ---- */

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INTERNAL, "tare-transfer's answer is damaged: %s", what);
}

static int ended(struct registry_client *c, struct err *e)
{
	int status = 0;

	if (spawn_wait(c->pidfd, 1000, &status) == 0)
		c->pidfd = close_fd(c->pidfd);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INTERNAL, "tare-transfer was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_set(e, ERR_INTERNAL, "tare-transfer ended without a word");
}

int registry_ask(struct registry_client *c, const struct strbuf *line, struct err *e)
{
	int r = sb_error(line);

	if (r == 0)
		r = io_send_full(c->control, line->s, line->len);
	if (r == 0)
		r = io_send_full(c->control, "\n", 1);
	return io_peer_gone(r) ? ended(c, e) : r < 0 ? err_errno(e, r, "speak with tare-transfer") : 0;
}

/* More of what it says into c->rest. */
static int more(struct registry_client *c, struct err *e)
{
	char chunk[65536];
	ssize_t n;

	do
		n = read(c->control, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && io_peer_gone(-errno)))
		return ended(c, e);
	if (n < 0)
		return err_errno(e, -errno, "hear tare-transfer");
	sb_add(&c->rest, chunk, (size_t)n);
	return sb_error(&c->rest) < 0 ? err_errno(e, -ENOMEM, "answer") : 0;
}

static void drop(struct registry_client *c, size_t n)
{
	memmove(c->rest.s, c->rest.s + n, c->rest.len - n + 1); /* with the NUL */
	c->rest.len -= n;
}

static int take_error(const struct json *msg, struct err *e)
{
	const char *cls = "", *text = "";
	struct err ignored;

	(void)!json_get_str(msg, "answer", "class", &cls, &ignored);
	(void)!json_get_str(msg, "answer", "message", &text, &ignored);
	for (enum err_class c = ERR_INVALID; c < ERR_CLASS_COUNT; c++)
		if (!strcmp(cls, err_info(c)->name))
			return err_set(e, c, "%s", text);
	return err_set(e, ERR_INTERNAL, "%s", text);
}

int registry_answer(struct registry_client *c, struct arena *a, const char *type, const struct json **out, struct err *e)
{
	const char *got = "", *end;
	size_t len;
	int r;

	while (!c->rest.len || !(end = memchr(c->rest.s, '\n', c->rest.len))) {
		if (c->rest.len > MAX_LINE)
			return damaged(e, "too long");
		r = more(c, e);
		if (r < 0)
			return r;
	}
	len = (size_t)(end - c->rest.s);
	r = json_parse(a, c->rest.s, len, NULL, out, e);
	drop(c, len + 1);
	if (r == 0)
		r = json_get_str(*out, "answer", "type", &got, e);
	if (r < 0)
		return damaged(e, "no JSON");
	if (strcmp(got, "error") == 0)
		return take_error(*out, e);
	return !type || strcmp(got, type) == 0 ? 0 : damaged(e, "unknown message");
}

/* ---- documents ---- */

const char *const registry_manifest_types[] = {
	MEDIATYPE_INDEX,
	MEDIATYPE_MANIFEST,
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	NULL,
};

static int take_bytes(struct registry_client *c, struct arena *a, uint64_t size, struct registry_document *out, struct err *e)
{
	while (c->rest.len < size) {
		int r = more(c, e);

		if (r < 0)
			return r;
	}
	out->text = arena_strndup(a, sb_str(&c->rest), size);
	out->len = size;
	if (!out->text)
		return err_errno(e, -ENOMEM, "document");
	sha256_digest(sb_str(&c->rest), size, out->digest);
	if (size)
		drop(c, size);
	return 0;
}

int registry_body(struct registry_client *c, uint64_t size, int (*sink)(void *data, const void *bytes, size_t len, struct err *e), void *data,
		  struct err *e)
{
	while (size > 0) {
		size_t n;
		int r = c->rest.len ? 0 : more(c, e);

		if (r < 0)
			return r;
		n = c->rest.len < size ? c->rest.len : (size_t)size;
		r = sink(data, c->rest.s, n, e);
		if (r < 0)
			return r;
		drop(c, n);
		size -= n;
	}
	return 0;
}

int registry_document(struct registry_client *c, struct arena *a, const char *path, const char *const *accept, uint64_t max,
		      const char *what, uint64_t endpoint, struct registry_document *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	const struct json *msg;
	uint64_t size = UINT64_MAX;
	int r;

	*out = (struct registry_document){ .endpoint = REGISTRY_ANY };
	jw_object(&w, NULL);
	jw_str(&w, "do", "document");
	jw_str(&w, "path", path);
	jw_str(&w, "what", what);
	jw_u64(&w, "max", max);
	if (endpoint != REGISTRY_ANY)
		jw_u64(&w, "endpoint", endpoint);
	jw_strv(&w, "accept", accept);
	jw_end_object(&w);
	r = registry_ask(c, &line, e);
	if (r == 0)
		r = registry_answer(c, a, "document", &msg, e);
	if (r == 0)
		r = json_get_u64(msg, "answer", "size", &size, e);
	if (r == 0)
		r = json_get_u64(msg, "answer", "endpoint", &out->endpoint, e);
	if (r == 0)
		r = json_get_str(msg, "answer", "mediaType", &out->media_type, e);
	if (r == 0)
		r = json_get_str(msg, "answer", "link", &out->link, e);
	if (r < 0)
		return r;
	if (size > max)
		return damaged(e, "size");
	return take_bytes(c, a, size, out, e);
}

int registry_ping(struct registry_client *c, struct arena *a, uint64_t *endpoint, const char **identity_token, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	const struct json *msg;
	int r;

	*endpoint = REGISTRY_ANY;
	*identity_token = NULL;
	sb_puts(&line, "{\"do\":\"ping\"}");
	r = registry_ask(c, &line, e);
	if (r == 0)
		r = registry_answer(c, a, "pong", &msg, e);
	if (r == 0)
		r = json_get_u64(msg, "answer", "endpoint", endpoint, e);
	return r < 0 ? r : json_get_str(msg, "answer", "identityToken", identity_token, e);
}

int registry_download(struct registry_client *c, const char *digest, uint64_t size, uint64_t endpoint, uint64_t file, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	const struct json *msg;
	int r;

	jw_object(&w, NULL);
	jw_str(&w, "do", "download");
	jw_str(&w, "digest", digest);
	jw_u64(&w, "size", size);
	jw_u64(&w, "endpoint", endpoint);
	jw_u64(&w, "file", file);
	jw_end_object(&w);
	r = registry_ask(c, &line, e);
	return r < 0 ? r : registry_answer(c, &a, "downloaded", &msg, e);
}
