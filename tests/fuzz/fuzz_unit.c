/* A container's systemd unit: the first line is linux.cgroupsPath, the rest a config.json whose annotations become
 * properties and whose limits are written for systemd. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/internal.h"
#include "runtime/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	if (n <= s || strcmp(name + n - s, suffix) != 0 || strchr(name, '/') || n > 255)
		abort();
}

static void plan(struct arena *a, const char *path, bool user)
{
	struct rt_unit u;
	const char *slice;
	struct err e = { 0 };

	if (rt_unit_plan(a, path, "id", user, &u, &e) < 0) {
		if (!e.msg[0])
			abort();
		return;
	}
	check_name(u.name, ".scope");
	check_name(u.slice, ".slice");
	if (rt_unit_slice_path(a, u.slice, &slice, &e) < 0 || strstr(slice, "//") || strstr(slice, "/../"))
		abort();
}

static void limits(struct arena *a, const struct oci_spec *spec, bool v2)
{
	struct dbus_call call = { .path = "/a", .member = "M", .signature = "a(sv)" };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct cg_resources resources;
	struct dbus_writer w;
	struct err e = { 0 };
	int r = rt_resources(a, spec, &resources, &e);

	if (r < 0)
		return;
	dbus_call_begin(&w, &out, 1, &call);
	dbus_open(&w, 'a');
	r = rt_unit_limits(&w, &resources, v2, &e);
	dbus_close(&w);
	if (r == 0 && dbus_call_end(&w) == -EINVAL)
		abort(); /* values that are not the signature's */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	char *path = line ? arena_strndup(&a, (const char *)data, (size_t)(line - data)) : NULL;
	const struct json *doc;
	const struct oci_spec *spec;
	struct rt_property *p;
	struct err e = { 0 };
	size_t n;

	if (!path)
		return 0;
	plan(&a, path, false);
	plan(&a, path, true);
	size -= (size_t)(line + 1 - data);
	if (json_parse(&a, (const char *)line + 1, size, NULL, &doc, &e) < 0 || oci_spec_parse(&a, doc, &spec, &e) < 0)
		return 0;
	if (rt_unit_annotations(&a, spec, &p, &n, &e) < 0 && !e.msg[0])
		abort();
	limits(&a, spec, true);
	limits(&a, spec, false);
	return 0;
}
