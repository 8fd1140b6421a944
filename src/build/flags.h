/* Flags of an instruction: a table says which there are, of what kind, and where their values go. */
#ifndef TARE_BUILD_FLAGS_H
#define TARE_BUILD_FLAGS_H

#include "build/split.h"

enum df_flag_kind {
	DF_FLAG_TEXT,   /* const char *; NULL without */
	DF_FLAG_CHOICE, /* enum df_choice: --x, --x=true, --x=false */
	DF_FLAG_LIST,   /* struct df_list; may come again */
	DF_FLAG_NOT,    /* one that Docker has and tare has not */
};

struct df_flag {
	const char *name;
	enum df_flag_kind kind;
	size_t offset; /* in what the values go into */
};

/* Reads flags ("--name=value") by n rows of table into `into`. ERR_INVALID: unknown (the nearest is named), twice,
 * without or with a wrong value; ERR_UNSUPPORTED. */
int df_flags(struct arena *a, const struct df_list *flags, const struct df_flag *table, size_t n, void *into,
	     struct err *e) MUST_CHECK;

/* The name nearest to what, whatever its case, when near enough to be a slip; else NULL. stride: bytes from one pointer
 * to the next. */
const char *df_nearest(const char *what, const char *const *names, size_t n, size_t stride);

/* ERR_INVALID: value is none of the names, of which the nearest is said, or all. */
int df_no_choice(const char *what, const char *value, const char *const *names, size_t n, struct err *e);

#endif
