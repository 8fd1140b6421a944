/* A volume as a tar, and back: backups, and the way to another machine. Ids are those that containers see. */
#ifndef TARE_ENGINE_VOLUME_COPY_H
#define TARE_ENGINE_VOLUME_COPY_H

#include "engine/volume.h"
#include "image/limits.h"

/* All that is in it to out (a file, pipe or socket), by tare-worker; containers may write meanwhile. ERR_UNSUPPORTED: a volume in memory. */
int volume_export(const struct engine *en, struct arena *a, const char *name, int out, struct err *e) MUST_CHECK;

/* The files of a tar (plain, gzip, zstd, bzip2, xz; file, pipe or socket) into the volume, which must be there. tare-worker unpacks it into a staging folder, shut up; only
 * when all of it is there is it laid over what the volume has, without following any link: into an empty one all at once, else file by
 * file, each when it is whole, and what the tar does not have stays. Device nodes, sockets and FIFOs are left out. input_name: for messages. */
int volume_import(const struct engine *en, struct arena *a, const char *name, int input, const char *input_name, const struct image_limits *limits,
		  struct err *e) MUST_CHECK;

#endif
