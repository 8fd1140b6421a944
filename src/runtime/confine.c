#include "runtime/confine.h"

#include <fcntl.h>
#include <string.h>

#include "base/beneath.h"
#include "base/text.h"
#include "runtime/internal.h"

#define PREFIX "org.tare.landlock."

/* ---- the annotations ---- */

/* text at its colons, NULL-terminated. */
static const char *const *split(struct arena *a, const char *text, size_t *n, struct err *e)
{
	char *copy = arena_strdup(a, text), *part;
	const char **list = arena_array(a, strlen(text) + 2, sizeof(*list));

	*n = 0;
	if (!copy || !list) {
		(void)err_errno(e, -ENOMEM, "list");
		return NULL;
	}
	while (*text && (part = strsep(&copy, ":")))
		list[(*n)++] = part;
	return list;
}

static int get_paths(struct arena *a, const char *text, const char *const **out, struct err *e)
{
	size_t n;

	*out = split(a, text, &n, e);
	for (size_t i = 0; *out && i < n; i++)
		if ((*out)[i][0] != '/')
			return err_set(e, ERR_INVALID, "\"%s\" is no absolute path", (*out)[i]);
	return *out ? 0 : e->code;
}

static int get_ports(struct arena *a, const char *text, const uint16_t **out, size_t *n, struct err *e)
{
	const char *const *parts = split(a, text, n, e);
	uint16_t *ports = parts ? arena_array(a, *n + 1, sizeof(*ports)) : NULL;

	if (!ports)
		return err_errno(e, -ENOMEM, "list");
	for (size_t i = 0; i < *n; i++) {
		uint32_t port;

		if (text_u32(parts[i], &port) < 0 || port > UINT16_MAX)
			return err_set(e, ERR_INVALID, "\"%s\" is no port", parts[i]);
		ports[i] = (uint16_t)port;
	}
	*out = ports;
	return 0;
}

static int get_scopes(struct arena *a, const char *text, struct landlock_domain *d, struct err *e)
{
	size_t n;
	const char *const *parts = split(a, text, &n, e);

	for (size_t i = 0; parts && i < n; i++) {
		if (!strcmp(parts[i], "abstract-unix"))
			d->sockets = true;
		else if (!strcmp(parts[i], "signal"))
			d->signals = true;
		else
			return err_set(e, ERR_INVALID, "\"%s\" is neither abstract-unix nor signal", parts[i]);
	}
	return parts ? 0 : e->code;
}

static int parse_one(struct arena *a, const char *what, const char *value, struct rt_confine *c, struct err *e)
{
	const struct {
		const char *name;
		const char *const **paths;
	} lists[] = { { "ro", &c->ro }, { "rw", &c->rw }, { "exec", &c->exec } };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (strcmp(what, lists[i].name) != 0)
			continue;
		c->domain.files = true;
		return get_paths(a, value, lists[i].paths, e);
	}
	if (!strcmp(what, "bind")) {
		c->domain.tcp_bind = true;
		return get_ports(a, value, &c->bind, &c->n_bind, e);
	}
	if (!strcmp(what, "connect")) {
		c->domain.tcp_connect = true;
		return get_ports(a, value, &c->connect, &c->n_connect, e);
	}
	if (!strcmp(what, "scope"))
		return get_scopes(a, value, &c->domain, e);
	if (strcmp(what, "best-effort") != 0)
		return err_set(e, ERR_INVALID, "there is no such annotation: ro, rw, exec, bind, connect, scope, best-effort");
	c->best_effort = !strcmp(value, "true");
	return c->best_effort || !strcmp(value, "false") ? 0 : err_set(e, ERR_INVALID, "\"%s\" is neither true nor false", value);
}

int rt_confine_parse(struct arena *a, const struct oci_spec *spec, struct rt_confine *out, struct err *e)
{
	*out = (struct rt_confine){ 0 };
	for (size_t i = 0; i < spec->n_annotations; i++) {
		const struct oci_kv *kv = &spec->annotations[i];

		if (!text_starts(kv->key, PREFIX))
			continue;
		if (parse_one(a, kv->key + strlen(PREFIX), kv->value, out, e) < 0)
			return err_ctx(e, "annotation %.80s", kv->key);
		out->any = true;
	}
	return 0;
}

/* ---- the kernel ---- */

static int too_old(const char *name, int abi, int least, const char *linux_version, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED,
		       "annotation " PREFIX "%s: needs version %d of Landlock (Linux %s), this kernel's is %d; " PREFIX
		       "best-effort=true goes without", name, least, linux_version, abi);
}

int rt_confine_possible(const struct rt_confine *c, int abi, struct err *e)
{
	const struct landlock_domain *d = &c->domain;

	if (abi < 0 && (!c->best_effort || abi != -EOPNOTSUPP))
		return abi == -EOPNOTSUPP ? err_set(e, ERR_UNSUPPORTED, "annotations " PREFIX "*: this kernel has no Landlock, or it "
							"is not enabled (lsm=)") : err_errno(e, abi, "Landlock");
	if (c->best_effort)
		return 0;
	if (d->files && abi < LANDLOCK_ABI_FILES)
		return too_old(c->ro ? "ro" : c->rw ? "rw" : "exec", abi, LANDLOCK_ABI_FILES, "6.2", e);
	if ((d->tcp_bind || d->tcp_connect) && abi < LANDLOCK_ABI_TCP)
		return too_old(d->tcp_bind ? "bind" : "connect", abi, LANDLOCK_ABI_TCP, "6.7", e);
	if ((d->sockets || d->signals) && abi < LANDLOCK_ABI_SCOPES)
		return too_old("scope", abi, LANDLOCK_ABI_SCOPES, "6.12", e);
	return 0;
}

int rt_landlock_check(const struct oci_spec *spec, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct rt_confine c;
	int r = rt_confine_parse(&a, spec, &c, e);

	return r < 0 || !c.any ? r : rt_confine_possible(&c, landlock_abi(), e);
}

/* What an older kernel does not know at all cannot be asked of it. */
static bool left_to_ask(const struct rt_confine *c, int abi)
{
	const struct landlock_domain *d = &c->domain;

	return abi > 0 && (d->files || ((d->tcp_bind || d->tcp_connect) && abi >= LANDLOCK_ABI_TCP) ||
			   ((d->sockets || d->signals) && abi >= LANDLOCK_ABI_SCOPES));
}

static int allow_paths(struct landlock_rules *r, int root, const char *const *paths, enum landlock_grant grant, struct err *e)
{
	for (; paths && *paths; paths++) {
		CLEANUP_FD int fd = beneath_open(root, *paths, BENEATH_IN_ROOT, O_PATH, 0);
		int rc = fd < 0 ? fd : landlock_allow(r, fd, grant);

		if (rc < 0)
			return err_errno(e, rc, "Landlock: %s in the container", *paths);
	}
	return 0;
}

static int allow_ports(struct landlock_rules *r, bool connect, const uint16_t *ports, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int rc = landlock_allow_port(r, connect, ports[i]);

		if (rc < 0)
			return err_errno(e, rc, "Landlock: port %u", ports[i]);
	}
	return 0;
}

int rt_landlock_prepare(const struct oci_spec *spec, struct landlock_rules *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int root = -1;
	struct rt_confine c;
	int r = rt_confine_parse(&a, spec, &c, e), abi;

	if (r < 0 || !c.any)
		return r;
	abi = landlock_abi();
	if (!left_to_ask(&c, abi))
		return 0;
	r = landlock_begin(&c.domain, out);
	if (r < 0)
		return err_errno(e, r, "Landlock");
	root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(e, -errno, "Landlock: the container's root");
	if (allow_paths(out, root, c.ro, LANDLOCK_READ_TREE, e) < 0 || allow_paths(out, root, c.rw, LANDLOCK_USE_TREE, e) < 0 ||
	    allow_paths(out, root, c.exec, LANDLOCK_EXEC_TREE, e) < 0)
		return e->code;
	if (abi < LANDLOCK_ABI_TCP)
		return 0;
	r = allow_ports(out, false, c.bind, c.n_bind, e);
	return r < 0 ? r : allow_ports(out, true, c.connect, c.n_connect, e);
}

int rt_landlock_enforce(struct landlock_rules *rules, struct err *e)
{
	int r = rules->fd < 0 ? 0 : landlock_enforce(rules);

	return r < 0 ? err_errno(e, r, "Landlock") : 0;
}
