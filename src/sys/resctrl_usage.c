/* What resctrl tells about a group. Its files: schemata (one line for each resource), info/RESOURCE/ (what the processor
 * can), mon_data/DOMAIN/ (counters). What the processor lacks has no files, and is left out. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/resctrl.h"

#define FILE_MAX 65536
/* Domains of cache a machine has at most; more is left out. */
#define NODES_MAX 1024

static int open_below(int root, const char *path)
{
	return beneath_open(root, path, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
}

/* Without white space at both ends, in the arena; NULL: absent. */
static char *text_of(struct arena *a, int dir, const char *file)
{
	CLEANUP_FREE char *text = NULL;
	const char *start;
	size_t len;

	if (io_read_file(dir, file, FILE_MAX, &text, NULL) < 0)
		return NULL;
	start = text + strspn(text, " \t\n");
	len = strlen(start);
	while (len && strchr(" \t\n", start[len - 1]))
		len--;
	return arena_strndup(a, start, len);
}

/* 0 where it is absent or no number ("Unavailable", of a counter). */
static uint64_t number_of(struct arena *a, int dir, const char *file)
{
	const char *text = text_of(a, dir, file);
	uint64_t v;

	return text && text_u64(text, &v) == 0 ? v : 0;
}

/* The lines of a schemata file, NULL-terminated; those of L3 ("L3:", "L3CODE:"…) and memory bandwidth apart. */
static int read_schemata(struct arena *a, int dir, const char ***lines, const char **l3, const char **mb)
{
	char *text = text_of(a, dir, "schemata"), *line;
	const char **v;
	size_t n = 1;

	for (const char *p = text; p && *p; p++)
		n += *p == '\n';
	v = arena_array(a, n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	*lines = v;
	while (text && (line = strsep(&text, "\n"))) {
		line += strspn(line, " \t");
		*v++ = line;
		if (strstr(line, "L3"))
			*l3 = line;
		if (strstr(line, "MB"))
			*mb = line;
	}
	return 0;
}

static void read_info(struct arena *a, int root, struct rdt_usage *u)
{
	CLEANUP_FD int l3 = open_below(root, "info/L3"), mb = open_below(root, "info/MB"),
		       monitor = open_below(root, "info/L3_MON");
	const char *features = monitor < 0 ? NULL : text_of(a, monitor, "mon_features");

	u->has_l3 = l3 >= 0;
	u->has_mb = mb >= 0;
	u->has_bandwidth = features && (strstr(features, "mbm_total_bytes") || strstr(features, "mbm_local_bytes"));
	u->has_occupancy = features && strstr(features, "llc_occupancy");
	if (u->has_l3) {
		u->cbm_mask = text_of(a, l3, "cbm_mask");
		u->min_cbm_bits = number_of(a, l3, "min_cbm_bits");
		u->l3_closids = number_of(a, l3, "num_closids");
	}
	if (u->has_mb) {
		u->bandwidth_gran = number_of(a, mb, "bandwidth_gran");
		u->delay_linear = number_of(a, mb, "delay_linear");
		u->min_bandwidth = number_of(a, mb, "min_bandwidth");
		u->mb_closids = number_of(a, mb, "num_closids");
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in the folder, sorted, in the arena: domains are called "mon_L3_00", "mon_L3_01"… */
static int domains(struct arena *a, int folder, const char ***out, size_t *n)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const char **names = arena_array(a, NODES_MAX, sizeof(*names));
	struct dirent *ent;

	if (!dir || !names) {
		close_fd(dir ? -1 : fd);
		return -ENOMEM;
	}
	*n = 0;
	while (*n < NODES_MAX && (ent = readdir(dir))) {
		if (ent->d_name[0] == '.')
			continue;
		names[*n] = arena_strdup(a, ent->d_name);
		if (!names[(*n)++])
			return -ENOMEM;
	}
	qsort(names, *n, sizeof(*names), by_name);
	*out = names;
	return 0;
}

/* In the order of the domains' names, for callers know them by their places. */
static int read_counters(struct arena *a, int group, struct rdt_usage *u)
{
	CLEANUP_FD int folder = open_below(group, "mon_data");
	const char **names;
	size_t n;
	int r;

	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	r = domains(a, folder, &names, &n);
	if (r < 0)
		return r;
	u->nodes = arena_array(a, n + 1, sizeof(*u->nodes));
	if (!u->nodes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FD int dir = open_below(folder, names[i]);

		if (dir < 0)
			continue;
		u->nodes[u->n_nodes++] = (struct rdt_counters){
			.total_bytes = number_of(a, dir, "mbm_total_bytes"),
			.local_bytes = number_of(a, dir, "mbm_local_bytes"),
			.occupancy = number_of(a, dir, "llc_occupancy"),
		};
	}
	return 0;
}

int rdt_read_usage(int root, const struct rdt_wish *w, struct arena *a, struct rdt_usage *out)
{
	CLEANUP_FD int group = -1, monitored = -1;
	const char **ignored;
	char path[PATH_MAX];
	int r = rdt_path(w, false, path);

	memset(out, 0, sizeof(*out));
	if (r < 0)
		return r;
	group = open_below(root, path);
	if (group < 0)
		return group;
	read_info(a, root, out);
	r = read_schemata(a, root, &ignored, &out->l3_root, &out->mb_root);
	if (r == 0)
		r = read_schemata(a, group, &out->schemata, &out->l3, &out->mb);
	if (r < 0 || !(out->has_bandwidth || out->has_occupancy))
		return r;
	r = rdt_path(w, w->monitoring, path);
	if (r < 0)
		return r;
	monitored = open_below(root, path);
	return monitored < 0 ? monitored : read_counters(a, monitored, out);
}
