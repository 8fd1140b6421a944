#include "image/ref.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "image/digest.h"

#define DEFAULT_DOMAIN "docker.io"
#define OFFICIAL "library/"
#define MAX_NAME 255
#define MAX_TAG 128

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* path-component: runs of [a-z0-9], joined by one of "." "_" "__" or any number of "-". */
static bool component_valid(const char *s, size_t len)
{
	if (len == 0 || !is_lower_alnum(s[0]) || !is_lower_alnum(s[len - 1]))
		return false;
	for (size_t i = 1; i < len;) {
		size_t run = 0;

		if (is_lower_alnum(s[i])) {
			i++;
			continue;
		}
		while (i + run < len && s[i + run] == s[i])
			run++;
		if ((s[i] == '.' && run != 1) || (s[i] == '_' && run > 2) || !strchr("._-", s[i]) ||
		    !is_lower_alnum(s[i + run]))
			return false;
		i += run;
	}
	return true;
}

static bool path_valid(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!component_valid(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

/* host[:port], or [IPv6][:port]. */
static bool domain_valid(const char *s)
{
	size_t host = s[0] == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":");
	bool v6 = s[0] == '[';

	if (host == 0 || host > strlen(s) || s[0] == '.' || s[0] == '-' || s[host - 1] == '.' || s[host - 1] == '-')
		return false;
	for (size_t i = v6; i < host - v6; i++)
		if (!is_alnum(s[i]) && !(v6 ? s[i] == ':' : (s[i] == '.' || s[i] == '-')))
			return false;
	if (!s[host])
		return true;
	return s[host] == ':' && s[host + 1] && strspn(s + host + 1, "0123456789") == strlen(s + host + 1);
}

static bool tag_valid(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > MAX_TAG || !(is_alnum(*s) || *s == '_'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

/* Is the first component a host rather than a part of a path on the default one? The distribution project's rule. */
static bool looks_like_host(const char *name, size_t len)
{
	if (len == 9 && !strncmp(name, "localhost", 9))
		return true;
	for (size_t i = 0; i < len; i++)
		if (name[i] == '.' || name[i] == ':' || (name[i] >= 'A' && name[i] <= 'Z'))
			return true;
	return false;
}

static int split(struct arena *a, char *s, struct image_ref *out, struct err *e)
{
	char *at = strchr(s, '@'), *slash, *colon;

	if (at) {
		*at = '\0';
		out->digest = at + 1;
		if (!digest_valid(out->digest))
			return err_set(e, ERR_INVALID, "'%s' is no sha256 digest", out->digest);
	}
	slash = strrchr(s, '/');
	colon = strrchr(slash ? slash : s, ':');
	if (colon) {
		*colon = '\0';
		out->tag = colon + 1;
		if (!tag_valid(out->tag))
			return err_set(e, ERR_INVALID, "'%s' is no tag (letters, digits, '_', '.', '-'; at most %d)",
				       out->tag, MAX_TAG);
	} else if (!at) {
		out->tag = "latest";
	}
	slash = strchr(s, '/');
	if (slash && looks_like_host(s, (size_t)(slash - s))) {
		*slash = '\0';
		out->domain = !strcmp(s, "index.docker.io") ? DEFAULT_DOMAIN : s;
		out->path = slash + 1;
	} else {
		out->domain = DEFAULT_DOMAIN;
		out->path = s;
	}
	if (!strcmp(out->domain, DEFAULT_DOMAIN) && !strchr(out->path, '/'))
		out->path = arena_printf(a, OFFICIAL "%s", out->path);
	return 0;
}

static int parse(struct arena *a, const char *text, struct image_ref *out, struct err *e)
{
	char *copy;
	int r;

	*out = (struct image_ref){ 0 };
	if (!*text || strlen(text) > MAX_NAME + MAX_TAG + DIGEST_LEN + 2)
		return err_set(e, ERR_INVALID, "image name '%.60s': it is %s", text, *text ? "too long" : "empty");
	copy = arena_strdup(a, text);
	if (!copy)
		return err_errno(e, -ENOMEM, "image name");
	r = split(a, copy, out, e);
	if (r < 0)
		return err_ctx(e, "image name '%s'", text);
	if (arena_error(a))
		return err_errno(e, -ENOMEM, "image name");
	if (!domain_valid(out->domain))
		return err_set(e, ERR_INVALID, "image name '%s': '%s' is no registry host", text, out->domain);
	if (strlen(out->domain) + 1 + strlen(out->path) > MAX_NAME)
		return err_set(e, ERR_INVALID, "image name '%s': it is longer than %d characters", text, MAX_NAME);
	if (!path_valid(out->path))
		return err_set(e, ERR_INVALID, "image name '%s': names are lower-case letters and digits, joined by '.', '_' or '-'",
			       text);
	return 0;
}

/* What is no name may be anything, and is shown. */
int image_ref_parse(struct arena *a, const char *text, struct image_ref *out, struct err *e)
{
	struct err raw;
	int r = parse(a, text, out, e);

	if (r == 0)
		return 0;
	raw = *e;
	(void)text_tame(raw.msg, e->msg, sizeof(e->msg));
	return r;
}

static const char *join(struct arena *a, const char *domain, const char *path, const struct image_ref *ref)
{
	return arena_printf(a, "%s%s%s%s%s%s%s", domain, *domain ? "/" : "", path, ref->tag ? ":" : "",
			    ref->tag ? ref->tag : "", ref->digest ? "@" : "", ref->digest ? ref->digest : "");
}

const char *image_ref_canonical(struct arena *a, const struct image_ref *ref)
{
	return join(a, ref->domain, ref->path, ref);
}

const char *image_ref_familiar(struct arena *a, const struct image_ref *ref)
{
	const char *path = ref->path, *slash = strchr(path, '/');

	/* Docker Hub's a.b/c would be a name of the registry a.b */
	if (strcmp(ref->domain, DEFAULT_DOMAIN) != 0 || (slash && looks_like_host(path, (size_t)(slash - path))))
		return join(a, ref->domain, path, ref);
	if (!strncmp(path, OFFICIAL, strlen(OFFICIAL)) && !strchr(path + strlen(OFFICIAL), '/'))
		path += strlen(OFFICIAL);
	return join(a, "", path, ref);
}
