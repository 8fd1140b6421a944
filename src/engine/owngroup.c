#include "engine/owngroup.h"

#include <string.h>

#include "base/text.h"

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

/* The n-th part between colons, from 0; NULL: the line has not as many. */
static const char *part(const char *line, int n, size_t *len)
{
	while (n-- > 0) {
		line += strcspn(line, ":\n");
		if (*line++ != ':')
			return NULL;
	}
	*len = strcspn(line, ":\n");
	return line;
}

static bool has_number(const char *line, int n, uint32_t want)
{
	size_t len;
	const char *at = part(line, n, &len), *end = at;
	uint32_t v;

	return at && text_take_u32(&end, &v) && end == at + len && v == want;
}

static bool has_name(const char *line, const char *name, size_t name_len)
{
	size_t len;
	const char *at = part(line, 0, &len);

	return at && len == name_len && memcmp(at, name, len) == 0;
}

static bool is_name_of(const char *passwd, const char *name, size_t len, uint32_t uid)
{
	bool found = false;

	for (const char *line = passwd; line && *line; line = next_line(line))
		if (has_name(line, name, len)) {
			if (!has_number(line, 2, uid))
				return false;
			found = true;
		}
	return found;
}

static bool has_members_of(const char *line, const char *passwd, uint32_t uid)
{
	size_t len = 0;
	const char *at = part(line, 3, &len), *end = at ? at + len : NULL;

	for (; at && at < end; at += strspn(at, ",")) {
		size_t n = strcspn(at, ",:\n");

		if (n && !is_name_of(passwd, at, n, uid))
			return false;
		at += n;
	}
	return true;
}

bool owngroup(const char *passwd, const char *group, uint32_t uid, uint32_t gid)
{
	bool found = false;

	for (const char *line = passwd; line && *line; line = next_line(line))
		if (has_number(line, 3, gid) && !has_number(line, 2, uid))
			return false;
	for (const char *line = group; line && *line; line = next_line(line))
		if (has_number(line, 2, gid)) {
			if (!has_members_of(line, passwd, uid))
				return false;
			found = true;
		}
	return found;
}
