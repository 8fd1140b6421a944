/* Files go where the caller may write and are his: he is the machine's root, mostly, and what an image says of owners, set-id bits
 * and devices is meant for a container. Archives appear whole or not at all; a folder's files come one by one. */
#include "build/output.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "base/io.h"
#include "build/put.h"
#include "build/work.h"
#include "image/pack.h"
#include "image/ref.h"

static const struct {
	const char *name;
	enum build_output_kind kind;
	bool push;
} types[] = {
	{ "local", OUTPUT_LOCAL, false },   { "tar", OUTPUT_TAR, false },     { "oci", OUTPUT_OCI, false },
	{ "docker", OUTPUT_DOCKER, false }, { "image", OUTPUT_IMAGE, false }, { "registry", OUTPUT_IMAGE, true },
};

/* ---- reading ---- */

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "--output");
}

static int take_type(const char *value, struct build_output *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(value, types[i].name) == 0) {
			out->kind = types[i].kind;
			out->push |= types[i].push;
			return 0;
		}
	return err_set(e, ERR_INVALID, "there is no type=%s: want local, tar, oci, docker, image or registry", value);
}

/* Several, with commas between. */
static int take_names(struct arena *a, const char *value, struct build_output *out, struct err *e)
{
	for (const char *s = value; *s;) {
		size_t len = strcspn(s, ",");
		const char *name = arena_strndup(a, s, len);

		if (!name || (len && !df_list_add(a, &out->names, name)))
			return no_memory(e);
		s += len;
		s += *s == ',';
	}
	return 0;
}

static int take_push(const char *value, struct build_output *out, struct err *e)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_set(e, ERR_INVALID, "push=%s: want true or false", value);
	out->push = strcmp(value, "true") == 0;
	return 0;
}

enum { KEY_TYPE, KEY_DEST, KEY_NAME, KEY_PUSH };
static const char *const keys[] = { [KEY_TYPE] = "type", [KEY_DEST] = "dest", [KEY_NAME] = "name", [KEY_PUSH] = "push" };

/* seen: bits of the keys so far. */
static int take_field(struct arena *a, char *field, struct build_output *out, unsigned int *seen, struct err *e)
{
	char *value = strchr(field, '=');
	unsigned int key = 0;

	if (!value)
		return err_set(e, ERR_INVALID, "\"%s\" is not KEY=VALUE", field);
	*value++ = '\0';
	while (key < ARRAY_LEN(keys) && strcmp(field, keys[key]) != 0)
		key++;
	if (key == ARRAY_LEN(keys))
		return err_set(e, ERR_UNSUPPORTED, "the key \"%s\" is not supported (type, dest, name and push are)", field);
	if (*seen & (1U << key))
		return err_set(e, ERR_INVALID, "%s= was there already: once is enough%s", field, key == KEY_NAME ? ", \"name=A,B\" is two names" : "");
	*seen |= 1U << key;
	if (key == KEY_TYPE)
		return take_type(value, out, e);
	if (key == KEY_NAME)
		return take_names(a, value, out, e);
	if (key == KEY_PUSH)
		return take_push(value, out, e);
	out->dest = value;
	return 0;
}

static int check(struct build_output *out, struct err *e)
{
	bool files = out->kind == OUTPUT_LOCAL || out->kind == OUTPUT_TAR;

	if (out->kind == OUTPUT_DOCKER && !out->dest) /* into the store, which here is the one there is */
		out->kind = OUTPUT_IMAGE;
	if (out->kind == OUTPUT_LOCAL && (!out->dest || !out->dest[0] || strcmp(out->dest, "-") == 0))
		return err_set(e, ERR_INVALID, "type=local wants dest=FOLDER");
	if (out->kind == OUTPUT_IMAGE && out->dest)
		return err_set(e, ERR_INVALID, "type=image has no dest: type=docker or type=oci make an archive");
	if (files && out->names.n)
		return err_set(e, ERR_INVALID, "files have no name=");
	if (out->push && out->kind != OUTPUT_IMAGE)
		return err_set(e, ERR_INVALID, "push=true is for type=image");
	if (out->kind != OUTPUT_IMAGE && (!out->dest || !out->dest[0]))
		out->dest = "-";
	return 0;
}

static int parse(struct arena *a, const char *text, struct build_output *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	unsigned int seen = 0;

	for (const char *s = text;; s++) {
		char *field;
		int r;

		s = csv_next(s, &b);
		if (!s)
			return err_set(e, ERR_INVALID, "a double quote is not closed");
		field = arena_strndup(a, sb_str(&b), b.len);
		r = !field || sb_error(&b) < 0 ? no_memory(e) : take_field(a, field, out, &seen, e);
		if (r < 0)
			return r;
		if (!*s)
			break;
	}
	return seen & (1U << KEY_TYPE) ? check(out, e) : err_set(e, ERR_INVALID, "its type= is missing");
}

int build_output_parse(struct arena *a, const char *text, struct build_output *out, struct err *e)
{
	int r = 0;

	*out = (struct build_output){ .text = text, .dest = text };
	if (!text[0])
		return err_set(e, ERR_INVALID, "--output \"\": want a folder, or type=…");
	if (!strchr(text, '=')) {
		out->kind = strcmp(text, "-") == 0 ? OUTPUT_TAR : OUTPUT_LOCAL;
		return 0;
	}
	out->dest = NULL;
	r = parse(a, text, out, e);
	return r < 0 ? err_ctx(e, "--output %s", text) : 0;
}

/* ---- before ---- */

static int open_one(const struct build_output *o, struct output_file *f, struct err *e)
{
	struct stat st;
	int r;

	if (o->kind == OUTPUT_IMAGE)
		return 0;
	if (o->kind == OUTPUT_LOCAL)
		return stat(o->dest, &st) == 0 && !S_ISDIR(st.st_mode) ? err_errno(e, -ENOTDIR, "%s", o->dest) : 0;
	if (strcmp(o->dest, "-") == 0) {
		f->fd = STDOUT_FILENO;
		return isatty(f->fd) ? err_set(e, ERR_INVALID, "standard output is a terminal: name a file with dest=FILE, or redirect it") : 0;
	}
	r = newfile_begin(o->dest, 0666, &f->file);
	f->fd = f->file.fd;
	return r < 0 ? err_errno(e, r, "%s", o->dest) : 0;
}

int outputs_begin(struct build *b, struct err *e)
{
	size_t n = b->args->n_outputs;
	int r = 0;

	b->files = arena_array(b->a, n + 1, sizeof(*b->files));
	if (!b->files)
		return no_memory(e);
	for (; r == 0 && b->n_files < n; b->n_files++) {
		struct output_file *f = &b->files[b->n_files];

		*f = (struct output_file){ .file = NEWFILE_INIT, .fd = -1 };
		r = open_one(&b->args->outputs[b->n_files], f, e);
		if (r < 0)
			(void)err_ctx(e, "--output %s", b->args->outputs[b->n_files].text);
	}
	return r;
}

void outputs_end(struct build *b)
{
	for (size_t i = 0; i < b->n_files; i++)
		newfile_end(&b->files[i].file);
	b->n_files = 0;
}

/* ---- afterwards ---- */

static void left_out(const char *path, void *data)
{
	build_say(data, "warning: /%s is a device, which is for containers: left out", path);
}

static int write_files(struct build *b, const struct build_output *o, int tree, struct err *e)
{
	static const struct ignore nothing;
	const struct pick_item all = { .path = "", .name = "", .below = "", .last = IGNORE_NONE, .mode = S_IFDIR };
	struct pick_from from = { .root = tree, .ignore = &nothing, .excludes = &nothing, .max_depth = b->args->limits.depth };
	struct put_to to = { .root = -1, .chown = true, .uid = geteuid(), .gid = getegid(), .left_out = left_out, .data = b };
	int r = io_mkdirs(AT_FDCWD, o->dest, 0755);

	if (r == 0) {
		to.root = open(o->dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = to.root < 0 ? -errno : 0;
	}
	r = r < 0 ? err_errno(e, r, "%s", o->dest) : put_item(&to, &from, &all, "/", e);
	to.root = close_fd(to.root);
	return r;
}

static int write_tree(struct build *b, const struct build_output *o, int fd, struct err *e)
{
	CLEANUP_FD int tree = stage_mount(b, &b->stages[b->plan.target], NULL, e);
	const struct pack_out pack = { .worker = b->worker, .tree = tree, .depth = b->args->limits.depth };

	if (tree < 0)
		return tree;
	return o->kind == OUTPUT_LOCAL ? write_files(b, o, tree, e) : image_pack_out(&b->ingest, &pack, fd, e);
}

static int write_image(struct build *b, const struct build_output *o, const struct image_saved *img, int fd, struct err *e)
{
	struct image_saved named = *img;
	const char **names = arena_array(b->a, b->args->names.n + o->names.n + 1, sizeof(*names));

	if (!names)
		return no_memory(e);
	named.names = names;
	named.n_names = b->args->names.n;
	memcpy(names, b->names, named.n_names * sizeof(*names));
	for (size_t i = 0; i < o->names.n; i++) {
		struct image_ref ref;
		int r = image_ref_parse(b->a, o->names.v[i], &ref, e);

		if (r < 0)
			return r;
		names[named.n_names] = image_ref_canonical(b->a, &ref);
		if (!names[named.n_names++])
			return no_memory(e);
	}
	return image_save_staged(&b->ingest, &named, 1, o->kind == OUTPUT_OCI ? SAVE_OCI : SAVE_DOCKER, fd, e);
}

int outputs_write(struct build *b, const struct image_saved *img, struct err *e)
{
	for (size_t i = 0; i < b->args->n_outputs; i++) {
		const struct build_output *o = &b->args->outputs[i];
		bool tree = o->kind == OUTPUT_LOCAL || o->kind == OUTPUT_TAR;
		int r;

		if (o->kind == OUTPUT_IMAGE)
			continue;
		build_say(b, "writing %s", o->dest);
		r = tree ? write_tree(b, o, b->files[i].fd, e) : write_image(b, o, img, b->files[i].fd, e);
		if (r == 0 && b->files[i].file.fd >= 0) {
			r = newfile_commit(&b->files[i].file);
			r = r < 0 ? err_errno(e, r, "%s", o->dest) : 0;
		}
		if (r < 0)
			return err_ctx(e, "--output %s", o->text);
	}
	return 0;
}
