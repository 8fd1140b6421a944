/* A store of its own in a temporary folder for tests of the engine, removed at the end. */
#ifndef TARE_TESTS_ENGINE_BOX_H
#define TARE_TESTS_ENGINE_BOX_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "engine/engine.h"

struct box {
	char dir[64];
	int fd;
	struct engine en;
};

static inline void box_open(struct box *b)
{
	struct err e = { 0 };
	char root[80], state[80];

	*b = (struct box){ .dir = "/tmp/tare-engine-XXXXXX", .en = ENGINE_INIT };
	if (!mkdtemp(b->dir))
		abort();
	b->fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(root, sizeof(root), "%s/root", b->dir);
	snprintf(state, sizeof(state), "%s/state", b->dir);
	if (engine_open(&b->en, root, state, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
}

static inline void box_close(struct box *b)
{
	engine_close(&b->en);
	b->fd = close_fd(b->fd);
	if (io_remove_tree(AT_FDCWD, b->dir) < 0)
		abort();
}

/* dir/name of the box with a text in it; folders on the way are made. */
static inline void box_file(const struct box *b, const char *name, const char *text)
{
	char path[512], *slash;
	CLEANUP_FD int fd = -1;

	snprintf(path, sizeof(path), "%s", name);
	slash = strrchr(path, '/');
	if (slash) {
		*slash = '\0';
		if (io_mkdirs(b->fd, path, 0755) < 0)
			abort();
	}
	fd = openat(b->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || io_write_full(fd, text, strlen(text)) < 0)
		abort();
}

#endif
