#include "build/pulling.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/pull.h"

#define EACH_MS 100

struct blob {
	const char *digest;
	uint64_t here;
};

struct arriving {
	const struct build *b;
	const char *name;
	struct blob *v;
	size_t n, cap;
	uint64_t total, here; /* bytes of all */
	int64_t told;	      /* when that was said last */
};

static void add_blob(struct arriving *a, const char *digest, uint64_t size)
{
	struct blob *v = arena_grow(a->b->a, a->v, a->n, &a->cap, sizeof(*v));

	if (!v)
		return; /* it is counted when everything is there */
	a->v = v;
	a->v[a->n++] = (struct blob){ .digest = arena_strdup(a->b->a, digest) };
	a->total += size;
}

static void arrived(struct arriving *a, const char *digest, uint64_t here)
{
	char text[200], have[32], total[32];
	int64_t now = clock_ms();

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].digest && strcmp(a->v[i].digest, digest) == 0) {
			a->here += here - a->v[i].here;
			a->v[i].here = here;
		}
	if (now - a->told < EACH_MS)
		return;
	a->told = now;
	text_human_size(a->here, have, sizeof(have));
	text_human_size(a->total, total, sizeof(total));
	(void)snprintf(text, sizeof(text), "pulling %.100s: %s of %s", a->name, have, total);
	build_event(a->b, BUILD_PROGRESS, text, strlen(text));
}

/* Who shows it himself; not from the process of a stage, which has events alone. */
static bool is_shown(const struct build *b)
{
	return b->args->watch.pull && b->up < 0 && !b->silent;
}

static void take(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data)
{
	struct arriving *a = data;
	const struct build_pull pull = { .name = a->name, .kind = kind, .digest = digest, .bytes = bytes };

	if (is_shown(a->b))
		a->b->args->watch.pull(&pull, a->b->args->watch.data);
	else if (kind == IMAGE_PROGRESS_BEGIN)
		add_blob(a, digest, bytes);
	else if (kind == IMAGE_PROGRESS_ARRIVED)
		arrived(a, digest, bytes);
}

int pulling(struct build *b, const char *name, const struct platform *platform, struct err *e)
{
	char text[PLATFORM_TEXT_LEN], shown[101];
	struct arriving arriving = { .b = b, .name = text_tame(name, shown, sizeof(shown)) };
	const struct pull_args pull = { .what = name, .platform = platform_text(platform, text), .limits = b->args->limits,
					.progress = take, .progress_data = &arriving };
	struct pulled got;

	arriving.name = is_shown(b) ? name : arriving.name;
	if (!is_shown(b))
		build_say(b, "pulling %s", name);
	if (engine_pull(b->en, &pull, b->a, &got, e) < 0)
		return e->code;
	if (is_shown(b))
		b->args->watch.pull(&(const struct build_pull){ .name = name, .done = &got }, b->args->watch.data);
	return 0;
}
