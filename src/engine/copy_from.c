/* Where something comes from. Blobs of a registry go into files of a staging folder, and are compared with their digests there; what our store has is
 * not fetched. An archive is unpacked into a store of its own in the staging folder, for it is the unpacker in its sandbox that reads archives. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/copy_impl.h"
#include "image/listing.h"
#include "image/manifest.h"

#define OTHER_STORE "store"
#define AT_ONCE 100U

/* ---- a registry ---- */

static int ask(struct copy *c, const char *reference, const char *digest, const char **text, size_t *len, const char **type, char own[DIGEST_LEN + 1],
	       struct err *e)
{
	const char *path = arena_printf(c->arena, "manifests/%s", reference);
	char staged[DIGEST_LEN + 1];
	struct registry_document doc;
	int r = path ? registry_document(&c->registry, c->arena, path, registry_manifest_types, CLOSURE_DOCUMENT_MAX, "manifest", c->endpoint, &doc, e) :
		       err_errno(e, -ENOMEM, "copy");

	if (r < 0)
		return r;
	if (digest && strcmp(doc.digest, digest) != 0)
		return err_set(e, ERR_INVALID, "%s sends bytes with the digest %s, asked was for %s", c->from.ref.domain, doc.digest, digest);
	c->endpoint = doc.endpoint;
	*text = doc.text;
	*len = doc.len;
	*type = doc.media_type;
	if (own)
		memcpy(own, doc.digest, DIGEST_LEN + 1);
	return store_ingest_blob(&c->ingest, doc.text, doc.len, staged, e);
}

static int read_document(void *data, struct arena *a, const char *digest, const char **text, size_t *len, const char **type, struct err *e)
{
	struct copy *c = data;
	struct err ignored;
	char *here;

	(void)a;
	*type = NULL;
	if (store_ingest_read(&c->ingest, digest, CLOSURE_DOCUMENT_MAX, &here, len, &ignored) == 0) {
		*text = arena_strndup(c->arena, here, *len);
		free(here);
		return *text ? 0 : err_errno(e, -ENOMEM, "copy");
	}
	return ask(c, digest, digest, text, len, type, NULL, e);
}

static int start(struct copy *c, const int *files, size_t n)
{
	char transfer[PATH_MAX];
	int r = engine_program("tare-transfer", transfer, c->e);

	registry_end(&c->registry);
	return r < 0 ? r : registry_start(transfer, c->access.endpoints, c->access.n, files, n, &c->registry, c->e);
}

/* Of an index the image of a platform, if one is asked for. */
static int choose(struct copy *c, const char *text, size_t len, const char **top)
{
	const struct descriptor *list;
	struct platform want;
	size_t n, best = 0;
	int r = platform_parse(c->args->platform, &want, c->e);

	if (r == 0)
		r = manifest_parse_index(c->arena, text, len, &list, &n, c->e);
	if (r == 0)
		r = manifest_choose(list, n, &want, true, &best, c->e);
	if (r == 0)
		*top = list[best].digest;
	return r;
}

static int narrow(struct copy *c, closure_read_fn read, void *data, const char **top)
{
	const char *text, *type;
	size_t len;
	int r;

	for (unsigned int depth = 0; c->args->platform && depth < 4; depth++) {
		const struct json *doc;

		r = read(data, c->arena, *top, &text, &len, &type, c->e);
		if (r == 0)
			r = json_parse(c->arena, text, len, &image_json_limits, &doc, c->e);
		if (r < 0 || !json_get(doc, "manifests"))
			return r;
		r = choose(c, text, len, top);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Referrers stand before what they refer to, which is the last, as the topmost must be. */
static int add_referrers(struct copy *c, const char *top)
{
	struct listing_referrer *v;
	size_t n = 0;
	int r = c->args->referrers ? listing_referrers(&c->registry, c->arena, top, c->endpoint, &v, &n, c->e) : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = closure_add(c->arena, v[i].digest, read_document, c, &c->parts, c->e);
	return r;
}

/* A staged file for the part; -1: it is here already. */
static int stage(struct copy *c, const struct closure_part *part, int *fd)
{
	char path[sizeof("blobs/") + 64];
	struct err ignored;

	*fd = -1;
	(void)snprintf(path, sizeof(path), "blobs/%s", digest_hex(part->digest));
	if (store_has_blob(&c->store, part->digest)) {
		CLEANUP_FD int have = store_blob_open(&c->store, part->digest, &ignored);
		struct stat st;

		if (have >= 0 && fstat(have, &st) == 0 && (uint64_t)st.st_size == part->size)
			return 0;
	}
	*fd = openat(c->ingest.dir, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0 && errno == EEXIST) /* an artifact may name a document as its blob */
		return 0;
	return *fd < 0 ? err_errno(c->e, -errno, "stage blob %s", part->digest) : 0;
}

static int fetch_all(struct copy *c, const struct closure_part *parts, size_t n, const int *files)
{
	size_t file = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct closure_part *part = &parts[i];

		if (files[i] < 0)
			continue;
		r = registry_download(&c->registry, part->digest, part->size, c->endpoint, file++, c->e);
		if (r == 0)
			r = layout_check(files[i], part, c->e);
	}
	return r;
}

static int fetch_some(struct copy *c, const struct closure_part *parts, size_t n)
{
	int files[AT_ONCE], given[AT_ONCE], r = 0;
	size_t wanted = 0;

	for (size_t i = 0; i < n; i++)
		files[i] = -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = stage(c, &parts[i], &files[i]);
		if (files[i] >= 0)
			given[wanted++] = files[i];
	}
	if (r == 0 && wanted)
		r = start(c, given, wanted);
	if (r == 0)
		r = fetch_all(c, parts, n, files);
	for (size_t i = 0; i < n; i++)
		files[i] = close_fd(files[i]);
	return r;
}

/* Each into an open file that tare-transfer has, too, and there is an end of them: by lots. */
static int fetch_blobs(struct copy *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->parts.n_blobs; i += AT_ONCE)
		r = fetch_some(c, c->parts.blobs + i, c->parts.n_blobs - i < AT_ONCE ? c->parts.n_blobs - i : AT_ONCE);
	return r;
}

static int take_registry(struct copy *c)
{
	const struct image_ref *ref = &c->from.ref;
	char own[DIGEST_LEN + 1];
	const char *text, *type, *top = NULL;
	size_t len;
	int r = access_find(&c->access, c->en, ref, REGISTRY_PULL, NULL, c->e);

	if (r == 0)
		r = start(c, NULL, 0);
	if (r == 0)
		r = ask(c, ref->digest ? ref->digest : ref->tag, ref->digest, &text, &len, &type, own, c->e);
	if (r == 0 && !(top = arena_strdup(c->arena, own)))
		r = err_errno(c->e, -ENOMEM, "copy");
	if (r == 0)
		r = narrow(c, read_document, c, &top);
	if (r == 0)
		r = add_referrers(c, top);
	if (r == 0)
		r = closure_add(c->arena, top, read_document, c, &c->parts, c->e);
	return r < 0 ? r : fetch_blobs(c);
}

/* ---- a layout ---- */

static int read_layout(void *data, struct arena *a, const char *digest, const char **text, size_t *len, const char **type, struct err *e)
{
	struct copy *c = data;
	CLEANUP_FREE char *all = NULL;
	int r = layout_read(&c->layout, digest, &all, len, e);

	*type = NULL;
	if (r < 0)
		return r;
	*text = arena_strndup(a, all, *len);
	return *text ? 0 : err_errno(e, -ENOMEM, "copy");
}

static int take_layout(struct copy *c)
{
	const char *top;
	int r = layout_open(c->from.path, &c->layout, c->e);

	if (r == 0)
		r = layout_find(&c->layout, c->arena, c->from.name, &top, c->e);
	if (r == 0)
		r = narrow(c, read_layout, c, &top);
	return r < 0 ? r : closure_collect(c->arena, top, read_layout, c, &c->parts, c->e);
}

/* ---- archives, the store ---- */

static bool is_called(struct copy *c, const struct image_loaded *img)
{
	struct image_ref ref;
	struct err ignored;
	const char *canonical;

	if (!c->from.name)
		return true;
	if (image_ref_parse(c->arena, c->from.name, &ref, &ignored) < 0 || !(canonical = image_ref_canonical(c->arena, &ref)))
		return false;
	for (size_t i = 0; i < img->n_names; i++) {
		const char *colon = strrchr(img->names[i], ':');

		if (strcmp(img->names[i], canonical) == 0 || (colon && strcmp(colon + 1, c->from.name) == 0))
			return true;
	}
	return false;
}

static int load_archive(struct copy *c, int fd, const char **manifest)
{
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	char worker[PATH_MAX];
	struct image_load_args args = { .worker = worker, .input = fd, .name = c->from.path, .platform = c->args->platform };
	size_t found = 0;
	int r = engine_program("tare-worker", worker, c->e);

	image_limits_default(&args.limits);
	if (r == 0)
		r = image_load(&c->other, &args, c->arena, &load, c->e);
	for (size_t i = 0; r == 0 && i < load.n_images; i++)
		if (is_called(c, &load.images[i])) {
			*manifest = load.images[i].manifest;
			found++;
		}
	if (r == 0 && found != 1)
		return err_set(c->e, ERR_NOTFOUND, "%s has %zu images %s%s", c->from.path, found, c->from.name ? "called " : "in it: say which, :NAME",
			       c->from.name ? c->from.name : "");
	return r;
}

static int take_archive(struct copy *c)
{
	CLEANUP_FD int fd = open(c->from.path, O_RDONLY | O_CLOEXEC), root = -1;
	const char *manifest;
	int r;

	if (fd < 0)
		return err_errno(c->e, -errno, "open %s", c->from.path);
	if (mkdirat(c->ingest.dir, OTHER_STORE, 0700) < 0)
		return err_errno(c->e, -errno, "stage the archive");
	root = openat(c->ingest.dir, OTHER_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = root < 0 ? err_errno(c->e, -errno, "stage the archive") : store_open(root, &c->other, c->e);
	if (r == 0)
		r = load_archive(c, fd, &manifest);
	return r < 0 ? r : closure_of_store(&c->other, NULL, c->arena, manifest, &c->parts, c->e);
}

static int take_store(struct copy *c)
{
	struct image_top top;
	struct image img;
	int r = image_find(c->en->catalog, c->arena, c->from.text, &img, c->e);

	if (r == 0)
		r = image_top(c->en->catalog, &c->store, c->arena, c->from.text, &img, &top, c->e);
	return r < 0 ? r : closure_of_store(&c->store, NULL, c->arena, c->args->platform ? top.manifest : top.digest, &c->parts, c->e);
}

static int read_part(struct copy *c, const char *digest, char **text, size_t *len)
{
	CLEANUP_FD int fd = copy_open(c, digest, c->e);
	int r = fd < 0 ? fd : io_read_fd(fd, CLOSURE_DOCUMENT_MAX, text, len);

	return fd >= 0 && r < 0 ? err_errno(c->e, r, "read blob %s", digest) : r;
}

/* Whatever led to it: what is copied is for the platform that is asked for. */
static int check_platform(struct copy *c)
{
	CLEANUP_FREE char *text = NULL, *config_text = NULL;
	char have[PLATFORM_TEXT_LEN], wanted[PLATFORM_TEXT_LEN];
	const struct image_config *config;
	struct platform want, is;
	struct manifest m;
	size_t len;
	int r = platform_parse(c->args->platform, &want, c->e);

	if (r == 0)
		r = read_part(c, c->parts.documents[c->parts.n_documents - 1].digest, &text, &len);
	if (r == 0)
		r = manifest_parse(c->arena, text, len, &m, c->e);
	if (r == 0)
		r = read_part(c, m.config.digest, &config_text, &len);
	if (r == 0)
		r = image_config_parse(c->arena, config_text, len, &config, c->e);
	if (r < 0)
		return err_ctx(c->e, "--platform");
	platform_make(config->os, config->architecture, config->variant, &is);
	if (platform_match(&want, &is) > 0)
		return 0;
	return err_set(c->e, ERR_UNSUPPORTED, "it is for %s, and not for %s (--platform)", platform_text(&is, have), platform_text(&want, wanted));
}

int copy_take(struct copy *c)
{
	static int (*const ways[])(struct copy *) = {
		[PLACE_STORE] = take_store, [PLACE_REGISTRY] = take_registry, [PLACE_LAYOUT] = take_layout, [PLACE_OCI_ARCHIVE] = take_archive,
		[PLACE_DOCKER_ARCHIVE] = take_archive,
	};

	int r = ways[c->from.kind](c);

	return r < 0 || !c->args->platform ? r : check_platform(c);
}

int copy_open(struct copy *c, const char *digest, struct err *e)
{
	switch (c->from.kind) {
	case PLACE_LAYOUT:
		return layout_blob_open(&c->layout, digest, e);
	case PLACE_OCI_ARCHIVE:
	case PLACE_DOCKER_ARCHIVE:
		return store_blob_open(&c->other, digest, e);
	case PLACE_REGISTRY:
		return store_ingest_open(&c->ingest, digest, e);
	case PLACE_STORE:
		break;
	}
	return store_blob_open(&c->store, digest, e);
}
