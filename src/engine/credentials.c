/* Reading. Docker reduces a key to its host, podman takes "host/path" at its word; both are had by one rule: a key with a scheme, or whose
 * path is "v1" or "v2", is its host alone. Two keys that fit as well: the one that `docker login` writes, then the first. */
#include "engine/credentials.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/text.h"
#include "engine/credential_helper.h"
#include "engine/credentials_impl.h"

#define FILE_MAX (4U << 20)
#define HELPER_SECONDS 120

/* ---- where ---- */

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

int credential_files_find(struct arena *a, uid_t uid, struct credential_files *out, struct err *e)
{
	const char *folder = env("DOCKER_CONFIG"), *home = env("HOME"), *file = env("REGISTRY_AUTH_FILE"), *run = env("XDG_RUNTIME_DIR");
	size_t n = 0;

	*out = (struct credential_files){ .helper_seconds = HELPER_SECONDS };
	if (folder)
		out->docker = arena_printf(a, "%s/config.json", folder);
	else if (home)
		out->docker = arena_printf(a, "%s/.docker/config.json", home);
	if (file)
		out->others[n++] = file;
	out->others[n++] = run ? arena_printf(a, "%s/containers/auth.json", run) :
				 arena_printf(a, "/run/containers/%u/auth.json", (unsigned int)uid);
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "find the credentials' files") : 0;
}

bool credential_known(const struct credential *c)
{
	return *c->username || *c->password || *c->identity_token || *c->registry_token;
}

/* ---- keys ---- */

const char *credentials_key(const char *domain)
{
	return strcmp(domain, HUB) == 0 ? HUB_KEY : domain;
}

struct key {
	const char *host, *path; /* not NUL-terminated */
	size_t host_len, path_len;
};

static struct key split_key(const char *text)
{
	bool scheme = true;
	struct key k;

	if (strncasecmp(text, "https://", 8) == 0)
		text += 8;
	else if (strncasecmp(text, "http://", 7) == 0)
		text += 7;
	else
		scheme = false;
	k.host = text;
	k.host_len = strcspn(text, "/");
	k.path = text + k.host_len + strspn(text + k.host_len, "/");
	k.path_len = text_path_len(k.path);
	if (k.path_len && k.path[k.path_len - 1] == '/') /* of "/" all is left */
		k.path_len = 0;
	if (scheme || (k.path_len == 2 && (memcmp(k.path, "v1", 2) == 0 || memcmp(k.path, "v2", 2) == 0)))
		k.path_len = 0;
	return k;
}

static bool host_is(const struct key *k, const char *domain)
{
	static const char *const hub[] = { HUB, "index.docker.io", "registry-1.docker.io" };

	if (strlen(domain) == k->host_len && strncasecmp(k->host, domain, k->host_len) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(hub) && strcmp(domain, HUB) == 0; i++)
		if (strlen(hub[i]) == k->host_len && strncasecmp(k->host, hub[i], k->host_len) == 0)
			return true;
	return false;
}

bool credentials_same(const char *key, const char *domain)
{
	struct key k = split_key(key);

	return host_is(&k, domain) && k.path_len == 0;
}

/* How well a key fits a repository; 0: not at all. */
static size_t fits(const char *key, const char *domain, const char *path)
{
	struct key k = split_key(key);

	if (!host_is(&k, domain))
		return 0;
	if (k.path_len && (strncmp(k.path, path, k.path_len) != 0 || (path[k.path_len] && path[k.path_len] != '/')))
		return 0;
	return 1 + 2 * k.path_len + (strcmp(key, credentials_key(domain)) == 0);
}

const struct json *credentials_match(const struct json *map, const char *domain, const char *path)
{
	const struct json *best = NULL;
	size_t best_fit = 0;

	json_each(it, map) {
		size_t fit = fits(it->key, domain, path);

		if (fit > best_fit) {
			best = it;
			best_fit = fit;
		}
	}
	return best;
}

/* ---- one file ---- */

struct secret_text {
	char *s;
	size_t len;
};

static void wipe_text(struct secret_text *t)
{
	if (t->s)
		explicit_bzero(t->s, t->len);
	free(t->s);
}

int credentials_read(struct arena *a, int fd, const char *file, const struct json **doc, struct err *e)
{
	CLEANUP(wipe_text) struct secret_text text = { 0 };
	int r = io_read_fd(fd, FILE_MAX, &text.s, &text.len);

	*doc = NULL;
	if (r < 0)
		return err_errno(e, r, "read the credentials in %s", file);
	if (strspn(text.s, " \t\r\n") == text.len) /* as good as none */
		return json_parse(a, "{}", 2, NULL, doc, e);
	r = json_parse(a, text.s, text.len, NULL, doc, e);
	if (r == 0 && (*doc)->type != JSON_OBJECT)
		r = err_set(e, ERR_INVALID, "it is no object");
	return r < 0 ? err_ctx(e, "%s is damaged", file) : 0;
}

int credentials_helper(const struct json *doc, const char *domain, const char *path, const char **name, struct err *e)
{
	const struct json *helpers = NULL, *own;
	int r = json_get_obj(doc, "", "credHelpers", &helpers, e);

	*name = "";
	if (r < 0)
		return r;
	own = credentials_match(helpers, domain, path);
	if (!own)
		return json_get_str(doc, "", "credsStore", name, e);
	if (own->type != JSON_STRING)
		return err_set(e, ERR_INVALID, "credHelpers: '%s' is no string", own->key);
	*name = own->str;
	return 0;
}

/* "auth": USER:PASSWORD; NULs at its end are of old versions of Docker. */
static int decode_auth(struct arena *a, const char *text, struct credential *out, struct err *e)
{
	unsigned char *plain = arena_alloc(a, strlen(text) / 4 * 3 + 4);
	size_t len;
	char *colon;

	if (!plain)
		return err_errno(e, -ENOMEM, "read a credential");
	if (base64_decode(text, plain, &len) < 0)
		return err_set(e, ERR_INVALID, "auth is no base64");
	while (len && plain[len - 1] == '\0')
		len--;
	plain[len] = '\0';
	colon = memchr(plain, ':', len);
	if (!colon || memchr(plain, '\0', len))
		return err_set(e, ERR_INVALID, "auth is not USER:PASSWORD");
	*colon = '\0';
	out->username = (const char *)plain;
	out->password = colon + 1;
	return 0;
}

static int read_entry(struct arena *a, const struct json *entry, struct credential *out, struct err *e)
{
	const char *auth = "";
	int r;

	if (entry->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "it is no object");
	r = json_get_str(entry, "", "auth", &auth, e);
	if (r == 0)
		r = json_get_str(entry, "", "username", &out->username, e);
	if (r == 0)
		r = json_get_str(entry, "", "password", &out->password, e);
	if (r == 0)
		r = json_get_str(entry, "", "identitytoken", &out->identity_token, e);
	if (r == 0)
		r = json_get_str(entry, "", "registrytoken", &out->registry_token, e);
	return r == 0 && *auth ? decode_auth(a, auth, out, e) : r;
}

static int get_from_auths(struct arena *a, const struct json *auths, const char *domain, const char *path, struct credential *out, struct err *e)
{
	const struct json *entry = credentials_match(auths, domain, path);
	char shown[120];

	if (!entry || read_entry(a, entry, out, e) == 0)
		return entry != NULL;
	return err_ctx(e, "auths: '%s'", text_escape(entry->key, shown, sizeof(shown)));
}

int credential_among(struct arena *a, const struct json *auths, const char *domain, const char *path, struct credential *out, struct err *e)
{
	int r;

	*out = (struct credential)CREDENTIAL_NONE;
	r = get_from_auths(a, auths, domain, path, out, e);
	return r < 0 ? r : 0;
}

static int get_from(struct arena *a, const struct json *doc, const char *file, unsigned int seconds, const char *domain, const char *path,
		    struct credential *out, struct err *e)
{
	const struct json *auths = NULL;
	const char *helper;
	int r = credentials_helper(doc, domain, path, &helper, e);

	if (r == 0 && *helper)
		return credential_helper_get(a, &(const struct credential_helper){ helper, seconds }, credentials_key(domain), out, e);
	if (r == 0)
		r = json_get_obj(doc, "", "auths", &auths, e);
	if (r < 0)
		return r;
	r = get_from_auths(a, auths, domain, path, out, e);
	if (r > 0)
		out->from = file;
	return r < 0 ? r : 0;
}

static int get_from_file(struct arena *a, const struct credential_files *files, const char *file, const char *domain, const char *path,
			 struct credential *out, struct err *e)
{
	CLEANUP_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
	const struct json *doc;
	int r;

	*out = (struct credential)CREDENTIAL_NONE;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_errno(e, -errno, "read the credentials in %s", file);
	if (credentials_read(a, fd, file, &doc, e) < 0)
		return e->code;
	r = get_from(a, doc, file, files->helper_seconds, domain, path, out, e);
	return r < 0 ? err_ctx(e, "credentials for %s in %s", domain, file) : 0;
}

int credential_get(struct arena *a, const struct credential_files *files, const char *domain, const char *path, struct credential *out,
		   struct err *e)
{
	int r = 0;

	*out = (struct credential)CREDENTIAL_NONE;
	if (files->docker)
		r = get_from_file(a, files, files->docker, domain, path, out, e);
	for (size_t i = 0; r == 0 && !credential_known(out) && i < ARRAY_LEN(files->others) && files->others[i]; i++)
		r = get_from_file(a, files, files->others[i], domain, path, out, e);
	if (r == 0 && !credential_known(out))
		*out = (struct credential)CREDENTIAL_NONE;
	return r;
}
