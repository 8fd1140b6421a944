/* ISA-L in one thread, at one level, fed in blocks of one size whatever the caller's are: what it makes of the same bytes
 * is then the same each time. The header has no time and no name.
 *
 * Its state lies at one address in every process, whatever the kernel's choice would be. For the third position of a stream ISA-L (2.30,
 * levels 1 and 2, isal_deflate_icf_body_hash_hist on x86-64) takes bits 16 to 47 of that address for the bytes to be hashed; so in one process
 * of some thousands another position of the file would be found by that hash, and the file packed otherwise. */
#include "image/worker/deflate.h"

#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"

#define LEVEL 1 /* 3 gives other bytes on processors that have AVX-512 (ISA-L 2.30); 1 and 2 do not */
#define LEVEL_BUFFER ISAL_DEF_LVL1_LARGE
#define BLOCK (1U << 18)
#define PLACE ((void *)(uintptr_t)0x200000000000) /* far from where programs, their heaps and libraries are put */

struct deflate {
	struct isal_zstream *stream; /* at PLACE */
	struct hash *plain, *packed;
	int fd;
	bool as_it_is;
	size_t have;   /* in block */
	uint64_t size; /* of the packed bytes */
	unsigned char block[BLOCK], out[BLOCK];
	unsigned char level[LEVEL_BUFFER];
};

static int map_stream(struct deflate *d, struct err *e)
{
	void *at = mmap(PLACE, sizeof(*d->stream), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at == MAP_FAILED)
		return err_errno(e, -errno, "the place of what packs");
	d->stream = at;
	isal_deflate_init(d->stream);
	d->stream->gzip_flag = IGZIP_GZIP;
	d->stream->level = LEVEL;
	d->stream->level_buf = d->level;
	d->stream->level_buf_size = sizeof(d->level);
	return 0;
}

int deflate_new(int fd, bool plain, struct deflate **out, struct err *e)
{
	CLEANUP_DEFLATE struct deflate *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_errno(e, -ENOMEM, "buffers");
	r = hash_new(&d->plain, e);
	if (r == 0)
		r = hash_new(&d->packed, e);
	if (r == 0 && !plain)
		r = map_stream(d, e);
	if (r < 0)
		return r;
	d->fd = fd;
	d->as_it_is = plain;
	*out = take_ptr(d);
	return 0;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	hash_free(d->plain);
	hash_free(d->packed);
	if (d->stream)
		(void)munmap(d->stream, sizeof(*d->stream));
	free(d);
}

static int put(struct deflate *d, const void *data, size_t n, struct err *e)
{
	int r = io_write_full(d->fd, data, n);

	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "the %s file system is full", d->as_it_is ? "archive's" : "store's");
	if (r < 0)
		return err_errno(e, r, "write the %s", d->as_it_is ? "archive" : "blob");
	hash_add(d->packed, data, n);
	d->size += n;
	return 0;
}

/* Everything in the block; the last one ends the stream. */
static int pack(struct deflate *d, bool last, struct err *e)
{
	size_t n = d->have;

	hash_add(d->plain, d->block, n);
	if (d->as_it_is) {
		d->have = 0;
		return put(d, d->block, n, e);
	}
	d->stream->next_in = d->block;
	d->stream->avail_in = (uint32_t)d->have;
	d->stream->end_of_stream = last;
	d->stream->flush = NO_FLUSH;
	do {
		int r;

		d->stream->next_out = d->out;
		d->stream->avail_out = sizeof(d->out);
		if (isal_deflate(d->stream) != COMP_OK)
			return err_set(e, ERR_INTERNAL, "ISA-L could not compress");
		r = put(d, d->out, sizeof(d->out) - d->stream->avail_out, e);
		if (r < 0)
			return r;
	} while (d->stream->avail_out == 0 || (last && d->stream->internal_state.state != ZSTATE_END));
	d->have = 0;
	return 0;
}

int deflate_add(struct deflate *d, const void *data, size_t len, struct err *e)
{
	const unsigned char *p = data;

	while (len > 0) {
		size_t n = len < BLOCK - d->have ? len : BLOCK - d->have;
		int r = 0;

		memcpy(d->block + d->have, p, n);
		d->have += n;
		p += n;
		len -= n;
		if (d->have == BLOCK)
			r = pack(d, false, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int deflate_end(struct deflate *d, char plain[DIGEST_LEN + 1], char packed[DIGEST_LEN + 1], uint64_t *size, struct err *e)
{
	int r = pack(d, true, e);

	if (r == 0)
		r = hash_end(d->plain, plain, e);
	if (r == 0)
		r = hash_end(d->packed, packed, e);
	*size = d->size;
	return r;
}
