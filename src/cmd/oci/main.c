/* tare-oci: an OCI runtime with runc's command line. https://github.com/opencontainers/runtime-spec, runtime.md
 *
 * Its callers (containerd's shim, conmon, docker) run one command after the other, each a process of its own: all
 * they share is ROOT/ID (runtime/record.h). create leaves the container's init waiting at exec.fifo and goes away;
 * start opens it. Failures are told in one line in the log (--log, as text or JSON that the callers parse) and on
 * stderr; the exit code is 1, 255 from exec, or the process's own from run and exec. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/defence.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/oci/oci.h"
#include "oci/state.h"
#include "runtime/seal.h"
#include "sys/sock.h"

#define GLOBAL(m) offsetof(struct oci_globals, m)
static const struct cli_option global_options[] = {
	{ "debug", 0, NULL, CLI_FLAG, "log what is done, too", GLOBAL(debug) },
	{ "log", 0, "FILE", CLI_STR, "append the log to FILE or file:FILE (default: stderr), or send it to journald:NAME or syslog:NAME",
	  GLOBAL(log) },
	{ "log-format", 0, "FORMAT", CLI_STR, "text or json", GLOBAL(log_format), .choices = "text|json" },
	{ "log-level", 0, "LEVEL", CLI_STR, "what is logged: error, warning, info or debug", GLOBAL(log_level),
	  .choices = "error|warning|info|debug" },
	{ "root", 0, "DIR", CLI_STR, "where the state of containers is kept", GLOBAL(root) },
	{ "rootless", 0, "BOOL", CLI_STR, "do without rights over cgroups: true, false or auto", GLOBAL(rootless),
	  .choices = "true|false|auto" },
	{ "systemd-cgroup", 0, NULL, CLI_FLAG, "as --cgroup-manager=systemd", GLOBAL(systemd_cgroup) },
	{ "cgroup-manager", 0, "NAME", CLI_STR, "who makes the cgroup: cgroupfs (us), systemd, or disabled (nobody)",
	  GLOBAL(cgroup_manager), .choices = "cgroupfs|systemd|disabled" },
	{ "criu", 0, "PATH", CLI_STR, "the CRIU program, for checkpoint and restore (default: criu, from PATH)", GLOBAL(criu) },
	{ 0 },
};
static const struct oci_globals global_defaults = { .log_format = "text", .log_level = "info", .rootless = "auto", .criu = "criu" };

#define CREATE(m) offsetof(struct oci_create_opts, m)
static const struct cli_option create_options[] = {
	{ "bundle", 'b', "DIR", CLI_STR, "the bundle (default: the current folder)", CREATE(bundle) },
	{ "config", 'f', "FILE", CLI_STR, "the configuration, from the bundle (default: config.json)", CREATE(config) },
	{ "console-socket", 0, "SOCKET", CLI_STR, "send the master of the terminal there", CREATE(console_socket) },
	{ "pidfd-socket", 0, "SOCKET", CLI_STR, "send a pidfd of the process there", CREATE(pidfd_socket) },
	{ "pid-file", 0, "FILE", CLI_STR, "write the pid of the process there", CREATE(pid_file) },
	{ "no-pivot", 0, NULL, CLI_FLAG, "chroot instead of pivot_root, for a root on the initramfs", CREATE(no_pivot) },
	{ "no-new-keyring", 0, NULL, CLI_FLAG, "keep the caller's session keyring", CREATE(no_new_keyring) },
	{ "preserve-fds", 0, "N", CLI_U32, "pass N more descriptors behind stdio and LISTEN_FDS", CREATE(preserve_fds) },
	{ 0 },
};

static const struct cli_option run_options[] = {
	{ .kind = CLI_GROUP, .group = create_options },
	{ "detach", 'd', NULL, CLI_FLAG, "do not stay with the container", CREATE(detach) },
	{ "keep", 0, NULL, CLI_FLAG, "do not delete the container after it exits", CREATE(keep) },
	{ "no-subreaper", 0, NULL, CLI_FLAG, "do not adopt the container's orphans", CREATE(no_subreaper) },
	{ 0 },
};

static const struct cli_option regex_option[] = {
	{ "regex", 'r', NULL, CLI_FLAG, "CONTAINER is an extended regular expression: all whose ids match",
	  offsetof(struct oci_force_opts, regex) },
	{ 0 },
};

static const struct cli_option kill_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "signal every process of the container", offsetof(struct oci_force_opts, force) },
	{ .kind = CLI_GROUP, .group = regex_option },
	{ 0 },
};

static const struct cli_option delete_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "kill it first when it runs; no error when there is none",
	  offsetof(struct oci_force_opts, force) },
	{ .kind = CLI_GROUP, .group = regex_option },
	{ 0 },
};

static const struct cli_option ps_options[] = {
	{ "format", 'f', "FORMAT", CLI_STR, "table or json", offsetof(struct oci_format_opts, format),
	  .choices = "table|json" },
	{ 0 },
};
static const struct cli_option list_options[] = {
	{ .kind = CLI_GROUP, .group = ps_options },
	{ "quiet", 'q', NULL, CLI_FLAG, "ids only", offsetof(struct oci_format_opts, quiet) },
	{ 0 },
};
static const struct oci_format_opts format_defaults = { .format = "table" };

static const struct cli_option spec_options[] = {
	{ "bundle", 'b', "DIR", CLI_STR, "where to put config.json (default: the current folder)",
	  offsetof(struct oci_spec_opts, bundle) },
	{ "config", 'f', "FILE", CLI_STR, "the file's name there (default: config.json)", offsetof(struct oci_spec_opts, config) },
	{ "rootless", 0, NULL, CLI_FLAG, "for a user without privileges", offsetof(struct oci_spec_opts, rootless) },
	{ 0 },
};

#define EVENTS(m) offsetof(struct oci_events_opts, m)
static const struct cli_option events_options[] = {
	{ "interval", 0, "DURATION", CLI_DURATION, "time between two lines of statistics (5s)", EVENTS(interval) },
	{ "stats", 0, NULL, CLI_FLAG, "one line of statistics, at once", EVENTS(stats) },
	{ 0 },
};
static const struct oci_events_opts events_defaults = { .interval = 5000000000 };

#define CONTAINER "CONTAINER"
#define MOUNTS_FILE "CONTAINER FILE"
static const struct cli_command mounts_commands[] = {
	{ "add", MOUNTS_FILE, "mount what a JSON file lists, in the form of config.json's mounts; -: standard input",
	  cmd_mounts_add, .min_args = 2, .max_args = 2 },
	{ "remove", MOUNTS_FILE, "unmount the destinations that a JSON file lists; -: standard input", cmd_mounts_remove,
	  .min_args = 2, .max_args = 2 },
	{ 0 },
};

/* What shells and the installation call; not for people. */
static const struct cli_command internal_commands[] = {
	{ "complete", "WORD...", NULL, cmd_complete, .max_args = CLI_ANY, .stop_at_positional = true },
	{ "man", "TEXTS FOLDER", NULL, cmd_man, .min_args = 2, .max_args = 2 },
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "checkpoint", CONTAINER, "save the state of a container's processes with CRIU, and end them", cmd_checkpoint,
	  oci_checkpoint_options, sizeof(struct oci_checkpoint_opts), &oci_checkpoint_defaults, 1, 1 },
	{ "create", CONTAINER, "make a container out of a bundle, up to the last step before its program", cmd_create,
	  create_options, sizeof(struct oci_create_opts), .min_args = 1, .max_args = 1 },
	{ "delete", CONTAINER, "remove what a container that ended has left", cmd_delete, delete_options,
	  sizeof(struct oci_force_opts), .min_args = 1, .max_args = 1 },
	{ "events", CONTAINER, "what a container uses, and when it runs out of memory, as JSON", cmd_events,
	  events_options, sizeof(struct oci_events_opts), &events_defaults, 1, 1 },
	{ "exec", "CONTAINER COMMAND [ARG...]", "run another process in a container", cmd_exec, oci_exec_options,
	  sizeof(struct oci_exec_opts), .min_args = 1, .max_args = CLI_ANY, .stop_at_positional = true },
	{ "features", NULL, "what this runtime can, as JSON", cmd_features },
	{ "internal", NULL, NULL, .sub = internal_commands },
	{ "kill", "CONTAINER [SIGNAL]", "send a signal (SIGTERM) to a container's init", cmd_kill, kill_options,
	  sizeof(struct oci_force_opts), .min_args = 1, .max_args = 2 },
	{ "list", NULL, "the containers below the root folder", cmd_list, list_options, sizeof(struct oci_format_opts),
	  &format_defaults },
	{ "mounts", NULL, "change the mounts of a container that runs", .sub = mounts_commands },
	{ "pause", CONTAINER, "freeze all processes of a container", cmd_pause, .min_args = 1, .max_args = 1 },
	{ "ps", "CONTAINER [PS OPTIONS]", "the processes of a container", cmd_ps, ps_options,
	  sizeof(struct oci_format_opts), &format_defaults, 1, CLI_ANY, .stop_at_positional = true },
	{ "restore", CONTAINER, "make a container out of a bundle and what checkpoint saved", cmd_restore, oci_restore_options,
	  sizeof(struct oci_restore_opts), .min_args = 1, .max_args = 1 },
	{ "resume", CONTAINER, "thaw a paused container", cmd_resume, .min_args = 1, .max_args = 1 },
	{ "run", CONTAINER, "create and start a container, and stay with it", cmd_run, run_options,
	  sizeof(struct oci_create_opts), .min_args = 1, .max_args = 1 },
	{ "spec", NULL, "write a config.json to begin with", cmd_spec, spec_options, sizeof(struct oci_spec_opts) },
	{ "start", CONTAINER, "run the program of a created container", cmd_start, .min_args = 1, .max_args = 1 },
	{ "state", CONTAINER, "the state of a container, as JSON", cmd_state, .min_args = 1, .max_args = 1 },
	{ "update", CONTAINER, "change the limits of a container", cmd_update, oci_update_options,
	  sizeof(struct oci_update_opts), .min_args = 1, .max_args = 1 },
	{ "wait", CONTAINER, "wait until a container ends, and print its exit code", cmd_wait, .min_args = 1, .max_args = 1 },
	{ 0 },
};

const struct cli_program oci_program = {
	.name = "tare-oci",
	.about = "An OCI runtime: runs a container out of a bundle (a folder with config.json and a root file system).",
	.version = "tare-oci version " TARE_VERSION DEFENCE_VERSION "\nspec: " OCI_VERSION "\n",
	.options = global_options,
	.size = sizeof(struct oci_globals),
	.defaults = &global_defaults,
	.commands = commands,
};

static char **own_argv;
static bool is_sealed;

/* The commands that send a process of ours into a container. A word that only looks like one costs a seal for nothing. */
static bool may_enter(char **argv)
{
	static const char *const commands_inside[] = { "create", "exec", "mounts", "run" };

	for (; *argv; argv++)
		for (size_t i = 0; i < ARRAY_LEN(commands_inside); i++)
			if (!strcmp(*argv, commands_inside[i]))
				return true;
	return false;
}

/* Before the command line is parsed: all of that would be done twice. */
static void seal_early(void)
{
	struct err ignored = { 0 };

	if (!may_enter(own_argv))
		return;
	/* without root a seal is a copy in memory, which many containers can do without: that is looked at first */
	is_sealed = geteuid() == 0 && defence(seal) && rt_seal_self(own_argv, &ignored) == 0;
}

int oci_seal(const struct oci_spec *spec, struct err *e)
{
	if (is_sealed || !defence(seal))
		return 0;
	return rt_seal_needed(spec) ? rt_seal_self(own_argv, e) : 0;
}

/* One of a machine's loggers, a datagram socket; name and format: what the caller asks for. */
static int connect_logger(const char *socket, const char *name, enum log_format format, struct err *e)
{
	CLEANUP_FD int root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (format == LOG_FORMAT_JSON)
		return err_set(e, ERR_INVALID, "--log-format json is for files: the journal and syslog have forms of their own");
	for (const char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c))
			return err_set(e, ERR_INVALID, "--log: a name with control characters");
	fd = root < 0 ? -errno : sock_connect(root, socket + 1, SOCK_DGRAM);

	return fd < 0 ? err_errno(e, fd, "log: %s", socket) : fd;
}

static int open_log(const char *path, struct err *e)
{
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	return fd < 0 ? err_errno(e, -errno, "log %s", path) : fd;
}

/* The log as the options want it; its descriptor, or -1 for stderr. */
static int setup_log(const struct oci_globals *g, struct err *e)
{
	enum log_format format = strcmp(g->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	const char *where = g->log ? g->log : "", *colon = strchr(where, ':'), *name = colon ? colon + 1 : "";
	int fd = -1;

	if (text_starts(where, "journald:")) {
		fd = connect_logger("/run/systemd/journal/socket", name, format, e);
		format = LOG_FORMAT_JOURNAL;
	} else if (text_starts(where, "syslog:")) {
		fd = connect_logger("/dev/log", name, format, e);
		format = LOG_FORMAT_SYSLOG;
	} else if (*where) {
		fd = open_log(text_starts(where, "file:") ? name : where, e);
	}
	if (fd < 0 && *where)
		return fd;
	log_setup(format >= LOG_FORMAT_JOURNAL && *name ? name : "tare-oci", fd < 0 ? STDERR_FILENO : fd, format,
		  g->debug ? LOG_LEVEL_DEBUG : log_level_named(g->log_level));
	return fd;
}

/* As runc: "" and anything that comes to "/" would have every file of the machine taken for a container. */
static int check_root(const struct oci_globals *g, struct err *e)
{
	if (g->root && (!*g->root || strspn(g->root, "/.") == strlen(g->root)))
		return err_set(e, ERR_INVALID, "option --root must not be \"%s\"", g->root);
	return 0;
}

static int run(struct arena *a, int argc, char **argv, struct cli_call *call, int *log_fd, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int parsed = cli_parse(a, &oci_program, argc, (const char *const *)argv, call, &text, e);
	struct err log_error = { 0 };

	if (call->global) {
		*log_fd = setup_log(call->global, &log_error);
		if (log_error.code) {
			*e = log_error;
			return e->code;
		}
	}
	if (parsed < 0)
		return parsed;
	if (parsed > 0)
		return oci_print(&text, e);
	return check_root(call->global, e) < 0 ? e->code : call->command->run(call, e);
}

int main(int argc, char **argv)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err e = { 0 };
	struct cli_call call = { 0 };
	char tame[2 * sizeof(e.msg)];
	int log_fd = -1, r;

	io_reserve_stdio();
	own_argv = argv;
	seal_early();
	log_setup("tare-oci", STDERR_FILENO, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	r = run(&a, argc, argv, &call, &log_fd, &e);
	if (r >= 0)
		return r;
	log_error("%s", e.msg);
	if (log_fd >= 0)
		dprintf(STDERR_FILENO, "%s\n", text_tame(e.msg, tame, sizeof(tame)));
	return call.command && call.command->run == cmd_exec ? 255 : 1;
}
