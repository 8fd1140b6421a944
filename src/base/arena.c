/* Chunks in a list; only the first has room. An allocation too large for a chunk gets one of its own behind the first,
 * so that the room in that is not lost. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ALIGNMENT 16U
#define CHUNK_SIZE 8192U

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

static struct arena_chunk *add_chunk(struct arena *a, size_t least)
{
	size_t size = least > CHUNK_SIZE ? least : CHUNK_SIZE;
	struct arena_chunk *c = calloc(1, sizeof(*c) + size), **place;

	if (!c) {
		a->failed = true;
		return NULL;
	}
	place = size > CHUNK_SIZE && a->head ? &a->head->next : &a->head;
	c->size = size;
	c->next = *place;
	*place = c;
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->head;
	size_t rounded;
	void *p;

	if (a->failed || size > SIZE_MAX / 2) {
		a->failed = true;
		return NULL;
	}
	rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!c || c->size - c->used < rounded)
		c = add_chunk(a, rounded);
	if (!c)
		return NULL;
	p = c->data + c->used;
	c->used += rounded;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->failed = true;
		return NULL;
	}
	return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	size_t bigger = *cap ? 2 * *cap : 16;
	void *to;

	if (n < *cap)
		return v;
	to = arena_array(a, bigger, size);
	if (!to)
		return NULL;
	if (n)
		memcpy(to, v, n * size);
	*cap = bigger;
	return to;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	if (p && len)
		memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

void arena_reset(struct arena *a)
{
	size_t total = 0;

	for (const struct arena_chunk *c = a->head; c; c = c->next)
		total += c->size;
	if (a->head && a->head->next) {
		/* one that holds as much as was needed this time */
		arena_free(a);
		(void)add_chunk(a, total);
	} else if (a->head) {
		memset(a->head->data, 0, a->head->used);
		a->head->used = 0;
	}
	a->failed = false;
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->head; c; c = c->next)
		explicit_bzero(c->data, c->used);
	arena_free(a);
}

void arena_free(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *next = a->head->next;

		free(a->head);
		a->head = next;
	}
	a->failed = false;
}
