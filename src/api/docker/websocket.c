#include "api/docker/websocket.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/base64.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_MAX 64
#define FINAL 0x80
#define MASKED 0x80
#define CONTROL 0x08 /* kinds that may stand between a message's parts: short, and whole (RFC 6455, 5.5) */
#define CONTROL_MAX 125
#define SHA1_LEN 20

void websocket_end(struct websocket *w)
{
	sb_free(&w->in);
	sb_free(&w->data);
}

/* ---- SHA-1, which the handshake asks for and nothing else here uses (FIPS 180-4) ---- */

static uint32_t rol(uint32_t v, unsigned int n)
{
	return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const unsigned char block[64])
{
	static const uint32_t k[] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], f = h[4];

	for (unsigned int i = 0; i < 80; i++) {
		if (i < 16)
			w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
		else
			w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	}
	for (unsigned int i = 0; i < 80; i++) {
		uint32_t mix = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
		uint32_t next = rol(a, 5) + mix + f + k[i / 20] + w[i];

		f = d;
		d = c;
		c = rol(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += f;
}

/* Of a text that fits into two blocks with its length behind it. */
static void sha1_short(const char *text, size_t len, unsigned char out[SHA1_LEN])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	unsigned char block[128] = { 0 };
	size_t size = len + 9 <= 64 ? 64 : 128;
	uint64_t bits = htobe64((uint64_t)len * 8);

	memcpy(block, text, len);
	block[len] = 0x80;
	memcpy(block + size - sizeof(bits), &bits, sizeof(bits));
	for (size_t at = 0; at < size; at += 64)
		sha1_block(h, block + at);
	for (size_t i = 0; i < 5; i++) {
		h[i] = htobe32(h[i]);
		memcpy(out + 4 * i, &h[i], 4);
	}
}

int websocket_accept(const char *key, char out[WEBSOCKET_ACCEPT_LEN])
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, coded = STRBUF_INIT;
	unsigned char digest[SHA1_LEN];

	if (!*key || strlen(key) > KEY_MAX)
		return -EINVAL;
	sb_puts(&text, key);
	sb_puts(&text, GUID);
	if (sb_error(&text) < 0)
		return -ENOMEM;
	sha1_short(text.s, text.len, digest);
	base64_encode(digest, sizeof(digest), &coded);
	if (sb_error(&coded) < 0 || coded.len + 1 != WEBSOCKET_ACCEPT_LEN)
		return -ENOMEM;
	memcpy(out, coded.s, WEBSOCKET_ACCEPT_LEN);
	return 0;
}

/* ---- frames ---- */

void websocket_write(struct strbuf *out, enum websocket_kind kind, const void *data, size_t len)
{
	unsigned char head[10] = { (unsigned char)(FINAL | (unsigned char)kind) };
	size_t n = 2;

	if (len < 126) {
		head[1] = (unsigned char)len;
	} else {
		bool large = len > UINT16_MAX;

		head[1] = large ? 127 : 126;
		n = large ? 10 : 4;
		for (size_t i = 2; i < n; i++)
			head[i] = (unsigned char)((uint64_t)len >> 8 * (n - 1 - i));
	}
	sb_add(out, head, n);
	if (len)
		sb_add(out, data, len);
}

struct head {
	unsigned int kind;
	size_t size, len; /* of itself; of what follows */
	unsigned char mask[4];
};

/* 1, 0: more is needed, -EBADMSG. */
static int read_head(const unsigned char *p, size_t n, struct head *out)
{
	size_t wide;

	if (n < 2)
		return 0;
	if (p[0] & CONTROL && (!(p[0] & FINAL) || (p[1] & 127) > CONTROL_MAX))
		return -EBADMSG;
	wide = (p[1] & 127) == 126 ? 2 : (p[1] & 127) == 127 ? 8 : 0;
	*out = (struct head){ .kind = p[0] & 15, .size = 2 + wide + 4, .len = wide ? 0 : p[1] & 127 };
	if (!(p[1] & MASKED) || p[0] & 0x70) /* a client's are masked; the other bits are extensions', of which none was agreed upon */
		return -EBADMSG;
	if (n < out->size)
		return 0;
	for (size_t i = 0; i < wide; i++) {
		out->len = out->len << 8 | p[2 + i];
		if (out->len > WEBSOCKET_MAX)
			return -EBADMSG;
	}
	memcpy(out->mask, p + 2 + wide, sizeof(out->mask));
	return 1;
}

static int take_frame(struct websocket *w, const struct head *h, char *payload, struct strbuf *answer, bool *closes)
{
	for (size_t i = 0; i < h->len; i++)
		payload[i] = (char)((unsigned char)payload[i] ^ h->mask[i % 4]);
	switch (h->kind) {
	case WEBSOCKET_MORE:
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		sb_add(&w->data, payload, h->len);
		return 0;
	case WEBSOCKET_PING:
		websocket_write(answer, WEBSOCKET_PONG, payload, h->len);
		return 0;
	case WEBSOCKET_PONG:
		return 0;
	case WEBSOCKET_CLOSE:
		*closes = true;
		return 0;
	default:
		return -EBADMSG;
	}
}

int websocket_feed(struct websocket *w, const void *data, size_t len, struct strbuf *answer, bool *closes)
{
	size_t done = 0;
	int r = 1;

	sb_add(&w->in, data, len);
	while (r > 0 && sb_error(&w->in) == 0) {
		struct head h = { 0 };
		size_t left = w->in.len - done;

		r = read_head((const unsigned char *)sb_str(&w->in) + done, left, &h);
		if (r > 0 && left < h.size + h.len)
			break;
		if (r > 0 && take_frame(w, &h, w->in.s + done + h.size, answer, closes) < 0)
			r = -EBADMSG;
		if (r > 0)
			done += h.size + h.len;
	}
	if (done) {
		memmove(w->in.s, w->in.s + done, w->in.len - done);
		w->in.len -= done;
	}
	if (sb_error(&w->in) < 0 || sb_error(&w->data) < 0)
		return -ENOMEM;
	return r < 0 ? r : 0;
}

size_t websocket_take(struct websocket *w, void *out, size_t size)
{
	size_t n = w->data.len - w->taken;

	if (n > size)
		n = size;
	if (n)
		memcpy(out, w->data.s + w->taken, n);
	w->taken += n;
	if (w->taken == w->data.len) {
		w->taken = 0;
		sb_reset(&w->data);
	}
	return n;
}
