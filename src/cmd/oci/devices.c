/* update --device-add, --device-rm: device nodes and the rights to them, for a container that runs.
 *
 * The rules in force are always made anew from what is written down: those of the specification (or of the last
 * update -r that had any), then one for each device added since. Order: the record first, so that whoever kills us leaves
 * something that --device-rm can take away; then rights, nodes; the record without what went, last. A step that fails
 * takes back those before it. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/oci/oci.h"
#include "runtime/live.h"
#include "sys/cgroup.h"

#define MOST_DEVICES 256

struct change {
	const struct cli_call *call;
	struct oci_container *c;
	const struct oci_spec *spec;
	struct rt_live live;
	const struct rt_added_device *before, *after;
	size_t n_before, n_after;
	struct rt_added_device *added, *removed;
	size_t n_added, n_removed;
};

/* ---- options ---- */

static bool is_clean(const char *path)
{
	return path[0] == '/' && path[1] && !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
	       !text_ends(path, "/") && !text_ends(path, "/.") && !text_ends(path, "/..");
}

static bool is_access(const char *text)
{
	return *text && text[strspn(text, "rwm")] == '\0';
}

/* An id that the container does not have would leave the node to nobody: then it is its root's. */
static uint32_t id_inside(const struct oci_id_map *map, size_t n, bool user, uint32_t id)
{
	if (!user)
		return id;
	for (size_t i = 0; i < n; i++)
		if (id >= map[i].container_id && id - map[i].container_id < map[i].size)
			return id;
	return 0;
}

static int stat_device(const struct oci_spec *spec, const char *host, struct oci_device *d, struct err *e)
{
	const struct oci_linux *l = &spec->linux_;
	bool user = l->ns[OCI_NS_USER].wanted;
	struct stat st;

	if (stat(host, &st) < 0)
		return err_errno(e, -errno, "%s", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is no device node", host);
	d->type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	d->major = major(st.st_rdev);
	d->minor = minor(st.st_rdev);
	d->has_mode = true;
	d->mode = st.st_mode & 07777;
	d->uid = id_inside(l->uid_map, l->n_uid_map, user, st.st_uid);
	d->gid = id_inside(l->gid_map, l->n_gid_map, user, st.st_gid);
	return 0;
}

/* PATH[:PATH-INSIDE][:rwm], as Docker's --device. */
static int parse_device(struct arena *a, const struct oci_spec *spec, const char *text, struct rt_added_device *out,
			struct err *e)
{
	char *host = arena_strdup(a, text), *part[3] = { host, NULL, NULL }, *rest = host;
	size_t n = 0;

	if (!host)
		return err_errno(e, -ENOMEM, "%s", text);
	for (char *p; n < 3 && (p = strsep(&rest, ":")); n++)
		part[n] = p;
	*out = (struct rt_added_device){ .node.path = host, .access = "rwm" };
	if (n == 2 && is_access(part[1]))
		out->access = part[1];
	else if (n >= 2)
		out->node.path = part[1];
	if (n == 3)
		out->access = part[2];
	if (rest || !is_clean(out->node.path) || host[0] != '/' || !is_access(out->access))
		return err_set(e, ERR_INVALID, "want /PATH[:/PATH-INSIDE][:rwm], paths without \"..\" and doubled slashes");
	return stat_device(spec, host, &out->node, e);
}

/* ---- the lists ---- */

static size_t find(const struct rt_added_device *list, size_t n, const char *path)
{
	size_t i = 0;

	while (i < n && strcmp(list[i].node.path, path) != 0)
		i++;
	return i;
}

static int plan_removed(struct change *ch, const struct cli_strv *paths, struct err *e)
{
	for (size_t i = 0; i < paths->n; i++) {
		size_t at = find(ch->before, ch->n_before, paths->v[i]);

		if (at == ch->n_before)
			return err_set(e, ERR_NOTFOUND, "--device-rm %s: no such device was added to container %s",
				       paths->v[i], ch->c->rec.id);
		if (find(ch->removed, ch->n_removed, paths->v[i]) < ch->n_removed)
			return err_set(e, ERR_INVALID, "--device-rm %s: named twice", paths->v[i]);
		ch->removed[ch->n_removed++] = ch->before[at];
	}
	return 0;
}

static int plan_added(struct change *ch, const struct cli_strv *texts, struct err *e)
{
	for (size_t i = 0; i < texts->n; i++) {
		struct rt_added_device *d = &ch->added[ch->n_added];

		if (parse_device(ch->call->arena, ch->spec, texts->v[i], d, e) < 0)
			return err_ctx(e, "--device-add %s", texts->v[i]);
		if (find(ch->before, ch->n_before, d->node.path) < ch->n_before || find(ch->added, i, d->node.path) < i)
			return err_set(e, ERR_CONFLICT, "--device-add %s: container %s has it already", texts->v[i],
				       ch->c->rec.id);
		ch->n_added++;
	}
	return ch->n_before + ch->n_added <= MOST_DEVICES ?
		       0 :
		       err_set(e, ERR_LIMIT, "--device-add: more than %d devices", MOST_DEVICES);
}

static int plan(struct change *ch, const struct oci_update_opts *o, struct err *e)
{
	struct arena *a = ch->call->arena;
	struct rt_added_device *after;
	int r;

	ch->before = ch->c->rec.devices;
	ch->n_before = ch->c->rec.n_devices;
	ch->added = arena_array(a, o->device_add.n + 1, sizeof(*ch->added));
	ch->removed = arena_array(a, o->device_rm.n + 1, sizeof(*ch->removed));
	after = arena_array(a, ch->n_before + o->device_add.n + 1, sizeof(*after));
	if (!ch->added || !ch->removed || !after)
		return err_errno(e, -ENOMEM, "devices");
	r = plan_removed(ch, &o->device_rm, e);
	if (r == 0)
		r = plan_added(ch, &o->device_add, e);
	for (size_t i = 0; i < ch->n_before; i++)
		if (find(ch->removed, ch->n_removed, ch->before[i].node.path) == ch->n_removed)
			after[ch->n_after++] = ch->before[i];
	for (size_t i = 0; i < ch->n_added; i++)
		after[ch->n_after++] = ch->added[i];
	ch->after = after;
	return r;
}

/* ---- the rules ---- */

static struct cg_device_rule rule_of(const struct rt_added_device *d)
{
	return (struct cg_device_rule){ .allow = true,
					.type = d->node.type,
					.major = d->node.major,
					.minor = d->node.minor,
					.read = strchr(d->access, 'r'),
					.write = strchr(d->access, 'w'),
					.mknod = strchr(d->access, 'm') };
}

/* base, then a rule for each device of the list. */
static int append_rules(struct arena *a, const struct cg_device_rule *base, size_t n_base,
			const struct rt_added_device *list, size_t n, struct cg_resources *out, struct err *e)
{
	struct cg_device_rule *rules = arena_array(a, n_base + n + 1, sizeof(*rules));

	if (!rules)
		return err_errno(e, -ENOMEM, "device rules");
	if (n_base)
		memcpy(rules, base, n_base * sizeof(*rules));
	for (size_t i = 0; i < n; i++)
		rules[n_base + i] = rule_of(&list[i]);
	out->devices = rules;
	out->n_devices = n_base + n;
	return 0;
}

static int rules_with(const struct change *ch, const struct rt_added_device *list, size_t n, struct cg_resources *out,
		      struct err *e)
{
	const struct rt_record *rec = &ch->c->rec;
	struct cg_resources all;

	*out = (struct cg_resources){ 0 };
	if (rec->has_device_rules)
		return append_rules(ch->call->arena, rec->device_rules, rec->n_device_rules, list, n, out, e);
	if (rt_resources(ch->call->arena, ch->spec, &all, e) < 0)
		return e->code;
	return append_rules(ch->call->arena, all.devices, all.n_devices, list, n, out, e);
}

static int change_rights(const struct change *ch, bool back, struct err *e)
{
	const struct rt_record *rec = &ch->c->rec;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct cg_resources before, after;
	int r = rules_with(ch, ch->before, ch->n_before, &before, e);

	if (r == 0)
		r = rules_with(ch, ch->after, ch->n_after, &after, e);
	if (r < 0)
		return r;
	if (rec->unit)
		return oci_set_limits(rec, back ? &before : &after, e);
	r = cg_open(rec->cgroup, &cg, e);
	for (size_t i = 0; r == 0 && i < ch->n_added + ch->n_removed; i++) {
		const struct rt_added_device *d = i < ch->n_added ? &ch->added[i] : &ch->removed[i - ch->n_added];
		struct cg_device_rule rule = rule_of(d);

		r = cg_change_device(cg, back ? &after : &before, back ? &before : &after, &rule, e);
	}
	return r;
}

/* ---- doing it ---- */

static int write_record(struct change *ch, const struct rt_added_device *list, size_t n, struct err *e)
{
	struct rt_record rec = ch->c->rec;

	rec.devices = list;
	rec.n_devices = n;
	return rt_record_write(&ch->c->dir, &rec, ch->spec, e);
}

/* Before and after at once. */
static int announce(struct change *ch, struct err *e)
{
	struct rt_added_device *both = arena_array(ch->call->arena, ch->n_before + ch->n_added + 1, sizeof(*both));

	if (!both)
		return err_errno(e, -ENOMEM, "devices");
	if (ch->n_before)
		memcpy(both, ch->before, ch->n_before * sizeof(*both));
	memcpy(both + ch->n_before, ch->added, ch->n_added * sizeof(*both));
	return write_record(ch, both, ch->n_before + ch->n_added, e);
}

/* A node that the container has put something else in the place of is its own affair: it has no rights to it any more. */
static void remove_nodes(struct change *ch, const struct rt_added_device *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct err e = { 0 };

		if (rt_live_no_node(&ch->live, &list[i].node, &e) < 0)
			log_warning("device node left in container %s: %s", ch->c->rec.id, e.msg);
	}
}

static int add_nodes(struct change *ch, struct err *e)
{
	for (size_t i = 0; i < ch->n_added; i++) {
		if (rt_live_node(&ch->live, &ch->added[i].node, e) == 0)
			continue;
		remove_nodes(ch, ch->added, i);
		return e->code;
	}
	return 0;
}

static void take_back(struct change *ch)
{
	struct err e = { 0 };

	if (change_rights(ch, true, &e) < 0 || write_record(ch, ch->before, ch->n_before, &e) < 0)
		log_warning("taking back the change of devices: %s", e.msg);
}

int oci_change_devices(const struct cli_call *call, const struct oci_update_opts *o, struct oci_container *c,
		       struct err *e)
{
	struct change ch = { .call = call, .c = c };
	int r;

	if (!o->device_add.n && !o->device_rm.n)
		return 0;
	if (!c->rec.cgroup)
		return err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup, so it has no device rules to change", c->rec.id);
	r = oci_load_spec(call, &c->rec, &ch.spec, e);
	if (r == 0)
		r = oci_live(c, ch.spec, &ch.live, e);
	if (r == 0)
		r = plan(&ch, o, e);
	if (r < 0)
		return r;
	r = announce(&ch, e);
	if (r == 0)
		r = change_rights(&ch, false, e);
	if (r == 0)
		r = add_nodes(&ch, e);
	if (r < 0) {
		take_back(&ch);
		return err_ctx(e, "device");
	}
	remove_nodes(&ch, ch.removed, ch.n_removed);
	return write_record(&ch, ch.after, ch.n_after, e);
}

int oci_change_limits(const struct cli_call *call, struct oci_container *c, const struct cg_resources *r, struct err *e)
{
	struct cg_resources all = *r;
	const struct oci_spec *spec;

	if (!r->n_devices)
		return oci_set_limits(&c->rec, r, e);
	if (oci_load_spec(call, &c->rec, &spec, e) < 0 ||
	    append_rules(call->arena, r->devices, r->n_devices, c->rec.devices, c->rec.n_devices, &all, e) < 0 ||
	    oci_set_limits(&c->rec, &all, e) < 0)
		return e->code;
	c->rec.has_device_rules = true;
	c->rec.device_rules = r->devices;
	c->rec.n_device_rules = r->n_devices;
	return rt_record_write(&c->dir, &c->rec, spec, e);
}
