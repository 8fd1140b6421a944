#include "api/docker/image_names.h"

#include <string.h>

#include "base/json.h"

int image_name_of(struct arena *a, const char *repository, const char *tag, const char **out, struct err *e)
{
	size_t len = repository ? strlen(repository) : 0;

	/* an old client's way to ask for all tags */
	if (len && repository[len - 1] == ':')
		len--;
	if (!len)
		return err_set(e, ERR_INVALID, "invalid reference format: the name is empty");
	if (!tag || !*tag)
		*out = arena_strndup(a, repository, len);
	else
		*out = arena_printf(a, "%.*s%s%s", (int)len, repository, strchr(tag, ':') ? "@" : ":", tag);
	return *out ? 0 : err_errno(e, -ENOMEM, "a name");
}

int image_platform(struct arena *a, const char *text, const char **out, struct err *e)
{
	const struct json *said;
	const char *variant;

	*out = NULL;
	if (!text || !*text)
		return 0;
	*out = text;
	if (*text != '{')
		return 0;
	if (json_parse(a, text, strlen(text), NULL, &said, e) < 0)
		return err_ctx(e, "platform");
	variant = json_text(said, "variant", "");
	*out = arena_printf(a, "%s/%s%s%s", json_text(said, "os", "linux"), json_text(said, "architecture", ""), *variant ? "/" : "", variant);
	return *out ? 0 : err_errno(e, -ENOMEM, "platform");
}
