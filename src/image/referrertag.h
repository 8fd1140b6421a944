/* What stands for the referrers API where a registry has none: a tag, "sha256-HEX" of the subject, that means an index of what refers to it
 * (distribution specification, "Referrers Tag Schema", "Pushing Manifests with Subject"). */
#ifndef TARE_IMAGE_REFERRERTAG_H
#define TARE_IMAGE_REFERRERTAG_H

#include "base/strbuf.h"
#include "image/closure.h"
#include "image/mediatype.h"

#define REFERRERTAG_TYPE MEDIATYPE_INDEX
#define REFERRERTAG_LEN (sizeof("sha256-") + 64)

void referrertag_name(const char *subject, char out[REFERRERTAG_LEN]);
/* The index with doc in it: old is what the tag means (len 0: nothing yet). *there: doc is listed already, and out is empty. */
int referrertag_add(struct arena *a, const char *old, size_t len, const struct closure_part *doc, struct strbuf *out, bool *there,
		    struct err *e) MUST_CHECK;

#endif
