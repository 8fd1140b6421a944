/* A bundle on its way to a container: what create, run and restore do alike (create.c). */
#ifndef TARE_CMD_OCI_LAUNCH_H
#define TARE_CMD_OCI_LAUNCH_H

#include "cmd/oci/oci.h"

struct launch;
/* Makes the container's process, l->p, of what is planned in l. When it fails nothing of it is left but the cgroup. */
typedef int (*launch_fn)(struct launch *l, struct err *e);

struct launch {
	const struct cli_call *call;
	const struct oci_create_opts *opts;
	launch_fn make;
	bool run;     /* its program runs at once or when we say so: no exec.fifo */
	bool detach;
	struct oci_container c;
	const struct oci_spec *spec;
	char *config; /* what spec was read from */
	size_t config_len;
	struct rt_unit unit;
	int bundle, console_socket, pidfd_socket, fifo;
	int notify_folder, notify;
	struct rt_process p;
};
#define LAUNCH_INIT(call_, opts_, make_)                                                                               \
	{                                                                                                              \
		.call = (call_), .opts = (opts_), .make = (make_), .c = OCI_CONTAINER_INIT, .bundle = -1,              \
		.console_socket = -1, .pidfd_socket = -1, .fifo = -1, .notify_folder = -1, .notify = -1,               \
		.p = RT_PROCESS_INIT                                                                                   \
	}
void launch_close(struct launch *l);
#define CLEANUP_LAUNCH CLEANUP(launch_close)

/* Reads and checks the bundle, takes the id, makes cgroup or unit and the process, writes the record, tells everybody who
 * asked. When it fails everything is undone, the id is free again. */
int launch_prepare(struct launch *l, struct err *e) MUST_CHECK;
/* Takes everything back. */
void launch_undo(struct launch *l);
/* Lets other commands at it. */
void launch_unlock(struct launch *l);
/* Stays with it to its end, and removes it then unless --keep says no: its exit code. */
int launch_stay(struct launch *l, struct err *e) MUST_CHECK;

#endif
