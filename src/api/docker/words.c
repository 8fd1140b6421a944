#include "api/docker/words.h"

#include <stdio.h>
#include <string.h>

#include "image/ref.h"

#define IN_USE_BY " is in use by container " /* engine/network.c, of a network */

int words_no_container(const char *what, struct err *e)
{
	return e->cls == ERR_NOTFOUND ? err_set(e, ERR_NOTFOUND, "No such container: %s", what) : e->code;
}

int words_container(struct exchange *ex, struct engine **en, struct record *rec, struct live *live, struct err *e)
{
	const char *what = ex_param(ex, 0);
	int r = ex_engine(ex, en, e);

	if (r < 0)
		return r;
	r = settle_find(*en, ex_arena(ex), what, SETTLE_WAIT, rec, live, e);
	return r < 0 ? words_no_container(what, e) : r;
}

int words_no_image(struct arena *a, const char *image, struct err *e)
{
	struct image_ref ref;
	struct err ignored;
	const char *shown = image;

	if (e->cls != ERR_NOTFOUND)
		return e->code;
	if (strncmp(image, "sha256:", strlen("sha256:")) != 0 && image_ref_parse(a, image, &ref, &ignored) == 0)
		shown = image_ref_familiar(a, &ref);
	return err_set(e, ERR_NOTFOUND, "No such image: %s", shown ? shown : image);
}

int words_no_network(const char *what, struct err *e)
{
	return e->cls == ERR_NOTFOUND ? err_set(e, ERR_NOTFOUND, "network %s not found", what) : e->code;
}

int words_no_volume(const char *what, struct err *e)
{
	return e->cls == ERR_NOTFOUND ? err_set(e, ERR_NOTFOUND, "get %s: no such volume", what) : e->code;
}

int words_network_used(const char *name, struct err *e)
{
	const char *user = strstr(e->msg, IN_USE_BY);
	char who[128] = "";

	if (user)
		(void)snprintf(who, sizeof(who), "%s", user + strlen(IN_USE_BY));
	if (user)
		return err_set(e, ERR_DENIED, "error while removing network: network %s has active endpoints (name:\"%s\")", name, who);
	(void)err_ctx(e, "error while removing network");
	e->cls = ERR_DENIED;
	return e->code;
}

int words_name_taken(const struct engine *en, const char *name, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record rec;
	struct err ignored;

	if (e->cls != ERR_CONFLICT || record_find(en->catalog, &a, name, &rec, &ignored) < 0 || strcmp(rec.name, name) != 0)
		return e->code;
	return err_set(e, ERR_CONFLICT, "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to remove (or rename) that container "
					"to be able to reuse that name.", name, rec.id);
}

/* engine/endpoint.c's sentence; Docker's is a 500. */
static int port_taken(struct err *e)
{
	const char *taken = strstr(e->msg, " of the host is in use"), *port = taken ? strstr(e->msg, "port ") : NULL;
	char which[32];

	if (e->cls != ERR_CONFLICT || !port || port > taken)
		return e->code;
	(void)snprintf(which, sizeof(which), "%.*s", (int)(taken - port), port);
	return err_set(e, ERR_INTERNAL, "driver failed programming external connectivity: Bind for %s failed: port is already allocated", which);
}

int words_start_failed(const char *command, bool exec, struct err *e)
{
	static const char *const known[] = { "no such file or directory", "executable file not found", "permission denied" };
	char own[sizeof(e->msg)];
	const char *why = e->cls == ERR_CMD_NOEXEC ? "permission denied" : strchr(command, '/') ? "no such file or directory" : "executable file not found in $PATH";

	if (e->cls != ERR_CMD_NOEXEC && e->cls != ERR_CMD_MISSING)
		return port_taken(e);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(e->msg, known[i]))
			why = NULL;
	(void)snprintf(own, sizeof(own), "%s", e->msg);
	return err_set(e, e->cls, "%s: %.400s%s%s: unknown", exec ? "OCI runtime exec failed: exec failed" : "failed to create task for container", own, why ? ": " : "", why ? why : "");
}
