/* A server of gRPC that refuses every call with the same sentence: HTTP/2 (RFC 9113) as far as that takes. Bytes in, bytes out, no I/O.
 *
 * What a call is for is not looked at, so its headers need not be understood (HPACK, RFC 7541, is written here and never read): each gets
 * "trailers only", grpc-status 12, UNIMPLEMENTED (gRPC over HTTP/2, "Responses"). */
#ifndef TARE_WIRE_REFUSAL_H
#define TARE_WIRE_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define REFUSAL_TEXT_MAX 126U /* of the sentence: printable ASCII without % */

struct refusal {
	const char *sentence;
	size_t preface; /* how much of the client's there was */
	unsigned char head[9], body[8]; /* of the frame that comes in, and as much of its payload */
	size_t n_head, n_body;
	uint32_t left;	/* of its payload */
	uint32_t calls; /* that were refused */
};

/* What the server says first is in out. */
void refusal_begin(struct refusal *r, const char *sentence, struct strbuf *out);
/* What the client sent; what it is to be sent is behind what out has. 1: go on; 0: it has said that it ends; -EBADMSG: that is no HTTP/2, or a frame
 * larger than the 16,384 bytes that are allowed. */
int refusal_feed(struct refusal *r, const void *bytes, size_t len, struct strbuf *out) MUST_CHECK;

#endif
