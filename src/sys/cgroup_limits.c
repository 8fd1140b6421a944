/* What could be limited, looked up without making a cgroup: v1 by the files of each hierarchy's folder, v2 by the controllers that a cgroup
 * may hand down. Swap is a file, with and without its controller: v2's is in no root, so any cgroup that is there has to answer for it. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/cgroup_impl.h"

static bool has(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

/* Below the folder, one step down. */
static bool one_below_has(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d)
		close_fd(fd);
	while (d && (entry = readdir(d))) {
		char path[NAME_MAX + 64];

		(void)snprintf(path, sizeof(path), "%s/%s", entry->d_name, name);
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && has(dir, path))
			return true;
	}
	return false;
}

/* A list with blanks or commas. */
static bool lists(const char *words, const char *word)
{
	for (const char *at = words; *at; at += strspn(at, " ,\n")) {
		size_t len = strcspn(at, " ,\n");

		if (strlen(word) == len && strncmp(at, word, len) == 0)
			return true;
		at += len;
	}
	return false;
}

static void look_at_v2(int dir, struct cg_limits *out)
{
	CLEANUP_FREE char *words = NULL;

	if (io_read_file(dir, "cgroup.controllers", 4096, &words, NULL) < 0)
		return;
	if (lists(words, "memory")) {
		out->memory = true;
		out->swap = has(dir, "memory.swap.max") || one_below_has(dir, "memory.swap.max");
	}
	if (lists(words, "cpu"))
		out->cpu_shares = out->cpu_quota = true;
	out->cpuset |= lists(words, "cpuset");
	out->pids |= lists(words, "pids");
}

static void look_at_v1(int dir, const char *controllers, struct cg_limits *out)
{
	if (lists(controllers, "memory")) {
		out->memory = true;
		out->swap = has(dir, "memory.memsw.limit_in_bytes");
		out->oom_kill_disable = has(dir, "memory.oom_control");
	}
	if (lists(controllers, "cpu")) {
		out->cpu_shares = has(dir, "cpu.shares");
		out->cpu_quota = has(dir, "cpu.cfs_quota_us");
	}
	out->cpuset |= lists(controllers, "cpuset");
	out->pids |= lists(controllers, "pids");
}

void cg_find_limits(const char *path, struct cg_limits *out)
{
	const struct cg_system *s = cg_system();

	*out = (struct cg_limits){ 0 };
	for (size_t i = 0; i < s->n; i++) {
		char folder[PATH_MAX];
		CLEANUP_FD int dir = cg_host_path(&s->h[i], path, folder) < 0 ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && s->h[i].v2)
			look_at_v2(dir, out);
		else if (dir >= 0)
			look_at_v1(dir, s->h[i].name, out);
	}
}
