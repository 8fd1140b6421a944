/* Binds, Mounts, Tmpfs and Volumes: as the texts of -v, --mount and --tmpfs. */
#include <inttypes.h>
#include <string.h>

#include "api/docker/fields.h"

int take_binds(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	return take_list(t, f, v, e);
}

int take_tmpfs(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_OBJECT ? 0 : field_wrong(t, f, "an object of texts", e);

	json_each(it, r == 0 ? v : NULL) {
		const char *options = it->type == JSON_STRING ? it->str : "";

		if (r == 0)
			r = field_add(t, &t->o->tmpfs, arena_printf(t->a, "%s%s%s", it->key, *options ? ":" : "", options), e);
	}
	return r;
}

/* ---- Mounts ---- */

static void put_flag(struct strbuf *out, const char *key, bool on)
{
	if (on)
		field_put(out, key, "true");
}

/* What is said of mounts below means nothing where there are none. */
static int put_bind(const struct json *o, struct strbuf *out, struct err *e)
{
	bool none = field_flag(o, "NonRecursive"), below = field_flag(o, "ReadOnlyNonRecursive"), all = field_flag(o, "ReadOnlyForceRecursive");

	if (below && all)
		return err_set(e, ERR_INVALID, "Mounts: BindOptions.ReadOnlyNonRecursive and ReadOnlyForceRecursive: one of both");
	field_put(out, "bind-propagation", field_text(o, "Propagation"));
	put_flag(out, "bind-nonrecursive", none);
	field_put(out, "bind-recursive", none ? "" : below ? "writable" : all ? "readonly" : "");
	put_flag(out, "bind-create", field_flag(o, "CreateMountpoint"));
	return 0;
}

static int put_volume(struct taking *t, const struct json *o, struct strbuf *out)
{
	const struct json *driver = json_get(o, "DriverConfig");

	put_flag(out, "volume-nocopy", field_flag(o, "NoCopy"));
	field_put(out, "volume-subpath", field_text(o, "Subpath"));
	field_put(out, "volume-driver", field_text(driver, "Name"));
	json_each(it, json_get(o, "Labels"))
		field_put(out, "volume-label", arena_printf(t->a, "%s=%s", it->key, it->type == JSON_STRING ? it->str : ""));
	json_each(it, json_get(driver, "Options"))
		field_put(out, "volume-opt", arena_printf(t->a, "%s=%s", it->key, it->type == JSON_STRING ? it->str : ""));
	return arena_error(t->a);
}

static int put_tmpfs(struct taking *t, const struct json *o, struct strbuf *out, struct err *e)
{
	const struct json *options = json_get(o, "Options");
	int64_t size = field_number(o, "SizeBytes"), mode = field_number(o, "Mode");

	if (options && !field_is_empty(options))
		return err_set(e, ERR_INVALID, "Mounts: TmpfsOptions.Options is not supported: HostConfig.Tmpfs takes options");
	if (size)
		field_put(out, "tmpfs-size", arena_printf(t->a, "%" PRId64, size));
	if (mode)
		field_put(out, "tmpfs-mode", arena_printf(t->a, "%04" PRIo64, (uint64_t)mode));
	return arena_error(t->a) < 0 ? err_errno(e, -ENOMEM, "Mounts") : 0;
}

static int add_mount(struct taking *t, const struct json *m, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int r;

	if (m->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "HostConfig.Mounts: want objects");
	field_put(&out, "type", field_text(m, "Type"));
	field_put(&out, "source", field_text(m, "Source"));
	field_put(&out, "target", field_text(m, "Target"));
	put_flag(&out, "readonly", field_flag(m, "ReadOnly"));
	r = put_bind(json_get(m, "BindOptions"), &out, e);
	if (r == 0)
		r = put_volume(t, json_get(m, "VolumeOptions"), &out);
	field_put(&out, "image-subpath", field_text(json_get(m, "ImageOptions"), "Subpath"));
	if (r == 0)
		r = put_tmpfs(t, json_get(m, "TmpfsOptions"), &out, e);
	if (r < 0 || sb_error(&out) < 0)
		return r < 0 && e->code ? r : err_errno(e, -ENOMEM, "Mounts");
	return field_add(t, &t->o->mounts, arena_strdup(t->a, sb_str(&out)), e);
}

int take_mounts(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_ARRAY ? 0 : field_wrong(t, f, "a list", e);

	json_each(it, r == 0 ? v : NULL)
		if (r == 0)
			r = add_mount(t, it, e);
	return r;
}

/* ---- Volumes ---- */

static bool same_place(const char *a, size_t len, const char *b)
{
	size_t n = strlen(b);

	while (len > 1 && a[len - 1] == '/')
		len--;
	while (n > 1 && b[n - 1] == '/')
		n--;
	return len == n && strncmp(a, b, n) == 0;
}

static bool is_taken(const struct json *host, const char *place)
{
	json_each(v, json_get(host, "Binds")) {
		const char *inside = v->type == JSON_STRING ? strchr(v->str, ':') : NULL;

		inside = inside ? inside + 1 : v->type == JSON_STRING ? v->str : ""; /* without a source it is a volume, too */
		if (same_place(inside, strcspn(inside, ":"), place))
			return true;
	}
	json_each(v, json_get(host, "Mounts"))
		if (same_place(field_text(v, "Target"), strlen(field_text(v, "Target")), place))
			return true;
	json_each(v, json_get(host, "Tmpfs"))
		if (same_place(v->key, strlen(v->key), place))
			return true;
	return false;
}

int take_volumes(struct taking *t, const struct json *volumes, const struct json *host, struct err *e)
{
	int r = 0;

	json_each(v, volumes) {
		const char *source = strchr(v->key, ':'); /* old clients have a bind here */

		if (r == 0 && !source && !is_taken(host, v->key))
			r = field_add(t, &t->o->volumes, v->key, e);
		else if (r == 0 && source)
			r = err_set(e, ERR_INVALID, "Config.Volumes: \"%s\" is no place in a container", v->key);
	}
	return r;
}
