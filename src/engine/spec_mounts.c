/* Order matters: the default mounts first, then the user's by depth, so that -v /a and -v /a/b give what one expects in any order, then the files
 * the engine makes: a volume at /etc does not hide the container's names. A user's target replaces a default mount of the same place.
 *
 * What the kernel lets a user namespace mount depends on who owns the other namespaces: sysfs wants an own network
 * namespace, proc an own pid, mqueue an own ipc namespace. Where one is shared with the host, the host's own mount is
 * shown instead, read-only and bound recursively, because a fresh one cannot be had. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/spec_plan.h"

#define DEFAULT_SHM (64ULL << 20)
/* What the monitor puts that container's in the place of (docs/formats.md); no such file is there. */
#define JOINED_SHM "/dev/shm/.of-container"

struct strv plan_split(struct arena *a, const char *text, char sep)
{
	size_t n = 1, i = 0;
	const char **v;

	for (const char *c = text; *c; c++)
		n += *c == sep;
	v = arena_array(a, n + 1, sizeof(*v));
	for (const char *start = text; v && i < n; i++) {
		const char *end = strchr(start, sep);

		v[i] = arena_strndup(a, start, end ? (size_t)(end - start) : strlen(start));
		if (!v[i])
			return (struct strv){ NULL, 0 };
		start = end ? end + 1 : "";
	}
	return (struct strv){ v, v ? n : 0 };
}

const char *plan_value_of(const char *opt, const char *key)
{
	size_t len = strlen(key);

	return strncmp(opt, key, len) == 0 && (opt[len] == '=' || opt[len] == ':') ? opt + len + 1 : NULL;
}

const char *plan_clean_path(struct arena *a, const char *path)
{
	struct strv parts;
	size_t len = 0;
	char *out;

	if (path[0] != '/')
		return NULL;
	parts = plan_split(a, path, '/');
	out = arena_alloc(a, strlen(path) + 2);
	for (size_t i = 0; out && i < parts.n; i++) {
		if (!parts.v[i][0] || strcmp(parts.v[i], ".") == 0)
			continue;
		if (strcmp(parts.v[i], "..") == 0) {
			char *slash = strrchr(out, '/');

			len = slash ? (size_t)(slash - out) : 0;
			out[len] = '\0';
			continue;
		}
		out[len++] = '/';
		memcpy(out + len, parts.v[i], strlen(parts.v[i]) + 1);
		len += strlen(parts.v[i]);
	}
	if (out && len == 0)
		memcpy(out, "/", 2);
	return out;
}

/* ---- judging ---- */

static const char *const files[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };

bool plan_is_file(const char *target)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i], target) == 0)
			return true;
	return false;
}

bool plan_is_usual(const char *target)
{
	static const char *const folders[] = { "/proc", "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm", "/sys", "/sys/fs/cgroup" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (strcmp(folders[i], target) == 0)
			return true;
	return plan_is_file(target);
}

bool plan_is_below(const char *path, const char *folder)
{
	return text_starts(path, folder) && path[strlen(folder)] == '/';
}

int plan_target(const struct plan *p, const char *option, const char *text, const char *target, struct err *e)
{
	if (!target || strcmp(target, "/") == 0)
		return err_set(e, ERR_INVALID, "%s %s: the place in the container must be an absolute path below /", option, text);
	if (strcmp(target, "/proc") == 0 || text_starts(target, "/proc/"))
		return err_set(e, ERR_INVALID, "%s %s: nothing may be mounted over /proc", option, text);
	for (size_t i = 0; i < p->n_binds; i++)
		if (strcmp(p->binds[i].target, target) == 0)
			return err_set(e, ERR_INVALID, "%s %s: %s is a mount point already", option, text, target);
	for (size_t i = 0; i < p->n_mounts; i++)
		if (strcmp(p->mounts[i].target, target) == 0)
			return err_set(e, ERR_INVALID, "%s %s: %s is a mount point already", option, text, target);
	for (size_t i = 0; i < p->n_tmpfs; i++)
		if (strcmp(p->tmpfs[i].target, target) == 0)
			return err_set(e, ERR_INVALID, "%s %s: %s is a mount point already", option, text, target);
	return 0;
}

/* As the kernel reads it, which would only tell when the container starts: digits, and a unit or '%' for sizes. */
static bool tmpfs_value_good(const char *option)
{
	const char *value = strchr(option, '=');
	bool mode = text_starts(option, "mode="), size = text_starts(option, "size="), count = text_starts(option, "nr_");
	size_t digits = value ? strspn(value + 1, mode ? "01234567" : "0123456789") : 0;
	const char *unit;

	if (!value)
		return true;
	unit = value + 1 + digits;
	if (!digits || (mode && digits > 5))
		return false;
	return !*unit || (!unit[1] && ((size && strchr("kKmMgGtT%", *unit)) || (count && strchr("kKmMgGtT", *unit))));
}

int plan_tmpfs_option(const char *name, const char *text, const char *option, struct err *e)
{
	static const char *const keys[] = { "size", "mode", "nr_inodes", "nr_blocks", "uid", "gid" };
	static const char *const words[] = { "rw", "ro", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "noatime", "relatime", "strictatime" };
	bool known = false;

	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		known |= plan_value_of(option, keys[k]) != NULL;
	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		known |= strcmp(option, words[k]) == 0;
	if (!known)
		return err_set(e, ERR_UNSUPPORTED, "%s %s: option \"%s\" is not supported (size, mode, uid, gid, ro, exec…)", name, text, option);
	if (!tmpfs_value_good(option))
		return err_set(e, ERR_INVALID, "%s %s: \"%s\": want a number, such as size=64m, size=50%% or mode=1777", name, text, option);
	return 0;
}

static int tmpfs(struct plan *p, const char *text, struct err *e)
{
	struct strv parts = plan_split(p->a, text, ':');
	struct plan_tmpfs t = { 0 };
	int r;

	if (parts.n < 1 || parts.n > 2)
		return err_set(e, ERR_INVALID, "--tmpfs %s: want TARGET[:OPTIONS]", text);
	t.target = plan_clean_path(p->a, parts.v[0]);
	r = plan_target(p, "--tmpfs", text, t.target, e);
	if (r == 0 && parts.n == 2)
		t.options = plan_split(p->a, parts.v[1], ',');
	for (size_t i = 0; r == 0 && i < t.options.n; i++)
		r = plan_tmpfs_option("--tmpfs", text, t.options.v[i], e);
	if (r == 0)
		p->tmpfs[p->n_tmpfs++] = t;
	return r;
}

static bool has_target(const struct plan *p, const char *target)
{
	for (size_t i = 0; i < p->n_binds; i++)
		if (strcmp(p->binds[i].target, target) == 0)
			return true;
	for (size_t i = 0; i < p->n_tmpfs; i++)
		if (strcmp(p->tmpfs[i].target, target) == 0)
			return true;
	for (size_t i = 0; i < p->n_mounts; i++)
		if (strcmp(p->mounts[i].target, target) == 0)
			return true;
	return false;
}

/* The image's volumes, and another container's mounts, where the user put nothing else. */
static void add_others(struct plan *p, const char *const *image_volumes)
{
	for (size_t i = 0; i < p->n_from; i++)
		if (!has_target(p, p->from[i].target))
			p->binds[p->n_binds++] = p->from[i];
	for (; image_volumes && *image_volumes; image_volumes++) {
		const char *target = plan_clean_path(p->a, *image_volumes);

		if (target && strcmp(target, "/") != 0 && !has_target(p, target))
			p->binds[p->n_binds++] = (struct plan_bind){
				.target = target, .anonymous = true, .propagation = "rprivate", .mode = "", .recursive = true,
				.idmap = p->userns && !p->rootless, .driver = p->opt->volume_driver };
	}
}

static int shm(struct plan *p, struct err *e)
{
	p->shm_size = DEFAULT_SHM;
	if (p->opt->shm_size && (text_size(p->opt->shm_size, &p->shm_size) < 0 || p->shm_size == 0))
		return err_set(e, ERR_INVALID, "--shm-size %s: want a size such as 64m", p->opt->shm_size);
	if (p->opt->shm_size && p->ipc_of.id)
		return err_set(e, ERR_INVALID, "--shm-size: /dev/shm is that of container %s: give it to that one", p->ipc_of.name);
	if (p->opt->shm_size && p->no_shm)
		return err_set(e, ERR_INVALID, "--shm-size: with --ipc none there is no /dev/shm");
	return 0;
}

int plan_mounts(struct plan *p, const char *const *image_volumes, struct err *e)
{
	size_t n = p->opt->volumes.n + p->opt->mounts.n + p->n_from;
	int r = 0;

	for (const char *const *v = image_volumes; v && *v; v++)
		n++;
	p->binds = arena_array(p->a, n + 1, sizeof(*p->binds));
	p->tmpfs = arena_array(p->a, n + p->opt->tmpfs.n + 1, sizeof(*p->tmpfs));
	p->asked = arena_array(p->a, p->opt->mounts.n + 1, sizeof(*p->asked));
	if (!p->binds || !p->tmpfs || !p->asked)
		return err_errno(e, -ENOMEM, "-v");
	for (size_t i = 0; r == 0 && i < p->opt->volumes.n; i++)
		r = plan_volume(p, p->opt->volumes.v[i], e);
	for (size_t i = 0; r == 0 && i < p->opt->mounts.n; i++)
		r = plan_mount(p, p->opt->mounts.v[i], e);
	for (size_t i = 0; r == 0 && i < p->opt->tmpfs.n; i++)
		r = tmpfs(p, p->opt->tmpfs.v[i], e);
	if (r == 0)
		r = shm(p, e);
	if (r < 0)
		return r;
	add_others(p, image_volumes);
	return arena_error(p->a) < 0 ? err_errno(e, -ENOMEM, "-v") : 0;
}

/* ---- writing ---- */

static void mount(struct json_writer *w, const char *target, const char *type, const char *source, const char *const *options)
{
	jw_object(w, NULL);
	jw_str(w, "destination", target);
	jw_str(w, "type", type);
	jw_str(w, "source", source);
	jw_strv(w, "options", options);
	jw_end_object(w);
}

/* A default mount, unless the user wants something else there. */
static void usual(const struct plan *p, struct json_writer *w, const char *target, const char *type, const char *options)
{
	if (!has_target(p, target))
		mount(w, target, type, type, plan_split(p->a, options, ',').v);
}

/* The host's own mount of the same place, where the host has one. */
static void of_host(const struct plan *p, struct json_writer *w, const char *target, const char *options)
{
	if (!has_target(p, target) && access(target, F_OK) == 0)
		mount(w, target, "bind", target, plan_split(p->a, options, ',').v);
}

static void write_usual(const struct plan *p, struct json_writer *w)
{
	const char *sys = p->opt->privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro";
	const char *cgroup = p->opt->privileged ? "nosuid,noexec,nodev,relatime" : "nosuid,noexec,nodev,relatime,ro";

	if (p->userns && p->host_pid)
		of_host(p, w, "/proc", "rbind,rprivate,nosuid,noexec,nodev");
	else
		usual(p, w, "/proc", "proc", "nosuid,noexec,nodev");
	usual(p, w, "/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	usual(p, w, "/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	if (p->userns && p->host_net)
		of_host(p, w, "/sys", "rbind,rprivate,rro,nosuid,noexec,nodev");
	else
		usual(p, w, "/sys", "sysfs", sys);
	usual(p, w, "/sys/fs/cgroup", "cgroup", cgroup);
	if (p->host_ipc) {
		of_host(p, w, "/dev/mqueue", "rbind,rprivate,nosuid,noexec,nodev");
		of_host(p, w, "/dev/shm", "rbind,rprivate,nosuid,noexec,nodev");
		return;
	}
	usual(p, w, "/dev/mqueue", "mqueue", "nosuid,noexec,nodev");
	if (p->no_shm)
		return;
	if (p->ipc_of.id && !has_target(p, "/dev/shm"))
		mount(w, "/dev/shm", "bind", JOINED_SHM, plan_split(p->a, "bind,rprivate,nosuid,noexec,nodev", ',').v);
	if (p->ipc_of.id)
		return;
	usual(p, w, "/dev/shm", "tmpfs",
	      arena_printf(p->a, "nosuid,noexec,nodev,mode=1777,size=%llu", (unsigned long long)p->shm_size));
}

/* A volume's own file system: its options, then the container's. */
static void write_fs(const struct plan *p, const struct plan_bind *b, struct json_writer *w)
{
	const char **options = arena_array(p->a, b->fs_options.n + 5, sizeof(*options));
	size_t n = 0;

	if (!options)
		return;
	for (size_t i = 0; i < b->fs_options.n; i++)
		options[n++] = b->fs_options.v[i];
	options[n++] = arena_printf(p->a, "x-tare.volume=%s", b->volume);
	if (b->ro)
		options[n++] = "rro";
	if (b->idmap && p->userns)
		options[n++] = "idmap";
	if (b->subpath)
		options[n++] = arena_printf(p->a, "x-tare.subpath=%s", b->subpath);
	options[n] = NULL;
	mount(w, b->target, b->fs_type, b->fs_device, options);
}

static void write_bind(const struct plan *p, const struct plan_bind *b, struct json_writer *w)
{
	const char **options = arena_array(p->a, b->lower.n + 8, sizeof(*options));
	size_t n = 0;

	if (!options)
		return;
	options[n++] = b->recursive ? "rbind" : "bind";
	options[n++] = b->propagation;
	options[n++] = b->ro ? b->recursive && !b->ro_top ? "rro" : "ro" : "rw";
	if (b->idmap && p->userns)
		options[n++] = b->recursive ? "ridmap" : "idmap";
	if (b->subpath)
		options[n++] = arena_printf(p->a, "x-tare.subpath=%s", b->subpath);
	if (b->lower.n && p->rootless)
		options[n++] = "x-tare.userxattr";
	for (size_t i = 0; i < b->lower.n; i++)
		options[n++] = arena_printf(p->a, "x-tare.lower=%s", b->lower.v[i]);
	options[n] = NULL;
	mount(w, b->target, "bind", b->image ? b->image : b->source, options);
}

static void write_tmpfs(const struct plan *p, const struct plan_tmpfs *t, struct json_writer *w)
{
	const char **options = arena_array(p->a, t->options.n + 4, sizeof(*options));
	size_t n = 0;

	if (!options)
		return;
	options[n++] = "nosuid";
	options[n++] = "nodev";
	options[n++] = "noexec";
	for (size_t i = 0; i < t->options.n; i++)
		options[n++] = t->options.v[i];
	mount(w, t->target, "tmpfs", "tmpfs", options);
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* The user's mounts, the shallow ones first. */
static void write_planned(const struct plan *p, struct json_writer *w)
{
	size_t deepest = 0;

	for (size_t i = 0; i < p->n_binds; i++)
		deepest = depth(p->binds[i].target) > deepest ? depth(p->binds[i].target) : deepest;
	for (size_t i = 0; i < p->n_tmpfs; i++)
		deepest = depth(p->tmpfs[i].target) > deepest ? depth(p->tmpfs[i].target) : deepest;
	for (size_t i = 0; i < p->n_mounts; i++)
		deepest = depth(p->mounts[i].target) > deepest ? depth(p->mounts[i].target) : deepest;
	for (size_t d = 1; d <= deepest; d++) {
		for (size_t i = 0; i < p->n_binds; i++)
			if (depth(p->binds[i].target) == d)
				(p->binds[i].fs_type ? write_fs : write_bind)(p, &p->binds[i], w);
		for (size_t i = 0; i < p->n_tmpfs; i++)
			if (depth(p->tmpfs[i].target) == d)
				write_tmpfs(p, &p->tmpfs[i], w);
		for (size_t i = 0; i < p->n_mounts; i++)
			if (depth(p->mounts[i].target) == d)
				mount(w, p->mounts[i].target, p->mounts[i].type, p->mounts[i].source, p->mounts[i].options.v);
	}
}

void plan_write_users_mounts(const struct plan *p, struct json_writer *w)
{
	write_planned(p, w);
}

void plan_write_mounts(const struct plan *p, const char *container_dir, const char *init_program, struct json_writer *w)
{
	static const char *const file_options[] = { "bind", "rprivate", NULL };
	static const char *const device_options[] = { "bind", "rprivate", "nosuid", "noexec", NULL };
	static const char *const init_options[] = { "bind", "rprivate", "ro", NULL };

	jw_array(w, "mounts");
	write_usual(p, w);
	if (init_program)
		mount(w, PLAN_INIT, "bind", init_program, init_options);
	for (size_t i = 0; i < p->n_devices; i++)
		if (p->devices[i].bound)
			mount(w, p->devices[i].path, "bind", p->devices[i].host, device_options);
	write_planned(p, w);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (!has_target(p, files[i]))
			mount(w, files[i], "bind", arena_printf(p->a, "%s/%s", container_dir, strrchr(files[i], '/') + 1), file_options);
	jw_end_array(w);
}
