/* What is remembered of a URL is a file of JSON in a folder like those of the caches of RUN (engine/buildcache.h), so that it is pruned as
 * they are: the server's ETag, and the digest of what came with it. A damaged one is as good as none. */
#include "engine/fetch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/newfile.h"
#include "base/sha256.h"
#include "base/text.h"
#include "engine/buildcache.h"
#include "wire/proxy.h"

#define ANSWER "answer"
#define ANSWER_MAX 65536U

/* ---- the URL ---- */

struct place {
	const char *base; /* "https://host:port" */
	const char *host; /* without [] */
	uint32_t port;
	bool https;
};

static int no_url(const char *url, const char *why, struct err *e)
{
	char shown[200];

	return err_set(e, ERR_INVALID, "%s: %s", text_escape(url, shown, sizeof(shown)), why);
}

static int split_port(const char *url, char *host, struct place *out, struct err *e)
{
	char *colon = strrchr(host, ':');

	out->port = out->https ? 443 : 80;
	if (colon && !strchr(colon, ']')) {
		if (colon[1] && (text_u32(colon + 1, &out->port) < 0 || out->port == 0 || out->port > 65535))
			return no_url(url, "its port is none", e);
		*colon = '\0';
	}
	return *host ? 0 : no_url(url, "it names no host", e);
}

static int find_place(struct arena *a, const char *url, struct place *out, struct err *e)
{
	const char *authority = strstr(url, "://") + 3;
	size_t len = strcspn(authority, "/?#");
	char *host = arena_strndup(a, authority, len);

	out->https = strncasecmp(url, "https://", 8) == 0;
	out->base = arena_strndup(a, url, (size_t)(authority - url) + len);
	if (!host || !out->base)
		return err_errno(e, -ENOMEM, "fetch");
	if (strchr(host, '@')) /* not shown: there may be a password in it */
		return err_set(e, ERR_UNSUPPORTED, "a URL with a login in it: give RUN a secret and fetch it there");
	for (const char *p = url; *p; p++)
		if (*p <= 0x20 || *p == 0x7f)
			return no_url(url, "a URL has neither blanks nor control characters: write %XX", e);
	out->host = host;
	return split_port(url, host, out, e);
}

/* ---- what is remembered ---- */

struct memory {
	const char *folder, *file; /* below the store's root */
	const char *etag, *digest; /* NULL: nothing */
};

static int memory_name(struct arena *a, const char *url, struct memory *m, struct err *e)
{
	const char *text = arena_printf(a, "fetched %s", url);
	char digest[DIGEST_LEN + 1];

	if (!text)
		return err_errno(e, -ENOMEM, "fetch");
	sha256_digest(text, strlen(text), digest);
	m->folder = arena_printf(a, BUILDCACHE_FOLDER "/%s", digest_hex(digest));
	m->file = arena_printf(a, "%s/" ANSWER, m->folder);
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "fetch") : 0;
}

static void recall(const struct engine *en, struct arena *a, struct memory *m)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc = NULL;
	const char *etag = NULL, *digest = NULL;
	struct err ignored;
	size_t len;
	int r = io_read_file(en->root_fd, m->file, ANSWER_MAX, &text, &len);

	if (r == 0)
		r = json_parse(a, text, len, NULL, &doc, &ignored);
	if (r == 0)
		r = json_get_str(doc, "answer", "etag", &etag, &ignored);
	if (r == 0)
		r = json_get_str(doc, "answer", "digest", &digest, &ignored);
	if (r < 0 || !etag || !digest || !digest_valid(digest))
		return;
	m->etag = etag;
	m->digest = digest;
}

const char *fetch_remembered(int folder, struct arena *a)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc = NULL;
	const char *url = NULL;
	struct err ignored;
	char shown[200];
	size_t len;
	int r = io_read_file(folder, ANSWER, ANSWER_MAX, &text, &len);

	if (r == 0)
		r = json_parse(a, text, len, NULL, &doc, &ignored);
	if (r == 0)
		r = json_get_str(doc, ANSWER, "url", &url, &ignored);
	return r < 0 || !url ? NULL : arena_printf(a, "ADD %s", text_escape(url, shown, sizeof(shown)));
}

/* As a header has it: no end of line in it, and none to be made of it. */
static bool is_etag(const char *s)
{
	for (const char *p = s; p && *p; p++)
		if (*p < 0x21 || *p == 0x7f)
			return false;
	return s && *s && strlen(s) < 1024;
}

static int remember(const struct engine *en, struct arena *a, const char *url, const struct memory *m, const struct fetched *f, struct err *e)
{
	CLEANUP_NEWFILE struct newfile file = NEWFILE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const char *path = arena_printf(a, "%s/%s", en->root, m->file);
	int r = path ? 0 : -ENOMEM;

	jw_object(&w, NULL);
	jw_str(&w, "url", url);
	jw_str(&w, "etag", f->etag);
	jw_str(&w, "digest", f->digest);
	jw_end_object(&w);
	if (r == 0 && ((mkdirat(en->root_fd, BUILDCACHE_FOLDER, 0700) < 0 && errno != EEXIST) ||
		       (mkdirat(en->root_fd, m->folder, 0700) < 0 && errno != EEXIST)))
		r = -errno;
	if (r == 0)
		r = newfile_begin(path, 0600, &file);
	if (r == 0)
		r = sb_error(&out) < 0 ? -ENOMEM : io_write_full(file.fd, out.s, out.len);
	if (r == 0)
		r = newfile_commit(&file);
	/* pruned just then: what is not remembered is fetched once more, and the file is here */
	return r < 0 && r != -ENOENT ? err_errno(e, r, "remember what was fetched") : 0;
}

/* ---- all ---- */

int engine_fetch(const struct engine *en, struct arena *a, const char *url, bool remembered, uint64_t max, int fd, struct fetched *out,
		 struct err *e)
{
	char program[PATH_MAX];
	struct fetch_args args = { .program = program, .url = url, .max = max, .fd = fd };
	struct proxy_settings proxies;
	struct memory memory = { 0 };
	struct place place;
	int r = find_place(a, url, &place, e);

	proxy_settings_find(&proxies);
	if (r == 0)
		r = proxy_for(a, &proxies, place.https, place.host, place.port, &args.proxy, e);
	if (r == 0)
		r = engine_program("tare-transfer", program, e);
	if (r == 0)
		r = memory_name(a, url, &memory, e);
	if (r < 0)
		return r;
	if (remembered)
		recall(en, a, &memory);
	args.base = place.base;
	args.etag = memory.etag;
	r = fetch_url(&args, a, out, e);
	if (r < 0)
		return r;
	if (out->unchanged)
		(void)snprintf(out->digest, sizeof(out->digest), "%s", memory.digest);
	else if (is_etag(out->etag))
		r = remember(en, a, url, &memory, out, e);
	return r;
}
