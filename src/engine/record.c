#include "engine/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/nearest.h"

#define COLUMNS_WITH(config, restarts)                                                                                 \
	"id, name, image, image_ref, command, " config ", containers.created, started, finished, status, boot_id, exit_code,"   \
	" exit_known, oom, auto_remove, error, " restarts ", "
#define COLUMNS COLUMNS_WITH("config", "stopped, restarts, restart_wait, restart_due")
/* What stands behind the configuration cannot be had without the pages that this takes. */
#define BRIEF COLUMNS_WITH("NULL", "CASE status WHEN 'restarting' THEN stopped END, 0, 0, 0")
#define RANGE "coalesce(i.base, n.base), coalesce(i.size, n.size)"
#define NO_RANGE "0, 0"
#define FROM " FROM containers LEFT JOIN id_ranges i ON i.container = id LEFT JOIN named_ranges n ON n.container = id "

static const char *const status_names[] = { "created", "running", "exited", "restarting" };

const char *record_status_name(enum record_status s)
{
	return status_names[s];
}

static enum record_status status_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
		if (strcmp(name, status_names[i]) == 0)
			return (enum record_status)i;
	return RECORD_EXITED;
}

int record_insert(struct catalog *c, const struct record *rec, struct err *e)
{
	int r = cat_exec(c, e,
			 "INSERT INTO containers(id, name, image, image_ref, command, config, created, status, boot_id,"
			 " started, auto_remove) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			 "ssssssissii", rec->id, rec->name, rec->image, rec->image_ref, rec->command, rec->config,
			 rec->created, status_names[rec->status], rec->boot_id, rec->started, (int64_t)rec->auto_remove);

	/* ids are random: what is there twice is the name */
	if (r == -EEXIST && e->cls == ERR_CONFLICT)
		return err_set(e, ERR_CONFLICT,
			       "the name \"%s\" is in use: remove or rename that container, or choose another name", rec->name);
	if (r == -ENOENT && e->cls == ERR_CONFLICT)
		return err_set(e, ERR_NOTFOUND, "image %s was removed meanwhile", rec->image_ref);
	return r < 0 ? r : 0;
}

int record_update(struct catalog *c, const struct record *rec, struct err *e)
{
	int r = cat_exec(c, e,
			 "UPDATE containers SET status = ?2, boot_id = ?3, started = ?4, finished = ?5, exit_code = ?6,"
			 " exit_known = ?7, oom = ?8, error = ?9, restarts = ?10, restart_wait = ?11, restart_due = ?12"
			 " WHERE id = ?1",
			 "sssiiiiisiii", rec->id, status_names[rec->status], rec->boot_id, rec->started, rec->finished,
			 (int64_t)rec->exit_code, (int64_t)rec->exit_known, (int64_t)rec->oom, rec->error,
			 (int64_t)rec->restarts, rec->restart_wait, rec->restart_due);

	return r < 0 ? r : 0;
}

int record_delete(struct catalog *c, const char *id, struct err *e)
{
	int r = cat_exec(c, e, "DELETE FROM containers WHERE id = ?1", "s", id);

	return r < 0 ? r : 0;
}

int record_set_auto_remove(struct catalog *c, const char *id, bool on, struct err *e)
{
	int r = cat_exec(c, e, "UPDATE containers SET auto_remove = ?2 WHERE id = ?1", "si", id, (int64_t)on);

	return r < 0 ? r : 0;
}

int record_set_stopped(struct catalog *c, const char *id, enum record_stopped stopped, struct err *e)
{
	int r = cat_exec(c, e, "UPDATE containers SET stopped = ?2 WHERE id = ?1", "si", id, (int64_t)stopped);

	return r < 0 ? r : 0;
}

int record_set_config(struct catalog *c, const char *id, const char *config, struct err *e)
{
	int r = cat_exec(c, e, "UPDATE containers SET config = ?2 WHERE id = ?1", "ss", id, config);

	return r < 0 ? r : 0;
}

int record_rename(struct catalog *c, const char *id, const char *name, struct err *e)
{
	int r = cat_exec(c, e, "UPDATE containers SET name = ?2 WHERE id = ?1", "ss", id, name);

	if (r < 0 && e->cls == ERR_CONFLICT)
		return err_set(e, ERR_CONFLICT, "the name \"%s\" is in use", name);
	return r < 0 ? r : 0;
}

static void read_row(struct cat_stmt *s, struct arena *a, struct record *rec)
{
	*rec = (struct record){
		.id = arena_strdup(a, cat_text(s, 0)),
		.name = arena_strdup(a, cat_text(s, 1)),
		.image = cat_null(s, 2) ? NULL : arena_strdup(a, cat_text(s, 2)),
		.image_ref = arena_strdup(a, cat_text(s, 3)),
		.command = arena_strdup(a, cat_text(s, 4)),
		.config = cat_null(s, 5) ? NULL : arena_strdup(a, cat_text(s, 5)),
		.created = cat_int(s, 6),
		.started = cat_int(s, 7),
		.finished = cat_int(s, 8),
		.status = status_of(cat_text(s, 9)),
		.boot_id = cat_null(s, 10) ? NULL : arena_strdup(a, cat_text(s, 10)),
		.exit_code = (int)cat_int(s, 11),
		.exit_known = cat_int(s, 12) != 0,
		.oom = cat_int(s, 13) != 0,
		.auto_remove = cat_int(s, 14) != 0,
		.error = cat_null(s, 15) ? NULL : arena_strdup(a, cat_text(s, 15)),
		.stopped = (enum record_stopped)cat_int(s, 16),
		.restarts = (uint32_t)cat_int(s, 17),
		.restart_wait = cat_int(s, 18),
		.restart_due = cat_int(s, 19),
		.id_base = (uint32_t)cat_int(s, 20),
		.id_size = (uint32_t)cat_int(s, 21),
	};
}

/* One row by a condition on ?1. 1: found, 0: none. */
static int one(struct catalog *c, struct arena *a, const char *sql, const char *key, struct record *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, sql, "s", key);

	if (r == 0)
		r = cat_step(s, e);
	if (r > 0) {
		read_row(s, a, out);
		if (arena_error(a) < 0)
			return err_errno(e, -ENOMEM, "read a container's row");
	}
	return r;
}

int record_get(struct catalog *c, struct arena *a, const char *id, struct record *out, struct err *e)
{
	int r = one(c, a, "SELECT " COLUMNS RANGE FROM "WHERE id = ?1", id, out, e);

	if (r == 0)
		return err_set(e, ERR_NOTFOUND, "no such container: %.12s", id);
	return r < 0 ? r : 0;
}

/* The only id that starts with prefix, into id. 1, 0: none, negative: ambiguous or failed. */
static int by_prefix(struct catalog *c, const char *prefix, char id[ID_LEN + 1], struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t len = strlen(prefix);
	int r;

	if (len == 0 || len >= ID_LEN || strspn(prefix, "0123456789abcdef") != len)
		return 0;
	r = cat_prepare(c, &s, e, "SELECT id FROM containers WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", "s", prefix);
	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	snprintf(id, ID_LEN + 1, "%s", cat_text(s, 0));
	r = cat_step(s, e);
	if (r > 0)
		return err_set(e, ERR_INVALID, "%s is the start of more than one container's id: give more digits", prefix);
	return r < 0 ? r : 1;
}

static int no_such(const char *what, struct err *e)
{
	return err_set(e, ERR_NOTFOUND, "no such container: %.200s (tare ps -a lists them)", what);
}

/* Nobody mistypes a whole id, and who waits for a removal is told of each by this. */
static int not_found(struct catalog *c, const char *what, struct err *e)
{
	char near[NEAREST_LEN];

	if (nearest_row(c, "SELECT name FROM containers", what, near))
		return err_set(e, ERR_NOTFOUND, "no such container: %.200s (did you mean \"%s\"?)", what, near);
	return no_such(what, e);
}

int record_find(struct catalog *c, struct arena *a, const char *what, struct record *out, struct err *e)
{
	bool whole = text_is_hex(what, ID_LEN);
	char id[ID_LEN + 1];
	int r = 0;

	if (whole)
		r = one(c, a, "SELECT " COLUMNS RANGE FROM "WHERE id = ?1", what, out, e);
	if (r == 0)
		r = one(c, a, "SELECT " COLUMNS RANGE FROM "WHERE name = ?1", what, out, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = by_prefix(c, what, id, e);
	if (r > 0)
		return record_get(c, a, id, out, e);
	return r < 0 ? r : whole ? no_such(what, e) : not_found(c, what, e);
}

bool record_uses_image(const struct record *rec, const char *image)
{
	const char *at = rec->config;
	size_t len = strlen(image);

	if (rec->image && strcmp(rec->image, image) == 0)
		return true;
	while (at && (at = strstr(at, RECORD_IMAGE_MOUNT))) {
		at += strlen(RECORD_IMAGE_MOUNT);
		if (strncmp(at, image, len) == 0 && at[len] == '"')
			return true;
	}
	return false;
}

static int compare_age(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->created != y->created ? (x->created < y->created ? 1 : -1) : strcmp(x->id, y->id);
}

/* Sorted here: SQLite would carry whole rows through its sorter, and a row is some kilobytes. */
static int list(struct catalog *c, struct arena *a, const char *sql, const char *image, struct record **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t cap = 0;
	int r = cat_prepare(c, &s, e, sql, "s", image);

	*out = NULL;
	*n = 0;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if (*n == cap) {
			struct record *more = arena_array(a, cap = cap ? 2 * cap : 16, sizeof(*more));

			if (more && *n)
				memcpy(more, *out, *n * sizeof(*more));
			*out = more;
		}
		if (arena_error(a) == 0)
			read_row(s, a, &(*out)[(*n)++]);
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list containers") : 0;
	}
	if (r == 0 && *n)
		qsort(*out, *n, sizeof(**out), compare_age);
	return r;
}

int record_list(struct catalog *c, struct arena *a, const char *image, struct record **out, size_t *n, struct err *e)
{
	return list(c, a, "SELECT " COLUMNS NO_RANGE " FROM containers WHERE ?1 IS NULL OR image = ?1 OR " RECORD_MOUNTS_IMAGE, image, out, n, e);
}

int record_list_brief(struct catalog *c, struct arena *a, struct record **out, size_t *n, struct err *e)
{
	return list(c, a, "SELECT " BRIEF NO_RANGE " FROM containers WHERE ?1 IS NULL", NULL, out, n, e);
}

/* ---- id ranges ---- */

/* The end of a range that overlaps [base, base + size), or 0. Those we handed out do not overlap each other, so one row
 * tells; those that users named are few. */
static int overlap(struct catalog *c, int64_t base, int64_t size, int64_t *end, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e,
			    "SELECT max((SELECT coalesce(max(base + size), 0) FROM named_ranges WHERE base < ?1 AND base + size > ?2),"
			    " coalesce((SELECT base + size FROM id_ranges WHERE base < ?1 ORDER BY base DESC LIMIT 1), 0))",
			    "ii", base + size, base);

	if (r == 0)
		r = cat_step(s, e);
	*end = r > 0 && cat_int(s, 0) > base ? cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static int64_t cursor(struct catalog *c)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err ignored;

	if (cat_prepare(c, &s, &ignored, "SELECT value FROM counters WHERE name = 'id_range'", "") < 0 ||
	    cat_step(s, &ignored) <= 0)
		return ID_RANGE_FIRST;
	return cat_int(s, 0);
}

int id_range_take(struct catalog *c, const char *container, uint32_t size, uint32_t *base, struct err *e)
{
	int64_t want = ((int64_t)size + ID_RANGE_MIN - 1) / ID_RANGE_MIN * ID_RANGE_MIN;
	int64_t at = cursor(c), end = 0;
	bool wrapped = false;
	int r;

	for (;;) {
		if (at + want > ID_RANGE_END) {
			if (wrapped)
				return err_set(e, ERR_LIMIT,
					       "no %lld free ids in a row between %u and %u: remove containers or use --userns=host",
					       (long long)want, ID_RANGE_FIRST, ID_RANGE_END);
			wrapped = true;
			at = ID_RANGE_FIRST;
		}
		r = overlap(c, at, want, &end, e);
		if (r < 0)
			return r;
		if (end == 0)
			break;
		at = (end + ID_RANGE_MIN - 1) / ID_RANGE_MIN * ID_RANGE_MIN;
	}
	r = cat_exec(c, e, "INSERT INTO id_ranges(base, size, container) VALUES(?1, ?2, ?3)", "iis", at, want, container);
	if (r >= 0)
		r = cat_exec(c, e, "INSERT OR REPLACE INTO counters(name, value) VALUES('id_range', ?1)", "i", at + want);
	*base = (uint32_t)at;
	return r < 0 ? r : 0;
}

int id_range_name(struct catalog *c, const char *container, uint32_t base, uint32_t size, struct err *e)
{
	int r = cat_exec(c, e, "INSERT INTO named_ranges(container, base, size) VALUES(?1, ?2, ?3)", "sii", container,
			 (int64_t)base, (int64_t)size);

	return r < 0 ? r : 0;
}
