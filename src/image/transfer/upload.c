/* An upload is a place (Location) and how much of the blob is there. Each step asks one thing and moves these two; after a step that
 * failed the registry is asked how far it came, and what it says decides where the next one begins. A registry that does not know (any more) gets
 * the blob from its beginning, in a new upload. Failures are counted since the upload last came further than ever before, so that no registry
 * can keep us busy for ever. */
#include "image/transfer/upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "image/digest.h"

#define CHUNK (16U << 20)
#define PATIENCE 300 /* s: for the last word on a blob, which may be moved and hashed before it */
#define MAX_LOST 3   /* times that an upload is begun anew because it was gone */

struct upload {
	struct registry *r;
	const struct upload_blob *blob;
	upload_tell_fn tell;
	void *data;
	char *place;       /* owned; NULL: no upload is open */
	uint64_t have, best, chunk;
	size_t candidate;  /* of blob->from, the next to be asked for */
	unsigned int lost;
	bool ended; /* the last part was sent: what became of it may not be known */
	bool done;  /* the blob is there */
	const char *from;
};

static void upload_end(struct upload *u)
{
	free(u->place);
	u->place = NULL;
}
#define CLEANUP_UPLOAD CLEANUP(upload_end)

static const char *name_of(const struct upload *u)
{
	return u->r->endpoint->name;
}

/* ---- what registries say ---- */

/* A refusal in the words of somebody who sends. */
static int refused(struct registry *r, const struct http_answer *a, const char *what, uint64_t size, struct err *e)
{
	char human[32];

	switch (a->status) {
	case 404:
		return err_set(e, ERR_NOTFOUND, "%s: %s has no place for it: it answers 404 for repository %s", what, r->endpoint->name,
			       r->endpoint->repository);
	case 413:
		text_human_size(size, human, sizeof(human));
		return err_set(e, ERR_LIMIT, "%s: with %s it is too large for %s (413)", what, human, r->endpoint->name);
	default:
		return registry_complaint(r, a, what, e);
	}
}

static int wrong_digest(struct registry *r, const char *what, const char *said, struct err *e)
{
	char shown[100];

	return err_set(e, ERR_INVALID, "%s: %s says that it has got %s instead", what, r->endpoint->name,
		       text_escape(said, shown, sizeof(shown)));
}

/* Is there something with that name, and as long as it must be? 1 yes, 0 no. */
static int look(struct registry *r, const char *path, const char *what, const char *accept, uint64_t size, struct err *e)
{
	const char *const headers[] = { accept, NULL };
	struct http_request rq = { .method = "HEAD", .headers = accept ? headers : NULL };
	struct retry again = { 0 };
	struct http_answer a;
	int k;

	do
		k = registry_exchange(r, NULL, path, &rq, &a, NULL, e);
	while ((k < 0 || a.status / 100 != 2) && retry_again(r, &again, k, &a, e));
	if (k < 0)
		return k;
	if (a.status == 404 || a.status == 405)
		return 0;
	if (a.status / 100 != 2)
		return refused(r, &a, what, size, e);
	if (a.length > 0 && (uint64_t)a.length != size) /* 0: some say no length to HEAD */
		return err_set(e, ERR_INVALID, "%s: %s has it with %lld bytes, it has %llu", what, r->endpoint->name, (long long)a.length,
			       (unsigned long long)size);
	return 1;
}

/* After "it is here now": the answer's digest, and where it says none, a look. */
static int confirm(struct registry *r, const struct http_answer *a, const char *path, const char *what, const char *accept,
		   const struct upload_blob *b, struct err *e)
{
	int k;

	if (a->digest)
		return strcmp(a->digest, b->digest) == 0 ? 0 : wrong_digest(r, what, a->digest, e);
	k = look(r, path, what, accept, b->size, e);
	if (k == 0)
		return err_set(e, ERR_INVALID, "%s: %s says that it has taken it, and does not have it", what, r->endpoint->name);
	return k < 0 ? k : 0;
}

static int confirm_blob(struct upload *u, const struct http_answer *a, struct err *e)
{
	char path[32 + DIGEST_LEN], what[16 + DIGEST_LEN];
	int k;

	(void)snprintf(path, sizeof(path), "blobs/%s", u->blob->digest);
	(void)snprintf(what, sizeof(what), "blob %s", u->blob->digest);
	k = confirm(u->r, a, path, what, NULL, u->blob, e);
	u->done = k == 0;
	return k < 0 ? k : 1;
}

/* ---- where it is ---- */

static int keep_place(struct upload *u, const char *asked, const struct http_answer *a, struct err *e)
{
	const char *to;
	char *copy;
	int k;

	if (!a->location && u->place)
		return 0;
	if (!a->location)
		return err_set(e, ERR_INVALID, "blob %s: %s opens an upload and does not say where", u->blob->digest, name_of(u));
	k = registry_location(u->r, asked, a->location, &to, e);
	if (k < 0)
		return err_ctx(e, "blob %s", u->blob->digest);
	copy = strdup(to);
	if (!copy)
		return err_errno(e, -ENOMEM, "upload");
	free(u->place);
	u->place = copy;
	return 0;
}

static void lose_place(struct upload *u)
{
	free(u->place);
	u->place = NULL;
	u->have = 0;
}

/* "0-N" is N + 1 bytes; and of nothing at all, too, is said "0-0". False: it says nothing of use. */
static bool read_range(const char *range, uint64_t *have)
{
	uint64_t first, last;
	char end;

	if (!range)
		return false;
	if (strncmp(range, "bytes=", 6) == 0)
		range += 6;
	if (sscanf(range, "%" SCNu64 "-%" SCNu64 "%c", &first, &last, &end) != 2 || first != 0 || last == UINT64_MAX)
		return false;
	*have = last ? last + 1 : 0;
	return true;
}

static void came_to(struct upload *u, uint64_t have, struct retry *again)
{
	u->have = have;
	if (have > u->best) {
		u->best = have;
		again->failures = 0;
	}
}

/* After a failure. Where nobody knows, from the beginning. */
static int find_place(struct upload *u, struct retry *again, struct err *e)
{
	struct http_request rq = { .method = "GET" };
	struct err ignored;
	struct http_answer a;
	const char *landed;
	uint64_t have;
	int k;

	if (!u->place)
		return 0;
	k = registry_exchange(u->r, u->place, NULL, &rq, &a, &landed, &ignored);
	if (k < 0 && ignored.cls == ERR_UNAVAILABLE)
		return 0; /* the next step finds out */
	if (k < 0 || a.status / 100 != 2 || !read_range(a.range, &have) || have > u->blob->size) {
		lose_place(u);
		return 0;
	}
	came_to(u, have, again);
	return keep_place(u, landed, &a, e);
}

/* ---- steps: 1 it went on, 0 the answer is a refusal ---- */

static void cancel(struct upload *u, const struct http_answer *opened)
{
	struct http_request rq = { .method = "DELETE" };
	struct http_answer a;
	struct err ignored;

	if (keep_place(u, u->r->endpoint->http.base, opened, &ignored) == 0)
		(void)!registry_exchange(u->r, u->place, NULL, &rq, &a, NULL, &ignored);
	lose_place(u);
}

static const char *opening_url(struct upload *u, struct arena *a, const char *from)
{
	const char *url = arena_printf(a, "%s/v2/%s/blobs/uploads/", u->r->endpoint->http.base, u->r->endpoint->repository);

	if (!url || !from)
		return url;
	url = http_with_query(a, url, arena_printf(a, "mount=%s", u->blob->digest));
	return url ? http_with_query(a, url, arena_printf(a, "from=%s", from)) : NULL;
}

/* Opens an upload, or has the blob mounted. */
static int begin(struct upload *u, struct http_answer *a, struct err *e)
{
	static const char *const headers[] = { "Content-Type:", NULL };
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *from = u->candidate < u->blob->n_from ? u->blob->from[u->candidate] : NULL, *landed;
	const char *url = opening_url(u, &arena, from);
	struct http_request rq = { .method = "POST", .headers = headers, .body = "", .patience = PATIENCE };
	int k;

	if (!url)
		return err_errno(e, -ENOMEM, "upload");
	u->r->also = from;
	k = registry_exchange(u->r, url, NULL, &rq, a, &landed, e);
	u->r->also = NULL;
	if (from && ((k < 0 && e->cls == ERR_DENIED) || (k == 0 && a->status / 100 == 4 && a->status != 429))) {
		u->candidate++; /* without it, then */
		return 1;
	}
	if (k < 0)
		return k;
	if (a->status == 201) {
		u->from = from;
		return confirm_blob(u, a, e);
	}
	if (a->status / 100 != 2)
		return 0;
	if (from && ++u->candidate < u->blob->n_from) {
		cancel(u, a);
		return 1;
	}
	u->chunk = CHUNK;
	if (a->chunk_min && strtoull(a->chunk_min, NULL, 10) > u->chunk)
		u->chunk = strtoull(a->chunk_min, NULL, 10);
	k = keep_place(u, landed, a, e);
	return k < 0 ? k : 1;
}

static int read_blob(void *data, uint64_t at, void *buf, size_t len, size_t *n, struct err *e)
{
	struct upload *u = data;
	ssize_t got;

	do
		got = pread(u->blob->file, buf, len, (off_t)u->have + (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(e, -errno, "read blob %s", u->blob->digest);
	if (got == 0)
		return err_set(e, ERR_INTERNAL, "blob %s is shorter than it was", u->blob->digest);
	*n = (size_t)got;
	return u->tell ? u->tell(u->have + at + (uint64_t)got, u->data, e) : 0;
}

static int advance(struct upload *u, const char *landed, const struct http_answer *a, uint64_t sent, struct retry *again, struct err *e)
{
	uint64_t most = u->have + sent, have = most;
	int k = keep_place(u, landed, a, e);

	if (k < 0)
		return k;
	if (read_range(a->range, &have) && have > most)
		return err_set(e, ERR_INVALID, "blob %s: %s says that it has %llu bytes of it, and was sent %llu", u->blob->digest, name_of(u),
			       (unsigned long long)have, (unsigned long long)most);
	if (have <= u->have)
		return err_set(e, ERR_UNAVAILABLE, "blob %s: %s takes a part of it and has no more of it than before", u->blob->digest, name_of(u));
	came_to(u, have, again);
	return 1;
}

/* The next part; the last one ends the upload. */
static int send_part(struct upload *u, struct http_answer *a, struct retry *again, struct err *e)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	uint64_t rest = u->blob->size - u->have, len = rest <= u->chunk ? rest : u->chunk;
	bool last = len == rest, whole = last && u->have == 0;
	char range[64];
	const char *const headers[] = { "Content-Type: application/octet-stream", whole || len == 0 ? NULL : range, NULL };
	struct http_request rq = { .method = last ? "PUT" : "PATCH", .headers = headers, .data = u, .patience = last ? PATIENCE : 0 };
	const char *url = last ? http_with_query(&arena, u->place, arena_printf(&arena, "digest=%s", u->blob->digest)) : u->place, *landed;
	int k;

	if (!url)
		return err_errno(e, -ENOMEM, "upload");
	(void)snprintf(range, sizeof(range), "Content-Range: %" PRIu64 "-%" PRIu64, u->have, u->have + len - 1);
	if (len > 0) {
		rq.source = read_blob;
		rq.source_len = len;
	} else {
		rq.body = "";
	}
	u->ended |= last;
	k = registry_exchange(u->r, url, NULL, &rq, a, &landed, e);
	if (k < 0 || a->status / 100 != 2)
		return k < 0 ? k : 0;
	if (!last)
		return advance(u, landed, a, len, again, e);
	if (a->status == 202)
		return err_set(e, ERR_INVALID, "blob %s: %s does not end its upload: it answers 202 to the last part", u->blob->digest, name_of(u));
	return confirm_blob(u, a, e);
}

/* ---- all of it ---- */

/* A refusal that means that we do not agree on how far the upload is. */
static bool is_lost(struct upload *u, int k, const struct http_answer *a)
{
	return k == 0 && u->place && (a->status == 404 || a->status == 410 || a->status == 416) && u->lost++ < MAX_LOST;
}

/* The answer to the last part may have been lost, and not the part: then the blob is there, and the upload is not. */
static int find_blob(struct upload *u, struct err *e)
{
	char path[32 + DIGEST_LEN], what[16 + DIGEST_LEN];
	int k;

	(void)snprintf(path, sizeof(path), "blobs/%s", u->blob->digest);
	(void)snprintf(what, sizeof(what), "blob %s", u->blob->digest);
	k = look(u->r, path, what, NULL, u->blob->size, e);
	u->done = k == 1;
	return k < 0 ? k : 0;
}

static int send_blob(struct upload *u, struct err *e)
{
	struct retry again = { 0 };
	struct http_answer a = { 0 };
	char what[16 + DIGEST_LEN];

	(void)snprintf(what, sizeof(what), "blob %s", u->blob->digest);
	while (!u->done) {
		int k = u->place ? send_part(u, &a, &again, e) : begin(u, &a, e);

		if (k > 0)
			continue;
		if (!is_lost(u, k, &a) && !retry_again(u->r, &again, k, &a, e))
			return k < 0 ? k : refused(u->r, &a, what, u->blob->size, e);
		k = find_place(u, &again, e);
		if (k == 0 && !u->place && u->ended)
			k = find_blob(u, e);
		if (k < 0)
			return k;
	}
	return 0;
}

int upload_blob(struct registry *r, const struct upload_blob *b, upload_tell_fn tell, void *data, enum upload_outcome *out,
		const char **from, struct err *e)
{
	CLEANUP_UPLOAD struct upload u = { .r = r, .blob = b, .tell = tell, .data = data };
	int k = find_blob(&u, e);

	*out = UPLOAD_THERE;
	if (k < 0 || u.done)
		return k;
	k = send_blob(&u, e);
	*from = u.from;
	*out = u.from ? UPLOAD_MOUNTED : UPLOAD_SENT;
	return k;
}

int upload_manifest(struct registry *r, const struct upload_blob *manifest, const char *reference, const char *media_type, bool *subject,
		    struct err *e)
{
	struct upload u = { .r = r, .blob = manifest };
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "manifests/%s", reference), *accept = arena_printf(&arena, "Accept: %s", media_type);
	const char *const headers[] = { arena_printf(&arena, "Content-Type: %s", media_type), NULL };
	struct http_request rq = { .method = "PUT", .headers = headers, .source = read_blob, .source_len = manifest->size, .data = &u,
				   .patience = PATIENCE };
	struct retry again = { 0 };
	struct http_answer a = { 0 };
	int k;

	if (arena_error(&arena) < 0)
		return err_errno(e, -ENOMEM, "upload");
	do
		k = registry_exchange(r, NULL, path, &rq, &a, NULL, e);
	while ((k < 0 || a.status / 100 != 2) && retry_again(r, &again, k, &a, e));
	if (k < 0)
		return k;
	if (a.status / 100 != 2)
		return refused(r, &a, "manifest", manifest->size, e);
	*subject = a.subject != NULL;
	return confirm(r, &a, path, "manifest", accept, manifest, e);
}
