/* tare run and tare create. */
#include "cmd/tare/tare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "cmd/tare/session.h"
#include "cmd/tare/template.h"
#include "engine/settings.h"

#define CT(member) offsetof(struct run_opts, ct.member)
#define OWN(member) offsetof(struct run_opts, member)

#define WINDOWS "there is no such thing but on Windows"

/* Known from Docker, for later versions or for nobody: whoever gives one is told so. */
static const struct cli_option docker_options[] = {
	{ "cpu-count", 0, "N", CLI_UNSUPPORTED, WINDOWS },
	{ "cpu-percent", 0, "N", CLI_UNSUPPORTED, WINDOWS },
	{ "io-maxbandwidth", 0, "BYTES", CLI_UNSUPPORTED, WINDOWS },
	{ "io-maxiops", 0, "N", CLI_UNSUPPORTED, WINDOWS },
	{ "kernel-memory", 0, "BYTES", CLI_UNSUPPORTED, "the kernel limits its own memory within --memory: use that" },
	{ "use-api-socket", 0, NULL, CLI_UNSUPPORTED, "there is no daemon, and no socket of one" },
	/* there is nothing to switch off: no image is verified */
	{ "disable-content-trust", 0, NULL, CLI_IGNORED },
	{ 0 }
};

/* What `run` and `create` share. */
static const struct cli_option container_options[] = {
	{ "name", 0, "NAME", CLI_STR, "the container's name (default: made up)", CT(name) },
	{ "rootfs", 0, "DIR", CLI_STR, "a plain folder as root file system, instead of an image", CT(rootfs) },
	{ "interactive", 'i', NULL, CLI_FLAG, "keep the container's input open", OWN(interactive) },
	{ "tty", 't', NULL, CLI_FLAG, "give it a terminal", CT(tty) },
	{ "rm", 0, NULL, CLI_FLAG, "remove the container when it ends", CT(rm) },
	{ "env", 'e', "NAME[=VALUE]", CLI_STRV, "set an environment variable", OWN(env) },
	{ "env-file", 0, "FILE", CLI_STRV, "environment variables from a file", OWN(env_file) },
	{ "volume", 'v', "SRC:DST[:OPTIONS]", CLI_STRV, "a folder or file of the host, or a volume by its name; DST alone: a volume of its own", OWN(volume) },
	{ "mount", 0, "type=bind|volume|tmpfs|image,source=SRC,target=DST[,...]", CLI_STRV, "the same, key by key", OWN(mount) },
	{ "volumes-from", 0, "CONTAINER[:ro]", CLI_STRV, "the volumes and binds that another container has", OWN(volumes_from) },
	{ "volume-driver", 0, "local", CLI_STR, "what makes volumes that -v names", CT(volume_driver), .choices = "local" },
	{ "tmpfs", 0, "DST[:OPTIONS]", CLI_STRV, "a file system in memory", OWN(tmpfs) },
	{ "device", 0, "NODE[:NODE][:rwm]|VENDOR/CLASS=NAME", CLI_STRV, "a device of the host: its node, a folder of some, or its name (CDI)", OWN(device) },
	{ "gpus", 0, "all|N|device=ID,...", CLI_STRV, "graphics processors, by their names (CDI)", OWN(gpus) },
	{ "device-cgroup-rule", 0, "RULE", CLI_STRV, "which other nodes may be used (\"c 42:* rwm\")", OWN(device_rule) },
	{ "workdir", 'w', "PATH-INSIDE", CLI_STR, "working folder of the command", CT(workdir) },
	{ "user", 'u', "USER[:GROUP]", CLI_STR, "who the command runs as", CT(user) },
	{ "group-add", 0, "GROUP", CLI_STRV, "another group of that user", OWN(group_add) },
	{ "entrypoint", 0, "COMMAND", CLI_STR, "instead of the image's entrypoint; \"\" for none", CT(entrypoint) },
	{ "hostname", 'h', "NAME", CLI_STR, "host name (default: the id's first 12 digits)", CT(hostname) },
	{ "domainname", 0, "NAME", CLI_STR, "NIS domain name", CT(domainname) },
	{ "label", 'l', "KEY=VALUE", CLI_STRV, "a label", OWN(label) },
	{ "label-file", 0, "FILE", CLI_STRV, "labels from a file", OWN(label_file) },
	{ "annotation", 0, "KEY=VALUE", CLI_STRV, "an annotation of its OCI specification", OWN(annotation) },
	{ "init", 0, NULL, CLI_FLAG, "a small init that reaps and passes signals on as process 1", CT(init) },
	{ "restart", 0, "no|always|unless-stopped|on-failure[:N]", CLI_STR, "whether it is started again when it ends (default no)", CT(restart) },
	{ "stop-signal", 0, "SIGNAL", CLI_STR, "what `tare stop` sends", CT(stop_signal) },
	{ "stop-timeout", 0, "SECONDS", CLI_I64, "how long `tare stop` waits before KILL (-1: for ever)", OWN(stop_timeout) },
	{ "network", 0, "NETWORK|none|host|container:CONTAINER", CLI_STRV, "a network of it (default: bridge; none: loopback only)", OWN(network) },
	{ "net", 0, "NETWORK|none|host|container:CONTAINER", CLI_STRV, NULL, OWN(network) }, /* its older name */
	{ "network-alias", 0, "NAME", CLI_STRV, "another name of it in its network", OWN(network_alias) },
	{ "net-alias", 0, "NAME", CLI_STRV, NULL, OWN(network_alias) }, /* its older name */
	{ "link", 0, "CONTAINER[:ALIAS]", CLI_STRV, "a name that this container alone knows another one by", OWN(link) },
	{ "publish", 'p', "[[IP:]PORT:]PORT[/PROTO]", CLI_STRV, "a port of the host that leads to one of it, or ranges of them", OWN(publish) },
	{ "publish-all", 'P', NULL, CLI_FLAG, "a free port of the host for each port the image exposes", CT(publish_all) },
	{ "expose", 0, "PORT[/PROTO]", CLI_STRV, "a port that --publish-all publishes, too", OWN(expose) },
	{ "ip", 0, "IP", CLI_STR, "its address in its network", CT(ip) },
	{ "ip6", 0, "IP", CLI_STR, "its IPv6 address in its network", CT(ip6) },
	{ "link-local-ip", 0, "IP", CLI_STRV, "a link-local address that it has in its network besides", OWN(link_local) },
	{ "mac-address", 0, "MAC", CLI_STR, "its hardware address", CT(mac_address) },
	{ "add-host", 0, "NAME:IP", CLI_STRV, "a line of its /etc/hosts (host-gateway: the host's address)", OWN(add_host) },
	{ "dns", 0, "IP", CLI_STRV, "a name server, instead of the host's", OWN(dns) },
	{ "dns-search", 0, "DOMAIN", CLI_STRV, "a domain to look names up in", OWN(dns_search) },
	{ "dns-option", 0, "OPTION", CLI_STRV, "an option of its resolv.conf", OWN(dns_option) },
	{ "dns-opt", 0, "OPTION", CLI_STRV, NULL, OWN(dns_option) }, /* its older name */
	{ "userns", 0, "private|range:ID[:N]|host", CLI_STR, "its user ids (default: host ids of its own)", CT(userns) },
	{ "pid", 0, "host|container:CONTAINER", CLI_STR, "share the host's processes, or a container's", CT(pid) },
	{ "ipc", 0, "private|shareable|none|host|container:CONTAINER", CLI_STR, "IPC and /dev/shm: its own (none: without /dev/shm), or shared", CT(ipc) },
	{ "uts", 0, "host", CLI_STR, "share the host's name", CT(uts) },
	{ "cgroupns", 0, "host|private", CLI_STR, "its view of the control groups (default: private)", CT(cgroupns) },
	{ "read-only", 0, NULL, CLI_FLAG, "root file system read-only", CT(read_only) },
	{ "privileged", 0, NULL, CLI_FLAG, "all capabilities and devices, no confinement, the host's user ids", CT(privileged) },
	{ "cap-add", 0, "CAP", CLI_STRV, "add a capability (ALL: every one)", OWN(cap_add) },
	{ "cap-drop", 0, "CAP", CLI_STRV, "take a capability away (ALL: every one)", OWN(cap_drop) },
	{ "security-opt", 0, "OPT", CLI_STRV, "no-new-privileges[=false], seccomp=FILE|unconfined, systempaths=unconfined, apparmor=unconfined, label=disable",
	  OWN(security_opt) },
	{ "sysctl", 0, "NAME=VALUE", CLI_STRV, "a kernel setting of its own namespaces", OWN(sysctl) },
	{ "memory", 'm', "BYTES", CLI_STR, "memory limit (512m)", CT(memory) },
	{ "memory-swap", 0, "BYTES", CLI_STR, "limit of memory and swap together (-1: no limit)", CT(memory_swap) },
	{ "memory-reservation", 0, "BYTES", CLI_STR, "soft memory limit", CT(memory_reservation) },
	{ "memory-swappiness", 0, "0-100", CLI_I64, "how readily it is swapped out (cgroup v1)", OWN(memory_swappiness) },
	{ "oom-kill-disable", 0, NULL, CLI_FLAG, "it waits instead of being killed when its memory runs out (cgroup v1)", CT(oom_kill_disable) },
	{ "cpus", 0, "N", CLI_STR, "how many CPUs' time it may use (1.5)", CT(cpus) },
	{ "cpu-shares", 'c', "N", CLI_U64, "relative weight (1024 is usual)", OWN(cpu_shares) },
	{ "cpu-quota", 0, "MICROSECONDS", CLI_I64, "CPU time it may use in each period, instead of --cpus", OWN(cpu_quota) },
	{ "cpu-period", 0, "MICROSECONDS", CLI_I64, "that period (default 100000)", OWN(cpu_period) },
	{ "cpu-rt-period", 0, "MICROSECONDS", CLI_I64, "period of real-time CPU time (cgroup v1)", OWN(cpu_rt_period) },
	{ "cpu-rt-runtime", 0, "MICROSECONDS", CLI_I64, "real-time CPU time it may use in each (cgroup v1)", OWN(cpu_rt_runtime) },
	{ "cpuset-cpus", 0, "LIST", CLI_STR, "CPUs it may run on (0-2,4)", CT(cpuset_cpus) },
	{ "cpuset-mems", 0, "LIST", CLI_STR, "memory nodes it may use", CT(cpuset_mems) },
	{ "blkio-weight", 0, "10-1000", CLI_U64, "relative weight of its reads and writes", CT(blkio_weight) },
	{ "blkio-weight-device", 0, "NODE:WEIGHT", CLI_STRV, "the same on one device", OWN(io[CT_IO_WEIGHT]) },
	{ "device-read-bps", 0, "NODE:BYTES", CLI_STRV, "bytes a second it may read of a device (1mb)", OWN(io[CT_IO_READ_BPS]) },
	{ "device-write-bps", 0, "NODE:BYTES", CLI_STRV, "bytes a second it may write to a device", OWN(io[CT_IO_WRITE_BPS]) },
	{ "device-read-iops", 0, "NODE:N", CLI_STRV, "reads a second of a device", OWN(io[CT_IO_READ_IOPS]) },
	{ "device-write-iops", 0, "NODE:N", CLI_STRV, "writes a second to a device", OWN(io[CT_IO_WRITE_IOPS]) },
	{ "pids-limit", 0, "N", CLI_I64, "most processes (default 4096; -1: no limit)", OWN(pids_limit) },
	{ "ulimit", 0, "NAME=SOFT[:HARD]", CLI_STRV, "a resource limit", OWN(ulimit) },
	{ "storage-opt", 0, "size=BYTES|inodes=N", CLI_STRV, "how much it may write into its root, where the file system can limit that",
	  OWN(storage_opt) },
	{ "shm-size", 0, "BYTES", CLI_STR, "size of /dev/shm (default 64m)", CT(shm_size) },
	{ "oom-score-adj", 0, "N", CLI_I64, "how readily it is killed when memory runs out", OWN(oom_score_adj) },
	{ "cgroup-parent", 0, "CGROUP", CLI_STR, "where its cgroup is made (default /tare)", CT(cgroup_parent) },
	{ "cgroups", 0, "enabled|disabled|no-conmon|split", CLI_STR, "its own cgroup (default); none; its monitor in ours; both in a systemd unit's",
	  CT(cgroups), .choices = "enabled|disabled|no-conmon|split" },
	{ "sdnotify", 0, "container|conmon|healthy|ignore", CLI_STR, "what tells a service manager that it is ready (default container)", CT(sdnotify),
	  .choices = "container|conmon|healthy|ignore" },
	{ "log-driver", 0, "json-file|local|k8s-file|journald|none", CLI_STR, "where its output is kept", CT(log_driver) },
	{ "log-opt", 0, "NAME=VALUE", CLI_STRV, "max-size, max-file, compress, labels, labels-regex, env, env-regex, tag, mode, max-buffer-size", OWN(log_opt) },
	{ "health-cmd", 0, "COMMAND", CLI_STR, "a shell's command that checks its health (instead of the image's)", CT(health_cmd) },
	{ "health-interval", 0, "DURATION", CLI_DURATION, "how long after one check the next begins (default 30s)", CT(health_interval) },
	{ "health-retries", 0, "N", CLI_I64, "so many failures in a row make it unhealthy (default 3)", CT(health_retries) },
	{ "health-timeout", 0, "DURATION", CLI_DURATION, "how long a check may take (default 30s)", CT(health_timeout) },
	{ "health-start-period", 0, "DURATION", CLI_DURATION, "how long after its start failures do not count", CT(health_start_period) },
	{ "health-start-interval", 0, "DURATION", CLI_DURATION, "the interval in that time, until a check succeeds (default 5s)",
	  CT(health_start_interval) },
	{ "no-healthcheck", 0, NULL, CLI_FLAG, "do not check its health, whatever the image says", CT(no_healthcheck) },
	{ "cidfile", 0, "FILE", CLI_STR, "write the id to a new file", OWN(cidfile) },
	{ "pull", 0, "missing|always|never", CLI_STR, "when the image is fetched from its registry (default: missing)", OWN(need.pull),
	  .choices = "missing|always|never" },
	{ "platform", 0, "OS/ARCH", CLI_STR, "which one of an image for several is fetched", OWN(need.platform) },
	{ "quiet", 'q', NULL, CLI_FLAG, "no progress when the image is fetched", OWN(need.quiet) },
	{ "runtime", 0, "tare-oci", CLI_STR, "what runs it: there is one", OWN(runtime), .choices = "tare-oci" },
	{ "isolation", 0, "default", CLI_STR, "how it is kept apart: there is one way", OWN(isolation), .choices = "default" },
	{ "attach", 'a', "STREAM", CLI_STRV, "stdin, stdout or stderr alone", OWN(attach) },
	{ .kind = CLI_GROUP, .group = docker_options },
	{ 0 }
};

const struct cli_option create_options[] = { { .kind = CLI_GROUP, .group = container_options }, { 0 } };

const struct cli_option run_options[] = {
	{ "detach", 'd', NULL, CLI_FLAG, "leave it running and print its id", OWN(detach) },
	{ "preserve-fds", 0, "N", CLI_U32, "pass N more descriptors behind stdio and those of LISTEN_FDS", OWN(preserve_fds) },
	{ "sig-proxy", 0, NULL, CLI_FLAG, "pass signals on to it (default true)", OWN(sig_proxy) },
	{ "detach-keys", 0, "KEYS", CLI_STR, "keys that leave it running (default ctrl-p,ctrl-q)", OWN(detach_keys) },
	{ .kind = CLI_GROUP, .group = container_options },
	{ 0 }
};

const struct run_opts run_defaults = {
	.sig_proxy = true,
	.stop_timeout = INT64_MIN,
	.pids_limit = INT64_MIN,
	.cpu_quota = INT64_MIN,
	.cpu_period = INT64_MIN,
	.oom_score_adj = INT64_MIN,
	.memory_swappiness = INT64_MIN,
	.cpu_rt_period = INT64_MIN,
	.cpu_rt_runtime = INT64_MIN,
};

static struct strv list(const struct cli_strv *v)
{
	return (struct strv){ v->v, v->n };
}

static const int64_t *if_given(const int64_t *v)
{
	return *v == INT64_MIN ? NULL : v;
}

/* An absolute path for one that starts at the current folder, as Docker's client makes it. */
static const char *from_here(struct arena *a, const char *path)
{
	CLEANUP_FREE char *cwd = getcwd(NULL, 0);

	return cwd ? arena_printf(a, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path) : NULL;
}

/* "./x", "../x", "." and ".." are places; "x" is the name of a volume. */
static int volumes(const struct cli_call *call, const struct cli_strv *texts, struct strv *out, struct err *e)
{
	const char **v = arena_array(call->arena, texts->n + 1, sizeof(*v));

	for (size_t i = 0; v && i < texts->n; i++) {
		bool relative = texts->v[i][0] == '.' && strchr(texts->v[i], ':');

		v[i] = relative ? from_here(call->arena, texts->v[i]) : texts->v[i];
		if (!v[i])
			return err_errno(e, errno ? -errno : -ENOMEM, "-v %s: the current folder", texts->v[i]);
	}
	*out = (struct strv){ v, texts->n };
	return v ? 0 : err_errno(e, -ENOMEM, "-v");
}

static int rootfs(const struct cli_call *call, const char **path, struct err *e)
{
	CLEANUP_FREE char *found = NULL;

	if (!*path || (*path)[0] == '/')
		return 0;
	found = realpath(*path, NULL);
	if (!found)
		return err_errno(e, -errno, "--rootfs %s", *path);
	*path = arena_strdup(call->arena, found);
	return *path ? 0 : err_errno(e, -ENOMEM, "--rootfs");
}

/* The command's struct as the engine takes it. */
static int options(const struct cli_call *call, struct ct_options *ct, struct err *e)
{
	const struct run_opts *o = call->opts;
	size_t words = o->ct.rootfs ? 0 : 1; /* the image's name goes first */
	int r;

	if (call->n_args < words)
		return err_set(e, ERR_USAGE, "which image? %s IMAGE [COMMAND…], see \"%s --help\"", call->name, call->name);
	*ct = o->ct;
	ct->image = words ? call->args[0] : NULL;
	ct->args = (struct strv){ call->args + words, call->n_args - words };
	ct->open_stdin = o->interactive;
	ct->stdin_once = o->interactive && !o->detach;
	ct->env = list(&o->env);
	ct->env_files = list(&o->env_file);
	ct->labels = list(&o->label);
	ct->group_add = list(&o->group_add);
	ct->tmpfs = list(&o->tmpfs);
	ct->mounts = list(&o->mount);
	ct->volumes_from = list(&o->volumes_from);
	ct->here = o->mount.n ? from_here(call->arena, "") : NULL;
	ct->devices = list(&o->device);
	ct->gpus = list(&o->gpus);
	ct->cap_add = list(&o->cap_add);
	ct->cap_drop = list(&o->cap_drop);
	ct->security_opt = list(&o->security_opt);
	ct->sysctls = list(&o->sysctl);
	ct->ulimits = list(&o->ulimit);
	ct->storage_opts = list(&o->storage_opt);
	ct->log_opts = list(&o->log_opt);
	ct->apply_template = template_apply;
	ct->networks = list(&o->network);
	ct->network_aliases = list(&o->network_alias);
	ct->links = list(&o->link);
	ct->link_local = list(&o->link_local);
	ct->publish = list(&o->publish);
	ct->expose = list(&o->expose);
	ct->add_host = list(&o->add_host);
	ct->dns = list(&o->dns);
	ct->dns_search = list(&o->dns_search);
	ct->dns_option = list(&o->dns_option);
	ct->id_file = o->cidfile;
	ct->stop_timeout = if_given(&o->stop_timeout);
	ct->pids_limit = if_given(&o->pids_limit);
	ct->oom_score_adj = if_given(&o->oom_score_adj);
	ct->label_files = list(&o->label_file);
	ct->annotations = list(&o->annotation);
	ct->device_rules = list(&o->device_rule);
	for (size_t k = 0; k < CT_IO_KINDS; k++)
		ct->io[k] = list(&o->io[k]);
	ct->memory_swappiness = if_given(&o->memory_swappiness);
	ct->cpu_rt_period = if_given(&o->cpu_rt_period);
	ct->cpu_rt_runtime = if_given(&o->cpu_rt_runtime);
	ct->cpu_quota = if_given(&o->cpu_quota);
	ct->cpu_period = if_given(&o->cpu_period);
	ct->cpu_shares = o->cpu_shares ? &o->cpu_shares : NULL;
	r = volumes(call, &o->volume, &ct->volumes, e);
	return r < 0 ? r : rootfs(call, &ct->rootfs, e);
}

/* What the command line leaves open, as this machine or user has it. */
static int defaults(const struct cli_call *call, const struct engine *en, struct ct_options *ct, struct err *e)
{
	struct settings s;
	int r = settings_read(call->arena, en->user.on, &s, e);

	return r < 0 ? r : settings_container(&s, call->arena, en->user.on, ct, e);
}

/* Which streams the client wants: -a names them, else output and, with -i, input. */
static int wanted(const struct run_opts *o, unsigned char *want, struct err *e)
{
	*want = 0;
	for (size_t i = 0; i < o->attach.n; i++) {
		const char *name = o->attach.v[i];

		if (strcasecmp(name, "stdin") == 0)
			*want |= FRAME_WANT_STDIN;
		else if (strcasecmp(name, "stdout") == 0)
			*want |= FRAME_WANT_STDOUT;
		else if (strcasecmp(name, "stderr") == 0)
			*want |= FRAME_WANT_STDERR;
		else
			return err_set(e, ERR_INVALID, "--attach %s: stdin, stdout or stderr", name);
	}
	if (o->attach.n == 0)
		*want = FRAME_WANT_STDOUT | FRAME_WANT_STDERR | (o->interactive ? FRAME_WANT_STDIN : 0);
	return 0;
}

/* As inspect shows them. */
static void note_streams(unsigned char want, struct ct_options *ct)
{
	ct->attach_stdin = want & FRAME_WANT_STDIN;
	ct->attach_stdout = want & FRAME_WANT_STDOUT;
	ct->attach_stderr = want & FRAME_WANT_STDERR;
}

static int write_cidfile(int fd, const char *path, const char *id, struct err *e)
{
	int r = fd < 0 ? 0 : io_write_full(fd, id, strlen(id));

	return r < 0 ? err_errno(e, r, "--cidfile %s", path) : 0;
}

/* Made before the container, so that a second `run` with the same file fails before it starts anything. */
static int open_cidfile(const char *path, int *fd, struct err *e)
{
	if (!path)
		return 0;
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*fd < 0 && errno == EEXIST)
		return err_set(e, ERR_CONFLICT, "--cidfile %s exists already: remove it if its container is gone", path);
	return *fd < 0 ? err_errno(e, -errno, "--cidfile %s", path) : 0;
}

/* Its own, and those that it has mounted. */
static int need_images(const struct cli_call *call, const struct engine *en, const struct ct_options *ct, const struct image_need *need, struct err *e)
{
	int r = tare_need_image(call, en, ct->image, need, e);

	return r < 0 ? r : tare_need_mounted(call, en, ct->mounts, need, e);
}

int cmd_create(const struct cli_call *call, struct err *e)
{
	const struct run_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_CONTAINER_NEW struct container_new n = CONTAINER_NEW_INIT;
	CLEANUP_FD int cidfile = -1;
	struct ct_options ct;
	unsigned char want;
	int r = options(call, &ct, e);

	if (r == 0)
		r = wanted(o, &want, e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0)
		r = defaults(call, &en, &ct, e);
	if (r == 0)
		r = need_images(call, &en, &ct, &o->need, e);
	if (r == 0)
		r = open_cidfile(o->cidfile, &cidfile, e);
	if (r == 0)
		note_streams(want, &ct);
	if (r == 0)
		r = container_create(&en, call->arena, &ct, false, 0, &n, e);
	if (r < 0) {
		if (cidfile >= 0)
			(void)unlink(o->cidfile);
		return r;
	}
	r = write_cidfile(cidfile, o->cidfile, n.id, e);
	if (r == 0)
		tare_say("%s", n.id);
	return r;
}

static int check(const struct run_opts *o, const struct ct_options *ct, struct err *e)
{
	int r = session_check_keys(o->detach_keys, e);

	if (r == 0 && o->detach && o->attach.n)
		r = err_set(e, ERR_INVALID, "--detach and --attach contradict each other");
	return r < 0 || o->detach ? r : session_check_tty(ct->tty, o->interactive, "leave out -t when input comes from a pipe", e);
}

int cmd_run(const struct cli_call *call, struct err *e)
{
	const struct run_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_CONTAINER_NEW struct container_new n = CONTAINER_NEW_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	CLEANUP_FD int cidfile = -1;
	struct session s = { .client = &c, .sig_proxy = o->sig_proxy, .settles = true, .detach_keys = o->detach_keys };
	struct service service;
	struct ct_options ct;
	unsigned char want;
	int r = service_read(o->preserve_fds, &service, e);

	if (r == 0)
		r = options(call, &ct, e);
	if (r == 0)
		r = wanted(o, &want, e);
	if (r == 0)
		r = check(o, &ct, e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0)
		r = defaults(call, &en, &ct, e);
	if (r == 0)
		r = need_images(call, &en, &ct, &o->need, e);
	if (r == 0)
		r = open_cidfile(o->cidfile, &cidfile, e);
	if (r == 0)
		note_streams(o->detach ? 0 : want, &ct);
	if (r == 0)
		r = container_create(&en, call->arena, &ct, true, o->detach ? 0 : want | FRAME_WANT_SETTLE, &n, e);
	if (r < 0) {
		if (cidfile >= 0)
			(void)unlink(o->cidfile);
		return r;
	}
	if (!o->detach)
		session_block_signals();
	n.service = &service;
	r = write_cidfile(cidfile, o->cidfile, n.id, e);
	if (r == 0)
		r = container_launch(&en, &n, ct.rm, &c, e);
	service_close(&service);
	if (r < 0)
		return r;
	if (o->detach) {
		tare_say("%s", n.id);
		return 0;
	}
	s.tty = ct.tty;
	s.stdin_open = want & FRAME_WANT_STDIN;
	return session_stay(&en, n.id, &s, e);
}
