/* One image: its archive is fetched by a process of its own into a pipe, out of which it is loaded. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "engine/images.h"
#include "engine/load.h"
#include "engine/migrate_impl.h"
#include "image/fetch.h"
#include "sys/spawn.h"

struct wanted {
	const char *id;
	const char *name;  /* for people */
	const char *query; /* "names=a&names=b" */
	size_t n;
	bool named; /* it has names, whatever becomes of them */
};

/* ---- what is to be fetched ---- */

/* 1: tare has this image under that name; 0: nothing, or another one and force; ERR_CONFLICT: another one. */
static int is_here(const struct migration *m, const char *id, const char *name, struct err *e)
{
	struct image by_name, by_id;
	struct err ignored = { 0 };

	if (image_find(m->en->catalog, m->a, name, &by_name, &ignored) < 0)
		return 0;
	/* with containerd's images dockerd's id is that of a manifest or an index */
	if (image_find(m->en->catalog, m->a, id, &by_id, &ignored) == 0 && strcmp(by_id.id, by_name.id) == 0)
		return 1;
	return m->args->force ? 0 : err_set(e, ERR_CONFLICT, "another image of that name is here (--force: the name is taken from it)");
}

static void find_wanted(struct migration *m, const struct json *image, struct wanted *w)
{
	*w = (struct wanted){ .id = json_text(image, "Id", ""), .query = "" };
	json_each(tag, json_get(image, "RepoTags")) {
		struct err why = { 0 };
		int r;

		if (tag->type != JSON_STRING || strcmp(tag->str, "<none>:<none>") == 0)
			continue;
		w->named = true;
		r = is_here(m, w->id, tag->str, &why);
		if (r < 0)
			migrate_failed(m, tag->str, &why);
		else if (r > 0) {
			m->done->here++;
			migrate_say(m, "%s: is here", tag->str);
		} else {
			w->query = arena_printf(m->a, "%s%snames=%s", w->query, w->n ? "&" : "", tag->str);
			w->name = w->n ? arena_printf(m->a, "%s, %s", w->name, tag->str) : tag->str;
			w->n++;
		}
	}
}

/* ---- fetching ---- */

/* In the process for it: the archive into the pipe; what went wrong into the other one. */
static void fetch(const struct migration *m, const struct wanted *w, int out, int why)
{
	const struct fetch_args args = {
		.program = m->program,
		.url = arena_printf(m->a, "http://localhost/images/get?%s", w->query),
		.base = m->dockerd.base,
		.socket = m->dockerd.socket,
		.patience = m->dockerd.patience,
		.max = UINT64_MAX,
		.fd = out,
	};
	struct fetched got;
	struct err e = { 0 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!args.url)
		(void)err_errno(&e, -ENOMEM, "fetch");
	if (e.code == 0 && fetch_url(&args, m->a, &got, &e) == 0)
		_exit(0);
	(void)!io_write_full(why, &e, sizeof(e));
	_exit(1);
}

struct fetcher {
	int archive, why, pidfd; /* to be read; owned */
};

static void fetcher_end(struct fetcher *f)
{
	int status;

	f->archive = close_fd(f->archive);
	if (f->pidfd >= 0)
		(void)!spawn_wait(f->pidfd, -1, &status);
	f->pidfd = close_fd(f->pidfd);
	f->why = close_fd(f->why);
}

static int start(const struct migration *m, const struct wanted *w, struct fetcher *f, struct err *e)
{
	CLEANUP_FD int out = -1, why = -1;
	int archive[2], report[2];
	pid_t pid;

	if (pipe2(archive, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	f->archive = archive[0];
	out = archive[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	f->why = report[0];
	why = report[1];
	pid = spawn_fork(&f->pidfd);
	if (pid < 0)
		return err_errno(e, (int)pid, "fork");
	if (pid == 0) {
		f->archive = close_fd(f->archive); /* so that the loader's end ends us */
		fetch(m, w, out, why);
	}
	return 0;
}

/* It failed. Of the two the fetcher is the one to blame where that failed, too, unless it was for the loader having gone. */
static int blame(struct fetcher *f, struct err *e)
{
	struct err why;

	f->archive = close_fd(f->archive);
	if (io_read_full(f->why, &why, sizeof(why)) == (ssize_t)sizeof(why) && why.code < 0 && why.code != -EPIPE)
		*e = why;
	return e->code;
}

/* ---- loading ---- */

static int load(const struct migration *m, const struct wanted *w, struct err *e)
{
	CLEANUP(fetcher_end) struct fetcher f = { -1, -1, -1 };
	struct bring_args args = { .name = w->name, .limits = m->args->limits, .progress = m->args->progress };
	const struct image_loaded *images;
	size_t n;
	int r = start(m, w, &f, e);

	if (r < 0)
		return r;
	args.input = f.archive;
	r = engine_load(m->en, &args, m->a, &images, &n, e);
	return r < 0 ? blame(&f, e) : 0;
}

void migrate_image(struct migration *m, const struct json *image)
{
	struct err why = { 0 };
	struct wanted w;

	find_wanted(m, image, &w);
	if (!w.n) {
		if (!w.named)
			migrate_say(m, "image %.19s has no name: not copied", w.id);
		return;
	}
	if (!w.query || !w.name)
		(void)err_errno(&why, -ENOMEM, "migrate");
	if (why.code == 0 && !m->args->dry_run && load(m, &w, &why) == 0)
		migrate_say(m, "%s: copied", w.name);
	else if (why.code == 0)
		migrate_say(m, "%s: would be copied", w.name);
	if (why.code < 0)
		migrate_failed(m, w.name ? w.name : "?", &why);
	else
		m->done->images += w.n;
}
