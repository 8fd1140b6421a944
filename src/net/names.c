#include "net/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- reading ---- */

struct words {
	char **v; /* of the table's arena, and used again for the next line */
	size_t n, cap;
};

/* As many as there are: a container may be in any number of networks. */
static int split(struct arena *a, char *line, struct words *w)
{
	char *rest = NULL;

	w->n = 0;
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		char **v = arena_grow(a, w->v, w->n, &w->cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		w->v = v;
		w->v[w->n++] = word;
	}
	return 0;
}

static int add_server(struct ip *v, size_t *n, const char *text)
{
	if (*n == NAMES_SERVERS)
		return 0; /* as many as anybody asks */
	return ip_parse(text, &v[(*n)++]);
}

static int add_member(struct names *n, const struct words *w)
{
	struct names_member *m = &n->members[n->n_members];

	if (w->n < 2 || strlen(w->v[1]) > NAMES_ID_LEN)
		return -EINVAL;
	memcpy(m->id, w->v[1], strlen(w->v[1]) + 1);
	m->networks = arena_array(&n->a, w->n, sizeof(*m->networks));
	if (!m->networks)
		return -ENOMEM;
	for (size_t i = 2; i < w->n; i++)
		if (text_u32(w->v[i], &m->networks[m->n_networks++]) < 0)
			return -EINVAL;
	n->n_members++;
	return 0;
}

static int add_entry(struct names *n, const struct words *w)
{
	struct names_entry *x = &n->entries[n->n_entries];

	if (w->n != 4 || text_u32(w->v[1], &x->network) < 0 || ip_parse(w->v[2], &x->ip) < 0)
		return -EINVAL;
	x->name = w->v[3];
	n->first[n->n_entries++] = *x;
	return 0;
}

static int add_network(struct names *n, const struct words *w)
{
	struct names_network *x = &n->networks[n->n_networks];

	if (w->n < 3 || w->n > 4 || text_u32(w->v[1], &x->number) < 0)
		return -EINVAL;
	x->name = w->n > 3 ? w->v[3] : NULL;
	x->internal = strcmp(w->v[2], "internal") == 0;
	n->n_networks++;
	return 0;
}

static int add_link(struct names *n, const struct words *w)
{
	struct names_link *x = &n->links[n->n_links];

	if (w->n != 5 || text_u32(w->v[2], &x->network) < 0)
		return -EINVAL;
	x->member = w->v[1];
	x->alias = w->v[3];
	x->name = w->v[4];
	n->n_links++;
	return 0;
}

/* Behind its member. */
static int add_own_server(struct names *n, const struct words *w)
{
	struct names_member *m = n->n_members ? &n->members[n->n_members - 1] : NULL;

	if (w->n != 3 || !m || strcmp(m->id, w->v[1]) != 0)
		return -EINVAL;
	if (!m->servers)
		m->servers = arena_array(&n->a, NAMES_SERVERS, sizeof(*m->servers));
	return m->servers ? add_server(m->servers, &m->n_servers, w->v[2]) : -ENOMEM;
}

static int take_line(struct names *n, const struct words *w)
{
	const char *kind = w->v[0];

	if (strcmp(kind, "name") == 0)
		return add_entry(n, w);
	if (strcmp(kind, "member") == 0)
		return add_member(n, w);
	if (strcmp(kind, "network") == 0)
		return add_network(n, w);
	if (strcmp(kind, "link") == 0)
		return add_link(n, w);
	if (strcmp(kind, "upstream") == 0 && w->n == 2)
		return add_server(n->upstreams, &n->n_upstreams, w->v[1]);
	if (strcmp(kind, "server") == 0)
		return add_own_server(n, w);
	return -EINVAL;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct names_member *)a)->id, ((const struct names_member *)b)->id);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct names_entry *)a)->name, ((const struct names_entry *)b)->name);
}

static int compare_place(const struct names_entry *x, const struct names_entry *y)
{
	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	if (x->ip.len != y->ip.len)
		return x->ip.len < y->ip.len ? -1 : 1;
	return memcmp(x->ip.bytes, y->ip.bytes, x->ip.len);
}

/* Its texts lie in one buffer in the order of the lines. */
static int by_place(const void *a, const void *b)
{
	const struct names_entry *x = a, *y = b;
	int r = compare_place(x, y);

	return r ? r : x->name < y->name ? -1 : x->name > y->name;
}

static void index_names(struct names *n)
{
	size_t kept = 0;

	qsort(n->members, n->n_members, sizeof(*n->members), by_id);
	qsort(n->entries, n->n_entries, sizeof(*n->entries), by_name);
	qsort(n->first, n->n_entries, sizeof(*n->first), by_place);
	for (size_t i = 0; i < n->n_entries; i++)
		if (kept == 0 || compare_place(&n->first[kept - 1], &n->first[i]) != 0)
			n->first[kept++] = n->first[i];
	n->n_first = kept;
}

static size_t count(const char *text, const char *kind)
{
	size_t n = 0;

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		n += text_starts(line, kind);
	return n;
}

static int make_room(struct names *n, const char *text)
{
	n->networks = arena_array(&n->a, count(text, "network") + 1, sizeof(*n->networks));
	n->members = arena_array(&n->a, count(text, "member") + 1, sizeof(*n->members));
	n->links = arena_array(&n->a, count(text, "link") + 1, sizeof(*n->links));
	n->entries = arena_array(&n->a, count(text, "name") + 1, sizeof(*n->entries));
	n->first = arena_array(&n->a, count(text, "name") + 1, sizeof(*n->first));
	return arena_error(&n->a);
}

int names_parse(const char *text, size_t len, struct names *out, struct err *e)
{
	char *copy, *rest = NULL;
	struct words w = { 0 };
	size_t number = 0;

	*out = (struct names)NAMES_INIT;
	copy = arena_strndup(&out->a, text, len);
	if (copy && make_room(out, copy) < 0)
		copy = NULL;
	if (!copy || arena_error(&out->a) < 0)
		return err_errno(e, -ENOMEM, "the table of names");
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		int r;

		number++;
		r = line[0] == ' ' ? -EINVAL : split(&out->a, line, &w);
		if (r == 0 && w.n)
			r = take_line(out, &w);
		if (r < 0)
			return err_set(e, ERR_INVALID, "line %zu of the table of names cannot be read", number);
	}
	index_names(out);
	return 0;
}

void names_free(struct names *n)
{
	arena_free(&n->a);
	*n = (struct names)NAMES_INIT;
}

/* ---- asking ---- */

struct names_member *names_member(const struct names *n, const char *id)
{
	size_t low = 0, high = n->n_members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(n->members[middle].id, id);

		if (r == 0)
			return &n->members[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_in(const struct names_member *m, uint32_t network)
{
	for (size_t i = 0; i < m->n_networks; i++)
		if (m->networks[i] == network)
			return true;
	return false;
}

/* In the order of strcmp(), of a name against one of len bytes. */
static int compare_name(const char *entry, const char *name, size_t len)
{
	int r = strncmp(entry, name, len);

	return r ? r : entry[len] != '\0';
}

/* only: in this network alone, of which the member is; NULL: in all of his. */
static size_t find(const struct names *n, const struct names_member *m, const struct names_network *only, const char *name, size_t len,
		   struct ip *out, size_t max)
{
	size_t low = 0, high = n->n_entries, found = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_name(n->entries[middle].name, name, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n->n_entries && found < max && compare_name(n->entries[low].name, name, len) == 0; low++)
		if (only ? n->entries[low].network == only->number : is_in(m, n->entries[low].network))
			out[found++] = n->entries[low].ip;
	return found;
}

/* What stands before the network's name and the dot: its length; 0: it is no NAME.NETWORK of this one. */
static size_t before_network(const struct names_network *x, const char *name, size_t len)
{
	size_t tail = x->name ? strlen(x->name) : 0;

	if (!tail || len < tail + 2 || name[len - tail - 1] != '.' || strcmp(name + len - tail, x->name) != 0)
		return 0;
	return len - tail - 1;
}

/* By the member's links: they come before what others have as their names, as in Docker. only as in find(). */
static size_t find_linked(const struct names *n, const struct names_member *m, const struct names_network *only, const char *name, size_t len,
			  struct ip *out, size_t max)
{
	size_t found = 0;

	for (size_t i = 0; i < n->n_links; i++) {
		const struct names_link *l = &n->links[i];
		const struct names_network in = { .number = l->network };

		if (compare_name(l->alias, name, len) == 0 && strcmp(l->member, m->id) == 0 && (!only || l->network == only->number) && is_in(m, l->network))
			found += find(n, m, &in, l->name, strlen(l->name), out + found, max - found);
	}
	return found;
}

static size_t find_either(const struct names *n, const struct names_member *m, const struct names_network *only, const char *name, size_t len,
			  struct ip *out, size_t max)
{
	size_t found = find_linked(n, m, only, name, len, out, max);

	return found ? found : find(n, m, only, name, len, out, max);
}

size_t names_find(const struct names *n, const struct names_member *m, const char *name, struct ip *out, size_t max)
{
	size_t len = strlen(name), found = find_either(n, m, NULL, name, len, out, max);

	for (size_t i = 0; !found && i < n->n_networks; i++) {
		size_t before = before_network(&n->networks[i], name, len);

		if (before && is_in(m, n->networks[i].number))
			found = find_either(n, m, &n->networks[i], name, before, out, max);
	}
	return found;
}

bool names_is_inside(const struct names *n, const struct names_member *m, const char *name)
{
	size_t label = strcspn(name, "."), len = strlen(name);

	for (size_t i = 0; i < n->n_networks; i++)
		if (before_network(&n->networks[i], name, len) == label && label && is_in(m, n->networks[i].number))
			return true;
	return false;
}

const char *names_of(const struct names *n, const struct names_member *m, const struct ip *ip)
{
	for (size_t i = 0; i < m->n_networks; i++) {
		const struct names_entry key = { .network = m->networks[i], .ip = *ip };
		size_t low = 0, high = n->n_first;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (compare_place(&n->first[middle], &key) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < n->n_first && compare_place(&n->first[low], &key) == 0)
			return n->first[low].name;
	}
	return NULL;
}

bool names_may_ask(const struct names *n, const struct names_member *m)
{
	for (size_t i = 0; i < n->n_networks; i++)
		if (!n->networks[i].internal && is_in(m, n->networks[i].number))
			return true;
	return false;
}
