#include "image/tarball.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>

#include "base/io.h"

#define BLOCK 512U
#define STEP (UINT64_C(1) << 30)
#define BUFFER (UINT64_C(256) << 10)

/* POSIX.1-2017, pax, "ustar Interchange Format" */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2], uname[32], gname[32],
		devmajor[8], devminor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

static void put_size(char field[12], uint64_t size)
{
	if (size >> 33 == 0) {
		char text[24];

		(void)snprintf(text, sizeof(text), "%011llo", (unsigned long long)size);
		memcpy(field, text, 12);
		return;
	}
	field[0] = (char)0x80;
	for (size_t i = 11; i > 3; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

static int write_out(int out, const void *data, size_t len, struct err *e)
{
	int r = io_write_full(out, data, len);

	return r < 0 ? err_errno(e, r, "write the archive") : 0;
}

static int put_header(int out, const char *name, uint64_t size, struct err *e)
{
	struct header h = { .mode = "0000444", .uid = "0000000", .gid = "0000000", .mtime = "00000000000", .type = '0', .version = { '0', '0' },
			    .devmajor = "0000000", .devminor = "0000000" };
	unsigned int sum = 0;
	char text[16];

	if (strlen(name) > TARBALL_NAME_MAX)
		return err_set(e, ERR_INTERNAL, "%s: too long a name for the archive", name);
	memcpy(h.name, name, strlen(name));
	memcpy(h.magic, "ustar", 6);
	put_size(h.size, size);
	memset(h.sum, ' ', sizeof(h.sum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	(void)snprintf(text, sizeof(text), "%06o", sum);
	memcpy(h.sum, text, 7); /* six digits, NUL, blank */
	return write_out(out, &h, sizeof(h), e);
}

static int pad(int out, uint64_t size, struct err *e)
{
	static const char zeros[BLOCK];

	return size % BLOCK ? write_out(out, zeros, BLOCK - size % BLOCK, e) : 0;
}

int tarball_text(int out, const char *name, const void *data, size_t len, struct err *e)
{
	int r = put_header(out, name, len, e);

	if (r == 0)
		r = write_out(out, data, len, e);
	return r < 0 ? r : pad(out, len, e);
}

static ssize_t by_buffer(int out, int fd, off_t *at, size_t len)
{
	size_t n = len < BUFFER ? len : BUFFER;
	CLEANUP_FREE char *buf = malloc(n);
	ssize_t got;
	int r;

	if (!buf)
		return -ENOMEM;
	got = pread(fd, buf, n, *at);
	if (got <= 0)
		return got < 0 ? -errno : 0;
	r = io_write_full(out, buf, (size_t)got);
	*at += got;
	return r < 0 ? r : got;
}

/* Which way works depends on both files; the first that does is kept for the rest of this one. */
enum way { BY_RANGE, BY_SENDFILE, BY_BUFFER };

static ssize_t copy_some(int out, int fd, off_t *at, size_t len, enum way *way)
{
	ssize_t n;

	if (*way == BY_BUFFER)
		return by_buffer(out, fd, at, len);
	n = *way == BY_RANGE ? copy_file_range(fd, at, out, NULL, len, 0) : sendfile(out, fd, at, len);
	if (n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EPIPE || errno == EFBIG)))
		return n > 0 ? n : -errno;
	if (n < 0 && errno == EINTR)
		return -EINTR;
	*way = *way == BY_RANGE ? BY_SENDFILE : BY_BUFFER; /* also when it says 0: some file systems do, at no end */
	return -EINTR;
}

int tarball_copy(int out, const char *name, int fd, uint64_t size, struct err *e)
{
	enum way way = BY_RANGE;
	uint64_t left = size;
	off_t at = 0;
	int r = put_header(out, name, size, e);

	while (r == 0 && left > 0) {
		ssize_t n = copy_some(out, fd, &at, left < STEP ? left : STEP, &way);

		if (n == -EINTR)
			continue;
		if (n == 0)
			return err_set(e, ERR_INVALID, "%s ends %llu bytes too early", name, (unsigned long long)left);
		if (n < 0)
			return err_errno(e, (int)n, "write the archive");
		left -= (uint64_t)n;
	}
	return r < 0 ? r : pad(out, size, e);
}

int tarball_end(int out, struct err *e)
{
	static const char zeros[2 * BLOCK];

	return write_out(out, zeros, sizeof(zeros), e);
}
