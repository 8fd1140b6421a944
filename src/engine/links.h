/* --link CONTAINER[:ALIAS], Docker's legacy links: in the default network, which has no names, a line of the
 * container's hosts and variables about the other one, which must run when it starts; in networks with names a name
 * that only this container knows (net/names.h).
 *
 * In a container's record (config.h) they are its place's "Links": "ID:ALIAS" in the default network, so that they
 * outlive another name, "NAME:ALIAS" elsewhere, where nobody need have that name yet. */
#ifndef TARE_ENGINE_LINKS_H
#define TARE_ENGINE_LINKS_H

#include "engine/engine.h"
#include "engine/options.h"

struct plan;

/* Whether one of --link can be one at all; ERR_INVALID. */
int links_check(const char *text, struct err *e) MUST_CHECK;
/* place->links as the record has them, in a. ERR_NOTFOUND, of the default network: there is no such container;
 * ERR_INVALID: one that shares the host's network, two of one alias. */
int links_resolve(const struct engine *en, struct arena *a, struct ct_network *place, struct err *e) MUST_CHECK;
/* The same of all of a plan's. */
int links_plan(const struct engine *en, const struct plan *p, struct err *e) MUST_CHECK;

/* Those of the default network, of a container's configuration. Before a start: all of them run. name: whose, for
 * messages. */
int links_ready(const struct engine *en, const char *name, const struct json *config, struct err *e) MUST_CHECK;
/* Lines of /etc/hosts, of those that run. */
int links_hosts(const struct engine *en, struct arena *a, const struct json *config, struct strbuf *out,
		struct err *e) MUST_CHECK;
/* Variables about them, added to env unless it has them. own: the container's name. */
int links_env(const struct engine *en, struct arena *a, const char *own, const struct json *config, struct strv *env,
	      struct err *e) MUST_CHECK;
/* The same into a description's process. */
int links_describe(const struct engine *en, const char *own, const struct json *config, struct strbuf *description,
		   struct err *e) MUST_CHECK;
/* id has an address: those that are linked to it and run find it by that. What cannot be written is a warning. */
void links_moved(const struct engine *en, const char *id);
/* Takes one of the default network away: "CONTAINER/ALIAS", as inspect shows it (a slash may stand before). Its line of hosts goes at once, its
 * variables with the next start. ERR_NOTFOUND: there is no such link. */
int links_remove(const struct engine *en, const char *text, struct err *e) MUST_CHECK;
/* "/NAME:/OWN/ALIAS" of each in the default network, as `inspect` has them; a value of the writer's object. */
int links_show(const struct engine *en, struct arena *a, const char *own, const struct json *config,
	       struct json_writer *w, struct err *e) MUST_CHECK;

#endif
