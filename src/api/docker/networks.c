#include "api/docker/networks.h"

#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/network_cni.h"

int networks_only_root(const struct engine *en, struct err *e)
{
	return !en->user.on ? 0 : err_set(e, ERR_UNSUPPORTED, "networks take root: a container of an ordinary user has --network pasta, slirp4netns, host or none");
}

int networks_have_default(const struct engine *en, struct arena *a, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct network net;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = network_find(en, a, NETWORK_DEFAULT, &net, e);
	return r < 0 ? r : catalog_commit(c, e);
}

struct looking {
	const struct engine *en;
	const struct network *net;
};

/* 1: no container runs in it. The default one is never useless. */
static int is_dangling(const struct looking *l, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(l->en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1 UNION ALL SELECT 1 FROM cni WHERE network = ?2 LIMIT 1",
			    "ss", l->net->id, l->net->name);

	if (r == 0)
		r = cat_step(s, e);
	return r < 0 ? r : r == 0 && !network_is_default(l->net->name);
}

/* As Docker's: a part of a name or id, the whole of what else there is. */
static int matches(const char *key, const char *value, void *data, struct err *e)
{
	const struct looking *l = data;
	const struct network *n = l->net;
	bool want;

	if (strcmp(key, "name") == 0 || strcmp(key, "id") == 0)
		return strstr(strcmp(key, "id") == 0 ? n->id : n->name, value) != NULL;
	if (strcmp(key, "driver") == 0)
		return strcmp(n->driver, value) == 0;
	if (strcmp(key, "label") == 0)
		return filter_label(json_get(n->config, "Labels"), value);
	if (strcmp(key, "scope") == 0)
		return strcmp(value, "local") == 0;
	if (strcmp(key, "type") == 0 && (strcmp(value, "custom") == 0 || strcmp(value, "builtin") == 0))
		return network_is_default(n->name) == (strcmp(value, "builtin") == 0);
	if (strcmp(key, "dangling") == 0) {
		int r = filter_bool(key, value, &want, e), is = r < 0 ? r : is_dangling(l, e);

		return is < 0 ? is : is == (int)want;
	}
	return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " NETWORK_FILTER_KEYS ", types are custom and builtin", key, value);
}

int networks_listed(const struct engine *en, struct arena *a, struct strv filters, struct network **out, size_t *n, struct err *e)
{
	struct network *all;
	size_t count = 0;
	int r = networks_have_default(en, a, e);

	*n = 0;
	if (r == 0)
		r = network_list(en, a, &all, &count, e);
	if (r == 0)
		r = network_cni_list(en, a, &all, &count, e);
	if (r < 0)
		return r;
	*out = all;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = filter_passes(a, filters, matches, &(struct looking){ en, &all[i] }, e);
		if (r > 0)
			all[(*n)++] = all[i];
	}
	return r < 0 ? r : 0;
}
