/* Names of containers and networks: what is allowed, and making one up. */
#ifndef TARE_ENGINE_NAMES_H
#define TARE_ENGINE_NAMES_H

#include <stdbool.h>

#include "base/err.h"

#define NAME_MAX_LEN 128

/* Letters, digits, '_', '.', '-'; two or more; the first is a letter or digit. of: whose it is to be, for the message:
 * "container", "network". */
int name_check(const char *name, const char *of, struct err *e) MUST_CHECK;

/* Of a network, whose name is asked for by nobody's DNS alone: one letter is enough, and there may be blanks between the letters, and '+', '@', '~'. What parts
 * the words of --network, of a template's list or of a path is none of them. */
int name_check_network(const char *name, struct err *e) MUST_CHECK;

/* adjective_noun at random; attempt > 3 adds a number. */
int name_generate(unsigned int attempt, char out[64], struct err *e) MUST_CHECK;

#endif
