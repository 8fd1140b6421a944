/* spec: a config.json to begin with, the one runc writes. */
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "cmd/oci/oci.h"
#include "oci/state.h"
#include "sys/cgroup.h"

#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }

static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL };
static const char *const masked[] = { "/proc/acpi",	   "/proc/asound",	"/proc/kcore",	     "/proc/keys",
				      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
				      "/sys/firmware",	   "/proc/scsi",	NULL };
static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL };

struct mount_row {
	const char *destination, *type, *source;
	const char *options[7];
};
static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", { 0 } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};
/* sysfs belongs to a network namespace, which a user without privileges shares with the host */
static const struct mount_row rootless_sys = { "/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" } };

static void write_process(struct json_writer *w)
{
	jw_object(w, "process");
	jw_bool(w, "terminal", true);
	jw_object(w, "user");
	jw_u64(w, "uid", 0);
	jw_u64(w, "gid", 0);
	jw_end_object(w);
	jw_strv(w, "args", LIST("sh"));
	jw_strv(w, "env", LIST("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"));
	jw_str(w, "cwd", "/");
	jw_object(w, "capabilities");
	jw_strv(w, "bounding", caps);
	jw_strv(w, "effective", caps);
	jw_strv(w, "permitted", caps);
	jw_end_object(w);
	jw_array(w, "rlimits");
	jw_object(w, NULL);
	jw_str(w, "type", "RLIMIT_NOFILE");
	jw_u64(w, "hard", 1024);
	jw_u64(w, "soft", 1024);
	jw_end_object(w);
	jw_end_array(w);
	jw_bool(w, "noNewPrivileges", true);
	jw_end_object(w);
}

static void write_mount(struct json_writer *w, const struct mount_row *m, bool rootless)
{
	const char *kept[ARRAY_LEN(m->options) + 1] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(m->options) && m->options[i]; i++)
		if (!rootless || strncmp(m->options[i], "gid=", 4) != 0)
			kept[n++] = m->options[i];
	jw_object(w, NULL);
	jw_str(w, "destination", m->destination);
	jw_str(w, "type", m->type);
	jw_str(w, "source", m->source);
	if (n)
		jw_strv(w, "options", kept);
	jw_end_object(w);
}

static void write_map(struct json_writer *w, const char *key, uint32_t host_id)
{
	jw_array(w, key);
	jw_object(w, NULL);
	jw_u64(w, "containerID", 0);
	jw_u64(w, "hostID", host_id);
	jw_u64(w, "size", 1);
	jw_end_object(w);
	jw_end_array(w);
}

static void write_resources(struct json_writer *w)
{
	jw_object(w, "resources");
	jw_array(w, "devices");
	jw_object(w, NULL);
	jw_bool(w, "allow", false);
	jw_str(w, "access", "rwm");
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

static void write_linux(struct json_writer *w, bool rootless)
{
	const enum oci_ns ns[] = { OCI_NS_PID, rootless ? OCI_NS_USER : OCI_NS_NETWORK, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_MOUNT,
				   OCI_NS_CGROUP };
	size_t n = cg_detect() == CG_V2 ? ARRAY_LEN(ns) : ARRAY_LEN(ns) - 1;

	jw_object(w, "linux");
	if (rootless) {
		write_map(w, "uidMappings", geteuid());
		write_map(w, "gidMappings", getegid());
	} else {
		write_resources(w);
	}
	jw_array(w, "namespaces");
	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_str(w, "type", oci_ns_name(ns[i]));
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_strv(w, "maskedPaths", masked);
	jw_strv(w, "readonlyPaths", readonly);
	jw_end_object(w);
}

static void write_spec(struct json_writer *w, bool rootless)
{
	jw_object(w, NULL);
	jw_str(w, "ociVersion", OCI_VERSION);
	write_process(w);
	jw_object(w, "root");
	jw_str(w, "path", "rootfs");
	jw_bool(w, "readonly", true);
	jw_end_object(w);
	jw_str(w, "hostname", "tare");
	jw_array(w, "mounts");
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		write_mount(w, rootless && !strcmp(mounts[i].destination, "/sys") ? &rootless_sys : &mounts[i], rootless);
	jw_end_array(w);
	write_linux(w, rootless);
	jw_end_object(w);
}

int cmd_spec(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct oci_spec_opts *o = call->opts;
	const char *bundle = o->bundle && *o->bundle ? o->bundle : ".";
	const char *file = o->config && *o->config ? o->config : "config.json";
	struct json_writer w = JSON_WRITER(&out);
	CLEANUP_FD int dir = openat(AT_FDCWD, bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	int r;

	if (dir < 0)
		return err_errno(e, -errno, "bundle %s", bundle);
	w.pretty = true;
	write_spec(&w, o->rootless);
	sb_putc(&out, '\n');
	r = sb_error(&out);
	if (r == 0) {
		fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno == EEXIST)
			return err_set(e, ERR_CONFLICT, "file %s exists. Remove it first", file);
		r = fd < 0 ? -errno : io_write_full(fd, out.s, out.len);
	}
	return r < 0 ? err_errno(e, r, "%s in %s", file, bundle) : 0;
}
