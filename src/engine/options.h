/* What a user asked for when making a container: the texts of `tare run`'s options, not yet judged. engine/spec.h turns
 * them, with the image's configuration, into an OCI specification and refuses what is wrong, naming the option. */
#ifndef TARE_ENGINE_OPTIONS_H
#define TARE_ENGINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct strv {
	const char *const *v;
	size_t n;
};

/* A container's place in one network. */
struct ct_network {
	const char *name;
	const char *ip, *ip6, *mac_address; /* NULL: chosen */
	struct strv aliases;          /* names it has there beside its own */
	struct strv links;            /* CONTAINER[:ALIAS] (links.h) */
	const char *gw_priority;      /* these three: placeopts.h */
	struct strv link_local, driver_opts;
	bool any_opts;                /* driver_opts that nobody knows are kept and shown, which is what Docker does with all that its driver does not read */
};

/* A step of a build (engine/step.h): what it runs on instead of an image, and where what it writes goes. */
struct image_config;
struct ct_step {
	const char *const *chains; /* topmost first; none: an empty root */
	size_t n_chains;
	uint32_t max_id;                   /* highest uid or gid in them */
	const struct image_config *config; /* as far as the step has it */
	const char *base; /* absolute; has empty/, upper/ and work/, which belong to the store's root as layers do */
};

/* What single devices are limited in: --blkio-weight-device, --device-read-bps and so on. */
enum ct_io { CT_IO_WEIGHT, CT_IO_READ_BPS, CT_IO_WRITE_BPS, CT_IO_READ_IOPS, CT_IO_WRITE_IOPS, CT_IO_KINDS };

/* NULL, empty and 0 mean: not given; the image or a default decides. */
struct ct_options {
	const char *name;
	const char *image;  /* reference; NULL with rootfs */
	const char *rootfs; /* a plain folder instead of an image */
	const struct ct_step *step; /* instead of both; image is then a text for people */
	struct strv args;   /* the command line behind the image */
	const char *entrypoint; /* "" clears the image's */
	struct strv entrypoint_args; /* its words behind the first */
	bool no_entrypoint; /* clears the image's and leaves its command, which entrypoint "" does not */
	bool tty, open_stdin, rm, read_only, privileged, init;
	const char *runtime, *isolation; /* as somebody asked for them, for inspect to show: there is one of each; NULL: nobody did */
	const char *profile; /* NULL: the defaults of docs/security.md; "docker": Docker's, where those differ */
	bool attach_stdin, attach_stdout, attach_stderr; /* what its first client wanted; for people */
	const char *id_file; /* where its id was written; for people */
	bool stdin_once; /* the first client's end of input is the container's */

	struct strv env, env_files, labels, label_files, annotations;
	struct strv default_env; /* NAME=VALUE over the image's; env_files and env go over it */
	const char *workdir, *user, *hostname, *domainname;
	struct strv group_add;
	const char *stop_signal, *restart;
	const int64_t *stop_timeout; /* seconds, -1 = for ever */

	struct strv volumes, mounts, volumes_from, tmpfs, device_rules;
	const char *volume_driver;
	const char *here; /* what a source of --mount that begins with "." is below */
	struct strv devices;        /* nodes, and names of CDI */
	struct strv gpus;
	struct strv device_folders; /* where CDI's files are; none: the usual ones */
	const char *shm_size;

	const char *ip, *ip6, *mac_address, *userns, *pid, *ipc, *uts, *cgroupns;
	struct strv networks, network_aliases, links, link_local, publish, expose, add_host, dns, dns_search, dns_option;
	bool publish_all;
	struct strv cap_add, cap_drop, security_opt, sysctls;
	const struct strv *masked_paths, *readonly_paths; /* NULL: the usual ones, or none by another option */

	const char *memory, *memory_swap, *memory_reservation, *cpus, *cpuset_cpus, *cpuset_mems;
	const uint64_t *cpu_shares;
	const int64_t *cpu_quota, *cpu_period; /* microseconds */
	const int64_t *cpu_rt_period, *cpu_rt_runtime; /* microseconds */
	const int64_t *pids_limit, *oom_score_adj;
	const int64_t *memory_swappiness; /* -1 = not given */
	bool oom_kill_disable;
	uint64_t blkio_weight;
	struct strv io[CT_IO_KINDS];
	struct strv ulimits;
	struct strv storage_opts;
	const char *cgroup_parent;
	const char *cgroups;  /* "enabled" (NULL), "disabled", "no-conmon", "split" */
	const char *sdnotify; /* "container" (NULL), "conmon", "ignore", "healthy" */

	const char *health_cmd;
	struct strv health_test; /* the same as an image has it: "CMD-SHELL", "CMD" or "NONE", and words */
	int64_t health_interval, health_timeout, health_start_period, health_start_interval; /* ns */
	int64_t health_retries;
	bool no_healthcheck;

	const char *log_driver;
	struct strv log_opts;
	/* Writes a template of --log-opt tag=, applied to doc, onto out; NULL: there are none. */
	int (*apply_template)(struct arena *a, const char *text, const struct json *doc, struct strbuf *out, struct err *e);
};

#endif
