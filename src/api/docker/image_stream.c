#include "api/docker/image_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/pull.h"
#include "image/digest.h"

#define EACH_MS 100 /* of one layer */

static struct stream_blob *blob_of(struct arena *a, struct stream_blob **v, size_t *n, size_t *cap, const char *digest)
{
	struct stream_blob *more;
	char id[STREAM_ID + 1];

	(void)snprintf(id, sizeof(id), "%.*s", STREAM_ID, digest_hex(digest));
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*v)[i].id, id) == 0)
			return &(*v)[i];
	more = arena_grow(a, *v, *n, cap, sizeof(*more));
	if (!more)
		return NULL; /* it is not told of */
	*v = more;
	more[*n] = (struct stream_blob){ 0 };
	memcpy(more[*n].id, id, sizeof(id));
	return &more[(*n)++];
}

static bool is_due(struct stream_blob *b)
{
	int64_t now = clock_ms();

	if (b->told && now - b->told < EACH_MS)
		return false;
	b->told = now;
	return true;
}

/* ---- pull ---- */

static void begin(struct pull_stream *p)
{
	char text[600];
	struct json_writer *w;

	if (p->begun)
		return;
	p->begun = true;
	(void)snprintf(text, sizeof(text), "Pulling from %s", p->repository);
	w = stream_object(p->s);
	jw_str(w, "status", text);
	jw_str(w, "id", p->reference);
	stream_object_end(p->s);
}

static void tell_here(struct pull_stream *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].here) {
			p->v[i].here = false;
			stream_status(p->s, p->v[i].id, "Already exists");
		}
}

/* Its bytes are checked and unpacked as they come, so that what Docker does after the last of them is nearly done then. */
static void arrived(struct pull_stream *p, struct stream_blob *b, uint64_t bytes)
{
	if (b->complete)
		return;
	if (bytes < b->total) {
		if (is_due(b))
			stream_progress(p->s, b->id, "Downloading", bytes, b->total);
		return;
	}
	b->complete = true;
	stream_progress(p->s, b->id, "Downloading", b->total, b->total);
	stream_status(p->s, b->id, "Verifying Checksum");
	stream_status(p->s, b->id, "Download complete");
	stream_progress(p->s, b->id, "Extracting", b->total, b->total);
}

void pull_stream_take(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data)
{
	struct pull_stream *p = data;
	struct stream_blob *b = kind == IMAGE_PROGRESS_IMAGE ? NULL : blob_of(p->arena, &p->v, &p->n, &p->cap, digest);

	if (!b)
		return;
	begin(p);
	if (kind == IMAGE_PROGRESS_HERE)
		b->here = true;
	else
		tell_here(p);
	switch (kind) {
	case IMAGE_PROGRESS_BEGIN:
		b->total = bytes;
		stream_status(p->s, b->id, "Pulling fs layer");
		break;
	case IMAGE_PROGRESS_WAIT:
		stream_status(p->s, b->id, "Waiting");
		break;
	case IMAGE_PROGRESS_ARRIVED:
		arrived(p, b, bytes);
		break;
	case IMAGE_PROGRESS_LAYER:
		stream_status(p->s, b->id, "Pull complete");
		break;
	case IMAGE_PROGRESS_HERE:
	case IMAGE_PROGRESS_IMAGE:
	default:
		break;
	}
}

void pull_stream_done(struct pull_stream *p, const struct pulled *got)
{
	begin(p);
	if (!got->was_here)
		tell_here(p);
	stream_say(p->s, "Digest: %s", got->digest);
	stream_say(p->s, "Status: %s %s", got->was_here ? "Image is up to date for" : "Downloaded newer image for", got->name);
}

/* ---- push ---- */

void push_stream_take(const struct image_push_step *step, void *data)
{
	struct push_stream *p = data;
	size_t before = p->n;
	struct stream_blob *b = blob_of(p->arena, &p->v, &p->n, &p->cap, step->digest);
	char text[600];

	if (!b)
		return;
	if (p->n > before)
		stream_status(p->s, b->id, "Preparing");
	switch (step->state) {
	case IMAGE_PUSH_WAIT:
		stream_status(p->s, b->id, "Waiting");
		break;
	case IMAGE_PUSH_SENT:
		if (is_due(b) || step->bytes == step->size)
			stream_progress(p->s, b->id, "Pushing", step->bytes, step->size);
		break;
	case IMAGE_PUSH_DONE:
		stream_status(p->s, b->id, "Pushed");
		break;
	case IMAGE_PUSH_THERE:
		stream_status(p->s, b->id, "Layer already exists");
		break;
	case IMAGE_PUSH_MOUNTED:
		(void)snprintf(text, sizeof(text), "Mounted from %s", step->from);
		stream_status(p->s, b->id, text);
		break;
	}
}
