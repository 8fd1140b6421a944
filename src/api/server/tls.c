#include "api/server/tls.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define CHECK_MS 10000

int tls_check(const struct server_tls *t, struct err *e)
{
	char program[PATH_MAX], said[300];
	const char *argv[] = { program, "check", t->cert, t->key, t->ca, NULL };
	int r = engine_program("tare-tls", program, e);
	const char *why = said;

	if (r < 0)
		return r;
	r = spawn_tool(argv, -1, CHECK_MS, said, sizeof(said));
	if (r < 0)
		return err_errno(e, r, "start %s", program);
	if (text_starts(why, "tare-tls: "))
		why += strlen("tare-tls: ");
	return r == 0 ? 0 : err_set(e, ERR_INVALID, "TLS: %s", why);
}

static int open_pem(const char *path, int *fd, struct err *e)
{
	*fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return path && *fd < 0 ? err_errno(e, -errno, "read %s", path) : 0;
}

static int start(const struct server_tls *t, int *fd, int *pidfd, struct err *e)
{
	CLEANUP_FD int cert = -1, key = -1, ca = -1, plain = -1, other = -1;
	char program[PATH_MAX];
	int pair[2], r = engine_program("tare-tls", program, e);
	pid_t pid;

	if (r == 0)
		r = open_pem(t->cert, &cert, e);
	if (r == 0)
		r = open_pem(t->key, &key, e);
	if (r == 0)
		r = open_pem(t->ca, &ca, e);
	if (r < 0)
		return r;
	r = sock_pair(SOCK_STREAM, pair);
	if (r < 0)
		return err_errno(e, r, "make a pair of sockets");
	plain = pair[0];
	other = pair[1];
	r = spawn(&(const struct spawn_args){ .path = program,
					      .argv = (const char *const[]){ program, t->ca ? "verify" : "serve", NULL },
					      .fds = (const struct spawn_fd[]){ { 2, 2 }, { *fd, 3 }, { other, 4 }, { cert, 5 }, { key, 6 }, { ca, 7 } },
					      .n_fds = 6 },
		  &pid, pidfd);
	if (r < 0)
		return err_errno(e, r, "start %s", program);
	close_fd(*fd);
	*fd = take_fd(&plain);
	return 0;
}

static void on_end(struct loop *l, int fd, uint32_t events, void *data)
{
	struct tls_helper *h = data;
	int status;

	(void)events;
	if (spawn_wait(fd, 0, &status) == -ETIMEDOUT)
		return;
	loop_remove(l, h->source);
	close_fd(h->pidfd);
	--*h->count;
	if (h->ended)
		h->ended(h->data);
	free(h);
}

int tls_start(const struct server_tls *t, struct loop *loop, int *fd, unsigned int *count, struct tls_helper **out, struct err *e)
{
	CLEANUP_FREE struct tls_helper *h = calloc(1, sizeof(*h));
	int r = h ? start(t, fd, &h->pidfd, e) : err_errno(e, -ENOMEM, "begin TLS");

	if (r < 0)
		return r;
	h->loop = loop;
	h->count = count;
	r = loop_add(loop, h->pidfd, EPOLLIN, on_end, h, &h->source);
	if (r < 0) {
		close_fd(h->pidfd);
		return err_errno(e, r, "begin TLS");
	}
	++*count;
	*out = take_ptr(h);
	return 0;
}

void tls_kill(const struct tls_helper *h)
{
	(void)syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0U);
}

int tls_greet(struct tls_greeting *g, const char *bytes, size_t len, size_t *used)
{
	*used = 0;
	for (;;) {
		size_t want = g->have < 2 ? 2 : 2 + ((size_t)g->bytes[0] << 8) + g->bytes[1];

		if (want > sizeof(g->bytes))
			return -EPROTO;
		if (g->have == want && want >= 2) {
			memcpy(g->name, g->bytes + 2, want - 2);
			g->name[want - 2] = '\0';
			return 1;
		}
		if (*used == len)
			return 0;
		g->bytes[g->have++] = (unsigned char)bytes[(*used)++];
	}
}
