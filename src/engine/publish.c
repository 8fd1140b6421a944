/* Two lists belong together: what the configuration asks for at each start (-p's texts), and what a running container has of it (rows, and
 * elements of the firewall). A random port, or one of several, is known by its row alone; taking it away takes away the text that it came
 * from. A part of a range goes, too: what stays of it are ranges of their own.
 *
 * The firewall never knows more than the rows do (endpoint.h), whenever we are killed: what goes leaves it before the rows are committed
 * without it, what comes enters it afterwards. So the file STATE/ID/ports, there from before the first step until after the last, is
 * enough for settle() to make both the same again: as it was when the rows were not committed, else as it was to be. It lists the ranges
 * that are left of cut ones, which may be in the firewall in place of the whole. */
#include "engine/publish.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/cni.h"
#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/hold.h"
#include "engine/join.h"
#include "engine/relays.h"
#include "engine/settle.h"

#define MARK_MAX (1U << 20)

struct item {
	const char *spec;     /* as it is configured; NULL: text, written out */
	struct net_port text; /* the same, typed */
	struct net_port now;  /* its place on the host; count 0: not known */
	bool part;            /* of a range that was cut */
};

struct items {
	struct item *v;
	size_t n, cap;
};

struct change {
	const struct engine *en;
	struct arena *a;
	struct hold held;
	struct endpoints own;
	struct items kept, gone, come;
	bool runs;
};
#define CHANGE_INIT { .held = HOLD_INIT }

static void change_end(struct change *c)
{
	hold_end(&c->held);
}
#define CLEANUP_CHANGE CLEANUP(change_end)

/* What fails shows in the arena. */
static void push(struct arena *a, struct items *l, const struct item *i)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct item *more = arena_array(a, cap, sizeof(*more));

		if (!more)
			return;
		if (l->n)
			memcpy(more, l->v, l->n * sizeof(*more));
		l->v = more;
		l->cap = cap;
	}
	l->v[l->n++] = *i;
}

/* One of several that the host has: "8000-8010:80". */
static bool is_one_of(const struct net_port *text)
{
	return text->first && text->count == 1 && text->last > text->first;
}

static bool is_fixed(const struct net_port *text)
{
	return text->first && !is_one_of(text);
}

/* ---- reading ---- */

/* How well a row fits a text that asked for it; 0: not at all. */
static int fits(const struct net_port *text, const struct net_port *row)
{
	if (text->proto != row->proto || text->target != row->target || text->count != row->count || text->only != row->only ||
	    !ip_same(&text->host, &row->host))
		return 0;
	if (!text->first)
		return 1;
	if (is_one_of(text))
		return row->first >= text->first && row->first <= text->last ? 2 : 0;
	return text->first == row->first ? 3 : 0;
}

static void pair(struct change *c, const struct net_port *row)
{
	struct item own = { .text = *row, .now = *row }, *best = NULL;
	int most = 0;

	for (size_t i = 0; i < c->kept.n; i++) {
		struct item *it = &c->kept.v[i];
		int fit = it->now.count ? 0 : fits(&it->text, row);

		if (fit > most) {
			most = fit;
			best = it;
		}
	}
	if (best)
		best->now = *row;
	else
		push(c->a, &c->kept, &own);
}

static int read_items(struct change *c, struct err *e)
{
	json_each(text, json_get(c->held.config.doc, "Publish")) {
		struct item it = { .spec = text->type == JSON_STRING ? text->str : "" };

		if (net_port_parse(it.spec, &it.text, e) < 0)
			return err_ctx(e, "container %s", c->held.rec.name);
		if (!c->runs && is_fixed(&it.text))
			it.now = it.text;
		push(c->a, &c->kept, &it);
	}
	for (size_t i = 0; c->runs && i < c->own.n_ports; i++) /* one that has just ended is about to give them back */
		pair(c, &c->own.ports[i]);
	return arena_error(c->a) < 0 ? err_errno(e, -ENOMEM, "ports") : 0;
}

static int refuse_driver(const struct change *c, const struct network *net, struct err *e)
{
	if (net->internal)
		return err_set(e, ERR_INVALID, "container %s: network %s is internal: no port of the host's leads there", c->held.rec.name, net->name);
	return err_set(e, ERR_INVALID, "container %s: network %s of driver %s has no ports of the host's", c->held.rec.name, net->name, net->driver);
}

/* Of one that does not run: those it would be in. */
static int check_configured(const struct change *c, const struct json *networks, struct err *e)
{
	const char **v = arena_array(c->a, networks->len, sizeof(*v));
	struct network first;
	size_t n = 0;
	int r;

	if (!v)
		return err_errno(e, -ENOMEM, "the container's networks");
	json_each(place, networks) {
		r = json_get_str(place, "Networks", "Name", &v[n++], e);
		if (r < 0)
			return r;
	}
	r = network_without_ports(c->en, c->a, (struct strv){ v, n }, &first, e);
	return r > 0 ? refuse_driver(c, &first, e) : r;
}

static int check_network(const struct change *c, bool adds, struct err *e)
{
	const char *mode = "";
	int r = json_get_str(json_get(c->held.config.doc, "HostConfig"), "HostConfig", "NetworkMode", &mode, e);
	const struct json *networks = json_get(c->held.config.doc, "Networks");
	struct cni_row *cni;
	size_t n_cni;

	if (r < 0)
		return r;
	if (join_named(mode))
		return err_set(e, ERR_INVALID, "container %s shares the network of container %.12s: publish on that one", c->held.rec.name, join_named(mode));
	if (strcmp(mode, "host") == 0)
		return err_set(e, ERR_INVALID, "container %s shares the host's network: every port of it is the host's", c->held.rec.name);
	if (c->runs && c->own.n == 0 && (r = cni_rows(c->en, c->a, c->held.rec.id, &cni, &n_cni, e)) == 0 && n_cni)
		return err_set(e, ERR_UNSUPPORTED, "container %s: plugins of CNI (network %s) take ports when a container starts: stop it first", c->held.rec.name,
			       cni[0].network);
	if (r < 0)
		return r;
	if (c->runs ? c->own.n == 0 : adds && (!networks || networks->len == 0))
		return err_set(e, ERR_INVALID, "container %s is in no network: tare network connect", c->held.rec.name);
	if (!adds)
		return 0;
	if (!c->runs)
		return check_configured(c, networks, e);
	return c->own.via == c->own.n ? refuse_driver(c, &c->own.v[0].network, e) : 0;
}

/* Everything about it, with the lock held. */
static int begin(struct change *c, const char *what, struct err *e)
{
	int r = hold_container(c->en, c->a, what, &c->held, e);

	if (r < 0 || (r = hold_places(c->en, &c->held, e)) < 0 || (r = endpoint_read(c->en, c->a, c->held.rec.id, &c->own, e)) < 0)
		return r;
	c->runs = hold_runs(&c->held);
	return read_items(c, e);
}

/* ---- planning ---- */

static struct net_port part_of(const struct net_port *p, uint16_t at, uint16_t n)
{
	struct net_port out = *p;

	out.target = (uint16_t)(p->target + at);
	out.count = n;
	if (p->first) {
		out.first = (uint16_t)(p->first + at);
		out.last = (uint16_t)(out.first + n - 1);
	}
	return out;
}

/* From `at` on n ports of it, as one of its own. */
static void push_part(struct change *c, struct items *to, const struct item *of, uint16_t at, uint16_t n)
{
	struct item it = { .text = part_of(&of->text, at, n), .part = true };

	if (n == 0)
		return;
	if (of->now.count)
		it.now = part_of(&of->now, at, n);
	push(c->a, to, &it);
}

/* What of it is meant. */
static uint16_t meant(const struct item *it, const struct net_port_match *m, uint16_t *at)
{
	struct net_port somewhere = it->text;

	*at = 0;
	if (it->now.count)
		return net_port_match(m, &it->now, at);
	if (m->first) /* it is not known where it will be */
		return 0;
	somewhere.first = 1;
	return net_port_match(m, &somewhere, at);
}

static size_t take_away(struct change *c, const struct net_port_match *m)
{
	struct items before = c->kept;
	size_t found = 0;

	c->kept = (struct items){ 0 };
	for (size_t i = 0; i < before.n; i++) {
		const struct item *it = &before.v[i];
		uint16_t whole = it->text.count, at, n = meant(it, m, &at);

		found += n;
		if (n == 0 || n == whole) {
			push(c->a, n ? &c->gone : &c->kept, it);
			continue;
		}
		push_part(c, &c->kept, it, 0, at);
		push_part(c, &c->gone, it, at, n);
		push_part(c, &c->kept, it, (uint16_t)(at + n), (uint16_t)(whole - at - n));
	}
	return found;
}

/* One by the very text it was published with: "80" of a random port. */
static bool take_away_text(struct change *c, const char *text)
{
	struct net_port p;
	struct err ignored;

	if (net_port_parse(text, &p, &ignored) < 0)
		return false;
	for (size_t i = 0; i < c->kept.n; i++)
		if (net_port_same(&c->kept.v[i].text, &p)) {
			push(c->a, &c->gone, &c->kept.v[i]);
			memmove(&c->kept.v[i], &c->kept.v[i + 1], (c->kept.n - i - 1) * sizeof(*c->kept.v));
			c->kept.n--;
			return true;
		}
	return false;
}

static int plan_removal(struct change *c, const char *text, struct err *e)
{
	struct net_port_match m;
	int r = net_port_match_parse(text, &m, e);

	if (r < 0)
		return err_ctx(e, "--publish-rm");
	if (take_away(c, &m) || take_away_text(c, text))
		return 0;
	return err_set(e, ERR_NOTFOUND, "--publish-rm %s: container %s publishes no such port (tare port %s lists them)", text, c->held.rec.name, c->held.rec.name);
}

static bool overlap(const struct net_port *a, const struct net_port *b)
{
	bool apart = a->only && b->only && (a->only != b->only || (a->host.len && b->host.len && !ip_same(&a->host, &b->host)));

	return a->proto == b->proto && !apart && a->first < b->first + b->count && b->first < a->first + a->count;
}

static int plan_addition(struct change *c, const char *text, struct err *e)
{
	struct item it = { .spec = text };
	int r = net_port_parse(text, &it.text, e);

	if (r < 0)
		return err_ctx(e, "--publish-add");
	for (size_t i = 0; is_fixed(&it.text) && i < c->kept.n + c->come.n; i++) {
		const struct item *other = i < c->kept.n ? &c->kept.v[i] : &c->come.v[i - c->kept.n];
		const struct net_port *there = other->now.count ? &other->now : &other->text;

		if (!is_fixed(there) || !overlap(there, &it.text))
			continue;
		if (net_port_same(there, &it.text))
			return 0;
		return err_set(e, ERR_CONFLICT, "--publish-add %s: a port of the host leads to port %u of container %s already: --publish-rm it", text,
			       there->target, c->held.rec.name);
	}
	push(c->a, &c->come, &it);
	return 0;
}

/* What the configuration says of all that is there afterwards. */
static int write_publish(struct change *c, struct strbuf *out, struct err *e)
{
	size_t n = c->kept.n + c->come.n;
	const char **v = arena_array(c->a, n + 1, sizeof(*v));
	char text[NET_PORT_TEXT_LEN];

	for (size_t i = 0; v && i < n; i++) {
		const struct item *it = i < c->kept.n ? &c->kept.v[i] : &c->come.v[i - c->kept.n];

		v[i] = it->spec ? it->spec : arena_strdup(c->a, net_port_text(&it->text, text));
	}
	if (v)
		config_change_publish(c->held.config.doc, (struct strv){ v, n }, out);
	return arena_error(c->a) < 0 || sb_error(out) < 0 ? err_errno(e, -ENOMEM, "ports") : 0;
}

/* ---- doing ---- */

static int mark(const struct change *c, struct err *e)
{
	CLEANUP_FD int folder = openat(c->en->state_fd, c->held.rec.id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	char port[NET_PORT_TEXT_LEN];
	int r = folder < 0 ? -errno : 0;

	if (r == 0 && live_touch(c->en, c->held.rec.id, e) < 0)
		return e->code;
	for (size_t i = 0; i < c->kept.n; i++)
		if (c->kept.v[i].part)
			sb_printf(&text, "%s\n", net_port_text(&c->kept.v[i].now, port));
	if (r == 0)
		r = sb_error(&text) < 0 ? -ENOMEM : io_replace_file(folder, "ports", sb_str(&text), text.len, 0600, false);
	return r < 0 ? err_errno(e, r, "write %s/%s/ports", c->en->state, c->held.rec.id) : 0;
}

static void unmark(const struct engine *en, const char *id)
{
	char name[NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s/ports", id);
	if (unlinkat(en->state_fd, name, 0) < 0 && errno != ENOENT)
		log_warning("remove %s/%s: %s", en->state, name, strerror(errno));
}

/* No ports yet, beside the container's addresses. */
static int no_ports(struct change *c, struct endpoints *out, struct err *e)
{
	size_t most = c->own.n_ports + 2 * c->kept.n + c->come.n + 1;

	*out = (struct endpoints){ .v = c->own.v, .n = c->own.n, .via = c->own.via, .ports = arena_array(c->a, most, sizeof(*out->ports)) };
	return out->ports ? 0 : err_errno(e, -ENOMEM, "ports");
}

static void add_kept(const struct change *c, struct endpoints *out)
{
	for (size_t i = 0; i < c->kept.n; i++)
		if (c->kept.v[i].now.count)
			out->ports[out->n_ports++] = c->kept.v[i].now;
}

/* What is left of cut ranges. */
static void add_parts(const struct items *l, struct endpoints *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].now.count && l->v[i].part)
			out->ports[out->n_ports++] = l->v[i].now;
}

static void add_coming(const struct change *c, struct endpoints *out)
{
	for (size_t i = 0; i < c->come.n; i++)
		out->ports[out->n_ports++] = c->come.v[i].now;
}

/* The whole rows of what goes or is cut. */
static void add_leaving(const struct change *c, struct endpoints *out)
{
	for (size_t i = 0; i < c->own.n_ports; i++) {
		bool stays = false;

		for (size_t k = 0; k < c->kept.n; k++)
			stays |= net_port_same(&c->kept.v[k].now, &c->own.ports[i]);
		if (!stays)
			out->ports[out->n_ports++] = c->own.ports[i];
	}
}

/* In an open transaction. */
static int write_rows(struct change *c, const char *config, struct err *e)
{
	struct catalog *cat = c->en->catalog;
	int r = cat_exec(cat, e, "DELETE FROM ports WHERE container = ?1", "s", c->held.rec.id);

	for (size_t i = 0; r >= 0 && i < c->kept.n; i++)
		if (c->kept.v[i].now.count)
			r = endpoint_write_port(c->en, c->held.rec.id, &c->kept.v[i].now, e);
	for (size_t i = 0; r >= 0 && i < c->come.n; i++) {
		c->come.v[i].now = c->come.v[i].text;
		r = endpoint_take_port(c->en, c->held.rec.id, &c->come.v[i].now, &c->own, e);
		if (r < 0)
			return err_ctx(e, "--publish-add %s", c->come.v[i].spec);
	}
	return r < 0 ? r : record_set_config(cat, c->held.rec.id, config, e);
}

/* In an open transaction, the rows that it had. */
static int write_old_rows(const struct change *c, struct err *e)
{
	int r = cat_exec(c->en->catalog, e, "DELETE FROM ports WHERE container = ?1", "s", c->held.rec.id);

	for (size_t i = 0; r >= 0 && i < c->own.n_ports; i++)
		r = endpoint_write_port(c->en, c->held.rec.id, &c->own.ports[i], e);
	return r < 0 ? r : record_set_config(c->en->catalog, c->held.rec.id, c->held.rec.config, e);
}

/* The rows that it had, when others are committed. What came leaves the firewall first: until then its ports are nobody else's. */
static int take_rows_back(struct change *c, const struct endpoints *come, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	const struct endpoints none = { 0 };
	int r = come->n_ports ? endpoint_close_ports(c->en, c->held.rec.id, come, &none, e) : 0;

	if (r == 0)
		r = catalog_begin(cat, CATALOG_DURABLE, e);
	if (r == 0)
		r = write_old_rows(c, e);
	return r < 0 ? r : catalog_commit(cat, e);
}

/* Rows and firewall as they were; what failed stays in e. Where that fails, too, the mark stays. come: what may be in the firewall of the
 * ports that come; NULL: nothing, for no row is committed yet, and the catalog, which may have no room, is not to be asked. */
static int take_back(struct change *c, const struct endpoints *parts, const struct endpoints *come, struct err *e)
{
	struct err why = *e;
	int r;

	catalog_rollback(c->en->catalog);
	r = come ? take_rows_back(c, come, e) : 0;
	if (r == 0)
		r = endpoint_mend_ports(c->en, c->held.rec.id, &c->own, parts, e);
	if (r == 0)
		r = relays_change(c->en, c->held.rec.id, &c->own, e);
	if (r == 0)
		unmark(c->en, c->held.rec.id);
	*e = why;
	return why.code;
}

/* What the firewall has of its ports once more, when the rows are committed; and the parts, which are missing where the whole was not found. */
static int let_in(struct change *c, const struct endpoints *come, struct err *e)
{
	struct endpoints now = *come, all;
	int r = no_ports(c, &all, e);

	if (r < 0)
		return r;
	add_parts(&c->kept, &now);
	add_kept(c, &all);
	add_coming(c, &all);
	r = endpoint_open(c->en, c->held.rec.id, &now, e);
	return r < 0 || !c->come.n ? r : relays_change(c->en, c->held.rec.id, &all, e);
}

/* With the rows written in an open transaction. */
static int change_firewall(struct change *c, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	struct endpoints leave, parts, come, kept;
	int r;

	if ((r = no_ports(c, &leave, e)) < 0 || (r = no_ports(c, &parts, e)) < 0 || (r = no_ports(c, &come, e)) < 0 || (r = no_ports(c, &kept, e)) < 0)
		return r;
	add_leaving(c, &leave);
	add_parts(&c->kept, &parts);
	add_coming(c, &come);
	add_kept(c, &kept);
	if (leave.n_ports)
		r = relays_change(c->en, c->held.rec.id, &kept, e);
	if (r == 0 && leave.n_ports)
		r = endpoint_close_ports(c->en, c->held.rec.id, &leave, &parts, e);
	if (r == 0)
		r = catalog_commit(cat, e);
	if (r < 0)
		return take_back(c, &parts, NULL, e);
	r = let_in(c, &come, e);
	return r < 0 ? take_back(c, &parts, &come, e) : 0;
}

static int change_running(struct change *c, const char *config, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	int r = mark(c, e);

	if (r == 0)
		r = catalog_begin(cat, CATALOG_DURABLE, e);
	if (r == 0)
		r = write_rows(c, config, e);
	if (r == 0)
		r = change_firewall(c, e);
	else
		unmark(c->en, c->held.rec.id); /* nothing was done yet */
	if (r == 0)
		unmark(c->en, c->held.rec.id);
	return r;
}

static int change_config(const struct change *c, const char *config, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *cat = c->en->catalog;
	int r = catalog_begin(cat, CATALOG_DURABLE, e);

	if (r == 0)
		r = record_set_config(cat, c->held.rec.id, config, e);
	return r < 0 ? r : catalog_commit(cat, e);
}

int container_publish(const struct engine *en, const char *what, struct strv add, struct strv remove, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CHANGE struct change c = CHANGE_INIT;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	int r;

	if (en->user.on)
		return err_set(e, ERR_UNSUPPORTED, "published ports are changed by root alone: those of an ordinary user's container are told to pasta or slirp4netns at its start");
	c.en = en;
	c.a = &a;
	r = begin(&c, what, e);
	if (r == 0)
		r = check_network(&c, add.n > 0, e);
	for (size_t i = 0; r == 0 && i < remove.n; i++)
		r = plan_removal(&c, remove.v[i], e);
	for (size_t i = 0; r == 0 && i < add.n; i++)
		r = plan_addition(&c, add.v[i], e);
	if (r == 0)
		r = write_publish(&c, &config, e);
	if (r < 0)
		return r;
	r = c.runs && c.own.n ? change_running(&c, config.s, e) : change_config(&c, config.s, e);
	if (r == 0)
		events_container(en, &c.held.rec, "update", NULL);
	return r;
}

/* ---- after a kill ---- */

static int read_mark(const struct engine *en, struct arena *a, const char *id, struct items *parts, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char name[NAME_MAX + 1], *at, *end;
	int r;

	(void)snprintf(name, sizeof(name), "%s/ports", id);
	r = io_read_file(en->state_fd, name, MARK_MAX, &text, NULL);
	if (r < 0)
		return err_errno(e, r, "read %s/%s", en->state, name);
	for (at = text; (end = strchr(at, '\n')); at = end + 1) {
		struct item it = { .part = true };

		*end = '\0';
		if (net_port_parse(at, &it.now, e) < 0)
			return err_ctx(e, "%s/%s", en->state, name);
		push(a, parts, &it);
	}
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "ports") : 0;
}

static bool is_marked(const struct engine *en, const char *id)
{
	char name[NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s/ports", id);
	return faccessat(en->state_fd, name, F_OK, 0) == 0;
}

static int mend(struct change *c, struct err *e)
{
	struct endpoints parts;
	struct items listed = { 0 };
	int r = record_get(c->en->catalog, c->a, c->held.rec.id, &c->held.rec, e);

	if (r == 0)
		r = live_read(c->en, c->held.rec.id, &c->held.live, e);
	if (r < 0 || c->held.rec.status != RECORD_RUNNING || !c->held.live.container || !is_marked(c->en, c->held.rec.id))
		return r; /* its end takes care of it */
	r = endpoint_read(c->en, c->a, c->held.rec.id, &c->own, e);
	if (r == 0)
		r = read_mark(c->en, c->a, c->held.rec.id, &listed, e);
	c->kept = listed;
	if (r == 0)
		r = no_ports(c, &parts, e);
	if (r == 0)
		add_parts(&listed, &parts);
	if (r == 0 && c->own.n)
		r = endpoint_mend_ports(c->en, c->held.rec.id, &c->own, &parts, e);
	if (r == 0)
		r = relays_change(c->en, c->held.rec.id, &c->own, e);
	if (r == 0)
		unmark(c->en, c->held.rec.id);
	return r;
}

int publish_mend(const struct engine *en, const struct record *rec, bool wait, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CHANGE struct change c = CHANGE_INIT;

	if (!is_marked(en, rec->id))
		return 0;
	c.en = en;
	c.a = &a;
	c.held.rec.id = rec->id;
	c.held.lock = folder_lock(en, rec->id, wait, e);
	if (c.held.lock < 0)
		return e->cls == ERR_BUSY || e->cls == ERR_NOTFOUND ? 0 : c.held.lock;
	return mend(&c, e);
}
