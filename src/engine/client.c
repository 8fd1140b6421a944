#include "engine/client.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "sys/sock.h"

#define READ_SIZE 65536

void client_close(struct client *c)
{
	c->fd = close_fd(c->fd);
	sb_free(&c->in);
}

int client_connect(const struct engine *en, const char *id, unsigned char want, struct client *out, struct err *e)
{
	CLEANUP_FD int dir = openat(en->state_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int fd = dir < 0 ? -errno : sock_connect(dir, "attach.sock", SOCK_STREAM);
	int r;

	if (fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "container %.12s has no monitor to talk to: %s", id, strerror(-fd));
	*out = (struct client){ .fd = fd };
	r = client_send(out, FRAME_HELLO, &want, 1);
	if (r < 0) {
		client_close(out);
		return err_set(e, ERR_UNAVAILABLE, "container %.12s: its monitor hung up", id);
	}
	return 0;
}

int client_parse(struct client *c, struct frame *out, struct err *e)
{
	int r = c->in.len > c->at ? frame_parse(c->in.s + c->at, c->in.len - c->at, out) : 0;

	if (r < 0)
		return err_set(e, ERR_INTERNAL, "the monitor sent what is no frame");
	c->at += (size_t)r;
	return r > 0;
}

int client_read(struct client *c)
{
	char buf[READ_SIZE];
	ssize_t n;

	/* frames given out before may point into the buffer until now */
	if (c->at > 0) {
		memmove(c->in.s, c->in.s + c->at, c->in.len - c->at);
		c->in.len -= c->at;
		c->at = 0;
	}
	do
		n = read(c->fd, buf, sizeof(buf));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	sb_add(&c->in, buf, (size_t)n);
	return sb_error(&c->in) < 0 ? -ENOMEM : n > 0;
}

int client_next(struct client *c, struct frame *out, struct err *e)
{
	for (;;) {
		int r = client_parse(c, out, e);

		if (r != 0)
			return r;
		r = client_read(c);
		if (r <= 0)
			return r < 0 ? err_errno(e, r, "read from the monitor") : 0;
	}
}

int client_send(struct client *c, enum frame_type type, const void *payload, size_t len)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	size_t done = 0;

	frame_write(&out, type, payload, len);
	if (sb_error(&out) < 0)
		return -ENOMEM;
	while (done < out.len) {
		ssize_t n = send(c->fd, out.s + done, out.len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int client_resize(struct client *c, unsigned int rows, unsigned int columns, struct err *e)
{
	const unsigned char payload[4] = { (unsigned char)(rows & 0xff), (unsigned char)(rows >> 8), (unsigned char)(columns & 0xff), (unsigned char)(columns >> 8) };
	int r = client_send(c, FRAME_RESIZE, payload, sizeof(payload));

	return r < 0 ? err_errno(e, r, "tell the terminal's size") : 0;
}

int client_exit_of(const struct frame *f, struct client_exit *out)
{
	uint32_t code;

	if (f->type != FRAME_EXIT || f->len < 6)
		return -EBADMSG;
	code = (uint32_t)f->payload[0] | (uint32_t)f->payload[1] << 8 | (uint32_t)f->payload[2] << 16 |
	       (uint32_t)f->payload[3] << 24;
	*out = (struct client_exit){ .code = (int)code, .known = f->payload[4] != 0, .oom = f->payload[5] != 0 };
	return 0;
}

int client_error_of(const struct frame *f, struct err *e)
{
	enum err_class cls = f->len && f->payload[0] < ERR_CLASS_COUNT ? (enum err_class)f->payload[0] : ERR_INTERNAL;

	return err_set(e, cls == ERR_OK ? ERR_INTERNAL : cls, "%.*s", f->len ? (int)f->len - 1 : 0,
		       (const char *)f->payload + 1);
}

int client_started(struct client *c, struct err *e)
{
	struct frame f;
	int r = client_next(c, &f, e);

	if (r < 0)
		return r;
	if (r > 0 && f.type == FRAME_STARTED)
		return 0;
	if (r > 0 && f.type == FRAME_ERROR)
		return client_error_of(&f, e);
	return err_set(e, ERR_INTERNAL, "the monitor ended before it said whether the container started");
}

int client_wait_exit(struct client *c, struct client_exit *out, struct err *e)
{
	bool got = false;
	struct frame f;
	int r;

	while ((r = client_next(c, &f, e)) > 0) {
		if (f.type == FRAME_EXIT)
			got = client_exit_of(&f, out) == 0;
		else if (f.type == FRAME_ERROR && !got)
			return client_error_of(&f, e);
		else if (f.type == FRAME_DONE)
			break;
	}
	return r < 0 ? r : got;
}
