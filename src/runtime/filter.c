/* The seccomp filter of the process, and the listener of one that notifies.
 *
 * The listener must reach the agent at linux.seccomp.listenerPath, but from the moment the filter is loaded our own
 * system calls are subject to it, and the agent cannot answer before it has the listener. So a helper is cloned before:
 * it is not filtered, shares our descriptors (CLONE_FILES), learns the listener's number by a write(2) (which is
 * therefore the one call that must not notify; the compiler sees to that) and sends it on with the container's state.
 * The helper leaves no zombie: SA_NOCLDWAIT is undone by exec. */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "runtime/internal.h"
#include "sys/ns.h"
#include "sys/seccomp.h"
#include "sys/sock.h"

#define BPF_DATA "run.oci.seccomp_bpf_data"
#define FAIL_UNKNOWN "run.oci.seccomp_fail_unknown_syscall"
#define PLUGINS "run.oci.seccomp.plugins"

static int connect_agent(const struct oci_seccomp *s, struct err *e)
{
	CLEANUP_FD int root = -1;
	int fd;

	if (!s->listener_path || s->listener_path[0] != '/')
		return err_set(e, ERR_INVALID, "linux.seccomp: SCMP_ACT_NOTIFY needs an absolute listenerPath");
	root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -errno : sock_connect(root, s->listener_path + 1, SOCK_STREAM);
	return fd < 0 ? err_errno(e, fd, "failed to connect with seccomp agent: linux.seccomp.listenerPath %s", s->listener_path) : fd;
}

/* crun's annotation: the filter's very instructions, whatever linux.seccomp says. The kernel checks them. */
static int take_bpf(struct rt_ctx *c, const char *text, struct err *e)
{
	struct sock_filter *insns = arena_array(&c->arena, strlen(text) / 4 * 3 / sizeof(*insns) + 2, sizeof(*insns));
	size_t len;

	if (!insns)
		return err_errno(e, -ENOMEM, "seccomp filter");
	if (base64_decode(text, (unsigned char *)insns, &len) < 0)
		return err_set(e, ERR_INVALID, "annotations.%s: is not base64", BPF_DATA);
	if (!len || len % sizeof(*insns) || len / sizeof(*insns) > BPF_MAXINSNS)
		return err_set(e, ERR_INVALID, "annotations.%s: %zu bytes are not 1 to %d BPF instructions of %zu bytes", BPF_DATA,
			       len, BPF_MAXINSNS, sizeof(*insns));
	for (size_t i = 0; i < len / sizeof(*insns); i++)
		if (insns[i].code == (BPF_RET | BPF_K) && (insns[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			return err_set(e, ERR_UNSUPPORTED, "annotations.%s: it notifies an agent (instruction %zu): only linux.seccomp can", BPF_DATA, i);
	c->seccomp = (struct rt_seccomp){ .insns = insns, .n = len / sizeof(*insns) };
	c->has_seccomp = true;
	return 0;
}

static int tell_unknown(const struct rt_ctx *c, struct err *e)
{
	if (c->seccomp.n_unknown && rt_annotated(c->spec, FAIL_UNKNOWN))
		return err_set(e, ERR_INVALID, "linux.seccomp: no system call is called %s, and annotations.%s wants to know",
			       c->seccomp.unknown[0], FAIL_UNKNOWN);
	for (size_t i = 0; i < c->seccomp.n_unknown; i++)
		log_debug("%s: seccomp: system call %s is not known and skipped", c->id, c->seccomp.unknown[i]);
	return 0;
}

int rt_filter_plan(struct rt_ctx *c, struct err *e)
{
	const struct oci_seccomp *s = c->spec->linux_.seccomp;
	const char *data = oci_annotation(c->spec, BPF_DATA);
	int r;

	c->agent = -1;
	if (!c->process)
		return 0;
	if (oci_annotation(c->spec, PLUGINS))
		return err_set(e, ERR_UNSUPPORTED, "annotations.%s: plugins are libcrun's; an agent at listenerPath does the same", PLUGINS);
	if (data)
		return take_bpf(c, data, e);
	if (!s)
		return 0;
	r = rt_seccomp_compile(&c->arena, s, &c->seccomp, e);
	if (r == 0)
		r = tell_unknown(c, e);
	if (r < 0)
		return r;
	c->has_seccomp = true;
	if (!c->seccomp.notify)
		return 0;
	c->agent = connect_agent(s, e);
	return c->agent < 0 ? c->agent : 0;
}

/* What the agent gets to read: the runtime-spec's "containerProcessState". */
static void agent_message(const struct rt_ctx *c, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);
	char link[64];
	ssize_t n = readlinkat(c->proc, "self", link, sizeof(link) - 1);
	pid_t pid;

	/* our pid as the host sees it */
	link[n > 0 ? n : 0] = '\0';
	pid = (pid_t)strtol(link, NULL, 10);
	jw_object(&w, NULL);
	jw_str(&w, "ociVersion", c->spec->oci_version);
	jw_array(&w, "fds");
	jw_str(&w, NULL, "seccompFd");
	jw_end_array(&w);
	jw_i64(&w, "pid", pid);
	jw_str(&w, "metadata",
	       c->spec->linux_.seccomp->listener_metadata ? c->spec->linux_.seccomp->listener_metadata : "");
	rt_state_json(&w, "state", c->spec, c->id, pid, c->bundle ? c->bundle : "", c->create ? "creating" : "running");
	jw_end_object(&w);
}

static _Noreturn void helper_main(const struct rt_ctx *c, const struct strbuf *text, int from, int to)
{
	int listener, r = -1;

	if (io_read_full(from, &listener, sizeof(listener)) == (ssize_t)sizeof(listener))
		r = sock_send_fds(c->agent, sb_str(text), text->len, &listener, 1);
	(void)!io_write_full(to, &r, sizeof(r));
	_exit(0);
}

static int load_and_tell(const struct rt_ctx *c, int to, int from, struct err *e)
{
	const struct rt_seccomp *f = &c->seccomp;
	int listener = seccomp_install(f->insns, f->n, f->flags), sent = -1;

	if (listener < 0)
		return err_errno(e, listener, "seccomp filter");
	if (io_write_full(to, &listener, sizeof(listener)) < 0 ||
	    io_read_full(from, &sent, sizeof(sent)) != (ssize_t)sizeof(sent) || sent < 0)
		return err_set(e, ERR_UNAVAILABLE, "linux.seccomp.listenerPath: the agent did not take the listener");
	return 0;
}

/* Hooks are children to be waited for, which SA_NOCLDWAIT forbids; without it a helper that still runs would be left. */
static int see_helper_off(int pidfd, struct err *e)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "seccomp listener");
	return sigaction(SIGCHLD, &usual, NULL) < 0 ? err_errno(e, -errno, "seccomp listener") : 0;
}

static int load_notifying(const struct rt_ctx *c, struct err *e)
{
	struct sigaction no_zombies = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	struct ns_clone how = { .flags = CLONE_FILES, .cgroup = -1 };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int number[2], answer[2], pidfd;
	pid_t pid;

	agent_message(c, &text); /* here: "self" is us, not the helper */
	if (sb_error(&text) < 0)
		return err_errno(e, -ENOMEM, "seccomp listener");
	if (pipe2(number, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 || sigaction(SIGCHLD, &no_zombies, NULL) < 0)
		return err_errno(e, -errno, "seccomp listener");
	pid = ns_clone(&how, &pidfd);
	if (pid < 0)
		return err_errno(e, pid, "seccomp listener");
	if (pid == 0)
		helper_main(c, &text, number[0], answer[1]);
	if (load_and_tell(c, number[1], answer[0], e) < 0)
		return e->code;
	return c->create && c->spec->hooks[OCI_HOOK_START_CONTAINER].n ? see_helper_off(pidfd, e) : 0;
}

int rt_filter_load(const struct rt_ctx *c, struct err *e)
{
	const struct rt_seccomp *f = &c->seccomp;
	int r;

	if (f->notify)
		return load_notifying(c, e);
	r = seccomp_install(f->insns, f->n, f->flags);
	return r < 0 ? err_errno(e, r, "seccomp filter") : 0;
}
