/* Docker's classic builder has an image behind every step: each has a date, and one that is found again is said to be of the cache. Here a step
 * that writes nothing leaves nothing, and what was built says of no step when; so that a build for Docker's clients (build_args.as_docker) shows
 * what they expect, what the image would be at such a step is kept as a key of the cache, with its time. */
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"
#include "build/work.h"
#include "engine/buildcache.h"
#include "engine/images.h"

/* ---- which images alone may be the cache ---- */

struct cache_image {
	const struct image_config *config;
	const char *const *chains;
	size_t n;
};

int seen_begin(struct build *b, struct err *e)
{
	const struct build_args *args = b->args;
	struct cache_image *v = arena_array(b->a, args->n_cache_from + 1, sizeof(*v));

	if (!v)
		return err_errno(e, -ENOMEM, "--cache-from");
	for (size_t i = 0; args->as_docker && i < args->n_cache_from; i++) {
		struct cache_image *c = &v[b->n_cache_images];
		struct image img;
		struct err ignored; /* one that is not here is no cache */

		if (image_find(b->en->catalog, b->a, args->cache_from[i].place, &img, &ignored) == 0 &&
		    image_config_read(b->en, b->a, img.id, &c->config, &ignored) == 0 &&
		    image_layers(b->en->catalog, b->a, img.id, &c->chains, &c->n, &ignored) == 0)
			b->n_cache_images++;
	}
	b->cache_images = v;
	return arena_error(b->a) < 0 ? err_errno(e, -ENOMEM, "--cache-from") : 0;
}

static bool is_open(const struct build *b)
{
	return !b->args->as_docker || b->args->n_cache_from == 0;
}

bool seen_layer_counts(const struct build *b, const char *chain)
{
	for (size_t i = 0; i < b->n_cache_images; i++)
		for (size_t k = 0; k < b->cache_images[i].n; k++)
			if (strcmp(b->cache_images[i].chains[k], chain) == 0)
				return true;
	return is_open(b);
}

/* The image began with these steps. */
static bool began_so(const struct image_config *image, const struct conf *c)
{
	if (image->n_history < c->n_history)
		return false;
	for (size_t i = 0; i < c->n_history; i++) {
		const char *had = image->history[i].created_by, *has = c->history[i].created_by;

		if (strcmp(had ? had : "", has ? has : "") != 0 || image->history[i].empty_layer != c->history[i].empty_layer)
			return false;
	}
	return true;
}

static bool step_counts(const struct build *b, const struct conf *c)
{
	for (size_t i = 0; i < b->n_cache_images; i++)
		if (began_so(b->cache_images[i].config, c))
			return true;
	return is_open(b);
}

/* ---- when something was there first ---- */

/* 1: it was seen before, and *when is of then. What stands on no layer has no row: it is always new. */
static int look(struct build *b, const struct stage *s, const char *what, const char *description, int64_t *when, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct timespec epoch = { .tv_sec = s->epoch };
	char created[TEXT_TIME_LEN], key[DIGEST_LEN + 1];

	text_time(&epoch, created);
	sb_puts(&text, what);
	conf_write(&s->conf, created, s->layers, s->n, &text);
	if (sb_error(&text) < 0)
		return err_errno(e, -ENOMEM, "step");
	sha256_digest(text.s, text.len, key);
	return buildcache_seen(b->en, key, s->n ? &s->layers[s->n - 1] : NULL, description, s->anew, when, e);
}

int seen_step(struct build *b, struct stage *s, const char *text, struct err *e)
{
	int64_t when;
	int r = b->args->as_docker && !b->silent ? look(b, s, "step", text, &when, e) : 0;

	if (r > 0 && step_counts(b, &s->conf))
		build_event(b, BUILD_CACHED, "", 0);
	return r < 0 ? r : 0;
}

int seen_image(struct build *b, struct stage *s, char created[TEXT_TIME_LEN], struct err *e)
{
	struct timespec at = { .tv_sec = s->epoch };
	const char *text;
	int64_t when;

	text_time(&at, created);
	if (!b->args->as_docker || b->has_epoch)
		return 0;
	if (look(b, s, "image", "the image's time", &when, e) < 0)
		return e->code;
	at = (struct timespec){ .tv_sec = when / 1000000000, .tv_nsec = when % 1000000000 };
	text_time(&at, created);
	text = arena_strdup(b->a, created);
	for (size_t i = s->base_history; i < s->conf.n_history; i++)
		s->conf.history[i].created = text;
	return text ? 0 : err_errno(e, -ENOMEM, "history");
}
