#include "engine/subid.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool is_who(const char *line, size_t len, const char *name, uint32_t uid)
{
	char number[TEXT_U64_LEN];
	const char *text = text_of_u64(uid, number);

	return (name && strlen(name) == len && strncmp(line, name, len) == 0) || (strlen(text) == len && strncmp(line, text, len) == 0);
}

/* "FIRST:COUNT" up to the line's end. */
static bool take_range(const char *at, struct idmap_range *out)
{
	if (!text_take_u32(&at, &out->outside) || *at++ != ':' || !text_take_u32(&at, &out->size))
		return false;
	at += strspn(at, " \t\r");
	return (*at == '\n' || !*at) && out->size > 0 && out->outside > 0 && out->size < UINT32_MAX - out->outside;
}

static bool overlap(const struct idmap_range *a, const struct idmap_range *b)
{
	return a->outside < b->outside + b->size && b->outside < a->outside + a->size;
}

size_t subid_map(const char *text, const char *name, uint32_t uid, uint32_t own, struct idmap_range *out, size_t max)
{
	uint32_t next = 1;
	size_t n = 1;

	out[0] = (struct idmap_range){ .inside = 0, .outside = own, .size = 1 };
	for (const char *line = text; line && n < max; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		struct idmap_range r = { .inside = next };
		size_t len = strcspn(line, ":\n");
		bool free_of_others = true;

		if (line[len] != ':' || !is_who(line, len, name, uid) || !take_range(line + len + 1, &r) || r.size > UINT32_MAX - 1 - next)
			continue;
		for (size_t i = 0; i < n; i++)
			free_of_others = free_of_others && !overlap(&out[i], &r);
		if (!free_of_others)
			continue;
		out[n++] = r;
		next += r.size;
	}
	return n;
}
