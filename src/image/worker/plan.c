#include "image/worker/plan.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/config.h"

#define MAX_SMALL_BLOB (4U << 20)

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "plan");
}

static int stage(struct plan *p, const char *digest, const char *text, size_t len, struct err *e)
{
	CLEANUP_FD int dir = openat(p->task->staging, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = dir < 0 ? -errno : io_replace_file(dir, digest_hex(digest), text, len, 0600, false);

	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "the store's file system is full");
	return r < 0 ? err_errno(e, r, "write blob %s", digest) : 0;
}

int plan_blob(struct plan *p, const char *member, const char *digest, uint64_t size, const char **text, size_t *len,
	      const char **actual, struct err *e)
{
	char sum[DIGEST_LEN + 1], shown[200];
	int r = archive_text(p->archive, member, MAX_SMALL_BLOB, text, len, e);

	if (r < 0)
		return r;
	(void)text_escape(member, shown, sizeof(shown));
	if (size != UINT64_MAX && size != *len)
		return err_set(e, ERR_INVALID, "'%s' has %zu bytes, what refers to it says %llu: the archive is damaged", shown,
			       *len, (unsigned long long)size);
	sha256_digest(*text, *len, sum);
	if (digest && strcmp(digest, sum) != 0)
		return err_set(e, ERR_INVALID, "'%s' has the digest %s, what refers to it says %s: the archive is damaged or was "
					       "tampered with", shown, sum, digest);
	*actual = arena_strdup(p->arena, sum);
	return *actual ? stage(p, sum, *text, *len, e) : no_memory(e);
}

/* ---- jobs ---- */

static bool have(int dir, const char *digest)
{
	return digest && faccessat(dir, digest_hex(digest), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A layer that is not packed is its own blob: known without reading it. */
static int guess_blob(struct plan *p, struct plan_layer *l, struct err *e)
{
	CLEANUP_MEMBER struct member_file m = MEMBER_FILE_INIT;
	CLEANUP_INFLATE struct inflate *f = NULL;
	int r;

	if (l->blob)
		return 0;
	r = archive_member(p->archive, l->member, &m, e);
	if (r == 0)
		r = inflate_new(source_read, &m.source, &f, e);
	if (r == 0 && inflate_packing(f) == PACKING_NONE)
		l->blob = l->diff_id;
	return r;
}

static int add_job(struct plan *p, struct plan_layer *l, struct err *e)
{
	struct plan_job job = { .layer = l }, *jobs;
	bool tree_planned = false;
	int r;

	for (size_t i = 0; i < p->n_jobs; i++) {
		if (strcmp(p->jobs[i].layer->chain_id, l->chain_id) != 0)
			continue;
		tree_planned = true;
		if (!strcmp(p->jobs[i].layer->member, l->member)) {
			l->job = i;
			return 0;
		}
	}
	r = guess_blob(p, l, e);
	if (r < 0)
		return r;
	job.result.want_tree = !tree_planned && !have(p->task->layers, l->chain_id);
	job.result.want_blob = !have(p->task->blobs, l->blob);
	job.needed = job.result.want_tree || job.result.want_blob;
	jobs = arena_grow(p->arena, p->jobs, p->n_jobs, &p->cap_jobs, sizeof(*jobs));
	if (!jobs)
		return no_memory(e);
	p->jobs = jobs;
	l->job = p->n_jobs;
	p->jobs[p->n_jobs++] = job;
	return 0;
}

/* ---- images ---- */

static int check_platform(struct plan *p, const struct image_config *c, struct err *e)
{
	char want[PLATFORM_TEXT_LEN], have_text[PLATFORM_TEXT_LEN], shown[PLATFORM_TEXT_LEN * 2];
	struct platform have_platform;

	platform_make(c->os, c->architecture, c->variant, &have_platform);
	if (platform_match(&p->task->platform, &have_platform) > 0)
		return 0;
	(void)platform_text(&p->task->platform, want);
	(void)text_escape(platform_text(&have_platform, have_text), shown, sizeof(shown));
	return err_set(e, ERR_UNSUPPORTED, "the image is for %s, %s %s; to load it all the same: --platform %s", shown,
		       p->task->platform_given ? "wanted is" : "this machine is", want, shown);
}

static int same_image(const struct plan_image *a, const struct plan_image *b)
{
	return !strcmp(a->config, b->config) && !a->manifest == !b->manifest &&
	       (!a->manifest || !strcmp(a->manifest, b->manifest));
}

static int add_names(struct plan *p, struct plan_image *to, const struct plan_image *from, struct err *e)
{
	const char **all = arena_array(p->arena, to->n_names + from->n_names + 1, sizeof(*all));

	if (!all)
		return no_memory(e);
	if (to->n_names > 0)
		memcpy(all, to->names, to->n_names * sizeof(*all));
	if (from->n_names > 0)
		memcpy(all + to->n_names, from->names, from->n_names * sizeof(*all));
	to->names = all;
	to->n_names += from->n_names;
	return 0;
}

static int append_image(struct plan *p, const struct plan_image *img, struct err *e)
{
	struct plan_image *images = arena_grow(p->arena, p->images, p->n_images, &p->cap_images, sizeof(*images));

	if (!images)
		return no_memory(e);
	p->images = images;
	p->images[p->n_images++] = *img;
	return 0;
}

int plan_image(struct plan *p, struct plan_image *img, const char *config_text, size_t len, struct err *e)
{
	const struct image_config *c;
	const char *parent = NULL;
	int r;

	for (size_t i = 0; i < p->n_images; i++)
		if (same_image(&p->images[i], img))
			return add_names(p, &p->images[i], img, e);
	r = image_config_parse(p->arena, config_text, len, &c, e);
	if (r == 0)
		r = check_platform(p, c, e);
	if (r < 0)
		return r;
	if (c->n_layers != img->n_layers)
		return err_set(e, ERR_INVALID, "its configuration names %zu layers, its manifest %zu: the archive is damaged",
			       c->n_layers, img->n_layers);
	for (size_t i = 0; i < img->n_layers; i++) {
		struct plan_layer *l = &img->layers[i];
		char chain[DIGEST_LEN + 1];

		l->diff_id = c->diff_ids[i];
		digest_chain(parent, l->diff_id, chain);
		l->chain_id = parent = arena_strdup(p->arena, chain);
		if (!parent)
			return no_memory(e);
		r = add_job(p, l, e);
		if (r < 0)
			return err_ctx(e, "layer %zu", i + 1);
	}
	return append_image(p, img, e);
}
