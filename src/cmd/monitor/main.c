/* tare-monitor: the process that stays with a container. Started by the engine, never by people; `keeper` (or `service`) and `worker`
 * are how it starts its own halves. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "monitor/exec.h"
#include "monitor/keeper.h"
#include "monitor/mounts.h"
#include "monitor/rest.h"
#include "monitor/run.h"
#include "monitor/session.h"
#include "monitor/usercgroup.h"
#include "monitor/usernet.h"
#include "monitor/worker.h"

static const struct {
	const char *name, *help;
	int (*run)(struct err *e);
	int (*half)(const char *id);
	int (*before)(char **argv);
} commands[] = {
	{ "run", "make and start the container described on descriptor 3, then stay with it", .run = monitor_run },
	{ "adopt", "take over a container whose monitor is dead", .run = monitor_adopt },
	{ "exec", "run one more process in a container", .run = monitor_exec },
	{ "mounts", "change the mounts of a container that runs, as standard input says", .run = monitor_mounts },
	{ "session", "keep the user namespace of an ordinary user; descriptor 3: his state folder", .run = session_hold },
	{ "usernet", "(internal) stay with the program that is an ordinary user's network", .half = usernet_main },
	{ "cgroup", "move our parent into an ordinary user's cgroup for containers", .half = usercgroup_main },
	{ "rest", "let MS pass while file 3 is there, then execute a program", .before = rest_main },
	{ "keeper", "(internal) wait for the container", .half = keeper_main },
	{ "service", "(internal) the same, as the main process of a service", .half = keeper_service_main },
	{ "worker", "(internal) log and attach", .half = worker_main },
};

static int usage(FILE *to)
{
	fprintf(to, "usage: tare-monitor COMMAND 3<DESCRIPTION 4<>CLIENT-SOCKET\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
	return to == stdout ? 0 : 125;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	struct err e = { 0 };

	io_reserve_stdio();
	(void)umask(022); /* a container's, as Docker has it: the caller's own is no part of it */
	log_setup("tare-monitor", 2, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (commands[i].before)
			return commands[i].before(argv + 2);
		if (commands[i].half)
			return argc == 3 ? commands[i].half(argv[2]) : usage(stderr);
		if (argc != 2)
			return usage(stderr);
		if (commands[i].run(&e) == 0)
			return 0;
		log_error("%s", e.msg);
		return err_info(e.cls)->exit_code;
	}
	if (!strcmp(name, "--version")) {
		printf("tare-monitor %s\n", TARE_VERSION);
		return 0;
	}
	return usage(!strcmp(name, "--help") ? stdout : stderr);
}
