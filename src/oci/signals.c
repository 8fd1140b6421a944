#include "oci/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define RT_MIN 34
#define RT_MAX 64

/* The first name of a number is the one that is written. */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },   { "QUIT", SIGQUIT }, { "ILL", SIGILL },	   { "TRAP", SIGTRAP },
	{ "ABRT", SIGABRT },	 { "IOT", SIGABRT },  { "BUS", SIGBUS },   { "FPE", SIGFPE },	   { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 },	 { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },	   { "ALRM", SIGALRM },
	{ "TERM", SIGTERM },	 { "STKFLT", 16 },    { "CHLD", SIGCHLD }, { "CLD", SIGCHLD },	   { "CONT", SIGCONT },
	{ "STOP", SIGSTOP },	 { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },	   { "URG", SIGURG },
	{ "XCPU", SIGXCPU },	 { "XFSZ", SIGXFSZ }, { "PROF", SIGPROF }, { "VTALRM", SIGVTALRM }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO },	 { "POLL", SIGIO },   { "PWR", SIGPWR },   { "SYS", SIGSYS },	   { "UNUSED", SIGSYS },
	{ "RTMIN", RT_MIN },	 { "RTMAX", RT_MAX },
};

/* "+3" behind RTMIN, "-3" behind RTMAX. */
static int realtime(const char *name)
{
	bool from_min = !strncasecmp(name, "RTMIN", 5);
	uint64_t distance;

	if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
		return -EINVAL;
	if (name[5] != (from_min ? '+' : '-') || text_u64(name + 6, &distance) < 0 || distance > RT_MAX - RT_MIN)
		return -EINVAL;
	return from_min ? RT_MIN + (int)distance : RT_MAX - (int)distance;
}

int oci_signal_number(const char *name)
{
	uint64_t number;

	if (text_u64(name, &number) == 0)
		return number >= 1 && number <= RT_MAX ? (int)number : -EINVAL;
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (!strcasecmp(signals[i].name, name))
			return signals[i].number;
	return realtime(name);
}

const char *oci_signal_name(int number, char out[OCI_SIGNAL_NAME_LEN])
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		if (signals[i].number == number) {
			snprintf(out, OCI_SIGNAL_NAME_LEN, "SIG%s", signals[i].name);
			return out;
		}
	}
	if (number > RT_MIN && number < RT_MAX)
		snprintf(out, OCI_SIGNAL_NAME_LEN, "SIGRTMIN+%d", number - RT_MIN);
	else
		snprintf(out, OCI_SIGNAL_NAME_LEN, "%d", number);
	return out;
}
