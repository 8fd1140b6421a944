/* Values of systemd properties from annotations (runtime/unit_value.c): what is accepted has the type it says, and is
 * written to a message that reads back whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/unit.h"
#include "wire/dbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct rt_value *v)
{
	const char *type = rt_value_signature(v);
	struct dbus_call call = { .path = "/a", .interface = "a.b", .member = "M", .signature = "v" };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct dbus_writer w;
	struct dbus_message m;
	struct dbus_reader r, inside;
	int n;

	if (!type || dbus_type_length(type, strlen(type)) != strlen(type))
		abort();
	dbus_call_begin(&w, &out, 1, &call);
	dbus_open_variant(&w, type);
	rt_value_write(&w, v);
	dbus_close(&w);
	n = dbus_call_end(&w);
	if (n == -EMSGSIZE)
		return; /* systemd would not take it either */
	if (n < 0 || dbus_parse(sb_str(&out), out.len, &m) != (int)out.len)
		abort();
	dbus_read_begin(&r, &m);
	if (dbus_read_variant(&r, &inside) < 0 || strncmp(inside.at, type, strlen(type)) != 0 ||
	    dbus_read_skip(&inside) < 0 || inside.pos != inside.len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char *text = arena_strndup(&a, (const char *)data, size);
	const struct rt_value *v, *usec;
	struct err e = { 0 };

	if (!text)
		return 0;
	if (rt_value_parse(&a, text, &v, &e) < 0) {
		if (!e.msg[0] || e.code >= 0)
			abort();
		return 0;
	}
	write_and_read(v);
	if (rt_value_usec(&a, v, &usec, &e) == 0 && strcmp(rt_value_signature(usec), "t") != 0)
		abort();
	return 0;
}
