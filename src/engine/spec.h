/* From what a user asked for and an image's configuration to the description a monitor runs (docs/formats.md), with
 * Docker's semantics where its users expect them and the defaults of docs/security.md.
 *
 *	spec_plan()       judges every option; nothing is made yet
 *	spec_user()       looks the user up in the root file system
 *	spec_describe()   writes the description, once the container's folders and id range are known */
#ifndef TARE_ENGINE_SPEC_H
#define TARE_ENGINE_SPEC_H

#include "base/strbuf.h"
#include "engine/engine.h"
#include "engine/spec_plan.h"

#define SPEC_CGROUP_PARENT "/tare"
/* Where the monitors of all containers live: outside of every container's limits, and of whoever starts one. No id
 * has this name. */
#define SPEC_MONITOR_CGROUP SPEC_CGROUP_PARENT "/monitor"

/* p->a, p->opt, p->id and p->rootless are set by the caller, the rest is zero. image: NULL with --rootfs. max_id: the highest uid or
 * gid in the image. */
int spec_plan(struct plan *p, const struct image_config *image, uint32_t max_id, struct err *e) MUST_CHECK;

/* The texts of the container's passwd and group files, NULL where it has none. */
int spec_user(struct plan *p, const char *passwd, const char *group, struct err *e) MUST_CHECK;

/* The cgroup it will have; NULL: none (an ordinary user's). */
const char *spec_cgroup(const struct plan *p);

struct spec_place {
	const char *name;                      /* the container's */
	const char *container_dir, *state_dir; /* absolute */
	const char *const *lowers;             /* absolute, topmost first; NULL with --rootfs */
	size_t n_lowers;
	const char *const *exited; /* argv, NULL-terminated */
	const char *init_program;  /* tare-init's path, with --init */
};
/* attach: FRAME_WANT_* of the client that starts it. */
int spec_describe(const struct plan *p, const struct spec_place *place, unsigned int attach, struct strbuf *out,
		  struct err *e) MUST_CHECK;

/* A description with another `attach` (a kept one is started again). */
int spec_reattach(const char *description, size_t len, unsigned int attach, struct strbuf *out, struct err *e) MUST_CHECK;

/* Parts of an OCI process, for exec too. Every capability that is ours to give: what --privileged gives. */
uint64_t spec_all_caps(void);
void spec_write_caps(uint64_t caps, uint32_t uid, struct json_writer *w);
void spec_write_user(uint32_t uid, uint32_t gid, const uint32_t *groups, size_t n_groups, struct json_writer *w);

#endif
