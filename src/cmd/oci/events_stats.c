/* The statistics of a container as JSON, with the names that callers of `runc events` know. As there, numbers that are 0
 * are left out where the name does not always stand. Objects always stand. */
#include <stdio.h>
#include <string.h>

#include "cmd/oci/oci.h"

/* A number that is left out when it is 0. */
static void some(struct json_writer *w, const char *key, uint64_t v)
{
	if (v)
		jw_u64(w, key, v);
}

static void numbers(struct json_writer *w, const char *key, const struct cg_numbers *l)
{
	if (!l->n)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < l->n; i++)
		jw_u64(w, NULL, l->v[i]);
	jw_end_array(w);
}

static void percent(struct json_writer *w, const char *key, uint64_t hundredths)
{
	char digits[40];
	int len = snprintf(digits, sizeof(digits), "%llu.%02u", (unsigned long long)(hundredths / 100),
			   (unsigned int)(hundredths % 100));
	const struct json number = { .type = JSON_NUMBER, .str = digits, .len = (size_t)len };

	jw_value(w, key, &number);
}

static void psi_line(struct json_writer *w, const char *key, const struct cg_psi_line *l)
{
	jw_object(w, key);
	percent(w, "avg10", l->avg10);
	percent(w, "avg60", l->avg60);
	percent(w, "avg300", l->avg300);
	jw_u64(w, "total", l->total);
	jw_end_object(w);
}

static void psi(struct json_writer *w, const struct cg_psi *p)
{
	if (!p->given)
		return;
	jw_object(w, "psi");
	psi_line(w, "some", &p->some);
	psi_line(w, "full", &p->full);
	jw_end_object(w);
}

static void cpu(struct json_writer *w, const struct cg_cpu_usage *c)
{
	jw_object(w, "cpu");
	jw_object(w, "usage");
	some(w, "total", c->total);
	numbers(w, "percpu", &c->percpu);
	numbers(w, "percpu_kernel", &c->percpu_kernel);
	numbers(w, "percpu_user", &c->percpu_user);
	jw_u64(w, "kernel", c->kernel);
	jw_u64(w, "user", c->user);
	jw_end_object(w);
	jw_object(w, "throttling");
	some(w, "periods", c->periods);
	some(w, "throttledPeriods", c->throttled_periods);
	some(w, "throttledTime", c->throttled_time);
	jw_end_object(w);
	psi(w, &c->psi);
	jw_end_object(w);
}

static void cpuset(struct json_writer *w, const struct cg_cpuset_usage *c)
{
	jw_object(w, "cpuset");
	numbers(w, "cpus", &c->cpus);
	jw_u64(w, "cpu_exclusive", c->cpu_exclusive);
	numbers(w, "mems", &c->mems);
	jw_u64(w, "mem_hardwall", c->mem_hardwall);
	jw_u64(w, "mem_exclusive", c->mem_exclusive);
	jw_u64(w, "memory_migrate", c->memory_migrate);
	jw_u64(w, "memory_spread_page", c->memory_spread_page);
	jw_u64(w, "memory_spread_slab", c->memory_spread_slab);
	jw_u64(w, "memory_pressure", c->memory_pressure);
	jw_u64(w, "sched_load_balance", c->sched_load_balance);
	jw_i64(w, "sched_relax_domain_level", c->sched_relax_domain_level);
	jw_end_object(w);
}

static void memory_entry(struct json_writer *w, const char *key, const struct cg_memory_entry *m)
{
	jw_object(w, key);
	jw_u64(w, "limit", m->limit);
	some(w, "usage", m->usage);
	some(w, "max", m->max);
	jw_u64(w, "failcnt", m->failcnt);
	jw_end_object(w);
}

static void memory(struct json_writer *w, const struct cg_memory_usage *m)
{
	jw_object(w, "memory");
	some(w, "cache", m->cache);
	memory_entry(w, "usage", &m->usage);
	memory_entry(w, "swap", &m->swap);
	memory_entry(w, "kernel", &m->kernel);
	memory_entry(w, "kernelTCP", &m->kernel_tcp);
	if (m->n_raw) {
		jw_object(w, "raw");
		for (size_t i = 0; i < m->n_raw; i++)
			jw_u64(w, m->raw[i].name, m->raw[i].value);
		jw_end_object(w);
	}
	psi(w, &m->psi);
	jw_end_object(w);
}

static void io_list(struct json_writer *w, const char *key, const struct cg_io_list *l)
{
	if (!l->n)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < l->n; i++) {
		jw_object(w, NULL);
		some(w, "major", l->v[i].major);
		some(w, "minor", l->v[i].minor);
		if (*l->v[i].op)
			jw_str(w, "op", l->v[i].op);
		some(w, "value", l->v[i].value);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void io(struct json_writer *w, const struct cg_usage *u)
{
	static const char *const names[CG_IO_TABLES] = {
		[CG_IO_BYTES] = "ioServiceBytesRecursive",
		[CG_IO_SERVICED] = "ioServicedRecursive",
		[CG_IO_QUEUED] = "ioQueueRecursive",
		[CG_IO_SERVICE_TIME] = "ioServiceTimeRecursive",
		[CG_IO_WAIT_TIME] = "ioWaitTimeRecursive",
		[CG_IO_MERGED] = "ioMergedRecursive",
		[CG_IO_TIME] = "ioTimeRecursive",
		[CG_IO_SECTORS] = "sectorsRecursive",
	};

	jw_object(w, "blkio");
	for (size_t i = 0; i < CG_IO_TABLES; i++)
		io_list(w, names[i], &u->io[i]);
	psi(w, &u->io_psi);
	jw_end_object(w);
}

static void hugetlb(struct json_writer *w, const struct cg_usage *u)
{
	jw_object(w, "hugetlb");
	for (size_t i = 0; i < u->n_hugetlb; i++) {
		jw_object(w, u->hugetlb[i].page_size);
		some(w, "usage", u->hugetlb[i].usage);
		some(w, "max", u->hugetlb[i].max);
		jw_u64(w, "failcnt", u->hugetlb[i].failcnt);
		jw_end_object(w);
	}
	jw_end_object(w);
}

/* A text that is left out when it is none. */
static void text(struct json_writer *w, const char *key, const char *s)
{
	if (s && *s)
		jw_str(w, key, s);
}

static void rdt_cache(struct json_writer *w, const struct rdt_usage *u)
{
	jw_object(w, "l3_cache_info");
	text(w, "cbm_mask", u->cbm_mask);
	some(w, "min_cbm_bits", u->min_cbm_bits);
	some(w, "num_closids", u->l3_closids);
	jw_end_object(w);
	text(w, "l3_cache_schema_root", u->l3_root);
	text(w, "l3_cache_schema", u->l3);
}

static void rdt_bandwidth(struct json_writer *w, const struct rdt_usage *u)
{
	jw_object(w, "mem_bw_info");
	some(w, "bandwidth_gran", u->bandwidth_gran);
	some(w, "delay_linear", u->delay_linear);
	some(w, "min_bandwidth", u->min_bandwidth);
	some(w, "num_closids", u->mb_closids);
	jw_end_object(w);
	text(w, "mem_bw_schema_root", u->mb_root);
	text(w, "mem_bw_schema", u->mb);
}

static void rdt_counters(struct json_writer *w, const struct rdt_usage *u)
{
	if (u->has_bandwidth) {
		jw_array(w, "mbm_stats");
		for (size_t i = 0; i < u->n_nodes; i++) {
			jw_object(w, NULL);
			jw_u64(w, "mbm_total_bytes", u->nodes[i].total_bytes);
			jw_u64(w, "mbm_local_bytes", u->nodes[i].local_bytes);
			jw_end_object(w);
		}
		jw_end_array(w);
	}
	if (u->has_occupancy) {
		jw_array(w, "cmt_stats");
		for (size_t i = 0; i < u->n_nodes; i++) {
			jw_object(w, NULL);
			jw_u64(w, "llc_occupancy", u->nodes[i].occupancy);
			jw_end_object(w);
		}
		jw_end_array(w);
	}
}

static void intel_rdt(struct json_writer *w, const struct rdt_usage *u)
{
	jw_object(w, "intel_rdt");
	if (u && u->has_l3)
		rdt_cache(w, u);
	if (u && u->has_mb)
		rdt_bandwidth(w, u);
	if (u && u->schemata && *u->schemata)
		jw_strv(w, "schemata", u->schemata);
	if (u)
		rdt_counters(w, u);
	jw_end_object(w);
}

void oci_write_stats(struct json_writer *w, const char *key, const struct cg_usage *u, const struct rdt_usage *rdt)
{
	jw_object(w, key);
	cpu(w, &u->cpu);
	cpuset(w, &u->cpuset);
	memory(w, &u->memory);
	jw_object(w, "pids");
	some(w, "current", u->pids);
	some(w, "limit", u->pids_limit);
	jw_end_object(w);
	io(w, u);
	hugetlb(w, u);
	intel_rdt(w, rdt);
	/* of interfaces that the runtime has made, which it never does */
	jw_null(w, "network_interfaces");
	jw_end_object(w);
}
