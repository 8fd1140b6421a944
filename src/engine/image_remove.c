/* What removing takes away is decided and written under the catalog's write lock; of the digests by which registries know an image those of a
 * repository go with its last tag there, as with docker. */
#include "engine/images.h"

#include <stdio.h>
#include <string.h>

#include "engine/events.h"
#include "engine/imagemount.h"
#include "engine/nearest.h"
#include "engine/record.h"

/* Names a container that uses the image; false when none does. */
static bool in_use(struct catalog *c, const char *id, char name[NEAREST_LEN])
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err ignored;

	if (cat_prepare(c, &s, &ignored, "SELECT name FROM containers WHERE image = ?1 OR " RECORD_MOUNTS_IMAGE " LIMIT 1", "s", id) < 0 ||
	    cat_step(s, &ignored) <= 0)
		return false;
	snprintf(name, NEAREST_LEN, "%s", cat_text(s, 0));
	return true;
}

/* What a removal takes away: a tag, and with the last one of its repository the digests there; a digest; or all that there is. */
struct removal {
	const struct image *img;
	const char *tag, *digest;  /* of the image's; both NULL: it was named by id */
	const char *repository;    /* "DOMAIN/PATH" whose digests go, NULL: none's */
	size_t left;               /* names that stay */
	bool whole;                /* the image goes, too */
};

static bool is_in(const char *name, const char *repository, char separator)
{
	size_t len = strlen(repository);

	return strncmp(name, repository, len) == 0 && name[len] == separator;
}

static bool is_known_in(const struct image *img, const char *repository)
{
	bool known = false;

	for (size_t i = 0; i < img->n_tags; i++)
		known = known || is_in(img->tags[i], repository, ':');
	for (size_t i = 0; i < img->n_digests; i++)
		known = known || is_in(img->digests[i], repository, '@');
	return known;
}

static const char *one_of(const char *const *v, size_t n, const char *what)
{
	for (size_t i = 0; what && i < n; i++)
		if (strcmp(v[i], what) == 0)
			return v[i];
	return NULL;
}

static bool goes(const struct removal *m, const char *digest)
{
	return (m->digest && strcmp(m->digest, digest) == 0) || (m->repository && is_in(digest, m->repository, '@')) || (!m->digest && !m->tag);
}

/* Which of the image's names `what` is, and what goes with it. By its manifest an image is found whatever the name before the digest; to
 * take it away the name must be one of its own. */
static int understand(struct arena *a, const struct image *img, const char *what, struct removal *m, struct err *e)
{
	struct image_ref ref;
	struct err ignored;
	const char *repository;
	size_t tags = 0;

	*m = (struct removal){ .img = img };
	if (image_ref_parse(a, what, &ref, &ignored) < 0)
		return 0;
	repository = arena_printf(a, "%s/%s", ref.domain, ref.path);
	if (ref.digest)
		m->digest = one_of(img->digests, img->n_digests, arena_printf(a, "%s@%s", repository, ref.digest));
	else
		m->tag = one_of(img->tags, img->n_tags, image_ref_canonical(a, &ref));
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "remove");
	if (!m->tag && !m->digest)
		return ref.digest && !is_known_in(img, repository) ? err_set(e, ERR_NOTFOUND, "no such image: %s (tare images lists them)", what) : 0;
	for (size_t i = 0; i < img->n_tags; i++) {
		m->left += img->tags[i] != m->tag;
		tags += img->tags[i] != m->tag && is_in(img->tags[i], repository, ':');
	}
	if (m->tag && tags == 0)
		m->repository = repository;
	for (size_t i = 0; i < img->n_digests; i++)
		m->left += !goes(m, img->digests[i]);
	return 0;
}

static int delete_rows(struct catalog *c, const struct removal *m, struct err *e)
{
	const char *id = m->img->id;
	bool all = !m->tag && !m->digest;
	int r = 0;

	if (m->tag || all)
		r = cat_exec(c, e, "DELETE FROM tags WHERE image = ?1 AND ref = coalesce(?2, ref)", "ss", id, m->tag);
	if (r >= 0 && (m->digest || all))
		r = cat_exec(c, e, "DELETE FROM repo_digests WHERE image = ?1 AND ref = coalesce(?2, ref)", "ss", id, m->digest);
	if (r >= 0 && m->repository)
		r = cat_exec(c, e, "DELETE FROM repo_digests WHERE image = ?1 AND substr(ref, 1, length(?2) + 1) = ?2 || '@'", "ss", id, m->repository);
	if (r >= 0 && m->whole)
		r = cat_exec(c, e, "DELETE FROM images WHERE id = ?1", "s", id);
	if (r >= 0 && m->whole)
		r = cat_exec(c, e,
			     "DELETE FROM layers WHERE NOT EXISTS (SELECT 1 FROM image_layers WHERE chain = layers.chain)", "");
	return r < 0 ? r : 0;
}

/* Decides under the write lock. */
static int judge(const struct engine *en, struct arena *a, const char *what, bool force, struct image *img, struct removal *m, struct err *e)
{
	char user[NEAREST_LEN];
	const char *mounted = NULL;
	bool used, by_id;
	struct catalog *c = en->catalog;
	int r = image_find(c, a, what, img, e);

	if (r == 0)
		r = understand(a, img, what, m, e);
	if (r == 0)
		r = imagemount_of(en, a, img->id, &mounted, e);
	if (r < 0)
		return r;
	used = in_use(c, img->id, user) || mounted;
	by_id = !m->tag && !m->digest;
	m->whole = !used && m->left == 0;
	if (mounted && m->left == 0 && (!force || img->n_tags + img->n_digests == 0))
		return err_set(e, ERR_CONFLICT, "image %s is mounted at %s: tare image umount it first", what, mounted);
	if (used && !force && m->left == 0)
		return err_set(e, ERR_CONFLICT, "image %s is in use by container %s: remove that first, or use -f to only untag it",
			       what, user);
	if (used && by_id && img->n_tags + img->n_digests == 0)
		return err_set(e, ERR_CONFLICT, "image %s is in use by container %s and has no name to take away", what, user);
	if (by_id && img->n_tags > 1 && !force)
		return err_set(e, ERR_CONFLICT, "image %s has %zu names: remove it by them, or use -f", what, img->n_tags);
	return 0;
}

static void report_name(struct arena *a, const char *name, image_removed_fn fn, void *data)
{
	struct image_ref parsed;
	struct err ignored;

	if (image_ref_parse(a, name, &parsed, &ignored) == 0)
		fn("Untagged", image_ref_familiar(a, &parsed), data);
}

static void report(const struct engine *en, struct arena *a, const struct removal *m, image_removed_fn fn, void *data)
{
	const struct image *img = m->img;

	for (size_t i = 0; i < img->n_tags; i++) {
		if (img->tags[i] != m->tag && (m->tag || m->digest))
			continue;
		report_name(a, img->tags[i], fn, data);
		events_image(en, "untag", img->id, NULL);
	}
	for (size_t i = 0; i < img->n_digests; i++) {
		if (!goes(m, img->digests[i]))
			continue;
		report_name(a, img->digests[i], fn, data);
		if (m->digest)
			events_image(en, "untag", img->id, NULL);
	}
	if (!m->whole)
		return;
	fn("Deleted", img->id, data);
	events_image(en, "delete", img->id, NULL);
}

int image_remove(const struct engine *en, const char *what, bool force, image_removed_fn fn, void *data, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct removal m = { 0 };
	struct image img = { 0 };
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = judge(en, &a, what, force, &img, &m, e);
	if (r == 0)
		r = delete_rows(c, &m, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r < 0)
		return r;
	report(en, &a, &m, fn, data);
	return 0;
}
