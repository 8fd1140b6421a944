/* The report is read line by line until the pipe closes, then the worker is reaped. Its own error message wins over
 * what its exit status says; a worker that ends badly without one was killed, and the signal is named. */
#include "image/unpack.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "sys/spawn.h"

#define MAX_LINE (8U << 20)
#define MAX_IMAGES 1000
#define FIXED_HANDLES 7

static int make_request(const struct image_load_args *args, const struct unpack_pull *pull, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct image_limits limits = args->limits;
	int fd;

	jw_object(&w, NULL);
	jw_u64(&w, "version", 1);
	jw_str(&w, "name", args->name);
	if (args->platform)
		jw_str(&w, "platform", args->platform);
	jw_object(&w, "limits");
	for (size_t i = 0; i < image_limit_count; i++)
		jw_u64(&w, image_limit_rows[i].key, *image_limit_at(&limits, &image_limit_rows[i]));
	jw_end_object(&w);
	if (pull)
		pull->write(&w, pull->data);
	jw_end_object(&w);
	if (sb_error(&text) < 0)
		return err_errno(e, -ENOMEM, "request to tare-worker");
	fd = io_memfd("tare-request", text.s, text.len, true);
	return fd < 0 ? err_errno(e, fd, "request to tare-worker") : fd;
}

/* Starts the worker; gives the read end of its report. */
static int start(const char *verb, const struct store_ingest *in, const struct image_load_args *args, const struct unpack_pull *pull,
		 pid_t *pid, int *pidfd, struct err *e)
{
	CLEANUP_FD int request = make_request(args, pull, e), from = -1, to = -1;
	const char *const argv[] = { "tare-worker", verb, NULL }, *const env[] = { NULL };
	struct spawn_args sa = { .path = args->worker, .argv = argv, .env = env, .death_signal = SIGKILL };
	CLEANUP_FREE struct spawn_fd *fds = calloc(FIXED_HANDLES + (pull ? pull->n_files : 0), sizeof(*fds));
	int ends[2], r;

	if (request < 0)
		return request;
	if (!fds)
		return err_errno(e, -ENOMEM, "start %s", args->worker);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	from = ends[0];
	to = ends[1];
	const struct spawn_fd fixed[FIXED_HANDLES] = {
		{ 2, 2 }, { request, 3 }, { args->input, 4 }, { to, 5 }, { in->dir, 6 }, { in->store->blobs, 7 },
		{ in->store->layers, 8 },
	};
	memcpy(fds, fixed, sizeof(fixed));
	sa.n_fds = FIXED_HANDLES;
	for (size_t i = 0; pull && i < pull->n_files; i++, sa.n_fds++)
		fds[sa.n_fds] = (struct spawn_fd){ pull->files[i], 9 + (int)i };
	sa.fds = fds;
	r = spawn(&sa, pid, pidfd);
	return r < 0 ? err_errno(e, r, "start %s", args->worker) : take_fd(&from);
}

/* ---- the report ---- */

struct reader {
	struct arena *arena;
	const struct image_load_args *args;
	const struct unpack_pull *pull;
	struct unpack_report *out;
	struct err *e;
	bool failed; /* the worker sent an error */
};

static int bad_report(struct reader *rd, const char *what)
{
	return err_set(rd->e, ERR_INTERNAL, "tare-worker's report is damaged: %s", what);
}

static int get_digest(struct reader *rd, const struct json *obj, const char *key, bool required, const char **out)
{
	const char *s = NULL;
	int r = json_get_str(obj, "report", key, &s, rd->e);

	if (r < 0)
		return r;
	if ((required && !s) || (s && !digest_valid(s)))
		return bad_report(rd, key);
	*out = s;
	return 0;
}

static int take_error(struct reader *rd, const struct json *msg)
{
	const char *cls = "", *text = "";
	int r = json_get_str(msg, "report", "class", &cls, rd->e);

	if (r == 0)
		r = json_get_str(msg, "report", "message", &text, rd->e);
	if (r < 0)
		return r;
	rd->failed = true;
	for (enum err_class c = ERR_INVALID; c < ERR_CLASS_COUNT; c++)
		if (!strcmp(cls, err_info(c)->name))
			return err_set(rd->e, c, "%s", text);
	return err_set(rd->e, ERR_INTERNAL, "%s", text);
}

static int take_layer(struct reader *rd, const struct json *msg)
{
	struct unpack_report *o = rd->out;
	struct unpacked l = { 0 }, *unpacked;
	int r = get_digest(rd, msg, "chainId", true, &l.chain_id);

	if (r == 0)
		r = json_get_u64(msg, "report", "size", &l.size, rd->e);
	if (r == 0)
		r = json_get_u64(msg, "report", "entries", &l.entries, rd->e);
	if (r == 0)
		r = json_get_u32(msg, "report", "maxId", &l.max_id, rd->e);
	if (r < 0)
		return r;
	unpacked = arena_grow(rd->arena, o->unpacked, o->n_unpacked, &o->cap_unpacked, sizeof(l));
	if (!unpacked)
		return err_errno(rd->e, -ENOMEM, "report");
	o->unpacked = unpacked;
	o->unpacked[o->n_unpacked++] = l;
	if (rd->args->progress)
		rd->args->progress(IMAGE_PROGRESS_LAYER, l.chain_id, l.size, rd->args->progress_data);
	return 0;
}

static int take_image_layers(struct reader *rd, const struct json *list, struct unpack_image *img)
{
	struct unpack_layer *v = arena_array(rd->arena, list->len + 1, sizeof(*v));
	int r = v ? 0 : err_errno(rd->e, -ENOMEM, "report");

	img->layers = v;
	json_each(it, list) {
		struct unpack_layer *l = &v[img->n_layers++];

		if (r == 0)
			r = get_digest(rd, it, "blob", true, &l->blob);
		if (r == 0)
			r = get_digest(rd, it, "diffId", true, &l->diff_id);
		if (r == 0)
			r = json_get_u64(it, "report", "blobSize", &l->blob_size, rd->e);
		if (r == 0)
			r = json_get_str(it, "report", "mediaType", &l->media_type, rd->e);
		if (r == 0 && !l->media_type)
			r = bad_report(rd, "mediaType");
	}
	return r;
}

static int take_image(struct reader *rd, const struct json *msg)
{
	struct unpack_report *o = rd->out;
	struct unpack_image img = { 0 }, *images;
	const struct json *layers = NULL;
	const char **names = NULL;
	int r = json_get_strv(rd->arena, msg, "report", "names", &names, &img.n_names, rd->e);

	img.names = names;
	if (r == 0)
		r = get_digest(rd, msg, "config", false, &img.config);
	if (r == 0)
		r = get_digest(rd, msg, "manifest", false, &img.manifest);
	if (r == 0)
		r = json_get_array(msg, "report", "layers", &layers, rd->e);
	if (r < 0)
		return r;
	if (!layers || o->n_images == MAX_IMAGES)
		return bad_report(rd, "images");
	r = take_image_layers(rd, layers, &img);
	if (r < 0)
		return r;
	images = arena_grow(rd->arena, o->images, o->n_images, &o->cap_images, sizeof(img));
	if (!images)
		return err_errno(rd->e, -ENOMEM, "report");
	o->images = images;
	o->images[o->n_images++] = img;
	return 0;
}

static int take_packed(struct reader *rd, const struct json *msg)
{
	struct unpack_packed *p = &rd->out->packed;
	int r = get_digest(rd, msg, "blob", true, &p->blob);

	if (r == 0)
		r = get_digest(rd, msg, "diffId", true, &p->diff_id);
	if (r == 0)
		r = json_get_u64(msg, "report", "blobSize", &p->blob_size, rd->e);
	if (r == 0)
		r = json_get_u64(msg, "report", "size", &p->size, rd->e);
	if (r == 0)
		r = json_get_u64(msg, "report", "entries", &p->entries, rd->e);
	if (r == 0)
		r = json_get_u32(msg, "report", "maxId", &p->max_id, rd->e);
	return r;
}

static int take_arrived(struct reader *rd, const struct json *msg)
{
	uint64_t blob = 0, bytes = 0;
	int r = json_get_u64(msg, "report", "blob", &blob, rd->e);

	if (r == 0)
		r = json_get_u64(msg, "report", "bytes", &bytes, rd->e);
	if (r == 0)
		rd->pull->arrived(blob, bytes, rd->pull->data);
	return r;
}

static int take_message(struct reader *rd, const char *line, size_t len)
{
	const struct json *msg;
	const char *type = "";
	int r = json_parse(rd->arena, line, len, NULL, &msg, rd->e);

	if (r == 0)
		r = json_get_str(msg, "report", "type", &type, rd->e);
	if (r < 0)
		return bad_report(rd, "no JSON");
	if (!strcmp(type, "error"))
		return take_error(rd, msg);
	if (!strcmp(type, "layer"))
		return take_layer(rd, msg);
	if (!strcmp(type, "image"))
		return take_image(rd, msg);
	if (!strcmp(type, "packed") && rd->pull)
		return take_packed(rd, msg);
	if (!strcmp(type, "arrived") && rd->pull && rd->pull->arrived)
		return take_arrived(rd, msg);
	return bad_report(rd, "unknown message");
}

static int read_report(struct reader *rd, int fd)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_INIT;
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(rd->e, -errno, "read tare-worker's report");
		if (n == 0)
			return buf.len > 0 ? bad_report(rd, "cut short") : 0;
		sb_add(&buf, chunk, (size_t)n);
		if (sb_error(&buf) < 0 || buf.len > MAX_LINE)
			return bad_report(rd, "too long");
		while (buf.len > 0 && (end = memchr(buf.s, '\n', buf.len))) {
			size_t line = (size_t)(end - buf.s);
			int r = take_message(rd, buf.s, line);

			if (r < 0)
				return r;
			memmove(buf.s, end + 1, buf.len - line); /* with the NUL */
			buf.len -= line + 1;
		}
	}
}

int unpack_run(const char *verb, const struct store_ingest *in, const struct image_load_args *args, const struct unpack_pull *pull,
	       struct arena *a, struct unpack_report *out, struct err *e)
{
	struct reader rd = { .arena = a, .args = args, .pull = pull, .out = out, .e = e };
	CLEANUP_FD int pidfd = -1, fd = -1;
	int status = 0, r, w;
	pid_t pid = -1;

	*out = (struct unpack_report){ 0 };
	fd = start(verb, in, args, pull, &pid, &pidfd, e);
	if (fd < 0)
		return fd;
	r = read_report(&rd, fd);
	fd = close_fd(fd); /* a worker that still writes gets SIGPIPE */
	if (r < 0 && !rd.failed)
		(void)kill(pid, SIGKILL);
	w = spawn_wait(pidfd, -1, &status);
	if (r < 0)
		return r;
	if (w < 0)
		return err_errno(e, w, "wait for tare-worker");
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INTERNAL, "tare-worker was killed by signal %d (%s); nothing was loaded",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_INTERNAL, "tare-worker ended with exit code %d and no message", WEXITSTATUS(status));
	return 0;
}

static void write_files(struct json_writer *w, const void *data)
{
	(void)data;
	jw_bool(w, "files", true);
}

int unpack_tree(const struct store_ingest *in, const struct image_load_args *args, bool files, struct err *e)
{
	static const struct unpack_pull as_files = { .write = write_files };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct unpack_report report;
	int r = unpack_run("import", in, args, files ? &as_files : NULL, &a, &report, e);

	if (r < 0)
		return r;
	if (report.n_unpacked != 1)
		return err_set(e, ERR_INTERNAL, "tare-worker's report is damaged: an import without its layer");
	return store_ingest_tree(in, report.unpacked[0].chain_id, e);
}
