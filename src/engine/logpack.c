/* A reader meets files that are renamed and packed while it looks. That two of them are the same it cannot tell by
 * their inodes, for the packed one is another file: so the comment of its gzip header (RFC 1952) says which file it was
 * made of. */
#include "engine/logpack.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/io.h"

#define GZIP (MAX_WBITS + 16)
#define BLOCK 65536U
/* The fixed part of a gzip header; where nothing but a comment follows, that begins there. */
#define HEADER 10

static int id_of_file(int fd, struct logpack_id *out)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &sx) < 0)
		return -errno;
	*out = (struct logpack_id){.inode = sx.stx_ino};
	if (sx.stx_mask & STATX_BTIME)
		out->born = (int64_t)sx.stx_btime.tv_sec * 1000000000 + sx.stx_btime.tv_nsec;
	return 0;
}

int logpack_id(int fd, bool packed, struct logpack_id *out)
{
	unsigned long long inode;
	long long born;
	char text[64];
	ssize_t n;

	if (!packed)
		return id_of_file(fd, out);
	n = pread(fd, text, sizeof(text) - 1, HEADER);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (sscanf(text, "%llu %lld", &inode, &born) != 2)
		return id_of_file(fd, out); /* somebody else packed it */
	*out = (struct logpack_id){inode, born};
	return 0;
}

int logpack_open(const char *path, unsigned int n, bool *packed)
{
	char name[PATH_MAX];
	int len = n ? snprintf(name, sizeof(name), "%s.%u", path, n) : snprintf(name, sizeof(name), "%s", path);
	int fd;

	*packed = false;
	if (len < 0 || (size_t)len + sizeof(".gz") > sizeof(name))
		return -ENAMETOOLONG;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && n) {
		*packed = true;
		memcpy(name + len, ".gz", sizeof(".gz"));
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? -errno : fd;
}

/* All of in, from its beginning, through zlib's deflate or inflate. -EBADMSG: it is no whole stream of gzip's. */
static int pump(z_stream *z, int (*step)(z_stream *z, int flush), int in, int out)
{
	unsigned char from[BLOCK], to[BLOCK];
	off_t at = 0;
	int r = Z_OK;

	while (r != Z_STREAM_END) {
		ssize_t n = pread(in, from, sizeof(from), at);

		if (n < 0)
			return -errno;
		at += n;
		z->next_in = from;
		z->avail_in = (unsigned int)n;
		do {
			int w;

			z->next_out = to;
			z->avail_out = sizeof(to);
			r = step(z, n ? Z_NO_FLUSH : Z_FINISH);
			if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
				return -EBADMSG;
			w = io_write_full(out, to, sizeof(to) - z->avail_out);
			if (w < 0)
				return w;
		} while (z->avail_out == 0);
		if (n == 0 && r != Z_STREAM_END)
			return -EBADMSG;
	}
	return 0;
}

/* ---- packing ---- */

static int pack(int in, int out, const struct logpack_id *id)
{
	char comment[64];
	gz_header header = {.os = 255, .comment = (unsigned char *)comment};
	z_stream z = {0};
	int r;

	(void)snprintf(comment, sizeof(comment), "%llu %lld", (unsigned long long)id->inode, (long long)id->born);
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	r = deflateSetHeader(&z, &header) == Z_OK ? pump(&z, deflate, in, out) : -EINVAL;
	(void)deflateEnd(&z);
	return r;
}

/* Whole, or not at all. */
static int write_packed(int in, const char *path, const char *part, const char *packed)
{
	CLEANUP_FD int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct logpack_id id;
	int r = out < 0 ? -errno : id_of_file(in, &id);

	if (r == 0)
		r = pack(in, out, &id);
	if (r == 0 && (fsync(out) < 0 || rename(part, packed) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(part);
	else
		(void)unlink(path);
	return r;
}

int logpack_pack(int fd, const char *path, struct err *e)
{
	CLEANUP_FD int there = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char part[PATH_MAX], packed[PATH_MAX];
	struct logpack_id a, b;
	int r = there < 0 ? -errno : id_of_file(there, &a);

	if (r == 0)
		r = id_of_file(fd, &b);
	if (r == 0 && !logpack_same(&a, &b))
		return err_set(e, ERR_INVALID, "%s is another file by now", path);
	if (r == 0 && (snprintf(part, sizeof(part), "%s.gz.part", path) >= (int)sizeof(part) ||
		       snprintf(packed, sizeof(packed), "%s.gz", path) >= (int)sizeof(packed)))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = write_packed(fd, path, part, packed);
	return r < 0 ? err_errno(e, r, "pack %s", path) : 0;
}

/* ---- reading ---- */

static int open_room(const char *path)
{
	char dir[PATH_MAX], *slash;
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	fd = slash ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		fd = memfd_create("tare-log", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int logpack_unpack(int fd, const char *path)
{
	CLEANUP_FD int out = open_room(path);
	z_stream z = {0};
	int r;

	if (out < 0)
		return out;
	if (inflateInit2(&z, GZIP) != Z_OK)
		return -ENOMEM;
	r = pump(&z, inflate, fd, out);
	if (r == -ENOSPC || r == -EDQUOT) { /* memory has to do */
		close_fd(out);
		out = memfd_create("tare-log", MFD_CLOEXEC);
		r = out < 0 ? -errno : inflateReset(&z) == Z_OK ? pump(&z, inflate, fd, out) : -EINVAL;
	}
	(void)inflateEnd(&z);
	if (r == 0 && lseek(out, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&out);
}
