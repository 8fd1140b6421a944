/* exec: another process in a container that runs. What it is comes from -p, or from the bundle's process with what the
 * options change of it. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/defence.h"
#include "base/io.h"
#include "base/text.h"
#include "cmd/oci/oci.h"
#include "sys/caps.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define PROCESS_MAX (1U << 20)
#define REAP_MS 10000

static int parse_user(struct arena *a, const char *value, void *target, struct err *e)
{
	struct oci_exec_user *user = target;
	const char *colon = strchr(value, ':');
	char *uid = arena_strndup(a, value, colon ? (size_t)(colon - value) : strlen(value));

	if (!uid)
		return err_errno(e, -ENOMEM, "user");
	*user = (struct oci_exec_user){ .given = true, .has_gid = colon };
	if (text_u32(uid, &user->uid) < 0 || user->uid == UINT32_MAX)
		return err_set(e, ERR_INVALID, "bad uid \"%s\": must be UID[:GID]", uid);
	if (colon && (text_u32(colon + 1, &user->gid) < 0 || user->gid == UINT32_MAX))
		return err_set(e, ERR_INVALID, "bad gid \"%s\": must be UID[:GID]", colon + 1);
	return 0;
}

#define TO(m) offsetof(struct oci_exec_opts, m)
const struct cli_option oci_exec_options[] = {
	{ "additional-gids", 'g', "GID", CLI_STRV, "a supplementary group", TO(gids) },
	{ "apparmor", 0, "PROFILE", CLI_STR, "the process's AppArmor profile", TO(apparmor) },
	{ "cap", 'c', "CAP", CLI_STRV, "a capability to add", TO(cap) },
	{ "cgroup", 0, "[CONTROLLER,..:]PATH", CLI_STRV, "run in this cgroup below the container's", TO(cgroups) },
	{ "console-socket", 0, "SOCKET", CLI_STR, "send the master of the terminal there", TO(console_socket) },
	{ "cwd", 0, "PATH-INSIDE", CLI_STR, "working directory in the container", TO(cwd) },
	{ "detach", 'd', NULL, CLI_FLAG, "do not stay with the process", TO(detach) },
	{ "env", 'e', "NAME=VALUE", CLI_STRV, "a variable to add", TO(env) },
	{ "ignore-paused", 0, NULL, CLI_FLAG, "also when the container is paused", TO(ignore_paused) },
	{ "no-new-privs", 0, NULL, CLI_FLAG, "the process and its children can gain no privileges", TO(no_new_privs) },
	{ "pid-file", 0, "FILE", CLI_STR, "write the pid of the process there", TO(pid_file) },
	{ "pidfd-socket", 0, "SOCKET", CLI_STR, "send a pidfd of the process there", TO(pidfd_socket) },
	{ "preserve-fds", 0, "N", CLI_U32, "pass N more descriptors behind stdio", TO(preserve_fds) },
	{ "process", 'p', "FILE", CLI_STR, "take the process from a JSON file", TO(process) },
	{ "process-label", 0, "LABEL", CLI_STR, "the process's SELinux label", TO(process_label) },
	{ "tty", 't', NULL, CLI_FLAG, "give it a terminal", TO(tty) },
	{ "user", 'u', "UID[:GID]", CLI_CALL, "who it runs as", TO(user), .parse = parse_user },
	{ 0 },
};

/* ---- the process ---- */

static int from_file(const struct cli_call *call, const char *path, const struct oci_process **out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	size_t len;
	int r = io_read_file(AT_FDCWD, path, PROCESS_MAX, &text, &len);

	if (r < 0)
		return err_errno(e, r, "%s", path);
	r = json_parse(call->arena, text, len, NULL, &doc, e);
	if (r == 0)
		r = oci_process_parse(call->arena, doc, out, e);
	return r < 0 ? err_ctx(e, "%s", path) : 0;
}

static int add_env(struct arena *a, struct oci_process *p, const struct cli_strv *more, struct err *e)
{
	const char **env;
	size_t n = 0;

	while (p->env && p->env[n])
		n++;
	env = arena_array(a, n + more->n + 1, sizeof(*env));
	if (!env)
		return err_errno(e, -ENOMEM, "environment");
	for (size_t i = 0; i < n; i++)
		env[i] = p->env[i];
	for (size_t i = 0; i < more->n; i++) {
		if (!strchr(more->v[i], '=') || more->v[i][0] == '=')
			return err_set(e, ERR_INVALID, "--env \"%s\": must be NAME=VALUE", more->v[i]);
		env[n + i] = more->v[i];
	}
	p->env = env;
	return 0;
}

/* Ambient ones need inheritable ones, which are not for us to add. */
static int add_caps(struct oci_process *p, const struct cli_strv *more, struct err *e)
{
	for (size_t i = 0; i < more->n; i++) {
		int cap = cap_number(more->v[i]);

		if (cap < 0)
			return err_set(e, ERR_INVALID, "--cap \"%s\": no such capability", more->v[i]);
		p->has_capabilities = true;
		p->caps[OCI_CAP_BOUNDING] |= CAP_BIT(cap);
		p->caps[OCI_CAP_EFFECTIVE] |= CAP_BIT(cap);
		p->caps[OCI_CAP_PERMITTED] |= CAP_BIT(cap);
		if (!defence(inheritable)) /* CVE-2022-29162 */
			p->caps[OCI_CAP_INHERITABLE] |= CAP_BIT(cap);
		if (p->caps[OCI_CAP_INHERITABLE] & CAP_BIT(cap))
			p->caps[OCI_CAP_AMBIENT] |= CAP_BIT(cap);
	}
	return 0;
}

static int add_groups(struct arena *a, struct oci_user *user, const struct cli_strv *more, struct err *e)
{
	uint32_t *groups = arena_array(a, user->n_groups + more->n + 1, sizeof(*groups));

	if (!groups)
		return err_errno(e, -ENOMEM, "groups");
	for (size_t i = 0; i < user->n_groups; i++)
		groups[i] = user->groups[i];
	for (size_t i = 0; i < more->n; i++)
		if (text_u32(more->v[i], &groups[user->n_groups + i]) < 0)
			return err_set(e, ERR_INVALID, "--additional-gids \"%s\": must be a group id", more->v[i]);
	user->groups = groups;
	user->n_groups += more->n;
	return 0;
}

static int from_options(const struct cli_call *call, const struct oci_spec *spec, const struct oci_process **out, struct err *e)
{
	const struct oci_exec_opts *o = call->opts;
	struct oci_process *p = arena_new(call->arena, struct oci_process);
	int r;

	if (!p)
		return err_errno(e, -ENOMEM, "process");
	if (call->n_args < 2)
		return err_set(e, ERR_INVALID, "exec args cannot be empty");
	if (!spec->process)
		return err_set(e, ERR_INVALID, "the container's config.json has no process, use --process");
	*p = *spec->process;
	p->args = call->args + 1;
	p->n_args = call->n_args - 1;
	p->terminal = o->tty;
	if (o->cwd && *o->cwd)
		p->cwd = o->cwd;
	if (p->cwd[0] != '/')
		return err_set(e, ERR_INVALID, "--cwd %s: must be an absolute path", p->cwd);
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	if (o->process_label)
		p->selinux_label = o->process_label;
	if (o->no_new_privs)
		p->no_new_privileges = true;
	if (o->user.given)
		p->user.uid = o->user.uid;
	if (o->user.has_gid)
		p->user.gid = o->user.gid;
	r = add_env(call->arena, p, &o->env, e);
	if (r == 0)
		r = add_caps(p, &o->cap, e);
	if (r == 0)
		r = add_groups(call->arena, &p->user, &o->gids, e);
	*out = p;
	return r;
}

/* ---- running it ---- */

struct running {
	struct oci_container c;
	const struct oci_spec *spec;
	const struct oci_process *process;
	int console_socket, pidfd_socket;
	struct rt_process p;
};

static void running_close(struct running *x)
{
	close_fd(x->console_socket);
	close_fd(x->pidfd_socket);
	rt_process_close(&x->p);
	oci_container_close(&x->c);
}
#define CLEANUP_RUNNING CLEANUP(running_close)

/* One for all controllers, or each controller at most once. */
static int check_cgroups(const struct cli_strv *given, const struct rt_record *rec, struct err *e)
{
	for (size_t i = 0; i < given->n; i++) {
		const char *colon = strchr(given->v[i], ':');

		if (!rec->cgroup)
			return err_set(e, ERR_INVALID, "--cgroup %s: the container has no cgroup", given->v[i]);
		if (!colon && given->n > 1)
			return err_set(e, ERR_INVALID, "invalid --cgroup argument: %s (missing <controller>: prefix)",
				       given->v[i]);
		if (colon == given->v[i])
			return err_set(e, ERR_INVALID, "invalid --cgroup argument: %s (empty <controller> prefix)",
				       given->v[i]);
	}
	return 0;
}

static int prepare(const struct cli_call *call, struct running *x, struct err *e)
{
	const struct oci_exec_opts *o = call->opts;
	int r = oci_open(call, false, &x->c, e);

	if (r < 0)
		return r;
	if (x->c.status == RT_STOPPED || x->c.status == RT_CREATING)
		return err_set(e, ERR_BUSY, "cannot exec in a stopped container");
	if (x->c.status == RT_PAUSED && !o->ignore_paused)
		return err_set(e, ERR_BUSY, "cannot exec in a paused container (use --ignore-paused to override)");
	r = oci_load_spec(call, &x->c.rec, &x->spec, e);
	if (r == 0)
		r = oci_seal(x->spec, e);
	if (r == 0)
		r = o->process ? from_file(call, o->process, &x->process, e) : from_options(call, x->spec, &x->process, e);
	if (r < 0)
		return r;
	if (!x->process->args)
		return err_set(e, ERR_INVALID, "process.args: must not be empty");
	r = oci_check_terminal(x->process->terminal, o->detach, o->console_socket, e);
	if (r == 0)
		r = oci_check_preserved(3, o->preserve_fds, e);
	return r < 0 ? r : check_cgroups(&o->cgroups, &x->c.rec, e);
}

static int connect_sockets(const struct oci_exec_opts *o, struct running *x, struct err *e)
{
	if (o->console_socket) {
		x->console_socket = oci_connect(o->console_socket, SOCK_STREAM, e);
		if (x->console_socket < 0)
			return err_ctx(e, "--console-socket");
	}
	if (o->pidfd_socket) {
		x->pidfd_socket = oci_connect(o->pidfd_socket, SOCK_STREAM, e);
		if (x->pidfd_socket < 0)
			return err_ctx(e, "--pidfd-socket");
	}
	return 0;
}

static int announce(const struct oci_exec_opts *o, const struct running *x, struct err *e)
{
	int r = 0;

	if (x->console_socket >= 0)
		r = oci_send_console(x->console_socket, x->p.console, e);
	if (r == 0 && x->pidfd_socket >= 0)
		r = oci_send_pidfd(x->pidfd_socket, x->p.pidfd, "setns", e);
	if (r == 0 && o->pid_file)
		r = oci_write_pid_file(o->pid_file, x->p.pid, e);
	return r;
}

static int go(const struct oci_exec_opts *o, struct running *x, struct err *e)
{
	const struct rt_exec_args args = {
		.id = x->c.rec.id,
		.pid = x->c.rec.pid,
		.start_time = x->c.rec.start_time,
		.spec = x->spec,
		.process = x->process,
		.cgroup = x->c.rec.cgroup,
		.unit = x->c.rec.unit,
		.unit_user = x->c.rec.unit_user,
		.narrow = o->cgroups.v,
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.preserve_fds = o->preserve_fds,
		.plain_newlines = !o->detach,
	};
	int status, r = rt_exec(&args, &x->p, e);

	if (r < 0)
		return r;
	r = announce(o, x, e);
	if (r < 0) {
		(void)!proc_signal(x->p.pidfd, SIGKILL);
		(void)!spawn_wait(x->p.pidfd, REAP_MS, &status);
	}
	return r;
}

int cmd_exec(const struct cli_call *call, struct err *e)
{
	CLEANUP_RUNNING struct running x = { .c = OCI_CONTAINER_INIT, .console_socket = -1, .pidfd_socket = -1,
					     .p = RT_PROCESS_INIT };
	const struct oci_exec_opts *o = call->opts;
	int code = 0, r = prepare(call, &x, e);

	if (r == 0)
		r = connect_sockets(o, &x, e);
	if (r == 0 && !o->detach) {
		oci_block_signals(false);
		x.process = oci_with_size(call->arena, x.process);
	}
	if (r == 0)
		r = go(o, &x, e);
	if (r == 0 && !o->detach)
		r = oci_foreground(&x.p, -1, &code, e);
	return r < 0 ? err_ctx(e, "exec failed") : code;
}
