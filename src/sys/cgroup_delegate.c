/* A v2 cgroup that was delegated, to us or by us. systemd marks those of units with Delegate= by an attribute (systemd.io/CGROUP_DELEGATION).
 *
 * Handing one to somebody: its folder and those of its files that are for whom it is delegated to, which the
 * kernel lists (kernel: admin-guide/cgroup-v2.rst, "Delegation"). The limits stay with whoever made it. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/io.h"

#define LIST "/sys/kernel/cgroup/delegate"

static int give_file(int dir, const char *name, uid_t uid)
{
	if (strchr(name, '/'))
		return 0;
	/* a controller that is not enabled here has no files */
	return fchownat(dir, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT ? -errno : 0;
}

int cg_give(struct cgroup *cg, uid_t uid, struct err *e)
{
	CLEANUP_FREE char *list = NULL;
	char *name, *rest = NULL;
	int dir = cg->sys->mode == CG_V2 ? cg->dir[cg->sys->v2] : -1, r;

	if (dir < 0)
		return 0;
	if (io_read_file(AT_FDCWD, LIST, 65536, &list, NULL) < 0)
		list = strdup("cgroup.procs\ncgroup.threads\ncgroup.subtree_control");
	if (!list)
		return err_errno(e, -ENOMEM, "give cgroup %s to user %u", cg->path, uid);
	r = fchownat(dir, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0 ? -errno : 0;
	for (name = strtok_r(list, "\n", &rest); name && r == 0; name = strtok_r(NULL, "\n", &rest))
		r = give_file(dir, name, uid);
	return r < 0 ? err_errno(e, r, "give cgroup %s to user %u", cg->path, uid) : 0;
}

/* The older name is of systemd before 251, and root's alone. */
static bool is_delegated(const struct cg_hierarchy *h, const char *path)
{
	static const char *const names[] = { "user.delegate", "trusted.delegate" };
	char full[PATH_MAX], value[2] = "";

	if (cg_host_path(h, path, full) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (getxattr(full, names[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	return false;
}

int cg_delegated(char *path)
{
	const struct cg_system *s = cg_system();

	if (s->mode != CG_V2)
		return -EOPNOTSUPP;
	for (char *slash; *path; *slash = '\0') {
		if (is_delegated(&s->h[s->v2], path))
			return 0;
		slash = strrchr(path, '/');
		if (!slash)
			break;
	}
	return -ENOENT;
}
