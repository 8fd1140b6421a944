/* Cgroups as folders: made, opened, joined in every hierarchy at once.
 *
 * A cgroup is held by one O_PATH fd per hierarchy, so limits, joins and statistics cost one openat each and no path
 * walk. mkdir is tried on the leaf first: the parents are usually there. On v2 the controllers are enabled on the way
 * down, but only when the leaf lacks one, which one read of its cgroup.controllers tells.
 *
 * Who is moved by another waits for an RCU grace period at the first write after a quiet moment, and the rest is nearly
 * free right afterwards, so every cgroup.procs is opened before the first is written. Who moves itself does not wait: see
 * cgroup_self.c.
 *
 * Path components "." and ".." are refused: the path may come from a container's configuration, and cgroup file
 * systems have no symlinks that could lead elsewhere. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"

/* How often a parent may vanish (another tare removing its last cgroup) while we make a child. */
#define MKDIR_RETRIES 8

int cg_normalise(const char *path, char **out)
{
	CLEANUP_FREE char *norm = NULL;
	char *o;

	if (path[0] != '/' || strlen(path) >= PATH_MAX / 2 || strchr(path, '\n'))
		return -EINVAL;
	o = norm = calloc(1, strlen(path) + 2);
	if (!norm)
		return -ENOMEM;
	while (*path) {
		size_t len = strcspn(path, "/");

		if ((len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
			return -EINVAL;
		if (len > 0) {
			*o++ = '/';
			memcpy(o, path, len);
			o += len;
		}
		path += len + (path[len] == '/');
	}
	if (!*norm)
		return -EINVAL;
	*out = take_ptr(norm);
	return 0;
}

int cg_host_path(const struct cg_hierarchy *h, const char *path, char out[PATH_MAX])
{
	int n = TEXT_JOIN(out, PATH_MAX, h->mount, path);

	return n < 0 ? n : 0;
}

int cg_open_dir(const struct cg_hierarchy *h, const char *path)
{
	char full[PATH_MAX];
	int r = cg_host_path(h, path, full), fd;

	if (r < 0)
		return r;
	fd = openat(AT_FDCWD, full, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cg_read_in(const struct cg_hierarchy *h, const char *path, const char *file, char *buf, size_t len)
{
	char full[PATH_MAX];
	int n = TEXT_JOIN(full, sizeof(full), h->mount, path, "/", file);

	return n < 0 ? n : cg_read(AT_FDCWD, full, buf, len);
}

/* mkdir -p below the mount point. 1 = made, 0 = was there. */
static int make_dir(const struct cg_hierarchy *h, const char *path)
{
	char full[PATH_MAX];
	int r = cg_host_path(h, path, full);
	char *slash;

	if (r < 0)
		return r;
	for (int tries = 0; tries < MKDIR_RETRIES; tries++) {
		if (mkdir(full, 0755) == 0)
			return 1;
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			return -errno;
		for (slash = full + strlen(h->mount) + 1; (slash = strchr(slash, '/')); slash++) {
			*slash = '\0';
			r = mkdir(full, 0755) < 0 && errno != EEXIST ? -errno : 0;
			*slash = '/';
			if (r < 0)
				return r;
		}
	}
	return -ENOENT;
}

/* With nothing open yet. */
static struct cgroup *alloc_cgroup(void)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));

	if (!cg)
		return NULL;
	cg->sys = cg_system();
	for (size_t i = 0; i < CG_MAX_HIERARCHIES; i++)
		cg->dir[i] = -1;
	return cg;
}

static int new_cgroup(const char *path, struct cgroup **out, struct err *e)
{
	struct cgroup *cg;
	int r;

	*out = NULL;
	if (cg_system()->mode == CG_NONE)
		return err_set(e, ERR_UNSUPPORTED, "cgroup %s: no cgroup hierarchy is mounted here; mount cgroup2 on "
						   "/sys/fs/cgroup", path);
	cg = alloc_cgroup();
	if (!cg)
		return err_errno(e, -ENOMEM, "cgroup %s", path);
	r = cg_normalise(path, &cg->path);
	if (r < 0) {
		cg_close(cg);
		return r == -ENOMEM ? err_errno(e, r, "cgroup %s", path) :
				      err_set(e, ERR_INVALID, "cgroup path \"%s\" must be absolute, without \".\" or "
							      "\"..\", and not the root", path);
	}
	*out = cg;
	return 0;
}

static int create_in(struct cgroup *cg, size_t i, bool *made, struct err *e)
{
	const struct cg_hierarchy *h = &cg->sys->h[i];
	int r = make_dir(h, cg->path);

	if (r == -EROFS)
		return err_set(e, ERR_DENIED, "%s is read-only, and no cgroup can be made there: who runs containers in a container needs that --privileged",
			       h->mount);
	if (r < 0)
		return err_errno(e, r, "make cgroup %s%s", h->mount, cg->path);
	*made = r > 0;
	cg->dir[i] = cg_open_dir(h, cg->path);
	if (cg->dir[i] < 0)
		return err_errno(e, cg->dir[i], "open cgroup %s%s", h->mount, cg->path);
	return h->ctrls & (1U << CG_CPUSET) && !h->v2 ? cg1_cpuset_inherit(h, cg->path, cg->dir[i], *made, e) : 0;
}

/* A create that failed half-way leaves no leaf behind. */
static void undo_create(const struct cgroup *cg, const bool made[CG_MAX_HIERARCHIES])
{
	char full[PATH_MAX];

	for (size_t i = 0; i < cg->sys->n; i++) {
		if (made[i] && cg_host_path(&cg->sys->h[i], cg->path, full) == 0)
			(void)rmdir(full);
	}
}

/* On v2: whether the leaf has all that the root has. */
static bool controllers_complete(const struct cgroup *cg)
{
	char have[512];

	return cg_read(cg->dir[cg->sys->v2], "cgroup.controllers", have, sizeof(have)) == 0 &&
	       strcmp(have, cg->sys->v2_controllers) == 0;
}

int cg_create(const char *path, struct cgroup **out, bool *existed, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	bool made[CG_MAX_HIERARCHIES] = { false }, any = false;
	int r = new_cgroup(path, &cg, e);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < cg->sys->n; i++) {
		r = create_in(cg, i, &made[i], e);
		any = any || !made[i];
	}
	if (r < 0) {
		undo_create(cg, made);
		return r;
	}
	if (cg->sys->v2 >= 0 && !controllers_complete(cg))
		cg2_enable(cg->sys, cg->path);
	if (existed)
		*existed = any;
	*out = take_ptr(cg);
	return 0;
}

int cg_open(const char *path, struct cgroup **out, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	bool found = false;
	int r = new_cgroup(path, &cg, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < cg->sys->n; i++) {
		cg->dir[i] = cg_open_dir(&cg->sys->h[i], cg->path);
		found = found || cg->dir[i] >= 0;
		if (cg->dir[i] < 0 && cg->dir[i] != -ENOENT)
			return err_errno(e, cg->dir[i], "open cgroup %s%s", cg->sys->h[i].mount, cg->path);
	}
	if (!found)
		return err_set(e, ERR_NOTFOUND, "no such cgroup: %s", cg->path);
	*out = take_ptr(cg);
	return 0;
}

void cg_close(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < CG_MAX_HIERARCHIES; i++)
		close_fd(cg->dir[i]);
	free(cg->path);
	free(cg);
}

int cg_clone_fd(const struct cgroup *cg)
{
	return cg->sys->v2 >= 0 ? cg->dir[cg->sys->v2] : -1;
}

bool cg_only_v2(const struct cgroup *cg)
{
	return cg->sys->mode == CG_V2;
}

/* One write of one pid into one hierarchy. */
struct join {
	int fd;
	pid_t pid;
	const struct cgroup *cg;
	const struct cg_hierarchy *h;
};

int cg_join_error(const struct cgroup *cg, const struct cg_hierarchy *h, const char *file, int r, struct err *e)
{
	if (h->v2 && r == -EBUSY)
		return err_set(e, ERR_BUSY, "join cgroup %s: it has controllers enabled for its children, and on v2 "
					    "processes may only be in its leaves", cg->path);
	if (h->v2 && r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "join cgroup %s: it is below a threaded cgroup (cgroup.type "
						   "\"domain invalid\"); name another parent", cg->path);
	return err_errno(e, r, "write a process to %s%s/%s", h->mount, cg->path, file);
}

static int join_error(const struct join *j, int r, struct err *e)
{
	return r == -ESRCH ? err_errno(e, r, "join cgroup %s: process %d", j->cg->path, (int)j->pid) :
			     cg_join_error(j->cg, j->h, "cgroup.procs", r, e);
}

/* ---- rights ---- */

/* Cuts path down to the nearest cgroup that is there, at most to "". False when even that is not. */
static bool nearest(const struct cg_hierarchy *h, char *path)
{
	char full[PATH_MAX];

	for (;;) {
		char *slash = strrchr(path, '/');

		if (cg_host_path(h, path, full) == 0 && access(full, F_OK) == 0)
			return true;
		if (!slash)
			return false;
		*slash = '\0';
	}
}

static bool may_write(const struct cg_hierarchy *h, const char *path, const char *file)
{
	char full[PATH_MAX];

	return TEXT_JOIN(full, sizeof(full), h->mount, path, file) > 0 && access(full, W_OK) == 0;
}

/* Cuts path down to what is above, or is, our own cgroup. False when that is outside of what we see. */
static bool common_with_own(const struct cg_hierarchy *h, char *path)
{
	CLEANUP_FREE char *text = NULL;
	char own[PATH_MAX];
	size_t len = 0;

	if (io_read_file(AT_FDCWD, "/proc/self/cgroup", 1U << 20, &text, NULL) < 0 ||
	    cg_line_path(text, h, own, sizeof(own)) < 0)
		return false;
	for (size_t i = 0; path[i] && path[i] == own[i]; i++)
		if ((path[i + 1] == '/' || !path[i + 1]) && (own[i + 1] == '/' || !own[i + 1]))
			len = i + 1;
	path[len] = '\0';
	return true;
}

bool cg_may_make(const char *path)
{
	const struct cg_system *s = cg_system();
	bool may = s->mode != CG_NONE;

	for (size_t i = 0; may && i < s->n; i++) {
		CLEANUP_FREE char *at = NULL;

		may = cg_normalise(path, &at) == 0 && nearest(&s->h[i], at) && may_write(&s->h[i], at, "");
		if (may && s->h[i].v2)
			may = common_with_own(&s->h[i], at) && may_write(&s->h[i], at, "/cgroup.procs");
	}
	return may;
}

/* ---- cgroups below ---- */

static int narrow_one(struct cgroup *cg, size_t i, const char *sub, struct err *e)
{
	int fd = beneath_open(cg->dir[i], sub, BENEATH_NOLINKS, O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "error adding pid to %s%s/%s/cgroup.procs: no such file or directory",
			       cg->sys->h[i].mount, cg->path, sub);
	if (fd < 0)
		return err_errno(e, fd, "cgroup %s%s/%s", cg->sys->h[i].mount, cg->path, sub);
	close_fd(cg->dir[i]);
	cg->dir[i] = fd;
	cg->narrowed = true;
	return 0;
}

static bool has_word(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && strncmp(at, word, len) == 0)
			return true;
	return false;
}

static int narrow_controller(struct cgroup *cg, const char *word, size_t len, const char *sub, struct err *e)
{
	for (size_t i = 0; i < cg->sys->n; i++)
		if (cg->dir[i] >= 0 && !cg->sys->h[i].v2 && has_word(cg->sys->h[i].name, word, len))
			return *sub ? narrow_one(cg, i, sub, e) : 0;
	return err_set(e, ERR_INVALID, "unknown controller %.*s: cgroup %s is in no v1 hierarchy of this name", (int)len,
		       word, cg->path);
}

static bool goes_up(const char *path)
{
	for (; *path; path += strspn(path, "/")) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += len;
	}
	return false;
}

int cg_narrow(struct cgroup *cg, const char *where, struct err *e)
{
	const char *colon = strchr(where, ':'), *sub = colon ? colon + 1 : where;
	int r = 0;

	sub += strspn(sub, "/");
	if (goes_up(sub))
		return err_set(e, ERR_INVALID, "bad sub cgroup path: %s is not a sub cgroup path", sub);
	if (colon) {
		for (const char *at = where; r == 0 && at <= colon; at += strcspn(at, ",:") + 1)
			r = narrow_controller(cg, at, strcspn(at, ",:"), sub, e);
		return r;
	}
	for (size_t i = 0; *sub && r == 0 && i < cg->sys->n; i++) {
		if (cg->dir[i] < 0)
			continue;
		r = narrow_one(cg, i, sub, e);
		if (r < 0 && e->cls == ERR_NOTFOUND && cg->sys->h[i].v2 && cg->sys->mode == CG_HYBRID) {
			*e = (struct err){ 0 };
			r = 0;
		}
	}
	return r;
}

/* ---- join ---- */

/* On v2 a process that clone3 has put there already needs no write, and no wait. */
static bool is_there(const struct cgroup *cg, pid_t pid)
{
	char now[PATH_MAX];

	return cg->sys->mode == CG_V2 && !cg->narrowed && cg_path_of(pid, now, sizeof(now)) == 0 && strcmp(now, cg->path) == 0;
}

static int open_joins(const struct cgroup *cg, pid_t pid, struct join *joins, size_t *n, struct err *e)
{
	if (is_there(cg, pid))
		return 0;
	for (size_t i = 0; i < cg->sys->n; i++) {
		struct join *j = &joins[*n];
		int fd;

		if (cg->dir[i] < 0)
			continue;
		fd = openat(cg->dir[i], "cgroup.procs", O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return err_errno(e, -errno, "open %s%s/cgroup.procs", cg->sys->h[i].mount, cg->path);
		*j = (struct join){ fd, pid, cg, &cg->sys->h[i] };
		(*n)++;
	}
	return 0;
}

static int write_joins(const struct join *joins, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		char text[TEXT_U64_LEN];
		const char *pid = text_of_u64((uint64_t)joins[i].pid, text);
		int r = io_write_full(joins[i].fd, pid, strlen(pid));

		if (r < 0)
			return join_error(&joins[i], r, e);
	}
	return 0;
}

int cg_join_burst(struct cgroup *const *cgs, const pid_t *pids, size_t n, struct err *e)
{
	CLEANUP_FREE struct join *joins = calloc(n * CG_MAX_HIERARCHIES + 1, sizeof(*joins));
	size_t n_joins = 0;
	int r = joins ? 0 : err_errno(e, -ENOMEM, "join cgroups");

	for (size_t i = 0; r == 0 && i < n; i++)
		r = open_joins(cgs[i], pids[i], joins, &n_joins, e);
	if (r == 0)
		r = write_joins(joins, n_joins, e);
	for (size_t i = 0; i < n_joins; i++)
		close_fd(joins[i].fd);
	return r;
}

int cg_open_own(struct cgroup **out, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = alloc_cgroup();
	CLEANUP_FREE char *text = NULL;
	char path[PATH_MAX];
	int r = cg ? io_read_file(AT_FDCWD, "/proc/self/cgroup", 1U << 20, &text, NULL) : -ENOMEM;

	if (r < 0)
		return err_errno(e, r, "open our own cgroup");
	for (size_t i = 0; i < cg->sys->n; i++) {
		const struct cg_hierarchy *h = &cg->sys->h[i];

		r = cg_line_path(text, h, path, sizeof(path));
		if (r == -ENOENT || r == -EXDEV)
			continue;
		cg->dir[i] = r < 0 ? r : cg_open_dir(h, path);
		if (cg->dir[i] < 0)
			return err_errno(e, cg->dir[i], "open our own cgroup below %s", h->mount);
	}
	*out = take_ptr(cg);
	return 0;
}

int cg_join(struct cgroup *cg, pid_t pid, struct err *e)
{
	return cg_join_burst(&cg, &pid, 1, e);
}
