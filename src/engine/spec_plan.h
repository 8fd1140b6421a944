/* Private to engine/spec*.c: what a container will be, judged and typed, between the user's texts and the JSON.
 *
 * spec.c fills it by calling one function per subject; each fails with a message that names the option. Everything
 * lives in `a`. */
#ifndef TARE_ENGINE_SPEC_PLAN_H
#define TARE_ENGINE_SPEC_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/options.h"
#include "engine/policy.h"
#include "engine/rootless.h"
#include "engine/spec_log.h"
#include "image/config.h"
#include "oci/spec.h"
#include "sys/quota.h"

/* Where --init puts tare-init: on /dev, which is the container's own even with --read-only. */
#define PLAN_INIT "/dev/.tare-init"

struct plan_bind {
	const char *source, *target;
	const char *propagation; /* "rprivate" … */
	const char *mode;        /* its options as -v has them, for people */
	bool ro, idmap, recursive;
	bool ro_top;     /* ro, but not what is mounted below it */
	bool must_exist; /* the source is not made where it is missing */
	/* a volume (volume.h): its name, NULL of a place of the host's */
	const char *volume;
	bool anonymous; /* made for this container; source and name come from volume_use.c */
	bool own;       /* as that, or so of the container it comes from: it goes with the last of them */
	bool nocopy;    /* does not start with what the image has there */
	bool of_host;   /* a volume that is a folder of the host */
	const char *fs_type, *fs_device; /* a volume that is a file system of its own; NULL: it is none */
	struct strv fs_options;
	const char *subpath, *driver; /* of --mount */
	/* an image (imageuse.h): as it was named, NULL of anything else; then its id, and the folders that are laid over each other */
	const char *image, *image_id;
	struct strv lower;
	struct strv opts, labels;
};

struct plan_tmpfs {
	const char *target;
	struct strv options;
	const char *volume; /* it stands for a volume */
	bool listed, ro;    /* listed: inspect shows it among the mounts */
};

/* One --mount as it was asked for: one of the two has a target. */
struct plan_asked {
	struct plan_bind bind;
	struct plan_tmpfs tmpfs;
};

/* --device, of a node or a folder of some. */
struct plan_node {
	const char *host, *inside, *access;
};

struct plan_device {
	const char *path; /* in the container */
	const char *host;
	bool bound;       /* a user's, elsewhere than on the host: he may make no nodes */
	char type;
	unsigned int major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	const char *access; /* "rwm" */
};

/* --device-cgroup-rule */
struct plan_device_rule {
	char type;            /* 'a' 'b' 'c' */
	int64_t major, minor; /* -1 = any */
	const char *access;
};

struct plan_io {
	const char *path; /* of the host's device */
	int64_t major, minor;
	uint64_t value;
};

/* What the files of named devices ask for (engine/cdi.h), besides nodes. */
struct plan_mount {
	const char *target, *type, *source;
	struct strv options;
};

struct plan_hook {
	const char *point; /* "createContainer" */
	const char *path;
	struct strv args, env;
	uint32_t timeout; /* seconds; 0: none */
};

struct plan_rlimit {
	const char *type; /* RLIMIT_NOFILE */
	uint64_t soft, hard;
};

/* A container whose namespace is shared (join.h); id NULL: none. */
struct plan_join {
	const char *id, *name;
	const char *owner; /* id of the container whose it is: not the same when that one shares it, too */
};

struct plan_kv {
	const char *key, *value;
};

/* Its health check; 0: a default (spec_health.c). */
struct plan_health {
	struct strv test; /* as in a configuration: "CMD-SHELL"… */
	struct strv args; /* what is run; n 0: nothing */
	int64_t interval, timeout, start_period, start_interval; /* ns */
	int64_t retries;
};

enum plan_seccomp { SECCOMP_DEFAULT, SECCOMP_NONE, SECCOMP_FILE };

struct plan {
	struct arena *a;
	const struct ct_options *opt;
	const char *id;
	const char *image_id; /* "sha256:HEX"; NULL: it is made of a folder, or a build's step */
	const struct rootless *rootless; /* an ordinary user's; NULL: the machine's root */

	/* namespaces */
	bool userns, host_net, no_net, host_pid, host_ipc, host_uts, host_cgroupns;
	bool no_shm, shareable; /* --ipc none, shareable */
	uint32_t map_base, map_size; /* base 0: a range is still to be taken; of a user: all the ids there are, as they are */
	struct plan_join net_of, pid_of, ipc_of; /* filled before spec_plan(); with them hostname, domainname and map_* */
	bool joined;                     /* any of both: userns and the map are that container's */
	const char *hostname, *domainname;
	struct ct_network *networks; /* neither host_net nor no_net nor net_of nor usernet: at least one */
	size_t n_networks;
	const char *usernet; /* an ordinary user's instead of those: net/usernet.h */
	struct strv publish; /* -p, and -P's */

	/* process */
	struct strv args;
	struct strv env;     /* image's and user's */
	struct strv run_env; /* with HOME */
	struct strv entrypoint, cmd; /* what args was put together of */
	struct strv labels, annotations; /* the user's, each name once: KEY=VALUE or KEY */
	const char *cwd;
	const char *user; /* as text */
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t n_groups;
	const char *home;
	int stop_signal;
	struct policy restart;
	struct plan_health health;
	struct plan_log log;

	/* security */
	uint64_t caps;
	bool no_new_privs;
	struct strv masked, readonly; /* paths; .v NULL: silent of them */
	enum plan_seccomp seccomp;
	const struct json *seccomp_doc;            /* SECCOMP_FILE */
	const struct oci_seccomp *seccomp_profile; /* SECCOMP_DEFAULT */

	/* file systems */
	struct plan_bind *binds;
	size_t n_binds;
	const struct plan_bind *from; /* --volumes-from: filled before spec_plan() (volume_use.h) */
	size_t n_from;
	struct plan_tmpfs *tmpfs;
	size_t n_tmpfs;
	struct plan_asked *asked; /* by --mount, in its order */
	size_t n_asked;
	struct plan_device *devices;
	size_t n_devices;
	struct plan_device_rule *device_rules; /* as many as opt->device_rules */
	struct strv device_names; /* of CDI, in full */
	struct strv device_env;   /* over everybody else's */
	uint32_t *device_groups;
	struct plan_mount *mounts;
	struct plan_hook *hooks;
	size_t n_device_groups, device_groups_cap, n_mounts, mounts_cap, n_hooks, hooks_cap;
	uint64_t shm_size;
	struct quota_limits storage; /* what it may write into its root */
	enum quota_kind storage_kind; /* by what means (create.c) */

	/* limits */
	int64_t memory, memory_swap, memory_reservation; /* 0 = not set */
	int64_t cpu_quota, cpu_period;                   /* 0 = not set; a quota of -1 is none */
	int64_t pids_limit;                              /* 0 = none */
	int64_t rt_period, rt_runtime;                   /* 0 = not set */
	struct plan_io *io[CT_IO_KINDS];                 /* as many each as opt->io has */
	struct plan_rlimit *rlimits;
	size_t n_rlimits;
	struct plan_kv *sysctls;
	size_t n_sysctls;
};

/* spec_security.c: capabilities, --security-opt, --privileged, user namespace. Goes first: the rest asks for userns. */
int plan_security(struct plan *p, const struct image_config *image, struct err *e) MUST_CHECK;
/* spec_namespaces.c: --pid, --ipc, --uts, --hostname; spec_network.c: --network, -p, -P, --ip, --dns… */
int plan_network(struct plan *p, const struct image_config *image, struct err *e) MUST_CHECK;
int plan_dns(const struct ct_options *o, struct err *e) MUST_CHECK; /* only looks: --dns, --dns-search, --dns-option */
/* usernet.c: the same of an ordinary user, and what he may publish. */
struct net_port;
int plan_usernet(struct plan *p, struct err *e) MUST_CHECK;
int plan_usernet_port(const struct plan *p, const struct net_port *port, struct err *e) MUST_CHECK;
int plan_namespaces(struct plan *p, const struct image_config *image, struct err *e) MUST_CHECK;
/* The first container that a namespace is shared with; its id is NULL where none is. */
const struct plan_join *plan_joined(const struct plan *p);

/* It has Docker's defaults: whoever asked for it knows no others. */
static inline bool plan_as_docker(const struct plan *p)
{
	return p->opt->profile && strcmp(p->opt->profile, "docker") == 0;
}

/* Root's containers have one unless they are not to; an ordinary user's where one is delegated to him. */
static inline bool plan_has_cgroup(const struct plan *p)
{
	if (p->opt->cgroups && strcmp(p->opt->cgroups, "disabled") == 0)
		return false;
	return !p->rootless || p->rootless->cgroup[0];
}
/* spec_process.c: command line, environment (without what every process is given), working folder, user as text, labels, annotations. */
int plan_process(struct plan *p, const struct image_config *image, struct err *e) MUST_CHECK;
/* run_env: env as a process is given it. */
void plan_home(struct plan *p, const char *home);
/* The environment that a process is given: HOSTNAME (hostname may be NULL), with a terminal TERM, and HOME where env does not name them; names without a value are taken away. */
struct strv plan_env_given(struct arena *a, struct strv env, const char *hostname, bool tty, const char *home);
/* Adds to env: the lines of files, then the options, "NAME=VALUE" or a NAME whose value is ours. */
int plan_env_add(struct arena *a, struct strv *env, struct strv files, struct strv options, struct err *e) MUST_CHECK;
/* spec_mounts.c: -v, --mount, --tmpfs, --volumes-from, --shm-size, the image's volumes (NULL-terminated paths). */
int plan_mounts(struct plan *p, const char *const *image_volumes, struct err *e) MUST_CHECK;
/* A place where each container has a mount of its own: /proc, /dev/shm, /etc/hosts… */
bool plan_is_usual(const char *target);
/* Of these, a file that the engine makes: /etc/hosts… */
bool plan_is_file(const char *target);
/* path is below folder; both cleaned. */
bool plan_is_below(const char *path, const char *folder);
/* One that may be a mount point: absolute, not over another one. option, text: for the message. */
int plan_target(const struct plan *p, const char *option, const char *text, const char *target, struct err *e) MUST_CHECK;
/* An option of a tmpfs. */
int plan_tmpfs_option(const char *name, const char *text, const char *option, struct err *e) MUST_CHECK;
/* spec_volumes.c: one -v, one --mount; there is room for it. */
int plan_volume(struct plan *p, const char *text, struct err *e) MUST_CHECK;
int plan_mount(struct plan *p, const char *text, struct err *e) MUST_CHECK;
/* spec_devices.c: --device, and every device of the host with --privileged. */
int plan_devices(struct plan *p, struct err *e) MUST_CHECK;
int plan_add_device(struct plan *p, const struct plan_device *d, struct err *e) MUST_CHECK;
/* The parts of a --device that is no name: -EINVAL, its form is wrong. */
int plan_node_parse(struct arena *a, const char *text, struct plan_node *out) MUST_CHECK;
/* spec_cdi.c: devices by name, --gpus. */
int plan_named_devices(struct plan *p, struct err *e) MUST_CHECK;
void plan_write_hooks(const struct plan *p, struct json_writer *w);
/* spec_limits.c */
int plan_limits(struct plan *p, struct err *e) MUST_CHECK;
/* spec_blkio.c: --blkio-weight and limits of devices. Which of these options was given, or NULL. */
const char *plan_blkio_given(const struct ct_options *o);
int plan_blkio(struct plan *p, struct err *e) MUST_CHECK;
void plan_write_blkio(const struct plan *p, struct json_writer *w); /* the specification's part */
void plan_show_blkio(const struct plan *p, struct json_writer *w);  /* Docker's HostConfig */
/* spec_security.c: whether the machine has SELinux, and a policy. */
bool plan_has_selinux(void);

/* spec_storage.c: --storage-opt. */
int plan_storage(struct plan *p, struct err *e) MUST_CHECK;
void plan_show_storage(const struct plan *p, struct json_writer *w); /* Docker's HostConfig */
int plan_ulimits(struct plan *p, struct err *e) MUST_CHECK; /* --ulimit alone */
/* spec_show.c: members of Docker's HostConfig. */
void plan_show_files(const struct plan *p, struct json_writer *w);
void plan_show_devices(const struct plan *p, struct json_writer *w);
void plan_show_sysctls(const struct plan *p, struct json_writer *w);
void plan_show_ulimits(const struct plan *p, struct json_writer *w);

/* spec_health.c: the image's HEALTHCHECK and --health-…; into a configuration, and its numbers into a description. */
int plan_health(struct plan *p, const struct image_config *image, struct err *e) MUST_CHECK;
void plan_write_healthcheck(const struct plan *p, struct json_writer *w);
void plan_write_health(const struct plan *p, struct json_writer *w);

/* The default mounts, the planned ones and the files the engine makes (hosts…), as the "mounts" array. */
void plan_write_mounts(const struct plan *p, const char *container_dir, const char *init_program, struct json_writer *w);
/* Those of p->binds and p->tmpfs alone, into an open array. */
void plan_write_users_mounts(const struct plan *p, struct json_writer *w);
void plan_write_resources(const struct plan *p, struct json_writer *w);
void plan_write_device_rules(const struct plan *p, struct json_writer *w);
void plan_write_devices(const struct plan *p, struct json_writer *w);

/* "a//b/../c" as "/a/c" by its text alone; NULL when path is not absolute. */
const char *plan_clean_path(struct arena *a, const char *path);
/* Splits text at `sep` into a vector. */
struct strv plan_split(struct arena *a, const char *text, char sep);
/* The value of opt when it is "KEY=…" or "KEY:…", else NULL. */
const char *plan_value_of(const char *opt, const char *key);

#endif
