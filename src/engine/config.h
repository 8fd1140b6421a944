/* What was asked for, as `inspect` shows it and later commands read it back: the JSON of a container's record.
 * {"Path","Args","Config":{…},"HostConfig":{…},"Mounts":[…],"Networks":[…],"Publish":[…],"Exposed":["80/tcp","7000-7009/udp"…],"Cgroup"}, members named as Docker's. */
#ifndef TARE_ENGINE_CONFIG_H
#define TARE_ENGINE_CONFIG_H

#include "base/strbuf.h"
#include "engine/policy.h"
#include "engine/spec.h"

/* A label that says whose a container is, where clients of a server are kept to their own (api/docker/own.c). An image has no say in it. */
#define CONFIG_OWNER_LABEL "tare.owner"

int config_write(const struct plan *p, const struct image_config *image, const char *container_dir, struct strbuf *out,
		 struct err *e) MUST_CHECK;

/* The configuration doc again, without the place in one network (NULL: none goes) and with another (NULL: none comes). */
void config_change_networks(const struct json *doc, const char *without, const struct ct_network *with, struct strbuf *out);

/* The same with p's limits, of those that `tare update` changes. */
int config_change_limits(const struct json *doc, const struct plan *p, struct strbuf *out, struct err *e) MUST_CHECK;

/* The same with another restart policy. */
void config_change_restart(const struct json *doc, const struct policy *restart, struct strbuf *out);

/* The same in another cgroup. */
void config_change_cgroup(const struct json *doc, const char *cgroup, struct strbuf *out);

/* The same with other published ports. */
void config_change_publish(const struct json *doc, struct strv publish, struct strbuf *out);

/* The same without the mounts at some places, and with those of a plan (its binds and tmpfs). */
void config_change_mounts(const struct json *doc, struct strv without, const struct plan *with, struct strbuf *out);
/* The description that was kept when the container was made, as it is after such changes: for a start. */
int config_apply_mounts(const struct json *doc, struct strbuf *description, struct err *e) MUST_CHECK;

struct ct_config {
	const struct json *doc; /* all of it */
	const char *stop_signal, *cgroup, *log_driver;
	const char *cgroups, *sdnotify; /* as options.h has them */
	int64_t stop_timeout; /* seconds, -1 = for ever */
	bool tty, open_stdin, stdin_once;
	struct policy restart;
	const struct json *labels;
};
int config_parse(struct arena *a, const char *text, struct ct_config *out, struct err *e) MUST_CHECK;
/* For a list of many: labels, cgroup, and of doc what is no member of Config and HostConfig, of these Healthcheck and NetworkMode. */
int config_skim(struct arena *a, const char *text, struct ct_config *out, struct err *e) MUST_CHECK;
/* Whether it has this as its CONFIG_OWNER_LABEL; one that cannot be read has none. */
bool config_is_of(struct arena *a, const char *text, const char *owner);
/* The cgroup alone, which stands near the beginning; NULL: there is none. */
const char *config_cgroup(struct arena *a, const char *text);

#endif
