#include "engine/check.h"

#include <string.h>

static const struct {
	const char *about;
	int (*run)(const struct engine *en, struct checks *c, struct err *e);
	bool of_root, of_user; /* whose containers it concerns: root's, an ordinary user's */
} table[] = {
	{ "kernel", check_kernel, true, false },
	{ "firewall", check_others, true, false },
	{ "network", check_networks, true, false },
	{ "user", check_user, false, true },
	{ "container", check_containers, true, true },
	{ "store", check_store, true, true },
};

void check_add(struct checks *c, bool wrong, const char *where, const char *what, const char *advice)
{
	if (c->n == c->cap) {
		struct check_finding *more = arena_array(c->a, c->cap = c->cap ? 2 * c->cap : 16, sizeof(*more));

		if (!more)
			return; /* check_all() sees it in the arena */
		if (c->n)
			memcpy(more, c->v, c->n * sizeof(*more));
		c->v = more;
	}
	c->v[c->n++] = (struct check_finding){ .about = c->about, .where = where, .what = what, .advice = advice, .wrong = wrong };
}

int check_all(const struct engine *en, struct arena *a, struct checks *out, struct err *e)
{
	int r = 0;

	*out = (struct checks){ .a = a };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(table); i++) {
		if (!(en->user.on ? table[i].of_user : table[i].of_root))
			continue;
		out->about = table[i].about;
		r = table[i].run(en, out, e);
		if (r < 0)
			return err_ctx(e, "check the %s", table[i].about);
	}
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "check") : r;
}
