/* image/ref: the name of an image. Its canonical and its familiar form are names of the same; neither has anything that a terminal or a URL
 * would take for something else. */
#include <stdlib.h>
#include <string.h>

#include "image/ref.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static int same_text(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static void check_form(struct arena *a, const struct image_ref *ref, const char *form)
{
	struct image_ref again;
	struct err e = { 0 };

	check(form && image_ref_parse(a, form, &again, &e) == 0);
	check(same_text(ref->domain, again.domain) && same_text(ref->path, again.path) && same_text(ref->tag, again.tag) &&
	      same_text(ref->digest, again.digest));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char *text = arena_strndup(&a, (const char *)data, size);
	struct image_ref ref;
	struct err e = { 0 };

	if (!text)
		return 0;
	if (image_ref_parse(&a, text, &ref, &e) < 0) {
		check(e.code < 0 && e.msg[0] && !strchr(e.msg, '\n'));
		return 0;
	}
	check(*ref.domain && *ref.path && (ref.tag || ref.digest));
	for (const char *s = text; *s; s++)
		check(*s > ' ' && *s < 0x7f && !strchr("?#%\\\"'<>&", *s));
	check_form(&a, &ref, image_ref_canonical(&a, &ref));
	check_form(&a, &ref, image_ref_familiar(&a, &ref));
	return 0;
}
