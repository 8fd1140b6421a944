/* Why a file lock outside SQLite: fifty writers at once spend most of their time asleep in its busy handler; one
 * flock() taken before the transaction wakes the next writer at once. The lock is advisory among tare programs; a
 * stranger with the sqlite3 shell only meets the (long) busy timeout below.
 *
 * The write-ahead log is kept over the close of the last connection and folded in only when it has grown: a close that
 * checkpoints costs two fsyncs, which `tare run` would pay each time. But whoever opens the catalog first has to read
 * the whole log again, so the limit is small (see WAL_LIMIT) and pages are as well.
 *
 * A commit in the lazy mode syncs nothing: after a crash of the machine (not of a process) the last transactions may
 * be missing, never half there. What refers to such a row is then garbage with a name, which gc finds. */
#include "engine/catalog.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/catalog_schema.h"

#define WAL_LIMIT (512 << 10)
#define BUSY_TIMEOUT_MS 20000

#define IDLE_MAX 32

struct catalog {
	struct catalog *next; /* of those that are open */
	sqlite3_stmt *idle[IDLE_MAX]; /* prepared, and nobody's; what was used last stands last */
	size_t n_idle;
	sqlite3 *db;
	int root_fd; /* borrowed */
	int lock;    /* held while a transaction is open */
	bool wrote, durable;
	uint32_t commits; /* of ours */
};

static struct catalog *opened;

/* A cat_stmt is an sqlite3_stmt under another name, so that our header needs none of SQLite's: nothing to allocate. */
static sqlite3_stmt *handle(struct cat_stmt *s)
{
	return (sqlite3_stmt *)s;
}

/* SQLite says so only where it writes itself; of the index of the log, which it maps, it says "disk I/O error". */
static bool is_full(const struct catalog *c, int rc)
{
	int primary = rc & 0xff;

	return primary == SQLITE_FULL || (primary == SQLITE_IOERR && c->db && sqlite3_system_errno(c->db) == ENOSPC);
}

static int fail(struct catalog *c, struct err *e, int rc, const char *what)
{
	const char *why = c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
	const char *file = c->db ? sqlite3_db_filename(c->db, "main") : NULL;

	if (is_full(c, rc))
		return err_set(e, ERR_NOSPACE, "%s cannot be written: its file system is full; make some space",
			       file && *file ? file : "catalog.db");
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		(void)err_set(e, ERR_CONFLICT, "catalog: %s: %s", what, why);
		if (c->db && sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
			e->code = -ENOENT;
		return e->code;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_UNAVAILABLE, "catalog: %s: %s", what, why);
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return err_set(e, ERR_DENIED, "catalog: %s: %s", what, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(e, ERR_INTERNAL, "catalog.db is damaged (%s: %s); restore it from a backup", what, why);
	default:
		return err_set(e, ERR_INTERNAL, "catalog: %s: %s", what, why);
	}
}

static int run_sql(struct catalog *c, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(c, e, rc, sql);
}

/* ---- transactions ---- */

static int take_lock(struct catalog *c, struct err *e)
{
	c->lock = openat(c->root_fd, "catalog.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->lock < 0)
		return err_errno(e, -errno, "open catalog.lock");
	while (flock(c->lock, LOCK_EX) < 0) {
		int r = -errno;

		if (r == -EINTR)
			continue;
		c->lock = close_fd(c->lock);
		return err_errno(e, r, "lock catalog.lock");
	}
	return 0;
}

int catalog_begin(struct catalog *c, enum catalog_sync sync, struct err *e)
{
	int r = take_lock(c, e);

	if (r < 0)
		return r;
	c->durable = sync == CATALOG_DURABLE;
	if (c->durable)
		r = run_sql(c, "PRAGMA synchronous=FULL", e);
	if (r == 0)
		r = run_sql(c, "BEGIN IMMEDIATE", e);
	if (r < 0)
		catalog_rollback(c);
	return r;
}

static void end_transaction(struct catalog *c)
{
	struct err ignored;

	if (c->durable)
		(void)run_sql(c, "PRAGMA synchronous=NORMAL", &ignored);
	c->durable = false;
	c->lock = close_fd(c->lock);
}

int catalog_commit(struct catalog *c, struct err *e)
{
	int r = run_sql(c, "COMMIT", e);

	if (r < 0) {
		catalog_rollback(c);
		return r;
	}
	c->wrote = true;
	c->commits++;
	end_transaction(c);
	return 0;
}

void catalog_rollback(struct catalog *c)
{
	struct err ignored;

	if (!sqlite3_get_autocommit(c->db))
		(void)run_sql(c, "ROLLBACK", &ignored);
	if (c->lock >= 0)
		end_transaction(c);
}

int catalog_look(struct catalog *c, bool *began, struct err *e)
{
	int r = 0;

	*began = sqlite3_get_autocommit(c->db) != 0;
	if (*began)
		r = run_sql(c, "BEGIN DEFERRED", e); /* takes no lock: nobody waits for who looks */
	*began = *began && r == 0;
	return r;
}

/* Statements that somebody has not finished go on, and end it. */
void catalog_looked(struct catalog *c, bool began)
{
	struct err ignored;

	if (began)
		(void)run_sql(c, "COMMIT", &ignored);
}

/* ---- open and close ---- */

static int pragma(struct catalog *c, const char *sql, int64_t *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, sql, "");

	if (r == 0)
		r = cat_step(s, e);
	if (r < 0)
		return r;
	*out = r ? cat_int(s, 0) : 0;
	return 0;
}

static int schema_version(struct catalog *c, int64_t *version, struct err *e)
{
	return pragma(c, "PRAGMA user_version", version, e);
}

/* A new, empty database becomes ours, an older one today's. Under the writers' lock: two first commands may come at
 * once. */
static int make_schema(struct catalog *c, bool new, struct err *e)
{
	int64_t version = 0;
	int r = take_lock(c, e);

	if (r == 0)
		r = run_sql(c, new ? "PRAGMA page_size=1024; PRAGMA journal_mode=WAL; BEGIN IMMEDIATE" : "BEGIN IMMEDIATE", e);
	if (r == 0)
		r = schema_version(c, &version, e);
	for (; r == 0 && version < CATALOG_VERSION; version++)
		r = run_sql(c, catalog_schema[version], e);
	if (r == 0)
		return catalog_commit(c, e);
	catalog_rollback(c);
	return r;
}

static int check_schema(struct catalog *c, struct err *e)
{
	int64_t version;
	int r = schema_version(c, &version, e);

	if (r < 0)
		return r;
	if (version < CATALOG_VERSION) {
		r = make_schema(c, version == 0, e);
		return r < 0 ? r : schema_version(c, &version, e);
	}
	if (version > CATALOG_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
			       "catalog.db has format %lld, this tare knows %d: use the newer tare that wrote it",
			       (long long)version, CATALOG_VERSION);
	return 0;
}

static int configure(struct catalog *c, struct err *e)
{
	int on = 1;

	(void)sqlite3_busy_timeout(c->db, BUSY_TIMEOUT_MS);
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	(void)sqlite3_wal_autocheckpoint(c->db, 0);
	(void)sqlite3_file_control(c->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
	return run_sql(c, "PRAGMA synchronous=NORMAL", e);
}

/* One thread, one connection: SQLite's own locks and statistics would only cost. */
static void tune_library(void)
{
	static bool done;

	if (done)
		return;
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	done = true;
}

/* It holds every container's environment. SQLite would make it as the umask has it, and gives its other files the mode
 * that the first one has; what an older tare made is closed here. */
static int keep_private(int root_fd, struct err *e)
{
	static const char *const names[] = { "catalog.db", "catalog.db-wal", "catalog.db-shm" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP_FD int fd = -1;

		if (fstatat(root_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && !(st.st_mode & 077))
			continue;
		fd = openat(root_fd, names[i], O_RDWR | O_CLOEXEC | O_NOFOLLOW | (i == 0 ? O_CREAT : 0), 0600);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || fchmod(fd, 0600) < 0)
			return err_errno(e, -errno, "keep %s to ourselves", names[i]);
	}
	return 0;
}

static int open_file(int root_fd, const char *path, int flags, struct catalog **out, struct err *e)
{
	struct catalog *c = calloc(1, sizeof(*c));
	char file[4096];
	int rc, r;

	if (!c)
		return err_errno(e, -ENOMEM, "open the catalog");
	tune_library();
	c->next = opened;
	opened = c;
	c->root_fd = root_fd;
	c->lock = -1;
	r = snprintf(file, sizeof(file), "%s/catalog.db", path);
	if (r < 0 || (size_t)r >= sizeof(file)) {
		catalog_close(c);
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	}
	rc = sqlite3_open_v2(file, &c->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	r = rc == SQLITE_OK ? 0 : fail(c, e, rc, file);
	if (r < 0) {
		catalog_close(c);
		return r;
	}
	*out = c;
	return 0;
}

int catalog_open(int root_fd, const char *path, struct catalog **out, struct err *e)
{
	struct catalog *c = NULL;
	int r = keep_private(root_fd, e);

	if (r == 0)
		r = open_file(root_fd, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &c, e);
	if (r == 0)
		r = configure(c, e);
	if (r == 0)
		r = check_schema(c, e);
	if (r < 0) {
		catalog_close(c);
		return r;
	}
	*out = c;
	return 0;
}

/* The files beside the database stay when the last connection is closed: where they are missing nobody has written yet, or a
 * backup was restored, and SQLite would make them. */
int catalog_glance(int root_fd, const char *path, struct catalog **out, struct err *e)
{
	struct catalog *c = NULL;
	int64_t version = 0;
	int r;

	if (faccessat(root_fd, "catalog.db-wal", R_OK, 0) < 0 || faccessat(root_fd, "catalog.db-shm", R_OK, 0) < 0)
		return err_errno(e, -errno, "%s/catalog.db", path);
	r = open_file(root_fd, path, SQLITE_OPEN_READONLY, &c, e);
	if (r == 0)
		(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (r == 0)
		r = schema_version(c, &version, e);
	if (r == 0 && version != CATALOG_VERSION)
		r = err_set(e, ERR_UNSUPPORTED, "catalog.db has another format than ours");
	if (r < 0) {
		catalog_close(c);
		return r;
	}
	*out = c;
	return 0;
}

/* Never waits: a reader or another writer at work means that somebody else comes by here later. */
static void checkpoint(struct catalog *c)
{
	struct stat st;

	if (!c->wrote || fstatat(c->root_fd, "catalog.db-wal", &st, 0) < 0 || st.st_size < WAL_LIMIT)
		return;
	c->lock = openat(c->root_fd, "catalog.lock", O_RDWR | O_CLOEXEC);
	if (c->lock >= 0 && flock(c->lock, LOCK_EX | LOCK_NB) == 0) {
		(void)sqlite3_busy_timeout(c->db, 0);
		(void)sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	c->lock = close_fd(c->lock);
}

/* SQLite counts what others commit. */
int catalog_generation(struct catalog *c, uint64_t *out, struct err *e)
{
	int64_t others = 0;
	int r = pragma(c, "PRAGMA data_version", &others, e);

	*out = (uint64_t)c->commits << 32 | (uint32_t)others;
	return r;
}

void catalog_read_much(struct catalog *c)
{
	struct err ignored; /* then it is read as usual */

	(void)run_sql(c, "PRAGMA mmap_size=268435456", &ignored);
}

void catalog_close(struct catalog *c)
{
	struct catalog **place = &opened;

	if (!c)
		return;
	while (*place && *place != c)
		place = &(*place)->next;
	if (*place)
		*place = c->next;
	while (c->n_idle > 0)
		(void)sqlite3_finalize(c->idle[--c->n_idle]);
	if (c->db) {
		catalog_rollback(c);
		checkpoint(c);
		(void)sqlite3_close(c->db);
	}
	free(c);
}

/* ---- statements ---- */

/* To parse a statement and plan its way takes longer than to run it, and a list asks the same of each of its things: what is
 * finished is kept for who asks next. A statement that is reset holds no lock and no snapshot. */

static sqlite3_stmt *take_idle(struct catalog *c, const char *sql)
{
	for (size_t i = c->n_idle; i-- > 0;) {
		sqlite3_stmt *s = c->idle[i];

		if (strcmp(sqlite3_sql(s), sql) != 0)
			continue;
		c->n_idle--;
		memmove(&c->idle[i], &c->idle[i + 1], (c->n_idle - i) * sizeof(c->idle[0]));
		return s;
	}
	return NULL;
}

static void keep_idle(struct catalog *c, sqlite3_stmt *s)
{
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	if (c->n_idle == IDLE_MAX) {
		(void)sqlite3_finalize(c->idle[0]);
		memmove(&c->idle[0], &c->idle[1], --c->n_idle * sizeof(c->idle[0]));
	}
	c->idle[c->n_idle++] = s;
}

static int bind(struct catalog *c, sqlite3_stmt *s, const char *types, va_list ap, struct err *e)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		if (*types == 's') {
			const char *text = va_arg(ap, const char *);

			rc = text ? sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT) : sqlite3_bind_null(s, i);
		} else {
			rc = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
		}
	}
	return rc == SQLITE_OK ? 0 : fail(c, e, rc, "bind");
}

static int vprepare(struct catalog *c, sqlite3_stmt **out, struct err *e, const char *sql, const char *types, va_list ap)
{
	int rc = SQLITE_OK, r;

	*out = take_idle(c, sql);
	if (!*out)
		rc = sqlite3_prepare_v2(c->db, sql, -1, out, NULL);
	if (rc != SQLITE_OK)
		return fail(c, e, rc, sql);
	r = bind(c, *out, types, ap, e);
	if (r < 0) {
		(void)sqlite3_finalize(*out);
		*out = NULL;
	}
	return r;
}

int cat_prepare(struct catalog *c, struct cat_stmt **out, struct err *e, const char *sql, const char *types, ...)
{
	sqlite3_stmt *s = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = vprepare(c, &s, e, sql, types, ap);
	va_end(ap);
	*out = (struct cat_stmt *)s;
	return r;
}

int cat_step(struct cat_stmt *s, struct err *e)
{
	int rc = sqlite3_step(handle(s));
	struct catalog c = { .db = sqlite3_db_handle(handle(s)) };

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(&c, e, rc, sqlite3_sql(handle(s)));
}

const char *cat_text(struct cat_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(handle(s), column);
}

int64_t cat_int(struct cat_stmt *s, int column)
{
	return sqlite3_column_int64(handle(s), column);
}

bool cat_null(struct cat_stmt *s, int column)
{
	return sqlite3_column_type(handle(s), column) == SQLITE_NULL;
}

void cat_finish(struct cat_stmt *s)
{
	const sqlite3 *db = s ? sqlite3_db_handle(handle(s)) : NULL;
	struct catalog *c = opened;

	while (c && c->db != db)
		c = c->next;
	if (s && c)
		keep_idle(c, handle(s));
	else
		(void)sqlite3_finalize(handle(s));
}

int cat_exec(struct catalog *c, struct err *e, const char *sql, const char *types, ...)
{
	sqlite3_stmt *s = NULL;
	va_list ap;
	int r, rc;

	va_start(ap, types);
	r = vprepare(c, &s, e, sql, types, ap);
	va_end(ap);
	if (r < 0)
		return r;
	rc = sqlite3_step(s);
	r = rc == SQLITE_DONE || rc == SQLITE_ROW ? sqlite3_changes(c->db) : fail(c, e, rc, sql);
	keep_idle(c, s);
	return r;
}
