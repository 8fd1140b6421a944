/* What an OCI runtime remembers of a container between two commands: ROOT/ID/state.json, in the form that readers of
 * runc's know (id, init_process_pid, init_process_start, created, config, cgroup_paths, namespace_paths), and what
 * status the container has. tare's engine keeps its own state; this is for callers that speak runc's command line. */
#ifndef TARE_RUNTIME_RECORD_H
#define TARE_RUNTIME_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"

#define RT_EXEC_FIFO "exec.fifo"

enum rt_status {
	RT_CREATING, /* create is at work (or was, and died: then its lock is free) */
	RT_CREATED,
	RT_RUNNING,
	RT_PAUSED,
	RT_STOPPED
};
const char *rt_status_name(enum rt_status s);

/* A device that a container was given while it ran. */
struct rt_added_device {
	struct oci_device node; /* its path in the container */
	const char *access;	/* "rwm" */
};

struct rt_record {
	const char *id;
	pid_t pid; /* 0 while creating */
	uint64_t start_time;
	const char *created; /* RFC 3339 */
	const char *oci_version, *bundle, *rootfs;
	const char *cgroup; /* absolute cgroup path, NULL = none */
	const char *unit;   /* the systemd unit whose cgroup that is, NULL = none */
	bool unit_user;	    /* of the user's systemd */
	uint64_t below;	    /* rt_host_root_below()'s */
	const char *rdt;    /* its own resctrl group, NULL = none */
	const struct oci_kv *annotations;
	size_t n_annotations;
	bool own_pid_ns; /* killing init ends them all */
	bool poststop;	 /* there are poststop hooks to run */
	const struct rt_added_device *devices;
	size_t n_devices;
	bool has_device_rules; /* an update replaced those of the specification by these */
	const struct cg_device_rule *device_rules;
	size_t n_device_rules;
	const char *stdio[3]; /* what its 0-2 were when it was made, "pipe:[123]"; NULL = not known */
	uint64_t code; /* where init's program begins in memory until it is started; 0 = not known */
};

/* The folder of one container. */
struct rt_record_dir {
	int root, dir;
	int lock; /* -1: not locked */
	char id[NAME_MAX + 1];
};
#define RT_RECORD_DIR_INIT { .root = -1, .dir = -1, .lock = -1 }
void rt_record_close(struct rt_record_dir *d); /* unlocks */
#define CLEANUP_RECORD_DIR CLEANUP(rt_record_close)

/* Letters, digits and _+-. in any order, but not "." or "..", at most NAME_MAX. */
bool rt_id_valid(const char *id);

/* Makes ROOT (mode 0711, with its parents) and ROOT/ID, locked. What a create that was killed left behind under this
 * id is given too: *leftover then tells (and its record, if any, can be loaded). ERR_INVALID for a bad id,
 * ERR_CONFLICT when the container exists. */
int rt_record_create(const char *root, const char *id, struct rt_record_dir *out, bool *leftover, struct err *e) MUST_CHECK;

/* Opens ROOT/ID; ERR_NOTFOUND "container does not exist". */
int rt_record_open(const char *root, const char *id, struct rt_record_dir *out, struct err *e) MUST_CHECK;

/* Locks it against other commands (a POSIX record lock: gone with this process, not inherited by the container's).
 * Waits; ERR_NOTFOUND when it was deleted meanwhile. A locked one is left alone. */
int rt_record_lock(struct rt_record_dir *d, struct err *e) MUST_CHECK;

/* state.json, replaced by rename. spec: the container's, for what readers find under "config". */
int rt_record_write(const struct rt_record_dir *d, const struct rt_record *rec, const struct oci_spec *spec,
		    struct err *e) MUST_CHECK;
/* The configuration as it was when the container was made: what becomes of the bundle's changes nothing any more
 * (runtime-spec, runtime.md "Lifecycle", step 2). */
int rt_record_keep_config(const struct rt_record_dir *d, const char *text, size_t len, struct err *e) MUST_CHECK;
/* Reads it again, for the container id below root. ERR_NOTFOUND when it was made before configurations were kept. */
int rt_record_config(struct arena *a, const char *root, const char *id, const struct oci_spec **out, struct err *e) MUST_CHECK;

/* ERR_NOTFOUND "container does not exist" without a state.json. */
int rt_record_load(struct arena *a, const struct rt_record_dir *d, struct rt_record *out, struct err *e) MUST_CHECK;

/* record_devices.c: the devices of a record as members of the open JSON object, and back. */
void rt_record_write_devices(struct json_writer *w, const struct rt_record *rec);
void rt_record_write_device_rules(struct json_writer *w, const struct rt_record *rec);
int rt_record_read_devices(struct arena *a, const struct json *own, struct rt_record *out, struct err *e) MUST_CHECK;
/* Notes what our own descriptors 0-2 are, which the container gets, in a. */
void rt_record_note_stdio(struct arena *a, struct rt_record *rec);

/* Asks the kernel: pid and start time, freezer; created while exec.fifo is there and init has not executed its program
 * (a start that is killed leaves the fifo). */
int rt_record_status(const struct rt_record_dir *d, const struct rt_record *rec, enum rt_status *out,
		     struct err *e) MUST_CHECK;

/* Both for the container id below the open folder root, with the uid that it belongs to, for who looks at many: nothing is
 * kept open. ERR_NOTFOUND when it is gone, or not there yet. */
int rt_record_look(struct arena *a, int root, const char *id, struct rt_record *out, enum rt_status *status, uid_t *owner,
		   struct err *e) MUST_CHECK;

/* Removes ROOT/ID, which is locked by the caller. A creator may have the folder again before this returns. */
int rt_record_remove(struct rt_record_dir *d, struct err *e) MUST_CHECK;

#endif
