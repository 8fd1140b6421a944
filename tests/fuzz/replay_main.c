/* Runs a fuzz target over the files of its committed corpus: what `make test` does, without libFuzzer.
 * Prints TAP, one line per file. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int main(int argc, char **argv)
{
	CLEANUP_DIR DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
	struct dirent *de;
	int n = 0;

	if (!d) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	while ((de = readdir(d))) {
		CLEANUP_FREE char *data = NULL;
		size_t len;

		if (de->d_name[0] == '.')
			continue;
		if (io_read_file(dirfd(d), de->d_name, 64U << 20, &data, &len) < 0)
			return 2;
		(void)LLVMFuzzerTestOneInput((const unsigned char *)data, len);
		printf("ok %d %s\n", ++n, de->d_name);
		fflush(stdout);
	}
	printf("1..%d\n", n);
	return n == 0;
}
