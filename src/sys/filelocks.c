#include "sys/filelocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/text.h"

#define MOST_BYTES ((size_t)1 << 20)

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
	CLEANUP_FREE char *text = NULL;
	int r = io_read_file(AT_FDCWD, "/proc/locks", MOST_BYTES, &text, NULL);

	*out = (struct filelocks)FILELOCKS_INIT;
	return r < 0 ? r : filelocks_parse(text, out);
}

bool filelocks_held(const struct filelocks *l, dev_t dev, ino_t ino)
{
	return l->n && bsearch(&(struct filelock){ dev, ino }, l->v, l->n, sizeof(*l->v), compare);
}
