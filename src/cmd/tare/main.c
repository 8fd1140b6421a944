/* tare: the people's command line, with the engine in process. One row per command here; the options are rows in the
 * files of the commands. A failure is printed once, here, as one line. */
#include "cmd/tare/tare.h"

#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "cmd/tared/options.h"
#include "engine/resolver.h"
#include "engine/settings.h"

#define HEAP_STEP (1 << 20)
#define HEAP_KEPT (16 << 20)
#define NO_DAEMON "tare works without a daemon, also where tared serves the clients of docker; TARE_ROOT and --root name another store of this machine"

/* Docker's: fatal errors are all that its client tells, too. */
#define LOG_LEVELS "debug|info|warn|error|fatal"
static const struct cli_option global_options[] = {
	{ "root", 0, "DIR", CLI_STR, "where images and containers are kept (TARE_ROOT, default " ENGINE_ROOT ")",
	  offsetof(struct tare_global, root) },
	{ "state", 0, "DIR", CLI_STR, "where the state of what runs is kept (TARE_STATE, default " ENGINE_STATE ")",
	  offsetof(struct tare_global, state) },
	{ "host", 'H', "SOCKET", CLI_UNSUPPORTED, NO_DAEMON },
	{ "context", 'c', "NAME", CLI_UNSUPPORTED, NO_DAEMON },
	{ "tls", 0, NULL, CLI_UNSUPPORTED, NO_DAEMON },
	{ "tlscacert", 0, "FILE", CLI_UNSUPPORTED, NO_DAEMON },
	{ "tlscert", 0, "FILE", CLI_UNSUPPORTED, NO_DAEMON },
	{ "tlskey", 0, "FILE", CLI_UNSUPPORTED, NO_DAEMON },
	{ "tlsverify", 0, NULL, CLI_UNSUPPORTED, NO_DAEMON },
	{ "config", 0, "DIR", CLI_UNSUPPORTED, "the folder with logins is DOCKER_CONFIG's, defaults are TARE_CONFIG's (tare help config)" },
	{ "debug", 'D', NULL, CLI_FLAG, "tell on stderr what is done", offsetof(struct tare_global, debug) },
	{ "log-level", 'l', LOG_LEVELS, CLI_STR, "how much is told on stderr (default info)", offsetof(struct tare_global, log_level), .choices = LOG_LEVELS },
	{ 0 }
};

/* Rows that stand in two tables: `tare rm` is `tare container rm`. NAME is what they are called there. */
#define ROW_IMAGES(NAME, ALSO)                                                                                         \
	{ NAME, "[NAME[:TAG]]", "list images", cmd_images, images_options, sizeof(struct list_opts), &list_defaults, 0, 1, .also = ALSO }
#define ROW_RMI(NAME, ALSO)                                                                                            \
	{ NAME, "IMAGE...", "remove images", cmd_rmi, rmi_options, sizeof(struct rmi_opts), NULL, 1, CLI_ANY, .also = ALSO }
#define ROW_LOAD                                                                                                       \
	{ "load", NULL, "load images from an archive (docker save, OCI)", cmd_load, load_options, sizeof(struct load_opts), NULL, \
	  0, 0 }
#define ROW_IMPORT                                                                                                     \
	{ "import", "ROOTFS.tar|URL|- [NAME]", "make an image from a root file system's tar", cmd_import, import_options,         \
	  sizeof(struct import_opts), NULL, 1, 2 }
#define ROW_BUILD                                                                                                      \
	{ "build", "PATH|URL|-", "make an image as a Dockerfile says", cmd_build, build_options, sizeof(struct build_opts), NULL, 1, 1 }
#define ROW_PULL                                                                                                       \
	{ "pull", "NAME[:TAG|@DIGEST]", "fetch an image from a registry", cmd_pull, pull_options, sizeof(struct pull_opts), NULL, 1, 1 }
#define ROW_PUSH                                                                                                       \
	{ "push", "NAME[:TAG]", "send an image to the registry of its name", cmd_push, push_options, sizeof(struct push_opts), NULL, 1, 1 }
#define ROW_TAG { "tag", "IMAGE NAME[:TAG]", "give an image another name", cmd_tag, NULL, 0, NULL, 2, 2 }
#define ROW_SAVE                                                                                                       \
	{ "save", "IMAGE...", "write images into an archive", cmd_save, save_options, sizeof(struct save_opts), NULL, 1, CLI_ANY }
#define ROW_COMMIT                                                                                                     \
	{ "commit", "CONTAINER [NAME[:TAG]]", "make an image of what a container wrote", cmd_commit, commit_options,          \
	  sizeof(struct commit_opts), &commit_defaults, 1, 2 }
#define ROW_EXPORT                                                                                                     \
	{ "export", "CONTAINER", "write the files of a container into a tar", cmd_export, export_options,                     \
	  sizeof(struct save_opts), NULL, 1, 1 }
#define ROW_CP                                                                                                         \
	{ "cp", "CONTAINER:PATH|PATH|- CONTAINER:PATH|PATH|-", "copy files out of a container or into it", cmd_cp, cp_options,  \
	  sizeof(struct cp_opts), NULL, 2, 2 }
#define ROW_HISTORY                                                                                                    \
	{ "history", "IMAGE", "show how an image was made", cmd_history, history_options, sizeof(struct list_opts),           \
	  &list_defaults, 1, 1 }
#define ROW_INSPECT(what, help) { "inspect", what, help, cmd_inspect, inspect_options, sizeof(struct inspect_opts), NULL, 1, CLI_ANY }
#define ROW_RUN                                                                                                        \
	{ "run", "IMAGE [COMMAND [ARG...]]", "make a container and run a command in it", cmd_run, run_options,                \
	  sizeof(struct run_opts), &run_defaults, 0, CLI_ANY, true, NULL, EXIT_RUN }
#define ROW_CREATE                                                                                                     \
	{ "create", "IMAGE [COMMAND [ARG...]]", "make a container without starting it", cmd_create, create_options,           \
	  sizeof(struct run_opts), &run_defaults, 0, CLI_ANY, true, NULL, EXIT_PLAIN }
#define ROW_START                                                                                                      \
	{ "start", "[CONTAINER...]", "start stopped containers", cmd_start, start_options, sizeof(struct start_opts), NULL, 0, \
	  CLI_ANY }
#define ROW_STOP                                                                                                       \
	{ "stop", "CONTAINER...", "stop containers: their stop signal, and after a while KILL", cmd_stop, stop_options,        \
	  sizeof(struct stop_opts), &stop_defaults, 0, CLI_ANY }
#define ROW_RESTART                                                                                                    \
	{ "restart", "CONTAINER...", "stop and start containers", cmd_restart, restart_options, sizeof(struct stop_opts),      \
	  &stop_defaults, 1, CLI_ANY }
#define ROW_KILL                                                                                                       \
	{ "kill", "CONTAINER...", "send a signal to containers (KILL unless told otherwise)", cmd_kill, kill_options,         \
	  sizeof(struct stop_opts), &stop_defaults, 1, CLI_ANY }
#define ROW_WAIT                                                                                                       \
	{ "wait", "CONTAINER...", "wait until containers end and print their exit codes", cmd_wait, wait_options, sizeof(struct wait_opts), NULL, 1, CLI_ANY }
#define ROW_RM(ALSO)                                                                                                   \
	{ "rm", "CONTAINER...", "remove containers", cmd_rm, rm_options, sizeof(struct rm_opts), NULL, 1, CLI_ANY, .also = ALSO }
#define ROW_PS(NAME, ALSO)                                                                                             \
	{ NAME, NULL, "list containers", cmd_ps, ps_options, sizeof(struct list_opts), &list_defaults, 0, 0, .also = ALSO }
#define ROW_LOGS                                                                                                       \
	{ "logs", "CONTAINER", "show what a container printed", cmd_logs, logs_options, sizeof(struct logs_opts), NULL, 1, 1 }
#define ROW_EXEC                                                                                                       \
	{ "exec", "CONTAINER COMMAND [ARG...]", "run another command in a running container", cmd_exec, exec_options,         \
	  sizeof(struct exec_opts), NULL, 2, CLI_ANY, true, NULL, EXIT_EXEC }
#define ROW_ATTACH                                                                                                     \
	{ "attach", "CONTAINER", "connect to the streams of a running container", cmd_attach, attach_options,                 \
	  sizeof(struct attach_opts), &attach_defaults, 1, 1 }
#define ROW_TOP                                                                                                        \
	{ "top", "CONTAINER [PS-OPTION...]", "list the processes of a container", cmd_top, top_options,                       \
	  sizeof(struct list_opts), &list_defaults, 1, CLI_ANY, true }
#define ROW_EVENTS { "events", NULL, "show what happens to containers, images, networks and volumes", cmd_events, events_options, sizeof(struct events_opts), NULL, 0, 0 }
#define ROW_STATS                                                                                                      \
	{ "stats", "[CONTAINER...]", "show what containers use", cmd_stats, stats_options, sizeof(struct list_opts),          \
	  &list_defaults, 0, CLI_ANY }
#define ROW_INFO                                                                                                       \
	{ "info", NULL, "show what this machine offers and what tare keeps", cmd_info, info_options, sizeof(struct system_opts), NULL, 0, 0 }
#define ROW_RENAME { "rename", "CONTAINER NEW-NAME", "give a container another name", cmd_rename, NULL, 0, NULL, 2, 2 }
#define ROW_PAUSE { "pause", "CONTAINER...", "freeze containers", cmd_pause, NULL, 0, NULL, 1, CLI_ANY }
#define ROW_UNPAUSE { "unpause", "CONTAINER...", "let frozen containers go on", cmd_unpause, NULL, 0, NULL, 1, CLI_ANY }
#define ROW_PORT { "port", "CONTAINER [PORT[/PROTO]]", "show which ports of the host lead to a container", cmd_port, NULL, 0, NULL, 1, 2 }
#define ROW_UPDATE                                                                                                     \
	{ "update", "CONTAINER...", "change containers, running or not", cmd_update, update_options, sizeof(struct update_opts), &update_defaults, 1, CLI_ANY }
#define ROW_DIFF                                                                                                       \
	{ "diff", "CONTAINER", "list what a container added (A), changed (C) and deleted (D) of its image's files", cmd_diff,  \
	  diff_options, sizeof(struct diff_opts), NULL, 1, 1 }
#define STOP_ROWS ROW_STOP, ROW_RESTART
#define MISSING(NAME, WHY) { .name = NAME, .missing = WHY }
#define SWARM "tare is the containers of one machine, and has no swarm"
#define END { 0 }

static const struct cli_command image_commands[] = {
	ROW_IMAGES("ls", "list"), ROW_RMI("rm", "remove|rmi"), ROW_BUILD, ROW_TAG, ROW_PULL, ROW_PUSH, ROW_LOAD, ROW_SAVE, ROW_IMPORT, ROW_HISTORY, ROW_INSPECT("IMAGE...", "show everything about images, as JSON"),
	{ "copy", "FROM TO", "copy an image as it is: docker://NAME, oci:FOLDER[:NAME], oci-archive:FILE, docker-archive:FILE, or a name of the store",
	  cmd_image_copy, copy_options, sizeof(struct copy_opts), NULL, 2, 2 },
	{ "export", "IMAGE", "write the files of an image into a tar", cmd_image_export, export_options, sizeof(struct save_opts), NULL, 1, 1 },
	{ "diff", "IMAGE [IMAGE]", "list what is added (A), changed (C) and deleted (D) from one to the other, or by the topmost layer", cmd_image_diff,
	  diff_options, sizeof(struct diff_opts), NULL, 1, 2 },
	{ "mount", "[IMAGE [FOLDER]]", "show an image's files at a place of this machine, for reading; list what is mounted", cmd_image_mount,
	  image_mount_options, sizeof(struct diff_opts), NULL, 0, 2 },
	{ "umount", "IMAGE|FOLDER...", "end that", cmd_image_umount, image_umount_options, sizeof(struct umount_opts), NULL, 0, CLI_ANY },
	{ "tree", "[IMAGE...]", "show which layers images are made of and share", cmd_image_tree, tree_options,
	  sizeof(struct tree_opts), NULL, 0, CLI_ANY },
	{ "verify", "[IMAGE...]", "check what the store has of images against their digests, and repair it", cmd_verify, verify_options,
	  sizeof(struct verify_opts), NULL, 0, CLI_ANY },
	{ "prune", NULL, "remove images without a name", cmd_image_prune, image_prune_options, sizeof(struct system_opts), NULL, 0, 0 },
	END,
};

static const struct cli_command container_commands[] = {
	ROW_RUN, ROW_CREATE, ROW_START, STOP_ROWS, ROW_KILL,   ROW_WAIT,  ROW_RM("remove"), ROW_PS("ls", "list|ps"), ROW_INSPECT("CONTAINER...", "show everything about containers, as JSON"),
	ROW_LOGS, ROW_EXEC,  ROW_ATTACH, ROW_TOP,  ROW_STATS, ROW_PORT, ROW_DIFF, ROW_RENAME, ROW_PAUSE, ROW_UNPAUSE, ROW_UPDATE, ROW_COMMIT, ROW_EXPORT, ROW_CP,
	{ "prune", NULL, "remove containers that do not run", cmd_container_prune, container_prune_options, sizeof(struct system_opts), NULL, 0, 0 },
	END,
};

static const struct cli_command cni_commands[] = {
	{ "check", "NETWORK [CONTAINER]", "ask the plugins whether what they made for running containers is as it should be (CHECK)", cmd_cni_check, NULL,
	  0, NULL, 1, 2 },
	{ "status", "NETWORK", "ask the plugins whether they can take containers (STATUS)", cmd_cni_status, NULL, 0, NULL, 1, 1 },
	{ "gc", "NETWORK", "let the plugins remove what belongs to no container (DEL, GC)", cmd_cni_gc, NULL, 0, NULL, 1, 1 },
	{ "version", "NETWORK", "show which versions of CNI the plugins know (VERSION)", cmd_cni_version, NULL, 0, NULL, 1, 1 },
	END,
};

static const struct cli_command network_commands[] = {
	{ "create", "NAME", "make a network", cmd_network_create, network_create_options, sizeof(struct network_opts), &network_create_defaults, 1, 1 },
	{ "ls", NULL, "list networks", cmd_network_ls, network_ls_options, sizeof(struct list_opts), &list_defaults, 0, 0, .also = "list" },
	{ "inspect", "NETWORK...", "show everything about networks, as JSON", cmd_network_inspect, network_inspect_options,
	  sizeof(struct inspect_opts), NULL, 1, CLI_ANY },
	{ "connect", "NETWORK CONTAINER", "put a container into a network, running or not", cmd_network_connect, network_connect_options,
	  sizeof(struct network_connect_opts), NULL, 2, 2 },
	{ "disconnect", "NETWORK CONTAINER", "take a container out of a network", cmd_network_disconnect, network_disconnect_options,
	  sizeof(struct rm_opts), NULL, 2, 2 },
	{ "cni", NULL, "ask the plugins of a network of CNI", .sub = cni_commands },
	{ "rm", "NETWORK...", "remove networks", cmd_network_rm, network_rm_options, sizeof(struct rm_opts), NULL, 1, CLI_ANY, .also = "remove" },
	{ "prune", NULL, "remove networks that no container uses", cmd_network_prune, network_prune_options, sizeof(struct system_opts), NULL,
	  0, 0 },
	END,
};

static const struct cli_command volume_commands[] = {
	{ "create", "[NAME]", "make a volume", cmd_volume_create, volume_create_options, sizeof(struct volume_opts), NULL, 0, 1 },
	{ "ls", NULL, "list volumes", cmd_volume_ls, volume_ls_options, sizeof(struct list_opts), &list_defaults, 0, 0, .also = "list" },
	{ "inspect", "VOLUME...", "show everything about volumes, as JSON", cmd_volume_inspect, volume_inspect_options, sizeof(struct inspect_opts), NULL, 1, CLI_ANY },
	{ "rm", "VOLUME...", "remove volumes", cmd_volume_rm, volume_rm_options, sizeof(struct rm_opts), NULL, 1, CLI_ANY, .also = "remove" },
	{ "export", "VOLUME", "write what is in a volume into a tar", cmd_volume_export, export_options, sizeof(struct save_opts), NULL, 1, 1 },
	{ "import", "VOLUME [FILE|-]", "put the files of a tar into a volume", cmd_volume_import, volume_import_options, sizeof(struct import_opts), NULL, 1, 2 },
	{ "prune", NULL, "remove volumes without a name that no container has", cmd_volume_prune, volume_prune_options, sizeof(struct system_opts), NULL, 0, 0 },
	MISSING("update", SWARM),
	END,
};

static const struct cli_command builder_commands[] = {
	ROW_BUILD,
	{ "du", NULL, "show what steps of builds gave, and what it takes on the disk", cmd_builder_du, builder_du_options, sizeof(struct list_opts),
	  &list_defaults, 0, 0 },
	{ "prune", NULL, "forget what steps of builds gave", cmd_builder_prune, builder_prune_options, sizeof(struct builder_prune_opts), NULL,
	  0, 0 },
	END,
};

static const struct cli_command system_commands[] = {
	ROW_INFO,
	{ "check", NULL, "say what is wrong with this machine or missing on it, and what to do", cmd_check, check_options, sizeof(struct system_opts),
	  NULL, 0, 0 },
	{ "df", NULL, "show what images, containers, volumes and builds take on the disk", cmd_df, df_options, sizeof(struct system_opts), NULL, 0, 0 },
	{ "gc", NULL, "remove what is old and can be had again, or what the disk has no room for", cmd_gc, gc_options, sizeof(struct gc_opts),
	  &gc_defaults, 0, 0 },
	{ "prune", NULL, "remove stopped containers, unused networks, images without a name, and what crashes left", cmd_prune, prune_options,
	  sizeof(struct system_opts), NULL, 0, 0 },
	ROW_EVENTS,
	{ "service", NULL, "serve Docker's API: what tared does, with its options", cmd_service, tared_options, sizeof(struct tared_opts), NULL, 0, 0 },
	{ "dial-stdio", NULL, "connect standard input and output with the server of Docker's API (DOCKER_HOST=ssh://)", cmd_dial, dial_options,
	  sizeof(struct dial_opts), NULL, 0, 0 },
	{ "migrate-from", "docker", "copy images and volumes of a dockerd on this machine, changing nothing there", cmd_migrate, migrate_options,
	  sizeof(struct migrate_opts), NULL, 1, 1 },
	END,
};

/* What our own programs, shells and the installation call; not for people. */
static const struct cli_command internal_commands[] = {
	{ "compress", "FILE", NULL, cmd_compress, NULL, 0, NULL, 1, 1 },
	{ "exited", "ID", NULL, cmd_exited, NULL, 0, NULL, 1, 1 },
	{ "health", "ID STATUS", NULL, cmd_health, NULL, 0, NULL, 2, 2 },
	{ "restart", "ID", NULL, cmd_revive, NULL, 0, NULL, 1, 1 },
	{ "halt", "ID", NULL, cmd_halt, NULL, 0, NULL, 1, 1 },
	{ "freeze", "ID", NULL, cmd_freeze, NULL, 0, NULL, 1, 1 },
	{ "heal", NULL, NULL, cmd_heal, NULL, 0, NULL, 0, 0 },
	{ "connect", "ID", NULL, cmd_connect, NULL, 0, NULL, 1, 1 },
	{ "agent", NULL, NULL, cmd_agent, NULL, 0, NULL, 0, 0 },
	{ "complete", "WORD...", NULL, cmd_complete, NULL, 0, NULL, 0, CLI_ANY, true },
	{ "man", "TEXTS FOLDER [FOLDER-OF-TOPICS]", NULL, cmd_man, NULL, 0, NULL, 2, 3 },
	{ "confined", "BYTES PROGRAM [ARG...]", NULL, cmd_confined, NULL, 0, NULL, 2, CLI_ANY, true },
	END,
};

static const struct cli_command commands[] = {
	ROW_RUN, ROW_CREATE, ROW_START, STOP_ROWS, ROW_KILL, ROW_WAIT, ROW_RM(NULL), ROW_PS("ps", NULL), ROW_LOGS, ROW_EXEC, ROW_ATTACH,
	ROW_TOP, ROW_STATS, ROW_PORT, ROW_DIFF, ROW_RENAME, ROW_PAUSE, ROW_UNPAUSE, ROW_UPDATE, ROW_INSPECT("CONTAINER|IMAGE|NETWORK|VOLUME...", "show everything about containers, images, networks or volumes, as JSON"), ROW_COMMIT, ROW_EXPORT, ROW_CP, ROW_BUILD, ROW_PULL, ROW_PUSH, ROW_LOAD, ROW_SAVE, ROW_IMPORT, ROW_IMAGES("images", NULL), ROW_RMI("rmi", NULL),
	ROW_TAG, ROW_HISTORY, ROW_EVENTS, ROW_INFO,
	{ "search", "TERM", "search Docker Hub for images", cmd_search, search_options, sizeof(struct search_opts), &search_defaults, 1, 1 },
	{ "login", "[SERVER]", "say who you are at a registry, Docker Hub unless named", cmd_login, login_options, sizeof(struct login_opts), NULL, 0, 1 },
	{ "logout", "[SERVER]", "forget who you are at a registry", cmd_logout, NULL, 0, NULL, 0, 1 },
	{ "builder", NULL, "the commands about builds", .sub = builder_commands },
	{ "container", NULL, "the commands about containers", .sub = container_commands },
	{ "image", NULL, "the commands about images", .sub = image_commands },
	{ "network", NULL, "the commands about networks", .sub = network_commands },
	{ "system", NULL, "the commands about this machine", .sub = system_commands },
	{ "volume", NULL, "the commands about volumes", .sub = volume_commands },
	{ "version", NULL, "show the version", cmd_version, version_options, sizeof(struct system_opts), NULL, 0, 0 },
	{ "help", "[" TARE_TOPICS "|topics|COMMAND...]", "tell about a command or a topic", cmd_help, NULL, 0, NULL, 0, CLI_ANY },
	{ "completion", "bash|zsh|fish", "print what makes a shell complete the command lines of tare and tare-oci", cmd_completion, NULL, 0, NULL, 1, 1 },
	{ "internal", NULL, NULL, .sub = internal_commands },
	MISSING("swarm", SWARM), MISSING("service", SWARM), MISSING("stack", SWARM), MISSING("node", SWARM), MISSING("secret", SWARM), MISSING("config", SWARM),
	MISSING("plugin", "there are no plugins; networks of CNI have theirs (tare help networking)"),
	MISSING("context", NO_DAEMON),
	MISSING("checkpoint", "tare-oci checkpoint and tare-oci restore do it for containers that tare-oci runs by itself"),
	MISSING("manifest", "tare image copy copies an index as it is, tare image tree shows what is in one"),
	MISSING("trust", "no signatures are made or verified"),
	MISSING("compose", "files of compose are not read yet"),
	MISSING("buildx", "tare build does what buildx build does: contexts, caches, secrets, --output"),
	END,
};

const struct cli_program tare_program = {
	.name = "tare",
	.about = "containers out of images, without a daemon",
	.version = "tare " TARE_VERSION "\n",
	.options = global_options,
	.size = sizeof(struct tare_global),
	.commands = commands,
};

typedef int (*engine_open_fn)(struct engine *en, const char *root, const char *state, struct err *e);

static enum log_level level_of(const struct tare_global *g)
{
	if (g->debug)
		return LOG_LEVEL_DEBUG;
	return !g->log_level ? LOG_LEVEL_INFO : strcmp(g->log_level, "warn") == 0 ? LOG_LEVEL_WARNING :
	       strcmp(g->log_level, "fatal") == 0 ? LOG_LEVEL_ERROR : log_level_named(g->log_level);
}

static int open_by(engine_open_fn how, const struct cli_call *call, struct engine *en, struct err *e)
{
	const struct tare_global *g = call->global;
	const char *root = g->root ? g->root : getenv("TARE_ROOT");
	const char *state = g->state ? g->state : getenv("TARE_STATE");

	return how(en, root && root[0] ? root : NULL, state && state[0] ? state : NULL, e);
}

int tare_engine_as_it_is(const struct cli_call *call, struct engine *en, struct err *e)
{
	return open_by(engine_open, call, en, e);
}

int tare_engine_to_look_as_it_is(const struct cli_call *call, struct engine *en, struct err *e)
{
	return open_by(engine_look, call, en, e);
}

int tare_engine_to_look(const struct cli_call *call, struct engine *en, struct err *e)
{
	int r = tare_engine_to_look_as_it_is(call, en, e);

	if (r == 0 && !en->instead)
		resolver_check(en);
	return r;
}

int tare_engine(const struct cli_call *call, struct engine *en, struct err *e)
{
	int r = tare_engine_as_it_is(call, en, e);

	if (r == 0)
		resolver_check(en);
	return r;
}

const struct list_opts *tare_list_opts(const struct cli_call *call, const char *key)
{
	const struct list_opts *given = call->opts;
	const char *format = given->format || given->quiet ? NULL : settings_of_client(call->arena, key);
	struct list_opts *o = format ? arena_new(call->arena, struct list_opts) : NULL;

	if (!o)
		return given;
	*o = *given;
	o->format = format;
	return o;
}

int tare_each(const struct cli_call *call, const struct engine *en, tare_each_fn fn, const void *data)
{
	int result = 0;

	for (size_t i = 0; i < call->n_args; i++) {
		struct err e = { 0 };

		if (fn(en, call->args[i], data, &e) < 0) {
			log_error("%s", e.msg);
			result = 1;
		}
	}
	return result;
}

void tare_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	(void)fflush(stdout);
}

int tare_print(const struct strbuf *text, struct err *e)
{
	int r = text->len ? io_write_full(1, text->s, text->len) : 0;

	return r < 0 ? err_errno(e, r, "write to standard output") : 0;
}

bool tare_confirm(const char *what)
{
	int c;

	(void)printf("%s Go on? [y/N] ", what);
	(void)fflush(stdout);
	c = getchar();
	return c == 'y' || c == 'Y';
}

static int exit_code(enum tare_exit_style style, const struct err *e)
{
	bool command = e->cls == ERR_CMD_NOEXEC || e->cls == ERR_CMD_MISSING;

	if (style == EXIT_RUN || (style == EXIT_EXEC && command))
		return err_info(e->cls)->exit_code;
	return 1;
}

int main(int argc, char **argv)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct cli_call call;
	struct err e = { 0 };
	int r;

	io_reserve_stdio();
	/* it ends soon: memory is taken in large pieces, and none is given back on the way */
	(void)mallopt(M_TOP_PAD, HEAP_STEP);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	log_setup("tare", 2, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	r = cli_parse(&a, &tare_program, argc, (const char *const *)argv, &call, &text, &e);
	if (r < 0) {
		log_error("%s", e.msg);
		return e.cls == ERR_NOTFOUND || e.cls == ERR_USAGE ? 1 : 125; /* no such command, too few or many words; else an option */
	}
	if (r > 0)
		return tare_print(&text, &e) < 0;
	log_setup("tare", 2, LOG_FORMAT_PLAIN, level_of(call.global));
	r = call.command->run(&call, &e);
	if (r >= 0)
		return r;
	log_error("%s", e.msg);
	return exit_code((enum tare_exit_style)call.command->id, &e);
}
