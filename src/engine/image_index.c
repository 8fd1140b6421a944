/* An image that was pulled by an index keeps it, and a tag the manifest that it came by: another tag may have brought the same configuration by
 * another manifest. Whether it can go on under that digest is seen each time: other platforms' images come and go like any other, and a blob
 * may be damaged. */
#include "engine/images.h"

#include <string.h>

#include "image/closure.h"

/* A name's own digest is the index that it says. */
int image_meant(struct catalog *c, struct arena *a, const char *what, const struct image *img, struct image_top *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct image_ref ref;
	struct err ignored;
	int r;

	*out = (struct image_top){ .manifest = img->manifest, .digest = img->manifest };
	if (image_ref_parse(a, what, &ref, &ignored) < 0)
		return 0;
	r = cat_prepare(c, &s, e,
			"SELECT document, manifest FROM tags WHERE ref = ?1 AND image = ?3 UNION ALL"
			" SELECT digest, NULL FROM documents WHERE digest = ?2 AND image = ?3 LIMIT 1",
			"sss", image_ref_canonical(a, &ref), ref.digest, img->id);
	if (r == 0)
		r = cat_step(s, e);
	if (r > 0 && !cat_null(s, 0))
		out->index = arena_strdup(a, cat_text(s, 0));
	if (r > 0 && !cat_null(s, 1))
		out->manifest = out->digest = arena_strdup(a, cat_text(s, 1));
	return r < 0 ? r : arena_error(a) < 0 ? err_errno(e, -ENOMEM, "read an image's index") : 0;
}

static bool is_whole(const struct store *s, struct arena *a, const char *digest)
{
	struct closure all;
	struct err ignored;

	return closure_of_store(s, NULL, a, digest, &all, &ignored) == 0 && closure_is_here(s, &all);
}

int image_top(struct catalog *c, const struct store *s, struct arena *a, const char *what, const struct image *img, struct image_top *out,
	      struct err *e)
{
	int r = image_meant(c, a, what, img, out, e);

	if (r < 0)
		return r;
	if (strcmp(out->manifest, img->manifest) != 0 && !is_whole(s, a, out->manifest)) {
		out->manifest = out->digest = img->manifest;
		out->lost = "of the manifest that it came by something is not here: it goes by another, with another digest (tare pull brings it)";
	}
	if (!out->index)
		return 0;
	if (is_whole(s, a, out->index)) {
		out->digest = out->index;
		out->lost = NULL;
	} else if (!out->lost) {
		out->lost = "its index lists more than is here: only the manifest of this one goes (tare pull --platform brings others)";
	}
	return 0;
}
