/* One line of a container's log file: Docker's json-file, or the form of CRI's and podman's k8s-file. */
#ifndef TARE_ENGINE_LOGLINE_H
#define TARE_ENGINE_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct log_record {
	bool err;          /* standard error */
	const char *time;  /* as written, RFC 3339 */
	const char *text;  /* with its line end, unless it is part of a longer line; any bytes */
	size_t len;
	const char *attrs; /* labels and variables that were asked for, an object in JSON; NULL: none */
};

/* Takes the record of line apart, len bytes without the line end behind them, which is there and may be written over as all of it may:
 * what out points to lies in it or in a. False: it is no such line, as half a line after a crash of the machine. */
typedef bool (*logline_fn)(char *line, size_t len, struct arena *a, struct log_record *out);
bool logline_json(char *line, size_t len, struct arena *a, struct log_record *out);
/* TIME stdout|stderr F|P TEXT; kubernetes' cri-api, "kubelet container logs". */
bool logline_k8s(char *line, size_t len, struct arena *a, struct log_record *out);

#endif
