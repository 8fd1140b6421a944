/* The catalog: ROOT/catalog.db (SQLite, WAL), the one record of images, tags, layers, containers, id ranges and networks.
 *
 * Readers just query. A writer goes through catalog_begin(), which waits in line on ROOT/catalog.lock first (SQLite's
 * own busy handler sleeps, the file lock wakes), and ends with catalog_commit() or catalog_rollback(). Statements are
 * thin: a format string gives the types of the values bound to ?1, ?2…: 's' const char * (NULL binds NULL),
 * 'i' int64_t. All text a statement gives lives until its next step. */
#ifndef TARE_ENGINE_CATALOG_H
#define TARE_ENGINE_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

#define CATALOG_VERSION 14

struct catalog;
struct cat_stmt;

/* Opens the catalog of the store whose folder is root_fd (path: the same, for SQLite), made when missing. A catalog of
 * a newer tare is ERR_UNSUPPORTED. */
int catalog_open(int root_fd, const char *path, struct catalog **out, struct err *e) MUST_CHECK;
/* The same for reading only, of a catalog of today's format that is there: nothing is made, changed or waited for. For who only looks
 * by the way and can do without. */
int catalog_glance(int root_fd, const char *path, struct catalog **out, struct err *e) MUST_CHECK;
/* Closes; a write-ahead log that grew over its limit is folded into the database first, unless somebody else is at it.
 * NULL allowed. An open transaction is rolled back. */
void catalog_close(struct catalog *c);

enum catalog_sync {
	CATALOG_LAZY,   /* survives every crash of ours, but perhaps not the machine's: what runs now */
	CATALOG_DURABLE /* on the disk when catalog_commit() returns: what was announced */
};
int catalog_begin(struct catalog *c, enum catalog_sync sync, struct err *e) MUST_CHECK;
int catalog_commit(struct catalog *c, struct err *e) MUST_CHECK;
/* Does nothing without an open transaction. */
void catalog_rollback(struct catalog *c);
static inline void cleanup_catalog_txn(struct catalog **c)
{
	if (*c)
		catalog_rollback(*c);
}
/* A local that rolls the transaction back when its scope is left before a commit. */
#define CLEANUP_CATALOG_TXN CLEANUP(cleanup_catalog_txn)

/* What is read from here to catalog_looked() is of one moment, whatever others write meanwhile: each statement by itself sees what is there
 * when it begins. Within a transaction, or another look, it is so already (*began is false). */
int catalog_look(struct catalog *c, bool *began, struct err *e) MUST_CHECK;
void catalog_looked(struct catalog *c, bool began);

/* A number that is another one whenever anything was written since it was last asked, by whomever. What is read after it was asked is that old or newer. */
int catalog_generation(struct catalog *c, uint64_t *out, struct err *e) MUST_CHECK;

/* For who is going to read all of some table: the file is mapped from here on, where its many small pages cost no call and no
 * copy each. (What a broken disk then does is a signal, no error, so it is not for who writes.) */
void catalog_read_much(struct catalog *c);

int cat_prepare(struct catalog *c, struct cat_stmt **out, struct err *e, const char *sql, const char *types,
		...) MUST_CHECK;
/* 1: a row is there, 0: no more, negative: failed. */
int cat_step(struct cat_stmt *s, struct err *e) MUST_CHECK;
const char *cat_text(struct cat_stmt *s, int column); /* NULL for NULL */
int64_t cat_int(struct cat_stmt *s, int column);
bool cat_null(struct cat_stmt *s, int column);
void cat_finish(struct cat_stmt *s); /* NULL allowed */
static inline void cleanup_cat_stmt(struct cat_stmt **s)
{
	cat_finish(*s);
}
#define CLEANUP_STMT CLEANUP(cleanup_cat_stmt)

/* A statement without rows. Gives the number of rows changed. A broken UNIQUE or FOREIGN KEY is ERR_CONFLICT,
 * the one with the code -EEXIST, the other with -ENOENT. */
int cat_exec(struct catalog *c, struct err *e, const char *sql, const char *types, ...) MUST_CHECK;

#endif
