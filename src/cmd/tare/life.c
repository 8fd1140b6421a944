/* start stop restart kill wait rm rename pause unpause */
#include "cmd/tare/tare.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/tare/session.h"
#include "engine/config.h"
#include "engine/links.h"
#include "engine/revive.h"
#include "engine/settle.h"
#include "engine/wait.h"
#include "oci/signals.h"

const struct cli_option start_options[] = {
	{ "attach", 'a', NULL, CLI_FLAG, "stay and show its output", offsetof(struct start_opts, attach) },
	{ "interactive", 'i', NULL, CLI_FLAG, "stay and send it our input", offsetof(struct start_opts, interactive) },
	{ "detach-keys", 0, "KEYS", CLI_STR, "keys that leave it running (default ctrl-p,ctrl-q)",
	  offsetof(struct start_opts, detach_keys) },
	{ "all-enabled", 0, NULL, CLI_FLAG, "after the machine started: those that their restart policy wants", offsetof(struct start_opts, all_enabled) },
	{ "checkpoint", 0, "NAME", CLI_UNSUPPORTED },
	{ "checkpoint-dir", 0, "DIR", CLI_UNSUPPORTED },
	{ 0 }
};

#define STOP_OPTIONS                                                                                                   \
	{ "time", 't', "SECONDS", CLI_I64, "wait that long before KILL (-1: for ever)", offsetof(struct stop_opts, timeout) },  \
		{ "timeout", 0, "SECONDS", CLI_I64, "the same", offsetof(struct stop_opts, timeout) },                         \
		{ "signal", 's', "SIGNAL", CLI_STR, "send this one instead of its stop signal", offsetof(struct stop_opts, signal) }

const struct cli_option stop_options[] = {
	STOP_OPTIONS,
	{ "for-shutdown", 0, NULL, CLI_FLAG, "as the machine goes down: all that run; restart policies start them after that",
	  offsetof(struct stop_opts, for_shutdown) },
	{ 0 }
};

const struct cli_option restart_options[] = { STOP_OPTIONS, { 0 } };
const struct stop_opts stop_defaults = { .timeout = INT64_MIN };

const struct cli_option kill_options[] = {
	{ "signal", 's', "SIGNAL", CLI_STR, "which signal (default KILL)", offsetof(struct stop_opts, signal) },
	{ 0 }
};

const struct cli_option wait_options[] = {
	{ "condition", 0, "not-running|next-exit|removed", CLI_STR, "what is waited for (default not-running)", offsetof(struct wait_opts, condition),
	  .choices = "not-running|next-exit|removed" },
	{ 0 }
};

const struct cli_option rm_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "kill it first when it runs", offsetof(struct rm_opts, force) },
	{ "volumes", 'v', NULL, CLI_FLAG, "also its volumes without a name, unless another container has them", offsetof(struct rm_opts, volumes) },
	{ "link", 'l', NULL, CLI_FLAG, "take a link away: CONTAINER/ALIAS, as inspect shows it", offsetof(struct rm_opts, link) },
	{ 0 }
};

/* ---- start ---- */

static int start_detached(const struct engine *en, const char *what, const void *data, struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	int r = container_start(en, what, 0, data, &c, e);

	if (r == 0)
		tare_say("%s", what);
	return r;
}

static int start_attached(const struct engine *en, const struct start_opts *o, const struct service *service, const char *what, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	unsigned int want = FRAME_WANT_SETTLE | FRAME_WANT_STDOUT | FRAME_WANT_STDERR | (o->interactive ? FRAME_WANT_STDIN : 0);
	struct session s = { .client = &c, .stdin_open = o->interactive, .sig_proxy = true, .settles = true,
			     .detach_keys = o->detach_keys };
	struct ct_config config;
	struct record rec;
	int r = record_find(en->catalog, &a, what, &rec, e);

	if (r == 0)
		r = config_parse(&a, rec.config, &config, e);
	if (r == 0)
		r = session_check_keys(o->detach_keys, e);
	if (r == 0)
		r = session_check_tty(config.tty, o->interactive, "the container has a terminal, and wants one: -a without -i only shows its output", e);
	if (r < 0)
		return r;
	session_block_signals();
	r = container_start(en, rec.id, want, service, &c, e);
	service_close(service);
	if (r < 0)
		return r;
	if (c.fd < 0) { /* it runs already: somebody else's client settles its end */
		s.settles = false;
		s.stdin_open = o->interactive && config.open_stdin;
		want = FRAME_WANT_STDOUT | FRAME_WANT_STDERR | (s.stdin_open ? FRAME_WANT_STDIN : 0);
		r = container_attach(en, rec.id, (unsigned char)want, &c, e);
		if (r < 0)
			return r;
	}
	s.tty = config.tty;
	return session_stay(en, rec.id, &s, e);
}

int cmd_start(const struct cli_call *call, struct err *e)
{
	const struct start_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct service service;
	int r;

	if ((o->attach || o->interactive) && call->n_args > 1)
		return err_set(e, ERR_INVALID, "-a and -i stay with one container: name one");
	if (o->all_enabled && (call->n_args || o->attach || o->interactive))
		return err_set(e, ERR_INVALID, "--all-enabled goes alone: it starts what restart policies want");
	if (!o->all_enabled && !call->n_args)
		return err_set(e, ERR_USAGE, "which container? see \"%s --help\"", call->name);
	r = service_read(0, &service, e);
	if (r < 0)
		return r;
	r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (o->all_enabled)
		return container_start_enabled(&en, e);
	if (o->attach || o->interactive)
		return start_attached(&en, o, &service, call->args[0], e);
	return tare_each(call, &en, start_detached, &service);
}

/* ---- stop, restart, kill ---- */

static int signal_of(const char *name, int *out, struct err *e)
{
	*out = name ? oci_signal_number(name) : 0;
	return *out < 0 ? err_set(e, ERR_INVALID, "%s is no signal", name) : 0;
}

/* NULL: the container's own. */
static const int64_t *timeout_of(const struct stop_opts *o)
{
	return o->timeout == INT64_MIN ? NULL : &o->timeout;
}

static int stop_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct stop_opts *o = data;
	int sig, r = signal_of(o->signal, &sig, e);

	return r < 0 ? r : container_stop(en, what, sig, timeout_of(o), e);
}

static int restart_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct stop_opts *o = data;
	int sig, r = signal_of(o->signal, &sig, e);

	if (r == 0)
		r = container_restart(en, what, sig, timeout_of(o), e);
	if (r == 0)
		tare_say("%s", what);
	return r;
}

static int kill_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct stop_opts *o = data;
	int sig, r = signal_of(o->signal ? o->signal : "KILL", &sig, e);

	return r < 0 ? r : container_kill(en, what, sig, e);
}

static int stop_all(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : container_halt_all(&en, e);
}

int cmd_stop(const struct cli_call *call, struct err *e)
{
	const struct stop_opts *o = call->opts;

	if (o->for_shutdown && (call->n_args || o->signal || timeout_of(o)))
		return err_set(e, ERR_INVALID, "--for-shutdown goes alone: it stops all that run, each as it was made to be stopped");
	if (!o->for_shutdown && !call->n_args)
		return err_set(e, ERR_USAGE, "which container? see \"%s --help\"", call->name);
	return o->for_shutdown ? stop_all(call, e) : tare_at_once(call, stop_one, call->opts, e);
}

int cmd_restart(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : tare_each(call, &en, restart_one, call->opts);
}

int cmd_kill(const struct cli_call *call, struct err *e)
{
	return tare_at_once(call, kill_one, call->opts, e);
}

/* ---- wait, rm, rename, pause ---- */

static void waited(const char *what, int code, bool known, const struct err *why, void *data)
{
	int *result = data;

	if (why) {
		log_error("%s", why->msg);
		*result = 1;
		return;
	}
	if (!known)
		log_warning("the exit code of %s could not be learnt (its monitor was killed, or the machine went down)", what);
	tare_say("%d", code);
}

int cmd_wait(const struct cli_call *call, struct err *e)
{
	const struct wait_opts *o = call->opts;
	enum wait_condition until = WAIT_NOT_RUNNING;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int result = 0, r = tare_engine(call, &en, e);

	if (o->condition && strcmp(o->condition, "next-exit") == 0)
		until = WAIT_NEXT_EXIT;
	else if (o->condition && strcmp(o->condition, "removed") == 0)
		until = WAIT_REMOVED;
	if (r == 0)
		r = containers_wait(&en, call->args, call->n_args, until, waited, &result, e);
	return r < 0 ? r : result;
}

static int rm_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct rm_opts *o = data;
	int r = o->link ? links_remove(en, what, e) : container_remove(en, what, o->force, o->volumes, e);

	if (r == 0 || !o->force || e->cls != ERR_NOTFOUND)
		return r;
	log_warning("%s", e->msg); /* with -f "it is not there" is what was wanted */
	return 1;
}

int cmd_rm(const struct cli_call *call, struct err *e)
{
	return tare_at_once(call, rm_one, call->opts, e);
}

int cmd_rename(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : container_rename(&en, call->args[0], call->args[1], e);
}

static int pause_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	return container_pause(en, what, data != NULL, e);
}

int cmd_pause(const struct cli_call *call, struct err *e)
{
	return tare_at_once(call, pause_one, "pause", e);
}

int cmd_unpause(const struct cli_call *call, struct err *e)
{
	return tare_at_once(call, pause_one, NULL, e);
}
