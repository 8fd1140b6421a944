/* libcurl takes a connection that is there (CURL_SOCKOPT_ALREADY_CONNECTED), but the one of Debian 12 (7.88) connects it all the same, by a
 * path that is not ours to look at. So its connect(2) is this file's: of what is connected nothing is left to do. */
#include "image/transfer/dial.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image/broker.h"
#include "image/transfer/session.h"

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0)
		return 0;
	return (int)syscall(SYS_connect, fd, to, len);
}

int dial(uint32_t number)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int fd;

	(void)pthread_mutex_lock(&lock);
	fd = broker_dial(TRANSFER_BROKER_FD, number);
	(void)pthread_mutex_unlock(&lock);
	return fd;
}
