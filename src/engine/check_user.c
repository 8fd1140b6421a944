/* What an ordinary user's containers need of the machine for their networks; that he has ids of his own shows when he comes here. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/check.h"
#include "engine/usernet.h"

int check_user(const struct engine *en, struct checks *c, struct err *e)
{
	(void)e;
	if (!usernet_installed("pasta") && !usernet_installed("slirp4netns"))
		check_add(c, true, "programs", "neither pasta nor slirp4netns is installed: containers have no network", "install Debian's package passt");
	if (access(USERNET_TUN, R_OK | W_OK) < 0)
		check_add(c, true, USERNET_TUN, check_text(c, "cannot be opened (%s): containers have no network", strerror(errno)),
			  "as root: modprobe tun; chmod 666 " USERNET_TUN);
	if (en->user.ids < 65536)
		check_add(c, false, "/etc/subuid, /etc/subgid", check_text(c, "%u ids are yours: images with others cannot be loaded", en->user.ids),
			  "as root: usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST NAME");
	return 0;
}
