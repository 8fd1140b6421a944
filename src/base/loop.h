/* A small event loop: epoll, timers (timerfd each), no threads. One loop per process.
 * Handlers may add and remove sources, their own included, while running. All int functions give 0/-errno. */
#ifndef TARE_BASE_LOOP_H
#define TARE_BASE_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "base/cleanup.h"

struct loop;
struct loop_source;

/* events: EPOLLIN | … as epoll reports them. */
typedef void (*loop_fn)(struct loop *l, int fd, uint32_t events, void *data);

int loop_new(struct loop **out) MUST_CHECK;
void loop_free(struct loop *l); /* NULL allowed; does not close the callers' fds */
static inline void cleanup_loop(struct loop **l)
{
	loop_free(*l);
}
#define CLEANUP_LOOP CLEANUP(cleanup_loop)

/* Watches fd (borrowed) for events (EPOLLIN, EPOLLOUT, EPOLLET…). */
int loop_add(struct loop *l, int fd, uint32_t events, loop_fn fn, void *data, struct loop_source **out) MUST_CHECK;
int loop_modify(struct loop *l, struct loop_source *s, uint32_t events) MUST_CHECK;
/* Stops watching; NULL allowed. Call before closing the fd. */
void loop_remove(struct loop *l, struct loop_source *s);

/* Calls fn once after ns nanoseconds (CLOCK_BOOTTIME; zero or less: at once); fd is the timer's own, events 0.
 * Removed after firing: *out is then no more. */
int loop_timer(struct loop *l, int64_t ns, loop_fn fn, void *data, struct loop_source **out) MUST_CHECK;

/* Runs until loop_quit(), which may have been called before; gives what it was told, or -errno. */
int loop_run(struct loop *l);
/* One round: waits at most timeout_ms (-1 = for ever), runs what is ready. Gives the number of events or -errno.
 * Not to be called by a handler. */
int loop_step(struct loop *l, int timeout_ms);
void loop_quit(struct loop *l, int result);

#endif
