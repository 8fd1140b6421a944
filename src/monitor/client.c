#include "monitor/client.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/frame.h"

static void send_frame(int fd, enum frame_type type, const void *payload, size_t len)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	frame_write(&out, type, payload, len);
	/* the first bytes on this socket: they always fit */
	if (fd >= 0 && sb_error(&out) == 0)
		(void)send(fd, out.s, out.len, MSG_NOSIGNAL);
}

void client_send_started(int fd, pid_t pid)
{
	uint32_t p = (uint32_t)pid;
	const unsigned char payload[4] = { (unsigned char)(p & 0xff), (unsigned char)(p >> 8 & 0xff),
					   (unsigned char)(p >> 16 & 0xff), (unsigned char)(p >> 24 & 0xff) };

	send_frame(fd, FRAME_STARTED, payload, sizeof(payload));
}

void client_send_error(int fd, const struct err *e)
{
	unsigned char payload[1 + sizeof(e->msg)];
	size_t len = strlen(e->msg);

	payload[0] = (unsigned char)e->cls;
	memcpy(payload + 1, e->msg, len);
	send_frame(fd, FRAME_ERROR, payload, 1 + len);
}
