/* receive-console SOCKET: listens at SOCKET, receives one terminal's master, prints the name that came with it, sends "hi" to
 * it, and copies it to stdout until its other end is closed. For the guest, which has no Python (tests/lib/receive-fd). */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64] = "", control[CMSG_SPACE(sizeof(int))], buf[4096];
	struct iovec iov = { name, sizeof(name) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c, fd;
	ssize_t n;

	if (argc != 2 || s < 0)
		return 2;
	strncpy(at.sun_path, argv[1], sizeof(at.sun_path) - 1);
	unlink(argv[1]);
	if (bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 1) < 0 || (c = accept(s, NULL, NULL)) < 0)
		return 1;
	if (recvmsg(c, &msg, 0) <= 0 || !CMSG_FIRSTHDR(&msg))
		return 1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	dprintf(1, "%s\n", name);
	if (write(fd, "hi\n", 3) != 3)
		return 1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(1, buf, (size_t)n) != n)
			return 1;
	return 0;
}
