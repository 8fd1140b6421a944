/* Makes system calls with senseless arguments, NUMBER[:FIRST[:SECOND]] each, and prints what each answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		long nr = 0, a = -1, b = -1;

		if (sscanf(argv[i], "%li:%li:%li", &nr, &a, &b) < 1)
			return 2;
		printf("%s %s\n", argv[i], syscall(nr, a, b, -1L, -1L, -1L, -1L) < 0 ? strerror(errno) : "done");
		(void)fflush(stdout);
	}
	return 0;
}
