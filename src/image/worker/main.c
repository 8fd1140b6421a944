/* tare-worker: reads archives that nobody trusts, in a process that can do nothing else. Started by image/unpack.c with
 * fixed handles; not for people.
 *
 *	tare-worker load|import|pull|pack
 *
 * Order: the trusted request is read, libraries that look at their configuration are woken, the sandbox closes, and
 * only then is the first byte of the archive looked at. */
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "image/worker/hash.h"
#include "image/worker/images.h"
#include "image/worker/pack.h"
#include "image/worker/pull.h"
#include "image/worker/report.h"
#include "image/worker/sandbox.h"
#include "sys/ns.h"

enum verb { LOAD, IMPORT, PULL, PACK, UNKNOWN };

static enum verb verb_of(int argc, char **argv)
{
	static const char *const verbs[] = { [LOAD] = "load", [IMPORT] = "import", [PULL] = "pull", [PACK] = "pack" };

	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(verbs); i++)
		if (strcmp(argv[1], verbs[i]) == 0)
			return (enum verb)i;
	return UNKNOWN;
}

static int prepare(struct task *t, struct arena *a, enum verb verb, struct pull *pull, const struct json **doc, struct err *e)
{
	int r = task_read(t, a, WORKER_REQUEST_FD, doc, e);

	if (r == 0 && verb == PULL)
		r = pull_read(t, a, *doc, pull, e);
	if (r == 0)
		r = hash_setup(e);
	/* libarchive hands out names in the locale's charset: as they are */
	if (r == 0 && !setlocale(LC_CTYPE, "C.UTF-8"))
		r = err_set(e, ERR_UNSUPPORTED, "the C library has no C.UTF-8 locale");
	t->no_nodes = !ns_user_is_initial();
	/* one heap for all threads: memory is the blocks and decoders, not arenas */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)umask(0);
	return r < 0 ? r : sandbox_enter(t, e);
}

static int run(struct task *t, struct arena *a, enum verb verb, struct pull *pull, const struct json *doc, struct err *e)
{
	switch (verb) {
	case LOAD:
		return images_load(t, a, e);
	case IMPORT:
		return images_import(t, e);
	case PACK:
		return pack_run(t, doc, e);
	case PULL:
	case UNKNOWN:
	default:
		return pull_run(pull, e);
	}
}

int main(int argc, char **argv)
{
	struct task t = { .input = WORKER_INPUT_FD, .staging = WORKER_STAGING_FD, .blobs = WORKER_BLOBS_FD,
			  .layers = WORKER_LAYERS_FD, .report = WORKER_REPORT_FD,
			  .report_lock = PTHREAD_MUTEX_INITIALIZER };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	enum verb verb = verb_of(argc, argv);
	const struct json *doc = NULL;
	struct pull pull = { 0 };
	struct err e = { 0 };
	int r;

	io_reserve_stdio();
	if (verb == UNKNOWN) {
		(void)fputs("tare-worker is started by tare\n", stderr);
		return 2;
	}
	r = prepare(&t, &a, verb, &pull, &doc, &e);
	if (r == 0)
		r = run(&t, &a, verb, &pull, doc, &e);
	if (r < 0)
		report_failure(&t, &e);
	/* with what threads may still use */
	if (r < 0)
		_exit(1);
	return 0;
}
