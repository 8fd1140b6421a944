/* A container that runs has a mount namespace: its mounts are copied there, all at once, into a tree that belongs to nobody else. One that
 * does not run has only what would be mounted: its layers are laid together as its monitor would do it, and its folders and volumes put
 * in their places, in a mount namespace that goes when it is done. For reading, what it wrote is the topmost of the layers below and
 * nothing is above them: a folder may be the upper one of one overlay only, and the container may be started while somebody reads.
 *
 * The tree is a copy of mounts, not of files: who works in it by handles (base/beneath.h) is as confined to the container's files as if
 * it were in there, while a container that exchanges links or mounts meanwhile has no say in where "outside" is. It is nodev, or a
 * device node in the container's /dev would open a device of the machine for us, who has no cgroup that forbids it. */
#include "engine/inside.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/launch.h"
#include "engine/volume_fs.h"
#include "sys/fsids.h"
#include "sys/idmap.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/overlay_mount.h"

#define SUBPATH "x-tare.subpath="
#define LOWER "x-tare.lower="
#define VOLUME "x-tare.volume="

struct opening {
	const struct engine *en;
	struct arena *a;
	const struct hold *hold;
	const struct json *doc; /* config.json of one that does not run */
	int root;               /* its layers, without mounts; then all of it */
	enum inside_use use;
	bool unmade;            /* it lacks a place that something is mounted at, and nothing can be made in this view */
	const char *at;         /* a folder of ours to attach it to */
	struct err *e;
};

void inside_end(struct inside *i)
{
	i->root = close_fd(i->root);
}

static int finish(struct opening *o, int fd)
{
	int r = fd < 0 ? fd : mnt_setattr(fd, true, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE);

	if (r < 0) {
		close_fd(fd);
		return err_errno(o->e, r, "the container's mounts");
	}
	o->root = fd;
	return 0;
}

/* ---- one that runs ---- */

static int take_running(void *data)
{
	struct opening *o = data;
	int r = ns_enter(o->hold->live.pidfd, CLONE_NEWNS);

	if (r < 0)
		return err_errno(o->e, r, "enter the container's mounts");
	return finish(o, mnt_clone_tree(AT_FDCWD, "/", true));
}

/* ---- one that does not ---- */

/* As it would be started: with the mounts that came and went since it was made. */
static int read_description(struct opening *o)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = launch_read_description(o->en, o->hold->rec.id, 0, &text, o->e);

	if (r == 0)
		r = config_apply_mounts(o->hold->config.doc, &text, o->e);
	if (r == 0)
		r = volume_fs_resolve(&text, o->e);
	return r < 0 ? r : json_parse(o->a, text.s, text.len, NULL, &o->doc, o->e);
}

/* The map that its user namespace will have; -1: none. */
static int own_ids(const struct opening *o, int *out)
{
	const struct record *rec = &o->hold->rec;
	const struct idmap_range map = { .inside = 0, .outside = rec->id_base, .size = rec->id_size };
	CLEANUP_FD int proc = -1;

	*out = -1;
	if (o->en->user.on || !rec->id_size || !rec->id_base)
		return 0;
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*out = proc < 0 ? -errno : idmap_userns(proc, &map, 1, &map, 1);
	return *out < 0 ? err_errno(o->e, *out, "the map of the container's ids") : 0;
}

/* What it wrote has its ids already, and those below are mapped. */
static int as_lowest(struct opening *o, struct overlay_args *args)
{
	const char **lower = arena_array(o->a, args->n_lower + 1, sizeof(*lower));
	int *each = arena_array(o->a, args->n_lower + 1, sizeof(*each));

	if (!lower || !each)
		return err_errno(o->e, -ENOMEM, "the container's files");
	lower[0] = args->upper;
	each[0] = -1;
	for (size_t i = 0; i < args->n_lower; i++) {
		lower[i + 1] = args->lower[i];
		each[i + 1] = args->userns;
	}
	*args = (struct overlay_args){ .lower = lower, .n_lower = args->n_lower + 1, .userns = -1, .each = each, .base_userns = -1, .of_user = args->of_user };
	return 0;
}

static int lay_layers(struct opening *o, const struct json *rootfs)
{
	struct overlay_args args = { .userns = -1, .base_userns = -1, .of_user = o->en->user.on };
	const char **lower = NULL;
	CLEANUP_FD int userns = -1;
	pid_t helper = 0;
	int r = json_get_strv(o->a, rootfs, "rootfs", "lower", &lower, &args.n_lower, o->e);

	if (r == 0)
		r = json_get_str(rootfs, "rootfs", "upper", &args.upper, o->e);
	if (r == 0)
		r = json_get_str(rootfs, "rootfs", "work", &args.work, o->e);
	if (r == 0)
		r = json_get_bool(rootfs, "rootfs", "volatile", &args.is_volatile, o->e);
	if (r == 0 && json_get(rootfs, "base"))
		r = err_set(o->e, ERR_UNSUPPORTED, "it is a step of a build");
	if (r == 0)
		r = own_ids(o, &userns);
	if (r < 0)
		return r;
	args.lower = lower;
	args.userns = userns;
	if (o->use == INSIDE_READ)
		r = as_lowest(o, &args);
	if (r < 0)
		return r;
	o->root = overlay_mount(&args, &helper, o->e);
	ns_reap(helper);
	return o->root < 0 ? o->root : 0;
}

static int lay_folder(struct opening *o, const struct json *rootfs)
{
	const char *path = NULL;
	bool mapped = false;
	CLEANUP_FD int userns = -1;
	int r = json_get_str(rootfs, "rootfs", "path", &path, o->e);

	if (r == 0)
		r = json_get_bool(rootfs, "rootfs", "idmap", &mapped, o->e);
	if (r == 0 && mapped)
		r = own_ids(o, &userns);
	if (r < 0)
		return r;
	o->root = path ? mnt_clone_tree(AT_FDCWD, path, true) : -EINVAL;
	r = o->root < 0 ? o->root : userns >= 0 ? mnt_idmap(o->root, true, userns) : 0;
	return r < 0 ? err_errno(o->e, r, "%s", path) : 0;
}

static bool has_option(const struct json *options, const char *a, const char *b)
{
	json_each(it, options)
		if (it->type == JSON_STRING && (strcmp(it->str, a) == 0 || strcmp(it->str, b) == 0))
			return true;
	return false;
}

/* The value of the i-th option that begins like that; NULL. */
static const char *value_of(const struct json *options, const char *prefix, size_t i)
{
	json_each(it, options)
		if (it->type == JSON_STRING && text_starts(it->str, prefix) && i-- == 0)
			return it->str + strlen(prefix);
	return NULL;
}

/* A volume's subpath, whose links lead nowhere else than in the volume. */
static int clone_folder(const char *source, const struct json *options)
{
	bool recursive = has_option(options, "rbind", "rbind");
	CLEANUP_FD int whole = -1, part = -1;
	const char *subpath = value_of(options, SUBPATH, 0);

	if (!subpath)
		return mnt_clone_tree(AT_FDCWD, source, recursive);
	whole = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (whole < 0)
		return -errno;
	part = beneath_open(whole, subpath, BENEATH_STRICT, O_PATH, 0);
	return part < 0 ? part : mnt_clone_tree(part, "", recursive);
}

/* Where it goes: made when the container never ran, and then its root's, with the folders above it. A volume on the way has no place for
 * files of ours. */
static int mount_point(struct opening *o, int root, const char *path, bool folder)
{
	const struct record *rec = &o->hold->rec;
	uid_t owner = rec->id_size && !o->en->user.on ? rec->id_base : 0;
	CLEANUP_FSIDS struct fsids before = { 0 };
	int fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH, 0), r;

	if (fd != -ENOENT)
		return fd;
	if (o->use == INSIDE_READ && rec->image) {
		o->unmade = true;
		return -EROFS;
	}
	r = owner ? fsids_become(owner, owner, &before) : 0;
	return r < 0 ? r : beneath_mountpoint(root, path, folder);
}

/* What cannot be mapped, and is a socket or read-only, is mounted as it is, as at a start (rt_mount_idmap()). A folder
 * with such a mount in it is mapped alone. */
static int map_ids(int fd, bool recursive, int userns, bool as_it_is)
{
	int r = mnt_idmap(fd, recursive, userns);

	if (r == 0 || (r != -EINVAL && r != -EPERM && r != -EOPNOTSUPP))
		return r;
	if (recursive)
		return map_ids(fd, false, userns, as_it_is);
	return as_it_is ? 0 : r;
}

/* An image that is mounted beside: as at a start (runtime/mounts.c). */
static int lay_image(struct opening *o, const char *image, const struct json *options)
{
	const char **lower = arena_array(o->a, options->len + 1, sizeof(*lower)), *subpath = value_of(options, SUBPATH, 0);
	struct overlay_args args = { .lower = lower, .userns = -1, .base_userns = -1, .of_user = o->en->user.on };
	CLEANUP_FD int whole = -1, userns = -1;
	pid_t helper = 0;
	int fd;

	if (!lower)
		return err_errno(o->e, -ENOMEM, "image %s", image);
	while ((lower[args.n_lower] = value_of(options, LOWER, args.n_lower)))
		args.n_lower++;
	if (has_option(options, "idmap", "ridmap") && own_ids(o, &userns) < 0)
		return o->e->code;
	args.userns = userns;
	whole = overlay_mount(&args, &helper, o->e);
	ns_reap(helper);
	if (whole < 0 || !subpath)
		return whole < 0 ? err_ctx(o->e, "image %s", image) : take_fd(&whole);
	helper = 0;
	fd = overlay_part(whole, subpath, &helper);
	ns_reap(helper);
	return fd < 0 ? err_errno(o->e, fd, "image %s: /%s", image, subpath) : fd;
}

/* A volume that is a file system of its own. */
static int lay_fs(struct opening *o, const struct json *mount)
{
	const struct json *list = json_get(mount, "options");
	const char *volume = value_of(list, VOLUME, 0), *subpath = value_of(list, SUBPATH, 0), *type = NULL, *device = NULL, **options = NULL;
	CLEANUP_FD int whole = -1;
	pid_t helper = 0;
	size_t n;
	int r = json_get_strv(o->a, mount, "mounts", "options", &options, &n, o->e);

	if (r == 0)
		r = json_get_str(mount, "mounts", "type", &type, o->e);
	if (r == 0)
		r = json_get_str(mount, "mounts", "source", &device, o->e);
	if (r < 0)
		return r;
	whole = volume_fs_mount(o->a, type, device, options, o->e);
	if (whole < 0 || !subpath)
		return whole < 0 ? err_ctx(o->e, "volume %s, %s", volume, device) : take_fd(&whole);
	r = overlay_part(whole, subpath, &helper);
	ns_reap(helper);
	return r < 0 ? err_errno(o->e, r, "volume %s: /%s", volume, subpath) : r;
}

/* One of the machine's folders or files; one that is gone is not there, and the container's start will tell. */
static int put_bind(struct opening *o, int root, const struct json *mount)
{
	const struct json *options = json_get(mount, "options");
	const char *source = NULL, *at = NULL;
	CLEANUP_FD int fd = -1, place = -1, userns = -1;
	struct stat st;
	bool image, own_fs;
	int r = json_get_str(mount, "mounts", "source", &source, o->e);

	if (r == 0)
		r = json_get_str(mount, "mounts", "destination", &at, o->e);
	if (r < 0 || !source || !at)
		return r;
	image = value_of(options, LOWER, 0) != NULL;
	own_fs = value_of(options, VOLUME, 0) != NULL;
	fd = image ? lay_image(o, source, options) : own_fs ? lay_fs(o, mount) : clone_folder(source, options);
	if ((image || own_fs) && fd < 0)
		return fd;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(o->e, fd < 0 ? fd : -errno, "%s", source);
	if (!S_ISDIR(st.st_mode) && text_starts(at, "/dev/")) /* a device, or tare-init: on a file system in memory, which is not there */
		return 0;
	if (has_option(options, "ro", "rro"))
		r = mnt_setattr(fd, has_option(options, "rro", "rro"), MOUNT_ATTR_RDONLY, 0, 0);
	if (r == 0 && !image && has_option(options, "idmap", "ridmap")) {
		if (own_ids(o, &userns) < 0)
			return o->e->code;
		r = userns < 0 ? 0 : map_ids(fd, has_option(options, "ridmap", "ridmap"), userns, S_ISSOCK(st.st_mode) || has_option(options, "ro", "rro"));
	}
	if (r == 0)
		place = mount_point(o, root, at, S_ISDIR(st.st_mode));
	if (r == 0)
		r = place < 0 ? place : mnt_attach(fd, place);
	return r < 0 ? err_errno(o->e, r, "%s at %s", source, at) : 0;
}

/* What the machine itself has there is no file of the container's. */
static bool of_machine(const struct json *mount)
{
	static const char *const own[] = { "/proc", "/sys", "/dev/mqueue", "/dev/shm" };
	const struct json *source = json_get(mount, "source");

	for (size_t i = 0; source && source->type == JSON_STRING && i < ARRAY_LEN(own); i++)
		if (strcmp(source->str, own[i]) == 0)
			return true;
	return false;
}

static int take_stopped(void *data)
{
	struct opening *o = data;
	const struct json *spec = json_get(o->doc, "spec");
	CLEANUP_FD int root = o->root;
	bool read_only = false;
	int r = json_get_bool(json_get(spec, "root"), "root", "readonly", &read_only, o->e);

	o->root = -1;
	if (r < 0)
		return r;
	r = mnt_propagation("/", true, MS_PRIVATE);
	if (r == 0)
		r = mnt_attach_at(root, AT_FDCWD, o->at);
	if (r < 0)
		return err_errno(o->e, r, "put the container's files together");
	json_each(it, json_get(spec, "mounts")) {
		const struct json *type = json_get(it, "type");

		if (!type || type->type != JSON_STRING || of_machine(it) || (strcmp(type->str, "bind") != 0 && !value_of(json_get(it, "options"), VOLUME, 0)))
			continue;
		r = put_bind(o, root, it);
		if (r < 0)
			return r;
	}
	if (read_only)
		r = mnt_setattr(root, false, MOUNT_ATTR_RDONLY, 0, 0);
	return r < 0 ? err_errno(o->e, r, "the container's root") : finish(o, mnt_clone_tree(root, "", true));
}

static int begin_stopped(struct opening *o)
{
	const struct json *rootfs;
	int r = read_description(o);

	if (r < 0)
		return r;
	o->at = o->en->state; /* nothing of a container's is found by that name */
	rootfs = json_get(o->doc, "rootfs");
	return o->hold->rec.image ? lay_layers(o, rootfs) : lay_folder(o, rootfs);
}

static int take(struct opening *o, enum inside_use use)
{
	bool runs = hold_runs(o->hold);
	pid_t helper = 0;
	int r;

	o->use = use;
	r = runs ? 0 : begin_stopped(o);
	if (r == 0)
		r = ns_run_scratch(runs ? take_running : take_stopped, o, &helper);
	ns_reap(helper);
	if (r == 0)
		return 0;
	o->root = close_fd(o->root);
	return o->e->code < 0 ? o->e->code : err_errno(o->e, r, "the container's files");
}

int inside_open(const struct engine *en, struct arena *a, const struct hold *h, enum inside_use use, struct inside *out, struct err *e)
{
	struct opening o = { .en = en, .a = a, .hold = h, .root = -1, .e = e };
	int r = take(&o, use);

	if (r < 0 && o.unmade) { /* as it is of one that never ran: a view that is written to makes the places */
		*e = (struct err){ 0 };
		r = take(&o, INSIDE_WRITE);
		o.root = close_fd(o.root);
		if (r == 0)
			r = take(&o, use);
	}
	if (r < 0)
		return r;
	out->root = o.root;
	out->id_base = en->user.on ? 0 : h->rec.id_base;
	out->id_size = out->id_base ? h->rec.id_size : 0;
	return 0;
}
