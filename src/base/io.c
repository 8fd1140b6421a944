#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"

/* Folders io_remove_tree() keeps open at a time. */
#define OPEN_LEVELS 32
#define COPY_CHUNK (256U << 10)

void cleanup_dir(void *dirp)
{
	DIR **d = dirp;

	if (*d)
		closedir(*d);
	*d = NULL;
}

ssize_t io_read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return -errno;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int io_send_full(int sock, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = send(sock, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

bool io_peer_gone(int code)
{
	return code == -EPIPE || code == -ECONNRESET;
}

int io_pwrite_full(int fd, const void *buf, size_t len, off_t at)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t io_read_text(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

int io_copy(int from, int to)
{
	CLEANUP_FREE char *chunk = malloc(COPY_CHUNK);
	ssize_t n = 0;
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && (n = io_read_full(from, chunk, COPY_CHUNK)) > 0)
		r = io_write_full(to, chunk, (size_t)n);
	return r < 0 ? r : n < 0 ? (int)n : 0;
}

int io_read_fd(int fd, size_t max, char **out, size_t *len)
{
	CLEANUP_FREE char *buf = NULL;
	size_t used = 0, cap = 4096;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size < max)
		cap = (size_t)st.st_size + 2;
	for (;;) {
		char *bigger = realloc(buf, cap);
		ssize_t n;

		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		n = io_read_full(fd, buf + used, cap - 1 - used);
		if (n < 0)
			return (int)n;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		if (used < cap - 1)
			break;
		cap *= 2;
	}
	buf[used] = '\0';
	*out = take_ptr(buf);
	if (len)
		*len = used;
	return 0;
}

int io_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return io_read_fd(fd, max, out, len);
}

int io_write_value(int dirfd, const char *path, const char *value)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, value, strlen(value));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int write_and_rename(int dirfd, const char *tmp, const char *name, int fd, const void *data, size_t len,
			    bool sync)
{
	int r = io_write_full(fd, data, len);

	if (r < 0)
		return r;
	if (sync && fsync(fd) < 0)
		return -errno;
	if (renameat(dirfd, tmp, dirfd, name) < 0)
		return -errno;
	if (sync) {
		CLEANUP_FD int dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0 || fsync(dir) < 0)
			return -errno;
	}
	return 0;
}

int io_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode, bool sync)
{
	CLEANUP_FD int fd = -1;
	char tmp[NAME_MAX + 1], pid[TEXT_U64_LEN];
	int r = TEXT_JOIN(tmp, sizeof(tmp), ".", name, ".", text_of_u64((uint64_t)getpid(), pid), ".tmp");

	if (r < 0)
		return r;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_and_rename(dirfd, tmp, name, fd, data, len, sync);
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}

int io_mkdirs(int dirfd, const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, len + 1);
	for (char *p = copy + 1; len > 0; p++) {
		bool last = *p == '\0';

		if (*p != '/' && !last)
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		if (last)
			break;
		*p = '/';
	}
	return 0;
}

/* ---- removing a tree ----
 *
 * Whoever made the tree chose its depth, so neither the stack nor our descriptors may count its levels: the way down is
 * a list on the heap, and only its last OPEN_LEVELS folders are open. A folder further up is reached again through the
 * ".." of the one below it, which must then be the very folder that was left. */

struct level {
	DIR *d; /* NULL: closed for now */
	dev_t dev;
	ino_t ino;
	char *name; /* in the level above */
};

struct descent {
	struct level *levels;
	size_t n, cap;
};

static int open_level(struct level *l, int dirfd, const char *name)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->d = fdopendir(fd);
	if (!l->d)
		return -errno;
	(void)take_fd(&fd);
	return 0;
}

static void close_level(struct level *l)
{
	cleanup_dir((void *)&l->d);
}

/* A subvolume of btrfs has a device number of its own, and is no mount. */
static bool same_mount(int above, const struct level *l)
{
	struct statx a, b;

	/* musl has no statx() before 1.2.5 */
	return syscall(SYS_statx, above, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) == 0 && syscall(SYS_statx, dirfd(l->d), "", AT_EMPTY_PATH, STATX_MNT_ID, &b) == 0 &&
	       a.stx_mask & b.stx_mask & STATX_MNT_ID && a.stx_mnt_id == b.stx_mnt_id;
}

static int push_level(struct descent *w, int dirfd, const char *name)
{
	struct level l = { 0 };
	int r;

	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 16;
		struct level *more = reallocarray(w->levels, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->levels = more;
		w->cap = cap;
	}
	r = open_level(&l, dirfd, name);
	if (r == 0 && w->n && l.dev != w->levels[w->n - 1].dev && !same_mount(dirfd, &l))
		r = -EBUSY;
	if (r == 0 && !(l.name = strdup(name)))
		r = -ENOMEM;
	if (r < 0) {
		close_level(&l);
		return r;
	}
	w->levels[w->n++] = l;
	if (w->n > OPEN_LEVELS)
		close_level(&w->levels[w->n - 1 - OPEN_LEVELS]);
	return 0;
}

static void drop_level(struct descent *w)
{
	struct level *l = &w->levels[--w->n];

	close_level(l);
	free(l->name);
}

/* Removes the entry, or makes it the next level when it is a folder with something in it. */
static int remove_entry(struct descent *w, int dirfd, const char *name)
{
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	r = push_level(w, dirfd, name);
	return r == -ENOENT ? 0 : r; /* somebody else removes the same tree */
}

static int reopen_level(struct level *l, int below)
{
	struct level again = { 0 };
	int r = open_level(&again, below, "..");

	if (r == 0 && (again.dev != l->dev || again.ino != l->ino)) {
		close_level(&again);
		r = -EBUSY; /* somebody moves folders while we remove them */
	}
	l->d = again.d;
	return r;
}

/* The last level is empty: removes it from the one above, or from the caller's folder. */
static int rise(struct descent *w, int top)
{
	struct level *last = &w->levels[w->n - 1], *above = w->n > 1 ? last - 1 : NULL;
	int r = above && !above->d ? reopen_level(above, dirfd(last->d)) : 0;

	if (r == 0 && unlinkat(above ? dirfd(above->d) : top, last->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	drop_level(w);
	return r;
}

static int remove_step(struct descent *w, int top)
{
	DIR *d = w->levels[w->n - 1].d;
	struct dirent *de;

	errno = 0;
	de = readdir(d);
	if (!de)
		return errno ? -errno : rise(w, top);
	if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
		return 0;
	return remove_entry(w, dirfd(d), de->d_name);
}

int io_remove_tree(int dirfd, const char *name)
{
	struct descent w = { 0 };
	int r = remove_entry(&w, dirfd, name);

	while (r == 0 && w.n)
		r = remove_step(&w, dirfd);
	while (w.n)
		drop_level(&w);
	free(w.levels);
	return r;
}

void io_reserve_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* the lowest free number is fd; without a /dev/null (in a container) the folder keeps the place: it can be
		 * neither read nor written */
		if (open("/dev/null", O_RDWR) < 0)
			(void)!open("/", O_RDONLY | O_DIRECTORY);
	}
}

const char *io_fd_path(int fd, char out[IO_FD_PATH_LEN])
{
	char number[TEXT_U64_LEN];

	(void)!TEXT_JOIN(out, IO_FD_PATH_LEN, "/proc/self/fd/", text_of_u64((uint64_t)fd, number));
	return out;
}

int io_path_of(int fd, char out[PATH_MAX])
{
	char link[IO_FD_PATH_LEN];
	ssize_t n = readlink(io_fd_path(fd, link), out, PATH_MAX);

	if (n < 0)
		return -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

int io_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : copy;
}

int io_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int io_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int io_memfd(const char *name, const void *data, size_t len, bool sealed)
{
	CLEANUP_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = io_write_full(fd, data, len);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	if (sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return take_fd(&fd);
}
