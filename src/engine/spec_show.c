/* The user's own words of mounts, devices and limits, as the objects that Docker's HostConfig makes of them: what inspect shows. Nothing reads
 * them back. */
#include <stdlib.h>
#include <string.h>

#include "engine/cdi.h"
#include "engine/pairs.h"
#include "engine/spec_plan.h"

static void show_bind(const struct plan_bind *b, struct json_writer *w)
{
	jw_object(w, "BindOptions");
	jw_str(w, "Propagation", b->propagation);
	jw_bool(w, "NonRecursive", !b->recursive);
	if (!b->must_exist)
		jw_bool(w, "CreateMountpoint", true);
	jw_bool(w, "ReadOnlyNonRecursive", b->ro_top);
	jw_end_object(w);
}

static void show_volume(const struct plan_bind *b, struct json_writer *w)
{
	jw_object(w, "VolumeOptions");
	jw_bool(w, "NoCopy", b->nocopy);
	pairs_write(w, "Labels", b->labels);
	jw_object(w, "DriverConfig");
	if (b->driver)
		jw_str(w, "Name", b->driver);
	if (b->opts.n)
		pairs_write(w, "Options", b->opts);
	jw_end_object(w);
	if (b->subpath)
		jw_str(w, "Subpath", b->subpath);
	jw_end_object(w);
}

static void show_tmpfs(const struct plan_tmpfs *t, struct json_writer *w)
{
	jw_object(w, "TmpfsOptions");
	for (size_t i = 0; i < t->options.n; i++) {
		const char *size = plan_value_of(t->options.v[i], "size"), *mode = plan_value_of(t->options.v[i], "mode");

		if (size)
			jw_u64(w, "SizeBytes", strtoull(size, NULL, 10));
		if (mode)
			jw_u64(w, "Mode", strtoul(mode, NULL, 8));
	}
	jw_end_object(w);
}

static void show_mount(const struct plan_asked *m, struct json_writer *w)
{
	const struct plan_bind *b = &m->bind;
	bool tmpfs = m->tmpfs.target != NULL;
	const char *source = b->volume ? b->volume : b->image ? b->image : b->source;

	jw_object(w, NULL);
	jw_str(w, "Type", tmpfs ? "tmpfs" : b->image ? "image" : b->volume || b->anonymous ? "volume" : "bind");
	if (!tmpfs && source)
		jw_str(w, "Source", source);
	jw_str(w, "Target", tmpfs ? m->tmpfs.target : b->target);
	jw_bool(w, "ReadOnly", tmpfs ? m->tmpfs.ro : b->ro);
	if (tmpfs) {
		show_tmpfs(&m->tmpfs, w);
	} else if (b->volume || b->anonymous) {
		show_volume(b, w);
	} else if (b->image && b->subpath) {
		jw_object(w, "ImageOptions");
		jw_str(w, "Subpath", b->subpath);
		jw_end_object(w);
	} else if (!b->image) {
		show_bind(b, w);
	}
	jw_end_object(w);
}

void plan_show_files(const struct plan *p, struct json_writer *w)
{
	jw_strv(w, "Binds", p->opt->volumes.v);
	jw_array(w, "Mounts");
	for (size_t i = 0; i < p->n_asked; i++)
		show_mount(&p->asked[i], w);
	jw_end_array(w);
	jw_strv(w, "VolumesFrom", p->opt->volumes_from.v);
	jw_str(w, "VolumeDriver", p->opt->volume_driver ? p->opt->volume_driver : "");
	jw_object(w, "Tmpfs");
	for (size_t i = 0; i < p->opt->tmpfs.n; i++) {
		const char *text = p->opt->tmpfs.v[i];
		size_t len = strcspn(text, ":");

		jw_str(w, arena_strndup(p->a, text, len), text[len] ? text + len + 1 : "");
	}
	jw_end_object(w);
}

/* Nodes, and one request for all that have names. */
void plan_show_devices(const struct plan *p, struct json_writer *w)
{
	jw_array(w, "Devices");
	for (size_t i = 0; i < p->opt->devices.n; i++) {
		struct plan_node node;

		if (cdi_is_name(p->opt->devices.v[i]) || plan_node_parse(p->a, p->opt->devices.v[i], &node) < 0)
			continue;
		jw_object(w, NULL);
		jw_str(w, "PathOnHost", node.host);
		jw_str(w, "PathInContainer", node.inside);
		jw_str(w, "CgroupPermissions", node.access);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_array(w, "DeviceRequests");
	if (p->device_names.n) {
		jw_object(w, NULL);
		jw_str(w, "Driver", "cdi");
		jw_strv(w, "DeviceIDs", p->device_names.v);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_strv(w, "DeviceCgroupRules", p->opt->device_rules.v);
}

void plan_show_sysctls(const struct plan *p, struct json_writer *w)
{
	pairs_write(w, "Sysctls", p->opt->sysctls);
}

void plan_show_ulimits(const struct plan *p, struct json_writer *w)
{
	jw_array(w, "Ulimits");
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct plan_rlimit *l = &p->rlimits[i];
		char *name = arena_strdup(p->a, l->type + strlen("RLIMIT_"));

		for (char *c = name; c && *c; c++)
			*c = (char)(*c - 'A' + 'a');
		jw_object(w, NULL);
		jw_str(w, "Name", name);
		jw_i64(w, "Hard", (int64_t)l->hard); /* without a limit -1 */
		jw_i64(w, "Soft", (int64_t)l->soft);
		jw_end_object(w);
	}
	jw_end_array(w);
}
