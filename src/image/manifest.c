#include "image/manifest.h"
#include "base/strbuf.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "image/config.h"
#include "image/digest.h"

#define MAX_IMAGES 1000

/* ---- media types ---- */

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const struct {
	const char *type;
	enum media_kind kind;
} known[] = {
	{ OCI "index.v1+json", MEDIA_INDEX },
	{ DOCKER "distribution.manifest.list.v2+json", MEDIA_INDEX },
	{ OCI "manifest.v1+json", MEDIA_MANIFEST },
	{ DOCKER "distribution.manifest.v2+json", MEDIA_MANIFEST },
	{ OCI "config.v1+json", MEDIA_CONFIG },
	{ DOCKER "container.image.v1+json", MEDIA_CONFIG },
	{ OCI "layer.v1.tar", MEDIA_LAYER },
	{ OCI "layer.v1.tar+gzip", MEDIA_LAYER },
	{ OCI "layer.v1.tar+zstd", MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar", MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar.gzip", MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar.zstd", MEDIA_LAYER },
};

/* Known well enough to say why not. */
static const struct {
	const char *part, *why;
} refused[] = {
	{ "+encrypted", "it is encrypted, and tare has no keys" },
	{ "nondistributable", "it is a layer that must be fetched from elsewhere; tare does not" },
	{ "rootfs.foreign", "it is a layer that must be fetched from elsewhere; tare does not" },
	{ "distribution.manifest.v1+", "it is image manifest schema 1, which has no verifiable content; save the image again with "
				       "a current tool" },
	{ "vnd.in-toto", "it is build provenance, no image" },
	{ "vnd.cncf.helm", "it is a Helm chart, no image" },
};

int media_kind(const char *type, enum media_kind *out, struct err *e)
{
	char shown[128];

	(void)text_escape(type, shown, sizeof(shown));
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(type, known[i].type) != 0)
			continue;
		*out = known[i].kind;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (strstr(type, refused[i].part))
			return err_set(e, ERR_UNSUPPORTED, "media type '%s': %s", shown, refused[i].why);
	return err_set(e, ERR_UNSUPPORTED, "media type '%s' is not known to tare", shown);
}

/* ---- docker's manifest.json ---- */

static int parse_docker_image(struct arena *a, const struct json *v, struct docker_image *img, struct err *e)
{
	const char **names = NULL, **layers = NULL;
	size_t n_names = 0;
	int r = json_get_str(v, "manifest.json", "Config", &img->config, e);

	if (r == 0)
		r = json_get_strv(a, v, "manifest.json", "RepoTags", &names, &n_names, e);
	if (r == 0)
		r = json_get_strv(a, v, "manifest.json", "Layers", &layers, &img->n_layers, e);
	if (r < 0)
		return r;
	if (!img->config)
		return err_set(e, ERR_INVALID, "manifest.json: an image has no Config");
	img->names = names ? names : arena_array(a, 1, sizeof(*names));
	img->layers = layers ? layers : arena_array(a, 1, sizeof(*layers));
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "manifest.json") : 0;
}

int manifest_parse_docker(struct arena *a, const char *text, size_t len, const struct docker_image **out, size_t *n,
			  struct err *e)
{
	const struct json *doc;
	struct docker_image *v;
	int r = json_parse(a, text, len, &image_json_limits, &doc, e);

	if (r < 0)
		return err_ctx(e, "manifest.json");
	if (doc->type != JSON_ARRAY || doc->len == 0)
		return err_set(e, ERR_INVALID, "manifest.json lists no image");
	if (doc->len > MAX_IMAGES)
		return err_set(e, ERR_LIMIT, "manifest.json lists more than %d images", MAX_IMAGES);
	v = arena_array(a, doc->len, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "manifest.json");
	*n = 0;
	json_each(it, doc) {
		r = parse_docker_image(a, it, &v[(*n)++], e);
		if (r < 0)
			return r;
	}
	*out = v;
	return 0;
}

/* ---- OCI ---- */

static int parse_platform(const struct json *v, struct descriptor *d, struct err *e)
{
	const char *os = NULL, *arch = NULL, *variant = NULL;
	const struct json *p = NULL;
	int r = json_get_obj(v, "descriptor", "platform", &p, e);

	if (r < 0 || !p)
		return r;
	r = json_get_str(p, "platform", "os", &os, e);
	if (r == 0)
		r = json_get_str(p, "platform", "architecture", &arch, e);
	if (r == 0)
		r = json_get_str(p, "platform", "variant", &variant, e);
	d->has_platform = true;
	platform_make(os, arch, variant, &d->platform);
	return r;
}

static int parse_annotations(const struct json *v, struct descriptor *d, struct err *e)
{
	const char *full = NULL, *ref = NULL, *reference_type = NULL;
	const struct json *notes = NULL;
	int r = json_get_obj(v, "descriptor", "annotations", &notes, e);

	if (r == 0)
		r = json_get_str(notes, "annotations", "io.containerd.image.name", &full, e);
	if (r == 0)
		r = json_get_str(notes, "annotations", "org.opencontainers.image.ref.name", &ref, e);
	if (r == 0)
		r = json_get_str(notes, "annotations", "vnd.docker.reference.type", &reference_type, e);
	d->name = full ? full : ref;
	d->attestation = reference_type != NULL;
	return r;
}

static int parse_descriptor(const struct json *v, struct descriptor *d, struct err *e)
{
	char shown[100];
	int r;

	*d = (struct descriptor){ .size = UINT64_MAX };
	if (v->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "a descriptor is no object");
	r = json_get_str(v, "descriptor", "mediaType", &d->type, e);
	if (r == 0)
		r = json_get_str(v, "descriptor", "digest", &d->digest, e);
	if (r == 0)
		r = json_get_u64(v, "descriptor", "size", &d->size, e);
	if (r == 0)
		r = parse_platform(v, d, e);
	if (r == 0)
		r = parse_annotations(v, d, e);
	if (r < 0)
		return r;
	if (!d->type || !d->digest || d->size == UINT64_MAX)
		return err_set(e, ERR_INVALID, "a descriptor lacks mediaType, digest or size");
	if (!digest_valid(d->digest))
		return err_set(e, ERR_UNSUPPORTED, "digest '%s' is not of the form sha256:HEX",
			       text_escape(d->digest, shown, sizeof(shown)));
	return 0;
}

/* In an index what is of a kind that we do not know is to be passed over (image-index.md, "manifests"); elsewhere it is what we need. */
static int know_kind(struct descriptor *d, bool in_index, struct err *e)
{
	struct err ignored;

	if (d->attestation)
		return 0;
	if (!in_index)
		return media_kind(d->type, &d->kind, e);
	d->unknown = media_kind(d->type, &d->kind, &ignored) < 0;
	return 0;
}

static int parse_list(struct arena *a, const struct json *list, bool in_index, const struct descriptor **out, size_t *n, struct err *e)
{
	struct descriptor *v = arena_array(a, (list ? list->len : 0) + 1, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "descriptors");
	*n = 0;
	json_each(it, list) {
		struct descriptor *d = &v[(*n)++];
		int r = parse_descriptor(it, d, e);

		if (r == 0)
			r = know_kind(d, in_index, e);
		if (r < 0)
			return r;
	}
	*out = v;
	return 0;
}

/* A document that is both would be what whoever sends it says it is, under one digest (CVE-2021-41190). */
static int refuse_both(const struct json *doc, struct err *e)
{
	if (json_get(doc, "manifests") && (json_get(doc, "layers") || json_get(doc, "config")))
		return err_set(e, ERR_INVALID, "it has manifests and layers: it is ambiguous what it is");
	return 0;
}

/* Both documents say their version and may say their type, which must then be the right one. */
static int parse_document(struct arena *a, const char *text, size_t len, enum media_kind want, const struct json **doc,
			  struct err *e)
{
	const char *type = NULL;
	uint64_t version = 0;
	enum media_kind kind;
	int r = json_parse(a, text, len, &image_json_limits, doc, e);

	if (r == 0)
		r = json_get_u64(*doc, "document", "schemaVersion", &version, e);
	if (r == 0)
		r = json_get_str(*doc, "document", "mediaType", &type, e);
	if (r < 0)
		return r;
	if (version == 1)
		return err_set(e, ERR_UNSUPPORTED, "it is image manifest schema 1, which has no verifiable content; save the "
						   "image again with a current tool");
	if (version != 2)
		return err_set(e, ERR_INVALID, "schemaVersion is not 2");
	r = refuse_both(*doc, e);
	if (r < 0)
		return r;
	if (!type)
		return 0;
	r = media_kind(type, &kind, e);
	if (r == 0 && kind != want)
		r = err_set(e, ERR_INVALID, "its media type is %s, which is not what refers to it says", type);
	return r;
}

int manifest_parse_index(struct arena *a, const char *text, size_t len, const struct descriptor **out, size_t *n,
			 struct err *e)
{
	const struct json *doc, *list = NULL;
	int r = parse_document(a, text, len, MEDIA_INDEX, &doc, e);

	if (r == 0)
		r = json_get_array(doc, "index", "manifests", &list, e);
	if (r == 0 && list && list->len > MAX_IMAGES)
		r = err_set(e, ERR_LIMIT, "the index lists more than %d images", MAX_IMAGES);
	return r < 0 ? r : parse_list(a, list, true, out, n, e);
}

int manifest_parse(struct arena *a, const char *text, size_t len, struct manifest *out, struct err *e)
{
	const struct json *doc, *config = NULL, *layers = NULL;
	int r = parse_document(a, text, len, MEDIA_MANIFEST, &doc, e);

	*out = (struct manifest){ 0 };
	if (r == 0)
		r = json_get_obj(doc, "manifest", "config", &config, e);
	if (r == 0)
		r = json_get_array(doc, "manifest", "layers", &layers, e);
	if (r == 0 && !config)
		r = err_set(e, ERR_INVALID, "the manifest has no config");
	if (r == 0)
		r = parse_descriptor(config, &out->config, e);
	if (r == 0)
		r = know_kind(&out->config, false, e);
	if (r < 0)
		return r;
	if (out->config.kind != MEDIA_CONFIG)
		return err_set(e, ERR_UNSUPPORTED, "its config is of media type '%s': it is no container image", out->config.type);
	r = parse_list(a, layers, false, &out->layers, &out->n_layers, e);
	for (size_t i = 0; r == 0 && i < out->n_layers; i++)
		if (out->layers[i].kind != MEDIA_LAYER)
			r = err_set(e, ERR_INVALID, "layer %zu is of media type '%s'", i + 1, out->layers[i].type);
	return r;
}

const char *manifest_artifact_type(struct arena *a, const char *text, size_t len)
{
	const struct json *doc, *config = NULL;
	const char *type = NULL;
	enum media_kind kind;
	struct err ignored;

	if (json_parse(a, text, len, &image_json_limits, &doc, &ignored) < 0 || json_get(doc, "manifests") || !json_get(doc, "layers") ||
	    json_get_str(doc, "manifest", "artifactType", &type, &ignored) < 0)
		return NULL;
	if (type)
		return type;
	if (json_get_obj(doc, "manifest", "config", &config, &ignored) < 0 || !config ||
	    json_get_str(config, "config", "mediaType", &type, &ignored) < 0)
		return NULL;
	return type && media_kind(type, &kind, &ignored) < 0 ? type : NULL;
}

int manifest_check_layout(struct arena *a, const char *text, size_t len, struct err *e)
{
	const char *version = NULL;
	const struct json *doc;
	char shown[64];
	int r = json_parse(a, text, len, &image_json_limits, &doc, e);

	if (r == 0)
		r = json_get_str(doc, "document", "imageLayoutVersion", &version, e);
	if (r < 0)
		return r;
	if (!version)
		return err_set(e, ERR_INVALID, "imageLayoutVersion is missing");
	if (!text_starts(version, "1."))
		return err_set(e, ERR_UNSUPPORTED, "imageLayoutVersion is %s, and tare reads version 1",
			       text_escape(version, shown, sizeof(shown)));
	return 0;
}

/* ---- which of several ---- */

int manifest_suits(const struct descriptor *d, const struct platform *want)
{
	if (d->attestation || d->unknown)
		return 0;
	return d->has_platform ? platform_match(want, &d->platform) : 1;
}

static int none_suits(const struct descriptor *d, size_t n, const struct platform *wanted, bool given, struct err *e)
{
	CLEANUP_STRBUF struct strbuf list = STRBUF_INIT;
	char want[PLATFORM_TEXT_LEN], one[PLATFORM_TEXT_LEN], shown[PLATFORM_TEXT_LEN * 2];
	enum media_kind kind;

	for (size_t i = 0; i < n && list.len < 200; i++)
		if (!d[i].attestation && !d[i].unknown && d[i].has_platform)
			sb_printf(&list, "%s%s", list.len ? ", " : "",
				  text_escape(platform_text(&d[i].platform, one), shown, sizeof(shown)));
	for (size_t i = 0; i < n && list.len == 0; i++) /* why not, at least of one */
		if (d[i].unknown)
			return media_kind(d[i].type, &kind, e);
	if (list.len == 0)
		return err_set(e, ERR_INVALID, "its index lists no image");
	(void)platform_text(wanted, want);
	if (given)
		return err_set(e, ERR_UNSUPPORTED, "it has no image for %s (--platform), only for %s", want, sb_str(&list));
	return err_set(e, ERR_UNSUPPORTED, "it has images for %s, this machine is %s; to take one of them all the same: --platform OS/ARCH",
		       sb_str(&list), want);
}

int manifest_choose(const struct descriptor *d, size_t n, const struct platform *want, bool given, size_t *best, struct err *e)
{
	int score = 0;

	for (size_t i = 0; i < n; i++) {
		int s = manifest_suits(&d[i], want);

		if (s > score) {
			score = s;
			*best = i;
		}
	}
	return score == 0 ? none_suits(d, n, want, given, e) : 0;
}
