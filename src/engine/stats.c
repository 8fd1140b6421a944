#include "engine/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "base/io.h"
#include "engine/config.h"
#include "engine/container.h"
#include "sys/cgroup.h"
#include "sys/cgroup_usage.h"

#define NET_DEV_MAX (1U << 20)

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

int stats_begin(const struct engine *en, struct stats_look *out, struct err *e)
{
	struct sysinfo si;
	struct stat st;

	*out = (struct stats_look){ .en = en };
	if (sysinfo(&si) < 0)
		return err_errno(e, -errno, "the machine's memory");
	out->memory = (uint64_t)si.totalram * si.mem_unit;
	if (stat("/proc/self/ns/net", &st) == 0)
		out->net = st.st_ino;
	return en->user.on ? stats_read_processes(out, e) : 0;
}

void stats_end(struct stats_look *l)
{
	free(l->v);
	l->v = NULL;
}

/* ---- network ---- */

/* "  eth0: BYTES packets errs drop fifo frame compressed multicast BYTES …", below two lines of titles; proc(5), /proc/net/dev. */
static bool read_device(char *line, struct stats_device *out)
{
	unsigned long long v[8];
	char *colon = strrchr(line, ':');

	line += strspn(line, " ");
	if (!colon || strncmp(line, "lo:", 3) == 0 ||
	    sscanf(colon + 1, " %llu %llu %llu %llu %*u %*u %*u %*u %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return false;
	*colon = '\0';
	*out = (struct stats_device){ .name = line, .in = v[0], .packets_in = v[1], .errors_in = v[2], .dropped_in = v[3],
				      .out = v[4], .packets_out = v[5], .errors_out = v[6], .dropped_out = v[7] };
	return true;
}

/* The file, NULL of the machine's own. */
static char *devices_of(const struct stats_look *l, pid_t pid)
{
	char path[64], *text = NULL;
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) < 0 || st.st_ino == l->net)
		return NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	return io_read_file(AT_FDCWD, path, NET_DEV_MAX, &text, NULL) == 0 ? text : NULL;
}

static void read_network(const struct stats_look *l, pid_t pid, struct stats *s)
{
	CLEANUP_FREE char *text = devices_of(l, pid);
	struct stats_device d;

	for (char *line, *rest = text; text && (line = strtok_r(rest, "\n", &rest));)
		if (read_device(line, &d)) {
			s->net_in += d.in;
			s->net_out += d.out;
		}
}

int stats_devices(const struct stats_look *l, struct arena *a, const struct live *live, struct stats_device **out, size_t *n, struct err *e)
{
	CLEANUP_FREE char *text = devices_of(l, live->pid);
	struct stats_device d, *v = NULL;
	size_t cap = 0;

	*n = 0;
	for (char *line, *rest = text; text && (line = strtok_r(rest, "\n", &rest));) {
		if (!read_device(line, &d))
			continue;
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (!v)
			break;
		d.name = arena_strdup(a, d.name);
		v[(*n)++] = d;
	}
	*out = v;
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "statistics") : 0;
}

/* ---- cgroup ---- */

static int read_cgroup(struct arena *a, const struct record *rec, struct stats *s, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct cg_stats have;
	int r = container_cgroup(a, rec, &cg, e);

	if (r == 0)
		r = cg_read_stats(cg, &have, e);
	if (r < 0)
		return r == -ENOENT || e->cls == ERR_NOTFOUND ? 0 : r; /* it ends just now */
	s->at = now();
	s->cpu = have.cpu_ns;
	s->memory = have.memory > have.cache ? have.memory - have.cache : 0;
	s->pids = have.pids;
	if (have.memory_limit < s->limit)
		s->limit = have.memory_limit;
	r = cg_read_io(cg, a, &s->io_read, &s->io_write);
	return r < 0 ? err_errno(e, r, "statistics of container %s", rec->name) : 0;
}

/* ---- processes ---- */

static int by_namespace(const void *key, const void *p)
{
	const uint64_t *ino = key;
	const struct stats_process *process = p;

	return *ino < process->namespace ? -1 : *ino > process->namespace;
}

static void add_processes(const struct stats_look *l, pid_t pid, struct stats *s)
{
	const struct stats_process *p, *end = l->v + l->n;
	char path[64];
	struct stat st;
	uint64_t ino;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	if (!l->n || stat(path, &st) < 0)
		return;
	ino = st.st_ino;
	p = bsearch(&ino, l->v, l->n, sizeof(*l->v), by_namespace);
	while (p && p > l->v && p[-1].namespace == ino)
		p--;
	s->at = now();
	for (; p && p < end && p->namespace == ino; p++) {
		s->cpu += p->cpu;
		s->memory += p->memory;
		s->pids += p->threads;
		s->io_read += p->io_read;
		s->io_write += p->io_write;
	}
}

int stats_read(const struct stats_look *l, struct arena *a, const struct record *rec, const struct live *live, struct stats *out, struct err *e)
{
	struct ct_config config;
	int r;

	*out = (struct stats){ .runs = rec->status == RECORD_RUNNING && live->container };
	if (!out->runs)
		return 0;
	out->limit = l->memory;
	r = config_parse(a, rec->config, &config, e);
	if (r == 0 && config.cgroup)
		r = read_cgroup(a, rec, out, e);
	else if (r == 0)
		add_processes(l, live->pid, out);
	if (r == 0)
		read_network(l, live->pid, out);
	return r;
}
