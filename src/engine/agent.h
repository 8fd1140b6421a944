/* An ssh agent lent to somebody who may use its keys and nothing else: `tare internal agent` stands between.
 *
 * It passes on what lists keys and what signs (SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST of RFC draft-ietf-sshm-ssh-agent);
 * whatever else is asked for (adding, removing, locking, extensions) it refuses itself. */
#ifndef TARE_ENGINE_AGENT_H
#define TARE_ENGINE_AGENT_H

#include <sys/types.h>

#include "base/err.h"

struct agent {
	int pidfd; /* owned */
	pid_t pid;
};
#define AGENT_INIT { .pidfd = -1 }
#define CLEANUP_AGENT CLEANUP(agent_end)

/* Lends upstream, a connection to an agent, to who connects to listening. It ends with its caller, or by agent_end(). */
int agent_lend(int listening, int upstream, struct agent *out, struct err *e) MUST_CHECK;
/* The other half, in the new process: handles 3 (listening) and 4. Never gives anything but an error. */
int agent_serve(struct err *e) MUST_CHECK;

/* Starts ssh-agent, its socket called name in folder (a path of ours), and gives it the keys in files, NULL-terminated. ERR_NOTFOUND: there is
 * no ssh-agent; ERR_INVALID: what ssh-add says, of a key with a passphrase too. */
int agent_start(const char *folder, const char *name, const char *const *files, struct agent *out, struct err *e) MUST_CHECK;

/* Harmless when nothing was started. */
void agent_end(struct agent *a);

#endif
