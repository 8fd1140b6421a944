/* A cgroup of this process's own, for what is tried with the kernel. */
#ifndef TARE_TESTS_UNIT_CGROUP_BOX_H
#define TARE_TESTS_UNIT_CGROUP_BOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/cgroup_impl.h"
#include "sys/spawn.h"
struct fixture {
	char path[64];
	struct cgroup *cg;
	pid_t child;
	struct err e;
};

/* Fails with tare's own message. */
#define ok(f, call)                                                                                                    \
	do {                                                                                                           \
		if ((call) != 0)                                                                                       \
			fail_msg("%s: %s", #call, (f)->e.msg);                                                         \
	} while (0)

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tare-unit-%d/a", (int)getpid());
	*state = f;
	if (cg_detect() == CG_NONE)
		return 0;
	if (cg_create(f->path, &f->cg, NULL, &f->e) < 0) {
		fprintf(stderr, "%s\n", f->e.msg);
		return -1;
	}
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e;
	int r = 0;

	if (f->cg)
		(void)!cg_freeze(f->cg, false, &e);
	if (f->child > 0) {
		kill(f->child, SIGKILL);
		waitpid(f->child, NULL, 0);
	}
	cg_close(f->cg);
	if (cg_detect() != CG_NONE && cg_remove(f->path, &f->e) == 0) {
		*strrchr(f->path, '/') = '\0';
		r = cg_remove(f->path, &f->e);
	}
	if (r < 0)
		fprintf(stderr, "%s\n", f->e.msg);
	free(f);
	return r;
}

#define need_cgroups(f)                                                                                                \
	do {                                                                                                           \
		if (!(f)->cg)                                                                                          \
			skip();                                                                                        \
	} while (0)

static inline struct cg_dir dir_of(struct fixture *f, enum cg_ctrl c)
{
	int at = f->cg->sys->where[c];
	struct cg_dir d = { .fd = at < 0 ? -1 : f->cg->dir[at], .cgroup = f->cg->path,
			    .v2 = at >= 0 && f->cg->sys->h[at].v2 };

	return d;
}

/* What a file says, first line only. */
static inline const char *text_of(const struct cg_dir *d, const char *file)
{
	static char text[4096];

	if (cg_read(d->fd, file, text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "(no %s)", file);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

#define assert_file(d, file1, file2, want1, want2)                                                                     \
	assert_string_equal(text_of(&(d), (d).v2 ? (file2) : (file1)), (d).v2 ? (want2) : (want1))

static inline pid_t sleeper(struct fixture *f)
{
	f->child = spawn_fork(NULL);
	if (f->child == 0) {
		for (;;)
			pause();
	}
	assert_true(f->child > 0);
	return f->child;
}

#define live(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

#endif
