#include "wire/protobuf.h"

#include <string.h>

#define FIELD_MAX ((1U << 29) - 1)

/* ---- writing ---- */

static void put_varint(struct strbuf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		sb_putc(out, (char)(unsigned char)(v | 0x80));
	sb_putc(out, (char)(unsigned char)v);
}

static void put_tag(struct strbuf *out, uint32_t field, enum pb_type type)
{
	put_varint(out, (uint64_t)field << 3 | (uint64_t)type);
}

void pb_put_u64(struct strbuf *out, uint32_t field, uint64_t v)
{
	put_tag(out, field, PB_VARINT);
	put_varint(out, v);
}

void pb_put_i32(struct strbuf *out, uint32_t field, int32_t v)
{
	pb_put_u64(out, field, (uint64_t)(int64_t)v);
}

void pb_put_bytes(struct strbuf *out, uint32_t field, const void *data, size_t len)
{
	put_tag(out, field, PB_BYTES);
	put_varint(out, len);
	sb_add(out, data, len);
}

void pb_put_str(struct strbuf *out, uint32_t field, const char *s)
{
	pb_put_bytes(out, field, s, strlen(s));
}

/* ---- reading ---- */

static int get_varint(struct pb_reader *r, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		unsigned char byte = *r->at++;

		if (shift == 63 && byte > 1)
			return -EBADMSG;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*out = v;
			return 0;
		}
	}
	return -EBADMSG;
}

/* So many bytes, little endian. */
static int get_fixed(struct pb_reader *r, unsigned int bytes, uint64_t *out)
{
	*out = 0;
	if ((size_t)(r->end - r->at) < bytes)
		return -EBADMSG;
	for (unsigned int i = 0; i < bytes; i++)
		*out |= (uint64_t)*r->at++ << (8 * i);
	return 0;
}

static int get_bytes(struct pb_reader *r, struct pb_field *out)
{
	uint64_t len;
	int e = get_varint(r, &len);

	if (e < 0 || len > (uint64_t)(r->end - r->at))
		return -EBADMSG;
	out->data = r->at;
	out->len = (size_t)len;
	r->at += len;
	return 0;
}

int pb_next(struct pb_reader *r, struct pb_field *out)
{
	uint64_t tag;
	int e;

	*out = (struct pb_field){ 0 };
	if (r->at == r->end)
		return 0;
	if (get_varint(r, &tag) < 0 || !(tag >> 3) || tag >> 3 > FIELD_MAX)
		return -EBADMSG;
	out->number = (uint32_t)(tag >> 3);
	switch (tag & 7) {
	case PB_VARINT:
		out->type = PB_VARINT;
		e = get_varint(r, &out->value);
		break;
	case PB_FIXED64:
		out->type = PB_FIXED64;
		e = get_fixed(r, 8, &out->value);
		break;
	case PB_BYTES:
		out->type = PB_BYTES;
		e = get_bytes(r, out);
		break;
	case PB_FIXED32:
		out->type = PB_FIXED32;
		e = get_fixed(r, 4, &out->value);
		break;
	default:
		return -EBADMSG;
	}
	return e < 0 ? e : 1;
}

void pb_copy_str(const struct pb_field *f, char *out, size_t len)
{
	size_t n = f->len < len ? f->len : len - 1;

	if (n)
		memcpy(out, f->data, n);
	out[n] = '\0';
}
