/* sd_notify(3) from inside of a container: what tare-oci and tare-monitor share. Which messages are passed on is theirs to say. */
#ifndef TARE_RUNTIME_NOTIFY_H
#define TARE_RUNTIME_NOTIFY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"

/* The container's own socket, in a folder of the container's live state. */
#define RT_NOTIFY_FOLDER "notify"
#define RT_NOTIFY_SOCKET "notify.sock"

/* Makes the folder below dir, for everybody to look into, and gives an O_PATH descriptor of it. */
int rt_notify_folder(int dir, struct err *e) MUST_CHECK;
/* *spec becomes one (in a) that mounts the folder read-only on /run/notify. */
int rt_notify_mount(struct arena *a, const struct oci_spec **spec, int folder, struct err *e) MUST_CHECK;
/* *spec becomes one (in a) whose process has a variable ("NAME=value", borrowed) instead of any other of this name; NULL: that for
 * the container's socket. */
int rt_notify_variable(struct arena *a, const struct oci_spec **spec, const char *variable, struct err *e) MUST_CHECK;

/* A datagram socket that is connected to the manager's address, a NOTIFY_SOCKET. */
int rt_notify_connect(const char *address, struct err *e) MUST_CHECK;
/* Waits until the manager has handled what was sent before (sd_notify_barrier(3)), at most so long; then it warns and goes on. */
int rt_notify_barrier(int to, int ms, struct err *e) MUST_CHECK;

#endif
