/* Containers that are stopped, killed, paused or removed by one command, at the same time, as docker does it: each takes its time, and most of that is
 * spent waiting for its end. Each has a process of its own, with a catalog of its own: a connection of SQLite's does not outlive a fork. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/tare/tare.h"
#include "sys/spawn.h"

#define MOST_AT_ONCE 50U
#define FAILED 1
#define UNTOLD 2

static int do_one(const struct engine *en, tare_each_fn fn, const char *what, const void *data)
{
	struct err e = { 0 };
	int r = fn(en, what, data, &e);

	if (r < 0)
		log_error("%s", e.msg);
	return r < 0 ? FAILED : r > 0 ? UNTOLD : 0;
}

/* fn NULL: only to see whether there is a store, and a right to it. */
static int process(const struct cli_call *call, tare_each_fn fn, const char *what, const void *data)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct err e = { 0 };

	if (tare_engine(call, &en, &e) == 0)
		return fn ? do_one(&en, fn, what, data) : UNTOLD;
	log_error("%s", e.msg);
	return FAILED;
}

static int begin(const struct cli_call *call, tare_each_fn fn, const char *what, const void *data)
{
	int pidfd;
	pid_t pid;

	(void)fflush(NULL);
	pid = spawn_fork(&pidfd);
	if (pid == 0)
		_exit(process(call, fn, what, data));
	if (pid < 0)
		log_error("%s: %s", what, strerror((int)-pid));
	return pid < 0 ? -1 : pidfd;
}

static int tell(int result, const char *what)
{
	if (result == 0)
		tare_say("%s", what);
	return result == FAILED ? FAILED : 0;
}

/* Why not, it has said itself. */
static int end(int pidfd, const char *what)
{
	int status, r = pidfd < 0 ? pidfd : spawn_wait(pidfd, -1, &status);

	close_fd(pidfd);
	return tell(r < 0 || !WIFEXITED(status) ? FAILED : WEXITSTATUS(status), what);
}

static int alone(const struct cli_call *call, tare_each_fn fn, const void *data, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : tell(do_one(&en, fn, call->args[0], data), call->args[0]);
}

int tare_at_once(const struct cli_call *call, tare_each_fn fn, const void *data, struct err *e)
{
	int pidfds[MOST_AT_ONCE], result = 0;
	size_t begun = 0, ended = 0;

	if (call->n_args == 1)
		return alone(call, fn, data, e);
	if (end(begin(call, NULL, "", NULL), "") != 0) /* said once; and not here, where an ordinary user would be in his namespace then */
		return FAILED;
	while (ended < call->n_args) {
		while (begun < call->n_args && begun - ended < MOST_AT_ONCE) {
			pidfds[begun % MOST_AT_ONCE] = begin(call, fn, call->args[begun], data);
			begun++;
		}
		result |= end(pidfds[ended % MOST_AT_ONCE], call->args[ended]);
		ended++;
	}
	return result;
}
