#include "image/partial.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/text.h"

#define MAP_NAME_LEN (64 + sizeof(".map"))

static size_t map_len(const struct partial *p)
{
	return (size_t)((p->size + PARTIAL_GRANULE - 1) / PARTIAL_GRANULE);
}

static void map_name(const char *digest, char out[MAP_NAME_LEN])
{
	(void)snprintf(out, MAP_NAME_LEN, "%s.map", digest_hex(digest));
}

static int disk(struct err *e, const char *digest)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return err_set(e, ERR_NOSPACE, "the store's file system is full");
	return err_errno(e, -errno, "partial blob %s", digest);
}

/* The file that is locked is the one that has the name: another may have taken it meanwhile. */
static bool is_current(int dir, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int open_locked(int dir, const char *digest, bool wait, struct err *e)
{
	for (;;) {
		CLEANUP_FD int fd = openat(dir, digest_hex(digest), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return disk(e, digest);
		while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
			if (errno == EWOULDBLOCK)
				return err_set(e, ERR_BUSY, "blob %s: another pull fetches it", digest);
			if (errno != EINTR)
				return disk(e, digest);
		}
		if (is_current(dir, digest_hex(digest), fd))
			return take_fd(&fd);
	}
}

/* A map that does not fit the size is none. */
static int fit(struct partial *p, struct err *e)
{
	struct stat file, map;

	if (fstat(p->file, &file) < 0 || fstat(p->map, &map) < 0)
		return disk(e, p->digest);
	if ((uint64_t)map.st_size != map_len(p) || (uint64_t)file.st_size > p->size)
		return partial_restart(p, e);
	p->resumed = file.st_size > 0;
	return 0;
}

int partial_open(int dir, const char *digest, uint64_t size, bool wait, struct partial *out, struct err *e)
{
	struct partial p = PARTIAL_INIT;
	char name[MAP_NAME_LEN];
	int r;

	memcpy(p.digest, digest, sizeof(p.digest));
	p.size = size;
	p.file = open_locked(dir, digest, wait, e);
	if (p.file < 0)
		return p.file;
	map_name(digest, name);
	p.map = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = p.map < 0 ? disk(e, digest) : fit(&p, e);
	if (r < 0) {
		partial_close(&p);
		return r;
	}
	*out = p;
	return 0;
}

int partial_restart(struct partial *p, struct err *e)
{
	p->resumed = false;
	if (ftruncate(p->file, 0) < 0 || ftruncate(p->map, 0) < 0 || ftruncate(p->map, (off_t)map_len(p)) < 0)
		return disk(e, p->digest);
	return 0;
}

void partial_close(struct partial *p)
{
	p->file = close_fd(p->file);
	p->map = close_fd(p->map);
}

static int add_gap(struct arena *a, struct partial_gap **v, size_t *n, size_t *cap, uint64_t start, uint64_t end, struct err *e)
{
	while (start < end) {
		uint64_t stop = end - start > PARTIAL_CHUNK ? start + PARTIAL_CHUNK : end;
		struct partial_gap *more = arena_grow(a, *v, *n, cap, sizeof(**v));

		if (!more)
			return err_errno(e, -ENOMEM, "partial blob");
		*v = more;
		more[(*n)++] = (struct partial_gap){ start, stop };
		start = stop;
	}
	return 0;
}

/* After a power cut the map may have come to the disk and what it speaks of not: behind the file's end nothing is there. */
static bool is_there(const struct partial *p, const unsigned char *map, size_t i, uint64_t file_size)
{
	uint64_t end = (uint64_t)(i + 1) * PARTIAL_GRANULE;

	return map[i] == 1 && (end < p->size ? end : p->size) <= file_size;
}

int partial_gaps(const struct partial *p, struct arena *a, struct partial_gap **out, size_t *n, struct err *e)
{
	size_t len = map_len(p), cap = 0;
	CLEANUP_FREE unsigned char *map = malloc(len + 1);
	uint64_t start = 0;
	struct stat file;

	*out = NULL;
	*n = 0;
	if (!map)
		return err_errno(e, -ENOMEM, "partial blob");
	if (fstat(p->file, &file) < 0)
		return disk(e, p->digest);
	if (len > 0 && pread(p->map, map, len, 0) != (ssize_t)len)
		return err_set(e, ERR_INTERNAL, "partial blob %s: its map is too short", p->digest);
	for (size_t i = 0; i <= len; i++) {
		uint64_t at = (uint64_t)i * PARTIAL_GRANULE;
		int r = 0;

		if (i == len || is_there(p, map, i, (uint64_t)file.st_size)) {
			r = add_gap(a, out, n, &cap, start, at < p->size ? at : p->size, e);
			start = at + PARTIAL_GRANULE;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

void partial_remove(int dir, struct partial *p)
{
	char name[MAP_NAME_LEN];

	map_name(p->digest, name);
	(void)unlinkat(dir, name, 0);
	(void)unlinkat(dir, digest_hex(p->digest), 0);
	partial_close(p);
}

int partial_trim(const struct partial *p, struct err *e)
{
	return ftruncate(p->file, (off_t)p->size) < 0 ? disk(e, p->digest) : 0;
}

int partial_take(int dir, struct partial *p, int to, struct err *e)
{
	char name[MAP_NAME_LEN];

	map_name(p->digest, name);
	if (renameat(dir, digest_hex(p->digest), to, digest_hex(p->digest)) < 0)
		return disk(e, p->digest);
	(void)unlinkat(dir, name, 0);
	return 0;
}

/* ---- all of them ---- */

/* What is called HEX or HEX.map. */
static bool digest_of(const char *name, char digest[DIGEST_LEN + 1])
{
	char hex[65];

	if (strnlen(name, sizeof(hex)) < 64)
		return false;
	(void)snprintf(hex, sizeof(hex), "%.64s", name);
	if (!text_is_hex(hex, 64) || (name[64] && strcmp(name + 64, ".map") != 0))
		return false;
	(void)snprintf(digest, DIGEST_LEN + 1, DIGEST_PREFIX "%s", hex);
	return true;
}

/* Of the file and its map: the bytes they take, and when the younger was written. */
static uint64_t facts(int dir, const char *digest, time_t *written)
{
	char name[MAP_NAME_LEN];
	uint64_t bytes = 0;
	struct stat st;

	*written = 0;
	map_name(digest, name);
	for (const char *const *p = (const char *const[]){ digest_hex(digest), name, NULL }; *p; p++) {
		if (fstatat(dir, *p, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		bytes += (uint64_t)st.st_blocks * 512;
		*written = st.st_mtime > *written ? st.st_mtime : *written;
	}
	return bytes;
}

/* Nobody has it, and its lock is ours now. A map alone gets the file that it lost for that. */
static int sweep_one(int dir, const char *digest, int64_t seconds, uint64_t *count, uint64_t *bytes, struct err *e)
{
	struct partial p = PARTIAL_INIT;
	uint64_t size;
	time_t written;

	size = facts(dir, digest, &written);
	if (time(NULL) - written < seconds)
		return 0;
	p.file = open_locked(dir, digest, false, e);
	if (p.file < 0)
		return e->cls == ERR_BUSY ? 0 : p.file;
	memcpy(p.digest, digest, sizeof(p.digest));
	partial_remove(dir, &p);
	*count += 1;
	*bytes += size;
	return 0;
}

struct sum {
	uint64_t *count, *bytes;
	int64_t seconds; /* -1: nothing goes */
};

static int each(int dir, const char *name, const struct sum *sum, struct err *e)
{
	char digest[DIGEST_LEN + 1];
	time_t written;

	if (!digest_of(name, digest))
		return 0;
	if (sum->seconds >= 0)
		return sweep_one(dir, digest, sum->seconds, sum->count, sum->bytes, e);
	if (!name[64] || faccessat(dir, digest_hex(digest), F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		*sum->count += 1;
		*sum->bytes += facts(dir, digest, &written);
	}
	return 0;
}

static int walk(int root, const struct sum *sum, struct err *e)
{
	CLEANUP_FD int fd = openat(root, PARTIAL_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *d = NULL;
	struct dirent *de;
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_errno(e, -errno, "store: list " PARTIAL_FOLDER);
	(void)take_fd(&fd);
	while (r == 0 && (de = readdir(d)))
		r = each(dirfd(d), de->d_name, sum, e);
	return r;
}

int partial_usage(int root, uint64_t *count, uint64_t *bytes, struct err *e)
{
	const struct sum sum = { count, bytes, -1 };

	*count = *bytes = 0;
	return walk(root, &sum, e);
}

int partial_sweep(int root, int64_t seconds, uint64_t *count, uint64_t *bytes, struct err *e)
{
	const struct sum sum = { count, bytes, seconds };

	return walk(root, &sum, e);
}
