/* An ordinary user's containers have no cgroup: what they use is the sum of what their processes use, which are those of a pid namespace.
 * What ended processes used is in the numbers of those that waited for them. All processes are read once for all containers. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/stats.h"

/* proc(5): /proc/PID/stat, from the field behind the name on. */
static int read_stat(int dir, struct stats_process *p)
{
	unsigned long long utime, stime, cutime, cstime, threads;
	long hz = sysconf(_SC_CLK_TCK);
	CLEANUP_FREE char *text = NULL;
	char *at;

	if (io_read_file(dir, "stat", 8192, &text, NULL) < 0)
		return -ESRCH;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %llu", &utime, &stime, &cutime,
			  &cstime, &threads) != 5)
		return -ESRCH;
	p->cpu = (utime + stime + cutime + cstime) * (1000000000U / (hz > 0 ? (unsigned long long)hz : 100));
	p->threads = threads;
	return 0;
}

/* What is its own: files that it has mapped are the machine's cache. */
static void read_memory(int dir, struct stats_process *p)
{
	CLEANUP_FREE char *text = NULL;
	unsigned long long resident, shared;

	if (io_read_file(dir, "statm", 256, &text, NULL) == 0 && sscanf(text, "%*u %llu %llu", &resident, &shared) == 2 && resident > shared)
		p->memory = (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void read_io(int dir, struct stats_process *p)
{
	CLEANUP_FREE char *text = NULL;
	const char *at;
	unsigned long long n;

	if (io_read_file(dir, "io", 4096, &text, NULL) < 0)
		return;
	at = strstr(text, "\nread_bytes: ");
	if (at && sscanf(at, "\nread_bytes: %llu", &n) == 1)
		p->io_read = n;
	at = strstr(text, "\nwrite_bytes: ");
	if (at && sscanf(at, "\nwrite_bytes: %llu", &n) == 1)
		p->io_write = n;
}

static int read_process(int proc, const char *pid, uint64_t own, struct stats_process *p)
{
	CLEANUP_FD int dir = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	*p = (struct stats_process){ 0 };
	if (dir < 0 || fstatat(dir, "ns/pid", &st, 0) < 0 || st.st_ino == own)
		return -ESRCH;
	p->namespace = st.st_ino;
	if (read_stat(dir, p) < 0)
		return -ESRCH;
	read_memory(dir, p);
	read_io(dir, p);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct stats_process *x = a, *y = b;

	return x->namespace < y->namespace ? -1 : x->namespace > y->namespace;
}

int stats_read_processes(struct stats_look *l, struct err *e)
{
	CLEANUP_DIR DIR *d = opendir("/proc");
	struct stats_process p;
	struct dirent *entry;
	struct stat own;
	uint32_t pid;

	if (!d || stat("/proc/self/ns/pid", &own) < 0)
		return err_errno(e, -errno, "/proc");
	while ((entry = readdir(d))) {
		if (text_u32(entry->d_name, &pid) < 0 || read_process(dirfd(d), entry->d_name, own.st_ino, &p) < 0)
			continue;
		if (l->n == l->cap) {
			struct stats_process *more = realloc(l->v, (l->cap = l->cap ? 2 * l->cap : 64) * sizeof(*more));

			if (!more)
				return err_errno(e, -ENOMEM, "list processes");
			l->v = more;
		}
		l->v[l->n++] = p;
	}
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	return 0;
}
