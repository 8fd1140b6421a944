/* What runs: Docker's rules for entrypoint and command, environment, working folder. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/spec_plan.h"

#define ENV_FILE_MAX (1 << 20)
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static size_t count(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static struct strv join(struct arena *a, const char *const *x, const char *const *y)
{
	size_t nx = count(x), ny = count(y);
	const char **v = arena_array(a, nx + ny + 1, sizeof(*v));

	if (!v)
		return (struct strv){ NULL, 0 };
	if (nx)
		memcpy(v, x, nx * sizeof(*v));
	if (ny)
		memcpy(v + nx, y, ny * sizeof(*v));
	return (struct strv){ v, nx + ny };
}

/* --entrypoint replaces the image's entrypoint and drops its command; a command line replaces the image's command. */
static int plan_args(struct plan *p, const struct image_config *image, struct err *e)
{
	const char *const one[] = { p->opt->entrypoint, NULL };
	const char *const *entrypoint = image && !p->opt->no_entrypoint ? image->entrypoint : NULL;
	const char *const *cmd = image ? image->cmd : NULL;

	if (p->opt->entrypoint) {
		entrypoint = p->opt->entrypoint[0] ? join(p->a, one, p->opt->entrypoint_args.v).v : NULL;
		cmd = NULL;
	}
	if (p->opt->args.n)
		cmd = p->opt->args.v;
	p->entrypoint = join(p->a, entrypoint, NULL);
	p->cmd = join(p->a, cmd, NULL);
	p->args = join(p->a, entrypoint, cmd);
	if (p->args.n == 0)
		return err_set(e, ERR_INVALID, "no command: the image has none, so give one behind its name");
	if (!p->args.v[0][0])
		return err_set(e, ERR_CMD_MISSING, "the command is an empty word");
	return 0;
}

/* ---- environment ---- */

struct env {
	struct arena *a;
	const char *option, *file_option; /* NULL: --env, --env-file */
	bool plain;                       /* a name alone is not looked up: a label */
	const char **v;
	size_t n, cap;
};

static size_t key_len(const char *entry)
{
	return strcspn(entry, "=");
}

/* Where the entry with entry's key is; n: there is none. */
static size_t find_key(const char *const *v, size_t n, const char *entry)
{
	size_t len = key_len(entry), i = 0;

	while (i < n && (key_len(v[i]) != len || strncmp(v[i], entry, len) != 0))
		i++;
	return i;
}

/* "K=V", "K"; an entry of the same key is replaced in its place. */
static void env_set(struct env *env, const char *entry)
{
	size_t at = find_key(env->v, env->n, entry);

	if (at < env->n) {
		env->v[at] = entry;
		return;
	}
	if (env->n + 1 >= env->cap) {
		size_t cap = env->cap ? 2 * env->cap : 32;
		const char **more = arena_array(env->a, cap, sizeof(*more));

		if (!more)
			return;
		if (env->n)
			memcpy(more, env->v, env->n * sizeof(*more));
		env->v = more;
		env->cap = cap;
	}
	env->v[env->n++] = entry;
	env->v[env->n] = NULL;
}

/* "K=V", or "K": the caller's own value; where the caller has none the name alone stays, as in Docker's inspect, and no process is given it. */
static int env_option(struct env *env, const char *where, const char *text, struct err *e)
{
	size_t len = key_len(text);
	const char *value;

	if (len == 0)
		return err_set(e, ERR_INVALID, "%s \"%s\": want NAME=VALUE or NAME", where, text);
	if (text[len] == '=' || env->plain) {
		env_set(env, text);
		return 0;
	}
	value = getenv(text);
	env_set(env, value ? arena_printf(env->a, "%s=%s", text, value) : text);
	return 0;
}

static int env_file(struct env *env, const char *path, struct err *e)
{
	const char *option = env->file_option ? env->file_option : "--env-file";
	CLEANUP_FREE char *text = NULL;
	struct strv lines;
	int r = io_read_file(AT_FDCWD, path, ENV_FILE_MAX, &text, NULL);

	if (r < 0)
		return err_errno(e, r, "%s %s", option, path);
	lines = plan_split(env->a, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = lines.v[i] + strspn(lines.v[i], " \t\r");
		size_t len = strlen(line);

		if (len && line[len - 1] == '\r')
			line = arena_strndup(env->a, line, len - 1);
		if (!line || !*line || *line == '#')
			continue;
		if (memchr(line, ' ', key_len(line)) || memchr(line, '\t', key_len(line)))
			return err_set(e, ERR_INVALID, "%s %s, line %zu: white space in the name", option, path, i + 1);
		if (env_option(env, option, line, e) < 0)
			return err_ctx(e, "%s, line %zu", path, i + 1);
	}
	return 0;
}

static int plan_env(struct plan *p, const struct image_config *image, struct err *e)
{
	struct env env = { .a = p->a };

	env_set(&env, DEFAULT_PATH);
	for (const char *const *v = image ? image->env : NULL; v && *v; v++)
		env_set(&env, *v);
	for (size_t i = 0; i < p->opt->default_env.n; i++)
		env_set(&env, p->opt->default_env.v[i]);
	p->env = (struct strv){ env.v, env.n };
	return plan_env_add(p->a, &p->env, p->opt->env_files, p->opt->env, e);
}

void plan_home(struct plan *p, const char *home)
{
	struct env env = { .a = p->a };

	for (size_t i = 0; i < p->env.n; i++)
		env_set(&env, p->env.v[i]);
	for (size_t i = 0; i < p->device_env.n; i++)
		env_set(&env, p->device_env.v[i]);
	p->run_env = plan_env_given(p->a, (struct strv){ env.v, env.n }, p->hostname, p->opt->tty, home);
}

static bool has_name(struct strv v, const char *name)
{
	return find_key(v.v, v.n, name) < v.n;
}

struct strv plan_env_given(struct arena *a, struct strv v, const char *hostname, bool tty, const char *home)
{
	struct env env = { .a = a };

	if (v.n && strchr(v.v[0], '='))
		env_set(&env, v.v[0]);
	if (!has_name(v, "HOSTNAME") && hostname)
		env_set(&env, arena_printf(a, "HOSTNAME=%s", hostname));
	if (!has_name(v, "TERM") && tty)
		env_set(&env, "TERM=xterm");
	for (size_t i = 0; i < v.n; i++)
		if (strchr(v.v[i], '='))
			env_set(&env, v.v[i]);
	if (!has_name(v, "HOME"))
		env_set(&env, arena_printf(a, "HOME=%s", home));
	return (struct strv){ env.v, env.n };
}

/* The lines of files, then what the command line has: that wins. */
static int env_add(struct env *env, struct strv files, struct strv options, struct strv *out, struct err *e)
{
	const char *option = env->option ? env->option : "--env";

	for (size_t i = 0; i < files.n; i++)
		if (env_file(env, files.v[i], e) < 0)
			return e->code;
	for (size_t i = 0; i < options.n; i++)
		if (env_option(env, option, options.v[i], e) < 0)
			return e->code;
	*out = (struct strv){ env->v, env->n };
	return arena_error(env->a) < 0 ? err_errno(e, -ENOMEM, "%s", option) : 0;
}

int plan_env_add(struct arena *a, struct strv *v, struct strv files, struct strv options, struct err *e)
{
	struct env env = { .a = a };

	for (size_t i = 0; i < v->n; i++)
		env_set(&env, v->v[i]);
	return env_add(&env, files, options, v, e);
}

static int plan_labels(struct plan *p, struct err *e)
{
	struct env labels = { .a = p->a, .option = "--label", .file_option = "--label-file", .plain = true };
	struct env annotations = { .a = p->a, .option = "--annotation", .plain = true };
	int r = env_add(&labels, p->opt->label_files, p->opt->labels, &p->labels, e);

	return r < 0 ? r : env_add(&annotations, (struct strv){ 0 }, p->opt->annotations, &p->annotations, e);
}

static int plan_cwd(struct plan *p, const struct image_config *image, struct err *e)
{
	const char *dir = p->opt->workdir ? p->opt->workdir : image ? image->working_dir : "";

	p->cwd = plan_clean_path(p->a, dir[0] ? dir : "/");
	if (!p->cwd)
		return err_set(e, ERR_INVALID, "--workdir %s: must be an absolute path", dir);
	return 0;
}

int plan_process(struct plan *p, const struct image_config *image, struct err *e)
{
	int r = plan_args(p, image, e);

	if (r == 0)
		r = plan_env(p, image, e);
	if (r == 0)
		r = plan_cwd(p, image, e);
	if (r == 0)
		r = plan_labels(p, e);
	p->user = p->opt->user ? p->opt->user : image ? image->user : "";
	return r < 0 || arena_error(p->a) == 0 ? r : err_errno(e, -ENOMEM, "environment");
}
