#include "sys/filelocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/text.h"

#define MOST_BYTES ((size_t)1 << 20)
#define CHUNK ((size_t)64 << 10)

struct filelock {
	dev_t dev;
	ino_t ino;
};

void filelocks_free(struct filelocks *l)
{
	free(l->v);
	*l = (struct filelocks)FILELOCKS_INIT;
}

/* "12: POSIX  ADVISORY  WRITE 4711 00:1b:77 0 EOF"; "->" behind the number: somebody waits for it. flock(2)'s are no such locks. */
static bool parse_line(const char *line, struct filelock *out)
{
	const char *at = strchr(line, ':');
	unsigned long major, minor;
	char *end;

	if (!at || (!text_starts(at, ": POSIX ") && !text_starts(at, ": OFDLCK ")))
		return false;
	at += strcspn(at, "\n");
	for (int fields = 3; fields > 0; fields--) /* from the end: what stands before has blanks in it */
		while (at > line && *--at != ' ')
			;
	major = strtoul(at, &end, 16);
	if (end == at || *end != ':')
		return false;
	minor = strtoul(at = end + 1, &end, 16);
	if (end == at || *end != ':')
		return false;
	out->ino = strtoull(at = end + 1, &end, 10);
	out->dev = makedev((unsigned int)major, (unsigned int)minor);
	return end != at && *end == ' ';
}

static int compare(const void *a, const void *b)
{
	const struct filelock *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

int filelocks_parse(const char *text, struct filelocks *out)
{
	size_t lines = 0;

	*out = (struct filelocks)FILELOCKS_INIT;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	out->v = malloc((lines + 1) * sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (const char *at = text, *next; (next = strchr(at, '\n')); at = next + 1)
		out->n += parse_line(at, &out->v[out->n]);
	qsort(out->v, out->n, sizeof(*out->v), compare);
	return 0;
}

int filelocks_read(struct filelocks *out)
{
	CLEANUP_FD int fd = open("/proc/locks", O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *text = NULL;
	size_t len = 0, cap = 0;
	ssize_t n;

	*out = (struct filelocks)FILELOCKS_INIT;
	if (fd < 0)
		return -errno;
	do {
		if (cap - len < CHUNK / 2) {
			char *more = realloc(text, (cap = cap ? 2 * cap : CHUNK) + 1);

			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + len, cap - len);
		len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && len < MOST_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	text[len] = '\0';
	return filelocks_parse(text, out);
}

bool filelocks_held(const struct filelocks *l, dev_t dev, ino_t ino)
{
	return l->n && bsearch(&(struct filelock){ dev, ino }, l->v, l->n, sizeof(*l->v), compare);
}
