/* daemon.json: a server's settings, named and shaped as Docker's own file of that name has them, so that one that is there can be read as it is.
 *
 * Each key has its row in a table (daemon_json.c) that says what becomes of it: it is honoured; or what it asks for is so anyway, and it is harmless;
 * or it is not done, which is worth a warning; or it cannot be done, and the server does not start, since somebody relies on it. A key that has no
 * row is an error, as with dockerd: one that is misspelled would silently mean nothing. */
#ifndef TARE_API_SERVER_DAEMON_JSON_H
#define TARE_API_SERVER_DAEMON_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "api/server/authorize.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/options.h"
#include "engine/settings.h"
#include "engine/surroundings.h"

#define DAEMON_JSON "/etc/tare/daemon.json"

/* NULL, empty and false: the file does not say so. */
struct daemon_json {
	/* of the server */
	const char *root, *state, *group;
	struct strv hosts;
	bool tls, tls_verify;
	const char *tls_ca, *tls_cert, *tls_key;
	struct authorize_rules authorize;
	const char *log_level; /* "debug", "info", "warning", "error" */
	struct strv labels;    /* of the machine, for /info */
	const char *http_proxy, *https_proxy, *no_proxy; /* for registries */
	/* of the engine: struct engine's `around` */
	struct surroundings around;
	/* of containers: daemon_json_defaults() */
	struct settings settings;
	bool init, no_new_privileges, remap;
	const char *cgroup_parent, *cgroupns, *ipc, *seccomp;
};

/* Reads the file: *doc is what it says (NULL: it is not there, or empty), all in a. must: it has to be there. Warnings go to the log. ERR_INVALID,
 * ERR_UNSUPPORTED: the message has the file and the key. */
int daemon_json_read(struct arena *a, const char *path, bool must, const struct json **doc, struct err *e) MUST_CHECK;

/* What a document that was read says; doc NULL: nothing. */
int daemon_json_take(struct arena *a, const struct json *doc, struct daemon_json *out, struct err *e) MUST_CHECK;

/* A key that the command line has something of, too: ERR_INVALID, as with dockerd, since nobody knows which one was meant. text: what the
 * command line says; NULL: nothing, and that is fine. */
int daemon_json_conflict(const struct json *doc, const char *key, const char *text, struct err *e) MUST_CHECK;

/* Fills in what opt, of a container that is going to be made, leaves open. */
int daemon_json_defaults(const struct daemon_json *d, struct arena *a, struct ct_options *opt, struct err *e) MUST_CHECK;

#endif
