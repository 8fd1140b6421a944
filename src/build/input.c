/* What is fetched is known by a digest of its content, never by its URL alone: by --checksum; or, where the server names versions and has
 * said that it still is the one that was fetched before, by the digest of then. Only when the cache has no result for that does it have to
 * be here. */
#include "build/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "build/git.h"
#include "engine/fetch.h"

#define BODY "body"

/* ---- the name of a URL ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The last part of its path; %XX are what they stand for. "" and dots are no names, and what has a NUL is none either. */
static int find_name(struct arena *a, const char *url, const char **out, struct err *e)
{
	const char *path = strstr(url, "://") + 3, *end;
	char *name, *to;

	path += strcspn(path, "/?#");
	end = path + strcspn(path, "?#");
	name = to = arena_strndup(a, path, (size_t)(end - path));
	if (!name)
		return err_errno(e, -ENOMEM, "URL");
	for (const char *p = name; *p; p++) {
		int c = *p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0 ? hex(p[1]) * 16 + hex(p[2]) : -1;

		*to++ = c >= 0 ? (char)c : *p;
		p += c >= 0 ? 2 : 0;
		if (!to[-1])
			return 0;
	}
	*to = '\0';
	name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	*out = *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX ? name : NULL;
	return 0;
}

/* ---- fetching ---- */

static int make_folder(struct build *b, struct input *in, struct err *e)
{
	in->folder = arena_printf(b->a, "input-%u", b->inputs++);
	if (!in->folder)
		return err_errno(e, -ENOMEM, "fetch");
	if (mkdirat(b->ingest.dir, in->folder, 0700) < 0)
		return err_errno(e, -errno, "make a folder for what is fetched");
	in->root = openat(b->ingest.dir, in->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return in->root < 0 ? err_errno(e, -errno, "make a folder for what is fetched") : 0;
}

/* The one file of a fetched URL. */
static int take_file(struct build *b, struct input *in, int fd, const struct fetched *f, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = f->modified } };
	static const struct ignore nothing;
	struct pick_item *item = arena_new(b->a, struct pick_item);

	if (!item)
		return err_errno(e, -ENOMEM, "fetch");
	if (futimens(fd, times) < 0)
		return err_errno(e, -errno, "set the time of what was fetched");
	*item = (struct pick_item){ .path = BODY, .name = in->name ? in->name : "", .below = in->name ? in->name : "", .last = IGNORE_NONE,
				    .mode = S_IFREG | 0600 };
	in->items = (struct pick_list){ .v = item, .n = 1, .cap = 1 };
	in->from.root = in->root;
	in->from.ignore = in->from.excludes = &nothing;
	return 0;
}

static int check_content(const struct input *in, const struct df_copy *copy, const struct fetched *f, struct err *e)
{
	if (!in->content || strcmp(in->content, f->digest) == 0)
		return 0;
	if (!copy->checksum || !copy->checksum[0])
		return err_set(e, ERR_BUSY, "%s: it changed while the image was built: build it again", in->source.url);
	return err_set(e, ERR_INVALID, "%s: its digest is %s, and --checksum=%s (it is %llu bytes%s%s)", in->source.url, f->digest, copy->checksum,
		       (unsigned long long)f->size, f->media_type ? " of " : "", f->media_type ? f->media_type : "");
}

/* once_more: whatever is remembered of it. */
static int fetch_file(struct build *b, const struct df_copy *copy, struct input *in, bool once_more, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct fetched f;
	int r = in->root < 0 ? make_folder(b, in, e) : 0;

	if (r < 0)
		return r;
	fd = openat(in->root, BODY, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, -errno, "make a file for what is fetched");
	build_say(b, "fetching %s", in->source.url);
	r = engine_fetch(b->en, b->a, in->source.url, !once_more, b->args->limits.file_bytes, fd, &f, e);
	if (r == 0)
		r = check_content(in, copy, &f, e);
	if (r < 0)
		return r;
	in->content = arena_strdup(b->a, f.digest);
	if (!in->content)
		return err_errno(e, -ENOMEM, "fetch");
	if (f.modified < 0)
		f.modified = b->has_epoch ? b->epoch : 0;
	return f.unchanged ? 0 : take_file(b, in, fd, &f, e);
}

static int find_http(struct build *b, const struct df_copy *copy, struct input *in, struct err *e)
{
	int r = find_name(b->a, in->source.url, &in->name, e);

	if (r < 0)
		return r;
	if (copy->checksum && copy->checksum[0]) {
		in->content = copy->checksum;
		return 0;
	}
	return fetch_file(b, copy, in, b->now && b->now->anew, e);
}

/* ---- git ---- */

static bool keeps_git(const struct df_copy *copy, const struct input *in)
{
	return copy->keep_git_dir == DF_YES || (copy->keep_git_dir == DF_UNSAID && in->source.keep_git_dir == DF_YES);
}

static int find_git(struct build *b, const struct df_copy *copy, struct input *in, struct err *e)
{
	int r = make_folder(b, in, e);

	return r < 0 ? r : git_resolve(b, &in->source, copy->checksum, in->root, &in->content, e);
}

static int get_git(struct build *b, const struct df_copy *copy, struct input *in, struct err *e)
{
	static const struct ignore nothing;
	CLEANUP_FD int tree = -1;
	int r = git_checkout(b, &in->source, in->content, keeps_git(copy, in), in->root, e);

	if (r < 0)
		return r;
	tree = beneath_open(in->root, GIT_TREE, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
	if (tree < 0)
		return err_errno(e, tree, "%s", in->source.url);
	close_fd(in->root);
	in->root = in->from.root = take_fd(&tree);
	in->from.ignore = &nothing;
	r = pick_source(b->a, &in->from, in->source.subdir ? in->source.subdir : ".", &in->items, e);
	if (r == 0 && (in->items.n != 1 || !S_ISDIR(in->items.v[0].mode)))
		r = err_set(e, ERR_INVALID, "%s is no folder", in->source.subdir);
	return r < 0 ? err_ctx(e, "%s", in->source.url) : 0;
}

/* ---- all kinds ---- */

int input_find(struct build *b, const struct df_instruction *step, const char *text, const struct pick_from *files, struct input *out,
	       struct err *e)
{
	int r = 0;

	out->source = (struct df_source){ .kind = DF_SOURCE_FILES, .url = text };
	if (step->kind == DF_ADD)
		r = df_source_parse(b->a, text, &out->source, e);
	if (r < 0)
		return r;
	out->from = *files;
	switch (out->source.kind) {
	case DF_SOURCE_HTTP:
		return find_http(b, &step->copy, out, e);
	case DF_SOURCE_GIT:
		return find_git(b, &step->copy, out, e);
	case DF_SOURCE_FILES:
	default:
		return pick_source(b->a, files, text, &out->items, e);
	}
}

size_t input_count(const struct input *in)
{
	return in->source.kind == DF_SOURCE_FILES ? in->items.n + in->items.left_out : 1;
}

int input_key(const struct input *in, const struct df_copy *copy, struct key *k, struct key *seen, struct err *e)
{
	int r = 0;

	key_add_number(k, in->source.kind);
	if (in->source.kind == DF_SOURCE_GIT) {
		key_add(k, in->source.subdir);
		key_add_number(k, in->source.submodules != DF_NO);
		key_add_number(k, keeps_git(copy, in));
		key_add(k, keeps_git(copy, in) ? in->source.url : NULL);
	}
	if (in->source.kind != DF_SOURCE_FILES) {
		key_add(k, in->name);
		key_add(k, in->content);
		return 0;
	}
	key_add_number(k, (int64_t)in->items.n);
	for (size_t i = 0; r == 0 && i < in->items.n; i++) {
		if (copy->parents == DF_YES)
			key_add(k, in->items.v[i].below);
		r = pick_digest(&in->from, &in->items.v[i], k, seen, e);
	}
	return r;
}

int input_seen(const struct input *in, struct key *seen, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && in->source.kind == DF_SOURCE_FILES && i < in->items.n; i++)
		r = pick_seen(&in->from, &in->items.v[i], seen, e);
	return r;
}

int input_get(struct build *b, const struct df_copy *copy, struct input *in, struct err *e)
{
	if (in->source.kind == DF_SOURCE_GIT)
		return get_git(b, copy, in, e);
	return in->source.kind == DF_SOURCE_FILES || in->items.n ? 0 : fetch_file(b, copy, in, true, e);
}

void input_end(struct build *b, struct input *in)
{
	in->root = close_fd(in->root);
	if (in->folder)
		(void)!io_remove_tree(b->ingest.dir, in->folder); /* else with the ingest */
	in->folder = NULL;
}
