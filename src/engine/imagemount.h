/* `tare image mount`: an image's files at a place of the caller's mount namespace, read-only, as long as he wants them.
 *
 * Nobody serves it: STATE/image-mounts/NAME/info.json says of which image a mount is, where, in which mount namespace and which one it is
 * there. While it is mounted the image stays: whoever removes images asks imagemount_of() under the catalog's write lock, under which the
 * entry is made, too. An entry whose mount is gone, by umount(8) or with its namespace, is forgotten by whoever finds it; a reboot
 * takes all away. */
#ifndef TARE_ENGINE_IMAGEMOUNT_H
#define TARE_ENGINE_IMAGEMOUNT_H

#include "base/arena.h"
#include "engine/engine.h"

struct imagemount {
	const char *name;  /* of its entry */
	const char *image; /* id */
	const char *path;
	uint64_t namespace, mount; /* numbers of the mount namespace, and of the mount in it */
	bool here;         /* in our namespace */
};

/* what: as image_find() takes it; path: an existing folder, NULL: a place of our own. *where in a. ERR_UNSUPPORTED: of an ordinary user, whose
 * mounts nobody else would see. */
int imagemount_make(const struct engine *en, struct arena *a, const char *what, const char *path, const char **where, struct err *e) MUST_CHECK;
/* All that are there. */
int imagemount_list(const struct engine *en, struct arena *a, struct imagemount **out, size_t *n, struct err *e) MUST_CHECK;
/* Where one of the image is; NULL: nowhere. */
int imagemount_of(const struct engine *en, struct arena *a, const char *image, const char **where, struct err *e) MUST_CHECK;
/* Takes it away. force: also when somebody is in it, who keeps what he has open. ERR_BUSY; ERR_CONFLICT: it is in another namespace. */
int imagemount_end(const struct engine *en, const struct imagemount *m, bool force, struct err *e) MUST_CHECK;

#endif
