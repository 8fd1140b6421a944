#include "cmd/tared/options.h"

#include "api/server/daemon_json.h"

const struct cli_option tared_options[] = {
	{ "host", 'H', "SOCKET", CLI_STRV, "where to listen: unix://PATH, tcp://ADDRESS:PORT, fd:// (default " TARED_HOST ")", offsetof(struct tared_opts, hosts) },
	{ "group", 'G', "GROUP", CLI_STR, "who may use the unix sockets (default docker, or root where there is no such group)", offsetof(struct tared_opts, group) },
	{ "root", 0, "DIR", CLI_STR, "where images and containers are kept (TARE_ROOT, default " ENGINE_ROOT ")", offsetof(struct tared_opts, root) },
	{ "state", 0, "DIR", CLI_STR, "where the state of what runs is kept (TARE_STATE, default " ENGINE_STATE ")", offsetof(struct tared_opts, state) },
	{ "config", 0, "FILE", CLI_STR, "settings, as dockerd's daemon.json has them (default " DAEMON_JSON ")", offsetof(struct tared_opts, config) },
	{ "validate", 0, NULL, CLI_FLAG, "check the options and that file, and end", offsetof(struct tared_opts, validate) },
	{ "idle-exit", 0, "TIME", CLI_DURATION, "end after so long without a connection, where the service manager listens (fd://)", offsetof(struct tared_opts, idle) },
	{ "describe", 0, NULL, CLI_FLAG, NULL, offsetof(struct tared_opts, describe) }, /* for tools/describe-api */
	{ "tls", 0, NULL, CLI_FLAG, "TLS on tcp://, with --tlscert and --tlskey", offsetof(struct tared_opts, tls) },
	{ "tlsverify", 0, NULL, CLI_FLAG, "the same, for clients alone that --tlscacert has signed", offsetof(struct tared_opts, tls_verify) },
	{ "tlscacert", 0, "FILE", CLI_STR, "who signs the certificates of clients", offsetof(struct tared_opts, tls_ca) },
	{ "tlscert", 0, "FILE", CLI_STR, "the server's certificate, with those that lead to who signed it", offsetof(struct tared_opts, tls_cert) },
	{ "tlskey", 0, "FILE", CLI_STR, "and its key", offsetof(struct tared_opts, tls_key) },
	{ "debug", 'D', NULL, CLI_FLAG, "--log-level debug", offsetof(struct tared_opts, debug) },
	{ "log-level", 'l', "LEVEL", CLI_STR, "what of its own doings it tells", offsetof(struct tared_opts, log_level), .choices = "debug|info|warn|warning|error|fatal" },
	{ 0 }
};

const struct cli_program tared_program = {
	.name = "tared",
	.about = "Docker's Engine API for containers of tare",
	.version = "tared " TARE_VERSION "\n",
	.options = tared_options,
	.size = sizeof(struct tared_opts),
};
