#include "engine/volume_fs.h"

#include <string.h>
#include <sys/mount.h>

#include "base/ip.h"
#include "base/json.h"
#include "base/text.h"
#include "oci/mount_options.h"
#include "sys/kernel.h"
#include "sys/newfs.h"
#include "sys/spawn.h"

#define ADDR "addr="
#define RESOLVE_MS 20000

/* ---- names of servers ---- */

/* By the C library's own program: what nsswitch.conf says is what everybody on the machine goes by, and we are linked statically. */
static int resolve(struct arena *a, const char *name, const char **out, struct err *e)
{
	const char *const argv[] = { "getent", "ahosts", name, NULL };
	char said[200] = "";
	struct ip ip;
	int r = ip_parse(name, &ip) == 0 ? 1 : 0;

	*out = name;
	if (r == 1)
		return 0;
	if (!*name || *name == '-')
		return err_set(e, ERR_INVALID, "addr=%s: want a server's name or address", name);
	r = spawn_tool(argv, -1, RESOLVE_MS, said, sizeof(said));
	if (r < 0)
		return err_errno(e, r, "addr=%s: ask getent for its address", name);
	said[strcspn(said, " \t")] = '\0';
	if (r > 0 || ip_parse(said, &ip) < 0)
		return err_set(e, ERR_NOTFOUND, "addr=%s: nobody knows a server of that name", name);
	*out = arena_strdup(a, said);
	return *out ? 0 : err_errno(e, -ENOMEM, "addr=%s", name);
}

/* The same option, with an address where it had a server's name. */
static int resolved(struct arena *a, const char *option, const char **out, struct err *e)
{
	int r;

	*out = option;
	if (!text_starts(option, ADDR))
		return 0;
	r = resolve(a, option + strlen(ADDR), out, e);
	if (r < 0)
		return r;
	*out = arena_printf(a, ADDR "%s", *out);
	return *out ? 0 : err_errno(e, -ENOMEM, "%s", option);
}

/* ---- mounting ---- */

int volume_fs_mount(struct arena *a, const char *type, const char *device, const char *const *options, struct err *e)
{
	const unsigned int bits = sizeof(unsigned long) * 8;
	struct oci_mount_options o;
	const char **data;
	size_t n = 0;
	int r = oci_mount_options_parse(a, options, &o, e);

	data = r < 0 ? NULL : arena_array(a, o.n_data + bits + 2, sizeof(*data));
	if (r < 0 || !data)
		return r < 0 ? r : err_errno(e, -ENOMEM, "mount options");
	for (; n < o.n_data; n++)
		if (resolved(a, o.data[n], &data[n], e) < 0)
			return e->code;
	for (unsigned int bit = 0; bit < bits; bit++)
		if ((o.sb_set | o.sb_clear) >> bit & 1 && (data[n] = oci_mount_sb_option(1UL << bit, o.sb_set >> bit & 1)))
			n++;
	if (o.attr.set & MOUNT_ATTR_RDONLY)
		data[n] = "ro";
	return newfs_mount(type, device, data, o.attr.set | o.recursive.set, e);
}

/* ---- descriptions ---- */

static const char *volume_of(const struct json *mount)
{
	json_each(option, json_get(mount, "options"))
		if (option->type == JSON_STRING && text_starts(option->str, "x-tare.volume="))
			return strchr(option->str, '=') + 1;
	return NULL;
}

static int write_options(struct arena *a, const struct json *options, const char *volume, struct json_writer *w, struct err *e)
{
	int r = 0;

	jw_array(w, "options");
	json_each(option, options) {
		const char *text;

		if (option->type != JSON_STRING) {
			jw_value(w, NULL, option);
			continue;
		}
		r = resolved(a, option->str, &text, e);
		if (r < 0)
			return err_ctx(e, "volume %s", volume);
		jw_str(w, NULL, text);
	}
	jw_end_array(w);
	return 0;
}

static int write_mounts(struct arena *a, const struct json *mounts, struct json_writer *w, struct err *e)
{
	jw_array(w, "mounts");
	json_each(mount, mounts) {
		const char *volume = volume_of(mount);

		if (!volume) {
			jw_value(w, NULL, mount);
			continue;
		}
		jw_object(w, NULL);
		json_each(member, mount) {
			if (strcmp(member->key, "options") != 0)
				jw_value(w, member->key, member);
			else if (write_options(a, member, volume, w, e) < 0)
				return e->code;
		}
		jw_end_object(w);
	}
	jw_end_array(w);
	return 0;
}

static int write_all(struct arena *a, const struct json *doc, struct json_writer *w, struct err *e)
{
	json_each(member, doc) {
		int r = 0;

		if (strcmp(member->key, "mounts") == 0) {
			r = write_mounts(a, member, w, e);
		} else if (strcmp(member->key, "spec") == 0 && member->type == JSON_OBJECT) {
			jw_object(w, "spec");
			r = write_all(a, member, w, e);
			jw_end_object(w);
		} else {
			jw_value(w, member->key, member);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int volume_fs_resolve(struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const struct json *doc;
	struct strbuf was;
	int r;

	if (!strstr(sb_str(description), "\"" ADDR)) /* of nearly all there is nothing to look for */
		return 0;
	r = json_parse(&a, description->s, description->len, NULL, &doc, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	r = write_all(&a, doc, &w, e);
	jw_end_object(&w);
	if (r == 0 && (sb_error(&out) < 0 || arena_error(&a) < 0))
		r = err_errno(e, -ENOMEM, "write the container's description");
	if (r < 0)
		return r;
	was = *description;
	*description = out;
	out = was;
	return 0;
}
