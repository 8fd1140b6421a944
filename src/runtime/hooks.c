/* Hooks: programs the specification names, run at fixed points with the container's state on stdin. One that fails or
 * runs out of time fails what it belongs to; its last words are what it wrote to stderr, which is ours. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/state.h"
#include "runtime/internal.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "sys/proc.h"
#include "sys/spawn.h"

static const char *const point_names[OCI_HOOK_POINTS] = {
	[OCI_HOOK_PRESTART] = "prestart",
	[OCI_HOOK_CREATE_RUNTIME] = "createRuntime",
	[OCI_HOOK_CREATE_CONTAINER] = "createContainer",
	[OCI_HOOK_START_CONTAINER] = "startContainer",
	[OCI_HOOK_POSTSTART] = "poststart",
	[OCI_HOOK_POSTSTOP] = "poststop",
};

void rt_state_json(struct json_writer *w, const char *key, const struct oci_spec *spec, const char *id, pid_t pid,
		   const char *bundle, const char *status)
{
	jw_object(w, key);
	oci_state_members(w, spec, id, status, pid, bundle);
	jw_end_object(w);
}

/* "bad system call": as the peers, whose words callers look for, have it. */
static const char *signal_text(int sig, char out[64])
{
	const char *name = strsignal(sig);

	snprintf(out, 64, "%s", name ? name : "unknown");
	out[0] = (char)(out[0] | 0x20);
	return out;
}

static int wait_for(const struct oci_hook *h, int pidfd, struct err *e)
{
	/* a hook without a timeout may take for ever: that is what the specification says */
	int64_t ms = h->timeout > 0 ? h->timeout * 1000 : -1;
	char text[64];
	int status, r = spawn_wait(pidfd, ms > INT32_MAX ? INT32_MAX : (int)ms, &status);

	if (r == -ETIMEDOUT) {
		(void)!proc_signal(pidfd, SIGKILL);
		(void)!spawn_wait(pidfd, -1, &status);
		return err_set(e, ERR_UNAVAILABLE, "%s: timed out after %lld s", h->path, (long long)h->timeout);
	}
	if (r < 0)
		return err_errno(e, r, "%s", h->path);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INTERNAL, "%s: signal: %s", h->path, signal_text(WTERMSIG(status), text));
	if (status != 0)
		return err_set(e, ERR_INTERNAL, "%s: exit status %d", h->path, WEXITSTATUS(status));
	return 0;
}

/* state: a sealed memfd, a hook's whole stdin. */
static int run_hook(const struct oci_hook *h, const struct strbuf *state, const char *chdir, const char *const *env,
		    const int *out, struct err *e)
{
	const char *const own_name[] = { h->path, NULL };
	CLEANUP_FD int in = -1, pidfd = -1;
	struct spawn_fd fds[3] = { { .to = 0 }, { .from = out[0] ? out[0] : 1, .to = 1 }, { .from = out[1] ? out[1] : 2, .to = 2 } };
	struct spawn_args args = { .path = h->path, .argv = h->args ? h->args : own_name, .env = h->env ? h->env : env,
				   .fds = fds, .n_fds = 3, .chdir = chdir };
	pid_t pid;
	int r;

	if (!h->path || h->path[0] != '/')
		return err_set(e, ERR_INVALID, "its path \"%s\" is not absolute", h->path ? h->path : "");
	in = io_memfd("state", sb_str(state), state->len, true);
	if (in < 0)
		return err_errno(e, in, "state for %s", h->path);
	fds[0].from = in;
	r = spawn(&args, &pid, &pidfd);
	if (r < 0)
		return err_errno(e, r, "%s", h->path);
	return wait_for(h, pidfd, e);
}

static int run_all(const struct oci_spec *spec, enum oci_hook_point point, const struct strbuf *state, const char *chdir,
		   const char *const *env, const int *out, struct err *e)
{
	const struct oci_hook_list *list = &spec->hooks[point];

	if (sb_error(state) < 0)
		return err_errno(e, -ENOMEM, "hooks");
	for (size_t i = 0; i < list->n; i++)
		if (run_hook(&list->hooks[i], state, chdir, env, out, e) < 0)
			return err_ctx(e, "error running %s hook #%zu", point_names[point], i);
	return 0;
}

int rt_hook_output(const struct oci_spec *spec, int out[2], struct err *e)
{
	static const char *const names[] = { "run.oci.hooks.stdout", "run.oci.hooks.stderr" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *path = oci_annotation(spec, names[i]);

		if (!path)
			continue;
		if (path[0] != '/')
			return err_set(e, ERR_INVALID, "annotations.%s: \"%s\" is not absolute", names[i], path);
		out[i] = openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);
		if (out[i] < 0) {
			out[i] = 0;
			return err_errno(e, -errno, "annotations.%s: %s", names[i], path);
		}
	}
	return 0;
}

void rt_hook_output_close(int out[2])
{
	for (size_t i = 0; i < 2; i++)
		if (out[i]) {
			close_fd(out[i]);
			out[i] = 0;
		}
}

int rt_hooks(const struct rt_ctx *c, enum oci_hook_point point, const char *status, const char *const *env, struct err *e)
{
	CLEANUP_STRBUF struct strbuf state = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&state);

	if (!c->spec->hooks[point].n)
		return 0;
	rt_state_json(&w, NULL, c->spec, c->id, getpid(), c->bundle, status);
	return run_all(c->spec, point, &state, NULL, env, c->hook_out, e);
}

int rt_run_hooks(const struct oci_spec *spec, enum oci_hook_point point, const char *id, pid_t pid, const char *bundle,
		 const char *state_status, struct err *e)
{
	CLEANUP_STRBUF struct strbuf state = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&state);
	int out[2] = { 0 }, r;

	if (!spec->hooks[point].n)
		return 0;
	rt_state_json(&w, NULL, spec, id, pid, bundle, state_status);
	r = rt_hook_output(spec, out, e);
	/* tidying up must not fail for want of a place for its words */
	if (r < 0 && point == OCI_HOOK_POSTSTOP) {
		log_warning("%s: %s", id, e->msg);
		*e = (struct err){ 0 };
		r = 0;
	}
	if (r == 0)
		r = run_all(spec, point, &state, bundle, NULL, out, e);
	rt_hook_output_close(out);
	return r;
}
