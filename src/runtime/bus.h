/* A connection to a D-Bus message bus: the system's, or the user's own. One call at a time is waited for; what a call
 * needs to have happened before it (AddMatch) can be sent together with it. No program is started, no library loaded. */
#ifndef TARE_RUNTIME_BUS_H
#define TARE_RUNTIME_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dbus.h"

/* How long one answer may take. */
#define RT_BUS_TIMEOUT_MS 30000

/* Called for each signal that comes while an answer is waited for; m lives as long as the call. */
typedef void (*rt_bus_signal_fn)(const struct dbus_message *m, void *data);

struct rt_bus {
	int fd;
	uint32_t serial; /* of the last message made */
	struct strbuf out, in;
	size_t used; /* bytes of in that are done with */
	bool welcome; /* the handshake is over */
	rt_bus_signal_fn on_signal;
	void *data;
	char error_name[128]; /* of the last answer that was an error, else "" */
	int timeout_ms;
};
#define RT_BUS_INIT { .fd = -1, .out = STRBUF_INIT, .in = STRBUF_INIT }

/* Connects to $DBUS_SYSTEM_BUS_ADDRESS or /run/dbus/system_bus_socket; user: $DBUS_SESSION_BUS_ADDRESS or
 * $XDG_RUNTIME_DIR/bus. Of an address only unix:path= and unix:abstract= are understood. The handshake and Hello are
 * sent with the first call. ERR_UNAVAILABLE where there is no bus. */
int rt_bus_open(struct rt_bus *b, bool user, struct err *e) MUST_CHECK;
void rt_bus_close(struct rt_bus *b);
/* For tests: connections opened from now on wait only so long. */
void rt_bus_patience(int ms);
#define CLEANUP_BUS CLEANUP(rt_bus_close)

/* Begins a call; the caller puts the arguments and then either leaves it to be sent with the next one (rt_bus_queue) or
 * waits for its answer (rt_bus_call). Gives the call's serial. */
uint32_t rt_bus_begin(struct rt_bus *b, struct dbus_writer *w, const struct dbus_call *call);
int rt_bus_queue(struct dbus_writer *w, const char *what, struct err *e) MUST_CHECK;

/* Sends what was begun and waits for the answer to serial, which is valid until the next call. An answer that is an error
 * gives its text as e, its name in b->error_name. Errors of calls that were queued before are given too. */
int rt_bus_call(struct rt_bus *b, struct dbus_writer *w, uint32_t serial, struct dbus_message *reply,
		struct err *e) MUST_CHECK;

/* Reads signals until *done, for at most RT_BUS_TIMEOUT_MS; ERR_UNAVAILABLE then. */
int rt_bus_wait(struct rt_bus *b, const bool *done, const char *what, struct err *e) MUST_CHECK;

#endif
