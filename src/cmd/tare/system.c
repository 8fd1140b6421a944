/* tare system prune; tare internal exited, heal */
#include "cmd/tare/tare.h"
#include "engine/events.h"

#include "api/docker/image_filter.h"
#include "api/docker/prune.h"
#include "base/log.h"
#include "cmd/tare/pruned.h"
#include "cmd/tare/table.h"
#include "engine/cni.h"
#include "engine/freezer.h"
#include "engine/healer.h"
#include "engine/health.h"
#include "engine/logpack.h"
#include "engine/revive.h"
#include "engine/usage.h"
#include "engine/volume_prune.h"
#include "net/healer.h"

const struct cli_option prune_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "every image no container uses, not only those without a name, and all of the build cache", offsetof(struct system_opts, all) },
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only what matches (label label! until)", offsetof(struct system_opts, filters),
	  .choices = "label=,label!=,until=" },
	{ "volumes", 0, NULL, CLI_FLAG, "volumes without a name that no container has, too", offsetof(struct system_opts, volumes) },
	{ 0 }
};

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

	return image_filter_prune(p->en, p->call->arena, tare_strv(&o->filters), img, e);
}

/* Those that people named are `tare volume prune --all`'s matter, as in Docker. */
static int volume_passes(const struct volume *v, void *data, struct err *e)
{
	return v->anonymous ? container_passes(&(struct record){ .created = v->created }, v->labels, data, e) : 0;
}

static void pruned_volume(const char *name, void *data)
{
	pruned_say("volume", name, data);
}

static void pruned_network(const char *name, void *data)
{
	pruned_say("network", name, data);
}

static const char *prune_question(const struct engine *en, struct arena *a, const struct system_opts *o)
{
	return arena_printf(a, "This removes every container that does not run,%s%s every image %s, and %s.",
			    en->user.on ? "" : " every network that no container uses,",
			    o->volumes ? " every volume without a name that no container has," : "",
			    o->all ? "that no container uses" : "without a name",
			    o->all ? "all of the build cache" : "the build cache that no image uses");
}

int cmd_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct prune_args args = { o->all, container_passes, image_passes };
	struct pruning p = { &en, call };
	uint64_t freed, of_volumes = 0, of_cache = 0;
	int r = image_filter_check(tare_strv(&o->filters), IMAGE_FILTER_PRUNE, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm(prune_question(&en, call->arena, o)))
		return 1;
	r = prune(&en, &args, pruned_say, &p, &freed, e);
	if (r == 0 && !en.user.on) /* whose networks are nothing that stays */
		r = prune_networks(&en, call->arena, tare_strv(&o->filters), pruned_network, NULL, e);
	if (r == 0 && o->volumes)
		r = volume_prune(&en, call->arena, volume_passes, pruned_volume, &p, &of_volumes, e);
	if (r == 0 && o->volumes)
		events_pruned(&en, "volume", of_volumes);
	if (r == 0)
		r = tare_prune_cache(&en, call, &of_cache, e);
	if (r == 0)
		pruned_total(call->arena, freed + of_volumes + of_cache);
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

/* A file of a log that is done, open (and locked) as our stdin. */
int cmd_compress(const struct cli_call *call, struct err *e)
{
	return logpack_pack(0, call->args[0], e);
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
