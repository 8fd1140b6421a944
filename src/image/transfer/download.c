#include "image/transfer/download.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "image/digest.h"
#include "image/transfer/registry.h"

struct download {
	const char *digest;
	uint64_t size, have; /* bytes of it that are in the file */
	int file;
	bool begun; /* the answer that comes has been looked at */
	struct retry again;
};

/* A part begins where we are; all of it begins anew. */
static int place(struct download *d, const struct http_answer *a, struct err *e)
{
	uint64_t first = 0, last, size;

	d->begun = true;
	if (a->status == 206 && (!a->content_range || sscanf(a->content_range, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, &first, &last, &size) != 3 ||
				 first != d->have))
		return err_set(e, ERR_INVALID, "blob %s: another part of it came than was asked for", d->digest);
	if (a->status != 206)
		d->have = 0;
	return lseek(d->file, (off_t)d->have, SEEK_SET) < 0 ? err_errno(e, -errno, "write blob %s", d->digest) : 0;
}

static int keep(void *data, const struct http_answer *a, const void *bytes, size_t len, struct err *e)
{
	struct download *d = data;
	int r = d->begun ? 0 : place(d, a, e);

	if (r < 0)
		return r;
	if (len > d->size - d->have)
		return err_set(e, ERR_INVALID, "blob %s: more than the %llu bytes come that its manifest says", d->digest, (unsigned long long)d->size);
	r = io_write_full(d->file, bytes, len);
	if (r < 0)
		return err_errno(e, r, "write blob %s", d->digest);
	d->have += len;
	d->again.failures = 0;
	return 0;
}

static int fetch(struct session *s, struct download *d, size_t endpoint, struct err *e)
{
	CLEANUP_REGISTRY struct registry reg = { 0 };
	char range[64], path[16 + DIGEST_LEN], what[16 + DIGEST_LEN];
	const char *headers[] = { NULL, NULL };
	struct http_request rq = { .method = "GET", .headers = headers, .sink = keep, .data = d };
	struct http_answer a = { 0 };
	int r = registry_open(s, &s->endpoints[endpoint], SCOPE_PULL, &reg, e);

	(void)snprintf(path, sizeof(path), "blobs/%s", d->digest);
	(void)snprintf(what, sizeof(what), "blob %s", d->digest);
	while (r == 0) {
		(void)snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-", d->have);
		headers[0] = d->have ? range : NULL;
		d->begun = false;
		r = registry_exchange(&reg, NULL, path, &rq, &a, NULL, e);
		if (r == 0 && a.status / 100 == 2 && d->have == d->size)
			return 0;
		if (r == 0 && a.status / 100 == 2)
			return err_set(e, ERR_INVALID, "%s: only %llu bytes come, its manifest says %llu", what, (unsigned long long)d->have,
				       (unsigned long long)d->size);
		if (!retry_again(&reg, &d->again, r, &a, e))
			return r < 0 ? r : registry_complaint(&reg, &a, what, e);
		r = 0;
	}
	return r;
}

int download_run(struct session *s, const struct json *rq, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct download d = { 0 };
	uint64_t endpoint = UINT64_MAX, file = UINT64_MAX;
	int r = json_get_str(rq, "request", "digest", &d.digest, e);

	if (r == 0)
		r = json_get_u64(rq, "request", "size", &d.size, e);
	if (r == 0)
		r = json_get_u64(rq, "request", "endpoint", &endpoint, e);
	if (r == 0)
		r = json_get_u64(rq, "request", "file", &file, e);
	if (r == 0 && (!d.digest || !digest_valid(d.digest) || endpoint >= s->n || file > INT32_MAX / 2))
		r = err_set(e, ERR_INTERNAL, "the request is damaged: download");
	d.file = TRANSFER_FILES_FD + (int)file;
	if (r == 0)
		r = fetch(s, &d, (size_t)endpoint, e);
	sb_puts(&line, "{\"type\":\"downloaded\"}");
	return r < 0 ? r : session_say(s, &line, NULL, 0, e);
}
