#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define NS_PER_S 1000000000LL

bool text_take_u32(const char **at, uint32_t *out)
{
	const char *p = *at;
	uint64_t v = 0;

	while (isdigit((unsigned char)*p) && v <= UINT32_MAX)
		v = v * 10 + (uint64_t)(*p++ - '0');
	if (p == *at || v > UINT32_MAX)
		return false;
	*at = p;
	*out = (uint32_t)v;
	return true;
}

size_t text_path_len(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

const char *text_of_u64(uint64_t v, char out[TEXT_U64_LEN])
{
	char *p = out + TEXT_U64_LEN - 1;

	*p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	return p;
}

int text_join(char *out, size_t size, const char *const *parts)
{
	size_t used = 0;

	for (; *parts; parts++) {
		size_t len = strlen(*parts);

		if (len >= size - used)
			return -ENAMETOOLONG;
		memcpy(out + used, *parts, len);
		used += len;
	}
	out[used] = '\0';
	return (int)used;
}

int text_i64(const char *s, int64_t *out)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)s[s[0] == '-' || s[0] == '+']))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*out = v;
	return 0;
}

int text_u64(const char *s, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*out = v;
	return 0;
}

int text_u32(const char *s, uint32_t *out)
{
	uint64_t v;
	int r = text_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*out = (uint32_t)v;
	return 0;
}

/* A decimal fraction as whole part and billionths; moves *s behind it. */
static int parse_decimal(const char **s, uint64_t *whole, uint64_t *billionths)
{
	const char *p = *s;
	uint64_t scale = 100000000;
	bool any = false;

	*whole = *billionths = 0;
	for (; isdigit((unsigned char)*p); p++, any = true)
		if (__builtin_mul_overflow(*whole, 10U, whole) ||
		    __builtin_add_overflow(*whole, (uint64_t)(*p - '0'), whole))
			return -ERANGE;
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++, any = true) {
			*billionths += (uint64_t)(*p - '0') * scale;
			scale /= 10;
		}
	}
	if (!any)
		return -EINVAL;
	*s = p;
	return 0;
}

int text_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "bkmgtp";
	uint64_t whole, frac, unit = 1, v;
	const char *u;
	int r;

	r = parse_decimal(&s, &whole, &frac);
	if (r < 0)
		return r;
	if (*s) {
		u = strchr(units, tolower((unsigned char)*s));
		if (!u)
			return -EINVAL;
		unit <<= 10 * (unsigned int)(u - units);
		s++;
		if (unit > 1 && tolower((unsigned char)s[0]) == 'i' && tolower((unsigned char)s[1]) == 'b')
			s += 2;
		else if (unit > 1 && tolower((unsigned char)s[0]) == 'b')
			s++;
		if (*s)
			return -EINVAL;
	}
	if (__builtin_mul_overflow(whole, unit, &v))
		return -ERANGE;
	if (__builtin_add_overflow(v, (uint64_t)((double)unit * ((double)frac / 1e9)), &v))
		return -ERANGE;
	*bytes = v;
	return 0;
}

static int duration_unit(const char **s, int64_t *unit)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ns", 1 },	     { "us", 1000 },	   { "\xc2\xb5s", 1000 }, { "ms", 1000000 },
		{ "s", NS_PER_S }, { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t len = strlen(units[i].name);

		if (!strncmp(*s, units[i].name, len) && !isalpha((unsigned char)(*s)[len])) {
			*s += len;
			*unit = units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

int text_duration(const char *s, int64_t *ns)
{
	bool negative = *s == '-', first = true;
	int64_t total = 0;

	if (*s == '-' || *s == '+')
		s++;
	while (*s || first) {
		uint64_t whole, frac;
		int64_t unit = NS_PER_S, part;
		int r = parse_decimal(&s, &whole, &frac);

		if (r < 0)
			return r;
		/* a bare number is seconds, but only alone */
		if (*s || !first) {
			r = duration_unit(&s, &unit);
			if (r < 0)
				return r;
		}
		if (whole > INT64_MAX || __builtin_mul_overflow((int64_t)whole, unit, &part) ||
		    __builtin_add_overflow(part, (int64_t)((double)unit * ((double)frac / 1e9)), &part) ||
		    __builtin_add_overflow(total, part, &total))
			return -ERANGE;
		first = false;
	}
	*ns = negative ? -total : total;
	return 0;
}

/* The last n digits of v. */
static void put_digits(char *at, size_t n, unsigned long v)
{
	for (; n; v /= 10)
		at[--n] = (char)('0' + v % 10);
}

void text_time(const struct timespec *ts, char out[TEXT_TIME_LEN])
{
	static const char form[TEXT_TIME_LEN] = "0000-00-00T00:00:00.000000000Z";
	struct tm tm;

	gmtime_r(&ts->tv_sec, &tm);
	memcpy(out, form, sizeof(form));
	put_digits(out, 4, (unsigned long)tm.tm_year + 1900);
	put_digits(out + 5, 2, (unsigned long)tm.tm_mon + 1);
	put_digits(out + 8, 2, (unsigned long)tm.tm_mday);
	put_digits(out + 11, 2, (unsigned long)tm.tm_hour);
	put_digits(out + 14, 2, (unsigned long)tm.tm_min);
	put_digits(out + 17, 2, (unsigned long)tm.tm_sec);
	put_digits(out + 20, 9, (unsigned long)ts->tv_nsec);
}

void text_now(char out[TEXT_TIME_LEN])
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	text_time(&ts, out);
}

/* Behind the seconds of an RFC 3339 time: fraction and offset. */
static int parse_time_tail(const char *s, long *nsec, long *offset)
{
	uint64_t whole, frac = 0;
	int hours, minutes, used = 0;
	char sign;

	if (*s == '.' && parse_decimal(&s, &whole, &frac) < 0)
		return -EINVAL;
	*nsec = (long)frac;
	*offset = 0;
	if (!*s || !strcasecmp(s, "z"))
		return 0;
	if (sscanf(s, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || s[used] || (sign != '+' && sign != '-'))
		return -EINVAL;
	*offset = (hours * 60L + minutes) * 60L * (sign == '-' ? -1 : 1);
	return 0;
}

int text_parse_time(const char *s, struct timespec *out)
{
	struct tm tm = { 0 };
	const char *rest;
	uint64_t whole, frac;
	long offset = 0, nsec = 0;

	rest = s;
	if (parse_decimal(&rest, &whole, &frac) == 0 && !*rest && whole <= INT64_MAX) {
		*out = (struct timespec){ .tv_sec = (time_t)whole, .tv_nsec = (long)frac };
		return 0;
	}
	rest = strptime(s, "%Y-%m-%d", &tm);
	if (!rest)
		return -EINVAL;
	if (*rest) {
		if (*rest != 'T' && *rest != 't' && *rest != ' ')
			return -EINVAL;
		rest = strptime(rest + 1, "%H:%M:%S", &tm);
		if (!rest || parse_time_tail(rest, &nsec, &offset) < 0)
			return -EINVAL;
	}
	*out = (struct timespec){ .tv_sec = timegm(&tm) - offset, .tv_nsec = nsec };
	return 0;
}

void text_ago(int64_t seconds, char *out, size_t len)
{
	static const struct {
		int64_t below, unit;
		const char *name;
	} steps[] = {
		{ 60, 1, "seconds" },		  { 60LL * 60, 60, "minutes" },
		{ 48LL * 3600, 3600, "hours" },	  { 14LL * 86400, 86400, "days" },
		{ 60LL * 86400, 7LL * 86400, "weeks" }, { 730LL * 86400, 30LL * 86400, "months" },
		{ INT64_MAX, 365LL * 86400, "years" },
	};
	size_t i = 0;

	if (seconds < 1) {
		snprintf(out, len, "Less than a second");
	} else if (seconds == 1) {
		snprintf(out, len, "1 second");
	} else if (seconds >= 60 && seconds < 120) {
		snprintf(out, len, "About a minute");
	} else if (seconds >= 3600 && seconds < 7200) {
		snprintf(out, len, "About an hour");
	} else {
		while (seconds >= steps[i].below)
			i++;
		snprintf(out, len, "%lld %s", (long long)(seconds / steps[i].unit), steps[i].name);
	}
}

void text_human_size(uint64_t bytes, char *out, size_t len)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1000 && i + 1 < ARRAY_LEN(units)) {
		v /= 1000;
		i++;
	}
	snprintf(out, len, "%.3g%s", v, units[i]);
}

int text_random_hex(size_t nbytes, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < nbytes; i++) {
		unsigned char c;

		if (getrandom(&c, 1, 0) != 1)
			return -errno;
		out[2 * i] = digits[c >> 4];
		out[2 * i + 1] = digits[c & 15];
	}
	out[2 * nbytes] = '\0';
	return 0;
}

bool text_is_hex(const char *s, size_t len)
{
	return strspn(s, "0123456789abcdef") == len && s[len] == '\0';
}

bool text_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

const char *text_escape(const char *s, char *out, size_t len)
{
	size_t used = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		size_t need = c == '\\' ? 2 : c >= ' ' && c < 0x7f ? 1 : 4;

		/* room for "..." stays free as long as there may be more */
		if (used + need + 4 > len) {
			(void)snprintf(out + used, len - used, "...");
			return out;
		}
		if (need == 4)
			(void)snprintf(out + used, len - used, "\\x%02x", c);
		else
			memset(out + used, c, need);
		used += need;
	}
	out[used] = '\0';
	return out;
}

/* Bytes of the UTF-8 character at s that may be shown as they are; 0: none. */
static size_t harmless(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (n == 1)
		return s[0] >= ' ' && s[0] != 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n;
}

const char *text_tame(const char *s, char *out, size_t len)
{
	size_t used = 0;

	while (*s) {
		size_t n = harmless((const unsigned char *)s), need = n ? n : 4;

		if (used + need + 4 > len) {
			(void)snprintf(out + used, len - used, "...");
			return out;
		}
		if (n)
			memcpy(out + used, s, n);
		else
			(void)snprintf(out + used, len - used, "\\x%02x", (unsigned char)*s);
		used += need;
		s += n ? n : 1;
	}
	out[used] = '\0';
	return out;
}

#define WORD_MAX 64

size_t text_distance(const char *a, const char *b)
{
	size_t d[3][WORD_MAX + 1]; /* the row two above, the one above, this one; used in turn */
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++) {
		size_t *now = d[i % 3], *above = d[(i + 2) % 3], *above2 = d[(i + 1) % 3];

		for (size_t j = 0; j <= m; j++) {
			if (!i || !j) {
				now[j] = i + j;
				continue;
			}
			now[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < now[j])
				now[j] = above[j] + 1;
			if (now[j - 1] + 1 < now[j])
				now[j] = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < now[j])
				now[j] = above2[j - 2] + 1;
		}
	}
	return d[n % 3][m];
}
