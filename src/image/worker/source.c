#include "image/worker/source.h"

#include "base/io.h"
#include "image/worker/gather.h"

static ssize_t pread_some(struct source *s, void *buf, size_t len)
{
	ssize_t n;

	do
		n = pread(s->fd, buf, len, (off_t)s->offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t read_stretch(struct source *s, char *buf, size_t len, struct err *e)
{
	size_t done = 0;

	if (len > s->left)
		len = (size_t)s->left;
	while (done < len) {
		ssize_t n = pread_some(s, buf + done, len - done);

		if (n < 0)
			return err_errno(e, (int)n, "read");
		if (n == 0)
			return err_set(e, ERR_INVALID, "it is truncated: it ends at byte %llu, where more must follow",
				       (unsigned long long)s->offset);
		done += (size_t)n;
		s->offset += (uint64_t)n;
		s->left -= (uint64_t)n;
	}
	return (ssize_t)done;
}

/* Whole blocks, as inflate wants them. */
static ssize_t read_arriving(struct source *s, char *buf, size_t len, struct err *e)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = gather_read(s->gather, s->blob, s->offset, buf + done, len - done, e);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
		s->offset += (uint64_t)n;
	}
	return (ssize_t)done;
}

ssize_t source_read(void *src, void *buf, size_t len, struct err *e)
{
	struct source *s = src;
	ssize_t n;

	if (s->gather)
		return read_arriving(s, buf, len, e);
	if (!s->stream)
		return read_stretch(s, buf, len, e);
	n = io_read_full(s->fd, buf, len);
	if (n < 0)
		return err_errno(e, (int)n, "read");
	s->offset += (uint64_t)n;
	return n;
}
