/* Running the plugins. Two locks order it:
 *
 *	STATE/cni-ID.lock   of one container, held by whoever runs plugins for it (a POSIX lock, which dies with that process), and by the
 *	                    plugins themselves (flock(), by their descriptor 3): what a killed command left running is waited for before its
 *	                    work is undone. The latter not for long: a plugin may have left a daemon.
 *	STATE/cni.lock      shared by all these, held alone by a collection (GC), as the specification wants it
 *
 * A monitor gives the program that records an end 30 s (monitor/ending.c): all DELs together take less. The
 * network namespace is bound to STATE/ID/netns when the first plugin is to run, and stays until the last DEL: plugins look into it
 * to undo what they did, and the container's processes are gone by then. */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/cni.h"
#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/etcfiles.h"
#include "engine/record.h"
#include "sys/mnt.h"

#define NETNS_FILE "netns"
#define LOCK_PAUSE_NS 20000000L
#define DAEMON_MS 5000
#define LEAVE_MS 20000

/* ---- locks ---- */

struct locks {
	const struct engine *en;
	char name[NAME_MAX + 1];
	int own, all;
	bool gone; /* nothing is left to order: the file goes */
};

static void locks_end(struct locks *l)
{
	if (l->gone && l->own >= 0)
		(void)unlinkat(l->en->state_fd, l->name, 0);
	l->own = close_fd(l->own);
	l->all = close_fd(l->all);
}
#define CLEANUP_LOCKS CLEANUP(locks_end)

static int open_lock(const struct engine *en, const char *name, struct err *e)
{
	int fd = openat(en->state_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? err_errno(e, -errno, "open %s/%s", en->state, name) : fd;
}

/* The file may have been removed by the one before us: then it is not the one that others will find. alone: no plugin has it either. */
static bool try_lock(int fd, bool alone)
{
	struct flock own = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat st;

	return (!alone || flock(fd, LOCK_EX | LOCK_NB) == 0) && fstat(fd, &st) == 0 && st.st_nlink > 0 && fcntl(fd, F_SETLK, &own) == 0;
}

/* Whether a process of ours is at it, and not just what one has left. */
static bool is_at_work(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int lock_container(const struct engine *en, const char *id, struct locks *l, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int64_t end = clock_ms() + DAEMON_MS;

	l->en = en;
	(void)snprintf(l->name, sizeof(l->name), "cni-%s.lock", id);
	l->all = open_lock(en, "cni.lock", e);
	if (l->all < 0)
		return l->all;
	if (flock(l->all, LOCK_SH) < 0)
		return err_errno(e, -errno, "lock %s/cni.lock", en->state);
	for (;;) {
		l->own = close_fd(l->own);
		l->own = open_lock(en, l->name, e);
		if (l->own < 0)
			return l->own;
		if (try_lock(l->own, true))
			return 0;
		if (is_at_work(l->own))
			end = clock_ms() + DAEMON_MS;
		if (clock_ms() >= end && try_lock(l->own, false)) { /* one of us at a time, all the same */
			log_warning("a CNI plugin has left a process that runs on for container %.12s", id);
			return 0;
		}
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- the namespace ---- */

static const char *netns_path(const struct engine *en, const char *id, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s/" NETNS_FILE, en->state, id);

	return n > 0 && n < PATH_MAX ? out : "";
}

static bool is_bound(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == NSFS_MAGIC;
}

static int bind_netns(const char *path, int netns, struct err *e)
{
	CLEANUP_FD int file = -1, tree = -1;
	int r;

	if (is_bound(path))
		return 0;
	file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return err_errno(e, -errno, "make %s", path);
	tree = mnt_clone_tree(netns, "", false);
	r = tree < 0 ? tree : mnt_attach_at(tree, AT_FDCWD, path);
	return r < 0 ? err_errno(e, r, "bind the network namespace to %s", path) : 0;
}

static void release_netns(const char *path)
{
	if (is_bound(path) && mnt_detach(path) < 0)
		log_warning("%s cannot be unmounted: %s", path, strerror(errno));
	(void)unlink(path);
}

/* ---- joining ---- */

static int update(const struct engine *en, const struct cni_row *row, const char *version, const char *result, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = cat_exec(c, e, "UPDATE cni SET version = ?3, result = ?4 WHERE container = ?1 AND network = ?2", "ssss", row->container, row->network,
			     version, result);
	return r < 0 ? r : catalog_commit(c, e);
}

/* What CNI_ARGS=… ";KEY=" says, in a; NULL. */
static const char *arg_of(struct arena *a, const char *args, const char *key)
{
	const char *at = strstr(args, key);

	return at ? arena_strndup(a, at + strlen(key), strcspn(at + strlen(key), ";")) : NULL;
}

static bool has_ip(const struct cni_result *got, const char *text)
{
	struct ip wanted;

	for (size_t i = 0; ip_parse(text, &wanted) == 0 && i < got->n_ips; i++)
		if (ip_same(&got->ips[i].net.ip, &wanted))
			return true;
	return false;
}

static int unheeded(const struct cni_row *row, const char *option, const char *value, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s %s: no plugin of network %s has heeded that", option, value, row->network);
}

/* Not every plugin heeds a wish for an address, and none says that it does not. */
static int heeded(struct arena *a, const struct cni_row *row, const struct cni_place *p, struct err *e)
{
	const char *ip = arg_of(a, row->args, ";IP="), *mac = arg_of(a, row->args, ";MAC=");

	if (ip && !has_ip(&p->result, ip))
		return unheeded(row, "--ip", ip, e);
	json_each(text, json_get(p->at.capabilities, "ips"))
		if (!has_ip(&p->result, text->str))
			return unheeded(row, strchr(text->str, ':') ? "--ip6" : "--ip", text->str, e);
	if (mac && p->result.mac[0] && strcasecmp(mac, p->result.mac) != 0)
		return unheeded(row, "--mac-address", mac, e);
	return 0;
}

static int join_one(const struct engine *en, struct arena *a, const struct cni_row *row, const char *netns, int hold, struct err *e)
{
	const struct cni_host h = { .path = row->plugins, .seconds = row->seconds, .hold = hold };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct cni_place p;
	int r = cni_row_read(a, row, netns, &p, e);

	if (r == 0)
		r = cni_choose(&h, a, &p.list, &p.at.version, e);
	if (r == 0)
		r = cni_status(&h, &p.list, p.at.version, e);
	if (r == 0)
		r = update(en, row, p.at.version, "", e); /* from here on there is something to undo */
	if (r == 0)
		r = cni_add(&h, a, &p.at, &p.at.result, e);
	if (r == 0)
		r = cni_result_parse(a, p.at.result, row->ifname, &p.result, e);
	if (r == 0)
		r = heeded(a, row, &p, e);
	if (r < 0)
		return r;
	jw_value(&w, NULL, p.at.result);
	r = sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "keep a result") : update(en, row, p.at.version, sb_str(&text), e);
	return r < 0 ? r : cni_cache_write(row->cache, &p.at, e);
}

static int write_files(const struct engine *en, struct arena *a, const char *id, struct err *e)
{
	struct ct_config config;
	struct endpoints own;
	struct record rec;
	int r = record_get(en->catalog, a, id, &rec, e);

	if (r == 0)
		r = config_parse(a, rec.config, &config, e);
	if (r == 0)
		r = endpoint_read(en, a, id, &own, e);
	return r < 0 ? r : endpoint_files(en, a, id, config.doc, &own, e);
}

int cni_join(const struct engine *en, const char *id, int netns, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LOCKS struct locks locks = { .own = -1, .all = -1 };
	struct cni_row *rows;
	char path[PATH_MAX];
	size_t n;
	int r = cni_rows(en, &a, id, &rows, &n, e);

	if (r < 0 || !n)
		return r;
	r = lock_container(en, id, &locks, e);
	if (r == 0) /* somebody may have undone it meanwhile */
		r = cni_rows(en, &a, id, &rows, &n, e);
	if (r == 0 && n)
		r = bind_netns(netns_path(en, id, path), netns, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!rows[i].result[0]) {
			r = join_one(en, &a, &rows[i], path, locks.own, e);
			if (r < 0)
				return err_ctx(e, "network %s", rows[i].network);
		}
	return r < 0 ? r : write_files(en, &a, id, e);
}

/* ---- leaving ---- */

static int forget(const struct engine *en, const struct cni_row *row, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = cat_exec(c, e, "DELETE FROM cni WHERE container = ?1 AND network = ?2", "ss", row->container, row->network);
	return r < 0 ? r : catalog_commit(c, e);
}

/* A plugin must bear that it is told no result. */
static int read_for_leaving(struct arena *a, const struct cni_row *row, const char *netns, struct cni_place *out, struct err *e)
{
	struct cni_row without = *row;

	if (cni_row_read(a, row, netns, out, e) == 0)
		return 0;
	without.result = "";
	return cni_row_read(a, &without, netns, out, e);
}

/* By the row's own words: its list may be what cannot be read. */
static void uncache(const struct cni_row *row)
{
	const struct cni_list list = { .name = row->network };
	const struct cni_attachment at = { .list = &list, .container = row->container, .ifname = row->ifname };

	if (cni_name_ok(row->network))
		cni_cache_remove(row->cache, &at);
}

/* *lost: it failed, and nobody is left who could be asked. */
static int undo(struct arena *a, const struct cni_row *row, const char *netns, const struct cni_host *h, bool *lost, struct err *e)
{
	struct cni_place p;
	int r = read_for_leaving(a, row, netns, &p, e);

	*lost = r < 0 && (e->cls == ERR_INVALID || e->cls == ERR_UNSUPPORTED || e->cls == ERR_LIMIT);
	if (r < 0)
		return r;
	r = cni_del(h, &p.at, e);
	*lost = r < 0 && e->cls == ERR_NOTFOUND;
	if (*lost)
		e->cls = ERR_UNAVAILABLE; /* the container, and its network, are there */
	return r;
}

static int leave_one(const struct engine *en, struct arena *a, const struct cni_row *row, const char *netns, const struct cni_host *h,
		     enum cni_lost when_lost, struct err *e)
{
	bool lost = false;
	int r = row->version[0] ? undo(a, row, netns, h, &lost, e) : 0;

	if (r < 0 && (!lost || when_lost == CNI_LOST_KEEP))
		return err_ctx(e, "network %s", row->network);
	if (lost)
		log_warning("container %.12s: network %s: what its plugins made is left as it is: %s", row->container, row->network, e->msg);
	if (row->version[0])
		uncache(row);
	return forget(en, row, e);
}

/* The last one first. */
static int leave_rows(const struct engine *en, struct arena *a, const char *id, const char *network, enum cni_lost when_lost,
		      const struct cni_row *rows, size_t n, struct locks *locks, struct err *e)
{
	char path[PATH_MAX];
	const char *netns = netns_path(en, id, path);
	int64_t until = clock_ms() + LEAVE_MS;
	struct err first = { 0 };
	size_t left = n;

	if (!is_bound(path))
		netns = "";
	for (size_t i = n; i-- > 0;) {
		const struct cni_host h = { .path = rows[i].plugins, .seconds = rows[i].seconds, .until = cni_until(until, network ? 0 : i), .hold = locks->own };
		struct err why = { 0 };

		if (network && strcmp(rows[i].network, network) != 0)
			continue;
		if (leave_one(en, a, &rows[i], netns, &h, when_lost, &why) == 0)
			left--;
		else if (!first.code)
			first = why;
	}
	if (!network || !left)
		release_netns(path);
	locks->gone = !left;
	if (first.code)
		*e = first;
	return first.code;
}

int cni_leave(const struct engine *en, const char *id, const char *network, enum cni_lost when_lost, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LOCKS struct locks locks = { .own = -1, .all = -1 };
	struct cni_row *rows;
	size_t n;
	int r = cni_rows(en, &a, id, &rows, &n, e);

	if (r < 0 || !n)
		return r;
	r = lock_container(en, id, &locks, e);
	if (r == 0)
		r = cni_rows(en, &a, id, &rows, &n, e);
	return r < 0 ? r : leave_rows(en, &a, id, network, when_lost, rows, n, &locks, e);
}

/* ---- CHECK ---- */

static int check(struct arena *a, const struct cni_row *row, const char *netns, int hold, struct err *e)
{
	const struct cni_host h = { .path = row->plugins, .seconds = row->seconds, .hold = hold };
	struct cni_place p;
	int r = cni_row_read(a, row, netns, &p, e);

	return r < 0 ? r : cni_check(&h, &p.at, e);
}

int cni_check_row(const struct engine *en, const struct cni_row *row, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LOCKS struct locks locks = { .own = -1, .all = -1 };
	struct cni_row *rows;
	char path[PATH_MAX];
	size_t n = 0;
	int r = lock_container(en, row->container, &locks, e);

	if (r == 0) /* it may have left, or been about to join */
		r = cni_rows(en, &a, row->container, &rows, &n, e);
	locks.gone = r == 0 && !n;
	for (size_t i = 0; r == 0 && i < n; i++)
		if (strcmp(rows[i].network, row->network) == 0 && rows[i].result[0] && is_bound(netns_path(en, row->container, path)))
			return check(&a, &rows[i], path, locks.own, e);
	return r < 0 ? r : err_set(e, ERR_BUSY, "network %s: container %.12s has not joined it yet, or has left it", row->network, row->container);
}

/* ---- hosts and resolv.conf ---- */

int cni_files(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct err *e)
{
	struct cni_row *rows;
	struct cni_place p;
	struct etc_dns dns;
	size_t n;
	int r = cni_rows(en, a, id, &rows, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct etc_addresses at = { 0 };

		r = cni_row_read(a, &rows[i], "", &p, e);
		if (r < 0 || !p.result.n_ips)
			continue;
		for (size_t k = p.result.n_ips; k-- > 0;) {
			const struct cni_ip *ip = &p.result.ips[k];

			*(ip->net.ip.len == 4 ? &at.ip : &at.ip6) = ip->net.ip;
			at.gateway = ip->gateway.len ? ip->gateway : at.gateway;
		}
		dns = (struct etc_dns){ { p.result.servers, p.result.n_servers }, { p.result.search, p.result.n_search }, { p.result.options, p.result.n_options } };
		return etcfiles_write(en, a, id, config, &at, false, &dns, e);
	}
	dns = (struct etc_dns){ 0 };
	return r < 0 ? r : etcfiles_write(en, a, id, config, NULL, false, &dns, e);
}
