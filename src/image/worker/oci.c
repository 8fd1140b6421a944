/* OCI image layouts: index.json names manifests, or further indexes (one image for several platforms), by digest.
 *
 * Of a nested index exactly one image is taken, the best for the platform. In index.json itself every image for the
 * platform is taken, since that is how several images share one archive; those for others are left. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "image/manifest.h"
#include "image/worker/plan.h"

#define MAX_INDEX (4U << 20)
#define MAX_LAYOUT 4096
#define MAX_NESTING 4

static int take(struct plan *p, const struct descriptor *d, const char *name, unsigned int depth, struct err *e);

static int read_blob(struct plan *p, const struct descriptor *d, const char **text, size_t *len, struct err *e)
{
	char member[sizeof("blobs/sha256/") + 64];
	const char *actual;

	(void)snprintf(member, sizeof(member), "blobs/sha256/%s", digest_hex(d->digest));
	return plan_blob(p, member, d->digest, d->size, text, len, &actual, e);
}

static int take_manifest(struct plan *p, const struct descriptor *d, const char *name, struct err *e)
{
	struct plan_image img = { .manifest = d->digest };
	struct manifest m;
	const char *text;
	size_t len;
	int r = read_blob(p, d, &text, &len, e);

	if (r == 0)
		r = manifest_parse(p->arena, text, len, &m, e);
	if (r < 0)
		return r;
	img.config = m.config.digest;
	img.n_layers = m.n_layers;
	img.layers = arena_array(p->arena, m.n_layers + 1, sizeof(*img.layers));
	img.names = arena_array(p->arena, 2, sizeof(*img.names));
	if (!img.layers || !img.names)
		return err_errno(e, -ENOMEM, "manifest");
	if (name)
		img.names[img.n_names++] = name;
	for (size_t i = 0; i < m.n_layers; i++) {
		struct plan_layer *l = &img.layers[i];

		*l = (struct plan_layer){ .media_type = m.layers[i].type, .blob = m.layers[i].digest, .size = m.layers[i].size };
		l->member = arena_printf(p->arena, "blobs/sha256/%s", digest_hex(l->blob));
		if (!l->member)
			return err_errno(e, -ENOMEM, "manifest");
	}
	r = read_blob(p, &m.config, &text, &len, e);
	return r < 0 ? r : plan_image(p, &img, text, len, e);
}

static int take_best(struct plan *p, const struct descriptor *d, size_t n, const char *name, unsigned int depth,
		     struct err *e)
{
	size_t best;
	int r = manifest_choose(d, n, &p->task->platform, p->task->platform_given, &best, e);

	return r < 0 ? r : take(p, &d[best], name, depth, e);
}

static int take(struct plan *p, const struct descriptor *d, const char *name, unsigned int depth, struct err *e)
{
	const struct descriptor *inner;
	const char *text;
	size_t len, n;
	int r;

	if (d->kind == MEDIA_MANIFEST) {
		r = take_manifest(p, d, name, e);
	} else if (d->kind != MEDIA_INDEX) {
		return err_set(e, ERR_INVALID, "its index lists a '%s', which is no image", d->type);
	} else if (depth == MAX_NESTING) {
		return err_set(e, ERR_LIMIT, "its indexes are nested more than %d deep", MAX_NESTING);
	} else {
		r = read_blob(p, d, &text, &len, e);
		if (r == 0)
			r = manifest_parse_index(p->arena, text, len, &inner, &n, e);
		if (r == 0)
			r = take_best(p, inner, n, name, depth + 1, e);
	}
	return r;
}

/* Some tools leave the file out. */
static int check_layout(struct plan *p, struct err *e)
{
	const char *text;
	size_t len;
	int r;

	if (!archive_has(p->archive, "oci-layout"))
		return 0;
	r = archive_text(p->archive, "oci-layout", MAX_LAYOUT, &text, &len, e);
	if (r == 0)
		r = manifest_check_layout(p->arena, text, len, e);
	return r < 0 ? err_ctx(e, "oci-layout") : 0;
}

int plan_oci(struct plan *p, struct err *e)
{
	const struct descriptor *d;
	const char *text;
	size_t len, n, taken = 0;
	int r = check_layout(p, e);

	if (r < 0)
		return r;
	r = archive_text(p->archive, "index.json", MAX_INDEX, &text, &len, e);
	if (r == 0)
		r = manifest_parse_index(p->arena, text, len, &d, &n, e);
	if (r < 0)
		return err_ctx(e, "index.json");
	for (size_t i = 0; i < n; i++) {
		char shown[200];

		if (manifest_suits(&d[i], &p->task->platform) == 0)
			continue;
		taken++;
		r = take(p, &d[i], d[i].name, 0, e);
		if (r < 0)
			return err_ctx(e, "image %s", text_escape(d[i].name ? d[i].name : d[i].digest, shown, sizeof(shown)));
	}
	return taken ? 0 : manifest_choose(d, n, &p->task->platform, p->task->platform_given, &taken, e);
}
