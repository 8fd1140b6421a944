/* What happened to containers, images, networks and volumes, as docker tells it: lines of STATE/events (base/eventlog.h, docs/formats.md), written by
 * whoever did it. Telling never fails what was done: an event that cannot be written is a warning.
 *
 * The end of a container is told before the catalog knows of it, with a text that names it (once): whoever is killed in between is repeated
 * by the next command, and readers pass over what they had with that text. So an end is neither lost nor told twice. All else is told after
 * it was done; the removal of a container, too, and that is not lost either (events_leaving). */
#ifndef TARE_ENGINE_EVENTS_H
#define TARE_ENGINE_EVENTS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/network.h"
#include "engine/options.h"
#include "engine/record.h"

struct event_pair {
	const char *key, *value;
};
#define EVENT_PAIRS(...) ((const struct event_pair[]){ __VA_ARGS__, { NULL, NULL } })

/* more: pairs beside the container's labels, image and name, ended by one without a key (EVENT_PAIRS); NULL: none. A container that
 * is a step of a build is not talked about. */
void events_container(const struct engine *en, const struct record *rec, const char *action, const struct event_pair *more);
/* The same with the size of its terminal. */
void events_resized(const struct engine *en, const struct record *rec, unsigned int rows, unsigned int columns);
/* The same with the number of a signal. */
void events_killed(const struct engine *en, const struct record *rec, int signal);
/* Its end, about to be recorded: oom, and die. started: what the row says of its start. */
void events_ended(const struct engine *en, const struct record *rec, int64_t started);
/* Its removal is told when all of it is gone, and with it what would be told: so that is kept in a file of STATE/leaving before the row goes. Who
 * is killed in between leaves the file to the next command (settle_garbage). */
void events_leaving(const struct engine *en, const struct record *rec);
void events_destroyed(const struct engine *en, const char *id);
#define EVENTS_LEAVING "leaving"

/* An image by its id ("sha256:…"); name NULL: as id. */
void events_image(const struct engine *en, const char *action, const char *id, const char *name);
/* What came from a registry or went to one, by the name that people read: "HOST/PATH:TAG". */
void events_registry(const struct engine *en, const char *action, const char *name);
/* create and destroy; connect and disconnect have the container's id (else NULL). once NULL: it is told when it has been done. */
void events_network(const struct engine *en, const char *action, const struct network *n, const char *container, const char *once);
/* A volume by its name: create, destroy. */
void events_volume(const struct engine *en, const char *action, const char *name);
/* All volumes that a container has: "mount" at its start, "unmount" at its end (started: as above); that: but the one mounted at that place (NULL:
 * all). */
void events_volumes(const struct engine *en, const char *action, const struct record *rec, int64_t started, const char *that);
/* A prune of containers, images, networks, volumes, or "builder". */
void events_pruned(const struct engine *en, const char *type, uint64_t reclaimed);
/* For all networks that a container has: "connect" at its start, "disconnect" at its end (started: as above). */
void events_networks(const struct engine *en, const char *action, const struct record *rec, int64_t started);

/* Another process in it: what is "create" or, about to be, "start"; that who was with it has left. */
void events_exec(const struct engine *en, const struct record *rec, const char *what, const char *id, struct strv args);
void events_exec_detached(const struct engine *en, const struct record *rec, const char *id);
/* Its end is told by its monitor; here that of one that could not be started, or whose monitor was killed (once, whoever finds it). */
void events_exec_ended(const struct engine *en, const struct record *rec, const char *id, int code);
/* The attributes of a container's events, for whoever else tells some (monitor/): an object under key. */
void events_attributes(const struct record *rec, struct json_writer *w, const char *key);

/* ---- reading (events_read.c) ---- */

struct event {
	const char *type, *action, *id;
	const struct json *attributes; /* of texts */
	int64_t ns;                    /* since the epoch */
};
/* attributes and texts live until it returns. A negative result, whose reason is in the caller's err, ends the reading and is given back. */
typedef int (*event_fn)(const struct event *ev, void *data);

/* A line as one, in a; once: NULL, or what names it. False: it is none, but what a writer left that was killed. */
bool event_parse(struct arena *a, const char *line, size_t len, struct event *ev, const char **once);

struct event_query {
	int64_t since, until; /* ns since the epoch; 0: no bound */
	bool past;            /* those that are there already, too (else those that come) */
	int end;              /* a descriptor whose hanging up is the end; 0: there is none */
};
/* Gives them to fn in the order they were told; waits for more until that time comes, or for ever. */
int events_read(const struct engine *en, const struct event_query *q, event_fn fn, void *data, struct err *e) MUST_CHECK;

#endif
