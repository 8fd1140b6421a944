/* Who is at the other ends of the front's connections, and what each has of us. */
#ifndef TARE_API_SERVER_USERS_H
#define TARE_API_SERVER_USERS_H

#include <stddef.h>
#include <sys/types.h>

struct users {
	struct user *first;
	unsigned int n;
};

struct user {
	struct users *of;
	struct user *next;
	uid_t uid;
	char *name; /* of his certificate; NULL: none */
	unsigned int conns, workers;
	size_t heads; /* bytes of his that wait for more */
};

/* The user, with one connection more; NULL: no memory. name: NULL or "" where there is none. */
struct user *users_take(struct users *us, uid_t uid, const char *name);
/* One connection less; without any he is forgotten. */
void users_drop(struct user *u);
void users_free(struct users *us);

#endif
