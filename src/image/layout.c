#include "image/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/config.h"
#include "image/manifest.h"
#include "image/mediatype.h"

#define INDEX "index.json"
#define REF_NAME "org.opencontainers.image.ref.name"
#define BLOCK (256U << 10)

void layout_close(struct layout *l)
{
	l->root = close_fd(l->root);
	l->blobs = close_fd(l->blobs);
}

static int read_small(const struct layout *l, const char *name, char **out, size_t *len, struct err *e)
{
	int r = io_read_file(l->root, name, image_json_limits.max_bytes, out, len);

	return r < 0 ? err_errno(e, r, "%s", name) : 0;
}

int layout_open(const char *path, struct layout *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	out->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->root < 0)
		return err_errno(e, -errno, "%s", path);
	out->blobs = openat(out->root, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = out->blobs < 0 ? err_errno(e, -errno, "blobs/sha256") : read_small(out, "oci-layout", &text, &len, e);
	if (r == 0)
		r = manifest_check_layout(&a, text, len, e);
	return r < 0 ? err_ctx(e, "%s", path) : 0;
}

int layout_make(const char *path, struct layout *out, struct err *e)
{
	int r = io_mkdirs(AT_FDCWD, path, 0755);

	if (r == 0) {
		out->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = out->root < 0 ? -errno : io_mkdirs(out->root, "blobs/sha256", 0755);
	}
	if (r == 0 && faccessat(out->root, "oci-layout", F_OK, 0) < 0) {
		if (faccessat(out->root, INDEX, F_OK, 0) == 0)
			return err_set(e, ERR_CONFLICT, "%s has an index.json and no oci-layout: it is no layout", path);
		r = io_replace_file(out->root, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), 0644, false);
	}
	if (r < 0)
		return err_errno(e, r, "%s", path);
	layout_close(out);
	return layout_open(path, out, e);
}

/* ---- reading ---- */

static const char *name_of(const struct json *entry)
{
	const struct json *v = json_get(json_get(entry, "annotations"), REF_NAME);

	return v && v->type == JSON_STRING ? v->str : NULL;
}

static int parse_index(const struct layout *l, struct arena *a, const struct json **list, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	size_t len;
	int r = read_small(l, INDEX, &text, &len, e);

	if (r == 0)
		r = json_parse(a, text, len, &image_json_limits, &doc, e);
	return r < 0 ? r : json_get_array(doc, INDEX, "manifests", list, e);
}

int layout_find(const struct layout *l, struct arena *a, const char *name, const char **digest, struct err *e)
{
	CLEANUP_STRBUF struct strbuf names = STRBUF_INIT;
	const struct json *list = NULL, *found = NULL;
	size_t n = 0;
	char shown[200];
	int r = parse_index(l, a, &list, e);

	json_each(it, list) {
		const char *own = name_of(it);

		if (own && names.len < 200)
			sb_printf(&names, "%s%s", names.len ? ", " : "", text_escape(own, shown, sizeof(shown)));
		if (name ? own && strcmp(own, name) == 0 : true) {
			found = it;
			n++;
		}
	}
	if (r < 0)
		return r;
	if (n != 1)
		return err_set(e, ERR_NOTFOUND, "it has %zu things %s%s%s%s", n, name ? "called " : "in it", name ? name : ": say which, :NAME",
			       names.len ? "; there are: " : "", sb_str(&names));
	r = json_get_str(found, INDEX, "digest", digest, e);
	return r < 0 ? r : *digest && digest_valid(*digest) ? 0 : err_set(e, ERR_INVALID, INDEX " names a digest that is none");
}

int layout_blob_open(const struct layout *l, const char *digest, struct err *e)
{
	int fd;

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "'%s' is no sha256 digest", digest);
	fd = openat(l->blobs, digest_hex(digest), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "blob %s", digest) : fd;
}

int layout_read(const struct layout *l, const char *digest, char **text, size_t *len, struct err *e)
{
	CLEANUP_FREE char *all = NULL;
	CLEANUP_FD int fd = -1;
	char is[DIGEST_LEN + 1];
	int r;

	if (!digest)
		return read_small(l, INDEX, text, len, e);
	fd = layout_blob_open(l, digest, e);
	if (fd < 0)
		return fd;
	r = io_read_fd(fd, CLOSURE_DOCUMENT_MAX, &all, len);
	if (r < 0)
		return err_errno(e, r, "read blob %s", digest);
	sha256_digest(all, *len, is);
	if (strcmp(is, digest) != 0)
		return err_set(e, ERR_INVALID, "blob %s has the digest %s: it is damaged", digest, is);
	*text = take_ptr(all);
	return 0;
}

/* ---- writing ---- */

/* From the beginning of from, to a file where that is not -1. */
static int copy_and_check(int from, int to, const struct closure_part *part, struct err *e)
{
	CLEANUP_FREE char *block = malloc(BLOCK);
	struct sha256 sum;
	unsigned char raw[32];
	uint64_t at = 0;
	char hex[65];
	ssize_t n = 1;

	if (!block)
		return err_errno(e, -ENOMEM, "copy");
	sha256_init(&sum);
	while (n > 0) {
		do
			n = pread(from, block, BLOCK, (off_t)at);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_errno(e, -errno, "read blob %s", part->digest);
		sha256_add(&sum, block, (size_t)n);
		at += (uint64_t)n;
		if (to >= 0) {
			int r = io_write_full(to, block, (size_t)n);

			if (r < 0)
				return err_errno(e, r, "write blob %s", part->digest);
		}
	}
	sha256_end(&sum, raw);
	sha256_hex(raw, hex);
	if (at != part->size)
		return err_set(e, ERR_INVALID, "blob %s has %llu bytes, what names it says %llu", part->digest, (unsigned long long)at,
			       (unsigned long long)part->size);
	if (strcmp(hex, digest_hex(part->digest)) != 0)
		return err_set(e, ERR_INVALID, "blob %s has the digest sha256:%s: it is damaged", part->digest, hex);
	return 0;
}

int layout_check(int fd, const struct closure_part *part, struct err *e)
{
	return copy_and_check(fd, -1, part, e);
}

/* What is there already is what its name says. */
static bool has_blob(const struct layout *l, const struct closure_part *part)
{
	struct err ignored;
	CLEANUP_FD int fd = layout_blob_open(l, part->digest, &ignored);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == part->size && layout_check(fd, part, &ignored) == 0;
}

int layout_put(const struct layout *l, const struct closure_part *part, int fd, struct err *e)
{
	const char *hex = digest_hex(part->digest);
	CLEANUP_FD int file = -1;
	char tmp[17 + 4], random[17];
	int r;

	if (has_blob(l, part))
		return 0;
	r = text_random_hex(8, random);
	if (r < 0)
		return err_errno(e, r, "random name");
	(void)snprintf(tmp, sizeof(tmp), ".%s", random);
	file = openat(l->blobs, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0)
		return err_errno(e, -errno, "write blob %s", part->digest);
	r = copy_and_check(fd, file, part, e);
	if (r == 0 && renameat(l->blobs, tmp, l->blobs, hex) < 0)
		r = err_errno(e, -errno, "write blob %s", part->digest);
	if (r < 0)
		(void)unlinkat(l->blobs, tmp, 0);
	return r;
}

static void begin_index(struct json_writer *w)
{
	jw_object(w, NULL);
	jw_u64(w, "schemaVersion", 2);
	jw_str(w, "mediaType", MEDIATYPE_INDEX);
	jw_array(w, "manifests");
}

static void write_entry(struct json_writer *w, const struct closure_part *top, const char *name)
{
	jw_object(w, NULL);
	jw_str(w, "mediaType", top->type);
	jw_str(w, "digest", top->digest);
	jw_u64(w, "size", top->size);
	if (name) {
		jw_object(w, "annotations");
		jw_str(w, REF_NAME, name);
		jw_end_object(w);
	}
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

void layout_index(const struct closure_part *top, const char *name, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	begin_index(&w);
	write_entry(&w, top, name);
}

int layout_only(const struct layout *l, const struct closure_part *top, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r;

	layout_index(top, NULL, &text);
	r = sb_error(&text);
	if (r == 0)
		r = io_replace_file(l->root, INDEX, text.s, text.len, 0644, false);
	return r < 0 ? err_errno(e, r, "write " INDEX) : 0;
}

/* Whether an entry gives way: it has the name, or is the same and has none. */
static bool gives_way(const struct json *entry, const struct closure_part *top, const char *name)
{
	const struct json *digest = json_get(entry, "digest");
	const char *own = name_of(entry);

	if (own)
		return name && strcmp(own, name) == 0;
	return digest && digest->type == JSON_STRING && strcmp(digest->str, top->digest) == 0;
}

int layout_name(const struct layout *l, const struct closure_part *top, const char *name, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const struct json *list = NULL;
	int r = faccessat(l->root, INDEX, F_OK, 0) == 0 ? parse_index(l, &a, &list, e) : 0;

	if (r < 0)
		return r;
	begin_index(&w);
	json_each(it, list)
		if (!gives_way(it, top, name))
			jw_value(&w, NULL, it);
	write_entry(&w, top, name);
	r = sb_error(&text);
	if (r == 0)
		r = io_replace_file(l->root, INDEX, text.s, text.len, 0644, false);
	return r < 0 ? err_errno(e, r, "write " INDEX) : 0;
}
