#include "engine/pairs.h"

#include <stdio.h>
#include <string.h>

void pairs_write(struct json_writer *w, const char *key, struct strv v)
{
	jw_object(w, key);
	for (size_t i = 0; i < v.n; i++) {
		const char *eq = strchr(v.v[i], '=');
		size_t len = eq ? (size_t)(eq - v.v[i]) : strlen(v.v[i]);
		char name[PAIRS_KEY_MAX + 1];
		bool again = len >= sizeof(name);

		for (size_t k = i + 1; k < v.n && !again; k++)
			again = strncmp(v.v[k], v.v[i], len) == 0 && (v.v[k][len] == '=' || !v.v[k][len]);
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, v.v[i]);
		if (!again)
			jw_str(w, name, eq ? eq + 1 : "");
	}
	jw_end_object(w);
}
