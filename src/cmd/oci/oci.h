/* What the commands of tare-oci share. */
#ifndef TARE_CMD_OCI_OCI_H
#define TARE_CMD_OCI_OCI_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "cmd/cli.h"
#include "oci/spec.h"
#include "runtime/checkpoint.h"
#include "runtime/record.h"
#include "runtime/runtime.h"
#include "runtime/unit.h"
#include "sys/cgroup_usage.h"

/* Options in front of the command. */
struct oci_globals {
	bool debug;
	const char *log, *log_format;
	const char *log_level;
	const char *root; /* NULL: the default */
	const char *rootless;
	bool systemd_cgroup;
	const char *cgroup_manager; /* NULL: the default */
	const char *criu;           /* the program; a name without a slash is looked up in PATH */
};

/* create and run. */
struct oci_create_opts {
	const char *bundle, *config, *console_socket, *pidfd_socket, *pid_file;
	bool no_pivot, no_new_keyring;
	uint32_t preserve_fds;
	bool detach, keep, no_subreaper; /* run */
};

int cmd_create(const struct cli_call *call, struct err *e);
int cmd_run(const struct cli_call *call, struct err *e);
int cmd_start(const struct cli_call *call, struct err *e);

struct oci_exec_user {
	bool given, has_gid;
	uint32_t uid, gid;
};

struct oci_exec_opts {
	const char *console_socket, *pidfd_socket, *cwd, *process, *pid_file, *process_label, *apparmor;
	struct cli_strv env, cap, gids, cgroups;
	struct oci_exec_user user;
	bool tty, detach, no_new_privs, ignore_paused;
	uint32_t preserve_fds;
};
int cmd_exec(const struct cli_call *call, struct err *e);
extern const struct cli_option oci_exec_options[];

/* A number that may be absent, which 0 is not. */
struct oci_number {
	bool given;
	int64_t value;
};

struct oci_update_opts {
	const char *resources;
	struct oci_number blkio_weight, cpu_period, cpu_quota, cpu_burst, cpu_shares, cpu_rt_period, cpu_rt_runtime, cpu_idle;
	struct oci_number memory, memory_reservation, memory_swap, pids_limit;
	const char *cpuset_cpus, *cpuset_mems;
	const char *l3, *mb; /* lines of resctrl's schemata */
	struct cli_strv device_add, device_rm;
};
int cmd_update(const struct cli_call *call, struct err *e);
extern const struct cli_option oci_update_options[];

struct oci_events_opts {
	int64_t interval; /* nanoseconds */
	bool stats;
};
int cmd_events(const struct cli_call *call, struct err *e);

int cmd_mounts_add(const struct cli_call *call, struct err *e);
int cmd_mounts_remove(const struct cli_call *call, struct err *e);

/* checkpoint and restore: what CRIU is to be told (checkpoint.c). */
struct oci_criu_opts {
	struct criu_options criu; /* the flags go right there */
	const char *image_path, *work_path, *cgroups_mode, *network_lock;
	struct cli_strv empty_ns;
};
extern const struct cli_option oci_criu_options[];

struct oci_checkpoint_opts {
	struct oci_criu_opts c;
	const char *parent_path;
	int64_t status_fd; /* -1 = none */
	bool pre_dump;
};
int cmd_checkpoint(const struct cli_call *call, struct err *e);
extern const struct cli_option oci_checkpoint_options[];
extern const struct oci_checkpoint_opts oci_checkpoint_defaults;

struct oci_restore_opts {
	struct oci_create_opts create;
	struct oci_criu_opts c;
};
int cmd_restore(const struct cli_call *call, struct err *e);
extern const struct cli_option oci_restore_options[];

int cmd_state(const struct cli_call *call, struct err *e);
int cmd_kill(const struct cli_call *call, struct err *e);
int cmd_delete(const struct cli_call *call, struct err *e);
int cmd_pause(const struct cli_call *call, struct err *e);
int cmd_resume(const struct cli_call *call, struct err *e);
int cmd_wait(const struct cli_call *call, struct err *e);
/* complete.c */
extern const struct cli_program oci_program; /* main.c */
int cmd_complete(const struct cli_call *call, struct err *e);
int cmd_man(const struct cli_call *call, struct err *e);

int cmd_list(const struct cli_call *call, struct err *e);
int cmd_ps(const struct cli_call *call, struct err *e);

struct oci_spec_opts {
	const char *bundle, *config;
	bool rootless;
};
int cmd_spec(const struct cli_call *call, struct err *e);
int cmd_features(const struct cli_call *call, struct err *e);

/* kill -a, delete -f */
struct oci_force_opts {
	bool force, regex;
};

/* list, ps */
struct oci_format_opts {
	const char *format;
	bool quiet;
};

/* ---- common.c ---- */

/* Runs argv[0], found in PATH, with stdin from in (-1: /dev/null) and our stderr (quiet: /dev/null), and waits: what it prints, at most max bytes, in
 * *out (free()), and its *status as waitpid's. ERR_UNSUPPORTED without the program. */
int oci_output_of(const char *const *argv, int in, bool quiet, size_t max, char **out, int *status, struct err *e) MUST_CHECK;

/* The names of the folders of root, sorted, in the arena. An absent default root has none. */
int oci_container_ids(const struct cli_call *call, const char *root, const char ***out, size_t *n, struct err *e) MUST_CHECK;

/* Calls one for every container whose id, then call's first argument, matches the extended regular expression (regex(7)) that is it now. What
 * fails is logged and does not keep the others from it; then ERR_CONFLICT. No match is no error. */
int oci_for_matching(const struct cli_call *call, int (*one)(const struct cli_call *, struct err *), struct err *e) MUST_CHECK;

/* The state folder: --root, or the default of who we are: below XDG_RUNTIME_DIR for a user, and for the root of a user
 * namespace that does not call itself so ($USER). */
const char *oci_root(const struct cli_call *call);
/* The default below XDG_RUNTIME_DIR, made; with the sticky bit, which keeps what is in there from being tidied away. */
int oci_make_root(const struct cli_call *call, struct err *e) MUST_CHECK;

/* --rootless: whether rights over cgroups may be missing. By itself for everybody but the machine's root. */
bool oci_rootless(const struct oci_globals *g);

struct oci_container {
	struct rt_record_dir dir;
	struct rt_record rec; /* in the call's arena */
	enum rt_status status;
};
#define OCI_CONTAINER_INIT { .dir = RT_RECORD_DIR_INIT }
void oci_container_close(struct oci_container *c);
#define CLEANUP_CONTAINER CLEANUP(oci_container_close)

/* The container args[0] names, with record and status; locked against other commands when lock is set. */
int oci_open(const struct cli_call *call, bool lock, struct oci_container *c, struct err *e) MUST_CHECK;

/* A JSON file, or "-" for standard input, into the call's arena. */
int oci_read_json(const struct cli_call *call, const char *path, const struct json **out, struct err *e) MUST_CHECK;

/* What live changes need to know of a container; ERR_BUSY unless it is created, running or paused. spec: see oci_load_spec(). */
struct rt_live;
int oci_live(const struct oci_container *c, const struct oci_spec *spec, struct rt_live *out, struct err *e) MUST_CHECK;

/* The path of the folder of its state. */
const char *oci_state_folder(const struct cli_call *call, const struct oci_container *c);

/* The specification of a container that exists, as it was when it was made. */
int oci_load_spec(const struct cli_call *call, const struct rt_record *rec, const struct oci_spec **out,
		  struct err *e) MUST_CHECK;

/* Before anything is done for a container of this specification: runs us from a sealed copy of the program file where
 * its processes could otherwise write to it. Does not return when that was still to be done: the command begins anew.
 * main() has done it already where it could (then nothing is read twice); else this tells whether that matters. */
int oci_seal(const struct oci_spec *spec, struct err *e) MUST_CHECK;

/* Opens the folder of path and copies its last component. */
int oci_parent(const char *path, char name[NAME_MAX + 1], struct err *e) MUST_CHECK;

/* Connects to a unix socket of this type (SOCK_STREAM…) at a path. */
int oci_connect(const char *path, int type, struct err *e) MUST_CHECK;

/* Writes pid there, whole or not at all. */
int oci_write_pid_file(const char *path, pid_t pid, struct err *e) MUST_CHECK;

/* The master of a terminal, with the name of its slave, over a console socket. */
int oci_send_console(int sock, int master, struct err *e) MUST_CHECK;
/* A pidfd, with what it is of ("standard", "setns"), over a pidfd socket. */
int oci_send_pidfd(int sock, int pidfd, const char *what, struct err *e) MUST_CHECK;

/* A detached process with a terminal needs a console socket, and only that. */
int oci_check_terminal(bool terminal, bool detach, const char *console_socket, struct err *e) MUST_CHECK;
/* The n descriptors from first on that are to be kept must have been handed to us. */
int oci_check_preserved(unsigned int first, uint32_t n, struct err *e) MUST_CHECK;

int oci_print(const struct strbuf *text, struct err *e) MUST_CHECK;

/* SIGKILL by the record, then waits (bounded) until it is gone. */
int oci_kill_and_wait(const struct rt_record *rec, struct err *e) MUST_CHECK;

/* Poststop hooks, cgroup, state: what delete does to a container that has ended. The folder must be locked. */
int oci_destroy(const struct cli_call *call, struct oci_container *c, struct err *e) MUST_CHECK;

/* ---- cgroup.c ---- */

/* Where the container's cgroup is to be, from the options and linux.cgroupsPath: sets the record's cgroup, or *unit.
 * Neither (unit->name NULL) where it is to have none, which is an error when there are limits. For a unit *spec becomes
 * one with a CPU quota that systemd can keep. */
int oci_plan_cgroup(const struct cli_call *call, const struct oci_spec **spec, struct rt_record *rec,
		    struct rt_unit *unit, struct err *e) MUST_CHECK;
/* Starts the unit, if there is to be one, and sets the record's unit and cgroup: not before, for until there is more in
 * it than our helper the unit ends with us, and one of the same name may be somebody else's. scope is to be released when the container's
 * process is in. */
int oci_start_unit(const struct cli_call *call, const struct oci_spec *spec, struct rt_record *rec,
		   const struct rt_unit *unit, struct rt_scope *scope, struct err *e) MUST_CHECK;
/* New limits for a running container, in systemd first where it has a unit, then in the kernel. */
int oci_set_limits(const struct rt_record *rec, const struct cg_resources *r, struct err *e) MUST_CHECK;
/* Kills what is in the container's cgroup, stops its unit, removes the cgroup. */
int oci_clear_cgroup(const struct rt_record *rec, struct err *e) MUST_CHECK;

/* ---- devices.c ---- */

/* update's --device-add and --device-rm, if any: nodes, rules and record, all of them or none. */
int oci_change_devices(const struct cli_call *call, const struct oci_update_opts *o, struct oci_container *c,
		       struct err *e) MUST_CHECK;
/* oci_set_limits(); device rules among them are the container's own from now on, those of added devices stay behind them. */
int oci_change_limits(const struct cli_call *call, struct oci_container *c, const struct cg_resources *r,
		      struct err *e) MUST_CHECK;

/* ---- checkpoint.c ---- */

/* The folders that checkpoint and restore work with, open. */
struct oci_images {
	struct criu_options options; /* as given, with what the other options come to */
	int images, work;
	const char *folder, *log_folder; /* of images, of work */
};
#define OCI_IMAGES_INIT { .images = -1, .work = -1 }
void oci_images_close(struct oci_images *im);
#define CLEANUP_IMAGES CLEANUP(oci_images_close)
/* make: the folder of the images may be missing, and is made. */
int oci_images_open(const struct oci_criu_opts *o, bool make, struct oci_images *out, struct err *e) MUST_CHECK;

/* ---- events_stats.c ---- */

/* What a container uses as one JSON object: the data of a "stats" event. rdt NULL: it has no linux.intelRdt. */
void oci_write_stats(struct json_writer *w, const char *key, const struct cg_usage *u, const struct rdt_usage *rdt);

/* ---- foreground.c ---- */

/* Blocks what oci_foreground() will forward; to be called before the container's process is made. */
void oci_block_signals(bool subreaper);
/* The process as it was given, but with the size of our terminal unless it asks for one: it must see the size from its
 * first instruction on. In the arena. */
const struct oci_process *oci_with_size(struct arena *a, const struct oci_process *p);
/* Prints what is in its terminal: what a hook that failed had to say. */
void oci_last_words(const struct rt_process *p);
/* Stays with a child of ours until it ends: forwards signals, carries its terminal, reaps. *code: its exit code.
 * notify: a socket of oci_notify_listen(), whose readiness goes on meanwhile; -1 = none. */
int oci_foreground(struct rt_process *p, int notify, int *code, struct err *e) MUST_CHECK;

/* ---- notify.c: NOTIFY_SOCKET ---- */

/* With NOTIFY_SOCKET in our environment: makes the folder in the container's state in which the socket will be, and gives
 * the specification with a mount of it and the variable in the process's environment (in the arena). *folder: to be
 * kept open while the container is made. Without one: *spec stays. */
int oci_notify_plan(struct arena *a, const struct rt_record_dir *d, const struct oci_spec **spec, int *folder,
		    struct err *e) MUST_CHECK;
/* The specification as create had it: with the mount, if there was one (its source is not named). */
int oci_notify_mounted(struct arena *a, const struct rt_record_dir *d, const struct oci_spec **spec,
		       struct err *e) MUST_CHECK;
/* The socket in it; -1 when there is nobody to tell, or the container was created without one. Before start. */
int oci_notify_listen(const struct rt_record_dir *d, int *sock, struct err *e) MUST_CHECK;
/* Reads one message. When it says READY=1 passes that on, with the main process (0: we stay that), and gives 1. */
int oci_notify_pass(int sock, pid_t main, struct err *e) MUST_CHECK;
/* Until it is ready, or ends: to be called where we are about to go. Returns only when the manager has heard it. */
int oci_notify_wait(int sock, pid_t pid, struct err *e) MUST_CHECK;

#endif
