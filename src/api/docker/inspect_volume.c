#include "api/docker/inspect_volume.h"

#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/pairs_view.h"
#include "api/docker/times.h"
#include "engine/volume_prune.h"

void inspect_volume_write(const struct engine *en, struct arena *a, const struct volume *v, bool usage, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_str(w, "CreatedAt", time_text(a, v->created));
	jw_str(w, "Driver", VOLUME_DRIVER);
	/* Docker's null of one that was made unasked */
	pairs_view("Labels", v->labels, v->anonymous, w);
	jw_str(w, "Mountpoint", volume_path(en, a, v->name));
	jw_str(w, "Name", v->name);
	pairs_view("Options", v->options, v->anonymous, w);
	jw_str(w, "Scope", "local");
	if (usage) {
		jw_object(w, "UsageData");
		jw_u64(w, "RefCount", v->users);
		jw_u64(w, "Size", volume_bytes(en, v));
		jw_end_object(w);
	}
	jw_end_object(w);
}

int inspect_volume(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e)
{
	struct volume v;
	int r = volume_find(en->catalog, a, what, &v, e);

	if (r == 0)
		inspect_volume_write(en, a, &v, false, w);
	return r;
}

/* ---- which are listed ---- */

static int matches(const char *key, const char *value, void *data, struct err *e)
{
	const struct volume *v = data;
	bool want;
	int r;

	if (strcmp(key, "name") == 0)
		return strstr(v->name, value) != NULL;
	if (strcmp(key, "driver") == 0)
		return strcmp(value, VOLUME_DRIVER) == 0;
	if (strcmp(key, "label") == 0)
		return filter_label(v->labels, value);
	if (strcmp(key, "dangling") != 0 && strcmp(key, "anonymous") != 0)
		return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " VOLUME_FILTER_KEYS, key, value);
	r = filter_bool(key, value, &want, e);
	return r < 0 ? r : (key[0] == 'd' ? v->users == 0 : v->anonymous) == want;
}

int volumes_listed(const struct engine *en, struct arena *a, struct strv filters, struct volume **out, size_t *n, struct err *e)
{
	struct volume none = { .name = "" }, *all;
	size_t count = 0;
	int r = filter_check(a, filters, matches, &none, e);

	*n = 0;
	if (r == 0)
		r = volume_list(en->catalog, a, &all, &count, e);
	if (r < 0)
		return r;
	*out = all;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = filter_passes(a, filters, matches, &all[i], e);
		if (r > 0)
			all[(*n)++] = all[i];
	}
	return r < 0 ? r : 0;
}
