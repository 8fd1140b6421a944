#include "image/referrertag.h"

#include <stdio.h>
#include <string.h>

#include "image/config.h"

void referrertag_name(const char *subject, char out[REFERRERTAG_LEN])
{
	(void)snprintf(out, REFERRERTAG_LEN, "sha256-%.64s", digest_hex(subject));
}

static void write_entry(struct json_writer *w, const struct closure_part *doc)
{
	jw_object(w, NULL);
	jw_str(w, "mediaType", doc->type);
	jw_str(w, "digest", doc->digest);
	jw_u64(w, "size", doc->size);
	if (doc->artifact_type)
		jw_str(w, "artifactType", doc->artifact_type);
	if (doc->annotations)
		jw_value(w, "annotations", doc->annotations);
	jw_end_object(w);
}

int referrertag_add(struct arena *a, const char *old, size_t len, const struct closure_part *doc, struct strbuf *out, bool *there,
		    struct err *e)
{
	struct json_writer w = JSON_WRITER(out);
	const struct json *index, *list = NULL;
	int r = len ? json_parse(a, old, len, &image_json_limits, &index, e) : 0;

	*there = false;
	if (r == 0 && len)
		r = json_get_array(index, "referrers", "manifests", &list, e);
	if (r < 0)
		return r;
	json_each(it, list) {
		const struct json *digest = json_get(it, "digest");

		*there |= digest && digest->type == JSON_STRING && strcmp(digest->str, doc->digest) == 0;
	}
	if (*there)
		return 0;
	jw_object(&w, NULL);
	jw_u64(&w, "schemaVersion", 2);
	jw_str(&w, "mediaType", REFERRERTAG_TYPE);
	jw_array(&w, "manifests");
	json_each(it, list)
		jw_value(&w, NULL, it);
	write_entry(&w, doc);
	jw_end_array(&w);
	jw_end_object(&w);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "referrers") : 0;
}
