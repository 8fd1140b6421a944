#include "image/push.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/closure.h"
#include "image/config.h"
#include "image/manifest.h"
#include "image/referrertag.h"

#define LANES 5

struct blob {
	const char *digest;
	uint64_t size;
	bool layer; /* people see it */
	const char *sources[IMAGE_PUSH_SOURCES];
	size_t n_sources;
};

struct push {
	const struct store *store;
	const struct image_push_args *args;
	struct arena *arena;
	struct err *e;
	struct closure closure;
	uint64_t size; /* of what gets the tag */
	struct blob *blobs;
	int *files; /* of the blobs, of the documents behind them, and one for a list of referrers; owned */
	size_t n_blobs, n_files;
	struct registry_client registry;
};

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "push");
}

/* ---- what is sent ---- */

static int read_documents(struct push *p)
{
	int r = 0;

	if (p->args->parts)
		p->closure = *p->args->parts;
	else
		r = closure_of_store(p->store, p->args->staged, p->arena, p->args->top, &p->closure, p->e);
	if (r == 0)
		p->size = p->closure.documents[p->closure.n_documents - 1].size;
	return r;
}

/* Of the one manifest that a platform is asked of. */
static int read_config(struct push *p, char **text, size_t *len)
{
	CLEANUP_FREE char *manifest = NULL;
	struct manifest m;
	size_t n;
	int r = store_blob_read(p->store, p->args->manifest, CLOSURE_DOCUMENT_MAX, &manifest, &n, p->e);

	if (r == 0)
		r = manifest_parse(p->arena, manifest, n, &m, p->e);
	return r < 0 ? r : store_blob_read(p->store, m.config.digest, CLOSURE_DOCUMENT_MAX, text, len, p->e);
}

static int check_platform(struct push *p)
{
	char want[PLATFORM_TEXT_LEN], have[PLATFORM_TEXT_LEN];
	const struct image_config *config;
	CLEANUP_FREE char *text = NULL;
	struct platform wanted, is;
	size_t len;
	int r;

	if (!p->args->platform)
		return 0;
	r = platform_parse(p->args->platform, &wanted, p->e);
	if (r == 0)
		r = read_config(p, &text, &len);
	if (r == 0)
		r = image_config_parse(p->arena, text, len, &config, p->e);
	if (r < 0)
		return r;
	platform_make(config->os, config->architecture, config->variant, &is);
	if (platform_match(&wanted, &is) > 0)
		return 0;
	return err_set(p->e, ERR_UNSUPPORTED, "it is for %s: there is nothing for %s (--platform) to push", platform_text(&is, have),
		       platform_text(&wanted, want));
}

static int open_file(struct push *p, const char *digest, uint64_t size)
{
	struct stat st;
	int fd = p->args->open   ? p->args->open(p->args->data, digest, p->e) :
		 p->args->staged ? store_ingest_open(p->args->staged, digest, p->e) :
				   store_blob_open(p->store, digest, p->e);

	if (fd < 0 && p->args->open)
		return fd;
	if (fd < 0)
		return err_ctx(p->e, "the store lacks a part of the image (pull or load it again)");
	p->files[p->n_files++] = fd;
	if (fstat(fd, &st) < 0)
		return err_errno(p->e, -errno, "blob %s", digest);
	if ((uint64_t)st.st_size != size)
		return err_set(p->e, ERR_INVALID, "blob %s has %llu bytes in the store, its manifest says %llu: pull or load the image again", digest,
			       (unsigned long long)st.st_size, (unsigned long long)size);
	return 0;
}

static int add_blob(struct push *p, const struct closure_part *part)
{
	struct blob *b = &p->blobs[p->n_blobs++];

	*b = (struct blob){ .digest = part->digest, .size = part->size, .layer = part->layer };
	if (p->args->sources)
		b->n_sources = p->args->sources(part->digest, b->sources, p->args->data);
	return open_file(p, part->digest, part->size);
}

static int gather(struct push *p)
{
	const struct closure *c = &p->closure;
	int r = 0;

	p->blobs = arena_array(p->arena, c->n_blobs + 1, sizeof(*p->blobs));
	p->files = arena_array(p->arena, c->n_blobs + c->n_documents + 2, sizeof(*p->files));
	if (!p->blobs || !p->files)
		return no_memory(p->e);
	for (size_t i = 0; r == 0 && i < c->n_blobs; i++)
		r = add_blob(p, &c->blobs[i]);
	for (size_t i = 0; r == 0 && i < c->n_documents; i++)
		r = open_file(p, c->documents[i].digest, c->documents[i].size);
	if (r == 0) { /* written when it is known what is to be in it */
		int fd = io_memfd("tare-referrers", "", 0, false);

		if (fd < 0)
			return err_errno(p->e, fd, "list of referrers");
		p->files[p->n_files++] = fd;
	}
	return r;
}

/* ---- the registry ---- */

static void tell(struct push *p, size_t blob, enum image_push_state state, uint64_t bytes, const char *from)
{
	const struct blob *b = &p->blobs[blob];

	if (p->args->progress && b->layer)
		p->args->progress(&(const struct image_push_step){ state, b->digest, bytes, b->size, from }, p->args->data);
}

static int ask_blobs(struct push *p)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);

	jw_object(&w, NULL);
	jw_str(&w, "do", "push");
	jw_u64(&w, "lanes", LANES);
	jw_array(&w, "blobs");
	for (size_t i = 0; i < p->n_blobs; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "digest", p->blobs[i].digest);
		jw_u64(&w, "size", p->blobs[i].size);
		jw_array(&w, "from");
		for (size_t k = 0; k < p->blobs[i].n_sources; k++)
			jw_str(&w, NULL, p->blobs[i].sources[k]);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return registry_ask(&p->registry, &line, p->e);
}

/* Ours of the sources that it names; people see it. */
static const char *source_of(const struct blob *b, const char *from)
{
	for (size_t i = 0; from && i < b->n_sources; i++)
		if (strcmp(b->sources[i], from) == 0)
			return b->sources[i];
	return NULL;
}

static int take_news(struct push *p, const struct json *msg, const char *type)
{
	const char *outcome = "", *from = NULL;
	uint64_t blob = UINT64_MAX, bytes = 0;
	int r = json_get_u64(msg, "answer", "blob", &blob, p->e);

	if (r == 0)
		r = json_get_u64(msg, "answer", "bytes", &bytes, p->e);
	if (r == 0)
		r = json_get_str(msg, "answer", "outcome", &outcome, p->e);
	if (r == 0)
		r = json_get_str(msg, "answer", "from", &from, p->e);
	if (r < 0)
		return r;
	if (blob >= p->n_blobs)
		return err_set(p->e, ERR_INTERNAL, "tare-transfer's answer is damaged: no such blob");
	if (strcmp(type, "sent") == 0)
		tell(p, blob, IMAGE_PUSH_SENT, bytes, NULL);
	else if (strcmp(outcome, "there") == 0)
		tell(p, blob, IMAGE_PUSH_THERE, p->blobs[blob].size, NULL);
	else if (strcmp(outcome, "mounted") == 0 && source_of(&p->blobs[blob], from))
		tell(p, blob, IMAGE_PUSH_MOUNTED, p->blobs[blob].size, source_of(&p->blobs[blob], from));
	else
		tell(p, blob, IMAGE_PUSH_DONE, p->blobs[blob].size, NULL);
	return 0;
}

static int push_blobs(struct push *p, uint64_t *endpoint)
{
	int r = ask_blobs(p);

	while (r == 0) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct json *msg;
		const char *type = "";

		r = registry_answer(&p->registry, &a, NULL, &msg, p->e);
		if (r == 0)
			r = json_get_str(msg, "answer", "type", &type, p->e);
		if (r == 0 && strcmp(type, "pushed") == 0)
			return json_get_u64(msg, "answer", "endpoint", endpoint, p->e);
		if (r == 0)
			r = take_news(p, msg, type);
	}
	return r;
}

/* file: which handle behind the blobs' it is. */
static int put(struct push *p, uint64_t endpoint, size_t file, const struct closure_part *part, const char *reference, bool *subject)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	const struct json *msg;
	int r;

	jw_object(&w, NULL);
	jw_str(&w, "do", "manifest");
	jw_u64(&w, "endpoint", endpoint);
	jw_u64(&w, "file", p->n_blobs + file);
	jw_u64(&w, "size", part->size);
	jw_str(&w, "digest", part->digest);
	jw_str(&w, "mediaType", part->type);
	jw_str(&w, "reference", reference);
	jw_end_object(&w);
	r = registry_ask(&p->registry, &line, p->e);
	if (r == 0)
		r = registry_answer(&p->registry, p->arena, "stored", &msg, p->e);
	return r < 0 ? r : json_get_bool(msg, "answer", "subject", subject, p->e);
}

/* The registry has no list of referrers: the tag that stands for it gets one entry more. Whoever else does that just now may be overwritten, which
 * the specification has no remedy for. */
static int tag_referrer(struct push *p, uint64_t endpoint, const struct closure_part *doc)
{
	static const char *const accept[] = { REFERRERTAG_TYPE, NULL };
	size_t file = p->closure.n_documents;
	int fd = p->files[p->n_blobs + file], r;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	char tag[REFERRERTAG_LEN], path[REFERRERTAG_LEN + 16], digest[DIGEST_LEN + 1];
	struct closure_part index = { .type = REFERRERTAG_TYPE, .digest = digest };
	struct registry_document old = { .len = 0 };
	bool there, ignored = false;

	referrertag_name(doc->subject, tag);
	(void)snprintf(path, sizeof(path), "manifests/%s", tag);
	r = registry_document(&p->registry, p->arena, path, accept, CLOSURE_DOCUMENT_MAX, "list of referrers", endpoint, &old, p->e);
	if (r < 0 && p->e->cls != ERR_NOTFOUND)
		return r;
	r = referrertag_add(p->arena, old.text, r < 0 ? 0 : old.len, doc, &text, &there, p->e);
	if (r < 0 || there)
		return r;
	r = ftruncate(fd, 0) < 0 ? -errno : io_pwrite_full(fd, text.s, text.len, 0);
	if (r < 0)
		return err_errno(p->e, r, "list of referrers");
	sha256_digest(text.s, text.len, digest);
	index.size = text.len;
	return put(p, endpoint, file, &index, tag, &ignored);
}

/* The topmost gets the tag, the others are there by their digests. */
static int put_document(struct push *p, uint64_t endpoint, size_t i)
{
	const struct closure_part *part = &p->closure.documents[i];
	bool subject = false;
	int r = put(p, endpoint, i, part, i + 1 < p->closure.n_documents ? part->digest : p->args->reference, &subject);

	return r < 0 || subject || !part->subject ? r : tag_referrer(p, endpoint, part);
}

static int run(struct push *p)
{
	uint64_t endpoint = 0;
	int r = read_documents(p);

	if (r == 0)
		r = check_platform(p);
	if (r == 0)
		r = gather(p);
	if (r == 0)
		r = registry_start(p->args->transfer, p->args->endpoints, p->args->n_endpoints, p->files, p->n_files, &p->registry, p->e);
	for (size_t i = 0; r == 0 && i < p->n_blobs; i++)
		tell(p, i, IMAGE_PUSH_WAIT, 0, NULL);
	if (r == 0)
		r = push_blobs(p, &endpoint);
	for (size_t i = 0; r == 0 && i < p->closure.n_documents; i++)
		r = put_document(p, endpoint, i);
	return r;
}

int image_push(const struct store *s, const struct image_push_args *args, struct arena *a, uint64_t *size, struct err *e)
{
	struct push p = { .store = s, .args = args, .arena = a, .e = e, .registry = REGISTRY_CLIENT_INIT };
	int r = run(&p);

	registry_end(&p.registry);
	for (size_t i = 0; i < p.n_files; i++)
		(void)close_fd(p.files[i]);
	*size = p.size;
	return r;
}
