#include "engine/links.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/folder.h"
#include "engine/hold.h"
#include "engine/settle.h"
#include "net/port.h"

/* In the folder of one that others are linked to: its start need not look through everybody's links to know that there
 * are any. */
#define LINKED_FILE "linked"

struct link {
	const char *alias;
	struct record rec;       /* id NULL: it is gone */
	struct ct_config config; /* where there is a record */
	struct ip ip;            /* none: it does not run, or not in the default network */
	bool runs;
};

/* ---- what is asked for ---- */

/* The container and its alias: what stands behind the last slash of it, as `inspect` shows them. */
static bool take_apart(struct arena *a, const char *text, const char **target, const char **alias)
{
	const char *colon = strchr(text, ':'), *slash;

	*target = arena_strndup(a, text, colon ? (size_t)(colon - text) : strlen(text));
	if (*target && (*target)[0] == '/')
		++*target;
	slash = colon ? strrchr(colon, '/') : NULL;
	*alias = slash ? slash + 1 : colon ? colon + 1 : *target;
	return *target && **target && **alias && !strchr(*alias, ':') && !strchr(*target, '/');
}

static bool is_word(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.", *text))
			return false;
	return true;
}

int links_check(const char *text, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *target, *alias;

	if (take_apart(&a, text, &target, &alias) && is_word(target) && is_word(alias) && strlen(alias) <= 63)
		return 0;
	return err_set(
		e, ERR_INVALID,
		"--link %s: want CONTAINER or CONTAINER:ALIAS, an alias of 1 to 63 letters, digits, '-', '_' or '.'",
		text);
}

/* Of the default network: the container is there, and somebody counts on it from now on. */
static int find_target(const struct engine *en, struct arena *a, const char *text, const char **target, struct err *e)
{
	struct ct_config config;
	const char *mode = "";
	struct record rec;
	int r = record_find(en->catalog, a, *target, &rec, e);

	if (r < 0)
		return err_ctx(e, "--link %s", text);
	if ((r = config_parse(a, rec.config, &config, e)) < 0 ||
	    (r = json_get_str(json_get(config.doc, "HostConfig"), "HostConfig", "NetworkMode", &mode, e)) < 0)
		return r;
	if (strcmp(mode, "host") == 0)
		return err_set(e, ERR_INVALID,
			       "--link %s: container %s shares the host's network, and has no address of its own", text,
			       rec.name);
	*target = rec.id;
	return 0;
}

static int mark(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_FD int dir = folder_open(en, id, e);
	CLEANUP_FD int fd = dir < 0 ? -1 : openat(dir, LINKED_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return dir < 0 ? dir : fd < 0 ? err_errno(e, -errno, "%s/containers/%s/" LINKED_FILE, en->root, id) : 0;
}

static int resolve(const struct engine *en, struct arena *a, const struct ct_network *place, const char *text,
		   const char **out, struct err *e)
{
	const char *target, *alias;
	int r = links_check(text, e);

	if (r < 0)
		return r;
	if (!take_apart(a, text, &target, &alias))
		return err_errno(e, -ENOMEM, "--link");
	if (network_is_default(place->name))
		r = find_target(en, a, text, &target, e);
	if (r == 0 && network_is_default(place->name))
		r = mark(en, target, e);
	*out = arena_printf(a, "%s:%s", target, alias);
	return r == 0 && !*out ? err_errno(e, -ENOMEM, "--link") : r;
}

int links_resolve(const struct engine *en, struct arena *a, struct ct_network *place, struct err *e)
{
	const char **v = arena_array(a, place->links.n + 1, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "--link");
	for (size_t i = 0; i < place->links.n; i++) {
		int r = resolve(en, a, place, place->links.v[i], &v[i], e);

		for (size_t k = 0; r == 0 && k < i; k++)
			if (strcasecmp(strchr(v[k], ':'), strchr(v[i], ':')) == 0)
				r = err_set(e, ERR_INVALID, "--link %s: another one has that alias already",
					    place->links.v[i]);
		if (r < 0)
			return r;
	}
	place->links.v = v;
	return 0;
}

int links_plan(const struct engine *en, const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_networks; i++)
		if (p->networks[i].links.n)
			r = links_resolve(en, p->a, &p->networks[i], e);
	return r;
}

/* ---- what there is ---- */

static const struct json *default_links(const struct json *config)
{
	json_each(place, json_get(config, "Networks")) {
		const struct json *name = json_get(place, "Name"), *links = json_get(place, "Links");

		if (name && name->type == JSON_STRING && network_is_default(name->str))
			return links && links->len ? links : NULL;
	}
	return NULL;
}

static int address_of(const struct engine *en, struct arena *a, struct link *l, struct err *e)
{
	struct endpoints own;
	int r = endpoint_read(en, a, l->rec.id, &own, e);

	for (size_t i = 0; r == 0 && i < own.n; i++)
		if (network_is_default(own.v[i].network.name))
			l->ip = own.v[i].link.ip.ip;
	return r;
}

static int read_link(const struct engine *en, struct arena *a, const char *text, struct link *out, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	const char *id;
	int r;

	*out = (struct link){0};
	if (!take_apart(a, text, &id, &out->alias))
		return err_set(e, ERR_INTERNAL, "the container's configuration is damaged: link %s", text);
	r = record_get(en->catalog, a, id, &out->rec, e);
	if (r == 0)
		r = settle(en, a, &out->rec, &live, SETTLE_LOOK, e);
	if (r < 0) {
		out->rec.id = NULL;
		return e->cls == ERR_NOTFOUND ? 0 : r;
	}
	out->runs = out->rec.status == RECORD_RUNNING;
	r = config_parse(a, out->rec.config, &out->config, e);
	return r < 0 || !out->runs ? r : address_of(en, a, out, e);
}

static int read_links(const struct engine *en, struct arena *a, const struct json *config, struct link **out, size_t *n,
		      struct err *e)
{
	const struct json *links = default_links(config);
	struct link *v = links ? arena_array(a, links->len, sizeof(*v)) : NULL;
	int r = 0;

	*n = 0;
	*out = v;
	if (links && !v)
		return err_errno(e, -ENOMEM, "read the container's links");
	json_each(text, links) {
		if (r == 0)
			r = read_link(en, a, text->str, &v[*n], e);
		*n += r == 0;
	}
	return r;
}

int links_ready(const struct engine *en, const char *name, const struct json *config, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct link *v;
	size_t n;
	int r = read_links(en, &a, config, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!v[i].rec.id)
			return err_set(e, ERR_NOTFOUND,
				       "container %s is linked to one, as %s, that was removed: make it anew", name,
				       v[i].alias);
		if (!v[i].runs)
			return err_set(
				e, ERR_BUSY,
				"container %s is linked to container %s, as %s, which does not run: start that first",
				name, v[i].rec.name, v[i].alias);
		if (!v[i].ip.len)
			return err_set(
				e, ERR_INVALID,
				"container %s is linked to container %s, as %s, which is not in the default network",
				name, v[i].rec.name, v[i].alias);
	}
	return r;
}

/* ---- hosts ---- */

int links_hosts(const struct engine *en, struct arena *a, const struct json *config, struct strbuf *out, struct err *e)
{
	char ip[IP_TEXT_LEN];
	struct link *v;
	size_t n;
	int r = read_links(en, a, config, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *hostname = "";

		if (!v[i].ip.len)
			continue;
		r = json_get_str(json_get(v[i].config.doc, "Config"), "Config", "Hostname", &hostname, e);
		sb_printf(out, "%s\t%s %s%s%s\n", ip_text(&v[i].ip, ip), v[i].alias, hostname,
			  strcmp(v[i].rec.name, v[i].alias) == 0 ? "" : " ",
			  strcmp(v[i].rec.name, v[i].alias) == 0 ? "" : v[i].rec.name);
	}
	return r;
}

static void write_files(const struct engine *en, const char *id, const char *config)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config doc;
	struct endpoints own;
	struct err e = {0};
	int r = config_parse(&a, config, &doc, &e);

	if (r == 0)
		r = endpoint_read(en, &a, id, &own, &e);
	if (r == 0 && own.n)
		r = endpoint_files(en, &a, id, doc.doc, &own, &e);
	if (r < 0)
		log_warning("container %.12s: the addresses of those it is linked to: %s", id, e.msg);
}

static bool is_linked(const struct engine *en, const char *id)
{
	struct err ignored;
	CLEANUP_FD int dir = folder_open(en, id, &ignored);

	return dir >= 0 && faccessat(dir, LINKED_FILE, F_OK, 0) == 0;
}

struct linked {
	const char *id, *config;
};

/* Who runs and is linked to id. Gathered first: what is done about them may write to the catalog. */
static int list_linked(const struct engine *en, struct arena *a, const char *id, struct linked **out, size_t *n,
		       struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct linked *v = NULL;
	size_t cap = 0;
	int r = cat_prepare(
		en->catalog, &s, e,
		"SELECT id, config FROM containers WHERE status = 'running' AND instr(config, '\"' || ?1 || ':')", "s",
		id);

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (v)
			v[(*n)++] = (struct linked){arena_strdup(a, cat_text(s, 0)), arena_strdup(a, cat_text(s, 1))};
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list links") : 0;
	}
	*out = v;
	return r < 0 ? r : 0;
}

void links_moved(const struct engine *en, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct linked *v = NULL;
	struct err e = {0};
	size_t n = 0;
	int r = is_linked(en, id) ? list_linked(en, &a, id, &v, &n, &e) : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		write_files(en, v[i].id, v[i].config);
	if (r < 0)
		log_warning("who is linked to container %.12s: %s", id, e.msg);
}

/* ---- variables ---- */

struct variables {
	struct arena *a;
	const char *prefix; /* the alias, in capitals */
	const char **v;
	size_t n, cap;
	const struct strv *env;
};

static void add(struct variables *x, const char *name, const char *value)
{
	const char *text = arena_printf(x->a, "%s_%s=%s", x->prefix, name, value);
	size_t len = strlen(x->prefix) + strlen(name) + 2;

	for (size_t i = 0; text && i < x->env->n; i++)
		if (strncmp(x->env->v[i], text, len) == 0)
			return;
	x->v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof(*x->v));
	if (x->v)
		x->v[x->n++] = text;
}

struct exposed {
	uint32_t port;
	unsigned char proto;
};

/* Those of TCP first, by number: the first is the one that ALIAS_PORT means. */
static int by_port(const void *a, const void *b)
{
	const struct exposed *x = a, *y = b;
	bool tcp = strcmp(net_proto_name(x->proto), "tcp") == 0, other = strcmp(net_proto_name(y->proto), "tcp") == 0;

	if (x->proto != y->proto)
		return tcp != other ? (tcp ? -1 : 1) : x->proto < y->proto ? -1 : 1;
	return x->port < y->port ? -1 : x->port > y->port;
}

static struct exposed *exposed_of(struct arena *a, const struct json *config, size_t *n)
{
	struct exposed *v = NULL;
	size_t cap = 0, kept = 0;
	struct net_port p;
	struct err ignored;

	*n = 0;
	json_each(text, json_get(config, "Exposed")) {
		if (text->type != JSON_STRING || net_port_parse(text->str, &p, &ignored) < 0)
			continue;
		for (uint32_t i = 0; i < p.count && (v = arena_grow(a, v, *n, &cap, sizeof(*v))); i++)
			v[(*n)++] = (struct exposed){p.target + i, p.proto};
	}
	if (*n)
		qsort(v, *n, sizeof(*v), by_port);
	for (size_t i = 0; i < *n; i++)
		if (!kept || by_port(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	*n = kept;
	return v;
}

static const char *url(struct variables *x, const struct exposed *p, const char *ip)
{
	return arena_printf(x->a, "%s://%s:%u", net_proto_name(p->proto), ip, p->port);
}

/* PORT_5432_TCP, and what it consists of; of several in a row also where they begin and end. */
static void add_port(struct variables *x, const struct exposed *p, const char *ip, const struct exposed *last)
{
	char *name = arena_printf(x->a, "PORT_%u_%s", p->port, net_proto_name(p->proto));

	for (char *c = name; c && *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (!name)
		return;
	if (last) {
		add(x, arena_printf(x->a, "%s_START", name), url(x, p, ip));
		add(x, arena_printf(x->a, "%s_PORT_START", name), arena_printf(x->a, "%u", p->port));
		add(x, arena_printf(x->a, "%s_END", name), url(x, last, ip));
		add(x, arena_printf(x->a, "%s_PORT_END", name), arena_printf(x->a, "%u", last->port));
		return;
	}
	add(x, name, url(x, p, ip));
	add(x, arena_printf(x->a, "%s_ADDR", name), ip);
	add(x, arena_printf(x->a, "%s_PORT", name), arena_printf(x->a, "%u", p->port));
	add(x, arena_printf(x->a, "%s_PROTO", name), net_proto_name(p->proto));
}

static void add_ports(struct variables *x, const struct exposed *v, size_t n, const char *ip)
{
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && v[j].proto == v[i].proto && v[j].port == v[j - 1].port + 1; j++)
			;
		if (j - i > 1)
			add_port(x, &v[i], ip, &v[j - 1]);
	}
	if (n)
		add(x, "PORT", url(x, &v[0], ip));
	for (size_t i = 0; i < n; i++)
		add_port(x, &v[i], ip, NULL);
}

static void add_link(struct variables *x, const struct link *l)
{
	char ip[IP_TEXT_LEN], *prefix = arena_strdup(x->a, l->alias);
	struct exposed *ports;
	size_t n;

	for (char *c = prefix; c && *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	x->prefix = prefix;
	ports = prefix ? exposed_of(x->a, l->config.doc, &n) : NULL;
	if (!prefix)
		return;
	add_ports(x, ports, n, ip_text(&l->ip, ip));
	json_each(text, json_get(json_get(l->config.doc, "Config"), "Env")) {
		const char *eq = text->type == JSON_STRING ? strchr(text->str, '=') : NULL;
		const char *name = eq ? arena_printf(x->a, "ENV_%.*s", (int)(eq - text->str), text->str) : NULL;

		if (name && strcmp(name, "ENV_HOME") != 0 && strcmp(name, "ENV_PATH") != 0)
			add(x, name, eq + 1);
	}
}

int links_env(const struct engine *en, struct arena *a, const char *own, const struct json *config, struct strv *env,
	      struct err *e)
{
	struct variables x = {.a = a, .env = env};
	const char **both;
	struct link *v;
	size_t n;
	int r = read_links(en, a, config, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!v[i].ip.len)
			continue;
		add_link(&x, &v[i]);
		add(&x, "NAME", arena_printf(a, "/%s/%s", own, v[i].alias));
	}
	if (r < 0 || !x.n)
		return r;
	both = arena_array(a, env->n + x.n + 1, sizeof(*both));
	if (!both || arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "variables of --link");
	if (env->n)
		memcpy(both, env->v, env->n * sizeof(*both));
	memcpy(both + env->n, x.v, x.n * sizeof(*both));
	*env = (struct strv){both, env->n + x.n};
	return 0;
}

/* ---- a description ---- */

static void write_process(const struct json *process, const struct strv *env, struct json_writer *w)
{
	jw_object(w, "process");
	json_each(member, process)
		if (strcmp(member->key, "env") != 0)
			jw_value(w, member->key, member);
	jw_array(w, "env");
	for (size_t i = 0; i < env->n; i++)
		jw_str(w, NULL, env->v[i]);
	jw_end_array(w);
	jw_end_object(w);
}

static void write_description(const struct json *old, const struct strv *env, struct json_writer *w)
{
	jw_object(w, NULL);
	json_each(member, old) {
		if (strcmp(member->key, "spec") != 0) {
			jw_value(w, member->key, member);
			continue;
		}
		jw_object(w, "spec");
		json_each(part, member) {
			if (strcmp(part->key, "process") == 0)
				write_process(part, env, w);
			else
				jw_value(w, part->key, part);
		}
		jw_end_object(w);
	}
	jw_end_object(w);
}

int links_describe(const struct engine *en, const char *own, const struct json *config, struct strbuf *description,
		   struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const struct json *old;
	const char **v = NULL;
	struct strv env = {0};
	struct strbuf was;
	int r = default_links(config) ? json_parse(&a, description->s, description->len, NULL, &old, e) : 1;

	if (r)
		return r < 0 ? r : 0;
	r = json_get_strv(&a, json_get(json_get(old, "spec"), "process"), "process", "env", &v, &env.n, e);
	env.v = v;
	if (r == 0)
		r = links_env(en, &a, own, config, &env, e);
	if (r < 0)
		return r;
	write_description(old, &env, &w);
	if (sb_error(&out) < 0)
		return err_errno(e, -ENOMEM, "write the container's description");
	was = *description;
	*description = out;
	out = was;
	return 0;
}

/* ---- shown ---- */

int links_show(const struct engine *en, struct arena *a, const char *own, const struct json *config,
	       struct json_writer *w, struct err *e)
{
	struct link *v;
	size_t n;
	int r = read_links(en, a, config, &v, &n, e);

	if (r < 0)
		return r;
	if (!n) {
		jw_null(w, "Links");
		return 0;
	}
	jw_array(w, "Links");
	for (size_t i = 0; i < n; i++)
		if (v[i].rec.id)
			jw_str(w, NULL, arena_printf(a, "/%s:/%s/%s", v[i].rec.name, own, v[i].alias));
	jw_end_array(w);
	return 0;
}

/* ---- taken away ---- */

static bool has_alias(const struct json *link, const char *alias)
{
	const char *own = link->type == JSON_STRING ? strrchr(link->str, ':') : NULL;

	return own && strcasecmp(own + 1, alias) == 0;
}

static void write_place(const struct json *place, const char *alias, struct json_writer *w)
{
	jw_object(w, NULL);
	json_each(member, place) {
		if (strcmp(member->key, "Links") != 0) {
			jw_value(w, member->key, member);
			continue;
		}
		jw_array(w, "Links");
		json_each(link, member)
			if (!has_alias(link, alias))
				jw_value(w, NULL, link);
		jw_end_array(w);
	}
	jw_end_object(w);
}

/* The configuration without that link. */
static void write_without(const struct json *doc, const char *alias, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "Networks") != 0) {
			jw_value(&w, member->key, member);
			continue;
		}
		jw_array(&w, "Networks");
		json_each(place, member) {
			if (network_is_default(json_text(place, "Name", "none")))
				write_place(place, alias, &w);
			else
				jw_value(&w, NULL, place);
		}
		jw_end_array(&w);
	}
	jw_end_object(&w);
}

static int remove_from(const struct engine *en, struct arena *a, struct hold *h, const char *alias, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	bool found = false;
	int r;

	json_each(link, default_links(h->config.doc))
		found |= has_alias(link, alias);
	if (!found)
		return err_set(e, ERR_NOTFOUND,
			       "container %s has no link called %s in the default network (tare network disconnect takes it out of another one)",
			       h->rec.name, alias);
	write_without(h->config.doc, alias, &config);
	if (sb_error(&config) < 0)
		return err_errno(e, -ENOMEM, "rm --link");
	r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = record_set_config(c, h->rec.id, config.s, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r == 0 && hold_runs(h))
		write_files(en, h->rec.id, arena_strdup(a, config.s));
	return r;
}

int links_remove(const struct engine *en, const char *text, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(hold_end) struct hold h = HOLD_INIT;
	const char *name = text + (*text == '/'), *slash = strchr(name, '/');
	int r;

	if (!slash || slash == name || !slash[1] || strchr(slash + 1, '/'))
		return err_set(e, ERR_INVALID, "--link %s: want CONTAINER/ALIAS, as inspect has it in HostConfig.Links", text);
	r = hold_container(en, &a, arena_strndup(&a, name, (size_t)(slash - name)), &h, e);
	return r < 0 ? r : remove_from(en, &a, &h, slash + 1, e);
}
