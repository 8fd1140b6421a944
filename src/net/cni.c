/* The order of a list's plugins, and what goes from one to the next (section 3 of the specification). In one thing we do more than it
 * says: a DEL that fails does not end the chain. Every plugin must bear that what it made is half gone already, and stopping would leave
 * the address taken because some other plugin was uninstalled.
 *
 * The cache is libcni's to the letter, so that other tools see our attachments and can undo them. We read results from the catalog. */
#include "net/cni.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

#define CHECK_SINCE "0.4.0" /* and a result that is given to DEL */
#define STATUS_SINCE "1.1.0"
#define CACHE_KIND "cniCacheV1"
#define CACHE_MAX (4U << 20)
#define SHARE_MS 2000 /* that is left for each other DEL, if there is that much */

/* ---- versions ---- */

int cni_versions(const struct cni_host *h, struct arena *a, const char *type, const char ***v, size_t *n, struct err *e)
{
	CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&request);
	const struct json *said;
	int r;

	jw_object(&w, NULL);
	jw_str(&w, "cniVersion", CNI_NEWEST);
	jw_end_object(&w);
	r = cni_run(h, a, "VERSION", type, NULL, &request, &said, e);
	if (r == 0 && cni_versions_parse(a, said, v, n, e) < 0)
		return err_ctx(e, "CNI plugin %s", type);
	return r;
}

static bool has_version(const char *const *v, size_t n, const char *version)
{
	for (size_t i = 0; i < n; i++)
		if (cni_version_ok(v[i]) && cni_version_compare(v[i], version) == 0)
			return true;
	return false;
}

/* What is left of the candidates when a plugin has been asked. */
static int narrow(const struct cni_host *h, struct arena *a, const char *type, const char **v, size_t *n, struct err *e)
{
	const char **theirs;
	size_t n_theirs, kept = 0;
	int r = cni_versions(h, a, type, &theirs, &n_theirs, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < *n; i++)
		if (has_version(theirs, n_theirs, v[i]))
			v[kept++] = v[i];
	*n = kept;
	return kept ? 0 : err_set(e, ERR_UNSUPPORTED, "CNI plugin %s supports none of the versions that the network can be used with", type);
}

int cni_choose(const struct cni_host *h, struct arena *a, const struct cni_list *list, const char **version, struct err *e)
{
	static const char *const known[] = { "1.1.0", "1.0.0", "0.4.0", "0.3.1", "0.3.0", "0.2.0", "0.1.0" };
	const char *const *from = list->n_versions ? list->versions : known;
	size_t n = list->n_versions ? list->n_versions : ARRAY_LEN(known);
	const char **v = arena_array(a, n, sizeof(*v));
	char path[PATH_MAX];
	bool ask = n > 1;

	if (!v)
		return err_errno(e, -ENOMEM, "choose a version");
	memcpy(v, from, n * sizeof(*v));
	for (size_t i = 0; i < list->n_plugins; i++)
		if (cni_find(h, list->plugins[i].type, path, e) < 0 || (ask && narrow(h, a, list->plugins[i].type, v, &n, e) < 0))
			return e->code;
	*version = v[0];
	return 0;
}

/* ---- commands about one attachment ---- */

static int run_one(const struct cni_host *h, struct arena *a, const char *command, const struct cni_attachment *at, const struct cni_plugin *p,
		   const struct json *prev, const struct json **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;

	cni_request(at, p, prev, &request);
	return cni_run(h, a, command, p->type, at, &request, out, e);
}

/* A result without a version has the request's. One of a version that nobody knows could be told to no other plugin, nor to DEL. */
static int with_version(struct arena *a, const char *version, const struct json **result, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *own = "";
	int r = json_get_str(*result, "result", "cniVersion", &own, e);

	if (r == 0 && own[0] && (!cni_version_ok(own) || cni_version_compare(own, CNI_NEWEST) > 0))
		r = err_set(e, ERR_INVALID, "result: cniVersion \"%.40s\" is none that is known here", own);
	if (r < 0 || own[0])
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "cniVersion", version);
	json_each(member, *result)
		if (strcmp(member->key, "cniVersion") != 0)
			jw_value(&w, member->key, member);
	jw_end_object(&w);
	return sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "keep a result") : json_parse(a, text.s, text.len, NULL, result, e);
}

int cni_add(const struct cni_host *h, struct arena *a, const struct cni_attachment *at, const struct json **result, struct err *e)
{
	const struct json *prev = NULL;
	struct cni_result judged;

	for (size_t i = 0; i < at->list->n_plugins; i++) {
		const struct cni_plugin *p = &at->list->plugins[i];
		int r = run_one(h, a, "ADD", at, p, prev, &prev, e);

		if (r < 0)
			return r;
		if (!prev || prev->type != JSON_OBJECT)
			return err_set(e, ERR_INVALID, "CNI plugin %s (ADD) printed no result", p->type);
		r = cni_result_parse(a, prev, at->ifname, &judged, e);
		if (r == 0)
			r = with_version(a, at->version, &prev, e);
		if (r < 0)
			return err_ctx(e, "CNI plugin %s (ADD)", p->type);
	}
	*result = prev;
	return 0;
}

int64_t cni_until(int64_t until, size_t more)
{
	int64_t left = until - clock_ms(), theirs = (int64_t)more * SHARE_MS;

	if (!until || left <= 0)
		return until;
	return until - (theirs < left / 2 ? theirs : left / 2);
}

int cni_del(const struct cni_host *h, const struct cni_attachment *at, struct err *e)
{
	const struct json *prev = cni_version_compare(at->version, CHECK_SINCE) >= 0 ? at->result : NULL, *ignored;
	struct err first = { 0 };

	for (size_t i = at->list->n_plugins; i-- > 0;) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct cni_host own = *h;
		struct err why = { 0 };

		own.until = cni_until(h->until, i);
		if (run_one(&own, &a, "DEL", at, &at->list->plugins[i], prev, &ignored, &why) < 0 && (!first.code || first.cls == ERR_NOTFOUND))
			first = why;
	}
	if (first.code)
		*e = first;
	return first.code;
}

int cni_check(const struct cni_host *h, const struct cni_attachment *at, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *ignored;

	if (cni_version_compare(at->version, CHECK_SINCE) < 0)
		return err_set(e, ERR_UNSUPPORTED, "CHECK came with CNI " CHECK_SINCE ", and network %s is one of %s", at->list->name, at->version);
	for (size_t i = 0; i < at->list->n_plugins && !at->list->disable_check; i++)
		if (run_one(h, &a, "CHECK", at, &at->list->plugins[i], at->result, &ignored, e) < 0)
			return e->code;
	return 0;
}

/* ---- commands about a network ---- */

int cni_status(const struct cni_host *h, const struct cni_list *list, const char *version, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct cni_attachment about = { .list = list, .version = version };
	const struct json *ignored;

	for (size_t i = 0; i < list->n_plugins && cni_version_compare(version, STATUS_SINCE) >= 0; i++) {
		CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;

		cni_request(&about, &list->plugins[i], NULL, &request);
		if (cni_run(h, &a, "STATUS", list->plugins[i].type, NULL, &request, &ignored, e) < 0)
			return e->code;
	}
	return 0;
}

/* The name that the specification gives the member, and the one that plugins have read before it was corrected. */
static void write_valid(struct json_writer *w, const char *key, const struct cni_valid *v, size_t n)
{
	jw_array(w, key);
	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_str(w, "containerID", v[i].container);
		jw_str(w, "ifname", v[i].ifname);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void gc_request(const struct cni_list *list, const char *version, const struct cni_plugin *p, const struct cni_valid *v, size_t n,
		       struct strbuf *out)
{
	const struct cni_attachment about = { .list = list, .version = version };
	CLEANUP_STRBUF struct strbuf more = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&more);

	cni_request(&about, p, NULL, out);
	jw_object(&w, NULL);
	write_valid(&w, "cni.dev/valid-attachments", v, n);
	write_valid(&w, "cni.dev/attachments", v, n);
	jw_end_object(&w);
	if (out->len)
		out->len--; /* it ends with its brace */
	sb_printf(out, ",%s", sb_str(&more) + 1);
}

int cni_gc(const struct cni_host *h, const struct cni_list *list, const char *version, const struct cni_valid *v, size_t n, struct err *e)
{
	struct err first = { 0 };

	for (size_t i = 0; i < list->n_plugins && !list->disable_gc && cni_version_compare(version, STATUS_SINCE) >= 0; i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf request = STRBUF_INIT;
		const struct json *ignored;
		struct err why = { 0 };

		gc_request(list, version, &list->plugins[i], v, n, &request);
		if (cni_run(h, &a, "GC", list->plugins[i].type, NULL, &request, &ignored, &why) < 0 && !first.code)
			first = why;
	}
	if (first.code)
		*e = first;
	return first.code;
}

/* ---- the cache ---- */

static const char *cache_name(const struct cni_attachment *at, char out[NAME_MAX + 1])
{
	(void)snprintf(out, NAME_MAX + 1, "%s-%s-%s", at->list->name, at->container, at->ifname);
	return out;
}

/* [["K","V"],…] of "K=V;K=V". */
static void write_args(struct json_writer *w, struct arena *a, const char *args)
{
	jw_array(w, "cniArgs");
	for (const char *at = args; *at; at += strspn(at, ";")) {
		size_t len = strcspn(at, ";"), key = strcspn(at, "=");

		jw_array(w, NULL);
		jw_str(w, NULL, arena_strndup(a, at, key < len ? key : len));
		jw_str(w, NULL, key < len ? arena_strndup(a, at + key + 1, len - key - 1) : "");
		jw_end_array(w);
		at += len;
	}
	jw_end_array(w);
}

static void cache_text(struct arena *a, const struct cni_attachment *at, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(out);

	base64_encode(at->list->text, strlen(at->list->text), &config);
	jw_object(&w, NULL);
	jw_str(&w, "kind", CACHE_KIND);
	jw_str(&w, "containerId", at->container);
	jw_str(&w, "config", sb_str(&config));
	jw_str(&w, "ifName", at->ifname);
	jw_str(&w, "networkName", at->list->name);
	if (at->netns[0])
		jw_str(&w, "netns", at->netns);
	if (at->args[0])
		write_args(&w, a, at->args);
	if (at->capabilities && at->capabilities->len)
		jw_value(&w, "capabilityArgs", at->capabilities);
	jw_value(&w, "result", at->result);
	jw_end_object(&w);
}

int cni_cache_write(const char *folder, const struct cni_attachment *at, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	char results[PATH_MAX], name[NAME_MAX + 1];
	CLEANUP_FD int dir = -1;
	int r, n = snprintf(results, sizeof(results), "%s/results", folder);

	r = n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : io_mkdirs(AT_FDCWD, results, 0700);
	if (r == 0) {
		dir = open(results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cache_text(&a, at, &text);
		r = dir < 0 ? -errno : sb_error(&text) < 0 || arena_error(&a) < 0 ? -ENOMEM : 0;
	}
	if (r == 0)
		r = io_replace_file(dir, cache_name(at, name), text.s, text.len, 0600, false);
	return r < 0 ? err_errno(e, r, "keep the result in %s/%s", results, cache_name(at, name)) : 0;
}

void cni_cache_remove(const char *folder, const struct cni_attachment *at)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	int n = snprintf(path, sizeof(path), "%s/results/%s", folder, cache_name(at, name));

	if (n > 0 && n < PATH_MAX)
		(void)unlink(path);
}

/* 1: it is one of the network's. */
static int read_cached(int dir, const char *name, struct arena *a, const char *network, struct cni_valid *out)
{
	CLEANUP_FREE char *text = NULL;
	const char *kind = "", *of = "", *container = "", *ifname = "";
	const struct json *doc;
	struct err ignored;
	size_t len;

	if (io_read_file(dir, name, CACHE_MAX, &text, &len) < 0 || json_parse(a, text, len, NULL, &doc, &ignored) < 0 ||
	    json_get_str(doc, "cache", "kind", &kind, &ignored) < 0 || json_get_str(doc, "cache", "networkName", &of, &ignored) < 0 ||
	    json_get_str(doc, "cache", "containerId", &container, &ignored) < 0 || json_get_str(doc, "cache", "ifName", &ifname, &ignored) < 0)
		return 0;
	if (strcmp(kind, CACHE_KIND) != 0 || strcmp(of, network) != 0 || !container[0] || !ifname[0])
		return 0;
	*out = (struct cni_valid){ .container = container, .ifname = ifname };
	return 1;
}

int cni_cache_list(const char *folder, struct arena *a, const char *network, struct cni_valid **out, size_t *n, struct err *e)
{
	char results[PATH_MAX];
	int len = snprintf(results, sizeof(results), "%s/results", folder);
	CLEANUP_DIR DIR *d = len > 0 && len < PATH_MAX ? opendir(results) : NULL;
	struct dirent *entry;
	size_t cap = 0;

	*out = NULL;
	*n = 0;
	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "list %s", results);
	while ((entry = readdir(d))) {
		struct cni_valid *grown;

		if (!text_starts(entry->d_name, network))
			continue;
		grown = arena_grow(a, *out, *n, &cap, sizeof(**out));
		if (!grown)
			return err_errno(e, -ENOMEM, "list %s", results);
		*out = grown;
		*n += (size_t)read_cached(dirfd(d), entry->d_name, a, network, &grown[*n]);
	}
	return 0;
}
