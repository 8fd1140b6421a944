#include "api/server/users.h"

#include <stdlib.h>
#include <string.h>

struct user *users_take(struct users *us, uid_t uid, const char *name)
{
	struct user *u;
	char *copy = NULL;

	for (u = us->first; u; u = u->next) {
		if (u->uid == uid && !strcmp(u->name ? u->name : "", name ? name : "")) {
			u->conns++;
			return u;
		}
	}
	u = calloc(1, sizeof(*u));
	if (u && name && *name)
		copy = strdup(name);
	if (!u || (name && *name && !copy)) {
		free(u);
		return NULL;
	}
	*u = (struct user){ .of = us, .next = us->first, .uid = uid, .name = copy, .conns = 1 };
	us->first = u;
	us->n++;
	return u;
}

static void forget(struct user *u)
{
	struct user **at = &u->of->first;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->of->n--;
	free(u->name);
	free(u);
}

void users_drop(struct user *u)
{
	if (--u->conns == 0)
		forget(u);
}

void users_free(struct users *us)
{
	while (us->first)
		forget(us->first);
}
