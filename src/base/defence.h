/* Defences that the gauntlet takes away one by one, to show that each of the attacks it replays is a real one.
 *
 * defence(NAME) is true. Only a program compiled with TARE_WEAKENED, which no build option does and nothing installs
 * (tests/gauntlet/meson.build), asks the environment: TARE_WEAKEN="seal cwd" takes away these two. Its --version says
 * so. */
#ifndef TARE_BASE_DEFENCE_H
#define TARE_BASE_DEFENCE_H

#include <stdbool.h>

#ifdef TARE_WEAKENED
#include <stdlib.h>
#include <string.h>

#define DEFENCE_VERSION " WEAKENED"
#define defence(name) defence_is_up(#name)

static inline bool defence_is_up(const char *name)
{
	const char *down = getenv("TARE_WEAKEN");

	return !down || !strstr(down, name);
}
#else
#define DEFENCE_VERSION ""
#define defence(name) true
#endif

#endif
