#include "build/tarball.h"

#include <string.h>

#include "image/unpack.h"

enum tarball_kind tarball_kind(const void *head, size_t n)
{
	const unsigned char *p = head;

	if (n > 262 && memcmp(p + 257, "ustar", 5) == 0)
		return TARBALL_PLAIN;
	if ((n > 2 && p[0] == 0x1f && p[1] == 0x8b) || (n > 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0))
		return TARBALL_PACKED;
	if ((n > 3 && memcmp(p, "BZh", 3) == 0) || (n > 6 && memcmp(p, "\xfd" "7zXZ", 6) == 0)) /* with its NUL */
		return TARBALL_PACKED;
	return TARBALL_NONE;
}

static int open_either(const struct store *s, const char *worker, const struct image_limits *limits, int fd, const char *name, bool files,
		       struct tarball *out, struct err *e)
{
	const struct image_load_args args = { .worker = worker, .input = fd, .name = name, .limits = *limits };
	int r = store_ingest_begin(s, &out->ingest, e);

	if (r == 0) {
		out->root = unpack_tree(&out->ingest, &args, files, e);
		r = out->root < 0 ? err_ctx(e, "%s", name) : 0;
	}
	if (r < 0)
		tarball_close(out);
	return r;
}

int tarball_open(const struct store *s, const char *worker, const struct image_limits *limits, int fd, const char *name, struct tarball *out,
		 struct err *e)
{
	return open_either(s, worker, limits, fd, name, false, out, e);
}

int tarball_open_files(const struct store *s, const char *worker, int fd, const char *name, struct tarball *out, struct err *e)
{
	struct image_limits limits;

	image_limits_default(&limits);
	limits.unpacked_bytes = limits.file_bytes = limits.entries = limits.devices = limits.ratio = limits.density = UINT64_MAX;
	return open_either(s, worker, &limits, fd, name, true, out, e);
}

void tarball_close(struct tarball *t)
{
	t->root = close_fd(t->root);
	store_ingest_end(&t->ingest);
}
