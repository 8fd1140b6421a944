/* What Docker's clients know an error by, where our own sentence is another one. */
#ifndef TARE_API_DOCKER_WORDS_H
#define TARE_API_DOCKER_WORDS_H

#include "api/server/exchange.h"
#include "engine/live.h"
#include "engine/record.h"
#include "engine/settle.h"

/* Opens the store, finds and settles the container that the path names. ERR_NOTFOUND: "No such container: X". */
int words_container(struct exchange *ex, struct engine **en, struct record *rec, struct live *live, struct err *e) MUST_CHECK;
/* The same sentence for an error of ERR_NOTFOUND about a container; gives its code. */
int words_no_container(const char *what, struct err *e);

/* A container's name, or an image's, that is not there: "No such image: X". */
int words_no_image(struct arena *a, const char *image, struct err *e);
/* The same of a network ("network X not found") and a volume ("get X: no such volume"). */
int words_no_network(const char *what, struct err *e);
int words_no_volume(const char *what, struct err *e);
/* A network that is not removed, e saying why: 403, and Docker's "has active endpoints" where containers are in it. */
int words_network_used(const char *name, struct err *e);
/* The name of a container is another's: Docker's sentence, with the other's id. e was ERR_CONFLICT. */
int words_name_taken(const struct engine *en, const char *name, struct err *e);
/* A start that failed: clients make 127 and 126 of what the message has in it; of a port that is taken they know "port is already allocated". */
int words_start_failed(const char *command, bool exec, struct err *e);

#endif
