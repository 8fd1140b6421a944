#include "image/pull.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "image/manifest.h"
#include "image/partial.h"
#include "image/platform.h"
#include "image/unpack.h"

#define MAX_DOCUMENT (4U << 20)
#define LANES 6
#define MAX_NESTING 4
/* Blobs under way at a time: two handles each, here and in tare-worker. */
#define MAX_AT_ONCE 48

struct layer {
	const struct descriptor *blob;
	const char *diff_id, *chain_id;
	bool have_blob, have_tree;
	struct partial partial; /* open while we fetch it */
	bool waiting;           /* another pull has it */
	bool taken;             /* it is fetched in this round */
};

struct pull {
	const struct store *store;
	const struct image_pull_args *args;
	struct arena *arena;
	struct image_load *out;
	struct err *e;
	int folder;                /* content/partial */
	int lanes[LANES][2];       /* read end, write end */
	struct registry_client registry;
	struct platform platform;
	uint64_t endpoint;         /* who had the manifest */
	struct manifest manifest;
	const char *manifest_digest;
	const struct image_config *config;
	struct layer *layers;
	size_t n_layers;
	/* of the attempt that runs */
	struct layer **fetched; /* which layer a blob's number means */
	size_t n_fetched;
};

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "pull");
}

/* ---- tare-transfer ---- */

static void close_lanes(struct pull *p)
{
	for (size_t i = 0; i < LANES; i++)
		for (size_t k = 0; k < 2; k++)
			p->lanes[i][k] = close_fd(p->lanes[i][k]);
}

static int connect_registry(struct pull *p)
{
	int theirs[LANES], r = 0;

	registry_end(&p->registry);
	close_lanes(p);
	for (size_t i = 0; r == 0 && i < LANES; i++) {
		r = pipe2(p->lanes[i], O_CLOEXEC) < 0 ? -errno : 0;
		theirs[i] = p->lanes[i][1];
		if (r == 0)
			(void)!fcntl(theirs[i], F_SETPIPE_SZ, (int)PARTIAL_FRAME_MAX);
	}
	if (r < 0)
		return err_errno(p->e, r, "pipe");
	r = registry_start(p->args->transfer, p->args->endpoints, p->args->n_endpoints, theirs, LANES, &p->registry, p->e);
	for (size_t i = 0; i < LANES; i++)
		p->lanes[i][1] = close_fd(p->lanes[i][1]);
	return r;
}

/* ---- documents ---- */

/* A page for people comes from a web server, or from what stands between and wants a login. */
static int no_json(struct pull *p, const struct registry_document *doc)
{
	const char *name = p->args->endpoints[doc->endpoint < p->args->n_endpoints ? doc->endpoint : 0].name;
	char type[64] = "no type", escaped[128];
	size_t n = doc->media_type ? strcspn(doc->media_type, "; ") : 0;

	if (n > 0)
		(void)snprintf(type, sizeof(type), "%.*s", (int)(n < sizeof(type) ? n : sizeof(type) - 1), doc->media_type);
	return err_set(p->e, ERR_INVALID, "%s: what it sends as the manifest is no JSON (%s): the host may be no registry", name,
		       text_escape(type, escaped, sizeof(escaped)));
}

/* A document that must have this digest (NULL: whatever is there under the name); it is staged. */
static int get(struct pull *p, const char *path, const char *digest, uint64_t size, struct registry_document *doc)
{
	bool manifest = strncmp(path, "manifests/", 10) == 0;
	char staged[DIGEST_LEN + 1];
	int r = registry_document(&p->registry, p->arena, path, manifest ? registry_manifest_types : NULL, size == UINT64_MAX ? MAX_DOCUMENT : size,
				  manifest ? "manifest" : "configuration", p->endpoint, doc, p->e);

	if (r < 0)
		return r;
	if (manifest && doc->text[strspn(doc->text, " \t\r\n")] != '{')
		return no_json(p, doc);
	if (digest && strcmp(doc->digest, digest) != 0)
		return err_set(p->e, ERR_INVALID, "%s sends bytes with the digest %s, asked was for %s",
			       p->args->endpoints[doc->endpoint < p->args->n_endpoints ? doc->endpoint : 0].name, doc->digest, digest);
	p->endpoint = doc->endpoint;
	return store_ingest_blob(&p->out->ingest, doc->text, doc->len, staged, p->e);
}

static int get_descriptor(struct pull *p, const char *kind, const struct descriptor *d, struct registry_document *doc)
{
	const char *path = arena_printf(p->arena, "%s/%s", kind, d->digest);

	if (d->size > MAX_DOCUMENT)
		return err_set(p->e, ERR_LIMIT, "%s %s has %llu bytes: more than %u is too much for that", kind, d->digest,
			       (unsigned long long)d->size, MAX_DOCUMENT);
	return path ? get(p, path, d->digest, d->size, doc) : no_memory(p->e);
}

/* What kind it is says the answer's header, and when that says nothing of use, what is in it. */
static bool is_index(const struct registry_document *doc)
{
	enum media_kind kind;
	struct err ignored;
	char type[128];
	size_t n = doc->media_type ? strcspn(doc->media_type, "; ") : 0;

	if (n > 0 && n < sizeof(type)) {
		memcpy(type, doc->media_type, n);
		type[n] = '\0';
		if (media_kind(type, &kind, &ignored) == 0)
			return kind == MEDIA_INDEX;
	}
	return strstr(doc->text, "\"manifests\"") && !strstr(doc->text, "\"layers\"");
}

static int descend(struct pull *p, struct registry_document *doc, struct image_resolved *out)
{
	const char **indexes = arena_array(p->arena, MAX_NESTING + 1, sizeof(*indexes));

	if (!indexes)
		return no_memory(p->e);
	out->indexes = indexes;
	for (unsigned int depth = 0; is_index(doc); depth++) {
		const struct descriptor *list;
		size_t n, best = 0;
		int r = manifest_parse_index(p->arena, doc->text, doc->len, &list, &n, p->e);

		if (r == 0 && depth == MAX_NESTING)
			r = err_set(p->e, ERR_LIMIT, "its indexes are nested more than %d deep", MAX_NESTING);
		if (r == 0)
			r = manifest_choose(list, n, &p->platform, p->args->load.platform != NULL, &best, p->e);
		if (r == 0)
			indexes[out->n_indexes++] = arena_strdup(p->arena, doc->digest);
		if (r == 0)
			r = get_descriptor(p, "manifests", &list[best], doc);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_manifest(struct pull *p, const struct registry_document *doc)
{
	int r = manifest_parse(p->arena, doc->text, doc->len, &p->manifest, p->e);
	const char *type = r < 0 ? manifest_artifact_type(p->arena, doc->text, doc->len) : NULL;
	char shown[128];

	if (!type)
		return r;
	return err_set(p->e, ERR_UNSUPPORTED, "it is an artifact ('%s'), no image: tare image copy docker://%s oci:DIR takes it",
		       text_escape(type, shown, sizeof(shown)), image_ref_familiar(p->arena, p->args->ref));
}

static int get_manifest(struct pull *p, struct image_resolved *out)
{
	const struct image_ref *ref = p->args->ref;
	const char *path = arena_printf(p->arena, "manifests/%s", ref->digest ? ref->digest : ref->tag);
	struct registry_document doc;
	int r = path ? get(p, path, ref->digest, UINT64_MAX, &doc) : no_memory(p->e);

	if (r < 0)
		return r;
	out->name = image_ref_canonical(p->arena, ref);
	out->digest = arena_strdup(p->arena, doc.digest);
	r = descend(p, &doc, out);
	if (r == 0)
		r = parse_manifest(p, &doc);
	if (r < 0)
		return r;
	out->manifest = p->manifest_digest = arena_strdup(p->arena, doc.digest);
	out->config = p->manifest.config.digest;
	return arena_error(p->arena) < 0 ? no_memory(p->e) : 0;
}

static int check_platform(struct pull *p)
{
	char want[PLATFORM_TEXT_LEN], have[PLATFORM_TEXT_LEN];
	struct platform is;

	platform_make(p->config->os, p->config->architecture, p->config->variant, &is);
	if (platform_match(&p->platform, &is) > 0)
		return 0;
	(void)platform_text(&is, have);
	return err_set(p->e, ERR_UNSUPPORTED, "the image is for %s, %s %s; to pull it all the same: --platform %s", have,
		       p->args->load.platform ? "wanted is" : "this machine is", platform_text(&p->platform, want), have);
}

/* A size is the registry's word, and maps and chunks are made for it: what is more than may be unpacked is not begun. */
static int check_sizes(struct pull *p)
{
	uint64_t most = p->args->load.limits.unpacked_bytes, left = most;

	for (size_t i = 0; i < p->manifest.n_layers; i++) {
		const struct descriptor *d = &p->manifest.layers[i];

		if (d->size > left)
			return err_set(p->e, ERR_LIMIT, "its layers are larger than %llu bytes, packed; if that is right: --limit unpacked=N",
				       (unsigned long long)most);
		left -= d->size;
	}
	return 0;
}

static int get_config(struct pull *p)
{
	struct registry_document doc;
	int r = check_sizes(p);

	if (r == 0)
		r = get_descriptor(p, "blobs", &p->manifest.config, &doc);
	if (r == 0)
		r = image_config_parse(p->arena, doc.text, doc.len, &p->config, p->e);
	if (r == 0)
		r = check_platform(p);
	if (r == 0 && p->config->n_layers != p->manifest.n_layers)
		r = err_set(p->e, ERR_INVALID, "its configuration names %zu layers, its manifest %zu: it is damaged", p->config->n_layers,
			    p->manifest.n_layers);
	return r;
}

/* ---- what is missing ---- */

static void tell(struct pull *p, enum image_progress_kind kind, const char *digest, uint64_t bytes)
{
	if (p->args->load.progress)
		p->args->load.progress(kind, digest, bytes, p->args->load.progress_data);
}

static int name_layers(struct pull *p)
{
	const char *parent = NULL;

	p->layers = arena_array(p->arena, p->manifest.n_layers + 1, sizeof(*p->layers));
	p->fetched = arena_array(p->arena, p->manifest.n_layers + 1, sizeof(*p->fetched));
	if (!p->layers || !p->fetched)
		return no_memory(p->e);
	for (; p->n_layers < p->manifest.n_layers; p->n_layers++) {
		struct layer *l = &p->layers[p->n_layers];
		char chain[DIGEST_LEN + 1];

		*l = (struct layer){ .blob = &p->manifest.layers[p->n_layers], .diff_id = p->config->diff_ids[p->n_layers],
				     .partial = PARTIAL_INIT };
		digest_chain(parent, l->diff_id, chain);
		l->chain_id = parent = arena_strdup(p->arena, chain);
		if (!parent)
			return no_memory(p->e);
	}
	return 0;
}

static void look(struct pull *p, struct layer *l)
{
	l->have_blob = store_has_blob(p->store, l->blob->digest);
	l->have_tree = store_has_layer(p->store, l->chain_id);
}

/* A layer before this one has the same blob, and brings it in this round, or waits for it. One that is here already brings nothing. */
static bool has_twin(const struct pull *p, const struct layer *l)
{
	for (const struct layer *o = p->layers; o < l; o++)
		if ((o->taken || o->waiting) && strcmp(o->blob->digest, l->blob->digest) == 0)
			return true;
	return false;
}

/* A blob that the store has, and only its tree is missing: as a partial file of which all is there. */
static int open_whole(struct pull *p, struct layer *l)
{
	size_t n = (size_t)((l->blob->size + PARTIAL_GRANULE - 1) / PARTIAL_GRANULE);
	CLEANUP_FREE char *map = malloc(n + 1);
	struct stat st;

	if (!map)
		return no_memory(p->e);
	memset(map, 1, n);
	l->partial.size = l->blob->size;
	l->partial.file = store_blob_open(p->store, l->blob->digest, p->e);
	if (l->partial.file < 0)
		return l->partial.file;
	if (fstat(l->partial.file, &st) < 0)
		return err_errno(p->e, -errno, "blob %s", l->blob->digest);
	if ((uint64_t)st.st_size != l->blob->size)
		return err_set(p->e, ERR_INVALID, "the store has blob %s with %lld bytes, the manifest says %llu", l->blob->digest,
			       (long long)st.st_size, (unsigned long long)l->blob->size);
	l->partial.map = io_memfd("tare-map", map, n, false);
	return l->partial.map < 0 ? err_errno(p->e, l->partial.map, "pull") : 0;
}

static int take_partial(struct pull *p, struct layer *l, bool wait)
{
	int r = partial_open(p->folder, l->blob->digest, l->blob->size, wait, &l->partial, p->e);

	l->waiting = r < 0 && p->e->cls == ERR_BUSY;
	if (l->waiting)
		tell(p, IMAGE_PROGRESS_WAIT, l->blob->digest, l->blob->size);
	if (r < 0)
		return l->waiting ? 0 : r;
	look(p, l); /* who had it may have just given it its name */
	if (!l->have_blob) {
		tell(p, IMAGE_PROGRESS_BEGIN, l->blob->digest, l->blob->size);
		return 0;
	}
	partial_remove(p->folder, &l->partial);
	return l->have_tree ? 0 : open_whole(p, l);
}

/* Takes what nobody else is at; with wait, also the first that somebody is at. *more: there was more than goes at once. */
static int take_partials(struct pull *p, bool wait, bool *more)
{
	p->n_fetched = 0;
	*more = false;
	for (struct layer *l = p->layers; l < p->layers + p->n_layers; l++) {
		int r = 0;

		l->waiting = l->taken = false;
		look(p, l);
		if ((l->have_blob && l->have_tree) || has_twin(p, l))
			continue;
		*more = p->n_fetched == MAX_AT_ONCE;
		if (*more)
			return 0;
		if (l->have_blob)
			r = open_whole(p, l);
		else
			r = take_partial(p, l, wait && p->n_fetched == 0);
		if (r < 0)
			return r;
		l->taken = l->partial.file >= 0;
		if (l->taken)
			p->fetched[p->n_fetched++] = l;
	}
	return 0;
}

static void release(struct pull *p)
{
	for (struct layer *l = p->layers; l < p->layers + p->n_layers; l++)
		partial_close(&l->partial);
	p->n_fetched = 0;
}

/* ---- one attempt ---- */

struct attempt {
	struct pull *pull;
	struct partial_gap **gaps; /* of each blob */
	size_t *n_gaps;
};

static size_t blob_number(const struct pull *p, const char *digest)
{
	size_t i = 0;

	while (i < p->n_fetched && strcmp(p->fetched[i]->blob->digest, digest) != 0)
		i++;
	return i;
}

/* "blobs" and "chunks", as both programs want them. */
static void write_blobs(struct json_writer *w, const struct attempt *t)
{
	const struct pull *p = t->pull;

	jw_array(w, "blobs");
	for (size_t i = 0; i < p->n_fetched; i++) {
		jw_object(w, NULL);
		jw_str(w, "digest", p->fetched[i]->blob->digest);
		jw_u64(w, "size", p->fetched[i]->blob->size);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_array(w, "chunks");
	for (size_t i = 0; i < p->n_fetched; i++)
		for (size_t k = 0; k < t->n_gaps[i]; k++) {
			jw_array(w, NULL);
			jw_u64(w, NULL, i);
			jw_u64(w, NULL, t->gaps[i][k].start);
			jw_u64(w, NULL, t->gaps[i][k].end);
			jw_end_array(w);
		}
	jw_end_array(w);
}

static void write_request(struct json_writer *w, const void *data)
{
	const struct attempt *t = data;
	const struct pull *p = t->pull;

	jw_u64(w, "lanes", LANES);
	write_blobs(w, t);
	jw_array(w, "layers");
	for (const struct layer *l = p->layers; l < p->layers + p->n_layers; l++) {
		size_t n = blob_number(p, l->blob->digest);

		if (n == p->n_fetched || (l->have_tree && l != p->fetched[n]))
			continue;
		jw_object(w, NULL);
		jw_u64(w, "blob", n);
		jw_str(w, "diffId", l->diff_id);
		jw_str(w, "chainId", l->chain_id);
		jw_bool(w, "tree", !l->have_tree);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void on_arrived(size_t blob, uint64_t bytes, void *data)
{
	struct attempt *t = data;

	if (blob < t->pull->n_fetched)
		tell(t->pull, IMAGE_PROGRESS_ARRIVED, t->pull->fetched[blob]->blob->digest, bytes);
}

/* The unpacker knows chains, people see blobs. */
static void on_unpacked(enum image_progress_kind kind, const char *chain, uint64_t bytes, void *data)
{
	struct pull *p = data;

	for (const struct layer *l = p->layers; l < p->layers + p->n_layers; l++)
		if (strcmp(l->chain_id, chain) == 0)
			tell(p, kind, l->blob->digest, bytes);
}

static int find_gaps(struct attempt *t)
{
	struct pull *p = t->pull;
	int r = 0;

	t->gaps = arena_array(p->arena, p->n_fetched + 1, sizeof(struct partial_gap *));
	t->n_gaps = arena_array(p->arena, p->n_fetched + 1, sizeof(*t->n_gaps));
	if (!t->gaps || !t->n_gaps)
		return no_memory(p->e);
	for (size_t i = 0; r == 0 && i < p->n_fetched; i++)
		r = partial_gaps(&p->fetched[i]->partial, p->arena, &t->gaps[i], &t->n_gaps[i], p->e);
	return r;
}

static int ask_blobs(struct attempt *t)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);

	jw_object(&w, NULL);
	jw_str(&w, "do", "blobs");
	jw_u64(&w, "endpoint", t->pull->endpoint);
	jw_u64(&w, "lanes", LANES);
	write_blobs(&w, t);
	jw_end_object(&w);
	return registry_ask(&t->pull->registry, &line, t->pull->e);
}

static int unpack(struct attempt *t, struct unpack_report *report)
{
	struct pull *p = t->pull;
	size_t n = LANES + 2 * p->n_fetched;
	int *files = arena_array(p->arena, n, sizeof(*files));
	struct image_load_args args = p->args->load;
	const struct unpack_pull more = { .write = write_request, .arrived = on_arrived, .data = t, .files = files, .n_files = n };
	int r;

	if (!files)
		return no_memory(p->e);
	for (size_t i = 0; i < LANES; i++)
		files[i] = p->lanes[i][0];
	for (size_t i = 0; i < p->n_fetched; i++) {
		files[LANES + 2 * i] = p->fetched[i]->partial.file;
		files[LANES + 2 * i + 1] = p->fetched[i]->partial.map;
	}
	args.input = -1;
	args.progress = on_unpacked;
	args.progress_data = p;
	r = unpack_run("pull", &p->out->ingest, &args, &more, p->arena, report, p->e);
	close_lanes(p);
	return r;
}

/* The unpacker may only know that something did not arrive: why, tare-transfer says. */
static int fetch(struct attempt *t, struct unpack_report *report)
{
	struct pull *p = t->pull;
	const struct json *msg;
	struct err why = { 0 };
	int r = ask_blobs(t);

	if (r == 0)
		r = unpack(t, report);
	if (r < 0 && p->e->cls != ERR_UNAVAILABLE)
		return r;
	if (registry_answer(&p->registry, p->arena, "fetched", &msg, &why) == 0)
		return r;
	*p->e = why;
	return why.code;
}

static int keep_blob(struct pull *p, int staged, struct layer *l)
{
	int r = l->have_blob ? 0 : partial_take(p->folder, &l->partial, staged, p->e);

	return r < 0 ? r : store_commit_blob(&p->out->ingest, l->blob->digest, p->e);
}

/* Gives what came whole its name in the store. The sync takes a while; a pull that is killed in it finds all in the partial files. */
static int keep(struct pull *p, const struct unpack_report *report)
{
	struct store_ingest *in = &p->out->ingest;
	CLEANUP_FD int staged = openat(in->dir, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = staged < 0 ? err_errno(p->e, -errno, "staged blobs") : 0;

	for (size_t i = 0; r == 0 && i < p->n_fetched; i++)
		if (!p->fetched[i]->have_blob)
			r = partial_trim(&p->fetched[i]->partial, p->e);
	for (size_t i = 0; r >= 0 && i < p->n_layers; i++)
		r = image_load_finish_layer(in, report, p->layers[i].chain_id, p->layers[i].diff_id, p->e);
	if (r >= 0)
		r = store_ingest_sync(in, p->e);
	for (size_t i = 0; r == 0 && i < p->n_fetched; i++)
		r = keep_blob(p, staged, p->fetched[i]);
	for (size_t i = 0; r == 0 && i < report->n_unpacked; i++)
		r = store_commit_layer(in, report->unpacked[i].chain_id, p->e);
	return r < 0 ? r : store_commit_sync(in, p->e);
}

/* Bytes that are wrong are of no use to the next pull; those that went on from an earlier pull's are given another chance. */
static int discard(struct pull *p, bool *resumed)
{
	int r = 0;

	*resumed = false;
	for (size_t i = 0; r == 0 && i < p->n_fetched; i++) {
		if (p->fetched[i]->have_blob)
			continue;
		*resumed |= p->fetched[i]->partial.resumed;
		r = partial_restart(&p->fetched[i]->partial, p->e);
	}
	return r;
}

/* What was given up leaves nothing; who waits for the lock makes it anew. */
static void drop_partials(struct pull *p)
{
	for (size_t i = 0; i < p->n_fetched; i++)
		if (!p->fetched[i]->have_blob)
			partial_remove(p->folder, &p->fetched[i]->partial);
}

static int clear_staging(struct pull *p)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		char name[sizeof("layers/") + 64];
		int r;

		(void)snprintf(name, sizeof(name), "layers/%s", digest_hex(p->layers[i].chain_id));
		r = io_remove_tree(p->out->ingest.dir, name);
		if (r < 0 && r != -ENOENT)
			return err_errno(p->e, r, "staged layers");
	}
	return 0;
}

static int attempt(struct pull *p)
{
	struct attempt t = { .pull = p };
	struct unpack_report report;
	struct err first;
	bool resumed = false;
	int r;

	for (;;) {
		r = find_gaps(&t);
		if (r == 0)
			r = fetch(&t, &report);
		if (r == 0)
			return keep(p, &report);
		if (p->e->cls != ERR_INVALID)
			return r;
		first = *p->e;
		if (discard(p, &resumed) < 0 || !resumed) {
			drop_partials(p);
			*p->e = first;
			return first.code;
		}
		r = clear_staging(p);
		if (r == 0)
			r = connect_registry(p);
		if (r < 0)
			return r;
	}
}

/* ---- all of it ---- */

static bool is_waiting(const struct pull *p)
{
	for (size_t i = 0; i < p->n_layers; i++)
		if (p->layers[i].waiting)
			return true;
	return false;
}

static int bring_layers(struct pull *p)
{
	bool more;
	int r;

	for (size_t i = 0; i < p->n_layers; i++) {
		look(p, &p->layers[i]);
		if (p->layers[i].have_blob && p->layers[i].have_tree)
			tell(p, IMAGE_PROGRESS_HERE, p->layers[i].blob->digest, p->layers[i].blob->size);
	}
	for (bool wait = false, first = true;; first = false) {
		r = take_partials(p, wait, &more);
		if (r == 0 && !first && p->n_fetched)
			r = connect_registry(p);
		if (r == 0 && p->n_fetched)
			r = attempt(p);
		release(p);
		if (r < 0 || (!more && !is_waiting(p)))
			return r;
		r = clear_staging(p);
		if (r < 0)
			return r;
		wait = !more; /* first all that others are not at */
	}
}

static int finish(struct pull *p, const struct image_resolved *resolved)
{
	struct unpack_layer *v = arena_array(p->arena, p->n_layers + 1, sizeof(*v));
	const char **names = arena_array(p->arena, 2, sizeof(*names));
	const struct image_ref *ref = p->args->ref;
	/* by digest: that is all that it is called */
	struct unpack_image img = { .names = names, .n_names = ref->digest ? 0 : 1, .config = resolved->config, .manifest = resolved->manifest,
				    .documents = resolved->indexes, .n_documents = resolved->n_indexes, .layers = v, .n_layers = p->n_layers };
	struct unpack_report report = { .images = &img, .n_images = 1 };

	if (!v || !names)
		return no_memory(p->e);
	names[0] = resolved->name;
	img.repo_digest = arena_printf(p->arena, "%s/%s@%s", ref->domain, ref->path, resolved->digest);
	if (!img.repo_digest)
		return no_memory(p->e);
	for (size_t i = 0; i < p->n_layers; i++)
		v[i] = (struct unpack_layer){ .blob = p->layers[i].blob->digest, .diff_id = p->layers[i].diff_id,
					      .media_type = p->layers[i].blob->type, .blob_size = p->layers[i].blob->size };
	return image_load_finish(p->store, &p->args->load, &report, p->arena, p->out, p->e);
}

static int resolve(struct pull *p, struct image_resolved *out)
{
	int r;

	platform_host(&p->platform);
	if (p->args->load.platform) {
		r = platform_parse(p->args->load.platform, &p->platform, p->e);
		if (r < 0)
			return r;
	}
	r = connect_registry(p);
	if (r == 0)
		r = get_manifest(p, out);
	if (r == 0)
		r = get_config(p);
	if (r == 0)
		r = name_layers(p);
	if (r == 0 && p->args->admit)
		r = p->args->admit(out, p->args->admit_data, p->e);
	return r;
}

static int begin(struct pull *p)
{
	uint64_t swept = 0;
	int r = io_mkdirs(p->store->root, PARTIAL_FOLDER, 0700);

	p->folder = r < 0 ? r : openat(p->store->root, PARTIAL_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->folder < 0)
		return err_errno(p->e, r < 0 ? r : -errno, "store: make " PARTIAL_FOLDER);
	r = store_ingest_sweep(p->store, &swept, p->e);
	return r < 0 ? r : store_ingest_begin(p->store, &p->out->ingest, p->e);
}

static struct pull make(const struct store *s, const struct image_pull_args *args, struct arena *a, struct image_load *out, struct err *e)
{
	struct pull p = { .store = s, .args = args, .arena = a, .out = out, .e = e, .folder = -1, .registry = REGISTRY_CLIENT_INIT,
			  .endpoint = REGISTRY_ANY };

	for (size_t i = 0; i < LANES; i++)
		p.lanes[i][0] = p.lanes[i][1] = -1;
	return p;
}

static int end(struct pull *p, int r)
{
	registry_end(&p->registry);
	close_lanes(p);
	release(p);
	p->folder = close_fd(p->folder);
	if (r == 0)
		return 0;
	image_load_end(p->out);
	return err_ctx(p->e, "%s", p->args->load.name);
}

int image_pull(const struct store *s, const struct image_pull_args *args, struct arena *a, struct image_load *out,
	       struct image_resolved *resolved, struct err *e)
{
	struct pull p = make(s, args, a, out, e);
	int r = begin(&p);

	*resolved = (struct image_resolved){ 0 };
	if (r == 0)
		r = resolve(&p, resolved);
	if (r == 0)
		r = bring_layers(&p);
	if (r == 0)
		r = finish(&p, resolved);
	return end(&p, r);
}

/* ---- parts of it ---- */

int image_look(const struct store *s, const struct image_pull_args *args, struct arena *a, struct image_looked *out, struct err *e)
{
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	struct image_resolved resolved = { 0 };
	struct pull p = make(s, args, a, &load, e);
	int r = begin(&p);

	if (r == 0)
		r = resolve(&p, &resolved);
	*out = (struct image_looked){ .manifest = p.manifest, .config = p.config, .endpoint = p.endpoint };
	return end(&p, r);
}

int image_look_fetch(const struct store *s, const struct image_pull_args *args, const struct image_look_layer *l, struct arena *a,
		     struct err *e)
{
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	struct layer layer = { .blob = l->blob, .diff_id = l->diff_id, .chain_id = l->chain_id, .partial = PARTIAL_INIT }, *fetched[1];
	struct pull p = make(s, args, a, &load, e);
	int r;

	p.endpoint = l->endpoint;
	p.layers = &layer;
	p.fetched = fetched;
	p.n_layers = 1;
	r = begin(&p);
	if (r == 0)
		r = connect_registry(&p);
	if (r == 0)
		r = bring_layers(&p);
	return end(&p, r);
}
