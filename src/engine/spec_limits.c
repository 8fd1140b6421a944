/* Limits are in the terms of cgroup v1, as the OCI specification has them; sys/cgroup converts. */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/spec_plan.h"
#include "sys/cgroup.h"

#define CPU_PERIOD 100000
/* The kernel's bounds, in microseconds (sched/core.c). */
#define CPU_LEAST 1000
#define CPU_LONGEST_PERIOD 1000000
/* A fork bomb ends here. Docker has no limit, podman 2048. */
#define DEFAULT_PIDS 4096
#define SMALLEST_MEMORY (256 << 10)

static int size_option(const char *option, const char *text, int64_t *out, struct err *e)
{
	uint64_t bytes;

	if (!text)
		return 0;
	if (text_size(text, &bytes) < 0 || bytes > INT64_MAX)
		return err_set(e, ERR_INVALID, "%s %s: want a size such as 512m or 2g", option, text);
	*out = (int64_t)bytes;
	return 0;
}

/* Without swap on the host a limit on it would only fail where the kernel does not count swap. */
static bool host_swaps(void)
{
	CLEANUP_FREE char *text = NULL;

	return io_read_file(AT_FDCWD, "/proc/swaps", 1 << 20, &text, NULL) == 0 && strchr(text, '\n') &&
	       strchr(text, '\n')[1];
}

static int plan_memory(struct plan *p, struct err *e)
{
	const char *swap = p->opt->memory_swap;
	int r = size_option("--memory", p->opt->memory, &p->memory, e);

	if (r == 0)
		r = size_option("--memory-reservation", p->opt->memory_reservation, &p->memory_reservation, e);
	if (r == 0 && swap && strcmp(swap, "-1") == 0)
		p->memory_swap = -1;
	else if (r == 0)
		r = size_option("--memory-swap", swap, &p->memory_swap, e);
	if (r < 0)
		return r;
	if (p->memory && p->memory < SMALLEST_MEMORY)
		return err_set(e, ERR_INVALID, "--memory %s: less than 256k starts nothing", p->opt->memory);
	if (p->memory_swap && !p->memory)
		return err_set(e, ERR_INVALID, "--memory-swap needs --memory");
	if (p->memory_swap > 0 && p->memory_swap < p->memory)
		return err_set(e, ERR_INVALID, "--memory-swap counts memory and swap together: it cannot be less than --memory");
	if (p->memory_reservation > p->memory && p->memory)
		return err_set(e, ERR_INVALID, "--memory-reservation cannot be more than --memory");
	if (p->opt->memory_swappiness && (*p->opt->memory_swappiness < -1 || *p->opt->memory_swappiness > 100))
		return err_set(e, ERR_INVALID, "--memory-swappiness: 0 to 100, or -1 for the host's own");
	if (p->opt->oom_kill_disable && !p->memory)
		log_warning("--oom-kill-disable without --memory: when the machine runs out of memory nothing ends what takes it");
	if (p->memory && !p->memory_swap && host_swaps())
		p->memory_swap = p->memory > INT64_MAX / 2 ? -1 : 2 * p->memory;
	return 0;
}

/* The older words for --cpus. As in Docker 0 is "not given" and a negative quota none. */
static int plan_cpu_quota(struct plan *p, struct err *e)
{
	int64_t quota = p->opt->cpu_quota ? *p->opt->cpu_quota : 0, period = p->opt->cpu_period ? *p->opt->cpu_period : 0;

	if (quota > 0 && quota < CPU_LEAST)
		return err_set(e, ERR_INVALID, "--cpu-quota: at least %d microseconds", CPU_LEAST);
	if (period && (period < CPU_LEAST || period > CPU_LONGEST_PERIOD))
		return err_set(e, ERR_INVALID, "--cpu-period: %d to %d microseconds", CPU_LEAST, CPU_LONGEST_PERIOD);
	p->cpu_quota = quota < 0 ? -1 : quota;
	p->cpu_period = period || !quota ? period : CPU_PERIOD;
	return 0;
}

/* What the kernel takes is a period in which the runtime lies. */
static int plan_realtime(struct plan *p, struct err *e)
{
	int64_t period = p->opt->cpu_rt_period ? *p->opt->cpu_rt_period : 0;
	int64_t runtime = p->opt->cpu_rt_runtime ? *p->opt->cpu_rt_runtime : 0;

	if (period < 0 || runtime < 0)
		return err_set(e, ERR_INVALID, "%s: microseconds, or 0 for none", period < 0 ? "--cpu-rt-period" : "--cpu-rt-runtime");
	if (period && runtime > period)
		return err_set(e, ERR_INVALID, "--cpu-rt-runtime cannot be more than --cpu-rt-period");
	p->rt_period = period;
	p->rt_runtime = runtime;
	return 0;
}

/* What v2 lacks is told here: before anything is made. */
static int plan_old_limits(const struct plan *p, struct err *e)
{
	const struct {
		const char *option;
		bool given;
	} rows[] = {
		{ "--memory-swappiness", p->opt->memory_swappiness && *p->opt->memory_swappiness >= 0 },
		{ "--oom-kill-disable", p->opt->oom_kill_disable },
		{ "--cpu-rt-period", p->rt_period > 0 },
		{ "--cpu-rt-runtime", p->rt_runtime > 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].given && cg_is_unified())
			return err_set(e, ERR_UNSUPPORTED, "%s: the control groups of this machine (v2) have no such setting: leave it out",
				       rows[i].option);
	return 0;
}

static int plan_cpu(struct plan *p, struct err *e)
{
	double cpus;
	char *end;

	if (p->opt->cpus && (p->opt->cpu_quota || p->opt->cpu_period))
		return err_set(e, ERR_INVALID, "--cpus says the same as --cpu-quota and --cpu-period: give one of them");
	if (p->opt->cpu_quota || p->opt->cpu_period)
		return plan_cpu_quota(p, e);
	if (!p->opt->cpus)
		return 0;
	cpus = strtod(p->opt->cpus, &end);
	if (cpus == 0 && end != p->opt->cpus && !*end)
		return 0; /* as in Docker: no limit */
	/* More than there are is a mistake in Docker, too: a limit that limits nothing. */
	if (end == p->opt->cpus || *end || !isfinite(cpus) || cpus < 0.01 || cpus > (double)sysconf(_SC_NPROCESSORS_ONLN))
		return err_set(e, ERR_INVALID, "--cpus %s: want a number of CPUs such as 1.5, from 0.01 to the %ld of this machine",
			       p->opt->cpus, sysconf(_SC_NPROCESSORS_ONLN));
	p->cpu_quota = (int64_t)(cpus * CPU_PERIOD + 0.5);
	p->cpu_period = CPU_PERIOD;
	return 0;
}

/* "0-2,4", a range after the other; false: that is none. */
static bool next_range(const char **list, uint32_t *first, uint32_t *last)
{
	char *end;

	for (uint32_t *n = first;; n = last) {
		unsigned long v = strtoul(*list, &end, 10);

		if (!isdigit((unsigned char)**list) || v > UINT16_MAX)
			return false;
		*n = *last = (uint32_t)v;
		*list = end;
		if (*end != '-' || n == last)
			break;
		(*list)++;
	}
	if (**list == ',' && (*list)[1])
		(*list)++;
	else if (**list)
		return false;
	return *first <= *last;
}

static bool has_number(const char *list, uint32_t n)
{
	uint32_t first, last;

	while (*list && next_range(&list, &first, &last))
		if (n >= first && n <= last)
			return true;
	return false;
}

/* file: the numbers of what there is. */
static int check_list(const char *option, const char *list, const char *things, const char *file, struct err *e)
{
	CLEANUP_FREE char *have = NULL;
	bool known = io_read_file(AT_FDCWD, file, 1 << 16, &have, NULL) == 0;
	uint32_t first, last;

	if (known)
		have[strcspn(have, "\n")] = '\0';
	for (const char *p = list; p && *p;) {
		if (!next_range(&p, &first, &last))
			return err_set(e, ERR_INVALID, "%s %s: want a list such as 0-2,4", option, list);
		for (uint32_t n = first; known && n <= last; n++)
			if (!has_number(have, n))
				return err_set(e, ERR_INVALID, "%s %s: this machine has the %s %s", option, list, things, have);
	}
	return 0;
}

static int plan_cpuset(const struct plan *p, struct err *e)
{
	int r = check_list("--cpuset-cpus", p->opt->cpuset_cpus, "CPUs", "/sys/devices/system/cpu/online", e);

	return r < 0 ? r : check_list("--cpuset-mems", p->opt->cpuset_mems, "memory nodes", "/sys/devices/system/node/online", e);
}

static int rlimit_value(const char *text, uint64_t *out)
{
	if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
		*out = UINT64_MAX;
		return 0;
	}
	return text_u64(text, out);
}

static int ulimit(struct plan *p, const char *text, struct plan_rlimit *out, struct err *e)
{
	static const char *const names[] = { "core",   "cpu",   "data", "fsize",      "locks",    "memlock", "msgqueue", "nice",
					     "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack", "as" };
	const char *eq = strchr(text, '=');
	struct strv v = plan_split(p->a, eq ? eq + 1 : "", ':');
	size_t len = eq ? (size_t)(eq - text) : 0;

	if (!eq || v.n < 1 || v.n > 2 || rlimit_value(v.v[0], &out->soft) < 0 ||
	    rlimit_value(v.v[v.n - 1], &out->hard) < 0 || out->soft > out->hard)
		return err_set(e, ERR_INVALID, "--ulimit %s: want NAME=SOFT[:HARD], such as nofile=1024:2048", text);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == len && strncmp(names[i], text, len) == 0) {
			char upper[16] = { 0 };

			for (size_t c = 0; c < len; c++)
				upper[c] = (char)(names[i][c] - 'a' + 'A');
			out->type = arena_printf(p->a, "RLIMIT_%s", upper);
			return 0;
		}
	return err_set(e, ERR_INVALID, "--ulimit %s: no such limit (core, cpu, data, fsize, memlock, nofile, nproc, stack…)", text);
}

int plan_ulimits(struct plan *p, struct err *e)
{
	p->rlimits = arena_array(p->a, p->opt->ulimits.n + 1, sizeof(*p->rlimits));
	if (!p->rlimits)
		return err_errno(e, -ENOMEM, "--ulimit");
	for (size_t i = 0; i < p->opt->ulimits.n; i++)
		if (ulimit(p, p->opt->ulimits.v[i], &p->rlimits[p->n_rlimits++], e) < 0)
			return e->code;
	return 0;
}

/* Only what belongs to a namespace of the container's own may be set: anything else would change the host. */
static int sysctl_allowed(const struct plan *p, const char *key, struct err *e)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
					   "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced" };
	bool is_ipc = text_starts(key, "fs.mqueue.");

	for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
		is_ipc |= strcmp(key, ipc[i]) == 0;
	if (is_ipc && p->host_ipc)
		return err_set(e, ERR_INVALID, "--sysctl %s would change the host with --ipc=host", key);
	if (text_starts(key, "net.") && p->host_net)
		return err_set(e, ERR_INVALID, "--sysctl %s would change the host with --network=host", key);
	if (text_starts(key, "net.") && p->net_of.id)
		return err_set(e, ERR_INVALID, "--sysctl %s: the network belongs to container %s: set it there", key, p->net_of.name);
	if (is_ipc || text_starts(key, "net."))
		return 0;
	return err_set(e, ERR_INVALID, "--sysctl %s belongs to no namespace of the container: it would change the host", key);
}

static void add_sysctl(struct plan *p, const char *key, const char *value)
{
	for (size_t i = 0; i < p->n_sysctls; i++)
		if (strcmp(p->sysctls[i].key, key) == 0) {
			p->sysctls[i].value = value;
			return;
		}
	p->sysctls[p->n_sysctls++] = (struct plan_kv){ key, value };
}

/* Only ids that are mapped can be written. */
static const char *ping_groups(const struct plan *p)
{
	if (p->rootless)
		return arena_printf(p->a, "0 %u", p->rootless->ids - 1);
	if (!p->userns)
		return "0 2147483647";
	return p->map_base && p->map_size < 65536 ? arena_printf(p->a, "0 %u", p->map_size - 1) : "0 65535";
}

/* Everybody in the container may ping and may listen below 1024: in a network of its own that concerns nobody else. */
static int plan_sysctls(struct plan *p, struct err *e)
{
	p->sysctls = arena_array(p->a, p->opt->sysctls.n + 2, sizeof(*p->sysctls));
	if (!p->sysctls)
		return err_errno(e, -ENOMEM, "--sysctl");
	if (!p->host_net && !p->net_of.id && !p->opt->privileged) {
		add_sysctl(p, "net.ipv4.ip_unprivileged_port_start", "0");
		add_sysctl(p, "net.ipv4.ping_group_range", ping_groups(p));
	}
	for (size_t i = 0; i < p->opt->sysctls.n; i++) {
		const char *text = p->opt->sysctls.v[i], *eq = strchr(text, '=');
		const char *key = eq ? arena_strndup(p->a, text, (size_t)(eq - text)) : NULL;

		if (!key || !*key || strchr(key, '/'))
			return err_set(e, ERR_INVALID, "--sysctl %s: want NAME=VALUE", text);
		if (sysctl_allowed(p, key, e) < 0)
			return e->code;
		add_sysctl(p, key, eq + 1);
	}
	return 0;
}

/* A limit is a cgroup's, and a user has rights over one only where it is delegated to him. */
static int limits_of_user(const struct plan *p, struct err *e)
{
	const struct ct_options *o = p->opt;
	const struct {
		const char *option;
		bool given;
	} rows[] = {
		{ "--memory", o->memory != NULL },
		{ "--memory-reservation", o->memory_reservation != NULL },
		{ "--cpus", o->cpus != NULL },
		{ "--cpu-quota", o->cpu_quota && *o->cpu_quota > 0 },
		{ "--cpu-period", o->cpu_period && *o->cpu_period > 0 },
		{ "--cpu-shares", o->cpu_shares != NULL },
		{ "--cpuset-cpus", o->cpuset_cpus != NULL },
		{ "--cpuset-mems", o->cpuset_mems != NULL },
		{ "--pids-limit", o->pids_limit && *o->pids_limit > 0 },
		{ "--memory-swappiness", o->memory_swappiness && *o->memory_swappiness >= 0 },
		{ "--oom-kill-disable", o->oom_kill_disable },
		{ "--cpu-rt-period", o->cpu_rt_period && *o->cpu_rt_period > 0 },
		{ "--cpu-rt-runtime", o->cpu_rt_runtime && *o->cpu_rt_runtime > 0 },
		{ plan_blkio_given(o), plan_blkio_given(o) != NULL },
	};

	for (size_t i = 0; !plan_has_cgroup(p) && i < ARRAY_LEN(rows); i++)
		if (rows[i].given)
			return err_set(e, ERR_UNSUPPORTED, o->cgroups && strcmp(o->cgroups, "disabled") == 0 ?
							       "%s needs a cgroup, which --cgroups=disabled leaves out" :
							       "%s needs a cgroup, and containers of an ordinary user have none here: run it as root", rows[i].option);
	return 0;
}

int plan_limits(struct plan *p, struct err *e)
{
	int r = limits_of_user(p, e);

	if (r == 0)
		r = plan_memory(p, e);
	if (r == 0)
		r = plan_cpu(p, e);
	if (r == 0)
		r = plan_realtime(p, e);
	if (r == 0)
		r = plan_old_limits(p, e);
	if (r == 0)
		r = plan_blkio(p, e);
	if (r == 0)
		r = plan_cpuset(p, e);
	if (r == 0)
		r = plan_ulimits(p, e);
	if (r == 0)
		r = plan_sysctls(p, e);
	if (r < 0)
		return r;
	p->pids_limit = !plan_has_cgroup(p) ? 0 : p->opt->pids_limit ? *p->opt->pids_limit : plan_as_docker(p) ? 0 : DEFAULT_PIDS;
	if (p->opt->oom_score_adj && (*p->opt->oom_score_adj < -1000 || *p->opt->oom_score_adj > 1000))
		return err_set(e, ERR_INVALID, "--oom-score-adj: -1000 to 1000");
	if (p->opt->cpu_shares && (*p->opt->cpu_shares < 2 || *p->opt->cpu_shares > 262144))
		return err_set(e, ERR_INVALID, "--cpu-shares: 2 to 262144");
	return 0;
}

static void write_memory(const struct plan *p, struct json_writer *w)
{
	bool swappiness = p->opt->memory_swappiness && *p->opt->memory_swappiness >= 0;

	if (!p->memory && !p->memory_reservation && !swappiness && !p->opt->oom_kill_disable)
		return;
	jw_object(w, "memory");
	if (swappiness)
		jw_i64(w, "swappiness", *p->opt->memory_swappiness);
	if (p->opt->oom_kill_disable)
		jw_bool(w, "disableOOMKiller", true);
	if (p->memory)
		jw_i64(w, "limit", p->memory);
	if (p->memory_swap)
		jw_i64(w, "swap", p->memory_swap);
	if (p->memory_reservation)
		jw_i64(w, "reservation", p->memory_reservation);
	jw_end_object(w);
}

static void write_cpu(const struct plan *p, struct json_writer *w)
{
	if (!p->cpu_quota && !p->cpu_period && !p->rt_period && !p->rt_runtime && !p->opt->cpu_shares && !p->opt->cpuset_cpus && !p->opt->cpuset_mems)
		return;
	jw_object(w, "cpu");
	if (p->opt->cpu_shares)
		jw_u64(w, "shares", *p->opt->cpu_shares);
	if (p->cpu_quota)
		jw_i64(w, "quota", p->cpu_quota);
	if (p->cpu_period)
		jw_i64(w, "period", p->cpu_period);
	if (p->rt_period)
		jw_i64(w, "realtimePeriod", p->rt_period);
	if (p->rt_runtime)
		jw_i64(w, "realtimeRuntime", p->rt_runtime);
	if (p->opt->cpuset_cpus)
		jw_str(w, "cpus", p->opt->cpuset_cpus);
	if (p->opt->cpuset_mems)
		jw_str(w, "mems", p->opt->cpuset_mems);
	jw_end_object(w);
}

void plan_write_resources(const struct plan *p, struct json_writer *w)
{
	jw_object(w, "resources");
	plan_write_device_rules(p, w);
	write_memory(p, w);
	write_cpu(p, w);
	plan_write_blkio(p, w);
	if (p->pids_limit > 0) {
		jw_object(w, "pids");
		jw_i64(w, "limit", p->pids_limit);
		jw_end_object(w);
	}
	jw_end_object(w);
}
