/* The caller's side of tare-transfer for a file by its URL. */
#ifndef TARE_IMAGE_FETCH_H
#define TARE_IMAGE_FETCH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/digest.h"

struct fetch_args {
	const char *program; /* tare-transfer's path */
	const char *url;     /* http or https */
	const char *base;    /* its scheme, host and port: "https://example.com:8443" */
	const char *proxy;   /* NULL: none */
	const char *socket;  /* a unix socket's path, which is spoken with instead of the host */
	unsigned int patience; /* s without a byte; 0: the usual */
	const char *etag;    /* what was got before had this one; NULL: nothing was */
	uint64_t max;        /* bytes */
	int fd;              /* an empty file: its content; or a pipe, and then it is not begun anew where the connection was cut */
};

struct fetched {
	bool unchanged; /* it still is what etag says; nothing below is said, and the file is empty */
	uint64_t size;
	char digest[DIGEST_LEN + 1];
	const char *etag, *media_type; /* NULL: not said; untrusted, as modified is */
	int64_t modified;              /* s since 1970; -1: not said */
};

/* Strings in a. ERR_NOTFOUND, ERR_DENIED, ERR_UNAVAILABLE, ERR_LIMIT, ERR_INVALID as the server has it, with the URL; ERR_NOSPACE. */
int fetch_url(const struct fetch_args *args, struct arena *a, struct fetched *out, struct err *e) MUST_CHECK;

#endif
