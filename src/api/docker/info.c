/* A member that only a daemon, a swarm or Windows could have is not there; tests/peers/inspect.differences says why of each. */
#include "api/docker/info.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "api/docker/inspect_image.h"
#include "api/docker/times.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "engine/container.h"
#include "engine/images.h"
#include "engine/network.h"
#include "engine/others.h"
#include "engine/settings.h"
#include "engine/settle.h"
#include "engine/spec_log.h"
#include "engine/volume.h"
#include "wire/proxy.h"

#define ZFS_MAGIC 0x2fc12fc1UL /* outside of the kernel's sources */

/* ---- pairs ---- */

static void write_pairs(const struct info_pair *v, size_t n, struct json_writer *w)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].key && v[i].text)
			jw_str(w, v[i].key, v[i].text);
		else if (v[i].key)
			jw_u64(w, v[i].key, v[i].number);
}

void info_write_pairs(const struct info *info, struct json_writer *w)
{
	write_pairs(info->pairs, info->n, w);
}

static void take(struct info *out, const struct info_pair *v, size_t n)
{
	out->n = n;
	memcpy(out->pairs, v, n * sizeof(*v));
}

/* ---- version ---- */

int version_read(struct info *out, struct err *e)
{
	const struct info_pair pairs[] = {
		{ "Version:", "Version", TARE_VERSION, 0 },
		{ "Kernel:", "KernelVersion", out->un.release, 0 },
		{ "OS/Arch:", NULL, out->here_text, 0 },
		{ NULL, "Os", out->here.os, 0 },
		{ NULL, "Arch", out->here.arch, 0 },
	};

	if (uname(&out->un) < 0)
		return err_errno(e, -errno, "uname");
	platform_host(&out->here);
	(void)snprintf(out->here_text, sizeof(out->here_text), "%s/%s", out->here.os, out->here.arch);
	take(out, pairs, ARRAY_LEN(pairs));
	return 0;
}

static void write_platform(struct json_writer *w)
{
	jw_object(w, "Platform");
	jw_str(w, "Name", "tare");
	jw_end_object(w);
}

/* What is made and installed together has one version. */
static void write_components(const struct info *version, struct json_writer *w)
{
	static const char *const names[] = { "Engine", "tare-oci", "tare-init" };

	jw_array(w, "Components");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		jw_object(w, NULL);
		jw_str(w, "Name", names[i]);
		jw_str(w, "Version", TARE_VERSION);
		jw_object(w, "Details");
		if (i == 0)
			write_pairs(version->pairs + 1, version->n - 1, w);
		jw_end_object(w);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void version_write(const struct info *version, bool server, struct json_writer *w)
{
	write_platform(w);
	if (server)
		write_components(version, w);
	info_write_pairs(version, w);
}

/* ---- texts ---- */

static const char *cgroup_text(void)
{
	switch (cg_detect()) {
	case CG_V1:
		return "v1";
	case CG_HYBRID:
		return "hybrid";
	case CG_V2:
		return "v2";
	case CG_NONE:
	default:
		return "none";
	}
}

/* "23.54GiB", as Docker shows memory: in powers of 1024. */
static const char *memory_text(struct arena *a, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 1024; unit++)
		size /= 1024;
	return arena_printf(a, "%.4g%s", size, units[unit]);
}

/* A value of /etc/os-release, with its quotes or without; "" where it has none. */
static const char *os_release(struct arena *a, const char *key)
{
	size_t len = strlen(key);
	const char *value = "";
	char line[256];
	FILE *f = fopen("/etc/os-release", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, len) == 0 && line[len] == '=') {
			char *start = line + len + 1;

			start += *start == '"';
			start[strcspn(start, "\"\n")] = '\0';
			value = arena_strdup(a, start);
		}
	if (f)
		(void)fclose(f);
	return value;
}

static const char *os_name(struct arena *a)
{
	const char *name = os_release(a, "PRETTY_NAME");

	return *name ? name : "Linux";
}

/* What `run` would take. Settings that cannot be read are told of, and the rest is shown all the same. */
static const char *log_driver(const struct engine *en, struct arena *a)
{
	struct settings s;
	struct err why = { 0 };

	if (settings_read(a, en->user.on, &s, &why) < 0) {
		log_warning("%s", why.msg);
		return "json-file";
	}
	return s.log_driver ? s.log_driver : "json-file";
}

/* By Docker's names. */
static const char *file_system(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} rows[] = {
		{ EXT4_SUPER_MAGIC, "extfs" },	     { XFS_SUPER_MAGIC, "xfs" },	 { BTRFS_SUPER_MAGIC, "btrfs" }, { TMPFS_MAGIC, "tmpfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlayfs" }, { F2FS_SUPER_MAGIC, "f2fs" }, { NFS_SUPER_MAGIC, "nfs" },     { ZFS_MAGIC, "zfs" },
	};
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((unsigned long)fs.f_type == rows[i].magic)
			return rows[i].name;
	return "unknown";
}

/* ---- what is no text ---- */

static bool is_on(const char *path)
{
	CLEANUP_FREE char *text = NULL;

	return io_read_file(AT_FDCWD, path, 64, &text, NULL) == 0 && text[0] == '1';
}

/* An ordinary user's limits are those of the cgroup that was delegated to him, if there is one. */
static void look_at_machine(const struct engine *en, struct arena *a, struct info_machine *out)
{
	*out = (struct info_machine){ .en = en, .a = a };
	if (!en->user.on || en->user.cgroup[0])
		cg_find_limits(en->user.on ? en->user.cgroup : "/", &out->limits);
	out->forwards = is_on("/proc/sys/net/ipv4/ip_forward");
	out->nf4 = is_on("/proc/sys/net/bridge/bridge-nf-call-iptables");
	out->nf6 = is_on("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
	out->seccomp = prctl(PR_GET_SECCOMP) >= 0;
	out->userns = access("/proc/self/ns/user", F_OK) == 0;
	out->cgroupns = access("/proc/self/ns/cgroup", F_OK) == 0;
}

/* What containers are kept apart with when nothing is said against it. */
static void write_security(const struct info_machine *m, struct json_writer *w)
{
	jw_array(w, "SecurityOptions");
	if (m->seccomp)
		jw_str(w, NULL, "name=seccomp,profile=builtin");
	if (m->en->user.on)
		jw_str(w, NULL, "name=rootless");
	else if (m->userns)
		jw_str(w, NULL, "name=userns");
	if (m->cgroupns)
		jw_str(w, NULL, "name=cgroupns");
	jw_end_array(w);
}

static void write_limits(const struct info_machine *m, struct json_writer *w)
{
	const struct {
		const char *key;
		bool can;
		const char *warning; /* Docker's words, where it cannot */
	} rows[] = {
		{ "MemoryLimit", m->limits.memory, "WARNING: No memory limit support" },
		{ "SwapLimit", m->limits.swap, "WARNING: No swap limit support" },
		{ "CpuCfsPeriod", m->limits.cpu_quota, "WARNING: No cpu cfs period support" },
		{ "CpuCfsQuota", m->limits.cpu_quota, "WARNING: No cpu cfs quota support" },
		{ "CPUShares", m->limits.cpu_shares, "WARNING: No cpu shares support" },
		{ "CPUSet", m->limits.cpuset, "WARNING: No cpuset support" },
		{ "PidsLimit", m->limits.pids, "WARNING: No pids limit support" },
		{ "OomKillDisable", m->limits.oom_kill_disable, NULL },
		{ "IPv4Forwarding", m->forwards, "WARNING: IPv4 forwarding is disabled" },
		{ "BridgeNfIptables", m->nf4, NULL },
		{ "BridgeNfIp6tables", m->nf6, NULL },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		jw_bool(w, rows[i].key, rows[i].can);
		any |= !rows[i].can && rows[i].warning;
	}
	if (!any) {
		jw_null(w, "Warnings");
		return;
	}
	jw_array(w, "Warnings");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!rows[i].can && rows[i].warning)
			jw_str(w, NULL, rows[i].warning);
	jw_end_array(w);
}

/* A list "one|two|three". */
static void write_words(const char *key, const char *words, struct json_writer *w)
{
	jw_array(w, key);
	while (*words) {
		size_t len = strcspn(words, "|");

		jw_strn(w, NULL, words, len);
		words += len + (words[len] == '|');
	}
	jw_end_array(w);
}

static void write_plugins(struct json_writer *w)
{
	jw_object(w, "Plugins");
	write_words("Volume", VOLUME_DRIVER, w);
	write_words("Network", NETWORK_BRIDGE "|" NETWORK_IPVLAN "|" NETWORK_MACVLAN, w);
	jw_null(w, "Authorization");
	write_words("Log", LOG_DRIVERS, w);
	jw_end_object(w);
}

/* Clients look for Docker's names before they ask for one of them: a create takes all of these (fields_take.c). */
static void write_runtimes(const struct info_machine *m, struct json_writer *w)
{
	static const char *const names[] = { "io.containerd.runc.v2", "runc", "tare-oci" };
	char self[PATH_MAX];
	struct err ignored;
	const char *path = "tare-oci";

	if (engine_self(self, &ignored) == 0)
		path = arena_printf(m->a, "%.*s/tare-oci", (int)(strrchr(self, '/') - self), self);
	jw_object(w, "Runtimes");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		jw_object(w, names[i]);
		jw_str(w, "path", path);
		jw_end_object(w);
	}
	jw_end_object(w);
	jw_str(w, "DefaultRuntime", "tare-oci");
	jw_str(w, "InitBinary", "tare-init");
}

static void write_driver(const struct info_machine *m, struct json_writer *w)
{
	jw_array(w, "DriverStatus");
	jw_array(w, NULL);
	jw_str(w, NULL, "Backing Filesystem");
	jw_str(w, NULL, file_system(m->en->root));
	jw_end_array(w);
	jw_end_array(w);
}

static void write_swarm(struct json_writer *w)
{
	jw_object(w, "Swarm");
	jw_str(w, "LocalNodeState", "inactive");
	jw_bool(w, "ControlAvailable", false);
	jw_str(w, "NodeID", "");
	jw_str(w, "NodeAddr", "");
	jw_str(w, "Error", "");
	jw_null(w, "RemoteManagers");
	jw_end_object(w);
}

static void write_more(const struct info_machine *m, struct json_writer *w)
{
	struct proxy_settings proxies;

	proxy_settings_find(&proxies);
	write_driver(m, w);
	write_plugins(w);
	write_limits(m, w);
	write_security(m, w);
	write_runtimes(m, w);
	write_swarm(w);
	jw_str(w, "HttpProxy", proxies.http);
	jw_str(w, "HttpsProxy", proxies.https);
	jw_str(w, "NoProxy", proxies.except);
	jw_bool(w, "LiveRestoreEnabled", true); /* no container needs any process but its own two */
	jw_bool(w, "ExperimentalBuild", false);
}

/* ---- counts ---- */

struct counts {
	size_t images, containers, paused, by_state[RECORD_RESTARTING + 1];
};

static int count(const struct engine *en, struct arena *a, struct counts *out, struct err *e)
{
	CLEANUP_LIVE_MANY struct live_many many = LIVE_MANY_INIT;
	struct record *recs;
	struct image *images;
	int r = record_list(en->catalog, a, NULL, &recs, &out->containers, e);

	if (r == 0)
		r = image_list(en->catalog, a, &images, &out->images, e);
	for (size_t i = 0; r == 0 && i < out->containers; i++) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		struct err ignored;

		if (recs[i].status == RECORD_RUNNING && live_untouched(en, &many, recs[i].id)) {
			out->by_state[RECORD_RUNNING]++;
			continue;
		}
		if (settle(en, a, &recs[i], &live, SETTLE_LIST, &ignored) == 0)
			out->by_state[recs[i].status]++;
		out->paused += recs[i].status == RECORD_RUNNING && container_paused(&recs[i]);
	}
	return r;
}

static void fill(const struct engine *en, struct arena *a, const struct counts *n, uint64_t memory, struct info *out)
{
	const struct info_machine *m = &out->machine;
	const struct info_pair pairs[] = {
		{ "Version:", "ServerVersion", TARE_VERSION, 0 },
		{ "Containers:", "Containers", NULL, n->containers },
		{ "  Running:", "ContainersRunning", NULL, n->by_state[RECORD_RUNNING] - n->paused + n->by_state[RECORD_RESTARTING] },
		{ "  Created:", "ContainersCreated", NULL, n->by_state[RECORD_CREATED] },
		{ "  Exited:", NULL, NULL, n->by_state[RECORD_EXITED] },
		{ NULL, "ContainersStopped", NULL, n->by_state[RECORD_EXITED] + n->by_state[RECORD_CREATED] },
		{ "Images:", "Images", NULL, n->images },
		{ NULL, "ContainersPaused", NULL, n->paused },
		{ NULL, "Driver", IMAGE_DRIVER, 0 },
		{ NULL, "DockerRootDir", en->root, 0 },
		{ NULL, "OSType", "linux", 0 },
		{ NULL, "OSVersion", os_release(a, "VERSION_ID"), 0 },
		{ NULL, "Name", out->un.nodename, 0 },
		{ NULL, "SystemTime", time_text(a, clock_now_ns()), 0 },
		{ NULL, "CgroupDriver", cg_detect() == CG_NONE ? "none" : "cgroupfs", 0 },
		{ NULL, "CgroupVersion", cg_detect() == CG_V2 ? "2" : cg_detect() == CG_NONE ? "" : "1", 0 }, /* whose limits are taken */
		{ "Root:", "TareRootDir", en->root, 0 },
		{ "State:", "TareStateDir", en->state, 0 },
		{ "Cgroups:", "TareCgroups", cgroup_text(), 0 },
		{ "Other firewalls:", "OtherFirewalls", others_text(en, a), 0 },
		{ "Logging:", "LoggingDriver", log_driver(en, a), 0 },
		{ "User namespaces:", "UserNamespaces", m->userns ? "yes" : "no", 0 },
		{ "Kernel:", "KernelVersion", out->un.release, 0 },
		{ "System:", "OperatingSystem", os_name(a), 0 },
		{ "Architecture:", "Architecture", out->un.machine, 0 },
		{ "CPUs:", "NCPU", NULL, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) },
		{ "Memory:", NULL, memory_text(a, memory), 0 },
		{ NULL, "MemTotal", NULL, memory },
	};

	take(out, pairs, ARRAY_LEN(pairs));
}

int info_read(const struct engine *en, struct arena *a, struct info *out, struct err *e)
{
	struct counts n = { 0 };
	struct sysinfo si;
	int r = count(en, a, &n, e);

	if (r < 0)
		return r;
	if (uname(&out->un) < 0 || sysinfo(&si) < 0)
		return err_errno(e, -errno, "ask the kernel");
	look_at_machine(en, a, &out->machine);
	fill(en, a, &n, (uint64_t)si.totalram * si.mem_unit, out);
	return 0;
}

void info_write(const struct info *info, struct json_writer *w)
{
	info_write_pairs(info, w);
	write_more(&info->machine, w);
}
