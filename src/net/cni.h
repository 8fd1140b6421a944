/* CNI, the Container Network Interface, up to version 1.1.0 of its specification: networks that are described by a list of
 * plugins (/etc/cni/net.d), each a program that is told on stdin and in its environment what to do and says on stdout what it did.
 *
 *	cni_list.c    reads lists, and makes of them what a plugin is told
 *	cni_result.c  reads what plugins say
 *	cni_run.c     runs one plugin
 *	cni.c         runs a list of them, and keeps results where libcni does
 *
 * Lists and results come from root's files and root's programs, and are read as if they came from anybody. */
#ifndef TARE_NET_CNI_H
#define TARE_NET_CNI_H

#include <limits.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/json.h"

#define CNI_NEWEST "1.1.0"
#define CNI_OLDEST "0.1.0" /* what a list without a version means */
#define CNI_PLUGINS 32U    /* at most, in one list */

/* ---- lists (cni_list.c) ---- */

struct cni_plugin {
	const char *type;
	const struct json *conf;
};

struct cni_list {
	const char *name;
	const char *text; /* the list as JSON; of a single plugin's configuration the list that it stands for */
	const char **versions; /* that it can be used with and we know, the newest first; none: it names none */
	size_t n_versions;
	bool disable_check, disable_gc, inlined_only;
	struct cni_plugin *plugins; /* may be none: they lie in a folder beside it */
	size_t n_plugins;
};

/* A .conflist's bytes, or with single those of a .conf: one plugin's configuration. Everything in out lives as long as a. ERR_INVALID
 * says what is wrong; ERR_UNSUPPORTED: all its versions are newer than ours. */
int cni_list_parse(struct arena *a, const char *text, size_t len, bool single, struct cni_list *out, struct err *e) MUST_CHECK;
/* The same list with more plugins behind its own: each a configuration. */
int cni_list_extend(struct arena *a, struct cni_list *list, const struct json *const *more, size_t n, struct err *e) MUST_CHECK;
/* Whether a plugin of it says that it has a capability. */
bool cni_list_can(const struct cni_list *list, const char *capability);
/* A name that may be part of a file's: what CNI allows for networks and containers. */
bool cni_name_ok(const char *name);
/* Whether text is a version at all; < 0, 0, > 0: a is older than, the same as, newer than b (texts that are none are the oldest). */
bool cni_version_ok(const char *text);
int cni_version_compare(const char *a, const char *b);

/* What a network is asked for: one device of one container. */
struct cni_attachment {
	const struct cni_list *list;
	const char *version; /* one of the list's, by cni_choose() */
	const char *container, *ifname;
	const char *netns;               /* a path; "": it is gone */
	const char *args;                /* CNI_ARGS: "K=V;K=V" */
	const struct json *capabilities; /* {"portMappings":…}; NULL: none */
	const struct json *result;       /* of ADD; NULL: it was never finished */
};

/* What plugin p is told. prev: the result of the plugin before, or of all; NULL: none. */
void cni_request(const struct cni_attachment *at, const struct cni_plugin *p, const struct json *prev, struct strbuf *out);

/* ---- results (cni_result.c) ---- */

struct cni_ip {
	struct ip_net net; /* the address, with its prefix */
	struct ip gateway; /* may be none */
};

struct cni_result {
	struct cni_ip *ips; /* of the container's device alone, where the result tells them apart */
	size_t n_ips;
	const char *mac; /* "" where it is not told */
	const char **servers, **search, **options;
	size_t n_servers, n_search, n_options;
};

/* The result of ADD for device ifname, in any version's form. */
int cni_result_parse(struct arena *a, const struct json *doc, const char *ifname, struct cni_result *out, struct err *e) MUST_CHECK;
/* What a plugin said when it failed, as part of a message: "MSG: DETAILS (code N)"; false: this is no error of CNI's form. */
bool cni_error_text(const struct json *doc, char *out, size_t len);
/* What a plugin answers to VERSION. */
int cni_versions_parse(struct arena *a, const struct json *doc, const char ***v, size_t *n, struct err *e) MUST_CHECK;

/* ---- plugins (cni_run.c) ---- */

struct cni_host {
	const char *path;     /* folders of plugins, with colons between */
	unsigned int seconds; /* that a plugin may take; then it is killed */
	int64_t until;        /* when all have to be through (clock_ms()); 0: no such time */
	int hold;             /* a descriptor that lives as long as the plugin does (its number 3); -1 */
};

/* ERR_NOTFOUND: in none of the folders. */
int cni_find(const struct cni_host *h, const char *type, char out[PATH_MAX], struct err *e) MUST_CHECK;
/* Runs the plugin of this type for a command ("ADD"). at NULL: the command is about no container. *out: what it answered to ADD or
 * VERSION, NULL: nothing. A plugin that fails, hangs, or answers what is no JSON is an error that names it. */
int cni_run(const struct cni_host *h, struct arena *a, const char *command, const char *type, const struct cni_attachment *at,
	    const struct strbuf *request, const struct json **out, struct err *e) MUST_CHECK;

/* ---- chains (cni.c) ---- */

/* The newest version of the list's that all of its plugins know; they are asked (VERSION) where there is a choice. Every plugin is
 * there, or ERR_NOTFOUND. */
int cni_choose(const struct cni_host *h, struct arena *a, const struct cni_list *list, const char **version, struct err *e) MUST_CHECK;
/* What a plugin of this type supports. */
int cni_versions(const struct cni_host *h, struct arena *a, const char *type, const char ***v, size_t *n, struct err *e) MUST_CHECK;

/* ADD, in order. *result is the last plugin's. When it fails the caller runs cni_del(), which undoes what was done. */
int cni_add(const struct cni_host *h, struct arena *a, const struct cni_attachment *at, const struct json **result, struct err *e) MUST_CHECK;
/* DEL, in reverse order. A plugin that fails keeps no other from its DEL, and one that hangs leaves the others a part of h's time. The first
 * failure is told; ERR_NOTFOUND: plugins are not there, all others have done theirs. Again is no error. */
int cni_del(const struct cni_host *h, const struct cni_attachment *at, struct err *e) MUST_CHECK;
/* Until when one may take of a time that more others have to share; 0 stays 0. */
int64_t cni_until(int64_t until, size_t more);
/* CHECK, in order. ERR_UNSUPPORTED before version 0.4.0; a list that forbids it is fine. */
int cni_check(const struct cni_host *h, const struct cni_attachment *at, struct err *e) MUST_CHECK;
/* STATUS: ERR_UNAVAILABLE when a plugin says that it cannot serve. Nothing is asked before version 1.1.0. */
int cni_status(const struct cni_host *h, const struct cni_list *list, const char *version, struct err *e) MUST_CHECK;

struct cni_valid {
	const char *container, *ifname;
};
/* GC: whatever belongs to none of these attachments may go. Nothing is asked before version 1.1.0, or where the list forbids it. */
int cni_gc(const struct cni_host *h, const struct cni_list *list, const char *version, const struct cni_valid *v, size_t n,
	   struct err *e) MUST_CHECK;

/* libcni's cache: FOLDER/results/NETWORK-CONTAINER-IFNAME, of at with its result. */
int cni_cache_write(const char *folder, const struct cni_attachment *at, struct err *e) MUST_CHECK;
void cni_cache_remove(const char *folder, const struct cni_attachment *at);
/* The attachments to a network that are in the cache, whoever made them. */
int cni_cache_list(const char *folder, struct arena *a, const char *network, struct cni_valid **out, size_t *n, struct err *e) MUST_CHECK;

#endif
