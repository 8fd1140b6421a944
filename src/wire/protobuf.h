/* Protocol Buffers' wire format: numbered fields, one after the other, each a varint, a byte string, or 4 or 8 bytes.
 * Messages inside messages are byte strings. protobuf.dev/programming-guides/encoding */
#ifndef TARE_WIRE_PROTOBUF_H
#define TARE_WIRE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Append one field. A negative int32 is sent as 64 bits, as the format has it. Errors are the strbuf's. */
void pb_put_u64(struct strbuf *out, uint32_t field, uint64_t v);
void pb_put_i32(struct strbuf *out, uint32_t field, int32_t v);
void pb_put_bytes(struct strbuf *out, uint32_t field, const void *data, size_t len);
void pb_put_str(struct strbuf *out, uint32_t field, const char *s);

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

/* What is left of a message. */
struct pb_reader {
	const unsigned char *at, *end;
};

struct pb_field {
	uint32_t number;
	enum pb_type type;
	uint64_t value;           /* numbers */
	const unsigned char *data; /* PB_BYTES: into the message */
	size_t len;
};

/* The next field. 1: *out is it; 0: the message ends here; -EBADMSG: cut short, a varint of more than 64 bits, a field
 * number 0 or above 2^29-1, a type that is none (groups are not known). */
int pb_next(struct pb_reader *r, struct pb_field *out) MUST_CHECK;

/* A string field's bytes as text, cut to what fits; never without its NUL. */
void pb_copy_str(const struct pb_field *f, char *out, size_t len);

#endif
