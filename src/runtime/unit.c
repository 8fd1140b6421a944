/* Names of units and slices, and the annotations that become properties of a unit.
 *
 * The names come from a configuration and are checked here by systemd's own rules, so that what systemd would refuse,
 * or would understand as a path, is an error that names the property. */
#include "runtime/unit.h"

#include <string.h>

#include "base/text.h"

#define UNIT_NAME_MAX 255
#define ANNOTATION "org.systemd.property."

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-";

static bool is_root_slice(const char *slice)
{
	return strcmp(slice, "-") == 0 || strcmp(slice, "-.slice") == 0;
}

int rt_unit_slice_path(struct arena *a, const char *slice, const char **out, struct err *e)
{
	size_t len = strlen(slice), stem = len - 6;
	CLEANUP_STRBUF struct strbuf path = STRBUF_INIT;

	*out = "";
	if (is_root_slice(slice))
		return 0;
	if (len > UNIT_NAME_MAX || !text_ends(slice, ".slice") || strspn(slice, name_chars) != len || len == 6 ||
	    slice[0] == '-' || slice[stem - 1] == '-' || strstr(slice, "--"))
		return err_set(e, ERR_INVALID,
			       "linux.cgroupsPath: \"%.80s\" is no name of a slice (such as machine.slice)", slice);
	for (size_t i = 1; i <= stem; i++)
		if (i == stem || slice[i] == '-')
			sb_printf(&path, "/%.*s.slice", (int)i, slice);
	*out = arena_strdup(a, sb_str(&path));
	return *out && sb_error(&path) == 0 ? 0 : err_errno(e, -ENOMEM, "slice");
}

/* An id may have a "+", which a unit's name may not: as systemd-escape has it. */
static const char *escape_id(struct arena *a, const char *id)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

	for (; *id; id++) {
		if (*id == '+')
			sb_puts(&out, "\\x2b");
		else
			sb_putc(&out, *id);
	}
	return sb_error(&out) < 0 ? NULL : arena_strdup(a, sb_str(&out));
}

static int check_name(const char *name, struct err *e)
{
	if (!name)
		return err_errno(e, -ENOMEM, "unit");
	if (strlen(name) > UNIT_NAME_MAX || strspn(name, name_chars) != strlen(name))
		return err_set(e, ERR_INVALID,
			       "linux.cgroupsPath: \"%.80s\" is no name of a systemd unit (letters, digits "
			       "and :_.\\-, at most %d)",
			       name, UNIT_NAME_MAX);
	return 0;
}

int rt_unit_plan(struct arena *a, const char *cgroups_path, const char *id, bool user, struct rt_unit *out,
		 struct err *e)
{
	const char *first, *second, *ignored;
	int r;

	*out = (struct rt_unit){.user = user};
	if (!cgroups_path || !*cgroups_path) {
		out->slice = user ? "user.slice" : "system.slice";
		out->name = arena_printf(a, "tare-oci-%s.scope", escape_id(a, id));
		return check_name(out->name, e);
	}
	first = strchr(cgroups_path, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (!second || strchr(second + 1, ':') || !second[1])
		return err_set(e, ERR_INVALID,
			       "linux.cgroupsPath: must be \"slice:prefix:name\" with systemd cgroups, not "
			       "\"%.80s\"",
			       cgroups_path);
	out->slice = first == cgroups_path ? (user ? "user.slice" : "system.slice")
					   : arena_strndup(a, cgroups_path, (size_t)(first - cgroups_path));
	if (!out->slice)
		return err_errno(e, -ENOMEM, "slice");
	if (is_root_slice(out->slice))
		out->slice = "-.slice";
	r = rt_unit_slice_path(a, out->slice, &ignored, e);
	if (r < 0)
		return r;
	if (text_ends(second + 1, ".slice"))
		return err_set(e, ERR_UNSUPPORTED,
			       "linux.cgroupsPath: \"%.80s\": a container gets a scope, not a slice", cgroups_path);
	out->name = arena_printf(a, "%.*s-%s.scope", (int)(second - first - 1), first + 1, second + 1);
	return check_name(out->name, e);
}

/* ---- annotations ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int check_property(const char *key, const char *name, struct err *e)
{
	size_t n = 0;

	while (is_letter(name[n]))
		n++;
	return n < 3 || name[n] ? err_set(e, ERR_INVALID, "annotation %.80s: is no name of a property", key) : 0;
}

/* systemd.unit(5) documents FooSec=, the bus has FooUSec. */
static bool in_seconds(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && text_ends(name, "Sec") && name[len - 4] >= 'a' && name[len - 4] <= 'z';
}

static int read_property(struct arena *a, const struct oci_kv *kv, struct rt_property *out, struct err *e)
{
	const char *name = kv->key + strlen(ANNOTATION);
	int r = check_property(kv->key, name, e);

	out->name = name;
	if (r < 0)
		return r;
	r = rt_value_parse(a, kv->value, &out->value, e);
	if (r == 0 && in_seconds(name)) {
		out->name = arena_printf(a, "%.*sUSec", (int)strlen(name) - 3, name);
		r = out->name ? rt_value_usec(a, out->value, &out->value, e) : err_errno(e, -ENOMEM, "property");
	}
	return r < 0 ? err_ctx(e, "annotation %.80s", kv->key) : 0;
}

int rt_unit_annotations(struct arena *a, const struct oci_spec *spec, struct rt_property **out, size_t *n,
			struct err *e)
{
	*n = 0;
	*out = arena_array(a, spec->n_annotations + 1, sizeof(**out));
	if (!*out)
		return err_errno(e, -ENOMEM, "annotations");
	for (size_t i = 0; i < spec->n_annotations; i++) {
		if (!text_starts(spec->annotations[i].key, ANNOTATION))
			continue;
		if (read_property(a, &spec->annotations[i], &(*out)[(*n)++], e) < 0)
			return e->code;
	}
	return 0;
}
