/* Other people's programs that speak with the network for a build (git): what they may touch is one folder, and what they are is nobody
 * (rootless: the caller, where there are no ids to spare).
 *
 * The program is started by way of `tare internal confined`, which takes from itself what it must not have and becomes it. */
#ifndef TARE_ENGINE_CONFINED_H
#define TARE_ENGINE_CONFINED_H

#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Where the folder is in the program's eyes; its HOME too, and where it begins. */
#define CONFINED_HOME "/tmp"

struct confined {
	const char *const *argv; /* [0]: the program's name, looked for in the usual folders */
	const char *const *env;  /* all of it but PATH and HOME */
	int folder;              /* an open folder; its owner becomes the program's user */
	uint64_t file_bytes;     /* no file may get larger */
	uint64_t total_bytes, entries; /* all that is in the folder, on the disk, while it runs and when it has ended */
	int64_t silence_ms;      /* it is ended when it has said nothing for so long, and its folder stayed as it is */
};

/* Runs it to its end: its exit code; what it writes is added to out, what tells most of its complaints to said, one line. ERR_NOTFOUND:
 * there is no such program. ERR_LIMIT: it made or said too much (1 MiB), and was ended; ERR_UNAVAILABLE: nothing came of it for too long. */
int confined_run(const struct confined *args, struct strbuf *out, char *said, size_t len, struct err *e) MUST_CHECK;

/* The other half, in the new process: gives only with an error, and the process then ends with this code. argv: "FILE_BYTES", the program, its arguments. */
#define CONFINED_FAILED 127
int confined_become(const char *const *argv, size_t n, struct err *e) MUST_CHECK;

#endif
