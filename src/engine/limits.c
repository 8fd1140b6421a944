/* The options that a container was made with are put together again from its HostConfig, those that are given replace them, and all is judged as
 * at `tare run` (spec_limits.c). The cgroup first: the kernel has the last word. Then config.json, which the next start reads, then the row.
 * What fails takes back what was done before it; where a blkio weight, cpuset or real-time budget came that was none before, it stays until the
 * next start. Killed in between, the container goes on with new limits and shows older ones until the next
 * update. */
#include "engine/limits.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/launch.h"
#include "engine/settle.h"
#include "engine/spec_plan.h"
#include "oci/spec.h"
#include "sys/cgroup.h"

struct limiting {
	const struct engine *en;
	struct arena a;
	struct record rec;
	struct live live;
	struct ct_config config;
	int64_t cpu_quota, cpu_period, pids, rt_period, rt_runtime;
	uint64_t shares;
	struct ct_options opt;
	struct plan plan;
	const char *text; /* of config.json as it was */
	const struct json *description, *before, *after, *undo; /* resources */
};

static void limiting_end(struct limiting *l)
{
	live_close(&l->live);
	arena_free(&l->a);
}

/* ---- what is wanted ---- */

static int64_t number(const struct limiting *l, const char *key)
{
	const struct json *v = json_get(json_get(l->config.doc, "HostConfig"), key);
	int64_t n = 0;

	return v && json_as_i64(v, &n) == 0 ? n : 0;
}

static const char *text(const struct limiting *l, const char *key)
{
	const struct json *v = json_get(json_get(l->config.doc, "HostConfig"), key);

	return v && v->type == JSON_STRING && v->str[0] ? v->str : NULL;
}

static const char *size_text(struct limiting *l, const char *key)
{
	int64_t n = number(l, key);

	return n ? arena_printf(&l->a, "%lld", (long long)n) : NULL;
}

static const int64_t *if_any(int64_t *n)
{
	return *n ? n : NULL;
}

/* As it was made, or changed last. */
static void options_of(struct limiting *l)
{
	struct ct_options *o = &l->opt;
	int64_t nano = number(l, "NanoCpus");

	l->cpu_quota = number(l, "CpuQuota");
	l->cpu_period = number(l, "CpuPeriod");
	l->pids = number(l, "PidsLimit");
	l->rt_period = number(l, "CpuRealtimePeriod");
	l->rt_runtime = number(l, "CpuRealtimeRuntime");
	l->shares = (uint64_t)number(l, "CpuShares");
	o->memory = size_text(l, "Memory");
	o->memory_swap = size_text(l, "MemorySwap");
	o->memory_reservation = size_text(l, "MemoryReservation");
	o->cpus = nano ? arena_printf(&l->a, "%lld.%09lld", (long long)(nano / 1000000000), (long long)(nano % 1000000000)) : NULL;
	o->cpu_quota = if_any(&l->cpu_quota);
	o->cpu_period = if_any(&l->cpu_period);
	o->cpu_shares = l->shares ? &l->shares : NULL;
	o->cpuset_cpus = text(l, "CpusetCpus");
	o->cpuset_mems = text(l, "CpusetMems");
	l->pids = l->pids ? l->pids : -1; /* it has none, and none of the defaults for new ones either */
	o->pids_limit = &l->pids;
	o->cpu_rt_period = if_any(&l->rt_period);
	o->cpu_rt_runtime = if_any(&l->rt_runtime);
	o->blkio_weight = (uint64_t)number(l, "BlkioWeight");
}

#define TAKE(member)                          \
	do {                                  \
		if (given->member)            \
			o->member = given->member; \
	} while (0)

static void take_given(struct ct_options *o, const struct ct_options *given)
{
	TAKE(memory);
	TAKE(memory_swap);
	TAKE(memory_reservation);
	TAKE(cpus);
	TAKE(cpu_quota);
	TAKE(cpu_period);
	TAKE(cpu_shares);
	TAKE(cpuset_cpus);
	TAKE(cpuset_mems);
	TAKE(pids_limit);
	TAKE(cpu_rt_period);
	TAKE(cpu_rt_runtime);
	TAKE(blkio_weight);
}

static bool is_zero(const int64_t *n)
{
	return n && *n == 0;
}

static bool is_nothing(const char *size)
{
	uint64_t n;

	return size && text_size(size, &n) == 0 && n == 0;
}

/* What a run takes as "not given" would be shown as no limit here, and the kernel would keep the one that it has. */
static int refuse_none(const struct ct_options *o, struct err *e)
{
	const struct {
		const char *option, *instead;
		bool none;
	} rows[] = {
		{ "--memory 0", "", is_nothing(o->memory) },
		{ "--memory-swap 0", " (-1 is no limit)", is_nothing(o->memory_swap) },
		{ "--memory-reservation 0", "", is_nothing(o->memory_reservation) },
		{ "--cpu-quota 0", " (-1 is no limit)", is_zero(o->cpu_quota) },
		{ "--cpu-period 0", "", is_zero(o->cpu_period) },
		{ "--cpu-rt-period 0", "", is_zero(o->cpu_rt_period) },
		{ "--cpu-rt-runtime 0", "", is_zero(o->cpu_rt_runtime) },
		{ "--cpuset-cpus \"\"", "", o->cpuset_cpus && !*o->cpuset_cpus },
		{ "--cpuset-mems \"\"", "", o->cpuset_mems && !*o->cpuset_mems },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].none)
			return err_set(e, ERR_UNSUPPORTED, "%s: an update replaces a limit and takes none away%s", rows[i].option, rows[i].instead);
	return 0;
}

/* ---- what becomes of it ---- */

static const char *const parts[] = { "memory", "cpu", "blockIO", "pids" };

static bool is_part(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcmp(parts[i], key) == 0)
			return true;
	return false;
}

/* The members of one object, each replaced by the other's of that name where there is one; new ones behind. */
static void merge(struct json_writer *w, const char *key, const struct json *old, const struct json *with)
{
	jw_object(w, key);
	json_each(member, old)
		jw_value(w, member->key, json_get(with, member->key) ? json_get(with, member->key) : member);
	json_each(member, with)
		if (!json_get(old, member->key))
			jw_value(w, member->key, member);
	jw_end_object(w);
}

/* Only the parts that are ours; in what the kernel is told also that there is no limit of processes any more. */
static int resources(struct limiting *l, struct err *e)
{
	CLEANUP_STRBUF struct strbuf all = STRBUF_INIT, out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&all), v = JSON_WRITER(&out);
	const struct json *doc;
	int r;

	jw_object(&w, NULL);
	plan_write_resources(&l->plan, &w);
	jw_end_object(&w);
	r = sb_error(&all) < 0 ? err_errno(e, -ENOMEM, "write the limits") : json_parse(&l->a, all.s, all.len, NULL, &doc, e);
	if (r < 0)
		return r;
	doc = json_get(doc, "resources");
	jw_object(&v, NULL);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const struct json *before = json_get(l->before, parts[i]), *after = json_get(doc, parts[i]);

		if ((before || after) && (l->plan.pids_limit > 0 || strcmp(parts[i], "pids") != 0))
			merge(&v, parts[i], before, after);
	}
	if (l->plan.pids_limit <= 0) {
		jw_object(&v, "pids");
		jw_i64(&v, "limit", -1);
		jw_end_object(&v);
	}
	jw_end_object(&v);
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "write the limits") : json_parse(&l->a, out.s, out.len, NULL, &l->after, e);
}

/* What the kernel is told where there was no limit before. */
static const struct {
	const char *part, *member;
	int64_t value;
} nothing[] = {
	{ "memory", "limit", -1 }, { "memory", "swap", -1 },	  { "memory", "reservation", -1 }, { "cpu", "shares", 1024 },
	{ "cpu", "quota", -1 },	   { "cpu", "period", 100000 }, { "pids", "limit", -1 },
};

/* As it was: the limits there were, and none where one came. */
static int write_undo(struct limiting *l, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	jw_object(&w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const struct json *before = json_get(l->before, parts[i]), *after = json_get(l->after, parts[i]);

		jw_object(&w, parts[i]);
		json_each(member, before)
			jw_value(&w, member->key, member);
		for (size_t k = 0; k < ARRAY_LEN(nothing); k++)
			if (strcmp(nothing[k].part, parts[i]) == 0 && json_get(after, nothing[k].member) && !json_get(before, nothing[k].member))
				jw_i64(&w, nothing[k].member, nothing[k].value);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "write the limits") : json_parse(&l->a, out.s, out.len, NULL, &l->undo, e);
}

static int apply(struct limiting *l, const struct json *doc, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct cg_resources res;
	int r = container_cgroup(&l->a, &l->rec, &cg, e);

	if (r == 0)
		r = oci_resources_parse(&l->a, doc, &res, e);
	if (r < 0)
		return r;
	res.devices = NULL;
	res.n_devices = 0;
	return cg_apply(cg, &res, e);
}

static bool runs(const struct limiting *l)
{
	return l->rec.status == RECORD_RUNNING && l->live.container;
}

static void take_back(struct limiting *l)
{
	struct err why = { 0 };

	if (runs(l) && apply(l, l->undo, &why) < 0)
		log_warning("container %s goes on with limits that it is not to have: %s", l->rec.name, why.msg);
}

/* At once; what the kernel refuses in the middle is taken back. */
static int apply_now(struct limiting *l, struct err *e)
{
	if (!runs(l) || apply(l, l->after, e) == 0)
		return 0;
	take_back(l);
	return err_ctx(e, "container %s", l->rec.name);
}

static void write_linux(const struct limiting *l, struct json_writer *w, const struct json *linux_)
{
	jw_object(w, "linux");
	json_each(member, linux_) {
		if (strcmp(member->key, "resources") != 0) {
			jw_value(w, member->key, member);
			continue;
		}
		jw_object(w, "resources");
		json_each(resource, member)
			if (!is_part(resource->key))
				jw_value(w, resource->key, resource);
		json_each(resource, l->after)
			jw_value(w, resource->key, resource);
		jw_end_object(w);
	}
	jw_end_object(w);
}

static int keep_description(struct limiting *l, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_FD int dir = folder_open(l->en, l->rec.id, e);
	struct json_writer w = JSON_WRITER(&out);
	int r;

	if (dir < 0)
		return dir;
	jw_object(&w, NULL);
	json_each(member, l->description) {
		if (strcmp(member->key, "spec") != 0) {
			jw_value(&w, member->key, member);
			continue;
		}
		jw_object(&w, "spec");
		json_each(part, member) {
			if (strcmp(part->key, "linux") == 0)
				write_linux(l, &w, part);
			else
				jw_value(&w, part->key, part);
		}
		jw_end_object(&w);
	}
	jw_end_object(&w);
	r = sb_error(&out) < 0 ? -ENOMEM : io_replace_file(dir, "config.json", out.s, out.len, 0600, true);
	return r < 0 ? err_errno(e, r, "write the container's config.json") : 0;
}

/* Not synced: where that fails, too, it is the old one at least as long as the machine runs. */
static void take_back_description(struct limiting *l)
{
	struct err why = { 0 };
	CLEANUP_FREE char *now = NULL;
	CLEANUP_FD int dir = folder_open(l->en, l->rec.id, &why);
	int r = dir < 0 ? dir : io_read_file(dir, "config.json", FOLDER_CONFIG_MAX, &now, NULL);

	if (r >= 0 && strcmp(now, l->text) == 0)
		return; /* there was no room even to write the new one */
	if (dir >= 0)
		r = io_replace_file(dir, "config.json", l->text, strlen(l->text), 0600, false);
	if (r < 0)
		log_warning("container %s will be started with limits that it is not to have: %s", l->rec.name, strerror(-r));
}

static int keep_row(struct limiting *l, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = l->en->catalog;
	int r = catalog_begin(c, CATALOG_DURABLE, e);

	if (r == 0)
		r = config_change_limits(l->config.doc, &l->plan, &out, e);
	if (r == 0)
		r = record_set_config(c, l->rec.id, out.s, e);
	return r < 0 ? r : catalog_commit(c, e);
}

static int keep(struct limiting *l, struct err *e)
{
	int r = keep_description(l, e);

	if (r == 0)
		r = keep_row(l, e);
	if (r == 0) {
		events_container(l->en, &l->rec, "update", NULL);
		return 0;
	}
	take_back_description(l);
	take_back(l);
	return r;
}

static int read_it(struct limiting *l, struct err *e)
{
	CLEANUP_STRBUF struct strbuf description = STRBUF_INIT;
	int r = record_get(l->en->catalog, &l->a, l->rec.id, &l->rec, e);

	live_close(&l->live);
	if (r == 0)
		r = live_read(l->en, l->rec.id, &l->live, e);
	if (r == 0)
		r = config_parse(&l->a, l->rec.config, &l->config, e);
	if (r == 0)
		r = launch_read_description(l->en, l->rec.id, 0, &description, e);
	if (r == 0)
		r = json_parse(&l->a, description.s, description.len, NULL, &l->description, e);
	if (r == 0 && !(l->text = arena_strndup(&l->a, description.s, description.len)))
		r = err_errno(e, -ENOMEM, "the container's config.json");
	l->before = r < 0 ? NULL : json_get(json_get(json_get(l->description, "spec"), "linux"), "resources");
	return r;
}

int container_limit(const struct engine *en, const char *what, const struct ct_options *opt, struct err *e)
{
	CLEANUP(limiting_end) struct limiting l = { .en = en, .a = ARENA_INIT, .live = LIVE_INIT };
	CLEANUP_FD int lock = -1;
	int r = refuse_none(opt, e);

	if (r == 0)
		r = settle_find(en, &l.a, what, SETTLE_WAIT, &l.rec, &l.live, e);
	if (r < 0)
		return r;
	lock = folder_lock(en, l.rec.id, true, e);
	r = lock < 0 ? lock : read_it(&l, e);
	if (r < 0)
		return r;
	options_of(&l);
	take_given(&l.opt, opt);
	l.opt.cgroups = l.config.cgroups;
	l.plan = (struct plan){ .a = &l.a, .opt = &l.opt, .id = l.rec.id, .rootless = en->user.on ? &en->user : NULL };
	r = plan_limits(&l.plan, e);
	if (r == 0 && opt->cpus && !l.plan.cpu_quota) { /* --cpus 0 */
		l.opt.cpus = NULL;
		l.plan.cpu_quota = -1;
	}
	if (r < 0 || (r = resources(&l, e)) < 0 || (r = write_undo(&l, e)) < 0 || (r = apply_now(&l, e)) < 0)
		return r;
	return keep(&l, e);
}
