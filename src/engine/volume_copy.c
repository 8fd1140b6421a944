#include "engine/volume_copy.h"

#include <fcntl.h>
#include <string.h>

#include "engine/spec_plan.h"
#include "engine/volume_fill.h"
#include "engine/volume_fs.h"
#include "image/pack.h"
#include "image/unpack.h"
#include "sys/mnt.h"

static int find(const struct engine *en, struct arena *a, const char *name, struct volume *v, struct err *e)
{
	int r = volume_find(en->catalog, a, name, v, e);

	if (r == 0 && v->kind == VOLUME_TMPFS)
		r = err_set(e, ERR_UNSUPPORTED, "volume %s is in memory, of each container for itself: there is nothing to read or write", name);
	return r;
}

/* Of a mount of its own, as the worker wants it. */
static int open_tree(const struct engine *en, struct arena *a, const struct volume *v, struct err *e)
{
	struct strv options = v->kind == VOLUME_FS && *v->o ? plan_split(a, v->o, ',') : (struct strv){ NULL, 0 };
	const char *path = v->kind == VOLUME_BIND ? v->device : volume_path(en, a, v->name);
	CLEANUP_FD int made = v->kind == VOLUME_FOLDER ? volume_open(en, v->name, e) : -1;
	int fd;

	if (v->kind == VOLUME_FOLDER && made < 0)
		return made;
	if (v->kind == VOLUME_FS) {
		fd = volume_fs_mount(a, v->type, v->device, options.v, e);
		return fd < 0 ? err_ctx(e, "volume %s, %s", v->name, v->device) : fd;
	}
	fd = path ? mnt_clone_tree(AT_FDCWD, path, false) : -ENOMEM;
	return fd < 0 ? err_errno(e, fd, "volume %s: %s", v->name, path) : fd;
}

static int begin(const struct engine *en, struct store *store, struct store_ingest *in, char worker[PATH_MAX], struct err *e)
{
	int r = engine_program("tare-worker", worker, e);

	if (r == 0)
		r = store_open(en->root_fd, store, e);
	return r < 0 ? r : store_ingest_begin(store, in, e);
}

int volume_export(const struct engine *en, struct arena *a, const char *name, int out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	CLEANUP_FD int tree = -1;
	struct pack_out pack = { .live = true };
	char worker[PATH_MAX];
	struct volume v;
	int r = find(en, a, name, &v, e);

	if (r == 0)
		r = begin(en, &store, &in, worker, e);
	if (r < 0)
		return r;
	tree = open_tree(en, a, &v, e);
	pack.worker = worker;
	pack.tree = tree;
	store_ingest_alone(&in);
	return tree < 0 ? tree : image_pack_out(&in, &pack, out, e);
}

int volume_import(const struct engine *en, struct arena *a, const char *name, int input, const char *input_name, const struct image_limits *limits,
		  struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	CLEANUP_FD int tree = -1;
	struct image_load_args args = { .input = input, .name = input_name, .limits = *limits };
	char worker[PATH_MAX];
	struct volume v;
	int r = find(en, a, name, &v, e);

	if (r == 0 && v.kind == VOLUME_FS)
		r = err_set(e, ERR_UNSUPPORTED, "volume %s is a file system of its own, %s: unpack it in a container that has it", name, v.device);
	else if (r == 0 && v.kind != VOLUME_FOLDER)
		r = err_set(e, ERR_UNSUPPORTED, "volume %s stands for the host's %s: unpack it there", name, v.device);
	if (r == 0)
		r = begin(en, &store, &in, worker, e);
	if (r < 0)
		return r;
	args.worker = worker;
	tree = unpack_tree(&in, &args, true, e);
	if (tree < 0)
		return err_ctx(e, "%s", input_name);
	r = volume_fill(en, name, VOLUME_FILL_OVER, &tree, 1, ".", e);
	if (r == 0 && syncfs(en->root_fd) < 0)
		r = err_errno(e, -errno, "volume %s", name);
	return r;
}
