/* Reading. A key that is misspelled would silently mean the opposite (insecure, blocked), so every key of a [[registry]] must be known. */
#include "engine/registries.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "base/toml.h"
#include "engine/registries_impl.h"

#define FILE_MAX (1U << 20)
#define SOCKET "unix://"

/* ---- where ---- */

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* base NULL: no such place. */
static void add_place(struct arena *a, const char **list, size_t *n, const char *base, const char *rest)
{
	if (base)
		list[(*n)++] = arena_printf(a, "%s%s", base, rest);
}

int registries_places_find(struct arena *a, bool ordinary, struct registries_places *out, struct err *e)
{
	const char *one = env("CONTAINERS_REGISTRIES_CONF"), *certs_dir = env("TARE_CERTS_DIR"), *own = env("XDG_CONFIG_HOME"), *home = env("HOME");
	const char **files = arena_array(a, 5, sizeof(*files)), **folders = arena_array(a, 5, sizeof(*folders)), **certs = arena_array(a, 6, sizeof(*certs));
	size_t n = 0, n_folders = 0, n_certs = 0;

	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "find registries.conf");
	if (one && access(one, F_OK) < 0)
		return err_errno(e, -errno, "CONTAINERS_REGISTRIES_CONF=%s", one);
	if (!ordinary)
		own = NULL;
	else if (!own && home)
		own = arena_printf(a, "%s/.config", home);
	if (one)
		files[n++] = one;
	for (size_t i = 0; i < 4 && !one; i++) {
		const char *base = i < 2 ? own : "/etc", *rest = i % 2 ? "/containers/registries.conf" : "/tare/registries.conf";

		add_place(a, files, &n, base, rest);
		add_place(a, folders, &n_folders, base, i % 2 ? "/containers/registries.conf.d" : "/tare/registries.conf.d");
	}
	if (certs_dir) {
		certs[n_certs++] = certs_dir;
	} else {
		add_place(a, certs, &n_certs, own, "/tare/certs.d");
		add_place(a, certs, &n_certs, own, "/containers/certs.d");
		add_place(a, certs, &n_certs, "/etc", "/tare/certs.d");
		add_place(a, certs, &n_certs, "/etc", "/docker/certs.d");
		add_place(a, certs, &n_certs, "/etc", "/containers/certs.d");
	}
	*out = (struct registries_places){ files, folders, certs };
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "find registries.conf") : 0;
}

/* ---- locations ---- */

/* "unix://SOCKET[:/PATH]" */
static int parse_socket(struct arena *a, const char *text, struct location *out, struct err *e)
{
	const char *path = strstr(text, ":/");
	size_t len = path ? (size_t)(path - text) : strlen(text);

	if (*text != '/' || len < 2)
		return err_set(e, ERR_INVALID, "a socket is \"" SOCKET "/absolute/path\", a path in its registry follows as \":/path\"");
	out->domain = out->host = "";
	out->socket = arena_strndup(a, text, len);
	out->path = path ? arena_strndup(a, path + 2, text_path_len(path + 2)) : "";
	return out->socket && out->path ? 0 : err_errno(e, -ENOMEM, "registry");
}

/* Letters, digits, '.', '-', or an address of IPv6 in []: how long. */
static size_t host_length(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n;

	if (*s != '[')
		return strspn(s, letters);
	n = strspn(s + 1, "0123456789abcdefABCDEF:.");
	return n && s[n + 1] == ']' ? n + 2 : 0;
}

static int parse_host(struct arena *a, const char *text, size_t len, struct location *out, struct err *e)
{
	const char *domain = arena_strndup(a, text, len);
	size_t host = domain ? host_length(domain) : 0;
	uint32_t port = 0;

	if (!domain)
		return err_errno(e, -ENOMEM, "registry");
	if (host == 0 || (domain[host] && domain[host] != ':'))
		return err_set(e, ERR_INVALID, "there is no host[:port] at its beginning");
	if (domain[host] && (text_u32(domain + host + 1, &port) < 0 || port == 0 || port > 65535))
		return err_set(e, ERR_INVALID, "its port is none from 1 to 65535");
	out->domain = domain;
	out->host = arena_strndup(a, domain, host);
	out->port = port;
	return out->host ? 0 : err_errno(e, -ENOMEM, "registry");
}

int location_parse(struct arena *a, const char *text, struct location *out, struct err *e)
{
	size_t len = strcspn(text, "/");
	const char *path;

	*out = (struct location){ .path = "" };
	for (const char *p = text; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f || strchr("?#@", *p))
			return err_set(e, ERR_INVALID, "it has a character that no registry's name has");
	if (text_starts(text, SOCKET))
		return parse_socket(a, text + strlen(SOCKET), out, e);
	if (strstr(text, "://"))
		return err_set(e, ERR_INVALID, "it is host[:port][/path], without a scheme; plain HTTP is allowed by insecure = true");
	path = text[len] ? text + len + 1 : "";
	out->path = *path && *path != '/' ? arena_strndup(a, path, text_path_len(path)) : "";
	if (!out->path)
		return err_errno(e, -ENOMEM, "registry");
	if (*path == '/' || strstr(path, "//") || strchr(out->path, ':'))
		return err_set(e, ERR_INVALID, "it is no host[:port][/path]; a tag or a digest is no part of it");
	return parse_host(a, text, len, out, e);
}

/* ---- [[registry]] ---- */

static int check_keys(const struct json *table, const char *const *known, const char *what, struct err *e)
{
	char shown[80];

	json_each(it, table) {
		const char *const *k = known;

		while (*k && strcmp(*k, it->key) != 0)
			k++;
		if (!*k)
			return err_set(e, ERR_INVALID, "%s has no key '%s' that is known here", what, text_escape(it->key, shown, sizeof(shown)));
	}
	return 0;
}

/* Where to ask: what mirrors and registries have in common. */
static int read_place(struct arena *a, const struct json *table, struct registry_place *out, struct err *e)
{
	struct location l;
	int r = json_get_str(table, "", "location", &out->location, e);

	if (r == 0)
		r = json_get_bool(table, "", "insecure", &out->insecure, e);
	out->insecure_said = json_get(table, "insecure") != NULL;
	if (r < 0 || !out->location)
		return r;
	r = location_parse(a, out->location, &l, e);
	return r < 0 ? err_ctx(e, "location = \"%.200s\"", out->location) : 0;
}

static int read_mirror(struct arena *a, const struct json *table, bool digest_only, struct registry_place *out, struct err *e)
{
	static const char *const known[] = { "location", "insecure", "pull-from-mirror", NULL };
	const char *from = NULL;
	int r;

	if (table->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "a mirror is a table, [[registry.mirror]]");
	r = check_keys(table, known, "a mirror", e);
	if (r == 0)
		r = read_place(a, table, out, e);
	if (r == 0)
		r = json_get_str(table, "", "pull-from-mirror", &from, e);
	if (r < 0)
		return err_ctx(e, "mirror");
	if (!out->location)
		return err_set(e, ERR_INVALID, "a mirror without location");
	if (from && digest_only)
		return err_set(e, ERR_INVALID, "pull-from-mirror of a mirror and mirror-by-digest-only of its registry exclude each other");
	if (from && strcmp(from, "all") != 0 && strcmp(from, "digest-only") != 0 && strcmp(from, "tag-only") != 0)
		return err_set(e, ERR_INVALID, "pull-from-mirror = \"%.40s\": it is all, digest-only or tag-only", from);
	out->by_tag = !digest_only && (!from || strcmp(from, "digest-only") != 0);
	out->by_digest = !from || strcmp(from, "tag-only") != 0;
	return 0;
}

static int read_mirrors(struct arena *a, const struct json *table, struct registry_rule *out, struct err *e)
{
	const struct json *mirrors = NULL;
	bool digest_only = false;
	int r = json_get_array(table, "", "mirror", &mirrors, e);

	if (r == 0)
		r = json_get_bool(table, "", "mirror-by-digest-only", &digest_only, e);
	if (r < 0 || !mirrors)
		return r;
	out->mirrors = arena_array(a, mirrors->len + 1, sizeof(*out->mirrors));
	if (!out->mirrors)
		return err_errno(e, -ENOMEM, "registries");
	json_each(it, mirrors)
		if (read_mirror(a, it, digest_only, &out->mirrors[out->n_mirrors++], e) < 0)
			return e->code;
	return 0;
}

static int check_prefix(struct arena *a, const struct registry_rule *rule, struct err *e)
{
	bool wild = text_starts(rule->prefix, "*.");
	struct location l;
	int r = location_parse(a, rule->prefix + (wild ? 2 : 0), &l, e);

	if (r == 0 && l.socket)
		r = err_set(e, ERR_INVALID, "names do not begin with a socket: give a prefix, and the socket as location");
	if (r == 0 && wild && (*l.path || l.port))
		r = err_set(e, ERR_INVALID, "it is *.domain, and nothing more");
	return r < 0 ? err_ctx(e, "prefix = \"%.200s\"", rule->prefix) : 0;
}

static int read_rule(struct arena *a, const struct json *table, struct registry_rule *out, struct err *e)
{
	static const char *const known[] = { "prefix", "location", "insecure", "blocked", "mirror-by-digest-only", "mirror", NULL };
	int r;

	if (table->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "a registry is a table, [[registry]]");
	r = check_keys(table, known, "it", e);
	if (r == 0)
		r = json_get_str(table, "", "prefix", &out->prefix, e);
	if (r == 0)
		r = json_get_bool(table, "", "blocked", &out->blocked, e);
	if (r == 0)
		r = read_place(a, table, &out->place, e);
	if (r == 0)
		r = read_mirrors(a, table, out, e);
	if (r < 0)
		return r;
	if (!out->prefix || !*out->prefix)
		out->prefix = out->place.location;
	if (!out->prefix)
		return err_set(e, ERR_INVALID, "it has neither prefix nor location");
	if (!out->place.location && !text_starts(out->prefix, "*."))
		return err_set(e, ERR_INVALID, "it has no location");
	return check_prefix(a, out, e);
}

/* ---- files ---- */

static int add_rule(struct arena *a, struct registries *out, size_t *cap, const struct registry_rule *rule, struct err *e)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->rules[i].prefix, rule->prefix) == 0) {
			if (out->rules[i].file == rule->file)
				return err_set(e, ERR_INVALID, "prefix = \"%.200s\" is given twice", rule->prefix);
			out->rules[i] = *rule;
			return 0;
		}
	out->rules = arena_grow(a, out->rules, out->n, cap, sizeof(*out->rules));
	if (!out->rules)
		return err_errno(e, -ENOMEM, "registries");
	out->rules[out->n++] = *rule;
	return 0;
}

static int read_rules(struct arena *a, const struct json *doc, const char *file, struct registries *out, size_t *cap, struct err *e)
{
	static const char *const known[] = { "registry", "unqualified-search-registries", "short-name-mode", "aliases", "credential-helpers", NULL };
	const struct json *rules = NULL;
	unsigned int n = 0;
	int r;

	if (json_get(doc, "registries"))
		return err_set(e, ERR_INVALID, "[registries] is of version 1 of this file: write [[registry]] instead, see containers-registries.conf(5)");
	r = check_keys(doc, known, "the file", e);
	if (r == 0)
		r = json_get_array(doc, "", "registry", &rules, e);
	if (r < 0)
		return r;
	json_each(it, rules) {
		struct registry_rule rule = { .file = file };

		n++;
		r = read_rule(a, it, &rule, e);
		if (r == 0)
			r = add_rule(a, out, cap, &rule, e);
		if (r < 0)
			return err_ctx(e, "[[registry]] number %u", n);
	}
	return 0;
}

/* *there false: no such file. */
static int read_file(struct arena *a, const char *file, struct registries *out, size_t *cap, bool *there, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	size_t len;
	int r = io_read_file(AT_FDCWD, file, FILE_MAX, &text, &len);

	*there = r != -ENOENT && r != -ENOTDIR;
	if (!*there)
		return 0;
	if (r < 0)
		return err_errno(e, r, "read %s", file);
	r = toml_parse(a, text, len, &doc, e);
	if (r == 0)
		r = read_rules(a, doc, file, out, cap, e);
	return r < 0 ? err_ctx(e, "%s", file) : 0;
}

static int is_conf(const struct dirent *d)
{
	return d->d_name[0] != '.' && text_ends(d->d_name, ".conf");
}

/* By bytes, not by the user's language: the order is the same for everybody. */
static int by_bytes(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

static int read_folder(struct arena *a, const char *folder, struct registries *out, size_t *cap, bool *there, struct err *e)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_conf, by_bytes), r = 0;

	*there = n >= 0 || (errno != ENOENT && errno != ENOTDIR);
	if (n < 0)
		return *there ? err_errno(e, -errno, "read %s", folder) : 0;
	for (int i = 0; i < n; i++) {
		const char *file = arena_printf(a, "%s/%s", folder, entries[i]->d_name);
		bool ignored;

		free(entries[i]);
		if (r == 0)
			r = file ? read_file(a, file, out, cap, &ignored, e) : err_errno(e, -ENOMEM, "read %s", folder);
	}
	free(entries);
	return r;
}

int registries_read(struct arena *a, const struct registries_places *places, struct registries *out, struct err *e)
{
	size_t cap = 0;
	bool there = false;
	int r = 0;

	*out = (struct registries){ .places = places };
	for (const char *const *f = places->files; *f && r == 0 && !there; f++)
		r = read_file(a, *f, out, &cap, &there, e);
	there = false;
	for (const char *const *f = places->folders; *f && r == 0 && !there; f++)
		r = read_folder(a, *f, out, &cap, &there, e);
	return r;
}
