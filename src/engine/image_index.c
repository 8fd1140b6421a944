/* An image that was pulled by an index keeps it. Whether it can go on under the index's digest is seen each time: other platforms' images come
 * and go like any other. */
#include "engine/images.h"

#include "image/closure.h"

/* The index that a tag of the image means; its own digest is what a name with one says. */
int image_document(struct catalog *c, struct arena *a, const char *what, const struct image *img, const char **out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct image_ref ref;
	struct err ignored;
	int r;

	*out = NULL;
	if (image_ref_parse(a, what, &ref, &ignored) < 0)
		return 0;
	r = cat_prepare(c, &s, e,
			"SELECT document FROM tags WHERE ref = ?1 AND image = ?3 UNION ALL"
			" SELECT digest FROM documents WHERE digest = ?2 AND image = ?3 LIMIT 1",
			"sss", image_ref_canonical(a, &ref), ref.digest, img->id);
	if (r == 0)
		r = cat_step(s, e);
	if (r > 0 && !cat_null(s, 0) && !(*out = arena_strdup(a, cat_text(s, 0))))
		return err_errno(e, -ENOMEM, "read an image's index");
	return r < 0 ? r : 0;
}

int image_top(struct catalog *c, const struct store *s, struct arena *a, const char *what, const struct image *img, const char **top,
	      bool *partial, struct err *e)
{
	struct closure all;
	struct err why = { 0 };
	const char *index;
	int r = image_document(c, a, what, img, &index, e);

	*top = img->manifest;
	*partial = false;
	if (r < 0 || !index)
		return r;
	*partial = closure_of_store(s, NULL, a, index, &all, &why) < 0 || !closure_is_here(s, &all);
	if (!*partial)
		*top = index;
	return 0;
}
