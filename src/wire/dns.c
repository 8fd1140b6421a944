/* A question is copied from the query as it came, in the case it came in: resolvers compare it. */
#include "wire/dns.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define HEADER 12U
#define QR 0x8000U
#define OPCODE 0x7800U
#define TC 0x0200U
#define RD 0x0100U
#define RA 0x0080U
#define CODE 0x000f
#define CLASS_IN 1
#define TYPE_OPT 41
#define POINTER_TO_QUESTION 0xc00cU

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static unsigned char *put16(unsigned char *p, unsigned int v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
	return p + 2;
}

static unsigned char *put32(unsigned char *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

/* ---- reading ---- */

static bool is_name_char(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '_';
}

/* A name without compression, which a question has no use for: where it ends, 0 when it is none. out: its text, "" when it has other
 * characters than names have. */
static size_t read_name(const unsigned char *m, size_t len, size_t at, char out[DNS_NAME_LEN])
{
	size_t n = 0;
	bool ours = true;

	for (;;) {
		size_t label = at < len ? m[at] : 64;

		if (label > 63 || len - at - 1 < label || n + label + 1 > DNS_NAME_LEN)
			return 0;
		at++;
		if (label == 0)
			break;
		if (n)
			out[n++] = '.';
		for (size_t i = 0; i < label; i++, at++) {
			ours = ours && is_name_char(m[at]);
			out[n++] = (char)tolower(m[at]);
		}
	}
	out[ours ? n : 0] = '\0';
	return at;
}

/* The size that an OPT record behind the question offers, when it is the only one there. */
static size_t udp_size(const unsigned char *m, size_t len, size_t at)
{
	size_t offered;

	if (get16(m + 6) || get16(m + 8) || get16(m + 10) != 1 || len - at < 11 || m[at] != 0 || get16(m + at + 1) != TYPE_OPT)
		return DNS_UDP_LEAST;
	offered = get16(m + at + 3);
	return offered < DNS_UDP_LEAST ? DNS_UDP_LEAST : offered;
}

int dns_parse(const unsigned char *m, size_t len, struct dns_query *q)
{
	size_t at;

	*q = (struct dns_query){ .udp_size = DNS_UDP_LEAST };
	if (len < HEADER || len > DNS_MESSAGE_MAX)
		return -EBADMSG;
	q->id = get16(m);
	q->flags = get16(m + 2);
	if (q->flags & QR)
		return -EBADMSG;
	if (q->flags & OPCODE)
		return DNS_NOTIMP;
	if (get16(m + 4) != 1)
		return DNS_FORMERR;
	at = read_name(m, len, HEADER, q->name);
	if (!at || len - at < 4) {
		q->name[0] = '\0';
		return DNS_FORMERR;
	}
	q->type = get16(m + at);
	q->class = get16(m + at + 2);
	q->question_len = at + 4 - HEADER;
	q->udp_size = udp_size(m, len, at + 4);
	if (q->class != CLASS_IN)
		q->name[0] = '\0';
	return 0;
}

bool dns_answers(const unsigned char *query, size_t query_len, const unsigned char *answer, size_t len)
{
	struct dns_query q;

	if (dns_parse(query, query_len, &q) != 0 || len < HEADER + q.question_len || !(get16(answer + 2) & QR))
		return false;
	return get16(answer) == q.id && get16(answer + 4) == 1 && memcmp(answer + HEADER, query + HEADER, q.question_len) == 0;
}

bool dns_gave_up(const unsigned char *answer)
{
	int code = answer[3] & CODE;

	return code == DNS_SERVFAIL || code == DNS_NOTIMP || code == DNS_REFUSED;
}

size_t dns_truncate(unsigned char *answer, const struct dns_query *q)
{
	answer[2] |= TC >> 8;
	memset(answer + 6, 0, 6);
	return HEADER + q->question_len;
}

/* ---- writing ---- */

static unsigned char *begin(const unsigned char *m, const struct dns_query *q, int code, unsigned char *out)
{
	unsigned char *p = put16(out, q->id);

	p = put16(p, QR | RA | (q->flags & RD) | (q->flags & OPCODE) | (unsigned int)code);
	p = put16(p, q->question_len ? 1 : 0);
	p = put16(put16(put16(p, 0), 0), 0);
	memcpy(p, m + HEADER, q->question_len);
	return p + q->question_len;
}

size_t dns_fail(const unsigned char *m, const struct dns_query *q, int code, unsigned char *out)
{
	return (size_t)(begin(m, q, code, out) - out);
}

static unsigned char *record(unsigned char *p, uint16_t type, uint32_t ttl, size_t len)
{
	p = put16(put16(put16(p, POINTER_TO_QUESTION), type), CLASS_IN);
	return put16(put32(p, ttl), (unsigned int)len);
}

size_t dns_addresses(const unsigned char *m, const struct dns_query *q, const struct ip *ips, size_t n, uint32_t ttl, unsigned char *out, size_t size)
{
	unsigned char *p = begin(m, q, DNS_OK, out);
	unsigned int count = 0;

	for (size_t i = 0; i < n; i++) {
		uint16_t type = ips[i].len == 16 ? DNS_AAAA : DNS_A;

		if (q->type != type && q->type != DNS_ANY)
			continue;
		if (size - (size_t)(p - out) < 12U + ips[i].len) {
			out[2] |= TC >> 8;
			break;
		}
		p = record(p, type, ttl, ips[i].len);
		memcpy(p, ips[i].bytes, ips[i].len);
		p += ips[i].len;
		count++;
	}
	(void)put16(out + 6, count);
	return (size_t)(p - out);
}

/* A text as labels; how many bytes, 0 when it is no name. */
static size_t write_name(const char *name, unsigned char out[DNS_NAME_LEN + 1])
{
	size_t n = 0;

	for (const char *label = name; *label;) {
		size_t len = strcspn(label, ".");

		if (len == 0 || len > 63 || n + len + 2 > DNS_NAME_LEN)
			return 0;
		out[n++] = (unsigned char)len;
		memcpy(out + n, label, len);
		n += len;
		label += len + (label[len] == '.');
	}
	out[n++] = 0;
	return n;
}

size_t dns_pointer(const unsigned char *m, const struct dns_query *q, const char *name, uint32_t ttl, unsigned char *out, size_t size)
{
	unsigned char wire[DNS_NAME_LEN + 1], *p = begin(m, q, DNS_OK, out);
	size_t len = write_name(name, wire);

	if (!len || size - (size_t)(p - out) < 12 + len)
		return 0;
	p = record(p, DNS_PTR, ttl, len);
	memcpy(p, wire, len);
	(void)put16(out + 6, 1);
	return (size_t)(p + len - out);
}

/* ---- reverse names ---- */

static bool reverse4(const char *name, struct ip *out)
{
	*out = (struct ip){ .len = 4 };
	for (int i = 3; i >= 0; i--) {
		uint32_t byte;

		if (!text_take_u32(&name, &byte) || byte > 255 || *name++ != '.')
			return false;
		out->bytes[i] = (unsigned char)byte;
	}
	return strcmp(name, "in-addr.arpa") == 0;
}

static bool reverse6(const char *name, struct ip *out)
{
	static const char digits[] = "0123456789abcdef";

	*out = (struct ip){ .len = 16 };
	for (int i = 31; i >= 0; i--) {
		const char *d = *name ? strchr(digits, *name) : NULL;

		if (!d || name[1] != '.')
			return false;
		out->bytes[i / 2] |= (unsigned char)((d - digits) << (i % 2 ? 0 : 4));
		name += 2;
	}
	return strcmp(name, "ip6.arpa") == 0;
}

bool dns_reverse(const char *name, struct ip *out)
{
	return reverse4(name, out) || reverse6(name, out);
}
