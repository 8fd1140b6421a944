/* HEAD, GET, PUT /containers/{}/archive; GET /containers/{}/export */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/docker/routes.h"
#include "api/docker/times.h"
#include "api/docker/words.h"
#include "base/base64.h"
#include "build/cp.h"
#include "engine/config.h"
#include "engine/export.h"
#include "engine/launch.h"

#define TAR "application/x-tar"
#define STAT_HEADER "X-Docker-Container-Path-Stat"

/* ---- what is there ---- */

/* Bits of Go's FileMode, which are not those of the kernel. */
static uint64_t go_mode(mode_t mode)
{
	static const struct {
		mode_t type;
		uint64_t bits;
	} types[] = { { S_IFDIR, 1U << 31 }, { S_IFLNK, 1U << 27 }, { S_IFBLK, 1U << 26 }, { S_IFCHR, 1U << 26 | 1U << 21 }, { S_IFIFO, 1U << 25 },
		      { S_IFSOCK, 1U << 24 } };
	uint64_t out = mode & 0777;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		out |= (mode & S_IFMT) == types[i].type ? types[i].bits : 0;
	out |= mode & S_ISUID ? 1U << 23 : 0;
	out |= mode & S_ISGID ? 1U << 22 : 0;
	return out | (mode & S_ISVTX ? 1U << 20 : 0);
}

static int add_stat(struct exchange *ex, const struct cp_stat *st, struct err *e)
{
	CLEANUP_STRBUF struct strbuf json = STRBUF_INIT, coded = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&json);

	jw_object(&w, NULL);
	jw_str(&w, "name", st->name);
	jw_i64(&w, "size", st->size);
	jw_u64(&w, "mode", go_mode(st->mode));
	jw_str(&w, "mtime", time_text(ex_arena(ex), st->mtime));
	jw_str(&w, "linkTarget", st->link);
	jw_end_object(&w);
	if (sb_error(&json) == 0)
		base64_encode(json.s, json.len, &coded);
	if (sb_error(&json) < 0 || sb_error(&coded) < 0)
		return err_errno(e, -ENOMEM, "describe a path");
	ex_add_header(ex, STAT_HEADER, coded.s);
	return 0;
}

struct asked {
	struct engine *en;
	struct record rec;
	const char *path;
};

/* A path is one from the container's root, also without the slash. */
static int look(struct exchange *ex, struct asked *out, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	const char *path = ex_query(ex, "path");
	int r;

	if (!path || !*path)
		return err_set(e, ERR_INVALID, "bad parameter: 'path' cannot be empty");
	out->path = path;
	r = words_container(ex, &out->en, &out->rec, &live, e);
	return r;
}

static int no_file(const struct asked *q, struct err *e)
{
	return e->cls == ERR_NOTFOUND ? err_set(e, ERR_NOTFOUND, "Could not find the file %s in container %s", q->path, q->rec.name) : e->code;
}

static int stat_it(struct exchange *ex, struct asked *q, struct cp_stat *st, struct err *e)
{
	int r = look(ex, q, e);

	if (r == 0 && cp_stat(q->en, q->rec.id, q->path, st, e) < 0)
		return no_file(q, e);
	return r < 0 ? r : add_stat(ex, st, e);
}

static int head(struct exchange *ex, struct err *e)
{
	struct cp_stat st;
	struct asked q;
	int r = stat_it(ex, &q, &st, e);

	return r < 0 ? r : ex_empty(ex, 200, e);
}

/* ---- out ---- */

/* What fails once the answer began cuts it off, and is told to nobody else but the log. */
static int end_out(struct exchange *ex, int r, struct err *e)
{
	struct err ignored;

	if (r < 0) {
		(void)!ex_out_end(ex, false, &ignored);
		return r;
	}
	return ex_out_end(ex, true, e);
}

static int get(struct exchange *ex, struct err *e)
{
	struct cp_stat st;
	struct asked q;
	struct cp_args args = { .here = "-" };
	uint64_t bytes = 0;
	int r = stat_it(ex, &q, &st, e);

	if (r == 0)
		r = ex_out_fd(ex, 200, TAR, &args.tar, e);
	if (r < 0)
		return r;
	args.container = q.rec.id;
	args.inside = q.path;
	r = cp_out(q.en, &args, &bytes, e);
	close_fd(args.tar);
	return end_out(ex, r, e);
}

static int export_it(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct engine *en;
	struct record rec;
	int fd, r = words_container(ex, &en, &rec, &live, e);

	if (r == 0)
		r = ex_out_fd(ex, 200, "application/octet-stream", &fd, e);
	if (r < 0)
		return r;
	r = container_export(en, ex_arena(ex), rec.id, fd, e);
	close_fd(fd);
	return end_out(ex, r, e);
}

/* ---- in ---- */

/* Whom the container's command runs as, where it is to be somebody: what is copied in becomes his. */
static int read_owner(const struct asked *q, struct arena *a, uint32_t owner[2], const uint32_t **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *doc, *user;
	struct ct_config config;
	int r = config_parse(a, q->rec.config, &config, e);

	if (r < 0 || !*json_text(json_get(config.doc, "Config"), "User", ""))
		return r;
	r = launch_read_description(q->en, q->rec.id, 0, &text, e);
	if (r == 0)
		r = json_parse(a, text.s, text.len, NULL, &doc, e);
	if (r < 0)
		return r;
	user = json_get(json_get(json_get(doc, "spec"), "process"), "user");
	r = json_get_u32(user, "user", "uid", &owner[0], e);
	if (r == 0)
		r = json_get_u32(user, "user", "gid", &owner[1], e);
	*out = owner;
	return r;
}

static int check_place(const struct asked *q, struct err *e)
{
	const char *folder = q->path;
	struct cp_stat st;
	size_t len = strlen(folder);
	CLEANUP_FREE char *with_slash = malloc(len + 2);

	if (!with_slash)
		return err_errno(e, -ENOMEM, "path");
	(void)snprintf(with_slash, len + 2, "%s/", folder); /* a link to a folder is one */
	if (cp_stat(q->en, q->rec.id, with_slash, &st, e) == 0)
		return 0;
	if (cp_stat(q->en, q->rec.id, folder, &st, e) == 0)
		return err_set(e, ERR_INVALID, "extraction point is not a directory");
	return no_file(q, e);
}

static int put(struct exchange *ex, struct err *e)
{
	struct ex_body body = { ex, -1 };
	struct cp_args args = { .here = "-", .archive = true, .replace = !ex_query_bool(ex, "noOverwriteDirNonDir", false), .arrival = { ex_body_arrived, &body } };
	uint32_t owner[2] = { 0 };
	uint64_t bytes = 0;
	struct asked q;
	int r = look(ex, &q, e);

	if (r == 0)
		r = check_place(&q, e);
	if (r == 0 && ex_query_bool(ex, "copyUIDGID", false))
		r = read_owner(&q, ex_arena(ex), owner, &args.owner, e);
	if (r == 0)
		r = ex_body_fd(ex, &body.fd, e);
	if (r < 0)
		return r;
	args.tar = body.fd;
	args.container = q.rec.id;
	args.inside = q.path;
	r = cp_in(q.en, &args, &bytes, e);
	close_fd(body.fd);
	if (r < 0 && e->cls == ERR_DENIED)
		return err_set(e, ERR_DENIED, "container rootfs is marked read-only: %s", q.path);
	return r < 0 ? r : ex_empty(ex, 200, e);
}

const struct route docker_archive_routes[] = {
	{ .method = "HEAD", .path = "/containers/{}/archive", .handler = head, .access = ROUTE_READ, .about = "what a path in it is (path)" },
	{ .method = "GET", .path = "/containers/{}/archive", .handler = get, .access = ROUTE_READ, .about = "a file or folder of it as a tar (path)" },
	{ .method = "PUT", .path = "/containers/{}/archive", .handler = put, .access = ROUTE_WRITE,
	  .about = "a tar into a folder of it (path, copyUIDGID, noOverwriteDirNonDir)" },
	{ .method = "GET", .path = "/containers/{}/export", .handler = export_it, .access = ROUTE_READ, .about = "all its files as a tar" },
	{ 0 }
};
