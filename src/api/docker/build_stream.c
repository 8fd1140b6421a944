#include "api/docker/build_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "image/digest.h"
#include "image/ref.h"

#define HELD_MAX (4U << 20) /* of a stage that has to wait; after that it waits no more */

void build_stream_free(struct build_stream *b)
{
	for (size_t i = 0; i < b->n; i++)
		sb_free(&b->v[i]->held);
	b->n = 0;
}

/* ---- which stage has the word ---- */

static void add_part(struct build_stream *b, const struct build_event *ev)
{
	struct build_part *part = arena_new(b->arena, struct build_part);
	struct build_part **v = arena_grow(b->arena, b->v, b->n, &b->cap, sizeof(*v));

	if (!part || !v)
		return; /* it is not shown */
	*part = (struct build_part){ .number = ev->number, .steps = ev->steps, .first = b->total + 1, .kept = b->n > 0, .held = STRBUF_INIT };
	b->v = v;
	b->v[b->n++] = part;
	b->total += ev->steps;
}

static struct build_part *part_of(const struct build_stream *b, const struct build_event *ev)
{
	for (size_t i = 0; ev->stage && i < b->n; i++)
		if (b->v[i]->number == ev->number)
			return b->v[i];
	return NULL;
}

static void release(struct build_stream *b, struct build_part *part)
{
	part->kept = false;
	if (part->held.len)
		stream_send(b->s, sb_str(&part->held), part->held.len);
	sb_free(&part->held);
}

/* Those behind a stage that is done. */
static void go_on(struct build_stream *b)
{
	while (b->current + 1 < b->n && b->v[b->current]->done)
		release(b, b->v[++b->current]);
}

/* ---- output ---- */

/* How many bytes at the end are the beginning of a character. */
static size_t cut_off(const char *text, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++) {
		unsigned char c = (unsigned char)text[len - n];
		size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

		if (c >= 0xc0 || c < 0x80)
			return want > n ? n : 0;
	}
	return 0;
}

/* The classic builder has what a command says on its standard error in red. */
static void output(struct build_stream *b, struct build_part *part, const char *text, size_t len, bool error)
{
	CLEANUP_STRBUF struct strbuf all = STRBUF_INIT, red = STRBUF_INIT;
	size_t cut;

	sb_add(&all, part->cut, part->n_cut);
	sb_add(&all, text, len);
	if (sb_error(&all) < 0)
		return;
	cut = cut_off(all.s, all.len);
	memcpy(part->cut, all.s + all.len - cut, cut);
	part->n_cut = cut;
	if (all.len == cut)
		return;
	if (!error) {
		stream_text(b->s, all.s, all.len - cut);
		return;
	}
	sb_puts(&red, "\033[91m");
	sb_add(&red, all.s, all.len - cut);
	sb_puts(&red, "\033[0m");
	if (sb_error(&red) == 0)
		stream_text(b->s, red.s, red.len);
}

static void container(struct build_stream *b, struct build_part *part, const char *id)
{
	if (*id) {
		(void)snprintf(part->container, sizeof(part->container), "%.12s", id);
		stream_line(b->s, " ---> Running in %s", part->container);
		return;
	}
	if (part->n_cut)
		stream_text(b->s, part->cut, part->n_cut);
	part->n_cut = 0;
	if (!b->code)
		stream_line(b->s, "Removing intermediate container %s", part->container);
}

/* ---- events ---- */

static void exited(struct build_stream *b, const char *text)
{
	size_t len = strcspn(text, " ");
	const char *number = arena_strndup(b->arena, text, len);
	int64_t code = 1;

	b->code = number && text_i64(number, &code) == 0 ? (int)code : 1;
	b->command = text[len] ? arena_strdup(b->arena, text + len + 1) : "";
}

static void show(struct build_stream *b, struct build_part *part, const struct build_event *ev)
{
	switch (ev->kind) {
	case BUILD_STEP:
		stream_line(b->s, "Step %zu/%zu : %s", part->first + ev->step - 1, b->total, ev->text);
		break;
	case BUILD_CACHED:
		stream_line(b->s, " ---> Using cache");
		break;
	case BUILD_SAY:
		stream_status(b->s, NULL, ev->text);
		break;
	case BUILD_OUTPUT:
		output(b, part, ev->text, ev->len, ev->error);
		break;
	case BUILD_CONTAINER:
		container(b, part, ev->text);
		break;
	case BUILD_DONE:
		if (ev->len)
			stream_line(b->s, " ---> %.12s", digest_hex(ev->text));
		break;
	case BUILD_NOTE:
	case BUILD_PROGRESS:
	case BUILD_FAILED:
	case BUILD_PLANNED:
	case BUILD_EXITED:
	default:
		break;
	}
}

void build_stream_event(const struct build_event *ev, void *data)
{
	struct build_stream *b = data;
	struct build_part *part;

	if (ev->kind == BUILD_PLANNED)
		add_part(b, ev);
	if (ev->kind == BUILD_EXITED)
		exited(b, ev->text);
	if (b->quiet)
		return;
	if (ev->kind == BUILD_NOTE)
		stream_line(b->s, "%s", ev->text);
	part = part_of(b, ev);
	if (!part)
		return;
	if (part->held.len > HELD_MAX)
		release(b, part);
	b->s->into = part->kept ? &part->held : NULL;
	show(b, part, ev);
	b->s->into = NULL;
	if (ev->kind == BUILD_DONE && ev->step == part->steps)
		part->done = true;
	go_on(b);
}

/* Of whichever stage: it comes at once. */
void build_stream_pull(const struct build_pull *pull, void *data)
{
	struct build_stream *b = data;
	struct image_ref ref;
	struct err ignored;

	if (b->quiet || image_ref_parse(b->arena, pull->name, &ref, &ignored) < 0)
		return;
	if (!b->pull.repository || strcmp(b->pull.repository, ref.path) != 0)
		b->pull = (struct pull_stream){ .s = b->s, .arena = b->arena, .repository = ref.path, .reference = ref.digest ? ref.digest : ref.tag };
	if (!pull->done) {
		pull_stream_take(pull->kind, pull->digest, pull->bytes, &b->pull);
		return;
	}
	pull_stream_done(&b->pull, pull->done);
	b->pull = (struct pull_stream){ 0 };
}

void build_stream_end(struct build_stream *b, int r, const struct build_result *got)
{
	for (size_t i = 0; i < b->n; i++)
		release(b, b->v[i]);
	if (r < 0)
		return;
	if (b->quiet) {
		stream_line(b->s, "%s", got->id);
		return;
	}
	jw_object(stream_object(b->s), "aux");
	jw_str(&b->s->w, "ID", got->id);
	jw_end_object(&b->s->w);
	stream_object_end(b->s);
	stream_line(b->s, "Successfully built %.12s", digest_hex(got->id));
	for (size_t i = 0; got->stored && i < got->names.n; i++)
		stream_line(b->s, "Successfully tagged %s", got->names.v[i]);
}
