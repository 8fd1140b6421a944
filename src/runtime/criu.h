/* A conversation with CRIU, the program that checkpoints and restores process trees: "criu swrk FD" is started with one
 * end of a socket and serves one dump or restore over it (wire/criu.h). Private to runtime/. */
#ifndef TARE_RUNTIME_CRIU_H
#define TARE_RUNTIME_CRIU_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"
#include "sys/spawn.h"
#include "wire/criu.h"

#define RT_DESCRIPTORS "descriptors.json"
#define CRIU_FIRST_FD 4 /* what spawn_args' fds may use: below are stdio and the socket */

struct criu {
	const char *program;
	pid_t pid;
	int pidfd, sock;
	unsigned int version; /* 31701 = 3.17.1 */
};
#define CRIU_INIT { .pid = -1, .pidfd = -1, .sock = -1 }

/* Starts `program` (a path, or a name in PATH) with stdio, more descriptors (from CRIU_FIRST_FD on), cgroup and mount
 * namespace as `how` says (path, argv are filled in here), and asks for its version: ERR_UNSUPPORTED below 3.16. */
int criu_start(struct criu *c, const char *program, struct spawn_args *how, struct err *e) MUST_CHECK;
/* Kills it if it still runs, reaps it. */
void criu_stop(struct criu *c);
#define CLEANUP_CRIU CLEANUP(criu_stop)

/* ERR_UNSUPPORTED when the kernel or CRIU lacks what is asked for. */
int criu_require(struct criu *c, bool mem_track, bool lazy_pages, struct err *e) MUST_CHECK;
/* ERR_UNSUPPORTED, naming `what`, when it is older than MAJOR * 10000 + MINOR * 100. */
int criu_require_version(const struct criu *c, unsigned int version, const char *what, struct err *e) MUST_CHECK;

/* What CRIU tells while it works. fd: came with it, owned by the callee; -1 = none. A failure ends the work. */
typedef int (*criu_notify)(const struct criu_response *n, int fd, void *arg, struct err *e);

/* Sends a request and serves its notifications until it is answered, and CRIU has ended. A failure carries what
 * CRIU's log, log_dir/log_file, says of it; the message calls the folder log_folder. */
struct criu_job {
	const struct criu_request *request;
	criu_notify notify; /* NULL: nothing is to be done about any */
	void *arg;
	int log_dir;
	const char *log_file, *log_folder;
};
int criu_work(struct criu *c, const struct criu_job *job, struct criu_response *out, struct err *e) MUST_CHECK;

/* ---- criu_plan.c: what dump and restore say alike ---- */

/* The configuration file CRIU is to read on top of the request: of the annotation org.criu.config ("" = none), else
 * /etc/criu/runc.conf or crun.conf where there is one. *out NULL = none. ERR_NOTFOUND for one that is named and missing. */
int criu_config_file(const struct oci_kv *annotations, size_t n, const char **out, struct err *e) MUST_CHECK;

/* What CRIU has no way to restore. */
int criu_check_spec(const struct oci_spec *spec, struct err *e) MUST_CHECK;

/* For a dump, where CRIU is to find the cgroups: a folder made in `state`, to be given to criu_yard_remove(). *out NULL
 * where it may mount them itself. It may not on pure v2: it does so without the options that v2 is mounted with, which are
 * one for all mounts, and nsdelegate would be gone from the whole machine. Lives in a. (At restore it is looked up from
 * within the container, where a link is no good: stage.h.) */
#define CRIU_YARD_V2 "unified"
int criu_yard_make(struct arena *a, const char *state, const char **out, struct err *e) MUST_CHECK;
void criu_yard_remove(const char *yard);

/* A list that grows in an arena. */
struct criu_list {
	struct arena *arena;
	struct criu_pair *v;
	size_t n, cap;
};
int criu_add(struct criu_list *l, const char *key, const char *value, struct err *e) MUST_CHECK;

/* Where a file below root (a container's) really lies, links followed, as the mount namespace of root names it. NULL when
 * there is none. */
const char *criu_resolve(struct arena *a, int root, const char *path);
const char *criu_path_of(struct arena *a, int fd);

/* The mounts that come from outside, for a dump's ext_mnt: where each lies in the container with this init and root, and
 * the name it gets in the image. */
int criu_mounts(struct criu_list *l, const struct oci_spec *spec, pid_t pid, int root, struct err *e) MUST_CHECK;

#endif
