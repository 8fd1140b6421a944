/* wire/dbus: any bytes as the server's line of the handshake and as messages. What a message is said to hold can be read
 * to its end, and every string ends inside it. */
#include <stdlib.h>
#include <string.h>

#include "wire/dbus.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_text(const char *s, const unsigned char *data, size_t size)
{
	const char *begin = (const char *)data;

	if (s && *s && (s < begin || s >= begin + size || !memchr(s, '\0', (size_t)(begin + size - s))))
		abort();
}

static void read_body(const struct dbus_message *m)
{
	struct dbus_reader r, inside;
	const char *s;
	uint32_t n;

	dbus_read_begin(&r, m);
	while (r.at < r.end) {
		switch (*r.at) {
		case 'u':
			if (dbus_read_u32(&r, &n) < 0)
				abort();
			break;
		case 's': case 'o': case 'g':
			if (dbus_read_string(&r, *r.at, &s) < 0)
				abort();
			check_text(s, m->body, m->len);
			break;
		case 'v':
			if (dbus_read_variant(&r, &inside) < 0 || dbus_read_skip(&inside) < 0)
				abort();
			break;
		default:
			if (dbus_read_skip(&r) < 0)
				abort();
		}
	}
	if (r.pos != r.len)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	int n = dbus_auth_parse(data, size);

	if (n > (int)size)
		abort();
	if (n > 0) {
		data += n;
		size -= (size_t)n;
	}
	while (size > 0) {
		struct dbus_message m;

		n = dbus_parse(data, size, &m);
		if (n <= 0)
			return 0;
		if ((size_t)n > size)
			abort();
		check_text(m.path, data, size);
		check_text(m.interface, data, size);
		check_text(m.member, data, size);
		check_text(m.error_name, data, size);
		check_text(m.sender, data, size);
		read_body(&m);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
