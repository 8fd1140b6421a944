#include "sys/newfs.h"

#include <string.h>

#include "sys/mnt.h"

int newfs_option(int fs, const char *option, struct err *e)
{
	const char *eq = strchr(option, '=');
	char key[64], why[200];
	size_t len = eq ? (size_t)(eq - option) : strlen(option);
	int r;

	if (!len || len >= sizeof(key))
		return err_set(e, ERR_INVALID, "bad option \"%s\"", option);
	memcpy(key, option, len);
	key[len] = '\0';
	r = mnt_fsconfig(fs, key, eq ? eq + 1 : NULL);
	if (r == 0)
		return 0;
	mnt_fs_message(fs, why, sizeof(why));
	return why[0] ? err_errno(e, r, "option \"%s\": %s", option, why) : err_errno(e, r, "option \"%s\"", option);
}

int newfs_mount(const char *type, const char *source, const char *const *data, uint64_t attr, struct err *e)
{
	CLEANUP_FD int fs = mnt_fsopen(type);
	char why[200];
	int r;

	if (fs == -ENODEV)
		return err_set(e, ERR_UNSUPPORTED, "this kernel has no file system \"%s\"", type);
	if (fs < 0)
		return err_errno(e, fs, "file system %s", type);
	/* "none" and the like are refused by some types, and only shown by the others */
	if (source && mnt_fsconfig(fs, "source", source) < 0)
		mnt_fs_message(fs, why, sizeof(why));
	for (; data && *data; data++) {
		r = newfs_option(fs, *data, e);
		if (r < 0)
			return r;
	}
	r = mnt_fsmount(fs, attr);
	if (r >= 0)
		return r;
	mnt_fs_message(fs, why, sizeof(why));
	return why[0] ? err_errno(e, r, "%s: %s", type, why) : err_errno(e, r, "%s", type);
}
