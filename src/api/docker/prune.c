#include "api/docker/prune.h"

#include <string.h>

#include "api/docker/filters.h"
#include "base/log.h"
#include "engine/events.h"
#include "engine/strays.h"

int prune_networks(const struct engine *en, struct arena *a, struct strv filters, pruned_fn removed, void *data, struct err *e)
{
	struct filter_made none = { 0 };
	struct network *all;
	size_t n = 0;
	int r = filter_check(a, filters, filter_prune, &none, e);

	if (r == 0)
		r = network_list(en, a, &all, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct filter_made made = { json_get(all[i].config, "Labels"), all[i].created };
		struct err why = { 0 };

		r = filter_passes(a, filters, filter_prune, &made, e);
		if (r > 0 && !network_is_default(all[i].name) && network_remove(en, a, all[i].id, &why) == 0)
			removed(all[i].name, data);
		else if (why.code && why.cls != ERR_CONFLICT)
			log_error("%s", why.msg);
	}
	if (r < 0)
		return r;
	events_pruned(en, "network", 0);
	return strays_sweep(en, true, e);
}

struct pruning {
	struct arena *a;
	struct strv filters;
	bool all;
	const struct volume *v; /* being judged */
	pruned_fn removed;
	void *data;
};

static int matches(const char *key, const char *value, void *data, struct err *e)
{
	struct pruning *p = data;

	if (strcmp(key, "label") == 0)
		return filter_label(p->v->labels, value);
	if (strcmp(key, "label!") == 0)
		return !filter_label(p->v->labels, value);
	if (strcmp(key, "all") == 0)
		return filter_bool(key, value, &p->all, e) < 0 ? e->code : 1;
	return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " VOLUME_PRUNE_KEYS, key, value);
}

static int wanted(const struct volume *v, void *data, struct err *e)
{
	struct pruning *p = data;
	int r;

	p->v = v;
	r = filter_passes(p->a, p->filters, matches, p, e);
	return r < 0 ? r : r && (p->all || v->anonymous);
}

int prune_volumes_check(struct arena *a, struct strv filters, struct err *e)
{
	struct volume none = { .name = "" };
	struct pruning p = { .v = &none };

	return filter_check(a, filters, matches, &p, e);
}

static void gone(const char *name, void *data)
{
	const struct pruning *p = data;

	p->removed(name, p->data);
}

int prune_volumes(const struct engine *en, struct arena *a, struct strv filters, bool all, pruned_fn removed, void *data, uint64_t *freed, struct err *e)
{
	struct pruning p = { .a = a, .filters = filters, .all = all, .removed = removed, .data = data };
	int r = prune_volumes_check(a, filters, e);

	if (r == 0)
		r = volume_prune(en, a, wanted, gone, &p, freed, e);
	if (r == 0)
		events_pruned(en, "volume", *freed);
	return r;
}
