#include "engine/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "engine/cni.h"
#include "engine/container.h"
#include "engine/folder.h"
#include "engine/imagemount.h"
#include "engine/images.h"
#include "engine/settle.h"

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

	return usage_of_folder(folder_open(en, id, &ignored));
}

uint64_t usage_of_root(const struct engine *en, const char *id)
{
	struct err ignored;
	CLEANUP_FD int folder = folder_open(en, id, &ignored);

	return usage_of_folder(folder < 0 ? -1 : openat(folder, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static bool is_used(const struct record *recs, size_t n, const char *image)
{
	for (size_t i = 0; i < n; i++)
		if (recs[i].image && strcmp(recs[i].image, image) == 0)
			return true;
	return false;
}

/* Bytes of the layers that only images without containers have. */
static int reclaimable(const struct engine *en, uint64_t *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT coalesce(sum(size), 0) FROM layers WHERE NOT EXISTS"
			    " (SELECT 1 FROM image_layers JOIN containers USING(image) WHERE chain = layers.chain)",
			    "");

	if (r == 0)
		r = cat_step(s, e);
	if (r > 0)
		*out = (uint64_t)cat_int(s, 0);
	return r < 0 ? r : 0;
}

static int read_images(const struct engine *en, const struct record *recs, size_t n, struct usage_row *row, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STORE struct store store = STORE_INIT;
	struct store_usage used;
	struct image *images;
	int r = image_list(en->catalog, &a, &images, &row->total, e);

	if (r == 0)
		r = store_open(en->root_fd, &store, e);
	if (r == 0)
		r = store_usage(&store, &used, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < row->total; i++)
		row->active += is_used(recs, n, images[i].id);
	row->bytes = used.blob_bytes + used.layer_bytes + used.partial_bytes;
	r = reclaimable(en, &row->reclaimable, e);
	row->reclaimable += used.partial_bytes;
	if (row->active == 0)
		row->reclaimable = row->bytes;
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
		out->containers.active += recs[i].status == RECORD_RUNNING;
		out->containers.reclaimable += recs[i].status == RECORD_RUNNING ? 0 : bytes;
	}
	return r < 0 ? r : read_images(en, recs, n, &out->images, e);
}

/* ---- prune ---- */

static int prune_containers(const struct engine *en, prune_fn fn, void *data, uint64_t *freed, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record *recs;
	size_t n;
	int r = record_list(en->catalog, &a, NULL, &recs, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		struct err why = { 0 };
		uint64_t bytes;

		if (settle(en, &a, &recs[i], &live, SETTLE_LOOK, &why) < 0 || recs[i].status == RECORD_RUNNING)
			continue;
		bytes = usage_of_container(en, recs[i].id);
		if (container_remove(en, recs[i].id, false, &why) < 0) {
			log_warning("%s", why.msg);
			continue;
		}
		fn("container", recs[i].id, data);
		*freed += bytes;
	}
	return r;
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

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct record *recs;
		const char *mounted;
		struct err why;
		size_t used;

		if (images[i].n_tags && !all)
			continue;
		r = filter ? filter(&images[i], data, e) : 1;
		if (r <= 0)
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

int prune(const struct engine *en, bool all, prune_fn fn, void *data, uint64_t *freed, struct err *e)
{
	struct store_gc_result gc = { 0 };
	struct err left = { 0 };
	int r;

	*freed = 0;
	r = prune_containers(en, fn, data, freed, e);
	if (r == 0)
		r = remove_images(en, all, NULL, fn, data, e);
	settle_garbage(en);
	if (cni_collect(en, NULL, &left) < 0)
		log_warning("what is left of a network of CNI cannot be removed: %s", left.msg);
	if (r == 0)
		r = image_gc(en, &gc, e);
	*freed += gc.bytes;
	return r;
}
