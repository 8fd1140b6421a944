/* See volume.h. ROOT/volumes is flock()ed by who makes or removes a volume that has a name, so that a folder that is on its way out is never
 * taken for that of a new volume of the same name: it is renamed under the lock, and only then removed. */
#include "engine/volume.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/capacity.h"
#include "engine/events.h"
#include "engine/namelist.h"
#include "engine/names.h"
#include "engine/nearest.h"
#include "engine/pairs.h"
#include "engine/spec_plan.h"

#define FOLDER "volumes"
#define DATA "_data"
#define GONE ".gone-" /* no volume's name begins with a dot */
#define MAKING ".making-" /* with the lock held */
#define ID_BYTES 32

/* ---- judging ---- */

static const char *value_of(struct strv options, const char *key)
{
	size_t len = strlen(key);
	const char *value = NULL;

	for (size_t i = 0; i < options.n; i++)
		if (strncmp(options.v[i], key, len) == 0 && options.v[i][len] == '=')
			value = options.v[i] + len + 1;
	return value;
}

static int check_keys(struct strv options, struct err *e)
{
	static const char *const keys[] = { "type", "device", "o", "size" };

	for (size_t i = 0; i < options.n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			known |= text_starts(options.v[i], keys[k]) && options.v[i][strlen(keys[k])] == '=';
		if (!known)
			return err_set(e, ERR_INVALID, "--opt %s: the driver %s has size=SIZE, type=TYPE, device=DEVICE and o=OPTIONS", options.v[i], VOLUME_DRIVER);
	}
	return 0;
}

static bool has_word(struct strv words, const char *word)
{
	for (size_t i = 0; i < words.n; i++)
		if (strcmp(words.v[i], word) == 0)
			return true;
	return false;
}

static int check_bind(const char *device, struct strv o, struct err *e)
{
	static const char *const words[] = { "bind", "rbind", "ro", "rw" };

	if (!device || device[0] != '/')
		return err_set(e, ERR_INVALID, "--opt o=bind: which folder? --opt device=/PATH, absolute, is missing");
	for (size_t i = 0; i < o.n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			known |= strcmp(o.v[i], words[k]) == 0;
		if (!known)
			return err_set(e, ERR_UNSUPPORTED, "--opt o=%s: of a bind bind, rbind, ro and rw are supported", o.v[i]);
	}
	return 0;
}

/* A folder of the store: docker has its limit as size=, podman in o=. */
static int judge_folder(struct arena *a, const char *size, struct strv words, struct quota_limits *limits, struct err *e)
{
	const char *text = size ? arena_printf(a, "size=%s", size) : NULL;
	int r = text ? capacity_option("--opt", text, limits, e) : 1;

	for (size_t i = 0; r > 0 && i < words.n; i++) {
		r = capacity_option("--opt o", words.v[i], limits, e);
		if (r == 0)
			return err_set(e, ERR_INVALID, "--opt o=%s: a folder of the store has size=SIZE and inodes=N; or --opt type=TYPE is missing: tmpfs; or "
						       "o=bind with device=/PATH", words.v[i]);
	}
	return r < 0 ? r : 0;
}

static int check_fs(const char *type, const char *device, struct strv o, struct err *e)
{
	static const char *const none[] = { "none", "bind", "cgroup", "cgroup2" };
	bool fits = *type && !strpbrk(type, "/ \t\n");

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		fits &= strcmp(type, none[i]) != 0;
	if (!fits)
		return err_set(e, ERR_INVALID, "--opt type=%s: want a file system, such as nfs or ext4; for a folder of the host o=bind", type);
	if (!device || !*device)
		return err_set(e, ERR_INVALID, "--opt type=%s: of which device? --opt device=DEVICE (of nfs :/PATH) is missing", type);
	for (size_t i = 0; i < o.n; i++)
		if (!*o.v[i] || text_starts(o.v[i], "x-tare.") || strcmp(o.v[i], "remount") == 0)
			return err_set(e, ERR_INVALID, "--opt o=…: \"%s\" is no option of a mount", o.v[i]);
	return 0;
}

/* What the options say together. */
static int judge(struct arena *a, struct strv options, enum volume_kind *kind, struct quota_limits *limits, struct err *e)
{
	const char *type = value_of(options, "type"), *device = value_of(options, "device"), *o = value_of(options, "o"), *size = value_of(options, "size");
	struct strv words = o && *o ? plan_split(a, o, ',') : (struct strv){ NULL, 0 };
	int r = check_keys(options, e);

	*kind = VOLUME_FOLDER;
	*limits = (struct quota_limits){ 0 };
	if (r < 0 || !options.n)
		return r;
	if (!type && !device && !has_word(words, "bind") && !has_word(words, "rbind"))
		return judge_folder(a, size, words, limits, e);
	if (size)
		return err_set(e, ERR_INVALID, "--opt size=%s: of a folder of the store alone, without type= and device=; one in memory has --opt o=size=%s", size, size);
	if (has_word(words, "bind") || has_word(words, "rbind")) {
		*kind = VOLUME_BIND;
		return check_bind(device, words, e);
	}
	if (!type)
		return err_set(e, ERR_INVALID, "--opt type=TYPE is missing: tmpfs, nfs, ext4…; or o=bind with device=/PATH");
	if (strcmp(type, "tmpfs") != 0) {
		*kind = VOLUME_FS;
		return check_fs(type, device, words, e);
	}
	*kind = VOLUME_TMPFS;
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = plan_tmpfs_option("--opt o", o, words.v[i], e);
	return r;
}

static int check_labels(struct strv labels, struct err *e)
{
	for (size_t i = 0; i < labels.n; i++)
		if (strcspn(labels.v[i], "=") > PAIRS_KEY_MAX || labels.v[i][0] == '=' || !labels.v[i][0])
			return err_set(e, ERR_INVALID, "--label %.100s: want KEY=VALUE, the key of at most %d characters", labels.v[i], PAIRS_KEY_MAX);
	return 0;
}

int volume_check(struct arena *a, const struct volume_wish *wish, struct err *e)
{
	struct quota_limits limits;
	enum volume_kind kind;
	int r = wish->name ? name_check(wish->name, "volume", e) : 0;

	if (r == 0 && wish->driver && *wish->driver && strcmp(wish->driver, VOLUME_DRIVER) != 0)
		r = err_set(e, ERR_UNSUPPORTED, "--driver %s: there is one driver of volumes, %s, and no plugin of others", wish->driver, VOLUME_DRIVER);
	if (r == 0)
		r = check_labels(wish->labels, e);
	return r < 0 ? r : judge(a, wish->options, &kind, &limits, e);
}

/* ---- rows ---- */

static void write_config(const struct volume_wish *wish, struct strbuf *out)
{
	static const char *const anonymous[] = { VOLUME_ANONYMOUS_LABEL };
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_str(&w, "Driver", VOLUME_DRIVER);
	pairs_write(&w, "Labels", wish->anonymous && !wish->labels.n ? (struct strv){ anonymous, 1 } : wish->labels);
	pairs_write(&w, "Options", wish->options);
	jw_end_object(&w);
}

int volume_insert(struct catalog *c, const struct volume_wish *wish, struct err *e)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	int r;

	write_config(wish, &config);
	if (sb_error(&config) < 0)
		return err_errno(e, -ENOMEM, "volume %s", wish->name);
	r = cat_exec(c, e, "INSERT INTO volumes(name, created, anonymous, config) VALUES(?1, ?2, ?3, ?4)", "siis", wish->name,
		     clock_now_ns(), (int64_t)wish->anonymous, config.s);
	return r < 0 ? r : 0;
}

static int read_row(struct cat_stmt *s, struct arena *a, struct volume *out, struct err *e)
{
	const char *config = cat_text(s, 3);
	const struct json *doc;
	struct strv options;
	int r = json_parse(a, config, strlen(config), NULL, &doc, e);

	if (r < 0)
		return err_ctx(e, "a volume's row in the catalog");
	*out = (struct volume){
		.name = arena_strdup(a, cat_text(s, 0)),
		.created = cat_int(s, 1),
		.anonymous = cat_int(s, 2) != 0,
		.users = (size_t)cat_int(s, 4),
		.labels = json_get(doc, "Labels"),
		.options = json_get(doc, "Options"),
	};
	r = pairs_texts(a, out->options, "Options", &options, e);
	if (r == 0)
		r = judge(a, options, &out->kind, &out->limits, e);
	out->type = value_of(options, "type");
	out->device = value_of(options, "device");
	out->o = value_of(options, "o");
	if (!out->o)
		out->o = "";
	if (r == 0 && arena_error(a) < 0)
		r = err_errno(e, -ENOMEM, "read a volume's row");
	return r < 0 ? err_ctx(e, "volume %s", out->name) : 0;
}

#define COLUMNS "SELECT name, created, anonymous, config, (SELECT count(*) FROM volume_uses WHERE volume = name) FROM volumes "

int volume_find(struct catalog *c, struct arena *a, const char *name, struct volume *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	char nearest[NEAREST_LEN], shown[150];
	int r = cat_prepare(c, &s, e, COLUMNS "WHERE name = ?1", "s", name);

	if (r == 0)
		r = cat_step(s, e);
	if (r > 0)
		return read_row(s, a, out, e);
	if (r < 0)
		return r;
	(void)text_escape(name, shown, sizeof(shown));
	if (nearest_row(c, "SELECT name FROM volumes", name, nearest))
		return err_set(e, ERR_NOTFOUND, "no such volume: %s (did you mean \"%s\"?)", shown, nearest);
	return err_set(e, ERR_NOTFOUND, "no such volume: %s (tare volume ls lists them)", shown);
}

static int count(struct catalog *c, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, "SELECT count(*) FROM volumes", "");

	if (r == 0)
		r = cat_step(s, e);
	*n = r > 0 ? (size_t)cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

int volume_list(struct catalog *c, struct arena *a, struct volume **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t cap;
	int r = count(c, &cap, e);

	*n = 0;
	*out = r < 0 ? NULL : arena_array(a, cap + 1, sizeof(**out));
	if (r == 0 && !*out)
		r = err_errno(e, -ENOMEM, "list volumes");
	if (r == 0)
		r = cat_prepare(c, &s, e, COLUMNS "ORDER BY name LIMIT ?1", "i", (int64_t)cap);
	while (r == 0 && (r = cat_step(s, e)) > 0)
		r = read_row(s, a, &(*out)[(*n)++], e);
	return r;
}

static int add_text(struct arena *a, struct strv *v, const char *text)
{
	const char **more = arena_array(a, v->n + 2, sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (v->n)
		memcpy(more, v->v, v->n * sizeof(*more));
	more[v->n] = arena_strdup(a, text);
	*v = (struct strv){ more, v->n + 1 };
	return more[v->n - 1] ? 0 : -ENOMEM;
}

static int texts(struct catalog *c, struct arena *a, const char *sql, const char *key, struct strv *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, sql, "s", key);

	*out = (struct strv){ NULL, 0 };
	while (r == 0 && (r = cat_step(s, e)) > 0)
		r = add_text(a, out, cat_text(s, 0)) < 0 ? err_errno(e, -ENOMEM, "volumes") : 0;
	return r;
}

int volume_users(struct catalog *c, struct arena *a, const char *name, struct strv *out, struct err *e)
{
	return texts(c, a, "SELECT container FROM volume_uses WHERE volume = ?1 ORDER BY container", name, out, e);
}

int volume_use(struct catalog *c, const char *container, const char *name, bool own, struct err *e)
{
	int r = cat_exec(c, e, "INSERT OR IGNORE INTO volume_uses(container, volume, own) VALUES(?1, ?2, ?3)", "ssi", container, name, (int64_t)own);

	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "volume %s was removed meanwhile", name);
	return r < 0 ? r : 0;
}

int volume_is_own(struct catalog *c, const char *container, const char *name, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, "SELECT 1 FROM volume_uses WHERE container = ?1 AND volume = ?2 AND own", "ss", container, name);

	return r == 0 ? cat_step(s, e) : r;
}

int volume_use_end(struct catalog *c, const char *container, const char *name, struct err *e)
{
	int r = cat_exec(c, e, "DELETE FROM volume_uses WHERE container = ?1 AND volume = ?2", "ss", container, name);

	return r < 0 ? r : 0;
}

int volume_unuse(struct catalog *c, struct arena *a, const char *container, bool own, struct strv *gone, struct err *e)
{
	static const char alone[] = "SELECT volume FROM volume_uses u JOIN volumes v ON v.name = u.volume WHERE container = ?1 AND u.own AND v.anonymous"
				    " AND NOT EXISTS (SELECT 1 FROM volume_uses o WHERE o.volume = u.volume AND o.container != ?1)";
	int r;

	*gone = (struct strv){ NULL, 0 };
	r = own ? texts(c, a, alone, container, gone, e) : 0;
	if (r == 0)
		r = cat_exec(c, e, "DELETE FROM volume_uses WHERE container = ?1", "s", container);
	for (size_t i = 0; r >= 0 && i < gone->n; i++)
		r = cat_exec(c, e, "DELETE FROM volumes WHERE name = ?1", "s", gone->v[i]);
	return r < 0 ? r : 0;
}

/* ---- folders ---- */

const char *volume_path(const struct engine *en, struct arena *a, const char *name)
{
	return arena_printf(a, "%s/" FOLDER "/%s/" DATA, en->root, name);
}

/* ROOT/volumes, made where missing. */
static int open_all(const struct engine *en, struct err *e)
{
	int fd;

	if (mkdirat(en->root_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "make %s/" FOLDER, en->root);
	fd = openat(en->root_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "open %s/" FOLDER, en->root) : fd;
}

static int lock_all(const struct engine *en, struct err *e)
{
	CLEANUP_FD int fd = open_all(en, e);
	int r;

	if (fd < 0)
		return fd;
	do
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR);
	return r < 0 ? err_errno(e, r, "lock %s/" FOLDER, en->root) : take_fd(&fd);
}

/* Its place is free, and the lock held. */
static int make_limited(int all, const char *name, const struct quota_limits *limits, struct err *e)
{
	char random[17], making[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;
	int r = text_random_hex(8, random);

	if (r < 0)
		return err_errno(e, r, "make up a name");
	(void)snprintf(making, sizeof(making), MAKING "%s", random);
	fd = capacity_make_folder(all, making, limits, e);
	if (fd < 0)
		return fd;
	if (mkdirat(fd, DATA, 0755) < 0 || renameat(all, making, all, name) < 0) {
		r = err_errno(e, -errno, "make the limited folder");
		(void)!capacity_remove_tree(all, making);
	}
	return r;
}

static int open_folder(int all, const char *name, struct err *e)
{
	CLEANUP_FD int fd = -1;

	if (mkdirat(all, name, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "make volume %s", name);
	fd = openat(all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (mkdirat(fd, DATA, 0755) < 0 && errno != EEXIST))
		return err_errno(e, -errno, "make volume %s", name);
	return take_fd(&fd);
}

static bool is_missing(int all, const char *name)
{
	return faccessat(all, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int make_missing(const struct engine *en, int all, const char *name, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int lock = -1;
	struct volume v;
	int r = volume_find(en->catalog, &a, name, &v, e);

	if (r < 0 || !capacity_any(&v.limits))
		return r;
	lock = lock_all(en, e);
	if (lock < 0 || !is_missing(all, name))
		return lock < 0 ? lock : 0;
	return make_limited(all, name, &v.limits, e);
}

int volume_open(const struct engine *en, const char *name, struct err *e)
{
	CLEANUP_FD int all = open_all(en, e);
	int r = all < 0 ? all : is_missing(all, name) ? make_missing(en, all, name, e) : 0;

	return r < 0 ? err_ctx(e, "volume %s", name) : open_folder(all, name, e);
}

int volume_has_limits(const struct engine *en, const struct volume *v, struct err *e)
{
	CLEANUP_FD int all = -1;
	int r;

	if (!capacity_any(&v->limits))
		return 0;
	all = open_all(en, e);
	r = all < 0 ? all : capacity_change_folder(all, v->name, &v->limits, e);
	return r != -ENODATA ? r : err_set(e, ERR_CONFLICT, "volume %s: its files have no limit on %s, though it was made with one (was the store copied here?): export it, "
							    "remove it, make it again and import (tare volume)", v->name, en->root);
}

/* Out of the way, with the lock held. 0 also when it is not there; gone: its name now. */
static int set_aside(int all, const char *name, char gone[NAME_MAX + 1])
{
	char random[17];
	int r = text_random_hex(8, random);

	if (r < 0)
		return r;
	(void)snprintf(gone, NAME_MAX + 1, GONE "%s", random);
	return renameat(all, name, all, gone) < 0 && errno != ENOENT ? -errno : 0;
}

/* A folder of that name without a row is of a catalog that was lost, or is an older one: its files are somebody's, and the volume has them. */
static int insert_new(const struct engine *en, const struct volume_wish *wish, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_DURABLE, e);

	if (r == 0)
		r = volume_insert(c, wish, e);
	return r < 0 ? r : catalog_commit(c, e);
}

static bool same_options(struct arena *a, const struct json *have, struct strv want)
{
	struct strv old;
	struct err ignored;

	if (pairs_texts(a, have, "Options", &old, &ignored) < 0)
		return false;
	for (size_t i = 0; i < old.n; i++)
		if (!has_word(want, old.v[i]))
			return false;
	for (size_t i = 0; i < want.n; i++)
		if (!has_word(old, want.v[i]))
			return false;
	return true;
}

/* 1: it is there, and as wished. */
static int is_there(const struct engine *en, struct arena *a, const struct volume_wish *wish, struct err *e)
{
	struct err why = { 0 };
	struct volume v;

	if (volume_find(en->catalog, a, wish->name, &v, &why) < 0)
		return why.cls == ERR_NOTFOUND ? 0 : err_set(e, why.cls, "%s", why.msg);
	if (wish->options.n && !same_options(a, v.options, wish->options))
		return err_set(e, ERR_CONFLICT, "volume %s is there, with other options (tare volume inspect %s): remove it first, or take another name",
			       wish->name, wish->name);
	return 1;
}

/* Before its row is there: a folder of its name has the limits of the wish, or had none and gets none. */
static int adopt(const struct engine *en, int all, const struct volume_wish *wish, const struct quota_limits *limits, struct err *e)
{
	int r = capacity_change_folder(all, wish->name, limits, e);

	return r != -ENODATA ? r : err_set(e, ERR_CONFLICT, "volume %s: %s/" FOLDER "/%s is there, of a volume that had no limit: only a new folder can have one; move it away",
					   wish->name, en->root, wish->name);
}

/* Of one whose folder could not be made. */
static void delete_row(const struct engine *en, const char *name)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct err ignored;

	if (catalog_begin(c, CATALOG_DURABLE, &ignored) == 0 && cat_exec(c, &ignored, "DELETE FROM volumes WHERE name = ?1", "s", name) >= 0)
		(void)!catalog_commit(c, &ignored);
}

/* With the lock held. */
static int make_new(const struct engine *en, struct arena *a, int all, const struct volume_wish *wish, struct err *e)
{
	CLEANUP_FD int folder = -1;
	struct quota_limits limits;
	enum volume_kind kind;
	enum quota_kind way;
	int r = judge(a, wish->options, &kind, &limits, e);

	if (r == 0)
		r = capacity_check(en, "--opt size", &limits, &way, e);
	if (r == 0)
		r = adopt(en, all, wish, &limits, e);
	if (r == 0)
		r = insert_new(en, wish, e);
	if (r < 0)
		return r;
	if (capacity_any(&limits) && is_missing(all, wish->name))
		r = make_limited(all, wish->name, &limits, e);
	folder = r < 0 ? err_ctx(e, "volume %s", wish->name) : open_folder(all, wish->name, e);
	if (folder < 0) {
		delete_row(en, wish->name);
		return folder;
	}
	events_volume(en, "create", wish->name);
	return 0;
}

int volume_create(const struct engine *en, struct arena *a, const struct volume_wish *wish, const char **name, struct err *e)
{
	char made_up[2 * ID_BYTES + 1];
	CLEANUP_FD int all = -1;
	struct volume_wish w = *wish;
	int r = volume_check(a, wish, e);

	if (r == 0 && !w.name) {
		r = text_random_hex(ID_BYTES, made_up);
		w.name = made_up;
		w.anonymous = true;
		r = r < 0 ? err_errno(e, r, "make up a name") : 0;
	}
	if (r < 0)
		return r;
	*name = arena_strdup(a, w.name);
	r = *name ? is_there(en, a, &w, e) : err_errno(e, -ENOMEM, "make a volume");
	if (r != 0)
		return r < 0 ? r : 0;
	all = lock_all(en, e);
	if (all < 0)
		return all;
	r = is_there(en, a, &w, e); /* somebody may have been faster */
	if (r != 0)
		return r < 0 ? r : 0;
	return make_new(en, a, all, &w, e);
}

/* The row, if nobody has it, and its folder out of the way before that: of one that is killed in between the volume is left, and is empty. */
static int take_away(const struct engine *en, int all, const char *name, char gone[NAME_MAX + 1], struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct volume v;
	struct strv users;
	int r = catalog_begin(c, CATALOG_DURABLE, e);

	if (r == 0)
		r = volume_find(c, &a, name, &v, e);
	if (r == 0)
		r = volume_users(c, &a, name, &users, e);
	if (r < 0)
		return r;
	if (users.n)
		return err_set(e, ERR_CONFLICT, "volume %s is in use by container %.12s%s: remove that first (tare rm)", name, users.v[0],
			       users.n > 1 ? " and others" : "");
	r = cat_exec(c, e, "DELETE FROM volumes WHERE name = ?1", "s", name);
	if (r < 0)
		return r;
	r = set_aside(all, name, gone);
	if (r < 0)
		return err_errno(e, r, "remove volume %s", name);
	r = catalog_commit(c, e);
	if (r < 0)
		(void)renameat(all, gone, all, name);
	return r;
}

int volume_remove(const struct engine *en, const char *name, struct err *e)
{
	CLEANUP_FD int all = lock_all(en, e);
	char gone[NAME_MAX + 1];
	int r = all < 0 ? all : take_away(en, all, name, gone, e);

	if (r < 0)
		return r;
	events_volume(en, "destroy", name);
	(void)flock(all, LOCK_UN);
	r = capacity_remove_tree(all, gone);
	return r < 0 ? err_errno(e, r, "remove the files of volume %s (in %s/" FOLDER "/%s)", name, en->root, gone) : 0;
}

/* Their names were made up, and never come again: no lock. */
void volume_remove_folders(const struct engine *en, struct strv names)
{
	struct err e = { 0 };
	CLEANUP_FD int all = names.n ? open_all(en, &e) : -1;

	for (size_t i = 0; all >= 0 && i < names.n; i++) {
		int r = capacity_remove_tree(all, names.v[i]);

		events_volume(en, "destroy", names.v[i]);
		if (r < 0)
			log_warning("the files of volume %s cannot be removed: %s", names.v[i], strerror(-r));
	}
}

static bool is_on_its_way_out(const char *name)
{
	return text_starts(name, GONE);
}

static bool is_half_made(const char *name)
{
	return text_starts(name, MAKING);
}

/* Those that people named stay, whatever the catalog says. */
static bool is_garbage_without_row(const char *name)
{
	return is_on_its_way_out(name) || is_half_made(name) || text_is_hex(name, 2 * ID_BYTES);
}

static bool has_no_row(const struct engine *en, const char *name)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err ignored;

	return cat_prepare(en->catalog, &s, &ignored, "SELECT 1 FROM volumes WHERE name = ?1", "s", name) == 0 && cat_step(s, &ignored) == 0;
}

static int sweep_one(const struct engine *en, int all, const char *name)
{
	char gone[NAME_MAX + 1];
	CLEANUP_FD int lock = -1;
	struct err ignored;
	int r;

	if (is_on_its_way_out(name))
		return capacity_remove_tree(all, name);
	lock = lock_all(en, &ignored);
	if (lock >= 0 && is_half_made(name)) /* its maker would hold it */
		return capacity_remove_tree(all, name);
	if (lock < 0 || !has_no_row(en, name))
		return 0;
	r = set_aside(all, name, gone);
	lock = close_fd(lock);
	return r < 0 ? r : capacity_remove_tree(all, gone);
}

void volume_sweep(const struct engine *en)
{
	CLEANUP_FD int all = openat(en->root_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct namelist left = { .a = &a };
	struct err e = { 0 };

	capacity_sweep(en);
	if (all < 0)
		return;
	if (namelist_orphans(&left, all, ".", is_garbage_without_row, en->catalog, "SELECT name FROM volumes ORDER BY name", &e) < 0) {
		log_warning("cannot look for what is left of volumes: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < left.n; i++) {
		int r = sweep_one(en, all, left.v[i]);

		if (r < 0)
			log_warning("what is left of volume %s cannot be removed: %s", left.v[i], strerror(-r));
	}
}
