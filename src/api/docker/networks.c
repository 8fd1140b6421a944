#include "api/docker/networks.h"

#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/network_cni.h"

int networks_only_root(const struct engine *en, struct err *e)
{
	return !en->user.on ? 0 : err_set(e, ERR_UNSUPPORTED, "networks take root: a container of an ordinary user has --network pasta, slirp4netns, host or none");
}

/* There before anybody has used it. */
static int have_default(const struct engine *en, struct arena *a, struct network *out, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = network_find(en, a, NETWORK_DEFAULT, out, e);
	return r < 0 ? r : catalog_commit(c, e);
}

int networks_find(const struct engine *en, struct arena *a, const char *what, struct network *out, struct err *e)
{
	struct network usual;
	int r = network_builtin(a, what, out, e);

	if (r < 0)
		return r;
	if (r == 0 && !network_is_default(what))
		return network_find(en, a, what, out, e);
	if (have_default(en, a, &usual, e) < 0)
		return e->code;
	if (r == 0)
		*out = usual;
	out->created = usual.created; /* what is no row is as old as the first of them */
	return 0;
}

/* There before anybody made one. */
static bool is_of_tare(const struct network *n)
{
	return network_is_default(n->name) || network_is_builtin(n);
}

struct looking {
	const struct engine *en;
	const struct network *net;
};

/* 1: no container runs in it. Those of tare are never useless. */
static int is_dangling(const struct looking *l, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(l->en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1 UNION ALL SELECT 1 FROM cni WHERE network = ?2 LIMIT 1",
			    "ss", l->net->id, l->net->name);

	if (r == 0)
		r = cat_step(s, e);
	return r < 0 ? r : r == 0 && !is_of_tare(l->net);
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
		return strcmp(n->driver, value) == 0 || (network_is_routed(n) && strcmp(value, NETWORK_BRIDGE) == 0);
	if (strcmp(key, "label") == 0)
		return filter_label(json_get(n->config, "Labels"), value);
	if (strcmp(key, "scope") == 0)
		return strcmp(value, "local") == 0;
	if (strcmp(key, "type") == 0 && (strcmp(value, "custom") == 0 || strcmp(value, "builtin") == 0))
		return is_of_tare(n) == (strcmp(value, "builtin") == 0);
	if (strcmp(key, "dangling") == 0) {
		int r = filter_bool(key, value, &want, e), is = r < 0 ? r : is_dangling(l, e);

		return is < 0 ? is : is == (int)want;
	}
	return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " NETWORK_FILTER_KEYS ", types are custom and builtin", key, value);
}

/* Into the list, which is in the order of names. */
static int add_builtin(struct arena *a, const char *name, struct network *v, size_t *n, int64_t created, struct err *e)
{
	size_t at = 0;
	struct network net;
	int r = network_builtin(a, name, &net, e);

	if (r < 0)
		return r;
	while (at < *n && strcmp(v[at].name, name) < 0)
		at++;
	memmove(&v[at + 1], &v[at], (*n - at) * sizeof(*v));
	net.created = created;
	v[at] = net;
	(*n)++;
	return 0;
}

static int add_both(struct arena *a, struct network **all, size_t *n, int64_t created, struct err *e)
{
	struct network *v = arena_array(a, *n + 2, sizeof(*v));
	int r;

	if (!v)
		return err_errno(e, -ENOMEM, "list the networks");
	memcpy(v, *all, *n * sizeof(*v));
	*all = v;
	r = add_builtin(a, "host", v, n, created, e);
	return r < 0 ? r : add_builtin(a, "none", v, n, created, e);
}

int networks_listed(const struct engine *en, struct arena *a, struct strv filters, struct network **out, size_t *n, struct err *e)
{
	struct network *all;
	struct network usual;
	size_t count = 0;
	int r = have_default(en, a, &usual, e);

	*n = 0;
	if (r == 0)
		r = network_list(en, a, &all, &count, e);
	if (r == 0)
		r = add_both(a, &all, &count, usual.created, e);
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
