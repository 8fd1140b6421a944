#include "image/worker/pull.h"

#include <string.h>

#include "base/text.h"
#include "image/worker/layer.h"
#include "image/worker/pool.h"
#include "image/worker/report.h"

#define MAX_LANES 64

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INTERNAL, "the request is damaged: %s", what);
}

static int digest_at(const struct json *obj, const char *key, const char **out, struct err *e)
{
	int r = json_get_str(obj, "request", key, out, e);

	return r < 0 ? r : *out && digest_valid(*out) ? 0 : damaged(e, key);
}

/* ---- the request ---- */

static int read_blobs(struct pull *p, struct arena *a, const struct json *list, struct err *e)
{
	struct gather *g = &p->gather;
	int fd = WORKER_LANES_FD + (int)p->n_lanes, r = 0;

	g->blobs = arena_array(a, list->len + 1, sizeof(*g->blobs));
	p->digests = arena_array(a, list->len + 1, sizeof(*p->digests));
	if (!g->blobs || !p->digests)
		return err_errno(e, -ENOMEM, "request");
	json_each(it, list) {
		struct gather_blob *b = &g->blobs[g->n_blobs];

		*b = (struct gather_blob){ .fd = fd, .map_fd = fd + 1 };
		fd += 2;
		r = digest_at(it, "digest", &p->digests[g->n_blobs++], e);
		if (r == 0)
			r = json_get_u64(it, "request", "size", &b->size, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* [blob, start, end] each */
static int read_chunks(struct pull *p, struct arena *a, const struct json *list, struct err *e)
{
	struct gather *g = &p->gather;

	g->chunks = arena_array(a, list->len + 1, sizeof(*g->chunks));
	if (!g->chunks)
		return err_errno(e, -ENOMEM, "request");
	json_each(it, list) {
		struct gather_chunk *c = &g->chunks[g->n_chunks++];
		const struct json *v = it->child;
		uint64_t blob;

		*c = (struct gather_chunk){ 0 };
		if (it->len != 3 || json_as_u64(v, &blob) < 0 || json_as_u64(v->next, &c->start) < 0 ||
		    json_as_u64(v->next->next, &c->end) < 0 || blob >= g->n_blobs)
			return damaged(e, "chunks");
		c->blob = blob;
	}
	return 0;
}

static int read_layers(struct pull *p, struct arena *a, const struct json *list, struct err *e)
{
	p->layers = arena_array(a, list->len + 1, sizeof(*p->layers));
	if (!p->layers)
		return err_errno(e, -ENOMEM, "request");
	json_each(it, list) {
		struct pull_layer *l = &p->layers[p->n_layers++];
		uint64_t blob = UINT64_MAX;
		int r;

		*l = (struct pull_layer){ 0 };
		r = json_get_u64(it, "request", "blob", &blob, e);
		if (r == 0)
			r = digest_at(it, "diffId", &l->diff_id, e);
		if (r == 0)
			r = digest_at(it, "chainId", &l->chain_id, e);
		if (r == 0)
			r = json_get_bool(it, "request", "tree", &l->want_tree, e);
		if (r < 0)
			return r;
		if (blob >= p->gather.n_blobs)
			return damaged(e, "layers");
		l->blob = blob;
	}
	return 0;
}

int pull_read(struct task *t, struct arena *a, const struct json *doc, struct pull *out, struct err *e)
{
	const struct json *blobs = NULL, *chunks = NULL, *layers = NULL;
	uint64_t lanes = 0;
	int r = json_get_u64(doc, "request", "lanes", &lanes, e);

	*out = (struct pull){ .task = t, .gather = { .task = t, .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER } };
	if (r == 0)
		r = json_get_array(doc, "request", "blobs", &blobs, e);
	if (r == 0)
		r = json_get_array(doc, "request", "chunks", &chunks, e);
	if (r == 0)
		r = json_get_array(doc, "request", "layers", &layers, e);
	if (r < 0)
		return r;
	if (!blobs || !chunks || !layers || lanes > MAX_LANES)
		return damaged(e, "parts");
	out->n_lanes = lanes;
	out->lanes = arena_array(a, lanes + 1, sizeof(*out->lanes));
	if (!out->lanes)
		return err_errno(e, -ENOMEM, "request");
	for (size_t i = 0; i < lanes; i++)
		out->lanes[i] = WORKER_LANES_FD + (int)i;
	r = read_blobs(out, a, blobs, e);
	if (r == 0)
		r = read_chunks(out, a, chunks, e);
	return r < 0 ? r : read_layers(out, a, layers, e);
}

/* ---- the work ---- */

static int unpack_layer(struct pull *p, size_t i, struct err *e)
{
	const struct pull_layer *l = &p->layers[i];
	struct layer_job job = {
		.source = { .fd = -1, .gather = &p->gather, .blob = l->blob, .left = p->gather.blobs[l->blob].size },
		.blob = p->digests[l->blob],
		.diff_id = l->diff_id,
		.chain_id = l->chain_id,
		.want_tree = l->want_tree,
	};
	int r = layer_run(p->task, &job, (unsigned int)i, e);

	if (r == 0 && l->want_tree)
		r = report_unpacked(p->task, l->chain_id, job.facts.size, job.facts.entries, job.facts.max_id, e);
	return r;
}

static int run_layer(size_t i, void *data, struct err *e)
{
	struct pull *p = data;

	return unpack_layer(p, i, e) < 0 ? err_ctx(e, "layer %s", p->digests[p->layers[i].blob]) : 0;
}

/* After a failure the process ends with its threads: they may wait for lanes that nobody closes. */
int pull_run(struct pull *p, struct err *e)
{
	int r = gather_start(&p->gather, p->lanes, p->n_lanes, e);

	if (r == 0)
		r = pool_run(p->task, p->n_layers, run_layer, p, e);
	if (r == 0)
		gather_free(&p->gather);
	return r;
}
