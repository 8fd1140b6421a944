/* image-store: the image floor without the engine, for tests and fault injection.
 *
 *	image-store WORKER ROOT load INPUT|- [--platform P] [--limit K=V]... [--pause MARK]
 *	image-store WORKER ROOT import INPUT|- [same]
 *	image-store WORKER ROOT gc [DIGEST...]        removes everything but the named blobs and layers
 *	image-store WORKER ROOT list
 *
 * Prints what was loaded as JSON, one image a line. Exit codes as tare's. --pause touches the file MARK once loaded and
 * sleeps before the ingest ends (a test kills it there). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/strbuf.h"
#include "image/load.h"

struct command {
	struct image_load_args args;
	struct store store;
	const char *pause;
	char **keep;
	int n_keep;
};

static void print_layers(struct json_writer *w, const struct image_loaded *img)
{
	jw_array(w, "layers");
	for (size_t i = 0; i < img->n_layers; i++) {
		const struct image_layer *l = &img->layers[i];

		jw_object(w, NULL);
		jw_str(w, "blob", l->blob);
		jw_u64(w, "blobSize", l->blob_size);
		jw_str(w, "diffId", l->diff_id);
		jw_str(w, "chainId", l->chain_id);
		jw_u64(w, "size", l->size);
		jw_u64(w, "maxId", l->max_id);
		jw_bool(w, "existed", l->existed);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void print_image(const struct image_loaded *img)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	jw_object(&w, NULL);
	jw_str(&w, "id", img->id);
	jw_str(&w, "manifest", img->manifest);
	jw_strv(&w, "names", img->names);
	jw_str(&w, "os", img->config->os);
	jw_str(&w, "architecture", img->config->architecture);
	print_layers(&w, img);
	jw_end_object(&w);
	(void)puts(sb_str(&text));
	(void)fflush(stdout);
}

static int parse_options(struct command *c, int argc, char **argv, struct err *e)
{
	image_limits_default(&c->args.limits);
	for (int i = 0; i < argc; i += 2) {
		if (i + 1 == argc)
			return err_set(e, ERR_INVALID, "%s needs a value", argv[i]);
		if (!strcmp(argv[i], "--platform"))
			c->args.platform = argv[i + 1];
		else if (!strcmp(argv[i], "--pause"))
			c->pause = argv[i + 1];
		else if (strcmp(argv[i], "--limit") != 0)
			return err_set(e, ERR_INVALID, "option %s is not known", argv[i]);
		else if (image_limits_set(&c->args.limits, argv[i + 1], e) < 0)
			return e->code;
	}
	return 0;
}

static int config_of(const struct image_layer *layer, struct strbuf *out, void *data, struct err *e)
{
	(void)data;
	(void)e;
	sb_printf(out,
		  "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/bin\"]},"
		  "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
		  layer->diff_id);
	return 0;
}

static int load(struct command *c, const char *input, bool import, struct err *e)
{
	CLEANUP_FD int fd = strcmp(input, "-") != 0 ? open(input, O_RDONLY | O_CLOEXEC) : dup(0);
	CLEANUP_IMAGE_LOAD struct image_load result = IMAGE_LOAD_INIT;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct image_import how = { .reference = "docker.io/library/imported:latest", .config = config_of };
	int r;

	if (fd < 0)
		return err_errno(e, -errno, "%s", input);
	c->args.input = fd;
	c->args.name = strcmp(input, "-") != 0 ? input : "standard input";
	r = import ? image_import(&c->store, &c->args, &how, &a, &result, e)
		   : image_load(&c->store, &c->args, &a, &result, e);
	for (size_t i = 0; r == 0 && i < result.n_images; i++)
		print_image(&result.images[i]);
	if (r == 0 && c->pause) {
		const struct timespec minute = { .tv_sec = 60 };
		CLEANUP_FD UNUSED int mark = open(c->pause, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		(void)nanosleep(&minute, NULL);
	}
	return r;
}

static bool kept(enum store_kind kind, const char *digest, void *data)
{
	struct command *c = data;

	(void)kind;
	for (int i = 0; i < c->n_keep; i++)
		if (!strcmp(c->keep[i], digest))
			return true;
	return false;
}

static int print_digest(const char *digest, void *data)
{
	(void)printf("%s %s\n", (const char *)data, digest);
	return 0;
}

static int gc(struct command *c, struct err *e)
{
	struct store_gc_result out;
	int r = store_gc(&c->store, kept, c, &out, e);

	if (r == 0)
		(void)printf("{\"blobs\":%llu,\"layers\":%llu,\"ingests\":%llu,\"busy\":%s}\n", (unsigned long long)out.blobs,
			     (unsigned long long)out.layers, (unsigned long long)out.ingests, out.busy ? "true" : "false");
	return r;
}

static int run(struct command *c, int argc, char **argv, struct err *e)
{
	int r;

	if (argc >= 5 && (!strcmp(argv[3], "load") || !strcmp(argv[3], "import"))) {
		r = parse_options(c, argc - 5, argv + 5, e);
		return r < 0 ? r : load(c, argv[4], !strcmp(argv[3], "import"), e);
	}
	if (argc >= 4 && !strcmp(argv[3], "gc")) {
		c->keep = argv + 4;
		c->n_keep = argc - 4;
		return gc(c, e);
	}
	if (argc != 4 || strcmp(argv[3], "list") != 0)
		return err_set(e, ERR_INVALID, "usage: image-store WORKER ROOT load|import|gc|list ...");
	r = store_list(&c->store, STORE_BLOB, print_digest, (void *)(uintptr_t)"blob", e);
	return r < 0 ? r : store_list(&c->store, STORE_LAYER, print_digest, (void *)(uintptr_t)"layer", e);
}

int main(int argc, char **argv)
{
	struct command c = { .store = STORE_INIT };
	struct err e = { 0 };
	int root, r;

	if (argc < 4) {
		(void)fputs("usage: image-store WORKER ROOT load|import|gc|list ...\n", stderr);
		return 2;
	}
	c.args.worker = argv[1];
	root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = root < 0 ? err_errno(&e, -errno, "%s", argv[2]) : store_open(root, &c.store, &e);
	(void)close_fd(root);
	if (r == 0)
		r = run(&c, argc, argv, &e);
	store_close(&c.store);
	if (r >= 0)
		return 0;
	(void)fprintf(stderr, "image-store: %s\n", e.msg);
	return err_info(e.cls)->exit_code;
}
