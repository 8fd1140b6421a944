#include "api/docker/container_view.h"

#include <string.h>

#include "api/docker/container_list.h"
#include "api/docker/inspect_container.h"
#include "api/docker/inspect_settings.h"
#include "api/docker/pairs_view.h"
#include "engine/images.h"

/* The name that it was made by, as long as that is still this image's. */
static const char *image_shown(const struct engine *en, struct arena *a, const struct record *rec)
{
	struct image img;
	struct err ignored;

	if (!rec->image || (image_find(en->catalog, a, rec->image_ref, &img, &ignored) == 0 && strcmp(img.id, rec->image) == 0))
		return rec->image_ref;
	return rec->image;
}

/* Docker's list says less of a mount than inspect does. */
static void write_mounts(const struct json *mounts, struct json_writer *w)
{
	static const char *const keys[] = { "Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation" };

	jw_array(w, "Mounts");
	json_each(mount, mounts) {
		jw_object(w, NULL);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (json_get(mount, keys[i]))
				jw_value(w, keys[i], json_get(mount, keys[i]));
		jw_end_object(w);
	}
	jw_end_array(w);
}

void container_write_condition(struct arena *a, const struct seen *s, struct json_writer *w)
{
	jw_str(w, "State", s->state);
	jw_str(w, "Status", container_status_text(a, s));
}

int container_write_summary(const struct engine *en, struct arena *a, const struct seen *s, bool size, struct json_writer *w, struct summary_marks *marks,
			    struct err *e)
{
	struct summary_marks here = { 0 };
	const struct json *doc = s->config.doc;
	struct ports_cni cni;
	const struct inspect_net net = { en, a, &s->rec, &s->live, doc, &s->own, &cni };
	int r = ports_read_cni(en, a, s->rec.id, &cni, e);

	if (r < 0)
		return r;
	jw_object(w, NULL);
	jw_str(w, "Id", s->rec.id);
	jw_array(w, "Names");
	jw_str(w, NULL, arena_printf(a, "/%s", s->rec.name));
	jw_end_array(w);
	jw_str(w, "Image", image_shown(en, a, &s->rec));
	jw_str(w, "ImageID", s->rec.image ? s->rec.image : "");
	jw_str(w, "Command", s->rec.command);
	jw_i64(w, "Created", s->rec.created / 1000000000);
	inspect_net_write_port_list(&net, w);
	if (size)
		container_write_size(en, a, &s->rec, w);
	pairs_view("Labels", s->config.labels, false, w);
	here.begin = w->out->len;
	container_write_condition(a, s, w);
	here.end = w->out->len;
	jw_object(w, "HostConfig");
	jw_str(w, "NetworkMode", json_text(json_get(doc, "HostConfig"), "NetworkMode", ""));
	jw_end_object(w);
	jw_object(w, "NetworkSettings");
	inspect_net_write_networks(&net, w);
	jw_end_object(w);
	write_mounts(json_get(doc, "Mounts"), w);
	jw_end_object(w);
	if (marks) {
		*marks = here;
		marks->of_catalog = !size && inspect_net_of_catalog(&net);
	}
	return 0;
}
