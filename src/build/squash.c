/* The layers of a build become one over those of the base image. They are applied one after the other, the lowest first, to the folder of a
 * step: files as further names of what the store has already, folders anew. What a layer removes goes, and leaves a mark where the base has
 * something to hide. What the layer is in the store is made from its blob: files have no more names there than they say. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/text.h"
#include "build/put.h"
#include "build/work.h"
#include "image/folder.h"
#include "image/survey.h"
#include "sys/overlay.h"

struct squash {
	const struct step *step;
	struct strbuf path;
	uint64_t max_depth;
};

static int merge(struct squash *q, int from, int to, unsigned int depth, struct err *e);

static bool below(const struct squash *q, struct stat *st)
{
	return survey_below(q->step->lowers, q->step->n_lowers, sb_str(&q->path), st);
}

static int clear(int to, const char *name, struct err *e)
{
	int r = io_remove_tree(to, name);

	return r < 0 ? err_errno(e, r, "remove what was below it") : 0;
}

static int hide(const struct squash *q, int to, const char *name, struct err *e)
{
	struct stat base;
	int r = clear(to, name, e);

	if (r < 0 || !below(q, &base))
		return r;
	return mknodat(to, name, S_IFCHR, makedev(0, 0)) < 0 ? err_errno(e, -errno, "hide it") : 0;
}

/* What of to's attributes from has not: a layer says of a folder all that it has. */
static int drop_xattrs(int from, int to, struct err *e)
{
	CLEANUP_FREE char *names = malloc(PICK_XATTRS);
	ssize_t len = names ? pick_list_xattrs(to, names, e) : err_errno(e, -ENOMEM, "attributes");

	if (len < 0)
		return (int)len;
	for (const char *name = names; name < names + len; name += strlen(name) + 1)
		if (pick_wants_xattr(name) && fgetxattr(from, name, NULL, 0) < 0 && errno == ENODATA && fremovexattr(to, name) < 0)
			return err_errno(e, -errno, "remove its attribute %s", name);
	return 0;
}

/* As the layer has it; its time comes when it is complete. */
static int like(int from, int to, struct stat *st, struct err *e)
{
	int r;

	if (fstat(from, st) < 0 || fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_errno(e, -errno, "give it its owner");
	r = drop_xattrs(from, to, e);
	return r < 0 ? r : put_xattrs(from, to, e);
}

static int set_time(int to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return futimens(to, times) < 0 ? err_errno(e, -errno, "set its time") : 0;
}

/* *hides: what the base has there is not to be seen. */
static int make_folder(struct squash *q, int from, int to, const char *name, bool *hides, struct err *e)
{
	struct stat st, base;
	bool there = fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	int r = 0;

	*hides = overlay_is_opaque(from) || (there && !S_ISDIR(st.st_mode));
	if (*hides)
		r = clear(to, name, e);
	*hides = *hides && below(q, &base) && S_ISDIR(base.st_mode);
	if (r == 0 && mkdirat(to, name, 0700) < 0 && errno != EEXIST)
		r = err_errno(e, -errno, "make it");
	return r;
}

static int folder(struct squash *q, int from, int to, const char *name, unsigned int depth, struct err *e)
{
	CLEANUP_FD int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	struct stat st;
	bool hides;
	int r;

	if (in < 0)
		return err_errno(e, -errno, "open it");
	if (depth > q->max_depth)
		return err_set(e, ERR_LIMIT, "its path has more than %llu components", (unsigned long long)q->max_depth);
	r = make_folder(q, in, to, name, &hides, e);
	if (r < 0)
		return r;
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0 || (hides && fsetxattr(out, overlay_opaque(), "y", 1, 0) < 0))
		return err_errno(e, -errno, "make it");
	r = like(in, out, &st, e);
	if (r == 0)
		r = merge(q, in, out, depth + 1, e);
	return r < 0 ? r : set_time(out, &st, e);
}

static int one(struct squash *q, int from, int to, const char *name, unsigned int depth, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, -errno, "look at it");
	if (S_ISDIR(st.st_mode))
		return folder(q, from, to, name, depth, e);
	if (overlay_is_whiteout(&st))
		return hide(q, to, name, e);
	r = clear(to, name, e);
	return r < 0 ? r : linkat(from, name, to, name, 0) < 0 ? err_errno(e, -errno, "give it another name") : 0;
}

struct level {
	struct squash *q;
	int to;
	unsigned int depth;
};

static int merge_one(int from, const char *name, void *data, struct err *e)
{
	const struct level *v = data;

	return one(v->q, from, v->to, name, v->depth, e);
}

static int merge(struct squash *q, int from, int to, unsigned int depth, struct err *e)
{
	struct level v = { q, to, depth };

	return folder_each(from, &q->path, merge_one, &v, e);
}

static int apply(struct build *b, const struct step *st, const struct image_layer *l, struct err *e)
{
	struct squash q = { .step = st, .path = STRBUF_INIT, .max_depth = b->args->limits.depth };
	CLEANUP_FD int layer = store_layer_open(&b->store, l->chain_id, e), from = -1, to = -1;
	char path[sizeof(st->name) + 8];
	struct stat root;
	int r;

	if (layer < 0)
		return layer;
	(void)snprintf(path, sizeof(path), "%s/upper", st->name);
	from = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = openat(b->ingest.dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || to < 0)
		return err_errno(e, -errno, "open a layer");
	r = like(from, to, &root, e);
	if (r == 0)
		r = merge(&q, from, to, 1, e);
	sb_free(&q.path);
	return r;
}

static int make(struct build *b, struct stage *s, const struct image_layer *layers, size_t n, const char *key, struct err *e)
{
	CLEANUP_STEP struct step st = { .linked = true };
	const struct tidy_times keep = TIDY_KEEP;
	int r = step_begin(b, s, &st, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = apply(b, &st, &layers[i], e);
	return r < 0 ? r : step_commit(b, s, &st, &keep, NULL, key, "--squash", e);
}

/* What was done stays told, and none of it has a layer of its own. */
static int tell_history(struct build *b, struct stage *s, struct err *e)
{
	const struct timespec when = { .tv_sec = s->epoch };
	char created[TEXT_TIME_LEN];

	for (size_t i = s->base_history; i < s->conf.n_history; i++)
		s->conf.history[i].empty_layer = true;
	text_time(&when, created);
	return conf_add_history(b->a, &s->conf, arena_strdup(b->a, created), "--squash", s->n == s->base_layers, e);
}

int build_squash(struct build *b, struct err *e)
{
	struct stage *s = &b->stages[b->plan.target];
	size_t n = s->n - s->base_layers;
	struct image_layer *layers = arena_array(b->a, n + 1, sizeof(*layers));
	CLEANUP_FD int lock = -1;
	char key[SHA256_DIGEST_LEN + 1];
	struct key k;
	int r;

	if (!layers)
		return err_errno(e, -ENOMEM, "--squash");
	if (n < 2)
		return 0;
	memcpy(layers, s->layers + s->base_layers, n * sizeof(*layers));
	build_say(b, "squashing %zu layers", n);
	s->n = s->base_layers;
	key_begin(&k, "SQUASH", stage_chain(s));
	for (size_t i = 0; i < n; i++)
		key_add(&k, layers[i].chain_id);
	key_end(&k, key);
	r = step_cached(b, s, key, "--squash", &lock, e);
	if (r == 0)
		r = make(b, s, layers, n, key, e);
	return r < 0 ? err_ctx(e, "--squash") : tell_history(b, s, e);
}
