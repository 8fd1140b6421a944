/* tare-netd: started by tare with its listening socket on descriptor 3, never by people. A message on a connection is one byte and
 * descriptors: 'T' the table of names; 'S' and a container's id, its two sockets; 'Q': nobody has a name any more. Each is answered by
 * 'k', or 'e' when it could not be done; behind the 'k' for a table are the ids of those whose sockets we do not have. Before the first, everything is given up that this does not need (sandbox.c).
 *
 * `tare-netd heal` is the other half, a process of its own (healer.c). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "cmd/netd/healer.h"
#include "cmd/netd/netd.h"
#include "cmd/netd/sandbox.h"
#include "sys/sock.h"

#define LISTEN_FD 3

static int more_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l) < 0 ? -errno : 0;
}

/* ---- tare's messages ---- */

struct peer {
	struct netd *d;
	struct loop_source *source;
};

static int take_message(struct netd *d, const char *text, int *fds, size_t n, struct err *e)
{
	switch (text[0]) {
	case 'T':
		return n == 1 ? server_table(d, fds[0], e) : err_set(e, ERR_INVALID, "a table is one descriptor");
	case 'S':
		if (n != 2)
			return err_set(e, ERR_INVALID, "a container has two sockets");
		return server_add(d, text + 1, take_fd(&fds[0]), take_fd(&fds[1]), e);
	case 'Q':
		loop_quit(d->loop, 0);
		return 0;
	default:
		return err_set(e, ERR_INVALID, "no such message");
	}
}

static void answer(const struct netd *d, int fd, char what, bool done)
{
	char out[1 + STUB_MISSING * NAMES_ID_LEN + 1] = { done ? 'k' : 'e' };

	if (what == 'T' && done)
		server_missing(d, out + 1);
	(void)!send(fd, out, strlen(out), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_message(struct loop *l, int fd, uint32_t events, void *data)
{
	struct peer *p = data;
	char text[2 + NAMES_ID_LEN] = "";
	int fds[2];
	size_t n = ARRAY_LEN(fds);
	ssize_t len = sock_recv_fds(fd, text, sizeof(text) - 1, fds, &n);
	struct err e = { 0 };
	bool done;

	(void)events;
	if (len == -EAGAIN)
		return;
	if (len <= 0) {
		loop_remove(l, p->source);
		close_fd(fd);
		free(p);
		return;
	}
	text[len] = '\0';
	done = take_message(p->d, text, fds, n, &e) == 0;
	if (!done)
		log_error("%s", e.msg);
	for (size_t i = 0; i < n; i++)
		close_fd(fds[i]);
	answer(p->d, fd, text[0], done);
}

static void on_peer(struct loop *l, int fd, uint32_t events, void *data)
{
	CLEANUP_FD int c = sock_accept(fd);
	struct peer *p = c < 0 ? NULL : calloc(1, sizeof(*p));

	(void)events;
	if (!p)
		return;
	p->d = data;
	if (loop_add(l, c, EPOLLIN, on_message, p, &p->source) < 0) {
		free(p);
		return;
	}
	(void)take_fd(&c);
}

static int serve(struct err *e)
{
	struct netd d = { .names = NAMES_INIT };
	struct loop_source *source;
	int r = loop_new(&d.loop);

	if (r == 0)
		r = loop_add(d.loop, LISTEN_FD, EPOLLIN, on_peer, &d, &source);
	if (r == 0)
		r = sandbox_enter(e) < 0 ? e->code : loop_run(d.loop);
	if (d.loop)
		server_end(&d);
	loop_free(d.loop);
	return r < 0 && !e->code ? err_errno(e, r, "wait for questions") : r;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	int type = 0;
	socklen_t len = sizeof(type);

	io_reserve_stdio();
	log_setup("tare-netd", 2, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("tare-netd %s\n", TARE_VERSION);
		return 0;
	}
	if (argc == 6 && !strcmp(argv[1], "heal") && more_descriptors() == 0) {
		if (healer_main((const char *const *)argv, &e) >= 0)
			return 0;
		log_error("%s", e.msg);
		return 1;
	}
	if (argc != 1 || getsockopt(LISTEN_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET) {
		fprintf(stderr, "usage: tare-netd 3<>LISTENING-SOCKET (tare starts it)\n");
		return 125;
	}
	if (more_descriptors() < 0)
		log_debug("the limit of open files stays");
	if (serve(&e) >= 0)
		return 0;
	log_error("%s", e.msg);
	return 1;
}
