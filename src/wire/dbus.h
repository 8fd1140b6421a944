/* D-Bus messages: bytes in, messages out, no I/O. What a client of a few methods needs: method calls with arguments of
 * any type, replies, errors, signals, and the lines of the EXTERNAL handshake. Little endian, as we and whoever sits on
 * the same machine are; no file descriptors. What arrives is checked as a whole before anything of it is handed out.
 * https://dbus.freedesktop.org/doc/dbus-specification.html */
#ifndef TARE_WIRE_DBUS_H
#define TARE_WIRE_DBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"

/* Limits of ours, below the specification's (128 MiB, 64 levels). */
#define DBUS_MAX_MESSAGE (1U << 20)
#define DBUS_MAX_DEPTH 16U
#define DBUS_MAX_SIGNATURE 255U

enum dbus_type { DBUS_CALL = 1, DBUS_RETURN, DBUS_ERROR, DBUS_SIGNAL };

#define DBUS_NO_AUTO_START 2U

/* ---- handshake ---- */

/* Appends what a client says before its first message: the NUL, AUTH EXTERNAL and BEGIN. Servers read on behind BEGIN
 * as soon as they have agreed, so messages may follow at once. */
void dbus_auth_write(struct strbuf *out, uid_t uid);
/* The server's answer at data: the bytes it takes, 0 when more are needed, -EACCES when it refuses us, -EBADMSG. */
int dbus_auth_parse(const void *data, size_t len) MUST_CHECK;

/* ---- writing a call ---- */

struct dbus_call {
	const char *destination, *path, *interface, *member; /* destination, interface: NULL allowed */
	const char *signature;				     /* of the arguments; NULL = none */
	unsigned char flags;				     /* DBUS_NO_AUTO_START */
};

/* One container that is being written. */
struct dbus_level {
	char kind; /* 'm' message, or the type: 'a' '(' '{' 'v' */
	const char *begin, *at, *end; /* the types inside it, the next one's */
	size_t length, first; /* 'a': where its length stands, where its first element does */
};

/* Writes one message behind what out holds. Each value must be what the signature has next: the first one that is not
 * makes dbus_call_end() fail, as does a container that is open or half full. Signatures are the caller's and stay. */
struct dbus_writer {
	struct strbuf *out;
	size_t start, body;
	int error;
	unsigned int depth;
	struct dbus_level level[DBUS_MAX_DEPTH];
};

void dbus_call_begin(struct dbus_writer *w, struct strbuf *out, uint32_t serial, const struct dbus_call *call);
/* 0; -EINVAL for values that are not the signature's, -EMSGSIZE, -ENOMEM: then out is as long as it was before. */
int dbus_call_end(struct dbus_writer *w) MUST_CHECK;

void dbus_put_byte(struct dbus_writer *w, uint8_t v);	 /* y */
void dbus_put_bool(struct dbus_writer *w, bool v);	 /* b */
void dbus_put_i16(struct dbus_writer *w, int16_t v);	 /* n */
void dbus_put_u16(struct dbus_writer *w, uint16_t v);	 /* q */
void dbus_put_i32(struct dbus_writer *w, int32_t v);	 /* i */
void dbus_put_u32(struct dbus_writer *w, uint32_t v);	 /* u */
void dbus_put_i64(struct dbus_writer *w, int64_t v);	 /* x */
void dbus_put_u64(struct dbus_writer *w, uint64_t v);	 /* t */
void dbus_put_double(struct dbus_writer *w, double v);	 /* d */
void dbus_put_string(struct dbus_writer *w, const char *s); /* s */
/* kind: 'a', '(' or '{'; its end. */
void dbus_open(struct dbus_writer *w, char kind);
void dbus_open_variant(struct dbus_writer *w, const char *signature); /* of one complete type */
void dbus_close(struct dbus_writer *w);

/* ---- reading ---- */

struct dbus_message {
	unsigned char type; /* enum dbus_type, or one of the future: to be passed over */
	uint32_t serial, reply_serial; /* reply_serial 0 = none */
	const char *path, *interface, *member, *error_name, *destination, *sender; /* NULL = none; into the buffer */
	const char *signature; /* "" = no body */
	const unsigned char *body;
	size_t len;
};

/* Looks for one whole message at data. Gives the bytes it takes, 0 when more are needed, -EBADMSG when it is none of
 * ours or malformed, -EMSGSIZE when it is longer than DBUS_MAX_MESSAGE. */
int dbus_parse(const void *data, size_t len, struct dbus_message *out) MUST_CHECK;

/* Takes the values of a message's body one after the other. -EBADMSG when the next one is of another type. */
struct dbus_reader {
	const unsigned char *data;
	size_t len, pos;
	const char *at, *end;
};
void dbus_read_begin(struct dbus_reader *r, const struct dbus_message *m);
int dbus_read_u32(struct dbus_reader *r, uint32_t *out) MUST_CHECK;
int dbus_read_string(struct dbus_reader *r, char type, const char **out) MUST_CHECK; /* type: 's', 'o' or 'g' */
int dbus_read_variant(struct dbus_reader *r, struct dbus_reader *inside) MUST_CHECK;
int dbus_read_skip(struct dbus_reader *r) MUST_CHECK; /* any one value */

/* The length of the first complete type of sig, of which there are len bytes; 0: malformed or too deep. */
size_t dbus_type_length(const char *sig, size_t len);

#endif
