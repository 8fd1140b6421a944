/* Marshalling of calls. A stack of the containers that are open, each with a cursor in its part of the signature, says
 * what may come next: a caller that is out of step with its own signature is found here, not by the peer (a bus daemon
 * ends the connection of who sends a malformed message, and says nothing). */
#include "wire/dbus.h"

#include <stdio.h>
#include <string.h>

#include "wire/dbus_types.h"

static struct dbus_level *top(struct dbus_writer *w)
{
	return &w->level[w->depth];
}

static void fail(struct dbus_writer *w, int error)
{
	if (w->error == 0)
		w->error = error;
}

/* Alignment counts from the message's first byte. */
static void align(struct dbus_writer *w, size_t to)
{
	static const char zeros[8];
	size_t at = w->out->len - w->start;

	sb_add(w->out, zeros, (to - at % to) % to);
}

static void add_le(struct dbus_writer *w, uint64_t v, size_t bytes)
{
	unsigned char b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = (unsigned char)(v >> 8 * i);
	sb_add(w->out, b, bytes);
}

static void patch_u32(struct dbus_writer *w, size_t at, size_t v)
{
	if (sb_error(w->out) == 0)
		for (size_t i = 0; i < 4; i++)
			w->out->s[at + i] = (char)(v >> 8 * i & 0xff);
}

/* Whether the next value may be of this type; it is taken to be written then. */
static bool next_is(struct dbus_writer *w, char type)
{
	struct dbus_level *l = top(w);

	if (l->at == l->end && l->kind == 'a')
		l->at = l->begin;
	if (w->error || l->at == l->end || *l->at != type) {
		fail(w, -EINVAL);
		return false;
	}
	l->at += dbus_type_length(l->at, (size_t)(l->end - l->at));
	return true;
}

static void put_number(struct dbus_writer *w, char type, uint64_t v, size_t bytes)
{
	if (!next_is(w, type))
		return;
	align(w, bytes);
	add_le(w, v, bytes);
}

void dbus_put_byte(struct dbus_writer *w, uint8_t v)
{
	put_number(w, 'y', v, 1);
}

void dbus_put_bool(struct dbus_writer *w, bool v)
{
	put_number(w, 'b', v, 4);
}

void dbus_put_i16(struct dbus_writer *w, int16_t v)
{
	put_number(w, 'n', (uint16_t)v, 2);
}

void dbus_put_u16(struct dbus_writer *w, uint16_t v)
{
	put_number(w, 'q', v, 2);
}

void dbus_put_i32(struct dbus_writer *w, int32_t v)
{
	put_number(w, 'i', (uint32_t)v, 4);
}

void dbus_put_u32(struct dbus_writer *w, uint32_t v)
{
	put_number(w, 'u', v, 4);
}

void dbus_put_i64(struct dbus_writer *w, int64_t v)
{
	put_number(w, 'x', (uint64_t)v, 8);
}

void dbus_put_u64(struct dbus_writer *w, uint64_t v)
{
	put_number(w, 't', v, 8);
}

void dbus_put_double(struct dbus_writer *w, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_number(w, 'd', bits, 8);
}

static void add_string(struct dbus_writer *w, const char *s)
{
	align(w, 4);
	add_le(w, strlen(s), 4);
	sb_add(w->out, s, strlen(s) + 1);
}

static void add_signature(struct dbus_writer *w, const char *s)
{
	add_le(w, strlen(s), 1);
	sb_add(w->out, s, strlen(s) + 1);
}

void dbus_put_string(struct dbus_writer *w, const char *s)
{
	if (next_is(w, 's'))
		add_string(w, s);
}

/* ---- containers ---- */

static void push(struct dbus_writer *w, char kind, const char *begin, size_t len)
{
	if (w->depth + 1 == DBUS_MAX_DEPTH) {
		fail(w, -EMSGSIZE);
		return;
	}
	w->level[++w->depth] = (struct dbus_level){.kind = kind, .begin = begin, .at = begin, .end = begin + len};
}

void dbus_open(struct dbus_writer *w, char kind)
{
	const char *begin = top(w)->at;
	size_t len;

	if (begin == top(w)->end)
		begin = top(w)->begin; /* an array begins anew */
	if (!next_is(w, kind))
		return;
	len = (size_t)(top(w)->at - begin);
	if (kind != 'a') {
		align(w, 8);
		push(w, kind, begin + 1, len - 2);
		return;
	}
	align(w, 4);
	push(w, kind, begin + 1, len - 1);
	top(w)->length = w->out->len;
	add_le(w, 0, 4);
	align(w, dbus_type_alignment(begin[1]));
	top(w)->first = w->out->len;
}

void dbus_open_variant(struct dbus_writer *w, const char *signature)
{
	size_t len = strlen(signature);

	if (len > DBUS_MAX_SIGNATURE || dbus_type_length(signature, len) != len)
		fail(w, -EINVAL);
	if (!next_is(w, 'v'))
		return;
	add_signature(w, signature);
	push(w, 'v', signature, len);
}

void dbus_close(struct dbus_writer *w)
{
	struct dbus_level *l = top(w);

	if (w->error)
		return;
	if (w->depth == 0 || (l->at != l->end && !(l->kind == 'a' && l->at == l->begin))) {
		fail(w, -EINVAL);
		return;
	}
	if (l->kind == 'a')
		patch_u32(w, l->length, w->out->len - l->first);
	w->depth--;
}

/* ---- the message ---- */

static void add_field(struct dbus_writer *w, enum dbus_field code, const char *type, const char *value)
{
	if (!value)
		return;
	align(w, 8);
	add_le(w, code, 1);
	add_signature(w, type);
	if (*type == 'g')
		add_signature(w, value);
	else
		add_string(w, value);
}

void dbus_call_begin(struct dbus_writer *w, struct strbuf *out, uint32_t serial, const struct dbus_call *call)
{
	const char *signature = call->signature ? call->signature : "";
	size_t len = strlen(signature), fields;

	*w = (struct dbus_writer){.out = out, .start = out->len};
	if (len > DBUS_MAX_SIGNATURE || !dbus_signature_valid(signature, len))
		fail(w, -EINVAL);
	add_le(w, 'l', 1);
	add_le(w, DBUS_CALL, 1);
	add_le(w, call->flags, 1);
	add_le(w, 1, 1); /* version of the protocol */
	add_le(w, 0, 4); /* length of the body, see dbus_call_end() */
	add_le(w, serial, 4);
	fields = out->len;
	add_le(w, 0, 4);
	add_field(w, DBUS_FIELD_PATH, "o", call->path);
	add_field(w, DBUS_FIELD_INTERFACE, "s", call->interface);
	add_field(w, DBUS_FIELD_MEMBER, "s", call->member);
	add_field(w, DBUS_FIELD_DESTINATION, "s", call->destination);
	add_field(w, DBUS_FIELD_SIGNATURE, "g", len ? signature : NULL);
	patch_u32(w, fields, out->len - fields - 4);
	align(w, 8);
	w->body = out->len;
	w->level[0] = (struct dbus_level){.kind = 'm', .begin = signature, .at = signature, .end = signature + len};
}

int dbus_call_end(struct dbus_writer *w)
{
	struct strbuf *out = w->out;

	if (w->depth || w->level[0].at != w->level[0].end)
		fail(w, -EINVAL);
	if (sb_error(out) < 0)
		w->error = -ENOMEM;
	else if (out->len - w->start > DBUS_MAX_MESSAGE)
		fail(w, -EMSGSIZE);
	if (w->error) {
		out->len = w->start < out->len ? w->start : out->len;
		return w->error;
	}
	patch_u32(w, w->start + 4, out->len - w->body);
	return 0;
}

/* ---- handshake ---- */

void dbus_auth_write(struct strbuf *out, uid_t uid)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", (unsigned int)uid);
	sb_putc(out, '\0');
	sb_puts(out, "AUTH EXTERNAL ");
	for (const char *d = digits; *d; d++)
		sb_printf(out, "%02x", (unsigned int)*d);
	sb_puts(out, "\r\nBEGIN\r\n");
}
