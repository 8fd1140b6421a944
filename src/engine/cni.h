/* Containers in networks of CNI: the rows that say what was asked of plugins, and the running of them.
 *
 * A row is written before a plugin runs, with the list as it was then, and goes when DEL has succeeded: whoever is killed in between
 * leaves a row, and the repair of the container (settle.h), its next start, or a collection asks for that DEL. A row without a version has
 * asked for nothing yet. */
#ifndef TARE_ENGINE_CNI_H
#define TARE_ENGINE_CNI_H

#include "engine/cni_folder.h"

/* A container's place in one network of CNI. */
struct cni_row {
	const char *container, *network, *ifname;
	const char *list, *version, *args, *capabilities, *result; /* version "": nothing was run; result "": ADD was not finished */
	const char *plugins, *cache;
	uint32_t seconds;
};

/* What a row means. netns: its path, "" where it is gone. */
struct cni_place {
	struct cni_list list;
	struct cni_attachment at;
	struct cni_result result; /* empty without one */
};
int cni_row_read(struct arena *a, const struct cni_row *row, const char *netns, struct cni_place *out, struct err *e) MUST_CHECK;

/* A container's, by position; with NULL everybody's. */
int cni_rows(const struct engine *en, struct arena *a, const char *container, struct cni_row **out, size_t *n, struct err *e) MUST_CHECK;

/* In an open transaction: places in the networks of CNI that container id's configuration asks for, or in the one called only, as endpoint_take()
 * counts from position on. Addresses, names or ports that none of a network's plugins takes are ERR_UNSUPPORTED. */
int cni_take(const struct engine *en, struct arena *a, const char *id, const struct json *config, const char *only, int64_t position,
	     struct err *e) MUST_CHECK;
/* What the monitor executes when the network namespace is there, as a member of its description. Nothing where there are no rows. */
int cni_describe(const struct engine *en, const char *id, struct strbuf *description, struct err *e) MUST_CHECK;

/* ADD, for each row of the container that has no result; netns: its network namespace. Then its hosts and resolv.conf, where no network
 * of tare's own has written them. What was done before a failure is undone by cni_leave(), which the caller sees to. */
int cni_join(const struct engine *en, const char *id, int netns, struct err *e) MUST_CHECK;
/* What becomes of a row that nobody can undo: plugins are gone (the others have done their DEL), or it cannot be read. It stays, as that may
 * change, or goes with a warning, for it must not be in the way for ever. */
enum cni_lost { CNI_LOST_KEEP, CNI_LOST_FORGET };
/* DEL, in the network called that, or in all (NULL), and the rows. A row whose DEL fails stays; the first failure is told. */
int cni_leave(const struct engine *en, const char *id, const char *network, enum cni_lost when_lost, struct err *e) MUST_CHECK;
/* The same, with CNI_LOST_FORGET, for the rows of those that do not exist any more, or do not run; for one network, or all (NULL). */
int cni_collect(const struct engine *en, const char *network, struct err *e) MUST_CHECK;

/* hosts and resolv.conf by the first of its results; without one nothing. */
int cni_files(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct err *e) MUST_CHECK;

/* CHECK for one row. ERR_BUSY: the container has not joined the network, or does not run any more. */
int cni_check_row(const struct engine *en, const struct cni_row *row, struct err *e) MUST_CHECK;
/* STATUS, and GC after cni_collect(): what plugins keep for nobody. Attachments that others made, which are in the cache, count as valid,
 * and those whose DEL failed. Nobody joins or leaves meanwhile. */
int cni_network_status(struct arena *a, const struct cni_network *net, struct err *e) MUST_CHECK;
int cni_network_gc(const struct engine *en, struct arena *a, const struct cni_network *net, struct err *e) MUST_CHECK;

#endif
