#include "engine/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "engine/buildcache.h"
#include "engine/capacity.h"
#include "engine/cni.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/imagemount.h"
#include "engine/images.h"
#include "engine/settle.h"
#include "engine/volume_prune.h"
#include "image/partial.h"

#define DEEPEST 256

/* Allocated bytes below an open folder (closed here); never into another file system. */
static uint64_t measure(int fd, dev_t dev, unsigned int depth)
{
	CLEANUP_DIR DIR *d = fdopendir(fd);
	uint64_t sum = 0;
	struct dirent *entry;

	if (!d) {
		close_fd(fd);
		return 0;
	}
	while ((entry = readdir(d))) {
		struct stat st;
		int below;

		if (strcmp(entry->d_name, "..") == 0 || fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != dev)
			continue;
		if (!S_ISDIR(st.st_mode) || strcmp(entry->d_name, ".") == 0) {
			sum += (uint64_t)st.st_blocks * 512 / (S_ISREG(st.st_mode) && st.st_nlink ? st.st_nlink : 1);
			continue;
		}
		below = depth < DEEPEST ? openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (below >= 0)
			sum += measure(below, dev, depth + 1);
	}
	return sum;
}

uint64_t usage_of_folder(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		close_fd(fd);
		return 0;
	}
	return measure(fd, st.st_dev, 0);
}

uint64_t usage_of_container(const struct engine *en, const char *id)
{
	struct err ignored;

	CLEANUP_FD int folder = folder_open(en, id, &ignored);
	int apart = folder < 0 ? -1 : openat(folder, CAPACITY_SUBVOLUME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* which has a device's number of its own */
	return usage_of_folder(take_fd(&folder)) + usage_of_folder(apart);
}

uint64_t usage_of_root(const struct engine *en, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *upper = folder_upper(en, &a, id);

	return usage_of_folder(upper ? open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1);
}

static bool is_used(const struct record *recs, size_t n, const char *image)
{
	for (size_t i = 0; i < n; i++)
		if (record_uses_image(&recs[i], image))
			return true;
	return false;
}

struct tally {
	const struct engine *en;
	struct arena *a;
	const struct store *store;
	enum store_kind kind;
	const struct record *recs;
	size_t n_recs;
	const struct imagemount *mounts;
	size_t n_mounts;
	struct usage *out;
	struct err *e;
};

static bool is_kept(const struct tally *t, const char *image)
{
	for (size_t i = 0; i < t->n_mounts; i++)
		if (strcmp(t->mounts[i].image, image) == 0)
			return true;
	return is_used(t->recs, t->n_recs, image);
}

/* 1: an image has it; *kept: one that prune leaves. */
static int look_at_images(const struct tally *t, const char *digest, bool *kept)
{
	static const char layer[] = "SELECT image FROM image_layers WHERE chain = ?1";
	static const char blob[] = "SELECT id FROM images WHERE id = ?1 OR manifest = ?1 UNION SELECT image FROM documents WHERE digest = ?1"
				   " UNION SELECT image FROM manifest_blobs JOIN tags USING(image, manifest) WHERE blob = ?1"
				   " UNION SELECT image FROM image_layers WHERE blob = ?1";
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int found = 0, r = cat_prepare(t->en->catalog, &s, t->e, t->kind == STORE_LAYER ? layer : blob, "s", digest);

	*kept = false;
	while (r == 0 && (r = cat_step(s, t->e)) > 0) {
		found = 1;
		*kept = *kept || is_kept(t, cat_text(s, 0));
		r = 0;
	}
	return r < 0 ? r : found;
}

static int look_at_cache(const struct tally *t, const char *digest)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(t->en->catalog, &s, t->e,
			    t->kind == STORE_LAYER ? "SELECT 1 FROM build_cache WHERE chain = ?1 AND blob_size > 0" :
							   "SELECT 1 FROM build_cache WHERE blob = ?1 AND blob_size > 0",
			    "s", digest);

	return r < 0 ? r : cat_step(s, t->e);
}

/* What both have is the images', and is not free until both have let it go. */
static int count_one(const char *digest, void *data)
{
	struct tally *t = data;
	uint64_t bytes = store_bytes(t->store, t->kind, digest);
	bool kept;
	int image = look_at_images(t, digest, &kept), cache = image < 0 ? image : look_at_cache(t, digest);
	struct usage_row *row = cache > 0 && image == 0 ? &t->out->cache : &t->out->images;

	if (cache < 0)
		return cache;
	row->bytes += bytes;
	if (row == &t->out->cache || (!kept && cache == 0))
		row->reclaimable += bytes;
	return 0;
}

static int count_cache(const struct tally *t)
{
	struct buildcache_row *v;
	int r = buildcache_list(t->en, t->a, &v, &t->out->cache.total, t->e);

	for (size_t i = 0; r == 0 && i < t->out->cache.total; i++) {
		t->out->cache.active += v[i].in_use;
		t->out->cache.bytes += v[i].folder ? v[i].bytes : 0;
		t->out->cache.reclaimable += v[i].folder ? v[i].bytes : 0;
	}
	return r;
}

static int count_store(struct tally *t)
{
	uint64_t n, partial;
	int r = 0;

	for (t->kind = STORE_BLOB; r == 0; t->kind = STORE_LAYER) {
		r = store_list(t->store, t->kind, count_one, t, t->e);
		if (t->kind == STORE_LAYER)
			break;
	}
	if (r == 0)
		r = partial_usage(t->store->root, &n, &partial, t->e);
	if (r < 0)
		return r;
	t->out->images.bytes += partial;
	t->out->images.reclaimable += partial;
	return 0;
}

static int read_images(const struct engine *en, const struct record *recs, size_t n, struct usage *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STORE struct store store = STORE_INIT;
	struct tally t = { .en = en, .a = &a, .store = &store, .recs = recs, .n_recs = n, .out = out, .e = e };
	struct imagemount *mounts;
	struct image *images;
	int r = image_list(en->catalog, &a, &images, &out->images.total, e);

	for (size_t i = 0; r == 0 && i < out->images.total; i++)
		out->images.active += is_used(recs, n, images[i].id);
	if (r == 0)
		r = store_open(en->root_fd, &store, e);
	if (r == 0)
		r = imagemount_list(en, &a, &mounts, &t.n_mounts, e);
	if (r < 0)
		return r;
	t.mounts = mounts;
	r = count_store(&t);
	return r < 0 ? r : count_cache(&t);
}

static int read_volumes(const struct engine *en, struct usage_row *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct volume *v;
	int r = volume_list(en->catalog, &a, &v, &out->total, e);

	for (size_t i = 0; r == 0 && i < out->total; i++) {
		uint64_t bytes = volume_bytes(en, &v[i]);

		out->bytes += bytes;
		out->active += v[i].users > 0;
		out->reclaimable += v[i].users ? 0 : bytes;
	}
	return r;
}

int usage_read(const struct engine *en, struct usage *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record *recs;
	size_t n;
	int r = record_list(en->catalog, &a, NULL, &recs, &n, e);

	*out = (struct usage){ .containers.total = r < 0 ? 0 : n };
	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		uint64_t bytes = usage_of_container(en, recs[i].id);

		r = settle(en, &a, &recs[i], &live, SETTLE_LOOK, e);
		if (r < 0 && e->cls == ERR_NOTFOUND)
			r = 0;
		out->containers.bytes += bytes;
		out->containers.active += record_is_active(&recs[i]);
		out->containers.reclaimable += record_is_active(&recs[i]) ? 0 : bytes;
	}
	if (r == 0)
		r = read_volumes(en, &out->volumes, e);
	return r < 0 ? r : read_images(en, recs, n, out, e);
}

/* ---- prune ---- */

/* 1: it goes. What became of it while we looked is no error. */
static int container_goes(const struct engine *en, struct arena *a, struct record *rec, prune_container_fn filter, void *data, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct ct_config config;
	struct err why = { 0 };
	int r;

	if (settle(en, a, rec, &live, SETTLE_LOOK, &why) < 0 || record_is_active(rec))
		return 0;
	r = filter ? config_parse(a, rec->config, &config, e) : 1;
	return r < 0 || !filter ? r : filter(rec, config.labels, data, e);
}

int prune_containers(const struct engine *en, prune_container_fn filter, prune_fn fn, void *data, uint64_t *freed, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record *recs;
	size_t n;
	int r = record_list(en->catalog, &a, NULL, &recs, &n, e);

	for (size_t i = r < 0 ? 0 : n; i-- > 0;) {
		struct err why = { 0 };
		uint64_t bytes;

		r = container_goes(en, &a, &recs[i], filter, data, e);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		bytes = usage_of_container(en, recs[i].id);
		if (container_remove(en, recs[i].id, false, false, &why) < 0) {
			log_warning("%s", why.msg);
			continue;
		}
		fn("container", recs[i].id, data);
		*freed += bytes;
	}
	return r < 0 ? r : 0;
}

struct relay {
	prune_fn fn;
	void *data;
};

static void relay(const char *kind, const char *what, void *data)
{
	struct relay *r = data;

	r->fn(strcmp(kind, "Deleted") == 0 ? "image" : "untagged", what, r->data);
}

static int remove_images(const struct engine *en, bool all, prune_filter_fn filter, prune_fn fn, void *data, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct relay to = { fn, data };
	struct image *images;
	size_t n;
	int r = image_list(en->catalog, &a, &images, &n, e);

	for (size_t k = 0; r == 0 && k < n; k++) {
		size_t i = n - 1 - k;
		struct record *recs;
		const char *mounted;
		struct err why;
		size_t used;

		if (images[i].n_tags && !all)
			continue;
		r = filter ? filter(&images[i], data, e) : 1;
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		r = imagemount_of(en, &a, images[i].id, &mounted, e);
		if (r == 0)
			r = record_list(en->catalog, &a, images[i].id, &recs, &used, e);
		/* a container may come between: then it stays */
		if (r == 0 && used == 0 && !mounted && image_remove(en, images[i].id, images[i].n_tags > 1, relay, &to, &why) < 0)
			log_warning("%s", why.msg);
	}
	return r;
}

int prune_images(const struct engine *en, bool all, prune_filter_fn filter, prune_fn fn, void *data, uint64_t *freed, struct err *e)
{
	struct store_gc_result gc = { 0 };
	int r = remove_images(en, all, filter, fn, data, e);

	if (r == 0)
		r = image_gc(en, &gc, e);
	*freed = gc.bytes;
	return r;
}

int prune(const struct engine *en, const struct prune_args *args, prune_fn fn, void *data, uint64_t *freed, struct err *e)
{
	struct store_gc_result gc = { 0 };
	struct err left = { 0 };
	uint64_t n = 0, of_containers = 0;
	int r;

	*freed = 0;
	/* first: on a full disk nothing else may get anywhere */
	r = args->all ? partial_sweep(en->root_fd, 0, &n, freed, e) : 0;
	if (r == 0)
		r = prune_containers(en, args->container, fn, data, &of_containers, e);
	if (r == 0) {
		events_pruned(en, "container", of_containers);
		r = remove_images(en, args->all, args->image, fn, data, e);
	}
	settle_garbage(en);
	if (cni_collect(en, NULL, &left) < 0)
		log_warning("what is left of a network of CNI cannot be removed: %s", left.msg);
	if (r == 0)
		r = image_gc(en, &gc, e);
	if (r == 0)
		events_pruned(en, "image", *freed + gc.bytes);
	*freed += of_containers + gc.bytes;
	return r;
}
