#include "sys/fsids.h"

#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

void fsids_back(struct fsids *before)
{
	if (!before->on)
		return;
	(void)setfsuid(before->uid);
	(void)setfsgid(before->gid);
	(void)prctl(PR_SET_SECUREBITS, before->bits);
	before->on = false;
}

int fsids_become(uid_t uid, gid_t gid, struct fsids *before)
{
	int bits = prctl(PR_GET_SECUREBITS);

	/* without this bit the kernel takes the capabilities about files away with the id */
	if (bits < 0 || prctl(PR_SET_SECUREBITS, (unsigned long)bits | SECBIT_NO_SETUID_FIXUP) < 0)
		return -errno;
	before->bits = (unsigned long)bits;
	before->gid = (gid_t)setfsgid(gid);
	before->uid = (uid_t)setfsuid(uid);
	before->on = true;
	/* they tell no error: only what is in force */
	return (uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid ? -EPERM : 0;
}
