#include "build/flags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "build/dockerfile.h"

const char *df_nearest(const char *what, const char *const *names, size_t n, size_t stride)
{
	struct nearest near = NEAREST(what);
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)names + i * stride);

		if (nearest_offer(&near, name))
			found = name;
	}
	return found;
}

int df_no_choice(const char *what, const char *value, const char *const *names, size_t n, struct err *e)
{
	const char *near = df_nearest(value, names, n, sizeof(*names));
	char all[128] = "";

	if (near)
		return err_set(e, ERR_INVALID, "%s=%.40s: there is no such (did you mean %s?)", what, value, near);
	for (size_t i = 0, at = 0; i < n && at < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", names[i]);
	return err_set(e, ERR_INVALID, "%s=%.40s: want %s", what, value, all);
}

static int unknown(const char *flag, size_t len, const struct df_flag *table, size_t n, struct err *e)
{
	char name[32];
	const char *near;

	(void)snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), flag);
	if (!n)
		return err_set(e, ERR_INVALID, "unknown flag --%s: it has none", name);
	near = df_nearest(name, &table->name, n, sizeof(*table));
	if (!near)
		return err_set(e, ERR_INVALID, "unknown flag --%s", name);
	return err_set(e, ERR_INVALID, "unknown flag --%s (did you mean --%s?)", name, near);
}

static int set_choice(const struct df_flag *row, const char *value, enum df_choice *out, struct err *e)
{
	if (!value || strcasecmp(value, "true") == 0)
		*out = DF_YES;
	else if (strcasecmp(value, "false") == 0)
		*out = DF_NO;
	else
		return err_set(e, ERR_INVALID, "--%s=%.40s: want true or false", row->name, value);
	return 0;
}

static int set(struct arena *a, const struct df_flag *row, const char *value, void *place, struct err *e)
{
	switch (row->kind) {
	case DF_FLAG_CHOICE:
		return set_choice(row, value, place, e);
	case DF_FLAG_NOT:
		return err_set(e, ERR_UNSUPPORTED, "--%s is not supported by tare", row->name);
	case DF_FLAG_LIST:
	case DF_FLAG_TEXT:
		break;
	}
	if (!value)
		return err_set(e, ERR_INVALID, "--%s wants a value: --%s=…", row->name, row->name);
	if (row->kind == DF_FLAG_TEXT)
		*(const char **)place = value;
	else if (!df_list_add(a, place, value))
		return err_errno(e, -ENOMEM, "--%s", row->name);
	return 0;
}

int df_flags(struct arena *a, const struct df_list *flags, const struct df_flag *table, size_t n, void *into,
	     struct err *e)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < flags->n; i++) {
		const char *flag = flags->v[i] + 2, *eq = strchr(flag, '=');
		size_t len = eq ? (size_t)(eq - flag) : strlen(flag), row = 0;

		while (row < n && (strlen(table[row].name) != len || strncmp(table[row].name, flag, len) != 0))
			row++;
		if (row == n)
			return unknown(flag, len, table, n, e);
		if (table[row].kind != DF_FLAG_LIST && (seen & (1U << row)))
			return err_set(e, ERR_INVALID, "--%s was there already", table[row].name);
		seen |= 1U << row;
		if (set(a, &table[row], eq ? eq + 1 : NULL, (char *)into + table[row].offset, e) < 0)
			return e->code;
	}
	return 0;
}
