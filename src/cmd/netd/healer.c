/* It waits for three things: that somebody takes something of our table in the firewall away (flushed it, or started nftables.service anew),
 * that tare-netd dies, that nobody needs it any more. What to do then is known to `tare internal heal`, which it starts.
 *
 * It has root's rights, so nobody but root and the kernel speaks to it, and it understands very little: that a connection began or ended,
 * that a table's name is ours. There is one for a state folder, for it holds the lock; who needs it holds a connection.
 *
 * Somebody may take our rules away again and again, on purpose. Each healing puts the next one off by twice the time, until there has been
 * calm for five times as long. One comes on the heels of another anyway, and does not count: loading the rules is itself a change by a
 * program that is not us. */
#include "cmd/netd/healer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/healer.h"
#include "net/stub.h"
#include "sys/nft.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define LISTEN_FD 3
#define MS 1000000LL
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 60000
#define CALM_MIN_MS 3000
#define IDLE_MS 1000    /* without a connection, until we ask whether we are needed */
#define IDLE_MAX_MS 30000 /* and ask again, less and less often: somebody is in a network whose monitor does not know that, or just ends */
#define PATIENCE_MS 60000

struct healer {
	struct loop *loop;
	const char *argv[8], *table;
	int folder; /* of the state */
	struct nft_watch watch;
	struct loop_source *due, *on_end, *patience, *on_netd;
	int program, netd; /* pidfd of the one that runs; a connection to tare-netd */
	unsigned int clients;
	int64_t pause, idle, last, due_at; /* ms */
	bool again;                  /* something happened while the program ran */
	bool echo;                   /* the run that follows is for that, and the one before was not */
};

struct client {
	struct healer *h;
	struct loop_source *source;
};

static void plan(struct healer *h, int64_t ms);
static void plan_to_ask(struct healer *h);
static void look_for_netd(struct healer *h);

/* Something is to be put back. */
static void hurt(struct healer *h)
{
	int64_t calm = h->pause * 5 > CALM_MIN_MS ? h->pause * 5 : CALM_MIN_MS;

	if (h->program >= 0) {
		h->again = true;
		return;
	}
	if (clock_ms() - h->last > calm)
		h->pause = PAUSE_MIN_MS;
	plan(h, h->pause);
}

/* ---- the program ---- */

static void took_too_long(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healer *h = data;

	(void)l;
	(void)fd;
	(void)events;
	h->patience = NULL;
	if (proc_signal(h->program, SIGKILL) < 0)
		log_debug("it ended just now");
}

static void program_ended(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healer *h = data;
	int status = -1;

	(void)events;
	if (spawn_wait(fd, 0, &status) < 0)
		return;
	loop_remove(l, h->on_end);
	loop_remove(l, h->patience);
	h->patience = NULL;
	h->program = close_fd(h->program);
	h->last = clock_ms();
	if (!h->clients && !h->again && WIFEXITED(status) && WEXITSTATUS(status) == HEALER_UNNEEDED) {
		loop_quit(l, 0);
		return;
	}
	look_for_netd(h);
	h->echo = h->again && !h->echo;
	if (h->again)
		hurt(h);
	else if (!h->clients)
		plan_to_ask(h);
}

static void start_program(struct healer *h)
{
	const struct spawn_args args = { .path = h->argv[0], .argv = h->argv };
	pid_t pid;

	h->again = false;
	if (!h->echo)
		h->pause = h->pause * 2 < PAUSE_MAX_MS ? h->pause * 2 : PAUSE_MAX_MS;
	if (spawn(&args, &pid, &h->program) < 0) {
		loop_quit(h->loop, -ENOENT); /* we are of no use: whoever needs a healer starts one that is */
		return;
	}
	if (loop_add(h->loop, h->program, EPOLLIN, program_ended, h, &h->on_end) < 0 ||
	    loop_timer(h->loop, PATIENCE_MS * MS, took_too_long, h, &h->patience) < 0)
		loop_quit(h->loop, -ENOMEM);
}

static void on_due(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healer *h = data;

	(void)l;
	(void)fd;
	(void)events;
	h->due = NULL;
	if (h->program < 0)
		start_program(h);
}

/* One plan at a time, the nearer one. */
static void plan(struct healer *h, int64_t ms)
{
	if (h->due && clock_ms() + ms >= h->due_at)
		return;
	loop_remove(h->loop, h->due);
	h->due = NULL;
	h->due_at = clock_ms() + ms;
	if (loop_timer(h->loop, ms * MS, on_due, h, &h->due) < 0)
		loop_quit(h->loop, -ENOMEM);
}

/* Whether we are needed. */
static void plan_to_ask(struct healer *h)
{
	plan(h, h->idle);
	h->idle = h->idle * 2 < IDLE_MAX_MS ? h->idle * 2 : IDLE_MAX_MS;
}

/* ---- what happens ---- */

static void on_firewall(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healer *h = data;
	int r = nft_watch_read(&h->watch, h->table, "tare");

	(void)fd;
	(void)events;
	if (r > 0)
		hurt(h);
	else if (r < 0)
		loop_quit(l, r);
}

/* It ended because nobody has a name, and then its socket goes as well; or it was killed. */
static void netd_ended(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healer *h = data;

	(void)fd;
	(void)events;
	loop_remove(l, h->on_netd);
	h->on_netd = NULL;
	h->netd = close_fd(h->netd);
	hurt(h);
}

static void look_for_netd(struct healer *h)
{
	if (h->netd >= 0)
		return;
	h->netd = sock_connect(h->folder, STUB_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK);
	if (h->netd >= 0 && loop_add(h->loop, h->netd, EPOLLIN, netd_ended, h, &h->on_netd) < 0)
		h->netd = close_fd(h->netd);
	else if (h->netd == -ECONNREFUSED)
		hurt(h);
}

static void on_client(struct loop *l, int fd, uint32_t events, void *data)
{
	struct client *c = data;
	struct healer *h = c->h;
	char byte;

	(void)events;
	if (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
		look_for_netd(h);
		return;
	}
	loop_remove(l, c->source);
	close_fd(fd);
	free(c);
	h->clients--;
	h->idle = IDLE_MS;
	if (!h->clients)
		plan_to_ask(h);
}

static void on_connection(struct loop *l, int fd, uint32_t events, void *data)
{
	CLEANUP_FD int conn = sock_accept(fd);
	struct client *c = conn < 0 ? NULL : calloc(1, sizeof(*c));

	(void)events;
	if (!c) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = 10 * MS }, NULL); /* no descriptors: it stays readable */
		return;
	}
	c->h = data;
	if (loop_add(l, conn, EPOLLIN, on_client, c, &c->source) < 0) {
		free(c);
		return;
	}
	(void)take_fd(&conn);
	c->h->clients++;
}

/* ---- the whole ---- */

static int set_up(struct healer *h, struct err *e)
{
	int r = loop_new(&h->loop);

	if (r == 0)
		r = nft_watch(&h->watch);
	if (r < 0)
		return err_errno(e, r, "listen for changes of the firewall");
	r = loop_add(h->loop, h->watch.sock, EPOLLIN, on_firewall, h, NULL);
	if (r == 0)
		r = loop_add(h->loop, LISTEN_FD, EPOLLIN, on_connection, h, NULL);
	if (r < 0)
		return err_errno(e, r, "wait");
	look_for_netd(h);
	if (!h->due)
		plan_to_ask(h);
	return 0;
}

int healer_main(const char *const argv[6], struct err *e)
{
	struct healer h = { .argv = { argv[2], "--root", argv[3], "--state", argv[4], "internal", "heal" }, .table = argv[5],
			    .folder = open(argv[4], O_PATH | O_DIRECTORY | O_CLOEXEC), .watch = NFT_WATCH_INIT, .program = -1, .netd = -1,
			    .pause = PAUSE_MIN_MS, .idle = IDLE_MS, .last = INT64_MIN / 2 };
	int r = prctl(PR_SET_NAME, "tare-healer") < 0 || h.folder < 0 ? err_errno(e, -errno, "%s", argv[4]) : set_up(&h, e);

	if (r == 0) {
		r = loop_run(h.loop);
		if (r < 0)
			r = err_errno(e, r, "look after the networks");
	}
	/* before the lock is free, which it is with our end: nobody else's socket */
	(void)unlinkat(h.folder, HEALER_SOCKET, 0);
	loop_free(h.loop);
	return r;
}
