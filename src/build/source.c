#include "build/source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

struct reading {
	struct arena *a;
	struct df_source *out;
	struct err *e;
};

static int no_memory(const struct reading *r)
{
	return err_errno(r->e, -ENOMEM, "reading a source");
}

static bool is_http(const char *s)
{
	return strncasecmp(s, "http://", 7) == 0 || strncasecmp(s, "https://", 8) == 0;
}

/* USER@HOST:PATH, as scp(1) has it. */
static bool is_scp(const char *s)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t user = strspn(s, name), host;

	if (!user || s[user] != '@')
		return false;
	s += user + 1;
	host = strspn(s, name);
	return host && s[host] == ':' && s[host + 1];
}

static enum df_source_kind kind_of(const char *s)
{
	size_t len = strcspn(s, "?#");

	if (is_http(s))
		return len > 4 && strncmp(s + len - 4, ".git", 4) == 0 ? DF_SOURCE_GIT : DF_SOURCE_HTTP;
	if (strncasecmp(s, "git://", 6) == 0 || strncasecmp(s, "ssh://", 6) == 0 || is_scp(s))
		return DF_SOURCE_GIT;
	return DF_SOURCE_FILES;
}

/* %41 and the like, in place. A NUL is none of them. */
static int unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		char hex[3] = { 0 };

		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		for (int i = 0; i < 2; i++) {
			if (!*++s || !strchr("0123456789abcdefABCDEF", *s))
				return -EINVAL;
			hex[i] = *s;
		}
		*to = (char)strtoul(hex, NULL, 16);
		if (!*to++)
			return -EINVAL;
	}
	*to = '\0';
	return 0;
}

static int set(const struct reading *r, const char **place, const char *key, const char *value)
{
	if (*place && strcmp(*place, value) != 0)
		return err_set(r->e, ERR_INVALID, "%s=%.60s: %.60s was said before", key, value, *place);
	*place = value;
	return 0;
}

/* A tag or a branch by its full name, so that it is no other. */
static int set_ref(const struct reading *r, const char *prefix, const char *key, const char *value)
{
	const char *full = text_starts(value, prefix) ? value : arena_printf(r->a, "%s%s", prefix, value);

	return full ? set(r, &r->out->ref, key, full) : no_memory(r);
}

static int set_choice(const struct reading *r, enum df_choice *place, const char *key, const char *value)
{
	bool yes = !value || !*value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return err_set(r->e, ERR_INVALID, "%s=%.40s: want true or false", key, value);
	*place = yes ? DF_YES : DF_NO;
	return 0;
}

static int take_key(const struct reading *r, const char *key, char *value)
{
	struct df_source *o = r->out;

	if (value && unescape(value) < 0)
		return err_set(r->e, ERR_INVALID, "%.40s=%.60s: a %% wants two hex digits behind it", key, value);
	if (strcmp(key, "keep-git-dir") == 0)
		return set_choice(r, &o->keep_git_dir, key, value);
	if (strcmp(key, "submodules") == 0)
		return set_choice(r, &o->submodules, key, value);
	if (strcmp(key, "mtime") == 0 || strcmp(key, "fetch-by-commit") == 0)
		return err_set(r->e, ERR_UNSUPPORTED, "the key %s is not supported by tare", key);
	if (!value || !*value)
		return err_set(r->e, ERR_INVALID, "the key %.40s wants a value", key);
	if (strcmp(key, "ref") == 0)
		return set(r, &o->ref, key, value);
	if (strcmp(key, "tag") == 0)
		return set_ref(r, "refs/tags/", key, value);
	if (strcmp(key, "branch") == 0)
		return set_ref(r, "refs/heads/", key, value);
	if (strcmp(key, "subdir") == 0)
		return set(r, &o->subdir, key, value);
	if (strcmp(key, "commit") == 0 || strcmp(key, "checksum") == 0)
		return set(r, &o->commit, key, value);
	return err_set(r->e, ERR_INVALID,
		       "unknown key \"%.40s\": want ref, tag, branch, subdir, commit, keep-git-dir or submodules", key);
}

static int take_query(const struct reading *r, char *query)
{
	char *part;

	while ((part = strsep(&query, "&"))) {
		char *eq = strchr(part, '=');

		if (!*part)
			continue;
		if (eq)
			*eq++ = '\0';
		if (take_key(r, part, eq) < 0)
			return r->e->code;
	}
	return 0;
}

/* "REF:SUBDIR", each of which may be missing. */
static int take_fragment(const struct reading *r, char *fragment)
{
	char *colon = strchr(fragment, ':');

	if (colon)
		*colon++ = '\0';
	if (*fragment && set(r, &r->out->ref, "#", fragment) < 0)
		return r->e->code;
	return colon && *colon ? set(r, &r->out->subdir, "subdir", colon) : 0;
}

static int parse_git(const struct reading *r, char *s)
{
	char *fragment = strchr(s, '#'), *query;

	for (char *p = s; strstr(s, "://") && *p != ':'; p++) /* git knows a scheme in lower case alone */
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (fragment)
		*fragment++ = '\0';
	query = strchr(s, '?');
	if (query)
		*query++ = '\0';
	r->out->url = s;
	if (fragment && take_fragment(r, fragment) < 0)
		return r->e->code;
	return query ? take_query(r, query) : 0;
}

int df_source_parse(struct arena *a, const char *text, struct df_source *out, struct err *e)
{
	struct reading r = { a, out, e };
	char *copy;

	*out = (struct df_source){ .kind = kind_of(text), .url = text };
	if (out->kind != DF_SOURCE_GIT)
		return 0;
	copy = arena_strdup(a, text);
	if (!copy)
		return no_memory(&r);
	return parse_git(&r, copy) < 0 ? err_ctx(e, "%.120s", text) : 0;
}
