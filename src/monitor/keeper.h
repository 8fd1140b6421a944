/* The keeper: the container's parent. It holds what must not be lost (terminal, FIFOs, pidfd, lock), waits, and starts
 * a worker again when it dies. It parses nothing. */
#ifndef TARE_MONITOR_KEEPER_H
#define TARE_MONITOR_KEEPER_H

/* Runs on the crew's descriptors until the container's end is dealt with; gives the exit code. */
int keeper_main(const char *id);
/* The same of a service (systemd's): gives the container's exit code, and SIGTERM, SIGINT, SIGQUIT and SIGABRT, which are blocked, stop it. */
int keeper_service_main(const char *id);

#endif
