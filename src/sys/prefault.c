#include "sys/prefault.h"

#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#define PAGE 4096U
#define STACK_USUAL (8U * PAGE)

/* By the linker. */
extern const char __executable_start[], etext[];

static void populate(uintptr_t from, uintptr_t to, int how)
{
	from &= ~(uintptr_t)(PAGE - 1);
	(void)madvise((void *)from, ((to + PAGE - 1) & ~(uintptr_t)(PAGE - 1)) - from, how);
}

void prefault_memory(void *p, size_t len)
{
	populate((uintptr_t)p, (uintptr_t)p + len, MADV_POPULATE_WRITE);
}

void prefault_process(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	populate((uintptr_t)__executable_start, (uintptr_t)etext, MADV_POPULATE_READ);
	populate(here - STACK_USUAL, here, MADV_POPULATE_WRITE);
}
