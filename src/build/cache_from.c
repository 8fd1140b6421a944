/* A cache is an image whose configuration says which keys its layers belong to (docs/formats.md). Only its documents are read at first, and
 * those when a step is not in the store; a layer is fetched when its key is asked for.
 *
 * What a cache says of a key is the word of whoever wrote it, and nothing here can prove it: it is to be trusted like a base image. What
 * is proved is that a layer is what the cache said it would be: the blob against its digest, the files against the diff id, both in
 * tare-worker, as for an image that is pulled. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "build/work.h"
#include "engine/remote.h"
#include "image/layout.h"
#include "image/unpack_blob.h"

struct cache_source {
	const struct build_cache *spec;
	bool looked;
	atomic_bool *bad; /* for all processes of the build: one finds out and says so, the others do not even ask */
	struct image_looked what;
	const struct json *cached; /* the member of the configuration; NULL: none */
	struct remote remote;
	struct layout layout; /* of CACHE_LOCAL */
};

static void give_up(struct build *b, struct cache_source *s, const char *why)
{
	if (!atomic_exchange(s->bad, true))
		build_say(b, "warning: --cache-from %s: %s", s->spec->text, why);
}

/* ---- a folder ---- */

static int look_manifest(struct build *b, struct cache_source *s, const char *digest, struct err *e)
{
	CLEANUP_FREE char *manifest = NULL, *config = NULL;
	size_t len;
	int r = layout_read(&s->layout, digest, &manifest, &len, e);

	if (r == 0)
		r = manifest_parse(b->a, manifest, len, &s->what.manifest, e);
	if (r == 0)
		r = layout_read(&s->layout, s->what.manifest.config.digest, &config, &len, e);
	if (r == 0)
		r = image_config_parse(b->a, config, len, &s->what.config, e);
	if (r == 0 && s->what.config->n_layers != s->what.manifest.n_layers)
		r = err_set(e, ERR_INVALID, "its configuration and its manifest have not as many layers");
	return r;
}

static int look_folder(struct build *b, struct cache_source *s, struct err *e)
{
	CLEANUP_FREE char *index = NULL;
	const struct descriptor *list;
	size_t len, n, best = 0;
	int r = layout_open(s->spec->place, &s->layout, e);

	if (r == 0)
		r = layout_read(&s->layout, NULL, &index, &len, e);
	if (r == 0)
		r = manifest_parse_index(b->a, index, len, &list, &n, e);
	if (r == 0)
		r = manifest_choose(list, n, &b->target, true, &best, e);
	return r < 0 ? r : look_manifest(b, s, list[best].digest, e);
}

static int fetch_from_folder(struct build *b, struct cache_source *s, const struct image_look_layer *l, struct err *e)
{
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	CLEANUP_FD int from = layout_blob_open(&s->layout, l->blob->digest, e), to = -1;
	const struct unpack_blob unpack = { .worker = b->worker, .blob = l->blob->digest, .diff_id = l->diff_id, .chain_id = l->chain_id,
					    .size = l->blob->size, .limits = &b->args->limits };
	struct unpack_blob with = unpack;
	char path[sizeof("blobs/") + 64];
	struct stat st;
	int r = from < 0 ? from : store_ingest_begin(&b->store, &in, e);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "blobs/%s", digest_hex(l->blob->digest));
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != l->blob->size)
		return err_set(e, ERR_INVALID, "blob %s is not as large as its manifest says", l->blob->digest);
	with.fd = to = openat(in.dir, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = to < 0 ? -errno : io_copy(from, to);
	if (r < 0)
		return err_errno(e, r, "copy blob %s", l->blob->digest);
	r = unpack_blob(&in, &with, e);
	if (r == 0)
		r = store_ingest_sync(&in, e);
	if (r == 0)
		r = store_commit_blob(&in, l->blob->digest, e);
	if (r == 0)
		r = store_commit_layer(&in, l->chain_id, e);
	return r < 0 ? r : store_commit_sync(&in, e);
}

/* ---- a registry ---- */

static int look_registry(struct build *b, struct cache_source *s, struct err *e)
{
	char platform[PLATFORM_TEXT_LEN];
	int r = remote_open(b->en, b->a, s->spec->place, &s->remote, e);

	if (r < 0)
		return r;
	s->remote.pull.load.limits = b->args->limits;
	s->remote.pull.load.platform = arena_strdup(b->a, platform_text(&b->target, platform));
	return image_look(&b->store, &s->remote.pull, b->a, &s->what, e);
}

/* ---- both ---- */

static void look(struct build *b, struct cache_source *s)
{
	struct err why = { 0 };
	int r = s->spec->kind == CACHE_LOCAL ? look_folder(b, s, &why) : look_registry(b, s, &why);

	s->looked = true;
	if (r < 0 && strstr(why.msg, "buildkit.cacheconfig"))
		give_up(b, s, "it is BuildKit's own cache, whose keys are BuildKit's: tare reads what tare build --cache-to wrote");
	else if (r < 0)
		give_up(b, s, why.msg);
	if (r < 0)
		return;
	s->cached = json_get(s->what.config->json, CONF_CACHED);
	if (!s->cached || s->cached->type != JSON_ARRAY)
		give_up(b, s, "there is no cache in it: --cache-to type=inline puts one into an image");
}

/* The layer of a key; NULL: it has none. */
static const struct descriptor *find(const struct cache_source *s, const char *key, size_t *n)
{
	json_each(it, s->cached) {
		const char *have = NULL;
		uint64_t layer = UINT64_MAX;
		struct err ignored;

		if (it->type != JSON_OBJECT || json_get_str(it, "cache", "key", &have, &ignored) < 0 || !have || strcmp(have, key) != 0 ||
		    json_get_u64(it, "cache", "layer", &layer, &ignored) < 0 || layer >= s->what.manifest.n_layers)
			continue;
		*n = (size_t)layer;
		/* what this store calls a layer of a step (image/pack.h) */
		return text_ends(s->what.manifest.layers[layer].type, "gzip") ? &s->what.manifest.layers[layer] : NULL;
	}
	return NULL;
}

static int take(struct build *b, struct cache_source *s, const char *parent, const struct descriptor *blob, const char *diff_id,
		struct image_layer *out, struct err *e)
{
	char chain[DIGEST_LEN + 1];
	struct image_look_layer l = { .blob = blob, .diff_id = diff_id, .endpoint = s->what.endpoint };
	struct store_layer_info info;
	int r = 0;

	digest_chain(parent, diff_id, chain);
	l.chain_id = arena_strdup(b->a, chain);
	if (!l.chain_id)
		return err_errno(e, -ENOMEM, "cache");
	if (!store_has_layer(&b->store, chain) || !store_has_blob(&b->store, blob->digest))
		r = s->spec->kind == CACHE_LOCAL ? fetch_from_folder(b, s, &l, e) : image_look_fetch(&b->store, &s->remote.pull, &l, b->a, e);
	if (r == 0)
		r = store_layer_info(&b->store, chain, &info, e);
	if (r < 0)
		return r;
	*out = (struct image_layer){ .blob = blob->digest, .diff_id = diff_id, .chain_id = l.chain_id, .blob_size = blob->size,
				     .size = info.size, .max_id = info.max_id, .existed = true };
	return 0;
}

int cache_prepare(struct build *b, struct err *e)
{
	size_t n = b->args->n_cache_from;
	struct cache_source *v = n && !b->sources ? arena_array(b->a, n, sizeof(*v)) : NULL;
	atomic_bool *bad;

	if (!n || b->sources)
		return 0;
	bad = mmap(NULL, n * sizeof(*bad), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!v || bad == MAP_FAILED)
		return err_errno(e, -ENOMEM, "--cache-from");
	for (size_t i = 0; i < n; i++)
		v[i] = (struct cache_source){ .spec = &b->args->cache_from[i], .bad = &bad[i], .remote = REMOTE_INIT, .layout = LAYOUT_INIT };
	b->sources = v;
	return 0;
}

int cache_import(struct build *b, const char *parent, const char *key, struct image_layer *out, struct err *e)
{
	size_t n = b->args->n_cache_from, layer = 0;
	int r = cache_prepare(b, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct cache_source *s = &b->sources[i];
		const struct descriptor *blob;
		struct err why = { 0 };

		if (!s->looked && !*s->bad)
			look(b, s);
		blob = *s->bad ? NULL : find(s, key, &layer);
		if (!blob)
			continue;
		build_say(b, "from the cache %s", s->spec->place);
		if (take(b, s, parent, blob, s->what.config->diff_ids[layer], out, &why) == 0)
			return 1;
		give_up(b, s, why.msg);
	}
	return r;
}

void cache_end(struct build *b)
{
	for (size_t i = 0; b->sources && i < b->args->n_cache_from; i++) {
		remote_end(&b->sources[i].remote);
		layout_close(&b->sources[i].layout);
	}
	if (b->sources)
		(void)munmap(b->sources[0].bad, b->args->n_cache_from * sizeof(*b->sources[0].bad));
	b->sources = NULL;
}
