/* One timer, at the earliest of all moments; it may find that nothing is due any more. What a process serves has no deadline here: that process has its own. */
#include "api/server/front.h"
#include "base/clock.h"
#include "base/log.h"

static void expire(struct conn *c)
{
	if (c->state == CONN_READS && http_begun(&c->http))
		front_refuse(c, 408, "the request did not come");
	else
		front_close(c);
}

static void on_time(struct loop *l, int fd, uint32_t events, void *data)
{
	struct front *f = data;
	int64_t now = clock_ms(), next = INT64_MAX;

	(void)fd;
	(void)events;
	f->timer = NULL;
	for (struct conn *c = f->conns, *after; c; c = after) {
		after = c->next;
		if (c->state != CONN_WORKS && c->deadline <= now)
			expire(c);
	}
	for (const struct conn *c = f->conns; c; c = c->next)
		if (c->state != CONN_WORKS && c->deadline < next)
			next = c->deadline;
	if (next != INT64_MAX)
		front_watch(f, next);
	if (f->n_conns == 0 && f->options->idle_ms) {
		if (now >= f->idle_since + f->options->idle_ms)
			loop_quit(l, 0);
		else
			front_watch(f, f->idle_since + f->options->idle_ms);
	}
}

void front_watch(struct front *f, int64_t at)
{
	int64_t wait = at - clock_ms();

	if (f->timer && f->timer_at <= at)
		return;
	loop_remove(f->loop, f->timer);
	f->timer = NULL;
	f->timer_at = at;
	if (loop_timer(f->loop, (wait > 0 ? wait : 0) * 1000000, on_time, f, &f->timer) < 0)
		log_error("no timer: slow clients are not ended");
}
