/* What `docker save` writes, old and new: manifest.json names configurations and layers as members of the archive. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "image/manifest.h"
#include "image/worker/plan.h"

#define MAX_MANIFEST (4U << 20)
#define BLOBS "blobs/sha256/"

/* The digest a member's name promises: "HEX.json", "sha256:HEX", "blobs/sha256/HEX"; NULL for other names. */
static const char *promised_digest(struct arena *a, const char *member)
{
	const char *slash = strrchr(member, '/'), *base = slash ? slash + 1 : member;
	char hex[65];

	if (text_starts(base, DIGEST_PREFIX))
		base += strlen(DIGEST_PREFIX);
	(void)snprintf(hex, sizeof(hex), "%.64s", base);
	if (!text_is_hex(hex, 64) || (base[64] && strcmp(base + 64, ".json") != 0))
		return NULL;
	return arena_printf(a, DIGEST_PREFIX "%s", hex);
}

static int clean(struct plan *p, const char *raw, const char **out, struct err *e)
{
	char path[PATH_MAX], shown[200];
	int r = tree_clean_path(raw, 16, path, e);

	if (r < 0)
		return err_ctx(e, "manifest.json: '%s'", text_escape(raw, shown, sizeof(shown)));
	*out = arena_strdup(p->arena, path);
	return *out ? 0 : err_errno(e, -ENOMEM, "manifest.json");
}

static int add_image(struct plan *p, const struct docker_image *from, struct err *e)
{
	struct plan_image img = { .n_layers = from->n_layers };
	const char *text, *member;
	size_t len;
	int r = clean(p, from->config, &member, e);

	img.layers = arena_array(p->arena, from->n_layers + 1, sizeof(*img.layers));
	for (; from->names[img.n_names]; img.n_names++)
		;
	img.names = (const char **)(uintptr_t)from->names;
	if (!img.layers)
		return err_errno(e, -ENOMEM, "manifest.json");
	if (r == 0)
		r = plan_blob(p, member, promised_digest(p->arena, member), UINT64_MAX, &text, &len, &img.config, e);
	for (size_t i = 0; r == 0 && i < from->n_layers; i++) {
		struct plan_layer *l = &img.layers[i];

		l->size = UINT64_MAX;
		r = clean(p, from->layers[i], &l->member, e);
		if (r == 0 && text_starts(l->member, BLOBS))
			l->blob = promised_digest(p->arena, l->member);
	}
	return r < 0 ? r : plan_image(p, &img, text, len, e);
}

int plan_docker(struct plan *p, struct err *e)
{
	const struct docker_image *images;
	const char *text;
	size_t len, n;
	int r = archive_text(p->archive, "manifest.json", MAX_MANIFEST, &text, &len, e);

	if (r == 0)
		r = manifest_parse_docker(p->arena, text, len, &images, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		char shown[200];

		r = add_image(p, &images[i], e);
		if (r < 0 && images[i].names[0])
			return err_ctx(e, "image %s", text_escape(images[i].names[0], shown, sizeof(shown)));
	}
	return r;
}
