#include "api/docker/fields.h"

#include <stddef.h>
#include <string.h>

#include "api/docker/place.h"

#define CT(member) offsetof(struct ct_options, member)
#define YES(name, take, member) { name, FIELD_HONOURED, take, CT(member), NULL, false }
#define YES_BUT(name, take, member, why) { name, FIELD_HONOURED, take, CT(member), why, false }
#define EVEN_ZERO(name, take, member, why) { name, FIELD_HONOURED, take, CT(member), why, true }
#define ONCE(name, take, member) { name, FIELD_HONOURED, take, CT(member), NULL, false, true }
#define PAST(name, why) { name, FIELD_HARMLESS, NULL, 0, why, false }
#define NO(name, why) { name, FIELD_REFUSED, NULL, 0, why, false }

const struct field field_config[] = {
	YES("Hostname", take_text, hostname),
	YES("Domainname", take_text, domainname),
	YES("User", take_text, user),
	YES_BUT("AttachStdin", take_flag, attach_stdin, "shown by inspect: who attaches says himself what he wants"),
	YES_BUT("AttachStdout", take_flag, attach_stdout, "the same"),
	YES_BUT("AttachStderr", take_flag, attach_stderr, "the same"),
	YES("ExposedPorts", take_keys, expose),
	YES("Tty", take_flag, tty),
	YES("OpenStdin", take_flag, open_stdin),
	YES("StdinOnce", take_flag, stdin_once),
	YES_BUT("Env", take_env, env, "a name without a value takes the image's variable away, and is shown by inspect"),
	YES("Cmd", take_command, args),
	YES("Healthcheck", take_healthcheck, health_test),
	PAST("ArgsEscaped", "of Windows"),
	YES("Image", take_text, image),
	PAST("Volumes", "taken with HostConfig, whose mounts come first"),
	YES("WorkingDir", take_text, workdir),
	EVEN_ZERO("Entrypoint", take_entrypoint, entrypoint, "[] leaves the image's command, [\"\"] takes that away, too"),
	YES("NetworkDisabled", take_no_network, networks),
	YES("MacAddress", take_text, mac_address),
	NO("OnBuild", "it is an image's, not a container's"),
	YES("Labels", take_pairs, labels),
	YES("StopSignal", take_text, stop_signal),
	EVEN_ZERO("StopTimeout", take_number, stop_timeout, NULL),
	PAST("Shell", "what a RUN is run by: a container's command is run as it is"),
	PAST("HostConfig", "has its own table"),
	PAST("NetworkingConfig", "each endpoint is a network of the container's"),
	YES_BUT("Runtime", take_runtime, runtime, "as HostConfig's"),
	PAST("name", "dockerode says the query's here once more"),
	PAST("platform", "the same"),
	{ 0 }
};

const struct field field_host[] = {
	YES_BUT("Binds", take_binds, volumes, "a source that is not there is made, as a folder"),
	YES("ContainerIDFile", take_text, id_file),
	YES("LogConfig", take_log, log_driver),
	PAST("NetworkMode", "taken with NetworkingConfig"),
	YES("PortBindings", take_bindings, publish),
	YES("RestartPolicy", take_restart, restart),
	YES("AutoRemove", take_flag, rm),
	YES("VolumeDriver", take_text, volume_driver),
	YES("VolumesFrom", take_list, volumes_from),
	PAST("ConsoleSize", "who attaches to a terminal sends its size"),
	YES("Annotations", take_pairs, annotations),
	YES("CapAdd", take_list, cap_add),
	YES("CapDrop", take_list, cap_drop),
	YES("CgroupnsMode", take_text, cgroupns),
	YES("Dns", take_list, dns),
	YES("DnsOptions", take_list, dns_option),
	YES("DnsSearch", take_list, dns_search),
	YES("ExtraHosts", take_list, add_host),
	YES("GroupAdd", take_list, group_add),
	YES("IpcMode", take_text, ipc),
	NO("Cgroup", "a cgroup is not shared with another container"),
	YES("Links", take_list, links),
	YES("OomScoreAdj", take_number, oom_score_adj),
	YES("PidMode", take_text, pid),
	YES("Privileged", take_flag, privileged),
	YES("PublishAllPorts", take_flag, publish_all),
	YES("ReadonlyRootfs", take_flag, read_only),
	YES_BUT("SecurityOpt", take_list, security_opt, "no-new-privileges, seccomp, systempaths=unconfined, apparmor=unconfined, label=disable, without SELinux any label"),
	YES("StorageOpt", take_pairs, storage_opts),
	YES("Tmpfs", take_tmpfs, tmpfs),
	YES("UTSMode", take_text, uts),
	YES("UsernsMode", take_text, userns),
	YES("ShmSize", take_number_as_text, shm_size),
	YES("Sysctls", take_pairs, sysctls),
	YES_BUT("Runtime", take_runtime, runtime, "runc and tare-oci, which are the same here"),
	YES_BUT("Isolation", take_isolation, isolation, "default"),
	YES("Mounts", take_mounts, mounts),
	EVEN_ZERO("MaskedPaths", take_paths, masked_paths, "[]: none; null: the usual ones, which docs/security.md has"),
	EVEN_ZERO("ReadonlyPaths", take_paths, readonly_paths, "the same"),
	YES("Init", take_flag, init),
	{ 0 }
};

const struct field field_resources[] = {
	YES("CpuShares", take_count, cpu_shares),
	YES("Memory", take_number_as_text, memory),
	YES("NanoCpus", take_nano_cpus, cpus),
	ONCE("CgroupParent", take_text, cgroup_parent),
	YES("BlkioWeight", take_weight, blkio_weight),
	ONCE("BlkioWeightDevice", take_io, io[CT_IO_WEIGHT]),
	ONCE("BlkioDeviceReadBps", take_io, io[CT_IO_READ_BPS]),
	ONCE("BlkioDeviceWriteBps", take_io, io[CT_IO_WRITE_BPS]),
	ONCE("BlkioDeviceReadIOps", take_io, io[CT_IO_READ_IOPS]),
	ONCE("BlkioDeviceWriteIOps", take_io, io[CT_IO_WRITE_IOPS]),
	YES("CpuPeriod", take_number, cpu_period),
	YES("CpuQuota", take_number, cpu_quota),
	YES("CpuRealtimePeriod", take_number, cpu_rt_period),
	YES("CpuRealtimeRuntime", take_number, cpu_rt_runtime),
	YES("CpusetCpus", take_text, cpuset_cpus),
	YES("CpusetMems", take_text, cpuset_mems),
	ONCE("Devices", take_devices, devices),
	ONCE("DeviceCgroupRules", take_list, device_rules),
	ONCE("DeviceRequests", take_device_requests, gpus),
	NO("KernelMemory", "the kernel limits its own memory within Memory"),
	NO("KernelMemoryTCP", "the kernel limits its own memory within Memory"),
	YES("MemoryReservation", take_number_as_text, memory_reservation),
	YES("MemorySwap", take_number_as_text, memory_swap),
	{ "MemorySwappiness", FIELD_HONOURED, take_swappiness, CT(memory_swappiness), "-1: not given", true, true },
	ONCE("OomKillDisable", take_flag, oom_kill_disable),
	YES_BUT("PidsLimit", take_number, pids_limit, "0, -1 and null: none"),
	ONCE("Ulimits", take_ulimits, ulimits),
	NO("CpuCount", "of Windows"),
	NO("CpuPercent", "of Windows"),
	NO("IOMaximumIOps", "of Windows"),
	NO("IOMaximumBandwidth", "of Windows"),
	{ 0 }
};

bool field_is_empty(const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !v->boolean;
	case JSON_NUMBER:
		return strcmp(v->str, "0") == 0;
	case JSON_STRING:
	case JSON_ARRAY:
	case JSON_OBJECT:
	default:
		return v->len == 0;
	}
}

static const struct field *row_of(const struct field *table, const char *name)
{
	for (const struct field *f = table; f && f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int take(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	if (!f && t->ignored)
		return field_add(t, t->ignored, arena_printf(t->a, "%s.%s is not known, and was ignored", t->where, v->key), e);
	if (!f)
		return err_set(e, ERR_INVALID, "%s.%s is not known here", t->where, v->key);
	if (f->how == FIELD_HARMLESS)
		return 0;
	if (f->how == FIELD_REFUSED)
		return err_set(e, ERR_INVALID, "%s.%s is not supported: %s", t->where, f->name, f->why);
	if (t->made && f->settled)
		return err_set(e, ERR_INVALID, "%s.%s is not supported: it is settled when the container is made", t->where, f->name);
	return f->take(t, f, v, e);
}

int fields_take(struct taking *t, const char *where, const struct json *object, const struct field *table, const struct field *more, struct err *e)
{
	t->where = where;
	t->of = object;
	json_each(v, object) {
		const struct field *f = row_of(table, v->key);
		int r;

		if (!f)
			f = row_of(more, v->key);
		if (v->type == JSON_NULL || (field_is_empty(v) && !(f && f->zero)))
			continue;
		r = take(t, f, v, e);
		if (r < 0)
			return r;
	}
	return arena_error(t->a) < 0 ? err_errno(e, -ENOMEM, "%s", where) : 0;
}

/* ---- networks ---- */

static bool is_usual(const char *mode)
{
	return !*mode || strcmp(mode, "default") == 0 || strcmp(mode, "bridge") == 0;
}

void field_put(struct strbuf *line, const char *key, const char *value)
{
	bool quoted = strpbrk(value, ",\"") != NULL;

	if (!*value)
		return;
	sb_printf(line, "%s%s%s=", line->len ? "," : "", quoted ? "\"" : "", key);
	for (const char *p = value; *p; p++) {
		if (*p == '"')
			sb_putc(line, '"');
		sb_putc(line, *p);
	}
	if (quoted)
		sb_putc(line, '"');
}

static void put_each(struct strbuf *line, const char *key, const struct strv *values)
{
	for (size_t i = 0; i < values->n; i++)
		field_put(line, key, values->v[i]);
}

/* docker's client says a link of the command line twice: of the container and of its endpoint. */
static int add_link(struct taking *t, const char *link, struct err *e)
{
	const struct strv *have = &t->o->links;

	for (size_t i = 0; i < have->n; i++)
		if (strcmp(have->v[i], link) == 0)
			return 0;
	return field_add(t, &t->o->links, link, e);
}

static void put_network(struct strbuf *line, const struct ct_network *n)
{
	field_put(line, "ip", n->ip ? n->ip : "");
	field_put(line, "ip6", n->ip6 ? n->ip6 : "");
	field_put(line, "mac-address", n->mac_address ? n->mac_address : "");
	field_put(line, "gw-priority", n->gw_priority ? n->gw_priority : "");
	put_each(line, "link-local-ip", &n->link_local);
	if (!is_usual(n->name)) /* the default network has no names: Docker says nothing about those that are asked for there */
		put_each(line, "alias", &n->aliases);
	put_each(line, "driver-opt", &n->driver_opts);
}

/* One endpoint as --network has it. Docker has links of an endpoint, too, which here are the container's. */
static int add_network(struct taking *t, const char *name, const struct json *endpoint, struct err *e)
{
	CLEANUP_STRBUF struct strbuf options = STRBUF_INIT, line = STRBUF_INIT;
	struct ct_network n;
	const char *text;
	int r = place_parse(t->a, name, endpoint, &n, e);

	for (size_t i = 0; r == 0 && i < n.links.n; i++)
		r = add_link(t, n.links.v[i], e);
	if (r < 0)
		return r;
	put_network(&options, &n);
	name = is_usual(name) ? "bridge" : name;
	if (options.len || strpbrk(name, "=,\""))
		field_put(&line, "name", name);
	else
		sb_puts(&line, name);
	sb_printf(&line, "%s%s", options.len ? "," : "", sb_str(&options));
	text = arena_strdup(t->a, sb_str(&line));
	return sb_error(&options) < 0 || sb_error(&line) < 0 || !text ? err_errno(e, -ENOMEM, "NetworkingConfig") : field_add(t, &t->o->networks, text, e);
}

static bool is_mode(const char *name, const char *mode)
{
	return strcmp(name, mode) == 0 || (is_usual(name) && is_usual(mode));
}

/* First the one of NetworkMode, with what its endpoint says; then the others. */
static int take_networks(struct taking *t, const struct json *host, const struct json *networking, struct err *e)
{
	const struct json *endpoints = json_get(networking, "EndpointsConfig"), *own = NULL;
	const char *mode = json_text(host, "NetworkMode", "");
	bool none = t->o->networks.n > 0; /* NetworkDisabled */
	int r = 0;

	json_each(v, endpoints)
		if (is_mode(v->key, mode))
			own = v;
	if (is_usual(mode) && !own && endpoints && endpoints->len) { /* as the endpoints have it, where nothing else is said */
		own = endpoints->child;
		mode = own->key;
	}
	if (!none && (own || !is_usual(mode)))
		r = add_network(t, mode, own, e);
	json_each(v, endpoints)
		if (r == 0 && !none && v != own)
			r = add_network(t, v->key, v, e);
	return r;
}

/* ---- whole bodies ---- */

int fields_create(struct arena *a, const struct json *body, struct ct_options *out, struct strv *ignored, struct err *e)
{
	struct taking t = { .a = a, .o = out, .where = "Config", .ignored = ignored };
	const struct json *host = json_get(body, "HostConfig");
	int r = fields_take(&t, "Config", body, field_config, NULL, e);

	if (r == 0)
		r = fields_take(&t, "HostConfig", host, field_host, field_resources, e);
	if (r == 0)
		r = take_volumes(&t, json_get(body, "Volumes"), host, e);
	if (r == 0)
		r = take_networks(&t, host, json_get(body, "NetworkingConfig"), e);
	return r;
}

int fields_update(struct arena *a, const struct json *body, struct ct_options *out, const char **restart, struct err *e)
{
	static const struct field restart_row[] = { YES("RestartPolicy", take_restart, restart), { 0 } };
	struct taking t = { .a = a, .o = out, .made = true };
	int r = fields_take(&t, "update", body, field_resources, restart_row, e);

	*restart = out->restart;
	return r;
}
