#include "cmd/tare/tare.h"

#include <string.h>

#include "api/docker/inspect_container.h"
#include "api/docker/inspect_image.h"
#include "api/docker/inspect_network.h"
#include "api/docker/inspect_volume.h"
#include "cmd/tare/documents.h"
#include "engine/nearest.h"

const struct cli_option inspect_options[] = {
	{ "type", 0, "container|image|network|volume", CLI_STR, "look only among these", offsetof(struct inspect_opts, type),
	  .choices = "container|image|network|volume" },
	{ "format", 'f', "json|TEMPLATE", CLI_STR, "how it is written: a document, or as a template of Go's says of each",
	  offsetof(struct inspect_opts, format) },
	{ "size", 's', NULL, CLI_FLAG, "of containers, how much each wrote, and how much that is with its image", offsetof(struct inspect_opts, size) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "of images, only those that are for that: an image here is for one",
	  offsetof(struct inspect_opts, platform) },
	{ 0 }
};

/* ---- all ---- */

struct kind {
	const char *name;
	const char *commands; /* that take it alone */
	document_fn fn;
};

static int container_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	const struct inspect_opts *o = call->opts;

	return inspect_container(en, call->arena, what, o->size, w, e);
}

static int image_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	int r = tare_check_platform(call, en, what, o->platform, e);

	return r < 0 ? r : inspect_image(en, call->arena, what, 0, w, e);
}

int network_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	return inspect_network(en, call->arena, what, NETWORK_ALL, NULL, w, e);
}

int volume_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	return inspect_volume(en, call->arena, what, w, e);
}

/* In Docker's order: the first that is called so. */
static const struct kind kinds[] = {
	{ "container", "tare container inspect", container_document },
	{ "image", "tare image inspect", image_document },
	{ "network", "", network_document },
	{ "volume", "", volume_document },
};

static int inspect_any(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	char near[NEAREST_LEN];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(call->name, kinds[i].commands) == 0 || (o->type && strcmp(o->type, kinds[i].name) == 0))
			return kinds[i].fn(en, call, what, w, e);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (en->user.on && kinds[i].fn == network_document)
			continue; /* networks take root */
		r = kinds[i].fn(en, call, what, w, e);
		if (r == 0 || e->cls != ERR_NOTFOUND)
			return r;
	}
	if (nearest_thing(en->catalog, what, near))
		return err_set(e, ERR_NOTFOUND, "no container, image, network or volume is called %.200s; did you mean %s?", what, near);
	return err_set(e, ERR_NOTFOUND, "no container, image, network or volume is called %s (tare ps -a, images, network ls, volume ls list them)", what);
}

int cmd_inspect(const struct cli_call *call, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine_to_look(call, &en, e);

	return r < 0 ? r : documents_print(&en, call, o->format, inspect_any, e);
}
