/* Nothing here is believed that is not for us: a variable of another process (LISTEN_PID, WATCHDOG_PID) was left over in the environment.
 *
 * cgroup v2 has processes in leaves alone, so a unit that has a container's cgroup cannot have processes of its own beside that: we are in the
 * unit's cgroup, as its first process, and go to "monitor" in it before the container's is made; its monitor is born where we are. */
#include "engine/service.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/cgroup.h"

/* What a monitor takes. */
#define MOST_FDS 256U

/* ---- what we are given ---- */

static const char *variable(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

static bool is_ours(const char *name, bool unset)
{
	const char *s = variable(name);
	int64_t pid;

	return s ? text_i64(s, &pid) == 0 && pid == getpid() : unset;
}

/* One of the manager's: those that we opened ourselves close at exec. */
static bool is_given(uint32_t fd)
{
	int flags = fcntl((int)fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int look_at_fds(const struct service *s, struct err *e)
{
	uint32_t n = service_fds(s);

	if (n > MOST_FDS)
		return err_set(e, ERR_LIMIT, "%u descriptors for the container: at most %u can be handed on", n, MOST_FDS);
	for (uint32_t i = 0; i < n; i++) {
		if (is_given(3 + i))
			continue;
		if (i < s->listen)
			return err_set(e, ERR_INVALID, "LISTEN_FDS=%u: descriptor %u is not open", s->listen, 3 + i);
		return err_set(e, ERR_INVALID, "--preserve-fds %u: descriptor %u is not open", s->more, 3 + i);
	}
	return 0;
}

int service_read(uint32_t preserve_fds, struct service *out, struct err *e)
{
	const char *listen = is_ours("LISTEN_PID", false) ? variable("LISTEN_FDS") : NULL;

	*out = (struct service){ .notify = variable("NOTIFY_SOCKET"), .more = preserve_fds };
	if (out->notify && is_ours("WATCHDOG_PID", true))
		out->watchdog = variable("WATCHDOG_USEC");
	if (preserve_fds > MOST_FDS)
		return err_set(e, ERR_LIMIT, "--preserve-fds %u: at most %u can be handed on", preserve_fds, MOST_FDS);
	if (listen && (text_u32(listen, &out->listen) < 0 || out->listen > MOST_FDS))
		return err_set(e, ERR_INVALID, "LISTEN_FDS=%s: want a number of descriptors, at most %u", listen, MOST_FDS);
	if (out->listen)
		out->names = variable("LISTEN_FDNAMES");
	return look_at_fds(out, e);
}

/* ---- options ---- */

void service_close(const struct service *s)
{
	for (uint32_t i = 0; i < service_fds(s); i++)
		(void)close(3 + (int)i);
}

static bool is(const char *value, const char *what)
{
	return value && strcmp(value, what) == 0;
}

static int check_cgroups(const struct ct_options *o, bool rootless, struct err *e)
{
	bool split = is(o->cgroups, "split"), disabled = is(o->cgroups, "disabled");

	if (rootless && o->cgroups && !disabled && !is(o->cgroups, "enabled"))
		return err_set(e, ERR_UNSUPPORTED, "--cgroups=%s: which cgroup the containers of an ordinary user are in is not his to choose (enabled and disabled are)",
			       o->cgroups);
	if (o->cgroup_parent && (split || disabled))
		return err_set(e, ERR_INVALID, "--cgroups=%s and --cgroup-parent contradict each other", o->cgroups);
	if (split && o->restart && strcmp(o->restart, "no") != 0)
		return err_set(e, ERR_INVALID, "--cgroups=split and --restart contradict each other: a unit's container ends with it; use Restart= in the unit");
	if (disabled && !rootless && is(o->pid, "host"))
		return err_set(e, ERR_UNSUPPORTED, "--cgroups=disabled and --pid=host: what it leaves running could not be found");
	return 0;
}

int service_check(const struct ct_options *o, bool rootless, struct err *e)
{
	if (is(o->sdnotify, "healthy") && o->no_healthcheck)
		return err_set(e, ERR_INVALID, "--sdnotify=healthy and --no-healthcheck contradict each other");
	return check_cgroups(o, rootless, e);
}

/* ---- into the description ---- */

void service_write_pass(const struct service *s, struct json_writer *w)
{
	if (!service_fds(s))
		return;
	jw_object(w, "pass");
	jw_u64(w, "n", service_fds(s));
	jw_u64(w, "listen", s->listen);
	jw_str(w, "names", s->names);
	jw_end_object(w);
}

static void write_notify(const struct service *s, const char *mode, struct json_writer *w)
{
	if (!s->notify || is(mode, "ignore"))
		return;
	jw_object(w, "notify");
	jw_str(w, "mode", mode ? mode : "container");
	jw_str(w, "socket", s->notify);
	jw_str(w, "watchdog", s->watchdog);
	jw_i64(w, "sender", getpid());
	jw_end_object(w);
}

int service_describe(const struct service *s, const char *mode, struct strbuf *description, struct err *e)
{
	CLEANUP_STRBUF struct strbuf more = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&more);

	if (!s || !description->len)
		return 0;
	jw_object(&w, NULL);
	write_notify(s, mode, &w);
	service_write_pass(s, &w);
	jw_end_object(&w);
	if (more.len > 2) {
		description->len--; /* it ends with its brace */
		sb_printf(description, ",%s", sb_str(&more) + 1);
	}
	return sb_error(&more) < 0 || sb_error(description) < 0 ? err_errno(e, -ENOMEM, "write the container's description") : 0;
}

/* ---- --cgroups=split ---- */

static int enter_monitor(struct arena *a, const char *top, struct err *e)
{
	const char *path = arena_printf(a, "%s/" SERVICE_MONITOR, top);
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = path ? cg_create(path, &cg, NULL, e) : err_errno(e, -ENOMEM, "--cgroups=split");

	return r < 0 ? r : cg_join(cg, getpid(), e);
}

int service_cgroup(struct arena *a, const char **out, struct err *e)
{
	char top[PATH_MAX], own[PATH_MAX];
	int r = cg_path_of(0, own, sizeof(own));

	if (r < 0)
		return err_errno(e, r, "--cgroups=split: our own cgroup");
	memcpy(top, own, sizeof(top));
	r = cg_delegated(top);
	if (r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "--cgroups=split needs cgroup v2, and this machine has v1's controllers: leave it out");
	if (r < 0)
		return err_set(e, ERR_DENIED, "--cgroups=split: cgroup %s is not delegated to us: run tare in a unit of systemd's with Delegate=yes", own);
	*out = arena_strdup(a, top);
	r = *out ? enter_monitor(a, top, e) : err_errno(e, -ENOMEM, "--cgroups=split");
	return r < 0 ? err_ctx(e, "--cgroups=split") : 0;
}
