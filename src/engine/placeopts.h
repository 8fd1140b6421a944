/* What is said of a container's place in a network beside names and addresses of it: --gw-priority, --link-local-ip,
 * --driver-opt.
 *
 * A row of endpoints has them among the words of its aliases, which are parted by blanks: ALIAS, TARGET:ALIAS (a link,
 * links.h), or NAME=VALUE, which is one of these. */
#ifndef TARE_ENGINE_PLACEOPTS_H
#define TARE_ENGINE_PLACEOPTS_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/options.h"
#include "net/link.h"

enum place_word { PLACE_ALIAS, PLACE_LINK, PLACE_SETTING };
/* Of the word that text begins with. */
enum place_word place_word(const char *text);

/* Whether they make sense; ERR_INVALID, ERR_UNSUPPORTED: an option nobody knows. */
int placeopts_check(const struct ct_network *n, struct err *e) MUST_CHECK;
/* As members of the place in a container's configuration (config.h), where there are any. */
void placeopts_write(const struct ct_network *n, struct json_writer *w);
bool placeopts_any(const struct json *place);
/* And from there to the words of a row, with those of links where the network has names: without them links are lines
 * of hosts. NULL: no memory. */
const char *place_words(struct arena *a, const struct json *place, bool names);
/* An array of texts with a blank between. NULL: no memory. */
const char *place_joined(struct arena *a, const struct json *array);
/* Out of a row's words into its link, and to *priority (0 is usual). Strings in a. */
int placeopts_read(struct arena *a, const char *words, struct net_link *l, int64_t *priority, struct err *e) MUST_CHECK;

#endif
