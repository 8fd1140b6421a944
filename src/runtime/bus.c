/* A client of the message bus, blocking and with a deadline.
 *
 * Whoever listens at the address is trusted no further than the answers go: messages are checked by wire/dbus, their
 * size is bounded, texts go into errors escaped, and every wait ends. Answers are told by their serial; that only the
 * callee can send one is the bus daemon's promise. Signals can be sent to us by anybody on the bus: the receiver of
 * on_signal looks at the sender. */
#include "runtime/bus.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/idmap.h"

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

static int patience_ms = RT_BUS_TIMEOUT_MS;

void rt_bus_patience(int ms)
{
	patience_ms = ms;
}

/* ---- addresses ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A value of an address, up to "," or ";", with %XX undone. Its length, or -1. */
static ssize_t unescape(const char *s, char *out, size_t size)
{
	size_t n = 0;

	for (; *s && *s != ',' && *s != ';'; s++) {
		char c = *s;

		if (c == '%') {
			if (hex(s[1]) < 0 || hex(s[2]) < 0)
				return -1;
			c = (char)(hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		}
		if (!c || n == size)
			return -1;
		out[n++] = c;
	}
	return (ssize_t)n;
}

static int connect_to(const char *value, bool abstract)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t skip = abstract ? 1 : 0;
	ssize_t n = unescape(value, sa.sun_path + skip, sizeof(sa.sun_path) - 1 - skip);
	CLEANUP_FD int fd = -1;

	if (n <= 0)
		return -EINVAL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip + (size_t)n + !abstract)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* "unix:path=/run/x,guid=…;unix:abstract=y": the first that answers. */
static int connect_first(const char *address)
{
	int r = -EINVAL;

	while (*address) {
		const char *key = text_starts(address, "unix:") ? address + 5 : NULL;

		if (key && text_starts(key, "path="))
			r = connect_to(key + 5, false);
		else if (key && text_starts(key, "abstract="))
			r = connect_to(key + 9, true);
		if (r >= 0)
			return r;
		address += strcspn(address, ";");
		address += *address == ';';
	}
	return r;
}

static int address_of(bool user, char *out, size_t len, struct err *e)
{
	const char *env = getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS"), *run;
	int n;

	if (env && *env) {
		n = snprintf(out, len, "%s", env);
	} else if (!user) {
		n = snprintf(out, len, SYSTEM_BUS);
	} else {
		run = getenv("XDG_RUNTIME_DIR");
		if (!run || !*run)
			return err_set(e, ERR_UNAVAILABLE,
				       "no user bus: neither DBUS_SESSION_BUS_ADDRESS nor "
				       "XDG_RUNTIME_DIR is set (is this a login session?)");
		n = snprintf(out, len, "unix:path=%s/bus", run);
	}
	return n < 0 || (size_t)n >= len ? err_set(e, ERR_INVALID, "the bus address is too long") : 0;
}

/* ---- the connection ---- */

/* As the bus sees us, which is not in our user namespace. */
static uid_t outer_uid(void)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct idmap_range map[64];
	uint32_t outside;
	size_t n;

	if (proc >= 0 && idmap_read(proc, getpid(), "uid_map", map, ARRAY_LEN(map), &n) == 0 && idmap_outside(map, n, geteuid(), &outside))
		return outside;
	return geteuid();
}

static int say_hello(struct rt_bus *b, struct err *e)
{
	static const struct dbus_call hello = {.destination = "org.freedesktop.DBus",
					       .path = "/org/freedesktop/DBus",
					       .interface = "org.freedesktop.DBus",
					       .member = "Hello"};
	struct dbus_writer w;

	dbus_auth_write(&b->out, outer_uid());
	(void)rt_bus_begin(b, &w, &hello);
	return rt_bus_queue(&w, "Hello", e);
}

int rt_bus_open(struct rt_bus *b, bool user, struct err *e)
{
	char address[512], shown[256];
	int r = address_of(user, address, sizeof(address), e);

	*b = (struct rt_bus)RT_BUS_INIT;
	b->timeout_ms = patience_ms;
	if (r < 0)
		return r;
	b->fd = connect_first(address);
	if (b->fd < 0) {
		r = b->fd;
		b->fd = -1;
		text_escape(address, shown, sizeof(shown));
		if (r == -EINVAL)
			return err_set(e, ERR_INVALID,
				       "bus address \"%s\": only unix:path= and unix:abstract= are supported", shown);
		return err_set(e, ERR_UNAVAILABLE, "no %s bus at %s: %s", user ? "user" : "system", shown,
			       strerror(-r));
	}
	return say_hello(b, e);
}

void rt_bus_close(struct rt_bus *b)
{
	b->fd = close_fd(b->fd);
	sb_free(&b->out);
	sb_free(&b->in);
}

uint32_t rt_bus_begin(struct rt_bus *b, struct dbus_writer *w, const struct dbus_call *call)
{
	b->serial++;
	dbus_call_begin(w, &b->out, b->serial, call);
	return b->serial;
}

int rt_bus_queue(struct dbus_writer *w, const char *what, struct err *e)
{
	int r = dbus_call_end(w);

	return r < 0 ? err_errno(e, r, "%s: making the message", what) : 0;
}

/* ---- bytes ---- */

static int wait_for(const struct rt_bus *b, short events, int64_t end, struct err *e)
{
	struct pollfd p = {.fd = b->fd, .events = events};
	int64_t left = end - clock_ms();
	int r;

	do
		r = poll(&p, 1, (int)(left > 0 ? left : 0));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_errno(e, -errno, "bus");
	return r ? 0 : err_set(e, ERR_UNAVAILABLE, "no answer on the bus within %d s", (b->timeout_ms + 999) / 1000);
}

static int flush(struct rt_bus *b, int64_t end, struct err *e)
{
	size_t sent = 0;

	while (sent < b->out.len) {
		ssize_t n = send(b->fd, b->out.s + sent, b->out.len - sent, MSG_NOSIGNAL);
		int r = 0;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_errno(e, -errno, "bus");
		if (n < 0 && errno == EAGAIN)
			r = wait_for(b, POLLOUT, end, e);
		if (r < 0)
			return r;
		sent += n > 0 ? (size_t)n : 0;
	}
	sb_reset(&b->out);
	return 0;
}

static int fill(struct rt_bus *b, int64_t end, struct err *e)
{
	char buf[8192];
	ssize_t n;
	int r = wait_for(b, POLLIN, end, e);

	if (r < 0)
		return r;
	if (b->used) {
		memmove(b->in.s, b->in.s + b->used, b->in.len - b->used);
		b->in.len -= b->used;
		b->used = 0;
	}
	n = recv(b->fd, buf, sizeof(buf), 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : err_errno(e, -errno, "bus");
	if (n == 0)
		return err_set(e, ERR_UNAVAILABLE, "the bus closed the connection");
	sb_add(&b->in, buf, (size_t)n);
	return sb_error(&b->in) < 0 ? err_errno(e, -ENOMEM, "bus") : 0;
}

/* Takes the server's line of the handshake, or one message, off what was read: 1, or 0 when there is none yet. */
static int next(struct rt_bus *b, struct dbus_message *m, struct err *e)
{
	const char *at = sb_str(&b->in) + b->used;
	size_t len = b->in.len - b->used;
	int n;

	if (!b->welcome) {
		n = dbus_auth_parse(at, len);
		if (n == -EACCES)
			return err_set(e, ERR_DENIED, "the bus does not let us in");
		if (n > 0) {
			b->welcome = true;
			b->used += (size_t)n;
			return next(b, m, e);
		}
	} else {
		n = dbus_parse(at, len, m);
	}
	if (n < 0)
		return err_set(e, ERR_INTERNAL, "malformed message from the bus");
	b->used += (size_t)n;
	return n > 0;
}

static int receive(struct rt_bus *b, struct dbus_message *m, int64_t end, struct err *e)
{
	for (;;) {
		int r = next(b, m, e);

		if (r < 0)
			return r;
		if (r > 0)
			return 0;
		r = fill(b, end, e);
		if (r < 0)
			return r;
	}
}

/* ---- answers ---- */

static enum err_class class_of(const char *name)
{
	static const struct {
		const char *name;
		enum err_class cls;
	} rows[] = {
		{"org.freedesktop.DBus.Error.AccessDenied", ERR_DENIED},
		{"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ERR_DENIED},
		{"org.freedesktop.DBus.Error.InvalidArgs", ERR_INVALID},
		{"org.freedesktop.DBus.Error.ServiceUnknown", ERR_UNAVAILABLE},
		{"org.freedesktop.DBus.Error.NameHasNoOwner", ERR_UNAVAILABLE},
		{"org.freedesktop.systemd1.NoSuchUnit", ERR_NOTFOUND},
		{"org.freedesktop.systemd1.UnitExists", ERR_CONFLICT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].cls;
	return ERR_INTERNAL;
}

static int error_reply(struct rt_bus *b, const struct dbus_message *m, struct err *e)
{
	char name[sizeof(b->error_name)], text[300];
	struct dbus_reader r;
	const char *s = "";

	dbus_read_begin(&r, m);
	if (*m->signature == 's' && dbus_read_string(&r, 's', &s) < 0)
		s = "";
	text_escape(m->error_name, name, sizeof(name));
	text_escape(s, text, sizeof(text));
	memcpy(b->error_name, name, sizeof(name));
	return err_set(e, class_of(name), "%s (%s)", *text ? text : "no reason given", name);
}

int rt_bus_call(struct rt_bus *b, struct dbus_writer *w, uint32_t serial, struct dbus_message *reply, struct err *e)
{
	int64_t end = clock_ms() + b->timeout_ms;
	int r = dbus_call_end(w);

	b->error_name[0] = '\0';
	if (r < 0)
		return err_errno(e, r, "making a message for the bus");
	r = flush(b, end, e);
	while (r == 0) {
		r = receive(b, reply, end, e);
		if (r < 0)
			return r;
		if (reply->type == DBUS_ERROR && reply->reply_serial <= serial)
			return error_reply(b, reply, e);
		if (reply->type == DBUS_RETURN && reply->reply_serial == serial)
			return 0;
		if (reply->type == DBUS_SIGNAL && b->on_signal)
			b->on_signal(reply, b->data);
	}
	return r;
}

int rt_bus_wait(struct rt_bus *b, const bool *done, const char *what, struct err *e)
{
	int64_t end = clock_ms() + b->timeout_ms;
	struct dbus_message m;
	int r;

	while (!*done) {
		r = receive(b, &m, end, e);
		if (r < 0)
			return err_ctx(e, "%s", what);
		if (m.type == DBUS_SIGNAL && b->on_signal)
			b->on_signal(&m, b->data);
	}
	return 0;
}
