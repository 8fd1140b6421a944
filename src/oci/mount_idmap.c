/* crun takes ranges that leave the namespace's as they come, and then maps what follows to ids nobody gave the container: here
 * they are split, and what is in none of the namespace's is an error. */
#include "oci/mount_idmap.h"

#include <string.h>

#include "base/text.h"
#include "sys/idmap.h"

#define EXAMPLE "idmap=uids=0-1000-10#20-2000-5;gids=0-1000-10"

struct ranges {
	struct oci_id_map v[IDMAP_MAX];
	size_t n;
};

struct container_map {
	const char *option; /* "uids=" */
	const struct oci_id_map *v;
	size_t n;
};

static int add(struct ranges *out, const struct oci_id_map *m, struct err *e)
{
	if (out->n == IDMAP_MAX)
		return err_set(e, ERR_LIMIT, "option idmap: more than %d ranges", IDMAP_MAX);
	out->v[out->n++] = *m;
	return 0;
}

/* The part of m that lies in one of the container's ranges, from its beginning on. */
static int add_relative(struct ranges *out, const struct oci_id_map *m, const struct container_map *c, uint32_t *len, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct oci_id_map *to = &c->v[i];
		uint32_t skip = m->host_id - to->container_id, left = to->size - skip;

		if (m->host_id < to->container_id || skip >= to->size)
			continue;
		*len = m->size < left ? m->size : left;
		return add(out, &(struct oci_id_map){ m->container_id, to->host_id + skip, *len }, e);
	}
	return err_set(e, ERR_INVALID, "option idmap: %s@: the container's user namespace maps no id %u", c->option, m->host_id);
}

static bool read_range(char *text, struct oci_id_map *m)
{
	uint32_t *const to[] = { &m->container_id, &m->host_id, &m->size };

	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		const char *number = strsep(&text, "-");

		if (!number || text_u32(number, to[i]) < 0)
			return false;
	}
	return !text && m->size && m->container_id <= UINT32_MAX - m->size && m->host_id <= UINT32_MAX - m->size;
}

static int add_range(struct ranges *out, char *text, const struct container_map *c, struct err *e)
{
	bool relative = *text == '@';
	struct oci_id_map m;
	uint32_t len;
	int r = 0;

	if (!read_range(text + relative, &m))
		return err_set(e, ERR_INVALID, "option idmap: %s: a range is three numbers, FILE-HOST-SIZE, as in " EXAMPLE, c->option);
	if (!relative)
		return add(out, &m, e);
	for (; r == 0 && m.size; m.container_id += len, m.host_id += len, m.size -= len) {
		len = m.size;
		r = add_relative(out, &m, c, &len, e);
	}
	return r;
}

static int read_map(struct arena *a, char *text, const struct container_map *c, const struct oci_id_map **v, size_t *n, struct err *e)
{
	struct ranges *out = arena_new(a, struct ranges);
	int r = 0;

	if (!out)
		return err_errno(e, -ENOMEM, "option idmap");
	for (char *range; r == 0 && (range = strsep(&text, "#"));)
		r = add_range(out, range, c, e);
	*v = out->v;
	*n = out->n;
	return r;
}

int oci_mount_idmap_parse(struct arena *a, const char *text, const struct oci_linux *l, struct oci_mount *m, struct err *e)
{
	const struct container_map uids = { "uids=", l->uid_map, l->n_uid_map }, gids = { "gids=", l->gid_map, l->n_gid_map };
	char *rest = arena_strdup(a, text);
	int r = rest ? 0 : err_errno(e, -ENOMEM, "option idmap");

	for (char *part; r == 0 && (part = strsep(&rest, ";"));) {
		if (text_starts(part, uids.option) && !m->n_uid_map)
			r = read_map(a, part + strlen(uids.option), &uids, &m->uid_map, &m->n_uid_map, e);
		else if (text_starts(part, gids.option) && !m->n_gid_map)
			r = read_map(a, part + strlen(gids.option), &gids, &m->gid_map, &m->n_gid_map, e);
		else
			r = err_set(e, ERR_INVALID, "option idmap: \"%.40s\": uids and gids are wanted, once each, as in " EXAMPLE, part);
	}
	if (r == 0 && (!m->n_uid_map || !m->n_gid_map))
		return err_set(e, ERR_INVALID, "option idmap: \"%.80s\": uids and gids belong together, as in " EXAMPLE, text);
	return r;
}
