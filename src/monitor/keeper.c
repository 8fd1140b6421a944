/* Everything a worker reads from the outside could have a bug in its way; nothing of it reaches this process, whose
 * only inputs are two pidfds and single bytes from its own worker. When the container ends it publishes the status in
 * the progress page before it reaps, so whichever half is killed at that moment, the other finds the status there or
 * with the kernel. Then it stays until a worker has done the rest and exits with 0, or until trying again helps nobody:
 * many workers died early, or one died and the state folder is gone, and with it everybody who could read the result.
 *
 * Of a container that is a service (systemd's) the keeper is the main process: its exit code is the container's, and the signals by which a
 * service is ended mean `tare stop` of the container, which the worker executes.
 *
 * A keeper that took over a container (adopt) is the same, but not the parent: ending_publish() sees to that. */
#include "monitor/keeper.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "monitor/crew.h"
#include "monitor/ending.h"
#include "monitor/link.h"
#include "monitor/progress.h"
#include "sys/sock.h"
#include "sys/spawn.h"

/* A worker that lived shorter than this died early. */
#define EARLY_MS 1000
/* The pause before the next one doubles with each early death, up to this. */
#define PAUSE_MIN_MS 10
#define PAUSE_MAX_MS 1000
/* Early deaths after the container's end until the rest is left to the engine. */
#define GIVE_UP 12

struct keeper {
	struct crew crew;
	const char *id;
	int link, worker;  /* -1: none */
	int signals;       /* of a service; -1 */
	int code;          /* the container's */
	int64_t worker_since, next_worker; /* ms */
	unsigned int early_deaths;
	bool exited, stopping;
};

static void plan_next(struct keeper *k)
{
	int64_t pause = PAUSE_MIN_MS;

	if (clock_ms() - k->worker_since >= EARLY_MS)
		k->early_deaths = 0;
	else
		k->early_deaths++;
	for (unsigned int i = 1; i < k->early_deaths && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	if (!k->early_deaths)
		pause = 0;
	k->next_worker = clock_ms() + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

/* Each worker is told: one before it may have been killed just then. */
static void pass_stop(struct keeper *k)
{
	const char byte = LINK_STOP;

	if (k->stopping && !k->exited && k->link >= 0)
		(void)send(k->link, &byte, 1, MSG_NOSIGNAL);
}

static void signalled(struct keeper *k)
{
	struct signalfd_siginfo info;

	if (read(k->signals, &info, sizeof(info)) != (ssize_t)sizeof(info) || k->stopping)
		return;
	k->stopping = true;
	pass_stop(k);
}

static void start_worker(struct keeper *k)
{
	CLEANUP_FD int theirs = -1;
	int ends[2];
	pid_t pid;

	k->worker_since = clock_ms();
	if (sock_pair(SOCK_STREAM | SOCK_NONBLOCK, ends) < 0) {
		plan_next(k);
		return;
	}
	k->link = ends[0];
	theirs = ends[1];
	if (crew_spawn_worker(&k->crew, k->id, theirs, &pid, &k->worker) < 0) {
		k->link = close_fd(k->link);
		k->worker = -1;
		plan_next(k);
	}
	pass_stop(k);
}

/* Gives true when the worker has finished everything, or no other need try. */
static bool worker_ended(struct keeper *k)
{
	int status = -1;
	bool done = spawn_wait(k->worker, 0, &status) == 0 && status == 0;

	k->worker = close_fd(k->worker);
	k->link = close_fd(k->link);
	if (done && k->exited)
		return true;
	plan_next(k);
	return k->exited && (k->early_deaths > GIVE_UP || crew_forgotten());
}

static void container_ended(struct keeper *k)
{
	const char byte = LINK_EXITED;
	struct progress *p;

	k->exited = true;
	if (progress_map(CREW_PROGRESS, &p) == 0) {
		ending_publish(CREW_PIDFD, p);
		k->code = progress_get(p->exit) == PROGRESS_EXITED ? proc_exit_code(p->status) : 255;
		progress_unmap(p);
	}
	if (k->link >= 0)
		(void)send(k->link, &byte, 1, MSG_NOSIGNAL);
}

static void link_ready(struct keeper *k)
{
	char byte;

	while (recv(k->link, &byte, 1, 0) == 1)
		if (byte == LINK_CLOSE_STDIN)
			crew_close(&k->crew, CREW_IN);
}

/* Until the next event, or the next worker is due. */
static int wait_for(struct keeper *k, struct pollfd p[4])
{
	int64_t left = k->worker < 0 ? k->next_worker - clock_ms() : -1;

	p[0] = (struct pollfd){ .fd = k->exited ? -1 : CREW_PIDFD, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = k->link, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = k->worker, .events = POLLIN };
	p[3] = (struct pollfd){ .fd = k->signals, .events = POLLIN };
	if (k->worker < 0 && left < 0)
		left = 0;
	return poll(p, 4, (int)left);
}

static int keep(struct keeper *k, bool service)
{
	struct pollfd p[4];

	crew_inherit(&k->crew, CREW_END - 1, 0);
	crew_quiet();
	if (service)
		k->signals = crew_service_signals();
	/* taken over when it had ended already: there is no pidfd, the end is published */
	k->exited = !crew_has(&k->crew, CREW_PIDFD);
	for (;;) {
		if (k->worker < 0 && clock_ms() >= k->next_worker)
			start_worker(k);
		if (wait_for(k, p) <= 0)
			continue;
		if (p[1].revents & POLLIN)
			link_ready(k);
		if (p[3].revents)
			signalled(k);
		if (p[0].revents)
			container_ended(k);
		if (p[2].revents && worker_ended(k))
			return k->code;
	}
}

int keeper_main(const char *id)
{
	struct keeper k = { .id = id, .link = -1, .worker = -1, .signals = -1 };

	(void)keep(&k, false);
	return 0;
}

int keeper_service_main(const char *id)
{
	struct keeper k = { .id = id, .link = -1, .worker = -1, .signals = -1 };

	return keep(&k, true);
}
