/* Which cgroup hierarchies this process sees, found once.
 *
 * Where v2 alone is mounted as usual, two questions to it tell so. Else mountinfo is the truth: a controller may be
 * mounted anywhere, alone or with others, and a mount may show only a part of its hierarchy (inside a container). Each
 * mount point is checked against the device number its line names, so a line whose mount point has been covered by
 * another mount is not believed. Only strings are cached, no fds: programs that close all fds after a fork stay right. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/text.h"

#define MOUNTINFO_MAX (64U << 20)
#define USUAL_PLACE "/sys/fs/cgroup"

static const struct {
	const char *v1, *v2;
} ctrl_names[CG_CTRLS] = {
	[CG_CPU] = { "cpu", "cpu" },
	[CG_CPUACCT] = { "cpuacct", NULL },
	[CG_CPUSET] = { "cpuset", "cpuset" },
	[CG_MEMORY] = { "memory", "memory" },
	[CG_DEVICES] = { "devices", NULL },
	[CG_FREEZER] = { "freezer", NULL },
	[CG_IO] = { "blkio", "io" },
	[CG_PIDS] = { "pids", "pids" },
	[CG_HUGETLB] = { "hugetlb", "hugetlb" },
	[CG_RDMA] = { "rdma", "rdma" },
	[CG_NET_CLS] = { "net_cls", NULL },
	[CG_NET_PRIO] = { "net_prio", NULL },
};

const char *cg_ctrl_name(enum cg_ctrl c, bool v2)
{
	return v2 ? ctrl_names[c].v2 : ctrl_names[c].v1;
}

static unsigned int ctrl_bit(const char *word, size_t len, bool v2)
{
	for (unsigned int c = 0; c < CG_CTRLS; c++) {
		const char *name = v2 ? ctrl_names[c].v2 : ctrl_names[c].v1;

		if (name && *name == *word && strncmp(name, word, len) == 0 && !name[len])
			return 1U << c;
	}
	return 0;
}

/* A field of mountinfo with its octal escapes (\040) undone. */
static char *unescape(const char *s, size_t len)
{
	char *out = malloc(len + 1), *o = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 3 < len && s[i + 1] >= '0' && s[i + 1] <= '3') {
			*o++ = (char)((s[i + 1] - '0') * 64 + (s[i + 2] - '0') * 8 + (s[i + 3] - '0'));
			i += 3;
		} else {
			*o++ = s[i];
		}
	}
	*o = '\0';
	return out;
}

/* The v1 controllers among a mount's super options ("rw,xattr,cpu,cpuacct" gives "cpu,cpuacct"), or its name=. */
static char *v1_name(const char *options, size_t len, unsigned int *ctrls)
{
	char *name = calloc(1, len + 1), *at = name;
	const char *end = options + len;

	*ctrls = 0;
	while (name && options < end) {
		size_t n = strcspn(options, ",\n");
		unsigned int bit;

		if (n > (size_t)(end - options))
			n = (size_t)(end - options);
		bit = ctrl_bit(options, n, false);
		*ctrls |= bit;
		if (bit || strncmp(options, "name=", 5) == 0 || (n == 10 && memcmp(options, "perf_event", n) == 0)) {
			if (at != name)
				*at++ = ',';
			memcpy(at, options, n);
			at += n;
		}
		options += n + 1;
	}
	return name;
}

/* One hierarchy may be mounted twice; the mount that shows more of it wins. */
static struct cg_hierarchy *slot_for(struct cg_system *s, unsigned int major, unsigned int minor, size_t root_len)
{
	for (size_t i = 0; i < s->n; i++) {
		struct cg_hierarchy *h = &s->h[i];

		if (h->major != major || h->minor != minor)
			continue;
		if (strlen(h->root) <= root_len)
			return NULL;
		free(h->mount);
		free(h->root);
		free(h->name);
		memset(h, 0, sizeof(*h));
		return h;
	}
	return s->n < CG_MAX_HIERARCHIES ? &s->h[s->n++] : NULL;
}

/* "36 31 0:35 ROOT MOUNT rw,relatime [optional…] - cgroup SOURCE OPTIONS" */
static int parse_line(const char *line, size_t len, struct cg_system *s)
{
	const char *field[5], *end = line + len, *p = line, *type;
	size_t flen[5];
	const char *number;
	uint32_t major, minor;
	struct cg_hierarchy *h;

	for (int i = 0; i < 5; i++) {
		const char *space = memchr(p, ' ', (size_t)(end - p));

		if (!space)
			return 0;
		field[i] = p;
		flen[i] = (size_t)(space - p);
		p = space + 1;
	}
	number = field[2];
	type = memmem(p, (size_t)(end - p), " - ", 3);
	if (!type || strncmp(type + 3, "cgroup", 6) != 0 || !text_take_u32(&number, &major) || *number++ != ':' ||
	    !text_take_u32(&number, &minor))
		return 0;
	type += 3;
	p = memchr(type, ' ', (size_t)(end - type));
	p = p ? memchr(p + 1, ' ', (size_t)(end - p - 1)) : NULL;
	if (!p)
		return 0;
	p++;
	h = slot_for(s, major, minor, flen[3]);
	if (!h)
		return 0;
	h->v2 = strncmp(type, "cgroup2 ", 8) == 0;
	h->major = major;
	h->minor = minor;
	h->root = unescape(field[3], flen[3]);
	h->mount = unescape(field[4], flen[4]);
	h->name = h->v2 ? strdup("") : v1_name(p, (size_t)(end - p), &h->ctrls);
	return h->root && h->mount && h->name ? 0 : -ENOMEM;
}

int cg_parse_mountinfo(const char *text, struct cg_system *out)
{
	memset(out, 0, sizeof(*out));
	out->v2 = -1;
	while (*text) {
		size_t len = strcspn(text, "\n");
		int r = parse_line(text, len, out);

		if (r < 0)
			return r;
		text += len + (text[len] == '\n');
	}
	return 0;
}

int cg_index(struct cg_system *s, const char *v2_controllers)
{
	size_t n_v1 = 0;

	s->v2 = -1;
	for (unsigned int c = 0; c < CG_CTRLS; c++)
		s->where[c] = -1;
	free(s->v2_controllers);
	s->v2_controllers = strdup(v2_controllers);
	if (!s->v2_controllers)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		struct cg_hierarchy *h = &s->h[i];

		if (!h->v2) {
			n_v1++;
		} else if (s->v2 < 0) {
			s->v2 = (int)i;
			for (const char *w = v2_controllers; *w; w += strcspn(w, " ") + strspn(w + strcspn(w, " "), " "))
				h->ctrls |= ctrl_bit(w, strcspn(w, " \n"), true);
		}
		for (unsigned int c = 0; c < CG_CTRLS; c++) {
			if (h->ctrls & (1U << c))
				s->where[c] = (int)i;
		}
	}
	if (s->v2 < 0)
		s->mode = n_v1 ? CG_V1 : CG_NONE;
	else
		s->mode = n_v1 ? CG_HYBRID : CG_V2;
	return 0;
}

static void clear_hierarchy(struct cg_hierarchy *h)
{
	free(h->mount);
	free(h->root);
	free(h->name);
	memset(h, 0, sizeof(*h));
}

void cg_system_clear(struct cg_system *s)
{
	for (size_t i = 0; i < s->n; i++)
		clear_hierarchy(&s->h[i]);
	free(s->v2_controllers);
	memset(s, 0, sizeof(*s));
	s->v2 = -1;
	for (unsigned int c = 0; c < CG_CTRLS; c++)
		s->where[c] = -1;
}

/* Drops the mounts that a path lookup does not reach (covered, or outside our root). */
static void drop_hidden(struct cg_system *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct stat st;

		if (stat(s->h[i].mount, &st) == 0 && major(st.st_dev) == s->h[i].major &&
		    minor(st.st_dev) == s->h[i].minor) {
			s->h[kept++] = s->h[i];
		} else {
			clear_hierarchy(&s->h[i]);
		}
	}
	s->n = kept;
}

/* The usual machine: all of v2 at its usual place, where nobody looks for v1 elsewhere. It is known without mountinfo,
 * which is as long as the machine has mounts. Only the root of the whole hierarchy has no cgroup.events; any other (a
 * cgroup namespace's, a bind's) has a path that mountinfo tells. */
static bool whole_v2(struct cg_system *s)
{
	struct cg_hierarchy *h = &s->h[0];
	struct statfs fs;
	struct stat st;

	if (statfs(USUAL_PLACE, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC || stat(USUAL_PLACE, &st) < 0 ||
	    faccessat(AT_FDCWD, USUAL_PLACE "/cgroup.events", F_OK, 0) == 0)
		return false;
	*h = (struct cg_hierarchy){ .v2 = true, .major = major(st.st_dev), .minor = minor(st.st_dev),
				    .root = strdup("/"), .mount = strdup(USUAL_PLACE), .name = strdup("") };
	s->n = 1;
	if (h->root && h->mount && h->name)
		return true;
	cg_system_clear(s);
	return false;
}

static int from_mountinfo(struct cg_system *s)
{
	CLEANUP_FREE char *text = NULL;
	int r = io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);

	if (r == 0)
		r = cg_parse_mountinfo(text, s);
	if (r == 0)
		drop_hidden(s);
	return r;
}

static int load(struct cg_system *s)
{
	char controllers[512] = "";
	int r = whole_v2(s) ? 0 : from_mountinfo(s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n; i++) {
		CLEANUP_FD int fd = -1;

		if (!s->h[i].v2)
			continue;
		fd = cg_open_dir(&s->h[i], "");
		if (fd < 0 || cg_read(fd, "cgroup.controllers", controllers, sizeof(controllers)) < 0)
			controllers[0] = '\0';
		break;
	}
	return cg_index(s, controllers);
}

const struct cg_system *cg_system(void)
{
	static struct cg_system cached;
	static bool done;

	if (!done) {
		if (load(&cached) < 0)
			cg_system_clear(&cached);
		done = true;
	}
	return &cached;
}

enum cg_mode cg_detect(void)
{
	return cg_system()->mode;
}

/* Whether LIST, the second field of a /proc/PID/cgroup line, is hierarchy h: the same controllers in any order. */
static bool same_hierarchy(const char *list, size_t len, const struct cg_hierarchy *h)
{
	unsigned int ctrls;
	bool same;

	if (h->v2)
		return len == 0;
	CLEANUP_FREE char *name = v1_name(list, len, &ctrls);

	same = name && (ctrls == h->ctrls && ctrls != 0);
	return same || (name && *name && strcmp(name, h->name) == 0);
}

/* PATH as /proc says it, less the root of the mount. */
static int below_root(const char *path, size_t len, const char *root, char *out, size_t size)
{
	size_t rlen = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (rlen > len || memcmp(path, root, rlen) != 0 || (rlen < len && path[rlen] != '/'))
		return -EXDEV;
	if (len >= 3 && memcmp(path, "/..", 3) == 0 && (len == 3 || path[3] == '/') && rlen == 0)
		return -EXDEV;
	path += rlen;
	len -= rlen;
	if (len == 0) {
		path = "/";
		len = 1;
	}
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(out, path, len);
	out[len] = '\0';
	return 0;
}

int cg_line_path(const char *text, const struct cg_hierarchy *h, char *out, size_t len)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		const char *list = memchr(text, ':', n), *path;

		path = list ? memchr(list + 1, ':', n - (size_t)(list + 1 - text)) : NULL;
		if (path && same_hierarchy(list + 1, (size_t)(path - list - 1), h))
			return below_root(path + 1, n - (size_t)(path + 1 - text), h->root, out, len);
		text += n + (text[n] == '\n');
	}
	return -ENOENT;
}

int cg_path_of(pid_t pid, char *out, size_t len)
{
	static const enum cg_ctrl order[] = { CG_MEMORY, CG_PIDS, CG_CPU, CG_FREEZER };
	const struct cg_system *s = cg_system();
	CLEANUP_FREE char *text = NULL;
	int pick = s->v2, r;
	char path[40];

	if (s->mode == CG_NONE)
		return -ENOENT;
	if (s->mode != CG_V2) {
		pick = s->n ? 0 : -1;
		for (size_t i = ARRAY_LEN(order); i-- > 0;)
			pick = s->where[order[i]] >= 0 ? s->where[order[i]] : pick;
	}
	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/self/cgroup");
	else
		snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	r = io_read_file(AT_FDCWD, path, 1U << 20, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	return cg_line_path(text, &s->h[pick], out, len);
}
