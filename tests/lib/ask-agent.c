/* Asks the ssh agent at SSH_AUTH_SOCK: ask-agent TYPE… sends a request of each type, without content, by one connection, and prints
 * "TYPE: ANSWER", the answer's type and, of a list of keys, how many there are. For inside of containers: static. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int take(int fd, unsigned char *buf, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = read(fd, buf + at, n - at);

		if (k <= 0)
			return -1;
		at += (size_t)k;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	static unsigned char buf[300000];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (!path || strlen(path) >= sizeof(sa.sun_path)) {
		puts("no SSH_AUTH_SOCK");
		return 2;
	}
	strcpy(sa.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		perror(path);
		return 3;
	}
	for (int i = 1; i < argc; i++) {
		const unsigned char type = (unsigned char)atoi(argv[i]), request[] = { 0, 0, 0, 1, type };
		size_t n;

		if (write(fd, request, sizeof(request)) != (ssize_t)sizeof(request) || take(fd, buf, 4) < 0) {
			printf("%d: gone\n", type);
			return 4;
		}
		n = (size_t)buf[0] << 24 | (size_t)buf[1] << 16 | (size_t)buf[2] << 8 | buf[3];
		if (n == 0 || n > sizeof(buf) || take(fd, buf, n) < 0)
			return 5;
		printf("%d: %d", type, buf[0]);
		if (buf[0] == 12)
			printf(" %d keys", buf[1] << 24 | buf[2] << 16 | buf[3] << 8 | buf[4]);
		puts("");
	}
	return 0;
}
