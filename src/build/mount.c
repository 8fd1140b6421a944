#include "build/mount.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "build/flags.h"

enum key { TYPE, FROM, SOURCE, TARGET, RO, RW, ID, SHARING, REQUIRED, SIZE, MODE, UID, GID, ENV };

#define FOR(t) (1U << DF_MOUNT_##t)
#define ALL (FOR(BIND) | FOR(CACHE) | FOR(TMPFS) | FOR(SECRET) | FOR(SSH))
#define OWNED (FOR(CACHE) | FOR(SECRET) | FOR(SSH))

/* Which keys say something of which type. Secrets and sockets are read-only whether somebody says so or not. */
static const struct {
	const char *name;
	enum key key;
	unsigned int types;
	bool alone; /* may stand without a value */
} keys[] = {
	{ "type", TYPE, ALL, false },
	{ "from", FROM, FOR(BIND) | FOR(CACHE), false },
	{ "source", SOURCE, FOR(BIND) | FOR(CACHE) | FOR(SECRET), false },
	{ "src", SOURCE, FOR(BIND) | FOR(CACHE) | FOR(SECRET), false },
	{ "target", TARGET, ALL, false },
	{ "dst", TARGET, ALL, false },
	{ "destination", TARGET, ALL, false },
	{ "readonly", RO, ALL, true },
	{ "ro", RO, ALL, true },
	{ "readwrite", RW, FOR(BIND) | FOR(CACHE) | FOR(TMPFS), true },
	{ "rw", RW, FOR(BIND) | FOR(CACHE) | FOR(TMPFS), true },
	{ "id", ID, OWNED, false },
	{ "sharing", SHARING, FOR(CACHE), false },
	{ "required", REQUIRED, FOR(SECRET) | FOR(SSH), true },
	{ "size", SIZE, FOR(TMPFS), false },
	{ "mode", MODE, OWNED, false },
	{ "uid", UID, OWNED, false },
	{ "gid", GID, OWNED, false },
	{ "env", ENV, FOR(SECRET), false },
};

static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh" };
static const char *const sharings[] = { "shared", "private", "locked" };

struct reading {
	struct df_mount *out;
	const struct df_vars *vars;
	struct arena *a;
	unsigned int seen; /* rows of keys */
	bool later;        /* values are not known yet */
	struct err *e;
};

static int choose(const char *what, const char *value, const char *const *names, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(names[i], value) == 0)
			return (int)i;
	return df_no_choice(what, value, names, n, e);
}

/* As Go's strconv.ParseBool; nothing is true. */
static int truth(const char *key, const char *value, bool *out, struct err *e)
{
	static const char *const words[] = { "0", "f", "F", "false", "FALSE", "False",
					     "1", "t", "T", "true",  "TRUE",  "True" };

	*out = true;
	if (!value)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], value) == 0) {
			*out = i >= ARRAY_LEN(words) / 2;
			return 0;
		}
	return err_set(e, ERR_INVALID, "%s=%.40s: want true or false", key, value);
}

static int number(const char *key, const char *value, int base, int64_t *out, struct err *e)
{
	const char *digits = base == 8 ? "01234567" : "0123456789";

	if (!*value || strlen(value) > 11 || strspn(value, digits) != strlen(value))
		return err_set(e, ERR_INVALID, "%s=%.40s: want %s", key, value,
			       base == 8 ? "an octal number, as 0644" : "a number");
	*out = strtoll(value, NULL, base);
	if (*out > (base == 8 ? 07777 : UINT32_MAX - 1))
		return err_set(e, ERR_INVALID, "%s=%.40s is too big", key, value);
	return 0;
}

static int set_name(struct reading *m, enum key key, const char *value)
{
	const char **place[] = { [FROM] = &m->out->from,
				 [SOURCE] = &m->out->source,
				 [TARGET] = &m->out->target,
				 [ID] = &m->out->id,
				 [ENV] = &m->out->env };

	*place[key] = *value || key == ENV ? value : NULL;
	return 0;
}

static int set(struct reading *m, const char *name, enum key key, const char *value)
{
	bool yes;
	int r;

	switch (key) {
	case TYPE:
		r = choose(name, value, types, ARRAY_LEN(types), m->e);
		m->out->type = r < 0 ? DF_MOUNT_BIND : (enum df_mount_type)r;
		return r < 0 ? r : 0;
	case SHARING:
		r = choose(name, value, sharings, ARRAY_LEN(sharings), m->e);
		m->out->sharing = r < 0 ? DF_SHARING_SHARED : (enum df_sharing)r;
		return r < 0 ? r : 0;
	case RO:
	case RW:
		r = truth(name, value, &yes, m->e);
		m->out->read_only = yes == (key == RO);
		return r;
	case REQUIRED:
		return truth(name, value, &m->out->required, m->e);
	case SIZE:
		return text_size(value, &m->out->size) < 0
			       ? err_set(m->e, ERR_INVALID, "size=%.40s: want a size, as 64m", value)
			       : 0;
	case MODE:
		return number(name, value, 8, &m->out->mode, m->e);
	case UID:
	case GID:
		return number(name, value, 10, key == UID ? &m->out->uid : &m->out->gid, m->e);
	case FROM:
	case SOURCE:
	case TARGET:
	case ID:
	case ENV:
		break;
	}
	return set_name(m, key, value);
}

static size_t find_key(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(keys) && strcasecmp(keys[i].name, name) != 0)
		i++;
	return i;
}

/* "key=value" or "key". */
static int take_field(struct reading *m, char *field)
{
	char *value = strchr(field, '=');
	const char *text = value ? value + 1 : NULL, *near;
	size_t row;

	if (value)
		*value = '\0';
	row = find_key(field);
	if (row == ARRAY_LEN(keys)) {
		near = df_nearest(field, &keys[0].name, ARRAY_LEN(keys), sizeof(keys[0]));
		return err_set(m->e, ERR_INVALID, "unknown key \"%.40s\"%s%s%s", field, near ? " (did you mean " : "",
			       near ? near : "", near ? "?)" : "");
	}
	if (!text && !keys[row].alone)
		return err_set(m->e, ERR_INVALID, "%s wants a value: %s=…", keys[row].name, keys[row].name);
	if (keys[row].key == FROM && text && strchr(text, '$'))
		return err_set(
			m->e, ERR_INVALID,
			"from=%.60s: there are no variables in from; name a stage with FROM and an ARG before it",
			text);
	m->seen |= 1U << row;
	if (m->later && keys[row].key != FROM)
		return 0;
	if (text && m->vars && keys[row].key != FROM && df_expand(m->a, m->vars, text, &text, m->e) < 0)
		return m->e->code;
	return set(m, keys[row].name, keys[row].key, text);
}

static int take_fields(struct reading *m, const char *text)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	for (const char *s = text;; s++) {
		char *field;

		s = csv_next(s, &b);
		if (!s)
			return err_set(m->e, ERR_INVALID, "a double quote is not closed");
		field = arena_strndup(m->a, sb_str(&b), b.len);
		if (!field || sb_error(&b) < 0)
			return err_errno(m->e, -ENOMEM, "reading a mount");
		if (take_field(m, field) < 0)
			return m->e->code;
		if (!*s)
			return 0;
	}
}

static int check(struct reading *m)
{
	struct df_mount *o = m->out;
	const char *type = types[o->type];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if ((m->seen & (1U << i)) && !(keys[i].types & (1U << o->type)))
			return err_set(m->e, ERR_INVALID, "type=%s has no key \"%s\"", type, keys[i].name);
	if (o->type != DF_MOUNT_SECRET)
		return 0;
	if (o->source && o->id)
		return err_set(m->e, ERR_INVALID,
			       "type=secret: source and id are two names for the same, one is enough");
	if (o->source)
		o->id = o->source;
	o->source = NULL;
	if (!o->id && !o->target)
		return err_set(m->e, ERR_INVALID, "type=secret wants to know which: id=…");
	return 0;
}

static int parse(struct reading *m, const char *text)
{
	bool said;

	if (take_fields(m, text) < 0)
		return m->e->code;
	if (m->later)
		return 0;
	said = m->seen &
	       (1U << find_key("ro") | 1U << find_key("readonly") | 1U << find_key("rw") | 1U << find_key("readwrite"));
	if (!said)
		m->out->read_only = m->out->type != DF_MOUNT_CACHE && m->out->type != DF_MOUNT_TMPFS;
	return check(m);
}

int df_mount_parse(struct arena *a, const char *text, const struct df_vars *vars, struct df_mount *out, struct err *e)
{
	struct reading m = { .out = out, .vars = vars, .a = a, .later = !vars && strchr(text, '$'), .e = e };

	*out = (struct df_mount){ .type = DF_MOUNT_BIND, .mode = -1, .uid = -1, .gid = -1 };
	return parse(&m, text) < 0 ? err_ctx(e, "--mount=%.80s", text) : 0;
}
