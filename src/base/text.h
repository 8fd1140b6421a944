/* Small texts of the trade: numbers, sizes, durations, times, ids. Parsers take the whole string or refuse it
 * (-EINVAL, -ERANGE). */
#ifndef TARE_BASE_TEXT_H
#define TARE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"

int text_i64(const char *s, int64_t *out) MUST_CHECK;
int text_u64(const char *s, uint64_t *out) MUST_CHECK;
int text_u32(const char *s, uint32_t *out) MUST_CHECK;

/* The number, digits alone, at *at, and *at behind it: for lines of the kernel's. False, and *at stays, when there is none or it is
 * too big. */
bool text_take_u32(const char **at, uint32_t *out);

/* How much of path is left without the slashes at its end; of "/" all. */
size_t text_path_len(const char *path);

/* v in decimal: where it begins in out. For where printf(3) would be a good part of the work, as in a container's start. */
#define TEXT_U64_LEN 21
const char *text_of_u64(uint64_t v, char out[TEXT_U64_LEN]);

/* The parts, up to a NULL, one behind the other into out, size bytes with the NUL: the length, or -ENAMETOOLONG. */
int text_join(char *out, size_t size, const char *const *parts) MUST_CHECK;
#define TEXT_JOIN(out, size, ...) text_join(out, size, (const char *const[]){ __VA_ARGS__, NULL })

/* Docker's sizes: a number, optionally fractional, and b k m g t (or kb, kib, …; powers of 1024). */
int text_size(const char *s, uint64_t *bytes) MUST_CHECK;

/* Go's durations ("300ms", "1h30m", "-1.5s"); a bare number is seconds. In nanoseconds. */
int text_duration(const char *s, int64_t *ns) MUST_CHECK;

/* RFC 3339 in UTC with nanoseconds, "2026-11-23T10:00:00.123456789Z". */
#define TEXT_TIME_LEN 31
void text_time(const struct timespec *ts, char out[TEXT_TIME_LEN]);
void text_now(char out[TEXT_TIME_LEN]);

/* RFC 3339 with any offset and fraction; also a bare date, and seconds since the epoch ("1700000000.5"). */
int text_parse_time(const char *s, struct timespec *out) MUST_CHECK;

/* "3 minutes ago" style distance: "Less than a second", "5 seconds", "About a minute", "3 hours", "2 weeks". */
void text_ago(int64_t seconds, char *out, size_t len);

/* "1.25MB" in powers of 1000, as Docker prints image sizes. */
void text_human_size(uint64_t bytes, char *out, size_t len);

/* nbytes random bytes as lower-case hex; out has 2 * nbytes + 1 bytes. Container ids are 32 random bytes. */
int text_random_hex(size_t nbytes, char *out) MUST_CHECK;

/* s for a message: everything that is not printable ASCII becomes \xNN, a backslash is doubled; cut with "..." when out
 * is too short. Names from archives and containers go through this before a terminal sees them. Gives out. */
const char *text_escape(const char *s, char *out, size_t len);

/* As text_escape(), for a text that people wrote and may read: only what a terminal would act upon becomes \xNN (control
 * characters, C1 in UTF-8 too, and bytes that are no UTF-8); a backslash stays. Gives out. */
const char *text_tame(const char *s, char *out, size_t len);

/* Edits (insert, delete, replace, swap of neighbours: optimal string alignment) from one name to another; 64 when one is
 * longer than that. */
size_t text_distance(const char *a, const char *b);

bool text_is_hex(const char *s, size_t len); /* exactly len lower-case hex digits, then the end */
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);

#endif
