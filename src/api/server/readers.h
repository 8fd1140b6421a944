/* Processes that stay for a while: a few that keep the store open and answer short questions (routes that are `quick`), one after the other. A process of its
 * own for each would spend most of its time on being made and on opening the catalog (ADR 27).
 *
 * The front forks them, gives each a question and the connection it came by, and hears whether that may be used again. One that is at work is given nothing
 * more: who finds none free has his request served as any other. They end when the front lets go of them: idle, after so many questions, at other options. */
#ifndef TARE_API_SERVER_READERS_H
#define TARE_API_SERVER_READERS_H

#include <sys/resource.h>

#include "api/server/exchange_impl.h"
#include "base/loop.h"

#define READERS_MAX 2

/* Of the front: how a question ended. again: the connection may be used for another request; else it is to be closed, when the client has read. */
typedef void (*reader_done_fn)(void *data, bool again);

struct reader {
	struct readers *of;
	int channel, pidfd; /* -1: there is none */
	struct loop_source *source, *end;
	reader_done_fn done; /* NULL: it is idle */
	void *data;
	unsigned int served;
	bool stale;
	int64_t idle_since; /* clock_ms() */
};

struct readers {
	struct loop *loop;
	const struct rlimit *files;
	struct loop_source *timer;
	struct reader v[READERS_MAX];
};

/* files: how many they may have open (RLIMIT_NOFILE), for as long as there are readers. */
void readers_init(struct readers *rs, struct loop *loop, const struct rlimit *files);
/* ex: as the front has it, whose http, options and view are the front's own. False: none is free, nothing was begun. */
bool readers_give(struct readers *rs, const struct exchange *ex, reader_done_fn done, void *data);
/* Those that there are answer nothing more: the next question is for new ones. */
void readers_renew(struct readers *rs);
/* Ends them; nobody is told. */
void readers_close(struct readers *rs);

#endif
