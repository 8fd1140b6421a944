/* Elements carry the id of whom they belong to, whose row is written before them and goes after them: one whose owner
 * has no row is left over. It is not only in the way: a network gets the number of one that is gone, and would have
 * what was said of that, its way out for one. So they go before a network's device is made, which comes before anything
 * of the new store's that could be taken for theirs. (What lives of the old store's containers is cut off with that. It
 * would be in a network with the new ones.)
 *
 * Who sweeps has the lock under which rules are loaded: of two at the same time the second finds nothing, and not what
 * the first has put there. */
#include "engine/strays.h"

#include <linux/netfilter.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/catalog.h"
#include "engine/endpoint.h"
#include "engine/live.h"
#include "engine/network.h"
#include "engine/record.h"
#include "sys/nft.h"
#include "sys/rtnl.h"

struct finding {
	const struct engine *en;
	struct arena *a;
	struct strays *out;
	struct firewall fw;
	struct err *e;
	int result;
};

static bool has_row(struct finding *f, const char *sql, const char *what)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(f->en->catalog, &s, f->e, sql, "s", what);

	if (r == 0)
		r = cat_step(s, f->e);
	if (r < 0 && f->result == 0)
		f->result = r;
	return r != 0; /* what cannot be told is left alone */
}

static void no_memory(struct finding *f)
{
	if (f->result == 0)
		f->result = err_errno(f->e, -ENOMEM, "look for what is left of other stores");
}

/* ---- elements ---- */

static void take_element(const struct nft_element *el, void *data)
{
	struct finding *f = data;
	struct strays *x = f->out;

	if (f->result < 0 || !text_is_hex(el->comment, ID_LEN))
		return;
	x->elements = arena_grow(f->a, x->elements, x->n_elements, &x->cap_elements, sizeof(*x->elements));
	if (!x->elements) {
		no_memory(f);
		return;
	}
	x->elements[x->n_elements] = *el;
	x->elements[x->n_elements].set = arena_strdup(f->a, el->set);
	x->elements[x->n_elements].comment = arena_strdup(f->a, el->comment);
	if (!x->elements[x->n_elements].set || !x->elements[x->n_elements].comment)
		no_memory(f);
	x->n_elements++;
}

/* All there are; of a table that is not there, none. */
static int read_elements(struct finding *f)
{
	static const unsigned char families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	CLEANUP_FD int sock = nl_open(NETLINK_NETFILTER);
	int r = sock == -EPROTONOSUPPORT ? -ENOENT : sock;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++) {
		r = nft_elements(sock, families[i], f->fw.table, take_element, f);
		/* a kernel without nf_tables has no table, and who may not look has made none */
		r = r == -ENOENT || r == -EINVAL || r == -EOPNOTSUPP || r == -EPERM ? 0 : r;
	}
	return r == -ENOENT ? 0 : r;
}

static bool lives(struct finding *f, const char *id)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct err ignored;

	return live_read(f->en, id, &live, &ignored) == 0 && (live.monitor || live.container);
}

static bool is_among(const struct nft_element *v, size_t n, const char *comment)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].comment, comment) == 0)
			return true;
	return false;
}

/* Leaves those whose owner has no row (and, where there were any before, is one of theirs). Many in a row are the same one's. */
static void keep_strays(struct finding *f, const struct nft_element *before, size_t n_before)
{
	const char *last = "";
	bool known = true;
	size_t n = 0;

	for (size_t i = 0; i < f->out->n_elements; i++) {
		const struct nft_element *el = &f->out->elements[i];

		if (strcmp(el->comment, last) != 0)
			known = has_row(
				f,
				"SELECT 1 FROM containers WHERE id = ?1 UNION ALL SELECT 1 FROM networks WHERE id = ?1",
				el->comment);
		last = el->comment;
		if (!known && (!before || is_among(before, n_before, el->comment)))
			f->out->elements[n++] = *el;
	}
	f->out->n_elements = n;
}

static int dump_elements(struct finding *f)
{
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < NL_DUMP_TRIES; i++) {
		f->out->elements = NULL;
		f->out->n_elements = f->out->cap_elements = 0;
		r = read_elements(f);
	}
	return r < 0 ? err_errno(f->e, r, "read table %s", f->fw.table) : f->result;
}

/* Who ends takes its elements away before its row: one that has none is asked for a second time. */
static int find_elements(struct finding *f)
{
	struct strays *x = f->out;
	const struct nft_element *first;
	size_t n;

	if (dump_elements(f) < 0)
		return f->e->code;
	keep_strays(f, NULL, 0);
	first = x->elements;
	n = x->n_elements;
	if (n == 0 || f->result < 0)
		return f->result;
	if (dump_elements(f) < 0)
		return f->e->code;
	keep_strays(f, first, n);
	for (size_t i = 0; i < x->n_elements && !x->living; i++)
		if (lives(f, x->elements[i].comment))
			x->living = x->elements[i].comment;
	return f->result;
}

/* ---- devices ---- */

static void add_name(struct finding *f, const char ***v, size_t *n, size_t *cap, const char *name)
{
	*v = arena_grow(f->a, *v, *n, cap, sizeof(**v));
	if (!*v || !((*v)[*n] = arena_strdup(f->a, name)))
		no_memory(f);
	else
		++*n;
}

static void take_device(const char *name, uint32_t group, void *data)
{
	struct finding *f = data;
	struct strays *x = f->out;

	if (f->result < 0 || (group & 0xffff0000U) != f->fw.prefix)
		return;
	if (text_starts(name, ENDPOINT_LINK) && text_is_hex(name + strlen(ENDPOINT_LINK), ENDPOINT_LINK_DIGITS)) {
		if (!has_row(f, "SELECT 1 FROM endpoints WHERE host = ?1", name))
			add_name(f, &x->links, &x->n_links, &x->cap_links, name);
	} else if (!has_row(f, "SELECT 1 FROM networks WHERE device = ?1", name)) {
		add_name(f, &x->devices, &x->n_devices, &x->cap_devices, name);
	}
}

static int find_devices(struct finding *f)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int r = sock < 0 ? sock : -EINTR;

	for (int i = 0; r == -EINTR && i < NL_DUMP_TRIES; i++) {
		f->out->n_devices = f->out->n_links = 0;
		r = rtnl_links(sock, take_device, f);
	}
	return r < 0 ? err_errno(f->e, r, "list devices") : f->result;
}

int strays_find(const struct engine *en, struct arena *a, struct strays *out, struct err *e)
{
	struct finding f = {.en = en, .a = a, .out = out, .e = e};
	int r;

	*out = (struct strays){0};
	network_firewall(en, &f.fw);
	r = find_elements(&f);
	return r < 0 ? r : find_devices(&f);
}

/* ---- taking away ---- */

/* Each on its own: one may be gone already. */
static int remove_elements(const char *table, const struct strays *x)
{
	int result = 0;

	for (size_t i = 0; i < x->n_elements; i++) {
		CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
		int r;

		nft_begin(&q);
		nft_change(&q, table, false, &x->elements[i]);
		r = firewall_commit(&q);
		if (r < 0 && r != -ENOENT)
			result = r;
	}
	return result;
}

static int remove_device(const char *name)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, name), r;

	if (index < 0)
		return index;
	rtnl_del_link(&q, index);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r == -ENODEV ? 0 : r;
}

static void remove_devices(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = remove_device(names[i]);

		if (r < 0 && r != -ENODEV)
			log_warning("device %s, of a network that is none: %s", names[i], strerror(-r));
	}
}

int strays_sweep(const struct engine *en, bool devices, struct err *e)
{
	CLEANUP_FD int lock = network_rules_lock(en, e);
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct firewall fw;
	struct strays x;
	int r;

	if (lock < 0)
		return lock;
	r = strays_find(en, &a, &x, e);
	if (r < 0)
		return r;
	if (x.living)
		return err_set(e, ERR_CONFLICT,
			       "%s is the state folder of another store, too, whose container %.12s lives: give each "
			       "--root a --state of its own",
			       en->state, x.living);
	network_firewall(en, &fw);
	r = remove_elements(fw.table, &x);
	if (r < 0)
		return err_errno(e, r, "remove what is left of another store from table %s", fw.table);
	if (x.n_elements)
		log_info("table %s: %zu elements of containers and networks that are not in %s are removed", fw.table,
			 x.n_elements, en->root);
	if (devices) {
		remove_devices(x.links, x.n_links);
		remove_devices(x.devices, x.n_devices);
	}
	return 0;
}
