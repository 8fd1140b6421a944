#include "engine/format.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define MAX_LINE 64U

/* Whose folder it is, by what only theirs have; NULL: nobody's we know. Ours in there would be a mess for both. */
static const char *others(int root_fd)
{
	static const char *const rows[][2] = { { "image/overlay2", "Docker" },
					       { "engine-id", "Docker" },
					       { "containerd/daemon", "Docker" },
					       { "overlay2/l", "Docker" },
					       { "io.containerd.content.v1.content", "containerd" },
					       { "io.containerd.metadata.v1.bolt", "containerd" },
					       { "overlay-images", "podman" },
					       { "vfs-images", "podman" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (faccessat(root_fd, rows[i][0], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return rows[i][1];
	return NULL;
}

int format_check(int root_fd, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char shown[100];
	size_t len = 0;
	int r = io_read_file(root_fd, "format", MAX_LINE, &text, &len);

	if (r == -ENOENT) {
		const char *whose = others(root_fd);

		if (whose)
			return err_set(e, ERR_CONFLICT, "%s is a store of %s, and nothing of tare's is made in there: use another --root", path, whose);
		r = io_replace_file(root_fd, "format", FORMAT_NUMBER "\n", strlen(FORMAT_NUMBER "\n"), 0600, true);
		return r < 0 ? err_errno(e, r, "make %s/format", path) : 0;
	}
	if (r < 0 && r != -EFBIG)
		return err_errno(e, r, "read %s/format", path);
	if (r == 0 && len == strlen(text) && strcmp(text, FORMAT_NUMBER "\n") == 0)
		return 0;
	if (r == 0 && len > 1 && len == strlen(text) && strspn(text, "0123456789") == len - 1 && text[len - 1] == '\n')
		return err_set(e, ERR_UNSUPPORTED, "the store %s has the format %.*s, this tare has " FORMAT_NUMBER ": use the tare that made it, or another --root",
			       path, (int)len - 1, text);
	return err_set(e, ERR_INVALID, "the store's format cannot be told: %s/format has '%s', not a number and a newline; is it a store of tare's?", path,
		       r == 0 ? text_escape(text, shown, sizeof(shown)) : "more than a line");
}
