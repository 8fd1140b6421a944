/* The process gets what the container's first one got (environment, user, capabilities, no_new_privs) unless told
 * otherwise. Names of users are looked up in the container's own files as they are now, through /proc/PID/root, which
 * is opened while a pidfd proves that PID is still the container's. */
#include "engine/exec.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/launch.h"
#include "engine/links.h"
#include "engine/spec.h"
#include "oci/user.h"
#include "sys/caps.h"

struct exec {
	const struct exec_options *opt;
	struct arena a;
	struct record rec;
	struct live live;
	const struct json *description, *spec, *process; /* the container's */
	struct ct_config config;
	struct strv env;
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t n_groups;
	char id[ID_LEN + 1];
};

static void exec_end(struct exec *x)
{
	live_close(&x->live);
	arena_free(&x->a);
}

static int read_description(const struct engine *en, struct exec *x, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = launch_read_description(en, x->rec.id, 0, &text, e);

	if (r == 0)
		r = json_parse(&x->a, text.s, text.len, NULL, &x->description, e);
	if (r == 0)
		r = json_get_obj(x->description, "description", "spec", &x->spec, e);
	if (r == 0)
		r = json_get_obj(x->spec, "spec", "process", &x->process, e);
	if (r == 0)
		r = config_parse(&x->a, x->rec.config, &x->config, e);
	return r;
}

static int open_root(const struct exec *x, struct err *e)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)x->live.pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && proc_signal(x->live.pidfd, 0) == 0)
		return fd;
	close_fd(fd);
	return err_set(e, ERR_BUSY, "container %s is not running", x->rec.name);
}

/* The container's own user, from its specification. */
static int same_user(struct exec *x, struct err *e)
{
	const struct json *user = json_get(x->process, "user"), *groups = json_get(user, "additionalGids");
	uint32_t *list = arena_array(&x->a, (groups ? groups->len : 0) + 1, sizeof(*list));
	int r = json_get_u32(user, "user", "uid", &x->uid, e);

	if (r == 0)
		r = json_get_u32(user, "user", "gid", &x->gid, e);
	if (r == 0 && !list)
		r = err_errno(e, -ENOMEM, "groups");
	json_each(group, groups) {
		uint64_t gid;

		if (r == 0 && json_as_u64(group, &gid) == 0)
			list[x->n_groups++] = (uint32_t)gid;
	}
	x->groups = list;
	return r;
}

static int choose_user(struct exec *x, int root, const char **home, struct err *e)
{
	struct oci_resolved_user u;
	int r;

	if (!x->opt->user) {
		r = same_user(x, e);
		return r < 0 ? r : oci_user_home(&x->a, root, x->uid, home, e);
	}
	r = oci_user_resolve(&x->a, root, x->opt->user, &u, e);
	if (r < 0) {
		e->cls = ERR_CMD_NOEXEC; /* Docker's 126 */
		return r;
	}
	x->uid = u.uid;
	x->gid = u.gid;
	x->groups = u.groups;
	x->n_groups = u.n_groups;
	*home = u.home;
	return 0;
}

static int choose_env(const struct engine *en, struct exec *x, const char *home, struct err *e)
{
	const struct json *config = json_get(x->config.doc, "Config");
	const char *hostname = NULL, **v;
	int r = json_get_strv(&x->a, config, "Config", "Env", &v, &x->env.n, e);

	if (r < 0)
		return r;
	x->env.v = v;
	r = links_env(en, &x->a, x->rec.name, x->config.doc, &x->env, e);
	if (r < 0)
		return r;
	r = plan_env_add(&x->a, &x->env, x->opt->env_files, x->opt->env, e);
	if (r == 0)
		r = json_get_str(config, "Config", "Hostname", &hostname, e);
	if (r == 0)
		x->env = plan_env_given(&x->a, x->env, hostname, x->opt->tty, home);
	return r;
}

/* The container's bounding set. */
static uint64_t container_caps(const struct exec *x)
{
	uint64_t caps = 0;

	json_each(name, json_get(json_get(x->process, "capabilities"), "bounding")) {
		int n = name->type == JSON_STRING ? cap_number(name->str) : -1;

		caps |= n >= 0 ? CAP_BIT(n) : 0;
	}
	return caps;
}

static void write_process(const struct exec *x, struct json_writer *w)
{
	const struct json *cwd = json_get(x->process, "cwd");

	jw_object(w, "process");
	jw_bool(w, "terminal", x->opt->tty);
	spec_write_user(x->uid, x->gid, x->groups, x->n_groups, w);
	jw_strv(w, "args", x->opt->args.v);
	jw_strv(w, "env", x->env.v);
	jw_str(w, "cwd", x->opt->workdir ? x->opt->workdir : cwd ? cwd->str : "/");
	spec_write_caps(x->opt->privileged ? spec_all_caps() : container_caps(x), x->uid, w);
	if (json_get(x->process, "rlimits"))
		jw_value(w, "rlimits", json_get(x->process, "rlimits"));
	if (x->opt->privileged)
		jw_bool(w, "noNewPrivileges", false);
	else if (json_get(x->process, "noNewPrivileges"))
		jw_value(w, "noNewPrivileges", json_get(x->process, "noNewPrivileges"));
	if (json_get(x->process, "oomScoreAdj"))
		jw_value(w, "oomScoreAdj", json_get(x->process, "oomScoreAdj"));
	jw_end_object(w);
}

static void describe(const struct exec *x, struct strbuf *out)
{
	static const char *const same[] = { "version", "id", "containerDir", "stateDir", "cgroup", "monitorCgroup", "spec" };
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (json_get(x->description, same[i]))
			jw_value(&w, same[i], json_get(x->description, same[i]));
	jw_str(&w, "execId", x->id);
	jw_bool(&w, "tty", x->opt->tty);
	jw_bool(&w, "openStdin", x->opt->open_stdin);
	jw_bool(&w, "keep", x->opt->id != NULL);
	jw_u64(&w, "attach", x->opt->attach);
	service_write_pass(x->opt->service, &w);
	write_process(x, &w);
	events_attributes(&x->rec, &w, "event");
	jw_end_object(&w);
}

static int prepare(const struct engine *en, struct exec *x, const char *what, struct err *e)
{
	CLEANUP_FD int root = -1;
	const char *home = "/";
	int r = container_running(en, &x->a, what, &x->rec, &x->live, e);

	if (r < 0)
		return r;
	if (container_paused(&x->rec))
		return err_set(e, ERR_BUSY, "container %s is paused: unpause it first", x->rec.name);
	if (x->opt->workdir && x->opt->workdir[0] != '/')
		return err_set(e, ERR_INVALID, "--workdir %s: must be an absolute path", x->opt->workdir);
	r = read_description(en, x, e);
	if (r < 0)
		return r;
	root = open_root(x, e);
	if (root < 0)
		return root;
	r = choose_user(x, root, &home, e);
	return r < 0 ? r : choose_env(en, x, home, e);
}

int container_exec(const struct engine *en, const char *what, const struct exec_options *opt, struct client *out,
		   struct exec_made *made, struct err *e)
{
	CLEANUP(exec_end) struct exec x = { .opt = opt, .a = ARENA_INIT, .live = LIVE_INIT };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = prepare(en, &x, what, e);

	if (r < 0)
		return r;
	r = opt->id ? snprintf(x.id, sizeof(x.id), "%s", opt->id) : text_random_hex(ID_LEN / 2, x.id);
	if (r < 0)
		return err_errno(e, r, "make up an id");
	memcpy(made->id, x.id, sizeof(made->id));
	(void)snprintf(made->container, sizeof(made->container), "%s", x.rec.id);
	describe(&x, &text);
	if (sb_error(&text) < 0 || arena_error(&x.a) < 0)
		return err_errno(e, -ENOMEM, "describe the process");
	if (!opt->id)
		events_exec(en, &x.rec, "create", x.id, opt->args);
	events_exec(en, &x.rec, "start", x.id, opt->args);
	r = launch_monitor("exec", text.s, text.len, &(struct launch){ .service = opt->service }, out, e);
	if (r == 0) {
		r = client_started(out, e);
		if (r < 0)
			client_close(out);
	}
	if (r < 0)
		events_exec_ended(en, &x.rec, x.id, err_info(e->cls)->exit_code);
	return r;
}
