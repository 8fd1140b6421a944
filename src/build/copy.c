/* COPY, ADD and WORKDIR: files are written into the stage's layers as an overlay shows them (sys/overlay_mount.h), so links
 * of the image mean what they mean to it; whatever a path says, openat2 keeps it beneath the root (base/beneath.h). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "build/input.h"
#include "build/named.h"
#include "build/put.h"
#include "build/tarball.h"
#include "build/work.h"
#include "engine/rootfile.h"
#include "oci/user.h"

struct copying {
	struct build *b;
	struct stage *s;
	const struct df_instruction *in;
	struct pick_from from;
	struct input *inputs; /* one for each source */
	size_t n_inputs;
	struct ignore excludes;
	int root; /* owned; of from */
	const char *dest;
	bool into; /* dest is a folder that the sources go into */
	char seen[SHA256_DIGEST_LEN + 1]; /* the sources, when the key was made */
};

static void copying_end(struct copying *c)
{
	for (size_t i = 0; i < c->n_inputs; i++)
		input_end(c->b, &c->inputs[i]);
	c->root = close_fd(c->root);
}

/* ---- where from ---- */

static bool is_planned(const struct df_stage_plan *p, size_t other)
{
	for (size_t i = 0; i < p->n_needs; i++)
		if (p->needs[i] == other)
			return true;
	return false;
}

/* Files as they are on this machine: whose they are is no part of them. */
static int open_files(struct build *b, int root, const struct ignore *ignore, struct pick_from *out, struct err *e)
{
	out->root = io_dup(root);
	out->ignore = ignore;
	out->digests = &b->digests;
	return out->root < 0 ? err_errno(e, out->root, "the context") : 0;
}

int source_open(struct build *b, size_t stage, const char *from, struct pick_from *out, struct err *e)
{
	static const struct ignore nothing;
	const struct named *named = named_find(b, from);
	int n = from ? df_find_stage(&b->file, from, stage) : -1;
	struct df_stage_plan plan = { .from.from.base = from, .base = -1 };
	struct stage *other;
	int r = 0;

	*out = (struct pick_from){ .root = -1, .ignore = &nothing, .excludes = &nothing, .max_depth = b->args->limits.depth };
	if (!from || (named && !named->image))
		return open_files(b, from ? named->root : b->context, from ? &named->ignore : &b->ignore, out, e);
	if (named) {
		plan.from.from.base = named->image;
		n = -1;
	}
	if (n >= 0 && !is_planned(&b->plan.v[stage], (size_t)n)) /* only a base's trigger asks for it, which was not known when the stages were planned */
		return err_set(e, ERR_UNSUPPORTED, "--from=%s: ONBUILD cannot take from a stage that nothing else here needs: copy from it in this file", from);
	other = n >= 0 ? &b->stages[n] : arena_new(b->a, struct stage);
	if (!other)
		return err_errno(e, -ENOMEM, "--from");
	if (n < 0)
		r = stage_from_image(b, other, &plan, e);
	if (r == 0)
		out->root = stage_mount(b, other, NULL, e);
	out->owners = true;
	return r < 0 || out->root < 0 ? err_ctx(e, "--from=%s", from) : 0;
}

static int open_source(struct copying *c, size_t stage, struct err *e)
{
	const struct df_copy *copy = &c->in->copy;
	int r = 0;

	for (size_t i = 0; r == 0 && i < copy->excludes.n; i++)
		r = ignore_add(c->b->a, copy->excludes.v[i], &c->excludes, e);
	if (r < 0)
		return err_ctx(e, "--exclude");
	r = source_open(c->b, stage, copy->from, &c->from, e);
	c->root = c->from.root;
	c->from.excludes = &c->excludes;
	c->from.parents = copy->parents == DF_YES;
	return r;
}

static int find_inputs(struct copying *c, size_t *several, struct err *e)
{
	const struct df_copy *copy = &c->in->copy;
	int r = 0;

	c->inputs = arena_array(c->b->a, copy->sources.n + 1, sizeof(*c->inputs));
	if (!c->inputs)
		return err_errno(e, -ENOMEM, "COPY");
	*several = copy->docs.n;
	for (size_t i = 0; r == 0 && i < copy->sources.n; i++) {
		struct input *in = &c->inputs[c->n_inputs++];

		*in = (struct input)INPUT_INIT;
		r = input_find(c->b, c->in, copy->sources.v[i], &c->from, in, e);
		*several += input_count(in);
	}
	return r;
}

static int find_items(struct copying *c, struct err *e)
{
	const struct df_copy *copy = &c->in->copy;
	size_t len = strlen(copy->dest), several = 0;
	int r = find_inputs(c, &several, e);

	if (r < 0)
		return r;
	if (!several) /* patterns, all of them: one that fits nothing beside others is fine */
		return err_set(e, ERR_NOTFOUND, "%s: no file fits it", copy->sources.v[0]);
	c->into = (len && copy->dest[len - 1] == '/') || !strcmp(copy->dest, ".");
	c->dest = conf_path(c->b->a, &c->s->conf, copy->dest);
	if (!c->dest)
		return err_errno(e, -ENOMEM, "COPY");
	c->into |= copy->parents == DF_YES;
	if (several > 1 && !c->into && (copy->sources.n + copy->docs.n > 1))
		return err_set(e, ERR_INVALID, "several files go into a folder: end %s with a slash", copy->dest);
	c->into |= several > 1;
	return 0;
}

/* ---- key ---- */

static int make_key(struct copying *c, char out[SHA256_DIGEST_LEN + 1], struct err *e)
{
	const struct df_copy *copy = &c->in->copy;
	struct key k, seen;
	int r = 0;

	key_begin(&seen, "seen", NULL);
	key_begin(&k, df_kind_name(c->in->kind), stage_chain(c->s));
	key_add(&k, c->dest);
	key_add_number(&k, c->into);
	key_add(&k, copy->chown);
	key_add(&k, copy->chmod);
	key_add_number(&k, copy->unpack);
	key_add_number(&k, copy->parents == DF_YES);
	key_add_number(&k, c->s->epoch);
	key_add_number(&k, c->b->has_epoch);
	key_add_number(&k, (int64_t)c->n_inputs);
	for (size_t i = 0; r == 0 && i < c->n_inputs; i++)
		r = input_key(&c->inputs[i], copy, &k, &seen, e);
	for (size_t i = 0; i < copy->docs.n; i++) {
		key_add(&k, copy->docs.v[i].name);
		key_add(&k, copy->docs.v[i].content);
	}
	key_end(&k, out);
	key_end(&seen, c->seen);
	return r;
}

/* Are the sources what they were when the key was made? */
static bool same_still(const struct copying *c)
{
	char now[SHA256_DIGEST_LEN + 1];
	struct err ignored;
	struct key seen;
	int r = 0;

	if (c->from.owners)
		return true; /* nobody writes there */
	key_begin(&seen, "seen", NULL);
	for (size_t i = 0; r == 0 && i < c->n_inputs; i++)
		r = input_seen(&c->inputs[i], &seen, &ignored);
	key_end(&seen, now);
	return r == 0 && strcmp(now, c->seen) == 0;
}

/* ---- owner ---- */

/* USER[:GROUP] of the stage's own files; without a group the user's number is that, as Docker has it. */
static int find_owner(struct build *b, const struct step *st, const char *text, struct put_to *to, struct err *e)
{
	CLEANUP_FREE char *passwd = NULL, *group = NULL;
	struct oci_resolved_user u;
	int r = rootfile_read(st->lowers, st->n_lowers, "etc/passwd", &passwd, e);

	if (r == 0)
		r = rootfile_read(st->lowers, st->n_lowers, "etc/group", &group, e);
	if (r == 0)
		r = oci_user_resolve_texts(b->a, passwd, group, text, &u, e);
	if (r < 0)
		return r;
	to->chown = true;
	to->uid = u.uid;
	to->gid = strchr(text, ':') ? u.gid : u.uid;
	return 0;
}

static int prepare_to(const struct copying *c, const struct step *st, struct put_to *to, struct err *e)
{
	const struct df_copy *copy = &c->in->copy;

	*to = (struct put_to){ .root = -1, .chown = !c->from.owners, .epoch = c->s->epoch, .folders = !c->from.owners,
			       .chmod = copy->chmod && copy->chmod[0] ? copy->chmod : NULL };
	if (!copy->chown || !copy->chown[0])
		return 0;
	return find_owner(c->b, st, copy->chown, to, e) < 0 ? err_ctx(e, "--chown=%s", copy->chown) : 0;
}

/* ---- doing it ---- */

static bool is_folder(int root, const char *path)
{
	CLEANUP_FD int fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH | O_DIRECTORY, 0);

	return fd >= 0;
}

static const char *under(const struct copying *c, const char *name)
{
	return arena_printf(c->b->a, "%s/%s", strcmp(c->dest, "/") == 0 ? "" : c->dest, name);
}

/* A file's own place. A link that is there and was asked for by its name is followed, as docker and BuildKit do. */
static int dest_of(const struct copying *c, const struct put_to *to, const char *name, const char **out, struct err *e)
{
	char path[PATH_MAX];
	int r = 0;

	if (c->into || is_folder(to->root, c->dest)) {
		*out = under(c, name);
	} else {
		r = snprintf(path, sizeof(path), "%s", c->dest) < (int)sizeof(path) ? beneath_follow(to->root, path) : -ENAMETOOLONG;
		*out = arena_strdup(c->b->a, path);
	}
	return r < 0 || !*out ? err_errno(e, r < 0 ? r : -ENOMEM, "%s", c->dest) : 0;
}

/* Whether a packed file's name says that there is a tar in it. */
static bool says_tar(const char *name)
{
	static const char *const ends[] = { ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (text_ends(name, ends[i]))
			return true;
	return strstr(name, ".tar.") != NULL;
}

/* What ADD unpacks: a tar, packed or not. A packed file that is no tar is a file like others, unless its name or the
 * instruction says otherwise. 1: that was done. */
static int put_archive(const struct copying *c, const struct put_to *to, const struct input *input, const struct pick_item *item, struct err *e)
{
	static const struct ignore nothing;
	CLEANUP_TARBALL struct tarball t = TARBALL_INIT;
	CLEANUP_FD int fd = beneath_open(input->from.root, item->path, BENEATH_NOLINKS, O_RDONLY | O_NONBLOCK, 0);
	const struct pick_from from = { .ignore = &nothing, .excludes = &nothing, .max_depth = input->from.max_depth, .owners = true };
	const struct pick_item all = { .path = "", .name = "", .last = IGNORE_NONE, .mode = S_IFDIR };
	struct pick_from in = from;
	struct put_to own = *to;
	enum tarball_kind kind;
	char head[512];
	ssize_t n;
	int r;

	n = fd < 0 ? fd : io_read_full(fd, head, sizeof(head));
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, n < 0 ? (int)n : -errno, "%s", item->path);
	kind = tarball_kind(head, (size_t)n);
	if (kind == TARBALL_NONE && c->in->copy.unpack != DF_YES)
		return 0;
	r = tarball_open(&c->b->store, c->b->worker, &c->b->args->limits, fd, item->name, &t, e);
	if (r < 0 && kind == TARBALL_PACKED && e->cls == ERR_INVALID && c->in->copy.unpack != DF_YES && !says_tar(item->name))
		return 0;
	if (r < 0)
		return r;
	in.root = t.root;
	own.as_source = true; /* what --chown and --chmod say is for what comes from the context, as in BuildKit */
	own.folders = false;
	r = put_item(&own, &in, &all, c->dest, e);
	return r < 0 ? r : 1;
}

/* Of files ADD unpacks what is a tar, of what it has fetched only what it is told to. */
static bool may_unpack(const struct copying *c, const struct input *input, const struct pick_item *item)
{
	enum df_choice unpack = c->in->copy.unpack;

	return c->in->kind == DF_ADD && S_ISREG(item->mode) && (unpack == DF_YES || (unpack == DF_UNSAID && input->source.kind == DF_SOURCE_FILES));
}

static int put_one(const struct copying *c, const struct put_to *to, const struct input *input, const struct pick_item *item, struct err *e)
{
	bool parents = c->in->copy.parents == DF_YES;
	const char *dest = parents ? under(c, item->below) : c->dest;
	int r = dest ? 0 : err_errno(e, -ENOMEM, "COPY");

	if (r == 0 && !parents && !S_ISDIR(item->mode))
		r = dest_of(c, to, item->name, &dest, e);
	if (r == 0 && may_unpack(c, input, item))
		r = put_archive(c, to, input, item, e);
	if (r == 0 && !S_ISDIR(item->mode) && !item->name[0] && dest[strlen(dest) - 1] == '/')
		return err_set(e, ERR_INVALID, "%s names no file, and %s is a folder: name the file there", input->source.url, c->dest);
	return r < 0 ? r : r > 0 ? 0 : put_item(to, &input->from, item, dest, e);
}

static int put_all(const struct copying *c, const struct put_to *to, struct err *e)
{
	const struct df_copy *copy = &c->in->copy;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_inputs; i++)
		for (size_t k = 0; r >= 0 && k < c->inputs[i].items.n; k++)
			r = put_one(c, to, &c->inputs[i], &c->inputs[i].items.v[k], e);
	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < copy->docs.n; i++) {
		const char *dest;

		r = dest_of(c, to, copy->docs.v[i].name, &dest, e);
		if (r == 0)
			r = put_text(to, copy->docs.v[i].content, dest, e);
	}
	return r;
}

static struct tidy_times times_of(const struct build *b)
{
	const struct tidy_times keep = TIDY_KEEP, clamp = { b->epoch * 1000000000, b->epoch };

	return b->has_epoch ? clamp : keep;
}

static int do_copy(struct copying *c, const char *key, struct err *e)
{
	CLEANUP_STEP struct step st = STEP_INIT;
	struct tidy_times times = times_of(c->b);
	struct put_to to;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n_inputs; i++)
		r = input_get(c->b, &c->in->copy, &c->inputs[i], e);
	if (r == 0)
		r = step_begin(c->b, c->s, &st, e);
	if (r == 0)
		r = prepare_to(c, &st, &to, e);
	if (r < 0)
		return r;
	to.root = stage_mount(c->b, c->s, &st, e);
	if (to.root < 0)
		return to.root;
	r = put_all(c, &to, e);
	to.root = close_fd(to.root);
	return r < 0 ? r : step_commit(c->b, c->s, &st, &times, NULL, same_still(c) ? key : NULL, c->in->text, e);
}

int step_copy(struct build *b, size_t stage, const struct df_instruction *in, struct err *e)
{
	CLEANUP_FD int lock = -1;
	CLEANUP(copying_end) struct copying c = { .b = b, .s = &b->stages[stage], .in = in, .root = -1 };
	char key[SHA256_DIGEST_LEN + 1];
	int r = open_source(&c, stage, e);

	if (r == 0)
		r = find_items(&c, e);
	if (r == 0)
		r = make_key(&c, key, e);
	if (r == 0)
		r = step_cached(b, c.s, key, in->text, &lock, e);
	return r < 0 ? r : r > 0 ? 0 : do_copy(&c, key, e);
}

/* ---- WORKDIR ---- */

static bool is_there(struct build *b, const struct stage *s)
{
	struct err ignored;
	CLEANUP_FD int root = s->n ? stage_mount(b, s, NULL, &ignored) : -1;

	return root >= 0 && is_folder(root, s->conf.workdir);
}

static int make_workdir(struct build *b, struct stage *s, const char *key, const char *text, struct err *e)
{
	CLEANUP_STEP struct step st = STEP_INIT;
	struct put_to to = { .root = -1, .epoch = s->epoch };
	struct tidy_times times = times_of(b);
	int folder, r = step_begin(b, s, &st, e);

	if (r == 0 && s->conf.user[0])
		r = find_owner(b, &st, s->conf.user, &to, e);
	if (r < 0)
		return r;
	to.root = stage_mount(b, s, &st, e);
	if (to.root < 0)
		return to.root;
	folder = put_folder(&to, s->conf.workdir, e);
	to.root = close_fd(to.root);
	if (folder < 0)
		return folder;
	close_fd(folder);
	return step_commit(b, s, &st, &times, NULL, key, text, e);
}

int step_workdir(struct build *b, struct stage *s, const struct df_instruction *in, struct err *e)
{
	CLEANUP_FD int lock = -1;
	char key[SHA256_DIGEST_LEN + 1];
	struct key k;
	int r = conf_apply(b->a, &s->conf, in, e);

	if (r < 0 || strcmp(s->conf.workdir, "/") == 0)
		return r;
	key_begin(&k, "WORKDIR", stage_chain(s));
	key_add(&k, s->conf.workdir);
	key_add(&k, s->conf.user);
	key_add_number(&k, s->epoch);
	key_add_number(&k, b->has_epoch);
	key_end(&k, key);
	r = step_cached(b, s, key, in->text, &lock, e);
	if (r != 0 || is_there(b, s))
		return r < 0 ? r : 0;
	return make_workdir(b, s, key, in->text, e);
}
