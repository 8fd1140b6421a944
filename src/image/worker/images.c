/* The order of a load: index the archive, plan from its small documents (each verified), unpack the layers on a few
 * threads, report the images. The first failure stops all threads at their next block; nothing that was staged has a
 * name in the store yet. */
#include "image/worker/images.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "image/worker/plan.h"
#include "image/worker/pool.h"
#include "image/worker/report.h"

#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"

static const char *media_type_of(enum packing packing)
{
	switch (packing) {
	case PACKING_GZIP:
		return LAYER_TYPE "+gzip";
	case PACKING_ZSTD:
		return LAYER_TYPE "+zstd";
	case PACKING_NONE:
	default:
		return LAYER_TYPE;
	}
}

/* ---- layers on threads ---- */

static int unpack_one(struct plan *p, size_t i, struct err *e)
{
	CLEANUP_MEMBER struct member_file m = MEMBER_FILE_INIT;
	struct plan_job *job = &p->jobs[i];
	struct layer_job *l = &job->result;
	int r = archive_member(p->archive, job->layer->member, &m, e);

	if (r < 0)
		return r;
	if (job->layer->size != UINT64_MAX && job->layer->size != m.source.left)
		return err_set(e, ERR_INVALID, "it has %llu bytes, its manifest says %llu: the archive is damaged",
			       (unsigned long long)m.source.left, (unsigned long long)job->layer->size);
	l->source = m.source;
	l->spooled = m.spooled[0] ? m.spooled : NULL;
	l->blob = job->layer->blob;
	l->diff_id = job->layer->diff_id;
	l->chain_id = job->layer->chain_id;
	r = layer_run(p->task, l, (unsigned int)i, e);
	l->spooled = NULL;
	if (r == 0 && l->want_tree)
		r = report_unpacked(p->task, l->chain_id, l->facts.size, l->facts.entries, l->facts.max_id, e);
	return r;
}

static int run_job(size_t i, void *data, struct err *e)
{
	struct plan *p = data;
	char shown[200];

	if (!p->jobs[i].needed || unpack_one(p, i, e) == 0)
		return 0;
	return err_ctx(e, "layer %s", text_escape(p->jobs[i].layer->member, shown, sizeof(shown)));
}

/* ---- load ---- */

static int report_one(struct plan *p, const struct plan_image *img, struct err *e)
{
	struct report_layer *v = arena_array(p->arena, img->n_layers + 1, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "report");
	for (size_t i = 0; i < img->n_layers; i++) {
		const struct plan_layer *l = &img->layers[i];
		const struct plan_job *job = &p->jobs[l->job];

		v[i] = (struct report_layer){ .blob = l->blob, .diff_id = l->diff_id, .media_type = l->media_type };
		if (job->needed) {
			v[i].blob = job->result.blob_digest;
			v[i].blob_size = job->result.blob_size;
		} else {
			struct stat st;

			if (fstatat(p->task->blobs, digest_hex(l->blob), &st, AT_SYMLINK_NOFOLLOW) < 0)
				return err_errno(e, -errno, "blob %s", l->blob);
			v[i].blob_size = (uint64_t)st.st_size;
		}
		if (!v[i].media_type)
			v[i].media_type = media_type_of(job->needed ? job->result.packing : PACKING_NONE);
	}
	return report_image(p->task, img->names, img->config, img->manifest, v, img->n_layers, e);
}

static int make_plan(struct plan *p, struct err *e)
{
	const struct archive_index *x = p->archive;

	if (archive_has(x, "index.json") && (archive_has(x, "oci-layout") || !archive_has(x, "manifest.json")))
		return plan_oci(p, e);
	if (x->folder)
		return err_set(e, ERR_INVALID, "it has no index.json: of folders tare reads OCI layouts");
	if (archive_has(x, "manifest.json"))
		return plan_docker(p, e);
	if (archive_has(x, "repositories"))
		return err_set(e, ERR_UNSUPPORTED, "it was saved by a docker older than 1.10, without manifest.json; load it into "
						   "a current docker and save it again");
	return err_set(e, ERR_INVALID, "it has neither index.json (OCI) nor manifest.json (docker save); for the tar of a root "
				       "file system use tare import");
}

static int make_spool(struct task *t, struct err *e)
{
	return mkdirat(t->staging, "spool", 0700) < 0 ? err_errno(e, -errno, "make the spool folder") : 0;
}

int images_load(struct task *t, struct arena *a, struct err *e)
{
	struct archive_index archive = { 0 };
	struct plan plan = { .task = t, .archive = &archive, .arena = a };
	int r = make_spool(t, e);

	if (r == 0)
		r = archive_open(t, a, &archive, e);
	if (r == 0)
		r = make_plan(&plan, e);
	if (r == 0)
		r = pool_run(t, plan.n_jobs, run_job, &plan, e);
	for (size_t i = 0; r == 0 && i < plan.n_images; i++)
		r = report_one(&plan, &plan.images[i], e);
	free(archive.members);
	return r;
}

/* ---- import ---- */

int images_import(struct task *t, struct err *e)
{
	struct layer_job job = { .unwrap = true, .want_tree = true, .want_blob = !t->files };
	const char *const names[] = { NULL };
	struct report_layer layer;
	struct stat st;
	off_t at;
	int r = make_spool(t, e);

	if (r < 0)
		return r;
	if (fstat(t->input, &st) < 0)
		return err_errno(e, -errno, "look at it");
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "it is a folder; import takes a tar archive");
	at = S_ISREG(st.st_mode) ? lseek(t->input, 0, SEEK_CUR) : 0;
	job.source = (struct source){ .fd = t->input, .stream = !S_ISREG(st.st_mode), .offset = (uint64_t)at,
				      .left = S_ISREG(st.st_mode) && st.st_size > at ? (uint64_t)(st.st_size - at) : 0 };
	r = layer_run(t, &job, 0, e);
	if (r == 0 && job.facts.entries == 0 && (!t->files || !job.blob_size)) /* not a byte is what is left of a pipe that broke */
		r = err_set(e, ERR_INVALID, "it is an empty %s", t->files ? "file" : "archive");
	if (r == 0)
		r = report_unpacked(t, job.diff_digest, job.facts.size, job.facts.entries, job.facts.max_id, e);
	layer = (struct report_layer){ job.blob_digest, job.diff_digest, media_type_of(job.packing), job.blob_size };
	return r < 0 ? r : report_image(t, names, NULL, NULL, &layer, 1, e);
}
