/* A layer, packed or not, unpacked into a fresh folder. Beside it lies a canary: whatever the bytes say, nothing but the
 * folder may change. */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "image/worker/hash.h"
#include "image/worker/layer.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char place[] = "/dev/shm/tare-fuzz.XXXXXX";
static int base = -1;
static struct stat before;

static void tidy(void)
{
	if (base >= 0 && io_remove_tree(AT_FDCWD, place) < 0)
		perror(place);
}

static void check(int r)
{
	if (r < 0)
		abort();
}

static void prepare(void)
{
	struct err e;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)umask(0);
	check(hash_setup(&e));
	check(mkdtemp(place) ? 0 : -1);
	base = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(base);
	(void)atexit(tidy);
	check(mkdirat(base, "canary", 0700));
	check(fstatat(base, "canary", &before, 0));
}

/* Unpacks into base/in, which is made for it. files: what goes into a container, or is a build's context, which may be packed twice and has no marks. */
static void unpack(const unsigned char *data, size_t size, bool files)
{
	struct task t = { .report_lock = PTHREAD_MUTEX_INITIALIZER, .threads = 1, .name = "fuzz", .files = files,
			  .limits = { .unpacked_bytes = 4U << 20, .ratio = 200, .file_bytes = 1U << 20, .entries = 200,
				      .density = 8192, .devices = 8, .depth = 16 } };
	CLEANUP_FD int input = io_memfd("layer", data, size, true), in = -1;
	struct layer_job job = { .source = { .fd = input, .left = size }, .unwrap = files, .want_tree = true, .want_blob = !files };
	struct err e = { 0 };
	int r;

	check(input);
	check(mkdirat(base, "in", 0700));
	in = openat(base, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(in);
	check(mkdirat(in, "spool", 0700));
	check(mkdirat(in, "blobs", 0700));
	check(mkdirat(in, "layers", 0700));
	t.staging = in;
	r = layer_run(&t, &job, 0, &e);
	if (r < 0 && (e.code >= 0 || !e.msg[0] || strchr(e.msg, '\n') || strchr(e.msg, '\033')))
		abort(); /* one clean line must say why */
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct stat after;

	if (base < 0)
		prepare();
	for (int files = 0; files < 2; files++) {
		unpack(data, size, files);
		check(io_remove_tree(base, "in"));
	}
	check(fstatat(base, "canary", &after, 0));
	if (memcmp(&before.st_mtim, &after.st_mtim, sizeof(after.st_mtim)) != 0 || before.st_mode != after.st_mode ||
	    before.st_uid != after.st_uid)
		abort();
	check(unlinkat(base, "canary", AT_REMOVEDIR)); /* still empty, still a folder */
	check(mkdirat(base, "canary", 0700));
	check(fstatat(base, "canary", &before, 0));
	return 0;
}
