/* The bytes come through the control socket, not by a handle of the file: whoever speaks with the network then has nothing that it could
 * write to, and how much there may be is counted on this side, too. */
#include "image/fetch.h"

#include <string.h>

#include "base/io.h"
#include "base/sha256.h"
#include "image/registry.h"

struct taking {
	const struct fetch_args *args;
	struct sha256 sum;
	uint64_t size;
};

static int take(void *data, const void *bytes, size_t len, struct err *e)
{
	struct taking *t = data;
	int r;

	if (len > t->args->max - t->size)
		return err_set(e, ERR_LIMIT, "%s: it has more than %llu bytes", t->args->url, (unsigned long long)t->args->max);
	t->size += len;
	sha256_add(&t->sum, bytes, len);
	r = io_write_full(t->args->fd, bytes, len);
	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "%s: the store's file system is full", t->args->url);
	return r < 0 ? err_errno(e, r, "%s: write it", t->args->url) : 0;
}

static int start_over(struct taking *t, struct err *e)
{
	bool any = t->size > 0;

	t->size = 0;
	sha256_init(&t->sum);
	if (any && lseek(t->args->fd, 0, SEEK_CUR) < 0)
		return err_set(e, ERR_UNAVAILABLE, "%s: the connection was cut", t->args->url);
	if (any && (ftruncate(t->args->fd, 0) < 0 || lseek(t->args->fd, 0, SEEK_SET) < 0))
		return err_errno(e, -errno, "%s: begin anew", t->args->url);
	return 0;
}

static int ask(struct registry_client *c, const struct fetch_args *args, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);

	jw_object(&w, NULL);
	jw_str(&w, "do", "fetch");
	jw_str(&w, "url", args->url);
	if (args->etag)
		jw_str(&w, "etag", args->etag);
	jw_u64(&w, "max", args->max);
	jw_end_object(&w);
	return registry_ask(c, &line, e);
}

static int finish(struct taking *t, const struct json *msg, struct fetched *out, struct err *e)
{
	static const char prefix[] = "sha256:";
	uint64_t modified = UINT64_MAX;
	unsigned char sum[32];
	int r = json_get_str(msg, "answer", "etag", &out->etag, e);

	if (r == 0)
		r = json_get_str(msg, "answer", "mediaType", &out->media_type, e);
	if (r == 0)
		r = json_get_u64(msg, "answer", "modified", &modified, e);
	if (r < 0)
		return r;
	out->modified = modified > INT64_MAX / 1000000000 ? -1 : (int64_t)modified;
	out->size = t->size;
	sha256_end(&t->sum, sum);
	memcpy(out->digest, prefix, sizeof(prefix));
	sha256_hex(sum, out->digest + sizeof(prefix) - 1);
	return 0;
}

/* One message. 1: there will be more. */
static int hear(struct registry_client *c, struct taking *t, struct arena *a, struct fetched *out, struct err *e)
{
	const struct json *msg;
	const char *type = "";
	uint64_t size = 0;
	int r = registry_answer(c, a, NULL, &msg, e);

	if (r == 0)
		r = json_get_str(msg, "answer", "type", &type, e);
	if (r < 0)
		return r;
	if (strcmp(type, "unchanged") == 0 && t->args->etag) {
		out->unchanged = true;
		return 0;
	}
	if (strcmp(type, "fetched") == 0)
		return finish(t, msg, out, e);
	if (strcmp(type, "again") == 0) {
		r = start_over(t, e);
		return r < 0 ? r : 1;
	}
	r = strcmp(type, "data") == 0 ? json_get_u64(msg, "answer", "size", &size, e) :
					err_set(e, ERR_INTERNAL, "tare-transfer's answer is damaged: unknown message");
	if (r == 0)
		r = registry_body(c, size, take, t, e);
	return r < 0 ? r : 1;
}

int fetch_url(const struct fetch_args *args, struct arena *a, struct fetched *out, struct err *e)
{
	const struct transfer_endpoint server = { .name = args->base, .base = args->base, .repository = "-", .proxy = args->proxy,
						  .socket = args->socket, .patience = args->patience, .anonymous = true };
	CLEANUP_REGISTRY_CLIENT struct registry_client c = REGISTRY_CLIENT_INIT;
	struct taking t = { .args = args };
	int r = registry_start(args->program, &server, 1, NULL, 0, &c, e);

	*out = (struct fetched){ .modified = -1 };
	if (r == 0)
		r = start_over(&t, e);
	if (r == 0)
		r = ask(&c, args, e);
	while (r >= 0) {
		CLEANUP_ARENA struct arena of_message = ARENA_INIT;

		r = hear(&c, &t, &of_message, out, e);
		if (r > 0)
			continue;
		/* what is kept outlives the message */
		out->etag = r == 0 && out->etag ? arena_strdup(a, out->etag) : NULL;
		out->media_type = r == 0 && out->media_type ? arena_strdup(a, out->media_type) : NULL;
		return r < 0 ? r : arena_error(a) < 0 ? err_errno(e, -ENOMEM, "fetch") : 0;
	}
	return r;
}
