/* The scope's name and place are told from the user's number alone, so that a container's cgroup is the same for each command that looks for it, and after
 * a reboot. Whoever is in it already (what a monitor executes) needs no bus. */
#include "engine/usercgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/engine.h"
#include "sys/cgroup.h"
#include "sys/spawn.h"

#define PLACE "/sys/fs/cgroup"
#define SCOPE "/app.slice/tare.scope"
#define WAIT_MS 20000

static bool is_within(const char *cgroup)
{
	char own[PATH_MAX];
	size_t len = strlen(cgroup);

	return cg_path_of(0, own, sizeof(own)) == 0 && strncmp(own, cgroup, len) == 0 && own[len] == '/';
}

static bool has_bus(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR"), *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	char path[PATH_MAX];

	if (address && *address)
		return true;
	return run && *run && TEXT_JOIN(path, sizeof(path), run, "/bus") >= 0 && access(path, F_OK) == 0;
}

/* His, and with the controllers without which a limit would be an accident. */
static bool is_delegated(const char *manager)
{
	CLEANUP_FREE char *controllers = NULL;
	char folder[PATH_MAX], file[PATH_MAX];
	struct stat st;

	if (TEXT_JOIN(folder, sizeof(folder), PLACE, manager) < 0 || stat(folder, &st) < 0 || st.st_uid != geteuid() ||
	    TEXT_JOIN(file, sizeof(file), folder, "/cgroup.controllers") < 0 || io_read_file(AT_FDCWD, file, 4096, &controllers, NULL) < 0)
		return false;
	return strstr(controllers, "memory") && strstr(controllers, "pids");
}

void usercgroup_find(uid_t uid, char out[PATH_MAX])
{
	unsigned int number = uid;

	(void)snprintf(out, PATH_MAX, "/user.slice/user-%u.slice/user@%u.service", number, number);
	if (!cg_is_unified() || !is_delegated(out))
		out[0] = '\0';
	else
		(void)snprintf(out, PATH_MAX, "/user.slice/user-%u.slice/user@%u.service" SCOPE, number, number);
	if (*out && !is_within(out) && !has_bus())
		out[0] = '\0';
}

int usercgroup_enter(const char *cgroup, struct err *e)
{
	char path[PATH_MAX], said[500] = "";
	const char *argv[] = { path, "cgroup", cgroup, NULL };
	int r;

	if (!*cgroup || is_within(cgroup))
		return 0;
	r = engine_program("tare-monitor", path, e);
	if (r < 0)
		return r;
	r = spawn_tool(argv, -1, WAIT_MS, said, sizeof(said));
	if (r < 0)
		return err_errno(e, r, "%s", path);
	if (r == 0)
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "your systemd gives no cgroup for containers: %s", text_starts(said, "tare-monitor: ") ? said + strlen("tare-monitor: ") : said);
}
