/* What tared is told on its command line; for `tare`, too, which writes its page and starts it. */
#ifndef TARE_CMD_TARED_OPTIONS_H
#define TARE_CMD_TARED_OPTIONS_H

#include "cmd/cli.h"
#include "engine/engine.h"

#define TARED_HOST "unix://" ENGINE_STATE "/docker.sock"

struct tared_opts {
	struct cli_strv hosts;
	const char *root, *state, *group, *config, *log_level;
	int64_t idle;
	bool debug, validate, describe, tls, tls_verify;
	const char *tls_ca, *tls_cert, *tls_key;
};
extern const struct cli_option tared_options[];
extern const struct cli_program tared_program;

#endif
