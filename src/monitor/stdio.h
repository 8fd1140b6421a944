/* The ends of a container's standard streams. */
#ifndef TARE_MONITOR_STDIO_H
#define TARE_MONITOR_STDIO_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"

struct stdio {
	int container[3]; /* what the process gets; -1 = /dev/null */
	int in, out, err; /* ours, non-blocking; in is -1 without stdin */
	int feed, stage[2]; /* with a terminal */
};
#define STDIO_INIT                                                                                                     \
	{ .container = { -1, -1, -1 }, .in = -1, .out = -1, .err = -1, .feed = -1, .stage = { -1, -1 } }

void stdio_close(struct stdio *s);
#define CLEANUP_STDIO CLEANUP(stdio_close)
/* Closes what belongs to the container. */
void stdio_close_container(struct stdio *s);

/* The ids on the host of the user that process runs as. */
void stdio_owner(const struct oci_spec *spec, const struct oci_process *process, uid_t *uid, gid_t *gid);

/* FIFOs stdout, stderr and, with want_stdin, stdin in the folder, made anew. The container's side of the output is
 * O_RDWR: with no monitor alive the container neither gets SIGPIPE nor loses what is in the pipe. */
int stdio_make_fifos(int state_dir, bool want_stdin, uid_t uid, gid_t gid, struct stdio *s, struct err *e) MUST_CHECK;
/* Our side of the FIFOs of a running container. */
int stdio_open_fifos(int state_dir, bool want_stdin, struct stdio *s, struct err *e) MUST_CHECK;
void stdio_remove_fifos(int state_dir);

/* Pipes, for a process that nobody takes over. */
int stdio_make_pipes(bool want_stdin, uid_t uid, gid_t gid, struct stdio *s, struct err *e) MUST_CHECK;

/* Our side of a terminal (monitor/stream.h): out is a pipe with the write end `feed`, stage the pipe before it, in a
 * second descriptor of the pty. */
int stdio_take_console(int console, struct stdio *s, struct err *e) MUST_CHECK;

#endif
