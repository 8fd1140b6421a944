/* See glance.h. What containers are said to be is what was last written down, which nobody checks here. */
#include "engine/glance.h"

#include "engine/cni_folder.h"
#include "image/ref.h"

static const char *readable(struct arena *a, const char *canonical)
{
	struct image_ref ref;
	struct err ignored;
	const char *name = image_ref_parse(a, canonical, &ref, &ignored) == 0 ? image_ref_familiar(a, &ref) : NULL;

	return name ? name : canonical;
}

/* The default one is there before anybody has used it; those of CNI have no row. */
static int other_networks(struct arena *a, glance_fn fn, void *data, struct err *e)
{
	struct cni_network *cni;
	struct cni_bad *bad;
	size_t n, n_bad;
	int r = cni_folder_read(a, &cni, &n, &bad, &n_bad, e);

	fn(NETWORK_DEFAULT, "the default", data);
	for (size_t i = 0; r == 0 && i < n; i++)
		fn(cni[i].net.name, cni[i].net.driver, data);
	return r;
}

int glance(struct arena *a, const char *root, enum glance_kind kind, glance_fn fn, void *data, struct err *e)
{
	static const char *const queries[] = {
		[GLANCE_CONTAINERS] = "SELECT name, status || ', of ' || image_ref FROM containers ORDER BY name",
		[GLANCE_IMAGES] = "SELECT ref, '' FROM tags ORDER BY ref",
		[GLANCE_NETWORKS] = "SELECT name, driver FROM networks WHERE name != ?1 ORDER BY name",
		[GLANCE_VOLUMES] = "SELECT name, '' FROM volumes ORDER BY name",
	};
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STMT struct cat_stmt *s = NULL;
	bool networks = kind == GLANCE_NETWORKS;
	int r = engine_glance(&en, root, e);

	if (r == 0)
		r = cat_prepare(en.catalog, &s, e, queries[kind], networks ? "s" : "", NETWORK_DEFAULT);
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		const char *name = cat_text(s, 0), *about = cat_text(s, 1);

		fn(kind == GLANCE_IMAGES ? readable(a, name) : name, about ? about : "", data);
		r = 0;
	}
	return r == 0 && networks ? other_networks(a, fn, data, e) : r;
}
