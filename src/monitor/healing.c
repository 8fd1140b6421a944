/* A thousand monitors may do this, so it must cost nothing while all is well: each has a connection to the healer, which says nothing, and
 * whose end wakes them. Then each waits for a random while, and the first one starts it; who comes while that goes on finds a lock and waits
 * again. The first look is some seconds after the start: a container that ends before has nothing to do with any of this.
 *
 * What blocks would hold up the container's output: the connection is tried for, not waited for. */
#include "monitor/healing.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/healer.h"
#include "sys/sock.h"
#include "sys/spawn.h"

#define MS 1000000LL
#define FIRST_MS 2000U
#define AGAIN_MS 200U
#define SPREAD_MS 2000U
#define MOST_TRIES 8U /* each doubles the wait */

static void on_time(struct loop *l, int fd, uint32_t events, void *data);

static void wait_for(struct healing *h, unsigned int ms)
{
	uint16_t chance = 0;

	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	if (loop_timer(h->loop, (ms + (chance % SPREAD_MS)) * MS, on_time, h, &h->timer) < 0)
		log_error("%.12s: nobody looks after the networks", h->d->id);
}

static void try_again(struct healing *h)
{
	wait_for(h, AGAIN_MS << h->tries);
	if (h->tries < MOST_TRIES)
		h->tries++;
}

static void lost(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healing *h = data;

	(void)fd;
	(void)events;
	loop_remove(l, h->link);
	h->fd = close_fd(h->fd);
	h->tries = 0;
	try_again(h);
}

static bool connect_to(struct healing *h, int folder)
{
	h->fd = sock_connect(folder, HEALER_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK);
	if (h->fd < 0)
		return false;
	if (loop_add(h->loop, h->fd, EPOLLIN, lost, h, &h->link) < 0) {
		h->fd = close_fd(h->fd);
		return false;
	}
	h->tries = 0;
	return true;
}

static void program_ended(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healing *h = data;
	int status;

	(void)events;
	loop_remove(l, h->program);
	if (spawn_wait(fd, 0, &status) < 0)
		log_debug("%.12s: %s is not over", h->d->id, h->d->healer[0]);
	h->pidfd = close_fd(h->pidfd);
	h->lock = close_fd(h->lock);
	on_time(l, -1, 0, h);
}

static bool start_program(struct healing *h, int folder)
{
	const struct spawn_args args = { .path = h->d->healer[0], .argv = h->d->healer };
	CLEANUP_FD int lock = openat(folder, HEALING_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	pid_t pid;

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0 || spawn(&args, &pid, &h->pidfd) < 0)
		return false;
	if (loop_add(h->loop, h->pidfd, EPOLLIN, program_ended, h, &h->program) < 0) {
		h->pidfd = close_fd(h->pidfd);
		return false;
	}
	h->lock = take_fd(&lock);
	return true;
}

static void on_time(struct loop *l, int fd, uint32_t events, void *data)
{
	struct healing *h = data;
	CLEANUP_FD int folder = open(h->d->healer_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)l;
	(void)events;
	if (folder < 0 || connect_to(h, folder))
		return; /* without the folder nobody could find it */
	/* fd -1: a program has just started it, or has not */
	if (fd < 0 || !start_program(h, folder))
		try_again(h);
}

void healing_begin(struct healing *h, struct loop *l, const struct description *d)
{
	*h = (struct healing){ .loop = l, .d = d, .fd = -1, .pidfd = -1, .lock = -1 };
	if (d->healer)
		wait_for(h, FIRST_MS);
}
