/* The texts are the program's own: nothing in them is distrusted. */
#include "cmd/cli_topic.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define INDENT 4
#define HEAD "# NAME\n"

const struct cli_topic *cli_topic_find(const struct cli_topic *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const char *cli_topic_about(const struct cli_topic *t, size_t *len)
{
	const char *about = text_starts(t->text, HEAD) ? t->text + strlen(HEAD) : t->text;

	*len = strcspn(about, "\n");
	return about;
}

const char *cli_topic_body(const struct cli_topic *t)
{
	size_t len;
	const char *about = cli_topic_about(t, &len);

	return about[len] ? about + len + 1 : about + len;
}

/* Columns: of UTF-8 only what begins a character. */
static size_t width_of(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += s[i] != '`' && ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

static void add_word(struct strbuf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] != '`')
			sb_putc(out, s[i]);
}

/* A line of the text, which is a whole paragraph, broken between words; what is in backticks may have blanks and stays whole. */
static void fill(struct strbuf *out, const char *s, size_t len, const char *first, size_t indent, size_t columns)
{
	size_t at = indent;
	bool fresh = true;

	sb_fill(out, ' ', indent - strlen(first));
	sb_puts(out, first);
	while (len) {
		size_t n = 0, width;
		bool quoted = false;

		for (; n < len && (quoted || s[n] != ' '); n++)
			quoted ^= s[n] == '`';
		width = width_of(s, n);
		if (!fresh && at + 1 + width > columns) {
			sb_putc(out, '\n');
			sb_fill(out, ' ', indent);
			at = indent;
		} else if (!fresh) {
			sb_putc(out, ' ');
			at++;
		}
		add_word(out, s, n);
		at += width;
		fresh = false;
		while (n < len && s[n] == ' ')
			n++;
		s += n;
		len -= n;
	}
	sb_putc(out, '\n');
}

static void show_line(struct strbuf *out, const char *line, size_t len, size_t columns)
{
	if (len > 2 && strncmp(line, "# ", 2) == 0) {
		sb_putc(out, '\n');
		sb_add(out, line + 2, len - 2);
		sb_putc(out, '\n');
	} else if (len > INDENT && strncmp(line, "    ", INDENT) == 0) {
		sb_fill(out, ' ', INDENT);
		sb_add(out, line, len);
		sb_putc(out, '\n');
	} else if (len > 2 && strncmp(line, "- ", 2) == 0) {
		fill(out, line + 2, len - 2, "- ", INDENT + 2, columns);
	} else if (len) {
		fill(out, line, len, "", INDENT, columns);
	} else {
		sb_putc(out, '\n');
	}
}

void cli_topic_show(const struct cli_topic *t, size_t columns, struct strbuf *out)
{
	size_t len;
	const char *about = cli_topic_about(t, &len), *at = cli_topic_body(t);

	sb_printf(out, "%s: %.*s\n", t->name, (int)len, about);
	while (*at) {
		len = strcspn(at, "\n");
		show_line(out, at, len, columns < 40 ? 40 : columns);
		at += len + (at[len] == '\n');
	}
}
