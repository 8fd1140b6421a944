/* Two directions, each with a buffer of one record. Each end may be closed for itself: a client's close_notify is the end of what the plain side
 * reads, and the other way round, as attach wants it. */
#include <poll.h>
#include <sys/socket.h>

#include "base/io.h"
#include "cmd/tls/tls.h"

#define RECORD 16384
#define LAST_MS 30000

struct flow {
	char bytes[RECORD];
	size_t at, len;
	bool ended, told; /* its source has ended; so its other end was told, or is gone */
};

struct relay {
	SSL *ssl;
	int client, plain;
	struct flow in, out; /* from the client; to the client */
	bool wants_write;    /* TLS itself does */
	bool moved;          /* something was done in this round */
};

static bool empty(const struct flow *f)
{
	return f->at == f->len;
}

static bool later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* 1: so much was done; 0: nothing now; -1: broken. end: the client will say no more. */
static int of_tls(struct relay *r, int n, bool *end)
{
	int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(r->ssl, n);

	switch (why) {
	case SSL_ERROR_NONE:
		r->moved = true;
		return 1;
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		r->wants_write = true;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		*end = r->moved = true;
		return 0;
	default:
		return -1;
	}
}

static int from_client(struct relay *r)
{
	int n, done;

	if (!empty(&r->in) || r->in.ended)
		return 0;
	n = SSL_read(r->ssl, r->in.bytes, RECORD);
	done = of_tls(r, n, &r->in.ended);
	r->in.at = 0;
	r->in.len = done > 0 ? (size_t)n : 0;
	return done;
}

/* Who does not listen any more may have said something that is still on its way. */
static void to_plain(struct relay *r)
{
	while (!empty(&r->in) && !r->in.told) {
		ssize_t n = send(r->plain, r->in.bytes + r->in.at, r->in.len - r->in.at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && later())
			return;
		r->moved = true;
		if (n < 0)
			r->in.told = true;
		else
			r->in.at += (size_t)n;
	}
	if (r->in.ended && !r->in.told) {
		r->in.told = true;
		(void)shutdown(r->plain, SHUT_WR);
	}
	if (r->in.told)
		r->in.at = r->in.len;
}

static int from_plain(struct relay *r)
{
	ssize_t n;

	if (!empty(&r->out) || r->out.ended)
		return 0;
	n = recv(r->plain, r->out.bytes, RECORD, MSG_DONTWAIT);
	if (n < 0)
		return later() ? 0 : -1;
	r->out.at = 0;
	r->out.len = (size_t)n;
	r->out.ended = n == 0;
	r->moved = true;
	return 0;
}

/* That there will be no more. */
static int tell_client(struct relay *r)
{
	bool end = false;
	int n = SSL_shutdown(r->ssl);

	if (n < 0 && of_tls(r, n, &end) < 0)
		return -1;
	if (n < 0 && !end)
		return 0;
	r->out.told = r->moved = true;
	return shutdown(r->client, SHUT_WR);
}

static int to_client(struct relay *r)
{
	bool end = false;

	while (!empty(&r->out)) {
		int n = SSL_write(r->ssl, r->out.bytes + r->out.at, (int)(r->out.len - r->out.at));
		int done = of_tls(r, n, &end);

		if (done <= 0)
			return end ? -1 : done;
		r->out.at += (size_t)n;
	}
	return r->out.ended && !r->out.told ? tell_client(r) : 0;
}

static int wait_for_more(const struct relay *r)
{
	bool reads = empty(&r->out) && !r->out.ended, writes = !empty(&r->in);
	/* all that is left is what the client takes its time for */
	bool last = r->out.ended && !r->out.told && !writes;
	struct pollfd p[] = {
		{ .fd = r->client, .events = (short)((empty(&r->in) && !r->in.ended ? POLLIN : 0) | (r->wants_write ? POLLOUT : 0)) },
		{ .fd = last ? -1 : r->plain, .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)) },
	};
	int n = poll(p, ARRAY_LEN(p), last ? LAST_MS : -1);

	if (n == 0 || (n < 0 && errno != EINTR))
		return -1;
	/* the client is gone, and not only done with talking */
	if (p[0].revents & (POLLHUP | POLLERR) && !(p[0].revents & POLLIN) && empty(&r->in) && r->in.ended)
		return -1;
	/* nobody is behind the plain socket any more, and all that was said was sent */
	return (p[1].revents & POLLHUP) && r->out.told ? -1 : 0;
}

int tls_relay(SSL *ssl, int client, int plain, struct err *e)
{
	struct relay *r = calloc(1, sizeof(*r));
	int broken = 0;

	if (!r)
		return err_errno(e, -ENOMEM, "carry bytes");
	if (io_set_nonblock(client, true) < 0) {
		free(r);
		return err_errno(e, -errno, "carry bytes");
	}
	r->ssl = ssl;
	r->client = client;
	r->plain = plain;
	while (!broken && !(r->in.told && r->out.told)) {
		r->wants_write = r->moved = false;
		broken = from_client(r) < 0;
		to_plain(r);
		broken = broken || from_plain(r) < 0 || to_client(r) < 0;
		if (!broken && !r->moved)
			broken = wait_for_more(r) < 0;
	}
	free(r);
	return 0;
}
