/* POST /containers/{}/attach, GET /containers/{}/attach/ws: also of a container that does not run yet, whose first byte is not lost then. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "api/docker/attach.h"
#include "api/docker/logs.h"
#include "api/docker/relay.h"
#include "api/docker/routes.h"
#include "api/docker/websocket.h"
#include "api/docker/words.h"
#include "base/io.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/waiting.h"

#define FIRST_MULTIPLEXED 142 /* the API's version that says so */

const char *attach_type(const struct exchange *ex, bool tty)
{
	return tty || ex_api(ex) < FIRST_MULTIPLEXED ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream";
}

int attach_keys(struct exchange *ex, const char *text, struct detach *out, struct err *e)
{
	(void)ex;
	return detach_init(out, text && *text ? text : NULL) < 0 ? err_set(e, ERR_INVALID, "Invalid detach keys (%s) provided", text) : 0;
}

struct attached {
	struct exchange *ex;
	struct engine *en;
	struct record rec;
	struct ct_config config;
	struct detach keys;
	unsigned char want;
	bool logs, stream, websocket;
	struct client c;
	struct waiting waiting;
	char id[ID_LEN + 1]; /* once nothing else is kept of what was asked */
	int fd; /* the client's, once it is ours */
	const void *early;
	size_t n_early;
};

static void attached_end(struct attached *a)
{
	client_close(&a->c);
	waiting_end(&a->waiting);
}

static int read_query(struct attached *a, struct err *e)
{
	struct exchange *ex = a->ex;

	/* a browser's socket has all of them, unless it says otherwise */
	a->want = (unsigned char)((ex_query_bool(ex, "stdin", a->websocket) ? FRAME_WANT_STDIN : 0) | (ex_query_bool(ex, "stdout", a->websocket) ? FRAME_WANT_STDOUT : 0) |
				  (ex_query_bool(ex, "stderr", a->websocket) ? FRAME_WANT_STDERR : 0));
	a->logs = ex_query_bool(ex, "logs", false);
	a->stream = ex_query_bool(ex, "stream", a->websocket);
	return attach_keys(ex, ex_query(ex, "detachKeys"), &a->keys, e);
}

/* Its streams, or the promise of them. */
static int reach(struct attached *a, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	int r = words_container(a->ex, &a->en, &a->rec, &live, e);

	if (r == 0)
		r = config_parse(ex_arena(a->ex), a->rec.config, &a->config, e);
	if (r == 0 && a->rec.status == RECORD_RUNNING && container_paused(&a->rec))
		r = err_set(e, ERR_BUSY, "container %s is paused, unpause the container before attach", a->rec.id);
	if (r == 0 && a->rec.status == RECORD_RESTARTING)
		r = err_set(e, ERR_BUSY, "container %s is restarting, wait until the container is running", a->rec.id);
	if (r < 0 || !a->stream)
		return r;
	if (!a->config.open_stdin)
		a->want &= (unsigned char)~FRAME_WANT_STDIN;
	r = container_await(a->en, a->rec.id, a->want, &a->c, &a->waiting, e);
	if (r == 0 && a->c.fd < 0)
		events_container(a->en, &a->rec, "attach", NULL);
	return r;
}

/* Until it is started. Half a close is no end: a client without input ends its half at once. 1: it was; 0: the client went, or nobody will start it. */
static int await_start(struct attached *a, struct err *e)
{
	int r = 0;

	while (r == 0) {
		struct pollfd p[] = { { .fd = a->waiting.listener, .events = POLLIN }, { .fd = a->fd } };

		if (poll(p, ARRAY_LEN(p), WAITING_LOOK_MS) < 0 && errno != EINTR)
			return err_errno(e, -errno, "wait for the container's start");
		if (p[1].revents & (POLLHUP | POLLERR))
			return 0;
		r = waiting_look(&a->waiting, &a->c, e);
	}
	return r < 0 ? 0 : r;
}

static int send_bytes(void *data, const void *bytes, size_t len, struct err *e)
{
	const struct attached *a = data;
	CLEANUP_STRBUF struct strbuf message = STRBUF_INIT;
	int r;

	if (a->websocket)
		websocket_write(&message, WEBSOCKET_BINARY, bytes, len);
	r = sb_error(&message);
	if (r == 0)
		r = io_send_full(a->fd, a->websocket ? message.s : bytes, a->websocket ? message.len : len);
	return r < 0 ? err_errno(e, r, "send the log") : 0;
}

static int tell_detached(struct attached *a, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec;
	int r = ex_engine(a->ex, &a->en, e);

	if (r == 0)
		r = settle_find(a->en, ex_arena(a->ex), a->id, SETTLE_LOOK, &rec, &live, e);
	if (r == 0)
		events_container(a->en, &rec, "detach", NULL);
	return r;
}

/* From here on, as long as both like, nothing but the two connections is needed, and what the client was early with. A store that is open makes every
 * lock of it dearer for all the others. */
static void forget(struct attached *a)
{
	(void)snprintf(a->id, sizeof(a->id), "%s", a->rec.id);
	if (a->n_early)
		ex_rest(a->ex);
	else
		ex_forget(a->ex);
	a->en = NULL;
}

static int carry(struct attached *a, struct relay *relay, struct err *e)
{
	enum relay_end end;
	int r = relay_run(relay, &end, e);

	return r == 0 && end == RELAY_DETACHED ? tell_detached(a, e) : r;
}

static int serve(struct attached *a, struct err *e)
{
	struct relay relay = { .client = a->fd, .framed = !a->config.tty, .websocket = a->websocket, .input = a->want & FRAME_WANT_STDIN,
			       .keys = a->config.tty ? &a->keys : NULL, .early = a->early, .n_early = a->n_early };
	const struct logs_want past = { .query = { .tail = -1 }, .out = a->want & FRAME_WANT_STDOUT, .err = a->want & FRAME_WANT_STDERR,
					.framed = !a->config.tty && !a->websocket };
	int r = 0;

	if (a->logs) {
		relay_after_head(a->fd);
		r = logs_send(a->en, a->rec.id, &past, send_bytes, a, e);
	}

	if (r < 0 || !a->stream)
		return r;
	forget(a);
	r = a->c.fd >= 0 ? 1 : await_start(a, e);
	if (r <= 0)
		return r;
	relay.monitor = a->c.fd;
	relay.heard = sb_str(&a->c.in) + a->c.at;
	relay.n_heard = a->c.in.len - a->c.at;
	return carry(a, &relay, e);
}

static int attach(struct exchange *ex, struct err *e)
{
	CLEANUP(attached_end) struct attached a = { .ex = ex, .c = CLIENT_INIT, .waiting = WAITING_INIT };
	int r = read_query(&a, e);

	if (r == 0)
		r = reach(&a, e);
	if (r == 0)
		r = ex_hijack(ex, attach_type(ex, a.config.tty), &a.fd, &a.early, &a.n_early, e);
	return r < 0 ? r : serve(&a, e);
}

static int attach_ws(struct exchange *ex, struct err *e)
{
	CLEANUP(attached_end) struct attached a = { .ex = ex, .websocket = true, .c = CLIENT_INIT, .waiting = WAITING_INIT };
	const char *key = ex_header(ex, "sec-websocket-key"), *upgrade = ex_header(ex, "upgrade");
	char accept[WEBSOCKET_ACCEPT_LEN];
	int r;

	if (!upgrade || strcasecmp(upgrade, "websocket") != 0 || !key || websocket_accept(key, accept) < 0)
		return err_set(e, ERR_INVALID, "this is for websockets: Upgrade: websocket, and Sec-WebSocket-Key");
	r = read_query(&a, e);
	if (r == 0)
		r = reach(&a, e);
	if (r < 0)
		return r;
	ex_add_header(ex, "Sec-WebSocket-Accept", accept);
	r = ex_hijack(ex, NULL, &a.fd, &a.early, &a.n_early, e);
	return r < 0 ? r : serve(&a, e);
}

const struct route docker_attach_routes[] = {
	{ .method = "POST", .path = "/containers/{}/attach", .handler = attach, .access = ROUTE_WRITE,
	  .about = "its streams on the connection (stdin, stdout, stderr, stream, logs, detachKeys); before it is started, too" },
	{ .method = "GET", .path = "/containers/{}/attach/ws", .handler = attach_ws, .access = ROUTE_WRITE, .about = "the same as a websocket" },
	{ 0 }
};
