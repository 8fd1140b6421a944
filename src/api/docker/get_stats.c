/* What a container uses: one object, or one a second until it or the client is gone. Rates are the client's to work out: each object has the CPU's numbers
 * of the one before. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "api/docker/times.h"
#include "base/clock.h"
#include "base/io.h"
#include "engine/container.h"
#include "engine/settle.h"
#include "engine/stats.h"
#include "sys/cgroup_usage.h"

#define EACH_MS 1000
#define FIRST_MS 250 /* between the two looks that one object takes: the kernel counts nanoseconds */
#define STAT_MAX (1U << 20)

/* The CPU's numbers, as each object has them twice. */
struct cpu {
	int64_t at; /* ns since the epoch; 0: there was no look */
	uint64_t total, user, kernel, system; /* ns */
	uint64_t periods, throttled, throttled_time;
	struct cg_numbers each;
	unsigned int cpus;
};

struct look {
	struct arena a;
	struct record rec;
	bool runs, grouped; /* grouped: with a cgroup, whose numbers are all there */
	struct stats s;
	struct cg_usage usage;
	struct stats_device *devices;
	size_t n_devices;
	struct cpu cpu;
};

/* ---- looking ---- */

/* The machine's CPU time, all of it: "cpu  user nice system idle iowait irq softirq …" in ticks; proc(5), /proc/stat. */
static uint64_t system_time(void)
{
	CLEANUP_FREE char *text = NULL;
	unsigned long long v[7] = { 0 };
	long ticks = sysconf(_SC_CLK_TCK);
	uint64_t sum = 0;

	if (io_read_file(AT_FDCWD, "/proc/stat", STAT_MAX, &text, NULL) < 0 ||
	    sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]) < 7 || ticks <= 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		sum += v[i];
	return sum * (1000000000U / (uint64_t)ticks);
}

/* It may end just now: then there are zeros. */
static int read_cgroup(struct look *l, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = container_cgroup(&l->a, &l->rec, &cg, e);

	if (r == 0)
		r = cg_read_usage(cg, &l->a, &l->usage, e);
	if (r < 0)
		return e->cls == ERR_NOTFOUND || e->cls == ERR_UNSUPPORTED ? 0 : r;
	l->grouped = true;
	l->cpu.total = l->usage.cpu.total;
	l->cpu.user = l->usage.cpu.user;
	l->cpu.kernel = l->usage.cpu.kernel;
	l->cpu.periods = l->usage.cpu.periods;
	l->cpu.throttled = l->usage.cpu.throttled_periods;
	l->cpu.throttled_time = l->usage.cpu.throttled_time;
	l->cpu.each = l->usage.cpu.percpu;
	return 0;
}

/* l is empty, but for its memory. */
static int look(const struct engine *en, const char *what, struct look *l, struct err *e)
{
	CLEANUP_STATS_LOOK struct stats_look machine = STATS_LOOK_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	int r = settle_find(en, &l->a, what, SETTLE_LOOK, &l->rec, &live, e);

	if (r == 0)
		r = stats_begin(en, &machine, e);
	if (r == 0)
		r = stats_read(&machine, &l->a, &l->rec, &live, &l->s, e);
	if (r < 0 || !l->s.runs)
		return r;
	l->runs = true;
	l->cpu = (struct cpu){ .at = clock_now_ns(), .total = l->s.cpu, .user = l->s.cpu, .system = system_time(),
			       .cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN) };
	r = read_cgroup(l, e);
	return r < 0 ? r : stats_devices(&machine, &l->a, &live, &l->devices, &l->n_devices, e);
}

/* ---- writing ---- */

static void write_cpu(const char *key, const struct cpu *c, struct json_writer *w)
{
	jw_object(w, key);
	jw_object(w, "cpu_usage");
	jw_u64(w, "total_usage", c->total);
	if (c->each.n) {
		jw_array(w, "percpu_usage");
		for (size_t i = 0; i < c->each.n; i++)
			jw_u64(w, NULL, c->each.v[i]);
		jw_end_array(w);
	}
	jw_u64(w, "usage_in_kernelmode", c->kernel);
	jw_u64(w, "usage_in_usermode", c->user);
	jw_end_object(w);
	if (c->at) {
		jw_u64(w, "system_cpu_usage", c->system);
		jw_u64(w, "online_cpus", c->cpus);
	}
	jw_object(w, "throttling_data");
	jw_u64(w, "periods", c->periods);
	jw_u64(w, "throttled_periods", c->throttled);
	jw_u64(w, "throttled_time", c->throttled_time);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_memory(const struct look *l, struct json_writer *w)
{
	const struct cg_memory_usage *m = &l->usage.memory;

	jw_object(w, "memory_stats");
	if (l->runs) {
		jw_u64(w, "usage", l->grouped ? m->usage.usage : l->s.memory);
		if (m->usage.max)
			jw_u64(w, "max_usage", m->usage.max);
		jw_object(w, "stats");
		for (size_t i = 0; i < m->n_raw; i++)
			jw_u64(w, m->raw[i].name, m->raw[i].value);
		jw_end_object(w);
		if (m->usage.failcnt)
			jw_u64(w, "failcnt", m->usage.failcnt);
		jw_u64(w, "limit", l->s.limit);
	}
	jw_end_object(w);
}

/* Docker's list is null where the kernel has no such table: of the second version there are two. */
static void write_io_list(const char *key, const struct cg_io_list *v, bool is, struct json_writer *w)
{
	if (!v->n && !is) {
		jw_null(w, key);
		return;
	}
	jw_array(w, key);
	for (size_t i = 0; i < v->n; i++) {
		jw_object(w, NULL);
		jw_u64(w, "major", v->v[i].major);
		jw_u64(w, "minor", v->v[i].minor);
		jw_str(w, "op", v->v[i].op);
		jw_u64(w, "value", v->v[i].value);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_io(const struct look *l, struct json_writer *w)
{
	static const char *const keys[CG_IO_TABLES] = { "io_service_bytes_recursive", "io_serviced_recursive", "io_queue_recursive", "io_service_time_recursive",
							"io_wait_time_recursive", "io_merged_recursive", "io_time_recursive", "sectors_recursive" };

	jw_object(w, "blkio_stats");
	for (size_t i = 0; i < CG_IO_TABLES; i++)
		write_io_list(keys[i], &l->usage.io[i], l->grouped && cg_detect() != CG_V2, w);
	jw_end_object(w);
}

static void write_networks(const struct look *l, struct json_writer *w)
{
	if (!l->n_devices)
		return;
	jw_object(w, "networks");
	for (size_t i = 0; i < l->n_devices; i++) {
		const struct stats_device *d = &l->devices[i];

		jw_object(w, d->name);
		jw_u64(w, "rx_bytes", d->in);
		jw_u64(w, "rx_packets", d->packets_in);
		jw_u64(w, "rx_errors", d->errors_in);
		jw_u64(w, "rx_dropped", d->dropped_in);
		jw_u64(w, "tx_bytes", d->out);
		jw_u64(w, "tx_packets", d->packets_out);
		jw_u64(w, "tx_errors", d->errors_out);
		jw_u64(w, "tx_dropped", d->dropped_out);
		jw_end_object(w);
	}
	jw_end_object(w);
}

static void write_pids(const struct look *l, struct json_writer *w)
{
	jw_object(w, "pids_stats");
	if (l->runs) {
		jw_u64(w, "current", l->s.pids);
		if (l->usage.pids_limit)
			jw_u64(w, "limit", l->usage.pids_limit);
	}
	jw_end_object(w);
}

static void write_look(struct look *l, const struct cpu *before, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_str(&w, "read", time_text(&l->a, l->cpu.at ? l->cpu.at : TIME_NEVER));
	jw_str(&w, "preread", time_text(&l->a, before->at ? before->at : TIME_NEVER));
	write_pids(l, &w);
	write_io(l, &w);
	jw_u64(&w, "num_procs", 0); /* Windows' */
	jw_object(&w, "storage_stats");
	jw_end_object(&w);
	write_cpu("cpu_stats", &l->cpu, &w);
	write_cpu("precpu_stats", before, &w);
	write_memory(l, &w);
	jw_str(&w, "name", arena_printf(&l->a, "/%s", l->rec.name));
	jw_str(&w, "id", l->rec.id);
	write_networks(l, &w);
	jw_end_object(&w);
}

/* ---- the answer ---- */

/* True: the client is gone. */
static bool pause_for(struct exchange *ex, int ms)
{
	struct pollfd p = { .fd = ex_gone_fd(ex), .events = POLLRDHUP };

	return poll(&p, 1, ms) > 0;
}

/* The look before is kept until the next one has been told. */
struct looks {
	struct look v[2];
	size_t at;
};

static void looks_end(struct looks *l)
{
	for (size_t i = 0; i < ARRAY_LEN(l->v); i++)
		arena_free(&l->v[i].a);
}

static int look_again(const struct engine *en, const char *what, struct looks *l, struct err *e)
{
	struct look *next = &l->v[l->at ^= 1];
	struct arena a = next->a;

	arena_reset(&a);
	*next = (struct look){ .a = a };
	return look(en, what, next, e);
}

static int send_look(struct exchange *ex, struct looks *l, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;

	write_look(&l->v[l->at], &l->v[l->at ^ 1].cpu, &text);
	if (!ex_began(ex))
		return ex_json(ex, 200, &text, e);
	sb_putc(&text, '\n');
	return sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "statistics") : ex_write(ex, text.s, text.len, e);
}

/* Its removal is the end. */
static int stream(struct exchange *ex, const struct engine *en, const char *id, struct looks *l, struct err *e)
{
	int r = ex_begin(ex, 200, "application/json", e);

	while (r == 0) {
		r = send_look(ex, l, e);
		if (r < 0 || pause_for(ex, EACH_MS))
			break;
		r = look_again(en, id, l, e);
		if (r < 0 && e->cls == ERR_NOTFOUND)
			return 0;
	}
	return r;
}

static int get_stats(struct exchange *ex, struct err *e)
{
	CLEANUP(looks_end) struct looks l = { .at = 0 };
	const char *id;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0 && (r = look_again(en, ex_param(ex, 0), &l, e)) < 0)
		r = words_no_container(ex_param(ex, 0), e);
	if (r < 0)
		return r;
	id = arena_strdup(ex_arena(ex), l.v[l.at].rec.id); /* it may get another name */
	if (!id)
		return err_errno(e, -ENOMEM, "statistics");
	if (ex_query_bool(ex, "stream", true))
		return stream(ex, en, id, &l, e);
	if (l.v[l.at].runs && !ex_query_bool(ex, "one-shot", false)) {
		if (pause_for(ex, FIRST_MS))
			return err_set(e, ERR_UNAVAILABLE, "the client is gone");
		r = look_again(en, id, &l, e);
	}
	return r < 0 ? r : send_look(ex, &l, e);
}

const struct route docker_stats_routes[] = {
	{ "GET", "/containers/{}/stats", get_stats, ROUTE_READ, "what it uses, once or each second" },
	{ 0 },
};
