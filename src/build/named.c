#include "build/named.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "build/context.h"
#include "build/document.h"
#include "engine/images.h"
#include "image/layout.h"

const struct named *named_find(const struct build *b, const char *name)
{
	int i = name && b->named ? df_find_context(&b->args->inputs, name) : -1;

	return i < 0 ? NULL : &b->named[i];
}

/* ---- oci-layout://PATH[:TAG][@DIGEST] ---- */

static bool has_tag(const struct image_loaded *img, const char *tag)
{
	for (size_t i = 0; i < img->n_names; i++) {
		const char *colon = strrchr(img->names[i], ':');

		if (colon && strcmp(colon + 1, tag) == 0)
			return true;
	}
	return false;
}

/* What the layout itself calls so: most tools write the bare tag there, of which no name of an image can be made. NULL: nothing, or several. */
static const char *called(struct arena *a, const char *path, const char *tag)
{
	CLEANUP_LAYOUT struct layout l = LAYOUT_INIT;
	const char *digest;
	struct err why = { 0 };

	return layout_open(path, &l, &why) == 0 && layout_find(&l, a, tag, &digest, &why) == 0 ? digest : NULL;
}

static const struct image_loaded *choose(const struct image_load *load, const char *tag, const char *digest)
{
	const struct image_loaded *found = NULL;

	for (size_t i = 0; i < load->n_images; i++) {
		const struct image_loaded *img = &load->images[i];
		bool fits = digest ? strcmp(img->manifest, digest) == 0 : !tag || has_tag(img, tag);

		for (size_t k = 0; digest && k < img->n_documents; k++)
			fits |= strcmp(img->documents[k], digest) == 0;
		if (fits && found)
			return NULL;
		if (fits)
			found = img;
	}
	return found;
}

/* Its image goes into the store, without a name there. */
static int take_layout(struct build *b, int folder, const char *path, const char *tag, const char *digest, struct named *out, struct err *e)
{
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	char platform[PLATFORM_TEXT_LEN];
	const struct image_load_args args = { .worker = b->worker, .input = folder, .name = path, .limits = b->args->limits,
					      .platform = platform_text(&b->target, platform) };
	const struct image_loaded *img;
	struct image_loaded nameless;
	int r = image_load(&b->store, &args, b->a, &load, e);

	if (r < 0)
		return r;
	img = choose(&load, tag, digest ? digest : tag ? called(b->a, path, tag) : NULL);
	if (!img)
		return err_set(e, ERR_NOTFOUND, "%s: it has not one image%s%s, but several or none: oci-layout://PATH:TAG or @DIGEST says which", path,
			       tag || digest ? " of " : "", digest ? digest : tag ? tag : "");
	nameless = *img;
	nameless.n_names = 0;
	r = image_record(b->en, &nameless, 1, e);
	out->image = img->id;
	return r;
}

static int open_layout(struct build *b, const char *text, struct named *out, struct err *e)
{
	char *path = arena_strdup(b->a, text), *at = path ? strchr(path, '@') : NULL, *colon = NULL, *slash;
	CLEANUP_FD int folder = -1;

	if (!path)
		return err_errno(e, -ENOMEM, "--build-context");
	if (at)
		*at++ = '\0';
	slash = strrchr(path, '/');
	colon = strchr(slash ? slash : path, ':');
	if (colon)
		*colon++ = '\0';
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? err_errno(e, -errno, "%s", path) : take_layout(b, folder, path, colon, at, out, e);
}

/* ---- files ---- */

static int read_ignore(struct build *b, struct named *n, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r = document_read(n->root, ".dockerignore", IGNORE_MAX_BYTES, &text, &len, e);

	if (r == 0)
		r = ignore_parse(b->a, text, len, &n->ignore, e);
	return r < 0 ? err_ctx(e, ".dockerignore") : 0;
}

static int open_one(struct build *b, const char *value, struct named *out, struct err *e)
{
	const char *where = arena_printf(b->a, "context-%u", b->inputs++);
	int r;

	if (!where)
		return err_errno(e, -ENOMEM, "--build-context");
	if (text_starts(value, "docker-image://")) {
		out->image = value + strlen("docker-image://");
		return out->image[0] ? 0 : err_set(e, ERR_INVALID, "it names no image");
	}
	if (text_starts(value, "oci-layout://"))
		return open_layout(b, value + strlen("oci-layout://"), out, e);
	r = context_tree(b, value, where, &out->tar, &out->root, e);
	return r < 0 ? r : read_ignore(b, out, e);
}

int named_open(struct build *b, struct err *e)
{
	const struct df_inputs *in = &b->args->inputs;

	b->named = arena_array(b->a, in->n_contexts + 1, sizeof(*b->named));
	if (!b->named)
		return err_errno(e, -ENOMEM, "--build-context");
	for (size_t i = 0; i < in->n_contexts; i++) {
		b->named[i] = (struct named){ .root = -1, .tar = TARBALL_INIT };
		b->n_named++;
		if (open_one(b, in->contexts[i].value, &b->named[i], e) < 0)
			return err_ctx(e, "--build-context %s", in->contexts[i].key);
	}
	return 0;
}

void named_close(struct build *b)
{
	for (size_t i = 0; i < b->n_named; i++) {
		b->named[i].root = close_fd(b->named[i].root);
		tarball_close(&b->named[i].tar);
	}
	b->n_named = 0;
}
