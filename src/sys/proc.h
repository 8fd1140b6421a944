/* Processes as the kernel knows them: pidfds, start times, the boot id. All give 0/-errno. */
#ifndef TARE_SYS_PROC_H
#define TARE_SYS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* A CLOEXEC pidfd of pid; -ESRCH when there is none. */
int proc_pidfd(pid_t pid) MUST_CHECK;
int proc_signal(int pidfd, int sig) MUST_CHECK;

/* Field 22 of /proc/PID/stat: with pid and boot id it names a process for good. */
int proc_start_time(pid_t pid, uint64_t *out) MUST_CHECK;
/* Parent and state letter. */
int proc_parent(pid_t pid, pid_t *ppid, char *state) MUST_CHECK;

/* Parent and session, by the numbers of our pid namespace; -ESRCH when it has ended, too. */
int proc_family(pid_t pid, pid_t *ppid, pid_t *session) MUST_CHECK;

/* Opens a pidfd of pid and checks that its start time is still start_time: -ESRCH when it is another or a zombie. */
int proc_open_checked(pid_t pid, uint64_t start_time) MUST_CHECK;
/* The same question without keeping hold of it: 0, or -ESRCH. */
int proc_check(pid_t pid, uint64_t start_time) MUST_CHECK;
/* The start time, and where the code of its program begins in memory (field 26), which no execve(2) leaves as it was; 0 = not for us
 * to know. -ESRCH when it has ended, too. */
int proc_look(pid_t pid, uint64_t *start_time, uint64_t *code) MUST_CHECK;

/* /proc/sys/kernel/random/boot_id, 36 characters. */
#define PROC_BOOT_ID_LEN 37
int proc_boot_id(char out[PROC_BOOT_ID_LEN]) MUST_CHECK;

/* The exit status (as waitpid's) of a process that ended and whose pidfd was opened before, from anybody
 * (PIDFD_GET_INFO, kernel 6.15). -EOPNOTSUPP on older kernels, -EAGAIN while it runs or is not reaped yet. */
int proc_exit_status(int pidfd, int *status) MUST_CHECK;

/* The exit status of a zombie that nobody has reaped, from anybody who may trace it (field 52 of /proc/PID/stat).
 * -ESRCH when there is no such process, -EAGAIN while it runs. */
int proc_zombie_status(pid_t pid, uint64_t start_time, int *status) MUST_CHECK;

/* Exit code as a shell gives it: 0-255, or 128 + signal. */
int proc_exit_code(int status);

#endif
