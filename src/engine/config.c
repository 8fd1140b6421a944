#include "engine/config.h"

#include <stdio.h>
#include <string.h>

#include "engine/placeopts.h"
#include "engine/volume.h"
#include "net/port.h"
#include "oci/signals.h"

#define DEFAULT_STOP_TIMEOUT 10

/* "KEY=VALUE" or "KEY" each. */
static void write_pairs(const struct plan *p, struct strv pairs, struct json_writer *w)
{
	for (size_t i = 0; i < pairs.n; i++) {
		const char *pair = pairs.v[i], *eq = strchr(pair, '=');

		jw_str(w, eq ? arena_strndup(p->a, pair, (size_t)(eq - pair)) : pair, eq ? eq + 1 : "");
	}
}

static void write_labels(const struct plan *p, const struct image_config *image, struct json_writer *w)
{
	jw_object(w, "Labels");
	for (size_t i = 0; image && i < image->n_labels; i++) {
		bool replaced = strcmp(image->labels[i].key, CONFIG_OWNER_LABEL) == 0;
		size_t len = strlen(image->labels[i].key);

		for (size_t k = 0; k < p->labels.n; k++)
			replaced |= strncmp(p->labels.v[k], image->labels[i].key, len) == 0 &&
				    (p->labels.v[k][len] == '=' || !p->labels.v[k][len]);
		if (!replaced)
			jw_str(w, image->labels[i].key, image->labels[i].value);
	}
	write_pairs(p, p->labels, w);
	jw_end_object(w);
}

static void strv_or_null(struct json_writer *w, const char *key, struct strv v)
{
	if (v.n)
		jw_strv(w, key, v.v);
	else
		jw_null(w, key);
}

/* As Docker's: where volumes without a name are. */
static void write_own_volumes(const struct plan *p, struct json_writer *w)
{
	bool any = false;

	for (size_t i = 0; i < p->n_binds; i++)
		any |= p->binds[i].anonymous;
	if (!any) {
		jw_null(w, "Volumes");
		return;
	}
	jw_object(w, "Volumes");
	for (size_t i = 0; i < p->n_binds; i++)
		if (p->binds[i].anonymous) {
			jw_object(w, p->binds[i].target);
			jw_end_object(w);
		}
	jw_end_object(w);
}

static void write_config(const struct plan *p, const struct image_config *image, struct json_writer *w)
{
	char signal[OCI_SIGNAL_NAME_LEN];

	jw_object(w, "Config");
	jw_str(w, "Hostname", p->hostname);
	jw_str(w, "Domainname", p->domainname ? p->domainname : "");
	jw_str(w, "User", p->user);
	jw_bool(w, "AttachStdin", p->opt->attach_stdin);
	jw_bool(w, "AttachStdout", p->opt->attach_stdout);
	jw_bool(w, "AttachStderr", p->opt->attach_stderr);
	jw_bool(w, "Tty", p->opt->tty);
	jw_bool(w, "OpenStdin", p->opt->open_stdin);
	jw_bool(w, "StdinOnce", p->opt->stdin_once);
	jw_strv(w, "Env", p->env.v);
	strv_or_null(w, "Cmd", p->cmd);
	strv_or_null(w, "Entrypoint", p->entrypoint);
	jw_str(w, "Image", p->opt->image ? p->opt->image : "");
	jw_str(w, "WorkingDir", p->cwd);
	jw_str(w, "StopSignal", oci_signal_name(p->stop_signal, signal));
	jw_i64(w, "StopTimeout",
	       p->opt->stop_timeout		      ? *p->opt->stop_timeout :
	       image && image->stop_timeout >= 0 ? image->stop_timeout :
						   DEFAULT_STOP_TIMEOUT);
	jw_str(w, "sdNotifyMode", p->opt->sdnotify); /* podman's: Docker has none */
	plan_write_healthcheck(p, w);
	write_own_volumes(p, w);
	jw_null(w, "OnBuild"); /* an image's alone */
	write_labels(p, image, w);
	jw_end_object(w);
}

/* `no_pids`: what stands for no limit of processes; Docker tells one never had (-1, shown as null) from one taken away (0). */
static void write_limits(const struct plan *p, int no_pids, struct json_writer *w)
{
	jw_i64(w, "Memory", p->memory);
	jw_i64(w, "MemorySwap", p->memory_swap);
	jw_i64(w, "MemoryReservation", p->memory_reservation);
	jw_i64(w, "NanoCpus", p->opt->cpus ? p->cpu_quota * 10000 : 0);
	jw_i64(w, "CpuQuota", p->opt->cpu_quota ? *p->opt->cpu_quota : 0);
	jw_i64(w, "CpuPeriod", p->opt->cpu_period ? *p->opt->cpu_period : 0);
	jw_u64(w, "CpuShares", p->opt->cpu_shares ? *p->opt->cpu_shares : 0);
	jw_str(w, "CpusetCpus", p->opt->cpuset_cpus ? p->opt->cpuset_cpus : "");
	jw_str(w, "CpusetMems", p->opt->cpuset_mems ? p->opt->cpuset_mems : "");
	jw_i64(w, "PidsLimit", p->pids_limit > 0 ? p->pids_limit : no_pids);
	jw_i64(w, "CpuRealtimePeriod", p->rt_period);
	jw_i64(w, "CpuRealtimeRuntime", p->rt_runtime);
	if (p->opt->memory_swappiness && *p->opt->memory_swappiness >= 0)
		jw_i64(w, "MemorySwappiness", *p->opt->memory_swappiness);
	else
		jw_null(w, "MemorySwappiness");
	jw_bool(w, "OomKillDisable", p->opt->oom_kill_disable);
	plan_show_blkio(p, w);
	jw_i64(w, "OomScoreAdj", p->opt->oom_score_adj ? *p->opt->oom_score_adj : 0);
	jw_i64(w, "ShmSize", (int64_t)p->shm_size);
	plan_show_ulimits(p, w);
}

/* As Docker's, with the whole id of whoever it is shared with. */
static const char *mode_of(const struct plan *p, const struct plan_join *of, const char *else_mode)
{
	return of->id ? arena_printf(p->a, "container:%s", of->id) : else_mode;
}

static const char *network_mode(const struct plan *p)
{
	if (p->usernet)
		return p->usernet;
	return mode_of(p, &p->net_of, p->host_net ? "host" : p->no_net || !p->n_networks ? "none" : p->networks[0].name);
}

static const char *userns_mode(const struct plan *p)
{
	if (p->joined)
		return mode_of(p, plan_joined(p), NULL);
	return p->userns ? p->opt->userns ? p->opt->userns : "private" : "host";
}

static void write_host_config(const struct plan *p, struct json_writer *w)
{
	jw_object(w, "HostConfig");
	if (p->opt->profile)
		jw_str(w, "Profile", p->opt->profile); /* ours: Docker has none */
	plan_show_files(p, w);
	plan_show_devices(p, w);
	jw_str(w, "NetworkMode", network_mode(p));
	jw_strv(w, "ExtraHosts", p->opt->add_host.v);
	jw_strv(w, "Dns", p->opt->dns.v);
	jw_strv(w, "DnsSearch", p->opt->dns_search.v);
	jw_strv(w, "DnsOptions", p->opt->dns_option.v);
	jw_str(w, "UsernsMode", userns_mode(p));
	jw_str(w, "PidMode", mode_of(p, &p->pid_of, p->host_pid ? "host" : "private"));
	jw_str(w, "IpcMode", mode_of(p, &p->ipc_of, p->host_ipc ? "host" : p->no_shm ? "none" : p->shareable ? "shareable" : "private"));
	jw_str(w, "CgroupnsMode", p->host_cgroupns ? "host" : "private");
	jw_str(w, "Runtime", p->opt->runtime ? p->opt->runtime : p->opt->profile ? "runc" : "tare-oci"); /* Docker's name for the usual one */
	jw_str(w, "Isolation", p->opt->isolation ? p->opt->isolation : "");
	jw_object(w, "Annotations");
	write_pairs(p, p->annotations, w);
	jw_end_object(w);
	jw_str(w, "UTSMode", p->host_uts ? "host" : "private");
	jw_str(w, "ContainerIDFile", p->opt->id_file ? p->opt->id_file : "");
	jw_bool(w, "PublishAllPorts", p->opt->publish_all);
	jw_bool(w, "AutoRemove", p->opt->rm);
	jw_bool(w, "Privileged", p->opt->privileged);
	jw_bool(w, "ReadonlyRootfs", p->opt->read_only);
	jw_bool(w, "Init", p->opt->init);
	policy_write(&p->restart, w);
	jw_strv(w, "CapAdd", p->opt->cap_add.v);
	jw_strv(w, "CapDrop", p->opt->cap_drop.v);
	jw_strv(w, "SecurityOpt", p->opt->security_opt.v);
	jw_strv(w, "GroupAdd", p->opt->group_add.v);
	plan_show_sysctls(p, w);
	jw_str(w, "CgroupParent", p->opt->cgroup_parent ? p->opt->cgroup_parent : "");
	jw_str(w, "Cgroups", p->opt->cgroups);
	plan_write_log_config(p, w);
	plan_show_storage(p, w);
	write_limits(p, -1, w);
	jw_end_object(w);
}

static void write_place(const struct ct_network *n, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_str(w, "Name", n->name);
	jw_str(w, "IPAddress", n->ip ? n->ip : "");
	jw_str(w, "IP6Address", n->ip6 ? n->ip6 : "");
	jw_str(w, "MacAddress", n->mac_address ? n->mac_address : "");
	jw_array(w, "Aliases");
	for (size_t i = 0; i < n->aliases.n; i++)
		jw_str(w, NULL, n->aliases.v[i]);
	jw_end_array(w);
	placeopts_write(n, w);
	if (n->links.n) {
		jw_array(w, "Links");
		for (size_t i = 0; i < n->links.n; i++)
			jw_str(w, NULL, n->links.v[i]);
		jw_end_array(w);
	}
	jw_end_object(w);
}

static void write_publish(struct strv publish, struct json_writer *w)
{
	jw_array(w, "Publish");
	for (size_t i = 0; i < publish.n; i++)
		jw_str(w, NULL, publish.v[i]);
	jw_end_array(w);
}

/* What endpoint_take() reads at each start. */
static void write_networks(const struct plan *p, struct json_writer *w)
{
	jw_array(w, "Networks");
	for (size_t i = 0; i < p->n_networks; i++)
		write_place(&p->networks[i], w);
	jw_end_array(w);
	write_publish(p->publish, w);
}

/* What the image, --expose and -p name, as texts of ports. */
static void write_exposed(const struct plan *p, const struct image_config *image, struct json_writer *w)
{
	struct net_port port;
	struct err ignored;

	jw_array(w, "Exposed");
	for (size_t i = 0; image && image->exposed_ports[i]; i++)
		jw_str(w, NULL, image->exposed_ports[i]);
	for (size_t i = 0; i < p->opt->expose.n; i++)
		jw_str(w, NULL, p->opt->expose.v[i]);
	for (size_t i = 0; i < p->opt->publish.n; i++)
		if (net_port_parse(p->opt->publish.v[i], &port, &ignored) == 0)
			jw_str(w, NULL, arena_printf(p->a, "%u-%u/%s", port.target, port.target + port.count - 1, net_proto_name(port.proto)));
	jw_end_array(w);
}

void config_change_networks(const struct json *doc, const char *without, const struct ct_network *with, struct strbuf *out)
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
			const struct json *name = json_get(place, "Name");

			if (!without || !name || strcmp(name->str, without) != 0)
				jw_value(&w, NULL, place);
		}
		if (with)
			write_place(with, &w);
		jw_end_array(&w);
	}
	jw_end_object(&w);
}

int config_change_limits(const struct json *doc, const struct plan *p, struct strbuf *out, struct err *e)
{
	static const char *const changed[] = { "Memory", "MemorySwap", "MemoryReservation", "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares",
					       "CpusetCpus", "CpusetMems", "PidsLimit", "CpuRealtimePeriod", "CpuRealtimeRuntime", "BlkioWeight" };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text), v = JSON_WRITER(out);
	const struct json *limits, *had = json_get(json_get(doc, "HostConfig"), "PidsLimit");
	int r;

	jw_object(&w, NULL);
	write_limits(p, had && had->type == JSON_NUMBER && had->str[0] == '-' ? -1 : 0, &w);
	jw_end_object(&w);
	r = sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "the limits") : json_parse(p->a, text.s, text.len, NULL, &limits, e);
	if (r < 0)
		return r;
	jw_object(&v, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "HostConfig") != 0) {
			jw_value(&v, member->key, member);
			continue;
		}
		jw_object(&v, "HostConfig");
		json_each(setting, member) {
			const struct json *with = setting;

			for (size_t i = 0; i < ARRAY_LEN(changed); i++)
				if (strcmp(changed[i], setting->key) == 0 && json_get(limits, setting->key))
					with = json_get(limits, setting->key);
			jw_value(&v, setting->key, with);
		}
		jw_end_object(&v);
	}
	jw_end_object(&v);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "the container's configuration") : 0;
}

void config_change_restart(const struct json *doc, const struct policy *restart, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "HostConfig") != 0) {
			jw_value(&w, member->key, member);
			continue;
		}
		jw_object(&w, "HostConfig");
		json_each(setting, member)
			if (strcmp(setting->key, "RestartPolicy") != 0)
				jw_value(&w, setting->key, setting);
		policy_write(restart, &w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
}

void config_change_cgroup(const struct json *doc, const char *cgroup, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	json_each(member, doc)
		if (strcmp(member->key, "Cgroup") != 0)
			jw_value(&w, member->key, member);
	jw_str(&w, "Cgroup", cgroup);
	jw_end_object(&w);
}

void config_change_publish(const struct json *doc, struct strv publish, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "Publish") != 0)
			jw_value(&w, member->key, member);
		else
			write_publish(publish, &w);
	}
	jw_end_object(&w);
}

static void write_mounts(const struct plan *p, struct json_writer *w)
{
	for (size_t i = 0; i < p->n_binds; i++) {
		const struct plan_bind *b = &p->binds[i];

		jw_object(w, NULL);
		jw_str(w, "Type", b->volume ? "volume" : b->image ? "image" : "bind");
		if (b->image)
			jw_str(w, "ImageID", b->image_id); /* right behind the type: RECORD_IMAGE_MOUNT */
		if (b->volume || b->image)
			jw_str(w, "Name", b->volume ? b->volume : b->image);
		jw_str(w, "Source", b->image ? b->image_id : b->source);
		jw_str(w, "Destination", b->target);
		if (b->volume)
			jw_str(w, "Driver", VOLUME_DRIVER);
		jw_str(w, "Mode", b->mode);
		jw_bool(w, "RW", !b->ro);
		jw_str(w, "Propagation", (b->volume || b->image) && strcmp(b->propagation, "rprivate") == 0 ? "" : b->propagation);
		jw_bool(w, "IdMapped", b->idmap);
		jw_bool(w, "Recursive", b->recursive);
		jw_bool(w, "MustExist", b->of_host || b->must_exist);
		if (b->subpath)
			jw_str(w, "Subpath", b->subpath);
		jw_end_object(w);
	}
	for (size_t i = 0; i < p->n_tmpfs; i++) {
		const struct plan_tmpfs *t = &p->tmpfs[i];

		jw_object(w, NULL);
		jw_str(w, "Type", t->volume ? "volume" : "tmpfs");
		if (t->volume)
			jw_str(w, "Name", t->volume);
		jw_str(w, "Source", "");
		jw_str(w, "Destination", t->target);
		if (t->volume)
			jw_str(w, "Driver", VOLUME_DRIVER);
		jw_str(w, "Mode", "");
		jw_bool(w, "RW", !t->ro);
		jw_str(w, "Propagation", "");
		jw_end_object(w);
	}
}

static bool is_text_of(const struct json *value, struct strv texts)
{
	for (size_t i = 0; value && value->type == JSON_STRING && i < texts.n; i++)
		if (strcmp(value->str, texts.v[i]) == 0)
			return true;
	return false;
}

static bool has_text(const struct json *array, const char *key, const char *text)
{
	json_each(it, array)
		if (is_text_of(key ? json_get(it, key) : it, (struct strv){ &text, 1 }))
			return true;
	return false;
}

/* What the kept specification has not: mounts that came, and places of it whose mounts went (config_apply_mounts). What came later and goes
 * was none of it: a usual mount below that is there again. */
static void write_changes(const struct json *old, struct strv without, const struct plan *with, struct json_writer *w)
{
	const struct json *added = json_get(old, "Added"), *removed = json_get(old, "Removed");

	jw_object(w, "MountChanges");
	jw_array(w, "Added");
	json_each(mount, added)
		if (!is_text_of(json_get(mount, "destination"), without))
			jw_value(w, NULL, mount);
	plan_write_users_mounts(with, w);
	jw_end_array(w);
	jw_array(w, "Removed");
	json_each(place, removed)
		jw_value(w, NULL, place);
	for (size_t i = 0; i < without.n; i++)
		if (!has_text(added, "destination", without.v[i]) && !has_text(removed, NULL, without.v[i]))
			jw_str(w, NULL, without.v[i]);
	jw_end_array(w);
	jw_end_object(w);
}

void config_change_mounts(const struct json *doc, struct strv without, const struct plan *with, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "MountChanges") == 0)
			continue;
		if (strcmp(member->key, "Mounts") != 0) {
			jw_value(&w, member->key, member);
			continue;
		}
		jw_array(&w, "Mounts");
		json_each(mount, member)
			if (!is_text_of(json_get(mount, "Destination"), without))
				jw_value(&w, NULL, mount);
		write_mounts(with, &w);
		jw_end_array(&w);
	}
	write_changes(json_get(doc, "MountChanges"), without, with, &w);
	jw_end_object(&w);
}

static const char *destination(const struct json *mount)
{
	const struct json *at = json_get(mount, "destination");

	return at && at->type == JSON_STRING ? at->str : "";
}

/* What came lies over what was there, but not over what is mounted below its place. */
static void insert(const struct json **v, size_t *n, const struct json *mount)
{
	size_t at = 0;

	while (at < *n && !plan_is_below(destination(v[at]), destination(mount)))
		at++;
	memmove(v + at + 1, v + at, (*n - at) * sizeof(*v));
	v[at] = mount;
	++*n;
}

static void change_spec(const struct json *spec, const struct json *changes, const struct json **v, struct json_writer *w)
{
	const struct json *removed = json_get(changes, "Removed"), *added = json_get(changes, "Added");
	size_t n = 0;

	json_each(mount, json_get(spec, "mounts"))
		if (!has_text(removed, NULL, destination(mount)) && !(plan_is_file(destination(mount)) && has_text(added, "destination", destination(mount))))
			v[n++] = mount;
	json_each(mount, added)
		insert(v, &n, mount);
	jw_object(w, "spec");
	json_each(part, spec) {
		if (strcmp(part->key, "mounts") != 0) {
			jw_value(w, part->key, part);
			continue;
		}
		jw_array(w, "mounts");
		for (size_t i = 0; i < n; i++)
			jw_value(w, NULL, v[i]);
		jw_end_array(w);
	}
	jw_end_object(w);
}

int config_apply_mounts(const struct json *doc, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct json *changes = json_get(doc, "MountChanges"), *old, *mounts, *added, **v;
	struct json_writer w = JSON_WRITER(&out);
	struct strbuf was;
	int r = changes ? json_parse(&a, description->s, description->len, NULL, &old, e) : 1;

	if (r)
		return r < 0 ? r : 0;
	mounts = json_get(json_get(old, "spec"), "mounts");
	added = json_get(changes, "Added");
	v = arena_array(&a, (mounts ? mounts->len : 0) + (added ? added->len : 0) + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "write the container's description");
	jw_object(&w, NULL);
	json_each(member, old) {
		if (strcmp(member->key, "spec") == 0)
			change_spec(member, changes, v, &w);
		else
			jw_value(&w, member->key, member);
	}
	jw_end_object(&w);
	if (sb_error(&out) < 0)
		return err_errno(e, -ENOMEM, "write the container's description");
	was = *description;
	*description = out;
	out = was;
	return 0;
}

int config_write(const struct plan *p, const struct image_config *image, const char *container_dir, struct strbuf *out,
		 struct err *e)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_str(&w, "Path", p->args.v[0]);
	jw_strv(&w, "Args", p->args.v + 1);
	jw_str(&w, "Cgroup", spec_cgroup(p));
	jw_str(&w, "Rootfs", p->opt->rootfs);
	jw_str(&w, "LogPath", plan_log_path(p, container_dir));
	write_config(p, image, &w);
	write_host_config(p, &w);
	jw_array(&w, "Mounts");
	write_mounts(p, &w);
	jw_end_array(&w);
	write_networks(p, &w);
	write_exposed(p, image, &w);
	jw_end_object(&w);
	if (sb_error(out) < 0 || arena_error(p->a) < 0)
		return err_errno(e, -ENOMEM, "write the container's configuration");
	return 0;
}

int config_skim(struct arena *a, const char *text, struct ct_config *out, struct err *e)
{
	static const char *const only[] = { "Labels", "Healthcheck", "NetworkMode", NULL };
	struct json_limits limits = json_default_limits;
	int r;

	*out = (struct ct_config){ 0 };
	limits.only = only;
	r = json_parse(a, text, strlen(text), &limits, &out->doc, e);
	if (r < 0)
		return err_ctx(e, "the container's record in the catalog");
	out->labels = json_get(json_get(out->doc, "Config"), "Labels");
	r = json_get_str(out->doc, "record", "Cgroup", &out->cgroup, e);
	return r < 0 ? err_ctx(e, "the container's record in the catalog") : 0;
}

const char *config_cgroup(struct arena *a, const char *text)
{
	static const char *const none[] = { NULL };
	struct json_limits limits = json_default_limits;
	const struct json *doc;
	struct err ignored;

	limits.only = none;
	limits.until = "Cgroup";
	return json_parse(a, text, strlen(text), &limits, &doc, &ignored) < 0 ? NULL : json_text(doc, "Cgroup", NULL);
}

int config_parse(struct arena *a, const char *text, struct ct_config *out, struct err *e)
{
	const struct json *config, *host;
	int r;

	*out = (struct ct_config){ .stop_signal = "SIGTERM", .stop_timeout = DEFAULT_STOP_TIMEOUT, .log_driver = "json-file" };
	r = json_parse(a, text, strlen(text), NULL, &out->doc, e);
	if (r < 0)
		return err_ctx(e, "the container's record in the catalog");
	config = json_get(out->doc, "Config");
	host = json_get(out->doc, "HostConfig");
	out->labels = json_get(config, "Labels");
	r = json_get_str(config, "Config", "StopSignal", &out->stop_signal, e);
	if (r == 0)
		r = json_get_i64(config, "Config", "StopTimeout", &out->stop_timeout, e);
	if (r == 0)
		r = json_get_str(config, "Config", "sdNotifyMode", &out->sdnotify, e);
	if (r == 0)
		r = json_get_str(host, "HostConfig", "Cgroups", &out->cgroups, e);
	if (r == 0)
		r = json_get_bool(config, "Config", "Tty", &out->tty, e);
	if (r == 0)
		r = json_get_bool(config, "Config", "OpenStdin", &out->open_stdin, e);
	if (r == 0)
		r = json_get_bool(config, "Config", "StdinOnce", &out->stdin_once, e);
	if (r == 0)
		r = json_get_str(json_get(host, "LogConfig"), "LogConfig", "Type", &out->log_driver, e);
	if (r == 0)
		r = policy_read(host, &out->restart, e);
	if (r == 0)
		r = json_get_str(out->doc, "record", "Cgroup", &out->cgroup, e);
	return r < 0 ? err_ctx(e, "the container's record in the catalog") : 0;
}

bool config_is_of(struct arena *a, const char *text, const char *owner)
{
	struct ct_config c;
	struct err ignored;

	return config_parse(a, text, &c, &ignored) == 0 && strcmp(json_text(c.labels, CONFIG_OWNER_LABEL, ""), owner) == 0;
}
