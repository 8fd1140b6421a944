/* events: what a container uses, once or again and again, and when it runs out of memory. One JSON object per line.
 *
 * Three things wake us: a timer, the kernel's word about memory, the end of the container's process. The last comes with
 * a look at the second, for the process that ends may be the one that was killed. Its cgroup may be removed at any time
 * after that and all numbers become 0, so what was read is shown only if the process is there when it has been read. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "cmd/oci/oci.h"
#include "sys/proc.h"

struct watch {
	const char *id;
	const struct oci_spec *spec; /* NULL: the bundle is no more */
	struct cgroup *cg;
	int pidfd;
	int64_t interval;
	struct loop *loop;
	struct cg_oom oom;
	struct loop_source *oom_source;
	struct err *e;
};

static void watch_close(struct watch *w)
{
	loop_free(w->loop);
	cg_oom_close(&w->oom);
	cg_close(w->cg);
	w->pidfd = close_fd(w->pidfd);
}

static bool has_ended(const struct watch *w)
{
	struct pollfd p = { .fd = w->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* One line; usage NULL: an event without data. */
static int tell(const struct watch *w, const char *type, const struct cg_usage *usage, const struct rdt_usage *rdt,
		struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer j = JSON_WRITER(&out);

	jw_object(&j, NULL);
	jw_str(&j, "type", type);
	jw_str(&j, "id", w->id);
	if (usage)
		oci_write_stats(&j, "data", usage, rdt);
	jw_end_object(&j);
	sb_putc(&out, '\n');
	return oci_print(&out, e);
}

static int not_running(const char *id, struct err *e)
{
	return err_set(e, ERR_BUSY, "container with id %s is not running", id);
}

static int tell_stats(const struct watch *w, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct cg_usage usage;
	struct rdt_usage rdt;
	bool has_rdt = false;
	int r = cg_read_usage(w->cg, &a, &usage, e);

	if (r == 0 && w->spec)
		r = rt_rdt_usage(w->spec, w->id, &a, &rdt, &has_rdt, e);
	if (r == 0 && has_ended(w))
		r = not_running(w->id, e);
	return r < 0 ? r : tell(w, "stats", &usage, has_rdt ? &rdt : NULL, e);
}

/* ---- handlers ---- */

static void on_oom(struct loop *l, int fd UNUSED, uint32_t events UNUSED, void *data)
{
	struct watch *w = data;
	bool gone = false;

	if (cg_oom_happened(&w->oom, &gone) && tell(w, "oom", NULL, NULL, w->e) < 0)
		loop_quit(l, w->e->code);
	if (gone) {
		loop_remove(l, w->oom_source);
		w->oom_source = NULL;
	}
}

static void on_end(struct loop *l, int fd UNUSED, uint32_t events UNUSED, void *data)
{
	const struct watch *w = data;

	if (w->oom_source)
		on_oom(l, -1, 0, data);
	loop_quit(l, w->e->code);
}

static void on_time(struct loop *l, int fd UNUSED, uint32_t events UNUSED, void *data)
{
	struct watch *w = data;
	struct loop_source *timer;
	int r = tell_stats(w, w->e);

	/* the end has an event of its own, which is not an error */
	if (r < 0 && has_ended(w)) {
		*w->e = (struct err){ 0 };
		return;
	}
	if (r == 0) {
		r = loop_timer(l, w->interval, on_time, w, &timer);
		if (r < 0)
			err_errno(w->e, r, "timer");
	}
	if (r < 0)
		loop_quit(l, r);
}

/* ---- the command ---- */

static int watch_on(struct watch *w, struct err *e)
{
	struct loop_source *end, *timer;
	int r = cg_oom_watch(w->cg, &w->oom, e);

	if (r < 0)
		return r;
	w->e = e;
	r = loop_new(&w->loop);
	if (r == 0)
		r = loop_add(w->loop, w->oom.fd, w->oom.events, on_oom, w, &w->oom_source);
	if (r == 0)
		r = loop_add(w->loop, w->pidfd, EPOLLIN, on_end, w, &end);
	if (r == 0)
		r = loop_timer(w->loop, w->interval, on_time, w, &timer);
	if (r < 0)
		return err_errno(e, r, "events of container %s", w->id);
	r = loop_run(w->loop);
	return r < 0 && !e->code ? err_errno(e, r, "events of container %s", w->id) : r;
}

/* Only the configuration knows whether the container has linux.intelRdt. Where it cannot be read the rest shall be seen. */
static void load_spec(const struct cli_call *call, const struct oci_container *c, struct watch *w)
{
	struct err why = { 0 };

	if (oci_load_spec(call, &c->rec, &w->spec, &why) == 0)
		return;
	w->spec = NULL;
	log_warning("no statistics of linux.intelRdt: %s", why.msg);
}

static int watch_open(struct watch *w, const struct oci_container *c, struct err *e)
{
	if (c->status == RT_STOPPED || c->status == RT_CREATING)
		return not_running(c->rec.id, e);
	if (!c->rec.cgroup)
		return err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup that would tell what it uses", c->rec.id);
	w->pidfd = proc_open_checked(c->rec.pid, c->rec.start_time);
	if (w->pidfd == -ESRCH)
		return not_running(c->rec.id, e);
	if (w->pidfd < 0)
		return err_errno(e, w->pidfd, "process %d", (int)c->rec.pid);
	return cg_open(c->rec.cgroup, &w->cg, e);
}

int cmd_events(const struct cli_call *call, struct err *e)
{
	const struct oci_events_opts *o = call->opts;
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP(watch_close) struct watch w = { .pidfd = -1, .oom = CG_OOM_INIT, .interval = o->interval };
	int r = oci_open(call, false, &c, e);

	if (r < 0)
		return r;
	if (o->interval <= 0)
		return err_set(e, ERR_INVALID, "--interval: must be greater than 0, such as 5s or 100ms");
	w.id = c.rec.id;
	r = watch_open(&w, &c, e);
	if (r < 0)
		return r;
	load_spec(call, &c, &w);
	return o->stats ? tell_stats(&w, e) : watch_on(&w, e);
}
