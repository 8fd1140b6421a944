/* One volume: made, then filled all at once. */
#include <fcntl.h>
#include <string.h>

#include "base/text.h"
#include "engine/copytree.h"
#include "engine/migrate_impl.h"
#include "engine/volume.h"
#include "engine/volume_fill.h"

static struct strv as_texts(struct arena *a, const struct json *object)
{
	const char **v = arena_array(a, object ? object->len + 1 : 1, sizeof(*v));
	size_t n = 0;

	json_each(member, v ? object : NULL)
		if (member->type == JSON_STRING)
			v[n++] = arena_printf(a, "%s=%s", member->key, member->str);
	return (struct strv){ v, n };
}

static bool is_anonymous(const struct json *volume, const char *name)
{
	return json_get(json_get(volume, "Labels"), VOLUME_ANONYMOUS_LABEL) || text_is_hex(name, 64);
}

/* The containers that run and have it, with commas between; NULL: none. */
static const char *who_writes(const struct migration *m, const char *name)
{
	const char *names = NULL;

	json_each(c, m->containers) {
		const struct json *first = json_get(c, "Names") ? json_get(c, "Names")->child : NULL;

		if (strcmp(json_text(c, "State", ""), "running") != 0)
			continue;
		json_each(mount, json_get(c, "Mounts"))
			if (strcmp(json_text(mount, "Name", ""), name) == 0 && first && first->type == JSON_STRING)
				names = arena_printf(m->a, "%s%s%s", names ? names : "", names ? ", " : "", first->str + (first->str[0] == '/'));
	}
	return names;
}

/* Where its files are: as dockerd says, or below the folder that was named. */
static int open_source(const struct migration *m, const struct json *volume, const char *name, struct err *e)
{
	const char *path = m->args->folder ? arena_printf(m->a, "%s/volumes/%s/_data", m->args->folder, name) : json_text(volume, "Mountpoint", "");
	int fd;

	if (!path || !*path)
		return err_errno(e, -ENOENT, "open its folder");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "open %s", path) : fd;
}

/* 1: it is there, and what is in it stays. */
static int is_kept(const struct migration *m, const char *name, struct volume *v, struct err *e)
{
	struct err why = { 0 };
	bool empty;
	int r = volume_find(m->en->catalog, m->a, name, v, &why);

	if (r < 0)
		return why.cls == ERR_NOTFOUND ? 0 : err_set(e, why.cls, "%s", why.msg);
	if (v->kind != VOLUME_FOLDER)
		return 1;
	r = volume_is_empty(m->en, name, &empty, e);
	return r < 0 ? r : !empty && !m->args->force;
}

static int copy(const struct migration *m, const struct json *volume, const struct volume_wish *wish, struct err *e)
{
	CLEANUP_FD int from = -1;
	const char *made;
	struct volume v;
	int r = volume_create(m->en, m->a, wish, &made, e);

	if (r == 0)
		r = volume_find(m->en->catalog, m->a, made, &v, e);
	if (r < 0 || v.kind != VOLUME_FOLDER) /* its files are where its options say */
		return r;
	from = open_source(m, volume, wish->name, e);
	if (from < 0)
		return from;
	r = volume_fill(m->en, wish->name, m->args->force ? VOLUME_FILL_COPY_OVER : VOLUME_FILL_COPY, &from, 1, ".", e);
	if (r == 0 && syncfs(m->en->root_fd) < 0)
		r = err_errno(e, -errno, "volume %s", wish->name);
	return r;
}

static void copy_or_say(struct migration *m, const struct json *volume, const struct volume_wish *wish, const char *shown)
{
	const char *writers = who_writes(m, wish->name);
	struct err why = { 0 };

	if (m->args->dry_run) {
		migrate_say(m, "%s: would be copied", shown);
	} else if (copy(m, volume, wish, &why) < 0) {
		migrate_failed(m, shown, &why);
		return;
	} else {
		migrate_say(m, "%s: copied", shown);
	}
	m->done->volumes++;
	if (writers)
		migrate_say(m, "%s: %s may write there meanwhile: stop it first for a copy that belongs together", shown, writers);
}

void migrate_volume(struct migration *m, const struct json *volume)
{
	const char *name = json_text(volume, "Name", ""), *driver = json_text(volume, "Driver", VOLUME_DRIVER);
	const char *shown = arena_printf(m->a, "volume %.200s", name);
	const struct volume_wish wish = { .name = name, .driver = driver, .labels = as_texts(m->a, json_get(volume, "Labels")),
					  .options = as_texts(m->a, json_get(volume, "Options")) };
	struct err why = { 0 };
	struct volume here;
	int r;

	if (!shown || arena_error(m->a) < 0) {
		(void)err_errno(&why, -ENOMEM, "migrate");
		migrate_failed(m, "volumes", &why);
		return;
	}
	if (is_anonymous(volume, name)) {
		migrate_say(m, "%s has no name of its own: not copied", shown);
		return;
	}
	r = volume_check(m->a, &wish, &why);
	if (r == 0)
		r = is_kept(m, name, &here, &why);
	if (r < 0) {
		migrate_failed(m, shown, &why);
	} else if (r > 0) {
		m->done->here++;
		migrate_say(m, "%s: is here", shown);
	} else {
		copy_or_say(m, volume, &wish, shown);
	}
}
