/* Ownership: scoped destructors and the macros that hand ownership on.
 *
 * The house has one cleanup idiom: a local that owns something is declared with a CLEANUP_* macro and leaves
 * its scope by return; what is handed to a caller goes through take_ptr()/take_fd(). Destructors accept NULL
 * and -1. Modules with a destructor of their own use CLEANUP(fn) with a function taking a pointer to the local. */
#ifndef TARE_BASE_CLEANUP_H
#define TARE_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_FD CLEANUP(cleanup_fd)
#define CLEANUP_DIR CLEANUP(cleanup_dir)

/* Values that must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free(void *p)
{
	void **pp = p;
	free(*pp);
	*pp = NULL;
}

/* Closes fd if it is one and returns -1, so that `x = close_fd(x)` leaves no stale number. Keeps errno. */
static inline int close_fd(int fd)
{
	if (fd >= 0) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
	}
	return -1;
}

static inline void cleanup_fd(int *fd)
{
	*fd = close_fd(*fd);
}

/* closedir() for a DIR * local; declared here without <dirent.h>. */
void cleanup_dir(void *dirp);

static inline int take_fd(int *fd)
{
	int r = *fd;
	*fd = -1;
	return r;
}

#define take_ptr(p)                                                                                                    \
	({                                                                                                             \
		__auto_type take_pp = &(p);                                                                            \
		__auto_type take_v = *take_pp;                                                                         \
		*take_pp = NULL;                                                                                       \
		take_v;                                                                                                \
	})

#endif
