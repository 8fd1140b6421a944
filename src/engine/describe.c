#include "engine/describe.h"

#include <string.h>

#include "engine/remote.h"
#include "image/manifest.h"
#include "image/mediatype.h"

#define MOST (4U << 20) /* of a document */

/* Of an index its manifests', attestations beside them left out. */
static int of_index(struct arena *a, const struct registry_document *doc, struct described *out, struct err *e)
{
	const struct descriptor *list;
	struct platform *v;
	size_t n;
	int r = manifest_parse_index(a, doc->text, doc->len, &list, &n, e);

	if (r < 0)
		return r;
	v = arena_array(a, n + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "platforms");
	for (size_t i = 0; i < n; i++)
		if (list[i].has_platform && !list[i].attestation)
			v[out->n++] = list[i].platform;
	out->platforms = v;
	return 0;
}

static int of_manifest(struct registry_client *c, struct arena *a, const struct registry_document *doc, struct described *out, struct err *e)
{
	const struct image_config *config;
	struct registry_document text;
	struct platform *one = arena_new(a, struct platform);
	struct manifest m;
	int r = one ? manifest_parse(a, doc->text, doc->len, &m, e) : err_errno(e, -ENOMEM, "platforms");

	if (r == 0)
		r = registry_document(c, a, arena_printf(a, "blobs/%s", m.config.digest), NULL, MOST, "configuration", doc->endpoint, &text, e);
	if (r == 0 && strcmp(text.digest, m.config.digest) != 0)
		r = err_set(e, ERR_INVALID, "the registry sends bytes with the digest %s, asked was for %s", text.digest, m.config.digest);
	if (r == 0)
		r = image_config_parse(a, text.text, text.len, &config, e);
	if (r < 0)
		return r;
	platform_make(config->os, config->architecture, config->variant, one);
	out->platforms = one;
	out->n = 1;
	return 0;
}

static int describe(const struct remote *from, struct arena *a, struct described *out, struct err *e)
{
	CLEANUP_REGISTRY_CLIENT struct registry_client client = REGISTRY_CLIENT_INIT;
	const struct image_ref *ref = &from->ref;
	const char *path = arena_printf(a, "manifests/%s", ref->digest ? ref->digest : ref->tag);
	enum media_kind kind = MEDIA_MANIFEST;
	struct registry_document doc;
	struct err unknown;
	int r = path ? 0 : err_errno(e, -ENOMEM, "describe");

	if (r == 0)
		r = registry_start(from->transfer, from->access.endpoints, from->access.n, NULL, 0, &client, e);
	if (r == 0)
		r = registry_document(&client, a, path, registry_manifest_types, MOST, "manifest", REGISTRY_ANY, &doc, e);
	if (r == 0 && ref->digest && strcmp(doc.digest, ref->digest) != 0)
		r = err_set(e, ERR_INVALID, "the registry sends bytes with the digest %s, asked was for %s", doc.digest, ref->digest);
	if (r < 0)
		return r;
	*out = (struct described){ .digest = arena_strdup(a, doc.digest), .size = doc.len };
	out->media_type = arena_strndup(a, doc.media_type ? doc.media_type : "", doc.media_type ? strcspn(doc.media_type, "; ") : 0);
	if (!out->digest || !out->media_type)
		return err_errno(e, -ENOMEM, "describe");
	if (media_kind(out->media_type, &kind, &unknown) < 0)
		return err_set(e, ERR_UNSUPPORTED, "%s", unknown.msg);
	return kind == MEDIA_INDEX ? of_index(a, &doc, out, e) : of_manifest(&client, a, &doc, out, e);
}

int engine_describe(const struct engine *en, const char *what, struct arena *a, struct described *out, struct err *e)
{
	CLEANUP_REMOTE struct remote from = REMOTE_INIT;
	int r = remote_open(en, a, what, &from, e);

	return r < 0 ? r : describe(&from, a, out, e);
}
