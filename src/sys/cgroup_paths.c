/* Where a cgroup's folders are, for those who publish them (state.json of OCI runtimes) or show them (the cgroup mount
 * of a container). */
#include <limits.h>
#include <string.h>

#include "sys/cgroup_impl.h"

/* "cpu,cpuacct" one by one. */
static int each_name(const char *names, const char *folder, cg_folder_fn fn, void *data)
{
	for (const char *p = names;; p++) {
		char name[64];
		size_t len = strcspn(p, ",");
		int r;

		if (len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, p, len);
		name[len] = '\0';
		r = fn(name, folder, data);
		if (r < 0 || !p[len])
			return r;
		p += len;
	}
}

int cg_each_folder(const char *path, cg_folder_fn fn, void *data)
{
	const struct cg_system *s = cg_system();
	CLEANUP_FREE char *normal = NULL;
	int r = cg_normalise(path, &normal);

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		char folder[PATH_MAX];

		r = cg_host_path(&s->h[i], normal, folder);
		if (r == 0)
			r = each_name(s->h[i].v2 ? "" : s->h[i].name, folder, fn, data);
	}
	return r;
}

size_t cg_hierarchies(void)
{
	return cg_system()->n;
}

const char *cg_hierarchy_name(size_t i)
{
	const struct cg_hierarchy *h = &cg_system()->h[i];
	const char *slash = strrchr(h->mount, '/');

	return h->v2 ? "unified" : slash ? slash + 1 : h->mount;
}

const char *cg_hierarchy_controllers(size_t i)
{
	return cg_system()->h[i].name;
}

int cg_hierarchy_v2(void)
{
	return cg_system()->v2;
}

int cg_hierarchy_open(size_t i)
{
	return cg_open_dir(&cg_system()->h[i], "");
}

int cg_hierarchy_dir(const struct cgroup *cg, size_t i)
{
	return cg->dir[i];
}
