/* tare-oci's malloc(3). The program lives for milliseconds, so nothing goes back to the kernel: musl's own malloc maps and
 * unmaps each of our larger buffers anew, at a fault for every page each time (half of all faults of a `run`). Blocks are
 * cut from a region; what is freed waits in a list for the next of its size, a power of two. Large ones are mapped on
 * their own.
 *
 * Every block is marked by its own address and size: a block that is freed twice, or whose head was overwritten, ends the
 * program. One thread only, as all of tare-oci. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* a sanitizer's build has that one's */
#if !defined(__GLIBC__) || defined(HEAP_UNDER_TEST)
#define PAGE 4096U
#define LEAST_BITS 5U /* 32 bytes, half of them the head's */
#define LARGE_BITS 17U
#define REGION (256U << 10)

struct head {
	uint32_t bits, mark;
	struct head *next; /* while it is free */
};
#define HEAD 16U
_Static_assert(sizeof(struct head) == HEAD, "blocks are aligned for any type");

static _Alignas(PAGE) char first_region[96U << 10];
static char *at = first_region, *end = first_region + sizeof(first_region);
static struct head *spare[LARGE_BITS];

static uint32_t mark_of(const struct head *h)
{
	return (uint32_t)((uintptr_t)h >> 4) * 2654435761U ^ h->bits;
}

static struct head *head_of(void *p)
{
	struct head *h = (struct head *)(void *)((char *)p - HEAD);

	if (h->mark != mark_of(h))
		abort();
	return h;
}

static unsigned int bits_for(size_t size)
{
	unsigned int bits = LEAST_BITS;

	while (((size_t)1 << bits) - HEAD < size)
		bits++;
	return bits;
}

static char *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Zeroed memory for a block of so many bits. */
static struct head *cut(unsigned int bits)
{
	size_t size = (size_t)1 << bits;
	char *p = at;

	if (bits >= LARGE_BITS)
		return (struct head *)(void *)map(size);
	if ((size_t)(end - at) < size) {
		p = map(REGION);
		if (!p)
			return NULL;
		end = p + REGION;
	}
	at = p + size;
	return (struct head *)(void *)p;
}

static void *allocate(size_t size, int zeroed)
{
	struct head *h = NULL;
	unsigned int bits;

	if (size > PTRDIFF_MAX - (1UL << 20)) {
		errno = ENOMEM;
		return NULL;
	}
	bits = bits_for(size);
	if (bits < LARGE_BITS)
		h = spare[bits];
	if (h) {
		spare[bits] = h->next;
		if (zeroed)
			memset((char *)h + HEAD, 0, size);
	} else {
		h = cut(bits);
	}
	if (!h) {
		errno = ENOMEM;
		return NULL;
	}
	h->bits = bits;
	h->mark = mark_of(h);
	return (char *)h + HEAD;
}

void *malloc(size_t size)
{
	return allocate(size, 0);
}

void *calloc(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate(total, 1);
}

void free(void *p)
{
	struct head *h;

	if (!p)
		return;
	h = head_of(p);
	h->mark = 0;
	if (h->bits >= LARGE_BITS) {
		(void)munmap(h, (size_t)1 << h->bits);
		return;
	}
	h->next = spare[h->bits];
	spare[h->bits] = h;
}

void *realloc(void *p, size_t size)
{
	size_t room;
	void *to;

	if (!p)
		return allocate(size, 0);
	room = ((size_t)1 << head_of(p)->bits) - HEAD;
	if (size <= room)
		return p;
	to = allocate(size, 0);
	if (to) {
		memcpy(to, p, room);
		free(p);
	}
	return to;
}

#endif
