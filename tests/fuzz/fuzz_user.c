/* A container's passwd and group files, and the user asked for: USER, NUL, passwd, NUL, group. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text up to the next NUL; *data moves behind it. */
static const char *next(struct arena *a, const uint8_t **data, size_t *size)
{
	size_t n = strnlen((const char *)*data, *size);
	const char *text = arena_strndup(a, (const char *)*data, n);

	*data += n + (n < *size);
	*size -= n + (n < *size);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *user = next(&a, &data, &size), *passwd = next(&a, &data, &size), *group = next(&a, &data, &size);
	struct oci_resolved_user u;
	struct err e = { 0 };
	uint32_t gid;

	if (!user || !passwd || !group)
		return 0;
	if (oci_user_resolve_texts(&a, passwd, group, user, &u, &e) == 0) {
		if (!u.home || (u.n_groups && u.groups[0] != u.gid))
			abort();
		for (size_t i = 1; i < u.n_groups; i++)
			if (u.groups[i] == UINT32_MAX)
				abort(); /* setgroups(2) refuses (gid_t)-1 */
		if (u.uid == UINT32_MAX || u.gid == UINT32_MAX)
			abort(); /* "no change" to setresuid(2) */
	} else if (!e.msg[0]) {
		abort();
	}
	(void)!oci_group_resolve_text(group, user, &gid, &e);
	return 0;
}
