#include "wire/refusal.h"

#include <errno.h>
#include <string.h>

#define FRAME_MOST 16384U

enum frame { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void put_frame(struct strbuf *out, enum frame type, unsigned char flags, uint32_t stream, const void *payload, size_t len)
{
	const unsigned char head[9] = { (unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len, (unsigned char)type, flags,
					(unsigned char)(stream >> 24), (unsigned char)(stream >> 16), (unsigned char)(stream >> 8),
					(unsigned char)stream };

	sb_add(out, head, sizeof(head));
	if (len)
		sb_add(out, payload, len);
}

/* A literal that no table keeps (RFC 7541, section 6.2.2), not packed: its length fits seven bits. */
static void put_text(struct strbuf *out, const char *text, size_t len)
{
	sb_putc(out, (char)len);
	sb_add(out, text, len);
}

static void put_header(struct strbuf *out, const char *name, const char *value)
{
	sb_putc(out, 0);
	put_text(out, name, strlen(name));
	put_text(out, value, strnlen(value, REFUSAL_TEXT_MAX));
}

static void refuse(struct refusal *r, uint32_t stream, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf block = STRBUF_INIT;

	sb_putc(&block, (char)0x88); /* the static table's ":status: 200" */
	put_header(&block, "content-type", "application/grpc");
	put_header(&block, "grpc-status", "12");
	put_header(&block, "grpc-message", r->sentence);
	if (sb_error(&block) < 0)
		out->failed = true;
	else
		put_frame(out, HEADERS, END_STREAM | END_HEADERS, stream, block.s, block.len);
	r->calls++;
}

void refusal_begin(struct refusal *r, const char *sentence, struct strbuf *out)
{
	*r = (struct refusal){ .sentence = sentence };
	put_frame(out, SETTINGS, 0, 0, NULL, 0);
}

static uint32_t number(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What was sent on a call that is refused already is given back to the connection's window. */
static void give_back(uint32_t len, struct strbuf *out)
{
	const unsigned char more[4] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len };

	if (len)
		put_frame(out, WINDOW_UPDATE, 0, 0, more, sizeof(more));
}

/* A whole frame. 1: go on. */
static int frame(struct refusal *r, struct strbuf *out)
{
	uint32_t stream = number(r->head + 5) & INT32_MAX, len = (uint32_t)r->head[0] << 16 | (uint32_t)r->head[1] << 8 | r->head[2];
	unsigned char flags = r->head[4];

	switch (r->head[3]) {
	case DATA:
		give_back(len, out);
		return 1;
	case HEADERS:
	case CONTINUATION:
		if (!stream)
			return -EBADMSG;
		if (flags & END_HEADERS)
			refuse(r, stream, out);
		return 1;
	case SETTINGS:
		if (!(flags & ACK))
			put_frame(out, SETTINGS, ACK, 0, NULL, 0);
		return 1;
	case PING:
		if (len != 8)
			return -EBADMSG;
		if (!(flags & ACK))
			put_frame(out, PING, ACK, 0, r->body, 8);
		return 1;
	case GOAWAY:
		return 0;
	default:
		return 1;
	}
}

static size_t take_preface(struct refusal *r, const char *p, size_t len)
{
	size_t want = sizeof(preface) - 1 - r->preface, n = len < want ? len : want;

	if (memcmp(p, preface + r->preface, n) != 0)
		return 0;
	r->preface += n;
	return n;
}

static size_t take_head(struct refusal *r, const char *p, size_t len)
{
	size_t want = sizeof(r->head) - r->n_head, n = len < want ? len : want;

	memcpy(r->head + r->n_head, p, n);
	r->n_head += n;
	r->left = r->n_head == sizeof(r->head) ? (uint32_t)r->head[0] << 16 | (uint32_t)r->head[1] << 8 | r->head[2] : 0;
	r->n_body = 0;
	return n;
}

static size_t take_body(struct refusal *r, const char *p, size_t len)
{
	size_t n = len < r->left ? len : r->left, room = sizeof(r->body) - r->n_body, keep = n < room ? n : room;

	memcpy(r->body + r->n_body, p, keep);
	r->n_body += keep;
	r->left -= (uint32_t)n;
	return n;
}

int refusal_feed(struct refusal *r, const void *bytes, size_t len, struct strbuf *out)
{
	const char *p = bytes;
	int go = 1;

	while (go > 0 && len > 0) {
		size_t n;

		if (r->preface < sizeof(preface) - 1) {
			n = take_preface(r, p, len);
			go = n ? 1 : -EBADMSG;
		} else if (r->n_head < sizeof(r->head)) {
			n = take_head(r, p, len);
			go = r->left > FRAME_MOST ? -EBADMSG : 1;
		} else {
			n = take_body(r, p, len);
		}
		p += n;
		len -= n;
		if (go > 0 && r->n_head == sizeof(r->head) && !r->left) {
			go = frame(r, out);
			r->n_head = 0;
		}
	}
	return sb_error(out) < 0 ? -ENOMEM : go;
}
