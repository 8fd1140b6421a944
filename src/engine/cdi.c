/* The files are the administrator's, as the programs that hooks name in them: they are judged to be understood, not to be distrusted. */
#include "engine/cdi.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/nearest.h"
#include "base/text.h"
#include "engine/yaml.h"

#define FILE_MAX (4U << 20)

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A vendor and a class begin with a letter, a device also with a digit; all end with one of both. */
static bool is_word(const char *s, size_t len, bool digit_first, const char *more)
{
	if (!len || !(is_letter(s[0]) || (digit_first && is_digit(s[0]))) || !(is_letter(s[len - 1]) || is_digit(s[len - 1])))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_letter(s[i]) && !is_digit(s[i]) && !strchr(more, s[i]))
			return false;
	return true;
}

static bool is_kind(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	size_t vendor = slash ? (size_t)(slash - s) : 0;

	return slash && is_word(s, vendor, false, "_-.") && is_word(slash + 1, len - vendor - 1, false, "_-.");
}

bool cdi_is_name(const char *text)
{
	const char *eq = strchr(text, '=');

	return eq && is_kind(text, (size_t)(eq - text)) && is_word(eq + 1, strlen(eq + 1), true, "_-.:");
}

/* ---- files ---- */

static struct cdi_kind *kind_of(struct cdi *c, const char *kind)
{
	struct cdi_kind *grown;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->kinds[i].kind, kind) == 0)
			return &c->kinds[i];
	grown = arena_grow(c->a, c->kinds, c->n, &c->cap, sizeof(*grown));
	if (!grown)
		return NULL;
	c->kinds = grown;
	grown[c->n] = (struct cdi_kind){ .kind = kind };
	return &grown[c->n++];
}

static int put(struct cdi *c, struct cdi_kind *k, const struct cdi_device *d, struct err *e)
{
	struct cdi_device *grown;

	for (size_t i = 0; i < k->n; i++) {
		struct cdi_device *there = &k->devices[i];

		if (strcmp(there->name, d->name) != 0)
			continue;
		if (there->folder == d->folder)
			there->twice = d->file;
		else
			*there = *d;
		return 0;
	}
	grown = arena_grow(c->a, k->devices, k->n, &k->cap, sizeof(*grown));
	if (!grown)
		return err_errno(e, -ENOMEM, "read devices");
	k->devices = grown;
	grown[k->n++] = *d;
	return 0;
}

/* One of "devices", as far as it is nobody else's matter. */
static int check_device(const struct json *device, const char **name, const struct json **edits, struct err *e)
{
	static const char *const known[] = { "name", "annotations", "containerEdits" };
	int r = device->type == JSON_OBJECT ? json_check_keys(device, known, ARRAY_LEN(known), "a device", "", e) :
					      err_set(e, ERR_INVALID, "devices: each is an object");

	*name = "";
	*edits = NULL;
	if (r == 0)
		r = json_get_str(device, "a device", "name", name, e);
	if (r == 0 && !is_word(*name, strlen(*name), true, "_-.:"))
		r = err_set(e, ERR_INVALID, "\"%.60s\" is no name of a device", *name);
	if (r == 0)
		r = json_get_obj(device, *name, "containerEdits", edits, e);
	if (r == 0 && !*edits)
		r = err_set(e, ERR_INVALID, "device %s: has no containerEdits", *name);
	return r;
}

static int check_document(const struct json *doc, const char **kind, const struct json **devices, const struct json **of_all, struct err *e)
{
	static const char *const known[] = { "cdiVersion", "kind", "annotations", "devices", "containerEdits" };
	const char *version = "";
	int r = doc->type == JSON_OBJECT ? json_check_keys(doc, known, ARRAY_LEN(known), "it", "", e) : err_set(e, ERR_INVALID, "it is no object {…}");

	*kind = "";
	*devices = *of_all = NULL;
	if (r == 0)
		r = json_get_str(doc, "", "cdiVersion", &version, e);
	if (r == 0 && !text_starts(version, "0.") && !text_starts(version, "1."))
		r = err_set(e, ERR_UNSUPPORTED, "cdiVersion \"%.20s\": 0 and 1 are understood here", version);
	if (r == 0)
		r = json_get_str(doc, "", "kind", kind, e);
	if (r == 0 && !is_kind(*kind, strlen(*kind)))
		r = err_set(e, ERR_INVALID, "kind \"%.60s\": want VENDOR/CLASS", *kind);
	if (r == 0)
		r = json_get_array(doc, "", "devices", devices, e);
	if (r == 0 && (!*devices || !(*devices)->len))
		r = err_set(e, ERR_INVALID, "it has no devices");
	if (r == 0)
		r = json_get_obj(doc, "", "containerEdits", of_all, e);
	return r;
}

/* Looked at whole before anything of it counts. */
static int read_document(struct cdi *c, const char *path, unsigned int folder, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	struct cdi_device d = { .file = path, .folder = folder };
	const struct json *doc, *devices;
	struct cdi_kind *k;
	const char *kind;
	size_t len;
	int r = io_read_file(AT_FDCWD, path, FILE_MAX, &text, &len);

	if (r < 0)
		return err_errno(e, r, "read");
	r = text_ends(path, ".json") ? json_parse(c->a, text, len, NULL, &doc, e) : yaml_read(c->a, text, len, &doc, e);
	if (r == 0)
		r = check_document(doc, &kind, &devices, &d.of_all, e);
	if (r < 0)
		return r;
	json_each(it, devices)
		if (check_device(it, &d.name, &d.edits, e) < 0)
			return e->code;
	k = kind_of(c, kind);
	if (!k)
		return err_errno(e, -ENOMEM, "read devices");
	json_each(it, devices)
		if (check_device(it, &d.name, &d.edits, e) < 0 || put(c, k, &d, e) < 0)
			return e->code;
	return 0;
}

static int is_spec(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && (text_ends(entry->d_name, ".json") || text_ends(entry->d_name, ".yaml") || text_ends(entry->d_name, ".yml"));
}

static int read_folder(struct cdi *c, unsigned int folder, struct err *e)
{
	const char *at = c->folders.v[folder];
	struct dirent **found;
	int n = scandir(at, &found, is_spec, alphasort), r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "read %s", at);
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(c->a, "%s/%s", at, found[i]->d_name);
		struct err why = { 0 };

		free(found[i]);
		if (!path)
			r = err_errno(e, -ENOMEM, "read devices");
		else if (read_document(c, path, folder, &why) < 0 && !c->damaged.code && err_ctx(&why, "%s", path) < 0)
			c->damaged = why;
	}
	free(found);
	return r;
}

int cdi_read(struct arena *a, struct strv folders, struct cdi *out, struct err *e)
{
	int r = 0;

	*out = (struct cdi){ .a = a, .folders = folders };
	for (unsigned int i = 0; r == 0 && i < folders.n; i++)
		r = read_folder(out, i, e);
	return r < 0 || arena_error(a) == 0 ? r : err_errno(e, -ENOMEM, "read devices");
}

/* ---- looking up ---- */

const struct cdi_kind *cdi_kind_find(const struct cdi *c, const char *kind)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->kinds[i].kind, kind) == 0)
			return &c->kinds[i];
	return NULL;
}

/* Why a kind may be missing that somebody thinks is there. */
static int no_kind(const struct cdi *c, const char *kind, struct err *e)
{
	struct nearest near = NEAREST(kind);
	char hint[NEAREST_HINT_LEN];

	for (size_t i = 0; i < c->n; i++)
		(void)nearest_offer(&near, c->kinds[i].kind);
	if (c->damaged.code)
		return err_set(e, ERR_NOTFOUND, "no devices of %.80s; %.300s", kind, c->damaged.msg);
	return err_set(e, ERR_NOTFOUND, "no file in %s describes devices of %.80s%s", c->folders.n ? c->folders.v[0] : "any folder", kind,
		       nearest_hint(&near, hint));
}

int cdi_device_find(const struct cdi *c, const char *name, const struct cdi_device **out, struct err *e)
{
	const char *eq = strchr(name, '='), *kind = eq ? arena_strndup(c->a, name, (size_t)(eq - name)) : NULL;
	const struct cdi_kind *k = kind ? cdi_kind_find(c, kind) : NULL;
	struct nearest near = NEAREST(eq ? eq + 1 : "");
	char hint[NEAREST_HINT_LEN];

	if (!kind)
		return err_errno(e, -ENOMEM, "%s", name);
	if (!k)
		return no_kind(c, kind, e);
	for (size_t i = 0; i < k->n; i++) {
		*out = &k->devices[i];
		if (strcmp((*out)->name, eq + 1) != 0)
			(void)nearest_offer(&near, (*out)->name);
		else if ((*out)->twice)
			return err_set(e, ERR_CONFLICT, "two files describe it, %.200s and %.200s", (*out)->file, (*out)->twice);
		else
			return 0;
	}
	return err_set(e, ERR_NOTFOUND, "%.80s has no device \"%.80s\" in %.200s%s", kind, eq + 1, k->devices[0].file, nearest_hint(&near, hint));
}
