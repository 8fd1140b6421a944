/* A row per shared namespace (catalog_schema.c) is there as long as its container. It pins X by its id. What else X would take along when
 * it is removed is made the container's own: the id range is recorded once more under its name, so that nobody else is given it, and
 * X's hosts, resolv.conf and hostname are the same files by another link (prepare.c).
 *
 * Processes are named to the monitor by pid and start time, and it looks again once it has hold of them: an X that ends meanwhile is
 * an error, and no other process's namespaces are ever joined for it. */
#include "engine/join.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/config.h"
#include "engine/settle.h"

static const struct kind {
	const char *type;         /* as in a specification */
	const char *option;
	const char *mode;         /* member of HostConfig */
	const char *what;         /* for messages */
} kinds[] = {
	{ "network", "--network", "NetworkMode", "network" },
	{ "pid", "--pid", "PidMode", "processes" },
	{ "ipc", "--ipc", "IpcMode", "IPC" },
};

const char *join_named(const char *value)
{
	return value && text_starts(value, "container:") ? value + strlen("container:") : NULL;
}

/* ---- making ---- */

static int find_owner(const struct engine *en, struct arena *a, const struct kind *k, struct plan_join *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT owner FROM joined WHERE container = ?1 AND kind = ?2", "ss", out->id, k->type);

	if (r == 0)
		r = cat_step(s, e);
	out->owner = r > 0 ? arena_strdup(a, cat_text(s, 0)) : out->id;
	return r < 0 ? r : 0;
}

/* Both have one user namespace, or none. */
static int take_map(struct plan *p, const struct record *rec, struct err *e)
{
	if (p->joined && (p->map_base != rec->id_base || p->map_size != rec->id_size))
		return err_set(e, ERR_INVALID, "--network, --pid and --ipc name containers whose user ids differ: there is one user namespace for all");
	p->joined = true;
	p->userns = rec->id_size > 0;
	p->map_base = rec->id_base;
	p->map_size = rec->id_size;
	return 0;
}

static int look_up(const struct engine *en, struct plan *p, const struct kind *k, const char *what, struct plan_join *out, struct err *e)
{
	struct ct_config config;
	const char *mode = "";
	struct record rec;
	int r = *what ? record_find(en->catalog, p->a, what, &rec, e)
		      : err_set(e, ERR_INVALID, "%s container: needs a name: container:NAME", k->option);

	if (r < 0 && !*what)
		return r;
	if (r < 0)
		return err_ctx(e, "%s container:%.100s", k->option, what);
	*out = (struct plan_join){ .id = rec.id, .name = rec.name };
	if ((r = config_parse(p->a, rec.config, &config, e)) < 0 ||
	    (r = json_get_str(json_get(config.doc, "HostConfig"), "HostConfig", k->mode, &mode, e)) < 0)
		return r;
	if (strcmp(mode, "host") == 0)
		return err_set(e, ERR_INVALID, "%s container:%s: that container shares the host's %s: use %s host", k->option, rec.name, k->what, k->option);
	if (k == &kinds[2] && strcmp(mode, "shareable") != 0)
		return err_set(e, ERR_INVALID, "--ipc container:%s: its IPC is its own: make that one with --ipc shareable", rec.name);
	r = take_map(p, &rec, e);
	if (r == 0 && k == &kinds[0])
		r = json_get_str(json_get(config.doc, "Config"), "Config", "Hostname", &p->hostname, e);
	if (r == 0 && k == &kinds[0])
		r = json_get_str(json_get(config.doc, "Config"), "Config", "Domainname", &p->domainname, e);
	return r < 0 ? r : find_owner(en, p->a, k, out, e);
}

int join_plan(const struct engine *en, struct plan *p, struct err *e)
{
	const char *pid_of = join_named(p->opt->pid), *ipc_of = join_named(p->opt->ipc);
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->opt->networks.n; i++) {
		const char *net_of = join_named(p->opt->networks.v[i]);

		if (net_of)
			r = look_up(en, p, &kinds[0], net_of, &p->net_of, e);
	}
	if (r == 0 && pid_of)
		r = look_up(en, p, &kinds[1], pid_of, &p->pid_of, e);
	return r < 0 || !ipc_of ? r : look_up(en, p, &kinds[2], ipc_of, &p->ipc_of, e);
}

/* The target's row must be there still: with it goes its range. */
static int insert(const struct engine *en, const char *id, const struct kind *k, const struct plan_join *j, struct err *e)
{
	int r = cat_exec(en->catalog, e,
			 "INSERT INTO joined(container, kind, target, owner) SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM containers WHERE id = ?3)",
			 "ssss", id, k->type, j->id, j->owner);

	return r == 0 ? err_set(e, ERR_NOTFOUND, "%s container:%s: that container was removed meanwhile", k->option, j->name) : r < 0 ? r : 0;
}

int join_insert(const struct engine *en, const struct plan *p, struct err *e)
{
	int r = p->net_of.id ? insert(en, p->id, &kinds[0], &p->net_of, e) : 0;

	if (r == 0 && p->pid_of.id)
		r = insert(en, p->id, &kinds[1], &p->pid_of, e);
	return r < 0 || !p->ipc_of.id ? r : insert(en, p->id, &kinds[2], &p->ipc_of, e);
}

/* ---- starting ---- */

static int write_target(const struct engine *en, struct arena *a, const struct record *own, const struct kind *k, const char *target,
			struct json_writer *w, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec;
	int r = record_get(en->catalog, a, target, &rec, e);

	if (r == 0)
		r = settle(en, a, &rec, &live, SETTLE_WAIT, e);
	if (r < 0 && e->cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "container %s shares the %s of container %.12s, which is gone: make it anew", own->name, k->what, target);
	if (r < 0)
		return r;
	if (rec.status != RECORD_RUNNING || !live.container)
		return err_set(e, ERR_BUSY, "container %s shares the %s of container %s, which does not run: start that first", own->name, k->what,
			       rec.name);
	jw_object(w, NULL);
	jw_str(w, "container", rec.name);
	jw_i64(w, "pid", live.pid);
	jw_u64(w, "startTime", live.start_time);
	jw_array(w, "namespaces");
	if (own->id_size)
		jw_str(w, NULL, "user");
	jw_str(w, NULL, k->type);
	jw_end_array(w);
	jw_end_object(w);
	return 0;
}

/* targets[i] of kinds[i], NULL where it has a namespace of its own. 1: any. */
static int read_targets(const struct engine *en, struct arena *a, const char *id, const char *targets[ARRAY_LEN(kinds)], struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT kind, target FROM joined WHERE container = ?1", "s", id);
	bool any = false;

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			if (strcmp(kinds[i].type, cat_text(s, 0)) == 0)
				targets[i] = arena_strdup(a, cat_text(s, 1));
		any = true;
		r = 0;
	}
	return r < 0 ? r : any;
}

int join_describe(const struct engine *en, const char *id, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf member = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&member);
	const char *targets[ARRAY_LEN(kinds)] = { NULL };
	struct record own;
	int r = read_targets(en, &a, id, targets, e);

	if (r <= 0)
		return r;
	r = record_get(en->catalog, &a, id, &own, e);
	jw_object(&w, NULL);
	jw_array(&w, "join");
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(kinds); i++)
		if (targets[i])
			r = write_target(en, &a, &own, &kinds[i], targets[i], &w, e);
	jw_end_array(&w);
	jw_end_object(&w);
	if (r < 0)
		return r;
	description->len--; /* it ends with its brace */
	sb_printf(description, ",%s", sb_str(&member) + 1);
	return sb_error(&member) < 0 || sb_error(description) < 0 ? err_errno(e, -ENOMEM, "write the container's description") : 0;
}

int join_guests(const struct engine *en, struct arena *a, const char *id, struct strv *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	const char **v = NULL;
	size_t cap = 0;
	int r = cat_prepare(en->catalog, &s, e, "SELECT container FROM joined WHERE owner = ?1 AND kind = 'network'", "s", id);

	*out = (struct strv){ 0 };
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if (out->n == cap) {
			const char **more = arena_array(a, cap = cap ? 2 * cap : 8, sizeof(*more));

			if (!more)
				return err_errno(e, -ENOMEM, "list who shares a network");
			if (out->n)
				memcpy(more, v, out->n * sizeof(*more));
			v = more;
		}
		v[out->n++] = arena_strdup(a, cat_text(s, 0));
		out->v = v;
		r = 0;
	}
	return r < 0 ? r : arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list who shares a network") : 0;
}
