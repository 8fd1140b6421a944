/* Everything a cgroup's files tell.
 *
 * Each controller is asked in the hierarchy it is in, so hybrid needs no case of its own. A file that is not there, or
 * says what we do not understand, leaves its numbers 0: kernels differ in what they have, and a number that is missing
 * must not cost the caller all others. Only memory that runs out is an error. */
#include "sys/cgroup_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/cgroup_impl.h"

#define FILE_MAX (1U << 20)
/* Of a list of CPUs or memory nodes: more than any kernel has, so that a strange text costs no memory. */
#define LIST_MAX 65536

/* ---- texts ---- */

char *cg_slurp(int dir, const char *file)
{
	char *text = NULL;

	return io_read_file(dir, file, FILE_MAX, &text, NULL) < 0 ? NULL : text;
}

char *cg_word(char **p, const char *gaps)
{
	char *w;

	do
		w = strsep(p, gaps);
	while (w && !*w);
	return w;
}

static int push(struct arena *a, struct cg_numbers *l, uint64_t value)
{
	uint64_t *v = arena_grow(a, l->v, l->n, &l->cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = value;
	return 0;
}

/* A word's number; 0 when it is none, so that the numbers behind it keep their places. */
static int push_word(struct arena *a, struct cg_numbers *l, const char *word)
{
	uint64_t v;

	return push(a, l, text_u64(word, &v) < 0 ? 0 : v);
}

/* As the kernel says it, unlike cg_read_u64(): who shows v1's "no limit" shows that number. */
static uint64_t number(int dir, const char *file)
{
	char text[64];
	uint64_t v;

	if (cg_read(dir, file, text, sizeof(text)) < 0)
		return 0;
	if (strcmp(text, "max") == 0)
		return UINT64_MAX;
	return text_u64(text, &v) < 0 ? 0 : v;
}

static uint64_t numberf(int dir, const char *fmt, ...) PRINTF_LIKE(2, 3);
static uint64_t numberf(int dir, const char *fmt, ...)
{
	char file[NAME_MAX + 1];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(file, sizeof(file), fmt, args);
	va_end(args);
	return n < 0 || (size_t)n >= sizeof(file) ? 0 : number(dir, file);
}

static bool has(int dir, const char *file)
{
	return faccessat(dir, file, F_OK, 0) == 0;
}

/* ---- pressure ---- */

static uint64_t hundredths(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 10) * 100;

	if (end[0] == '.' && end[1] >= '0' && end[1] <= '9') {
		v += (uint64_t)(end[1] - '0') * 10;
		v += end[2] >= '0' && end[2] <= '9' ? (uint64_t)(end[2] - '0') : 0;
	}
	return v;
}

/* "some avg10=0.12 avg60=0.00 avg300=0.00 total=345" */
static void parse_psi_line(char *line, struct cg_psi_line *out)
{
	for (char *p = line, *w; (w = cg_word(&p, " "));) {
		char *value = strchr(w, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(w, "avg10") == 0)
			out->avg10 = hundredths(value);
		else if (strcmp(w, "avg60") == 0)
			out->avg60 = hundredths(value);
		else if (strcmp(w, "avg300") == 0)
			out->avg300 = hundredths(value);
		else if (strcmp(w, "total") == 0)
			out->total = strtoull(value, NULL, 10);
	}
}

/* Absent, or refused when read (psi=0 on the kernel's command line): not given. */
static void read_psi(int dir, const char *file, struct cg_psi *out)
{
	CLEANUP_FREE char *text = cg_slurp(dir, file);

	for (char *p = text, *line; (line = cg_word(&p, "\n"));) {
		out->given = true;
		if (text_starts(line, "some "))
			parse_psi_line(line, &out->some);
		else if (text_starts(line, "full "))
			parse_psi_line(line, &out->full);
	}
}

/* ---- cpu, cpuset ---- */

static int read_percpu(int dir, struct arena *a, struct cg_cpu_usage *c)
{
	CLEANUP_FREE char *totals = cg_slurp(dir, "cpuacct.usage_percpu"), *modes = cg_slurp(dir, "cpuacct.usage_all");
	int r = 0;

	for (char *p = totals, *w; r == 0 && (w = cg_word(&p, " \n"));)
		r = push_word(a, &c->percpu, w);
	for (char *p = modes, *line; r == 0 && (line = cg_word(&p, "\n"));) {
		const char *cpu = cg_word(&line, " "), *user = cg_word(&line, " "), *system = cg_word(&line, " ");

		if (!system || strcmp(cpu, "cpu") == 0) /* the title */
			continue;
		r = push_word(a, &c->percpu_user, user);
		if (r == 0)
			r = push_word(a, &c->percpu_kernel, system);
	}
	return r;
}

static int read_cpuacct_v1(int dir, struct arena *a, struct cg_cpu_usage *c)
{
	CLEANUP_FREE char *text = cg_slurp(dir, "cpuacct.stat");
	long hz = sysconf(_SC_CLK_TCK);
	uint64_t tick = 1000000000U / (hz > 0 ? (uint64_t)hz : 100);

	c->total = number(dir, "cpuacct.usage");
	if (text) {
		(void)cg_keyed(text, "user", &c->user);
		(void)cg_keyed(text, "system", &c->kernel);
		c->user *= tick;
		c->kernel *= tick;
	}
	return read_percpu(dir, a, c);
}

/* v2 tells the times in cpu.stat whether the controller is enabled or not. */
static void read_cpu_v2(int dir, struct cg_cpu_usage *c)
{
	CLEANUP_FREE char *text = cg_slurp(dir, "cpu.stat");

	read_psi(dir, "cpu.pressure", &c->psi);
	if (!text)
		return;
	(void)cg_keyed(text, "usage_usec", &c->total);
	(void)cg_keyed(text, "user_usec", &c->user);
	(void)cg_keyed(text, "system_usec", &c->kernel);
	(void)cg_keyed(text, "nr_periods", &c->periods);
	(void)cg_keyed(text, "nr_throttled", &c->throttled_periods);
	(void)cg_keyed(text, "throttled_usec", &c->throttled_time);
	c->total *= 1000;
	c->user *= 1000;
	c->kernel *= 1000;
	c->throttled_time *= 1000;
}

static int read_cpu(const struct cgroup *cg, struct arena *a, struct cg_cpu_usage *c)
{
	bool v2;
	int dir = cg_ctrl_dir(cg, CG_CPU, &v2), acct;

	if (dir >= 0 && !v2) {
		CLEANUP_FREE char *text = cg_slurp(dir, "cpu.stat");

		if (text) {
			(void)cg_keyed(text, "nr_periods", &c->periods);
			(void)cg_keyed(text, "nr_throttled", &c->throttled_periods);
			(void)cg_keyed(text, "throttled_time", &c->throttled_time);
		}
	}
	acct = cg_ctrl_dir(cg, CG_CPUACCT, &v2);
	if (acct >= 0)
		return read_cpuacct_v1(acct, a, c);
	if (cg->sys->v2 >= 0 && cg->dir[cg->sys->v2] >= 0)
		read_cpu_v2(cg->dir[cg->sys->v2], c);
	return 0;
}

/* "0-2,5" */
static int read_list(int dir, const char *file, struct arena *a, struct cg_numbers *out)
{
	CLEANUP_FREE char *text = cg_slurp(dir, file);
	int r = 0;

	for (char *p = text, *w; r == 0 && (w = cg_word(&p, ",\n"));) {
		char *to = strchr(w, '-');
		uint64_t first, last;

		if (to)
			*to++ = '\0';
		if (text_u64(w, &first) < 0 || text_u64(to ? to : w, &last) < 0 || last >= LIST_MAX)
			continue;
		for (; r == 0 && first <= last && out->n < LIST_MAX; first++)
			r = push(a, out, first);
	}
	return r;
}

static int read_cpuset_v1(int dir, struct arena *a, struct cg_cpuset_usage *c)
{
	const struct {
		const char *file;
		uint64_t *to;
	} flags[] = {
		{ "cpuset.cpu_exclusive", &c->cpu_exclusive },
		{ "cpuset.mem_hardwall", &c->mem_hardwall },
		{ "cpuset.mem_exclusive", &c->mem_exclusive },
		{ "cpuset.memory_migrate", &c->memory_migrate },
		{ "cpuset.memory_spread_page", &c->memory_spread_page },
		{ "cpuset.memory_spread_slab", &c->memory_spread_slab },
		{ "cpuset.memory_pressure", &c->memory_pressure },
		{ "cpuset.sched_load_balance", &c->sched_load_balance },
	};
	char level[64];
	int r;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		*flags[i].to = number(dir, flags[i].file);
	if (cg_read(dir, "cpuset.sched_relax_domain_level", level, sizeof(level)) == 0 &&
	    text_i64(level, &c->sched_relax_domain_level) < 0)
		c->sched_relax_domain_level = 0;
	r = read_list(dir, "cpuset.cpus", a, &c->cpus);
	return r < 0 ? r : read_list(dir, "cpuset.mems", a, &c->mems);
}

/* ---- memory, pids, hugetlb ---- */

/* All of memory.stat; *cache becomes the number called cache_key. */
static int read_raw(int dir, struct arena *a, const char *cache_key, struct cg_memory_usage *m)
{
	CLEANUP_FREE char *text = cg_slurp(dir, "memory.stat");

	for (char *p = text, *line; (line = cg_word(&p, "\n"));) {
		const char *key = cg_word(&line, " "), *value = cg_word(&line, " ");
		struct cg_named_number *raw;
		uint64_t v;

		if (!value || text_u64(value, &v) < 0)
			continue;
		raw = arena_grow(a, m->raw, m->n_raw, &m->cap_raw, sizeof(*raw));
		if (!raw)
			return -ENOMEM;
		m->raw = raw;
		raw[m->n_raw] = (struct cg_named_number){ arena_strdup(a, key), v };
		if (!raw[m->n_raw++].name)
			return -ENOMEM;
		if (strcmp(key, cache_key) == 0)
			m->cache = v;
	}
	return 0;
}

static int read_memory_v1(int dir, struct arena *a, struct cg_memory_usage *m)
{
	const struct {
		const char *prefix;
		struct cg_memory_entry *to;
	} rows[] = {
		{ "memory", &m->usage },
		{ "memory.memsw", &m->swap },
		{ "memory.kmem", &m->kernel },
		{ "memory.kmem.tcp", &m->kernel_tcp },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rows[i].to->limit = numberf(dir, "%s.limit_in_bytes", rows[i].prefix);
		rows[i].to->usage = numberf(dir, "%s.usage_in_bytes", rows[i].prefix);
		rows[i].to->max = numberf(dir, "%s.max_usage_in_bytes", rows[i].prefix);
		rows[i].to->failcnt = numberf(dir, "%s.failcnt", rows[i].prefix);
	}
	return read_raw(dir, a, "cache", m);
}

/* swap in v1's terms. How much memory and swap were in use together at most nobody has counted. */
static int read_memory_v2(int dir, struct arena *a, struct cg_memory_usage *m)
{
	m->usage.limit = number(dir, "memory.max");
	m->usage.usage = number(dir, "memory.current");
	m->usage.max = number(dir, "memory.peak");
	m->swap.limit = number(dir, "memory.swap.max");
	if (m->swap.limit != UINT64_MAX && m->usage.limit != UINT64_MAX)
		m->swap.limit += m->usage.limit;
	else
		m->swap.limit = UINT64_MAX;
	m->swap.usage = m->usage.usage + number(dir, "memory.swap.current");
	read_psi(dir, "memory.pressure", &m->psi);
	return read_raw(dir, a, "file", m);
}

/* Where the controller is not enabled, v2's list of processes tells as much. */
static void read_pids(struct cgroup *cg, struct cg_usage *u)
{
	CLEANUP_FREE pid_t *pids = NULL;
	struct err ignored = { 0 };
	size_t n = 0;
	bool v2;
	int dir = cg_ctrl_dir(cg, CG_PIDS, &v2);

	if (dir >= 0 && has(dir, "pids.current")) {
		u->pids = number(dir, "pids.current");
		u->pids_limit = number(dir, "pids.max");
		if (u->pids_limit == UINT64_MAX)
			u->pids_limit = 0;
	} else if (cg_pids(cg, &pids, &n, &ignored) == 0) {
		u->pids = n;
	}
}

/* The page size of "hugetlb.2MB.current" (v2; v1: usage_in_bytes); 0 for any other file's name, and for the files of
 * reservations, "hugetlb.2MB.rsvd.current". */
static size_t page_size(const char *file, bool v2, const char **size)
{
	size_t len;

	if (!text_starts(file, "hugetlb."))
		return 0;
	*size = file + strlen("hugetlb.");
	len = strcspn(*size, ".");
	return strcmp(*size + len, v2 ? ".current" : ".usage_in_bytes") == 0 ? len : 0;
}

static void read_huge_page(int dir, bool v2, struct cg_hugetlb_usage *h)
{
	char name[NAME_MAX + 1];
	const char *rsvd = "";

	/* What is reserved is what the limit is about, where the kernel counts that (5.7). */
	snprintf(name, sizeof(name), "hugetlb.%s.rsvd.%s", h->page_size, v2 ? "current" : "usage_in_bytes");
	if (has(dir, name))
		rsvd = ".rsvd";
	if (v2) {
		CLEANUP_FREE char *events = NULL;

		snprintf(name, sizeof(name), "hugetlb.%s.events", h->page_size);
		events = cg_slurp(dir, name);
		if (events)
			(void)cg_keyed(events, "max", &h->failcnt);
		h->usage = numberf(dir, "hugetlb.%s%s.current", h->page_size, rsvd);
		return;
	}
	h->usage = numberf(dir, "hugetlb.%s%s.usage_in_bytes", h->page_size, rsvd);
	h->max = numberf(dir, "hugetlb.%s%s.max_usage_in_bytes", h->page_size, rsvd);
	h->failcnt = numberf(dir, "hugetlb.%s%s.failcnt", h->page_size, rsvd);
}

static int read_hugetlb(int folder, bool v2, struct arena *a, struct cg_usage *u)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!dir) {
		close_fd(fd);
		return 0;
	}
	while ((ent = readdir(dir))) {
		const char *size;
		size_t len = page_size(ent->d_name, v2, &size);
		struct cg_hugetlb_usage *h;

		if (!len)
			continue;
		h = arena_grow(a, u->hugetlb, u->n_hugetlb, &u->cap_hugetlb, sizeof(*h));
		if (!h)
			return -ENOMEM;
		u->hugetlb = h;
		h += u->n_hugetlb++;
		*h = (struct cg_hugetlb_usage){ .page_size = arena_strndup(a, size, len) };
		if (!h->page_size)
			return -ENOMEM;
		read_huge_page(folder, v2, h);
	}
	return 0;
}

/* ---- all ---- */

static int read_all(struct cgroup *cg, struct arena *a, struct cg_usage *u)
{
	bool v2;
	int dir, r = read_cpu(cg, a, &u->cpu);

	dir = cg_ctrl_dir(cg, CG_CPUSET, &v2);
	if (r == 0 && dir >= 0 && !v2)
		r = read_cpuset_v1(dir, a, &u->cpuset);
	dir = cg_ctrl_dir(cg, CG_MEMORY, &v2);
	if (r == 0 && dir >= 0)
		r = v2 ? read_memory_v2(dir, a, &u->memory) : read_memory_v1(dir, a, &u->memory);
	dir = cg_ctrl_dir(cg, CG_HUGETLB, &v2);
	if (r == 0 && dir >= 0)
		r = read_hugetlb(dir, v2, a, u);
	dir = cg_ctrl_dir(cg, CG_IO, &v2);
	if (r == 0 && dir >= 0)
		r = v2 ? cg2_io_usage(dir, a, u->io) : cg1_io_usage(dir, a, u->io);
	if (dir >= 0 && v2)
		read_psi(dir, "io.pressure", &u->io_psi);
	read_pids(cg, u);
	return r;
}

int cg_read_usage(struct cgroup *cg, struct arena *a, struct cg_usage *out, struct err *e)
{
	int r;

	memset(out, 0, sizeof(*out));
	if (cg_main_hierarchy(cg) < 0)
		return err_set(e, ERR_NOTFOUND, "no such cgroup: %s", cg->path);
	r = read_all(cg, a, out);
	return r < 0 ? err_errno(e, r, "statistics of cgroup %s", cg->path) : 0;
}
