/* All paths are below the handle of the file system's root and have no links to follow. Files are written whole, in one
 * write: the kernel takes each write of schemata as a set of lines. */
#include "sys/resctrl.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/strbuf.h"

#define RESCTRL_MOUNT "/sys/fs/resctrl"
#define K_RDTGROUP_SUPER_MAGIC 0x7655821 /* linux/magic.h */

int rdt_open(const char *base, struct err *e)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, base ? base : RESCTRL_MOUNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs st;

	if (fd < 0 && errno != ENOENT)
		return err_errno(e, -errno, "%s", base ? base : RESCTRL_MOUNT);
	if (fd < 0 || (!base && (fstatfs(fd, &st) < 0 || st.f_type != K_RDTGROUP_SUPER_MAGIC)))
		return err_set(e, ERR_UNSUPPORTED, "resctrl is not available: no such file system at %s (this processor or "
						   "kernel lacks it, or: mount -t resctrl resctrl " RESCTRL_MOUNT ")",
			       base ? base : RESCTRL_MOUNT);
	return take_fd(&fd);
}

static bool shared(const struct rdt_wish *w)
{
	return w->clos && *w->clos;
}

/* "." is the default group. */
static const char *group(const struct rdt_wish *w)
{
	return !shared(w) ? w->id : !strcmp(w->clos, "/") ? "." : w->clos;
}

static bool has_lines(const struct rdt_wish *w)
{
	return (w->l3 && *w->l3) || (w->mb && *w->mb) || (w->schemata && w->schemata[0]);
}

int rdt_path(const struct rdt_wish *w, bool monitoring, char *out)
{
	int n = monitoring ? snprintf(out, PATH_MAX, "%s/mon_groups/%s", group(w), w->id) :
			     snprintf(out, PATH_MAX, "%s", group(w));

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int open_group(int root, const char *path)
{
	return beneath_open(root, path, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
}

int rdt_own(int root, const struct rdt_wish *w, char **out)
{
	char path[PATH_MAX];
	CLEANUP_FD int fd = -1;
	int r = 0;

	*out = NULL;
	if (!shared(w))
		r = snprintf(path, sizeof(path), "%s", w->id) >= (int)sizeof(path) ? -ENAMETOOLONG : 0;
	else if (w->monitoring)
		r = rdt_path(w, true, path);
	else
		return 0;
	if (r < 0)
		return r;
	fd = open_group(root, path);
	if (fd != -ENOENT)
		return 0;
	*out = strdup(path);
	return *out ? 0 : -ENOMEM;
}

/* What the kernel said about a refused write, which it keeps in one file for all groups. */
static int refused(int root, const char *what, int r, struct err *e)
{
	CLEANUP_FREE char *why = NULL;
	size_t len;

	if (io_read_file(root, "info/last_cmd_status", 512, &why, &len) < 0 || !strcmp(why, "ok\n"))
		return err_errno(e, r, "%s", what);
	why[strcspn(why, "\n")] = '\0';
	return err_errno(e, r, "%s: %s", what, why);
}

static int write_file(int root, int dir, const char *file, const char *text, const char *what, struct err *e)
{
	CLEANUP_FD int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : io_write_full(fd, text, strlen(text));

	return r < 0 ? refused(root, what, r, e) : 0;
}

static int write_pid(int root, int dir, pid_t pid, struct err *e)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return write_file(root, dir, "tasks", text, "tasks", e);
}

static int write_schemata(int root, int dir, const struct rdt_wish *w, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, what = STRBUF_INIT;

	if (w->l3 && *w->l3)
		sb_printf(&text, "%s\n", w->l3);
	if (w->mb && *w->mb)
		sb_printf(&text, "%s\n", w->mb);
	for (const char *const *s = w->schemata; s && *s; s++)
		sb_printf(&text, "%s\n", *s);
	sb_printf(&what, "schemata \"%.*s\"", (int)(text.len ? text.len - 1 : 0), sb_str(&text));
	if (sb_error(&text) < 0 || sb_error(&what) < 0)
		return err_errno(e, -ENOMEM, "schemata");
	for (char *p = what.s; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return write_file(root, dir, "schemata", sb_str(&text), sb_str(&what), e);
}

static int make_group(int root, const char *path, struct err *e)
{
	int fd;

	if (mkdirat(root, path, 0755) < 0 && errno != EEXIST)
		return refused(root, "making the group", -errno, e);
	fd = open_group(root, path);
	return fd < 0 ? err_errno(e, fd, "group %s", path) : fd;
}

static int monitor(int root, const struct rdt_wish *w, pid_t pid, struct err *e)
{
	CLEANUP_FD int dir = -1;
	char path[PATH_MAX];

	if (!w->monitoring)
		return 0;
	if (rdt_path(w, true, path) < 0)
		return err_errno(e, -ENAMETOOLONG, "monitoring group");
	dir = make_group(root, path, e);
	return dir < 0 ? dir : write_pid(root, dir, pid, e);
}

int rdt_apply(int root, const struct rdt_wish *w, pid_t pid, struct err *e)
{
	CLEANUP_FD int dir = -1;
	int r;

	if (shared(w) && !has_lines(w)) {
		dir = open_group(root, group(w));
		if (dir == -ENOENT)
			return err_set(e, ERR_NOTFOUND, "closID: there is no group \"%s\", and nothing to make it of", w->clos);
		if (dir < 0)
			return err_errno(e, dir, "closID %s", w->clos);
	} else {
		dir = make_group(root, group(w), e);
		if (dir < 0)
			return dir;
	}
	if (has_lines(w) && write_schemata(root, dir, w, e) < 0)
		return e->code;
	r = write_pid(root, dir, pid, e);
	return r < 0 ? r : monitor(root, w, pid, e);
}

int rdt_join(int root, const struct rdt_wish *w, pid_t pid, struct err *e)
{
	CLEANUP_FD int dir = open_group(root, group(w));
	int r = dir < 0 ? err_errno(e, dir, "group %s", group(w)) : write_pid(root, dir, pid, e);

	return r < 0 ? r : monitor(root, w, pid, e);
}

int rdt_remove(int root, const char *own, struct err *e)
{
	if (unlinkat(root, own, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_errno(e, -errno, "removing resctrl group %s", own);
	return 0;
}
