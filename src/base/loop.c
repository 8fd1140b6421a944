/* Removal is deferred: a source taken out while a round is running is only marked, and freed when the round is
 * over, so an event that epoll already reported for it finds a dead mark instead of freed memory. */
#include "base/loop.h"

#include <stdbool.h>
#include <sys/timerfd.h>
#include <time.h>

#define BATCH 32

struct loop_source {
	struct loop_source *next;
	int fd;
	bool timer; /* fd is ours */
	bool dead;
	loop_fn fn;
	void *data;
};

struct loop {
	int epfd;
	bool quit;
	int result;
	struct loop_source *sources;
	bool any_dead;
};

int loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		int r = -errno;

		free(l);
		return r;
	}
	*out = l;
	return 0;
}

static void free_source(struct loop_source *s)
{
	if (s->timer)
		close_fd(s->fd);
	free(s);
}

static void sweep(struct loop *l)
{
	struct loop_source **pp = &l->sources;

	while (*pp) {
		struct loop_source *s = *pp;

		if (s->dead) {
			*pp = s->next;
			free_source(s);
		} else {
			pp = &s->next;
		}
	}
	l->any_dead = false;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (struct loop_source *s = l->sources; s; s = s->next)
		s->dead = true;
	sweep(l);
	close_fd(l->epfd);
	free(l);
}

int loop_add(struct loop *l, int fd, uint32_t events, loop_fn fn, void *data, struct loop_source **out)
{
	struct loop_source *s = calloc(1, sizeof(*s));
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (!s)
		return -ENOMEM;
	*s = (struct loop_source){ .next = l->sources, .fd = fd, .fn = fn, .data = data };
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int r = -errno;

		free(s);
		return r;
	}
	l->sources = s;
	if (out)
		*out = s;
	return 0;
}

int loop_modify(struct loop *l, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(l->epfd, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

void loop_remove(struct loop *l, struct loop_source *s)
{
	if (!s || s->dead)
		return;
	(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	s->dead = true;
	l->any_dead = true;
}

int loop_timer(struct loop *l, int64_t ns, loop_fn fn, void *data, struct loop_source **out)
{
	/* zero would disarm it, and the kernel refuses a time before now */
	int64_t wait = ns > 0 ? ns : 1;
	struct itimerspec when = {
		.it_value = { .tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000 },
	};
	CLEANUP_FD int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	struct loop_source *s;
	int r;

	if (fd < 0)
		return -errno;
	if (timerfd_settime(fd, 0, &when, NULL) < 0)
		return -errno;
	r = loop_add(l, fd, EPOLLIN, fn, data, &s);
	if (r < 0)
		return r;
	s->timer = true;
	(void)take_fd(&fd);
	if (out)
		*out = s;
	return 0;
}

int loop_step(struct loop *l, int timeout_ms)
{
	struct epoll_event evs[BATCH];
	int n = epoll_wait(l->epfd, evs, BATCH, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct loop_source *s = evs[i].data.ptr;
		uint32_t events = evs[i].events;

		if (s->dead)
			continue;
		if (s->timer) {
			loop_remove(l, s);
			events = 0;
		}
		s->fn(l, s->fd, events, s->data);
	}
	if (l->any_dead)
		sweep(l);
	return n;
}

int loop_run(struct loop *l)
{
	while (!l->quit) {
		int r = loop_step(l, -1);

		if (r < 0)
			return r;
	}
	l->quit = false;
	return l->result;
}

void loop_quit(struct loop *l, int result)
{
	l->quit = true;
	l->result = result;
}
