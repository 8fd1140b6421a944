/* A source is taken first, all of it, then sent: what fails in between has changed nothing at the other end but blobs that nobody names. Where
 * our own store is an end, the ways that are there already do it: a pull, a load, a save. */
#include "engine/copy.h"

#include <fcntl.h>
#include <string.h>

#include "base/newfile.h"
#include "base/text.h"
#include "engine/copy_impl.h"
#include "engine/pull.h"
#include "engine/save.h"
#include "image/tarball.h"

static int no_memory(struct copy *c)
{
	return err_errno(c->e, -ENOMEM, "copy");
}

/* ---- places ---- */

static int parse_ref(struct arena *a, const char *text, struct place *out, struct err *e)
{
	int r = image_ref_parse(a, text, &out->ref, e);

	out->name = r == 0 ? text : NULL;
	return r;
}

int place_parse(struct arena *a, const char *text, struct place *out, struct err *e)
{
	static const struct {
		const char *prefix;
		enum place_kind kind;
	} rows[] = {
		{ "docker://", PLACE_REGISTRY }, { "oci:", PLACE_LAYOUT }, { "oci-archive:", PLACE_OCI_ARCHIVE }, { "docker-archive:", PLACE_DOCKER_ARCHIVE },
	};
	static const char *const others[] = { "dir:", "docker-daemon:", "containers-storage:", "ostree:", "sif:" };

	*out = (struct place){ .kind = PLACE_STORE, .text = text };
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (text_starts(text, others[i]))
			return err_set(e, ERR_UNSUPPORTED, "%s: there are docker://, oci:, oci-archive:, docker-archive: and names of the store", text);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *rest = text + strlen(rows[i].prefix), *colon;

		if (!text_starts(text, rows[i].prefix))
			continue;
		out->kind = rows[i].kind;
		if (out->kind == PLACE_REGISTRY)
			return parse_ref(a, rest, out, e);
		colon = strchr(rest, ':');
		out->path = arena_strndup(a, rest, colon ? (size_t)(colon - rest) : strlen(rest));
		out->name = colon && colon[1] ? colon + 1 : NULL;
		if (!out->path)
			return err_errno(e, -ENOMEM, "copy");
		return *out->path ? 0 : err_set(e, ERR_INVALID, "%s: it names no file or folder", text);
	}
	return parse_ref(a, text, out, e);
}

/* ---- to a registry ---- */

static int open_part(void *data, const char *digest, struct err *e)
{
	return copy_open(data, digest, e);
}

static void on_progress(const struct image_push_step *step, void *data)
{
	const struct copy *c = data;

	if (c->args->progress)
		c->args->progress(step, c->args->progress_data);
}

static int give_registry(struct copy *c)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	const struct closure_part *top = &c->parts.documents[c->parts.n_documents - 1];
	const struct image_ref *ref = &c->to.ref;
	struct image_push_args push = { .parts = &c->parts, .open = open_part, .reference = ref->tag, .progress = on_progress, .data = c };
	char transfer[PATH_MAX];
	uint64_t size;
	int r = 0;

	if (ref->digest && strcmp(ref->digest, top->digest) != 0)
		return err_set(c->e, ERR_INVALID, "%s: what is copied has the digest %s", c->to.text, top->digest);
	if (ref->digest)
		push.reference = ref->digest;
	r = access_find(&q, c->en, ref, REGISTRY_PUSH, NULL, c->e);
	if (r == 0)
		r = engine_program("tare-transfer", transfer, c->e);
	push.transfer = transfer;
	push.endpoints = q.endpoints;
	push.n_endpoints = q.n;
	return r < 0 ? r : image_push(&c->store, &push, c->arena, &size, c->e);
}

/* ---- to a layout, an archive ---- */

/* Calls fn for every blob and document, documents last. */
static int each_part(struct copy *c, int (*fn)(struct copy *c, const struct closure_part *part, int fd, void *data), void *data)
{
	size_t n = c->parts.n_blobs + c->parts.n_documents;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct closure_part *part = i < c->parts.n_blobs ? &c->parts.blobs[i] : &c->parts.documents[i - c->parts.n_blobs];
		CLEANUP_FD int fd = copy_open(c, part->digest, c->e);

		r = fd < 0 ? fd : fn(c, part, fd, data);
	}
	return r;
}

static int put_part(struct copy *c, const struct closure_part *part, int fd, void *data)
{
	return layout_put(data, part, fd, c->e);
}

static int give_layout(struct copy *c)
{
	CLEANUP_LAYOUT struct layout l = LAYOUT_INIT;
	int r = layout_make(c->to.path, &l, c->e);

	if (r == 0)
		r = each_part(c, put_part, &l);
	for (size_t i = 0; r == 0 && c->args->referrers && i + 1 < c->parts.n_documents; i++)
		r = layout_name(&l, &c->parts.documents[i], NULL, c->e);
	return r < 0 ? r : layout_name(&l, &c->parts.documents[c->parts.n_documents - 1], c->to.name, c->e);
}

static int add_part(struct copy *c, const struct closure_part *part, int fd, void *data)
{
	const char *path = arena_printf(c->arena, "blobs/sha256/%s", digest_hex(part->digest));
	int r = path ? layout_check(fd, part, c->e) : no_memory(c);

	return r < 0 ? r : tarball_copy(*(const int *)data, path, fd, part->size, c->e);
}

static int write_archive(struct copy *c, int out)
{
	CLEANUP_STRBUF struct strbuf index = STRBUF_INIT;
	int r;

	layout_index(&c->parts.documents[c->parts.n_documents - 1], c->to.name, &index);
	if (sb_error(&index) < 0)
		return no_memory(c);
	r = tarball_text(out, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), c->e);
	if (r == 0)
		r = tarball_text(out, "index.json", index.s, index.len, c->e);
	if (r == 0)
		r = each_part(c, add_part, &out);
	return r < 0 ? r : tarball_end(out, c->e);
}

static int give_archive(struct copy *c)
{
	CLEANUP_NEWFILE struct newfile out = NEWFILE_INIT;
	int r = newfile_begin(c->to.path, 0644, &out);

	if (r < 0)
		return err_errno(c->e, r, "open %s", c->to.path);
	if (c->to.kind == PLACE_DOCKER_ARCHIVE)
		r = engine_save(c->en, &c->from.text, 1, SAVE_DOCKER, out.fd, c->e);
	else
		r = write_archive(c, out.fd);
	if (r < 0)
		return r;
	r = newfile_commit(&out);
	return r < 0 ? err_errno(c->e, r, "write %s", c->to.path) : 0;
}

/* ---- to the store ---- */

static int load_layout(struct copy *c, const char **id)
{
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	CLEANUP_FD int fd = open(c->from.path, O_RDONLY | O_CLOEXEC);
	const char *want = c->parts.documents[c->parts.n_documents - 1].digest;
	char worker[PATH_MAX];
	struct image_load_args args = { .worker = worker, .input = fd, .name = c->from.path, .platform = c->args->platform };
	struct image_loaded one = { 0 };
	int r = fd < 0 ? err_errno(c->e, -errno, "open %s", c->from.path) : engine_program("tare-worker", worker, c->e);

	image_limits_default(&args.limits);
	if (r == 0)
		r = image_load(&c->store, &args, c->arena, &load, c->e);
	for (size_t i = 0; r == 0 && i < load.n_images; i++)
		if (load.n_images == 1 || strcmp(load.images[i].manifest, want) == 0)
			one = load.images[i];
	if (r == 0 && !one.id)
		return err_set(c->e, ERR_UNSUPPORTED, "%s has several images: tare load -i takes them all", c->from.path);
	one.n_names = 0;
	*id = one.id;
	return r < 0 ? r : image_record(c->en, &one, 1, c->e);
}

static int pull(struct copy *c, const char **id)
{
	struct pull_args args = { .what = c->from.name, .platform = c->args->platform, .unnamed = true };
	struct pulled got;
	int r;

	image_limits_default(&args.limits);
	r = engine_pull(c->en, &args, c->arena, &got, c->e);
	*id = got.id;
	return r;
}

static int give_store(struct copy *c, const char **digest)
{
	struct image img;
	const char *id = c->from.text;
	int r = 0;

	if (c->to.ref.digest)
		return err_set(c->e, ERR_INVALID, "%s: a digest is no name that can be given: NAME[:TAG]", c->to.text);
	if (c->from.kind == PLACE_REGISTRY)
		r = pull(c, &id);
	else
		r = copy_take(c);
	if (r == 0 && c->from.kind != PLACE_REGISTRY && c->from.kind != PLACE_STORE)
		r = load_layout(c, &id);
	if (r == 0)
		r = image_tag(c->en, id, c->to.text, c->e);
	if (r == 0)
		r = image_find(c->en->catalog, c->arena, c->to.text, &img, c->e);
	if (r == 0)
		*digest = img.manifest;
	return r;
}

/* ---- all ---- */

static int check(struct copy *c)
{
	if (c->to.kind == PLACE_DOCKER_ARCHIVE && c->from.kind != PLACE_STORE)
		return err_set(c->e, ERR_UNSUPPORTED, "docker-archive: is written of images of the store alone: copy it to a name of the store first");
	if (c->args->referrers && (c->from.kind != PLACE_REGISTRY || (c->to.kind != PLACE_REGISTRY && c->to.kind != PLACE_LAYOUT)))
		return err_set(c->e, ERR_UNSUPPORTED, "--referrers is for copies from a registry, to a registry or an OCI layout");
	return 0;
}

static int run(struct copy *c, const char **digest)
{
	int r;

	if (c->to.kind == PLACE_STORE)
		return give_store(c, digest);
	r = copy_take(c);
	if (r < 0)
		return err_ctx(c->e, "%s", c->from.text);
	*digest = c->parts.documents[c->parts.n_documents - 1].digest;
	if (c->to.kind == PLACE_REGISTRY)
		r = give_registry(c);
	else
		r = c->to.kind == PLACE_LAYOUT ? give_layout(c) : give_archive(c);
	return r < 0 ? err_ctx(c->e, "%s", c->to.text) : 0;
}

int engine_copy(const struct engine *en, const struct copy_args *args, struct arena *a, const char **digest, struct err *e)
{
	struct copy c = { .en = en, .args = args, .arena = a, .e = e, .store = STORE_INIT, .other = STORE_INIT, .ingest = STORE_INGEST_INIT,
			  .layout = LAYOUT_INIT, .registry = REGISTRY_CLIENT_INIT, .access = ACCESS_INIT, .endpoint = REGISTRY_ANY };
	int r = place_parse(a, args->from, &c.from, e);

	if (r == 0)
		r = place_parse(a, args->to, &c.to, e);
	if (r == 0)
		r = check(&c);
	if (r == 0)
		r = store_open(en->root_fd, &c.store, e);
	if (r == 0)
		r = store_ingest_begin(&c.store, &c.ingest, e);
	if (r == 0)
		r = run(&c, digest);
	registry_end(&c.registry);
	access_end(&c.access);
	layout_close(&c.layout);
	store_close(&c.other);
	store_ingest_end(&c.ingest);
	store_close(&c.store);
	return r;
}
