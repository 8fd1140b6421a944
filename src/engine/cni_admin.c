/* What people ask of networks of CNI beside joining them. A collection must not end what others have: the cache says what there is,
 * whoever made it, and plugins are told all of it. What is left over here has had its DEL by then. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "engine/cni.h"
#include "engine/folder.h"
#include "engine/record.h"

static struct cni_host host_of(const struct cni_settings *s)
{
	return (struct cni_host){ .path = s->plugins, .seconds = s->seconds, .hold = -1 };
}

/* ---- left over ---- */

/* With its operation lock, if it still exists: a start may be about to take the row's place. */
static int collect_one(const struct engine *en, const char *id, const char *network, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int lock = folder_lock(en, id, false, e);
	struct record rec;
	int r;

	if (lock < 0 && e->cls == ERR_BUSY)
		return 0;
	if (lock < 0 && e->cls != ERR_NOTFOUND)
		return lock;
	r = record_get(en->catalog, &a, id, &rec, e);
	if (r < 0 && e->cls != ERR_NOTFOUND)
		return r;
	return r == 0 && rec.status == RECORD_RUNNING ? 0 : cni_leave(en, id, network, CNI_LOST_FORGET, e);
}

int cni_collect(const struct engine *en, const char *network, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err first = { 0 };
	struct cni_row *rows;
	size_t n;
	int r = cni_rows(en, &a, NULL, &rows, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct err why = { 0 };

		if ((!network || strcmp(rows[i].network, network) == 0) && collect_one(en, rows[i].container, network, &why) < 0 && !first.code)
			first = why;
	}
	if (first.code)
		*e = first;
	return r < 0 ? r : first.code;
}

/* ---- STATUS, GC ---- */

int cni_network_status(struct arena *a, const struct cni_network *net, struct err *e)
{
	struct cni_settings s;
	struct cni_host h;
	const char *version;
	int r = cni_settings(&s, e);

	if (r < 0)
		return r;
	h = host_of(&s);
	r = cni_choose(&h, a, &net->list, &version, e);
	return r < 0 ? r : cni_status(&h, &net->list, version, e);
}

/* What is in the cache, and what of ours is not there yet. */
static int valid_ones(const struct engine *en, struct arena *a, const char *cache, const char *network, struct cni_valid **out, size_t *n,
		      struct err *e)
{
	struct cni_valid *cached, *all;
	struct cni_row *rows;
	size_t n_rows;
	int r = cni_cache_list(cache, a, network, &cached, n, e);

	if (r == 0)
		r = cni_rows(en, a, NULL, &rows, &n_rows, e);
	if (r < 0)
		return r;
	all = arena_array(a, *n + n_rows + 1, sizeof(*all));
	if (!all)
		return err_errno(e, -ENOMEM, "list the attachments to network %s", network);
	if (*n)
		memcpy(all, cached, *n * sizeof(*all));
	for (size_t i = 0; i < n_rows; i++) {
		bool known = strcmp(rows[i].network, network) != 0;

		for (size_t k = 0; k < *n && !known; k++)
			known = strcmp(all[k].container, rows[i].container) == 0 && strcmp(all[k].ifname, rows[i].ifname) == 0;
		if (!known)
			all[(*n)++] = (struct cni_valid){ rows[i].container, rows[i].ifname };
	}
	*out = all;
	return 0;
}

int cni_network_gc(const struct engine *en, struct arena *a, const struct cni_network *net, struct err *e)
{
	CLEANUP_FD int lock = openat(en->state_fd, "cni.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct cni_valid *valid = NULL;
	struct cni_settings s;
	struct cni_host h;
	struct err first = { 0 };
	const char *version;
	size_t n = 0;
	int r = cni_settings(&s, e), left = r < 0 ? 0 : cni_collect(en, net->net.name, &first);

	if (r < 0)
		return r;
	h = host_of(&s);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock %s/cni.lock", en->state);
	r = valid_ones(en, a, s.cache, net->net.name, &valid, &n, e);
	if (r == 0)
		r = cni_choose(&h, a, &net->list, &version, e);
	if (r == 0)
		r = cni_gc(&h, &net->list, version, valid, n, e);
	if (left < 0) /* that DEL has kept no GC from being asked for */
		*e = first;
	return left < 0 ? left : r;
}
