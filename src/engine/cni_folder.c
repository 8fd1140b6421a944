/* Files are read as libcni reads them: *.conflist in the order of their names, then *.conf and *.json, which are one plugin each; a
 * list's other plugins lie in a folder beside it that is called what the network is called. Unlike there, one file that is wrong does not
 * hide the others. */
#include "engine/cni_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/sha256.h"
#include "base/text.h"
#include "engine/record.h"

#define FILE_MAX (1U << 20)
#define MOST_FILES 1000U
#define SECONDS 30U

static const char *setting(const char *name, const char *usual)
{
	const char *v = getenv(name);

	return v && *v ? v : usual;
}

/* Plugins are run elsewhere, and later, than who asks for them. between: what may be between several. */
static int check_folders(const char *name, const char *folders, const char *between, struct err *e)
{
	for (const char *at = folders + strspn(folders, between); *at; at += strcspn(at, between), at += strspn(at, between))
		if (*at != '/')
			return err_set(e, ERR_INVALID, "%s %s: a whole path is wanted", name, folders);
	return 0;
}

int cni_settings(struct cni_settings *out, struct err *e)
{
	const char *seconds = setting("TARE_CNI_TIMEOUT", NULL);

	*out = (struct cni_settings){
		.conf = setting("TARE_CNI_CONF_DIR", "/etc/cni/net.d"),
		.plugins = setting("TARE_CNI_BIN_DIR", "/opt/cni/bin:/usr/lib/cni"),
		.cache = setting("TARE_CNI_CACHE_DIR", "/var/lib/cni"),
		.seconds = SECONDS,
	};
	if (seconds && (text_u32(seconds, &out->seconds) < 0 || !out->seconds || out->seconds > 3600))
		return err_set(e, ERR_INVALID, "TARE_CNI_TIMEOUT %s: seconds from 1 to 3600 are wanted", seconds);
	if (check_folders("TARE_CNI_CONF_DIR", out->conf, "", e) < 0 || check_folders("TARE_CNI_CACHE_DIR", out->cache, "", e) < 0)
		return e->code;
	return check_folders("TARE_CNI_BIN_DIR", out->plugins, ":", e);
}

const char *cni_network_id(struct arena *a, const char *name)
{
	char digest[SHA256_DIGEST_LEN + 1];

	sha256_digest(name, strlen(name), digest);
	return arena_strdup(a, strchr(digest, ':') + 1);
}

bool network_is_cni(const struct network *n)
{
	return strcmp(n->driver, NETWORK_CNI) == 0;
}

/* ---- files ---- */

struct files {
	const char **v;
	size_t n, cap;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_ending(const char *name, const char *const *endings)
{
	for (; *endings; endings++)
		if (text_ends(name, *endings))
			return true;
	return false;
}

/* Behind those that are in out, sorted. A folder that is not there has none. */
static int add_files(struct arena *a, const char *folder, const char *const *endings, struct files *out, struct err *e)
{
	CLEANUP_DIR DIR *d = opendir(folder);
	size_t first = out->n;
	struct dirent *entry;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(e, -errno, "list %s", folder);
	while ((entry = readdir(d))) {
		const char **grown;

		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR || !has_ending(entry->d_name, endings))
			continue;
		if (out->n == MOST_FILES)
			return err_set(e, ERR_LIMIT, "%s has more than %u configurations", folder, MOST_FILES);
		grown = arena_grow(a, out->v, out->n, &out->cap, sizeof(*grown));
		if (!grown || !(grown[out->n++] = arena_printf(a, "%s/%s", folder, entry->d_name)))
			return err_errno(e, -ENOMEM, "list %s", folder);
		out->v = grown;
	}
	if (out->n > first)
		qsort(out->v + first, out->n - first, sizeof(*out->v), by_name);
	return 0;
}

static int read_text(const char *file, char **text, size_t *len, struct err *e)
{
	int r = io_read_file(AT_FDCWD, file, FILE_MAX, text, len);

	return r < 0 ? err_errno(e, r, "read %s", file) : 0;
}

/* The plugins beside the list. */
static int add_plugins(struct arena *a, const char *folder, struct cni_list *list, struct err *e)
{
	static const char *const endings[] = { ".conf", NULL };
	const struct json *more[CNI_PLUGINS];
	struct files files = { 0 };
	int r = add_files(a, arena_printf(a, "%s/%s", folder, list->name), endings, &files, e);

	if (r < 0 || !files.n)
		return r;
	if (files.n > CNI_PLUGINS)
		return err_set(e, ERR_LIMIT, "%s/%s has more than %u plugins", folder, list->name, CNI_PLUGINS);
	for (size_t i = 0; i < files.n; i++) {
		CLEANUP_FREE char *text = NULL;
		size_t len;

		if (read_text(files.v[i], &text, &len, e) < 0)
			return e->code;
		if (json_parse(a, text, len, NULL, &more[i], e) < 0)
			return err_ctx(e, "%s", files.v[i]);
	}
	return cni_list_extend(a, list, more, files.n, e);
}

static int read_network(struct arena *a, const char *folder, const char *file, struct cni_network *out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	bool single = !text_ends(file, ".conflist");
	size_t len;
	int r = read_text(file, &text, &len, e);

	if (r < 0)
		return r;
	r = cni_list_parse(a, text, len, single, &out->list, e);
	if (r == 0 && !single && !out->list.inlined_only)
		r = add_plugins(a, folder, &out->list, e);
	if (r == 0 && !out->list.n_plugins)
		r = err_set(e, ERR_INVALID, "there are no plugins, and none in %s/%s", folder, out->list.name);
	if (r < 0)
		return err_ctx(e, "%s", file);
	out->file = file;
	out->net = (struct network){ .id = cni_network_id(a, out->list.name), .name = out->list.name, .driver = NETWORK_CNI, .device = "", .parent = "", .mode = "" };
	return out->net.id ? 0 : err_errno(e, -ENOMEM, "read %s", file);
}

static bool is_known(const struct cni_network *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].net.name, name) == 0)
			return true;
	return false;
}

int cni_folder_read(struct arena *a, struct cni_network **out, size_t *n, struct cni_bad **bad, size_t *n_bad, struct err *e)
{
	static const char *const lists[] = { ".conflist", NULL }, *const singles[] = { ".conf", ".json", NULL };
	struct cni_settings s;
	struct files files = { 0 };
	int r = cni_settings(&s, e);

	*n = *n_bad = 0;
	if (r == 0)
		r = add_files(a, s.conf, lists, &files, e);
	if (r == 0)
		r = add_files(a, s.conf, singles, &files, e);
	if (r < 0)
		return r;
	*out = arena_array(a, files.n + 1, sizeof(**out));
	*bad = arena_array(a, files.n + 1, sizeof(**bad));
	if (!*out || !*bad)
		return err_errno(e, -ENOMEM, "read %s", s.conf);
	for (size_t i = 0; i < files.n; i++) {
		struct err why = { 0 };

		if (read_network(a, s.conf, files.v[i], &(*out)[*n], &why) < 0)
			(*bad)[(*n_bad)++] = (struct cni_bad){ files.v[i], arena_printf(a, "%s", why.msg) };
		else if (!is_known(*out, *n, (*out)[*n].net.name))
			++*n;
	}
	return 0;
}

/* Whether a file that cannot be read is that network's, for all one can tell: it is called so, or something in it is. */
static bool may_be(const char *file, const char *name)
{
	CLEANUP_FREE char *text = NULL;
	const char *base = strrchr(file, '/') + 1, *at;
	size_t len = strlen(name);
	struct err ignored;

	if (strncmp(base, name, len) == 0 && base[len] == '.')
		return true;
	at = read_text(file, &text, NULL, &ignored) < 0 ? "" : text;
	while ((at = strstr(at, "\"name\""))) {
		at += strlen("\"name\"");
		at += strspn(at, " \t\r\n:");
		if (*at == '"' && strncmp(at + 1, name, len) == 0 && at[1 + len] == '"')
			return true;
	}
	return false;
}

/* Nothing that can be read is called that. */
static int not_found(const char *what, const struct cni_bad *bad, size_t n_bad, struct err *e)
{
	for (size_t i = 0; i < n_bad; i++)
		if (may_be(bad[i].file, what))
			return err_set(e, ERR_UNAVAILABLE, "network %s of CNI cannot be read: %s", what, bad[i].why);
	if (n_bad)
		return err_set(e, ERR_UNAVAILABLE, "no network is called %s, and a configuration of CNI cannot be read: %s", what, bad[0].why);
	return err_set(e, ERR_NOTFOUND, "no network is called %s", what);
}

int cni_folder_find(struct arena *a, const char *what, struct cni_network *out, struct err *e)
{
	size_t n, n_bad, len = strlen(what), matches = 0;
	struct cni_network *all;
	struct cni_bad *bad;
	int r = cni_folder_read(a, &all, &n, &bad, &n_bad, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].net.name, what) == 0 || strcmp(all[i].net.id, what) == 0) {
			*out = all[i];
			return 0;
		}
	for (size_t i = 0; i < n && len && len < ID_LEN; i++)
		if (strncmp(all[i].net.id, what, len) == 0) {
			*out = all[i];
			matches++;
		}
	if (matches > 1)
		return err_set(e, ERR_INVALID, "%s is the start of more than one network's id", what);
	return matches == 1 ? 0 : not_found(what, bad, n_bad, e);
}
