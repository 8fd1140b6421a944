/* The store of images on disk: blobs by digest, unpacked layers by chain id (docs/formats.md has the layout).
 *
 * Whatever stands under its final name is whole, verified and durable: it was made under ingest/RANDOM, synced, and
 * renamed. Digests and chain ids are written "sha256:" and 64 lower-case hex digits everywhere.
 *
 * Locks: ingest/load.lock is held shared from the begin to the end of every ingest that brings something in and exclusively while store_gc() looks
 * for garbage, so nothing vanishes between "is there already" and the catalog row that keeps it. ingest/RANDOM/lock
 * tells a running ingest from an abandoned one. */
#ifndef TARE_IMAGE_STORE_H
#define TARE_IMAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/digest.h"

#define STORE_LAYER_PATH_LEN (7 + 64 + 3 + 1) /* "layers/HEX/fs" */

struct store {
	int root, blobs, layers, ingest; /* O_DIRECTORY fds, owned */
};
#define STORE_INIT { -1, -1, -1, -1 }
#define CLEANUP_STORE CLEANUP(store_close)

/* Opens the store below root (an open folder, /var/lib/tare; borrowed) and makes the folders that are missing. */
int store_open(int root, struct store *out, struct err *e) MUST_CHECK;
void store_close(struct store *s);

bool store_has_blob(const struct store *s, const char *digest);
bool store_has_layer(const struct store *s, const char *chain_id);

/* O_RDONLY fd of a blob. ERR_NOTFOUND when it is not there. */
int store_blob_open(const struct store *s, const char *digest, struct err *e) MUST_CHECK;
/* All of a (small) blob, NUL-terminated, to be free()d; ERR_LIMIT above max bytes. len may be NULL. */
int store_blob_read(const struct store *s, const char *digest, size_t max, char **out, size_t *len,
		    struct err *e) MUST_CHECK;
/* Path below the root of a layer's tree, "layers/HEX/fs": an overlay lower. */
void store_layer_path(const char *chain_id, char out[STORE_LAYER_PATH_LEN]);
/* O_PATH fd of that tree. */
int store_layer_open(const struct store *s, const char *chain_id, struct err *e) MUST_CHECK;

/* What is known of an unpacked layer; kept beside its tree (layers/HEX/info.json), so that the catalog can be rebuilt. */
struct store_layer_info {
	char diff_id[DIGEST_LEN + 1];
	uint64_t size;    /* bytes of its files */
	uint64_t entries; /* files, folders, links… */
	uint32_t max_id;  /* highest uid or gid in it */
};
int store_layer_info(const struct store *s, const char *chain_id, struct store_layer_info *out,
		     struct err *e) MUST_CHECK;

/* Keeps store_gc() from what is in the store as long as the handle that it gives is open. Whoever then finds something of the catalog in
 * the store has it. Waits while a store_gc() looks for garbage. */
int store_hold(const struct store *s, struct err *e) MUST_CHECK;

/* ---- bringing something in ---- */

struct store_ingest {
	const struct store *store;
	char name[33];
	int dir;    /* ingest/NAME; holds `blobs/` and `layers/` */
	int lock;   /* ingest/NAME/lock, flock()ed exclusively */
	int shared; /* ingest/load.lock, flock()ed shared */
};
#define STORE_INGEST_INIT { .dir = -1, .lock = -1, .shared = -1 }
#define CLEANUP_INGEST CLEANUP(store_ingest_end)

/* Makes a staging folder of our own; waits while a store_gc() looks for garbage. */
int store_ingest_begin(const struct store *s, struct store_ingest *out, struct err *e) MUST_CHECK;
/* For who brings nothing in: the staging folder stays his, and nothing in the store is kept for him any more. Nothing of it may be committed then. */
void store_ingest_alone(struct store_ingest *in);
/* A blob of the store is in the staging folder, too, and stays there when the store gives it up. One that is missing is fine. */
int store_ingest_keep(struct store_ingest *in, const char *digest, struct err *e) MUST_CHECK;
/* Writes a small blob into the staging folder and gives its digest. */
int store_ingest_blob(struct store_ingest *in, const void *data, size_t len, char digest[DIGEST_LEN + 1],
		      struct err *e) MUST_CHECK;
/* O_RDONLY fd of a blob, staged or in the store; a regular file. */
int store_ingest_open(const struct store_ingest *in, const char *digest, struct err *e) MUST_CHECK;
/* A small blob, staged or in the store; its bytes are checked against the digest. To be free()d. */
int store_ingest_read(const struct store_ingest *in, const char *digest, size_t max, char **out, size_t *len,
		      struct err *e) MUST_CHECK;
/* Marks the folders of a staged layer that the worker listed in its `opaque` file (it has no right to set trusted.*
 * itself) and removes that file. */
int store_ingest_opaque(struct store_ingest *in, const char *chain_id, struct err *e) MUST_CHECK;
/* The files of a staged layer: an fd. */
int store_ingest_tree(const struct store_ingest *in, const char *chain_id, struct err *e) MUST_CHECK;
/* Writes info.json of a staged layer. */
int store_ingest_layer_info(struct store_ingest *in, const char *chain_id, const struct store_layer_info *info,
			    struct err *e) MUST_CHECK;
/* Makes everything staged durable; once, before the first commit. */
int store_ingest_sync(struct store_ingest *in, struct err *e) MUST_CHECK;
/* As store_ingest_sync(), for what is in the staging folder's `blobs` and `layers` alone: quick when that is little. */
int store_ingest_sync_staged(struct store_ingest *in, struct err *e) MUST_CHECK;
/* Moves staged blobs/HEX or layers/HEX to its final name. Something of that name there already wins and the staged
 * one is dropped at the end; a thing already in the store and not staged is fine too. Refuses what is no regular file
 * (blob) or folder with fs/ (layer): the staging folder was written by a worker that may have been taken over. */
int store_commit_blob(struct store_ingest *in, const char *digest, struct err *e) MUST_CHECK;
int store_commit_layer(struct store_ingest *in, const char *chain_id, struct err *e) MUST_CHECK;
/* As store_commit_layer(), but a layer in the store of that name goes, with the staging folder: whoever has it mounted must not be there. */
int store_replace_layer(struct store_ingest *in, const char *chain_id, struct err *e) MUST_CHECK;
/* Makes the names of all commits durable. */
int store_commit_sync(struct store_ingest *in, struct err *e) MUST_CHECK;
/* Removes the staging folder with what is left in it and drops the locks. Call it after the catalog names what was
 * committed: until then store_gc() stays away. Harmless when nothing was begun. */
void store_ingest_end(struct store_ingest *in);

/* Removes the staging folders whose owner is gone; *removed: how many. Part of store_gc(). */
int store_ingest_sweep(const struct store *s, uint64_t *removed, struct err *e) MUST_CHECK;

/* ---- listing and removing ---- */

enum store_kind { STORE_BLOB, STORE_LAYER };

/* Calls fn for each blob or layer; a nonzero result ends the walk and is given back. */
typedef int (*store_list_fn)(const char *digest, void *data);
int store_list(const struct store *s, enum store_kind kind, store_list_fn fn, void *data, struct err *e) MUST_CHECK;

/* Removes one thing that nothing refers to. Absent is fine. The caller must know that nobody needs it and that no
 * load is about to (it holds the catalog's write lock and no ingest runs); store_gc() knows that by itself. */
int store_remove(const struct store *s, enum store_kind kind, const char *digest, struct err *e) MUST_CHECK;

struct store_gc_result {
	uint64_t blobs, layers, ingests, partials; /* removed */
	uint64_t bytes;                  /* freed on disk */
	bool busy;                       /* a load runs: only abandoned ingests were removed; call again after it */
};
#define STORE_PARTIAL_AGE (INT64_C(7) * 24 * 3600)
/* Removes abandoned ingests and what pulls left half fetched a week ago, then every blob and layer for which referenced() says false. While referenced() is called
 * no new load can begin (they wait), and none is running. */
typedef bool (*store_referenced_fn)(enum store_kind kind, const char *digest, void *data);
int store_gc(const struct store *s, store_referenced_fn referenced, void *data, struct store_gc_result *out,
	     struct err *e) MUST_CHECK;

/* Bytes on the disk of one thing; 0 when it is not there. */
uint64_t store_bytes(const struct store *s, enum store_kind kind, const char *digest);

struct store_usage {
	uint64_t blobs, blob_bytes, layers, layer_bytes, partials, partial_bytes; /* bytes on disk */
};
int store_usage(const struct store *s, struct store_usage *out, struct err *e) MUST_CHECK;

#endif
