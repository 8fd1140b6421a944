/* The index is not the registry: Docker Hub's is another host, and takes the same login. Where registries.conf has
 * something else in the place of docker.io, that is asked. Mirrors are not: what they find is not what there is. */
#include "engine/search.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "engine/access.h"

#define HUB_REGISTRY "https://registry-1.docker.io"
#define HUB_INDEX "https://index.docker.io"
#define ANSWER_MAX (4U << 20)

int search_term(struct arena *a, const char *term, struct image_ref *ref, const char **words, struct err *e)
{
	const char *slash = strchr(term, '/'), *host = slash ? arena_strndup(a, term, (size_t)(slash - term)) : "";
	bool other = host && (strpbrk(host, ".:") || strcmp(host, "localhost") == 0);
	const char *name = arena_printf(a, "%s/team/search", other ? host : "docker.io");
	struct err ignored;

	if (!host || !name)
		return err_errno(e, -ENOMEM, "search");
	if (strstr(term, "://"))
		return err_set(e, ERR_INVALID, "'%.100s': name a registry without a scheme: HOST[:PORT]/TERM", term);
	*words = other ? slash + 1 : term;
	if (!other && text_starts(term, "library/"))
		*words += strlen("library/");
	if (!**words)
		return err_set(e, ERR_INVALID, "'%.100s': search for what?", term);
	return image_ref_parse(a, name, ref, &ignored) < 0
		       ? err_set(e, ERR_INVALID, "'%.100s' is no registry: HOST or HOST:PORT", host)
		       : 0;
}

static const char *path_of(struct arena *a, const char *words, unsigned int limit)
{
	CLEANUP_STRBUF struct strbuf path = STRBUF_INIT;

	sb_puts(&path, "/v1/search?q=");
	for (; *words; words++) {
		if (isalnum((unsigned char)*words) || strchr("-._~", *words))
			sb_putc(&path, *words);
		else
			sb_printf(&path, "%%%02X", (unsigned char)*words);
	}
	sb_printf(&path, "&n=%u", limit);
	return sb_error(&path) < 0 ? NULL : arena_strdup(a, sb_str(&path));
}

static int take(const struct json *it, struct search_result *r, struct err *e)
{
	int ret;

	*r = (struct search_result){.name = "", .description = ""};
	ret = json_get_str(it, "a result", "name", &r->name, e);
	if (ret == 0)
		ret = json_get_str(it, "a result", "description", &r->description, e);
	if (ret == 0)
		ret = json_get_u64(it, "a result", "star_count", &r->stars, e);
	if (ret == 0)
		ret = json_get_bool(it, "a result", "is_official", &r->official, e);
	return ret < 0 ? ret : json_get_bool(it, "a result", "is_automated", &r->automated, e);
}

static int read_answer(struct arena *a, const struct registry_document *got, struct search_result **out, size_t *n,
		       struct err *e)
{
	const struct json *doc, *list = NULL;
	int r = json_parse(a, got->text, got->len, NULL, &doc, e);

	*n = 0;
	if (r == 0 && doc->type != JSON_OBJECT)
		r = err_set(e, ERR_INVALID, "it is no object {…}");
	if (r == 0)
		r = json_get_array(doc, "it", "results", &list, e);
	if (r < 0)
		return r;
	*out = arena_array(a, (list ? list->len : 0) + 1, sizeof(**out));
	if (!*out)
		return err_errno(e, -ENOMEM, "search");
	json_each(it, list) {
		r = take(it, &(*out)[(*n)++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int ask(struct access *q, struct arena *a, const char *path, const char *what, struct registry_document *got,
	       struct err *e)
{
	CLEANUP_REGISTRY_CLIENT struct registry_client client = REGISTRY_CLIENT_INIT;
	static const char *const accept[] = {"application/json", NULL};
	char transfer[PATH_MAX];
	int r = engine_program("tare-transfer", transfer, e);

	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->endpoints[i].base, HUB_REGISTRY) == 0)
			q->endpoints[i].base = HUB_INDEX;
	if (r == 0)
		r = registry_start(transfer, q->endpoints, q->n, NULL, 0, &client, e);
	if (r == 0)
		r = registry_document(&client, a, path, accept, ANSWER_MAX, what, REGISTRY_ANY, got, e);
	if (r < 0 && e->cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "%s has no search: Docker Hub has one, most registries have none",
			       q->found[0].domain);
	return r;
}

int engine_search(const struct engine *en, struct arena *a, const char *term, unsigned int limit,
		  struct search_result **out, size_t *n, struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	const char *words = "", *path;
	struct registry_document got;
	struct image_ref ref;
	char shown[120];
	int r = search_term(a, term, &ref, &words, e);

	if (r < 0)
		return r;
	path = path_of(a, words, limit);
	if (!path)
		return err_errno(e, -ENOMEM, "search");
	r = access_find(&q, en, &ref, REGISTRY_PUSH, NULL, e);
	if (r == 0)
		r = ask(&q, a, path, text_escape(words, shown, sizeof(shown)), &got, e);
	if (r < 0)
		return r;
	r = read_answer(a, &got, out, n, e);
	return r < 0 ? err_ctx(e, "what %s answers", q.found[got.endpoint < q.n ? got.endpoint : 0].domain) : 0;
}
