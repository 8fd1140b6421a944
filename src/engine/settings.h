/* What somebody wants of all his containers and builds where the command line says nothing.
 *
 * config.json is read from $XDG_CONFIG_HOME/tare (else ~/.config/tare) of an ordinary user, then from /etc/tare; $TARE_CONFIG names one file
 * instead, and then nothing else is read. Of each key the first file that has it counts. An object with these members, named and shaped as in
 * Docker's daemon.json where that has them:
 *
 *   "log-driver": NAME, "log-opts": {NAME: VALUE}     these two go together: the file that has one of them says both
 *   "default-ulimits": {NAME: {"Soft": N, "Hard": N}} as --ulimit; of a name that the command line has nothing is taken
 *   "default-pids-limit": N, "default-shm-size": SIZE
 *   "dns": [IP], "dns-search": [DOMAIN], "dns-opts": [OPTION]
 *   "cdi-spec-dirs": [FOLDER]                          instead of /etc/cdi and /var/run/cdi
 *   "proxies": {"default": {"httpProxy", "httpsProxy", "ftpProxy", "noProxy", "allProxy": TEXT}}
 *
 * Any other key is an error: one that is misspelled would silently mean nothing. The proxies are also read from Docker's own config.json
 * ($DOCKER_CONFIG, else ~/.docker), where none of the files above has any; what else is looked at there: settings_of_client(). */
#ifndef TARE_ENGINE_SETTINGS_H
#define TARE_ENGINE_SETTINGS_H

#include "base/arena.h"
#include "base/err.h"
#include "engine/options.h"

struct settings {
	const char *log_driver, *shm_size; /* NULL: not said */
	struct strv log_opts;              /* NAME=VALUE */
	struct strv ulimits;               /* NAME=SOFT:HARD */
	struct strv dns, dns_search, dns_option;
	struct strv device_folders;
	const int64_t *pids_limit;
	struct strv proxies; /* HTTP_PROXY=URL and http_proxy=URL, as an environment has them */
};

/* Everything in a. ERR_INVALID, ERR_UNSUPPORTED: the message has the file and the key. A file of Docker's that cannot be read is warned of. */
int settings_read(struct arena *a, bool ordinary, struct settings *out, struct err *e) MUST_CHECK;

/* The same out of a document of Docker's daemon.json, whose other keys are passed over, as are default-pids-limit and proxies, which mean
 * something else or nothing there. Judged like the above; the message has the key. */
int settings_take(struct arena *a, const struct json *doc, struct settings *out, struct err *e) MUST_CHECK;

/* What Docker's client has in its own config.json ($DOCKER_CONFIG, else ~/.docker) under that key, a text ("psFormat", "detachKeys"); NULL: nothing, or
 * TARE_CONFIG names the one file that is read. A file that cannot be read is warned of, as Docker's client does. */
const char *settings_of_client(struct arena *a, const char *key);

/* Fills in what opt leaves open, for a container, or for a step of a build (which has no log, and whose proxies are build arguments).
 * ordinary: an ordinary user's, whose containers have no cgroup that could limit processes. */
int settings_container(const struct settings *s, struct arena *a, bool ordinary, struct ct_options *opt, struct err *e) MUST_CHECK;
int settings_step(const struct settings *s, struct arena *a, bool ordinary, struct ct_options *opt, struct err *e) MUST_CHECK;

#endif
