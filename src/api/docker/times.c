#include "api/docker/times.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"

const char *time_ago(struct arena *a, int64_t ns)
{
	struct timespec now;
	char text[64];

	if (ns == TIME_NEVER)
		return "";
	clock_gettime(CLOCK_REALTIME, &now);
	text_ago(now.tv_sec - ns / 1000000000, text, sizeof(text));
	return arena_printf(a, "%s ago", text);
}

/* Seconds and what is left of them, of times before 1970, too. */
static struct timespec parts_of(int64_t ns)
{
	int64_t part = ns % 1000000000;

	return (struct timespec){ .tv_sec = ns / 1000000000 - (part < 0), .tv_nsec = part < 0 ? part + 1000000000 : part };
}

/* ".25" of 250000000 */
static const char *fraction(long ns, char out[12])
{
	size_t len = (size_t)snprintf(out, 12, ".%09ld", ns % 1000000000);

	while (len && (out[len - 1] == '0' || out[len - 1] == '.'))
		out[--len] = '\0';
	return out;
}

const char *time_date(struct arena *a, int64_t ns, bool exact)
{
	struct timespec ts = parts_of(ns);
	char day[32], zone[32], part[12] = "";
	struct tm tm;

	if (ns == TIME_NEVER || !localtime_r(&ts.tv_sec, &tm))
		return "0001-01-01 00:00:00 +0000 UTC";
	if (strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm) == 0 || strftime(zone, sizeof(zone), "%z %Z", &tm) == 0)
		return "";
	return arena_printf(a, "%s%s %s", day, exact ? fraction(ts.tv_nsec, part) : "", zone);
}

const char *time_text(struct arena *a, int64_t ns)
{
	struct timespec ts = parts_of(ns);
	char text[TEXT_TIME_LEN];

	if (ns == TIME_NEVER)
		return "0001-01-01T00:00:00Z";
	text_time(&ts, text);
	return arena_strdup(a, text);
}
