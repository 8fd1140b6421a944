/* What is here, by Docker's names of it: `info` and `version`. */
#ifndef TARE_API_DOCKER_INFO_H
#define TARE_API_DOCKER_INFO_H

#include <sys/utsname.h>

#include "base/json.h"
#include "engine/engine.h"
#include "image/platform.h"
#include "sys/cgroup.h"

/* A line for people, a member for programs. A value of the form of a number stays one. Without a title it is for programs alone, without a key for people. */
struct info_pair {
	const char *title, *key, *text;
	uint64_t number;
};
#define INFO_PAIRS 32

/* What the machine can do. */
struct info_machine {
	const struct engine *en;
	struct arena *a;
	struct cg_limits limits;
	bool forwards, nf4, nf6, seccomp, userns, cgroupns;
};

/* Its texts are its own and the arena's: it stays where it was read. */
struct info {
	struct info_pair pairs[INFO_PAIRS];
	size_t n;
	struct info_machine machine; /* of info_read() */
	struct utsname un;
	struct platform here;
	char here_text[PLATFORM_TEXT_LEN];
};

/* Each reads; the writer then gives members of an object that is open. */
int info_read(const struct engine *en, struct arena *a, struct info *out, struct err *e) MUST_CHECK;
void info_write(const struct info *info, struct json_writer *w);
int version_read(struct info *out, struct err *e) MUST_CHECK;
/* The pairs of either alone. */
void info_write_pairs(const struct info *info, struct json_writer *w);
void version_write(const struct info *version, bool server, struct json_writer *w);

#endif
