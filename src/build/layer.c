/* A step has a folder of its own in the build's ingest: what it writes becomes a layer by renames, and what it leaves when
 * it is killed goes with the ingest. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "build/work.h"
#include "engine/buildcache.h"
#include "image/pack.h"
#include "sys/ns.h"
#include "sys/overlay_mount.h"

#define MOST_LAYERS 127U

const char *stage_chain(const struct stage *s)
{
	return s->n ? s->layers[s->n - 1].chain_id : NULL;
}

uint32_t stage_max_id(const struct stage *s)
{
	uint32_t max = 0;

	for (size_t i = 0; i < s->n; i++)
		max = s->layers[i].max_id > max ? s->layers[i].max_id : max;
	return max;
}

int stage_add_layer(struct build *b, struct stage *s, const struct image_layer *l, const char *type, struct err *e)
{
	struct image_layer *v = arena_grow(b->a, s->layers, s->n, &s->cap, sizeof(*v));
	const char **types = v ? arena_grow(b->a, s->types, s->n, &s->types_cap, sizeof(*types)) : NULL;

	if (!types)
		return err_errno(e, -ENOMEM, "layers");
	s->layers = v;
	s->types = types;
	s->layers[s->n] = *l;
	s->types[s->n++] = type;
	if (s->n > MOST_LAYERS)
		return err_set(e, ERR_LIMIT, "the image would have more than %u layers", MOST_LAYERS);
	return 0;
}

static int take_cached(struct build *b, struct stage *s, const char *key, const struct image_layer *l, struct err *e)
{
	int r;

	build_event(b, BUILD_CACHED, "", 0);
	r = stage_add_layer(b, s, l, PACK_TYPE, e);
	if (r == 0)
		r = cache_note(b, key, l, e);
	return r < 0 ? r : 1;
}

static int find_cached(struct build *b, struct stage *s, const char *key, struct err *e)
{
	struct image_layer l;
	int r = buildcache_find(b->en, &b->store, b->a, key, &l, e);

	return r > 0 && seen_layer_counts(b, l.chain_id) ? take_cached(b, s, key, &l, e) : r < 0 ? r : 0;
}

/* What others have left. */
static int fetch_cached(struct build *b, struct stage *s, const char *key, const char *description, struct err *e)
{
	struct image_layer l;
	int r = cache_import(b, stage_chain(s), key, &l, e);

	if (r > 0 && buildcache_put(b->en, key, &l, description, e) < 0)
		return e->code;
	return r > 0 ? take_cached(b, s, key, &l, e) : r;
}

/* Who asked for everything anew wants no other's result. */
int step_cached(struct build *b, struct stage *s, const char *key, const char *description, int *lock, struct err *e)
{
	int r = s->anew ? 0 : find_cached(b, s, key, e);

	if (r != 0 || s->anew)
		return r;
	*lock = buildcache_lock(b->en, key, false, e);
	if (*lock == -EAGAIN) {
		build_say(b, "waiting for who is at this step already");
		*lock = buildcache_lock(b->en, key, true, e);
	}
	if (*lock < 0)
		return *lock;
	r = find_cached(b, s, key, e); /* perhaps it was made meanwhile */
	return r == 0 ? fetch_cached(b, s, key, description, e) : r;
}

static int open_lowers(struct build *b, const struct stage *s, struct step *st, struct err *e)
{
	st->lowers = arena_array(b->a, s->n + 1, sizeof(*st->lowers));
	st->chains = arena_array(b->a, s->n + 1, sizeof(*st->chains));
	if (!st->lowers || !st->chains)
		return err_errno(e, -ENOMEM, "step");
	for (size_t i = 0; i < s->n; i++) {
		st->chains[i] = s->layers[s->n - 1 - i].chain_id;
		st->lowers[i] = store_layer_open(&b->store, st->chains[i], e);
		if (st->lowers[i] < 0)
			return st->lowers[i];
		st->n_lowers++;
	}
	return 0;
}

/* The overlay shows upper's mode and owner as those of "/". */
static int make_folders(struct build *b, const struct step *st, struct err *e)
{
	static const char *const names[] = { "empty", "upper", "work" };
	struct stat root = { .st_mode = 0755 };

	if (st->n_lowers && fstat(st->lowers[0], &root) < 0)
		return err_errno(e, -errno, "look at the topmost layer");
	if (mkdirat(b->ingest.dir, st->name, 0700) < 0)
		return err_errno(e, -errno, "make a folder for the step");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[sizeof(st->name) + 8];

		(void)snprintf(path, sizeof(path), "%s/%s", st->name, names[i]);
		if (mkdirat(b->ingest.dir, path, 0700) < 0 ||
		    fchownat(b->ingest.dir, path, root.st_uid, root.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		    fchmodat(b->ingest.dir, path, root.st_mode & 07777, 0) < 0)
			return err_errno(e, -errno, "make a folder for the step");
	}
	return 0;
}

int step_begin(struct build *b, const struct stage *s, struct step *out, struct err *e)
{
	int r;

	(void)snprintf(out->name, sizeof(out->name), "step-%u", ++b->folders);
	out->base = arena_printf(b->a, "%s/ingest/%s/%s", b->en->root, b->ingest.name, out->name);
	if (!out->base)
		return err_errno(e, -ENOMEM, "step");
	r = open_lowers(b, s, out, e);
	return r < 0 ? r : make_folders(b, out, e);
}

void step_end(struct step *st)
{
	for (size_t i = 0; i < st->n_lowers; i++)
		close_fd(st->lowers[i]);
	st->n_lowers = 0;
}

int step_commit(struct build *b, struct stage *s, struct step *st, const struct tidy_times *times, const char *const *stubs,
		const char *key, const char *description, struct err *e)
{
	char path[sizeof(st->name) + 8];
	CLEANUP_FD int upper = -1;
	struct pack_args pack = { .worker = b->worker, .folder = path, .parent = stage_chain(s) };
	struct tidy_args tidy = { .lowers = st->lowers, .n_lowers = st->n_lowers, .times = *times, .stubs = stubs };
	struct image_layer l;
	const char **opaque;
	uint64_t entries = 1;
	int r;

	(void)snprintf(path, sizeof(path), "%s/upper", st->name);
	pack.limits = b->args->limits;
	tidy.max_depth = pack.limits.depth;
	tidy.upper = pack.upper = upper = openat(b->ingest.dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0)
		return err_errno(e, -errno, "open what the step wrote");
	if (!key)
		build_say(b, "warning: files changed while they were read: the next build does this step anew");
	r = tidy_upper(&tidy, b->a, &opaque, e);
	if (r < 0)
		return r;
	pack.opaque = opaque;
	r = st->linked ? image_pack_copy(&b->ingest, &pack, b->a, &l, &entries, e) : image_pack(&b->ingest, &pack, b->a, &l, e);
	if (r == 0 && !entries)
		return 0;
	if (r == 0)
		r = stage_add_layer(b, s, &l, PACK_TYPE, e);
	if (r == 0)
		r = key ? buildcache_put(b->en, key, &l, description, e) : 0;
	if (r == 0 && key)
		r = cache_note(b, key, &l, e);
	step_end(st);
	if (r == 0 && io_remove_tree(b->ingest.dir, st->name) < 0)
		return 0; /* it goes with the ingest */
	return r;
}

int stage_mount(struct build *b, const struct stage *s, const struct step *st, struct err *e)
{
	const char **lowers = arena_array(b->a, s->n + 2, sizeof(*lowers));
	struct overlay_args args = { .lower = lowers, .n_lower = s->n, .userns = -1, .base_userns = -1, .of_user = b->en->user.on };
	pid_t helper = 0;
	int fd;

	if (!lowers)
		return err_errno(e, -ENOMEM, "layers");
	for (size_t i = 0; i < s->n; i++) {
		char path[STORE_LAYER_PATH_LEN];

		store_layer_path(s->layers[s->n - 1 - i].chain_id, path);
		lowers[i] = arena_printf(b->a, "%s/%s", b->en->root, path);
	}
	if (st) {
		args.base = st->base;
		args.upper = "upper";
		args.work = "work";
	}
	if (!s->n)
		lowers[args.n_lower++] = st ? arena_printf(b->a, "%s/empty", st->base) : NULL;
	if (arena_error(b->a) < 0)
		return err_errno(e, -ENOMEM, "layers");
	if (!lowers[0])
		return err_set(e, ERR_NOTFOUND, "there are no files in it");
	fd = overlay_mount(&args, &helper, e);
	ns_reap(helper);
	return fd;
}
