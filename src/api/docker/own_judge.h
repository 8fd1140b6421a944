/* What the body of a request says, for a client who is kept to his own (own.h): judged by tables, and signed with his name. */
#ifndef TARE_API_DOCKER_OWN_JUDGE_H
#define TARE_API_DOCKER_OWN_JUDGE_H

#include "api/server/guard.h"

enum own_said {
	OWN_ANYTHING,
	OWN_NULL_ALONE, /* an empty list says something */
	OWN_ONE_OF,     /* of these texts, or nothing */
	OWN_JUDGED
};

struct own_member {
	const char *name; /* NULL: the end of a table */
	enum own_said said;
	const char *texts; /* "|private" */
	int (*judge)(const struct json *v, struct err *e);
};

/* ERR_DENIED, with what it is that he may not. */
int own_no(struct err *e, const char *what);
/* Whether words, with '|' between, have that text. */
bool own_is_word(const char *words, const char *text);
/* An object's members, or there is none. What no row has must say nothing. ERR_DENIED names the member; ERR_INVALID: it is no object. */
int own_judge(const struct json *object, const struct own_member *table, struct err *e) MUST_CHECK;

/* Whether what has these labels (NULL: none) is his. */
bool own_has(const struct exchange *ex, const struct json *labels);
/* The same of a container, by its configuration as the catalog has it. */
bool own_made(struct exchange *ex, const char *config);
/* The label that makes it his into the Labels of a body, whatever that says. */
int own_sign(struct exchange *ex, struct json *body, struct err *e) MUST_CHECK;

#endif
