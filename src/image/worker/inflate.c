/* One input buffer, one decoder, pulled by the reader.
 *
 * A stream that ends early must never look like one that ended: the end is reported only at the end of a member or
 * frame, and only after the input's own end. Decoders bound their memory: ISA-L's state is fixed, zstd's window is
 * limited to its format's usual maximum (128 MiB, what `zstd --ultra -22` makes; usual layers need 8 MiB or less). */
#include "image/worker/inflate.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>

#define INPUT_SIZE (128U << 10)
#define ZSTD_WINDOW_LOG 27

struct inflate {
	inflate_input input;
	void *ctx;
	enum packing packing;
	bool at_end;    /* all of it was given */
	bool in_member; /* inside a zstd frame */
	struct inflate_state gzip;
	ZSTD_DCtx *zstd;
	size_t pos, len; /* unread bytes of in */
	unsigned char in[INPUT_SIZE];
};

static const struct {
	const char *name, *magic;
	size_t len;
	int packing; /* enum packing, or -1: not supported */
} magics[] = {
	{ "gzip", "\x1f\x8b", 2, PACKING_GZIP },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, PACKING_ZSTD },
	{ "xz", "\xfd" "7zXZ", 6, -1 }, /* with its NUL */
	{ "bzip2", "BZh", 3, -1 },
	{ "lz4", "\x04\x22\x4d\x18", 4, -1 },
};

static int refill(struct inflate *f, struct err *e)
{
	ssize_t n;

	if (f->pos < f->len)
		return 1;
	n = f->input(f->ctx, f->in, sizeof(f->in), e);
	if (n < 0)
		return (int)n;
	f->pos = 0;
	f->len = (size_t)n;
	return n > 0;
}

static int detect(struct inflate *f, struct err *e)
{
	f->packing = PACKING_NONE;
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		if (f->len < magics[i].len || memcmp(f->in, magics[i].magic, magics[i].len) != 0)
			continue;
		if (magics[i].packing < 0)
			return err_set(e, ERR_UNSUPPORTED, "it is packed with %s; tare reads gzip and zstd", magics[i].name);
		f->packing = (enum packing)magics[i].packing;
		break;
	}
	if (f->packing == PACKING_GZIP) {
		isal_inflate_init(&f->gzip);
		f->gzip.crc_flag = ISAL_GZIP;
	} else if (f->packing == PACKING_ZSTD) {
		f->zstd = ZSTD_createDCtx();
		if (!f->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
			return err_errno(e, -ENOMEM, "zstd");
	}
	return 0;
}

int inflate_new(inflate_input input, void *ctx, struct inflate **out, struct err *e)
{
	CLEANUP_INFLATE struct inflate *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_errno(e, -ENOMEM, "inflate");
	f->input = input;
	f->ctx = ctx;
	r = refill(f, e);
	if (r >= 0)
		r = detect(f, e);
	if (r < 0)
		return r;
	*out = take_ptr(f);
	return 0;
}

void inflate_free(struct inflate *f)
{
	if (!f)
		return;
	ZSTD_freeDCtx(f->zstd);
	free(f);
}

enum packing inflate_packing(const struct inflate *f)
{
	return f->packing;
}

static int truncated(struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "it is truncated: its %s data ends in the middle", what);
}

/* Behind the last member only zeros may follow (tapes and block devices pad with them). 1 when a member follows. */
static int gzip_next_member(struct inflate *f, struct err *e)
{
	int r = refill(f, e);

	if (r > 0 && f->in[f->pos] == 0x1f) {
		isal_inflate_reset(&f->gzip);
		f->gzip.crc_flag = ISAL_GZIP;
		return 1;
	}
	for (; r > 0; r = refill(f, e))
		for (; f->pos < f->len; f->pos++)
			if (f->in[f->pos])
				return err_set(e, ERR_INVALID, "something that is not gzip follows its gzip data");
	return r;
}

static ssize_t gzip_read(struct inflate *f, unsigned char *buf, size_t len, struct err *e)
{
	struct inflate_state *z = &f->gzip;

	z->next_out = buf;
	z->avail_out = (uint32_t)len;
	while (z->avail_out > 0) {
		int more = refill(f, e), r;
		uint32_t before = z->avail_out;

		if (more < 0)
			return more;
		z->next_in = f->in + f->pos;
		z->avail_in = (uint32_t)(f->len - f->pos);
		r = isal_inflate(z);
		f->pos = f->len - z->avail_in;
		if (r < 0)
			return err_set(e, ERR_INVALID, "its gzip data is damaged (%s)",
				       r == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "no valid stream");
		if (z->block_state == ISAL_BLOCK_FINISH) {
			r = gzip_next_member(f, e);
			if (r < 0)
				return r;
			f->at_end = r == 0;
			if (f->at_end)
				break;
		} else if (!more && z->avail_out == before) { /* no input left, and nothing held back either */
			return truncated(e, "gzip");
		}
	}
	return (ssize_t)(len - z->avail_out);
}

static ssize_t zstd_read(struct inflate *f, unsigned char *buf, size_t len, struct err *e)
{
	ZSTD_outBuffer out = { buf, len, 0 };

	while (out.pos < out.size) {
		int more = refill(f, e);
		ZSTD_inBuffer in = { f->in, f->len, f->pos };
		size_t before = out.pos, r;

		if (more < 0)
			return more;
		f->at_end = !more && !f->in_member;
		if (f->at_end)
			break;
		r = ZSTD_decompressStream(f->zstd, &out, &in);
		f->pos = in.pos;
		if (ZSTD_isError(r))
			return err_set(e, ERR_INVALID, "its zstd data is damaged (%s)", ZSTD_getErrorName(r));
		f->in_member = r != 0;
		if (!more && f->in_member && out.pos == before)
			return truncated(e, "zstd");
	}
	return (ssize_t)out.pos;
}

static ssize_t plain_read(struct inflate *f, unsigned char *buf, size_t len, struct err *e)
{
	size_t done = f->len - f->pos < len ? f->len - f->pos : len;
	ssize_t n;

	memcpy(buf, f->in + f->pos, done); /* what detect() looked at */
	f->pos += done;
	if (done == len)
		return (ssize_t)done;
	n = f->input(f->ctx, buf + done, len - done, e);
	if (n < 0)
		return n;
	f->at_end = done + (size_t)n < len;
	return (ssize_t)done + n;
}

ssize_t inflate_read(struct inflate *f, void *buf, size_t len, struct err *e)
{
	if (f->at_end)
		return 0;
	if (f->packing == PACKING_GZIP)
		return gzip_read(f, buf, len, e);
	if (f->packing == PACKING_ZSTD)
		return zstd_read(f, buf, len, e);
	return plain_read(f, buf, len, e);
}
