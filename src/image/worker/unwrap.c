/* libarchive pulls packed blocks by a callback, and gives what is in them as the one member of a "raw" archive. The block that told what
 * it is goes to it first. */
#include "image/worker/unwrap.h"

#include <archive.h>
#include <string.h>

#include "base/text.h"

#define BLOCK (128U << 10)

struct unwrap {
	inflate_input input;
	void *ctx;
	struct archive *packed; /* NULL: it comes out as it is */
	uint64_t taken;
	size_t pos, len; /* of block: not given on yet */
	struct err e;    /* of a callback */
	unsigned char block[BLOCK];
};

static ssize_t take_block(struct unwrap *u, struct err *e)
{
	ssize_t n = u->input(u->ctx, u->block, sizeof(u->block), e);

	u->pos = 0;
	u->len = n > 0 ? (size_t)n : 0;
	u->taken += u->len;
	return n;
}

static la_ssize_t give_block(struct archive *a, void *ctx, const void **data)
{
	struct unwrap *u = ctx;
	size_t n;

	if (u->pos == u->len && take_block(u, &u->e) < 0) {
		archive_set_error(a, EIO, "%s", u->e.msg);
		return ARCHIVE_FATAL;
	}
	*data = u->block + u->pos;
	n = u->len - u->pos;
	u->pos = u->len;
	return (la_ssize_t)n;
}

static int damaged(struct unwrap *u, struct err *e)
{
	const char *text = archive_error_string(u->packed);
	char shown[200];

	if (u->e.code < 0) {
		*e = u->e;
		return e->code;
	}
	return err_set(e, ERR_INVALID, "its packed data is damaged or truncated (%s)", text_escape(text ? text : "no valid stream", shown, sizeof(shown)));
}

static int open_packed(struct unwrap *u, bool xz, struct err *e)
{
	struct archive_entry *member;

	u->packed = archive_read_new();
	if (!u->packed)
		return err_errno(e, -ENOMEM, "unpack it");
	if ((xz ? archive_read_support_filter_xz(u->packed) : archive_read_support_filter_bzip2(u->packed)) != ARCHIVE_OK)
		return err_set(e, ERR_UNSUPPORTED, "this libarchive cannot read %s", xz ? "xz" : "bzip2");
	(void)archive_read_support_format_raw(u->packed);
	if (archive_read_open(u->packed, u, NULL, give_block, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(u->packed, &member) != ARCHIVE_OK)
		return damaged(u, e);
	return 0;
}

int unwrap_new(inflate_input input, void *ctx, struct unwrap **out, struct err *e)
{
	struct unwrap *u = calloc(1, sizeof(*u));
	bool xz, bzip2;
	int r;

	if (!u)
		return err_errno(e, -ENOMEM, "unpack it");
	u->input = input;
	u->ctx = ctx;
	r = (int)take_block(u, e);
	xz = r > 6 && memcmp(u->block, "\xfd" "7zXZ", 6) == 0; /* with its NUL */
	bzip2 = r > 3 && memcmp(u->block, "BZh", 3) == 0;
	if (r >= 0)
		r = xz || bzip2 ? open_packed(u, xz, e) : 0;
	if (r < 0)
		unwrap_free(u);
	else
		*out = u;
	return r;
}

void unwrap_free(struct unwrap *u)
{
	if (!u)
		return;
	(void)archive_read_free(u->packed);
	free(u);
}

uint64_t unwrap_taken(const struct unwrap *u)
{
	return u->taken;
}

static ssize_t read_packed(struct unwrap *u, unsigned char *buf, size_t len, struct err *e)
{
	size_t done = 0;

	while (done < len) {
		la_ssize_t n = archive_read_data(u->packed, buf + done, len - done);

		if (n < 0)
			return damaged(u, e);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t unwrap_read(struct unwrap *u, void *buf, size_t len, struct err *e)
{
	unsigned char *to = buf;
	size_t done;
	ssize_t n;

	if (u->packed)
		return read_packed(u, to, len, e);
	done = u->len - u->pos < len ? u->len - u->pos : len;
	memcpy(to, u->block + u->pos, done);
	u->pos += done;
	if (done == len)
		return (ssize_t)done;
	n = u->input(u->ctx, to + done, len - done, e);
	if (n < 0)
		return n;
	u->taken += (uint64_t)n;
	return (ssize_t)done + n;
}
