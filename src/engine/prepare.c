/* What the container's root shall own belongs to the host id its root is mapped to, from the start: nothing is ever
 * chowned as a tree. The overlay shows upper's own mode and owner as those of "/", so they are taken from the image. */
#include "engine/prepare.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/capacity.h"
#include "engine/etcfiles.h"
#include "engine/rootfile.h"

/* The host's id for an id of the container. */
static uint32_t host_id(const struct plan *p, uint32_t id)
{
	if (!p->userns)
		return id;
	return p->map_base + (id < p->map_size ? id : 0);
}

static int make_folder(const struct plan *p, int dir, const char *name, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	if (mkdirat(dir, name, 0700) < 0 || fchownat(dir, name, host_id(p, uid), host_id(p, gid), AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, name, mode, 0) < 0)
		return err_errno(e, -errno, "make the container's %s", name);
	return 0;
}

static int make_overlay(const struct plan *p, int dir, const int *lowers, size_t n, struct err *e)
{
	static const char *const names[] = { "upper", "work" };
	struct stat st = { .st_mode = 0755 };
	int r;

	if (n && fstat(lowers[0], &st) < 0)
		return err_errno(e, -errno, "look at the topmost layer");
	r = make_folder(p, dir, "upper", st.st_mode & 07777, st.st_uid, st.st_gid, e);
	if (r == 0)
		r = make_folder(p, dir, "work", 0700, 0, 0, e);
	/* of one project, for the kernel moves files from work to upper */
	return r < 0 || p->storage_kind != QUOTA_PROJECT ? r : capacity_limit_folders(dir, names, ARRAY_LEN(names), &p->storage, e);
}

static int make_file(const struct plan *p, int dir, const char *name, const char *text, struct err *e)
{
	CLEANUP_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : io_write_full(fd, text, strlen(text));

	if (r == 0 && (fchmod(fd, 0644) < 0 || fchown(fd, host_id(p, 0), host_id(p, 0)) < 0))
		r = -errno;
	return r < 0 ? err_errno(e, r, "make the container's %s", name) : 0;
}

static int make_hosts(const struct plan *p, int dir, struct err *e)
{
	CLEANUP_STRBUF struct strbuf hosts = STRBUF_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct etc_addresses self = { .gateway = { .len = 4, .bytes = { 127, 0, 0, 1 } } };
	struct etc_hosts h = { .hostname = p->hostname, .domainname = p->domainname, .extra = p->opt->add_host };

	if (p->host_net && io_read_file(AT_FDCWD, "/etc/hosts", 1 << 20, &text, NULL) == 0) {
		h.at = &self;
		etc_hosts_add(&h, text, &hosts);
	} else {
		etc_hosts_text(&h, &hosts);
	}
	return sb_error(&hosts) < 0 ? err_errno(e, -ENOMEM, "make the container's hosts") : make_file(p, dir, "hosts", hosts.s, e);
}

/* A network of its own with nothing but loopback reaches no name server but by what is done to it later; with more it is written at the
 * start. */
static int make_resolv_conf(const struct plan *p, int dir, struct err *e)
{
	CLEANUP_STRBUF struct strbuf resolv = STRBUF_INIT;
	CLEANUP_FREE char *text = NULL;
	const struct etc_resolv s = { .servers = p->opt->dns, .search = p->opt->dns_search, .options = p->opt->dns_option, .alone = !p->host_net, .local = p->host_net };

	if (p->host_net && !s.servers.n && !s.search.n && !s.options.n && io_read_file(AT_FDCWD, "/etc/resolv.conf", 1 << 20, &text, NULL) == 0)
		return make_file(p, dir, "resolv.conf", text, e);
	etc_resolv_text(&s, &resolv);
	return sb_error(&resolv) < 0 ? err_errno(e, -ENOMEM, "make the container's resolv.conf") : make_file(p, dir, "resolv.conf", sb_str(&resolv), e);
}

/* What upper's copy of a folder would have to carry on. */
static bool has_attributes(int folder)
{
	char self[IO_FD_PATH_LEN], names[4096];
	ssize_t len;

	len = listxattr(io_fd_path(folder, self), names, sizeof(names));
	for (const char *name = names; len > 0 && name < names + len; name += strlen(name) + 1)
		if (text_starts(name, "user.") || text_starts(name, "system."))
			return true;
	return len < 0;
}

/* /etc/mtab leads to /proc/mounts where the image has none, as in Docker: old programs read it. It lies in upper, in a
 * folder that stands for the image's own. */
static int make_mtab(const struct plan *p, int dir, const int *lowers, size_t n, struct err *e)
{
	CLEANUP_FD int folder = -1, upper = -1, etc = -1;
	struct timespec times[2];
	struct stat st;
	int r;

	if (!rootfile_lacks(lowers, n, "etc", "mtab", &st, &folder) || has_attributes(folder))
		return 0;
	upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = make_folder(p, upper, "etc", st.st_mode & 07777, st.st_uid, st.st_gid, e);
	if (r < 0)
		return r;
	etc = openat(upper, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (etc < 0 || symlinkat("/proc/mounts", etc, "mtab") < 0 ||
	    fchownat(etc, "mtab", host_id(p, 0), host_id(p, 0), AT_SYMLINK_NOFOLLOW) < 0 || futimens(etc, times) < 0)
		return err_errno(e, -errno, "make the container's /etc/mtab");
	return 0;
}

static int make_root(const struct plan *p, int dir, const int *lowers, size_t n, struct err *e)
{
	CLEANUP_FD int apart = -1;
	int r;

	if (p->storage_kind == QUOTA_SUBVOLUME) {
		apart = capacity_make_folder(dir, CAPACITY_SUBVOLUME, &p->storage, e);
		if (apart < 0)
			return apart;
		dir = apart;
	}
	r = make_overlay(p, dir, lowers, n, e);
	return r < 0 ? r : make_mtab(p, dir, lowers, n, e);
}

int prepare_existing(const char *path, const char *volume, struct err *e)
{
	if (access(path, F_OK) == 0)
		return 0;
	if (errno == ENOENT && volume)
		return err_set(e, ERR_NOTFOUND, "volume %s stands for %s of the host, which is not there: make that folder, or the volume anew", volume, path);
	if (errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "--mount: bind source path does not exist: %s (-v would make a folder there)", path);
	return volume ? err_errno(e, -errno, "volume %s: %s", volume, path) : err_errno(e, -errno, "--mount %s", path);
}

int prepare_source(const char *path, struct err *e)
{
	struct stat st;
	int r = stat(path, &st) < 0 ? -errno : 0;

	if (r == -ENOENT)
		r = io_mkdirs(AT_FDCWD, path, 0755);
	return r < 0 ? err_errno(e, r, "-v %s", path) : 0;
}

int prepare_bind(const struct plan_bind *b, struct err *e)
{
	return b->must_exist || b->volume ? prepare_existing(b->source, b->volume, e) : prepare_source(b->source, e);
}

/* The files that each container has are there before anybody looks what else it should have: nothing would go on with a folder in the place
 * of one. A part of a volume may be a file. */
static int check_kind(const struct plan_bind *b, struct err *e)
{
	struct stat st;

	if (!plan_is_file(b->target) || b->image || b->subpath)
		return 0;
	if (b->volume && !b->of_host)
		return err_set(e, ERR_INVALID, "volume %s at %s: it is a folder, and %s is a file in each container: mount a file (-v FILE:%s)", b->volume, b->target,
			       b->target, b->target);
	if (stat(b->source, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return err_set(e, ERR_INVALID, "-v %s:%s: the source is a folder, and %s is a file in each container: mount a file", b->source, b->target, b->target);
}

static int make_sources(const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++) {
		const struct plan_bind *b = &p->binds[i];

		if (!b->image && (!b->volume || b->of_host))
			r = prepare_bind(b, e);
		if (r == 0)
			r = check_kind(b, e);
	}
	return r;
}

/* Whoever shares a network has the very files that belong to it: what is written into them is seen by both, and they stay when one of
 * the two is removed. */
static int share_files(const struct plan *p, int dir, struct err *e)
{
	static const char *const names[] = { "hosts", "resolv.conf", "hostname" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (linkat(dir, arena_printf(p->a, "../%s/%s", p->net_of.id, names[i]), dir, names[i], 0) < 0)
			return err_errno(e, -errno, "share the %s of container %s", names[i], p->net_of.name);
	return 0;
}

static int make_files(const struct plan *p, int dir, struct err *e)
{
	int r;

	if (p->net_of.id)
		return share_files(p, dir, e);
	r = make_file(p, dir, "hostname", arena_printf(p->a, "%s\n", p->hostname), e);
	if (r == 0)
		r = make_hosts(p, dir, e);
	return r < 0 ? r : make_resolv_conf(p, dir, e);
}

int prepare_container(const struct plan *p, int dir, const int *lowers, size_t n_lowers,
		      struct err *e)
{
	bool own_upper = !p->opt->rootfs && !p->opt->step;
	int r = own_upper ? make_root(p, dir, lowers, n_lowers, e) : 0;

	if (r == 0)
		r = make_files(p, dir, e);
	return r < 0 ? r : make_sources(p, e);
}
