/* The ssh agents of --ssh, as steps of a build may use them. */
#ifndef TARE_BUILD_SSH_H
#define TARE_BUILD_SSH_H

#include "build/work.h"
#include "engine/agent.h"

/* The one that this id names is lent to who may open dir/name, a socket that is made there: uid's and gid's, of this mode. 1; 0: --ssh names
 * none of this id. An agent for key files is started once, and ends with the build. */
int ssh_lend(struct build *b, const char *id, int dir, const char *name, uid_t uid, gid_t gid, mode_t mode, struct agent *out,
	     struct err *e) MUST_CHECK;
void ssh_end(struct build *b);

#endif
