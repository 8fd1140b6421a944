/* The kernel takes another file for /proc/PID/exe once nothing of the old one is mapped. So each segment of the program is
 * mapped anew, onto itself: what is only read from the new file, the same bytes at the same addresses; what was written to
 * (relocations, variables) as a copy in memory that belongs to no file. */
#include "sys/exe.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096U

/* By the linker: the program's ELF header, which is where its first segment begins. */
extern const char __ehdr_start[];
extern char **environ;

struct span {
	char *at;
	size_t len;
};

/* The pages of len bytes at address at of the file's, which lies bias bytes further on in memory. */
static struct span pages(uintptr_t bias, uintptr_t at, size_t len)
{
	uintptr_t from = at & ~(uintptr_t)(PAGE - 1), to = (at + len + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

	return (struct span){ (char *)(bias + from), to - from };
}

/* Without a call that a sanitizer watches: there are gaps between variables. Nothing else may be written until it is in place. */
__attribute__((no_sanitize("address", "undefined"))) static int move_to_memory(struct span s)
{
	uint64_t *copy = mmap(NULL, s.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	const uint64_t *from = (const uint64_t *)(const void *)s.at;

	if (copy == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < s.len / sizeof(*copy); i++)
		copy[i] = from[i];
	return mremap(copy, s.len, s.len, MREMAP_MAYMOVE | MREMAP_FIXED, s.at) == MAP_FAILED ? -errno : 0;
}

static int map_again(const ElfW(Phdr) *h, uintptr_t bias, int fd)
{
	struct span s = pages(bias, h->p_vaddr, h->p_filesz);
	int prot = (h->p_flags & PF_R ? PROT_READ : 0) | (h->p_flags & PF_X ? PROT_EXEC : 0);

	if (h->p_flags & PF_W)
		return move_to_memory(s);
	return mmap(s.at, s.len, prot, MAP_PRIVATE | MAP_FIXED, fd, (off_t)(h->p_offset & ~(uintptr_t)(PAGE - 1))) == MAP_FAILED ?
		       -errno :
		       0;
}

/* What is only written while the program starts: a copy in memory has to be made read-only again. */
static int protect(const ElfW(Phdr) *h, uintptr_t bias)
{
	uintptr_t end = (h->p_vaddr + h->p_memsz) & ~(uintptr_t)(PAGE - 1);
	struct span s = pages(bias, h->p_vaddr, end - h->p_vaddr);

	return mprotect(s.at, s.len, PROT_READ) < 0 ? -errno : 0;
}

/* What the kernel keeps besides, as it is. Strings stand as execve(2) puts them: the arguments, the environment, the file's name. */
static struct prctl_mm_map layout(const ElfW(Phdr) *text, uintptr_t bias, int fd)
{
	uint64_t code = bias + text->p_vaddr, heap = (uint64_t)syscall(SYS_brk, 0L), end = getauxval(AT_EXECFN),
		 env = environ && *environ ? (uintptr_t)*environ : end;

	return (struct prctl_mm_map){ .start_code = code, .end_code = code + text->p_memsz, .start_data = code, .end_data = code,
				      .start_brk = heap, .brk = heap, .start_stack = (uintptr_t)environ,
				      .arg_start = (uintptr_t)program_invocation_name, .arg_end = env, .env_start = env, .env_end = end,
				      .exe_fd = (uint32_t)fd };
}

/* Compared is what a build cannot have in common with another: headers, and the build id behind them. */
static bool is_this_program(int fd)
{
	char start[1024];

	return pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) && !memcmp(start, __ehdr_start, sizeof(start));
}

int exe_adopt(int fd)
{
	const ElfW(Ehdr) *e = (const void *)__ehdr_start;
	const ElfW(Phdr) *h = (const void *)(__ehdr_start + e->e_phoff), *end = h + e->e_phnum, *text = h;
	uintptr_t bias = 0;
	struct prctl_mm_map m;
	int r = getauxval(AT_PAGESZ) == PAGE && is_this_program(fd) ? 0 : -EINVAL;

	for (const ElfW(Phdr) *p = end; p-- > h;) {
		bias = p->p_type == PT_LOAD ? (uintptr_t)__ehdr_start - (p->p_vaddr - p->p_offset) : bias;
		text = p->p_type == PT_LOAD && p->p_flags & PF_X ? p : text;
	}
	for (const ElfW(Phdr) *p = h; r == 0 && p < end; p++)
		if (p->p_type == PT_LOAD && p->p_filesz)
			r = map_again(p, bias, fd);
	for (const ElfW(Phdr) *p = h; r == 0 && p < end; p++)
		if (p->p_type == PT_GNU_RELRO)
			r = protect(p, bias);
	m = layout(text, bias, fd);
	if (r == 0 && prctl(PR_SET_MM, (unsigned long)PR_SET_MM_MAP, &m, sizeof(m), 0UL) < 0)
		r = -errno;
	return r;
}
