/* `tare system check`: what the machine forbids or lacks, and what to do about it. It looks and changes nothing. */
#ifndef TARE_ENGINE_CHECK_H
#define TARE_ENGINE_CHECK_H

#include "base/arena.h"
#include "engine/engine.h"

struct check_finding {
	const char *about;  /* the subject: "kernel", "network" */
	const char *where, *what, *advice;
	bool wrong;         /* else it is only said */
};

struct checks {
	struct arena *a;
	const char *about; /* of the check that runs */
	struct check_finding *v;
	size_t n, cap;
};

/* Runs all of them. What is found is in out, in the arena's memory; an error is that one could not look. */
int check_all(const struct engine *en, struct arena *a, struct checks *out, struct err *e) MUST_CHECK;

/* For the checks: a finding. The texts live as long as the arena; one that is NULL says that there was no memory. */
void check_add(struct checks *c, bool wrong, const char *where, const char *what, const char *advice);
#define check_text(c, ...) arena_printf((c)->a, __VA_ARGS__)

/* One row each in check.c's table, in a file of its own per subject. */
int check_kernel(const struct engine *en, struct checks *c, struct err *e) MUST_CHECK;   /* what networks need of the kernel and its programs */
int check_others(const struct engine *en, struct checks *c, struct err *e) MUST_CHECK;   /* other firewalls, forwarding */
int check_networks(const struct engine *en, struct checks *c, struct err *e) MUST_CHECK; /* our table, devices, routes, ports, names */
int check_containers(const struct engine *en, struct checks *c, struct err *e) MUST_CHECK; /* what runs, and cannot be reached */
int check_user(const struct engine *en, struct checks *c, struct err *e) MUST_CHECK;     /* what an ordinary user needs for his containers' networks */
int check_store(const struct engine *en, struct checks *c, struct err *e) MUST_CHECK;    /* the catalog, and what it says is in the store */

#endif
