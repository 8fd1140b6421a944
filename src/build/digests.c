/* A change moves a file's ctime, which nobody can set, to the time of the kernel's clock. That clock has steps (a tick; a second
 * on some file systems), so a file that is changed again in the step in which it was read keeps its times: what is younger
 * than that when reading begins is not kept (git calls it racy). So is what has changed when it was read.
 *
 * Rows lie sorted in a file that is mapped, so a build that asks for few of them touches few pages. The file is replaced
 * whole by who has something to add, with what it has by then; of two at once one loses its rows. */
#include "build/digests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/io.h"
#include "engine/buildcache.h"

#define NS INT64_C(1000000000)
#define DAY (24 * 3600 * NS)
/* The coarsest times that a file system has are FAT's, of two seconds. */
#define RACY (3 * NS)
#define MOST_ROWS 400000U
#define MOST_DAYS 30

static const char magic[16] = "tare-digests-1\n";

struct head {
	char magic[16];
	uint64_t rows;
};

static int64_t ns_of(const struct timespec *ts)
{
	int64_t ns;

	return __builtin_mul_overflow((int64_t)ts->tv_sec, NS, &ns) || __builtin_add_overflow(ns, ts->tv_nsec, &ns) ? INT64_MAX : ns;
}

static struct digests_row row_of(const struct stat *st)
{
	return (struct digests_row){ .dev = (uint64_t)st->st_dev, .ino = (uint64_t)st->st_ino, .size = (uint64_t)st->st_size,
				     .mtime = ns_of(&st->st_mtim), .ctime = ns_of(&st->st_ctim) };
}

static int by_file(const void *a, const void *b)
{
	const struct digests_row *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static bool is_same(const struct digests_row *a, const struct digests_row *b)
{
	return by_file(a, b) == 0 && a->size == b->size && a->mtime == b->mtime && a->ctime == b->ctime;
}

/* ---- the file ---- */

static void forget(struct digests *d)
{
	if (d->map)
		(void)munmap(d->map, d->map_len);
	d->map = NULL;
	d->rows = NULL;
	d->n = 0;
}

/* A file that is not there, or is none of ours, has no rows. */
static void look(struct digests *d)
{
	CLEANUP_FD int fd = openat(d->root, BUILDCACHE_FOLDER "/" BUILDCACHE_DIGESTS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	struct head head;

	forget(d);
	d->looked = true;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(head))
		return;
	d->map_len = (size_t)st.st_size;
	d->map = mmap(NULL, d->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (d->map == MAP_FAILED) {
		d->map = NULL;
		return;
	}
	memcpy(&head, d->map, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.rows > MOST_ROWS ||
	    d->map_len != sizeof(head) + head.rows * sizeof(*d->rows)) {
		forget(d);
		return;
	}
	d->rows = (const struct digests_row *)((const char *)d->map + sizeof(head));
	d->n = head.rows;
}

void digests_open(struct digests *d, int root)
{
	*d = (struct digests){ .root = root };
}

void digests_close(struct digests *d)
{
	forget(d);
	free(d->fresh);
	*d = (struct digests)DIGESTS_INIT;
}

/* ---- rows ---- */

static void keep(struct digests *d, const struct digests_row *row)
{
	if (d->n_fresh == MOST_ROWS)
		return;
	if (d->n_fresh == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 256;
		struct digests_row *v = reallocarray(d->fresh, cap, sizeof(*v));

		if (!v)
			return;
		d->fresh = v;
		d->cap = cap;
	}
	d->fresh[d->n_fresh++] = *row;
}

bool digests_find(struct digests *d, const struct stat *st, unsigned char sum[32])
{
	struct digests_row want = row_of(st);
	const struct digests_row *have;

	if (d->root < 0)
		return false;
	if (!d->looked)
		look(d);
	have = d->n ? bsearch(&want, d->rows, d->n, sizeof(want), by_file) : NULL;
	if (!have || !is_same(have, &want))
		return false;
	memcpy(sum, have->sum, sizeof(have->sum));
	want = *have;
	want.used = clock_now_ns() / DAY;
	if (want.used != have->used)
		keep(d, &want);
	return true;
}

void digests_add(struct digests *d, const struct stat *before, int64_t began, int fd, const unsigned char sum[32])
{
	struct digests_row row = row_of(before), now;
	struct stat st;

	if (d->root < 0 || fstat(fd, &st) < 0)
		return;
	now = row_of(&st);
	if (!is_same(&row, &now) || row.ctime > began - RACY || row.mtime > began - RACY)
		return;
	row.used = began / DAY;
	memcpy(row.sum, sum, sizeof(row.sum));
	keep(d, &row);
}

/* ---- saving ---- */

/* Both by file; what is fresh counts. Rows that nobody used for long go, and where they are too many all that nobody used now. */
static size_t merge(const struct digests *d, struct digests_row *out)
{
	int64_t oldest = clock_now_ns() / DAY - MOST_DAYS;
	size_t n = 0, i = 0, k = 0;

	if (d->n + d->n_fresh > MOST_ROWS)
		oldest = INT64_MAX;
	while (i < d->n || k < d->n_fresh) {
		int order = i == d->n ? 1 : k == d->n_fresh ? -1 : by_file(&d->rows[i], &d->fresh[k]);

		if (order < 0) {
			if (d->rows[i].used >= oldest)
				out[n++] = d->rows[i];
			i++;
			continue;
		}
		i += order == 0;
		out[n++] = d->fresh[k++];
		/* a file with several names, or taken twice */
		while (k < d->n_fresh && by_file(&d->fresh[k], &out[n - 1]) == 0) {
			if (d->fresh[k].ctime > out[n - 1].ctime)
				out[n - 1] = d->fresh[k];
			k++;
		}
	}
	return n;
}

int digests_save(struct digests *d)
{
	CLEANUP_FREE char *data = NULL;
	CLEANUP_FD int folder = -1;
	struct head head = { .rows = 0 };

	if (d->root < 0 || !d->n_fresh)
		return 0;
	look(d); /* somebody may have added something */
	qsort(d->fresh, d->n_fresh, sizeof(*d->fresh), by_file);
	data = malloc(sizeof(head) + (d->n + d->n_fresh) * sizeof(*d->fresh));
	if (!data)
		return -ENOMEM;
	head.rows = merge(d, (struct digests_row *)(data + sizeof(head)));
	memcpy(head.magic, magic, sizeof(magic));
	memcpy(data, &head, sizeof(head));
	d->n_fresh = 0;
	if (mkdirat(d->root, BUILDCACHE_FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	folder = openat(d->root, BUILDCACHE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	/* synced: what a power cut left of it half would be believed */
	return io_replace_file(folder, BUILDCACHE_DIGESTS, data, sizeof(head) + head.rows * sizeof(*d->fresh), 0600, true);
}
