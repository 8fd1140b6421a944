/* The worker: logs, attach, stdin, and what follows the container's end. */
#ifndef TARE_MONITOR_WORKER_H
#define TARE_MONITOR_WORKER_H

/* Runs on the crew's descriptors; gives the exit code, 0 when nothing is left to do. */
int worker_main(const char *id);

#endif
