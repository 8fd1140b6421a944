#include "build/filemode.h"

#include <stdlib.h>
#include <string.h>

#define ALL 07777

/* Whom: bits that a clause may touch. */
static mode_t take_who(const char **s)
{
	mode_t who = 0;

	for (; **s && strchr("ugoa", **s); (*s)++)
		who |= **s == 'u' ? 04700 : **s == 'g' ? 02070 : **s == 'o' ? 01007 : ALL;
	return who ? who : ALL;
}

static mode_t bits_of(char c, mode_t now, bool is_dir)
{
	switch (c) {
	case 'r':
		return 0444;
	case 'w':
		return 0222;
	case 'x':
		return 0111;
	case 'X':
		return is_dir || (now & 0111) ? 0111 : 0;
	case 's':
		return 06000;
	default:
		return 01000;
	}
}

/* What: letters, or one of u, g, o, whose bits everybody gets. */
static mode_t take_what(const char **s, mode_t now, bool is_dir)
{
	mode_t what = 0, shift;

	if (**s && strchr("ugo", **s)) {
		shift = **s == 'u' ? 6 : **s == 'g' ? 3 : 0;
		(*s)++;
		return (now >> shift & 7) * 0111;
	}
	for (; **s && strchr("rwxXst", **s); (*s)++)
		what |= bits_of(**s, now, is_dir);
	return what;
}

static int symbolic(const char *s, mode_t now, bool is_dir, mode_t *out)
{
	for (;;) {
		mode_t who = take_who(&s);

		if (!*s || !strchr("+-=", *s))
			return -EINVAL;
		while (*s && strchr("+-=", *s)) {
			char how = *s++;
			mode_t what = take_what(&s, now, is_dir) & who;

			now = how == '+' ? now | what : how == '-' ? now & ~what : (now & ~who) | what;
		}
		if (!*s)
			break;
		if (*s++ != ',')
			return -EINVAL;
	}
	*out = now;
	return 0;
}

int df_filemode(const char *text, mode_t old, bool is_dir, mode_t *out)
{
	size_t len = strlen(text);

	if (!len || strspn(text, "01234567") != len)
		return symbolic(text, old & ALL, is_dir, out);
	if (len > 8 || strtoul(text, NULL, 8) > ALL)
		return -EINVAL;
	*out = (mode_t)strtoul(text, NULL, 8);
	return 0;
}
