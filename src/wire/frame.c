#include "wire/frame.h"

#include <string.h>

void frame_write(struct strbuf *out, enum frame_type type, const void *payload, size_t len)
{
	unsigned char header[FRAME_HEADER] = {
		(unsigned char)type,	      0, 0, 0, (unsigned char)(len & 0xff), (unsigned char)(len >> 8 & 0xff),
		(unsigned char)(len >> 16 & 0xff), (unsigned char)(len >> 24 & 0xff),
	};

	sb_add(out, header, sizeof(header));
	sb_add(out, payload, len);
}

static int known_type(unsigned char type)
{
	return (type >= FRAME_HELLO && type <= FRAME_PORTS) || (type >= FRAME_STARTED && type <= FRAME_DONE);
}

int frame_parse(const void *data, size_t len, struct frame *out)
{
	const unsigned char *p = data;
	size_t size;

	if (len < FRAME_HEADER)
		return 0;
	if (!known_type(p[0]) || p[1] || p[2] || p[3])
		return -EBADMSG;
	size = (size_t)p[4] | (size_t)p[5] << 8 | (size_t)p[6] << 16 | (size_t)p[7] << 24;
	if (size > FRAME_MAX_PAYLOAD)
		return -EBADMSG;
	if (len < FRAME_HEADER + size)
		return 0;
	*out = (struct frame){ .type = (enum frame_type)p[0], .payload = p + FRAME_HEADER, .len = size };
	return (int)(FRAME_HEADER + size);
}
