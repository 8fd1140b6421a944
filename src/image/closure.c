/* Depth first. Documents are few and small; blobs are only named here. Each document is read once, however often it is named: an index of
 * indexes that name each other's parts must not cost more than it has. */
#include "image/closure.h"

#include <string.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "base/text.h"
#include "image/config.h"
#include "image/mediatype.h"

#define MAX_NESTING 4
#define MAX_PARTS 20000
#define MAX_READ (32U << 20) /* of documents: an index of hundreds of manifests has less than one */

struct collecting {
	struct arena *a;
	closure_read_fn read;
	void *data;
	struct closure *out;
	struct err *e;
};

static const struct closure_part *find(const struct closure_part *v, size_t n, const char *digest)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].digest, digest) == 0)
			return &v[i];
	return NULL;
}

static int add(struct collecting *c, struct closure_part **v, size_t *n, size_t *cap, const struct closure_part *part)
{
	struct closure_part *more;

	if (find(*v, *n, part->digest))
		return 0;
	if (*n == MAX_PARTS)
		return err_set(c->e, ERR_LIMIT, "it has more than %d parts", MAX_PARTS);
	more = arena_grow(c->a, *v, *n, cap, sizeof(*more));
	if (!more)
		return err_errno(c->e, -ENOMEM, "list its parts");
	*v = more;
	more[(*n)++] = *part;
	if (__builtin_add_overflow(c->out->bytes, part->size, &c->out->bytes))
		return err_set(c->e, ERR_LIMIT, "its parts are larger than any disk");
	return 0;
}

/* A descriptor: mediaType, digest, size. */
static int read_part(struct collecting *c, const struct json *v, const char *what, struct closure_part *out)
{
	char shown[100];
	int r;

	*out = (struct closure_part){ .size = UINT64_MAX };
	if (v->type != JSON_OBJECT)
		return err_set(c->e, ERR_INVALID, "%s is no descriptor", what);
	r = json_get_str(v, what, "digest", &out->digest, c->e);
	if (r == 0)
		r = json_get_str(v, what, "mediaType", &out->type, c->e);
	if (r == 0)
		r = json_get_u64(v, what, "size", &out->size, c->e);
	if (r < 0)
		return r;
	if (!out->digest || out->size == UINT64_MAX)
		return err_set(c->e, ERR_INVALID, "%s lacks digest or size", what);
	if (!digest_valid(out->digest))
		return err_set(c->e, ERR_UNSUPPORTED, "digest '%s' is not of the form sha256:HEX", text_escape(out->digest, shown, sizeof(shown)));
	return 0;
}

static int descend(struct collecting *c, const char *digest, const char *type, uint64_t size, unsigned int depth);

static int read_index(struct collecting *c, const struct json *list, unsigned int depth)
{
	json_each(it, list) {
		struct closure_part part;
		int r = read_part(c, it, "an entry of the index", &part);

		if (r == 0)
			r = descend(c, part.digest, part.type, part.size, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_manifest(struct collecting *c, const struct json *doc)
{
	const struct json *config = NULL, *layers = NULL;
	struct closure *out = c->out;
	struct closure_part part;
	int r = json_get_obj(doc, "manifest", "config", &config, c->e);

	if (r == 0)
		r = json_get_array(doc, "manifest", "layers", &layers, c->e);
	if (r == 0 && !config)
		r = err_set(c->e, ERR_INVALID, "it has neither manifests nor a config: it is no manifest");
	json_each(it, layers) {
		if (r == 0)
			r = read_part(c, it, "a layer", &part);
		part.layer = true;
		if (r == 0)
			r = add(c, &out->blobs, &out->n_blobs, &out->cap_blobs, &part);
	}
	if (r == 0)
		r = read_part(c, config, "the config", &part);
	return r < 0 ? r : add(c, &out->blobs, &out->n_blobs, &out->cap_blobs, &part);
}

/* The document's own word, else what names it, else what it looks like. */
static int type_of(struct collecting *c, const struct json *doc, bool index, struct closure_part *part)
{
	const char *own = NULL;
	int r = json_get_str(doc, "document", "mediaType", &own, c->e);

	if (own)
		part->type = own;
	if (!part->type)
		part->type = index ? MEDIATYPE_INDEX : MEDIATYPE_MANIFEST;
	return r;
}

/* What a list of referrers says of it (distribution specification, "Listing Referrers"). */
static int read_subject(struct collecting *c, const struct json *doc, struct closure_part *part)
{
	const struct json *subject = NULL, *config = NULL;
	struct closure_part of = { 0 };
	int r = json_get_obj(doc, "manifest", "subject", &subject, c->e);

	if (r < 0 || !subject)
		return r;
	r = read_part(c, subject, "the subject", &of);
	if (r == 0)
		r = json_get_str(doc, "manifest", "artifactType", &part->artifact_type, c->e);
	if (r == 0 && !part->artifact_type)
		r = json_get_obj(doc, "manifest", "config", &config, c->e);
	if (r == 0 && config)
		r = json_get_str(config, "config", "mediaType", &part->artifact_type, c->e);
	if (r == 0)
		r = json_get_obj(doc, "manifest", "annotations", &part->annotations, c->e);
	part->subject = of.digest;
	return r;
}

static int parse(struct collecting *c, const char *text, size_t len, unsigned int depth, struct closure_part *part)
{
	const struct json *doc, *list = NULL;
	int r = json_parse(c->a, text, len, &image_json_limits, &doc, c->e);

	if (r == 0)
		r = json_get_array(doc, "index", "manifests", &list, c->e);
	if (r == 0 && list && (json_get(doc, "layers") || json_get(doc, "config")))
		r = err_set(c->e, ERR_INVALID, "it has manifests and layers: it is ambiguous what it is");
	if (r == 0)
		r = type_of(c, doc, list != NULL, part);
	if (r == 0)
		r = read_subject(c, doc, part);
	if (r < 0)
		return r;
	return list ? read_index(c, list, depth) : read_manifest(c, doc);
}

/* size UINT64_MAX: nobody has said. */
static int descend(struct collecting *c, const char *digest, const char *type, uint64_t size, unsigned int depth)
{
	struct closure_part part = { .digest = digest, .type = type };
	const char *text = NULL, *known = NULL;
	size_t len = 0;
	int r;

	if (find(c->out->documents, c->out->n_documents, digest))
		return 0;
	if (depth > MAX_NESTING)
		return err_set(c->e, ERR_LIMIT, "its indexes are nested more than %d deep", MAX_NESTING);
	r = c->read(c->data, c->a, digest, &text, &len, &known, c->e);
	if (r == 0 && (c->out->read += len) > MAX_READ)
		r = err_set(c->e, ERR_LIMIT, "its manifests have more than %u bytes", MAX_READ);
	if (r == 0 && size != UINT64_MAX && size != len)
		r = err_set(c->e, ERR_INVALID, "it has %zu bytes, what names it says %llu", len, (unsigned long long)size);
	if (r == 0) {
		part.size = len;
		part.type = part.type ? part.type : known;
		r = parse(c, text, len, depth, &part);
	}
	if (r < 0)
		return depth ? r : err_ctx(c->e, "manifest %.19s", digest);
	return add(c, &c->out->documents, &c->out->n_documents, &c->out->cap_documents, &part);
}

int closure_collect(struct arena *a, const char *top, closure_read_fn read, void *data, struct closure *out, struct err *e)
{
	*out = (struct closure){ 0 };
	return closure_add(a, top, read, data, out, e);
}

int closure_add(struct arena *a, const char *top, closure_read_fn read, void *data, struct closure *out, struct err *e)
{
	struct collecting c = { a, read, data, out, e };

	return descend(&c, top, NULL, UINT64_MAX, 0);
}

/* ---- of the store ---- */

struct where {
	const struct store *store;
	const struct store_ingest *staged;
};

static int read_store(void *data, struct arena *a, const char *digest, const char **text, size_t *len, const char **type, struct err *e)
{
	const struct where *w = data;
	char actual[DIGEST_LEN + 1];
	CLEANUP_FREE char *all = NULL;
	int r = w->staged ? store_ingest_read(w->staged, digest, CLOSURE_DOCUMENT_MAX, &all, len, e) :
			    store_blob_read(w->store, digest, CLOSURE_DOCUMENT_MAX, &all, len, e);

	*type = NULL;
	if (r < 0)
		return r;
	sha256_digest(all, *len, actual);
	if (strcmp(actual, digest) != 0)
		return err_set(e, ERR_INVALID, "its manifest in the store is damaged: pull or load the image again");
	*text = arena_strndup(a, all, *len);
	return *text ? 0 : err_errno(e, -ENOMEM, "manifest");
}

int closure_of_store(const struct store *s, const struct store_ingest *staged, struct arena *a, const char *top, struct closure *out,
		     struct err *e)
{
	struct where w = { s, staged };

	return closure_collect(a, top, read_store, &w, out, e);
}

bool closure_is_here(const struct store *s, const struct closure *c)
{
	for (size_t i = 0; i < c->n_blobs; i++) {
		struct err ignored;
		struct stat st;
		CLEANUP_FD int fd = store_blob_open(s, c->blobs[i].digest, &ignored);

		if (fd < 0 || fstat(fd, &st) < 0 || (uint64_t)st.st_size != c->blobs[i].size)
			return false;
	}
	return true;
}
