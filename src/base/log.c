#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/text.h"

#define MESSAGE_MAX 1024

/* The program's one log: the only mutable global of base/. */
static struct {
	const char *program;
	int fd;
	enum log_format format;
	enum log_level max;
} target = { "tare", 2, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO };

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

enum log_level log_level_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (!strcmp(level_names[i], name))
			return (enum log_level)i;
	return LOG_LEVEL_INFO;
}

void log_setup(const char *program, int fd, enum log_format format, enum log_level max)
{
	target.program = program;
	target.fd = fd;
	target.format = format;
	target.max = max;
}

bool log_wants(enum log_level level)
{
	return level <= target.max;
}

int log_fd(void)
{
	return target.fd;
}

/* A message names what the user, an image or a container called something: in JSON it is quoted, a terminal gets it tame
 * and in one line. */
static void format_line(struct strbuf *line, enum log_level level, const char *msg)
{
	struct json_writer w = JSON_WRITER(line);
	char now[TEXT_TIME_LEN], tame[MESSAGE_MAX * 2];

	text_now(now);
	switch (target.format) {
	case LOG_FORMAT_JSON:
		jw_object(&w, NULL);
		jw_str(&w, "level", level_names[level]);
		jw_str(&w, "msg", msg);
		jw_str(&w, "time", now);
		jw_end_object(&w);
		break;
	case LOG_FORMAT_TEXT:
		sb_printf(line, "time=\"%s\" level=%s msg=", now, level_names[level]);
		jw_str(&w, NULL, msg);
		break;
	case LOG_FORMAT_JOURNAL:
		sb_printf(line, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s", text_tame(msg, tame, sizeof(tame)), priorities[level],
			  target.program);
		break;
	case LOG_FORMAT_SYSLOG:
		sb_printf(line, "<%d>%s[%d]: %s", LOG_USER | priorities[level], target.program, (int)getpid(),
			  text_tame(msg, tame, sizeof(tame)));
		return;
	case LOG_FORMAT_PLAIN:
	default:
		sb_printf(line, "%s: %s%s", target.program, level == LOG_LEVEL_WARNING ? "warning: " : "",
			  text_tame(msg, tame, sizeof(tame)));
		break;
	}
	sb_putc(line, '\n');
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	char msg[MESSAGE_MAX];
	va_list ap;
	int saved = errno;

	if (level > target.max)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	format_line(&line, level, msg);
	/* a log that cannot be written has nobody to tell */
	if (sb_error(&line) == 0 && io_write_full(target.fd, line.s, line.len) < 0)
		target.max = LOG_LEVEL_ERROR;
	errno = saved;
}
