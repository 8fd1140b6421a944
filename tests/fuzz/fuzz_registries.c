/* engine/registries: a registries.conf behind a line with the name of an image. What is accepted says where to ask, or that it is blocked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/registries.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void check_endpoints(const struct registry_endpoint *v, size_t n, enum registry_use use)
{
	check(n > 0);
	for (size_t i = 0; i < n; i++) {
		check(!strncmp(v[i].base, "http://", 7) || !strncmp(v[i].base, "https://", 8));
		check(v[i].domain && v[i].repository && *v[i].repository && !strpbrk(v[i].base, " \r\n"));
		check(use == REGISTRY_PULL || !v[i].is_mirror);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *line = size ? memchr(data, '\n', size) : NULL;
	size_t name = line ? (size_t)(line - (const char *)data) : 0;
	const char *files[2] = { NULL, NULL }, *const none[] = { NULL };
	const struct registries_places places = { files, none, none };
	CLEANUP_SECRETS struct arena a = ARENA_INIT;
	struct registry_endpoint *v;
	char path[IO_FD_PATH_LEN];
	struct registries regs;
	struct image_ref ref;
	struct err e = { 0 };
	CLEANUP_FD int fd = -1;
	size_t n = 0;

	if (!line)
		return 0;
	fd = io_memfd("conf", line + 1, size - name - 1, false);
	check(fd >= 0);
	files[0] = io_fd_path(fd, path);
	if (registries_read(&a, &places, &regs, &e) < 0) {
		check(e.code < 0 && e.msg[0] && !strchr(e.msg, '\n'));
		return 0;
	}
	if (image_ref_parse(&a, arena_strndup(&a, (const char *)data, name), &ref, &e) < 0)
		return 0;
	for (enum registry_use use = REGISTRY_PULL; use <= REGISTRY_PUSH; use++) {
		if (registries_resolve(&a, &regs, &ref, use, &v, &n, &e) < 0)
			check(e.code < 0 && e.msg[0] && !strchr(e.msg, '\n'));
		else
			check_endpoints(v, n, use);
	}
	return 0;
}
