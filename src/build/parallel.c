/* A process for each stage that can go on, forked from the build: it knows all that the build knows, does the stage's next
 * instructions, as far as they need no stage that is not done, and tells what happens and which layers the steps gave
 * (report.h). When it has ended well, the build does the same instructions once more, taking what they gave from there; so
 * its memory is what the next processes are forked from. Nothing has to be found again, and --no-cache needs no thought.
 *
 * SQLite's handles must not be carried over a fork: its locks are of the process, and a child that believed to have its
 * parent's would have none. So the build has no catalog while there are children; each opens its own. Likewise each has
 * an ingest of its own, or two steps that give the same layer would meet in one folder; the build's keeps gc away from
 * what they have brought.
 *
 * A child ends with the build, by PR_SET_PDEATHSIG; its container by FRAME_WANT_LIFE, its worker by that signal, too. */
#include "build/parallel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build/report.h"
#include "build/ssh.h"
#include "engine/catalog.h"
#include "engine/container.h"
#include "sys/spawn.h"

struct course { /* of a stage */
	size_t next;  /* instruction */
	size_t until; /* which its process does not do any more */
	bool finished;
	pid_t pid; /* 0: nobody is at it */
	int pidfd, pipe;
	char container[ID_LEN + 1];
	struct given *given;
	size_t n, cap;
	struct err why; /* of the process: code 0: it said nothing */
};

struct parallel {
	struct build *b;
	struct course *v; /* one for each stage */
	struct pollfd *fds;
	size_t *whose;
	struct strbuf text;
	size_t jobs, running;
};

/* ---- the child ---- */

static int stage_work(struct build *b, size_t n, size_t begin, size_t end, struct err *e)
{
	int r = catalog_open(b->en->root_fd, b->en->root, &b->en->catalog, e);

	if (r == 0)
		r = store_ingest_begin(&b->store, &b->ingest, e);
	return r < 0 ? r : build_stage_steps(b, n, begin, end, e);
}

static _Noreturn void stage_process(struct build *b, size_t n, const struct course *c, int up, pid_t parent)
{
	struct err e = { 0 };
	int r = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;

	if (getppid() != parent)
		_exit(1);
	b->up = up;
	b->ingest = (struct store_ingest)STORE_INGEST_INIT; /* the build's own stays as it is */
	b->agents = NULL; /* so do those, whose sockets are there */
	r = r < 0 ? err_errno(&e, r, "prctl") : stage_work(b, n, c->next, c->until, &e);
	if (r < 0)
		report_failed(up, &e);
	(void)!digests_save(&b->digests); /* else the next build reads them again */
	ssh_end(b);
	store_ingest_end(&b->ingest);
	catalog_close(b->en->catalog);
	_exit(r < 0);
}

/* ---- which can go on ---- */

/* How far the stage can go now. */
static size_t reach(const struct parallel *p, size_t n)
{
	const struct df_stage_plan *plan = &p->b->plan.v[n];
	size_t end = p->b->file.stages[n].n;

	for (size_t i = 0; i < plan->n_needs; i++)
		if (!p->v[plan->needs[i]].finished && plan->needs_at[i] < end)
			end = plan->needs_at[i];
	return end;
}

/* What the base left to do comes first, and may take from any stage that this one takes from. */
static bool waits_for_all(const struct parallel *p, size_t n)
{
	const struct df_stage_plan *plan = &p->b->plan.v[n];
	const struct stage *from = &p->b->stages[plan->base >= 0 ? (size_t)plan->base : n];

	if (p->v[n].next > 0 || !from->conf.onbuild.n)
		return false;
	for (size_t i = 0; i < plan->n_needs; i++)
		if (!p->v[plan->needs[i]].finished)
			return true;
	return false;
}

static bool can_go(const struct parallel *p, size_t n)
{
	const struct df_stage_plan *plan = &p->b->plan.v[n];
	const struct course *c = &p->v[n];

	if (!plan->needed || c->finished || c->pid || (plan->base >= 0 && !p->v[plan->base].finished) ||
	    waits_for_all(p, n))
		return false;
	return reach(p, n) > c->next || p->b->file.stages[n].n == 0;
}

static int start(struct parallel *p, size_t n, struct err *e)
{
	struct course *c = &p->v[n];
	int ends[2], r = build_stage_begin(p->b, n, e);
	pid_t parent = getpid(), pid;

	if (r < 0)
		return r;
	c->finished = p->b->file.stages[n].n == 0 && p->b->stages[n].conf.onbuild.n == 0; /* another name for its base */
	if (c->finished)
		return 0;
	c->until = reach(p, n);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	(void)fflush(NULL);
	pid = spawn_fork(&c->pidfd);
	if (pid == 0)
		stage_process(p->b, n, c, ends[1], parent);
	close_fd(ends[1]);
	if (pid < 0) {
		close_fd(ends[0]);
		return err_errno(e, pid, "fork");
	}
	c->pid = pid;
	c->pipe = ends[0];
	c->n = 0;
	p->running++;
	return 0;
}

static int start_some(struct parallel *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && p->running < p->jobs && i < p->b->plan.n; i++)
		if (can_go(p, i))
			r = start(p, i, e);
	return r;
}

/* ---- what they say ---- */

static int keep_given(struct parallel *p, struct course *c, const struct given *g, struct err *e)
{
	struct given *v = arena_grow(p->b->a, c->given, c->n, &c->cap, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "stages");
	c->given = v;
	c->given[c->n++] = *g;
	return 0;
}

static int hear(struct parallel *p, size_t n, struct err *e)
{
	struct course *c = &p->v[n];
	struct stage *s = &p->b->stages[n];
	struct report rep;
	int r = report_read(c->pipe, p->b->a, &p->text, &rep);

	if (r <= 0) { /* the rest is its exit code's to say; who was killed may have said half a word */
		c->pipe = close_fd(c->pipe);
		return r < 0 && r != -EBADMSG ? err_errno(e, r, "the process of stage %s", s->name) : 0;
	}
	if (rep.kind == REPORT_STEP)
		return keep_given(p, c, &rep.given, e);
	if (rep.kind == REPORT_MADE)
		return cache_note(p->b, rep.key, &rep.given.l, e);
	if (rep.kind == REPORT_CONTAINER)
		memcpy(c->container, rep.container, sizeof(c->container));
	else if (rep.kind == REPORT_FAILED)
		c->why = rep.err;
	else if (p->b->args->watch.event) {
		rep.event.stage = s->name;
		rep.event.number = n;
		rep.event.several = true;
		p->b->args->watch.event(&rep.event, p->b->args->watch.data);
	}
	return 0;
}

/* It has ended: what it did is known from now on. */
static int ended(struct parallel *p, size_t n, struct err *e)
{
	struct course *c = &p->v[n];
	struct stage *s = &p->b->stages[n];
	static const struct given none;
	int status = 0, r = spawn_wait(c->pidfd, -1, &status);

	c->pidfd = close_fd(c->pidfd);
	c->pipe = close_fd(c->pipe);
	c->pid = 0;
	p->running--;
	if (c->why.code < 0) {
		*e = c->why;
		return e->code;
	}
	if (r < 0 || status != 0)
		return err_set(e, ERR_INTERNAL, "the process of stage %s was killed%s", s->name,
			       r == 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? " (did memory run out?)" : "");
	s->given = c->n ? c->given : &none;
	s->n_given = c->n;
	p->b->silent = true;
	r = build_stage_steps(p->b, n, c->next, c->until, e);
	p->b->silent = false;
	s->given = NULL;
	c->next = c->until;
	c->finished = c->next == p->b->file.stages[n].n;
	return r;
}

/* What has been said is heard before an end is seen. */
static int hear_some(struct parallel *p, struct err *e)
{
	struct pollfd *fds = p->fds;
	size_t *whose = p->whose, n = 0;
	int r = 0;

	for (size_t i = 0; i < p->b->plan.n; i++)
		if (p->v[i].pid) {
			/* in this order: what speaks and ends while they are looked at has been heard then */
			fds[2 * n] = (struct pollfd){ .fd = p->v[i].pidfd, .events = POLLIN };
			fds[2 * n + 1] = (struct pollfd){ .fd = p->v[i].pipe, .events = POLLIN };
			whose[n++] = i;
		}
	if (poll(fds, 2 * n, -1) < 0 && errno != EINTR)
		return err_errno(e, -errno, "wait for stages");
	for (size_t i = 0; r == 0 && i < n; i++)
		if (fds[2 * i + 1].revents & (POLLIN | POLLHUP))
			r = hear(p, whose[i], e);
		else if (fds[2 * i].revents)
			r = ended(p, whose[i], e);
	return r;
}

/* ---- all of it ---- */

static void end_all(struct parallel *p)
{
	int status;

	for (size_t i = 0; i < p->b->plan.n; i++) {
		struct course *c = &p->v[i];

		if (!c->pid)
			continue;
		(void)kill(c->pid, SIGKILL);
		(void)!spawn_wait(c->pidfd, -1, &status);
		c->pidfd = close_fd(c->pidfd);
		c->pipe = close_fd(c->pipe);
		c->pid = 0;
	}
	sb_free(&p->text);
}

/* What was killed amid its work leaves nothing when we are gone. */
static void settle(struct parallel *p)
{
	struct err ignored = { 0 };
	uint64_t swept;

	for (size_t i = 0; i < p->b->plan.n; i++)
		if (p->v[i].container[0])
			(void)!container_remove(p->b->en, p->v[i].container, true, true, &ignored);
	(void)!store_ingest_sweep(&p->b->store, &swept, &ignored);
}

static int begin_images(struct parallel *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->b->plan.n; i++) {
		p->v[i].pidfd = p->v[i].pipe = -1;
		if (p->b->plan.v[i].needed && p->b->plan.v[i].base < 0)
			r = build_stage_begin(p->b, i, e);
	}
	return r;
}

static int all_stages(struct parallel *p, struct err *e)
{
	int r = start_some(p, e);

	while (r == 0 && p->running > 0) {
		r = hear_some(p, e);
		if (r == 0)
			r = start_some(p, e);
	}
	return r;
}

int parallel_stages(struct build *b, size_t jobs, struct err *e)
{
	struct parallel p = { .b = b, .v = arena_array(b->a, b->plan.n, sizeof(*p.v)), .text = STRBUF_INIT, .jobs = jobs };
	struct err reopen = { 0 };
	int r;

	p.fds = arena_array(b->a, 2 * b->plan.n, sizeof(*p.fds));
	p.whose = arena_array(b->a, b->plan.n, sizeof(*p.whose));
	if (arena_error(b->a) < 0)
		return err_errno(e, -ENOMEM, "stages");
	r = cache_prepare(b, e);
	b->several = true;
	if (r == 0)
		r = begin_images(&p, e);
	if (r < 0)
		return r;
	catalog_close(take_ptr(b->en->catalog));
	r = all_stages(&p, e);
	end_all(&p);
	if (catalog_open(b->en->root_fd, b->en->root, &b->en->catalog, &reopen) < 0) {
		if (r == 0)
			*e = reopen;
		return e->code;
	}
	if (r < 0)
		settle(&p);
	return r;
}
