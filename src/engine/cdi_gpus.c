/* --gpus, an option of one vendor's that others came to: what it means of devices by name. */
#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "engine/cdi.h"

#define CLASS "/gpu"
#define ALL UINT32_MAX

struct wish {
	uint32_t count;	    /* 0: not said */
	const char *driver; /* NULL: not said */
	const char *devices; /* comma-separated; NULL: not said */
};

static int read_count(const char *text, uint32_t *out)
{
	if (strcmp(text, "all") == 0 || strcmp(text, "-1") == 0) {
		*out = ALL;
		return 0;
	}
	return text_u32(text, out) < 0 || *out == 0 || *out == ALL ? -EINVAL : 0;
}

static int field(struct arena *a, const char *text, struct wish *w, struct err *e)
{
	const char *eq = strchr(text, '='), *value = eq ? arena_strdup(a, eq + 1) : NULL;

	if (!eq || text_starts(text, "count=")) {
		if (read_count(eq ? eq + 1 : text, &w->count) < 0)
			return err_set(e, ERR_INVALID, "\"%.40s\": want a number of devices or all", text);
	} else if (text_starts(text, "driver=")) {
		w->driver = value;
	} else if (text_starts(text, "device=")) {
		w->devices = value;
	} else if (text_starts(text, "capabilities=") || text_starts(text, "options=")) {
		if (strcmp(text, "capabilities=gpu") != 0)
			return err_set(e, ERR_UNSUPPORTED, "%.60s: a device by name comes with all that its file says; capabilities=gpu is understood", text);
	} else {
		return err_set(e, ERR_INVALID, "\"%.40s\": want all, a number, count=, device=, driver= or capabilities=", text);
	}
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "--gpus") : 0;
}

static int read_wish(struct arena *a, const char *text, struct wish *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	*out = (struct wish){ 0 };
	for (const char *s = text;; s++) {
		s = csv_next(s, &b);
		if (!s || (*s && *s != ','))
			return err_set(e, ERR_INVALID, "a quote is open, or something stands behind one");
		if (field(a, sb_str(&b), out, e) < 0)
			return e->code;
		if (!*s)
			break;
	}
	if (out->count && out->devices)
		return err_set(e, ERR_INVALID, "a number and device= contradict each other");
	return 0;
}

/* Whose: the driver's ("nvidia" is nvidia.com/gpu), or the only one there is. */
static int find_vendor(const struct cdi *c, const struct wish *w, const struct cdi_kind **out, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < c->n; i++) {
		const struct cdi_kind *k = &c->kinds[i];
		size_t len = w->driver ? strlen(w->driver) : 0;

		if (!text_ends(k->kind, CLASS) || (w->driver && (!text_starts(k->kind, w->driver) || !strchr("./", k->kind[len]))))
			continue;
		if (*out)
			return err_set(e, ERR_INVALID, "there are %s and %s: say which by driver=VENDOR", (*out)->kind, k->kind);
		*out = k;
	}
	if (!*out && c->damaged.code)
		return err_set(e, ERR_NOTFOUND, "no devices of the class gpu; %.400s", c->damaged.msg);
	if (!*out)
		return err_set(e, ERR_NOTFOUND, "no file in %s describes devices of %s" CLASS, c->folders.n ? c->folders.v[0] : "any folder",
			       w->driver ? w->driver : "any vendor's class");
	return 0;
}

static const char *full(const struct cdi *c, const struct cdi_kind *k, const char *name)
{
	return arena_printf(c->a, "%s=%s", k->kind, name);
}

static bool has(const struct cdi_kind *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->devices[i].name, name) == 0)
			return true;
	return false;
}

/* Vendors have one device by several names, its number among them, and "all" for all. */
static size_t counted(const struct cdi *c, const struct cdi_kind *k, uint32_t count, const char **v)
{
	size_t n = 0;

	if (count == ALL && has(k, "all")) {
		v[n++] = full(c, k, "all");
		return n;
	}
	for (uint32_t i = 0; i < count && i < k->n; i++) {
		char number[TEXT_U64_LEN];
		const char *name = text_of_u64(i, number);

		if (!has(k, name))
			break;
		v[n++] = full(c, k, name);
	}
	for (size_t i = 0; count == ALL && n == 0 && i < k->n; i++)
		v[i] = full(c, k, k->devices[i].name);
	return count == ALL && n == 0 ? k->n : n;
}

int cdi_gpus(const struct cdi *c, const char *text, struct strv *names, struct err *e)
{
	const struct cdi_kind *k = NULL;
	struct wish w;
	const char **v;
	size_t n = 0;
	int r = read_wish(c->a, text, &w, e);

	if (r == 0)
		r = find_vendor(c, &w, &k, e);
	if (r < 0)
		return err_ctx(e, "--gpus %s", text);
	v = arena_array(c->a, k->n + strlen(text) + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "--gpus");
	if (!w.devices) {
		n = counted(c, k, w.count ? w.count : ALL, v);
		if (w.count && w.count != ALL && n < w.count)
			return err_set(e, ERR_NOTFOUND, "--gpus %s: %s has %zu devices by number", text, k->kind, n);
	}
	for (const char *at = w.devices; at; n++) {
		const char *comma = strchr(at, ',');

		v[n] = full(c, k, comma ? arena_strndup(c->a, at, (size_t)(comma - at)) : at);
		at = comma ? comma + 1 : NULL;
	}
	*names = (struct strv){ v, n };
	return arena_error(c->a) < 0 ? err_errno(e, -ENOMEM, "--gpus") : 0;
}
