/* Frames of RFC 6455, as a server reads and writes them: bytes in and out, no I/O. */
#ifndef TARE_API_DOCKER_WEBSOCKET_H
#define TARE_API_DOCKER_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum websocket_kind { WEBSOCKET_MORE = 0, WEBSOCKET_TEXT = 1, WEBSOCKET_BINARY = 2, WEBSOCKET_CLOSE = 8, WEBSOCKET_PING = 9, WEBSOCKET_PONG = 10 };

/* Longer messages than this are no keyboard's. */
#define WEBSOCKET_MAX (1U << 20)

struct websocket {
	struct strbuf in;   /* not yet taken apart */
	struct strbuf data; /* what messages had in them */
	size_t taken;       /* of data */
};
void websocket_end(struct websocket *w);

/* The value of Sec-WebSocket-Accept for a client's key. */
#define WEBSOCKET_ACCEPT_LEN 29
int websocket_accept(const char *key, char out[WEBSOCKET_ACCEPT_LEN]) MUST_CHECK;

/* One whole message, appended. */
void websocket_write(struct strbuf *out, enum websocket_kind kind, const void *data, size_t len);

/* What a client sent: answers that are due (pongs) are appended to answer; *closes: it said that it ends. -EBADMSG: no such frame. */
int websocket_feed(struct websocket *w, const void *data, size_t len, struct strbuf *answer, bool *closes) MUST_CHECK;
/* What its messages had in them, in pieces: how many bytes, 0: no more for now. */
size_t websocket_take(struct websocket *w, void *out, size_t size);

#endif
