#include "api/docker/buildkit.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/io.h"
#include "wire/refusal.h"

#define CHUNK 16384U

/* Only who asks for HTTP/2 can be told in HTTP/2. */
static int take_over(struct exchange *ex, int *fd, const void **early, size_t *n_early, struct err *e)
{
	const char *upgrade = ex_header(ex, "upgrade");

	if (!upgrade || strcasecmp(upgrade, "h2c") != 0)
		return err_set(e, ERR_UNSUPPORTED, BUILDKIT_REFUSED);
	return ex_hijack(ex, "application/octet-stream", fd, early, n_early, e);
}

static ssize_t next(int fd, char *bytes, size_t size)
{
	ssize_t n;

	do
		n = read(fd, bytes, size);
	while (n < 0 && errno == EINTR);
	return n;
}

int buildkit_session(struct exchange *ex, struct err *e)
{
	const void *early;
	size_t n;
	int fd;

	return take_over(ex, &fd, &early, &n, e); /* it ends with the process */
}

int buildkit_grpc(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct refusal calls;
	const void *early;
	char bytes[CHUNK];
	size_t n_early;
	int fd, go, r = take_over(ex, &fd, &early, &n_early, e);

	if (r < 0)
		return r;
	refusal_begin(&calls, BUILDKIT_REFUSED, &out);
	go = refusal_feed(&calls, early, n_early, &out);
	while (io_send_full(fd, sb_str(&out), out.len) == 0 && go > 0) {
		ssize_t n = next(fd, bytes, sizeof(bytes));

		sb_reset(&out);
		go = n > 0 ? refusal_feed(&calls, bytes, (size_t)n, &out) : 0;
	}
	return 0; /* the connection ends with the process */
}
