/* A bind shows a copy: .dockerignore holds for it as for COPY, a command that writes into it (rw) changes nobody's files,
 * and what a stage has is one tree only in an overlay that has no name. Copying is done when the command runs, not when
 * the cache has its result.
 *
 * Caches are folders of the store, ROOT/build-cache/HEX, HEX from the id and from what they begin with; they belong to ids of images, as layers
 * do. */
#include "build/runmount.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/io.h"
#include "build/named.h"
#include "build/put.h"
#include "build/secret.h"
#include "engine/buildcache.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "--mount");
}

/* "/run/buildkit/ssh_agent.0" and on, the ssh mounts of a RUN counted. */
static const char *ssh_target(struct arena *a, const struct df_run *run, size_t i)
{
	size_t before = 0;

	for (size_t k = 0; k < i; k++)
		before += run->mounts[k].type == DF_MOUNT_SSH;
	return arena_printf(a, "/run/buildkit/ssh_agent.%zu", before);
}

const char *run_mount_target(struct arena *a, const struct conf *c, const struct df_run *run, size_t i)
{
	const struct df_mount *m = &run->mounts[i];
	const char *target = m->target;

	if (!target && m->type == DF_MOUNT_SECRET)
		target = m->env ? NULL : arena_printf(a, "/run/secrets/%s", m->id ? m->id : m->source);
	else if (!target)
		target = m->type == DF_MOUNT_SSH ? ssh_target(a, run, i) : ".";
	if (!target)
		return m->env ? "" : NULL;
	return conf_path(a, c, target);
}

/* ---- binds ---- */

struct bind {
	int root;
	struct pick_from from;
	struct pick_list items;
};

static void bind_end(struct bind *b)
{
	b->root = close_fd(b->root);
}

static int bind_open(struct build *b, size_t stage, const struct df_mount *m, struct bind *out, struct err *e)
{
	const char *source = m->source && m->source[0] ? m->source : ".";
	int r = source_open(b, stage, m->from, &out->from, e);

	out->root = out->from.root;
	if (r == 0)
		r = pick_source(b->a, &out->from, source, &out->items, e);
	return r < 0 || out->items.n ? r : err_set(e, ERR_NOTFOUND, "%s: no file fits it", source);
}

/* What is mounted, or what a new cache begins with. */
static bool has_content(const struct df_mount *m)
{
	return m->type == DF_MOUNT_BIND || (m->type == DF_MOUNT_CACHE && m->from);
}

/* A stage's or an image's tree: nobody writes there. */
static bool is_quiet(const struct build *b, const char *from)
{
	const struct named *named = named_find(b, from);

	return from && (!named || named->image);
}

/* Adds what is bound to the key, unless that is NULL, and what was seen of it in the context; elsewhere nobody writes. */
static int add_binds(struct build *b, size_t stage, const struct df_run *run, struct key *k, struct key *seen, struct err *e)
{
	struct key none;
	int r = 0;

	key_begin(&none, "", NULL);

	for (size_t i = 0; r == 0 && i < run->n_mounts; i++) {
		CLEANUP(bind_end) struct bind bind = { .root = -1 };

		if (!has_content(&run->mounts[i]) || (!k && is_quiet(b, run->mounts[i].from)))
			continue;
		r = bind_open(b, stage, &run->mounts[i], &bind, e);
		for (size_t j = 0; r == 0 && j < bind.items.n; j++)
			r = k ? pick_digest(&bind.from, &bind.items.v[j], k, bind.from.owners ? &none : seen, e)
			      : pick_seen(&bind.from, &bind.items.v[j], seen, e);
	}
	return r;
}

int run_mounts_key(struct build *b, size_t stage, const struct df_run *run, struct key *k, struct run_mounts *out, struct err *e)
{
	struct key seen;
	int r;

	key_begin(&seen, "seen", NULL);
	r = add_binds(b, stage, run, k, &seen, e);
	key_end(&seen, out->seen);
	return r < 0 ? err_ctx(e, "--mount") : 0;
}

static bool has_changed(struct build *b, size_t stage, const struct df_run *run, const char *before)
{
	char now[SHA256_DIGEST_LEN + 1];
	struct err ignored;
	struct key seen;
	int r;

	key_begin(&seen, "seen", NULL);
	r = add_binds(b, stage, run, NULL, &seen, &ignored);
	key_end(&seen, now);
	return r < 0 || strcmp(now, before) != 0;
}

static int volume(struct build *b, struct run_mounts *out, const char *source, const char *target, bool ro, struct err *e)
{
	const char *text = arena_printf(b->a, "%s:%s:%s", source, target, ro ? "ro" : "rw");

	return text && df_list_add(b->a, &out->volumes, text) ? 0 : no_memory(e);
}

static int make_bind(struct build *b, size_t stage, const struct step *st, const struct df_mount *m, const char *target,
		     struct run_mounts *out, struct err *e)
{
	CLEANUP(bind_end) struct bind bind = { .root = -1 };
	const char *name = arena_printf(b->a, "bind-%zu", out->volumes.n);
	struct put_to to = { .root = -1, .epoch = b->stages[stage].epoch };
	CLEANUP_FD int base = -1;
	int r = name ? bind_open(b, stage, m, &bind, e) : no_memory(e);

	if (r < 0)
		return r;
	if (bind.items.n != 1)
		return err_set(e, ERR_INVALID, "source=%s means several files", m->source);
	to.chown = to.folders = !bind.from.owners;
	base = to.root = open(st->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0)
		return err_errno(e, -errno, "the step's folder");
	r = put_item(&to, &bind.from, &bind.items.v[0], name, e);
	return r < 0 ? r : volume(b, out, arena_printf(b->a, "%s/%s", st->base, name), target, m->read_only, e);
}

/* ---- caches ---- */

struct cache {
	const struct df_mount *m;
	const char *id;
	struct bind begins; /* with what; of from */
	char content[SHA256_DIGEST_LEN + 1]; /* of that; "": it begins empty */
	const char *name;   /* below the root of the store */
};

static void end_cache(struct cache *c)
{
	bind_end(&c->begins);
}

static int find_content(struct build *b, size_t stage, struct cache *c, struct err *e)
{
	struct key k, seen;
	int r;

	if (c->m->source && !c->m->from)
		return err_set(e, ERR_INVALID, "type=cache: source is a folder of from, and there is none");
	if (!c->m->from)
		return 0;
	r = bind_open(b, stage, c->m, &c->begins, e);
	if (r == 0 && (c->begins.items.n != 1 || !S_ISDIR(c->begins.items.v[0].mode)))
		r = err_set(e, ERR_INVALID, "source=%s is no folder, and a cache is one", c->m->source ? c->m->source : ".");
	if (r < 0)
		return r;
	key_begin(&k, "begins", NULL);
	key_begin(&seen, "", NULL);
	r = pick_digest(&c->begins.from, &c->begins.items.v[0], &k, &seen, e);
	key_end(&k, c->content);
	return r;
}

/* Made in the step's folder, and whole when it gets its name; somebody else may have made the same meanwhile. */
static int new_cache(struct build *b, size_t stage, const struct step *st, const struct cache *c, struct err *e)
{
	mode_t mode = c->m->mode < 0 ? 0755 : (mode_t)c->m->mode & 07777;
	struct put_to to = { .root = -1, .epoch = b->stages[stage].epoch, .chown = c->content[0] && !c->begins.from.owners };
	CLEANUP_FD int base = to.root = open(st->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd = -1;
	const char *name = arena_printf(b->a, "cache-%s", c->name + sizeof(BUILDCACHE_FOLDER));
	int r = base < 0 ? err_errno(e, -errno, "the step's folder") : name ? 0 : no_memory(e);

	if (r == 0 && mkdirat(base, name, 0700) < 0)
		r = err_errno(e, -errno, "make a cache");
	if (r == 0 && c->content[0])
		r = put_item(&to, &c->begins.from, &c->begins.items.v[0], name, e);
	if (r < 0)
		return r;
	fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, c->m->uid < 0 ? 0 : (uid_t)c->m->uid, c->m->gid < 0 ? 0 : (gid_t)c->m->gid) < 0 || fchmod(fd, mode) < 0)
		return err_errno(e, -errno, "make a cache");
	if (renameat2(base, name, b->en->root_fd, c->name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(e, -errno, "make a cache");
	r = io_remove_tree(base, name); /* it may be needed yet, when that one is pruned */
	return r < 0 ? err_errno(e, r, "make a cache") : 0;
}

/* Which folder it is; of private ones that are in use number n. */
static int name_cache(struct build *b, struct cache *c, unsigned int n, struct err *e)
{
	char hex[SHA256_DIGEST_LEN + 1];
	struct key k;

	key_begin(&k, "cache", NULL);
	key_add(&k, c->id);
	key_add_number(&k, n);
	if (c->content[0])
		key_add(&k, c->content);
	key_end(&k, hex);
	c->name = arena_printf(b->a, BUILDCACHE_FOLDER "/%s", digest_hex(hex));
	return c->name ? 0 : no_memory(e);
}

static int open_cache(struct build *b, size_t stage, const struct step *st, const struct cache *c, struct err *e)
{
	int fd, r;

	if (mkdirat(b->en->root_fd, BUILDCACHE_FOLDER, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "make " BUILDCACHE_FOLDER);
	for (;;) {
		fd = openat(b->en->root_fd, c->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			return fd >= 0 ? fd : err_errno(e, -errno, "open a cache");
		r = new_cache(b, stage, st, c, e);
		if (r < 0)
			return r;
	}
}

static int add_lock(struct build *b, struct run_mounts *out, int fd, const char *name, struct err *e)
{
	struct run_lock *v = arena_array(b->a, out->n_locks + 1, sizeof(*v));

	if (!v) {
		close_fd(fd);
		return no_memory(e);
	}
	if (out->n_locks)
		memcpy(v, out->locks, out->n_locks * sizeof(*v));
	out->locks = v;
	out->locks[out->n_locks++] = (struct run_lock){ fd, name };
	return 0;
}

/* This RUN has it already. */
static bool has_cache(const struct run_mounts *m, const char *name)
{
	for (size_t i = 0; i < m->n_locks; i++)
		if (strcmp(m->locks[i].name, name) == 0)
			return true;
	return false;
}

/* Shared: everybody at once. Locked: one after the other. Private: whoever comes while one is in use has another. */
static int lock_cache(int fd, enum df_sharing sharing)
{
	static const int how[] = { [DF_SHARING_SHARED] = LOCK_SH, [DF_SHARING_PRIVATE] = LOCK_EX | LOCK_NB, [DF_SHARING_LOCKED] = LOCK_EX };
	int r;

	do
		r = flock(fd, how[sharing]) < 0 ? -errno : 0;
	while (r == -EINTR);
	return r;
}

/* Whoever waits for a folder may get one that was pruned meanwhile: then there is another, or is to be. */
static int take_cache(struct build *b, size_t stage, const struct step *st, struct cache *c, struct run_mounts *out, struct err *e)
{
	unsigned int n = 0;

	for (;;) {
		int fd, r = name_cache(b, c, n, e);

		if (r < 0 || has_cache(out, c->name)) /* another handle would wait for the first, for ever */
			return r;
		fd = open_cache(b, stage, st, c, e);
		if (fd < 0)
			return fd;
		r = lock_cache(fd, c->m->sharing);
		if (r == 0 && buildcache_folder_is(b->en, c->name, fd))
			return add_lock(b, out, fd, c->name, e);
		close_fd(fd);
		if (r == -EWOULDBLOCK)
			n++;
		else if (r < 0)
			return err_errno(e, r, "lock a cache");
	}
}

/* By their names, and of one that is there twice the mount that wants it for itself first. */
static int in_order(const void *a, const void *b)
{
	static const int alone[] = { [DF_SHARING_SHARED] = 0, [DF_SHARING_PRIVATE] = 1, [DF_SHARING_LOCKED] = 2 };
	const struct cache *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : alone[y->m->sharing] - alone[x->m->sharing];
}

static void end_caches(struct cache *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		end_cache(&v[i]);
}

/* All that this RUN mounts, in an order that is everybody's: whoever waits for one has none that comes behind it, so nobody waits in a
 * circle. A private one is waited for by nobody who has it not yet, for it is another folder then. */
static int take_caches(struct build *b, size_t stage, const struct step *st, const struct df_run *run, struct run_mounts *out, struct err *e)
{
	struct cache *v = arena_array(b->a, run->n_mounts + 1, sizeof(*v));
	size_t n = 0;
	int r = 0;

	out->caches = arena_array(b->a, run->n_mounts + 1, sizeof(*out->caches));
	if (!v || !out->caches)
		return no_memory(e);
	for (size_t i = 0; r == 0 && i < run->n_mounts; i++) {
		const struct df_mount *m = &run->mounts[i];
		const char *target = m->type == DF_MOUNT_CACHE ? run_mount_target(b->a, &b->stages[stage].conf, run, i) : "";

		if (m->type != DF_MOUNT_CACHE)
			continue;
		if (!target)
			r = no_memory(e);
		v[n] = (struct cache){ .m = m, .id = m->id ? m->id : target, .begins.root = -1 };
		if (r == 0)
			r = find_content(b, stage, &v[n], e);
		n++;
		if (r == 0)
			r = name_cache(b, &v[n - 1], 0, e);
	}
	if (r == 0 && n > 1)
		qsort(v, n, sizeof(*v), in_order);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = take_cache(b, stage, st, &v[i], out, e);
		out->caches[v[i].m - run->mounts] = v[i].name;
	}
	end_caches(v, n);
	return r;
}

/* ---- secrets ---- */

static int secret_file(struct build *b, const struct step *st, const struct df_mount *m, const char *text, size_t len, const char *target,
		       struct run_mounts *out, struct err *e)
{
	const char *path = arena_printf(b->a, "%s/secret-%zu", st->base, out->files.n);
	CLEANUP_FD int fd = -1;
	int r;

	if (!path || !df_list_add(b->a, &out->files, path))
		return no_memory(e);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : io_write_full(fd, text, len);
	if (r == 0 && (fchown(fd, m->uid < 0 ? 0 : (uid_t)m->uid, m->gid < 0 ? 0 : (gid_t)m->gid) < 0 ||
		       fchmod(fd, m->mode < 0 ? 0400 : (mode_t)m->mode & 07777) < 0))
		r = -errno;
	return r < 0 ? err_errno(e, r, "a secret") : volume(b, out, path, target, true, e);
}

static int make_secret(struct build *b, const struct step *st, const struct df_mount *m, const char *target, struct run_mounts *out,
		       struct err *e)
{
	const char *id = m->id ? m->id : m->source;
	CLEANUP_FREE char *text = NULL;
	const char *env;
	size_t len;
	int r;

	r = secret_read(b, id, &text, &len, e);
	if (r == 0 && m->required)
		return err_set(e, ERR_NOTFOUND, "secret %s is required: --secret id=%s,src=FILE gives it", id, id);
	if (r <= 0)
		return r;
	if (m->env) {
		env = strlen(text) == len ? arena_printf(b->a, "%s=%s", m->env, text) : NULL;
		if (!env || !df_list_add(b->a, &out->env, env))
			return env ? no_memory(e) : err_set(e, ERR_INVALID, "secret %s has a NUL and cannot be a variable", id);
	}
	return target[0] ? secret_file(b, st, m, text, len, target, out, e) : 0;
}

/* ---- ssh ---- */

static bool has_variable(const struct stage *s, const char *name)
{
	const char *const *env = df_scope_list(&s->scope, DF_OF_ENV | DF_OF_ARG);
	size_t len = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return true;
	return false;
}

static int add_agent(struct build *b, struct run_mounts *out, struct agent agent, struct err *e)
{
	struct agent *v = arena_array(b->a, out->n_agents + 1, sizeof(*v));

	if (!v) {
		agent_end(&agent);
		return no_memory(e);
	}
	if (out->n_agents)
		memcpy(v, out->agents, out->n_agents * sizeof(*v));
	out->agents = v;
	out->agents[out->n_agents++] = agent;
	return 0;
}

/* The first is SSH_AUTH_SOCK, unless the stage has set that. */
static int make_ssh(struct build *b, const struct stage *s, const struct step *st, const struct df_mount *m, const char *target,
		    struct run_mounts *out, struct err *e)
{
	const char *id = m->id ? m->id : "default", *name = arena_printf(b->a, "ssh-%zu", out->n_agents);
	CLEANUP_FD int base = open(st->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct agent agent = AGENT_INIT;
	const char *path = name ? arena_printf(b->a, "%s/%s", st->base, name) : NULL, *env = arena_printf(b->a, "SSH_AUTH_SOCK=%s", target);
	int r;

	if (!path || !env || !df_list_add(b->a, &out->files, path))
		return no_memory(e);
	if (base < 0)
		return err_errno(e, -errno, "the step's folder");
	r = ssh_lend(b, id, base, name, m->uid < 0 ? 0 : (uid_t)m->uid, m->gid < 0 ? 0 : (gid_t)m->gid,
		     m->mode < 0 ? 0600 : (mode_t)m->mode & 07777, &agent, e);
	if (r == 0 && m->required)
		return err_set(e, ERR_NOTFOUND, "the ssh agent %s is required: --ssh %s gives it", id, id);
	if (r <= 0)
		return r;
	r = add_agent(b, out, agent, e);
	if (r == 0 && out->n_agents == 1 && !has_variable(s, "SSH_AUTH_SOCK") && !df_list_add(b->a, &out->env, env))
		return no_memory(e);
	return r < 0 ? r : volume(b, out, path, target, true, e);
}

/* ---- all ---- */

static int make_tmpfs(struct build *b, const struct df_mount *m, const char *target, struct run_mounts *out, struct err *e)
{
	const char *text = m->size ? arena_printf(b->a, "%s:size=%llu", target, (unsigned long long)m->size) : target;

	return text && df_list_add(b->a, &out->tmpfs, text) ? 0 : no_memory(e);
}

/* ---- a script ---- */

static int make_script(struct build *b, const struct step *st, const char *text, struct run_mounts *out, struct err *e)
{
	const char *path = arena_printf(b->a, "%s/script", st->base);
	CLEANUP_FD int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700) : -1;
	int r = fd < 0 ? -errno : io_write_full(fd, text, strlen(text));

	if (r == 0 && fchmod(fd, 0755) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "the script") : volume(b, out, path, RUN_SCRIPT, true, e);
}

static int make_one(struct build *b, size_t stage, const struct step *st, const struct df_run *run, size_t i, struct run_mounts *out,
		    struct err *e)
{
	const struct df_mount *m = &run->mounts[i];
	const char *target = run_mount_target(b->a, &b->stages[stage].conf, run, i);

	if (!target)
		return no_memory(e);
	if (strcmp(target, "/") == 0)
		return err_set(e, ERR_INVALID, "nothing can be mounted over /: %s", m->target ? "want another target" : "want a target=PATH");
	if (strchr(target, ':'))
		return err_set(e, ERR_UNSUPPORTED, "target=%s: nothing can be mounted at a path with a colon in it", target);
	switch (m->type) {
	case DF_MOUNT_BIND:
		return make_bind(b, stage, st, m, target, out, e);
	case DF_MOUNT_CACHE:
		return volume(b, out, arena_printf(b->a, "%s/%s", b->en->root, out->caches[i]), target, m->read_only, e);
	case DF_MOUNT_SECRET:
		return make_secret(b, st, m, target, out, e);
	case DF_MOUNT_TMPFS:
		return make_tmpfs(b, m, target, out, e);
	case DF_MOUNT_SSH:
	default:
		return make_ssh(b, &b->stages[stage], st, m, target, out, e);
	}
}

int run_mounts_make(struct build *b, size_t stage, const struct step *st, const struct df_run *run, struct run_mounts *out, struct err *e)
{
	int r = run->script ? make_script(b, st, run->command.argv.v[0], out, e) : 0;

	if (r == 0)
		r = take_caches(b, stage, st, run, out, e);
	for (size_t i = 0; r == 0 && i < run->n_mounts; i++)
		r = make_one(b, stage, st, run, i, out, e);
	out->changed = r == 0 && has_changed(b, stage, run, out->seen);
	return r < 0 ? err_ctx(e, "--mount") : 0;
}

void run_mounts_end(struct run_mounts *m)
{
	for (size_t i = 0; i < m->files.n; i++)
		(void)unlink(m->files.v[i]); /* else with the ingest */
	for (size_t i = 0; i < m->n_locks; i++)
		close_fd(m->locks[i].fd);
	for (size_t i = 0; i < m->n_agents; i++)
		agent_end(&m->agents[i]);
	m->files.n = m->n_locks = m->n_agents = 0;
}
