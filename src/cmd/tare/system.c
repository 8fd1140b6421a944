/* tare system info, prune; tare version; tare internal exited, heal */
#include "cmd/tare/tare.h"
#include "engine/events.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "base/log.h"
#include "cmd/tare/documents.h"
#include "cmd/tare/image_filter.h"
#include "cmd/tare/table.h"
#include "engine/cni.h"
#include "engine/freezer.h"
#include "engine/healer.h"
#include "engine/health.h"
#include "engine/images.h"
#include "engine/others.h"
#include "engine/revive.h"
#include "engine/settings.h"
#include "engine/settle.h"
#include "engine/usage.h"
#include "engine/volume_prune.h"
#include "image/platform.h"
#include "net/healer.h"
#include "sys/cgroup.h"

const struct cli_option info_options[] = {
	{ "format", 'f', "table|json|TEMPLATE", CLI_STR, "how it is written, or what by a template of Go's", offsetof(struct system_opts, format) },
	{ 0 }
};
const struct cli_option version_options[] = {
	{ "format", 'f', "table|json|TEMPLATE", CLI_STR, "how it is written, or what by a template of Go's", offsetof(struct system_opts, format) },
	{ "kubeconfig", 0, "FILE", CLI_UNSUPPORTED },
	{ 0 }
};
const struct cli_option prune_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "every image no container uses, not only those without a name", offsetof(struct system_opts, all) },
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only what matches (label label! until)", offsetof(struct system_opts, filters) },
	{ "volumes", 0, NULL, CLI_FLAG, "volumes without a name that no container has, too", offsetof(struct system_opts, volumes) },
	{ 0 }
};

/* ---- version, info ---- */

/* Pairs as lines for people or as one JSON object; a value of the form of a number stays one. Without a title it is for
 * programs alone, without a key for people. */
struct pair {
	const char *title, *key, *text;
	uint64_t number;
};

static void add_pair(const struct pair *p, struct strbuf *out)
{
	if (p->title && p->text)
		sb_printf(out, "%-18s %s\n", p->title, p->text);
	else if (p->title)
		sb_printf(out, "%-18s %llu\n", p->title, (unsigned long long)p->number);
}

static void add_pair_json(const struct pair *p, struct json_writer *w)
{
	if (p->key && p->text)
		jw_str(w, p->key, p->text);
	else if (p->key)
		jw_u64(w, p->key, p->number);
}

/* both: members that docker has one below the other, with all of the pairs each; NULL: none. */
static int print_pairs(const struct cli_call *call, const struct pair *pairs, size_t n, const char *const *both, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r = 0;

	jw_object(&w, NULL);
	for (size_t i = 0; i < n; i++)
		add_pair_json(&pairs[i], &w);
	for (; both && *both; both++) {
		jw_object(&w, *both);
		for (size_t i = 0; i < n; i++)
			add_pair_json(&pairs[i], &w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	sb_putc(&text, '\n');
	if (document_is_template(o->format))
		r = document_apply(call->arena, o->format, &text, &out, e);
	else if (o->format && strcmp(o->format, "json") == 0)
		return tare_print(&text, e);
	else
		for (size_t i = 0; i < n; i++)
			add_pair(&pairs[i], &out);
	return r < 0 ? r : sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "write") : tare_print(&out, e);
}

int cmd_version(const struct cli_call *call, struct err *e)
{
	static const char *const both[] = { "Client", "Server", NULL };
	struct platform here;
	struct utsname un;
	char text[PLATFORM_TEXT_LEN];
	const struct pair pairs[] = {
		{ "Version:", "Version", TARE_VERSION, 0 },
		{ "Kernel:", "KernelVersion", un.release, 0 },
		{ "OS/Arch:", NULL, text, 0 },
		{ NULL, "Os", here.os, 0 },
		{ NULL, "Arch", here.arch, 0 },
	};

	if (uname(&un) < 0)
		return err_errno(e, -errno, "uname");
	platform_host(&here);
	(void)snprintf(text, sizeof(text), "%s/%s", here.os, here.arch);
	return print_pairs(call, pairs, ARRAY_LEN(pairs), both, e);
}

static const char *cgroup_text(void)
{
	switch (cg_detect()) {
	case CG_V1:
		return "v1";
	case CG_HYBRID:
		return "hybrid";
	case CG_V2:
		return "v2";
	case CG_NONE:
	default:
		return "none";
	}
}

/* "23.54GiB", as Docker shows memory: in powers of 1024. */
static const char *memory_text(struct arena *a, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 1024; unit++)
		size /= 1024;
	return arena_printf(a, "%.4g%s", size, units[unit]);
}

static const char *os_name(struct arena *a)
{
	char line[256];
	FILE *f = fopen("/etc/os-release", "re");
	const char *name = "Linux";

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "PRETTY_NAME=\"", 13) == 0) {
			line[strcspn(line + 13, "\"\n") + 13] = '\0';
			name = arena_strdup(a, line + 13);
		}
	if (f)
		(void)fclose(f);
	return name;
}

/* What `run` would take. Settings that cannot be read are told of, and the rest is shown all the same. */
static const char *log_driver(const struct engine *en, struct arena *a)
{
	struct settings s;
	struct err why = { 0 };

	if (settings_read(a, en->user.on, &s, &why) < 0) {
		log_warning("%s", why.msg);
		return "json-file";
	}
	return s.log_driver ? s.log_driver : "json-file";
}

int cmd_info(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	size_t n_images, n, paused = 0, by_state[RECORD_RESTARTING + 1] = { 0 };
	struct record *recs;
	struct image *images;
	struct utsname un;
	struct sysinfo si;
	uint64_t memory;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = record_list(en.catalog, call->arena, NULL, &recs, &n, e);
	if (r == 0)
		r = image_list(en.catalog, call->arena, &images, &n_images, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		struct err ignored;

		if (settle(&en, call->arena, &recs[i], &live, SETTLE_LOOK, &ignored) == 0)
			by_state[recs[i].status]++;
		paused += recs[i].status == RECORD_RUNNING && container_paused(&recs[i]);
	}
	if (uname(&un) < 0 || sysinfo(&si) < 0)
		return err_errno(e, -errno, "ask the kernel");
	memory = (uint64_t)si.totalram * si.mem_unit;
	const struct pair pairs[] = {
		{ "Version:", "ServerVersion", TARE_VERSION, 0 },
		{ "Containers:", "Containers", NULL, n },
		{ "  Running:", "ContainersRunning", NULL, by_state[RECORD_RUNNING] + by_state[RECORD_RESTARTING] },
		{ "  Created:", "ContainersCreated", NULL, by_state[RECORD_CREATED] },
		{ "  Exited:", "ContainersStopped", NULL, by_state[RECORD_EXITED] },
		{ "Images:", "Images", NULL, n_images },
		{ NULL, "ContainersPaused", NULL, paused },
		{ NULL, "Driver", "overlay2", 0 },
		{ NULL, "DockerRootDir", en.root, 0 },
		{ NULL, "OSType", "linux", 0 },
		{ NULL, "Name", un.nodename, 0 },
		{ NULL, "CgroupDriver", "cgroupfs", 0 },
		{ "Root:", "TareRootDir", en.root, 0 },
		{ "State:", "TareStateDir", en.state, 0 },
		{ "Cgroups:", "CgroupVersion", cgroup_text(), 0 },
		{ "Other firewalls:", "OtherFirewalls", others_text(&en, call->arena), 0 },
		{ "Logging:", "LoggingDriver", log_driver(&en, call->arena), 0 },
		{ "User namespaces:", "UserNamespaces", access("/proc/self/ns/user", F_OK) == 0 ? "yes" : "no", 0 },
		{ "Kernel:", "KernelVersion", un.release, 0 },
		{ "System:", "OperatingSystem", os_name(call->arena), 0 },
		{ "Architecture:", "Architecture", un.machine, 0 },
		{ "CPUs:", "NCPU", NULL, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) },
		{ "Memory:", NULL, memory_text(call->arena, memory), 0 },
		{ NULL, "MemTotal", NULL, memory },
	};

	return print_pairs(call, pairs, ARRAY_LEN(pairs), NULL, e);
}

/* ---- prune ---- */

struct pruning {
	const struct engine *en;
	const struct cli_call *call;
};

static int container_passes(const struct record *rec, const struct json *labels, void *data, struct err *e)
{
	const struct pruning *p = data;

	return tare_prune_passes(rec, labels, (void *)p->call, e);
}

static int image_passes(const struct image *img, void *data, struct err *e)
{
	const struct pruning *p = data;
	const struct system_opts *o = p->call->opts;

	return image_filter_prune(p->en, p->call->arena, &o->filters, img, e);
}

/* Those that people named are `tare volume prune --all`'s matter, as in Docker. */
static int volume_passes(const struct volume *v, void *data, struct err *e)
{
	return v->anonymous ? container_passes(&(struct record){ .created = v->created }, v->labels, data, e) : 0;
}

static void pruned_volume(const char *name, void *data)
{
	tare_pruned("volume", name, data);
}

static void pruned_network(const char *name)
{
	tare_pruned("network", name, NULL);
}

static const char *prune_question(const struct engine *en, struct arena *a, const struct system_opts *o)
{
	return arena_printf(a, "This removes every container that does not run,%s%s and every image %s.",
			    en->user.on ? "" : " every network that no container uses,",
			    o->volumes ? " every volume without a name that no container has," : "",
			    o->all ? "that no container uses" : "without a name");
}

int cmd_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct prune_args args = { o->all, container_passes, image_passes };
	struct pruning p = { &en, call };
	uint64_t freed, of_volumes = 0;
	int r = image_filter_check(&o->filters, IMAGE_FILTER_PRUNE, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm(prune_question(&en, call->arena, o)))
		return 1;
	r = prune(&en, &args, tare_pruned, &p, &freed, e);
	if (r == 0 && !en.user.on) /* whose networks are nothing that stays */
		r = tare_prune_networks(&en, call, pruned_network, e);
	if (r == 0 && o->volumes)
		r = volume_prune(&en, call->arena, volume_passes, pruned_volume, &p, &of_volumes, e);
	if (r == 0 && o->volumes)
		events_pruned(&en, "volume", of_volumes);
	if (r == 0)
		tare_say("Total reclaimed space: %s", table_size(call->arena, freed + of_volumes));
	return r;
}

/* ---- for our own programs ---- */

/* Its one line is what the monitor passes on. */
int cmd_connect(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r;

	log_setup("tare", 2, LOG_FORMAT_PLAIN, LOG_LEVEL_ERROR);
	r = tare_engine(call, &en, e);
	return r < 0 ? r : cni_join(&en, call->args[0], 0, e);
}

int cmd_exited(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : container_exited(&en, call->args[0], e);
}

int cmd_health(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : health_changed(&en, call->args[0], call->args[1], e);
}

int cmd_revive(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : container_revive(&en, call->args[0], e);
}

int cmd_halt(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : container_halt(&en, call->args[0], e);
}

int cmd_freeze(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine_as_it_is(call, &en, e);

	return r < 0 ? r : freezer_serve(&en, call->args[0], e);
}

int cmd_heal(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	bool needed;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = heal(&en, &needed, e);
	return r < 0 ? r : needed ? 0 : HEALER_UNNEEDED;
}
