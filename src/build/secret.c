#include "build/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

#define SECRET_MAX (500U << 10)

int secret_read(const struct build *b, const char *id, char **out, size_t *len, struct err *e)
{
	const struct build_secret *s = NULL;
	const char *value;
	int r;

	for (size_t i = 0; !s && i < b->args->n_secrets; i++)
		if (strcmp(b->args->secrets[i].id, id) == 0)
			s = &b->args->secrets[i];
	if (!s)
		return 0;
	if (s->env) {
		value = getenv(s->env);
		*out = value ? strdup(value) : NULL;
		*len = value ? strlen(value) : 0;
		return *out ? 1 : err_set(e, ERR_NOTFOUND, "--secret id=%s: the environment has no %s", s->id, s->env);
	}
	r = io_read_file(AT_FDCWD, s->file, SECRET_MAX, out, len);
	return r < 0 ? err_errno(e, r, "--secret id=%s: %s", s->id, s->file) : 1;
}
