/* Moving a process, the kernel locks out all forks and exits of the machine, that no thread of it be missed; to take that
 * lock after a quiet moment takes an RCU grace period, 8-12 ms. But a thread that moves itself cannot fork or exit
 * meanwhile, and v1 moves single threads: 0 written into `tasks` takes no lock (kernel: cgroup_procs_write_start(), since
 * 5.5; older ones take it, and wait). For a process of one thread it is the same move.
 *
 * v2 moves single threads within a domain alone; who is to be elsewhere there is born there (clone3). */
#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/cgroup_impl.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP2_MAGIC 0x63677270

static bool is_v2(const char *mount)
{
	struct statfs s;

	return statfs(mount, &s) == 0 && s.f_type == CGROUP2_MAGIC;
}

bool cg_is_unified(void)
{
	return is_v2(CGROUP_ROOT);
}

int cg_birthplace(const char *path)
{
	static const char *const places[] = { CGROUP_ROOT, CGROUP_ROOT "/unified" };
	char full[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		int r, fd;

		if (!is_v2(places[i]))
			continue;
		r = TEXT_JOIN(full, sizeof(full), places[i], path);
		if (r < 0)
			return r;
		fd = open(full, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			return fd >= 0 ? fd : -errno;
		r = io_mkdirs(AT_FDCWD, full, 0755);
		fd = r < 0 ? r : open(full, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd >= 0 || r < 0 ? fd : -errno;
	}
	return -ENOENT;
}

static int join_one(const struct cgroup *cg, size_t i, struct err *e)
{
	const struct cg_hierarchy *h = &cg->sys->h[i];
	const char *file = h->v2 ? "cgroup.procs" : "tasks";
	CLEANUP_FD int fd = openat(cg->dir[i], file, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_write_full(fd, "0", 1);

	return r < 0 ? cg_join_error(cg, h, file, r, e) : 0;
}

int cg_join_self(const struct cgroup *cg, bool born, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cg->sys->n; i++)
		if (cg->dir[i] >= 0 && !(born && (int)i == cg->sys->v2))
			r = join_one(cg, i, e);
	return r;
}

bool cg_in_v2(const struct cgroup *cg)
{
	CLEANUP_FREE char *text = NULL;
	char now[PATH_MAX];

	return cg->sys->v2 >= 0 && io_read_file(AT_FDCWD, "/proc/self/cgroup", 1U << 20, &text, NULL) == 0 &&
	       cg_line_path(text, &cg->sys->h[cg->sys->v2], now, sizeof(now)) == 0 && strcmp(now, cg->path) == 0;
}
