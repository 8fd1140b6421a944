/* wire/challenge and wire/answer: any bytes as the value of WWW-Authenticate, two of them when there is a line feed, as a token endpoint's
 * answer and as the body of an error. No text of theirs has a control character. */
#include <stdlib.h>
#include <string.h>

#include "wire/answer.h"
#include "wire/challenge.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void no_controls(const char *s)
{
	for (; *s; s++)
		check(((unsigned char)*s >= 0x20 && *s != 0x7f) || *s == '\t');
}

static void challenges(struct arena *a, const char *text, size_t size)
{
	struct challenges c = CHALLENGES_INIT;
	const char *line = size ? memchr(text, '\n', size) : NULL;
	size_t first = line ? (size_t)(line - text) : size;
	struct err e = { 0 };

	(void)!challenge_parse(a, text, first, &c, &e);
	if (line)
		(void)!challenge_parse(a, line + 1, size - first - 1, &c, &e);
	check(c.bearer || (!*c.realm && !*c.service && !*c.scope && !*c.error));
	check(c.basic || !*c.basic_realm);
	no_controls(c.realm);
	no_controls(c.service);
	no_controls(c.scope);
	no_controls(c.error);
	no_controls(c.basic_realm);
	no_controls(c.other);
	no_controls(e.msg);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	const char *text = (const char *)data;
	struct token_answer t;
	struct err e = { 0 };
	char out[100];

	challenges(&a, text, size);
	if (answer_token(&a, text, size, &t, &e) == 0) {
		check(t.token && *t.token && t.expires_in > 0);
		no_controls(t.token);
	}
	check(strlen(answer_error(text, size, out, sizeof(out))) < sizeof(out));
	no_controls(out);
	return 0;
}
