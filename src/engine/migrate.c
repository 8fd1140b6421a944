/* What dockerd is asked: GET of lists, and of archives of images (migrate_image.c). It is spoken with by tare-transfer, as registries are. */
#include "engine/migrate.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/migrate_impl.h"
#include "engine/names.h"

#define LIST_MAX (64U << 20)
#define OPTS_MAX (1U << 20)
/* dockerd makes the whole archive of an image before it sends its first byte */
#define PATIENCE 1800
#define LINE_MAX_LEN 1000

/* ---- saying ---- */

void migrate_say(const struct migration *m, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	m->args->say(line, m->args->data);
}

void migrate_failed(const struct migration *m, const char *what, const struct err *why)
{
	m->done->failed++;
	migrate_say(m, "%s: not copied: %s", what, why->msg);
}

/* ---- asking ---- */

static int get(struct registry_client *c, struct arena *a, const char *path, const struct json **out, struct err *e)
{
	const struct json_limits limits = { .max_bytes = LIST_MAX, .max_depth = 64, .max_nodes = 5000000 };
	struct registry_document doc;
	int r = registry_document(c, a, path, NULL, LIST_MAX, "dockerd's answer", 0, &doc, e);

	return r < 0 ? r : json_parse(a, doc.text, doc.len, &limits, out, e);
}

struct lists {
	const struct json *info, *images, *volumes, *containers;
};

static int ask_all(struct migration *m, struct lists *l, struct err *e)
{
	CLEANUP_REGISTRY_CLIENT struct registry_client c = REGISTRY_CLIENT_INIT;
	const struct json *volumes = NULL;
	int r = registry_start(m->program, &m->dockerd, 1, NULL, 0, &c, e);

	if (r == 0)
		r = get(&c, m->a, "/info", &l->info, e);
	if (r == 0)
		r = get(&c, m->a, "/images/json", &l->images, e);
	if (r == 0)
		r = get(&c, m->a, "/volumes", &volumes, e);
	if (r == 0)
		r = get(&c, m->a, "/containers/json?all=1", &l->containers, e);
	if (r < 0)
		return err_ctx(e, "ask the dockerd of %s", m->args->socket);
	l->volumes = json_get(volumes, "Volumes");
	return 0;
}

/* With userns-remap its data-root has a folder in it for each range of ids, "100000.100000", and files have ids of that. */
static bool is_remapped(const struct json *info)
{
	json_each(it, json_get(info, "SecurityOptions"))
		if (it->type == JSON_STRING && text_starts(it->str, "name=userns"))
			return true;
	return false;
}

/* ---- without a dockerd ---- */

static const struct json *folder_volume(struct migration *m, int all, const char *name)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	CLEANUP_FREE char *opts = NULL;
	struct json_writer w = JSON_WRITER(&text);
	const struct json *doc = NULL, *options = NULL;
	const char *path = arena_printf(m->a, "%s/opts.json", name);
	struct err ignored;
	size_t len;

	/* {"MountType","MountOpts","MountDevice","Quota"}: what it keeps of the options; labels are in a data base of its own */
	if (path && io_read_file(all, path, OPTS_MAX, &opts, &len) == 0 && json_parse(m->a, opts, len, NULL, &options, &ignored) < 0)
		options = NULL;
	jw_object(&w, NULL);
	jw_str(&w, "Name", name);
	jw_str(&w, "Driver", "local");
	jw_object(&w, "Options");
	if (*json_text(options, "MountType", ""))
		jw_str(&w, "type", json_text(options, "MountType", ""));
	if (*json_text(options, "MountOpts", ""))
		jw_str(&w, "o", json_text(options, "MountOpts", ""));
	if (*json_text(options, "MountDevice", ""))
		jw_str(&w, "device", json_text(options, "MountDevice", ""));
	jw_end_object(&w);
	jw_end_object(&w);
	return sb_error(&text) == 0 && json_parse(m->a, text.s, text.len, NULL, &doc, &ignored) == 0 ? doc : NULL;
}

static int folder_volumes(struct migration *m, struct err *e)
{
	const char *path = arena_printf(m->a, "%s/volumes", m->args->folder);
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		int r = err_errno(e, -errno, "open %s/volumes", m->args->folder);

		close_fd(fd);
		return r;
	}
	while ((entry = readdir(d))) {
		struct err ignored;
		const struct json *v;

		if (entry->d_name[0] == '.' || name_check(entry->d_name, "volume", &ignored) < 0 || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		v = folder_volume(m, dirfd(d), entry->d_name);
		if (v)
			migrate_volume(m, v);
	}
	return 0;
}

/* ---- all ---- */

static void copy_listed(struct migration *m, const struct lists *l)
{
	json_each(image, l->images)
		migrate_image(m, image);
	if (is_remapped(l->info) && l->volumes && l->volumes->len) {
		const struct err why = { .msg = "this dockerd runs with userns-remap, and their files have ids of that; export them from containers instead" };

		migrate_failed(m, "volumes", &why);
		return;
	}
	json_each(volume, l->volumes)
		migrate_volume(m, volume);
}

static void tell_containers(const struct migration *m)
{
	const char *names = "";
	size_t n = 0;

	json_each(c, m->containers) {
		const struct json *first = json_get(c, "Names") ? json_get(c, "Names")->child : NULL;
		const char *name = first && first->type == JSON_STRING ? first->str : json_text(c, "Id", "?");

		names = arena_printf(m->a, "%s%s%s", names ? names : "", n++ ? ", " : "", name + (*name == '/'));
	}
	if (n)
		migrate_say(m, "containers are not copied, they are made anew with tare run or by what made them: %s", names ? names : "");
}

int migrate_docker(const struct engine *en, const struct migrate_args *args, struct migrated *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char program[PATH_MAX];
	struct migration m = { .en = en, .args = args, .a = &a, .done = out, .program = program };
	struct lists lists = { 0 };
	struct err why = { 0 };
	int r = engine_program("tare-transfer", program, e);

	*out = (struct migrated){ 0 };
	if (r < 0)
		return r;
	m.dockerd = (struct transfer_endpoint){ .name = args->socket, .base = "http://localhost", .socket = args->socket, .repository = "-",
						.anonymous = true, .patience = PATIENCE };
	if (ask_all(&m, &lists, &why) == 0) {
		if (strcmp(json_text(lists.info, "DockerRootDir", ""), en->root) == 0)
			return err_set(e, ERR_INVALID, "%s is this store's own: name dockerd's with --host", args->socket);
		m.containers = lists.containers;
		copy_listed(&m, &lists);
		tell_containers(&m);
		return 0;
	}
	if (!args->folder)
		return err_set(e, why.cls, "%s (is it running? of one that does not, --docker-root copies the volumes)", why.msg);
	migrate_say(&m, "%s: only volumes are copied, without their labels", why.msg);
	return folder_volumes(&m, e);
}
