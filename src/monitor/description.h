/* The description of what a monitor is to run (docs/formats.md): read from a descriptor, checked, and reduced to the
 * settings its halves live on. */
#ifndef TARE_MONITOR_DESCRIPTION_H
#define TARE_MONITOR_DESCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "net/link.h"
#include "net/usernet.h"
#include "oci/spec.h"
#include "runtime/runtime.h"

/* A process whose namespaces the container joins instead of having new ones. */
struct description_join {
	const char *container; /* for messages */
	pid_t pid;
	uint64_t start_time;
	bool ns[OCI_NS_COUNT];
};

enum log_driver { LOG_DRIVER_NONE, LOG_DRIVER_JSON, LOG_DRIVER_K8S, LOG_DRIVER_JOURNAL };

struct description_log {
	enum log_driver driver;
	uint64_t buffer; /* bytes that wait for the log while the container goes on; 0: the container waits */
	/* of files */
	const char *path;
	uint64_t max_size; /* 0 = never rotate */
	uint32_t max_file;
	const char *compress; /* the program by which files that are done are compressed (tare internal compress); NULL: none are */
	const struct json *attrs; /* of json-file: what each record carries; NULL: nothing */
	/* of the journal */
	const char *socket;
	const struct json *fields; /* an object of texts */
};

/* How its health is checked; which command: containerDir/config.json. All in ns. */
struct description_health {
	int64_t interval, timeout, start_period, start_interval;
	int64_t retries;
};

/* A service manager that waits to hear from the container (sd_notify(3)). */
enum notify_mode {
	NOTIFY_NONE,
	NOTIFY_CONTAINER, /* its own words */
	NOTIFY_CONMON,    /* ready when it runs */
	NOTIFY_HEALTHY    /* ready when its health check says so */
};

struct description_notify {
	enum notify_mode mode;
	const char *socket;   /* the manager's: NOTIFY_SOCKET */
	const char *watchdog; /* WATCHDOG_USEC of the container; NULL: none */
	pid_t sender;         /* who the manager takes for the main process until it hears of us */
};

/* What the container's process gets beside its streams (runtime.h, rt_pass): descriptors from MONITOR_PASSED_FD on. */
#define DESCRIPTION_PASS_MAX 256U
struct description_pass {
	uint32_t n, listen;
	const char *names;
};

struct description {
	const char *id;
	const char *container_dir, *state_dir;
	const char *exec_id; /* of an exec, else NULL */
	bool keep;           /* of an exec: its end stays written down, and whoever else wants its streams finds a socket */
	bool tty, open_stdin, stdin_once;
	uint32_t attach; /* FRAME_WANT_* */
	struct description_log log;
	const char *cgroup;         /* of the container; NULL: none */
	const char *monitor_cgroup; /* where monitors live, many in one; NULL: wherever they are started */
	const char *const *exited;  /* argv; NULL: nothing to execute */
	/* of one that is in a network: where the healer's socket is, and what starts it; else NULL */
	const char *healer_folder;
	const char *const *healer;
	bool has_health;
	struct description_health health;
	struct description_notify notify;
	bool service;               /* a service manager's signals to the keeper are for the container; so it is with notify */
	bool poststop;              /* the specification has poststop hooks */
	/* not part of the settings: */
	struct rt_rootfs rootfs;
	const struct oci_spec *spec;
	const struct oci_process *process; /* of an exec */
	const struct json *event;          /* of an exec: what is told of its end, beside that (wire/event.h); NULL: nothing is */
	const struct net_link *links;      /* into its networks */
	size_t n_links;
	struct description_pass pass;
	const struct description_join *joins;
	size_t n_joins;
	const char *const *connect;        /* argv, executed with the network namespace as stdin; NULL: nothing */
	const struct net_usernet *usernet; /* an ordinary user's network; NULL: none */
	const char *names; /* folder of tare-netd's socket; NULL: it has no names */
};

enum description_kind {
	DESCRIPTION_CONTAINER, /* `run` and `adopt` */
	DESCRIPTION_EXEC,
	DESCRIPTION_SETTINGS /* what description_settings() wrote */
};

/* Reads all of fd (from offset 0, which is not moved) into a. */
int description_read(struct arena *a, int fd, enum description_kind kind, struct description *out,
		     struct err *e) MUST_CHECK;

/* A sealed memfd with the members a keeper and a worker need. */
int description_settings(const struct description *d, struct err *e) MUST_CHECK;

/* The specification again, from containerDir/config.json: at the end, for the poststop hooks. */
int description_reload_spec(struct arena *a, const struct description *d, const struct oci_spec **out,
			    struct err *e) MUST_CHECK;

#endif
