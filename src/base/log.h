/* The log of a program: stderr by default, or a file; text or JSON ({"level","msg","time"}, which podman and
 * containerd parse from OCI runtimes). One failure is logged once, at the top. */
#ifndef TARE_BASE_LOG_H
#define TARE_BASE_LOG_H

#include <stdbool.h>

#include "base/cleanup.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
/* LOG_FORMAT_JOURNAL: fields of systemd's journal (systemd.journal-fields(7), its native protocol), LOG_FORMAT_SYSLOG: as
 * syslog(3), without the time, which the receiver has. Both want a datagram socket for fd. */
enum log_format { LOG_FORMAT_PLAIN, LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_JOURNAL, LOG_FORMAT_SYSLOG };

/* program: the prefix of plain lines ("tare: …"), and who journal and syslog are told it is. fd is borrowed (2 = stderr). */
void log_setup(const char *program, int fd, enum log_format format, enum log_level max);

/* "error", "warning", "info" or "debug"; any other is info. */
enum log_level log_level_named(const char *name);

/* Whether lines of that level are written. */
bool log_wants(enum log_level level);

/* Where lines go. */
int log_fd(void);

void log_msg(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
