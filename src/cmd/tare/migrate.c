/* tare system migrate-from */
#include "engine/migrate.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/tare/tare.h"
#include "image/digest.h"

#define UNIX "unix://"

const struct cli_option migrate_options[] = {
	{ "host", 'H', "SOCKET", CLI_STR, "the socket of dockerd (default: " MIGRATE_SOCKET ")", offsetof(struct migrate_opts, host) },
	{ "docker-root", 0, "DIR", CLI_STR, "the folder of dockerd's files, where it does not run or is mistaken about it", offsetof(struct migrate_opts, docker_root) },
	{ "dry-run", 0, NULL, CLI_FLAG, "only say what would be copied", offsetof(struct migrate_opts, dry_run) },
	{ "force", 'f', NULL, CLI_FLAG, "take names from other images, and lay files over those of volumes that are here", offsetof(struct migrate_opts, force) },
	{ "limit", 0, "NAME=N", CLI_STRV, "raise a limit for what an image may be, as of load", offsetof(struct migrate_opts, limits) },
	{ 0 }
};

static void say(const char *line, void *data)
{
	char shown[1200];

	(void)data;
	tare_say("%s", text_tame(line, shown, sizeof(shown)));
}

static void progress(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data)
{
	char size[32];

	(void)data;
	if (kind != IMAGE_PROGRESS_LAYER || !isatty(STDERR_FILENO))
		return;
	text_human_size(bytes, size, sizeof(size));
	(void)fprintf(stderr, "%.12s: unpacked, %s\n", digest_hex(digest), size);
}

static int find_socket(const char *host, const char **out, struct err *e)
{
	*out = !host ? MIGRATE_SOCKET : text_starts(host, UNIX) ? host + strlen(UNIX) : host;
	if ((*out)[0] != '/')
		return err_set(e, ERR_UNSUPPORTED, "--host %s: want the path of a unix socket on this machine, whose files are copied", host);
	return 0;
}

int cmd_migrate(const struct cli_call *call, struct err *e)
{
	const struct migrate_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct migrate_args args = { .folder = o->docker_root, .force = o->force, .dry_run = o->dry_run, .say = say, .progress = progress };
	struct migrated done;
	int r = find_socket(o->host, &args.socket, e);

	if (r == 0 && strcmp(call->args[0], "docker") != 0)
		r = err_set(e, ERR_UNSUPPORTED, "migrate-from %s: want docker; images of others come by tare load, or tare image copy", call->args[0]);
	image_limits_default(&args.limits);
	for (size_t i = 0; r == 0 && i < o->limits.n; i++)
		r = image_limits_set(&args.limits, o->limits.v[i], e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0)
		r = migrate_docker(&en, &args, &done, e);
	if (r < 0)
		return r;
	tare_say("%s: %zu names of images, %zu volumes; here before: %zu; failed: %zu", o->dry_run ? "would be copied" : "copied", done.images, done.volumes,
		 done.here, done.failed);
	return done.failed > 0;
}
