/* What the files of the `tare` program share. Each command group is a file with its option tables and its functions;
 * main.c has the table of commands. */
#ifndef TARE_CMD_TARE_TARE_H
#define TARE_CMD_TARE_TARE_H

#include "cmd/cli.h"
#include "cmd/cli_topic.h"
#include "engine/container.h"
#include "engine/engine.h"
#include "engine/options.h"

extern const struct cli_program tare_program; /* main.c */

/* Options before the command. */
struct tare_global {
	const char *root, *state, *log_level;
	bool debug;
};

/* Which exit codes a command has for failures of ours (struct cli_command.id). */
enum tare_exit_style {
	EXIT_PLAIN, /* 1 */
	EXIT_RUN,   /* 125, or 126 and 127 when the container's command is at fault */
	EXIT_EXEC   /* 1, or 126 and 127 */
};

/* What an option collected, as the engine takes it. */
static inline struct strv tare_strv(const struct cli_strv *v)
{
	return (struct strv){ v->v, v->n };
}

/* Opens the engine where the command line, TARE_ROOT and TARE_STATE, or the defaults say. */
int tare_engine(const struct cli_call *call, struct engine *en, struct err *e) MUST_CHECK;
/* The same for a command that only looks at what there is, and need not find a store: it makes none (engine_look()). */
int tare_engine_to_look(const struct cli_call *call, struct engine *en, struct err *e) MUST_CHECK;
/* The same for commands that change nothing: tare-netd is not started where it should live and does not. */
int tare_engine_to_look_as_it_is(const struct cli_call *call, struct engine *en, struct err *e) MUST_CHECK;
int tare_engine_as_it_is(const struct cli_call *call, struct engine *en, struct err *e) MUST_CHECK;

/* For commands over several containers or images: does each, prints what fails as it fails, and gives 1 when any did. */
typedef int (*tare_each_fn)(const struct engine *en, const char *what, const void *data, struct err *e);
int tare_each(const struct cli_call *call, const struct engine *en, tare_each_fn fn, const void *data) MUST_CHECK;
/* The same of many at the same time, each with an engine of its own (atonce.c). The name of one that fn gives 0 for is told, in the order of the arguments. */
int tare_at_once(const struct cli_call *call, tare_each_fn fn, const void *data, struct err *e) MUST_CHECK;

/* Prints a line to standard output. */
void tare_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Prints a text; -EIO and the like are reported by exit code at the end, as echo does. */
int tare_print(const struct strbuf *text, struct err *e) MUST_CHECK;
/* Asks on standard output and reads the answer: whether it is yes. */
bool tare_confirm(const char *what);

/* images.c */
extern const struct cli_option load_options[], import_options[], images_options[], rmi_options[], history_options[];
int cmd_load(const struct cli_call *call, struct err *e);
int cmd_import(const struct cli_call *call, struct err *e);
int cmd_images(const struct cli_call *call, struct err *e);
int cmd_rmi(const struct cli_call *call, struct err *e);
int cmd_history(const struct cli_call *call, struct err *e);

/* build.c */
struct build_opts {
	const char *file, *target, *platform, *network, *iidfile, *metadata_file, *progress;
	bool no_cache, pull, quiet, push, load, squash;
	uint32_t jobs;
	struct cli_strv tags, build_args, labels, secrets, ssh, outputs, cache_from, cache_to, limits, allow, add_host, security_opt, ulimit, no_cache_filter, contexts;
	struct ct_options run;
	uint64_t cpu_shares;
	int64_t cpu_quota, cpu_period;
};
struct builder_prune_opts {
	bool all, force;
	uint64_t keep;
	struct cli_strv filters;
};
extern const struct cli_option build_options[];
int cmd_build(const struct cli_call *call, struct err *e);
int cmd_agent(const struct cli_call *call, struct err *e);
int cmd_confined(const struct cli_call *call, struct err *e);
/* builder.c */
extern const struct cli_option builder_prune_options[], builder_du_options[];
int cmd_builder_du(const struct cli_call *call, struct err *e);
int cmd_builder_prune(const struct cli_call *call, struct err *e);
/* The part of `tare system prune` (call's options are system_opts): what no image uses, with --all everything; *freed bytes. */
int tare_prune_cache(const struct engine *en, const struct cli_call *call, uint64_t *freed, struct err *e) MUST_CHECK;

/* pull.c */
struct pull_opts {
	const char *platform, *progress;
	bool quiet, all_tags;
	struct cli_strv limits;
};
extern const struct cli_option pull_options[];
/* Before a container is made: fetches its image where that is called for. */
struct image_need {
	const char *pull;     /* "missing" (NULL), "always", "never" */
	const char *platform; /* NULL: any */
	bool quiet;
};
int tare_need_image(const struct cli_call *call, const struct engine *en, const char *image, const struct image_need *need,
		    struct err *e) MUST_CHECK;
/* The same of the images that texts of --mount name, of any platform. */
struct strv;
int tare_need_mounted(const struct cli_call *call, const struct engine *en, struct strv mounts, const struct image_need *need, struct err *e) MUST_CHECK;
/* For commands that take --platform of an image that is here: there is one of it, and it must be for that platform. NULL: any will do. */
int tare_check_platform(const struct cli_call *call, const struct engine *en, const char *what, const char *platform, struct err *e) MUST_CHECK;
int cmd_pull(const struct cli_call *call, struct err *e);

/* push.c */
struct push_opts {
	const char *platform, *progress;
	bool quiet, all_tags;
};
extern const struct cli_option push_options[];
int cmd_push(const struct cli_call *call, struct err *e);
struct pushed;
/* One name, its progress shown as progress says ("auto", "plain"…; NULL: auto) unless quiet. */
int tare_push(const struct cli_call *call, const struct engine *en, const struct push_opts *opts, const char *what, struct pushed *done,
	      struct err *e) MUST_CHECK;
int cmd_tag(const struct cli_call *call, struct err *e);

/* copy.c */
struct copy_opts {
	const char *platform, *progress;
	bool referrers, quiet;
};
extern const struct cli_option copy_options[];
int cmd_image_copy(const struct cli_call *call, struct err *e);

/* search.c */
struct search_opts {
	const char *format;
	uint32_t limit;
	bool no_trunc;
	struct cli_strv filters;
};
extern const struct cli_option search_options[];
extern const struct search_opts search_defaults;
int cmd_search(const struct cli_call *call, struct err *e);

/* login.c */
struct login_opts {
	const char *user, *password;
	bool from_stdin, get;
};
extern const struct cli_option login_options[];
int cmd_login(const struct cli_call *call, struct err *e);
int cmd_logout(const struct cli_call *call, struct err *e);
/* commit.c */
struct commit_opts {
	const char *author, *message;
	bool pause;
	struct cli_strv changes;
};
extern const struct cli_option commit_options[], export_options[];
extern const struct commit_opts commit_defaults;
int cmd_commit(const struct cli_call *call, struct err *e);
int cmd_export(const struct cli_call *call, struct err *e);
/* stats.c */
extern const struct cli_option stats_options[];
int cmd_stats(const struct cli_call *call, struct err *e);
/* cp.c */
struct cp_opts {
	bool archive, follow, quiet;
};
extern const struct cli_option cp_options[];
int cmd_cp(const struct cli_call *call, struct err *e);
/* keep.c */
typedef int (*tare_write_fn)(const struct cli_call *call, int fd, struct err *e);
/* An archive that write writes: into a file, which appears when it is whole; path NULL or "-": to standard output, which must be no terminal. */
int tare_output(const struct cli_call *call, const char *path, tare_write_fn write, struct err *e) MUST_CHECK;
struct save_opts {
	const char *output, *format, *platform;
};
struct tree_opts {
	bool referrers;
};
extern const struct cli_option tree_options[];
struct verify_opts {
	bool all, repair, quiet;
};
extern const struct cli_option save_options[], verify_options[], image_prune_options[];
int cmd_save(const struct cli_call *call, struct err *e);
int cmd_verify(const struct cli_call *call, struct err *e);
int cmd_image_prune(const struct cli_call *call, struct err *e);
int cmd_image_tree(const struct cli_call *call, struct err *e);

/* look.c */
struct diff_opts {
	const char *format;
};
struct umount_opts {
	bool all, force;
};
struct change;
extern const struct cli_option diff_options[], image_mount_options[], image_umount_options[];
/* As `docker diff` writes them, or (format "json") an object a line. */
int tare_print_changes(const struct change *v, size_t n, const char *format, struct err *e) MUST_CHECK;
int cmd_diff(const struct cli_call *call, struct err *e);
int cmd_image_export(const struct cli_call *call, struct err *e);
int cmd_image_diff(const struct cli_call *call, struct err *e);
int cmd_image_mount(const struct cli_call *call, struct err *e);
int cmd_image_umount(const struct cli_call *call, struct err *e);

/* The structs behind the option tables: their sizes and defaults are needed in main.c. */
struct load_opts {
	const char *input, *platform;
	bool quiet;
	struct cli_strv limits;
};
struct import_opts {
	const char *message, *platform;
	struct cli_strv limits, changes;
};
struct list_opts {
	bool all, quiet, no_trunc, digests, latest, size, once, human;
	int64_t last;
	const char *format, *columns, *platform;
	struct cli_strv filters;
};
struct rmi_opts {
	bool force;
	const char *platform;
};

/* run.c */
struct run_opts {
	struct ct_options ct; /* the plain strings and flags go straight there */
	bool detach, interactive, sig_proxy;
	const char *cidfile, *detach_keys, *runtime, *isolation;
	struct image_need need;
	struct cli_strv attach, env, env_file, label, group_add, volume, mount, volumes_from, tmpfs, device, gpus, cap_add, cap_drop, security_opt, sysctl,
		ulimit, storage_opt, log_opt, network, network_alias, link, link_local, publish, expose, add_host, dns, dns_search, dns_option;
	struct cli_strv annotation, label_file, device_rule, io[CT_IO_KINDS];
	uint32_t preserve_fds;
	int64_t stop_timeout, pids_limit, oom_score_adj, cpu_quota, cpu_period;
	int64_t memory_swappiness, cpu_rt_period, cpu_rt_runtime;
	uint64_t cpu_shares;
};
extern const struct cli_option run_options[], create_options[];
extern const struct run_opts run_defaults;
int cmd_run(const struct cli_call *call, struct err *e);
int cmd_create(const struct cli_call *call, struct err *e);

/* life.c */
struct start_opts {
	bool attach, interactive, all_enabled;
	const char *detach_keys;
};
struct stop_opts {
	int64_t timeout;
	const char *signal;
	bool for_shutdown;
};
struct rm_opts {
	bool force, volumes, link;
};
struct wait_opts {
	const char *condition;
};
extern const struct cli_option start_options[], stop_options[], restart_options[], kill_options[], wait_options[], rm_options[];
extern const struct stop_opts stop_defaults;
int cmd_start(const struct cli_call *call, struct err *e);
int cmd_stop(const struct cli_call *call, struct err *e);
int cmd_restart(const struct cli_call *call, struct err *e);
int cmd_kill(const struct cli_call *call, struct err *e);
int cmd_wait(const struct cli_call *call, struct err *e);
int cmd_rm(const struct cli_call *call, struct err *e);
int cmd_rename(const struct cli_call *call, struct err *e);
int cmd_pause(const struct cli_call *call, struct err *e);
int cmd_unpause(const struct cli_call *call, struct err *e);

/* ps.c */
extern const struct cli_option ps_options[], top_options[];
extern const struct list_opts list_defaults;
/* The call's options; where nothing is said of a format, and not --quiet, with the one that Docker's client has under that key in its settings. */
const struct list_opts *tare_list_opts(const struct cli_call *call, const char *key);
int cmd_ps(const struct cli_call *call, struct err *e);
/* Every container with its size, as `ps -as` has them. */
struct table;
int ps_list(const struct engine *en, struct arena *a, struct table *out, struct err *e) MUST_CHECK;
int cmd_top(const struct cli_call *call, struct err *e);

/* ports.c */
int cmd_port(const struct cli_call *call, struct err *e);

/* network.c */
struct network_opts {
	const char *driver, *scope, *ipam_driver;
	bool internal, ipv4, ipv6, attachable;
	struct cli_strv subnets, gateways, ip_ranges, aux, labels, options, ipam_options;
};
struct network_connect_opts {
	const char *ip, *ip6, *mac_address, *gw_priority;
	struct cli_strv aliases, links, link_local, driver_opts;
};
extern const struct cli_option network_create_options[], network_connect_options[], network_disconnect_options[], network_inspect_options[], network_ls_options[], network_rm_options[], network_prune_options[];
extern const struct network_opts network_create_defaults;
int cmd_network_create(const struct cli_call *call, struct err *e);
int cmd_network_ls(const struct cli_call *call, struct err *e);
int cmd_network_inspect(const struct cli_call *call, struct err *e);
int cmd_network_connect(const struct cli_call *call, struct err *e);
int cmd_network_disconnect(const struct cli_call *call, struct err *e);
int cmd_network_rm(const struct cli_call *call, struct err *e);
int cmd_network_prune(const struct cli_call *call, struct err *e);

/* update.c */
struct update_opts {
	const char *restart;
	struct ct_options limits;
	int64_t pids_limit, cpu_quota, cpu_period, cpu_rt_period, cpu_rt_runtime; /* INT64_MIN: not given */
	uint64_t cpu_shares;
	struct cli_strv publish_add, publish_rm, mount_add, mount_rm;
};
extern const struct cli_option update_options[];
extern const struct update_opts update_defaults;
int cmd_update(const struct cli_call *call, struct err *e);

/* volume.c */
struct volume_opts {
	const char *driver;
	struct cli_strv labels, options;
};
extern const struct cli_option volume_create_options[], volume_ls_options[], volume_inspect_options[], volume_rm_options[], volume_prune_options[], volume_import_options[];
int cmd_volume_create(const struct cli_call *call, struct err *e);
int cmd_volume_ls(const struct cli_call *call, struct err *e);
int cmd_volume_inspect(const struct cli_call *call, struct err *e);
int cmd_volume_rm(const struct cli_call *call, struct err *e);
int cmd_volume_prune(const struct cli_call *call, struct err *e);
int cmd_volume_export(const struct cli_call *call, struct err *e);
int cmd_volume_import(const struct cli_call *call, struct err *e);

/* network_cni.c */
int cmd_cni_check(const struct cli_call *call, struct err *e);
int cmd_cni_status(const struct cli_call *call, struct err *e);
int cmd_cni_gc(const struct cli_call *call, struct err *e);
int cmd_cni_version(const struct cli_call *call, struct err *e);

/* events.c */
struct events_opts {
	const char *since, *until, *format;
	struct cli_strv filters;
};
extern const struct cli_option events_options[];
int cmd_events(const struct cli_call *call, struct err *e);

/* logs.c */
struct logs_opts {
	bool follow, timestamps, details;
	const char *tail, *since, *until;
};
extern const struct cli_option logs_options[];
int cmd_logs(const struct cli_call *call, struct err *e);

/* exec.c */
struct exec_opts {
	bool interactive, tty, detach, privileged;
	const char *user, *workdir, *detach_keys;
	uint32_t preserve_fds;
	struct cli_strv env, env_file;
};
struct attach_opts {
	bool no_stdin, sig_proxy;
	const char *detach_keys;
};
extern const struct cli_option exec_options[], attach_options[];
extern const struct attach_opts attach_defaults;
int cmd_exec(const struct cli_call *call, struct err *e);
int cmd_attach(const struct cli_call *call, struct err *e);

/* inspect.c */
struct inspect_opts {
	const char *type, *format, *platform;
	bool size;
};
extern const struct cli_option inspect_options[];
int cmd_inspect(const struct cli_call *call, struct err *e);

/* gc.c */
struct gc_opts {
	const char *until, *keep_free;
	uint64_t keep_storage;
	bool containers, all, quiet;
};
struct record;
struct json;
extern const struct cli_option container_prune_options[], gc_options[];
extern const struct gc_opts gc_defaults;
/* Whether a container passes the --filter of a prune command: data is its call, whose options are system_opts. */
int tare_prune_passes(const struct record *rec, const struct json *labels, void *data, struct err *e) MUST_CHECK;
int cmd_container_prune(const struct cli_call *call, struct err *e);
int cmd_gc(const struct cli_call *call, struct err *e);

/* system.c */
struct system_opts {
	const char *format;
	bool force, all, verbose, volumes;
	struct cli_strv filters;
};
extern const struct cli_option info_options[], check_options[], df_options[], prune_options[], version_options[];
int cmd_info(const struct cli_call *call, struct err *e);
int cmd_check(const struct cli_call *call, struct err *e);
int cmd_df(const struct cli_call *call, struct err *e);
int cmd_prune(const struct cli_call *call, struct err *e);
int cmd_version(const struct cli_call *call, struct err *e);
int cmd_compress(const struct cli_call *call, struct err *e);
int cmd_connect(const struct cli_call *call, struct err *e);
int cmd_health(const struct cli_call *call, struct err *e);
int cmd_revive(const struct cli_call *call, struct err *e);
int cmd_halt(const struct cli_call *call, struct err *e);
int cmd_exited(const struct cli_call *call, struct err *e);
int cmd_freeze(const struct cli_call *call, struct err *e);
int cmd_heal(const struct cli_call *call, struct err *e);

/* service.c; its options are tared's */
int cmd_service(const struct cli_call *call, struct err *e);

/* migrate.c */
struct migrate_opts {
	const char *host, *docker_root;
	bool dry_run, force;
	struct cli_strv limits;
};
extern const struct cli_option migrate_options[];
int cmd_migrate(const struct cli_call *call, struct err *e);

/* dial.c */
struct dial_opts {
	const char *host;
};
extern const struct cli_option dial_options[];
int cmd_dial(const struct cli_call *call, struct err *e);

/* help.c; the topics are made of man/topics by tools/embed */
extern const struct cli_topic tare_topics[];
#define TARE_TOPICS "config|devices|exit-status|filters|formats|mounts|networking|rootless|services|templates"
int cmd_help(const struct cli_call *call, struct err *e);

/* complete.c */
int cmd_complete(const struct cli_call *call, struct err *e);
int cmd_completion(const struct cli_call *call, struct err *e);
int cmd_man(const struct cli_call *call, struct err *e);

#endif
