/* DNS messages (RFC 1035, 3596, 6891): a query in, an answer out; no I/O. Names are texts without the last dot, in lower case; a label
 * with bytes that are no letter, digit, '-', '_' or '.' is no name we could have. */
#ifndef TARE_WIRE_DNS_H
#define TARE_WIRE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/ip.h"

#define DNS_NAME_LEN 254 /* 253 characters and the NUL */
#define DNS_UDP_LEAST 512U
#define DNS_MESSAGE_MAX 65535U

enum { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_IXFR = 251, DNS_AXFR = 252, DNS_ANY = 255 };
enum { DNS_OK = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };

struct dns_query {
	uint16_t id, flags, type, class;
	char name[DNS_NAME_LEN]; /* "" when it is none of ours */
	size_t question_len;     /* bytes of the question, which begins behind the header */
	size_t udp_size;         /* the longest answer that may come by UDP */
};

/* 0: a question that can be answered or passed on. -EBADMSG: no query at all, to be dropped. Positive: a DNS_* code to answer with by
 * dns_fail(); *q has id and flags then. */
int dns_parse(const unsigned char *m, size_t len, struct dns_query *q) MUST_CHECK;

/* Answers into out, of size bytes at least DNS_UDP_LEAST, each gives its length. m is the query. */
size_t dns_fail(const unsigned char *m, const struct dns_query *q, int code, unsigned char *out);
/* Addresses of the type that is asked for; none: the name exists, but not with such an address. What does not fit is left out and the
 * message marked as truncated. */
size_t dns_addresses(const unsigned char *m, const struct dns_query *q, const struct ip *ips, size_t n, uint32_t ttl, unsigned char *out,
		     size_t size);
/* A name, to a PTR question; 0 when it does not fit. */
size_t dns_pointer(const unsigned char *m, const struct dns_query *q, const char *name, uint32_t ttl, unsigned char *out, size_t size);

/* The address that "4.3.2.1.in-addr.arpa" or "….ip6.arpa" names. False: none. */
bool dns_reverse(const char *name, struct ip *out);

/* Whether an answer belongs to the query: the same id and question. */
bool dns_answers(const unsigned char *query, size_t query_len, const unsigned char *answer, size_t len);
/* Whether an answer says that this server does not know or does not want: another one may. */
bool dns_gave_up(const unsigned char *answer);
/* An answer that belongs to query q without its records, marked as truncated: who asked is to come again by TCP. Its length. */
size_t dns_truncate(unsigned char *answer, const struct dns_query *q);

#endif
