/* What -v, --mount, --volumes-from and the image's volumes ask for, as text: judged here, without looking at what there is (volume_use.c
 * does, once everything is judged).
 *
 * -v is short and forgiving: a source that is missing is made, a word without a slash is a volume's name. --mount says what it means, key by
 * key, and makes nothing but volumes. */
#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/text.h"
#include "engine/names.h"
#include "engine/spec_plan.h"
#include "engine/volume.h"

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave" };
static const char *const consistencies[] = { "consistent", "cached", "delegated", "default" };

static const char *find(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return words[i];
	return NULL;
}

/* ---- -v ---- */

static int bind_option(struct plan_bind *b, const char *text, const char *opt, struct err *e)
{
	static const char *const labels[] = { "z", "Z" };
	const char *propagation = find(propagations, ARRAY_LEN(propagations), opt);
	bool volume = b->volume || b->anonymous;

	if (propagation)
		b->propagation = propagation;
	else if (strcmp(opt, "ro") == 0 || strcmp(opt, "rw") == 0)
		b->ro = strcmp(opt, "ro") == 0;
	else if (strcmp(opt, "idmap") == 0 || strcmp(opt, "noidmap") == 0)
		b->idmap = opt[0] == 'i';
	else if (strcmp(opt, "bind") == 0 || strcmp(opt, "rbind") == 0)
		b->recursive = opt[0] == 'r';
	else if (strcmp(opt, "nocopy") == 0 && volume)
		b->nocopy = true;
	else if (find(labels, ARRAY_LEN(labels), opt) && !plan_has_selinux())
		return 0; /* there is nothing to label */
	else if (find(labels, ARRAY_LEN(labels), opt))
		return err_set(e, ERR_UNSUPPORTED, "-v %s: \"%s\" is not supported: label the source yourself (chcon -Rt container_file_t)", text, opt);
	else if (find(consistencies, ARRAY_LEN(consistencies), opt))
		log_warning("-v %s: \"%s\" means nothing on Linux", text, opt);
	else
		return err_set(e, ERR_UNSUPPORTED, "-v %s: option \"%s\" is not supported%s (ro, rw, nocopy, idmap, noidmap, bind, rbind, [r]private, "
						   "[r]shared, [r]slave are)", text, opt, strcmp(opt, "nocopy") == 0 ? " of a folder of the host" : "");
	return 0;
}

static int bind_source(struct plan *p, struct plan_bind *b, const char *text, const char *source, struct err *e)
{
	if (!source[0])
		return err_set(e, ERR_INVALID, "-v %s: the source is empty (an unset variable?)", text);
	if (!strchr(source, '/') && source[0] != '.') {
		b->volume = source;
		return name_check(source, "volume", e) < 0 ? err_ctx(e, "-v %s", text) : 0;
	}
	b->source = plan_clean_path(p->a, source);
	return b->source ? 0 : err_set(e, ERR_INVALID, "-v %s: the source must be an absolute path ($PWD/%s?)", text, source);
}

static int check_idmap(const struct plan *p, const struct plan_bind *b, const char *option, const char *text, struct err *e)
{
	if (p->rootless && b->idmap)
		return err_set(e, ERR_DENIED, "%s %s: only root may map a mount's ids; root in the container is you", option, text);
	if (!p->userns && b->idmap)
		return err_set(e, ERR_INVALID, "%s %s: idmap needs a user namespace (this container has --userns=host)", option, text);
	return 0;
}

static struct plan_bind usual(const struct plan *p)
{
	return (struct plan_bind){ .propagation = "rprivate", .mode = "", .idmap = p->userns && !p->rootless, .recursive = true };
}

int plan_volume(struct plan *p, const char *text, struct err *e)
{
	struct strv parts = plan_split(p->a, text, ':'), opts;
	struct plan_bind b = usual(p);
	int r = 0;

	if (parts.n < 1 || parts.n > 3)
		return err_set(e, ERR_INVALID, "-v %s: want SOURCE:TARGET[:OPTIONS]", text);
	b.anonymous = parts.n == 1;
	b.target = plan_clean_path(p->a, parts.v[b.anonymous ? 0 : 1]);
	r = plan_target(p, "-v", text, b.target, e);
	if (r == 0 && !b.anonymous)
		r = bind_source(p, &b, text, parts.v[0], e);
	opts = parts.n == 3 ? plan_split(p->a, parts.v[2], ',') : (struct strv){ NULL, 0 };
	for (size_t i = 0; r == 0 && i < opts.n; i++)
		r = bind_option(&b, text, opts.v[i], e);
	if (r == 0)
		r = check_idmap(p, &b, "-v", text, e);
	b.driver = p->opt->volume_driver;
	b.mode = parts.n == 3 ? parts.v[2] : b.volume ? "z" : "";
	if (r == 0)
		p->binds[p->n_binds++] = b;
	return r;
}

/* ---- --mount ---- */

enum mount_type { MOUNT_VOLUME = 1, MOUNT_BIND = 2, MOUNT_TMPFS = 4, MOUNT_IMAGE = 8 };
static const struct {
	const char *name;
	enum mount_type type;
} types[] = { { "volume", MOUNT_VOLUME }, { "bind", MOUNT_BIND }, { "tmpfs", MOUNT_TMPFS }, { "image", MOUNT_IMAGE } };

/* A --mount on its way to a bind or tmpfs. */
struct wish {
	const char *text;
	enum mount_type type;
	unsigned int only; /* types that all of its keys are for */
	const char *narrow; /* the key that says so */
	bool write; /* it is said that it shall be written */
	bool create; /* the source, where it is missing */
	struct plan_bind b;
	const char *source, *size, *mode, *recursive;
	struct strv opts, labels;
};

static int bad(const struct wish *w, struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "--mount %s: %s", w->text, what);
}

static int flag(const struct wish *w, const char *key, const char *value, bool *out, struct err *e)
{
	static const char *const yes[] = { "", "true", "1" }, *const no[] = { "false", "0" };

	*out = find(yes, ARRAY_LEN(yes), value) != NULL;
	if (*out || find(no, ARRAY_LEN(no), value))
		return 0;
	return err_set(e, ERR_INVALID, "--mount %s: %s=%s: true or false", w->text, key, value);
}

static int add(struct plan *p, struct strv *list, const char *value)
{
	const char **v = arena_array(p->a, list->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n] = value;
	*list = (struct strv){ v, list->n + 1 };
	return 0;
}

enum mount_key {
	KEY_TYPE, KEY_SOURCE, KEY_TARGET, KEY_READONLY, KEY_PROPAGATION, KEY_RECURSIVE, KEY_NONRECURSIVE, KEY_CONSISTENCY, KEY_DRIVER, KEY_OPT, KEY_LABEL,
	KEY_NOCOPY, KEY_SUBPATH, KEY_SIZE, KEY_MODE, KEY_IDMAP, KEY_WRITE, KEY_CREATE
};
static const struct {
	const char *name;
	enum mount_key key;
	unsigned int only;
	bool bare; /* needs no value */
} keys[] = {
	{ "type", KEY_TYPE, 0, false }, { "source", KEY_SOURCE, 0, false }, { "src", KEY_SOURCE, 0, false },
	{ "target", KEY_TARGET, 0, false }, { "destination", KEY_TARGET, 0, false }, { "dst", KEY_TARGET, 0, false },
	{ "readonly", KEY_READONLY, 0, true }, { "ro", KEY_READONLY, 0, true }, { "consistency", KEY_CONSISTENCY, 0, false },
	{ "bind-propagation", KEY_PROPAGATION, MOUNT_BIND, false }, { "bind-recursive", KEY_RECURSIVE, MOUNT_BIND, false },
	{ "bind-nonrecursive", KEY_NONRECURSIVE, MOUNT_BIND, true }, { "bind-create", KEY_CREATE, MOUNT_BIND, true },
	{ "volume-driver", KEY_DRIVER, MOUNT_VOLUME, false },
	{ "volume-opt", KEY_OPT, MOUNT_VOLUME, false }, { "volume-label", KEY_LABEL, MOUNT_VOLUME, false },
	{ "volume-nocopy", KEY_NOCOPY, MOUNT_VOLUME, true }, { "volume-subpath", KEY_SUBPATH, MOUNT_VOLUME, false },
	{ "tmpfs-size", KEY_SIZE, MOUNT_TMPFS, false }, { "tmpfs-mode", KEY_MODE, MOUNT_TMPFS, false },
	{ "image-subpath", KEY_SUBPATH, MOUNT_IMAGE, false },
	{ "readwrite", KEY_WRITE, MOUNT_IMAGE, true }, { "rw", KEY_WRITE, MOUNT_IMAGE, true },
	{ "idmap", KEY_IDMAP, MOUNT_BIND | MOUNT_VOLUME, true },
};

static int unknown_key(const struct wish *w, const char *name, struct err *e)
{
	struct nearest near = { .word = name };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		(void)nearest_offer(&near, keys[i].name);
	if (near.best[0])
		return err_set(e, ERR_INVALID, "--mount %s: there is no key \"%s\", did you mean \"%s\"?", w->text, name, near.best);
	return err_set(e, ERR_INVALID, "--mount %s: there is no key \"%s\" (type, source, target, readonly, bind-…, volume-…, tmpfs-…, image-subpath)", w->text, name);
}

static int set_type(struct wish *w, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, value) == 0) {
			w->type = types[i].type;
			return 0;
		}
	return err_set(e, ERR_UNSUPPORTED, "--mount %s: type \"%s\" is not supported (bind, volume, tmpfs, image are)", w->text, value);
}

static int set_word(struct wish *w, enum mount_key key, const char *value, struct err *e)
{
	static const char *const recursions[] = { "enabled", "disabled", "writable", "readonly" };

	if (key == KEY_PROPAGATION) {
		w->b.propagation = find(propagations, ARRAY_LEN(propagations), value);
		return w->b.propagation ? 0 : bad(w, e, "bind-propagation is [r]private, [r]shared or [r]slave");
	}
	if (key == KEY_RECURSIVE) {
		w->recursive = find(recursions, ARRAY_LEN(recursions), value);
		return w->recursive ? 0 : bad(w, e, "bind-recursive is enabled, disabled, writable or readonly");
	}
	if (!find(consistencies, ARRAY_LEN(consistencies), value))
		return bad(w, e, "consistency is consistent, cached or delegated");
	log_warning("--mount %s: consistency means nothing on Linux", w->text);
	return 0;
}

static int set_flag(struct wish *w, enum mount_key key, const char *name, const char *value, struct err *e)
{
	bool on;
	int r = flag(w, name, value, &on, e);

	if (r < 0)
		return r;
	if (key == KEY_READONLY)
		w->b.ro = on;
	if (key == KEY_READONLY || key == KEY_WRITE)
		w->write = on == (key == KEY_WRITE);
	else if (key == KEY_NOCOPY)
		w->b.nocopy = on;
	else if (key == KEY_IDMAP)
		w->b.idmap = on;
	else if (key == KEY_CREATE)
		w->create = on;
	else if (on)
		w->recursive = "disabled";
	return 0;
}

static int set(struct plan *p, struct wish *w, enum mount_key key, const char *name, const char *value, struct err *e)
{
	int r = 0;

	switch (key) {
	case KEY_TYPE:
		return set_type(w, value, e);
	case KEY_SOURCE:
		w->source = value;
		return 0;
	case KEY_TARGET:
		w->b.target = plan_clean_path(p->a, value);
		return plan_target(p, "--mount", w->text, w->b.target, e);
	case KEY_DRIVER:
		w->b.driver = value;
		return 0;
	case KEY_OPT:
		r = add(p, &w->opts, value);
		break;
	case KEY_LABEL:
		r = add(p, &w->labels, value);
		break;
	case KEY_SUBPATH:
		w->b.subpath = value;
		return 0;
	case KEY_SIZE:
		w->size = value;
		return 0;
	case KEY_MODE:
		w->mode = value;
		return 0;
	case KEY_PROPAGATION:
	case KEY_RECURSIVE:
	case KEY_CONSISTENCY:
		return set_word(w, key, value, e);
	case KEY_READONLY:
	case KEY_WRITE:
	case KEY_NOCOPY:
	case KEY_IDMAP:
	case KEY_NONRECURSIVE:
	case KEY_CREATE:
	default:
		return set_flag(w, key, name, value, e);
	}
	return r < 0 ? err_errno(e, r, "--mount") : 0;
}

/* One field, "KEY=VALUE" or "KEY". */
static int take_field(struct plan *p, struct wish *w, const char *field, struct err *e)
{
	const char *eq = strchr(field, '=');
	const char *name = eq ? arena_strndup(p->a, field, (size_t)(eq - field)) : field;

	for (size_t i = 0; name && i < ARRAY_LEN(keys); i++) {
		if (strcasecmp(keys[i].name, name) != 0)
			continue;
		if (!eq && !keys[i].bare)
			return err_set(e, ERR_INVALID, "--mount %s: %s=VALUE, what is missing is the value", w->text, keys[i].name);
		if (keys[i].only && (!w->narrow || (w->only & keys[i].only) != w->only)) {
			w->only = w->narrow ? w->only & keys[i].only : keys[i].only;
			w->narrow = keys[i].name;
		}
		return set(p, w, keys[i].key, keys[i].name, eq ? eq + 1 : "", e);
	}
	return name ? unknown_key(w, name, e) : err_errno(e, -ENOMEM, "--mount");
}

static int read_fields(struct plan *p, struct wish *w, struct err *e)
{
	CLEANUP_STRBUF struct strbuf field = STRBUF_INIT;
	const char *at = w->text;
	int r = 0;

	if (!*at)
		return err_set(e, ERR_INVALID, "--mount: want type=bind|volume|tmpfs|image,source=…,target=…");
	while (r == 0) {
		const char *text;

		at = csv_next(at, &field);
		if (!at)
			return bad(w, e, "a double quote is not closed");
		text = arena_strdup(p->a, sb_str(&field));
		if (sb_error(&field) < 0 || !text)
			return err_errno(e, -ENOMEM, "--mount");
		r = take_field(p, w, text, e);
		if (!*at)
			break;
		at++;
	}
	return r;
}

static int finish_bind(struct plan *p, struct wish *w, struct err *e)
{
	const char *recursive = w->recursive ? w->recursive : "enabled";

	if (!w->source || !*w->source)
		return bad(w, e, "source=PATH is missing");
	w->b.source = w->source[0] == '.' && p->opt->here ? plan_clean_path(p->a, arena_printf(p->a, "%s/%s", p->opt->here, w->source)) :
							    plan_clean_path(p->a, w->source);
	if (!w->b.source)
		return err_set(e, ERR_INVALID, "--mount %s: the source must be an absolute path ($PWD/%s?)", w->text, w->source);
	if ((strcmp(recursive, "writable") == 0 || strcmp(recursive, "readonly") == 0) && !w->b.ro)
		return err_set(e, ERR_INVALID, "--mount %s: bind-recursive=%s is about a mount that is read-only: readonly is missing", w->text, recursive);
	if (strcmp(recursive, "readonly") == 0 && strcmp(w->b.propagation, "rprivate") != 0)
		return bad(w, e, "bind-recursive=readonly wants bind-propagation=rprivate: what came to be mounted later could be written");
	w->b.recursive = strcmp(recursive, "disabled") != 0;
	w->b.ro_top = strcmp(recursive, "writable") == 0;
	w->b.must_exist = !w->create;
	return 0;
}

static int finish_volume(struct wish *w, struct err *e)
{
	w->b.anonymous = !w->source || !*w->source;
	if (w->b.subpath && w->b.anonymous)
		return bad(w, e, "volume-subpath is of a volume that is there: source=NAME is missing");
	if (w->b.subpath && (w->b.subpath[0] == '/' || !*w->b.subpath))
		return bad(w, e, "volume-subpath is a path below the volume, without '/' in front");
	w->b.volume = w->b.anonymous ? NULL : w->source;
	w->b.opts = w->opts;
	w->b.labels = w->labels;
	if (w->b.anonymous)
		return 0;
	if (w->source[0] == '/')
		return bad(w, e, "the source of a volume is its name; of a folder of the host type=bind");
	return name_check(w->source, "volume", e) < 0 ? err_ctx(e, "--mount %s", w->text) : 0;
}

/* Which image that is, is looked at once everything is judged (imageuse.h). */
static int finish_image(struct wish *w, struct err *e)
{
	if (!w->source || !*w->source)
		return bad(w, e, "source=IMAGE is missing");
	if (w->b.subpath && (w->b.subpath[0] == '/' || !*w->b.subpath))
		return bad(w, e, "image-subpath is a path in the image, without '/' in front");
	if (w->write)
		return bad(w, e, "an image is mounted for reading only: copy what is to be changed into a volume");
	w->b.image = w->source;
	w->b.ro = true;
	w->b.recursive = false;
	return 0;
}

static int finish_tmpfs(struct plan *p, struct wish *w, struct err *e)
{
	struct plan_tmpfs t = { .target = w->b.target, .listed = true, .ro = w->b.ro };
	uint64_t size;
	int r = 0;

	if (w->source)
		return bad(w, e, "tmpfs has no source");
	if (w->size && (text_size(w->size, &size) < 0))
		return bad(w, e, "tmpfs-size is a size such as 64m");
	if (w->mode && (!*w->mode || strspn(w->mode, "01234567") != strlen(w->mode) || strlen(w->mode) > 5))
		return bad(w, e, "tmpfs-mode is octal, such as 1777");
	if (w->size)
		r = add(p, &t.options, arena_printf(p->a, "size=%llu", (unsigned long long)size));
	if (r == 0 && w->mode)
		r = add(p, &t.options, arena_printf(p->a, "mode=%s", w->mode));
	if (r == 0 && w->b.ro)
		r = add(p, &t.options, "ro");
	if (r < 0)
		return err_errno(e, r, "--mount");
	p->tmpfs[p->n_tmpfs++] = t;
	p->asked[p->n_asked++].tmpfs = t;
	return 0;
}

static const char *type_name(enum mount_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return "";
}

int plan_mount(struct plan *p, const char *text, struct err *e)
{
	struct wish w = { .text = text, .type = MOUNT_VOLUME, .b = usual(p) };
	int r = read_fields(p, &w, e);

	if (r < 0)
		return r;
	if (!w.b.target)
		return bad(&w, e, "target=PATH is missing");
	if (w.narrow && !(w.only & w.type))
		return err_set(e, ERR_INVALID, "--mount %s: %s does not go with type=%s", text, w.narrow, type_name(w.type));
	if (w.type == MOUNT_TMPFS)
		return finish_tmpfs(p, &w, e);
	r = w.type == MOUNT_BIND ? finish_bind(p, &w, e) : w.type == MOUNT_IMAGE ? finish_image(&w, e) : finish_volume(&w, e);
	if (r == 0)
		r = check_idmap(p, &w.b, "--mount", text, e);
	if (r == 0) {
		p->binds[p->n_binds++] = w.b;
		p->asked[p->n_asked++].bind = w.b;
	}
	return r;
}
